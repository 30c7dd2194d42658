// The page's language, and say(): a text in it. English is the key; rag/web/language.py has the same rules.

footnote.language = (() => {
  const chosen = document.cookie.match(new RegExp("(?:^|; )" + footnote.cookie + "=([a-z]+)"))?.[1];
  const wanted = [chosen, ...navigator.languages.map((each) => each.split("-")[0])];
  return wanted.find((each) => Object.hasOwn(footnote.tables, each)) || "en";
})();
document.documentElement.lang = footnote.language;
// How numbers and dates are written.
footnote.locale = footnote.language === "en" ? "en-GB" : footnote.language;
footnote.number = (value, digits = {}, language = footnote.language) => value.toLocaleString(language, digits);
// gradio draws its own labels in the browser's language; they follow the reader's choice.
Object.defineProperty(navigator, "language", { get: () => footnote.language });

window.say = (text, values = {}) => {
  const known = footnote.tables[footnote.language][text];
  const language = known ? footnote.language : "en";
  const forms = (known || text).split("|");
  const plurals = footnote.plurals[language];
  const counted = "count" in values;
  const form = counted ? plurals[new Intl.PluralRules(language).select(values.count)] ?? plurals.other : 0;
  // In one go, by a function: what is filled in may hold braces and dollar signs of its own.
  return (counted ? forms[Math.min(form, forms.length - 1)] : known || text).replace(/\{(\w+)\}/g, (place, name) => {
    const value = Object.hasOwn(values, name) ? values[name] : place;
    return typeof value === "number" ? footnote.number(value, {}, language) : value;
  });
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
    for (const each of root.querySelectorAll(`[${name}]`))
      if (own(each)) each.setAttribute(name, say(each.getAttribute(name)));
};

// Takes another language from now on; the page is drawn anew.
window.speak = (language) => {
  footnote.setCookie(footnote.cookie, language);
  location.reload();
};
