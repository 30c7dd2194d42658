"""An index that others wrote, may not be read, or changes while it is open: a typed error, or the generation before."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy
import pytest

from embeddings import Embedder, EmbeddingError
from rag import Chatbot, Settings, build
from rag.errors import EmbedderError, IndexCorrupt, IndexUnreadable, IndexUnwritable
from rag.index.generations import checked_files, open_generation
from rag.index.store import Index, verify

QUESTION = "How many people does the battery plant employ?"
KEYWORD_FILES = ("idx", "term", "fast", "fieldnorm", "store")

needs_posix = pytest.mark.skipif(os.name != "posix", reason="rights of POSIX")


@pytest.fixture
def built(settings: Settings, hashing: Embedder) -> Settings:
    build(settings, hashing)
    return settings


@pytest.fixture
def twice(built: Settings, hashing: Embedder) -> Settings:
    (built.articles / "later.txt").write_text("The harbour was closed on Monday after a storm.\n")
    build(built, hashing)
    return built


def generation(settings: Settings) -> Path:
    return open_generation(settings.index).path


def sign(settings: Settings, change: Callable[[dict[str, Any]], object] = lambda _: None) -> None:
    """Make the checksums right for what is there, as whoever built the index would have."""
    path = generation_of_pointer(settings)
    manifest = path / "manifest.json"
    content = json.loads(manifest.read_bytes())
    content["files"] = checked_files(path)
    change(content)
    manifest.write_text(json.dumps(content))
    point(settings, path)


def point(settings: Settings, path: Path) -> None:
    digest = hashlib.sha256((path / "manifest.json").read_bytes()).hexdigest()
    (settings.index / "CURRENT").write_text(f"{path.name} {digest}\n")


def generation_of_pointer(settings: Settings) -> Path:
    return settings.index / (settings.index / "CURRENT").read_text().split()[0]


# --- rights ---------------------------------------------------------------------------------------------------------------


@needs_posix
def test_every_file_is_readable_as_the_umask_says(settings: Settings, hashing: Embedder) -> None:
    for umask, mode in ((0o022, 0o644), (0o077, 0o600), (0o027, 0o640)):
        before = os.umask(umask)
        try:
            build(settings, hashing, fresh=True)
        finally:
            os.umask(before)
        files = [each for each in generation(settings).rglob("*") if each.is_file()]
        assert {each.name: each.stat().st_mode & 0o777 for each in files} == {each.name: mode for each in files}


@needs_posix
@pytest.mark.parametrize("name", ["CURRENT", "manifest.json", "documents.sqlite", "keywords/meta.json", ""])
def test_what_may_not_be_read_is_not_called_damaged(
    built: Settings, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = built.index / name if name in ("CURRENT", "") else generation(built) / name
    forbid(monkeypatch, path)
    with pytest.raises(IndexUnreadable, match="permission denied.*chmod"):
        Index.open(built.index)
    with pytest.raises(IndexUnreadable):
        Chatbot.open(built)


def forbid(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    """Refuse a file, or all in a folder, to this process: tests may run as root, to whom nothing is forbidden."""

    def guarded(function: Callable[..., Any], inside: bool) -> Callable[..., Any]:
        def call(file: Any, *values: Any, **named: Any) -> Any:
            if isinstance(file, (str, os.PathLike)) and path in ((Path(file).parent,) if inside else (Path(file),)):
                raise PermissionError(13, "Permission denied")
            return function(file, *values, **named)

        return call

    folder = path.is_dir()
    for module, name in ((io, "open"), (os, "open"), *([(os, "stat")] if folder else [])):
        monkeypatch.setattr(module, name, guarded(getattr(module, name), folder))


# --- what others wrote ----------------------------------------------------------------------------------------------------


def deep(settings: Settings) -> None:
    path = generation_of_pointer(settings)
    (path / "manifest.json").write_text("[" * 100_000)
    point(settings, path)


def files_without_sizes(settings: Settings) -> None:
    sign(settings, lambda content: content.update(files={name: {} for name in content["files"]}))


def files_as_numbers(settings: Settings) -> None:
    sign(settings, lambda content: content.update(files=dict.fromkeys(content["files"], 7)))


def states_as_numbers(settings: Settings) -> None:
    sign(settings, lambda content: content.update(file_states=[7]))


def no_recipe(settings: Settings) -> None:
    sign(settings, lambda content: content.pop("recipe"))


def of_the_database(*statements: str) -> Callable[[Settings], None]:
    def change(settings: Settings) -> None:
        with closing(sqlite3.connect(generation_of_pointer(settings) / "documents.sqlite")) as database:
            for statement in statements:
                database.execute(statement)
            database.commit()
        sign(settings)

    return change


def of_the_vectors(make: Callable[[Any], Any]) -> Callable[[Settings], None]:
    def change(settings: Settings) -> None:
        path = generation_of_pointer(settings) / "vectors" / "vectors.npy"
        numpy.save(path, make(numpy.load(path)).astype(numpy.float32))
        sign(settings)

    return change


def garbage_in_keywords(settings: Settings) -> None:
    for path in (generation_of_pointer(settings) / "keywords").glob("*.term"):
        path.write_bytes(bytes(255 - each % 256 for each in range(path.stat().st_size)))
    sign(settings)


def spellings(text: str) -> Callable[[Settings], None]:
    def change(settings: Settings) -> None:
        (generation_of_pointer(settings) / "keywords" / "spellings.table").write_text(text)
        sign(settings)

    return change


ENDLESS = (
    "CREATE VIEW passages AS WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n) SELECT i AS row FROM n"
)
HOSTILE: dict[str, Callable[[Settings], None]] = {
    "deep manifest": deep,
    "files without sizes": files_without_sizes,
    "files as numbers": files_as_numbers,
    "states as numbers": states_as_numbers,
    "no recipe": no_recipe,
    "deep authors": of_the_database(f"UPDATE documents SET authors = '{'[' * 100_000}'"),
    "authors that are no list": of_the_database("UPDATE documents SET authors = '7'"),
    "authors that are no JSON": of_the_database("UPDATE documents SET authors = 'Brook'"),
    "places that are no list": of_the_database("UPDATE documents SET places = '[7]'"),
    "text that is none": of_the_database("UPDATE documents SET text = x'ff'"),
    "an endless view": of_the_database("DROP TABLE passages", ENDLESS),
    "rows with gaps": of_the_database("UPDATE passages SET row = row + 1000 WHERE row > 0"),
    "passages of no article": of_the_database("UPDATE passages SET document = 999"),
    "vectors of zeros": of_the_vectors(lambda found: found * 0),
    "vectors of no numbers": of_the_vectors(lambda found: found * numpy.nan),
    "vectors of another dimension": of_the_vectors(lambda found: found[:, :10]),
    "vectors too long": of_the_vectors(lambda found: found * 1e30),
    "garbage in keywords": garbage_in_keywords,
    "spellings that do not fit": spellings("a\nb\nc\tA"),
}


@pytest.mark.parametrize("harm", [each for each in HOSTILE if each != "vectors of zeros"])  # only verifying sees those
def test_a_well_signed_but_wrong_index_is_damaged(built: Settings, hashing: Embedder, harm: str) -> None:
    HOSTILE[harm](built)
    with pytest.raises(IndexCorrupt, match="rag build"):
        ask_everything(Chatbot(built, Index.open(built.index), hashing))


def ask_everything(chatbot: Chatbot) -> None:
    """What any question may touch."""
    chatbot.documents()
    chatbot.retrieve("Who opened a batery plant?", 5)
    chatbot.ask(QUESTION)
    for header in chatbot.documents():
        chatbot.document(header.id)


@pytest.mark.parametrize("harm", ["rows with gaps", "vectors of no numbers", "vectors of zeros"])
def test_verifying_finds_it_too(built: Settings, harm: str) -> None:
    HOSTILE[harm](built)
    try:
        _, problems = verify(built.index)
    except IndexCorrupt:
        return
    assert problems


def test_a_wrong_index_is_built_again(built: Settings) -> None:
    deep(built)
    assert Chatbot.open(built).retrieve(QUESTION, 5)


LARGE = {
    "spellings": ("keywords/spellings.table", "a\n" * 75_000_000 + "\t" + "b\n" * 75_000_000),
    "manifest": ("manifest.json", "[" + "[]," * 40_000_000 + "[]]"),
}


@pytest.mark.skipif(sys.platform != "linux", reason="limits of Linux")
@pytest.mark.parametrize("name", LARGE)
def test_large_tables_cost_no_memory(built: Settings, name: str) -> None:
    place, text = LARGE[name]
    path = generation_of_pointer(built)
    (path / place).write_text(text)
    if name == "manifest":
        point(built, path)
    else:
        sign(built)
    program = """
import resource, sys
from pathlib import Path
from rag.errors import IndexCorrupt
from rag.index.store import Index
import embeddings.faiss_index
import tantivy
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    Index.open(Path(sys.argv[1]))
except IndexCorrupt:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    done = subprocess.run([sys.executable, "-c", program, built.index], capture_output=True, text=True, timeout=60)
    assert int(done.stdout) < 300_000, done.stderr


@needs_posix
@pytest.mark.parametrize(
    "name", ["CURRENT", "PREVIOUS", "manifest.json", "documents.sqlite", "keywords/spellings.table"]
)
def test_a_pipe_in_place_of_a_file_is_damage(twice: Settings, name: str) -> None:
    path = twice.index / name if name.isupper() else generation(twice) / name
    path.unlink()
    os.mkfifo(path)
    program = (
        "import sys; from pathlib import Path; from rag.index.store import Index; "
        "print(Index.open(Path(sys.argv[1])).notice)"
    )
    done = subprocess.run([sys.executable, "-c", program, twice.index], capture_output=True, text=True, timeout=60)
    assert "damaged" in done.stdout or "IndexMissing" in done.stderr or name == "PREVIOUS"


# --- what changes while it is open ----------------------------------------------------------------------------------------


def truncated(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(10)


def garbled(path: Path) -> None:
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.write(bytes(255 - each % 256 for each in range(size)))


def removed(path: Path) -> None:
    path.unlink()


HARMS = {"truncated": truncated, "garbled": garbled, "removed": removed}
OPEN_FILES = ["vectors/vectors.npy", "documents.sqlite", *(f"keywords/*.{each}" for each in KEYWORD_FILES)]

SERVED = """
import sys
from pathlib import Path
sys.path.insert(0, "tests")
import test_index_harm as harm
from embeddings import open_embedder
from rag import Chatbot, Settings
from rag.errors import IndexCorrupt
settings = Settings(articles=Path(sys.argv[1]), index=Path(sys.argv[2]), embedder="hashing")
chatbot = Chatbot.open(settings)
chatbot.ask(harm.QUESTION)
for path in harm.generation(settings).glob(sys.argv[3]):
    harm.HARMS[sys.argv[4]](path)
try:
    print("ANSWERED", not chatbot.ask(harm.QUESTION).refused, "NOTICE", chatbot.notice)
except IndexCorrupt as damage:
    print("DAMAGE", damage)
"""


@pytest.mark.parametrize("harm", HARMS)
@pytest.mark.parametrize("name", OPEN_FILES)
def test_damage_under_an_open_index_is_told(built: Settings, name: str, harm: str) -> None:
    done = serve(built, name, harm)
    assert done.stdout.startswith("DAMAGE") or "ANSWERED True" in done.stdout, (done.returncode, done.stderr[-500:])


@pytest.mark.parametrize("name", ["keywords/*.term", "keywords/*.idx"])
def test_the_generation_before_answers_then(twice: Settings, name: str) -> None:
    done = serve(twice, name, "garbled")
    assert "ANSWERED True NOTICE The newest index is damaged" in done.stdout, (done.stdout, done.stderr[-500:])


def serve(settings: Settings, name: str, harm: str) -> subprocess.CompletedProcess[str]:
    root = Path(__file__).parent.parent
    command = [sys.executable, "-c", SERVED, str(settings.articles), str(settings.index), name, harm]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=root)


def test_a_copy_that_only_looks_new_is_no_damage(built: Settings) -> None:
    chatbot = Chatbot.open(built)
    before = chatbot.ask(QUESTION)
    for path in generation(built).rglob("*"):
        os.utime(path, (1, 1))
    assert chatbot.ask(QUESTION) == before


def test_a_generation_that_was_deleted_is_noticed_and_built_again(built: Settings) -> None:
    chatbot = Chatbot.open(built)
    assert not chatbot.outdated()
    shutil.rmtree(built.index)
    assert chatbot.ask(QUESTION).hits
    assert chatbot.outdated()
    chatbot.refresh()
    assert not chatbot.outdated()
    assert generation(built).is_dir()


# --- errors that had no type ----------------------------------------------------------------------------------------------


def test_an_embedder_that_fails_to_count_is_an_embedder_error(settings: Settings, hashing: Embedder) -> None:
    class Failing:
        name, fingerprint, dimension, max_tokens = "hashing", "x", 256, 256

        def count_tokens(self, texts: Any) -> list[int]:
            raise EmbeddingError("The tokenizer is damaged; install it again")

    with pytest.raises(EmbedderError, match="tokenizer"):
        build(settings, Failing())  # type: ignore[arg-type]


def test_a_disk_that_does_not_confirm_the_new_index_is_told_as_it_is(
    built: Settings, hashing: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    import rag.index.generations as room

    flush = room._flush
    old = generation(built)

    def failing(path: Path) -> None:
        if path == built.index and generation_of_pointer(built) != old:
            raise OSError(5, "Input/output error")
        flush(path)

    monkeypatch.setattr(room, "_flush", failing)
    (built.articles / "later.txt").write_text("The harbour was closed on Monday after a storm.\n")
    with pytest.raises(IndexUnwritable, match="the new one is in use"):
        build(built, hashing)
    assert generation(built) != old


def test_a_new_folder_is_flushed_into_the_one_around_it(
    settings: Settings, hashing: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    import rag.index.generations as room

    flush = room._flush
    flushed: list[Path] = []
    monkeypatch.setattr(room, "_flush", lambda path: flush(path) or flushed.append(path))
    build(settings, hashing)
    assert settings.index.parent in flushed


def test_a_process_that_ends_during_a_build_says_nothing(tmp_path: Path) -> None:
    program = """
import sys, threading
from pathlib import Path
from rag.index.store import IndexWriter
begun = threading.Event()
def build():
    writer = IndexWriter(Path(sys.argv[1]))
    begun.set()
    threading.Event().wait()
threading.Thread(target=build, daemon=True).start()
begun.wait()
"""
    ended = subprocess.run(
        [sys.executable, "-c", program, tmp_path],
        capture_output=True,
        cwd=Path(__file__).parent.parent,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
