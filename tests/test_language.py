"""The page's texts: every one of them in both languages, none forgotten, none left over, and with the same names in braces."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.pofile import read_po, write_po

import rag
from rag.language import catalogue
from rag.language.catalogue import FILES
from rag.web import FOLDER
from rag.web.language import phrase, speaking, spoken, table

PYTHON = (
    *sorted(FOLDER.glob("*.py")),
    *sorted((FOLDER.parent / "export").glob("*.py")),
    Path(rag.__file__).parent.parent / "ui.py",
)
SCRIPTS = sorted(FOLDER.glob("*.js"))
TEMPLATES = sorted(FOLDER.glob("*.html"))
LITERAL = re.compile(r'"(?:[^"\\\n]|\\.)*"')


def said_in_scripts(path: Path) -> Iterator[str]:
    """The literals in the first argument of every ``say(…)``."""
    script = path.read_text("utf-8")
    for call in re.finditer(r"\bsay\(", script):
        depth, place = 1, call.end()
        while depth and not (depth == 1 and script[place] == ","):
            literal = LITERAL.match(script, place)
            if literal:
                compared = script[:place].endswith(("=== ", "!== "))
                if literal[0] != '""' and not compared:
                    yield json.loads(literal[0])
                place = literal.end()
                continue
            depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(script[place], 0)
            place += 1


SAYING = ("phrase", "_label", "_title", "_text")


def said_in_python(path: Path) -> Iterator[str]:
    """The literals in the first argument of every call in ``SAYING``."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in SAYING:
            for part in ast.walk(node.args[0]):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    yield part.value


class Texts(HTMLParser):
    """What a template shows and says, but for what has ``translate="no"``."""

    def __init__(self, template: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self._kept: list[bool] = []  # of the open elements: whether they are translated
        self.feed(template)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        kept = values.get("translate") != "no" and (not self._kept or self._kept[-1])
        if tag not in ("input", "br", "img", "hr", "wbr"):
            self._kept.append(kept)
        if kept:
            self.found += [values[name] or "" for name in ("aria-label", "placeholder", "title") if values.get(name)]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass  # an SVG's shape

    def handle_endtag(self, tag: str) -> None:
        self._kept.pop()

    def handle_data(self, data: str) -> None:
        if data.strip() and (not self._kept or self._kept[-1]):
            self.found.append(data.strip())


def said() -> dict[str, str]:
    """Every text of the page, and a file that it stands in."""
    found: dict[str, str] = {}
    for path in SCRIPTS:
        found |= dict.fromkeys(said_in_scripts(path), path.name)
    for path in PYTHON:
        found |= dict.fromkeys(said_in_python(path), path.name)
    for path in TEMPLATES:
        found |= dict.fromkeys(Texts(path.read_text("utf-8")).found, path.name)
    return found


def literals() -> set[str]:
    """Every literal of the sources: some texts are kept in a table before they are said."""
    found = {json.loads(each) for path in SCRIPTS for each in LITERAL.findall(path.read_text("utf-8"))}
    for path in (*PYTHON, *Path(rag.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
    return found


def names(text: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", text))


def test_every_text_has_its_russian() -> None:
    assert {text: where for text, where in said().items() if text != "welcome" and text not in table("ru")} == {}


def test_no_russian_is_left_over() -> None:
    assert sorted(set(table("ru")) - set(said()) - literals()) == []


def test_a_text_and_its_russian_agree() -> None:
    for text, russian in table("ru").items():
        words = re.sub(r"\{\w+\}", "", text)
        assert re.search("[а-яё]", russian, re.I) or not re.search("[a-z]{3}", words, re.I), text
        assert not re.search(r'[<>"&*_`\[\]\\]', russian), f"{text} stands in markup too"
        forms = russian.split("|")
        assert len(forms) == (3 if "|" in text else 1), text
        assert {frozenset(names(each)) for each in (*forms, *text.split("|"))} == {frozenset(names(text))}, text


def test_the_table_is_sorted_and_readable() -> None:
    for path in FILES.glob("*.po"):
        kept, out = path.read_bytes(), BytesIO()
        write_po(out, read_po(BytesIO(kept)), width=0, no_location=True, sort_output=True, omit_header=True)
        assert kept == kept.partition(b"\n\n")[0] + b"\n\n" + out.getvalue(), path.name


def test_a_third_language_is_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forms = "Plural-Forms: nplurals=2; plural=(n != 1);"
    texts = (
        'msgid "{count} quote"\nmsgid_plural "{count} quotes"\nmsgstr[0] "{count} Zitat"\nmsgstr[1] "{count} Zitate"\n'
    )
    (tmp_path / "de.po").write_text(f'msgid ""\nmsgstr ""\n"{forms}\\n"\n\n{texts}', "utf-8")
    monkeypatch.setattr(catalogue, "FILES", tmp_path)
    functions = (catalogue.languages, catalogue.texts, catalogue.forms, catalogue._catalogue, catalogue._plural)
    try:
        for each in functions:
            each.cache_clear()
        assert dict(catalogue.languages()) == {"en": "English", "de": "Deutsch"}
        assert phrase("{count} quote|{count} quotes", "de", count=1234) == "1.234 Zitate"
        assert phrase("{count} source|{count} sources", "de", count=1) == "1 source"
        assert spoken("2031-03-04", "de") == "4. März 2031"
        assert catalogue.forms("de") == {"one": 0, "other": 1}
    finally:
        for each in functions:
            each.cache_clear()


def test_a_text_with_a_bar_is_cut_only_where_something_is_counted() -> None:
    assert phrase("either | or", "ru") == "either | or"
    assert phrase("{count} quote|{count} quotes", "ru", count=12_345) == "12\u00a0345 цитат"


def test_the_language_that_is_spoken_ends_where_it_should() -> None:
    with speaking("ru"):
        assert spoken("2031-03-04") == "4 марта 2031\u00a0г."
        assert phrase("{count} quote|{count} quotes", "en", count=2) == "2 quotes"
    assert spoken("2031-03-04") == "4 March 2031"
