"""Footnote: ask a folder of articles; every sentence of the answer carries a quote that stands in an article."""

from rag.build import build
from rag.chatbot import Chatbot, ask, retrieve
from rag.errors import FootnoteError
from rag.evaluate import Case, Evidence, Report, evaluate
from rag.settings import Settings
from rag.types import Answer, Changes, Citation, Document, Hit, Message, Passage, Scope, Sentence

__all__ = [
    "Answer",
    "Case",
    "Changes",
    "Chatbot",
    "Citation",
    "Document",
    "Evidence",
    "FootnoteError",
    "Hit",
    "Message",
    "Passage",
    "Report",
    "Scope",
    "Sentence",
    "Settings",
    "ask",
    "build",
    "evaluate",
    "retrieve",
]
