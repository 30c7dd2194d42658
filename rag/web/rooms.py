"""Share what the page's handlers and panels need. Who is there, what to change, what happens when something is done."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from itertools import count
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple

from rag.errors import QuestionError
from rag.web.language import phrase, speaking, told
from rag.web.opening import what_went_wrong
from rag.web.queueing import Turns
from rag.web.stream import AT_ONCE, aside

ACTS = 12
"""How many actions of one visitor are done at once: each holds a thread, looking at a large folder for seconds."""
WAITING = 250
"""How many more of one visitor wait for that; further ones are turned away."""


def update(**changes: Any) -> dict[str, Any]:
    """Return changes of one of gradio's components, as it takes them from a handler."""
    return {"__type__": "update", **changes}


def skip(outputs: int) -> tuple[Any, ...]:
    """Return that all components stay as they are. Each has its own, for gradio writes into it."""
    return tuple(update() for _ in range(outputs))


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who is there: a ``session`` (one open page), the ``owner`` of what is kept (a name where there is a login, else empty)
    and the ``language`` of the page; ``choice`` is what the browser says was chosen in Settings before, and ``client`` whose
    requests count together."""

    session: str
    owner: str = ""
    language: str = "en"
    choice: str = ""
    client: str = ""


class Room:
    """A panel of the page: plain data for its script, and what its script may ask for. Knows nothing of gradio.

    ``name`` is its element's id and the name of its files (``name.html``, ``name.js``); ``actions`` are the events its script
    may trigger. Whatever the browser sends is not to be trusted; what they say is in the language that is spoken then.
    """

    name = ""
    actions: tuple[str, ...] = ()
    acting: ClassVar = Turns(AT_ONCE, ACTS, WAITING)

    def data(self, visitor: Visitor) -> dict[str, Any]:
        """Return what the panel shows; keys are strings."""
        raise NotImplementedError

    def act(self, action: str, sent: Mapping[str, Any], visitor: Visitor) -> str | None:  # noqa: ARG002
        """Do one of ``actions`` and return what to tell the visitor; ``None`` where there was nothing to do.

        May take long. Raises FootnoteError.
        """
        raise QuestionError("this cannot be done here; reload the page")

    async def shown(self, visitor: Visitor) -> dict[str, Any]:
        """Return the room's data in the visitor's language."""
        with speaking(visitor.language):
            return await aside(self.data, visitor)

    async def acted(self, action: str, visitor: Visitor, sent: Mapping[str, Any]) -> dict[str, Any]:
        """Return what a room shows after an action. With what to say of it as ``said`` or ``problem``."""
        said: str | None = ""
        problem = ""
        with speaking(visitor.language):
            try:
                async with self.acting.turn(visitor.client or visitor.session):
                    said = await aside(self.act, action, sent, visitor)
            except Exception as error:  # the reader must be told, whatever it was
                problem = told(what_went_wrong(error, f"{action} in {self.name}"))
            return {**await aside(self.data, visitor), "said": said, "problem": problem}


class Field(NamedTuple):
    """One of gradio's fields: its kind, its label (a button's words) and what it is made with.

    The kind "title" is a heading, "said" the line that says what was done.
    """

    kind: str
    text: str = ""
    info: str = ""
    options: Mapping[str, Any] = MappingProxyType({})


class Form(Room):
    """A panel of gradio's own ``fields``, by name.

    ``data`` gives what changes of each, as ``update`` takes it. Using a field is an action of its name, which gets its value
    or those of the fields in ``reads``, which do nothing by themselves; ``meanwhile`` is said while it takes its time.
    """

    fields: Mapping[str, Field] = MappingProxyType({})
    reads: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    meanwhile: ClassVar[Mapping[str, str]] = {}
    _stamps = count(1)

    def kept(self, visitor: Visitor) -> str | None:  # noqa: ARG002 - nothing is kept
        """Return what the browser is to keep from now on; ``None`` for what it has kept."""
        return None

    async def filled(
        self, action: str, visitor: Visitor, sent: Mapping[str, Any]
    ) -> AsyncGenerator[dict[str, dict[str, Any]], None]:
        """Do an action and yield what changes; "said" is the line that tells of it."""
        if action in self.meanwhile:
            yield {"said": {"value": {"said": phrase(self.meanwhile[action], visitor.language)}}}
        done = await self.acted(action, visitor, sent)
        told = {name: done.pop(name) for name in ("said", "problem")}
        told |= {"kept": self.kept(visitor), "stamp": next(self._stamps)}
        yield {} if told["said"] is None else {**done, "said": {"value": told}}
