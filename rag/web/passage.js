// Beside a checked draft: the article of the number that was pressed. On a phone it covers the draft until it is closed.

const [hint, back, reader] = find(".passage-hint", ".passage-back", "article");
const side = document.getElementById("draft-side");
let opener = null;

function show(open) {
  hint.hidden = open;
  back.hidden = reader.hidden = !open;
  cover(side, open);
}

function open(number) {
  const placeOf = ({ dataset }) => ({ ...dataset, start: Number(dataset.start), end: Number(dataset.end) });
  const at = placeOf((opener = number));
  const others = [...document.querySelectorAll("#draft-report button.number")].map(placeOf);
  const beside = others.filter((each) => each.article === at.article && each.start !== at.start);
  show(true);
  openArticle(reader, at.article, at, beside.slice(0, 100));
}

function close() {
  show(false);
  (opener?.isConnected ? opener : document.querySelector("#draft-text textarea"))?.focus();
}

on(document, "click", (event) => {
  const number = event.target.closest?.("#draft-report button.number");
  if (number) open(number);
});
on(back, "click", close);
on(element, "keydown", (event) => event.key === "Escape" && !reader.hidden && close());
on(phone, "change", () => cover(side, !reader.hidden));
