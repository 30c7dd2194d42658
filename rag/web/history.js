// The conversations beside the chat: opened, searched, renamed where they stand, saved as files, deleted. On a phone they
// cover the chat until one is chosen. The page's address names the one that is open, and Back leads to the one before.

const shelf = element.querySelector(".history");
const fold = shelf.querySelector(".history-fold");
const body = shelf.querySelector(".history-body");
const search = shelf.querySelector(".history-search");
const said = shelf.querySelector(".history-said");
const list = shelf.querySelector(".history-list");
const foot = shelf.querySelector(".history-foot");
const phone = window.matchMedia("(max-width: 899px)");
const wide = window.matchMedia("(min-width: 1200px)");
const FOLDED = "footnote_history";

let current = null; // the conversation that is open; null until the page has arrived at its address
let openings = 0; // how often the server has opened another one, or has told why not
let gone = ""; // the one that was deleted last while it was open: Back does not lead there
let target = null; // the one that Back leads to, until it is open
let asked = null; // the one that was asked for so: gradio drops what is asked for while the same is still going on
let unfolded = ""; // the one whose tools are shown
let doomed = ""; // the one that is to be deleted, "all" for all of them
let renaming = null; // the one that is being renamed, with its form as far as it is filled in
let wanted = ""; // what was searched for last; answers to earlier searches come too late
let searching = 0;
let saved = 0;
let reached = ""; // the one that the keyboard reaches by Tab; up and down go on from there

// A browser that keeps nothing for pages raises an error instead of saying so.
function remembered(value) {
  try {
    if (value) localStorage.setItem(FOLDED, value);
    return localStorage.getItem(FOLDED);
  } catch {
    return null;
  }
}

function fitting() {
  const chosen = remembered();
  return !phone.matches && (chosen ? chosen === "open" : wide.matches);
}

function open(shown) {
  body.hidden = !shown;
  fold.setAttribute("aria-expanded", String(shown));
  shelf.classList.toggle("open", shown);
  for (const other of document.querySelectorAll("#masthead, #chat-column, #sources-column, .tab-wrapper, .history-bar")) {
    other.inert = shown && phone.matches;
  }
}

function close() {
  if (!phone.matches || body.hidden) return;
  open(false);
  fold.focus({ preventScroll: true });
}

function focusOn(key) {
  [...shelf.querySelectorAll("[data-key]")].find((each) => each.dataset.key === key)?.focus({ preventScroll: true });
}

// Draws anew and leaves the focus where it was, or brings it to what this opened.
function redraw(key) {
  const before = shelf.contains(document.activeElement) ? document.activeElement.dataset.key : "";
  draw();
  if (key || before) focusOn(key || before);
}

function when(updated) {
  const time = new Date(updated);
  const today = new Date().toDateString() === time.toDateString();
  const language = footnote.language === "en" ? "en-GB" : footnote.language;
  if (today) return time.toLocaleTimeString(language, { hour: "2-digit", minute: "2-digit" });
  const year = new Date().getFullYear() === time.getFullYear() ? {} : { year: "numeric" };
  return time.toLocaleDateString(language, { day: "numeric", month: "short", ...year });
}

function drawItem(each) {
  const item = make("li", "history-item");
  if (renaming?.id === each.id) {
    item.append((renaming.form ??= drawRenaming()));
    return item;
  }
  const row = make("div", "history-row");
  const opener = keyed("open:" + each.id, button("history-open", undefined, () => choose(each.id)));
  const count = say("{count} question|{count} questions", { count: each.turns });
  opener.append(make("span", "card-name", each.title), make("span", "byline", when(each.updated) + " · " + count));
  if (each.id === current) opener.setAttribute("aria-current", "true");
  const more = keyed("more:" + each.id, button("history-more", undefined, () => toggle(each.id)));
  more.append(make("span", "spoken", say("Rename, save or delete") + ": " + each.title));
  more.setAttribute("aria-expanded", String(unfolded === each.id));
  row.append(opener, more);
  item.append(row);
  if (unfolded === each.id) item.append(doomed === each.id ? drawDoomed(each.id) : drawTools(each));
  return item;
}

function drawTools(each) {
  const tools = make("div", "history-tools");
  tools.append(keyed("rename:" + each.id, button("action", say("Rename"), () => rename(each))));
  tools.append(keyed("delete:" + each.id, button("action danger", say("Delete…"), () => doom(each.id))));
  tools.append(make("span", "history-asked", say("Save as")));
  const kinds = { markdown: "Markdown", html: "HTML", docx: "Word", json: "JSON", bibtex: "BibTeX", ris: "RIS", csl: "CSL" };
  for (const [kind, name] of Object.entries(kinds)) {
    const save = keyed(kind + ":" + each.id, button("action", name, () => trigger("export_conversation", { id: each.id, kind })));
    save.title = say("Save as {name}", { name });
    tools.append(save);
  }
  return tools;
}

function drawDoomed(id) {
  const question = id === "all" ? say("Delete all conversations for good?") : say("Delete this conversation for good?");
  const asked = make("div", "history-tools");
  asked.append(make("span", "history-asked", question));
  asked.append(keyed("yes:" + id, button("action danger", say("Delete"), () => remove(id))));
  const whole = keyed("whole:" + id, button("action danger", say("Delete with feedback"), () => remove(id, true)));
  whole.title = say("Also what you said of the answers, which otherwise stays");
  asked.append(whole);
  asked.append(keyed("no:" + id, button("action", say("Keep"), () => doom("", id))));
  return asked;
}

function drawRenaming() {
  const form = make("form", "history-rename");
  const input = keyed("title:" + renaming.id, make("input"));
  input.value = renaming.title;
  input.maxLength = 120;
  input.setAttribute("aria-label", say("Title of the conversation"));
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.isComposing) return;
    event.stopPropagation();
    stopRenaming();
  });
  const save = make("button", "action", say("Save"));
  save.type = "submit";
  form.append(input, save, button("action", say("Cancel"), stopRenaming));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    trigger("rename_conversation", { id: renaming.id, title: input.value });
    stopRenaming();
  });
  return form;
}

function drawFoot(total) {
  const parts = [];
  if (doomed === "all") parts.push(drawDoomed("all"));
  else {
    const tools = make("div", "history-tools");
    const feedback = keyed("feedback", button("action quiet", say("Export feedback"), () => trigger("export_feedback")));
    feedback.title = say("What you said of answers, as a file of questions");
    tools.append(feedback);
    if (total) tools.append(keyed("delete:all", button("action quiet", say("Delete all…"), () => doom("all"))));
    parts.push(tools);
  }
  foot.replaceChildren(...parts);
}

function draw() {
  const { conversations = [], total = 0, unreadable = "", login = false } = props.value || {};
  const items = conversations.map(drawItem);
  if (unreadable) items.push(make("li", "failure", unreadable));
  else if (!total && wanted) items.push(make("li", "hint", say("No conversation holds these words.")));
  else if (!total) {
    const hint = login
      ? "What you ask is kept here with its sources, on the server; only you see it."
      : "What you ask is kept here with its sources, on this server’s disk.";
    items.push(make("li", "hint", say(hint)));
  }
  if (conversations.length < total) {
    const more = make("li", "history-tools");
    more.append(keyed("further", button("action", say("Show more"), () => trigger("more_history"))));
    items.push(more);
  }
  list.replaceChildren(...items);
  if (!conversations.some((each) => each.id === reached)) reached = current || "";
  if (!conversations.some((each) => each.id === reached)) reached = conversations[0]?.id || "";
  reach(reached);
  drawFoot(total);
}

// A hundred conversations are one stop on the way to the chat, not two hundred.
function reach(id) {
  reached = id;
  for (const each of list.querySelectorAll(".history-row button")) each.tabIndex = each.dataset.key.endsWith(":" + id) ? 0 : -1;
}

list.addEventListener("focusin", (event) => {
  const [, id] = event.target.dataset.key?.split(":") || [];
  if (event.target.closest(".history-row")) reach(id);
});
list.addEventListener("keydown", (event) => {
  const row = event.target.closest(".history-row");
  const rows = [...list.querySelectorAll(".history-row")];
  const places = { ArrowDown: rows.indexOf(row) + 1, ArrowUp: rows.indexOf(row) - 1, Home: 0, End: rows.length - 1 };
  if (!row || !(event.key in places)) return;
  event.preventDefault();
  const kind = event.target.classList.contains("history-more") ? ".history-more" : ".history-open";
  const next = rows[places[event.key]]?.querySelector(kind);
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
});

function toggle(id) {
  unfolded = unfolded === id ? "" : id;
  doomed = "";
  redraw("more:" + id);
}

function rename(each) {
  renaming = { id: each.id, title: each.title };
  redraw("title:" + each.id);
  shelf.querySelector(".history-rename input")?.select();
}

function stopRenaming() {
  const { id } = renaming;
  renaming = null;
  redraw("more:" + id);
}

function doom(id, before = "") {
  doomed = id;
  redraw(id ? "no:" + id : "delete:" + before);
}

function remove(id, feedback = false) {
  const shown = id === "all" || id === current;
  if (shown) gone = current;
  unfolded = doomed = "";
  if (id === "all") trigger("delete_conversations", { feedback });
  else trigger("delete_conversation", { id, feedback });
  if (shown) trigger("new_conversation");
  search.focus({ preventScroll: true });
}

function goBack() {
  close();
  target = inAddress("conversation");
  if (asked === null) goOn();
}

function goOn() {
  asked = target === current ? null : target;
  target = asked;
  if (asked) trigger("open_conversation", { conversation: asked });
  else if (asked === "") trigger("new_conversation");
}

// The address follows what is open. What was opened here becomes a step that Back leads to; what Back led to is one already,
// and what was deleted is none.
function follow(id, opened) {
  const [before, back] = [inAddress("conversation"), asked !== null];
  const first = current === null;
  current = id;
  if (back && !opened) return; // it is still to come
  const further = asked !== target; // Back was pressed once more meanwhile
  asked = null;
  if (back && further) return void goOn();
  target = null;
  writeAddress({ conversation: id }, opened && !first && !back && before && before !== id && before !== gone);
}

function choose(id) {
  trigger("open_conversation", { conversation: id });
  close();
}

function update() {
  const value = props.value || {};
  if (!("conversations" in value)) return;
  if (current === null) search.value = wanted = value.search;
  if ("said" in value) tell(said, value);
  if (value.file && value.file.stamp !== saved) {
    saved = value.file.stamp;
    saveFile(value.file);
  }
  const opened = value.openings !== openings;
  openings = value.openings;
  follow(value.current, opened);
  if (value.search === wanted) redraw();
}

search.addEventListener("input", () => {
  clearTimeout(searching);
  searching = setTimeout(() => {
    wanted = search.value;
    trigger("search_history", { text: wanted });
  }, 180);
});
fold.addEventListener("click", () => {
  open(body.hidden);
  if (phone.matches) search.focus({ preventScroll: true });
  else remembered(body.hidden ? "folded" : "open");
});
shelf.querySelector(".history-close").addEventListener("click", close);
shelf.querySelector(".history-new").addEventListener("click", () => {
  trigger("new_conversation");
  document.querySelector("#question textarea")?.focus();
});
shelf.addEventListener("keydown", (event) => {
  if (event.key === "Escape") close();
});

for (const screen of [phone, wide]) screen.addEventListener("change", () => open(fitting()), { signal: listening.signal });

window.addEventListener("popstate", goBack, { signal: listening.signal });
open(fitting());
watch("value", update);
update();
// The server opens what the address names, and then sends the list.
trigger("open_conversation", { conversation: inAddress("conversation") });
