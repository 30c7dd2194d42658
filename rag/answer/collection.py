"""Answer questions about the folder itself from its headers and lead sentences, and small talk in one line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from rag.answer.folder_questions import FolderQuestion
from rag.answer.units import units
from rag.cite.checker import Evidence, Numbers
from rag.index.keywords import matched_words
from rag.index.store import Index
from rag.text.stems import stem
from rag.text.words import content_words, words
from rag.types import Header, Hit, Sentence, spoken_date

if TYPE_CHECKING:
    from embeddings import Vectors
    from rag.cite.similarity import Similarity
    from rag.retrieval.mentions import Mention

SHOWN = 6
"""Articles in an overview."""
LISTED = 30
"""Articles, outlets or authors in a list."""
POINTS = 3
"""Main points of an article besides its lead sentence."""
_COMPARED = 2000  # articles from which an overview chooses
_READ = 60  # sentences of an article
_CHECKED = 3000  # passages that are read; further ones count where the keyword index finds all words (header included)
_WORDS, _CHARACTERS = 5, 500  # at least and at most in a sentence that stands for its article

_TEXTS = {
    "en": {
        "articles": "{n} article|{n} articles",
        "outlets": " from {n} outlet| from {n} outlets",
        "day": ", {first}",
        "days": ", {first} to {last}",
        "undated": "{n} article carries no date.|{n} articles carry no date.",
        "outlet": "{n} outlet: {names}.|{n} outlets: {names}.",
        "no outlet": "{n} article names no outlet.|{n} articles name no outlet.",
        "author": "{n} author: {names}.|{n} authors: {names}.",
        "no author": "{n} article names no author.|{n} articles name no author.",
        "newest": "The newest article:|The newest articles:",
        "oldest": "The oldest article:|The oldest articles:",
        "period": "Published from {first} to {last}:",
        "mention": "{n} of {all} articles mentions “{topic}”.|{n} of {all} articles mention “{topic}”.",
        "no mention": "“{topic}” was found in none of {all} articles.",
        "more": "And {n} more.",
        "talk": "Ask what the {n} articles say: who, what, when, where, how much. Or ask about the folder itself: what it is "
        "about, how many articles mention a name, which outlets, the newest article, the main points of one.",
    },
    "ru": {
        "articles": "Статей: {n}",
        "outlets": ", изданий: {n}",
        "day": ", дата: {first}",
        "days": ", даты: {first} – {last}",
        "undated": "Без даты: {n}.",
        "outlet": "Изданий – {n}: {names}.",
        "no outlet": "Без издания: {n}.",
        "author": "Авторов – {n}: {names}.",
        "no author": "Без автора: {n}.",
        "newest": "Самая новая статья:|Самые новые статьи:",
        "oldest": "Самая старая статья:|Самые старые статьи:",
        "period": "Опубликованы с {first} по {last}:",
        "mention": "«{topic}» упоминается в {n} из {all} статей.",
        "no mention": "«{topic}» не найдено ни в одной из {all} статей.",
        "more": "И ещё {n}.",
        "talk": "Спросите, что сообщают статьи (их здесь {n}): кто, что, когда, где, сколько. Или спросите о самой папке: "
        "о чём она, сколько статей упоминают имя, какие издания, какая статья самая новая, что главное в одной из них.",
    },
}
"""Texts by language; before and after "|" for one and for several."""


class Collected(NamedTuple):
    """An answer about the folder: its sentences, and the passages that they cite; ``talk`` where it answers small talk."""

    sentences: tuple[Sentence, ...]
    hits: tuple[Hit, ...]
    talk: bool = False


def collection_answer(
    question: str, index: Index, similarity: Similarity, catalogue_mentions: Sequence[Mention]
) -> Collected | None:
    """Answer a question about the folder itself, or small talk. Return ``None`` for any other question.

    ``catalogue_mentions`` are what the question names of the index. Raises EmbedderError.
    """
    asked = FolderQuestion(question, catalogue_mentions)
    kind, topical = asked.kind(similarity)
    headers = sorted(filter(asked.scope.holds, index.headers()), key=lambda header: header.date_order) if kind else []
    if topical and kind in ("article", "authors") and not asked.scope.documents:
        headers = [header for header in headers if _names(header, asked.topic)]
    if not kind or (topical and kind == "authors" and not headers) or (kind == "article" and len(headers) != 1):
        return None
    language = "ru" if any("Ѐ" <= letter <= "ӿ" for letter in question) else "en"
    answer = _Answer(index, language, asked.labels if kind != "article" else ())
    if kind == "article":
        answer.points(headers[0], similarity)
    elif kind == "mention" and asked.topic:
        answer.mentions(asked.topic, headers)
    elif kind in ("newest", "oldest") and topical and asked.topic:
        answer.mentions(asked.topic, headers, kind)
    elif kind in ("newest", "oldest", "period"):
        answer.ends(kind, headers)
    elif kind == "outlets":
        answer.names("outlet", [(header.outlet,) for header in headers])
    elif kind == "authors":
        answer.names("author", [header.authors for header in headers])
    elif kind == "talk":
        answer.say("talk", len(headers))
    else:
        answer.count(headers)
        if kind == "overview":
            answer.items(_representative(index, headers))
        elif kind != "count":
            answer.items(headers, quoted=False)
    return Collected(tuple(answer.sentences), tuple(answer.hits.values()), kind == "talk")


class _Answer:
    """An answer as it grows, in one language; ``labels`` are the outlets or dates that all of it is about."""

    def __init__(self, index: Index, language: str, labels: Sequence[str]) -> None:
        self.sentences: list[Sentence] = []
        self.hits: dict[str, Hit] = {}
        self._index, self._language = index, language
        self._scope = f"{', '.join(labels)}: " if labels else ""
        self._numbers = Numbers()

    def say(self, name: str, n: int = 1, **values: object) -> None:
        """Add a sentence of ours, which cites nothing."""
        self._add(self._text(name, n, **values))

    def count(self, headers: Sequence[Header]) -> None:
        """Say how many articles there are, of how many outlets, and of which time."""
        outlets = {header.outlet for header in headers} - {""}
        text = self._text("articles", len(headers)) + self._text("outlets", len(outlets)) * bool(outlets)
        if dated := [header for header in headers if header.published]:
            first, last = self._date(dated[0]), self._date(dated[-1])
            text += self._text("day" if first == last else "days", first=first, last=last)
        self._add(f"{text}.")
        self._undated(headers)

    def names(self, kind: str, names: Sequence[Sequence[str]]) -> None:
        """Say which outlets or authors there are, each with the number of its articles."""
        counts = Counter(name for each in names for name in each if name).most_common()
        listed = [f"{name} ({count})" if len(names) > 1 else name for name, count in counts]
        if counts:
            self.say(kind, len(counts), names=", ".join(listed[:LISTED]) + " …" * (len(counts) > LISTED))
        if unnamed := sum(not any(each) for each in names):
            self.say(f"no {kind}", unnamed)

    def ends(self, kind: str, headers: Sequence[Header]) -> None:
        """Show the newest or oldest articles. All of one date, or for a period the first and the last one."""
        if dated := [header for header in headers if header.published]:
            first, last = dated[0], dated[-1]
            end = last if kind == "newest" else first
            found = [each for each in dated if each.published == end.published]
            if kind == "period":
                found = list(dict.fromkeys((first, last)))
            self.say(kind, len(found), first=self._date(first), last=self._date(last))
            self.items(found)
        self._undated(headers)

    def mentions(self, topic: str, headers: Sequence[Header], end: str = "") -> None:
        """Show the articles that hold a topic with their sentences, or the newest or oldest of them."""
        holding = _holding(self._index, headers, topic)
        held = {header.id: header for header in headers if header.id in holding}
        self.say("mention" if holding else "no mention", len(holding), topic=topic, all=len(headers))
        if end:
            self.ends(end, list(held.values()))
        else:
            self.items([held[id] for id in holding], holding)

    def points(self, header: Header, similarity: Similarity) -> None:
        """Show an article's lead sentence and its most central ones, in their order."""
        sentences = _sentences(self._index, header)[:_READ]
        self._add(f"{self._head(header, *header.authors) or header.id}:")
        if sentences:
            central = _central(similarity.vectors([each.quote for each in sentences]), POINTS + 1)
            for place in sorted({0, *[place for place in central if place][:POINTS]}):
                self._item("", sentences[place])

    def items(
        self, headers: Sequence[Header], quotes: Mapping[str, Evidence | None] | None = None, quoted: bool = True
    ) -> None:
        """List articles, each with a sentence of it. By default its lead, and unless ``quoted`` only cited."""
        for header in headers[:LISTED]:
            quote = (quotes or {}).get(header.id) or next(iter(_sentences(self._index, header, 2)), None)
            self._item(self._head(header), quote, quoted)
        if len(headers) > LISTED:
            self.say("more", len(headers) - LISTED)

    def _item(self, head: str, evidence: Evidence | None, quoted: bool = True) -> None:
        if evidence is None:
            self._add(head, lead="\n- ")
            return
        self.hits.setdefault(evidence.hit.passage.id, evidence.hit)
        quote = " ".join(evidence.quote.split())
        text = ": ".join(filter(None, (head, quote))) if quoted or not head else head
        bold = ((0, len(head)),) if head else ()
        self.sentences.append(Sentence(text, (self._numbers.cite(evidence),), lead="\n- ", bold=bold))

    def _add(self, text: str, lead: str = "\n") -> None:
        first = not self.sentences
        self.sentences.append(Sentence(self._scope * first + text, lead=" " if first else lead))

    def _undated(self, headers: Sequence[Header]) -> None:
        if undated := sum(not header.published for header in headers):
            self.say("undated", undated)

    def _text(self, name: str, n: int = 1, **values: object) -> str:
        one, _, several = _TEXTS[self._language][name].partition("|")
        return (one if n == 1 or not several else several).format(n=n, **values)

    def _date(self, header: Header) -> str:
        """Write a date in words in English, elsewhere in numbers."""
        day = header.published
        return spoken_date(day) if self._language == "en" else ".".join(reversed(day.split("-")))

    def _head(self, header: Header, *authors: str) -> str:
        """Write an article's title with what else its header tells, or that alone."""
        rest = ", ".join(filter(None, (*authors, header.outlet, self._date(header))))
        return f"{header.title} ({rest})" if header.title and rest else header.title or rest


def _sentences(index: Index, header: Header, most: int | None = None) -> list[Evidence]:
    """List an article's whole sentences, of its first ``most`` passages. Where there are none, its first line."""
    passages = index.passages(index.rows_of([header.id])[:most])
    cut = [each for passage, document in passages for each in _cut(Hit(passage, document, 1.0))]
    return [evidence for evidence, whole in cut if whole] or [evidence for evidence, _ in cut[:1]]


def _cut(hit: Hit) -> list[tuple[Evidence, bool]]:
    """Cut a passage into what can be quoted. Tell for each whether it is a whole sentence, no heading or question."""
    text, start = hit.passage.text, hit.passage.start
    found = []
    for unit in units(text, hit.document.title):
        quote = text[unit.start : unit.end]
        whole = unit.kind == "plain" and not quote[-1].isalnum() and len(quote.split()) >= _WORDS
        evidence = Evidence(hit, start + unit.start, start + unit.end, 1.0)
        found.append((evidence, whole and len(quote) <= _CHARACTERS))
    return found


def _holding(index: Index, headers: Iterable[Header], topic: str) -> dict[str, Evidence | None]:
    """Find articles about a topic, best first, each with a sentence. One passage and the title hold all its words."""
    terms = index.terms(topic)
    if not terms:
        return {}
    rows = set.intersection(*({hit.row for hit in index.keywords({w: t}, len(index))} for w, t in terms.items()))
    ranked = [hit.row for hit in index.keywords(terms, len(index)) if hit.row in rows]
    within = {header.id for header in headers}
    found: dict[str, Evidence | None] = {}
    for passage, header in index.passages(ranked[:_CHECKED]):
        all_words = len(matched_words(terms, f"{header.title}\n{passage.text}")) == len(terms)
        if all_words and header.id in within and header.id not in found:
            cut = _cut(Hit(passage, header, 1.0))
            scores = [(len(matched_words(terms, each.quote)), whole) for each, whole in cut]
            found[header.id] = cut[scores.index(max(scores))][0]
    if ranked[_CHECKED:]:
        every, numbers = index.headers(), index.article_numbers()
        for id in dict.fromkeys(every[numbers[row]].id for row in ranked[_CHECKED:]):
            if id in within:
                found.setdefault(id, None)
    return found


def _names(header: Header, topic: str) -> bool:
    """Tell whether all words of a topic stand in an article's title, outlet, authors or date."""
    return {stem(word) for word in content_words(topic)} <= {stem(word) for word in words(header.byline())}


def _representative(index: Index, headers: Sequence[Header]) -> list[Header]:
    """Choose articles to whose first passages the others' are near."""
    by_id = {header.id: header for header in headers}
    every = index.headers()
    first: dict[str, int] = {}
    for row, number in enumerate(index.article_numbers()):
        first.setdefault(every[number].id, row)
    ids = [id for id in first if id in by_id]
    ids = ids[:: 1 + len(ids) // _COMPARED]
    vectors = index.vectors.fetch([first[id] for id in ids])
    return [by_id[ids[place]] for place in _central(vectors, SHOWN)]


def _central(vectors: Vectors, k: int) -> list[int]:
    """Choose rows one by one, each the one that brings all rows nearest to a chosen one."""
    import numpy

    near = vectors @ vectors.T
    covered = numpy.full(len(vectors), -1.0, dtype=numpy.float32)
    chosen: list[int] = []
    for _ in range(min(k, len(vectors))):
        gains = numpy.maximum(near, covered).sum(axis=1)
        gains[chosen] = -numpy.inf
        chosen.append(int(gains.argmax()))
        covered = numpy.maximum(covered, near[chosen[-1]])
    return chosen
