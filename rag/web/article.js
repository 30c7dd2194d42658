// Shared by the scripts of the page's components: elements from plain data, and an article with its marked sentence.
// Data is only ever given to textContent: a text can show anything here and do nothing.

// One set of listeners, whichever instance of a component's script runs: an earlier one leaves when a new one comes.
const scripts = (window.footnoteScripts ||= {});
const own = element.closest(".block").id;
scripts[own]?.abort();
const listening = (scripts[own] = new AbortController());

function make(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function button(className, text, onclick) {
  const made = make("button", className, text);
  made.type = "button";
  made.addEventListener("click", onclick);
  return made;
}

// gradio hands a script only a value that differs from the last. Without what was said last every answer differs, also one
// that says the same again.
const asking = trigger;
trigger = (name, sent) => {
  const { said: _said, problem: _problem, ...value } = props.value || {};
  if (_said !== undefined || _problem !== undefined) props.value = value;
  asking(name, sent);
};

// Says what was done or what went wrong, in a line that is read aloud.
function tell(place, { said = "", problem = "" }) {
  place.classList.toggle("failure", Boolean(problem));
  place.textContent = problem || said;
}

// On a phone tables are drawn as blocks, and are still tables for who does not see them.
const ROLES = { TABLE: "table", THEAD: "rowgroup", TBODY: "rowgroup", TR: "row", TH: "columnheader", TD: "cell" };
function asTable(table) {
  for (const each of [table, ...table.querySelectorAll("thead, tbody, tr, th, td")]) each.setAttribute("role", ROLES[each.tagName]);
  return table;
}

function keyed(key, made) {
  made.dataset.key = key;
  return made;
}

// Draws a place anew and leaves the focus where it was: on what has the same key, or on `otherwise` where that is gone.
function drawInto(place, parts, otherwise) {
  const focused = place.contains(document.activeElement) ? document.activeElement : null;
  const same = (each) => each.dataset.key === focused.dataset.key && !each.disabled;
  place.replaceChildren(...parts);
  if (focused) ([...place.querySelectorAll("[data-key]")].find(same) || otherwise)?.focus({ preventScroll: true });
}

// Marks a text as being in its article's language, so that it is read aloud in it.
function inLanguage(language, made) {
  if (language) made.lang = language;
  return made;
}

// Draws an article into `place` and returns its heading, the first piece of each mark and, if there is one, the mark asked for.
function drawArticle(place, article) {
  const heading = inLanguage(article.language, make("h2", "article-title", article.title));
  heading.tabIndex = -1;
  const head = make("header", "article-head");
  head.append(heading, make("p", "byline", article.byline), linkTo(article));
  const parts = [head];
  const marks = [];
  for (const [index, pieces] of article.paragraphs.entries()) {
    const whole = pieces.map(([text]) => text).join("");
    // A short line without an end is a heading between two parts; it only looks like one, nothing depends on it.
    const between = whole.length < 80 && !/[.!?…:;,"”»)\]]$/.test(whole);
    const paragraph = inLanguage(article.language, make(between ? "h3" : "p", between ? "article-text between" : "article-text"));
    if (article.places[index]) paragraph.dataset.place = article.places[index];
    for (const [text, marked] of pieces) {
      if (!marked) {
        paragraph.append(text);
        continue;
      }
      const piece = make("mark", "", text);
      if (!marks[marked - 1]) {
        piece.tabIndex = -1;
        marks[marked - 1] = piece;
      }
      paragraph.append(piece);
    }
    parts.push(paragraph);
  }
  if (article.gone) {
    const gone = say("The article has changed since: {count} sentence that was quoted stands in it no more.|The article has changed since: {count} sentences that were quoted stand in it no more.", { count: article.gone });
    parts.splice(1, 0, make("p", "failure", gone));
  }
  if (article.cut) parts.push(make("p", "hint", say("This article is very long; the part around the sentence is shown.")));
  if (article.source) parts.push(make("p", "article-source", say("Source: {source}", { source: article.source })));
  place.replaceChildren(...parts);
  marks[article.at - 1]?.classList.add("now");
  if (marks.length > (article.at ? 1 : 0)) head.append(stepsThrough(marks, article.at));
  return { heading, marks, mark: marks[article.at - 1] || null };
}

// Leads from one marked quote to the one before or after it; the focus stays on the button.
function stepsThrough(marks, at) {
  const place = make("p", "article-steps");
  const said = make("span", "byline", say("{count} quote|{count} quotes", { count: marks.length }));
  said.setAttribute("role", "status");
  let now = at - 1; // -1 where none was asked for
  const go = (by) => {
    now = (Math.max(now, by < 0 ? 0 : -1) + by + marks.length) % marks.length;
    said.textContent = say("Quote {number} of {total}", { number: now + 1, total: marks.length });
    for (const each of marks) each.classList.toggle("now", each === marks[now]);
    if (by) marks[now].scrollIntoView({ block: "center", behavior: calm() ? "auto" : "smooth" });
  };
  place.append(button("action", say("Previous quote"), () => go(-1)), said, button("action", say("Next quote"), () => go(1)));
  if (at) go(0);
  return place;
}

// Copies the address that opens an article where it is marked; beside it a link to the article's own file.
function linkTo(article) {
  const place = make("p", "article-link");
  const said = make("span", "byline");
  said.setAttribute("role", "status");
  const words = article.at ? say("Copy link to this passage") : say("Copy link to this article");
  const copy = button("action quiet", words, async () => {
    const done = await copyText(new URL(article.link, location.origin + location.pathname).href);
    said.textContent = done ? say("Copied") : say("The browser did not let it be copied");
    copy.focus({ preventScroll: true });
  });
  const file = make("a", "action quiet", say("Open the file"));
  file.href = new URL(article.file, location.origin + location.pathname.replace(/\/?$/, "/")).href;
  file.target = "_blank";
  file.rel = "noopener noreferrer";
  place.append(copy, file, said);
  return place;
}

// Copies a text and returns whether that went well. Browsers have a clipboard of their own only for pages of this machine or
// with TLS; elsewhere the old way is left.
async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const place = make("textarea", "spoken");
    place.value = text;
    document.body.append(place);
    place.select();
    const done = document.execCommand("copy");
    place.remove();
    return done;
  }
}

function saveFile({ name, type, base64 }) {
  const link = make("a");
  const bytes = Uint8Array.from(atob(base64), (each) => each.charCodeAt(0));
  link.href = URL.createObjectURL(new Blob([bytes], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

// The page's address names what is shown, so that it can be opened again; the page itself does not move. Where `leads` says so
// it becomes a step that the browser's Back leads to.
function writeAddress(changes, leads = false) {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(changes)) value ? query.set(name, value) : query.delete(name);
  const text = query.toString();
  const address = location.pathname + (text ? "?" + text : "");
  if (leads) window.history.pushState(window.history.state, "", address);
  else window.history.replaceState(window.history.state, "", address);
}

// Of the page's address one part.
function inAddress(name) {
  return new URLSearchParams(location.search).get(name) || "";
}

function drawProblem(place, text) {
  const problem = make("p", "failure", text);
  problem.tabIndex = -1;
  place.replaceChildren(problem);
  return { heading: problem, marks: [], mark: null };
}

// Fetches an article from the server and draws it; what cannot be had is said in its place. Returns null where another
// article was asked for meanwhile.
async function openArticle(place, id, at = {}, others = []) {
  const [asked, ...more] = [at, ...others].map(({ start = 0, end = 0, check = "" }) => [start, end, check]);
  const request = (place.request = {});
  place.replaceChildren(make("p", "hint", say("Opening the article…")));
  let article = await server.read_article(id, asked, more);
  while (article?.wait && place.request === request) {
    place.replaceChildren(make("p", "hint", article.error));
    await new Promise((go) => setTimeout(go, 500));
    article = await server.read_article(id, asked, more);
  }
  if (place.request !== request) return null;
  if (!article) return drawProblem(place, say("The article could not be fetched. Is Footnote still running in its terminal?"));
  return article.error ? drawProblem(place, article.error) : drawArticle(place, article);
}

// Brings an element into view inside its own scrolling column and gives it the focus.
const calm = () => window.matchMedia("(prefers-reduced-motion: reduce)").matches;
function reveal(target, block) {
  target.focus({ preventScroll: true });
  target.scrollIntoView({ block, behavior: calm() ? "auto" : "smooth" });
}

sayAll(element); // the template's own texts
