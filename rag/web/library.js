// The list of articles, and the one that was chosen beside it; on a phone it takes the list's place.

const library = element.querySelector(".library");
const list = library.querySelector("ul");
const about = library.querySelector(".pane-about");
const place = library.querySelector("article");
let chosen = null;

function drawList() {
  const { articles = [], total = 0 } = props.value || {};
  about.textContent = total > articles.length ? "The newest " + articles.length + " of " + total : total ? total + ", newest first" : "";
  list.replaceChildren(
    ...articles.map((article) => {
      const item = make("li");
      const open = button("library-item", undefined, () => choose(article, open));
      open.append(make("span", "card-name", article.title), make("span", "byline", article.byline));
      item.append(open);
      return item;
    }),
  );
  if (!articles.length) list.replaceChildren(make("li", "hint", "The articles are listed here as soon as they are read."));
}

async function choose(article, open) {
  chosen?.removeAttribute("aria-current");
  chosen = open;
  chosen.setAttribute("aria-current", "true");
  library.classList.add("reading");
  const drawn = await openArticle(place, article.article, 0, 0);
  if (drawn) reveal(drawn.heading, "start");
}

library.querySelector(".library-back").addEventListener("click", () => {
  library.classList.remove("reading");
  if (chosen) reveal(chosen, "nearest");
});
watch("value", drawList);
drawList();
