// Settings: numbers and choices for the next answers, the look and the language of the page, the login, what only a new
// start changes.

const [form, said, defaults, fixed, login, user, theme, language] = find(
  ".settings-controls", ".model-said", ".settings-defaults", "dl.settings-fixed", ".settings-login", ".settings-user",
  ".settings-theme", ".settings-language",
);
const CONTROLS = {
  k: [say("Passages per question"), say("How many of the best passages the answer is made from.")],
  decompose: [
    say("Split questions"),
    say("Each part of a question that asks for several things gets its own passages."),
  ],
  rewrite: [say("Rewrite follow-ups"), say("Completes a question such as “and in 2019?” before the search.")],
  context_tokens: [say("Context window, in tokens"), say("Passages that do not fit are left out. Larger is slower.")],
  first_word_seconds: [
    say("Timeout for the first word, in seconds"),
    say("Then the articles’ own sentences come instead. 0 means 60 on this machine and 30 elsewhere."),
  ],
  answer_seconds: [say("Timeout for the answer, in seconds"), say("What the model has written by then is the answer.")],
};
const CHOICES = {
  decompose: { rules: say("by rules"), model: say("by the model"), off: say("off") },
  rewrite: { model: say("model, else rules"), rules: say("by rules"), off: say("off") },
};
const FIXED = {
  articles: say("Articles folder"),
  index: say("Index folder"),
  data: say("Data folder"),
  embedder: say("Embedding model"),
  reranker: say("Reranker"),
  passage_tokens: say("Passage length, in tokens"),
  max_file_megabytes: say("Largest file, in MB"),
  conversations: say("Save conversations"),
};

function drawControl({ name, choices, low, high }) {
  const id = "setting-" + name;
  const [title, about] = CONTROLS[name];
  const hint = make("p.byline", { id: id + "-about" }, about);
  const changed = make("p.settings-changed", { id: id + "-changed" });
  const field = choices.length
    ? make("select", { id, name }, choices.map((each) => new Option(CHOICES[name][each], each)))
    : make("input", { id, name, type: "number", min: low, max: high, step: 1, inputMode: "numeric" });
  field.setAttribute("aria-describedby", hint.id + " " + changed.id);
  const words = make("div.settings-words", make("label", { htmlFor: id }, title), hint, changed);
  return make("div.settings-control", words, make(choices.length ? "div.model-select" : "div", field));
}

function showValue({ name, value, default: own }) {
  const field = form.elements[name];
  const row = field.closest(".settings-control");
  // What is half written is not overwritten by the answer to something else.
  const writing = field === document.activeElement && field.value !== field.defaultValue;
  if (!writing) field.value = field.defaultValue = value;
  row.classList.toggle("changed", value !== own);
  const shown = say("Changed; the default is {value}", { value: CHOICES[name]?.[own] ?? own });
  row.querySelector(".settings-changed").textContent = value === own ? "" : shown;
}

function addRadios(place, name, listed, chosen, choose) {
  for (const [value, title, lang] of listed) {
    const onchange = () => choose(value);
    const radio = make("input", { type: "radio", name, value, checked: value === chosen, onchange });
    place.append(make("label.settings-radio", radio, make("span", { lang }, title)));
  }
}

const looks = [["system", say("System")], ["light", say("Light")], ["dark", say("Dark")]];
addRadios(theme, "theme", looks, footnote.theme, footnote.shade);
const spoken = Object.entries(footnote.languages).map(([code, title]) => [code, title, code]);
addRadios(language, "language", spoken, footnote.language, speak);

on(form, "change", ({ target }) => {
  target.defaultValue = target.value;
  const number = target.value.trim() === "" ? null : Number(target.value);
  trigger("adjust", { name: target.name, value: target.type === "number" ? number : target.value });
});
on(form, "submit", (event) => event.preventDefault());
on(defaults, "click", () => {
  form.querySelector(".changed :is(input, select)")?.focus();
  trigger("defaults");
});
follow(() => {
  const value = given();
  const { controls = [], fixed: constant = [] } = value;
  if (!form.elements.length) form.append(...controls.map(drawControl));
  controls.forEach(showValue);
  defaults.hidden = controls.every((each) => each.value === each.default);
  login.hidden = !value.user;
  user.textContent = say("You are logged in as {user}", { user: value.user || "" });
  const row = (each) => [
    make("dt", FIXED[each.name]), make("dd.settings-value", each.value), make("dd.byline", each.variable),
  ];
  draw(fixed, constant.map((each) => make("div", row(each))));
  if ("said" in value && value.kept != null) footnote.keepChoice(value.kept);
  tell(said, value);
});
