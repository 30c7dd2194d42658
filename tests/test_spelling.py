"""Spellings: keys of names in several alphabets, forms that are near, against a slow reference."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rag.text.spelling
from rag.text.spelling import Spellings, _Column, key, keys, written_forms

ALIKE = [
    ("Tarkhanov", "Tarhanov", "Tarkhanow", "Tarkhanoff", "Тарханов"),
    ("Zhandos", "Jandos", "Žandos", "Жандос", "Dzhandos"),
    ("Kossym", "Qosym", "Kosym", "Қосым", "Qossym"),
    ("Vellmueller", "Vellmüller", "Wellmueller", "Wellmüller"),
    ("Sarayev", "Saraev", "Sarajev", "Сараев"),
    ("Yertis", "Ertis", "Ертис"),
    ("Bulyakova", "Buliakova", "Булякова"),
    ("Orynskiy", "Orynsky", "Orynskyy", "Orynskij", "Орынский"),
    ("Aksentsov", "Axentsov", "Аксенцов"),
    ("Chushchenko", "Čuščenko", "Tschuschtschenko", "Чущенко"),
    ("Noursaleem", "Nursalim", "Нурсалим"),
    ("Olʹgev", "Ольгев", "Olgev"),
]
DIFFERENT = [
    ("house", "horse"),
    ("form", "from"),
    ("Oldaty", "Oldaly"),
    ("Anton", "Antonina"),
    ("Karov", "Kerov"),
    ("sam", "sham"),
]
words_of_any_alphabet = st.text(st.characters(categories=("Lu", "Ll", "Lo", "Lm")), min_size=1, max_size=12)


@pytest.mark.parametrize("names", ALIKE, ids=lambda names: names[0])
def test_spellings_of_one_name_have_one_key(names: tuple[str, ...]) -> None:
    assert len({key(name) for name in names}) == 1, {name: key(name) for name in names}


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_words_that_merely_look_alike_have_two(one: str, other: str) -> None:
    assert key(one) != key(other)


@given(st.lists(words_of_any_alphabet, min_size=1, max_size=8))
@settings(max_examples=100, deadline=None)
def test_many_keys_at_once_are_the_keys_one_by_one(words: list[str]) -> None:
    assert keys(words) == [key(word) for word in words]
    assert not any(character in sound for sound in keys(words) for character in "\n\t")


def slow_distance(one: str, other: str) -> int:
    """Optimal string alignment by its definition."""
    rows = [[max(i, j) if not i or not j else 0 for j in range(len(other) + 1)] for i in range(len(one) + 1)]
    for i in range(1, len(one) + 1):
        for j in range(1, len(other) + 1):
            same = one[i - 1] == other[j - 1]
            rows[i][j] = min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + (not same))
            if i > 1 and j > 1 and one[i - 1] == other[j - 2] and one[i - 2] == other[j - 1]:
                rows[i][j] = min(rows[i][j], rows[i - 2][j - 2] + 1)
    return rows[-1][-1]


@given(
    st.lists(st.text("abcdZй", max_size=8), max_size=20), st.text("abcdZй", min_size=1, max_size=8), st.integers(1, 2)
)
@settings(max_examples=100, deadline=None)
def test_near_strings_are_those_of_the_slow_reference(strings: list[str], sought: str, errors: int) -> None:
    expected = {row for row, string in enumerate(strings) if slow_distance(sought, string) <= errors}
    assert _Column([*strings, "abc"]).near(sought, errors) - {len(strings)} == expected


def test_a_form_is_written_as_it_mostly_is() -> None:
    known = Spellings.of({"Tram": 3, "tram": 9, "Kossym": 4, "kossym": 1, "TARKHANOV": 2})
    assert [known.written(word) for word in ("TRAM", "kossym", "Tarkhanov", "Kosym")] == [
        "tram",
        "Kossym",
        "Tarkhanov",
        "",
    ]


def test_the_table_is_read_as_it_was_written_whatever_the_order(tmp_path: Path) -> None:
    counts = {"Kossym": 2, "tram": 1, "Жандос": 3, "Ürgüp": 1}
    for number, order in enumerate((counts, dict(reversed(counts.items())))):
        folder = tmp_path / str(number)
        folder.mkdir()
        Spellings.of(order).save(folder)
        read = Spellings.open(folder)
        assert read.same("Qosym") == ["Kossym"]
        assert read.same("Zhandos") == ["Жандос"]
        assert read.meant("urgupp") == {"Ürgüp": 1}
    assert (tmp_path / "0" / "spellings.table").read_bytes() == (tmp_path / "1" / "spellings.table").read_bytes()


@pytest.mark.parametrize(("limit", "most"), [("_MOST_FORMS", 40), ("_LARGEST_TABLE", 300)])
def test_of_more_forms_than_a_table_may_have_the_frequent_ones_stay(
    monkeypatch: pytest.MonkeyPatch, limit: str, most: int
) -> None:
    monkeypatch.setattr(rag.text.spelling, limit, most)
    forms = [a + b + "t" for a in "bdfgk" for b in ("a", "e", "i", "o", "u", "in", "er", "ol")]
    known = Spellings.of({form: count for count, form in enumerate(forms, start=1)})
    read = Spellings.from_bytes(known.to_bytes())
    assert 10 < len(read.forms) < len(forms)
    assert sorted(read.forms) == sorted(forms[-len(read.forms) :])


def test_with_an_empty_table_nothing_is_spelt_another_way(tmp_path: Path) -> None:
    Spellings.of({}).save(tmp_path)
    known = Spellings.open(tmp_path)
    assert (known.same("Kossym"), known.meant("Kossym"), known.written("Kossym")) == ([], {}, "")


def test_cyrillic_names_are_found_in_their_cases() -> None:
    known = Spellings.of({"Sarayev": 1, "Sarayeva": 1, "Сараеву": 1, "Олдаты": 1, "Anna": 1})
    assert set(known.same("Сараевым")) == {"Sarayev", "Sarayeva", "Сараеву"}
    assert known.same("Saraev") == ["Sarayev", "Сараеву"]
    assert known.same("Oldaty") == ["Олдаты"]
    assert known.same("Олдате") == ["Олдаты"]


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("Tarkahnov", True),  # transposed
        ("Tarkhnov", True),  # left out
        ("Tarkhanpv", True),  # another letter
        ("Yarkhanov", True),  # another first letter
        ("Tarkhanov", True),
        ("Tarbhanez", False),  # two errors in nine letters
        ("harbuor", True),
        ("harbor", True),
        ("barbour", False),  # everyday words may be another where they begin with another letter
        ("harbout", True),
        ("ham", False),  # short
        ("horse", False),
    ],
)
def test_how_far_a_word_may_be_from_what_was_meant(typed: str, found: bool) -> None:
    known = Spellings.of({"Tarkhanov": 1, "harbour": 1, "house": 1, "him": 1})
    assert bool(known.meant(typed)) is found


def test_the_likelier_error_comes_first() -> None:
    known = Spellings.of({"Oldarin": 1, "Oldatin": 1, "Oldartin": 1})
    assert list(known.meant("Oldratin")) == ["Oldartin", "Oldatin"]


@given(words_of_any_alphabet)
@settings(max_examples=60, deadline=None)
def test_any_word_can_be_looked_for(word: str) -> None:
    known = Spellings.of({"Tarkhanov": 1, "Жандос": 1, "harbour": 1})
    assert {*known.same(word), *known.meant(word)} <= {"Tarkhanov", "Жандос", "harbour"}


def test_forms_are_words_of_letters() -> None:
    assert written_forms("Ust-Tarkhan, A320s; 4x4 (Жандос’s) it 12") == ["Ust", "Tarkhan", "Жандос"]
