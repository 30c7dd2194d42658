"""Where the sentences of a text begin and end.

Our own rules: on news in English, Russian, Kazakh and German they measured better than sentencex, pysbd, syntok, razdel and
sentencesplit, and a new release of a library would move the borders of passages that are already indexed. One set of rules
for all languages, because nobody says which one a line is written in, and lines mix them.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator

WHOLE_QUOTE = 300
"""A quotation or bracket of up to this many characters is never divided, so that a quote keeps its speaker."""


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Start and end of each sentence in reading order, counted in characters of ``text``.

    A sentence never crosses a line break. The spans do not overlap, have no white space at their ends, and together hold
    every character that is not white space.

    >>> text = "Dr. Orr left at 9 a.m. Nobody saw her. “It was dark. We slept,” said A. B. Lind."
    >>> [text[start:end] for start, end in sentence_spans(text)]
    ['Dr. Orr left at 9 a.m.', 'Nobody saw her.', '“It was dark. We slept,” said A. B. Lind.']
    """
    return [span for line in _LINE.finditer(text) for span in _line_spans(text, line.start(), line.end())]


def _line_spans(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    enclosed = [match.span() for match in _ENCLOSED.finditer(text, start, end)]
    first_letter = _first_letter(text, start, end)
    for mark in _MARK.finditer(text, start, end):
        stop = mark.start("gap")
        if first_letter < mark.start() and stop < end and not _within(enclosed, stop) and _ends(text, start, end, mark):
            yield start, stop
            start = mark.end()
            first_letter = _first_letter(text, start, end)
    yield start, end


def _first_letter(text: str, start: int, end: int) -> int:
    found = _LETTER_OR_DIGIT.search(text, start, end)
    return found.start() if found else end


def _within(spans: list[tuple[int, int]], position: int) -> bool:
    """Tell whether a position lies inside one of the ordered spans, its two ends excluded."""
    before = bisect_left(spans, (position, 0)) - 1
    return before >= 0 and position < spans[before][1]


def _ends(text: str, start: int, end: int, mark: re.Match[str]) -> bool:
    """Tell whether the sentence from ``start`` ends at this mark, with text after it."""
    if mark["wide"]:
        return True
    if not mark["gap"]:
        return _space_is_missing(text, start, mark)
    following = _NEXT_WORD.match(text, mark.end(), end)
    if following is None:
        return True
    if following["word"][0].islower():
        return False
    if mark["mark"] != "." or mark["closers"]:
        return True
    before = _LAST_WORD.search(text, max(start, mark.start() - _LONGEST_WORD), mark.start())
    return before is None or _full_stop_ends(text, start, before, following)


def _space_is_missing(text: str, start: int, mark: re.Match[str]) -> bool:
    """Tell whether this is "… end.Then …": a plain word in small letters, a mark, a capital and a small letter."""
    word = text[max(start, mark.start() - _LONGEST_WORD) : mark.start()].rpartition(" ")[2]
    after = text[mark.end() : mark.end() + 2]
    return len(word) > 3 and word.isalpha() and word[1:].islower() and after[:1].isupper() and after[1:].islower()


def _full_stop_ends(text: str, start: int, before: re.Match[str], following: re.Match[str]) -> bool:
    """Tell whether a full stop between two words ends a sentence, not an abbreviation."""
    last, next_word = before["last"], following["word"]
    letters = re.sub(r"\s", "", before.group())
    new_start = next_word in _STARTERS and not following["stop"]
    initial = len(last) == 1 and last.isupper()
    if before.start() == start and _ENUMERATOR.fullmatch(last):
        return False
    if last.isdigit():
        return len(last) > 2 or next_word not in _AFTER_ORDINAL
    if last in _YEAR_OR_CENTURY and _NUMERAL.search(text, max(start, before.start() - 12), before.start("last")):
        return new_start
    if _in(_NEVER, letters) or _in(_NEVER, last):
        return False
    if _in(_AND_SO_ON, letters):
        return True
    if _in(_BEFORE_NUMBER, last) and not initial:
        return not next_word[0].isdigit()
    if len(last) == 1 or _LETTERS.fullmatch(letters) or _in(_SELDOM, last):
        return new_start
    return True


def _in(words: frozenset[str], word: str) -> bool:
    return word in words or word.lower() in words


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_LINE = re.compile(r"\S(?:[^\n\r\u2028\u2029]*\S)?")
_MARK = re.compile(
    r"(?:(?P<mark>[.!?…‼⁇⁈⁉।॥۔؟։]+)|(?P<wide>[。！？｡]+))"
    r"(?P<closers>(?:[\"'”’»“‘›)\]}*]|[ \u00a0\u202f]»|\[[^\[\]\n]{1,30}\])*)(?P<gap>\s*)"
)
_ENCLOSED = re.compile(
    rf"“[^“”\n]{{0,{WHOLE_QUOTE}}}”|«[^«»\n]{{0,{WHOLE_QUOTE}}}»|„[^„“”\n]{{0,{WHOLE_QUOTE}}}[“”]"
    rf"|(?<![^\s(\[—–-])\"(?=\S)[^\"\n]{{0,{WHOLE_QUOTE}}}(?<=\S)\"(?!\w)|(?<!\w)‘[^‘\n]{{0,{WHOLE_QUOTE}}}?’(?!\w)"
    rf"|\([^()\n]{{0,{WHOLE_QUOTE}}}\)|\[[^\[\]\n]{{0,{WHOLE_QUOTE}}}\]"
)
_LONGEST_WORD = 40
_LETTER_OR_DIGIT = re.compile(r"[^\W_]")
_NEXT_WORD = re.compile(r"[\W_]{0,20}(?P<word>[^\W_]+)(?P<stop>\.?)")
_LAST_WORD = re.compile(r"(?:(?<!\w)[^\W\d_]\.\s?)*(?P<last>[^\W_]+(?:['’-][^\W_]+)*)$")
_LETTERS = re.compile(r"(?:[^\W\d_]\.)+[^\W\d_]")
_ENUMERATOR = re.compile(r"\d{1,3}|[^\W\d_]|[IVXivx]+")
_NUMERAL = re.compile(r"[\dIVXLХІ]\s*$")  # Latin letters and the Cyrillic ones that look like them

_YEAR_OR_CENTURY = _words("г гг ж жж в вв ғ ғғ")
"""After a number a year or a century, elsewhere something else ("г. Алматы" is a town)."""

_NEVER = _words(
    # English and German: titles, "that is", "for example"; French and Spanish: titles
    """Mr Mrs Ms Mx Messrs Dr Drs Prof Rev Fr Hon Gen Col Lt Maj Capt Cpt Cmdr Adm Sgt Cpl Pvt Gov Sen Rep Supt Insp
    Amb Msgr vs viz cf approx e.g i.e Hr Hrn Dipl Ing med jur phil z.B d.h u.a i.d.R ca bzw evtl ggf inkl vgl sog
    Mme Mlle Sr Sra Srta"""
    # Russian: titles, places, "that is"
    """ проф акад доц д-р тов гр г-н г-жа ул пр просп пл пер бул наб обл р-н пос дер оз св зам пом гл ген полк кап т.е
    т.к т.н т.о в.ч т.ч напр ок соч изд ред сост ср ин"""
)
"""After these the sentence goes on, whatever follows."""

_AND_SO_ON = _words("т.д т.п т.б т.с.с н.э")
"""Single letters that stand at the end of something; "etc", "usw" and "др" need no rule of their own."""

_BEFORE_NUMBER = _words(
    """No Nos no nos Art art Fig fig p pp Vol vol Ch ch Sec sec Rte Hwy Jan Feb Mar Apr Jun Jul Aug Sep Sept Oct Nov
    Dec Mon Tue Tues Wed Thu Thur Thurs Fri Sat Sun Nr Abs Bd Kap рис табл стр с ст гл п пп кв д корп оф каб т тт кн
    вып пункт янв февр апр авг сент окт нояб дек руб коп долл тг чел ч мин сек км кг"""
)
"""After these a number still belongs to the sentence."""

_SELDOM = _words(
    """Inc Corp Co Ltd LLC Bros Jr Esq St Ave Blvd Rd Mt Ft Bn Dept Univ Assn est ft sq mi lb oz bn al Mio Mrd Str тыс
    млн млрд трлн им см тел факс эт"""
)
"""After these, as after initials, a sentence ends only where the next word is one that sentences begin with."""

_AFTER_ORDINAL = _words(
    """Januar Jänner Februar März April Mai Juni Juli August September Oktober November Dezember Jahrhundert
    Jahrhunderts"""
)
"""German writes ordinals with a full stop: after a number of one or two digits these go on."""

_STARTERS = _words(
    """The A An This That These Those It He She They We I You His Her Their Our My Its There Here In On At By For From
    With To Of After Before Under Over During Since Until Against Among Between Through Throughout Without Within
    But And Or Nor So Yet If When While As Although Though Because However Then Now Today Yesterday Meanwhile Later
    Earlier Still Only Even Also Again Thus Hence Indeed Moreover Nevertheless Instead Perhaps Once Unlike Both All
    Some Any Many Most Several Few Each Every Another Other Others No Not None Nobody Nothing One Two Three Four
    Five Six Seven Eight Nine Ten What Who Whose Where Why How Which According Despite"""
    """ Der Die Das Den Dem Ein Eine Einen Er Sie Es Wir Ich Ihr Ihre Sein Seine Im Am Auf Aus Bei Mit Nach Von Vor Zu
    Zum Zur Für Gegen Und Aber Doch Dann Da Dort Hier Jetzt Heute Gestern Als Wenn Weil Obwohl Auch Nur Noch Nicht
    Kein Keine Diese Dieser Dieses Was Wer Wo Wie Warum Man Seit Unter Über Während Danach Später Alle Viele"""
    """ В Во На С Со К Ко По О Об Из У За От До Для При Под Над Через Между Перед После Без Кроме Согласно И А Но Да Или
    Что Чтобы Как Когда Если Хотя Так Также Потому Поэтому Однако Тогда Теперь Затем Потом Сейчас Сегодня Вчера Уже
    Ещё Еще Позже Раньше Это Эта Этот Эти Тот Та Те То Он Она Оно Они Мы Вы Я Ты Его Её Ее Их Ему Ей Им Наш Мой Свой
    Все Всё Всех Всем Весь Вся Каждый Никто Ничто Некоторые Многие Другие Один Одна Два Две Три Не Ни Нет Кто Где
    Куда Почему Зачем Сколько Какой Здесь Там Тут Впрочем"""
    """ Ол Бұл Сол Осы Олар Біз Мен Сіз Оның Оны Оған Бірақ Және Ал Егер Содан Сондықтан Кейін Бүгін Кеше Қазір Сонымен
    Мұнда Онда Бір Екі Үш Барлық Неге Кім"""
)
"""Words that sentences begin with and names do not."""
