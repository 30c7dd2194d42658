"""Evaluation: the file's format, every measure against a slow and obvious reference, real answers, and comparisons."""

from __future__ import annotations

import itertools
import json
import math
import random
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import public_sets
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

import scripted
from embeddings import Embedder
from news import write_articles
from rag import evaluation
from rag.chatbot import Chatbot
from rag.errors import EndpointUnreachable, QuestionError, SettingsError
from rag.evaluation import (
    MEASURES,
    Case,
    Evidence,
    Located,
    Outcome,
    Report,
    all_within,
    any_within,
    bootstrap,
    changed_settings,
    compare,
    evaluate,
    evaluate_against,
    evidence_ndcg,
    is_right,
    ranks,
    read_questions,
    reciprocal_rank,
)
from rag.settings import Settings
from rag.types import Answer, Citation, Document, Header, Hit, Message, Passage, Progress, Sentence, State

few = hypothesis_settings(max_examples=100, deadline=None)

LINE = "The line will be 14 kilometres long"
ASKED = [
    Case("How long will the tram line be?", ("14 kilometres",), (Evidence("harbour", LINE),), "fact"),
    Case(
        "How many people does the battery plant employ?", ("620",), (Evidence("plant.txt", "It employs 620 people."),)
    ),
    Case("How deep is the Mariana Trench?", none=True),
]


@pytest.fixture
def chatbot(settings: Settings, bundled: Embedder) -> Iterator[Chatbot]:
    opened = Chatbot.open(settings, embedder=bundled)
    yield opened
    opened.close()


def write(path: Path, *lines: object) -> Path:
    texts = [line if isinstance(line, str) else json.dumps(line, ensure_ascii=False) for line in lines]
    path.write_text("\n".join(texts), "utf-8")
    return path


# --- the file ------------------------------------------------------------------------------------------------------------


def test_every_field_of_a_line_is_read(tmp_path: Path) -> None:
    line = {
        "question": "  Who\u2028paid? ",
        "answers": ["the council", "/counc(il|illors)/"],
        "evidence": [{"document": "harbour", "quote": "The council"}, {"document": "plant.txt"}],
        "kind": "fact",
        "history": ["How long is the line?"],
        "language": "en",
        "id": "q1",
        "note": "not ours",
    }
    (case,) = read_questions(write(tmp_path / "q.jsonl", "", json.dumps(line, ensure_ascii=False) + "\r", ""))
    assert case == Case(
        question="Who paid?",
        answers=("the council", "/counc(il|illors)/"),
        evidence=(Evidence("harbour", "The council"), Evidence("plant.txt")),
        kind="fact",
        history=("How long is the line?",),
        language="en",
        line=2,
    )


def test_a_question_alone_is_enough_also_behind_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "q.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"question": "Who voted?"}\n{"question": "And why?", "kind": null, "none": true}')
    assert read_questions(path) == (Case("Who voted?", line=1), Case("And why?", none=True, line=2))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "not JSON"),
        ('["Who voted?"]', "a line is an object, not a list"),
        ("7", "a line is an object, not a number"),
        ("{}", "there is no question"),
        ('{"question": " "}', "the question is empty"),
        ('{"question": 7}', "'question' must be text, not a number"),
        ('{"question": "a?", "answers": "yes"}', "'answers' must be a list, not text"),
        ('{"question": "a?", "answers": [700]}', "'answers' must be a list of texts"),
        ('{"question": "a?", "answers": ["  "]}', "'answers' must be a list of texts"),
        ('{"question": "a?", "answers": ["/(/"]}', "no regular expression"),
        ('{"question": "a?", "answers": ["\\u0301"]}', "an answer is empty"),
        ('{"question": "a?", "answer": ["yes"]}', "did you mean 'answers'"),
        ('{"question": "a?", "Kind": "fact"}', "did you mean 'kind'"),
        ('{"question": "a?", "none": "yes"}', "'none' must be true or false, not text"),
        ('{"question": "a?", "none": true, "answers": ["yes"]}', "cannot both say nothing and hold the answer"),
        ('{"question": "a?", "kind": "none", "evidence": [{"document": "a"}]}', "cannot both say nothing"),
        ('{"question": "a?", "history": [""]}', "'history' must be a list of texts"),
        ('{"question": "a?", "evidence": ["harbour"]}', "a piece of evidence is an object, not text"),
        ('{"question": "a?", "evidence": [{"quote": "x"}]}', "names no article"),
        ('{"question": "a?", "evidence": [{"document": "x", "quote": ""}]}', "a quote is empty"),
        ('{"question": "a?", "evidence": [{"document": "x", "quotes": "y"}]}', "did you mean 'quote'"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_a_bad_line_is_named_with_its_number_and_reason(tmp_path: Path, line: str, reason: str) -> None:
    with pytest.raises(QuestionError) as caught:
        read_questions(write(tmp_path / "q.jsonl", {"question": "Who voted?"}, "", line))
    assert str(caught.value).startswith(f"{tmp_path / 'q.jsonl'}, line 3: ")
    assert reason in str(caught.value)


def test_all_bad_lines_are_told_at_once_the_first_five_by_name(tmp_path: Path) -> None:
    with pytest.raises(QuestionError, match=r"q\.jsonl, line 1: .*; line 5: .*; and 2 more lines$"):
        read_questions(write(tmp_path / "q.jsonl", *["{}"] * 7))


def test_a_file_that_cannot_be_read_is_named_as_it_was_given(tmp_path: Path) -> None:
    (tmp_path / "old.jsonl").write_bytes(b'{"question": "caf\xe9?"}')
    (tmp_path / "empty.jsonl").write_text("\n\n")
    for name, reason in (("no.jsonl", "cannot be read"), ("old.jsonl", "not UTF-8"), ("empty.jsonl", "no questions")):
        with pytest.raises(QuestionError, match=reason) as caught:
            read_questions(tmp_path / name)
        assert str(caught.value).startswith(f"{tmp_path / name} ")


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("/["),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@few
@given(
    st.fixed_dictionaries(
        {"question": st.just("Who voted?") | _json},
        optional={
            "answers": st.lists(st.text(max_size=6), max_size=2) | _json,
            "evidence": st.lists(st.fixed_dictionaries({"document": st.just("a") | _json}, optional={"quote": _json}))
            | _json,
            "kind": _json,
            "none": _json,
            "history": _json,
        },
    )
)
def test_any_line_is_a_case_or_an_error_of_ours(tmp_path_factory: pytest.TempPathFactory, line: dict[str, Any]) -> None:
    path = tmp_path_factory.mktemp("any") / "q.jsonl"
    path.write_text(json.dumps(line), "utf-8")
    try:
        (case,) = read_questions(path)
    except QuestionError as error:
        told = str(error)
    else:
        told = ""
        assert case.question
        "".join((*case.answers, case.kind)).encode("utf-8")  # no half of a surrogate pair
    assert not told or told.startswith(f"{path}, line 1: ")


# --- answers -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "text", "right"),
    [
        ("Port Velm", "It is in PORT\n velm, they said.", True),
        ("Café Müller", "At the cafe muller.", True),
        ("cafe", "At the cafe\u0301.", True),
        ("Озеро Берёза", "на озеро  береза", True),
        ("tram", "The tramway opened.", False),
        ("tram", "A tram-train.", True),
        ("700", "It has 1700 members.", False),
        ("700", "It has 700,000 members.", False),
        ("700", "It has 700, and more.", True),
        ("9 billion", "It cost 1.9 billion.", False),
        ("$5", "It costs US$5.", True),
        ("$5", "It costs $50.", False),
        ("5 %", "A share of 5 % now.", True),
        ("/tram(s|way)?\\b/", "The Tramway opened.", True),
        ("/^opened/", "It opened.", False),
        ("/", "either / or", True),
        ("//", "http://a", True),
    ],
)
def test_an_answer_is_right_where_its_words_stand_whole(answer: str, text: str, right: bool) -> None:
    assert is_right(text, [answer]) is right


# --- evidence ------------------------------------------------------------------------------------------------------------


def hit(document: str, start: int, end: int) -> Hit:
    return Hit(Passage(f"{document}{start}", document, start, end, "x" * (end - start)), Header(id=document), 1.0)


_span = st.tuples(st.integers(0, 30), st.integers(1, 12)).map(lambda pair: (pair[0], pair[0] + pair[1]))


@few
@given(
    st.lists(st.tuples(st.sampled_from("ab"), _span), max_size=6),
    st.lists(st.tuples(st.sampled_from("ab"), st.lists(_span, max_size=3)), max_size=4),
)
def test_ranks_agree_with_counting_characters(
    passages: list[tuple[str, tuple[int, int]]], wanted: list[tuple[str, list[tuple[int, int]]]]
) -> None:
    def holds(document: str, span: tuple[int, int], of: str, quotes: list[tuple[int, int]]) -> bool:
        inside = set(range(*span))
        return document == of and (
            not quotes or any(len(inside & set(range(*quote))) * 2 >= quote[1] - quote[0] for quote in quotes)
        )

    expected = []
    for of, quotes in wanted:
        found = [rank for rank, each in enumerate(passages, 1) if holds(*each, of, quotes)]
        expected.append(found[0] if found else None)
    hits = [hit(document, *span) for document, span in passages]
    assert ranks(hits, [Located(of, tuple(quotes)) for of, quotes in wanted]) == tuple(expected)


_ranks = st.lists(st.none() | st.integers(1, 14), max_size=5).map(tuple)


@few
@given(_ranks, st.integers(1, 12))
def test_measures_of_ranks_agree_with_walking_down_the_passages(found: tuple[int | None, ...], depth: int) -> None:
    if not found:
        assert (
            any_within(found, depth)
            is all_within(found, depth)
            is reciprocal_rank(found)
            is evidence_ndcg(found)
            is None
        )
        return
    seen: set[int] = set()
    first = 0
    for rank in range(1, depth + 1):
        here = {number for number, each in enumerate(found) if each == rank}
        if here and not first:
            first = rank
        seen |= here
    assert any_within(found, depth) == (len(seen) > 0)
    assert all_within(found, depth) == (len(seen) == len(found))
    assert reciprocal_rank(found, depth) == (1 / first if first else 0)


@few
@given(_ranks.filter(bool), st.integers(1, 6))
def test_ndcg_of_evidence_agrees_with_trying_every_order(found: tuple[int | None, ...], depth: int) -> None:
    def gain(order: Sequence[bool]) -> float:
        return sum(1 / math.log2(place + 2) for place, holds in enumerate(order[:depth]) if holds)

    holding = {rank for rank in found if rank is not None}
    needed = len(holding) + found.count(None)
    real = [rank in holding for rank in range(1, 15)]
    orders = itertools.product([True, False], repeat=7)
    best = max(gain(order) for order in orders if sum(order) <= needed)
    assert evidence_ndcg(found, depth) == pytest.approx(gain(real) / best)


def test_bootstrap_agrees_with_one_by_hand_and_with_the_normal_interval() -> None:
    drawn = random.Random(5)
    values = [drawn.gauss(0.3, 1) for _ in range(300)]
    means = sorted(statistics.fmean(drawn.choices(values, k=300)) for _ in range(2000))
    low, high = bootstrap(values)
    error = statistics.stdev(values) / math.sqrt(300)
    assert low == pytest.approx(means[50], abs=0.25 * error)
    assert high == pytest.approx(means[1949], abs=0.25 * error)
    assert low == pytest.approx(statistics.fmean(values) - 1.96 * error, abs=0.25 * error)
    assert (low, high) == bootstrap(values), "the same every time"


# --- asking --------------------------------------------------------------------------------------------------------------


def test_evidence_answers_refusals_and_quotes_are_counted(chatbot: Chatbot) -> None:
    report = evaluate(ASKED, chatbot)
    tram, plant, trench = report.outcomes
    assert tram.ranks == plant.ranks == (1,)
    assert (trench.ranks, trench.answer.refused) == ((), True)
    everything = report.summaries["all"]
    assert everything.counts == {
        "questions": 3, "with evidence": 2, "with answers": 2, "not answered there": 1,
        "quotes": sum(len(each.answer.citations) for each in report.outcomes),
    }  # fmt: skip
    perfect = dict.fromkeys(MEASURES, 1.0) | {"refused wrongly": 0.0}
    assert everything.measures == perfect
    assert list(report.summaries) == ["all", "fact", "other", "none"]
    assert report.summaries["none"].measures["refused rightly"] == 1.0
    assert report.summaries["none"].measures["answer right"] is None
    assert report.problems == ()
    assert [each.case.line for each in report.outcomes] == [1, 2, 3]


def test_measures_tell_apart_what_is_wrong(chatbot: Chatbot) -> None:
    asked = [
        replace(ASKED[0], answers=("15 kilometres",), evidence=(Evidence("plant"),)),
        Case("How long will the tram line be?", none=True),
        Case("How deep is the Mariana Trench?", answers=("11 kilometres",)),
    ]
    length, unsaid, trench = (each.measures for each in evaluate(asked, chatbot).outcomes)
    assert (length["answer right"], length["first sentence right"], length["any in top 1"]) == (0.0, 0.0, 0.0)
    assert (length["any in top 10"], length["all read"], length["quotes verbatim"]) == (1.0, 1.0, 1.0)
    assert (unsaid["refused rightly"], unsaid["refused wrongly"]) == (0.0, None)
    assert (trench["refused wrongly"], trench["answer right"]) == (1.0, 0.0)


def test_the_first_sentence_and_the_whole_answer_are_told_apart(settings: Settings) -> None:
    model = scripted.says(
        "The line will link the old docks with the university. The line will be 14 kilometres long. [1]"
    )
    with_model = Chatbot.open(settings, model=model)
    (outcome,) = evaluate(ASKED[:1], with_model).outcomes
    with_model.close()
    assert (outcome.measures["first sentence right"], outcome.measures["answer right"]) == (0.0, 1.0)
    assert outcome.problems == ()


def test_what_is_read_depends_on_k_and_the_depths_do_not(settings: Settings) -> None:
    both = Case(ASKED[0].question, evidence=(Evidence("harbour.md", LINE), Evidence("plant.txt")))
    for k, read in ((1, (True, False)), (3, (True, True))):
        chatbot = Chatbot.open(settings.replace(k=k))
        (outcome,) = evaluate([both], chatbot).outcomes
        chatbot.close()
        assert outcome.read == read
        assert outcome.measures["all read"] == float(all(read))
        assert outcome.measures["all in top 3"] == 1.0


@pytest.mark.parametrize(
    ("evidence", "reason"),
    [
        (Evidence("castle.md", "x"), "no article is named 'castle.md'"),
        (Evidence("p"), "2 articles begin with 'p'"),
        (Evidence("plant.txt", "It employs 621 people."), "does not stand in plant.txt"),
    ],
)
def test_evidence_that_is_not_there_is_told_and_not_counted(
    settings: Settings, evidence: Evidence, reason: str
) -> None:
    write_articles(settings.articles, {"post.txt": "Post office\n\nThe post office closed in spring."})
    good = Evidence("plant", "It  employs\n620 people.")
    chatbot = Chatbot.open(settings)
    report = evaluate([replace(ASKED[1], evidence=(evidence, good)), replace(ASKED[1], evidence=(evidence,))], chatbot)
    chatbot.close()
    mixed, broken = report.outcomes
    assert mixed.ranks == (1,)
    assert broken.ranks == ()
    assert broken.measures["any in top 1"] is None
    assert report.summaries["all"].counts["with evidence"] == 1
    assert [problem.split(":")[0] for problem in report.problems] == ["line 1", "line 2"]
    assert reason in report.problems[0]
    assert reason in report.table()


def test_a_whole_id_is_not_ambiguous(settings: Settings) -> None:
    write_articles(settings.articles, {"plant.txt.md": "# A plant\n\nThe oak is a plant with many acorns."})
    chatbot = Chatbot.open(settings)
    (outcome,) = evaluate(ASKED[1:2], chatbot).outcomes
    chatbot.close()
    assert (outcome.ranks, outcome.problems) == ((1,), ())


def test_earlier_questions_are_asked_first(chatbot: Chatbot) -> None:
    alone = Case("How many people does it employ?", evidence=ASKED[1].evidence)
    followed = replace(alone, history=("Where did Velotek open a battery plant?",), line=2)
    first, second = evaluate([alone, followed], chatbot).outcomes
    assert first.answer.searched == ""
    assert "plant" in second.answer.searched.lower()
    hits = chatbot.retrieve(second.answer.searched, 10)
    assert second.ranks == ranks(hits, [evaluation._Articles(chatbot).locate(ASKED[1].evidence[0])])


def test_history_carries_what_was_answered(settings: Settings, bundled: Embedder) -> None:
    class Listening(Chatbot):
        heard: list[Sequence[Message]] = []  # noqa: RUF012

        def ask(self, question: str, history: Sequence[Message] = (), *others: Any, **named: Any) -> Answer:
            self.heard.append(history)
            return super().ask(question, history, *others, **named)

    chatbot = Listening.open(settings, embedder=bundled)
    evaluate([replace(ASKED[1], history=(ASKED[0].question, "Who said so?"))], chatbot)
    chatbot.close()
    last = chatbot.heard[-1]
    assert [(each.role, each.text) for each in last[::2]] == [("user", ASKED[0].question), ("user", "Who said so?")]
    assert "14 kilometres" in last[1].text
    assert last[1].role == "assistant"


def test_a_quote_that_does_not_stand_there_is_found_out(settings: Settings) -> None:
    class Lying(Chatbot):
        def ask(self, *arguments: Any, **named: Any) -> Answer:
            answer = super().ask(*arguments, **named)
            forged = replace(answer.citations[0])
            object.__setattr__(forged, "quote", forged.quote.replace("1", "7"))
            return replace(answer, citations=(forged, *answer.citations))

    chatbot = Lying.open(settings, model=scripted.obeys)
    report = evaluate(ASKED[:1], chatbot)
    chatbot.close()
    (outcome,) = report.outcomes
    honest = len(outcome.answer.citations) - 1
    assert outcome.verbatim == honest
    assert report.summaries["all"].measures["quotes verbatim"] == honest / (honest + 1)
    assert "does not stand where the answer says" in report.problems[0]


def test_an_answer_that_the_model_did_not_write_is_told(settings: Settings) -> None:
    def silent(messages: Sequence[Message]) -> Iterator[str]:
        raise EndpointUnreachable("nobody answers; start it")
        yield ""

    chatbot = Chatbot.open(settings, model=silent)
    report = evaluate(ASKED[:1], chatbot)
    chatbot.close()
    assert report.problems[0].startswith("line 1: the model did not write this answer: ")


def test_settings_open_and_build_and_progress_is_told(settings: Settings, tmp_path: Path) -> None:
    path = write(tmp_path / "q.jsonl", {"question": "Who voted?"}, {"question": "Who protested?"})
    steps: list[Progress] = []
    report = evaluate(path, settings, on_progress=steps.append)
    assert [each for each in steps if each.stage == "asking"] == [Progress("asking", 1, 2), Progress("asking", 2, 2)]
    assert any(each.stage == "embedding" for each in steps)
    assert report.settings == settings
    assert [each.case.question for each in report.outcomes] == ["Who voted?", "Who protested?"]
    assert list(report.summaries) == ["all"]


# --- reports -------------------------------------------------------------------------------------------------------------


def outcome(case: Case, *found: int | None, text: str = "", milliseconds: float = 1.0) -> Outcome:
    """An outcome made by hand: an answer of one sentence, or a refusal where there is none."""
    document = Document(id="a.md", text=text)
    citations = ()
    if text:
        passage = Passage("p", "a.md", 0, len(text), text)
        citations = (Citation(1, Hit(passage, document.header, 1.0), text, 0, len(text)),)
    sentences = (Sentence(text, citations),) if text else ()
    state: State = "answered" if text else "none"
    answer = Answer(case.question, sentences=sentences, citations=citations, state=state, complete=True)
    read = tuple(rank is not None for rank in found)
    return Outcome(case, found, read, answer, len(citations), milliseconds, 2 * milliseconds)


def test_summaries_are_means_over_what_a_measure_applies_to() -> None:
    cases = [
        Case("a?", ("yes",), kind="fact", language="en", line=1),
        Case("b?", ("yes",), kind="fact", language="ru", line=2),
        Case("c?", kind="none", language="en", line=3),
    ]
    report = Report(Settings(), (
        outcome(cases[0], 1, None, text="Yes.", milliseconds=10), outcome(cases[1], 4, milliseconds=20),
        outcome(cases[2], text="Perhaps.", milliseconds=60),
    ))  # fmt: skip
    summaries = report.summaries
    assert list(summaries) == ["all", "fact", "none", "in en", "in ru"]
    everything = summaries["all"]
    assert everything.measures["any in top 1"] == 0.5
    assert everything.measures["all in top 5"] == 0.5
    assert everything.measures["MRR@10"] == (1 + 1 / 4) / 2
    assert everything.measures["answer right"] == 0.5
    assert everything.measures["refused wrongly"] == 0.5
    assert everything.measures["refused rightly"] == 0.0
    assert everything.times == {
        "retrieve ms p50": 20, "retrieve ms p95": 56, "answer ms p50": 40, "answer ms p95": 112,
    }  # fmt: skip
    assert summaries["in ru"].counts["questions"] == 1
    assert summaries["in ru"].measures["quotes verbatim"] is None


def test_the_table_never_rounds_up_to_all() -> None:
    cases = [Case("a?", line=number) for number in range(1, 4001)]
    report = Report(Settings(), tuple(outcome(each, 1 if each.line > 1 else 2) for each in cases))
    (row,) = [line.split() for line in report.table().splitlines() if line.startswith("any in top 1 ")]
    assert row[-1] == "0.999"
    (row,) = [line.split() for line in report.table().splitlines() if line.startswith("any in top 3 ")]
    assert row[-1] == "1.000"


def test_a_table_of_many_kinds_fits_a_page_and_holds_them_all() -> None:
    cases = [Case("a?", kind=f"kind-number-{number}", line=number) for number in range(30)]
    table = Report(Settings(), tuple(outcome(each, 1, text="Yes.") for each in cases)).table()
    assert max(map(len, table.splitlines())) <= 110
    assert {word for word in table.split() if word.startswith("kind-")} == {each.kind for each in cases}


def test_json_holds_figures_and_every_question_and_no_folder(chatbot: Chatbot, tmp_path: Path) -> None:
    report = evaluate(ASKED, chatbot)
    text = json.dumps(report.as_json(), ensure_ascii=False, allow_nan=False)
    known = json.loads(text)
    assert known["kinds"]["all"]["measures"]["answer right"] == 1.0
    assert [each["question"] for each in known["questions"]] == [each.question for each in ASKED]
    assert known["questions"][0]["ranks"] == [1]
    assert "14 kilometres" in known["questions"][0]["answer"]
    assert known["settings"]["k"] == "8"
    assert str(tmp_path) not in text


# --- comparing -----------------------------------------------------------------------------------------------------------


def test_a_known_difference_is_found() -> None:
    answerable = [Case(f"q{number}?", ("yes",), line=number) for number in range(1, 11)]
    unsaid = Case("unsaid?", none=True, line=11)
    before = [outcome(each, 2, text="Yes.", milliseconds=10) for each in answerable]
    after = [outcome(each, 2, text="Yes.", milliseconds=12) for each in answerable]
    after[0] = outcome(answerable[0], 1, text="Yes.", milliseconds=12)
    after[1] = outcome(answerable[1], None, milliseconds=12)
    after[2] = outcome(answerable[2], 1, text="No.", milliseconds=12)
    before.append(outcome(unsaid, text="Yes.", milliseconds=10))
    after.append(outcome(unsaid, milliseconds=12))
    comparison = compare(Report(Settings(k=8), tuple(before)), Report(Settings(k=5), tuple(after)))
    found = {each.measure: each for each in comparison.differences}

    top = found["any in top 1"]
    assert (top.questions, top.before, top.after, top.better, top.worse) == (10, 0.0, 0.2, 2, 0)
    assert top.difference == pytest.approx(0.2)
    assert (top.low, top.high) == bootstrap([1.0, 0.0, 1.0, 0, 0, 0, 0, 0, 0, 0])
    wrongly = found["refused wrongly"]
    assert (wrongly.difference, wrongly.better, wrongly.worse) == (pytest.approx(0.1), 0, 1)
    assert (found["refused rightly"].questions, found["refused rightly"].better) == (1, 1)
    right = found["answer right"]
    assert (right.difference, right.better, right.worse) == (pytest.approx(-0.2), 0, 2)
    speed = found["retrieve ms"]
    assert (speed.questions, speed.difference, speed.low, speed.high, speed.better, speed.worse) == (11, 2, 2, 2, 0, 11)
    assert found["quotes verbatim"].questions == 9, "only where both answers have quotes"

    assert [(each.case.line, each.verdict) for each in comparison.changed] == [
        (1, "better"), (2, "worse"), (3, "mixed"), (11, "better"),
    ]  # fmt: skip
    assert comparison.changed[3].moved == {"refused rightly": (0.0, 1.0)}
    table = comparison.table()
    assert table.startswith("k 8 → 5\n")
    assert "Questions changed: 2 better, 1 worse, 1 mixed" in table
    assert "worse: line 2: q2?" in table
    assert json.loads(json.dumps(comparison.as_json()))["changed"][0]["measures"]["MRR@10"] == [0.5, 1.0]


def test_reports_on_different_questions_are_not_compared() -> None:
    first, second = (Report(Settings(), (outcome(Case(text, line=1)),)) for text in ("a?", "b?"))
    with pytest.raises(QuestionError, match="different questions"):
        compare(first, second)


def test_settings_are_compared_and_the_index_of_the_user_stays(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = []
    load = evaluation.load_embedder
    monkeypatch.setattr(evaluation, "load_embedder", lambda each: loaded.append(each.embedder) or load(each))
    both = Case(
        ASKED[0].question, evidence=(Evidence("harbour.md", LINE), Evidence("plant.txt"), Evidence("ru/ozero.txt"))
    )
    first = evaluate([both], settings)
    before = {path.name for path in settings.index.rglob("*")}
    others = [changed_settings(settings, changes) for changes in ("k=1", "passage_tokens=20")]
    report, (fewer, shorter) = evaluate_against([both], settings, others)
    assert {path.name for path in settings.index.rglob("*")} == before
    assert loaded == ["hashing"]
    assert report.outcomes[0].ranks == first.outcomes[0].ranks
    assert fewer.changed[0].moved == {"all read": (1.0, 0.0)}
    assert fewer.after.settings == others[0]
    assert fewer.table().startswith("k 8 → 1\n")
    assert shorter.after.settings == others[1]
    assert len(shorter.after.outcomes[0].answer.hits) > len(report.outcomes[0].answer.hits), "shorter passages, so more"


def test_another_index_is_kept_where_it_is_named(settings: Settings, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    evaluate_against(ASKED[:1], settings, [changed_settings(settings, f"passage_tokens=20 index={kept}")])
    assert (kept).is_dir()


def test_changes_are_written_as_names_and_values() -> None:
    changed = changed_settings(Settings(port=1234), " model=https://velm.example/v1?a=1#big  articles=my news, k=5 ")
    assert (changed.model, changed.k, changed.articles) == ("https://velm.example/v1?a=1#big", 5, Path("my news"))
    assert changed.port == 1234
    for changes, reason in (
        ("size=5", "there is no setting 'size'"),
        ("5", "there is no setting '5'"),
        ("port=5", "there is no setting 'port'"),
        ("k=", "has no value"),
        ("k=many", "whole number"),
        ("k=5 rewrite=never", "RAG_REWRITE"),
        ("", "there is no setting ''"),
    ):
        with pytest.raises(SettingsError, match=reason):
            changed_settings(Settings(), changes)


# --- public sets ---------------------------------------------------------------------------------------------------------


CORPUS = [
    {"_id": "d1", "title": "A tram", "text": "The tram line of Port Velm is 14 kilometres long."},
    {"_id": "d2", "title": "A plant", "text": "The battery plant near Osk employs 620 people."},
    {"_id": "d3", "title": "A lake", "text": "Lake Verrin has never been so shallow, farmers say."},
]
QUERIES = [{"_id": "1", "text": "How long is the tram line?"}, {"_id": "2", "text": "Who says the lake is shallow?"}]


def test_both_spellings_of_a_beir_folder_are_read(tmp_path: Path) -> None:
    write(tmp_path / "corpus.jsonl", *CORPUS)
    write(tmp_path / "queries.jsonl", *QUERIES, {"_id": "3", "text": "Not judged?"})
    write(
        tmp_path / "qrels_dev.jsonl",
        {"qid": "1", "did": "d1", "rel": 2}, {"qid": 1, "did": "d2", "rel": 0}, {"qid": "2", "did": "d3", "rel": 1},
    )  # fmt: skip
    (tmp_path / "qrels").mkdir()
    write(tmp_path / "qrels" / "test.tsv", "query-id\tcorpus-id\tscore", "2\td3\t1", "2\td1\t0")
    dev, test = (public_sets.read_set(tmp_path, split) for split in ("dev", "test"))
    assert dev.documents["d3"].title == "A lake"
    assert [(each.text, each.relevant) for each in dev.queries] == [
        ("How long is the tram line?", {"d1": 2.0}), ("Who says the lake is shallow?", {"d3": 1.0}),
    ]  # fmt: skip
    assert [each.relevant for each in test.queries] == [{"d3": 1.0}]


def test_both_spellings_of_a_squad_file_are_read(tmp_path: Path) -> None:
    asked = [{"question": "How long?"}, {"question": "How deep?", "is_impossible": True}]
    paragraph = {"context": "It is long.", "qas": asked}
    official = write(tmp_path / "dev.json", {"data": [{"title": "A_tram", "paragraphs": [paragraph, paragraph]}]})
    write(tmp_path / "dev_paragraphs.jsonl", {"pid": "t#0", "title": "A tram", "context": "It is long."})
    write(tmp_path / "dev_questions.jsonl", *({"pid": "t#0", **each} for each in asked))
    first = public_sets.read_set(official)
    assert [(id, each.title, each.text) for id, each in first.documents.items()] == [
        ("A_tram#0", "A tram", "It is long."), ("A_tram#1", "A tram", "It is long."),
    ]  # fmt: skip
    assert [each.relevant for each in first.queries] == [{"A_tram#0": 1.0}, {"A_tram#1": 1.0}]
    second = public_sets.read_set(tmp_path / "dev_paragraphs.jsonl")
    assert (second.name, list(second.documents), [each.text for each in second.queries]) == (
        "dev",
        ["t#0"],
        ["How long?"],
    )


def test_a_summhay_folder_is_read_and_its_coverage_is_that_of_trying_all(tmp_path: Path) -> None:
    write(tmp_path / "documents.jsonl", *({"id": id, "text": "x"} for id in "abcd"))
    insights = [{"documents": list(ids)} for ids in ("ab", "bcd", "d", "")]
    write(tmp_path / "subtopics.jsonl", {"query": "What changed?", "insights": insights})
    (query,) = public_sets.read_set(tmp_path).queries
    assert set(query.relevant) == set("abcd")
    assert public_sets.coverage(query, ["b", "x"]) == pytest.approx((1 / 2 + 1 / 3 + 0) / 3)
    for k in range(5):
        best = max(public_sets.coverage(query, chosen) for chosen in itertools.combinations("abcd", k))
        assert public_sets.best_coverage(query, k) == pytest.approx(best)


def test_sets_are_measured_and_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, cache = tmp_path / "beir", tmp_path / "cache"
    folder.mkdir()
    write(folder / "corpus.jsonl", *CORPUS)
    write(folder / "queries.jsonl", *QUERIES)
    write(folder / "qrels_test.jsonl", {"qid": "1", "did": "d1", "rel": 1}, {"qid": "2", "did": "d2", "rel": 1})
    public = public_sets.read_set(folder)
    with_words = public_sets.open_set(public, cache, "hashing")
    rows = {row.method: row.figures for row in public_sets.measure(public, with_words)}
    with_words.close()
    for figures in rows.values():
        assert figures["top 1"] == 0.5, "the first question's document comes first, the second's is another"
        assert 0.5 <= figures["nDCG@10"] < 1
    assert rows["meaning alone"]["recall@100"] == 1.0
    assert rows["keywords alone"]["recall@100"] == 0.5, "no word of the second question stands in its document"
    written = {path: path.stat().st_mtime_ns for path in cache.rglob("articles/*")}
    assert len(written) == 3
    public_sets.open_set(public, cache, "hashing").close()
    assert {path: path.stat().st_mtime_ns for path in cache.rglob("articles/*")} == written
    public_sets._print(public, [public_sets.Row(method, figures) for method, figures in rows.items()])
    assert "keywords alone" in capsys.readouterr().out
