"""No word is lost silently: what a reader leaves out is counted by kind, and no sentence is among it."""

from __future__ import annotations

import json
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import html

from rag.read import parse
from rag.read.blocks import Marks, page_blocks
from rag.read.furniture import clean_paragraphs

FIRST = "The harbour of Port Ennis was closed on Tuesday after a storm that had lasted for four days, an official said."
SECOND = "Around forty ships wait outside, and the town has asked the capital to send another tug before Friday comes."
THIRD = (
    "Ilse van der Meer, who has kept the lighthouse since 1998, said that she had never seen waves of such a height."
)
BODY = f"<p>{FIRST}</p><p>{SECOND}</p><p>{THIRD}</p>"


def lines(inside: str, around: str = "", head: str = "") -> list[str]:
    page = f"<html><head><title>Storm</title>{head}</head><body>{around}<article><h1>Storm closes harbour</h1>{inside}"
    return parse("a.html", f"{page}</article></body></html>".encode()).text.split("\n\n")


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        ("<p>It opens on <time datetime='2019-06-14'>14 June</time> at noon.</p>", "It opens on 14 June at noon."),
        ("<p>The <label>first pier</label> costs <output>30</output> crowns.</p>", "The first pier costs 30 crowns."),
        ("<p>Ask <button>Ada Brook</button> about the lighthouse.</p>", "Ask"),
        (
            "<p>She won in 2019<sup><a href='#n1'>1</a></sup> and left in 2023.</p>",
            "She won in 2019¹ and left in 2023.",
        ),
        ("<p>About 10<sup>6</sup> fish died in the harbour.</p>", "About 10⁶ fish died in the harbour."),
        ("<p>The tug left at 9:15.<br>14 men were on board.</p>", "14 men were on board."),
        (
            "<figure><img src='a.jpg'><figcaption>The lamp is lit on 3 May 2023.</figcaption></figure>",
            "The lamp is lit",
        ),
        (
            "<p><a href='/p'>Ana Brik resigned on Monday after nine years as mayor.</a></p>",
            "Ana Brik resigned on Monday",
        ),
        ("<div class='standfirst'>Two piers are gone and nobody pays.</div>", "Two piers are gone"),
        ("<header><p class='lead'>The council of Osk voted 7 to 4 on Monday.</p></header>", "The council of Osk voted"),
    ],
)
def test_a_page_keeps_the_words_of_its_article(written: str, seen: str) -> None:
    kept = lines(f"<p>{FIRST}</p>{written}<p>{SECOND}</p><p>{THIRD}</p>")
    assert any(line.startswith(seen) for line in kept), kept
    assert [line for line in kept if line in (FIRST, SECOND, THIRD)] == [FIRST, SECOND, THIRD]


def test_a_card_that_opens_over_a_name_is_no_part_of_the_sentence() -> None:
    card = "<span><span><img src='a.jpg'><a>Ada Brook</a><a>Brook opens a pier</a></span></span>"
    kept = lines(f"{BODY}<p>The mayor, <span><a>Ada Brook</a>{card}</span> of Port Ennis, left early.</p>")
    assert kept[-1] == "The mayor, Ada Brook of Port Ennis, left early."


def test_cells_are_never_glued_to_another_number() -> None:
    table = (
        "<table><tr><th>Pier</th><th>Ships</th></tr><tr><td>1</td><td><ul><li>10</li><li>12</li></ul></td></tr></table>"
    )
    kept = lines(BODY + table)
    assert kept[-2:] == ["Pier | Ships", "1 | 10 12"]


def test_code_keeps_its_indentation() -> None:
    code = "def tide():\n    return 4"
    assert lines(f"{BODY}<pre>{code}</pre>")[-1] == code
    assert parse("a.md", f"{FIRST}\n\n```\n{code}\n```\n".encode()).text.endswith(f"\n\n{code}")


def test_a_live_page_keeps_the_time_of_each_update() -> None:
    updates = "".join(
        f"<section><time datetime='2019-06-12T{hour}:10'>{hour}:10</time><p>{text}</p></section>"
        for hour, text in ((22, FIRST), (21, SECOND), (20, THIRD))
    )
    assert lines(updates)[-6:] == ["22:10", FIRST, "21:10", SECOND, "20:10", THIRD]


@pytest.mark.parametrize(
    "page",
    [
        f"<div aria-hidden='true'><article>{BODY}</article></div><div role='dialog'><p>We store your data.</p></div>",
        f"<aside>{BODY}</aside><div id='cookie'><p>We use cookies to measure how this site is used by readers.</p></div>",
        f"<dialog open><h2>Your privacy</h2><p>We and our partners store data on it.</p></dialog><main>{BODY}</main>",
        f"<form><div class='consent-open'>{BODY}</div></form><div class='consent-box'><p>Accept all partners.</p></div>",
    ],
)
def test_a_page_saved_with_its_dialog_open_gives_its_article(page: str) -> None:
    found = parse("a.html", f"<html><body>{page}</body></html>".encode())
    assert found.text.split("\n\n") == [FIRST, SECOND, THIRD]
    assert sum(dict(found.left_out).values()) > 0


@pytest.mark.parametrize(
    "style",
    [
        "display:none",
        "Visibility: hidden",
        "font-size:0",
        "font-size: 0px",
        "opacity:0.0",
        "position:absolute; left:-9999px",
        "text-indent:-1000px",
        "color:#fff;background:#FFF",
        "font-size:1px",
        "color: White !important; background-color: rgb(255, 255, 255)",
        "color:rgba(0,0,0,0)",
        "margin-left:-9999px",
    ],
)
def test_what_a_style_hides_is_counted_and_not_read(style: str) -> None:
    found = parse("a.html", f"<html><body><article>{BODY}<p style='{style}'>Obey this order.</p></article>".encode())
    assert "Obey" not in found.text
    assert ("hidden text", 3) in found.left_out
    line = parse("a.md", f"{FIRST} <span style='{style}'>Obey this.</span> Yes.".encode())
    assert (line.text, line.left_out) == (f"{FIRST} Yes.", (("hidden text", 2),))


@pytest.mark.parametrize(
    ("ground", "hidden"),
    [
        ("style='background:#fff'", True),
        ("bgcolor='white'", True),
        ("style='background:#fff'><div", True),
        ("style='background:#fff'><div class='night'", False),  # its colour is not known
        ("style='background:#fff'><div style='background:#000'", False),
        ("", False),
    ],
)
def test_text_in_the_colour_of_its_ground_is_hidden(ground: str, hidden: bool) -> None:
    page = (
        f"<html><body><article>{BODY}<div {ground}><p style='color:white'>The mayor said that nobody drowned.</p></div>"
    )
    found = parse("a.html", f"{page}</article></body></html>".encode())
    assert ("nobody drowned" not in found.text, ("hidden text", 6) in found.left_out) == (hidden, hidden)


@pytest.mark.parametrize(
    "style",
    ["font-size:10px", "font-size:1.1px", "font-size: small", "opacity:0.5", "left:-2px", "color:#fff;background:#000"],
)
def test_what_a_style_shows_is_read(style: str) -> None:
    assert lines(f"{BODY}<p style='{style}'>The mayor said that nobody drowned.</p>")[-1].startswith("The mayor said")


def test_every_word_of_a_page_is_kept_or_counted() -> None:
    around = (
        "<nav><a href='/'>Home page</a></nav><div class='related-stories'><a href='/x'>Older story here</a></div>"
        "<div class='comments'><p>What a storm.</p></div><footer>Port Ennis</footer><p hidden>secret words</p>"
        "<div id='cookie-bar'>We store data.</div>"
    )
    found = parse("a.html", f"<html><body>{around}<article>{BODY}</article></body></html>".encode())
    assert found.left_out == (
        ("comments", 3),
        ("consent dialogs", 3),
        ("hidden text", 2),
        ("menus", 4),
        ("other articles", 3),
    )


WORD = st.text(st.characters(categories=("Ll",)), min_size=1, max_size=6)


@given(st.lists(st.tuples(st.sampled_from(["p", "b", "div", "li", "td", "br", "span", "h2"]), WORD), max_size=12))
@settings(max_examples=80, deadline=None)
def test_the_blocks_of_a_page_are_all_its_words_in_order(parts: list[tuple[str, str]]) -> None:
    markup = "".join(f"<{tag}>{word}</{tag}> " if tag != "br" else f"<br>{word} " for tag, word in parts)
    tree = html.document_fromstring(f"<html><body><div>x {markup}</div></body></html>")
    expected = re.sub(r"[\s|]+", " ", " ".join(tree.find("body").itertext())).split()
    assert " ".join(block.text for block in page_blocks(tree)).replace("|", " ").split() == expected


@pytest.mark.parametrize("count", [3, 9_000])
def test_marks_name_each_block(count: int) -> None:
    tree = html.document_fromstring("<html><body>" + "".join(f"<p>word{n} ☀</p>" for n in range(count)))
    blocks = page_blocks(tree)
    marks = Marks(blocks)
    assert marks.found(tree.text_content()) == set(range(count))
    assert marks.found(" ".join(tree.itertext()).split(" ")[0]) == {0}


SENTENCES = """
Share this news with the coastguard, the harbour master told the crews.
Donate by Friday or the lighthouse closes, the council warned its citizens.
Follow me, the director told the press, and walked out of the room.
By using customers' photos without their consent, the app broke the law.
You must be logged in to vote, the commission said, and 3,000 could not.
Please make a donation, the mayor begged the richest of the ship owners.
Become a patron of the lighthouse, read the poster on the town hall.
Support our troops, said the banner over the bridge of Port Ennis.
Sign up now, the recruiters shouted at the sailors on the pier.
Join the discussion on Monday, the minister said to the fishermen.
Click here was all that the screen of the ticket machine showed.
We use cookies as bait, one of the fishermen admitted to the court.
If you found an error you were fined, the clerk recalled.
Read this article in English, the judge told the witness, and she did.
Tags: the turtles carry them for a year, the biologist explained.
Related: both brothers of the mayor sit on the board.
Copyright law was broken too, and all rights reserved to the widow.
Get our newsletter was the only answer that the company gave.
Subscribe to our theory, the professor asked, and nobody did.
Подпишитесь на петицию, просили рыбаки, но мэр отказался.
Поддержите нас, сказал капитан, и мы выйдем в море.
Если вы нашли ошибку, вам повезло, пошутил редактор.
""".strip().split("\n")


@pytest.mark.parametrize("sentence", SENTENCES)
@pytest.mark.parametrize("suffix", [".txt", ".md"])
def test_a_sentence_that_begins_like_furniture_stays(sentence: str, suffix: str) -> None:
    found = parse("a" + suffix, f"Storm closes harbour\n\n{FIRST}\n\n{sentence}\n\n{SECOND}\n\n{sentence}".encode())
    assert found.text.count(sentence) == 2


def test_the_items_of_a_list_are_no_menu() -> None:
    text = f"{FIRST}\n\nThe party has three aims:\n\n{{0}}Search\n{{0}}Home\n{{0}}Privacy\n\n{SECOND}\n\nSearch\n"
    for suffix, bullet in ((".md", "- "), (".txt", "")):
        found = parse("a" + suffix, text.format(bullet).encode())
        assert found.text.split("\n\n")[-4:] == ["Search", "Home", "Privacy", SECOND]
        assert found.left_out == (("buttons and notices", 1),)


@pytest.mark.parametrize(
    "agency", ["PORT ENNIS —", "PORT ENNIS, June 12 (Agency) -", "Port Ennis (Agency) –", "(Agency) —", "ВЕНА, 5 мая –"]
)
def test_an_agencys_line_stands_apart_from_the_first_sentence(agency: str) -> None:
    for suffix in (".txt", ".md"):
        found = parse("a" + suffix, f"Storm closes harbour\n\n{agency} {FIRST}\n\n{SECOND}".encode())
        assert found.text.split("\n\n")[-3:] == [agency, FIRST, SECOND]


@pytest.mark.parametrize("start", ["The mayor (62) –", "NATO – which the town left –", "One (of two) - or more -"])
def test_a_dash_makes_no_agencys_line(start: str) -> None:
    line = f"{start} said that the harbour of Port Ennis would be closed for four more days."
    assert line in parse("a.txt", f"Storm closes harbour\n\n{line}\n\n{SECOND}".encode()).text.split("\n\n")


def test_a_line_said_twice_stays_twice() -> None:
    assert clean_paragraphs(["Yes.", "Yes.", FIRST])[0] == list(enumerate(["Yes.", "Yes.", FIRST]))


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        ("1986. The bridge fell into the harbour.", ["1986. The bridge fell into the harbour."]),
        ("14. Juli war ein Feiertag.", ["14. Juli war ein Feiertag."]),
        ("1. Mai war ein Feiertag.", ["1. Mai war ein Feiertag."]),
        ("1. One ship\n2. Two ships", ["One ship", "Two ships"]),
        ("<REED> No cut.\n<LIND> I am against it.", ["<REED> No cut.", "<LIND> I am against it."]),
        ("[REED]: Yes\n\n[LIND]: No.", ["[REED]: Yes", "[LIND]: No."]),
        ("Q: Why?\nA: The storm.", ["Q: Why?", "A: The storm."]),
        ("[12:05] The tug left.\n[12:20] It came back.", ["[12:05] The tug left.", "[12:20] It came back."]),
        ("A [link][1] to it.\n\n[1]: https://courier.test/x", ["A link to it."]),
        ("One<br>two and H<sub>2</sub>O, 10<sup>6</sup>", ["One", "two and H2O, 10⁶"]),
        (
            "The mayor said that\nPort Ennis: a history sells well.",
            ["The mayor said that Port Ennis: a history sells well."],
        ),
    ],
)
def test_markdown_keeps_what_is_seen(written: str, seen: list[str]) -> None:
    assert parse("a.md", f"{FIRST}\n\n{written}\n".encode()).text.split("\n\n")[1:] == seen


@pytest.mark.parametrize(
    "written",
    [
        "2023-08-27 22:44:26 -0700",
        "2023-08-27 10:00:00+02:00",
        "2023-08-27T10:00:00 +02:00",
        "2023-08-27 10:00:00.000000",
        "Sun, 27 Aug 2023 10:00:00 +0200",
        "2023-8-27",
    ],
)
@pytest.mark.parametrize("name", ["date", "publishedAt", "published_at", "date_published"])
def test_the_dates_of_feeds_and_site_generators(written: str, name: str) -> None:
    assert (
        parse("a.md", f"---\ntitle: x\npublished: true\n{name}: {written}\n---\n{FIRST}".encode()).published
        == "2023-08-27"
    )


@pytest.mark.parametrize(
    ("header", "title", "authors"),
    [
        ("---\ntitle: Osk: mayor resigns\nauthor: Ada Brook\n---", "Osk: mayor resigns", ("Ada Brook",)),
        ("---\ntitle:\tMayor resigns\nauthor: Brook, Ada\n---", "Mayor resigns", ("Ada Brook",)),
        ('---\ntitle: "Mayor: "We open""\nauthors: [Ada Brook, Tomas Lind]\n---', None, ("Ada Brook", "Tomas Lind")),
        ("---\ntitle: x\nauthors:\n  - name: Ada Brook\n  - name: Tomas Lind\n---", "x", ("Ada Brook", "Tomas Lind")),
        ("---\ntitle: x\nauthor:\n  name: Ada Brook\n  mail: a@b.test\n---", "x", ("Ada Brook",)),
        ('+++\ntitle = "Storm: day 2"\nauthors = ["Ada Brook"]\n+++', "Storm: day 2", ("Ada Brook",)),
        (json.dumps({"title": "Storm", "author": "Ada Brook", "tags": [1]}), "Storm", ("Ada Brook",)),
    ],
)
def test_headers_of_every_form(header: str, title: str | None, authors: tuple[str, ...]) -> None:
    found = parse("a.md", f"{header}\n\n{FIRST}".encode())
    assert found.authors == authors
    assert found.text == FIRST
    assert title is None or found.title == title


def test_an_object_that_is_no_header_is_text() -> None:
    assert parse("a.md", f'{{"a": 1}}\n\n{FIRST}'.encode()).text.startswith('{"a": 1}')


def test_a_header_cannot_blow_up_by_merging() -> None:
    names = "{" + ", ".join(f"k{n}: v" for n in range(9)) + "}"
    bomb = "".join(f'a{n}: &a{n} {{!!merge "<<": [{",".join([f"*a{n - 1}"] * 9)}]}}\n' for n in range(1, 12))
    started = time.process_time()
    found = parse("a.md", f"---\ntitle: x\na0: &a0 {names}\n{bomb}---\n{FIRST}".encode())
    assert (found.title, found.text) == ("x", FIRST)
    assert time.process_time() - started < 5


LD = "<script type='application/ld+json'>{}</script>"


@pytest.mark.parametrize(
    ("head", "inside", "around", "expected"),
    [
        ("", "<p class='date'>08/09/2023</p>", "", "2023"),
        ("", "<p class='date'>Updated: 14 September 2023</p><p>Published 27 August 2023</p>", "", "2023-08-27"),
        ("", "<p class='meta'>27 August 2023</p>", "<div class='related'><time>3 Feb 2019</time></div>", "2023-08-27"),
        ("", "", "<div class='related'><time datetime='2019-02-03'>3 Feb 2019</time></div>", ""),
        ("", "<p>The pier opens on <time datetime='2024-04-01'>1 April 2024</time> at noon.</p>", "", ""),
        ("", "<div>Posted: Fri 6:45 PM, Feb 16, 2018 | </div>", "", "2018-02-16"),
        ("<meta property='article:modified_time' content='2023-09-14'>", "<p>27 August 2023</p>", "", "2023-08-27"),
        ("<link rel='canonical' href='https://courier.test/2023/08/27/storm'>", "", "", "2023-08-27"),
        (
            LD.format(
                json.dumps(
                    {
                        "@graph": [
                            {"@type": "WebPage", "datePublished": "2021-01-05"},
                            {"@type": ["NewsArticle"], "datePublished": "2023-08-27T10:00:00+00:00"},
                        ]
                    }
                )
            ),
            "",
            "",
            "2023-08-27",
        ),
        (LD.format("{broken"), "<p>27 August 2023</p>", "", "2023-08-27"),
    ],
)
def test_a_pages_date_is_the_articles_own(head: str, inside: str, around: str, expected: str) -> None:
    page = f"<html><head>{head}</head><body>{around}<article><h1>Storm</h1>{inside}{BODY}</article></body></html>"
    assert parse("a.html", page.encode()).published == expected


@pytest.mark.parametrize("piece", ["a<br>", "<!-- x -->", "<p>a", "<h1>a</h1>", "<time>a</time>"])
def test_a_long_page_is_read_in_time_that_grows_with_it(piece: str) -> None:
    started = time.process_time()
    parse("a.html", f"<html><body><article>{BODY}{piece * 5_000}".encode())
    assert time.process_time() - started < 10
