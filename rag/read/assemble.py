"""Paragraphs of a file become its Document: header, text, and where its pages and sections begin."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from rag.read.encoding import clean
from rag.read.header import find_header
from rag.read.lines import ANSWERS, ASKS, alike, speaker, word_count
from rag.types import Document, Header, Locator

_BETWEEN = "\n\n"
LONGEST_HEADING = 15
"""Words; a longer one is a lead."""
LONGEST_PLACE = 80
"""Characters of a heading that names a place."""
COMMENTS, DELETED, HIDDEN = "comments", "deleted text", "hidden text"
CHARTS, FORM_VALUES, RUNNING_HEADS = "charts and diagrams", "values in forms", "running heads and page numbers"


@dataclass(slots=True)
class Paragraph:
    """A line of text and what begins in it: (character, kind, name), as in ``Locator``."""

    text: str
    places: list[tuple[int, str, str]] = field(default_factory=list)


def heading(text: str) -> Paragraph:
    """Return a paragraph that heads a section."""
    return Paragraph(text, [(0, "section", place_name(text))])


def article(
    kept: Iterable[tuple[int, str]], headings: Container[int], known: Header, left_out: Mapping[str, int]
) -> Document:
    """Join the lines that are an article's text. Those whose numbers are ``headings`` head a section if they are short.

    >>> article([(2, "The port is shut."), (3, "Repairs"), (4, "They begin.")], {0, 3}, Header("a.md"), {}).places
    (Locator(start=19, kind='section', name='Repairs'),)
    """
    paragraphs = [heading(text) if number in headings and _may_head(text) else Paragraph(text) for number, text in kept]
    mark_turns(paragraphs)
    return assemble(paragraphs, known, find=False, left_out=left_out)


def _may_head(text: str) -> bool:
    """Say whether a heading can name what stands below it: pages also set leads and "More:" as headings."""
    return not text.endswith((".", ":")) and word_count(text) <= LONGEST_HEADING


def mark_turns(paragraphs: Sequence[Paragraph]) -> None:
    """Name the turns of speech in a talk: several speakers, each more than once, in a third of the paragraphs, one asks.

    >>> talk = [Paragraph(line) for line in ("Q: Why?", "A: The storm.", "Q: Since when?", "A: Monday.", "And for long.")]
    >>> mark_turns(talk)
    >>> [each.places for each in talk]
    [[(0, 'turn', 'Q: Why?')], [], [(0, 'turn', 'Q: Since when?')], [], []]
    """
    speakers = [speaker(each.text) for each in paragraphs]
    turns = [number for number, name in enumerate(speakers) if name]
    repeated = [name for name, times in Counter(speakers).items() if name and times > 1]
    asks = any("?" in paragraphs[number].text for number in turns)  # "Photo: …", "Note: …" do not
    if not asks or len(repeated) < 2 or 3 * len(turns) < turns[-1] - turns[0] + 1:
        return
    asked = False
    for number in turns:
        each, name = paragraphs[number], speakers[number]
        if asked and name.casefold() in ANSWERS:  # it belongs to its question
            continue
        asked = name.casefold() in ASKS
        if not any(kind == "section" for _, kind, _ in each.places):
            each.places.append((0, "turn", place_name(each.text if asked else name)))


def place_name(text: str) -> str:
    """Shorten a heading to what names a place.

    >>> place_name("1. The harbour\\nof Ennis")
    '1. The harbour of Ennis'
    """
    text = one_line(text)
    return text if len(text) <= LONGEST_PLACE else text[: LONGEST_PLACE - 1].rstrip() + "…"


def one_line(text: str | None) -> str:
    """Clean a text and put it on one line."""
    return " ".join(clean(text or "").split())


def assemble(
    paragraphs: Iterable[Paragraph],
    known: Header,
    notices: Sequence[str] = (),
    find: bool = True,
    left_out: Mapping[str, int] | None = None,
) -> Document:
    """Join paragraphs to a Document, all of them. What ``known`` lacks their lines may tell where ``find`` is true.

    The title is no section.

    >>> lines = [Paragraph("Storm closes harbour"), heading("Monday"), Paragraph("The port is shut.")]
    >>> document = assemble(lines, Header("a.docx"))
    >>> document.text[document.places[0].start:]
    'Monday\\n\\nThe port is shut.'
    """
    kept = [each for each in paragraphs if each.text.strip()]
    found = find_header([each.text for each in kept], known.title) if find else None
    if find:
        mark_turns(kept)
    title = (found.title if found else "") or known.title
    places: list[Locator] = []
    length = 0
    for each in kept:
        places += [
            Locator(length + start, kind, name)
            for start, kind, name in each.places
            if (kind, alike(each.text)) != ("section", alike(title))
        ]
        length += len(each.text) + len(_BETWEEN)
    return Document(
        id=known.id,
        title=title,
        outlet=known.outlet or (found.outlet if found else ""),
        authors=known.authors or (found.authors if found else ()),
        published=known.published or (found.published if found else ""),
        language=known.language,
        source=known.source or (found.source if found else ""),
        text=_BETWEEN.join(each.text for each in kept),
        places=tuple(places),
        notices=tuple(notices),
        left_out=tuple(sorted((kind, words) for kind, words in (left_out or {}).items() if words)),
    )


_SIGNIFICANT = re.compile(r"[^\W_]+")


def stands_in(line: str, text: str) -> bool:
    """Tell whether a text says what a file's metadata say, which are often another document's.

    >>> stands_in("Harbour report", "THE HARBOUR REPORT\\n2019"), stands_in("Microsoft Word - x.doc", "Harbour report")
    (True, False)
    """
    words = " ".join(_SIGNIFICANT.findall(line.casefold()))
    return bool(words) and f" {words} " in f" {' '.join(_SIGNIFICANT.findall(text.casefold()))} "
