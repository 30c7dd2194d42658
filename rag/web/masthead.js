// The line under the name: what is being loaded or built, what went wrong, or what the reader should know. It also
// follows the index for the whole page: what it hears goes to every part that shows something of it.

const [status, spoken] = find(".status", ".masthead-said");
let timer = 0;
let said = "";
let known = ""; // how the index stood
let arrived = false; // at the tab that the address names
let newest = 0; // the answer that was asked for last: one that comes later is older

// What is drawn already stays: it would be read aloud again.
function drawLine(kind, text, progress, action) {
  status.dataset.kind = kind;
  status.hidden = !text;
  // Counts that change twice a second are not read aloud; the stages are, below.
  status.ariaLive = kind === "loading" ? "off" : "polite";
  const { done, total } = progress || {};
  const drawn = progress && make("progress", { ariaLabel: say("Progress") }, total > 0 && { max: total, value: done });
  const home = action || document.querySelector('#rooms [role="tab"][aria-selected="true"]');
  draw(status, [make("span.status-text", text), drawn, action], home);
}

const cancel = () => button("action", () => beat("cancel"), keyed("cancel"), say("Cancel the build"));

function drawServing(state) {
  const count = state.files?.failed;
  const unread = () =>
    say("{count} file could not be read; Articles says why.|{count} files could not be read; Articles says why.", { count });
  const offer = (words, onclick, about) => drawLine("ready", about, null, button("again", onclick, words));
  if (state.kind === "building") drawLine("loading", state.text, state, cancel());
  else if (state.kind === "outdated")
    offer(say("Update the index"), () => beat("rebuild"), say("The folder of articles has changed."));
  else if (state.kind === "cancelled" || state.kind === "failed") offer(say("Show the index"), showIndex, state.text);
  else drawLine("ready", state.folder || (count ? unread() : ""));
}

function drawStatus() {
  const state = footnote.index;
  if (!state) drawLine("loading", "");
  else if (state.serving) drawServing(state);
  else if (state.kind === "loading")
    drawLine("loading", state.text, state, state.first === "building" && cancel());
  else drawLine("failed", state.text, null, button("again", () => beat("rebuild"), say("Try again")));
}

function speakOf({ kind, first }) {
  const news = kind === "building" || first === "building";
  const text = news ? say("The index is being built") : said && kind === "fresh" ? say("The index is up to date.") : "";
  if (text !== said) spoken.textContent = said = text;
}

function hear(state) {
  footnote.index = state;
  window.dispatchEvent(new CustomEvent("footnote:index", { detail: state }));
  drawStatus();
  speakOf(state);
  const now = [state.kind, state.serving, state.watching, state.stamp].join();
  if (now !== known) trigger("moved");
  known = now;
  if (!arrived) showTab(); // by now gradio has drawn the tabs
}

async function beat(wish = "") {
  clearTimeout(timer);
  if (document.hidden && !wish) return; // it comes again when somebody looks
  const number = ++newest;
  const state = await server.index_beat(wish).catch(() => null); // no server any more: nothing to tell
  if (listening.signal.aborted || (number !== newest && !wish)) return;
  if (state) hear(state);
  clearTimeout(timer);
  timer = setTimeout(beat, 1000 * (state ? state.wait : 60));
}

footnote.hurry = beat;
on(document, "visibilitychange", () => document.hidden || beat());
listening.signal.addEventListener("abort", () => clearTimeout(timer));

// The tab that is shown stands in the address, and Back leads to the one before.
function showTab() {
  const shown = document.getElementById((inAddress("tab") || "ask") + "-tab-button");
  arrived ||= Boolean(shown);
  if (shown?.ariaSelected !== "true") shown?.click();
}
footnote.tab = (name) => {
  const tab = name === "ask" ? "" : name;
  if (arrived && tab !== inAddress("tab")) writeAddress({ tab }, true);
  // Vega measures its place when it draws, behind another tab as nothing, and again only when the window changes.
  if (name === "coverage") requestAnimationFrame(() => dispatchEvent(new Event("resize")));
};
on(window, "popstate", showTab);
// A tab that was pressed before the one in the address was opened stays.
const press = ({ isTrusted, target }) => (arrived ||= isTrusted && Boolean(target.closest?.('#rooms [role="tab"]')));
on(document, "click", press, true);

// Brings the index into view as soon as its tab is drawn.
function showIndex() {
  click("settings-tab-button");
  const arrive = (left) => {
    const title = document.querySelector("#index-title h2");
    if (title?.offsetParent) reveal(title, "start");
    else if (left) requestAnimationFrame(() => arrive(left - 1));
  };
  arrive(300);
}

drawStatus();
beat();
