// The page's look: what the reader chose, else the address (?__theme=dark), else the system. gradio marks the body "dark" by
// the last two alone, and late; whatever it marks is put right before anything is painted.

footnote.theme = document.cookie.match(/(?:^|; )footnote_theme=(light|dark)/)?.[1] || "system";

footnote.shade = (theme) => {
  footnote.theme = theme;
  document.cookie = "footnote_theme=" + theme + "; path=/; max-age=31536000; samesite=strict";
  footnote.paint();
};

// What was chosen in Settings, without any key; the server reads it when the page is opened again.
footnote.keepChoice = (choice) => {
  document.cookie = "footnote_choice=" + encodeURIComponent(choice) + "; path=/; max-age=" + (choice ? 31536000 : 0) + "; samesite=strict";
};

footnote.paint = (() => {
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const inAddress = new URLSearchParams(location.search).get("__theme");
  const paint = () => {
    const chosen = [footnote.theme, inAddress].find((each) => each === "light" || each === "dark");
    const dark = chosen ? chosen === "dark" : system.matches;
    // Until its style sheets are there, gradio's page is painted by the system alone, in one of two pairs of colours.
    for (const name of ["--bg", "--col"]) {
      document.documentElement.style.setProperty(dark ? name : name + "-dark", "var(" + (dark ? name + "-dark" : name) + ")");
      document.documentElement.style.removeProperty(dark ? name + "-dark" : name);
    }
    document.documentElement.style.colorScheme = dark ? "dark" : "light";
    document.body?.classList.toggle("dark", dark);
  };
  system.addEventListener("change", paint);
  document.addEventListener(
    "readystatechange",
    () => {
      paint();
      new MutationObserver(paint).observe(document.body, { attributeFilter: ["class"] });
    },
    { once: true }, // now its body is there, and no script of gradio's has run yet
  );
  paint();
  return paint;
})();
