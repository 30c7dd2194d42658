"""Sources that disagree: other numbers, dates or names for the same thing, shown side by side and never blended.

Silence is the rule. Two sentences of different articles disagree only where both answer the question, hold what it asks about,
mean nearly the same, and give one value each that the other's article does not hold.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import combinations

from rag.cite import Evidence, header_texts
from rag.facts import Evidenced, Fact, facts
from rag.lexical import stem
from rag.names import same_name
from rag.question import GROUPS, Question, Vocabulary, understand
from rag.sentences import sentence_spans
from rag.similarity import Similarity, meaningful_words
from rag.types import Citation, Header, Hit, Sentence, spoken_date
from rag.words import FUNCTION_WORDS, words

NEAR = 0.65
"""The cosine from which two sentences may speak of the same; see benchmarks/README.md for the curve."""
NEARER = 0.75
"""The same where the question does not say what kind of thing it asks for."""
# Both must hold so much of the question's weight, with their neighbours; and so little may stand in one alone.
_SHARED = 0.5
_ALONE = 0.3
# Each must itself hold so much of what a question for a value says besides names; others say little ("what happened").
_MATTER = 0.5
# Two words count the same from this nearness on, see Similarity.near.
_SYNONYM = 0.5
# A round number may stand for what is so near to it, and one that is said to be so for twice that.
_ROUNDED = 0.05
_MOST_STATEMENTS = 24


@dataclass(frozen=True, slots=True)
class Side:
    """What one source says: a sentence of it, and where in it, in characters of the sentence, the value stands that others
    contradict. ``newest`` where it was published after all the others, as far as their dates tell."""

    evidence: Evidence
    start: int
    end: int
    newest: bool = False

    @property
    def value(self) -> str:
        """The text that differs."""
        return self.evidence.quote[self.start : self.end]

    @property
    def header(self) -> Header:
        """The article it stands in."""
        return self.evidence.hit.document


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Two or more articles that give different values of a ``kind`` (number, date or name), in order of publication."""

    kind: str
    sides: tuple[Side, ...]


def disagreements(
    question: str, hits: Sequence[Hit], similarity: Similarity, vocabulary: Vocabulary
) -> tuple[Disagreement, ...]:
    """Where articles among the hits disagree on what is asked; the order of the hits does not matter.

    Each disagreement has one sentence of each article. Raises EmbedderError.
    """
    asked = understand(question, vocabulary)
    found = []
    for kind in _kinds(asked):
        statements = _statements(asked, kind, hits)
        found += _grouped(kind, list(_conflicts(asked, statements, similarity)))
    return tuple(found)


def told(disagreement: Disagreement, cited: Sequence[Citation] = ()) -> tuple[Sentence, ...]:
    """A disagreement as sentences of an answer; a quote that is already cited keeps its number, others count on.

    The values that differ are in bold.
    """
    numbers = {(each.hit.passage.document_id, each.start, each.end): each.number for each in cited}
    newer = "newer" if len(disagreement.sides) == 2 else "newest"
    sentences = [Sentence("Sources differ:", lead="\n")]
    for side in disagreement.sides:
        evidence = side.evidence
        place = (evidence.hit.passage.document_id, evidence.start, evidence.end)
        number = numbers.setdefault(place, max(numbers.values(), default=0) + 1)
        date = spoken_date(side.header.published) or "undated"
        remark = ", ".join(part for part in (date, newer if side.newest else "") if part)
        begins = f"{side.header.outlet or side.header.title or side.header.id} ({remark}): “"
        before = " ".join(f"{evidence.quote[: side.start]}|".split())[:-1]
        start = len(begins) + len(before)
        text = f"{begins}{' '.join(evidence.quote.split())}”"
        citation = Citation(number, evidence.hit, evidence.quote, evidence.start, evidence.end)
        bold = ((start, start + len(" ".join(side.value.split()))),)
        sentences.append(Sentence(text, (citation,), lead="\n- ", bold=bold))
    return tuple(sentences)


def newer(one: str, other: str) -> bool:
    """Whether the first date of publication is later, as far as both are known.

    >>> newer("2031-03-09", "2031-03-04"), newer("2031-03", "2031-03-04"), newer("2031", ""), newer("2032", "2031-12-31")
    (True, False, False, True)
    """
    known = min(len(one), len(other))
    return bool(known) and one[:known] > other[:known]


# --- What a sentence gives as an answer


@dataclass(frozen=True, slots=True)
class _Value:
    """A number, date or name of a sentence; ``start`` and ``end`` count its characters.

    ``ranges`` are what a number may mean, ``unit`` and ``counted`` (words) what it counts; ``dates`` are year, month and
    day as far as known; ``names`` the words of a name.
    """

    kind: str
    start: int
    end: int
    facts: tuple[Fact, ...]
    ranges: tuple[tuple[float, float], ...] = ()
    unit: str = ""
    counted: tuple[str, ...] = ()
    date: tuple[str, str, str] = ("", "", "")
    names: tuple[str, ...] = ()

    def agrees(self, other: _Value) -> bool:
        """Whether both may be true of one thing."""
        if self.kind == "number":
            return any(_overlap(one, two) for one in self.ranges for two in other.ranges)
        if self.kind == "date":
            return all(not one or not two or one == two for one, two in zip(self.date, other.date, strict=True))
        return any(same_name(one, two) for one in self.names for two in other.names)


@dataclass(frozen=True, eq=False)
class _Statement:
    """A sentence of a hit with its values of the kind asked for; ``context`` are the stems
    around it and above it, ``score`` says how much of the question it holds."""

    hit: Hit
    start: int
    end: int
    text: str
    around: str
    values: tuple[_Value, ...]
    own: frozenset[str]
    context: frozenset[str]
    score: float

    @property
    def place(self) -> tuple[str, int, int]:
        return (self.hit.document.id, self.start, self.end)

    @cached_property
    def article(self) -> Evidenced:
        """What stands in the passage and above it."""
        return _evidenced(self.hit.passage.text, header_texts(self.hit.document))

    @cached_property
    def facts(self) -> tuple[Fact, ...]:
        return _facts(self.text)

    @cached_property
    def dates(self) -> list[_Value]:
        return list(_dates(self.text))

    @cached_property
    def names(self) -> list[_Value]:
        return [each for each in _names(self.text) if not _is_speaker(self.text, each)]


@lru_cache(maxsize=4096)
def _facts(text: str) -> tuple[Fact, ...]:
    return tuple(facts(text))


@lru_cache(maxsize=256)
def _evidenced(text: str, header: tuple[str, ...] = ()) -> Evidenced:
    return Evidenced([text], header)


# Who did something may be many; of these there is one, or one at a time.
_ONE_PERSON = re.compile(
    r"\bwho(?:'s|’s| is| was| became| becomes) (?:the |its |their |an? )?(?!\w+(?:ed|ing|ly)\b)(?-i:[a-z])"
    r"|\bwho (?:won|wins|leads?|led|heads?|headed|chairs|chaired|founded|wrote|directed|designed|invented|discovered|owns"
    r"|runs|replaced|succeeded|succeeds|defeated|beat|killed|created|built|painted|composed)\b"
    r"|\bwhat (?:is|was) the name of|\bкто (?:является|был|была|стал|стала|возглавляет|возглавил|основал|победил|написал)\b",
    re.IGNORECASE,
)
_ONE_PLACE = re.compile(
    r"\b(?:what|which) (?:city|town|village|country|state) is the\b|\b(?:born|held|located|based|capital"
    r"|headquarter\w+|take place|took place|happen\w*|buil[td])\b"
    r"|\b(?:родил\w+|проходил\w*|прошл\w+|наход\w+|столиц\w+|построе\w+)\b",
    re.IGNORECASE,
)


def _kinds(asked: Question) -> tuple[str, ...]:
    """What may differ, by the form of the question."""
    if asked.expects == "person":
        return ("name",) if _ONE_PERSON.search(asked.text) else ()
    if asked.expects == "place":
        return ("name",) if _ONE_PLACE.search(asked.text) else ()
    if asked.expects == "date":
        return ("date",)
    if GROUPS.get(asked.expects) in ("quantity", "number"):
        return ("number",)
    return () if asked.expects else ("number", "date")


def _statements(asked: Question, kind: str, hits: Iterable[Hit]) -> list[_Statement]:
    """The sentences that give a value and hold enough of the question, those that hold most of it."""
    found: dict[tuple[str, int, int], _Statement] = {}
    for hit in hits:
        text, offset = hit.passage.text, hit.passage.start
        header = _stems(hit.document.byline())
        spans = sentence_spans(text)
        stems = [_stems(text[start:end]) for start, end in spans]
        for position, (start, end) in enumerate(spans):
            near = header.union(*stems[max(0, position - 1) : position + 2])
            score = round((asked.coverage(stems[position]) + asked.coverage(near)) / 2, 6)
            values = tuple(_values(kind, asked, text[start:end])) if score >= _SHARED / 2 else ()
            if values:
                around = " ".join(text[a:b] for a, b in spans[max(0, position - 1) : position + 2])
                each = _Statement(
                    hit, offset + start, offset + end, text[start:end], around, values, stems[position], near, score
                )
                found[each.place] = max(found.get(each.place, each), each, key=lambda one: (one.score, one.hit.score))
    return sorted(found.values(), key=lambda each: (-each.score, each.place))[:_MOST_STATEMENTS]


def _values(kind: str, asked: Question, text: str) -> Iterator[_Value]:
    """The values of a kind that the question does not name itself."""
    read = {"number": _numbers, "date": _dates, "name": _names}[kind]
    of_question = list(read(asked.text))
    for each in read(text):
        if not any(each.agrees(other) for other in of_question) and _is_expected(each, asked, text):
            yield each


_UNITS_OF = {
    "percent": {"%"},
    "money": {"$", "€", "£", "₽", "₸", "¥", "thing", "?"},
    "age": {"year", "?"},
    "duration": {"year", "month", "week", "day", "hour", "minute", "second"},
    "measure": {"km", "mile", "metre", "kg", "tonne", "thing"},
}


def _is_expected(value: _Value, asked: Question, text: str) -> bool:
    """Whether the unit or the place of a value is what the question asks for."""
    if value.kind == "number":
        return value.unit in _UNITS_OF.get(asked.expects, {value.unit})
    if value.kind == "name" and asked.expects == "place":
        return bool(re.search(r"\b(?:in|at|near|в|во|на)\s(?:the\s)?$", text[: value.start]))
    return not (value.kind == "name" and re.search(r"\b(?:in|at|near|from|of|в|из)\s(?:the\s)?$", text[: value.start]))


# --- Numbers


_COUNTED = re.compile(r"[\s-]{1,2}(?:of\s(?:the\s|its\s|all\s)?)?(?P<words>[^\W\d_]+(?:[\s-][^\W\d_]+){0,2})")
_NOT_COUNTS = {"th", "quarter", "decade", "o'clock"}
_ALMOST = re.compile(r"\b(?:nearly|almost|close to|just short of|почти)\s[$€£₽₸¥]?$", re.IGNORECASE)
_YEAR = re.compile(r"(?:1[5-9]|20|21)\d\d")


@lru_cache(maxsize=4096)
def _numbers(text: str) -> tuple[_Value, ...]:
    found = []
    for fact in _facts(text):
        if fact.kind != "number" or _is_year(fact, text):
            continue
        units = {form.partition(" ")[2] for form in fact.forms} - {"?", ""}
        unit = min(units, default="?")
        if unit not in _NOT_COUNTS and not _is_part_of_name(fact, text):
            values = {float(form.partition(" ")[0]) for form in fact.forms}
            ranges = tuple(
                sorted(_range(value, fact.within, bool(_ALMOST.search(text[: fact.start]))) for value in values)
            )
            found.append(_Value("number", fact.start, fact.end, (fact,), ranges, unit, _counted(text, fact.end, unit)))
    return tuple(found)


def _is_year(fact: Fact, text: str) -> bool:
    return bool(_YEAR.fullmatch(text[fact.start : fact.end])) and not text[: fact.start].endswith(("$", "€", "£"))


_NAME_BEFORE = re.compile(
    r"(?P<place>\b(?:[Ii]n|[Aa]t|[Nn]ear|[Ff]rom|[Tt]o|[ВвНн][оа]?|[Ии]з)\s)?[^\W\d_a-zа-яё][^\W\d_]+[\s-]$"
)


def _is_part_of_name(fact: Fact, text: str) -> bool:
    """Route 66, Apollo-11: a number after a hyphen, or after a capitalised word that begins no sentence and is no place."""
    before = text[: fact.start]
    match = _NAME_BEFORE.search(before)
    return before.endswith("-") or (match is not None and not match["place"] and bool(before[: match.start()].strip()))


def _range(value: float, within: tuple[float, float] | None, almost: bool) -> tuple[float, float]:
    """What a number may mean: "more than" and "up to" have no other end, a round one stands for what is near."""
    if almost:
        return value * (1 - 2 * _ROUNDED), value
    if within is not None and within[0] == value:
        return value, math.inf
    if within is not None and within[1] == value:
        return -math.inf, value
    step = 1.0
    while value and value % (step * 10) == 0:
        step *= 10
    slack = min(step / 2, value * _ROUNDED) if value >= 10 and value == int(value) else 0.0
    if within is not None:
        slack = max(slack, within[1] - value, min(step / 2, 2 * _ROUNDED * value))
    return value - slack, value + slack


def _overlap(one: tuple[float, float], other: tuple[float, float]) -> bool:
    """Whether two ranges meet; of two with the same open end ("at least 12", "at least 30") the other ends are compared."""
    if one[1] == other[1] == math.inf or one[0] == other[0] == -math.inf:
        ends = [next(end for end in each if math.isfinite(end)) for each in (one, other)]
        return abs(ends[0] - ends[1]) <= 2 * _ROUNDED * max(map(abs, ends))
    return one == other or (one[0] < other[1] and other[0] < one[1])


def _counted(text: str, end: int, unit: str) -> tuple[str, ...]:
    """Up to three words after a number, or after its unit, in small letters."""
    if unit not in ("thing", "?", "$", "€", "£", "₽", "₸", "¥"):
        end += len((re.match(r"[\s-]?(?:%|per cent\b|[^\W\d_]+)", text[end:]) or [""])[0])
    match = _COUNTED.match(text, end)
    if match is None:
        return ()
    return tuple(word.lower() for word in words(match["words"]) if word.lower() not in FUNCTION_WORDS)


# --- Dates


@lru_cache(maxsize=4096)
def _dates(text: str) -> tuple[_Value, ...]:
    found = []
    for fact in _facts(text):
        if fact.kind == "date":
            year, month, day = min(fact.forms).split("-")
            found.append(_Value("date", fact.start, fact.end, (fact,), date=(year, month, day)))
        elif fact.kind == "number" and _is_year(fact, text):
            found.append(_Value("date", fact.start, fact.end, (fact,), date=(text[fact.start : fact.end], "", "")))
    return tuple(found)


# --- Names


_CALENDAR = frozenset(
    [
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
        "понедельник",
        "вторник",
        "среда",
        "четверг",
        "пятница",
        "суббота",
        "воскресенье",
    ]
)
_SAYS = (
    r"(?:said|says|told|tells|reported|reports|announced|added|claimed|stated|noted|wrote|according|estimated"
    r"|сообщил\w*|заявил\w*|сказал\w*)"
)


@lru_cache(maxsize=4096)
def _names(text: str) -> tuple[_Value, ...]:
    """Runs of capitalised words, one name each."""
    runs: list[list[Fact]] = []
    for fact in _facts(text):
        if fact.kind != "name" or fact.forms & _CALENDAR:
            continue
        if runs and re.fullmatch(r"[\s-]|\s(?:de|van|von|al)\s", text[runs[-1][-1].end : fact.start]):
            runs[-1].append(fact)
        else:
            runs.append([fact])
    return tuple(
        _Value("name", run[0].start, run[-1].end, tuple(run), names=tuple(min(each.forms) for each in run))
        for run in runs
    )


def _is_speaker(text: str, name: _Value) -> bool:
    """Whether a name is only who says it."""
    return bool(
        re.match(rf"[,\s]*{_SAYS}\b", text[name.end :])
        or re.search(rf"\b(?:{_SAYS}|according to|by)\s(?:\w+\s)?$", text[: name.start])
    )


# --- Which contradict one another


@dataclass(frozen=True)
class _Conflict:
    one: _Statement
    other: _Statement
    values: tuple[_Value, _Value]


def _conflicts(asked: Question, statements: Sequence[_Statement], similarity: Similarity) -> Iterator[_Conflict]:
    pairs = [
        (one, other)
        for one, other in combinations(sorted(statements, key=lambda each: each.place), 2)
        if one.hit.document.id != other.hit.document.id
        and any(_differing(one, other))
        and _speak_of_the_same(one, other)
    ]
    held = _held(asked, dict.fromkeys(each for pair in pairs for each in pair), similarity)
    pairs = [(one, other) for one, other in pairs if _answer_the_same(asked, held[one], held[other])]
    if not pairs:
        return
    texts = list(dict.fromkeys(each.text for pair in pairs for each in pair))
    rows = {text: row for row, text in enumerate(texts)}
    cosines = similarity.between(texts, texts)
    least = NEAR if asked.expects else NEARER
    for one, other in pairs:
        if cosines[rows[one.text], rows[other.text]] >= least:
            values = [
                pair for pair in _differing(one, other) if _count_the_same(*pair, bool(asked.expects), similarity)
            ]
            if len(values) == 1:
                yield _Conflict(one, other, values[0])


def _held(
    asked: Question, statements: Iterable[_Statement], similarity: Similarity
) -> dict[_Statement, tuple[set[str], set[str]]]:
    """The words of the question that each statement holds, and those that stand around it, also put in other words."""
    statements = list(statements)
    plain = [word for word in asked.weights if word not in asked.names]
    own = similarity.near(plain, [meaningful_words(each.text) for each in statements])
    around = similarity.near(plain, [meaningful_words(each.around) for each in statements])
    return {
        each: (
            {word for word in asked.weights if _stands(asked, word, each.own, own_)},
            {word for word in asked.weights if _stands(asked, word, each.context, around_)},
        )
        for each, own_, around_ in zip(statements, own, around, strict=True)
    }


def _stands(asked: Question, word: str, stems: frozenset[str], near: Mapping[str, float]) -> bool:
    return not stems.isdisjoint(asked.terms[word]) or near.get(word, 0.0) >= _SYNONYM


def _answer_the_same(asked: Question, one: tuple[set[str], set[str]], other: tuple[set[str], set[str]]) -> bool:
    """Whether both hold enough of the question, and neither much of it that stands nowhere near the other."""
    total = sum(asked.weights.values()) or 1.0
    shared = one[1] & other[1]
    alone = (one[0] - other[1]) | (other[0] - one[1])
    matter = {word: weight for word, weight in asked.weights.items() if word not in asked.names}
    return (
        sum(asked.weights[word] for word in shared) >= _SHARED * total
        and sum(asked.weights[word] for word in alone) <= _ALONE * total
        and (
            not asked.expects
            or all(
                sum(matter[word] for word in own & matter.keys()) >= _MATTER * sum(matter.values())
                for own in (one[0], other[0])
            )
        )
    )


def _differing(one: _Statement, other: _Statement) -> Iterator[tuple[_Value, _Value]]:
    """The pairs of values in the same unit that contradict one another, and of which neither article holds the other's."""
    for ours in one.values:
        for theirs in other.values:
            if (
                ours.unit == theirs.unit
                and not any(ours.agrees(each) for each in other.values)
                and not any(theirs.agrees(each) for each in one.values)
                and not _holds(one, theirs)
                and not _holds(other, ours)
            ):
                yield ours, theirs


def _holds(statement: _Statement, value: _Value) -> bool:
    return all(statement.article.holds(fact) for fact in value.facts)


def _speak_of_the_same(one: _Statement, other: _Statement) -> bool:
    """Whether what else they hold fits together: dates, names and directions."""
    kind = one.values[0].kind
    pairs = [ours.agrees(theirs) for ours in one.dates for theirs in other.dates]
    if kind != "date" and pairs and not any(pairs):
        return False
    if kind != "name" and _names_alone(one, other) and _names_alone(other, one):
        return False
    return not any(
        fact.kind == "direction" and not _evidenced(theirs.text).holds(fact)
        for ours, theirs in ((one, other), (other, one))
        for fact in ours.facts
    )


def _names_alone(one: _Statement, other: _Statement) -> bool:
    """Whether a sentence names what the other's article does not."""
    return any(not any(other.article.holds(fact) for fact in name.facts) for name in one.names)


def _count_the_same(ours: _Value, theirs: _Value, asked_for: bool, similarity: Similarity) -> bool:
    """Whether two numbers count the same thing: the words beside them are the same, or mean it.

    Where the question asks for such a number, a unit with a name of its own is enough.
    """
    if ours.kind != "number":
        return True
    if {stem(word) for word in ours.counted} & {stem(word) for word in theirs.counted}:
        return True
    if not ours.counted or not theirs.counted:
        return asked_for and ours.unit not in ("thing", "?")
    (near,) = similarity.near(list(ours.counted), [set(theirs.counted)])
    return max(near.values(), default=0.0) >= _SYNONYM


@lru_cache(maxsize=4096)
def _stems(text: str) -> frozenset[str]:
    return frozenset(map(stem, words(text)))


# --- Side by side


def _grouped(kind: str, conflicts: Sequence[_Conflict]) -> list[Disagreement]:
    """The conflicts that share a sentence become one, with one sentence of each article."""
    groups: list[list[_Conflict]] = []
    for conflict in conflicts:
        places = {conflict.one.place, conflict.other.place}
        joined = [group for group in groups if any(places & {each.one.place, each.other.place} for each in group)]
        groups = [group for group in groups if group not in joined]
        groups.append([each for group in joined for each in group] + [conflict])
    return [Disagreement(kind, _sides(group)) for group in groups]


def _sides(conflicts: Sequence[_Conflict]) -> tuple[Side, ...]:
    """One sentence of each article, of the pair that holds most of the question."""
    chosen: dict[str, tuple[_Statement, _Value]] = {}
    ranked = sorted(conflicts, key=lambda each: (-each.one.score - each.other.score, each.one.place, each.other.place))
    for each in ranked:
        for statement, value in ((each.one, each.values[0]), (each.other, each.values[1])):
            chosen.setdefault(statement.hit.document.id, (statement, value))
    ordered = sorted(chosen.values(), key=lambda each: each[0].hit.document.date_order)
    dates = [each.hit.document.published for each, _ in ordered]
    sides = []
    for place, (statement, value) in enumerate(ordered):
        others = dates[:place] + dates[place + 1 :]
        evidence = Evidence(statement.hit, statement.start, statement.end, statement.score)
        newest = all(newer(dates[place], other) for other in others)
        sides.append(Side(evidence, value.start, value.end, newest))
    return tuple(sides)
