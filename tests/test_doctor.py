"""``rag doctor``: each thing that can be wrong is named with the command that mends it, and nothing is changed."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import socket
from collections import namedtuple
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from embeddings import Embedder
from rag import Settings, build
from rag.__main__ import cli
from rag.index.generations import open_generation


@pytest.fixture
def built(settings: Settings, hashing: Embedder) -> Settings:
    build(settings, hashing)
    return settings


def looked(settings: Settings, **environment: str) -> tuple[int, dict[str, list[dict[str, str]]]]:
    variables = {
        "RAG_EMBEDDER": "hashing",
        "RAG_ARTICLES": str(settings.articles),
        "RAG_INDEX": str(settings.index),
        "RAG_DATA": str(settings.index.parent / "data"),
        "RAG_CACHE": str(settings.index.parent),
        "RAG_PORT": str(free_port()),
        **environment,
    }
    done = CliRunner().invoke(cli, ["doctor", "--json"], env=variables)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    found: dict[str, list[dict[str, str]]] = {}
    for each in json.loads(done.stdout):
        found.setdefault(each["check"], []).append(each)
    return done.exit_code, found


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_a_sound_installation_is_called_sound(built: Settings) -> None:
    code, found = looked(built)
    states = {each["state"] for those in found.values() for each in those}
    assert (code, states) == (0, {"ok"}), found
    shown = CliRunner().invoke(cli, ["doctor"], env={"RAG_ARTICLES": str(built.articles), "RAG_EMBEDDER": "hashing"})
    assert "up to date" in found["index"][0]["text"]
    assert shown.stdout.startswith("ok    packages: Python")


def another_embedder(settings: Settings) -> dict[str, str]:
    return {"RAG_EMBEDDER": "minilm"}


def damaged(settings: Settings) -> dict[str, str]:
    path = open_generation(settings.index).path / "documents.sqlite"
    path.write_bytes(path.read_bytes()[:-1])
    return {}


def no_articles(settings: Settings) -> dict[str, str]:
    shutil.rmtree(settings.articles)
    return {}


@pytest.mark.parametrize(
    ("harm", "check", "text", "command"),
    [
        (another_embedder, "index", "it was built with hashing, RAG_EMBEDDER is all-MiniLM-L6-v2", "rag build"),
        (damaged, "index", "documents.sqlite of the index is damaged", "run: rag build"),
        (no_articles, "articles", "there is no folder", "export RAG_ARTICLES=FOLDER"),
        (lambda _: {"RAG_K": "many"}, "settings", "RAG_K must be a whole number", "set it to a number such as 8"),
        (lambda _: {"RAG_MODEL": "opnai:large"}, "model", "there is no service 'opnai'", "RAG_MODEL"),
        (
            lambda _: {"RAG_MODEL": f"http://127.0.0.1:{free_port()}/v1#x"},
            "model",
            "nobody answers at 127.0.0.1",
            "start",
        ),
        (
            lambda _: {"RAG_EMBEDDER": f"http://127.0.0.1:{free_port()}/v1#x"},
            "weights",
            "cannot be reached",
            "set RAG_EMBEDDER to another model",
        ),
        (lambda _: {"RAG_EMBEDDER": "/nowhere/model"}, "weights", "there is no folder", "export RAG_EMBEDDER=bundled"),
        (lambda _: {"RAG_HOST": "0.0.0.0"}, "page", "anyone in the network could read your articles", "RAG_HOST"),
        (lambda _: {"RAG_ACCOUNTS": "/nowhere/a.txt"}, "page", "no such file", "rag account add NAME --auth FILE"),
    ],
    ids=lambda each: getattr(each, "__name__", None) or str(each)[:20],
)
def test_what_is_wrong_is_named_with_what_mends_it(
    built: Settings, harm: Callable[[Settings], dict[str, str]], check: str, text: str, command: str
) -> None:
    code, found = looked(built, **harm(built))
    wrong = [each for each in found[check] if each["state"] == "wrong"]
    assert code == 1
    assert any(text in each["text"] and command in each["command"] for each in wrong), found[check]


def test_commands_can_be_pasted(built: Settings) -> None:
    """Also where a folder is named to do harm, or in bytes that are no text."""
    name = "my news; echo \udcff"
    code, found = looked(replace(built, articles=built.articles.rename(built.articles.with_name(name))))
    commands = [each["command"] for those in found.values() for each in those if "rag build" in each["command"]]
    assert code == 0
    assert [shlex.split(each)[-1] for each in commands] == [str(built.articles.with_name("my news; echo \ufffd"))]


def test_a_disk_that_is_nearly_full_is_named(built: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(12_000_000))
    code, found = looked(built)
    assert code == 1
    assert "12 MB are free where the index is kept" in found["disk"][0]["text"]


def test_what_is_no_fault_is_a_note(built: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A port that is taken, an extra that is missing, a folder that has changed, an index that is not there yet."""
    (built.articles / "new.txt").write_text("The harbour was closed on Monday.\n")
    monkeypatch.setattr("rag.doors.doctor.find_spec", lambda name: None if name == "gradio" else find_spec(name))
    with socket.create_server(("127.0.0.1", 0)) as server:
        code, found = looked(built, RAG_PORT=str(server.getsockname()[1]))
    assert code == 0
    texts = [each["text"] for those in found.values() for each in those if each["state"] == "note"]
    assert any("is taken" in each for each in texts)
    assert any("has changed" in each for each in texts)
    assert any("footnote-rag[ui]" in each["command"] for each in found["page"])
    shutil.rmtree(built.index)
    code, found = looked(built)
    assert (code, found["index"][0]["text"]) == (0, "there is none yet")


def test_nothing_is_changed(built: Settings) -> None:
    def content() -> dict[str, Any]:
        return {
            str(each): (each.stat().st_mtime_ns, each.stat().st_size)
            for folder in (built.articles, built.index)
            for each in folder.rglob("*")
            if each.is_file() and each.suffix != ".lock"  # the keywords' library makes one to read
        }

    before = content()
    looked(built)
    assert content() == before
    assert not (built.index.parent / "data").exists()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_cannot_be_read_is_named(built: Settings) -> None:
    Path(built.articles).chmod(0)
    try:
        code, found = looked(built)
    finally:
        Path(built.articles).chmod(0o755)
    assert code == 1
    assert "chmod" in found["articles"][0]["command"]
