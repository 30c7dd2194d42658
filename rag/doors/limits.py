"""What a server for programs does at most: requests a minute, questions at once, seconds of a request."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TypeVar

import anyio

from rag.errors import Busy
from rag.web.queueing import Turns

T = TypeVar("T")

BODY_SECONDS = 20.0
"""How long a request may take to arrive."""
AT_ONCE = 16
"""How many questions are answered at once."""
OWN = 12
"""How many of them are one client's at most: the others stay free for everybody else."""
WAITING = 64
"""How many more of one client may wait for that; further ones are turned away."""
WAITING_SECONDS = 60.0
"""How long they wait at most."""
SPARE_SECONDS = 120.0
"""How long a reply may take beside the time that the model has: searching, and a client that reads slowly."""
REQUESTS_A_MINUTE = 300
"""How many requests one client, an account or else an address, may send on and on."""
REQUESTS_AT_ONCE = 300
"""How many of them may come at the same time."""
CLIENTS = 10_000
"""How many clients are counted; the one that was silent longest is forgotten first."""


class TooMany(Exception):
    """A client sends too much, or too many questions wait; ``seconds`` later it may be otherwise."""

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message)
        self.seconds = max(1, round(seconds))


class Rate:
    """Count the requests of each client: a bucket of tokens that fills evenly.

    >>> rate = Rate(a_minute=60, at_once=2, clock=iter([0.0, 0.0, 0.0, 1.0]).__next__)
    >>> [rate.wait("a") for _ in range(4)]
    [0.0, 0.0, 1.0, 0.0]
    """

    def __init__(
        self,
        a_minute: float = REQUESTS_A_MINUTE,
        at_once: int = REQUESTS_AT_ONCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._a_second, self._at_once, self._clock = a_minute / 60, at_once, clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, client: str) -> float:
        """Count a request; return how many seconds the client has to wait before it, 0 where it may come in."""
        now = self._clock()
        left, then = self._left.pop(client, (float(self._at_once), now))
        left = min(float(self._at_once), left + (now - then) * self._a_second)
        self._left[client] = (left - 1 if left >= 1 else left, now)
        while len(self._left) > CLIENTS:
            self._left.popitem(last=False)
        return 0.0 if left >= 1 else (1 - left) / self._a_second


class Slots:
    """Let so many questions be answered at once. A slot is free again when its thread has ended.

    One client holds ``own`` of them at most, and of one client ``waiting`` more may wait. Whoever hangs up is not waited
    for, but the work goes on to its next step: until then the slot is taken.
    """

    def __init__(
        self, at_once: int = AT_ONCE, waiting: int = WAITING, seconds: float = WAITING_SECONDS, own: int = OWN
    ) -> None:
        self._turns, self._seconds = Turns(at_once, min(own, at_once), waiting), seconds

    @property
    def taken(self) -> int:
        """Return how many questions are being answered."""
        return self._turns.taken

    async def take(self, client: str) -> Callable[[], None]:
        """Wait for a slot; return what gives it back, from any thread. Raises TooMany."""
        loop = asyncio.get_running_loop()
        try:
            with anyio.fail_after(self._seconds):
                await self._turns.begin(client)
        except (Busy, TimeoutError):
            raise TooMany("Too many questions are waiting; try again later.", self._seconds / 2) from None

        def from_any_thread() -> None:
            with suppress(RuntimeError):  # the server has ended
                loop.call_soon_threadsafe(self._turns.end, client)

        return from_any_thread


def holding(values: Callable[[], Iterator[T]], give_back: Callable[[], None]) -> Iterator[T]:
    """Yield what an iterator yields and give a slot back when it has ended, or was closed."""
    iterator = None
    try:
        iterator = values()
        yield from iterator
    finally:
        close = getattr(iterator, "close", None)
        if close is not None:
            close()
        give_back()
