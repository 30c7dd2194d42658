// Settings: numbers and choices for the next answers, the look and the language of the page, the login, what only a new start changes.

const settings = element.querySelector(".settings");
const form = settings.querySelector(".settings-controls");
const said = settings.querySelector(".model-said");
const defaults = settings.querySelector(".settings-defaults");
const fixed = settings.querySelector(".settings-fixed");
const login = settings.querySelector(".settings-login");
const drawn = new Map(); // by the setting's name: what draws its value

const CONTROLS = {
  k: [say("Passages per question"), say("How many of the best passages the answer is made from.")],
  decompose: [say("Split questions"), say("Each part of a question that asks for several things gets its own passages.")],
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

function send(name, field) {
  const value = field.tagName === "SELECT" ? field.value : field.value.trim() === "" ? null : Number(field.value);
  trigger("adjust", { name, value });
}

function number(control) {
  const field = make("input");
  field.type = "number";
  field.min = control.low;
  field.max = control.high;
  field.step = 1;
  field.inputMode = "numeric";
  return field;
}

function choice(control) {
  const field = make("select");
  for (const each of control.choices) {
    const option = make("option", "", CHOICES[control.name][each]);
    option.value = each;
    field.append(option);
  }
  return field;
}

// A setting's row, drawn once; returns what shows another value in it.
function addControl(control) {
  const row = make("div", "settings-control");
  const field = control.choices.length ? choice(control) : number(control);
  field.id = "setting-" + control.name;
  const [title, about] = CONTROLS[control.name];
  const label = make("label", "", title);
  label.htmlFor = field.id;
  const hint = make("p", "byline", about);
  hint.id = field.id + "-about";
  const changed = make("p", "settings-changed");
  changed.id = field.id + "-changed";
  field.setAttribute("aria-describedby", hint.id + " " + changed.id);
  const place = make("div", control.choices.length ? "model-select" : "");
  place.append(field);
  const words = make("div", "settings-words");
  words.append(label, hint, changed);
  row.append(words, place);
  let writing = false; // what is half written is not overwritten by the answer to something else
  field.addEventListener("input", () => (writing = true));
  field.addEventListener("blur", () => (writing = false));
  field.addEventListener("change", () => {
    writing = false;
    send(control.name, field);
  });
  form.append(row);
  return ({ value, default: own }) => {
    if (!writing) field.value = value;
    row.classList.toggle("changed", value !== own);
    const shown = control.choices.length ? CHOICES[control.name][own] : own;
    changed.textContent = value === own ? "" : say("Changed; the default is {value}", { value: shown });
  };
}

function drawFixed(each) {
  const row = make("div");
  row.append(make("dt", "", FIXED[each.name]), make("dd", "settings-value", each.value), make("dd", "byline", each.variable));
  return row;
}

function drawSettings() {
  const value = props.value || {};
  for (const control of value.controls || []) {
    if (!drawn.has(control.name)) drawn.set(control.name, addControl(control));
    drawn.get(control.name)(control);
  }
  defaults.hidden = !(value.controls || []).some((each) => each.value !== each.default);
  login.hidden = !value.user;
  login.querySelector(".settings-user").textContent = say("You are logged in as {user}", { user: value.user || "" });
  fixed.replaceChildren(...(value.fixed || []).map(drawFixed));
  if ("said" in value && value.kept != null) footnote.keepChoice(value.kept);
  tell(said, value);
}

// A row of radio buttons under a legend.
function addRadios(place, name, listed, chosen, choose) {
  for (const [value, title, language] of listed) {
    const label = make("label", "settings-radio");
    const radio = make("input");
    radio.type = "radio";
    radio.name = name;
    radio.value = value;
    radio.checked = value === chosen;
    radio.addEventListener("change", () => choose(value));
    const words = make("span", "", title);
    if (language) words.lang = language;
    label.append(radio, words);
    place.append(label);
  }
}

addRadios(
  settings.querySelector(".settings-theme"),
  "theme",
  [
    ["system", say("System")],
    ["light", say("Light")],
    ["dark", say("Dark")],
  ],
  footnote.theme,
  footnote.shade,
);
addRadios(
  settings.querySelector(".settings-language"),
  "language",
  Object.entries(footnote.languages).map(([code, title]) => [code, title, code]),
  footnote.language,
  speak,
);
form.addEventListener("submit", (event) => event.preventDefault());
defaults.addEventListener("click", () => {
  form.querySelector(".changed :is(input, select)")?.focus();
  trigger("defaults");
});
watch("value", drawSettings);
drawSettings();
