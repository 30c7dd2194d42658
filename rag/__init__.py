"""Footnote: ask a folder of articles; every sentence of the answer carries a quote that stands in an article."""

from rag.build import build
from rag.chatbot import Chatbot, ask, retrieve
from rag.errors import FootnoteError
from rag.settings import Settings
from rag.types import Answer, Changes, Citation, Document, Hit, Message, Passage, Sentence

__all__ = [
    "Answer",
    "Changes",
    "Chatbot",
    "Citation",
    "Document",
    "FootnoteError",
    "Hit",
    "Message",
    "Passage",
    "Sentence",
    "Settings",
    "ask",
    "build",
    "retrieve",
]
