"""Open a chatbot for a command, and show how far it is."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import click

from rag.doors.printing import plain, plural, print_changes

if TYPE_CHECKING:
    from rag.chatbot import Chatbot
    from rag.types import Answer, Progress


@contextmanager
def opened(
    articles: Path | None, index: Path | None, model: str | None = None, reads: bool = False
) -> Iterator[Chatbot]:
    """Open a chatbot, tell what a build before it did, and close it."""
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
    """Show a progress bar for each stage, on a terminal only."""
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
def draft_lines() -> Iterator[Callable[[Answer], None]]:
    """Show what a model is writing in the terminal's last lines, and erase it in the end."""
    shown = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
    drawn = 0

    def draw(lines: list[str]) -> None:
        nonlocal drawn
        if shown and (lines or drawn):
            up = f"\x1b[{drawn}A\r\x1b[J" if drawn else ""
            sys.stderr.write(up + "".join(f"{line}\n" for line in lines))
            sys.stderr.flush()
            drawn = len(lines)

    def show(answer: Answer) -> None:
        if not answer.complete and answer.model != "extractive":
            size = shutil.get_terminal_size()
            found = f"{plural(len(answer.hits), 'passage')} found, waiting for {answer.model} …"
            text = plain(answer.text) or found
            lines = [line for each in text.split("\n") for line in wrap(each, max(size.columns - 1, 20)) or [""]]
            draw(lines[-max(size.lines - 2, 1) :])

    try:
        yield show
    finally:
        draw([])
