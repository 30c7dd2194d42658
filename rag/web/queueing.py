"""Turns in rotation: visitors who ask for much wait for their own, not others for them."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from rag.errors import Busy


class Turns:
    """Shares turns among visitors: ``at_once`` in all, ``own`` for each; for one event loop.

    Free turns go round by visitor. Of one visitor at most ``waiting`` wait: beyond that the newest is refused with Busy, or,
    with ``newest_first``, the oldest, and the newest is served first, so that a flood drowns in itself.
    """

    def __init__(self, at_once: int, own: int, waiting: int, newest_first: bool = False) -> None:
        self._at_once, self._own, self._most, self._newest_first = at_once, own, waiting, newest_first
        self._running: Counter[str] = Counter()
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}  # the visitor whose turn is next stands first

    @asynccontextmanager
    async def turn(self, visitor: str) -> AsyncIterator[None]:
        """Wait for a turn and hold it; raises Busy."""
        await self.begin(visitor)
        try:
            yield
        finally:
            self.end(visitor)

    async def begin(self, visitor: str) -> None:
        """Wait for a turn, which ``end`` gives back; raises Busy."""
        if self._may_run(visitor) and visitor not in self._waiting:
            self._running[visitor] += 1
        else:
            await self._wait(visitor)

    def _may_run(self, visitor: str) -> bool:
        return self._running.total() < self._at_once and self._running[visitor] < self._own

    async def _wait(self, visitor: str) -> None:
        queue = self._waiting.setdefault(visitor, deque())
        if len(queue) >= self._most:
            if not self._newest_first:
                raise _busy()
            queue.popleft().set_exception(_busy())
        place = asyncio.get_running_loop().create_future()
        queue.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled() and place.exception() is None:
                self.end(visitor)  # the turn came in the same moment
            elif place in queue:
                queue.remove(place)
                if not queue:
                    del self._waiting[visitor]
            raise

    @property
    def taken(self) -> int:
        """Return how many turns are held."""
        return self._running.total()

    def end(self, visitor: str) -> None:
        """Give a turn back, and pass it on."""
        self._running[visitor] -= 1
        self._running += Counter()  # drops who has none
        while next_one := next((each for each in self._waiting if self._may_run(each)), None):
            queue = self._waiting.pop(next_one)
            while queue:
                place = queue.pop() if self._newest_first else queue.popleft()
                if not place.done():
                    place.set_result(None)
                    self._running[next_one] += 1
                    break
            if queue:
                self._waiting[next_one] = queue


def _busy() -> Busy:
    return Busy("too much of yours is waiting here already; try again in a moment")
