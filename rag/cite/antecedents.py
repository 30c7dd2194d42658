"""Find what a pronoun may stand for: the names in the sentences before it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from rag.text.facts import facts
from rag.text.names import plain, same_name
from rag.text.words import FUNCTION_WORDS, words

SENTENCES = 5
"""How many sentences before a pronoun are looked at."""
_NAMED = 2  # of them those that count: the nearest with a name
_PRONOUN = re.compile(
    r"\b(?:s?he|they|it|him|hers?|them|his|their|its|он[аио]?|его|е[её]|их|ему|ей|ими?|ней|н[её]м)\b", re.IGNORECASE
)
_PERSON = re.compile(r"\b(?:s?he|hers?|him|his|она?|его|е[её]|ему|ей|ним|ней|н[её]м)\b", re.IGNORECASE)
_SUBJECT = re.compile(r"\b(?:s?he|она?)\b", re.IGNORECASE)


def antecedents(sentence: str, before: Sequence[str]) -> tuple[str, ...]:
    """List the sentences that a sentence's pronoun may hang on, none where a name stands before it.

    ``before`` are the sentences in front of it, the nearest last: those with names count, up to two.

    >>> antecedents("Yet he won.", ["Ana met Tom Vale.", "Jon Brask ran.", "The vote let him smile.", "It was Pia Lund."])
    ('Jon Brask ran.', 'It was Pia Lund.')
    >>> antecedents("Ana Brik said that he won.", ["Jon Brask ran again."])
    ()
    """
    found = _PRONOUN.search(sentence)
    if found is None or _facts(sentence[: found.start()]):
        return ()
    return _named(before)


def somebody_else(
    claim: str, before: Sequence[str], evidence: str, passage: Sequence[str], is_name: Callable[[str], bool]
) -> tuple[int, int] | None:
    """Return the place of a claim's subject where its evidence is about others; None where that is not sure.

    The subject is a name in front, or who "she" is by the sentences ``before``; ``passage`` are those before the evidence.
    A word that alone begins the claim is a name where ``is_name`` says so.

    >>> passage = ["Ana Brik runs the port."]
    >>> somebody_else("Tom Vale left the port.", [], "She left it at night.", passage, str.istitle)
    (0, 8)
    >>> somebody_else("She left the port.", ["Tom Vale met Ana Brik."], "She left it at night.", passage, str.istitle)
    >>> somebody_else("She left the port.", ["Pia Lund got up."], "Ana Brik left it.", [], str.istitle)
    (0, 3)
    """
    pronoun = _SUBJECT.search(claim)
    if pronoun and not _facts(claim[: pronoun.start()]):
        start, end = pronoun.span()
        hung = antecedents(claim, before)
        subject = names(hung) if any(map(_facts, hung)) else frozenset()
    else:
        start, end = _opening(claim, is_name)
        subject = frozenset(map(plain, words(claim[start:end]))) if _SUBJECT.search(evidence) else frozenset()
    around = names([evidence])
    if _PERSON.search(evidence):
        named = _named(passage)
        if not named:
            return None
        around |= names(named)
    if not subject or not around or any_same(subject, around):
        return None
    return start, end


def _named(before: Sequence[str]) -> tuple[str, ...]:
    return tuple([each for each in before[-SENTENCES:] if names([each])][-_NAMED:])


def names(sentences: Iterable[str]) -> frozenset[str]:
    """List the names of some sentences, the words that they begin with too."""
    found: set[str] = set()
    for sentence in sentences:
        found |= set(_facts(sentence))
        found |= {
            plain(word) for word in words(sentence)[:1] if word[0].isupper() and word.lower() not in FUNCTION_WORDS
        }
    return frozenset(found)


def any_same(names: Iterable[str], others: Iterable[str]) -> bool:
    """Tell whether one of the names is one of the others."""
    others = list(others)
    return any(same_name(one, other) for one in names for other in others)


def _facts(text: str) -> list[str]:
    return [plain(text[fact.start : fact.end]) for fact in facts(text) if fact.kind == "name"]


def _opening(claim: str, is_name: Callable[[str], bool]) -> tuple[int, int]:
    """Find the name that a claim begins with; an empty span where it begins otherwise."""
    end = 0
    for fact in facts(claim):
        if fact.kind == "name" and not claim[end : fact.start].strip():
            end = fact.end
    first = re.match(r"[^\W\d_]+", claim)
    return (0, first.end()) if not end and first and is_name(first[0]) else (0, end)
