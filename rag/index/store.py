"""Passages, vectors and keywords in one generation: written once, read from disk, never changed.

documents.sqlite    the articles' headers and texts, and the spans of their passages (row i is vector i is keyword row i)
vectors/            what embeddings/ keeps
keywords/           what lexical.py keeps
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
import time
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.errors import (
    CitationError,
    EmbedderError,
    IndexCorrupt,
    IndexingError,
    IndexMismatch,
    QuestionError,
    Translatable,
    as_plain,
    from_plain,
)
from rag.index.generations import FORMAT, Generation, current_name, open_generation
from rag.index.keywords import LEXICAL_VERSION, KeywordHit, KeywordIndex, Keywords, block_size, create_keyword_index
from rag.split import SPLITTING_VERSION
from rag.types import Contents, Document, Header, Locator, Passage, Progress, Scope, places_between

if TYPE_CHECKING:
    from embeddings import Embedder, Neighbor, VectorIndex, Vectors

_DATABASE = "documents.sqlite"
_BATCH = 2048
_WIDENING = 8
_SCHEMA = """
CREATE TABLE documents (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, file TEXT NOT NULL, title TEXT NOT NULL, outlet TEXT NOT NULL,
    authors TEXT NOT NULL, published TEXT NOT NULL, language TEXT NOT NULL, source TEXT NOT NULL, text TEXT NOT NULL,
    places TEXT NOT NULL, digest BLOB NOT NULL
);
CREATE INDEX documents_by_file ON documents (file);
CREATE TABLE passages (
    row INTEGER PRIMARY KEY, id TEXT NOT NULL, document INTEGER NOT NULL, start INTEGER NOT NULL, end INTEGER NOT NULL,
    key BLOB NOT NULL
);
CREATE INDEX passages_by_key ON passages (key);
CREATE INDEX passages_by_document ON passages (document);
CREATE TABLE pending (row INTEGER PRIMARY KEY, embedded TEXT NOT NULL);
"""
_LONGEST_VALUE = 96 * 1024 * 1024
"""Bytes of a text; no reader gives more than 20 million characters."""
_WRONG_VECTORS = Translatable("{file} of the index is damaged; run: rag build", file="vectors.npy")
_COLUMNS = "id, file, title, outlet, authors, published, language, source, text, places, digest"
_HEADER = "d.id, d.title, d.outlet, d.authors, d.published, d.language, d.source"


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that decides what the same files become in the index. Another recipe means another index."""

    embedder: str
    fingerprint: str
    passage_tokens: int
    splitting: str = SPLITTING_VERSION
    lexical: str = LEXICAL_VERSION


@dataclass(frozen=True, slots=True)
class FileState:
    """One file as the last build saw it; ``reason`` is empty where the file is indexed.

    ``reader`` is the version of the reader that read it, ``articles`` how many it found, ``notices`` what it could not
    read. ``left_out`` counts the words that the reader left out, by kind.
    """

    id: str
    sha256: str
    reason: str = ""
    reader: str = ""
    articles: int = 1
    notices: tuple[str, ...] = ()
    left_out: dict[str, int] = field(default_factory=dict)


class Index(ABC):
    """An open generation, on this machine or in an engine. Safe to use from any thread.

    The engine proposes rows for a question; what is made of them is the same for all. ``recipe`` is what it was made with,
    ``files`` what became of every file, ``notice`` what a reader should know about it, ``path`` a folder for what is worked
    out from it later.
    """

    path: Path
    notice = ""
    recipe: Recipe
    articles: str
    files: dict[str, FileState]
    vectors: VectorIndex
    close: Callable[[], object]
    _keywords: Keywords

    @staticmethod
    def open(place: Path, whole: bool = True) -> Index:
        """Open the current generation of a folder or an address.

        Unless ``whole``, large files are checked in the background, and what is found wrong is told by the next question.
        Raises IndexMissing, IndexCorrupt, IndexTooNew, or IndexMismatch for one of an older format.
        """
        from rag.index.milvus import is_address, open_address

        return open_address(place) if is_address(place) else open_folder(place, whole)

    def moved(self) -> bool:
        """Tell whether a newer generation has taken its place. Raises IndexUnreachable where that cannot be seen."""
        return False

    @property
    @abstractmethod
    def is_there(self) -> bool:
        """Tell whether nobody removed it: what is open can still be read then, but the next start will not find it."""

    @abstractmethod
    def _check_unchanged(self) -> None:
        """Raise IndexCorrupt where what is open is not what was opened."""

    def __len__(self) -> int:
        return len(self.vectors)

    def check_embedder(self, embedder: Embedder) -> None:
        """Raise IndexMismatch where the index was built with another model, also one of equal dimension."""
        if embedder.fingerprint != self.recipe.fingerprint:
            raise IndexMismatch(
                "the index was built with the embedding model {old}, not {new}; run: rag build",
                old=self.recipe.embedder,
                new=embedder.name,
            )
        if len(self) and self.vectors.dimension != embedder.dimension:
            raise IndexCorrupt(_WRONG_VECTORS)

    @abstractmethod
    def nearest(self, vector: Vectors, k: int, within: Sequence[Scope] = ()) -> list[Neighbor]:
        """Return the ``k`` rows nearest to a question's vector, best first, within all of the scopes."""

    @abstractmethod
    def keywords(self, terms: dict[str, dict[str, float]], k: int, within: Sequence[Scope] = ()) -> list[KeywordHit]:
        """Return the ``k`` best rows by the ``terms`` of a question, best first, within all of the scopes."""

    def cosines(self, vector: Vectors, rows: Sequence[int]) -> list[float]:
        """Return the exact cosine of a question's vector with each of the rows."""
        if not rows:
            return []
        self._check_unchanged()
        with EmbedderError.translated():
            return _check_cosines(self.vectors.scores(vector, rows))

    def terms(self, question: str) -> dict[str, dict[str, float]]:
        """Return what each content word of the question stands for in this index. See ``Keywords.terms``."""
        self._check_unchanged()
        return self._keywords.terms(question)

    def frequency(self, term: str) -> int:
        """In how many passages an index term stands."""
        return self._keywords.frequency(term)

    @abstractmethod
    def passages(self, rows: Sequence[int]) -> list[tuple[Passage, Header]]:
        """Return the passages of some rows, in their order, each with its article's header."""

    @abstractmethod
    def rows_of(self, ids: Iterable[str]) -> list[int]:
        """Return the rows of the passages of some articles, in order."""

    @abstractmethod
    def rows_of_passages(self, ids: Sequence[str]) -> dict[str, int]:
        """Return the row of each passage that is here, by its id. Where a text stands in several rows, the first."""

    @abstractmethod
    def article_numbers(self) -> list[int]:
        """Return the number of each passage's article, by row. Articles are counted from 0 in the order of ``headers``."""

    @abstractmethod
    def wrong_spans(self) -> list[str]:
        """Return what is wrong with the passages' spans, one line each: a span must lie inside its article."""

    @cached_property
    @abstractmethod
    def contents(self) -> Contents:
        """Return how much there is in it, of what, and since when."""

    @cached_property
    @abstractmethod
    def passage_counts(self) -> dict[str, int]:
        """Return how many passages each article has, by its id."""

    @cached_property
    @abstractmethod
    def _headers(self) -> tuple[Header, ...]: ...

    def headers(self) -> list[Header]:
        """Return all articles without their texts, by file and by their order in it."""
        return list(self._headers)

    def holds(self, scope: Scope) -> bool:
        """Tell whether any article lies in a scope."""
        return any(map(scope.holds, self._headers))

    def texts(self) -> Iterator[tuple[str, str]]:
        """Yield each article's id and text, one in memory at a time."""
        return ((header.id, self.document(header.id).text) for header in self.headers())

    def beginnings(self) -> dict[str, str]:
        """Return the first 1,000 characters of each article without a title, by its id."""
        return {each.id: self.document(each.id).text[:1000] for each in self.headers() if not each.title}

    @property
    def forms(self) -> Sequence[str]:
        """Return the words of the articles, each as it is mostly written: with a capital or without."""
        return self._keywords.spellings.forms

    @abstractmethod
    def document(self, id: str) -> Document:
        """Return one article with its text. Raises QuestionError where the index has none of that id."""


class LocalIndex(Index):
    """A generation in a folder of this machine."""

    def __init__(self, generation: Generation) -> None:
        from embeddings import EmbeddingError, open_vector_index

        self._generation = generation
        self._looked = 0.0
        self._within: tuple[tuple[Scope, ...], list[int]] = (), []
        self.path = path = generation.path
        self.notice = generation.notice
        # One with a notice stands in for a damaged current one, which is not tried with every question either.
        self._current = current_name(path.parent) if generation.notice else path.name
        content = generation.content
        self._lock = threading.Lock()
        self._damage: IndexCorrupt | None = None
        try:
            self.recipe, self.articles, self.files = read_description(content)
            self._database = _connect(path / _DATABASE, read_only=True)
            _check_schema(self._database)
            # Closed when nobody holds the index any more: questions may still read from it while a newer one takes over.
            self.close = weakref.finalize(self, self._database.close)
            self.vectors: VectorIndex = open_vector_index(path / "vectors")
            self._keywords = KeywordIndex(path / "keywords")
        except (AttributeError, EmbeddingError, LookupError, TypeError, ValueError, sqlite3.Error) as error:
            raise IndexCorrupt("the index is damaged; run: rag build") from error
        ((passages, first, last),) = self._all("SELECT count(*), min(row), max(row) FROM passages")
        if passages and (first, last) != (0, passages - 1):
            raise IndexCorrupt("the index is damaged; run: rag build")
        if not passages == len(self.vectors) == len(self._keywords):
            raise IndexCorrupt("the index holds different numbers of passages, vectors and keywords; run: rag build")

    def moved(self) -> bool:
        """Tell once of each newer generation: one that cannot be opened is not tried with every question."""
        before, self._current = self._current, current_name(self.path.parent) or self._current
        return self._current != before

    @property
    def is_there(self) -> bool:
        return self.path.is_dir()

    def _check_unchanged(self) -> None:
        """Look for changes under the open files, 100 times a second at most; raises IndexCorrupt.

        A mapped file that was cut would end the process, and other bytes would give other answers.
        """
        if self._damage is not None:
            raise self._damage
        now = time.monotonic()
        if now - self._looked < 0.01:
            return
        try:
            self._generation.check_unchanged()
        except IndexCorrupt as damage:
            self._damage, self.notice = damage, damage.message
            raise
        self._looked = now

    def _check(self, check: Callable[[], None]) -> None:
        try:
            check()
        except IndexCorrupt as damage:
            self._damage, self.notice = damage, damage.message

    def nearest(self, vector: Vectors, k: int, within: Sequence[Scope] = ()) -> list[Neighbor]:
        self._check_unchanged()
        with EmbedderError.translated():
            found = self.vectors.search(vector, k, self._rows_within(within))
        _check_cosines([each.score for each in found])
        return found

    def keywords(self, terms: dict[str, dict[str, float]], k: int, within: Sequence[Scope] = ()) -> list[KeywordHit]:
        self._check_unchanged()
        rows = self._rows_within(within)
        if rows is None:
            return self._keywords.find(terms, k)
        inside, looked = frozenset(rows), _WIDENING * k
        while True:  # among ever more: all of a large index take long
            found = self._keywords.find(terms, looked)
            hits = [hit for hit in found if hit.row in inside]
            if len(hits) >= min(k, len(inside)) or len(found) < looked:
                return hits[:k]
            looked *= _WIDENING

    def _rows_within(self, within: Sequence[Scope]) -> list[int] | None:
        """Return the rows of all articles in some scopes, ``None`` for all rows. One question asks for them twice."""
        if not within:
            return None
        wanted = tuple(within)
        if self._within[0] != wanted:
            inside = (header.id for header in self._headers if all(scope.holds(header) for scope in wanted))
            self._within = wanted, self.rows_of(inside)
        return self._within[1]

    def passages(self, rows: Sequence[int]) -> list[tuple[Passage, Header]]:
        query = (
            f"SELECT document, row, id, start, end FROM passages WHERE row IN ({_marks(len(rows))}) ORDER BY document"
        )
        found = {}
        # Each article is read once and one is in memory at a time: substr in SQL would read a long one for each passage.
        for number, spans in groupby(self._all(query, rows), key=itemgetter(0)):
            query = f"SELECT d.digest, d.text, d.places, {_HEADER} FROM documents d WHERE d.number = ?"
            articles = self._all(query, (number,))
            if not articles:
                raise _damaged()
            text, written, *header = _whole(articles[0])
            known, places = _header(header), _places(written)
            for _, row, id_, start, end in spans:
                inside = places_between(places, start, end)
                try:
                    passage = Passage(id_, known.id, start, end, text[start:end], inside)
                except CitationError as error:
                    raise IndexCorrupt("{message}; run: rag build --fresh", message=error) from error
                found[row] = (passage, known)
        try:
            return [found[row] for row in rows]
        except KeyError as error:
            raise _damaged() from error

    def rows_of(self, ids: Iterable[str]) -> list[int]:
        rows: list[int] = []
        for batch in _in_batches(sorted(set(ids))):
            marks = ",".join("?" * len(batch))
            query = f"SELECT p.row FROM passages p JOIN documents d ON d.number = p.document WHERE d.id IN ({marks})"
            rows += [row for (row,) in self._all(query, batch)]
        return sorted(rows)

    def rows_of_passages(self, ids: Sequence[str]) -> dict[str, int]:
        rows: dict[str, int] = {}
        for batch in _in_batches(sorted(set(ids))):
            rows |= self._all(
                f"SELECT id, min(row) FROM passages WHERE id IN ({_marks(len(batch))}) GROUP BY id", batch
            )
        return rows

    def article_numbers(self) -> list[int]:
        return [number for (number,) in self._all("SELECT document FROM passages ORDER BY row")]

    def wrong_spans(self) -> list[str]:
        return [
            f"{header.id}: no passage can lie at characters {start} to {end}"
            for header, text, spans in _documents(self._database)
            for start, end in spans
            if not 0 <= start < end <= len(text)
        ]

    @cached_property
    def contents(self) -> Contents:
        files = [each.stat() for each in self.path.rglob("*") if each.is_file()]
        return Contents(
            articles=len(self._headers),
            passages=len(self),
            embedder=self.recipe.embedder,
            size=sum(each.st_size for each in files),
            generation=int(self.path.name.split("-")[1]),
            name=self.path.name,
            built=max((each.st_mtime for each in files), default=0.0),
        )

    @cached_property
    def passage_counts(self) -> dict[str, int]:
        query = (
            "SELECT d.id, count(p.row) FROM documents d LEFT JOIN passages p ON p.document = d.number GROUP BY d.number"
        )
        return dict(self._all(query))

    @cached_property
    def _headers(self) -> tuple[Header, ...]:
        # Read once: a question with a filter looks at all of them, and 20,000 take half a second to read.
        return tuple(_header(row) for row in self._all(f"SELECT {_HEADER} FROM documents d ORDER BY d.number"))

    def document(self, id: str) -> Document:
        rows = self._all(f"SELECT d.digest, d.text, d.places, {_HEADER} FROM documents d WHERE d.id = ?", (id,))
        if not rows:
            raise QuestionError("there is no article of that name in the index; run: rag status")
        text, places, *header = _whole(rows[0])
        return Document(**asdict(_header(header)), text=text, places=_places(places))

    def written(self, file: str) -> Iterator[tuple[tuple[Any, ...], list[tuple[Any, ...]]]]:
        """Yield a file's articles as the tables have them, each with passages (row, id, start, end, key)."""
        query = f"SELECT number, {_COLUMNS} FROM documents WHERE file = ? ORDER BY number"
        for number, *article in self._all(query, (file,)):
            spans = self._all(
                "SELECT row, id, start, end, key FROM passages WHERE document = ? ORDER BY row", (number,)
            )
            if spans:
                yield tuple(article), spans

    def _all(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        self._check_unchanged()
        try:
            with self._lock:
                return self._database.execute(query, tuple(values)).fetchall()
        except sqlite3.ProgrammingError as error:
            raise IndexingError("the index was closed; open it again with Chatbot.open") from error
        except sqlite3.Error as error:
            raise _damaged() from error


def open_folder(folder: Path, whole: bool = True) -> LocalIndex:
    """Open the current generation of a folder, as ``Index.open``."""
    generation = open_generation(folder, whole)
    if generation.content["format"] < FORMAT:
        raise IndexMismatch("the index was written by an older Footnote; run: rag build")
    index = LocalIndex(generation)
    if not whole:
        threading.Thread(target=index._check, args=(generation.check,), name="checking", daemon=True).start()
    return index


class IndexWriter:
    """Writes one generation into an empty folder: documents first, in the order of their files, then ``finish``.

    ``kept`` is an older index whose documents may be taken over as they are, ``vectors_of`` one whose vectors are still
    right; both may be ``None``.
    """

    def __init__(self, folder: Path, kept: LocalIndex | None = None, vectors_of: LocalIndex | None = None) -> None:
        self._folder, self._kept, self._vectors_of = folder, kept, vectors_of
        self._database = _connect(folder / _DATABASE)
        self.close = weakref.finalize(self, self._database.close)
        self.close.atexit = False  # a build in another thread ends with the process, and this one may not close it
        self._database.executescript(_SCHEMA)
        self._documents = self._rows = 0
        self._taken: list[tuple[LocalIndex, range, int]] = []  # rows of another index, and the first of them here
        for name, index in (("kept", kept), ("vectors_of", vectors_of)):
            if index is not None:
                self._database.execute(f"ATTACH DATABASE ? AS {name}", (_address(index.path / _DATABASE),))

    def add(self, document: Document, file: str, pieces: Sequence[tuple[Passage, str]]) -> None:
        """Add an article of a file with its passages, each with the text to embed."""
        header: list[str | bytes] = [
            document.id,
            file,
            document.title,
            document.outlet,
            json.dumps(document.authors, ensure_ascii=False),
        ]
        places = json.dumps([(each.start, each.kind, each.name) for each in document.places], ensure_ascii=False)
        header += [document.published, document.language, document.source, document.text, places, _key(document.text)]
        self._database.execute(f"INSERT INTO documents VALUES ({self._documents}, {_marks(11)})", header)
        for passage, embedded in pieces:
            values = (self._rows, passage.id, self._documents, passage.start, passage.end, _key(embedded))
            self._database.execute("INSERT INTO passages VALUES (?, ?, ?, ?, ?, ?)", values)
            self._database.execute("INSERT INTO pending VALUES (?, ?)", (self._rows, embedded))
            self._rows += 1
        self._documents += 1

    def keep(self, file: str) -> None:
        """Take a file's articles over from the older index as they are, passages and all."""
        articles = (
            "SELECT d.number, min(p.row) FROM kept.documents d JOIN kept.passages p ON p.document = d.number "
            "WHERE d.file = ? GROUP BY d.number ORDER BY d.number"
        )
        for number, first in self._database.execute(articles, (file,)).fetchall():
            copied = f"INSERT INTO documents SELECT ?, {_COLUMNS} FROM kept.documents WHERE number = ?"
            self._database.execute(copied, (self._documents, number))
            copied = "INSERT INTO passages SELECT row + ?, id, ?, start, end, key FROM kept.passages WHERE document = ?"
            moved = (self._rows - first, self._documents, number)
            self._rows += self._database.execute(copied, moved).rowcount
            self._documents += 1

    def take(self, index: LocalIndex, file: str) -> None:
        """Copy a file's articles from another index, passages and vectors and all."""
        for article, spans in index.written(file):
            self._database.execute(f"INSERT INTO documents VALUES ({self._documents}, {_marks(11)})", article)
            moved = [(self._rows + place, id_, self._documents, *rest) for place, (_, id_, *rest) in enumerate(spans)]
            self._database.executemany("INSERT INTO passages VALUES (?, ?, ?, ?, ?, ?)", moved)
            first = spans[0][0]
            self._taken.append((index, range(first, first + len(spans)), self._rows))
            self._rows += len(spans)
            self._documents += 1

    def finish(self, embedder: Embedder, on_progress: Callable[[Progress], None]) -> tuple[int, int]:
        """Embed what no older vector serves and write both halves. Returns (passages, passages embedded)."""
        from embeddings import create_vector_index

        with EmbedderError.translated():
            vectors, embedded = self._vectors(embedder, on_progress)
            (self._folder / "vectors").mkdir()
            create_vector_index(vectors).save(self._folder / "vectors")
        (self._folder / "keywords").mkdir()
        older = self._kept.path / "keywords" if self._kept is not None else None
        texts = self._keyword_texts(on_progress)
        create_keyword_index(self._folder / "keywords", texts, block_size(self._rows), older)
        self._database.execute("DROP TABLE pending")
        self._database.commit()
        self._database.execute("VACUUM main")
        return self._rows, embedded

    def _vectors(self, embedder: Embedder, on_progress: Callable[[Progress], None]) -> tuple[Vectors, int]:
        import numpy

        vectors = numpy.empty((self._rows, embedder.dimension), numpy.float32)
        self._database.commit()
        for index, taken, at in self._taken:
            vectors[at : at + len(taken)] = index.vectors.fetch(taken)
        if self._vectors_of is not None:
            query = (
                "SELECT n.row, min(o.row) FROM passages n JOIN vectors_of.passages o ON o.key = n.key GROUP BY n.row"
            )
            for new, old in _batches(self._database, query):
                vectors[list(new)] = self._vectors_of.vectors.fetch(old)
                self._database.executemany("DELETE FROM pending WHERE row = ?", [(row,) for row in new])
        # Equal texts are embedded once; their other rows copy the vector.
        query = "SELECT min(w.row) FROM pending w JOIN passages p ON p.row = w.row GROUP BY p.key"
        first = f"SELECT w.row, w.embedded FROM pending w WHERE w.row IN ({query}) ORDER BY w.row"
        total = len(self._database.execute(query).fetchall())
        done = 0

        def report(count: int) -> None:
            nonlocal done
            done += count
            on_progress(Progress("embedding", done, total))

        for rows, texts in _batches(self._database, first):
            vectors[list(rows)] = embedder.embed_documents(texts, report)
        copies = (
            "SELECT p.row, (SELECT min(q.row) FROM pending v JOIN passages q ON q.row = v.row WHERE q.key = p.key) "
            "FROM pending w JOIN passages p ON p.row = w.row"
        )
        for rows, sources in _batches(self._database, copies):
            vectors[list(rows)] = vectors[list(sources)]
        return vectors, total

    def _keyword_texts(self, on_progress: Callable[[Progress], None]) -> Iterator[tuple[str, str]]:
        done = 0
        for header, text, spans in _documents(self._database):
            for start, end in spans:
                done += 1
                yield header.byline(), text[start:end]
                if done % _BATCH == 0 or done == self._rows:
                    on_progress(Progress("keywords", done, self._rows))


def verify(folder: Path) -> tuple[int, list[str]]:
    """Check an index from end to end. Returns how many passages were looked at and what is wrong, one line each.

    Besides the checksums: counts agree, vectors have length 1 and no NaN, every span lies inside its article.
    """
    import numpy

    from rag.index.milvus import is_address, verify_address

    if is_address(folder):
        return verify_address(folder)
    with closing(open_folder(folder)) as index:
        problems = [index.notice] if index.notice else []
        for first in range(0, len(index), _BATCH):
            rows = range(first, min(first + _BATCH, len(index)))
            lengths = numpy.linalg.norm(index.vectors.fetch(rows), axis=1)
            wrong = [first + row for row, length in enumerate(lengths) if not abs(length - 1) < 1e-3]
            problems += [f"passage {row}: its vector does not have length 1" for row in wrong]
        problems += index.wrong_spans()
        indexed = sum(state.articles for state in index.files.values() if not state.reason)
        if indexed != len(index.headers()):
            problems.append(f"the ledger names {indexed} articles, the index holds {len(index.headers())}")
        return len(index), problems


def _damaged() -> IndexCorrupt:
    return IndexCorrupt("{file} of the index is damaged; run: rag build", file=_DATABASE)


def _documents(database: sqlite3.Connection) -> Iterator[tuple[Header, str, list[tuple[int, int]]]]:
    """Yield every article with its text and its passages' spans, one text in memory at a time."""
    query = f"SELECT d.number, d.text, {_HEADER} FROM documents d ORDER BY d.number"
    for number, text, *header in database.execute(query):
        spans = database.execute(
            "SELECT start, end FROM passages WHERE document = ? ORDER BY row", (number,)
        ).fetchall()
        yield _header(header), text, spans


def _connect(path: Path, read_only: bool = False) -> sqlite3.Connection:
    if read_only:
        return sqlite3.connect(_address(path), uri=True, check_same_thread=False)
    database = sqlite3.connect(path, uri=True)
    # The whole generation is flushed once, before it is published: until then a crash loses nothing that counts.
    database.execute("PRAGMA journal_mode = OFF")
    database.execute("PRAGMA synchronous = OFF")
    return database


def _address(path: Path) -> str:
    return f"{path.resolve().as_uri()}?mode=ro&immutable=1"


def _whole(row: Sequence[Any]) -> Sequence[Any]:
    """Check a text by the digest before it: a large file may not have been checked yet, and no quote may be wrong."""
    digest, *rest = row
    if not isinstance(rest[0], str) or _key(rest[0]) != digest:
        raise _damaged()
    return rest


def _batches(database: sqlite3.Connection, query: str) -> Iterator[tuple[list[Any], list[Any]]]:
    cursor = database.execute(query)
    while rows := cursor.fetchmany(_BATCH):
        first, second = zip(*rows, strict=True)
        yield list(first), list(second)


def _in_batches(values: Sequence[str]) -> Iterator[Sequence[str]]:
    """SQLite takes so many parameters at once and no more."""
    return (values[start : start + 10_000] for start in range(0, len(values), 10_000))


def _marks(count: int) -> str:
    return ", ".join("?" * count)


def _header(row: Sequence[Any]) -> Header:
    id_, title, outlet, authors, published, language, source = row
    names = _list(authors)
    if not all(isinstance(each, str) for each in (id_, title, outlet, published, language, source, *names)):
        raise _damaged()
    return Header(id_, title, outlet, tuple(names), published, language, source)


def _places(written: str) -> tuple[Locator, ...]:
    try:
        return tuple(Locator(*each) for each in _list(written))
    except TypeError:
        raise _damaged() from None


def _list(written: str) -> list[Any]:
    try:
        found = json.loads(written)
    except (TypeError, ValueError, RecursionError):
        found = None
    if not isinstance(found, list):
        raise _damaged()
    return found


def _check_cosines(scores: list[float]) -> list[float]:
    """Return cosines; raises IndexCorrupt where one is none, for then a vector does not have length 1."""
    if not all(abs(score) < 1.001 for score in scores):
        raise IndexCorrupt(_WRONG_VECTORS)
    return scores


def _check_schema(database: sqlite3.Connection) -> None:
    """Raise ValueError unless the tables are ours: a view could be endless, a column a program."""
    query = "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite!_%' ESCAPE '!' ORDER BY name"
    found = database.execute(query).fetchall()
    with closing(sqlite3.connect(":memory:")) as ours:
        ours.executescript(f"{_SCHEMA} DROP TABLE pending")
        expected = ours.execute(query).fetchall()
    if found != expected:
        raise ValueError("other tables")
    if hasattr(database, "setlimit"):  # from Python 3.11 on
        database.setlimit(getattr(sqlite3, "SQLITE_LIMIT_LENGTH"), _LONGEST_VALUE)  # noqa: B009


def _file_state(plain: dict[str, Any]) -> FileState:
    if not isinstance(plain, dict) or not isinstance(plain.get("id"), str):
        raise ValueError("this describes no file")
    reason, notices = from_plain(plain.get("reason", "")), tuple(map(from_plain, plain.get("notices", ())))
    return FileState(**{**plain, "reason": reason, "notices": notices})


def _key(embedded: str) -> bytes:
    return hashlib.blake2b(embedded.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def read_description(content: dict[str, Any]) -> tuple[Recipe, str, dict[str, FileState]]:
    """Read what ``describe`` wrote; raises LookupError, TypeError or ValueError."""
    files = {each["id"]: _file_state(each) for each in content["file_states"]}
    return Recipe(**content["recipe"]), str(content.get("articles", "")), files


def describe(recipe: Recipe, files: dict[str, FileState], articles: str) -> dict[str, Any]:
    """Return what a generation's manifest says about its content; ``articles`` names the folder that it belongs to."""
    return {
        "articles": articles,
        "recipe": {each.name: getattr(recipe, each.name) for each in fields(Recipe)},
        "file_states": [
            {**asdict(state), "reason": as_plain(state.reason), "notices": list(map(as_plain, state.notices))}
            for state in files.values()
        ],
    }
