"""Footnote: ask a folder of articles; every sentence of the answer carries a quote that stands in an article."""

from rag.build import build
from rag.chatbot import Chatbot, ask, check, quote, retrieve
from rag.draft.checked import Checked, Difference, DraftSentence, Quotation
from rag.errors import FootnoteError
from rag.evaluate import Case, Evidence, Report, evaluate
from rag.settings import Settings
from rag.types import Answer, Changes, Citation, Document, Hit, Message, Passage, Scope, Sentence

__all__ = [
    "Answer",
    "Case",
    "Changes",
    "Chatbot",
    "Checked",
    "Citation",
    "Difference",
    "Document",
    "DraftSentence",
    "Evidence",
    "FootnoteError",
    "Hit",
    "Message",
    "Passage",
    "Quotation",
    "Report",
    "Scope",
    "Sentence",
    "Settings",
    "ask",
    "build",
    "check",
    "evaluate",
    "quote",
    "retrieve",
]
