"""Tell who says what: whether a sentence reports a statement, of whom, and whether another sentence keeps that.

Reported speech is read from its verbs and marks, in English and Russian; benchmarks/attribution.py measures it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from rag.cite.antecedents import any_same, names
from rag.text.names import plain
from rag.text.stems import stem
from rag.text.words import FUNCTION_WORDS, words


class Speaker(NamedTuple):
    """Describe who a sentence says it of. Names, stems of other words, where they stand; all empty for "she".

    ``definite`` is true for "the party", which may stand for a name that was said before.
    """

    names: frozenset[str]
    words: frozenset[str]
    definite: bool
    start: int
    end: int


class Misattribution(NamedTuple):
    """What became of a speaker: ``kind`` is "attribution" (left out) or "speaker" (another one), with its place."""

    kind: str
    start: int
    end: int


def misattributed(
    claim: str, sentences: Sequence[str], place: int, sources: Iterable[str] = ()
) -> Misattribution | None:
    """Compare a claim with the sentence that it rests on, ``sentences[place]`` of a passage.

    ``sources`` are the article's outlet and authors, which may always be named.

    >>> passage = ["Ana Brik runs the port.", "She said that the quay was unsafe."]
    >>> misattributed("The quay was unsafe.", passage, 1)
    Misattribution(kind='attribution', start=0, end=20)
    >>> misattributed("Tom Vale said that the quay was unsafe.", passage, 1)
    Misattribution(kind='speaker', start=0, end=8)
    >>> misattributed("According to Brik, the quay was unsafe.", passage, 1)
    """
    said = _speaker_of(sentences, place)
    if said is None:
        return None
    own = speaker(claim, loosely=True)
    if own is None:
        opening = re.split(r"['’]s?\b", claim)[0].split()[:_OPENING_WORDS]  # "Reed expects", not "Reed's shoulder"
        kept = any_same(said.names, map(plain, words(" ".join(opening))))
        return None if kept else Misattribution("attribution", 0, len(claim))
    named = frozenset(map(plain, words(claim)))
    before = frozenset() if said.names | said.words else names(sentences[max(0, place - _BACK) : place])
    allowed = frozenset(plain(word) for text in sources for word in words(text))
    known = said.names | before | allowed
    own_words = own.words | set(map(stem, own.names))
    if not own_words or any_same(known, named) or own_words & (said.words | _SOURCE | set(map(stem, allowed))):
        return None
    if own.names:
        # "The party" may be called by its name where a sentence has both.
        same = (words_ for words_ in map(words, sentences) if any_same(own.names, map(plain, words_)))
        called = said.definite and any(said.words & set(map(stem, words_)) for words_ in same)
        return None if called else Misattribution("speaker", own.start, own.end)
    # A role may be the speaker's, unless the passage speaks of it and never beside the speaker's name.
    about = [sentence for sentence in sentences if own.words & _stems(sentence)]
    if about and not any(any_same(said.names, map(plain, words(sentence))) for sentence in about):
        return Misattribution("speaker", own.start, own.end)
    return None


def speaker(sentence: str, *, loosely: bool = False) -> Speaker | None:
    """Find who a sentence says something of, or None where it reports no statement; ``loosely`` takes every sign of one.

    >>> sorted(speaker('"It is closed," said Ana Brik, the mayor.').names)
    ['ana', 'brik']
    >>> speaker("The council told staff to leave.") is None
    True
    """
    for pattern in (_ACCORDING, _NOUN, *((_TO_WHOM,) if loosely else ())):
        if match := pattern.search(sentence):
            group = next(index for index, each in enumerate(match.groups(), 1) if each is not None)
            return _who(sentence, match.start(group), match.end(group))
    outside = _QUOTED.sub(lambda match: "”" * len(match.group()), sentence)
    for match in _WORD.finditer(outside):
        if _reports(outside, match) or (loosely and match.group() in _LOOSE):
            return _subject(sentence, outside, match.start(), match.end())
    quoted = re.search(r"”{2,}", outside)
    if quoted and quoted.start() > 0 and len(words(sentence[quoted.start() : quoted.end()])) >= _MUCH_QUOTED:
        return _who(sentence, 0, quoted.start())
    return None


_BACK = 5  # sentences before "she" in which her name is looked for
_OPENING_WORDS = 4
_SHORT = 60  # characters of who follows "said"
_MUCH_QUOTED = 6  # words; less is a title or a term
_OPENING, _CLOSING = "“«„", "”»"
_CAPITALISED = re.compile(r"\b[A-ZА-ЯЁ][^\W_]*")
_TITLES = {"mr", "mrs", "ms", "dr", "sir"}
_WORD = re.compile(r"[^\W\d_]+")
_QUOTED = re.compile(r"“[^”]*(?:”|$)|«[^»]*(?:»|$)|„[^“”]*(?:[“”]|$)|(?<!\w)\"[^\"]*(?:\"|$)|^[^“”«»\"]*[”»]")


def _past(verbs: str) -> frozenset[str]:
    return frozenset(
        f"{verb[:-1]}ied" if verb.endswith("y") else f"{verb.removesuffix('e')}ed" for verb in verbs.split()
    )


# Verbs that report a statement wherever they stand, those that do only before "that", a colon or a quotation, those that do
# before "as", and those that a claim may use instead.
_STRONGEST = "claim argue insist believe allege contend warn maintain consider regard"
_STRONG_FORMS = """
say says said argue argues believe believes insist insists allege alleges contend contends warns claims maintains reasons
considers regards objects
"""
_WEAKER = """
add note state announce explain describe estimate predict suggest confirm admit hope fear conclude declare accuse promise
acknowledge recall reply report stress testify complain remark observe assert comment respond doubt worry call deny reveal vow
ask defend object reason
"""
_WEAK_FORMS = """
tells told writes wrote thinks thought found finds admitted adds notes explains suggests calls asks admits concludes shows
showed denies describes
"""
_JUDGING_FORMS = "criticises praises describes"
_LOOSE_FORMS = "complain complains expects praise judges blames told explained говорит говорят"
_RUSSIAN_STEMS = """
сказал заявил заявля отметил отмеча сообщил сообща считает считают утвержда подчеркн добавил поясни рассказал призна предупреди
пишет пишут написал полага объясн назвал называ пообещал ответил увер
"""
_STRONG = _past(_STRONGEST) | frozenset(_STRONG_FORMS.split())
_WEAK = _past(_WEAKER) | frozenset(_WEAK_FORMS.split())
_JUDGING = _past("criticise criticize praise dismiss condemn denounce describe") | frozenset(_JUDGING_FORMS.split())
_LOOSE = _STRONG | _JUDGING | frozenset(_LOOSE_FORMS.split())
_RUSSIAN = tuple(_RUSSIAN_STEMS.split())
_CLAUSE = re.compile(r"\b(?:is|are|was|were|has|have|had|will|would|can|could|must|should|may|might|do|does|did)\b")
_ALSO_NOUNS = {"claims", "reasons", "objects"}
_ACCORDING = re.compile(
    r"\b(?:according to|in the (?:words|view|opinion|eyes|judge?ment) of)\s+([^,.;:—“”\"]+)"
    r"|\b(?:по (?:словам|мнению|данным|версии|оценк\w+|информации|утверждению))\s+([^,.;:—«»\"]+)"
    r"|\bin\s+((?:[^\W\d_]+\s){0,4}[^\W\d_]+)['’]s? (?:view|opinion|eyes|account|judge?ment)\b",
    re.IGNORECASE,
)
_NOUN = re.compile(
    r"([^,.;:]{0,80}\b(?:argument|view|verdict|opinion|judge?ment|conclusion|position)\b[^,.;:]{0,40})"
    r"\b(?:is|was)\b[^.;:]{0,20}(?:\bthat\b|:)",
    re.IGNORECASE,
)
_TO_WHOM = re.compile(r"^(?:To|For|Для)\s+([^,.;:]{2,60}),")
_PRONOUN_WORDS = """
he she it they who i we which there this that also her him his its their one some others in an interview он она оно они кто что
который которая которые также при этом
"""
_PRONOUNS = frozenset(_PRONOUN_WORDS.split())
_ITS = {"its", "his", "her", "their", "one", "some"}
# Whoever says it may be called so, whatever the article is about.
_SOURCES = "article articles author authors passage source text paper newspaper статья автор источник"
_SOURCE = frozenset(map(stem, _SOURCES.split()))
_PLACED = re.compile(r"\b(?:of|in|at|from|for|near|on|to|with|by|в|на|из|от|для|с)\s+(?:the\s+)?$", re.IGNORECASE)
_SUMMONED = re.compile(
    r"\s+(?:(?:the|an?|early|new)\s+)*(?:police|ambulance|meeting|elections?|strike|vote|referendum|for|on|off|in|up)\b"
)


def _reports(outside: str, match: re.Match[str]) -> bool:
    """Tell whether a verb reports a statement, by what stands around it outside quotation marks."""
    word, after, before = match.group(), outside[match.end() :], outside[: match.start()]
    if not (word in _STRONG or word in _WEAK or word in _JUDGING or word.startswith(_RUSSIAN)):
        return False
    passive = re.search(r"\b(?:to|is|are|was|were|be|been)\s+(?:(?:also|often|never|not|still|widely)\s+)?$", before)
    if passive:
        return word in _JUDGING | _STRONG | {"called"} and bool(re.match(r"\s+(?:[^\s,.;]+\s+){0,3}?by\s", after))
    if word in _STRONG:
        return word not in _ALSO_NOUNS or not re.match(r"\s+(?:on|in|for|of|to)\b", after)
    if word in _JUDGING and re.search(r"\bas\b|”", after):
        return True
    if word in ("called", "calls"):
        return not _SUMMONED.match(after)
    between = 4 if word in ("tells", "told", "wrote") else 1  # "told the Courier on Monday that"
    clause = rf"(?:\s+[^\s,.;:]+){{0,{between}}}?(?:\s*,?\s*(?:that|how|why|что|как|будто)\b|\s*[:,]?\s*”|\s*:)"
    ends = re.search(r"[,”]\s*(?:[^\s,”]+\s+){0,6}$", before) and re.match(r"\s*(?:[.,”]|$)", after)
    return bool(re.match(clause, after) or ends or re.search(r"[,”]\s*(?:[—–-]\s*)?$", before))


def _subject(sentence: str, outside: str, start: int, end: int) -> Speaker:
    """Read who speaks: what stands before the verb in its clause, or after it where nothing does."""
    if by := re.match(r"\s+(?:[^\s,.;]+\s+){0,4}?by\s+([^,.;:”]+)", outside[end:]):
        return _who(sentence, end + by.start(1), end + by.end(1))
    clause = max(outside.rfind(mark, 0, start) for mark in "”;:—") + 1
    comma = outside.rfind(",", clause, start) + 1
    # "Reed, the mayor, said" has its subject further in front, "it rained, said Reed" behind.
    before = _who(sentence, max(clause, comma), start)
    if outside[max(clause, comma) : start].strip(" —–-"):
        return before
    follows = re.match(r"\s*([^,.;:”—]{2,80}(?:,\s+(?=[A-ZА-ЯЁ])[^,.;:”—]{2,60})?)(?=[,.;:”—]|$)", outside[end:])
    ends = follows and len(follows[1]) < _SHORT and outside[end + follows.end() :][:1] in (".", ";", "")
    closes = follows and ends and not _CLAUSE.search(follows[1])
    inverted = closes or outside[:start].rstrip(" ,—–-").endswith("”")
    if follows and inverted and follows[1].split()[0].lower() not in _PRONOUNS - _ITS:
        return _who(sentence, end + follows.start(1), end + follows.end(1))
    return _who(sentence, clause, start)


def _speaker_of(sentences: Sequence[str], place: int) -> Speaker | None:
    """Find who says ``sentences[place]``, also where that stands in a neighbour, as with quotations of several sentences."""
    sentence = sentences[place]
    inside = _in_quotation(sentences, place)
    if not inside or any(mark in sentence for mark in _CLOSING):
        found = speaker(sentence)
        if found is not None or not inside:
            return found
    around = (sentences[other] for other in (place + 1, place - 1, place + 2, place - 2) if 0 <= other < len(sentences))
    return next(filter(None, map(speaker, around)), None)


def _in_quotation(sentences: Sequence[str], place: int) -> bool:
    """Tell whether a sentence is quoted words. It stands within marks that open before it or in it."""
    before = " ".join(sentences[max(0, place - 4) : place])
    opened = max(map(before.rfind, _OPENING)) > max(map(before.rfind, _CLOSING))
    return opened or sentences[place].lstrip().startswith(tuple(_OPENING))


def _who(sentence: str, start: int, end: int) -> Speaker:
    part = sentence[start:end]
    spans = [each.span() for each in _CAPITALISED.finditer(part) if each[0].lower() not in FUNCTION_WORDS | _TITLES]
    subjects = [span for span in spans if not _PLACED.search(_up_to_run(part, spans, span[0]))]
    if not subjects and _stems(part[: spans[0][0]] if spans else "") <= {""}:
        subjects = spans
    names = frozenset(plain(part[first:last]) for first, last in subjects)
    low, high = (subjects[0][0], subjects[-1][1]) if subjects else (0, len(part.rstrip()))
    head = re.split(r"\b(?:of|in|on|at|by|for|from|with|about|who|which|that)\b", part.strip(), maxsplit=1)[0] or part
    others = frozenset() if part.strip().lower() in _PRONOUNS else _stems(head) - set(map(stem, names))
    definite = bool(re.match(r"\s*(?:the|this|that|its|his|her|their)\b", part, re.IGNORECASE))
    return Speaker(names, others, definite or not names | others, start + low, start + high)


def _up_to_run(part: str, spans: Sequence[tuple[int, int]], place: int) -> str:
    """Cut a text where the run of names begins that goes on at a place."""
    for start, end in reversed(spans):
        if end <= place and not part[end:place].strip(" -."):
            place = start
    return part[:place]


def _stems(text: str) -> frozenset[str]:
    found = (word.lower() for word in words(text))
    return frozenset(stem(word) for word in found if word not in FUNCTION_WORDS and word not in _PRONOUNS) - {""}
