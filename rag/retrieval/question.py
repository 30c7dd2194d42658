"""Understand a question: its words, how much each weighs, which are names, and whether it is about time."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from rag.text.stems import stems
from rag.text.words import FUNCTION_WORDS, words


class Vocabulary(Protocol):
    """What an index knows of its words."""

    def terms(self, question: str) -> dict[str, dict[str, float]]:
        """For each content word of a question the index terms it stands for, with a weight from 0 to 1."""
        ...

    def frequency(self, term: str) -> int:
        """In how many passages an index term stands."""
        ...

    def __len__(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Question:
    """Hold a question, understood: the ``weights`` of its content words are inverse document frequencies.

    ``terms`` are what each stands for in the index, ``names`` those that are names or numbers.
    """

    text: str
    terms: dict[str, dict[str, float]]
    weights: Mapping[str, float]
    names: frozenset[str]

    def coverage(
        self, stems: Collection[str], only: Collection[str] | None = None, near: Mapping[str, float] | None = None
    ) -> float:
        """Return the share of the question's weight, 0 to 1, that stands among some stems; 0 without words.

        ``only`` counts some of its words alone (1 where it has none of them); ``near`` says how much (0 to 1) a word counts
        that stands there in meaning.
        """
        reached = total = 0.0
        for word, weight in self.weights.items():
            if only is None or word in only:
                total += weight
                spelt = max((sure for term, sure in self.terms[word].items() if term in stems), default=0.0)
                reached += weight * max(spelt, (near or {}).get(word, 0.0))
        if not total:
            return 0.0 if only is None else 1.0
        return reached / total

    @property
    def stems(self) -> frozenset[str]:
        """Return the stems of all its words, function words too."""
        return stems(self.text)


def rarity(vocabulary: Vocabulary, *terms: str) -> float:
    """Return what a word weighs that an index knows by these terms: the rarer, the more."""
    # A word that stands nowhere weighs like one that stands once: most of such words are everyday ones by chance.
    return math.log(1 + len(vocabulary) / (max([1, *map(vocabulary.frequency, terms)]) + 0.5))


def understand(text: str, vocabulary: Vocabulary) -> Question:
    """Return what a question asks for, seen against the words of an index."""
    terms = vocabulary.terms(text)
    weights = {word: rarity(vocabulary, *meant) for word, meant in terms.items()}
    first = words(text)[0] if words(text) else ""
    names = frozenset(word for word in terms if _is_name(word) and (word != first or word.isdigit()))
    return Question(text, terms, weights, names)


_NOW = re.compile(
    r"\b(?:now|nowadays|today|currently|current|latest|newest|most recent|at present"
    r"|сейчас|теперь|сегодня|последн(?:яя|ий|ее|ие|юю)|нынешн\w+|текущ\w+|қазір\w*|бүгін\w*|соңғы)\b",
    re.IGNORECASE,
)


def asks_for_now(text: str) -> bool:
    """Tell whether a question asks for what holds now, or for the newest of several.

    >>> asks_for_now("What does a ride cost now?"), asks_for_now("What did a ride cost in 2016?")
    (True, False)
    """
    return bool(_NOW.search(text))


def _is_name(word: str) -> bool:
    return (word[0].isupper() and word.lower() not in FUNCTION_WORDS) or any(character.isdigit() for character in word)
