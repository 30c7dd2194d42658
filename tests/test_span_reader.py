"""The bundled reader: the same numbers as the reference, and spans that stand in the text."""

from __future__ import annotations

import numpy
import pytest

from embeddings import Span, SpanReader, open_reranker, open_span_reader
from embeddings.span_reader import best_spans
from embeddings.unigram import Tokens

ARTICLE = (
    "The tram company of Port Velm employs 412 people. Olu Dace, who has led it since 2019, said on Monday that a single "
    "ride will cost 3 crowns from May. The opposition called that a broken promise."
)


@pytest.fixture(scope="module")
def reader() -> SpanReader:
    return open_span_reader()


def best(reader: SpanReader, question: str, text: str = ARTICLE) -> tuple[str, float]:
    span = reader.read(question, [("", text)])[0][0]
    return text[span.start : span.end], span.score


def test_it_answers_in_english_and_for_a_russian_question(reader: SpanReader) -> None:
    assert "412" in best(reader, "How many people work for the tram company?")[0]
    assert "Olu Dace" in best(reader, "Who leads the tram company?")[0]
    assert "412" in best(reader, "Сколько человек работает в трамвайной компании?")[0]


def test_what_is_not_there_scores_less(reader: SpanReader) -> None:
    there = best(reader, "How many people work for the tram company?")[1]
    assert best(reader, "How deep is the harbour of Kelm?")[1] < there - 2


def test_spans_stand_in_the_text_and_do_not_overlap(reader: SpanReader) -> None:
    [spans] = reader.read("What does a ride cost?", [("Fares in Velm", ARTICLE)])
    assert 1 < len(spans) <= 8
    assert all(0 <= each.start < each.end <= len(ARTICLE) for each in spans)
    assert spans == sorted(spans, key=lambda each: -each.score)
    ordered = sorted(spans)
    assert all(one.end <= other.start for one, other in zip(ordered, ordered[1:], strict=False))


def test_a_text_is_read_alone_as_beside_others(reader: SpanReader) -> None:
    question = "Who leads the tram company?"
    [alone] = reader.read(question, [("", ARTICLE)])
    beside = reader.read(question, [("", "It rained."), ("", ARTICLE), ("A vote", ARTICLE * 2)])[1]
    assert beside[0][:2] == alone[0][:2]
    assert beside[0].score == pytest.approx(alone[0].score, abs=0.3)  # bf16


def test_a_text_of_any_length_is_read_whole(reader: SpanReader) -> None:
    text = "It rained all day in the north. " * 120 + ARTICLE + " It rained all night." * 120
    assert "412" in best(reader, "How many people work for the tram company?", text)[0]


def test_what_stands_in_the_title_is_no_span_of_the_text(reader: SpanReader) -> None:
    text = "It rained all day in the north. " * 150
    [spans] = reader.read("How many people work for the tram company?", [("The tram company employs 412 people", text)])
    [alone] = reader.read("How many people work for the tram company?", [("", text)])
    assert spans[0].score < 0
    assert all(span.end <= len(text) for span in (*spans, *alone))


def test_the_reader_orders_texts_by_their_best_span(reader: SpanReader) -> None:
    texts = ["It rained all day in the north.", ARTICLE, "The opposition called that a broken promise."]
    scores = open_reranker("reader").scores("How many people work for the tram company?", texts)
    assert max(scores) == scores[1]
    assert all(0 <= score <= 1 for score in scores)


def test_best_spans_are_those_of_a_slow_search() -> None:
    tokens = Tokens(list(range(10)), [3 * place for place in range(10)], [3 * place + 2 for place in range(10)])
    scores = numpy.random.default_rng(3).normal(size=(13, 2)).astype(numpy.float32)
    slow = sorted(
        (
            (scores[a + 2, 0] + scores[b + 2, 1] - scores[0].sum() / 2 - 1.5, a, b)
            for a in range(10)
            for b in range(a, 10)
        ),
        reverse=True,
    )
    expected: list[tuple[float, int, int]] = []
    for score, a, b in slow:
        if all(b < start or a > end for _, start, end in expected):
            expected.append((score, a, b))
    found = best_spans(scores, tokens, 2)
    assert [span.score for span in found] == pytest.approx([score for score, _, _ in expected[:8]])
    assert [(span.start, span.end) for span in found] == [(3 * a, 3 * b + 2) for _, a, b in expected[:8]]


def test_nothing_to_read(reader: SpanReader) -> None:
    assert reader.read("Who?", []) == []
    assert reader.read("Who?", [("", " ")]) == [[]]
    assert reader.read("w " * 2000, [("", "It rained.")])[0] != []


def test_the_double_prefers_the_sentence_with_the_question_s_words() -> None:
    double = open_span_reader("overlap")
    assert double.read("Where does the ferry leave?", [("", "Bees sleep. The ferry will leave at noon.")]) == [
        [Span(12, 41, pytest.approx(10 * 2 / 4 - 4))]  # ferry, leave of where, does, ferry, leave
    ]
