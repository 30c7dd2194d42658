"""The HTTP door for programs: chat completions as OpenAI has them, search, articles, and what describes them.

The same routes stand in the page's app (``rag chat``) and alone (``rag serve``). They format and never decide: an answer is
what ``Chatbot.stream`` yields.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import anyio
from anyio import to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from rag.chat.estimate import estimate_tokens
from rag.chat.model_names import EXTRACTIVE, shown_name
from rag.doors import limits, mcp
from rag.doors.article_page import article_page
from rag.doors.batch import checked_format, parse_questions
from rag.doors.limits import Rate, Slots, TooMany, holding
from rag.doors.openai_shape import (
    Chunks,
    Revised,
    article_url,
    completion,
    content_of,
    error,
    read_messages,
    url_of,
)
from rag.doors.openapi import openapi
from rag.errors import FootnoteError, MissingExtra, QuestionError, SettingsError
from rag.retrieval.find import check_k, check_question, check_scope
from rag.types import Answer
from rag.web.models import Services
from rag.web.opening import Opening, sentence, what_went_wrong
from rag.web.security import Address, visitor_of
from rag.web.stream import newest

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from rag.chat import ChatModel
    from rag.chatbot import Chatbot
    from rag.retrieval.find import Found
    from rag.settings import Settings

FOOTNOTE = "footnote"
"""The model that is none: answers are the articles' own sentences."""
PATHS = ("/v1/", "/articles/", "/mcp", "/openapi.json", "/llms.txt", "/health")
"""What the paths of this door begin with."""
OPEN_PATHS = ("/health",)
"""Those that need no login."""
PAUSE = 0.0
"""Seconds between the steps of a stream that are looked at: models write ten a second at most."""
ALIVE_SECONDS = 5.0
"""How often a stream that has nothing to say shows that it is alive."""
MOST_QUESTIONS = 100
"""How many questions of a file are answered in one request: without a model a minute or two."""
SENT_AT_ONCE = 64 * 1024
"""Bytes of an article that are sent before the reader must have taken those before."""
LISTED_ARTICLES = 200
"""How many articles ``/llms.txt`` lists, the newest."""


class Refusal(Exception):
    """A request that is not fulfilled, with its status and the fields of OpenAI's error."""

    def __init__(
        self, status: int, message: str, param: str | None = None, code: str | None = None, retry: int | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.retry = status, retry
        kind = "invalid_request_error" if status < 429 else "rate_limit_error" if status == 429 else "server_error"
        self.body = error(message, kind, param, code)

    def response(self) -> Response:
        """Write it as a reply."""
        headers = {"retry-after": str(self.retry)} if self.retry else None
        return JSONResponse(self.body, self.status, headers)


@dataclass
class Service:
    """What the doors for programs work with: the chatbot that is being opened, its settings, and the limits."""

    opening: Opening
    settings: Settings
    services: Services
    address: Address = field(default_factory=Address)
    slots: Slots = field(default_factory=Slots)
    rate: Rate = field(default_factory=Rate)

    @property
    def chatbot(self) -> Chatbot:
        """Return the chatbot; raises Refusal while it is being opened and where that failed."""
        if (chatbot := self.opening.chatbot) is not None:
            return chatbot
        if (state := self.opening.state).kind == "failed":
            raise Refusal(503, f"The articles cannot be read: {state.text}", code="not_ready")
        raise Refusal(503, "The articles are still being read; try again in a moment.", code="not_ready", retry=2)

    def opened(self) -> Chatbot:
        """Return the chatbot for a door of another form; raises FootnoteError while there is none."""
        try:
            return self.chatbot
        except Refusal as refused:
            raise FootnoteError(str(refused)) from None

    @property
    def own(self) -> str:
        """Return the model of the settings, as a request names it."""
        return FOOTNOTE if self.settings.model == EXTRACTIVE else shown_name(self.settings.model)

    def base(self, scope: Scope) -> str:
        """Return the address under which the client reached the server, without a slash at the end."""
        if self.address.origin:
            return self.address.root
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        host = (headers.get(b"x-forwarded-host") or headers.get(b"host") or "").partition(",")[0].strip()
        scheme = (headers.get(b"x-forwarded-proto") or str(scope.get("scheme", "http"))).partition(",")[0].strip()
        known = "".join(each for each in host if each.isalnum() or each in ".-_:[]")
        return f"{'https' if scheme == 'https' else 'http'}://{known}{self.address.path}"

    def writer(self, name: Any) -> ChatModel | Literal["extractive"] | None:
        """Open the model that a request names, ``None`` for that of the settings; raises Refusal."""
        if name in (FOOTNOTE, EXTRACTIVE):
            return EXTRACTIVE
        if name in (None, self.own, self.settings.model):
            return None
        if not isinstance(name, str):
            raise Refusal(404, "A model's name is a text; GET /v1/models lists some.", "model", "model_not_found")
        try:
            self.services.check(name)
            return self.services.open(self.settings.replace(model=name), None) or EXTRACTIVE
        except FootnoteError as refused:
            raise Refusal(
                404, f"The model cannot be used: {refused}. GET /v1/models lists some.", "model", "model_not_found"
            ) from None


Handle = Callable[[Service, Request], Awaitable[Response | None]]
"""Answers a request; one that has sent its reply itself returns ``None``."""


class Door:
    """Serve one way to ask as ASGI, within its limits. What goes wrong is told in OpenAI's form, never as a traceback."""

    def __init__(self, service: Service, method: str, handle: Handle) -> None:
        self.service, self.handle = service, handle
        self.methods = ("GET", "HEAD") if method == "GET" else (method,)  # none where any will do

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = False

        async def note(message: Any) -> None:
            nonlocal began
            began = True
            await send(message)

        request = Request(scope, receive, note)
        request.state.send = note
        seconds = self.service.settings.answer_seconds + limits.SPARE_SECONDS
        try:
            with anyio.fail_after(seconds):
                response = await self._response(request)
                if response is not None:
                    await response(scope, receive, note)
            return
        except ClientDisconnect:
            return
        except Refusal as refused:
            refusal = refused
        except TooMany as refused:
            refusal = Refusal(429, str(refused), code="rate_limit_exceeded", retry=refused.seconds)
        except TimeoutError:
            refusal = Refusal(504, f"The answer took longer than {seconds:g} seconds; see RAG_ANSWER_SECONDS.")
        except QuestionError as refused:
            refusal = Refusal(400, sentence(refused))
        except Exception as problem:
            refusal = Refusal(500, _told(problem))
        if not began:
            await refusal.response()(scope, receive, send)
        # Else the connection ends here: the client sees that something is missing.

    async def _response(self, request: Request) -> Response | None:
        if request.method not in self.methods and self.methods[0]:
            raise Refusal(405, f"Send {self.methods[0]} to this address; /openapi.json tells how.")
        if wait := self.service.rate.wait(visitor_of(request.scope)):
            raise TooMany("Too many requests; send fewer a minute.", wait)
        return await self.handle(self.service, request)


async def read_body(request: Request) -> bytes:
    """Read a request's body; raises Refusal where it is too slow."""
    body = bytearray()
    try:
        with anyio.fail_after(limits.BODY_SECONDS):
            async for part in request.stream():
                body += part  # the guard lets no more through than ``MAX_BODY``
    except TimeoutError:
        raise Refusal(408, "The request did not arrive in time; send it at once.") from None
    return bytes(body)


async def read_json(request: Request) -> dict[str, Any]:
    """Read a request's body; raises Refusal where it is too slow or no JSON object."""
    try:
        read = json.loads((await read_body(request)).decode("utf-8"))
    except (ValueError, RecursionError):
        raise Refusal(400, "The request is no JSON; send an object as application/json.") from None
    if not isinstance(read, dict):
        raise Refusal(400, 'The request is no JSON object; send {"messages": […]}.')
    return read


async def chat(service: Service, request: Request) -> Response | None:
    """Answer the last user message, whole or as a stream."""
    sent = await read_json(request)
    try:
        question, history = read_messages(sent.get("messages"))
        check_question(question)
    except QuestionError as refused:
        raise Refusal(400, sentence(refused), "messages") from None
    chatbot, model = service.chatbot, await to_thread.run_sync(service.writer, sent.get("model"))
    base, created = service.base(request.scope), int(time.time())
    name = str(sent.get("model") or service.own)
    chunks = Chunks(f"chatcmpl-{secrets.token_hex(12)}", created, name, base)
    read = sum(estimate_tokens(text) for text in (question, *(each.text for each in history)))
    give_back = await service.slots.take(visitor_of(request.scope))
    answers = newest(lambda: holding(lambda: chatbot.stream(question, history, model=model), give_back), PAUSE)
    stream, answer = EventStream(request), Answer(question)
    streamed = sent.get("stream") is True
    try:
        async with aclosing(answers):
            async for answer in answers:
                if await request.is_disconnected():
                    return None
                if streamed:
                    more = [] if answer.complete else chunks.more(answer)
                    await stream.send([*([] if stream.began else [chunks.begin()]), *more])
        content = content_of(answer, base)
        usage = _usage(read, estimate_tokens(content.text))
        if not streamed:
            return JSONResponse(completion(chunks.id, created, name, content, answer, usage))
        rest = list(chunks.done(answer))
        options = sent.get("stream_options")
        if isinstance(options, dict) and options.get("include_usage") is True:
            rest.append(chunks.usage(usage))
    except Exception as problem:
        if not stream.began:
            raise
        rest = [error(_told(problem), "server_error")]
    await stream.send(rest)
    await stream.end()
    return None


def _told(problem: Exception) -> str:
    """Say what went wrong. Of what is no error of ours only the kind: its words may name paths."""
    if isinstance(problem, Revised):
        return "The answer was changed after its beginning had been sent; ask again."
    return what_went_wrong(problem, "a request")


def _usage(read: int, written: int) -> dict[str, int]:
    """Estimate the tokens of a question and its answer; what the model read besides is not counted."""
    return {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}


class EventStream:
    """Server-sent events, https://html.spec.whatwg.org/multipage/server-sent-events.html: one JSON object each."""

    def __init__(self, request: Request) -> None:
        self._send: Send = request.state.send
        self._said = time.monotonic()
        self.began = False

    async def send(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Send events; without any, now and then a comment that no client shows."""
        data = "".join(f"data: {json.dumps(each, ensure_ascii=False)}\n\n" for each in events)
        if not data and time.monotonic() - self._said < ALIVE_SECONDS:
            return
        if not self.began:
            headers = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-store")]
            headers.append((b"x-accel-buffering", b"no"))  # nginx would collect the events
            await self._send({"type": "http.response.start", "status": 200, "headers": headers})
            self.began = True
        await self._body(data or ": waiting\n\n")

    async def end(self) -> None:
        """Say that nothing follows."""
        await self._body("data: [DONE]\n\n", more=False)

    async def _body(self, text: str, more: bool = True) -> None:
        self._said = time.monotonic()
        await self._send({"type": "http.response.body", "body": text.encode(), "more_body": more})


async def models(service: Service, _: Request) -> Response:
    """List the models that a request can name."""
    found = await to_thread.run_sync(service.services.look)
    ids = [FOOTNOTE, service.own]
    ids += [f"{each.service}:{name}" for each in found for name in each.models]
    listed = [{"id": id, "object": "model", "created": 0, "owned_by": "footnote"} for id in dict.fromkeys(ids)]
    return JSONResponse({"object": "list", "data": listed})


async def search(service: Service, request: Request) -> Response:
    """Find the passages for a query: our hits, each with its address."""
    sent = await read_json(request)
    query, k = sent.get("query"), sent.get("k")
    try:
        query, k = check_question(query), None if k is None else check_k(k)
        published = (sent.get("since") or "", sent.get("until") or "")
        lists = (sent.get(each) or () for each in ("documents", "names"))
        scope = check_scope(sent.get("outlets") or (), published, *lists)
    except QuestionError as refused:
        raise Refusal(400, f"{sentence(refused)}.") from None
    chatbot, base = service.chatbot, service.base(request.scope)

    def find() -> Iterator[Found]:
        yield chatbot.find(query, k, scope)

    give_back = await service.slots.take(visitor_of(request.scope))
    async with aclosing(newest(lambda: holding(find, give_back), PAUSE)) as one:
        async for found in one:
            data = [{**asdict(hit), "url": url_of(hit.document, hit.passage, base)} for hit in found.hits]
    return JSONResponse({"object": "list", "query": query, "data": data, "notice": found.notice})


async def batch(service: Service, request: Request) -> Response:
    """Answer a file of questions with the articles' own sentences, and send a file of answers."""
    name = Path(request.query_params.get("name") or "questions.txt").name
    out = Path(f"answers.{request.query_params.get('format') or 'csv'}".lower())
    body = await read_body(request)
    try:
        media_type, write = checked_format(out)
        asked = await to_thread.run_sync(parse_questions, body, Path(name), MOST_QUESTIONS + 1)
    except (QuestionError, SettingsError) as refused:
        raise Refusal(400, f"{sentence(refused)}.") from None
    if len(asked) > MOST_QUESTIONS:
        raise Refusal(400, f"At most {MOST_QUESTIONS} questions are answered here; run: rag ask --file {name}")
    chatbot = service.chatbot

    known: dict[str, Answer] = {}

    def answers() -> Iterator[int]:
        for each in dict.fromkeys(each.question for each in asked):
            *_, known[each] = chatbot.stream(each, model=EXTRACTIVE)
            yield len(known)

    give_back = await service.slots.take(visitor_of(request.scope))
    async with aclosing(newest(lambda: holding(answers, give_back), PAUSE)) as steps:
        async for _ in steps:
            if await request.is_disconnected():
                raise ClientDisconnect
    written = await to_thread.run_sync(write, [(each, known[each.question]) for each in asked], "answers")
    disposition = f'attachment; filename="answers{out.suffix}"'
    return Response(written, headers={"content-disposition": disposition}, media_type=media_type)


async def article(service: Service, request: Request) -> Response | None:
    """Show an article; its address marks a span as ``#c=START-END``. Until it is sent whole it takes a slot."""
    chatbot, id = service.chatbot, request.path_params["id"]
    give_back = await service.slots.take(visitor_of(request.scope))
    try:
        document = await to_thread.run_sync(chatbot.document, id)
        data = (await to_thread.run_sync(article_page, document)).encode("utf-8", "replace")

        async def parts() -> AsyncIterator[bytes]:  # sent whole, it would lie in the connection's buffer at once
            for start in range(0, len(data), SENT_AT_ONCE):
                yield data[start : start + SENT_AT_ONCE]

        page = StreamingResponse(parts(), media_type="text/html")
        await page(request.scope, request.receive, request.state.send)
    except QuestionError as missing:
        return PlainTextResponse(sentence(missing), 404)
    finally:
        give_back()
    return None


async def health(service: Service, _: Request) -> Response:
    """Say whether questions can be answered; 503 while they cannot."""
    kind = service.opening.state.kind
    return JSONResponse({"status": "ok" if kind == "ready" else kind}, 200 if kind == "ready" else 503)


async def describe(service: Service, request: Request) -> Response:
    """Describe this door as OpenAPI."""
    return JSONResponse(openapi(service.base(request.scope)))


async def llms(service: Service, request: Request) -> Response:
    """Describe this server to a language model, see https://llmstxt.org."""
    base = service.base(request.scope)
    headers = await to_thread.run_sync(service.chatbot.documents)
    dated = sorted((each for each in headers if each.published), key=lambda each: each.date_order, reverse=True)
    newest_first = (*dated, *(each for each in headers if not each.published))[:LISTED_ARTICLES]
    labels = ((each.line() or each.id).translate(str.maketrans("[]<>", "()()")).split() for each in newest_first)
    links = zip(map(" ".join, labels), newest_first, strict=True)
    lines = [
        "# Footnote",
        "",
        f"> Answers questions from {len(headers):,} articles; every sentence carries a quote that stands in one of them.",
        "",
        "## Ask",
        "",
        f"- [Chat completions]({base}/v1/chat/completions): POST, as OpenAI's, model `{FOOTNOTE}`",
        f'- [Search]({base}/v1/search): POST `{{"query": "…"}}`, returns passages',
        f"- [OpenAPI]({base}/openapi.json): all of it",
        "",
        "## Articles",
        "",
        *(f"- [{label}]({article_url(each.id, base)})" for label, each in links),
    ]
    return PlainTextResponse("\n".join(lines) + "\n", media_type="text/markdown")


async def nowhere(_: Service, request: Request) -> Response:
    """Refuse an address under /v1 that does not exist."""
    raise Refusal(404, f"There is nothing at {request.url.path}; see /openapi.json.", code="unknown_url")


def routes(service: Service) -> list[Route]:
    """Return the routes of this door, for an app that has a guard in front of it."""
    ways: tuple[tuple[str, str, Handle], ...] = (
        ("/v1/chat/completions", "POST", chat),
        ("/v1/models", "GET", models),
        ("/v1/search", "POST", search),
        ("/v1/batch", "POST", batch),
        ("/articles/{id:path}", "GET", article),
        ("/openapi.json", "GET", describe),
        ("/llms.txt", "GET", llms),
        ("/health", "GET", health),
    )
    made = [Route(path, Door(service, method, handle)) for path, method, handle in ways]
    made.append(Route("/v1/{rest:path}", Door(service, "", nowhere)))
    with suppress(MissingExtra):
        tools = mcp.route(service.opened, service.settings, slots=service.slots)

        async def call(_: Service, request: Request) -> None:
            await tools.app(request.scope, request.receive, request.state.send)

        made.append(Route("/mcp", Door(service, "POST", call)))
    return made
