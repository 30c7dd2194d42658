"""BM25 as inner products of sparse vectors, for engines that know those: the numbers are tantivy's.

A passage's weights hold all that depends on it, a question's all that depends on the rest. So any engine that multiplies
sparse vectors ranks as the keywords of a folder do, whatever it thinks of words, and spellings keep their weights.
A dimension is a hash of a term and of where it stands, in the text or in the header.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING

from rag.errors import IndexCorrupt
from rag.index.keywords import HEADER_WEIGHT
from rag.text.stems import analyzed

if TYPE_CHECKING:
    from numpy import uint32
    from numpy.typing import NDArray

K1, B = 1.2, 0.75
_NOTHING = 0
"""The dimension of a passage without words, which no question asks for: an empty vector is none."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What all passages together are: in how many of them each dimension is, and how long they are on average.

    ``dimensions`` are sorted; 8 bytes a term keep a large vocabulary small.
    """

    passages: int
    averages: tuple[float, float]
    dimensions: NDArray[uint32]
    frequencies: NDArray[uint32]

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]]) -> Counts:
        """Count (header line, text) pairs."""
        import numpy

        counts: Counter[int] = Counter()
        passages, lengths = 0, [0, 0]
        for header, text in pairs:
            passages += 1
            for place, terms in enumerate((analyzed(text), analyzed(header))):
                lengths[place] += len(terms)
                counts.update({dimension(term, place) for term in terms})
        known = sorted(counts)
        return cls(
            passages,
            (lengths[0] / max(1, passages), lengths[1] / max(1, passages)),
            numpy.array(known, dtype=numpy.uint32),
            numpy.array([counts[each] for each in known], dtype=numpy.uint32),
        )

    def frequency(self, wanted: int) -> int:
        """In how many passages a dimension is."""
        at = int(self.dimensions.searchsorted(wanted))
        return int(self.frequencies[at]) if at < len(self.dimensions) and self.dimensions[at] == wanted else 0

    def to_bytes(self) -> bytes:
        """Write both columns, four bytes a number."""
        return self.dimensions.astype("<u4").tobytes() + self.frequencies.astype("<u4").tobytes()

    @classmethod
    def from_bytes(cls, data: bytes, passages: int, averages: Sequence[float]) -> Counts:
        """Read what ``to_bytes`` wrote; raises IndexCorrupt."""
        import numpy

        if len(data) % 8 or len(averages) != 2:
            raise IndexCorrupt("the words of the index are damaged; run: rag build")
        columns = numpy.frombuffer(data, dtype="<u4").reshape(2, -1)
        return cls(passages, (averages[0], averages[1]), columns[0], columns[1])


@lru_cache(maxsize=65536)
def dimension(term: str, place: int) -> int:
    """Return the dimension of a term in the text (``place`` 0) or the header (1): 1 to 2^32 - 2.

    >>> dimension("tram", 0) == dimension("tram", 1)
    False
    """
    number = int.from_bytes(blake2b(f"{place}{term}".encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")
    return 1 + number % (2**32 - 3)


def passage_weights(header: str, text: str, counts: Counts) -> dict[int, float]:
    """Return the sparse vector of a passage."""
    weights: dict[int, float] = {}
    for place, terms in enumerate((analyzed(text), analyzed(header))):
        average = counts.averages[place]
        norm = K1 * (1 - B + B * _stored_length(len(terms)) / average) if average else K1
        for term, times in Counter(terms).items():
            key = dimension(term, place)
            weights[key] = weights.get(key, 0.0) + (1 + K1) * times / (times + norm)
    return weights or {_NOTHING: 1.0}


def question_weights(terms: Iterable[tuple[str, float]], counts: Counts) -> dict[int, float]:
    """Return the sparse vector of a question's terms with their weights."""
    weights: dict[int, float] = {}
    for term, weight in terms:
        for place, share in enumerate((1.0, HEADER_WEIGHT)):
            key = dimension(term, place)
            if frequency := counts.frequency(key):
                rarity = math.log(1 + (counts.passages - frequency + 0.5) / (frequency + 0.5))
                weights[key] = weights.get(key, 0.0) + weight * share * rarity
    return weights


def product(one: Mapping[int, float], other: Mapping[int, float]) -> float:
    """Return the inner product of two sparse vectors."""
    return sum(weight * other[key] for key, weight in one.items() if key in other)


def _stored_length(length: int) -> int:
    """Return a length as tantivy and Lucene keep it, in one byte.

    >>> _stored_length(40), _stored_length(41), _stored_length(100)
    (40, 40, 96)
    """
    return _LENGTHS[bisect_right(_LENGTHS, length) - 1]


def _length(byte: int) -> int:
    # https://github.com/apache/lucene/blob/main/lucene/core/src/java/org/apache/lucene/util/SmallFloat.java
    exact, rest = 24, byte - 24
    if rest < 0:
        return byte
    shift = (rest >> 3) - 1
    return exact + (rest & 7 if shift < 0 else (rest & 7 | 8) << shift)


_LENGTHS = [_length(byte) for byte in range(256)]
