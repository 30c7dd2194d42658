"""Many answers that are being written at once, from the articles alone or by a slow model; part of ``load.py``."""

from __future__ import annotations

import json
import statistics
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from visitors import QUESTIONS, Bell, Server, Visitor, address_of

PAUSE = 0.5
"""Seconds between two words of the slow model."""
REPEATS = 4
"""How often it writes its sentence, 18 seconds in all; five times would count as a loop."""


class _Model(BaseHTTPRequestHandler):
    """Answers chat completions with a sentence of the passages: slowly about a bell, else at once."""

    def do_POST(self) -> None:
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        lines = sent["messages"][-1]["content"].splitlines()
        passages = [json.loads(line) for line in lines if line.startswith('{"passage"')]
        _, bell, name = "\n".join(lines).rpartition("How many cracks has the bell of ")
        name = name.partition("?")[0]
        passage = next((each for each in passages if bell and name in each["text"]), passages[0])
        sentence = f"{passage['text'].splitlines()[-1]} [{passage['passage']}] "
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for word in (sentence * (REPEATS if bell else 1)).split(" "):
            self._send({"delta": {"content": f"{word} "}, "finish_reason": None})
            time.sleep(PAUSE if bell else 0)
        self._send({"delta": {}, "finish_reason": "stop"})
        self.wfile.write(b"data: [DONE]\n\n")

    def _send(self, choice: dict[str, object]) -> None:
        choices = [{"index": 0, **choice}]
        data = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "slow", "choices": choices}
        self.wfile.write(f"data: {json.dumps(data)}\n\n".encode())

    def log_message(self, *_: object) -> None:
        pass


class _Models(ThreadingHTTPServer):
    request_queue_size = 256
    daemon_threads = True


@contextmanager
def slow_model() -> Iterator[str]:
    """Serve a slow chat model on this machine and give its name."""
    with _Models(("127.0.0.1", 0), _Model) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1#slow"
        server.shutdown()


def streams(server: Server, crowd: list[Bell]) -> dict[str, float]:
    """Open an answer for each bell at once; time another visitor before and meanwhile; count what is held."""
    other = Visitor(server.address, "127.0.0.2").prepare().stay()
    alone = [other.ask(QUESTIONS[n % 5])[0] for n in range(6)][1:]
    before = server.usage()
    spans: list[tuple[float, float]] = []
    wrong: list[bool] = []
    beside: list[float] = []
    held: list[dict[str, float]] = []

    def one(number: int) -> None:
        with closing(Visitor(server.address, address_of(number)).like(other).stay()) as visitor:
            began = time.monotonic()
            visitor.ask(crowd[number].question)
            spans.append((began, time.monotonic()))
            wrong.append(visitor.is_wrong([crowd[number]]))

    with ThreadPoolExecutor(len(crowd) + 1) as pool:
        jobs = [pool.submit(one, number) for number in range(len(crowd))]
        watching = pool.submit(_watch, server, held, jobs)
        while not all(job.done() for job in jobs):
            beside.append(other.ask(QUESTIONS[len(beside) % 5])[0])
        watching.result()
    other.close()
    after = server.settled(before)
    return {
        "streams": len(crowd),
        "open at once": max((sum(a <= start < b for a, b in spans) for start, _ in spans), default=0),
        "errors": sum(job.exception() is not None for job in jobs),
        "wrong conversations": sum(wrong),
        "a stream's answer, median s": statistics.median(b - a for a, b in spans),
        "another visitor alone, median s": statistics.median(alone),
        "another visitor meanwhile, median s": statistics.median(beside),
        "another visitor meanwhile, worst s": max(beside),
        **{
            f"{what} {when}": value
            for what in before
            for when, value in (
                ("before", before[what]),
                ("during", max(each[what] for each in held)),
                ("after", after[what]),
            )
        },
    }


def _watch(server: Server, held: list[dict[str, float]], jobs: list[Future[None]]) -> None:
    while not all(job.done() for job in jobs):
        held.append(server.usage())
        time.sleep(0.2)
