"""What readers say of answers, kept on the server's disk and exported as questions for ``rag eval``.

A judgement belongs to its owner and to what was said: the question, the answer and its quotes. So it is found again in a
conversation that is opened later or was never kept, and an answer that is asked for again and comes out otherwise has none.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from rag.errors import FeedbackError, QuestionError, StoreError
from rag.export.conversation import MAX_HISTORY, Conversation, Turn
from rag.export.record import damaged, parsed, read, readable, write
from rag.retrieval.find import check_question
from rag.text.one_line import one_line
from rag.types import Answer
from rag.web.database import Store, checked_owner

VERDICTS = ("right", "wrong", "wrong citation", "missing source")
MAX_NOTE = 2_000


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a reader said of an answer; ``note`` is their own words, ``given`` when, in ISO 8601 and UTC.

    ``turn`` is the answer as it was judged, ``history`` the questions before it in its conversation.
    """

    verdict: str
    note: str
    given: str
    turn: Turn
    history: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Questions:
    """Judgements as JSON lines: ``count`` of them in ``text``, and ``damaged`` that could not be read back."""

    text: str
    count: int
    damaged: int = 0


class Feedback:
    """The judgements in a data folder; safe from any thread. Every call raises StoreError, and the page goes on."""

    def __init__(self, folder: Path, clock: Callable[[], datetime] = lambda: datetime.now(timezone.utc)) -> None:
        self._store = Store(folder)
        self._clock = clock

    def give(self, owner: str, conversation: Conversation, number: object, verdict: object, note: object = "") -> None:
        """Keep a reader's judgement of turn ``number``. It takes the place of what they said before.

        ``verdict`` is one of ``VERDICTS``; ``note`` has at most 2,000 characters. Raises FeedbackError for what cannot be
        taken.
        """
        turn = ended_turn(conversation, number, answered=True)
        if verdict not in VERDICTS:
            raise FeedbackError("an answer is {verdicts}; choose one of them", verdicts=", ".join(VERDICTS))
        said = _checked_note(note)
        history = _questions(each for each in conversation if each.number < turn.number)
        given = self._clock().astimezone(timezone.utc).isoformat(timespec="seconds")
        row = (checked_owner(owner), key(turn), verdict, said, json.dumps(history).encode(), write(turn), given)
        with self._store.writing() as database:
            database.execute("INSERT OR REPLACE INTO feedback VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def forget(self, owner: str, conversation: Conversation) -> None:
        """Forget what a reader said of any of a conversation's answers, and so of the same answers in other
        conversations.

        Of answers that others have since taken the place of it forgets nothing.
        """
        rows = [(checked_owner(owner), key(turn)) for turn in conversation]
        with self._store.erasing() as database:
            database.executemany("DELETE FROM feedback WHERE owner = ? AND answer = ?", rows)

    def given(self, owner: str, conversation: Conversation) -> dict[int, tuple[str, str]]:
        """Return what a reader said of a conversation's answers: verdict and note by the turn's number."""
        found: dict[int, tuple[str, str]] = {}
        checked_owner(owner)
        if not self._store.begun:
            return found
        with self._store.reading() as database:
            for turn in conversation:
                row = database.execute(
                    "SELECT verdict, note FROM feedback WHERE owner = ? AND answer = ?", (owner, key(turn))
                ).fetchone()
                if row is not None:
                    found[turn.number] = (row[0], row[1])
        return found

    def questions(self, owner: str) -> Questions:
        """Return an owner's judgements as a file for ``rag eval``, oldest first."""
        return self._questions("WHERE owner = ?", (checked_owner(owner),))

    def everyones_questions(self) -> Questions:
        """Write all judgements as a file for ``rag eval``. For whom the server belongs to, never for the page."""
        return self._questions("", ())

    def delete_all(self, owner: str) -> int:
        """Forget all that an owner said and return how much it was."""
        with self._store.erasing() as database:
            return database.execute("DELETE FROM feedback WHERE owner = ?", (checked_owner(owner),)).rowcount

    def _questions(self, where: str, values: tuple[str, ...]) -> Questions:
        query = f"SELECT verdict, note, given, record, history FROM feedback {where} ORDER BY given, rowid"  # noqa: S608
        with self._store.reading() as database:
            rows = database.execute(query, values).fetchall()
        lines, bad = [], 0
        for row in rows:
            try:
                lines.append(line(_judgement(*row)))
            except (StoreError, QuestionError):  # one that is damaged never stops the rest
                bad += 1
        return Questions("".join(f"{each}\n" for each in lines), len(lines), bad)


def key(turn: Turn) -> str:
    """Return a judgement's key. The same for the same question, answer and quotes, whenever they came."""
    answer = turn.answer or Answer(question=turn.question)
    quotes = [[each.hit.passage.document_id, each.quote] for each in answer.citations]
    said = [turn.question, answer.searched, answer.refused, answer.text, quotes]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def line(judgement: Judgement) -> str:
    """Write a judgement as one line for ``rag eval``. Raises QuestionError where its question cannot be asked.

    An answer that was right becomes its question with the quotes it stood on as evidence; that rightly nothing was found
    becomes a question that the articles do not answer. All others come with their verdict as kind and nothing that is known of
    the answer, to be asked again and completed by hand: also the closest sentences, which are right where one of them answers
    and where none can. None has ``answers``: which words of a right answer make it right, and which other words
    would as well, only a person can say. What was answered stands in ``said``, for that person to copy from.

    >>> print(line(Judgement("wrong", "It was 1912.", "2031-03-04T10:00:00+00:00", Turn(1, "When did it burn?"))))
    ... # doctest: +NORMALIZE_WHITESPACE
    {"question": "When did it burn?", "kind": "wrong", "verdict": "wrong", "remark": "It was 1912.", "said": "",
     "model": "extractive", "given": "2031-03-04T10:00:00+00:00"}
    """
    answer = judgement.turn.answer or Answer(question=judgement.turn.question)
    right = judgement.verdict == "right"
    known: dict[str, Any] = {"question": check_question(judgement.turn.question)}
    known |= {"none": True} if right and answer.state == "none" else {"kind": judgement.verdict}
    # A question that was searched for as it stands is answered alike without the ones before, which all would be asked again.
    # Where the answer is wrong, that may be just what is wrong with it.
    if answer.searched or not right:
        known["history"] = list(judgement.history)
    if right and not answer.refused:
        quotes = dict.fromkeys((each.hit.passage.document_id, each.quote) for each in answer.citations)  # each once
        known["evidence"] = [{"document": id, "quote": quote} for id, quote in quotes if id.strip() and quote.strip()]
    about: dict[str, Any] = {"verdict": judgement.verdict, "remark": judgement.note, "said": answer.text}
    about |= {"model": answer.model, "given": judgement.given}
    if judgement.turn.ignored:  # what the question names and the reader did not want to count; asked again it counts
        about["ignored"] = list(judgement.turn.ignored)
    return readable({name: value for name, value in known.items() if value} | about)


def ended_turn(conversation: Conversation, number: object, answered: bool = False) -> Turn:
    """Return the turn that the page means, where it has ended, and come to an answer where it must be ``answered``."""
    for turn in conversation:
        if type(number) is int and turn.number == number and turn.ended and not (answered and turn.answer is None):
            return turn
    raise FeedbackError("there is no such answer; choose one that the page shows")


def _checked_note(note: object) -> str:
    if not isinstance(note, str):
        raise FeedbackError("a note is text; write it in your own words")
    if len(note) > MAX_NOTE:
        raise FeedbackError(
            "a note may have {most:,} characters, this one has {length:,}; write a shorter one",
            most=MAX_NOTE,
            length=len(note),
        )
    return "\n".join(map(one_line, note.strip().splitlines()))


def _questions(turns: Iterable[Turn]) -> list[str]:
    """Return what was asked before, as the chatbot was told. What cannot be asked again is left out."""
    found = []
    for turn in turns:
        if turn.status == "done" and turn.answer is not None:
            try:
                found.append(check_question(turn.question))
            except QuestionError:
                continue
    return found[-MAX_HISTORY:]


def _judgement(verdict: str, note: str, given: str, record: bytes, history: bytes) -> Judgement:
    before = parsed(history)
    if verdict not in VERDICTS or not isinstance(before, list) or not all(isinstance(each, str) for each in before):
        raise damaged("a judgement is of another kind than it should be")
    return Judgement(verdict, note, given, read(Turn, record), tuple(before))
