"""A checked draft for readers and programs: lines for a terminal, JSON, and an HTML page that stands alone."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from html import escape
from typing import Any, NamedTuple

from rag.draft.checked import Checked, Difference, DraftSentence, Piece, Quotation
from rag.types import Citation


class Line(NamedTuple):
    """A line of a report: how far it is indented, a status in front of it, which may be empty, and its text."""

    indent: int
    status: str
    text: str


Say = Callable[..., str]
"""Puts a text into a language; of forms that "|" parts the one for ``count`` is taken, and values are filled in by name."""

SENTENCES = {
    "found": "{count} found|{count} found",
    "differs": "{count} differs|{count} differ",
    "not in the articles": "{count} not in the articles|{count} not in the articles",
    "no claim": "{count} left alone|{count} left alone",
}
QUOTATIONS = {
    "verbatim": "{count} verbatim|{count} verbatim",
    "altered": "{count} altered|{count} altered",
    "not found": "{count} not found|{count} not found",
}


def english(text: str, **values: object) -> str:
    """Say a text as it stands.

    >>> english("{count} sentence|{count} sentences", count=2)
    '2 sentences'
    """
    forms = text.split("|") if "count" in values else [text]
    return forms[values.get("count", 1) != 1].format(**values)


def summary(checked: Checked, say: Say = english) -> str:
    """Count the sentences and the quotations in one line.

    >>> summary(Checked("", (DraftSentence("It rained.", 0, 10, "found"),)))
    '1 sentence: 1 found'
    """
    counts = checked.counts()
    sentences = say("{count} sentence|{count} sentences", count=len(checked.sentences))
    parts = [_counted(sentences, counts, SENTENCES, say)]
    if checked.quotations:
        quotations = say("{count} quotation|{count} quotations", count=len(checked.quotations))
        parts.append(_counted(quotations, counts, QUOTATIONS, say))
    if checked.left:
        parts.append(say("{count} not checked|{count} not checked", count=checked.left))
    return "; ".join(parts)


def _counted(what: str, counts: Mapping[str, int], kinds: Mapping[str, str], say: Say) -> str:
    return f"{what}: {', '.join(say(text, count=counts[kind]) for kind, text in kinds.items() if counts[kind])}"


def lines(checked: Checked) -> Iterator[Line]:
    """Yield a report sentence by sentence; the article's own words stand under what differs."""
    yield Line(0, "", summary(checked))
    for sentence in checked.sentences:
        numbers = "".join(f" [{number}]" for number in dict.fromkeys(each.number for each in sentence.citations))
        yield Line(0, "", "")
        shown = "left alone" if sentence.status == "no claim" else sentence.status
        yield Line(0, shown, f"{_one_line(sentence.text)}{numbers}")
        for difference in sentence.differences:
            if difference.kind != "quotation":
                instead = f"; the article has {_one_line(difference.instead)}" if difference.instead else ""
                yield Line(2, "", f"{difference.kind}: {_one_line(difference.text)}{instead}")
        for quotation in sentence.quotations:
            yield from quotation_lines(quotation, 2)
        if sentence.status == "differs":
            for citation in _apart(sentence):
                yield from _cited(citation, 2)
    sources = {each.number: each for sentence in checked.sentences for each in _citations(sentence)}
    if sources:
        yield Line(0, "", "")
    for number in sorted(sources):
        yield Line(0, "", f"[{number}] {sources[number].hit.document.cited()} · {sources[number].hit.document.id}")


def quotation_lines(quotation: Quotation, indent: int = 0) -> Iterator[Line]:
    """Yield where a quotation stands; [-these words-] are the quotation's, {+these+} the article's."""
    text = marked(quotation.pieces) if quotation.pieces else _one_line(quotation.text)
    yield Line(indent, quotation.status, f"“{text}”")
    for citation in quotation.citations:
        yield from _cited(citation, indent + 2)
    for other in quotation.others:
        yield Line(indent + 2, "", f"also in {other.where}")


def marked(pieces: Iterable[Piece]) -> str:
    """Write a comparison in one line.

    >>> marked([Piece("never ", "never "), Piece("told", "asked")])
    'never [-told-]{+asked+}'
    """
    parts = []
    for piece in pieces:
        written, printed = _spaced(piece.written), _spaced(piece.printed)
        changed = (f"[-{written}-]" if written else "") + (f"{{+{printed}+}}" if printed else "")
        parts.append(printed if piece.same else changed)
    return "".join(parts)


def _cited(citation: Citation, indent: int) -> Iterator[Line]:
    yield Line(indent, "", f"[{citation.number}] “{_one_line(citation.quote)}”")
    yield Line(indent + 4, "", citation.hit.document.cited())
    yield Line(indent + 4, "", citation.where)


def _apart(sentence: DraftSentence) -> list[Citation]:
    """Return the citations of a sentence that are not shown under its quotations."""
    shown = {
        (each.hit.document.id, each.start, each.end) for quoted in sentence.quotations for each in quoted.citations
    }
    return [each for each in sentence.citations if (each.hit.document.id, each.start, each.end) not in shown]


def _citations(sentence: DraftSentence) -> Iterator[Citation]:
    yield from sentence.citations
    for quotation in sentence.quotations:
        yield from (*quotation.citations, *quotation.others)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _spaced(text: str) -> str:
    """Return one line that keeps a space at either end: pieces are put together again."""
    return "".join(" " if character.isspace() else character for character in text)


# --- For programs


def as_json(checked: Checked) -> dict[str, Any]:
    """Return a checked draft as plain data."""
    return {"clean": checked.clean, "counts": checked.counts(), "sentences": _plain(checked.sentences)}


def quotation_as_json(quotation: Quotation) -> dict[str, Any]:
    """Return a quotation as plain data."""
    return {each.name: _plain(getattr(quotation, each.name)) for each in fields(quotation)}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(map(_plain, value))
    if isinstance(value, Citation):
        return citation_as_json(value)
    return {each.name: _plain(getattr(value, each.name)) for each in fields(value)} if is_dataclass(value) else value


def citation_as_json(citation: Citation) -> dict[str, Any]:
    """Return a citation as plain data."""
    header = citation.hit.document
    return {
        "number": citation.number,
        "id": header.id,
        "title": header.title,
        "outlet": header.outlet,
        "published": header.published,
        "as_of": header.as_of(),
        "place": citation.place,
        "quote": citation.quote,
        "start": citation.start,
        "end": citation.end,
    }


# --- A page

_STYLE = """
:root { color-scheme: light dark; --ink: #24211c; --paper: #fffefb; --faded: #675f52; --rule: #e3dccd; --red: #97291f;
 --green: #2c5e3b; --amber: #7a5200; --marked: #ffedab; }
@media (prefers-color-scheme: dark) { :root { --ink: #ece7dc; --paper: #191815; --faded: #aea593; --rule: #3b372f;
 --red: #f0a094; --green: #9ccfab; --amber: #e5bd6c; --marked: #4d4118; } }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1.05rem/1.55 system-ui, sans-serif; }
main { max-width: 64rem; margin: 0 auto; padding: 2rem 1.2rem 4rem; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; } section { border-top: 1px solid var(--rule); padding: .7rem 0; } p { margin: .2rem 0; }
.beside { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(20rem, 100%), 1fr)); gap: 0 2rem; }
.outcome { font-size: .8rem; font-weight: 600; color: var(--faded); } .good { color: var(--green); }
.other { color: var(--amber); } .missing { color: var(--red); } .alone + p { color: var(--faded); }
mark { background: var(--marked); color: inherit; text-decoration: underline wavy var(--amber) 1px; }
del { color: var(--red); } ins { color: var(--green); }
blockquote { margin: .4rem 0; padding-left: .8rem; border-left: 3px solid var(--rule); }
.from { color: var(--faded); font-size: .9rem; }
"""
_SHOWN = {
    "found": ("✓", "Found", "good"),
    "verbatim": ("✓", "Verbatim", "good"),
    "differs": ("≠", "Differs", "other"),
    "altered": ("≠", "Altered", "other"),
    "not in the articles": ("?", "Not in the articles", "missing"),
    "not found": ("?", "Not found", "missing"),
    "no claim": ("–", "Left alone", "alone"),
}
"""The sign of each status, its words, which both tell it without colours, and its class."""


def page(checked: Checked, name: str, about: str = "", say: Say = english, language: str = "en") -> str:
    """Write a report as an HTML page: it asks for nothing from outside and has no scripts.

    ``about`` says what it was checked against; ``say`` puts all texts but the articles' into the ``language``.
    """
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    title = escape(name)
    told = f"<p>{escape(about)}</p>\n" if about else ""
    return (
        f'<!DOCTYPE html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="referrer" content="no-referrer">\n<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n'
        f'<body>\n<main>\n<h1 dir="auto">{title}</h1>\n{told}<p>{escape(summary(checked, say))}</p>\n'
        f"{sections(checked, say)}\n</main>\n</body>\n</html>\n"
    )


def _source(citation: Citation) -> str:
    return escape(f"[{citation.number}] {citation.hit.document.cited()} · {citation.where}")


def sections(checked: Checked, say: Say = english, source: Callable[[Citation], str] = _source) -> str:
    """Write a section for each sentence, the article's own words beside it; ``source`` is the markup under a quote."""
    return "\n".join(_section(each, say, source) for each in checked.sentences)


def _section(sentence: DraftSentence, say: Say, source: Callable[[Citation], str]) -> str:
    said = [_outcome(sentence.status, say), f'<p dir="auto">{_with_marks(sentence)}</p>']
    for each in sentence.differences:
        if each.kind != "quotation":
            whole = "{kind}" if _is_whole(each, sentence) else "{kind}: {written}"
            template = "{kind}: {written}; the article has {printed}" if each.instead else whole
            values = {"written": f"<b>{escape(each.text)}</b>", "printed": f"<b>{escape(each.instead)}</b>"}
            said.append(f'<p class="difference">{say(template, kind=say(each.kind), **values)}</p>')
    printed = _apart(sentence) if sentence.status in ("found", "differs") else []
    rows = [_beside(said, printed, source)]
    for quotation in sentence.quotations:
        compared = "".join(map(_compared, quotation.pieces)) or escape(quotation.text)
        said = [_outcome(quotation.status, say), f'<p dir="auto">“{compared}”</p>']
        rows.append(_beside(said, quotation.citations, source))
    return f"<section>\n{chr(10).join(rows)}\n</section>"


def _beside(said: Iterable[str], printed: Iterable[Citation], source: Callable[[Citation], str]) -> str:
    quotes = "\n".join(
        f'<blockquote dir="auto">{escape(each.quote)}<p class="from">{source(each)}</p></blockquote>'
        for each in printed
    )
    return f'<div class="beside"><div>\n{chr(10).join(said)}\n</div><div>{quotes}</div></div>'


def _outcome(status: str, say: Say) -> str:
    sign, shown, kind = _SHOWN[status]
    return f'<p class="outcome {kind}"><span aria-hidden="true">{sign}</span> {escape(say(shown))}</p>'


def _is_whole(difference: Difference, sentence: DraftSentence) -> bool:
    """Tell whether a whole sentence differs; nothing in it is marked then."""
    return difference.end - difference.start >= len(sentence.text.rstrip()) > 0


def _with_marks(sentence: DraftSentence) -> str:
    """Mark what differs where it stands."""
    parts: list[str] = []
    place = sentence.start
    within = [each for each in sentence.differences if not _is_whole(each, sentence)]
    spans = sorted((max(each.start, sentence.start), min(each.end, sentence.end)) for each in within)
    for start, end in _disjoint(spans):
        parts.append(escape(sentence.text[place - sentence.start : start - sentence.start]))
        parts.append(f"<mark>{escape(sentence.text[start - sentence.start : end - sentence.start])}</mark>")
        place = end
    return "".join(parts) + escape(sentence.text[place - sentence.start :])


def _disjoint(spans: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    last = -1
    for start, end in spans:
        if start >= last:
            yield start, end
            last = end


def _compared(piece: Piece) -> str:
    if piece.same:
        return escape(piece.printed)
    written = f"<del>{escape(piece.written)}</del>" if piece.written else ""
    return written + (f"<ins>{escape(piece.printed)}</ins>" if piece.printed else "")
