"""Turns and sessions: nobody takes the room of others."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.errors import Busy
from rag.web.queueing import Turns
from rag.web.rooms import Room, Visitor
from rag.web.security import FILES, OWNER
from rag.web.sessions import CALLS, Bound, Sessions
from rag.web.stream import AT_ONCE, aside


async def serve(turns: Turns, asked: list[str], served: list[str], most: dict[str, int]) -> list[Any]:
    running: list[str] = []

    async def one(visitor: str) -> None:
        async with turns.turn(visitor):
            served.append(visitor)
            running.append(visitor)
            most["all"] = max(most.get("all", 0), len(running))
            most[visitor] = max(most.get(visitor, 0), running.count(visitor))
            for _ in range(3):
                await asyncio.sleep(0)
            running.remove(visitor)

    tasks = [asyncio.ensure_future(one(each)) for each in asked]
    return await asyncio.gather(*tasks, return_exceptions=True)


@given(st.lists(st.sampled_from("abc"), max_size=40), st.integers(1, 4), st.integers(1, 4), st.booleans())
@settings(max_examples=60, deadline=None)
def test_all_are_served_within_the_limits(asked: list[str], at_once: int, own: int, newest_first: bool) -> None:
    served: list[str] = []
    most: dict[str, int] = {}
    turns = Turns(at_once, own, 100, newest_first)
    assert set(asyncio.run(serve(turns, asked, served, most))) <= {None}
    assert sorted(served) == sorted(asked)
    assert most.pop("all", 0) <= at_once
    assert all(each <= own for each in most.values())
    assert not turns._running
    assert not turns._waiting


@pytest.mark.parametrize("own", [1, 4])
def test_who_asks_much_goes_before_nobody(own: int) -> None:
    served: list[str] = []
    asyncio.run(serve(Turns(4, own, 300), ["a"] * 250 + ["b"], served, {}))
    assert served.index("b") <= 2 * own
    assert len(served) == 251


def test_too_many_of_one_are_refused_the_oldest_or_the_newest() -> None:
    for newest_first in (False, True):
        done = asyncio.run(serve_at_once(Turns(1, 1, 2, newest_first), 5))
        refused = [isinstance(each, Busy) for each in done]
        assert refused == ([False, False, False, True, True] if not newest_first else [False, True, True, False, False])


async def serve_at_once(turns: Turns, count: int) -> list[Any]:
    gate = asyncio.Event()

    async def one() -> None:
        async with turns.turn("a"):
            await gate.wait()

    tasks = [asyncio.ensure_future(one()) for _ in range(count)]
    await asyncio.sleep(0)
    gate.set()
    return await asyncio.gather(*tasks, return_exceptions=True)


def test_who_leaves_while_waiting_takes_no_turn() -> None:
    async def leave() -> None:
        turns = Turns(1, 1, 10)
        async with turns.turn("a"):
            waiting = [asyncio.ensure_future(serve(turns, ["b"], [], {})) for _ in range(3)]
            await asyncio.sleep(0)
            waiting[0].cancel()
            await asyncio.sleep(0)
        waiting[1].cancel()  # its turn has come in the same moment
        await asyncio.gather(*waiting, return_exceptions=True)
        assert not turns._running
        async with asyncio.timeout(5) if hasattr(asyncio, "timeout") else turns.turn("c"):
            await serve(turns, ["d"], [], {})

    asyncio.run(leave())


class TestSessions:
    def test_invented_names_push_out_their_inventors_only(self) -> None:
        gone: list[str] = []
        sessions = Sessions(20, gone.append)
        for each in ("hers", "hers too"):
            assert sessions.admit(each, "", "10.0.0.2")
        for number in range(205):
            assert sessions.admit(f"invented{number}", "", "10.0.0.1")
        assert "hers" in sessions
        assert "hers too" in sessions
        assert gone == [f"invented{number}" for number in range(187)]

    def test_a_page_that_is_open_stays_also_where_all_come_from_one_address(self) -> None:
        sessions = Sessions(20)
        assert sessions.admit("open", "", "127.0.0.1")
        sessions.opened("open", 1)
        for number in range(205):
            sessions.admit(f"invented{number}", "", "127.0.0.1")
        assert "open" in sessions
        sessions.opened("open", -1)
        for number in range(205):
            sessions.admit(f"again{number}", "", "127.0.0.1")
        assert "open" not in sessions

    @given(st.lists(st.tuples(st.sampled_from(["maren", "ilse"]), st.integers(0, 5)), max_size=60))
    def test_a_session_is_who_began_it(self, asked: list[tuple[str, int]]) -> None:
        sessions, owners = Sessions(100), {}  # type: ignore[var-annotated]
        for owner, number in asked:
            expected = owners.setdefault(number, owner) == owner
            assert sessions.admit(str(number), owner, owner) is expected


def test_a_body_that_was_looked_at_is_still_there() -> None:
    """Also where it comes in pieces."""
    body = json.dumps({"session_hash": "one", "data": ["x" * 1000]}).encode()
    pieces = [body[:300], body[300:700], body[700:]]
    came, sent = iter(pieces), []

    async def receive() -> dict[str, Any]:
        piece = next(came, None)
        if piece is None:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": piece, "more_body": piece is not pieces[-1]}

    async def application(scope: Any, receive: Any, send: Any) -> None:
        read, more = b"", True
        while more:
            message = await receive()
            read, more = read + message["body"], message["more_body"]
        assert (await receive())["type"] == "http.disconnect"
        await send(read)

    async def send(message: Any) -> None:
        sent.append(message)

    sessions = Sessions(10)
    scope = {"type": "http", "method": "POST", "path": "/gradio_api/queue/join", OWNER: "maren"}
    asyncio.run(Bound(application, sessions)(scope, receive, send))
    assert sent == [body]
    assert not sessions.admit("one", "ilse", "ilse")


def test_an_article_is_no_session() -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send(scope["path"])

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    path = f"/articles/stream/{'long-' * 20}name.md"
    asyncio.run(
        Bound(application, sessions := Sessions(10))({"type": "http", "method": "GET", "path": path}, receive, send)
    )
    assert sent == [path]
    assert "long" not in str(sessions._sessions)


def test_a_long_call_keeps_nothing_of_its_visitor_waiting_and_joins_come_one_by_one() -> None:
    gate, running, most = asyncio.Event(), [0], [0]

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"].endswith("component_server"):
            await gate.wait()
            return
        running[0] += 1
        most[0] = max(most[0], running[0])
        await asyncio.sleep(0)
        running[0] -= 1

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"{}", "more_body": False}

    async def all_together() -> None:
        bound = Bound(application, Sessions(10))

        def post(path: str) -> Any:
            scope = {"type": "http", "method": "POST", "path": f"/gradio_api/{path}", "client": ("10.0.0.1", 1)}
            return asyncio.ensure_future(bound(scope, receive, receive))  # type: ignore[arg-type]

        long = post("component_server")
        await asyncio.gather(*(post("queue/join") for _ in range(20)))
        assert not long.done()
        gate.set()
        await long

    asyncio.run(all_together())
    assert most == [1]


def test_files_are_handed_out_a_few_at_a_time() -> None:
    gate, running = asyncio.Event(), []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        running.append(scope["path"])
        await gate.wait()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def all_together() -> None:
        bound = Bound(application, Sessions(10))
        scope = {"type": "http", "method": "GET", "path": FILES, "client": ("10.0.0.1", 1)}
        waiting = [asyncio.ensure_future(bound(scope, receive, receive)) for _ in range(40)]  # type: ignore[arg-type]
        for _ in range(100):
            await asyncio.sleep(0)
        assert len(running) == CALLS
        gate.set()
        await asyncio.gather(*waiting)
        assert len(running) == 40

    asyncio.run(all_together())


def test_what_one_visitor_does_in_rooms_leaves_threads_to_others() -> None:
    looked = threading.Event()

    class Slow(Room):
        def data(self, visitor: Visitor) -> dict[str, Any]:
            return {}

        def act(self, action: str, sent: Mapping[str, Any], visitor: Visitor) -> str:
            return "" if looked.wait(30) else "nobody else was served"

    async def flood() -> list[dict[str, Any]]:
        acts = [asyncio.ensure_future(Slow().acted("check", Visitor("s", client="a"), {})) for _ in range(AT_ONCE)]
        await asyncio.sleep(0)  # all of them have asked for a thread, or for a turn
        await aside(looked.set)
        return await asyncio.gather(*acts)

    assert {each["said"] for each in asyncio.run(flood())} == {""}
