"""What can go wrong, as one tree; every message ends with what mends it.

FootnoteError
├── SettingsError          a setting has a value that cannot be used
│   └── KeyMissing         the model that it names asks for a key
├── QuestionError          a question that cannot be asked
│   └── DraftError         a draft that cannot be checked
├── ArticlesError          the folder of articles cannot be read
│   ├── RefusedFile        one file is not an article we can index (goes to the ledger, never further)
│   │   └── UnreadableFile it could not be read this time
│   └── AddressError       an address gives no article, or is none that we fetch from
│       └── AddressUnreachable nobody answers there, or nobody in time
├── VocabularyError        the vocabulary that text is measured with is damaged or not on this machine
├── EmbedderError          the embedding model is missing, damaged or of another kind
├── IndexingError          the index on disk
│   ├── IndexMissing       there is none yet
│   ├── IndexCorrupt       a file of it is damaged
│   ├── IndexUnreadable    this user may not read it
│   ├── IndexTooNew        written by a newer Footnote
│   ├── IndexMismatch      built with another embedding model or other settings
│   ├── IndexUnreachable   the engine that holds it does not answer
│   ├── IndexLocked        another build is running
│   └── IndexUnwritable    the disk refuses to take it
├── ChatError              the model that writes the answer
│   ├── EndpointUnreachable nobody answers at its address, or nobody in time
│   ├── EndpointRefused    it refuses: the key, the model's name, the request
│   ├── RateLimited        too many requests, or nothing left of the quota
│   ├── ContextTooLong     the prompt is longer than the model can read
│   └── AnswerCut          the answer broke off after it had begun
├── AccountsError          the file of those who may log in
├── Busy                   too much of one visitor is waiting
├── Cancelled              whoever began a build ended it
├── StoreError             conversations and feedback kept on disk
│   ├── StoreCorrupt       their file, or something in it, is damaged
│   ├── StoreTooNew        written by a newer Footnote
│   ├── StoreUnwritable    the disk refuses to take them
│   └── ConversationMissing there is none of that address
├── FeedbackError          feedback that cannot be taken
├── MissingExtra           an optional part is not installed
└── CitationError          a quote that does not stand where it should
"""

from __future__ import annotations


class FootnoteError(Exception):
    """Anything that Footnote reports to its user; the message says what happened and ends with what mends it."""

    exit_code = 1


class SettingsError(FootnoteError):
    """A setting has a value that cannot be used."""

    exit_code = 64


class KeyMissing(SettingsError):
    """The chat model that a setting names asks for a key, and there is none."""


class QuestionError(FootnoteError):
    """A question, or the number of passages asked for, that cannot be used."""

    exit_code = 64


class DraftError(QuestionError):
    """A draft, or words to look for, that cannot be checked."""


class ArticlesError(FootnoteError):
    """The folder of articles cannot be read."""


class RefusedFile(ArticlesError):
    """One file is not an article we can index; the ledger keeps the reason."""


class AddressError(ArticlesError):
    """An address gives no article, or is none that we fetch from."""


class AddressUnreachable(AddressError):
    """Nobody answers at an address, or nobody in time."""


class VocabularyError(FootnoteError):
    """The vocabulary that text is measured with is damaged or not on this machine."""


class UnreadableFile(RefusedFile):
    """One file could not be read this time; the next build tries again."""


class EmbedderError(FootnoteError):
    """The embedding model is missing, damaged or not what the index was built with."""


class IndexingError(FootnoteError):
    """Something about the index on disk."""


class IndexMissing(IndexingError):
    """There is no index yet."""


class IndexCorrupt(IndexingError):
    """A file of the index is damaged."""


class IndexUnreadable(IndexingError):
    """This user may not read the index."""


class IndexTooNew(IndexingError):
    """The index was written by a newer Footnote."""


class IndexMismatch(IndexingError):
    """The index was built with another embedding model."""


class IndexOfAnother(IndexingError):
    """The index belongs to another folder of articles."""


class IndexUnreachable(IndexingError):
    """The engine that holds the index does not answer."""

    exit_code = 75


class IndexLocked(IndexingError):
    """Another build is running."""

    exit_code = 75


class IndexUnwritable(IndexingError):
    """The disk refuses to take the index."""


class ChatError(FootnoteError):
    """The model that writes the answer failed."""


class EndpointUnreachable(ChatError):
    """Nobody answers at the model's address, or nobody in time."""


class EndpointRefused(ChatError):
    """The model's server refuses the key, the model's name or the request."""


class RateLimited(ChatError):
    """The model's server has had too many requests, or the quota is used up."""


class ContextTooLong(ChatError):
    """The prompt is longer than the model can read."""


class AnswerCut(ChatError):
    """The answer broke off after it had begun; what came of it stands."""


class AccountsError(FootnoteError):
    """The file of those who may log in, or an account in it, cannot be used."""


class Busy(FootnoteError):
    """Too much of one visitor is waiting already."""


class Cancelled(FootnoteError):
    """Whoever began a build ended it; raise it from ``on_progress``. The old index is as it was, and serves."""


class StoreError(FootnoteError):
    """Something about the conversations and the feedback kept on disk."""


class StoreCorrupt(StoreError):
    """The file they are kept in, or something in it, is damaged."""


class StoreTooNew(StoreError):
    """They were written by a newer Footnote."""


class StoreUnwritable(StoreError):
    """The disk refuses to take them."""


class ConversationMissing(StoreError):
    """There is no conversation of that address, or it is another's."""


class FeedbackError(FootnoteError):
    """Feedback that cannot be taken."""

    exit_code = 64


class MissingExtra(FootnoteError):
    """An optional part is not installed."""


class CitationError(FootnoteError):
    """A quote does not stand where it should; such a citation is never built."""
