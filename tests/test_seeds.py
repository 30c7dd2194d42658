"""The shipped briefings and the questions about them agree with each other, letter for letter."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

SEEDS = Path(__file__).resolve().parent.parent / "seeds"
KEYS = {"title", "outlet", "authors", "published", "language", "source"}
KINDS = {"fact", "time", "source", "multi", "noisy", "none"}

# Read plainly and not through the package: a mistake in its reader must not hide a mistake in what it reads.
BRIEFINGS = {path.name: path.read_text(encoding="utf-8") for path in sorted(SEEDS.glob("*.md"))}
QUESTIONS: list[dict[str, Any]] = [
    json.loads(line) for line in (SEEDS / "questions.jsonl").read_text(encoding="utf-8").splitlines()
]


def parts(text: str) -> tuple[str, str]:
    """Front matter and body of a briefing."""
    opening, front_matter, body = text.split("---\n", 2)
    assert opening == ""
    return front_matter, body


def quotes(question: dict[str, Any]) -> list[str]:
    return [each["quote"] for each in question["evidence"]]


def matched(question: dict[str, Any], text: str) -> bool:
    return any(re.search(pattern.strip("/"), text, re.IGNORECASE) for pattern in question["answers"])


def test_there_are_five_briefings() -> None:
    assert len(BRIEFINGS) == 5


@pytest.mark.parametrize("name", BRIEFINGS)
def test_front_matter_has_exactly_the_known_keys(name: str) -> None:
    header = yaml.safe_load(parts(BRIEFINGS[name])[0])
    assert set(header) == KEYS
    assert header["title"]
    assert header["language"] == "en"
    assert isinstance(header["authors"], list)
    assert all(isinstance(author, str) for author in header["authors"])
    # A string, so that YAML does not turn it into a date or a number and lose how exact it is.
    assert re.fullmatch(r"(\d{4}(-\d\d(-\d\d)?)?)?", header["published"])


@pytest.mark.parametrize("name", BRIEFINGS)
def test_body_is_of_fitting_length_and_structure(name: str) -> None:
    body = parts(BRIEFINGS[name])[1]
    blocks = [block.strip() for block in body.strip().split("\n\n")]
    headings = [block for block in blocks if block.startswith("#")]
    assert 350 <= len(body.split()) <= 900
    assert not blocks[0].startswith("#")
    assert len(headings) >= 3
    assert all(heading.startswith("## ") for heading in headings)
    assert not [block for block in blocks if "\n" in block], "a paragraph stands on one line"


def test_the_set_is_large_and_varied_enough() -> None:
    kinds = Counter(question["kind"] for question in QUESTIONS)
    assert set(kinds) == KINDS
    assert len(QUESTIONS) >= 60
    assert kinds["none"] >= 10
    answered = {each["document"] for question in QUESTIONS for each in question["evidence"]}
    assert answered == set(BRIEFINGS)


def test_ids_and_questions_are_unique() -> None:
    assert len({question["id"] for question in QUESTIONS}) == len(QUESTIONS)
    assert len({question["question"].casefold() for question in QUESTIONS}) == len(QUESTIONS)


def test_examples_come_first_and_are_answerable() -> None:
    examples = [question.get("example", False) for question in QUESTIONS]
    assert examples == [True] * 6 + [False] * (len(QUESTIONS) - 6)
    assert all(question["evidence"] for question in QUESTIONS[:6])
    assert {each["document"] for question in QUESTIONS[:6] for each in question["evidence"]} == set(BRIEFINGS)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question["id"])
def test_evidence_stands_in_the_briefings_and_holds_the_answer(question: dict[str, Any]) -> None:
    assert set(question) - {"example"} == {"id", "kind", "question", "answers", "evidence"}
    assert question["kind"] in KINDS
    assert question["question"].strip()
    if question["kind"] == "none":
        assert question["answers"] == []
        assert question["evidence"] == []
        return
    for each in question["evidence"]:
        paragraphs = parts(BRIEFINGS[each["document"]])[1].split("\n")
        assert any(each["quote"] in paragraph for paragraph in paragraphs), each["quote"]
    assert matched(question, " ".join(quotes(question)))
    assert not matched(question, question["question"]), "echoing the question would count as an answer"
    if question["kind"] == "multi":
        assert len({each["document"] for each in question["evidence"]}) >= 2
        assert all(matched(question, quote) for quote in quotes(question))
