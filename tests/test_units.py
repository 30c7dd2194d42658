"""What of a passage can be quoted as an answer."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rag.answer.units import LONGEST_LIST, Unit, units


def plain(text: str, title: str = "") -> list[tuple[str, str]]:
    """The units that can answer, with their contexts."""
    return [(text[each.start : each.end], each.context) for each in units(text, title) if each.kind == "plain"]


def test_sentences_of_a_paragraph() -> None:
    assert plain("The bridge fell. Nobody was hurt.") == [("The bridge fell.", ""), ("Nobody was hurt.", "")]


def test_a_row_comes_with_its_header_and_the_header_alone_is_no_answer() -> None:
    text = "The gate counts visitors.\n\nYear | Visitors\n2019 | 12,401\n2020 | 3,207"
    assert plain(text)[1:] == [("2019 | 12,401", "Year | Visitors"), ("2020 | 3,207", "Year | Visitors")]


def test_a_single_row_has_no_header() -> None:
    assert plain("Ana Brik | Reed party") == [("Ana Brik | Reed party", "")]


def test_a_list_is_one_unit_with_its_lead_in() -> None:
    text = "It was signed by:\n- Norland\n- Velm\n\nIt holds for a year."
    assert plain(text) == [("It was signed by:\n- Norland\n- Velm", ""), ("It holds for a year.", "")]


def test_a_long_list_is_cut_into_items_with_the_lead_in_as_context() -> None:
    item = "- " + "word " * 30
    text = "It was signed by:\n" + "\n".join([item.strip()] * (LONGEST_LIST // 100))
    assert set(plain(text)) == {(item.strip(), "It was signed by:")}


def test_a_lead_in_without_its_list_is_no_answer() -> None:
    assert plain("It was signed by:") == []


def test_the_reply_has_the_question_as_context() -> None:
    text = "**How many ships come in?**\n\nAbout forty. In August sixty.\n\nThe harbour is old."
    asked = "**How many ships come in?**"
    assert plain(text) == [("About forty.", asked), ("In August sixty.", asked), ("The harbour is old.", "")]


def test_an_interview_with_letters() -> None:
    text = "Q: Who pays for it?\nA: The town does.\n\nВопрос: Кто платит?\nОтвет: Город платит."
    assert plain(text) == [
        ("A: The town does.", "Q: Who pays for it?"),
        ("Ответ: Город платит.", "Вопрос: Кто платит?"),
    ]


def test_questions_and_headings_are_no_answers() -> None:
    assert plain("How the bridge fell\n\nThe bridge fell on Monday. Why did it fall? Rust did it.") == [
        ("The bridge fell on Monday.", ""),
        ("Rust did it.", ""),
    ]
    assert plain("A vote in the town of Kelm on Sunday\n\nIt was held.", "A vote in the town of Kelm on Sunday") == [
        ("It was held.", "")
    ]


def test_captions_and_standfirsts_can_answer() -> None:
    caption = "Mayor Ilse Varn opens the new bridge on Monday. Photo: Ana Brik"
    assert plain(caption)[0] == ("Mayor Ilse Varn opens the new bridge on Monday.", "")
    standfirst = "The old bridge closes for three years from the first of May"
    assert plain(standfirst) == [(standfirst, "")]


LINES = st.sampled_from(
    [
        "The bridge fell. It was old.",
        "Who did it?",
        "A | B",
        "1 | 2",
        "- one",
        "2. two",
        "It was:",
        "Short line",
        "",
        "  ",
    ]
)


@given(st.lists(LINES, max_size=12).map("\n".join))
def test_units_are_ordered_and_hold_all_that_is_not_white_space(text: str) -> None:
    found: list[Unit] = units(text)
    assert all(one.end <= other.start for one, other in zip(found, found[1:], strict=False))
    assert "".join("".join(text[each.start : each.end].split()) for each in found) == "".join(text.split())
