"""The nouns of a checked draft: frozen values, whole when they are made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rag.types import Citation

SentenceStatus = Literal["found", "differs", "not in the articles", "no claim"]
QuotationStatus = Literal["verbatim", "altered", "not found"]


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of letters of a comparison: both texts are equal, or what one has in place of the other.

    ``written`` are the draft's words, ``printed`` the article's; one of them may be empty.
    """

    written: str
    printed: str

    @property
    def same(self) -> bool:
        """Tell whether nothing but signs that look alike (curly marks, dashes, spaces, capitals) differs."""
        return bool(self.written) and bool(self.printed) and self.printed == self.written


@dataclass(frozen=True, slots=True)
class Quotation:
    """Words in quotation marks, and where they stand in an article.

    ``start`` and ``end`` count characters of the draft, without the marks. ``citations`` hold the article's own words, one
    for each part between omissions ("…", "[…]"); of a verbatim quotation ``others`` are further articles in which it stands.
    ``pieces`` spell out the difference of an altered one, part after part.
    """

    text: str
    start: int
    end: int
    status: QuotationStatus
    citations: tuple[Citation, ...] = ()
    pieces: tuple[Piece, ...] = ()
    others: tuple[Citation, ...] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """Something of a sentence that stands otherwise in the articles.

    ``kind`` is number, name, date, quotation, negation, speaker, wording or what the checker calls it. ``start`` and ``end``
    count characters of the draft; ``instead`` is what the article has in its place, empty where that is not one thing.
    """

    kind: str
    text: str
    start: int
    end: int
    instead: str = ""


@dataclass(frozen=True, slots=True)
class DraftSentence:
    """A sentence of a draft; ``start`` and ``end`` count the draft's characters.

    ``citations`` are the article's own words that say it, or say it otherwise; ``score`` is how well they support it, 0 to 1.
    """

    text: str
    start: int
    end: int
    status: SentenceStatus
    score: float = 0.0
    differences: tuple[Difference, ...] = ()
    citations: tuple[Citation, ...] = ()
    quotations: tuple[Quotation, ...] = ()


@dataclass(frozen=True, slots=True)
class Checked:
    """A draft, sentence by sentence; ``text`` is the draft as it was read, into which all spans point.

    ``left`` counts sentences at its end that are not checked yet.
    """

    text: str
    sentences: tuple[DraftSentence, ...]
    left: int = 0

    @property
    def quotations(self) -> tuple[Quotation, ...]:
        """Return all quotations of the draft, in order."""
        return tuple(each for sentence in self.sentences for each in sentence.quotations)

    @property
    def clean(self) -> bool:
        """Tell whether nothing differs and nothing is missing."""
        return not any(each.status in ("differs", "not in the articles") for each in self.sentences)

    def counts(self) -> dict[str, int]:
        """Count the sentences of each status, then the quotations of each."""
        found: dict[str, int] = dict.fromkeys(
            ("found", "differs", "not in the articles", "no claim", "verbatim", "altered", "not found"), 0
        )
        for status in (*(each.status for each in self.sentences), *(each.status for each in self.quotations)):
            found[status] += 1
        return found
