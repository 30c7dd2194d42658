"""Which words of a question refer to something outside it.

What refers back is a closed class of words ("it", "there", "that"), so it can be listed; the work is in leaving those alone
that refer to something in their own question, or to nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.follow_up.conversation import FEMALE, MALE, PERSON_WORDS
from rag.follow_up.grammar import (
    AUXILIARIES,
    DETERMINERS,
    FORMS_OF_BE,
    JOINING,
    LIGHT_VERBS,
    LINKS,
    PREPOSITIONS,
    QUESTION_WORDS,
    THING_WORDS,
    Token,
    is_capital,
    is_content,
    is_heavy,
    name_spans,
    verb_like,
    word_set,
)
from rag.words import words

DEMONSTRATIVES = word_set("this that these those")
HE, SHE, _IT, THEY = (
    word_set("he him his он него нему ним нем нём ему им"),
    word_set("she her hers она неё нее ней ею"),
    word_set("it its это этого этом этому этим оно"),
    word_set("they them their theirs они них ними"),
)
_RUSSIAN_EITHER = word_set("его ее её их")
PERSONAL = HE | SHE | _IT | THEY | _RUSSIAN_EITHER
_POINTING = word_set("этого этом этому этим")
_OWNING = word_set("his her its their theirs hers")


def kind_of(pronoun: str) -> str:
    """Which of he, she, it and they a pronoun is."""
    for kind, forms in (("he", HE), ("she", SHE), ("they", THEY), ("it", _IT)):
        if pronoun in forms:
            return kind
    return {"его": "he", "ее": "she", "её": "she", "их": "they"}[pronoun]


def is_subject(tokens: Sequence[Token], at: int) -> bool:
    """Whether a pronoun is the subject of an inverted question: behind its first auxiliary."""
    if at == 0 or tokens[at - 1].lower not in AUXILIARIES:
        return False
    clause = max((i + 1 for i in range(at - 1) if tokens[i].lower in _CLAUSES | QUESTION_WORDS), default=0)
    return not any(token.lower in AUXILIARIES for token in tokens[clause : at - 1])


def is_owning(tokens: Sequence[Token], at: int) -> bool:
    """Whether a pronoun says whose something is."""
    lower = tokens[at].lower
    return lower in _OWNING and (lower != "her" or (at + 1 < len(tokens) and is_content(tokens[at + 1])))


def is_bound(question: str, tokens: Sequence[Token], at: int) -> bool:
    """Whether a pronoun refers to something in its own question, or to nothing at all ("is it true that …")."""
    lower = tokens[at].lower
    if lower == "it" and _expletive(tokens, at):
        return True
    if not lower.isascii():
        # Russian: "этого" in front of a noun is no pronoun, and what a comma parts off has its antecedent in front.
        follower = tokens[at + 1] if at + 1 < len(tokens) else None
        pointing = lower in _POINTING and follower is not None and is_content(follower)
        return pointing or "," in question[: tokens[at].start] or bool(name_spans(question[: tokens[at].start]))
    if _precedes_its_noun(question, tokens, at):
        return True
    before = _within_reach(question, tokens, at)
    names = [question[start:end] for start, end in name_spans(question, first_too=True) if _starts_one(before, start)]
    if is_owning(tokens, at) and _owned_by_subject(tokens[:at]):
        return True
    if lower in HE | SHE:
        known = any(token.lower in PERSON_WORDS | MALE | FEMALE for token in before)
        return known or any(map(_may_be_person, names))
    if tokens[0].lower in LINKS:
        # "And Kramer, what did she call it?"
        before = [token for token in before if not is_capital(token)]
    return any(map(is_heavy, before))


def _starts_one(tokens: Sequence[Token], start: int) -> bool:
    return any(token.start == start for token in tokens)


def _may_be_person(name: str) -> bool:
    parts = words(name)
    return not any(part.lower() in THING_WORDS or part.isupper() or part.isdigit() for part in parts)


def _precedes_its_noun(question: str, tokens: Sequence[Token], at: int) -> bool:
    """Whether this is "In her speech, what did Ilse Kramer say?"."""
    if at == 2 and tokens[0].lower == "which" and tokens[1].lower == "of":
        return bool(name_spans(question))
    comma = question.find(",", tokens[at].end)
    if comma < 0 or tokens[0].lower not in PREPOSITIONS | _CLAUSES:
        return False
    return any(start > comma for start, _ in name_spans(question))


def _within_reach(question: str, tokens: Sequence[Token], at: int) -> Sequence[Token]:
    """The words in which a pronoun's antecedent may stand.

    A pronoun is never bound within its own clause ("Why does the court fear it?"), unless it owns something ("its judges")
    or says where ("with it"): Principle B of Chomsky's "Lectures on Government and Binding" (1981).
    """
    follower = tokens[at + 1].lower if at + 1 < len(tokens) else ""
    subject = is_subject(tokens, at)
    embedded = tokens[at].lower in ("he", "she", "they") or follower in AUXILIARIES
    after_another = bool({token.lower for token in tokens[max(0, at - 3) : at]} & {"he", "she", "they", "it"})
    anywhere = is_owning(tokens, at) or embedded or after_another or tokens[at - 1].lower in _SURROUNDING
    if not subject and anywhere:
        return () if at == 0 else _without_question_noun(tokens[:at])
    for boundary in range(at - 1, 0, -1):
        comma = "," in question[tokens[boundary - 1].end : tokens[boundary].start]
        infinitive = tokens[boundary].lower == "to" and boundary + 1 < at and is_content(tokens[boundary + 1])
        if comma or (infinitive and not subject) or tokens[boundary].lower in _CLAUSES:
            return tokens[:boundary] if comma or subject else _without_question_noun(tokens[:boundary])
    return ()


def _without_question_noun(tokens: Sequence[Token]) -> Sequence[Token]:
    """Without what is asked for where another is the subject: "How many members did …"."""
    for at, token in enumerate(tokens[:4]):
        if token.lower in AUXILIARIES and any(each.lower in QUESTION_WORDS for each in tokens[:at]):
            return (
                tokens[at + 1 :]
                if token.lower in ("do", "does", "did") or not any(map(is_heavy, tokens[:at]))
                else tokens
            )
    return tokens


def _owned_by_subject(before: Sequence[Token]) -> bool:
    """Whether the words before an owner's pronoun name the owner: "Which school sold its …", "… let a farmer sell his …"."""
    lowers = [token.lower for token in before]
    if {"a", "an", "each", "every"}.intersection(lowers):
        return True
    does = AUXILIARIES - FORMS_OF_BE - {"has", "have", "had"}
    asked = bool(lowers) and (
        lowers[0] == "who" or (lowers[0] in ("which", "what", "whose") and any(map(is_heavy, before)))
    )
    return asked and not does.intersection(lowers)


_SURROUNDING = word_set("in on with around near behind inside within among amongst above below beside at")
_CLAUSES = word_set(
    "that which who whom whose when where if because while after before as and but since until whether although so"
)
_EXPLETIVE = re.compile(
    r"^(is|was|be|been|being|becomes?|a|an|\w+ly|so|ever|first|it|generally|often|sometimes|usually|now|also|can|will|would|not)$"
)
_COMPLEMENTS = word_set("that to for if whether when how who which where")


def _expletive(tokens: Sequence[Token], at: int) -> bool:
    """Whether this is an "it" that stands for nothing: "is it true that …", "what is it called when …", "it takes … to"."""
    after = [token.lower for token in tokens[at + 1 :] if not _EXPLETIVE.match(token.lower)]
    if not after:
        return False
    if after[0] in ("take", "takes", "took", "rain", "rains", "snow", "snows", "raining", "snowing"):
        return "to" in after or "long" in [token.lower for token in tokens[:at]] or after[0][0] in "rs"
    if after[0] in _COMPLEMENTS - {"to", "for"}:
        return True
    return _judges(after[0]) and len(after) > 1 and bool(_COMPLEMENTS.intersection(after[1:3]))


def _judges(word: str) -> bool:
    return word in _JUDGING or word.endswith(("able", "ible", "sary", "ful", "ier"))


_JUDGING = word_set(
    """true false clear known likely unlikely important legal illegal called said believed thought easy hard difficult better
    safe worth okay ok common estimated mean means meant preferred assumed confirmed held considered brought shown proven
    argued claimed found decided up out harder cheaper normal wrong right best time allowed permitted possible recommended"""
)


def refers_to_place(tokens: Sequence[Token], at: int) -> bool:
    """Whether a "there" means a place, and not that something is."""
    if tokens[at].lower == "there" and (at == 0 or any(map(is_capital, tokens[1:at]))):
        return False
    if tokens[at + 1 : at + 2] and tokens[at + 1].lower == "где":
        return False
    near = {token.lower for token in (*tokens[max(0, at - 1) : at], *tokens[at + 1 : at + 3])}
    return tokens[at].lower != "there" or not near & (AUXILIARIES | _EXISTING)


_EXISTING = word_set("any exist exists existed seem seems remain remains an over out")


def stands_alone(tokens: Sequence[Token], at: int) -> bool:
    """Whether "this" or "that" stands for something by itself: not in front of a noun, and not for "said that …"."""
    lower = tokens[at].lower
    if lower not in ("this", "that", "these", "those") or not points_back(tokens, at):
        return False
    follower = tokens[at + 1] if at + 1 < len(tokens) else None
    if follower is None:
        return True
    if at + 2 == len(tokens) and tokens[at - 1].lower in FORMS_OF_BE:
        return True  # "Was that legal?"
    if lower in ("that", "those") and follower.lower in PREPOSITIONS | {"who", "which", "that"}:
        return False
    return follower.lower not in DETERMINERS | PERSONAL and (not is_content(follower) or follower.lower in LIGHT_VERBS)


def points_back(tokens: Sequence[Token], at: int) -> bool:
    """Whether a demonstrative is one: "is that", "of that", not "the plan that", "they have that"."""
    if at == 0:
        return False
    previous = tokens[at - 1].lower
    if previous in PREPOSITIONS or previous in ("to", "do", "doing"):
        return True
    first = all(not is_content(token) for token in tokens[: at - 1]) and at <= 3
    if previous in AUXILIARIES or previous in QUESTION_WORDS:
        return first
    return tokens[at].lower in ("this", "these") and not AUXILIARIES.intersection({previous})


def is_modified(question: str, tokens: Sequence[Token], at: int) -> bool:
    """Whether what follows a noun says which one is meant."""
    if at >= len(tokens):
        return False
    follower = tokens[at]
    if question[tokens[at - 1].end : follower.start] != " ":
        return False
    if follower.lower in JOINING - {"by", "to", "with", "from", "about", "in", "on", "at"} | _CLAUSES:
        return at + 1 < len(tokens)
    return is_content(follower) and not verb_like(follower) and not follower.lower.endswith("ly")
