// The index, a section of Settings: its state, what is in it, rebuilding it with its progress, watching the folder.

const room = element.querySelector(".index-room");
const [title, state, about, stages, actions, said, watching, facts, files] = [
  ".pane-title", ".index-state", ".index-about", ".stages", ".index-actions", ".index-said", ".index-watch", ".index-facts", ".index-files",
].map((each) => room.querySelector(each));
const KINDS = {
  loading: "Being opened", fresh: "Up to date", outdated: "The folder has changed", building: "Being built",
  failed: "The last build failed", cancelled: "The build was cancelled",
};
let asked = ""; // what was asked for here and is not done yet

function size(bytes) {
  const [amount, text] = bytes >= 1e9 ? [bytes / 1e9, "{size} GB"] : bytes >= 1e6 ? [bytes / 1e6, "{size} MB"] : [bytes / 1e3, "{size} kB"];
  return say(text, { size: footnote.number(amount, footnote.language, { maximumFractionDigits: 1 }) });
}

function words(value) {
  const { kind, text, serving, files: counts = {} } = value;
  if (kind === "outdated") {
    const parts = [
      counts.new && say("{count} new|{count} new", { count: counts.new }),
      counts.changed && say("{count} changed|{count} changed", { count: counts.changed }),
      counts.removed && say("{count} gone|{count} gone", { count: counts.removed }),
    ].filter(Boolean);
    return say("{changes}. The answers do not know of it yet.", { changes: parts.join(", ") || say("Something changed") });
  }
  if (kind === "building") return serving ? say("Questions go on meanwhile, answered from the index as it was.") : "";
  if (kind === "failed") return (serving ? say("The index as it was before goes on answering.") + " " : "") + text;
  if (kind === "cancelled") return say("The index is as it was before.");
  if (kind === "loading") return progressText(value) || text;
  return say("Every article of the folder is in it as it stands there.");
}

function act(name, text, kind) {
  const drawn = button(kind || "model-button", text, () => {
    if (asked === name) return;
    asked = name;
    tell(said, {});
    ask(name);
  });
  drawn.setAttribute("aria-disabled", String(asked === name)); // not `disabled`: that would take the focus away
  return keyed(name, drawn);
}

// gradio looks for the names of the events in this text.
function ask(name) {
  if (name === "rebuild") trigger("rebuild");
  if (name === "start_over") trigger("start_over");
  if (name === "cancel") trigger("cancel");
  if (name === "check") trigger("check");
}

function drawActions({ kind, serving }, busy) {
  const drawn = [];
  if (busy) drawn.push(act("cancel", say("Cancel the build")));
  else if (serving) drawn.push(act("rebuild", say("Rebuild")), act("check", say("Check for changes"), "action"), act("start_over", say("Rebuild from scratch"), "action quiet"));
  else if (kind === "failed") drawn.push(act("rebuild", say("Try to open it again")));
  // What has not changed stays: a button that is drawn anew while it is pressed does not hear of it.
  const looks = (buttons) => [...buttons].map((each) => each.textContent + each.ariaDisabled).join();
  if (looks(drawn) !== looks(actions.children)) drawInto(actions, drawn, title);
}

function fact(name, value) {
  return [make("dt", "", name), make("dd", "", value)];
}

function drawFacts({ contents = {}, files: counts = {} }) {
  if (!contents.name) {
    facts.replaceChildren(...fact(say("Articles"), say("none yet")));
    files.textContent = "";
    return;
  }
  const built = new Date(1000 * contents.built).toLocaleString(footnote.language === "en" ? "en-GB" : footnote.language, { dateStyle: "long", timeStyle: "short" });
  facts.replaceChildren(
    ...fact(say("Articles"), footnote.number(contents.articles)),
    ...fact(say("Passages"), footnote.number(contents.passages)),
    ...fact(say("Embedding model"), contents.embedder),
    ...fact(say("Built"), built),
    ...fact(say("Size on disk"), size(contents.size)),
    ...fact(say("Generation"), String(contents.generation)),
  );
  const out = [
    counts.failed && say("{count} file could not be read|{count} files could not be read", { count: counts.failed }),
    counts.skipped && say("{count} was skipped|{count} were skipped", { count: counts.skipped }),
  ].filter(Boolean);
  files.textContent = out.length ? say("{files}; the table of articles says why.", { files: out.join(", ") }) : "";
}

function drawIndex(value) {
  if (!value || !value.kind) return;
  const busy = value.kind === "building" || (value.kind === "loading" && value.stage !== "loading the model");
  if (asked !== "cancel" || !busy) asked = "";
  state.dataset.kind = value.kind;
  state.textContent = say(value.kind === "failed" && !value.serving ? "Could not be opened" : KINDS[value.kind] || "");
  about.textContent = words(value);
  stages.hidden = !busy;
  if (busy) drawStages(stages, value);
  drawActions(value, busy);
  watching.checked = value.watching;
  drawFacts(value);
}

watching.addEventListener("change", () => trigger("follow", { on: watching.checked }));
watch("value", () => {
  const value = props.value || {};
  tell(said, value);
  if ("said" in value && footnote.hear) return footnote.hear(value); // something was done, so nothing newer is known
  drawIndex(value);
  footnote.hurry?.();
});
followIndex(drawIndex);
drawIndex(props.value);
footnote.hurry?.();

// Whoever was led here finds it in view, as soon as the tab is drawn.
function arrive() {
  if (!footnote.toIndex) return;
  if (!title.offsetParent) return requestAnimationFrame(arrive);
  footnote.toIndex = false;
  reveal(title, "start");
}
window.addEventListener("footnote:to-index", arrive, { signal: listening.signal });
arrive();
