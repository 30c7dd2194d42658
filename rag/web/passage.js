// Beside a checked draft: the article of the number that was pressed. On a phone it covers the draft until it is
// closed.

const [hint, back, reader] = find(".passage-hint", ".passage-back", "article");
const side = document.getElementById("draft-side");

function toggle(opened) {
  hint.hidden = opened;
  back.hidden = reader.hidden = !opened;
  cover(side, opened);
}
const open = makeReader(reader, back, toggle, () => document.querySelector("#draft-text textarea"));

on(document, "click", ({ target }) => {
  const number = target.closest?.("#draft-report button.number");
  if (!number) return;
  const placeOf = ({ dataset }) => ({ ...dataset, start: Number(dataset.start), end: Number(dataset.end) });
  const at = placeOf(number);
  const others = [...document.querySelectorAll("#draft-report button.number")].map(placeOf);
  const beside = others.filter((each) => each.article === at.article && each.start !== at.start);
  open(at, number, beside.slice(0, 100));
});
// What it covered must be reachable on another tab, or with room for both.
const uncover = () => cover(side, false);
on(phone, "change", uncover);
on(window, "popstate", uncover);
