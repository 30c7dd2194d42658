"""Commands of the index: build, add, status, verify."""

from __future__ import annotations

import os
import sys
import unicodedata
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rag.doors.opened import progress_bar
from rag.doors.options import FAILED_FILES, folder_options, json_option
from rag.doors.printing import plain, plural, print_changes, print_json
from rag.errors import ArticlesError, FootnoteError, IndexCorrupt, SettingsError
from rag.settings import Settings

if TYPE_CHECKING:
    from rag.index.store import Index
    from rag.types import Header


@click.command(epilog="Example: rag build --articles ~/reporting")
@folder_options
@click.option("--fresh", is_flag=True, help="Start from nothing instead of from the existing index.")
@click.option("--engine", type=click.Choice(["local", "milvus"]), help="What --index must name: a folder, or Milvus.")
@click.option("--shard", metavar="I/N", help="Build the I-th of N parts of the articles into the folder --index.")
@click.option("--merge", "parts", is_flag=True, help="Join the folders of all shards, named behind it, into --index.")
@click.argument("folders", nargs=-1, type=click.Path(path_type=Path), metavar="[PARTS]...")
@json_option
def build(
    articles: Path | None,
    index: Path | None,
    fresh: bool,
    engine: str | None,
    shard: str | None,
    parts: bool,
    folders: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Build the index, or bring it up to date: only what changed is read and embedded."""
    from rag.index.build import build as build_index
    from rag.index.milvus import is_address
    from rag.index.shards import build_shard, merge

    settings = Settings.from_environment(articles=articles, index=index)
    if bool(folders) != parts or (parts and shard) or (fresh and (parts or shard)):
        raise click.UsageError("use --shard I/N with --index, then --merge with the folders of all parts")
    if engine and is_address(settings.index) != (engine == "milvus"):
        raise click.UsageError("name milvus://HOST:PORT/NAME or FILE.db with --index for Milvus, a folder otherwise")
    with progress_bar() as on_progress:
        if shard:
            changes = build_shard(settings, shard, on_progress=on_progress)
        elif parts:
            changes = merge(settings, folders, on_progress=on_progress)
        else:
            changes = build_index(settings, on_progress=on_progress, fresh=fresh)
    if as_json:
        print_json({**asdict(changes), "seen": changes.seen, "indexed": changes.indexed})
    else:
        print_changes(changes)
    if changes.failed:
        sys.exit(FAILED_FILES)


@click.command(epilog="Example: rag add https://example.com/news/harbour-vote")
@click.argument("addresses", nargs=-1, metavar="[URL]...")
@click.option(
    "--file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file with more addresses, one a line; # begins a remark.",
)
@folder_options
@json_option
def add(
    addresses: tuple[str, ...], file: Path | None, articles: Path | None, index: Path | None, as_json: bool
) -> None:
    """Save what each URL gives as a file in the folder of articles, and bring the index up to date.

    One web page, PDF or other document that is read here for each; nothing on a page is followed or run.
    """
    from rag.index.build import build as build_index
    from rag.read import MEGABYTE
    from rag.web.collect import collect
    from rag.web.shelf import Shelf

    settings = Settings.from_environment(articles=articles, index=index)
    for address in addresses:
        if os.path.isfile(address):  # noqa: PTH113 - a long address is no error here
            raise click.UsageError(
                f"{address} is a file: put articles into the folder, and name a list of addresses with --file"
            )
    wanted = list(dict.fromkeys((*addresses, *(_lines(file) if file is not None else ()))))
    if not wanted:
        raise click.UsageError("name the addresses of articles, or a file of them with --file")
    shelf = Shelf(settings.articles, settings.max_file_megabytes * MEGABYTE)
    shelf.check_writable()
    results = []
    for address in wanted:
        try:
            taken = collect(shelf, address, private=settings.private_addresses == "on")
            results.append({"address": address, "state": "kept" if taken.known else "added", "id": taken.name})
        except FootnoteError as error:
            results.append({"address": address, "state": "failed", "reason": str(error)})
        if not as_json:
            last = results[-1]
            click.echo(plain(f"  {last['state']}: {address}: {last.get('id') or last['reason']}"))
    failed = any(each["state"] == "failed" for each in results)
    changes = None
    if any(each["state"] != "failed" for each in results):
        with progress_bar() as on_progress:
            changes = build_index(settings, on_progress=on_progress)
    if as_json:
        print_json({"addresses": results, "changes": changes and asdict(changes)})
    elif changes:
        print_changes(changes)
    if failed or (changes and changes.failed):
        sys.exit(FAILED_FILES)


def _lines(file: Path) -> list[str]:
    """Return the lines of a file of addresses, without remarks."""
    try:
        lines = file.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeError) as error:
        raise SettingsError("{file} cannot be read as text; name another with --file", file=file) from error
    return [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]


@click.command(epilog="Example: rag status harbour.md")
@click.argument("file", default="")
@folder_options
@json_option
def status(file: str, articles: Path | None, index: Path | None, as_json: bool) -> None:
    """Say what is in the index, whether it is up to date, and which files are not in it and why.

    With FILE, an article's file in the folder: what was read of it, and how many words of what kind were left out.
    """
    from rag.index.build import outdated
    from rag.index.store import Index

    settings = Settings.from_environment(articles=articles, index=index)
    with closing(Index.open(settings.index, whole=False)) as opened:
        if file:
            _print_file(opened, file, as_json)
            return
        state = {
            "index": str(settings.index),
            "articles": len(opened.headers()),
            "passages": len(opened),
            "embedder": opened.recipe.embedder,
            "outdated": outdated(settings, opened),
            "notice": opened.notice,
            "not_indexed": [{"id": each.id, "reason": each.reason} for each in opened.files.values() if each.reason],
            "incomplete": [{"id": each.id, "notices": each.notices} for each in opened.files.values() if each.notices],
        }
        headers = opened.headers()
    if as_json:
        print_json({**state, "headers": [asdict(header) for header in headers]})
    else:
        _print_status(state, headers)


def _print_file(index: Index, name: str, as_json: bool) -> None:
    state = index.files.get(unicodedata.normalize("NFC", name)) or index.files.get(name)
    if state is None:
        raise ArticlesError("the index knows no file {name}; run: rag status", name=name)
    headers = [each for each in index.headers() if each.id == state.id or each.id.startswith(f"{state.id}#")]
    if as_json:
        known = [asdict(header) for header in headers]
        print_json({"id": state.id, "reason": state.reason, "left_out": state.left_out, "headers": known})
        return
    for header in headers:  # a file of mail holds several articles
        click.echo(plain(f"{header.id}: {header.line()}"))
    if not headers:
        click.echo(plain(f"{state.id}: not indexed: {state.reason}"))
    for notice in state.notices:
        click.echo(f"  {plain(notice)}")
    for kind, words in state.left_out.items():
        click.echo(f"  left out: {kind}, {plural(words, 'word')}")
    if headers and not state.left_out:
        click.echo("  left out: nothing")


def _print_status(state: dict[str, Any], headers: list[Header]) -> None:
    fresh = "outdated; run: rag build" if state["outdated"] else "up to date"
    counts = f"{plural(state['articles'], 'article')}, {plural(state['passages'], 'passage')}"
    click.echo(f"{counts}, {fresh} (embedding model: {plain(state['embedder'])})")
    click.echo(f"index: {plain(state['index'])}")
    if state["notice"]:
        click.echo(plain(state["notice"]))
    if headers:  # at once: the terminal is flushed after each echo
        click.echo("\n".join(f"  {plain(header.id)}: {plain(header.line())}" for header in headers))
    for each in state["not_indexed"]:
        click.echo(f"  not indexed: {plain(each['id'])}: {plain(each['reason'])}")
    for each in state["incomplete"]:
        click.echo(f"  incomplete: {plain(each['id'])}: {plain('; '.join(each['notices']))}")


@click.command(epilog="Example: rag verify --articles ~/reporting")
@folder_options
@json_option
def verify(articles: Path | None, index: Path | None, as_json: bool) -> None:
    """Check every byte, vector and span of the index."""
    from rag.index.store import verify as verify_index

    settings = Settings.from_environment(articles=articles, index=index)
    passages, problems = verify_index(settings.index)
    if as_json:
        print_json({"passages": passages, "problems": problems})
    else:
        click.echo(f"{plural(passages, 'passage')} checked, {plural(len(problems), 'problem')}")
        for problem in problems:
            click.echo(f"  {plain(problem)}")
    if problems:
        sys.exit(IndexCorrupt.exit_code)
