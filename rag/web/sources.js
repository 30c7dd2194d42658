// The pane beside the chat: the sources of one answer, or one article. On a phone it covers the chat until it is
// closed.

const [pane, title, about, sources, reader, back, close] = find(
  ".pane", ".pane-title", ".pane-about", ".pane-sources", ".pane-article", ".pane-back", ".pane-close",
);
const column = document.getElementById("sources-column");
const linkOf = (target) => target?.closest?.('#chat a[href^="#s-"]');

let shown = ""; // the turn whose sources are drawn
let looks = ""; // what it looked like
let newest = "";
let held = null; // the citation on which a press began
let link = null; // the citation that was followed last, where "Back to answer" leads
let opener = null; // the card's button that opened the article
let cards = new Map(); // of that turn, and the quotes in them, by what they show
let pressed = null; // the chip that was pressed last, while its answer is being written anew
let visiting = false; // an article that the address names, while the conversation that it names is opened behind it

// An answer that is being written comes with its own sources alone: those of the turns before it stay here.
const known = (window.footnoteTurns ||= { run: "", step: 0, recalled: false, turns: {} });

// Whether there is something to draw. gradio works off an event's steps one after another, but those of two events side
// by side: in a busy browser the end of a stopped answer comes after what took its place. Then all is asked for once
// more.
function learn() {
  const { run = "", step = 0, turns = {}, whole = true } = given();
  const late = run === known.run && step < known.step;
  if (late && !known.recalled) trigger("recall");
  known.recalled = late;
  if (!late) Object.assign(known, { run, step, turns: whole ? turns : { ...known.turns, ...turns } });
  return !late;
}

// All citations of the conversation, for whoever shows an article that they are from.
footnote.citations = () => Object.values(known.turns).flatMap((turn) => turn.cards);

// Cuts after or before a word.
const LINE = 80;
const cutEnd = (text, length) => (text.length > length ? text.slice(0, length).replace(/\S*$/u, "") + "…" : text);
const cutStart = (text, length) => (text.length > length ? "…" + text.slice(-length).replace(/^\S*/u, "") : text);

// A quote with about a line before and after it, as far as its paragraph goes; of a passage without one the beginning.
function context({ before, quote, after }) {
  if (!quote) return { before: cutEnd(before, 260), after };
  const paragraph = before.slice(before.lastIndexOf("\n") + 1);
  return { before: cutStart(paragraph, LINE), after: cutEnd(after.split("\n")[0], LINE) };
}

function drawPassage(card, whole) {
  const forms = new Set(card.why.forms);
  const { before, after } = whole ? card : context(card);
  // Blank lines become a small gap: a passage may reach over several paragraphs.
  const lines = (text) => text.split(/\n\s*\n/).map((part, at) => [at > 0 && make("span.gap"), withWords(part, forms)]);
  const quote = card.quote && make("mark", withWords(card.quote, forms));
  return make("blockquote.passage", { lang: card.language }, lines(before), quote, lines(after));
}

// An article that is cited, under its number, or one that was found besides; its quotes come into it.
function drawCard({ number, language: lang, title, byline }) {
  const cited = number > 0 && make("span.number", make("span.spoken", say("Source") + " "), number);
  const heading = make("h3.card-title", cited, make("span.card-name", { lang }, title));
  return make(number ? "article.card.cited" : "article.card", heading, make("p.byline", byline), make("div.quotes"));
}

function drawQuote(card) {
  let text = drawPassage(card, false);
  const open = button("action", () => showArticle(card, open), say("Read in article"));
  const actions = make("p.actions", open);
  if (text.textContent.length < card.before.length + card.quote.length + card.after.length) {
    const unfold = () => {
      const whole = more.ariaExpanded === "false";
      text.replaceWith((text = drawPassage(card, whole)));
      more.textContent = whole ? say("Less") : say("More");
      more.ariaExpanded = String(whole);
    };
    const more = button("action.quiet", unfold, { ariaExpanded: "false" }, say("More"));
    actions.append(more);
  }
  if (card.number) actions.append(button("action.quiet.to-answer", toAnswer, say("Back to answer")));
  // What the question names and this article meets: why it was found.
  const met = card.met.map((label) => [make("span.chip", label), " "]);
  return make(
    "div.quote",
    { tabIndex: -1 },
    card.place && make("p.byline.place", card.place),
    card.also && make("p.byline.also", card.also),
    met.length > 0 && make("p.met", make("span.spoken", say("Meets:") + " "), met),
    text,
    actions,
    drawWhy(card.why),
  );
}

function drawCards(some) {
  const drawn = (look, draw) => {
    const key = JSON.stringify(look);
    if (!cards.has(key)) cards.set(key, draw());
    return cards.get(key);
  };
  const quoteOf = (card) => {
    const quote = drawn({ ...card, id: "" }, () => drawQuote(card));
    if (card.id) quote.id = card.id; // its place, which is another once an earlier article is quoted again
    return quote;
  };
  const cardOf = (quotes) => {
    const [{ article, number, title, byline }] = quotes;
    const card = drawn([article, title, byline, number], () => drawCard(quotes[0]));
    arrange(card.querySelector(".quotes"), quotes.map(quoteOf));
    return card;
  };
  const ids = new Set(some.map((each) => each.article));
  return [...ids].map((id) => cardOf(some.filter((each) => each.article === id)));
}

function partsOf({ cards: quoted, more: found, state, complete, search }) {
  const [cited, more] = [drawCards(quoted), drawCards(found)];
  const hint = (text) => make("p.hint", text);
  const summary = make("summary", say("More passages found ({count})", { count: found.length }));
  const parts = [
    state !== "answered" && search.shown && hint(say("No answer was found; these passages come closest.")),
    ...cited,
    !complete && more.length && !cited.length && hint(say("Passages found; the answer is being written from them.")),
    ...(state === "none" || !complete ? more : [more.length && make("details.more", summary, more)]),
    complete && search.candidates && drawSearch(search, showArticle),
  ].filter(Boolean);
  return parts.length ? parts : [hint(complete ? say("No passages were found.") : say("Reading the passages…"))];
}

function drawSources(number) {
  const turn = known.turns[number];
  const focused = sources.contains(document.activeElement) ? document.activeElement : null;
  const nothing = () => [make("p.hint", say("The quotes that carry an answer appear here, each with its article."))];
  if (shown !== number) cards = new Map();
  shown = turn ? number : "";
  title.textContent = turn && turn.state !== "answered" ? say("Nearest passages") : say("Sources");
  about.textContent = turn ? turn.question : "";
  arrange(sources, turn ? partsOf(turn) : nothing());
  if (!focused || focused === document.activeElement) return;
  if (focused.closest(".more")) focused.closest(".more").open = true;
  (sources.contains(focused) ? focused : title).focus({ preventScroll: true });
}

function toggleReader(open) {
  sources.hidden = title.hidden = about.hidden = open;
  reader.hidden = back.hidden = !open;
}

function showSources(leads = false) {
  writeAddress({ article: "", start: "", end: "", check: "" }, leads && inAddress("article"));
  visiting = false;
  toggleReader(false);
}

function showArticle(card, from) {
  const { article, start, end, check } = card;
  if (inAddress("article") !== article) writeAddress({ article, start, end, check }, true);
  opener = from;
  toggleReader(true);
  back.focus({ preventScroll: true });
  const quoted = known.turns[shown]?.cards || [];
  openArticle(reader, article, card, quoted.filter((each) => each.article === article && each.start !== start));
}

function toSources() {
  showSources(true);
  if (!opener?.isConnected) return title.focus();
  const folded = opener.closest(".more"); // its card may have been folded away meanwhile
  if (folded) folded.open = true;
  reveal(opener, "nearest");
}

function toAnswer() {
  cover(column, false);
  if (inAddress("pane")) writeAddress({ pane: "" }, true);
  const target = link?.isConnected ? link : document.querySelector(`#chat a[href="#s-${shown}"]`);
  if (target) reveal(target, "nearest");
  else document.querySelector("#question textarea")?.focus();
}

function followLink(clicked) {
  const [, turn, number] = clicked.hash.match(/^#s-(\d+)(?:-(\d+))?$/) || [];
  if (!known.turns[turn]) return trigger("recall");
  if (shown !== turn) drawSources(turn);
  showSources();
  link = clicked;
  peeked.hidden = true;
  // On a phone Back leads from there to the answer.
  if (phone.matches && !inAddress("pane")) writeAddress({ pane: "sources" }, true);
  cover(column, true);
  for (const each of sources.querySelectorAll("[aria-current]")) each.ariaCurrent = null;
  for (const each of document.querySelectorAll("#chat a.followed")) each.classList.remove("followed");
  const card = number && document.getElementById(`s-${turn}-${number}`);
  if (card) {
    clicked.classList.add("followed");
    card.ariaCurrent = "true";
    reveal(card, "nearest");
  } else {
    pane.scrollTop = 0;
    title.focus({ preventScroll: true });
  }
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

// A number under the pointer or the focus shows its quote, outlet and date beside it, until Escape or something else.
const peeked = make("div.peek-card", { id: "peek-card", role: "tooltip", hidden: true });
document.querySelector(".gradio-container main").append(peeked);
listening.signal.addEventListener("abort", () => peeked.remove());
function peek({ target }) {
  if (peeked.contains(target)) return;
  const cite = target.closest?.('#chat a.cite[href^="#s-"]');
  const card = cite && footnote.citations().find((each) => "#" + each.id === cite.hash);
  peeked.hidden = !card;
  if (!card) return;
  const lang = { lang: card.language };
  cite.setAttribute("aria-describedby", peeked.id);
  peeked.replaceChildren(
    make("p.card-name", lang, card.title),
    make("p.byline", [card.byline, card.place].filter(Boolean).join(" · ")),
    make("p.passage", lang, make("mark", cutEnd(card.quote, 320))),
  );
  const { top, bottom, left } = cite.getBoundingClientRect();
  const below = bottom + peeked.offsetHeight < innerHeight || top < innerHeight / 2;
  peeked.style.top = (below ? bottom : top - peeked.offsetHeight) + "px";
  peeked.style.left = Math.max(8, Math.min(left - 16, innerWidth - peeked.offsetWidth - 8)) + "px";
}

on(document, "mouseover focusin", peek);
const hidePeek = ({ type, key }) => (type === "scroll" || key === "Escape") && (peeked.hidden = true);
on(document, "keydown scroll", hidePeek, true);
on(document, "click", (event) => {
  const chip = event.target.closest?.("#chat .answer button.chip");
  const [, turn, place] = chip?.id.match(/^chip-(\d+)-(\d+)$/) || [];
  if (turn) {
    // Asks the last question again without what a chip names, or with it. The server looks up which label that is.
    pressed = chip;
    trigger("reconsider", { turn: Number(turn), place: Number(place) });
  }
  const clicked = linkOf(event.target);
  if (!clicked) return;
  event.preventDefault(); // the page has a <base>: following the link itself would load the page anew
  followLink(clicked);
});
// A press is heard also where its number is drawn anew before it ends, as that of an answer that is being written may be at
// any time: the browser gives its click to nothing then.
on(document, "pointerdown", ({ target }) => (held = linkOf(target)));
on(document, "pointerup", ({ clientX, clientY }) => {
  const now = held && !held.isConnected && linkOf(document.elementFromPoint(clientX, clientY));
  if (now && now.hash === held.hash) followLink(now);
});
on(phone, "change", () => cover(column, false));
on(pane, "keydown", ({ key }) => key === "Escape" && (reader.hidden ? toAnswer() : toSources()));
on(back, "click", toSources);
on(close, "click", toAnswer);

// Redraws only what changed: a reader who has opened an article, or an older answer's sources, keeps it while an answer
// is still being written.
watch("value", () => {
  if (!learn()) return;
  const { current = "" } = given();
  const now = current + JSON.stringify(known.turns[current] || "");
  if (now === looks) return;
  looks = now;
  const begun = current !== newest;
  newest = current;
  if (begun || shown === current) drawSources(current);
  if (begun && !visiting) showSources();
  visiting = false;
  requestAnimationFrame(refocus);
});
learn();
drawSources(given().current || "");

// The address can name an article, and a sentence in it.
function arrive() {
  const article = inAddress("article");
  if (!article && !reader.hidden) toSources();
  if (!article) cover(column, Boolean(inAddress("pane")));
  if (!article || !reader.hidden) return;
  const at = (name) => (/^\d{1,9}$/.test(inAddress(name)) ? Number(inAddress(name)) : 0);
  cover(column, true);
  showArticle({ article, start: at("start"), end: at("end"), check: inAddress("check") }, null);
}
on(window, "popstate", arrive);
visiting = Boolean(inAddress("article") && inAddress("conversation"));
writeAddress({ pane: "" }); // a page that is opened anew shows the conversation first
arrive();
