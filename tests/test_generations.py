"""Generations: swapped whole, checked byte by byte, never lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.errors import IndexCorrupt, IndexLocked, IndexMissing, IndexTooNew, IndexUnwritable
from rag.index.generations import FORMAT, checked_files, new_generation, open_generation


def publish(folder: Path, text: str) -> Path:
    with new_generation(folder) as (path, make_current):
        (path / "sub").mkdir()
        (path / "sub" / "data").write_text(text)
        (path / "other").write_text("always")
        make_current({"what": text})
    return open_generation(folder).path


def tree(folder: Path) -> dict[str, bytes]:
    return {str(each.relative_to(folder)): each.read_bytes() for each in sorted(folder.rglob("*")) if each.is_file()}


def test_newest_generation_is_current_and_the_one_before_is_kept(tmp_path: Path) -> None:
    paths = [publish(tmp_path, text) for text in ("one", "two", "three")]
    assert open_generation(tmp_path).content["what"] == "three"
    assert [path.is_dir() for path in paths] == [False, True, True]


def test_no_index_yet(tmp_path: Path) -> None:
    with pytest.raises(IndexMissing, match="rag build"):
        open_generation(tmp_path / "nowhere")


def test_an_unpublished_generation_leaves_the_old_one(tmp_path: Path) -> None:
    publish(tmp_path, "old")
    before = tree(tmp_path)
    with pytest.raises(RuntimeError), new_generation(tmp_path) as (path, _):
        (path / "half").write_text("half")
        raise RuntimeError
    assert tree(tmp_path) == before


@pytest.mark.parametrize("name", ["sub/data", "other", "manifest.json"])
@pytest.mark.parametrize("harm", ["flip", "cut", "empty", "delete", "folder", "link"])
def test_every_damage_is_found_and_nothing_is_deleted(tmp_path: Path, name: str, harm: str) -> None:
    path = publish(tmp_path, "data")
    damage(path / name, harm)
    before = tree(path)
    with pytest.raises(IndexCorrupt, match="rag build"):
        open_generation(tmp_path)
    assert tree(path) == before


def damage(file: Path, harm: str) -> None:
    data = file.read_bytes()
    file.unlink()
    if harm == "flip":
        file.write_bytes(bytes([data[0] ^ 1]) + data[1:])
    elif harm == "cut":
        file.write_bytes(data[:-1])
    elif harm == "empty":
        file.touch()
    elif harm == "folder":
        file.mkdir()
    elif harm == "link":
        target = file.with_name("target-of-link")
        target.write_bytes(data + b" ")
        file.symlink_to(target)


@given(position=st.integers(0, 10_000), bit=st.integers(0, 7))
@settings(max_examples=60, deadline=None)
def test_any_flipped_bit_is_found(tmp_path_factory: pytest.TempPathFactory, position: int, bit: int) -> None:
    folder = tmp_path_factory.mktemp("index")
    path = publish(folder, "some data")
    files = [each for each in sorted(path.rglob("*")) if each.is_file()]
    file = files[position % len(files)]
    data = bytearray(file.read_bytes())
    data[position % len(data)] ^= 1 << bit
    file.write_bytes(bytes(data))
    with pytest.raises(IndexCorrupt):
        open_generation(folder)


def test_a_damaged_generation_falls_back_to_the_one_before_and_says_so(tmp_path: Path) -> None:
    publish(tmp_path, "old")
    newest = publish(tmp_path, "new")
    damage(newest / "other", "cut")
    opened = open_generation(tmp_path)
    assert opened.content["what"] == "old"
    assert "other of the index is damaged" in opened.notice


def test_a_damaged_generation_never_becomes_the_previous_one(tmp_path: Path) -> None:
    publish(tmp_path, "old")
    damage(publish(tmp_path, "bad") / "other", "cut")
    damage(publish(tmp_path, "new") / "other", "cut")
    assert open_generation(tmp_path).content["what"] == "old"


@pytest.mark.parametrize("line", ["", "gen-000001-00000000", "../../etc 00", "gen-000001-00000000 00 00", "\x00"])
def test_a_damaged_pointer_is_damage(tmp_path: Path, line: str) -> None:
    publish(tmp_path, "one")
    (tmp_path / "CURRENT").write_text(line)
    with pytest.raises(IndexCorrupt, match="CURRENT"):
        open_generation(tmp_path)


@pytest.mark.parametrize(
    ("version", "error"), [(FORMAT + 1, IndexTooNew), (-1, IndexCorrupt), ("1", IndexCorrupt), (None, IndexCorrupt)]
)
def test_other_format_versions(
    tmp_path: Path, version: Any, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.index.generations.FORMAT", version)
    with new_generation(tmp_path) as (_, make_current):
        make_current({})
    monkeypatch.undo()
    with pytest.raises(error):
        open_generation(tmp_path)


@pytest.mark.parametrize("line", [b"", b"\xff\xfe"])
def test_a_build_mends_pointers_that_are_both_damaged_and_removes_nothing(tmp_path: Path, line: bytes) -> None:
    paths = [publish(tmp_path, text) for text in ("one", "two")]
    for pointer in ("CURRENT", "PREVIOUS"):
        (tmp_path / pointer).write_bytes(line)
    assert publish(tmp_path, "three") not in paths
    assert all(path.is_dir() for path in paths)


@pytest.mark.skipif(os.name != "posix", reason="needs pipes")
def test_a_link_or_a_pipe_in_the_folder_leads_a_build_nowhere(tmp_path: Path) -> None:
    (victim := tmp_path / "victim").write_text("precious")
    (folder := tmp_path / "index").mkdir()
    (folder / "CURRENT.tmp").symlink_to(victim)
    publish(folder, "one")
    os.mkfifo(folder / "PREVIOUS.tmp")  # it would wait for a reader of its own
    publish(folder, "two")
    assert victim.read_text() == "precious"
    assert open_generation(folder).content["what"] == "two"


def test_two_builders_are_one_build_and_one_clear_message(tmp_path: Path) -> None:
    with new_generation(tmp_path), pytest.raises(IndexLocked, match="another build"), new_generation(tmp_path):
        pass
    publish(tmp_path, "after")
    assert open_generation(tmp_path).content["what"] == "after"


def test_a_killed_builder_frees_the_lock_and_leaves_the_old_generation(tmp_path: Path) -> None:
    publish(tmp_path, "old")
    program = (
        "import sys, os, signal; from pathlib import Path; from rag.index.generations import new_generation\n"
        "with new_generation(Path(sys.argv[1])) as (path, _):\n"
        "    (path / 'half').write_text('half'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False)
    assert done.returncode == -9
    assert open_generation(tmp_path).content["what"] == "old"
    assert list(tmp_path.glob("tmp-*"))
    publish(tmp_path, "new")
    assert open_generation(tmp_path).content["what"] == "new"
    assert not list(tmp_path.glob("tmp-*"))


def test_only_our_own_leftovers_are_removed(tmp_path: Path) -> None:
    for name in ("tmp-0badcafe", "tmp-mine", "notes"):
        (tmp_path / name).mkdir()
    publish(tmp_path, "one")
    assert sorted(each.name for each in tmp_path.iterdir() if each.name in ("tmp-0badcafe", "tmp-mine", "notes")) == [
        "notes",
        "tmp-mine",
    ]


def test_a_disk_that_refuses_is_told_with_its_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(IndexUnwritable, match="--index"), new_generation(tmp_path / "file"):
        pass
    publish(tmp_path, "old")
    with pytest.raises(IndexUnwritable, match="no space left"), new_generation(tmp_path):
        raise OSError(28, "No space left on device")
    assert open_generation(tmp_path).content["what"] == "old"


def test_checksums_equal_a_plain_reference(tmp_path: Path) -> None:
    import hashlib

    (tmp_path / "a").write_bytes(b"x" * 3_000_000)
    (tmp_path / "manifest.json").write_text(json.dumps({}))
    assert checked_files(tmp_path) == {"a": {"sha256": hashlib.sha256(b"x" * 3_000_000).hexdigest(), "size": 3_000_000}}
