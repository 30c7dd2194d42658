// The line under the name: what is being loaded, what went wrong, or what the reader should know.

const status = element.querySelector(".status");

function drawStatus() {
  const { kind = "loading", text = "", done = 0, total = 0 } = props.value || {};
  status.dataset.kind = kind;
  status.hidden = !text;
  const parts = [make("span", "status-text", text)];
  if (kind === "loading") {
    const bar = make("progress");
    bar.setAttribute("aria-label", "Progress");
    if (total > 0) {
      bar.max = total;
      bar.value = done;
    }
    parts.push(bar);
  }
  if (kind === "failed") parts.push(button("again", "Try again", () => trigger("again")));
  status.replaceChildren(...parts);
}

watch("value", drawStatus);
drawStatus();
