"""Share what the page's handlers and panels need. Who is there, what to change, what happens when something is done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from rag.errors import QuestionError
from rag.web.language import speaking, told
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

    def data(self, visitor: Visitor) -> dict[str, Any]:
        """Return what the panel shows; keys are strings."""
        raise NotImplementedError

    def act(self, action: str, sent: Mapping[str, Any], visitor: Visitor) -> str:  # noqa: ARG002 - nothing is done here
        """Do one of ``actions`` and return what to tell the visitor, or nothing. May take long. Raises FootnoteError."""
        raise QuestionError("this cannot be done here; reload the page")

    async def shown(self, visitor: Visitor) -> dict[str, Any]:
        """Return the room's data in the visitor's language."""
        with speaking(visitor.language):
            return await aside(self.data, visitor)

    async def acted(self, action: str, visitor: Visitor, sent: Mapping[str, Any]) -> dict[str, Any]:
        """Return what a room shows after an action. With what to say of it as ``said`` or ``problem``."""
        said = problem = ""
        with speaking(visitor.language):
            try:
                async with _turns().turn(visitor.client or visitor.session):
                    said = await aside(self.act, action, sent, visitor)
            except Exception as error:  # the reader must be told, whatever it was
                problem = told(what_went_wrong(error, f"{action} in {self.name}"))
            return {**await aside(self.data, visitor), "said": said, "problem": problem}


@lru_cache(maxsize=1)
def _turns() -> Turns:
    return Turns(AT_ONCE, ACTS, WAITING)
