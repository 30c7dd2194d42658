"""The bundled reader: the same numbers as the reference, and spans that stand in the text."""

from __future__ import annotations

import numpy
import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import BertConfig, BertModel

from embeddings import Span, SpanReader, open_reranker, open_span_reader
from embeddings.span_reader import HEADS, LAYERS, Body, best_spans

ARTICLE = (
    "The tram company of Port Velm employs 412 people. Olu Dace, who has led it since 2019, said on Monday that a single "
    "ride will cost 3 crowns from May. The opposition called that a broken promise."
)


def test_the_body_computes_what_transformers_computes() -> None:
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=50,
        hidden_size=24,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        intermediate_size=48,
        attn_implementation="eager",
    )
    reference = BertModel(config, add_pooling_layer=False).eval()
    ids = torch.randint(0, 50, (3, 9))
    mask = torch.arange(9)[None] < torch.tensor([9, 5, 7])[:, None]
    body = Body(dict(reference.state_dict()))
    with torch.no_grad():
        expected = reference(input_ids=ids, attention_mask=mask.long()).last_hidden_state
        hidden = body.embed(ids)
        for layer in range(LAYERS):
            hidden = body.layer(layer, hidden, mask)
    assert torch.allclose(hidden[mask], expected[mask], atol=1e-4)


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
    words = [f"w{place}" for place in range(12)]
    tokenizer = Tokenizer(WordLevel({word: place for place, word in enumerate(["[UNK]", *words])}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    encoding = tokenizer.encode("w0 w1", " ".join(words[2:]))
    scores = numpy.random.default_rng(3).normal(size=(12, 2)).astype(numpy.float32)
    slow = sorted(
        ((scores[a, 0] + scores[b, 1] - scores[0].sum(), a, b) for a in range(2, 12) for b in range(a, 12)),
        reverse=True,
    )
    expected: list[tuple[float, int, int]] = []
    for score, a, b in slow:
        if all(b < start or a > end for _, start, end in expected):
            expected.append((score, a, b))
    found = best_spans(scores, encoding)
    assert [span.score for span in found] == pytest.approx([score for score, _, _ in expected[:8]])
    assert [span.start for span in found] == [encoding.offsets[a][0] for _, a, _ in expected[:8]]


def test_nothing_to_read(reader: SpanReader) -> None:
    assert reader.read("Who?", []) == []
    assert reader.read("Who?", [("", " ")]) == [[]]
    assert reader.read("w " * 2000, [("", "It rained.")])[0] != []


def test_the_double_prefers_the_sentence_with_the_question_s_words() -> None:
    double = open_span_reader("overlap")
    assert double.read("Where does the ferry leave?", [("", "Bees sleep. The ferry will leave at noon.")]) == [
        [Span(12, 41, pytest.approx(10 * 2 / 4 - 4))]  # ferry, leave of where, does, ferry, leave
    ]
