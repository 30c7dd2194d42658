// Adding articles: a button and a place to drop files, a box for addresses, and a line for each that says what became of it.
// A file goes to the server piece by piece through the page's own function: what it is called here is never a path there.

const PIECE = 384 * 1024;

function inBase64(piece) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(piece);
  });
}

async function sendFile(file, progress) {
  const begun = await server.take_file("begin", file.name, file.size);
  if (!begun.token) return begun;
  for (let start = 0; start < file.size; start += PIECE) {
    const added = await server.take_file("add", begun.token, await inBase64(file.slice(start, start + PIECE)));
    if (added.refused) return added;
    progress(Math.min(1, (start + PIECE) / file.size));
  }
  return server.take_file("end", begun.token);
}

function whatBecame(answer) {
  if (!answer || (!answer.name && !answer.refused)) return ["refused", say("Could not be sent. Is Footnote still running in its terminal?")];
  if (answer.refused) return ["refused", say("Refused: {reason}", { reason: answer.refused })];
  if (answer.known) return ["known", say("Was there already")];
  if (answer.renamed) return ["taken", say("Added as {name}, because another file has its name", { name: answer.name })];
  return ["taken", say("Added")];
}

// The files of what was dropped, those in folders too.
async function droppedFiles(data) {
  const entries = [...data.items].map((item) => item.webkitGetAsEntry?.());
  if (!entries.some((entry) => entry?.isDirectory)) return [...data.files];
  const found = [];
  const walk = async (entry) => {
    if (entry.isFile) return void found.push(Object.assign(await new Promise((resolve, reject) => entry.file(resolve, reject)), { within: entry.fullPath }));
    const reader = entry.createReader();
    for (let some; (some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject))).length; ) await Promise.all(some.map(walk));
  };
  await Promise.all(entries.filter(Boolean).map(walk));
  return found;
}

// Of the files of a folder those that can be articles, as they are read in a folder: nothing hidden, and nothing that a
// browser saved beside a page.
function ofFolder(files, suffixes) {
  const pathOf = (file) => file.within || file.webkitRelativePath || file.name;
  const paths = new Set(files.map(pathOf));
  const ofPage = (path) => /[_.]files$/.test(path) && [".html", ".htm"].some((each) => paths.has(path.slice(0, -6) + each));
  return files.filter((file) => {
    const parts = pathOf(file).split("/");
    const above = parts.map((_, at) => parts.slice(0, at).join("/"));
    return !parts.some((each) => each.startsWith(".")) && !above.some(ofPage) && suffixes.some((each) => file.name.toLowerCase().endsWith(each));
  });
}

// Makes the place where files are added; they can be dropped anywhere in `zone`. `finished` is called after each batch of
// which something was taken.
function makeAdder(limits, finished, zone) {
  const adder = make("div", "adder");
  const picker = make("input");
  picker.type = "file";
  picker.multiple = true;
  picker.hidden = true;
  picker.accept = limits.suffixes.join(",");
  const pick = (folder) => {
    picker.webkitdirectory = folder;
    if (!busy) picker.click();
  };
  const open = button("model-button adder-open", say("Add articles…"), () => pick(false));
  const folder = button("action", say("Add a folder…"), () => pick(true));
  const about = say("or drop them here: documents, web pages, tables or mail, up to {megabytes} MB each", { megabytes: limits.megabytes });
  let busy = false;
  const lines = make("ul", "adder-files");
  lines.setAttribute("aria-label", say("Files added"));
  lines.hidden = true;
  const spoken = make("p", "spoken");
  spoken.setAttribute("role", "status");
  const box = make("textarea", "adder-addresses");
  box.rows = 1;
  box.spellcheck = false;
  box.placeholder = say("Addresses of articles, https://…");
  box.setAttribute("aria-label", say("Addresses of articles, https://…"));
  const fetched = button("action", say("Add from the web"), () => takeAddresses(box.value));
  const web = make("div", "adder-web");
  web.append(box, fetched);
  adder.append(open, folder, make("span", "adder-about", about), picker, web, lines, spoken);

  function line(name) {
    const drawn = make("li", "adder-file");
    const state = make("span", "adder-state", say("Waiting"));
    drawn.append(make("span", "adder-name", name), state);
    return { drawn, tell: (kind, text) => ((drawn.dataset.kind = kind), (state.textContent = text)) };
  }

  // Not `disabled`: that would take the focus away.
  function work(on) {
    busy = on;
    for (const each of [open, folder, fetched]) each.setAttribute("aria-disabled", String(on));
  }

  function takeFiles(files) {
    return take(files.map((file) => [file.name, (tell) => {
      tell("sending", say("Being sent"));
      return sendFile(file, (share) => tell("sending", say("Being sent, {percent} %", { percent: Math.round(100 * share) })));
    }]));
  }

  async function takeAddresses(text) {
    if (busy) return;
    const addresses = [...new Set(text.split(/\s+/).filter(Boolean))];
    box.value = "";
    await take(addresses.map((address) => [address, (tell) => {
      tell("sending", say("Being fetched"));
      return server.take_file("address", address);
    }]));
  }

  // Takes what has a name and a function that brings it in, one after the other.
  async function take(wanted) {
    if (!wanted.length || busy) return;
    adder.closest("[popover]")?.togglePopover(true);
    work(true);
    const waiting = wanted.map(([name, bring]) => [bring, line(name)]);
    lines.replaceChildren(...waiting.map(([, { drawn }]) => drawn));
    lines.hidden = false;
    let taken = 0;
    for (const [bring, { tell }] of waiting) {
      let answer = null;
      try {
        answer = await bring(tell);
      } catch {} // a folder that was dropped, or no server: told below
      const [kind, text] = whatBecame(answer);
      taken += kind === "taken" ? 1 : 0;
      tell(kind, text);
    }
    spoken.textContent = say("{count} file added|{count} files added", { count: taken }) + ", " + say("{count} not|{count} not", { count: wanted.length - taken });
    work(false);
    picker.value = "";
    if (!taken) return;
    await server.take_file("done");
    footnote.hurry?.();
    finished?.();
  }

  box.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    takeAddresses(box.value);
  });
  // Of single files each is told what became of it.
  picker.addEventListener("change", () => takeFiles(picker.webkitdirectory ? ofFolder([...picker.files], limits.suffixes) : [...picker.files]));
  const place = zone || adder;
  place.addEventListener("dragover", (event) => {
    event.preventDefault();
    place.classList.add("over");
  });
  place.addEventListener("dragleave", (event) => place.contains(event.relatedTarget) || place.classList.remove("over"));
  place.addEventListener("drop", async (event) => {
    event.preventDefault();
    place.classList.remove("over");
    const link = event.dataTransfer.getData("text/uri-list");
    const files = await droppedFiles(event.dataTransfer);
    if (files.length) takeFiles(files.some((each) => each.within) ? ofFolder(files, limits.suffixes) : files);
    else if (link) takeAddresses(link.split(/\r?\n/).filter((each) => !each.startsWith("#")).join("\n"));
  });
  return adder;
}
