// A press is heard also where what was pressed is drawn anew before it ends: the browser gives its click to nothing then, and
// an answer that is being written, or a list beside it, may be drawn anew at any time.

(() => {
  const pressable = (event) => event.target.closest?.("a[href], button, summary");
  const NAMES = ["id", "data-key", "href", "aria-label"];
  const name = (each) => NAMES.map((kind) => each.getAttribute(kind)).find(Boolean) || each.textContent;
  let pressed = null;
  let clicked = null;

  const listen = (kind, hear) => document.addEventListener(kind, hear, true);
  listen("pointerdown", (event) => {
    pressed = event.button === 0 && event.pointerType === "mouse" ? pressable(event) : null;
  });
  listen("click", (event) => (clicked = pressable(event)));
  listen("pointerup", (event) => {
    const [before, now] = [pressed, pressable(event)];
    [pressed, clicked] = [null, null];
    if (!before || !now || name(before) !== name(now)) return;
    setTimeout(() => clicked || now.click()); // its own click comes at once or not at all
  });
})();
