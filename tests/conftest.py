"""What several tests share: a small folder of invented articles, and the embedders."""

from __future__ import annotations

import os

# Two processes test side by side on two cores; a torch that takes both in each is many times slower.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import atexit
import shutil
import tempfile

# What asks without naming an index (examples in docstrings, among others) would build ./index in both processes at once.
_index = tempfile.mkdtemp(prefix="footnote-tests-")
atexit.register(shutil.rmtree, _index, ignore_errors=True)
os.environ["RAG_INDEX"] = _index

from pathlib import Path

import pytest

from embeddings import Embedder, open_embedder
from news import ARTICLES, write_articles
from rag.settings import Settings


@pytest.fixture
def articles(tmp_path: Path) -> Path:
    return write_articles(tmp_path / "articles", ARTICLES)


@pytest.fixture
def settings(articles: Path, tmp_path: Path) -> Settings:
    return Settings(articles=articles, index=tmp_path / "index", embedder="hashing")


@pytest.fixture(scope="session")
def hashing() -> Embedder:
    return open_embedder("hashing")


@pytest.fixture(scope="session")
def bundled() -> Embedder:
    return open_embedder("bundled")
