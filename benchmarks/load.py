"""The page under load: one visitor's flood beside another visitor, half-open connections, many askers while rebuilding.

    python benchmarks/load.py [ARTICLES] [--flood 250] [--half 1100] [--askers 50] [--seconds 60] [--questions 1000]

Starts ``python ui.py`` in a folder of its own. Visitors are addresses of this machine (127.0.0.2, 127.0.0.3, …), where the
system has them. The embedder is RAG_EMBEDDER.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import secrets
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).parent.parent
WAIT = 300.0
QUESTIONS = (
    "Who was re-elected?",
    "What did the police say?",
    "How many people were hurt?",
    "What was agreed on trade?",
    "When was the school closed?",
)


class Visitor:
    """Asks as the page's script does, from an address of its own."""

    def __init__(self, address: str, own: str = "127.0.0.1") -> None:
        transport = httpx.HTTPTransport(local_address=own)
        self._client = httpx.Client(base_url=address, transport=transport, timeout=WAIT, trust_env=False)
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

    def close(self) -> None:
        """Close the connections."""
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


@contextmanager
def served(articles: Path, folder: Path, port: int = 7970, **environment: str) -> Iterator[tuple[int, str, Path]]:
    """Serve a copy of a folder; give the process, the address and the log."""
    shutil.copytree(articles, folder / "articles")
    given = {"RAG_INDEX": str(folder / "index"), "RAG_DATA": str(folder / "data"), "RAG_PORT": str(port), **environment}
    log = folder / "log.txt"
    with log.open("w") as out:
        command = [sys.executable, str(ROOT / "ui.py"), "--articles", str(folder / "articles")]
        process = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, **given}, stdout=out, stderr=subprocess.STDOUT, text=True
        )
    try:
        while not (found := re.search(r"Footnote is at (http://\S+)/", log.read_text())):
            if process.poll() is not None:
                raise SystemExit(log.read_text())
            time.sleep(0.2)
        yield process.pid, found[1], log
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(WAIT)


def listed(pid: int, what: str) -> int:
    """Count a process's descriptors (``fd``) or threads (``task``); Linux only."""
    return sum(1 for _ in Path(f"/proc/{pid}/{what}").iterdir())


def flood(address: str, count: int) -> dict[str, float]:
    """Let one address ask so many questions at once; time another address before and meanwhile."""
    other = Visitor(address, "127.0.0.2").prepare()
    other.ask(QUESTIONS[0])
    alone = statistics.median(other.ask(QUESTIONS[n % 5])[0] for n in range(5))
    many = [Visitor(address, "127.0.0.3").like(other) for _ in range(count)]
    told: list[str] = []
    beside: list[float] = []
    done = threading.Event()

    def one(visitor: Visitor) -> None:
        told.append(visitor.ask(QUESTIONS[len(told) % 5])[1])
        visitor.close()

    def look() -> None:
        while not done.wait(0.2):
            beside.append(other.ask(QUESTIONS[len(beside) % 5])[0])

    watching = threading.Thread(target=look)
    began = time.monotonic()
    with ThreadPoolExecutor(count) as pool:
        jobs = [pool.submit(one, each) for each in many]
        time.sleep(0.5)
        watching.start()
        lost = sum(job.exception() is not None for job in jobs)
    ended = time.monotonic() - began
    done.set()
    watching.join()
    busy = sum("Too much of yours" in each for each in told)
    return {
        "alone, s": alone,
        "beside the flood, median s": statistics.median(beside),
        "beside the flood, worst s": max(beside),
        "answered of the flood": len(told) - busy,
        "told to try again": busy,
        "lost": lost,
        "flood over after, s": ended,
    }


def half_open(address: str, log: Path, pid: int, count: int) -> dict[str, float]:
    """Open so many connections that send half a head; ask meanwhile."""
    host, port = address.removeprefix("http://").split(":")
    other = Visitor(address, "127.0.0.1").prepare()
    half, before, size = [], listed(pid, "fd"), log.stat().st_size
    for _ in range(count):
        made = socket.create_connection((host, int(port)), timeout=10)
        made.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n")
        half.append(made)
    other.close()  # what was open before may be dropped as idle: a browser opens another
    fresh = Visitor(address, "127.0.0.1").like(other)
    meanwhile = fresh.ask(QUESTIONS[0])[0]
    deadline = time.monotonic() + 60
    while (open_now := listed(pid, "fd")) > before + 5 and time.monotonic() < deadline:
        time.sleep(0.5)
    gone = time.monotonic() + 60 - deadline
    for each in half:
        each.close()
    return {
        "half-open connections": count,
        "a question meanwhile, s": meanwhile,
        "until they were gone, s": gone,
        "descriptors before": before,
        "descriptors after": open_now,
        "bytes of log": log.stat().st_size - size,
    }


def invented(address: str, count: int = 205) -> dict[str, float]:
    """Invent so many sessions from one address; see whether another's conversation is still there."""
    mine = Visitor(address, "127.0.0.2").prepare()
    mine.ask(QUESTIONS[0])
    for _ in range(count):
        other = Visitor(address, "127.0.0.3").like(mine)
        other.clear()
        other.close()
    mine.ask(QUESTIONS[1])
    told = mine.recall()
    return {"invented sessions": count, "conversations lost": float(QUESTIONS[0] not in told)}


def rebuilding(address: str, articles: Path, pid: int, askers: int, seconds: float) -> dict[str, float]:
    """Let so many ask for so long while the folder is rebuilt ten times."""
    first = Visitor(address).prepare()
    stop = time.monotonic() + seconds
    took: list[float] = []
    errors: list[str] = []
    threads = listed(pid, "task")

    def one(number: int) -> None:
        while time.monotonic() < stop:
            visitor = Visitor(address, f"127.0.1.{number + 1}").like(first)
            canary = f"zebra{number}x{secrets.token_hex(4)}"
            try:
                for each in QUESTIONS[:2]:
                    took.append(visitor.ask(f"{each} {canary}")[0])
                    told = visitor.recall()
                    if canary not in told or len(set(re.findall(r"zebra\d+x[0-9a-f]+", told))) > 1:
                        errors.append("a wrong conversation")
            except (RuntimeError, httpx.HTTPError) as error:
                errors.append(type(error).__name__)
            finally:
                visitor.close()

    def rebuild() -> None:
        for number in range(10):
            (articles / f"new{number}.md").write_text(f"# New {number}\n\nThe council met for the {number}th time.\n")
            environment = {**os.environ, "RAG_INDEX": str(articles.parent / "index")}
            subprocess.run(
                [sys.executable, "-m", "rag", "build", "--articles", str(articles)],
                cwd=ROOT,
                env=environment,
                capture_output=True,
                check=False,
            )
            time.sleep(max(0.0, seconds / 10 - 3))

    building = threading.Thread(target=rebuild)
    building.start()
    with ThreadPoolExecutor(askers) as pool:
        list(pool.map(one, range(askers)))
    building.join()
    time.sleep(3)
    cut = statistics.quantiles(took, n=20, method="inclusive")
    return {
        "askers": askers,
        "questions": len(took),
        "errors": len(errors),
        "p50, s": cut[9],
        "p95, s": cut[18],
        "threads before": threads,
        "threads after": listed(pid, "task"),
    }


def memory(address: str, pid: int, count: int) -> dict[str, float]:
    """Ask so many questions one after the other; memory after the first tenth and at the end."""
    found: dict[str, float] = {}
    visitor = Visitor(address).prepare()
    for number in range(count):
        if number % 20 == 0:
            visitor.close()
            visitor = Visitor(address).like(visitor)
        visitor.ask(QUESTIONS[number % 5])
        if number + 1 in (count // 10, count):
            status = Path(f"/proc/{pid}/status").read_text()
            found[f"MiB after {number + 1} questions"] = int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) / 1024
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("articles", type=Path, nargs="?", default=ROOT / "seeds")
    parser.add_argument("--flood", type=int, default=250)
    parser.add_argument("--half", type=int, default=1100)
    parser.add_argument("--askers", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--questions", type=int, default=1000)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found: dict[str, dict[str, float]] = {}

    def note(name: str, figures: dict[str, float]) -> None:
        found[name] = figures
        print(f"{name}: " + ", ".join(f"{what} {value:.6g}" for what, value in figures.items()), flush=True)
        if options.json:
            options.json.write_text(json.dumps(found, indent=1), "utf-8")

    with tempfile.TemporaryDirectory() as name, served(options.articles, Path(name)) as (pid, address, log):
        Visitor(address).prepare().ask(QUESTIONS[0])  # waits until there is an index
        if options.flood:
            note("flood", flood(address, options.flood))
        if options.half:
            note("half-open", half_open(address, log, pid, options.half))
            note("invented", invented(address))
        if options.questions:
            note("memory", memory(address, pid, options.questions))
        if options.askers:
            note("rebuilding", rebuilding(address, Path(name) / "articles", pid, options.askers, options.seconds))
        print(f"tracebacks in the log: {log.read_text().count('Traceback')}")


if __name__ == "__main__":
    main()
