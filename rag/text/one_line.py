"""Any text as one line that holds nothing hidden, for titles, searches and files to take along."""

from __future__ import annotations

import unicodedata

from rag.text.normalize import normalize

HIDDEN = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Kinds of characters that are not seen: controls, marks of direction, halves of a pair, separators of lines."""
# Words of some languages, and some emoji, are spelt with these two.
_JOINERS = "\u200c\u200d"


def one_line(text: str) -> str:
    """Return a text in one line without hidden characters. Whatever parts words becomes a space.

    >>> one_line("A \\u202evote\\n\\x1b[2J was\\ud800 held")
    'A vote [2J was held'
    """
    text = normalize(" ".join(text.split()))
    return " ".join("".join(map(_shown, text)).split())


def _shown(character: str) -> str:
    if (character.isascii() and character.isprintable()) or character in _JOINERS:
        return character
    kind = unicodedata.category(character)
    if kind == "Cc":
        return " "
    return "" if kind in HIDDEN or character in "\ufffe\uffff" else character


def shortened(text: str, length: int) -> str:
    """Return a text in one line, cut after a word where it is longer than ``length``.

    >>> shortened("How many people came to the rally?", 20)
    'How many people…'
    """
    line = one_line(" ".join(text.split())[: 10 * length])
    if len(line) <= length:
        return line
    cut = line[:length]
    kept = cut.rpartition(" ")[0] or cut[:-1]
    return f"{kept.rstrip()}…"


def folded(text: str) -> str:
    """Return a text as it is searched: one line, letters without case and accents.

    >>> folded("Ёлка in  CAFÉ Straße")
    'елка in cafe strasse'
    """
    plain = normalize(one_line(text).casefold(), "NFKD")
    return " ".join("".join(each for each in plain if not unicodedata.combining(each)).casefold().split())
