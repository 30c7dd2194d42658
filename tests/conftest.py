"""What several tests share: a small folder of invented articles, and the embedders."""

from __future__ import annotations

import os
import tempfile

# Two processes test side by side on two cores; a torch that takes both in each is many times slower.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# What asks without naming an index (examples in docstrings, among others) would build ./index in both processes at once.
os.environ["RAG_INDEX"] = tempfile.mkdtemp(prefix="footnote-tests-")
os.environ["RAG_DATA"] = os.path.join(os.environ["RAG_INDEX"], "data")  # noqa: PTH118 - before anything is imported

import atexit
import shutil
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from embeddings import Embedder, open_embedder
from news import ARTICLES, write_articles
from rag.read import Worker
from rag.settings import Settings

atexit.register(shutil.rmtree, os.environ["RAG_INDEX"], ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def _one_worker() -> Iterator[None]:
    """Read the files of all builds in one process: starting one takes a third of a second."""
    with Worker() as worker, pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys.modules["rag.index.build"], "Worker", lambda: nullcontext(worker))
        yield


@pytest.fixture(autouse=True, scope="session")
def _nothing_cached() -> Iterator[None]:
    """Let tests compute what the user's cache folder may hold: embedders in tests have another's fingerprint."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("embeddings.cache.cached_arrays", lambda name, compute: compute())
        yield


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
