"""The conversations beside the chat and the buttons under its answers, without a browser."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest

from asynchronous import run as run_apart
from double import ServicesDouble
from rag.errors import FeedbackError, FootnoteError, SettingsError, StoreError
from rag.export.conversation import Turn
from rag.settings import Settings
from rag.types import Answer, Citation, Document, Header, Hit, Passage, Sentence
from rag.web.acts import Acts
from rag.web.conversations import Conversations
from rag.web.database import FILE
from rag.web.examples import SURE, TRIED, Examples, candidates
from rag.web.feedback import MAX_NOTE, Feedback
from rag.web.history import LONGEST_SEARCH, History
from rag.web.models import Models
from rag.web.place import Place, check_of
from rag.web.render import article_data, messages
from rag.web.rooms import Room, Visitor
from rag.web.talk import Handlers

TEXT = "The mill burned down in 1911. It was rebuilt in brick."
DOCUMENT = Document(id="mill.md", text=TEXT, title="The mill of Tarn", outlet="Courier", published="2031-03-04")
PASSAGE = Passage("mill.md-0", "mill.md", 0, len(TEXT), TEXT)
QUOTE = "The mill burned down in 1911."
CITATION = Citation(1, Hit(PASSAGE, DOCUMENT.header, 1.0), QUOTE, 0, len(QUOTE))
ADA, LI = Visitor("page-1", "ada"), Visitor("page-2", "li")


def turn(number: int, question: str = "When did the mill burn down?", **changes: Any) -> Turn:
    answer = Answer(
        question, text=f"{QUOTE} [1]", sentences=(Sentence(QUOTE, (CITATION,)),), citations=(CITATION,), complete=True
    )
    return replace(Turn(number, question, "done", answer), **changes)


TALK = (turn(1), turn(2, "And what was it rebuilt in?"))


@pytest.fixture
def kept(tmp_path: Path) -> Conversations:
    return Conversations(tmp_path / "data")


@pytest.fixture
def history(kept: Conversations, tmp_path: Path) -> History:
    return History(kept, Feedback(tmp_path / "data"))


def ids(history: History, visitor: Visitor) -> list[str]:
    return [each["id"] for each in history.data(visitor)["conversations"]]


class TestDesk:
    def test_what_a_page_shows_is_kept_under_one_id(self, history: History, kept: Conversations) -> None:
        desk = history.desk("page-1")
        history.keep(desk, "ada", TALK[:1])
        first = desk.id
        history.keep(desk, "ada", TALK)
        assert desk.id == first != ""
        assert kept.open("ada", first).turns == TALK
        assert history.data(ADA)["current"] == first
        assert history.turns("ada", first) == TALK

    def test_an_answer_that_ends_later_is_kept_in_its_own(self, history: History, kept: Conversations) -> None:
        desk = history.desk("page-1")
        history.keep(desk, "ada", TALK[:1])
        other = kept.save("ada", (turn(1, "Another?"),))
        history.show("page-1", other)
        history.keep(desk, "ada", TALK)
        assert history.data(ADA)["current"] == other
        assert kept.open("ada", other).turns == (turn(1, "Another?"),)
        assert kept.open("ada", desk.id).turns == TALK

    def test_pages_have_their_own_and_the_oldest_are_forgotten(self, kept: Conversations) -> None:
        history = History(kept, capacity=2)
        history.show("page-1", "one")
        history.show("page-2", "two")
        assert history.desk("page-1").id == "one"
        history.show("page-3", "three")
        assert [history.desk(f"page-{n}").id for n in (3, 1)] == ["three", "one"]
        assert history.desk("page-2").id == ""

    def test_a_page_that_only_lost_its_connection_goes_on_with_what_it_shows(
        self, history: History, kept: Conversations
    ) -> None:
        history.keep(history.desk("page-1"), "ada", TALK[:1])
        history.act("search_history", {"text": "mill"}, ADA)
        history.act("export_conversation", {"id": history.desk("page-1").id, "kind": "json"}, ADA)
        history.leave("page-1")
        assert history.data(ADA)["search"] == ""
        assert "file" not in history.data(ADA)
        history.keep(history.desk("page-1"), "ada", TALK)
        (mine,) = ids(history, ADA)
        assert kept.open("ada", mine).turns == TALK

    def test_of_two_pages_with_one_conversation_neither_loses_an_answer(
        self, history: History, kept: Conversations
    ) -> None:
        here = history.desk("page-1")
        history.keep(here, "ada", TALK[:1])
        history.show("page-2", here.id)
        there = history.desk("page-2")
        history.keep(here, "ada", TALK)
        other = (TALK[0], turn(2, "Who owned it?"))
        history.keep(there, "ada", other)
        assert history.problem(Visitor("page-2", "ada")).startswith("This conversation went on in another page")
        assert kept.open("ada", here.id).turns == TALK
        assert kept.open("ada", there.id).turns == other
        history.keep(there, "ada", (*other, turn(3, "And now?")))
        history.keep(here, "ada", TALK)
        assert len(ids(history, ADA)) == 2
        assert history.problem(Visitor("page-2", "ada")) == history.problem(ADA) == ""

    def test_what_went_on_in_another_page_and_was_deleted_does_not_come_back(self, history: History) -> None:
        here = history.desk("page-1")
        history.keep(here, "ada", TALK[:1])
        history.show("page-2", here.id)
        history.keep(here, "ada", TALK)
        history.act("delete_conversation", {"id": here.id}, ADA)
        history.keep(history.desk("page-2"), "ada", (TALK[0], turn(2, "Who owned it?")))
        assert ids(history, ADA) == []
        assert history.problem(Visitor("page-2", "ada")).startswith("This conversation was deleted elsewhere")

    def test_what_was_deleted_elsewhere_does_not_come_back_and_is_told_once(
        self, history: History, kept: Conversations
    ) -> None:
        desk = history.desk("page-1")
        history.keep(desk, "ada", TALK[:1])
        kept.delete("ada", desk.id)
        history.keep(desk, "ada", TALK)
        assert history.problem(ADA).startswith("This conversation was deleted elsewhere")
        history.keep(desk, "ada", TALK)
        assert history.problem(ADA) == ""
        assert ids(history, ADA) == []
        assert desk.id == ""

    def test_a_failing_store_raises_nothing_and_is_told_once(self, tmp_path: Path) -> None:
        (tmp_path / "data").write_text("a file where the folder should be")
        history = History(Conversations(tmp_path / "data"))
        desk = history.desk("page-1")
        history.keep(desk, "ada", TALK)
        assert "RAG_DATA" in history.problem(ADA)
        history.keep(desk, "ada", TALK)
        assert history.problem(ADA) == ""
        data = history.data(ADA)
        assert data["conversations"] == []
        assert "RAG_DATA" in data["unreadable"]

    def test_what_nobody_expected_is_told_by_its_kind_only(
        self, history: History, kept: Conversations, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: Any) -> str:
            raise RuntimeError("/secret/path")

        monkeypatch.setattr(kept, "save", fail)
        history.keep(history.desk("page-1"), "ada", TALK)
        problem = history.problem(ADA)
        assert "RuntimeError" in problem
        assert "secret" not in problem

    def test_switched_off_nothing_is_kept_or_listed(self, tmp_path: Path) -> None:
        history = History(None, Feedback(tmp_path / "data"))
        desk = history.desk("page-1")
        history.keep(desk, "", TALK)
        assert desk.id == history.problem(Visitor("page-1")) == ""
        for call in (lambda: history.turns("", "x"), lambda: history.act("rename_conversation", {}, Visitor("page-1"))):
            with pytest.raises(StoreError, match="RAG_CONVERSATIONS"):
                call()
        assert not (tmp_path / "data").exists()


class TestList:
    def keep(self, history: History, visitor: Visitor, *questions: str) -> list[str]:
        found = []
        for question in questions:
            history.show(visitor.session)
            desk = history.desk(visitor.session)
            history.keep(desk, visitor.owner, (turn(1, question),))
            found.append(desk.id)
        return found

    def test_each_visitor_sees_their_own(self, history: History) -> None:
        mine, theirs = self.keep(history, ADA, "Mine?"), self.keep(history, LI, "Theirs?")
        assert ids(history, ADA) == mine
        assert ids(history, LI) == theirs
        for action, sent in (
            ("rename_conversation", {"id": theirs[0], "title": "Stolen"}),
            ("delete_conversation", {"id": theirs[0]}),
            ("export_conversation", {"id": theirs[0], "kind": "json"}),
        ):
            with pytest.raises(StoreError):
                history.act(action, sent, ADA)
        with pytest.raises(StoreError):
            history.turns("ada", theirs[0])
        history.act("delete_conversations", {}, ADA)
        assert ids(history, ADA) == []
        assert history.data(LI)["conversations"][0]["title"] == "Theirs?"

    def test_searched_by_page(self, history: History) -> None:
        (tram, mill) = self.keep(history, ADA, "A tram?", "A mill?")
        history.act("search_history", {"text": "TRAM"}, ADA)
        assert ids(history, ADA) == [tram]
        assert history.data(ADA)["search"] == "TRAM"
        assert ids(history, Visitor("page-9", "ada")) == [mill, tram]
        history.act("search_history", {"text": ""}, ADA)
        assert ids(history, ADA) == [mill, tram]
        strange: tuple[Any, ...] = (None, 7, [], {}, "x" * 5000)
        for text in strange:
            history.act("search_history", {"text": text}, ADA)
            assert len(history.data(ADA)["search"]) <= LONGEST_SEARCH

    def test_older_ones_are_counted_and_found(
        self, history: History, kept: Conversations, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("rag.web.conversations.MAX_LISTED", 3)
        for number in range(5):
            kept.save("ada", (turn(1, f"Question {number}?"),))
        found = history.data(ADA)
        assert [each["title"] for each in found["conversations"]] == [f"Question {n}?" for n in (4, 3, 2)]
        assert found["total"] == 5
        history.act("search_history", {"text": "question 0"}, ADA)
        assert [each["title"] for each in history.data(ADA)["conversations"]] == ["Question 0?"]

    def test_renamed_and_deleted(self, history: History) -> None:
        one, two = self.keep(history, ADA, "One?", "Two?")
        assert history.act("rename_conversation", {"id": one, "title": "<b>A\nname"}, ADA) == "Renamed to “<b>A name”"
        assert [each["title"] for each in history.data(ADA)["conversations"]] == ["Two?", "<b>A name"]
        history.act("delete_conversation", {"id": two}, ADA)
        history.keep(history.desk(ADA.session), "ada", TALK)  # what was being answered there
        assert ids(history, ADA) == [one]
        assert history.problem(ADA) == ""
        assert history.act("delete_conversations", {}, ADA) == "1 conversation deleted"

    @pytest.mark.parametrize("whole", [False, True])
    def test_feedback_is_deleted_where_that_is_asked_for(
        self, history: History, kept: Conversations, tmp_path: Path, whole: bool
    ) -> None:
        feedback, other = Feedback(tmp_path / "data"), (turn(1, "Another?"),)
        mine, theirs = kept.save("ada", TALK), kept.save("eve", TALK)
        kept.save("ada", other)
        for owner, talk in (("ada", TALK), ("ada", other), ("eve", TALK)):
            feedback.give(owner, talk, 1, "right")
        with pytest.raises(FootnoteError):
            history.act("delete_conversation", {"id": theirs, "feedback": whole}, ADA)
        history.act("delete_conversation", {"id": mine, "feedback": whole}, ADA)
        assert bool(feedback.given("ada", TALK)) is not whole
        assert feedback.given("ada", other)
        history.act("delete_conversations", {"feedback": whole}, ADA)
        assert feedback.questions("ada").count == (0 if whole else 2)
        assert feedback.given("eve", TALK)

    def test_what_could_not_be_deleted_is_kept_on(
        self, history: History, kept: Conversations, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        history.keep(history.desk(ADA.session), "ada", TALK[:1])
        monkeypatch.setattr(kept, "delete_all", Mock(side_effect=StoreError("another program is writing")))
        with pytest.raises(StoreError):
            history.act("delete_conversations", {}, ADA)
        history.keep(history.desk(ADA.session), "ada", TALK)
        (mine,) = ids(history, ADA)
        assert kept.open("ada", mine).turns == TALK

    @pytest.mark.parametrize("id", [None, "", 7, [], {}, "x", "' OR 1=1 --", "\ud800"])
    def test_what_is_no_id_changes_nothing(self, history: History, id: Any) -> None:
        (mine,) = self.keep(history, ADA, "Mine?")
        for action in ("rename_conversation", "delete_conversation", "export_conversation"):
            with pytest.raises(FootnoteError):
                history.act(action, {"id": id, "title": "x", "kind": "json"}, ADA)
        assert ids(history, ADA) == [mine]

    def test_a_file_is_handed_over_once(self, history: History) -> None:
        (mine,) = self.keep(history, ADA, "<script>alert(1)</script> Who?")
        stamps = set()
        for kind, start in (("markdown", "# \\<script\\>"), ("html", "<!DOCTYPE html>"), ("json", "{")):
            history.act("export_conversation", {"id": mine, "kind": kind}, ADA)
            file = history.data(ADA)["file"]
            text = base64.b64decode(file["base64"]).decode()
            assert text.startswith(start)
            assert "<script>" not in text.replace("\\<script\\>", "")
            assert file["name"].startswith("footnote-script-alert-1-script-who")
            assert "file" not in history.data(ADA)
            stamps.add(file["stamp"])
        assert len(stamps) == 3
        with pytest.raises(SettingsError):
            history.act("export_conversation", {"id": mine, "kind": "../x"}, ADA)

    def test_feedback_becomes_questions(self, history: History, tmp_path: Path) -> None:
        assert history.act("export_feedback", {}, ADA).startswith("There is no feedback yet")
        assert "file" not in history.data(ADA)
        Feedback(tmp_path / "data").give("ada", TALK, 1, "right")
        assert history.act("export_feedback", {}, LI).startswith("There is no feedback yet")
        assert history.act("export_feedback", {}, ADA) == "1 question for rag eval"
        file = history.data(ADA)["file"]
        assert file["name"] == "footnote-feedback.jsonl"
        assert json.loads(base64.b64decode(file["base64"]))["evidence"] == [{"document": "mill.md", "quote": QUOTE}]


class TestActs:
    @pytest.fixture
    def acts(self, tmp_path: Path) -> Acts:
        return Acts(Feedback(tmp_path / "data"))

    def test_a_verdict_is_kept_changed_noted_and_taken_back(self, acts: Acts) -> None:
        found = acts.act(TALK, {"turn": 2, "name": "wrong-citation"}, ADA)
        assert found["given"] == {"2": {"name": "wrong-citation", "note": ""}}
        assert (found["open"], found["turn"], found["verdict"], found["text"]) == ("note", 2, "wrong-citation", "")
        acts.act(TALK, {"turn": 2, "name": "note", "note": "It says stone."}, ADA)
        found = acts.act(TALK, {"turn": 2, "name": "missing-source"}, ADA)
        assert found["given"] == {"2": {"name": "missing-source", "note": "It says stone."}}
        assert found["text"] == "It says stone."
        assert acts.data(TALK, LI)["given"] == {}
        found = acts.act(TALK, {"turn": 2, "name": "missing-source"}, ADA)
        assert found["given"] == {}
        assert found["said"] == "Taken back"

    def test_an_answer_is_copied_with_its_sources(self, acts: Acts, tmp_path: Path) -> None:
        plain = acts.act(TALK, {"turn": 1, "name": "copy"}, ADA)["copy"]
        assert plain.startswith(f"{QUOTE} [1]")
        assert "The mill of Tarn\n    Courier · as of 4 March 2031" in plain
        marked = acts.act(TALK, {"turn": 1, "name": "copy-markdown"}, ADA)["copy"]
        assert "\n\n[^1]: The mill of Tarn. Courier" in marked
        assert not (tmp_path / "data").exists()

    def test_only_the_last_question_is_edited(self, acts: Acts) -> None:
        found = acts.act(TALK, {"turn": 2, "name": "edit"}, ADA)
        assert (found["open"], found["turn"], found["text"]) == ("edit", 2, TALK[1].question)
        with pytest.raises(FeedbackError, match="last question"):
            acts.act(TALK, {"turn": 1, "name": "edit"}, ADA)

    @pytest.mark.parametrize(
        "sent",
        [
            {},
            {"turn": 1},
            {"name": "right"},
            {"turn": "1", "name": "right"},
            {"turn": True, "name": "right"},
            {"turn": 3, "name": "right"},
            {"turn": 1, "name": "best"},
            {"turn": 1, "name": None},
            {"turn": 1, "name": ["right"]},
            {"turn": 1, "name": "note", "note": "without a verdict"},
            {"turn": 1, "name": "../edit"},
        ],
    )
    def test_what_is_no_button_does_nothing(self, acts: Acts, sent: Any) -> None:
        with pytest.raises(FeedbackError):
            acts.act(TALK, sent, ADA)
        assert acts.data(TALK, ADA)["given"] == {}

    @pytest.mark.parametrize("note", [None, 7, ["x"], "x" * (MAX_NOTE + 1)])
    def test_what_is_no_note_is_refused(self, acts: Acts, note: Any) -> None:
        acts.act(TALK, {"turn": 1, "name": "wrong"}, ADA)
        with pytest.raises(FeedbackError):
            acts.act(TALK, {"turn": 1, "name": "note", "note": note}, ADA)
        assert acts.data(TALK, ADA)["given"] == {"1": {"name": "wrong", "note": ""}}

    def test_what_is_still_written_cannot_be_judged(self, acts: Acts) -> None:
        with pytest.raises(FeedbackError):
            acts.act((turn(1, status="answering"),), {"turn": 1, "name": "right"}, ADA)

    def test_a_broken_store_is_told(self, acts: Acts, tmp_path: Path) -> None:
        acts.act(TALK, {"turn": 1, "name": "wrong"}, ADA)
        (tmp_path / "data" / FILE).write_bytes(b"no database" * 100)
        assert "RAG_DATA" in acts.data(TALK, ADA)["problem"]


class TestMarkup:
    def test_only_an_ended_answer_has_buttons_and_only_the_last_question_is_edited(self) -> None:
        first, question, second = (each["content"] for each in messages(TALK)[1:])
        assert 'id="act-1-wrong-citation"' in first
        assert "act" not in question
        assert 'id="act-2-copy-markdown"' in second
        assert 'id="act-2-edit"' in second
        assert "act-1-edit" not in first
        for writing in (turn(1, status="answering"), Turn(1, "Who?"), Turn(1, "Who?", "failed", note="No.")):
            assert "act-1-right" not in "".join(each["content"] for each in messages((writing,)))
        assert "act-1-edit" not in messages((turn(1, status="answering"),))[1]["content"]
        failed = messages((Turn(1, "Who?", "failed"),))[1]["content"]
        assert "act-1-edit" in failed
        assert "act-1-copy" not in failed

    def test_an_article_says_how_it_is_linked(self) -> None:
        some, whole = check_of(TEXT[:29]), check_of(TEXT)
        assert article_data(DOCUMENT, Place(0, 29))["link"] == f"?article=mill.md&start=0&end=29&check={some}"
        everything = f"?article=mill.md&start=0&end={len(TEXT)}&check={whole}"
        assert article_data(DOCUMENT, Place(-5, 10**30))["link"] == everything
        marked = article_data(DOCUMENT, Place(0, 29), [Place(30, 53)])
        assert [each["link"] for each in marked["links"]] == [
            article_data(DOCUMENT, each)["link"] for each in (Place(0, 29), Place(30, 53))
        ]
        odd = replace(DOCUMENT, id="a&b=#?.md")
        assert article_data(odd)["link"] == "?article=a%26b%3D%23%3F.md"


class Answering:
    """Answers what names an article's title, in the way that is set for it."""

    def __init__(self, folder: Path, **answers: Answer) -> None:
        self.settings = Settings(articles=folder)
        self.answers = answers
        self.asked: list[str] = []

    def documents(self) -> list[Any]:
        headers = (Header(f"{title}.md", title, published=f"203{place}") for place, title in enumerate(self.answers))
        return list(headers)

    def contents(self) -> Any:
        return SimpleNamespace(name=f"gen-{len(self.answers)}")

    def ask(self, question: str, *, model: str) -> Answer:
        assert model == "extractive"
        self.asked.append(question)
        return next(answer for title, answer in self.answers.items() if title in question)


GOOD = replace(TALK[0].answer or Answer(""), score=SURE)


class TestExamples:
    @pytest.mark.parametrize(
        ("answer", "good"),
        [
            (GOOD, True),
            (replace(GOOD, score=SURE - 0.01), False),
            (replace(GOOD, state="closest"), False),
            (replace(GOOD, state="none"), False),
            (replace(GOOD, citations=()), False),
            (replace(GOOD, sentences=(replace(GOOD.sentences[0], context="The mill."),)), False),
        ],
    )
    def test_only_a_sure_answer_that_stands_alone_makes_an_example(
        self, tmp_path: Path, answer: Answer, good: bool
    ) -> None:
        chatbot: Any = Answering(tmp_path, Mill=answer)
        assert Examples().of(chatbot) == ["What is the article “Mill” about?"] * good

    def test_what_lies_beside_the_articles_comes_first_then_the_newest_and_no_more_than_four(
        self, tmp_path: Path
    ) -> None:
        (tmp_path / "questions.jsonl").write_text(
            '{"question": "Who owns Bridge?"}\n{"question": "And Fire?"}', "utf-8"
        )
        answers = dict.fromkeys(("Ash", "Mill", "Bridge", "Tram", "Pier", "Cup"), GOOD)
        chatbot: Any = Answering(tmp_path, Fire=replace(GOOD, state="none"), **answers)
        titles = ("Cup", "Pier", "Tram")
        assert Examples().of(chatbot) == [
            "Who owns Bridge?",
            *(f"What is the article “{title}” about?" for title in titles),
        ]
        assert len(chatbot.asked) == 5

    def test_not_too_many_are_tried(self, tmp_path: Path) -> None:
        poor = replace(GOOD, score=0.0)
        chatbot: Any = Answering(tmp_path, **{f"Title{number}x": poor for number in range(TRIED + 5)})
        assert Examples().of(chatbot) == []
        assert len(chatbot.asked) == TRIED

    def test_made_once_until_the_index_changes(self, tmp_path: Path) -> None:
        chatbot: Any = Answering(tmp_path, Mill=GOOD)
        examples = Examples()
        assert len(examples.of(chatbot)) == len(examples.of(chatbot)) == len(chatbot.asked) == 1
        chatbot.answers["Bridge"] = GOOD
        assert len(examples.of(chatbot)) == 2

    def test_trouble_means_none(self) -> None:
        chatbot: Any = SimpleNamespace(contents=lambda: 1 / 0)
        assert Examples().of(chatbot) == []

    def test_each_language_has_its_own_and_a_title_is_short(self) -> None:
        headers = [
            Header("a.md", "Мост", language="ru", published="2033"),
            Header("b.md", "Көпір", language="kk", published="2032"),
            Header("c.md", "x" * 91, published="2031"),
            Header("d.md"),
        ]
        chatbot: Any = SimpleNamespace(settings=Settings(articles=Path("nowhere")), documents=lambda: headers)
        assert list(candidates(chatbot)) == ["О чём говорится в статье «Мост»?", "«Көпір» мақаласы не туралы?"]


class Bot:
    """A chatbot whose answers wait in the middle until ``go_on`` is set."""

    notice, changes = "", None

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.go_on.set()

    def stream(self, question: str, *_: Any, **__: Any) -> Iterator[Answer]:
        yield Answer(question, text="It")
        assert self.go_on.wait(20)
        yield Answer(question, text="It burned.", complete=True)


class TestHandlers:
    """What the page does with a conversation, without gradio's server and without a browser."""

    @pytest.fixture
    def bot(self) -> Bot:
        return Bot()

    @pytest.fixture
    def handlers(self, bot: Bot, history: History) -> Any:
        opening: Any = SimpleNamespace(chatbot=bot, state=SimpleNamespace(kind="ready"))
        return Handlers(opening, Models(Settings(), ServicesDouble()), history)

    async def asked(self, handlers: Any, conversation: Any, text: str, tell: Any = None) -> Any:
        _, conversation, _ = await handlers.ask(ADA, text, conversation, [])
        async for _, shown, *_ in handlers.answer(ADA, conversation):
            conversation = shown if isinstance(shown, tuple) else conversation
            if tell is not None and conversation[-1].answer is not None:
                tell(conversation)
        return conversation

    def questions(self, kept: Conversations) -> list[list[str]]:
        opened = [kept.open("ada", each.id).turns for each in kept.listed("ada").summaries]
        return [[each.question for each in turns] for turns in opened]

    def test_what_was_kept_stays_where_gradio_has_forgotten_what_the_page_shows(
        self, handlers: Any, kept: Conversations
    ) -> None:
        async def steps() -> None:
            conversation = await self.asked(handlers, (), "One?")
            await self.asked(handlers, conversation, "Two?")
            await self.asked(handlers, (), "Three?")

        run_apart(steps())
        assert self.questions(kept) == [["Three?"], ["One?", "Two?"]]

    def test_what_is_pressed_under_answers_is_done_in_turn(self, handlers: Any) -> None:
        done: list[str] = []
        second = threading.Event()

        def act(conversation: Any, sent: Any, visitor: Any) -> dict[str, Any]:
            if sent["name"] == "right":
                assert not second.wait(0.5), "the second has begun before the first was done"
            else:
                second.set()
            done.append(sent["name"])
            return {}

        async def steps() -> None:
            sent = [{"turn": 1, "name": name} for name in ("right", "wrong")]
            await asyncio.gather(*(handlers.act(ADA, (), each) for each in sent))

        handlers.acts = SimpleNamespace(act=act)
        run_apart(steps())
        assert done == ["right", "wrong"]

    def test_undoing_while_it_is_answered_ends_the_answer_first(
        self, handlers: Any, bot: Bot, kept: Conversations
    ) -> None:
        async def steps() -> Any:
            conversation = await self.asked(handlers, (), "One?")
            bot.go_on.clear()
            seen: asyncio.Queue[Any] = asyncio.Queue()
            answering = asyncio.ensure_future(self.asked(handlers, conversation, "Two?", seen.put_nowait))
            box, undone, *_ = await handlers.undo(ADA, await seen.get())
            assert answering.done() or (await answering)[-1].status == "stopped"
            bot.go_on.set()
            return box, undone

        box, undone = run_apart(steps())
        assert [each.question for each in undone] == ["One?"]
        assert box["value"] == "Two?"
        assert self.questions(kept) == [["One?"]]

    def test_a_question_whose_page_is_closed_says_so(self, handlers: Any, kept: Conversations) -> None:
        async def steps(end: str) -> str:
            opening, handlers.opening.chatbot = handlers.opening.chatbot, None
            _, conversation, _ = await handlers.ask(ADA, f"{end}?", (), [])
            answering = handlers.answer(ADA, conversation)
            await anext(answering)
            await (answering.aclose() if end == "aclose" else getattr(handlers, end)(ADA))
            async for _ in answering:
                pass
            handlers.opening.chatbot = opening
            newest = kept.listed("ada").summaries[0]
            return messages(kept.open("ada", newest.id).turns)[-1]["content"]

        for end, closed in (("aclose", True), ("leave", True), ("stop", False)):
            shown = run_apart(steps(end))
            assert "Stopped" in shown
            assert ("the page was closed before an answer came" in shown) is closed, end

    def test_an_answer_names_the_files_that_were_still_being_read(self, handlers: Any) -> None:
        handlers._unread = lambda: ["harbour.pdf"]
        shown = unescape(messages(run_apart(self.asked(handlers, (), "One?")))[-1]["content"])
        assert "still being read: harbour.pdf. Retry" in shown
        handlers._unread = list
        assert "still being read" not in messages(run_apart(self.asked(handlers, (), "One?")))[-1]["content"]

    def test_many_who_wait_for_something_slow_hold_nobody_up(self, handlers: Any) -> None:
        begun, go_on = threading.Semaphore(0), threading.Event()

        class Slow(Room):
            name = "slow"

            def act(self, *_: Any) -> str:
                begun.release()
                assert go_on.wait(20)
                return ""

            def data(self, _: Visitor) -> dict[str, Any]:
                return {}

        async def steps() -> Any:
            slow = [asyncio.ensure_future(Slow().acted("look", Visitor(f"page-{n}"), {})) for n in range(40)]
            try:
                for _ in slow:
                    while not begun.acquire(blocking=False):
                        await asyncio.sleep(0.01)
                return await asyncio.wait_for(handlers.history.shown(ADA), 10)
            finally:
                go_on.set()
                await asyncio.gather(*slow)

        assert run_apart(asyncio.wait_for(steps(), 20))["total"] == 0
