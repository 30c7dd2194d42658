// gradio hangs up when its page is about to be left, takes what breaks off for a lost connection and, where the next
// page is slow to come, loads this one in its place. The browser hangs up by itself, and only once the next page is
// there.
window.addEventListener("beforeunload", (event) => event.stopImmediatePropagation(), true);
