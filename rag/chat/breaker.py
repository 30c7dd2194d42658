"""Break the circuit to a server that is down. Nobody in this process asks it again and again."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable

from rag.errors import EndpointUnreachable

FAILURES = 5
"""How many failures open the circuit, where they lie within ``SECONDS``."""

SECONDS = 30.0
"""How long failures count, and how long the circuit stays open."""


class CircuitBreaker:
    """Counts failures of one server. While the circuit is open, every request fails at once. For any thread.

    >>> breaker = CircuitBreaker("localhost:8000", clock=lambda: 0.0)
    >>> for _ in range(FAILURES): breaker.failed()
    >>> breaker.check()
    Traceback (most recent call last):
    rag.errors.EndpointUnreachable: localhost:8000 failed 5 times in 30 seconds and is left alone for another 30 seconds; \
ask again then, or set RAG_MODEL to another model
    """

    def __init__(self, where: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._where = where
        self._clock = clock
        self._lock = threading.Lock()
        self._failures: deque[float] = deque(maxlen=FAILURES)
        self._open_until = -math.inf

    def check(self) -> None:
        """Raise EndpointUnreachable while the circuit is open."""
        with self._lock:
            left = self._open_until - self._clock()
        if left > 0:
            raise EndpointUnreachable(
                "{where} failed {times} times in {span} seconds and is left alone for another {left} seconds; "
                "ask again then, or set RAG_MODEL to another model",
                where=self._where,
                times=FAILURES,
                span=f"{SECONDS:g}",
                left=math.ceil(left),
            )

    def failed(self) -> None:
        """Nobody answered, nobody in time, or the server is in trouble."""
        with self._lock:
            now = self._clock()
            self._failures.append(now)
            if len(self._failures) == FAILURES and now - self._failures[0] <= SECONDS:
                self._open_until = now + SECONDS
                self._failures.clear()

    def worked(self) -> None:
        """Return the server answered as it should."""
        with self._lock:
            self._failures.clear()


_breakers: dict[str, CircuitBreaker] = {}
_breakers_lock = threading.Lock()


def breaker_for(base_url: str, where: str) -> CircuitBreaker:
    """Return the one circuit breaker of a server in this process."""
    with _breakers_lock:
        return _breakers.setdefault(base_url, CircuitBreaker(where))
