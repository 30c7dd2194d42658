// The buttons under answers and questions, "act-<turn>-<name>" by id, and the bar above the question box that they open:
// a note to what was said of an answer, or the last question to be asked otherwise.

const bar = element.querySelector(".acts-bar");
const form = bar.querySelector(".acts-form");
const label = bar.querySelector(".acts-label");
const text = bar.querySelector("textarea");
const tools = bar.querySelector(".acts-tools");
const said = bar.querySelector(".acts-said");
const NAMES = { right: "Right", wrong: "Wrong", "wrong-citation": "Wrong citation", "missing-source": "Missing source" };

let opened = null; // what the bar is open for: {kind, turn}
let pressed = ""; // the id of the button that opened it, where the focus returns
let seen = 0;
let told = ""; // the first and the last question when something was told

// gradio lets no aria-pressed through, names each message after its markup, which a screen reader would read aloud, calls the
// examples a list without items, and the buttons that take something out of the scope by a number.
function mark() {
  for (const each of document.querySelectorAll("#chat [data-testid][aria-label]")) each.removeAttribute("aria-label");
  for (const each of document.querySelectorAll('#chat .examples[role="list"]')) each.setAttribute("role", "group");
  for (const each of document.querySelectorAll("#scope .token")) {
    const words = say("Remove {name}", { name: each.textContent.trim() });
    const remove = each.querySelector(".token-remove");
    if (remove.ariaLabel !== words) remove.ariaLabel = remove.title = words;
  }
  const { given = {} } = props.value || {};
  for (const each of document.querySelectorAll("#chat button.act")) {
    const [, turn, name] = each.id.match(/^act-(\d+)-([a-z-]+)$/) || [];
    if (!(name in NAMES)) continue;
    const now = String(given[turn]?.name === name);
    if (each.getAttribute("aria-pressed") !== now) each.setAttribute("aria-pressed", now);
  }
}

// A button that can take the focus: one in a menu is hidden when the menu is closed.
function inMenu(id) {
  const pressed = document.getElementById(id);
  return pressed?.closest("details.menu:not([open])")?.querySelector("summary") || pressed;
}

// The turns are another conversation's, or the question to be asked otherwise is no longer the last one.
function isPast(value) {
  return opened && (value.shown !== opened.shown || (opened.kind === "edit" && value.last !== opened.last));
}

function shut() {
  form.hidden = true;
  opened = null;
  (inMenu(pressed) || document.querySelector("#question textarea"))?.focus({ preventScroll: true });
}

function show(kind, value, words, limit, submit) {
  opened = { kind, turn: Number(value.turn), shown: value.shown, last: value.last };
  label.textContent = words;
  text.value = value.text || "";
  text.maxLength = limit;
  const send = make("button", "model-button", submit);
  send.type = "submit";
  tools.replaceChildren(send, button("action", say("Close"), shut));
  form.hidden = false;
  text.focus({ preventScroll: true });
  if (kind === "edit") text.setSelectionRange(text.value.length, text.value.length);
}

function opening(value) {
  if (value.open === "edit") show("edit", value, say("Edit the question"), 2000, say("Ask again"));
  if (value.open === "note") {
    const words = say("Noted: {verdict}. Add a comment", { verdict: say(NAMES[value.verdict]) });
    show("note", value, words, 2000, say("Save the note"));
  }
}

async function copy(value) {
  const done = await copyText(value.copy);
  inMenu(pressed)?.focus({ preventScroll: true });
  tell(said, done ? { said: say("Copied with its sources") } : { problem: say("The browser did not let it be copied") });
}

function update() {
  const value = props.value || {};
  mark();
  if (!value.stamp || value.stamp === seen) return;
  seen = value.stamp;
  const now = JSON.stringify([value.shown, value.last]);
  // What was done last is still told when the same answers are drawn once more.
  if (value.said || value.problem || value.open || value.copy || value.file || now !== told) tell(said, value);
  told = now;
  if (isPast(value)) {
    form.hidden = true;
    opened = null;
  }
  if (value.said && opened) shut();
  if (value.open) opening(value);
  if (value.copy) copy(value);
  if (value.file) saveFile(value.file);
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (!opened) return;
  if (opened.kind === "note") trigger("act", { turn: opened.turn, name: "note", note: text.value });
  else if (text.value.trim()) {
    trigger("ask_otherwise", { turn: opened.turn, text: text.value });
    pressed = "";
    shut();
  }
});
text.addEventListener("keydown", (event) => {
  if (event.isComposing) return; // Enter and Escape belong to what is being composed
  if (event.key === "Escape") shut();
  if (event.key === "Enter" && !event.shiftKey) {
    event.preventDefault();
    form.requestSubmit();
  }
});

document.addEventListener(
  "click",
  (event) => {
    for (const each of document.querySelectorAll("#chat details.menu[open]"))
      if (!each.querySelector("summary").contains(event.target)) each.open = false;
    const clicked = event.target.closest?.("#chat button.act");
    const [, turn, name] = clicked?.id.match(/^act-(\d+)-([a-z-]+)$/) || [];
    if (!turn) return;
    pressed = clicked.id;
    tell(said, {});
    // What replaces the answer is the page's own event; all else is done to the answer as it stands.
    if (name === "retry") trigger("retry");
    else if (name === "delete") trigger("undo");
    else trigger("act", { turn: Number(turn), name });
  },
  { signal: listening.signal },
);
document.addEventListener(
  "keydown",
  (event) => {
    const menu = event.key === "Escape" && event.target.closest?.("#chat details.menu[open]");
    if (!menu) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  },
  { signal: listening.signal },
);
const marker = new MutationObserver(mark);
marker.observe(document.body, { childList: true, subtree: true, attributeFilter: ["aria-label"] });
listening.signal.addEventListener("abort", () => marker.disconnect());

// Brings the last question to the upper edge, where reading begins; afterwards only the reader scrolls. The last answer is as
// high as the window (see page.css), so that this is always possible.
footnote.toQuestion = () =>
  requestAnimationFrame(() => [...document.querySelectorAll("#chat .question")].at(-1)?.scrollIntoView({ block: "start" }));
watch("value", update);
update();
