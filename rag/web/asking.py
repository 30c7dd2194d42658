"""What stands around the question box: the start screen, files to add, and who writes the answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from rag.chat.model_names import EXTRACTIVE
from rag.types import Header
from rag.web.language import phrase
from rag.web.library import Library, Start
from rag.web.models import Models
from rag.web.render import escape
from rag.web.rooms import Visitor

MOST_OUTLETS = 4
"""How many outlets the start screen names."""


class Asking(Start):
    """A room (see ``rag.web.rooms``): the line under the question box."""

    name = "asking"

    def __init__(self, library: Library, models: Models) -> None:
        super().__init__(library)
        self._models = models

    def data(self, visitor: Visitor) -> dict[str, Any]:
        """Return the model's name, empty for quotes only, or which one waits for a key; and what adding files needs."""
        self._models.remember(visitor)
        current, keyless = self._models.current(visitor.session), self._models.keyless(visitor.session)
        return {**super().data(visitor), "model": "" if current == EXTRACTIVE else current, "keyless": keyless}


def welcome(language: str, folder: str = "", headers: Sequence[Header] = ()) -> str:
    """Return the start screen as markup: the folder, how many articles from which outlets and years.

    >>> welcome("en", "news", [Header("a.md", outlet="Courier", published="2031")]).count("Courier")
    1
    """
    title = escape(folder) if headers else phrase("What do the articles say?", language)
    about = phrase("Every sentence of an answer carries its quote.", language)
    pick = f'<span class="invitation">{phrase("Pick a question, or write your own.", language)}</span>'
    held = f'<p class="held">{_holds(language, headers)}</p>\n' if headers else ""
    return f'<div class="welcome">\n<h2>{title}</h2>\n{held}<p>{about} {pick}</p>\n</div>'


def _holds(language: str, headers: Sequence[Header]) -> str:
    outlets = Counter(each.outlet for each in headers if each.outlet).most_common()
    years = sorted({each.published[:4] for each in headers if each.published[:4].isdigit()})
    named = ", ".join(escape(name[:60]) for name, _ in outlets[:MOST_OUTLETS])
    if more := len(outlets) - MOST_OUTLETS if len(outlets) > MOST_OUTLETS else 0:
        named = phrase("{outlets} and {count} more", language, outlets=named, count=more)
    parts = [
        phrase("{count} article|{count} articles", language, count=len(headers)),
        named,
        "–".join(dict.fromkeys((years[0], years[-1]))) if years else "",
    ]
    return " · ".join(filter(None, parts))
