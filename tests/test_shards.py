"""Shards: built by plain processes, joined into what one build would have made."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from embeddings import Embedder, open_embedder
from news import ARTICLES, write_articles
from rag.errors import IndexingError, IndexMismatch, SettingsError
from rag.index.build import build
from rag.index.shards import build_shard, merge
from rag.index.store import Index, verify
from rag.settings import Settings

MANY = ARTICLES | {
    f"n{number}.txt": f"Report {number}\n\nThe mayor opened bridge {number} in Velm.\n" for number in range(40)
}
MANY |= {"broken.pdf": "no pdf", "picture.png": "no text"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Articles, three shards of them, and the index of one build."""
    root = tmp_path_factory.mktemp("shards")
    write_articles(root / "news", MANY)
    build(Settings(articles=root / "news", index=root / "single"), open_embedder("hashing"))
    for number in (1, 2, 3):
        settings = Settings(articles=root / "news", index=root / f"part{number}")
        build_shard(settings, f"{number}/3", open_embedder("hashing"))
    return root


def content(place: Path) -> list[Any]:
    """All that an index answers from: rows, texts, vectors and ranks."""
    with closing(Index.open(place)) as index:
        rows = range(len(index))
        found: list[Any] = index.passages(rows)
        found += index.vectors.fetch(rows).tolist()
        found += [index.document(header.id) for header in index.headers()]
        for question in ("tram", "plant lake water", "завод озеро", "bridge 7", "mayr"):
            found += index.keywords(index.terms(question), 50)
        return [*found, dict(sorted(index.files.items()))]


def test_a_merged_index_is_that_of_one_build(folder: Path, tmp_path: Path) -> None:
    settings = Settings(articles=folder / "news", index=tmp_path / "merged")
    changes = merge(settings, [folder / f"part{number}" for number in (3, 1, 2)], open_embedder("hashing"))
    assert changes.embedded == 0
    assert len(changes.added) == 43
    assert [each.id for each in changes.failed] == ["broken.pdf"]
    assert content(tmp_path / "merged") == content(folder / "single")
    assert verify(tmp_path / "merged")[1] == []


def test_shards_are_merged_into_an_engine(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("milvus_lite")
    monkeypatch.setattr(import_module("rag.index.build"), "default_index", lambda articles: tmp_path / "staged")
    settings = Settings(articles=folder / "news", index=tmp_path / "merged.db")
    merge(settings, [folder / f"part{number}" for number in (1, 2, 3)], open_embedder("hashing"))
    assert content(tmp_path / "merged.db") == content(folder / "single")


def test_shards_share_no_file(folder: Path) -> None:
    names = [
        {id_ for each in sorted((folder / f"part{n}").glob("[0-9]*")) for id_ in Index.open(each).files}
        for n in (1, 2, 3)
    ]
    assert sum(map(len, names)) == len(set.union(*names))
    assert all(names)


def test_a_killed_shard_goes_on(folder: Path, tmp_path: Path) -> None:
    program = f"""
import os, signal
from pathlib import Path
from embeddings import open_embedder
from rag.settings import Settings
from rag.index.shards import build_shard
root = Path({str(tmp_path)!r})
def stop(progress):
    if len(list(root.glob("part/[0-9][0-9]/CURRENT"))) == 5:
        os.kill(os.getpid(), signal.SIGKILL)
build_shard(Settings(articles=Path({str(folder / "news")!r}), index=root / "part"), "1/1", open_embedder("hashing"), stop)
"""
    killed = subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parent.parent, check=False)
    assert killed.returncode == -signal.SIGKILL
    settings = Settings(articles=folder / "news", index=tmp_path / "part")
    with pytest.raises(IndexingError, match="no finished shard.*--shard"):
        merge(settings.replace(index=tmp_path / "merged"), [tmp_path / "part"], open_embedder("hashing"))
    changes = build_shard(settings, "1/1", open_embedder("hashing"))
    assert changes.kept
    assert 0 < changes.embedded < changes.passages
    merge(settings.replace(index=tmp_path / "merged"), [tmp_path / "part"], open_embedder("hashing"))
    assert content(tmp_path / "merged") == content(folder / "single")


def test_parts_that_do_not_belong_together_are_refused(folder: Path, tmp_path: Path) -> None:
    settings = Settings(articles=folder / "news", index=tmp_path / "merged")
    one, two, three = (folder / f"part{number}" for number in (1, 2, 3))
    hashing = open_embedder("hashing")
    for parts, message in (
        ([one, two], r"\[3\] of 3 are missing"),
        ([one, two, three, one], "twice"),
        ([one, two, tmp_path], "no finished shard"),
    ):
        with pytest.raises(IndexingError, match=message):
            merge(settings, parts, hashing)
    with pytest.raises(IndexMismatch, match="--shard"):
        merge(settings.replace(passage_tokens=100), [one, two, three], hashing)
    copy = shutil.copytree(one, tmp_path / "copy")
    (copy / "SHARD").write_text(json.dumps({**json.loads((copy / "SHARD").read_text("utf-8")), "shard": 2}), "utf-8")
    with pytest.raises(IndexingError, match="in two parts"):
        merge(settings, [one, copy, three], hashing)
    assert not (tmp_path / "merged" / "CURRENT").exists()


@pytest.mark.parametrize("text", ["", "3", "0/2", "3/2", "a/b", "1/0", "-1/2"])
def test_what_is_no_shard_is_refused(text: str, settings: Settings, hashing: Embedder) -> None:
    with pytest.raises(SettingsError, match="--shard 2/8"):
        build_shard(settings, text, hashing)
