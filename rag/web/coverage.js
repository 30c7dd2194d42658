// Beside the charts: the same as tables, and the article of the passage that was chosen in a chart or in a table.

const ROWS = 50;
const root = element.querySelector(".coverage");
const [tables, reader] = root.children;
const [passages, dates] = root.querySelectorAll("table");
const more = root.querySelector(".coverage-more");
let listed = ROWS;
let opener = null;

async function open(row, from) {
  opener = from;
  [tables.hidden, reader.hidden] = [true, false];
  const drawn = await openArticle(reader.querySelector("article"), row.article, row);
  if (drawn) reveal(drawn.mark || drawn.heading, drawn.mark ? "center" : "start");
}

function close() {
  [tables.hidden, reader.hidden] = [false, true];
  (opener?.isConnected ? opener : passages.querySelector("button"))?.focus();
}

function rowOf(cells) {
  const drawn = make("tr");
  drawn.append(...cells.map((cell) => (cell instanceof Node ? cell : make("td", "", cell))));
  return drawn;
}

function drawPassage(row, at, all) {
  const cell = make("td");
  const chosen = inLanguage(row.language, button("coverage-open", row.text, () => open(row, chosen)));
  if (row.article !== all[at - 1]?.article) cell.append(inLanguage(row.language, make("strong", "card-name", row.title)), make("p", "byline", row.byline));
  cell.append(chosen, make("p", "byline", row.words));
  return rowOf([cell, row.standing || "–"]);
}

function draw() {
  const { rows = [], columns = [], dates: counts = [] } = props.value || {};
  tables.hidden = !rows.length || !reader.hidden;
  passages.classList.toggle("unasked", !rows[0]?.rank);
  passages.tBodies[0].replaceChildren(...rows.slice(0, listed).map(drawPassage));
  more.hidden = rows.length <= listed;
  more.textContent = say("Show more ({count} left)", { count: rows.length - listed });
  dates.tHead.rows[0].replaceChildren(...columns.map((name) => Object.assign(make("th", "", name), { scope: "col" })));
  dates.tBodies[0].replaceChildren(...counts.map(([period, ...numbers]) => rowOf([period, ...numbers.map((each) => footnote.number(each))])));
  for (const each of [passages, dates]) asTable(each);
}

more.addEventListener("click", () => {
  const next = listed;
  listed += ROWS;
  draw();
  passages.querySelectorAll("button")[next].focus();
});
root.querySelector(".coverage-back").addEventListener("click", close);
reader.addEventListener("keydown", (event) => event.key === "Escape" && close());
// Vega hangs what is drawn on its elements; what has no article is a bar or a label.
document.addEventListener("click", (event) => {
  const row = event.target.closest?.("#coverage-map svg") && event.target.__data__?.datum;
  if (row?.article) open(row, null);
}, { signal: listening.signal });
watch("value", draw);
draw();
