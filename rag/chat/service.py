"""Chat models behind an address: any OpenAI-compatible server, and Anthropic's.

Retries, limits, clocks, the reading of the stream and the rule for when an answer is whole are for a reader who has already
begun to read, where a service's own library is for programs that can ask again.
"""

from __future__ import annotations

import json
import logging
import random
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from rag.chat import ChatModel, Drafts
from rag.chat.breaker import breaker_for
from rag.chat.dialects import Anthropic, Dialect, Fields, OpenAI, Part
from rag.chat.estimate import estimate_tokens
from rag.chat.guard import Clocks, Notice, follow
from rag.chat.keys import Key
from rag.chat.model_names import is_loopback
from rag.chat.pieces import Thought
from rag.chat.refusals import LONGEST_WAIT, Server, Trouble, read_error, read_refusal, short_code
from rag.errors import (
    AnswerCut,
    ChatError,
    EndpointRefused,
    EndpointUnreachable,
    RateLimited,
    SettingsError,
    Translatable,
)
from rag.settings import Settings
from rag.text.tokens import count_tokens
from rag.types import Message

if TYPE_CHECKING:
    import httpx2

    from rag.chat.wire import Wire

LONGEST_EVENT = 1_000_000
"""Bytes of one event: a chat model's have a few hundred."""

RETRIES = 2
"""How often a request is sent again, and only while nothing of an answer has come."""

BACKOFF = 0.5
"""Seconds: the n-th wait is drawn between 0 and 2ⁿ times as many ("full jitter",
https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/)."""

LINGER = 2.0
"""Seconds an answer that said it has ended is waited for, to tell how much was read."""

READ_SHARE = 0.7
"""A server that says it read less than this share of the prompt has cut it."""

# Why an answer ended, in the words of the services. A word that is not here does not say that the answer is whole.
_WHOLE = frozenset(("stop", "stop_sequence", "end_turn", "eos", "eos_token", "end_of_text", "endoftext")).union(
    ("complete", "completed", "done")
)
_LENGTH = frozenset(
    ("length", "max_tokens", "max_length", "token_limit", "model_length", "model_context_window_exceeded")
)
_FILTER = frozenset(("content_filter", "content_filtered", "refusal", "safety", "recitation", "blocklist")).union(
    ("prohibited_content", "spii", "sensitive")
)
_DIALECTS: dict[str, Dialect] = {"openai": OpenAI(), "anthropic": Anthropic()}

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server is: its base URL and, apart from it, the query that each request carries.

    >>> address = Address.parse("https://example.com/v1/?api-version=2")
    >>> address.base_url, address.query, address.where, address.is_local
    ('https://example.com/v1', 'api-version=2', 'example.com:443', False)
    """

    base_url: str
    query: str
    scheme: str
    host: str
    port: int

    @classmethod
    def parse(cls, url: str) -> Address:
        """Raise SettingsError for what is no address, and for one with a key in it."""
        try:
            parts = urlsplit(url.strip())
            port = {"http": 80, "https": 443}[parts.scheme]
            port = parts.port or port
        except (ValueError, KeyError):
            parts = urlsplit("")
        if not parts.hostname or not parts.netloc.isascii():
            raise SettingsError(
                "the model's address is none; set RAG_MODEL to one such as http://localhost:8000/v1#NAME"
            )
        if parts.username is not None or parts.password is not None:
            raise SettingsError(
                "the model's address has a name or a key in front of its host; set RAG_API_KEY to the key instead"
            )
        base_url = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
        return cls(base_url, parts.query, parts.scheme, parts.hostname, port)

    @property
    def where(self) -> str:
        """Host and port, for messages."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_local(self) -> bool:
        """Tell whether it is this machine."""
        return is_loopback(self.host) or self.host.endswith(".localhost")


def check_key(key: Key | None, variable: str) -> None:
    """Raise SettingsError for a key that no header can carry; ``variable`` is what messages call it."""
    if key and not (key.reveal().isascii() and key.reveal().isprintable() and " " not in key.reveal()):
        raise SettingsError(
            "the key has a character that no key has; set {variable} to the key alone", variable=variable
        )


def open_endpoint(
    name: str,
    base_url: str,
    model: str,
    key: Key | None,
    *,
    settings: Settings,
    dialect: Literal["openai", "anthropic"] = "openai",
    key_variable: str = "RAG_API_KEY",
) -> ChatModel:
    """Return the model ``model`` of the server at ``base_url``, shown as ``name``. Contacts nobody yet.

    ``base_url`` may carry a query, which goes with every request. ``key_variable`` is what messages call the key.
    Raises SettingsError for an address or a key that cannot be one.
    """
    address = Address.parse(base_url)
    check_key(key, key_variable)
    first = settings.first_word_seconds or (60 if address.is_local else 30)
    return Endpoint(
        name,
        address,
        Server(address.where, model, key or None, key_variable),
        Clocks(first=first, total=settings.answer_seconds),
        settings.context_tokens,
        _DIALECTS[dialect],
    )


@dataclass(repr=False, eq=False)
class Endpoint:
    """A chat model behind an address; a ChatModel.

    Each answer has a connection of its own, which is closed with it. A server that fails again and again is left alone
    for a while, whoever asks (``breaker.py``).
    """

    name: str
    address: Address
    server: Server
    clocks: Clocks
    context_tokens: int
    dialect: Dialect
    backoff: float = BACKOFF

    def __post_init__(self) -> None:
        self.options = self.dialect.options
        """What of the request's optional parts this server has not refused yet."""

    def __repr__(self) -> str:
        return f"Endpoint({self.name!r})"

    def count_tokens(self, text: str) -> int:
        """Return how many tokens a text is: see ``estimate_tokens``."""
        return estimate_tokens(text)

    def stream(self, messages: Sequence[Message]) -> Drafts:
        """Yield what the model writes; see ``ChatModel.stream``."""
        breaker = breaker_for(self.address.base_url, self.address.where)
        breaker.check()
        try:
            exchange = _Exchange(self, tuple(messages))
            yield from follow(exchange.read, self.clocks, exchange.cancel)
        except EndpointUnreachable:
            breaker.failed()
            raise
        breaker.worked()


class _Exchange:
    """One answer of an endpoint, with its retries, for ``follow``."""

    def __init__(self, endpoint: Endpoint, messages: tuple[Message, ...]) -> None:
        self._endpoint = endpoint
        self._messages = messages
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._wire: Wire | None = None
        self._streamed = True

    def cancel(self) -> None:
        with self._lock:
            self._stopped.set()
            if self._wire is not None:
                self._wire.cut()

    def read(self) -> Iterator[str | Notice | Thought]:
        tries, begun = 0, False
        while not self._stopped.is_set():
            try:
                for piece in self._try():
                    begun = begun or (isinstance(piece, str) and bool(piece.strip()))
                    yield piece
                return
            except Trouble as caught:
                trouble = caught
            # Outside of the except block, so that our error does not hold the client's, which may hold what was sent.
            if trouble.option and not begun:
                self._leave_out(trouble.option)
                continue
            if begun or not trouble.again or tries == RETRIES:
                raise trouble.error
            tries += 1
            yield from self._wait(trouble, tries)

    def _leave_out(self, option: str) -> None:
        _log.debug("%s does not know %s, which is left out from now on", self._endpoint.server.where, option)
        self._endpoint.options = tuple(each for each in self._endpoint.options if each != option)

    def _wait(self, trouble: Trouble, tries: int) -> Iterator[Notice]:
        """Yield the wait before another try: what the server asks for, else our own."""
        seconds = trouble.wait
        if seconds is None:
            seconds = random.uniform(0, self._endpoint.backoff * 2**tries)  # noqa: S311 (nothing secret)
        elif seconds >= self._endpoint.clocks.total:
            raise RateLimited(
                "{where} asks to wait {seconds} seconds; ask again then, or set RAG_ANSWER_SECONDS to a larger number",
                where=self._endpoint.server.where,
                seconds=f"{seconds:g}",
            )
        else:
            where, asked = self._endpoint.server.where, f"{seconds:.0f}"
            told = Translatable("{where} asks to wait {seconds} seconds.", where=where, seconds=asked)
            yield Notice(told, min(seconds, LONGEST_WAIT))
        _log.debug("trying %s again in %.1f seconds", self._endpoint.server.where, seconds)
        self._stopped.wait(seconds)

    def _try(self) -> Iterator[str | Notice | Thought]:
        """Yield one request and its reply. Whatever goes wrong is a Trouble or one of our errors."""
        from rag.chat.wire import connect

        endpoint, options = self._endpoint, self._endpoint.options
        request = endpoint.dialect.request(endpoint.server.model, self._messages, self._room(), options)
        if not self._streamed:
            request.pop("stream_options", None)
            request["stream"] = False
        try:
            url, headers = endpoint.dialect.target(endpoint.address.base_url)
            wire, client = connect(endpoint.address, endpoint.server.key, endpoint.clocks.total)
            with self._lock:
                self._wire = wire
                if self._stopped.is_set():
                    wire.cut()
            with client, client.stream("POST", url, json=request, headers=headers) as reply:
                if not reply.is_success:
                    reply.read()
                    raise read_refusal(endpoint.server, reply.status_code, reply.text, reply.headers, options)
                yield from self._pieces(reply)
        except (Trouble, ChatError):
            raise
        except Exception as error:
            raise _translate(error, endpoint.address, endpoint.server) from None

    def _room(self) -> int:
        """Return how many tokens are left for the answer. No more than every model can write."""
        prompt = sum(self._endpoint.count_tokens(each.text) for each in self._messages)
        return max(512, min(4096, self._endpoint.context_tokens - prompt))

    def _pieces(self, response: httpx2.Response) -> Iterator[str | Notice | Thought]:
        """Yield the text of a reply as it comes. At its end, judge whether it was whole."""
        import httpx2

        server, finish, whole, late, read, wrote, started = self._endpoint.server, "", False, False, 0, False, False
        linger = threading.Timer(LINGER, self.cancel)
        linger.daemon = True
        try:
            for part in self._parts(response):
                started = True
                if part.error is not None:
                    raise read_error(server, part.error, self._endpoint.options)
                read = part.prompt_tokens or read
                wrote = wrote or bool(part.text)
                late = part.late
                if part.thinks:
                    yield Thought()
                yield part.text
                if part.finish and not finish:
                    finish = part.finish.lower()
                    linger.start()
                if part.whole or (part.late and finish):
                    whole = True
                    break
        except httpx2.HTTPError:
            if not finish:
                raise
        finally:
            linger.cancel()
        if finish in _LENGTH:
            raise AnswerCut("the model's largest length was reached; set RAG_CONTEXT_TOKENS to what it can take")
        if finish in _FILTER:
            raise AnswerCut(
                "the service's filter stopped the answer; ask in other words, or set RAG_MODEL to another model"
            )
        if finish not in _WHOLE and (finish or not (whole or (late and wrote))):
            # llama-cpp-python's server sends no event at all where the prompt is too long, and says why only in one piece.
            self._streamed = started
            message = "the connection to {where} ended before the answer did; ask again"
            if finish:
                message = "{where} ended the answer early ({message}); ask again, or set RAG_MODEL to another model"
            said = {"where": server.where, "message": short_code(finish, server.key) or "an unknown word"}
            raise AnswerCut(message, **said) if wrote else Trouble(EndpointUnreachable(message, **said), again=True)
        if notice := self._notice(read):
            yield Notice(notice)

    def _parts(self, response: httpx2.Response) -> Iterator[Part]:
        """Yield what the events of a reply say. One part where the server does not stream."""
        dialect, server = self._endpoint.dialect, self._endpoint.server
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind in ("text/html", "application/xhtml+xml"):
            raise Trouble(
                EndpointRefused(
                    "{where} answers with a web page; set RAG_MODEL to the address of a model's server",
                    where=server.where,
                )
            )
        if kind == "application/json":
            part = dialect.reply(_fields(b"".join(response.iter_raw()), server))
            if part == Part():
                raise _stranger(server)
            yield part if part.error else replace(part, whole=True)
            return
        import httpx2

        known = kind == "text/event-stream"
        response.headers["content-type"] = "text/event-stream"  # some servers name another type
        response.encoding = "utf-8-sig"  # events are UTF-8, with or without its mark
        for event in httpx2.EventSource(response, LONGEST_EVENT):
            data = event.data.strip()
            if not data:
                continue
            known = True
            if data == "[DONE]":
                yield Part(whole=True)
                continue
            fields = _fields(data, server)
            yield Part(error=fields.get("error", fields)) if event.event == "error" else dialect.event(fields)
        if not known:
            raise _stranger(server)

    def _notice(self, read: int) -> str:
        """Return what to tell where the server says that it read much less than it was sent.

        Our own count is no upper bound (our vocabulary is small), so four characters make a token here at least.
        """
        sent = sum(min(count_tokens(each.text), len(each.text) // 4) for each in self._messages)
        if not read or read >= READ_SHARE * sent:
            return ""
        return Translatable(
            "The model's server read only {read:,} of about {sent:,} tokens, so it seems to have cut the passages off; "
            "give it a longer context (Ollama: OLLAMA_CONTEXT_LENGTH), or set RAG_CONTEXT_TOKENS to what it has.",
            read=read,
            sent=sent,
        )


def _fields(data: str | bytes, server: Server) -> Fields:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, list) and found:  # Gemini wraps its errors so
        found = found[0]
    if not isinstance(found, dict):
        raise _stranger(server)
    return found


def _stranger(server: Server) -> Trouble:
    return Trouble(
        EndpointRefused(
            "{where} does not answer as a chat model's server does; set RAG_MODEL to the address of one, "
            "which mostly ends in /v1",
            where=server.where,
        )
    )


def _translate(error: Exception, address: Address, server: Server) -> Trouble:
    """Translate an error of the network. Its own words may hold anything, so only its type is logged."""
    import httpx2

    from rag.chat.wire import CONNECT_SECONDS

    chain = list(_chain(error))
    _log.debug("%s: %s", server.where, " from ".join(type(each).__name__ for each in chain))

    def found(*kinds: type[BaseException]) -> bool:
        return any(isinstance(each, kinds) for each in chain)

    def unreachable(why: str, *, again: bool = True, **values: object) -> Trouble:
        message = Translatable(why, **values)
        return Trouble(
            EndpointUnreachable("endpoint not reachable at {where}: {message}", where=server.where, message=message),
            again=again,
        )

    if found(ssl.SSLCertVerificationError):
        return unreachable(
            "its certificate is not valid; set SSL_CERT_FILE to the certificate it is signed with", again=False
        )
    if found(ssl.SSLError):
        other = "http" if address.scheme == "https" else "https"
        return unreachable(
            "it does not speak TLS as it should; set the address in RAG_MODEL to {scheme}://…", scheme=other
        )
    if found(socket.gaierror):
        return unreachable("no machine has this name; set the address in RAG_MODEL to the right one")
    if found(httpx2.ConnectTimeout):
        return unreachable(
            "no connection within {seconds} seconds; start the server, or set RAG_MODEL",
            seconds=f"{CONNECT_SECONDS:g}",
        )
    if found(httpx2.SSEError):
        return Trouble(
            ChatError(
                "the model's server sent an event of more than {most:,} bytes; set RAG_MODEL to another model",
                most=LONGEST_EVENT,
            )
        )
    if found(httpx2.ConnectError):
        return unreachable("nobody listens there; start the server, or set RAG_MODEL to another address")
    if found(httpx2.TransportError):
        return unreachable("it broke the connection off; ask again, or look at the server's own log")
    return Trouble(
        ChatError(
            "the answer of {where} failed with {kind}; set RAG_MODEL to another model",
            where=server.where,
            kind=type(error).__name__,
        )
    )


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and all that it comes from."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
