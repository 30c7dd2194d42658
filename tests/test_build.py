"""Building: only what changed is embedded, nothing is lost, and an updated index answers exactly as a fresh one."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from embeddings import Embedder, EmbeddingError, open_embedder
from news import ARTICLES, write_articles
from rag.chatbot import Chatbot
from rag.errors import (
    ArticlesError,
    EmbedderError,
    IndexCorrupt,
    IndexLocked,
    IndexMismatch,
    IndexMissing,
    IndexOfAnother,
    IndexTooNew,
    SettingsError,
    UnreadableFile,
)
from rag.index import generations
from rag.index.build import build, outdated
from rag.index.generations import checked_files, new_generation, open_generation
from rag.index.store import Index, LocalIndex, verify
from rag.read import SourceFile, Worker
from rag.settings import Settings, folder_key
from rag.types import Document, Progress


class Counting:
    """An embedder that keeps every text it was asked to embed."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self.texts: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._embedder, name)

    def embed_documents(self, texts: Sequence[str], on_progress: Any = None) -> Any:
        self.texts += texts
        return self._embedder.embed_documents(texts, on_progress)


@pytest.fixture
def counting(hashing: Embedder) -> Counting:
    return Counting(hashing)


def content(folder: Path) -> list[tuple[Any, ...]]:
    """All that an index answers from, as plain values."""
    index = Index.open(folder)
    rows = list(range(len(index)))
    vectors = index.vectors.fetch(range(len(index)))
    found = [(passage, header, vectors[row].tobytes()) for row, (passage, header) in enumerate(index.passages(rows))]
    for question in ("tram", "plant lake water", "завод озеро", "Article words"):
        found += [tuple(hit) for hit in index.keywords(index.terms(question), 50)]  # type: ignore[list-item]
    return [*found, *[index.document(header.id) for header in index.headers()]]


def test_a_first_build_indexes_all_and_says_so(settings: Settings, counting: Counting) -> None:
    changes = build(settings, counting)
    assert changes.added == ("harbour.md", "plant.txt", "ru/ozero.txt")
    assert (changes.seen, changes.indexed, changes.changed, changes.removed, changes.failed) == (3, 3, (), (), ())
    assert changes.passages == changes.embedded == len(counting.texts) > 0
    assert verify(settings.index) == (changes.passages, [])


def test_passages_and_documents_are_as_written(settings: Settings, hashing: Embedder) -> None:
    build(settings, hashing)
    index = Index.open(settings.index)
    for passage, header in index.passages(range(len(index))):
        document = index.document(header.id)
        assert document.text[passage.start : passage.end] == passage.text
        assert passage.document_id == header.id
    assert [header.id for header in index.headers()] == ["harbour.md", "plant.txt", "ru/ozero.txt"]
    assert index.headers()[0].published == "2031-03-04"
    assert index.headers()[0].authors == ("Mirela Anders",)


def test_nothing_changed_embeds_nothing(settings: Settings, counting: Counting) -> None:
    build(settings, counting)
    counting.texts.clear()
    changes = build(settings, counting)
    assert (changes.kept, changes.embedded, counting.texts) == (("harbour.md", "plant.txt", "ru/ozero.txt"), 0, [])


def test_headers_are_read_once(settings: Settings, hashing: Embedder, monkeypatch: pytest.MonkeyPatch) -> None:
    build(settings, hashing)
    index = Index.open(settings.index)
    first = index.headers()
    monkeypatch.setattr(LocalIndex, "_all", None)
    assert index.headers() == first
    assert index.headers() is not first  # a caller may sort its own


def test_one_added_article_among_many_is_the_only_one_embedded(settings: Settings, counting: Counting) -> None:
    write_articles(settings.articles, {f"many/{n}.txt": f"Article {n} tells of the number {n}.\n" for n in range(100)})
    build(settings, counting)
    counting.texts.clear()
    write_articles(settings.articles, {"new.txt": "A quite new article about a lighthouse."})
    changes = build(settings, counting)
    assert (changes.added, changes.embedded) == (("new.txt",), 1)
    assert ["lighthouse" in text for text in counting.texts] == [True]


def test_an_edit_is_seen_whatever_the_clock_and_the_size_say(settings: Settings, counting: Counting) -> None:
    build(settings, counting)
    path = settings.articles / "plant.txt"
    before = path.stat()
    path.write_text(path.read_text("utf-8").replace("620", "621"), "utf-8")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    assert outdated(settings, Index.open(settings.index), counting)
    assert build(settings, counting).changed == ("plant.txt",)
    assert "621" in Index.open(settings.index).document("plant.txt").text


def test_a_touch_is_no_change(settings: Settings, counting: Counting) -> None:
    build(settings, counting)
    os.utime(settings.articles / "plant.txt", (1, 1))
    assert not outdated(settings, Index.open(settings.index), counting)


def test_a_renamed_article_keeps_its_vectors(settings: Settings, counting: Counting) -> None:
    build(settings, counting)
    counting.texts.clear()
    (settings.articles / "plant.txt").rename(settings.articles / "battery.txt")
    changes = build(settings, counting)
    assert (changes.added, changes.removed, changes.embedded, counting.texts) == (
        ("battery.txt",),
        ("plant.txt",),
        0,
        [],
    )
    assert verify(settings.index)[1] == []


def test_swapped_contents_are_two_changes_and_no_embedding(settings: Settings, counting: Counting) -> None:
    build(settings, counting)
    one, other = settings.articles / "plant.txt", settings.articles / "harbour.md"
    first, second = one.read_text("utf-8"), other.read_text("utf-8")
    write_articles(settings.articles, {"a.txt": first, "b.md": second})
    build(settings, counting)
    counting.texts.clear()
    write_articles(settings.articles, {"a.txt": ARTICLES["ru/ozero.txt"], "ru/ozero.txt": first})
    changes = build(settings, counting)
    assert (changes.changed, changes.embedded) == (("a.txt", "ru/ozero.txt"), 0)
    assert verify(settings.index)[1] == []


def test_equal_articles_are_embedded_once(settings: Settings, counting: Counting) -> None:
    shutil.copy(settings.articles / "plant.txt", settings.articles / "copy.txt")
    changes = build(settings, counting)
    assert changes.passages > changes.embedded == len(counting.texts) == len(set(counting.texts))
    index = Index.open(settings.index)
    vectors = {header.id: [] for header in index.headers()}
    for row, (_, header) in enumerate(index.passages(range(len(index)))):
        vectors[header.id].append(index.vectors.fetch([row])[0].tolist())
    assert vectors["copy.txt"] == vectors["plant.txt"]


def test_one_bad_file_never_stops_the_rest(settings: Settings, hashing: Embedder) -> None:
    (settings.articles / "bad.txt").write_bytes(bytes(range(256)) * 20)
    (settings.articles / "empty.md").touch()
    (settings.articles / "data.json").write_text("[]")
    changes = build(settings, hashing)
    assert changes.indexed == 3
    assert [each.id for each in changes.skipped] == ["data.json"]
    assert [each.id for each in changes.failed] == ["bad.txt", "empty.md"]
    assert changes.seen == 6
    assert all(each.reason for each in (*changes.skipped, *changes.failed))
    assert str(settings.articles) not in str(changes)
    again = build(settings, hashing)
    assert (again.failed, again.seen) == (changes.failed, 6)
    assert not outdated(settings, Index.open(settings.index), hashing)


def test_an_edit_that_spoils_a_file_removes_it_and_says_so(settings: Settings, hashing: Embedder) -> None:
    build(settings, hashing)
    (settings.articles / "plant.txt").write_bytes(b"\x00\x01\x02" * 500)
    changes = build(settings, hashing)
    assert (changes.removed, [each.id for each in changes.failed]) == (("plant.txt",), ["plant.txt"])
    assert [header.id for header in Index.open(settings.index).headers()] == ["harbour.md", "ru/ozero.txt"]


def test_an_embedder_that_fails_leaves_the_old_index(settings: Settings, hashing: Embedder) -> None:
    class Failing(Counting):
        def embed_documents(self, texts: Sequence[str], on_progress: Any = None) -> Any:
            raise EmbeddingError("the model gave up; restart")

    build(settings, hashing)
    before = content(settings.index)
    write_articles(settings.articles, {"new.txt": "A new article about a lighthouse."})
    with pytest.raises(EmbedderError, match="gave up"):
        build(settings, Failing(hashing))
    assert content(settings.index) == before


def test_no_folder_of_articles(settings: Settings, hashing: Embedder, tmp_path: Path) -> None:
    with pytest.raises(ArticlesError, match="--articles"):
        build(settings.replace(articles=tmp_path / "nowhere"), hashing)
    with pytest.raises(IndexMissing):
        Index.open(settings.index)


def test_an_empty_folder_is_an_empty_index(settings: Settings, hashing: Embedder, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    changes = build(settings.replace(articles=tmp_path / "none"), hashing)
    assert (changes.seen, changes.passages) == (0, 0)
    assert len(Index.open(settings.index)) == 0
    assert verify(settings.index) == (0, [])


def test_another_model_means_another_index_also_of_equal_dimension(settings: Settings, hashing: Embedder) -> None:
    class Other(Counting):
        fingerprint = "another model"

        def embed_documents(self, texts: Sequence[str], on_progress: Any = None) -> Any:
            return -super().embed_documents(texts, on_progress)

    build(settings, hashing)
    other = Other(hashing)
    index = Index.open(settings.index)
    with pytest.raises(IndexMismatch, match="rag build"):
        index.check_embedder(other)  # type: ignore[arg-type]
    assert outdated(settings, index, other)  # type: ignore[arg-type]
    changes = build(settings, other)  # type: ignore[arg-type]
    assert changes.embedded == changes.passages == len(other.texts)


def test_other_passage_sizes_mean_another_index(settings: Settings, hashing: Embedder) -> None:
    build(settings, hashing)
    smaller = settings.replace(passage_tokens=20)
    assert outdated(smaller, Index.open(settings.index), hashing)
    assert build(smaller, hashing).passages > len(ARTICLES)


def test_fresh_embeds_everything(settings: Settings, counting: Counting) -> None:
    build(settings, counting)
    counting.texts.clear()
    assert build(settings, counting, fresh=True).embedded == len(counting.texts) > 0


def test_progress_ends_at_its_total_in_every_stage(settings: Settings, hashing: Embedder) -> None:
    seen: list[Progress] = []
    build(settings, hashing, seen.append)
    last = {progress.stage: progress for progress in seen}
    assert list(last) == ["reading", "embedding", "keywords"]
    assert all(progress.done == progress.total > 0 for progress in last.values())


def test_status_without_a_model_sees_another_model(settings: Settings, hashing: Embedder) -> None:
    build(settings, hashing)
    index = Index.open(settings.index)
    assert not outdated(settings, index)
    assert outdated(settings.replace(embedder="bundled"), index)


def test_a_newer_format_is_never_replaced_unasked(
    settings: Settings, hashing: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.index.generations.FORMAT", 3)
    build(settings, hashing)
    monkeypatch.undo()
    with pytest.raises(IndexTooNew, match="--fresh"):
        build(settings, hashing)
    assert build(settings, hashing, fresh=True).indexed == 3


def test_the_index_may_lie_among_the_articles_but_not_be_their_folder(settings: Settings, hashing: Embedder) -> None:
    inside = settings.replace(index=settings.articles / "index")
    build(inside, hashing)
    again = build(inside, hashing)
    assert (again.skipped, again.seen, again.embedded) == ((), 3, 0)
    with pytest.raises(SettingsError, match="--index"):
        build(settings.replace(index=settings.articles), hashing)


def test_a_file_that_could_not_be_read_is_tried_again(
    settings: Settings, hashing: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(file: SourceFile, worker: Worker) -> list[Document]:
        raise UnreadableFile("cannot be read (input/output error)")

    monkeypatch.setattr(sys.modules["rag.index.build"], "read_all", broken)
    assert len(build(settings, hashing).failed) == 3
    monkeypatch.undo()
    assert outdated(settings, Index.open(settings.index), hashing)
    assert build(settings, hashing).indexed == 3


def test_a_full_disk_is_told_and_the_old_index_answers(settings: Settings, hashing: Embedder) -> None:
    build(settings, hashing)
    old = content(settings.index)
    write_articles(settings.articles, {f"more/{n}.txt": f"Article {n} about the lighthouse. " * 40 for n in range(60)})
    program = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), resource.RLIM_INFINITY))\n"
        "from rag.__main__ import main; main(['build', '--articles', sys.argv[1], '--index', sys.argv[2]])"
    )
    for size in (1_000, 40_000, 90_000):
        command = [sys.executable, "-c", program, str(settings.articles), str(settings.index), str(size)]
        environment = {**os.environ, "RAG_EMBEDDER": "hashing"}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        assert done.returncode == 1
        assert done.stderr.startswith("rag: the index cannot be written"), done.stderr
        said = re.search(r"\(.+, folder (\S+), ([\d,]+) bytes free, the index in use has ([\d,]+) bytes\)", done.stderr)
        assert said, done.stderr
        used = sum(each.stat().st_size for each in open_generation(settings.index).path.rglob("*") if each.is_file())
        assert (said[1], int(said[3].replace(",", ""))) == (settings.index.name, used)
        assert int(said[2].replace(",", "")) > 0
        assert content(settings.index) == old
    assert not list(settings.index.glob("tmp-*"))


def test_a_span_outside_its_article_is_reported(settings: Settings, hashing: Embedder) -> None:
    build(settings, hashing)
    index = Index.open(settings.index)
    with sqlite3.connect(index.path / "documents.sqlite") as database:
        database.execute("UPDATE passages SET end = 100000 WHERE row = 0")
    database.close()
    manifest = json.loads((index.path / "manifest.json").read_text("utf-8"))
    manifest["files"] = checked_files(index.path)
    data = json.dumps(manifest).encode()
    (index.path / "manifest.json").write_bytes(data)
    (settings.index / "CURRENT").write_text(f"{index.path.name} {hashlib.sha256(data).hexdigest()}")
    assert verify(settings.index)[1] == ["harbour.md: no passage can lie at characters 0 to 100000"]
    with pytest.raises(IndexCorrupt):
        Index.open(settings.index).passages([0])


def test_damage_in_a_large_file_is_found_after_opening_and_mended(
    settings: Settings, hashing: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(settings, hashing)
    monkeypatch.setattr("rag.index.generations.LARGE", 100)
    whole = Index.open(settings.index, whole=False)
    _wait_for_checks()
    assert len(whole.passages([0])) == 1
    (file,) = whole.path.rglob("vectors.npy")
    content = file.read_bytes()
    file.write_bytes(content[:-9] + bytes([content[-9] ^ 1]) + content[-8:])
    index = Index.open(settings.index, whole=False)
    _wait_for_checks()
    with pytest.raises(IndexCorrupt, match=r"vectors\.npy of the index is damaged; run: rag build"):
        index.passages([0])
    with pytest.raises(IndexCorrupt):
        Index.open(settings.index)
    chatbot = Chatbot(settings, index, hashing)
    assert chatbot.outdated()
    chatbot.refresh()
    assert len(chatbot.retrieve("tram", 3)) > 0
    assert Index.open(settings.index).notice == ""


def test_no_more_is_checked_before_opening_than_a_reader_notices(
    settings: Settings, hashing: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many files of a middling size take as long as a large one."""
    build(settings, hashing)
    checked: list[int] = []
    check = generations._check_file

    def noted(path: Path, name: str, expected: dict[str, Any]) -> None:
        checked.append(expected["size"])
        check(path, name, expected)

    monkeypatch.setattr(generations, "_check_file", noted)
    every = [file["size"] for file in open_generation(settings.index).content["files"].values()]
    assert sorted(checked) == sorted(every)
    checked.clear()
    monkeypatch.setattr(generations, "LARGE", max(every))
    generation = open_generation(settings.index, whole=False)
    assert 0 < sum(checked) <= max(every)
    generation.check()
    assert sorted(checked) == sorted(every)


def test_a_text_that_is_not_what_was_indexed_is_never_quoted(settings: Settings, hashing: Embedder) -> None:
    build(settings, hashing)
    index = Index.open(settings.index)
    (file,) = index.path.rglob("documents.sqlite")
    with sqlite3.connect(file) as database:
        database.execute("UPDATE documents SET text = replace(text, 'a', 'e')")
    database.close()
    for read in (lambda: index.passages([0]), lambda: index.document("plant.txt")):
        with pytest.raises(IndexCorrupt, match=r"documents\.sqlite of the index is damaged; run: rag build"):
            read()


def _wait_for_checks() -> None:
    for thread in threading.enumerate():
        if thread.name == "checking":
            thread.join()


def test_an_index_belongs_to_one_folder(settings: Settings, hashing: Embedder, tmp_path: Path) -> None:
    build(settings, hashing)
    other = settings.replace(articles=write_articles(tmp_path / "other", {"b.txt": "Bees sleep in winter."}))
    with pytest.raises(IndexOfAnother, match=r"belongs to the articles in articles; .* other .*--index .*--fresh"):
        build(other, hashing)
    assert [header.id for header in Index.open(settings.index).headers()] == sorted(ARTICLES)
    assert build(other, hashing, fresh=True).added == ("b.txt",)
    assert Index.open(settings.index).articles == folder_key(tmp_path / "other")


def test_each_folder_has_an_index_and_data_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAG_CACHE", str(tmp_path / "cache"))
    one, two = Settings(articles=tmp_path / "one/news"), Settings(articles=tmp_path / "two/news")
    assert one.index.parent == two.index.parent == tmp_path / "cache/indexes"
    assert one.index.name.startswith("news-")
    assert len({one.index, two.index, one.data, two.data}) == 4
    assert one.replace(articles=two.articles) == two  # the folders go along
    assert one.replace(index=tmp_path / "own").replace(articles=two.articles).index == tmp_path / "own"
    assert Settings(articles=tmp_path / "two/../one/news").index == one.index
    assert Settings.from_environment({"RAG_DATA": str(tmp_path)}).data == tmp_path
    assert Settings(articles=str(one.articles), index="i") == Settings(one.articles, Path("i"))  # type: ignore[arg-type]


def test_while_one_builds_another_is_told(settings: Settings, hashing: Embedder) -> None:
    with new_generation(settings.index), pytest.raises(IndexLocked):
        build(settings, hashing)


_KILLED = """
import os, signal, sys
from pathlib import Path
import rag.index.generations as generations
from embeddings import open_embedder
from rag.index.build import build
from rag.settings import Settings, folder_key

left = int(sys.argv[3])

def dying(function):
    def call(*given, **named):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*given, **named)
    return call

# Every step that touches the disk in an order that matters: flushing, renaming, replacing, removing.
generations.os.fsync = dying(os.fsync)
for name in ("rename", "replace", "mkdir", "write_text", "write_bytes"):
    setattr(Path, name, dying(getattr(Path, name)))
generations.shutil.rmtree = dying(generations.shutil.rmtree)
build(Settings(articles=Path(sys.argv[1]), index=Path(sys.argv[2])), open_embedder("hashing"))
print("steps left", left)
"""


def _build_and_die(settings: Settings, steps: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", _KILLED, str(settings.articles), str(settings.index), str(steps)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_kill_9_at_any_step_leaves_the_old_index_or_the_new_one(settings: Settings, hashing: Embedder) -> None:
    build(settings, hashing)
    build(settings, hashing)
    old = content(settings.index)
    write_articles(settings.articles, {"new.txt": "A new article about a lighthouse."})
    saved = settings.index.with_name("saved")
    shutil.copytree(settings.index, saved)
    reference = settings.replace(index=settings.index.with_name("reference"))
    build(reference, hashing)
    new = content(reference.index)
    done = _build_and_die(settings, 10_000)
    assert done.returncode == 0, done.stderr
    steps = 10_000 - int(done.stdout.split()[-1])
    outcomes = set()
    for step in [*range(0, steps - 1, max(1, steps // 5)), steps - 1]:
        shutil.rmtree(settings.index)
        shutil.copytree(saved, settings.index)
        assert _build_and_die(settings, step).returncode == -9
        left = content(settings.index)
        assert left in (old, new)
        outcomes.add(left == new)
        build(settings, hashing)
        assert content(settings.index) == new
    assert outcomes == {True, False}


def test_a_damaged_index_is_built_again_from_the_articles(settings: Settings, hashing: Embedder) -> None:
    build(settings, hashing)
    before = content(settings.index)
    for file in Index.open(settings.index).path.rglob("*.npy"):
        file.write_bytes(b"damaged")
    with pytest.raises(IndexCorrupt):
        Index.open(settings.index)
    build(settings, hashing)
    assert content(settings.index) == before


WORDS = st.lists(
    st.sampled_from(["tram", "lake", "plant", "water", "завод", "mayor", "votes"]), min_size=1, max_size=40
)


class IncrementalEqualsFull(RuleBasedStateMachine):
    """After any history of edits the updated index holds exactly what a fresh one would hold."""

    embedder = open_embedder("hashing")

    @initialize()
    def start(self) -> None:
        import tempfile

        self.root = Path(tempfile.mkdtemp())
        (self.root / "articles").mkdir()
        self.settings = Settings(articles=self.root / "articles", index=self.root / "index", passage_tokens=20)
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr("rag.index.store.block_size", lambda passages: 3)

    @rule(name=st.sampled_from("abcd"), words=WORDS)
    def write(self, name: str, words: list[str]) -> None:
        lines = [" ".join(words[first : first + 6]).capitalize() + "." for first in range(0, len(words), 6)]
        (self.settings.articles / f"{name}.txt").write_text("\n\n".join(lines), "utf-8")

    @rule(name=st.sampled_from("abcd"))
    def delete(self, name: str) -> None:
        (self.settings.articles / f"{name}.txt").unlink(missing_ok=True)

    @rule(name=st.sampled_from("abcd"), other=st.sampled_from("abcd"))
    def rename(self, name: str, other: str) -> None:
        path = self.settings.articles / f"{name}.txt"
        if path.exists():
            path.rename(self.settings.articles / f"{other}.txt")

    @rule(name=st.sampled_from("abcd"))
    def spoil(self, name: str) -> None:
        (self.settings.articles / f"{name}.txt").write_bytes(b"\x7fELF\x00\x00")

    @invariant()
    def equal(self) -> None:
        if not hasattr(self, "settings"):
            return
        updated = build(self.settings, self.embedder)
        fresh = self.settings.replace(index=self.root / "fresh")
        changes = build(fresh, self.embedder, fresh=True)
        assert content(self.settings.index) == content(fresh.index)
        assert (updated.seen, updated.indexed, updated.failed) == (changes.seen, changes.indexed, changes.failed)
        assert verify(self.settings.index)[1] == []

    def teardown(self) -> None:
        if hasattr(self, "root"):
            self.patch.undo()
            shutil.rmtree(self.root)


TestIncrementalEqualsFull = IncrementalEqualsFull.TestCase
TestIncrementalEqualsFull.settings = hypothesis_settings(max_examples=6, stateful_step_count=6, deadline=None)


def test_a_build_of_what_is_there_already_writes_nothing(settings: Settings, hashing: Embedder) -> None:
    (settings.articles / "bad.pdf").write_bytes(b"no PDF")
    first = build(settings, hashing)
    before = (settings.index / "CURRENT").read_bytes()
    again = build(settings, hashing)
    assert (settings.index / "CURRENT").read_bytes() == before
    assert (again.added, again.changed, again.removed) == ((), (), ())
    assert set(again.kept) == set(first.added)
    assert (again.failed, again.skipped, again.articles) == (first.failed, first.skipped, first.articles)
    assert (again.passages, again.embedded) == (first.passages, 0)
    build(settings, hashing, fresh=True)
    assert (settings.index / "CURRENT").read_bytes() != before
