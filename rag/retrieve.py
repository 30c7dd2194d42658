"""A question finds passages: by meaning and by words, the two fused and reranked; each step is a small function."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rag.errors import EmbedderError, QuestionError
from rag.index import Index
from rag.lexical import KeywordHit, matched_words, stem
from rag.question import Question, understand
from rag.sentences import sentence_spans
from rag.types import Header, Hit, Passage, Why
from rag.words import words

if TYPE_CHECKING:
    from embeddings import Embedder, Neighbor, Vectors

LONGEST_QUESTION = 2000
"""Characters; a longer text is not a question."""
DENSE_WEIGHT = 0.5
"""The share of meaning in the fused score; the rest is keywords. Chosen on three sets, see benchmarks/README.md."""
SENTENCE_WEIGHT = 0.3
"""How much the best sentence's share of the question's words counts beside the fused score."""
_POOL = 50
_RERANKED = 24


def retrieve(index: Index, embedder: Embedder, question: str, k: int) -> list[Hit]:
    """The ``k`` best passages for a question, best first, fewer where there are fewer.

    Both halves of the index name candidates; every candidate then gets both scores, each scaled to 0–1 over the candidates,
    and their weighted sum ranks it. Raises QuestionError for a question or a ``k`` that cannot be used.
    """
    question, k = check_question(question), check_k(k)
    pool = max(_POOL, 2 * k)
    asked = understand(question, index)
    vector = embed_question(embedder, question)
    dense = index.nearest(vector, pool)
    keywords = index.keywords(asked.terms, pool)
    rows = sorted({hit.row for hit in dense} | {hit.row for hit in keywords})
    cosines = dict(zip(rows, index.cosines(vector, rows), strict=True))
    scores = fuse(cosines, {hit.row: hit.score for hit in keywords})
    first = sorted(rows, key=lambda row: (-scores[row], row))[: max(_RERANKED, k)]
    passages = dict(zip(first, index.passages(first), strict=True))
    scores = rerank(asked, {row: scores[row] for row in first}, passages)
    best = sorted(first, key=lambda row: (-scores[row], row))[:k]
    return _hits(asked.terms, best, passages, scores, cosines, _ranks(dense), keywords)


def rerank(
    question: Question, scores: Mapping[int, float], passages: Mapping[int, tuple[Passage, Header]]
) -> dict[int, float]:
    """The same rows with scores from 0 to 1 that also count how much of the question stands together in one sentence.

    A passage that holds the question's words near one another answers it more often than one that holds them apart; this
    moved the right passage up on every set we measured, and needs no model.
    """
    most = 1 + SENTENCE_WEIGHT
    return {
        row: round((score + SENTENCE_WEIGHT * sentence_coverage(question, *passages[row])) / most, 6)
        for row, score in scores.items()
    }


def sentence_coverage(question: Question, passage: Passage, header: Header) -> float:
    """The most that one sentence covers of the question, 0 to 1: half for itself, half with its neighbours and the header."""
    of_header = frozenset(map(stem, words(header.byline())))
    spans = sentence_spans(passage.text)
    stems = [frozenset(map(stem, words(passage.text[start:end]))) for start, end in spans]
    return max(
        (question.coverage(own) + question.coverage(of_header.union(*stems[max(0, i - 1) : i + 2]))) / 2
        for i, own in enumerate(stems)
    )


def embed_question(embedder: Embedder, question: str) -> Vectors:
    """The question's vector; raises EmbedderError where the model fails."""
    from embeddings import EmbeddingError

    try:
        return embedder.embed_query(question)
    except EmbeddingError as error:
        raise EmbedderError(str(error)) from error


def fuse(cosines: dict[int, float], keywords: dict[int, float], weight: float = DENSE_WEIGHT) -> dict[int, float]:
    """For each row of ``cosines`` a score from 0 to 1: the weighted sum of both halves, each scaled to its best and worst.

    Scaled scores ranked better than reciprocal ranks on every set we measured, because a rank forgets by how much.

    >>> fuse({1: 0.8, 2: 0.4, 3: 0.6}, {2: 5.0}, weight=0.5)
    {1: 0.5, 2: 0.5, 3: 0.25}
    """
    low, high = min(cosines.values(), default=0.0), max(cosines.values(), default=0.0)
    most = max(keywords.values(), default=0.0)
    scores = {}
    for row, cosine in cosines.items():
        dense = (cosine - low) / (high - low) if high > low else 1.0
        words = keywords.get(row, 0.0) / most if most else 0.0
        scores[row] = round(weight * dense + (1 - weight) * words, 6)
    return scores


def check_question(question: object) -> str:
    """The question in NFC, without invisible and control characters; raises QuestionError where nothing can be asked.

    >>> check_question(" Who\\x00 voted\\u200b? ")
    'Who voted?'
    """
    if not isinstance(question, str):
        raise QuestionError(f"a question is text, not {type(question).__name__}; ask with a string")
    known = unicodedata.normalize("NFC", question.encode("utf-8", "replace").decode("utf-8"))
    # Articles hold neither: controls part words, invisible marks (zero-width, bidirectional) stand inside them.
    kinds = {character: unicodedata.category(character) for character in set(known)}
    shown = (
        " " if kinds[character] in ("Cc", "Zl", "Zp") else character for character in known if kinds[character] != "Cf"
    )
    text = " ".join("".join(shown).split())
    if not text:
        raise QuestionError("the question is empty; type what you want to know")
    if len(text) > LONGEST_QUESTION:
        raise QuestionError(
            f"a question may have {LONGEST_QUESTION:,} characters, this one has {len(text):,}; ask a shorter one"
        )
    return text


def check_k(k: object) -> int:
    """The number of passages wanted, as it is; raises QuestionError unless it is a whole number from 1 to 1,000."""
    if not isinstance(k, int) or isinstance(k, bool) or not 1 <= k <= 1000:
        raise QuestionError(
            f"k is how many passages to find, a whole number from 1 to 1000, not {k!r}; leave it out for 8"
        )
    return k


def _ranks(found: Sequence[Neighbor]) -> dict[int, int]:
    return {hit.row: rank for rank, hit in enumerate(found, start=1)}


def _hits(
    terms: dict[str, dict[str, float]],
    rows: Sequence[int],
    passages: Mapping[int, tuple[Passage, Header]],
    scores: Mapping[int, float],
    cosines: Mapping[int, float],
    dense_ranks: Mapping[int, int],
    keywords: Sequence[KeywordHit],
) -> list[Hit]:
    keyword_ranks = {hit.row: (rank, hit.score) for rank, hit in enumerate(keywords, start=1)}
    hits = []
    for row in rows:
        passage, header = passages[row]
        rank, score = keyword_ranks.get(row, (None, None))
        matched = matched_words(terms, f"{header.byline()}\n{passage.text}")
        why = Why(
            dense_ranks.get(row), round(cosines[row], 6), rank, None if score is None else round(score, 6), matched
        )
        hits.append(Hit(passage=passage, document=header, score=scores[row], why=why))
    return hits
