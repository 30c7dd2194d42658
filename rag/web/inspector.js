// Why a passage was found, and what was searched for an answer: drawn into the sources, closed until a reader asks.

// A text in pieces: the words that the question shares stand in elements of their own, marked while the reasons are open.
function withWords(text, forms) {
  const pieces = text.split(/([\p{L}\p{N}]+)/u).filter((piece) => piece);
  return pieces.map((piece) => (forms.has(piece) ? make("span", "shared-word", piece) : piece));
}

// Terms and what is said of them; what there is nothing to say of is left out.
function facts(pairs) {
  const list = make("dl", "facts");
  for (const [term, said] of pairs) {
    if (!said || !said.length) continue;
    const description = make("dd");
    description.append(...(Array.isArray(said) ? said : [said]));
    list.append(make("dt", "", term), description);
  }
  return list;
}

function disclosure(className, summary, ...content) {
  const details = make("details", className);
  details.append(make("summary", "", summary), ...content);
  return details;
}

function figure(number) {
  const digits = { minimumFractionDigits: 2, maximumFractionDigits: 2 };
  return typeof number === "number" ? footnote.number(number, footnote.language, digits) : "–";
}

function drawWhy(why) {
  const { meaning, words } = why;
  const score = meaning.score === null ? "" : figure(meaning.score);
  const bm25 = figure(words.score);
  const rows = [
    [
      say("Meaning"),
      meaning.rank
        ? say("number {rank}, cosine {score}", { rank: meaning.rank, score })
        : score && say("not among the nearest, cosine {score}", { score }),
    ],
    [
      say("Words"),
      words.rank ? say("number {rank}, BM25 {score}", { rank: words.rank, score: bm25 }) : say("not among the best"),
    ],
    [say("Words shared"), why.matched.join(", ") || say("none")],
    [say("The article meets"), why.met.join(", ")],
    [say("Both together"), why.fused === null ? "" : figure(why.fused)],
    [say("Reranked"), why.reranked === null ? "" : figure(why.reranked)],
    // Below what a reranker has read, scores only keep an order.
    [say("Score in the end"), why.score < 0 ? say("behind what was reranked") : figure(why.score)],
  ];
  const parts = [facts(rows)];
  if (why.joined > 1) parts.push(make("p", "hint", say("{count} neighbouring passages; the figures are the best one’s.", { count: why.joined })));
  return disclosure("why", say("Why this passage"), ...parts);
}

function scopeText(scope) {
  const period =
    scope.first && scope.last
      ? say("published {first} to {last}", { first: scope.first, last: scope.last })
      : scope.first
        ? say("published since {first}", { first: scope.first })
        : scope.last && say("published until {last}", { last: scope.last });
  const named = [...scope.outlets, ...scope.authors, ...scope.articles].join(", ");
  return [named, period].filter((part) => part).join("; ");
}

function drawDropped(dropped, read) {
  const item = make("li");
  const open = button("action", say("Read in article"), () => read(dropped, open));
  item.append(make("span", "card-name", dropped.title), make("span", "passage", dropped.text), open);
  return item;
}

// `read` opens a passage in its article, given what it stands in and the button that was pressed.
function drawSearch(search, read) {
  const parts = make("ol");
  parts.append(...search.parts.map((part) => make("li", "", part)));
  const rows = [
    [say("Searched for"), search.question],
    [say("Each part by itself"), search.parts.length ? [parts] : ""],
    [say("Narrowed to"), scopeText(search.scope) || say("nothing: all articles")],
    [
      say("Passages"),
      search.candidates && say("{candidates} weighed, {shown} shown", { candidates: search.candidates, shown: search.shown }),
    ],
  ];
  const content = [facts(rows)];
  for (const reason of new Set(search.dropped.map((each) => each.reason))) {
    const list = make("ul", "dropped");
    list.append(...search.dropped.filter((each) => each.reason === reason).map((each) => drawDropped(each, read)));
    content.push(make("h3", "", say("Left out: {reason}", { reason: say(reason) })), list);
  }
  return disclosure("searched-for", say("What was searched"), ...content);
}
