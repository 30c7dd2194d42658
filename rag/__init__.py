"""Footnote: ask a folder of articles; every sentence of the answer carries a quote that stands in an article.

``rag.retrieve`` and ``rag.evaluate`` are functions. The room and the module of these names are reached with
``from … import`` alone.
"""

from __future__ import annotations

from rag.chatbot import Chatbot, ask, check, quote, retrieve
from rag.draft.checked import Checked, Difference, DraftSentence, Quotation
from rag.errors import (
    AccountsError,
    AddressError,
    AddressUnreachable,
    AnswerCut,
    ArticlesError,
    Busy,
    Cancelled,
    ChatError,
    CitationError,
    ContextTooLong,
    ConversationMissing,
    DraftError,
    EmbedderError,
    EndpointRefused,
    EndpointUnreachable,
    FeedbackError,
    FootnoteError,
    IndexCorrupt,
    IndexingError,
    IndexLocked,
    IndexMismatch,
    IndexMissing,
    IndexOfAnother,
    IndexTooNew,
    IndexUnreachable,
    IndexUnreadable,
    IndexUnwritable,
    KeyMissing,
    MissingExtra,
    QuestionError,
    RateLimited,
    RefusedFile,
    SettingsError,
    StoreCorrupt,
    StoreError,
    StoreTooNew,
    StoreUnwritable,
    UnreadableFile,
    VocabularyError,
)
from rag.evaluate import Case, Evidence, Report, evaluate
from rag.index.build import build
from rag.settings import Settings
from rag.types import Answer, Changes, Citation, Document, Hit, Message, Passage, Scope, Sentence

__all__ = [
    "AccountsError",
    "AddressError",
    "AddressUnreachable",
    "Answer",
    "AnswerCut",
    "ArticlesError",
    "Busy",
    "Cancelled",
    "Case",
    "Changes",
    "ChatError",
    "Chatbot",
    "Checked",
    "Citation",
    "CitationError",
    "ContextTooLong",
    "ConversationMissing",
    "Difference",
    "Document",
    "DraftError",
    "DraftSentence",
    "EmbedderError",
    "EndpointRefused",
    "EndpointUnreachable",
    "Evidence",
    "FeedbackError",
    "FootnoteError",
    "Hit",
    "IndexCorrupt",
    "IndexLocked",
    "IndexMismatch",
    "IndexMissing",
    "IndexOfAnother",
    "IndexTooNew",
    "IndexUnreachable",
    "IndexUnreadable",
    "IndexUnwritable",
    "IndexingError",
    "KeyMissing",
    "Message",
    "MissingExtra",
    "Passage",
    "QuestionError",
    "Quotation",
    "RateLimited",
    "RefusedFile",
    "Report",
    "Scope",
    "Sentence",
    "Settings",
    "SettingsError",
    "StoreCorrupt",
    "StoreError",
    "StoreTooNew",
    "StoreUnwritable",
    "UnreadableFile",
    "VocabularyError",
    "ask",
    "build",
    "check",
    "evaluate",
    "quote",
    "retrieve",
]


def __getattr__(name: str) -> str:
    """Look the version up when it is asked for: reading a package's metadata takes longer than importing this one."""
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import version

    return version("footnote-rag")
