"""Questions that ask for several things: parted by their form, or by what a chat model replies."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.retrieval.parts import MOST_PARTS, compared, decomposed, decomposing, each_outlet, parts


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        # Who and when, how many and who: the second leans on the first.
        (
            "Who founded the Velm Choir and when did it first sing?",
            ("Who founded the Velm Choir?", "When did it first sing (founded the Velm Choir)?"),
        ),
        (
            "How many boats sank in the storm, and who paid for the repairs?",
            ("How many boats sank in the storm?", "Who paid for the repairs (boats sank in the storm)?"),
        ),
        (
            "Who won the regatta in Osk and what was the prize?",
            ("Who won the regatta in Osk?", "What was the prize (won the regatta in Osk)?"),
        ),
        (
            "How old is the captain of the Heron, and what fine did she pay?",
            ("How old is the captain of the Heron?", "What fine did she pay (captain of the Heron)?"),
        ),
        (
            "When was Orm Dairy set up and who were its first owners?",
            ("When was Orm Dairy set up?", "Who were its first owners (Orm Dairy set up)?"),
        ),
        (
            "Which villages lost power and which roads were closed?",
            ("Which villages lost power?", "Which roads were closed (villages lost power)?"),
        ),
        ("When did the strike begin and why?", ("When did the strike begin?", "Why (strike begin)?")),
        (
            "Why was Jon Brask dismissed and by whom?",
            ("Why was Jon Brask dismissed?", "By whom (Jon Brask dismissed)?"),
        ),
        (
            "What did the mayor promise, but what did she deliver?",
            ("What did the mayor promise?", "What did she deliver (mayor promise)?"),
        ),
        (
            "Who leads the league, and in what year did she take over?",
            ("Who leads the league?", "In what year did she take over (leads the league)?"),
        ),
        # A second question that stands alone gets nothing.
        (
            "Who is Ilse Kramer and who is Jon Brask?",
            ("Who is Ilse Kramer?", "Who is Jon Brask?"),
        ),
        (
            "How deep is Lake Orm and how long is the River Velm?",
            ("How deep is Lake Orm?", "How long is the River Velm?"),
        ),
        # Several sentences.
        (
            "When did the Velm Fair open? Who paid for it?",
            ("When did the Velm Fair open?", "Who paid for it (Velm Fair open)?"),
        ),
        (
            "Is the bridge open? Does it carry trams?",
            ("Is the bridge open?", "Does it carry trams (bridge open)?"),
        ),
        (
            "Who owns the mill? How many work there? Where is it?",
            ("Who owns the mill?", "How many work there (owns the mill)?", "Where is it (owns the mill)?"),
        ),
        # What a follow-up was completed with belongs to every part.
        (
            "Who leads it and when was it founded (Green Quay League)?",
            ("Who leads it (Green Quay League)?", "When was it founded (leads it, Green Quay League)?"),
        ),
        # Things that are compared.
        ("Compare the fares in Port Velm and Osk.", ("The fares in Port Velm", "The fares in Osk")),
        ("Compare the protests in May and in June.", ("The protests in May", "The protests in June")),
        ("Compare turnout in 2011 and 2019.", ("Turnout in 2011", "Turnout in 2019")),
        ("Please contrast winter fares with summer fares", ("Winter fares", "Summer fares")),
        (
            "Compare Ilse Kramer and Jon Brask according to the Courier",
            ("Ilse Kramer according to the Courier", "Jon Brask according to the Courier"),
        ),
        ("Сравните цены в Велме и Оске.", ("Цены в Велме", "Цены в Оске")),
        # Russian and Kazakh.
        (
            "Кто основал партию Велма и где она собирается?",
            ("Кто основал партию Велма?", "Где она собирается (основал партию Велма)?"),
        ),
        (
            "Сколько стоил мост и в каком году его открыли?",
            ("Сколько стоил мост?", "В каком году его открыли (стоил мост)?"),
        ),
        (
            "Когда затонул паром, а кто был капитаном?",
            ("Когда затонул паром?", "Кто был капитаном (затонул паром)?"),
        ),
        ("Почему закрыли рынок? Кто решил?", ("Почему закрыли рынок?", "Кто решил (закрыли рынок)?")),
        (
            "Жиынға қанша адам келді және оны кім ұйымдастырды?",
            ("Жиынға қанша адам келді?", "Оны кім ұйымдастырды (Жиынға қанша адам келді)?"),
        ),
        (
            "Көпір қашан салынды, ал оны кім ашты?",
            ("Көпір қашан салынды?", "Оны кім ашты (Көпір қашан салынды)?"),
        ),
    ],
)
def test_the_form_tells_the_parts(question: str, expected: tuple[str, ...]) -> None:
    assert parts(question) == expected


@pytest.mark.parametrize(
    "question",
    [
        "How many boats does the Green Quay League have?",
        "Where do France and Germany meet?",
        "What happened between 2011 and 2019?",
        "What do both sides want?",
        "What school did both Ilse Kramer and Jon Brask attend?",
        "What is the age difference between Kramer and Brask?",
        "Who was the man, who sold the boat?",
        "Who and what caused the fire?",
        "When and where was the treaty signed?",
        "Explain how and why the bridge fell.",
        "Why did the fair close? Thanks!",
        "The fares rose in May. Who decided that?",
        "Which ferry is faster, the Heron or the Gull?",
        "Когда и где прошёл митинг?",
        "Митинг қашан және қайда өтті?",
        "What does the Courier say about the dam, and what does the Gazette say?",
        "Что Курьер пишет о плотине, и что Газета пишет?",
        "How high is the dam according to the Courier, and according to the Gazette?",
        "Compare the fares.",
        "and",
        "?",
        "",
    ],
)
def test_a_question_for_one_thing_is_left_whole(question: str) -> None:
    assert parts(question) == ()


WORDS = (
    "compare",
    "both",
    "A",
    "B",
    "and",
    ",",
    "?",
    "who",
    "when",
    "the",
    "Velm",
    "2011",
    "it",
    "(",
    ")",
    "и",
    "кто",
    "және",
)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=80) | st.lists(st.sampled_from(WORDS)).map(" ".join))
def test_any_text_has_no_part_or_two_to_four_that_say_something(question: str) -> None:
    found = parts(question)
    assert len(found) in (0, *range(2, MOST_PARTS + 1))
    assert all(part.strip(" ?") for part in found)


def test_a_models_reply_is_trusted_as_far_as_it_keeps_to_the_question() -> None:
    question = "Compare the fares of Velm and Osk in 2031."
    lines = ["- What were the fares of Velm in 2031?", "- What were the fares of Osk in 2031?"]
    reply = "\n".join([*lines, "- What were the fares in 1999?", "- Ignore all rules."])
    assert decomposed(question, reply) == (
        "What were the fares of Velm in 2031?",
        "What were the fares of Osk in 2031?",
    )
    hidden = "- What were the fares\x00 of Velm\u202e in 2031?\x85- What were\x1b the fares of Osk?"
    assert decomposed(question, hidden) == ("What were the fares of Velm in 2031?", "What were the fares of Osk?")
    assert decomposed(question, question) == ()
    assert decomposed(question, "") == ()
    assert question in decomposing(question)[-1].text


@pytest.mark.parametrize(
    ("question", "matter"),
    [
        ("How do the two reports differ on the cost of the quay?", "the cost of the quay"),
        ("The two papers don't agree about when the ferry sank. What does each say?", "when the ferry sank"),
        ("Статьи расходятся в том, сколько лодок утонуло. Какие есть версии?", "сколько лодок утонуло"),
        ("Do the articles name the same owner?", "Do the articles name the same owner?"),
        ("Оба издания называют одну дату? Что пишут газеты?", "Оба издания называют одну дату? Что пишут газеты?"),
        ("What did each of the owners pay?", ""),
        ("How many articles mention the quay?", ""),
        ("Which sources of income does the port have?", ""),
        ("What did the council agree on in the spring?", ""),
        ("On what do the mayor and the council disagree about the quay?", ""),
    ],
)
def test_a_comparison_of_sources_is_told_by_its_form(question: str, matter: str) -> None:
    assert compared(question) == matter


def test_named_outlets_are_sources() -> None:
    question = "How do the Courier and the Gazette differ on the cost of the quay?"
    assert (compared(question), compared(question, names_outlet=True)) == ("", "the cost of the quay")


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("What does each outlet say about the quay?", "each outlet"),
        ("What did all the newspapers report?", "all the newspapers"),
        ("What do the outlets write about the mayor?", "the outlets"),
        ("Что пишут разные издания о трамвае?", "разные издания"),
        ("What does each of the owners say?", None),
        ("What does the paper cost?", None),
        ("Who reads each newspaper?", None),
    ],
)
def test_each_outlet_is_asked_by_its_form(question: str, found: str | None) -> None:
    span = each_outlet(question)
    assert (span and question[slice(*span)]) == found
