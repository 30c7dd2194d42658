"""The words of a few texts, in memory: what an index knows of its words."""

from __future__ import annotations

from collections.abc import Sequence

from rag.text.stems import stem
from rag.text.words import content_words, words


class Vocabulary:
    """As ``rag.retrieval.question.Vocabulary`` asks for it, a text a passage."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._rows = [{stem(word) for word in words(text)} for text in texts]

    def terms(self, question: str) -> dict[str, dict[str, float]]:
        return {word: {stem(word): 1.0} for word in content_words(question)}

    def frequency(self, term: str) -> int:
        return sum(term in row for row in self._rows)

    def __len__(self) -> int:
        return len(self._rows)
