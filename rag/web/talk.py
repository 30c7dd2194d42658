"""Answer what the Ask tab sends: asking, stopping, retrying, opening. What the browser sends is not trusted.

Handlers know nothing of gradio: they get the ``Visitor``, what gradio's inputs hold and, last, what a script sent.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from typing import TYPE_CHECKING, Any

from rag.chat.model_names import EXTRACTIVE
from rag.errors import FootnoteError, QuestionError, Translatable
from rag.export.conversation import MAX_TURNS, Conversation, Turn, begin, change, clean_question, history
from rag.text.one_line import shortened
from rag.types import Header, Scope
from rag.web.acts import Acts
from rag.web.asking import welcome
from rag.web.history import Desk, History
from rag.web.language import phrase, speaking, told
from rag.web.models import Choice, Models
from rag.web.narrow import choices, labels, scope_of
from rag.web.opening import Opening, State, sentence, what_went_wrong
from rag.web.place import Place
from rag.web.queueing import Turns
from rag.web.render import LEFT, article_data, messages, panel
from rag.web.rooms import Visitor, skip, update
from rag.web.stream import aside, newest, until

if TYPE_CHECKING:
    from rag.chatbot import Chatbot

ANSWERING = 64
"""How many questions are answered at once: so many that fifty which wait for a stuck model hold nobody up."""
ANSWERING_ONE = 56
"""How many of them one visitor may have: an account, or without a login an address."""
READING = 8
"""How many questions are answered at once from the articles alone, one of each visitor: that is work for the processor."""
WAITING_ONE = 60
"""How many more of one visitor may wait for that; further ones are turned away."""
ENDING_SECONDS = 15.0
"""How long another conversation waits for the answer that is being written to come to its end."""
LONGEST_NAMES = 200
"""Characters of the names of files that an answer says were not searched."""
MOST_PLACES = 201
"""How many places of an article are marked."""

_RUN, _STEPS = secrets.token_hex(4), count(1)

Sent = Mapping[str, Any]
"""What the page's script sent: anything or nothing, for it comes from a browser."""
Begun = tuple[Any, ...]
"""New values for the question box, the conversation and the chat."""
Shown = tuple[Any, ...]
"""The same, and for the sources."""


class Handlers:
    """The handlers of the Ask tab; ``warn`` tells a visitor for a while what went wrong."""

    def __init__(
        self,
        opening: Opening,
        models: Models,
        history: History | None = None,
        acts: Acts | None = None,
        first_build: Callable[[], State | None] = lambda: None,
        unread: Callable[[], Sequence[str]] = lambda: (),
        examples: Callable[[Chatbot], Sequence[str]] = lambda _: (),
        folder: str = "",
        warn: Callable[[str, Visitor], None] = lambda *_: None,
    ) -> None:
        self.opening = opening
        self.models = models
        self.history = history or History()
        self.acts = acts or Acts()
        self._first_build = first_build
        self._unread = unread
        self._examples = examples
        self._folder = folder
        self._warn = warn
        self._stops: dict[str, asyncio.Event] = {}  # by session, while it is being answered
        self._left: set[str] = set()  # sessions whose page was closed while it was being answered
        self._ends: dict[str, asyncio.Event] = {}  # by session, until its answer is kept
        self._keeping = asyncio.Lock()  # what is kept is kept in the order in which it came
        self._noting = asyncio.Lock()  # so is what is said of answers
        self._turns = Turns(ANSWERING, ANSWERING_ONE, WAITING_ONE)
        self._reading = Turns(READING, 1, ANSWERING)

    async def suggest(self, visitor: Visitor) -> AsyncGenerator[tuple[Any, Any], None]:
        """Fill the start screen and the choices of a scope. Examples come later, names last."""
        if chatbot := await self.opening.opened():
            headers = await aside(chatbot.documents)
            start = {"placeholder": welcome(visitor.language, self._folder, headers)}
            scope = update(choices=await aside(choices, headers))
            yield update(**start), scope
            found = await aside(self._examples, chatbot)  # all again: of steps close together the last one counts
            shown = update(**start, **({"examples": [{"text": each} for each in found]} if found else {}))
            yield shown, scope
            yield shown, update(choices=await aside(lambda: choices(headers, chatbot.names())))

    async def narrowing(self, _: Visitor) -> Any:
        """Return the choices of a scope as soon as the folder is open."""
        await self.opening.opened()
        return update(choices=await aside(choices, await self._headers()))

    async def narrow(self, visitor: Visitor, chosen: Any) -> Any:
        """Show a scope as it was understood. What no article has is told and stays, for nothing is asked without it."""
        headers = await self._headers()
        try:
            understood = labels(await aside(self._scope_of, chosen, headers), headers)
        except QuestionError as error:
            self._warn(sentence(error), visitor)
            return update()
        return update() if understood == chosen else update(value=understood)  # a value sent is a change again

    async def scope(self, _: Visitor, conversation: Conversation) -> Any:
        """Show the scope of a conversation's last question."""
        headers = await self._headers()
        return update(value=labels(conversation[-1].scope, headers) if conversation else [])

    def _scope_of(self, chosen: Any, headers: list[Header]) -> Scope:
        chatbot = self.opening.chatbot
        return scope_of(chosen, headers, chatbot.names() if chosen and chatbot is not None else ())

    async def _headers(self) -> list[Header]:
        return await aside(self.opening.chatbot.documents) if self.opening.chatbot is not None else []

    async def ask(self, visitor: Visitor, text: Any, conversation: Conversation, chosen: Any) -> Begun:
        """Take a question from the box, which is free for the next one. Answers it in ``answer``."""
        if not conversation:  # gradio forgets those of pages that were left alone: what was kept of it must stay
            self.history.show(visitor.session)
        return await self._begin(visitor, text, conversation, chosen, value="")

    async def _begin(
        self,
        visitor: Visitor,
        text: Any,
        conversation: Conversation,
        chosen: Any,
        ignored: tuple[str, ...] = (),
        **box: Any,
    ) -> Begun:
        question, scope = "", Scope()
        try:
            if question := clean_question(text):
                scope = await aside(self._scope_of, chosen, await self._headers()) if chosen else scope
        except QuestionError as error:
            self._warn(sentence(error), visitor)
            question = ""
        if not question or visitor.session in self._stops:
            return skip(3)
        conversation = begin(conversation, question, ignored, scope)
        return update(**box, **_stop(visitor)), conversation, messages(conversation, visitor.language)

    async def example(self, visitor: Visitor, conversation: Conversation, chosen: Any, sent: Sent) -> Begun:
        """Ask the example that was chosen."""
        example = sent.get("value")
        return await self.ask(visitor, example.get("text") if isinstance(example, dict) else "", conversation, chosen)

    async def retry(self, visitor: Visitor, conversation: Conversation, chosen: Any) -> Begun:
        """Ask the last question again."""
        question, ignored = (conversation[-1].question, conversation[-1].ignored) if conversation else ("", ())
        return await self._begin(visitor, question, conversation[:-1], chosen, ignored)

    async def reconsider(self, visitor: Visitor, conversation: Conversation, chosen: Any, sent: Sent) -> Begun:
        """Ask the last question again without something that it names, or with it. The page sends turn and place.

        The label at that place is taken from the conversation, never from the browser.
        """
        last, place = _last(conversation, sent), sent.get("place")
        if last is None or type(place) is not int or not 0 <= place < len(last.labels):
            return skip(3)
        ignored = last.toggled(last.labels[place])
        return await self._begin(visitor, last.question, conversation[:-1], chosen, ignored)

    async def ask_otherwise(self, visitor: Visitor, conversation: Conversation, chosen: Any, sent: Sent) -> Begun:
        """Ask another question in place of the last one. The page sends its turn and the text."""
        if _last(conversation, sent) is None:
            return skip(3)
        return await self._begin(visitor, sent.get("text"), conversation[:-1], chosen)

    async def answer(self, visitor: Visitor, conversation: Conversation) -> AsyncGenerator[Shown, None]:
        """Answer the last question. While the chatbot is being opened it waits and says so.

        Each step shows everything: of steps that come close together the browser shows only the last.
        """
        session = visitor.session
        if not conversation or conversation[-1].status != "waiting" or session in self._stops:
            yield skip(4)
            return
        stop = self._stops[session] = asyncio.Event()
        end = self._ends[session] = asyncio.Event()
        latest, desk = conversation, self.history.desk(session)
        try:
            try:
                await aside(self.models.remember, visitor)
                turn = self._turn(conversation, self.models.choice(session), visitor.client or session)
                async for latest in until(turn, stop):
                    yield update(**_stop(visitor)), latest, *_drawn(latest, visitor, newest=True)
            except (GeneratorExit, asyncio.CancelledError):  # how gradio ends it when the page is closed
                self._left.add(session)
                raise
            finally:
                del self._stops[session]
                if not latest[-1].ended:
                    left = session in self._left and latest[-1].answer is None
                    latest = change(latest, status="stopped", note=LEFT if left else "")
                self._left.discard(session)
            last = update(**_ask(visitor)), latest, *_drawn(latest, visitor, newest=True)
            yield last
        finally:  # also when the page was closed meanwhile
            await self._keep(desk, latest, visitor)
            end.set()
            if self._ends.get(session) is end:
                del self._ends[session]
        # gradio sends the last values again at the end, when the chat may show what came after: it is left out then. The box
        # and the sources are not: the browser changes what a step said of them into what the next one says, also where the
        # first is still to be drawn. The box may be the next question's by now, the sources tell by their step.
        yield update(**_stop(visitor)) if session in self._stops else last[0], *skip(2), last[3]

    async def _keep(self, desk: Desk, conversation: Conversation, visitor: Visitor) -> None:
        async with self._keeping:
            await aside(self.history.keep, desk, visitor.owner, conversation)

    async def _end(self, session: str) -> None:
        """Stop the session's answer and wait until what had come of it is kept."""
        while end := self._ends.get(session):  # again and again: another may have been asked for meanwhile
            if stop := self._stops.get(session):
                stop.set()
            try:
                await asyncio.wait_for(end.wait(), ENDING_SECONDS)
            except asyncio.TimeoutError:
                raise QuestionError("an answer is still being written; stop it first") from None

    async def stop(self, visitor: Visitor) -> None:
        """End the session's answer: what had come stays. ``answer`` itself shows so, for updates of two might cross."""
        if stop := self._stops.get(visitor.session):
            stop.set()

    async def leave(self, visitor: Visitor) -> None:
        """End and forget what belongs to a page that was closed."""
        if visitor.session in self._stops:
            self._left.add(visitor.session)
        await self.stop(visitor)
        self.models.forget(visitor.session)
        self.history.leave(visitor.session)

    def forget(self, session: str) -> None:
        """Forget all of a session."""
        self.models.forget(session)
        self.history.forget(session)

    async def _turn(
        self, conversation: Conversation, choice: Choice, client: str
    ) -> AsyncGenerator[Conversation, None]:
        """Yield the conversation, again and again, as its last turn comes to its end."""
        yield conversation
        seen = ""
        while (chatbot := self.opening.chatbot) is None or self._first_build():
            state = self.opening.state if chatbot is None else self._first_build()
            if state is not None and state.kind == "failed":
                yield change(conversation, status="failed", note=state.text)
                return
            if state is not None and state.text != seen:
                yield change(conversation, note=Translatable("{message} Your question comes next.", message=state.text))
                seen = state.text
            await asyncio.sleep(0.15)
        turn, said = conversation[-1], history(conversation[:-1])
        try:
            unread = await aside(self._unread)
            async with self._turns.turn(client), AsyncExitStack() as reading:
                await reading.enter_async_context(self._reading.turn(client))
                async for answer in newest(
                    lambda: choice.stream(chatbot, turn.question, said, turn.ignored, turn.scope or None)
                ):
                    if answer.model != EXTRACTIVE:  # a model writes: that takes time, but no work
                        await reading.aclose()
                    conversation = change(conversation, status="answering", answer=answer, note="")
                    yield conversation
            unread = unread or await aside(self._unread)  # also those that were only noticed meanwhile
            yield change(conversation, status="done", note=_unsearched(unread))
        except Exception as error:  # the reader must be told, whatever it was
            yield change(conversation, status="failed", note=what_went_wrong(error, "answering"))

    @asynccontextmanager
    async def reading(self, client: str) -> AsyncIterator[None]:
        """Wait for a turn among those who are answered from the articles alone, and hold it; raises Busy."""
        async with self._turns.turn(client), self._reading.turn(client):
            yield

    async def undo(self, visitor: Visitor, conversation: Conversation) -> Shown:
        """Take the last turn back, also while it is being answered. Its question returns to the box."""
        try:
            await self._end(visitor.session)
        except FootnoteError as error:
            self._warn(sentence(error), visitor)
            return skip(4)
        question = conversation[-1].question if conversation else ""
        kept = conversation[:-1]
        await self._keep(self.history.desk(visitor.session), kept, visitor)
        return update(value=question, **_ask(visitor)), kept, *_drawn(kept, visitor)

    async def clear(self, visitor: Visitor) -> Shown:
        """Begin a new conversation; the one before stays where it is kept."""
        return await self._show(visitor, "")

    async def open_conversation(self, visitor: Visitor, sent: Sent) -> Shown:
        """Show a kept conversation with its sources. The page sends its id as ``conversation``, or nothing."""
        id = sent.get("conversation")
        if not isinstance(id, str) or not id or id == self.history.desk(visitor.session).id:
            self.history.opened(visitor.session)
            return skip(4)
        return await self._show(visitor, id)

    async def _show(self, visitor: Visitor, id: str) -> Shown:
        """Open the kept conversation of this id, or a new one. The answer of the one before is stopped."""
        session = visitor.session
        turns: Conversation = ()
        try:
            await self._end(session)
            async with self._keeping:
                if id:
                    turns = (await aside(self.history.turns, visitor.owner, id))[-MAX_TURNS:]
                self.history.show(session, id)  # before another page keeps more of it
        except Exception as error:  # the reader must be told, whatever it was
            self._warn(what_went_wrong(error, "opening a conversation"), visitor)
        else:
            return update(**_ask(visitor)), turns, *_drawn(turns, visitor)
        finally:
            self.history.opened(session)
        return skip(4)

    async def recall(self, visitor: Visitor, conversation: Conversation) -> tuple[Any, Any]:
        """Draw the chat with all sources again. For a page that has lost some of it, or got it in the wrong order."""
        return _drawn(conversation, visitor)

    async def judged(self, visitor: Visitor, conversation: Conversation) -> dict[str, Any]:
        """Return the judgements of the shown answers. And once what stands in the way of keeping them.

        The page asks for it when it has drawn the end of an answer, or of what else changed its conversation.
        """
        with speaking(visitor.language):
            return await aside(self.acts.data, conversation, visitor, self.history.problem(visitor))

    async def act(self, visitor: Visitor, conversation: Conversation, sent: Sent) -> dict[str, Any]:
        """Act on a button under an answer. The page sends its ``turn`` and ``name``, perhaps a ``note``."""
        with speaking(visitor.language):
            try:
                async with self._noting:
                    return await aside(self.acts.act, conversation, sent, visitor)
            except Exception as error:  # the reader must be told, whatever it was
                problem = told(what_went_wrong(error, "a button under an answer"))
            return await aside(self.acts.data, conversation, visitor, problem)

    def read_article(self, wanted: Any) -> dict[str, Any]:
        """Return the article that a script asks for. As ``[id, place, other places]``; what went wrong is ``error``.

        A place is ``[start, end, check]``, see ``rag.web.place``: it is marked where what stood there still stands.
        """
        try:
            id, place, others = wanted
            if not (isinstance(id, str) and isinstance(others, list) and len(others) < MOST_PLACES):
                raise QuestionError("this article cannot be opened; open it from the page")
            places = [Place.read(each) for each in (place, *others)]
            if self.opening.chatbot is None and self.opening.state.kind == "loading":
                return {"error": told("The articles are still being read; this one opens in a moment."), "wait": True}
            return article_data(self.opening.ready().document(id), places[0], places[1:])
        except Exception as error:  # the reader must be told, whatever it was
            return {"error": told(what_went_wrong(error, "opening an article"))}


def _unsearched(files: Sequence[str]) -> str:
    """Return what an answer says of files that are not in the index yet, or empty."""
    names = shortened(", ".join(files), LONGEST_NAMES)
    return Translatable("Not searched, for still being read: {names}. Retry asks again.", names=names) if files else ""


def _last(conversation: Conversation, sent: Sent) -> Turn | None:
    """Return the last turn, where the page's script means it and its answer has ended."""
    turn, last = sent.get("turn"), conversation[-1] if conversation else None
    return last if last is not None and last.ended and type(turn) is int and turn == last.number else None


def _drawn(conversation: Conversation, visitor: Visitor, newest: bool = False) -> tuple[Any, Any]:
    """Draw a conversation's chat and sources for this reader. Only the ``newest`` turn's, see ``panel``.

    ``step`` grows each time in this ``run`` of the server: a page that gets a smaller one after a greater one asks for all
    of it again, see ``recall``.
    """
    drawn = {**panel(conversation, visitor.language, newest), "run": _RUN, "step": next(_STEPS)}
    return messages(conversation, visitor.language), drawn


def _ask(visitor: Visitor) -> dict[str, Any]:
    """Return the question box while a question can be asked.

    In words, not as a label of gradio's, which it would draw once more whenever it has loaded a language.
    """
    return {"submit_btn": phrase("Ask", visitor.language), "stop_btn": False}


def _stop(visitor: Visitor) -> dict[str, Any]:
    """Return the question box while a question is being answered."""
    return {"submit_btn": False, "stop_btn": phrase("Stop", visitor.language)}
