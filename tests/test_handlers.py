"""What the page's handlers do with what a browser sends, without one."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from asynchronous import run
from double import Double, NamedModel, Opener, ServicesDouble
from rag.export.conversation import Conversation, Turn
from rag.settings import Settings
from rag.types import Answer
from rag.web.models import Models
from rag.web.opening import Opening
from rag.web.rooms import Visitor
from rag.web.talk import Handlers

GAZETTE = "The Orsund Gazette"
FERRIES = f"How much will the four electric ferries cost, says {GAZETTE} in 2031?"
FROST = "What did the frost do to the pears in the Vell valley?"
COURIER = "What did the Valley Courier say about the pears?"
NOTHING = ({"__type__": "update"},) * 4
ONE = Visitor("one")


@pytest.fixture
def handlers() -> Handlers:
    opener = Opener()
    opener.ready.set()
    return Handlers(Opening(opener), Models(Settings(), ServicesDouble()))


@pytest.mark.parametrize("sent", ["", "  \n", None, 7, ["a"], {"text": "a"}, "\x00\ud800"])
def test_nothing_is_not_asked(handlers: Handlers, sent: Any) -> None:
    assert run(handlers.ask(ONE, sent, (), [])) == NOTHING[:3]


def test_one_question_at_a_time(handlers: Handlers) -> None:
    async def steps() -> None:
        _, conversation, _ = await handlers.ask(ONE, FERRIES, (), [])
        assert [turn.question for turn in conversation] == [FERRIES]
        answering = handlers.answer(ONE, conversation)
        await anext(answering)
        assert await handlers.ask(ONE, FROST, conversation, []) == NOTHING[:3]
        assert await anext(handlers.answer(ONE, conversation)) == NOTHING
        other = await handlers.ask(Visitor("another"), FROST, (), [])
        assert [turn.question for turn in other[1]] == [FROST]
        await answering.aclose()
        assert (await handlers.ask(ONE, FROST, (), []))[1] == other[1]

    run(steps())


class TestReconsider:
    """What the browser sends is two numbers at most; whatever else it is, nothing is asked."""

    TURN = Turn(7, FERRIES, "done", Answer(FERRIES, understood=(GAZETTE, "2031"), complete=True))

    def send(self, conversation: Conversation, sent: Any, busy: bool = False) -> Any:
        opening: Any = None  # nothing is answered here
        handlers = Handlers(opening, Models(Settings(), ServicesDouble()))
        if busy:
            handlers._stops["one"] = asyncio.Event()
        return run(handlers.reconsider(ONE, conversation, [], sent if isinstance(sent, dict) else {}))

    def test_the_last_turn_is_asked_again(self) -> None:
        older = Turn(6, COURIER, "done", Answer(COURIER, understood=("Valley Courier",)))
        _, conversation, _ = self.send((older, self.TURN), {"turn": 7, "place": 1})
        assert conversation == (older, Turn(7, FERRIES, ignored=("2031",)))
        _, conversation, _ = self.send((replace(self.TURN, ignored=("2031",)),), {"turn": 7, "place": 1})
        assert conversation[-1].ignored == ()

    @pytest.mark.parametrize(
        "sent",
        [
            *(None, 7, [7, 0], "7-0", {}, {"turn": 7}, {"place": 0}, {"turn": "7", "place": "0"}),
            *({"turn": 7, "place": place} for place in (-1, 2, 10**30, 0.0, True, False, None, "0", [0], {})),
            *({"turn": turn, "place": 0} for turn in (6, 8, -7, 7.0, True, None, [7])),
            {"turn": 7, "place": GAZETTE, "label": "anything"},
        ],
    )
    def test_what_is_no_chip_of_the_last_turn_does_nothing(self, sent: Any) -> None:
        older = Turn(6, COURIER, "done", Answer(COURIER, understood=("Valley Courier",)))
        assert self.send((older, self.TURN), sent) == NOTHING[:3]

    @pytest.mark.parametrize("status", ["waiting", "answering"])
    def test_nothing_happens_while_an_answer_is_written(self, status: Any) -> None:
        assert self.send((replace(self.TURN, status=status),), {"turn": 7, "place": 0}) == NOTHING[:3]
        assert self.send((self.TURN,), {"turn": 7, "place": 0}, busy=True) == NOTHING[:3]
        assert self.send((), {"turn": 7, "place": 0}) == NOTHING[:3]


def test_the_article_door_checks_what_it_is_given() -> None:
    opening = Opening(Opener())  # type: ignore[arg-type]
    handlers = Handlers(opening, Models(Settings(), ServicesDouble()))
    start: list[Any] = [0, 0, ""]
    assert "still being read" in handlers.read_article(["ferry.md", start, []])["error"]
    opening.chatbot = Double()  # type: ignore[assignment]
    for wanted in (
        None,
        {},
        [],
        ["ferry.md"],
        ["ferry.md", start],
        ["ferry.md", 0, 1],
        ["ferry.md", [0.5, 1, ""], []],
        ["ferry.md", [True, 1, ""], []],
        ["ferry.md", [0, 1, 2], []],
        ["ferry.md", [0, 1, "x" * 17], []],
        ["ferry.md", start, [[0, 1]]],
        ["ferry.md", start, [start] * 201],
        [1, start, []],
        "abc",
        [[], start, []],
    ):
        assert set(handlers.read_article(wanted)) == {"error"}
    assert handlers.read_article(["../ui.py", start, []])["error"].startswith("There is no such article")
    found = handlers.read_article(["ferry.md", [-5, 10**30, ""], []])
    assert all(marked for paragraph in found["paragraphs"] for _, marked in paragraph)


def test_the_servers_own_model_can_be_left_for_the_articles_own_sentences() -> None:
    models = Models(Settings(model="near:own"), ServicesDouble())
    chatbot = Double(model=NamedModel("near:own"))

    def writer() -> str:
        return [*models.choice("one").stream(chatbot, FERRIES, ())][-1].model  # type: ignore[arg-type]

    assert writer() == "near:own"
    models.choose("one", "extractive")
    assert writer() == "extractive"
    models.choose("one", "near:own")
    assert writer() == "near:own"
    assert chatbot.model == NamedModel("near:own")
