// Where the chat stands: it goes along with what is being written until the question has come to the upper edge, where
// reading begins, and stays where the reader has scrolled to. gradio's own way is to jump to the end a third of a second
// after each step, also where somebody has scrolled elsewhere meanwhile.

const ABOVE = 12; // pixels above the question

function scrollAlong(leaving) {
  let chat = null;
  let along = false;
  let placed = 0; // where the chat was put last
  let asked = ""; // the questions of the conversation that it goes along with
  let ended = false; // whether the last of them was answered
  const words = say("To the end");

  function goal() {
    const question = [...chat.querySelectorAll(".question")].at(-1);
    if (!question) return 0;
    const distance = question.getBoundingClientRect().top - chat.getBoundingClientRect().top - ABOVE;
    return Math.max(0, Math.min(chat.scrollTop + distance, chat.scrollHeight - chat.clientHeight));
  }

  function go(further) {
    along = further;
    chat.style.overflowAnchor = along ? "none" : ""; // else the browser moves it too, where what stands above changes
    if (along) chat.scrollTop = goal();
    placed = chat.scrollTop;
  }

  // What has become shorter moves the chat too, but to where it should stand: only a reader brings it anywhere else.
  function left() {
    const elsewhere = (place) => Math.abs(chat.scrollTop - place) > 1;
    return elsewhere(placed) && elsewhere(goal());
  }

  function look() {
    if (!chat.clientHeight) return; // another room is shown
    const questions = [...chat.querySelectorAll(".question")].map((each) => each.textContent).join("\n");
    const over = !chat.querySelector(".answer .working");
    const begun = questions !== asked || (ended && !over);
    [asked, ended] = [questions, over];
    go(begun || (along && !left())); // the browser tells of scrolling only when it draws: a step may come before that
    chat.dispatchEvent(new Event("scroll")); // gradio offers its way to the end by where the chat stood when it was scrolled
    const end = chat.parentElement.querySelector(".scroll-down-button-container button");
    for (const name of ["aria-label", "title"]) if (end?.getAttribute(name) !== words) end?.setAttribute(name, words);
  }

  // A change of size moves the text as well: no reader has scrolled then.
  const sizes = new ResizeObserver(() => {
    if (!chat.clientHeight) return;
    placed = chat.scrollTop;
    look();
  });

  function meet(found) {
    chat = found;
    const scrolled = () => along && chat.clientHeight && left() && go(false);
    chat.addEventListener("scroll", scrolled, { passive: true, signal: leaving.signal });
    sizes.observe(chat);
    look();
  }

  function seek(changes = []) {
    const found = document.querySelector("#chat .bubble-wrap");
    if (found && found !== chat) meet(found);
    else if (found && changes.some((each) => found.parentElement.contains(each.target))) look();
  }
  const looking = new MutationObserver(seek);
  looking.observe(document.documentElement, { childList: true, subtree: true });
  leaving.signal.addEventListener("abort", () => {
    looking.disconnect();
    sizes.disconnect();
  });
  seek();
}
