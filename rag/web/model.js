// The model that writes the answers: a choice among those that were found, a test of it, and the keys that services ask
// for. A key leaves its box the moment it is sent; the server answers with no more than that it is set.

const EXTRACTIVE = "extractive";
const [about, options, unready, said, look, test, other, keys, keyForm, service, secret] = find(
  ".pane-about", ".model-options", ".model-unready", ".model-said", ".model-look", ".model-test", ".model-other",
  ".model-keys", ".model-key", "#key-service", "#key-secret",
);

// Each model that can be chosen, with its title and what is to be known of it.
function choices({ current, own, found, keyless, keys }) {
  const listed = new Map();
  const add = (model, title, note) => listed.has(model) || listed.set(model, [title, note]);
  const ofService = (each) => each.service === current.split(":")[0];
  const silent = found.some((each) => ofService(each) && !each.models.length) && !keys.some(ofService);
  add(EXTRACTIVE, say("The articles’ own sentences"), say("No model; nothing can be made up"));
  for (const each of found) for (const model of each.models) add(model, model, each.state);
  add(own, own, say("Set where Footnote was started"));
  add(current, current, silent ? say("Not reachable now") : say("Chosen by its name"));
  if (keyless) listed.set(keyless, [keyless, say("Needs its key, below")]);
  return [...listed];
}

function drawOptions(value) {
  const option = ([model, [title, note]]) => {
    const onchange = () => trigger("choose", { name: model });
    const radio = make("input", { type: "radio", name: "model", value: model, onchange }, keyed(model));
    const words = make("span.model-words", make("span.card-name", title), make("span.byline", note));
    return make("label.library-item.model-option", radio, words);
  };
  draw(options, choices(value).map(option));
  for (const radio of options.querySelectorAll("input")) radio.checked = radio.value === value.current;
}

// What offers no model now, with the reason; services that share one share a line.
function drawUnready(services) {
  const states = new Map();
  for (const each of services) states.set(each.state, [...(states.get(each.state) || []), each.service]);
  const words = say("{count} service is not ready|{count} services are not ready", { count: services.length });
  const lines = [...states].map(([state, names]) => [make("dt", names.join(", ")), make("dd", state)]);
  unready.hidden = !services.length;
  draw(unready.querySelector("summary"), words);
  draw(unready.querySelector("dl"), lines);
}

function drawKeys(all) {
  const line = ({ service: name }) => {
    const remove = button("action", () => trigger("forget_key", { service: name }), keyed(name), say("Remove the key"));
    return make("li", make("span.card-name", name), make("span.byline", say("Key is set for this session")), remove);
  };
  draw(keys, all.filter((each) => each.kept).map(line), service);
  draw(service, all.map((each) => make("option", each.service)));
  keyForm.hidden = !all.length;
}

// Asks the server for something that takes its time; once more only when it is done.
function begin(name, pressed, words) {
  if (pressed.ariaDisabled === "true") return;
  pressed.ariaDisabled = "true"; // not `disabled`: that would take the focus away
  tell(said, { said: words });
  trigger(name);
}
const lookAround = () => begin("look", look, say("Looking for models…"));

follow(() => {
  const value = { found: [], keys: [], current: EXTRACTIVE, own: EXTRACTIVE, keyless: "", ...given() };
  const { found, current, keyless } = value;
  look.ariaDisabled = test.ariaDisabled = "false";
  test.hidden = current === EXTRACTIVE;
  if ("said" in value && value.kept != null) footnote.keepChoice(value.kept);
  about.textContent =
    current === EXTRACTIVE ? say("Now: the articles’ own sentences") : say("Now: {model}", { model: current });
  drawOptions(value);
  drawUnready(found.filter((each) => !each.models.length));
  drawKeys(value.keys);
  if (given().own) document.querySelector("#masthead .keyless").hidden = !keyless || current !== EXTRACTIVE;
  tell(said, value);
});
on(other, "submit", (event) => {
  event.preventDefault();
  const name = other.querySelector("input").value.trim();
  if (name) trigger("choose", { name });
});
on(keyForm, "submit", (event) => {
  event.preventDefault();
  const key = secret.value.trim();
  secret.value = "";
  if (key) trigger("keep_key", { service: service.value, key });
});
on(look, "click", lookAround);
on(test, "click", () => begin("test", test, say("Asking the model one question…")));
lookAround();
