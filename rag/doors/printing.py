"""Print answers, passages, reports and counts for people."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterable
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Any

import click

from rag.errors import SettingsError
from rag.types import DOUBTS

if TYPE_CHECKING:
    from rag.draft.report import Line
    from rag.retrieval.find import Found
    from rag.types import Answer, Changes, Hit, Sentence

MOST_NEAREST = 3
"""How many articles are named where no answer was found."""
MOST_CHARACTERS = 160
"""How much is printed of a passage that is only named."""


def plural(count: int, noun: str) -> str:
    """Write a count with its noun.

    >>> plural(1, "article"), plural(1200, "article")
    ('1 article', '1,200 articles')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def fitted(text: str, indent: int = 0, hang: int = 0) -> str:
    """Wrap each line of a text to the terminal's width; in a pipe lines stay whole.

    ``indent`` and ``hang`` count the spaces before a line and, more, before what is wrapped of it.
    """
    first, further = " " * indent, " " * (indent + hang)
    if not sys.stdout.isatty():
        return "\n".join(first + line for line in text.split("\n"))
    width = max(shutil.get_terminal_size().columns, 20)
    return "\n".join(click.wrap_text(line, width, first, further) for line in text.split("\n"))


def print_changes(changes: Changes, err: bool = False) -> None:
    files = {name: len(getattr(changes, name)) for name in ("added", "changed", "removed", "kept")}
    counts = ", ".join(f"{count} {name}" for name, count in files.items() if count)
    whole = (
        f"{plural(changes.articles, 'article')}, {plural(changes.passages, 'passage')} ({changes.embedded:,} embedded)"
    )
    click.echo(f"{whole}: {counts or 'nothing'}", err=err)
    for what in ("skipped", "failed", "incomplete"):
        for each in getattr(changes, what):
            click.echo(f"  {what}: {plain(each.id)}: {plain(each.reason)}", err=err)


def print_answer(answer: Answer) -> None:
    """Print an answer with its numbered sources; of a refusal only what is nearest."""
    if answer.searched:
        click.echo(fitted(f"Searched for: {plain(answer.searched)}\n"))
    if answer.understood:
        click.echo(fitted(f"Understood: {plain(' · '.join(answer.understood))}\n"))
    click.echo(fitted(_marked_answer(answer)))
    if answer.notice:
        click.echo(f"\n{plain(answer.notice)}", err=True)
    nearest = answer.hits if answer.state == "none" else ()
    for title in list(dict.fromkeys(hit.document.cited() for hit in nearest))[:MOST_NEAREST]:
        click.echo(fitted(f"Nearest: {plain(title)}", 2, 2))
    printed = {each.text for each in answer.sentences} if answer.state == "closest" else ()
    for number, quotes in groupby(answer.citations, key=lambda each: each.number):
        for place, citation in enumerate(quotes):
            if place == 0:
                click.echo("\n" + fitted(f"[{number}] {plain(citation.hit.document.cited())}", 2, 4))
            if citation.quote not in printed:
                click.echo(fitted(f"“{plain(' '.join(citation.quote.split()))}”", 6))
            click.echo(fitted(plain(citation.where), 6))


def answer_text(answer: Answer) -> str:
    """Return an answer's text with its numbers and marks, without colour."""
    return click.unstyle(_marked_answer(answer))


def _marked_answer(answer: Answer) -> str:
    """Return the answer's text with bold, in which what no quote carries is marked where it stands."""
    from rag.cite.checker import marked_text

    if not answer.sentences:
        return plain(answer.text)
    own = (replace(each, lead=plain(each.lead), context=plain(each.context)) for each in answer.sentences)
    said = marked_text(replace(each, text=_marked(each), label=each.label and _bold(each.label)) for each in own)
    first, _, _ = answer.text.partition("\n")
    return f"{plain(first)}\n{said}" if answer.state == "closest" else said


def _marked(sentence: Sentence) -> str:
    from rag.export.paragraphs import pieces

    parts = []
    for piece in pieces(sentence):
        parts.append(_bold(piece.text) if piece.strong else plain(piece.text))
        parts += [f" [{DOUBTS.get(piece.doubt, 'in no quote')}]"] * piece.ends
    repaired = " [quotation repaired]" * sentence.repaired
    return "".join(parts) + repaired + " [unsupported]" * (not sentence.supported)


def _bold(text: str) -> str:
    """Return a text in bold, which click leaves out where it is not printed on a terminal."""
    return click.style(plain(text), bold=True)


def print_lines(lines: Iterable[Line]) -> None:
    """Print a report, with each status in its colour."""
    for indent, status, text in lines:
        label = click.style(f"{status}:", fg=_COLOURS.get(status)) + " " if status else ""
        click.echo(fitted(label + plain(text), indent, 2))


_COLOURS = {
    **dict.fromkeys(("found", "verbatim"), "green"),
    **dict.fromkeys(("differs", "altered"), "yellow"),
    **dict.fromkeys(("not in the articles", "not found"), "red"),
}


def print_hit(number: int, hit: Hit) -> None:
    why = hit.why
    meaning = f"meaning {why.dense_score:.2f}" if why.dense_score is not None else ""
    by_words = f"words {', '.join(why.matched)}" if why.matched else ""
    also = f"also in {', '.join(each.outlet or each.id for each in hit.also)}" if hit.also else ""
    reasons = " · ".join(part for part in (f"{hit.score:.2f}", meaning, by_words, *why.met, also) if part)
    cited = " · ".join(filter(None, (hit.document.cited(), hit.passage.place)))
    click.echo("\n" + fitted(f"{number}. {plain(cited)}", 0, 3))
    click.echo(fitted(f"{plain(reasons)}\n{plain(' '.join(hit.passage.text.split()))}", 3))


def print_search(found: Found) -> None:
    """Return what was searched, and the best of what was left out."""
    scope = found.scope
    period = " to ".join(day or "…" for day in scope.published) if any(scope.published) else ""
    narrowed = ", ".join((*scope.outlets, *scope.authors, *scope.names, *scope.documents, *filter(None, [period])))
    click.echo(f"\n{plural(found.candidates, 'passage')} weighed, {len(found.hits)} shown")
    click.echo(f"  narrowed to: {plain(narrowed or 'nothing, all articles')}")
    for part in found.parts:
        click.echo(f"  searched for by itself: {plain(part)}")
    for each in found.dropped:
        cited, beginning = each.hit.document.cited(), shorten(each.hit.passage.text, MOST_CHARACTERS, placeholder="…")
        click.echo(fitted(f"left out, {each.reason}: {plain(cited)}\n  {plain(beginning)}", 2, 2))


def save(path: Path, data: bytes) -> None:
    """Write a file that the user named; raises SettingsError."""
    try:
        path.write_bytes(data)
    except OSError as error:
        message = (error.strerror or type(error).__name__).lower()
        raise SettingsError(
            "{path} cannot be written ({message}); name another file", path=path, message=message
        ) from None


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=1))


_KEPT = "\n\u200c\u200d"  # words of some languages, and some emoji, are spelt with the last two


def plain(text: str) -> str:
    """Text of articles and file names must not steer the terminal.

    >>> plain("می\u200cخواهم \x1b[2J") == "می\u200cخواهم �[2J"
    True
    """
    if text.isprintable():  # ten times as fast, and nearly all are
        return text
    return "".join(each if each.isprintable() or each in _KEPT else "�" for each in text)
