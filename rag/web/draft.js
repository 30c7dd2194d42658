// Above the box for a draft: what it is compared with, and a file whose text comes into the box. A report is saved here too.

const pick = element.querySelector(".draft-pick");
const input = element.querySelector("input");
const said = element.querySelector(".draft-file");
const column = document.getElementById("draft-column");

function update() {
  const { folder = "", longest = 0, file } = props.value || {};
  if (file) return saveFile(file);
  const about = say("Each sentence and each quotation is compared with the articles in {folder}, without a chat model.", { folder });
  element.querySelector(".draft-about").textContent = about + " " + say("At most {longest} characters.", { longest });
}

async function take(file) {
  if (!file) return;
  said.hidden = false;
  tell(said, { said: say("Reading {name}…", { name: file.name }) });
  let answer = null;
  try {
    answer = await sendFile(file, () => {});
  } catch {} // no server: told below
  input.value = "";
  if (!answer?.text) return tell(said, { problem: answer?.refused || say("Could not be sent. Is Footnote still running in its terminal?") });
  const box = document.querySelector("#draft-text textarea");
  box.value = answer.text;
  box.dispatchEvent(new Event("input", { bubbles: true }));
  tell(said, { said: say("The text of {name} is in the box.", { name: file.name }) });
  box.focus();
}

pick.addEventListener("click", () => input.click());
input.addEventListener("change", () => take(input.files[0]));
column.addEventListener("click", (event) => event.target.closest(".draft-save") && trigger("save"), { signal: listening.signal });
const carries = (event) => event.dataTransfer.types.includes("Files");
const drags = {
  dragover: () => column.classList.add("over"),
  dragleave: () => column.classList.remove("over"),
  drop: (event) => {
    column.classList.remove("over");
    take(event.dataTransfer.files[0]);
  },
};
for (const [kind, hear] of Object.entries(drags)) {
  const taken = (event) => {
    if (!carries(event)) return;
    event.preventDefault();
    event.stopPropagation();
    hear(event);
  };
  column.addEventListener(kind, taken, { capture: true, signal: listening.signal });
}
watch("value", update);
update();
