"""Compare a sentence in meaning with those alone that may carry it: embedding all would take most of the time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rag.cite.similarity import Similarity
from rag.retrieval.question import Vocabulary, rarity
from rag.text.stems import stem
from rag.text.words import content_words, words

if TYPE_CHECKING:
    from embeddings import Vectors

SENTENCES = 6
"""How many sentences a claim is compared with in meaning where they share words with it."""
WITHOUT_WORDS = 40
"""How many where none shares a word, as in another language."""
_AS_GOOD = 0.4
"""Sentences that share less of the claim than this times the best one's share are not embedded."""


class Shortlist(Similarity):
    """Compares a claim with the sentences that share most of its words; the others count as unrelated to it."""

    def __init__(self, similarity: Similarity, vocabulary: Vocabulary) -> None:
        self._whole = similarity
        self._vocabulary = vocabulary

    def between(self, texts: Sequence[str], others: Sequence[str]) -> Vectors:
        """Compare texts with the others that are short-listed, from 0 to 1; 0 for the rest. Raises EmbedderError."""
        import numpy

        cosines = numpy.zeros((len(texts), len(others)), dtype=numpy.float32)
        for row, text in enumerate(texts):
            if chosen := self.chosen(text, others):
                cosines[row, chosen] = self._whole.between([text], [others[each] for each in chosen])[0]
        return cosines

    def vectors(self, texts: Sequence[str]) -> Vectors:
        """Embed texts; raises EmbedderError."""
        return self._whole.vectors(texts)

    def chosen(self, text: str, others: Sequence[str]) -> list[int]:
        """Return the places of the sentences that are embedded for a claim, the best first."""
        asked = {stem(word) for word in content_words(text)}
        weights = {each: rarity(self._vocabulary, each) for each in asked if each}
        shares = [sum(weights[each] for each in weights.keys() & set(map(stem, words(other)))) for other in others]
        best = max(shares, default=0.0)
        if not best:
            return list(range(min(len(others), WITHOUT_WORDS)))
        ranked = sorted(range(len(others)), key=lambda each: -shares[each])[:SENTENCES]
        return [each for each in ranked if shares[each] >= _AS_GOOD * best]
