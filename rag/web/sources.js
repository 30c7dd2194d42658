// The pane beside the chat: the sources of one answer, or one article. On a phone it covers the chat until it is closed.

const pane = element.querySelector(".pane");
const title = pane.querySelector(".pane-title");
const about = pane.querySelector(".pane-about");
const sources = pane.querySelector(".pane-sources");
const reader = pane.querySelector(".pane-article");
const back = pane.querySelector(".pane-back");
const close = pane.querySelector(".pane-close");
const phone = window.matchMedia("(max-width: 899px)");

let shown = ""; // the turn whose sources are drawn
let link = null; // the citation that was followed last, where "Back to answer" leads
let opener = null; // the card's button that opened the article
let cards = new Map(); // those that are drawn, and the quotes in them, by what they show
let pressed = null; // the chip that was pressed last, while its answer is being written anew

// An answer that is being written comes with its own sources alone: those of the turns before it stay here.
const known = (window.footnoteTurns ||= { run: "", step: 0, recalled: false, desk: 0, turns: {}, missed: false });

// Whether there is something to draw. gradio works off an event's steps one after another, but those of two events side by
// side: in a busy browser the end of a stopped answer comes after what took its place. Then all is asked for once more.
function learn() {
  const { run = "", step = 0, desk = 0, turns: sent = {}, before = [] } = props.value || {};
  if (run === known.run && step < known.step) {
    if (!known.recalled) trigger("recall");
    known.recalled = true;
    return false;
  }
  Object.assign(known, { run, step, recalled: false });
  const kept = desk === known.desk ? before.filter((turn) => known.turns[turn]) : [];
  known.desk = desk;
  known.turns = { ...Object.fromEntries(kept.map((turn) => [turn, known.turns[turn]])), ...sent };
  const missed = kept.length < before.length;
  if (missed && !known.missed) trigger("recall");
  known.missed = missed;
  return true;
}

// All citations of the conversation, for whoever shows an article that they are from.
footnote.citations = () => Object.values(known.turns).flatMap((turn) => turn.cards);

// Blank lines become a small gap: a passage may reach over several paragraphs.
function appendText(place, text, forms) {
  text.split(/\n\s*\n/).forEach((part, index) => place.append(...(index ? [make("span", "gap")] : []), ...withWords(part, forms)));
}

// A quote with about a line before and after it, as far as its paragraph goes; of a passage without a quote the beginning.
const LINE = 80;
const BEGINNING = 260;
function context({ before, quote, after }) {
  const cut = (text, length) => (text.length > length ? text.slice(0, length).replace(/\S*$/u, "") + "…" : text);
  if (!quote) return { before: cut(before, BEGINNING), after };
  const paragraph = before.slice(before.lastIndexOf("\n") + 1);
  const begins = paragraph.length > LINE ? "…" + paragraph.slice(-LINE).replace(/^\S*/u, "") : paragraph;
  return { before: begins, after: cut(after.split("\n")[0], LINE) };
}

function passage(card, whole) {
  const text = inLanguage(card.language, make("blockquote", "passage"));
  const forms = new Set(card.why.forms);
  const { before, after } = whole ? card : context(card);
  appendText(text, before, forms);
  if (card.quote) {
    const quote = make("mark");
    quote.append(...withWords(card.quote, forms));
    text.append(quote);
  }
  appendText(text, after, forms);
  return text;
}

// What the question names and this article meets: why it was found.
function labels(met) {
  const drawn = make("p", "met");
  drawn.append(make("span", "spoken", say("Meets:") + " "));
  for (const label of met) drawn.append(make("span", "chip", label), " ");
  return drawn;
}

// An article that is cited, under its number, or one that was found besides; its quotes come into it.
function drawCard(card) {
  const drawn = make("article", card.number ? "card cited" : "card");
  const heading = make("h3", "card-title");
  if (card.number) {
    const number = make("span", "number");
    number.append(make("span", "spoken", say("Source") + " "), String(card.number));
    heading.append(number);
  }
  heading.append(inLanguage(card.language, make("span", "card-name", card.title)));
  drawn.append(heading, make("p", "byline", card.byline), make("div", "quotes"));
  return drawn;
}

function drawQuote(card) {
  const drawn = make("div", "quote");
  drawn.tabIndex = -1;
  const open = button("action", say("Read in article"), () => showArticle(card, open));
  const actions = make("p", "actions");
  actions.append(open);
  let text = passage(card, false);
  if (text.textContent.length < card.before.length + card.quote.length + card.after.length) {
    const more = button("action quiet", say("More"), () => {
      const whole = more.getAttribute("aria-expanded") === "false";
      const drawn = passage(card, whole);
      text.replaceWith(drawn);
      text = drawn;
      more.textContent = whole ? say("Less") : say("More");
      more.setAttribute("aria-expanded", String(whole));
    });
    more.setAttribute("aria-expanded", "false");
    actions.append(more);
  }
  if (card.number) actions.append(button("action quiet to-answer", say("Back to answer"), toAnswer));
  if (card.place) drawn.append(make("p", "byline place", card.place));
  if (card.also) drawn.append(make("p", "byline also", card.also));
  if (card.met.length) drawn.append(labels(card.met));
  drawn.append(text, actions, drawWhy(card.why));
  return drawn;
}

// Puts parts into a place and leaves alone what stands there already: a quote keeps its focus, and what was opened in it
// stays open, while further ones come.
function arrange(place, parts) {
  for (const each of [...place.children]) if (!parts.includes(each)) each.remove();
  parts.forEach((part, at) => place.children[at] === part || place.insertBefore(part, place.children[at] || null));
}

function drawSources(number) {
  const turn = known.turns[number];
  shown = turn ? number : "";
  const refused = Boolean(turn) && turn.state !== "answered";
  title.textContent = refused ? say("Nearest passages") : say("Sources");
  if (!turn) {
    about.textContent = "";
    sources.replaceChildren(make("p", "hint", say("The quotes that carry an answer appear here, each with its article.")));
    return;
  }
  about.textContent = turn.question;
  const parts = [];
  if (refused && turn.search.shown) parts.push(make("p", "hint", say("No answer was found; these passages come closest.")));
  const focused = sources.contains(document.activeElement) ? document.activeElement : null;
  const before = cards;
  cards = new Map();
  const drawn = (looks, draw) => {
    const key = JSON.stringify([number, looks]);
    if (!cards.has(key)) cards.set(key, before.get(key) || draw());
    return cards.get(key);
  };
  const quoteOf = (card) => {
    const quote = drawn({ ...card, id: "" }, () => drawQuote(card));
    if (card.id) quote.id = card.id; // its place, which is another once an earlier article is quoted again
    return quote;
  };
  const cardOf = (quotes) => {
    const [{ number, article, title, byline }] = quotes;
    const card = drawn([article, title, byline, number], () => drawCard(quotes[0]));
    arrange(card.querySelector(".quotes"), quotes.map(quoteOf));
    return card;
  };
  const cardsOf = (all) => [...new Set(all.map((each) => each.article))].map((id) => cardOf(all.filter((each) => each.article === id)));
  parts.push(...cardsOf(turn.cards));
  const more = cardsOf(turn.more);
  if (!turn.complete && more.length && !turn.cards.length) parts.push(make("p", "hint", say("Passages found; the answer is being written from them.")));
  if (turn.state === "none" || !turn.complete) parts.push(...more);
  else if (more.length) {
    const details = make("details", "more");
    details.append(make("summary", "", say("More passages found ({count})", { count: turn.more.length })), ...more);
    parts.push(details);
  }
  if (turn.complete && turn.search.candidates) parts.push(drawSearch(turn.search, showArticle));
  if (!parts.length) parts.push(make("p", "hint", turn.complete ? say("No passages were found.") : say("Reading the passages…")));
  arrange(sources, parts);
  if (!focused || focused === document.activeElement) return;
  if (focused.closest(".more")) focused.closest(".more").open = true;
  (sources.contains(focused) ? focused : title).focus({ preventScroll: true });
}

function showSources(leads = false) {
  writeAddress({ article: "", start: "", end: "", check: "" }, leads && inAddress("article"));
  visiting = false;
  reader.hidden = back.hidden = true;
  sources.hidden = title.hidden = about.hidden = false;
}

async function showArticle(card, from) {
  if (inAddress("article") !== card.article) writeAddress({ article: card.article, start: card.start, end: card.end, check: card.check }, true);
  opener = from;
  sources.hidden = title.hidden = about.hidden = true;
  reader.hidden = back.hidden = false;
  back.focus({ preventScroll: true });
  const others = (known.turns[shown]?.cards || []).filter((each) => each.article === card.article && each.start !== card.start);
  const drawn = await openArticle(reader, card.article, card, others);
  if (!drawn || reader.hidden) return;
  if (drawn.mark) reveal(drawn.mark, "center");
  else reveal(drawn.heading, "start");
}

function toSources() {
  showSources(true);
  if (!opener || !opener.isConnected) return title.focus();
  const folded = opener.closest(".more"); // its card may have been folded away meanwhile
  if (folded) folded.open = true;
  reveal(opener, "nearest");
}

// Only on a phone is there anything to open: elsewhere the pane always stands beside the chat.
function cover(open) {
  const covering = open && phone.matches;
  document.getElementById("sources-column").classList.toggle("open", covering);
  for (const other of document.querySelectorAll("#masthead, #history, #chat-column, .tab-wrapper")) other.inert = covering;
}

function toAnswer() {
  cover(false);
  if (inAddress("pane")) writeAddress({ pane: "" }, true);
  const target = link && link.isConnected ? link : document.querySelector('#chat a[href="#s-' + shown + '"]');
  if (target) reveal(target, "nearest");
  else document.querySelector("#question textarea")?.focus();
}

function follow(clicked) {
  const [, turn, number] = clicked.getAttribute("href").match(/^#s-(\d+)(?:-(\d+))?$/) || [];
  if (!turn || !known.turns[turn]) return;
  if (shown !== turn) drawSources(turn);
  showSources();
  link = clicked;
  peeked.hidden = true;
  if (phone.matches && !inAddress("pane")) writeAddress({ pane: "sources" }, true); // Back leads from there to the answer
  cover(true);
  for (const each of sources.querySelectorAll("[aria-current]")) each.removeAttribute("aria-current");
  for (const each of document.querySelectorAll("#chat a.followed")) each.classList.remove("followed");
  const card = number && document.getElementById("s-" + turn + "-" + number);
  if (card) {
    clicked.classList.add("followed");
    card.setAttribute("aria-current", "true");
    reveal(card, "nearest");
  } else {
    pane.scrollTop = 0;
    title.focus({ preventScroll: true });
  }
}

// Asks the last question again without what a chip names, or with it. The server looks up which label that is.
function reconsider(chip) {
  const [, turn, place] = chip.id.match(/^chip-(\d+)-(\d+)$/) || [];
  if (!turn) return;
  pressed = chip;
  trigger("reconsider", { turn: Number(turn), place: Number(place) });
}

// The new answer brings a new chip in place of the one that was pressed: whoever was there is there again.
function refocus() {
  if (!pressed || pressed.isConnected) return;
  const name = (chip) => chip.querySelector(".chip-name")?.textContent;
  const again = [...document.querySelectorAll("#chat button.chip")].find((chip) => name(chip) === name(pressed));
  if (!again) return;
  pressed = null;
  if (document.activeElement === document.body) again.focus({ preventScroll: true });
}

// Redraws only what changed: a reader who has opened an article, or an older answer's sources, keeps it while an answer is
// still being written.
let visiting = false; // an article that the address names, while the conversation that it names is opened behind it
let shownValue = "";
let newest = "";
watch("value", () => {
  if (!learn()) return;
  const current = (props.value && props.value.current) || "";
  const fingerprint = current + JSON.stringify(known.turns[current] || "");
  if (fingerprint === shownValue) return;
  shownValue = fingerprint;
  const begun = current !== newest;
  newest = current;
  if (begun || shown === current) drawSources(current);
  if (begun && !visiting) showSources();
  visiting = false;
  requestAnimationFrame(refocus);
});

document.addEventListener(
  "click",
  (event) => {
    const chip = event.target.closest?.("#chat .answer button.chip");
    if (chip) reconsider(chip);
    const clicked = event.target.closest?.('#chat a[href^="#s-"]');
    if (!clicked) return;
    event.preventDefault(); // the page has a <base>: following the link itself would load the page anew
    follow(clicked);
  },
  { signal: listening.signal },
);
// A number under the pointer or the focus shows its quote, outlet and date beside it, until Escape or something else.
const peeked = make("div", "peek-card");
peeked.id = "peek-card";
peeked.setAttribute("role", "tooltip");
peeked.hidden = true;
document.querySelector(".gradio-container main").append(peeked);
listening.signal.addEventListener("abort", () => peeked.remove());
function peek(event) {
  if (peeked.contains(event.target)) return;
  const cite = event.target.closest?.('#chat a.cite[href^="#s-"]');
  const [, turn] = cite?.getAttribute("href").match(/^#(s-(\d+)-\d+)$/)?.slice(1) || [];
  const card = turn && known.turns[turn]?.cards.find((each) => "#" + each.id === cite.getAttribute("href"));
  peeked.hidden = !card;
  if (!card) return;
  cite.setAttribute("aria-describedby", peeked.id);
  const quote = inLanguage(card.language, make("p", "passage"));
  quote.append(make("mark", "", card.quote.length > 320 ? card.quote.slice(0, 320).replace(/\S*$/u, "") + "…" : card.quote));
  const title = inLanguage(card.language, make("p", "card-name", card.title));
  peeked.replaceChildren(title, make("p", "byline", [card.byline, card.place].filter(Boolean).join(" · ")), quote);
  const place = cite.getBoundingClientRect();
  const below = place.bottom + peeked.offsetHeight < innerHeight || place.top < innerHeight / 2;
  peeked.style.top = (below ? place.bottom : place.top - peeked.offsetHeight) + "px";
  peeked.style.left = Math.max(8, Math.min(place.left - 16, innerWidth - peeked.offsetWidth - 8)) + "px";
}
for (const kind of ["mouseover", "focusin"]) document.addEventListener(kind, peek, { signal: listening.signal });
const hidePeek = (event) => (event.type !== "keydown" || event.key === "Escape") && (peeked.hidden = true);
for (const kind of ["keydown", "scroll"]) document.addEventListener(kind, hidePeek, { capture: true, signal: listening.signal });
phone.addEventListener("change", () => cover(false), { signal: listening.signal });

pane.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  if (!reader.hidden) toSources();
  else toAnswer();
});
back.addEventListener("click", toSources);
close.addEventListener("click", toAnswer);

learn();
drawSources((props.value && props.value.current) || "");

// The address can name an article, and a sentence in it.
function arrive() {
  const article = inAddress("article");
  if (!article && !reader.hidden) toSources();
  if (!article) cover(Boolean(inAddress("pane")));
  if (!article || !reader.hidden) return;
  const at = (name) => (/^\d{1,9}$/.test(inAddress(name)) ? Number(inAddress(name)) : 0);
  cover(true);
  showArticle({ article, start: at("start"), end: at("end"), check: inAddress("check") }, null);
}
window.addEventListener("popstate", arrive, { signal: listening.signal });
visiting = Boolean(inAddress("article") && inAddress("conversation"));
writeAddress({ pane: "" }); // a page that is opened anew shows the conversation first
arrive();
