"""Share what the page's panels need. Who looks at them, and what happens when something is done there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rag.errors import QuestionError


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who is there: a ``session`` (one open page), the ``owner`` of what is kept (a name where there is a login, else empty)
    and the ``language`` of the page; ``choice`` is what the browser says was chosen in Settings before."""

    session: str
    owner: str = ""
    language: str = "en"
    choice: str = ""


class Room:
    """A panel of the page: plain data for its script, and what its script may ask for. Knows nothing of gradio.

    ``name`` is its element's id and the name of its files (``name.html``, ``name.js``); ``actions`` are the events its script
    may trigger. Whatever the browser sends is not to be trusted.
    """

    name = ""
    actions: tuple[str, ...] = ()

    def data(self, visitor: Visitor) -> dict[str, Any]:
        """Return what the panel shows; keys are strings."""
        raise NotImplementedError

    def act(self, action: str, sent: Mapping[str, Any], visitor: Visitor) -> str:  # noqa: ARG002 - nothing is done here
        """Do one of ``actions`` and return what to tell the visitor, or nothing. May take long. Raises FootnoteError."""
        raise QuestionError("this cannot be done here; reload the page")
