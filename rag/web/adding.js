// Adding articles: a button and a place to drop files, a box for addresses, and a line for each that says what became
// of it. A file goes to the server in one request: what it is called here is never a path there.

const away = () => say("Could not be sent. Is Footnote still running in its terminal?");

// Sends a file or an address; returns what the server says of it, null where it cannot be read or there is no server any
// more.
function send(kind, body, progress = () => {}) {
  const request = new XMLHttpRequest(); // `fetch` does not tell how far it is
  request.open("POST", below(`footnote/${kind}?` + new URLSearchParams({ name: body.name || "" })));
  request.responseType = "json";
  request.upload.onprogress = ({ loaded, total }) => progress(loaded / total);
  return new Promise((resolve) => {
    request.onloadend = () => resolve(request.response);
    request.send(body);
  });
}

// Hands on what is dropped anywhere in a place, files or one of the other `kinds`, before anything in it takes it.
function takeDrops(place, take, ...kinds) {
  const hear = (event) => {
    if (![...kinds, "Files"].some((each) => event.dataTransfer?.types.includes(each))) return;
    event.preventDefault();
    event.stopPropagation();
    place.classList.toggle("over", event.type === "dragover");
    if (event.type === "drop") take(event.dataTransfer);
  };
  on(place, "dragover drop", hear, true);
  on(place, "dragleave", (event) => place.contains(event.relatedTarget) || place.classList.remove("over"));
}

// The files of what was dropped, those in folders too.
const promised = (object, method) => new Promise((...ends) => object[method](...ends));
async function filesIn(entry) {
  if (entry.isFile) return [Object.assign(await promised(entry, "file"), { within: entry.fullPath })];
  const [reader, found] = [entry.createReader(), []];
  for (let some; (some = await promised(reader, "readEntries")).length; )
    for (const each of some) found.push(...(await filesIn(each)));
  return found;
}

// Of the files of a folder those that can be articles, as they are read in a folder: nothing hidden, and nothing that a
// browser saved beside a page.
function articlesOf(files, suffixes) {
  const pathOf = (file) => file.within || file.webkitRelativePath || file.name;
  const page = /\.html?$/;
  const pages = new Set(files.map(pathOf).filter((path) => page.test(path)).map((path) => path.replace(page, "")));
  const ofPage = (path) => /[_.]files$/.test(path) && pages.has(path.slice(0, -6));
  return files.filter((file) => {
    const parts = pathOf(file).split("/");
    const fits = (part, at) => !part.startsWith(".") && !ofPage(parts.slice(0, at).join("/"));
    return suffixes.some((each) => file.name.toLowerCase().endsWith(each)) && parts.every(fits);
  });
}

// Makes the place where files are added; they can be dropped anywhere in `zone`, and addresses in the `kinds` of links.
function makeAdder({ suffixes, megabytes }, { zone, kinds = ["text/uri-list"] } = {}) {
  let busy = false;
  const picker = make("input", { type: "file", multiple: true, hidden: true, accept: suffixes.join(",") });
  const pick = (webkitdirectory) => busy || Object.assign(picker, { webkitdirectory }).click();
  const open = button("model-button.adder-open", () => pick(false), say("Add articles…"));
  const folder = button("action", () => pick(true), say("Add a folder…"));
  const about = say("or drop them here: documents, web pages, tables or mail, up to {megabytes} MB each", { megabytes });
  const label = say("Addresses of articles, https://…");
  const box = make("textarea.adder-addresses", { rows: 1, spellcheck: false, placeholder: label, ariaLabel: label });
  const fetched = button("action", () => takeAddresses(box.value), say("Add from the web"));
  const lines = make("ul.adder-files", { ariaLabel: say("Files added"), hidden: true });
  const spoken = make("p.spoken", { role: "status" });
  const web = make("div.adder-web", box, fetched);
  const adder = make("div.adder", open, folder, make("span.adder-about", about), picker, web, lines, spoken);

  function makeLine(name) {
    const state = make("span.adder-state", say("Waiting"));
    const line = make("li.adder-file", make("span.adder-name", name), state);
    return { line, become: (kind, text) => ((line.dataset.kind = kind), (state.textContent = text)) };
  }

  function whatBecame(answer) {
    if (!answer?.name && !answer?.refused) return ["refused", away()];
    if (answer.refused) return ["refused", say("Refused: {reason}", { reason: answer.refused })];
    if (answer.known) return ["known", say("Was there already")];
    if (!answer.renamed) return ["taken", say("Added")];
    return ["taken", say("Added as {name}, because another file has its name", { name: answer.name })];
  }

  function takeFiles(files, inFolder) {
    const sent = (share) => say("Being sent, {percent} %", { percent: Math.round(100 * share) });
    const bring = (file, become) => send("articles", file, (share) => become("sending", sent(share)));
    take(inFolder ? articlesOf(files, suffixes) : files, (file) => file.name, say("Being sent"), bring);
  }

  function takeAddresses(text) {
    if (busy) return;
    box.value = "";
    const bring = (address) => send("addresses", address);
    take([...new Set(text.split(/\s+/).filter(Boolean))], String, say("Being fetched"), bring);
  }

  async function takeDropped(data) {
    const link = data.getData("text/uri-list");
    const entries = [...data.items].map((each) => each.webkitGetAsEntry?.()).filter(Boolean);
    const files = [...data.files];
    if (entries.some((each) => each.isDirectory)) takeFiles((await Promise.all(entries.map(filesIn))).flat(), true);
    else if (files.length) takeFiles(files);
    else takeAddresses(link.replace(/^#.*$/gm, ""));
  }

  // Brings in what is wanted, one after the other.
  async function take(wanted, nameOf, begun, bring) {
    if (!wanted.length || busy) return;
    const work = (at) => {
      busy = at;
      for (const each of [open, folder, fetched]) each.ariaDisabled = String(at); // `disabled` would lose the focus
    };
    adder.closest("[popover]")?.togglePopover(true);
    adder.parentElement.hidden = false;
    work(true);
    const waiting = wanted.map((each) => ({ each, ...makeLine(nameOf(each)) }));
    lines.replaceChildren(...waiting.map(({ line }) => line));
    lines.hidden = false;
    let count = 0;
    for (const { each, become } of waiting) {
      become("sending", begun);
      const [kind, text] = whatBecame(await bring(each, become));
      count += kind === "taken";
      become(kind, text);
    }
    const missed = wanted.length - count;
    const not = missed ? ", " + say("{count} not|{count} not", { count: missed }) : "";
    spoken.textContent = say("{count} file added|{count} files added", { count }) + not;
    work(false);
    picker.value = "";
    if (count) footnote.hurry?.("added");
  }

  on(box, "keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    takeAddresses(box.value);
  });
  on(picker, "change", () => takeFiles([...picker.files], picker.webkitdirectory));
  takeDrops(zone || adder, takeDropped, ...kinds);
  return adder;
}
