"""What a question asks for."""

from __future__ import annotations

import math

import pytest

from rag.lexical import stem
from rag.question import Question, about_time, answers_kind, expected_kind, over_time, understand


class Words:
    """A vocabulary in memory: how many of ten passages hold a stem."""

    def __init__(self, **frequencies: int) -> None:
        self._frequencies = frequencies

    def terms(self, question: str) -> dict[str, dict[str, float]]:
        return {
            word: {stem(word): 1.0}
            for word in question.rstrip("?").split()
            if word.lower() not in ("who", "is", "the", "in")
        }

    def frequency(self, term: str) -> int:
        return self._frequencies.get(term, 0)

    def __len__(self) -> int:
        return 10


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("How many trams were bought?", "number"),
        ("How many years did it take?", "duration"),
        ("How long is the contract?", "duration"),
        ("How tall is the tower?", "measure"),
        ("How much did the tram cost?", "money"),
        ("What percentage of voters came?", "percent"),
        ("What share of the land was flooded?", "percent"),
        ("How old is the mayor?", "age"),
        ("What is the mayor's age?", "age"),
        ("When did the plant open?", "date"),
        ("In which year was it built?", "date"),
        ("Who opened the plant?", "person"),
        ("Where is the plant?", "place"),
        ("In which city was it built?", "place"),
        ("Why did the farmers protest?", "reason"),
        ("What did the farmers say?", ""),
        ("Сколько человек пришло?", "number"),
        ("Когда открыли завод?", "date"),
        ("Кто открыл завод?", "person"),
        ("Где находится завод?", "place"),
        ("Почему обмелело озеро?", "reason"),
    ],
)
def test_expected_kind(question: str, kind: str) -> None:
    assert expected_kind(question) == kind


@pytest.mark.parametrize(
    ("kind", "yes", "no"),
    [
        ("number", "They bought 14 trams.", "They bought trams."),
        ("number", "They bought twelve trams.", "They sold trams."),
        ("percent", "Some 40 percent voted.", "Some 40 voted."),
        ("percent", "One third voted.", "Many voted."),
        ("money", "It cost $5.", "It cost 5."),
        ("money", "It cost 1.9 billion crowns.", "It cost a lot."),
        ("date", "It opened in March.", "It opened."),
        ("date", "Завод открыли 5 мая.", "Завод открыли."),
        ("measure", "It is 14 kilometres long.", "It is 14 years old."),
        ("duration", "It took three years.", "It took three people."),
        ("age", "He is 41 years old.", "He has 41 trams."),
        ("person", "It was opened by Ilse Kramer.", "It was opened by the mayor."),
        ("place", "It stands near Osk.", "It stands near the lake."),
        ("reason", "They left because of the noise.", "They left."),
    ],
)
def test_a_sentence_holds_the_kind_that_is_expected(kind: str, yes: str, no: str) -> None:
    asked = Question("What about it?", {}, {}, frozenset(), kind)
    assert answers_kind(asked, yes)
    assert not answers_kind(asked, no)


def test_what_the_question_names_itself_is_no_answer() -> None:
    asked = Question("Who followed Ilse Kramer?", {}, {}, frozenset(), "person")
    assert not answers_kind(asked, "The deputy followed Ilse Kramer.")
    assert answers_kind(asked, "The deputy Jon Brask followed Ilse Kramer.")


def test_rare_words_weigh_more_and_names_are_known() -> None:
    asked = understand("Who is the mayor Kramer in 2031?", Words(mayor=4, kramer=1))
    assert asked.weights == {
        "mayor": pytest.approx(math.log(1 + 10 / 4.5)),
        "Kramer": pytest.approx(math.log(1 + 10 / 1.5)),
        "2031": pytest.approx(math.log(1 + 10 / 1.5)),
    }
    assert asked.names == {"Kramer", "2031"}
    assert asked.expects == "person"


OVER_TIME = (
    "How did the price of bread change?",
    "How has the mayor's position on trams developed since 2031?",
    "How many members did it have, and how did the number change after the merger?",
    "What has changed in Port Velm?",
    "What was said of the tram before and after the election?",
    "What has happened to the harbour since 2031?",
    "What was planned between March 2030 and June 2031?",
    "What did the council do from 2029 to 2031?",
    "What is the history of the opposition?",
    "What did farmers say over the years?",
    "Как менялась цена хлеба?",
    "Что изменилось в Оске?",
    "Что произошло с гаванью с 2031 года?",
    "История партии",
    "Что писали о трамвае до и после выборов?",
)
ONE_ANSWER = (
    "When was the mayor born?",
    "Who was mayor before 2031?",
    "Who has been mayor since 2031?",
    "How many people have left since the spring?",
    "Who wrote the history of Port Velm?",
    "How many people died between 2029 and 2031?",
    "What happened in March 2031?",
    "What did the council decide on 4 May?",
    "What did voters do after the vote?",
    "Is the bridge still closed?",
    "What team won the title in the 2029-30 season?",
    "What changed the course of the river in 2030?",
    "Who leads the party now?",
    "What is the latest figure?",
    "Which year did the plant open?",
    "What was reported last week?",
    "Когда открыли завод?",
    "Кто был мэром до 2031 года?",
    "Сколько человек уехало с 2031 года?",
    "Кто сейчас возглавляет партию?",
    "Что решили в марте?",
    "Что случилось на прошлой неделе?",
)
NOT_ABOUT_TIME = (
    "How many people came?",
    "Who may vote in Port Velm?",
    "May anyone fish there?",
    "Who took part in the march?",
    "Why did 1,500 farmers protest?",
    "What does the plant cost, $2000 or more?",
    "Which tram stops at the harbour?",
    "Сколько человек пришло?",
    "Что меня ждёт на заводе?",
    "Кто возглавляет партию?",
    "",
)


@pytest.mark.parametrize("question", [*OVER_TIME, *ONE_ANSWER])
def test_what_is_about_time(question: str) -> None:
    assert about_time(question)


@pytest.mark.parametrize("question", NOT_ABOUT_TIME)
def test_what_is_not_about_time(question: str) -> None:
    assert not about_time(question)


@pytest.mark.parametrize("question", OVER_TIME)
def test_a_course_of_events_is_asked_for(question: str) -> None:
    assert over_time(question)


@pytest.mark.parametrize("question", [*ONE_ANSWER, *NOT_ABOUT_TIME])
def test_one_thing_is_asked_for(question: str) -> None:
    assert not over_time(question)
