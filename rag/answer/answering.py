"""Answer a question from found passages. Choose what answers, add its context, decide the state."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from rag.answer.reading import Candidate
from rag.answer.units import units
from rag.cite.checker import Evidence, Numbers
from rag.retrieval.mentions import Mention
from rag.retrieval.question import Question, asks_for_now
from rag.text.facts import facts
from rag.text.spelling import is_cyrillic
from rag.text.stems import stem, stems
from rag.text.words import content_words, words
from rag.types import Hit, Scope, Sentence, State, spoken_date

ANSWERED = -2.0
"""The score, in logits, from which a candidate answers; see benchmarks/README.md for the curve."""
CLOSE = -6.0
"""The score from which a sentence is shown as one of the closest."""
MOST_SENTENCES = 3
WORTH_ADDING = 3.5
"""A further sentence may score so much less than the best one, in logits."""
SOURCES_DIFFER = 4.5
"""Another article's answer may score so much less than the best one to be shown beside it, in logits."""
SAME_STORY = 0.35
"""How near in meaning, 0 to 1, answers that differ and their passages must be on average; see benchmarks/README.md."""
SOURCES_COMPARED = 5.5
"""The same where the question compares sources."""
MOST_SOURCES = 4
"""More articles are not compared."""
COVERAGE_WEIGHT = 3.0
"""Logits between a candidate whose surroundings hold all words of the question and one whose hold none."""
HANGING_COVERAGE_WEIGHT = 6.0
"""The same for a row or a reply, which hangs on a header or a question and not on what stands beside it."""
NUMBER_WEIGHT = 16.0
"""Logits that a candidate loses for each id or period of the question that its passage and article are not of: a refusal."""
NEAR_WEIGHT = 10.0
"""Logits between a candidate whose passage is as near to the question as unrelated texts are and one that is the same."""
FAR_WEIGHT = 6.0
"""Logits that all lose where no passage is nearer to the question than unrelated texts are."""
ACROSS_WEIGHT = 2.0
"""Logits added across two alphabets, where the reader scores lower."""
NEWER_WEIGHT = 1.5
"""Logits that the newest article gains over the oldest where the question asks for what holds now."""
TEMPERATURE = 2.0
"""Turns logits into a probability."""

CLOSEST = "No answer found. The closest sentences are:"
NOTHING = "No answer found."

_DANGLING_WORDS = """
he she they it this these those that his her their its him them such both another others also but however meanwhile then
there here who which instead otherwise
он она они оно это этот эта эти этого этой этих его её ее их ему ей им такой такая такие также однако тогда там здесь
ол олар бұл осы сол оның олардың оны оған бірақ сондай
"""
_DANGLING = frozenset(_DANGLING_WORDS.split())
_OPENERS = frozenset(
    ("in", "at", "on", "for", "with", "after", "before", "during", "и", "а", "но", "в", "на", "с", "после")
)
_ID = re.compile(r"\b[A-Z](?=[\w/.-]*\d)\w*(?:[/.-]\w+)*")  # TC-2023/118-C, A320
_LOOKED_BACK = 2  # units before a dangling sentence


class Chosen(NamedTuple):
    """What answers one question or part of a question: candidates, best first, and how it ended."""

    candidates: tuple[Candidate, ...]
    state: State

    @property
    def score(self) -> float:
        """Return how sure the best one is, 0 to 1."""
        return 1 / (1 + math.exp(-self.candidates[0].score / TEMPERATURE)) if self.candidates else 0.0


@dataclass(frozen=True, slots=True)
class Paragraph:
    """What is shown for one part of a question; ``label`` is empty where the question is one."""

    label: str
    chosen: Chosen


def weigh(
    candidates: Sequence[Candidate],
    asked: Question,
    dates: Sequence[Mention] = (),
    nearness: Sequence[float] | None = None,
) -> list[Candidate]:
    """Adjust the reader's scores. It does not see the question's words around, ids and dates, newness.

    ``dates`` are the periods that the question names, ``nearness`` says for each candidate how near its passage is to the
    question in meaning: 0 as unrelated texts are, 1 as the same; all are equally near where it is not given.
    """
    nearness = [1.0] * len(candidates) if nearness is None else nearness
    published = sorted({each.hit.document.published for each in candidates} - {""}) if asks_for_now(asked.text) else []
    newness = {day: place / max(1, len(published) - 1) for place, day in enumerate(published)}
    of_dates = {word for each in dates for word in words(asked.text[each.start : each.end])}
    numbers = [word for word in asked.names if any(map(str.isdigit, word)) and word not in of_dates]
    ids = [_squashed(match.group()) for match in _ID.finditer(asked.text)]
    covered = [asked.coverage(stems(f"{each.around} {each.hit.document.byline()}")) for each in candidates]
    missing = [_missing(each, asked, numbers, ids, dates) for each in candidates]
    nearest = max((near for near, lacks in zip(nearness, missing, strict=True) if lacks == min(missing)), default=0.0)
    weighed = []
    for each, coverage, near, lacks in zip(candidates, covered, nearness, missing, strict=True):
        weight = HANGING_COVERAGE_WEIGHT if each.unit.context else COVERAGE_WEIGHT
        score = each.score + weight * (coverage - max(covered)) - NUMBER_WEIGHT * lacks
        score += NEAR_WEIGHT * min(0.0, near - nearest) - FAR_WEIGHT * (not any(nearness))
        score += ACROSS_WEIGHT * (is_cyrillic(asked.text) != is_cyrillic(each.quote))
        score += NEWER_WEIGHT * newness.get(each.hit.document.published, 0.0)
        weighed.append(replace(each, score=score))
    return sorted(weighed, key=lambda each: -each.score)


def _missing(
    candidate: Candidate, asked: Question, numbers: Sequence[str], ids: Sequence[str], dates: Sequence[Mention]
) -> int:
    """Count the numbers, ids and periods of a question that a candidate's passage and article are not of."""
    # A row or a reply speaks for itself: what stands in another one says nothing about it.
    text = candidate.around if candidate.unit.context else candidate.hit.passage.text
    text = f"{text} {candidate.hit.document.byline()}"
    passage, squashed = stems(text), _squashed(text)
    missing = sum(asked.coverage(passage, [number]) == 0 for number in numbers)
    missing += sum(id not in squashed for id in ids)
    return missing + sum(not _of_time(date, asked.text, candidate.hit, passage) for date in dates)


def _of_time(date: Mention, question: str, hit: Hit, passage: frozenset[str]) -> bool:
    """Tell whether an article is of a period, or its passage names the year. "Before" asks for the article's date."""
    if Scope(published=date.published).holds(hit.document):
        return True
    years = [word for word in words(question[date.start : date.end]) if word.isdigit() and len(word) == 4]
    return bool(date.published[0]) and (not years or not passage.isdisjoint(years))


def _squashed(text: str) -> str:
    """Keep the letters and digits alone, so that "A-320" is "A320"."""
    return "".join(words(text)).casefold()


def choose(candidates: Sequence[Candidate]) -> Chosen:
    """Choose one to three candidates that say different things, and how the question ended."""
    if not candidates or candidates[0].score < CLOSE:
        return Chosen((), "none")
    best = candidates[0].score
    floor = max(best - WORTH_ADDING, CLOSE)
    chosen: list[Candidate] = []
    for each in candidates:
        if len(chosen) == MOST_SENTENCES or each.score < floor:
            break
        if not any(_repeats(each, other) for other in chosen):
            chosen.append(each)
    return Chosen(tuple(chosen), "answered" if best >= ANSWERED else "closest")


def differing(
    chosen: Chosen, candidates: Sequence[Candidate], same_story: Callable[[Candidate, Candidate], bool]
) -> tuple[Candidate, ...]:
    """Find numbers or dates that articles of one story give differently. Empty where they agree.

    Two names or two reasons only stand side by side: hardly any of those that the sets hold are a disagreement.
    """
    if chosen.state != "answered":
        return ()
    best = chosen.candidates[0]
    different, read = [best], {best.hit.document.id}
    for each in candidates:
        likely = each.hit.document.id not in read and each.score >= max(ANSWERED, best.score - SOURCES_DIFFER)
        read.add(each.hit.document.id)
        new = likely and all(_amounts_differ(each.span, other.span) for other in different)
        if new and same_story(best, each):
            different.append(each)
    return tuple(different) if len(different) > 1 else ()


def by_source(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Find the likely answers of several articles, those that differ first. Empty where one article alone answers."""
    floor = max(CLOSE, candidates[0].score - SOURCES_COMPARED) if candidates else CLOSE
    best: dict[str, Candidate] = {}
    for each in candidates:
        if each.score >= floor:
            best.setdefault(each.hit.document.id, each)
    different: list[Candidate] = []
    alike: list[Candidate] = []
    for each in best.values():
        new = all(_answers_differ(each, other) for other in different)
        (different if new else alike).append(each)
    shown = different if len(different) > 1 else [*different, *alike]
    return tuple(shown[:MOST_SOURCES]) if len(shown) > 1 else ()


def sentences(paragraphs: Sequence[Paragraph], text_of: Callable[[str], str]) -> tuple[Sentence, ...]:
    """Make the sentences of an answer, cited, each with its context; ``text_of`` gives an article's text by its id.

    Raises CitationError where a candidate does not lie inside its passage.
    """
    numbers = Numbers()
    made: list[Sentence] = []
    for place, paragraph in enumerate(paragraphs):
        lead = "\n\n" if place else " "
        if not paragraph.chosen.candidates:
            made.append(Sentence(NOTHING, lead=lead, label=paragraph.label))
            continue
        before: Candidate | None = None
        for candidate in paragraph.chosen.candidates:
            first = before is None
            sentence = _sentence(candidate, numbers, text_of)
            if before is not None and before.end < candidate.start and _adjacent(before, candidate, text_of):
                sentence = replace(sentence, context="")
            made.append(replace(sentence, lead=lead if first else " ", label=paragraph.label if first else ""))
            before = candidate
    return tuple(made)


def source_label(hit: Hit) -> str:
    """Name an article by outlet (or title) and date.

    >>> from rag.types import Header, Passage
    >>> passage = Passage("p", "a.md", 0, 3, "Yes")
    >>> source_label(Hit(passage, Header("a.md", "A vote", "Courier", published="2031-03"), 1.0))
    'Courier, March 2031'
    """
    header = hit.document
    return ", ".join(filter(None, (header.outlet or header.title or header.id, spoken_date(header.published))))


def _sentence(candidate: Candidate, numbers: Numbers, text_of: Callable[[str], str]) -> Sentence:
    evidence = Evidence(candidate.hit, candidate.start, candidate.end, candidate.score)
    quote = evidence.quote
    text = " ".join(quote.split())
    low, high = (len(" ".join(f"{quote[: each - candidate.start]}|".split())) - 1 for each in candidate.answer)
    span = (low, high) if low < high and high - low < len(text) else None
    context = candidate.unit.context or _referent(candidate, text_of(candidate.hit.document.id))
    return Sentence(text, (numbers.cite(evidence),), answer=span, context=" ".join(context.split()))


def _referent(candidate: Candidate, text: str) -> str:
    """Find what a dangling sentence hangs on: the sentence before it in the article, or two."""
    if not _dangles(candidate.quote):
        return ""
    paragraph_start = text.rfind("\n\n", 0, candidate.start)
    start = text.rfind("\n\n", 0, max(paragraph_start, 0)) + 1
    before = [each for each in units(text[start : candidate.start]) if each.kind != "heading"]
    for place in range(len(before) - 1, max(-1, len(before) - 1 - _LOOKED_BACK), -1):
        quote = text[start:][before[place].start : before[place].end]
        if not _dangles(quote) or place == max(0, len(before) - _LOOKED_BACK):
            return text[start + before[place].start : start + before[-1].end]
    return ""


def _dangles(quote: str) -> bool:
    """Tell whether a sentence opens with a word that means something in the sentence before it."""
    first = [word.lower() for word in words(quote)[:2]]
    return not _DANGLING.isdisjoint(first[: 2 if _OPENERS.intersection(first[:1]) else 1])


def _adjacent(one: Candidate, other: Candidate, text_of: Callable[[str], str]) -> bool:
    same = one.hit.document.id == other.hit.document.id
    return same and not text_of(one.hit.document.id)[one.end : other.start].strip()


def _repeats(one: Candidate, other: Candidate) -> bool:
    mine, theirs = (stems(each.quote) for each in (one, other))
    return len(mine & theirs) >= 0.6 * min(len(mine), len(theirs))


def _amounts_differ(one: str, other: str) -> bool:
    """Tell whether two answers are both numbers, dates or shares, and not the same ones.

    >>> _amounts_differ("250 people", "about 400 guests"), _amounts_differ("ten", "10 days")
    (True, False)
    >>> _amounts_differ("5.2 million euros", "40 per cent"), _amounts_differ("Ana Brik", "Oskar Lund")
    (False, False)
    """
    mine, theirs = (_amounts(answer) for answer in (one, other))
    kinds, forms = zip(*((set(each), set().union(*each.values())) for each in (mine, theirs)), strict=True)
    return bool(mine) and kinds[0] == kinds[1] and forms[0].isdisjoint(forms[1])


def _amounts(answer: str) -> dict[str, set[str]]:
    """Return the ways of writing an answer's numbers, dates and shares, each kind for itself."""
    found: dict[str, set[str]] = {}
    for each in facts(answer):
        if each.kind in ("number", "date"):
            share = any(form.endswith("%") for form in each.forms)
            values = {form.partition(" ")[0] for form in each.forms}  # without what is counted
            found.setdefault("share" if share else each.kind, set()).update(values)
    return found


def _answers_differ(one: Candidate, other: Candidate) -> bool:
    """True where two spans share no word that carries a subject. Numbers must be equal."""
    mine, theirs = (frozenset(map(stem, content_words(each.span))) for each in (one, other))
    digits = [frozenset(word for word in each if word.isdigit()) for each in (mine, theirs)]
    if all(digits):
        return digits[0] != digits[1]
    return mine.isdisjoint(theirs)
