"""The keyword half of the index: BM25 over stems, in tantivy; English and Russian stemming, accents folded.

Chinese, Japanese and Thai are indexed by pairs of characters, for they write words without spaces.

tantivy was 30 times faster than the next engine on a million passages and its files are memory-mapped, so nothing of the
index lives in our memory.
"""

from __future__ import annotations

import math
import shutil
import weakref
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, NamedTuple

from rag.errors import IndexCorrupt
from rag.spelling import Spellings, is_cyrillic, written_forms
from rag.words import content_words, split_unspaced, words

if TYPE_CHECKING:
    import tantivy

LEXICAL_VERSION = "3"
"""Changes whenever the same passages would be indexed differently."""

# How much a word in the title, the outlet or the date counts against the same word in the passage.
_HEADER_WEIGHT = 0.3
# A word has at most so many other spellings; the most frequent ones are kept.
_MOST_SPELLINGS = 4
# Shorter words are too near to one another.
_SHORTEST_SPELT = 4
_LONGEST_WORD = 64
_FOLDED = str.maketrans("ёЁ⁰¹²³⁴⁵⁶⁷⁸⁹", "еЕ          ")
_WRITER_MEMORY = 64 * 1024 * 1024


class KeywordHit(NamedTuple):
    """A passage found by its words: its row, counted from 0, and its BM25 score (0 or more)."""

    row: int
    score: float


class KeywordIndex:
    """Passages found by their words; made once, never changed.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> create_keyword_index(folder, [("", "The bridges were closed."), ("", "It rained.")])
    >>> [hit.row for hit in KeywordIndex(folder).search("Which bridge is closed?", 5)]
    [0]
    """

    def __init__(self, folder: Path) -> None:
        with _damage_told():
            self._index = _open(folder, self)
            self._index.register_tokenizer("words", _analyzer())
            self._searcher = self._index.searcher()
        # Not when it is first needed: by then a newer generation may have taken the folder's place.
        self._spellings = Spellings.open(folder)

    def __len__(self) -> int:
        with _damage_told():
            return int(self._searcher.num_docs)

    def search(self, question: str, k: int) -> list[KeywordHit]:
        """The ``k`` best passages for the question's content words, best first, equal scores by row."""
        return self.find(self.terms(question), k)

    def find(self, terms: dict[str, dict[str, float]], k: int) -> list[KeywordHit]:
        """The same for what ``terms`` made of a question."""
        query = self._query(terms)
        if query is None or k < 1 or not len(self):
            return []
        with _damage_told():
            found = self._searcher.search(query, min(k, len(self)), count=False).hits
            rows = self._searcher.fast_field_values("row", [address for _, address in found])
        hits = [KeywordHit(int(row or 0), float(score)) for row, (score, _) in zip(rows, found, strict=True)]
        return sorted(hits, key=lambda hit: (-hit.score, hit.row))

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

    def frequency(self, term: str) -> int:
        """In how many passages an index term stands, as ``terms`` and ``stem`` give it."""
        with _damage_told():
            return max(self._searcher.doc_freq("text", term), self._searcher.doc_freq("header", term)) if term else 0

    def _other_spellings(self, word: str, term: str) -> dict[str, float]:
        """The names that sound like one that is known; everyday words have one spelling."""
        if len(word) < _SHORTEST_SPELT or not (self._spellings.written(word) or word)[0].isupper():
            return {}
        names = [form for form in self._spellings.same(word) if form[0].isupper() and stem(form) != term]
        # Who asks in one alphabet would rather read the articles in it.
        return self._weighted(word, {form: 1 + (is_cyrillic(form) != is_cyrillic(word)) for form in names})

    def _meant(self, word: str, term: str) -> dict[str, float]:
        """The terms that an unknown word may be with a typing error, the likeliest alone."""
        if len(word) < _SHORTEST_SPELT or not word.isalpha():
            return {term: 1.0}
        costs = self._spellings.meant(word)
        least = min(costs.values(), default=0)
        return self._weighted(word, {form: cost for form, cost in costs.items() if cost == least}) or {term: 1.0}

    def _weighted(self, word: str, costs: dict[str, int]) -> dict[str, float]:
        """The terms of some forms, the likelier the longer the word and the lower the cost; the most frequent ones."""
        weights: dict[str, float] = {}
        for form, cost in costs.items():
            weights.setdefault(stem(form), round(1 - cost / (len(word) + 1), 3))
        known = sorted(weights, key=lambda term: (-weights[term], -self.frequency(term), term))[:_MOST_SPELLINGS]
        return {term: weights[term] for term in known if self.frequency(term)}

    def _rarity(self, frequency: int) -> float:
        return math.log(1 + (len(self) - frequency + 0.5) / (frequency + 0.5))

    def _query(self, terms: dict[str, dict[str, float]]) -> tantivy.Query | None:
        from tantivy import Occur, Query

        schema, parts = self._index.schema, []
        for weights in terms.values():
            usual = self._rarity(max((self.frequency(term) for term in weights), default=0))
            for term, weight in weights.items():
                # BM25 would take a rare spelling of a frequent name for a rare name.
                weight *= min(1.0, usual / self._rarity(self.frequency(term)))
                text = Query.term_query(schema, "text", term, "freq")
                header = Query.term_query(schema, "header", term, "freq")
                parts.append((Occur.Should, Query.boost_query(text, weight)))
                parts.append((Occur.Should, Query.boost_query(header, weight * _HEADER_WEIGHT)))
        return Query.boolean_query(parts) if parts else None


def create_keyword_index(folder: Path, passages: Iterable[tuple[str, str]]) -> None:
    """Indexes (header line, text) pairs into an existing, empty folder; row i belongs to pair i.

    Raises OSError where the disk refuses.
    """
    try:
        _write(folder, passages)
    except ValueError as error:
        raise OSError(str(error)) from error
    for lock in folder.glob("*.lock"):
        lock.unlink()


def _write(folder: Path, passages: Iterable[tuple[str, str]]) -> None:
    import tantivy

    schema = (
        tantivy.SchemaBuilder()
        .add_unsigned_field("row", fast=True)
        .add_text_field("text", tokenizer_name="words", index_option="freq")
        .add_text_field("header", tokenizer_name="words", index_option="freq")
        .build()
    )
    index = tantivy.Index(schema, path=str(folder))
    index.register_tokenizer("words", _analyzer())
    # One thread writes one order of passages: the same articles give the same answers, also where scores are equal.
    writer = index.writer(heap_size=_WRITER_MEMORY, num_threads=1)
    forms: Counter[str] = Counter()
    titles: set[str] = set()
    try:
        for row, (header, text) in enumerate(passages):
            entry = tantivy.Document()
            entry.add_unsigned("row", row)
            entry.add_text("text", fold(text))
            entry.add_text("header", fold(header))
            forms.update(written_forms(text))
            titles.update(written_forms(header))
            writer.add_document(entry)
    except BaseException:
        writer.rollback()  # else its thread goes on writing while the folder is being removed
        raise
    writer.commit()
    writer.wait_merging_threads()
    # Titles write everyday words with capitals: they count only where the texts do not have a word.
    Spellings.of(dict.fromkeys(titles, 1) | forms).save(folder)


def matched_words(terms: dict[str, dict[str, float]], text: str) -> tuple[str, ...]:
    """The question's words whose terms stand in a text, in the question's order; ``terms`` as ``KeywordIndex.terms`` gives.

    >>> matched_words({"bridges": {"bridg": 1.0}, "rain": {"rain": 1.0}}, "One bridge fell.")
    ('bridges',)
    """
    present = {stem(word) for word in words(split_unspaced(text))}
    return tuple(word for word, weights in terms.items() if any(term in present for term in weights))


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """One word as the index knows it, or nothing where it is not indexed.

    >>> stem("Demonstrations"), stem("митинги"), stem("Café")
    ('demonstr', 'митинг', 'cafe')
    """
    found = _analyzer().analyze(fold(word))
    return str(found[0]) if found else ""


def fold(text: str) -> str:
    """Write one letter for spellings that Russian readers hold to be one; split what has no spaces; drop raised figures.

    >>> fold("Артём"), fold("2019¹")
    ('Артем', '2019 ')
    """
    return split_unspaced(text.translate(_FOLDED))


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


@lru_cache(maxsize=1)
def _analyzer() -> tantivy.TextAnalyzer:
    from tantivy import Filter, TextAnalyzerBuilder, Tokenizer

    # Each stemmer leaves the other's alphabet alone, so the two can follow one another.
    builder = TextAnalyzerBuilder(Tokenizer.simple()).filter(Filter.remove_long(_LONGEST_WORD))
    builder = builder.filter(Filter.lowercase()).filter(Filter.ascii_fold())
    return builder.filter(Filter.stemmer("english")).filter(Filter.stemmer("russian")).build()
