// The map: every passage a point, the passages of the answer that is read ringed, its question a star. One canvas, redrawn
// whole: thousands of elements would be slow to move. The table beside it says the same in words.

const root = element.querySelector(".map");
const find = (name) => root.querySelector(".map-" + name);
const [about, stage, canvas, peek, said, table] = ["about", "stage", "canvas", "peek", "said", "table"].map(find);
const [side, back, passagePlace, articlesPlace, legend, reader] = ["side", "back", "passage", "articles", "legend", "article"].map(find);
const [more, finder, switcher] = ["more", "find", "switch"].map(find);
const pen = canvas.getContext("2d");

const COLOURS = 6;
const SHAPES = ["circle", "square", "triangle", "diamond", "plus"]; // 5 and 6 share no factor: 30 articles look different
const LISTED = 100; // rows of the table and articles of the legend at once
const REACH = 14; // pixels from a point within which it is meant
const LABELLED = 60; // with more articles than this, titles would only hide points
const CLOSEST = 40;
const EDGE = 34; // pixels around the map for rings and labels

let key = ""; // which map is drawn
let points = []; // {row, x, y, article, text}
let articles = new Map(); // by id: {article, title, byline, colour, shape, count}
let drawn = null; // the answer whose hits are ringed
let star = null;
let hits = new Map(); // by row: {hit, cited}
let view = { scale: 1, x: 0.5, y: 0.5 }; // the middle of what is seen
let focused = -1;
let chosen = -1;
let alone = ""; // the article that is looked at by itself
let listed = LISTED;
let size = { width: 0, height: 0 };

/* where things are */

const toScreen = (x, y) => [
  size.width / 2 + (x - view.x) * (size.width - 2 * EDGE) * view.scale,
  size.height / 2 + (y - view.y) * (size.height - 2 * EDGE) * view.scale,
];
const radius = () => Math.max(3, Math.min(8, 90 / Math.sqrt(points.length || 1))) * Math.min(2, Math.sqrt(view.scale));

function keepInside() {
  view.scale = Math.max(1, Math.min(CLOSEST, view.scale));
  const half = 0.5 / view.scale;
  view.x = Math.max(half, Math.min(1 - half, view.x));
  view.y = Math.max(half, Math.min(1 - half, view.y));
}

function zoom(factor, at = [size.width / 2, size.height / 2]) {
  const before = view.scale;
  view.scale = Math.max(1, Math.min(CLOSEST, before * factor));
  const keep = (1 / before - 1 / view.scale);
  view.x += ((at[0] - size.width / 2) / (size.width - 2 * EDGE)) * keep;
  view.y += ((at[1] - size.height / 2) / (size.height - 2 * EDGE)) * keep;
  keepInside();
  redraw();
}

function move(dx, dy) {
  view.x -= dx / ((size.width - 2 * EDGE) * view.scale);
  view.y -= dy / ((size.height - 2 * EDGE) * view.scale);
  keepInside();
  redraw();
}

function nearest([x, y]) {
  let best = -1;
  let least = Math.max(REACH, radius() + 4) ** 2;
  points.forEach((point, at) => {
    if (alone && point.article !== alone) return;
    const [px, py] = toScreen(point.x, point.y);
    const distance = (px - x) ** 2 + (py - y) ** 2;
    // Of two that lie upon each other a hit is meant.
    if (distance < least - (hits.has(point.row) ? 0 : 1)) [best, least] = [at, distance];
  });
  return best;
}

// The nearest point in a direction, within a quarter of the circle; without a point to start from, the middle counts.
function towards(dx, dy) {
  const from = focused >= 0 ? toScreen(points[focused].x, points[focused].y) : [size.width / 2, size.height / 2];
  let best = focused;
  let least = Infinity;
  points.forEach((point, at) => {
    if (at === focused || (alone && point.article !== alone)) return;
    const [px, py] = toScreen(point.x, point.y);
    const along = (px - from[0]) * dx + (py - from[1]) * dy;
    const aside = Math.abs((px - from[0]) * dy - (py - from[1]) * dx);
    if (along <= 0 || aside > along) return;
    const distance = along + 2 * aside;
    if (distance < least) [best, least] = [at, distance];
  });
  return best;
}

/* drawing */

function outline(shape, x, y, r) {
  if (shape === "circle") {
    pen.moveTo(x + r, y);
    pen.arc(x, y, r, 0, 2 * Math.PI);
    return;
  }
  const w = r * 0.38;
  const corners = {
    square: [[-0.9, -0.9], [0.9, -0.9], [0.9, 0.9], [-0.9, 0.9]],
    triangle: [[0, -1.2], [1.1, 0.8], [-1.1, 0.8]],
    diamond: [[0, -1.25], [1.25, 0], [0, 1.25], [-1.25, 0]],
    plus: [[-w, -r * 1.2], [w, -r * 1.2], [w, -w], [r * 1.2, -w], [r * 1.2, w], [w, w], [w, r * 1.2], [-w, r * 1.2], [-w, w], [-r * 1.2, w], [-r * 1.2, -w], [-w, -w]].map(([a, b]) => [a / r, b / r]),
  }[shape];
  corners.forEach(([a, b], at) => pen[at ? "lineTo" : "moveTo"](x + a * r, y + b * r));
  pen.closePath();
}

function drawStar([x, y], ink, fill) {
  pen.beginPath();
  for (let at = 0; at < 10; at += 1) {
    const r = at % 2 ? 6 : 14;
    const angle = (at * Math.PI) / 5 - Math.PI / 2;
    pen[at ? "lineTo" : "moveTo"](x + r * Math.cos(angle), y + r * Math.sin(angle));
  }
  pen.closePath();
  pen.fillStyle = fill;
  pen.strokeStyle = ink;
  pen.lineWidth = 2;
  pen.fill();
  pen.stroke();
}

function fill(colour, path) {
  pen.beginPath();
  path();
  pen.fillStyle = colour;
  pen.fill();
}

function ring([x, y], r, colour, width) {
  pen.beginPath();
  pen.arc(x, y, r, 0, 2 * Math.PI);
  pen.strokeStyle = colour;
  pen.lineWidth = width;
  pen.stroke();
}

// Titles below or above articles that lie together, where they hide neither points nor one another.
function drawLabels(style, r) {
  pen.font = "600 14px " + style.getPropertyValue("--serif");
  pen.textAlign = "center";
  pen.lineWidth = 4;
  pen.lineJoin = "round";
  pen.strokeStyle = style.getPropertyValue("--paper");
  pen.fillStyle = style.getPropertyValue("--ink");
  const within = (box, [x, y]) => x > box[0] - r && x < box[2] + r && y > box[1] - r && y < box[3] + r;
  const meet = (one, other) => one[0] < other[2] && other[0] < one[2] && one[1] < other[3] && other[1] < one[3];
  const taken = [];
  const places = points.map((point) => toScreen(point.x, point.y));
  for (const article of articles.values()) {
    if (!article.together || (alone && alone !== article.article)) continue;
    const text = article.title.length > 34 ? article.title.slice(0, 33) + "…" : article.title;
    const half = pen.measureText(text).width / 2 + 4;
    const [x, below] = toScreen(article.x, article.bottom);
    const [, above] = toScreen(article.x, article.top);
    if (x < 0 || x > size.width) continue;
    const middle = Math.max(half, Math.min(size.width - half, x));
    const boxes = [below + 2 * r, above - 2 * r - 20].map((top) => [middle - half, top, middle + half, top + 20]);
    const free = (box) =>
      box[1] > 0 && box[3] < size.height && !taken.some((other) => meet(box, other)) && !places.some((place) => within(box, place));
    const box = boxes.find(free);
    if (!box) continue;
    taken.push(box);
    pen.strokeText(text, middle, box[1] + 15);
    pen.fillText(text, middle, box[1] + 15);
  }
}

function draw() {
  const style = getComputedStyle(document.body);
  const colour = (name) => style.getPropertyValue("--" + name);
  const sharp = window.devicePixelRatio || 1;
  pen.setTransform(sharp, 0, 0, sharp, 0, 0);
  pen.clearRect(0, 0, size.width, size.height);
  const r = radius();
  // Points that look the same are one path: filling a few paths is much faster than filling thousands.
  const looks = new Map();
  for (const point of points) {
    const at = toScreen(point.x, point.y);
    if (at[0] < -r || at[1] < -r || at[0] > size.width + r || at[1] > size.height + r) continue;
    const { colour: tone, shape } = articles.get(point.article);
    const look = [tone, shape, alone && point.article !== alone].join(" ");
    if (!looks.has(look)) looks.set(look, []);
    looks.get(look).push(at);
  }
  for (const [look, places] of looks) {
    const [tone, shape, faint] = look.split(" ");
    pen.beginPath();
    for (const [x, y] of places) outline(shape, x, y, r);
    pen.globalAlpha = faint === "true" ? 0.16 : 1;
    pen.fillStyle = colour("map-" + tone);
    pen.fill();
  }
  pen.globalAlpha = 1;
  const ringed = points.filter((point) => hits.has(point.row));
  for (const point of ringed) {
    const [x, y] = toScreen(point.x, point.y);
    const { colour: tone, shape } = articles.get(point.article);
    if (hits.get(point.row).cited) fill(colour("yellow"), () => pen.arc(x, y, r + 6, 0, 2 * Math.PI));
    fill(colour("map-" + tone), () => outline(shape, x, y, r));
  }
  if (star) drawStar(toScreen(...star), colour("ink"), colour("map-star"));
  for (const point of ringed) ring(toScreen(point.x, point.y), r + 6, colour("ink"), 2.5);
  drawLabels(style, r);
  for (const at of [chosen, focused]) if (at >= 0) ring(toScreen(points[at].x, points[at].y), r + 10, colour("blue"), 3);
}

let waiting = 0;
function redraw() {
  if (!waiting) waiting = requestAnimationFrame(() => ((waiting = 0), draw(), placePeek()));
}

function resize() {
  size = { width: stage.clientWidth, height: stage.clientHeight };
  const sharp = window.devicePixelRatio || 1;
  canvas.width = Math.round(size.width * sharp);
  canvas.height = Math.round(size.height * sharp);
  if (size.width) draw();
}

function icon(article) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "-8 -8 16 16");
  svg.setAttribute("aria-hidden", "true");
  svg.classList.add("map-icon");
  const paths = {
    circle: "M6 0A6 6 0 1 1-6 0A6 6 0 1 1 6 0Z",
    square: "M-5.4-5.4H5.4V5.4H-5.4Z",
    triangle: "M0-7L6.6 5H-6.6Z",
    diamond: "M0-7.5L7.5 0L0 7.5L-7.5 0Z",
    plus: "M-2.3-7H2.3V-2.3H7V2.3H2.3V7H-2.3V2.3H-7V-2.3H-2.3Z",
  };
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", paths[article.shape]);
  path.style.fill = "var(--map-" + article.colour + ")";
  svg.append(path);
  return svg;
}

/* words */

// What a point is to the answer that is read: nothing, a hit, or a hit that is cited.
function standing(row) {
  const hit = hits.get(row);
  if (!hit) return "";
  const rank = { rank: hit.hit + 1 };
  return hit.cited ? say("hit {rank}, cited", rank) : say("hit {rank}", rank);
}

function focus(at) {
  focused = at;
  const point = points[at];
  peek.hidden = !point;
  if (point) {
    const article = articles.get(point.article);
    peek.replaceChildren(inLanguage(article.language, make("strong", "", article.title)), make("span", "byline", [article.byline, standing(point.row)].filter((part) => part).join(" · ")), inLanguage(article.language, make("span", "map-beginning", point.text)));
  }
  redraw();
}

function placePeek() {
  if (peek.hidden || !points[focused]) return;
  const [x, y] = toScreen(points[focused].x, points[focused].y);
  const width = peek.offsetWidth;
  const below = y + radius() + 14;
  peek.style.left = Math.max(6, Math.min(size.width - width - 6, x - width / 2)) + "px";
  peek.style.top = (below + peek.offsetHeight < size.height ? below : Math.max(6, y - radius() - 14 - peek.offsetHeight)) + "px";
}

function tell(at) {
  const point = points[at];
  if (point) said.textContent = [articles.get(point.article).title, standing(point.row), point.text].filter((part) => part).join(". ");
}

let opening = null;
async function choose(at, from) {
  const { row } = points[at];
  chosen = at;
  redraw();
  const request = (opening = {});
  const found = await server.read_passage({ key, row });
  if (opening !== request) return;
  if (!found || found.problem) return void drawProblem(passagePlace, found ? found.problem : say("Footnote does not answer. Is it still running in its terminal?"));
  const heading = inLanguage(found.language, make("h3", "card-name", found.title));
  heading.tabIndex = -1;
  const text = inLanguage(found.language, make("blockquote", "passage"));
  found.text.split(/\n\s*\n/).forEach((part, at) => text.append(...(at ? [make("span", "gap")] : []), part));
  const read = button("action", say("Read in article"), () => showArticle(found, read));
  const close = button("action quiet", say("Close"), () => {
    forget();
    if (from.isConnected) from.focus();
    if (from === canvas) focus(points.findIndex((point) => point.row === row)); // arrow keys go on from there
  });
  const actions = make("p", "actions");
  actions.append(read, close);
  passagePlace.replaceChildren(heading, make("p", "byline", found.byline), make("p", "map-standing", standing(row)), text, actions);
  showSide(false);
  reveal(heading, "nearest");
}

function forget() {
  chosen = -1;
  opening = null;
  passagePlace.replaceChildren();
  redraw();
}

function showSide(reading) {
  passagePlace.hidden = articlesPlace.hidden = reading;
  reader.hidden = back.hidden = !reading;
}

async function showArticle(found, from) {
  showSide(true);
  back.onclick = () => {
    showSide(false);
    from.focus();
  };
  back.focus({ preventScroll: true });
  const article = await openArticle(reader, found.article, found);
  if (article && !reader.hidden) reveal(article.mark || article.heading, article.mark ? "center" : "start");
}

function drawLegend() {
  const wanted = finder.querySelector("input").value.trim().toLowerCase();
  const all = [...articles.values()].filter((each) => (each.title + " " + each.byline).toLowerCase().includes(wanted));
  all.sort((one, other) => other.hits - one.hits || other.count - one.count || one.title.localeCompare(other.title));
  legend.replaceChildren(
    ...all.slice(0, LISTED).map((article) => {
      const item = make("li");
      const open = button("map-key", undefined, () => {
        alone = alone === article.article ? "" : article.article;
        listed = LISTED;
        drawLegend();
        drawTable();
        focus(-1);
        const again = [...legend.querySelectorAll("button")].find((each) => each.dataset.article === article.article);
        again?.focus({ preventScroll: true });
      });
      open.dataset.article = article.article;
      open.setAttribute("aria-pressed", String(alone === article.article));
      const passages = say("{count} passage|{count} passages", { count: article.count });
      const ringed = article.hits ? say("{count} hit|{count} hits", { count: article.hits }) : "";
      const words = make("span");
      words.append(make("span", "card-name", article.title), make("span", "byline", [passages, ringed].filter((part) => part).join(" · ")));
      open.append(icon(article), words);
      item.append(open);
      return item;
    }),
  );
  more.hidden = all.length <= LISTED;
  more.textContent = say("{count} more; find them above.", { count: all.length - LISTED });
  finder.hidden = articles.size <= 12;
}

function drawTable() {
  if (table.hidden) return;
  const order = points.map((point, at) => at).filter((at) => !alone || points[at].article === alone);
  const rank = (at) => hits.get(points[at].row)?.hit ?? Infinity;
  order.sort((one, other) => (rank(one) === rank(other) ? points[one].row - points[other].row : rank(one) - rank(other)));
  const head = make("tr");
  for (const name of [say("Article"), say("Passage"), say("In the answer")]) {
    const cell = make("th", "", name);
    cell.scope = "col";
    head.append(cell);
  }
  const whole = make("table");
  const top = make("thead");
  const body = make("tbody");
  top.append(head);
  whole.append(make("caption", "spoken", say("The passages on the map, those of the answer first")), top, body);
  for (const at of order.slice(0, listed)) {
    const row = make("tr");
    const article = articles.get(points[at].article);
    const name = make("td");
    name.append(icon(article), " ", inLanguage(article.language, make("span", "map-title", article.title)));
    const text = make("td");
    const open = button("map-open", points[at].text, () => choose(at, open));
    inLanguage(article.language, open);
    text.append(open);
    row.append(name, text, make("td", "", standing(points[at].row) || "–"));
    body.append(row);
  }
  const parts = [asTable(whole)];
  if (order.length > listed) {
    const further = () => {
      const next = listed;
      listed += LISTED;
      drawTable();
      table.querySelectorAll(".map-open")[next]?.focus();
    };
    parts.push(button("action", say("Show more ({count} left)", { count: order.length - listed }), further));
  }
  table.replaceChildren(...parts);
}

/* what there is to draw */

function take(data) {
  key = data.key;
  points = data.points;
  [focused, chosen, alone, star, hits, drawn] = [-1, -1, "", null, new Map(), null];
  articles = new Map(data.articles.map((article, at) => [article.article, { ...article, colour: (at % COLOURS) + 1, shape: SHAPES[at % SHAPES.length], count: 0, hits: 0 }]));
  count();
  gather();
  view = { scale: 1, x: 0.5, y: 0.5 };
  passagePlace.replaceChildren();
  peek.hidden = true;
  const shown = { shown: points.length, total: data.total };
  const some = data.total > points.length ? say("{shown} of {total} passages", shown) : say("{count} passage|{count} passages", { count: points.length });
  about.textContent = points.length ? say("{passages}; those that say similar things lie together. Choose one to read it.", { passages: some }) : say("There are no passages yet: the folder of articles is empty.");
}

function count() {
  for (const article of articles.values()) article.count = article.hits = 0;
  for (const point of points) {
    const article = articles.get(point.article);
    article.count += 1;
    article.hits += hits.has(point.row);
  }
}

// Where each article lies, and whether it lies together, so that a title can stand beside it.
function gather() {
  if (articles.size > LABELLED) return;
  for (const article of articles.values()) {
    const own = points.filter((point) => point.article === article.article);
    const middle = (name) => own.map((point) => point[name]).sort((a, b) => a - b)[own.length >> 1];
    const [x, y] = [middle("x"), middle("y")];
    const heights = own.filter((point) => Math.hypot(point.x - x, point.y - y) < 0.15).map((point) => point.y);
    Object.assign(article, { x, bottom: Math.max(...heights), top: Math.min(...heights), together: heights.length >= 0.7 * own.length });
  }
}

let asked = null;
async function showAnswer() {
  const answer = window.footnote?.answer;
  if (!key || (answer && !answer.complete)) return;
  const request = (asked = {});
  const passages = answer ? answer.hits : [];
  const placed = passages.length ? await server.place_question({ question: answer.search.question, passages }) : null;
  if (asked !== request || (placed && placed.key && placed.key !== key)) return;
  const row = points[chosen]?.row; // whoever reads a passage goes on reading
  points = points.filter((point) => !point.outside);
  const cited = new Set(answer ? answer.cards.map((card) => card.passage) : []);
  star = placed?.star || null;
  hits = new Map((placed?.hits || []).map(({ row, hit }) => [row, { hit, cited: cited.has(passages[hit]) }]));
  for (const point of placed?.others || []) if (articles.has(point.article)) points.push({ ...point, outside: true });
  count();
  drawn = answer;
  chosen = points.findIndex((point) => point.row === row);
  if (chosen < 0) passagePlace.replaceChildren();
  else passagePlace.querySelector(".map-standing")?.replaceChildren(standing(row));
  focus(-1);
  drawLegend();
  drawTable();
  said.textContent = star ? say("The star is the question: {question}", { question: answer.search.question }) : "";
  legendOfAnswer();
}

// What the marks of an answer mean, beside the map.
function legendOfAnswer() {
  root.querySelector(".map-question")?.remove();
  if (!star) return;
  const line = make("p", "map-question");
  line.append(make("span", "map-mark star", "★"), " ", drawn.search.question, " ", make("span", "map-mark"), " ", say("found"), " ", make("span", "map-mark cited"), " ", say("cited"));
  about.after(line);
}

let looking = false;
async function look() {
  if (looking) return;
  looking = true;
  let data = null;
  try {
    while (root.isConnected) {
      data = await server.read_map(key);
      if (!data || data.state === "ready" || data.state === "failed") break;
      about.textContent = data.state === "loading" ? say("The articles are still being read…") : say("The map is being drawn. The first time this takes up to half a minute…");
      await new Promise((resolve) => setTimeout(resolve, 400));
    }
  } finally {
    looking = false;
  }
  if (!data) about.textContent = say("Footnote does not answer. Is it still running in its terminal?");
  else if (data.state === "failed") about.textContent = data.problem;
  else if (!data.same) take(data);
  if (!data || data.state !== "ready") return;
  root.dataset.ready = key;
  if (!data.same) {
    drawLegend();
    drawTable();
    resize();
  }
  if (!data.same || drawn !== (window.footnote?.answer || null)) await showAnswer();
}

/* what a reader does */

const at = (event) => {
  const box = canvas.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
};
const fingers = new Map();
let moved = 0;
canvas.addEventListener("pointerdown", (event) => {
  fingers.set(event.pointerId, at(event));
  if (fingers.size === 1) moved = 0;
  canvas.setPointerCapture(event.pointerId);
});
canvas.addEventListener("pointermove", (event) => {
  const here = at(event);
  const before = fingers.get(event.pointerId);
  if (!before) return void (event.pointerType === "mouse" && nearest(here) !== focused && focus(nearest(here)));
  const other = [...fingers].find(([id]) => id !== event.pointerId)?.[1];
  if (other) {
    const span = (one) => Math.hypot(one[0] - other[0], one[1] - other[1]);
    zoom(span(here) / Math.max(1, span(before)), [(here[0] + other[0]) / 2, (here[1] + other[1]) / 2]);
  } else if (moved > 4) move(here[0] - before[0], here[1] - before[1]);
  moved += Math.hypot(here[0] - before[0], here[1] - before[1]);
  fingers.set(event.pointerId, here);
});
canvas.addEventListener("pointerup", (event) => {
  const here = at(event);
  const only = fingers.delete(event.pointerId) && fingers.size === 0;
  if (!only || moved > 4) return;
  focus(nearest(here));
  if (focused >= 0) choose(focused, canvas);
});
canvas.addEventListener("pointercancel", (event) => fingers.delete(event.pointerId));
canvas.addEventListener("pointerleave", () => focus(-1));
canvas.addEventListener("blur", () => focus(-1));
canvas.addEventListener("wheel", (event) => (event.preventDefault(), zoom(Math.exp(-event.deltaY / 400), at(event))), { passive: false });
canvas.addEventListener("keydown", (event) => {
  const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  if (arrows[event.key]) {
    focus(towards(...arrows[event.key]));
    if (focused >= 0) comeInto(points[focused]);
    tell(focused);
  } else if (event.key === "Enter" || event.key === " ") focused >= 0 && choose(focused, canvas);
  else if (event.key === "+" || event.key === "=") zoom(1.5);
  else if (event.key === "-") zoom(1 / 1.5);
  else if (event.key === "0") whole();
  else if (event.key === "Escape") forget();
  else return;
  event.preventDefault();
});

function comeInto(point) {
  const [x, y] = toScreen(point.x, point.y);
  if (x < 0 || y < 0 || x > size.width || y > size.height) [view.x, view.y] = [point.x, point.y];
  keepInside();
  redraw();
}

function whole() {
  view = { scale: 1, x: 0.5, y: 0.5 };
  redraw();
}

find("closer").addEventListener("click", () => zoom(1.5));
find("farther").addEventListener("click", () => zoom(1 / 1.5));
find("whole").addEventListener("click", whole);
switcher.addEventListener("click", () => {
  table.hidden = !table.hidden;
  stage.hidden = !table.hidden;
  switcher.setAttribute("aria-pressed", String(!table.hidden));
  for (const name of ["closer", "farther", "whole"]) find(name).hidden = !table.hidden;
  drawTable();
  if (table.hidden) resize();
});
finder.addEventListener("input", drawLegend);
side.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !reader.hidden) back.click();
});

// One set of listeners, whichever instance of this script runs: an earlier one leaves when a new one comes.
window.footnoteMap?.abort();
const listening = (window.footnoteMap = new AbortController());
const visible = new IntersectionObserver((seen) => seen.some((each) => each.isIntersecting) && look());
visible.observe(root);
const sized = new ResizeObserver(resize);
sized.observe(stage);
const themed = new MutationObserver(redraw);
themed.observe(document.body, { attributeFilter: ["class"] });
document.addEventListener("footnote:answer", () => root.offsetParent && showAnswer(), { signal: listening.signal });
listening.signal.addEventListener("abort", () => [visible, sized, themed].forEach((each) => each.disconnect()));
