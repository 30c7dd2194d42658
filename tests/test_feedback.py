"""What readers say of answers: kept, changed, taken back, and exported as questions that ``rag eval`` reads."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from news import ARTICLES, write_articles
from rag.chatbot import Chatbot
from rag.errors import FeedbackError, QuestionError, StoreError, StoreUnwritable
from rag.evaluation import Case, Evidence, evaluate, read_questions
from rag.export.conversation import MAX_HISTORY, Conversation, Turn
from rag.settings import Settings
from rag.types import Answer, Header
from rag.web.conversations import Conversations
from rag.web.database import FILE
from rag.web.feedback import MAX_NOTE, VERDICTS, Feedback, Judgement, Questions, key, line
from talks import ANSWER, BURNED, CLOSEST, HOSTILE, TALK, answered, cited, hit, turns

TIME = datetime(2031, 3, 4, 12, tzinfo=timezone.utc)
AFTER = Turn(3, "And its owner?", "done", replace(ANSWER, searched="Who owned the mill of Tarn?"))


@pytest.fixture
def feedback(tmp_path: Path) -> Feedback:
    return Feedback(tmp_path / "data", lambda: TIME)


@pytest.fixture
def cases(feedback: Feedback, tmp_path: Path) -> Callable[[], list[Case]]:
    """What ``rag eval`` reads of what was exported."""

    def read() -> list[Case]:
        (tmp_path / "questions.jsonl").write_text(feedback.questions("").text, "utf-8")
        return [replace(each, line=0) for each in read_questions(tmp_path / "questions.jsonl")]

    return read


def judged(verdict: str, turn: Turn, history: tuple[str, ...] = ()) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(line(Judgement(verdict, "A note.", TIME.isoformat(), turn, history)))
    return found


class TestGiving:
    def test_is_found_again_in_the_conversation_also_after_a_restart(self, feedback: Feedback, tmp_path: Path) -> None:
        feedback.give("", TALK, 1, "wrong", "It was 1912.")
        feedback.give("", TALK, 2, "right")
        for each in (feedback, Feedback(tmp_path / "data")):
            assert each.given("", TALK) == {1: ("wrong", "It was 1912."), 2: ("right", "")}

    def test_can_be_changed_and_taken_back(self, feedback: Feedback) -> None:
        feedback.give("", TALK, 1, "wrong", "It was 1912.")
        feedback.give("", TALK, 1, "missing source")
        assert feedback.given("", TALK) == {1: ("missing source", "")}
        assert feedback.questions("").count == 1
        feedback.forget("", TALK[:1])
        feedback.forget("", TALK[:1])
        assert feedback.given("", TALK) == {}
        assert feedback.questions("") == Questions("", 0)

    def test_belongs_to_what_was_said_not_to_its_place(self, feedback: Feedback) -> None:
        feedback.give("", TALK, 1, "wrong")
        moved = (replace(TALK[0], number=7, status="stopped", note="x"), replace(TALK[1], number=8))
        assert feedback.given("", moved) == {7: ("wrong", "")}
        rescored = replace(ANSWER, hits=(replace(hit(), score=0.1),))
        assert feedback.given("", (replace(TALK[0], answer=rescored),)) == {1: ("wrong", "")}
        for changed in (
            replace(ANSWER, text="It did not."),
            replace(ANSWER, citations=ANSWER.citations[:1]),
            replace(ANSWER, searched="Which mill?"),
            replace(ANSWER, state="none"),
            None,
        ):
            assert feedback.given("", (replace(TALK[0], answer=changed),)) == {}
        assert feedback.given("", (replace(TALK[0], question="When?"),)) == {}

    def test_a_copy_of_a_quote_in_another_article_is_another_answer(self) -> None:
        other = cited(1, BURNED.quote, hit(Header("other.md")))
        assert key(TALK[0]) != key(replace(TALK[0], answer=replace(ANSWER, citations=(other, *ANSWER.citations[1:]))))

    @pytest.mark.parametrize("verdict", ["", "Right", "good", None, 1, [], "right "])
    def test_a_verdict_is_one_of_four(self, feedback: Feedback, verdict: object) -> None:
        with pytest.raises(FeedbackError, match="right, wrong, wrong citation, missing source; choose"):
            feedback.give("", TALK, 1, verdict)
        assert feedback.given("", TALK) == {}

    @pytest.mark.parametrize("number", [0, 3, 4, 5, -1, "1", True, 1.0, None, []])
    def test_a_turn_is_one_that_was_answered(self, feedback: Feedback, number: object) -> None:
        talk = (*TALK, Turn(3, "Why?", "failed", None, "away"), Turn(4, "How?", "answering", ANSWER))
        with pytest.raises(FeedbackError, match="choose one that the page shows"):
            feedback.give("", talk, number, "right")

    def test_a_note_is_short_text(self, feedback: Feedback) -> None:
        feedback.give("", TALK, 1, "wrong", "x" * MAX_NOTE)
        with pytest.raises(FeedbackError, match="may have 2,000 characters, this one has 2,001"):
            feedback.give("", TALK, 1, "wrong", "x" * (MAX_NOTE + 1))
        for note in (None, 1, ["x"]):
            with pytest.raises(FeedbackError, match="a note is text"):
                feedback.give("", TALK, 1, "wrong", note)
        feedback.give("", TALK, 1, "wrong", " Not\u202e 1911,\x1b[2J\r\nbut 1912.\ud800 ")
        assert feedback.given("", TALK) == {1: ("wrong", "Not 1911, [2J\nbut 1912.")}

    def test_one_owner_has_nothing_of_another(self, feedback: Feedback) -> None:
        owners = ("", "ada", "Ada", "%")
        for number, owner in enumerate(owners):
            feedback.give(owner, TALK, 1, VERDICTS[number], owner)
        for number, owner in enumerate(owners):
            assert feedback.given(owner, TALK) == {1: (VERDICTS[number], owner)}
            assert json.loads(feedback.questions(owner).text)["remark"] == owner
        feedback.forget("ada", TALK[:1])
        assert feedback.delete_all("%") == 1
        assert [feedback.questions(owner).count for owner in owners] == [1, 0, 1, 0]
        assert feedback.everyones_questions().count == 2
        for call in (feedback.questions, feedback.delete_all, lambda owner: feedback.given(owner, TALK)):
            with pytest.raises(StoreError, match="sign in"):
                call(None)  # type: ignore[operator]

    def test_lives_beside_the_conversations_and_outlives_them(self, feedback: Feedback, tmp_path: Path) -> None:
        kept = Conversations(tmp_path / "data")
        id = kept.save("", TALK)
        feedback.give("", kept.open("", id).turns, 1, "right")
        kept.delete_all("")
        assert feedback.given("", TALK) == {1: ("right", "")}
        assert [each.name for each in (tmp_path / "data").iterdir()] == [FILE]

    def test_without_a_disk_it_says_so(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("no folder")
        feedback = Feedback(tmp_path / "file")
        with pytest.raises(StoreUnwritable, match="RAG_DATA"):
            feedback.give("", TALK, 1, "right")
        assert feedback.given("", TALK) == {}, "nothing was ever kept there"


class TestQuestions:
    def test_a_right_answer_has_its_quotes_as_evidence_and_no_answers(
        self, feedback: Feedback, cases: Callable[[], list[Case]]
    ) -> None:
        feedback.give("", TALK, 1, "right")
        assert cases() == [
            Case(
                "When did the mill burn down?",
                evidence=(
                    Evidence("mill.md", "The mill burned down in 1911."),
                    Evidence("mill.md", "It was rebuilt in brick."),
                ),
                kind="right",
            )
        ]

    def test_a_right_refusal_is_a_question_that_the_articles_do_not_answer(
        self, feedback: Feedback, cases: Callable[[], list[Case]]
    ) -> None:
        feedback.give("", TALK, 2, "right")
        assert cases() == [Case("Who owns it?", none=True)]
        assert cases()[0].group == "none"

    def test_right_closest_sentences_may_answer_or_not(
        self, feedback: Feedback, cases: Callable[[], list[Case]]
    ) -> None:
        feedback.give("", (Turn(1, "Who rebuilt it?", "done", CLOSEST),), 1, "right")
        assert cases() == [Case("Who rebuilt it?", kind="right")]

    @pytest.mark.parametrize("verdict", VERDICTS[1:])
    @pytest.mark.parametrize("number", [1, 2])
    def test_all_others_are_asked_again_with_nothing_known(
        self, feedback: Feedback, cases: Callable[[], list[Case]], verdict: str, number: int
    ) -> None:
        feedback.give("", TALK, number, verdict)
        before = ("When did the mill burn down?",) if number == 2 else ()
        assert cases() == [Case(TALK[number - 1].question, kind=verdict, history=before)]

    def test_what_helps_a_person_to_complete_it_stands_beside(self) -> None:
        found = judged("wrong", replace(TALK[0], ignored=("Courier",)))
        about = {name: found[name] for name in ("verdict", "remark", "said", "model", "given", "ignored")}
        assert about == {
            "verdict": "wrong",
            "remark": "A note.",
            "said": ANSWER.text,
            "model": "ollama:tiny",
            "given": "2031-03-04T12:00:00+00:00",
            "ignored": ["Courier"],
        }

    def test_the_conversation_before_comes_where_it_matters(
        self, feedback: Feedback, cases: Callable[[], list[Case]]
    ) -> None:
        talk = (*TALK, AFTER)
        asked = ("When did the mill burn down?", "Who owns it?")
        for verdict, turn, history in (("right", AFTER, asked), ("wrong", AFTER, asked), ("right", TALK[1], ())):
            feedback.give("", talk, turn.number, verdict)
            assert [each.history for each in cases()] == [history]
            feedback.forget("", (turn,))

    def test_only_what_was_answered_before_and_not_too_much_of_it(self, feedback: Feedback) -> None:
        done = [Turn(number, f"Question {number}?", "done", ANSWER) for number in range(1, 21)]
        talk = (
            *done,
            Turn(21, "Stopped?", "stopped", ANSWER),
            Turn(22, "Last?", "done", ANSWER),
            Turn(23, "Later?", "done", ANSWER),
        )
        feedback.give("", talk, 22, "wrong")
        (found,) = map(json.loads, feedback.questions("").text.splitlines())
        assert found["history"] == [f"Question {number}?" for number in range(21 - MAX_HISTORY, 21)]

    def test_each_quote_once(self) -> None:
        twice = replace(ANSWER, citations=(BURNED, replace(BURNED, number=2)))
        assert len(judged("right", replace(TALK[0], answer=twice))["evidence"]) == 1

    def test_oldest_first_and_one_that_is_damaged_never_stops_the_rest(self, tmp_path: Path) -> None:
        times = iter((TIME.replace(hour=9), TIME.replace(hour=7), TIME.replace(hour=8)))
        feedback = Feedback(tmp_path, times.__next__)
        for number in (1, 2, 3):
            feedback.give("", (*TALK, AFTER), number, "wrong")
        assert [json.loads(each)["question"] for each in feedback.questions("").text.splitlines()] == [
            "Who owns it?",
            "And its owner?",
            "When did the mill burn down?",
        ]
        for column, value in (("record", b"{"), ("history", b"[1]"), ("verdict", "good")):
            with closing(sqlite3.connect(tmp_path / FILE)) as database, database:
                before = database.execute(f"SELECT {column} FROM feedback WHERE given LIKE '%T07%'").fetchone()
                database.execute(f"UPDATE feedback SET {column} = ? WHERE given LIKE '%T07%'", (value,))
            found = feedback.questions("")
            assert (found.count, found.damaged, len(found.text.splitlines())) == (2, 1, 2)
            with closing(sqlite3.connect(tmp_path / FILE)) as database, database:
                database.execute(f"UPDATE feedback SET {column} = ? WHERE given LIKE '%T07%'", before)

    def test_the_evidence_is_found_in_the_articles_and_the_refusal_counted(self, tmp_path: Path) -> None:
        """The whole way: an answer is judged, exported, and asked again by ``rag eval``'s own code."""
        articles = write_articles(tmp_path / "articles", ARTICLES)
        own = Settings(articles=articles, index=tmp_path / "index", embedder="hashing")
        feedback = Feedback(tmp_path / "data")
        with closing(Chatbot.open(own)) as chatbot:
            talk: Conversation = ()
            for number, question in enumerate(("How long will the tram line be?", "Who won the chess cup?"), start=1):
                talk = (*talk, Turn(number, question, "done", chatbot.ask(question)))
                feedback.give("", talk, number, "right")
            assert [turn.answer is not None and turn.answer.state for turn in talk] == ["answered", "none"]
            (tmp_path / "questions.jsonl").write_text(feedback.questions("").text, "utf-8")
            report = evaluate(tmp_path / "questions.jsonl", chatbot)
        assert report.problems == ()
        measures = report.summaries["all"].measures
        assert (measures["any in top 1"], measures["refused rightly"], measures["refused wrongly"]) == (1.0, 1.0, 0.0)
        assert measures["answer right"] is None

    @given(data=st.data())
    @settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_the_reader_takes_every_line(self, data: st.DataObject, tmp_path: Path) -> None:
        texts = st.sampled_from([each for each in HOSTILE if each.strip()])
        turn = data.draw(turns())
        if data.draw(st.booleans()):
            turn = replace(turn, question=data.draw(texts))
        verdict, note = data.draw(st.sampled_from(VERDICTS)), data.draw(texts)
        try:
            written = line(Judgement(verdict, note, TIME.isoformat(), turn, ("Who voted?",)))
        except QuestionError:  # nothing that can be asked
            with pytest.raises(QuestionError):
                Case(turn.question)
            return
        assert "\n" not in written
        (tmp_path / "questions.jsonl").write_text(f"{written}\n", "utf-8")
        (case,) = read_questions(tmp_path / "questions.jsonl")
        answer = turn.answer or Answer("")
        assert case.answers == ()
        assert case.none == (verdict == "right" and answer.state == "none")
        assert case.kind == ("" if case.none else verdict)
        assert len(case.evidence) <= (len(answer.citations) if verdict == "right" and not answer.refused else 0)
        assert case.history == (("Who voted?",) if answer.searched or verdict != "right" else ())

    def test_a_question_that_cannot_be_asked_is_left_out_of_the_rest(self, feedback: Feedback) -> None:
        talk = (Turn(1, " \u200b", "done", ANSWER), Turn(2, "Who?", "done", answered()))
        for number in (1, 2):
            feedback.give("", talk, number, "wrong")
        found = feedback.questions("")
        assert (found.count, found.damaged) == (1, 1)
        assert "history" not in json.loads(found.text)
