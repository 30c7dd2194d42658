"""What the README shows is what happens."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

import rag.chatbot
from embeddings import Embedder
from rag.__main__ import cli

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
HOUSE = (ROOT / "CONTRIBUTING.md").read_text("utf-8")


@pytest.fixture(autouse=True)
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bundled: Embedder) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(rag.chatbot, "load_embedder", lambda _: bundled)


def test_python_examples() -> None:
    block = "\n".join(re.findall(r"```python\n(.*?)```", README, re.DOTALL))
    examples = doctest.DocTestParser().get_doctest(block, {}, "README", "README.md", 0)
    runner = doctest.DocTestRunner(verbose=False)
    output: list[str] = []
    assert runner.run(examples, out=output.append).failed == 0, "".join(output)


def test_the_question_in_the_terminal() -> None:
    question, expected = re.findall(r"rag ask \"(.*?)\"\n(.*?)```", README, re.DOTALL)[0]
    assert CliRunner().invoke(cli, ["ask", question]).stdout == expected


def test_the_quotation_in_the_terminal() -> None:
    ((words, expected),) = re.findall(r"rag quote \"(.*?)\"\n(.*?)```", README, re.DOTALL)
    assert CliRunner().invoke(cli, ["quote", words]).stdout == expected


def test_its_commands_are_one_line_each() -> None:
    for name in ("chat", "test"):
        (command,) = re.findall(rf"<!-- {name} command -->\n```\n(.*?)```", README, re.DOTALL)
        assert command.count("\n") == 1


def test_it_names_every_setting() -> None:
    for name in rag.Settings.__dataclass_fields__:
        assert f"`RAG_{name.upper()}`" in README


def test_the_house_names_every_room() -> None:
    found = [path for path in (ROOT / "rag").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()]
    rooms = {path.name for path in found} - {"__init__.py", "__main__.py"}
    assert {room for room in rooms if room not in HOUSE} == set()


def test_its_pictures_are_there_and_small() -> None:
    for picture in re.findall(r"!\[.*?\]\((.*?)\)", README):
        assert 0 < (ROOT / picture).stat().st_size < 200_000
