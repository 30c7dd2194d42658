"""Markdown and web pages: what is seen of them, and that strange ones stop nothing."""

from __future__ import annotations

import socket
import time
from dataclasses import replace
from pathlib import Path

import pytest

from rag.errors import RefusedFile
from rag.read import parse

FIRST = "The harbour of Port Ennis was closed on Tuesday after a storm that had lasted for four days, an official said."
SECOND = "Around forty ships wait outside, and the town has asked the capital to send another tug before Friday comes."


def test_markdown_with_front_matter() -> None:
    found = parse(
        "a.md",
        f"""---
title: 'Storm: "the worst"'
outlet: No
authors: [Ada Brook, Tomas Lind]
published: 2011-03
language: en
source: https://courier.test/storm
extra: [1, {{a: b}}]
---

# Storm

{FIRST} **Bold**, *slanted*,
[linked](https://evil.test) and `code`.
![picture](https://evil.test/x.png)

## Aftermath

- one ship
- two ships

> {SECOND}

| Pier | Lost |
|------|------|
| North | 14 m |

<div>Seen <b>text</b></div>
<p hidden>order</p>
<!-- order -->
""".encode(),
    )
    assert (found.title, found.outlet, found.authors) == ('Storm: "the worst"', "No", ("Ada Brook", "Tomas Lind"))
    assert (found.published, found.language, found.source) == ("2011-03", "en", "https://courier.test/storm")
    assert found.text.split("\n\n") == [
        "Storm",
        f"{FIRST} Bold, slanted, linked and code.",
        "Aftermath",
        "one ship",
        "two ships",
        SECOND,
        "Pier | Lost",
        "North | 14 m",
        "Seen text",
    ]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2011", "2011"),
        ("2011-03", "2011-03"),
        ("2011-03-05", "2011-03-05"),
        ("2019-06-12T23:30:00+06:00", "2019-06-12"),
        ("27 ноября 2023", "2023-11-27"),
        ('"12 June 2019"', "2019-06-12"),
        ("soon", ""),
        ("~", ""),
        ("[2011]", ""),
    ],
)
def test_a_date_stays_as_exact_as_it_was_written(written: str, expected: str) -> None:
    assert parse("a.md", f"---\ntitle: x\npublished: {written}\n---\n{FIRST}".encode()).published == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("Ada Brook", ("Ada Brook",)),
        ("Ada Brook, Tomas Lind and Ilse Meer", ("Ada Brook", "Tomas Lind", "Ilse Meer")),
        ("[Ada Brook]", ("Ada Brook",)),
        ("{a: b}", ()),
    ],
)
def test_authors_as_a_list_or_as_text(written: str, expected: tuple[str, ...]) -> None:
    assert parse("a.md", f"---\ntitle: x\nauthor: {written}\n---\n{FIRST}".encode()).authors == expected


@pytest.mark.parametrize(
    "header",
    [
        "title: !!python/object/apply:os.system ['touch /tmp/footnote-was-here']",
        "title: !!python/name:os.system",
        'title: "open',
        "title: [",
        "title: " + "[" * 19_000,
        "title: &a [*a",
        "title: {{ page.title }}",
        "title: @courier",
    ],
)
def test_an_entry_that_is_not_plain_yaml_costs_that_entry_only(header: str) -> None:
    started = time.process_time()
    found = parse("a.md", f"---\n{header}\ndate: 2019-06-12\n---\n{FIRST}".encode())
    assert (found.published, found.text) == ("2019-06-12", FIRST)
    assert not Path("/tmp/footnote-was-here").exists()
    assert time.process_time() - started < 5


def test_a_text_file_may_have_front_matter_too() -> None:
    data = (
        b"---\ntitle: Storm on Osk\noutlet: Courier\nauthor: Ada Brook\npublished: 2031-03-04\n---\nThe ferry sank.\n"
    )
    text, markdown = parse("a.txt", data), parse("a.md", data)
    assert text == replace(markdown, id="a.txt")
    assert (text.title, text.outlet, text.published, text.text) == (
        "Storm on Osk",
        "Courier",
        "2031-03-04",
        "The ferry sank.",
    )


def test_front_matter_that_is_too_long_is_refused() -> None:
    with pytest.raises(RefusedFile, match="front matter is too long"):
        parse("a.md", ("---\ntitle: x\n" + "a: b\n" * 6000 + f"\n---\n{FIRST}").encode())


def test_aliases_cannot_blow_up() -> None:
    levels = "\n".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 30))
    found = parse("a.md", f"---\nl0: &l0 word\n{levels}\ntitle: *l29\nauthors: *l29\n---\n{FIRST}".encode())
    assert (found.title, found.authors, found.text) == ("", (), FIRST)


def test_a_thematic_break_is_no_front_matter() -> None:
    found = parse("a.md", f"---\n\n{FIRST}\n\n---\n\n{SECOND}\n".encode())
    assert found.text == f"{FIRST}\n\n{SECOND}"


def test_markdown_without_front_matter_tells_its_header_as_text_does() -> None:
    found = parse("a.md", f"# Storm closes harbour\n\nBy Ada Brook\n\n*12 June 2019*\n\n{FIRST}\n\n{SECOND}".encode())
    assert (found.title, found.authors, found.published) == ("Storm closes harbour", ("Ada Brook",), "2019-06-12")
    assert found.text == f"Storm closes harbour\n\n{FIRST}\n\n{SECOND}"


@pytest.mark.parametrize("mark", [">", "> ", "[", "![", "*", "_", "`", "<", "- ", "[a](", "**a ", "<a>", "|a"])
def test_ten_thousand_marks_do_not_hang(mark: str) -> None:
    started = time.process_time()
    found = parse("a.md", f"{FIRST}\n\n{mark * 10_000}\n\n{SECOND}".encode())
    assert time.process_time() - started < 5
    assert FIRST in found.text
    assert SECOND in found.text


def test_what_is_nested_too_deep_is_kept_as_it_stands() -> None:
    found = parse("a.md", "\n".join("  " * level + f"- item number{level}" for level in range(150)).encode())
    assert all(f"item number{level}" in found.text for level in range(150))


PAGE = f"""<!DOCTYPE html><html lang="en"><head><title>Storm | Courier</title>
<meta property="og:title" content="Storm closes harbour"><meta property="og:site_name" content="Ennis Courier">
<meta name="author" content="Ada Brook"><meta property="article:published_time" content="2019-06-12T10:00:00+02:00">
<link rel="canonical" href="https://courier.test/storm"></head><body>
<nav><a href="/">Home</a> <a href="/news">News</a></nav>
<article><h1>Storm closes harbour</h1><p>{FIRST}</p><h2>Aftermath</h2><p>{SECOND}</p>
<p style="color:red; DISPLAY : none">HIDDENCANARY said the order that nobody sees on the page in the browser.</p>
<p hidden>HIDDENCANARY said the order that nobody sees on the page in the browser.</p>
<p aria-hidden="true">HIDDENCANARY said the order that nobody sees on the page in the browser.</p>
<!-- HIDDENCANARY --><noscript><p>HIDDENCANARY said the order that nobody sees.</p></noscript>
<template><p>HIDDENCANARY said the order that nobody sees.</p></template><script>HIDDENCANARY</script>
<img src="https://evil.test/x.png" alt="HIDDENCANARY" title="HIDDENCANARY">
<p>A last&#8203; word: vo&shy;te, said the mayor.</p>
</article><footer>Copyright</footer></body></html>"""


def test_a_page() -> None:
    found = parse("a.html", PAGE.encode())
    assert (found.title, found.outlet, found.authors) == ("Storm closes harbour", "Ennis Courier", ("Ada Brook",))
    assert (found.published, found.language, found.source) == ("2019-06-12", "en", "https://courier.test/storm")
    lines = found.text.split("\n\n")
    assert lines[-4:] == [FIRST, "Aftermath", SECOND, "A last word: vote, said the mayor."]
    assert "Home" not in found.text


def test_hidden_text_is_not_read() -> None:
    assert "HIDDENCANARY" in PAGE
    assert "HIDDENCANARY" not in parse("a.html", PAGE.encode()).text
    assert "HIDDENCANARY" not in parse("a.md", PAGE.encode()).text


def test_a_page_under_the_name_of_a_text() -> None:
    assert parse("a.txt", PAGE.encode()).text == parse("a.html", PAGE.encode()).text


@pytest.mark.parametrize(
    ("mark", "expected"),
    [
        ('<time datetime="2019-06-12">12 June</time>', "2019-06-12"),
        ('<meta itemprop="datePublished" content="2019-06-01">', "2019-06-01"),
        ('<span class="date">March 2011</span>', "2011-03"),
        (
            '<script type="application/ld+json">{"@type": "NewsArticle", "datePublished": "2019-06-12"}</script>',
            "2019-06-12",
        ),
        ('<meta property="article:modified_time" content="2019-06-14">', ""),
        ('<meta property="og:image" content="https://courier.test/2018/01/05/x.jpg">', ""),
        ("<p>The mayor resigned on 12 June 2019, and nobody in the whole town was sorry for her.</p>", ""),
    ],
)
def test_a_pages_date_is_only_what_it_tells(mark: str, expected: str) -> None:
    inside = mark if mark.startswith(("<meta", "<script")) else ""
    body = f"<article><h1>Storm</h1>{'' if inside else mark}<p>{FIRST}</p><p>{SECOND}</p></article>"
    page = f"<html><head><title>Storm</title>{inside}</head><body>{body}</body></html>"
    assert parse("a.html", page.encode()).published == expected


@pytest.mark.parametrize(
    "page",
    [
        "<html><body>" + "<div>" * 100_000 + f"<p>{FIRST}</p>",
        "<b>" * 5000 + FIRST,
        f"<html><body><p>{'word ' * 900_000}</p><p>{'word ' * 200_000}</p></body></html>",
        "<html></html>",
        "<html><body><script>let words = 1</script></body></html>",
    ],
)
def test_a_page_that_cannot_be_read_whole_is_refused_soon(page: str) -> None:
    started = time.process_time()
    with pytest.raises(RefusedFile):
        parse("a.html", page.encode())
    assert time.process_time() - started < 10


def test_a_short_page_is_read_all_the_same() -> None:
    page = "<html><body><div><span>Port Ennis has opened again.</span></div></body></html>"
    assert parse("a.html", page.encode()).text == "Port Ennis has opened again."


def test_text_around_a_hidden_element_stays() -> None:
    line = "<p>One <b hidden>no</b>two <i>and</i> <s hidden>no</s>three.</p>"
    page = f"<html><body><article><p>{FIRST}</p>{line}</article></body></html>"
    assert parse("a.html", page.encode()).text.split("\n\n")[-1] == "One two and three."


def test_nothing_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*arguments: object, **options: object) -> None:
        raise AssertionError("a reader wanted the network")

    monkeypatch.setattr(socket, "socket", forbidden)
    monkeypatch.setattr(socket, "create_connection", forbidden)
    monkeypatch.setattr(socket, "getaddrinfo", forbidden)
    parse("a.html", PAGE.encode())
    parse("a.md", f"![x](http://evil.test/x.png)\n\n{FIRST}\n\n<img src='http://evil.test/y.png'>".encode())


def test_scripts_in_a_title_stay_text() -> None:
    found = parse("a.md", f"---\ntitle: '\"><script>alert(1)</script>'\n---\n{FIRST}".encode())
    assert found.title == '"><script>alert(1)</script>'
