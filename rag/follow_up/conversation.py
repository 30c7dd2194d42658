"""What a conversation spoke of: its names and phrases, and which of them a pronoun is most likely to mean.

The last question comes before older ones, and a pronoun takes the place in its sentence that its antecedent had, subject for
subject, object for object (Smyth 1994, "Grammatical determinants of ambiguous pronoun resolution").
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from rag.follow_up.grammar import (
    ASKED_NOUN,
    POSSESSIVE,
    THING_WORDS,
    head_noun,
    is_heavy,
    name_spans,
    noun_phrases,
    says_what,
    spelt_as_name,
    statement_of,
    tokens_of,
    word_set,
)
from rag.lexical import stem
from rag.question import Vocabulary, expected_kind
from rag.sentences import sentence_spans
from rag.types import Message
from rag.words import FUNCTION_WORDS, words

LONGEST_CARRIED = 160
"""Characters that are carried over at most; a longer question would be searched for less well, not better."""
TURNS = 6
_LONGEST_ANSWER = 700
_LONGEST_NAME = 80


@dataclass(frozen=True, slots=True)
class Turn:
    """A former question, completed, and what was answered (empty where we refused)."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class _Mention:
    """Something a conversation spoke of: its words, how recent it is, which it was of its sentence, and what it can be."""

    text: str
    place: float
    number: int
    person: float
    gender: str = ""
    plural: bool = False
    located: bool = False


_PLACING = word_set("in at from to near")
PERSON_WORDS = word_set(
    """president leader minister mayor director secretary spokesman spokeswoman activist journalist candidate politician
    actor actress singer writer author professor doctor judge king queen banker founder chairman chairwoman mr mrs ms dr"""
)
MALE = word_set("mr sir king husband father son brother man boy prince spokesman chairman actor господин")
FEMALE = word_set(
    "mrs ms lady queen wife mother daughter sister woman girl princess spokeswoman chairwoman actress госпожа"
)
_MARKS = re.compile(r"\s*\[\d+\]")
_REFUSED = re.compile(
    r"^(the articles do not|the articles don't|i('m| am) sorry|sorry|i (do not|don't) (know|have)|i have no |no information)",
    re.I,
)
CARRIED = re.compile(r"\(([^()]*)\)(?=\W*$)")


def turns_of(history: Sequence[Message]) -> list[tuple[str, str]]:
    """Each question with what was answered, without the marks of citations; empty where we refused."""
    found: list[tuple[str, str]] = []
    for message in history:
        if message.role == "user":
            found.append((" ".join(message.text.split()), ""))
        elif message.role == "assistant" and found:
            text = _MARKS.sub("", message.text)[:_LONGEST_ANSWER]
            found[-1] = (found[-1][0], "" if _REFUSED.match(text) else text)
    return [turn for turn in found if words(turn[0])]


class Conversation:
    """The former turns of a conversation and what can be carried from them."""

    def __init__(self, turns: Sequence[Turn], vocabulary: Vocabulary | None) -> None:
        self.turns = turns
        self.last = turns[-1]
        self._vocabulary = vocabulary

    def topic(self) -> str:
        """What the last question was about: a phrase with a name, else names, else all it asked."""
        carried = CARRIED.search(self.last.question)
        plain = CARRIED.sub("", self.last.question)
        phrases = [] if carried is None else [carried[1]]
        # The last question's own words count too: "And what did the organisers wear (the rally)?" is about both.
        own = [text for text in noun_phrases(plain) if any(map(says_what, tokens_of(text)))]
        names = [plain[start:end] for start, end in name_spans(plain)]
        phrases += [*own[:2], *names][:3] or ([] if carried else [statement_of(plain)])
        return joined(phrases)

    def event(self) -> str:
        """What the last question said, without what it asked."""
        carried = CARRIED.search(self.last.question)
        plain = CARRIED.sub("", self.last.question)
        rest = statement_of(plain)
        heavy = [token for token in tokens_of(rest) if is_heavy(token)]
        return joined(([rest] if heavy else []) + ([carried[1]] if carried else []))

    def referent(self, kind: str, subject: bool, taken: frozenset[str] = frozenset()) -> str:
        """What a pronoun of a kind (he, she, it, they) stands for, or empty; ``subject`` is the place it has itself."""
        found = []
        for age, turn in enumerate(reversed(self.turns)):
            # An older answer's names live on in the questions that took them up.
            for mention in _mentions(turn if age < _ANSWERS_READ else replace(turn, answer="")):
                score = _fit(mention, kind, subject) * _FADING**age
                if score > 0 and mention.text not in taken:
                    found.append((score, mention.text))
        ranked = sorted(found, key=lambda each: -each[0])
        return next((text for _, text in ranked if self._known(text)), "")

    def phrase(self, noun: str) -> str:
        """The fullest phrase about a noun in a former question, such as "the vote on the bridge" for "vote", or empty."""
        wanted = stem(noun)
        for turn in reversed(self.turns):
            found = [text for text in noun_phrases(turn.question) if stem(head_noun(text)) == wanted]
            if found:
                return re.sub(r"^an? ", "the ", max(found, key=len), flags=re.I)
        return ""

    def asked_about(self, noun: str) -> bool:
        """Whether a noun stands in a former question."""
        wanted = stem(noun)
        return any(wanted in map(stem, words(turn.question)) for turn in self.turns[-3:])

    def answered_with(self, noun: str) -> bool:
        """Whether a noun stands in one of the last two answers."""
        return any(re.search(rf"\b{noun}\b", turn.answer, re.I) for turn in self.turns[-2:])

    def place(self) -> str:
        """The place spoken of last, or empty."""
        for turn in reversed(self.turns):
            for text in (turn.question, turn.answer):
                for mention in _in_text(text, 1.0):
                    if mention.located and self._known(mention.text):
                        return mention.text
        return ""

    def _known(self, name: str) -> bool:
        if self._vocabulary is None:
            return True
        return any(self._vocabulary.frequency(stem(word)) for word in words(name))


@lru_cache(maxsize=256)
def _mentions(turn: Turn) -> tuple[_Mention, ...]:
    found = list(_in_text(turn.question, 3.0, _with_phrases(turn.question, _names_known(turn))))
    asked_person = expected_kind(turn.question) == "person"
    own = {stem(word) for word in words(turn.question)}
    for start, end in sentence_spans(turn.answer)[:4]:
        for mention in _in_text(turn.answer[start:end], 1.0):
            fresh = not own & set(map(stem, words(mention.text)))
            # Who was asked for is who is spoken of next.
            place = 3.2 if asked_person and fresh and mention.person > 0.5 and not mention.located else mention.place
            found.append(replace(mention, place=place))
        own |= {stem(word) for word in words(turn.answer[start:end])}
    return tuple(found)


def _names_known(turn: Turn) -> list[tuple[int, int]]:
    """The names of a question, also those that only the answer writes with capitals."""
    spans = name_spans(turn.question)
    if turn.question.islower():
        names = {POSSESSIVE.sub("", turn.answer[start:end]).lower() for start, end in name_spans(turn.answer)}
        found = (re.search(rf"\b{re.escape(name)}\b", turn.question) for name in names)
        spans += [match.span() for match in found if match]
    return sorted(spans)


def _in_text(text: str, place: float, spans: Sequence[tuple[int, int]] | None = None) -> Iterator[_Mention]:
    for number, (start, end) in enumerate(name_spans(text) if spans is None else spans):
        name = POSSESSIVE.sub("", text[start:end])
        if name[0].isdigit() or len(name) > _LONGEST_NAME:
            continue
        before = [word.lower() for word in words(text[max(0, start - 60) : start])]
        yield _Mention(
            _with_article(text, start, name),
            place,
            number,
            personhood(text[:start], name, text[start + len(name) :], before),
            _gender(name, before),
            _plural(name),
            before[-1:] != [] and before[-1] in _PLACING,
        )


_ANSWERS_READ = 3
_FADING = 0.6
"""How much less likely something is meant with every question since: what was asked two questions ago still comes before
what an answer mentioned by the way."""


def _fit(mention: _Mention, kind: str, subject: bool) -> float:
    """How well a mention suits a pronoun; 0 where it cannot be meant."""
    score = mention.place + (-0.1 if subject else 0.1) * min(mention.number, 4)
    if kind in ("he", "she"):
        if mention.person <= 0 or (mention.gender and mention.gender != kind):
            return 0.0
        return score + mention.person + (0.5 if mention.gender else 0.0)
    if mention.located:
        score *= 0.3
    if kind == "it":
        if mention.plural:
            score *= 0.4
        score -= 0.7 * max(0.0, mention.person)
    if kind == "they":
        score *= 1.0 if mention.plural or name_spans(mention.text, first_too=True) else 0.5
        score += 0.8 if mention.plural else 0.0
    return max(score, 0.0)


def personhood(before: str, name: str, after: str, previous: Sequence[str]) -> float:
    """How likely a name is a person's, from -1 to 1, by its own words and by what stands before and after it."""
    parts = words(name)
    if any(part.lower() in THING_WORDS or spelt_as_name(part) for part in parts) or parts[0].islower():
        return -1.0
    if previous and (previous[-1] in ("the", "in", "at") or _WHAT_IS.match(before)):
        return -1.0
    if previous and previous[-1] in PERSON_WORDS | MALE | FEMALE:
        return 1.0
    if _WHO_IS.match(before) or _WHO_FOLLOWS.match(after):
        return 1.0
    if _SLAVIC_FEMALE.search(parts[-1]) or _SLAVIC_MALE.search(parts[-1]):
        return 0.9
    return 0.6 if len(parts) in (2, 3) else 0.3


_WHAT_IS = re.compile(r"\W*what('s| is| are| was| were) $", re.I)
_WHO_IS = re.compile(r"\W*(who|кто)\b[^.?]{0,25}$", re.I)
_WHO_FOLLOWS = re.compile(r"\W+who\b")
_SLAVIC_FEMALE = re.compile(r"(ov|ev|yev|in|yn|sk)a(ya)?$|(ова|ева|ёва|ина|ская)$", re.I)
_SLAVIC_MALE = re.compile(r"(ov|ev|yev|sky|skiy)$|(ов|ев|ёв|ский)$", re.I)


def _gender(name: str, before: Sequence[str]) -> str:
    parts = [part.lower() for part in words(name)]
    if FEMALE.intersection(before[-2:]) or (len(parts[-1]) > 4 and _SLAVIC_FEMALE.search(parts[-1])):
        return "she"
    if MALE.intersection(before[-2:]) or (len(parts[-1]) > 4 and _SLAVIC_MALE.search(parts[-1])):
        return "he"
    return ""


def _plural(text: str) -> bool:
    head = re.split(r"\s(?:of|for|against|in|on|at|by|from|with|to)\s", text)[0].split()
    return bool(head) and head[-1].islower() and head[-1].endswith("s") and not head[-1].endswith(("ss", "us", "is"))


def _with_article(text: str, start: int, name: str) -> str:
    if re.search(r"\b[Tt]he $", text[:start]) or ASKED_NOUN.search(text[: start + len(name)], max(0, start - 9)):
        return f"the {name}"
    return re.sub(r"^(a|an|the) ", "the ", name, flags=re.I)


def _with_phrases(text: str, names: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The names of a question and its phrases ("the rally in Osk"), in order; a name within a phrase stays a name too."""
    spans = set(names)
    spans |= {match.span("noun") for match in ASKED_NOUN.finditer(text) if match["noun"].lower() not in FUNCTION_WORDS}
    for phrase in noun_phrases(text):
        start = text.find(phrase)
        bare = start + len(phrase) - len(re.sub(r"^(the|a|an) ", "", phrase, flags=re.I))
        if (bare, start + len(phrase)) not in spans:
            spans.add((bare if text[bare : bare + 1].isupper() else start, start + len(phrase)))
    return sorted(spans)


def joined(parts: Sequence[str]) -> str:
    """Different parts with commas, as many as may be carried."""
    text = ""
    for part in parts:
        longer = f"{text}, {part}" if text else part
        if part and part.lower() not in text.lower() and len(longer) <= LONGEST_CARRIED:
            text = longer
    return text or " ".join(parts)[:LONGEST_CARRIED].rpartition(" ")[0].strip()
