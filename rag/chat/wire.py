"""Guard one request's connection. What is sent, how much may come back, and how it is cut from another thread.

Imports httpx2, which takes a while; import this module where a connection is opened.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import urllib.request
from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, cast

import httpx2

from rag.chat.dialects import VERSION
from rag.chat.keys import Key
from rag.errors import ChatError, EndpointRefused

if TYPE_CHECKING:
    from rag.chat.service import Address

CONNECT_SECONDS = 5.0
"""How long a connection may take to be made."""

LARGEST_REPLY = 8_000_000
"""Bytes of one reply: 64,000 characters of text in events of a few letters each come to less."""

LARGEST_REFUSAL = 64_000
"""Bytes that are read of an error page."""


class Wire(httpx2.BaseTransport):
    """Carries one request to one server.

    The key and the address's query join the request here, as late as can be, so that neither ever lies in an error of the
    client's or in a log of addresses. The client's own headers are not sent.
    """

    def __init__(
        self, transport: httpx2.BaseTransport, key: Key | None, query: str = "", *, azure: bool = False
    ) -> None:
        self._transport = transport
        self._key = key
        self._azure = azure  # whose older addresses want the key in a header of their own
        self._query = query.encode()
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._is_cut = False

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        if self._is_cut:
            raise httpx2.ConnectError("stopped")
        response = self._transport.handle_request(
            httpx2.Request(
                request.method,
                request.url.copy_with(query=self._query or None),
                headers={
                    "Accept": "text/event-stream, application/json",
                    "Accept-Encoding": "identity",
                    "Content-Type": "application/json",
                    "User-Agent": "footnote-rag",
                    **({VERSION: request.headers[VERSION]} if VERSION in request.headers else {}),
                    **self._authorization(),
                },
                content=request.read(),
                extensions={**request.extensions, "trace": self._trace},
            )
        )
        # A compressed body could grow a thousandfold, so none is opened: what little an error page tells is lost.
        refusal = response.status_code >= 300
        encoding = response.headers.pop("content-encoding", "identity")
        if encoding.strip().lower() != "identity" and not refusal:
            response.close()
            raise EndpointRefused(
                "the model's server sent a compressed answer, unasked; set RAG_MODEL to an address without that proxy"
            )
        return httpx2.Response(
            response.status_code,
            headers=response.headers,
            stream=_Limited(cast(httpx2.SyncByteStream, response.stream), refusal=refusal),
            extensions=response.extensions,
        )

    def cut(self) -> bool:
        """Cut the connection; tell whether there was one. Whoever waits for it in another thread wakes with an error."""
        with self._lock:
            self._is_cut = True
            for each in self._sockets:
                _shut(each)
            return bool(self._sockets)

    def close(self) -> None:
        self._transport.close()
        with self._lock:
            self._is_cut = True
            while self._sockets:
                self._sockets.pop().close()

    def _authorization(self) -> dict[str, str]:
        """Return the headers that carry the key."""
        if not self._key:
            return {}
        secret = self._key.reveal()
        return {"Authorization": f"Bearer {secret}", **({"api-key": secret} if self._azure else {})}

    def _trace(self, name: str, info: Mapping[str, Any]) -> None:
        """Remember each new connection (httpcore2 reports its steps to a request's "trace").

        The socket is duplicated: TLS takes the original away, and a number that has been closed may be another's by now.
        To shut one down shuts down all, and wakes who is blocked in a read; to close it would not.
        """
        if name.endswith("connect_tcp.complete"):
            mine = info["return_value"].get_extra_info("socket").dup()
            with self._lock:
                self._sockets.append(mine)
                if self._is_cut:
                    _shut(mine)


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # the other side was faster
        connection.shutdown(socket.SHUT_RDWR)


class _Limited(httpx2.SyncByteStream):
    """Limit a reply's bytes. An error page ends where enough was read, an endless answer is an error."""

    def __init__(self, stream: httpx2.SyncByteStream, *, refusal: bool) -> None:
        self._stream = stream
        self._refusal = refusal

    def __iter__(self) -> Iterator[bytes]:
        size = 0
        for chunk in self._stream:
            size += len(chunk)
            if self._refusal and size > LARGEST_REFUSAL:
                return
            if size > LARGEST_REPLY:
                raise ChatError(
                    "the model's server sent more than {size} MB for one answer; set RAG_MODEL to another model",
                    size=LARGEST_REPLY // 1_000_000,
                )
            yield chunk
        yield b"\n\n"  # some servers forget the empty line that ends their last event

    def close(self) -> None:
        self._stream.close()


@cache
def tls() -> ssl.SSLContext:
    """Read the authorities' certificates once: it takes a part of a second."""
    return httpx2.create_ssl_context()


def connect(address: Address, key: Key | None, seconds: float) -> tuple[Wire, httpx2.Client]:
    """Open a client for one server, and the wire that cuts its connection. No redirect is followed.

    Other machines are reached through the proxy that the environment names for them.
    """
    direct = address.is_local or urllib.request.proxy_bypass(address.host)
    proxies = {} if direct else urllib.request.getproxies()
    proxy = proxies.get(address.scheme) or proxies.get("all")
    if proxy and "://" not in proxy:
        proxy = f"http://{proxy}"
    transport = httpx2.HTTPTransport(verify=tls(), trust_env=False, proxy=proxy)
    wire = Wire(transport, key, address.query, azure=address.host.endswith(".azure.com"))
    timeout = httpx2.Timeout(seconds, connect=min(seconds, CONNECT_SECONDS))
    return wire, httpx2.Client(transport=wire, timeout=timeout, follow_redirects=False, trust_env=False)
