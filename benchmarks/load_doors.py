"""Processes of ``rag serve`` on one index while ``rag build`` replaces it; part of ``load.py``."""

from __future__ import annotations

import re
import statistics
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx
from visitors import WAIT, Server, address_of, bells, build, running

BELLS = 50
ASKERS = 2
"""How many ask each process, without a pause."""
BEHIND = 20.0
"""Seconds after a build at which a process that still answers from an older generation is given up."""


def write(folder: Path, generation: int) -> None:
    """Write each bell's article with other numbers: they tell the generation."""
    (folder / "articles").mkdir(exist_ok=True)
    for bell in bells(BELLS, first=1000 * (generation + 1)):
        bell.write(folder / "articles")


def ask(client: httpx.Client, number: int) -> tuple[int, int]:
    """Ask for a bell; return the generation and the bell that the answer tells, -1 where it tells none."""
    question = {"role": "user", "content": bells(BELLS)[number].question}
    answer = client.post("/v1/chat/completions", json={"messages": [question]}).raise_for_status()
    found = re.search(r"has (\d+) cracks", answer.json()["choices"][0]["message"]["content"])
    generation, bell = divmod(int(found[1]), 1000) if found else (0, -1)
    return generation - 1, bell


def several(folder: Path, processes: int, rebuilds: int) -> dict[str, float]:
    """Let several processes answer from one index while another replaces it so many times."""
    write(folder, 0)
    build(folder)
    newest = 0
    seen: Counter[int] = Counter()  # the generation that each process last answered from
    counts: Counter[str] = Counter()
    took: list[float] = []
    behind: list[float] = []
    stop = threading.Event()

    def one(place: int, server: Server, number: int) -> None:
        transport = httpx.HTTPTransport(local_address=address_of(number))
        with httpx.Client(base_url=server.address, transport=transport, timeout=WAIT, trust_env=False) as client:
            asked = number
            last = 0
            while not stop.is_set():
                asked = (asked + 7) % BELLS
                began = time.monotonic()
                try:
                    generation, bell = ask(client, asked)
                except httpx.HTTPStatusError as error:
                    told = error.response.status_code == 429  # five questions a second of one client, see SECURITY.md
                    counts["told to wait" if told else "errors"] += 1
                    stop.wait(float(error.response.headers.get("retry-after", 1)))
                    continue
                except httpx.HTTPError:
                    counts["errors"] += 1
                    continue
                took.append(time.monotonic() - began)
                counts["wrong answers"] += bell != asked or not 0 <= generation <= newest
                counts["steps back to an older generation"] += generation < last
                seen[place] = last = generation

    with ExitStack() as stack:
        commands = [("-m", "rag", "serve", "--port", str(7980 + place)) for place in range(processes)]
        servers = [stack.enter_context(running(folder, *command)) for command in commands]
        for server in servers:
            while httpx.get(f"{server.address}/health", trust_env=False).status_code != 200:
                time.sleep(0.2)
        pool = stack.enter_context(ThreadPoolExecutor(ASKERS * processes))
        for number in range(ASKERS * processes):
            pool.submit(one, number % processes, servers[number % processes], number)
        time.sleep(3)
        before = [server.usage() for server in servers]
        for generation in range(1, rebuilds + 1):
            newest = generation
            write(folder, generation)
            counts["builds that failed"] += not build(folder)
            built = time.monotonic()
            while min(seen[each] for each in range(processes)) < newest and time.monotonic() < built + BEHIND:
                time.sleep(0.05)
            behind.append(time.monotonic() - built)
        stop.set()
        pool.shutdown()
        after = [server.usage() for server in servers]
    return {
        "processes": processes,
        "questions": len(took),
        "builds": rebuilds,
        **{
            what: counts[what]
            for what in (
                "errors",
                "told to wait",
                "wrong answers",
                "steps back to an older generation",
                "builds that failed",
            )
        },
        "the oldest generation at the end": min(seen[each] for each in range(processes)),
        "until all answer from a build, median s": statistics.median(behind),
        "until all answer from a build, worst s": max(behind),
        "an answer, median s": statistics.median(took),
        "an answer, worst s": max(took),
        **{
            f"{what} {when}": sum(each[what] for each in held)
            for what in before[0]
            for when, held in (("before", before), ("after", after))
        },
    }
