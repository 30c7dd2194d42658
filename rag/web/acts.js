// The buttons under answers and questions, "act-<turn>-<name>" by id, and the bar above the question box that they
// open: a note to what was said of an answer, or the last question to be asked otherwise.

const [form, label, text, tools, said] = find(".acts-form", ".acts-label", "textarea", ".acts-tools", ".acts-said");
const NAMES = {
  right: "Right", wrong: "Wrong", "wrong-citation": "Wrong citation", "missing-source": "Missing source",
};

let opened = null; // what the bar is open for, as the server sent it
let pressed = ""; // the id of the button that opened it, where the focus returns
let seen = 0;
let told = ""; // the first and the last question when something was told

const actOf = (id) => id?.match(/^act-(\d+)-([a-z-]+)$/)?.slice(1) || [];

// gradio lets no aria-pressed through, names each message after its markup, which a screen reader would read aloud,
// calls the examples a list without items, and the buttons that take something out of the scope by a number.
function mark() {
  for (const each of document.querySelectorAll("#chat [data-testid][aria-label]")) each.removeAttribute("aria-label");
  for (const each of document.querySelectorAll('#chat .examples[role="list"]')) each.role = "group";
  for (const each of document.querySelectorAll("#scope .token")) {
    const words = say("Remove {name}", { name: each.textContent.trim() });
    const remove = each.querySelector(".token-remove");
    if (remove.ariaLabel !== words) remove.ariaLabel = remove.title = words;
  }
  for (const each of document.querySelectorAll("#chat button.act")) {
    const [turn, name] = actOf(each.id);
    const now = String(given().given?.[turn]?.name === name);
    if (name in NAMES && each.ariaPressed !== now) each.ariaPressed = now;
  }
}

// Gives the focus back; a button in a closed menu cannot take it, its menu can.
function giveBack() {
  const button = document.getElementById(pressed);
  const target = button?.closest("details.menu:not([open])")?.querySelector("summary") || button;
  (target || document.querySelector("#question textarea"))?.focus({ preventScroll: true });
}

function shut() {
  form.hidden = true;
  opened = null;
  giveBack();
}

function show(value) {
  const edit = value.open === "edit";
  const noted = () => say("Noted: {verdict}. Add a comment", { verdict: say(NAMES[value.verdict]) });
  opened = value;
  label.textContent = edit ? say("Edit the question") : noted();
  text.value = value.text || "";
  text.maxLength = 2000;
  const submit = edit ? say("Ask again") : say("Save the note");
  tools.replaceChildren(make("button.model-button", { type: "submit" }, submit), button("action", shut, say("Close")));
  form.hidden = false;
  text.focus({ preventScroll: true });
  if (edit) text.setSelectionRange(text.value.length, text.value.length);
}

async function copy(words) {
  const done = await copyText(words);
  giveBack();
  const problem = say("The browser did not let it be copied");
  tell(said, done ? { said: say("Copied with its sources") } : { problem });
}

follow(() => {
  const value = given();
  mark();
  if (!value.stamp || value.stamp === seen) return;
  seen = value.stamp;
  const now = JSON.stringify([value.shown, value.last]);
  // What was done last is still told when the same answers are drawn once more.
  if (value.said || value.problem || value.open || value.copy || value.file || now !== told) tell(said, value);
  told = now;
  // The turns are another conversation's, or the question to be asked otherwise is no longer the last one.
  const past = opened?.shown !== value.shown || (opened?.open === "edit" && opened.last !== value.last);
  if (opened && past) [form.hidden, opened] = [true, null];
  if (value.said && opened) shut();
  if (value.open) show(value);
  if (value.copy) copy(value.copy);
  if (value.file) saveFile(value.file);
});

on(form, "submit", (event) => {
  event.preventDefault();
  const turn = Number(opened?.turn);
  if (opened?.open === "note") trigger("act", { turn, name: "note", note: text.value });
  else if (opened && text.value.trim()) {
    trigger("ask_otherwise", { turn, text: text.value });
    pressed = "";
    shut();
  }
});
on(text, "keydown", (event) => {
  if (event.isComposing) return; // Enter and Escape belong to what is being composed
  if (event.key === "Escape") shut();
  if (event.key !== "Enter" || event.shiftKey) return;
  event.preventDefault();
  form.requestSubmit();
});
on(document, "click", ({ target }) => {
  for (const each of document.querySelectorAll("#chat details.menu[open]"))
    if (!each.querySelector("summary").contains(target)) each.open = false;
  const { id } = target.closest?.("#chat button.act") || {};
  const [turn, name] = actOf(id);
  if (!turn) return;
  pressed = id;
  tell(said, {});
  // What replaces the answer is the page's own event; all else is done to the answer as it stands.
  if (name === "retry") trigger("retry");
  else if (name === "delete") trigger("undo");
  else trigger("act", { turn: Number(turn), name });
});
on(document, "keydown", (event) => {
  const menu = event.key === "Escape" && event.target.closest?.("#chat details.menu[open]");
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});
const marker = new MutationObserver(mark);
marker.observe(document.body, { childList: true, subtree: true, attributeFilter: ["aria-label"] });
listening.signal.addEventListener("abort", () => marker.disconnect());

// Brings the last question to the upper edge, where reading begins; afterwards only the reader scrolls. The last answer
// is as high as the window (see page.css), so that this is always possible.
footnote.toQuestion = () =>
  requestAnimationFrame(() => [...document.querySelectorAll("#chat .question")].at(-1)?.scrollIntoView());
