"""What a chat model wrote becomes plain sentences, while it is still writing.

Models are told to write prose with ``[n]`` after each sentence, and many do otherwise. Whatever comes, this takes the words
out of it: emphasis, headings, links, images and fenced blocks lose their marks, citations of any form become labels, and
lists of sources and echoes of the prompt are left out.
A sentence that is finished never changes again, and how the text was cut into pieces on its way makes no difference.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from rag.text.sentences import sentence_spans

LONGEST_SENTENCE = 1000
"""Characters; what runs on without an end is cut at a word."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence without marks: ``labels`` are the passages it names, ``lead`` and ``bold`` are as in Sentence.

    ``heading`` says that it stands over what follows: its line has a heading's mark, is all bold without a full stop, or is
    the first row of a table. ``item`` says that it stands in a list or a table.
    """

    text: str
    lead: str = ""
    labels: tuple[int, ...] = ()
    bold: tuple[tuple[int, int], ...] = ()
    heading: bool = False
    item: bool = False


class Prose:
    """Reads a growing text; ``finished`` are its sentences so far, ``pending`` the one that is being written.

    ``passages`` is how many there are: a larger number in round brackets is no citation.

    >>> prose = Prose()
    >>> prose.read("It **rained** [2]. Nobody ca")
    >>> [(each.text, each.labels, each.bold) for each in prose.finished]
    [('It rained.', (2,), ((3, 9),))]
    >>> prose.pending.text
    'Nobody ca'
    >>> prose.read("It **rained** [2]. Nobody came.[1][3]", ended=True)
    >>> prose.finished[1].labels, prose.pending
    ((1, 3), None)
    """

    def __init__(self, passages: int = 999) -> None:
        self._passages = passages
        self._finished: list[Statement] = []
        self._line_start = 0
        self._line = _Line("")
        self._blank = False
        self._closed = False
        self._in_table = False
        self._in_echo = False

    @property
    def finished(self) -> tuple[Statement, ...]:
        """Return the sentences that are whole, in order. More are added to the end, none is changed."""
        return tuple(self._finished)

    @property
    def pending(self) -> Statement | None:
        """Return the beginning of the next sentence, as far as it is there."""
        return self._line.pending()

    def read(self, text: str, ended: bool = False) -> None:
        """Take the whole text so far, which may only grow; ``ended`` says that nothing will follow."""
        while not self._closed:
            end = text.find("\n", self._line_start)
            if end < 0:
                break
            line = text[self._line_start : end]
            self._read_line(line, ended=True)
            echo = _ECHO.match(line)
            if echo and echo["json"]:
                self._in_echo = "}" not in line
            elif line.lstrip().startswith("}"):
                self._in_echo = False
            self._line_start = end + 1
            self._line = _Line("")
        if not self._closed:
            self._read_line(text[self._line_start :], ended)
        if ended or self._closed:
            self._line = _Line("")

    def _read_line(self, raw: str, ended: bool) -> None:
        if self._in_echo:
            return
        if not self._line.begun:
            begun = _begin(raw, ended)
            if begun is None:
                return
            kind, lead, content = begun
            if kind == "sources":
                self._closed = True
                return
            if kind == "nothing":
                self._blank = self._blank or not raw.strip()
                self._in_table = self._in_table and not self._blank
                return
            lead = lead if self._finished else lead.lstrip("\n")
            if self._blank and self._finished and lead == "\n":
                lead = "\n\n"
            heading = kind == "heading" or (kind == "row" and not self._in_table)
            self._blank, self._in_table = False, kind == "row"
            self._line = _Line(lead, content, heading, kind, self._passages)
        self._line.read(raw, ended)
        self._finished += self._line.take()


class _Line:
    """One line of the text: scanned once, character by character, and cut into sentences as words come."""

    def __init__(
        self, lead: str, content: int = -1, heading: bool = False, kind: str = "text", passages: int = 0
    ) -> None:
        self.begun = content >= 0
        self._heading = heading
        self._row = kind == "row"
        self._item = kind in ("item", "row")
        self._passages = passages
        self._lead = lead
        self._position = max(content, 0)
        self._plain = ""
        self._labels: list[tuple[int, int]] = []
        self._toggles: list[int] = []
        self._fixed = 0
        self._looked = 0
        self._first = True
        self._ready: list[Statement] = []

    def read(self, raw: str, ended: bool) -> None:
        self._scan(raw, ended)
        # Only at the ends of words, whatever the pieces were, so that the pieces make no difference.
        for boundary in [match.start() + 1 for match in _WORD_END.finditer(self._plain, self._looked)]:
            self._cut(boundary)
            self._looked = boundary
            if _MAY_END.search(self._plain, self._fixed, boundary) is None:
                continue
            spans = sentence_spans(self._plain[self._fixed : boundary])
            if len(spans) > 1:
                self._finish(self._fixed + spans[0][0], self._fixed + spans[0][1])
        self._cut(len(self._plain))
        if ended:
            rest = self._fixed
            for start, end in sentence_spans(self._plain[rest:]):
                self._finish(rest + start, rest + end)

    def _cut(self, limit: int) -> None:
        """End what runs on before ``limit``. At a word if it can be, else in the middle of one."""
        while limit - self._fixed > LONGEST_SENTENCE:
            start = self._fixed + len(self._plain[self._fixed : limit]) - len(self._plain[self._fixed : limit].lstrip())
            last = start + LONGEST_SENTENCE
            space = self._plain.rfind(" ", start + 1, last)
            if last > limit:
                return
            self._finish(start, space if space > start else last)

    def take(self) -> list[Statement]:
        ready, self._ready = self._ready, []
        return ready

    def pending(self) -> Statement | None:
        text = self._plain[self._fixed :].strip()
        if not text:
            return None
        start = self._plain.index(text, self._fixed)
        return self._statement(start, start + len(text))

    def _finish(self, start: int, end: int) -> None:
        text = self._plain[start:end]
        while self._row and text.endswith("|"):
            text = text[:-1].rstrip()
        statement = self._statement(start, start + len(text))
        self._fixed, self._first = end, False
        if re.search(r"[^\W_]", statement.text):
            self._ready.append(statement)

    def _statement(self, start: int, end: int) -> Statement:
        # A mark between two sentences belongs to the one before it.
        begins = start == len(self._plain) - len(self._plain.lstrip())
        named = (number for place, number in self._labels if start < place <= end or (begins and place <= start))
        labels = tuple(dict.fromkeys(named))
        text, bold = self._plain[start:end], tuple(self._bold(start, end))
        heading = self._heading or (bold == ((0, len(text)),) and self._first and text[-1:] not in ".!?…")
        return Statement(text, self._lead if self._first else " ", labels, bold, heading, self._item)

    def _bold(self, start: int, end: int) -> list[tuple[int, int]]:
        toggles = [*self._toggles, len(self._plain)] if len(self._toggles) % 2 else self._toggles
        pairs = zip(toggles[::2], toggles[1::2], strict=True)
        inside = ((max(first, start), min(last, end)) for first, last in pairs)
        return [(first - start, last - start) for first, last in inside if first < last]

    def _scan(self, raw: str, ended: bool) -> None:
        while self._position < len(raw):
            ordinary = _ORDINARY.match(raw, self._position)
            if ordinary is not None:
                self._plain += ordinary.group()
                self._position = ordinary.end()
                continue
            # Blanks in front of a mark go with it, any others count as one.
            blanks = _BLANKS.match(raw, self._position)
            at = blanks.end() if blanks else self._position
            match = _TOKEN.match(raw, at)
            if match is not None and match["bare"] and not 0 < int(match["bare"]) <= self._passages:
                match = None
            unsure = at == len(raw) or _MAYBE_TOKEN.match(raw, at) or (match is not None and match.end() == len(raw))
            if unsure and not ended:
                return
            if blanks is not None and (match is None or not (match["label"] or match["aside"])):
                self._plain += " "
            elif match is None:
                self._plain += raw[at]
                at += 1
            if match is not None:
                self._take(match)
                at = match.end()
            self._position = at

    def _take(self, match: re.Match[str]) -> None:
        if match["bold"]:
            self._toggles.append(len(self._plain))
        elif match["label"]:
            self._labels += [(len(self._plain), number) for number in _numbers(match["label"])]
        elif match["link"] is not None:
            self._plain += match["link"]


def _begin(raw: str, ended: bool) -> tuple[str, str, int] | None:
    """Return what kind of line this is, its lead, and where its text begins; ``None`` while that cannot be told yet."""
    if not ended and (len(raw.lstrip()) < _LONGEST_MARK and not _PLAIN_BEGINNING.match(raw)):
        return None
    if not raw.strip() or _NOTHING.fullmatch(raw.strip()) or _ECHO.match(raw):
        return "nothing", "", 0
    if _SOURCES.match(raw):
        return "sources", "", 0
    item = _ITEM.match(raw)
    if item:
        number = item["number"] or item["point"]
        mark = f"{number}." if number else "-"
        return "item", f"\n{mark} ", item.end()
    row = _ROW.match(raw)
    if row:
        return "row", "\n", row.end()
    heading = _HEADING.match(raw)
    if heading:
        return "heading", "\n\n", heading.end()
    return "text", "\n", len(raw) - len(raw.lstrip())


def _numbers(label: str) -> list[int]:
    """Return the passages that a mark names.

    >>> _numbers("[1, 3-5]"), _numbers("【2†source】"), _numbers("[Passage 2, 2031]"), _numbers("¹⁻³")
    ([1, 3, 4, 5], [2], [2], [1, 2, 3])
    """
    named = _LISTED.search(label.translate(_LOWERED))
    found: list[int] = []
    for first, last in _RANGE.findall(named.group() if named else ""):
        found += range(int(first), min(int(last), int(first) + 20) + 1) if last else [int(first)]
    return found


_RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹"
_LOWERED = str.maketrans(_RAISED + "⁻", "0123456789-")
_RANGE = re.compile(r"(\d{1,3})(?:\s*[-–—]\s*(\d{1,3}))?")
_SOURCE = r"(?:passages?|sources?|cit(?:e|ation)s?|ref(?:erence)?s?|quotes?|источник\w{0,4}|отрыв\w{0,4}|цитат\w{0,3})"
_WORD = rf"(?:{_SOURCE}|documents?|docs?|articles?|footnotes?|notes?|id|web|[sp]|стать[яи])"
_GAP = r"[\s:#_.№-]{0,3}"
_LIST = rf"\d{{1,3}}(?:\s{{0,3}}(?:[,;&–—-]|and|и)\s{{0,3}}(?:{_WORD}{_GAP})?\d{{1,3}}(?!\d)){{0,20}}"
_LISTED = re.compile(_LIST, re.IGNORECASE)
# Each form of a citation, and its beginnings, which wait for more of the line.
_LABELS = (
    # [1], [2, 3-5], [[1]], \[1\], [^1], {1}, [citation:1], [Passage 2, Courier], [1](http://example.org)
    (
        rf"\\?[\[{{]{{1,2}}\^?(?:{_LIST}|{_WORD}{_GAP}{_LIST}(?:[,;:|][^\[\]\n]{{0,100}})?)(?:†[^\[\]\n]{{0,60}})?"
        r"\\?[\]}]{1,2}(?:\([^()\s]{0,300}\))?",
        r"\\|\\?[\[{]{1,2}[^\[\]{}\n]{0,300}(?:[\]}]{1,2}(?:\([^()\n]{0,500})?)?",
    ),
    (r"【\d{1,3}[^】\n]{0,60}】", r"【[^】\n]{0,64}"),
    (rf"\({_SOURCE}{_GAP}\d{{1,3}}(?:\s?(?:[,;&–—-]|and|и)\s?\d{{1,3}}){{0,6}}\)", r"\([\w\s:#.№,;&–—-]{0,100}"),
    (r"<sup>\[?\d{1,3}\]?</sup>", r"<s?u?p?(?:>[^<>\n]{0,6})?(?:</?s?u?p?)?"),
    # Powers and units (m², 10³) are none: words of three letters or the end of a sentence stand before it.
    (
        rf"(?:(?<=[^\W\d_{_RAISED}]{{3}})|(?<=[.!?…\"”»)\]’]))[{_RAISED}](?:[,⁻]?[{_RAISED}]){{0,9}}",
        rf"[{_RAISED}][{_RAISED},⁻]{{0,20}}",
    ),
    # (1): before the end of a sentence or behind it, for "(1) the fare, (2) the route" is a list
    (
        r"(?<!\w)\((?P<bare>\d{1,3})\)(?:(?=\s{0,3}(?:\Z|[.!?…\[(【]))|(?<=[.!?…\"”»]\s\(\d\))|(?<=[.!?…\"”»]\(\d\)))",
        r"\(\d{1,3}\)\s{0,3}",
    ),
)
# Citations that name no passage: [Source: Courier], [citation needed], and what is invisible in some models' own pages.
_ASIDES = (
    (rf"\[{_SOURCE}\s?:(?:[^\[\]()\n]|\([^()\n]{{0,40}}\)){{1,120}}\]|\[citation needed\]", r"\[[^\[\]\n]{0,300}"),
    (rf"\({_SOURCE}\s?:[^\[\]()\n]{{1,120}}\)", rf"\({_SOURCE}\s?:[^\[\]()\n]{{0,120}}"),
    ("\ue200[^\ue201\n]{0,100}\ue201", "\ue200[^\ue201\n]{0,100}"),
)
_ORDINARY = re.compile(rf"[^ \[!*_`【({{\\<{_RAISED}\ue200]+")
# What sentence_spans ends a sentence or a line at; without any of it there is nothing to look for.
_MAY_END = re.compile(r"[.!?…‼⁇⁈⁉।॥۔؟։。！？｡\r\u2028\u2029]")
_WORD_END = re.compile(r"\S(?=\s)")
_BLANKS = re.compile(" +")
_TOKEN = re.compile(
    rf"(?P<bold>\*\*|(?<!\w)__(?=\w)|(?<=\w)__(?!\w))|(?P<label>{'|'.join(form for form, _ in _LABELS)})"
    rf"|(?P<aside>{'|'.join(form for form, _ in _ASIDES)})|!?\[(?P<link>[^\[\]\n]{{0,300}})\]\([^()\n]{{0,500}}\)"
    rf"|(?P<mark>`+|(?<![\s*\w])\*(?!\*)|\*(?=[^\s*\d]))",
    re.IGNORECASE,
)
# What may still become one of these when more of the line has come.
_MAYBE_TOKEN = re.compile(
    rf"(?:!?\[[^\[\]\n]{{0,300}}(?:\](?:\([^()\n]{{0,500}})?)?|[*_!]|{'|'.join(each for _, each in (*_LABELS, *_ASIDES))})\Z",
    re.IGNORECASE,
)
_ITEM = re.compile(r"\s*(?:[-*•‣–]\s+|(?:\(?(?P<number>\d{1,3})\)|(?P<point>\d{1,3})\.)\s+)")
_HEADING = re.compile(r"\s*(?:#{1,6}\s+|>+\s*)")
_ROW = re.compile(r"\s*\|\s*")
_NOTHING = re.compile(r"[-*_=\s]{3,}|`{3,}\w*|~{3,}\w*|\|?[\s:|-]+\||\[\^?\w{1,20}\]:\s*(?:https?:|//|www\.|[#<]).*")
_SOURCES = re.compile(
    r"\s*(?:#{1,6}\s*)?[*_]{0,3}(?:sources?|references?|citations?|источники|ссылки)[*_]{0,3}\s*(?::[*_]{0,3}\s*|[*_]{1,3}\s*)?$",
    re.IGNORECASE,
)
# A passage of the prompt, on one line or on many, and the lines around the passages.
_ECHO = re.compile(r"\s*(?:[-*>]\s)?\[?\s?\{?\s?(?P<json>\"passage\"\s?:)|\s*(?:PASSAGES|END) [0-9a-f]{12}\s*\Z")
_LONGEST_MARK = 40
# A line that begins with an ordinary word and goes on after it is text, or a list of sources once it has ended.
_PLAIN_BEGINNING = re.compile(
    r"\s*(?!(?:sources?|references?|citations?|источники|ссылки|passages|end)\b)[^\W\d_]+[\s,]+\S", re.IGNORECASE
)
