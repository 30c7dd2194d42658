"""The guard in front of the page: answers only to its own name and its own pages, and lets no page call outside.

A local server is reachable from every website its user visits: by a form that posts to it, or by a name that is made to
resolve to it (DNS rebinding). The guard closes both, and its Content-Security-Policy keeps whatever a text could smuggle
into the page from loading anything.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from ipaddress import ip_address
from typing import Any

from rag.errors import SettingsError

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
"""The names under which a machine reaches itself."""
MAX_BODY = 1_000_000
"""Bytes; the page sends questions of 2,000 characters and nothing else."""

# gradio builds its components' scripts with `new Function`, and its page starts with inline scripts.
POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "media-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-src 'none'",
        "frame-ancestors 'none'",
    )
)

HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)

_UNUSED = ("/gradio_api/upload",)  # the page takes no files; until it does, nobody may leave one here


def check_host(host: str) -> str:
    """The address to listen on; one that other machines reach is refused, for there is no login yet.

    >>> check_host("127.0.0.1")
    '127.0.0.1'
    >>> check_host("0.0.0.0")
    Traceback (most recent call last):
    rag.errors.SettingsError: anyone in the network could read your articles at 0.0.0.0; set RAG_HOST to 127.0.0.1
    """
    try:
        local = host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        local = False
    if not local:
        raise SettingsError(f"anyone in the network could read your articles at {host}; set RAG_HOST to 127.0.0.1")
    return host


class Guard:
    """ASGI middleware: a foreign ``Host`` gets 400, a foreign page's request that could change something 403.

    Requests without an ``Origin`` come from programs, not from pages, and pass. Every answer carries ``HEADERS``.
    """

    def __init__(self, app: App, hosts: Iterable[str] = LOOPBACK) -> None:
        self.app = app
        self.hosts = frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._refusal(scope) if scope["type"] in ("http", "websocket") else None
        if refusal is None:
            await self.app(scope, receive, _hardened(send))
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await _refuse(*refusal, _hardened(send))

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        host = headers.get(b"host", "").lower()
        if _name(host) not in self.hosts:
            return 400, "This page answers to its own address only; open the address that the terminal shows."
        if scope["type"] == "http" and scope["method"] in ("GET", "HEAD", "OPTIONS"):
            return None
        origin = headers.get(b"origin")
        foreign = origin is not None and origin.lower() not in (f"http://{host}", f"https://{host}")
        if foreign or headers.get(b"sec-fetch-site") == "cross-site" or scope["path"].startswith(_UNUSED):
            return 403, "This request does not come from the page itself."
        length = headers.get(b"content-length", "")
        if b"transfer-encoding" in headers or (length.isdigit() and int(length) > MAX_BODY):
            return 413, "This is more than a question."
        return None


def _name(host: str) -> str:
    """The host without its port: ``127.0.0.1:7860`` -> ``127.0.0.1``, ``[::1]:7860`` -> ``[::1]``."""
    return host[: host.find("]") + 1] if host.startswith("[") else host.partition(":")[0]


async def _refuse(status: int, text: str, send: Send) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode()})


def _hardened(send: Send) -> Send:
    async def hardened(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            ours = {name for name, _ in HEADERS}
            kept = [(name, value) for name, value in message.get("headers", ()) if name.lower() not in ours]
            message = {**message, "headers": [*kept, *HEADERS]}
        await send(message)

    return hardened
