"""The terminal as a place to talk: pipes, conversations, widths, colours, dates and outlets as people write them."""

from __future__ import annotations

import fcntl
import json
import os
import re
import select
import stat
import struct
import subprocess
import sys
import termios
import time
from calendar import monthrange
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from fault_server import FaultServer, stream, text
from news import ARTICLES, write_articles
from rag.__main__ import cli, main
from rag.doors import printing
from rag.doors.options import Setting, read_day
from rag.doors.printing import fitted
from rag.doors.talking import OWNER
from rag.errors import AccountsError, QuestionError
from rag.settings import Settings
from rag.web.accounts import check_name
from rag.web.conversations import Conversations

LENGTH = "How long will the tram line be?"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_articles(tmp_path / "news", ARTICLES)
    names = {"ARTICLES": "news", "INDEX": "index", "DATA": "data", "EMBEDDER": "hashing"}
    for name, value in names.items():
        monkeypatch.setenv(f"RAG_{name}", value)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def rag(*arguments: str, **more: object) -> Result:
    return CliRunner().invoke(cli, arguments, **more)  # type: ignore[arg-type]


class Terminal:
    """A running command and the terminal it runs in, of 50 columns and 20 lines."""

    def __init__(self, master: int, process: subprocess.Popen[bytes]) -> None:
        self.master, self.process, self.shown = master, process, ""

    def type(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def read_until(self, wanted: str, seconds: float = 60) -> str:
        """Return what was shown since the last call, up to ``wanted``."""
        until = time.monotonic() + seconds
        while wanted not in self.shown:
            assert time.monotonic() < until, f"{wanted!r} is not in {self.shown!r}"
            if select.select([self.master], [], [], 0.2)[0]:
                self.shown += os.read(self.master, 65536).decode("utf-8", "replace")
        before, found, self.shown = self.shown.partition(wanted)
        return before + found


@contextmanager
def terminal(*arguments: str) -> Iterator[Terminal]:
    """Run ``rag`` with a terminal of its own, so that Ctrl-C reaches it."""
    program = "import fcntl, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); from rag.__main__ import main; main()"
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 20, 50, 0, 0))
    known = {"PYTHONPATH": str(Path(__file__).parent.parent), "TERM": "xterm", "PYTHONUTF8": "1"}
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    process = subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env={**environment, **known},
        start_new_session=True,
    )
    os.close(slave)
    try:
        yield Terminal(master, process)
    finally:
        process.kill()
        process.wait()
        os.close(master)


def plain(shown: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown).replace("\r", "")


def test_a_talk_has_sources_earlier_questions_and_an_end(folder: Path) -> None:
    with terminal("ask") as talk:
        assert "3 articles" in talk.read_until("> ")
        talk.type(f"{LENGTH}\r")
        talk.read_until(LENGTH)
        answer = plain(talk.read_until("characters") + talk.read_until("> "))
        assert "The line will be 14 kilometres long" in answer
        assert "[1] Harbour town votes for a tram" in answer
        assert max(map(len, answer.split("\n"))) <= 50
        talk.type("\x1b[A\r")  # arrow up brings the question back
        assert LENGTH in plain(talk.read_until("characters"))
        talk.read_until("> ")
        talk.type("\x04")
        assert talk.process.wait(20) == 0
    assert len(kept_turns(folder)) == 2


def test_help_and_exit_are_no_questions(folder: Path) -> None:
    with terminal("talk") as talk:
        talk.read_until("> ")
        talk.type("/help\r")
        talk.read_until("help")
        assert (
            plain(talk.read_until("> ")).strip() == "Ask about 3 articles. Ctrl-C stops an answer, Ctrl-D leaves.\n\n>"
        )
        talk.type("exit\r")
        assert talk.process.wait(20) == 0


def test_control_c_stops_an_answer_and_the_talk_goes_on(folder: Path) -> None:
    slow = stream(text("The line will be 14 kilometres long. "), 60.0)
    with FaultServer(slow) as server, terminal("talk", "--model", f"{server.url}#small") as talk:
        talk.read_until("> ")
        talk.type(f"{LENGTH}\r")
        talk.read_until("14 kilometres")
        talk.type("\x03")
        talk.read_until("Stopped.")
        talk.read_until("> ")
        talk.type("\x04")
        assert talk.process.wait(20) == 0
        assert server.requests[0].gone.wait(5)
    assert [each.status for each in kept_turns(folder)] == ["stopped"]


def kept_turns(folder: Path) -> tuple[object, ...]:
    kept = Conversations(folder / "data")
    (summary,) = kept.listed(OWNER).summaries
    return kept.open(OWNER, summary.id).turns


def test_a_question_comes_from_a_pipe(folder: Path) -> None:
    done = rag("ask", input=f"{LENGTH}\n")
    assert (done.exit_code, "14 kilometres" in done.stdout) == (0, True)
    for nothing in ("", " \n", "x" * 200_000):
        assert isinstance(rag("ask", input=nothing).exception, QuestionError)
    assert rag("ask", input=b"\xff\xfe?").exit_code == 3  # type: ignore[arg-type]


def test_ask_continues_the_last_conversation_of_this_user_alone(folder: Path) -> None:
    first = rag("ask", "-c", LENGTH)
    assert (first.exit_code, "there is no conversation" in str(first.exception)) == (1, True)
    rag("ask", LENGTH)
    followed = json.loads(rag("ask", "-c", "And who said that?", "--json").stdout)
    assert "tram line" in followed["searched"]
    assert len(kept_turns(folder)) == 2
    rag("ask", "Who is the mayor?")  # begins a new one in its place
    assert [each.question for each in kept_turns(folder)] == ["Who is the mayor?"]  # type: ignore[attr-defined]
    for path, mode in ((folder / "data", 0o700), (folder / "data" / "footnote.sqlite", 0o600)):
        assert stat.S_IMODE(path.stat().st_mode) == mode
    with pytest.raises(AccountsError):
        check_name(OWNER)


def test_nothing_is_kept_where_conversations_are_off_or_the_disk_refuses(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("RAG_CONVERSATIONS", "off")
        assert rag("ask", LENGTH).exit_code == 0
        assert "RAG_CONVERSATIONS" in str(rag("ask", "-c", LENGTH).exception)
        assert not (folder / "data").exists()
    (folder / "data").write_text("a file in the way")
    done = rag("ask", LENGTH)
    assert (done.exit_code, "14 kilometres" in done.stdout, "is not kept" in done.stderr) == (0, True, True)


def test_colour_is_for_terminals_that_want_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draft = ("check", "-")
    assert "\x1b[" in rag(*draft, input="The tram line will be 90 kilometres long.", color=True).stdout
    assert "\x1b[" not in rag(*draft, input="The tram line will be 90 kilometres long.").stdout
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in rag(*draft, input="The tram line will be 90 kilometres long.", color=True).stdout


@given(st.text("abc -\n", max_size=200), st.integers(0, 6), st.integers(20, 60))
def test_text_fits_the_terminal_and_is_whole_in_a_pipe(words: str, indent: int, width: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(printing.sys, "stdout", type("Tty", (), {"isatty": lambda self: True})())  # type: ignore[attr-defined]
        patch.setattr(printing.shutil, "get_terminal_size", lambda: os.terminal_size((width, 24)))  # type: ignore[attr-defined]
        shown = fitted(words, indent, 2)
    assert max(map(len, shown.split("\n"))) <= width
    assert "".join(shown.split()) == "".join(words.split())
    assert fitted(words, indent) == "\n".join(" " * indent + line for line in words.split("\n"))


def day(option: str, value: str) -> str | None:
    return read_day(click.Context(cli), click.Option([f"--{option}"]), value)


@given(st.dates(date(1900, 1, 1), date(2099, 12, 31)))
def test_years_months_and_days_are_read_as_their_first_and_last_day(given_day: date) -> None:
    year, month = given_day.year, given_day.month
    for value, first, last in (
        (f"{year}", date(year, 1, 1), date(year, 12, 31)),
        (f"{year}-{month:02}", date(year, month, 1), date(year, month, monthrange(year, month)[1])),
        (given_day.isoformat(), given_day, given_day),
    ):
        assert (day("since", value), day("until", value)) == (first.isoformat(), last.isoformat())


def test_words_are_read_as_dates_and_anything_else_is_refused() -> None:
    yesterday = date.today() - timedelta(days=1)
    assert {day("since", each) for each in ("yesterday", " Yesterday ", "вчера")} == {yesterday.isoformat()}
    assert day("until", "today") == date.today().isoformat()
    assert (day("since", "November 2023"), day("until", "November 2023")) == ("2023-11-01", "2023-11-30")
    for wrong in ("soon", "", "2023-13", "2023-02-30", "99", "since 2023", "2023 and more"):
        with pytest.raises(click.BadParameter, match="is no date; write"):
            day("since", wrong)


def test_an_unknown_outlet_suggests_the_nearest(folder: Path) -> None:
    found = json.loads(rag("search", "tram", "--outlet", "harbour courier", "--json").stdout)
    assert {hit["document"]["outlet"] for hit in found} == {"Harbour Courier"}
    for command in (("ask", LENGTH), ("search", "tram"), ("timeline", "tram")):
        wrong = rag(*command, "--outlet", "Harbor Courier")
        assert (wrong.exit_code, "did you mean 'Harbour Courier'?" in wrong.stderr) == (64, True)
    far = rag("search", "tram", "--outlet", "Zyx")
    assert (far.exit_code, "did you mean" in far.stderr, "rag status" in far.stderr) == (64, False, True)


def test_a_name_narrows_to_the_articles_that_mention_it(folder: Path) -> None:
    found = json.loads(rag("search", "tram", "--name", "Jon Brask", "--name", "Ilse Kramer", "--json").stdout)
    assert {hit["document"]["id"] for hit in found} == {"harbour.md", "plant.txt"}
    assert "narrowed to: Jon Brask" in rag("search", "tram", "--name", "Jon Brask", "--explain").stdout
    wrong = rag("ask", LENGTH, "--name", "Zyx")
    assert "no article mentions 'Zyx'" in str(wrong.exception)


def test_one_of_a_thing_is_not_several(folder: Path) -> None:
    for name in ("plant.txt", "ru/ozero.txt"):
        (folder / "news" / name).unlink()
    assert rag("build").stdout == "1 article, 1 passage (1 embedded): 1 added\n"
    assert rag("status").stdout.startswith("1 article, 1 passage, up to date")
    assert rag("verify").stdout == "1 passage checked, 0 problems\n"


def commands(command: click.Command, *names: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield names, command
    for name, each in getattr(command, "commands", {}).items():
        yield from commands(each, *names, name)


def test_each_help_has_an_example_and_names_its_settings() -> None:
    for names, command in commands(cli):
        shown = " ".join(rag(*names, "--help").stdout.split())
        assert re.search(rf"Example: .*\brag {' '.join(names)}", shown), names
        assert " object at 0x" not in shown, names
        for each in command.params:
            if isinstance(each, Setting):
                name = each.get_help_extra(click.Context(command))["envvars"][0]
                assert name.removeprefix("RAG_").lower() in Settings.__dataclass_fields__
                assert f"env var: {name}" in shown


def test_paths_are_named_as_they_were_given(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (
        ("build", "--articles", "no/such/folder"),
        ("eval", "no/such/questions.jsonl"),
        ("add", "--file", "no/such/list.txt"),
        ("check", "no/such/draft.txt"),
        ("feedback", "no/such/file.jsonl"),
    ):
        with pytest.raises(SystemExit):
            main(arguments)
        assert arguments[-1] in capsys.readouterr().err


def test_the_version_is_told() -> None:
    assert re.fullmatch(r"rag, version \d+\.\d+\.\d+\S*\n", rag("--version").stdout)
