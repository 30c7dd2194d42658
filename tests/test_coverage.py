"""Articles over time: the unit is that of most dates, and every article is counted once."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from rag.types import Header
from rag.web.coverage import COLOURS, MOST_PERIODS, _times


def headers(*published: str) -> list[Header]:
    return [Header(f"{number}.md", published=each) for number, each in enumerate(published)]


def test_two_strays_do_not_stretch_the_axis() -> None:
    three = [f"2019-11-{day}" for day in (10, 11, 12)]
    periods, counts = _times(headers("2018-01-05", *three * 19, "2019-11-10", "2024-07-01"), [])
    assert periods == ["earlier", *three, "later"]
    assert [counts[each, COLOURS] for each in periods] == [1, 20, 19, 19, 1]


def test_outlets_are_counted_apart() -> None:
    named = [Header("a.md", outlet="A", published="2031-03-04"), Header("b.md", outlet="B", published="2031-03-04")]
    assert _times(named, ["A"]) == (["2031-03-04"], {("2031-03-04", 0): 1, ("2031-03-04", COLOURS): 1})


def test_the_unit_is_that_of_most_dates() -> None:
    def spread(days: int, count: int = 20) -> list[str]:
        return [str(date(2031, 1, 1) + timedelta(days * each // count)) for each in range(count)]

    for days, first in ((20, "2031-01-01"), (100, "week of 2030-12-30"), (400, "2031-01"), (3000, "2031")):
        assert _times(headers(*spread(days)), [])[0][0] == first
    assert _times(headers("2031-03-04", "2031-05"), [])[0] == ["2031-03", "2031-04", "2031-05"]
    assert _times(headers("2031-03-04", "2032"), [])[0] == ["2031", "2032"]
    assert _times(headers("", "soon"), [])[0] == []
    assert _times(headers("0001", "9999"), [])[0] == ["0001", "9999"]


dates = st.dates(date(1900, 1, 1), date(2100, 1, 1)).map(str) | st.dates(date(2030, 1, 1), date(2030, 2, 1)).map(str)


@given(st.lists(st.builds(lambda text, end: text[:end], dates, st.sampled_from((4, 7, 10, 10, 10)))))
def test_every_dated_article_is_counted_in_a_period_of_the_axis(published: list[str]) -> None:
    periods, counts = _times(headers(*published), [])
    assert counts.total() == len(published)
    assert {each for each, _ in counts} <= set(periods)
    assert len(periods) <= max(MOST_PERIODS, len(published))
