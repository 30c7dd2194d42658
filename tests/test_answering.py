"""From scored candidates to the sentences of an answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import pytest

from embeddings import Span
from rag.answer.answering import (
    ACROSS_WEIGHT,
    FAR_WEIGHT,
    NEAR_WEIGHT,
    Chosen,
    Paragraph,
    by_source,
    choose,
    differing,
    sentences,
    source_label,
    weigh,
)
from rag.answer.reading import WINDOW, Candidate, read
from rag.retrieval.question import Question
from rag.text.stems import stem
from rag.text.words import words
from rag.types import Header, Hit, Passage


class ScriptedReader:
    """Finds the words that it is told of, with their scores, wherever they stand."""

    name = "scripted"

    def __init__(self, **scores: float) -> None:
        self.scores = scores
        self.texts: list[str] = []

    def read(self, question: str, texts: Sequence[tuple[str, str]]) -> list[list[Span]]:
        self.texts += [text for _, text in texts]
        return [
            [
                Span(text.index(word), text.index(word) + len(word), score)
                for word, score in self.scores.items()
                if word in text
            ]
            for _, text in texts
        ]


def hit(text: str, id: str = "a.md", score: float = 1.0, start: int = 0, **header: str) -> Hit:
    return Hit(Passage(f"{id}-{start}", id, start, start + len(text), text), Header(id, **header), score)


def asked(text: str, *names: str) -> Question:
    terms = {word: {stem(word): 1.0} for word in words(text)}
    return Question(text, terms, dict.fromkeys(terms, 1.0), frozenset(names))


def test_a_span_becomes_its_whole_sentence() -> None:
    found = read(ScriptedReader(forty=2.0), "How many?", [hit("It rained. About forty came. All left.", start=100)])
    assert [(each.quote, each.span, each.score) for each in found] == [("About forty came.", "forty", 2.0)]
    assert (found[0].start, found[0].end) == (111, 128)


def test_the_best_span_of_a_sentence_counts_and_the_best_sentence_comes_first() -> None:
    reader = ScriptedReader(forty=1.0, came=3.0, rained=2.0)
    assert [each.span for each in read(reader, "?", [hit("It rained. About forty came.")])] == ["came", "rained"]


def test_questions_and_headings_are_never_candidates() -> None:
    text = "Forty boats\n\nHow many boats are there?\n\nAbout forty."
    assert [each.quote for each in read(ScriptedReader(boats=9.0, Forty=9.0, forty=1.0), "?", [hit(text)])] == [
        "About forty."
    ]


def test_a_long_passage_is_read_in_windows_that_lose_nothing() -> None:
    text = " ".join(f"Sentence number {number} says a little." for number in range(60))
    reader = ScriptedReader()
    read(reader, "?", [hit(text)])
    assert len(reader.texts) > 2
    assert max(map(len, reader.texts)) <= WINDOW
    assert all(any(f"number {number} says" in each for each in reader.texts) for number in range(60))


def test_a_sentence_longer_than_a_window_is_read_whole() -> None:
    text = "word " * 300 + "end."
    reader = ScriptedReader(end=1.0)
    assert [each.quote for each in read(reader, "?", [hit(text)])] == [text]


class Weighed(NamedTuple):
    question: Question
    texts: tuple[str, str]


@pytest.mark.parametrize(
    "case",
    [
        Weighed(asked("When does TC-118 end?", "118"), ("It ends in 2031, says TC-117.", "TC-118 ends in 2032.")),
        Weighed(asked("Who was mayor in 2016?", "2016"), ("In 2023 Ana Brik is mayor.", "In 2016 Olu Dace is mayor.")),
        Weighed(asked("How old is Unger ?", "Unger"), ("Ilse Kramer is 58.", "Karl Unger is 61.")),
    ],
    ids=["id", "year", "name"],
)
def test_what_the_question_names_outweighs_the_reader(case: Weighed) -> None:
    wrong, right = (
        Candidate(hit(text, id), read(ScriptedReader(is_=0, ends=0, **{text.split()[0]: 0}), "?", [hit(text)])[0].unit,
                  0, len(text), (0, 1), score)
        for text, id, score in zip(case.texts, "ab", (0.3, 0.0), strict=True)
    )  # fmt: skip
    assert weigh([wrong, right], case.question)[0].hit == right.hit


def candidate(text: str, score: float, id: str = "a.md", answer: str = "", **header: str) -> Candidate:
    [found] = read(ScriptedReader(**{answer or text.split()[0]: score}), "?", [hit(text, id, **header)])
    return found


def test_now_prefers_the_newest_article() -> None:
    old = candidate("A ride costs 2 crowns.", 1.0, "a.md", "2", published="2019-03-12")
    new = candidate("A ride costs 3 crowns.", 0.9, "b.md", "3", published="2023-03-12")
    assert weigh([old, new], asked("What does it cost now?"))[0].span == "3"
    assert weigh([old, new], asked("What does it cost?"))[0].span == "2"


def test_the_three_states() -> None:
    assert choose([candidate("It rained.", 3.0)]).state == "answered"
    assert choose([candidate("It rained.", -3.0)]).state == "closest"
    assert choose([candidate("It rained.", -30.0)]) == Chosen((), "none")
    assert choose([]) == Chosen((), "none")


def test_a_weak_sentence_is_not_added_to_a_strong_one() -> None:
    strong, near, weak = candidate("It rained.", 5.0), candidate("Snow fell.", 4.0), candidate("Who knows.", 0.5)
    assert choose([strong, near, weak]).candidates == (strong, near)


def test_what_repeats_is_not_added() -> None:
    one, other = candidate("It rained in Osk on Monday.", 5.0), candidate("On Monday it rained in Osk.", 4.9, "b.md")
    assert choose([one, other]).candidates == (one,)


def test_sources_that_differ_are_found_and_those_that_agree_are_not() -> None:
    seven, seven_again, nine, share = (
        candidate(f"The port employed {number}.", 5.0, id, number)
        for number, id in (
            ("700 people", "a.md"),
            ("700 people", "b.md"),
            ("900 people", "c.md"),
            ("8 per cent", "d.md"),
        )
    )
    shown = [seven, seven_again, nine, share]
    assert differing(choose([seven, seven_again]), [seven, seven_again], lambda *_: True) == ()
    assert [each.span for each in differing(choose([seven, nine]), shown, lambda *_: True)] == [
        "700 people",
        "900 people",
    ]
    assert differing(choose([seven, nine]), shown, lambda *_: False) == ()


def test_compared_sources_stand_side_by_side_and_those_that_differ_first() -> None:
    seven, seven_again, nine, far = (
        candidate(f"The port employed {number} people.", score, id, number)
        for number, score, id in (
            ("700", 5.0, "a.md"),
            ("700", 4.0, "b.md"),
            ("900", 2.0, "c.md"),
            ("80", -1.0, "d.md"),
        )
    )
    assert by_source([seven, seven_again, nine, far]) == (seven, nine)
    assert by_source([seven, seven_again, far]) == (seven, seven_again)
    assert by_source([seven, far]) == ()
    assert by_source([]) == ()


def test_a_paragraph_for_each_part_and_a_part_without_an_answer_is_named() -> None:
    found = candidate("Ana Brik won.", 3.0)
    made = sentences(
        [Paragraph("Who won?", choose([found])), Paragraph("When?", choose([]))], lambda _: "Ana Brik won."
    )
    assert [(each.label, each.text, len(each.citations)) for each in made] == [
        ("Who won?", "Ana Brik won.", 1),
        ("When?", "No answer found.", 0),
    ]


def test_the_answer_is_marked_in_its_sentence_also_across_spaces() -> None:
    text = "It has  about   700 members."
    found = Candidate(hit(text), read(ScriptedReader(It=1.0), "?", [hit(text)])[0].unit, 0, len(text), (8, 19), 1.0)
    [made] = sentences([Paragraph("", choose([found]))], lambda _: text)
    assert made.answer is not None
    assert made.text[slice(*made.answer)] == "about 700"
    assert made.citations[0].quote == text


@pytest.mark.parametrize(
    ("text", "context"),
    [
        ("Ana Brik ran for mayor. She won.", "Ana Brik ran for mayor."),
        ("Ana Brik ran. She spent little. She won.", "Ana Brik ran. She spent little."),
        ("Мэр Ана Брик ушла. Она won.", "Мэр Ана Брик ушла."),
        ("Ana Brik ran for mayor. Olu Dace won.", ""),
        ("She won.", ""),
        ("The vote\n\nAna Brik ran.\n\nAfter that she won.", "Ana Brik ran."),
    ],
)
def test_a_dangling_sentence_comes_with_what_it_hangs_on(text: str, context: str) -> None:
    found = read(ScriptedReader(won=1.0), "?", [hit(text)])[0]
    [made] = sentences([Paragraph("", choose([found]))], lambda _: text)
    assert made.context == context
    assert made.text == found.quote


def test_the_context_may_stand_before_the_passage() -> None:
    article = "Ana Brik ran for mayor. She won."
    found = read(ScriptedReader(won=1.0), "?", [hit("She won.", start=24)])[0]
    [made] = sentences([Paragraph("", choose([found]))], lambda _: article)
    assert made.context == "Ana Brik ran for mayor."


def test_quotes_of_one_article_share_a_number() -> None:
    text = "It rained in Osk. Snow fell in Velm."
    found = read(ScriptedReader(rained=2.0, Snow=1.9), "?", [hit(text)])
    other = candidate("Hail fell in Kelm.", 1.8, "b.md")
    made = sentences([Paragraph("", choose([*found, other]))], lambda _: text)
    assert [citation.number for each in made for citation in each.citations] == [1, 1, 2]


def test_a_source_without_outlet_or_title_is_named_by_its_id() -> None:
    assert source_label(hit("It rained.")) == "a.md"


def test_what_is_far_from_every_passage_scores_less() -> None:
    found = candidate("It is 14 kilometres long.", 1.0, answer="14")
    for question, score in (
        ("How deep is the trench?", 1.0 - FAR_WEIGHT),
        ("Какова глубина?", 1.0 + ACROSS_WEIGHT - FAR_WEIGHT),
    ):
        assert weigh([found], asked(question), nearness=[0.0])[0].score == score
    assert weigh([found], asked("How deep is the trench?"))[0].score == 1.0
    assert weigh([found], asked("Какова глубина?"))[0].score == 1.0 + ACROSS_WEIGHT


def test_an_id_must_stand_there_whole() -> None:
    other, same = candidate("TC-2023/118-B ends in 2025.", 5.0), candidate("TC 2023/118-C ends in 2026.", 1.0, "b.md")
    assert weigh([other, same], asked("When does TC-2023/118-C end?", "2023", "118"))[0].hit == same.hit
    assert weigh([other], asked("When did 2023's TC-2023/118-B's term end?"))[0].score > 0


def test_a_row_of_another_year_is_no_answer() -> None:
    text = "Year | Visitors\n2019 | 12,401\n2020 | 3,207"
    found = read(ScriptedReader(**{"12,401": 3.0, "3,207": 1.0}), "?", [hit(text)])
    assert weigh(found, asked("How many visitors came in 2020?", "2020"))[0].span == "3,207"


def test_of_two_equal_answers_the_one_in_the_nearer_passage_comes_first() -> None:
    first, nearer = (
        candidate("It costs 40.", 1.0, answer="40"),
        candidate("It costs 50.", 1.0, answer="50"),
    )
    found = weigh([first, nearer], asked("What is the fare?"), nearness=[0.3, 0.5])
    assert [(each.span, round(each.score, 6)) for each in found] == [("50", 1.0), ("40", 1.0 - 0.2 * NEAR_WEIGHT)]


def test_what_is_of_another_year_sets_no_bar_of_nearness() -> None:
    year = candidate("3,207 visitors came in 2020.", 1.0, answer="3,207")
    other = candidate("4,100 visitors came in 2022.", 1.0, "b.md", "4,100")
    found = weigh([other, year], asked("How many visitors came in 2020?", "2020"), nearness=[0.9, 0.5])
    assert (found[0].span, found[0].score) == ("3,207", 1.0)


def test_what_is_near_but_of_another_year_keeps_the_right_year_from_being_far() -> None:
    year = candidate("3,207 visitors came in 2020.", 1.0, answer="3,207")
    other = candidate("4,100 visitors came in 2022.", 1.0, "b.md", "4,100")
    found = weigh([other, year], asked("How many visitors came in 2020?", "2020"), nearness=[0.9, 0.0])
    assert (found[0].span, found[0].score) == ("3,207", 1.0)
