"""Fetch one file from a web address, within limits and never from a private network.

A name is resolved first and the connection goes to the IP address that was checked, so that no second answer of a name
server leads elsewhere (DNS rebinding). Every redirect is checked as the address itself is. Proxies of the environment are
not used: they resolve names themselves.
"""

from __future__ import annotations

import contextlib
import logging
import re
import socket
import ssl
import threading
import zlib
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

from rag.errors import AddressError, AddressUnreachable

SECONDS = 30.0
"""Time limit from the look-up of the name to the last byte, redirects included."""
READ_SECONDS = 10.0
"""Time limit of a connection and of each read."""
MOST_REDIRECTS = 5
LONGEST_ADDRESS = 2000
"""Characters."""

_BLOCK = 65_536
_MEGABYTE = 1_000_000
_REDIRECTS = (301, 302, 303, 307, 308)
_NAT64 = ip_network("64:ff9b::/96")
_UNICAST = ip_network("2000::/3")
"""What of IPv6 is given out to the public internet (RFC 4291)."""
_SAFE = "/%:@!$&'()*+,;=~?"
_HEADERS = {
    "User-Agent": "Footnote (saves single pages for its reader)",
    "Accept": "text/html,application/xhtml+xml,application/pdf,text/plain;q=0.9,*/*;q=0.5",
    "Accept-Encoding": "identity",
    "Connection": "close",
}
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Fetched:
    """Hold what an address gave: ``address`` is the last one of the redirects, ``kind`` the media type, in small letters.

    ``kind`` and ``charset`` are empty where the server does not name them.
    """

    address: str
    kind: str
    charset: str
    data: bytes


def fetch(address: str, max_bytes: int, *, private: bool = False, seconds: float = SECONDS) -> Fetched:
    """Return what a web address gives; raise AddressError.

    ``private`` allows addresses of this machine and of private networks.
    """
    request = _Request(checked_address(address), max_bytes, private)
    request.start()
    request.join(seconds)
    if request.is_alive():
        request.stop()
        raise AddressUnreachable(
            "it did not come whole within {seconds} seconds; add it again, or save the page in a browser "
            "and add the file",
            seconds=f"{seconds:g}",
        )
    if request.found is None:
        raise request.error
    return request.found


def checked_address(address: str) -> str:
    """Return a web address in the form in which it is sent, without its fragment. Raise AddressError.

    >>> checked_address(" https://Courier.test/Мост?a=1#photo ")
    'https://courier.test/%D0%9C%D0%BE%D1%81%D1%82?a=1'
    >>> checked_address("file:///etc/passwd")
    Traceback (most recent call last):
    rag.errors.AddressError: this is no address of a web page; copy it from a browser, from https:// on
    """
    try:
        parts = urlsplit(address.strip())
        host, port = (parts.hostname or "").encode("idna").decode(), parts.port
    except ValueError:  # also a UnicodeError
        host, port = "", None
    web = host and len(address) <= LONGEST_ADDRESS and parts.scheme in ("http", "https")
    if not web or re.search(r"[\s\x00-\x1f\x7f/\\]", host) or re.search(r"[\s\x00-\x1f\x7f]", address.strip()):
        raise AddressError("this is no address of a web page; copy it from a browser, from https:// on")
    if parts.username is not None or parts.password is not None:
        raise AddressError("a name or password stands in this address; save the page in a browser and add the file")
    name = f"[{host}]" if ":" in host else host
    netloc = name if port is None else f"{name}:{port}"
    return urlunsplit((parts.scheme, netloc, quote(parts.path, _SAFE) or "/", quote(parts.query, _SAFE), ""))


def is_public(address: str) -> bool:
    """Say whether an IP address belongs to the public internet, and not to this machine.

    >>> [is_public(each) for each in ("8.8.8.8", "192.168.1.7", "169.254.169.254", "::1", "::ffff:127.0.0.1")]
    [True, False, False, False, False]
    """
    ip = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address) and (ip.ipv4_mapped is not None or ip in _NAT64):
        ip = ip_address(int(ip) & 0xFFFF_FFFF)
    if isinstance(ip, IPv6Address) and (
        ip not in _UNICAST or ip.sixtofour or ip.teredo
    ):  # the latter are tunnels to IPv4
        return False
    return ip.is_global and not ip.is_multicast and not _is_own(str(ip))


def _is_own(address: str) -> bool:
    """Say whether an interface of this machine has an IP address: only to those can a socket be bound."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True


class _Request(threading.Thread):
    """Follow one address to its end. A daemon: a name server that never answers must not keep the program."""

    def __init__(self, address: str, max_bytes: int, private: bool) -> None:
        super().__init__(name="fetching", daemon=True)
        self._address = address
        self._max_bytes = max_bytes
        self._private = private
        self._stopped = False
        self._socket: socket.socket | None = None
        self.found: Fetched | None = None
        self.error: AddressError = AddressUnreachable(_SILENT)

    def stop(self) -> None:
        """Break the connection off, so that the thread ends."""
        self._stopped = True
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def run(self) -> None:
        try:
            self.found = self._follow()
        except AddressError as error:
            self.error = error
        except ssl.SSLCertVerificationError:
            self.error = AddressUnreachable(
                "the site's certificate is not valid; open the address in a browser to see why, and add the saved page"
            )
        except Exception as error:  # whatever a server's answer does to the libraries
            log.debug("an address could not be fetched: %s", type(error).__name__)

    def _follow(self) -> Fetched:
        address = self._address
        for _ in range(MOST_REDIRECTS + 1):
            with contextlib.closing(self._connection(address)) as connection:
                parts = urlsplit(address)
                connection.request("GET", urlunsplit(("", "", parts.path, parts.query, "")), headers=_HEADERS)
                with connection.getresponse() as answer:  # it holds the socket longer than the connection does
                    if answer.status not in _REDIRECTS or "location" not in answer.headers:
                        return self._read(address, answer)
                    led = answer.headers["location"].encode("latin-1").decode("utf-8", "replace")
                    address = checked_address(urljoin(address, led))
        raise AddressError("it leads from one address to the next without an end; copy the last one from a browser")

    def _connection(self, address: str) -> HTTPConnection:
        """Return a connection to the IP address that was checked."""
        parts = urlsplit(address)
        secure, host = parts.scheme == "https", parts.hostname or ""
        connected = self._connected(host, parts.port or (443 if secure else 80))
        connection = HTTPSConnection(host, parts.port) if secure else HTTPConnection(host, parts.port)
        connection.sock = connected
        try:
            if secure:
                context = ssl.create_default_context()
                self._socket = connection.sock = context.wrap_socket(
                    connected, server_hostname=host, do_handshake_on_connect=False
                )
                connection.sock.do_handshake()
        except BaseException:
            connection.close()
            raise
        return connection

    def _connected(self, host: str, port: int) -> socket.socket:
        problem = OSError()
        for family, kind, protocol, where in self._resolved(host, port):
            if self._stopped:
                break
            self._socket = connected = socket.socket(family, kind, protocol)
            connected.settimeout(READ_SECONDS)
            try:
                connected.connect(where)
            except OSError as error:
                connected.close()
                problem = error
                continue
            return connected
        raise problem

    def _resolved(self, host: str, port: int) -> list[tuple[Any, Any, int, Any]]:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (socket.gaierror, UnicodeError):
            raise AddressUnreachable("no site of this name was found; check the address") from None
        if not self._private and not all(is_public(str(where[0])) for *_, where in found):
            raise AddressError(
                "it leads to this machine or into a private network; to allow that, set RAG_PRIVATE_ADDRESSES to on"
            )
        return [(family, kind, protocol, where) for family, kind, protocol, _, where in found]

    def _read(self, address: str, answer: HTTPResponse) -> Fetched:
        if answer.status in (404, 410):
            raise AddressError(
                "there is no page at this address ({status}); check it in a browser", status=answer.status
            )
        if answer.status != 200:
            raise AddressError(
                "the site does not hand it out ({status}); save the page in a browser and add the file",
                status=answer.status,
            )
        blocks, size = [], 0
        while block := answer.read(_BLOCK):
            blocks.append(block)
            size += len(block)
            self._check_size(size)
        if answer.length:  # http.client does not mind that the end is missing
            raise OSError
        named = "content-type" in answer.headers
        return Fetched(
            address,
            answer.headers.get_content_type() if named else "",
            (answer.headers.get_content_charset() or "") if named else "",
            self._unpacked(b"".join(blocks), answer.headers.get("content-encoding", "identity").strip().lower()),
        )

    def _unpacked(self, data: bytes, encoding: str) -> bytes:
        """Return the data without compression, which some servers apply unasked."""
        if encoding in ("", "identity"):
            return data
        if encoding not in ("gzip", "x-gzip", "deflate"):
            raise AddressError(
                "the site sends it packed ({encoding}), unasked; save the page in a browser and add the file",
                encoding=encoding[:20],
            )
        unpacking = zlib.decompressobj(47)  # gzip or zlib
        data = unpacking.decompress(data, self._max_bytes + 1)
        self._check_size(len(data))
        if not unpacking.eof:
            raise OSError
        return data

    def _check_size(self, size: int) -> None:
        if size > self._max_bytes:
            raise AddressError(
                "larger than {size} MB; raise RAG_MAX_FILE_MEGABYTES to take it",
                size=f"{self._max_bytes / _MEGABYTE:g}",
            )


_SILENT = "the site does not answer as it should; add it again later, or save the page in a browser and add the file"
