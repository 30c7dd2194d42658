"""Turns of a conversation, for models that take fewer roles."""

from __future__ import annotations

from collections.abc import Sequence

from rag.types import Message


def fold(messages: Sequence[Message]) -> list[Message]:
    """Return the same in users' and assistants' turns alone, one after the other: what strict chat templates take.

    >>> fold([Message("system", "Be brief."), Message("user", "Who won?"), Message("user", "And when?")])
    [Message(role='user', text='Be brief.\\n\\nWho won?\\n\\nAnd when?')]
    """
    folded: list[Message] = []
    for message in messages:
        role = "user" if message.role == "system" else message.role
        if folded and folded[-1].role == role:
            folded[-1] = Message(role, f"{folded[-1].text}\n\n{message.text}")
        else:
            folded.append(Message(role, message.text))
    return folded
