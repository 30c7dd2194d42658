"""The questions an empty page suggests, from the file that lies beside the articles."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rag.errors import QuestionError
from rag.web.conversation import clean_question


def read_examples(articles: Path, count: int = 4) -> list[str]:
    """Up to ``count`` questions from ``questions.jsonl`` in the folder of articles; none where there is no such file.

    Those marked ``"example": true`` if any are, else the first that have an answer. A damaged line is passed over.
    """
    try:
        lines = (articles / "questions.jsonl").read_text(encoding="utf-8").splitlines()
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
