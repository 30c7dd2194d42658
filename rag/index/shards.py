"""Building on many machines, as plain processes: each builds a shard of the articles, then one joins the parts.

A file belongs to the shard, and there to the batch, that the hash of its content says. A batch is an index folder like any
other, so that a shard that was killed goes on with the batch it was killed in:

    part/SHARD        which shard it is, of how many, and why files are not in it; written last
    part/00 … part/15 an index each
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.errors import IndexingError, IndexMismatch, SettingsError, as_plain, from_plain
from rag.index.build import build, changes_between, in_engine, load_embedder, recipe_of, scan_articles
from rag.index.generations import new_generation, write_anew
from rag.index.milvus import is_address
from rag.index.store import FileState, IndexWriter, LocalIndex, describe, open_folder
from rag.settings import Settings, folder_key
from rag.types import Changes, FileReason, Progress

if TYPE_CHECKING:
    from embeddings import Embedder

BATCHES = 16
_SHARD = "SHARD"
_LARGEST_SHARD_FILE = 64 * 1024 * 1024


def build_shard(
    settings: Settings,
    shard: str,
    embedder: Embedder | None = None,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> Changes:
    """Build one shard, "2/8" for the second of eight, into the folder ``settings.index``.

    What is there of it already is brought up to date. Raises SettingsError for what is no shard, and what ``build`` raises.
    """
    number, count = parse_shard(shard)
    if is_address(settings.index):
        raise SettingsError("a shard is built into a folder; name one with --index, and the engine when you merge")
    embedder = embedder or load_embedder(settings)
    marker = settings.index / _SHARD
    marker.unlink(missing_ok=True)
    files, skipped, failed = scan_articles(settings)
    own = [file for file in files if _place(file.sha256, count)[0] == number]
    parts = []
    for batch in range(BATCHES):
        chosen = [file for file in own if _place(file.sha256, count)[1] == batch]
        folder = settings.index / f"{batch:02d}"
        if chosen or folder.exists():
            parts.append(build(settings.replace(index=folder), embedder, on_progress, scanned=(chosen, [], [])))
    settings.index.mkdir(parents=True, exist_ok=True)
    about = {"shard": number, "of": count, "skipped": _plain(skipped), "failed": _plain(failed)}
    temporary = marker.with_name(f"{_SHARD}.tmp")
    write_anew(temporary, json.dumps(about, ensure_ascii=False))
    temporary.replace(marker)
    return _together(parts, skipped, failed)


def merge(
    settings: Settings,
    parts: Sequence[Path],
    embedder: Embedder | None = None,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> Changes:
    """Join all shards into the index, which then is as one build would have made it. Nothing is read or embedded again.

    Raises IndexingError where a shard is missing, unfinished, there twice or built from other articles, IndexMismatch where
    it was built with another model or other settings.
    """
    embedder = embedder or load_embedder(settings)
    if is_address(settings.index):
        return in_engine(settings, lambda staged: merge(staged, parts, embedder, on_progress), on_progress)
    skipped, failed = _check_shards(parts)
    with new_generation(settings.index) as (folder, make_current), ExitStack() as stack:
        opened = [
            stack.enter_context(closing(open_folder(each)))
            for part in parts
            for each in sorted(part.glob("[0-9][0-9]"))
            if (each / "CURRENT").exists()
        ]
        recipe, articles = recipe_of(settings, embedder), folder_key(settings.articles)
        places: dict[str, tuple[FileState, LocalIndex]] = {}
        for index in opened:
            if index.recipe != recipe:
                raise IndexMismatch(
                    "a part was built with another model or other settings; build it again with --shard"
                )
            if index.articles != articles:
                raise IndexingError("a part was built from other articles; name them with --articles")
            if twice := places.keys() & index.files.keys():
                raise IndexingError(
                    "{min} is in two parts; build all shards again from the same articles", min=min(twice)
                )
            places |= {id_: (state, index) for id_, state in index.files.items()}
        writer = stack.enter_context(closing(IndexWriter(folder)))
        states = []
        for done, id_ in enumerate(sorted(places), start=1):
            state, index = places[id_]
            states.append(state)
            if not state.reason:
                writer.take(index, id_)
            on_progress(Progress("joining", done, len(places)))
        passages, embedded = writer.finish(embedder, on_progress)
        writer.close()
        reasons = [FileState(each.id, "", each.reason) for each in (*skipped, *failed)]
        make_current(describe(recipe, {state.id: state for state in [*states, *reasons]}, articles))
    return changes_between(states, {}, skipped, failed, passages, embedded)


def parse_shard(text: str) -> tuple[int, int]:
    """Read "2/8"; raises SettingsError.

    >>> parse_shard("2/8")
    (2, 8)
    """
    number, _, count = text.partition("/")
    if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count) <= 10_000):
        raise SettingsError("{text} is no shard; write the second of eight as --shard 2/8", text=repr(text))
    return int(number), int(count)


def _place(sha256: str, count: int) -> tuple[int, int]:
    """Return the shard, counted from 1, and the batch of a file."""
    value = int(sha256[:15], 16)
    return 1 + value % count, value // count % BATCHES


def _check_shards(parts: Sequence[Path]) -> tuple[list[FileReason], list[FileReason]]:
    """Raise IndexingError unless the parts are all shards, each once. Return which files were skipped, which failed."""
    found: dict[int, dict[str, object]] = {}
    counts = set()
    for part in parts:
        try:
            if (part / _SHARD).stat().st_size > _LARGEST_SHARD_FILE:
                raise ValueError("too large")
            about = json.loads((part / _SHARD).read_bytes())
            number, count = int(about["shard"]), int(about["of"])
        except (OSError, LookupError, TypeError, ValueError, RecursionError):
            raise IndexingError(
                "{name} is no finished shard; build it again with: rag build --shard", name=part.name
            ) from None
        if number in found:
            raise IndexingError("shard {number} is there twice; name each part once", number=number)
        found[number] = about
        counts.add(count)
    if len(counts) != 1 or len(found) != max(counts):
        wanted = max(counts, default=1)
        missing = sorted(set(range(1, wanted + 1)) - found.keys())
        raise IndexingError(
            "the shards {missing} of {wanted} are missing; name all parts of one division",
            missing=missing,
            wanted=wanted,
        )
    one = found[1]
    return _reasons(one["skipped"]), _reasons(one["failed"])


def _reasons(values: object) -> list[FileReason]:
    return [FileReason(str(id_), from_plain(reason)) for id_, reason in values] if isinstance(values, list) else []


def _plain(reasons: Sequence[FileReason]) -> list[tuple[str, object]]:
    return [(each.id, as_plain(each.reason)) for each in reasons]


def _together(parts: Sequence[Changes], skipped: Sequence[FileReason], failed: Sequence[FileReason]) -> Changes:
    """Add up what the batches of a shard did."""

    def added(name: str) -> Any:
        return sum((getattr(each, name) for each in parts), type(getattr(Changes(), name))())

    whole = Changes(**{each.name: added(each.name) for each in fields(Changes)})
    return replace(whole, skipped=tuple(skipped), failed=(*failed, *whole.failed))
