"""Words of a text, and which of them carry no subject: the closed classes of English and Russian."""

from __future__ import annotations

import re

_WORD = re.compile(r"[^\W_]+")

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
    """The runs of letters and digits of a text, in order, as they are written.

    >>> words("Nur-Otan won 1.1 million votes.")
    ['Nur', 'Otan', 'won', '1', '1', 'million', 'votes']
    """
    return _WORD.findall(text)


def content_words(text: str) -> list[str]:
    """The words of a text without function words; all of them where nothing else would be left.

    >>> content_words("What did the mayor say about the bridge?")
    ['mayor', 'bridge']
    >>> content_words("Who is who?")
    ['Who', 'is', 'who']
    """
    found = words(text)
    return [word for word in found if word.lower() not in FUNCTION_WORDS] or found
