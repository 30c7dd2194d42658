"""Answers, passages and articles for the page: markup that holds nothing but our own elements, or plain data.

The chat takes markup, which gradio reads as Markdown and HTML: every text passes ``escape`` on its way there. Sources and
articles travel as plain data and are drawn by the page's scripts with ``textContent``; nothing is escaped for them.
"""

from __future__ import annotations

import re
from calendar import month_name
from collections.abc import Iterable
from typing import Any

from rag.types import Answer, Citation, Document, Header, Hit, Sentence
from rag.web.conversation import Conversation, Turn

MAX_MORE = 20
"""How many passages beyond the cited ones are shown."""
MAX_ARTICLE = 200_000
"""How many characters of an article are shown, around the sentence that is looked for; a browser draws more only slowly."""
MAX_LISTED = 500
MAX_TITLE = 200

# A numeric reference is never Markdown, HTML, an address that becomes a link, or a formula: every ASCII mark becomes one.
_MARKS = re.compile(r"[!-/:-@\[-`{-~]")
_INVISIBLE = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def escape(text: str) -> str:
    """A text for the chat that shows letter for letter and does nothing; line breaks become spaces.

    >>> escape("<b>1 * 2</b>")
    '&#60;b&#62;1 &#42; 2&#60;&#47;b&#62;'
    >>> escape("www.example.org")
    'www&#46;example&#46;org'
    """
    text = " ".join(_INVISIBLE.sub("", text).split())
    return _MARKS.sub(lambda mark: f"&#{ord(mark[0])};", text)


def messages(conversation: Conversation) -> list[dict[str, str]]:
    """The conversation as the chat shows it: two messages a turn."""
    shown: list[dict[str, str]] = []
    for turn in conversation:
        question = f'<div class="question"><span class="spoken">You asked: </span>{escape(turn.question)}</div>'
        shown.append({"role": "user", "content": question})
        shown.append({"role": "assistant", "content": answer_markup(turn)})
    return shown


def answer_markup(turn: Turn) -> str:
    """A turn's answer as markup: paragraphs with a link after each sentence, then how it came out.

    The links point to ``#s-<turn>-<number>``, the source's card, and ``#s-<turn>``, the turn's sources.
    """
    answer = turn.answer
    parts: list[str] = []
    if answer is not None and answer.refused:
        parts.append(f'<p class="refusal">{escape(answer.text)}</p>')
    elif answer is not None and answer.sentences:
        parts += [_paragraph(sentences, turn.number) for sentences in _paragraphs(answer)]
    elif answer is not None and answer.text:
        parts.append(f"<p>{escape(answer.text)}</p>")
    if answer is not None and answer.notice:
        parts.append(f'<p class="note">{escape(answer.notice)}</p>')
    if turn.status in ("waiting", "answering"):
        parts.append(f'<p class="working">{escape(turn.note or "Searching the articles…")}</p>')
    if turn.status == "stopped":
        parts.append('<p class="note">Stopped&#46;</p>')
    if turn.status == "failed":
        parts.append(f'<p class="failure">{escape(turn.note)}</p>')
    if answer is not None and turn.status in ("done", "stopped"):
        parts.append(_sources_link(answer, turn.number))
    return f'<div class="answer"><span class="spoken">Answer: </span>{"".join(parts)}</div>'


def _paragraphs(answer: Answer) -> list[list[Sentence]]:
    """The sentences, grouped where the answer's text has a line break between two of them."""
    paragraphs: list[list[Sentence]] = [[]]
    position = 0
    for sentence in answer.sentences:
        found = answer.text.find(sentence.text, position)
        if found >= 0:
            if paragraphs[-1] and "\n" in answer.text[position:found]:
                paragraphs.append([])
            position = found + len(sentence.text)
        paragraphs[-1].append(sentence)
    return paragraphs


def _paragraph(sentences: Iterable[Sentence], turn: int) -> str:
    return f"<p>{' '.join(_sentence(sentence, turn) for sentence in sentences)}</p>"


def _sentence(sentence: Sentence, turn: int) -> str:
    links = "".join(_link(citation, turn) for citation in sentence.citations)
    if not sentence.supported:
        return f'<span class="unsupported" title="No passage carries this sentence">{escape(sentence.text)}</span>'
    # The last word and its number stay on one line: a number alone at the start of a line belongs to nothing.
    start, _, last = escape(sentence.text).rpartition(" ")
    return f'{start} <span class="together">{last}{links}</span>'.strip()


def _link(citation: Citation, turn: int) -> str:
    number = int(citation.number)
    where = escape(_title(citation.hit.document) + " · " + byline(citation.hit.document)).strip(" ·")
    return f'<a class="cite" href="#s-{turn}-{number}" title="{where}"><span class="spoken">Source </span>{number}</a>'


def _sources_link(answer: Answer, turn: int) -> str:
    count = len(answer.citations)
    if count:
        text = f"{count} source{'s' * (count > 1)}"
    elif answer.hits:
        text = "Nearest passages"
    else:
        return ""
    return f'<p class="sources-link"><a href="#s-{turn}">{text}</a></p>'


def panel(conversation: Conversation) -> dict[str, Any]:
    """All turns' sources as plain data, keys as strings (gradio sends no others); ``current`` is the one to show."""
    turns = {str(turn.number): turn_data(turn) for turn in conversation if turn.answer is not None}
    return {"turns": turns, "current": max(turns, key=int, default="")}


def turn_data(turn: Turn) -> dict[str, Any]:
    """One turn's sources: ``cards`` for what is cited, ``more`` for the passages that were found besides."""
    answer = turn.answer or Answer(question=turn.question)
    cited = {citation.hit.passage.id for citation in answer.citations}
    others = [hit for hit in answer.hits if hit.passage.id not in cited][:MAX_MORE]
    return {
        "question": turn.question,
        "refused": answer.refused,
        "complete": turn.status not in ("waiting", "answering"),
        "cards": [_citation_card(citation, turn.number) for citation in answer.citations],
        "more": [_hit_card(hit) for hit in others],
    }


def _citation_card(citation: Citation, turn: int) -> dict[str, Any]:
    passage = citation.hit.passage
    start, end = citation.start - passage.start, citation.end - passage.start
    return {
        **_header(citation.hit.document),
        "id": f"s-{turn}-{citation.number}",
        "number": citation.number,
        "before": passage.text[:start],
        "quote": citation.quote,
        "after": passage.text[end:],
        "start": citation.start,
        "end": citation.end,
    }


def _hit_card(hit: Hit) -> dict[str, Any]:
    passage = hit.passage
    return {
        **_header(hit.document),
        "number": 0,
        "before": passage.text,
        "quote": "",
        "after": "",
        "start": passage.start,
        "end": passage.end,
    }


def _header(document: Header) -> dict[str, Any]:
    return {
        "article": document.id,
        "title": _title(document),
        "byline": byline(document),
        "language": document.language,
    }


def _title(document: Header) -> str:
    """The article's title, the name of its file where it has none; never longer than a title can be."""
    title = " ".join(_INVISIBLE.sub("", document.title or document.id).split())
    return title if len(title) <= MAX_TITLE else title[: MAX_TITLE - 1] + "…"


def byline(document: Header) -> str:
    """Outlet, date and authors in one line, as far as they are known.

    >>> byline(Header(id="a.md", outlet="Courier", published="2019-06", authors=("Ada Brook", "Li Moss")))
    'Courier · June 2019 · Ada Brook, Li Moss'
    """
    parts = (document.outlet, spoken_date(document.published), ", ".join(document.authors))
    return " · ".join(" ".join(_INVISIBLE.sub("", part).split()) for part in parts if part.strip())


def spoken_date(published: str) -> str:
    """A date as a newspaper prints it, as exact as it is known.

    >>> [spoken_date(each) for each in ("2031-03-04", "2031-03", "2031", "")]
    ['4 March 2031', 'March 2031', '2031', '']
    """
    found = re.fullmatch(r"(\d{4})(?:-(0[1-9]|1[0-2]))?(?:-(\d\d))?", published)
    if found is None:
        return published
    year, month, day = found.groups()
    return " ".join(part for part in (day and str(int(day)), month and month_name[int(month)], year) if part)


def article_data(document: Document, start: int = 0, end: int = 0) -> dict[str, Any]:
    """A whole article as plain data: paragraphs of pieces, of which the one from ``start`` to ``end`` is marked.

    Spans count characters, browsers count otherwise: that is why the pieces are cut here. An article that is too long
    for a page is shown around the marked piece, and ``cut`` says so.

    >>> data = article_data(Document(id="a.md", text="It rained. It snowed.\\n\\nThen sun."), 11, 21)
    >>> data["paragraphs"]
    [[['It rained. ', False], ['It snowed.', True]], [['Then sun.', False]]]
    """
    text = document.text
    start = max(0, min(start, len(text)))
    end = max(start, min(end, len(text)))
    first = max(0, start - MAX_ARTICLE // 2) if len(text) > MAX_ARTICLE else 0
    last = min(len(text), first + MAX_ARTICLE)
    blocks = re.compile(r"\S(?:(?!\n[^\S\n]*\n)[\s\S])*").finditer(text, first, last)
    return {
        **_header(document),
        "source": document.source,
        "paragraphs": [_pieces(text, block.start(), block.end(), start, end) for block in blocks],
        "cut": last - first < len(text),
    }


def _pieces(text: str, first: int, last: int, start: int, end: int) -> list[list[Any]]:
    """The paragraph from ``first`` to ``last`` in up to three pieces: before, in and after the marked span."""
    start, end = min(max(start, first), last), min(max(end, first), last)
    pieces = ((text[first:start], False), (text[start:end], True), (text[end:last], False))
    return [[piece, marked] for piece, marked in pieces if piece]


def articles_data(documents: Iterable[Header]) -> dict[str, Any]:
    """The list of articles as plain data, newest first, then by title; a very long one is cut, ``total`` counts all."""
    listed = sorted(documents, key=lambda document: _title(document).casefold())
    listed.sort(key=lambda document: document.published, reverse=True)
    return {"articles": [_header(document) for document in listed[:MAX_LISTED]], "total": len(listed)}
