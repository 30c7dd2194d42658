// The line under the question box: a paper clip that adds articles, and who writes the answers. Files can be dropped anywhere
// in the column; both ways lead through the adder that the Articles tab has.

const clip = element.querySelector(".clip");
const mode = element.querySelector(".mode");
const files = element.querySelector(".asking-files");
const column = element.closest("#chat-column");
let adder = null;

function update() {
  const { model = "", suffixes = [], obstacle = "" } = props.value || {};
  mode.textContent = model ? say("Model: {name}", { name: model.split("#").at(-1) }) : say("Quotes only · connect a model");
  mode.title = say("Choose in Settings who writes the answers");
  clip.hidden = !suffixes.length || Boolean(obstacle);
  if (!clip.hidden && !adder) files.append((adder = makeAdder(props.value)));
}

// A file of questions goes to the door for programs, which sends a file of answers back.
const batch = element.querySelector(".batch");
const chosen = element.querySelector("input[type=file]");
const told = element.querySelector(".asking-batch");
batch.textContent = say("Ask from a file");
batch.title = say("Up to 100 questions: .csv with a column “question”, .jsonl, or .txt with one a line");
batch.addEventListener("click", () => chosen.click());
chosen.addEventListener("change", async () => {
  const [file] = chosen.files;
  if (!file) return;
  told.hidden = false;
  batch.disabled = true;
  told.textContent = say("Answering the questions of {name}…", { name: file.name });
  try {
    const reply = await fetch(`v1/batch?name=${encodeURIComponent(file.name)}`, { method: "POST", body: file });
    if (!reply.ok) throw new Error((await reply.json()).error.message);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await reply.blob());
    link.download = "answers.csv";
    link.click();
    URL.revokeObjectURL(link.href);
    told.textContent = say("The answers are saved as {name}.", { name: link.download });
  } catch (problem) {
    told.textContent = problem.message;
  }
  batch.disabled = false;
  chosen.value = "";
});

const open = () => (files.hidden = false);
clip.addEventListener("click", () => {
  open();
  adder.querySelector("input").click();
});
mode.addEventListener("click", () => document.getElementById("settings-tab-button").click());

const carries = (event) => adder && event.dataTransfer.types.includes("Files");
const drags = {
  dragover: () => column.classList.add("over"),
  dragleave: () => column.classList.remove("over"),
  drop: (event) => {
    column.classList.remove("over");
    open();
    adder.dispatchEvent(new DragEvent("drop", { dataTransfer: event.dataTransfer, cancelable: true }));
  },
};
for (const [kind, hear] of Object.entries(drags)) {
  const taken = (event) => {
    if (!carries(event) || adder.contains(event.target)) return;
    event.preventDefault();
    event.stopPropagation();
    hear(event);
  };
  column.addEventListener(kind, taken, { capture: true, signal: listening.signal });
}
watch("value", update);
update();
