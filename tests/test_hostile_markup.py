"""Hostile texts in the page's markup, all of them; tests/browser/test_hostile.py shows them in a browser."""

from __future__ import annotations

import re

import pytest

from double import Double
from hostile import attacks, model_answers, scripted
from rag.export.conversation import Turn, begin, clean_question
from rag.types import Answer
from rag.web.render import answer_markup, messages


@pytest.mark.parametrize("number", range(len(attacks(""))))
def test_a_hostile_question_is_only_text(number: int) -> None:
    """Cheap and exhaustive beside the browser's test: a question's markup holds our elements and no mark of its own."""
    question = clean_question(attacks("evil.test:1")[number])
    markup = messages(begin((), question))[0]["content"]
    inner = markup.removeprefix('<div class="question"><span class="spoken">You asked: </span>')
    inner = inner.removesuffix("</div>")
    assert not set("<>[]()!`*_|$\\{}\"'\n:/.") & set(inner.replace("<wbr>", ""))


@pytest.mark.parametrize("name", sorted(model_answers("")))
def test_the_markup_holds_our_elements_only(name: str) -> None:
    """Exhaustive, beside the browser's test: whatever a model writes, it opens no element and no attribute."""
    hits = tuple(Double().retrieve("How much will the four electric ferries cost?"))
    for answer in scripted(model_answers("evil.test:1")[name])(Answer("Who?", hits=hits)):
        markup = answer_markup(Turn(1, "Who?", "done", answer))
        tags = re.findall(r"<[^>]*>", markup)
        ours = (
            r"</?(div|p|ul|ol|li|span|strong|a)>|<wbr>|<(div|p|span|strong) class=\"[a-z -]+\"( title=\"[A-Za-z ]+\")?>"
            r"|<a class=\"cite\" href=\"#s-1-1\">|<a href=\"#s-1\">"
        )
        assert [tag for tag in tags if not re.fullmatch(ours, tag)] == []
        between = re.sub(r"<[^>]*>|&#\d+;", "", markup)
        assert not set("<>&\"'`[]()!$\\{}*_|~\n\x00\x1b\u202e\u2066\udce2") & set(between)
