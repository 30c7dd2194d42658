// Shared by the scripts of all components: elements from plain data, drawing anew, the address, files, columns.
// Data only ever becomes text: it can show anything here and do nothing.

// One set of listeners, whichever instance of a component's script runs: an earlier one leaves when a new one comes.
const scripts = (window.footnoteScripts ||= {});
const own = element.closest(".block").id;
scripts[own]?.abort();
const listening = (scripts[own] = new AbortController());

function on(target, kinds, hear, capture = false) {
  for (const kind of kinds.split(" ")) target.addEventListener(kind, hear, { capture, signal: listening.signal });
}

const find = (...selectors) => selectors.map((each) => element.querySelector(each));
const given = () => props.value || {};
const click = (id) => document.getElementById(id)?.click();

// Draws the component now and whenever the server sends another value.
function follow(draw) {
  watch("value", draw);
  draw();
}

// gradio hands a script only a value that differs from the last. Without what was said last every answer differs, also
// one that says the same again.
const asking = trigger;
trigger = (name, sent) => {
  const { said, problem, ...value } = given();
  if (said !== undefined || problem !== undefined) props.value = value;
  asking(name, sent);
};

// Makes an element of a kind such as "p.byline" from parts in any order: properties, texts, elements, lists of these.
// What is empty, null, 0 or false is left out.
function make(kind, ...parts) {
  const [tag, ...classes] = kind.split(".");
  const made = document.createElement(tag);
  if (classes.length) made.classList.add(...classes);
  for (const part of parts.flat(Infinity)) {
    if (part && part.constructor !== Object) made.append(part);
    else
      for (const [name, value] of Object.entries(part || {}))
        if (name === "dataset") Object.assign(made.dataset, value);
        else if (value !== "" && value != null) made[name] = value;
  }
  return made;
}

const button = (kind, onclick, ...parts) => make("button." + kind, { type: "button", onclick }, ...parts);
const keyed = (key) => ({ dataset: { key } });

// Says what was done or what went wrong, in a line that is read aloud.
function tell(place, { said = "", problem = "" }) {
  place.classList.toggle("failure", Boolean(problem));
  place.textContent = problem || said;
}

// Puts parts into a place and leaves alone what stands there already: it keeps its focus, and a press on it is heard.
function arrange(place, parts) {
  for (const each of [...place.childNodes]) if (!parts.includes(each)) each.remove();
  parts.forEach((part, at) => place.childNodes[at] === part || place.insertBefore(part, place.childNodes[at] || null));
}

// Draws a place anew where it looks different by now. The focus stays on what has the same key, or goes to `otherwise`
// where that is gone.
function draw(place, parts, otherwise) {
  const focused = place.contains(document.activeElement) ? document.activeElement : null;
  const before = [...place.childNodes];
  const kept = (each) => {
    const at = before.findIndex((old) => old.isEqualNode(each));
    return at < 0 ? each : before.splice(at, 1)[0];
  };
  arrange(place, [...make("div", parts).childNodes].map(kept));
  if (!focused || focused === document.activeElement) return;
  const same = (each) => each.dataset.key === focused.dataset.key && !each.disabled;
  ([...place.querySelectorAll("[data-key]")].find(same) || otherwise)?.focus({ preventScroll: true });
}

// Asks in a dialog before something is done, and returns it. `choices` have words, what is done then, how the button
// looks, what is said of it; the last one is at hand, unless a field is. Escape does nothing.
function askFirst(question, choices, ...parts) {
  const offer = ([words, , kind, title], value) => make("button." + kind, { value, title }, words);
  const offered = choices.map(offer);
  offered.at(-1).autofocus = true;
  const asked = [make("h2.pane-title", question), parts, make("p.actions", offered)];
  const dialog = make("dialog.shelf-dialog", { ariaLabel: question }, make("form", { method: "dialog" }, asked));
  dialog.onclose = () => {
    dialog.remove();
    choices[dialog.returnValue]?.[1]?.();
  };
  // Back leads to something else, which it was not asked of.
  window.addEventListener("popstate", () => dialog.close(), { once: true, signal: listening.signal });
  element.append(dialog);
  dialog.showModal();
  return dialog;
}

// On a phone an open column covers all others, which cannot be reached then.
const phone = window.matchMedia("(max-width: 899px)");
function cover(column, open) {
  column.classList.toggle("open", open && phone.matches);
  for (let each = column; each && each.tagName !== "MAIN"; each = each.parentElement)
    for (const other of each.parentElement.children) if (other !== each) other.inert = open && phone.matches;
}

// Brings an element into view inside its own scrolling column and gives it the focus.
const scrolling = () => (window.matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth");
function reveal(target, block) {
  target.focus({ preventScroll: true });
  target.scrollIntoView({ block, behavior: scrolling() });
}

// The page's address names what is shown, so that it can be opened again; the page itself does not move. Where `leads`
// says so it becomes a step that the browser's Back leads to.
function writeAddress(changes, leads = false) {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(changes)) value ? query.set(name, value) : query.delete(name);
  const address = location.pathname + (query.size ? "?" + query : "");
  window.history[leads ? "pushState" : "replaceState"](window.history.state, "", address);
}
// An address of the server's, below the path where a proxy may show the page.
const below = (path) => new URL(path, location.origin + location.pathname.replace(/\/?$/, "/")).href;
const inAddress = (name) => new URLSearchParams(location.search).get(name) || "";

const saveAs = (name, href) => make("a", { href, download: name }).click();
const saveFile = ({ name, type, base64 }) => saveAs(name, `data:${type};base64,${base64}`);

// Copies a text and returns whether that went well. Browsers have a clipboard of their own only for pages of this
// machine or with TLS; elsewhere the old way is left.
async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const place = make("textarea.spoken", { value: text });
    document.body.append(place);
    place.select();
    const done = document.execCommand("copy");
    place.remove();
    return done;
  }
}

sayAll(element); // the template's own texts
