"""A Python function as a chat model."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from typing import cast

from rag.chat import ChatFunction, Drafts
from rag.chat.estimate import estimate_tokens
from rag.chat.guard import Clocks, follow
from rag.chat.in_process import FIRST_WORD_SECONDS
from rag.errors import ChatError, FootnoteError
from rag.settings import Settings
from rag.types import Message

_REMEDY = "let it yield str"

_log = logging.getLogger(__name__)


class FunctionModel:
    """Wrap a function as a ChatModel. It takes messages and yields pieces of text, or returns one ``str``.

    Called by one thread for each answer, by several at once where several answers are asked for. When nobody listens any
    more, its generator is closed after the piece it is at. What it raises becomes a ChatError that names only the type.

    >>> def echo(messages):
    ...     yield from ("You asked: ", messages[-1].text)
    >>> [*FunctionModel(echo).stream([Message("user", "Who won?")])][-1].text
    'You asked: Who won?'
    """

    def __init__(self, function: ChatFunction, name: str = "function", settings: Settings | None = None) -> None:
        self.name, self._function, self._settings = name, function, settings or Settings()
        self.context_tokens = self._settings.context_tokens

    def count_tokens(self, text: str) -> int:
        return estimate_tokens(text)

    def stream(self, messages: Sequence[Message]) -> Drafts:
        clocks = Clocks(self._settings.first_word_seconds or FIRST_WORD_SECONDS, self._settings.answer_seconds)
        return follow(lambda: self._read(tuple(messages)), clocks)

    def _read(self, messages: Sequence[Message]) -> Iterator[str]:
        returned: object = None
        try:
            returned = cast("object", self._function(messages))  # users' functions are not type-checked
            pieces = (returned,) if isinstance(returned, str) else returned
            if not isinstance(pieces, Iterable) or isinstance(pieces, (bytes, bytearray, dict)):
                raise ChatError(
                    f"the function {{name}} returns {{kind}}; {_REMEDY}", name=self.name, kind=type(returned).__name__
                )
            for piece in pieces:
                if not isinstance(piece, str):
                    raise ChatError(
                        f"the function {{name}} yields {{kind}}; {_REMEDY}", name=self.name, kind=type(piece).__name__
                    )
                yield piece
        except FootnoteError:
            raise
        except Exception as error:
            _log.debug("the function %s failed", self.name, exc_info=error)
            raise ChatError(
                "the function {name} failed with {kind}; set RAG_LOG to DEBUG to see where",
                name=self.name,
                kind=type(error).__name__,
            ) from None
        finally:
            if callable(close := getattr(returned, "close", None)):
                close()
