// Beside a checked draft and beside Coverage: the article of the number, passage or point that was pressed. Until it is
// closed it stands in place of what else is beside them; on a phone it covers all.

const [section, back, reader] = find("section", ".passage-back", "article");
const side = element.closest(".column");
const desk = side.parentElement;

function toggle(opened) {
  section.hidden = !opened;
  cover(side, opened);
}
const open = makeReader(reader, back, toggle, () => desk.querySelector("textarea, button[data-article]"));
const placeOf = ({ article, start, end, check }) => ({ article, start: Number(start), end: Number(end), check });

on(document, "click", ({ target }) => {
  if (!desk.contains(target)) return;
  const pressed = target.closest("button[data-article]");
  // Vega hangs what is drawn on its elements; what has no article is a bar or a label.
  const at = pressed?.dataset || (target.closest("svg") && target.__data__?.datum);
  if (!at?.article) return;
  const others = [...desk.querySelectorAll("button.number")].map((each) => placeOf(each.dataset));
  const beside = others.filter((each) => each.article === at.article && each.start !== Number(at.start));
  open(placeOf(at), pressed, beside.slice(0, 100));
});
// What it covered must be reachable on another tab, or with room for both.
const uncover = () => cover(side, false);
on(phone, "change", uncover);
on(window, "popstate", uncover);
