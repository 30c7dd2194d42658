"""A folder is walked: every file is read, skipped or failed, and nothing outside is ever opened."""

from __future__ import annotations

import hashlib
import os
import socket
import stat
import unicodedata
from pathlib import Path

import pytest

from rag.errors import ArticlesError, RefusedFile
from rag.read import SourceFile, folder, read, scan

TEXT = "Storm closes the harbour\n\nThe harbour of Port Ennis was closed on Tuesday after a storm, the harbour master said.\n"

needs_posix = pytest.mark.skipif(os.name != "posix", reason="the file system has no such files")


def ids(files: list[SourceFile]) -> list[str]:
    return [file.id for file in files]


def reasons(found: list[object]) -> dict[str, str]:
    return {each.id: each.reason for each in found}  # type: ignore[attr-defined]


def test_every_file_stands_in_exactly_one_list(tmp_path: Path) -> None:
    for name in (
        "b.txt",
        "a.MD",
        "page.html",
        "sub/deep/c.text",
        "questions.jsonl",
        "more.jsonl",
        "paper.doc",
        "noend",
        ".hidden.txt",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(TEXT)
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "inside.txt").write_text(TEXT)
    (tmp_path / "large.txt").write_text(TEXT * 100)
    files, skipped, failed = scan(tmp_path, max_bytes=5000)
    assert ids(files) == ["a.MD", "b.txt", "page.html", "sub/deep/c.text"]
    assert reasons(skipped) == {
        ".git": "hidden",
        ".hidden.txt": "hidden",
        "noend": "unsupported format; save it as .txt or .pdf",
        "paper.doc": "unsupported format .doc; save it as .docx with LibreOffice or Word",
        "questions.jsonl": "no article: examples for the page and questions for rag eval",
        "more.jsonl": "unsupported format .jsonl; save it as .txt or .pdf",
    }
    assert reasons(failed) == {"large.txt": "larger than 0.005 MB; split it or raise RAG_MAX_FILE_MEGABYTES"}


def test_a_file_is_known_by_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(TEXT)
    (tmp_path / "b.txt").write_text(TEXT)
    files, _, _ = scan(tmp_path)
    assert [file.sha256 for file in files] == [hashlib.sha256(TEXT.encode()).hexdigest()] * 2
    assert [file.size for file in files] == [len(TEXT)] * 2
    assert read(files[0]).title == "Storm closes the harbour"


def test_an_id_is_in_nfc_whatever_the_disk_says(tmp_path: Path) -> None:
    (tmp_path / unicodedata.normalize("NFD", "élan.txt")).write_text(TEXT)
    files, _, failed = scan(tmp_path)
    assert ids(files) == ["élan.txt"]
    assert read(files[0]).id == "élan.txt"
    (tmp_path / unicodedata.normalize("NFC", "élan.txt")).write_text(TEXT + "More.")
    files, _, failed = scan(tmp_path)
    assert len(files) + len(failed) == 2  # where the disk tells the two apart, one of them fails
    assert "another file has the same name" in failed[0].reason


@needs_posix
def test_names_that_are_no_text(tmp_path: Path) -> None:
    for name in (b"new\nline.txt", b"esc\x1b[2J.txt", b"bytes\xff.txt", "bidi\u202etxt.txt".encode()):
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_text(TEXT)
    for name in ("<img src=x onerror=alert(1)>.md", "trailing .txt", "CON.txt", "x" * 251 + ".txt", "👩\u200d🌾.txt"):
        (tmp_path / name).write_text(TEXT)
    files, skipped, failed = scan(tmp_path)
    assert len(files) == 5
    assert skipped == []
    assert sorted(reasons(failed)) == [
        "bidi\\u202etxt.txt",
        "bytes\\udcff.txt",
        "esc\\u001b[2J.txt",
        "new\\u000aline.txt",
    ]
    assert all(each.reason.endswith("rename it") for each in failed)


@needs_posix
def test_links_are_never_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "canary.txt").write_text("canary canary canary")
    root = tmp_path / "articles"
    root.mkdir()
    (root / "file.txt").symlink_to(outside / "canary.txt")
    (root / "folder").symlink_to(outside)
    (root / "loop").symlink_to(root)
    (root / "broken.txt").symlink_to(root / "nowhere")
    files, skipped, failed = scan(root)
    assert (files, failed) == ([], [])
    assert reasons(skipped) == dict.fromkeys(
        ("broken.txt", "file.txt", "folder", "loop"), "a symbolic link; links are not followed"
    )


@needs_posix
def test_the_folder_itself_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.txt").write_text(TEXT)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    files, _, _ = scan(tmp_path / "link")
    assert read(files[0]).title == "Storm closes the harbour"


@needs_posix
def test_fifos_and_sockets_are_never_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    monkeypatch.chdir(tmp_path)  # a socket's path is short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.txt")
        _, skipped, failed = scan(tmp_path)
    assert failed == []
    assert reasons(skipped) == {"pipe.txt": "not a regular file", "socket.txt": "not a regular file"}


@needs_posix
@pytest.mark.parametrize("swap", ["file", "folder", "fifo"])
def test_a_swap_between_scan_and_open_does_not_lead_out(
    tmp_path: Path, swap: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.txt").write_text("canary canary canary")
    root = tmp_path / "articles"
    (root / "sub").mkdir(parents=True)
    target = root / "sub" / "a.txt"
    target.write_text(TEXT)
    looked = folder._open

    def swapped(base: Path, parts: tuple[str, ...]) -> int:
        """Between the look at the file and its opening, somebody puts something else in its place."""
        if swap == "folder":
            (root / "sub").rename(root / ".away")
            (root / "sub").symlink_to(outside)
        else:
            target.unlink()
            target.symlink_to(outside / "a.txt") if swap == "file" else os.mkfifo(target)
        return looked(base, parts)

    monkeypatch.setattr(folder, "_open", swapped)
    files, skipped, failed = scan(root)
    assert (files, skipped) == ([], [])
    assert [each.id for each in failed] == ["sub/a.txt"]
    assert str(tmp_path) not in failed[0].reason


@pytest.mark.parametrize("change", ["edited", "grown", "gone", "linked"])
def test_a_file_that_changed_after_the_scan_is_refused(tmp_path: Path, change: str) -> None:
    path = tmp_path / "a.txt"
    path.write_text(TEXT)
    (file,), _, _ = scan(tmp_path)
    if change == "edited":
        path.write_text(TEXT.replace("storm", "flood"))
    elif change == "grown":
        path.write_text(TEXT * 2)
    else:
        path.unlink()
        if change == "linked":
            other = tmp_path.parent / f"{tmp_path.name}-same.txt"
            other.write_text(TEXT)  # even where the link leads to the same bytes
            path.symlink_to(other)
    with pytest.raises(RefusedFile) as refused:
        read(file)
    assert str(tmp_path) not in str(refused.value)
    if change in ("edited", "grown"):
        assert "changed while it was read" in str(refused.value)


def test_a_file_that_cannot_be_read_fails_without_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.txt").write_text(TEXT)
    (tmp_path / "b.txt").write_text(TEXT)
    looked = folder._open

    def locked(root: Path, parts: tuple[str, ...]) -> int:
        if parts == ("a.txt",):
            raise PermissionError(13, "Permission denied", str(tmp_path / "a.txt"))
        return looked(root, parts)

    monkeypatch.setattr(folder, "_open", locked)
    files, _, failed = scan(tmp_path)
    assert ids(files) == ["b.txt"]
    assert reasons(failed) == {"a.txt": "cannot be read (permission denied)"}


def test_a_folder_that_cannot_be_listed_fails_and_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "locked").mkdir()
    (tmp_path / "b.txt").write_text(TEXT)
    listed = os.scandir

    def scandir(path: Path) -> object:
        if Path(path).name == "locked":
            raise PermissionError(13, "Permission denied")
        return listed(path)

    monkeypatch.setattr(os, "scandir", scandir)
    files, _, failed = scan(tmp_path)
    assert ids(files) == ["b.txt"]
    assert reasons(failed) == {"locked": "the folder cannot be listed; change its permissions"}


def test_no_folder_no_articles(tmp_path: Path) -> None:
    with pytest.raises(ArticlesError, match="does not exist; .*--articles"):
        scan(tmp_path / "nowhere")
    (tmp_path / "file").write_text("")
    with pytest.raises(ArticlesError, match="is not a folder; .*--articles"):
        scan(tmp_path / "file")
    assert scan(tmp_path) == ([], [folder.FileReason("file", "unsupported format; save it as .txt or .pdf")], [])


def test_the_scan_opens_nothing_but_regular_files(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(TEXT)
    descriptor = folder._open(tmp_path, ("a.txt",))
    try:
        assert stat.S_ISREG(os.fstat(descriptor).st_mode)
    finally:
        os.close(descriptor)
    if os.name == "posix":
        with pytest.raises(OSError, match="symbolic|directory"):
            (tmp_path / "l.txt").symlink_to(tmp_path / "a.txt")
            folder._open(tmp_path, ("l.txt",))


@pytest.mark.parametrize("first", ["NFC", "NFD"])
def test_two_files_of_one_name_in_two_unicode_forms_have_two_entries(tmp_path: Path, first: str) -> None:
    composed, apart = (unicodedata.normalize(form, "caf\u00e9.txt") for form in ("NFC", "NFD"))
    for name in (composed, apart) if first == "NFC" else (apart, composed):
        (tmp_path / name).write_text("The cafe has opened again.")
    if len(list(tmp_path.iterdir())) < 2:
        pytest.skip("this disk folds Unicode forms")
    files, _, failed = scan(tmp_path)
    assert ids(files) == [composed]
    assert [each.id for each in failed] == [apart]
    assert files[0].path.name == composed


def test_the_folder_of_a_saved_page_is_not_read(tmp_path: Path) -> None:
    for name in ("Storm.html", "Storm_files/ad.html", "tide.htm", "tide.files/x.txt", "my_files/a.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("The port is shut.")
    files, skipped, failed = scan(tmp_path)
    assert ids(files) == ["Storm.html", "my_files/a.txt", "tide.htm"]
    assert reasons(skipped) == {
        "Storm_files": "pictures and scripts of the saved page Storm.html",
        "tide.files": "pictures and scripts of the saved page tide.htm",
    }
    assert failed == []
