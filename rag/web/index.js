// The index, a section of Settings: its state, what is in it, rebuilding it with its progress, watching the folder.

const [title, state, about, stages, actions, said, watching, facts, files] = find(
  ".pane-title", ".index-state", ".index-about", ".stages", ".index-actions", ".index-said", ".index-watch",
  ".index-facts", ".index-files",
);
const KINDS = {
  loading: "Being opened", fresh: "Up to date", outdated: "The folder has changed", building: "Being built",
  failed: "The last build failed", cancelled: "The build was cancelled",
};
let asked = ""; // what was asked for here and is not done yet

function size(bytes) {
  const units = [[1e9, "{size} GB"], [1e6, "{size} MB"], [0, "{size} kB"]];
  const [unit, text] = units.find(([least]) => bytes >= least);
  return say(text, { size: footnote.number(bytes / (unit || 1e3), { maximumFractionDigits: 1 }) });
}

function words({ kind, text, serving, files: { new: added, changed, removed: gone } = {}, ...progress }) {
  const changes = [
    added && say("{count} new|{count} new", { count: added }),
    changed && say("{count} changed|{count} changed", { count: changed }),
    gone && say("{count} gone|{count} gone", { count: gone }),
  ].filter(Boolean);
  const some = changes.join(", ") || say("Something changed");
  if (kind === "outdated") return say("{changes}. The answers do not know of it yet.", { changes: some });
  if (kind === "building") return serving ? say("Questions go on meanwhile, answered from the index as it was.") : "";
  if (kind === "failed") return (serving ? say("The index as it was before goes on answering.") + " " : "") + text;
  if (kind === "cancelled") return say("The index is as it was before.");
  if (kind === "loading") return progressText({ text, ...progress }) || text;
  return say("Every article of the folder is in it as it stands there.");
}

function drawActions({ kind, serving }, busy) {
  const act = (name, words, look = "model-button") => {
    const ask = () => {
      if (asked === name) return;
      asked = name;
      tell(said, {});
      trigger(name);
    };
    const ariaDisabled = String(asked === name); // not `disabled`: that would take the focus away
    return button(look, ask, { ariaDisabled }, keyed(name), words);
  };
  const serve = [
    ["rebuild", say("Rebuild")],
    ["check", say("Check for changes"), "action"],
    ["start_over", say("Rebuild from scratch"), "action.quiet"],
  ];
  const offered = busy
    ? [["cancel", say("Cancel the build")]]
    : serving ? serve : kind === "failed" ? [["rebuild", say("Try to open it again")]] : [];
  draw(actions, offered.map((each) => act(...each)), title);
}

function drawFacts({ contents = {}, files: { failed, skipped } = {} }) {
  const { name, articles, passages, embedder, built, size: bytes, generation } = contents;
  const day = { dateStyle: "long", timeStyle: "short" };
  const known = !name ? [[say("Articles"), say("none yet")]] : [
    [say("Articles"), footnote.number(articles)],
    [say("Passages"), footnote.number(passages)],
    [say("Embedding model"), embedder],
    [say("Built"), new Date(1000 * built).toLocaleString(footnote.locale, day)],
    [say("Size on disk"), size(bytes)],
    [say("Generation"), String(generation)],
  ];
  draw(facts, known.map(([term, value]) => [make("dt", term), make("dd", value)]));
  const out = [
    failed && say("{count} file could not be read|{count} files could not be read", { count: failed }),
    skipped && say("{count} was skipped|{count} were skipped", { count: skipped }),
  ].filter(Boolean).join(", ");
  files.textContent = name && out ? say("{files}; the table of articles says why.", { files: out }) : "";
}

function drawIndex(value) {
  if (!value?.kind) return;
  const busy = value.kind === "building" || (value.kind === "loading" && value.stage !== "loading the model");
  if (asked !== "cancel" || !busy) asked = "";
  state.dataset.kind = value.kind;
  state.textContent = say(value.kind === "failed" && !value.serving ? "Could not be opened" : KINDS[value.kind] || "");
  about.textContent = words(value);
  stages.hidden = !busy;
  if (busy) drawStages(stages, value);
  drawActions(value, busy);
  watching.checked = value.watching;
  drawFacts(value);
}

on(watching, "change", () => trigger("follow", { on: watching.checked }));
follow(() => {
  const value = given();
  tell(said, value);
  if ("said" in value && footnote.hear) return footnote.hear(value); // something was done, so nothing newer is known
  drawIndex(value);
  footnote.hurry?.();
});
followIndex(drawIndex);
