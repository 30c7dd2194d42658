"""Words of a text, and which of them carry no subject: the closed classes of English and Russian."""

from __future__ import annotations

import re

_WORD = re.compile(r"[^\W_¹²³⁰⁴-⁹]+")  # a raised figure is a footnote's or a power's, no part of the word before it
# Scripts that leave no space between words: Thai, Lao, Burmese, Khmer, kana, Han.
_UNSPACED = (
    r"\u0e01-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
_RUN = re.compile(f"[{_UNSPACED}]+")

# Function words are a closed class of a language, so they can be listed; a question's own ("what", "сколько") are rare in
# reporting, and BM25 would take their rarity for weight.
_ENGLISH = """
a about according after again all also am an and another any are as at be because been before being between both but by
can could did do does doing done during each either else ever every few for from further had has have having he her here
hers him his how i if in into is isn it its itself just like ll many may me might mine more most much must my neither no
nor not of off often on once one only onto or other our ours out over own per re really s same say says said shall she
should since so some someone something still such t tell than that the their theirs them then there these they this those
through thus to too toward towards under until up upon us ve very was way we well were what whatever when where whether
which while who whoever whom whose why will with within without would yes yet you your yours article articles please
"""
_RUSSIAN = """
а без бы был была были было быть в вам вас ведь весь во вот все всё всего всех вы где да для до его ее её если есть еще ещё
же за здесь и из или им их к как какая какие каким какими каких какое какой каком какую когда кого кому кто куда ли либо
между меня мне мой моя мы на над надо нас наш не него нее неё нет ни них но ну о об однако он она они оно от откуда очень
по под почему при про с сам свой свою себя сколько со так также такой там те тем то тоже того той только том тот тут ты у уж
уже хотя чего чей чем через что чтобы чье чьё чья эта эти это этого этой этом этот я ли статья статье статьи статьях
"""
FUNCTION_WORDS = frozenset((_ENGLISH + _RUSSIAN).split())


def words(text: str) -> list[str]:
    """Return the runs of letters and digits of a text, in order, as they are written.

    >>> words("Nur-Otan won 1.1 million votes.")
    ['Nur', 'Otan', 'won', '1', '1', 'million', 'votes']
    """
    return _WORD.findall(text)


def split_unspaced(text: str) -> str:
    """Write runs of a script without spaces as spaced pairs of characters.

    Bigrams find words that no dictionary has cut out. Vowel signs above and below a letter are left out: the index's
    tokenizer would cut there.

    >>> split_unspaced("港口关闭 in 2031")
    '港口 口关 关闭  in 2031'
    """
    return _RUN.sub(lambda match: f" {' '.join(_pairs(match.group()))} ", text).strip() if _RUN.search(text) else text


def _pairs(run: str) -> list[str]:
    run = "".join(filter(str.isalpha, run))
    return [run[place : place + 2] for place in range(max(1, len(run) - 1))]


def content_words(text: str) -> list[str]:
    """Return the words of a text without function words. All of them where nothing else would be left.

    >>> content_words("What did the mayor say about the bridge?")
    ['mayor', 'bridge']
    >>> content_words("Who is who?")
    ['Who', 'is', 'who']
    """
    found = words(text)
    return [word for word in found if word.lower() not in FUNCTION_WORDS] or found
