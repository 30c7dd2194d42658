"""Words that are spelt another way: by how they sound, in another alphabet, with a typing error.

Every word form of the articles has a key, which is the same for spellings that habits and alphabets write in several ways.
A question's word finds the forms of its own key, and of keys a typing error away. The forms come from the articles, so there
is no list of names.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from rag.text.normalize import normalize

if TYPE_CHECKING:
    from numpy import integer
    from numpy.typing import NDArray

_TABLE = "spellings.table"
_LARGEST_TABLE = 32 * 1024 * 1024
_MOST_FORMS = 1_500_000
"""Lines of both columns; the forms of a million passages are a third of it."""
_CYRILLIC = re.compile("[\u0400-\u052f]")
_FORM = re.compile(r"(?<![^\W_])[^\W\d_]{3,32}(?![^\W_])")
# Endings of Russian nouns and adjectives; what they are in Latin letters follows from the keys.
_CASES = "а я о е и ы у ю ь й ой ей ом ем ым им ою ею ах ях ам ям ами ями ого его ому ему ые ие ых их ая яя ую юю"
_CASE = re.compile(rf"(?<=\w{{3}})(?:{'|'.join(sorted(_CASES.split(), key=len, reverse=True))})$")

# Capitals stand for sounds that Latin letters write with two: C as in church, S as in ship, Z as in vision (and in jam,
# which Kazakh and Turkish names do not tell from it).
_LETTERS = """
а a б b в v г g д d е e ё e ж Z з z и i й i к k л l м m н n о o п p р r с s т t у u ф f х h ц c ч C ш S щ S ъ _ ь _ ы i э e
ю iu я ia і i ї i є e ґ g ў u ә a ғ g қ k ң n ө o ұ u ү u һ h ҳ h ҷ Z ӣ i ӯ u ј i љ l њ n ћ C џ Z ђ Z ʹ _ ʺ _ ʼ _ ʾ _ ʿ _
č C ç C ć C š S ş S ș S ś S ž Z ł l ß ss ø o æ a đ d ı i ə a
"""
_SOUNDS = str.maketrans(
    {letter: sound.replace("_", "") for letter, sound in zip(*[iter(_LETTERS.split())] * 2, strict=True)}
)
# Order matters: what letters stand for depends on the ones around them.
_BEFORE = (("дж|dzh|dsch|zh|dj|dž", "ж"), ("[ьʹ](?=[аеёиоуюяaeiou])", "и"))
_AFTER = (
    *(("oo", "u"), ("ee", "i"), (r"(.)\1+", r"\1")),
    *(("shch|s?t?schtsch|SC|stsch", "S"), ("tsch|tch|ch|cz", "C"), ("sch|sh|sz", "S")),
    *(("kh", "h"), ("gh", "g"), ("ph", "f"), ("th", "t"), ("ts|tz", "c"), ("ck|q", "k"), ("x", "ks"), ("w|f$", "v")),
    ("c(?![eiyc])", "k"),
    # j is a vowel between a consonant and a vowel (Tatjana) or the reverse (Bajkonur), elsewhere the sound in jam.
    (r"(?<=[^\Waeiouyj])j(?=[aeou])|(?<=[aeiouy])j(?=[^aeiouy]|$)|(?<=[aeiou])j(?=e)", "i"),
    # s between vowels is z in English, and German writes s for it.
    *(("j", "Z"), ("y", "i"), ("ii+", "i"), ("z", "s")),
    # Between vowels, and before e where a word begins, i is heard or not (Tokayev, Yerlan).
    ("(?<=[aeou])i(?=[aeou])|^i(?=e)", ""),
    *(("ou", "u"), ("([aou])e", r"\1"), (r"(.)\1+", r"\1")),
)
_BEFORE_LETTERS, _AFTER_LETTERS = (
    tuple((re.compile(pattern, re.MULTILINE), sound) for pattern, sound in rules) for rules in (_BEFORE, _AFTER)
)


@lru_cache(maxsize=65536)
def key(word: str) -> str:
    """Return one spelling for all that sound alike, in Latin letters and the capitals above.

    >>> key("Kossymov") == key("Косымов"), key("Zhandos") == key("Jandos"), key("Müller") == key("Mueller")
    (True, True, True)
    >>> key("Tokayev"), key("Шевченко")
    ('tokav', 'SevCenko')
    """
    return keys([word])[0]


def keys(words: Sequence[str]) -> list[str]:
    """Return the keys of many words, in their order."""
    text = normalize("\n".join(words).lower())
    for pattern, sound in _BEFORE_LETTERS:
        text = pattern.sub(sound, text)
    text = re.sub("[\u0300-\u036f]", "", normalize(text.translate(_SOUNDS), "NFD"))
    for pattern, sound in _AFTER_LETTERS:
        text = pattern.sub(sound, text)
    return text.split("\n")


def is_cyrillic(text: str) -> bool:
    """Tell whether a text holds a Cyrillic letter.

    >>> is_cyrillic("Астана"), is_cyrillic("Astana")
    (True, False)
    """
    return bool(_CYRILLIC.search(text))


def uninflected(word: str) -> str:
    """Strip the case ending of a Russian noun or adjective in small letters.

    >>> uninflected("джонсона"), uninflected("токаеву"), uninflected("johnson")
    ('джонсон', 'токаев', 'johnson')
    """
    return _CASE.sub("", word)


def written_forms(text: str) -> list[str]:
    """Return the words of a text that have a spelling: three letters or more, no digits.

    >>> written_forms("In May 2019 A320s flew to Ust-Kamen.")
    ['May', 'flew', 'Ust', 'Kamen']
    """
    return _FORM.findall(text)


class Spellings:
    """The forms of words in the articles by their keys. A form that is mostly written with a capital has one.

    >>> known = Spellings.of({"Kosymov": 3, "house": 5, "House": 1})
    >>> known.same("Kossymov"), known.meant("hosue"), known.meant("horse")
    (['Kosymov'], {'house': 1}, {})
    """

    def __init__(self, keys: list[str], forms: list[str]) -> None:
        self._keys, self.forms = _Column(keys), forms

    @classmethod
    def of(cls, counts: Mapping[str, int], known: Spellings | None = None) -> Spellings:
        """Make the table of forms from how often each was read; ``known`` saves work on the forms that it has too.

        Of more forms than a table may have the most frequent ones are kept.
        """
        capitals: Counter[str] = Counter()
        read: Counter[str] = Counter()
        for form, count in counts.items():
            capitals[form.lower()] += count if form[0].isupper() else -count
            read[form.lower()] += count
        forms = [form.capitalize() if more > 0 else form for form, more in capitals.items()]
        sounds = dict(zip(known.forms, known._keys.strings, strict=True)) if known is not None else {}
        if new := [form for form in forms if form not in sounds]:
            sounds |= zip(new, keys(new), strict=True)
        room = _LARGEST_TABLE
        fitting: list[str] = []
        for form in sorted(forms, key=lambda form: -read[form.lower()])[: _MOST_FORMS // 2]:
            room -= len(sounds[form].encode()) + len(form.encode()) + 2
            if room < 0:
                break
            fitting.append(form)
        pairs = sorted((sounds[form], form) for form in fitting)
        return cls([sound for sound, _ in pairs], [form for _, form in pairs])

    @classmethod
    def open(cls, folder: Path) -> Spellings:
        """Open the table in a folder. Raises ValueError for no table."""
        with (folder / _TABLE).open("rb") as file:
            return cls.from_bytes(file.read(_LARGEST_TABLE + 1))

    @classmethod
    def from_bytes(cls, data: bytes) -> Spellings:
        """Return the table that ``save`` wrote; raises ValueError for what is none."""
        if len(data) > _LARGEST_TABLE or data.count(b"\n") > _MOST_FORMS:
            raise ValueError("too many words")
        keys, _, forms = (part.split("\n") for part in data.decode("utf-8").partition("\t"))
        if len(keys) != len(forms):
            raise ValueError("the columns differ in length")
        return cls(keys, forms) if forms != [""] else cls([], [])

    def to_bytes(self) -> bytes:
        """Write the table: all keys, then all forms."""
        return "\t".join(("\n".join(self._keys.strings), "\n".join(self.forms))).encode("utf-8")

    def save(self, folder: Path) -> None:
        """Write the table into a folder."""
        (folder / _TABLE).write_bytes(self.to_bytes())

    def written(self, word: str) -> str:
        """Return a word as the articles mostly write it, with a capital or not; empty where they do not."""
        return next((form for form in self._of(key(word)) if form.lower() == word.lower()), "")

    def same(self, word: str) -> list[str]:
        """Return the forms that sound like a word, in any alphabet; where one is Cyrillic, also its cases."""
        found = dict.fromkeys(form for each in _readings(word) for form in self._of(each))
        if is_cyrillic(word):
            found |= dict.fromkeys(self._cases(word))
        elif self._has_cyrillic:
            found |= dict.fromkeys(filter(is_cyrillic, self._cases(word)))
        return list(found)

    def meant(self, word: str) -> dict[str, int]:
        """Return the forms that an unknown word may be with their costs, cheapest first: like in sound, else near.

        A form may cost a third of the word's letters: short words are too near to one another. Names are farther apart than
        everyday words are.
        """
        if len(word) < 4 or not self.forms:
            return {}
        errors = dict.fromkeys(self.same(word), 1) or {form: _errors(word, form) for form in self._near(word)}
        # Another first letter makes an everyday word less likely.
        costs = {form: cost + (form[0].islower() and key(form)[:1] != key(word)[:1]) for form, cost in errors.items()}
        allowed = {form: cost for form, cost in costs.items() if cost <= (len(word) + form[0].isupper()) // 3}
        return dict(sorted(allowed.items(), key=lambda each: (each[1], each[0])))

    def _near(self, word: str) -> list[str]:
        errors = 1 if len(word) < 11 else 2
        rows = self._written.near(word.lower(), errors)
        return [self.forms[row] for row in rows.union(*(self._keys.near(each, errors) for each in _readings(word)))]

    @cached_property
    def _has_cyrillic(self) -> bool:
        return is_cyrillic("".join(self.forms))

    @cached_property
    def _written(self) -> _Column:
        return _Column([form.lower() for form in self.forms])

    def _of(self, sought: str) -> Iterator[str]:
        keys = self._keys.strings
        row = bisect_left(keys, sought)
        while row < len(keys) and keys[row] == sought:
            yield self.forms[row]
            row += 1

    def _cases(self, word: str) -> Iterator[str]:
        stem = key(uninflected(word.lower())) if is_cyrillic(word) else key(word).rstrip("aeiou")
        if len(stem) > 2:
            for ending in _case_keys():
                yield from self._of(stem + ending)


class _Column:
    """Some strings that can be searched for ones like another."""

    def __init__(self, strings: list[str]) -> None:
        self.strings = strings

    def near(self, sought: str, errors: int) -> set[int]:
        """Return the rows at most so many errors away: letters changed, dropped, added, or transposed."""
        from rapidfuzz.distance import OSA
        from rapidfuzz.process import extract

        rows = self._alike(sought, errors)
        strings = [self.strings[row] for row in rows]
        found = extract(sought, strings, scorer=OSA.distance, score_cutoff=errors, limit=None)
        return {rows[place] for _, _, place in found}

    def _alike(self, sought: str, errors: int) -> list[int]:
        """Return the rows that may be near: one error changes the length by one at most, and the set of letters by two."""
        import numpy

        lengths, letters, bits = self._profiles
        (own,) = _letter_sets([sought])[1]
        rows = numpy.flatnonzero(abs(lengths - len(sought)) <= errors)
        different = letters[rows] ^ own
        found: list[int] = rows[bits[different & 0xFFFF] + bits[different >> 16] <= 2 * errors].tolist()
        return found

    @cached_property
    def _profiles(self) -> tuple[NDArray[integer], NDArray[integer], NDArray[integer]]:
        """Return each string's length, its letters as bits of a number, and the bit counts of 16-bit numbers."""
        import numpy

        numbers = numpy.arange(1 << 16, dtype=numpy.uint16)[:, None].view(numpy.uint8)
        return (*_letter_sets(self.strings), numpy.unpackbits(numbers, axis=1).sum(axis=1, dtype=numpy.uint8))


def _letter_sets(strings: Sequence[str]) -> tuple[NDArray[integer], NDArray[integer]]:
    import numpy

    codes = numpy.frombuffer("".join(each + "\n" for each in strings).encode("utf-32-le", "replace"), numpy.uint32)
    ends = numpy.flatnonzero(codes == ord("\n"))
    starts = numpy.concatenate((numpy.zeros(1, ends.dtype), ends[:-1] + 1))[: len(ends)]
    # Letters that share a bit, and the line's end that is in all, only let more strings pass.
    return ends - starts, numpy.bitwise_or.reduceat(numpy.uint32(1) << (codes & 31), starts)


def _errors(word: str, form: str) -> int:
    """Return how unlikely it is that a form was meant by a word, going by the letters: 1 or more.

    Measured on typing errors in questions against words that merely look alike (benchmarks/spelling.py): two letters
    transposed, a letter left out, doubled or written by its sound are nearly always errors; other letters less often.
    """
    from rapidfuzz.distance import OSA

    one, other = key(word), key(form)
    heard = OSA.distance(one, other)
    if is_cyrillic(word) == is_cyrillic(form):
        one, other = word.lower(), form.lower()
    errors = OSA.distance(one, other)
    likely = sorted(one) == sorted(other) or (len(one) < len(other) and one[0] == other[0])
    if not heard or (errors == 1 and likely):
        return 1
    if errors == 1:
        return 2
    return 3 if heard == 1 else 2 * errors


@lru_cache(maxsize=4096)
def _readings(word: str) -> tuple[str, ...]:
    """Return the keys of a word: as English reads it, and as Slavic names are spelt (Jelena, Axmad, Yulâ)."""
    slavic = word.lower()
    for letter, sound in zip("jxâû", ("y", "kh", "ya", "yu"), strict=True):
        slavic = slavic.replace(letter, sound)
    return tuple(dict.fromkeys((key(word), key(slavic))))


@lru_cache(maxsize=1)
def _case_keys() -> tuple[str, ...]:
    return tuple(dict.fromkeys(["", *(key(each) for each in _CASES.split())]))
