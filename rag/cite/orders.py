"""Find sentences of an article that are addressed to a language model, by their nearness to examples."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from embeddings.kinds import Kinds, read_examples
from rag.text.sentences import sentence_spans

if TYPE_CHECKING:
    from rag.cite.similarity import Similarity

TAKEN = 0.02
"""The share of the ordinary examples, most of them chosen to look like orders, that may be taken for one."""
LEAST_FOUND = 0.4
"""A model that finds a smaller share of the orders among the examples, by the others, is not asked."""
SURELY = 0.1
"""How far above the threshold an order must be for what follows it in its paragraph to belong to it."""
_EXAMPLES = Path(__file__).with_suffix(".txt")
_ORDER = "order"
_COLON = re.compile(r":\s")
_SHORT = 15  # characters; "SYSTEM:" tells little by itself


def learn(similarity: Similarity) -> Kinds:
    """Embed the examples, unless they were before on this machine; raises EmbedderError."""
    return similarity.kinds("orders", lambda: dict(read_examples(_EXAMPLES)), TAKEN)


def orders_within(text: str, similarity: Similarity) -> list[bool]:
    """Tell which sentences of a passage are orders, or follow a sure one in its paragraph. Raises EmbedderError."""
    kinds, spans = learn(similarity), sentence_spans(text)
    if not spans or kinds.found < LEAST_FOUND:
        return [False] * len(spans)
    sentences = [text[start:end] for start, end in spans]
    # What is to be answered stands behind a colon and would hide the order before it.
    heads = [_COLON.split(each, maxsplit=1)[0] for each in sentences]
    heads = [head if len(head) >= _SHORT else each for head, each in zip(heads, sentences, strict=True)]
    scores = [each[_ORDER] for each in kinds.margins(similarity.vectors([*sentences, *heads]))]
    scores = [max(pair) - kinds.threshold for pair in zip(scores[: len(spans)], scores[len(spans) :], strict=True)]
    orders, follows = list[bool](), False
    for place, (start, _) in enumerate(spans):
        follows = follows and "\n" not in text[spans[place - 1][1] : start]
        orders.append(follows or scores[place] > 0)
        follows = follows or scores[place] > SURELY
    return orders
