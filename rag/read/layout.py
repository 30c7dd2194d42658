"""Characters on pages become prose: lines, columns, paragraphs, without running heads and page numbers.

PDFium gives characters mostly in reading order. What it lacks is where a paragraph ends, which lines are no prose, and
where two columns were drawn line by line.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import NamedTuple

from rag.read.assemble import Paragraph
from rag.read.blocks import raised
from rag.read.encoding import clean
from rag.read.lines import ends_sentence

GAP = 1.8
"""Heights of a line; a wider gap parts columns and cells."""
MOST_FLOWS = 200
EDGE_LINES = 3
"""So many lines at either edge of a page may be a running head or a page number."""

_HYPHENS = "\ufffe\x02"
"""What PDFium gives for a hyphen at the end of a line."""
_BULLET = re.compile(r"[•◦▪▫‣●○■□–—*-]\s")
_NUMBERED = re.compile(r"\(?(?:\d{1,3}|[a-z])[.)]\s")
_LONGEST_WORD = 100
_DIGITS = re.compile(r"\d+")
_ROMAN = re.compile(r"(?<!\w)[ivxlc]+$")
_LIGATURES = str.maketrans({"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"})
_RIGHT_TO_LEFT = re.compile(r"[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")


class Glyph(NamedTuple):
    """A character and the box of its line's height around it, in points, y from below."""

    text: str
    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(slots=True)
class Page:
    """A page's number and characters, or the paragraphs that were ``recognized`` in its image."""

    number: int
    glyphs: list[Glyph] = field(default_factory=list)
    recognized: list[str] | None = None


@dataclass(slots=True)
class Line:
    """A line of text and its box. Tabs stand for wide gaps, ``hyphen`` is true where a word is divided at its end."""

    text: str
    x0: float
    y0: float
    x1: float
    y1: float
    gaps: list[tuple[float, float]]
    hyphen: bool = False

    @property
    def size(self) -> float:
        return self.y1 - self.y0

    @property
    def middle(self) -> float:
        return (self.y0 + self.y1) / 2

    @property
    def letter(self) -> float:
        """Return the average width of a character."""
        return (self.x1 - self.x0) / max(1, len(self.text))


def to_paragraphs(pages: Sequence[Page]) -> tuple[list[Paragraph], int]:
    """Return the paragraphs of all pages in reading order, and how many words of heads were left out.

    A page's place is where it begins, also inside a paragraph.
    """
    every = {page.number: _in_columns(_lines(page.glyphs)) for page in pages}
    drawn = _without_running_heads(every)
    left_out = _words(every) - _words(drawn)
    lines = [line for on_page in drawn.values() for line in on_page]
    body = median([line.size for line in lines for _ in range(0, len(line.text), 20)] or [0.0])
    words = Counter(word for line in lines for word in re.findall(r"[^\W\d_]+(?:-[^\W\d_]+)*", line.text))
    found: list[Paragraph] = []
    notes: list[Paragraph] = []  # a page's footnotes follow the paragraph that goes on behind them
    hyphen = False
    for page in pages:
        place = (0, "page", str(page.number))
        blocks = list(_paragraphs(drawn[page.number], body))
        texts = [block for block in blocks if not _is_note(block, blocks, body)]
        for index, block in enumerate(texts):
            if index == 0 and found and _continues(found[-1].text, block[0], bool(notes)):
                before = found[-1].text
                begin = len(_join(before, hyphen, block[:1], words)) - len(block[0].text)
                found[-1].text = _join(before, hyphen, block, words)
                found[-1].places.append((begin, *place[1:]))
            else:
                found += notes
                notes = []
                found.append(Paragraph(_join("", False, block, words), [place]))
            hyphen = block[-1].hyphen
            if index == 0:
                found += notes if len(texts) > 1 else []
                notes = [] if len(texts) > 1 else notes
        notes += [Paragraph(_join("", False, block, words), [place]) for block in blocks if block not in texts]
        found += [Paragraph(clean(text), [place]) for text in page.recognized or ()]
    return _with_changes_only([*found, *notes]), left_out


def _words(drawn: dict[int, list[Line]]) -> int:
    return sum(len(line.text.split()) for lines in drawn.values() for line in lines)


def _with_changes_only(paragraphs: list[Paragraph]) -> list[Paragraph]:
    """Name a page only where it is another than before."""
    page = ""
    for each in paragraphs:
        changes = []
        for start, kind, name in each.places:
            if name != page:
                changes.append((start, kind, name))
            page = name
        each.places = changes
    return paragraphs


def title_of(pages: Sequence[Page]) -> str:
    """Return the first page's largest text if it stands out and could be a title."""
    first = next((page for page in pages if page.glyphs), None)
    lines = _lines(first.glyphs) if first is not None else []
    lines = [line for line in lines if sum(letter.isalpha() for letter in line.text) > 2]
    if len(lines) < 2:
        return ""
    largest = max(lines, key=lambda line: line.size).size
    if largest < 1.25 * median(line.size for line in lines):
        return ""
    start = next(index for index, line in enumerate(lines) if line.size > 0.95 * largest)
    run = [line for line in lines[start : start + 4] if line.size > 0.95 * largest]
    title = " ".join(" ".join(line.text for line in run).split())
    return title if len(title) <= 200 else ""


# --- characters to lines --------------------------------------------------------------------------------------------------


def _lines(glyphs: Iterable[Glyph]) -> list[Line]:
    found: list[Line] = []
    run: list[Glyph] = []
    last: Glyph | None = None  # the last one that is seen
    for glyph in glyphs:
        if glyph.text in "\r\n":
            found += _line(run)
            run, last = [], None
            continue
        is_seen = glyph.y1 > glyph.y0 and not glyph.text.isspace()
        if is_seen and last is not None and _leaves(last, glyph):
            found += _line(run)
            run = []
        run.append(glyph)
        last = glyph if is_seen else last
        if glyph.text in _HYPHENS:
            found += _line(run)
            run, last = [], None
    return _same_baseline([*found, *_line(run)])


def _leaves(last: Glyph, glyph: Glyph) -> bool:
    """Tell whether a character stands on another line than the one before it."""
    height = max(last.y1 - last.y0, glyph.y1 - glyph.y0)
    middle = (glyph.y0 + glyph.y1) / 2
    return not last.y0 - 0.2 * height <= middle <= last.y1 + 0.2 * height or glyph.x1 < last.x0 - 6 * height


def _line(run: list[Glyph]) -> list[Line]:
    """Return the characters of one line as a line, or nothing where none of them is seen."""
    seen = [each for each in run if each.text.strip() and each.text not in _HYPHENS and each.y1 > each.y0]
    if not seen:
        return []
    height = median(each.y1 - each.y0 for each in seen)
    base = median(each.y0 for each in seen)
    parts: list[str] = []
    gaps: list[tuple[float, float]] = []
    last: Glyph | None = None
    for each in run:
        if each.text in _HYPHENS:
            continue
        if not each.text.strip():
            parts.append(" ")
            continue
        if last is not None and each.x0 - last.x1 > GAP * height:
            parts.append("\t")
            gaps.append((last.x1, each.x0))
        small = each.y1 - each.y0 < 0.8 * height and each.y0 > base + 0.12 * height
        is_note = small and each.text.isdigit() and last is not None and not last.text.isspace()
        parts.append(raised(each.text) if is_note else each.text)
        last = each if each.y1 > each.y0 else last
    text = clean("".join(parts).translate(_LIGATURES))
    text = "\t".join(" ".join(cell.split()) for cell in text.split("\t")).strip()
    if not text:
        return []
    hyphen = run[-1].text in _HYPHENS
    box = (min(e.x0 for e in seen), base, max(e.x1 for e in seen), base + height)
    if len(_RIGHT_TO_LEFT.findall(text)) > len(text) / 3:
        box = (-box[2], box[1], -box[0], box[3])
        gaps = [(-right, -left) for left, right in gaps]
    return [Line(text, *box, gaps, hyphen)]


def _same_baseline(lines: list[Line]) -> list[Line]:
    """Join what follows each other on one line: cells that are drawn one by one."""
    found: list[Line] = []
    for line in lines:
        last = found[-1] if found else None
        if (
            last
            and not last.hyphen
            and abs(line.middle - last.middle) < 0.3 * last.size
            and line.x0 > last.x1 - 0.2 * last.size
        ):
            wide = line.x0 - last.x1 > GAP * last.size
            last.gaps = [*last.gaps, *([(last.x1, line.x0)] if wide else []), *line.gaps]
            last.text = f"{last.text}{chr(9) if wide else ' '}{line.text}"
            last.x1, last.hyphen = max(last.x1, line.x1), line.hyphen
            last.y0, last.y1 = min(last.y0, line.y0), max(last.y1, line.y1)
        else:
            found.append(line)
    return found


def _in_columns(lines: list[Line]) -> list[Line]:
    """Return lines in reading order: those that run through two columns are cut, other gaps become the cells of tables."""
    gutter = _gutter(lines)
    if gutter is not None:
        return list(_by_columns(lines, gutter))
    for index, line in enumerate(lines):
        beside = lines[max(0, index - 1) : index + 2]
        is_row = any(other is not line and other.gaps for other in beside)
        line.text = line.text.replace("\t", " | " if is_row and line.gaps else " ")
    return lines


def _gutter(lines: list[Line]) -> float | None:
    """Find the gap between two columns of prose that were drawn line by line."""
    gapped = [line for line in lines if len(line.gaps) == 1]
    prose = [line for line in gapped if min(map(len, line.text.split("\t"))) > 15]
    if len(prose) < 5 or 2 * len(prose) < len(gapped):
        return None
    middle = median((line.gaps[0][0] + line.gaps[0][1]) / 2 for line in prose)
    through = [line for line in prose if line.gaps[0][0] - 1 <= middle <= line.gaps[0][1] + 1]
    lefts = [len(line.text.split("\t")[0]) for line in through]
    if len(through) < 0.8 * len(prose) or median(lefts) < 20:
        return None
    # In a table the left cells differ in length; in prose nearly all fill their column.
    return middle if sum(left > 0.75 * max(lefts) for left in lefts) > 0.6 * len(lefts) else None


def _by_columns(lines: list[Line], gutter: float) -> Iterator[Line]:
    left: list[Line] = []
    right: list[Line] = []
    for line in lines:
        cut = next((gap for gap in line.gaps if gap[0] - 1 <= gutter <= gap[1] + 1), None)
        if cut is not None:
            one, _, other = line.text.partition("\t")
            left.append(Line(one, line.x0, line.y0, cut[0], line.y1, []))
            right.append(Line(other, cut[1], line.y0, line.x1, line.y1, [], line.hyphen))
        elif line.x1 <= gutter:
            left.append(line)
        elif line.x0 >= gutter:
            right.append(line)
        else:
            yield from (*left, *right)
            left, right = [], []
            line.text = line.text.replace("\t", " ")
            yield line
    yield from (*left, *right)


def _without_running_heads(drawn: dict[int, list[Line]]) -> dict[int, list[Line]]:
    """Return the pages' lines without heads, feet and page numbers that come again from page to page.

    Of heads the first one stays.
    """
    edges: dict[tuple[str, bool], dict[int, list[Line]]] = defaultdict(dict)
    for number, lines in drawn.items():
        by_height = sorted(lines, key=lambda line: -line.middle)
        for at_top, part in ((True, by_height[:EDGE_LINES]), (False, by_height[-EDGE_LINES:])):
            for line in part:
                key = (" ".join(_ROMAN.sub("#", _DIGITS.sub("#", line.text.casefold())).split()), at_top)
                edges[key].setdefault(number, []).append(line)
    dropped: set[int] = set()
    for (text, at_top), by_page in edges.items():
        lines = [line for on_page in by_page.values() for line in on_page]
        if max(line.middle for line in lines) - min(line.middle for line in lines) > 3 * lines[0].size:
            continue
        if _counts_pages(text, by_page):
            dropped.update(map(id, lines))
        elif len(by_page) >= 3 and 4 * len(by_page) > len(drawn):
            # The first head stays: it may say what the file is, and nothing is lost.
            dropped.update(map(id, lines[1:] if at_top else lines))
    return {number: [line for line in lines if id(line) not in dropped] for number, lines in drawn.items()}


def _counts_pages(text: str, by_page: dict[int, list[Line]]) -> bool:
    """Tell whether one of a line's numbers grows with the pages."""
    if "#" not in text or len(by_page) < 2 or len(text) > 60:
        return False
    numbers = [[int(number[:9]) - page for number in _DIGITS.findall(lines[0].text)] for page, lines in by_page.items()]
    return any(len(set(column)) == 1 for column in zip(*numbers, strict=False))


# --- lines to paragraphs --------------------------------------------------------------------------------------------------


def _paragraphs(lines: Sequence[Line], body: float) -> Iterator[list[Line]]:
    """Return the lines of each paragraph."""
    for flow in _flows(lines):
        right = max(line.x1 for line in flow)
        steps = [one.y0 - other.y0 for one, other in zip(flow, flow[1:], strict=False)]
        pitch = median(step for step in steps) if steps else 0.0
        tight = min((step for step in steps if step > 0.8 * body), default=pitch)
        pitch = min(pitch, 1.6 * tight)
        paragraph: list[Line] = []
        for index, line in enumerate(flow):
            after = flow[index + 1] if index + 1 < len(flow) else None
            if paragraph and _begins(paragraph, line, after, pitch, right):
                yield paragraph
                paragraph = []
            paragraph.append(line)
        yield paragraph


def _flows(lines: Sequence[Line]) -> Iterator[list[Line]]:
    """Runs of lines below each other. One that stands above another comes first, whenever it was drawn."""
    flows = [(flow, _box(flow)) for flow in _runs(lines)]
    if len(flows) > MOST_FLOWS:  # a drawing
        yield from (flow for flow, _ in flows)
        return
    while flows:
        free = (index for index, (_, box) in enumerate(flows) if not any(_is_above(other, box) for _, other in flows))
        yield flows.pop(next(free, 0))[0]


def _box(lines: Sequence[Line]) -> tuple[float, float, float, float]:
    return (
        min(line.x0 for line in lines),
        min(line.y0 for line in lines),
        max(line.x1 for line in lines),
        max(line.y1 for line in lines),
    )


def _is_above(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    """Tell whether a box stands over another."""
    return one[1] >= other[3] and one[0] < other[2] and other[0] < one[2]


def _runs(lines: Sequence[Line]) -> Iterator[list[Line]]:
    flow: list[Line] = []
    for line in lines:
        if flow:
            last = flow[-1]
            apart = line.x0 >= max(each.x1 for each in flow) or line.x1 <= min(each.x0 for each in flow)
            if line.middle > last.middle + 0.3 * last.size or apart:
                yield flow
                flow = []
        flow.append(line)
    if flow:
        yield flow


def _begins(paragraph: list[Line], line: Line, after: Line | None, pitch: float, right: float) -> bool:
    """Tell whether a line begins a paragraph below another."""
    last = paragraph[-1]
    if " | " in line.text or " | " in last.text:
        # The last cell of a row goes on below itself.
        below = last.gaps and abs(line.x0 - last.gaps[-1][1]) < 2 and last.y0 - line.y0 < 1.3 * pitch
        return not (below and not line.gaps and line.text[:1].islower())
    if abs(line.size - last.size) > 0.12 * max(line.size, last.size):
        return True
    if last.hyphen:
        return False
    if last.y0 - line.y0 > 1.3 * pitch or _BULLET.match(line.text):
        return True
    ended = ends_sentence(last.text) or last.text.endswith((":", ";"))
    if _NUMBERED.match(line.text) and (ended or _has_room(last, line, right)):
        return True
    indent = line.x0 - last.x0
    if indent > 0.7 * line.size:  # a first line is indented where the one after it is not
        return ended if after is None else after.x0 < line.x0 - 0.5 * line.size
    if len(paragraph) > 1 and paragraph[1].x0 > paragraph[0].x0 + 0.7 * line.size and line.x0 <= paragraph[0].x0 + 1:
        return True  # a hanging indent ends
    starts = not line.text[:1].islower()
    return starts and _has_room(last, line, right)


def _has_room(last: Line, line: Line, right: float) -> bool:
    """Tell whether the first word of a line would have fitted behind the line above it."""
    word = line.text.split(" ", 1)[0]
    return last.x1 + (len(word) + 1) * line.letter < right - 0.5 * line.size


def _is_note(lines: list[Line], paragraphs: list[list[Line]], body: float) -> bool:
    """Tell whether a paragraph is a footnote: small, with a mark, and nothing large below it."""
    is_small = lines[0].size < 0.92 * body
    is_marked = re.match(r"[\d¹²³⁴⁵⁶⁷⁸⁹⁰*†‡]", lines[0].text) is not None
    lowest = min((other[-1].y0 for other in paragraphs if other[0].size >= 0.92 * body), default=0.0)
    return is_small and is_marked and lines[0].y1 <= lowest + lines[0].size


def _continues(text: str, line: Line, over_notes: bool) -> bool:
    """Tell whether a paragraph goes on across a border of columns or pages."""
    if ends_sentence(text) or text.endswith(":"):
        return False
    return line.text[:1].islower() or (over_notes and len(text) > 80)


def _join(text: str, hyphen: bool, lines: Iterable[Line], words: Counter[str]) -> str:
    for line in lines:
        text = _with_line(text, hyphen, line.text, words) if text else line.text
        hyphen = line.hyphen
    return text + "-" * hyphen


def _with_line(text: str, hyphen: bool, line: str, words: Counter[str]) -> str:
    """Put a line behind a text. A word that was divided between them is whole again.

    >>> _with_line("the har", True, "bour of", Counter()), _with_line("well-", False, "known", Counter(["well-known"]))
    ('the harbour of', 'well-known')
    """
    text = text.removesuffix("-") if hyphen else text
    hard = not hyphen and text.endswith(("-", "‐", "\u00ad")) and text[-2:-1].isalpha()
    if not hyphen and not hard:
        return f"{text} {line}"
    stem = text[:-1] if hard else text
    first, last = re.search(r"[^\W\d_]*(?:-[^\W\d_]+)*$", stem[-_LONGEST_WORD:]), re.match(r"[^\W\d_]+", line)
    if first is None or last is None or not last[0][0].islower() or not first[0]:
        return f"{stem}-{line}"
    whole, parted = first[0] + last[0], f"{first[0]}-{last[0]}"
    # Both halves are words that stand elsewhere too: they were counted here already.
    both_words = min(len(first[0]), len(last[0])) > 3 and min(words[first[0]], words[last[0]]) > 1 and not words[whole]
    return f"{stem}-{line}" if words[parted] > words[whole] or both_words else f"{stem}{line}"
