"""The languages of the page: one gettext catalogue each, ``languages/CODE.po``, keyed by the English texts.

Babel reads the file as it stands, so that no compiled copy must be built, shipped or kept in step: a further language is that
one file. Texts without a context go to browsers; those of the contexts ``message`` (errors and their parts) and ``notice``
(what follows each other beside an answer) stay on the server.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from gettext import c2py
from pathlib import Path
from typing import TYPE_CHECKING, Any

from babel import Locale
from babel.messages.pofile import read_po

if TYPE_CHECKING:
    from babel.messages import Catalog

FILES = Path(__file__).parent / "languages"
ENGLISH = "en"


@lru_cache
def languages() -> Mapping[str, str]:
    """Return the codes of all languages with their own names, English first.

    >>> dict(languages())["ru"]
    'Русский'
    """
    codes = (ENGLISH, *sorted(path.stem for path in FILES.glob("*.po")))
    return {code: str(Locale(code).get_language_name(code)).capitalize() for code in codes}


@lru_cache
def texts(language: str, context: str = "") -> Mapping[str, str]:
    """Return a language's texts by their English, with "|" between the forms of those that count. Empty for English."""
    if language == ENGLISH or language not in languages():
        return {}
    found = {}
    for each in _catalogue(language):
        if each.id and each.string and (each.context or "") == context:
            ids, strings = _row(each.id), _row(each.string)
            key = "|".join(dict.fromkeys(ids) if context else ids)  # a message is written with its plural alone
            found[key] = "|".join(strings)
    return found


def form(language: str, count: int) -> int:
    """Return which form of a counted text goes with a number, by the catalogue's Plural-Forms.

    >>> form("en", 1), form("en", 2), [form("ru", count) for count in (1, 2, 5, 21)]
    (0, 1, [0, 1, 2, 0])
    """
    return int(count != 1) if language == ENGLISH else _plural(language)(count)


@lru_cache
def forms(language: str) -> Mapping[str, int]:
    """Return the form for each of Unicode's plural categories, as browsers name them.

    >>> forms("en") == {"one": 0, "other": 1}, forms("ru")["many"]
    (True, 2)
    """
    rule = Locale(language).plural_form
    found = {rule(count): form(language, count) for count in reversed(range(200))}
    return {"other": max(found.values()), **found}


def _row(text: Any) -> tuple[str, ...]:
    return tuple(text) if isinstance(text, (tuple, list)) else (text,)


@lru_cache
def _catalogue(language: str) -> Catalog:
    with (FILES / f"{language}.po").open("rb") as file:
        return read_po(file, locale=language)


@lru_cache
def _plural(language: str) -> Callable[[int], int]:
    return c2py(_catalogue(language).plural_expr)
