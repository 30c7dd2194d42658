// Above the box for a draft: what it is compared with, and a file whose text comes into the box. A report is saved here
// too.

const [pick, input, said, about] = find(".draft-pick", "input", ".draft-file", ".draft-about");
const column = document.getElementById("draft-column");

async function take([file]) {
  if (!file) return;
  const { name } = file;
  said.hidden = false;
  tell(said, { said: say("Reading {name}…", { name }) });
  const answer = await send("draft", file);
  input.value = "";
  if (!answer?.text) return tell(said, { problem: answer?.refused || away() });
  const box = document.querySelector("#draft-text textarea");
  box.value = answer.text;
  box.dispatchEvent(new Event("input", { bubbles: true }));
  tell(said, { said: say("The text of {name} is in the box.", { name }) });
  box.focus();
}

on(pick, "click", () => input.click());
on(input, "change", () => take(input.files));
on(column, "click", (event) => event.target.closest(".draft-save") && trigger("save"));
takeDrops(column, (data) => take(data.files));
follow(() => {
  const { folder = "", longest = 0, file } = given();
  if (file) return saveFile(file);
  about.textContent = [
    say("Each sentence and each quotation is compared with the articles in {folder}, without a chat model.", { folder }),
    say("At most {longest} characters.", { longest }),
  ].join(" ");
});
