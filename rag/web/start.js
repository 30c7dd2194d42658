// What stands before the first answer: an index that is being built, no articles. Where one can ask already it stands
// above the chat, else in its place.

const [start, title, about, add] = find(".start", "h2", ".start-about", ".start-add");
const ASKED = "You can ask already: your question is answered as soon as this is done.";
const PAGES = {
  building: ["The index is being built", ASKED],
  empty: [
    "There are no articles yet",
    "Add some here, or put documents, web pages, tables or mail into the folder {name}; they are then read and can be asked.",
  ],
  unusable: [
    "None of these files is an article",
    "The folder {name} holds files, but none that can be read; Articles says why. Mend them, or add others here.",
  ],
};
let adder = null;
let stamp = ""; // of the articles that the start screen tells of

function drawStart(state) {
  if (stamp && state?.stamp !== stamp && !document.querySelector("#chat .question")) trigger("fresh");
  stamp = state?.stamp || stamp;
  const { name, obstacle = "", suffixes = [] } = given();
  const page = PAGES[state?.first];
  const first = page ? state.first : "";
  const adding = first === "empty" || first === "unusable";
  start.dataset.kind = first;
  start.hidden = !page;
  start.classList.toggle("alone", Boolean(page) && page[1] !== ASKED);
  if (page) draw(title, say(page[0]));
  if (page) draw(about, say(page[1], { name: name || "…" }));
  add.hidden = !adding && !(first === "building" && adder);
  if (adding && obstacle) draw(add, make("p.hint", obstacle));
  else if (adding && !adder && suffixes.length) draw(add, (adder = makeAdder(given())));
}

follow(() => drawStart(footnote.index));
on(window, "footnote:index", ({ detail }) => drawStart(detail));
