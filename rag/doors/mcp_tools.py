"""The tools and resources of the MCP door; imported by ``rag.doors.mcp`` alone, where the SDK is installed.

``search`` and ``fetch`` have the form that ChatGPT's connectors read: https://platform.openai.com/docs/mcp
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from importlib.metadata import version
from typing import Any
from urllib.parse import quote as percent

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError, ToolError
from mcp.server.transport_security import TransportSecuritySettings
from mcp_types import CallToolResult, InputRequiredResult, ToolAnnotations
from pydantic import ValidationError
from typing_extensions import TypedDict  # pydantic reads that of typing from Python 3.12 on

from rag.chatbot import Chatbot
from rag.doors.limits import Slots, TooMany
from rag.draft.report import as_json, quotation_as_json
from rag.errors import FootnoteError, QuestionError
from rag.export.bibliography import web_address
from rag.types import Citation, Header
from rag.web.security import visitor_of

log = logging.getLogger(__name__)
INSTRUCTIONS = (
    "Answers about one folder of articles. Every sentence of an answer carries a quote that stands in an article, letter for "
    "letter. Use ask for a question, search and fetch to read, quote and check to verify words, timeline for a topic by date."
)
HINTS = ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False)


class Named(TypedDict):
    """An article and its address: its source's, the server's own, or that of its resource."""

    id: str
    title: str
    url: str


class Result(Named):
    """An article that was found, with the passages that fit."""

    text: str


class Results(TypedDict):
    """What a search found, best first, each article once."""

    results: list[Result]


class Article(Named):
    """A whole article; ``metadata`` has what is known of outlet, authors, published, language and source."""

    text: str
    metadata: dict[str, str]


class Cited(Named):
    """A quote that stands in an article at characters ``start`` to ``end``, letter for letter."""

    number: int
    quote: str
    start: int
    end: int
    place: str
    published: str
    as_of: str


class Answered(TypedDict):
    """An answer; ``text`` has the numbers of its citations, ``state`` is answered, closest or none."""

    question: str
    text: str
    state: str
    refused: bool
    complete: bool
    model: str
    notice: str
    citations: list[Cited]


class Dated(TypedDict):
    """What the articles say of a topic, in order of publication."""

    topic: str
    entries: list[Cited]


class Server(MCPServer[Any]):
    """The SDK's server, which tells an error by our one sentence and nothing else.

    Over HTTP each call of a tool takes one of ``slots``: the SDK's threads are the server's, 40 for everything.
    """

    slots: Slots | None = None

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        request = context.request_context.request if context is not None else None
        give_back: Callable[[], None] = lambda: None  # noqa: E731
        if self.slots is not None and request is not None:
            try:
                give_back = await self.slots.take(visitor_of(request.scope))
            except TooMany as refused:
                raise ToolError(str(refused)) from None
        try:
            return await super().call_tool(name, arguments, context)
        except ToolError as error:
            raise ToolError(_sentence(name, error)) from None
        finally:
            give_back()


def _sentence(name: str, error: ToolError) -> str:
    cause = error.__cause__
    if cause is None or isinstance(cause, FootnoteError):
        return str(cause or error)
    if isinstance(cause, ValidationError):
        wrong = ", ".join(str(each["loc"][0]) for each in cause.errors() if each["loc"])
        return f"{name} was called with wrong arguments; look at {wrong}"
    log.debug("a tool failed", exc_info=cause)
    return f"something unexpected went wrong ({type(cause).__name__}); set RAG_LOG=DEBUG to see more"


def server(chatbot: Callable[[], Chatbot], root: str = "", slots: Slots | None = None) -> Server:
    """Make the server; ``chatbot`` is called for each tool.

    ``root`` is where ``/articles/…`` is shown: an address, or a path at the address that a request came to.
    """
    made = Server(
        "footnote", title="Footnote", instructions=INSTRUCTIONS, version=version("footnote-rag"), log_level="WARNING"
    )
    made.slots = slots

    def named(header: Header, context: Context[Any, Any]) -> Named:
        name, request = percent(header.id), context.request_context.request
        url = web_address(header.source) or f"article://{name}"
        if request is not None and url.startswith("article:"):
            base = root if "://" in root else str(request.base_url).rstrip("/") + root
            url = f"{base}/articles/{name}"
        return {"id": header.id, "title": header.title or header.id, "url": url}

    def cited(citation: Citation, context: Context[Any, Any]) -> Cited:
        header = citation.hit.document
        return {
            "number": citation.number,
            **named(header, context),
            "quote": citation.quote,
            "start": citation.start,
            "end": citation.end,
            "place": citation.place,
            "published": header.published,
            "as_of": header.as_of(),
        }

    def search(query: str, context: Context[Any, Any]) -> Results:
        """Find the articles nearest to a query, best first, with the passages that fit."""
        found: dict[str, Result] = {}
        for hit in chatbot().retrieve(query):
            result = found.setdefault(hit.document.id, {**named(hit.document, context), "text": ""})
            result["text"] = "\n\n".join(filter(None, (result["text"], hit.passage.text)))
        return {"results": list(found.values())}

    def fetch(id: str, context: Context[Any, Any]) -> Article:
        """Return the whole text of an article by the id that search gave."""
        document = chatbot().document(id)
        known = {name: getattr(document, name) for name in ("outlet", "published", "language", "source")}
        known["authors"] = ", ".join(document.authors)
        metadata = {name: value for name, value in known.items() if value}
        return {**named(document, context), "text": document.text, "metadata": metadata}

    def ask(question: str, context: Context[Any, Any]) -> Answered:
        """Answer a question from the articles; every sentence carries a verbatim quote, or the answer is refused."""
        answer = chatbot().ask(question)
        return {  # without the passages that were read: whoever asks pays for each word
            "question": answer.question,
            "text": answer.text,
            "state": answer.state,
            "refused": answer.refused,
            "complete": answer.complete,
            "model": answer.model,
            "notice": answer.notice,
            "citations": [cited(each, context) for each in answer.citations],
        }

    def quote(text: str) -> dict[str, Any]:
        """Tell where words stand in the articles: verbatim, altered (with the difference) or not found."""
        return quotation_as_json(chatbot().quote(text))

    def check(text: str) -> dict[str, Any]:
        """Check each sentence and each quotation of a draft against the articles."""
        return as_json(chatbot().check(text))

    def timeline(topic: str, context: Context[Any, Any]) -> Dated:
        """Quote one line on a topic from each article that mentions it, in order of publication."""
        return {"topic": topic, "entries": [cited(each, context) for each in chatbot().timeline(topic)]}

    for tool in (search, fetch, ask, quote, check, timeline):
        made.add_tool(tool, annotations=HINTS, structured_output=True)

    @made.resource("article://{+id}", mime_type="text/plain")
    def article(id: str) -> str:
        """Return the text of an article."""
        try:
            return chatbot().document(id).text
        except QuestionError as error:
            raise ResourceNotFoundError(str(error)) from None
        except FootnoteError as error:
            raise ResourceError(str(error)) from None

    return made


class Endpoint:
    """Serve MCP over HTTP as an ASGI app; each request stands by itself, no session is kept and nothing is streamed.

    The SDK's session manager starts with the first request: a mounted app is not told of its server's start.
    """

    def __init__(self, made: Server) -> None:
        unguarded = TransportSecuritySettings(enable_dns_rebinding_protection=False)  # our guard stands in front
        made.streamable_http_app(json_response=True, stateless_http=True, transport_security=unguarded)
        self._manager = made.session_manager
        self._task: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()

    async def __call__(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        await self._ready.wait()
        await self._manager.handle_request(scope, receive, send)

    async def _run(self) -> None:
        """Hold the manager open until the server's loop ends and cancels this."""
        async with self._manager.run():
            self._ready.set()
            await asyncio.Event().wait()
