"""Check the sentences of a draft against the articles; no chat model takes part."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from rag.cite.antecedents import SENTENCES, antecedents
from rag.cite.checker import THRESHOLD, Checker, Numbers, Support, claims_nothing
from rag.draft.checked import Checked, Difference, DraftSentence, Quotation, SentenceStatus
from rag.draft.quotations import LONGEST_QUOTATION, Locator, quotation_spans
from rag.draft.shortlist import Shortlist
from rag.errors import DraftError
from rag.read.encoding import clean
from rag.read.lines import ends_sentence
from rag.retrieval.find import EVERYTHING, LONGEST_QUESTION, find
from rag.text.facts import Evidenced, Fact, facts
from rag.text.names import transcribed
from rag.text.sentences import sentence_spans
from rag.text.stems import stem
from rag.text.words import FUNCTION_WORDS, words
from rag.types import Citation, Hit, Scope

if TYPE_CHECKING:
    from embeddings import Embedder, SupportCheck
    from rag.cite.similarity import Similarity
    from rag.index.store import Index

LONGEST_DRAFT = 200_000
"""Characters; a longer text is no draft of an article."""
LONGEST_SENTENCE = 5_000
"""Characters; a longer one is a list or a table without its lines, and is left alone."""
PASSAGES = 4
"""How many passages are read for a sentence."""
_NARROWEST = 40
"""Characters; a shorter line without a full stop was not broken to fit a width."""

_LIST_MARK = re.compile(r"\s*(?:[-+*•>]|\d{1,3}[.)])\s+")
_HEADING_MARK = re.compile(r"\s*#{1,6}\s")
# Marks of Markdown, addresses of links and numbers of notes, which are no words of the draft.
_MARKS = re.compile(r"\*{1,3}|__|~~|`|!?\[(?=[^\[\]\n]*\]\()|\]\([^()\s]*\)|(?<=\])\([^()\s]*\)|\[\^?\d{1,3}\]")
_QUESTION = re.compile(r"[?？؟][”\"'’»)\]\s]*$")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_FIRST_PERSON = _words("i we me us my our mine ours я мы мне нам мой моя мое моё наш наша")
_OPINIONS = frozenset(
    map(
        stem,
        _words(
            """think thought believe feel guess hope wonder suppose doubt suspect opinion view mind wish fear love like hate
            prefer regret agree disagree imagine expect should must ought sure glad sorry proud afraid convinced
            думаю думаем считаю считаем верю надеюсь надеемся полагаю боюсь кажется мнению взгляд хочу люблю уверен уверена"""
        ),
    )
)
_GREETINGS = _words(
    """hello hi hey dear welcome greetings regards thanks thank sincerely cheers yours best
    здравствуйте привет уважаемые уважаемый уважаемая спасибо"""
)
_TIMES_OF_DAY = _words("morning afternoon evening day утро день вечер")
_LONGEST_GREETING = 7
_NEAR = 3
"""Words; "I firmly think", and not "unlike us in the West, the committee views"."""


def check(
    text: str,
    index: Index,
    embedder: Embedder,
    similarity: Similarity,
    support_check: Callable[[], SupportCheck] | None = None,
    scope: Scope = EVERYTHING,
) -> Iterator[Checked]:
    """Check each sentence and each quotation of a draft; yield it whole before the first, and after each.

    Whoever checks beside others lets them go on in between. Only articles within the ``scope`` count. Raises DraftError for
    what is no draft, EmbedderError where the embedding model fails.
    """
    text = checked_draft(text)
    plain = _plain(text)
    running = _unwrapped(plain)
    spans, quoted = list(_sentences(text)), quotation_spans(running)
    locator = Locator(index, scope)
    checker = Checker((), Shortlist(similarity, index), index, support_check)
    numbers = Numbers()
    sentences: list[DraftSentence] = []
    checked = Checked(text, (), len(spans))
    yield checked
    for start, end, claim in spans:
        before = [each.text for each in sentences[-SENTENCES:]]
        hits = _hits(index, embedder, plain[start:end], before, scope) if claim else ()
        likely = [hit.document.id for hit in hits]
        located: list[Quotation] = []
        for first, last in quoted[bisect_left(quoted, (start, 0)) : bisect_left(quoted, (end, 0))]:
            located.append(locator.locate(running, first, last, likely))
            yield checked
        found = " ".join(hit.passage.text for hit in hits)
        quotations = tuple(each for each in located if each.status != "not found" or not transcribed(each.text, found))
        labels = checker.add(_with_quoted(hits, quotations))
        support = checker.check(plain[start:end], labels, elsewhere=False, before=before) if claim else None
        sentences.append(_numbered(_judged(text, start, end, support, quotations), numbers))
        checked = Checked(text, tuple(sentences), len(spans) - len(sentences))
        yield checked


def quote(text: str, index: Index) -> Quotation:
    """Tell where words stand in the articles; raises DraftError where there are none."""
    text = checked_words(text)
    return Locator(index).locate(text, 0, len(text))


def checked_draft(text: object) -> str:
    """Return a draft in NFC with plain line ends; raise DraftError where nothing can be checked."""
    return _checked_text(text, LONGEST_DRAFT)


def checked_words(text: object) -> str:
    """Return words to look for likewise."""
    return " ".join(_checked_text(text, LONGEST_QUOTATION).split())


def _checked_text(text: object, longest: int) -> str:
    if not isinstance(text, str):
        raise DraftError("what is checked is text, not {kind}; pass a string", kind=type(text).__name__)
    written = clean(text) if len(text) <= 2 * longest else text  # cleaning millions of characters would hold others up
    if not any(character.isalnum() for character in written):
        raise DraftError("there is no text to check; write a sentence")
    if len(written) > longest:
        raise DraftError(
            "at most {longest:,} characters are checked at once, not {length:,}; check a part",
            longest=longest,
            length=len(written),
        )
    return written


# --- What the draft says


def _sentences(text: str) -> Iterator[tuple[int, int, bool]]:
    """Yield start and end of each sentence, and whether it claims anything."""
    running = _unwrapped(_plain(text))
    lines = [match.span() for match in re.finditer(r"[^\n]*\S[^\n]*", running)]
    for number, (start, end) in enumerate(lines):
        line, last = running[start:end].rstrip(), number == len(lines) - 1
        heading = _HEADING_MARK.match(text, start)
        mark = _LIST_MARK.match(text, start) or heading
        begin = mark.end() if mark and mark.end() < end else start
        stands_over = bool(heading) or not (ends_sentence(line) or line.endswith((":", ";", ",")) or mark or last)
        for first, final in sentence_spans(running[begin:end]):
            sentence = running[begin + first : begin + final]
            claims = len(sentence) <= LONGEST_SENTENCE and not stands_over and _claims(sentence)
            yield begin + first, begin + final, claims


def _plain(text: str) -> str:
    """Blot out the marks of Markdown; the text is as long as before."""
    return _MARKS.sub(lambda match: " " * len(match.group()), text)


def _unwrapped(text: str) -> str:
    """Join lines that were broken to fit a width; the text is as long as before."""
    lines = text.split("\n")
    for number, (line, after) in enumerate(zip(lines, lines[1:], strict=False)):
        whole = len(line.strip()) < _NARROWEST or ends_sentence(line.rstrip())
        marked = _LIST_MARK.match(after) or _HEADING_MARK.match(after) or _HEADING_MARK.match(line)
        lines[number] += "\n" if whole or marked or not after.strip() else " "
    return "".join(lines)


def _claims(sentence: str) -> bool:
    """Tell whether a sentence says anything that articles could hold.

    >>> [_claims(each) for each in ("The dam broke.", "Who saw it?", "I think it was late.", "Dear readers,", "So it was.")]
    [True, False, False, False, False]
    """
    own = sentence
    for start, end in quotation_spans(sentence):
        own = own[:start] + " " * (end - start) + own[end:]
    said = words(own)
    small = [word if word.isupper() and len(word) > 1 else word.lower() for word in said]  # "US" is no "us"
    if _QUESTION.search(sentence) or all(word.lower() in FUNCTION_WORDS for word in words(sentence)):
        return False
    greets = small[:1] and (small[0] in _GREETINGS or (len(small) > 1 and small[1] in _TIMES_OF_DAY))
    if greets and len(small) <= _LONGEST_GREETING:
        return False
    opinions = [place for place, word in enumerate(small) if stem(word) in _OPINIONS]
    persons = [place for place, word in enumerate(small) if word in _FIRST_PERSON]
    if any(abs(person - opinion) <= _NEAR for person in persons for opinion in opinions):
        return False
    return not claims_nothing(sentence)


# --- What the articles say


def _hits(index: Index, embedder: Embedder, sentence: str, before: Sequence[str], scope: Scope) -> tuple[Hit, ...]:
    hung = antecedents(sentence, before)
    asked = " ".join(" ".join((sentence, *hung[-1:])).split())[:LONGEST_QUESTION]
    hits = find(index, embedder, asked, PASSAGES, scope, parts=()).hits
    return tuple(hit for hit in hits if scope.holds(hit.document))  # where it holds none, others are found instead


def _with_quoted(hits: Sequence[Hit], quotations: Iterable[Quotation]) -> list[Hit]:
    """Add the passages that quotations stand in: a claim about a quotation has its evidence there."""
    quoted = [citation.hit for quotation in quotations for citation in quotation.citations]
    return list({hit.passage.id: hit for hit in (*hits, *quoted)}.values()) if hits else []


# --- What follows


_KINDS = {"direction": "wording", "meaning": "wording", "attribution": "speaker left out"}
"""What a reader calls the checker's kinds of facts; those that are not here keep their name."""
_REPLACED = ("number", "date", "name")
"""Kinds of which the article has another in its place."""


def _judged(
    text: str, start: int, end: int, support: Support | None, quotations: tuple[Quotation, ...]
) -> DraftSentence:
    sentence = text[start:end]
    misquoted = [
        Difference("quotation", each.text, each.start, each.end, " … ".join(part.quote for part in each.citations))
        for each in quotations
        if each.status != "verbatim"
    ]
    score = round(support.score, 3) if support else 0.0
    if support is None or support.score < THRESHOLD:
        cited = tuple(citation for each in quotations for citation in each.citations)
        altered = any(each.status == "altered" for each in quotations)
        status: SentenceStatus = "differs" if altered else "not in the articles" if support or misquoted else "no claim"
        return DraftSentence(sentence, start, end, status, score, tuple(misquoted), cited, quotations)
    differing = (*misquoted, *differences(text, start, end, support))
    citations = tuple(map(Numbers().cite, support.evidence))
    status = "differs" if differing else "found"
    return DraftSentence(sentence, start, end, status, score, differing, citations, quotations)


def differences(text: str, start: int, end: int, support: Support) -> Iterator[Difference]:
    """List what of a sentence its evidence does not hold, each thing once.

    Quotations are left out: they are looked for in all articles, by letters.
    """
    sentence = _plain(text[start:end])
    own = Evidenced([sentence])
    quotes = [each.quote for each in support.evidence]
    denied = False
    for fact in dict.fromkeys(support.missing):
        if fact.kind == "quotation" or (fact.kind == "negation" and denied):
            continue
        denied |= fact.kind == "negation"
        if fact.kind == "name" and fact.forms and _is_introduced(sentence, fact, support):
            continue
        others = {q[f.start : f.end] for q in quotes for f in facts(q) if f.kind == fact.kind and not own.holds(f)}
        instead = others.pop() if len(others) == 1 and fact.kind in _REPLACED else ""
        first, last = start + fact.start, start + fact.end
        yield Difference(_KINDS.get(fact.kind, fact.kind), text[first:last], first, last, instead)


def _is_introduced(sentence: str, fact: Fact, support: Support) -> bool:
    """Tell whether a passage gives this first name to the family name that its quote has: "Dana Holub", then "Holub"."""
    family = "".join(words(sentence[fact.end :])[:1])
    full = f"{sentence[fact.start : fact.end]} {family}"
    return sentence.startswith(full, fact.start) and any(
        family in words(each.quote) and full in each.hit.passage.text for each in support.evidence
    )


def _numbered(sentence: DraftSentence, numbers: Numbers) -> DraftSentence:
    """Number the cited articles in order of appearance in the draft."""

    def renumbered(citations: Iterable[Citation]) -> tuple[Citation, ...]:
        return tuple(replace(each, number=numbers.of(each.hit)) for each in citations)

    citations = renumbered(sentence.citations)
    quotations = tuple(
        replace(each, citations=renumbered(each.citations), others=renumbered(each.others))
        for each in sentence.quotations
    )
    return replace(sentence, citations=citations, quotations=quotations)
