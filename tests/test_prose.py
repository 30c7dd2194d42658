"""A model's text becomes plain sentences, whatever it looks like and however it was cut on its way."""

from __future__ import annotations

import json
from datetime import date

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rag.answer.prompt import build_prompt
from rag.cite.prose import LONGEST_SENTENCE, Prose, Statement
from rag.types import Header, Hit, Passage

PIECES = st.sampled_from(
    [
        *(
            "It rained in Osk. ",
            "Nobody came [1]. ",
            "Dr. Orr left at 9 a.m. ",
            "“We were never asked,” he said. ",
            "word ",
        ),
        *(
            "[1]",
            " [2, 3]",
            "【1†source】",
            "[1](#s) ",
            "[a link](http://example.org/x) ",
            "![image](x.png)",
            "[",
            "]",
            "(",
            ")",
        ),
        *(
            "**",
            "*",
            "`",
            "# ",
            "\n",
            "\n\n",
            "- ",
            "1. ",
            "2) ",
            "<think>",
            "</think>",
            "```\n",
            "Sources:\n",
            "(",
            ")",
        ),
        *(
            "(1)",
            "¹",
            "²",
            "<sup>",
            "1</sup>",
            "{3}",
            "\\[2\\]",
            "[[1]]",
            "[Source: x]",
            "(source: ",
            "\ue200",
            "\ue201",
        ),
        *('{"passage": 1}', '{"passage": 1,\n', "}\n", "END 0123456789ab\n", "(1) "),
        *("[1]: http://example.org\n", "| a | b |\n", "|---|---|\n", "3.5 million ", "…", "é🚢"),
    ]
)
TEXTS = st.lists(PIECES, max_size=25).map("".join) | st.text(max_size=80)


def read_whole(text: str) -> tuple[Statement, ...]:
    prose = Prose(passages=9)
    prose.read(text, ended=True)
    return prose.finished


@settings(max_examples=200, deadline=None)
@given(text=TEXTS, data=st.data())
@example("It rained. [1] Nobody came", None)
@example("It rained in Osk. “We were never asked,” he said. ] [2, 3]word ", None)
def test_how_the_text_was_cut_makes_no_difference(text: str, data: st.DataObject | None) -> None:
    cuts = range(len(text)) if data is None else data.draw(st.lists(st.integers(0, len(text)), max_size=10))
    prose = Prose(passages=9)
    seen: tuple[Statement, ...] = ()
    for cut in sorted(cuts):
        prose.read(text[:cut])
        assert prose.finished[: len(seen)] == seen
        seen = prose.finished
    prose.read(text, ended=True)
    assert prose.finished[: len(seen)] == seen
    assert prose.finished == read_whole(text)
    assert prose.pending is None


@settings(max_examples=100, deadline=None)
@given(text=TEXTS)
def test_spans_lie_in_their_sentence_and_sentences_hold_words(text: str) -> None:
    for statement in read_whole(text):
        assert any(character.isalnum() for character in statement.text)
        assert statement.text == statement.text.strip()
        assert "\n" not in statement.text
        assert len(statement.text) <= LONGEST_SENTENCE
        assert all(0 <= start < end <= len(statement.text) for start, end in statement.bold)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It rained [1]. Nobody came [2].", [("It rained.", (1,)), ("Nobody came.", (2,))]),
        ("It rained. [1] Nobody came. [2]", [("It rained.", (1,)), ("Nobody came.", (2,))]),
        ("It rained.[1][2] Nobody came.", [("It rained.", (1, 2)), ("Nobody came.", ())]),
        ("[1] It rained.", [("It rained.", (1,))]),
        ("It rained [1, 3-4] and snowed 【7†source】.", [("It rained and snowed.", (1, 3, 4, 7))]),
        ("It rained [Passage 2] [^3].", [("It rained.", (2, 3))]),
        ("It rained [1](http://example.org).", [("It rained.", (1,))]),
        ("He wrote [sic] so.", [("He wrote [sic] so.", ())]),
        ("The book [1984] was good.", [("The book [1984] was good.", ())]),
        ("The key a_b__c__d is __old__.", [("The key a_b__c__d is old.", ())]),
        ("See [the paper](http://example.org/?q=1) ![x](http://example.org/i.png).", [("See the paper x.", ())]),
        ("It rained.\n\nSources:\n[1] Courier", [("It rained.", ())]),
        ("It rained.\n\n**References**\n1. Courier", [("It rained.", ())]),
        ("Sources disagree on this.", [("Sources disagree on this.", ())]),
        ("5 * 3 is 15. `Code` and *this*.", [("5 * 3 is 15.", ()), ("Code and this.", ())]),
        ("```python\nprint(1)\n```", [("print(1)", ())]),
        ("[1]: http://example.org/\nIt rained.", [("It rained.", ())]),
        ("It rained [citation:1]. It snowed [Source 2].", [("It rained.", (1,)), ("It snowed.", (2,))]),
        ("It rained (1). It snowed. (2) And (3)", [("It rained.", (1,)), ("It snowed.", (2,)), ("And", (3,))]),
        ("It rained.¹ It snowed¹,² and hailed.¹⁻³", [("It rained.", (1,)), ("It snowed and hailed.", (1, 2, 3))]),
        ("It rained [[1]]. It snowed \\[2\\]. And {3}.", [("It rained.", (1,)), ("It snowed.", (2,)), ("And.", (3,))]),
        ("It rained<sup>1</sup>. It snowed.<sup>[2]</sup>", [("It rained.", (1,)), ("It snowed.", (2,))]),
        ("It rained [Passage 2, Courier, 3 May 2031].", [("It rained.", (2,))]),
        ("It rained (passages 1 and 2). It snowed (Source 3).", [("It rained.", (1, 2)), ("It snowed.", (3,))]),
        ("It rained [doc1][ref_2] [web:3].", [("It rained.", (1, 2, 3))]),
        ("It rained [Source: Courier (2031)]. It snowed (source: the Courier).", [("It rained.", ()), ("It snowed.", ())]),
        ("It rained [citation needed] \ue200cite\ue202turn0search1\ue201.", [("It rained.", ())]),
        ("It rained [1†L3-L5] 【2†source】.", [("It rained.", (1, 2))]),
        ("Шёл дождь [источник 2].", [("Шёл дождь.", (2,))]),
        # What looks alike and is none.
        ("It has 120 m², 10³ trees and CO².", [("It has 120 m², 10³ trees and CO².", ())]),
        ("Karl Unger (58), the mayor, has (2) dogs.", [("Karl Unger (58), the mayor, has (2) dogs.", ())]),
        ("They want (1) less noise, (2) more trams.", [("They want (1) less noise, (2) more trams.", ())]),
        ("It fined Karl Unger (58).", [("It fined Karl Unger (58).", ())]),
        ("It rests on the constitution (Article 5).", [("It rests on the constitution (Article 5).", ())]),
        ("It set a[3] and {x} (see below) < 3 \\ 4.", [("It set a and {x} (see below) < 3 \\ 4.", (3,))]),
        ("", []),
        ("[1]", []),
        ("---\n***\n", []),
    ],
)  # fmt: skip
def test_words_are_taken_out_of_what_models_write(text: str, expected: list[tuple[str, tuple[int, ...]]]) -> None:
    assert [(each.text, each.labels) for each in read_whole(text)] == expected


def test_leads_tell_paragraphs_and_lists_apart() -> None:
    text = "# A vote\nIt rained. It snowed.\n\nThen:\n- one thing\n* another **thing** [1]\n2. a second\nand more"
    assert [(each.lead, each.text) for each in read_whole(text)] == [
        ("", "A vote"),
        ("\n", "It rained."),
        (" ", "It snowed."),
        ("\n\n", "Then:"),
        ("\n- ", "one thing"),
        ("\n- ", "another thing"),
        ("\n2. ", "a second"),
        ("\n", "and more"),
    ]


def test_bold_is_kept_as_spans() -> None:
    (first, second) = read_whole("A **bold word. And** one more.")
    assert [first.text[a:b] for a, b in first.bold] == ["bold word."]
    assert [second.text[a:b] for a, b in second.bold] == ["And"]


def test_headings_are_known() -> None:
    text = "## The vote\nIt **rained**.\n**What came of it**\n**It snowed.**\n- **Bold** item"
    assert [each.text for each in read_whole(text) if each.heading] == ["The vote", "What came of it"]


def test_rows_of_a_table_lose_their_edges_and_the_first_is_a_heading() -> None:
    text = "Then:\n| Day | Rain |\n|---|---:|\n| 3 May | **none** [2] |\n|  |\n\n| Week | Snow\n| 20 | much |"
    assert [(each.text, each.labels, each.heading) for each in read_whole(text)] == [
        ("Then:", (), False),
        ("Day | Rain", (), True),
        ("3 May | none", (2,), False),
        ("Week | Snow", (), True),
        ("20 | much", (), False),
    ]


@pytest.mark.parametrize("passages", [["It rained.\n“No.”"], ["It rained.", "It snowed."]])
@pytest.mark.parametrize("indent", [None, 2])
def test_an_echo_of_the_prompt_is_no_sentence(passages: list[str], indent: int | None) -> None:
    hits = [
        Hit(Passage(f"p{n}", "a.md", 0, len(text), text), Header("a.md", title="Rain", outlet="Courier"), 1.0)
        for n, text in enumerate(passages)
    ]
    user = build_prompt("Who?", hits, len, 100_000, date(2031, 5, 1)).messages[-1].text
    lines = user[user.index("\nPASSAGES ") : user.rindex("Question:")].strip().splitlines()
    echo = "\n".join(json.dumps(json.loads(line), indent=indent) if line.startswith("{") else line for line in lines)
    for text in (f"{echo}\nIt was wet [1].", f"```json\n{echo}\n```\nIt was wet [1].", f"It was wet [1].\n{echo}"):
        assert [(each.text, each.labels) for each in read_whole(text)] == [("It was wet.", (1,))]
        prose = Prose(passages=9)
        for cut in range(len(text)):
            prose.read(text[:cut])
            assert not prose.pending or "It was wet.".startswith(prose.pending.text)
        prose.read(text, ended=True)
        assert prose.finished == read_whole(text)


def test_items_and_rows_are_known() -> None:
    text = "Then:\n- one\n(2) two\n\n| a | b |\n|---|---|\n| c | d |\n\nThe end."
    assert [(each.lead, each.text) for each in read_whole(text) if each.item] == [
        ("\n- ", "one"),
        ("\n2. ", "two"),
        ("\n\n", "a | b"),
        ("\n", "c | d"),
    ]


HOSTILE = [
    "(",
    "(1",
    "(source: ",
    "[source:(",
    "<sup>",
    "¹",
    "{",
    "\\[",
    "\ue200",
    "[1,",
    "[id ",
    '{"passage":',
    "(1) ",
]


@pytest.mark.parametrize(
    "piece", [*HOSTILE, "a", "Ab-", "Q1,", " ", "[", "*", "_", "  [1", "A\u200b", "rose,", "(“", "| "]
)
def test_no_text_takes_long_or_makes_a_long_sentence(piece: str) -> None:
    text = "a" + piece * (64_000 // len(piece)) + "b."
    prose = Prose(passages=9)
    for cut in range(0, len(text), 16_000):
        prose.read(text[:cut])
    prose.read(text, ended=True)
    assert prose.finished == read_whole(text)
    assert all(len(each.text) <= LONGEST_SENTENCE for each in prose.finished)


def test_what_never_ends_is_cut_at_a_word() -> None:
    statements = read_whole("word " * 1000)
    assert len(statements) > 4
    assert " ".join(each.text for each in statements).split() == ["word"] * 1000
