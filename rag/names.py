"""When two words name the same: other spelling, other ending, other alphabet, initials."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import product

from rag.lexical import fold, stem

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
_CASE = re.compile(r"(?<=\w{3})(?:ами|ями|ого|ему|ому|ыми|ими|ой|ей|ом|ем|ым|им|ою|ах|ях|ам|ям|[аяоеиыуюйь])$")


@lru_cache(maxsize=65536)
def plain(word: str) -> str:
    """A word in small letters without accents.

    >>> plain("Müller"), plain("Артём")
    ('muller', 'артем')
    """
    decomposed = unicodedata.normalize("NFD", fold(word).lower())
    return unicodedata.normalize("NFC", "".join(each for each in decomposed if not unicodedata.combining(each)))


@lru_cache(maxsize=65536)
def same_name(one: str, other: str) -> bool:
    """Whether two plain words name the same: spelt a little differently, in another alphabet, or one made from the other.

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
    if _is_cyrillic(one) != _is_cyrillic(other):
        return any(_near(*pair) for pair in product(_skeletons(one), _skeletons(other)))
    return (stem(one) == stem(other) and min(len(one), len(other)) > 2) or _near(one, other)


def _near(one: str, other: str) -> bool:
    from rapidfuzz.distance import OSA

    shorter, longer = sorted((one, other), key=len)
    if not shorter or shorter[0] != longer[0]:
        return False
    common = next((place for place, letter in enumerate(shorter) if letter != longer[place]), len(shorter))
    if common == len(shorter):  # "Niger" and "Nigeria" are two countries; "Kazakh" and "Kazakhstan" one
        rest = longer[common:]
        if rest == "s" or (common > 4 and (_PEOPLE.fullmatch(rest) or _CASE.fullmatch(longer, common))):
            return True
    if common >= 4 and _PLACE.fullmatch(shorter[common:]) and _PEOPLE.fullmatch(longer[common:]):
        return True
    allowed = max(len(longer) // 6, 1) if len(shorter) > 4 else 0
    return bool(OSA.distance(shorter, longer, score_cutoff=allowed) <= allowed)


def _group(word: str) -> int:
    if word in _GROUPS:
        return _GROUPS[word]
    if not _is_cyrillic(word):
        return -1
    return next(
        (number for name, number in _GROUPS.items() if len(name) > 3 and _is_cyrillic(name) and word.startswith(name)),
        -1,
    )


def _is_cyrillic(word: str) -> bool:
    return "Ѐ" <= word[:1] <= "ӿ"


_LETTERS = dict(
    zip(
        "абвгдеёжзийклмнопрстуфхцчшщъыьэюяәғқңөұүһі",
        "a b v g d e e j z i i k l m n o p r s t u f h c c s s _ i _ e u a a g k n o u u h i".replace("_", "'").split(),
        strict=True,
    )
)
_SPELLINGS = (
    (r"dzh|zh|dj", "j"), (r"kh", "h"), (r"shch|sch|sh", "s"), (r"tch|ch|ts|tz", "c"), (r"ph", "f"), (r"w", "v"), (r"x", "ks"),
    (r"ck|q", "k"), (r"c(?=[aoulr])", "k"), (r"(?:(?<=[aeiou])[yij]|\by|\bi)(?=[eau])", ""), (r"[yi](?=[eaou])", ""),
    (r"[yi]+", "i"), (r"'", ""), (r"(.)\1", r"\1"),
)  # fmt: skip


@lru_cache(maxsize=65536)
def skeleton(word: str) -> str:
    """A plain word in Latin letters, with one spelling for what alphabets and habits write in several ways.

    >>> skeleton("токаев"), skeleton("tokayev"), skeleton("касым"), skeleton("kassym")
    ('tokaev', 'tokaev', 'kasim', 'kasim')
    """
    if _is_cyrillic(word):
        word = "".join(_LETTERS.get(letter, letter) for letter in word.replace("дж", "ж"))
    for pattern, spelling in _SPELLINGS:
        word = re.sub(pattern, spelling, word)
    return word


def _skeletons(word: str) -> set[str]:
    """The skeletons of a word as it stands and without its case ending."""
    return {skeleton(word), skeleton(_CASE.sub("", word))} if _is_cyrillic(word) else {skeleton(word)}


_SMALL = r"(?:of|for|and|the|in|on|de|и|по|за)"
_CAPITAL = r"[^\W\d_a-zа-яё][\w’'-]*"
_RUN = re.compile(rf"{_CAPITAL}(?:[\s-]+(?:{_CAPITAL}|{_SMALL}\b))+")


def initials(text: str) -> Iterator[str]:
    """The first letters of runs of capitalised words, small words left out, two to six of them.

    >>> list(initials("the Union of Tram Drivers"))
    ['ut', 'utd', 'td']
    """
    for run in _RUN.finditer(text):
        capitals = [word for word in re.findall(r"[^\W\d_]+", run.group()) if word[0].isupper()]
        for first in range(len(capitals)):
            for last in range(first + 2, min(first + 6, len(capitals)) + 1):
                yield "".join(plain(word)[0] for word in capitals[first:last])
