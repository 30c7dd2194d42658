"""Commands about models: models, eval."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path

import click

from rag.doors.opened import progress_bar
from rag.doors.options import FAILED_FILES, folder_options, json_option, k_option, model_option
from rag.doors.printing import plain, print_json
from rag.settings import Settings


@click.command(epilog="Example: rag models --json")
@json_option
def models(as_json: bool) -> None:
    """List the models that can write answers: what runs on this machine, and for which services a key is set."""
    from rag.chat.reachable import reachable

    found = reachable()
    if as_json:
        print_json([asdict(each) for each in found])
        return
    for each in found:
        name = each.service if each.service == "extractive" else f"{each.service}:NAME"
        click.echo(f"{name:<18} {plain(each.state)}")
        for name in each.models:
            click.echo(f"  {each.service}:{plain(name)}")
    click.echo("Choose one with RAG_MODEL or --model; without one, answers are sentences of the articles.")


@click.command("eval", epilog="Example: rag eval questions.jsonl --against k=5")
@click.argument("questions", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@folder_options
@model_option
@k_option
@click.option(
    "--against",
    "others",
    multiple=True,
    metavar="SETTINGS",
    help='Ask again under other settings, such as "k=5 rewrite=rules", and compare; may be repeated.',
)
@json_option
def evaluate(
    questions: Path,
    articles: Path | None,
    index: Path | None,
    model: str | None,
    k: int | None,
    others: tuple[str, ...],
    as_json: bool,
) -> None:
    """Ask QUESTIONS with known answers, JSON lines, and count what is found, answered, refused and quoted."""
    from rag.evaluation import changed_settings, evaluate_against, read_questions

    settings = Settings.from_environment(articles=articles, index=index, model=model, k=k)
    against = [changed_settings(settings, changes) for changes in others]
    cases = read_questions(questions)  # a file that cannot be used must not wait for a build
    with progress_bar() as on_progress:
        report, comparisons = evaluate_against(cases, settings, against, on_progress=on_progress)
    if as_json:
        print_json({**report.as_json(), "against": [each.as_json() for each in comparisons]})
    else:
        click.echo(plain("\n\n".join([report.table(), *(each.table() for each in comparisons)])))
    if report.problems or any(each.after.problems for each in comparisons):
        sys.exit(FAILED_FILES)
