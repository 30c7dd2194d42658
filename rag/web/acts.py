"""What a reader does with one answer: says whether it is right and why, copies it with its sources, asks otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import Any

from rag.errors import FeedbackError, FootnoteError, StoreError
from rag.web.conversation import Conversation, Turn
from rag.web.export import copied
from rag.web.feedback import VERDICTS, Feedback
from rag.web.language import phrase
from rag.web.opening import sentence
from rag.web.rooms import Visitor

# By the names that stand in the buttons' ids, ``act-<turn>-<name>``.
VERDICT_NAMES = {verdict.split()[-1] if " " in verdict else verdict: verdict for verdict in VERDICTS}
