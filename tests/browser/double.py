"""A chatbot without a model: it answers from four invented articles by counting shared words, and can be held back."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Any

from rag.chat import ChatModel, Draft
from rag.chat.keys import Key
from rag.chat.reachable import Reachable
from rag.cite.checker import citations_of
from rag.errors import EndpointUnreachable, KeyMissing, QuestionError, SettingsError
from rag.index.entities import Name
from rag.settings import Settings
from rag.types import (
    Answer,
    Changes,
    Citation,
    Contents,
    Document,
    FileStatus,
    Header,
    Hit,
    Message,
    Passage,
    Progress,
    Scope,
    Sentence,
    Why,
)

REFUSAL = "No answer found."
EXAMPLES = (
    "How much will the four electric ferries cost?",
    "What did the frost do to the pears in the Vell valley?",
    "When does the night library in Tarn close?",
)

ARTICLES = (
    Document(
        id="ferry.md",
        title="Orsund council votes for electric ferries",
        outlet="The Orsund Gazette",
        authors=("Maren Tolk",),
        published="2031-03-04",
        text=(
            "The council of Orsund voted 23 to 8 on Monday to replace its diesel ferries with electric ones. The vote ended "
            "two years of dispute over the price of the charging piers.\n\n"
            "The four ferries will cost 61 million crowns, of which the region pays a third. They are to cross the strait "
            "in eleven minutes, two fewer than today. 🚢 The first is expected in the spring of 2033.\n\n"
            "Harbour master Ilse Brandt said that the old boats would be sold to a museum and to a fishing cooperative. She "
            "did not name a price."
        ),
    ),
    Document(
        id="orchards.md",
        title="Late frost costs Vell valley half of its pears",
        outlet="Valley Courier",
        authors=("Jon Peder", "Ada Rusk"),
        published="2031-04",
        text=(
            "Growers in the Vell valley expect to pick 4,200 tonnes of pears this autumn, about half of a usual harvest, "
            "after three nights of frost in April.\n\n"
            "The cooperative had lit straw fires between the rows, but wind carried the warmth away. Its chair, Tove Lind, "
            "asked the ministry for loans without interest. The ministry promised an answer by June."
        ),
    ),
    Document(
        id="library.md",
        title="A night library opens in the old mill of Tarn",
        outlet="The Orsund Gazette",
        published="2030",
        text=(
            "The town of Tarn has opened a library that closes at four in the morning. It is housed in a mill that had stood "
            "empty since 1988.\n\n"
            "Most visitors come after midnight, librarian Sol Emer said: nurses, bakers and students. The town pays 340,000 "
            "crowns a year for heat and light, and volunteers do the rest."
        ),
    ),
    Document(
        id="archive/bridge.md",
        title="Мост через Лугу откроют осенью",
        outlet="Вести Луги",
        authors=("Анна Белова",),
        published="2030-11-17",
        language="ru",
        text="Новый мост через Лугу откроют осенью. Он заменит понтонную переправу, которую каждый год сносит ледоход.",
    ),
)


def as_file(article: Document, text: str = "") -> str:
    """An article as it lies in a folder, its header in front; with another text where one is given."""
    header = f"title: {article.title}\noutlet: {article.outlet}\npublished: {article.published}"
    return f"---\n{header}\n---\n{text or article.text}\n"


def words(text: str) -> set[str]:
    return {word for word in re.findall(r"\w+", text.casefold()) if len(word) > 3}


def passages(document: Document) -> Iterator[Passage]:
    for number, block in enumerate(re.finditer(r"[^\n]+", document.text)):
        yield Passage(f"{document.id}-{number}", document.id, block.start(), block.end(), block[0])


@dataclass
class Double:
    """The face of ``Chatbot``; while ``gate`` is cleared a stream waits before each sentence, ``closed`` tells its end.

    ``writing`` stands in for a chat model and our check of it: the answers it makes of the one with the passages follow
    that one. A model named "stuck" writes nothing until ``loose`` is set, and says so every ``patience`` seconds. Of a
    question it understands the outlets and the years that stand in it.
    """

    articles: Sequence[Document] = ARTICLES
    settings: Settings = field(default_factory=lambda: Settings(k=5))
    changes: Changes | None = None
    notice: str = ""
    gate: threading.Event = field(default_factory=threading.Event)
    closed: list[str] = field(default_factory=list)
    asked: list[tuple[str, tuple[Message, ...]]] = field(default_factory=list)
    fail: Exception | None = None
    model: ChatModel | None = None
    writing: Callable[[Answer], Iterator[Answer]] | None = None
    models: list[str] = field(default_factory=list)
    loose: threading.Event = field(default_factory=threading.Event)
    ignored: list[tuple[str, ...]] = field(default_factory=list)
    scopes: list[Scope | None] = field(default_factory=list)
    patience: float = 0.25
    files: Sequence[FileStatus] = ()

    def __post_init__(self) -> None:
        self.gate.set()

    def understood(self, question: str, ignored: Collection[str] = ()) -> tuple[str, ...]:
        labels = (label for each in self.articles for label in (each.outlet, each.published[:4]))
        return tuple(dict.fromkeys(each for each in labels if each and each in question and each not in ignored))

    def retrieve(self, question: str, k: int | None = None, ignored: Collection[str] = ()) -> list[Hit]:
        wanted, understood = words(question), self.understood(question, ignored)
        hits = []
        for document in self.articles:
            met = tuple(each for each in understood if each in (document.outlet, document.published[:4]))
            also = tuple(each.header for each in self.articles if each is not document and each.text == document.text)
            for passage in passages(document):
                score = float(len(wanted & words(passage.text)))
                hits.append(Hit(passage, document.header, score, Why(met=met), also))
        return sorted(hits, key=lambda hit: (-len(hit.why.met), -hit.score))[: k or self.settings.k]

    def with_settings(self, **changes: Any) -> Double:
        other = copy(self)
        other.settings = self.settings.replace(**changes)
        return other

    def stream(
        self,
        question: str,
        history: Sequence[Message] = (),
        k: int | None = None,
        *,
        model: ChatModel | str | None = None,
        scope: Scope | None = None,
        ignored: Collection[str] = (),
    ) -> Iterator[Answer]:
        self.asked.append((question, tuple(history)))
        self.scopes.append(scope)
        self.ignored.append(tuple(ignored))
        model = None if model == "extractive" else model or self.model
        name = "extractive" if model is None else model.name
        self.models.append(name)
        try:
            if self.fail:
                raise self.fail
            hits = tuple(hit for hit in self.retrieve(question, k, ignored) if not scope or scope.holds(hit.document))
            understood = self.understood(question, ignored)
            answer = Answer(question=question, understood=understood, hits=hits, notice=self.notice, model=name)
            yield answer
            while "stuck" in name and not self.loose.wait(self.patience):
                yield answer
            if self.writing is not None:
                yield from self.writing(answer)
                return
            found = [hit for hit in hits if hit.score >= 2][:2]
            if not found:
                yield replace(answer, text=REFUSAL, state="none", complete=True)
                return
            for count in range(1, len(found) + 1):
                while not self.gate.wait(0.05):
                    yield answer
                answer = replace(self._answer(answer, found[:count], words(question)), complete=count == len(found))
                yield answer
        finally:
            self.closed.append(question)

    def _answer(self, answer: Answer, found: Sequence[Hit], wanted: set[str]) -> Answer:
        sentences = []
        articles = list(dict.fromkeys(hit.document.id for hit in found))
        for hit in found:
            best = max(re.finditer(r"[^.]+\.?", hit.passage.text), key=lambda each: len(wanted & words(each[0])))
            quote = best[0].strip()
            start = hit.passage.start + hit.passage.text.index(quote)
            citation = Citation(articles.index(hit.document.id) + 1, hit, quote, start, start + len(quote))
            sentences.append(Sentence(quote, (citation,), lead="\n\n"))
        return replace(
            answer,
            text="\n\n".join(f"{each.text} [{each.citations[0].number}]" for each in sentences),
            sentences=tuple(sentences),
            citations=citations_of(sentences),
        )

    def documents(self) -> list[Header]:
        return [document.header for document in self.articles]

    def titles(self) -> dict[str, str]:
        return {}

    def names(self) -> tuple[Name, ...]:
        return (Name("Ilse Brandt", ("Brandt",), 3, ("ferry.md",)), Name("Tarn", (), 2, ("library.md", "ferry.md")))

    def passage_counts(self) -> dict[str, int]:
        return {document.id: len(list(passages(document))) for document in self.articles}

    def contents(self) -> Contents:
        count = sum(self.passage_counts().values())
        return Contents(len(self.articles), count, "double", 1_234_567, 3, f"gen-{len(self.articles)}", 1_924_000_000.0)

    def inventory(self) -> list[FileStatus]:
        return [FileStatus(document.id, "indexed") for document in self.articles] + list(self.files)

    def document(self, id: str) -> Document:
        for document in self.articles:
            if document.id == id:
                return document
        raise QuestionError("there is no such article; choose one from the list")

    def close(self) -> None:
        pass


@dataclass(frozen=True)
class NamedModel:
    """A chat model that is no more than its name."""

    name: str
    context_tokens: int = 4096

    def count_tokens(self, text: str) -> int:
        return len(text)

    def stream(self, messages: Sequence[Message]) -> Iterator[Draft]:
        if self.name.endswith(":down"):
            raise EndpointUnreachable("nobody listens there; start the server")
        yield Draft("Readers can check them.")


@dataclass
class ServicesDouble:
    """The models' room as the page sees it: two services, of which the paid one wants a key; ``opened`` keeps the keys."""

    keyed: Sequence[str] = ("paid", "dear")
    found: Sequence[Reachable] = (
        Reachable("near", ("small", "stuck"), "running on this machine"),
        Reachable("paid", (), "no key; set PAID_API_KEY"),
        Reachable("dear", (), "no key; set DEAR_API_KEY"),
    )
    opened: list[tuple[str, str]] = field(default_factory=list)
    looks: int = 0

    def look(self) -> Sequence[Reachable]:
        self.looks += 1
        return self.found

    def check(self, name: str) -> str:
        if not re.fullmatch(r"(near|paid|dear):\S+", name):
            raise SettingsError(f"there is no model named {name!r}; choose one as SERVICE:NAME")
        return name

    def open(self, settings: Settings, key: Key | None) -> ChatModel | None:
        service = settings.model.partition(":")[0]
        if service in self.keyed and not key:
            raise KeyMissing(f"{service} asks for a key; set {service.upper()}_API_KEY")
        self.opened.append((settings.model, key.reveal() if key else ""))
        return NamedModel(settings.model)


@dataclass
class Opener:
    """What ``build_page`` calls: hands out ``chatbot`` once ``ready`` is set, after the given steps, or raises ``fail``."""

    chatbot: Double = field(default_factory=Double)
    ready: threading.Event = field(default_factory=threading.Event)
    steps: Sequence[Progress] = ()
    fail: BaseException | None = None

    def __call__(self, on_progress: Callable[[Progress], None]) -> Double:
        for step in self.steps:
            on_progress(step)
        self.ready.wait(300)
        if self.fail is not None:
            raise self.fail
        return self.chatbot
