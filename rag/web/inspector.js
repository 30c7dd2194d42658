// Why a passage was found, and what was searched for an answer: drawn into the sources, closed until a reader asks.

// A text in pieces: the words that the question shares stand in elements of their own, marked while the reasons are
// open.
function withWords(text, forms) {
  return text.split(/([\p{L}\p{N}]+)/u).map((piece) => (forms.has(piece) ? make("span.shared-word", piece) : piece));
}

// Terms and what is said of them; what there is nothing to say of is left out.
function facts(pairs) {
  const told = pairs.filter(([, said]) => said?.tagName || said?.length);
  return make("dl.facts", told.map(([term, said]) => [make("dt", term), make("dd", said)]));
}

const disclosure = (kind, summary, ...content) => make("details." + kind, make("summary", summary), ...content);

function figure(number) {
  const digits = { minimumFractionDigits: 2, maximumFractionDigits: 2 };
  return typeof number === "number" ? footnote.number(number, digits) : "–";
}

function drawWhy({ meaning, words, matched, met, fused, reranked, score, joined }) {
  const cosine = { rank: meaning.rank, score: meaning.score === null ? "" : figure(meaning.score) };
  const far = cosine.score && say("not among the nearest, cosine {score}", cosine);
  const bm25 = { rank: words.rank, score: figure(words.score) };
  const rows = [
    [say("Meaning"), meaning.rank ? say("number {rank}, cosine {score}", cosine) : far],
    [say("Words"), words.rank ? say("number {rank}, BM25 {score}", bm25) : say("not among the best")],
    [say("Words shared"), matched.join(", ") || say("none")],
    [say("The article meets"), met.join(", ")],
    [say("Both together"), fused === null ? "" : figure(fused)],
    [say("Reranked"), reranked === null ? "" : figure(reranked)],
    // Below what a reranker has read, scores only keep an order.
    [say("Score in the end"), score < 0 ? say("behind what was reranked") : figure(score)],
  ];
  const many = say("{count} neighbouring passages; the figures are the best one’s.", { count: joined });
  return disclosure("why", say("Why this passage"), facts(rows), joined > 1 && make("p.hint", many));
}

function scopeText({ first, last, outlets, authors, articles }) {
  const both = first && last && say("published {first} to {last}", { first, last });
  const one = first ? say("published since {first}", { first }) : last && say("published until {last}", { last });
  return [[...outlets, ...authors, ...articles].join(", "), both || one].filter(Boolean).join("; ");
}

// `read` opens a passage in its article, given what it stands in and the button that was pressed.
function drawSearch({ question, parts, scope, candidates, shown, dropped }, read) {
  const weighed = candidates && say("{candidates} weighed, {shown} shown", { candidates, shown });
  const rows = [
    [say("Searched for"), question],
    [say("Each part by itself"), parts.length && make("ol", parts.map((part) => make("li", part)))],
    [say("Narrowed to"), scopeText(scope) || say("nothing: all articles")],
    [say("Passages"), weighed],
  ];
  const drawDropped = (each) => {
    const open = button("action", () => read(each, open), say("Read in article"));
    return make("li", make("span.card-name", each.title), make("span.passage", each.text), open);
  };
  const reasons = [...new Set(dropped.map((each) => each.reason))].map((reason) => [
    make("h3", say("Left out: {reason}", { reason: say(reason) })),
    make("ul.dropped", dropped.filter((each) => each.reason === reason).map(drawDropped)),
  ]);
  return disclosure("searched-for", say("What was searched"), facts(rows), reasons);
}
