"""Which outlet an article says it comes from; empty where it does not say."""

from __future__ import annotations

import re
from collections.abc import Sequence

MOST_CHARACTERS = 80
_LONGEST_LINE = 500

_UPPER = "A-ZÀ-ÖØ-ÞĀ-ŽΑ-ΩЀ-Я"
_WORD = r"[\w’'&/-]*(?:\.\w+)*"  # a full stop only inside: "name.net"
_NAME = rf"(?:[Tt]he )?[{_UPPER}]{_WORD}(?: (?:(?:of|and|for|the|&|de|la) )?[{_UPPER}\d]{_WORD}){{0,3}}"

_LABELLED = re.compile(
    r"(?:(?:original |first )?source|outlet|publication|publisher|newspaper|website|источник|издание|джерело|дереккөз|quelle)"
    r"\s*[:：]\s*(?P<name>.+)",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"https?://(?:www\.)?(?P<host>[^/\s:?#]+)\S*", re.IGNORECASE)
_YEARS = r"(?:19|20)\d\d(?:\s*[-–—]\s*(?:19|20)\d\d)?"
_RESERVED = (
    r"(?:all rights reserved|все права защищены|alle rechte vorbehalten|tous droits réservés|todos los derechos|"
    r"усі права захищені|барлық құқықтар)"
)
_COPYRIGHT = re.compile(
    rf"(?:copyright\s*(?:©|\(c\))?|©|\(c\))\s*(?:copyright\s*)?(?P<year>{_YEARS})?[\s,.]*(?P<name>.*?)"
    rf"[\s,.]*(?P<year_after>{_YEARS})?(?P<reserved>[\s,.|–—-]*{_RESERVED}.*)?",
    re.IGNORECASE,
)
_FIRST_PUBLISHED = re.compile(
    rf"(?:^|\b(?:article|story|post|piece|text|interview|report|version|commentary|essay|analysis)\b[^.]{{0,80}}\b)"
    rf"(?:[Oo]riginally|[Ff]irst) (?:published|appeared|posted) (?:(?:on|in|by|at) )+(?P<name>{_NAME})|"
    rf"(?:published|reprinted|republished) with (?:the )?(?:kind )?permission (?:of|from) (?P<other>{_NAME})"
)
_TITLE_AND_SITE = re.compile(r"^(?P<title>.{10,}?)\s+(?P<mark>[|–—-])\s+(?P<site>[^|–—]{2,40})$")
_WIRE = re.compile(rf"^[{_UPPER}][^()]{{2,60}}\((?P<name>[{_UPPER}][^()\d]{{1,30}})\)\s*[-–—]")
_TOLD = re.compile(
    r"\b(?P<way>(?i:told|tells?|telling|(?:asked|reached|contacted|interviewed|approached|queried) by|"
    r"(?:interview|conversation) (?:with|to|for|by)|(?:comments?|statement|remarks) (?:to|for)|"
    r"(?:spoke|speaking|talked|talking) (?:to|with)|корреспонденту|журналисту|интервью|комментари[ий]|"
    r"(?:сказал|рассказал|сообщил|заявил|пояснил|поведал)[аи]?|признал(?:ся|ась))) (?:изданию |порталу |агентству |газете )?"
    rf"(?P<name>(?:[Tt]he )?[{_UPPER}]{_WORD}(?: [{_UPPER}]{_WORD}){{0,2}})"
)


def labelled(line: str) -> str:
    """Return what stands behind a label such as "Source:" (a name or an address)."""
    match = _LABELLED.fullmatch(line.strip()) if len(line) <= _LONGEST_LINE else None
    return match["name"].strip() if match else ""


def address(line: str) -> str:
    """Return the web address that a line is, a label aside. Empty where anything else stands in it."""
    match = _ADDRESS.fullmatch(labelled(line) or line.strip())
    return match.group() if match else ""


def host(url: str) -> str:
    """Return the site of a web address.

    >>> host("https://www.ennis-courier.test/2019/storm")
    'ennis-courier.test'
    """
    match = _ADDRESS.fullmatch(url)
    return match["host"] if match else ""


def copyright_line(line: str) -> tuple[str, bool]:
    """Return the owner in a copyright line, and whether it is clearly the page's, no picture's.

    >>> copyright_line("© 2019 The Ennis Courier. All rights reserved.")
    ('The Ennis Courier', True)
    >>> copyright_line("© ABC - Another Bureau for Coasts")
    ('ABC', True)
    >>> copyright_line("© Ada Brook")
    ('Ada Brook', False)
    """
    match = _COPYRIGHT.fullmatch(line.strip()) if len(line) <= _LONGEST_LINE else None
    name = _tidy(match["name"]) if match else ""
    if not match or not name or name[0].islower():  # "Copyright law was broken, and all rights reserved ..."
        return "", False
    short = _abbreviation(name)
    return short or name, bool(short or match["year"] or match["year_after"] or match["reserved"])


def title_and_site(title: str) -> tuple[str, str, str]:
    """Return a title split before the site's name: (title, site, the sign between them).

    >>> title_and_site("Harbour reopens after the storm | Ennis Courier")
    ('Harbour reopens after the storm', 'Ennis Courier', '|')
    """
    match = _TITLE_AND_SITE.match(title)
    return (match["title"], match["site"].strip(), match["mark"]) if match else (title, "", "")


def first_published(paragraphs: Sequence[str]) -> str:
    """Return the outlet in "This article was originally published on NAME"."""
    for paragraph in paragraphs:
        match = _FIRST_PUBLISHED.search(paragraph)
        if match and not re.search(r"\d", paragraph[match.start() : match.end() + 4]):  # "first published on June 12"
            return _tidy(match["name"] or match["other"])
    return ""


def told(paragraphs: Sequence[str]) -> str:
    """Return the outlet that people talk to: so named in several ways, and hardly ever otherwise.

    A minister to whom others talk is also written about; the paper that prints the article is not.

    >>> told(["The crew was safe, she told Courier.", "Asked by Courier, the mayor declined."])
    'Courier'
    """
    text = "\n".join(paragraphs)
    ways: dict[str, list[str]] = {}
    for match in _TOLD.finditer(text):
        name = _tidy(re.sub(r"['’]s?\b.*$", "", match["name"]))
        ways.setdefault(name, []).append(match["way"].lower())
    for name, said in sorted(ways.items(), key=lambda item: -len(item[1])):
        mentions = len(re.findall(rf"\b{re.escape(name)}\b", text)) if name else 0
        if (len(said) > 2 or len(set(said)) > 1) and 3 * len(said) >= 2 * mentions:
            return name
    return ""


def wire(paragraph: str) -> str:
    """Return the agency in a dateline: "PORT ENNIS, June 12 (Agency) - ..."."""
    match = _WIRE.match(paragraph)
    return _tidy(match["name"]) if match else ""


def _tidy(name: str) -> str:
    name = " ".join(name.split()).strip(" .,;:|–—-*©")
    return name if 1 < len(name) <= MOST_CHARACTERS and any(letter.isalpha() for letter in name) else ""


def _abbreviation(name: str) -> str:
    """Return the abbreviation in "ABC - Another Bureau for Coasts", by which readers know an outlet. Else empty."""
    short, _, long = re.sub(r"\s+[–—-]\s+", "\n", name, count=1).partition("\n")
    initials = "".join(word[0] for word in long.split() if word[0].isupper())
    return short if len(initials) > 1 and short.isupper() and initials.startswith(short[:2]) else ""
