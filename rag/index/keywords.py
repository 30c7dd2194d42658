"""The keyword half of the index: BM25 over stems, in tantivy; English and Russian stemming, accents folded.

Chinese, Japanese and Thai are indexed by pairs of characters, for they write words without spaces.

tantivy was 30 times faster than the next engine on a million passages and its files are memory-mapped, so nothing of the
index lives in our memory.

meta.json           tantivy's list of segments, in the order of the passages
blocks.json         the blocks of passages: each one's digest, number of passages and segments
forms.json          by block the word forms of its texts with their counts, and those of its headers
spellings.table     what spelling.py keeps

A block's segments depend on its passages alone, so an unchanged block is copied from the index before.
"""

from __future__ import annotations

import json
import math
import shutil
import weakref
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from rag.errors import IndexCorrupt
from rag.text.spelling import Spellings, is_cyrillic, written_forms
from rag.text.stems import analyzer, fold, stem
from rag.text.words import content_words, split_unspaced, words

if TYPE_CHECKING:
    import tantivy

LEXICAL_VERSION = "4"
"""Changes whenever the same passages would be indexed differently."""

# How much a word in the title, the outlet or the date counts against the same word in the passage.
HEADER_WEIGHT = 0.3
SCORE_DIGITS = 4
"""Decimals of a score; engines add in single precision, each in its own order, and differ after these."""
# A word has at most so many other spellings; the most frequent ones are kept.
_MOST_SPELLINGS = 4
# Shorter words are too near to one another.
_SHORTEST_SPELT = 4
_WRITER_MEMORY = 64 * 1024 * 1024
_SMALLEST_BLOCK = 1024  # passages; fewer would save nothing and take files
_REMOVALS = 20  # of a folder, before its failure is told
_BLOCKS = 32  # more take longer to search, fewer longer to change
_BLOCK_FILE, _FORMS_FILE, _META_FILE = "blocks.json", "forms.json", "meta.json"


class KeywordHit(NamedTuple):
    """A passage found by its words: its row, counted from 0, and its BM25 score (0 or more)."""

    row: int
    score: float


class _Block(NamedTuple):
    """Neighbouring passages, and the segments that tantivy made of them, as its meta.json describes them."""

    digest: str
    passages: int
    segments: list[dict[str, Any]]


class _Forms(NamedTuple):
    """How often the texts of a block write each word form, and the forms in its headers."""

    texts: dict[str, int]
    headers: list[str]


class Keywords(ABC):
    """Passages found by their words. What a question's words stand for is the same with every engine."""

    spellings: Spellings
    """The word forms of the articles by how they sound."""

    @abstractmethod
    def __len__(self) -> int: ...

    def search(self, question: str, k: int) -> list[KeywordHit]:
        """Return the ``k`` best passages for the question's content words, best first, equal scores by row."""
        return self.find(self.terms(question), k)

    @abstractmethod
    def find(self, terms: dict[str, dict[str, float]], k: int) -> list[KeywordHit]:
        """Return the same for what ``terms`` made of a question."""

    def terms(self, question: str) -> dict[str, dict[str, float]]:
        """For each content word of the question the index terms it stands for, with a weight from 0 to 1.

        A name stands for its other spellings too, a word that is not in the index for those it may be with a typing error.
        """
        found: dict[str, dict[str, float]] = {}
        for word in content_words(split_unspaced(question)):
            term = stem(word)
            if not term or word in found:
                continue
            known = self.frequency(term) > 0
            found[word] = self._other_spellings(word, term) | {term: 1.0} if known else self._meant(word, term)
        return found

    @abstractmethod
    def frequency(self, term: str) -> int:
        """In how many passages an index term stands, as ``terms`` and ``stem`` give it."""

    def _other_spellings(self, word: str, term: str) -> dict[str, float]:
        """Return the names that sound like one that is known. Everyday words have one spelling."""
        if len(word) < _SHORTEST_SPELT or not (self.spellings.written(word) or word)[0].isupper():
            return {}
        names = [form for form in self.spellings.same(word) if form[0].isupper() and stem(form) != term]
        # Who asks in one alphabet would rather read the articles in it.
        return self._weighted(word, {form: 1 + (is_cyrillic(form) != is_cyrillic(word)) for form in names})

    def _meant(self, word: str, term: str) -> dict[str, float]:
        """Return the terms that an unknown word may be with a typing error, the likeliest alone."""
        if len(word) < _SHORTEST_SPELT or not word.isalpha():
            return {term: 1.0}
        costs = self.spellings.meant(word)
        least = min(costs.values(), default=0)
        return self._weighted(word, {form: cost for form, cost in costs.items() if cost == least}) or {term: 1.0}

    def _weighted(self, word: str, costs: dict[str, int]) -> dict[str, float]:
        """Weigh the terms of some forms: likelier the longer the word and the lower the cost, the most frequent ones."""
        weights: dict[str, float] = {}
        for form, cost in costs.items():
            weights.setdefault(stem(form), round(1 - cost / (len(word) + 1), 3))
        known = sorted(weights, key=lambda term: (-weights[term], -self.frequency(term), term))[:_MOST_SPELLINGS]
        return {term: weights[term] for term in known if self.frequency(term)}

    def _rarity(self, frequency: int) -> float:
        return math.log(1 + (len(self) - frequency + 0.5) / (frequency + 0.5))

    def _weights(self, terms: dict[str, dict[str, float]]) -> Iterator[tuple[str, float]]:
        """Yield the weight of each index term in a search."""
        for weights in terms.values():
            usual = self._rarity(max((self.frequency(term) for term in weights), default=0))
            for term, weight in weights.items():
                # BM25 would take a rare spelling of a frequent name for a rare name.
                yield term, weight * min(1.0, usual / self._rarity(self.frequency(term)))


class KeywordIndex(Keywords):
    """The keywords of a folder; made once, never changed.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> create_keyword_index(folder, [("", "The bridges were closed."), ("", "It rained.")])
    >>> [hit.row for hit in KeywordIndex(folder).search("Which bridge is closed?", 5)]
    [0]
    """

    def __init__(self, folder: Path) -> None:
        with _damage_told():
            self._index = _open(folder, self)
            self._index.register_tokenizer("words", analyzer())
            self._searcher = self._index.searcher()
            self._first_rows = _first_rows(folder)
            if len(self._first_rows) != self._searcher.num_segments:
                raise ValueError("blocks and segments differ")
        # Not when it is first needed: by then a newer generation may have taken the folder's place.
        self.spellings = Spellings.open(folder)

    def __len__(self) -> int:
        with _damage_told():
            return int(self._searcher.num_docs)

    def find(self, terms: dict[str, dict[str, float]], k: int) -> list[KeywordHit]:
        query = self._query(terms)
        if query is None or k < 1 or not len(self):
            return []
        with _damage_told():
            found = self._searcher.search(query, min(k, len(self)), count=False).hits
            rows = self._searcher.fast_field_values("row", [address for _, address in found])
        hits = [
            KeywordHit(self._first_rows[address.segment_ord] + int(row or 0), round(float(score), SCORE_DIGITS))
            for row, (score, address) in zip(rows, found, strict=True)
        ]
        return sorted(hits, key=lambda hit: (-hit.score, hit.row))

    def frequency(self, term: str) -> int:
        with _damage_told():
            return max(self._searcher.doc_freq("text", term), self._searcher.doc_freq("header", term)) if term else 0

    def _query(self, terms: dict[str, dict[str, float]]) -> tantivy.Query | None:
        from tantivy import Occur, Query

        schema, parts = self._index.schema, []
        for term, weight in self._weights(terms):
            text = Query.term_query(schema, "text", term, "freq")
            header = Query.term_query(schema, "header", term, "freq")
            parts.append((Occur.Should, Query.boost_query(text, weight)))
            parts.append((Occur.Should, Query.boost_query(header, weight * HEADER_WEIGHT)))
        return Query.boolean_query(parts) if parts else None


def create_keyword_index(
    folder: Path, passages: Iterable[tuple[str, str]], block: int = _SMALLEST_BLOCK, older: Path | None = None
) -> None:
    """Index (header line, text) pairs into an existing, empty folder. Row i belongs to pair i.

    A ``block`` is about so many passages (``block_size``). Those that the ``older`` index has too are copied from it: the
    result is the same. Raises OSError where the disk refuses.
    """
    try:
        _write(folder, passages, block, older)
    except ValueError as error:
        raise OSError(str(error)) from error


def block_size(passages: int) -> int:
    """Choose the passages of a block for an index of so many.

    >>> block_size(20_000), block_size(100_000), block_size(1_000_000)
    (1024, 4096, 32768)
    """
    return max(_SMALLEST_BLOCK, 1 << (passages // _BLOCKS).bit_length())


def _write(folder: Path, passages: Iterable[tuple[str, str]], size: int, older: Path | None) -> None:
    known: dict[str, _Block] = {}
    known_forms: dict[str, list[Any]] = {}
    spellings = None
    if older is not None:
        known = {block.digest: block for block in reversed(_read_blocks(older))}
        known_forms = json.loads((older / _FORMS_FILE).read_bytes())
        spellings = Spellings.open(older)
    blocks: list[_Block] = []
    forms: dict[str, _Forms] = {}
    times = Counter[str]()
    with _scratch(folder) as scratch:
        _new_index(scratch)
        meta = json.loads((scratch / _META_FILE).read_bytes())
    for digest, pairs in _blocks(passages, size):
        block = known.pop(digest, None)  # not twice: tantivy's segments have names
        if older is not None and block is not None:
            for file in _files(older, block.segments):
                shutil.copyfile(file, folder / file.name)
            forms[digest] = _Forms(*known_forms[digest])
        else:
            block = _Block(digest, len(pairs), _index(folder, pairs, f"{digest} {times[digest]}"))
            forms[digest] = _count_forms(pairs)
        blocks.append(block)
        times[digest] += 1
    meta["segments"] = [segment for block in blocks for segment in block.segments]
    for name, content in ((_META_FILE, meta), (_BLOCK_FILE, blocks), (_FORMS_FILE, forms)):
        (folder / name).write_text(json.dumps(content, ensure_ascii=False, separators=(",", ":")), "utf-8")
    # Titles write everyday words with capitals: they count only where the texts do not have a word.
    counts: dict[str, int] = {form: 1 for block in blocks for form in forms[block.digest].headers}
    texts: Counter[str] = Counter()
    for block in blocks:
        texts.update(forms[block.digest].texts)
    Spellings.of(counts | texts, spellings).save(folder)


def _blocks(passages: Iterable[tuple[str, str]], size: int) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Cut passages into blocks, each with its digest.

    A block ends after a passage whose own digest says so: a change leaves the borders of other blocks where they are.
    """
    import tantivy

    block: list[tuple[str, str]] = []
    digests = [f"{LEXICAL_VERSION} {tantivy.__version__}".encode()]  # type: ignore[attr-defined]
    for pair in passages:
        block.append(pair)
        digests.append(blake2b("\0".join(pair).encode("utf-8", "surrogatepass"), digest_size=16).digest())
        if int.from_bytes(digests[-1], "big") % size == 0 or len(block) == 4 * size:
            yield blake2b(b"".join(digests), digest_size=16).hexdigest(), block
            block, digests = [], digests[:1]
    if block:
        yield blake2b(b"".join(digests), digest_size=16).hexdigest(), block


def _index(folder: Path, pairs: Iterable[tuple[str, str]], name: str) -> list[dict[str, Any]]:
    """Index the passages of a block. Return its segments, whose files are then in ``folder``.

    Tantivy draws a segment's id at random; ``name`` makes one that is the same in each build.
    """
    import tantivy

    with _scratch(folder) as scratch:
        # One thread writes one order of passages: the same articles give the same answers, also where scores are equal.
        writer = _new_index(scratch).writer(heap_size=_WRITER_MEMORY, num_threads=1)
        try:
            for row, (header, text) in enumerate(pairs):
                entry = tantivy.Document()
                entry.add_unsigned("row", row)
                entry.add_text("text", fold(text))
                entry.add_text("header", fold(header))
                writer.add_document(entry)
        except BaseException:
            writer.rollback()  # else its thread goes on writing while the folder is being removed
            raise
        writer.commit()
        writer.wait_merging_threads()
        segments: list[dict[str, Any]] = json.loads((scratch / _META_FILE).read_bytes())["segments"]
        for place, segment in enumerate(segments):
            id = UUID(bytes=blake2b(f"{name} {place}".encode(), digest_size=16).digest())
            for file in _files(scratch, [segment]):
                file.rename(folder / f"{id.hex}{file.name[len(id.hex) :]}")
            segment["segment_id"] = str(id)
        return segments


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    """Make a folder for an index that is being written, and remove it.

    A reader of tantivy's may take and drop its lock file there meanwhile, which makes removing fail.
    """
    path = Path(mkdtemp(prefix="tmp-", dir=folder))
    try:
        yield path
    finally:
        for _ in range(_REMOVALS):
            shutil.rmtree(path, ignore_errors=True)
            if not path.exists():
                break
        else:
            shutil.rmtree(path)


def _files(folder: Path, segments: Iterable[dict[str, Any]]) -> list[Path]:
    """List the files of some segments, which have the segment's id for their name."""
    return [file for segment in segments for file in folder.glob(f"{segment['segment_id'].replace('-', '')}.*")]


def _new_index(folder: Path) -> tantivy.Index:
    import tantivy

    schema = (
        tantivy.SchemaBuilder()
        .add_unsigned_field("row", fast=True)
        .add_text_field("text", tokenizer_name="words", index_option="freq")
        .add_text_field("header", tokenizer_name="words", index_option="freq")
        .build()
    )
    index = tantivy.Index(schema, path=str(folder))
    index.register_tokenizer("words", analyzer())
    return index


def _count_forms(pairs: Iterable[tuple[str, str]]) -> _Forms:
    texts: Counter[str] = Counter()
    headers: dict[str, None] = {}
    for header, text in pairs:
        texts.update(written_forms(text))
        headers[header] = None  # an article's passages share one
    return _Forms(texts, list(dict.fromkeys(form for header in headers for form in written_forms(header))))


def _first_rows(folder: Path) -> list[int]:
    """Find the row at which each segment's block begins."""
    rows, row = [], 0
    for block in _read_blocks(folder):
        rows += [row] * len(block.segments)
        row += block.passages
    return rows


def _read_blocks(folder: Path) -> list[_Block]:
    try:
        return [_Block(*each) for each in json.loads((folder / _BLOCK_FILE).read_bytes())]
    except (TypeError, RecursionError) as error:
        raise ValueError("the blocks are no blocks") from error


def matched_words(terms: dict[str, dict[str, float]], text: str) -> tuple[str, ...]:
    """Return the question's words whose ``terms`` (of ``Keywords.terms``) stand in a text, in their order.

    >>> matched_words({"bridges": {"bridg": 1.0}, "rain": {"rain": 1.0}}, "One bridge fell.")
    ('bridges',)
    """
    present = {stem(word) for word in words(split_unspaced(text))}
    return tuple(word for word, weights in terms.items() if any(term in present for term in weights))


@contextmanager
def _damage_told() -> Iterator[None]:
    """Raise IndexCorrupt for what tantivy raises over files that are not as it wrote them.

    Its panics are no Exception, and would pass all that answers a question whatever happens.
    """
    try:
        yield
    except BaseException as error:
        if isinstance(error, ValueError) or type(error).__name__ == "PanicException":
            raise IndexCorrupt("the words of the index are damaged; run: rag build") from error
        raise


def _open(folder: Path, owner: object) -> tantivy.Index:
    import tantivy

    try:
        return tantivy.Index.open(str(folder))
    except ValueError:
        # A reader wants to place a lock file, which a read-only disk refuses: it gets links in a folder that takes one.
        scratch = Path(mkdtemp(prefix="footnote-"))
        weakref.finalize(owner, shutil.rmtree, scratch, ignore_errors=True)
        for each in folder.iterdir():
            (scratch / each.name).symlink_to(each.resolve())
        return tantivy.Index.open(str(scratch))
