// Settings: numbers and choices for the next answers, the look and the language of the page, the login, what only a new start changes.

const settings = element.querySelector(".settings");
const form = settings.querySelector(".settings-controls");
const said = settings.querySelector(".model-said");
const defaults = settings.querySelector(".settings-defaults");
const fixed = settings.querySelector(".settings-fixed");
const login = settings.querySelector(".settings-login");
const drawn = new Map(); // by the setting's name: what draws its value

const CONTROLS = {
  k: [say("Passages a question gets"), say("So many of the best passages are searched for the answer.")],
  decompose: [say("Several questions in one"), say("What parts them, so that each gets its own passages.")],
  rewrite: [say("Follow-up questions"), say("Who completes what they leave unsaid before anything is searched for.")],
  context_tokens: [say("Tokens a model reads and writes"), say("Passages that do not fit are left out. Larger is slower.")],
  first_word_seconds: [
    say("Seconds to a model’s first word"),
    say("Then the articles’ own sentences come instead. 0 means 60 on this machine and 30 elsewhere."),
  ],
  answer_seconds: [say("Seconds to a model’s last word"), say("What it has written by then is the answer.")],
};
const CHOICES = {
  decompose: { rules: say("by their form"), model: say("by the model"), off: say("not parted") },
  rewrite: { model: say("the model, else rules"), rules: say("rules"), off: say("nobody") },
};
const FIXED = {
  articles: say("Folder of articles"),
  index: say("Folder of the index"),
  data: say("Folder of conversations and feedback"),
  embedder: say("Embedding model"),
  reranker: say("What orders the best passages anew"),
  passage_tokens: say("Tokens a passage has"),
  max_file_megabytes: say("Megabytes a file may have"),
  conversations: say("Conversations are kept"),
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
  said.className = value.problem ? "model-said failure" : "model-said";
  said.textContent = value.problem || value.said || "";
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
    ["system", say("As the system has it")],
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
