"""Words as the index knows them: folded, without endings, English and Russian."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from rag.text.words import split_unspaced, words

if TYPE_CHECKING:
    import tantivy

_FOLDED = str.maketrans("ёЁ⁰¹²³⁴⁵⁶⁷⁸⁹", "еЕ          ")
_LONGEST_WORD = 64


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """Return one word as the index knows it, or nothing where it is not indexed.

    >>> stem("Demonstrations"), stem("митинги"), stem("Café")
    ('demonstr', 'митинг', 'cafe')
    """
    found = analyzer().analyze(fold(word))
    return str(found[0]) if found else ""


def stems(text: str) -> frozenset[str]:
    """Return the stems of a text's words, function words too."""
    return frozenset(map(stem, words(text)))


def analyzed(text: str) -> list[str]:
    """Return all words of a text as the index knows them.

    >>> analyzed("The trams stopped.")
    ['the', 'tram', 'stop']
    """
    return [str(term) for term in analyzer().analyze(fold(text))]


def fold(text: str) -> str:
    """Fold letters that Russian readers hold to be one; split what has no spaces; drop raised figures.

    >>> fold("Артём"), fold("2019¹")
    ('Артем', '2019 ')
    """
    return split_unspaced(text.translate(_FOLDED))


@lru_cache(maxsize=1)
def analyzer() -> tantivy.TextAnalyzer:
    """Build the analyzer of words: without endings, by the English and the Russian Snowball stemmer."""
    from tantivy import Filter, TextAnalyzerBuilder, Tokenizer

    # Each stemmer leaves the other's alphabet alone, so the two can follow one another.
    builder = TextAnalyzerBuilder(Tokenizer.simple()).filter(Filter.remove_long(_LONGEST_WORD))
    builder = builder.filter(Filter.lowercase()).filter(Filter.ascii_fold())
    return builder.filter(Filter.stemmer("english")).filter(Filter.stemmer("russian")).build()
