// An article with its marked quotes, as every part of the page shows it.

// Draws an article into `place` and returns what is to be seen first: the mark asked for, or the heading.
function drawArticle(place, article) {
  const { language: lang, title, byline, paragraphs, places, at, gone, cut, source } = article;
  const marks = [];
  const piece = ([text, number]) => {
    const drawn = number ? make("mark", text) : text;
    if (number) (marks[number - 1] ||= drawn).tabIndex = -1;
    return drawn;
  };
  const paragraph = (pieces, index) => {
    const whole = pieces.map(([text]) => text).join("");
    // A short line without an end is a heading between two parts; it only looks like one, nothing depends on it.
    const between = whole.length < 80 && !/[.!?…:;,"”»)\]]$/.test(whole);
    const beside = places[index] && { dataset: { place: places[index] } };
    return make(between ? "h3.article-text.between" : "p.article-text", { lang }, beside, pieces.map(piece));
  };
  const heading = make("h2.article-title", { lang, tabIndex: -1 }, title);
  const head = make("header.article-head", heading, make("p.byline", byline), drawLinks(article));
  const parts = [
    head,
    gone && make("p.failure", changed(gone)),
    paragraphs.map(paragraph),
    cut && make("p.hint", say("This article is very long; the part around the sentence is shown.")),
    source && make("p.article-source", say("Source: {source}", { source })),
  ];
  place.replaceChildren(...make("div", parts).childNodes);
  if (marks.length > (at ? 1 : 0)) head.append(drawSteps(marks, article, head));
  marks[at - 1]?.classList.add("now");
  return marks[at - 1] || heading;
}

function changed(count) {
  return say(
    "The article has changed since: {count} sentence that was quoted stands in it no more.|The article has changed since: {count} sentences that were quoted stand in it no more.",
    { count },
  );
}

// Leads from one marked quote to the one before or after it; the focus stays on the button. Link and
// address follow.
function drawSteps(marks, article, head) {
  const { at, links } = article;
  const said = make("span.byline", { role: "status" }, say("{count} quote|{count} quotes", { count: marks.length }));
  let now = at - 1; // -1 where none was asked for
  const go = (by) => {
    now = (Math.max(now, by < 0 ? 0 : -1) + by + marks.length) % marks.length;
    said.textContent = say("Quote {number} of {total}", { number: now + 1, total: marks.length });
    for (const each of marks) each.classList.toggle("now", each === marks[now]);
    if (!by) return;
    marks[now].scrollIntoView({ block: "center", behavior: scrolling() });
    Object.assign(article, links[now], { at: now + 1 });
    head.querySelector(".article-link").replaceWith(drawLinks(article));
    const named = inAddress("article") === article.article && !inAddress("tab");
    if (named) writeAddress(Object.fromEntries(new URLSearchParams(article.link)));
  };
  if (at) go(0);
  const step = (by, words) => button("action", () => go(by), words);
  return make("p.article-steps", step(-1, say("Previous quote")), said, step(1, say("Next quote")));
}

// Copies the address that opens an article where it is marked; beside it a link to the article's own file.
function drawLinks({ link, file, at }) {
  const said = make("span.byline", { role: "status" });
  const words = at ? say("Copy link to this passage") : say("Copy link to this article");
  const copy = button("action.quiet", async () => {
    const done = await copyText(new URL(link, location.origin + location.pathname).href);
    said.textContent = done ? say("Copied") : say("The browser did not let it be copied");
    copy.focus({ preventScroll: true });
  }, words);
  const href = below(file);
  const open = make("a.action.quiet", { href, target: "_blank", rel: "noopener noreferrer" }, say("Open the file"));
  return make("p.article-link", copy, open, said);
}

// Fetches an article from the server, draws it and brings the place `at` into view, unless it was left meanwhile; marks
// `others` too. What cannot be had is said in its place.
async function openArticle(place, id, at = {}, others = []) {
  const request = (place.request = {});
  const places = [at, ...others].map(({ start = 0, end = 0, check = "" }) => [start, end, check]);
  let article = { error: say("Opening the article…"), wait: true };
  for (let tries = 0; article?.wait && place.request === request; tries++) {
    place.replaceChildren(make("p.hint", article.error));
    if (tries) await new Promise((go) => setTimeout(go, 500));
    article = await server.read_article(id, places[0], places.slice(1));
  }
  if (place.request !== request) return;
  article ||= { error: say("The article could not be fetched. Is Footnote still running in its terminal?") };
  const problem = article.error && make("p.failure", { tabIndex: -1 }, article.error);
  if (problem) place.replaceChildren(problem);
  const seen = problem || drawArticle(place, article);
  if (!place.hidden) reveal(seen, seen.tagName === "MARK" ? "center" : "start");
}

// Lets an article stand in place of something else: returns what opens it. Escape and `back` lead to where it was
// opened, or to `home` where that is gone; `toggle` shows the one or the other.
function makeReader(place, back, toggle, home) {
  let opener = null;
  const close = () => {
    toggle(false);
    (opener?.isConnected ? opener : home())?.focus();
  };
  on(back, "click", close);
  on(place.parentElement, "keydown", ({ key }) => key === "Escape" && close());
  return (card, from, others) => {
    opener = from;
    toggle(true);
    openArticle(place, card.article, card, others);
  };
}
