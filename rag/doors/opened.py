"""Open a chatbot for a command, and show how far it is."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rag.doors.printing import plain, print_changes

if TYPE_CHECKING:
    from rag.chatbot import Chatbot
    from rag.types import Answer, Progress


@contextmanager
def opened(
    articles: Path | None, index: Path | None, model: str | None = None, reads: bool = False
) -> Iterator[Chatbot]:
    from rag.chatbot import Chatbot

    with progress_bar() as on_progress:
        chatbot = Chatbot.open(articles=articles, index=index, model=model, on_progress=on_progress, reads=reads)
    with closing(chatbot):
        if chatbot.changes is not None:
            click.echo("The index was missing or outdated, so it was built first.", err=True)
            print_changes(chatbot.changes, err=True)
        if chatbot.notice:
            click.echo(plain(chatbot.notice), err=True)
        yield chatbot


@contextmanager
def progress_bar() -> Iterator[Callable[[Progress], None]]:
    """A progress bar a stage, on a terminal only."""
    from tqdm import tqdm

    bar: tqdm[Any] | None = None
    stage = ""

    def show(progress: Progress) -> None:
        nonlocal bar, stage
        if bar is None or stage != progress.stage:
            if bar is not None:
                bar.close()
            stage = progress.stage
            bar = tqdm(desc=stage, total=progress.total, leave=False, disable=None, file=sys.stderr)
        bar.update(progress.done - bar.n)

    try:
        yield show
    finally:
        if bar is not None:
            bar.close()


@contextmanager
def draft_line() -> Iterator[Callable[[Answer], None]]:
    """What a model is writing, on one line of a terminal only: the answer is printed when it has been checked."""
    shown = sys.stderr.isatty()

    def show(answer: Answer) -> None:
        if shown and not answer.complete and answer.model != "extractive":
            width = shutil.get_terminal_size().columns - 1
            text = (
                plain(" ".join(answer.text.split()))
                or f"{len(answer.hits)} passages found, waiting for {answer.model} …"
            )
            click.echo(f"\r\x1b[K{text[-width:]}", err=True, nl=False)

    try:
        yield show
    finally:
        if shown:
            click.echo("\r\x1b[K", err=True, nl=False)
