"""Texts that the program put together elsewhere, known again by the templates that they were made from.

An error's message is one string by the time the page shows it. A template is that string with
``{names}`` where the values stood.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

_NAME = re.compile(r"\{(\w+(?::,)?)\}")
_NUMBER = re.compile(r"\d{1,3}(?:,?\d{3})*")
COUNT = "count"
"""The name of a number by which a text takes its form."""

Values = Mapping[str, "str | int"]


@dataclass(frozen=True, slots=True)
class Template:
    """A text's fixed parts, and the names that stand between them; there is one part more than names.

    What a name stands for is never empty. ``{name:,}`` stands for a whole number and so does ``{count}``.
    """

    text: str
    parts: tuple[str, ...]
    names: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> Template:
        """Return the template that is written so.

        >>> Template.of("larger than {limit}; split it").parts
        ('larger than ', '; split it')
        """
        pieces = _NAME.split(_small(text))
        return cls(text, tuple(pieces[::2]), tuple(pieces[1::2]))

    @property
    def fixed(self) -> int:
        """Return how many characters are fixed: the more, the surer is a match."""
        return sum(map(len, self.parts))

    def values(self, text: str) -> Values | None:
        """Return what the names stand for in a text; ``None`` where it is not made from this template. Its first letter
        may be large.

        Each fixed part is taken where it first stands: the rest then holds the others if it can hold them at all, so that
        nothing is ever tried again, and the time is that of reading the text once, whatever it holds.

        >>> Template.of("{where} has no model {model}").values("desk.example has no model a has no model b")
        {'where': 'desk.example', 'model': 'a has no model b'}
        """
        first, *between, last = self.parts if self.names else (*self.parts, "")
        known = _small(text)
        if not self.names:
            return {} if known == first else None
        position, end = len(first), len(text) - len(last)
        if position >= end or not known.startswith(first) or not known.endswith(last):
            return None
        found: dict[str, str | int] = {}
        for name, part in zip(self.names, [*between, None], strict=True):
            stop = end if part is None else text.find(part, position + 1, end)
            value = _value(name, text[position:stop]) if stop > position else None
            if value is None:
                return None
            found[name.removesuffix(":,")] = value
            position = stop + len(part or "")
        return found


class Templates:
    """Many templates; of those that fit a text, the one with the most fixed characters is meant."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._by_letter: dict[str, list[Template]] = defaultdict(list)
        for each in sorted(map(Template.of, texts), key=lambda each: -each.fixed):
            self._by_letter[each.parts[0][:1]].append(each)

    def found(self, text: str) -> tuple[str, Values] | None:
        """Return the template that a text was made from, as it is written, and its values."""
        for template in self._candidates(text):
            values = template.values(text)
            if values is not None:
                return template.text, values
        return None

    def _candidates(self, text: str) -> Iterator[Template]:
        if text:
            yield from self._by_letter.get(_small(text)[0], ())
            yield from self._by_letter.get("", ())


def filled(text: str, values: Mapping[str, str]) -> str:
    """Return a template with its names filled in, all at once: what is filled in may hold names of its own.

    >>> filled("{first}, {second}, {third}", {"first": "{second}", "second": "b"})
    '{second}, b, {third}'
    """
    return _NAME.sub(lambda name: values.get(name[1].removesuffix(":,"), name[0]), text)


def _small(text: str) -> str:
    """Return a text with its first letter small: as a sentence of its own it has a large one."""
    return text[:1].lower() + text[1:] if text[:1].isascii() else text


def _value(name: str, text: str) -> str | int | None:
    if name != COUNT and not name.endswith(":,"):
        return text
    return int(text.replace(",", "")) if len(text) < 20 and text.isascii() and _NUMBER.fullmatch(text) else None
