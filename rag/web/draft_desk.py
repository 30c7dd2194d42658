"""The room of drafts: what a reporter wrote is checked against the articles, and drawn with their own words beside it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager
from html import escape
from pathlib import PurePath
from typing import Any, NamedTuple

from rag.draft.checked import Checked
from rag.draft.checking import LONGEST_DRAFT, checked_draft
from rag.draft.file import draft_text
from rag.draft.report import page, sections, summary
from rag.errors import RefusedFile
from rag.export.formats import File
from rag.export.paragraphs import cited_byline, place_text
from rag.read import Worker
from rag.settings import Settings
from rag.text.one_line import shortened
from rag.types import Citation
from rag.web.language import current, phrase, speaking, told
from rag.web.narrow import labels, scope_of
from rag.web.opening import Opening, what_went_wrong
from rag.web.place import check_of
from rag.web.render import MAX_LABEL, MAX_TITLE
from rag.web.rooms import Room, Visitor
from rag.web.stream import aside

SUFFIXES = (".txt", ".text", ".md", ".markdown", ".docx")
LONGEST_TEXT_FILE = 4 * LONGEST_DRAFT
"""Bytes; a longer text file is no draft in any encoding."""
LONGEST_SENT = LONGEST_DRAFT + LONGEST_DRAFT // 4
"""Characters that the box takes: a draft that is too long is refused, never cut without a word."""
STEP_SECONDS = 0.3
"""Seconds between two steps that the page shows."""


class Shown(NamedTuple):
    """What the page shows: ``markup``, whether a check is ``running``, and what was checked so far once it is not."""

    markup: str
    running: bool
    checked: Checked | None = None


def checked_suffix(name: str) -> str:
    """Return how a draft's file ends. Raises RefusedFile where no draft does."""
    suffix = PurePath(name).suffix.lower()
    if suffix not in SUFFIXES:
        raise RefusedFile("a draft is a .txt, .md or .docx file; save it as one of them")
    return suffix


class Drafts(Room):
    """A room (see ``rag.web.rooms``): a text, or a file's, is checked sentence by sentence.

    ``turn`` gives a visitor one turn among those who read articles: it is taken anew for each sentence, so that questions
    go on meanwhile.
    """

    name = "draft"

    def __init__(
        self,
        opening: Opening,
        settings: Settings,
        turn: Callable[[str], AbstractAsyncContextManager[None]],
    ) -> None:
        self._opening = opening
        self._folder = shortened(settings.articles.name, MAX_LABEL)
        self._worker = Worker()
        self._turn = turn
        self._stops: dict[str, asyncio.Event] = {}  # by session, while its draft is being checked

    def data(self, visitor: Visitor) -> dict[str, Any]:  # noqa: ARG002 - it is the same for all
        """Return what its script needs to know."""
        return {"folder": self._folder, "longest": LONGEST_DRAFT}

    def read(self, name: str, data: bytes) -> dict[str, Any]:
        """Return the ``text`` of a draft's file. Raises FootnoteError."""
        suffix = checked_suffix(name)
        if suffix != ".docx" and len(data) > LONGEST_TEXT_FILE:
            raise RefusedFile("longer than {longest:,} characters; check a part", longest=LONGEST_DRAFT)
        return {"text": checked_draft(draft_text(f"draft{suffix}", data, self._worker))}

    async def check(self, text: Any, chosen: Any, visitor: Visitor) -> AsyncGenerator[Shown, None]:
        """Check a draft within a chosen scope; yield how far it is, and in the end what came of it. One a page at a time."""
        if visitor.session in self._stops:
            return
        stop = self._stops[visitor.session] = asyncio.Event()
        checked: Checked | None = None
        shown_at = 0.0
        try:
            yield _note(phrase("The draft is being read…", visitor.language))
            while self._opening.state.kind == "loading" and not stop.is_set():
                yield _note(phrase("The articles are still being read…", visitor.language))
                await asyncio.sleep(STEP_SECONDS)
            chatbot = self._opening.ready()
            headers = await aside(chatbot.documents)
            scope = await aside(scope_of, chosen, headers)
            steps = chatbot.check_stepwise(text, scope)
            while not stop.is_set():
                async with self._turn(visitor.client or visitor.session):
                    step = await aside(next, steps, None)
                if step is None:
                    break
                checked = step
                if time.monotonic() - shown_at > STEP_SECONDS and checked.left:
                    shown_at, done = time.monotonic(), len(checked.sentences)
                    with speaking(visitor.language):
                        said = phrase(
                            "{done} of {count} sentence checked|{done} of {count} sentences checked",
                            done=done,
                            count=done + checked.left,
                        )
                    yield _note(said)
            if checked is None:
                yield _note(phrase("Stopped.", visitor.language), running=False)
                return
            with speaking(visitor.language):
                articles = phrase("{count} article|{count} articles", count=sum(map(scope.holds, headers)))
                about = phrase("Compared with {articles} in {folder}", articles=articles, folder=self._folder)
                if only := labels(scope, headers):
                    about = f"{about} · {phrase('Only in:')} {', '.join(only)}"
            yield Shown(await aside(markup, checked, about, visitor.language), False, checked)
        except Exception as error:  # the reader must be told, whatever it was
            problem = told(what_went_wrong(error, "checking a draft"), visitor.language)
            yield Shown(f'<p class="failure" role="alert">{escape(problem)}</p>', False)
        finally:
            del self._stops[visitor.session]

    async def stop(self, visitor: Visitor) -> None:
        """End the session's check after the sentence that is being checked: what was checked by then is shown."""
        if stop := self._stops.get(visitor.session):
            stop.set()

    async def report(self, visitor: Visitor, checked: Checked | None) -> dict[str, Any]:
        """Return the report as a page to be saved, see ``rag.draft.report.page``."""
        if checked is None:
            return {}
        with speaking(visitor.language):
            title = phrase("Checked draft")
            about = phrase("Compared with the articles in {folder}", folder=self._folder)
            written = await aside(page, checked, title, about, phrase, current())
        return {"file": File("draft-report.html", "text/html", written.encode()).data()}

    def close(self) -> None:
        """End the process that reads."""
        self._worker.close()


def _note(text: str, running: bool = True) -> Shown:
    return Shown(f'<p class="draft-note" role="status">{escape(text)}</p>', running)


def markup(checked: Checked, about: str, language: str) -> str:
    """Draw a checked draft: counts, what it was compared with, and a section for each sentence."""
    with speaking(language):
        save = f'<button type="button" class="action draft-save">{escape(phrase("Save the report"))}</button>'
        return (
            f'<div class="draft-head" role="status"><p class="draft-counts">{escape(summary(checked, phrase))}</p>'
            f'<p class="byline">{escape(about)}</p></div>{save}\n{sections(checked, phrase, _source)}'
        )


def _source(citation: Citation) -> str:
    """Draw what stands under a quote: a button that opens it in its article, and whose words they are."""
    header, at = citation.hit.document, {"start": citation.start, "end": citation.end}
    place = {"article": header.id, **at, "check": check_of(citation.quote)}
    data = " ".join(f'data-{name}="{escape(str(value))}"' for name, value in place.items())
    words = f'<span class="spoken">{escape(phrase("Read in article"))}: </span>'
    number = f'<button type="button" class="number" {data}>{words}{citation.number}</button>'
    title = shortened(header.title or header.id, MAX_TITLE)
    told_of = (title, cited_byline(header), place_text(citation.hit.passage.places, citation.start, citation.end))
    return f"{number} {escape(' · '.join(filter(None, told_of)))}"
