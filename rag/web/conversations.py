"""Conversations kept on the server's disk with their sources: saved, listed, searched, opened again, deleted.

Each belongs to an ``owner``, a user's name, empty where there is no login. No call reads or changes another owner's: it is as
if it were not there. Ids, searches and titles come from browsers and may be anything.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from rag.errors import ConversationMissing
from rag.export.conversation import MAX_TITLE, Conversation, Turn, title_of
from rag.export.record import read, write
from rag.text.one_line import folded, shortened
from rag.web.database import Store, checked_owner

MAX_LISTED = 200
"""How many conversations the list holds; older ones are found by searching."""
# A longer search finds nothing that a shorter one would not.
_SEARCHED = 16


@dataclass(frozen=True, slots=True)
class Summary:
    """A conversation in the list; ``updated`` is ISO 8601 in UTC, ``turns`` how many there are."""

    id: str
    title: str
    updated: str
    turns: int


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of the list, newest first, and how many conversations there are in all."""

    summaries: tuple[Summary, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Kept:
    """A conversation as it was kept, with all its turns. The page shows the last ``MAX_TURNS``."""

    id: str
    title: str
    updated: str
    turns: Conversation


class Conversations:
    """The conversations in a data folder; safe from any thread. Every call raises StoreError, and the page goes on."""

    def __init__(self, folder: Path, clock: Callable[[], datetime] = lambda: datetime.now(timezone.utc)) -> None:
        self._store = Store(folder)
        self._clock = clock

    def save(self, owner: str, conversation: Conversation, id: str = "") -> str:
        """Keep a conversation and return its id. Without an ``id`` it is a new one.

        Turns that were replaced or taken back are replaced or go; those older than its first, which have left the page,
        stay. Only what changed is written. An empty conversation is not kept: it is deleted, and its id is empty. Raises
        ConversationMissing where it was deleted meanwhile.
        """
        owner, known = checked_owner(owner), _checked_id(id) if id else ""
        if not conversation:
            if known:
                self.delete(owner, known)
            return ""
        rows = [(turn.number, _words(turn), write(turn)) for turn in conversation]
        with self._store.writing() as database:
            if known:
                _row(database, owner, known)
            else:
                known = secrets.token_urlsafe(16)
                database.execute(
                    "INSERT INTO conversations (id, owner, title, words, updated) VALUES (?, ?, '', '', '')",
                    (known, owner),
                )
            numbers = {number for number, _, _ in rows}
            before = database.execute("SELECT number FROM turns WHERE conversation = ?", (known,)).fetchall()
            gone = [(known, number) for (number,) in before if number not in numbers and number > min(numbers)]
            database.executemany("DELETE FROM turns WHERE conversation = ? AND number = ?", gone)
            database.executemany(_SAVE, [(known, *row) for row in rows])
            title = title_of(conversation)
            database.execute(_NAME, (title, folded(title), known, conversation[0].number, known))
            now = self._clock().astimezone(timezone.utc).isoformat(timespec="microseconds")
            database.execute("UPDATE conversations SET updated = ? WHERE id = ?", (now, known))
        return known

    def listed(self, owner: str, search: object = "") -> Listed:
        """Return the owner's conversations, the newest first.

        With a ``search`` only those in which each of its words, or parts of words, stands in the title, a question or an
        answer; case and accents do not count.
        """
        words = folded(search).split()[:_SEARCHED] if isinstance(search, str) else []
        found = "FROM conversations AS c WHERE owner = ?" + _HOLDS * len(words)
        values: list[Any] = [checked_owner(owner), *(word for word in words for _ in range(2))]
        with self._store.reading() as database:
            ((total,),) = database.execute(f"SELECT count(*) {found}", values).fetchall()
            rows = database.execute(
                f"SELECT id, title, updated, {_TURNS} {found} ORDER BY updated DESC, rowid DESC LIMIT {MAX_LISTED}",
                values,
            ).fetchall()
        return Listed(tuple(Summary(*row) for row in rows), total)

    def open(self, owner: str, id: object) -> Kept:
        """Return a conversation with all its turns. What was still being answered when the server ended is stopped.

        Raises ConversationMissing where the owner has none of that id, StoreCorrupt where a turn cannot be read back.
        """
        owner, known = checked_owner(owner), _checked_id(id)
        with self._store.reading() as database:
            title, updated = _row(database, owner, known)
            turns = _turns(database, known)
        ended = tuple(each if each.ended else replace(each, status="stopped", note="") for each in turns)
        return Kept(known, title, updated, ended)

    def rename(self, owner: str, id: object, title: object) -> str:
        """Set a conversation's title and return it as kept. An empty one gives way to the first question."""
        owner, known = checked_owner(owner), _checked_id(id)
        name = shortened(title, MAX_TITLE) if isinstance(title, str) else ""
        with self._store.writing() as database:
            _row(database, owner, known)
            title = name or title_of(tuple(_turns(database, known, 1)))
            database.execute(
                "UPDATE conversations SET title = ?, words = ?, named = ? WHERE id = ?",
                (title, folded(title), bool(name), known),
            )
        return title

    def delete(self, owner: str, id: object) -> None:
        """Delete a conversation; its text is overwritten on disk."""
        owner, known = checked_owner(owner), _checked_id(id)
        with self._store.erasing() as database:
            _row(database, owner, known)
            database.execute("DELETE FROM conversations WHERE id = ?", (known,))

    def delete_all(self, owner: str) -> int:
        """Delete all of the owner's conversations and return how many there were."""
        with self._store.erasing() as database:
            return database.execute("DELETE FROM conversations WHERE owner = ?", (checked_owner(owner),)).rowcount


_TURNS = "(SELECT count(*) FROM turns WHERE conversation = c.id)"
_SAVE = (
    "INSERT INTO turns (conversation, number, words, record) VALUES (?, ?, ?, ?) ON CONFLICT (conversation, number) "
    "DO UPDATE SET words = excluded.words, record = excluded.record WHERE record IS NOT excluded.record"
)
# A conversation that its owner has not named is named after its first question.
_NAME = (
    "UPDATE conversations SET title = ?, words = ? WHERE id = ? AND NOT named "
    "AND ? = (SELECT min(number) FROM turns WHERE conversation = ?)"
)
_HOLDS = " AND (instr(words, ?) OR EXISTS (SELECT 1 FROM turns WHERE conversation = c.id AND instr(turns.words, ?)))"


def _row(database: sqlite3.Connection, owner: str, id: str) -> tuple[str, str]:
    """Title and time of an owner's conversation."""
    found = "SELECT title, updated FROM conversations WHERE owner = ? AND id = ?"
    for title, updated in database.execute(found, (owner, id)):
        return title, updated
    raise _missing()


def _turns(database: sqlite3.Connection, id: str, most: int = -1) -> Iterator[Turn]:
    found = "SELECT record FROM turns WHERE conversation = ? ORDER BY number LIMIT ?"
    return (read(Turn, record) for (record,) in database.execute(found, (id, most)).fetchall())


def _words(turn: Turn) -> str:
    return folded(f"{turn.question} {turn.answer.text if turn.answer is not None else ''}")


def _checked_id(id: object) -> str:
    if not isinstance(id, str) or not id.isascii() or not id.isprintable():
        raise _missing()
    return id


def _missing() -> ConversationMissing:
    return ConversationMissing("there is no such conversation, or it was deleted; begin a new one")
