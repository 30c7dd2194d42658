"""Server-sent events, as chat models' servers send them: a stream of bytes becomes events, within limits.

The format is the one of https://html.spec.whatwg.org/multipage/server-sent-events.html, with one kindness: an event that the
end of the stream cuts off from its empty line still counts, since some servers forget that line after their last one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rag.errors import ChatError

LONGEST_EVENT = 1_000_000
"""Bytes of one line, and of one event's data: a chat model's events have a few hundred."""

_LINE_END = re.compile(rb"\r\n|\r|\n")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Event:
    """One event: its data, lines joined by line breaks, and its name, empty where it has none."""

    data: str
    name: str = ""


def parse_events(chunks: Iterable[bytes]) -> Iterator[Event]:
    r"""Yield the events of a stream, however it is cut. Comments and events without data are left out.

    Raises ChatError for a line or an event longer than ``LONGEST_EVENT`` and for bytes that are not UTF-8.

    >>> list(parse_events([b": hello\r\ndata: Gr\xc3", b"\xbc\xc3\x9fe\r\n\r", b"\nevent: end\ndata:1\ndata:2\n"]))
    [Event(data='Grüße', name=''), Event(data='1\n2', name='end')]
    """
    data: list[str] = []
    size, name = 0, ""
    for number, line in enumerate(_lines(chunks)):
        text = _decode(line.removeprefix(_BYTE_ORDER_MARK) if number == 0 else line)
        field, _, value = text.partition(":")
        value = value.removeprefix(" ")
        if not text:
            if data:
                yield Event("\n".join(data), name)
            data, size, name = [], 0, ""
        elif field == "data":
            data.append(value)
            size += len(line)
            _check(size)
        elif field == "event":
            name = value
    if data:
        yield Event("\n".join(data), name)


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield lines without their ends. A carriage return ends one at once: waiting for a line feed would delay."""
    line = bytearray()
    after_return = False
    for chunk in chunks:
        if not chunk:
            continue
        rest = chunk[1:] if after_return and chunk.startswith(b"\n") else chunk
        after_return = rest.endswith(b"\r")
        first, *others = _LINE_END.split(rest)
        line += first
        _check(len(line))
        for other in others:
            yield bytes(line)
            line = bytearray(other)
            _check(len(line))
    if line:
        yield bytes(line)


def _check(size: int) -> None:
    if size > LONGEST_EVENT:
        raise ChatError(
            "the model's server sent an event of more than {most:,} bytes; set RAG_MODEL to another model",
            most=LONGEST_EVENT,
        )


def _decode(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        raise ChatError(
            "the model's server sent bytes that are no text in UTF-8; set RAG_MODEL to another model"
        ) from None
