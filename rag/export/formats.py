"""Export a conversation, or one answer: Markdown with footnotes, plain text, HTML, a Word file, or JSON.

BibTeX, RIS and CSL-JSON list the cited articles. What is said of an answer is in the language that is spoken (see
``rag.language.phrases.speaking``); JSON and the lists are the same in all of them.

Whatever an article, a model or a reader wrote comes out as one line of text: it can neither begin a line of its own nor be
taken for markup, a link, or one of our numbers. What no quote carries is marked in each format, and so is a refusal.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple
from zlib import crc32

from lxml import html
from lxml.builder import E

from rag.chat.model_names import EXTRACTIVE
from rag.errors import SettingsError
from rag.export.bibliography import bibtex, csl_json, ris, web_address
from rag.export.conversation import MAX_TITLE, Conversation, Turn, title_of
from rag.export.paragraphs import Block, Piece, also, blocks, cited_byline, pieces, place_text
from rag.export.record import VERSION, readable, to_json
from rag.language.phrases import current, phrase, told
from rag.text.one_line import one_line, shortened
from rag.types import DOUBTED, DOUBTS, Answer, Citation, Header, Hit, Sentence

FORMAT = "footnote conversation"
MAX_NEAREST = 3
"""How many of the passages that were found are named under a refusal."""
LONGEST_NAME = 60
"""Characters of a file's name."""
_BOLD = "\x02"
"""Stands where bold begins and ends until a format writes it; nothing that is shown holds one, see ``one_line``."""
# Letters and figures at both ends: Markdown takes other marks beside its asterisks for text.
_BOLDABLE = re.compile(r"[^\W_](?:.*[^\W_])?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class File:
    """A file to be saved: a name without any folder, its media type, its bytes."""

    name: str
    media_type: str
    content: bytes

    def data(self) -> dict[str, str]:
        """Return the file as plain data for the page."""
        return {"name": self.name, "type": self.media_type, "base64": base64.b64encode(self.content).decode()}


def export(conversation: Conversation, kind: object, title: str = "") -> File:
    """Write a conversation as a file; ``title`` is that of its first question unless it is given.

    ``kind`` is one of ``FORMATS``. Raises SettingsError for another one.
    """
    if not isinstance(kind, str) or kind not in FORMATS:
        raise SettingsError("a conversation is saved as {kinds}; choose one of them", kinds=", ".join(FORMATS))
    suffix, media_type, write = FORMATS[kind]
    title = shortened(title, MAX_TITLE) or title_of(conversation) or phrase("Conversation")
    content = write(title, conversation)
    data = content if isinstance(content, bytes) else content.encode()
    return File(f"{_file_name(title)}.{suffix}", media_type, data)


def written(answer: Answer, kind: Literal["markdown", "plain", "html"]) -> str:
    """Write one answer as text with its sources; as HTML, as a part of a page that holds others.

    >>> written(Answer("Who?", text="Nobody knows.", complete=True), "plain")
    'Nobody knows.\\n'
    """
    if kind != "html":
        return copied(Turn(1, answer.question, "done", answer), kind)
    # Its links lead to ids, which must be others than those of the answers beside it.
    turn = Turn(crc32(repr((answer.question, answer.text)).encode()), answer.question, "done", answer)
    text: str = html.tostring(_html_turn(turn), encoding="unicode")
    return text


def copied(turn: Turn, kind: object) -> str:
    """Return one answer with its sources, as "markdown" or "plain" text. Raises SettingsError for another kind.

    >>> copied(Turn(1, "Who?", "done", Answer("Who?", text="Nobody knows.", complete=True)), "plain")
    'Nobody knows.\\n'
    """
    if kind == "markdown":
        return _joined(_markdown_answer(turn))
    if kind == "plain":
        return _joined(_plain_answer(turn))
    raise SettingsError("an answer is copied as markdown or plain text; choose one of them")


# --- what is told of a turn, whatever the format --------------------------------------------------------------------------


class _Source(NamedTuple):
    """An article with its quotes and their places. One that is only named has no number and no quotes."""

    number: int
    quotes: list[tuple[str, str]]
    title: str
    about: str
    address: str
    language: str


def _source(hit: Hit, number: int = 0, quotes: Iterable[Citation] = ()) -> _Source:
    header = hit.document
    title = shortened(header.title or header.id, MAX_TITLE)
    about = ". ".join(filter(None, (one_line(cited_byline(header)), one_line(also(hit)))))
    shown = [
        (one_line(each.quote), one_line(place_text(each.hit.passage.places, each.start, each.end))) for each in quotes
    ]
    return _Source(number, shown, title, about, web_address(header.source), header.language)


def _sources(answer: Answer) -> list[_Source]:
    """Return the articles that an answer quotes. Those of the nearest passages where it quotes none."""
    if answer.state == "none":
        return [_source(hit) for hit in answer.hits[:MAX_NEAREST]]
    grouped: dict[int, list[Citation]] = {}
    for each in answer.citations:
        grouped.setdefault(each.number, []).append(each)
    return [_source(quotes[0].hit, number, quotes) for number, quotes in grouped.items()]


def _heading(answer: Answer) -> str:
    return phrase("Nearest passages") if answer.state == "none" else phrase("Sources")


def _before(turn: Turn) -> list[str]:
    """Return what was searched for, and what was understood of the question."""
    answer = turn.answer
    remarks = []
    if answer is not None and answer.searched:
        remarks.append(phrase("Searched for: {question}", question=one_line(answer.searched)))
    if answer is not None and answer.parts:
        remarks.append(phrase("Asked in parts: {parts}", parts=one_line(" · ".join(answer.parts))))
    if counted := [each for each in turn.labels if each not in turn.ignored]:
        remarks.append(phrase("Understood: {names}", names=one_line(", ".join(counted))))
    if turn.ignored:
        remarks.append(phrase("Ignored: {names}", names=one_line(", ".join(turn.ignored))))
    return remarks


def _after(turn: Turn) -> list[str]:
    """Return how the answer came about, and whether it is whole."""
    answer = turn.answer
    remarks = []
    if answer is not None and answer.notice:
        remarks.append(one_line(told(answer.notice)))
    elif answer is not None and turn.status == "done" and not answer.complete:
        remarks.append(phrase("The answer is cut."))
    if turn.status == "failed":
        remarks.append(phrase("No answer: {reason}", reason=one_line(told(turn.note))))
    elif turn.status != "done":
        remarks.append(phrase("Stopped before the answer was whole."))
    if answer is not None and answer.sentences and not answer.refused and answer.model != EXTRACTIVE:
        written = "Written by {model}; quotes checked letter for letter by Footnote."
        remarks.append(phrase(written, model=one_line(answer.model)))
    return remarks


def _no_source() -> str:
    return f"({phrase('no source')})"


def _doubted(piece: Piece) -> str:
    return f"({phrase(DOUBTS.get(piece.doubt, DOUBTED))})"


def _text(sentence: Sentence) -> str:
    """Write a sentence in one line with its context, bold between ``_BOLD``, and marks on what is in no quote."""
    parts = [_context(sentence)]
    for piece in pieces(replace(sentence, text=_own_words(sentence.text))):
        text = _spaced(piece.text)
        parts.append(_BOLDABLE.sub(rf"{_BOLD}\g<0>{_BOLD}", text, count=1) if piece.strong else text)
        parts += [f" {_doubted(piece)}"] * piece.ends
    parts += [f" ({phrase('quotation repaired')})"] * sentence.repaired
    parts += [f" {_no_source()}"] * (not sentence.supported)
    return " ".join("".join(parts).split()).replace(_BOLD * 2, "")


def _context(sentence: Sentence) -> str:
    context = one_line(_own_words(sentence.context))
    return f"({phrase('Context:')} {context}) " if context else ""


def _own_words(text: str) -> str:
    """Return what was written, as long as it was, without what looks like our numbers."""
    return re.sub(r"\[([^\[\]]*)\]", lambda each: f"({each[1]})" if one_line(each[1]).isdecimal() else each[0], text)


def _spaced(text: str) -> str:
    """As ``one_line``, with a space kept at either end: pieces of a sentence stand next to each other."""
    line = one_line(text)
    return " " * text[:1].isspace() + line + " " * (text[-1:].isspace() and bool(line))


def _numbers(sentence: Sentence) -> list[int]:
    return list(dict.fromkeys(each.number for each in sentence.citations))


def _lines(answer: Answer, escaped: Callable[[str], str], mark: str = "[{}]") -> list[str]:
    """Write the answer's labels, paragraphs and lists as lines with ``mark`` around their numbers.

    A list's items follow each other.
    """
    drawn = [] if answer.state == "none" else blocks(answer)
    if not drawn:
        text = one_line(_own_words(told(answer.text)))
        return [escaped(f"{_BOLD}{text}{_BOLD}" if answer.refused else text)] if text else []
    found = []
    for block in drawn:
        label = one_line(_own_words(block.label))
        found += [escaped(f"{_BOLD}{label}{_BOLD}")] * bool(label)
        items = [
            " ".join(" ".join([escaped(_text(each)), *map(mark.format, _numbers(each))]) for each in item)
            for item in block.items
        ]
        found.append("\n".join(f"{point}{item}" for point, item in zip(_marks(block), items, strict=True)))
    return found


def _marks(block: Block) -> list[str]:
    """Return what stands in front of each item."""
    if block.kind == "ol":
        return [f"{number}. " for number in range(block.start, block.start + len(block.items))]
    return ["- " if block.kind == "ul" else ""] * len(block.items)


def _is_asked(title: str, conversation: Conversation) -> bool:
    """Return whether questions stand above their answers: not where the title is the only one."""
    return len(conversation) != 1 or one_line(conversation[0].question) != title


def _joined(parts: Iterable[str]) -> str:
    return "\n\n".join(part for part in parts if part) + "\n"


# --- plain text -----------------------------------------------------------------------------------------------------------


def _plain(title: str, conversation: Conversation) -> str:
    parts = [title]
    for turn in conversation:
        asked = ["* * *", phrase("Question: {question}", question=one_line(turn.question))]
        parts += [*asked[: 2 * _is_asked(title, conversation)], *_plain_answer(turn)]
    return _joined(parts)


def _plain_answer(turn: Turn) -> list[str]:
    answer = turn.answer or Answer(question=turn.question)
    sources = [_plain_source(each) for each in _sources(answer)]
    return [
        "\n".join(_before(turn)),
        *_lines(answer, lambda line: line.replace(_BOLD, "")),
        "\n".join(_after(turn)),
        "\n".join([f"{_heading(answer)}:", *sources] if sources else []),
    ]


def _plain_source(source: _Source) -> str:
    first = f"[{source.number}] {source.title}" if source.number else f"- {source.title}"
    return "\n    ".join(filter(None, (first, source.about, source.address, *map(_plain_quote, source.quotes))))


def _plain_quote(quote: tuple[str, str]) -> str:
    text, place = quote
    return f"“{text}” ({place})" if place else f"“{text}”"


# --- Markdown -------------------------------------------------------------------------------------------------------------

_MARKUP = re.compile(r"[\\`*_\[\]<>&#|~${}]|(?<=www)\.|:(?=//)", re.IGNORECASE)
_AT_START = re.compile(r"^(\d{1,9})([.)])|^([-+=:])")


def markdown(text: str) -> str:
    """Return a text as one line of Markdown that shows letter for letter and does nothing.

    >>> print(markdown("1. [a](javascript:b) <i> www.c.example"))
    1\\. \\[a\\](javascript:b) \\<i\\> www\\.c.example
    """
    return _markdown_line(one_line(text))


def _markdown_line(line: str) -> str:
    text = _MARKUP.sub(lambda mark: f"\\{mark[0]}", line).replace(_BOLD, "**")
    return _AT_START.sub(lambda mark: f"{mark[1]}\\{mark[2]}" if mark[1] else f"\\{mark[3]}", text)


def _markdown(title: str, conversation: Conversation) -> str:
    parts = [f"# {markdown(title)}"]
    for turn in conversation:
        parts += [f"## {markdown(turn.question)}"] * _is_asked(title, conversation)
        parts += _markdown_answer(turn, len(conversation) > 1)
    return _joined(parts)


def _markdown_answer(turn: Turn, several: bool = False) -> list[str]:
    """Write one answer. Where there are ``several`` its footnotes' labels begin with its number."""
    answer = turn.answer or Answer(question=turn.question)
    mark = f"[^{turn.number}-{{}}]" if several else "[^{}]"
    sources = [_markdown_source(each, mark) for each in _sources(answer)]
    if sources and answer.state == "none":
        sources = [f"**{_heading(answer)}**", "\n".join(sources)]
    return [
        *map(markdown, _before(turn)),
        *_lines(answer, _markdown_line, mark),
        *map(markdown, _after(turn)),
        *sources,
    ]


def _markdown_source(source: _Source, mark: str) -> str:
    """Write a source as a footnote. One without a number as an item of a list.

    Behind the first words stand others: a label with a single word is a link in Markdown without footnotes.
    """
    label = f"{mark.format(source.number)}:" if source.number else "-"
    # In backticks it is text, letter for letter; an address holds none.
    address = [f"`{source.address}`."] if source.address else []
    about = [f"{markdown(each)}." for each in (source.title, source.about) if each]
    return " ".join([label, *about, *address, *(markdown(_plain_quote(each)) for each in source.quotes)])


# --- JSON -----------------------------------------------------------------------------------------------------------------


def _json(title: str, conversation: Conversation) -> str:
    """Write ``{"format": "footnote conversation", "version": 6, "title": ..., "turns": [...]}``, see ``record``."""
    turns = [to_json(turn) for turn in conversation]
    return readable({"format": FORMAT, "version": VERSION, "title": title, "turns": turns}, indent=1) + "\n"


# --- HTML -----------------------------------------------------------------------------------------------------------------


def _html(title: str, conversation: Conversation) -> str:
    text: str = html.tostring(_page(title, conversation), encoding="unicode", doctype="<!DOCTYPE html>")
    return text + "\n"


def _page(title: str, conversation: Conversation) -> Any:
    """Draw a page that loads nothing and runs nothing. Lxml escapes every text that is put into it."""
    style = (Path(__file__).parent / "export.css").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    turns = [_html_turn(turn, _is_asked(title, conversation)) for turn in conversation]
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return E.html(
        {"lang": current()},
        E.head(
            E.meta(charset="utf-8"),
            E.meta({"http-equiv": "Content-Security-Policy", "content": policy}),
            E.meta(name="viewport", content="width=device-width, initial-scale=1"),
            E.meta(name="referrer", content="no-referrer"),
            E.title(title),
            E.style(style),
        ),
        E.body(E.main(E.h1(title, dir="auto"), *turns)),
    )


def _html_turn(turn: Turn, asked: bool = True) -> Any:
    answer = turn.answer or Answer(question=turn.question)
    remarks = [E.p(each, {"class": "remark"}) for each in _before(turn)]
    body = [part for block in blocks(answer) for part in _html_block(block, turn.number)]
    if answer.state == "none" or not body:
        text = one_line(_own_words(told(answer.text)))
        body = [E.p(text, {"class": "refusal"} if answer.refused else {})] * bool(text)
    elif answer.state == "closest":
        body = [E.div({"class": "closest"}, *body)]
    notes = [E.p(each, {"class": "remark"}) for each in _after(turn)]
    question = [E.h2(one_line(turn.question), dir="auto")] * asked
    return E.section(*question, *remarks, *body, *notes, *_html_sources(answer, turn.number), id=f"t-{turn.number}")


def _html_block(block: Block, turn: int) -> list[Any]:
    label = one_line(_own_words(block.label))
    labels = [E.p({"class": "label"}, label, dir="auto")] * bool(label)
    items = [[part for each in item for part in (*_html_sentence(each, turn), " ")] for item in block.items]
    if block.kind == "p":
        return [*labels, E.p(*items[0], dir="auto")]
    start = {"start": str(block.start)} if block.start != 1 else {}
    return [*labels, E(block.kind, start, *(E.li(*item, dir="auto") for item in items))]


def _html_sentence(sentence: Sentence, turn: int) -> list[Any]:
    context = _context(sentence)
    parts: list[Any] = [E.span(context, {"class": "context"})] * bool(context)
    for piece in pieces(replace(sentence, text=_own_words(sentence.text))):
        part = _spaced(piece.text)
        part = E.strong(part) if piece.strong else part
        if not sentence.supported or piece.doubt:
            part = E.span(part, {"class": "unverified" if sentence.supported else "unsupported"})
        parts.append(part)
        parts += [" ", E.span(_doubted(piece), {"class": "mark"})] * piece.ends
    if not sentence.supported:
        parts += [" ", E.span(_no_source(), {"class": "mark"})]
    return [*parts, *(E.sup(E.a(f"[{each}]", href=f"#s-{turn}-{each}")) for each in _numbers(sentence))]


def _html_sources(answer: Answer, turn: int) -> list[Any]:
    sources = _sources(answer)
    if not sources:
        return []
    items = [_html_source(each, turn) for each in sources]
    return [E.h3(_heading(answer)), E("ol" if sources[0].number else "ul", {"class": "sources"}, *items)]


def _html_source(source: _Source, turn: int) -> Any:
    language = {"lang": source.language} if re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", source.language) else {}
    about = f". {source.about}" if source.about else ""
    parts = [E.p(E.cite(source.title), about, {"class": "from"})]
    parts += [E.p(source.address, {"class": "address"})] * bool(source.address)
    for text, where in source.quotes:
        parts += [E.blockquote(E.span(f"“{text}”"), language, dir="auto")]
        parts += [E.p(where, {"class": "place"})] * bool(where)
    place = {"id": f"s-{turn}-{source.number}", "value": str(source.number)} if source.number else {}
    return E.li(place, *parts)


def _file_name(title: str) -> str:
    """Name a file on any system: letters, digits and hyphens, whole words only.

    >>> _file_name("../Who voted, and why?")
    'footnote-who-voted-and-why'
    """
    name = "footnote"
    for word in re.findall(r"[^\W_]+", title.lower()):
        if len(name) + len(word) >= LONGEST_NAME:
            break
        name += f"-{word}"
    return name


# --- other programs -------------------------------------------------------------------------------------------------------


def _docx(title: str, conversation: Conversation) -> bytes:
    from rag.export.word_export import docx

    return docx(title, _page(title, conversation))


def _listed(write: Callable[[Iterable[Header]], str]) -> Callable[[str, Conversation], str]:
    """Make a format of what writes a list of articles: each that is cited, once."""

    def listed(_: str, conversation: Conversation) -> str:
        answers = (turn.answer for turn in conversation if turn.answer)
        cited = {each.hit.document.id: each.hit.document for answer in answers for each in answer.citations}
        return write(cited.values())

    return listed


FORMATS: dict[str, tuple[str, str, Callable[[str, Conversation], str | bytes]]] = {
    "markdown": ("md", "text/markdown", _markdown),
    "plain": ("txt", "text/plain", _plain),
    "html": ("html", "text/html", _html),
    "json": ("json", "application/json", _json),
    "docx": ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", _docx),
    "bibtex": ("bib", "application/x-bibtex", _listed(bibtex)),
    "ris": ("ris", "application/x-research-info-systems", _listed(ris)),
    "csl": ("csl.json", "application/vnd.citationstyles.csl+json", _listed(csl_json)),
}
"""How a conversation is saved: a file's suffix, its media type, and what writes it."""
