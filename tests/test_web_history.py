"""The conversations beside the chat and the buttons under its answers, without a browser."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rag.errors import FeedbackError, FootnoteError, SettingsError, StoreError
from rag.types import Answer, Citation, Document, Hit, Passage, Sentence
from rag.web.acts import Acts
from rag.web.conversation import Turn
from rag.web.conversations import Conversations
from rag.web.examples import Suggestions, candidates, make_examples
from rag.web.feedback import MAX_NOTE, Feedback
from rag.web.history import LONGEST_SEARCH, History
from rag.web.render import article_data, messages
from rag.web.rooms import Visitor
from rag.web.store import FILE

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
        history.leave("page-1")
        assert history.desk("page-1").id == ""

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

    def test_more_is_shown_when_asked_for(self, history: History, kept: Conversations) -> None:
        for number in range(105):
            kept.save("ada", (turn(1, f"Question {number}?"),))
        assert len(ids(history, ADA)) == 100
        history.act("more_history", {}, ADA)
        found = history.data(ADA)
        assert [each["title"] for each in found["conversations"]] == [f"Question {n}?" for n in range(104, -1, -1)]
        assert found["total"] == 105

    def test_renamed_and_deleted(self, history: History) -> None:
        one, two = self.keep(history, ADA, "One?", "Two?")
        assert history.act("rename_conversation", {"id": one, "title": "<b>A\nname"}, ADA) == "Renamed to “<b>A name”"
        assert [each["title"] for each in history.data(ADA)["conversations"]] == ["Two?", "<b>A name"]
        history.act("delete_conversation", {"id": two}, ADA)
        history.keep(history.desk(ADA.session), "ada", TALK)  # what was being answered there
        assert ids(history, ADA) == [one]
        assert history.problem(ADA) == ""
        assert history.act("delete_conversations", {}, ADA) == "1 conversation deleted"

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
            assert file["text"].startswith(start)
            assert "<script>" not in file["text"].replace("\\<script\\>", "")
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
        assert json.loads(file["text"])["evidence"] == [{"document": "mill.md", "quote": QUOTE}]


class TestActs:
    @pytest.fixture
    def acts(self, tmp_path: Path) -> Acts:
        return Acts(Feedback(tmp_path / "data"))

    def test_a_verdict_is_kept_changed_noted_and_taken_back(self, acts: Acts) -> None:
        found = acts.act(TALK, {"turn": 2, "name": "wrong-citation"}, ADA)
        assert found["given"] == {"2": {"name": "wrong-citation", "note": ""}}
        assert (found["open"], found["turn"], found["verdict"], found["text"]) == ("note", "2", "wrong-citation", "")
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
        assert "**Sources**" in marked
        assert not (tmp_path / "data").exists()

    def test_only_the_last_question_is_edited(self, acts: Acts) -> None:
        found = acts.act(TALK, {"turn": 2, "name": "edit"}, ADA)
        assert (found["open"], found["turn"], found["text"]) == ("edit", "2", TALK[1].question)
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
        assert 'id="act-2-edit"' in question
        assert 'id="act-2-copy-markdown"' in second
        assert "act-1-edit" not in messages(TALK)[0]["content"]
        for writing in (turn(1, status="answering"), Turn(1, "Who?"), Turn(1, "Who?", "failed", note="No.")):
            assert "act-1-right" not in "".join(each["content"] for each in messages((writing,)))
        assert "act-1-edit" not in messages((turn(1, status="answering"),))[0]["content"]
        assert "act-1-edit" in messages((Turn(1, "Who?", "failed"),))[0]["content"]

    def test_an_article_says_how_it_is_linked(self) -> None:
        assert article_data(DOCUMENT, 0, 29)["link"] == "?article=mill.md&start=0&end=29"
        assert article_data(DOCUMENT, -5, 10**30)["link"] == f"?article=mill.md&start=0&end={len(TEXT)}"
        odd = replace(DOCUMENT, id="a&b=#?.md")
        assert article_data(odd)["link"] == "?article=a%26b%3D%23%3F.md"


class Answering:
    """Answers what names a person, with the article that they stand in; refuses everything else."""

    def __init__(self, *documents: Document) -> None:
        self.articles = {each.id: each for each in documents}
        self.asked: list[str] = []

    def documents(self) -> list[Any]:
        return [each.header for each in self.articles.values()]

    def document(self, id: str) -> Document:
        return self.articles[id]

    def stream(self, question: str, *, model: str) -> Any:
        assert model == "extractive"
        self.asked.append(question)
        answer = Answer(question)
        yield answer
        for each in self.articles.values():
            if any(name in question and name in each.text for name in ("Ada Brook", "Li Moss")):
                hit = Hit(Passage("p", each.id, 0, len(each.text), each.text), each.header, 1.0)
                yield replace(answer, citations=(Citation(1, hit, each.text, 0, len(each.text)),), complete=True)
                return
        yield replace(answer, refused=True, complete=True)


class TestExamples:
    BROOK = Document(
        id="b.md", text="A tram was paid for by Ada Brook.", title="A tram", outlet="Courier", published="2031"
    )
    MOSS = Document(id="m.md", text="They say Li Moss left.", title="Who left", published="2032")
    MILL = Document(id="n.md", text="A mill burned.", title="A mill", published="2033")

    def test_only_what_the_articles_answer_is_suggested_newest_first(self) -> None:
        chatbot: Any = Answering(self.BROOK, self.MOSS, self.MILL)
        made = Suggestions().of(chatbot)
        assert made == ["What is said about Li Moss?", "What does Courier say about Ada Brook?"]
        assert "What is reported in “A mill”?" in chatbot.asked

    def test_made_once_until_the_articles_change(self) -> None:
        chatbot: Any = Answering(self.BROOK)
        suggestions = Suggestions()
        first, asked = suggestions.of(chatbot), len(chatbot.asked)
        assert suggestions.of(chatbot) == first
        assert len(chatbot.asked) == asked
        chatbot.articles["m.md"] = self.MOSS
        assert len(suggestions.of(chatbot)) == 2

    def test_as_many_as_are_wanted(self) -> None:
        chatbot: Any = Answering(self.BROOK, self.MOSS)
        assert make_examples(chatbot, ("b.md", "m.md"), 1) == ["What does Courier say about Ada Brook?"]

    def test_trouble_means_none(self) -> None:
        chatbot: Any = SimpleNamespace(documents=lambda: 1 / 0)
        assert Suggestions().of(chatbot) == []

    @pytest.mark.parametrize(
        ("text", "asked"),
        [
            ("Ada Brook left.", "What is reported in “T”?"),  # it may be any two words at the beginning of a sentence
            ("We met Ada\nBrook.", "What is reported in “T”?"),
            ("We met Ada. Brook left.", "What is reported in “T”?"),
            ("We met Ada, Brook and Li.", "What is reported in “T”?"),
            ("We read The Courier.", "What is reported in “T”?"),
            ("Then THE END came.", "What is reported in “T”?"),
            ("We met Ada Brook; then Li Moss and Ada Brook.", "What does The Courier say about Ada Brook?"),
            ("We met “Zoé O-Brian”.", "What is reported in “T”?"),
            ("We met Zoé Obrian.", "What does The Courier say about Zoé Obrian?"),
        ],
    )
    def test_names_are_what_looks_like_one(self, text: str, asked: str) -> None:
        assert candidates(Document(id="a.md", text=text, title="T", outlet="The Courier"))[0] == asked

    def test_each_language_has_its_own(self) -> None:
        document = Document(id="a.md", text="Это Анна Белова.", title="Мост", language="ru")
        assert candidates(document) == ["О чём говорится в статье «Мост»?"]
        assert candidates(Document(id="a.md", text="x", title="x" * 91)) == []
