"""What questions name: outlets, authors, articles and dates of an invented index."""

from __future__ import annotations

import calendar
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.mentions import Catalogue, Mention
from rag.mentions.dates import date_mentions
from rag.types import Header

TODAY = date(2032, 5, 12)  # a Wednesday

HEADERS = [
    Header("1", "A tram for Port Velm is voted down", "Harbour Courier", ("Mirela Anders", "Jon Brask"), "2031-03-04"),
    Header("2", "Lake Verrin dries up", "The Ambassador", ("Ilse Kramer",), "2031-02"),
    Header("3", "Why no ferry sails: comment by Galym Orel", "NOLVA - North Osk Lake Verrin Alliance", ("Galym Orel",)),
    Header("4", "Moneyless Velm", "townworld.net", published="2030"),
    Header("5", "Old docks", "Zvezda"),
    Header("6", "Farmers march", "Time", ("Tove Brask",)),
    Header("7", "Sails", "The Beacon - Travel"),
    Header("8", "Goals", "The Beacon - Sports"),
    Header("9", "Ratings", "Focus"),
    Header("10", "Chips", "TechTram"),
    Header("11", "Озеро Веррин", "Новая хроника", ("Анна Петрова",)),
    Header("12", "Floods", "The New Velm Gazette", source="https://www.nvgazette.example/floods"),
    Header("13", "Quotas", "Kommersal"),
    Header("14", "Elders", "The Age"),
    Header("15", "Canal", "Business Line", ("Orel, Vera",)),
]
CATALOGUE = Catalogue(HEADERS)


def shown(question: str, catalogue: Catalogue = CATALOGUE) -> list[tuple[str, str, bool]]:
    """The names a question holds (no dates): what the question writes, what the chip shows, and whether it is sure."""
    found = catalogue.mentions(question, TODAY)
    return [(question[each.start : each.end], each.label, each.sure) for each in found if each.kind != "date"]


def dated(question: str, newest: str = "") -> list[tuple[str, str, str]]:
    """The dates a question holds: what it writes, the first day and the last."""
    return [(question[each.start : each.end], *each.published) for each in date_mentions(question, TODAY, newest)]


# Outlets


@pytest.mark.parametrize(
    ("question", "written", "label"),
    [
        ("What did Zvezda report on the tram?", "Zvezda", "Zvezda"),
        ("Who fell, according to Zvezda?", "Zvezda", "Zvezda"),
        ("Sum up the Ambassador's piece on the lake", "the Ambassador", "The Ambassador"),
        ("What do Ambassador reporters say?", "Ambassador", "The Ambassador"),
        ("what did townworld say about money", "townworld", "townworld.net"),
        ("what did town world report", "town world", "townworld.net"),
        ("What stands in the article on townworld.net?", "townworld.net", "townworld.net"),
        ("Who won, according to zvezda.example?", "zvezda.example", "Zvezda"),
        ("what did the harbour courier write", "harbour courier", "Harbour Courier"),
        ("What does the Harbor Courier say?", "Harbor Courier", "Harbour Courier"),
        ("Sum up the Komersal article", "Komersal", "Kommersal"),
        ("what did komersal report", "komersal", "Kommersal"),
        ("Did NVG report floods?", "NVG", "The New Velm Gazette"),
        ("What did nvgazette report?", "nvgazette", "The New Velm Gazette"),
        ("What do NOLVA's reporters say?", "NOLVA", "NOLVA - North Osk Lake Verrin Alliance"),
        ("What did the North Osk Lake Verrin Alliance report?", "North Osk Lake Verrin Alliance", HEADERS[2].outlet),
        ("Что писала «Звезда» о трамвае?", "Звезда", "Zvezda"),
        ("По данным «Звезды», кто победил?", "Звезды", "Zvezda"),
        ("Кто победил, по данным Новой хроники?", "Новой хроники", "Новая хроника"),
        ("What did Novaya Khronika report?", "Novaya Khronika", "Новая хроника"),
        ("Who fell, according to Time?", "Time", "Time"),
        ("Time reported that the tram fell. Why?", "Time", "Time"),
        ("What did The Age report?", "The Age", "The Age"),
        ("Did techtram cover it?", "techtram", "TechTram"),
    ],
)
def test_an_outlet_that_reports_is_surely_meant(question: str, written: str, label: str) -> None:
    assert shown(question) == [(written, label, True)]


@pytest.mark.parametrize(
    ("question", "written", "label"),
    [
        ("Who owns Zvezda?", "Zvezda", "Zvezda"),
        ("who fell, according to the ambassador?", "the ambassador", "The Ambassador"),
        ("Is it in the Ambassador?", "the Ambassador", "The Ambassador"),
        ("Who was sued by TechTram?", "TechTram", "TechTram"),
        ("What is reported, but not by TechTram?", "TechTram", "TechTram"),
        ("What do outlets other than Zvezda say?", "Zvezda", "Zvezda"),
        ("What was in the Gazette's report?", "Gazette", "The New Velm Gazette"),
    ],
)
def test_an_outlet_that_may_be_the_subject_is_only_a_boost(question: str, written: str, label: str) -> None:
    assert shown(question) == [(written, label, False)]


@pytest.mark.parametrize(
    "question",
    [
        "What is the time in Velm?",
        "Time flies in Velm, why?",
        "Was it on time and in focus?",
        "focus groups reported by whom?",
        "At the age of 30, who won?",
        "Independent time reports say what?",
        "Who bought Time Warner?",
        "Who fell, according to Time Warner?",
        "Did Radio Zvezda report it?",
        "Who sings in One Time to Live?",
        "What is the Academy of the Age?",
        "What grows according to the time table?",
        "What was in The Age of Iron?",
        "What Is The Age Of Consent In Velm?",
        "Is the Ambassador candidate winning?",
        "Была ли звезда видна?",
        "Какая хроника новая?",
        "Which business line is the longest?",
        "Who travels? Sports or travel?",
        "Which kommercial was it?",
        "A town. World peace?",
        "IS THE TIME NOW OR THE AGE GONE?",
    ],
)
def test_a_common_word_or_a_longer_name_is_no_outlet(question: str) -> None:
    assert shown(question) == []


def test_what_is_said_of_one_of_a_list_is_said_of_all() -> None:
    for question in (
        "Who fell, according to Focus, Time, and 'TechTram'?",
        "Focus, Time and TechTram reported it, but how?",
        "What do the Focus, Time and TechTram articles share?",
    ):
        assert [label for _, label, _ in shown(question)] == ["Focus", "Time", "TechTram"], question
    assert all(sure for *_, sure in shown("Who fell, according to both Zvezda and TechTram?"))


def test_a_shared_name_means_all_that_share_it_and_a_full_one_means_one() -> None:
    (shared,) = CATALOGUE.mentions("What did the Beacon report?", TODAY)
    assert (shared.values, shared.label) == (("The Beacon - Travel", "The Beacon - Sports"), "The Beacon")
    (one,) = CATALOGUE.mentions("What did The Beacon - Travel report?", TODAY)
    assert one.values == ("The Beacon - Travel",)


# Authors


def test_an_author_is_sure_only_as_one_who_writes() -> None:
    assert shown("What is in the article by Mirela Anders?") == [("Mirela Anders", "Mirela Anders", True)]
    assert shown("What did Anders say? Was it written by Anders?") == [("Anders", "Mirela Anders", True)]
    assert shown("Who is Mirela Anders?") == [("Mirela Anders", "Mirela Anders", False)]
    assert shown("who is mirela anders") == [("mirela anders", "Mirela Anders", False)]
    assert shown("Where does Anders live?") == []


def test_an_author_whom_titles_name_is_only_a_boost() -> None:
    assert shown("Sum up the article by Galym Orel") == [("Galym Orel", "Galym Orel", False)]


def test_a_family_name_of_two_authors_names_neither() -> None:
    assert shown("What is in the article by Brask?") == []
    assert shown("What is in the article by Jon Brask?") == [("Jon Brask", "Jon Brask", True)]


def test_authors_are_found_turned_round_abbreviated_misspelt_and_in_another_alphabet() -> None:
    assert shown("Which article was written by Vera Orel?") == [("Vera Orel", "Orel, Vera", True)]
    assert shown("Which article was written by I. Kramer?") == [("I. Kramer", "Ilse Kramer", True)]
    assert shown("Which article was written by Mirella Anders?") == [("Mirella Anders", "Mirela Anders", True)]
    assert shown("Что в статье Анны Петровой?")[0][:2] == ("Анны Петровой", "Анна Петрова")
    assert shown("What did Anna Petrova write?")[0][:2] == ("Anna Petrova", "Анна Петрова")


# Titles


def test_a_title_is_found_in_quotation_marks_or_by_its_run_of_words() -> None:
    assert shown('Sum up the article "Lake Verrin dries up"') == [
        ("Lake Verrin dries up", "Lake Verrin dries up", True)
    ]
    assert shown("Sum up «Озеро Веррин»")[0][1] == "Озеро Веррин"
    assert shown("Why was a tram for Port Velm voted down?")[0][1:] == ("A tram for Port Velm is voted down", False)
    assert shown("Who swims in Lake Verrin when it rains?") == []
    assert shown("Is there a tram in Port Velm?") == []


def test_articles_of_one_title_are_all_meant_and_a_run_in_two_titles_means_none() -> None:
    twins = Catalogue([Header("a", "Old bridge closes for good"), Header("b", "Old bridge closes for good")])
    (mention,) = twins.mentions('What says "Old bridge closes for good"?', TODAY)
    assert (mention.kind, mention.values) == ("document", ("a", "b"))
    rivals = Catalogue([Header("a", "Old bridge closes good again"), Header("b", "Old bridge closes good never")])
    assert rivals.mentions("Why did the old bridge closes good?", TODAY) == ()


# Dates


def month(year: int, number: int) -> tuple[str, str]:
    return f"{year}-{number:02}-01", f"{year}-{number:02}-{calendar.monthrange(year, number)[1]}"


@pytest.mark.parametrize(
    ("question", "written", "first", "last"),
    [
        ("Who fell in June 2019?", "June 2019", "2019-06-01", "2019-06-30"),
        ("Who fell on 27 November 2023?", "27 November 2023", "2023-11-27", "2023-11-27"),
        ("Who fell on November 27th, 2023?", "November 27th, 2023", "2023-11-27", "2023-11-27"),
        ("Who fell on the 3rd of Sept. 2023?", "the 3rd of Sept. 2023", "2023-09-03", "2023-09-03"),
        ("Who fell on 2023-11-27?", "2023-11-27", "2023-11-27", "2023-11-27"),
        ("Who fell on 03.04.2021?", "03.04.2021", "2021-04-03", "2021-04-03"),
        ("Who fell on 3/4/2021?", "3/4/2021", "2021-01-01", "2021-12-31"),
        ("Who won since 2020?", "since 2020", "2020-01-01", ""),
        ("Who won after May 2020?", "after May 2020", "2020-06-01", ""),
        ("Who won before 2011?", "before 2011", "", "2010-12-31"),
        ("Who won before 3 March 2011?", "before 3 March 2011", "", "2011-03-02"),
        ("Who won by the end of 2019?", "by the end of 2019", "", "2019-12-31"),
        ("Who won from May 2019 onwards?", "May 2019 onwards", "2019-05-01", ""),
        ("Who won before the 2011 election?", "2011", "2011-01-01", "2011-12-31"),
        ("Who won between March and May 2021?", "between March and May 2021", "2021-03-01", "2021-05-31"),
        ("Who won between November and May 2021?", "between November and May 2021", "2020-11-01", "2021-05-31"),
        ("Who won from 2019 to 2021?", "from 2019 to 2021", "2019-01-01", "2021-12-31"),
        ("Who won in 2019–2021?", "2019–2021", "2019-01-01", "2021-12-31"),
        ("Who won in 2019/20?", "2019/20", "2019-01-01", "2020-12-31"),
        ("Who won on 3-10 June 2020?", "3-10 June 2020", "2020-06-03", "2020-06-10"),
        ("Who won in the spring of 2019?", "the spring of 2019", "2019-03-01", "2019-05-31"),
        ("Who won in winter 2024?", "winter 2024", "2023-12-01", "2024-02-29"),
        ("Who won in the 1990s?", "the 1990s", "1990-01-01", "1999-12-31"),
        ("Who won in early 2020?", "early 2020", "2020-01-01", "2020-04-30"),
        ("Who won in Q3 2020?", "Q3 2020", "2020-07-01", "2020-09-30"),
        ("Who won yesterday?", "yesterday", "2032-05-11", "2032-05-11"),
        ("Who won last week?", "last week", "2032-05-03", "2032-05-09"),
        ("Who won this month?", "this month", "2032-05-01", "2032-05-31"),
        ("Who won this year?", "this year", "2032-01-01", "2032-12-31"),
        ("Who won two years ago?", "two years ago", "2030-01-01", "2030-12-31"),
        ("Who won 10 days ago?", "10 days ago", "2032-05-02", "2032-05-02"),
        ("Who won in the last two weeks?", "the last two weeks", "2032-04-29", "2032-05-12"),
        ("Who won last Friday?", "last Friday", "2032-05-07", "2032-05-07"),
        ("Who won last summer?", "last summer", "2031-06-01", "2031-08-31"),
        ("Who won in March?", "March", "2032-03-01", "2032-03-31"),
        ("Who won in November?", "November", "2031-11-01", "2031-11-30"),
        ("Кто победил в июне 2019 года?", "июне 2019 года", "2019-06-01", "2019-06-30"),
        ("Кто победил 27 ноября 2023 г.?", "27 ноября 2023 г.", "2023-11-27", "2023-11-27"),
        ("Кто победил с 2020 года?", "с 2020 года", "2020-01-01", ""),
        ("Кто победил до 3 марта 2011 года?", "до 3 марта 2011 года", "", "2011-03-02"),
        ("Кто победил с 2019 по 2021 год?", "с 2019 по 2021 год", "2019-01-01", "2021-12-31"),
        ("Кто победил между мартом и маем 2021?", "между мартом и маем 2021", "2021-03-01", "2021-05-31"),
        ("Кто победил на прошлой неделе?", "на прошлой неделе", "2032-05-03", "2032-05-09"),
        ("Кто победил три года назад?", "три года назад", "2029-01-01", "2029-12-31"),
        ("Кто победил весной 2019?", "весной 2019", "2019-03-01", "2019-05-31"),
        ("Кто победил в 1990-х годах?", "1990-х годах", "1990-01-01", "1999-12-31"),
        ("Кто победил вчера?", "вчера", "2032-05-11", "2032-05-11"),
    ],
)
def test_dates_and_ranges(question: str, written: str, first: str, last: str) -> None:
    assert dated(question) == [(written, first, last)]


@pytest.mark.parametrize(
    "question",
    [
        "How did 2000 people die?",
        "Where are the 1500 soldiers of Osk? 2000 dollars?",
        "Who paid $2019?",
        "What costs 2,019 or 2019.5 crowns?",
        "Did Theresa May resign, and may they march 10 miles?",
        "Is it open today?",
        "It starts at 13:41:30.",
        "What happened 99999 years ago, or 5000 years ago?",
        "Who marched in the 300 days of it?",
    ],
)
def test_numbers_names_and_verbs_are_no_dates(question: str) -> None:
    assert dated(question) == []


def test_every_day_of_some_years_reads_as_itself_however_written() -> None:
    names = [calendar.month_name[number] for number in range(1, 13)]
    day = date(2019, 12, 1)
    while day < date(2020, 4, 1):
        name = names[day.month - 1]
        for written in (
            f"{day.day} {name} {day.year}",
            f"{name} {day.day}, {day.year}",
            f"{name[:3]} {day.day} {day.year}",
        ):
            assert dated(f"Who fell on {written}?") == [(written, str(day), str(day))]
        day += timedelta(days=1)
    for year in (1999, 2024):
        for number, name in enumerate(names, start=1):
            assert dated(f"Who fell in {name} {year}?") == [(f"{name} {year}", *month(year, number))]


def test_a_day_without_a_year_is_the_last_that_the_articles_can_know() -> None:
    assert dated("Who fell on September 28?", newest="2023-12") == [("September 28", "2023-09-28", "2023-09-28")]
    assert dated("Who fell on September 28?", newest="2023-09-01") == [("September 28", "2022-09-28", "2022-09-28")]
    assert dated("Who fell on February 29?", newest="2031") == [("February 29", "2028-02-29", "2028-02-29")]
    assert dated("Who fell on September 28?", newest="soon") == [("September 28", "2031-09-28", "2031-09-28")]


@pytest.mark.parametrize(
    ("question", "sure"),
    [
        ("What was reported in November 2023?", True),
        ("Sum up the articles from November 2023", True),
        ("How was the coverage in November 2023?", True),
        ("What did Zvezda report in November 2023?", True),
        ("Did the report by Zvezda published on 3 November 2023 differ?", True),
        ("In November 2023, what did Zvezda report?", True),
        ("What stood in the November 2023 article?", True),
        ("Что сообщила «Звезда» в ноябре 2023 года?", True),
        ("Who resigned in November 2023?", False),
        ("Who published a novel in November 2023?", False),
        ("What did Zvezda say about the November 2023 protests?", False),
        ("Who was president before 2019?", False),
    ],
)
def test_a_date_is_a_filter_only_where_publishing_is_spoken_of(question: str, sure: bool) -> None:
    assert [each.sure for each in CATALOGUE.mentions(question, TODAY) if each.kind == "date"] == [sure]


def test_a_date_said_of_one_report_of_two_is_no_filter() -> None:
    both = "Does the Zvezda report published on 3 May 2031 differ from the TechTram report"
    assert [each.sure for each in CATALOGUE.mentions(f"{both}?", TODAY)] == [True, False, True]
    each_dated = CATALOGUE.mentions(f"{both} published on 4 May 2031?", TODAY)
    assert [(each.kind, each.sure) for each in each_dated] == [("outlet", True), ("date", True)] * 2
    compared = "How does the article of 3 May 2031 compare with the later one of 4 May 2031?"
    assert [each.sure for each in CATALOGUE.mentions(compared, TODAY)] == [True, True]


@pytest.mark.parametrize(
    ("first", "last", "label"),
    [
        ("2023-11-01", "2023-11-30", "Nov 2023"),
        ("2023-01-01", "2023-12-31", "2023"),
        ("2023-03-03", "2023-03-03", "3 Mar 2023"),
        ("1990-01-01", "1999-12-31", "1990s"),
        ("2019-01-01", "2021-12-31", "2019 – 2021"),
        ("2021-03-01", "2021-05-31", "Mar – May 2021"),
        ("2020-11-01", "2021-03-31", "Nov 2020 – Mar 2021"),
        ("2023-11-24", "2023-11-30", "24 – 30 Nov 2023"),
        ("2023-11-27", "2023-12-03", "27 Nov – 3 Dec 2023"),
        ("2020-01-01", "", "since 2020"),
        ("2020-05-01", "", "since May 2020"),
        ("", "2011-03-02", "before 3 Mar 2011"),
        ("", "2010-12-31", "before 2011"),
        ("", "", ""),
    ],
)
def test_labels_of_dates(first: str, last: str, label: str) -> None:
    assert Mention("date", 0, 1, published=(first, last)).label == label


# Any question

TELLING = """since before between from to and the May March 2019 2021 31 3 February ' " « » 's , . ? - – yesterday ago two
years last week в с по мае 2020 года назад Time Focus Zvezda The Beacon according reported by in Anders Mirela Orel article
Lake Verrin dries up 2019-02-30 99/99/2019 0s 1990s winter early Q4 0001 2999 townworld .net Звезды Новая хроника NVG"""
PIECES = st.sampled_from(TELLING.split())


def check(question: str, today: date) -> None:
    found = CATALOGUE.mentions(question, today)
    end = 0
    for each in found:
        assert end <= each.start < each.end <= len(question)
        end = each.end
        first, last = each.published
        assert (each.kind == "date") == bool(first or last) == (not each.values)
        assert each.label
        for day in filter(None, (first, last)):
            assert date.fromisoformat(day).isoformat() == day
        assert not (first and last) or first <= last
    assert found == CATALOGUE.mentions(question, today)


@settings(max_examples=100, deadline=None)
@given(st.lists(PIECES, max_size=25).map(" ".join), st.dates(date(1900, 1, 1), date(2200, 1, 1)))
def test_any_row_of_telling_words_gives_sound_mentions(question: str, today: date) -> None:
    check(question, today)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=200))
def test_any_text_gives_sound_mentions(question: str) -> None:
    check(question, TODAY)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.builds(Header, st.text(min_size=1), st.text(), st.text(), st.tuples(st.text()), st.text(), source=st.text())
    )
)
def test_any_headers_make_a_catalogue(headers: list[Header]) -> None:
    for header in headers:
        for mention in Catalogue(headers).mentions(
            f"What did {header.outlet} and {header.title} report?"[:2000], TODAY
        ):
            assert mention.start < mention.end


def test_an_empty_index_knows_dates_only() -> None:
    assert [each.kind for each in Catalogue([]).mentions("What did Zvezda report in 2019?", TODAY)] == ["date"]
