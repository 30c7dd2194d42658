"""Do what blocks from asynchronous code: calls aside, iterators of which only the newest value counts."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from anyio import CapacityLimiter

T = TypeVar("T")

AT_ONCE = 104  # the 64 answers of ``rag.web.talk`` and 40 more
"""How much is done at once in all: stopping, reading and choosing go on however much is being answered."""


async def aside(function: Callable[..., T], *values: Any) -> T:
    """Return what a function that may take its time returns, worked out in one of ``AT_ONCE`` threads.

    asyncio's own are few, six where there are two cores: as many visitors with something slow would hold everybody up.
    """
    from anyio import to_thread

    return await to_thread.run_sync(function, *values, limiter=_limiter())


@lru_cache(maxsize=1)
def _limiter() -> CapacityLimiter:
    from anyio import CapacityLimiter

    return CapacityLimiter(AT_ONCE)


async def newest(start: Callable[[], Iterator[T]], pause: float = 0.08) -> AsyncGenerator[T, None]:
    """Yield what ``start()`` yields, read in a thread. Values that came during ``pause`` seconds give way to the last.

    For iterators whose every value is whole, such as the answers of ``Chatbot.stream``. Whoever stops listening is
    free at once; the iterator is closed in its thread as soon as it next yields. What it raises is raised here.
    """
    loop = asyncio.get_running_loop()
    arrived = asyncio.Event()
    left = threading.Event()
    values: list[T] = []
    errors: list[BaseException] = []
    ended: list[bool] = []

    def read() -> None:
        iterator: Iterator[T] | None = None
        try:
            iterator = start()
            for value in iterator:
                values[:] = [value]
                if left.is_set():
                    break
                _tell(loop, arrived)
        except BaseException as error:
            errors.append(error)
        finally:
            close = getattr(iterator, "close", None)
            if close is not None:
                close()
            ended.append(True)
            _tell(loop, arrived)

    threading.Thread(target=read, name="answering", daemon=True).start()
    try:
        while True:
            await arrived.wait()
            arrived.clear()
            finished = bool(ended)
            while values:
                yield values.pop()
            if errors:
                raise errors[0]
            if finished:
                return
            await asyncio.sleep(pause)
    finally:
        left.set()


async def until(values: AsyncGenerator[T, None], stop: asyncio.Event) -> AsyncGenerator[T, None]:
    """Yield values until they end or ``stop`` is set. ``values`` is then closed without waiting for it."""
    stopping = asyncio.ensure_future(stop.wait())
    coming: asyncio.Future[T] | None = None
    try:
        while True:
            coming = asyncio.ensure_future(anext(values))
            await asyncio.wait((coming, stopping), return_when=asyncio.FIRST_COMPLETED)
            if stopping.done():
                return
            try:
                value = coming.result()
            except StopAsyncIteration:
                return
            yield value
    finally:
        stopping.cancel()
        if coming is not None:
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)
        await values.aclose()


def _tell(loop: asyncio.AbstractEventLoop, arrived: asyncio.Event) -> None:
    with suppress(RuntimeError):  # the server has gone; nobody is listening
        loop.call_soon_threadsafe(arrived.set)
