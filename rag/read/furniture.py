"""Lines of a saved page that are not the article: buttons, appeals, comment forms, page numbers.

A line goes only where it matches the tables below. When unsure, it stays: a stray line costs little, a lost sentence is a
lost fact. That is why captions and credits stay, and why a line that begins with a quotation mark is never touched.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from rag.read.lines import ends_sentence, is_prose

MOST_WORDS = 40
"""Longer lines are never furniture."""

_SITES = (
    r"(?:facebook|twitter|x|telegram|whatsapp|instagram|youtube|linkedin|reddit|pinterest|vk|vkontakte|ok|odnoklassniki|viber|"
    r"rss|threads|tiktok|e-?mail|messenger|flipboard|google\+?|фейсбуке?|твиттере?|телеграме?|вконтакте|одноклассники|инстаграме?)"
)
_SITE_LIST = rf"{_SITES}(?:(?:\s*[,/|·•&]\s*|\s+(?:and|or|и|и в)\s+|\s+){_SITES})*"

# The whole line, apart from bullets and end punctuation.
_LINES = r"""
<sites>
(?:share|tweet|pin|post|like|forward|print|save|copy|listen|watch|follow|comment)(?: (?:this|it|on|via|to|link|by|url))*(?: (?:article|story|post|page|news))?(?: (?:on|via|by) <sites>)?
(?:click to )?(?:share|email|print|tweet)(?: (?:on|this|via|to))? (?:<sites>|a friend|with a friend|link to a friend)(?: \(opens in new window\))?
(?:\d+ )?(?:comments?|replies|shares|likes|views|retweets)(?: \(?\d+\)?)?
no comments(?: yet)?
(?:add|post|leave|write|view|show|read)(?: (?:a|all|your))? (?:comments?|reply|replies|response)
be the first to comment.*
(?:cancel|click here to cancel) reply
log ?in|sign ?in|sign ?up|log ?out|register|my account|create (?:an )?account|subscribe(?: now| today| here)?|newsletters?|unsubscribe
menu|main menu|navigation|toggle navigation|search|search for|home|close|open|back|back to top|top|go to top|scroll to top|skip to (?:main )?content|skip to navigation
about(?: us)?|contacts?(?: us)?|advertise(?: with us)?|careers|jobs|privacy(?: policy)?|terms(?: (?:of|and) (?:use|service|conditions))?|cookie (?:policy|settings)|sitemap|help|faqs?|imprint|disclaimer
advertisements?|advertising|ad|ads|sponsored(?: content)?|promoted|paid content|story continues below.*|article continues (?:below|after).*
loading(?: comments)?|continue reading(?: .{1,30})?|you are (?:here|at|signed in as):?|read later|more stories like this(?: one)?|please wait|play|pause|mute|fullscreen|embed|download|view gallery|image gallery|photo gallery|slideshow
(?:previous|next|prev|older|newer)(?: (?:article|post|story|page|entry|posts))?
(?:recent|latest|featured|related|popular|trending|recommended|top|more|other|most (?:read|popular|viewed|shared|recent|commented)|editors?['’]s?(?: picks?| choice)?)(?: (?:articles?|stories|story|posts?|news|features?|content|topics|now|from .{1,30}|on this (?:topic|subject)|in .{1,30}))?
see also|read also|also read|read more|read next|read on|learn more|show more|load more|view more|you may also like|you might also like|more (?:on|about) this(?: story)?|up next|don['’]t miss
tags?|topics?|categories|category|filed under|in this article
website|name|email|url|name \*|email \*|comment \*|submit|send|cancel|post comment|required
spelling error report|report (?:a|an) (?:error|mistake|typo)|send (?:a )?correction
(?:(?:image|photo|slide|picture) )?\d+\s*(?:/|of|из|von)\s*\d+|page \d+(?: of \d+)?|страница \d+(?: из \d+)?
\d+ min(?:ute)?s? (?:read|listen)|reading time:? .{1,20}|время (?:чтения|на чтение):? .{1,20}
поделиться|поделитесь|поделись|твитнуть|отправить|печать|распечатать|скопировать ссылку|сохранить|слушать|смотреть
(?:комментари[йия]|комментариев|просмотр(?:ы|ов)?|ответ(?:ы|ов)?)(?: \(?\d+\)?)?|\d+ (?:комментари[йия]|комментариев|просмотр(?:а|ов)?)|нет комментариев
(?:оставить|добавить|написать|читать|показать|все)(?: все)? (?:комментари[йи]|ответ)
войти|вход|регистрация|зарегистрироваться|выйти|подписаться|подписка|меню|поиск|найти|главная|на главную|закрыть|наверх|вверх|назад|далее|вперёд|вперед
о нас|о проекте|о сайте|контакты|реклама|рекламодателям|редакция|политика конфиденциальности|пользовательское соглашение|карта сайта
(?:читайте|смотрите|слушайте) также|читать далее|читать ещё|читать еще|подробнее|показать ещё|показать еще|загрузить ещё|ещё по теме|еще по теме|по теме|материалы по теме|похожие (?:новости|статьи|материалы)|другие новости
(?:последние|главные|популярные|лента|свежие) (?:новости|новостей|статьи|материалы|публикации)|самое (?:читаемое|популярное|обсуждаемое)|рекомендуем
теги|тэги|метки|рубрики|рубрика|темы
сообщить об (?:ошибке|опечатке)|нашли ошибку\?*
поділитися|надрукувати|коментарі|читайте також|увійти|бөлісу|пікір қалдыру|пікірлер|тағы оқыңыз
teilen|drucken|kommentare?|kommentar schreiben|anmelden|mehr zum thema|lesen sie auch|werbung|anzeige|nach oben
"""

# How the line begins; the rest of it may say anything.
_BEGINNINGS = r"""
share (?:this (?:article|story|post|page|news|via|on|with)|on|via)\b.{0,40}$
(?:tags?|topics|filed under|categories|keywords|теги|тэги|метки|ключевые слова|рубрика):\s
(?:read|see|watch|listen)(?: also| more| next):\s|read:\s|(?:also read|related|more|recommended|editors?['’] note on cookies):\s|(?:читайте|смотрите|слушайте)(?: также| ещё| еще)?:\s|по теме:\s|читайте також:\s|lesen sie auch:?\s
(?:your|ваш) (?:email|e-mail|электронный) (?:address|адрес)?.{0,30}(?:will not be|won['’]t be|не будет) (?:published|опубликован)
(?:ваш )?(?:адрес )?(?:e-?mail|email|электронной почты).{0,20}не будет опубликован|обязательные поля помечены|ваша e-?mail.{0,30}не оприлюднюватиметься
required fields are marked|fields marked with|save my name|notify me of|type your comment|you must be logged in|log in to (?:leave|post|reply)|this site uses akismet
donate (?:via|now|today|here|to <us>|through|with|by)\b.{0,60}$
(?:please )?(?:make|consider making|send) a (?:one-off |monthly |regular |small )?(?:donation|contribution)\b
please (?:donate|consider (?:donating|supporting|subscribing|becoming)|support (?:<us>|our)|become a|help <us>|subscribe|share this|follow <us>|like <us>)\b
(?:become|be) (?:a|our) (?:patron|member|supporter|subscriber|sponsor|friend of)\b
(?:support|help) (?:<us>|our (?:work|site|website|journalism|journalists|team|project|newsroom|mission)|independent (?:journalism|media)|the site|this site)\b
(?:special |urgent )?(?:financial|fundraising|donation) appeal\b
(?:liked|enjoyed|did you (?:like|enjoy)|do you like|like|enjoying) (?:this|what you|our|reading)\b.{0,120}(?:support|subscribe|patron|donat|share|follow|newsletter|consider|\?$)
subscribe (?:to|for) (?:our|the|this|us|get|receive|.{1,30}newsletter|.{1,30}channel)\b|sign up (?:(?:for|to) (?:our|the newsletter)|here|now|today)\b|get (?:our|the) .{0,40}(?:newsletter|in your inbox)
follow (?:<us>|our|me)\b|(?:like|find|join|visit) <us> (?:on (?:our|<sites>)|at)\b|join (?:our|the) (?:telegram|whatsapp|facebook|newsletter|mailing|channel|conversation|discussion)\b|download (?:our|the) app\b
click (?:here|the|below|on) .{0,60}(?:to |link|button)
we use cookies|this (?:web)?site uses cookies|by (?:continuing|using|clicking).{0,60}(?:cookies|you agree|you accept|consent)|accept (?:all )?cookies|мы используем (?:файлы )?cookie
(?:if you(?:['’]ve| have)? (?:found|find|notice|noticed|spot|spotted|see)|found|spotted|noticed) an? (?:spelling |factual )?(?:error|mistake|typo)\b
the following text will be sent to
please (?:make|use|put|include|provide) (?:an? )?(?:active|direct|hyper) ?links?\b|when (?:using|reprinting|quoting|republishing) (?:the |our )?materials?\b.{0,60}(?:link|source|site)
(?:©|\(c\)|copyright\b).{0,80}all rights reserved|all rights reserved\b|все права защищены
this article is more than \d+ years? old|(?:last )?updated:?\s*$
read (?:this|the) (?:article|story|post|text|material|piece|report)? ?in (?:russian|english|kazakh|ukrainian|german|french|spanish|uzbek|kyrgyz|arabic|chinese|turkish)|(?:this (?:article|story|text) is )?also available in\b
читайте? (?:этот|эту|данный|данную|материал|статью|текст|новость|на)\b.{0,30}(?:русском|казахском|английском|украинском|кыргызском|узбекском)
осы мақала.{0,30}(?:оқыңыз|оқу)|мақаланы .{0,20}тілінде оқ|бұл мақала.{0,30}оқыңыз
(?:поделиться|поделитесь|поделись)\b.{0,40}$|отправить (?:другу|ссылку)\b
подписывайтесь на\b|подпишитесь на\b|подпишись на\b|следите за (?:нами|нашими|новостями)|присоединяйтесь к нам|читайте нас\b|мы в (?:telegram|телеграм|facebook|instagram|соцсетях|социальных)\b
поддержите (?:нас|редакцию|наш|нашу|нас!|независим|проект|журналист)|поддержать (?:нас|редакцию|проект)\b|стань(?:те)? (?:нашим )?(?:патроном|спонсором|подписчиком)
если вы (?:нашли|заметили|обнаружили|увидели) (?:ошибку|опечатку)|(?:нашли|заметили|обнаружили|увидели) (?:ошибку|опечатку)\b|выделите (?:её|ее|текст|ошибку|фрагмент).{0,60}ctrl
при (?:использовании|перепечатке|копировании|цитировании) материалов\b
якщо ви (?:знайшли|помітили) помилку|підписуйтесь на|підтримайте (?:нас|редакцію)|бізге жазылыңыз|қате тапсаңыз
"""
_NO_WORDS = re.compile(r"[\W_]+")
_BULLETS = " •·▪►▶»›>|*–—→+#-"
_ENDS = " .:!…»›>|→"
_QUOTED = ("“", "”", '"', "«", "‘", "„", "'")


def is_furniture(line: str) -> bool:
    """Whether a line belongs to the page and not to the article.

    >>> [is_furniture(line) for line in ("Share on Facebook", "1 / 1", "Leave a Reply", "Share prices fell on Monday.")]
    [True, True, True, False]
    """
    line = line.strip()
    if _NO_WORDS.fullmatch(line):
        return True
    if line.startswith(_QUOTED) or line.count(" ") >= MOST_WORDS:
        return False
    lines, beginnings = _tables()
    bare = _bare(line.lower() if line.isupper() else line)
    return bool(lines.fullmatch(bare) or beginnings.match(bare))


def is_heading_of_links(line: str) -> bool:
    """Whether a line announces links to other articles ("Related stories")."""
    return bool(_announcements().fullmatch(_bare(line)))


def _bare(line: str) -> str:
    return line.lstrip(_BULLETS).rstrip(_ENDS)


def clean_paragraphs(lines: Sequence[str], used: frozenset[int] = frozenset()) -> list[str]:
    """The paragraphs of the article alone: without furniture, and without the places in ``used``.

    Below the last prose, what follows an announcement of links goes as well, as far as it does not end like a sentence.
    """
    last_prose = max((place for place, line in enumerate(lines) if is_prose(line)), default=-1)
    kept: list[str] = []
    links = False
    for place, line in enumerate(lines):
        links = links or (place > last_prose and is_heading_of_links(line))
        if place in used or is_furniture(line) or (links and not ends_sentence(line)) or (kept and kept[-1] == line):
            continue
        kept.append(line)
    return kept or list(lines)


@lru_cache(maxsize=1)
def _tables() -> tuple[re.Pattern[str], re.Pattern[str]]:
    return _compiled(_LINES), _compiled(_BEGINNINGS)


def _compiled(table: str) -> re.Pattern[str]:
    rows = "|".join(f"(?:{row})" for row in table.strip().split("\n"))
    # "Follow us" is an appeal, "Follow US lead" a headline.
    return re.compile(rows.replace("<sites>", _SITE_LIST).replace("<us>", "(?-i:[Uu]s)"), re.IGNORECASE)


@lru_cache(maxsize=1)
def _announcements() -> re.Pattern[str]:
    return re.compile(
        r"(?:related|recommended|popular|latest|recent|trending|more|most (?:read|popular|viewed))(?: (?:articles?|stories|posts?|news|"
        r"features?))|(?:see|read) also|also read|read next|you (?:may|might) also like|(?:читайте|смотрите) также|"
        r"(?:ещё |еще )?по теме|материалы по теме|похожие (?:новости|статьи|материалы)|последние новости|читайте також|"
        r"mehr zum thema|lesen sie auch",
        re.IGNORECASE,
    )
