"""Recognise questions about the folder itself, and small talk, by their nearness to example questions.

Topics and names are hidden behind an X first, so that they do not dominate.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from embeddings.kinds import ORDINARY, read_examples
from rag.text.stems import stem
from rag.text.words import FUNCTION_WORDS, words
from rag.types import Scope

if TYPE_CHECKING:
    from rag.cite.similarity import Similarity
    from rag.retrieval.mentions import Mention

TAKEN = 0.03
"""The share of the ordinary examples that may be taken for another kind, each judged by the others: sets the threshold."""
NEED_TOPIC = ("mention", "article")
_TELLING = 2  # times more questions about the folder than ordinary ones hold a telling word
_LONGEST = 200  # characters
_EXAMPLES = Path(__file__).with_suffix(".txt")
_QUOTES = '"“”„«»'
_QUOTED = re.compile(r"[\"“„«][^\"“”„«»]{2,200}[\"”“»]")
_WORD = re.compile(r"[^\W_]+")
_SHORT_WORDS = re.compile(r"[\s\"“”«»'’-]*(?:\w{1,3}[\s\"“”«»'’-]+)*")  # "of the", "de la"


class Examples(NamedTuple):
    """Example questions, each with its kind; X stands for a topic.

    ``known`` are the stems that need no X, ``telling`` those that ordinary questions seldom have, ``topical`` the kinds
    that can have a topic.
    """

    texts: tuple[str, ...]
    kinds: tuple[str, ...]
    known: frozenset[str]
    telling: frozenset[str]
    topical: frozenset[str]


class FolderQuestion:
    """A question as it is compared with the examples.

    ``masked`` has X for its ``topic`` (a run of words that no example has) and for what it names of the index; ``scope`` and
    ``labels`` are what it names for sure. ``possible`` is false where its words alone tell that it is ordinary.
    """

    def __init__(self, text: str, mentions: Sequence[Mention] = ()) -> None:
        examples = load_examples()
        self.text = text
        sure = [each for each in mentions if each.sure or each.kind == "document"]
        self.labels = tuple(each.label for each in sure)
        self.scope = _scope(sure)
        documents = [each for each in sure if each.kind == "document"]
        named = [(each.start, each.end) for each in sure]
        spans = [match.span() for match in _QUOTED.finditer(text)]
        spans += [match.span() for match in _WORD.finditer(text) if stem(match.group()) not in examples.known]
        runs = _join(text, sorted([*named, *spans]))
        topics = [(start, end) for start, end in runs if not any(start <= low and high <= end for low, high in named)]
        self.topic = text[slice(*topics[0])].strip(f"{_QUOTES} ") if topics else ""
        self.masked = text
        for start, end in reversed(runs):
            titled = text[start] in _QUOTES or any(start <= each.start < end for each in documents)
            self.masked = self.masked[:start] + ('"X"' if titled else "X") + self.masked[end:]
        found = {stem(word) for word in words(self.masked)}
        told = bool(documents or found & examples.telling)
        self.possible = len(topics) < 2 and (told or not runs) and len(text) <= _LONGEST

    def kind(self, similarity: Similarity) -> tuple[str, bool]:
        """Return its kind, empty for an ordinary question, and whether it is so with its topic. Raises EmbedderError."""
        if not self.possible:
            return "", False
        nearness = similarity.kinds("folder-questions", _rows, TAKEN)
        plain, masked = nearness.margins(similarity.embed([self.text, self.masked]))
        scores = {(kind, False): score for kind, score in plain.items() if kind not in NEED_TOPIC}
        if self.masked != self.text:
            scores |= {(kind, True): masked[kind] for kind in load_examples().topical}
        best = max(scores, key=lambda each: scores[each])
        return best if scores[best] > nearness.threshold else ("", False)


@lru_cache(maxsize=1)
def load_examples() -> Examples:
    """Read the examples and count their words."""
    pairs = read_examples(_EXAMPLES)
    about, ordinary = Counter[str](), Counter[str]()
    for text, kind in pairs:
        (ordinary if kind == ORDINARY else about).update({stem(word) for word in words(text) if word != "X"})
    return Examples(
        tuple(text for text, _ in pairs),
        tuple(kind for _, kind in pairs),
        frozenset(about) | {stem(word) for word in FUNCTION_WORDS},
        frozenset(word for word in about if about[word] >= _TELLING * ordinary[word]),
        frozenset(kind for text, kind in pairs if "X" in words(text) and kind != ORDINARY),
    )


def _rows() -> dict[str, str]:
    """Collect what is embedded, with its kind. Examples of which no word tells that they are ordinary come masked too."""
    examples = load_examples()
    rows = dict(zip(examples.texts, examples.kinds, strict=True))
    masked: dict[str, str] = {}
    for text, kind in rows.items():
        question = FolderQuestion(text)
        if kind != ORDINARY or question.possible or "X" in words(text):
            masked |= {text: kind, question.masked: kind}
    return masked


def _scope(mentions: Sequence[Mention]) -> Scope:
    values = {
        kind: tuple(value for each in mentions if each.kind == kind for value in each.values)
        for kind in ("outlet", "author", "document")
    }
    published = next((each.published for each in mentions if each.kind == "date"), ("", ""))
    return Scope(values["outlet"], values["author"], values["document"], published)


def _join(text: str, spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Join spans that overlap or have nothing but a few short words between them."""
    joined: list[tuple[int, int]] = []
    for start, end in spans:
        if joined and (start <= joined[-1][1] or _SHORT_WORDS.fullmatch(text, joined[-1][1], start)):
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined
