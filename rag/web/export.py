"""A conversation, or one answer, to take along: Markdown, plain text, an HTML file that stands alone, or JSON.

What is said of it is in the language that is spoken (see ``rag.web.language.speaking``); JSON is the same in all of them.

Whatever an article, a model or a reader wrote comes out as one line of text: it can neither begin a line of its own nor be
taken for markup, a link, or one of our numbers. What no quote carries is marked in each format, and so is a refusal.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple
from urllib.parse import urlsplit

from rag.chat.names import EXTRACTIVE
from rag.errors import SettingsError
from rag.types import Answer, Citation, Hit, Sentence
from rag.web import asset
from rag.web.conversation import Conversation, Turn
from rag.web.conversations import MAX_NUMBER, MAX_TITLE, title_of
from rag.web.language import current, phrase, told
from rag.web.lines import one_line, shortened
from rag.web.record import checked_version, damaged, from_json, parsed, readable, to_json
from rag.web.render import Block, also, blocks, cited_byline

FORMAT = "footnote conversation"
VERSION = 1
MAX_NEAREST = 3
"""How many of the passages that were found are named under a refusal."""
_LONGEST_ADDRESS = 2_000

Kind = Literal["markdown", "plain", "html", "json"]


@dataclass(frozen=True, slots=True)
class File:
    """A file to be saved: a name without any folder, its media type, its text."""

    name: str
    media_type: str
    text: str


def export(conversation: Conversation, kind: object, title: str = "") -> File:
    """A conversation as a file; ``title`` is that of its first question unless it is given.

    ``kind`` is "markdown", "plain", "html" or "json". Raises SettingsError for another one.
    """
    if not isinstance(kind, str) or kind not in _FORMATS:
        raise SettingsError(f"a conversation is saved as {', '.join(_FORMATS)}; choose one of them")
    suffix, media_type, written = _FORMATS[kind]
    title = shortened(title, MAX_TITLE) or title_of(conversation) or phrase("Conversation")
    return File(f"{_file_name(title)}.{suffix}", media_type, written(title, conversation))


def copied(turn: Turn, kind: object) -> str:
    """One answer with its sources, as "markdown" or "plain" text; raises SettingsError for another kind.

    >>> copied(Turn(1, "Who?", "done", Answer("Who?", text="Nobody knows.", complete=True)), "plain")
    'Nobody knows.\\n'
    """
    if kind == "markdown":
        return _joined(_markdown_answer(turn))
    if kind == "plain":
        return _joined(_plain_answer(turn))
    raise SettingsError("an answer is copied as markdown or plain text; choose one of them")


def read_json(text: str | bytes) -> tuple[str, Conversation]:
    """The title and the conversation that were saved as JSON; raises StoreCorrupt or StoreTooNew."""
    found = parsed(text)
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise damaged("it is no conversation of Footnote")
    checked_version(found.get("version"))
    title, records = found.get("title"), found.get("turns")
    if not isinstance(title, str) or not isinstance(records, list):
        raise damaged("it has no title or no turns")
    turns = tuple(from_json(Turn, each) for each in records)
    numbers = [0, *(turn.number for turn in turns)]
    if numbers != sorted(set(numbers)) or numbers[-1] > MAX_NUMBER:
        raise damaged("its turns are out of order")
    return title, turns


def web_address(source: str) -> str:
    """Where an article came from, if that is an address of the web, else nothing; it is shown as text.

    >>> web_address("https://courier.example/mill"), web_address("javascript:alert(1)"), web_address("https://a.b@c.d/")
    ('https://courier.example/mill', '', '')
    """
    if len(source) > _LONGEST_ADDRESS or not all(each.isalnum() or each in _IN_ADDRESS for each in source):
        return ""
    try:
        parts = urlsplit(source)
    except ValueError:
        return ""
    return source if parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc else ""


_IN_ADDRESS = "-._~:/?#[]@!$&'()*+,;=%"


# --- what is told of a turn, whatever the format --------------------------------------------------------------------------


class _Source(NamedTuple):
    """A quote with where it stands; a passage that is only named has no number and no quote."""

    number: int
    quote: str
    title: str
    about: str
    address: str
    language: str


def _quoted(citation: Citation) -> _Source:
    return _source(citation.hit, citation.number, one_line(citation.quote))


def _source(hit: Hit, number: int = 0, quote: str = "") -> _Source:
    header = hit.document
    title = shortened(header.title or header.id, MAX_TITLE)
    about = ". ".join(filter(None, (one_line(cited_byline(header)), one_line(also(hit)))))
    return _Source(number, quote, title, about, web_address(header.source), header.language)


def _sources(turn: Turn) -> list[_Source]:
    """What the answer quotes; the nearest passages of a refusal."""
    answer = turn.answer
    if answer is None:
        return []
    if answer.refused:
        return [_source(hit) for hit in answer.hits[:MAX_NEAREST]]
    return [_quoted(citation) for citation in answer.citations]


def _heading(turn: Turn) -> str:
    refused = turn.answer is not None and turn.answer.refused
    return phrase("Nearest passages, which do not answer it") if refused else phrase("Sources")


def _before(turn: Turn) -> list[str]:
    """What was searched for, and what was understood of the question."""
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
    """How the answer came about, and whether it is whole."""
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


def _wording(answer: Answer) -> str:
    """An answer without sentences: a refusal in the language that is spoken."""
    return phrase(answer.text) if answer.refused else answer.text


def _no_source() -> str:
    return f"({phrase('no source')})"


def _no_quote() -> str:
    return f"({phrase('stands in no quote')})"


def _text(sentence: Sentence) -> str:
    """A sentence in one line, with what stands in no quote marked where it stands, or that nothing carries it."""
    if not sentence.supported:
        return f"{_own_words(sentence.text)} {_no_source()}"
    text = sentence.text
    for _, end in sorted(set(sentence.unverified), reverse=True):
        text = f"{text[:end]} {_no_quote()}{text[end:]}"
    return _own_words(text)


def _own_words(text: str) -> str:
    """What was written, in which nothing looks like a number of ours."""
    return re.sub(r"\[(\d+)\]", r"(\1)", one_line(text))


def _numbers(sentence: Sentence) -> str:
    return "".join(f" [{citation.number}]" for citation in sentence.citations)


def _lines(answer: Answer, escaped: Callable[[str], str]) -> list[str]:
    """The answer's paragraphs and lists as lines of text with their numbers; a list's items follow each other."""
    if not answer.sentences:
        return [escaped(_own_words(_wording(answer)))] if answer.text.strip() else []
    found = []
    for block in blocks(answer.sentences):
        items = [" ".join(escaped(_text(each)) + _numbers(each) for each in item) for item in block.items]
        found.append("\n".join(f"{mark}{item}" for mark, item in zip(_marks(block), items, strict=True)))
    return found


def _marks(block: Block) -> list[str]:
    """What stands in front of each item."""
    if block.kind == "ol":
        return [f"{number}. " for number in range(block.start, block.start + len(block.items))]
    return ["- " if block.kind == "ul" else ""] * len(block.items)


def _joined(parts: Iterable[str]) -> str:
    return "\n\n".join(part for part in parts if part) + "\n"


# --- plain text -----------------------------------------------------------------------------------------------------------


def _plain(title: str, conversation: Conversation) -> str:
    parts = [title]
    for turn in conversation:
        asked = phrase("Question: {question}", question=one_line(turn.question))
        parts += ["* * *", asked, *_plain_answer(turn)]
    return _joined(parts)


def _plain_answer(turn: Turn) -> list[str]:
    answer = turn.answer or Answer(question=turn.question)
    body = _lines(answer, str)
    if answer.refused:
        body = [phrase("No answer: {reason}", reason=line) for line in body]
    sources = [_plain_source(each) for each in _sources(turn)]
    return [
        "\n".join(_before(turn)),
        *body,
        "\n".join(_after(turn)),
        "\n".join([f"{_heading(turn)}:", *sources] if sources else []),
    ]


def _plain_source(source: _Source) -> str:
    first = f"[{source.number}] “{source.quote}”\n    " if source.quote else "- "
    rest = "\n    ".join(filter(None, (source.about, source.address)))
    return f"{first}{source.title}" + (f"\n    {rest}" if rest else "")


# --- Markdown -------------------------------------------------------------------------------------------------------------

_MARKUP = re.compile(r"[\\`*_\[\]<>&#|~${}]|(?<=www)\.|:(?=//)", re.IGNORECASE)
_AT_START = re.compile(r"^(\d{1,9})([.)])|^([-+=:])")


def markdown(text: str) -> str:
    """A text as one line of Markdown that shows letter for letter and does nothing.

    >>> print(markdown("1. [a](javascript:b) <i> www.c.example"))
    1\\. \\[a\\](javascript:b) \\<i\\> www\\.c.example
    """
    text = _MARKUP.sub(lambda mark: f"\\{mark[0]}", one_line(text))
    return _AT_START.sub(lambda mark: f"{mark[1]}\\{mark[2]}" if mark[1] else f"\\{mark[3]}", text)


def _markdown(title: str, conversation: Conversation) -> str:
    parts = [part for turn in conversation for part in (f"## {markdown(turn.question)}", *_markdown_answer(turn))]
    return _joined([f"# {markdown(title)}", *parts])


def _markdown_answer(turn: Turn) -> list[str]:
    answer = turn.answer or Answer(question=turn.question)
    body = _lines(answer, markdown)
    if answer.refused:
        body = [f"**{phrase('No answer:')}** {line}" for line in body]
    sources = [_markdown_source(each) for each in _sources(turn)]
    listed = [f"**{_heading(turn)}**", "\n".join(sources)] if sources else []
    return [*map(markdown, _before(turn)), *body, *map(markdown, _after(turn)), *listed]


def _markdown_source(source: _Source) -> str:
    quote = f"[{source.number}] “{markdown(source.quote)}” — " if source.quote else ""
    about = f". {markdown(source.about)}" if source.about else ""
    # In backticks it is text, letter for letter; an address holds none.
    address = f". `{source.address}`" if source.address else ""
    return f"- {quote}{markdown(source.title)}{about}{address}"


# --- JSON -----------------------------------------------------------------------------------------------------------------


def _json(title: str, conversation: Conversation) -> str:
    """``{"format": "footnote conversation", "version": 1, "title": ..., "turns": [...]}``, turns as in ``rag.web.record``."""
    turns = [to_json(turn) for turn in conversation]
    return readable({"format": FORMAT, "version": VERSION, "title": title, "turns": turns}, indent=1) + "\n"


# --- HTML -----------------------------------------------------------------------------------------------------------------


def _html(title: str, conversation: Conversation) -> str:
    """A page that loads nothing and runs nothing; lxml escapes every text that is put into it."""
    from lxml import html
    from lxml.builder import E

    style = asset("export.css")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    page = E.html(
        {"lang": current()},
        E.head(
            E.meta(charset="utf-8"),
            E.meta({"http-equiv": "Content-Security-Policy", "content": policy}),
            E.meta(name="viewport", content="width=device-width, initial-scale=1"),
            E.meta(name="referrer", content="no-referrer"),
            E.title(title),
            E.style(style),
        ),
        E.body(E.main(E.h1(title, dir="auto"), *(_html_turn(E, turn) for turn in conversation))),
    )
    text: str = html.tostring(page, encoding="unicode", doctype="<!DOCTYPE html>")
    return text + "\n"


def _html_turn(E: Any, turn: Turn) -> Any:  # noqa: N803 (as lxml calls it)
    answer = turn.answer or Answer(question=turn.question)
    remarks = [E.p(each, {"class": "remark"}) for each in _before(turn)]
    body = [_html_block(E, block, turn.number) for block in blocks(answer.sentences)]
    if answer.refused:
        body = [E.p(E.strong(f"{phrase('No answer:')} "), _own_words(_wording(answer)), {"class": "refusal"})]
    elif not body and answer.text.strip():
        body = [E.p(_own_words(answer.text))]
    notes = [E.p(each, {"class": "remark"}) for each in _after(turn)]
    question = E.h2(one_line(turn.question), dir="auto")
    return E.section(question, *remarks, *body, *notes, *_html_sources(E, turn), id=f"t-{turn.number}")


def _html_block(E: Any, block: Block, turn: int) -> Any:  # noqa: N803
    items = [[part for each in item for part in (*_html_sentence(E, each, turn), " ")] for item in block.items]
    if block.kind == "p":
        return E.p(*items[0], dir="auto")
    start = {"start": str(block.start)} if block.start != 1 else {}
    return E(block.kind, start, *(E.li(*item, dir="auto") for item in items))


def _html_sentence(E: Any, sentence: Sentence, turn: int) -> list[Any]:  # noqa: N803
    if not sentence.supported:
        text = E.span(_own_words(sentence.text), {"class": "unsupported"})
        return [text, " ", E.span(_no_source(), {"class": "mark"})]
    parts: list[Any] = []
    position = 0
    for start, end in sorted(set(sentence.unverified)):
        if position <= start < end <= len(sentence.text):
            doubtful = E.span(_spaced(sentence.text[start:end]), {"class": "unverified"})
            parts += [_spaced(sentence.text[position:start]), doubtful, " ", E.span(_no_quote(), {"class": "mark"})]
            position = end
    links = [E.sup(E.a(f"[{each.number}]", href=f"#s-{turn}-{each.number}")) for each in sentence.citations]
    return [*parts, _spaced(sentence.text[position:]), *links]


def _spaced(text: str) -> str:
    """As ``_own_words``, with a space kept at either end: pieces of a sentence stand next to each other."""
    line = _own_words(text)
    return " " * text[:1].isspace() + line + " " * (text[-1:].isspace() and bool(line))


def _html_sources(E: Any, turn: Turn) -> list[Any]:  # noqa: N803
    sources = _sources(turn)
    if not sources:
        return []
    items = [_html_source(E, each, turn.number) for each in sources]
    return [E.h3(_heading(turn)), E("ol" if sources[0].quote else "ul", {"class": "sources"}, *items)]


def _html_source(E: Any, source: _Source, turn: int) -> Any:  # noqa: N803
    language = {"lang": source.language} if re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", source.language) else {}
    parts = [E.blockquote(E.span(f"“{source.quote}”"), language, dir="auto")] if source.quote else []
    about = f". {source.about}" if source.about else ""
    parts.append(E.p(E.cite(source.title), about, {"class": "from"}))
    parts += [E.p(source.address, {"class": "address"})] * bool(source.address)
    place = {"id": f"s-{turn}-{source.number}", "value": str(source.number)} if source.quote else {}
    return E.li(place, *parts)


def _file_name(title: str) -> str:
    """A name for a file of any system: letters, digits and hyphens.

    >>> _file_name("../Who voted, and why?")
    'footnote-who-voted-and-why'
    """
    return "-".join(["footnote", *re.findall(r"[^\W_]+", title.lower())])[:60].rstrip("-")


_FORMATS: dict[str, tuple[str, str, Callable[[str, Conversation], str]]] = {
    "markdown": ("md", "text/markdown", _markdown),
    "plain": ("txt", "text/plain", _plain),
    "html": ("html", "text/html", _html),
    "json": ("json", "application/json", _json),
}
