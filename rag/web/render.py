"""Answers, passages and articles for the page: markup that holds nothing but our own elements, or plain data.

The chat takes markup, which gradio reads as Markdown and HTML: every text passes ``escape`` on its way there. Sources and
articles travel as plain data and are drawn by the page's scripts with ``textContent``; nothing is escaped for them.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from rag.chat.model_names import EXTRACTIVE
from rag.export.conversation import Conversation, Turn
from rag.export.paragraphs import Block, Piece, also, blocks, byline, cited_byline, pieces, place_text
from rag.text.one_line import shortened
from rag.types import DOUBTED, DOUBTS, PLACES, Answer, Citation, Document, Header, Hit, Locator, Sentence, locate
from rag.web.inspector import search_data, why_data
from rag.web.language import phrase, speaking, told
from rag.web.narrow import labels
from rag.web.place import NOWHERE, Place, check_of
from rag.web.security import FILES

SAVED_AS = {
    "markdown": "Markdown",
    "html": "HTML",
    "docx": "Word",
    "json": "JSON",
    "bibtex": "BibTeX",
    "ris": "RIS",
    "csl": "CSL",
}
"""The formats that answers and conversations are saved in, as they are called."""
MAX_MORE = 20
"""How many passages beyond the cited ones are shown."""
MAX_ARTICLE = 200_000
"""How many characters of an article are shown, around the sentence that is looked for; a browser draws more only slowly."""
LEFT = "the page was closed"
"""The note of a question that nobody waited for."""
MAX_TITLE = 200
MAX_LABEL = 60
LONGEST_TOGETHER = 30
"""How long a last word may be to stay on one line with its number; a longer one must be allowed to break."""

# A numeric reference is never Markdown, HTML, an address that becomes a link, or a formula: every ASCII mark becomes one.
_MARKS = re.compile(r"[!-/:-@\[-`{-~]")
# A browser takes ten seconds to break a word of 60,000 letters that nobody has told it where to break.
_UNBROKEN = re.compile(r"\S{80}(?=\S)")
_INVISIBLE = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def escape(text: str) -> str:
    """Return a text for the chat that shows letter for letter and does nothing. Line breaks become spaces.

    >>> escape("<b>1 * 2</b>")
    '&#60;b&#62;1 &#42; 2&#60;&#47;b&#62;'
    >>> escape("www.example.org")
    'www&#46;example&#46;org'
    """
    return _piece(text).strip()


def _piece(text: str) -> str:
    """As ``escape``, with a space kept at either end: pieces of a sentence are put together again."""
    text = re.sub(r"\s+", " ", _INVISIBLE.sub("", text))
    text = _MARKS.sub(lambda mark: f"&#{ord(mark[0])};", _UNBROKEN.sub("\\g<0>\x00", text))
    return text.replace("\x00", "<wbr>")


def facts(rows: Iterable[tuple[str, str]]) -> str:
    """Draw terms, each with what is known of it.

    >>> facts([("Built", "today")])
    '<dl class="facts"><dt>Built</dt><dd>today</dd></dl>'
    """
    drawn = (f"<dt>{escape(term)}</dt><dd>{escape(known)}</dd>" for term, known in rows)
    return f'<dl class="facts">{"".join(drawn)}</dl>'


def messages(conversation: Conversation, language: str = "en") -> list[dict[str, str]]:
    """Draw a conversation for the chat. Two messages a turn, each with its buttons, ``act-<turn>-<name>`` by id."""
    drawn = []
    with speaking(language):
        for turn in conversation:
            last = turn is conversation[-1]
            question = f'<div class="question">{_aloud(phrase("You asked:"))}{escape(turn.question)}</div>'
            drawn.append({"role": "user", "content": question})
            drawn.append({"role": "assistant", "content": answer_markup(turn, last=last) + _acts(turn, last)})
    return drawn


def _aloud(text: str) -> str:
    """Mark text that only a screen reader says."""
    return f'<span class="spoken">{text} </span>'


def _acts(turn: Turn, last: bool) -> str:
    """Draw the line of tools under an answer that has ended. Under a refusal only what asks again."""
    if not turn.ended:
        return ""
    retry = _act(turn, "retry", phrase("Retry"), phrase("Answer this question again"))
    edit = _act(turn, "edit", phrase("Edit"), phrase("Change this question and ask it again"))
    if turn.answer is None or turn.answer.state == "none":
        return f'<div class="acts plain">{retry} {edit}</div>' if last else ""
    wrong = (
        _act(turn, "wrong", phrase("Wrong"), phrase("The answer is wrong")),
        _act(turn, "wrong-citation", phrase("Wrong citation"), phrase("A quote does not carry its sentence")),
        _act(turn, "missing-source", phrase("Missing source"), phrase("An article that says more is missing")),
    )
    verdicts = (
        _act(turn, "right", phrase("Right"), phrase("The answer is right"), "up"),
        _menu("down", phrase("What is wrong?"), wrong),
    )
    saved = [
        _act(turn, f"save-{kind}", title, phrase("Save as {name}", name=title)) for kind, title in SAVED_AS.items()
    ]
    delete = phrase("Remove this answer; its question returns to the box")
    more = [
        *([retry, edit, _act(turn, "delete", phrase("Delete"), delete)] if last else []),
        _act(turn, "copy-markdown", phrase("Copy as Markdown"), phrase("Copy the answer with its sources as Markdown")),
        f'<div class="saves">{phrase("Save as")} {"".join(saved)}</div>',
    ]
    parts = (
        *(() if turn.answer.refused else verdicts),
        _act(turn, "copy", phrase("Copy"), phrase("Copy the answer with its sources as plain text"), "copy"),
        _menu("more", phrase("More"), more),
    )
    return f'<div class="acts">{_aloud(phrase("This answer:"))}{" ".join(parts)}</div>'


def _act(turn: Turn, name: str, text: str, about: str, icon: str = "") -> str:
    shown = f'<span class="icon icon-{icon}"></span>{_aloud(text)}' if icon else text
    return f'<button class="act" id="act-{turn.number}-{name}" title="{about}">{shown}</button>'


def _menu(icon: str, text: str, choices: Iterable[str]) -> str:
    summary = f'<summary class="act" title="{text}"><span class="icon icon-{icon}"></span>{_aloud(text)}</summary>'
    return f'<details class="menu">{summary}<div class="choices">{"".join(choices)}</div></details>'


def answer_markup(turn: Turn, last: bool = False) -> str:
    """Draw a turn's answer as markup. What was understood, paragraphs and lists with links, how it came out.

    The links point to ``#s-<turn>-<place>``, the quote of that place among the citations, and ``#s-<turn>``, the turn's
    sources. In the ``last`` turn what was understood are buttons, ``chip-<turn>-<place>`` by id, once nothing more is coming.
    """
    answer = turn.answer
    parts = []
    if turn.scope:
        names = " ".join(
            f'<span class="chip">{escape(shortened(each, MAX_LABEL))}</span>' for each in labels(turn.scope)
        )
        parts.append(f'<p class="understood narrowed">{phrase("Only in:")} {names}</p>')
    if answer is not None and answer.searched:  # a follow-up that had to be completed first
        completed = f'<span class="completed">{escape(answer.searched)}</span>'
        parts.append(f'<p class="searched">{phrase("Searched for:")} {completed}</p>')
    parts += _chips(turn, last and turn.ended)
    if answer is not None:
        parts += [*_body(answer, turn.number), *_notices(answer, turn)]
    if not turn.ended:
        parts.append(f'<p class="working">{escape(told(turn.note) or _doing(answer))}</p>')
    if turn.status == "stopped":
        left = turn.note == LEFT
        why = phrase("Stopped: the page was closed before an answer came." if left else "Stopped.")
        parts.append(f'<p class="note">{escape(why)}</p>')
    if turn.status == "done" and turn.note:
        parts.append(f'<p class="note notice">{escape(told(turn.note))}</p>')
    if turn.status == "failed":
        parts.append(f'<p class="failure">{escape(told(turn.note))}</p>')
    if answer is not None and turn.status in ("done", "stopped"):
        parts.append(_colophon(answer, turn.number))
    return f'<div class="answer">{_aloud(phrase("Answer:"))}{"".join(parts)}</div>'


def _doing(answer: Answer | None) -> str:
    """Return what the page is doing, until there is something to read."""
    if answer is None or not answer.hits or answer.model == EXTRACTIVE:
        return phrase("Searching the articles…")
    if answer.sentences:
        return phrase("Writing…")
    return phrase("{model} is reading the passages…", model=answer.model)


def _chips(turn: Turn, pressable: bool) -> list[str]:
    """Return what was understood of the question, each to be removed and brought back."""
    chips = [
        _chip(label, label in turn.ignored, f"chip-{turn.number}-{place}" if pressable else "")
        for place, label in enumerate(turn.labels)
    ]
    about = _aloud(phrase("The question names:"))
    return [f'<p class="understood">{about}{" ".join(chips)}</p>'] if chips else []


def _chip(label: str, ignored: bool, id: str) -> str:
    # Its cross and plus are the style sheet's: a button's name is what stands in it, "Remove Courier".
    name = f'<span class="chip-name">{escape(shortened(label, MAX_LABEL))}</span>'
    name = f"<s>{name}</s> ({phrase('ignored')})" if ignored else name
    kind = "chip ignored" if ignored else "chip"
    if not id:
        return f'<span class="{kind}">{name}</span>'
    if ignored:
        verb, about = phrase("Bring back"), phrase("Ask again with it")
    else:
        verb, about = phrase("Remove"), phrase("Ask again without it")
    return f'<button class="{kind}" id="{id}" title="{about}">{_aloud(verb)}{name}</button>'


def _body(answer: Answer, turn: int) -> list[str]:
    if answer.state == "none":
        return [f'<p class="refusal">{escape(told(answer.text))}</p>']
    targets = {citation: f"#s-{turn}" for sentence in answer.sentences for citation in sentence.citations}
    targets |= {citation: f"#s-{turn}-{place}" for place, citation in enumerate(answer.citations, 1)}
    drawn = [_block(block, targets) for block in blocks(answer)]
    if drawn and answer.state == "closest":
        return ['<div class="closest">', *drawn, "</div>"]
    return drawn or [f"<p>{escape(answer.text)}</p>"] * bool(answer.text.strip())


def _notices(answer: Answer, turn: Turn) -> list[str]:
    """Return what the reader should know. What a mark means, that the answer is cut, how it came about."""
    notices = []
    finished = turn.status in ("done", "stopped")
    if finished and not answer.refused and any(each.supported and each.unverified for each in answer.sentences):
        notices.append(
            f'<p class="note"><span class="unverified end">{phrase("Words marked like this")}</span> '
            f"{phrase('stand in no quote, or the quote says something else')}</p>"
        )
    cut = turn.status == "done" and not answer.complete
    if cut or answer.notice:
        text = told(answer.notice) or phrase("The answer is cut; ask again for the rest.")
        notices.append(f'<p class="note {"cut" if cut else "notice"}">{escape(text)}</p>')
    return notices


def _block(block: Block, targets: Mapping[Citation, str]) -> str:
    items = [" ".join(_sentence(sentence, targets) for sentence in item) for item in block.items]
    label = f'<p class="label">{escape(block.label)}</p>' if block.label else ""
    if block.kind == "p":
        return f"{label}<p>{items[0]}</p>"
    start = f' start="{block.start}"' if block.start != 1 else ""
    return f"{label}<{block.kind}{start}>{''.join(f'<li>{item}</li>' for item in items)}</{block.kind}>"


def _sentence(sentence: Sentence, targets: Mapping[Citation, str]) -> str:
    context = escape(sentence.context)
    before = f'<span class="context">{_aloud(phrase("Context:"))}{context}</span> ' if context else ""
    return before + _cited(sentence, targets)


def _cited(sentence: Sentence, targets: Mapping[Citation, str]) -> str:
    """Return the sentence with its numbers, each once: it leads to the first of the article's quotes."""
    if not sentence.supported:
        about = phrase("No passage carries this sentence")
        mark = f'<span class="no-source">{phrase("no source")}</span>'
        return f'<span class="unsupported" title="{about}">{_text(sentence, 0, len(sentence.text))}</span> {mark}'
    first: dict[int, Citation] = {}
    for citation in sentence.citations:
        first.setdefault(citation.number, citation)
    source = _aloud(phrase("Source"))
    links = [f'<a class="cite" href="{targets[each]}">{source}{each.number}</a>' for each in first.values()]
    if sentence.repaired:
        links.insert(0, f' <span class="no-source">{phrase("quotation repaired")}</span>')
    end = len(sentence.text.rstrip())
    # The last word and its number stay on one line: a number alone at the start of a line belongs to nothing.
    cut = max((each.end() for each in re.finditer(r"\s+", sentence.text[:end])), default=0)
    if not links or end - cut > LONGEST_TOGETHER:
        return _text(sentence, 0, end) + "".join(links)
    last = f'<span class="together">{_text(sentence, cut, end)}{"".join(links[:3])}</span>'
    return _text(sentence, 0, cut) + last + "".join(links[3:])


def _text(sentence: Sentence, start: int, end: int) -> str:
    return "".join(map(_marked, pieces(sentence, start, end)))


def _marked(piece: Piece) -> str:
    text = _piece(piece.text)
    if piece.strong:
        text = f'<strong class="asked">{text}</strong>' if piece.asked else f"<strong>{text}</strong>"
    if not piece.doubt:
        return text
    about = phrase(DOUBTS.get(piece.doubt, DOUBTED))
    told_beside = piece.doubt in ("meaning", "attribution", "speaker", "order")
    said = "" if told_beside or not piece.ends else f'<span class="spoken"> &#40;{about}&#41;</span>'
    marked = f'<span class="unverified{" end" * piece.ends}" title="{about}">{text}{said}</span>'
    return f'{marked} <span class="no-source">{about}</span>' if told_beside and piece.ends else marked


def _colophon(answer: Answer, turn: int) -> str:
    """Return the way to the sources, and who wrote the answer where it was a chat model."""
    parts = []
    if answer.citations or answer.hits:
        text = _quotes(answer) if answer.citations else phrase("Nearest passages")
        parts.append(f'<a href="#s-{turn}">{text}</a>')
    if answer.sentences and not answer.refused and answer.model != EXTRACTIVE:
        parts.append(f'<span class="written">{escape(_written_by(answer))}</span>')
    return f'<p class="sources-link">{" ".join(parts)}</p>' if parts else ""


def _quotes(answer: Answer) -> str:
    quotes, articles = len(answer.citations), len({each.number for each in answer.citations})
    return " ".join(
        (
            phrase("{count} quote|{count} quotes", count=quotes),
            phrase("from {count} article|from {count} articles", count=articles),
        )
    )


def _written_by(answer: Answer) -> str:
    """Return who wrote an answer, and what our own check of its sentences came to."""
    counts = Counter(sentence.verdict for sentence in answer.sentences)
    if counts["repaired"] + counts["unverified"]:
        text = "Written by {model}; sentences verified: {verified}, repaired: {repaired}, unverified: {unverified}"
        return phrase(
            text,
            model=answer.model,
            verified=counts["verified"],
            repaired=counts["repaired"],
            unverified=counts["unverified"],
        )
    if answer.citations:
        return phrase("Written by {model}; every quote checked letter for letter", model=answer.model)
    return phrase("Written by {model}", model=answer.model)


def panel(conversation: Conversation, language: str = "en", newest: bool = False) -> dict[str, Any]:
    """Return the turns' sources as plain data, keys as strings (gradio sends no others); ``current`` is the one to
    show.

    Where only the ``newest`` turn's answer has changed the others are not sent again and again: the page has them, and
    ``whole`` is false.
    """
    answered = [turn for turn in conversation if turn.answer is not None]
    newest = newest and conversation[-1].answer is not None  # else it may have replaced another, which must go
    sent = [turn for turn in answered if not newest or turn is conversation[-1]]
    with speaking(language):
        turns = {str(turn.number): turn_data(turn) for turn in sent}
    return {"turns": turns, "whole": not newest, "current": str(answered[-1].number) if answered else ""}


def turn_data(turn: Turn) -> dict[str, Any]:
    """Return one turn's sources: ``cards`` for what is cited, ``more`` for the passages that were found besides."""
    answer = turn.answer or Answer(question=turn.question)
    cited = {citation.hit.passage.id for citation in answer.citations}
    others = [hit for hit in answer.hits if hit.passage.id not in cited][:MAX_MORE]
    return {
        "question": turn.question,
        "state": answer.state,
        "complete": turn.ended,
        "cards": [
            {**_card(citation.hit, citation), "id": f"s-{turn.number}-{place}"}
            for place, citation in enumerate(answer.citations, 1)
        ],
        "more": [_card(hit) for hit in others],
        "search": search_data(answer),
    }


def _card(hit: Hit, citation: Citation | None = None) -> dict[str, Any]:
    """Return a passage as plain data, with the quote of a citation."""
    passage = hit.passage
    start, end = (citation.start, citation.end) if citation else (passage.start, passage.end)
    quote = citation.quote if citation else ""
    return {
        **_header(hit.document),
        "byline": cited_byline(hit.document),
        "also": also(hit),
        "place": place_text(passage.places, start, end),
        "met": [] if citation else [shortened(label, MAX_LABEL) for label in hit.why.met],
        "why": why_data(hit),
        "number": citation.number if citation else 0,
        "before": passage.text[: start - passage.start] if citation else passage.text,
        "quote": quote,
        "after": passage.text[end - passage.start :],
        "start": start,
        "end": end,
        "check": check_of(quote or passage.text),
    }


def _header(document: Header) -> dict[str, Any]:
    return {
        "article": document.id,
        "title": shortened(document.title or document.id, MAX_TITLE),
        "byline": byline(document),
        "language": document.language,
    }


def article_data(document: Document, asked: Place = NOWHERE, others: Iterable[Place] = ()) -> dict[str, Any]:
    """Return a whole article as plain data. Paragraphs of pieces, those at the ``asked`` place and at ``others``
    marked.

    Places count characters, browsers count otherwise: that is why the pieces are cut here. A marked piece has its mark's
    number, from 1 in the order of the text, places that overlap being one; ``at`` is that of the piece where the asked one
    begins, ``links`` lead to each. ``gone`` counts places whose text stands in the article no more. An article that is too
    long for a page is shown
    around the asked place, and ``cut`` says so.

    >>> data = article_data(Document(id="a.md", text="It rained. It snowed.\\n\\nThen sun."), Place(11, 21))
    >>> data["paragraphs"]
    [[['It rained. ', 0], ['It snowed.', 1]], [['Then sun.', 0]]]
    """
    text = document.text
    found = [each.within(text) for each in (asked, *others)]
    start, end = found[0] or (min(max(0, asked.start), len(text)),) * 2
    first = max(0, start - MAX_ARTICLE // 2) if len(text) > MAX_ARTICLE else 0
    last = min(len(text), first + MAX_ARTICLE)
    blocks = list(re.compile(r"\S(?:(?!\n[^\S\n]*\n)[\s\S])*").finditer(text, first, last))
    marks = _merged(filter(None, found), first, last)
    return {
        **_header(document),
        "source": document.source,
        "paragraphs": [_pieces(text, block.start(), block.end(), marks) for block in blocks],
        "places": _beginning(document.places, blocks),
        "at": next((number for number, (begin, stop) in enumerate(marks, 1) if begin <= start < min(stop, end)), 0),
        "gone": found.count(None),
        "cut": last - first < len(text),
        **_ways_to(document, start, end),
        "links": [_ways_to(document, *each) for each in marks],
    }


def _beginning(places: Sequence[Locator], blocks: Sequence[re.Match[str]]) -> list[str]:
    """Return what stands beside each paragraph: the page, slide or row that begins in it. Other places are headings in
    the text.
    """
    beside = ["" for _ in blocks]
    ends = [block.end() for block in blocks]
    for each in places:
        at = bisect_right(ends, each.start)
        if each.kind in ("page", "slide", "row") and at < len(blocks):
            beside[at] = phrase(PLACES[each.kind][0], first=shortened(each.name, MAX_LABEL))
    return beside


def _ways_to(document: Document, start: int, end: int) -> dict[str, str]:
    """Return the query that opens an article at a place, unless that is empty, and the address of its file."""
    place = {"start": start, "end": end, "check": check_of(document.text[start:end])} if start < end else {}
    link = f"?{urlencode({'article': document.id, **place}, safe='/')}"
    return {"link": link, "file": _file_of(document, start, end)}


def _file_of(document: Document, start: int, end: int) -> str:
    """Return the address of the article's file. Of a PDF its page where a place in it is asked for."""
    pages = [first for kind, first, _ in locate(document.places, start, end) if kind == "page" and start < end]
    return f"{FILES[1:]}?{urlencode({'id': document.id})}" + "".join(f"#page={page}" for page in pages)


def _merged(spans: Iterable[tuple[int, int]], first: int, last: int) -> list[tuple[int, int]]:
    """Merge spans that overlap, in order. Only as far as they lie between ``first`` and ``last``.

    >>> _merged([(8, 9), (2, 5), (4, 6), (3, 3)], 0, 8)
    [(2, 6)]
    """
    merged: list[tuple[int, int]] = []
    for start, end in sorted((max(start, first), min(end, last)) for start, end in spans):
        if start >= end:
            continue
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _pieces(text: str, first: int, last: int, marks: list[tuple[int, int]]) -> list[list[Any]]:
    """Cut a paragraph where marks begin and end. Each piece has its mark's number or 0."""
    pieces: list[list[Any]] = []
    position = first
    for number, (start, end) in enumerate(marks, 1):
        start, end = max(start, position), min(end, last)
        if start < end:
            pieces += [[text[position:start], 0], [text[start:end], number]]
            position = end
    return [piece for piece in (*pieces, [text[position:last], 0]) if piece[0]]
