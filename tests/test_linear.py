"""Every regular expression of the project takes time that grows with the length of a text, whatever the text is.

For each pattern texts are made of what it repeats: the signs it names, two and two of them, and what its parts match, many
times over, with an end that fits nothing. Time is the processor's, so that a busy machine does not matter.
"""

from __future__ import annotations

import ast
import importlib
import math
import pkgutil
import re
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import pytest

if sys.version_info >= (3, 11):
    from re import _parser as parser  # type: ignore[attr-defined]
else:
    import sre_parse as parser

ROOT = Path(__file__).parent.parent
SIZES = (2000, 4000, 8000, 16000)
"""Characters of the texts."""
SUSPICIOUS = 0.001
"""Seconds for 4,000 characters; most patterns take less and are not measured further."""
STEEPEST = 1.5
"""The power of the length with which the time may grow: 1 is linear, 2 quadratic; between them lies what measuring errs."""
QUESTION, LINE, NAME = 2000, 150, 200
LONGEST = {
    "rag.answer.answering._ID": QUESTION,
    "rag.evaluation 'changed_settings'": QUESTION,
    "rag.retrieval.follow_up 'rewritten'": QUESTION,
    "rag.answer.timeline '_stands_alone'": 40,
    "rag.retrieval.follow_up._CONTEXT": QUESTION,
    "rag.retrieval.parts._NEXT_QUESTION": QUESTION,
    "rag.retrieval.parts._PAIR": QUESTION,
    "rag.answer.timeline._ASKS": QUESTION,
    "rag.retrieval.mentions.mention._SEPARATOR": NAME,
    "rag.retrieval.mentions.mention._HOST": NAME,
    "rag.read.dates._FORMS": 60,
    "rag.read.dates._UPDATED": LINE,
    "rag.read.dates._REST": LINE,
    "rag.read.header._BETWEEN_FIELDS": LINE,
    "rag.read.layout '_with_line'": 100,
    "rag.read.bylines._AFTERWARDS": LINE,
    "rag.read.bylines._BETWEEN": LINE,
    "rag.read.bylines._ROLE": LINE,
    "rag.read.outlet._TITLE_AND_SITE": 400,
    "rag.read.outlet '_abbreviation'": NAME,
    "rag.text.sentences._LAST_WORD": 40,
}
"""Characters of the longest text that a pattern meets: a question, a line of a header, a name. It need not be linear."""
SLOW = 0.3
"""Seconds for such a text; the processor's, as everywhere here."""
PALETTE = "aA1 .-\n\té年\u0301_<>\"'[](){}*#:;,/\\|=&@%?!"
MOST_SIGNS = 10
ANCHORED = {"match", "fullmatch"}

Found = tuple[str, "re.Pattern[Any]", frozenset[str]]
"""Where a pattern stands, the pattern, and by which methods it is used; ``search`` stands for all that scan a text."""


@cache
def patterns() -> tuple[Found, ...]:
    import embeddings
    import rag

    found: dict[tuple[Any, int], Found] = {}
    names = [
        each.name
        for package in (rag, embeddings)
        for each in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    ]
    for module in (importlib.import_module(name) for name in (*names, "ui") if not name.endswith("__main__")):
        tree = ast.parse(Path(module.__file__ or "").read_text("utf-8"))
        used = methods(tree)
        for name, value in vars(module).items():
            for pattern in compiled(value):
                add(found, f"{module.__name__}.{name}", pattern, used.get(name, set()))
        for place, text, flags, method in written(tree):
            add(found, f"{module.__name__} {place!r}", re.compile(text, flags), {method})
    return tuple(found.values())


def add(found: dict[tuple[Any, int], Found], where: str, pattern: re.Pattern[Any], used: set[str]) -> None:
    anchored = used & ANCHORED
    methods = frozenset(anchored if used and anchored == used else {"search", *anchored})
    key = pattern.pattern, pattern.flags
    first, _, others = found.get(key, (where, pattern, frozenset()))
    found[key] = first, pattern, methods | others


def compiled(value: Any) -> Iterator[re.Pattern[Any]]:
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, dict):
        yield from compiled(list(value.values()))
    elif isinstance(value, (list, tuple, set, frozenset)):
        for each in value:
            yield from compiled(each)


def methods(tree: ast.AST) -> dict[str, set[str]]:
    """By which methods each global of a module is used; what is used otherwise has another name."""
    used: dict[str, set[str]] = defaultdict(set)
    called = [node.value for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            used[node.value.id].add(node.attr)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node not in called:
            used[node.id].add("handed on")
    return used


def written(tree: ast.AST) -> Iterator[tuple[str, str, int, str]]:
    """The patterns that stand in a call, as texts, each with the function around it."""
    functions = [each for each in ast.walk(tree) if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef))]
    for name, node in ((function.name, node) for function in functions for node in ast.walk(function)):
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("re.") and node.args:
            method, first = ast.unparse(node.func)[3:], node.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str) and method not in ("compile", "escape"):
                flags = re.IGNORECASE if "IGNORECASE" in ast.unparse(node) else 0
                yield name, first.value, flags, method


# --- texts that may take long ---------------------------------------------------------------------------------------------


def samples(parsed: Any) -> tuple[list[str], list[str]]:
    """Signs that a pattern names, and texts that its parts match; parts that repeat come last."""
    signs: dict[str, None] = {}
    parts: dict[str, None] = {}

    def one(kind: str, value: Any) -> str:
        if kind == "LITERAL":
            found = chr(value)
        elif kind == "NOT_LITERAL":
            found = next(each for each in PALETTE if each != chr(value))
        elif kind == "ANY":
            found = "a"
        elif kind == "CATEGORY":
            name = str(value)
            wanted = "1" if "DIGIT" in name else "a" if "WORD" in name else " "
            found = wanted if "NOT" not in name else "-" if wanted != "-" else "a"
        elif kind == "RANGE":
            found = chr(value[0])
        else:
            found = ""
        if found:
            signs.setdefault(found)
        return found

    def sequence(items: Any) -> str:
        text = ""
        for kind, value in items:
            text += element(str(kind), value)
        if text:
            parts.setdefault(text)
        return text

    def element(kind: str, value: Any) -> str:
        if kind == "IN":
            negated = any(str(k) == "NEGATE" for k, _ in value)
            if negated:
                inside = re.compile(class_of(value))
                fitting = [each for each in PALETTE if inside.match(each)]
                signs.update(dict.fromkeys(fitting[:3]))
                return fitting[0] if fitting else ""
            return [one(str(k), v) for k, v in value][0]  # noqa: RUF015 - all are signs
        if kind in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            least, _, body = value
            text = sequence(body)
            return text * min(max(least, 1), 3)
        if kind == "SUBPATTERN":
            return sequence(value[-1])
        if kind == "ATOMIC_GROUP":
            return sequence(value)
        if kind == "BRANCH":
            return [sequence(each) for each in value[1]][0]  # noqa: RUF015 - all are parts
        if kind in ("ASSERT", "ASSERT_NOT"):
            sequence(value[1])
            return ""
        return one(kind, value)

    sequence(parsed)
    return list(signs), list(parts)


def class_of(items: Any) -> str:
    """A class of signs as it may have been written."""
    text = ""
    for kind, value in items:
        name = str(kind)
        if name == "NEGATE":
            text += "^"
        elif name == "LITERAL":
            text += re.escape(chr(value))
        elif name == "RANGE":
            text += f"{re.escape(chr(value[0]))}-{re.escape(chr(value[1]))}"
        elif name == "CATEGORY":
            letter = {"DIGIT": "d", "WORD": "w", "SPACE": "s"}[str(value).rpartition("_")[2]]
            text += "\\" + (letter.upper() if "NOT" in str(value) else letter)
    return f"[{text}]"


def texts(pattern: re.Pattern[Any]) -> Iterator[tuple[str, str, str]]:
    """Beginnings, what is repeated, and ends."""
    source = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    signs, parts = samples(
        parser.parse(source, pattern.flags & ~re.UNICODE & ~re.DEBUG if isinstance(pattern.pattern, str) else 0)
    )
    signs = signs[:MOST_SIGNS]
    units = dict.fromkeys(
        [*signs, *(each for each in parts if len(each) < 40), *map("".join, product(signs, repeat=2))]
    )
    units.update(dict.fromkeys(f"{part}{sign}" for part in parts[-6:] for sign in signs[:6]))
    for unit in units:
        yield "", unit, "\x01"
    for part in parts[-4:]:
        for sign in signs[:8]:
            yield part, sign, "\x01"


def seconds(pattern: re.Pattern[Any], methods: frozenset[str], text: str) -> float:
    """How long the processor is busy with looking for all of a pattern."""
    subject = text if isinstance(pattern.pattern, str) else text.encode("utf-8")
    begun = time.thread_time()
    for method in methods:
        if method == "search":
            for _ in pattern.finditer(subject):
                pass
        else:
            getattr(pattern, method)(subject)
    return time.thread_time() - begun


def steepness(pattern: re.Pattern[Any], methods: frozenset[str], begin: str, unit: str, end: str) -> float:
    """With which power of the length the time grows; 0 where it is too short to tell."""

    def at(size: int) -> float:
        return seconds(pattern, methods, begin + unit * (size // len(unit)) + end)

    if at(SIZES[0] // 4) < 0.1 and at(SIZES[1]) < SUSPICIOUS:
        return 0.0
    took = []
    for size in SIZES:
        took.append(min(at(size) for _ in range(3)))
        if took[-1] > 1:
            break
    if len(took) == 1:
        return float("inf")
    return math.log(took[-1] / took[0]) / math.log(SIZES[len(took) - 1] / SIZES[0])


def slow_text(where: str, pattern: re.Pattern[Any], methods: frozenset[str]) -> str:
    """The first text that takes too long; empty where there is none."""
    longest = LONGEST.get(where)
    for begin, unit, end in texts(pattern):
        if longest is not None:
            slow = seconds(pattern, methods, (begin + unit * longest)[:longest] + end) > SLOW
        else:
            slow = steepness(pattern, methods, begin, unit, end) > STEEPEST
        if slow:
            return f"{where}: {begin!r} + {unit!r} * n + {end!r}: {pattern.pattern!r}"
    return ""


@pytest.mark.parametrize("number", range(8))
def test_time_grows_with_the_length(number: int) -> None:
    assert list(filter(None, (slow_text(*each) for each in patterns()[number::8]))) == []


@pytest.mark.parametrize("pattern", [r"\s+$", r"<!--.*?-->|<[^>]*>", r"\w*\d", r"[\w -]*[\"']?\s*:"])
def test_a_pattern_that_is_not_linear_is_found(pattern: str) -> None:
    assert slow_text("", re.compile(pattern), frozenset({"search"}))


def test_patterns_that_may_be_slow_are_there() -> None:
    assert set(LONGEST) <= {where for where, _, _ in patterns()}
