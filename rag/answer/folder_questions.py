"""Recognise questions about the folder itself, and small talk, by their nearness to example questions.

A kind's score is the sum of the cosines with all examples, weighted by ridge regression: the single nearest example has
the question's language rather than its kind. Topics and names are hidden behind an X first, so that they do not dominate.
"""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

from rag.errors import EmbedderError
from rag.text.stems import stem
from rag.text.words import FUNCTION_WORDS, words
from rag.types import Scope

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from embeddings import Embedder, Vectors
    from rag.retrieval.mentions import Mention

TAKEN = 0.03
"""The share of the ordinary examples that may be taken for another kind, each judged by the others: sets the threshold."""
RIDGE = 0.5
"""Regularization of the examples' weights."""
NEED_TOPIC = ("mention", "article")
_TELLING = 2  # times more questions about the folder than ordinary ones hold a telling word
_LONGEST = 200  # characters
_EXAMPLES = Path(__file__).with_suffix(".txt")
_ORDINARY = "ordinary"
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

    def kind(self, embedder: Embedder) -> tuple[str, bool]:
        """Return its kind, empty for an ordinary question, and whether it is so with its topic. Raises EmbedderError."""
        if not self.possible:
            return "", False
        nearness = _nearness(embedder)
        plain, masked = nearness.margins(embed_texts(embedder, [self.text, self.masked]))
        scores = {(kind, False): score for kind, score in plain.items() if kind not in NEED_TOPIC}
        if self.masked != self.text:
            scores |= {(kind, True): masked[kind] for kind in load_examples().topical}
        best = max(scores, key=lambda each: scores[each])
        return best if scores[best] > nearness.threshold else ("", False)


@lru_cache(maxsize=1)
def load_examples() -> Examples:
    """Read the examples and count their words."""
    pairs: list[tuple[str, str]] = []
    kind = ""
    for line in _EXAMPLES.read_text("utf-8").splitlines():
        if line.startswith("["):
            kind = line.strip("[]")
        elif line and kind:
            pairs.append((line, kind))
    about, ordinary = Counter[str](), Counter[str]()
    for text, kind in pairs:
        (ordinary if kind == _ORDINARY else about).update({stem(word) for word in words(text) if word != "X"})
    return Examples(
        tuple(text for text, _ in pairs),
        tuple(kind for _, kind in pairs),
        frozenset(about) | {stem(word) for word in FUNCTION_WORDS},
        frozenset(word for word in about if about[word] >= _TELLING * ordinary[word]),
        frozenset(kind for text, kind in pairs if "X" in words(text) and kind != _ORDINARY),
    )


class _Nearness:
    """The weights of the examples for one embedder."""

    def __init__(self, embedder: Embedder) -> None:
        from embeddings.cache import cached_arrays

        rows = _rows()
        self._kinds = [*dict.fromkeys(kind for kind in rows.values() if kind != _ORDINARY), _ORDINARY]
        depends = [embedder.fingerprint, Path(__file__).read_text("utf-8"), *rows, *rows.values()]
        key = sha256(json.dumps(depends).encode()).hexdigest()[:24]
        learned = cached_arrays(f"folder-questions-{key}", lambda: _learn(embedder, rows, self._kinds))
        self._mean, self._usual, self._weights = (learned[name] for name in ("mean", "usual", "weights"))
        self.threshold = float(learned["threshold"])

    def margins(self, vectors: Vectors) -> list[dict[str, float]]:
        """Score each kind above an ordinary question, for each vector."""
        scores = _centred(vectors, self._mean) @ self._weights + self._usual
        above = scores - scores[:, -1:]
        return [dict(zip(self._kinds[:-1], map(float, row), strict=False)) for row in above]


def _learn(embedder: Embedder, rows: dict[str, str], kinds: list[str]) -> dict[str, NDArray[Any]]:
    """Embed the examples and weigh them."""
    import numpy

    vectors = embed_texts(embedder, list(rows))
    mean = vectors.mean(axis=0)
    near = _centred(vectors, mean)
    numbers = numpy.array([kinds.index(kind) for kind in rows.values()])
    wanted = numpy.eye(len(kinds), dtype=numpy.float32)[numbers]
    usual = wanted.mean(axis=0)
    inverse = numpy.linalg.inv(near @ near.T + RIDGE * numpy.eye(len(rows), dtype=numpy.float32))
    shares = inverse @ (wanted - usual)
    # What each example would score, were it not among the examples (leave-one-out, in closed form).
    left_out = wanted - shares / inverse.diagonal()[:, None]
    above = left_out[:, :-1].max(axis=1) - left_out[:, -1]
    threshold = max(0.0, float(numpy.quantile(above[numbers == len(kinds) - 1], 1 - TAKEN)))
    return {"mean": mean, "usual": usual, "weights": near.T @ shares, "threshold": numpy.array(threshold)}


def _centred(vectors: Vectors, mean: Vectors) -> Vectors:
    import numpy

    moved: Vectors = vectors - mean
    moved /= numpy.maximum(numpy.linalg.norm(moved, axis=1, keepdims=True), 1e-9)
    return moved


def embed_texts(embedder: Embedder, texts: Sequence[str]) -> Vectors:
    """Embed texts in one batch, cutting those that are too long. One by one takes many times longer.

    Raises EmbedderError.
    """
    with EmbedderError.translated():
        counts, most = embedder.count_tokens(texts), embedder.max_tokens
        cut = [
            text if n <= most else text[: len(text) * most // (2 * n)] for text, n in zip(texts, counts, strict=True)
        ]
        return embedder.embed_documents(cut)


def _rows() -> dict[str, str]:
    """Collect what is embedded, with its kind. Examples of which no word tells that they are ordinary come masked too."""
    examples = load_examples()
    rows = dict(zip(examples.texts, examples.kinds, strict=True))
    masked: dict[str, str] = {}
    for text, kind in rows.items():
        question = FolderQuestion(text)
        if kind != _ORDINARY or question.possible or "X" in words(text):
            masked |= {text: kind, question.masked: kind}
    return masked


_known: WeakKeyDictionary[Embedder, _Nearness] = WeakKeyDictionary()
_learning = threading.Lock()


def _nearness(embedder: Embedder) -> _Nearness:
    """Learn from the examples once for each embedder. Others that need them wait."""
    with _learning:
        if embedder not in _known:
            _known[embedder] = _Nearness(embedder)
        return _known[embedder]


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
