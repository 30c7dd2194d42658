// Says what was done in a section of Settings or what went wrong, and keeps in the browser what was chosen there.

const [said] = find(".said");
let focused = null;
on(document, "focusin", ({ target }) => (focused = target));
follow(() => {
  const { kept, stamp } = given();
  tell(said, given());
  for (const each of document.querySelectorAll("#model-secret input")) each.autocomplete = "off";
  if (kept != null) footnote.keepChoice(kept);
  if (!stamp) return;
  footnote.hurry();
  // The button that was pressed may be gone by then.
  setTimeout(() => focused?.isConnected === false && said.focus({ preventScroll: true }), 100);
});
