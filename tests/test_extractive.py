"""The answerer without a model: which sentences it takes, in which order, and when it takes none."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations

import pytest

from embeddings import Embedder
from rag.extractive import (
    MOST_SENTENCES,
    Candidate,
    Scorer,
    SentenceReader,
    candidates,
    sentence_features,
    support_features,
)
from rag.lexical import stem
from rag.question import understand
from rag.similarity import Similarity
from rag.types import Header, Hit, Passage, Why
from vocabulary import Vocabulary

PASSAGES = (
    "The council voted 31 to 12 for a tram. The line will be 14 kilometres long. Mayor Ilse Kramer praised the vote.",
    "Harbour news\n\nFarmers at Lake Verrin protested. They said that the plant takes their water.",
)


def hits(texts: Sequence[str] = PASSAGES, offset: int = 100) -> tuple[Hit, ...]:
    found = []
    for number, text in enumerate(texts):
        passage = Passage(f"p{number}", f"{number}.md", offset, offset + len(text), text)
        header = Header(f"{number}.md", title=f"Report {number}")
        found.append(Hit(passage, header, 1 / (1 + number), Why(dense_score=0.5)))
    return tuple(found)


VOCABULARY = Vocabulary(PASSAGES)


def by_words(threshold: float = 0.3) -> Scorer:
    """A scorer whose decisions can be worked out by hand: the share of the question's words in the sentence."""
    return Scorer(rank={"coverage": 5.0}, support={"near_context_coverage": 10.0}, bias=-5.0, threshold=threshold)


def test_candidates_are_the_sentences_without_headings_and_know_where_they_stand() -> None:
    found = candidates(hits())
    assert [each.text for each in found] == [
        "The council voted 31 to 12 for a tram.",
        "The line will be 14 kilometres long.",
        "Mayor Ilse Kramer praised the vote.",
        "Farmers at Lake Verrin protested.",
        "They said that the plant takes their water.",
    ]
    for each in found:
        passage = each.hit.passage
        assert passage.text[each.start - passage.start : each.end - passage.start] == each.text
    assert found[1].around == "The council voted 31 to 12 for a tram. Mayor Ilse Kramer praised the vote."


def features_of(question: str, number: int) -> dict[str, float]:
    return sentence_features(understand(question, VOCABULARY), candidates(hits())[number], 0.7, {}, {})


def test_coverage_is_the_share_of_weight_by_hand() -> None:
    features = features_of("How long will the tram line at Lake Verrin be?", 1)
    rare = math.log(1 + 2 / 1.5)
    weights = dict.fromkeys(("long", "tram", "line", "Lake", "Verrin"), rare)
    total = sum(weights.values())
    assert features["coverage"] == pytest.approx((weights["line"] + weights["long"]) / total)
    assert features["context_coverage"] == pytest.approx((weights["line"] + weights["tram"] + weights["long"]) / total)
    assert features["name_coverage"] == 0.0
    assert features["cosine"] == 0.7


def test_the_kind_of_answer_is_seen() -> None:
    assert features_of("How long will the line be?", 1)["has_quantity"] == 1.0
    assert features_of("How many kilometres is the line?", 1)["has_number"] == 1.0
    assert features_of("How many kilometres is the line?", 4)["lacks_number"] == 1.0
    assert features_of("Who praised the vote?", 2)["has_name"] == 1.0


def test_word_pairs_count_in_order() -> None:
    assert features_of("Did Ilse Kramer praise?", 2)["pairs"] == 1.0
    assert features_of("Did Kramer Ilse praise?", 2)["pairs"] == 0.0


def test_support_sees_the_best_sentence_and_the_best_cosine_and_not_the_scaled_score() -> None:
    rows = [features_of("Who praised the vote?", number) for number in range(5)]
    rows[4]["cosine"] = 0.9
    seen = support_features(rows, 2)
    assert (seen["cosine"], seen["best_cosine"], seen["has_name"]) == (0.7, 0.9, 1.0)
    assert "passage_score" not in seen


def test_the_best_sentence_comes_first_and_below_the_threshold_none(hashing: Embedder) -> None:
    reading = SentenceReader(Similarity(hashing), by_words()).read("Who protested at Lake Verrin?", hits(), VOCABULARY)
    assert reading.evidence[0].quote == "Farmers at Lake Verrin protested."
    assert reading.support == pytest.approx(1 / (1 + math.exp(-5.0)))
    refused = SentenceReader(Similarity(hashing), by_words()).read("What is quicklime?", hits(), VOCABULARY)
    assert refused.evidence == ()
    assert refused.support == pytest.approx(1 / (1 + math.exp(5.0)))


def test_no_passages_are_no_evidence(hashing: Embedder) -> None:
    reading = SentenceReader(Similarity(hashing), by_words()).read("Who protested?", (), VOCABULARY)
    assert (reading.evidence, reading.support) == ((), 0.0)
    assert candidates(hits(["Harbour news"])) == []


def test_a_repeated_sentence_is_shown_once(hashing: Embedder) -> None:
    texts = [
        "Farmers at Lake Verrin protested.",
        "On Monday farmers at Lake Verrin protested.",
        "Farmers at Lake Verrin protested.",
    ]
    reading = SentenceReader(Similarity(hashing), by_words()).read(
        "Who protested at Lake Verrin?", hits(texts), Vocabulary(texts)
    )
    assert len(reading.evidence) == 1


def test_at_most_four_sentences_and_none_says_the_same(hashing: Embedder) -> None:
    names = ("Osk", "Velm", "Arno", "Brast", "Cullen", "Dreve")
    texts = [f"Protests in {name} against tram number {number} went on." for number, name in enumerate(names)]
    reading = SentenceReader(Similarity(hashing), by_words()).read(
        "What protests went on?", hits(texts), Vocabulary(texts)
    )
    assert 1 <= len(reading.evidence) <= MOST_SENTENCES
    for one, other in combinations(reading.evidence, 2):
        assert one.quote != other.quote


def test_sentences_of_one_passage_stand_together_in_reading_order(hashing: Embedder) -> None:
    texts = [
        "Alpha trams came. Beta lorries brought lake water. Gamma lake water trams left.",
        "Delta lake water ferries sank near the pier.",
    ]
    scorer = Scorer(rank={"coverage": 1.0}, support={}, bias=0.0, threshold=0.1)
    reading = SentenceReader(Similarity(hashing), scorer).read("lake water trams", hits(texts), Vocabulary(texts))
    quotes = [each.quote for each in reading.evidence]
    assert quotes[0] == "Gamma lake water trams left."
    assert quotes.index("Alpha trams came.") < quotes.index("Beta lorries brought lake water.")
    assert quotes[-1] == "Delta lake water ferries sank near the pier."


def dated(*published: str) -> tuple[Hit, ...]:
    """A hit for each date, of which each says a little less of what happened to the bridge in Osk than the one before."""
    texts = (
        "The bridge in Osk happened to be repaired.",
        "It happened near Osk that a bridge froze hard.",
        "Nobody happened to see how Velm lost another bridge overnight.",
    )
    found = []
    for number, (text, day) in enumerate(zip(texts, published, strict=False)):
        passage = Passage(f"p{number}", f"{number}.md", 0, len(text), text)
        found.append(Hit(passage, Header(f"{number}.md", published=day), 1 / (1 + number), Why(dense_score=0.5)))
    return tuple(found)


def read(hashing: Embedder, question: str, found: Sequence[Hit]) -> tuple[list[str], bool]:
    scorer = Scorer(rank={"coverage": 0.5}, support={}, bias=5.0, threshold=0.0)
    vocabulary = Vocabulary([hit.passage.text for hit in found])
    reading = SentenceReader(Similarity(hashing), scorer).read(question, found, vocabulary)
    return [each.hit.document.published for each in reading.evidence], reading.by_date


def test_a_course_of_events_is_told_from_the_oldest_to_the_newest(hashing: Embedder) -> None:
    found = dated("2031-03", "", "2030-05-06")
    question = "What has happened to the bridge in Osk since 2030?"
    assert read(hashing, question, found) == (["2030-05-06", "2031-03", ""], True)
    same = dated("2031-03", "2031-03", "2031-03")
    assert not read(hashing, question, same)[1]


@pytest.mark.parametrize(
    "question",
    ["Who repaired the bridge in Osk in 2030?", "When was the bridge in Osk repaired?", "Osk bridge repaired"],
)
def test_a_question_with_one_answer_keeps_it_first(hashing: Embedder, question: str) -> None:
    published, by_date = read(hashing, question, dated("2031-03", "", "2030-05-06"))
    assert published[0] == "2031-03"
    assert not by_date


def test_vectors_are_kept_and_the_same_from_many_threads(hashing: Embedder) -> None:
    from concurrent.futures import ThreadPoolExecutor

    reader = SentenceReader(Similarity(hashing), by_words())
    questions = ["Who protested at Lake Verrin?", "How long will the line be?", "What did Ilse Kramer praise?"] * 10
    expected = [
        SentenceReader(Similarity(hashing), by_words()).read(question, hits(), VOCABULARY) for question in questions
    ]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda question: reader.read(question, hits(), VOCABULARY), questions)) == expected


def test_the_shipped_weights_name_only_features_that_exist() -> None:
    scorer = Scorer.shipped()
    features = [features_of("How long will the line be?", number) for number in range(5)]
    assert scorer.rank.keys() <= features[0].keys()
    assert scorer.support.keys() <= support_features(features, 0).keys()
    assert 0 < scorer.threshold < 1


def test_a_candidate_is_frozen() -> None:
    with pytest.raises(AttributeError):
        candidates(hits())[0].text = "other"  # type: ignore[misc]


def test_candidate_is_exported_with_its_stems() -> None:
    assert isinstance(candidates(hits())[0], Candidate)
    assert candidates(hits())[3].stems == {stem(word) for word in ("Farmers", "at", "Lake", "Verrin", "protested")}
