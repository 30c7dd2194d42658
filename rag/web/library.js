// All files of the folder in a table, the names in them beside it, and the article that was chosen beside it; on a phone it takes the table's place. The
// table is fetched when there is something new to see; it is searched, sorted and paged here.

const ROWS = 100;
const COLUMNS = [
  { name: "title", title: "Title" },
  { name: "outlet", title: "Outlet" },
  { name: "authors", title: "Authors" },
  { name: "date", title: "Date", falling: true },
  { name: "language", title: "Language" },
  { name: "passages", title: "Passages", falling: true },
  { name: "status", title: "Status" },
];
// What rows are narrowed by, and what is said where they are not.
const CHOICES = [
  { name: "outlet", all: "All outlets" },
  { name: "year", all: "All years" },
  { name: "language", all: "All languages" },
];
const NAMES = 50;
const STATUSES = {
  indexed: "Indexed", new: "New", changed: "Changed", removed: "File is gone", failed: "Could not be read", skipped: "Skipped",
};
const library = element.querySelector(".library");
const title = library.querySelector(".pane-title");
const about = library.querySelector(".pane-about");
const search = library.querySelector(".shelf-search");
const choices = library.querySelector(".shelf-bar");
const filters = library.querySelector(".shelf-filters");
const names = library.querySelector(".library-names details");
const said = library.querySelector(".shelf-said");
const table = library.querySelector(".shelf-table");
const none = library.querySelector(".shelf-none");
const pages = library.querySelector(".shelf-pages");
const add = library.querySelector(".shelf-add");
const place = library.querySelector("article");
const cited = library.querySelector(".reader-cited");
const remove = library.querySelector(".reader-remove");
const dialog = library.querySelector("dialog");
const languages = new Intl.DisplayNames([footnote.language], { type: "language" });
const collator = new Intl.Collator(footnote.language, { numeric: true, sensitivity: "base" });

let rows = [];
let stamp = null;
let fetching = false;
let filter = "all";
let chosen = {}; // outlet, year and language that rows must have
let known = []; // {name, also, mentions, articles, key}
let named = null; // the one of them that rows must name
let order = { name: "date", falling: true };
let page = 0;
let reading = ""; // the article that is open, by id
let opener = null;
let doomed = null; // the row that is asked about

function fold(text) {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().replace(/ß/g, "ss");
}

function languageName(code) {
  try {
    return code ? languages.of(code) : "";
  } catch {
    return code; // an article may call its language anything
  }
}

function asRow([id, title, outlet, authors, date, code, passages, status, reason, readable, untitled]) {
  const row = { id, title, outlet, authors, date, code, passages, status, reason, readable, untitled };
  row.language = languageName(code);
  row.year = /^\d{4}/.exec(date)?.[0] || "";
  row.key = fold([title, id, outlet, authors, date, row.language, row.reason].join(" "));
  return row;
}

async function fetchRows() {
  const wanted = (footnote.index || props.value || {}).stamp;
  if (fetching || wanted === stamp || !library.offsetParent) return;
  fetching = true;
  try {
    const found = await server.library_rows();
    if (found && found.rows) {
      stamp = found.stamp;
      rows = found.rows.map(asRow);
      if (found.problem) tell(said, found);
      drawFilters();
      drawTable();
      arrive();
    }
  } finally {
    fetching = false;
  }
  await fetchNames(stamp);
}

// The names of so many articles may take a while: the table is there before.
async function fetchNames(wanted) {
  let found = null;
  while (wanted === stamp && (!found || found.wait)) found = await server.library_names();
  if (wanted !== stamp || !found.names) return;
  known = found.names.map(([name, also, mentions, places]) => ({ name, also, mentions, articles: new Set(places.map((place) => found.ids[place])), key: fold([name, ...also].join(" ")) }));
  named = known.find((each) => each.name === named?.name) || null;
  drawNames();
}

function drawNames() {
  const words = fold(names.querySelector("input").value);
  const found = known.filter((each) => each.key.includes(words));
  const items = found.slice(0, NAMES).map((each) => {
    const open = keyed(each.name, button("name-button", undefined, () => {
      named = named === each ? null : each;
      narrow();
      drawNames();
    }));
    open.append(make("span", "", each.name), make("span", "byline", footnote.number(each.articles.size)));
    open.title = [say("{count} article|{count} articles", { count: each.articles.size }), say("{count} mention|{count} mentions", { count: each.mentions }), ...each.also].join(" · ");
    open.setAttribute("aria-pressed", String(named === each));
    const item = make("li");
    item.append(open);
    return item;
  });
  drawInto(names.querySelector("ol"), items, names.querySelector("input"));
  const left = found.length - items.length;
  names.querySelector("p").textContent = left > 0 ? say("{count} more; find them above.", { count: left }) : found.length ? "" : known.length ? say("No name has these letters.") : say("There are no names yet.");
}

function narrow() {
  page = 0;
  drawFilters();
  drawTable();
}

function compared(first, second) {
  const { name, falling } = order;
  const [one, other] = [first[name], second[name]];
  const empty = (one === "") - (other === ""); // what is not known comes last, whichever way
  if (empty) return empty;
  const found = name === "passages" ? one - other : name === "status" ? collator.compare(say(STATUSES[one]), say(STATUSES[other])) : collator.compare(one, other);
  return (falling ? -found : found) || collator.compare(first.title, second.title) || collator.compare(first.id, second.id);
}

function shownRows() {
  const words = fold(search.value).split(/\s+/).filter(Boolean);
  const fits = (row) =>
    (filter === "all" || row.status === filter) &&
    CHOICES.every(({ name }) => !chosen[name] || row[name] === chosen[name]) &&
    (!named || named.articles.has(row.id)) &&
    words.every((word) => row.key.includes(word));
  return rows.filter(fits).sort(compared);
}

function drawChoices() {
  for (const { name, all } of CHOICES) {
    const values = [...new Set(rows.map((row) => row[name]).filter(Boolean))].sort(collator.compare);
    if (name === "year") values.reverse();
    if (!values.includes(chosen[name])) chosen[name] = "";
    let select = choices.querySelector("." + name);
    if (!select) {
      select = make("select", name);
      select.setAttribute("aria-label", say(COLUMNS.find((each) => each.name === name)?.title || "Year"));
      select.addEventListener("change", () => {
        chosen[name] = select.value;
        narrow();
      });
      choices.append(select);
    }
    select.replaceChildren(...["", ...values].map((value) => new Option(value || say(all), value)));
    select.value = chosen[name];
    select.hidden = new Set(rows.map((row) => row[name])).size < 2;
  }
}

function drawFilters() {
  drawChoices();
  const counts = {};
  for (const { status } of rows) counts[status] = (counts[status] || 0) + 1;
  if (filter !== "all" && !counts[filter]) filter = "all";
  const present = Object.keys(STATUSES).filter((status) => counts[status]);
  const option = (status, name, count) => {
    const drawn = button("chip-button", name + " " + footnote.number(count), () => {
      filter = status;
      narrow();
    });
    drawn.setAttribute("aria-pressed", String(filter === status));
    drawn.dataset.status = status;
    return keyed(status, drawn);
  };
  const chips = present.length < 2 ? [] : [option("all", say("All"), rows.length), ...present.map((status) => option(status, say(STATUSES[status]), counts[status]))];
  if (named) {
    const away = keyed("name", button("chip-button", named.name + " ×", () => {
      named = null;
      narrow();
      drawNames();
    }));
    away.setAttribute("aria-label", say("No longer only articles that name {name}", { name: named.name }));
    chips.push(away);
  }
  filters.hidden = !chips.length;
  drawInto(filters, chips, title);
}

function drawHead() {
  const heads = COLUMNS.map(({ name, title, falling }) => {
    const head = make("th", "c-" + name);
    head.scope = "col";
    if (order.name === name) head.setAttribute("aria-sort", order.falling ? "descending" : "ascending");
    head.append(
      button("shelf-sort", say(title), () => {
        order = { name, falling: order.name === name ? !order.falling : Boolean(falling) };
        page = 0;
        drawHead();
        drawTable();
        table.querySelector("th.c-" + name + " button").focus();
      }),
    );
    return head;
  });
  table.tHead.rows[0].replaceChildren(...heads);
}

function drawRow(row) {
  const drawn = make("tr");
  drawn.dataset.status = row.status;
  const cell = (name, ...parts) => {
    const made = make("td", "c-" + name);
    made.append(...parts);
    drawn.append(made);
    return made;
  };
  const name = inLanguage(row.code, make("span", row.readable ? "card-name" : "card-name unread", row.title));
  name.classList.toggle("untitled", row.untitled);
  drawn.title = row.id;
  const line = make("span", "byline", row.readable ? [row.outlet, row.date].filter(Boolean).join(" · ") : "");
  if (row.readable) {
    const open = keyed("read " + row.id, button("library-item", undefined, () => choose(row, open)));
    open.append(name);
    if (row.id === reading) mark(open);
    cell("title", open, line, ...(row.reason ? [make("span", "reason", row.reason)] : [])); // what of the file is missing
    drawn.addEventListener("click", (event) => event.target.closest("button") || String(getSelection()) || choose(row, open));
  } else cell("title", name, make("span", "reason", row.reason));
  cell("outlet", row.outlet);
  cell("authors", row.authors);
  cell("date", row.date);
  cell("language", row.language);
  cell("passages", row.readable ? footnote.number(row.passages) : "").title = row.readable ? row.reason : "";
  const status = cell("status", make("span", "shelf-status", say(STATUSES[row.status])));
  if (row.status === "failed" && !limits().obstacle) {
    const away = keyed("remove " + row.id, button("action quiet", say("Remove"), () => ask(row)));
    away.setAttribute("aria-label", say("Remove {name}", { name: row.title }));
    status.append(away);
  }
  return drawn;
}

function drawPages(count) {
  const last = Math.max(0, Math.ceil(count / ROWS) - 1);
  pages.hidden = !last;
  const turn = (text, to) => {
    const drawn = button("action", text, () => {
      page = to;
      drawTable();
      library.querySelector(".library-list").scrollTop = 0;
      reveal(table.querySelector(".library-item, th button"), "nearest");
    });
    drawn.disabled = to < 0 || to > last;
    return keyed(text, drawn);
  };
  const range = say("{first} to {last} of {count}", { first: page * ROWS + 1, last: Math.min(count, (page + 1) * ROWS), count });
  drawInto(pages, [turn(say("Previous"), page - 1), make("span", "byline", range), turn(say("Next"), page + 1)], title);
}

function drawTable() {
  const shown = shownRows();
  page = Math.min(page, Math.max(0, Math.ceil(shown.length / ROWS) - 1));
  drawInto(table.tBodies[0], shown.slice(page * ROWS, (page + 1) * ROWS).map(drawRow), title);
  asTable(table).hidden = !shown.length;
  none.hidden = Boolean(shown.length);
  none.textContent = rows.length
    ? say("No article fits all of this.")
    : (footnote.index || {}).serving
      ? say("There are no articles yet.")
      : say("The articles are listed here as soon as they are read.");
  const count = rows.length;
  const counted = shown.length < count ? say("{shown} of {count} file|{shown} of {count} files", { shown: shown.length, count }) : count ? say("{count} file|{count} files", { count }) : "";
  if (about.textContent !== counted) about.textContent = counted; // read aloud, so only when it is news
  drawPages(shown.length);
}

function mark(open) {
  for (const each of table.querySelectorAll("[aria-current]")) each.removeAttribute("aria-current");
  open?.setAttribute("aria-current", "true");
}

async function choose(row, open) {
  if (inAddress("read") !== row.id) writeAddress({ read: row.id }, true);
  reading = row.id;
  opener = row;
  mark(open);
  library.classList.add("reading");
  const spans = (footnote.citations?.() || []).filter((card) => card.article === row.id);
  cited.replaceChildren();
  remove.hidden = Boolean(limits().obstacle) || row.status === "removed";
  remove.onclick = () => ask(row);
  const drawn = await openArticle(place, row.id, {}, spans.slice(0, 200));
  if (!drawn) return;
  cited.replaceChildren(...place.querySelectorAll(".article-steps")); // what answers quote from it; this stays in view
  reveal(drawn.heading, "start");
}

function close() {
  if (inAddress("read")) writeAddress({ read: "" }, true);
  library.classList.remove("reading");
  const open = table.querySelector('[aria-current="true"]') || table.querySelector(".library-item, th button");
  reading = "";
  mark(null);
  if (open) reveal(open, "nearest");
}

// Shows what the address names: an article, or all of them.
function arrive() {
  const id = inAddress("read");
  if (id === reading) return;
  const row = rows.find((each) => each.id === id && each.readable);
  if (row) choose(row, table.querySelector('[data-key="' + CSS.escape("read " + id) + '"]'));
  else if (reading) close();
}

function limits() {
  return { obstacle: "", suffixes: [], megabytes: 0, ...props.value };
}

function ask(row) {
  doomed = row;
  dialog.querySelector("h2").textContent = say("Remove “{name}”?", { name: row.title });
  dialog.querySelector("p").textContent = say("The file {name} is moved into the hidden folder .removed in the folder of articles, and no answer uses it any more.", { name: row.id.replace(/#\d+$/, "") });
  dialog.showModal();
}

dialog.querySelector(".shelf-keep").addEventListener("click", () => dialog.close());
dialog.querySelector(".shelf-do").addEventListener("click", () => {
  dialog.close();
  if (doomed.id === reading) close();
  tell(said, { said: say("Removing…") });
  trigger("remove", { id: doomed.id });
});

let adder = null;
let hindered = ""; // what stood in the way of changes when the rows were drawn
function drawRoom() {
  const { obstacle, said: done = "", problem = "" } = limits();
  if (obstacle !== hindered) {
    hindered = obstacle;
    remove.hidden ||= Boolean(obstacle);
    drawTable();
  }
  if (obstacle) add.replaceChildren(make("p", "hint", obstacle));
  else if (!adder && limits().suffixes.length) add.replaceChildren((adder = makeAdder(limits(), fetchRows, library)));
  if (done || problem) {
    tell(said, { said: done, problem });
    footnote.hurry?.();
  }
  fetchRows();
}

search.addEventListener("input", narrow);
names.querySelector("input").addEventListener("input", drawNames);
names.open = window.matchMedia("(min-width: 900px)").matches;
library.querySelector(".library-back").addEventListener("click", close);
library.querySelector(".library-reader").addEventListener("keydown", (event) => event.key === "Escape" && close());
window.addEventListener("popstate", arrive, { signal: listening.signal });
window.addEventListener("footnote:index", fetchRows, { signal: listening.signal });
const seen = new IntersectionObserver(fetchRows);
seen.observe(library);
listening.signal.addEventListener("abort", () => seen.disconnect());
watch("value", drawRoom);
drawHead();
drawTable();
drawRoom();
