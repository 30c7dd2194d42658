// A press is heard also where what was pressed is drawn anew, or put elsewhere and back, before it ends: the browser gives its
// click to nothing then, and an answer that is being written, or a list beside it, may be drawn anew at any time.

(() => {
  const pressable = (element) => element?.closest?.("a[href], button:not(:disabled), summary");
  const NAMES = ["id", "data-key", "href", "aria-label"];
  let press = null;

  // By what something is known again; nothing, where it has no more than its text. In the chat names are one conversation's own.
  function name(element) {
    const own = NAMES.map((kind) => element.getAttribute(kind)).find(Boolean);
    const conversation = element.closest("#chat") && document.querySelector("#chat .question")?.textContent;
    return own && [element.tagName, own, conversation].join("\n");
  }

  function end({ element, known, heard }, over, { clientX, clientY }) {
    if (heard) return;
    const same = (each) => each === element || (known && name(each) === known);
    const now = [over, pressable(document.elementFromPoint(clientX, clientY))].find((each) => each?.isConnected && same(each));
    now?.focus({ preventScroll: true });
    now?.click();
  }

  const listen = (kind, hear) => document.addEventListener(kind, hear, true);
  listen("pointerdown", (event) => {
    const element = pressable(event.target);
    const plain = event.button === 0 && event.pointerType === "mouse" && !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
    press = plain && element ? { element, known: name(element), heard: false } : null;
  });
  listen("click", (event) => {
    if (press && pressable(event.target)) press.heard = true;
  });
  listen("pointerup", (event) => {
    const [ended, over] = [press, pressable(event.target)];
    if (!ended || event.button !== 0 || !over || (over !== ended.element && ended.element.isConnected)) return;
    setTimeout(() => end(ended, over, event)); // its own click comes at once or not at all
  });
})();
