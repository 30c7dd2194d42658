// The conversations beside the chat: opened, searched, renamed where they stand, saved as files, deleted. On a phone
// they cover the chat until one is chosen. The page's address names the one that is open, and Back leads to the one
// before.

const [shelf, fold, body, search, said, list, foot] = find(
  ".history", ".history-fold", ".history-body", ".history-search", ".history-said", ".history-list", ".history-foot",
);
const wide = window.matchMedia("(min-width: 1200px)");

let current = null; // the conversation that is open; null until the page has arrived at its address
let openings = 0; // how often the server has opened another one, or has told why not
let gone = ""; // the one that was deleted last while it was open: Back does not lead there
let target = null; // the one that Back leads to, until it is open
let asked = null; // the one that was asked for so: gradio drops what is asked for while the same is still going on
let unfolded = ""; // the one whose tools are shown
let wanted = ""; // what was searched for last; answers to earlier searches come too late
let searching = 0;
let saved = 0;
let reached = ""; // the one that the keyboard reaches by Tab; up and down go on from there

function open(shown) {
  body.hidden = !shown;
  fold.ariaExpanded = String(shown);
  cover(body, shown);
  shelf.classList.toggle("open", shown);
}

// As it was left; else open where there is room for it.
function fit() {
  const [, chosen] = document.cookie.match(/(?:^|; )footnote_history=(open|folded)/) || [];
  open(!phone.matches && (chosen ? chosen === "open" : wide.matches));
}

function close() {
  if (!phone.matches || body.hidden) return;
  open(false);
  fold.focus({ preventScroll: true });
}

function when(updated) {
  const [time, now] = [new Date(updated), new Date()];
  const clock = { hour: "2-digit", minute: "2-digit" };
  if (now.toDateString() === time.toDateString()) return time.toLocaleTimeString(footnote.locale, clock);
  const year = now.getFullYear() === time.getFullYear() ? undefined : "numeric";
  return time.toLocaleDateString(footnote.locale, { day: "numeric", month: "short", year });
}

// A button among the tools, known by what it does and to which conversation.
const tool = (name, id, onclick, words, kind = "action", title = "") =>
  button(kind, onclick, { title }, keyed(`${name}:${id}`), words);

function drawItem(each) {
  const { id, title, turns, updated } = each;
  const count = say("{count} question|{count} questions", { count: turns });
  const byline = make("span.byline", when(updated) + " · " + count);
  const tab = { tabIndex: id === reached ? 0 : -1 };
  const now = { ariaCurrent: id === current ? "true" : null };
  const opener = tool("open", id, () => choose(id), [make("span.card-name", title), byline, tab, now], "history-open");
  const words = make("span.spoken", say("Rename, save or delete") + ": " + title);
  const shown = { ariaExpanded: String(unfolded === id) };
  const more = tool("more", id, () => toggle(id), [words, tab, shown], "history-more");
  return make("li.history-item", make("div.history-row", opener, more), unfolded === id && drawTools(each));
}

function drawTools({ id, title }) {
  const save = ([kind, name]) =>
    tool(kind, id, () => trigger("export_conversation", { id, kind }), name, "action", say("Save as {name}", { name }));
  return make(
    "div.history-tools",
    tool("rename", id, () => rename(id, title), say("Rename")),
    tool("delete", id, () => askToDelete(id), say("Delete…"), "action.danger"),
    make("span.history-asked", say("Save as")),
    Object.entries(given().kinds).map(save),
  );
}

function askToDelete(id) {
  const question = id === "all" ? say("Delete all conversations for good?") : say("Delete this conversation for good?");
  const about = say("Also what you said of the answers, which otherwise stays");
  askFirst(question, [
    [say("Delete"), () => remove(id), "model-button"],
    [say("Delete with feedback"), () => remove(id, true), "action.danger", about],
    [say("Keep"), null, "action.quiet"],
  ]);
}

function rename(id, title) {
  const label = say("Title of the conversation");
  const input = make("input", { maxLength: 120, value: title, ariaLabel: label, autofocus: true });
  const save = () => trigger("rename_conversation", { id, title: input.value });
  const choices = [[say("Save"), save, "model-button"], [say("Cancel"), null, "action.quiet"]];
  askFirst(label, choices, make("p.history-rename", input));
  input.select();
}

function drawFoot(total) {
  const about = say("What you said of answers, as a file of questions");
  const ask = () => trigger("export_feedback");
  const feedback = tool("feedback", "", ask, say("Export feedback"), "action.quiet", about);
  const all = total > 0 && tool("delete", "all", () => askToDelete("all"), say("Delete all…"), "action.quiet");
  draw(foot, make("div.history-tools", feedback, all));
}

function drawList() {
  const { conversations = [], total = 0, unreadable = "", login = false } = given();
  const hint = login
    ? "What you ask is kept here with its sources, on the server; only you see it."
    : "What you ask is kept here with its sources, on this server’s disk.";
  // All conversations are one stop on the way to the chat, not two for each.
  const listed = (id) => conversations.some((each) => each.id === id);
  if (!listed(reached)) reached = listed(current) ? current : conversations[0]?.id || "";
  const older = total - conversations.length;
  const found = say("{count} older one is found by searching.|{count} older ones are found by searching.", { count: older });
  draw(list, [
    conversations.map(drawItem),
    unreadable && make("li.failure", unreadable),
    !unreadable && !total && make("li.hint", wanted ? say("No conversation holds these words.") : say(hint)),
    older > 0 && make("li.hint", found),
  ]);
  drawFoot(total);
}

function reach(id) {
  reached = id;
  for (const each of list.querySelectorAll(".history-row button"))
    each.tabIndex = each.dataset.key.endsWith(":" + id) ? 0 : -1;
}

on(list, "focusin", (event) => {
  if (event.target.closest(".history-row")) reach(event.target.dataset.key.split(":")[1]);
});
on(list, "keydown", (event) => {
  const rows = [...list.querySelectorAll(".history-row")];
  const at = rows.indexOf(event.target.closest(".history-row"));
  const places = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1 };
  if (at < 0 || !(event.key in places)) return;
  event.preventDefault();
  const kind = event.target.matches(".history-more") ? ".history-more" : ".history-open";
  const next = rows[places[event.key]]?.querySelector(kind);
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
});

function toggle(id) {
  unfolded = unfolded === id ? "" : id;
  drawList();
}

function remove(id, feedback = false) {
  const shown = id === "all" || id === current;
  if (shown) gone = current;
  unfolded = "";
  if (id === "all") trigger("delete_conversations", { feedback });
  else trigger("delete_conversation", { id, feedback });
  if (shown) trigger("new_conversation");
  search.focus({ preventScroll: true });
}

function choose(id) {
  trigger("open_conversation", { conversation: id });
  close();
}

// Opens what Back leads to.
function goOn() {
  asked = target === current ? null : target;
  target = asked;
  if (asked) trigger("open_conversation", { conversation: asked });
  else if (asked === "") trigger("new_conversation");
}

// The address follows what is open. What was opened here becomes a step that Back leads to; what Back led to is one
// already, and what was deleted is none.
function address(id, opened) {
  const [before, back, first] = [inAddress("conversation"), asked !== null, current === null];
  current = id;
  if (back && !opened) return; // it is still to come
  const further = asked !== target; // Back was pressed once more meanwhile
  asked = null;
  if (back && further) return goOn();
  target = null;
  writeAddress({ conversation: id }, opened && !first && !back && before && before !== id && before !== gone);
}

on(search, "input", () => {
  clearTimeout(searching);
  searching = setTimeout(() => trigger("search_history", { text: (wanted = search.value) }), 180);
});
on(fold, "click", () => {
  open(body.hidden);
  if (phone.matches) search.focus({ preventScroll: true });
  else footnote.setCookie("footnote_history", body.hidden ? "folded" : "open");
});
on(shelf.querySelector(".history-close"), "click", close);
on(shelf.querySelector(".history-new"), "click", () => {
  trigger("new_conversation");
  document.querySelector("#question textarea")?.focus();
});
on(shelf, "keydown", (event) => event.key === "Escape" && close());
for (const screen of [phone, wide]) on(screen, "change", fit);
on(window, "popstate", () => {
  close();
  target = inAddress("conversation");
  if (asked === null) goOn();
});
fit();
follow(() => {
  const value = given();
  if (!("conversations" in value)) return;
  if (current === null) search.value = wanted = value.search;
  if ("said" in value) tell(said, value);
  if (value.file && value.file.stamp !== saved) {
    saved = value.file.stamp;
    saveFile(value.file);
  }
  const opened = value.openings !== openings;
  openings = value.openings;
  address(value.current, opened);
  if (value.search === wanted) drawList();
});
// The server opens what the address names, and then sends the list.
trigger("open_conversation", { conversation: inAddress("conversation") });
