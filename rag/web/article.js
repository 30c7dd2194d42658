// Shared by the scripts of the page's components: elements from plain data, and an article with its marked sentence.
// Data is only ever given to textContent: a text can show anything here and do nothing.

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

// Draws an article into `place` and returns its heading and, if there is one, the mark.
function drawArticle(place, article) {
  const heading = make("h2", "article-title", article.title);
  heading.tabIndex = -1;
  const parts = [heading, make("p", "byline", article.byline)];
  let mark = null;
  for (const pieces of article.paragraphs) {
    const whole = pieces.map(([text]) => text).join("");
    // A short line without an end is a heading between two parts; it only looks like one, nothing depends on it.
    const between = whole.length < 80 && !/[.!?…:;,"”»)\]]$/.test(whole);
    const paragraph = make("p", between ? "article-text between" : "article-text");
    if (article.language) paragraph.lang = article.language;
    for (const [text, marked] of pieces) {
      if (!marked) {
        paragraph.append(text);
        continue;
      }
      const piece = make("mark", "", text);
      if (!mark) {
        piece.tabIndex = -1;
        mark = piece;
      }
      paragraph.append(piece);
    }
    parts.push(paragraph);
  }
  if (article.cut) parts.push(make("p", "hint", "This article is very long; the part around the sentence is shown."));
  if (article.source) parts.push(make("p", "article-source", "Source: " + article.source));
  place.replaceChildren(...parts);
  return { heading, mark };
}

function drawProblem(place, text) {
  const problem = make("p", "failure", text);
  problem.tabIndex = -1;
  place.replaceChildren(problem);
  return { heading: problem, mark: null };
}

// Fetches an article from the server and draws it; what cannot be had is said in its place. Returns null where another
// article was asked for meanwhile.
async function openArticle(place, id, start, end) {
  const request = (place.request = {});
  place.replaceChildren(make("p", "hint", "Opening the article…"));
  const article = await server.read_article(id, start, end);
  if (place.request !== request) return null;
  if (!article) return drawProblem(place, "The article could not be fetched. Is Footnote still running in its terminal?");
  return article.error ? drawProblem(place, article.error) : drawArticle(place, article);
}

// Brings an element into view inside its own scrolling column and gives it the focus.
function reveal(target, block) {
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  target.focus({ preventScroll: true });
  target.scrollIntoView({ block, behavior: calm ? "auto" : "smooth" });
}
