"""The options of ``rag ask`` that save an answer: ``--format`` and ``--out``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from rag.doors.printing import save
from rag.types import Answer

KINDS = ("markdown", "plain", "html", "json", "docx", "bibtex", "ris", "csl")
"""As ``rag.export.formats.FORMATS`` has them, which is loaded when it is needed."""


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--format`` and ``--out`` to a command."""
    out = (
        "Write into FILE, in the format of its ending: .md, .txt, .html, .docx, .bib or .ris; the answers of --file as "
        ".csv, .html, .docx or .jsonl. The same command again continues."
    )
    command = click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help=out)(command)
    kinds = "Write the answer with its sources, or (bibtex, ris, csl) a list of the cited articles."
    return click.option("--format", "kind", type=click.Choice(KINDS), help=kinds)(command)


def chosen(kind: str | None, out: Path | None) -> str | None:
    """Return the format that the options name, ``None`` where they name none; raise UsageError for what cannot be."""
    if kind is None and out is not None:
        from rag.export.formats import FORMATS

        kind = next((each for each, (ending, *_) in FORMATS.items() if out.suffix.lower() == f".{ending}"), None)
        if kind is None:
            raise click.UsageError(f"choose how {out} is written with --format, one of {', '.join(KINDS)}")
    if kind == "docx" and out is None:
        raise click.UsageError("name the Word file with --out FILE")
    return kind


def write(answer: Answer, kind: str, out: Path | None) -> None:
    """Write an answer into a file, or print it where none is named."""
    from rag.export.conversation import Turn
    from rag.export.formats import export

    content = export((Turn(1, answer.question, "done", answer),), kind).content
    if out is None:
        click.echo(content, nl=False)
    else:
        save(out, content)
