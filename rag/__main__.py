"""The terminal door: rag build, ask, search, chat, status, verify.

Exit codes: 0 done · 1 something went wrong · 2 built, but some files failed · 3 the articles do not say · 64 a wrong option or
question · 75 another build is running · 130 interrupted.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rag.errors import FootnoteError, IndexCorrupt, MissingExtra
from rag.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rag.chatbot import Chatbot
    from rag.types import Answer, Changes, FileReason, Hit, Progress

log = logging.getLogger(__name__)

FAILED_FILES, REFUSED, INTERRUPTED = 2, 3, 130
click.UsageError.exit_code = 64


_index = click.option("--index", type=click.Path(path_type=Path), help="The index's folder [RAG_INDEX, index].")


def _folders(command: Callable[..., Any]) -> Callable[..., Any]:
    articles = click.Path(path_type=Path)
    return click.option("--articles", type=articles, help="The folder of articles [RAG_ARTICLES, seeds].")(
        _index(command)
    )


_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
_k = click.option("-k", type=click.IntRange(1, 1000), help="How many passages to find [RAG_K, 8].")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="footnote-rag", prog_name="rag")
def cli() -> None:
    """Ask a folder of articles; every sentence of the answer carries a quote that stands in an article."""


@cli.command()
@_folders
@click.option("--fresh", is_flag=True, help="Start from nothing instead of from the existing index.")
@_json
def build(articles: Path | None, index: Path | None, fresh: bool, as_json: bool) -> None:
    """Build the index, or bring it up to date: only what changed is read and embedded."""
    from rag.build import build as build_index

    settings = Settings.from_environment(articles=articles, index=index)
    with _progress() as on_progress:
        changes = build_index(settings, on_progress=on_progress, fresh=fresh)
    if as_json:
        _print_json({**asdict(changes), "seen": changes.seen, "indexed": changes.indexed})
    else:
        _print_changes(changes)
    if changes.failed:
        sys.exit(FAILED_FILES)


@cli.command()
@click.argument("question")
@_folders
@_k
@_json
def ask(question: str, articles: Path | None, index: Path | None, k: int | None, as_json: bool) -> None:
    """Answer QUESTION from the articles, every sentence with its quote."""
    from rag.retrieve import check_question  # a question that cannot be asked must not wait for a build

    question = check_question(question)
    with _opened(articles, index) as chatbot:
        answer = chatbot.ask(question, k=k)
    if as_json:
        _print_json(asdict(answer))
    else:
        _print_answer(answer)
    if answer.refused:
        sys.exit(REFUSED)


@cli.command()
@click.argument("question")
@_folders
@_k
@_json
def search(question: str, articles: Path | None, index: Path | None, k: int | None, as_json: bool) -> None:
    """Find the passages nearest to QUESTION, and why each was found."""
    from rag.retrieve import check_question

    question = check_question(question)
    with _opened(articles, index) as chatbot:
        hits = chatbot.retrieve(question, k)
    if as_json:
        _print_json([asdict(hit) for hit in hits])
    else:
        for number, hit in enumerate(hits, start=1):
            _print_hit(number, hit)


@cli.command()
@_folders
@click.option("--host", help="The address to listen on [RAG_HOST, 127.0.0.1].")
@click.option("--port", type=click.IntRange(1, 65535), help="The port, or the next free one [RAG_PORT, 7860].")
@click.option("--browser", is_flag=True, help="Open the page in a browser.")
def chat(articles: Path | None, index: Path | None, host: str | None, port: int | None, browser: bool) -> None:
    """Serve the chat page and print its address; Ctrl+C ends it."""
    try:
        import ui
    except ModuleNotFoundError as error:
        if error.name not in ("ui", "gradio"):
            raise
        raise MissingExtra('the chat page needs gradio; run: pip install "footnote-rag[ui]"') from None
    ui.launch(Settings.from_environment(articles=articles, index=index, host=host, port=port), browser)


@cli.command()
@_folders
@_json
def status(articles: Path | None, index: Path | None, as_json: bool) -> None:
    """Say what is in the index, whether it is up to date, and which files are not in it and why."""
    from rag.build import outdated
    from rag.index import Index

    settings = Settings.from_environment(articles=articles, index=index)
    with closing(Index.open(settings.index)) as opened:
        state = {
            "articles": len(opened.headers()),
            "passages": len(opened),
            "embedder": opened.recipe.embedder,
            "outdated": outdated(settings, opened),
            "notice": opened.notice,
            "not_indexed": [{"id": each.id, "reason": each.reason} for each in opened.files.values() if each.reason],
            "headers": [asdict(header) for header in opened.headers()],
        }
    if as_json:
        _print_json(state)
    else:
        _print_status(state)


@cli.command()
@_index
@_json
def verify(index: Path | None, as_json: bool) -> None:
    """Check every byte, vector and span of the index."""
    from rag.index import verify as verify_index

    settings = Settings.from_environment(index=index)
    passages, problems = verify_index(settings.index)
    if as_json:
        _print_json({"passages": passages, "problems": problems})
    else:
        click.echo(f"{passages} passages checked, {len(problems)} problems")
        for problem in problems:
            click.echo(f"  {_plain(problem)}")
    if problems:
        sys.exit(IndexCorrupt.exit_code)


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs a command; every error becomes one line and an exit code, never a traceback unless RAG_LOG is DEBUG."""
    try:
        _log()
        cli(args=arguments, prog_name="rag", standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(INTERRUPTED)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except FootnoteError as error:
        click.echo(f"rag: {_plain(str(error))}", err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python complains of the pipe at exit
    except Exception as error:  # a user gets a line, a developer the rest with RAG_LOG=DEBUG
        log.debug("unexpected", exc_info=True)
        click.echo(
            f"rag: something unexpected went wrong ({type(error).__name__}); set RAG_LOG=DEBUG to see more", err=True
        )
        sys.exit(1)


def _log() -> None:
    """Only what is ours is logged more: other libraries name folders in theirs."""
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s")
    for name in ("rag", "embeddings", "ui"):
        logging.getLogger(name).setLevel(Settings.from_environment().log)


@contextmanager
def _opened(articles: Path | None, index: Path | None) -> Iterator[Chatbot]:
    from rag.chatbot import Chatbot

    with _progress() as on_progress:
        chatbot = Chatbot.open(articles=articles, index=index, on_progress=on_progress)
    with closing(chatbot):
        if chatbot.changes is not None:
            click.echo("The index was missing or outdated, so it was built first.", err=True)
            _print_changes(chatbot.changes, err=True)
        if chatbot.notice:
            click.echo(_plain(chatbot.notice), err=True)
        yield chatbot


@contextmanager
def _progress() -> Iterator[Callable[[Progress], None]]:
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


def _print_changes(changes: Changes, err: bool = False) -> None:
    counts = ", ".join(
        f"{len(getattr(changes, name))} {name}"
        for name in ("added", "changed", "removed", "kept")
        if getattr(changes, name)
    )
    click.echo(
        f"{changes.indexed} articles, {changes.passages} passages ({changes.embedded} embedded): {counts or 'nothing'}",
        err=err,
    )
    _print_reasons("skipped", changes.skipped, err)
    _print_reasons("failed", changes.failed, err)


def _print_reasons(what: str, files: tuple[FileReason, ...], err: bool) -> None:
    for each in files:
        click.echo(f"  {what}: {_plain(each.id)}: {_plain(each.reason)}", err=err)


def _print_answer(answer: Answer) -> None:
    click.echo(_plain(answer.text))
    if answer.refused:
        for number, hit in enumerate(answer.hits[:3], start=1):
            _print_hit(number, hit)
    for citation in answer.citations:
        click.echo(f"\n  [{citation.number}] {_plain(citation.hit.document.line() or citation.hit.document.id)}")
        click.echo(f"      “{_plain(' '.join(citation.quote.split()))}”")
        click.echo(f"      {_plain(citation.hit.passage.document_id)}, characters {citation.start} to {citation.end}")


def _print_hit(number: int, hit: Hit) -> None:
    why = hit.why
    meaning = f"meaning {why.dense_score:.2f}" if why.dense_score is not None else ""
    by_words = f"words {', '.join(why.matched)}" if why.matched else ""
    reasons = " · ".join(part for part in (f"{hit.score:.2f}", meaning, by_words) if part)
    click.echo(f"\n{number}. {_plain(hit.document.line() or hit.document.id)}\n   {_plain(reasons)}")
    click.echo(f"   {_plain(' '.join(hit.passage.text.split()))}")


def _print_status(state: dict[str, Any]) -> None:
    from rag.types import Header

    fresh = "outdated; run: rag build" if state["outdated"] else "up to date"
    click.echo(
        f"{state['articles']} articles, {state['passages']} passages, {fresh} (embedding model: {_plain(state['embedder'])})"
    )
    if state["notice"]:
        click.echo(_plain(state["notice"]))
    for header in state["headers"]:
        click.echo(f"  {_plain(header['id'])}: {_plain(Header(**header).line())}")
    for each in state["not_indexed"]:
        click.echo(f"  not indexed: {_plain(each['id'])}: {_plain(each['reason'])}")


def _print_json(value: Any) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=1))


def _plain(text: str) -> str:
    """Text of articles and file names must not steer the terminal."""
    return "".join(character if character.isprintable() or character == "\n" else "�" for character in text)


if __name__ == "__main__":
    main()
