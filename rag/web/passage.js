// Beside a checked draft: the article of the number that was pressed. On a phone it covers the draft until it is closed.

const [hint, back, reader] = element.querySelector(".passage-reader").children;
const side = document.getElementById("draft-side");
const phone = window.matchMedia("(max-width: 899px)");
let opener = null;

function cover(open) {
  side.classList.toggle("open", open);
  for (const other of document.querySelectorAll("#masthead, #draft-column, .tab-wrapper")) other.inert = open && phone.matches;
}

function show(open) {
  hint.hidden = open;
  back.hidden = reader.hidden = !open;
  cover(open);
}

const placeOf = ({ dataset: { article, start, end, check } }) => ({ article, start: Number(start), end: Number(end), check });

async function open(number) {
  opener = number;
  show(true);
  const at = placeOf(number);
  const others = [...document.querySelectorAll("#draft-report button.number")].map(placeOf);
  const beside = others.filter((each) => each.article === at.article && each.start !== at.start).slice(0, 100);
  const drawn = await openArticle(reader, at.article, at, beside);
  if (drawn && !reader.hidden) reveal(drawn.mark || drawn.heading, drawn.mark ? "center" : "start");
}

function close() {
  show(false);
  (opener?.isConnected ? opener : document.querySelector("#draft-text textarea"))?.focus();
}

document.addEventListener(
  "click",
  (event) => {
    const number = event.target.closest?.("#draft-report button.number");
    if (number) open(number);
  },
  { signal: listening.signal },
);
back.addEventListener("click", close);
element.addEventListener("keydown", (event) => event.key === "Escape" && !reader.hidden && close());
phone.addEventListener("change", () => cover(!reader.hidden), { signal: listening.signal });
