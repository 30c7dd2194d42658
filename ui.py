"""The page: a chat on the left, its sources on the right. The only file that knows gradio.

``python ui.py`` is ``rag chat``. The page is there at once: the model is loaded, and the index built
where it is missing or outdated, in the background.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import lru_cache, partial
from html import escape
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

import click

from rag.chat.model_names import EXTRACTIVE
from rag.errors import FootnoteError, KeyMissing, MissingExtra, QuestionError, SettingsError, Translatable
from rag.export.conversation import MAX_TURNS, Conversation, begin, change, clean_question, history
from rag.retrieve.find import LONGEST_QUESTION
from rag.settings import Settings
from rag.types import Header, Progress, Scope
from rag.web import FOLDER, asset
from rag.web.accounts import Accounts, open_to_others
from rag.web.acts import Acts
from rag.web.asking import Asking, welcome
from rag.web.choices import COOKIE, Choices
from rag.web.conversations import Conversations
from rag.web.coverage import coverage
from rag.web.draft_desk import LONGEST_SENT, Drafts
from rag.web.examples import Examples
from rag.web.feedback import Feedback
from rag.web.head import Head
from rag.web.history import Desk, History
from rag.web.index_room import IndexRoom
from rag.web.keeper import IndexState, Keeper
from rag.web.language import LANGUAGES, chosen_language, phrase, script, speaking, told
from rag.web.library import Library, Start
from rag.web.models import ChatServices, Choice, Models, Services
from rag.web.narrow import choices, labels, scope_of
from rag.web.opening import Opening, State, sentence, what_went_wrong
from rag.web.place import Place
from rag.web.preferences import Preferences
from rag.web.queueing import Turns
from rag.web.render import article_data, messages, panel
from rag.web.rooms import Room, Visitor
from rag.web.security import FILES, OWNER, Address, Calm, Gate, Guard, check_host, is_loopback, log_in, visitor_of
from rag.web.sessions import Bound, Sessions
from rag.web.stream import newest, until
from rag.web.survey import Survey
from rag.web.watching import folder_events

if TYPE_CHECKING:
    import gradio as gr
    from anyio import CapacityLimiter
    from starlette.responses import Response

    from rag.chatbot import Chatbot
    from rag.doors.http import Service

T = TypeVar("T")

PORTS_TRIED = 100
SESSIONS = 200
"""How many conversations are remembered at once; the one that was idle longest is forgotten first."""
WAITING = 200
"""How many requests may wait before further ones are turned away."""
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
AT_ONCE = ANSWERING + 40
"""How much is done at once in all: stopping, reading and choosing go on however much is being answered."""

WELCOME = "welcome"
LABELS = (
    "Ask",
    "Draft",
    "Articles",
    "Coverage",
    "Settings",
    "Conversation",
    "Your question",
    "Ask the articles…",
    "Narrow to…",
    "Your draft",
    "Paste your draft here…",
    "Check",
    "Stop",
)
"""The texts that gradio draws itself."""

MOST_PLACES = 201
"""How many places of an article are marked."""

LOGIN = "After five wrong passwords a name has to wait, up to a minute."

FOLLOWING = ("article.js", "progress.js")
"""The scripts of what follows the index."""
ADDING = (*FOLLOWING, "adding.js")
"""The scripts of what also takes files."""

_RUN, _STEPS = secrets.token_hex(4), count(1)

Begun = tuple[Any, Any, Any]
"""New values for the question box, the conversation and the chat."""
Shown = tuple[Any, Any, Any, Any]
"""The same, and for the sources."""


class Handlers:
    """Handle what a page sends. Asking, stopping, retrying, reading; what the browser sends is not trusted."""

    def __init__(
        self,
        opening: Opening,
        models: Models,
        history: History | None = None,
        acts: Acts | None = None,
        first_build: Callable[[], IndexState | None] = lambda: None,
        examples: Callable[[Chatbot], Sequence[str]] = lambda _: (),
        folder: str = "",
    ) -> None:
        self.opening = opening
        self.models = models
        self.history = history or History()
        self.acts = acts or Acts()
        self._first_build = first_build
        self._examples = examples
        self._folder = folder
        self._stops: dict[str, asyncio.Event] = {}  # by session, while it is being answered
        self._ends: dict[str, asyncio.Event] = {}  # by session, until its answer is kept
        self._keeping = asyncio.Lock()  # what is kept is kept in the order in which it came
        self._noting = asyncio.Lock()  # so is what is said of answers
        self._turns = Turns(ANSWERING, ANSWERING_ONE, WAITING_ONE)
        self._reading = Turns(READING, 1, ANSWERING)

    async def watch(self, request: gr.Request) -> AsyncGenerator[dict[str, Any], None]:
        """Yield the masthead's status until the chatbot is there. From then on the page asks for itself."""
        seen: State | None = None
        while (state := self.opening.state).kind == "loading":
            if state != seen:
                yield _status(state, _language(request))
            seen = state
            await asyncio.sleep(0.15)
        await _aside(self.models.remember, _visitor(request))
        keyless = await _aside(self.models.keyless, str(request.session_hash))
        yield {**_status(state, _language(request)), "keyless": keyless}

    async def suggest(self, request: gr.Request) -> AsyncGenerator[tuple[Any, Any], None]:
        """Fill the start screen and the choices of a scope. Examples come later, names last."""
        while self.opening.state.kind == "loading":
            await asyncio.sleep(0.3)
        if chatbot := self.opening.chatbot:
            headers = await _aside(chatbot.documents)
            start = welcome(_language(request), self._folder, headers)
            scope = gr.Dropdown(choices=await _aside(choices, headers))
            yield gr.Chatbot(placeholder=start), scope
            found = await _aside(self._examples, chatbot)  # all again: of steps close together the last one counts
            shown = gr.Chatbot(placeholder=start, **({"examples": [{"text": each} for each in found]} if found else {}))
            yield shown, scope
            yield shown, gr.Dropdown(choices=await _aside(lambda: choices(headers, chatbot.names())))

    async def narrowing(self) -> Any:
        """Return the choices of a scope as soon as the folder is open."""
        while self.opening.state.kind == "loading":
            await asyncio.sleep(0.3)
        return gr.Dropdown(choices=await _aside(choices, await self._headers()))

    async def narrow(self, chosen: Any, request: gr.Request) -> Any:
        """Show a scope as it was understood. What no article has is told and taken out."""
        headers = await self._headers()
        try:
            understood = labels(await _aside(self._scope_of, chosen, headers), headers)
            return (
                gr.skip() if understood == chosen else gr.Dropdown(value=understood)
            )  # a value sent is a change again
        except QuestionError as error:
            _warn(sentence(error), request)
            return gr.Dropdown(value=chosen[:-1])

    async def scope(self, conversation: Conversation) -> Any:
        """Show the scope of a conversation's last question."""
        headers = await self._headers()
        return gr.Dropdown(value=labels(conversation[-1].scope, headers) if conversation else [])

    def _scope_of(self, chosen: Any, headers: list[Header]) -> Scope:
        chatbot = self.opening.chatbot
        return scope_of(chosen, headers, chatbot.names() if chosen and chatbot is not None else ())

    async def _headers(self) -> list[Header]:
        return await _aside(self.opening.chatbot.documents) if self.opening.chatbot is not None else []

    async def again(self, request: gr.Request) -> AsyncGenerator[dict[str, Any], None]:
        """Open the chatbot anew after a failure."""
        self.opening.start()
        async for shown in self.watch(request):
            yield shown

    async def ask(self, text: Any, conversation: Conversation, chosen: Any, request: gr.Request) -> Begun:
        """Take a question from the box, which is free for the next one. Answers it in ``answer``."""
        if not conversation:  # gradio forgets those of pages that were left alone: what was kept of it must stay
            self.history.show(str(request.session_hash))
        return await self._begin(text, conversation, chosen, (), request, value="")

    async def _begin(
        self,
        text: Any,
        conversation: Conversation,
        chosen: Any,
        ignored: tuple[str, ...],
        request: gr.Request,
        **box: Any,
    ) -> Begun:
        question, scope = "", Scope()
        try:
            if question := clean_question(text):
                scope = await _aside(self._scope_of, chosen, await self._headers()) if chosen else scope
        except QuestionError as error:
            _warn(sentence(error), request)
            question = ""
        if not question or str(request.session_hash) in self._stops:
            return gr.skip(), gr.skip(), gr.skip()
        conversation = begin(conversation, question, ignored, scope)
        return gr.Textbox(**box, **_stop(request)), conversation, messages(conversation, _language(request))

    async def example(
        self, conversation: Conversation, scope: Any, chosen: gr.SelectData, request: gr.Request
    ) -> Begun:
        """Ask the example that was chosen."""
        text = chosen.value.get("text") if isinstance(chosen.value, dict) else ""
        return await self.ask(text, conversation, scope, request)

    async def retry(self, conversation: Conversation, chosen: Any, request: gr.Request) -> Begun:
        """Ask the last question again without a mention, or with it. The page sends turn and place."""
        return await self._again(conversation, chosen, conversation[-1].ignored if conversation else (), request)

    async def reconsider(
        self, conversation: Conversation, chosen: Any, event: gr.EventData, request: gr.Request
    ) -> Begun:
        """Ask the last question again without something that it names, or with it. The page sends turn and place.

        The label at that place is taken from the conversation, never from the browser.
        """
        turn, place = _sent(event, "turn"), _sent(event, "place")
        last = conversation[-1] if conversation else None
        known = last is not None and last.ended and type(turn) is type(place) is int and turn == last.number
        if last is None or not known or not 0 <= place < len(last.labels):
            return gr.skip(), gr.skip(), gr.skip()
        return await self._again(conversation, chosen, last.toggled(last.labels[place]), request)

    async def _again(
        self, conversation: Conversation, chosen: Any, ignored: tuple[str, ...], request: gr.Request
    ) -> Begun:
        question = conversation[-1].question if conversation else ""
        return await self._begin(question, conversation[:-1], chosen, ignored, request)

    async def ask_otherwise(
        self, conversation: Conversation, chosen: Any, event: gr.EventData, request: gr.Request
    ) -> Begun:
        """Ask another question in place of the last one. The page sends its turn and the text."""
        turn = _sent(event, "turn")
        if not conversation or not conversation[-1].ended or type(turn) is not int or turn != conversation[-1].number:
            return gr.skip(), gr.skip(), gr.skip()
        return await self._begin(_sent(event, "text"), conversation[:-1], chosen, (), request)

    async def answer(self, conversation: Conversation, request: gr.Request) -> AsyncGenerator[Shown, None]:
        """Answer the last question. While the chatbot is being opened it waits, and say so.

        Each step shows everything: of steps that come close together the browser shows only the last.
        """
        session = str(request.session_hash)
        if not conversation or conversation[-1].status != "waiting" or session in self._stops:
            yield gr.skip(), gr.skip(), gr.skip(), gr.skip()
            return
        stop = self._stops[session] = asyncio.Event()
        end = self._ends[session] = asyncio.Event()
        latest, desk = conversation, self.history.desk(session)
        try:
            try:
                await _aside(self.models.remember, _visitor(request))
                turn = self._turn(conversation, self.models.choice(session), visitor_of(_scope(request)) or session)
                async for latest in until(turn, stop):
                    yield gr.Textbox(**_stop(request)), latest, *_drawn(latest, request, desk, newest=True)
            finally:
                del self._stops[session]
                latest = latest if latest[-1].ended else change(latest, status="stopped")
            last = gr.Textbox(**_ask(request)), latest, *_drawn(latest, request, desk, newest=True)
            yield last
        finally:  # also when the page was closed meanwhile
            await self._keep(desk, latest, request)
            end.set()
            if self._ends.get(session) is end:
                del self._ends[session]
            _drop_copies(request)
        # gradio sends the last values again at the end, when the chat may show what came after: it is left out then. The box
        # and the sources are not: the browser changes what a step said of them into what the next one says, also where the
        # first is still to be drawn. The box may be the next question's by now, the sources tell by their step.
        box = gr.Textbox(**_stop(request)) if session in self._stops else last[0]
        yield box, gr.skip(), gr.skip(), last[3]

    async def _keep(self, desk: Desk, conversation: Conversation, request: gr.Request) -> None:
        async with self._keeping:
            await _aside(self.history.keep, desk, _owner(request), conversation)

    async def _end(self, session: str) -> None:
        """Stop the session's answer and wait until what had come of it is kept."""
        while end := self._ends.get(session):  # again and again: another may have been asked for meanwhile
            if stop := self._stops.get(session):
                stop.set()
            try:
                await asyncio.wait_for(end.wait(), ENDING_SECONDS)
            except asyncio.TimeoutError:
                raise QuestionError("an answer is still being written; stop it first") from None

    async def stop(self, request: gr.Request) -> None:
        """End the session's answer: what had come stays. ``answer`` itself shows so, for updates of two might cross."""
        if stop := self._stops.get(str(request.session_hash)):
            stop.set()

    def leave(self, request: gr.Request) -> None:
        """Ends and forgets what belongs to a page that was closed."""
        if stop := self._stops.get(str(request.session_hash)):
            stop.set()
        self.models.forget(str(request.session_hash))
        self.history.leave(str(request.session_hash))

    def forget(self, session: str) -> None:
        """Forget all of a session."""
        self.models.forget(session)
        self.history.forget(session)

    async def _turn(
        self, conversation: Conversation, choice: Choice, visitor: str
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
            async with self._turns.turn(visitor), AsyncExitStack() as reading:
                await reading.enter_async_context(self._reading.turn(visitor))
                async for answer in newest(
                    lambda: choice.stream(chatbot, turn.question, said, turn.ignored, turn.scope or None)
                ):
                    if answer.model != EXTRACTIVE:  # a model writes: that takes time, but no work
                        await reading.aclose()
                    conversation = change(conversation, status="answering", answer=answer, note="")
                    yield conversation
            yield change(conversation, status="done")
        except Exception as error:  # the reader must be told, whatever it was
            yield change(conversation, status="failed", note=what_went_wrong(error, "answering"))

    @asynccontextmanager
    async def reading(self, visitor: str) -> AsyncIterator[None]:
        """Wait for a turn among those who are answered from the articles alone, and hold it; raises Busy."""
        async with self._turns.turn(visitor), self._reading.turn(visitor):
            yield

    async def cover(self, conversation: Conversation, request: gr.Request) -> AsyncGenerator[tuple[Any, ...], None]:
        """Draw what the articles cover, once they can be asked. Of the conversation only the last answer's evidence."""
        from gradio.components.plot import PlotData

        language = _language(request)
        skipped = gr.skip(), gr.skip(), gr.skip()
        yield _heading("Coverage", "The articles are still being read…", language), *skipped
        while self.opening.state.kind == "loading":
            await asyncio.sleep(0.3)
        yield _heading("Coverage", "The map is being drawn…", language), *skipped
        try:
            if (chatbot := self.opening.chatbot) is None:
                raise QuestionError("the articles are still being read; open it again in a moment")
            with speaking(language):
                drawn = await _aside(coverage, chatbot, conversation)
            charts = [PlotData(type="altair", plot=each) for each in (drawn.times, drawn.passages)]
            empty = "" if drawn.tables["rows"] else "There are no passages yet: the folder of articles is empty."
            yield _heading("Coverage", empty, language) + drawn.about, *charts, drawn.tables
        except Exception as error:  # the reader must be told, whatever it was
            yield _heading("Coverage", what_went_wrong(error, "drawing the coverage"), language), *skipped

    async def undo(self, conversation: Conversation, request: gr.Request) -> Shown:
        """Take the last turn back, also while it is being answered. Its question returns to the box."""
        try:
            await self._end(str(request.session_hash))
        except FootnoteError as error:
            _warn(sentence(error), request)
            return gr.skip(), gr.skip(), gr.skip(), gr.skip()
        question = conversation[-1].question if conversation else ""
        kept, desk = conversation[:-1], self.history.desk(str(request.session_hash))
        await self._keep(desk, kept, request)
        return gr.Textbox(value=question, **_ask(request)), kept, *_drawn(kept, request, desk)

    async def clear(self, request: gr.Request) -> Shown:
        """Begin a new conversation; the one before stays where it is kept."""
        return await self._show(request, "")

    async def open_conversation(self, event: gr.EventData, request: gr.Request) -> Shown:
        """Show a kept conversation with its sources. The page sends its id as ``conversation``, or nothing."""
        id = _sent(event, "conversation")
        session = str(request.session_hash)
        if not isinstance(id, str) or not id or id == self.history.desk(session).id:
            self.history.opened(session)
            return gr.skip(), gr.skip(), gr.skip(), gr.skip()
        return await self._show(request, id)

    async def _show(self, request: gr.Request, id: str) -> Shown:
        """Open the kept conversation of this id, or a new one. The answer of the one before is stopped."""
        session = str(request.session_hash)
        turns: Conversation = ()
        try:
            await self._end(session)
            async with self._keeping:
                if id:
                    turns = (await _aside(self.history.turns, _owner(request), id))[-MAX_TURNS:]
                self.history.show(session, id)  # before another page keeps more of it
        except Exception as error:  # the reader must be told, whatever it was
            _warn(what_went_wrong(error, "opening a conversation"), request)
        else:
            return gr.Textbox(**_ask(request)), turns, *_drawn(turns, request, self.history.desk(session))
        finally:
            self.history.opened(session)
        return gr.skip(), gr.skip(), gr.skip(), gr.skip()

    async def recall(
        self, conversation: Conversation, request: gr.Request
    ) -> tuple[list[dict[str, str]], dict[str, Any]]:
        """Draw the chat with all sources again. For a page that has lost some of it, or got it in the wrong order."""
        return _drawn(conversation, request, self.history.desk(str(request.session_hash)))

    async def listed(self, request: gr.Request) -> dict[str, Any]:
        """Return the list of conversations as it is now."""
        return await _aside(self.history.data, _visitor(request))

    async def judged(self, conversation: Conversation, request: gr.Request) -> dict[str, Any]:
        """Return the judgements of the shown answers. And once what stands in the way of keeping them.

        The page asks for it when it has drawn the end of an answer, or of what else changed its conversation.
        """
        visitor = _visitor(request)
        _drop_copies(request)
        return await _aside(self.acts.data, conversation, visitor, self.history.problem(visitor))

    async def act(self, conversation: Conversation, event: gr.EventData, request: gr.Request) -> dict[str, Any]:
        """Act on a button under an answer. The page sends its ``turn`` and ``name``, perhaps a ``note``."""
        visitor, sent = _visitor(request), event._data if isinstance(event._data, dict) else {}
        try:
            async with self._noting:
                return await _aside(self.acts.act, conversation, sent, visitor)
        except Exception as error:  # the reader must be told, whatever it was
            problem = what_went_wrong(error, "a button under an answer")
        return await _aside(self.acts.data, conversation, visitor, told(problem, visitor.language))

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
            if self.opening.chatbot is None:
                raise QuestionError("the articles are still being read; open it again in a moment")
            return article_data(self.opening.chatbot.document(id), places[0], places[1:])
        except Exception as error:  # the reader must be told, whatever it was
            return {"error": told(what_went_wrong(error, "opening an article"))}


async def _aside(function: Callable[..., T], *values: Any) -> T:
    """Return what a function that may take its time returns, worked out in one of ``AT_ONCE`` threads.

    asyncio's own are few, six where there are two cores: as many visitors with something slow would hold everybody up.
    """
    from anyio import to_thread

    return await to_thread.run_sync(function, *values, limiter=_aside_limiter())


@lru_cache(maxsize=1)
def _aside_limiter() -> CapacityLimiter:
    from anyio import CapacityLimiter

    return CapacityLimiter(AT_ONCE)


def _drop_copies(request: gr.Request) -> None:
    """Drop what gradio 6.31 keeps of a session for good. Each ``gr.skip`` copies its component, each copy keeps a
    value.
    """
    app = getattr(getattr(request, "request", None), "app", None)
    holder: Any = getattr(app, "state_holder", None)
    session = holder and holder.session_data.get(request.session_hash)
    for kept in (session.config_values, session.blocks_config.blocks) if session else ():
        for copied in kept.keys() - holder.blocks.blocks.keys():
            del kept[copied]


def _sent(event: gr.EventData, name: str) -> Any:
    """Return what the page's script sent under a name. Anything or nothing, for it comes from a browser."""
    return event._data.get(name) if isinstance(event._data, dict) else None


def _scope(request: gr.Request) -> dict[str, Any]:
    return getattr(getattr(request, "request", None), "scope", None) or {}


def _owner(request: gr.Request) -> str:
    """Return the account of who logged in, as ``Accounts.owner`` has it. Empty where there is no login."""
    return str(_scope(request).get(OWNER) or getattr(request, "username", "") or "")


def _language(request: gr.Request) -> str:
    """Return the language of the page, as the browser asks for it."""
    cookies, headers = getattr(request, "cookies", None) or {}, getattr(request, "headers", None) or {}
    return chosen_language(cookies, headers.get("accept-language", ""))


def _warn(text: str, request: gr.Request) -> None:
    """Tell a reader for a while what went wrong."""
    gr.Warning(escape(told(text, _language(request))), duration=20)


def _drawn(
    conversation: Conversation, request: gr.Request, desk: Desk, newest: bool = False
) -> tuple[list[dict[str, str]], dict[str, Any]]:
    """Draw a conversation's chat and sources for this reader. Only the ``newest`` turn's, see ``panel``.

    ``step`` grows each time in this ``run`` of the server: a page that gets a smaller one after a greater one asks for all
    of it again, see ``recall``.
    """
    language = _language(request)
    drawn = panel(conversation, language, desk.number, newest)
    return messages(conversation, language), {**drawn, "run": _RUN, "step": next(_STEPS)}


def _heading(name: str, text: str, language: str) -> str:
    """Return a tab's heading, and what is said under it."""
    title = phrase(name, language)
    return f'<h2 class="pane-title">{title}</h2><p class="pane-about" role="status">{escape(told(text, language))}</p>'


def _visitor(request: gr.Request) -> Visitor:
    """Return who is there, as far as the browser and the login tell."""
    choice = str((getattr(request, "cookies", None) or {}).get(COOKIE, ""))
    return Visitor(str(request.session_hash), _owner(request), _language(request), choice)


def _in_its_language(function: Callable[[Any], Any], name: str = "answer") -> Callable[..., Any]:
    """Return a function that the page's scripts call by its name, answering in the page's language."""

    def answer(sent: Any, request: gr.Request) -> Any:
        with speaking(_language(request)):
            return function(sent)

    answer.__name__ = name
    return answer


async def _acted(room: Room, action: str, event: gr.EventData, request: gr.Request) -> dict[str, Any]:
    """Return what a room shows after an action. With what to say of it as ``said`` or ``problem``."""
    visitor, sent = _visitor(request), event._data if isinstance(event._data, dict) else {}
    said = problem = ""
    try:
        said = await _aside(room.act, action, sent, visitor)
    except Exception as error:  # the reader must be told, whatever it was
        problem = what_went_wrong(error, f"{action} in {room.name}")
    with speaking(visitor.language):
        return {**await _aside(room.data, visitor), "said": said, "problem": told(problem)}


def _furnish(
    page: gr.Blocks,
    room: Room,
    events: dict[str, Any],
    scripts: Sequence[str] = ("article.js",),
    **functions: Callable[[Any], Any],
) -> Any:
    """Return a room's panel, drawn when the page is opened and after whatever its script asks for.

    ``functions`` are what the script may call by their names, ``scripts`` what stands in front of it.
    """
    panel = _component(room.name, {}, scripts, **functions)

    async def look(request: gr.Request) -> dict[str, Any]:
        visitor = _visitor(request)
        with speaking(visitor.language):
            return await _aside(room.data, visitor)

    page.load(look, None, [panel], **events)
    panel.look, panel.changes = look, _attend(panel, room, events)
    return panel


def _attend(panel: Any, room: Room, events: dict[str, Any]) -> list[Any]:
    """Do what a room's script asks for; returns gradio's events."""

    def door(action: str) -> Callable[..., Any]:
        async def act(event: gr.EventData, request: gr.Request) -> dict[str, Any]:
            return await _acted(room, action, event, request)

        act.__name__ = action  # what gradio calls it
        return act

    return [getattr(panel, action)(door(action), None, [panel], **events) for action in room.actions]


def _ask(request: gr.Request) -> dict[str, Any]:
    """Return the question box while a question can be asked.

    In words, not as a ``_label``: gradio would draw that once more whenever it has loaded a language.
    """
    return {"submit_btn": phrase("Ask", _language(request)), "stop_btn": False}


def _stop(request: gr.Request) -> dict[str, Any]:
    """Return the question box while a question is being answered."""
    return {"submit_btn": False, "stop_btn": phrase("Stop", _language(request))}


def _label(text: str) -> str:
    """Return a text for gradio to draw in the language of the page: one of ``LABELS``, or ``WELCOME``."""
    return str(gr.I18n()(text if text == WELCOME else LABELS[LABELS.index(text)]))


def _labels(language: str) -> dict[str, str]:
    """Return what gradio draws itself, in a language."""
    return {**{text: phrase(text, language) for text in LABELS}, WELCOME: welcome(language)}


def _status(state: State, language: str = "en") -> dict[str, Any]:
    """Return what the masthead shows while the chatbot is being opened, and where that failed."""
    text = told(state.text, language)
    return {"kind": state.kind, "text": text, "stage": state.stage, "done": state.done, "total": state.total}


def build_page(
    open_chatbot: Callable[[Callable[[Progress], None]], Chatbot],
    settings: Settings,
    examples: Callable[[Chatbot], Sequence[str]] | None = None,
    services: Services | None = None,
) -> gr.Blocks:
    """Return the page as gradio Blocks, not yet served. Begins to open the chatbot in the background.

    ``open_chatbot`` gets a function for its progress; ``services`` are the chat models' and ``examples`` the questions of
    ``rag.web.examples`` unless others are given. Raises SettingsError where ``settings.host`` is reachable from other
    machines, MissingExtra where gradio is not installed.
    """
    check_host(settings.host, settings.accounts)
    _import_gradio()
    from rag.doors.http import Service

    opening = Opening(open_chatbot)
    keeper = Keeper(opening, folder_events(settings.articles, settings.index))
    if settings.watch == "on":
        keeper.watch(True)
    survey = Survey(opening, keeper)
    articles = Library(opening, keeper, survey, settings)
    models = Models(
        settings,
        services or ChatServices(settings),
        capacity=2 * SESSIONS,
        choices=Choices(settings.data),
        own=lambda: opening.chatbot.model if opening.chatbot is not None else None,
    )
    feedback = Feedback(settings.data)
    kept = Conversations(settings.data) if settings.conversations == "on" else None
    handlers = Handlers(
        opening,
        models,
        History(kept, feedback, 2 * SESSIONS),
        Acts(feedback),
        lambda: keeper.first_build,
        examples or Examples().of,
        settings.articles.name,
    )

    # Private: none of these is an endpoint for programs. That only hides them, so every handler checks its input.
    hidden: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "trigger_mode": "multiple"}
    at_once: dict[str, Any] = {**hidden, "concurrency_limit": None}
    # What comes while the same is still going on is lost then: well for what changes the conversation, twice is never meant.
    once: dict[str, Any] = {**at_once, "trigger_mode": "once"}

    with gr.Blocks(title="Footnote", fill_width=True, fill_height=True, analytics_enabled=False) as page:
        conversation = gr.State(())
        masthead = _component("masthead", _status(opening.state), FOLLOWING, index_beat=survey.beat)
        with gr.Tabs(elem_id="rooms") as tabs:
            with gr.Tab(_label("Ask"), id="ask", elem_id="ask-tab"), gr.Row(elem_id="desk"):
                listed = _component("history", {}) if kept is not None else None
                with gr.Column(scale=3, min_width=0, elem_id="chat-column"):
                    start = _furnish(page, Start(articles), at_once, ADDING, take_file=articles.take)
                    chat = gr.Chatbot(
                        elem_id="chat",
                        label=_label("Conversation"),
                        show_label=False,
                        container=False,
                        height="100%",
                        layout="bubble",
                        autoscroll=False,  # scrolling.js leaves readers where they are
                        placeholder=_label(WELCOME),
                        buttons=[],
                        feedback_options=None,
                        latex_delimiters=[],
                        sanitize_html=True,
                        allow_tags=False,
                        allow_file_downloads=False,
                        group_consecutive_messages=False,
                    )
                    acts = _component("acts", {})
                    box = gr.Textbox(
                        elem_id="question",
                        label=_label("Your question"),
                        show_label=False,
                        placeholder=_label("Ask the articles…"),
                        lines=1,
                        max_lines=6,
                        max_length=LONGEST_QUESTION,
                        autofocus=True,
                        submit_btn=_label("Ask"),
                        stop_btn=False,
                    )
                    with gr.Row(elem_id="under"):
                        scope = gr.Dropdown(
                            [], elem_id="scope", label=_label("Narrow to…"), multiselect=True, allow_custom_value=True
                        )
                        asking = _furnish(page, Asking(articles, models), at_once, ADDING, take_file=articles.take)
                with gr.Column(scale=2, min_width=0, elem_id="sources-column"):
                    scripts = ("article.js", "inspector.js")
                    sources = _component("sources", panel(()), scripts, read_article=handlers.read_article)
            with gr.Tab(_label("Draft"), id="draft", elem_id="draft-tab") as drafting, gr.Row(elem_id="draft-desk"):
                drafted = _draft_desk(page, Drafts(opening, settings, handlers.reading, _aside), handlers, at_once)
            with gr.Tab(_label("Articles"), id="articles", elem_id="articles-tab"):
                _furnish(
                    page,
                    articles,
                    at_once,
                    ADDING,
                    read_article=handlers.read_article,
                    library_rows=lambda _: articles.rows(),
                    library_names=lambda _: articles.names(),
                    take_file=articles.take,
                )
            with (
                gr.Tab(_label("Coverage"), id="coverage", elem_id="coverage-tab") as covering,
                gr.Row(elem_id="coverage-desk"),
            ):
                with gr.Column(scale=2, min_width=0, elem_id="coverage-charts"):
                    covered = [gr.HTML(elem_id="coverage-about", apply_default_css=False)]
                    covered += [
                        gr.Plot(show_label=False, container=False, elem_id=f"coverage-{each}")
                        for each in ("times", "map")
                    ]
                with gr.Column(scale=1, min_width=0, elem_id="coverage-side"):
                    covered.append(_component("coverage", {}, read_article=handlers.read_article))
            with gr.Tab(_label("Settings"), id="settings", elem_id="settings-tab"), gr.Row(elem_id="settings-desk"):
                writer = _furnish(page, models, at_once)
                _furnish(page, IndexRoom(keeper, survey), at_once, FOLLOWING)
                _furnish(page, Preferences(settings, models), at_once)

        shown = [box, conversation, chat, sources]
        asked = (
            box.submit(handlers.ask, [box, conversation, scope], shown[:3], **once),
            chat.example_select(handlers.example, [conversation, scope], shown[:3], **once),
            acts.retry(handlers.retry, [conversation, scope], shown[:3], **once),
            sources.reconsider(handlers.reconsider, [conversation, scope], shown[:3], **once),
            acts.ask_otherwise(handlers.ask_otherwise, [conversation, scope], shown[:3], **once),
        )
        for event in asked:
            event.then(None, None, None, js="() => footnote.toQuestion()")
        changed = [event.then(handlers.answer, [conversation], shown, **at_once) for event in asked]
        others = [
            acts.undo(handlers.undo, [conversation], shown, **once),
            chat.clear(handlers.clear, None, shown, **once),
        ]
        sources.recall(handlers.recall, [conversation], [chat, sources], **at_once)
        box.stop(handlers.stop, None, None, **at_once)
        acts.act(handlers.act, [conversation], [acts], **at_once)
        if listed is not None:
            others += [
                listed.open_conversation(handlers.open_conversation, None, shown, **once),
                listed.new_conversation(handlers.clear, None, shown, **once),
            ]
            _attend(listed, handlers.history, at_once)
        for event in others:
            event.then(None, None, None, js="() => footnote.toQuestion()")
            event.then(handlers.scope, [conversation], [scope], **at_once)
        scope.change(handlers.narrow, [scope], [scope], **at_once)
        for event in writer.changes:
            event.then(asking.look, None, [asking], **at_once)
        for event in changed + others:
            event.then(handlers.judged, [conversation], [acts], **at_once)
            if listed is not None:
                event.then(handlers.listed, None, [listed], **at_once)
        covering.select(handlers.cover, [conversation], covered, **at_once)
        drafting.select(handlers.narrowing, None, [drafted], **at_once)
        for tab in tabs.children:
            tab.select(None, None, None, js=f"() => footnote.tab('{tab.id}')")
        page.load(handlers.watch, None, [masthead], **at_once)
        page.load(handlers.suggest, None, [chat, scope], **at_once)
        start.fresh(handlers.suggest, None, [chat, scope], **at_once)
        masthead.again(handlers.again, None, [masthead], **at_once)
        page.unload(handlers.leave)
    page.queue(max_size=WAITING)
    page.library = articles  # where ``serve`` finds the files
    page.service = Service(opening, settings, services or ChatServices(settings))  # and what programs are served with
    page.forget = handlers.forget  # and who forgets a session
    opening.start()
    return page


def _draft_desk(page: gr.Blocks, drafts: Drafts, handlers: Handlers, events: dict[str, Any]) -> Any:
    """Draw where a draft is checked, and the article that a quote is opened in; return its scope."""
    with gr.Column(scale=3, min_width=0, elem_id="draft-column"):
        panel = _furnish(page, drafts, events, ADDING, take_file=drafts.take)
        box = gr.Textbox(
            elem_id="draft-text",
            label=_label("Your draft"),
            show_label=False,
            placeholder=_label("Paste your draft here…"),
            lines=8,
            max_lines=16,
            max_length=LONGEST_SENT,
        )
        with gr.Row(elem_id="draft-bar"):
            scope = gr.Dropdown(
                [], elem_id="draft-scope", label=_label("Narrow to…"), multiselect=True, allow_custom_value=True
            )
            stop = gr.Button(_label("Stop"), elem_id="draft-stop", visible=False)
            start = gr.Button(_label("Check"), elem_id="draft-check", variant="primary")
        report = gr.HTML(elem_id="draft-report", apply_default_css=False)
    with gr.Column(scale=2, min_width=0, elem_id="draft-side"):
        _component("passage", {}, read_article=handlers.read_article)
    checked = gr.State(None)

    async def check(text: Any, chosen: Any, request: gr.Request) -> AsyncGenerator[tuple[Any, ...], None]:
        visitor = _visitor(request)
        client = visitor_of(_scope(request)) or visitor.session
        async for shown in drafts.check(text, chosen, visitor, client):
            yield shown.markup, shown.checked, gr.Button(visible=shown.running)
        _drop_copies(request)

    async def end(request: gr.Request) -> None:
        drafts.stop(str(request.session_hash))

    async def save(done: Any, request: gr.Request) -> dict[str, Any]:
        return await _aside(drafts.report, done, _visitor(request))

    for event in (start.click, box.submit):
        event(check, [box, scope], [report, checked, stop], **events)
    stop.click(end, None, None, **events).then(
        None, None, None, js="() => document.getElementById('draft-check').focus()"
    )
    panel.save(save, [checked], [panel], **events)
    page.unload(end)
    scope.change(handlers.narrow, [scope], [scope], **events)
    return scope


def _component(
    name: str, value: Any, scripts: Sequence[str] = ("article.js",), **functions: Callable[[Any], Any]
) -> Any:
    """Make one of the page's own components. A fixed template, and a script that draws ``value`` into it as text."""
    return gr.HTML(
        value=value,
        html_template=asset(f"{name}.html"),
        js_on_load=asset(*scripts, f"{name}.js"),
        server_functions=[_in_its_language(each, name) for name, each in functions.items()] or None,
        apply_default_css=False,
        elem_id=name,
    )


def serve(
    page: gr.Blocks,
    host: str,
    port: int,
    browser: bool = False,
    *,
    address: Address | None = None,
    accounts: Accounts | None = None,
) -> str:
    """Serve a page in the background and return its address; ``port`` must be free.

    ``address`` says under which names it is reached, this machine's own where it is not given; ``accounts`` who may log in,
    everybody without a login where they are not.
    """
    from starlette.middleware import Middleware
    from starlette.requests import Request
    from starlette.responses import Response as Plain
    from starlette.routing import Route
    from starlette.staticfiles import StaticFiles

    from rag.doors.http import routes
    from rag.doors.serve import gate_for
    from rag.web.connections import limit

    fonts = StaticFiles(directory=FOLDER / "fonts")

    library: Library | None = getattr(page, "library", None)  # a page of a test has none

    async def file(request: Request) -> Response:
        if library is None:
            return Plain(status_code=404)
        return await _aside(_file, library, request.query_params.get("id", ""), _language(request))

    async def font(request: Request) -> Response:  # a route, for what is mounted loses its way behind a proxy's path
        return await fonts.get_response(request.path_params["name"], request.scope)

    address = address or Address()
    service: Service | None = getattr(page, "service", None)
    gate = [Middleware(Gate, accounts=accounts)] if accounts is not None else []
    if service is not None:
        service.address = address
        gate = gate_for(service.settings, accounts)

    def forget(session: str) -> None:
        getattr(page, "forget", lambda _: None)(session)
        page.app.state_holder.session_data.pop(session, None)
        page.app.state_holder.time_last_used.pop(session, None)

    bound = Middleware(Bound, sessions=Sessions(SESSIONS, forget))
    page.launch(
        server_name=f"[{host}]" if ":" in host else host,
        server_port=port,
        prevent_thread_lock=True,
        inbrowser=browser,
        share=False,
        quiet=True,
        run_history=False,
        footer_links=[],
        ssr_mode=False,
        mcp_server=False,
        pwa=False,
        enable_monitoring=False,
        state_session_capacity=2 * SESSIONS,  # it forgets by age alone; ``Sessions`` comes first
        max_threads=AT_ONCE,
        show_error=False,
        strict_cors=True,
        theme=_theme(),
        css=asset("fonts.css", "page.css").replace('url("/footnote/', f'url("{address.path}/footnote/'),
        auth=partial(log_in, accounts) if accounts is not None else None,
        auth_message=LOGIN if accounts is not None else None,
        root_path=address.root,
        i18n=gr.I18n(**{language: _labels(language) for language in LANGUAGES}),
        favicon_path=FOLDER / "icon.svg",
        app_kwargs={
            "middleware": [
                Middleware(Guard, address=address),
                *gate,
                bound,
                Middleware(Head, script=script(), login=LOGIN),
            ],
            "routes": [
                Route("/footnote/fonts/{name}", font),
                Route(FILES, file),
                *(routes(service) if service is not None else ()),
            ],
            "docs_url": None,
            "redoc_url": None,
            "openapi_url": None,
        },
    )
    config = page.server.config
    limit(config)
    config.loaded_app = Guard(Calm(config.loaded_app), address)  # around gradio's own middleware and errors too
    shown = "127.0.0.1" if host == "0.0.0.0" else "[::1]" if host == "::" else f"[{host}]" if ":" in host else host  # noqa: S104
    return f"http://{shown}:{port}/"


def _file(library: Library, id: str, language: str) -> Response:
    """Answer with an article's file: a PDF for the browser's own viewer, everything else to be kept."""
    from starlette.responses import PlainTextResponse, Response

    try:
        name, data = library.file(id)
    except FootnoteError as error:
        return PlainTextResponse(told(sentence(error), language), 404)
    pdf = name.lower().endswith(".pdf")
    disposition = f"{'inline' if pdf else 'attachment'}; filename*=UTF-8''{quote(name, safe='')}"
    kind = "application/pdf" if pdf else "application/octet-stream"
    return Response(data, headers={"content-type": kind, "content-disposition": disposition})


def launch(settings: Settings, browser: bool = False) -> None:
    """Serve the page for a folder of articles until it is interrupted, and print its address.

    Takes the next free port where ``settings.port`` is in use. Raises SettingsError, MissingExtra.
    """
    check_host(settings.host, settings.accounts)
    address, accounts = Address.of(settings), _accounts(settings)
    page = build_page(lambda tell: open_chatbot(settings, tell), settings)
    port = free_port(settings.host, settings.port)
    if port != settings.port:
        click.echo(f"Port {settings.port} is in use; taking {port}.")
    try:
        url = serve(page, settings.host, port, browser, address=address, accounts=accounts)
    except OSError as error:
        raise SettingsError("port {port} cannot be used; set RAG_PORT to another one", port=port) from error
    click.echo(f"Footnote is at {address.origin + address.path + '/' if address.origin else url} (Ctrl+C ends it)")
    page.block_thread()


def open_chatbot(settings: Settings, on_progress: Callable[[Progress], None]) -> Chatbot:
    """Open the page's chatbot. Where its model asks for a key that is not there, one answers without it meanwhile.

    The terminal is told which variable takes the key; the page leads to its settings, where it can be typed.
    """
    from rag.chatbot import Chatbot

    try:
        return Chatbot.open(settings, on_progress=on_progress, reads=True)
    except KeyMissing as error:
        click.echo(f"{sentence(error)}; or enter it in the page, under Settings.", err=True)
    return Chatbot.open(settings.replace(model=EXTRACTIVE), on_progress=on_progress, reads=True)


def _accounts(settings: Settings) -> Accounts | None:
    """Return who may log in, where a file names them. Tells the terminal what is not well with it."""
    from rag.doors.serve import accounts_of

    if (accounts := accounts_of(settings)) is None:
        return None
    path = Path(settings.accounts).expanduser()
    if open_to_others(path):
        click.echo(f"Other users of this machine can read {path.name}; run: chmod 600 {path.name}", err=True)
    if not is_loopback(settings.host):
        click.echo(
            "Passwords travel as they are typed; put a proxy with TLS in front of other networks than your own.",
            err=True,
        )
    return accounts


def free_port(host: str, port: int) -> int:
    """Return the first free port from ``port`` on. Raises SettingsError where a hundred are taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for candidate in range(port, min(port + PORTS_TRIED, 65536)):
        try:
            socket.create_server((host, candidate), family=family).close()
        except OSError:
            continue
        return candidate
    raise SettingsError("no port from {port} on is free; set RAG_PORT to another one", port=port)


def _import_gradio() -> None:
    """Load gradio (three seconds) as ``gr``. So ``--help`` need not wait and handlers find their types."""
    global gr
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # else it calls its maker at import
    for name in ("NO_PROXY", "no_proxy"):  # else it looks for its own address through the proxy, and stops
        known = os.environ.get(name, "")
        if "127.0.0.1" not in known:
            os.environ[name] = ",".join(part for part in (known, "127.0.0.1,localhost,::1") if part)
    try:
        import gradio as gr
    except ImportError as error:
        raise MissingExtra("the page needs gradio; install it with: pip install 'footnote-rag[ui]'") from error


def _theme() -> Any:
    """Return what gradio must know before the style sheet is there. All else is in page.css."""
    sans = ("Source Sans 3", "system-ui", "sans-serif")
    return gr.themes.Base(font=sans, font_mono=("ui-monospace", "monospace")).set(
        body_background_fill="#faf8f3",
        body_background_fill_dark="#171614",
        body_text_color="#24211c",
        body_text_color_dark="#ebe6dc",
    )


if __name__ == "__main__":
    from rag.__main__ import main

    main(["chat", *sys.argv[1:]])
