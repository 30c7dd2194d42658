"""Tell whether a text supports a claim, contradicts it or does not state it, on the default embedder's own weights.

What is shipped beside those weights are adapters of rank 16 for the upper layers (LoRA, https://arxiv.org/abs/2106.09685) and
a linear head on the first token (https://arxiv.org/abs/1810.04805). benchmarks/train_checker.py trains them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy

from embeddings import Judgement
from embeddings.runtime import END, START, Encoder, batches, learned

if TYPE_CHECKING:
    from embeddings.unigram import UnigramTokenizer
    from embeddings.weights import Weights

ADAPTERS = Path(__file__).parent / "support_check.safetensors"
SUPPORTED, CONTRADICTED, NOT_STATED = range(3)
"""Rows of the head."""
MOST_TOKENS = 352  # of a claim and its evidence, as in training
MOST_CLAIM_TOKENS = 128


class BundledSupportCheck:
    """The bundled support check. Safe to call from any thread. Raises EmbeddingError for adapters that do not fit."""

    name = "footnote-support"

    def __init__(self, weights: Weights, tokenizer: UnigramTokenizer, adapters: Path = ADAPTERS) -> None:
        self._tokenizer = tokenizer
        layers, head = learned(adapters)
        self._head, self._bias = head["label.weight"], head["label.bias"]
        self._encoder = Encoder(weights, layers)

    def judge(self, pairs: Sequence[tuple[str, str]]) -> list[Judgement]:
        """Judge each (claim, evidence); evidence that is too long for the model loses its end."""
        ids = [encoded(self._tokenizer, claim, evidence) for claim, evidence in pairs]
        judged: dict[int, Judgement] = {}
        rows = list(batches([len(each) for each in ids]))
        read = self._encoder.each(([ids[i] for i in batch] for batch in rows), adapted=True)
        for batch, (hidden, _) in zip(rows, read, strict=True):
            scores = hidden[:, 0] @ self._head.T + self._bias
            shares = numpy.exp(scores - scores.max(axis=1, keepdims=True))
            shares /= shares.sum(axis=1, keepdims=True)
            judged.update(zip(batch, (Judgement(*map(float, row)) for row in shares), strict=True))
        return [judged[i] for i in range(len(ids))]


def encoded(tokenizer: UnigramTokenizer, claim: str, evidence: str) -> list[int]:
    """Write a claim and its evidence as the model reads them."""
    before = [START, *tokenizer.ids(f"query: {claim}")[:MOST_CLAIM_TOKENS], END, END]
    return [*before, *tokenizer.ids(evidence)[: MOST_TOKENS - len(before) - 1], END]
