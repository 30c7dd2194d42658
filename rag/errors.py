"""What can go wrong: one tree of classes under FootnoteError; every message ends with what mends it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

_PLACE = re.compile(r"\{(\w+)(?::([a-z,]*))?\}")


class Translatable(str):
    """Hold English text with its template and values, so that a door can translate it.

    It is that text wherever a text is wanted. ``{name}`` stands for a value, ``{name:,}`` for a whole number with its
    thousands parted, ``{name:sentence}`` for a message with a capital and a full stop, ``{name:capital}`` with a capital
    alone. What is added to it, or cut from it, is plain text.

    >>> Translatable("larger than {limit} MB", limit=5), Translatable("larger than {limit} MB", limit=5).template
    ('larger than 5 MB', 'larger than {limit} MB')
    >>> Translatable("It failed: {why}", why=FootnoteError("the disk is {state}", state="full"))
    'It failed: the disk is full'
    """

    __slots__ = ("template", "values")
    template: str
    values: dict[str, str | int]

    def __new__(cls, template: str, /, **values: object) -> Translatable:
        kept = {name: _value(each) for name, each in values.items()}
        made = super().__new__(cls, filled(template, kept))
        made.template, made.values = template, kept
        return made

    def __getnewargs_ex__(self) -> tuple[tuple[str], dict[str, Any]]:
        return (self.template,), self.values

    def to_json(self) -> dict[str, Any]:
        """Return the template and its values as JSON knows them."""
        values = {
            name: each.to_json() if isinstance(each, Translatable) else each for name, each in self.values.items()
        }
        return {"template": self.template, "values": values}

    @classmethod
    def from_json(cls, plain: object) -> Translatable:
        """Return what ``to_json`` made this of. Raises ValueError where it is none, also where it is nested too deep."""
        return cls._from_json(plain, 8)

    @classmethod
    def _from_json(cls, plain: object, depth: int) -> Translatable:
        if not depth or not isinstance(plain, dict) or plain.keys() != {"template", "values"}:
            raise ValueError("no message")
        template, values = plain["template"], plain["values"]
        if not isinstance(template, str) or not isinstance(values, dict):
            raise ValueError("no message")
        built = {
            name: cls._from_json(each, depth - 1) if isinstance(each, dict) else each for name, each in values.items()
        }
        if not all(type(each) in (str, int, cls) for each in built.values()):
            raise ValueError("no message")
        return cls(template, **built)


def as_plain(text: str) -> object:
    """Return a text as JSON knows it: itself, or its template and values."""
    return text.to_json() if isinstance(text, Translatable) else text


def from_plain(plain: object) -> str:
    """Return what ``as_plain`` made this of; raises ValueError where it is none."""
    return plain if isinstance(plain, str) else Translatable.from_json(plain)


def filled(
    template: str, values: Mapping[str, str | int], show: Callable[[str | int], str] = str, number: str = ","
) -> str:
    """Fill a template in, all at once: values may hold braces. Names without a value stay as they are.

    ``show`` says how a value is shown, ``number`` what parts thousands.
    """

    def value(found: re.Match[str]) -> str:
        name, form = found[1], found[2] or ""
        if name not in values:
            return found[0]
        each = values[name]
        text = f"{each:,}".replace(",", number) if form == "," and isinstance(each, int) else show(each)
        if form in ("sentence", "capital"):
            text = text[:1].upper() + text[1:]
        return f"{text.rstrip('.')}." if form == "sentence" else text

    return _PLACE.sub(value, template)


def as_sentence(error: FootnoteError) -> Translatable:
    """Return an error's message with a capital and a full stop.

    >>> as_sentence(FootnoteError("the disk is full"))
    'The disk is full.'
    """
    return Translatable("{message:sentence}", message=error)


def joined(*texts: str, between: str = " ") -> str:
    """Join texts, each once; what can be translated stays so."""
    parts = list(dict.fromkeys(text for text in texts if text))
    if len(parts) < 2:
        return parts[0] if parts else ""
    names = [f"message{place}" for place in range(len(parts))]
    template = between.join(f"{{{name}}}" for name in names)
    return Translatable(template, **dict(zip(names, parts, strict=True)))


def _value(value: object) -> str | int:
    if isinstance(value, FootnoteError):
        return value.message
    return value if isinstance(value, (str, int)) and not isinstance(value, bool) else str(value)


class FootnoteError(Exception):
    """Anything that Footnote reports to its user. The message says what happened and ends with what mends it.

    The first argument is the message, or a template for the values that follow by their names.

    >>> error = QuestionError("the question has more than {most:,} characters; shorten it", most=2000)
    >>> str(error), error.message.template
    ('the question has more than 2,000 characters; shorten it', 'the question has more than {most:,} characters; shorten it')
    """

    exit_code = 1

    def __init__(self, message: str = "", /, **values: object) -> None:
        super().__init__(Translatable(message, **values) if values else message)

    @property
    def message(self) -> str:
        """Return the text that ``str`` gives, which can be translated where it was made of a template."""
        return self.args[0] if self.args and isinstance(self.args[0], str) else str(self)


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
    """One file is not an article we can index. The ledger keeps the reason."""


class AddressError(ArticlesError):
    """An address gives no article, or is none that we fetch from."""


class AddressUnreachable(AddressError):
    """Nobody answers at an address, or nobody in time."""


class VocabularyError(FootnoteError):
    """The vocabulary that text is measured with is damaged or not on this machine."""


class UnreadableFile(RefusedFile):
    """One file could not be read this time. The next build tries again."""


class EmbedderError(FootnoteError):
    """The embedding model is missing, damaged or not what the index was built with."""

    @classmethod
    @contextmanager
    def translated(cls) -> Iterator[None]:
        """Raise EmbedderError for an EmbeddingError."""
        from embeddings import EmbeddingError

        try:
            yield
        except EmbeddingError as error:
            raise cls(error.template, **error.values) from error


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
    """The answer broke off after it had begun. What came of it stands."""


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
    """A quote does not stand where it should. Such a citation is never built."""
