"""A conversation as it is kept: numbered turns, each with the answer it got and where that stands."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal

from rag.retrieval.find import EVERYTHING, check_question
from rag.text.one_line import shortened
from rag.types import Answer, Message, Scope

MAX_TURNS = 50
"""Older turns leave the page: redrawing two hundred messages takes a browser ten times as long as forty."""
_TITLE = 70
MAX_HISTORY = 10
"""How many turns are handed to the chatbot so that it understands a follow-up question."""

MAX_TITLE = 120

Status = Literal["waiting", "answering", "done", "stopped", "failed"]


@dataclass(frozen=True, slots=True)
class Turn:
    """A question and what became of it; ``note`` says what is waited for, or what went wrong.

    ``ignored`` are the labels of what the question names that the reader wants to count for nothing; ``scope`` is what the
    reader narrowed the question to.
    """

    number: int
    question: str
    status: Status = "waiting"
    answer: Answer | None = None
    note: str = ""
    ignored: tuple[str, ...] = ()
    scope: Scope = EVERYTHING

    @property
    def ended(self) -> bool:
        """Tell whether nothing more is coming."""
        return self.status not in ("waiting", "answering")

    @property
    def labels(self) -> tuple[str, ...]:
        """Return what the question names, in the order of its chips: first what counts, then what is ignored."""
        understood = self.answer.understood if self.answer is not None else ()
        return (*(each for each in understood if each not in self.ignored), *self.ignored)

    def toggled(self, label: str) -> tuple[str, ...]:
        """Return what is ignored once this label is ignored, or counts again.

        >>> Turn(1, "Who?", ignored=("Courier",)).toggled("Courier")
        ()
        """
        kept = tuple(each for each in self.ignored if each != label)
        return kept if label in self.ignored else (*kept, label)


Conversation = tuple[Turn, ...]


def clean_question(text: Any) -> str:
    """Return the question as it will be asked, empty where there is none. Whatever the browser sent, this is text.

    >>> clean_question("  Who\\x00 voted? ")
    'Who voted?'
    >>> clean_question("?" * 2001)
    Traceback (most recent call last):
    rag.errors.QuestionError: a question may have 2,000 characters, this one has 2,001; ask a shorter one
    """
    if not isinstance(text, str) or not any(letter.isprintable() and not letter.isspace() for letter in text):
        return ""
    return check_question(text)


def begin(
    conversation: Conversation, question: str, ignored: tuple[str, ...] = (), scope: Scope = EVERYTHING
) -> Conversation:
    """Return the conversation with one more turn. The oldest leave it when there are too many.

    A last turn that nobody came to answer, because this one was asked so soon after it, is stopped.
    """
    if conversation and not conversation[-1].ended:
        conversation = change(conversation, status="stopped", note="")
    number = conversation[-1].number + 1 if conversation else 1
    return (*conversation, Turn(number=number, question=question, ignored=ignored, scope=scope))[-MAX_TURNS:]


def change(conversation: Conversation, **changes: Any) -> Conversation:
    """Return the conversation with its last turn changed. An empty one stays empty."""
    return (*conversation[:-1], replace(conversation[-1], **changes)) if conversation else conversation


def history(turns: Iterable[Turn]) -> tuple[Message, ...]:
    """Return what was said in the last turns that ended, for follow-up questions."""
    said: list[Message] = []
    for turn in turns:
        if turn.status == "done" and turn.answer is not None:
            said += [Message("user", turn.question), Message("assistant", turn.answer.text)]
    return tuple(said[-2 * MAX_HISTORY :])


def title_of(conversation: Conversation) -> str:
    """Call a conversation by its first question, shortened, until its owner names it.

    >>> title_of((Turn(1, "How long is the tram line?"), Turn(2, "And the other?")))
    'How long is the tram line?'
    """
    return shortened(conversation[0].question, _TITLE) if conversation else ""
