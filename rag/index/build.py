"""The build command: a folder of articles becomes an index, and only what changed is read and embedded again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

from rag.errors import (
    EmbedderError,
    IndexingError,
    IndexOfAnother,
    IndexTooNew,
    IndexUnreadable,
    RefusedFile,
    SettingsError,
    UnreadableFile,
    joined,
)
from rag.index.generations import new_generation
from rag.index.milvus import is_address
from rag.index.milvus import publish as publish_in_milvus
from rag.index.store import FileState, Index, IndexWriter, LocalIndex, Recipe, describe, open_folder
from rag.read import MEGABYTE, SourceFile, Worker, read_all, reader_version, scan
from rag.settings import Settings, default_index, folder_key
from rag.split import split
from rag.types import Changes, Document, FileReason, FileStatus, Passage, Progress

if TYPE_CHECKING:
    from embeddings import Embedder, Reranker, SpanReader, SupportCheck

Scanned = tuple[list[SourceFile], list[FileReason], list[FileReason]]
"""The files to read, those skipped, and those that failed."""


def build(
    settings: Settings,
    embedder: Embedder | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    fresh: bool = False,
    scanned: Scanned | None = None,
) -> Changes:
    """Bring the index up to date with the folder of articles and say what changed.

    An article that did not change is neither read nor embedded again; a passage that stood anywhere before keeps its vector,
    whatever file it moved to. ``fresh`` starts from nothing. A file that cannot be indexed is reported and never stops the
    rest; ``scanned`` are the files where they were listed before. Raises ArticlesError, EmbedderError, IndexLocked,
    IndexUnwritable or IndexUnreachable; the old index is then as it was.
    """
    embedder = embedder or load_embedder(settings)
    on_progress = on_progress or (lambda _: None)
    if is_address(settings.index):
        return in_engine(settings, lambda staged: build(staged, embedder, on_progress, fresh), on_progress, fresh)
    with new_generation(settings.index) as (folder, publish), ExitStack() as stack:
        files, skipped, failed = scanned or scan_articles(settings)
        recipe = recipe_of(settings, embedder)
        old = None if fresh else _open_old(settings.index, stack)
        if old is not None and old.articles not in ("", folder_key(settings.articles)):
            owner = old.articles.rpartition("-")[0]
            raise IndexOfAnother(
                "this index belongs to the articles in {name}; choose another folder for that of {other} with "
                "--index or RAG_INDEX, or replace it with: rag build --fresh",
                name=owner,
                other=settings.articles.name,
            )
        known = old.files if old is not None and old.recipe == recipe else {}
        reasons = [FileState(each.id, "", each.reason) for each in (*skipped, *failed)]
        if old is not None and known and _unchanged(known, files, reasons):
            states = [known[file.id] for file in files]
            return changes_between(states, known, skipped, failed, len(old), 0)
        same_model = old is not None and old.recipe.fingerprint == recipe.fingerprint
        writer = stack.enter_context(closing(IndexWriter(folder, old if known else None, old if same_model else None)))
        states = _write(writer, files, known, settings, embedder, on_progress)
        passages, embedded = writer.finish(embedder, on_progress)
        writer.close()
        publish(describe(recipe, {state.id: state for state in [*states, *reasons]}, folder_key(settings.articles)))
        return changes_between(states, old.files if old is not None else {}, skipped, failed, passages, embedded)


def _unchanged(known: dict[str, FileState], files: Sequence[SourceFile], reasons: Sequence[FileState]) -> bool:
    """Tell whether an index holds just these files and reasons, so that none need be written."""
    read = {id_: (state.sha256, state.reader) for id_, state in known.items() if state.sha256}
    told = {id_: state for id_, state in known.items() if not state.sha256}
    now = {file.id: (file.sha256, reader_version(file.id)) for file in files}
    return read == now and told == {state.id: state for state in reasons}


def in_engine(
    settings: Settings,
    make: Callable[[Settings], Changes],
    on_progress: Callable[[Progress], None],
    fresh: bool = False,
) -> Changes:
    """Make an index in the articles' folder of this machine, then write it into the engine."""
    staged = settings.replace(index=default_index(settings.articles))
    changes = make(staged)
    with closing(open_folder(staged.index)) as local:
        publish_in_milvus(local, settings.index, on_progress, fresh)
    return changes


def outdated(settings: Settings, index: Index, embedder: Embedder | None = None) -> bool:
    """Tell whether articles, settings or embedding model are no longer what the index was built from.

    Contents are compared, never times of change. Without an ``embedder`` the model is compared by its name alone.
    """
    from embeddings import embedder_name

    if is_address(settings.index):  # whoever reads from an engine does not build, and may have no articles
        return index.moved()
    named = (embedder_name(settings.embedder), index.recipe.fingerprint)
    name, fingerprint = (embedder.name, embedder.fingerprint) if embedder is not None else named
    recipe = Recipe(name, fingerprint, settings.passage_tokens)
    files, _, _ = scan_articles(settings)
    before = {state.id: (state.sha256, state.reader) for state in index.files.values() if state.sha256}
    elsewhere = index.articles not in ("", folder_key(settings.articles))
    now = {file.id: (file.sha256, reader_version(file.id)) for file in files}
    return elsewhere or recipe != index.recipe or before != now


def inventory(settings: Settings, index: Index) -> list[FileStatus]:
    """Return how each file of the folder stands to the index, and each that is gone, by id.

    Contents are compared, never times of change, so all files are read. Raises ArticlesError, SettingsError.
    """
    files, skipped, failed = scan_articles(settings)
    found = {each.id: _status(each, index.files.get(each.id)) for each in files}
    found |= {each.id: FileStatus(each.id, "skipped", each.reason) for each in skipped}
    found |= {each.id: FileStatus(each.id, "failed", each.reason) for each in failed}
    gone = [state.id for state in index.files.values() if not state.reason and state.id not in found]
    return sorted([*found.values(), *(FileStatus(id_, "removed") for id_ in gone)], key=lambda each: each.id)


def _status(file: SourceFile, state: FileState | None) -> FileStatus:
    if state is None or not state.sha256:  # one that could not be read last time is tried again
        return FileStatus(file.id, "new")
    if (state.sha256, state.reader) != (file.sha256, reader_version(file.id)):
        return FileStatus(file.id, "changed")
    reason = state.reason or joined(*state.notices, between="; ")
    return FileStatus(file.id, "failed" if state.reason else "indexed", reason, tuple(state.left_out.items()))


def recipe_of(settings: Settings, embedder: Embedder) -> Recipe:
    """Return what an index would be made with now."""
    return Recipe(embedder.name, embedder.fingerprint, settings.passage_tokens)


def scan_articles(settings: Settings) -> Scanned:
    """Return the folder of articles, without the index where that lies inside it. Raises ArticlesError, SettingsError."""
    articles, index = settings.articles.resolve(), settings.index.resolve()
    if articles == index:
        raise SettingsError(
            "the articles and the index cannot be in one folder; name another for the index with --index or RAG_INDEX"
        )
    files, skipped, failed = scan(settings.articles, settings.max_file_megabytes * MEGABYTE)
    if index.is_relative_to(articles):
        inside = f"{index.relative_to(articles).as_posix()}/"
        skipped = [each for each in skipped if not each.id.startswith(inside)]
    return files, skipped, failed


def load_embedder(settings: Settings) -> Embedder:
    """Return the embedding model that the settings name; loading it takes seconds."""
    from embeddings import embedder_name, open_embedder
    from rag.chat.vectors import names_endpoint, open_vectors

    with EmbedderError.translated():
        if names_endpoint(settings.embedder):
            from embeddings.endpoint import EndpointEmbedder
            from rag.chat.estimate import estimate_tokens

            target, post = open_vectors(settings.embedder)
            return EndpointEmbedder(embedder_name(settings.embedder), target, post, estimate_tokens)
        return open_embedder(settings.embedder)


def load_reranker(settings: Settings) -> Reranker | None:
    """Return the reranker that the settings name, ``None`` for "off". Loading it takes seconds."""
    from embeddings import open_reranker

    with EmbedderError.translated():
        return None if settings.reranker == "off" else open_reranker(settings.reranker)


def load_reader(embedder: Embedder) -> Callable[[], SpanReader]:
    """Return what opens the reader at its first use, which takes a second. Without a model where the embedder has none.

    What is returned raises EmbedderError where the reader's weights cannot be had.
    """

    def opened() -> SpanReader:
        from embeddings import open_span_reader

        with EmbedderError.translated():
            return open_span_reader("overlap" if embedder.name == "hashing" else "bundled")

    return opened


def load_support_check(embedder: Embedder) -> Callable[[], SupportCheck] | None:
    """Return what opens the support check at its first use; None where the embedder has no model to build on.

    What is returned raises EmbedderError where its weights cannot be had.
    """
    if embedder.name == "hashing":
        return None

    def opened() -> SupportCheck:
        from embeddings import open_support_check

        with EmbedderError.translated():
            return open_support_check()

    return opened


def prefetch_reader(settings: Settings) -> None:
    """Open the bundled reader in the background: a first answer then does not wait for it."""
    from contextlib import suppress
    from threading import Thread

    from embeddings import EmbeddingError, open_span_reader

    def opened() -> None:
        with suppress(EmbeddingError):  # whoever reads gets the error
            open_span_reader("bundled")

    if settings.embedder != "hashing":
        Thread(target=opened, name="reader").start()


def _open_old(folder: Path, stack: ExitStack) -> LocalIndex | None:
    # A damaged index costs its vectors, nothing else: the articles are the source.
    try:
        return stack.enter_context(closing(open_folder(folder)))
    except (IndexTooNew, IndexUnreadable):
        raise
    except IndexingError:
        return None


def _write(
    writer: IndexWriter,
    files: Sequence[SourceFile],
    known: dict[str, FileState],
    settings: Settings,
    embedder: Embedder,
    on_progress: Callable[[Progress], None],
) -> list[FileState]:
    states = []
    with Worker() as worker:
        for done, file in enumerate(files, start=1):
            before = known.get(file.id)
            unchanged = (file.sha256, reader_version(file.id))
            if before is not None and (before.sha256, before.reader) == unchanged:
                state = before
                if not before.reason:
                    writer.keep(file.id)
            else:
                state = _add(writer, file, settings.passage_tokens, embedder, worker)
            states.append(state)
            on_progress(Progress("reading", done, len(files)))
    return states


def _add(writer: IndexWriter, file: SourceFile, tokens: int, embedder: Embedder, worker: Worker) -> FileState:
    reader = reader_version(file.id)
    try:
        documents = read_all(file, worker)
    except UnreadableFile as refusal:
        return FileState(file.id, "", refusal.message)  # no checksum: the next build tries again
    except RefusedFile as refusal:
        return FileState(file.id, file.sha256, refusal.message, reader)
    added = [(each, pieces) for each in documents if (pieces := _pieces(each, tokens, embedder))]
    if not added:
        return FileState(file.id, file.sha256, "there is no text in it", reader)
    for document, pieces in added:
        writer.add(document, file.id, pieces)
    notices = tuple(dict.fromkeys(notice for each in documents for notice in each.notices))
    left_out: Counter[str] = Counter()
    for each in documents:
        left_out.update(dict(each.left_out))
    return FileState(file.id, file.sha256, "", reader, len(added), notices, dict(left_out))


def _pieces(document: Document, tokens: int, embedder: Embedder) -> list[tuple[Passage, str]]:
    def fits(texts: Sequence[str]) -> list[bool]:
        with EmbedderError.translated():
            return [count <= embedder.max_tokens for count in embedder.count_tokens(texts)]

    return split(document, tokens, fits)


def changes_between(
    states: Sequence[FileState],
    before: dict[str, FileState],
    skipped: Sequence[FileReason],
    failed: Sequence[FileReason],
    passages: int,
    embedded: int,
) -> Changes:
    """Return what a build did, from the states of all files after it and those ``before``."""
    old = {id_: state.sha256 for id_, state in before.items() if not state.reason}
    new = {state.id: state.sha256 for state in states if not state.reason}
    refused = tuple(FileReason(state.id, state.reason) for state in states if state.reason)
    return Changes(
        added=tuple(id_ for id_ in new if id_ not in old),
        changed=tuple(id_ for id_ in new if id_ in old and old[id_] != new[id_]),
        removed=tuple(id_ for id_ in old if id_ not in new),
        kept=tuple(id_ for id_ in new if old.get(id_) == new[id_]),
        skipped=tuple(skipped),
        failed=tuple(failed) + refused,
        incomplete=tuple(
            FileReason(state.id, joined(*state.notices, between="; ")) for state in states if state.notices
        ),
        articles=sum(state.articles for state in states if not state.reason),
        passages=passages,
        embedded=embedded,
    )
