// How far a build is, in words and bars; what every part of the page that follows the index shares.

const STAGES = { reading: "Reading the articles", embedding: "Embedding the passages", keywords: "Indexing the words" };

function progressText({ stage, done, total: count, text }) {
  const told = {
    reading: () => say("Reading {done} of {count} article…|Reading {done} of {count} articles…", { done, count }),
    embedding: () => say("Embedding {done} of {count} passage…|Embedding {done} of {count} passages…", { done, count }),
    keywords: () =>
      say(
        "Indexing the words of {done} of {count} passage…|Indexing the words of {done} of {count} passages…",
        { done, count },
      ),
  };
  if (count > 1 && stage in told) return told[stage]();
  return text ? say(text) : "";
}

const bar = (ariaLabel, done, total) => make("progress", { ariaLabel }, total > 0 && { max: total, value: done });

// One line a stage, each with its bar; a stage that is not there yet has an empty one.
function drawStages(place, { stage, done, total, left }) {
  const at = Object.keys(STAGES).indexOf(stage);
  const line = (title, number) => {
    const past = number < at || (number === at && total > 0 && done >= total);
    const now = number === at && !past;
    const name = say(title);
    const time = now && left != null && say("about {time} left", { time: spokenTime(left) });
    return make(
      "li.stage",
      { dataset: { kind: past ? "done" : now ? "now" : "later" } },
      make("span.stage-name", name),
      now ? bar(name, done, Math.max(total, 1)) : bar(name, past ? 1 : 0, 1),
      make("span.stage-words", past ? say("done") : now && say("{done} of {total}", { done, total })),
      // Its line is there before its words: what stands below does not move when they come.
      number === at && make("span.stage-left", time),
    );
  };
  draw(place, Object.values(STAGES).map(line));
}

function spokenTime(seconds) {
  if (seconds < 60) return say("{count} second|{count} seconds", { count: Math.max(1, Math.round(seconds)) });
  return say("{count} minute|{count} minutes", { count: Math.round(seconds / 60) });
}

// What the page knows of the index comes here, and again whenever it changes.
function followIndex(hear) {
  on(window, "footnote:index", (event) => hear(event.detail));
  if (footnote.index) hear(footnote.index);
}
