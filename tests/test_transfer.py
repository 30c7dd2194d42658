"""Files on their way in: whole before they are kept, limited, told in the page's language, and no visitor before another."""

from __future__ import annotations

import asyncio
import json
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asynchronous import run
from rag.errors import RefusedFile
from rag.read import MEGABYTE, unsupported
from rag.web.queueing import Turns
from rag.web.security import OWNER, Guard

uvicorn = pytest.importorskip("uvicorn")
pytest.importorskip("starlette")

from rag.web import transfer  # noqa: E402 - needs starlette
from rag.web.connections import Limits, limit  # noqa: E402

SECONDS = 20
TEXT = b"The lighthouse keeper of Osk retired after forty years."


class Folder:
    """Takes files as the articles' room does, and has them written down."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def add(self, name: str, data: bytes) -> dict[str, Any]:
        if name == "broken.md":
            raise RuntimeError("/home/me key=1")
        if name.endswith(".png"):
            raise RefusedFile(unsupported(".png"))
        self.kept[name] = data
        return {"name": name}


class Server:
    """The route on a real server; a visitor says in a header who it is, as the gate does in its scope."""

    def __init__(self, port: int, folder: Folder) -> None:
        self.port, self.folder = port, folder

    def begin(self, visitor: str, name: str, length: int) -> HTTPConnection:
        """Send a request without its body."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        connection.putrequest("POST", f"/footnote/articles?name={quote(name, errors='surrogatepass')}")
        connection.putheader("x-visitor", visitor)
        connection.putheader("content-length", str(length))
        connection.endheaders()
        return connection

    def send(self, visitor: str, name: str, data: bytes) -> Any:
        with closing(self.begin(visitor, name, len(data))) as connection:
            connection.send(data)
            return json.loads(connection.getresponse().read())


def check(name: str) -> None:
    if name.endswith(".mp4"):
        raise RefusedFile(unsupported(".mp4"))


def served(turns: Turns) -> Iterator[Server]:
    from starlette.applications import Starlette
    from starlette.routing import Route

    folder = Folder()
    app = Starlette(
        routes=[Route("/footnote/articles", transfer.receiver(folder.add, MEGABYTE, turns, check), methods=["POST"])]
    )

    async def named(scope: Any, receive: Any, send: Any) -> None:
        visitor = dict(scope["headers"]).get(b"x-visitor", b"").decode("latin-1")
        await app({**scope, OWNER: visitor}, receive, send)

    config = uvicorn.Config(Guard(named), log_level="warning", lifespan="off")
    limit(config, Limits(body=SECONDS))
    server, listening = uvicorn.Server(config), socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listening])), daemon=True)
    thread.start()
    yield Server(listening.getsockname()[1], folder)
    server.should_exit = server.force_exit = True
    thread.join(timeout=SECONDS)
    listening.close()


@pytest.fixture
def turns() -> Turns:
    return Turns(transfer.AT_ONCE, transfer.OWN, transfer.WAITING)


@pytest.fixture
def server(turns: Turns) -> Iterator[Server]:
    yield from served(turns)


def until(there: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not there():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_who_stalls_many_files_holds_up_nobody_else_and_leaves_nothing(server: Server, turns: Turns) -> None:
    with ExitStack() as stack:
        stalled = [
            stack.enter_context(closing(server.begin("ann", f"{each}.md", 1000))) for each in range(transfer.OWN)
        ]
        for each in stalled:
            each.send(b"x" * 999)
        until(lambda: turns.taken == transfer.OWN)
        more = stack.enter_context(closing(server.begin("ann", "more.md", len(TEXT))))
        more.send(TEXT)
        assert server.send("bob", "storm.md", TEXT) == {"name": "storm.md"}
        assert server.folder.kept == {"storm.md": TEXT}
        stalled[0].close()  # broken off: its place is the next one's
        assert json.loads(more.getresponse().read()) == {"name": "more.md"}
        stalled[1].send(b"x")
        assert json.loads(stalled[1].getresponse().read()) == {"name": "1.md"}
        assert sorted(server.folder.kept) == ["1.md", "more.md", "storm.md"]
    until(lambda: turns.taken == 0)


def test_who_waits_too_long_is_told(server: Server, turns: Turns, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "WAITING_SECONDS", 0.05)
    with ExitStack() as stack:
        for each in range(transfer.OWN):
            stack.enter_context(closing(server.begin("ann", f"{each}.md", 1000)))
        until(lambda: turns.taken == transfer.OWN)
        assert "in a moment" in server.send("ann", "more.md", TEXT)["refused"]


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("photo.png", TEXT, "Unsupported format .png"),
        ("broken.md", TEXT, "Something unexpected went wrong (RuntimeError)"),
        ("large.md", b"x" * (MEGABYTE + 1), "Larger than 1 MB; split it or raise RAG_MAX_FILE_MEGABYTES"),
    ],
)
def test_a_refusal_is_told_in_words_without_a_path(server: Server, name: str, data: bytes, reason: str) -> None:
    answer = server.send("ann", name, data)
    assert answer["refused"].startswith(reason)
    assert "home" not in answer["refused"]
    assert server.folder.kept == {}


def test_of_a_file_that_cannot_come_in_nothing_is_read(server: Server) -> None:
    with closing(server.begin("ann", "film.mp4", MEGABYTE)) as connection:  # whose body is never sent
        assert json.loads(connection.getresponse().read())["refused"].startswith("Unsupported format .mp4")


def test_it_is_told_in_the_language_of_the_page(server: Server) -> None:
    with closing(HTTPConnection("127.0.0.1", server.port, timeout=SECONDS)) as connection:
        connection.request("POST", "/footnote/articles?name=photo.png", TEXT, {"accept-language": "ru"})
        assert json.loads(connection.getresponse().read())["refused"].startswith("Формат .png не читается")


@pytest.mark.parametrize("name", ["", "../../etc/storm.md", "Отчёт & 100 %+?.md", "half\ud800.md", "a" * 3000 + ".md"])
def test_a_name_arrives_as_it_was_sent(server: Server, name: str) -> None:
    assert server.send("ann", name, TEXT) == {"name": name.encode("utf-8", "replace").decode()} or "\ud800" in name
    assert list(server.folder.kept.values()) == [TEXT]


class Parts:
    """A request's body in parts, without a length."""

    def __init__(self, parts: list[bytes]) -> None:
        self.parts, self.headers = parts, dict[str, str]()

    async def stream(self) -> Any:
        for each in self.parts:
            yield each


@given(st.lists(st.binary(max_size=60), max_size=8), st.integers(0, 200))
@settings(max_examples=60, deadline=None)
def test_a_body_is_its_parts_or_too_large(parts: list[bytes], largest: int) -> None:
    whole = b"".join(parts)
    if len(whole) <= largest:
        assert run(transfer._read(Parts(parts), largest)) == whole  # type: ignore[arg-type]
    else:
        with pytest.raises(RefusedFile, match="larger than"):
            run(transfer._read(Parts(parts), largest))  # type: ignore[arg-type]


def test_a_disk_that_is_full_is_told(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device", "/a/path")

    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "write", full)
    told = server.send("ann", "storm.md", TEXT)["refused"]
    assert "cannot be written (no space left on device)" in told
    assert "/a/path" not in told
