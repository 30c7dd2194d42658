"""What a question is made of, as far as the closed classes of English and Russian tell: words, names, phrases.

Nothing here knows verbs from nouns; what ends a phrase is a function word, a mark, or a word in small letters after a name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from rag.words import FUNCTION_WORDS, words


class Token(NamedTuple):
    """A word and where it stands."""

    text: str
    start: int
    end: int
    lower: str


_WORD = re.compile(r"[^\W_]+(?:[-.’'][^\W_]+)*")
POSSESSIVE = re.compile(r"['’]s?$")


def word_set(text: str) -> frozenset[str]:
    """The words of a text, as a set."""
    return frozenset(text.split())


LINKS = word_set("and or but so also ok okay well then now а и но или так ну тогда")
QUESTION_WORDS = word_set(
    """what who whom whose which when where why how
    что чего чему чем чём кто кого кому кем ком чей чья чье чьё какой какая какое какие каком какую каких
    когда где куда откуда почему зачем как сколько"""
)
AUXILIARIES = word_set(
    """is are was were am be been do does did has have had can could will would shall should may might must
    isn't aren't wasn't weren't don't doesn't didn't hasn't haven't hadn't can't couldn't won't wouldn't shouldn't"""
)
DETERMINERS = word_set("the a an")
PREPOSITIONS = word_set(
    """of for against in on at by from with to about into under over between after before during since until without
    within through as
    в во на о об про с со к ко из от до для при по за под над через после перед"""
)
JOINING = word_set("of for against in on at by from with to between about under")
# Verbs so common that they say nothing of what is asked about; also what ends a phrase in front of them.
LIGHT_VERBS = word_set(
    """happen happened happening occur occurred take takes took taken place mean means meant come comes came begin began
    begun start started end ended go goes went gone work works look looks true sure right exactly work be being held
    done made built called said sent given found won lost known seen born based used find hold make say think do have
    get give become like cost change know want need call called exactly again there
    случилось произошло было будет значит"""
)
TIMES = word_set(
    "year month week day time century decade period era age season moment morning evening night years days weeks months"
)
THING_WORDS = word_set(
    """party court movement union league law committee university company council office agency ministry organisation
    organization initiative association front coalition democratic people's republic act bank group city lake river street
    festival museum hospital school club institute foundation church bay club service day bill treaty war agreement"""
)


@lru_cache(maxsize=512)
def tokens_of(text: str) -> tuple[Token, ...]:
    """The words of a text with their places; hyphens and apostrophes stay inside a word."""
    return tuple(
        [Token(match.group(), match.start(), match.end(), match.group().lower()) for match in _WORD.finditer(text)]
    )


def is_content(token: Token) -> bool:
    """Whether a word is none of the closed classes."""
    lower = POSSESSIVE.sub("", token.lower)
    return lower not in FUNCTION_WORDS and lower not in AUXILIARIES and lower not in QUESTION_WORDS


def says_what(token: Token) -> bool:
    """Whether a word can name a topic."""
    return is_heavy(token) and token.text.isalpha() and token.lower not in GENERAL


def is_heavy(token: Token) -> bool:
    """Whether a word says what is asked about: neither of a closed class nor one of the commonest verbs."""
    return is_content(token) and token.lower not in LIGHT_VERBS


def is_capital(token: Token) -> bool:
    """Whether a word begins with a capital or a digit."""
    return token.text[0].isupper() or token.text[0].isdigit()


@lru_cache(maxsize=512)
def name_spans(text: str, first_too: bool = False) -> list[tuple[int, int]]:
    """Where names and numbers stand in a text; the first word counts where a capital or a digit follows, or all is capital."""
    tokens, spans, at = tokens_of(text), [], 0
    while at < len(tokens):
        until = at
        while until < len(tokens) and is_capital(tokens[until]) and (until == at or _beside(text, tokens, until)):
            until += 1
        if until > at:
            # "Court of Kazakhstan" is one name, "Fonova of KazFem" two.
            while _goes_on(text, tokens, until):
                until += 2
            start = at
            while start < until and tokens[start].lower in FUNCTION_WORDS and not tokens[start].text.isupper():
                start += 1
            alone = until - start == 1 and _starts_sentence(text, tokens[start]) and not first_too
            if (
                start < until
                and len(text[tokens[start].start : tokens[until - 1].end]) > 1
                and not (alone and not spelt_as_name(tokens[start].text))
            ):
                spans.append((tokens[start].start, tokens[until - 1].end))
        at = max(until, at + 1)
    return spans


def _beside(text: str, tokens: Sequence[Token], at: int) -> bool:
    return text[tokens[at - 1].end : tokens[at].start] == " " and not tokens[at - 1].text.endswith(("'s", "’s"))


def _goes_on(text: str, tokens: Sequence[Token], at: int) -> bool:
    return (
        at + 1 < len(tokens)
        and tokens[at].lower == "of"
        and tokens[at + 1].text[0].isupper()
        and tokens[at - 1].lower in THING_WORDS
        and _beside(text, tokens, at)
        and _beside(text, tokens, at + 1)
    )


def _starts_sentence(text: str, token: Token) -> bool:
    before = text[: token.start].rstrip(" \"“«'(")
    return not before or before[-1] in ".!?…:]\n"


def spelt_as_name(word: str) -> bool:
    """Whether a word has capitals or digits inside, as names have."""
    return (len(word) > 1 and any(letter.isupper() for letter in word[1:])) or any(map(str.isdigit, word))


ASKED_NOUN = re.compile(r"\b(?:how many|which|what) (?P<noun>[^\W\d_A-Z]+s)\b", re.I)


def noun_phrases(question: str) -> list[str]:
    """The noun phrases that begin with an article, as far as they can be told without knowing verbs.

    >>> noun_phrases("When was the vote on the bridge of Osk held?")
    ['the vote on the bridge of Osk']
    """
    tokens, found, at = tokens_of(question), [], 0
    while at < len(tokens):
        if tokens[at].lower in DETERMINERS and at + 1 < len(tokens):
            until = phrase_end(question, tokens, at + 1)
            if until > at + 1:
                text = question[tokens[at].start : tokens[until - 1].end]
                found.append(re.sub(r"^(a|an|the) ", "the ", text, flags=re.I))
                found[-1] = question[tokens[at].start : tokens[until - 1].end]
                at = until
                continue
        at += 1
    return found


def phrase_end(text: str, tokens: Sequence[Token], at: int) -> int:
    """The token after the last one of the phrase whose first word stands at ``at``."""
    start = at
    while at < len(tokens) and (at == start or text[tokens[at - 1].end : tokens[at].start] == " "):
        token = tokens[at]
        if is_content(token) and not (at > start and verb_like(token)):
            if at > start and not is_capital(token) and is_capital(tokens[at - 1]):
                break  # "the KNPK | crush": after a name a word in small letters goes on otherwise
            at += 1
        elif at > start and token.lower in JOINING and _phrase_goes_on(tokens, at + 1):
            at += 2 if tokens[at + 1].lower in DETERMINERS else 1
        else:
            break
    if at - start > 1 and at < len(tokens) and tokens[at].lower in DETERMINERS:
        return at - 1  # "the rowers block | the harbour": two phrases do not touch, so a verb parts them
    return at


def _phrase_goes_on(tokens: Sequence[Token], at: int) -> bool:
    if at < len(tokens) and tokens[at].lower in DETERMINERS:
        at += 1
    return at < len(tokens) and is_content(tokens[at])


def head_noun(phrase: str) -> str:
    """The noun a phrase is about: the last word before the first that joins something to it."""
    head = ""
    for word in words(phrase):
        if word.lower() in JOINING:
            break
        head = word
    return head


def verb_like(token: Token) -> bool:
    """Whether a word is likely a verb, by its form."""
    return token.lower in LIGHT_VERBS or (token.text.islower() and token.lower.endswith("ed"))


def statement_of(question: str) -> str:
    """A question without its question words and the auxiliary that follows.

    >>> statement_of("How many people came to the rally?"), statement_of("How many members does it have?")
    ('people came to the rally', 'it have members')
    """
    tokens = tokens_of(question)
    at = 0
    while at < len(tokens) and (tokens[at].lower in LINKS or tokens[at].lower in PREPOSITIONS):
        at += 1
    asked = ""
    if at < len(tokens) and tokens[at].lower in QUESTION_WORDS:
        at += 1
        at += at < len(tokens) and tokens[at].lower in ("many", "much", "long", "old", "else")
        verb = next((i for i in range(at, min(at + 4, len(tokens))) if tokens[i].lower in AUXILIARIES), at)
        asked = question[tokens[at].start : tokens[verb - 1].end] if verb > at else ""
        at = verb
    if at < len(tokens) and tokens[at].lower in AUXILIARIES:
        at += 1
    rest = question[tokens[at].start : tokens[-1].end] if at < len(tokens) else ""
    return f"{rest} {asked}".strip()


FORMS_OF_BE = word_set("is are was were am be been")
GENERAL = word_set(
    """name number year term type kind part way process result end reason purpose amount effect cause difference meaning use
    people rest size role total world main first last final most only same other next government country public state"""
)
