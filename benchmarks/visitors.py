"""Visitors of a served page, what they ask, and what the server holds meanwhile: for the benchmarks of load."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).parent.parent
WAIT = 600.0
QUESTIONS = (
    "Who was re-elected?",
    "What did the police say?",
    "How many people were hurt?",
    "What was agreed on trade?",
    "When was the school closed?",
)
_COLUMN = 44


@dataclass(frozen=True)
class Bell:
    """An invented bell with an article of its own: an answer about it shows whose question was answered."""

    name: str
    cracks: int

    @property
    def question(self) -> str:
        """Ask for the number that no other article holds."""
        return f"How many cracks has the bell of {self.name}?"

    def write(self, folder: Path) -> None:
        """Write the article."""
        text = f"# The bell of {self.name}\n\nThe bell of {self.name} has {self.cracks} cracks.\n"
        (folder / f"bell-{self.name}.md").write_text(text, "utf-8")


def bells(count: int, first: int = 10_000) -> list[Bell]:
    """Return so many bells, 256 at most, numbered from ``first`` on."""
    syllables = product(
        ("Ba", "Do", "Fe", "Gi"), ("kra", "mol", "tiv", "zur"), ("bon", "dax", "fip", "lum"), ("ea", "io", "ude", "ysk")
    )
    return [Bell("".join(each), first + n) for n, each in zip(range(count), syllables, strict=False)]


class Visitor:
    """Asks as the page's script does, from an address of its own."""

    def __init__(self, address: str, own: str = "127.0.0.1") -> None:
        transport = httpx.HTTPTransport(local_address=own)
        self._client = httpx.Client(base_url=address, transport=transport, timeout=WAIT, trust_env=False)
        self._beat: httpx.Response | None = None
        self.session = secrets.token_hex(6)

    def prepare(self) -> Visitor:
        """Read which events there are."""
        events = self._client.get("/config").json()["dependencies"]
        self._ask = next(each for each in events if each["api_name"] == "ask")
        after = [each for each in events if each.get("trigger_after") == self._ask["id"]]
        self._answer = next(each for each in after if each["backend_fn"])
        self._clear = next(each for each in events if each["api_name"] == "clear")
        self._recall = next(each for each in events if each["api_name"] == "recall")
        return self

    def like(self, other: Visitor) -> Visitor:
        """Take over what another has read."""
        self._ask, self._answer, self._clear, self._recall = other._ask, other._answer, other._clear, other._recall
        return self

    def stay(self) -> Visitor:
        """Hold the connection by which a browser says that its page is open."""
        request = self._client.build_request("GET", f"/gradio_api/heartbeat/{self.session}")
        self._beat = self._client.send(request, stream=True)
        return self

    def ask(self, question: str) -> tuple[float, str]:
        """Ask, read the answer to its end; return the seconds and all that came."""
        began = time.monotonic()
        self._event(self._ask, [question])
        last = self._event(self._answer, [])
        return time.monotonic() - began, last

    def clear(self) -> None:
        """Begin a new conversation."""
        self._event(self._clear, [])

    def recall(self) -> str:
        """Return what the page shows of the conversation."""
        return self._event(self._recall, [])

    def is_wrong(self, asked: Sequence[Bell]) -> bool:
        """Tell whether the page shows anything but these questions, each with its own answer."""
        last = self.recall().splitlines()[-1].removeprefix("data:")
        shown = [json.dumps(each["content"]) for each in json.loads(last)["output"]["data"][0]]
        pairs = list(zip(shown[::2], shown[1::2], strict=True))
        return len(pairs) != len(asked) or not all(
            bell.name in question and str(bell.cracks) in answer
            for bell, (question, answer) in zip(asked, pairs, strict=True)
        )

    def close(self) -> None:
        """Close the page and its connections."""
        if self._beat is not None:
            self._beat.close()
        self._client.close()

    def _event(self, event: dict[str, Any], given: list[Any]) -> str:
        data = [*given, *[None] * (len(event["inputs"]) - len(given))]
        body = {"data": data, "fn_index": event["id"], "session_hash": self.session, "event_data": None}
        self._client.post("/gradio_api/queue/join", json=body).raise_for_status()
        with self._client.stream("GET", f"/gradio_api/queue/data?session_hash={self.session}") as stream:
            told = []
            for line in stream.iter_lines():
                told.append(line)
                if '"msg":"process_completed"' in line.replace(": ", ":"):
                    return "\n".join(told)
        raise RuntimeError("a stream ended too early")


def address_of(number: int) -> str:
    """Return an address of this machine for each visitor; Linux has them all."""
    return f"127.0.{1 + number // 250}.{1 + number % 250}"


@dataclass(frozen=True)
class Server:
    """A process that serves, and where."""

    pid: int
    address: str
    log: Path
    folder: Path

    def usage(self) -> dict[str, float]:
        """Count memory, threads and descriptors; Linux only."""
        resident = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        threads, descriptors = (len([*Path(f"/proc/{self.pid}/{what}").iterdir()]) for what in ("task", "fd"))
        return {"MiB": resident / 2**20, "threads": threads, "descriptors": descriptors}

    def settled(self, before: dict[str, float], seconds: float = 60.0) -> dict[str, float]:
        """Count again once as few threads and descriptors are open as before, at the latest after some seconds."""
        deadline = time.monotonic() + seconds
        visitor = Visitor(self.address).prepare()
        while True:
            visitor.ask(QUESTIONS[0])  # a thread that was idle for ten seconds ends when another is given work
            now = self.usage()
            back = all(now[each] <= before[each] for each in ("threads", "descriptors"))
            if back or time.monotonic() > deadline:
                visitor.close()
                return now
            time.sleep(2)


@contextmanager
def running(folder: Path, *command: str, **environment: str) -> Iterator[Server]:
    """Run a server of ours over ``folder`` until the block ends."""
    given = {"RAG_INDEX": str(folder / "index"), "RAG_DATA": str(folder / "data"), **environment}
    log = folder / f"log{len(list(folder.glob('log*')))}.txt"
    with log.open("w") as out:
        line = [sys.executable, *command, "--articles", str(folder / "articles")]
        process = subprocess.Popen(line, cwd=ROOT, env={**os.environ, **given}, stdout=out, stderr=subprocess.STDOUT)
    try:
        while not (found := re.search(r"Footnote (?:is|listens) at (http://[^/\s]+)", log.read_text())):
            if process.poll() is not None:
                raise SystemExit(log.read_text())
            time.sleep(0.2)
        yield Server(process.pid, found[1], log, folder)
    finally:
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(60)
        process.kill()


@contextmanager
def served(articles: Path, folder: Path, more: Sequence[Bell] = (), **environment: str) -> Iterator[Server]:
    """Serve the page over a copy of a folder and the articles of some bells, once it answers."""
    shutil.copytree(articles, folder / "articles")
    for each in more:
        each.write(folder / "articles")
    with running(folder, str(ROOT / "ui.py"), **{"RAG_PORT": "7970", **environment}) as server:
        visitor = Visitor(server.address).prepare()
        for question in QUESTIONS:  # the first waits until there is an index; threads that stay are there after some
            visitor.ask(question)
        visitor.close()
        yield server


def build(folder: Path) -> bool:
    """Bring the index of a folder up to date in another process; return whether that went well."""
    command = [sys.executable, "-m", "rag", "build", "--articles", str(folder / "articles")]
    given = {**os.environ, "RAG_INDEX": str(folder / "index")}
    return subprocess.run(command, cwd=ROOT, env=given, capture_output=True, check=False).returncode == 0


def show(name: str, figures: dict[str, float]) -> None:
    """Print a measurement as rows of the table."""
    for what, value in figures.items():
        print(f"{name:12} {what:{_COLUMN}} {value:>10.6g}", flush=True)
