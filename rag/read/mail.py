"""Mail: a message is an article, and so is each of its attachments that we read; an .mbox holds many messages."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parseaddr
from pathlib import PurePosixPath
from typing import Any

from rag.errors import RefusedFile, Translatable
from rag.read.assemble import Paragraph, assemble, one_line
from rag.read.encoding import clean, decode
from rag.read.lines import paragraphs
from rag.read.markup import paragraphs_of
from rag.types import Document, Header

MOST_MESSAGES = 50_000
MOST_PARTS = 1000
DEEPEST = 3
"""Messages that are attached to each other."""

# As mbox writers separate messages: a line of its own after an empty one, with a date in it.
_BEGINS = re.compile(rb"(?:\A|(?<=\n\n)|(?<=\n\r\n))From [^\n]*\d{4}[^\n]*\n")
_QUOTED_FROM = re.compile(rb"^>(>*From )", re.MULTILINE)


def read_eml(id: str, data: bytes) -> list[Document]:
    """Read a message and its attachments. Raises RefusedFile where there is no text in any."""
    return list(_message(id, data, 0))


def read_mbox(id: str, data: bytes) -> list[Document]:
    """Return all messages of a mailbox with their attachments. Raises RefusedFile where it is none."""
    begins = list(_BEGINS.finditer(data))
    if not begins:
        raise RefusedFile("no message begins in it; save the mailbox again as .mbox, or its messages as .eml")
    if len(begins) > MOST_MESSAGES:
        raise RefusedFile("more than {limit:,} messages; split it", limit=MOST_MESSAGES)
    ends = [each.start() for each in begins[1:]] + [len(data)]
    found: list[Document] = []
    for begin, end in zip(begins, ends, strict=True):
        found += _message(id, _QUOTED_FROM.sub(rb"\1", data[begin.end() : end]), 0)
    return found


def _message(id: str, data: bytes, depth: int) -> Iterator[Document]:
    message = message_from_bytes(data, policy=policy.default)
    assert isinstance(message, EmailMessage)  # noqa: S101 - by its policy
    unread: list[str] = []
    attached: list[Document] = []
    if sum(1 for _ in message.walk()) > MOST_PARTS:
        raise RefusedFile("a message of more than {limit:,} parts; save its text as .txt", limit=MOST_PARTS)
    chosen = message.get_body(("plain", "html"))
    left_out: Counter[str] = Counter()
    body = _body(chosen, left_out) if chosen is not None else []
    for part in message.iter_attachments() if message.is_multipart() else ():
        name = one_line(part.get_filename())
        try:
            attached += _attachment(part, name, depth)
        except RefusedFile as refusal:
            if name:
                unread.append(Translatable("attachment {name}: {message}", name=name[:80], message=refusal))
    header = _header(id, message)
    text = assemble(body, header, unread, find=False, left_out=left_out)
    if text.text.strip() or not attached:
        yield text
    for each in attached:
        yield replace(each, published=each.published or header.published)


def _attachment(part: EmailMessage, name: str, depth: int) -> list[Document]:
    from rag.read import READERS, parse_here, unsupported

    suffix, attached = PurePosixPath(name).suffix.lower(), part.get_content_type() == "message/rfc822"
    if (attached or suffix in (".eml", ".mbox")) and depth >= DEEPEST:
        raise RefusedFile("messages are attached to each other too deeply; save the inner one as .eml")
    if attached:
        return [found for inner in part.iter_parts() for found in _message("", inner.as_bytes(), depth + 1)]
    if suffix not in READERS:
        raise RefusedFile(unsupported(suffix))
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return []
    if suffix in (".eml", ".mbox"):
        return list(_message("", payload, depth + 1))
    return [replace(each, title=each.title or name) for each in parse_here(name, payload)]


def _body(part: Any, left_out: Counter[str]) -> list[Paragraph]:
    from lxml import html

    payload = part.get_payload(decode=True) or b""
    try:
        text = clean(payload.decode(part.get_content_charset() or "utf-8"))
    except (UnicodeDecodeError, LookupError):
        try:
            text = decode(payload)
        except RefusedFile:
            return []
    if part.get_content_type() != "text/html":
        return [Paragraph(line) for line in paragraphs(text)]
    if not text.strip():
        return []
    return paragraphs_of(html.document_fromstring(re.sub(r"^\s*<\?xml[^>]*\?>", "", text)), left_out)


def _header(id: str, message: EmailMessage) -> Header:
    """Subject, sender and date of a message. A header that is broken is empty."""
    name, address = parseaddr(one_line(_value(message, "From")))
    try:
        date = message["Date"].datetime.date().isoformat()
    except (AttributeError, ValueError, TypeError, IndexError):
        date = ""
    return Header(
        id,
        title=one_line(_value(message, "Subject"))[:200],
        authors=tuple(filter(None, [(name or address)[:100]])),
        published=date,
    )


def _value(message: EmailMessage, name: str) -> str:
    try:
        return str(message[name] or "")
    except (ValueError, IndexError, AttributeError, TypeError):  # the library fails at some broken ones
        return ""
