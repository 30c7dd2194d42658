"""Sources that disagree: when they do, when they do not, and how it is told."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embeddings import Embedder, open_embedder
from rag.cite import marked_text
from rag.disagreement import Disagreement, disagreements, newer, told
from rag.similarity import Similarity
from rag.types import Citation, Header, Hit, Passage
from vocabulary import Vocabulary

NOISE = ("Bread is dear this winter.", "The plant near Osk employs fitters and turners.") * 20


def hit(number: int, published: str, text: str) -> Hit:
    header = Header(f"{number}.md", title=f"Report {number}", outlet=f"Outlet {number}", published=published)
    return Hit(Passage(f"p{number}", header.id, 0, len(text), text), header, 1.0)


@pytest.fixture(scope="module")
def similarity(hashing: Embedder) -> Similarity:
    return Similarity(hashing)


def found(similarity: Similarity, question: str, *texts: tuple[str, str]) -> tuple[Disagreement, ...]:
    hits = [hit(number, *each) for number, each in enumerate(texts)]
    return disagreements(question, hits, similarity, Vocabulary([*(text for _, text in texts), *NOISE]))


RALLY = "How many people attended the rally in Velm?"
EARLY = ("2031-03-04", "The sun shone. About 250 people attended the rally in Velm.")
LATE = ("2031-03-09", "Some 400 people attended the rally in Velm, police said.")


@pytest.mark.parametrize(
    ("question", "one", "other", "values"),
    [
        (RALLY, EARLY[1], LATE[1], ["250", "400"]),
        (
            "What happened at the rally in Velm?",
            "On Sunday about 250 people attended the rally against the tram in Velm.",
            "On Sunday about 400 people attended the rally against the tram in Velm.",
            ["250", "400"],
        ),
        (
            "When did the tram line in Velm open?",
            "The tram line in Velm did open on 3 March 2031.",
            "The tram line in Velm did open on 5 March.",
            ["3 March 2031", "5 March"],
        ),
        (
            "Who is the mayor of Port Velm?",
            "Ilse Kramer, the mayor of Port Velm, opened the bridge.",
            "Jon Peder, the mayor of Port Velm, opened the bridge.",
            ["Ilse Kramer", "Jon Peder"],
        ),
        (
            "How much will the tram in Velm cost?",
            "The tram in Velm will cost 1.9 billion crowns.",
            "The tram in Velm will cost 2.4 billion crowns.",
            ["1.9 billion", "2.4 billion"],
        ),
        (
            "What percentage of voters in Velm chose the tram?",
            "In Velm 45 % of voters chose the tram.",
            "In Velm 62 % of voters chose the tram.",
            ["45", "62"],
        ),
        (
            RALLY,
            "At least 20 people attended the rally in Velm.",
            "At least 90 people attended the rally in Velm.",
            ["20", "90"],
        ),
    ],
)
def test_other_values_for_the_same_thing_are_shown(
    similarity: Similarity, question: str, one: str, other: str, values: list[str]
) -> None:
    (disagreement,) = found(similarity, question, ("2031-03-04", one), ("2031-03-09", other))
    assert [side.value for side in disagreement.sides] == values
    assert [side.newest for side in disagreement.sides] == [False, True]
    for side, text in zip(disagreement.sides, (one, other), strict=True):
        assert side.evidence.quote in text


@pytest.mark.parametrize(
    ("question", "one", "other"),
    [
        pytest.param(RALLY, EARLY[1], "Some 253 people attended the rally in Velm.", id="rounding"),
        pytest.param(RALLY, EARLY[1], "More than 200 people attended the rally in Velm.", id="more than"),
        pytest.param(RALLY, EARLY[1], "Hundreds of people attended the rally in Velm.", id="hundreds"),
        pytest.param(RALLY, EARLY[1], "At the rally in Velm 40 police officers attended.", id="another quantity"),
        pytest.param(RALLY, EARLY[1], "400 people attended the rally in Osk.", id="another place"),
        pytest.param(RALLY, EARLY[1], f"{LATE[1]} Organisers said 250 people.", id="both told"),
        pytest.param(
            RALLY,
            "On 3 March 250 people attended the rally in Velm.",
            "On 9 May 400 people attended the rally in Velm.",
            id="another day",
        ),
        pytest.param(
            "When did the tram line in Velm open?",
            "The tram line in Velm did open on 3 March.",
            "The tram line in Velm did open in March 2031.",
            id="less exact",
        ),
        pytest.param(
            "Who criticised the mayor of Velm?",
            "Ilse Kramer criticised the mayor of Velm.",
            "Jon Peder criticised the mayor of Velm.",
            id="many may",
        ),
        pytest.param("Why did people attend the rally in Velm?", EARLY[1], LATE[1], id="no value asked for"),
        pytest.param("How many people live in Osk?", EARLY[1], LATE[1], id="another question"),
    ],
)
def test_what_does_not_contradict_is_not_a_disagreement(
    similarity: Similarity, question: str, one: str, other: str
) -> None:
    assert found(similarity, question, ("2031-03-04", one), ("2031-03-09", other)) == ()


def test_one_article_does_not_disagree_with_itself(similarity: Similarity) -> None:
    one, other = hit(0, *EARLY), hit(0, *LATE)
    assert disagreements(RALLY, [one, other], similarity, Vocabulary([EARLY[1], LATE[1], *NOISE])) == ()


def test_three_sources_are_one_disagreement_with_the_newest_marked(similarity: Similarity) -> None:
    third = ("2031-03-07", "Almost 700 people attended the rally in Velm.")
    (disagreement,) = found(similarity, RALLY, LATE, EARLY, third)
    assert [side.value for side in disagreement.sides] == ["250", "700", "400"]
    assert [side.newest for side in disagreement.sides] == [False, False, True]


@pytest.mark.parametrize("dates", [("2031-03-04", "2031-03-04"), ("2031-03-04", ""), ("2031", "2031-03"), ("", "")])
def test_none_is_newer_where_the_dates_do_not_say(similarity: Similarity, dates: tuple[str, str]) -> None:
    (disagreement,) = found(similarity, RALLY, (dates[0], EARLY[1]), (dates[1], LATE[1]))
    assert not any(side.newest for side in disagreement.sides)


def test_told_sets_them_side_by_side_and_keeps_known_numbers(similarity: Similarity) -> None:
    (disagreement,) = found(similarity, RALLY, EARLY, LATE)
    late = disagreement.sides[1].evidence
    cited = (Citation(3, late.hit, late.quote, late.start, late.end),)
    sentences = told(disagreement, cited)
    assert marked_text(sentences).splitlines() == [
        "Sources differ:",
        "- Outlet 0 (4 March 2031): “About 250 people attended the rally in Velm.” [4]",
        "- Outlet 1 (9 March 2031, newer): “Some 400 people attended the rally in Velm, police said.” [3]",
    ]
    assert [each.text[slice(*each.bold[0])] for each in sentences[1:]] == ["250", "400"]


def test_bold_stands_right_where_a_line_is_broken_before_it(similarity: Similarity) -> None:
    (disagreement,) = found(similarity, RALLY, ("", "About  250 people attended the  rally in Velm."), LATE)
    sentences = told(disagreement)
    assert {each.text[slice(*each.bold[0])] for each in sentences[1:]} == {"250", "400"}


def test_in_other_words_the_model_sees_the_same_thing(bundled: Embedder) -> None:
    (disagreement,) = found(
        Similarity(bundled),
        "How many people attended the rally in Velm?",
        ("2031-03-04", "Police counted 250 people who attended the rally in Velm."),
        ("2031-03-09", "The rally in Velm was attended by 400 people."),
    )
    assert [side.value for side in disagreement.sides] == ["250", "400"]


SIMILARITY = Similarity(open_embedder("hashing"))
PARTS = (
    "About 250 people attended the rally in Velm.",
    "Some 400 people attended the rally in Velm, police said.",
    "253 people attended the rally in Velm.",
    "More than 900 people attended the rally in Velm on 3 March.",
    "Nobody attended the rally in Osk.",
    "The tram cost 12 crowns.",
)
DATES = ("", "2031", "2031-03-04", "2031-03-09")


@given(
    st.lists(st.tuples(st.sampled_from(DATES), st.lists(st.sampled_from(PARTS), min_size=1, max_size=3)), max_size=5),
    st.randoms(use_true_random=False),
)
@settings(max_examples=60, deadline=None)
def test_the_order_of_the_hits_does_not_matter_and_all_is_verbatim(
    drawn: list[tuple[str, list[str]]], shuffle: random.Random
) -> None:
    hits = [hit(number, date, " ".join(parts)) for number, (date, parts) in enumerate(drawn)]
    vocabulary = Vocabulary([*PARTS, *NOISE])
    first = disagreements(RALLY, hits, SIMILARITY, vocabulary)
    shuffle.shuffle(hits)
    assert set(disagreements(RALLY, hits, SIMILARITY, vocabulary)) == set(first)
    for disagreement in first:
        ids = [side.header.id for side in disagreement.sides]
        assert len(ids) >= 2
        assert len(ids) == len(set(ids))
        dates = [side.header.published for side in disagreement.sides]
        assert dates == sorted(dates, key=lambda date: (not date, date))
        assert sum(side.newest for side in disagreement.sides) <= 1
        for side in disagreement.sides:
            passage = side.evidence.hit.passage
            assert passage.text[side.evidence.start : side.evidence.end] == side.evidence.quote
            assert side.value in {"250", "400", "253", "900"}
        told(disagreement)


@given(st.sampled_from(DATES), st.sampled_from(DATES))
def test_newer_is_a_strict_order(one: str, other: str) -> None:
    assert not (newer(one, other) and newer(other, one))
    assert not newer(one, one)
