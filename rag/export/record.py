"""Turns and answers as plain JSON and back, exactly: what is kept on disk and exported. Nothing is pickled.

    {"version": 3, "turn": {"number": 1, "question": "...", "answer": {...}, ...}, "hits": [...], "citations": [...]}

Every noun is an object with its fields by name, as ``rag.types`` has them. An answer quotes the same passages again and again,
so hits and citations stand once each, beside it, and a place in these lists, counted from 0, stands where they are used.
What cannot be read back whole is not read back at all: the version must be known, every field there and of its kind, and every
quote must stand in its passage.
"""

from __future__ import annotations

import json
import math
from dataclasses import fields, is_dataclass
from functools import cache
from hashlib import sha256
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints
from unicodedata import category

from rag.errors import CitationError, StoreCorrupt, StoreError, StoreTooNew, Translatable
from rag.export.conversation import Turn
from rag.text.one_line import HIDDEN
from rag.types import Answer, Citation, Hit, Passage, Scope, Sentence

VERSION = 6  # from 5 on a text may be a template with its values
SINCE: dict[tuple[type, str], int] = {
    (Passage, "places"): 3,
    (Sentence, "doubts"): 4,
    (Sentence, "repaired"): 4,
    (Turn, "scope"): 5,
    (Scope, "names"): 6,
}
"""Fields that came later, by the version they came with; what is older has their defaults."""

_Kept = TypeVar("_Kept", Turn, Answer)
_POOLS: dict[Any, str] = {Hit: "hits", Citation: "citations"}


def to_json(value: Turn | Answer) -> dict[str, Any]:
    """Return a turn or an answer as values that JSON knows. Raises StoreError where a score is infinite or no number.

    >>> to_json(Answer(question="Who voted?"))["answer"]["question"]
    'Who voted?'
    """
    writer = _Writer()
    plain = writer.fields(value)
    return {"version": VERSION, _name(type(value)): plain, **writer.pools}


def from_json(kind: type[_Kept], record: object) -> _Kept:
    """Return the turn or the answer that ``to_json`` made this of. Raises StoreCorrupt or StoreTooNew.

    >>> from_json(Answer, to_json(Answer(question="Who voted?"))) == Answer(question="Who voted?")
    True
    >>> from_json(Answer, {"version": 7})
    Traceback (most recent call last):
    rag.errors.StoreTooNew: this was written by a newer Footnote; update the program
    """
    name = _name(kind)
    if not isinstance(record, dict):
        raise damaged("it is no object")
    version = checked_version(record.get("version"))
    if record.keys() != {"version", name, *_POOLS.values()}:
        raise damaged("its parts are not those of a record")
    reader = _Reader(version)
    try:
        for pooled, pool in _POOLS.items():
            reader.read_pool(pooled, record[pool], pool)
        value: _Kept = reader.built(kind, record[name], name)
    except CitationError as error:
        raise damaged(error.message) from error
    return value


def write(value: Turn | Answer) -> bytes:
    """Write a turn or an answer as a line of JSON and one with its checksum. Raises what ``to_json`` raises."""
    # Half a surrogate pair, which only a model writes, must come back as well.
    data = json.dumps(to_json(value), ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    return data + b"\n" + _checksum(data)


def read(kind: type[_Kept], data: bytes) -> _Kept:
    """Read the turn or the answer that ``write`` made this of. Raises StoreCorrupt or StoreTooNew.

    Older records have no checksum.
    """
    plain, _, checksum = data.partition(b"\n")
    if len(plain) < len(data) and checksum != _checksum(plain):
        raise damaged("its checksum is another")
    return from_json(kind, parsed(plain))


def _checksum(data: bytes) -> bytes:
    return sha256(data).hexdigest().encode()


def readable(value: object, indent: int | None = None) -> str:
    r"""Return values as JSON that people read as well: letters as they are, but nothing hidden in it and no markup.

    >>> readable({"title": "Ада <b>\u202e"})
    '{"title": "Ада \\u003cb\\u003e\\u202e"}'
    """
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    # All of these can stand in a string only: the line breaks of an indented one are left.
    risky = {each for each in set(text) - {"\n"} if each in "<>&" or category(each) in HIDDEN}
    return text.translate(
        {ord(each): json.dumps(each)[1:-1] if each not in "<>&" else f"\\u{ord(each):04x}" for each in risky}
    )


def parsed(data: str | bytes) -> object:
    """Return what a piece of JSON says. Raises StoreCorrupt where it is none."""
    try:
        found: object = json.loads(data)
    except (ValueError, RecursionError, TypeError):
        raise damaged("it is not JSON") from None
    return found


def checked_version(version: object) -> int:
    """Return the version, where it can be read; raises StoreCorrupt or StoreTooNew."""
    if type(version) is not int or version < 1:
        raise damaged("it has no version")
    if version < 2:
        raise damaged("it is of a version that was never released")
    if version > VERSION:
        raise StoreTooNew("this was written by a newer Footnote; update the program")
    return version


def damaged(reason: str, **values: object) -> StoreCorrupt:
    """Return the error for a record that cannot be read back."""
    reason = Translatable(reason, **values) if values else reason
    return StoreCorrupt("a saved answer is damaged ({message}); delete it, or take it from a copy", message=reason)


class _Writer:
    """Makes plain values, and collects what they share."""

    def __init__(self) -> None:
        self.pools: dict[str, list[dict[str, Any]]] = {name: [] for name in _POOLS.values()}
        self._places: dict[Hit | Citation, int] = {}

    def fields(self, value: Any) -> dict[str, Any]:
        return {each.name: self._plain(getattr(value, each.name)) for each in fields(value)}

    def _plain(self, value: Any) -> Any:
        if type(value) in _POOLS:
            return self._place(value)
        if is_dataclass(value):
            return self.fields(value)
        if isinstance(value, Translatable):
            return value.to_json()
        if isinstance(value, tuple):
            return [self._plain(each) for each in value]
        if isinstance(value, float) and not math.isfinite(value):
            raise StoreError("a score is infinite or no number, so this answer cannot be kept; ask again")
        return value

    def _place(self, value: Hit | Citation) -> int:
        if value not in self._places:
            pool, plain = self.pools[_POOLS[type(value)]], self.fields(value)
            self._places[value] = len(pool)
            pool.append(plain)
        return self._places[value]


class _Reader:
    """Builds values from plain ones, each field checked; ``where`` says which one is wrong."""

    def __init__(self, version: int) -> None:
        self._version = version
        self._pools: dict[Any, list[Any]] = {}

    def read_pool(self, kind: Any, plain: object, where: str) -> None:
        built = [self.built(kind, each, f"{where}[{place}]") for place, each in enumerate(_list(plain, where))]
        self._pools[kind] = built

    def built(self, kind: Any, plain: object, where: str) -> Any:
        kinds = _fields(kind)
        if not isinstance(plain, dict):
            raise damaged("{where} is no object", where=where)
        known = {name for name in kinds if SINCE.get((kind, name), 1) <= self._version}
        if plain.keys() != known:
            raise damaged("{where} has other fields than it should", where=where)
        return kind(**{name: self._value(kinds[name], plain[name], f"{where}.{name}") for name in known})

    def _value(self, kind: Any, plain: object, where: str) -> Any:
        origin, inner = get_origin(kind), get_args(kind)
        if kind in _POOLS:
            return self._pooled(kind, plain, where)
        if is_dataclass(kind):
            return self.built(kind, plain, where)
        if origin is tuple:
            return self._tuple(inner, plain, where)
        if origin in (Union, UnionType):  # something or None; the nouns have no other
            return None if plain is None else self._value(inner[0], plain, where)
        if origin is Literal and plain in inner:
            return plain
        if kind is float and type(plain) in (int, float):
            return _finite(plain, where)
        if kind is str and isinstance(plain, dict):
            return _translatable(plain, where)
        if type(plain) is not kind:
            raise damaged("{where} is of another kind than it should be", where=where)
        return plain

    def _tuple(self, inner: tuple[Any, ...], plain: object, where: str) -> tuple[Any, ...]:
        values = _list(plain, where)
        kinds = [inner[0]] * len(values) if inner[-1] is Ellipsis else list(inner)
        if len(values) != len(kinds):
            raise damaged("{where} is of another length than it should be", where=where)
        pairs = enumerate(zip(kinds, values, strict=True))
        return tuple(self._value(kind, each, f"{where}[{place}]") for place, (kind, each) in pairs)

    def _pooled(self, kind: Any, plain: object, where: str) -> Any:
        pool = self._pools.get(kind, [])
        if type(plain) is not int or not 0 <= plain < len(pool):
            raise damaged("{where} leads nowhere", where=where)
        return pool[plain]


def _list(plain: object, where: str) -> list[Any]:
    if not isinstance(plain, list):
        raise damaged("{where} is no list", where=where)
    return plain


def _translatable(plain: dict[str, Any], where: str) -> Translatable:
    try:
        return Translatable.from_json(plain)
    except ValueError:
        raise damaged("{where} is of another kind than it should be", where=where) from None


def _finite(plain: Any, where: str) -> float:
    try:
        number = float(plain)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise damaged("{where} is infinite or no number", where=where)
    return number


def _name(kind: type) -> str:
    return kind.__name__.lower()


@cache
def _fields(kind: Any) -> dict[str, Any]:
    """Return a noun's fields with their types, in their order."""
    types = get_type_hints(kind)
    return {each.name: types[each.name] for each in fields(kind)}
