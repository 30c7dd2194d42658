// The line under the question box: a paper clip that adds articles, a file of questions, and who writes the answers.
// Files can be dropped anywhere in the column; both ways lead through the adder that the Articles tab has.

const [clip, mode, files, batch, chosen, told] = find(
  ".clip", ".mode", ".asking-files", ".batch", "input[type=file]", ".asking-batch",
);
let adder = null;

// A file of questions goes to the door for programs, which sends a file of answers back.
async function askFrom(file) {
  if (!file) return;
  told.hidden = false;
  batch.disabled = true;
  told.textContent = say("Answering the questions of {name}…", { name: file.name });
  try {
    const reply = await fetch(`v1/batch?name=${encodeURIComponent(file.name)}`, { method: "POST", body: file });
    if (!reply.ok) throw new Error((await reply.json()).error.message);
    const answers = URL.createObjectURL(await reply.blob());
    saveAs("answers.csv", answers);
    URL.revokeObjectURL(answers);
    told.textContent = say("The answers are saved as {name}.", { name: "answers.csv" });
  } catch (problem) {
    told.textContent = problem.message;
  }
  batch.disabled = false;
  chosen.value = "";
}

batch.textContent = say("Ask from a file");
batch.title = say("Up to 100 questions: .csv with a column “question”, .jsonl, or .txt with one a line");
on(batch, "click", () => chosen.click());
on(chosen, "change", () => askFrom(chosen.files[0]));
on(clip, "click", () => {
  files.hidden = false;
  adder.querySelector("input").click();
});
on(mode, "click", () => click("settings-tab-button"));
follow(() => {
  const { model = "", keyless = "", suffixes = [], obstacle = "" } = given();
  if (keyless) mode.textContent = say("{model} needs a key · quotes only until then", { model: keyless });
  else mode.textContent = model
    ? say("Model: {name}", { name: model.split("#").at(-1) })
    : say("Quotes only · connect a model");
  mode.title = say("Choose in Settings who writes the answers");
  clip.hidden = !suffixes.length || Boolean(obstacle);
  if (clip.hidden || adder) return;
  files.append((adder = makeAdder(given(), { zone: element.closest("#chat-column"), kinds: [] })));
});
