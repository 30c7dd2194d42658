// What writes the answers: a choice among the models that were found, and the keys of the services that ask for one.
// A key leaves its box the moment it is sent; the server answers with no more than that it is set.

const EXTRACTIVE = "extractive";
const settings = element.querySelector(".model");
const about = settings.querySelector(".pane-about");
const options = settings.querySelector(".model-options");
const unready = settings.querySelector(".model-unready");
const said = settings.querySelector(".model-said");
const look = settings.querySelector(".model-look");
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

function drawOptions({ current, own, found, keyless }) {
  const focused = options.contains(document.activeElement);
  const listed = new Map([[EXTRACTIVE, [say("The articles’ own sentences"), say("No model; nothing can be made up")]]]);
  for (const each of found) for (const model of each.models) listed.set(model, [model, each.state]);
  if (!listed.has(own)) listed.set(own, [own, keyless ? say("Waits for its key, below") : say("Set where Footnote was started")]);
  if (!listed.has(current)) listed.set(current, [current, say("Chosen by its name")]);
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
  item.append(keyed(each.service, button("action", say("Forget the key"), () => trigger("forget_key", { service: each.service }))));
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
  about.textContent = current === EXTRACTIVE ? say("Now: the articles’ own sentences") : say("Now: {model}", { model: current });
  drawOptions({ current, own, found, keyless });
  drawUnready(found.filter((each) => !each.models.length));
  drawKeys(keys);
  if (value.own) document.querySelector("#masthead .keyless").hidden = !keyless || current !== EXTRACTIVE;
  said.className = value.problem ? "model-said failure" : "model-said";
  said.textContent = value.problem || value.said || "";
}

function lookAround() {
  if (look.ariaDisabled === "true") return;
  look.setAttribute("aria-disabled", "true"); // not `disabled`: that would take the focus away
  said.textContent = say("Looking for models…");
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
watch("value", drawModel);
drawModel();
lookAround();
