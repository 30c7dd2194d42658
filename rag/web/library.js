// All files of the folder in a table, the names in them beside it, and the article that was chosen; on a phone it takes
// the table's place. The table is fetched when there is something new to see; it is searched and sorted here.

const ROWS = 100;
const NAMES = 50;
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
  { name: "outlet", title: "Outlet", all: "All outlets" },
  { name: "year", title: "Year", all: "All years" },
  { name: "language", title: "Language", all: "All languages" },
];
const STATUSES = {
  indexed: "Indexed", new: "New", changed: "Changed", removed: "File is gone", failed: "Could not be read",
  skipped: "Skipped",
};
const [library, title, about, search, choices, filters, said, table] = find(
  ".library", ".pane-title", ".pane-about", ".shelf-search", ".shelf-bar", ".shelf-filters", ".shelf-said", "table",
);
const [none, more, add, place, cited, remove, folded, nameSearch, list, left] = find(
  ".shelf-none", ".shelf-pages", ".shelf-add", "article", ".reader-cited", ".reader-remove", ".library-names details",
  ".library-names input", ".library-names ol", ".library-names p",
);
const languages = new Intl.DisplayNames([footnote.language], { type: "language" });
const { compare } = new Intl.Collator(footnote.language, { numeric: true, sensitivity: "base" });

let rows = [];
let stamp = null;
let fetching = false;
let filter = "all";
let chosen = {}; // outlet, year and language that rows must have
let known = []; // {name, also, mentions, articles, key}
let namesOf = null; // the stamp that they came with
let named = null; // the one of them that rows must name
let order = { name: "date", falling: true };
let listed = ROWS;
let reading = ""; // the article that is open, by id
let adder = null;

const limits = () => ({ obstacle: "", suffixes: [], ...given() });
const fold = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().replace(/ß/g, "ss");

function languageName(code) {
  try {
    return code ? languages.of(code) : "";
  } catch {
    return code; // an article may call its language anything
  }
}

function asRow([id, title, outlet, authors, date, code, passages, status, reason, readable, untitled]) {
  const [language, year] = [languageName(code), /^\d{4}/.exec(date)?.[0] || ""];
  const key = fold([title, id, outlet, authors, date, language, reason].join(" "));
  return { id, title, outlet, authors, date, code, passages, status, reason, readable, untitled, language, year, key };
}

async function fetchRows() {
  const wanted = (footnote.index || given()).stamp;
  if (fetching || wanted === stamp || !library.offsetParent) return;
  fetching = true;
  try {
    const found = await server.library_rows();
    if (found?.rows) {
      stamp = found.stamp;
      rows = found.rows.map(asRow);
      if (found.problem) tell(said, found);
      drawShelf();
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
  namesOf = wanted;
  known = found.names.map(([name, also, mentions, places]) => {
    const articles = new Set(places.map((each) => found.ids[each]));
    return { name, also, mentions, articles, key: fold([name, ...also].join(" ")) };
  });
  named = known.find((each) => each.name === named?.name) || null;
  drawShelf();
}

// Narrows by something more, or something else, from the first rows on.
function narrow(change = () => {}) {
  change();
  listed = ROWS;
  drawShelf();
}

function drawNames() {
  const found = known.filter((each) => each.key.includes(fold(nameSearch.value)));
  const item = (each) => {
    const { name, also, mentions, articles } = each;
    const counts = [
      say("{count} article|{count} articles", { count: articles.size }),
      say("{count} mention|{count} mentions", { count: mentions }),
    ];
    const looks = { title: [...counts, ...also].join(" · "), ariaPressed: String(named === each) };
    const press = () => narrow(() => (named = named === each ? null : each));
    const count = make("span.byline", footnote.number(articles.size));
    return make("li", button("name-button", press, keyed(name), looks, make("span", name), count));
  };
  const shown = found.slice(0, NAMES);
  draw(list, shown.map(item), nameSearch);
  const count = found.length - shown.length;
  const none = () => (namesOf === null ? say("The names are still being read…") : say("There are no names yet."));
  const nothing = () => (known.length ? say("No name has these letters.") : none());
  left.textContent = count ? say("{count} more; find them above.", { count }) : found.length ? "" : nothing();
}

function compared(first, second) {
  const { name, falling } = order;
  const [one, other] = [first[name], second[name]].map((each) => (name === "status" ? say(STATUSES[each]) : each));
  const empty = (one === "") - (other === ""); // what is not known comes last, whichever way
  if (empty) return empty;
  const found = name === "passages" ? one - other : compare(one, other);
  return (falling ? -found : found) || compare(first.title, second.title) || compare(first.id, second.id);
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

function drawChoice({ name, title, all }) {
  const values = [...new Set(rows.map((row) => row[name]).filter(Boolean))].sort(compare);
  if (name === "year") values.reverse();
  if (!values.includes(chosen[name])) chosen[name] = "";
  let select = choices.querySelector("." + name);
  if (!select) {
    const onchange = () => narrow(() => (chosen[name] = select.value));
    choices.append((select = make("select." + name, { ariaLabel: say(title), onchange })));
  }
  draw(select, ["", ...values].map((value) => new Option(value || say(all), value)));
  select.value = chosen[name];
  select.hidden = values.length + rows.some((row) => !row[name]) < 2;
}

function drawFilters() {
  const counts = { all: rows.length };
  for (const { status } of rows) counts[status] = (counts[status] || 0) + 1;
  if (!counts[filter]) filter = "all";
  const option = (status) => {
    const words = say(STATUSES[status] || "All") + " " + footnote.number(counts[status]);
    const looks = { ariaPressed: String(filter === status), dataset: { status, key: status } };
    return button("chip-button", () => narrow(() => (filter = status)), looks, words);
  };
  const present = ["all", ...Object.keys(STATUSES)].filter((status) => counts[status]);
  const ariaLabel = named && say("No longer only articles that name {name}", { name: named.name });
  const forget = () => narrow(() => (named = null));
  const away = () => button("chip-button", forget, keyed("name"), { ariaLabel }, named.name + " ×");
  const chips = [...(present.length > 2 ? present.map(option) : []), ...(named ? [away()] : [])];
  filters.hidden = !chips.length;
  draw(filters, chips, title);
}

function drawHead({ name, title, falling }) {
  const now = order.name === name;
  const sort = () => narrow(() => (order = { name, falling: now ? !order.falling : Boolean(falling) }));
  const ariaSort = now && (order.falling ? "descending" : "ascending");
  const looks = { scope: "col", ...(now && { ariaSort }) };
  return make("th.c-" + name, looks, button("shelf-sort", sort, keyed(name), say(title)));
}

function drawRow(row) {
  const { id, title, readable, reason, status } = row;
  const cell = (name, ...parts) => make("td.c-" + name, ...parts);
  // The file whose beginning stands for a title, and what of it is missing.
  const why = [row.untitled && readable && id, reason].filter(Boolean).map((each) => make("span.reason", each));
  const kind = ["span.card-name", !readable && "unread", row.untitled && "untitled"].filter(Boolean).join(".");
  const name = make(kind, { lang: row.code }, title);
  const current = { ariaCurrent: id === reading ? "true" : null };
  const open = readable && button("library-item", () => choose(row), keyed("read " + id), current, name);
  const line = readable && make("span.byline", [row.outlet, row.date].filter(Boolean).join(" · "));
  const label = { ariaLabel: say("Remove {name}", { name: title }) };
  const away = status === "failed" && !limits().obstacle;
  // A press anywhere in the row opens it, unless text is being marked.
  const press = ({ target }) => target.closest("button") || String(getSelection()) || choose(row);
  return make(
    "tr",
    { title: id, dataset: { status } },
    readable && { onclick: press },
    cell("title", open || name, line, why),
    cell("outlet", row.outlet),
    cell("authors", row.authors),
    cell("date", row.date),
    cell("language", row.language),
    cell("passages", readable && footnote.number(row.passages)),
    cell(
      "status",
      make("span.shelf-status", say(STATUSES[status])),
      away && button("action.quiet", () => ask(row), keyed("remove " + id), label, say("Remove")),
    ),
  );
}

function drawMore(left) {
  const show = () => {
    const next = listed;
    listed += ROWS;
    drawShelf();
    table.tBodies[0].rows[next].querySelector("button")?.focus();
  };
  more.hidden = left <= 0;
  draw(more, button("action", show, say("Show more ({count} left)", { count: left })));
}

function drawShelf() {
  CHOICES.forEach(drawChoice);
  drawFilters();
  drawNames();
  const shown = shownRows();
  const [count, some] = [rows.length, shown.length];
  draw(table.tHead.rows[0], COLUMNS.map(drawHead));
  draw(table.tBodies[0], shown.slice(0, listed).map(drawRow), title);
  table.hidden = !some;
  none.hidden = Boolean(some);
  none.textContent = count
    ? say("No article fits all of this.")
    : footnote.index?.serving && stamp
      ? say("There are no articles yet.")
      : say("The articles are listed here as soon as they are read.");
  const all = count ? say("{count} file|{count} files", { count }) : "";
  const few = some < count && say("{shown} of {count} file|{shown} of {count} files", { shown: some, count });
  draw(about, few || all); // read aloud, so only when it is news
  drawMore(some - listed);
}

async function choose(row) {
  const { id, status } = row;
  if (inAddress("read") !== id) writeAddress({ read: id }, true);
  reading = id;
  drawShelf();
  library.classList.add("reading");
  cited.replaceChildren();
  remove.hidden = Boolean(limits().obstacle) || status === "removed";
  remove.onclick = () => ask(row);
  const spans = (footnote.citations?.() || []).filter((card) => card.article === id);
  await openArticle(place, id, {}, spans.slice(0, 200));
  if (reading === id) cited.replaceChildren(...place.querySelectorAll(".article-steps")); // this stays in view
}

function close() {
  const row = table.querySelector('[aria-current="true"]')?.dataset.key;
  if (inAddress("read")) writeAddress({ read: "" }, true);
  library.classList.remove("reading");
  reading = "";
  drawShelf();
  const open = row && table.querySelector(`[data-key="${CSS.escape(row)}"]`);
  const target = open || table.querySelector(".library-item, th button");
  if (target) reveal(target, "nearest");
}

// Shows what the address names: an article, or all of them.
function arrive() {
  const id = inAddress("read");
  if (id === reading) return;
  const row = rows.find((each) => each.id === id && each.readable);
  if (row) choose(row);
  else if (reading) close();
}

function ask({ id, title }) {
  const words = say(
    "The file {name} is moved into the hidden folder .removed in the folder of articles, and no answer uses it any more.",
    { name: id.replace(/#\d+$/, "") },
  );
  const away = () => {
    if (id === reading) close();
    tell(said, { said: say("Removing…") });
    trigger("remove", { id });
  };
  const choices = [[say("Remove"), away, "model-button"], [say("Keep it"), null, "action.quiet"]];
  askFirst(say("Remove “{name}”?", { name: title }), choices, make("p.hint", words));
}

on(search, "input", () => narrow());
on(nameSearch, "input", drawNames);
folded.open = !phone.matches;
on(library.querySelector(".library-back"), "click", close);
on(library.querySelector(".library-reader"), "keydown", (event) => event.key === "Escape" && close());
on(window, "popstate", arrive);
on(window, "footnote:index", fetchRows);
const seen = new IntersectionObserver(fetchRows);
seen.observe(library);
listening.signal.addEventListener("abort", () => seen.disconnect());
follow(() => {
  const { obstacle, suffixes, said: done = "", problem = "" } = limits();
  remove.hidden ||= Boolean(obstacle);
  drawShelf();
  if (obstacle) draw(add, make("p.hint", obstacle));
  else if (!adder && suffixes.length)
    add.replaceChildren((adder = makeAdder(limits(), { zone: library })));
  if (done || problem) tell(said, { said: done, problem });
  if (done || problem) footnote.hurry?.();
  fetchRows();
});
