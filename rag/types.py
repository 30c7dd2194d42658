"""The nouns: frozen values that travel between the rooms."""

from __future__ import annotations

import re
from calendar import month_name
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

from rag.errors import CitationError


@dataclass(frozen=True, slots=True)
class Header:
    """What is known of an article besides its text.

    ``id`` is the file's path relative to the articles' folder, with forward slashes. ``published`` is ``YYYY-MM-DD``,
    ``YYYY-MM`` or ``YYYY``, as exact as the article itself tells, or empty. Unknown fields are empty.

    >>> Header(id="a.md", title="A vote", outlet="Courier", published="2019-06").line()
    'A vote · Courier · 2019-06'
    """

    id: str
    title: str = ""
    outlet: str = ""
    authors: tuple[str, ...] = ()
    published: str = ""
    language: str = ""
    source: str = ""

    def line(self) -> str:
        """Title, outlet and date in one line: what is shown above a quote and embedded in front of a passage."""
        return " · ".join(part for part in (self.title, self.outlet, self.published) if part)

    def byline(self) -> str:
        """Return the line with the authors: what a question can name an article by."""
        return " · ".join(part for part in (self.line(), ", ".join(self.authors)) if part)

    def as_of(self) -> str:
        """When what the article says was so, as far as it tells: the date in words that stands beside each citation.

        >>> Header(id="a.md", published="2019-06-04").as_of(), Header(id="a.md").as_of()
        ('as of 4 June 2019', 'undated')
        """
        return f"as of {spoken_date(self.published)}" if self.published else "undated"

    def cited(self) -> str:
        """Title (or id), outlet and ``as_of`` in one line: what a citation names its article by.

        >>> Header(id="a.md", title="A vote", outlet="Courier", published="2019-06").cited()
        'A vote · Courier · as of June 2019'
        """
        return " · ".join(part for part in (self.title or self.id, self.outlet, self.as_of()) if part)

    @property
    def date_order(self) -> tuple[bool, str, str, str]:
        """Return what sorts articles by date of publication, oldest first, undated ones last.

        A month or a year comes before the days in it; the same date is sorted by title.
        """
        return (not self.published, self.published, self.title, self.id)


def spoken_date(published: str) -> str:
    """Return a date as a newspaper prints it, as exact as it is known.

    >>> [spoken_date(each) for each in ("2031-03-04", "2031-03", "2031", "")]
    ['4 March 2031', 'March 2031', '2031', '']
    """
    found = re.fullmatch(r"(\d{4})(?:-(0[1-9]|1[0-2]))?(?:-(\d\d))?", published)
    if found is None:
        return published
    year, month, day = found.groups()
    return " ".join(part for part in (day and str(int(day)), month and month_name[int(month)], year) if part)


PLACES: dict[str, tuple[str, str]] = {
    "chapter": ("{first}", "{first} – {last}"),
    "section": ("section “{first}”", "sections “{first}” – “{last}”"),
    "sheet": ("sheet {first}", "sheets {first} – {last}"),
    "page": ("p. {first}", "pp. {first}–{last}"),
    "slide": ("slide {first}", "slides {first}–{last}"),
    "row": ("row {first}", "rows {first}–{last}"),
    "turn": ("{first}", "{first} – {last}"),
}
"""Kinds of places, widest first: how one and how a range of them is written."""


@dataclass(frozen=True, slots=True)
class Locator:
    """Say that a page, a row or another kind of ``PLACES`` begins at a character; ``name`` is its number or heading."""

    start: int
    kind: str
    name: str


def locate(places: Sequence[Locator], start: int, end: int) -> list[tuple[str, str, str]]:
    """Return kind, first and last name of the places of a span, widest kind first.

    >>> pages = [Locator(0, "page", "1"), Locator(50, "page", "2")]
    >>> locate(pages, 10, 20), locate(pages, 10, 60)
    ([('page', '1', '1')], [('page', '1', '2')])

    A turn of speech ends where a section begins.
    """
    first: dict[str, str] = {}
    last: dict[str, str] = {}
    for each in places:
        if each.start >= end:
            break
        if each.start <= start:
            if each.kind in ("chapter", "section"):
                first.pop("turn", None)
            first[each.kind] = each.name
        first.setdefault(each.kind, each.name)
        last[each.kind] = each.name
    return [(kind, first[kind], last[kind]) for kind in PLACES if kind in first]


def places_between(places: Sequence[Locator], start: int, end: int) -> tuple[Locator, ...]:
    """Keep the places that characters ``start`` to ``end`` lie in: those inside, and the last of each kind before.

    >>> pages = [Locator(0, "page", "1"), Locator(50, "page", "2"), Locator(90, "page", "3")]
    >>> [each.name for each in places_between(pages, 60, 80)]
    ['2']
    """
    before = {each.kind: each for each in places if each.start <= start}
    inside = [each for each in places if start < each.start < end]
    return (*sorted(before.values(), key=lambda each: each.start), *inside)


def written_place(places: Sequence[Locator], start: int, end: int) -> str:
    """Write where characters ``start`` to ``end`` stand, empty where no place is known.

    >>> written_place([Locator(0, "sheet", "Fares"), Locator(0, "row", "2"), Locator(9, "row", "3")], 4, 12)
    'sheet Fares, rows 2–3'
    """
    found = locate(places, start, end)
    return ", ".join(PLACES[kind][first != last].format(first=first, last=last) for kind, first, last in found)


@dataclass(frozen=True, slots=True)
class Document(Header):
    """An article: its header and its cleaned text, into which every span points.

    ``places`` are where its pages, sections or rows begin, by their starts. ``notices`` say what of the file could not
    be read, such as a page that is an image.

    >>> Document(id="a.md", title="A vote", text="The vote was held.").header
    Header(id='a.md', title='A vote', outlet='', authors=(), published='', language='', source='')
    """

    text: str = ""
    places: tuple[Locator, ...] = ()
    notices: tuple[str, ...] = ()
    left_out: tuple[tuple[str, int], ...] = field(default=(), compare=False)
    """Words of the file that are not in the text, by kind of what they stood in."""

    @property
    def header(self) -> Header:
        """Return the same article without its text."""
        return Header(**{each.name: getattr(self, each.name) for each in fields(Header)})


@dataclass(frozen=True, slots=True)
class Passage:
    """A span of an article: ``text == document.text[start:end]``, always.

    ``id`` is a hash of the content and its context (the article and its header), never of a position: an edit elsewhere
    in the article leaves it as it is. ``start`` and ``end`` count characters of the document's text. ``places`` are
    the document's, as far as the passage lies in them.
    """

    id: str
    document_id: str
    start: int
    end: int
    text: str
    places: tuple[Locator, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end or len(self.text) != self.end - self.start:
            raise CitationError("a passage of {id} does not match its own span", id=self.document_id)

    @property
    def place(self) -> str:
        """Where it stands in its file ("pp. 4–5"), empty where no place is known."""
        return written_place(self.places, self.start, self.end)


@dataclass(frozen=True, slots=True)
class Scope:
    """What a search is narrowed to. Whatever is empty does not narrow it.

    ``outlets`` and ``authors`` are names as the articles write them, ``documents`` article ids, ``published`` the first and
    the last day (``YYYY-MM-DD``, inclusive, empty where open). ``names`` are people, organisations or places: a chatbot
    puts the articles that mention any of them in their place before ``holds`` is asked. An article of which only the
    month or the year is known is inside where any day of it is; one without a date is outside of any period.

    >>> Scope(published=("2031-03-10", "")).holds(Header(id="a.md", published="2031-03"))
    True
    >>> Scope(outlets=("Courier",)).holds(Header(id="a.md", outlet="Gazette"))
    False
    """

    outlets: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    published: tuple[str, str] = ("", "")
    names: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return any((self.outlets, self.authors, self.documents, any(self.published), self.names))

    def holds(self, header: Header) -> bool:
        """Tell whether an article lies inside."""
        first, last = self.published
        # A shorter date sorts before every day in it, and "~" after: so the period of a month or a year is compared as text.
        dated = bool(header.published) and header.published + "~" >= first and (not last or header.published <= last)
        return (
            (not self.outlets or header.outlet in self.outlets)
            and (not self.authors or any(author in self.authors for author in header.authors))
            and (not self.documents or header.id in self.documents)
            and (not any(self.published) or dated)
        )


@dataclass(frozen=True, slots=True)
class Why:
    """Why a passage was found: ranks count from 1, ``None`` where that half of the index did not find it.

    ``dense_score`` is a cosine (-1 to 1), ``keyword_score`` a BM25 score (0 or more), ``matched`` the words of the
    question that stand in the passage, ``met`` what the question names that its article meets (an outlet, a date).
    ``fused`` is both halves in one score (0 to 1), ``reranked`` what a reranker gave it (0 to 1), ``None`` where it
    read nothing of it.
    """

    dense_rank: int | None = None
    dense_score: float | None = None
    keyword_rank: int | None = None
    keyword_score: float | None = None
    matched: tuple[str, ...] = ()
    met: tuple[str, ...] = ()
    fused: float | None = None
    reranked: float | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """A found passage with its article's header. A higher score is better and scores compare within one question only.

    ``also`` are other articles in which nearly the same text stands.
    """

    passage: Passage
    document: Header
    score: float
    why: Why = field(default_factory=Why)
    also: tuple[Header, ...] = ()


@dataclass(frozen=True, slots=True)
class Dropped:
    """A passage that was found and is not shown, and ``reason``, why, in words."""

    hit: Hit
    reason: str


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Hold a passage as a block of a message, for models that say which ``sentences`` they used."""

    title: str
    source: str
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation; ``role`` is ``"user"``, ``"assistant"`` or, for what a chat model is told, ``"system"``.

    ``blocks`` say the same as ``text`` where it holds passages, with each as a ``SearchResult``; most models read the text.
    """

    role: str
    text: str
    blocks: tuple[str | SearchResult, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Citation:
    """A quote that stands in an article, letter for letter: ``quote == document.text[start:end]``.

    ``start`` and ``end`` count characters of the document's text. A citation whose quote is not there cannot be built:

    >>> passage = Passage(id="p", document_id="a.md", start=10, end=29, text="It rained on Monday."[:19])
    >>> hit = Hit(passage=passage, document=Header(id="a.md"), score=1.0)
    >>> Citation(number=1, hit=hit, quote="It rained", start=10, end=19).quote
    'It rained'
    >>> Citation(number=1, hit=hit, quote="It snowed", start=10, end=19)
    Traceback (most recent call last):
    rag.errors.CitationError: the quote does not stand at characters 10 to 19 of a.md
    """

    number: int
    """Counts the cited articles of an answer from 1: quotes of one article share it, as notes in a book do."""
    hit: Hit
    quote: str
    start: int
    end: int

    def __post_init__(self) -> None:
        passage = self.hit.passage
        inside = passage.start <= self.start < self.end <= passage.end
        if not inside or self.quote != passage.text[self.start - passage.start : self.end - passage.start]:
            raise CitationError(
                "the quote does not stand at characters {start} to {end} of {document_id}",
                start=self.start,
                end=self.end,
                document_id=passage.document_id,
            )

    @property
    def place(self) -> str:
        """Where the quote stands in its file ("p. 4"), empty where no place is known."""
        return written_place(self.hit.passage.places, self.start, self.end)

    @property
    def where(self) -> str:
        """Name the article, the place in its file and the characters, for people."""
        span = f"characters {self.start} to {self.end}"
        return ", ".join(filter(None, (self.hit.document.id, self.place, span)))


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of an answer with the citations that carry it; ``supported`` is false where none does.

    ``lead`` is what stands in front of it: a space, a line break, or a line break and the mark of a list. ``unverified``
    are the spans of ``text`` (start, end) with a number, date, name or quotation that stands in none of the quotes, or that
    say something else than they do; ``doubts`` are their kinds: number, date, name, quotation, negation, direction, meaning
    (all of it), attribution (its speaker is left out), speaker (another one), order (the quote is one to a model);
    ``bold`` are the spans that are set in bold. ``answer`` is the span of ``text`` that answers, where one is known;
    ``context`` is the article's own words that the sentence hangs on (what "she" means, a table's header), shown in front
    of it and not part of the quote. ``label`` heads a paragraph: the part of the question, or the outlet, that it is about.
    ``repaired`` is true where a quotation was not the article's words and has been replaced by them.
    """

    text: str
    citations: tuple[Citation, ...] = ()
    supported: bool = True
    lead: str = " "
    unverified: tuple[tuple[int, int], ...] = ()
    bold: tuple[tuple[int, int], ...] = ()
    answer: tuple[int, int] | None = None
    context: str = ""
    label: str = ""
    doubts: tuple[str, ...] = ()
    repaired: bool = False

    @property
    def verdict(self) -> Literal["", "verified", "repaired", "unverified"]:
        """Return what became of it: all checked, a quotation put right, something not found; empty for no claim.

        >>> Sentence("It rained.", supported=False).verdict
        'unverified'
        """
        if not self.supported or self.unverified:
            return "unverified"
        if self.repaired:
            return "repaired"
        return "verified" if self.citations else ""


DOUBTED = "stands in no quote"
DOUBTS = {
    "negation": "the quote says it otherwise",
    "direction": "the quote says it otherwise",
    "meaning": "the quote may say something else",
    "attribution": "speaker left out",
    "speaker": "not who says so in the quote",
    "order": "the quote speaks to the model, not to readers",
}
"""What a mark on a sentence means, by the kind of doubt; others stand in no quote."""


State = Literal["answered", "closest", "none"]
"""How an answer ended: with an answer, with the closest sentences only, or with nothing to show."""


@dataclass(frozen=True, slots=True, repr=False)
class Answer:
    """An answer, whole at every step of a stream; ``print`` shows it with its numbered sources, a notebook as HTML.

    ``text`` is what is shown, with ``[n]`` after each sentence; ``citations`` are numbered by article in order of
    appearance; ``hits`` are the passages that were read, best first. ``state`` is "answered", "closest" (no answer was
    found, ``sentences`` are the closest ones) or "none"; ``score`` is how sure the reader is, 0 to 1, 0 where a model
    wrote. ``complete`` is false while more may come, or where it was cut.
    ``model`` names what wrote the answer; ``notice`` is something the reader should know about how it came about.
    ``searched`` is the question that was searched for where a follow-up had to be completed first, else empty.
    ``understood`` are the outlets, authors, articles and dates it names, as a chip shows them ("Courier", "Mar
    2031"), ``parts`` the questions it consists of, empty where it is one. ``scope`` is what the search was narrowed to,
    ``candidates`` how many passages it weighed, ``dropped`` the best of those that are not among the hits.
    """

    question: str
    searched: str = ""
    understood: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    scope: Scope = field(default_factory=Scope)
    candidates: int = 0
    dropped: tuple[Dropped, ...] = ()
    text: str = ""
    sentences: tuple[Sentence, ...] = ()
    citations: tuple[Citation, ...] = ()
    hits: tuple[Hit, ...] = ()
    model: str = "extractive"
    complete: bool = False
    state: State = "answered"
    score: float = 0.0
    notice: str = ""

    @property
    def refused(self) -> bool:
        """True unless the question is answered."""
        return self.state != "answered"

    def to_dict(self) -> dict[str, Any]:
        """Write the answer as values that JSON knows, the one shape of all programs' doors.

        Every field by its name, with ``refused``, and each citation with its ``place`` and ``as_of``, the article's date.

        >>> Answer("Who voted?", state="none").to_dict()["refused"]
        True
        """
        shape = {**asdict(self), "refused": self.refused}
        for shaped, citation in zip(shape["citations"], self.citations, strict=True):
            shaped |= {"as_of": citation.hit.document.as_of(), "place": citation.place}
        return shape

    # The formats stand in rag.export.formats, which knows these types: so they are imported when they are used.

    def _written(self, kind: Literal["markdown", "plain", "html"]) -> str:
        from rag.export.formats import written

        return written(self, kind)

    def to_markdown(self) -> str:
        """Write the answer as Markdown with its quotes as footnotes."""
        return self._written("markdown")

    def __str__(self) -> str:
        return self._written("plain").rstrip("\n")

    def _repr_html_(self) -> str:
        return self._written("html")

    def __repr__(self) -> str:
        """Name the question and the outcome in one line.

        >>> Answer("Who voted?", state="none")
        Answer('Who voted?', 'none', sentences=0, citations=0)
        """
        counts = f"sentences={len(self.sentences)}, citations={len(self.citations)}"
        return f"Answer({self.question!r}, {self.state!r}, {counts})"


@dataclass(frozen=True, slots=True)
class FileReason:
    """A file that is not in the index, and why."""

    id: str
    reason: str


@dataclass(frozen=True, slots=True)
class FileStatus:
    """How a file of the folder stands to the index; ``reason`` says why where it ``failed`` or was ``skipped``.

    ``status`` is ``indexed``, ``new``, ``changed``, ``removed`` (the index has it, the folder no more), ``failed`` or
    ``skipped``. ``left_out`` counts the words that the reader left out, by kind.
    """

    id: str
    status: str
    reason: str = ""
    left_out: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Contents:
    """What an index holds: counts, the embedding model's name, its size in bytes, and when it was built.

    ``generation`` counts the builds of this index from 1, ``name`` is that generation's own; ``built`` counts seconds since
    1970.
    """

    articles: int
    passages: int
    embedder: str
    size: int
    generation: int
    name: str
    built: float


@dataclass(frozen=True, slots=True)
class Changes:
    """What a build did, by file: every one that was seen was indexed (added, changed, kept), skipped or failed.

    ``incomplete`` are indexed files of which something could not be read. ``articles`` and ``passages`` count all that are
    in the index (a mailbox holds several articles), ``embedded`` the passages that went through the embedder.

    >>> changes = Changes(added=("a.md",), kept=("b.md",), failed=(FileReason("c.txt", "not text"),), passages=7)
    >>> changes.seen, changes.indexed
    (3, 2)
    """

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    skipped: tuple[FileReason, ...] = ()
    failed: tuple[FileReason, ...] = ()
    incomplete: tuple[FileReason, ...] = ()
    articles: int = 0
    passages: int = 0
    embedded: int = 0

    @property
    def indexed(self) -> int:
        """Return how many files are in the index."""
        return len(self.added) + len(self.changed) + len(self.kept)

    @property
    def seen(self) -> int:
        """Return how many files the folder holds: indexed + skipped + failed."""
        return self.indexed + len(self.skipped) + len(self.failed)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a build is: ``done`` of ``total`` files or passages in a ``stage`` (``"reading"``, ``"embedding"``, ...)."""

    stage: str
    done: int
    total: int
