"""The questions an empty page suggests: from the file that lies beside the articles, else made from the articles."""

from __future__ import annotations

import json
import logging
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.errors import QuestionError
from rag.read import QUESTIONS
from rag.types import Document
from rag.web.conversation import clean_question
from rag.web.lines import one_line

if TYPE_CHECKING:
    from rag.chatbot import Chatbot

log = logging.getLogger(__name__)

TRIED = 12
"""How many of the newest articles examples are made from."""
READ = 20_000
"""How many characters of an article are looked through for names."""
MAX_TITLE = 90
MAX_NAME = 40
_BY_TITLE = {"ru": "О чём говорится в статье «{title}»?"}


def read_examples(articles: Path, count: int = 4) -> list[str]:
    """Up to ``count`` questions from ``questions.jsonl`` in the folder of articles; none where there is no such file.

    Those marked ``"example": true`` if any are, else the first that have an answer. A damaged line is passed over.
    """
    try:
        lines = (articles / QUESTIONS).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeError):
        return []
    entries = [entry for entry in map(_entry, lines) if entry.get("question")]
    chosen = [entry for entry in entries if entry.get("example") is True]
    chosen = chosen or [entry for entry in entries if entry.get("kind") != "none"]
    return [entry["question"] for entry in chosen[:count]]


def _entry(line: str) -> dict[str, Any]:
    try:
        entry = json.loads(line)
        return {**entry, "question": clean_question(entry.get("question"))} if isinstance(entry, dict) else {}
    except (ValueError, QuestionError):
        return {}


class Suggestions:
    """Examples for a folder that brings none, made once and again when its newest articles changed; safe from any thread."""

    def __init__(self, count: int = 4) -> None:
        self._count = count
        self._making = threading.Lock()
        self._made: tuple[tuple[str, ...], list[str]] = ((), [])

    def of(self, chatbot: Chatbot) -> list[str]:
        """Up to four questions that the newest articles answer; takes a second or two. Never raises: there are none then."""
        with self._making:
            try:
                newest = sorted(chatbot.documents(), key=lambda each: each.published, reverse=True)[:TRIED]
                ids = tuple(each.id for each in newest)
                if ids != self._made[0]:
                    self._made = (ids, make_examples(chatbot, ids, self._count))
                return list(self._made[1])
            except Exception as error:  # an empty page does without
                log.warning("no examples were made: %s", type(error).__name__)
                log.debug("no examples were made", exc_info=True)  # paths and texts stand in it
                return []


def make_examples(chatbot: Chatbot, ids: tuple[str, ...], count: int = 4) -> list[str]:
    """Up to ``count`` questions, at most one an article, each answered with a quote from its article and not refused."""
    found: list[str] = []
    for id in ids:
        questions = candidates(chatbot.document(id))
        found += [each for each in questions if each not in found and _answered(chatbot, each, id)][:1]
        if len(found) == count:
            break
    return found


def candidates(document: Document) -> list[str]:
    """Questions that an article may answer: about who is named in it most often, and about itself.

    >>> text = "The tram was paid for by Ada Brook. Critics of Ada Brook disagree."
    >>> candidates(Document(id="a.md", text=text, title="A tram for Tarn", outlet="Courier"))
    ['What does Courier say about Ada Brook?', 'What is reported in “A tram for Tarn”?']
    """
    asked = []
    outlet = one_line(document.outlet)
    counted = Counter(name for line in document.text[:READ].splitlines() for name in _names(line))
    name = next((name for name, _ in counted.most_common() if name not in outlet), "")
    if name and document.language in ("", "en"):
        asked.append(f"What does {outlet} say about {name}?" if outlet else f"What is said about {name}?")
    title = one_line(document.title)
    if title and len(title) <= MAX_TITLE:
        asked.append(_BY_TITLE.get(document.language, "What is reported in “{title}”?").replace("{title}", title))
    return asked


def _names(line: str) -> Iterator[str]:
    """Two or more words in a row that begin with a capital, where no sentence begins with them."""
    run: list[str] = []
    ended = True
    for word in [*line.split(), "."]:
        bare = word.rstrip('.,;:!?…»”")')
        capital = bare[:1].isupper() and bare.replace("-", "").isalpha() and not bare.isupper()
        if capital and not (ended and not run):
            run.append(bare)
        if not capital or bare != word:
            if len(run) > 1 and len(" ".join(run)) <= MAX_NAME:
                yield " ".join(run)
            run = []
        ended = word[-1] in '.!?…:”»")'


def _answered(chatbot: Chatbot, question: str, id: str) -> bool:
    try:
        *_, answer = chatbot.stream(question, model="extractive")
    except QuestionError:
        return False
    return not answer.refused and any(each.hit.document.id == id for each in answer.citations)
