"""Connections that never finish, and too many of them; with a real uvicorn server on this machine."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

h11 = pytest.importorskip("h11")
uvicorn = pytest.importorskip("uvicorn")
connections = pytest.importorskip("rag.web.connections")

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
HALF = b"GET / HTTP/1.1\r\nHost: x\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12345"


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Answers when it has the body, on /refuse before; on /stream it goes on until the client leaves, on /much it sends
    50 MB.
    """
    if scope["type"] != "http":
        return
    more = scope["path"] != "/refuse"
    while more and (message := await receive())["type"] == "http.request":
        more = message["more_body"]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    if scope["path"] == "/stream":
        await send({"type": "http.response.body", "body": b"begun", "more_body": True})
        while (await receive())["type"] != "http.disconnect":
            pass
    for _ in range(50 if scope["path"] == "/much" else 0):
        await send({"type": "http.response.body", "body": b"x" * 1_000_000, "more_body": True})
    await send({"type": "http.response.body", "body": b"done"})


@contextmanager
def served(**limits: Any) -> Iterator[tuple[int, Any]]:
    config = uvicorn.Config(application, host="127.0.0.1", port=0, log_level="warning", lifespan="off")
    connections.limit(config, connections.Limits(**limits))
    server = uvicorn.Server(config)
    listening = socket.create_server(("127.0.0.1", 0), backlog=256)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listening])), daemon=True)
    thread.start()
    yield listening.getsockname()[1], config.http_protocol_class.hall
    server.should_exit = server.force_exit = True
    thread.join(timeout=10)
    listening.close()


def connect(port: int, sent: bytes) -> socket.socket:
    made = socket.create_connection(("127.0.0.1", port), timeout=20)
    made.sendall(sent)
    return made


def answered(port: int) -> bool:
    with connect(port, GET) as made:
        return made.recv(1000).startswith(b"HTTP/1.1 200")


def ended(made: socket.socket) -> bool:
    """Read until the other end closes; the socket's timeout is the error."""
    try:
        while made.recv(65536):
            pass
    except ConnectionError:
        pass
    made.close()
    return True


@pytest.mark.parametrize("sent", [b"", HALF, POST, GET + HALF], ids=["nothing", "half a head", "half a body", "second"])
def test_what_never_comes_is_waited_for_so_long(sent: bytes) -> None:
    with served(head=0.2, body=0.2) as (port, _):
        assert ended(connect(port, sent))


def test_a_head_that_drips_has_no_more_time() -> None:
    with served(head=0.5) as (port, _):
        made, began = connect(port, HALF), time.monotonic()
        with pytest.raises(OSError):  # noqa: PT011 - reset or broken pipe
            while time.monotonic() - began < 20:
                made.sendall(b"A: b\r\n")
                time.sleep(0.05)
        made.close()
        assert time.monotonic() - began < 10


@pytest.mark.parametrize(("path", "times"), [("/", 4), ("/refuse", 1)])
def test_each_megabyte_of_a_body_has_its_time_until_it_is_answered(
    path: str, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    clocks, look = [], connections.LimitedProtocol._look

    def noted(self: Any) -> None:
        look(self)
        if self.conn.their_state is h11.SEND_BODY:
            clocks.append(self._clock)

    monkeypatch.setattr(connections.LimitedProtocol, "_look", noted)
    with served() as (port, _):
        made = connect(port, f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 3500001\r\n\r\nx".encode())
        if path == "/refuse":
            assert made.recv(1000).startswith(b"HTTP/1.1 200")
        made.sendall(b"x" * 3_500_000 + (GET if path == "/refuse" else b""))
        assert made.recv(1000)
        made.close()
    assert len(set(map(id, clocks))) == times


def test_who_takes_nothing_of_an_answer_is_dropped() -> None:
    with served(reading=0.2) as (port, hall):
        made = connect(port, b"GET /much HTTP/1.1\r\nHost: x\r\n\r\n")
        made.recv(100)
        deadline = time.monotonic() + 10
        while list(hall):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        made.close()


def test_an_answer_may_take_longer_than_a_request() -> None:
    with served(head=0.1, body=0.1, reading=0.1) as (port, hall):
        made = connect(port, b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(0.5)
        assert len(list(hall)) == 1
        assert b"begun" in made.recv(1000)
        made.close()


def test_half_open_connections_keep_nobody_out() -> None:
    """More of them than the process may have: the oldest give way, and the descriptors come back."""
    with served(of_address=20, in_all=30) as (port, hall):
        streaming = connect(port, b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"200" in streaming.recv(1000)
        half = [connect(port, HALF) for _ in range(150)]
        assert answered(port)
        assert len(list(hall)) <= 20
        assert any(not each.waiting for each in hall)  # the answer that is being read goes on
        assert all(ended(each) for each in half[:100])
        for each in (streaming, *half[100:]):
            each.close()


def test_a_hall_full_of_answers_refuses_the_newest() -> None:
    with served(of_address=3) as (port, _):
        streams = [connect(port, b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n") for _ in range(3)]
        assert all(b"200" in each.recv(1000) for each in streams)
        assert ended(connect(port, b""))
        streams.pop().close()
        deadline = time.monotonic() + 10
        while not _lets_in(port):
            assert time.monotonic() < deadline
        for each in streams:
            each.close()


def _lets_in(port: int) -> bool:
    try:
        return answered(port)
    except ConnectionError:
        return False


def test_the_log_says_once_that_nothing_can_be_accepted(caplog: pytest.LogCaptureFixture) -> None:
    async def fail() -> None:
        loop = asyncio.get_running_loop()
        connections._calm(loop)
        for _ in range(2000):
            loop.call_exception_handler(
                {"message": "socket.accept() out of system resource", "exception": OSError(24, "many")}
            )

    asyncio.run(fail())
    assert len(caplog.records) == 1
    assert "ulimit" in caplog.text
    assert "Traceback" not in caplog.text
