"""What the page's address opens: a conversation, or an article at a span of its text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

_LONGEST = 1_000
_NUMBER = re.compile(r"\d{1,9}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Address:
    """A conversation's id, or an article's with the span to be marked (none: ``start == end``); empty for the page itself.

    Whether there is such a conversation or article, and whose it is, only opening it says.

    >>> Address(article="news/mill.md", start=10, end=29).query
    '?article=news/mill.md&start=10&end=29'
    >>> Address.read({"article": "news/mill.md", "start": "10", "end": "29"})
    Address(conversation='', article='news/mill.md', start=10, end=29)
    """

    conversation: str = ""
    article: str = ""
    start: int = 0
    end: int = 0

    @property
    def query(self) -> str:
        """What follows the page's own address."""
        found: dict[str, Any] = {"conversation": self.conversation} if self.conversation else {}
        if self.article:
            found["article"] = self.article
            found |= {"start": self.start, "end": self.end} if self.start < self.end else {}
        return f"?{urlencode(found, safe='/')}" if found else ""

    @classmethod
    def read(cls, parameters: Mapping[str, Any]) -> Address:
        """The address in a request's parameters, which may be anything; what is none of ours opens the page itself."""
        conversation, article = (_text(parameters.get(name)) for name in ("conversation", "article"))
        start, end = (_number(parameters.get(name)) for name in ("start", "end"))
        marked = bool(article) and start < end
        return cls(conversation, article, start if marked else 0, end if marked else 0)


def _text(value: object) -> str:
    return value if isinstance(value, str) and len(value) <= _LONGEST and value.isprintable() else ""


def _number(value: object) -> int:
    return int(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else 0
