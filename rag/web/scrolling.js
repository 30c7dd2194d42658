// Where the chat stands: it goes along with what is being written until the question has come to the upper edge, where
// reading begins, and stays where the reader has scrolled to. gradio's own way is to jump to the end a third of a second
// after each step, also where somebody has scrolled elsewhere meanwhile.

const ABOVE = 12; // pixels above the question

function scrollAlong(leaving) {
  let chat = null;
  let along = false;
  let placed = 0; // where the chat was put last
  let last = ""; // the question that it goes along with
  let ended = false; // whether that was answered

  function goal() {
    const question = [...chat.querySelectorAll(".question")].at(-1);
    if (!question) return 0;
    const distance = question.getBoundingClientRect().top - chat.getBoundingClientRect().top - ABOVE;
    return Math.max(0, Math.min(chat.scrollTop + distance, chat.scrollHeight - chat.clientHeight));
  }

  // What has become shorter moves the chat too, but to where it should stand: only a reader brings it anywhere else.
  function leave() {
    const elsewhere = (place) => Math.abs(chat.scrollTop - place) > 1;
    if (elsewhere(placed) && elsewhere(goal())) along = false;
  }

  function go() {
    leave(); // the browser tells of a reader's scrolling only when it draws: a step may come before that
    if (!along) return;
    chat.scrollTop = goal();
    placed = chat.scrollTop;
  }

  const sizes = new ResizeObserver(go);
  function meet(found) {
    chat = found;
    chat.addEventListener("scroll", leave, { passive: true, signal: leaving.signal });
    sizes.observe(chat);
  }

  function look() {
    const found = document.querySelector("#chat .bubble-wrap");
    if (!found) return;
    if (found !== chat) meet(found);
    const questions = [...chat.querySelectorAll(".question")];
    const newest = questions.length + " " + (questions.at(-1)?.textContent || "");
    const answered = Boolean([...chat.querySelectorAll(".bot-row")].at(-1)?.querySelector(".acts"));
    if (newest !== last || (ended && !answered)) [along, placed] = [true, chat.scrollTop];
    [last, ended] = [newest, answered];
    document.querySelector("#chat .scroll-down-button-container button")?.setAttribute("aria-label", say("To the end"));
    go();
  }

  const looking = new MutationObserver(look);
  looking.observe(document.body, { childList: true, subtree: true });
  leaving.signal.addEventListener("abort", () => {
    looking.disconnect();
    sizes.disconnect();
  });
  look();
}
