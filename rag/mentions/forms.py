"""The forms of speech that show a name or a date to belong to reporting: closed classes of English and Russian."""

from __future__ import annotations

import re
from collections.abc import Sequence

GENRE = (
    r"(?:articles?|reports?|reporting|reportage|stor(?:y|ies)|pieces?|coverage|interviews?|editorials?|op-?eds?|columns?|"
    r"columnists?|reporters?|journalists?|correspondents?|commentators?|reviews?|headlines?|investigations?|analys[ei]s|journalism|guides?|"
    r"newspapers?|magazines?|websites?|news|commentary|comments?|стать\w+|материал\w*|публикаци\w+|заметк\w+|репортаж\w*|"
    r"интервью|обзор\w*|колонк\w+|новост\w+|газет\w+|журнал\w*|издани\w+|сайт\w*|портал\w*|агентств\w+)"
)
"""What an outlet brings out, and what it is."""
_PAST = (
    r"(?:reported|published|wrote|written|said|claimed|suggested|stated|described|mentioned|discussed|covered|argued|noted|"
    r"indicated|implied|quoted|interviewed|revealed|highlighted|detailed|alleged|cited|explained|featured|portrayed|presented|"
    r"documented|writes|says|сообщи\w+|сообща\w+|писа\w+|написа\w+|пиш[уе]т|опубликова\w+|публик\w+|утвержда\w+|рассказ\w+|"
    r"заяви\w+|отме\w+)"
)
_BARE = (
    r"(?:reports?|publish(?:es)?|write|say|claims?|suggests?|states?|describes?|mentions?|discuss(?:es)?|covers?|argues?|notes?|"
    r"indicates?|impl(?:y|ies)|quotes?|interviews?|reveals?|highlights?|details?|alleges?|cites?|explains?|attributes?|credits?|"
    r"predicts?|anticipates?|presents?|portrays?|"
    r"(?:report|describ|discuss|highlight|detail|cover|mention|explain|claim|quot|argu|stat|reveal)ing)"
)
_ADVERB = r"(?:(?:has|have|had|also|then|later|first|once|already|not|previously|recently|уже|также|ранее)\s+){0,3}"
_FILLER = (
    r"(?:(?:both|the|an?|another|sources?|outlets?|like|such as|including|newspapers?|magazines?|websites?|news|site|agency|"
    r"издани\w+|газет\w+|журнал\w*|портал\w*|сайт\w*|агентств\w+|интернет-\w+)\s+){0,4}"
)
_QUOTES = re.compile('["“”„«»]')
_QUOTE = "[\"'“”‘’«»„`]*"

_TOLD_BY = (
    r"(?:according to|as per|told|(?:reported|featured|covered|noted|stated|described|mentioned|quoted|detailed|"
    r"discussed|cited|revealed|carried|printed|run|interviewed|published|written|said) (?:by|in|on)|reported from|"
    r"по (?:данным|информации|сообщени\w+|версии|материалам)|со ссылкой на|согласно|"
    r"пиш[уе]т|(?:на)?писал[аои]?|сообщ(?:ает|ают|ила?|или|ило)|опубликовал[аои]?|публикует|рассказал[аои]?)"
)
# The first group tells even of a word in small letters, which may be an everyday one: "reported in time", "articles on focus".
_NAMED = r"(?:according to|(?:reported|published|written) by|по (?:данным|информации|сообщени\w+)|со ссылкой на)"
_BEFORE_SMALL = re.compile(rf"\b{_NAMED}\s+{_FILLER}{_QUOTE}$", re.I)
_BEFORE = re.compile(
    rf"\b(?:{_TOLD_BY}|(?:another|one|those)\s+(?:from|by|in)|{GENRE}(?:\s+(?:from|by|in|of|on|at|с|из|от|в|во))?)\s+{_FILLER}{_QUOTE}$",
    re.I,
)
_WEAK_BEFORE = re.compile(rf"\b(?:in|by|from|on|of|в|во|из|на|от)\s+{_FILLER}{_QUOTE}$", re.I)
_DO_BEFORE = re.compile(rf"\b(?:did|does|do|has|have|had)\s+{_FILLER}{_QUOTE}$", re.I)
_OWN_AFTER = re.compile(rf"(?:['’]s?)\s+(?:[\w-]+\s+){{0,2}}{GENRE}\b", re.I)
_PAST_AFTER = re.compile(rf"{_QUOTE}\s+{_ADVERB}{_PAST}\b(?!\s+(?:by|in|on)\b)", re.I)
_BARE_AFTER = re.compile(rf"{_QUOTE}\s+{_ADVERB}(?:{_BARE}|{_PAST})\b", re.I)
_GENRE_AFTER = re.compile(rf"{_QUOTE}\s+(?:[a-zа-я]+\s+)?{GENRE}\b", re.I)
_NOT_BEFORE = re.compile(
    rf"\b(?:not|other than|except(?: for)?|besides|unlike|rather than|кроме|помимо|не)\s+"
    rf"(?:(?:by|in|from|on|at|в|из|от)\s+)?{_FILLER}{_QUOTE}$",
    re.I,
)
_LIST = re.compile(
    rf"(?:['’]s\b)?(?:[\s,;&\"'“”‘’«»]|"
    rf"\b(?:and|or|both|as well as|also|the|an?|another|from|by|in|on|и|или|а также|в|из|{GENRE})\b)*",
    re.I,
)
_WRITTEN = r"(?:written|authored|penned|reported|published|написан\w*)"
_WROTE_BEFORE = re.compile(
    rf"\b(?:{GENRE}\s+(?:by|from|of)|{_WRITTEN}\s+by|автор\w*|(?:на)?писал[аи]?|пишет)\s+{_QUOTE}$",
    re.I,
)
_WROTE_AFTER = re.compile(
    rf"['’]s?\s+(?:[\w-]+\s+){{0,2}}{GENRE}\b|\s+{_ADVERB}(?:wrote|writes?|authored|reported|reports?|(?:на)?писал[аи]?|пишет)\b",
    re.I,
)
_PERSON_BEFORE = re.compile(
    r"\b(?:by|according to|author|journalist|reporter|columnist|correspondent|автор\w*|журналист\w*|по словам|по мнению)\s+$",
    re.I,
)
_REACH = 80


def told_by(text: str, start: int, end: int, capital: bool) -> bool:
    """Whether what stands at ``text[start:end]`` is spoken of as one that reports.

    A word in small letters (``capital`` false) may be an everyday one, so that fewer forms tell: "time reports" does not.

    >>> told_by("What did Dawn report?", 9, 13, True), told_by("It began at dawn today", 12, 16, False)
    (True, False)
    """
    before, after = _around(text, start, end)
    if _DO_BEFORE.search(before) and _BARE_AFTER.match(after):
        return True
    if not capital:
        return bool(_BEFORE_SMALL.search(before) or _PAST_AFTER.match(after) or _OWN_AFTER.match(after))
    after_it = (_OWN_AFTER, _GENRE_AFTER, _PAST_AFTER, _BARE_AFTER)
    return bool(_BEFORE.search(before)) or any(form.match(after) for form in after_it)


def stands_in(text: str, start: int) -> bool:
    """Whether a preposition that may lead to an outlet stands in front: "in the Courier", "from the Courier"."""
    return bool(_WEAK_BEFORE.search(text[max(0, start - _REACH) : start]))


def is_excluded(text: str, start: int) -> bool:
    """Whether the form takes it out: "not by the Courier", "other than the Courier"."""
    return bool(_NOT_BEFORE.search(text[max(0, start - _REACH) : start]))


def is_list(gap: str) -> bool:
    """Whether what stands between two names makes them parts of one list, so that what is said of one is said of both."""
    return len(gap) <= _REACH and bool(_LIST.fullmatch(gap))


def written_by(text: str, start: int, end: int) -> bool:
    """Whether a person at ``text[start:end]`` is spoken of as one who wrote an article."""
    before, after = _around(text, start, end)
    return bool(_WROTE_BEFORE.search(before) or _WROTE_AFTER.match(after))


def speaks(text: str, start: int, end: int) -> bool:
    """Whether a person at ``text[start:end]`` wrote or said something."""
    before, after = _around(text, start, end)
    if re.match("['’]", after) and not _OWN_AFTER.match(after):
        return False
    return bool(_PERSON_BEFORE.search(before) or _PAST_AFTER.match(after)) or written_by(text, start, end)


def titled(text: str, start: int) -> bool:
    """Whether a title at ``text[start:]`` is announced as one: "in the article", "a report titled"."""
    return bool(_TITLED.search(text[max(0, start - _REACH) : start]))


_TITLED = re.compile(
    rf"\b{GENRE}\s*[,:]?\s*(?:(?:titled|entitled|called|named|headlined|под названием|под заголовком|"
    rf"с заголовком)\s*[,:]?\s*)?{_QUOTE}$|"
    rf"\b(?:titled|entitled|headlined|под заголовком)\s*[,:]?\s*{_QUOTE}$",
    re.I,
)
_ARTICLE = (
    r"(?:articles?|coverage|stor(?:y|ies)|pieces?|news|reporting|editorials?|columns?|interviews?|headlines|статьи?|статья\w*|"
    r"статей|материал\w*|публикаци\w+|новост\w+)"
)
_SAYS = r"(?:report(?:s|ed)?|cover(?:s|ed)?|сообщ\w+|написа\w+|писа\w+|пиш[уе]т)"
_WRITES = r"(?:publish(?:e[sd])?|wrote|written|write|post(?:s|ed)?|dated|said|say|опубликова\w+)"
_LEAD = (
    r"(?:\s+(?:it|this|that|them|online|back|out|by|from|in|на|в))*[\s,(]*(?:\b(?:in|on|from|since|before|after|of|for|during|"
    r"between|until|by|over|в|во|за|с|со|от|до|после|к|на)\s+)?(?:the\s+)?$"
)
_PUBLISHED_BEFORE = re.compile(rf"\b(?:{_ARTICLE}|{_SAYS}){_LEAD}", re.I)
_OTHER_ONE = r"(?:and|or|to|than|with|from)\s+(?:the\s+)?(?:\w+\s+)?(?:one|ones|that|those)"
_PUBLISHED_BY_BEFORE = re.compile(rf"\b(?:{_ARTICLE}|{_SAYS}|{_WRITES}|reports?|{_OTHER_ONE}){_LEAD}", re.I)
_PUBLISHED_AFTER = re.compile(rf"\s+(?:{_ARTICLE}|reports?|issue|edition)\b", re.I)
_FRONTED = re.compile(r"^\W*(?:(?:in|on|since|before|after|during|between|from|в|с|до|после|за)\s+)?(?:the\s+)?$", re.I)
_THEN_REPORTS = re.compile(
    rf"\s*,?\s+(?:what|which|how|why|did|что|как|о чем|о ч[её]м)\b.*\b(?:{_SAYS}|{_WRITES})\b", re.I
)
_ANY_ARTICLE = re.compile(rf"\b{_ARTICLE}\b|\breports?\b", re.I)


def published_then(text: str, start: int, end: int, outlets: Sequence[tuple[int, int]]) -> bool:
    """Whether a date at ``text[start:end]`` says when something was published; ``outlets`` are where outlets stand.

    >>> published_then("Articles from May 2031?", 14, 22, ()), published_then("Who fell in May 2031?", 12, 20, ())
    (True, False)
    """
    # An outlet between the verb and the date parts them in letters only: "did the Courier report in May", "report by it on".
    for first, last in outlets:
        if last <= start:
            text = text[:first] + " " * (last - first) + text[last:]
    text = _QUOTES.sub(" ", text)
    before, after = _around(text, start, end)
    named = bool(outlets) or bool(_ANY_ARTICLE.search(text))
    if (_PUBLISHED_BY_BEFORE if named else _PUBLISHED_BEFORE).search(before) or _PUBLISHED_AFTER.match(after):
        return True
    return bool(outlets) and bool(_FRONTED.search(text[:start])) and bool(_THEN_REPORTS.match(text[end:]))


def _around(text: str, start: int, end: int) -> tuple[str, str]:
    return text[max(0, start - _REACH) : start], text[end : end + _REACH]
