"""Links to a conversation, and to an article at a span, can be opened again."""

from __future__ import annotations

import string
from urllib.parse import parse_qs

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.web.address import Address

names = st.text(st.characters(categories=("L", "N", "P", "S", "Zs")), min_size=1, max_size=40).filter(str.isprintable)
spans = st.tuples(st.integers(0, 10**8), st.integers(1, 10**8)).map(lambda pair: (pair[0], pair[0] + pair[1]))


def opened(query: str) -> Address:
    return Address.read(
        {name: values[-1] for name, values in parse_qs(query.removeprefix("?"), strict_parsing=True).items()}
    )


@given(names, spans | st.just((0, 0)), st.text(string.ascii_letters + string.digits + "-_", max_size=22))
@settings(max_examples=100, deadline=None)
def test_every_address_opens_what_it_was_made_for(article: str, span: tuple[int, int], conversation: str) -> None:
    for address in (Address(article=article, start=span[0], end=span[1]), Address(conversation, article, *span)):
        assert opened(address.query) == address
        assert address.query.isascii()
        assert not set(address.query) & set("<>\"'` \\#")


def test_the_page_itself_has_none() -> None:
    assert Address().query == ""
    assert Address.read({}) == Address()
    assert Address("abc").query == "?conversation=abc"


@pytest.mark.parametrize("value", [None, 1, [], "", "x" * 1_001, "\x00", "\u202e", "\ud800", b"x"])
def test_what_is_none_of_ours_opens_the_page(value: object) -> None:
    assert Address.read({"conversation": value, "article": value, "start": "1", "end": "2"}) == Address()


@pytest.mark.parametrize("number", [None, -1, "-1", "1.5", "1e3", "٣", " 7", "9" * 5_000, [], "x"])
def test_what_is_no_span_marks_nothing(number: object) -> None:
    for parameters in ({"start": number, "end": "0"}, {"start": "5", "end": number}, {"start": "5", "end": "5"}):
        assert Address.read({"article": "mill.md", **parameters}) == Address(article="mill.md")
