// Why a passage was found, and what was searched for an answer: drawn into the sources, closed until a reader asks.

// A text in pieces: the words that the question shares stand in elements of their own, marked while the reasons are
// open.
function withWords(text, forms) {
  return text.split(/([\p{L}\p{N}]+)/u).map((piece) => (forms.has(piece) ? make("span.shared-word", piece) : piece));
}

function disclose(kind, summary, rows, ...content) {
  const facts = make("dl.facts", rows.map(([term, said]) => [make("dt", term), make("dd", said)]));
  return make("details." + kind, make("summary", summary), facts, content);
}

const drawWhy = ({ rows, hint }) => disclose("why", say("Why this passage"), rows, hint && make("p.hint", hint));

// `read` opens a passage in its article, given what it stands in and the button that was pressed.
function drawSearch({ rows, dropped }, read) {
  const drawDropped = (each) => {
    const open = button("action", () => read(each, open), say("Read in article"));
    return make("li", make("span.card-name", each.title), make("span.passage", each.text), open);
  };
  const reasons = [...new Set(dropped.map((each) => each.reason))].map((reason) => [
    make("h3", reason),
    make("ul.dropped", dropped.filter((each) => each.reason === reason).map(drawDropped)),
  ]);
  return disclose("searched-for", say("What was searched"), rows, reasons);
}
