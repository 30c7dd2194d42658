"""The page as its readers have it: seconds until it can be used, bytes, fifty askers at once, memory after many questions.

    python benchmarks/page.py [ARTICLES] [--questions 1000 10000] [--askers 50] [--json FILE]

Starts ``python ui.py`` in a folder of its own, index and all, and asks without a model. Where playwright and Chromium are
installed the first figures are a browser's; the rest is asked over the page's own protocol: ``ask``, then ``answer``, with the
answer read to its end. Memory is the server's resident set after a question, with what the allocator keeps.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import secrets
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
WAIT = 120.0
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
TITLE_WORDS = 6
TURNS = 20
"""How many questions make a conversation where many are asked."""


@dataclass
class Figures:
    """Seconds, bytes, mebibytes and milliseconds, as their names say; what was not measured is missing."""

    seconds: dict[str, float] = field(default_factory=dict)
    bytes: dict[str, int] = field(default_factory=dict)
    mebibytes: dict[str, float] = field(default_factory=dict)
    milliseconds: dict[str, float] = field(default_factory=dict)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("articles", type=Path, nargs="?", default=ROOT / "seeds")
    parser.add_argument("--questions", type=int, nargs="*", default=[1000], help="measure memory after so many [1000]")
    parser.add_argument("--askers", type=int, default=50, help="how many ask at once [50]")
    parser.add_argument("--json", type=Path, help="keep the figures in this file")
    options = parser.parse_args()
    figures = Figures()
    with tempfile.TemporaryDirectory() as folder, served(options.articles, Path(folder), figures) as (process, address):
        questions = questions_of(options.articles)
        if CHROMIUM:
            seen_by_a_browser(address, questions[0], figures)
        page = Protocol(address)
        figures.milliseconds["first question over the protocol"] = 1000 * page.timed(questions[0])
        figures.mebibytes["after the first question"] = resident(process.pid)
        alone = [1000 * page.timed(questions[n % len(questions)]) for n in range(20)]
        figures.milliseconds |= percentiles("one asker", alone)
        new = questions[20:] or questions  # what was asked before is remembered
        figures.milliseconds |= percentiles(f"{options.askers} askers", all_at_once(address, new, options.askers))
        asked = 0
        for wanted in sorted(options.questions):
            while asked < wanted:
                if asked % TURNS == 0:  # the next visitor; the one before just stops asking
                    page = Protocol(address)
                page.timed(questions[asked % len(questions)])
                asked += 1
            figures.mebibytes[f"after {wanted:,} questions"] = resident(process.pid)
    show(figures)
    if options.json:
        options.json.write_text(json.dumps(asdict(figures), indent=1), "utf-8")


@contextmanager
def served(articles: Path, folder: Path, figures: Figures) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The page of a folder of articles, with index and data of its own; its times are counted from the command."""
    environment = {
        **os.environ,
        "RAG_INDEX": str(folder / "index"),
        "RAG_DATA": str(folder / "data"),
        "RAG_PORT": "7960",
    }
    command = [sys.executable, str(ROOT / "ui.py"), "--articles", str(articles)]
    started = time.monotonic()
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = next(line for line in process.stdout if "Footnote is at" in line)
        threading.Thread(target=process.stdout.read, daemon=True).start()
        figures.seconds["until the address is printed"] = time.monotonic() - started
        address = re.search(r"http://\S+/", line)
        assert address is not None
        figures.mebibytes["at the start"] = resident(process.pid)
        yield process, address[0]
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(WAIT)


def questions_of(articles: Path) -> list[str]:
    """Questions with known answers where the folder has them, else the beginnings of its articles' sentences."""
    file = articles / "questions.jsonl"
    if file.is_file():
        return [json.loads(line)["question"] for line in file.read_text("utf-8").splitlines() if line.strip()]
    texts = [
        path.read_text("utf-8", "ignore") for path in sorted(articles.rglob("*")) if path.suffix in (".txt", ".md")
    ]
    openings = [" ".join(part.split()[:TITLE_WORDS]) for text in texts for part in re.split(r"(?<=[.!?])\s", text)]
    return [f"{each}?" for each in openings if len(each.split()) == TITLE_WORDS][:500]


def seen_by_a_browser(address: str, question: str, figures: Figures) -> None:
    """How long a visitor waits, and how much travels."""
    from playwright.sync_api import sync_playwright

    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        page = browser.new_page()
        sizes: list[int] = []
        page.on("requestfinished", lambda request: sizes.append(_size(request)))
        started = time.monotonic()
        page.goto(address)
        box = page.get_by_role("textbox", name="Your question")
        box.wait_for()
        figures.seconds["from opening the page until it can be used"] = time.monotonic() - started
        box.fill(question)
        box.press("Enter")
        page.locator("#chat .sources-link").first.wait_for(timeout=WAIT * 1000)
        figures.seconds["from opening the page to the first answer, model and index loaded meanwhile"] = (
            time.monotonic() - started
        )
        figures.bytes["transferred, the first answer included"] = sum(sizes)
        figures.bytes["responses"] = len(sizes)
        browser.close()


def _size(request: Any) -> int:
    sizes = request.sizes()
    return int(sizes["responseBodySize"] + sizes["responseHeadersSize"])


class Protocol:
    """One visitor, as the page's own script talks to its server."""

    def __init__(self, address: str) -> None:
        self._address = address.rstrip("/")
        self._session = secrets.token_hex(6)
        events = self._get("/config")["dependencies"]
        self._ask = next(each for each in events if each["api_name"] == "ask")
        self._answer = next(each for each in events if each.get("trigger_after") == self._ask["id"])

    def timed(self, question: str) -> float:
        """Asks, reads the answer to its end and returns the seconds that took."""
        started = time.monotonic()
        self._event(self._ask, [question])
        last = self._event(self._answer, [])
        if "failure" in json.dumps(last):
            raise SystemExit("the page answered with a failure")
        return time.monotonic() - started

    def _event(self, event: dict[str, Any], given: Sequence[Any]) -> Any:
        data = [*given, *[None] * (len(event["inputs"]) - len(given))]
        body = {
            "data": data,
            "fn_index": event["id"],
            "session_hash": self._session,
            "event_data": None,
            "trigger_id": None,
        }
        self._post("/gradio_api/queue/join", body)
        query = f"/gradio_api/queue/data?session_hash={self._session}"
        with urllib.request.urlopen(f"{self._address}{query}", timeout=WAIT) as stream:
            for line in stream:
                if line.startswith(b"data:"):
                    message = json.loads(line[5:])
                    if message["msg"] == "process_completed":
                        if not message["success"]:
                            raise SystemExit("the server could not run an event")
                        return message["output"]
        raise SystemExit("the server ended a stream too early")

    def _get(self, path: str) -> Any:
        with urllib.request.urlopen(f"{self._address}{path}", timeout=WAIT) as reply:
            return json.load(reply)

    def _post(self, path: str, body: object) -> Any:
        headers = {"content-type": "application/json"}
        request = urllib.request.Request(f"{self._address}{path}", json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=WAIT) as reply:
            return json.load(reply)


def all_at_once(address: str, questions: Sequence[str], askers: int) -> list[float]:
    """The milliseconds of each of so many visitors who ask in the same moment."""
    visitors = [Protocol(address) for _ in range(askers)]
    together = threading.Barrier(askers)

    def ask(number: int) -> float:
        together.wait()
        return 1000 * visitors[number].timed(questions[number % len(questions)])

    with ThreadPoolExecutor(askers) as pool:
        return list(pool.map(ask, range(askers)))


def percentiles(name: str, milliseconds: Sequence[float]) -> dict[str, float]:
    """The 50th and the 95th."""
    cut = statistics.quantiles(milliseconds, n=20, method="inclusive")
    return {f"{name}, p50": cut[9], f"{name}, p95": cut[18]}


def resident(process: int) -> float:
    """The mebibytes of memory that a process holds; Linux only, 0 elsewhere."""
    status = Path(f"/proc/{process}/status")
    found = re.search(r"VmRSS:\s+(\d+)", status.read_text()) if status.exists() else None
    return int(found[1]) / 1024 if found else 0.0


def show(figures: Figures) -> None:
    """Prints all figures, one on a line."""
    for unit, values in asdict(figures).items():
        for name, value in values.items():
            print(f"{name:80} {value:12,.1f} {unit}")


if __name__ == "__main__":
    main()
