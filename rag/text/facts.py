"""Find the facts of a sentence that can be checked: numbers, dates, names, quotations, and what it denies."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from rag.text.names import plain, same_name
from rag.text.stems import fold, stem
from rag.text.words import FUNCTION_WORDS, words


@dataclass(frozen=True, slots=True)
class Fact:
    """Something in a sentence that must stand in what the sentence cites.

    ``kind`` is number, date, name, quotation, negation or direction ("rose" where the article says "fell").
    ``start`` and ``end`` count characters of the sentence; ``forms`` are the ways of writing it, any one of which will do.
    ``within`` are the least and the greatest number that will do as well, for "about 600" and "more than 600".
    """

    kind: str
    start: int
    end: int
    forms: frozenset[str]
    within: tuple[float, float] | None = None


def facts(sentence: str) -> list[Fact]:
    """List the numbers, dates, names, quotations and negations of a sentence, in order.

    >>> [(each.kind, sorted(each.forms)) for each in facts("On 3 May, Ana Brik paid 20 %.")]
    [('date', ['-05-03']), ('name', ['ana']), ('name', ['brik']), ('number', ['20 %', '20 ?'])]
    """
    sentence = _readable(sentence)
    dates = list(_dates(sentence))
    rest = _without(sentence, dates)
    found = [*_quotations(sentence), *_names(rest), *_negations(sentence), *_directions(sentence)]
    found += [Fact("date", each.start, each.end, frozenset({each.form})) for each in dates]
    found += [each.fact() for each in _numbers(rest)]
    return sorted(found, key=lambda fact: (fact.start, fact.end))


class Evidenced:
    """Holds the numbers, dates, names and words of some texts, for looking up facts.

    ``header`` is what stands above the texts; it says when and who, but does not negate.

    >>> evidence = Evidenced(["Ana Brik paid two million crowns on 3 May."], ["2031"])
    >>> [evidence.holds(fact) for fact in facts("On May 3, 2031, Brik paid over 1.5 million.")]
    [True, True, True]
    >>> [evidence.holds(fact) for fact in facts("They never paid Brik 2,000 on 4 May 2031.")]
    [False, True, False, False]
    """

    def __init__(self, texts: Iterable[str], header: Iterable[str] = ()) -> None:
        texts, header = [_readable(text) for text in texts], [_readable(text) for text in header]
        self._stems = [[stem(word) for word in words(text)] for text in texts]
        self._denials = [_places(_DENIAL, text) for text in texts]
        self._negations = [_places(_NEGATION, text) for text in texts]
        texts += header
        dates = [date for text in texts for date in _dates(text)]
        numbers = [number for text in texts for number in _numbers(_without(text, _dates(text)))]
        self._dates = frozenset(form for date in dates for form in date.projections())
        self._yearless = frozenset(form for date in dates if not date.year for form in date.projections())
        years = {form for date in dates if date.year for form in (date.year, f"{date.year} ?")}
        self._numbers = frozenset(form for number in numbers for form in number.evidenced()) | years
        self._amounts = frozenset((value, number.unit) for number in numbers for value in number.values)
        self._words = frozenset(plain(word) for text in texts for word in words(_shortened(text)))
        self._running = f" {' '.join(_running(text) for text in texts)} "

    def holds(self, fact: Fact) -> bool:
        """Tell whether a fact stands in the texts."""
        if fact.kind == "negation":
            return self._holds_negation(fact)
        if fact.kind == "direction":
            stems = frozenset().union(*self._stems)
            return not fact.forms.isdisjoint(stems) or stems.isdisjoint(*(_opposites()[form] for form in fact.forms))
        if fact.kind == "quotation":
            return any(f" {form} " in self._running for form in fact.forms)
        if fact.kind == "date":
            return any(self._holds_date(form) for form in fact.forms)
        if fact.kind == "name":
            alike = (same_name(form, word) for form in fact.forms for word in self._words)
            return not fact.forms.isdisjoint(self._words) or any(alike)
        return not fact.forms.isdisjoint(self._numbers) or self._holds_amount(fact)

    def _holds_negation(self, fact: Fact) -> bool:
        """Look for the denied word near a denial, or, where it does not occur, for any denial."""
        mentioned = False
        for stems, denials in zip(self._stems, self._denials, strict=True):
            for place in (place for place, word in enumerate(stems) if word in fact.forms):
                mentioned = True
                if any(place - _SCOPE - 1 <= denial <= place + 1 for denial in denials):  # "don't" is two words
                    return True
        return not mentioned and any(self._denials)

    def denied(self, sentence: str) -> list[Fact]:
        """List the sentence's words that are denied wherever they stand here, if it denies nothing itself.

        >>> [fact.start for fact in Evidenced(["Nobody was killed, and two were hurt."]).denied("Two were killed.")]
        [9]
        """
        if _DENIAL.search(sentence):
            return []
        found = [each for each in _SMALL_WORD.finditer(sentence) if each.group() not in FUNCTION_WORDS]
        stems = [(each.span(), stem(each.group())) for each in found]
        return [Fact("negation", *span, frozenset({each})) for span, each in stems if self._is_denied(each)]

    def _is_denied(self, word: str) -> bool:
        places = [
            any(place - _NEAR <= negation < place for negation in negations)
            for stems, negations in zip(self._stems, self._negations, strict=True)
            for place in (place for place, each in enumerate(stems) if each == word)
        ]
        return bool(places) and all(places)

    def _holds_date(self, form: str) -> bool:
        year, _, day = form.partition("-")
        return form in self._dates or (bool(year) and f"-{day}" in self._yearless and year in self._numbers)

    def _holds_amount(self, fact: Fact) -> bool:
        if fact.within is None:
            return False
        least, most = fact.within
        units = {form.partition(" ")[2] for form in fact.forms}
        return any(least <= value <= most and (unit in units or units == {""}) for value, unit in self._amounts)


# --- Dates


class _Date(NamedTuple):
    """A date as far as it is known. What is not known is empty."""

    start: int
    end: int
    year: str
    month: str
    day: str

    @property
    def form(self) -> str:
        return f"{self.year}-{self.month}-{self.day}"

    def projections(self) -> Iterator[str]:
        """Yield the date and what is less exact than it."""
        for day in {self.day, ""}:
            yield f"{self.year}-{self.month}-{day}"
            yield f"-{self.month}-{day}"


_MONTHS = """
january jan январ|february feb феврал|march mar март|april apr апрел|may ма|june jun июн|july jul июл|august aug август
|september sept sep сентябр|october oct октябр|november nov ноябр|december dec декабр
"""
_MONTH_NUMBERS = {
    name: f"{number:02}"
    for number, names in enumerate(_MONTHS.replace("\n", "").split("|"), start=1)
    for name in names.split()
}
_CYRILLIC = {name for name in _MONTH_NUMBERS if name[0] > "z"}
_LATIN_MONTH = r"\b|".join(
    name.capitalize()
    for name in sorted(_MONTH_NUMBERS.keys() - _CYRILLIC, key=len, reverse=True)
    if len(name) > 4 or name in ("may", "june", "july")
)
_SHORT_MONTH = "|".join(
    name.capitalize()
    for name in _MONTH_NUMBERS.keys() - _CYRILLIC
    if len(name) < 5 and name not in ("may", "june", "july")
)
_CYRILLIC_MONTH = "|".join(
    f"[{name[0].upper()}{name[0]}]{name[1:]}" for name in sorted(_CYRILLIC, key=len, reverse=True)
)
_DAY = r"(?<![\d.,])(?:[12]\d|3[01]|0?[1-9])(?:st|nd|rd|th)?(?![\d%])"
_DAYS = rf"(?P<{{0}}>{_DAY}(?:\s?(?:[-–—,/]|and|to|or|и|по)\s?{_DAY}){{{{0,3}}}})"
_YEAR = r"(?:1[5-9]|20|21)\d\d(?!\d|[.,]\d)"
_MONTH = rf"\b(?P<{{0}}>(?:{_LATIN_MONTH})\b|(?:{_SHORT_MONTH})\b\.?|(?:{_CYRILLIC_MONTH})(?:[аяйьею]|ем|ом)?\b)"
_DATE = re.compile(
    rf"(?<!\d)(?P<iso>{_YEAR}-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12]\d|3[01]))?)(?![\d-])"
    rf"|(?<![\d.])(?P<dotted>(?:0?[1-9]|[12]\d|3[01])\.(?:0?[1-9]|1[0-2])\.{_YEAR})"
    rf"|{_DAYS.format('before')}(?:\s+of)?\s{_MONTH.format('month1')}(?:,?\s(?P<year1>{_YEAR}))?"
    rf"|{_MONTH.format('month2')}\s{_DAYS.format('after')}(?!\s(?:{_LATIN_MONTH})\b)(?:,?\s(?P<year2>{_YEAR}))?"
    rf"|{_MONTH.format('month3')}(?:,?(?:\sof)?\s(?P<year3>{_YEAR}))?"
)


def _dates(text: str) -> Iterator[_Date]:
    for match in _DATE.finditer(text):
        if match["iso"]:
            year, month, day = (*match["iso"].split("-"), "")[:3]
            yield _Date(*match.span(), year, month, day)
        elif match["dotted"]:
            day, month, year = match["dotted"].split(".")
            yield _Date(*match.span(), year, month.zfill(2), day.zfill(2))
        else:
            yield from _written_dates(match)


def _written_dates(match: re.Match[str]) -> Iterator[_Date]:
    written = (match["month1"] or match["month2"] or match["month3"]).lower().rstrip(".")
    month = next(
        number
        for name, number in _MONTH_NUMBERS.items()
        if written == name or (name[0] > "z" and written.startswith(name))
    )
    year = match["year1"] or match["year2"] or match["year3"] or ""
    days = re.findall(r"\d+", match["before"] or match["after"] or "") or [""]
    for day in days:
        yield _Date(*match.span(), year, month, day and day.zfill(2))


def _without(text: str, dates: Iterable[_Date]) -> str:
    """Blot out the dates of a text, so that their numbers and names are not read again."""
    for date in dates:
        text = text[: date.start] + ";" * (date.end - date.start) + text[date.end :]
    return text


# --- Numbers


class _Number(NamedTuple):
    """A number: what it may mean, whether it counts per cent (%), something else (thing) or an unknown (?), and its hedge."""

    start: int
    end: int
    values: frozenset[float]
    unit: str
    hedge: str = ""

    def fact(self) -> Fact:
        forms = {_form(value) for value in self.values}
        if self.unit != "?":
            forms = {f"{form} {unit}" for form in forms for unit in (self.unit, "?")}
        return Fact("number", self.start, self.end, frozenset(forms), self._within())

    def evidenced(self) -> Iterator[str]:
        for value in self.values:
            yield _form(value)
            yield f"{_form(value)} {self.unit}"

    def _within(self) -> tuple[float, float] | None:
        value = max(self.values)
        if self.hedge == "more":
            return value, 2 * value
        if self.hedge == "less":
            return value / 2, value
        if self.hedge == "nearly":
            return 0.9 * value, value
        if self.hedge == "about" and value >= 10:
            slack = min(_last_digit(value) / 2, value / 20)
            return value - slack, value + slack
        return None


_ONES = """
zero ноль|one один одна|two два две двух|three три трех|four четыре четырех|five пять пяти|six шесть шести|seven семь семи
|eight восемь восьми|nine девять девяти|ten десять десяти|eleven одиннадцать|twelve двенадцать|thirteen тринадцать
|fourteen четырнадцать|fifteen пятнадцать|sixteen шестнадцать|seventeen семнадцать|eighteen восемнадцать|nineteen девятнадцать
"""
_TENS = """
twenty двадцать|thirty тридцать|forty сорок|fifty пятьдесят|sixty шестьдесят|seventy семьдесят|eighty восемьдесят
|ninety девяносто
"""
_WORD_VALUES = {
    **{word: value for value, names in enumerate(_ONES.split("|")) for word in names.split()},
    **{word: 10 * value for value, names in enumerate(_TENS.split("|"), start=2) for word in names.split()},
}
_SCALES = {
    **dict.fromkeys(("dozen",), 12),
    **dict.fromkeys(("hundred", "сто", "сотен"), 100),
    **dict.fromkeys(("thousand", "тысяча", "тысячи", "тысяч", "тыс", "k"), 1_000),
    **dict.fromkeys(("million", "millions", "миллион", "миллиона", "миллионов", "млн", "mn", "mln", "m"), 1_000_000),
    **dict.fromkeys(("billion", "billions", "миллиард", "миллиарда", "миллиардов", "млрд", "bn"), 1_000_000_000),
    **dict.fromkeys(("trillion", "trillions", "триллион", "триллиона", "триллионов", "трлн", "tn"), 10**12),
}


def _alternatives(found: Iterable[str]) -> str:
    return "|".join(sorted(found, key=len, reverse=True))


_SCALE = rf"(?:{_alternatives(_SCALES)})"
_CARDINAL = rf"(?:{_alternatives(_WORD_VALUES)})"
_NUMBER = re.compile(
    rf"(?<![^\W_])(?P<decade>(?:(?:1[5-9]|20)\d|['’]?[1-9])0['’]?s\b|(?:(?:1[5-9]|20)\d|[1-9])0-[ехм]+\b|(?:twen|thir|for|fif|six|seven|eigh|nine)ties\b)"
    rf"|(?<![^\W_])(?P<digits>\d+(?:[,.  ]\d{{3}})+(?![\d])(?:[.,]\d{{1,2}}(?!\d))?|\d+(?:[.,]\d+)?)"
    rf"(?:(?:st|nd|rd|th)\b)?(?:[\s-]?(?P<scale>{_SCALE})\b)?"
    rf"|\b(?P<half>half\s(?:of\s)?an?\s{_SCALE}|an?\shalf[\s-]{_SCALE}|пол(?:миллион|миллиард|тысяч)\w*)\b"
    rf"|\b(?P<part>half|(?:a|one|two|three|four)[\s-](?:thirds?|quarters?|fifths?|half)(?!\s+(?:time|place|party|term|round|year|\w+ly)))\b"
    rf"|\b(?P<words>(?:{_CARDINAL}|(?:an?\s)(?={_SCALE}\b))(?:[\s-]?(?:and\s)?(?:{_CARDINAL}|{_SCALE}))*)\b",
    re.IGNORECASE,
)
_PARTS = {"half": "50", "third": "33", "quarter": "25", "fifth": "20"}
# One is rarely a number that a reader would check ("one of them").
_UNCOUNTED = {0.0, 1.0}
_HEDGE = re.compile(
    r"\b(?:(?P<more>more than|over|above|at least|upwards? of|exceed\w*|surpass\w*|более|свыше|больше)"
    r"|(?P<nearly>nearly|almost|close to|just short of|почти)"
    r"|(?P<less>up to|under|below|(?:less|fewer|lower) than|менее|меньше)"
    r"|(?P<about>about|around|roughly|approximately|some|an estimated|circa|около|примерно|приблизительно))"
    r"(?:\s(?:чем|the|an?))?\s[$€£₽₸¥]?$",
    re.IGNORECASE,
)


_COUNTED = re.compile(
    r"[\s-]{0,2}(?P<word>(?P<percent>%|per\s?cent\b|percentage|pct\b|процент)|[^\W\d_]+)", re.IGNORECASE
)


def _numbers(text: str) -> list[_Number]:
    found = (_number(text, match) for match in _NUMBER.finditer(text))
    return [number for number in found if number is not None]


def _number(text: str, match: re.Match[str]) -> _Number | None:
    written = match.group().lower()
    if match["decade"]:
        return _Number(*match.span(), _decades(written), "?")
    if match["part"]:
        return _part(text, match)
    unit, hedge = _unit(text, match.end()), _hedge(text, match.start())
    if match["half"]:
        scale = _SCALES[max((word for word in _SCALES if word in written), key=len)]
        return _Number(*match.span(), frozenset({scale / 2}), unit, hedge)
    if match["digits"]:
        scale = _SCALES.get((match["scale"] or "").lower(), 1)
        values = _digit_values(re.sub(r"[  ]", "", match["digits"]))
        return _Number(*match.span(), frozenset(value * scale for value in values), unit, hedge)
    value = _word_value(words(written))
    return None if value in _UNCOUNTED else _Number(*match.span(), frozenset({value}), unit, hedge)


_LOOK_ALIKES = str.maketrans("ſı", "si")
_LARGEST = 1e18


def _readable(text: str) -> str:
    """Replace ſ and ı by the letters that a pattern without regard to case takes them for."""
    return text.translate(_LOOK_ALIKES)


def _digit_values(written: str) -> set[float]:
    """Read digits in all ways: 1.234 is more than a thousand in German and little more than one in English.

    Nothing counts as large as what has twenty digits; such a row of them is compared as if it were all one.
    """
    return {min(value, _LARGEST) for value in _values(written)}


def _values(written: str) -> set[float]:
    marks = [character for character in written if character in ",."]
    if not marks:
        return {float(written)}
    whole = float(re.sub(r"[,.]", "", written))
    if len(set(marks)) == 1 and re.fullmatch(r"\d{1,3}(?:[,.]\d{3})+", written):
        return {whole, float(written)} if marks == ["."] else {whole}
    head, _, tail = written.replace(",", ".").rpartition(".")
    return {float(f"{head.replace('.', '')}.{tail}")}


def _word_value(found: Iterable[str]) -> float:
    """Add up number words.

    >>> _word_value(["two", "hundred", "and", "fifty", "thousand"]), _word_value(["twenty", "one"]), _word_value(["dozen"])
    (250000.0, 21.0, 12.0)
    """
    whole, part = 0.0, 0.0
    for word in found:
        if word in _SCALES and _SCALES[word] >= 1000:
            whole, part = whole + max(part, 1) * _SCALES[word], 0.0
        elif word in _SCALES:
            part = max(part, 1) * _SCALES[word]
        else:
            part += _WORD_VALUES.get(word, 0)
    return min(whole + part, _LARGEST)


def _decades(written: str) -> frozenset[float]:
    digits = re.sub(r"\D", "", written)
    if not digits:
        tens = ["twen", "thir", "for", "fif", "six", "seven", "eigh", "nine"]
        digits = f"{tens.index(written.removesuffix('ties')) + 2}0"
    if len(digits) == 4:
        return frozenset({float(digits)})
    return frozenset(float(century * 100 + int(digits)) for century in range(17, 21))


def _part(text: str, match: re.Match[str]) -> _Number | None:
    """Read a half or a third of something as per cent ("half of them", not "first half")."""
    number, _, name = re.sub(r"[\s-]", " ", match.group().lower()).rpartition(" ")
    if not re.match(r"\s(?:of|the|its|his|her|their|as|a|an)\b", text[match.end() :]):
        return None
    times = {"two": 2, "three": 3, "four": 4}.get(number, 1)
    name = name.removesuffix("s") if name != "half" else name
    return _Number(*match.span(), frozenset({float(_PARTS[name]) * times}), "%", "about")


def _unit(text: str, end: int) -> str:
    match = _COUNTED.match(text, end)
    if match is not None and match["percent"]:
        return "%"
    return "?" if match is None or match["word"].lower() in FUNCTION_WORDS else "thing"


def _hedge(text: str, start: int) -> str:
    match = _HEDGE.search(text[max(start - 30, 0) : start])
    return "" if match is None else str(match.lastgroup)


def _last_digit(value: float) -> float:
    """Return what the last digit of a number that is not zero counts.

    >>> _last_digit(630_000), _last_digit(45)
    (10000.0, 1.0)
    """
    step = 1.0
    while value % (step * 10) == 0:
        step *= 10
    return step


def _form(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".")


# --- Names


_CAPITALISED = re.compile(r"(?<![^\W_])[^\W\d_][^\W_]*(?:['’][^\W\d_]+)?")
_APOSTROPHES = str.maketrans("", "", "'’")
_DOTTED = re.compile(r"\b(?:[^\W\d_]\.){2,}")
_SHORT = {
    "United States of America": "US", "United States": "US", "United Kingdom": "UK", "Great Britain": "UK",
    "United Nations": "UN", "European Union": "EU",
    "Соединенные Штаты": "США", "Соединённые Штаты": "США", "Соединенных Штатов": "США", "Соединённых Штатов": "США",
}  # fmt: skip
_LONG = re.compile(rf"{_DOTTED.pattern}|\b(?:{'|'.join(_SHORT)})\b")
_PAD = "\u200b"
# Acronyms that look like function words.
_ACRONYMS = {"US", "WHO"}


def name_runs(sentence: str) -> list[list[Fact]]:
    """Return the names of a sentence, each as the facts of its words.

    >>> [[word for fact in run for word in fact.forms] for run in name_runs("On 3 May Ana Brik of Port Velm met a mayor.")]
    [['ana', 'brik'], ['port', 'velm']]
    """
    runs: list[list[Fact]] = []
    for fact in _names(_without(sentence, _dates(sentence))):
        if runs and sentence[runs[-1][-1].end : fact.start] in (" ", "-", ". "):
            runs[-1].append(fact)
        else:
            runs.append([fact])
    return runs


def _names(text: str) -> Iterator[Fact]:
    """Yield capitalised words, but for the first of a sentence unless another follows it."""
    text = _shortened(text)
    begins = True
    for match in _CAPITALISED.finditer(text):
        word = re.sub(r"['’]s?$", "", match.group())
        word = word if word.translate(_APOSTROPHES).isalpha() else next(iter(words(word)), "")  # "A'¼" is two words
        before = text[: match.start()]
        first = begins or not before.strip("“\"«„'‘(—–-• ")
        begins = bool(re.search(r"[.!?:…|]\W*$", before))
        small = word.lower()
        if len(word) < 2 or not word[0].isupper() or small in _WORD_VALUES or small in _SCALES:
            continue
        if small in FUNCTION_WORDS and word not in _ACRONYMS:
            continue
        if (first or begins) and not word.isupper() and not _followed_by_name(text, match.end()):
            continue
        end = match.start() + len(word)
        padded = len(text[end:]) - len(text[end:].lstrip(_PAD))
        yield Fact("name", match.start(), end + padded, frozenset({plain(word)}))


def _shortened(text: str) -> str:
    """Shorten U.S. and United States to US. The text is as long as before."""
    return _LONG.sub(lambda match: _short(match.group()).ljust(len(match.group()), _PAD), text)


def _short(name: str) -> str:
    return _SHORT.get(name) or name.replace(".", "")


def _followed_by_name(text: str, end: int) -> bool:
    """Tell whether another capitalised word follows: "Ana Brik paid" begins with a name, "Police came" may not."""
    following = re.match(r"[\s\u200b-]+([^\W\d_])[^\W_]*", text[end:])
    return following is not None and following[1].isupper()


# --- Quotations


_QUOTED = re.compile(
    r"“([^“”]+)”|«([^«»]+)»|„([^„“”]+)[“”]|‘((?:[^‘’]|(?<=\w)’(?=\w))+)’|(?<!\w)\"([^\"]+)\"(?!\w)"
    r"|(?<!\w)'((?:[^'\n]|(?<=\w)'(?=\w))+)'(?!\w)"
)
_SHORTEST_QUOTATION = 3


def _quotations(text: str) -> Iterator[Fact]:
    for match in _QUOTED.finditer(text):
        inside = next(group for group in match.groups() if group is not None)
        if len(words(inside)) >= _SHORTEST_QUOTATION:
            # An ellipsis says that something was left out: each part must stand, and one form holds them all or none does.
            parts = [_running(part) for part in re.split(r"\.\.\.|…|\[[^\[\]]*\]", inside)]
            for part in parts:
                if part:
                    yield Fact("quotation", match.start(), match.end(), frozenset({part}))


def _running(text: str) -> str:
    """Join a text's words in small letters, without quotation marks, hyphens and line breaks."""
    return " ".join(word.lower() for word in words(fold(text)))


# --- Negations


_NEGATION = re.compile(
    r"\b(?:(?:not|не)(?! (?:only|только)\b)|no(?! (?:longer|more|less|later|fewer)\b)|never|cannot|\w+n['’]t|nobody|none"
    r"|nothing|neither|nor|without|никогда|никто|ничего|ни|нет|без)\b",
    re.IGNORECASE,
)
# Words that deny without a "not"; what a sentence with a "not" may rest on.
_DENIAL = re.compile(
    r"\b(?:no|not|never|cannot|\w+n['’]t|none|nobody|nothing|neither|nor|without|unable|fail\w*|refus\w*|reject\w*"
    r"|den(?:y|ies|ied|ying|ial)|lack\w*|не\w*|ни|нет|без|отказ\w*)\b",
    re.IGNORECASE,
)
# What may be denied: no name, no function word.
_SMALL_WORD = re.compile(r"\b[^\W\d_A-ZА-ЯЁ]+\b")
# How many words a denial reaches over, at most and most often.
_SCOPE, _NEAR = 6, 3


def _places(pattern: re.Pattern[str], text: str) -> set[int]:
    """Return how many words stand before each match."""
    return {len(words(text[: match.start()])) for match in pattern.finditer(text)}


def _negations(text: str) -> Iterator[Fact]:
    for match in _NEGATION.finditer(text):
        denied = [word for word in words(text[match.end() :])[:_SCOPE] if word.lower() not in FUNCTION_WORDS][:1]
        if denied:
            yield Fact("negation", match.start(), match.end(), frozenset(map(stem, denied)))


# --- Directions


# What turns a report into its opposite; words with one plain opposite each.
_PAIRS = """
before/after rose/fell rise/fall rises/falls rising/falling risen/fallen increase/decrease growth/decline gain/loss profit/loss
higher/lower highest/lowest more/fewer more/less most/least won/lost win/lose supporter/opponent supported/opposed
accepted/rejected allowed/banned majority/minority largest/smallest larger/smaller stronger/weaker earlier/later
improve/worsen better/worse best/worst above/below longer/shorter faster/slower confirmed/denied started/ended began/ended
expand/shrink до/после вырос/упал рост/падение больше/меньше выше/ниже большинство/меньшинство раньше/позже лучше/хуже
"""


@lru_cache(maxsize=1)
def _opposites() -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for one, other in (pair.split("/") for pair in _PAIRS.split()):
        for word, opposite in ((one, other), (other, one)):
            found[stem(word)] = found.get(stem(word), frozenset()) | {stem(opposite)}
    return found


def _directions(text: str) -> Iterator[Fact]:
    for match in re.finditer(r"[^\W\d_]+", text):
        if stem(match.group()) in _opposites():
            yield Fact("direction", match.start(), match.end(), frozenset({stem(match.group())}))
