"""Commands that answer: ask, search, timeline."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rag.doors.opened import draft_line, opened
from rag.doors.options import REFUSED, folders, json_output, k_option, model_option, narrowing, scope_options
from rag.doors.printing import plain, print_answer, print_hit, print_json, print_search
from rag.types import spoken_date

if TYPE_CHECKING:
    from rag.timeline import Entry


@click.command()
@click.argument("question")
@folders
@model_option
@scope_options
@k_option
@json_output
def ask(
    question: str,
    articles: Path | None,
    index: Path | None,
    model: str | None,
    k: int | None,
    as_json: bool,
    **narrowed: Any,
) -> None:
    """Answer QUESTION from the articles, every sentence with its quote."""
    from rag.retrieve import check_question, check_scope  # a question that cannot be asked must not wait for a build

    question, scope = check_question(question), check_scope(**narrowing(**narrowed)) or None
    with opened(articles, index, model, reads=True) as chatbot, draft_line() as show:
        for answer in chatbot.stream(question, k=k, scope=scope):
            show(answer)
    if as_json:
        print_json(answer.to_dict())
    else:
        print_answer(answer)
    if answer.refused:
        sys.exit(REFUSED)


@click.command()
@click.argument("question")
@folders
@scope_options
@k_option
@click.option("--explain", is_flag=True, help="Show what was searched, and what was left out and why, as well.")
@json_output
def search(
    question: str,
    articles: Path | None,
    index: Path | None,
    k: int | None,
    explain: bool,
    as_json: bool,
    **narrowed: Any,
) -> None:
    """Find the passages nearest to QUESTION, and why each was found."""
    from rag.retrieve import check_question

    question = check_question(question)
    with opened(articles, index) as chatbot:
        found = chatbot.find(question, k, **narrowing(**narrowed))
    if found.notice and not explain:
        click.echo(found.notice, err=True)
    if as_json:
        print_json({**asdict(found), "question": question} if explain else [asdict(hit) for hit in found.hits])
        return
    for number, hit in enumerate(found.hits, start=1):
        print_hit(number, hit)
    if explain:
        print_search(found)


@click.command("timeline")
@click.argument("topic")
@folders
@scope_options
@json_output
def show_timeline(topic: str, articles: Path | None, index: Path | None, as_json: bool, **narrowed: Any) -> None:
    """Quote one line on TOPIC from each article that mentions it, in order of publication."""
    from rag.retrieve import check_question

    topic = check_question(topic)
    with opened(articles, index) as chatbot:
        entries = chatbot.timeline(topic, **narrowing(**narrowed))
    if as_json:
        print_json({"topic": topic, "entries": [_entry(each) for each in entries]})
    for each in () if as_json else entries:
        span = f"characters {each.citation.start} to {each.citation.end}"
        where = ", ".join(filter(None, (each.header.id, each.citation.place, span)))
        click.echo(
            f"{plain(spoken_date(each.published) or 'undated')} · {plain(each.header.outlet or each.header.title)}"
        )
        click.echo(f"  “{plain(' '.join(each.citation.quote.split()))}” [{each.citation.number}]\n  {plain(where)}")
    if not entries:
        within = " within what it was narrowed to" if any(narrowed.values()) else ""
        click.echo(f"no article{within} mentions “{plain(topic)}”; try another spelling, or: rag status", err=True)
        sys.exit(REFUSED)


def _entry(entry: Entry) -> dict[str, Any]:
    header, citation = entry.header, entry.citation
    place = {"quote": citation.quote, "start": citation.start, "end": citation.end, "number": citation.number}
    place |= {"place": citation.place} if citation.place else {}
    return {
        "published": entry.published,
        "as_of": header.as_of(),
        "id": header.id,
        "title": header.title,
        "outlet": header.outlet,
        **place,
    }
