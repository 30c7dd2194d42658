"""The conductor: a question in, answers out. One implementation behind Python, the terminal and the page."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from rag.build import build, load_embedder, outdated
from rag.cite import citations_of, cite, marked_text
from rag.errors import IndexingError, IndexLocked, IndexTooNew, IndexUnwritable, SettingsError
from rag.extractive import SentenceReader
from rag.index import Index
from rag.retrieve import check_k, check_question
from rag.retrieve import retrieve as retrieve_hits
from rag.settings import Settings
from rag.types import Answer, Changes, Document, Header, Hit, Message, Progress

if TYPE_CHECKING:
    from embeddings import Embedder
    from rag.extractive import Reader

REFUSAL = "The articles do not say. The nearest passages are shown, but they do not answer the question."


class Chatbot:
    """Answers questions about one folder of articles; safe to use from any thread.

    It keeps no conversation: history is passed in. ``changes`` is what the last build did, ``None`` where none was needed;
    ``notice`` is what a reader should know about the index, or empty.
    """

    def __init__(
        self,
        settings: Settings,
        index: Index,
        embedder: Embedder,
        reader: Reader,
        changes: Changes | None = None,
        notice: str = "",
    ) -> None:
        index.check_embedder(embedder)
        self.settings = settings
        self.changes = changes
        self.notice = notice or index.notice
        self._index = index
        self._embedder = embedder
        self._reader = reader
        self._refreshing = threading.Lock()

    @classmethod
    def open(
        cls,
        settings: Settings | None = None,
        *,
        articles: str | Path | None = None,
        index: str | Path | None = None,
        embedder: Embedder | None = None,
        on_progress: Callable[[Progress], None] = lambda _: None,
    ) -> Chatbot:
        """Opens the index of a folder of articles, and builds or updates it first where it is missing or outdated.

        ``settings`` default to the environment's; ``articles`` and ``index`` name the two folders. Loading the embedding
        model takes seconds. Raises FootnoteError.
        """
        settings = settings or Settings.from_environment()
        settings = settings.replace(articles=articles, index=index)
        if settings.model != "extractive":
            raise SettingsError(f"there is no model named {settings.model!r}; set RAG_MODEL to extractive")
        on_progress(Progress("loading the model", 0, 1))
        embedder = embedder or load_embedder(settings)
        on_progress(Progress("loading the model", 1, 1))
        opened, changes, notice = _up_to_date(settings, embedder, on_progress)
        return cls(settings, opened, embedder, SentenceReader(embedder), changes, notice)

    def refresh(self, on_progress: Callable[[Progress], None] = lambda _: None) -> Changes | None:
        """Builds again where the folder of articles changed since; returns what changed, or ``None``.

        Questions go on meanwhile, answered from the old index until the new one is whole. Raises what ``open`` raises.
        """
        with self._refreshing:
            opened, changes, notice = _up_to_date(self.settings, self._embedder, on_progress, self._index)
            if opened is not self._index:
                self._index, self.changes = opened, changes
            self.notice = notice or opened.notice
            return changes

    def retrieve(self, question: str, k: int | None = None) -> list[Hit]:
        """The ``k`` best passages for a question, best first; ``k`` (1 to 1,000) defaults to the setting.

        Raises QuestionError for what cannot be asked, EmbedderError where the model fails.
        """
        return retrieve_hits(self._index, self._embedder, question, self.settings.k if k is None else check_k(k))

    def ask(self, question: str, history: Sequence[Message] = (), k: int | None = None) -> Answer:
        """The finished answer to a question; see ``stream``."""
        *_, answer = self.stream(question, history, k)
        return answer

    def stream(self, question: str, history: Sequence[Message] = (), k: int | None = None) -> Iterator[Answer]:  # noqa: ARG002
        """The answer as it comes, whole at every step: first the passages, then sentence by sentence.

        ``history`` is the conversation before; the extractive answerer reads each question by itself. Raises QuestionError
        for what cannot be asked, EmbedderError where the model fails.
        """
        question = check_question(question)
        index = self._index
        hits = tuple(retrieve_hits(index, self._embedder, question, self.settings.k if k is None else check_k(k)))
        answer = Answer(question=question, hits=hits, model=self.settings.model, notice=self.notice)
        yield answer
        reading = self._reader.read(question, hits, index)
        if not reading.evidence:
            yield replace(answer, text=REFUSAL, refused=True, complete=True)
            return
        sentences = cite(reading.evidence)
        for count in range(1, len(sentences) + 1):
            shown = sentences[:count]
            text, citations = marked_text(shown), citations_of(shown)
            yield replace(answer, text=text, sentences=shown, citations=citations, complete=count == len(sentences))

    def documents(self) -> list[Header]:
        """All articles in the index, by id, without their texts."""
        return self._index.headers()

    def document(self, id: str) -> Document:
        """One article with its text; raises QuestionError where there is none of that id."""
        return self._index.document(id)

    def close(self) -> None:
        """Gives the index's files back."""
        self._index.close()


def retrieve(
    question: str, k: int | None = None, *, articles: str | Path | None = None, index: str | Path | None = None
) -> list[Hit]:
    """The ``k`` best passages of a folder of articles for a question, best first.

    ``k`` defaults to RAG_K, the two folders to RAG_ARTICLES and RAG_INDEX. The index is built or updated first where it is
    missing or outdated; the model is loaded once per process. Raises FootnoteError.

    >>> hits = retrieve("How many people came to the rally against violence?", k=3)
    >>> [hit.document.id for hit in hits][:1]
    ['rally-against-violence.md']
    """
    return _chatbot(articles, index).retrieve(question, k)


def ask(
    question: str, k: int | None = None, *, articles: str | Path | None = None, index: str | Path | None = None
) -> Answer:
    """The answer to a question from a folder of articles, every sentence with its quote.

    ``k`` is how many passages are read; all else is as in ``retrieve``.

    >>> answer = ask("How many people came to the rally against violence?")
    >>> answer.refused, answer.citations[0].number
    (False, 1)
    >>> ask("How deep is Lake Baikal?").refused
    True
    """
    return _chatbot(articles, index).ask(question, k=k)


def _chatbot(articles: str | Path | None, index: str | Path | None) -> Chatbot:
    settings = Settings.from_environment(articles=articles, index=index)
    with _opening:
        chatbot = _opened(settings)
    chatbot.refresh()
    return chatbot


_opening = threading.Lock()


@lru_cache(maxsize=4)
def _opened(settings: Settings) -> Chatbot:
    return Chatbot.open(settings)


def _up_to_date(
    settings: Settings,
    embedder: Embedder,
    on_progress: Callable[[Progress], None],
    opened: Index | None = None,
) -> tuple[Index, Changes | None, str]:
    index = opened if opened is not None else _existing(settings.index)
    if index is not None and not index.notice and not outdated(settings, index, embedder):
        return index, None, ""
    try:
        changes = build(settings, embedder, on_progress)
    except (IndexLocked, IndexUnwritable) as obstacle:
        # An older index of the same model still answers; the reader is told that it is older.
        if index is None or index.recipe.fingerprint != embedder.fingerprint:
            raise
        return index, None, f"The answers come from an older index: {obstacle}"
    return Index.open(settings.index), changes, ""


def _existing(folder: Path) -> Index | None:
    try:
        return Index.open(folder)
    except IndexTooNew:
        raise
    except IndexingError:
        return None
