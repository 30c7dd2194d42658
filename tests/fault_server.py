"""A server on loopback that fails in every way a chat model's server can: raw sockets, one thread a connection.

    with FaultServer(answer(429, headers={"Retry-After": "2"}), stream(text("Hello."), DONE)) as server: ...

The n-th request gets the n-th reply, the last reply again and again.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from site_double import Loopback


@dataclass
class Request:
    """What a client sent, and when its connection was seen to be gone."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    gone: threading.Event = field(default_factory=threading.Event)
    gone_at: float = 0.0


class Connection:
    """The server's side of one connection."""

    def __init__(self, peer: socket.socket, request: Request, stopping: threading.Event) -> None:
        self._peer = peer
        self._request = request
        self._stopping = stopping

    def send(self, data: bytes) -> None:
        self._peer.sendall(data)

    def head(self, status: int, headers: dict[str, str]) -> None:
        lines = [f"HTTP/1.1 {status} Status", *(f"{name}: {value}" for name, value in headers.items())]
        self.send("\r\n".join([*lines, "Connection: close", "", ""]).encode())

    def pause(self, seconds: float) -> bool:
        """Wait; false where the client has gone or the server is stopping."""
        until = time.monotonic() + seconds
        self._peer.settimeout(0.02)
        while time.monotonic() < until and not self._stopping.is_set():
            try:
                if not self._peer.recv(1):
                    return self.has_gone()
            except TimeoutError:
                continue
            except OSError:
                return self.has_gone()
        self._peer.settimeout(None)
        return not self._stopping.is_set()

    def reset(self) -> None:
        """Close with a reset instead of an end."""
        self._peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._peer.close()

    def has_gone(self) -> bool:
        """Take down that the client has gone."""
        self._request.gone_at = time.monotonic()
        self._request.gone.set()
        return False


Reply = Callable[[Connection], None]


class FaultServer(Loopback):
    """See the module."""

    def __init__(self, *replies: Reply) -> None:
        super().__init__(self._reply)
        self._replies = replies
        self._lock = threading.Lock()
        self.requests: list[Request] = []
        self.arrived = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def _reply(self, peer: socket.socket) -> None:
        with peer:
            try:
                request = _read(peer)
                if request is None:
                    return
                with self._lock:
                    self.requests.append(request)
                    reply = self._replies[min(len(self.requests), len(self._replies)) - 1]
                self.arrived.set()
                connection = Connection(peer, request, self.stopping)
            except OSError:
                return
            try:
                reply(connection)
            except OSError:
                connection.has_gone()


def _read(peer: socket.socket) -> Request | None:
    peer.settimeout(5)
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = peer.recv(65536)
        if not chunk:
            return None
        data += chunk
        if data.startswith(b"\x16"):  # somebody tries TLS
            peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            return None
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", "0")):
        chunk = peer.recv(65536)
        if not chunk:  # it hung up in the middle
            return None
        body += chunk
    return Request(first.split(" ")[1], headers, json.loads(body))


# What replies are made of.

SSE = {"Content-Type": "text/event-stream"}
DONE = b"data: [DONE]\n\n"


def event(fields: object) -> bytes:
    """An event as OpenAI sends it."""
    return f"data: {json.dumps(fields, ensure_ascii=False)}\n\n".encode()


def chunk(delta: object = None, finish: str | None = None, **more: Any) -> bytes:
    """A chunk of a streamed completion."""
    choice = {"index": 0, "delta": delta if delta is not None else {}, "finish_reason": finish}
    return event({"object": "chat.completion.chunk", "choices": [choice], **more})


def text(*pieces: str) -> bytes:
    """Chunks with text."""
    return b"".join(chunk({"content": piece}) for piece in pieces)


STOP = chunk(finish="stop")


def usage(prompt_tokens: int) -> bytes:
    """The chunk that ``include_usage`` asks for."""
    return event({"choices": [], "usage": {"prompt_tokens": prompt_tokens, "completion_tokens": 3, "total_tokens": 0}})


def answer(status: int, body: object = "", headers: dict[str, str] | None = None) -> Reply:
    """A reply in one piece: JSON, or text as it is."""
    data = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()

    def reply(connection: Connection) -> None:
        kind = "text/plain" if isinstance(body, (str, bytes)) else "application/json"
        connection.head(status, {"Content-Type": kind, "Content-Length": str(len(data)), **(headers or {})})
        connection.send(data)

    return reply


def error(status: int, message: str, headers: dict[str, str] | None = None, **more: Any) -> Reply:
    """A refusal as OpenAI words it."""
    return answer(status, {"error": {"message": message, **more}}, headers)


def stream(*parts: bytes | float, end: str = "close", headers: dict[str, str] | None = None) -> Reply:
    """Events, with pauses (numbers, in seconds) between them; ``end`` is close, reset or hang."""

    def reply(connection: Connection) -> None:
        connection.head(200, SSE if headers is None else headers)
        for part in parts:
            if isinstance(part, bytes):
                connection.send(part)
            elif not connection.pause(part):
                return
        if end == "hang":
            connection.pause(30)
        if end == "reset":
            connection.pause(0.1)  # a reset overtakes what is still on its way
            connection.reset()

    return reply


def repeat(part: bytes, every: float = 0.0, begin: bytes = b"") -> Reply:
    """The same bytes for ever."""

    def reply(connection: Connection) -> None:
        connection.head(200, SSE)
        connection.send(begin)
        while connection.pause(every):
            connection.send(part)

    return reply


def hang(connection: Connection) -> None:
    """Never a word."""
    connection.pause(30)


def close(connection: Connection) -> None:
    """Hang up without a word."""
