"""Reading plain text: what an article tells of itself, and that no sentence of it is lost."""

from __future__ import annotations

import datetime
import time
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rag.read
from rag.errors import RefusedFile
from rag.read import READERS, parse
from rag.read.bylines import bare_names, byline
from rag.read.dates import date_line, read_date
from rag.read.furniture import clean_paragraphs, is_furniture
from rag.types import Document

ENGLISH = """Harbour Notes

Port Ennis closes its harbour after the longest storm in years

Recent Features

Harbour Notes

Port Ennis closes its harbour after the longest storm in years

12 June 2019
Ada Brook, Tomas Lind, Ilse van der Meer

Two piers are gone and nobody knows who will pay

Waves over the old lighthouse of Port Ennis on Monday. Photo: Ilse van der Meer

The harbour of Port Ennis was closed on Tuesday after a storm that had lasted for four days, the harbour master said.

“We cannot say when it opens,” he told Courier, whose office lies behind the second pier.

Read also: Lighthouse to be restored by autumn

Asked by Courier whether the town would pay for the repairs, the mayor pointed to the insurers and left the room.

1 / 1
> <

Donate now

Did you like this article? Please share it

Post a comment

Your email will not be published.

Related articles

Lighthouse to be restored

Ferries wait for calmer days
"""
RUSSIAN = """Главная
Новости

В Порт-Эннисе после шторма закрыли порт

14:05, 12 июня 2019
Автор: Ада Брук

Поделиться

Порт города закрыт третий день подряд из-за сильного шторма, сообщил во вторник начальник порта Томас Линд.

Читайте также: Маяк отремонтируют к осени

По словам начальника, корабли ждут у входа в гавань уже более двух суток, и запасов воды им хватит на неделю.

Если вы нашли ошибку, выделите её и нажмите Ctrl+Enter.

© 2019 Вестник Энниса. Все права защищены.
"""
UKRAINIAN = """Порт закрили через шторм
Ада Брук, Томас Лінд
3 липня 2022 року, 10:30
Порт міста зачинено вже третій день поспіль через сильний шторм, повідомив у вівторок начальник порту.
Поділитися
"""
KAZAKH = """Дауылдан кейін порт жабылды

2023 жылғы 27 қараша

Порт-Эннис қаласының порты қатты дауылдан кейін үшінші күн қатарынан жабық тұр, деп хабарлады порт басшысы.
"""
GERMAN = """Hafen nach dem Sturm geschlossen

Von Ada Brook
14. März 2022, 10:30 Uhr

Der Hafen von Port Ennis ist nach einem Sturm den dritten Tag in Folge geschlossen, teilte der Hafenmeister mit.

Quelle: Ennis Kurier
"""


def article(text: str) -> Document:
    return parse("a.txt", text.encode())


def test_an_english_article_saved_with_its_page() -> None:
    found = article(ENGLISH)
    assert found.title == "Port Ennis closes its harbour after the longest storm in years"
    assert found.authors == ("Ada Brook", "Tomas Lind", "Ilse van der Meer")
    assert (found.published, found.outlet) == ("2019-06-12", "Courier")
    assert found.text.split("\n\n") == [
        "Port Ennis closes its harbour after the longest storm in years",
        "Two piers are gone and nobody knows who will pay",
        "Waves over the old lighthouse of Port Ennis on Monday. Photo: Ilse van der Meer",
        "The harbour of Port Ennis was closed on Tuesday after a storm that had lasted for four days, "
        "the harbour master said.",
        "“We cannot say when it opens,” he told Courier, whose office lies behind the second pier.",
        "Asked by Courier whether the town would pay for the repairs, the mayor pointed to the insurers and left the room.",
    ]


def test_a_russian_article() -> None:
    found = article(RUSSIAN)
    assert found.title == "В Порт-Эннисе после шторма закрыли порт"
    assert (found.authors, found.published, found.outlet) == (("Ада Брук",), "2019-06-12", "Вестник Энниса")
    assert found.text.count("\n\n") == 2  # the title and two paragraphs


@pytest.mark.parametrize(
    ("text", "title", "authors", "published", "outlet"),
    [
        (UKRAINIAN, "Порт закрили через шторм", ("Ада Брук", "Томас Лінд"), "2022-07-03", ""),
        (KAZAKH, "Дауылдан кейін порт жабылды", (), "2023-11-27", ""),
        (GERMAN, "Hafen nach dem Sturm geschlossen", ("Ada Brook",), "2022-03-14", "Ennis Kurier"),
    ],
)
def test_other_languages(text: str, title: str, authors: tuple[str, ...], published: str, outlet: str) -> None:
    found = article(text)
    assert (found.title, found.authors, found.published, found.outlet) == (title, authors, published, outlet)


BODY = (
    "The harbour of Port Ennis was closed on Tuesday after a storm that had lasted for four days, an official said.\n\n"
)
BODY += "Around forty ships wait outside, and the town has asked the capital to send another tug before Friday comes.\n"
TITLE = "Storm closes the harbour of Port Ennis\n\n"


@pytest.mark.parametrize(
    ("text", "outlet"),
    [
        (f"© ABC - Another Bureau for Coasts\n{TITLE}{BODY}", "ABC"),
        (f"{TITLE}{BODY}\n© 2019 The Ennis Courier. All rights reserved.", "The Ennis Courier"),
        (f"{TITLE}{BODY}\nSource: Ennis Courier", "Ennis Courier"),
        (f"{TITLE}{BODY}\nThis article was originally published by Ennis Courier.", "Ennis Courier"),
        (f"{TITLE.strip()} | Ennis Courier\n\n{BODY}", "Ennis Courier"),
        (f"{TITLE}https://www.courier.test/2019/storm\n\n{BODY}", "courier.test"),
        (f"{TITLE}PORT ENNIS, June 12 (Ennis Wire) - {BODY}", "Ennis Wire"),
        (f"{TITLE}{BODY}\n© Ada Brook", ""),  # may be the picture's
        (
            f"{TITLE}{BODY}\nLind told Brask so on Monday. Lind told Brask again, and Brask left. Brask is the mayor.",
            "",
        ),
    ],
)
def test_an_outlet_is_taken_only_where_the_article_states_it(text: str, outlet: str) -> None:
    assert article(text).outlet == outlet


def test_a_date_alone_at_the_very_end() -> None:
    found = article(f"{TITLE}{BODY}\nDonate via Paypal\n\nBe the first to comment\n\nMarch 2011")
    assert found.published == "2011-03"
    assert "March 2011" not in found.text


def test_a_date_among_links_at_the_end_is_not_the_articles() -> None:
    assert article(f"{TITLE}{BODY}\nRelated articles\n\nLighthouse to be restored\n\n12 May 2018").published == ""


def test_a_chronicles_dates_are_not_the_articles() -> None:
    found = article(f"{TITLE}{BODY}\n12 June 2019\n\nThe first wave.\n\n13 June 2019\n\nThe second wave.")
    assert found.published == ""
    assert "12 June 2019" in found.text


def test_dates_in_running_text_and_updates_are_not_the_articles() -> None:
    assert article(f"{TITLE}Updated: 14 June 2019\n\nThe mayor resigned on 12 June 2019.\n\n{BODY}").published == ""


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("27 ноября 2023", "2023-11-27"),
        ("Вторник, 5 мая 2020 г., 14:05", "2020-05-05"),
        ("3 липня 2022 року", "2022-07-03"),
        ("27 қараша 2023 ж.", "2023-11-27"),
        ("Mittwoch, 14. März 2022, 10:30 Uhr", "2022-03-14"),
        ("12 de marzo de 2020", "2020-03-12"),
        ("2023年11月27日", "2023-11-27"),
        ("Wed 12 Jun 2019 10.30 BST", "2019-06-12"),
        ("June 12, 2019 10:30 AM EST | Updated June 14, 2019", "2019-06-12"),
        ("Published On 12 Jun 2019", "2019-06-12"),
        ("2019-06-12T10:20:30Z", "2019-06-12"),
        ("12.06.2019", "2019-06-12"),
        ("11.14.2019", "2019-11-14"),
        ("31/12/2019", "2019-12-31"),
        ("06/12/2019", "2019"),  # June or December: only the year is told
        ("March 2011", "2011-03"),
        ("2011-03", "2011-03"),
        ("Published: 2011", "2011"),
        ("2011", ""),  # may be anything
        ("12 June", ""),
        ("today", ""),
        ("Election 2019", ""),
        ("Chapter 12, 2019", ""),
        ("February 31, 2019", ""),
        ("2019-13-01", ""),
        ("It ended on 12 June 2019.", ""),
        ("Updated: 14 June 2019", ""),
    ],
)
def test_date_lines(line: str, expected: str) -> None:
    assert date_line(line) == expected


@given(st.dates(min_value=datetime.date(1900, 1, 1), max_value=datetime.date(2099, 12, 31)))
@settings(max_examples=60, deadline=None)
def test_every_day_reads_back(day: datetime.date) -> None:
    written = str(day)
    year, month, number = written.split("-")
    assert read_date(written) == read_date(f"{number}.{month}.{year}") == written
    assert date_line(f"{day:%d %B %Y}") == date_line(f"{day:%A, %B %d, %Y}") == written


def test_what_was_read_before_does_not_change_a_date() -> None:
    """dateparser prefers the language it saw last; we must not."""
    before = [read_date(line) for line in ("1 mai 2020", "1 may 2020", "Set 2020")]
    for line in ("27 ноября 2023", "5 grudnia 2020", "12 giugno 2019", "14. März 2022"):
        read_date(line)
    rag.read.dates._words.cache_clear()
    assert [read_date(line) for line in ("1 mai 2020", "1 may 2020", "Set 2020")] == before


@pytest.mark.parametrize(
    ("line", "people"),
    [
        ("By Ada Brook", ("Ada Brook",)),
        ("BY ADA BROOK AND TOMAS LIND", ("ADA BROOK", "TOMAS LIND")),
        ("Written by Ada Brook, Reuters", ("Ada Brook",)),
        ("By Ada Brook | Ennis Courier", ("Ada Brook",)),
        ("Авторы: Ада Брук, Томас Линд", ("Ада Брук", "Томас Линд")),
        ("Von: Ada Brook", ("Ada Brook",)),
        ("By Monday the harbour was empty", ()),
        ("By sea and land", ()),
        ("Bypass Road Opens", ()),
        ("Text Message Scandal", ()),
    ],
)
def test_bylines(line: str, people: tuple[str, ...]) -> None:
    assert byline(line) == people


@pytest.mark.parametrize(
    "line", ["Recent Features", "Central Asia", "Human Rights", "ADA BROOK", "Storm closes harbour", "Brook"]
)
def test_a_bare_line_that_is_no_list_of_names(line: str) -> None:
    assert bare_names(line) == ()


def test_a_place_next_to_the_date_is_no_author() -> None:
    assert (
        article(
            f"{TITLE}Port Ennis\n12 June 2019\n\nThe storm began in Port Ennis, where it also ended.\n\n{BODY}"
        ).authors
        == ()
    )
    assert article(f"{TITLE}Ada Brook\n12 June 2019\n\n{BODY}").authors == ("Ada Brook",)


@pytest.mark.parametrize(
    ("header", "authors", "published"),
    [
        ("By\nAda Brook\n\nPublished\n12 June 2019", ("Ada Brook",), "2019-06-12"),
        ("Ada Brook | 12 June 2019", ("Ada Brook",), "2019-06-12"),
        ("By Ada Brook in Politics on 12 June 2019", ("Ada Brook",), "2019-06-12"),
        ("June 12, 2019 10:30 am GMT by Ada Brook", ("Ada Brook",), "2019-06-12"),
        ("Ada Brook, Ennis Wire Service\n12 June 2019", ("Ada Brook",), "2019-06-12"),
        ("Port Ennis, June 12, 2019", (), "2019-06-12"),
        ("Updated\n14 June 2019", (), ""),
        ("By Ada Brook, updated 14 June 2019", ("Ada Brook",), ""),
        ("Published 12 June 2019\nUpdated 14 June 2019", (), "2019-06-12"),
    ],
)
def test_headers_of_many_shapes(header: str, authors: tuple[str, ...], published: str) -> None:
    found = article(f"{TITLE}{header}\n\n{BODY}")
    assert (found.title, found.authors, found.published) == (TITLE.strip(), authors, published)


@pytest.mark.parametrize(
    ("text", "title"),
    [
        (
            f"Politics\nWorld\nThe storm and the harbour of Port Ennis\n\n{BODY}",
            "The storm and the harbour of Port Ennis",
        ),
        (f"Title: Storm closes harbour\nDate: 12.06.2019\nAuthor: Ada Brook\n\n{BODY}", "Storm closes harbour"),
        (f"The harbour is shut.\n\n{BODY}", "The harbour is shut."),
        (f"{TITLE.strip()} – Ennis Courier\n\n{TITLE}{BODY}", TITLE.strip()),
        (BODY, ""),
    ],
)
def test_titles(text: str, title: str) -> None:
    assert article(text).title == title


def test_an_author_named_by_the_title_or_by_an_agencys_last_line() -> None:
    assert article(f"Why is the harbour closed? Comment by Ada Brook\n\n{BODY}").authors == ("Ada Brook",)
    assert article(f"{TITLE}{BODY}\nReporting by Ada Brook; Editing by Tomas Lind").authors == ("Ada Brook",)


def test_a_short_title_above_the_text_alone_stays_the_title() -> None:
    assert article(f"Bloody January\n\n12 June 2019\n\n{BODY}").title == "Bloody January"


def test_a_title_is_at_most_200_characters_and_has_no_control_characters() -> None:
    found = parse("a.md", f'---\ntitle: "{"a" * 5000}\\x1b[2J\\0"\n---\n{BODY}'.encode())
    assert len(found.title) == 200
    assert parse("a.md", f'---\ntitle: "A \\e[2J\\u202E vote"\n---\n{BODY}'.encode()).title == "A [2J vote"


def test_nothing_is_taken_from_the_files_name() -> None:
    found = parse("2019-06-12 Ada Brook - Courier.txt", BODY.encode())
    assert (found.published, found.authors, found.outlet) == ("", (), "")


WORDS = st.text(st.characters(categories=("Ll", "Lu")), min_size=1, max_size=9)


@given(st.lists(st.lists(WORDS, min_size=8, max_size=30), min_size=1, max_size=8))
@settings(max_examples=100, deadline=None)
def test_no_sentence_of_eight_words_is_ever_lost(paragraphs: list[list[str]]) -> None:
    sentences = [unicodedata.normalize("NFC", " ".join(words)) + "." for words in paragraphs]
    found = article("Storm closes the harbour\n\nShare this\n\n" + "\n\n".join(sentences) + "\n\nLeave a Reply\n")
    kept = found.text.split("\n\n")
    for sentence in sentences:
        assert is_furniture(sentence) or sentence in kept


@given(
    st.lists(
        st.sampled_from([*ENGLISH.split("\n"), *RUSSIAN.split("\n"), "March 2011", "***", "By Ada Brook"]), max_size=20
    )
)
@settings(max_examples=60, deadline=None)
def test_cleaning_only_leaves_out_whole_lines(lines: list[str]) -> None:
    kept, _ = clean_paragraphs(lines)
    places = iter(lines)
    assert all(any(line == each for each in places) for _, line in kept)  # the same lines, in the same order


@pytest.mark.parametrize(
    "line",
    [
        "Share prices fell by a third on Monday, the bank said.",
        "Follow US lead on sanctions, urges minister",
        "“Share this with everyone you know,” he told the crowd.",
        "Photo by Ada Brook.",
        "Comments by the minister angered the crowd.",
        "Support for the mayor fell to a third after the storm.",
        "Donations to the harbour fund reached two million.",
        "Home of the oldest lighthouse, Port Ennis is small.",
        "45%",
        "Please make a small donation so that we can go on.",
        "Подписывать договор никто не собирался.",
    ],
)
def test_lines_that_only_look_like_furniture_stay(line: str) -> None:
    assert not is_furniture(line)


@pytest.mark.parametrize(
    "line",
    [
        "1 / 1",
        "> <",
        "***",
        "Image 3 of 9",
        "SHARE",
        "Share this:",
        "Facebook Twitter Email",
        "Leave a Reply",
        "3 Comments",
        "Your email address will not be published.",
        "Follow us on Telegram!",
        "Subscribe to our newsletter",
        "We use cookies to make this site better.",
        "If you have found a spelling error, please select it and press Ctrl+Enter.",
        "Read this article in Russian",
        "Читайте этот материал на казахском.",
        "Нашли ошибку? Выделите её и нажмите Ctrl+Enter.",
        "Подписывайтесь на наш канал",
        "Комментарии (3)",
    ],
)
def test_furniture(line: str) -> None:
    assert is_furniture(line)


@given(st.text(max_size=400), st.sampled_from(sorted(READERS)))
@settings(max_examples=100, deadline=None)
def test_every_document_is_clean_or_refused(text: str, suffix: str) -> None:
    try:
        found = parse("a" + suffix, text.encode("utf-8", "surrogatepass"))
    except RefusedFile:
        return
    for field in (found.text, found.title, found.outlet, found.published, *found.authors):
        assert field == unicodedata.normalize("NFC", field)
        assert not any(sign in field for sign in "\r\x00\u200b\u202e\xad")
    assert found.text.strip()


@pytest.mark.parametrize("suffix", sorted(READERS))
@pytest.mark.parametrize("data", [b"", b"\xef\xbb\xbf", b"   \n\n", b"\x00" * 50, b"123 456"])
def test_a_file_without_words_is_refused(suffix: str, data: bytes) -> None:
    with pytest.raises(RefusedFile):
        parse("a" + suffix, data)


def test_whatever_a_parser_raises_becomes_a_reason_without_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(id: str, data: bytes) -> Document:
        raise KeyError("/home/somebody/secret.txt")

    monkeypatch.setitem(READERS, ".txt", broken)
    with pytest.raises(RefusedFile, match=r"^the \.txt reader failed \(KeyError\); save it as \.txt$"):
        parse("a.txt", b"words")


def test_an_unsupported_format_is_refused() -> None:
    with pytest.raises(RefusedFile, match="unsupported format .jsonl"):
        parse("questions.jsonl", b"{}")


def test_special_tokens_of_language_models_are_text() -> None:
    marks = "The model prints <|endoftext|> and <|im_start|>system when it is done with its work."
    assert marks in article(f"{TITLE}{marks}\n\n{BODY}").text


def test_five_megabytes_in_one_line_read_fast() -> None:
    started = time.process_time()
    assert len(article("word and " * 600_000).text) == 5_399_999
    assert time.process_time() - started < 8


def test_the_readers_version_names_the_libraries() -> None:
    from importlib.metadata import version

    assert f"trafilatura={version('trafilatura')}" in rag.read.reader_version("a.html")
    with pytest.raises(AttributeError):
        _ = rag.read.nothing
