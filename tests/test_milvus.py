"""An index in Milvus answers as one in a folder does, and its alias is moved as a whole. Milvus Lite stands in for Milvus."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

import rag.index.milvus
from embeddings import Embedder, Neighbor, open_embedder
from embeddings.in_memory import HashingEmbedder
from embeddings.milvus_index import Milvus, MilvusIndex
from news import ARTICLES, write_articles
from rag.chatbot import Chatbot
from rag.errors import (
    IndexCorrupt,
    IndexingError,
    IndexMismatch,
    IndexMissing,
    IndexOfAnother,
    IndexTooNew,
    IndexUnreachable,
    MissingExtra,
    SettingsError,
)
from rag.index import milvus
from rag.index.build import build
from rag.index.milvus import Address, InMilvus, Records, conditions, connect, filters, is_address, publish
from rag.index.store import Index, open_folder, verify
from rag.retrieval.find import find
from rag.settings import Settings
from rag.types import Header, Progress, Scope

ROOT = Path(__file__).parent.parent
OUTLETS = ("Harbour Courier", "Osk Gazette", 'The "Velm" Post\\', "")
MANY = ARTICLES | {
    f"n{number:02d}.md": f"""---
title: Report {number}
outlet: {json.dumps(OUTLETS[number % 4])}
authors: [{json.dumps("Jon O'Hara" if number % 3 else "Ida Brook")}]
published: "2031-{number % 12 + 1:02d}-04"
---
The mayor opened bridge {number} in Port Velm on Monday. It cost {number + 3} million crowns, and {number * 7} people came.

The council of Osk voted {number + 9} to {number + 1} for a school near Lake Verrin.
"""
    for number in range(30)
}
QUESTIONS = [
    "How many people does the battery plant employ?",
    "What did bridge 7 cost?",
    "Who voted for a tram?",
    "Что случилось с озером Веррин?",
    "How many people came to bridge 11, according to the Osk Gazette?",
    "Verryn",
]
SCOPES = [
    Scope(outlets=("Osk Gazette",)),
    Scope(outlets=('The "Velm" Post\\', "Harbour Courier"), published=("2031-03-01", "2031-09-30")),
    Scope(authors=("Jon O'Hara",), published=("2031-05-01", "")),
    Scope(documents=("n07.md", "plant.txt", "nowhere.md")),
    Scope(outlets=('x" or row >= 0 or "" == "',)),
]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("milvus_lite")
    root = tmp_path_factory.mktemp("milvus")
    write_articles(root / "news", MANY)
    build(Settings(articles=root / "news", index=root / "local"), open_embedder("hashing"))
    with closing(open_folder(root / "local")) as local:
        publish(local, root / "lite.db")
    return root


class Server:
    """A Milvus Lite of its own process, on the loopback address alone."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            self.port = taken.getsockname()[1]
        program = "import sys; from milvus_lite.cmdline import main; main(sys.argv[1:])"
        command = [sys.executable, "-c", program, "server", "--host", "127.0.0.1", "--data-dir", str(folder)]
        self.process = subprocess.Popen([*command, "--port", str(self.port)], stdout=subprocess.DEVNULL)
        while True:
            assert self.process.poll() is None
            with socket.socket() as trial:
                if trial.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)

    def place(self, name: str) -> Path:
        return Path(f"milvus://127.0.0.1:{self.port}/{name}")

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    pytest.importorskip("milvus_lite")
    started = Server(tmp_path / "data")
    yield started
    started.stop()


class TestTheSameAnswers:
    def test_all_that_is_in_it_comes_back(self, root: Path) -> None:
        with closing(Index.open(root / "local")) as one, closing(Index.open(root / "lite.db")) as other:
            assert (len(other), other.recipe, other.files) == (len(one), one.recipe, one.files)
            assert other.headers() == one.headers()
            rows = range(len(one))
            assert other.passages(rows) == one.passages(rows)
            assert other.article_numbers() == one.article_numbers()
            assert other.passage_counts == one.passage_counts
            assert [other.document(each.id) for each in one.headers()] == [
                one.document(each.id) for each in one.headers()
            ]
            ids = [passage.id for passage, _ in one.passages(rows)]
            assert other.rows_of_passages([*ids, "none"]) == one.rows_of_passages([*ids, "none"])
            assert other.rows_of(["n07.md", "plant.txt"]) == one.rows_of(["n07.md", "plant.txt"])
            (other.path / "map").unlink(missing_ok=True)

    @pytest.mark.parametrize("question", QUESTIONS)
    @pytest.mark.parametrize("scope", [None, *SCOPES])
    def test_the_same_is_found(self, root: Path, hashing: Embedder, question: str, scope: Scope | None) -> None:
        with closing(Index.open(root / "local")) as one, closing(Index.open(root / "lite.db")) as other:
            expected, found = (find(index, hashing, question, 8, scope) for index in (one, other))
        assert found == expected
        assert scope is None or all(scope.holds(hit.document) for hit in found.hits)

    def test_the_same_is_answered(self, root: Path, hashing: Embedder) -> None:
        settings = Settings(articles=root / "news", index=root / "local")
        one, other = (
            Chatbot.open(settings.replace(index=root / name), embedder=hashing) for name in ("local", "lite.db")
        )
        for question in [*QUESTIONS, "Timeline of Port Velm", "Which articles mention Osk?", "What is this about?"]:
            expected, answer = one.ask(question), other.ask(question)
            assert (answer.text, answer.state, answer.sentences) == (expected.text, expected.state, expected.sentences)

    def test_a_later_process_opens_it(self, root: Path, tmp_path: Path) -> None:
        """Milvus Lite forgets what was loaded when its process ends, and lets one process in at a time."""
        for name in ("write", "read"):
            program = """
import sys
from pathlib import Path
from rag.index.store import Index, open_folder
from rag.index.milvus import publish
if sys.argv[1] == "write":
    publish(open_folder(Path(sys.argv[2])), Path(sys.argv[3]))
print(len(Index.open(Path(sys.argv[3]))))
"""
            command = [sys.executable, "-c", program, name, str(root / "local"), str(tmp_path / "later.db")]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
            assert (done.returncode, done.stdout) == (0, f"{len(open_folder(root / 'local'))}\n"), done.stderr

    def test_verify_finds_nothing_wrong_and_then_what_is(self, root: Path, tmp_path: Path) -> None:
        with closing(open_folder(root / "local")) as local:
            publish(local, tmp_path / "checked.db")
        assert verify(tmp_path / "checked.db") == (len(local), [])
        with closing(Index.open(tmp_path / "checked.db")) as index:
            assert isinstance(index, InMilvus)
            milvus, name = index._milvus, index.name
            row = milvus.where(name, "row == 3", ["*"])[0]
            id_, start, end, text, places = json.loads(row["content"])
            wrong = json.dumps([id_, start, end, text[::-1], places])
            milvus.client.upsert(
                name, [{**row, "content": wrong, "outlet": 7, "vector": [0.5] * index.vectors.dimension}]
            )
        _, problems = verify(tmp_path / "checked.db")
        assert {line.split(":")[0] for line in problems} >= {"passage 3"}
        assert any("is not the article's" in line for line in problems)
        assert any("a filter lets" in line for line in problems)

    @pytest.mark.parametrize(
        ("owner", "name", "otherwise", "told"),
        [
            (MilvusIndex, "search", lambda found: found[1:], "searches by meaning find"),
            (MilvusIndex, "search_sparse", lambda found: found[1:], "searches by words find"),
            (
                MilvusIndex,
                "search_sparse",
                lambda found: [Neighbor(row, 1.1 * score) for row, score in found],
                "scores by words are off",
            ),
        ],
    )
    def test_verify_tells_what_an_engine_does_otherwise(
        self, root: Path, monkeypatch: pytest.MonkeyPatch, owner: type, name: str, otherwise: Any, told: str
    ) -> None:
        usual = getattr(owner, name)
        monkeypatch.setattr(owner, name, lambda self, *given, **named: otherwise(usual(self, *given, **named)))
        _, problems = verify(root / "lite.db")
        assert any(line.startswith(told) for line in problems)

    def test_an_engine_that_counts_less_is_not_opened(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        usual = Milvus.count
        monkeypatch.setattr(Milvus, "count", lambda self, name, where="": usual(self, name, where) - 1)
        with pytest.raises(IndexCorrupt, match="different numbers"):
            verify(root / "lite.db")


@given(
    scope=st.builds(
        Scope,
        outlets=st.lists(st.sampled_from(["A", "B", ""]), max_size=2).map(tuple),
        authors=st.lists(st.sampled_from(["X", "Y"]), max_size=2).map(tuple),
        documents=st.lists(st.sampled_from(["a.md", "b.md"]), max_size=2).map(tuple),
        published=st.tuples(*[st.sampled_from(["", "2030-12-31", "2031-03-01", "2031-03-31", "2032-01-01"])] * 2),
    ),
    header=st.builds(
        Header,
        id=st.sampled_from(["a.md", "b.md", "c.md"]),
        outlet=st.sampled_from(["A", "B", ""]),
        authors=st.lists(st.sampled_from(["X", "Y", "Z"]), max_size=3).map(tuple),
        published=st.sampled_from(["", "2030", "2031", "2031-03", "2031-03-01", "2031-03-15", "2031-04", "2032-01-01"]),
    ),
)
@hypothesis_settings(max_examples=500, deadline=None)
def test_filters_hold_what_a_scope_holds(scope: Scope, header: Header) -> None:
    numbers = {"a.md": 0, "b.md": 1, "c.md": 2}
    values = {**filters(header), "document": numbers[header.id]}
    values["array_contains_any"] = lambda found, wanted: not set(found).isdisjoint(wanted)
    # Python reads these conditions as Milvus does.
    held = all(eval(condition, {}, values) for condition in conditions(scope, numbers))
    assert held == scope.holds(header)


@given(outlet=st.text(max_size=20), author=st.text(max_size=20), document=st.text(max_size=20))
@hypothesis_settings(max_examples=100, deadline=None)
def test_no_text_stands_in_a_filter(outlet: str, author: str, document: str) -> None:
    written = " ".join(conditions(Scope((outlet,), (author,), (document,), ("2031-01-01", "2031-02-01")), {}))
    known = {"outlet", "in", "array_contains_any(authors,", "document", "closes", "opens", ">=", "<=", "and"}
    rest = [word.strip("[]()") for word in written.split() if word not in known]
    assert all(word.removeprefix("-").isdigit() for word in rest)


class TestPlaces:
    @pytest.mark.parametrize(
        ("text", "address"),
        [
            ("milvus://host:19530/news", Address("http://host:19530", "news")),
            ("milvus+tls://host:443/news?index=DISKANN", Address("https://host:443", "news", "DISKANN")),
            ("a/b.db", Address("a/b.db", "footnote")),
        ],
    )
    def test_addresses_are_read_as_they_are_written(self, text: str, address: Address) -> None:
        place = Settings.from_environment({"RAG_INDEX": text}).index
        assert is_address(place)
        assert Address.of(place) == address

    @pytest.mark.parametrize(
        "text", ["milvus://host", "milvus://host:1/a-b", "milvus://host:1/a?index=BEST", "milvus:/x"]
    )
    def test_others_are_refused(self, text: str) -> None:
        with pytest.raises(SettingsError, match="milvus://HOST:PORT/NAME"):
            Address.of(Path(text))

    def test_without_the_extra_it_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(rag.index.milvus, "find_spec", lambda name: None)
        with pytest.raises(MissingExtra, match=r"footnote-rag\[milvus\]"):
            Index.open(Path("milvus://127.0.0.1:1/news"))


class TestRefusals:
    def test_there_is_none_yet(self, root: Path, tmp_path: Path) -> None:
        with pytest.raises(IndexMissing, match="rag build"):
            Index.open(tmp_path / "empty.db")

    def test_another_model_or_dimension(self, root: Path) -> None:
        with closing(Index.open(root / "lite.db")) as index:
            with pytest.raises(IndexMismatch, match="rag build"):
                index.check_embedder(HashingEmbedder(64))
            other = HashingEmbedder(64)
            other.fingerprint = index.recipe.fingerprint
            with pytest.raises(IndexCorrupt):
                index.check_embedder(other)

    @pytest.mark.parametrize(("version", "error"), [(2, IndexTooNew), (0, IndexMismatch)])
    def test_another_format(
        self, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: int, error: type[IndexingError]
    ) -> None:
        with monkeypatch.context() as patch, closing(open_folder(root / "local")) as local:
            patch.setattr(rag.index.milvus, "MILVUS_FORMAT", version)
            publish(local, tmp_path / "other.db")
        with pytest.raises(error, match="rag build"):
            Index.open(tmp_path / "other.db")

    def test_the_index_of_other_articles_is_not_replaced(self, root: Path, tmp_path: Path, hashing: Embedder) -> None:
        write_articles(tmp_path / "other", {"a.txt": "A title\n\nThe port of Velm is shut."})
        build(Settings(articles=tmp_path / "other", index=tmp_path / "index"), hashing)
        with closing(open_folder(tmp_path / "index")) as local, pytest.raises(IndexOfAnother, match="--fresh"):
            publish(local, root / "lite.db")

    def test_nothing_new_writes_nothing(self, root: Path) -> None:
        with closing(open_folder(root / "local")) as local:
            assert not publish(local, root / "lite.db")


def changed(data: bytes, change: Any) -> bytes:
    """A record of JSON with something else in it."""
    found = json.loads(data)
    change(found)
    return json.dumps(found).encode()


def rows_of(*rows: int) -> Any:
    return lambda data: numpy.concatenate(([rows[0]], numpy.frombuffer(data, "<i8")[1:-1], [rows[1]])).tobytes()


class TestHostile:
    """Who can write to the server can write anything."""

    @pytest.mark.parametrize(
        ("number", "harm"),
        [
            (milvus._HEADERS, lambda data: changed(data, lambda found: found[0].__setitem__(1, 5))),
            (milvus._HEADERS, lambda data: changed(data, lambda found: found[0].__setitem__(3, [[]]))),
            (milvus._HEADERS, lambda data: changed(data, lambda found: found[0].__setitem__(0, found[1][0]))),
            (milvus._FIRST_ROWS, rows_of(-5, 64)),
            (milvus._FIRST_ROWS, rows_of(0, 10**15)),
            (
                milvus._FIRST_ROWS,
                lambda data: numpy.frombuffer(data, "<i8")[[0, 2, 1, *range(3, len(data) // 8)]].tobytes(),
            ),
            (milvus._MANIFEST, lambda data: changed(data, lambda found: found.update(size=float("inf")))),
            (milvus._MANIFEST, lambda data: changed(data, lambda found: found.update(averages="no"))),
        ],
    )
    def test_a_record_that_is_none_is_damage(
        self, root: Path, monkeypatch: pytest.MonkeyPatch, number: int, harm: Any
    ) -> None:
        read = Records.read
        monkeypatch.setattr(
            Records, "read", lambda self, each: harm(read(self, each)) if each == number else read(self, each)
        )
        with pytest.raises(IndexCorrupt, match="rag build"):
            Index.open(root / "lite.db")

    @pytest.mark.parametrize("name", ["../../elsewhere", "/elsewhere", "other", "x_g000001_0123abcd/../.."])
    def test_a_name_from_a_server_is_no_path(self, root: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        opened: list[str] = []
        monkeypatch.setattr(Milvus, "target", lambda self, alias: name)
        monkeypatch.setattr(rag.index.milvus, "InMilvus", lambda address, server, name: opened.append(name))
        with pytest.raises(IndexCorrupt, match="RAG_INDEX"):
            Index.open(root / "lite.db")
        assert not opened

    @pytest.mark.parametrize("content", ["1:x", "x", "-1:", 5, "2000000000000:eA==", "1:eNpLAAA="])
    def test_a_part_that_is_none_is_damage(self, content: Any) -> None:
        asked: list[int] = []

        class Server:
            def load(self, collection: str) -> None: ...

            def read(self, collection: str, rows: list[int], *_: Any) -> dict[int, Any]:
                asked.extend(rows)
                return {row: {"content": content} for row in rows}

        records = Records(Server(), "texts")  # type: ignore[arg-type]
        with pytest.raises(IndexCorrupt, match="rag build"):
            records.read(1)
        assert len(asked) <= milvus._MOST_PARTS

    @pytest.mark.parametrize(
        "found",
        [
            {"document": 0, "content": "[" * 100_000},
            {"document": 0, "content": '[5, 0, 1, "x", []]'},
            {"document": 9, "content": '["p", 0, 1, "x", []]'},
            {"document": 0, "content": '["p", 0, 1, 5, []]'},
            {"document": "0", "content": '["p", 0, 1, "x", []]'},
        ],
    )
    def test_a_passage_that_is_none_is_damage(self, found: dict[str, Any]) -> None:
        with pytest.raises(IndexCorrupt, match="rag build"):
            milvus._passage(found, [Header("a.md")])


class TestServer:
    def test_builds_move_the_alias_and_two_processes_read(
        self, server: Server, root: Path, tmp_path: Path, hashing: Embedder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Eight readers ask while the alias is moved and the old index dropped; no question fails."""
        monkeypatch.setattr(import_module("rag.index.build"), "default_index", lambda articles: tmp_path / "staged")
        monkeypatch.setattr(rag.index.milvus, "_LOOK_SECONDS", 0.05)
        monkeypatch.setattr(rag.index.milvus, "GRACE_SECONDS", 0.5)
        news = write_articles(tmp_path / "news", ARTICLES)
        settings = Settings(articles=news, index=server.place("news"))
        build(settings, hashing)
        readers = [Chatbot.open(settings, embedder=hashing) for _ in range(8)]
        ended = threading.Event()

        def ask(reader: Chatbot) -> int:
            asked = 0
            while not ended.is_set() or not asked:
                assert reader.retrieve(QUESTIONS[asked % len(QUESTIONS)])
                asked += 1
            return asked

        with ThreadPoolExecutor(8) as pool:
            asking = [pool.submit(ask, reader) for reader in readers]
            (news / "new.txt").write_text("A ferry to Ulm\n\nThe new ferry takes 404 passengers to Ulm.", "utf-8")
            try:
                build(settings, hashing)
            finally:
                ended.set()
            assert min(each.result() for each in asking) > 0
        time.sleep(0.1)
        for reader in readers:
            assert reader.retrieve("How many passengers does the ferry to Ulm take?", 1)[0].document.id == "new.txt"
        with closing(connect(Address.of(settings.index))) as milvus:
            assert len(milvus.collections()) == 2
        # Elsewhere, without the articles.
        program = """
import sys
from importlib import import_module
from pathlib import Path
from embeddings import open_embedder
from rag.chatbot import Chatbot
from rag.settings import Settings
settings = Settings(articles=Path("nowhere"), index=Path(sys.argv[1]))
print(Chatbot.open(settings, embedder=open_embedder("hashing")).ask(sys.argv[2]).text)
"""
        command = [sys.executable, "-c", program, str(settings.index), QUESTIONS[0]]
        two = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in "ab"]
        assert {each.communicate()[0].strip() for each in two} == {readers[0].ask(QUESTIONS[0]).text}

    def test_a_killed_build_leaves_the_alias_where_it_was(self, server: Server, root: Path) -> None:
        place = server.place("news")
        program = """
import os, signal, sys
from importlib import import_module
from pathlib import Path
from rag.index.store import open_folder
from rag.index.milvus import publish
def stop(progress):
    os.kill(os.getpid(), signal.SIGKILL)
publish(open_folder(Path(sys.argv[1])), Path(sys.argv[2]), stop, fresh=True)
"""
        with closing(open_folder(root / "local")) as local:
            publish(local, place)
            with closing(connect(Address.of(place))) as milvus:
                before = milvus.target("news")
            killed = subprocess.run(
                [sys.executable, "-c", program, str(local.path.parent), str(place)], cwd=ROOT, check=False
            )
            assert killed.returncode == -signal.SIGKILL
            with closing(connect(Address.of(place))) as milvus:
                assert milvus.target("news") == before
                assert len(milvus.collections()) == 4
            with closing(Index.open(place)) as index:
                assert len(index) == len(local)
            publish(local, place, fresh=True, grace=0)
        with closing(connect(Address.of(place))) as milvus:
            assert milvus.target("news") != before
            assert len(milvus.collections()) == 2

    def test_an_engine_that_dies_in_a_build_keeps_the_old_index(
        self, server: Server, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with closing(open_folder(root / "local")) as local:
            publish(local, server.place("news"))

            def stop(_: Progress) -> None:
                monkeypatch.setattr("embeddings.milvus_index._SECONDS", 0.1)
                server.stop()

            with pytest.raises(IndexUnreachable, match="RAG_INDEX"):
                publish(local, server.place("news"), stop, fresh=True)
            monkeypatch.undo()
            again = Server(tmp_path / "data")
            try:
                with closing(Index.open(again.place("news"))) as index:
                    assert len(index) == len(local)
                    assert index.passages(range(len(local))) == local.passages(range(len(local)))
            finally:
                again.stop()

    def test_an_engine_that_is_gone_is_told_and_a_local_index_answers(
        self, server: Server, root: Path, hashing: Embedder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("embeddings.milvus_index._SECONDS", 2.0)
        with closing(open_folder(root / "local")) as local:
            publish(local, server.place("news"))
        settings = Settings(articles=root / "news", index=server.place("news"))
        alone = Chatbot.open(settings, embedder=hashing)
        helped = Chatbot.open(settings.replace(fallback_index=str(root / "local")), embedder=hashing)
        expected = helped.ask(QUESTIONS[0])
        assert not expected.notice

        def stopped(self: InMilvus, rows: Any) -> Any:
            server.stop()
            return read(self, rows)

        read = InMilvus.passages
        with monkeypatch.context() as patch:
            patch.setattr(InMilvus, "passages", stopped)  # rows are found, and then nobody answers
            assert helped.ask(QUESTIONS[0]).text == expected.text
        with pytest.raises(IndexUnreachable, match="RAG_INDEX"):
            alone.ask(QUESTIONS[0])
        answer = helped.ask(QUESTIONS[0])
        assert answer.text == expected.text
        assert "Milvus does not answer" in answer.notice
        with pytest.raises(IndexUnreachable):
            Index.open(server.place("news"))


def test_a_key_stays_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "RAG_MILVUS_TOKEN", "test-key")
    assert "test-key" not in repr(Settings.from_environment())
