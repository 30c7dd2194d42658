"""Lines of a saved page that are not the article: buttons, appeals, comment forms, page numbers.

A line goes only where all of it matches the tables below. When unsure, it stays: a stray line costs little, a lost sentence
is a lost fact. That is why captions and credits stay, and why a line that begins with a quotation mark is never touched.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

from rag.read.lines import ends_sentence, is_prose, word_count

MOST_WORDS = 40
"""Longer lines are never furniture."""

HEADS, FURNITURE, LINKS = "title, authors and date", "buttons and notices", "other articles"

# Announcements of links to other articles. In all tables a row is one phrase or several that begin alike.
_LINKS = r"""
(?:recent|latest|related|popular|trending|recommended|top|more|other|most (?:read|viewed|popular)) <things>
more (?:on|about) this(?: story| topic)?|more from .{1,30}
(?:see|read) also|also read|read next|you (?:may|might) also like
(?:читайте|смотрите|слушайте) также|(?:ещё |еще )?по теме|материалы по теме|похожие <вещи>|другие <вещи>|последние <вещи>
читайте також|тағы оқыңыз|mehr zum thema|lesen sie auch
"""

# The whole line, apart from bullets and end punctuation.
_LINES = r"""
<sites>
(?:share|tweet|pin|post|like|forward|print|save|copy|listen|watch|follow|comment)<this>*(?: <things>)?(?: (?:on|via) <sites>)?
(?:click to )?(?:share|email|print|tweet)<this>* (?:<sites>|(?:with )?a friend|link to a friend)(?: \(opens in new window\))?
(?:\d+ )?(?:comments?|replies|shares|likes|views|retweets)(?: \(?\d+\)?)?|no comments(?: yet)?
(?:add|post|leave|write|view|show|read)(?: (?:a|all|your))? (?:comments?|reply|replies|response)
be the first to comment.*|(?:cancel|click here to cancel) reply
log ?in|sign ?in|sign ?up|log ?out|register|my account|create (?:an )?account
subscribe(?: now| today| here)?|newsletters?|unsubscribe
menu|main menu|navigation|toggle navigation|search|search for|home|close|open|back|top
back to top|go to top|scroll to top|skip to (?:main )?content|skip to navigation
about(?: us)?|contacts?(?: us)?|advertise(?: with us)?|careers|jobs|privacy(?: policy)?
terms(?: (?:of|and) (?:use|service|conditions))?|cookie (?:policy|settings)|sitemap|help|faqs?|imprint|disclaimer
advertisements?|advertising|ad|ads|sponsored(?: content)?|promoted|paid content
story continues below.*|article continues (?:below|after).*|continue reading(?: .{1,30})?
loading(?: comments)?|please wait|play|pause|mute|fullscreen|embed|download|read later|you are (?:here|at|signed in as):?
(?:view|image|photo) gallery|slideshow|(?:previous|next|prev|older|newer)(?: <things>)?
featured(?: <things>)?|editors?['’]s?(?: picks?| choice)|<things> like this(?: one)?|more <things> like this(?: one)?
read more|read on|learn more|show more|load more|view more|up next|don['’]t miss
tags?|topics?|categories|category|filed under|in this article
website|name|email|url|name \*|email \*|comment \*|submit|send|cancel|post comment|required
spelling error report|report (?:a|an) (?:error|mistake|typo)|send (?:a )?correction
(?:image|photo|slide|picture|page) \d+\s*(?:/|of|из|von)\s*\d+|\d+ (?:/|of|из|von) \d+|page \d+|страница \d+(?: из \d+)?
\d+ min(?:ute)?s? (?:read|listen)|reading time:? .{1,20}|время (?:чтения|на чтение):? .{1,20}
поделиться|поделитесь|поделись|твитнуть|отправить|печать|распечатать|скопировать ссылку|сохранить|слушать|смотреть
(?:комментари[йия]|просмотры|ответы)(?: \(?\d+\)?)?|\d+ (?:комментари(?:й|я|ев)|просмотр(?:а|ов)?)|нет комментариев
(?:оставить|добавить|написать|читать|показать|все)(?: все)? (?:комментари[йи]|ответ)
войти|вход|регистрация|зарегистрироваться|выйти|подписаться|подписка|меню|поиск|найти|главная|на главную
закрыть|наверх|вверх|назад|далее|вперёд|вперед|читать (?:далее|ещё|еще)|подробнее|(?:показать|загрузить) (?:ещё|еще)
о нас|о проекте|о сайте|контакты|реклама|рекламодателям|редакция|карта сайта
политика конфиденциальности|пользовательское соглашение|теги|тэги|метки|рубрики|рубрика|темы
(?:главные|популярные|лента|свежие) <вещи>|самое (?:читаемое|популярное|обсуждаемое)|рекомендуем
сообщить об (?:ошибке|опечатке)|нашли ошибку\?*
поділитися|надрукувати|коментарі|увійти|бөлісу|пікір қалдыру|пікірлер
teilen|drucken|kommentare?|kommentar schreiben|anmelden|werbung|anzeige|nach oben
"""

# Appeals and notices: the whole line, on lines that do not end with a full stop as the article's sentences do.
_APPEALS = r"""
share (?:this (?:article|story|post|page|news)|on|via)\b.{0,40}
(?:tags?|topics|filed under|categories|keywords|теги|тэги|метки|ключевые слова|рубрика):\s.{0,120}
(?:read|see|watch|also read|related|recommended|more|read more|see also|read also|read next|по теме):\s.{0,120}
(?:читайте|смотрите|слушайте)(?: также| ещё| еще)?:\s.{0,120}|читайте також:\s.{0,120}|lesen sie auch:?\s.{0,120}
donate (?:via|now|today|here|to <us>|through|with|by)\b.{0,30}
(?:become|be) (?:a|our) (?:patron|member|supporter|subscriber|sponsor)\b.{0,40}
(?:special |urgent )?(?:financial|fundraising|donation) appeal to (?:all |our )+readers.{0,40}
(?:(?:did|do) you )?(?:liked?|enjoy(?:ed|ing)?) (?:this|what you|our) (?:article|story|post|read|see)\b.{0,20}\?.{0,120}
subscribe (?:to|for) (?:our|this|<us>|get|receive|.{1,30}newsletter|.{1,30}channel)\b.{0,60}
sign up (?:(?:for|to) (?:our|the newsletter)|here|now|today)\b.{0,60}|get (?:our|the) .{0,40}(?:newsletter|in your inbox)
(?:follow|like|find|join|visit) <us> (?:on|at) (?:our )?<sites>|download (?:our|the) app(?: .{0,40})?
the following text will be sent to our editors
please (?:make|use|put|include|provide) (?:an? )?(?:active|direct|hyper) ?links? to the source\b.{0,60}
(?:©|\(c\)|copyright\b).{0,80}all rights reserved|все права защищены
read (?:this|the) <things>? ?in <languages>|(?:this <things> is )?also available in <languages>
(?:поделиться|поделитесь|поделись)\b.{0,40}|отправить (?:другу|ссылку)
(?:подписывайтесь|подпишитесь|подпишись) на (?:наш|нас|канал|рассылку)\b.{0,60}
мы в (?:<site>|соцсетях|социальных сетях)
"""

# Notices that are sentences, from end to end: the same on many sites.
_NOTICES = r"""
your e-?mail(?: address)? (?:will not be|won['’]t be) published(?:\. required fields are marked \*?)?
ваш (?:адрес )?(?:e-?mail|электронной почты) не будет опубликован(?:\. обязательные поля помечены \*?)?
required fields are marked \*?|save my name, e-?mail,? and website in this browser for the next time i comment
this site uses akismet to reduce spam\. learn how your comment data is processed
if you (?:have )?(?:found|noticed?|spot(?:ted)?) an? (?:spelling )?(?:error|mistake|typo)\b.{0,60}ctrl ?\+ ?enter
(?:если вы )?(?:нашли|заметили|обнаружили|увидели) (?:ошибку|опечатку)\b.{0,80}ctrl ?\+ ?enter
якщо ви (?:знайшли|помітили) помилку\b.{0,80}ctrl ?\+ ?enter|all rights reserved|все права защищены
(?:we use|(?:this|our) (?:web)?site uses) cookies to (?:make|improve|enhance|ensure|give).{0,60}
читайте (?:этот |эту |данный |данную )?(?:материал|статью|текст|новость) на <языке>
осы мақаланың .{0,20}нұсқасын оқыңыз
this article is more than \d+ years? old
"""

_WORDS = {
    # "Follow us" is an appeal, "Follow US lead" a headline.
    "us": "(?-i:[Uu]s)",
    "site": "facebook|twitter|x|telegram|whatsapp|instagram|youtube|linkedin|reddit|pinterest|vk|vkontakte|ok|odnoklassniki|"
    r"viber|rss|threads|tiktok|e-?mail|messenger|flipboard|google\+?|фейсбуке?|твиттере?|телеграме?|вконтакте|"
    "одноклассники|инстаграме?",
    "sites": r"(?:<site>)(?:(?:\s*[,/|·•&]\s*|\s+(?:and|or|и|и в)\s+|\s+)(?:<site>))*",
    "this": "(?: (?:this|it|on|via|to|link|by|url))",
    "things": "(?:articles?|story|stories|posts?|page|news|entry|text|report|features?|content|topics?)",
    "вещи": "(?:новости|новостей|статьи|материалы|публикации)",
    "work": "(?:work|site|website|journalism|journalists|team|project|newsroom|mission)",
    "support": "(?:support|subscribe|patron|donat|share|follow|newsletter|consider)",
    "languages": "(?:russian|english|kazakh|ukrainian|german|french|spanish|uzbek|kyrgyz|arabic|chinese|turkish)",
    "языке": "(?:русском|казахском|английском|украинском|кыргызском|узбекском)",
}
# "VIENNA, June 12 (Agency) — ": a place in capitals, or an agency in brackets, in front of the first sentence.
_UPPER = "A-ZÀ-ÖØ-ÞЀ-Я"
_AGENCY_LINE = re.compile(
    rf"(?:[{_UPPER}][{_UPPER} .'’-]{{2,30}}(?:, [^()—–]{{1,40}})?(?: \([^()\d]{{2,30}}\))?|"
    rf"(?:[{_UPPER}][^()—–.]{{0,40}} )?\([{_UPPER}][^()\d]{{1,30}}\)) ?[—–-]{{1,2}}(?= [{_UPPER}\d“«\"])"
)
_NO_WORDS = re.compile(r"[\W_]+")
_QUOTED = ("“", "”", '"', "«", "‘", "„", "'")
_BULLETS = " •·▪►▶»›>|*–—→+#-"
_ENDS = " .:!…»›>|→"


@lru_cache(maxsize=4096)
def is_furniture(line: str) -> bool:
    """Tell whether a line belongs to the page and not to the article.

    >>> [is_furniture(line) for line in ("Share on Facebook", "1 / 1", "Leave a Reply", "Share prices fell on Monday.")]
    [True, True, True, False]
    """
    line = line.strip()
    if _NO_WORDS.fullmatch(line):
        return True
    if line.startswith(_QUOTED) or line.count(" ") >= MOST_WORDS:
        return False
    table = _LINES + _LINKS + _NOTICES if line.endswith((".", "。", "؟")) else _LINES + _LINKS + _NOTICES + _APPEALS
    return _compiled(table).fullmatch(_bare(line.lower() if line.isupper() else line)) is not None


def announces_links(line: str) -> bool:
    """Tell whether a line announces links to other articles ("Related stories")."""
    return line.count(" ") < MOST_WORDS and _compiled(_LINKS).fullmatch(_bare(line)) is not None


def clean_paragraphs(
    lines: Sequence[str], used: frozenset[int] = frozenset(), sure: frozenset[int] = frozenset()
) -> tuple[list[tuple[int, str]], Counter[str]]:
    """Return the article's paragraphs with their lines' numbers, and counts of words left out by kind.

    Left out are furniture, and the places in ``used``, which tell of title, authors or date. Below the last prose, what
    follows an announcement of links goes as well, as far as it does not end like a sentence. The places in ``sure`` stay, and
    the items of a list behind a colon ("Its aims are:", "Jobs"). An agency's line becomes a paragraph of its own.
    """
    prose = [place for place, line in enumerate(lines) if is_prose(line)]
    last_prose = max(prose, default=-1)
    kept: list[tuple[int, str]] = []
    left_out: Counter[str] = Counter()
    links = listed = False
    for place, line in enumerate(lines):
        listed = bool(kept) and (kept[-1][1].endswith(":") or (listed and not ends_sentence(kept[-1][1])))
        stays = listed or place in sure
        links = links or (place > last_prose and announces_links(line))
        if place in used:
            left_out[HEADS] += word_count(line)
        elif not stays and is_furniture(line):
            left_out[FURNITURE] += 0 if _NO_WORDS.fullmatch(line) else word_count(line)
        elif not stays and links and not ends_sentence(line):
            left_out[LINKS] += word_count(line)
        elif place in prose[:1] and (agency := _AGENCY_LINE.match(line)):
            kept += [(place, agency.group()), (place, line[agency.end() :].lstrip())]
        else:
            kept.append((place, line))
    return (kept, +left_out) if kept else (list(enumerate(lines)), Counter())


def _bare(line: str) -> str:
    return line.lstrip(_BULLETS).rstrip(_ENDS)


@lru_cache(maxsize=4)
def _compiled(table: str) -> re.Pattern[str]:
    rows = "|".join(f"(?:{row})" for row in table.strip().split("\n") if row)
    while re.search(r"(?<!\?)<\w+>", rows):
        rows = re.sub(r"<(\w+)>", lambda match: _WORDS[match[1]], rows)
    return re.compile(rows, re.IGNORECASE)
