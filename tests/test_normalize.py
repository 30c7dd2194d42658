"""Normalizing: as unicodedata, but in time that grows with the length whatever a text holds."""

from __future__ import annotations

import ast
import subprocess
import sys
import unicodedata
from itertools import product
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rag.text.normalize import MOST_MARKS, normalize

ROOT = Path(__file__).parent.parent
FORMS = ("NFC", "NFD", "NFKC", "NFKD")
# Of several scripts and planes, and those that become marks only by normalizing.
MARKS = (
    "\u0301\u0323\u0307\u0483\u05b0\u064b\u0670\u093c\u094d\u0e38\u0f73\u0f75\u0f81\u3099\uff9e\uff9f\ufe20\U0001d165"
)
PAIRS = [one + two for one, two in product("\u0301\U0001d165\uff9e", "\u0323\u0f73\u093c")]
LONG = 200_000
"""Characters of the texts that must not take long: unicodedata alone is busy for minutes with them."""


def stream_safe(text: str) -> str:
    """The slow, obvious way: a mark behind thirty marks is left out."""
    kept = ""
    for character in text:
        before = [each for each in kept[-MOST_MARKS:] if is_mark(each)]
        if not is_mark(character) or len(before) < MOST_MARKS:
            kept += character
    return kept


def is_mark(character: str) -> bool:
    return all(unicodedata.category(each)[0] == "M" for each in unicodedata.normalize("NFKD", character))


@given(st.text(st.sampled_from(f"aé한 \n\u200d\u2014{MARKS}"), max_size=120) | st.text(max_size=60))
@example("a" + "\u0301" * 40 + "b")
@example("\u0301" * 40)
def test_it_is_unicodedatas_after_marks_beyond_thirty_are_left_out(text: str) -> None:
    for form in FORMS:
        assert normalize(text, form) == unicodedata.normalize(form, stream_safe(text))  # type: ignore[arg-type]


def test_every_mark_of_unicode_counts() -> None:
    marks = [chr(each) for each in range(sys.maxunicode + 1) if unicodedata.combining(chr(each))]
    assert len(marks) > 800
    assert all(len(normalize(f"x{mark}" + mark * 40, "NFKD")) <= 1 + 4 * MOST_MARKS for mark in marks)


# What takes a text from a file, a browser or a model.
DOORS = {
    "question": "from rag.retrieval.find import check_question; quiet(check_question, text)",
    "question of the page": "from rag.export.conversation import clean_question; quiet(clean_question, text)",
    "file": "from rag.read.encoding import decode; decode(f'The council voted {text}'.encode())",
    "title": "from rag.text.one_line import shortened; shortened(text, 100)",
    "model's text": "from rag.text.one_line import one_line; one_line(text)",
    "search": "from rag.text.one_line import folded; folded(text)",
    "file name": "from rag.web.shelf import safe_name; safe_name(text + '.txt')",
    "name": "from rag.text.names import plain; plain(text)",
    "spelling": "from rag.text.spelling import keys; keys([text])",
    "evaluation": "from rag.evaluation import _clean; _clean(text)",
}


@pytest.mark.parametrize("door", DOORS)
def test_no_door_is_held_up_by_marks(door: str) -> None:
    program = f"""
from rag.errors import FootnoteError
def quiet(function, text):
    try:
        function(text)
    except FootnoteError:
        pass
for pair in {PAIRS!r}:
    text = "a" + pair * {LONG // 2}
    {DOORS[door]}
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60, cwd=ROOT)


def test_nothing_normalizes_by_itself() -> None:
    """Except what the system limits to a few thousand bytes: names of files, passwords and what a user types."""
    short = {
        "rag/text/normalize.py",
        "rag/read/folder.py",
        "rag/web/accounts.py",
        "rag/web/shelf.py",
        "rag/doors/indexing.py",
    }
    found = set()
    for path in (ROOT / "rag").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Attribute) and ast.unparse(node) == "unicodedata.normalize":
                found.add(path.relative_to(ROOT).as_posix())
    assert found <= short
