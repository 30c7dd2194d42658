// The page's language, and say(): a text in it. English is the key; rag/web/language.py has the same rules.

footnote.language = (() => {
  const chosen = document.cookie.match(new RegExp("(?:^|; )" + footnote.cookie + "=([a-z]+)"))?.[1];
  const wanted = [chosen, ...navigator.languages.map((each) => each.split("-")[0])];
  return wanted.find((each) => each in footnote.tables) || "en";
})();
document.documentElement.lang = footnote.language;
// gradio draws its own labels in the browser's language; they follow the reader's choice.
Object.defineProperty(navigator, "language", { get: () => footnote.language });

window.say = (text, values = {}) => {
  const known = footnote.tables[footnote.language][text];
  const forms = "count" in values ? (known || text).split("|") : [known || text];
  const rule = new Intl.PluralRules(known ? footnote.language : "en").select(values.count ?? 0);
  const form = "count" in values ? (rule === "one" ? 0 : rule === "few" ? 1 : footnote.language === "ru" && known ? 2 : 1) : 0;
  return Object.entries(values).reduce(
    (shown, [name, value]) => shown.replaceAll("{" + name + "}", typeof value === "number" ? value.toLocaleString(known ? footnote.language : "en") : value),
    forms[Math.min(form, forms.length - 1)],
  );
};

// Puts the fixed texts of a template into the page's language; what has translate="no" stays as it is.
window.sayAll = (root) => {
  const own = (each) => !each.closest('[translate="no"]');
  const texts = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  for (let text; (text = texts.nextNode()); ) {
    const words = text.data.trim();
    if (words && own(text.parentElement)) text.data = text.data.replace(words, () => say(words));
  }
  for (const name of ["aria-label", "placeholder", "title"])
    for (const each of root.querySelectorAll("[" + name + "]")) if (own(each)) each.setAttribute(name, say(each.getAttribute(name)));
};

// Takes another language from now on; the page is drawn anew.
window.speak = (language) => {
  document.cookie = footnote.cookie + "=" + language + "; path=/; max-age=31536000; samesite=strict";
  location.reload();
};
