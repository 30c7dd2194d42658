"""The file in the server's data folder in which conversations and feedback are kept: SQLite, for one user's eyes only.

Every call opens the file and closes it again: nothing is held that a killed process could leave behind, any thread may call,
and a disk that was full and no longer is needs no restart. Writers of one process take turns; those of others wait.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from rag.errors import StoreCorrupt, StoreError, StoreTooNew, StoreUnwritable

FILE = "footnote.sqlite"
VERSION = 1
WAIT_SECONDS = 10.0
"""How long a call waits for another program that is writing."""
# "Foot": so that another program's file is not taken for ours.
_APPLICATION = 0x466F6F74

_TABLES = f"""
CREATE TABLE conversations (
  id TEXT NOT NULL UNIQUE, owner TEXT NOT NULL, title TEXT NOT NULL, words TEXT NOT NULL,
  named INTEGER NOT NULL DEFAULT 0, updated TEXT NOT NULL);
CREATE INDEX newest ON conversations (owner, updated);
CREATE TABLE turns (
  conversation TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE, number INTEGER NOT NULL,
  words TEXT NOT NULL, record BLOB NOT NULL, UNIQUE (conversation, number));
CREATE TABLE feedback (
  owner TEXT NOT NULL, answer TEXT NOT NULL, verdict TEXT NOT NULL, note TEXT NOT NULL, history BLOB NOT NULL,
  record BLOB NOT NULL, given TEXT NOT NULL, UNIQUE (owner, answer));
PRAGMA application_id = {_APPLICATION};
PRAGMA user_version = {VERSION};
"""


class Store:
    """Opens the file for one call at a time. Nothing happens on disk until the first.

    ``folder`` and the file are made where they are missing, the folder with mode 0700 and the file with 0600. Every call
    raises StoreUnwritable, StoreCorrupt or StoreTooNew.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writing = threading.Lock()

    @property
    def begun(self) -> bool:
        """Tell whether there is a file: looking into it would make one."""
        return (self._folder / FILE).exists()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Yield the file as it is at one moment, whatever is written meanwhile."""
        with self._opened() as database:
            database.execute("BEGIN")
            yield database

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Yield the file to be changed. All is kept in the end, or nothing where something is raised."""
        with self._writing, self._opened() as database:
            database.execute("BEGIN IMMEDIATE")
            yield database
            database.execute("COMMIT")

    @contextmanager
    def erasing(self) -> Iterator[sqlite3.Connection]:
        """As ``writing``; what was deleted is overwritten, and in the journal as well."""
        with self.writing() as database:
            yield database
        with suppress(StoreError), self._opened() as database:  # whoever reads meanwhile leaves it to the next one
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        with _translated():
            path = self._folder / FILE
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Only where there is none: closing an open file would take SQLite's locks on it away from the whole process.
            with suppress(FileExistsError):
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            # Each in a thread of its own; a transaction that was not ended is rolled back when the connection is closed.
            with closing(sqlite3.connect(path, timeout=WAIT_SECONDS, isolation_level=None)) as database:
                self._prepare(database)
                yield database

    def _prepare(self, database: sqlite3.Connection) -> None:
        database.execute("PRAGMA foreign_keys = ON")
        database.execute("PRAGMA secure_delete = ON")
        database.execute("BEGIN")  # so that it is looked at as it is at one moment, while another call may be making it
        ready = _is_ready(database)
        database.execute("COMMIT")
        if not ready:
            with _preparing:
                database.execute("PRAGMA journal_mode = WAL")
                database.execute("BEGIN IMMEDIATE")
                if not _is_ready(database):
                    for statement in _TABLES.split(";"):
                        database.execute(statement)
                database.execute("COMMIT")


def checked_owner(owner: object) -> str:
    """Return the owner that rows are kept under. Raises StoreError for what is none, which must not pass for "no
    login".
    """
    try:
        if isinstance(owner, str) and owner.encode() is not None:
            return owner
    except UnicodeEncodeError:
        pass
    raise StoreError("nothing can be kept under this user name; sign in under another")


_preparing = threading.Lock()


def _is_ready(database: sqlite3.Connection) -> bool:
    """Tell whether the tables are there. Raises where the file is another program's, or a newer one's."""
    ((application,),) = database.execute("PRAGMA application_id").fetchall()
    ((version,),) = database.execute("PRAGMA user_version").fetchall()
    if application == _APPLICATION and version > VERSION:
        raise StoreTooNew(
            "{file} was written by a newer Footnote; install that, or set RAG_DATA to another folder", file=FILE
        )
    if (application, version) == (_APPLICATION, VERSION):
        return True
    ((tables,),) = database.execute("SELECT count(*) FROM sqlite_master").fetchall()
    if application or version or tables:
        raise _corrupt("is not Footnote's")
    return False


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        reason = str(error)
        if "no such" in reason or "has no column" in reason:
            raise _corrupt("is damaged") from error
        if "locked" in reason:
            raise StoreUnwritable(
                "another program is writing {file}; close it, or try again in a moment", file=FILE
            ) from error
        raise _unwritable(reason) from error
    except sqlite3.DatabaseError as error:
        raise _corrupt("is damaged") from error
    except OSError as error:
        raise _unwritable((error.strerror or type(error).__name__).lower()) from error


def _corrupt(what: str) -> StoreCorrupt:
    return StoreCorrupt(
        "{file} in the data folder {message}; move it elsewhere and a new one is begun, or set RAG_DATA",
        file=FILE,
        message=what,
    )


def _unwritable(reason: str) -> StoreUnwritable:
    return StoreUnwritable(
        "conversations and feedback cannot be kept ({message}); free the disk, or set RAG_DATA to a folder of your own",
        message=reason,
    )
