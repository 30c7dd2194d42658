"""What questions name: outlets, authors, articles and dates of an invented index."""

from __future__ import annotations

import calendar
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.retrieval.mentions import Catalogue, Mention
from rag.types import Header

TODAY = date(2032, 5, 12)  # a Wednesday

HEADERS = [
    Header("1", "A tram for Port Velm is voted down", "Harbour Courier", ("Mirela Anders", "Jon Brask"), "2031-03-04"),
    Header("2", "Lake Verrin dries up", "The Ambassador", ("Ilse Kramer",), "2031-02"),
    Header("3", "Moneyless Velm", "townworld.net", ("Reporters of Velm",), "2032"),
    Header("4", "Old docks", "Zvezda"),
    Header("5", "Farmers march", "Time", ("Tove Brask",)),
    Header("6", "Sails", "The Beacon - Travel"),
    Header("7", "Goals", "The Beacon - Sports"),
    Header("8", "Chips", "TechTram"),
    Header("9", "Озеро Веррин", "Новая хроника", ("Анна Петрова",)),
    Header("10", "Floods", "The New Velm Gazette", source="https://www.velmpaper.example/floods"),
    Header("11", "Quotas", "Kommersal"),
    Header("12", "Elders", "The Age"),
    Header("13", "Canal", "Business Line", ("Orel, Vera",)),
]
CATALOGUE = Catalogue(HEADERS)


def shown(question: str) -> list[tuple[str, str, bool]]:
    """The names a question holds (no dates): what the question writes, what the chip shows, and whether it is sure."""
    found = CATALOGUE.mentions(question, TODAY)
    return [(question[each.start : each.end], each.label, each.sure) for each in found if each.kind != "date"]


def dated(question: str, headers: list[Header] = HEADERS) -> list[tuple[str, str]]:
    """The first and the last day of each date that a question holds."""
    return [each.published for each in Catalogue(headers).mentions(question, TODAY) if each.kind == "date"]


# Outlets


@pytest.mark.parametrize(
    ("question", "written", "label"),
    [
        ("What did Zvezda report on the tram?", "Zvezda", "Zvezda"),
        ("Sum up the Ambassador's piece on the lake", "Ambassador", "The Ambassador"),
        ("what did townworld say about money", "townworld", "townworld.net"),
        ("what did town world report", "town world", "townworld.net"),
        ("Who won, according to zvezda.example?", "zvezda.example", "Zvezda"),
        ("what did the harbour courier write", "harbour courier", "Harbour Courier"),
        ("What does the Harbor Courier say?", "Harbor Courier", "Harbour Courier"),
        ("Sum up the Komersal article", "Komersal", "Kommersal"),
        ("Did NVG report floods?", "NVG", "The New Velm Gazette"),
        ("What did velmpaper report?", "velmpaper", "The New Velm Gazette"),
        ("Что писала «Звезда» о трамвае?", "Звезда", "Zvezda"),
        ("По данным «Звезды», кто победил?", "Звезды", "Zvezda"),
        ("«Новая хроника» мақаласында не айтылған?", "Новая хроника", "Новая хроника"),
        ("What did Novaya Khronika report?", "Novaya Khronika", "Новая хроника"),
        ("Time reported that the tram fell. Why?", "Time", "Time"),
        ("what did time report", "time", "Time"),
    ],
)
def test_an_outlet_that_reports_is_sure(question: str, written: str, label: str) -> None:
    assert shown(question)[0][-2:] == (label, True)
    assert shown(question)[0][0].removeprefix("the ") == written


@pytest.mark.parametrize(
    ("question", "label"),
    [
        ("Who owns Zvezda?", "Zvezda"),
        ("who fell, according to the ambassador?", "The Ambassador"),
        ("What is reported, but not by TechTram?", "TechTram"),
        ("What do outlets other than Zvezda say?", "Zvezda"),
        ("Is it on townworld.net?", "townworld.net"),
    ],
)
def test_an_outlet_that_may_be_the_subject_only_raises(question: str, label: str) -> None:
    assert [each[1:] for each in shown(question)] == [(label, False)]


@pytest.mark.parametrize(
    "question",
    [
        "Time flies in Velm, why?",
        "At the age of 30, who won?",
        "Independent time reports say what?",
        "Who fell, according to Time Warner?",
        "Did Radio Zvezda report it?",
        "What grows according to the time table?",
        "Is the Ambassador candidate winning?",
        "Была ли звезда видна?",
        "Which kommercial was it?",
        "A town. World peace?",
        "Как пишется хроника?",
    ],
)
def test_a_common_word_or_a_longer_name_is_no_outlet(question: str) -> None:
    assert shown(question) == []


def test_what_is_said_of_the_first_of_a_list_is_said_of_all() -> None:
    found = shown("Who fell, according to Zvezda, Time, and 'TechTram'?")
    assert [each[1:] for each in found] == [("Zvezda", True), ("Time", True), ("TechTram", True)]


@pytest.mark.parametrize(
    ("question", "sure"),
    [
        ("What do Zvezda and the TechTram say about the tram?", [True, True]),
        ("What do Zvezda, the Ambassador and TechTram report of the tram?", [True, True, True]),
        ("Что пишут «Звезда» и «Новая хроника»?", [True, True]),
        ("Who owns Zvezda? TechTram says Brask does.", [False, True]),
        ("Did Zvezda sue TechTram, which said so?", [False, False]),
    ],
)
def test_what_is_said_of_the_last_of_a_list_is_said_of_all(question: str, sure: list[bool]) -> None:
    assert [each[2] for each in shown(question)] == sure


def test_a_shared_name_means_all_that_share_it_and_a_full_one_means_one() -> None:
    (shared,) = CATALOGUE.mentions("What did the Beacon report?", TODAY)
    assert (shared.values, shared.label) == (("The Beacon - Travel", "The Beacon - Sports"), "The Beacon")
    (one,) = CATALOGUE.mentions("What did The Beacon - Travel report?", TODAY)
    assert one.values == ("The Beacon - Travel",)


# Authors and titles


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("What is in the article by Mirela Anders?", [("Mirela Anders", "Mirela Anders", True)]),
        ("Was it written by Anders?", [("Anders", "Mirela Anders", True)]),
        ("Who is Mirela Anders?", [("Mirela Anders", "Mirela Anders", False)]),
        ("who is mirela anders", [("mirela anders", "Mirela Anders", False)]),
        ("Where does Anders live?", []),
        ("What is in the article by Brask?", []),  # two authors have that family name
        ("What is in the article by Jon Brask?", [("Jon Brask", "Jon Brask", True)]),
        ("Which article was written by Vera Orel?", [("Vera Orel", "Orel, Vera", True)]),
        ("Which article was written by Mirella Anders?", [("Mirella Anders", "Mirela Anders", True)]),
        ("Что в статье Анны Петровой?", [("Анны Петровой", "Анна Петрова", True)]),
        ("What did Anna Petrova write?", [("Anna Petrova", "Анна Петрова", True)]),
    ],
)
def test_an_author_is_sure_only_as_one_who_writes(question: str, found: list[tuple[str, str, bool]]) -> None:
    assert shown(question) == found


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ('Sum up the article "Lake Verrin dries up"', [("Lake Verrin dries up", "Lake Verrin dries up", True)]),
        ("Sum up «Озеро Веррин»", [("Озеро Веррин", "Озеро Веррин", False)]),
        ("Is it true that Lake Verrin dries up?", [("Lake Verrin dries up", "Lake Verrin dries up", False)]),
        ("Do old docks and a tram for Port Velm go together?", []),
    ],
)
def test_an_article_is_found_by_its_title(question: str, found: list[tuple[str, str, bool]]) -> None:
    assert shown(question) == found


def test_articles_of_one_title_are_all_meant() -> None:
    twins = Catalogue([Header("a", "Old bridge closes"), Header("b", "Old bridge closes | Courier")])
    (mention,) = twins.mentions('What says "Old bridge closes"?', TODAY)
    assert (mention.kind, mention.values) == ("document", ("a", "b"))


# Dates


@pytest.mark.parametrize(
    ("first", "last", "written"),
    [
        (
            "2016-01-01",
            "2016-12-31",
            "in 2016|in the spring of 2016|before the 2016 election|in 2016 before it rose|в 2016 году",
        ),
        ("2019-06-01", "2019-06-30", "in June 2019|in 2019-06|в июне 2019 года|маусым 2019|2019 жылғы маусымда"),
        (
            "2023-09-03",
            "2023-09-03",
            "on the 3rd of Sept. 2023|on 2023-09-03|on 03.09.2023|3 сентября 2023 года|2023 жылғы 3 қыркүйек",
        ),
        ("2021-04-13", "2021-04-13", "on 4/13/2021|on 13/4/2021|on 13 Apr 2021|on April 13th, 2021"),
        ("2021-01-01", "2021-12-31", "on 3/4/2021"),  # in April or in March
        ("2020-01-01", "", "since 2020|from 2020 onwards|с 2020 года|2020 жылдан бері"),
        ("2020-06-01", "", "after May 2020|после мая 2020"),
        ("", "2010-12-31", "before 2011|prior to 2011|by the end of 2010|до 2011 года|2011 жылға дейін"),
        ("", "2011-03-02", "before 3 March 2011|before the 3rd of March 2011|до 3 марта 2011 года"),
        ("2021-03-01", "2021-05-31", "between March and May 2021|March – May 2021|между мартом и маем 2021"),
        ("2020-11-01", "2021-05-31", "between November and May 2021"),
        ("2019-01-01", "2021-12-31", "from 2019 to 2021|in 2019–2021|с 2019 по 2021 год|2019 жылдан 2021 жылға дейін"),
        ("2023-11-27", "2023-12-03", "from 27 November to 3 December 2023"),
        ("2020-06-03", "2020-06-10", "on 3-10 June 2020|on June 3-10, 2020"),
        ("2032-05-11", "2032-05-11", "yesterday|вчера|кеше"),
        ("2032-05-03", "2032-05-09", "last week|на прошлой неделе|өткен аптада"),
        ("2032-04-01", "2032-04-30", "last month|в прошлом месяце"),
        ("2031-01-01", "2031-12-31", "last year|былтыр"),
        ("2032-01-01", "2032-12-31", "this year|в этом году|биыл"),
        ("2032-05-10", "2032-05-12", "in the last three days|за последние три дня|соңғы үш күн"),
    ],
)
def test_dates_and_ranges(first: str, last: str, written: str) -> None:
    for each in written.split("|"):
        assert dated(f"Who won {each}?") == [(first, last)], each


@pytest.mark.parametrize(
    "question",
    [
        "Did the strike last three days?",
        "Will it last week after week?",
        "Can the truce last years?",
        "Would it last year-round?",
        "Who sleeps in room 1984?",
        "How did 2000 people die, in 2000 votes?",
        "Who paid $2019, 2,019 or 2019.5 crowns in the 1990s?",
        "Did Theresa May resign, and may they march 10 miles?",
        "Who spoke after Jan Brandt, before April Smith or since June Carter?",
        "What was said before August Wilson left?",
        "Where did the March for Life start?",
        "Was it signed at 13:41:30 on 4 August 1774?",
        "Жива ли Марта?",
        "Қазан қаласында не бар?",
    ],
)
def test_numbers_names_and_verbs_are_no_dates(question: str) -> None:
    assert dated(question) == []


def test_may_is_a_name_a_verb_and_a_month() -> None:
    assert dated("May Theresa May speak in May?") == [("2032-05-01", "2032-05-31")]
    assert dated("Why may May march in May 2016?") == [("2016-05-01", "2016-05-31")]


@pytest.mark.parametrize("number", range(1, 13))
def test_every_month_reads_as_itself_however_written(number: int) -> None:
    name, day = calendar.month_name[number], f"1999-{number:02}-13"
    for written in (f"13 {name} 1999", f"{name} 13, 1999", f"{name[:3]} 13 1999", f"13.{number}.1999", day):
        assert dated(f"Who fell on {written}?") == [(day, day)]
    last = calendar.monthrange(1999, number)[1]
    assert dated(f"Who fell in {name} 1999?") == [(f"1999-{number:02}-01", f"1999-{number:02}-{last}")]


@pytest.mark.parametrize(
    ("newest", "found"),
    [("2023-12", "2023-09-28"), ("2023-09-01", "2022-09-28"), ("2031", "2031-09-28"), ("soon", "2031-09-28")],
)
def test_a_day_without_a_year_is_the_last_that_the_articles_can_know(newest: str, found: str) -> None:
    assert dated("Who fell on September 28?", [Header("a", published=newest)]) == [(found, found)]


@pytest.mark.parametrize(
    ("question", "sure"),
    [
        ("What was reported in November 2023?", True),
        ("What did Zvezda report in November 2023?", True),
        ("Did the report by Zvezda published on 3 November 2023 differ?", True),
        ("What stood in the November 2023 article?", True),
        ("Что сообщила «Звезда» в ноябре 2023 года?", True),
        ("Who resigned in November 2023?", False),
        ("Who published a novel in November 2023?", False),
        ("What did Zvezda say about the November 2023 protests?", False),
    ],
)
def test_a_date_is_sure_only_beside_a_word_of_publishing(question: str, sure: bool) -> None:
    assert [each.sure for each in CATALOGUE.mentions(question, TODAY) if each.kind == "date"] == [sure]


@pytest.mark.parametrize(
    ("first", "last", "label"),
    [
        ("2023-01-01", "2023-12-31", "2023"),
        ("2023-03-03", "2023-03-03", "3 Mar 2023"),
        ("2020-11-01", "2021-03-31", "Nov 2020 – Mar 2021"),
        ("2023-11-27", "2023-12-03", "27 Nov 2023 – 3 Dec 2023"),
        ("2020-01-01", "", "since 2020"),
        ("", "2011-03-02", "before 3 Mar 2011"),
    ],
)
def test_labels_of_dates(first: str, last: str, label: str) -> None:
    assert Mention("date", 0, 1, published=(first, last)).label == label


# Any question

TELLING = """since before between from to and the May March 2019 2021 31 3 February ' " « » 's , . ? - – yesterday two weeks
last week в с по мае 2020 года жылғы дейін Time Zvezda The Beacon according reported by in Anders Mirela article Lake Verrin
dries up 2019-02-30 99/99/2019 1990s early 0001 2999 townworld .net Звезды Новая хроника NVG"""
PIECES = st.sampled_from(TELLING.split())


@settings(max_examples=100, deadline=None)
@given(st.one_of(st.lists(PIECES, max_size=25).map(" ".join), st.text(max_size=200)), st.dates(date(1900, 1, 1)))
def test_any_question_gives_sound_mentions(question: str, today: date) -> None:
    found, end = CATALOGUE.mentions(question, today), 0
    for each in found:
        assert end <= each.start < each.end <= len(question)
        end = each.end
        assert each.label
        assert (each.kind == "date") == any(each.published) == (not each.values)
        days = [date.fromisoformat(day) for day in each.published if day]
        assert days == sorted(days)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.builds(Header, st.text(min_size=1), st.text(), st.text(), st.tuples(st.text()), st.text(), source=st.text())
    )
)
def test_any_headers_make_a_catalogue(headers: list[Header]) -> None:
    for header in headers:
        asked = f"What did {header.outlet} and {header.title} report?"[:2000]
        assert all(each.start < each.end for each in Catalogue(headers).mentions(asked, TODAY))


def test_an_empty_index_knows_dates_only() -> None:
    assert [each.kind for each in Catalogue([]).mentions("What did Zvezda report in 2019?", TODAY)] == ["date"]


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What did the Courier report?", ["Harbour Courier"]),
        ("What did the courier report?", []),  # who brings parcels
        ("Who hired the Courier?", []),
        ("What do the Courier and the Gazette say?", ["Harbour Courier", "Northbay Gazette"]),
        ("What does the Times report?", []),  # either of two
        ("What does the Gazette of Velm report?", []),
        ("What does the Velm Gazette report?", []),
    ],
)
def test_the_last_word_of_an_outlets_name_counts_where_it_says_something(question: str, expected: list[str]) -> None:
    outlets = ("Harbour Courier", "Northbay Gazette", "Osk Times", "Kelm Times")
    catalogue = Catalogue([Header(f"{outlet}.md", outlet=outlet) for outlet in outlets])
    assert [each.name for each in catalogue.mentions(question, date(2031, 1, 1))] == expected
