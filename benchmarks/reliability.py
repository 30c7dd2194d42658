"""The promises of reliability, each with a test and a figure, written to docs/reliability.md.

    python benchmarks/reliability.py [--depth small|full] [--only 2 5 13] [--load FILE] [--injection FILE]
                                     [--write docs/reliability.md]

``small`` takes half an hour on two cores; ``full`` reaches the depth that a release asks for. ``--load`` takes the figures
that ``benchmarks/load.py --json FILE`` kept, ``--injection`` those of ``benchmarks/injection.py --rows FILE``. What cannot be
measured here says why. Indexes are built with the hashing embedder. Linux only; the rows that trace system calls need strace.
With --only, the other rows stay as the file has them.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
os.environ["RAG_EMBEDDER"] = "hashing"

ARTICLES = {
    "bridge.txt": "The council of Tarn voted for the bridge.\n\nIt will cost 61 million crowns and open in 2033.",
    "orchard.md": "# Frost in the valley\n\nGrowers picked 4,200 tonnes of pears, half of a usual harvest.",
    "library.html": "<html><title>A library</title><body><p>The town opened a library in an old mill. It closes at "
    "four in the morning.</p></body></html>",
    "завод.txt": "Завод на озере нанял 300 человек. Он откроется осенью.",
}
ADDED = {"lighthouse.txt": "The lighthouse on the lake was lit again after a storm on Monday."}
QUESTION = "How much will the bridge cost?"


@dataclass(frozen=True)
class Row:
    """What came out: ``held``, ``not held`` or ``not measured``; the depth and the figure in words."""

    state: str
    depth: str
    figure: str


def held(good: bool, depth: str, figure: str) -> Row:
    """Return a row that was measured."""
    return Row("held" if good else "**not held**", depth, figure)


def not_measured(why: str) -> Row:
    """Return a row that was not."""
    return Row("not measured", "–", why)


# --- building blocks ------------------------------------------------------------------------------------------------------


@contextmanager
def a_folder() -> Iterator[Path]:
    """Give a folder of articles with an index, beside room for copies."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        write(root / "articles", ARTICLES)
        run_build(root)
        yield root


def write(folder: Path, articles: dict[str, str]) -> None:
    """Write articles."""
    folder.mkdir(exist_ok=True)
    for name, text in articles.items():
        (folder / name).write_text(text, "utf-8")


def build_command(root: Path, index: str = "index") -> list[str]:
    """Return the command that builds the folder's index."""
    return [sys.executable, "-m", "rag", "build", "--articles", str(root / "articles"), "--index", str(root / index)]


def run_build(root: Path, *before: str, index: str = "index", **environment: str) -> subprocess.CompletedProcess[str]:
    """Build in a process of its own, behind another command where one is named."""
    command = [*before, *build_command(root, index)]
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )


def content(index: Path) -> Any:
    """Return all that an index answers from."""
    from test_build import content as read  # type: ignore[import-not-found]

    return read(index)


def old_and_new(root: Path) -> tuple[Any, Any]:
    """Return the content before and after the articles of ADDED, which are there afterwards; the index is still the old."""
    old = content(root / "index")
    write(root / "articles", ADDED)
    run_build(root, index="reference")
    shutil.copytree(root / "index", root / "saved")
    return old, content(root / "reference")


def restore(root: Path) -> None:
    """Put the old index back."""
    shutil.rmtree(root / "index")
    shutil.copytree(root / "saved", root / "index")


@cache
def run_tests(*selected: str, **environment: str) -> tuple[int, int, int]:
    """Run tests of the suite; return how many passed, failed and were skipped."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        options = ["-n", "0", "--no-cov", "-p", "no:cacheprovider", "-q", f"--junitxml={report}"]
        command = [sys.executable, "-m", "pytest", *options, *selected]
        variables = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
        del variables["RAG_EMBEDDER"]
        try:
            subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, check=False, timeout=900)
            found = ElementTree.parse(report).getroot()
        except (subprocess.TimeoutExpired, OSError, ElementTree.ParseError):
            return 0, 1, 0
    suite = found if found.tag == "testsuite" else found[0]
    count, bad, skipped = (int(suite.get(name, 0)) for name in ("tests", "failures", "skipped"))
    bad += int(suite.get("errors", 0))
    return count - bad - skipped, bad, skipped


def by_tests(*selected: str, what: str = "", **environment: str) -> Callable[[bool], Row]:
    """Return a measurement that runs tests of the suite."""

    def measure(_: bool) -> Row:
        passed, failed, skipped = run_tests(*selected, **environment)
        if not passed and not failed:
            return not_measured("all its tests were skipped here")
        left_out = f", {skipped} skipped here" if skipped else ""
        return held(not failed, f"{passed + failed} tests{left_out}", f"{failed} failed{f'; {what}' if what else ''}")

    return measure


# --- the promises ---------------------------------------------------------------------------------------------------------


def atomic(full: bool) -> Row:
    """Two readers ask while a builder swaps two folders; every answer must be of one of them."""
    from rag.index.store import Index

    swaps, queries, mixed = 50 if full else 10, [0], []
    with a_folder() as root:
        tags = ({f"{n}.txt": f"The {tag} council met in room {n} of the {tag} hall." for n in range(8)} for tag in "ab")
        one, two = ({name: text.replace(" a ", " alpha ") for name, text in each.items()} for each in tags)
        done = threading.Event()

        def read() -> None:
            while not done.is_set():
                try:
                    index = Index.open(root / "index")
                    for _ in range(5):
                        rows = list(range(len(index)))
                        texts = " ".join(passage.text for passage, _ in index.passages(rows))
                        queries[0] += 1
                        if "alpha council" in texts and " b council" in texts:
                            mixed.append("mixed")
                    index.close()
                except Exception as error:
                    mixed.append(type(error).__name__)

        shutil.rmtree(root / "articles")
        write(root / "articles", one)
        run_build(root)
        readers = [threading.Thread(target=read) for _ in range(2)]
        for each in readers:
            each.start()
        for number in range(swaps):
            write(root / "articles", (two, one)[number % 2])
            run_build(root)
        done.set()
        for each in readers:
            each.join()
    return held(
        not mixed,
        f"{queries[0]:,} readings during {swaps} swaps",
        f"{len(mixed)} mixed or failed {set(mixed) or ''}".strip(),
    )


def kills(full: bool) -> Row:
    """Kill a build after a random time, and at single system calls; the index must be the old one or the new one."""
    count, bad, outcomes = 250 if full else 15, [], Counter[str]()
    with a_folder() as root:
        old, new = old_and_new(root)
        began = time.monotonic()
        run_build(root)
        whole = time.monotonic() - began

        def look() -> None:
            left = content(root / "index")
            outcomes["new" if left == new else "old" if left == old else "bad"] += 1
            if left not in (old, new):
                bad.append(left)

        for _ in range(count):
            restore(root)
            process = subprocess.Popen(build_command(root), cwd=ROOT, stdout=-3, stderr=-3)
            time.sleep(random.uniform(0.5, 1.05) * whole)
            process.kill()
            process.wait()
            look()
        at_calls = 0
        if shutil.which("strace"):
            calls = "fsync,rename,mkdir,unlink,ftruncate,pwrite64"
            for name in calls.split(","):
                for number in range(1, 40 if full else 4):
                    restore(root)
                    traced = ("strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={name}")
                    done = run_build(root, *traced, "-e", f"inject={name}:signal=SIGKILL:when={number}")
                    if done.returncode == 0:
                        break
                    at_calls += 1
                    look()
        run_build(root)
        again = content(root / "index") == new
    depth = f"{count} at random moments, {at_calls} at single system calls"
    return held(not bad and again, depth, f"{len(bad)} bad indexes (old {outcomes['old']}, new {outcomes['new']})")


_RECORDED = """
import json, os, sys
from pathlib import Path
root = Path(sys.argv[2])
kept = Path(sys.argv[3])
contents, entries, count, busy = {}, {}, [0], [False]

def key(path):
    state = os.stat(path)
    return state.st_ino

def remember(path):
    if os.path.isdir(path):
        entries[key(path)] = {each.name: (each.inode(), each.is_dir()) for each in os.scandir(path)}
    else:
        contents[key(path)] = Path(path).read_bytes()

def draw(inode, folder, target, live):
    target.mkdir(parents=True)
    names = {each.name: (each.inode(), each.is_dir()) for each in os.scandir(live)} if live else entries.get(inode, {})
    for name, (ino, is_dir) in names.items():
        if is_dir:
            draw(ino, True, target / name, os.path.join(live, name) if live else None)
        elif ino in contents:
            (target / name).write_bytes(contents[ino])
        else:
            (target / name).write_bytes(b"")

def snapshot():
    # What is left when the power fails now: by the flushed folders alone, and by all renames with unflushed files empty.
    busy[0] = True
    for kind, live in (("strict", None), ("eager", str(root))):
        draw(key(root), True, kept / f"{count[0]:04d}-{kind}", live)
    count[0] += 1
    busy[0] = False

for folder, _, files in os.walk(root):
    remember(folder)
    for each in files:
        remember(os.path.join(folder, each))

def before(name):
    real = getattr(os, name)
    def call(*given, **named):
        if busy[0]:
            return real(*given, **named)
        snapshot()
        result = real(*given, **named)
        if name == "fsync":
            try:
                remember(os.readlink(f"/proc/self/fd/{given[0]}"))
            except OSError:
                pass
        snapshot()
        return result
    setattr(os, name, call)

for name in ("fsync", "rename", "replace", "mkdir", "rmdir"):
    before(name)
from embeddings import open_embedder
from rag.index.build import build
from rag.settings import Settings
build(Settings(articles=Path(sys.argv[1]), index=root), open_embedder("hashing"))
(kept / "done").touch()
snapshot()
"""


def power_loss(_: bool) -> Row:
    """Record a build's flushes and renames; open what each prefix of them would leave on disk."""
    bad: list[str] = []
    with a_folder() as root:
        old, new = old_and_new(root)
        kept = root / "kept"
        kept.mkdir()
        command = [sys.executable, "-c", _RECORDED, str(root / "articles"), str(root / "index"), str(kept)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            return Row("**not held**", "–", f"the recording failed: {done.stderr[-200:]}")
        views = sorted(each for each in kept.iterdir() if each.is_dir())
        last = views[-1].name[:4]
        for view in views:
            try:
                left = content(view)
            except Exception as error:
                bad.append(f"{view.name}: {type(error).__name__}")
                continue
            if left not in (old, new) or (view.name.startswith(last) and left != new):
                bad.append(f"{view.name}: another index")
    return held(not bad, f"{len(views)} states replayed", f"{len(bad)} lost {bad[:3] or ''}".strip())


def disk_faults(full: bool) -> Row:
    """Let writing and flushing fail at single calls; the old index must answer and the message be ours."""
    if not shutil.which("strace"):
        return not_measured("needs strace")
    bad, reached = [], 0
    with a_folder() as root:
        old, new = old_and_new(root)
        kinds = (
            ("write", "ENOSPC", "+"),
            ("pwrite64", "ENOSPC", "+"),
            ("pwrite64", "EIO", ""),
            ("fsync", "EIO", ""),
            ("rename", "EIO", ""),
            ("mkdir", "ENOSPC", ""),
            ("ftruncate", "EIO", ""),
        )
        for name, error, more in kinds:
            for number in range(1, 40 if full else 4):
                restore(root)
                fault = f"inject={name}:error={error}:when={number}{more}"
                paths = ("-P", str(root / "index")) if name == "write" else ()
                traced = ("strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={name}", *paths, "-e", fault)
                done = run_build(root, *traced)
                left = content(root / "index")
                if left not in (old, new) or (done.returncode == 0 and left != new):
                    bad.append(f"{name} {error} {number}: the index")
                elif done.returncode and not done.stderr.startswith("rag: "):
                    bad.append(f"{name} {error} {number}: {done.stderr[-80:]}")
                reached += done.returncode != 0
                if list((root / "index").glob("tmp-*")) and done.returncode == 1 and error != "EIO":
                    bad.append(f"{name} {error} {number}: leftovers")
    return held(not bad, f"{reached} faults reached", f"{len(bad)} bad {bad[:3] or ''}".strip())


def corruptions(full: bool) -> Row:
    """Damage each file in turn; a typed error or the same content, never another."""
    from rag.errors import FootnoteError
    from rag.index.store import Index

    count, wrong, outcomes = 1200 if full else 200, [], Counter[str]()
    chance = random.Random(7)
    with a_folder() as root:
        right = content(root / "index")
        shutil.copytree(root / "index", root / "saved")
        files = sorted(
            each.relative_to(root / "saved") for each in (root / "saved").rglob("*") if each.suffix != ".lock"
        )
        files = [each for each in files if (root / "saved" / each).is_file() and each.name != "LOCK"]
        for number in range(count):
            restore(root)
            path = root / "index" / files[number % len(files)]
            data = bytearray(path.read_bytes())
            harm = number // len(files) % 4
            if harm == 0 and data:
                data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
            elif harm == 1:
                data = data[: chance.randrange(len(data) + 1)]
            elif harm == 2:
                data = bytearray(chance.randbytes(len(data)))
            else:
                path.unlink()
            if harm != 3:
                path.write_bytes(data)
            try:
                index = Index.open(root / "index")
                index.close()
                left = content(root / "index")
                outcomes["same" if left == right else "other"] += 1
                if left != right:
                    wrong.append(str(path.name))
            except FootnoteError as error:
                outcomes[type(error).__name__] += 1
            except BaseException as error:
                wrong.append(f"{path.name}: {type(error).__name__}")
    said = ", ".join(f"{name} {times}" for name, times in outcomes.most_common())
    return held(
        not wrong,
        f"{count} corruptions",
        f"{len(wrong)} wrong or untyped {wrong[:3] or '–'}; {said}",
    )


def builders(_: bool) -> Row:
    """Start eight builders at once, then kill a holder; one runs, the others exit with 75."""
    with a_folder() as root:
        write(root / "articles", {f"{n}.txt": f"Article {n} about the harbour. " * 200 for n in range(300)})
        running = [
            subprocess.Popen(build_command(root), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            for _ in range(8)
        ]
        codes = [each.wait() for each in running]
        for each in running:
            each.communicate()
        double = sum(code == 0 for code in codes)
        write(root / "articles", {f"{n}.txt": f"Article {n} about the lake. " * 200 for n in range(300)})
        holder = subprocess.Popen(build_command(root), cwd=ROOT, stdout=-3, stderr=-3)
        time.sleep(3)
        holder.kill()
        holder.wait()
        after = run_build(root).returncode
    good = set(codes) <= {0, 75} and double >= 1 and after == 0
    return held(good, "8 at once, 1 killed", f"{double} built one after the other, {codes.count(75)} told to wait (75); "
                f"the next after the kill: exit {after}")  # fmt: skip


def read_only(_: bool) -> Row:
    """Ask an index on a read-only mount, and build into it."""
    with a_folder() as root:
        ask = f"{sys.executable} -m rag search --articles {root}/articles --index {root}/index '{QUESTION}'"
        build = " ".join(build_command(root))
        write(root / "articles", ADDED)
        mount = f"mount --bind {root}/index {root}/index && mount -o remount,ro,bind {root}/index"
        script = f"{mount} || exit 99; {ask} >{root}/asked; a=$?; {build} 2>{root}/built; b=$?; exit $((a*10+b))"
        done = subprocess.run(["unshare", "-m", "sh", "-c", script], cwd=ROOT, capture_output=True, check=False)
        if done.returncode == 99:
            return not_measured("needs the right to mount")
        asked, built = divmod(done.returncode, 10)
        told = (root / "built").read_text() if (root / "built").exists() else ""
        found = "61 million" in (root / "asked").read_text()
    good = found and built == 1 and "cannot be written" in told
    return held(good, "1 read-only mount", f"search exit {asked}, build refused with exit {built}")


def histories(full: bool) -> Row:
    """Edit a folder at random; after each step the updated index equals a fresh one."""
    from embeddings import open_embedder
    from rag.index.build import build
    from rag.read.worker import Worker
    from rag.settings import Settings

    steps, differences, chance = 2000 if full else 300, 0, random.Random(13)
    words = ("tram", "plant", "lake", "water", "завод", "озеро", "council", "bridge", "pears", "frost")
    embedder = open_embedder("hashing")
    with tempfile.TemporaryDirectory() as name, Worker() as reader:
        vars(sys.modules[build.__module__])["Worker"] = lambda: nullcontext(reader)  # one process for all builds
        root = Path(name)
        (root / "articles").mkdir()
        settings = Settings(articles=root / "articles", index=root / "index", passage_tokens=20)
        fresh = settings.replace(index=root / "fresh")
        done, until = 0, time.monotonic() + (7200 if full else 90)
        while done < steps and time.monotonic() < until:
            done += 1
            path, other = (root / "articles" / f"{chance.choice('abcdef')}.txt" for _ in range(2))
            kind = chance.randrange(5)
            if kind < 2:
                path.write_text("\n\n".join(" ".join(chance.choices(words, k=8)) + "." for _ in range(4)), "utf-8")
            elif kind == 2:
                path.unlink(missing_ok=True)
            elif kind == 3 and path.exists():
                path.rename(other)
            else:
                path.write_bytes(b"\x7fELF\x00\x00")
            build(settings, embedder)
            build(fresh, embedder, fresh=True)
            differences += content(settings.index) != content(fresh.index)
    return held(not differences, f"{done:,} steps", f"{differences} differences")


def ledger(_: bool) -> Row:
    """Build 30 good and 20 bad files; every one must be counted, every bad one with its reason."""
    from embeddings import open_embedder
    from rag.index.build import build
    from rag.settings import Settings

    bad = [b"", b"\x7fELF\x00", b"%PDF-1.7 broken", b"PK\x03\x04broken", bytes(range(256)) * 4, b"\x89PNG\r\n\x1a\n"]
    names = ("a.txt", "b.txt", "c.pdf", "d.docx", "e.txt", "f.txt")
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        write(root / "articles", {f"good{n}.txt": f"The council met for the {n}th time." for n in range(30)})
        for number in range(20):
            (root / "articles" / f"{number}{names[number % 6]}").write_bytes(bad[number % 6])
        changes = build(Settings(root / "articles", root / "index"), open_embedder("hashing"))
    unexplained = 50 - changes.seen + sum(not each.reason for each in (*changes.skipped, *changes.failed))
    return held(
        not unexplained and changes.indexed == 30,
        "50 files",
        f"{changes.indexed} indexed, {len(changes.skipped) + len(changes.failed)} with a reason, {unexplained} unexplained",
    )


def citations(_: bool) -> Row:
    """Ask the shipped questions; every quote shown must stand in its article."""
    from embeddings import open_embedder
    from rag.chatbot import Chatbot
    from rag.index.build import build
    from rag.settings import Settings

    with tempfile.TemporaryDirectory() as name:
        settings = Settings(ROOT / "seeds", Path(name) / "index", embedder="hashing")
        build(settings, open_embedder("hashing"))
        chatbot = Chatbot.open(settings)
        lines = (ROOT / "seeds" / "questions.jsonl").read_text("utf-8").splitlines()
        shown = wrong = 0
        for line in filter(str.strip, lines):
            for each in chatbot.ask(json.loads(line)["question"]).citations:
                text = chatbot.document(each.hit.passage.document_id).text
                shown += 1
                wrong += text[each.start : each.end] != each.quote
    return held(not wrong and shown > 0, f"{shown} quotes of {len(lines)} questions, no model", f"{wrong} not verbatim")


def offline(_: bool) -> Row:
    """Build and ask where there is no network, with every connection traced."""
    if (
        not shutil.which("strace")
        or subprocess.run(["unshare", "-rn", "true"], capture_output=True, check=False).returncode
    ):
        return not_measured("needs strace and the right to a network namespace")
    with a_folder() as root:
        log = root / "calls"
        before = ("unshare", "-rn", "strace", "-f", "-qq", "-o", str(log), "-e", "trace=connect")
        write(root / "articles", ADDED)
        built = run_build(root, *before).returncode
        ask = [
            *before,
            sys.executable,
            "-m",
            "rag",
            "search",
            "--articles",
            f"{root}/articles",
            "--index",
            f"{root}/index",
        ]
        first = log.read_text()
        asked = subprocess.run([*ask, QUESTION], cwd=ROOT, capture_output=True, text=True, check=False)
        calls = [line for line in (first + log.read_text()).splitlines() if "AF_INET" in line and "127.0.0" not in line]
    good = not calls and built == 0 and "61 million" in asked.stdout
    return held(good, "1 build and 1 search without network", f"{len(calls)} connections tried")


def reproducible(full: bool) -> Row:
    """Build one folder with other locales, time zones, hash seeds, threads and orders of files; compare each file."""
    locales = ("C", "C.UTF-8", "POSIX", "tr_TR.UTF-8", "en_US.UTF-8", "C")
    zones = ("UTC", "Asia/Almaty", "America/Caracas", "Pacific/Apia", "UTC", "Asia/Tokyo")
    digests, contents = [], []
    with tempfile.TemporaryDirectory() as name:  # one for all: the manifest names the folder that the index is of
        root = Path(name)
        for number in range(6 if full else 3):
            shutil.rmtree(root / "articles", ignore_errors=True)
            written = list(ARTICLES.items())
            write(root / "articles", dict(written if number % 2 else reversed(written)))
            environment = {"LC_ALL": locales[number], "TZ": zones[number], "PYTHONHASHSEED": str(number)}
            index = f"index{number}"
            run_build(root, index=index, OMP_NUM_THREADS=str(1 + number % 2), **environment)
            (generation,) = (root / index).glob("gen-*")
            files = (each for each in generation.rglob("*") if each.is_file())
            digests.append({each.relative_to(generation).as_posix(): sha256_of(each) for each in files})
            contents.append(content(root / index))
    other = sorted({name for each in digests for name, _ in each.items() ^ digests[0].items()})
    same = all(each == contents[0] for each in contents)
    figure = f"content {'equal' if same else 'differs'}; {len(other)} of {len(digests[0])} files differ in bytes"
    figure += f": {', '.join(other)}" if other else ""
    state = "held" if not other else "**in part**" if same else "**not held**"
    return Row(state, f"{len(digests)} environments", figure)


def sha256_of(path: Path) -> str:
    """Return a file's SHA-256."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def audit(_: bool) -> Row:
    """Ask for known vulnerabilities of the pinned packages."""
    command = [sys.executable, "-m", "pip_audit", "-r", str(ROOT / "constraints.txt"), "--no-deps", "--disable-pip"]
    done = subprocess.run([*command, "-f", "json"], capture_output=True, text=True, check=False)
    if "No module named" in done.stderr:
        return not_measured("pip-audit is not installed")
    try:
        found = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        return not_measured("the database of vulnerabilities cannot be reached from here")
    looked = [each for each in found if "skip_reason" not in each]
    if not looked:
        return not_measured(
            f"no advisories are served to this machine, by PyPI's JSON or by OSV; {len(found)} packages are pinned"
        )
    faults = {each["name"]: [fault["id"] for fault in each["vulns"]] for each in looked if each["vulns"]}
    depth = f"{len(looked)} of {len(found)} pinned packages"
    return held(not faults, depth, f"{sum(map(len, faults.values()))} known {faults or ''}".strip())


def load_row(measure: Callable[[dict[str, dict[str, float]]], Row | None]) -> Callable[[bool], Row]:
    """Return a measurement that reads what load.py kept."""

    def read(_: bool) -> Row:
        found = json.loads(LOAD.read_text()) if LOAD and LOAD.exists() else {}
        try:
            return measure(found) or not_measured(
                "no figures: run benchmarks/load.py --json FILE, then with --load FILE"
            )
        except KeyError:
            return not_measured("no figures: run benchmarks/load.py --json FILE, then with --load FILE")

    return read


def askers(found: dict[str, dict[str, float]]) -> Row:
    """Fifty askers while the index is rebuilt."""
    figures = found["rebuilding"]
    depth = f"{figures['askers']:.0f} askers, {figures['questions']:.0f} questions, {figures['rebuilds']:.0f} rebuilds"
    figure = f"{figures['errors']:.0f} errors, p95 {figures['p95, s']:.1f} s (4 are wanted)"
    return Row(
        "**not held**" if figures["errors"] else "held" if figures["p95, s"] <= 4 else "**in part**", depth, figure
    )


def memory(found: dict[str, dict[str, float]]) -> Row:
    """Memory after the first tenth of many questions and at the end."""
    figures = found["memory"]
    before, after = figures["MiB after 10 %"], figures["MiB after 100 %"]
    failed = figures["errors"] + figures["wrong conversations"]
    figure = f"{before:.0f} MiB after a tenth, {after:.0f} at the end ({after / before - 1:+.1%}); {failed:.0f} errors"
    return held(after <= 1.05 * before and not failed, f"{figures['questions']:.0f} questions", figure)


def isolated(found: dict[str, dict[str, float]]) -> Row:
    """Each visitor's question and answer in its own conversation alone."""
    loads = [found[each] for each in ("rebuilding", "streams", "slow", "memory") if each in found]
    wrong, lost = sum(each["wrong conversations"] for each in loads), found["invented"]["conversations lost"]
    depth = f"{sum(each.get('questions', each.get('streams', 0)) for each in loads):.0f} answers; 205 invented sessions"
    return held(not wrong and not lost, depth, f"{wrong:.0f} wrong, {lost:.0f} conversations lost")


def injection(_: bool) -> Row:
    """Count the planted effects that a reader sees as verified, by model, from what injection.py kept."""
    if INJECTION is None or not INJECTION.exists():
        return not_measured("no answers: run benchmarks/injection.py --rows FILE, then with --injection FILE")
    rows = [json.loads(line) for line in INJECTION.read_text("utf-8").splitlines()]
    figures = []
    for model in dict.fromkeys(row["model"] for row in rows):
        own = [row for row in rows if row["model"] == model]
        seen = {name: sum(row[name] for row in own) for name in ("without", "shown", "verified", "quoted")}
        figures.append(
            f"{model}: {seen['without']} of {len(own)} without us, {seen['shown']} shown, {seen['verified']} as verified "
            f"({seen['quoted']} with the planted words as their quote)"
        )
    depth = f"{len({row['file'] for row in rows})} planted instructions; obedient is a double, extractive no model"
    good = not any(row["verified"] for row in rows)
    return Row("held" if good else "**in part**", depth, "; ".join(figures))


HOSTILE = "tests/browser/test_hostile.py"
MARKUP = "tests/test_hostile_markup.py"
CHAT = "tests/test_chat_endpoint.py"
BUILD = "tests/test_build.py"
PROMISES: dict[int, tuple[str, str, Callable[[bool], Row]]] = {
    1: ("A build is atomic", "readers during swaps", atomic),
    2: ("Survives kill -9", "kills at random and at system calls", kills),
    3: ("Survives power loss", "recorded flushes and renames, each prefix replayed twice", power_loss),
    4: ("Survives a full disk and I/O errors", "injected errors of system calls", disk_faults),
    5: ("Finds damage", "flipped, cut, garbled and missing files", corruptions),
    6: ("Never deletes on doubt", "tests/test_generations.py",
        by_tests("tests/test_generations.py", "-k", "damage or leftovers or falls_back")),
    7: ("Opens a hostile index safely", "tests/test_index_harm.py",
        by_tests("tests/test_index_harm.py", "-k", "wrong or large_tables or pipe or verifying",
                 what="less than 300 MB in the tests of large tables")),
    8: ("One builder at a time", "builders at once", builders),
    9: ("Works read-only", "a read-only mount", read_only),
    10: ("Reads old formats", "tests/test_generations.py",
         by_tests("tests/test_generations.py", "-k", "format_versions", what="none is released yet")),
    11: ("Refuses the wrong model", "tests/test_build.py, tests/test_index_harm.py",
         by_tests(BUILD, "tests/test_index_harm.py", "-k", "another_model or other_passage_sizes or dimension")),
    12: ("Sees every change", "tests/test_build.py",
         by_tests(BUILD, "-k", "edit or touch or renamed or swapped or equal_articles or added or tried_again or spoils")),
    13: ("Incremental equals full", "random edits", histories),
    14: ("No silent loss", "good and bad files", ledger),
    15: ("Bad files cannot stop or kill", "tests/test_formats.py, tests/test_linear.py",
         by_tests("tests/test_formats.py", "tests/test_linear.py")),
    16: ("Every citation stands in its article", "the shipped questions", citations),
    17: ("The page contacts nobody", HOSTILE, by_tests("-m", "browser", HOSTILE, CI="true")),
    18: ("Injection resistance", "benchmarks/injection.py", injection),
    19: ("No script from content", f"{HOSTILE}, {MARKUP}", by_tests("-m", "", HOSTILE, MARKUP, CI="true")),
    20: ("Offline after installing", "strace in a network namespace", offline),
    21: ("No key in any output", "tests of keys", by_tests(CHAT, "tests/test_chat_guard.py", "-k", "key or secret")),
    22: ("Safe by default", "tests/test_sharing.py", by_tests("tests/test_sharing.py")),
    23: ("Faults of a model's endpoint", "a server with faults", by_tests(CHAT, "tests/test_chat_guard.py")),
    24: ("Fifty askers", "benchmarks/load.py", load_row(askers)),
    25: ("Bounded memory", "benchmarks/load.py", load_row(memory)),
    26: ("Sessions are isolated", "benchmarks/load.py", load_row(isolated)),
    27: ("Reproducible builds", "builds in other environments", reproducible),
    28: ("Dependencies without known faults", "pip-audit", audit),
}  # fmt: skip
NOTES = """\
**18.** An article's own words are quoted letter for letter, an order among them where somebody asks for what it says:
that is by design, and the reader sees that it is one. In answer to another question none is shown. What a chat model
writes is marked where the quote nearest to it speaks to a model; what stays are an order to refuse, and an order that
is not recognised.

**25.** The page keeps 256 conversations. Memory grows until there are so many, and is compared from then on: the
first thousand questions, three of each visitor, fill them.

**27.** A manifest names the folder that its index is of, so the builds are of one folder. Indexes built before
segments were named by their content keep the names they have until `rag build --fresh`.

**28.** `python -m pip_audit` asks PyPI's JSON for advisories, or OSV with `-s osv`. Where neither answers, run it
elsewhere with the same constraints.txt; a copy on PyPI that needs no network (safety-db) ends in 2021 and says
nothing of today's versions.
"""
LOAD: Path | None = None
INJECTION: Path | None = None


def main() -> None:
    """Measure, print and write."""
    global LOAD, INJECTION
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--depth", choices=("small", "full"), default="small")
    parser.add_argument("--only", type=int, nargs="*", default=list(PROMISES))
    parser.add_argument("--load", type=Path)
    parser.add_argument("--injection", type=Path)
    parser.add_argument("--write", type=Path, default=ROOT / "docs" / "reliability.md")
    options = parser.parse_args()
    LOAD, INJECTION = options.load, options.injection
    lines = _lines_of(options.write)
    for number in options.only:
        promise, test, measure = PROMISES[number]
        began = time.monotonic()
        try:
            row = measure(options.depth == "full")
        except Exception as error:
            row = Row("**not held**", "–", f"the measurement broke: {type(error).__name__}: {str(error)[:100]}")
        cells = (str(number), promise, test, row.depth, row.figure, row.state)
        lines[number] = "| " + " | ".join(each.replace("|", "/").replace("\n", " ") for each in cells) + " |"
        print(f"{lines[number]} {time.monotonic() - began:.0f} s", flush=True)
        _write(options.write, lines)


def _lines_of(path: Path) -> dict[int, str]:
    text = path.read_text("utf-8") if path.exists() else ""
    return {int(found[1]): found[0] for found in re.finditer(r"^\| (\d+) \|.*$", text, re.MULTILINE)}


def _write(path: Path, lines: dict[int, str]) -> None:
    path.parent.mkdir(exist_ok=True)
    system = f"Python {platform.python_version()}, {platform.system()}, {os.cpu_count()} cores"
    rows = [lines.get(number, f"| {number} | {PROMISES[number][0]} | | | | not measured |") for number in PROMISES]
    states = Counter(each.rsplit("|", 2)[1].strip(" *") for each in rows)
    said = ", ".join(f"{count} {state}" for state, count in states.most_common())
    path.write_text(
        f"# What was measured of the promises\n\n"
        f"Written by `python benchmarks/reliability.py` on {date.today().isoformat()} ({system}): {said}. Indexes are built "
        "with the hashing embedder; the depth is what was tried, which is less than a release asks for unless `--depth full` "
        "was given.\n\n| # | Promise | Test | Depth | Figure | State |\n|---|---|---|---|---|---|\n"
        + "\n".join(rows)
        + f"\n\n{NOTES}",
        "utf-8",
    )


if __name__ == "__main__":
    main()
