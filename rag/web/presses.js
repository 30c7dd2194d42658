// A press is heard also where what was pressed is drawn anew before it ends: the browser gives its click to nothing
// then, and an answer that is being written, or a list beside it, may be drawn anew at any time.

{
  const pressable = (element) => element?.closest?.("a[href], button:not(:disabled), summary");
  // By what something is known again. In the chat names are one conversation's own.
  const nameOf = (element) => {
    const own = ["id", "data-key", "href", "aria-label"].map((kind) => element.getAttribute(kind)).find(Boolean);
    return own && own + (element.closest("#chat") && document.querySelector("#chat .question")?.textContent);
  };
  let press = null;

  const listen = (kind, hear) => document.addEventListener(kind, hear, true);
  listen("pointerdown", (event) => {
    const element = pressable(event.target);
    const plain = !event.button && event.pointerType === "mouse" && !(event.ctrlKey || event.metaKey || event.shiftKey);
    press = plain && element ? { element, name: nameOf(element) } : null;
  });
  listen("click", (event) => {
    if (pressable(event.target)) press = null;
  });
  listen("pointerup", ({ clientX, clientY }) => {
    const ended = press;
    if (!ended) return;
    setTimeout(() => {
      if (press !== ended) return; // its own click comes at once or not at all
      const now = pressable(document.elementFromPoint(clientX, clientY));
      const again = !ended.element.isConnected && ended.name && now && nameOf(now) === ended.name;
      if (!now || (now !== ended.element && !again)) return;
      press = null;
      now.focus({ preventScroll: true });
      now.click();
    });
  });
}
