"""Limits on connections: time for heads, bodies and readers, and how many one address may hold.

``limit(config)`` is all that a uvicorn server needs, before it starts or after.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import h11
from uvicorn import Config
from uvicorn.protocols.http.h11_impl import H11Protocol

from rag.read import MEGABYTE

log = logging.getLogger(__name__)

WANTED_DESCRIPTORS = 8192
"""How many open files the process asks for: a burst is accepted whole before its connections can be counted."""
SPARE_DESCRIPTORS = 200
"""How many of them stay free for files, pipes and connections to models."""
QUIET_SECONDS = 60.0
"""How long accepting may go on failing before the log says so again."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Set the limits of connections. Seconds for a request's head, each megabyte of its body and a slow browser; how many
    at once.
    """

    head: float = 10.0
    body: float = 60.0
    reading: float = 60.0
    of_address: int = 300
    in_all: int = 1000


def limit(config: Config, limits: Limits | None = None) -> None:
    """Hold a uvicorn server to limits. Connections that are open already are not counted."""
    limits = limits or Limits()
    if not config.loaded:
        config.load()
    hall = Hall(limits.of_address, min(limits.in_all, max(1, _descriptors() - SPARE_DESCRIPTORS)))
    config.http_protocol_class = type("Limited", (LimitedProtocol,), {"limits": limits, "hall": hall})
    config.ws_protocol_class = None  # nothing of ours speaks it


class LimitedProtocol(H11Protocol):
    """HTTP/1.1 with a clock for each stage in which the server waits for the client."""

    limits: Limits
    hall: Hall

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.address = self.client[0] if self.client else ""
        self._stage: Any = None
        self._body = 0  # bytes of a body that came, as long as it is not answered: what is refused has no more time
        self._clock: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None
        _calm(self.loop)
        self.hall.enter(self)
        self._look()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        wanted = self.conn.their_state is h11.SEND_BODY and self.conn.our_state is not h11.DONE
        self._body = self._body + len(data) if wanted else 0
        self._look()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        self.hall.leave(self)
        self._stage = h11.CLOSED
        for timer in (self._clock, self._unread):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unread = self.loop.call_later(self.limits.reading, self.drop)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._unread is not None:
            self._unread.cancel()

    @property
    def waiting(self) -> bool:
        """Tell whether the server waits for the client: for a request, or for the rest of one."""
        return self.conn.their_state in (h11.IDLE, h11.SEND_BODY)

    def drop(self) -> None:
        """End the connection at once."""
        self.transport.abort()

    def _look(self) -> None:
        """Start the clock of a stage that has begun."""
        state = self.conn.their_state
        stage = (state, self._body // MEGABYTE)
        if stage == self._stage:
            return
        self._stage = stage
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None
        if self.waiting:
            seconds = self.limits.head if state is h11.IDLE else self.limits.body
            self._clock = self.loop.call_later(seconds, self.drop)


class Hall:
    """Count the open connections by address. A full hall drops the oldest that keeps the server waiting, or refuses the
    new one.
    """

    def __init__(self, of_address: int, in_all: int) -> None:
        self._of_address, self._in_all = of_address, in_all
        self._open: dict[str, dict[LimitedProtocol, None]] = {}
        self._count = 0

    def __iter__(self) -> Iterator[LimitedProtocol]:
        return (each for those in self._open.values() for each in those)

    def enter(self, new: LimitedProtocol) -> None:
        """Let a connection in, or drop it."""
        theirs = self._open.setdefault(new.address, {})
        theirs[new] = None
        self._count += 1
        if len(theirs) > self._of_address:
            self._drop_one(theirs)
        elif self._count > self._in_all:
            self._drop_one(max(self._open.values(), key=len))

    def leave(self, gone: LimitedProtocol) -> None:
        """Forget a connection that has ended."""
        theirs = self._open.get(gone.address, {})
        if gone in theirs:
            del theirs[gone]
            self._count -= 1
            if not theirs:
                del self._open[gone.address]

    def _drop_one(self, theirs: dict[LimitedProtocol, None]) -> None:
        dropped = next((each for each in theirs if each.waiting), next(reversed(theirs)))
        self.leave(dropped)
        dropped.drop()


def _descriptors() -> int:
    """Return how many files the process may open, after asking for more."""
    try:
        import resource
    except ImportError:  # Windows counts otherwise
        return WANTED_DESCRIPTORS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = WANTED_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, WANTED_DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        return most
    return soft if soft != resource.RLIM_INFINITY else WANTED_DESCRIPTORS


def _calm(loop: asyncio.AbstractEventLoop) -> None:
    """Log in one line, now and then, that no connection can be accepted. Asyncio writes thousands of tracebacks."""
    if loop.get_exception_handler() is not None:
        return
    said = -QUIET_SECONDS

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        nonlocal said
        if "accept" not in str(context.get("message")):
            loop.default_exception_handler(context)
        elif time.monotonic() - said >= QUIET_SECONDS:
            said = time.monotonic()
            log.error("no connection can be accepted: too many files are open; raise the limit with: ulimit -n 4096")

    loop.set_exception_handler(handle)
