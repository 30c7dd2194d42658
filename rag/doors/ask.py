"""Commands that answer: ask, search, timeline."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from rag.doors import exports
from rag.doors.opened import draft_lines, opened
from rag.doors.options import REFUSED, folder_options, json_option, k_option, model_option, narrowing, scope_options
from rag.doors.printing import plain, print_answer, print_hit, print_json, print_search
from rag.doors.talking import continue_option, keep, last_conversation, talk
from rag.types import spoken_date

LONGEST_PIPED = 100_000
"""Bytes that are read of a question in a pipe."""


@click.command(epilog='Example: echo "How long is the tram line?" | rag ask --since 2023')
@click.argument("question", required=False)
@folder_options
@model_option
@scope_options
@k_option
@continue_option
@click.option(
    "--file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help='Answer a file of questions: .csv with a column "question", .jsonl, or .txt with one a line.',
)
@exports.options
@json_option
def ask(
    question: str | None,
    articles: Path | None,
    index: Path | None,
    model: str | None,
    k: int | None,
    continued: bool,
    file: Path | None,
    kind: str | None,
    out: Path | None,
    as_json: bool,
    **narrowed: Any,
) -> None:
    """Answer QUESTION from the articles, every sentence with its quote.

    Without QUESTION it is read from a pipe; on a terminal a conversation begins, as with rag talk.
    """
    from rag.retrieval.find import check_question

    if file is not None:
        from rag.doors.batch import answer_file, checked_format, read_questions

        if out is None or question is not None or continued or as_json or kind:
            raise click.UsageError(
                "a file of questions takes --file and --out alone: rag ask --file in.csv --out out.csv"
            )
        checked_format(out)
        asked = read_questions(file)  # a file that cannot be used must not wait for a build
        with opened(articles, index, model, reads=True) as chatbot:
            answer_file(chatbot, asked, out, k, narrowing(chatbot, **narrowed) or None)
        return
    kind = exports.chosen(kind, out)
    if question is None and sys.stdin.isatty():
        if as_json or kind or not sys.stdout.isatty():
            raise click.UsageError('name a question, such as: rag ask "Who voted?"')
        options = {"articles": articles, "index": index, "model": model, "k": k, "continued": continued, **narrowed}
        click.get_current_context().invoke(talk, **options)
        return
    if question is None:
        question = sys.stdin.buffer.read(LONGEST_PIPED).decode("utf-8", "replace")
    question = check_question(question)  # one that cannot be asked must not wait for a build
    from rag.export.conversation import begin, change, history

    with opened(articles, index, model, reads=True) as chatbot:
        scope = narrowing(chatbot, **narrowed) or None
        conversation = begin(last_conversation(chatbot.settings) if continued else (), question)
        with draft_lines() as show:
            for answer in chatbot.stream(question, history(conversation), k, scope=scope):
                show(answer)
    if kind:
        exports.write(answer, kind, out)
    elif as_json:
        print_json(answer.to_dict())
    else:
        print_answer(answer)
    keep(chatbot.settings, change(conversation, status="done", answer=answer))
    if answer.refused:
        sys.exit(REFUSED)


@click.command(epilog='Example: rag search "tram line" --explain')
@click.argument("question")
@folder_options
@scope_options
@k_option
@click.option("--explain", is_flag=True, help="Show what was searched, and what was left out and why, as well.")
@json_option
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
    from rag.retrieval.find import check_question

    question = check_question(question)
    with opened(articles, index) as chatbot:
        found = chatbot.find(question, k, narrowing(chatbot, **narrowed))
    if found.notice and not explain:
        click.echo(found.notice, err=True)
    if as_json:
        print_json({**asdict(found), "question": question} if explain else [asdict(hit) for hit in found.hits])
        return
    for number, hit in enumerate(found.hits, start=1):
        print_hit(number, hit)
    if explain:
        print_search(found)


@click.command("timeline", epilog='Example: rag timeline "tram line" --since 2023')
@click.argument("topic")
@folder_options
@scope_options
@json_option
def show_timeline(topic: str, articles: Path | None, index: Path | None, as_json: bool, **narrowed: Any) -> None:
    """Quote one line on TOPIC from each article that mentions it, in order of publication."""
    from rag.draft.report import citation_as_json
    from rag.retrieval.find import check_question

    topic = check_question(topic)
    with opened(articles, index) as chatbot:
        entries = chatbot.timeline(topic, narrowing(chatbot, **narrowed))
    if as_json:
        print_json({"topic": topic, "entries": list(map(citation_as_json, entries))})
    for each in () if as_json else entries:
        header = each.hit.document
        click.echo(f"{plain(spoken_date(header.published) or 'undated')} · {plain(header.outlet or header.title)}")
        click.echo(f"  “{plain(' '.join(each.quote.split()))}” [{each.number}]\n  {plain(each.where)}")
    if not entries:
        within = " within what it was narrowed to" if any(narrowed.values()) else ""
        click.echo(f"no article{within} mentions “{plain(topic)}”; try another spelling, or: rag status", err=True)
        sys.exit(REFUSED)
