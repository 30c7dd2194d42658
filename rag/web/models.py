"""Choose who writes a visitor's answers. Keys they typed stay in this process's memory for their session alone.

A key is never written down, logged or sent back to a browser; the choice of a model is kept, see ``rag.web.choices``.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from rag.chat.keys import Key
from rag.chat.model_names import EXTRACTIVE, KEY_VARIABLE, SERVICES, TITLES, may_choose, open_named, shown_name
from rag.errors import ChatError, FootnoteError, KeyMissing, SettingsError, Translatable
from rag.text.one_line import shortened
from rag.types import Message
from rag.web.choices import Choices
from rag.web.language import decimal, phrase, told
from rag.web.preferences import usable
from rag.web.render import facts
from rag.web.rooms import Field, Form, Visitor

if TYPE_CHECKING:
    from rag.chat import ChatModel
    from rag.chat.reachable import Reachable
    from rag.chatbot import Chatbot
    from rag.settings import Settings
    from rag.types import Answer, Scope

OF_THE_MODEL = ("first_word_seconds", "answer_seconds")
"""The settings that a chat model is opened with; ``context_tokens`` is one too, and the chatbot's besides."""
LONGEST_NAME = 200
LONGEST_KEY = 500
IDLE_SECONDS = 3600.0
"""How long the page may be left alone before its session's keys are forgotten."""
TEST_QUESTION = "Why do newspapers name their sources? Answer in one short sentence."
TEST_SECONDS = 60
"""How long a model that is tested may write."""
TESTS_AT_ONCE = 8
"""How many models are tested at once, for each holds a thread."""


class Services(Protocol):
    """What the page needs of the chat models' room; ``keyed`` are the services that ask for a key."""

    @property
    def keyed(self) -> Sequence[str]: ...
    def look(self) -> Sequence[Reachable]: ...
    def check(self, name: str) -> str: ...
    def open(self, settings: Settings, key: Key | None) -> ChatModel | None: ...


class ChatServices:
    """The real ones, as a visitor of a server with these settings may use them."""

    keyed = tuple(service.name for service in SERVICES if service.variable)

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def look(self) -> Sequence[Reachable]:
        """Return which services there are; takes a second or two."""
        from rag.chat.reachable import reachable

        variables = {service.name: (service.variable, KEY_VARIABLE) for service in SERVICES}
        found = [each for each in reachable() if each.service in variables]
        for at, each in enumerate(found):
            if each.service in self.keyed and not any(os.environ.get(name) for name in variables[each.service]):
                found[at] = replace(
                    each, state=Translatable("{message}, or enter one under API keys", message=each.state)
                )
        return found

    def check(self, name: str) -> str:
        """Return the name, where a visitor may choose it; raises SettingsError."""
        if not may_choose(name, self._settings):
            raise SettingsError(
                "this field takes SERVICE:NAME, such as ollama:llama3.2; an address or a file is set with RAG_MODEL "
                "where Footnote is started"
            )
        return name

    def open(self, settings: Settings, key: Key | None) -> ChatModel | None:
        """Open the model that ``settings.model`` names; contacts nobody. Raises FootnoteError, KeyMissing."""
        # RAG_API_KEY belongs to the model of the setting: it must not go to a service that a visitor chose.
        own = settings.model == self._settings.model
        environment = {name: value for name, value in os.environ.items() if own or name != KEY_VARIABLE}
        return open_named(settings, key, environment)


@dataclass(slots=True)
class _Session:
    name: str = ""  # empty: the server's own setting
    keys: dict[str, Key] = field(default_factory=dict)  # by service
    changes: dict[str, Any] = field(default_factory=dict)  # of the settings
    used: float = 0.0


@dataclass(frozen=True, slots=True)
class Choice:
    """What writes an answer: ``open`` gives the model, ``None`` for none; ``name`` is empty for the server's own.

    ``changes`` are the settings that the answer is made with in place of the server's; ``open_with`` takes further ones.
    """

    name: str = ""
    open_with: Callable[[Mapping[str, Any]], ChatModel | None] = field(default=lambda _: None, repr=False)
    changes: Mapping[str, Any] = field(default_factory=dict)

    def open(self) -> ChatModel | None:
        """Open the model; contacts nobody. Raises FootnoteError."""
        return self.open_with({})

    def stream(
        self,
        chatbot: Chatbot,
        question: str,
        history: Sequence[Message],
        ignored: Collection[str] = (),
        scope: Scope | None = None,
    ) -> Iterator[Answer]:
        """Return the chatbot's answers, written by the chosen model. The labels in ``ignored`` count for nothing."""
        model: ChatModel | Literal["extractive"] | None = "extractive" if self.name == EXTRACTIVE else self.open()
        changes = {name: value for name, value in self.changes.items() if name not in OF_THE_MODEL}
        chatbot = chatbot.with_settings(**changes) if changes else chatbot
        return chatbot.stream(question, history, model=model, scope=scope, ignored=ignored)


class Models(Form):
    """What each session chose, by its hash; ``capacity`` sessions at most, the one that was idle longest leaves first.

    A room of the page, and the memory of another one: settings that a session changed are kept here beside its model.
    ``own`` gives the model that the server was started with.

    Safe to use from any thread. A session's keys are forgotten when ``forget`` says so, or after ``idle_seconds``.
    """

    def __init__(
        self,
        settings: Settings,
        services: Services,
        capacity: int = 200,
        idle_seconds: float = IDLE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        choices: Choices | None = None,
        own: Callable[[], ChatModel | None] = lambda: None,
    ) -> None:
        self.fields = {
            "title": Field("title", "Model"),
            "model": Field(
                "Dropdown",
                "Who writes the answers",
                "One of these, or another as service:name",
                {"choices": [EXTRACTIVE], "allow_custom_value": True},
            ),
            "test": Field("Button", "Test", options={"visible": False}),
            "look": Field("Button", "Refresh"),
            "said": Field("said"),
            "unready": Field("HTML"),
            "keys": Field("title", "API keys"),
            "service": Field(
                "Dropdown",
                "Service",
                "A key that you enter here stays in the server's memory until you close or reload this page. It is sent to "
                "its service and nowhere else, and is never shown again.",
                {"choices": [*services.keyed], "filterable": False},
            ),
            "secret": Field("Textbox", "Key", options={"type": "password", "max_length": LONGEST_KEY}),
            "forget_key": Field("Button", "Remove the key", options={"visible": False}),
        }
        self._choices = choices or Choices()
        self._own = own
        self._testing = threading.BoundedSemaphore(TESTS_AT_ONCE)
        self._settings = settings
        self.services = services
        self._capacity = capacity
        self._idle_seconds = idle_seconds
        self._clock = clock
        self._sessions: OrderedDict[str, _Session] = OrderedDict()
        self._found: Sequence[Reachable] = ()
        self._lock = threading.RLock()
        self._timer: threading.Timer | None = None
        self._without_key: dict[str, bool] = {}  # by service: whether it cannot be used without a visitor's key

    name = "model"
    reads: ClassVar = {"secret": ("service", "secret"), "forget_key": ("service",)}
    meanwhile: ClassVar = {"look": "Looking for models…", "test": "Asking the model one question…"}

    def act(self, action: str, sent: Mapping[str, Any], visitor: Visitor) -> str | None:
        self.remember(visitor)
        session = visitor.session
        if action == "test":
            return self.test(session)
        if action == "secret":
            return self.keep_key(session, sent.get("service"), sent.get("secret"))
        if action == "look":
            self.look()
            return ""
        choosing = action == "model"
        if choosing and sent.get("model") == self.current(session):
            return None
        said = self.choose(session, sent.get("model")) if choosing else self.forget_key(session, sent.get("service"))
        self.keep(visitor)
        return said

    def remember(self, visitor: Visitor) -> None:
        """Give a session that is new here what its reader chose before. Contacts nobody."""
        with self._lock:
            if visitor.session in self._sessions:
                return
        try:
            choice = self._choices.read(visitor)
        except FootnoteError:
            return  # conversations say what is wrong with the file
        name, changes = choice.get("model"), usable(self._settings, choice)
        try:
            if not isinstance(name, str) or len(name) > LONGEST_NAME or name == self._settings.model:
                name = ""
            elif name not in ("", EXTRACTIVE):
                name = self.services.check(name)
        except SettingsError:
            name = ""
        with self._lock:
            if (name or changes) and visitor.session not in self._sessions:
                new = self._touch(visitor.session)
                new.name, new.changes = name, changes

    def keep(self, visitor: Visitor) -> None:
        """Keep the choice of a visitor who is logged in for the next time. Raises StoreError."""
        self._choices.write(visitor, self._choice_of(visitor.session))

    def kept(self, visitor: Visitor) -> str | None:
        """Return what the browser is to keep, as JSON; ``None`` where the server keeps it."""
        choice = self._choice_of(visitor.session)
        return None if visitor.owner else json.dumps(choice) if choice else ""

    def _choice_of(self, session: str) -> dict[str, Any]:
        found = self._of(session)
        # The server's own may be a path; it is nobody's choice but the server's.
        name = "" if found.name == self._settings.model else found.name
        return {**({"model": name} if name else {}), **found.changes}

    def _of(self, session: str) -> _Session:
        """Return what a session chose, which is nothing where it is new here."""
        with self._lock:
            return self._sessions.get(session) or _Session()

    def test(self, session: str) -> str:
        """Ask the session's model one question. Say how fast it answered and how. Raises FootnoteError."""
        choice = self.choice(session)
        model = choice.open_with({"answer_seconds": TEST_SECONDS}) if choice.name else self._own()
        if model is None and not choice.name and self._settings.model != EXTRACTIVE:
            raise SettingsError("the articles are still being read; test it again in a moment")
        if model is None:
            raise SettingsError("no model is connected; choose one, then test it")
        if not self._testing.acquire(blocking=False):
            raise SettingsError("other models are being tested; try again in a moment")
        began, first, text, notice = self._clock(), None, "", ""
        try:
            with closing(model.stream((Message("user", TEST_QUESTION),))) as drafts:
                for draft in drafts:
                    text, notice, seconds = draft.text, draft.notice, self._clock() - began
                    first = seconds if first is None and text.strip() else first
                    if seconds > TEST_SECONDS:
                        break
        finally:
            self._testing.release()
        seconds = self._clock() - began
        if first is None:
            waited = f"{seconds:.0f}"
            raise ChatError(
                "{model} wrote nothing in {seconds} seconds; choose another model", model=model.name, seconds=waited
            )
        said = phrase(
            "{model} works: first word after {first} s, whole answer after {whole} s: “{words}”",
            model=shown_name(model.name),
            first=decimal(first),
            whole=decimal(seconds),
            words=shortened(text, 200),
        )
        return f"{said} {told(notice)}".strip()

    def look(self) -> None:
        """Look which models there are; takes a second or two."""
        self._found = tuple(self.services.look())

    def choose(self, session: str, name: Any) -> str:
        """From now on ``name`` writes the session's answers; says so. Raises FootnoteError, and all stays as it was."""
        if not isinstance(name, str) or not name.strip() or len(name) > LONGEST_NAME:
            raise SettingsError("this is no model's name; write SERVICE:NAME, such as ollama:llama3.2")
        name = name.strip()
        if name == shown_name(self._settings.model):
            name = self._settings.model
        if name not in (EXTRACTIVE, self._settings.model):
            service = self.services.check(name).partition(":")[0]
            if service not in self.services.keyed:
                self.look()
                if any(each.service == service and not each.models for each in self._found):
                    raise SettingsError(
                        "{service} offers no model now; start it, then choose the model again",
                        service=TITLES.get(service, service),
                    )
        key = self._key(session, name)
        self._open_chosen(name, key)  # outside the lock: it may have to load a package first
        with self._lock:
            self._touch(session).name = name
        return self._from_now_on(name)

    def keep_key(self, session: str, service: Any, secret: Any) -> str:
        """Keep a key for the session; says so. Raises SettingsError for what cannot be one, without repeating it."""
        service = self._check_service(service)
        text = secret.strip() if isinstance(secret, str) else ""
        if not 0 < len(text) <= LONGEST_KEY or not text.isascii() or not text.isprintable() or " " in text:
            raise SettingsError("this is no key; copy it again, in one piece")
        waited = self.keyless(session)
        with self._lock:
            kept = self._touch(session)
            kept.keys[service] = Key(text)
            self._remind()
        said = phrase("The key for {service} is set for this session.", service=TITLES.get(service, service))
        if waited and not self.keyless(session):
            said += f" {self._from_now_on(waited)}"
        return said

    def forget_key(self, session: str, service: Any) -> str:
        """Forget a key; says so. A model that cannot write without it gives way to the server's own."""
        service = self._check_service(service)
        with self._lock:
            kept = self._touch(session)
            kept.keys.pop(service, None)
            name = kept.name
        said = phrase("The key for {service} is forgotten.", service=TITLES.get(service, service))
        try:
            self._open(name, self._key(session, name))
        except FootnoteError:
            kept.name = ""
            own = EXTRACTIVE if self.keyless(session) else self._settings.model
            said += f" {self._from_now_on(own)}"
        return said

    def change(self, session: str, changes: Mapping[str, Any]) -> None:
        """Set the session's settings for its next answers. Those that are not named are the server's."""
        with self._lock:
            self._touch(session).changes = dict(changes)

    def changes(self, session: str) -> dict[str, Any]:
        """Return the settings that a session changed."""
        return dict(self._of(session).changes)

    def forget(self, session: str) -> None:
        """Forget the keys of a closed page. Its choice stays: it may have lost its connection only."""
        with self._lock:
            if kept := self._sessions.get(session):
                kept.keys.clear()

    def forget_idle(self) -> None:
        """Forget the keys of sessions that were left alone too long."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            oldest = self._clock() - self._idle_seconds
            for kept in self._sessions.values():
                if kept.used <= oldest:
                    kept.keys.clear()
            self._remind()

    def choice(self, session: str) -> Choice:
        """Return what writes the session's next answer: the articles' own sentences where its model waits for a key."""
        self.forget_idle()
        waits = bool(self.keyless(session))
        with self._lock:
            if session not in self._sessions:
                return Choice()
            kept = self._touch(session)
            name, changes, key = kept.name, dict(kept.changes), self._key(session, kept.name)
            if key is None and name in ("", self._settings.model) and not self._reopened(changes):
                return Choice(changes=changes)
            name = EXTRACTIVE if waits else name or self._settings.model
            return Choice(name, lambda more: self._open_chosen(name, key, {**changes, **more}), changes)

    def _reopened(self, changes: Mapping[str, Any]) -> bool:
        """Tell whether the server's own model is opened anew. Never one in this process, which would be there twice."""
        of_a_server = self._settings.model.partition(":")[0].casefold() not in (EXTRACTIVE, "local", "gguf")
        own_key = not self._needs_key(self._settings.model)
        return of_a_server and own_key and any(name in changes for name in (*OF_THE_MODEL, "context_tokens"))

    def keyless(self, session: str) -> str:
        """Name the session's model where it waits for a key. Empty where the session has given it."""
        name = self._of(session).name or self._settings.model
        return shown_name(name) if self._key(session, name) is None and self._needs_key(name) else ""

    def _needs_key(self, name: str) -> bool:
        """Tell whether a model has no key in the environment. Looked up once, for that stays as it is."""
        service = name.partition(":")[0].casefold()
        if service not in self.services.keyed:
            return False
        if service not in self._without_key:
            try:
                self._open(name, None)
                self._without_key[service] = False
            except FootnoteError as error:
                self._without_key[service] = isinstance(error, KeyMissing)
        return self._without_key[service]

    def current(self, session: str) -> str:
        """Name what writes the session's answers."""
        return EXTRACTIVE if self.keyless(session) else shown_name(self._of(session).name or self._settings.model)

    def data(self, visitor: Visitor) -> dict[str, Any]:
        """Return what the page shows of the models. Names and whether a key is set, never a key."""
        self.remember(visitor)
        session = visitor.session
        current, keyless, keys = self.current(session), self.keyless(session), self._of(session).keys
        names = [f"{each.service}:{name}" for each in self._found for name in each.models]
        listed = {each: each for each in (EXTRACTIVE, *names, shown_name(self._settings.model), current)}
        listed[EXTRACTIVE] = phrase("The articles’ own sentences")
        if keyless:
            listed[keyless] = phrase("{model} (needs its key)", model=keyless)
        unready = [
            (TITLES.get(each.service, each.service), told(each.state)) for each in self._found if not each.models
        ]
        summary = phrase("{count} service is not ready|{count} services are not ready", count=len(unready))
        with_key = phrase("key is set for this session")
        return {
            "model": {"choices": [(title, name) for name, title in listed.items()], "value": current},
            "test": {"visible": current != EXTRACTIVE},
            "unready": {"value": f"<details><summary>{summary}</summary>{facts(unready)}</details>" * bool(unready)},
            "service": {
                "choices": [
                    (f"{TITLES.get(each, each)} · {with_key}" if each in keys else TITLES.get(each, each), each)
                    for each in self.services.keyed
                ]
            },
            "forget_key": {"visible": bool(keys)},
        }

    def _open_chosen(self, name: str, key: Key | None, changes: Mapping[str, Any] | None = None) -> ChatModel | None:
        try:
            return self._open(name, key, changes)
        except SettingsError as error:
            if key is None and name.partition(":")[0] in self.services.keyed:
                raise SettingsError("{message}, or enter one under API keys", message=error) from None
            raise

    def _open(self, name: str, key: Key | None, changes: Mapping[str, Any] | None = None) -> ChatModel | None:
        wanted = (*OF_THE_MODEL, "context_tokens")
        opened_with = {each: value for each, value in (changes or {}).items() if each in wanted}
        settings = self._settings.replace(model=name or None, **opened_with)
        return None if settings.model == EXTRACTIVE else self.services.open(settings, key)

    def _key(self, session: str, name: str) -> Key | None:
        return self._of(session).keys.get((name or self._settings.model).partition(":")[0])

    def _from_now_on(self, name: str) -> str:
        if name == EXTRACTIVE:
            return phrase("From your next question on, answers are the articles' own sentences.")
        return phrase("From your next question on, {model} writes the answers.", model=shown_name(name))

    def _check_service(self, service: Any) -> str:
        if service not in self.services.keyed:
            raise SettingsError("this service takes no key; choose one from the list")
        return str(service)

    def _touch(self, session: str) -> _Session:
        kept = self._sessions.setdefault(session, _Session())
        kept.used = self._clock()
        self._sessions.move_to_end(session)
        while len(self._sessions) > self._capacity:
            self._sessions.popitem(last=False)
        return kept

    def _remind(self) -> None:
        """See to it that keys are forgotten also while nobody comes by."""
        oldest = next((kept for kept in self._sessions.values() if kept.keys), None)
        if self._timer is None and oldest is not None:
            self._timer = threading.Timer(oldest.used + self._idle_seconds - self._clock(), self.forget_idle)
            self._timer.daemon = True
            self._timer.start()
