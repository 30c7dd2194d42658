"""Two page processes over one Milvus, behind a proxy: what must return to the same process, and what need not.

    python benchmarks/two_pages.py [ARTICLES] [--visitors 8]

Milvus Lite runs as a server of its own on the loopback address; the pages find the index there by its address. The proxy is
a few lines: it sends each visitor's connections to one process by the visitor's address, as nginx's ip_hash does, or each
connection to the next process. Visitors are addresses of this machine (127.0.2.1, …), where the system has them. Embedded by
hashing.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import secrets
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import httpx
from sharded_build import plain, timed
from visitors import QUESTIONS, ROOT, Visitor, served

sys.path.insert(0, str(ROOT / "tests"))


class Proxy:
    """Passes connections on to one of several ports, chosen by the visitor's address and the connection's number."""

    def __init__(self, ports: list[int], choose: Callable[[str, int], int]) -> None:
        self._ports, self._choose = ports, choose
        self.taken: Counter[int] = Counter()
        self._loop = asyncio.new_event_loop()
        self._number = 0

    @contextmanager
    def running(self) -> Iterator[str]:
        """Listen on a free port; give the address."""
        server = self._loop.run_until_complete(asyncio.start_server(self._pass_on, "127.0.0.1", 0))
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        self._loop.call_soon_threadsafe(self._loop.stop)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._number += 1
        port = self._ports[self._choose(writer.get_extra_info("peername")[0], self._number) % len(self._ports)]
        self.taken[port] += 1
        inner, outer = await asyncio.open_connection("127.0.0.1", port)

        async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            with suppress(OSError):
                while data := await source.read(65_536):
                    sink.write(data)
                    await sink.drain()
            sink.close()

        await asyncio.gather(pump(reader, outer), pump(inner, writer))


def sticky(address: str, _: int) -> int:
    """Choose by the visitor's address."""
    return int(address.rsplit(".", 1)[1])


def by_turns(_: str, number: int) -> int:
    """Choose the next process for each connection."""
    return number


def talk(address: str, visitors: int, connections: int) -> tuple[int, int]:
    """Let visitors ask two questions each with a canary; return those whose conversation held both, and wrong ones.

    Each event comes over one of so many connections: a browser opens several.
    """

    def one(number: int) -> tuple[bool, bool]:
        canary = f"zebra{number}x{secrets.token_hex(4)}"
        visitor = Visitor(address, f"127.0.2.{number + 1}").prepare()
        told = ""
        for question in QUESTIONS[:2]:
            with suppress(RuntimeError, httpx.HTTPError):
                visitor.ask(f"{question} {canary}")
                if connections > 1:
                    session = visitor.session
                    visitor.close()
                    visitor = Visitor(address, f"127.0.2.{number + 1}").like(visitor)
                    visitor.session = session
                told = visitor.recall()
        visitor.close()
        found = set(re.findall(r"zebra\d+x[0-9a-f]+", told))
        return all(question in told for question in QUESTIONS[:2]), bool(found - {canary})

    with ThreadPoolExecutor(visitors) as pool:
        outcomes = list(pool.map(one, range(visitors)))
    return sum(whole for whole, _ in outcomes), sum(wrong for _, wrong in outcomes)


def programs(address: str, count: int) -> tuple[int, int]:
    """Ask the door for programs, each question over a connection of its own; return distinct texts and failures."""
    texts, failed = set(), 0
    for _ in range(count):
        asked = {"messages": [{"role": "user", "content": QUESTIONS[0]}]}
        reply = httpx.post(f"{address}/v1/chat/completions", json=asked, timeout=120, trust_env=False)
        if reply.is_success:
            texts.add(reply.json()["choices"][0]["message"]["content"])
        else:
            failed += 1
    return len(texts), failed


def main() -> None:
    """Build, start all and print what held."""
    from test_milvus import Server  # type: ignore[import-not-found]

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("articles", type=Path, nargs="?", default=ROOT / "seeds")
    parser.add_argument("--visitors", type=int, default=8)
    options = parser.parse_args()
    os.environ["RAG_EMBEDDER"] = "hashing"
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        root = Path(name)
        server = Server(root / "milvus")
        stack.callback(server.stop)
        place = f"milvus://127.0.0.1:{server.port}/news"
        command = [sys.executable, "-m", "rag", "build", "--articles", str(options.articles), "--index", place]
        timed("built into Milvus", lambda: plain([command]))
        began, ports = time.perf_counter(), [7981, 7982]
        for port in ports:
            (root / str(port)).mkdir()
            more = {"RAG_INDEX": place, "RAG_DATA": str(root / "data"), "RAG_PORT": str(port)}
            stack.enter_context(served(options.articles, root / str(port), (), **more))
        print(f"two pages started: {time.perf_counter() - began:.1f} s", flush=True)
        for title, choose in (("by the visitor's address", sticky), ("each connection in turn", by_turns)):
            proxy = Proxy(ports, choose)
            with proxy.running() as address:
                for connections in (1, 2):
                    began = time.perf_counter()
                    whole, wrong = talk(address, options.visitors, connections)
                    print(
                        f"{title}, {connections} connection(s) a visitor: {whole} of {options.visitors} conversations "
                        f"whole, {wrong} wrong, {time.perf_counter() - began:.1f} s",
                        flush=True,
                    )
                texts, failed = programs(address, 6)
                print(f"{title}: /v1/chat/completions 6 times, {texts} distinct answer(s), {failed} failed")
                print(f"{title}: connections by process {sorted(proxy.taken.values())}", flush=True)


if __name__ == "__main__":
    main()
