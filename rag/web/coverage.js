// Beside the charts: the same as tables, and the article of the passage that was chosen in a chart or in a table.

const ROWS = 50;
const [tables, reader, passages, dates, more, back] = find(
  ".coverage-tables", ".coverage-reader", ".coverage-passages", ".coverage-dates", ".coverage-more", ".coverage-back",
);
let listed = ROWS;
const toggle = (opened) => ([tables.hidden, reader.hidden] = [opened, !opened]);
const open = makeReader(reader.querySelector("article"), back, toggle, () => passages.querySelector("button"));

const rowOf = (cells) => make("tr", cells.map((cell) => (cell instanceof Node ? cell : make("td", cell))));

function drawPassage(row, at, all) {
  const lang = { lang: row.language };
  const first = row.article !== all[at - 1]?.article;
  const chosen = button("coverage-open", () => open(row, chosen), lang, row.text);
  const head = first && [make("strong.card-name", lang, row.title), make("p.byline", row.byline)];
  return rowOf([make("td", head, chosen, make("p.byline", row.words)), row.standing || "–"]);
}

function drawTables() {
  const { rows = [], columns = [], dates: counts = [] } = given();
  tables.hidden = !rows.length || !reader.hidden;
  passages.classList.toggle("unasked", !rows[0]?.rank);
  passages.tBodies[0].replaceChildren(...rows.slice(0, listed).map(drawPassage));
  more.hidden = rows.length <= listed;
  more.textContent = say("Show more ({count} left)", { count: rows.length - listed });
  draw(dates.tHead.rows[0], columns.map((name) => make("th", { scope: "col" }, name)));
  const line = ([period, ...numbers]) => rowOf([period, ...numbers.map((each) => footnote.number(each))]);
  draw(dates.tBodies[0], counts.map(line));
}

on(more, "click", () => {
  const next = listed;
  listed += ROWS;
  drawTables();
  passages.querySelectorAll("button")[next].focus();
});
// Vega hangs what is drawn on its elements; what has no article is a bar or a label.
on(document, "click", (event) => {
  const row = event.target.closest?.("#coverage-map svg") && event.target.__data__?.datum;
  if (row?.article) open(row, null);
});
follow(drawTables);
