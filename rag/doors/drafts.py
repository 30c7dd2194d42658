"""Commands that check what a reporter wrote: check, quote."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from rag.doors.opened import opened
from rag.doors.options import DIFFERS, folder_options, json_option
from rag.doors.printing import print_json, print_lines, save


@click.command("check", epilog="Example: rag check draft.docx --html report.html")
@click.argument("draft", metavar="DRAFT")
@folder_options
@click.option("--html", "report", type=click.Path(path_type=Path), help="Write a report for a browser into this file.")
@json_option
def check_draft(draft: str, articles: Path | None, index: Path | None, report: Path | None, as_json: bool) -> None:
    """Check each sentence and each quotation of DRAFT (.txt, .md, .docx, or - for standard input).

    A sentence is found, differs (its number, name, date, quotation, negation, speaker or wording; the article's words stand
    under it) or is not in the articles; a quotation is verbatim, altered, [-its letters-]{+the article's+}, or not found.

    Exit code: 0 nothing differs and nothing is missing, 1 something does, 64 wrong use.
    """
    from rag.draft import report as reports
    from rag.draft.checking import checked_draft
    from rag.draft.file import draft_text, read_draft

    text = draft_text("draft", sys.stdin.buffer.read()) if draft == "-" else read_draft(Path(draft))
    text = checked_draft(text)  # a draft that cannot be checked must not wait for a build
    with opened(articles, index) as chatbot:
        checked = chatbot.check(text)
    if report is not None:
        name = "Draft" if draft == "-" else Path(draft).name
        save(report, reports.page(checked, name).encode())
    if as_json:
        print_json(reports.as_json(checked))
    else:
        print_lines(reports.lines(checked))
    if not checked.clean:
        sys.exit(DIFFERS)


@click.command("quote", epilog='Example: rag quote "the plant takes its water from the lake"')
@click.argument("words", metavar="WORDS")
@folder_options
@json_option
def find_quotation(words: str, articles: Path | None, index: Path | None, as_json: bool) -> None:
    """Tell where WORDS stand in the articles, also where they are altered; "…" stands for what was left out.

    Exit code: 0 verbatim, 1 altered or not found, 64 wrong use.
    """
    from rag.draft import report as reports
    from rag.draft.checking import checked_words

    words = checked_words(words)
    with opened(articles, index) as chatbot:
        found = chatbot.quote(words)
    if as_json:
        print_json(reports.quotation_as_json(found))
    else:
        print_lines(reports.quotation_lines(found))
    if found.status != "verbatim":
        sys.exit(DIFFERS)
