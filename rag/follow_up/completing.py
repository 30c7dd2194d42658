"""What a follow-up lacks, completed by rules: each step gives the completed question, or nothing where it does not apply."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.follow_up.conversation import CARRIED, TURNS, Conversation, Turn, joined, personhood, turns_of
from rag.follow_up.grammar import (
    AUXILIARIES,
    DETERMINERS,
    FORMS_OF_BE,
    GENERAL,
    LINKS,
    POSSESSIVE,
    PREPOSITIONS,
    QUESTION_WORDS,
    TIMES,
    Token,
    is_content,
    is_heavy,
    name_spans,
    noun_phrases,
    phrase_end,
    tokens_of,
    word_set,
)
from rag.follow_up.reference import (
    DEMONSTRATIVES,
    HE,
    PERSONAL,
    SHE,
    THEY,
    is_bound,
    is_modified,
    is_owning,
    is_subject,
    kind_of,
    points_back,
    refers_to_place,
    stands_alone,
)
from rag.question import Vocabulary
from rag.types import Message
from rag.words import FUNCTION_WORDS, words

LONGEST_COMPLETED = 600
"""Characters; what would become longer stays as it was asked."""
_LONGEST_QUESTION = 400


def complete(question: str, history: Sequence[Message], vocabulary: Vocabulary | None = None) -> str:
    """The question with what it lacks carried over from the conversation; a complete one is returned unchanged.

    ``history`` is the conversation before, oldest first; of the assistant's texts only names are read. ``vocabulary`` keeps
    names from being carried that stand in no article. What is completed has 600 characters at most.

    >>> history = [Message("user", "What is the Green Quay League?"), Message("assistant", "A club of rowers. [1]")]
    >>> complete("How many members does it have?", history)
    'How many members does the Green Quay League have?'
    >>> complete("And in 2019?", [*history, Message("user", "Who led it?"), Message("assistant", "Ilse Kramer. [1]")])
    'Who led the Green Quay League in 2019?'
    >>> complete("How deep is Lake Orm?", history)
    'How deep is Lake Orm?'
    """
    turns: list[Turn] = []
    for asked, answer in turns_of(history)[-TURNS:]:
        turns.append(Turn(_complete(asked, turns, vocabulary), answer))
    return _complete(question, turns, vocabulary)


def _complete(question: str, turns: Sequence[Turn], vocabulary: Vocabulary | None) -> str:
    if not turns or len(question) > _LONGEST_QUESTION:
        return question
    tokens = tokens_of(question)
    if not tokens:
        return question
    conversation = Conversation(turns, vocabulary)
    for step in (_replaced_part, _bare, _with_pronouns, _with_description, _with_topic):
        completed = step(question, tokens, conversation)
        if completed:
            return completed if len(completed) <= LONGEST_COMPLETED else question
    return question


_EVENTS = word_set(
    """happen happened happening occur occurred take takes took taken place mean means come came true sure right exactly again
    случилось произошло было будет значит"""
)
_ELSE = word_set("else others ещё еще другие остальные")
_ONES = re.compile(r"\b(?:that|this|the(?: \w+)?) ones?\b", re.I)
_THERE = word_set("there там туда оттуда")
# Words for a kind of thing, which a name can be meant by although the word was not said before.
_KINDS = word_set(
    """party movement organisation organization group company firm club union law bill film movie song book album show series
    game team band country city town region place man woman politician activist leader president author article event
    rally protest campaign project programme program plan product policy service case building school university"""
)
_WHAT_ABOUT = re.compile(
    r"^\W*(?:(?:and|but|so|а|и|но)\s+)?(?:what about|how about|а как насч[её]т|как насч[её]т|что насч[её]т|а что с|что с)\s+"
    r"(?P<part>.+?)\W*$",
    re.I,
)
_AND = re.compile(r"^\W*(?:and|but|or|а|и|но|или)\s+(?P<part>.+?)\W*$", re.I)
_FRAGMENT = re.compile(r"^\W*(?P<part>(?:in|on|at|for|from|to|with|by|of|about|в|во|на|про|о|об)\s.+?)\W*$", re.I)


def _replaced_part(question: str, _: Sequence[Token], conversation: Conversation) -> str:
    """ "And X?": the former question with X in place of what is of its kind."""
    match = _WHAT_ABOUT.match(question) or _AND.match(question) or _FRAGMENT.match(question)
    if match is None:
        return ""
    part = match["part"]
    of_part = tokens_of(part)
    asks = {token.lower for token in of_part} & (QUESTION_WORDS | AUXILIARIES)
    if asks or not 0 < len(of_part) <= 6 or "," in part or {token.lower for token in of_part} & PERSONAL:
        return ""
    former = conversation.last.question
    if not any(map(is_heavy, tokens_of(former))):
        return ""
    return _put(former, part)


def _put(former: str, part: str) -> str:
    first, _, rest = part.partition(" ")
    if first.lower() in PREPOSITIONS and rest:
        same = [
            each
            for each in _prepositional(former, first)
            if _dated(each) == _dated(rest) or first in ("about", "о", "об")
        ]
        if len(same) == 1:
            return _swap(former, same[0], part)
        return _appended(former, part)
    if re.fullmatch(r"\d{4}", part):
        years = re.findall(r"\b\d{4}\b", former)
        return _swap(former, years[-1], part) if years else _appended(former, f"in {part}")
    names = [former[start:end] for start, end in name_spans(former)]
    names = [POSSESSIVE.sub("", name) for name in names if not name.isdigit()]
    persons = [personhood("", name, "", ()) > 0 for name in names]
    if name_spans(part, first_too=True):
        person = personhood("", part, "", ()) > 0
        alike = [name for name, each in zip(names, persons, strict=True) if each == person] or names
        if alike:
            return _swap(former, alike[0], part)
    phrases = noun_phrases(former)
    if phrases and part.lower().startswith(("the ", "a ", "an ")):
        return _swap(former, phrases[0], part)
    return _appended(former, part)


def _dated(text: str) -> bool:
    return re.search(r"\d", text) is not None or bool(TIMES.intersection(text.lower().split()))


def _prepositional(text: str, preposition: str) -> list[str]:
    tokens, found = tokens_of(text), []
    for at, token in enumerate(tokens[:-1]):
        if token.lower == preposition.lower():
            start = at + 1 + (tokens[at + 1].lower in DETERMINERS)
            if start < len(tokens):
                found.append(text[token.start : tokens[max(phrase_end(text, tokens, start), start + 1) - 1].end])
    return found


def _swap(text: str, old: str, new: str) -> str:
    at = text.rfind(old)
    return text[:at] + new + text[at + len(old) :]


def _bare(question: str, tokens: Sequence[Token], conversation: Conversation) -> str:
    """ "Why?", "Who else?", "When did it happen?": the former question's statement under another question word."""
    lowers = [token.lower for token in tokens]
    if len(tokens) > 7 or any(is_content(token) and token.lower not in _EVENTS for token in tokens):
        return _within_phrase(question, tokens, conversation)
    if name_spans(question) or not ({*lowers} & (QUESTION_WORDS | PERSONAL | _ELSE | DEMONSTRATIVES | _THERE)):
        return ""
    if {*lowers} & (HE | SHE | THEY) and conversation.referent(
        kind_of(next(each for each in lowers if each in PERSONAL)), True
    ):
        return ""
    asked = [token for token in tokens if token.lower not in LINKS]
    event = conversation.event() or conversation.topic()
    if not event:
        return ""
    former = tokens_of(conversation.last.question)
    only_words = all(token.lower in QUESTION_WORDS for token in asked)
    adverbial = former[0].lower in ("why", "when", "where", "how")
    inverted = len(former) > 2 and former[1].lower in (AUXILIARIES if adverbial else AUXILIARIES - FORMS_OF_BE)
    if only_words and inverted and former[0].lower in QUESTION_WORDS:
        words_asked = question[asked[0].start : asked[-1].end]
        statement = re.sub(r"\bdo\?$", "do it?", conversation.last.question[former[1].start :])
        return f"{words_asked[0].upper()}{words_asked[1:]} {statement}"
    return _appended(question, event)


def _within_phrase(question: str, tokens: Sequence[Token], conversation: Conversation) -> str:
    """ "Why not on Sunday?": a question word and where or when, without a verb."""
    lowers = [token.lower for token in tokens]
    at = 1 + (len(lowers) > 1 and lowers[1] == "not")
    if lowers[0] not in QUESTION_WORDS or len(tokens) > 6 or not {*lowers[at : at + 1]} & PREPOSITIONS:
        return ""
    if AUXILIARIES.intersection(lowers) or sum(map(is_content, tokens)) > 2:
        return ""
    return _appended(question, conversation.event() or conversation.topic())


def _with_pronouns(question: str, tokens: Sequence[Token], conversation: Conversation) -> str:
    """Every pronoun whose antecedent stands in no word before it is replaced by what it stands for."""
    completed, taken = question, frozenset[str]()
    appended: list[str] = []
    for at in reversed(range(len(tokens))):
        token = tokens[at]
        if token.lower in _THERE and refers_to_place(tokens, at):
            place = conversation.place()
            appended.append(f"in {place}" if place else conversation.topic())
            continue
        if stands_alone(tokens, at):
            appended.append(conversation.event() or conversation.topic())
            continue
        if token.lower not in PERSONAL or is_bound(question, tokens, at):
            continue
        found = conversation.referent(kind_of(token.lower), is_subject(tokens, at), taken)
        if not found:
            appended.append(conversation.topic())
            continue
        if found in taken:
            continue
        taken |= {found}
        if token.lower in FUNCTION_WORDS and token.lower.isascii():
            text = f"{found}{_genitive(found)}" if is_owning(tokens, at) else found
            completed = completed[: token.start] + text + completed[token.end :]
        else:
            appended.append(found)
    if completed[:1].islower() and question[:1].isupper():
        completed = completed[0].upper() + completed[1:]
    return _appended(completed, joined(appended)) if appended else completed if completed != question else ""


def _genitive(name: str) -> str:
    return "'" if name.endswith("s") and name.islower() else "'s"


def _with_description(question: str, tokens: Sequence[Token], conversation: Conversation) -> str:
    """ "The vote" where a former question named which; "this song" where it can only be the one spoken of."""
    if name_spans(question):
        return ""
    for at, token in enumerate(tokens[:-1]):
        noun = POSSESSIVE.sub("", tokens[at + 1].lower)
        if not is_heavy(tokens[at + 1]) or not tokens[at + 1].text.islower() or is_modified(question, tokens, at + 2):
            continue
        if token.lower in DEMONSTRATIVES and noun not in TIMES and points_back(tokens, at):
            return _described(question, token, tokens[at + 1], conversation)
        spoken_of = noun not in GENERAL and (
            conversation.asked_about(noun) or (noun in _KINDS and conversation.answered_with(noun))
        )
        if token.lower == "the" and spoken_of:
            return _described(question, token, tokens[at + 1], conversation)
    return ""


def _described(question: str, token: Token, noun: Token, conversation: Conversation) -> str:
    phrase = conversation.phrase(noun.text)
    bare = [word for word in words(phrase) if word.lower() not in FUNCTION_WORDS]
    if len(bare) > 1 and not noun.text.endswith(("'s", "’s")):
        return question[: token.start] + phrase + question[noun.end :]
    return _appended(question, conversation.topic())


def _with_topic(question: str, tokens: Sequence[Token], conversation: Conversation) -> str:
    """ "And what did they wear?", "Who else left?", "The permission?": the topic is appended."""
    lowers = [token.lower for token in tokens]
    if _CORRECTS.match(question):
        return _appended(question, conversation.topic())
    linked = lowers[0] in _FOLLOWING and len(tokens) > 1
    elsewhere = bool(_ELSE.intersection(lowers)) and sum(map(is_heavy, tokens)) <= 2
    one = _ONES.search(question) is not None
    asks = bool({*lowers} & (QUESTION_WORDS | AUXILIARIES))
    noun = lowers[0] in ("the", "only") and sum(map(is_heavy, tokens)) == 1
    fragment = not asks and (len(tokens) == 1 or noun)
    if (linked or elsewhere or one or fragment) and not name_spans(question):
        return _appended(question, conversation.topic())
    return ""


_FOLLOWING = word_set("and but or а и но или")
# Somebody who says more exactly what was meant, or doubts the answer, goes on about the same thing.
_CORRECTS = re.compile(
    r"^\W*((no|oops|sorry|i am sorry|i'm sorry|нет)\b[,.!]? *)*"
    r"(i (just )?(mean|meant)\b|i('m| am| was) asking\b|are you sure\b|"
    r"я имел[аи]? в виду|вы уверены|ты уверен)",
    re.I,
)


def _appended(question: str, carried: str) -> str:
    """The question with something more in brackets before its closing mark."""
    carried = carried.strip()
    if not carried:
        return question
    stripped = question.rstrip()
    end = len(stripped.rstrip("?!. "))
    inside = CARRIED.search(stripped)
    if inside is not None:
        return (
            f"{stripped[: inside.start()].rstrip()} ({joined([inside[1], carried])}){stripped[inside.end() :] or '?'}"
        )
    if len(carried.split()) <= 4 and carried.split()[0].lower() in PREPOSITIONS:
        return f"{stripped[:end]} {carried}{stripped[end:] or '?'}"
    return f"{stripped[:end]} ({carried}){stripped[end:] or '?'}"
