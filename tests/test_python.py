"""The library as Python programs meet it: names, signatures, settings, and the articles it comes with."""

from __future__ import annotations

import inspect
import pkgutil
from pathlib import Path
from typing import Any

import pytest

import rag
import rag.errors
from rag import ArticlesError, Chatbot, Settings, SettingsError
from rag.settings import EXAMPLES
from rag.web.shelf import Shelf

ROOT = Path(rag.__file__).parent.parent


def test_every_error_and_the_version_are_there() -> None:
    errors = {
        name
        for name, found in vars(rag.errors).items()
        if isinstance(found, type) and issubclass(found, rag.FootnoteError)
    }
    assert errors <= set(rag.__all__)
    assert f'version = "{rag.__version__}"' in (ROOT / "pyproject.toml").read_text("utf-8")
    with pytest.raises(AttributeError, match="has no attribute 'versions'"):
        rag.versions  # noqa: B018


def test_signatures_can_be_read() -> None:
    functions = [getattr(rag, name) for name in rag.__all__]
    methods = [each for name, each in inspect.getmembers(Chatbot, callable) if not name.startswith("_")]
    shown = {
        each.__qualname__: str(inspect.signature(each)) for each in (*filter(inspect.isfunction, functions), *methods)
    }
    assert {"ask", "build", "retrieve", "Chatbot.open", "Chatbot.refresh"} <= set(shown)
    assert {name for name, signature in shown.items() if "<function" in signature or "lambda" in signature} == set()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"k": "5"}, "RAG_K must be a whole number, not '5'"),
        ({"articles": 5}, "RAG_ARTICLES must be the path of a folder, not 5"),
        ({"embedder": None}, "RAG_EMBEDDER must be text, not None"),
    ],
)
def test_a_setting_of_another_kind_is_refused_at_once(given: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        Settings(**given)


def test_folders_are_paths_or_text() -> None:
    assert Settings(articles="x", index="y") == Settings(articles=Path("x"), index=Path("y"))  # type: ignore[arg-type]


def test_the_examples_answer_from_any_folder_and_take_no_articles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert Settings().articles == EXAMPLES
    assert (EXAMPLES / "questions.jsonl").exists()
    with pytest.raises(ArticlesError, match="take no articles of yours; start again with --articles"):
        Shelf(Settings().articles, 1000).check_writable()
    (tmp_path / "seeds").mkdir()
    assert Settings().articles == Path("seeds")
    Shelf(Settings().articles, 1000).check_writable()


def test_no_function_hides_a_room() -> None:
    """So that ``import rag.retrieval.find as find`` means what it says."""
    rooms = {room.name for room in pkgutil.iter_modules(rag.__path__)}
    assert rooms.isdisjoint(rag.__all__)
