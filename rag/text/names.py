"""Tell whether two words name the same: other spelling, other ending, other alphabet."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import product

from rag.text.normalize import normalize
from rag.text.spelling import is_cyrillic, key, uninflected
from rag.text.stems import fold, stem
from rag.text.words import words

# Countries whose people are called by another word, and those that another alphabet writes quite differently.
_SAME = """
american us usa америк сша|british britain uk великобритан британ|chinese china кита|french france франц
|dutch netherlands holland нидерланд|german germany герман|english england англ|spanish spain испан|swiss switzerland швейцар
|danish denmark дан
|turkish turkey турц|polish poland польш|greek greece грец|welsh wales|irish ireland ирланд|swedish sweden швец
|finnish finland финлянд|scottish scots scotland шотланд|thai thailand|filipino philippines|kyrgyz kyrgyzstan киргиз кыргыз
|russian russia росс|european europe европ|moscow москв
|japanese japan япон|arab arabs араб|african africa африк|west western запад
|east eastern восток|north northern север|south southern юг|jewish jews israel израил|eu ес|un оон
"""
_GROUPS = {word: number for number, group in enumerate(_SAME.replace("\n", "").split("|")) for word in group.split()}
# What turns a place into its people ("Canada", "Canadians"), and what the place may lose for it.
_PEOPLE = re.compile(r"(?:[aei]?ns?|i?ans?|ish|ese|is?|ic|s|e?rs?|ites?|[ai]nis?|stans?|stanis?|ern)")
_PLACE = re.compile(r"(?:ia|a|e|y|o)?")


@lru_cache(maxsize=65536)
def plain(word: str) -> str:
    """Return a word in small letters without accents.

    >>> plain("Müller"), plain("Артём")
    ('muller', 'артем')
    """
    decomposed = normalize(fold(word).lower(), "NFD")
    letters = "".join(each for each in decomposed if not unicodedata.combining(each))
    return normalize(letters).strip()  # a raised figure has become a space


@lru_cache(maxsize=65536)
def same_name(one: str, other: str) -> bool:
    """Tell whether two plain words name the same: spelt alike, in another alphabet, or one made from the other.

    Names of up to four letters must be equal but for an ending. Longer ones may differ by a letter in six, never in the first.

    >>> [same_name("kazakh", "kazakhstan"), same_name("mueller", "muller"), same_name("баденова", "badenova")]
    [True, True, True]
    >>> same_name("anna", "anne")
    False
    """
    if one == other:
        return True
    if _group(one) == _group(other) != -1:
        return True
    if is_cyrillic(one) != is_cyrillic(other):
        return any(_sound_alike(*pair) for pair in product(_keys(one), _keys(other)))
    return (stem(one) == stem(other) and min(len(one), len(other)) > 2) or _near(one, other)


def transcribed(name: str, text: str) -> bool:
    """Tell whether a text in another alphabet has all words of a name, which begin with capitals.

    >>> transcribed("«Жана Адамдар»", "Zhana Adamdar has 700 members."), transcribed("«Жана»", "Жана Адамдар")
    (True, False)
    """
    own = words(name)
    others = {plain(word) for word in words(text)}
    return bool(own) and all(
        word[:1].isupper()
        and any(is_cyrillic(plain(word)) != is_cyrillic(each) and same_name(plain(word), each) for each in others)
        for word in own
    )


def bucket(word: str) -> str:
    """Return what all words share that ``same_name`` may hold to be one: compare names within a bucket only.

    >>> bucket("british") == bucket("uk"), bucket("баденова") == bucket("badenova")
    (True, True)
    """
    group = _group(word)
    return str(group) if group != -1 else key(word)[:1]


def _near(one: str, other: str) -> bool:
    from rapidfuzz.distance import OSA

    shorter, longer = sorted((one, other), key=len)
    if not shorter or shorter[0] != longer[0]:
        return False
    common = next((place for place, letter in enumerate(shorter) if letter != longer[place]), len(shorter))
    if common == len(shorter):  # "Niger" and "Nigeria" are two countries; "Kazakh" and "Kazakhstan" one
        rest = longer[common:]
        if rest == "s" or (common > 4 and (_PEOPLE.fullmatch(rest) or uninflected(longer) == shorter)):
            return True
    if common >= 4 and _PLACE.fullmatch(shorter[common:]) and _PEOPLE.fullmatch(longer[common:]):
        return True
    allowed = max(len(longer) // 6, 1) if len(shorter) > 4 else 0
    return bool(OSA.distance(shorter, longer, score_cutoff=allowed) <= allowed)


def _sound_alike(one: str, other: str) -> bool:
    """Compare the keys of two alphabets: alike in the first four sounds, or but for a third of the letters."""
    from rapidfuzz.distance import OSA

    if min(len(one), len(other)) < 4:
        return one == other
    return one[:4] == other[:4] or OSA.distance(one, other) <= max(len(one), len(other)) // 3


def _keys(word: str) -> set[str]:
    """Return the keys of a word as it stands and without its case ending."""
    return {key(word), key(uninflected(word))}


def _group(word: str) -> int:
    if word in _GROUPS:
        return _GROUPS[word]
    if not is_cyrillic(word):
        return -1
    return next(
        (number for name, number in _GROUPS.items() if len(name) > 3 and is_cyrillic(name) and word.startswith(name)),
        -1,
    )
