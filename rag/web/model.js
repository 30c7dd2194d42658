// The model that writes the answers: a choice among those that were found, a test of it, and the keys that services ask for.
// A key leaves its box the moment it is sent; the server answers with no more than that it is set.

const EXTRACTIVE = "extractive";
const settings = element.querySelector(".model");
const about = settings.querySelector(".pane-about");
const options = settings.querySelector(".model-options");
const unready = settings.querySelector(".model-unready");
const said = settings.querySelector(".model-said");
const look = settings.querySelector(".model-look");
const test = settings.querySelector(".model-test");
const other = settings.querySelector(".model-other");
const name = other.querySelector("input");
const keys = settings.querySelector(".model-keys");
const keyForm = settings.querySelector(".model-key");
const service = keyForm.querySelector("select");
const secret = keyForm.querySelector("input");

function drawOption(model, title, note, current) {
  const label = make("label", "library-item model-option");
  const radio = make("input");
  radio.type = "radio";
  radio.name = "model";
  radio.value = model;
  radio.checked = model === current;
  radio.addEventListener("change", () => trigger("choose", { name: model }));
  const words = make("span", "model-words");
  words.append(make("span", "card-name", title), make("span", "byline", note));
  label.append(radio, words);
  return label;
}

function drawOptions({ current, own, found, keyless, keys }) {
  const focused = options.contains(document.activeElement);
  const listed = new Map([[EXTRACTIVE, [say("The articles’ own sentences"), say("No model; nothing can be made up")]]]);
  for (const each of found) for (const model of each.models) listed.set(model, [model, each.state]);
  const service = current.split(":")[0];
  const silent = found.some((each) => each.service === service && !each.models.length) && !keys.some((each) => each.service === service);
  if (!listed.has(own)) listed.set(own, [own, say("Set where Footnote was started")]);
  if (!listed.has(current)) listed.set(current, [current, silent ? say("Not reachable now") : say("Chosen by its name")]);
  if (keyless) listed.set(keyless, [keyless, say("Needs its key, below")]);
  options.replaceChildren(...[...listed].map(([model, [title, note]]) => drawOption(model, title, note, current)));
  if (focused) options.querySelector("input:checked")?.focus();
}

// What offers no model now, with the reason; services that share one share a line.
function drawUnready(services) {
  const states = new Map();
  for (const each of services) states.set(each.state, [...(states.get(each.state) || []), each.service]);
  unready.hidden = !services.length;
  unready.querySelector("summary").textContent = say("{count} service is not ready|{count} services are not ready", { count: services.length });
  const lines = [...states].flatMap(([state, names]) => [make("dt", "", names.join(", ")), make("dd", "", state)]);
  unready.querySelector("dl").replaceChildren(...lines);
}

function drawKey(each) {
  const item = make("li");
  item.append(make("span", "card-name", each.service), make("span", "byline", say("Key is set for this session")));
  item.append(keyed(each.service, button("action", say("Remove the key"), () => trigger("forget_key", { service: each.service }))));
  return item;
}

function drawKeys(all) {
  drawInto(keys, all.filter((each) => each.kept).map(drawKey), service);
  const chosen = service.value;
  service.replaceChildren(...all.map((each) => make("option", "", each.service)));
  if (all.some((each) => each.service === chosen)) service.value = chosen;
  keyForm.hidden = !all.length;
}

function drawModel() {
  const value = props.value || {};
  const { found = [], keys = [], current = EXTRACTIVE, own = EXTRACTIVE, keyless = "" } = value;
  look.setAttribute("aria-disabled", "false");
  test.setAttribute("aria-disabled", "false");
  test.hidden = current === EXTRACTIVE;
  if ("said" in value && value.kept != null) footnote.keepChoice(value.kept);
  about.textContent = current === EXTRACTIVE ? say("Now: the articles’ own sentences") : say("Now: {model}", { model: current });
  drawOptions({ current, own, found, keyless, keys });
  drawUnready(found.filter((each) => !each.models.length));
  drawKeys(keys);
  if (value.own) document.querySelector("#masthead .keyless").hidden = !keyless || current !== EXTRACTIVE;
  tell(said, value);
}

function lookAround() {
  if (look.ariaDisabled === "true") return;
  look.setAttribute("aria-disabled", "true"); // not `disabled`: that would take the focus away
  tell(said, { said: say("Looking for models…") });
  trigger("look");
}

other.addEventListener("submit", (event) => {
  event.preventDefault();
  if (name.value.trim()) trigger("choose", { name: name.value.trim() });
});
keyForm.addEventListener("submit", (event) => {
  event.preventDefault();
  const key = secret.value.trim();
  secret.value = "";
  if (key) trigger("keep_key", { service: service.value, key });
});
look.addEventListener("click", lookAround);
test.addEventListener("click", () => {
  if (test.ariaDisabled === "true") return;
  test.setAttribute("aria-disabled", "true");
  tell(said, { said: say("Asking the model one question…") });
  trigger("test");
});
watch("value", drawModel);
drawModel();
lookAround();
