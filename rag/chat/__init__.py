"""Chat models: anything that streams text for messages. The extractive answerer needs none of them."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from rag.types import Message

ChatFunction = Callable[[Sequence[Message]], Iterator[str]]
"""The simplest chat model: a Python function that yields pieces of text."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What a chat model has written so far, whole at every step; ``notice`` is something the reader should know."""

    text: str = ""
    notice: str = ""


Drafts = Generator[Draft, None, None]
"""The drafts of one answer; whoever leaves closes them."""


class ChatModel(Protocol):
    """Streams text for messages and turns every foreign failure into a ChatError. Safe to use from any thread.

    ``name`` is how the setting names it, without any secret; ``context_tokens`` is how much it reads and writes at most.
    """

    @property
    def name(self) -> str: ...

    @property
    def context_tokens(self) -> int: ...

    def count_tokens(self, text: str) -> int:
        """Count the tokens of a text. Exactly where the encoding is known, else rather more than fewer."""
        ...

    def stream(self, messages: Sequence[Message]) -> Drafts:
        """Yield drafts, three to ten a second, also while nothing new has come, so that whoever listens can leave.

        Closing the iterator frees the model within a second. It ends where the answer is whole. Raises ChatError;
        AnswerCut where it broke off after its first word.
        """
        ...
