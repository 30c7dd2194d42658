"""Pieces of text as models really send them become text a reader can be shown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

Other = TypeVar("Other")

_THOUGHTS = (("<think>", "</think>"), ("<thinking>", "</thinking>"), ("[THINK]", "[/THINK]"))
"""How models that think aloud mark it, where their server does not keep it apart."""


def readable(pieces: Iterable[str | Other]) -> Iterator[str | Other]:
    r"""The same text without what stands in front of the answer (white space, thoughts), in whole characters.

    A character outside the basic plane that comes in two halves (a surrogate each, as JSON writes it) is put together; a half
    that is left alone is dropped. What is not text goes through. Holds back a few characters, never more.

    >>> list(readable(["\n<thi", "nk>Hm, who", " was it?</think>\n", "The mayor \ud83d", "\ude00."]))
    ['', '', '', 'The mayor ', '😀.']
    """
    return _without_thoughts(_whole_characters(pieces))


def _whole_characters(pieces: Iterable[str | Other]) -> Iterator[str | Other]:
    half = ""
    for piece in pieces:
        if not isinstance(piece, str):
            yield piece
            continue
        text = half + piece
        half = text[-1:] if "\ud800" <= text[-1:] <= "\udbff" else ""
        yield _joined(text[:-1] if half else text)


def _joined(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "ignore")
    return text


def _without_thoughts(pieces: Iterable[str | Other]) -> Iterator[str | Other]:
    held, close, begun = "", "", False
    for piece in pieces:
        if not isinstance(piece, str) or begun:
            yield piece
            continue
        held, close = _skip(held + piece, close)
        # What may still become the mark of a thought waits for the next piece.
        begun = not close and not any(start.startswith(held) for start, _ in _THOUGHTS)
        yield held if begun else ""
        held = "" if begun else held
    if held and not close:
        yield held


def _skip(text: str, close: str) -> tuple[str, str]:
    """The text after the thoughts in front of it, and the mark that ends the thought it is still in, if any."""
    while True:
        if close and close not in text:
            return text[-len(close) :], close  # thoughts can be long; their end can come in two pieces
        text = (text.partition(close)[2] if close else text).lstrip()
        close = next((end for start, end in _THOUGHTS if text.startswith(start)), "")
        if not close:
            return text, ""
