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
