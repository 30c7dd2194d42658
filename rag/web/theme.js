// The page's look: what the reader chose, else the address (?__theme=dark), else the system. gradio marks the body
// "dark" by the last two alone, and late; whatever it marks is put right before anything is painted.

footnote.setCookie = (name, value) => {
  document.cookie = `${name}=${value}; path=/; max-age=${value ? 31536000 : 0}; samesite=strict`;
};
footnote.theme = document.cookie.match(/(?:^|; )footnote_theme=(light|dark)/)?.[1] || "system";
footnote.shade = (theme) => {
  footnote.theme = theme;
  footnote.setCookie("footnote_theme", theme);
  footnote.paint();
};
// What was chosen in Settings, without any key; the server reads it when the page is opened again.
footnote.keepChoice = (choice) => footnote.setCookie("footnote_choice", encodeURIComponent(choice));

{
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const inAddress = new URLSearchParams(location.search).get("__theme");
  footnote.paint = () => {
    const chosen = [footnote.theme, inAddress].find((each) => each === "light" || each === "dark");
    const dark = chosen ? chosen === "dark" : system.matches;
    const { style } = document.documentElement;
    // Until its style sheets are there, gradio's page is painted by the system alone, in one of two pairs of colours.
    for (const name of ["--bg", "--col"]) {
      style.setProperty(dark ? name : name + "-dark", `var(${dark ? name + "-dark" : name})`);
      style.removeProperty(dark ? name + "-dark" : name);
    }
    style.colorScheme = dark ? "dark" : "light";
    document.body?.classList.toggle("dark", dark);
  };
  footnote.paint();
  system.addEventListener("change", footnote.paint);
  const watch = () => {
    footnote.paint();
    new MutationObserver(footnote.paint).observe(document.body, { attributeFilter: ["class"] });
  };
  document.addEventListener("readystatechange", watch, { once: true }); // no script of gradio's has run yet
}
