"""What an article tells of itself: title, outlet, authors and date, in its first lines and sometimes in its last.

Every field is taken only from a line that states it; where none does, the field stays empty. Lines that hold nothing
but such a field are named, so that they can be left out of the text.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from rag.read import bylines as names
from rag.read import outlet
from rag.read.dates import date_line, is_labelled
from rag.read.furniture import announces_links, is_furniture
from rag.read.lines import ANSWERS, ASKS, alike, ends_sentence, is_prose, speaker, word_count

TITLE_CHARACTERS = 200

_FIRST_LINES = 30
"""A header is looked for in so many lines at most, and not beyond the third paragraph of prose."""
_LAST_LINES = 12

_TITLE_LABEL = re.compile(r"(?:title|headline|заголовок|название)\s*:\s+(?P<title>\S.*)", re.IGNORECASE)
_CAPTION = re.compile(
    r"^(?:photo|image|picture|credit|illustration|фото|иллюстрация|bild|foto)\b|\b(?:photo|credit|фото)\s*:|"
    r"https?://|www\.|©|\([^()]*/[^()]*\)$",
    re.IGNORECASE,
)
_DATED = re.compile(r"(?:last |first )?(?:updated|published|posted|modified)\b|обновлено|опубликовано", re.IGNORECASE)
_LABEL_ALONE = re.compile(
    r"(?:(?:written |text |story )?by|authors?|von|par|por|(?:first )?(?:published|posted)(?: on)?|date|авторы?|"
    r"текст|опубликовано|дата|опубліковано)\s*:?",
    re.IGNORECASE,
)
_UPDATED_END = re.compile(
    r"\b(?:updated|modified|edited|обновлено|изменено|оновлено|aktualisiert)(?: on)?\s*:?$", re.IGNORECASE
)
_UPDATED = re.compile(r"\b(?:updated|modified|edited|обновлено|изменено|оновлено|aktualisiert)\b", re.IGNORECASE)
_BETWEEN_FIELDS = re.compile(r"\s*[|·•]\s*|\s+[–—-]\s+|\s+/\s+")
_BETWEEN_WORDS = re.compile(r",?\s+(?:on\s+)?")


@dataclass(frozen=True, slots=True)
class FoundHeader:
    """What an article's lines tell of it; ``used`` are the places of the lines that tell nothing else."""

    title: str = ""
    outlet: str = ""
    authors: tuple[str, ...] = ()
    published: str = ""
    source: str = ""
    used: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class _Stamp:
    """The date and the people that a line names; ``places`` where it holds nothing else.

    ``bare`` says that only their capitals make people of the names: no label such as "By" stands before them.
    """

    date: str = ""
    authors: tuple[str, ...] = ()
    places: tuple[int, ...] = ()
    bare: bool = False


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where things stand, by the places of lines that are not furniture.

    ``before``: above the first prose; ``header``: all but prose above the third prose; ``tail``: the last lines. None
    reaches into the links to other articles at the end.
    """

    before: tuple[int, ...]
    header: tuple[int, ...]
    tail: tuple[int, ...]
    first_prose: int | None


def find_header(lines: Sequence[str], title: str = "") -> FoundHeader:
    """Title, outlet, authors, date and address of an article by its paragraphs; ``title`` where it is known already."""
    layout = _layout(lines)
    stamps = _stamps(lines, layout.header)
    used: set[int] = set()

    published, dated = _published(lines, stamps, layout)
    authors, signed = _authors(lines, stamps, dated, layout)
    source, addressed = _source(lines, layout)
    name, owned = _stated_outlet(lines, layout)
    used.update(dated, signed, addressed, owned)

    free = [place for place in layout.before if place not in used]
    title = title or _title(lines, free or [place for place in layout.header if place not in used])
    title, site = _without_site(title, lines)
    labels = _labels(lines, free, title)
    copies = [place for place, line in enumerate(lines) if title and _is_copy(line, title, lines)]
    used.update(labels, copies[1:])
    return FoundHeader(
        title=title[:TITLE_CHARACTERS].strip(),
        outlet=name or site or _told_outlet(lines, layout) or outlet.host(source),
        authors=authors or names.commentator(title),
        published=published,
        source=source,
        used=frozenset(used),
    )


def _layout(lines: Sequence[str]) -> _Layout:
    ours = [place for place, line in enumerate(lines) if not is_furniture(line)]
    prose = [place for place in ours if is_prose(lines[place])]
    links = (place for place in range(prose[-1] if prose else 0, len(lines)) if announces_links(lines[place]))
    last = next(links, len(lines)) if prose else len(lines)
    end = min(prose[2] if len(prose) > 2 else last, _FIRST_LINES)
    first_tail = max(prose[0] + 1 if prose else last, len(lines) - _LAST_LINES)
    header = tuple(place for place in ours if place < end and place not in prose[:3])
    return _Layout(
        before=tuple(place for place in header if not prose or place < prose[0]),
        header=header,
        tail=tuple(place for place in ours if first_tail <= place < last),
        first_prose=prose[0] if prose else None,
    )


# Dates and people


def _stamps(lines: Sequence[str], places: Iterable[int]) -> dict[int, _Stamp]:
    """Return the lines with a date or a byline. A label alone on its line counts with the line below it."""
    found: dict[int, _Stamp] = {}
    taken: set[int] = set()
    for place in places:
        if place in taken or (place and _UPDATED_END.search(lines[place - 1])):
            continue
        line, own = lines[place], [place]
        if _LABEL_ALONE.fullmatch(line) and place + 1 < len(lines):
            line, own = f"{line} {lines[place + 1]}", [place, place + 1]
        stamp = _stamp(line, tuple(own))
        if stamp.date or stamp.authors:
            found[place] = stamp
            taken.update(own)
    return found


def _stamp(line: str, own: tuple[int, ...]) -> _Stamp:
    date = date_line(line)
    if date:
        return _Stamp(date, places=own)
    if word_count(line) > 20 or len(line) > 150:
        return _Stamp()
    for first, second in _halves(line):
        date = date_line(first) or date_line(second)
        other = second if date_line(first) else first
        if date:
            labelled = names.byline(other)
            people = labelled or names.bare_names(other)
            if people or word_count(other) < 4:
                return _Stamp(date, people, own if people else (), bare=not labelled)
    people = names.byline(line)
    return _Stamp(authors=people, places=own if people else ())


def _halves(line: str) -> list[tuple[str, str]]:
    """Return a line cut in two at every place where a date may meet something else: at signs first, then between words."""
    if not any(sign.isdecimal() for sign in line):
        return []
    cuts = [*_BETWEEN_FIELDS.finditer(line), *_BETWEEN_WORDS.finditer(line)]
    halves = [(line[: cut.start()].strip(" ,"), line[cut.end() :].strip(" ,")) for cut in cuts]
    return [(first, second) for first, second in halves if first and second and not _UPDATED.search(first)]


def _published(lines: Sequence[str], stamps: dict[int, _Stamp], layout: _Layout) -> tuple[str, list[int]]:
    """Return the date and the places of the lines that are nothing else."""
    dated = [place for place, stamp in stamps.items() if stamp.date]
    labelled = [place for place in dated if is_labelled(lines[place])]
    above = [place for place in dated if place in layout.before]
    chosen = labelled or above or ([] if _is_chronicle(lines, dated, layout) else dated)
    if chosen:
        date = stamps[chosen[0]].date
        same = [stamps[place] for place in dated if place in chosen or stamps[place].date == date]
        return date, [place for stamp in same for place in stamp.places]
    for place in layout.tail:
        date = date_line(lines[place])
        if date and (place == layout.tail[-1] or is_labelled(lines[place])):
            return date, [place]
    return "", []


def _is_chronicle(lines: Sequence[str], dated: Sequence[int], layout: _Layout) -> bool:
    """Tell whether dates stand between the paragraphs as headings do."""
    below = lines[max(layout.header, default=0) + 1 :][:200]
    return len(dated) + sum(bool(date_line(line)) for line in below) > 1


def _authors(
    lines: Sequence[str], stamps: dict[int, _Stamp], dated: Sequence[int], layout: _Layout
) -> tuple[tuple[str, ...], list[int]]:
    """Return the authors and the places of the lines that are nothing else."""
    for place, stamp in stamps.items():
        if stamp.authors and not (stamp.bare and _may_be_no_person(stamp.authors, place, lines, layout)):
            return stamp.authors, list(stamp.places)
    for place in dated:
        for beside in (place - 1, place + 1):
            people = names.bare_names(lines[beside]) if 0 <= beside < len(lines) else ()
            if people and not _may_be_no_person(people, beside, lines, layout):
                return people, [beside]
    for place in layout.tail:
        people = names.credited(lines[place]) or (names.byline(lines[place]) if ":" in lines[place] else ())
        if people:
            return people, []
    return (), []


def _may_be_no_person(people: tuple[str, ...], place: int, lines: Sequence[str], layout: _Layout) -> bool:
    """Tell whether a lone name may be the title, a label, ordinary words, a place or a month."""
    if len(people) > 1:
        return False
    headings = [
        each for each in layout.before if each != place and _is_heading(lines[each]) and not date_line(lines[each])
    ]
    if not headings or sum(lines[each] == lines[place] for each in layout.before) > 1:
        return True
    prose = "\n".join(line for line in lines if ends_sentence(line))
    name = re.escape(people[0])
    words = "|".join(re.escape(word) for word in people[0].split() if word != word.lower())
    ordinary = any(re.search(rf"\b{word.lower()}\b", prose) for word in words.split("|"))
    somewhere = rf"\b(?:in|from|across|в|из)\s+(?:{words})\b|\b(?:of|near|to|at|из|около|до)\s+{name}\b"
    return ordinary or re.search(somewhere, prose) is not None


# Titles


def _title(lines: Sequence[str], places: Sequence[int]) -> str:
    """Return the first heading that is about what the article is about. What is repeated is a title rather than a menu."""
    for place in places:
        match = _TITLE_LABEL.fullmatch(lines[place])
        if match:
            return match["title"]
    headings = [lines[place] for place in places if _is_heading(lines[place])]
    times = Counter(map(alike, lines))
    spoken = {word for line in lines if is_prose(line) for word in _content(line)}

    def is_about(line: str) -> bool:
        words = _content(line)
        return 2 * sum(word in spoken for word in words) >= max(len(words), 1)

    tests: tuple[Callable[[str], bool], ...] = (
        lambda line: times[alike(line)] > 1 and word_count(line) >= 4 and is_about(line),
        lambda line: word_count(line) >= 5 and is_about(line),
        lambda line: word_count(line) >= 4 and is_about(line),
        lambda line: word_count(line) >= 5,
        lambda line: word_count(line) >= 2 and is_about(line) and not names.is_section(line),
        lambda line: word_count(line) >= 3,
        lambda line: bool(line),
    )
    for test in tests:
        for line in headings:
            if test(line):
                return line
    # A first line that ends like a sentence is a title all the same where nothing else is one.
    first = lines[0] if places and places[0] == 0 and len(lines) > 1 else ""
    return first if len(first) <= TITLE_CHARACTERS and not _CAPTION.search(first) else ""


def _is_heading(line: str) -> bool:
    return (
        len(line) <= TITLE_CHARACTERS
        and not line.endswith((".", ":", ",", ";"))
        and not _CAPTION.search(line)
        and not _DATED.match(line)
        and speaker(line).casefold() not in ASKS | ANSWERS
        and any(sign.isalpha() for sign in line)
    )


def _content(line: str) -> list[str]:
    """Return the words that carry a line's meaning, by their first letters: endings differ, above all in Russian."""
    return [word[:6] for word in re.findall(r"[^\W\d_]{4,}", line.casefold())]


def _without_site(title: str, lines: Sequence[str]) -> tuple[str, str]:
    """Return a title without the site's name behind it, and that name."""
    if len(title) > TITLE_CHARACTERS:
        return title, ""
    short, site, sign = outlet.title_and_site(title)
    if site and (sign == "|" or any(alike(line) == alike(short) for line in lines if len(line) <= TITLE_CHARACTERS)):
        return short, site
    return title, ""


def _is_copy(line: str, title: str, lines: Sequence[str]) -> bool:
    if len(line) > 2 * TITLE_CHARACTERS:
        return False
    return alike(line) == alike(title) or ("|" in line and alike(_without_site(line, lines)[0]) == alike(title))


def _labels(lines: Sequence[str], places: Sequence[int], title: str) -> list[int]:
    """List short lines above the title that repeat, stand in a row or name a section, as in menus."""
    above = []
    for place in places:
        if title and _is_copy(lines[place], title, lines):
            break
        above.append(place)
    short = [place for place in above if word_count(lines[place]) <= 4 and not ends_sentence(lines[place])]
    times = Counter(alike(lines[place]) for place in places)
    repeated = {alike(lines[place]) for place in short if times[alike(lines[place])] > 1}
    menu = (
        set(short)
        if len(short) >= 3 and short == above
        else {place for place in short if names.is_section(lines[place])}
    )
    return [place for place in places if alike(lines[place]) in repeated or place in menu]


# Outlets


def _source(lines: Sequence[str], layout: _Layout) -> tuple[str, list[int]]:
    """Return the page's address from a line above the text or the last one, and its place."""
    for place in (*layout.before, *layout.tail[-1:]):
        url = outlet.address(lines[place])
        if url:
            return url, [place]
    return "", []


def _stated_outlet(lines: Sequence[str], layout: _Layout) -> tuple[str, list[int]]:
    """Return the outlet that a line names outright, and the places of lines that say no more."""
    for place in (*layout.before, *layout.tail[-3:]):
        name = outlet.labelled(lines[place])
        if name and not outlet.address(name):
            return name, [place] if place in layout.before else []
    name = outlet.first_published(lines)
    if name:
        return name, []
    for place in (*layout.before, *range(max(0, len(lines) - _LAST_LINES), len(lines))):
        name, clear = outlet.copyright_line(lines[place])
        if name and (clear or place == 0):
            return name, [place]
    return "", []


def _told_outlet(lines: Sequence[str], layout: _Layout) -> str:
    """Return the outlet by who talks to it, or by an agency's dateline."""
    told = outlet.told([line for line in lines if len(line) < 20_000])
    return told or (outlet.wire(lines[layout.first_prose]) if layout.first_prose is not None else "")
