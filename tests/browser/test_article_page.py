"""The address of an article with a span of it: the words that are marked are those that the citation names."""

from __future__ import annotations

from typing import Any

import pytest

from double import ARTICLES, Opener

FERRY = ARTICLES[0]
BRIDGE = ARTICLES[3]


@pytest.fixture
def article(chromium: Any, shared: tuple[str, Opener]) -> Any:
    """A blank page of a browser whose troubles are collected."""
    page = chromium.new_page(base_url=shared[0])
    page.troubles = []
    page.on("pageerror", lambda error: page.troubles.append(str(error)))
    page.on("console", lambda message: page.troubles.append(message.text) if message.type == "error" else None)
    yield page
    assert page.troubles == []
    page.close()


@pytest.mark.parametrize("document", [FERRY, BRIDGE], ids=lambda each: each.id)
def test_the_span_of_the_address_is_marked(article: Any, document: Any, check_accessibility: Any) -> None:
    article.goto(f"articles/{document.id}")
    assert article.title() == document.title
    assert article.locator("mark").count() == 0
    assert article.locator("#text").evaluate("place => place.textContent") == document.text
    words = document.text.rstrip(".").rsplit(" ", 3)[-1]  # behind a ship, which is one character and two units
    start = document.text.index(words)
    for begin, end in ((start, start + len(words)), (0, 10)):
        article.evaluate(f"location.hash = 'c={begin}-{end}'")
        article.get_by_text(document.text[begin:end], exact=True).wait_for()
        assert article.locator("mark").all_text_contents() == [document.text[begin:end]]
    check_accessibility(article)


@pytest.mark.parametrize("written", ["c=5-5", "c=9-3", "c=0-99999", "c=-1-3", "c=1e1-20", "c=<b>-1", "d=0-10"])
def test_what_is_no_span_marks_nothing(article: Any, written: str) -> None:
    article.goto(f"articles/{FERRY.id}#{written}")
    assert article.locator("#text").evaluate("place => place.textContent") == FERRY.text
    assert article.locator("mark").count() == 0


def test_the_marked_words_are_in_sight(article: Any) -> None:
    article.set_viewport_size({"width": 320, "height": 200})
    start = FERRY.text.index("She did not name")
    article.goto(f"articles/{FERRY.id}#c={start}-{len(FERRY.text)}")
    box = article.locator("mark").bounding_box()
    assert 0 <= box["y"] < 200
