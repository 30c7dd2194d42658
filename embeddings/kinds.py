"""Tell kinds of texts apart by their nearness to examples.

A kind's score is the sum of the cosines with all examples, weighted by ridge regression: the single nearest example shares
the text's language rather than its kind.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embeddings import cache

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from embeddings import Vectors

RIDGE = 0.5
"""Regularization of the examples' weights."""
ORDINARY = "ordinary"
"""The kind of the examples that are of no other kind."""


def read_examples(path: Path) -> list[tuple[str, str]]:
    """Read the examples of a file, one a line, each with its kind: the word in brackets on the line above them."""
    pairs: list[tuple[str, str]] = []
    kind = ""
    for line in path.read_text("utf-8").splitlines():
        if line[:1] == "[" and line[1:-1].isalpha():
            kind = line[1:-1]
        elif line and kind:
            pairs.append((line, kind))
    return pairs


class Kinds:
    """Scores vectors by kind; what is learned from ``rows``, each text with its kind, is cached under ``name``.

    ``taken`` is the share of the ordinary examples that may pass ``threshold``, each judged by the others. ``depends`` is
    what else the vectors depend on, such as the model's fingerprint. ``found`` is the share of the other examples above
    the threshold, each judged by the others: small where the model cannot tell the kinds apart.
    """

    def __init__(
        self,
        name: str,
        rows: Mapping[str, str],
        taken: float,
        embed: Callable[[Sequence[str]], Vectors],
        depends: Sequence[str],
    ) -> None:
        self._kinds = [*dict.fromkeys(kind for kind in rows.values() if kind != ORDINARY), ORDINARY]
        parts = [Path(__file__).read_text("utf-8"), taken, *depends, *rows, *rows.values()]
        key = sha256(json.dumps(parts).encode()).hexdigest()[:24]
        learned = cache.cached_arrays(f"{name}-{key}", lambda: _learn(embed(list(rows)), rows, self._kinds, taken))
        self._mean, self._usual, self._weights = (learned[name] for name in ("mean", "usual", "weights"))
        self.threshold, self.found = float(learned["threshold"]), float(learned["found"])

    def margins(self, vectors: Vectors) -> list[dict[str, float]]:
        """Score each kind above an ordinary text, for each vector."""
        scores = _centred(vectors, self._mean) @ self._weights + self._usual
        above = scores - scores[:, -1:]
        return [dict(zip(self._kinds[:-1], map(float, row), strict=False)) for row in above]


def _learn(vectors: Vectors, rows: Mapping[str, str], kinds: list[str], taken: float) -> dict[str, NDArray[Any]]:
    """Weigh the examples and choose the threshold."""
    import numpy

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
    ordinary = numbers == len(kinds) - 1
    threshold = numpy.maximum(0.0, numpy.quantile(above[ordinary], 1 - taken))
    found = numpy.mean(above[~ordinary] > threshold)
    return {"mean": mean, "usual": usual, "weights": near.T @ shares, "threshold": threshold, "found": found}


def _centred(vectors: Vectors, mean: Vectors) -> Vectors:
    import numpy

    moved: Vectors = vectors - mean
    moved /= numpy.maximum(numpy.linalg.norm(moved, axis=1, keepdims=True), 1e-9)
    return moved
