"""An index in Milvus: the engine proposes rows, all else is done as with a folder.

A generation is two collections, NAME_g000007_1a2b3c4d and the same with _texts; an alias NAME stands for the current one:

    rows      vector, BM25 weights, the numbers that filters look at, and the passage with its span, row by row
    _texts    records by number: the manifest, headers, terms, spellings and first rows, then an article each

Articles lie in Milvus too, and not in a shared folder: who has the address has all, and one move of the alias moves all.
Records are compressed and cut into parts, for a string of Milvus has 65,535 bytes.
"""

from __future__ import annotations

import base64
import json
import os
import re
import secrets
import time
import weakref
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property
from hashlib import blake2b
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embeddings import EmbeddingError
from embeddings.cache import cache_folder
from rag.errors import (
    CitationError,
    EmbedderError,
    IndexCorrupt,
    IndexingError,
    IndexMismatch,
    IndexMissing,
    IndexOfAnother,
    IndexTooNew,
    IndexUnreachable,
    MissingExtra,
    QuestionError,
    SettingsError,
)
from rag.index.bm25 import Counts, dimension, passage_weights, product, question_weights
from rag.index.keywords import SCORE_DIGITS, KeywordHit, Keywords
from rag.index.store import Index, LocalIndex, describe, read_description
from rag.text.spelling import Spellings
from rag.types import Contents, Document, Header, Locator, Passage, Progress, Scope

if TYPE_CHECKING:
    from embeddings import Neighbor, Vectors
    from embeddings.milvus_index import Milvus, MilvusIndex

MILVUS_FORMAT = 1
GRACE_SECONDS = 60.0
"""How long the generation before stays after the alias was moved: readers look for a move more often."""
_LOOK_SECONDS = 2.0
_MANIFEST, _HEADERS, _TERMS, _SPELLINGS, _FIRST_ROWS, _ARTICLES = 0, 1, 2, 3, 4, 16
_PART = 60_000  # characters of a record's part
_PARTS_AT_ONCE = 100
_MOST_PARTS = 1 << 20
_LONGEST_RECORD = 2**31  # bytes
_GENERATION = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,200}_g[0-9]{6,18}_[0-9a-f]{8}")
_ADDRESS = re.compile(r"milvus(\+tls)?:/+([^/?]+)/([A-Za-z_][A-Za-z0-9_]{0,200})(?:\?index=([A-Z_]+))?")
_SAMPLE = 32  # passages that are searched for when an index is verified
_FILTERS = 8  # of each kind that are tried
_WANTED = 0.99  # of the ten nearest must be found
_BATCH = 1000


@dataclass(frozen=True, slots=True)
class Address:
    """Where an index in Milvus is; ``alias`` stands for the current generation, ``kind`` is the kind of its vector index."""

    uri: str
    alias: str
    kind: str = ""

    @classmethod
    def of(cls, place: Path) -> Address:
        """Read milvus://HOST:PORT/NAME, milvus+tls://HOST:PORT/NAME?index=HNSW or FILE.db; raises SettingsError.

        >>> Address.of(Path("milvus://localhost:19530/news"))
        Address(uri='http://localhost:19530', alias='news', kind='')
        """
        from embeddings.milvus_index import KINDS

        if place.suffix == ".db":
            return cls(str(place), "footnote")
        found = _ADDRESS.fullmatch(place.as_posix())
        if found is None or (found[4] and found[4] not in KINDS):
            raise SettingsError(
                "an index in Milvus is named milvus://HOST:PORT/NAME (letters, digits and _), with ?index= "
                "and one of {kinds} where you choose; set RAG_INDEX or --index",
                kinds=", ".join(KINDS),
            )
        return cls(f"http{'s' if found[1] else ''}://{found[2]}", found[3], found[4] or "")


def is_address(place: Path) -> bool:
    """Tell whether an index lies in Milvus, by how its place is written.

    >>> is_address(Path("milvus://localhost:19530/news")), is_address(Path("news.db")), is_address(Path("index"))
    (True, True, False)
    """
    return place.as_posix().startswith(("milvus:", "milvus+tls:")) or place.suffix == ".db"


def connect(address: Address) -> Milvus:
    """Connect to where an index is; the login is RAG_MILVUS_TOKEN. Raises IndexUnreachable."""
    from embeddings.milvus_index import Milvus

    if find_spec("pymilvus") is None:
        raise MissingExtra('an index in Milvus needs pymilvus; run: pip install "footnote-rag[milvus]"')
    with _as_ours():
        return Milvus(address.uri, os.environ.get("RAG_MILVUS_TOKEN", ""))


class Records:
    """Numbered records of any length in one collection."""

    def __init__(self, milvus: Milvus, collection: str) -> None:
        self._milvus, self.collection = milvus, collection
        milvus.load(collection)

    @staticmethod
    def rows(number: int, data: bytes) -> Iterator[dict[str, Any]]:
        """Cut a record into the rows of the collection."""
        text = base64.b64encode(zlib.compress(data)).decode("ascii")
        parts = [text[first : first + _PART] for first in range(0, len(text), _PART)]
        for place, part in enumerate(parts):
            content = f"{len(parts)}:{part}" if place == 0 else part
            yield {"row": number * _MOST_PARTS + place, "vector": [1.0, 0.0], "content": content}

    def read(self, number: int) -> bytes:
        """Read a record; raises IndexCorrupt where it is none."""
        with _as_ours():
            first = number * _MOST_PARTS
            begins = self._milvus.read(self.collection, [first], ["content"])[first]["content"]
            try:
                count, _, text = begins.partition(":")
                if not 0 < int(count) <= _MOST_PARTS:
                    raise ValueError
                rest = range(first + 1, first + int(count))
                found = self._milvus.read(self.collection, list(rest), ["content"], _PARTS_AT_ONCE)
                data = base64.b64decode(text + "".join(found[row]["content"] for row in rest), validate=True)
                unpacked = zlib.decompressobj()
                record = unpacked.decompress(data, _LONGEST_RECORD)
                if not unpacked.eof:
                    raise ValueError
                return record
            except (AttributeError, TypeError, ValueError, zlib.error) as error:
                raise IndexCorrupt("a record of the index is damaged; run: rag build") from error

    def read_json(self, number: int) -> Any:
        """Read a record as what JSON makes of it."""
        try:
            return json.loads(self.read(number))
        except (ValueError, RecursionError) as error:
            raise IndexCorrupt("a record of the index is damaged; run: rag build") from error


class MilvusKeywords(Keywords):
    """Passages found by their words, by the inner products of BM25."""

    def __init__(self, vectors: MilvusIndex, counts: Counts, spellings: Spellings) -> None:
        self._vectors, self.counts, self.spellings = vectors, counts, spellings

    def __len__(self) -> int:
        return self.counts.passages

    def frequency(self, term: str) -> int:
        return max(self.counts.frequency(dimension(term, place)) for place in (0, 1)) if term else 0

    def find(self, terms: dict[str, dict[str, float]], k: int, where: str = "") -> list[KeywordHit]:
        weights = question_weights(self._weights(terms), self.counts)
        with _as_ours():
            found = self._vectors.search_sparse(weights, k, where)
        hits = [KeywordHit(row, round(score, SCORE_DIGITS)) for row, score in found]
        return sorted(hits, key=lambda hit: (-hit.score, hit.row))


class InMilvus(Index):
    """One generation in Milvus, by the names of its collections: a move of the alias does not change what is open.

    Headers, terms and spellings are held in memory, everything else is asked for.
    """

    vectors: MilvusIndex
    _keywords: MilvusKeywords

    def __init__(self, address: Address, milvus: Milvus, name: str) -> None:
        import numpy

        from embeddings.milvus_index import MilvusIndex

        self._address, self._milvus, self.name = address, milvus, name
        self._looked = time.monotonic()
        self.close = weakref.finalize(self, milvus.close)
        with _as_ours():
            self._records = Records(milvus, f"{name}_texts")
        manifest = self._records.read_json(_MANIFEST)
        try:
            if manifest["format"] > MILVUS_FORMAT:
                raise IndexTooNew(
                    "the index was written by a newer Footnote; update the program, or run: rag build --fresh"
                )
            if manifest["format"] < MILVUS_FORMAT:
                raise IndexMismatch("the index was written by an older Footnote; run: rag build")
            self.recipe, self.articles, self.files = read_description(manifest)
            self._built, self._size = float(manifest["built"]), int(manifest["size"])
            self.source = str(manifest["source"])
            passages = int(manifest["passages"])
            averages = [float(each) for each in manifest["averages"]]
            counts = Counts.from_bytes(self._records.read(_TERMS), passages, averages)
            spellings = Spellings.from_bytes(self._records.read(_SPELLINGS))
            self._all_headers = tuple(_header(each) for each in self._records.read_json(_HEADERS))
            self._first_rows = numpy.frombuffer(self._records.read(_FIRST_ROWS), dtype="<i8")
            self._numbers = {header.id: number for number, header in enumerate(self._all_headers)}
            bounds = self._first_rows[[0, -1]].tolist()
            if bounds != [0, passages] or (numpy.diff(self._first_rows) < 0).any():
                raise ValueError("these are no first rows")
            if len(self._numbers) != len(self._all_headers):
                raise ValueError("two articles have one id")
        except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
            raise IndexCorrupt("a record of the index is damaged; run: rag build") from error
        with _as_ours():
            self.vectors = MilvusIndex(milvus, name)
        self._keywords = MilvusKeywords(self.vectors, counts, spellings)
        if not passages == len(self.vectors) or len(self._first_rows) != len(self._all_headers) + 1:
            raise IndexCorrupt("the index holds different numbers of passages, vectors and keywords; run: rag build")
        self.path = cache_folder() / "milvus" / name
        self.path.mkdir(parents=True, exist_ok=True)

    @property
    def is_there(self) -> bool:
        return True

    def moved(self) -> bool:
        now = time.monotonic()
        if now - self._looked < _LOOK_SECONDS:
            return False
        self._looked = now
        with _as_ours():
            return self._milvus.target(self._address.alias) != self.name

    def _check_unchanged(self) -> None:
        """Nothing changes a generation in Milvus; one that was dropped raises IndexCorrupt when it is asked."""

    def nearest(self, vector: Vectors, k: int, within: Sequence[Scope] = ()) -> list[Neighbor]:
        with _as_ours():
            return self.vectors.search(vector, k, where=self._where(within))

    def keywords(self, terms: dict[str, dict[str, float]], k: int, within: Sequence[Scope] = ()) -> list[KeywordHit]:
        return self._keywords.find(terms, k, self._where(within))

    def _where(self, within: Sequence[Scope]) -> str:
        return " and ".join(condition for scope in within for condition in conditions(scope, self._numbers))

    def passages(self, rows: Sequence[int]) -> list[tuple[Passage, Header]]:
        with _as_ours():
            found = self._milvus.read(self.name, list(rows), ["document", "content"])
        return [_passage(found[row], self._all_headers) for row in rows]

    def rows_of(self, ids: Iterable[str]) -> list[int]:
        numbers = sorted(self._numbers[id_] for id_ in set(ids) if id_ in self._numbers)
        return [row for number in numbers for row in range(*self._first_rows[number : number + 2].tolist())]

    def rows_of_passages(self, ids: Sequence[str]) -> dict[str, int]:
        rows: dict[str, int] = {}
        wanted = sorted(set(ids))
        for first in range(0, len(wanted), _BATCH):
            where = f"key in [{','.join(str(_hash(id_)) for id_ in wanted[first : first + _BATCH])}]"
            with _as_ours():
                found = self._milvus.where(self.name, where, ["document", "content"])
            for each in sorted(found, key=lambda each: -each["row"]):
                rows[_passage(each, self._all_headers)[0].id] = each["row"]
        return {id_: rows[id_] for id_ in wanted if id_ in rows}

    def article_numbers(self) -> list[int]:
        import numpy

        counts = numpy.diff(self._first_rows)
        numbers: list[int] = numpy.repeat(numpy.arange(len(counts)), counts).tolist()
        return numbers

    def wrong_spans(self) -> list[str]:
        wrong = []
        for header in self._all_headers:
            document = self.document(header.id)
            wrong += [
                f"{header.id}: the passage at characters {passage.start} to {passage.end} is not the article's"
                for passage, _ in self.passages(self.rows_of([header.id]))
                if document.text[passage.start : passage.end] != passage.text
            ]
        return wrong

    @cached_property
    def contents(self) -> Contents:
        return Contents(
            articles=len(self._all_headers),
            passages=len(self),
            embedder=self.recipe.embedder,
            size=self._size,
            generation=_number(self.name),
            name=self.name,
            built=self._built,
        )

    @cached_property
    def passage_counts(self) -> dict[str, int]:
        import numpy

        ids = (header.id for header in self._all_headers)
        return dict(zip(ids, numpy.diff(self._first_rows).tolist(), strict=True))

    @cached_property
    def _headers(self) -> tuple[Header, ...]:
        return self._all_headers

    def document(self, id: str) -> Document:
        if id not in self._numbers:
            raise QuestionError("there is no article of that name in the index; run: rag status")
        number = self._numbers[id]
        try:
            digest, text, places = self._records.read_json(_ARTICLES + number)
            if digest != _digest(text):
                raise ValueError("another text")
            return Document(**asdict(self._all_headers[number]), text=text, places=_places(places))
        except (AttributeError, TypeError, ValueError) as error:
            raise IndexCorrupt("an article of the index is damaged; run: rag build") from error


def open_address(place: Path) -> InMilvus:
    """Open what an address stands for now; raises IndexMissing, IndexUnreachable, IndexMismatch and IndexCorrupt."""
    from embeddings.milvus_index import NoCollection

    address = Address.of(place)
    milvus = connect(address)
    with _as_ours():
        try:
            name = milvus.target(address.alias)
        except NoCollection:
            raise IndexMissing("there is no index yet; run: rag build") from None
    if not _GENERATION.fullmatch(name):  # it names a folder of this machine too
        raise IndexCorrupt("the name in RAG_INDEX stands for no index of ours; choose another name, or run: rag build")
    return InMilvus(address, milvus, name)


def publish(
    local: LocalIndex,
    place: Path,
    on_progress: Callable[[Progress], None] = lambda _: None,
    fresh: bool = False,
    grace: float | None = None,
) -> bool:
    """Write a generation of this machine into Milvus and let the alias stand for it; False where it already does.

    One of other articles is not replaced unless ``fresh``: IndexOfAnother.
    The alias is moved when everything is written and counted; whatever ends this before leaves it where it was. The
    generations before are dropped after ``grace`` seconds. Raises IndexUnreachable.
    """
    address = Address.of(place)
    milvus = connect(address)
    with closing(milvus), _as_ours():
        source, articles = _current(milvus, address)
        if source == local.path.name and not fresh:
            return False
        if articles not in ("", local.articles) and not fresh:
            raise IndexOfAnother(
                "this index belongs to the articles in {owner}; choose another name with --index or "
                "RAG_INDEX, or replace it with: rag build --fresh",
                owner=articles.rpartition("-")[0],
            )
        number = 1 + max(map(_number, _generations(milvus, address)), default=0)
        name = f"{address.alias}_g{number:06d}_{secrets.token_hex(4)}"
        _write(local, milvus, name, address.kind, on_progress)
        milvus.point(address.alias, name)
        old = [each for each in _generations(milvus, address) if _number(each) < number]
        if old:
            on_progress(Progress("waiting for readers of the old index", 0, 1))
            embedded = place.suffix == ".db"  # nobody else can have it open
            time.sleep(0.0 if embedded else GRACE_SECONDS if grace is None else grace)
        for each in old:
            milvus.drop(each)
            milvus.drop(f"{each}_texts")
    return True


def _current(milvus: Milvus, address: Address) -> tuple[str, str]:
    """Name the builder's generation that the alias stands for, and its articles; empty where it stands for nothing whole."""
    from embeddings.milvus_index import NoCollection

    try:
        records = Records(milvus, f"{milvus.target(address.alias)}_texts")
        manifest = records.read_json(_MANIFEST)
        return str(manifest["source"]), str(manifest["articles"])
    except (IndexCorrupt, NoCollection, LookupError, TypeError):
        return "", ""


def _generations(milvus: Milvus, address: Address) -> list[str]:
    named = re.compile(rf"{address.alias}_g\d{{6,}}_[0-9a-f]{{8}}")
    return [each for each in milvus.collections() if named.fullmatch(each)]


def _number(name: str) -> int:
    return int(name.rsplit("_g", 1)[1].split("_")[0])


def _write(local: LocalIndex, milvus: Milvus, name: str, kind: str, on_progress: Callable[[Progress], None]) -> None:
    import numpy

    headers, total = local.headers(), len(local)
    starts = numpy.searchsorted(local.article_numbers(), numpy.arange(len(headers) + 1)).astype("<i8")

    def pieces() -> Iterator[tuple[int, Header, list[Passage]]]:
        for number, header in enumerate(headers):
            rows = range(*starts[number : number + 2].tolist())
            yield number, header, [passage for passage, _ in local.passages(rows)]

    counts = Counts.of((header.byline(), each.text) for _, header, passages in pieces() for each in passages)

    def rows() -> Iterator[dict[str, Any]]:
        row = 0
        for number, header, passages in pieces():
            vectors = local.vectors.fetch(range(row, row + len(passages)))
            known = filters(header)
            for passage, vector in zip(passages, vectors, strict=True):
                places = [(each.start, each.kind, each.name) for each in passage.places]
                content = json.dumps([passage.id, passage.start, passage.end, passage.text, places], ensure_ascii=False)
                yield {
                    "row": row,
                    "vector": vector,
                    "words": passage_weights(header.byline(), passage.text, counts),
                    "document": number,
                    **known,
                    "key": _hash(passage.id),
                    "content": content,
                }
                row += 1
                if row % _BATCH == 0 or row == total:
                    on_progress(Progress("writing to Milvus", row, total))

    def records() -> Iterator[dict[str, Any]]:
        for number, header in enumerate(headers):
            document = local.document(header.id)
            places = [(each.start, each.kind, each.name) for each in document.places]
            yield from Records.rows(_ARTICLES + number, _json([_digest(document.text), document.text, places]))
        yield from Records.rows(_HEADERS, _json([list(asdict(header).values()) for header in headers]))
        yield from Records.rows(_TERMS, counts.to_bytes())
        yield from Records.rows(_SPELLINGS, local._keywords.spellings.to_bytes())
        yield from Records.rows(_FIRST_ROWS, starts.tobytes())
        manifest = {
            "format": MILVUS_FORMAT,
            "source": local.path.name,
            "built": time.time(),
            "size": local.contents.size,
            "passages": total,
            "averages": counts.averages,
            **describe(local.recipe, local.files, local.articles),
        }
        yield from Records.rows(_MANIFEST, _json(manifest))

    texts = f"{name}_texts"
    milvus.create_vectors(name, local.vectors.dimension)
    milvus.create_records(texts)
    milvus.finish(name, milvus.insert(name, rows()), kind)
    milvus.finish(texts, milvus.insert(texts, records()))


def filters(header: Header) -> dict[str, Any]:
    """Return the numbers that filters compare: hashes of names, the first and the last day that the date may be."""
    opens, closes = _days(header.published)
    return {
        "outlet": _hash(header.outlet),
        "language": _hash(header.language),
        "authors": [_hash(author) for author in header.authors],
        "opens": opens,
        "closes": closes,
    }


def conditions(scope: Scope, numbers: dict[str, int]) -> Iterator[str]:
    """Yield the conditions of a scope on ``filters``, as Milvus writes them: numbers and nothing else.

    >>> list(conditions(Scope(published=("2031-03-10", "")), {}))
    ['closes >= 20310310 and opens <= 99999999']
    """
    if scope.outlets:
        yield f"outlet in {[_hash(each) for each in scope.outlets]}"
    if scope.authors:
        yield f"array_contains_any(authors, {[_hash(each) for each in scope.authors]})"
    if scope.documents:
        yield f"document in {[numbers.get(each, -1) for each in scope.documents]}"
    if any(scope.published):
        first, last = (
            _days(day)[0] if day else open_ for day, open_ in zip(scope.published, (0, 99999999), strict=True)
        )
        yield f"closes >= {first} and opens <= {last}"


def _days(published: str) -> tuple[int, int]:
    """Return the first and the last number that a date may be, YYYYMMDD; what is no date lies in no period."""
    digits = published.replace("-", "")
    if not (digits.isascii() and digits.isdigit() and len(digits) in (4, 6, 8)):
        return 10**9, -1
    return int(digits.ljust(8, "0")), int(digits.ljust(8, "9"))


def verify_address(place: Path) -> tuple[int, list[str]]:
    """Check an index in Milvus from end to end, also as only a real cluster can fail.

    Besides counts, vectors and spans: searches by meaning and by words find what a comparison with every row finds, filters
    let the same rows through as ``Scope.holds``, and all rows are counted where nobody has written for a while.
    """
    import numpy

    with closing(open_address(place)) as index:
        problems = index.wrong_spans()
        indexed = sum(state.articles for state in index.files.values() if not state.reason)
        if indexed != len(index.headers()):
            problems.append(f"the ledger names {indexed} articles, the index holds {len(index.headers())}")
        total = len(index)
        sample = sorted({int(row) for row in numpy.linspace(0, total - 1, _SAMPLE)}) if total else []
        wanted = index.vectors.fetch(sample)
        terms = [index.terms(" ".join(passage.text.split()[:8])) for passage, _ in index.passages(sample)]
        weights = [question_weights(index._keywords._weights(each), index._keywords.counts) for each in terms]
        near, worded = numpy.zeros((len(sample), total)), numpy.zeros((len(sample), total))
        for first in range(0, total, _BATCH):
            rows = list(range(first, min(first + _BATCH, total)))
            vectors = index.vectors.fetch(rows)
            lengths = numpy.linalg.norm(vectors, axis=1)
            problems += [
                f"passage {first + place}: its vector does not have length 1"
                for place in numpy.flatnonzero(~(abs(lengths - 1) < 1e-3))
            ]
            near[:, first : first + len(rows)] = wanted @ vectors.T
            for row, (passage, header) in zip(rows, index.passages(rows), strict=True):
                own = passage_weights(header.byline(), passage.text, index._keywords.counts)
                worded[:, row] = [product(each, own) for each in weights]
        found = [[hit.row for hit in index.nearest(vector, 10)] for vector in wanted]
        problems += _agreement("by meaning", near, found)
        hits = [index.keywords(each, 10) for each in terms]
        problems += _agreement("by words", worded, [[hit.row for hit in each] for each in hits])
        off = [abs(hit.score - worded[place, hit.row]) for place, each in enumerate(hits) for hit in each]
        if max(off, default=0.0) > 1e-3 * max(1.0, float(worded.max(initial=0.0))):
            problems.append(f"scores by words are off by up to {max(off):.4f}; compare the versions of Milvus")
        problems += _filtering(index)
        return total, problems


def _agreement(how: str, scores: Any, found: list[list[int]]) -> list[str]:
    """Compare what searches found with the best ten of all rows; a row that ties with the tenth is as good."""
    import numpy

    good = wanted = 0
    for own, rows in zip(scores, found, strict=True):
        best = numpy.sort(own[own > 0] if how == "by words" else own)[::-1][:10]
        wanted += len(best)
        good += sum(own[row] >= best[-1] - 1e-5 for row in rows[: len(best)]) if len(best) else 0
    if wanted and good < _WANTED * wanted:
        return [f"searches {how} find {good} of {wanted} rows; choose another ?index= in RAG_INDEX, or run: rag build"]
    return []


def _filtering(index: InMilvus) -> list[str]:
    """Compare what filters let through with what the scopes hold."""
    headers = index.headers()
    kinds = (
        [Scope(outlets=(each.outlet,)) for each in headers],
        [Scope(authors=each.authors[:1]) for each in headers if each.authors],
        [Scope(documents=(each.id,)) for each in headers],
        [Scope(published=(each.published, "")) for each in headers if each.published],
    )
    distinct = [list(dict.fromkeys(kind)) for kind in kinds]
    scopes = [scope for kind in distinct for scope in kind[:: max(1, -(-len(kind) // _FILTERS))]]
    problems = []
    for scope in scopes:
        expected = len(index.rows_of(header.id for header in index.headers() if scope.holds(header)))
        with _as_ours():
            got = index._milvus.count(index.name, index._where([scope]))
        if got != expected:
            problems.append(f"a filter lets {got} rows through instead of {expected}; compare the versions of Milvus")
    return problems


def _passage(found: dict[str, Any], headers: Sequence[Header]) -> tuple[Passage, Header]:
    try:
        header = headers[found["document"]]
        id_, start, end, text, places = json.loads(found["content"])
        _check_texts(id_, text)
        return Passage(id_, header.id, start, end, text, _places(places)), header
    except (CitationError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise IndexCorrupt("a passage of the index is damaged; run: rag build") from error


def _header(values: Sequence[Any]) -> Header:
    id_, title, outlet, authors, *rest = values
    _check_texts(id_, title, outlet, *authors, *rest)
    return Header(id_, title, outlet, tuple(authors), *rest)


def _check_texts(*values: Any) -> None:
    if not all(isinstance(each, str) for each in values):
        raise TypeError("this is no text")


def _places(values: Iterable[Sequence[Any]]) -> tuple[Locator, ...]:
    return tuple(Locator(*each) for each in values)


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _hash(text: str) -> int:
    data = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(data, "big", signed=True)


@contextmanager
def _as_ours() -> Iterator[None]:
    """Raise IndexUnreachable, IndexCorrupt or EmbedderError for what the engine raises."""
    from embeddings.milvus_index import EngineGone, EngineRefused, NoCollection

    try:
        yield
    except EngineGone as error:
        raise IndexUnreachable(error.template, **error.values) from error
    except NoCollection as error:
        raise IndexCorrupt(
            "the index was replaced or removed while it was read; ask again, or run: rag build"
        ) from error
    except EngineRefused as error:
        raise IndexingError(error.template, **error.values) from error
    except EmbeddingError as error:
        raise EmbedderError(error.template, **error.values) from error
