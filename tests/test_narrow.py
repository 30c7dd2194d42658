"""A scope that is chosen or typed: what can be chosen, what it comes to, and that it reads itself again."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.errors import QuestionError
from rag.index.entities import Name
from rag.types import Header, Scope
from rag.web.narrow import choices, labels, scope_of

HEADERS = (
    Header("mill.md", "The mill of Tarn", "Courier", ("Ada Rusk", "Li Moss"), "2031-03-04"),
    Header("ferry.md", "Ferries", "Gazette", ("Ada Rusk",), "2030-11"),
    Header("notes/pears.md", "Pears", "Gazette", (), "2029"),
    Header("plain.txt"),
)


def test_outlets_years_authors_and_titles_are_offered_in_this_order() -> None:
    offered = ["Gazette", "Courier", "2031", "2030", "2029", "Ada Rusk", "Li Moss"]
    assert choices(HEADERS) == [*offered, "The mill of Tarn", "Ferries", "Pears", "plain.txt"]


@given(st.lists(st.sampled_from(choices(HEADERS)), max_size=6))
def test_what_is_offered_is_understood_and_holds_what_it_names(chosen: list[str]) -> None:
    scope = scope_of(chosen, HEADERS)
    assert scope_of(labels(scope, HEADERS), HEADERS) == scope
    years = sorted(int(each) for each in chosen if re.fullmatch(r"\d{4}", each))
    for header in HEADERS:
        names = {
            "outlet": (header.outlet,),
            "author": header.authors,
            "title": (header.title or header.id,),
        }
        wanted = {kind: {each for each in chosen if each in _all(kind)} for kind in names}
        held = all(not wanted[kind] or set(names[kind]) & wanted[kind] for kind in names)
        year = int(header.published[:4]) if header.published else 0
        assert scope.holds(header) == (held and (not years or years[0] <= year <= years[-1]))


def _all(kind: str) -> set[str]:
    by_kind = {
        "outlet": {each.outlet for each in HEADERS if each.outlet},
        "author": {author for each in HEADERS for author in each.authors},
        "title": {each.title or each.id for each in HEADERS},
    }
    return by_kind[kind]


@pytest.mark.parametrize(
    ("typed", "period"),
    [
        ("2031", ("2031-01-01", "2031-12-31")),
        ("2028-02", ("2028-02-01", "2028-02-29")),
        ("2031-03-04", ("2031-03-04", "2031-03-04")),
        ("2029 – 2031", ("2029-01-01", "2031-12-31")),
        ("2029-2031", ("2029-01-01", "2031-12-31")),
        ("2031-03 –", ("2031-03-01", "")),
        ("– 2030", ("", "2030-12-31")),
    ],
)
def test_a_date_can_be_typed(typed: str, period: tuple[str, str]) -> None:
    scope = scope_of([typed], ())
    assert scope == Scope(published=period)
    assert scope_of(labels(scope), ()) == scope


@pytest.mark.parametrize("typed", ["Nobody", "2031-13", "2031-02-30", "2031 – 2029", "0000", "–"])
def test_what_no_article_has_is_told(typed: str) -> None:
    with pytest.raises(QuestionError, match="choose one from the list"):
        scope_of([typed], HEADERS)


@pytest.mark.parametrize("sent", [None, 7, {"a": 1}, [3, None], "", [""]])
def test_what_is_no_list_of_names_narrows_nothing(sent: object) -> None:
    assert not scope_of(sent, HEADERS)


@pytest.mark.parametrize(
    ("typed", "meant"), [("gaz", "Gazette"), ("moss", "Li Moss"), ("mill of", "The mill of Tarn"), ("31", "2031")]
)
def test_a_part_of_one_choice_stands_for_it(typed: str, meant: str) -> None:
    assert [each for each in choices(HEADERS) if typed in each.lower()] == [meant]
    assert scope_of([typed], HEADERS) == scope_of([meant], HEADERS) != Scope()


def test_a_part_of_several_choices_is_refused() -> None:
    with pytest.raises(QuestionError, match="choose one from the list"):
        scope_of(["ar"], HEADERS)


def test_an_articles_file_and_any_case_do_too() -> None:
    assert scope_of(["NOTES/pears.md", "gazette"], HEADERS) == Scope(
        outlets=("Gazette",), documents=("notes/pears.md",)
    )


def test_names_that_articles_mention_stand_after_authors() -> None:
    names = (Name("Ilse Brandt", ("Brandt",), 4, ("ferry.md",)), Name("Li Moss", (), 1, ("mill.md",)))
    offered = choices(HEADERS, names)
    assert offered[offered.index("Li Moss") :][:3] == ["Li Moss", "Ilse Brandt", "The mill of Tarn"]
    scope = scope_of(["brandt", "Li Moss", "2031"], HEADERS, names)
    assert scope == Scope(authors=("Li Moss",), names=("Ilse Brandt",), published=("2031-01-01", "2031-12-31"))
    assert scope_of(labels(scope, HEADERS), HEADERS, names) == scope
    with pytest.raises(QuestionError, match="nor mentions it"):
        scope_of(["Ilse Brandt"], HEADERS)


@pytest.mark.parametrize(
    ("typed", "outlets", "meant"),
    [
        ("sun", ["The Sun", "Sunday Post"], "The Sun"),
        ("post", ["Sunday Post", "The Sun"], "Sunday Post"),
        ("sun", ["Sunday Post", "The Sun"], "The Sun"),
        ("su", ["Sunday Post", "The Sun"], "Sunday Post"),
    ],
)
def test_a_part_of_several_choices_stands_for_an_outlet(typed: str, outlets: list[str], meant: str) -> None:
    """The one that has it as a word, else the first, as the list shows them."""
    headers = [Header(f"{number}.md", f"Sunny post {number}", outlet) for number, outlet in enumerate(outlets)]
    assert scope_of([typed], headers) == Scope(outlets=(meant,))
