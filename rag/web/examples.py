"""The questions that an empty page suggests: only those that were asked and came out well."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from rag.errors import QuestionError, RefusedFile
from rag.export.conversation import clean_question
from rag.read import MEGABYTE, QUESTIONS, read_bytes
from rag.text.one_line import one_line
from rag.types import Answer

if TYPE_CHECKING:
    from rag.chatbot import Chatbot

log = logging.getLogger(__name__)

SHOWN = 4
TRIED = 12
"""How many questions are asked at most to find those that are shown."""
SURE = 0.8
"""The score (0 to 1) from which an answer is good enough to be shown to a stranger."""
MAX_TITLE = 90
_ABOUT = {
    "ru": "О чём говорится в статье «{title}»?",
    "kk": "«{title}» мақаласы не туралы?",
}


class Examples:
    """Questions that a folder answers well, found once and again when its index changes. Safe from any thread."""

    def __init__(self) -> None:
        self._making = threading.Lock()
        self._index = ""
        self._found: list[str] = []

    def of(self, chatbot: Chatbot) -> list[str]:
        """Find up to four; takes seconds the first time. Never raises: there are none then."""
        with self._making:
            try:
                index = chatbot.contents().name
                if index != self._index:
                    asked = islice(candidates(chatbot), TRIED)
                    good = (question for question in asked if is_good(chatbot.ask(question, model="extractive")))
                    self._found, self._index = list(islice(good, SHOWN)), index
                return list(self._found)
            except Exception as error:  # an empty page does without
                log.warning("no examples were found: %s", type(error).__name__)
                log.debug("no examples were found", exc_info=True)  # paths and texts stand in it
                return []


def is_good(answer: Answer) -> bool:
    """True for an answer that is sure, quotes the articles and needs no context to be understood."""
    quoted = answer.state == "answered" and bool(answer.citations)
    return quoted and answer.score >= SURE and not any(each.context for each in answer.sentences)


def candidates(chatbot: Chatbot) -> Iterator[str]:
    """Yield the questions that lie beside the articles, then what each of the newest articles is about."""
    yield from read_questions(chatbot.settings.articles)
    for header in sorted(chatbot.documents(), key=lambda each: each.published, reverse=True):
        title = one_line(header.title)
        if title and len(title) <= MAX_TITLE:
            yield _ABOUT.get(header.language, "What is the article “{title}” about?").replace("{title}", title)


def read_questions(articles: Path) -> list[str]:
    """Read the questions in the folder's ``questions.jsonl`` that can be asked. None where there is no such file.

    Those marked ``"example": true`` if any are, else those that have an answer. A damaged line is passed over.
    """
    try:
        lines = read_bytes(articles, (QUESTIONS,), MEGABYTE).decode().splitlines()  # never a pipe or a link
    except (OSError, UnicodeError, RefusedFile):
        return []
    entries = []
    for line in lines:
        with suppress(ValueError, RecursionError, QuestionError):
            entry = json.loads(line)
            if isinstance(entry, dict) and (question := clean_question(entry.get("question"))):
                entries.append({**entry, "question": question})
    chosen = [entry for entry in entries if entry.get("example") is True]
    chosen = chosen or [entry for entry in entries if entry.get("kind") != "none" and not entry.get("none")]
    return [entry["question"] for entry in chosen]
