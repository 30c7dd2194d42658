"""Guard the page. It answers only to its own names and pages, and lets no page call outside.

A local server is reachable from every website its user visits: by a form that posts to it, or by a name that is made to
resolve to it (DNS rebinding). The guard closes both, and its Content-Security-Policy keeps whatever a text could smuggle
into the page from loading anything. Where there is a login, the gate behind it lets nobody else further than to that.
"""

from __future__ import annotations

import json
import logging
import re
import socket
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from contextvars import ContextVar
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from rag.errors import Busy, SettingsError
from rag.settings import Settings
from rag.web.accounts import Accounts, PasswordHash
from rag.web.language import chosen_language, told
from rag.web.opening import sentence

log = logging.getLogger(__name__)
_asked: ContextVar[tuple[str, str]] = ContextVar("asked", default=("", "en"))
"""Address and language of the request that gradio asks about."""

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
"""The names under which a machine reaches itself."""
MAX_BODY = 1_000_000
"""Bytes of a request that brings no file; the page sends questions of 2,000 characters."""

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

FILES = "/footnote/file"
"""Where the articles' own files are served."""
ARTICLES, ADDRESSES, DRAFT = "/footnote/articles", "/footnote/addresses", "/footnote/draft"
"""Where files for the folder, addresses of some, and drafts come in, see ``rag.web.transfer``, which limits their size."""
_SANDBOX = b"default-src 'none'; frame-ancestors 'none'; sandbox"
_VIEWER = b"default-src 'none'; object-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'none'"
"""For a PDF: browsers do not let their own viewer into a sandbox; without sources nothing in the file can load or run."""

OWNER = "footnote.owner"
"""Where a request's scope names its account, as conversations are kept under it; absent without a login."""

_FOR_GOOD = ((b"cache-control", b"max-age=31536000, immutable"),)
"""A year, for gradio's own files: their names hold a hash of what is in them."""
_UNUSED = ("/gradio_api/upload",)  # files come in by the page's own addresses


_OPEN = (
    "/login",
    "/logout",
    "/assets/",
    "/static/",
    "/svelte/",
    "/footnote/fonts/",
    "/theme.css",
    "/favicon.ico",
    "/manifest.json",
    "/gradio_api/startup-events",
)
_HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?|\[[0-9a-f:.]+\]")
_PATH = re.compile(r"(/[\w.~-]+)*")


def check_host(host: str, accounts: str = "") -> str:
    """Return the address to listen on. One that other machines reach is refused unless accounts make them log in.

    >>> check_host("127.0.0.1")
    '127.0.0.1'
    >>> check_host("0.0.0.0", accounts="accounts.txt")
    '0.0.0.0'
    >>> check_host("0.0.0.0")
    Traceback (most recent call last):
    rag.errors.SettingsError: anyone in the network could read your articles at 0.0.0.0; add a login with --auth FILE (rag \
account add NAME --auth FILE makes one), or set RAG_HOST to 127.0.0.1
    """
    if not (is_loopback(host) or (accounts and host)):
        raise SettingsError(
            "anyone in the network could read your articles at {host}; add a login with --auth FILE (rag "
            "account add NAME --auth FILE makes one), or set RAG_HOST to 127.0.0.1",
            host=host,
        )
    return host


def is_loopback(host: str) -> bool:
    """Tell whether no other machine can reach this address."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def visitor_of(scope: Scope) -> str:
    """Return whose requests count together: an account's, or without a login those of an address."""
    client = scope.get("client")
    return str(scope.get(OWNER) or (client[0] if client else ""))


@dataclass(frozen=True, slots=True)
class Address:
    """Under which names the page is reached. Others are refused, for they are what DNS rebinding looks like.

    ``hosts`` are its own names, lower case and without port; ``proxies`` those of a proxy in front of it, which may say with
    ``X-Forwarded-Host`` that it was asked for one of them; ``any_number`` lets it be reached by every IP address: a name can
    be made to lead here by whoever owns it, a number cannot. ``path`` is where a proxy shows the page, ``origin`` the
    proxy's scheme and name where they are given.
    """

    hosts: frozenset[str] = frozenset(LOOPBACK)
    proxies: frozenset[str] = frozenset()
    any_number: bool = False
    path: str = ""
    origin: str = ""

    @classmethod
    def of(cls, settings: Settings) -> Address:
        """Return the address that the settings describe; raises SettingsError.

        >>> address = Address.of(Settings(host="127.0.0.1", root_path="https://desk.example/news"))
        >>> sorted(address.hosts | address.proxies), address.path, address.origin
        (['127.0.0.1', '[::1]', 'desk.example', 'localhost'], '/news', 'https://desk.example')
        """
        proxies = {each.strip().lower() for each in settings.allowed_hosts.split(",") if each.strip()}
        if not all(map(_HOST.fullmatch, proxies)):
            raise SettingsError(
                "a name to allow is a host's name such as desk.example, without http:// and port; "
                "see --allow-host or RAG_ALLOWED_HOSTS"
            )
        path, origin = _checked_root(settings.root_path)
        if origin:
            proxies.add(_name(origin.partition("://")[2]))
        everywhere = settings.host in ("0.0.0.0", "::")  # noqa: S104 - it is compared with what the user wants
        name = socket.gethostname().lower()
        short = name.partition(".")[0]
        machine = {each for each in (name, short, f"{short}.local") if _HOST.fullmatch(each)}
        own = machine if everywhere else {f"[{settings.host}]" if ":" in settings.host else settings.host.lower()}
        return cls(frozenset(LOOPBACK) | own, frozenset(proxies), everywhere, path, origin)

    @property
    def root(self) -> str:
        """Return what gradio is to know of it: the path, or the whole address where that is given."""
        return f"{self.origin}{self.path}"

    def knows(self, host: str) -> bool:
        """Tell whether a ``Host`` header names this page."""
        name = _name(host.lower())
        return name in self.hosts or name in self.proxies or (self.any_number and _is_number(name))

    def is_own(self, origin: str, host: str) -> bool:
        """Tell whether a page of that ``Origin`` is this one, asked for under ``host``."""
        scheme, _, name = origin.lower().partition("://")
        return scheme in ("http", "https") and (name == host or name in self.proxies or origin.lower() == self.origin)


def _checked_root(text: str) -> tuple[str, str]:
    """Return the path and the origin of a root path."""
    parts = urlsplit(text.strip().rstrip("/"))
    origin = f"{parts.scheme}://{parts.netloc}".lower() if parts.scheme or parts.netloc else ""
    named = not origin or (parts.scheme in ("http", "https") and _HOST.fullmatch(_name(parts.netloc.lower())))
    if not named or not _PATH.fullmatch(parts.path) or parts.query or parts.fragment:
        raise SettingsError(
            "the root path is a path such as /news or an address such as https://desk.example/news; set RAG_ROOT_PATH to one"
        )
    return parts.path, origin


def _is_number(name: str) -> bool:
    try:
        ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


class Guard:
    """ASGI middleware: a foreign ``Host`` gets 400, a foreign page's request 403. Every answer carries ``HEADERS``.

    Requests without an ``Origin`` come from programs, from links and from the page's own reading, and pass unless they could
    change something. What a proxy adds is believed only where one was announced. Cookies go back to this page alone.
    """

    def __init__(self, app: App, address: Address | None = None) -> None:
        self.app = app
        self.address = address or Address()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        bare = bool(self.address.path) and scope["path"] == self.address.path and scope.get("method") == "GET"
        scope = {**scope, "path": self._inside(scope["path"]), "headers": self._believed(scope["headers"])}
        refusal = self._refusal(scope)
        if refusal is None and bare:  # what the page asks for is named from its own folder on
            query = scope.get("query_string", b"")
            place = self.address.path.encode() + b"/" + (b"?" + query if query else b"")
            await send({"type": "http.response.start", "status": 307, "headers": [(b"location", place), *HEADERS]})
            await send({"type": "http.response.body", "body": b""})
        elif refusal is None:
            await self.app(scope, receive, self._hardened(send, scope))
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await refuse(*refusal, self._hardened(send, scope))

    def _inside(self, path: str) -> str:
        """Return a request's path inside the page, also where a proxy has not taken its own part away.

        However often that part stands there: the router would take away another one, and find what was not looked at here.
        """
        own = self.address.path
        while own and (path == own or path.startswith(f"{own}/")):
            path = path[len(own) :] or "/"
        return path

    def _believed(self, headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """Drop headers that only a proxy may send. Gradio writes its address from them into the page."""
        never = {b"x-gradio-server"}
        if not (self.address.proxies or self.address.path):
            never |= {b"x-forwarded-proto", b"x-forwarded-for"}
        return [
            (name, value)
            for name, value in headers
            if name.lower() not in never
            and (name.lower() != b"x-forwarded-host" or _name(_first(value.decode("latin-1"))) in self.address.proxies)
        ]

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        host = headers.get(b"host", "").lower()
        if not self.address.knows(host):
            return 400, "This page answers to its own address only; open the address that the terminal shows."
        asked = _first(headers.get(b"x-forwarded-host", host))
        origin = headers.get(b"origin")
        if origin is not None and not (self.address.is_own(origin, host) or self.address.is_own(origin, asked)):
            return 403, "This request does not come from the page itself."
        path = scope["path"]
        reading = scope["type"] == "http" and scope["method"] in ("GET", "HEAD", "OPTIONS") and path != "/logout"
        if reading:
            return None
        if headers.get(b"sec-fetch-site") == "cross-site" or path.startswith(_UNUSED):
            return 403, "This request does not come from the page itself."
        length = headers.get(b"content-length", "")
        long = length.isdigit() and int(length) > MAX_BODY and path not in (ARTICLES, DRAFT)
        if b"transfer-encoding" in headers or long:
            return 413, "This is more than a question."
        return None

    def _hardened(self, send: Send, scope: Scope) -> Send:
        forwarded = dict(scope["headers"]).get(b"x-forwarded-proto", b"")
        encrypted = b"https" in (scope.get("scheme", "").encode(), forwarded) or self.address.origin.startswith("https")

        async def hardened(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                own = [
                    (name, self._kept_home(value, encrypted) if name.lower() == b"set-cookie" else value)
                    for name, value in message.get("headers", ())
                    if name.lower() not in dict(HEADERS)
                ]
                message = {**message, "headers": [*own, *_headers(scope["path"], message["status"], own)]}
            await send(message)

        return hardened

    def _kept_home(self, cookie: bytes, encrypted: bool) -> bytes:
        """Return a cookie that no script reads and no other page sends."""
        first, *rest = [part.strip() for part in cookie.split(b";")]
        kept = [part for part in rest if part.partition(b"=")[0].lower() in (b"expires", b"max-age", b"secure")]
        kept += [b"Path=" + (self.address.path or "/").encode(), b"HttpOnly", b"SameSite=Lax"]
        if encrypted and b"secure" not in (part.lower() for part in kept):
            kept.append(b"Secure")
        return b"; ".join((first, *kept))


class Gate:
    """Gate the page as ASGI middleware. Without a login only the login page answers, all else is 401.

    Behind gradio's own checks, which leave some of its doors open. An account that was removed, or has a new password, is
    logged out.
    """

    def __init__(self, app: App, accounts: Accounts) -> None:
        self.app = app
        self.accounts = accounts
        self._passwords: dict[str, PasswordHash] = {}  # by gradio's token, as they were when it was first seen

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        user, path = self._user(scope), scope["path"]
        if user or (scope["type"] == "http" and (path == "/" or path.startswith(_OPEN))):
            client = scope.get("client")
            _asked.set((str(client[0]) if client else "", language_of(scope)))
            await self.app({**scope, OWNER: self.accounts.owner(user) if user else ""}, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await refuse(401, "Log in first; reload the page.", send)

    def _user(self, scope: Scope) -> str | None:
        """Return whose session it is. Gradio keeps them by a random token, which the browser has as a cookie."""
        from starlette.requests import HTTPConnection

        app, cookies = scope["app"], HTTPConnection(scope).cookies
        for name in (f"access-token-{app.cookie_id}", f"access-token-unsecure-{app.cookie_id}"):
            token = cookies.get(name, "")
            user: str | None = app.tokens.get(token)
            if user is not None and self._still_fits(user, token, app.tokens):
                return user
        return None

    def _still_fits(self, user: str, token: str, tokens: MutableMapping[str, str]) -> bool:
        password = self.accounts.of(user)
        if token not in self._passwords and password is not None:
            self._passwords = {each: known for each, known in self._passwords.items() if each in tokens}
            self._passwords[token] = password
        if password is not None and self._passwords[token] == password:
            return True
        tokens.pop(token, None)
        return False


async def log_in(accounts: Accounts, name: str, password: str) -> bool:
    """Tell gradio whether name and password fit. A login that has to wait too long gets 503, not "wrong"."""
    from starlette.exceptions import HTTPException

    address, language = _asked.get()
    try:
        return await accounts.login(name, password, address)
    except Busy as error:
        raise HTTPException(503, told(sentence(error), language)) from None


class Calm:
    """ASGI: an error that nobody caught is one line in the log, and for the browser a 500."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = False

        async def note(message: MutableMapping[str, Any]) -> None:
            nonlocal began
            began = True
            await send(message)

        try:
            await self.app(scope, receive, note)
        except Exception as error:  # whatever it was: no words of it, for paths and texts may stand in them
            log.error("a request failed: %s", type(error).__name__)
            log.debug("a request failed", exc_info=True)
            if not began and scope["type"] == "http":
                await refuse(500, "Something unexpected went wrong; reload the page.", send)


def language_of(scope: Scope) -> str:
    """Return the language that a request's browser asks for."""
    from starlette.requests import HTTPConnection

    connection = HTTPConnection(scope)
    return chosen_language(connection.cookies, connection.headers.get("accept-language", ""))


def _headers(path: str, status: int, own: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return the headers that an answer gets: those of the page, or stricter ones for an article's file."""
    if path != FILES:
        fixed = path.startswith("/assets/") and status == 200 and not set(_FOR_GOOD) <= set(own)
        return [*HEADERS, *(_FOR_GOOD if fixed else ())]
    policy = _VIEWER if (b"content-type", b"application/pdf") in own else _SANDBOX
    kept = [(name, policy if name == b"content-security-policy" else value) for name, value in HEADERS]
    return [*kept, (b"cache-control", b"private, no-store")]


def _name(host: str) -> str:
    """Return the host without its port: ``127.0.0.1:7860`` -> ``127.0.0.1``, ``[::1]:7860`` -> ``[::1]``."""
    return host[: host.find("]") + 1] if host.startswith("[") else host.partition(":")[0]


def _first(hosts: str) -> str:
    """Return the first of the names in an ``X-Forwarded-Host`` header."""
    return hosts.partition(",")[0].strip().lower()


async def refuse(status: int, text: str, send: Send) -> None:
    """Say no in the forms in which gradio's client reads a reason and OpenAI's an error."""
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    error = {"message": text, "type": "invalid_request_error", "param": None, "code": None}
    await send({"type": "http.response.body", "body": json.dumps({"detail": text, "error": error}).encode()})
