"""A web site on loopback, in a thread: what each path answers is given, what was asked is kept."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import Any

from typing_extensions import Self

Answer = bytes | Callable[[socket.socket], object]
"""The whole answer with its head, or a function that writes it."""


def page(body: str | bytes, kind: str = "text/html; charset=utf-8", status: str = "200 OK", **headers: str) -> bytes:
    """An answer; names of headers have ``_`` for ``-``, and none is sent where its value is empty."""
    data = body.encode() if isinstance(body, str) else body
    fields = {"Content-Type": kind, "Content-Length": str(len(data)), **headers}
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in fields.items() if value]
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode() + data


def leads(to: str, status: str = "302 Found") -> bytes:
    return page("", status=status, Location=to)


class Loopback:
    """A server of threads; use as a context. ``serve`` is called with each connection."""

    def __init__(self, serve: Callable[[socket.socket], object]) -> None:
        self.stopping = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self._listener.getsockname()[1]
        self._serve = serve
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stopping.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join()
        self._listener.close()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            self._threads.append(threading.Thread(target=self._serve, args=(peer,)))
            self._threads[-1].start()


class Site(Loopback):
    """Use as a context; ``url`` is its address without a path."""

    def __init__(self, pages: dict[str, Answer] | None = None) -> None:
        super().__init__(self._answer)
        self.pages: dict[str, Answer] = pages or {}
        self.asked: list[str] = []
        self.url = f"http://127.0.0.1:{self.port}"

    def _answer(self, peer: socket.socket) -> None:
        with peer:
            peer.settimeout(5)
            try:
                head = b""
                while b"\r\n\r\n" not in head:
                    piece = peer.recv(65536)
                    head += piece
                    if not piece or head.startswith(b"\x16"):  # gone, or it wants TLS
                        return
                self.asked.append(head.decode())
                answer: Any = self.pages.get(head.split()[1].decode(), page("gone", status="404 Not Found"))
                peer.sendall(answer) if isinstance(answer, bytes) else answer(peer)
            except OSError:
                return
