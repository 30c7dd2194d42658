"""The addresses by which files come and go. A file that comes is the body of one request, and whole before it is kept."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import SpooledTemporaryFile, gettempdir
from typing import Any
from urllib.parse import quote

import anyio
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from rag.errors import FootnoteError, RefusedFile
from rag.read import MEGABYTE
from rag.settings import Settings
from rag.web.draft_desk import Drafts, checked_suffix
from rag.web.language import speaking, told
from rag.web.library import Library
from rag.web.opening import sentence, what_went_wrong
from rag.web.queueing import Turns
from rag.web.security import ADDRESSES, ARTICLES, DRAFT, FILES, MAX_BODY, language_of, visitor_of
from rag.web.shelf import unwritable
from rag.web.stream import aside

AT_ONCE = 16
"""Files that come in at once."""
OWN = 4
"""Files of one visitor among them at most: the other places stay free for everybody else."""
WAITING = 16
"""Files of one visitor that wait for a place; further ones are refused."""
WAITING_SECONDS = 30.0
"""Longest wait for a place; less than a body may take, see ``rag.web.connections``."""

Take = Callable[[str, bytes], dict[str, Any]]
Handle = Callable[[Request], Awaitable[Response]]


def routes(library: Library, drafts: Drafts, settings: Settings) -> list[Route]:
    """Return the routes of a page for its articles' and drafts' files."""
    turns = Turns(AT_ONCE, OWN, WAITING)
    largest = settings.max_file_megabytes * MEGABYTE
    return [
        Route(FILES, sender(library.file)),
        Route(ARTICLES, receiver(library.add, largest, turns, library.check_name), methods=["POST"]),
        Route(DRAFT, receiver(drafts.read, largest, turns, checked_suffix), methods=["POST"]),
        Route(ADDRESSES, receiver(library.collect, MAX_BODY, turns), methods=["POST"]),
    ]


def sender(load: Callable[[str], tuple[str, bytes]]) -> Handle:
    """Send the file that ``load`` gives for an ``id``: a PDF for the browser's own viewer, all else to be saved."""

    async def send(request: Request) -> Response:
        try:
            name, data = await aside(load, request.query_params.get("id", ""))
        except FootnoteError as error:
            return Response(told(sentence(error), language_of(request.scope)), 404, media_type="text/plain")
        shown, kind = ("inline", "pdf") if name.lower().endswith(".pdf") else ("attachment", "octet-stream")
        disposition = f"{shown}; filename*=UTF-8''{quote(name, safe='')}"
        return Response(data, headers={"content-type": f"application/{kind}", "content-disposition": disposition})

    return send


def receiver(take: Take, largest: int, turns: Turns, check: Callable[[str], object] = str) -> Handle:
    """Hand ``take`` a request's ``name`` and body, aside; return as JSON what it returns, or why it was ``refused``.

    ``check`` raises FootnoteError for a name of which nothing is to be read.
    """

    async def receive(request: Request) -> Response:
        visitor, name = visitor_of(request.scope), request.query_params.get("name", "")
        with speaking(language_of(request.scope)):
            try:
                await aside(check, name)
                await _begin(turns, visitor)
                try:
                    data = await _read(request, largest)
                    answer = await aside(take, name, data)
                finally:
                    turns.end(visitor)
            except ClientDisconnect:
                return Response(status_code=400)  # nobody is there to read it
            except Exception as error:  # the reader must be told, whatever it was
                answer = {"refused": told(what_went_wrong(error, "receiving a file"))}
        return JSONResponse(answer)

    return receive


async def _begin(turns: Turns, visitor: str) -> None:
    try:
        with anyio.fail_after(WAITING_SECONDS):
            await turns.begin(visitor)
    except TimeoutError:
        raise RefusedFile("others are adding files right now; add it again in a moment") from None


async def _read(request: Request, largest: int) -> bytes:
    """Read a body, beyond the first megabyte by way of the disk; raises FootnoteError where that cannot be."""
    _check_size(int(request.headers.get("content-length", 0)), largest)
    try:
        with SpooledTemporaryFile(max_size=MEGABYTE) as file:
            async for part in request.stream():
                _check_size(file.tell() + len(part), largest)
                await aside(file.write, part)
            file.seek(0)
            return await aside(file.read)
    except OSError as problem:
        raise unwritable(Path(gettempdir()), problem) from None


def _check_size(size: int, largest: int) -> None:
    if size > largest:
        limit = f"{largest / MEGABYTE:g}"
        raise RefusedFile("larger than {size} MB; split it or raise RAG_MAX_FILE_MEGABYTES", size=limit)
