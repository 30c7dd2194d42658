// The line under the name: what is being loaded or built, what went wrong, or what the reader should know. It also follows the
// index for the whole page: what it hears goes to every part that shows something of it.

const status = element.querySelector(".status");
const keyless = element.querySelector(".keyless");
const spoken = element.querySelector(".masthead-said");
let timer = 0;
let said = "";
let arrived = false; // at the tab that the address names
let newest = 0; // the answer that was asked for last: one that comes later is older
let line = ""; // what is drawn: the same is not drawn again, or it would be read aloud again and a click might miss its button

function drawLine(kind, text, progress, action) {
  const wanted = [kind, text, progress?.done, progress?.total, action?.textContent].join("\n");
  if (wanted === line) return;
  line = wanted;
  const focused = status.contains(document.activeElement);
  status.dataset.kind = kind;
  status.hidden = !text;
  // Counts that change twice a second are not read aloud; the stages are, below.
  status.setAttribute("aria-live", kind === "loading" ? "off" : "polite");
  const parts = [make("span", "status-text", text)];
  if (progress) parts.push(bar(say("Progress"), progress.done, progress.total));
  if (action) parts.push(action);
  status.replaceChildren(...parts);
  if (focused) (action || document.querySelector('#rooms [role="tab"][aria-selected="true"]'))?.focus({ preventScroll: true });
}

function drawServing(state) {
  const failed = (state.files || {}).failed || 0;
  const unread = failed ? say("{count} file could not be read; Articles says why.|{count} files could not be read; Articles says why.", { count: failed }) : "";
  if (state.kind === "building") drawLine("loading", progressText(state), state);
  else if (state.kind === "outdated") drawLine("ready", say("The folder of articles has changed."), null, button("again", say("Update the index"), () => beat("rebuild")));
  else if (state.kind === "cancelled" || state.kind === "failed") drawLine("ready", state.text, null, button("again", say("Show the index"), showIndex));
  else drawLine("ready", state.folder || unread);
}

// The model that Footnote was started with has no key: answers come without it until one is entered.
function drawKeyless(model) {
  keyless.hidden = !model;
  if (!model) return;
  const text = say("{model} needs a key; until it has one, answers are the articles’ own sentences.", { model });
  const open = button("action", say("Enter it in Settings"), () => document.getElementById("settings-tab-button").click());
  keyless.replaceChildren(make("span", "status-text", text), open);
}

function drawStatus() {
  const state = footnote.index;
  if (!state) drawLine("loading", "");
  else if (state.serving) drawServing(state);
  else if (state.kind === "loading") drawLine("loading", progressText(state) || state.text, state);
  else drawLine("failed", state.text, null, button("again", say("Try again"), () => beat("rebuild")));
}

function speak(state) {
  const stage = state.kind === "building" || state.kind === "loading" ? STAGE_NAMES[state.stage] : "";
  const text = stage ? say(stage) : said && state.kind === "fresh" ? say("The index is up to date.") : "";
  if (text === said) return;
  said = text;
  spoken.textContent = text;
}

function hear(state) {
  footnote.index = state;
  window.dispatchEvent(new CustomEvent("footnote:index", { detail: state }));
  drawStatus();
  speak(state);
  if (!arrived) showTab(); // by now gradio has drawn the tabs
}

async function beat(wish) {
  clearTimeout(timer);
  if (document.hidden && !wish) return; // it comes again when somebody looks
  const number = ++newest;
  let state = null;
  try {
    state = await server.index_beat(wish || "");
  } catch {} // no server any more: nothing to tell
  if (listening.signal.aborted || (number !== newest && !wish)) return;
  if (state) hear(state);
  clearTimeout(timer);
  timer = setTimeout(beat, 1000 * (state ? state.wait : 60));
}

footnote.hurry = () => beat();
// What another part of the page was told of the index: all show it in one go, or what comes later would move what is pressed.
footnote.hear = (state) => {
  hear(state);
  beat();
};
document.addEventListener("visibilitychange", () => document.hidden || beat(), { signal: listening.signal });
listening.signal.addEventListener("abort", () => clearTimeout(timer));

// The tab that is shown stands in the address, and Back leads to the one before.
function showTab() {
  if (inAddress("tab") === "index") {
    writeAddress({ tab: "settings" }); // where it is since it has no tab of its own
    showIndex();
  }
  const shown = document.getElementById((inAddress("tab") || "ask") + "-tab-button");
  arrived ||= Boolean(shown);
  if (shown?.ariaSelected !== "true") shown?.click();
}
function showIndex() {
  document.getElementById("settings-tab-button")?.click();
  footnote.toIndex = true;
  window.dispatchEvent(new Event("footnote:to-index"));
}
footnote.tab = (name) => {
  const tab = name === "ask" ? "" : name;
  if (arrived && tab !== inAddress("tab")) writeAddress({ tab }, true);
};
window.addEventListener("popstate", showTab, { signal: listening.signal });

watch("value", () => drawKeyless(props.value?.keyless));
drawStatus();
beat();
