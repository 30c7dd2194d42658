// The buttons under answers and questions, "act-<turn>-<name>" by id, and what some of them ask in a dialog: a note to
// what was said of an answer, or the last question to be asked otherwise.

const [said] = find(".said");
const NAMES = {
  right: "Right", wrong: "Wrong", "wrong-citation": "Wrong citation", "missing-source": "Missing source",
};

let pressed = ""; // the id of the button that was pressed last, where the focus returns
let seen = 0;

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

function show({ open, turn, verdict, text: value }) {
  const noted = () => say("Noted: {verdict}. Add a comment", { verdict: say(NAMES[verdict]) });
  const title = open === "edit" ? say("Edit the question") : noted();
  const required = open === "edit";
  const text = make("textarea", { ariaLabel: title, value, rows: 3, maxLength: 2000, autofocus: true, required });
  const note = () => trigger("act", { turn, name: "note", note: text.value });
  const ask = () => trigger("ask_otherwise", { turn, text: text.value });
  const done = open === "edit" ? [say("Ask again"), ask, "model-button"] : [say("Save the note"), note, "model-button"];
  const dialog = askFirst(title, [done, [say("Close"), null, "action"]], text);
  on(dialog, "close", giveBack);
  on(text, "keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return; // it belongs to what is being composed
    event.preventDefault();
    text.form.requestSubmit(dialog.querySelector("button"));
  });
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
  if (value.said || value.problem) tell(said, value);
  if (value.open) show(value);
  if (value.copy) copy(value.copy);
  if (value.file) saveFile(value.file);
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
// is as high as the window (see page.css), so that this is always possible. What was said of an answer before has passed.
footnote.toQuestion = () => {
  tell(said, {});
  requestAnimationFrame(() => [...document.querySelectorAll("#chat .question")].at(-1)?.scrollIntoView());
};
