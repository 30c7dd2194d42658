"""The page under load, and the door for programs: floods, half-open connections, many streams, rebuilding, memory.

    python benchmarks/load.py --flood 250                               2 minutes
    python benchmarks/load.py --half 1100                               2 minutes
    python benchmarks/load.py --streams 200 --slow 50                   5 minutes
    python benchmarks/load.py --processes 2 --rebuilds 10               5 minutes
    python benchmarks/load.py --askers 50 --seconds 600 --rebuilds 10   12 minutes
    RAG_EMBEDDER=hashing python benchmarks/load.py --questions 10000    an hour

Measures what is named, all of it where nothing is, each on a server of its own in a folder of its own (``--articles``, and
the articles of invented bells). Visitors are addresses of this machine (127.0.0.2, 127.0.1.1, …), where the system has them.
``--out FILE`` keeps the figures as JSON. The embedder is RAG_EMBEDDER. Linux only.
"""

from __future__ import annotations

import argparse
import json
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
from load_doors import several
from load_streams import slow_model, streams
from visitors import QUESTIONS, ROOT, Server, Visitor, address_of, bells, build, served, show

DEPTHS = {"flood": 250, "half": 1100, "streams": 200, "slow": 50, "processes": 2, "askers": 50, "questions": 10_000}
"""What is measured, and how much of it where nothing is named."""
BELLS = 50
"""How many bells the questions of ``--questions`` are about."""
CONVERSATION = 3
"""How many questions a visitor asks before he leaves: a thousand fill the 256 sessions that the page keeps."""


def flood(server: Server, count: int) -> dict[str, float]:
    """Let one address ask so many questions at once; time another address before and meanwhile."""
    other = Visitor(server.address, "127.0.0.2").prepare()
    other.ask(QUESTIONS[0])
    alone = statistics.median(other.ask(QUESTIONS[n % 5])[0] for n in range(5))
    many = [Visitor(server.address, "127.0.0.3").like(other) for _ in range(count)]
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


def half_open(server: Server, count: int) -> dict[str, float]:
    """Open so many connections that send half a head; ask meanwhile."""
    host, port = server.address.removeprefix("http://").split(":")
    other = Visitor(server.address, "127.0.0.1").prepare()
    half, before, size = [], server.usage()["descriptors"], server.log.stat().st_size
    for _ in range(count):
        made = socket.create_connection((host, int(port)), timeout=10)
        made.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n")
        half.append(made)
    other.close()  # what was open before may be dropped as idle: a browser opens another
    fresh = Visitor(server.address, "127.0.0.1").like(other)
    meanwhile = fresh.ask(QUESTIONS[0])[0]
    deadline = time.monotonic() + 60
    while (open_now := server.usage()["descriptors"]) > before + 5 and time.monotonic() < deadline:
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
        "bytes of log": server.log.stat().st_size - size,
    }


def invented(server: Server, count: int = 205) -> dict[str, float]:
    """Invent so many sessions from one address; see whether another's conversation is still there."""
    mine = Visitor(server.address, "127.0.0.2").prepare()
    mine.ask(QUESTIONS[0])
    for _ in range(count):
        other = Visitor(server.address, "127.0.0.3").like(mine)
        other.clear()
        other.close()
    mine.ask(QUESTIONS[1])
    told = mine.recall()
    return {"invented sessions": count, "conversations lost": float(QUESTIONS[0] not in told)}


def rebuilding(server: Server, askers: int, seconds: float, rebuilds: int) -> dict[str, float]:
    """Let so many ask for so long while the folder is rebuilt; each build adds a bell."""
    first = Visitor(server.address).prepare()
    every = bells(askers + rebuilds)
    before = server.usage()
    stop = time.monotonic() + seconds
    took: list[float] = []
    wrong: list[bool] = []
    errors: list[str] = []
    built: list[bool] = []

    def one(number: int) -> None:
        while time.monotonic() < stop:
            visitor = Visitor(server.address, address_of(number)).like(first)
            try:
                for asked in (1, 2):
                    took.append(visitor.ask(every[number].question)[0])
                    wrong.append(visitor.is_wrong([every[number]] * asked))
            except (RuntimeError, httpx.HTTPError) as error:
                errors.append(type(error).__name__)
            finally:
                visitor.close()

    def rebuild() -> None:
        for number, bell in enumerate(every[askers:]):
            time.sleep(max(0.0, stop - seconds + number * seconds / rebuilds - time.monotonic()))
            bell.write(server.folder / "articles")
            built.append(build(server.folder))

    with ThreadPoolExecutor(askers + 1) as pool:
        jobs = [pool.submit(rebuild), *(pool.submit(one, number) for number in range(askers))]
    for job in jobs:
        job.result()
    late = Visitor(server.address).like(first)
    late.ask(every[-1].question)
    after = server.settled(before)
    cut = statistics.quantiles(took, n=20, method="inclusive")
    return {
        "askers": askers,
        "questions": len(took),
        "rebuilds": sum(built),
        "errors": len(errors) + built.count(False),
        "wrong conversations": sum(wrong),
        "answers from the last build": float(not rebuilds or not late.is_wrong(every[-1:])),
        "p50, s": cut[9],
        "p95, s": cut[18],
        **{f"{what} {when}": held[what] for what in before for when, held in (("before", before), ("after", after))},
    }


def memory(server: Server, count: int) -> dict[str, float]:
    """Ask so many questions one after the other; count what is held after 1, 10 and 100 % of them."""
    every = bells(BELLS)
    first = Visitor(server.address).prepare()
    before = server.usage()
    found: dict[str, float] = {}
    errors = wrong = 0
    for number in range(0, count, CONVERSATION):
        visitor = Visitor(server.address, address_of(number // CONVERSATION % 250)).like(first).stay()
        asked = [every[(number + n) % BELLS] for n in range(CONVERSATION)]
        try:
            for each in asked:
                visitor.ask(each.question)
            wrong += visitor.is_wrong(asked)
        except (RuntimeError, httpx.HTTPError):
            errors += 1
        visitor.close()
        done = number + CONVERSATION
        for share in (1, 10, 100):
            if number < count * share / 100 <= done:
                found[f"MiB after {share} %"] = server.usage()["MiB"]
    first.close()
    after = server.settled(before)
    grown = found["MiB after 100 %"] / found["MiB after 10 %"] - 1
    return {
        "questions": count,
        "errors": errors,
        "wrong conversations": wrong,
        **found,
        "grown since 10 %, %": 100 * grown,
        **{
            f"{what} {when}": held[what]
            for what in ("threads", "descriptors")
            for when, held in (("before", before), ("after", after))
        },
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in DEPTHS:
        parser.add_argument(f"--{name}", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=600.0, help="how long the askers ask")
    parser.add_argument("--rebuilds", type=int, default=10, help="meanwhile, and for --processes")
    parser.add_argument("--articles", type=Path, default=ROOT / "seeds")
    parser.add_argument("--out", "--json", type=Path, help="a file for the figures")
    options = parser.parse_args()
    given = {name: getattr(options, name) for name in DEPTHS}
    depths = given if any(given.values()) else DEPTHS
    found: dict[str, dict[str, float]] = {}

    def note(name: str, figures: dict[str, float]) -> None:
        found[name] = figures
        show(name, figures)
        if options.out:
            options.out.write_text(json.dumps(found, indent=1), "utf-8")

    def run(name: str, measure: Callable[[Server], dict[str, float]], count: int = 0, **environment: str) -> None:
        with (
            tempfile.TemporaryDirectory() as folder,
            served(options.articles, Path(folder), bells(count), **environment) as server,
        ):
            figures = measure(server)
            note(name, {**figures, "tracebacks in the log": server.log.read_text().count("Traceback")})

    if count := depths["flood"]:
        run("flood", lambda server: flood(server, count))
    if half := depths["half"]:
        run("half-open", lambda server: half_open(server, half))
        run("invented", invented)
    if crowd := depths["streams"]:
        run("streams", lambda server: streams(server, bells(crowd)), crowd)
    if slow := depths["slow"]:
        with slow_model() as model:
            run("slow", lambda server: streams(server, bells(slow)), slow, RAG_MODEL=model, RAG_REWRITE="rules")
    if processes := depths["processes"]:
        with tempfile.TemporaryDirectory() as folder:
            note("processes", several(Path(folder), processes, options.rebuilds))
    if askers := depths["askers"]:
        run("rebuilding", lambda server: rebuilding(server, askers, options.seconds, options.rebuilds), askers)
    if questions := depths["questions"]:
        run("memory", lambda server: memory(server, questions), BELLS)


if __name__ == "__main__":
    main()
