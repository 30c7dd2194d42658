"""The parser of server-sent events against the standard's own words, and however its bytes are cut."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.chat.events import LONGEST_EVENT, Event, parse_events
from rag.errors import ChatError


def parse(*chunks: bytes) -> list[Event]:
    return list(parse_events(chunks))


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        (b"", []),
        (b"\n\n\n", []),
        (b": a comment\n\n:\n\n", []),
        (b"data: a\n\n", [Event("a")]),
        (b"data:a\n\ndata:  b \n\n", [Event("a"), Event(" b ")]),
        (b"data: a\ndata\ndata: b\n\n", [Event("a\n\nb")]),
        (b"event: ping\n\ndata: a\n\n", [Event("a")]),
        (b"event: one\ndata: a\n\ndata: b\n\n", [Event("a", "one"), Event("b")]),
        (b"id: 1\nretry: 5\nunknown: x\nwithout a colon\ndata: a: b\n\n", [Event("a: b")]),
        (b"\xef\xbb\xbfdata: a\n\n", [Event("a")]),
        (b"data: a\r\n\r\ndata: b\r\rdata: c\n\n", [Event("a"), Event("b"), Event("c")]),
        (b"data: a\r\ndata: b\n\r\n", [Event("a\nb")]),
        (b"data: a\n", [Event("a")]),
        (b"data: a", [Event("a")]),
        (b" data: a\n\n", []),
    ],
)
def test_the_format(stream: bytes, events: list[Event]) -> None:
    assert parse(stream) == events
    assert parse(*(bytes([byte]) for byte in stream)) == events


LINE = st.one_of(
    st.sampled_from(["data: ", "data:", "data", "event: end", ": comment", "id: 1", "", "", "nonsense", "\ufeff"]),
    st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=8).map(
        lambda text: f"data: {text}"
    ),
)
STREAM = st.lists(st.tuples(LINE, st.sampled_from(["\n", "\r", "\r\n"])), max_size=20)


@settings(max_examples=100, deadline=None)
@given(lines=STREAM, data=st.data())
def test_however_a_stream_is_cut_its_events_are_the_same(lines: list[tuple[str, str]], data: st.DataObject) -> None:
    stream = "".join(line + end for line, end in lines).encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    chunks = [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert parse(*chunks) == parse(stream)


@settings(max_examples=100, deadline=None)
@given(lines=STREAM)
def test_the_same_as_a_slow_obvious_parser(lines: list[tuple[str, str]]) -> None:
    stream = "".join(line + end for line, end in lines)
    events, data, name = [], [], ""
    text = stream.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    # The standard drops an event that the end cuts off; we keep it.
    for line in [*text.split("\n"), ""]:
        field, value = line.split(":", 1) if ":" in line else (line, "")
        value = value[1:] if value.startswith(" ") else value
        if line == "":
            events += [Event("\n".join(data), name)] if data else []
            data, name = [], ""
        elif field == "data":
            data.append(value)
        elif field == "event":
            name = value
    assert parse(stream.encode()) == events


def test_limits() -> None:
    longest = b"data:" + b"x" * (LONGEST_EVENT - 5)
    assert len(parse(longest + b"\n\n")[0].data) == LONGEST_EVENT - 5
    with pytest.raises(ChatError, match="more than 1,000,000 bytes; set RAG_MODEL"):
        parse(longest + b"x\n\n")
    with pytest.raises(ChatError, match="more than 1,000,000 bytes"):
        parse(*[b"data: xxxxxxxxx\n"] * 100_000)

    def endless() -> object:
        while True:
            yield b"x" * 10_000

    with pytest.raises(ChatError, match="more than 1,000,000 bytes"):
        list(parse_events(endless()))  # type: ignore[arg-type]


def test_bytes_that_are_no_text() -> None:
    with pytest.raises(ChatError, match="no text in UTF-8"):
        parse(b"data: \xff\n\n")


def test_a_line_counts_as_soon_as_it_has_ended() -> None:
    """A carriage return does not wait for what comes next, else the last word of an answer would come late."""
    seen: list[str] = []

    def chunks() -> object:
        yield b"data: a\r\r"
        assert seen == ["a"]
        yield b"\ndata: b\r\n\r"
        assert seen == ["a", "b"]
        yield b"\n"

    seen.extend([])
    for event in parse_events(chunks()):  # type: ignore[arg-type]
        seen.append(event.data)  # noqa: PERF401 (the generator looks at it meanwhile)
    assert seen == ["a", "b"]
