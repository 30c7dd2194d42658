"""Find quoted words in a folder: exactly, nearly, with gaps; the difference letter by letter."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from news import write_articles
from rag import Chatbot, Quotation, Settings
from rag.cite.quotation import Folded, exact, near
from rag.draft.checked import Piece
from rag.draft.quotations import compare, quotation_spans

LONG = " ".join(f"Line {number} of the report speaks about gravel, barges and tides." for number in range(120))
ARTICLES = {
    "gate.md": f"""---
title: "The gate of Ilvern"
outlet: "Harbour Courier"
published: "2031-05-06"
---
“We asked for a new gate in 2027 — and heard nothing from the ministry's office,” said the mayor, Dana Holub. “It’s
a well-known danger.”

{LONG}

The fire chief said that the siren had never worked. He had written four letters about it.
""",
    "copy.txt": "The siren of Ilvern\n\n7 May 2031\n\nThe fire chief said that the siren had never worked. He is retired.",
    "ru.txt": "Ворота Ильверна\n\n8 мая 2031\n\nМэр заявила, что ещё весной просила новые ворота и не получила ответа.",
    "other.txt": "Ferry prices\n\n9 May 2031\n\nA ticket costs 40 crowns. Nobody asked for a new ferry or for a ministry.",
}


@pytest.fixture(scope="module")
def chatbot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chatbot]:
    folder = tmp_path_factory.mktemp("quotations")
    write_articles(folder / "news", ARTICLES)
    opened = Chatbot.open(Settings(articles=folder / "news", index=folder / "index", embedder="hashing"))
    yield opened
    opened.close()


def changed(found: Quotation) -> list[tuple[str, str]]:
    return [(each.written, each.printed) for each in found.pieces if not each.same]


@pytest.mark.parametrize(
    ("written", "quotes"),
    [
        ("heard nothing from the ministry's office", ["heard nothing from the ministry's office"]),
        ("heard nothing from the ministry’s office", ["heard nothing from the ministry's office"]),
        (
            "We asked for a new gate in 2027 - and heard nothing",
            ["We asked for a new gate in 2027 — and heard nothing"],
        ),
        ("we  asked for\na new gate,", ["We asked for a new gate"]),
        ("It's a well‑known danger.", ["It’s\na well-known danger"]),
        ("We asked for a new gate … from the ministry", ["We asked for a new gate", "from the ministry"]),
        ("We asked for a new gate […] from the ministry", ["We asked for a new gate", "from the ministry"]),
        ("[H]e had written four letters [to the council]", ["He had written four letters"]),
        ("еще весной просила новые ворота", ["ещё весной просила новые ворота"]),
        ("danger", ["danger"]),
    ],
)
def test_what_only_looks_different_is_verbatim(chatbot: Chatbot, written: str, quotes: list[str]) -> None:
    found = chatbot.quote(written)
    assert (found.status, found.pieces) == ("verbatim", ())
    assert [" ".join(each.quote.split()) for each in found.citations] == [" ".join(each.split()) for each in quotes]


@pytest.mark.parametrize(
    ("written", "quote", "difference"),
    [
        ("We asked for a new gate in 2021", "We asked for a new gate in 2027", [("1", "7")]),
        ("he had written forty letters about it", "He had written four letters about it", [("forty", "four")]),
        ("the siren had always worked", "the siren had never worked", [("always", "never")]),
        ("heard nothing from the ministers office", "heard nothing from the ministry's office", [("er", "ry'")]),
        ("the siren had never really worked", "the siren had never worked", [(" really", "")]),
        ("просила старые ворота и не получила ответа", "просила новые ворота и не получила ответа", [("ста", "нов")]),
    ],
)
def test_altered_words_are_found_and_spelt_out(
    chatbot: Chatbot, written: str, quote: str, difference: list[tuple[str, str]]
) -> None:
    found = chatbot.quote(written)
    assert found.status == "altered"
    assert [each.quote for each in found.citations] == [quote]
    if quote[0] in "Wth":  # how similar words are cut is difflib's affair; these are plain
        assert "".join(each.printed for each in found.pieces) == quote
    if difference[0] in (("1", "7"), ("always", "never")):
        assert changed(found) == difference


@pytest.mark.parametrize(
    "written",
    ["my bees have left the valley for good", "the ministry of new gates asked nobody for a ferry", "bees", "— …"],
)
def test_words_that_nobody_wrote_are_not_found(chatbot: Chatbot, written: str) -> None:
    if any(map(str.isalnum, written)):
        found = chatbot.quote(written)
        assert (found.status, found.citations, found.pieces) == ("not found", (), ())


def test_a_part_of_a_word_is_no_quotation(chatbot: Chatbot) -> None:
    assert chatbot.quote("ire chief said").status != "verbatim"
    assert chatbot.quote("anger").status == "not found"


def test_parts_stand_in_their_order_and_within_reach(chatbot: Chatbot) -> None:
    assert chatbot.quote("from the ministry … We asked for a new gate").status != "verbatim"
    assert chatbot.quote("We asked for a new gate … written four letters").status != "verbatim"


def test_other_articles_with_the_same_words_are_named(chatbot: Chatbot) -> None:
    found = chatbot.quote("the siren had never worked")
    articles = [each.hit.document.id for each in (*found.citations, *found.others)]
    assert sorted(articles) == ["copy.txt", "gate.md"]
    assert [each.number for each in (*found.citations, *found.others)] == [1, 2]


ARTICLE = "The fire chief said that the siren had never worked. He had written four letters about it."
STRETCHES = st.tuples(st.integers(0, 10), st.integers(4, 8)).map(lambda pair: ARTICLE.split()[pair[0] : sum(pair)])


@given(STRETCHES)
@settings(max_examples=40, deadline=None)
def test_any_stretch_of_an_article_is_verbatim_and_with_a_strange_word_it_is_not(
    chatbot: Chatbot, stretch: list[str]
) -> None:
    assert chatbot.quote(" ".join(stretch)).status == "verbatim"
    middle = len(stretch) // 2
    strange = [*stretch[:middle], "zebra", *stretch[middle + 1 :]]
    found = chatbot.quote(" ".join(strange))
    assert found.status in ("altered", "not found")
    if found.status == "altered":
        assert "zebra" in "".join(each.written for each in found.pieces if not each.same)


@given(st.text("ab’'“”\" —-–…\nİЁё.", max_size=30))
def test_folding_keeps_the_place_of_every_letter(text: str) -> None:
    folded = Folded.of(text)
    assert len(folded.places) == len(folded.text)
    assert list(folded.places) == sorted(folded.places)
    for letter, place in zip(folded.text, folded.places, strict=True):
        if letter in "ab":
            assert text[place] == letter


@given(st.text("abc d,", max_size=20), st.text("abc d,", max_size=20))
def test_a_comparison_holds_both_texts(written: str, printed: str) -> None:
    pieces = list(compare(written, printed))
    assert "".join(each.printed for each in pieces) == printed
    ours = "".join(each.written for each in pieces)
    assert ours.split() == written.split() or ours == written
    assert all(one.same != other.same for one, other in zip(pieces, pieces[1:], strict=False))


def test_a_comparison_of_words_that_are_alike_goes_by_letters() -> None:
    assert list(compare("two letters", "two letter")) == [Piece("two letter", "two letter"), Piece("s", "")]


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("He said “no” and «да» and „nein“.", ["no", "да", "nein"]),
        ("He said \"no way\" to 'all of it'.", ["no way", "all of it"]),
        ("The workers' and the students' rights don't matter.", []),
        ("“One begins here.\n“And goes on,” she said.", ["One begins here.", "And goes on,"]),
        ("“…” he wrote.", []),
        ("‘It’s over,’ she said.", ["It’s over,"]),
    ],
)
def test_quotations_of_all_houses_are_seen(text: str, quoted: list[str]) -> None:
    assert [text[start:end] for start, end in quotation_spans(text)] == quoted


@pytest.mark.parametrize(
    "look",
    [
        lambda: near(
            Folded.of("a " * 2_500), Folded.of("a b " * 2_500)
        ),  # this took eight times as long for twice as much
        lambda: exact(["the", "tide"], Folded.of("the " * 500_000)),  # each place copied all before it: a minute
        lambda: list(compare("x y z " + "a" * 4_900, "x y z " + "ab" * 4_900)),  # this grew with the cube
    ],
)
def test_no_words_take_long_to_be_found(look: Callable[[], object]) -> None:
    began = time.thread_time()
    look()
    assert time.thread_time() - began < 5
