"""A Python function as a chat model."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from rag.chat import Draft
from rag.chat.function import FunctionModel
from rag.errors import AnswerCut, ChatError, EndpointUnreachable, RateLimited
from rag.settings import Settings
from rag.types import Message

ASKED = (Message("user", "When did the harbour reopen?"),)


def drafts(function: Any, **options: Any) -> list[Draft]:
    return list(FunctionModel(function, **options).stream(ASKED))


def test_what_a_function_yields_is_the_answer() -> None:
    seen: list[Sequence[Message]] = []

    def answer(messages: Sequence[Message]) -> Iterator[str]:
        seen.append(messages)
        yield "On "
        yield ""
        yield "Friday."

    found = drafts(answer)
    assert found[-1] == Draft("On Friday.")
    assert all("On Friday.".startswith(draft.text) for draft in found)
    assert seen == [ASKED]


@pytest.mark.parametrize("returned", ["On Friday.", ["On ", "Friday."], ("On ", "Friday."), iter(["On Friday."])])
def test_a_text_or_its_pieces_may_be_returned_at_once(returned: Any) -> None:
    assert drafts(lambda messages: returned)[-1].text == "On Friday."


@pytest.mark.parametrize(
    ("returned", "complaint"),
    [
        (None, "returns NoneType; let it yield str"),
        (7, "returns int"),
        (b"On Friday.", "returns bytes"),
        ({"text": "On Friday."}, "returns dict"),
        ([b"On Friday."], "yields bytes"),
        ([None], "yields NoneType"),
        ([["On Friday."]], "yields list"),
    ],
)
def test_mistakes_of_type_are_told(returned: Any, complaint: str) -> None:
    with pytest.raises(ChatError, match=f"the function velm {complaint}"):
        drafts(lambda messages: returned, name="velm")


def test_a_mistake_after_the_first_word_cuts_the_answer() -> None:
    with pytest.raises(AnswerCut, match="the function function yields int"):
        drafts(lambda messages: ["On ", 7])


def test_what_a_function_raises_is_named_by_its_type_alone(caplog: pytest.LogCaptureFixture) -> None:
    def fail(messages: Sequence[Message]) -> Iterator[str]:
        raise LookupError("test-key")

    with caplog.at_level(logging.INFO, "rag"), pytest.raises(ChatError, match="failed with LookupError") as caught:
        drafts(fail)
    assert "test-key" not in str(caught.value) + caplog.text
    with caplog.at_level(logging.DEBUG, "rag"), pytest.raises(ChatError):
        drafts(fail)
    assert "test-key" in caplog.text


def test_an_error_of_ours_passes_as_it_is() -> None:
    def limited(messages: Sequence[Message]) -> Iterator[str]:
        raise RateLimited("too many requests; wait a minute")

    with pytest.raises(RateLimited, match="wait a minute"):
        drafts(limited)


def test_who_leaves_closes_what_an_sdk_returned() -> None:
    class Stream:
        closed = threading.Event()

        def __iter__(self) -> Stream:
            return self

        def __next__(self) -> str:
            time.sleep(0.01)
            return "rain "

        def close(self) -> None:
            self.closed.set()

    stream = FunctionModel(lambda _: Stream()).stream(ASKED)
    assert next(draft.text for draft in stream if draft.text).startswith("rain ")
    stream.close()  # type: ignore[attr-defined]
    assert Stream.closed.wait(5)


def test_who_leaves_closes_the_generator() -> None:
    closed = threading.Event()

    def endless(messages: Sequence[Message]) -> Iterator[str]:
        try:
            while True:
                yield "rain "
                time.sleep(0.01)
        finally:
            closed.set()

    stream = FunctionModel(endless).stream(ASKED)
    assert next(draft.text for draft in stream if draft.text).startswith("rain ")
    began = time.monotonic()
    stream.close()  # type: ignore[attr-defined]
    assert closed.wait(5)
    assert time.monotonic() - began < 1


def test_the_clocks_are_the_settings() -> None:
    leave = threading.Event()

    def silent(messages: Sequence[Message]) -> Iterator[str]:
        leave.wait(20)
        yield "too late"

    with pytest.raises(EndpointUnreachable, match="within 1 second"):
        drafts(silent, settings=Settings(first_word_seconds=1))
    leave.set()


def test_it_has_a_name_and_a_size() -> None:
    model = FunctionModel(lambda messages: iter(()), name="velm", settings=Settings(context_tokens=1000))
    assert (model.name, model.context_tokens) == ("velm", 1000)
    assert 5 <= model.count_tokens("The harbour of Velm reopened.") <= 29
    with pytest.raises(ChatError, match="wrote nothing"):
        list(model.stream(ASKED))
