"""What a question asks for: its weighty words, and the kind of thing that would answer it."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from rag.lexical import stem
from rag.words import FUNCTION_WORDS, words


class Vocabulary(Protocol):
    """What an index knows of its words."""

    def terms(self, question: str) -> dict[str, dict[str, float]]:
        """For each content word of a question the index terms it stands for, with a weight from 0 to 1."""
        ...

    def frequency(self, term: str) -> int:
        """In how many passages an index term stands."""
        ...

    def __len__(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Question:
    """A question, understood: ``weights`` are the inverse document frequencies of its content words (0 or more), ``terms``
    what each stands for in the index, ``names`` those that are names or numbers, ``expects`` a kind of answer or empty."""

    text: str
    terms: dict[str, dict[str, float]]
    weights: Mapping[str, float]
    names: frozenset[str]
    expects: str

    def coverage(
        self, stems: Collection[str], only: Collection[str] | None = None, near: Mapping[str, float] | None = None
    ) -> float:
        """The share of the question's weight, 0 to 1, that stands among some stems; 0 for a question without words.

        ``only`` counts some of its words alone (1 where it has none of them); ``near`` says how much (0 to 1) a word counts
        that stands there in meaning.
        """
        reached = total = 0.0
        for word, weight in self.weights.items():
            if only is None or word in only:
                total += weight
                spelt = max((sure for term, sure in self.terms[word].items() if term in stems), default=0.0)
                reached += weight * max(spelt, (near or {}).get(word, 0.0))
        if not total:
            return 0.0 if only is None else 1.0
        return reached / total

    @property
    def stems(self) -> frozenset[str]:
        """The stems of all its words, function words too."""
        return frozenset(stem(word) for word in words(self.text))


def understand(text: str, vocabulary: Vocabulary) -> Question:
    """What a question asks for, seen against the words of an index."""
    terms = vocabulary.terms(text)
    size = len(vocabulary)
    weights = {}
    for word, meant in terms.items():
        frequency = max((vocabulary.frequency(term) for term in meant), default=0)
        # A word that stands nowhere weighs like one that stands once: most of such words are everyday ones by chance.
        weights[word] = math.log(1 + size / (max(frequency, 1) + 0.5))
    first = words(text)[0] if words(text) else ""
    names = frozenset(word for word in terms if _is_name(word) and (word != first or word.isdigit()))
    return Question(text, terms, weights, names, expected_kind(text))


# The order matters: "how many years" asks for a duration before it asks for a number.
_KINDS = {
    "percent": (
        r"\b(what|which) (percent\w*|share|proportion|fraction|portion)",
        r"\bpercentage",
        r"\bкак(ая|ой|ую) (дол|процент)",
    ),
    "age": (r"\bhow old\b", r"\bwhat('s| is| was)\b.*\bage\b", r"\bat what age\b", r"\bсколько лет\b"),
    "duration": (
        r"\bhow long\b",
        r"\bhow many (seconds|minutes|hours|days|weeks|months|years|decades)\b",
        r"\bкак долго\b",
        r"\bсколько (дней|недель|месяцев|времени)\b",
    ),
    "measure": (
        r"\bhow (tall|high|deep|wide|far|heavy|fast|hot|cold|big|large)\b",
        r"\bwhat (is|was) the (height|length|width|depth|weight|size|speed|distance|area)\b",
    ),
    "money": (
        r"\bhow much\b.*\b(cost|costs|pay|paid|spen\w+|earn\w*|worth|money|price|charge\w*)\b",
        r"\bwhat\b.*\b(price|cost|salary|budget|exchange rate)\b",
        r"\bсколько (стоит|стоил\w*|денег)\b",
    ),
    "number": (r"\bhow (many|much)\b", r"\b(what|which) (number|amount|quantity)\b", r"\bnumber of\b", r"\bсколько\b"),
    "date": (
        r"^\s*when\b",
        r"[,;] when\b",
        r"\bwhen (did|was|were|is|are|do|does|will)\b",
        r"\b(what|which) (year|date|day|month|century|decade)\b",
        r"\bкогда\b",
        r"\bв каком году\b",
    ),
    "person": (
        r"\b(who|whom|whose)\b",
        r"\bwhat (is|was) the name of\b",
        r"\bwhich (person|man|woman|politician|author|artist|scientist)\b",
        r"\b(кто|кого|кому)\b",
    ),
    "place": (
        r"^\s*where\b",
        r"\bwhere (did|was|were|is|are|do|does)\b",
        r"\b(what|which) (city|country|town|state|place|region|province|continent|river|location)\b",
        r"\bгде\b",
        r"\bв как(ом|ой) (городе|стране|области)\b",
    ),
    "reason": (
        r"^\s*why\b",
        r"\bwhy (did|was|were|is|are|do|does)\b",
        r"\bfor what reason\b",
        r"\b(почему|зачем)\b",
    ),
}
_PATTERNS = {kind: re.compile("|".join(forms), re.IGNORECASE) for kind, forms in _KINDS.items()}
KINDS = tuple(_KINDS)
GROUPS = {
    **dict.fromkeys(("percent", "age", "duration", "measure", "money"), "quantity"),
    **dict.fromkeys(("number", "date"), "number"),
    **dict.fromkeys(("person", "place"), "name"),
    "reason": "reason",
}
"""What the kinds have in common: they are told by a number with a unit, a number, a name, or a word such as "because"."""


def expected_kind(text: str) -> str:
    """The kind of thing a question asks for, by its form: one of ``KINDS``, or empty.

    >>> [expected_kind(text) for text in ("How many people came?", "When did it end?", "What is a quorum?")]
    ['number', 'date', '']
    """
    return next((kind for kind, pattern in _PATTERNS.items() if pattern.search(text)), "")


_IN_TIME = re.compile(
    r"\b(?:when|since|before|after(?:wards)?|until|till|earlier|earliest|later|latest|newest|recent(?:ly)?|still|now|nowadays"
    r"|current(?:ly)?|formerly|previous(?:ly)?|originally|initially|already|any ?more|no longer|today|yesterday|ago"
    r"|histor(?:y|ies)|chronolog\w+|time-?line|(?:what|which) (?:year|date|day|month|decade|century)"
    r"|(?:last|this|past|next|coming) (?:\w+ )?(?:day|week|month|year|decade|spring|summer|autumn|winter)s?)\b"
    r"|\b(?:когда|до|после|перед|накануне|прежде|ранее|раньше|позже|позднее|потом|сейчас|теперь|ныне|сегодня|вчера|назад"
    r"|недавн\w+|последн(?:ий|яя|ее|ие|их)|первоначальн\w+|вс[её] ещ[её]|больше не|уже не|истори[яиюей]+|хронологи\w+"
    r"|(?:какой|каком|какого) (?:год|день|месяц|век)\w*|(?:прошл|эт|нынешн)\w+ (?:недел|месяц|год|лет)\w*)\b",
    re.I,
)
_DATED = re.compile(
    r"(?<![\w$€£₽₸#.,:-])(?:1[5-9]|20)\d\d(?![\w%]|[.,:]\d)|\b(?:1[5-9]|20)\d0s\b"
    r"|\b(?:january|february|april|june|july|august|september|october|november|december)\b|(?<!^)\b(?-i:March|May)\b"
    r"|\b(?:январ|феврал|апрел|июн|июл|август|сентябр|октябр|ноябр|декабр)[а-я]{1,3}\b|\bмарт[аеу]?\b|\bма[йяею]\b",
    re.I,
)
_CHANGE = re.compile(
    r"\bhow (?:did|do|does|has|have|had|is|are|was|were)\b.+\b(?:chang|develop|evolv|shift|unfold|progress)\w*"
    r"|\bwhat (?:has |have |had )?(?:changed|evolved|shifted)\b(?! (?:the|an?|its|their|his|her)\b)|\bbefore and after\b"
    r"|\b(?:как|что)\b.*\b(?:(?:из|по)?мен[яи]|развива)\w+|\bдо и после\b",
    re.I,
)
_YEAR = r"(?:1[5-9]|20)\d\d"
_COURSE = re.compile(
    r"\bsince\b|\b(?:history|chronology|time-?line) of\b"
    r"|\b(?:over|through(?:out)?|across) (?:the |all the |these |those )?(?:(?:last|past) \w+ )?"
    r"(?:time|years|months|weeks|decades)\b"
    rf"|\b(?:between|from)\b.+\b(?:and|to|until|till|through) .*\b{_YEAR}\b|\b{_YEAR} ?[-–—] ?(?:{_YEAR}|\d\d)\b(?! *\w)"
    rf"|\b(?:с|со|начиная с|между) .*\b{_YEAR}\b|\b(?:истори|хронологи)[яиюей]+ \w+|\bсо временем\b|\bс (?:годами|тех пор)\b"
    r"|\bза (?:эти|последние|все|прошедшие) (?:\w+ )?(?:годы|лет|месяц\w*)\b",
    re.I,
)


def about_time(text: str) -> bool:
    """Whether the order of events, or how new a source is, bears on a question: where it names a date or a period, or asks
    when, or what was before, after, is still so or is so now. English and Russian; rather too often than too seldom.

    >>> about_time("Who was mayor before 2031?"), about_time("How many people came?")
    (True, False)
    """
    return any(form.search(text) for form in (_IN_TIME, _DATED, _CHANGE, _COURSE))


def over_time(text: str) -> bool:
    """Whether a question asks for a course of events, which is told from the oldest source to the newest.

    "How did … change?" always does; a period ("since 2031") or a history only where no one thing is asked for: of "Who has
    been mayor since 2031?" there is one right answer, which comes first whenever it was written.

    >>> [over_time(text) for text in ("What happened since 2031?", "Who has been mayor since 2031?", "When did it end?")]
    [True, False, False]
    """
    return bool(_CHANGE.search(text)) or (bool(_COURSE.search(text)) and not expected_kind(text))


_MONTH = (
    r"jan(uary)?|feb(ruary)?|mar(ch)?|apr(il)?|may|june?|july?|aug(ust)?|sept?(ember)?|oct(ober)?|nov(ember)?|dec(ember)?|"
    r"январ\w+|феврал\w+|марта?|апрел\w+|ма[яй]|июн\w+|июл\w+|август\w*|сентябр\w+|октябр\w+|ноябр\w+|декабр\w+"
)
_DAY = r"monday|tuesday|wednesday|thursday|friday|saturday|sunday|yesterday|today|century"
_NUMERAL = (
    r"one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|"
    r"nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundreds?|thousands?|millions?|billions?|dozens?|half|"
    r"third|quarter|оди?н\w*|дв[аеу]\w*|три|тр[её]х|четыр\w+|пят\w+|шест\w+|сем[ьи]|восем\w*|девят\w+|десят\w+|ст[оа]|"
    r"сот(ен|ни)|тысяч\w*|миллион\w*|миллиард\w*"
)
_NUMBER = rf"(\b\d[\d,.]*|\b({_NUMERAL})\b)"
_TIME_UNIT = (
    r"(seconds?|minutes?|hours?|days?|weeks?|months?|years?|decades?|centur(y|ies)|"
    r"лет|год\w*|месяц\w*|недел\w+|дн\w+|час\w*|минут\w*)"
)
_FRACTION = r"\b(half|(one|two|three)[- ](thirds?|quarters?|fifths?)|a (third|quarter|fifth|tenth))\b"
_MEASURE_UNIT = (
    r"(kilomet\w+|met(er|re)s?|centimet\w+|feet|foot|inch(es)?|miles?|yards?|acres?|hectares?|kilograms?|tonn?es?|tons?|pounds?|"
    r"degrees?|litres?|liters?|km2?|cm|mm|kg|mph|nm|μm|mm|m|ft|mi|км|метр\w*|килограмм\w*|тонн\w*|градус\w*|square|cubic)"
)
_MONEY = (
    r"([$€£¥₽₸₴]\s?\d|\b(dollars?|euros?|pounds?|cents?|yen|yuan|rubles?|roubles?|tenge|francs?|crowns?|kron\w+|rupees?|"
    r"pesos?|lira|USD|EUR|GBP|рубл\w+|доллар\w*|евро|тенге)\b)"
)
_MEASURE = rf"\d[\d,.]*[\s-]*({_MEASURE_UNIT}\b|°)|\b({_NUMERAL})[\s-]+{_MEASURE_UNIT}\b"
_SIGNS = {
    "percent": re.compile(rf"{_NUMBER}[\s-]*(%|per ?cent\b|процент)|{_FRACTION}", re.I),
    "age": re.compile(
        rf"\b(aged?|at the age of|at) \d{{1,3}}\b|\byears? old\b|\byear-old\b|\bborn\b|{_NUMBER}\W+(лет|год\w*)\b", re.I
    ),
    "duration": re.compile(
        rf"{_NUMBER}[\s-]+(\w+[\s-]+)?{_TIME_UNIT}\b|\b(a|an|last|several|few|many) ({_TIME_UNIT})\b|"
        rf"\b(since|until|from) |{_MEASURE}",
        re.I,
    ),
    "measure": re.compile(_MEASURE, re.I),
    "money": re.compile(_MONEY, re.I),
    "number": re.compile(_NUMBER, re.I),
    "date": re.compile(rf"\b(1\d|20)\d\ds?\b|\b({_MONTH})\b|\b({_DAY})\b", re.I),
    "reason": re.compile(
        r"\bbecause|\bdue to\b|\bin order to\b|\bso that\b|\bsince\b|\breason|\bas a result|\bto avoid\b|\bfor fear\b|"
        r"\b(потому|из-за|чтобы)\b",
        re.I,
    ),
}
_CAPITAL = re.compile(r"(?<![.!?…]\s)(?<!^)\b[^\W\d_a-zа-яё][\w’'-]*")


def answers_kind(question: Question, sentence: str) -> bool:
    """Whether a sentence holds something of the kind that the question expects and does not name itself.

    >>> class Any: terms = frequency = __len__ = None
    >>> asked = Question("How many people came?", {}, {}, frozenset(), "number")
    >>> answers_kind(asked, "About 400 people came."), answers_kind(asked, "Nobody counted.")
    (True, False)
    """
    if question.expects in ("person", "place"):
        asked = question.stems
        return any(stem(word) not in asked for match in _CAPITAL.finditer(sentence) for word in words(match.group()))
    sign = _SIGNS.get(question.expects)
    if sign is None:
        return False
    asked_text = question.text.lower()
    return any(match.group().lower() not in asked_text for match in sign.finditer(sentence))


def _is_name(word: str) -> bool:
    return (word[0].isupper() and word.lower() not in FUNCTION_WORDS) or any(character.isdigit() for character in word)
