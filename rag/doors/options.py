"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from datetime import datetime

DIFFERS, FAILED_FILES, REFUSED, INTERRUPTED = 1, 2, 3, 130
"""Exit codes besides 0 and those of errors."""


def folders(command: Callable[..., Any]) -> Callable[..., Any]:
    folder = click.Path(path_type=Path)
    index = "The index's folder [RAG_INDEX, one of your cache for each folder of articles]."
    command = click.option("--index", type=folder, help=index)(command)
    return click.option("--articles", type=folder, help="The folder of articles [RAG_ARTICLES, seeds].")(command)


json_output = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


def scope_options(command: Callable[..., Any]) -> Callable[..., Any]:
    day = click.DateTime(["%Y-%m-%d"])
    for option in (
        click.option("--until", type=day, help="Only articles published until this day, YYYY-MM-DD."),
        click.option("--since", type=day, help="Only articles published since this day, YYYY-MM-DD."),
        click.option("--outlet", "outlets", multiple=True, help="Only articles of this outlet; may be repeated."),
    ):
        command = option(command)
    return command


auth = click.option(
    "--auth",
    "accounts",
    type=click.Path(),
    metavar="FILE",
    help="The accounts that may log in [RAG_ACCOUNTS, no login].",
)
model_option = click.option("--model", help="What writes the answer, as `rag models` names it [RAG_MODEL, extractive].")
k_option = click.option("-k", type=click.IntRange(1, 1000), help="How many passages to find [RAG_K, 8].")


def narrowing(outlets: Sequence[str], since: datetime | None, until: datetime | None) -> dict[str, Any]:
    days = tuple(day.date().isoformat() if day else "" for day in (since, until))
    return {"outlets": outlets, "published": days}
