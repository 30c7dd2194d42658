"""Bytes become text: in which encoding, whether they are text at all, and what is stripped from it.

The detection library is chardet 7. Where it names the widest codec of a family (it says GB18030 for a GB2312 file), the
narrowest that reads every byte is taken: the codecs of a family disagree on a few signs, and the narrow one is what the
file was written in.
"""

from __future__ import annotations

import re

from rag.errors import RefusedFile
from rag.text.normalize import normalize

GARBAGE_SHARE = 0.01
"""A file with a larger share of control and replacement characters is not text."""

FEWEST_SIGNS = 5
"""A page of fewer different signs says nothing: it is a pattern of bytes that happened to be a valid encoding."""

MOST_CHARACTERS = 10_000_000
"""More than any article has; longer files are refused before a parser sees them."""

_MAGIC = (
    (b"%PDF-", "a PDF file"),
    (b"PK\x03\x04", "a ZIP archive or an Office file"),
    (b"PK\x05\x06", "a ZIP archive"),
    (b"\x7fELF", "a program"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office file"),
    (b"{\\rtf", "an RTF file"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"SQLite format 3\x00", "a database"),
    (b"\x89PNG", "a picture"),
    (b"GIF8", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
)
# ISO-2022 and HZ are written in ASCII bytes alone, so they would pass for UTF-8.
_ESCAPED = re.compile(rb"\x1b[$(]|~\{")
# Twenty letters of UTF-8 in a row do not happen by chance: what else is in such a file is in another encoding.
_UTF8_RUN = re.compile(rb"(?:(?:[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2})[\x00-\x7f]*){20}")
# Nor do four Russian ones; Chinese has many short runs that only look like letters of UTF-8.
_RUSSIAN_RUN = re.compile(rb"(?:[\xd0\xd1][\x80-\xbf]){4}")
_NARROWER = {"gb18030": ("gb2312", "gbk"), "cp932": ("shift_jis",), "shift_jis_2004": ("shift_jis", "cp932")}
# Bytes 80-9F are control characters in ISO 8859 but letters and quotes in the Windows codec of the same name;
# browsers read them so, too (https://encoding.spec.whatwg.org/#names-and-labels).
_WINDOWS = {"iso8859-1": "cp1252", "iso8859-9": "cp1254"}
_C1 = re.compile("[\x80-\x84\x86-\x9f]")
_GARBAGE = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ufffd\ufffe\uffff\ud800-\udfff]")
# Never seen on a page: controls, soft hyphens, zero-width and bidirectional marks, tag characters, surrogates.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ufffe\uffff\ud800-\udfff\U000e0000-\U000e007f]"
)
# The joiners are part of the spelling in Arabic, in the Indic scripts and in emoji; elsewhere they only hide words.
_JOINERS = re.compile("(?<![\u0600-\u08ff\u0900-\u0dff\u1780-\u17ff\ufe0f\U0001f000-\U0001faff])[\u200c\u200d]")
_LINE_ENDS = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")


def decode(data: bytes) -> str:
    r"""Decode a file in whatever encoding and ``clean`` it. Raises RefusedFile where it is not text.

    >>> decode("Выборы прошли".encode("utf-16"))
    'Выборы прошли'
    >>> decode(b"%PDF-1.7 ...")
    Traceback (most recent call last):
    rag.errors.RefusedFile: not text but a PDF file; save it as text
    """
    for magic, kind in _MAGIC:
        if data.startswith(magic):
            raise RefusedFile("not text but {message}; save it as text", message=kind)
    if not data:
        raise RefusedFile("the file is empty; remove it or fill it")
    text = _decode(data)
    if len(text) > MOST_CHARACTERS:
        raise RefusedFile("longer than {millions} million characters; split it", millions=MOST_CHARACTERS // 1_000_000)
    garbage = len(_GARBAGE.findall(text))
    if garbage > GARBAGE_SHARE * len(text):
        share = f"{garbage / len(text):.0%}"
        raise RefusedFile(
            "not text: {share} of its characters are unreadable; save it again as UTF-8 text", share=share
        )
    text = clean(text)
    if len(text) > 100 and len(set(text)) < FEWEST_SIGNS:
        raise RefusedFile("not text: it repeats a few signs over and over; remove the file")
    if not any(letter.isalpha() for letter in text):
        raise RefusedFile("there are no words in it; remove the file or fill it")
    return text


def clean(text: str) -> str:
    r"""Return the text in NFC, with ``\n`` as the only line end and without invisible characters.

    Of marks on one letter 30 stay.

    >>> clean("vo\u200bte\r\nheld\x00")
    'vote\nheld'
    """
    text = _LINE_ENDS.sub("\n", text)
    text = _JOINERS.sub("", _INVISIBLE.sub("", text))
    return normalize(text)


def _decode(data: bytes) -> str:
    if data.count(0) <= GARBAGE_SHARE * len(data) and not _ESCAPED.search(data):
        try:
            text = data.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            text = data.decode("utf-8", "replace")
        if _is_utf8(text):
            return text
        if _UTF8_RUN.search(data) or _RUSSIAN_RUN.search(data):
            raise RefusedFile("written in more than one encoding; save it again as UTF-8 text")
    return _detect(data)


def _is_utf8(text: str) -> bool:
    """Tell whether there are so few faults among well-formed letters that it is UTF-8."""
    faults = text.count("\ufffd")
    beyond_ascii = sum(letter > "\x7f" for letter in text) if faults else 0
    return not faults or faults <= min(GARBAGE_SHARE * len(text), beyond_ascii / 11)


def _detect(data: bytes) -> str:
    import chardet

    # Where nothing fits, UTF-8 is as good as any: the share of unreadable characters then refuses the file.
    found = chardet.detect(
        data, prefer_superset=False, compat_names=False, no_match_encoding="utf-8", max_bytes=len(data)
    )
    name = found["encoding"]
    if name is None:
        raise RefusedFile("not text but binary data; save it as text")
    for codec in (*_NARROWER.get(name, ()), name):
        try:
            text = data.decode(codec)
        except UnicodeDecodeError:
            continue
        return data.decode(_WINDOWS[codec], "replace") if codec in _WINDOWS and _C1.search(text) else text
    return data.decode(name, "replace")
