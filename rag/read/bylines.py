"""People's names in a byline: "By X and Y", "Автор: X", or a bare list of names next to a date."""

from __future__ import annotations

import re

MOST_AUTHORS = 10

_LABEL = re.compile(
    r"(?:(?:text|story|article|words|report|analysis|opinion|commentary|comment|written|reported|posted|published|"
    r"photos? and text|text and photos?) )?by\b\s*:?\s*|"
    r"(?:authors?|byline|автор(?:ы|и|лар)?|авторка|текст|материал подготовил[аи]?|подготовил[аи]?|text|autor(?:in|en|es|a)?|"
    r"von|par|por|di|auteur|yazar|мақала авторы)\s*[:：]\s*",
    re.IGNORECASE,
)
# Without a colon these also begin titles and surnames, so they count only where a bare name would.
_WEAK_LABEL = re.compile(r"^(?:von|par|por|di|door|av|af)\s+", re.IGNORECASE)
_CREDIT = re.compile(r"\(?Reporting by (?P<names>[^;.()]{3,150})", re.IGNORECASE)
_COMMENT = re.compile(
    r"\b(?:comment|commentary|opinion|analysis|column|essay|op-ed) by (?P<names>[^.,;:!?]{3,80})$", re.IGNORECASE
)
_AFTERWARDS = re.compile(
    r"\s*(?:[|·•@/]|\s[–—-](?:\s|$)|\b(?:updated|published|posted|publiziert|veröffentlicht|опубликовано)\b).*$",
    re.IGNORECASE,
)
_BETWEEN = re.compile(r"\s*[,;&]\s*(?:(?i:and)\s+)?|\s+(?:(?i:and|und|et|with|mit|та|және)|y|e|и|і|й|ve)\s+")
_ROLE = re.compile(r"\s+(?:in|for|at|из|в|для|aus|à|en)\s+\S.*$")
_PARTICLE_WORDS = (
    "de da di do dos du del della van von der den ter la le el al bin ibn ben uly uulu kyzy qyzy oglu ogly y"
)
_MARKS = str.maketrans("", "", "'’ʼʻ`´.-–")
# Words of headings and of menus, which are capitalised like names: "Recent Features", "Human Rights".
_MENU_WORDS = """
the a an of and for in on at to by with from is are was this that my our your news world asia europe africa
america central east west north south middle politics political opinion opinions analysis features feature
recent latest human rights business economy economics culture society sport sports science health technology
tech photo photos video videos gallery editorial editor editors magazine blog blogs report reports reporter
staff writer service agency press media archive today daily weekly times post herald tribune review journal
gazette courier chronicle observer guardian state national international united states republic environment
energy life lifestyle style travel food home money markets finance investigations explainers explainer
columnists column letters podcast podcasts newsletter events local community education religion law justice
crime war conflict security elections government ministry party university institute center centre
foundation council committee association union company group новости политика экономика общество культура
спорт мир мнение мнения аналитика азия европа центральная редакция права человека происшествия главное
интервью репортаж расследование фото видео
"""

_PARTICLES = frozenset(_PARTICLE_WORDS.split())
_NO_NAME = frozenset(_MENU_WORDS.split())


def byline(line: str) -> tuple[str, ...]:
    """Return the people whom a labelled line names as its authors. Empty where it is no byline.

    >>> byline("By Ada Brook and Tomas Lind in Port Ennis")
    ('Ada Brook', 'Tomas Lind')
    >>> byline("By the end of June the harbour was empty")
    ()
    """
    line = line.lstrip("|·•–— ")
    label = _LABEL.match(line)
    if not label or len(line) > 150:
        return ()
    return _names(_ROLE.sub("", _AFTERWARDS.sub("", line[label.end() :])), labelled=True)


def bare_names(line: str) -> tuple[str, ...]:
    """Return the people of a line that is nothing but a list of names. Empty where anything else stands in it.

    >>> bare_names("Ada Brook, Tomas Lind, Ilse van der Meer")
    ('Ada Brook', 'Tomas Lind', 'Ilse van der Meer')
    >>> bare_names("Recent Features")
    ()
    """
    if len(line) > 150:
        return ()
    return _names(_WEAK_LABEL.sub("", _AFTERWARDS.sub("", line), count=1), labelled=False)


def credited(line: str) -> tuple[str, ...]:
    """Return the reporters whom an agency's last line credits ("Reporting by X; Editing by Y")."""
    match = _CREDIT.match(line)
    return _names(_ROLE.sub("", match["names"]), labelled=True) if match else ()


def commentator(title: str) -> tuple[str, ...]:
    """Return the person whom a title names as its author ("Why? Comment by X")."""
    match = _COMMENT.search(title)
    return _names(match["names"], labelled=True) if match else ()


def is_section(text: str) -> bool:
    """Tell whether a line is made of nothing but words of menus ("World News")."""
    words = re.findall(r"[^\W\d_]+", text.casefold())
    return len(words) <= 4 and all(word in _NO_NAME for word in words)


def _names(text: str, labelled: bool) -> tuple[str, ...]:
    parts = [part.strip() for part in _BETWEEN.split(text.strip().rstrip(".|")) if part.strip()]
    names = tuple(part for part in parts if _is_name(part, labelled))
    # An agency may follow the people ("X, Reuters"); anything else, and the line is no list of names.
    strangers = [part for part in parts if part not in names]
    if len(parts) > MOST_AUTHORS or parts[: len(names)] != list(names) or not all(map(_is_agency, strangers)):
        return ()
    return names


def _is_agency(text: str) -> bool:
    words = text.split()
    return _is_capitalised(words[0]) and (len(words) == 1 or any(word.casefold() in _NO_NAME for word in words))


def _is_name(text: str, labelled: bool) -> bool:
    words = text.split()
    if not 2 <= len(words) <= 5:
        return False
    if not labelled and any(word.casefold() in _NO_NAME or (word.isupper() and len(word) > 2) for word in words):
        return False
    capitals = [place for place, word in enumerate(words) if _is_capitalised(word)]
    between = {place for place, word in enumerate(words) if word in _PARTICLES}
    return 0 in capitals and len(words) - 1 in capitals and len(between.union(capitals)) == len(words)


def _is_capitalised(word: str) -> bool:
    """Return a capital first, also after a prefix ("al-Masri", "d'Arc"). Scripts without capitals pass."""
    letters = word.translate(_MARKS).replace("/", "")
    first = re.sub("^[^\\W\\d_]{1,2}[-'’]", "", word)[:1]
    return letters.isalpha() and (first.isupper() or first.lower() == first.upper())
