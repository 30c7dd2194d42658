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
  const forms = (known || text).split("|");
  const rule = new Intl.PluralRules(known ? footnote.language : "en").select(values.count ?? 0);
  const form = "count" in values ? (rule === "one" ? 0 : rule === "few" ? 1 : footnote.language === "ru" && known ? 2 : 1) : 0;
  return Object.entries(values).reduce(
    (shown, [name, value]) => shown.replaceAll("{" + name + "}", typeof value === "number" ? value.toLocaleString("en") : value),
    forms[Math.min(form, forms.length - 1)],
  );
};

// Takes another language from now on; the page is drawn anew.
window.speak = (language) => {
  document.cookie = footnote.cookie + "=" + language + "; path=/; max-age=31536000; samesite=strict";
  location.reload();
};
