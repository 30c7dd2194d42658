"""Conversations on the server's disk: kept, found again, and nobody else's."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from rag.errors import ConversationMissing, StoreCorrupt, StoreError, StoreTooNew, StoreUnwritable
from rag.export.conversation import MAX_TITLE, Conversation, Turn, begin, title_of
from rag.text.one_line import folded, one_line, shortened
from rag.types import Answer
from rag.web.conversations import Conversations, Kept, Listed, Summary
from rag.web.database import FILE
from talks import HOSTILE, TALK, conversations

START = datetime(2031, 3, 4, 12, tzinfo=timezone.utc)


def ticking() -> Iterator[datetime]:
    return (START + timedelta(seconds=second) for second in count())


@pytest.fixture
def kept(tmp_path: Path) -> Conversations:
    return Conversations(tmp_path / "data", ticking().__next__)


def talk(*questions: str, answer: str = "") -> Conversation:
    return tuple(
        Turn(number, each, "done", Answer(each, text=answer)) for number, each in enumerate(questions, start=1)
    )


def titles(listed: Listed) -> list[str]:
    return [each.title for each in listed.summaries]


class TestKeeping:
    @given(conversations)
    @settings(max_examples=15, deadline=None)
    def test_every_conversation_comes_back_as_it_was_also_after_a_restart(self, turns: Conversation) -> None:
        with TemporaryDirectory() as folder:
            id = Conversations(Path(folder)).save("ada", turns)
            assert Conversations(Path(folder)).open("ada", id).turns == turns

    def test_the_newest_state_wins(self, kept: Conversations) -> None:
        id = kept.save("", TALK)
        asked_again = (TALK[0], replace(TALK[1], question="Who built it?"))
        for state in (asked_again, asked_again[:1], (*asked_again[:1], *talk("", "Why?")[1:]), talk("Another?")):
            assert kept.save("", state, id) == id
            assert kept.open("", id).turns == state
        assert kept.listed("").total == 1

    def test_what_has_left_the_page_stays(self, kept: Conversations) -> None:
        everything = talk(*(f"Question {number}?" for number in range(1, 61)))
        id = kept.save("", everything[:50])
        kept.save("", everything[9:59], id)
        kept.save("", everything[10:], id)
        assert kept.open("", id).turns == everything
        assert kept.open("", id).title == "Question 1?"
        kept.save("", everything[10:30], id)
        assert kept.open("", id).turns == everything[:30]

    def test_only_what_changed_is_written(self, kept: Conversations, tmp_path: Path) -> None:
        turns = talk("One?", "Two?", "Three?")
        id = kept.save("", turns)
        with closing(sqlite3.connect(tmp_path / "data" / FILE)) as database:
            database.execute("CREATE TABLE written (number INTEGER)")
            for change in ("INSERT", "UPDATE"):
                database.execute(
                    f"CREATE TRIGGER {change}ed AFTER {change} ON turns BEGIN INSERT INTO written VALUES (new.number); END"
                )
            kept.save("", begin(turns, "Four?"), id)
            kept.save("", (*turns[:2], replace(turns[2], note="changed")), id)
            assert database.execute("SELECT number FROM written").fetchall() == [(4,), (3,)]

    def test_an_empty_conversation_is_none(self, kept: Conversations) -> None:
        assert kept.save("", ()) == ""
        id = kept.save("", TALK)
        assert kept.save("", (), id) == ""
        assert kept.listed("") == Listed((), 0)

    def test_what_was_deleted_is_not_brought_back(self, kept: Conversations) -> None:
        id = kept.save("", TALK)
        kept.delete("", id)
        with pytest.raises(ConversationMissing, match="begin a new one"):
            kept.save("", TALK, id)
        assert kept.listed("").total == 0

    def test_what_was_being_answered_is_stopped(self, kept: Conversations) -> None:
        turns = (*TALK, Turn(3, "Why?", "answering", TALK[0].answer, note="The model is loading."))
        opened = kept.open("", kept.save("", turns))
        assert opened.turns == (*TALK, Turn(3, "Why?", "stopped", TALK[0].answer))

    def test_ids_cannot_be_guessed(self, kept: Conversations) -> None:
        ids = {kept.save("", TALK) for _ in range(20)}
        assert len(ids) == 20
        assert all(len(id) == 22 and id.replace("-", "").replace("_", "").isalnum() for id in ids)

    def test_what_is_no_id_is_missing(self, kept: Conversations) -> None:
        kept.save("", TALK)
        for id in ("", "x", "../x", "' OR 1=1 --", "\x00", "\ud800", "ж", None, 1, [], {}, b"x"):
            for call in (kept.open, kept.delete, lambda owner, id: kept.rename(owner, id, "x")):
                with pytest.raises(ConversationMissing):
                    call("", id)
        assert kept.listed("").total == 1


class TestList:
    def test_newest_first(self, kept: Conversations) -> None:
        ids = [kept.save("", talk(f"Question {number}?", "More?")) for number in range(5)]
        kept.save("", talk("Question 1?", "More?", "Again?"), ids[1])
        listed = kept.listed("")
        assert [each.id for each in listed.summaries] == [ids[number] for number in (1, 4, 3, 2, 0)]
        assert listed.total == 5
        assert listed.summaries[0] == Summary(ids[1], "Question 1?", "2031-03-04T12:00:05.000000+00:00", 3)

    def test_a_title_is_the_first_question_until_it_is_given(self, kept: Conversations) -> None:
        id = kept.save("", talk("Who\nvoted?", "Why?"))
        assert kept.open("", id).title == "Who voted?"
        kept.save("", talk("Who paid?"), id)
        assert titles(kept.listed("")) == ["Who paid?"]
        assert kept.rename("", id, "  The\u202e vote ") == "The vote"
        kept.save("", talk("Who won?"), id)
        assert titles(kept.listed("")) == ["The vote"]
        assert kept.rename("", id, " ") == "Who won?"
        kept.save("", talk("Who lost?"), id)
        assert kept.open("", id).title == "Who lost?"

    def test_a_title_is_one_short_line(self, kept: Conversations) -> None:
        id = kept.save("", talk("Who?"))
        for title in (*HOSTILE, None, 7, [], "long " * 500):
            given = kept.rename("", id, title)
            assert given == ((shortened(title, MAX_TITLE) if isinstance(title, str) else "") or "Who?")
            assert kept.open("", id).title == given == one_line(given)
            assert 0 < len(given) <= MAX_TITLE

    def test_naming_does_not_make_it_newer(self, kept: Conversations) -> None:
        first, second = kept.save("", talk("First?")), kept.save("", talk("Second?"))
        kept.rename("", first, "Named")
        assert [each.id for each in kept.listed("").summaries] == [second, first]

    def test_a_long_question_is_shortened(self) -> None:
        title = title_of(talk("How many people " * 20))
        assert len(title) <= 71
        assert title == "How many people " * 4 + "How…"


class TestSearch:
    @pytest.fixture
    def searched(self, kept: Conversations) -> Conversations:
        kept.save("", talk("Сколько ёлок в Café Zürich?", answer="Их было 100% много."))
        kept.save("", talk("How long is the tram line?", "Who paid?", answer="The state_fund of Ångström."))
        kept.rename("", kept.save("", talk("Why?")), "Straße notes")
        return kept

    def test_titles_questions_and_answers_without_case_and_accents(self, searched: Conversations) -> None:
        yolki, tram, notes = "Сколько ёлок в Café Zürich?", "How long is the tram line?", "Straße notes"
        for search, found in (
            ("ЕЛОК", [yolki]),
            ("ёлок cafe", [yolki]),
            ("ZURICH много", [yolki]),
            ("0%", [yolki]),
            ("%", [yolki]),
            ("tram paid angstrom", [tram]),
            ("e_f", [tram]),
            ("_", [tram]),
            ("STRASSE", [notes]),
            ("tram ёлок", []),
            ("*", []),
            ("", [notes, tram, yolki]),
        ):
            assert titles(searched.listed("", search)) == found, search
            assert searched.listed("", search).total == len(found)

    def test_what_was_changed_or_deleted_is_no_longer_found(self, searched: Conversations) -> None:
        ((tram,),) = [[each.id for each in searched.listed("", "tram").summaries]]
        searched.save("", talk("How long is the bus line?"), tram)
        assert searched.listed("", "tram").total == searched.listed("", "angstrom").total == 0
        searched.delete("", tram)
        assert searched.listed("", "bus").total == 0

    def test_no_search_crashes_and_each_finds_what_a_plain_one_finds(self, kept: Conversations) -> None:
        texts = [one_line(each) for each in HOSTILE if one_line(each)]
        for each in texts:
            kept.save("", talk(each))

        @given(
            st.one_of(
                st.text(max_size=20),
                st.sampled_from(HOSTILE),
                st.sampled_from(('" OR *', "NEAR(", "a AND", "'", "%_\\")),
            )
        )
        @settings(max_examples=100, deadline=None)
        def check(search: str) -> None:
            words = folded(search).split()[:16]
            expected = sum(
                all(word in folded(text) or word in folded(shortened(text, 70)) for word in words) for text in texts
            )
            assert kept.listed("", search).total == expected

        check()
        for search in (None, 1, [], b"x"):
            assert kept.listed("", search).total == len(texts)


class Owners(RuleBasedStateMachine):
    """Whatever owners do, each has exactly what they kept, and cannot reach what is another's."""

    owners = st.sampled_from(("", "ada", "Ada", "ada ", "%", "' OR ''='", "ж"))

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.kept = Conversations(Path(self.folder.name))
        self.expected: dict[str, tuple[str, Conversation]] = {}

    def teardown(self) -> None:
        self.folder.cleanup()

    @rule(owner=owners, question=st.sampled_from(("Who?", "Why?")))
    def keep(self, owner: str, question: str) -> None:
        turns = talk(f"{question} secret-of-{owner}")
        self.expected[self.kept.save(owner, turns)] = (owner, turns)

    @rule(owner=owners, data=st.data())
    def reach(self, owner: str, data: st.DataObject) -> None:
        if not self.expected:
            return
        id = data.draw(st.sampled_from(sorted(self.expected)))
        whose, turns = self.expected[id]
        changed = (*turns, Turn(2, f"More of secret-of-{owner}?", "done"))
        action = data.draw(st.sampled_from(("open", "rename", "save", "empty", "delete")))
        if whose != owner:
            calls = {
                "open": lambda: self.kept.open(owner, id),
                "rename": lambda: self.kept.rename(owner, id, "Stolen"),
                "save": lambda: self.kept.save(owner, changed, id),
                "empty": lambda: self.kept.save(owner, (), id),
                "delete": lambda: self.kept.delete(owner, id),
            }
            with pytest.raises(ConversationMissing):
                calls[action]()
        elif action == "save":
            self.kept.save(owner, changed, id)
            self.expected[id] = (owner, changed)
        elif action in ("empty", "delete"):
            self.kept.save(owner, (), id) if action == "empty" else self.kept.delete(owner, id)
            del self.expected[id]

    @rule(owner=owners)
    def delete_all(self, owner: str) -> None:
        mine = [id for id, (whose, _) in self.expected.items() if whose == owner]
        assert self.kept.delete_all(owner) == len(mine)
        for id in mine:
            del self.expected[id]

    @invariant()
    def everyone_has_their_own(self) -> None:
        for owner in ("", "ada", "Ada", "ada ", "%", "' OR ''='", "ж"):
            mine = {id: turns for id, (whose, turns) in self.expected.items() if whose == owner}
            for search in ("", "secret"):
                listed = self.kept.listed(owner, search)
                assert {each.id for each in listed.summaries} == mine.keys()
                assert listed.total == len(mine)
            assert {id: self.kept.open(owner, id).turns for id in mine} == mine


TestOwners = Owners.TestCase
TestOwners.settings = settings(max_examples=6, stateful_step_count=10, deadline=None)


@pytest.mark.parametrize("owner", [None, 1, b"", "\ud800", ()])
def test_what_is_no_name_is_not_taken_for_nobody(kept: Conversations, owner: object) -> None:
    kept.save("", TALK)
    calls = (kept.listed, kept.delete_all, lambda owner: kept.save(owner, TALK), lambda owner: kept.open(owner, "x"))
    for call in calls:
        with pytest.raises(StoreError, match="sign in"):
            call(owner)  # type: ignore[operator]
    assert kept.listed("").total == 1


class TestDisk:
    def test_only_the_server_reads_it(self, kept: Conversations, tmp_path: Path) -> None:
        before = os.umask(0)
        try:
            kept.save("", TALK)
            with closing(sqlite3.connect(tmp_path / "data" / FILE)) as reader:  # so that the journal is still there
                reader.execute("SELECT * FROM turns").fetchone()
                kept.save("", TALK)
                modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in (tmp_path / "data").iterdir()}
        finally:
            os.umask(before)
        assert modes == {FILE: 0o600, f"{FILE}-wal": 0o600, f"{FILE}-shm": 0o600}
        assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700

    def test_what_is_deleted_is_overwritten(self, kept: Conversations, tmp_path: Path) -> None:
        secret, other = "Zyxwvut?", kept.save("", talk("Other?"))
        kept.delete("", kept.save("", talk(secret, answer=secret)))
        kept.save("ada", talk(secret, answer=secret))
        assert b"Zyxwvut" in b"".join(each.read_bytes() for each in (tmp_path / "data").iterdir())
        kept.delete_all("ada")
        assert b"xwvut" not in b"".join(each.read_bytes().lower() for each in (tmp_path / "data").iterdir())
        assert kept.open("", other).title == "Other?"

    def test_fifty_askers_at_once(self, tmp_path: Path) -> None:
        stores = [Conversations(tmp_path), Conversations(tmp_path)]  # begun by fifty threads, two of them first

        def ask(number: int) -> Kept:
            store, owner = stores[number % 2], f"user {number % 5}"
            id = store.save(owner, talk(f"Question {number}?"))
            store.save(owner, talk(f"Question {number}?", "More?"), id)
            assert store.listed(owner, f"question {number}?").total >= 1
            return store.open(owner, id)

        with ThreadPoolExecutor(50) as pool:
            answers = list(pool.map(ask, range(50)))
        for number, answer in enumerate(answers):
            assert [turn.question for turn in answer.turns] == [f"Question {number}?", "More?"]
        assert [stores[0].listed(f"user {number}").total for number in range(5)] == [10] * 5

    def test_two_who_save_the_same_at_once_leave_one_of_both(self, kept: Conversations) -> None:
        id = kept.save("", TALK)
        states = [talk(*(f"{name}{number}?" for number in range(size))) for name, size in (("a", 2), ("b", 5))]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda number: kept.save("", states[number % 2], id), range(24)))
        assert kept.open("", id).turns in states

    @pytest.mark.skipif(sys.platform == "win32", reason="there is no such signal")
    def test_a_killed_server_loses_nothing_that_was_saved(self, tmp_path: Path) -> None:
        program = """if True:
            import sys
            from pathlib import Path
            from rag.export.conversation import Turn
            from rag.web.conversations import Conversations
            kept = Conversations(Path(sys.argv[1]))
            turns = ()
            id = ""
            for number in range(1, 1000):
                turns = (*turns, Turn(number, f"Question {number}?", "done"))[-5:]
                id = kept.save("", turns, id)
                print(number, id, flush=True)"""
        server = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        assert server.stdout is not None
        with server, closing(server.stdout):
            lines = [server.stdout.readline().split() for _ in range(20)]
            server.send_signal(signal.SIGKILL)
        number, id = lines[-1]
        opened = Conversations(tmp_path).open("", id)
        assert number == "20"
        assert [turn.question for turn in opened.turns[:20]] == [f"Question {number}?" for number in range(1, 21)]
        assert Conversations(tmp_path).save("", opened.turns[:1], id) == id

    @pytest.mark.skipif(sys.platform == "win32", reason="files cannot be limited there")
    def test_a_full_disk_is_said_and_what_was_kept_stays(self, tmp_path: Path) -> None:
        program = """if True:
            import resource, sys
            from pathlib import Path
            from rag.errors import StoreUnwritable
            from rag.export.conversation import Turn
            from rag.web.conversations import Conversations
            kept = Conversations(Path(sys.argv[1]))
            small = (Turn(1, "Small?", "done"),)
            id = kept.save("", small)
            before = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, before[1]))
            try:
                kept.save("", (Turn(1, "x" * 1_000_000, "done"),), id)
            except StoreUnwritable as error:
                print(error)
            assert kept.open("", id).turns == small
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
            kept.save("", (Turn(1, "x" * 1_000_000, "done"),), id)
            assert len(kept.open("", id).turns[0].question) == 1_000_000"""
        done = subprocess.run(
            [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True
        )
        assert "free the disk, or set RAG_DATA" in done.stdout

    def test_a_folder_that_cannot_be_made_is_said(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("no folder")
        for call in (lambda each: each.save("", TALK), lambda each: each.listed(""), lambda each: each.open("", "x")):
            with pytest.raises(StoreUnwritable, match="set RAG_DATA to a folder of your own") as caught:
                call(Conversations(tmp_path / "file" / "data"))
            assert str(tmp_path) not in str(caught.value)

    @pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
    def test_a_read_only_folder_is_said(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o500)
        try:
            with pytest.raises(StoreUnwritable, match="set RAG_DATA"):
                Conversations(tmp_path).save("", TALK)
        finally:
            tmp_path.chmod(0o700)

    def test_another_program_that_writes_is_waited_for_and_then_said(
        self, kept: Conversations, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        kept.save("", TALK)
        monkeypatch.setattr("rag.web.database.WAIT_SECONDS", 0.05)
        with closing(sqlite3.connect(tmp_path / "data" / FILE, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreUnwritable, match="another program is writing"):
                kept.save("", TALK)
            assert kept.listed("").total == 1  # reading goes on
            other.execute("ROLLBACK")
        kept.save("", TALK)
        assert kept.listed("").total == 2

    @pytest.mark.parametrize("damage", ["text", "cut", "overwritten", "other tables", "other application", "no tables"])
    def test_a_damaged_or_foreign_file_is_said_and_left_alone(
        self, kept: Conversations, tmp_path: Path, damage: str
    ) -> None:
        kept.save("", (*TALK, Turn(3, "x" * 40_000, "done")))
        path = tmp_path / "data" / FILE
        data = path.read_bytes()
        if damage == "text":
            path.write_text("These are my notes, not a database. " * 100)
        elif damage == "cut":
            path.write_bytes(data[: len(data) // 2])
        elif damage == "overwritten":
            path.write_bytes(data[:100] + b"\x00" * (len(data) - 100))
        else:
            path.unlink()
            with closing(sqlite3.connect(path)) as other:
                other.execute("CREATE TABLE notes (text TEXT)")
                if damage == "other application":
                    other.execute("PRAGMA application_id = 7")
                if damage == "no tables":
                    other.execute("PRAGMA application_id = 0x466F6F74")
                    other.execute("PRAGMA user_version = 1")
        found = path.read_bytes()
        for call in (lambda: kept.save("", TALK), lambda: kept.delete_all("")):
            with pytest.raises(StoreCorrupt, match="move it elsewhere and a new one is begun"):
                call()
        assert path.read_bytes()[100:] == found[100:]
        path.unlink()
        assert kept.open("", kept.save("", TALK)).turns == TALK

    def test_a_newer_file_is_said(self, kept: Conversations, tmp_path: Path) -> None:
        kept.save("", TALK)
        with closing(sqlite3.connect(tmp_path / "data" / FILE)) as newer:
            newer.execute("PRAGMA user_version = 2")
        with pytest.raises(StoreTooNew, match="newer Footnote"):
            kept.listed("")

    def test_one_damaged_turn_leaves_the_others(self, kept: Conversations, tmp_path: Path) -> None:
        good, bad = kept.save("", talk("Good?")), kept.save("", talk("Bad?"))
        with closing(sqlite3.connect(tmp_path / "data" / FILE)) as database, database:
            database.execute("UPDATE turns SET record = ? WHERE conversation = ?", (b"{", bad))
        with pytest.raises(StoreCorrupt, match="delete it"):
            kept.open("", bad)
        assert titles(kept.listed("")) == ["Bad?", "Good?"]
        kept.delete("", bad)
        assert kept.open("", good).title == "Good?"

    def test_nothing_happens_on_disk_before_the_first_call(self, tmp_path: Path) -> None:
        Conversations(tmp_path / "data")
        assert not (tmp_path / "data").exists()
