"""Chat models: anything that streams text for messages. The extractive answerer needs none of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from rag.types import Message

if TYPE_CHECKING:
    from rag.chat.keys import Key
    from rag.settings import Settings

ChatFunction = Callable[[Sequence[Message]], Iterator[str]]
"""The simplest chat model: a Python function that yields pieces of text."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What a chat model has written so far, whole at every step; ``notice`` is something the reader should know."""

    text: str = ""
    notice: str = ""


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

    def stream(self, messages: Sequence[Message]) -> Iterator[Draft]:
        """Yield drafts, three to ten a second, also while nothing new has come, so that whoever listens can leave.

        Closing the iterator frees the model within a second. It ends where the answer is whole. Raises ChatError;
        AnswerCut where it broke off after its first word.
        """
        ...


def open_chat_model(settings: Settings, key: Key | None = None) -> ChatModel | None:
    """Return the chat model that ``settings.model`` names, ``None`` for ``extractive``. Contacts nobody yet.

    ``key`` is used in place of the environment's. Raises SettingsError for a name that means nothing, MissingExtra.
    """
    from rag.chat.model_names import open_named  # the models' packages are heavy, and most users need none

    return open_named(settings, key)
