"""Whose each open page is: another account gets 403, and invented names push out nobody's conversation.

A session is a page's random name for itself (gradio's ``session_hash``). It stands in addresses and bodies, so it may become
known to others: it opens nothing by itself.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qsl

from rag.errors import Busy
from rag.web.language import told
from rag.web.opening import sentence
from rag.web.queueing import Turns
from rag.web.security import FILES, OWNER, App, Receive, Scope, Send, refuse, visitor_of

API = "/gradio_api/"
"""What the paths of gradio's own doors begin with."""
UNUSED = f"{API}call/"
"""A door for programs, who have ``/v1``: its streams take a session's name for that of an event."""
DIRECT = (f"{API}run/", f"{API}api/")
"""Doors that would also let in who names no session: all of them, whatever their accounts, would share one."""
LONGEST_NAME = 64
"""Characters of a session's name; gradio's have eleven."""
VISITORS_AT_ONCE = 1000
CALLS = 12
"""How many calls of one visitor are answered at once: looking at a large folder may take seconds."""
WAITING = 250
"""How many requests of one visitor wait to be passed on before further ones are turned away."""
LONGEST_PAUSE = 1.0
"""Seconds between two of them, at most."""


@dataclass(slots=True)
class _Session:
    owner: str
    visitor: str
    open: int = 0  # connections by which its page says that it is there


class Sessions:
    """Remembers ``most`` sessions. Beyond that the visitor with the most of them loses one, closed pages first.

    ``forget`` drops what the page keeps of a session. For one event loop.
    """

    def __init__(self, most: int, forget: Callable[[str], None] = lambda _: None) -> None:
        self._most = most
        self._forget = forget
        self._sessions: OrderedDict[str, _Session] = OrderedDict()  # the one that was idle longest stands first

    def __contains__(self, session: str) -> bool:
        return session in self._sessions

    def admit(self, session: str, owner: str, visitor: str) -> bool:
        """Note whose session this is, where it is new. Return whether it is this owner's."""
        if len(session) > LONGEST_NAME:
            return False
        found = self._sessions.setdefault(session, _Session(owner, visitor))
        if found.owner != owner:
            return False
        self._sessions.move_to_end(session)
        if len(self._sessions) > self._most:
            self._drop_one(session)
        return True

    def opened(self, session: str, by: int) -> None:
        """Count a connection that a page holds open while it is there; ``by`` is 1 or -1."""
        if found := self._sessions.get(session):
            found.open += by

    def _drop_one(self, newest: str) -> None:
        counts = Counter(each.visitor for each in self._sessions.values())
        most = max(counts.values())
        theirs = [name for name, each in self._sessions.items() if counts[each.visitor] == most and name != newest]
        gone = next((name for name in theirs if not self._sessions[name].open), theirs[0] if theirs else newest)
        del self._sessions[gone]
        self._forget(gone)


class Bound:
    """ASGI middleware: a request that names another account's session is refused with 403.

    Requests that set something going are passed on one by one for each visitor, with a pause as long as each took: a flood
    of them waits here, before gradio's one event loop, which serves in the order in which it was asked. Those that are
    answered at once, which may take long, are passed on ``CALLS`` at a time, and files too: each is held in memory.
    """

    def __init__(self, app: App, sessions: Sessions) -> None:
        self.app = app
        self.sessions = sessions
        self._joins = Turns(VISITORS_AT_ONCE, 1, WAITING)
        self._calls = Turns(VISITORS_AT_ONCE, CALLS, WAITING)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path = scope["path"].rstrip("/")
        headers = scope.get("headers", ())
        form = any(name.lower() == b"content-type" and b"form" in value.lower() for name, value in headers)
        if path.startswith(UNUSED) or (path.startswith(API) and form):  # gradio would read a session's name from a form
            await refuse(403, "The page asks for nothing in this way; programs ask at /v1, see /openapi.json.", send)
            return
        calls = scope["method"] == "POST" and path.startswith(API)  # the doors for programs have turns of their own
        if not calls and path != FILES:
            await self._pass_on(scope, receive, send, b"")
            return
        body, receive = await _read(receive)
        joins = path.endswith("/queue/join")
        try:
            async with (self._joins if joins else self._calls).turn(visitor_of(scope)):
                began = time.monotonic()
                await self._pass_on(scope, receive, send, body)
                if joins:  # what it sets going is still to be done: the more there is of it, the longer this took
                    await asyncio.sleep(min(time.monotonic() - began, LONGEST_PAUSE))
        except Busy as error:
            await refuse(503, told(sentence(error)), send)

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send, body: bytes) -> None:
        named = [*_named_in_address(scope), *_named_in_body(body)]
        owner, visitor = str(scope.get(OWNER, "")), visitor_of(scope)
        nameless = not named and scope["path"].startswith(DIRECT)
        if nameless or not all(self.sessions.admit(each, owner, visitor) for each in named):
            await refuse(403, "This page belongs to somebody else; reload it.", send)
            return
        present = "/heartbeat/" in scope["path"]  # open as long as the page is
        for each in named if present else ():
            self.sessions.opened(each, 1)
        try:
            await self.app(scope, receive, send)
        finally:
            for each in named if present else ():
                self.sessions.opened(each, -1)


def _named_in_address(scope: Scope) -> Iterator[str]:
    for name, value in parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True):
        if name == "session_hash":
            yield value
    parts = scope["path"].split("/") if scope["path"].startswith(API) else ()
    yield from (after for before, after in pairwise(parts) if before in ("heartbeat", "stream") and after)


def _named_in_body(body: bytes) -> Iterator[str]:
    """Parse what gradio will parse. A name can be spelt with escapes, so searching the bytes is not enough."""
    try:
        sent: Any = json.loads(body) if body else None
    except (ValueError, RecursionError):
        return  # gradio cannot read it either
    name = sent.get("session_hash") if isinstance(sent, dict) else None
    if isinstance(name, str):
        yield name


async def _read(receive: Receive) -> tuple[bytes, Receive]:
    """Read a body, which the guard keeps short, and return it with a ``receive`` that gives it again."""
    messages = [await receive()]
    while messages[-1]["type"] == "http.request" and messages[-1].get("more_body"):
        messages.append(await receive())
    body = b"".join(each.get("body", b"") for each in messages)
    again = iter(messages)

    async def replay() -> Any:
        return next(again, None) or await receive()

    return body, replay
