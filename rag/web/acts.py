"""Act on one answer for its reader. Judge it, copy it with its sources, ask otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import Any

from rag.errors import FeedbackError, FootnoteError
from rag.export.conversation import Conversation
from rag.export.formats import copied, export
from rag.settings import Settings
from rag.web.feedback import VERDICTS, Feedback, ended_turn
from rag.web.language import phrase, told
from rag.web.opening import sentence
from rag.web.rooms import Visitor

COPIES = {"copy": "plain", "copy-markdown": "markdown"}
"""The buttons that copy, and as what."""


class Acts:
    """What stands under the answers: what was said of them, and what a pressed button ``act-<turn>-<name>`` came to.

    ``name`` is "right", "wrong", "wrong-citation", "missing-source" (pressed again: taken back), "note", "copy",
    "copy-markdown", "save-" with one of ``FORMATS``, or "edit". Safe from any thread.
    """

    name = "acts"

    def __init__(self, feedback: Feedback | None = None) -> None:
        self._feedback = feedback or Feedback(Settings().data)
        self._stamps = count(1)

    def data(self, conversation: Conversation, visitor: Visitor, problem: str = "") -> dict[str, Any]:
        """Return what the visitor said of each answer, by the turn's number; ``problem`` is what else to tell."""
        try:
            given = self._feedback.given(visitor.owner, conversation)
        except FootnoteError as error:
            given, problem = {}, problem or told(sentence(error))
        shown = {
            str(number): {"name": verdict.replace(" ", "-"), "note": note} for number, (verdict, note) in given.items()
        }
        return {"given": shown, "problem": problem, "stamp": next(self._stamps)}

    def act(self, conversation: Conversation, sent: Mapping[str, Any], visitor: Visitor) -> dict[str, Any]:
        """``data`` after a button was pressed, with what it opens or copies. Raises FootnoteError."""
        turn = ended_turn(conversation, sent.get("turn"))
        name = str(sent.get("name"))
        if name in COPIES:
            return {**self.data(conversation, visitor), "copy": copied(turn, COPIES[name])}
        if name.startswith("save-"):
            return {**self.data(conversation, visitor), "file": export((turn,), name.removeprefix("save-")).data()}
        if name == "edit":
            if turn is not conversation[-1]:
                raise FeedbackError("only the last question can be edited; ask this one again below")
            return {**self.data(conversation, visitor), "open": "edit", "turn": turn.number, "text": turn.question}
        verdict = name.replace("-", " ")
        before, note = self._feedback.given(visitor.owner, (turn,)).get(turn.number, ("", ""))
        if name == "note":
            if before not in VERDICTS:
                raise FeedbackError("say first whether the answer is right; then add your note")
            self._feedback.give(visitor.owner, conversation, turn.number, before, sent.get("note"))
            return {**self.data(conversation, visitor), "said": phrase("Your note is kept")}
        if verdict == before:
            self._feedback.forget(visitor.owner, (turn,))
            return {**self.data(conversation, visitor), "said": phrase("Taken back")}
        self._feedback.give(visitor.owner, conversation, turn.number, verdict, note)
        asked = {"open": "note", "turn": turn.number, "verdict": name, "text": note} if verdict != "right" else {}
        return {**self.data(conversation, visitor), **asked}
