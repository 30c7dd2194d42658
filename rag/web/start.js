// What stands before the first answer: a model that is being loaded, an index that is being built, no articles, no folder.
// Where one can ask already it stands above the chat, else in its place.

const start = element.querySelector(".start");
const [title, about, stages, files, add] = ["h2", ".start-about", ".stages", ".start-files", ".start-add"].map((each) => start.querySelector(each));
const ASKED = "You can ask already: your question is answered as soon as this is done.";
const PAGES = {
  building: ["The index is being built", ASKED],
  empty: ["There are no articles yet", "Add some here, or put documents, web pages, tables or mail into the folder {name}; they are then read and can be asked."],
  unusable: ["None of these files is an article", "The folder {name} holds files, but none that can be read. Mend them, or add others here."],
  folder: ["The folder of articles cannot be read", "Footnote looks for the articles in a folder called {name}. Make it, or start again with --articles and the path of your folder; then press “Try again”."],
  locked: ["Another build is running", "Another Footnote is building this index right now. Wait until it ends, then press “Try again”."],
  unwritable: ["The index cannot be written", "Without an index nothing can be answered. Free some space on the disk or choose another folder with --index; then press “Try again”."],
  newer: ["The index was written by a newer Footnote", "This Footnote cannot read it. Update the program, or build the index anew: rag build --fresh."],
};
let adder = null;

function drawFiles(reasons) {
  files.hidden = !reasons.length;
  files.replaceChildren(
    ...reasons.map(([id, reason]) => {
      const item = make("li");
      item.append(make("span", "card-name", id), make("span", "byline", reason));
      return item;
    }),
  );
}

let stamp = ""; // of the articles that the start screen tells of

function drawStart(state) {
  if (stamp && state?.stamp !== stamp && !document.querySelector("#chat .question")) trigger("fresh");
  stamp = state?.stamp || stamp;
  const { name = "", obstacle = "", suffixes = [] } = props.value || {};
  const first = (state && PAGES[state.first] && state.first) || "";
  if (start.dataset.kind !== first) {
    start.dataset.kind = first;
    start.hidden = !first;
    start.classList.toggle("alone", Boolean(first) && PAGES[first][1] !== ASKED);
    if (first) [title.textContent, about.textContent] = PAGES[first].map((text) => say(text, { name: name || "…" }));
  } else if (first) about.textContent = say(PAGES[first][1], { name: name || "…" });
  stages.hidden = first !== "building";
  if (first === "building") drawStages(stages, state);
  drawFiles(first === "unusable" ? state.reasons : []);
  const adding = first === "empty" || first === "unusable";
  add.hidden = !adding && !(first === "building" && adder);
  if (adding && obstacle) add.replaceChildren(make("p", "hint", obstacle));
  else if (adding && !adder && suffixes.length) add.replaceChildren((adder = makeAdder(props.value)));
}

watch("value", () => drawStart(footnote.index));
followIndex(drawStart);
