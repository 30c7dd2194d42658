// How far a build is, in words and bars; what every part of the page that follows the index shares.

const STAGES = ["reading", "embedding", "keywords"];
const STAGE_NAMES = { reading: "Reading the articles", embedding: "Embedding the passages", keywords: "Indexing the words" };

function progressText({ stage, done, total, text }) {
  const counted = total > 1;
  if (stage === "reading" && counted) return say("Reading {done} of {count} article…|Reading {done} of {count} articles…", { done, count: total });
  if (stage === "embedding" && counted) return say("Embedding {done} of {count} passage…|Embedding {done} of {count} passages…", { done, count: total });
  if (stage === "keywords" && counted) return say("Indexing the words of {done} of {count} passage…|Indexing the words of {done} of {count} passages…", { done, count: total });
  return text ? say(text) : "";
}

function bar(name, done, total) {
  const drawn = make("progress");
  drawn.setAttribute("aria-label", name);
  if (total > 0) {
    drawn.max = total;
    drawn.value = done;
  }
  return drawn;
}

// One line a stage, each with its bar; a stage that is not there yet has an empty one.
function drawStages(place, state) {
  const at = STAGES.indexOf(state.stage);
  place.replaceChildren(
    ...STAGES.map((stage, number) => {
      const item = make("li", "stage");
      const name = say(STAGE_NAMES[stage]);
      const past = number < at || (number === at && state.total > 0 && state.done >= state.total);
      const [done, total] = number === at && !past ? [state.done, Math.max(state.total, 1)] : [past ? 1 : 0, 1];
      item.dataset.kind = past ? "done" : number === at ? "now" : "later";
      const words = past ? say("done") : number === at ? say("{done} of {total}", { done: state.done, total: state.total }) : "";
      item.append(make("span", "stage-name", name), bar(name, done, total), make("span", "stage-words", words));
      // Its line is there before its words: what stands below does not move when they come.
      const left = !past && state.left != null ? say("about {time} left", { time: spokenTime(state.left) }) : "";
      if (number === at) item.append(make("span", "stage-left", left));
      return item;
    }),
  );
}

function spokenTime(seconds) {
  const minutes = Math.round(seconds / 60);
  return seconds >= 60
    ? say("{count} minute|{count} minutes", { count: minutes })
    : say("{count} second|{count} seconds", { count: Math.max(1, Math.round(seconds)) });
}

// What the page knows of the index comes here, and again whenever it changes.
function followIndex(draw) {
  window.addEventListener("footnote:index", (event) => draw(event.detail), { signal: listening.signal });
  if (footnote.index) draw(footnote.index);
}
