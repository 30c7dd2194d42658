"""The conductor: a question in, answers out. One implementation behind Python, the terminal and the page."""

from __future__ import annotations

import copy
import logging
import threading
import time
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from rag.answer.answering import (
    CLOSEST,
    NOTHING,
    SAME_STORY,
    Chosen,
    Paragraph,
    by_source,
    choose,
    differing,
    sentences,
    source_label,
    weigh,
)
from rag.answer.collection import collection_answer
from rag.answer.prompt import ANSWER_SHARE, Prompt, build_prompt
from rag.answer.reading import Candidate, read
from rag.answer.timeline import asks_for_timeline, timeline
from rag.chat import ChatFunction, ChatModel
from rag.chat.model_names import open_named
from rag.cite.checker import Citer, citations_of, claims_nothing, dated, marked_text
from rag.cite.similarity import Similarity
from rag.draft.checked import Checked, Quotation
from rag.draft.checking import check as check_draft
from rag.draft.checking import quote as find_quotation
from rag.errors import (
    AnswerCut,
    Cancelled,
    ChatError,
    ContextTooLong,
    FootnoteError,
    IndexCorrupt,
    IndexingError,
    IndexLocked,
    IndexTooNew,
    IndexUnreachable,
    IndexUnreadable,
    IndexUnwritable,
    MissingExtra,
    SettingsError,
    Translatable,
    as_sentence,
    joined,
)
from rag.index.build import (
    build,
    inventory,
    load_embedder,
    load_reader,
    load_reranker,
    load_support_check,
    outdated,
    prefetch_reader,
)
from rag.index.entities import Name, names_of, put_articles
from rag.index.map import PassageMap, passage_map
from rag.index.milvus import is_address
from rag.index.store import Index
from rag.read import check_folder
from rag.retrieval.find import EVERYTHING, Found, check_k, check_question, check_scope, find, sure_scope
from rag.retrieval.follow_up import complete, may_stand_alone, rewriting, rewritten, split_context
from rag.retrieval.parts import compared, decomposed, decomposing
from rag.retrieval.question import asks_for_now, understand
from rag.settings import Settings
from rag.text.sentences import sentence_spans
from rag.types import (
    Answer,
    Changes,
    Citation,
    Contents,
    Document,
    FileStatus,
    Header,
    Hit,
    Message,
    Progress,
    Scope,
    Sentence,
)

if TYPE_CHECKING:
    from embeddings import Embedder, Reranker, SpanReader
    from rag.chat.keys import Key
    from rag.retrieval.mentions import Mention

log = logging.getLogger(__name__)
T = TypeVar("T")

WITHHELD = "The model wrote an answer, but no passage carries any sentence of it, so it is not shown."
CHANGEABLE = ("k", "decompose", "rewrite", "context_tokens")
"""The settings that an open chatbot can answer with in place of its own."""
FOLLOWED = 0.1
"""By how much a completed question may be less sure than the bare one and still be the one answered; see
benchmarks/README.md."""
RETRY_SECONDS = 30.0
"""How long the index of this machine stands in for an engine before that is tried again."""
OLDER = "The answers come from an older index: {message}"
FALLEN_BACK = "Milvus does not answer; the answers come from the index of this machine."
SHORT_CALL_SECONDS = 20
"""How long a model may take to complete or part a question before the rules do it."""


class Chatbot:
    """Answers questions about one folder of articles. Safe to use from any thread.

    It keeps no conversation: history is passed in. ``model`` writes the answers, ``None`` where they are sentences of the
    articles (the extractive answerer). ``changes`` is what the last build did, ``None`` where none was needed;
    ``notice`` is what a reader should know about the index, or empty.
    """

    def __init__(
        self,
        settings: Settings,
        index: Index,
        embedder: Embedder,
        model: ChatModel | None = None,
        changes: Changes | None = None,
        notice: str = "",
        reranker: Reranker | None = None,
        reader: Callable[[], SpanReader] | None = None,
    ) -> None:
        index.check_embedder(embedder)
        self.settings = settings
        self.model = model
        self.changes = changes
        self.notice = notice or index.notice
        self._index = index
        self._embedder = embedder
        self._reranker = reranker
        self._similarity = Similarity(embedder)
        self._reader = reader or load_reader(embedder)
        self._support_check = load_support_check(embedder)
        self._refreshing = threading.Lock()
        self._replacing = threading.Lock()
        self._retry_at = time.monotonic() + RETRY_SECONDS if notice == FALLEN_BACK else 0.0
        self._worked_out: tuple[Index, dict[Callable[[Index], Any], Any]] = index, {}
        self._working = threading.Lock()

    @classmethod
    def open(
        cls,
        settings: Settings | None = None,
        *,
        articles: str | Path | None = None,
        index: str | Path | None = None,
        embedder: Embedder | None = None,
        model: ChatModel | ChatFunction | str | None = None,
        key: Key | None = None,
        on_progress: Callable[[Progress], None] | None = None,
        reads: bool = False,
    ) -> Chatbot:
        """Open the index of a folder of articles; build or update it first where it is missing or outdated.

        ``settings`` default to the environment's; ``articles`` and ``index`` name the two folders. ``model`` writes the
        answers: a name as RAG_MODEL has them (with ``key`` where the environment has none), a function that takes messages
        and yields text, or a ChatModel. ``reads`` opens the reader too, beside all else. Raises FootnoteError.
        """
        settings = settings or Settings.from_environment()
        settings = settings.replace(articles=articles, index=index, model=model if isinstance(model, str) else None)
        chat_model = _chat_model(settings, model, key)
        if not is_address(settings.index):
            check_folder(settings.articles)
        if reads:
            prefetch_reader(settings)
        on_progress = on_progress or (lambda _: None)
        on_progress(Progress("loading the model", 0, 1))
        embedder = embedder or load_embedder(settings)
        on_progress(Progress("loading the model", 1, 1))
        opened, changes, notice = _up_to_date(settings, embedder, on_progress)
        return cls(settings, opened, embedder, chat_model, changes, notice, load_reranker(settings))

    def with_settings(self, **changes: Any) -> Chatbot:
        """Return a chatbot that shares all with this one but for settings in ``CHANGEABLE``.

        Close neither while the other is in use. Raises SettingsError for any other setting and for a value out of range.
        """
        if fixed := changes.keys() - CHANGEABLE:
            names = ", ".join(sorted(fixed))
            raise SettingsError(
                "{names} cannot be changed in an open chatbot; open another with Chatbot.open(settings)", names=names
            )
        other = copy.copy(self)
        other.settings = self.settings.replace(**changes)
        return other

    def outdated(self) -> bool:
        """Tell whether the folder of articles changed since; reads all of it. Raises ArticlesError, SettingsError."""
        return (
            bool(self._index.notice) or not self._index.is_there or outdated(self.settings, self._index, self._embedder)
        )

    def refresh(self, on_progress: Callable[[Progress], None] | None = None, *, fresh: bool = False) -> Changes | None:
        """Build again where the folder of articles changed since. Returns what changed, or ``None``.

        Questions go on meanwhile, answered from the old index until the new one is whole. ``fresh`` builds in any case, and
        from nothing. Raises what ``open`` raises, and what ``on_progress`` raises, such as Cancelled: all is then as it was.
        """
        with self._refreshing:
            opened, changes, notice = _up_to_date(self.settings, self._embedder, on_progress, self._index, fresh)
            if opened is not self._index:
                self._index, self.changes = opened, changes
            self.notice = notice or opened.notice
            return changes

    def retrieve(
        self,
        question: str,
        k: int | None = None,
        *,
        outlets: Sequence[str] = (),
        published: tuple[str, str] = ("", ""),
        documents: Sequence[str] = (),
        names: Sequence[str] = (),
    ) -> list[Hit]:
        """Return the ``k`` best passages for a question, best first; ``k`` (1 to 1,000) defaults to the setting.

        ``outlets``, ``published`` (first and last day as ``YYYY-MM-DD``, empty where open), ``documents`` (ids) and ``names``
        (what the articles mention) narrow the search; without any of them, what the question itself names does.
        Raises QuestionError for what cannot be asked, EmbedderError where the model fails.
        """
        return list(self.find(question, k, check_scope(outlets, published, documents, names)).hits)

    def find(self, question: str, k: int | None = None, scope: Scope = EVERYTHING) -> Found:
        """Return what ``retrieve`` finds, what was understood, what was searched, and what was dropped."""
        within = self._within(scope)
        k = self.settings.k if k is None else check_k(k)
        parts = () if self.settings.decompose == "off" else None
        found = self._whole(
            lambda index: find(index, self._embedder, question, k, within or None, parts=parts, reranker=self._reranker)
        )
        return replace(found, scope=scope or found.scope)

    def _within(self, scope: Scope) -> Scope:
        """Return a scope with the articles that mention its names in place of these. Raises QuestionError."""
        return self._whole(lambda index: put_articles(scope, self.names(), index)) if scope.names else scope

    def _whole(self, read: Callable[[Index], T]) -> T:
        """Read from the index, or from the one before it where this one is damaged meanwhile."""
        index = self._newest()
        try:
            return read(index)
        except (IndexCorrupt, IndexUnreachable) as damage:
            return read(self._replacement(index, damage))

    def _steps(self, make: Callable[[Index], Iterator[T]]) -> Iterator[T]:
        """Yield what is made of the index; where it is damaged meanwhile, from the beginning of the one before it."""
        index = self._newest()
        try:
            yield from make(index)
        except (IndexCorrupt, IndexUnreachable) as damage:
            yield from make(self._replacement(index, damage))

    def _newest(self) -> Index:
        """Return the index, opened again where there is a newer one, or its engine answers again."""
        index = self._index
        try:
            if self._retry_at and time.monotonic() > self._retry_at:
                self._retry_at = time.monotonic() + RETRY_SECONDS
                return self._replacement(index)
            if index.moved():
                return self._replacement(index)
        except (IndexCorrupt, IndexUnreachable) as damage:
            return self._replacement(index, damage)
        return index

    def _replacement(self, damaged: Index, damage: IndexingError | None = None) -> Index:
        """Open what answers in place of an index; an undamaged one stays where nothing does. Raises ``damage``."""
        with self._replacing:
            if self._index is damaged:
                try:
                    opened, notice = _open(self.settings, whole=damage is not None)
                    opened.check_embedder(self._embedder)
                except IndexUnreachable:
                    raise
                except IndexingError as error:
                    if damage is not None:
                        raise damage from None
                    self.notice = Translatable(OLDER, message=error)
                    return damaged
                self._index, self.notice = opened, notice or opened.notice
                self._retry_at = time.monotonic() + RETRY_SECONDS if notice else 0.0
            return self._index

    def ask(
        self,
        question: str,
        history: Sequence[Message] = (),
        k: int | None = None,
        *,
        model: ChatModel | Literal["extractive"] | None = None,
        scope: Scope | None = None,
        ignored: Collection[str] = (),
    ) -> Answer:
        """Return the finished answer to a question; see ``stream``."""
        *_, answer = self.stream(question, history, k, model=model, scope=scope, ignored=ignored)
        return answer

    def stream(
        self,
        question: str,
        history: Sequence[Message] = (),
        k: int | None = None,
        *,
        model: ChatModel | Literal["extractive"] | None = None,
        scope: Scope | None = None,
        ignored: Collection[str] = (),
    ) -> Iterator[Answer]:
        """Yield the answer as it comes, whole at every step: first the passages, then sentence by sentence.

        ``history`` is the conversation before: a follow-up is completed from it before anything is searched for, and
        ``searched`` is then what was searched for. ``model`` writes this answer in place of the chatbot's own, none does
        where it is "extractive". ``scope`` narrows the search; without one, what the question names does, but for the
        labels in ``ignored`` (``understood`` has them all). While a model is silent the last answer comes again, three times
        a second, so that whoever listens can leave; leaving frees the model. Where a model fails, the answer is made of
        sentences of the articles, and ``notice`` says why. Raises QuestionError for what cannot be asked, EmbedderError where
        the embedding model fails.
        """
        return self._steps(lambda index: self._stream(index, question, history, k, model, scope, ignored))

    def _stream(
        self,
        index: Index,
        question: str,
        history: Sequence[Message],
        k: int | None,
        model: ChatModel | Literal["extractive"] | None,
        scope: Scope | None,
        ignored: Collection[str],
    ) -> Iterator[Answer]:
        question = check_question(question)
        k = self.settings.k if k is None else check_k(k)
        writer = None if model == "extractive" else model or self.model
        answer = Answer(question=question, model=writer.name if writer else "extractive", notice=self.notice)
        searched = yield from self._stand_alone(answer, history, writer)
        if writer is None and searched != question and may_stand_alone(question):
            yield self._surer(index, question, searched, k, scope, ignored)
            return
        parts = yield from self._parts(answer, searched, writer)
        within = None if scope is None else self._within(scope)
        found = find(index, self._embedder, searched, k, within, None, ignored, parts, self._reranker)
        hits, labels = found.hits, dict.fromkeys(each.label for each in found.mentions)
        answer = replace(
            answer,
            hits=hits,
            searched=searched if searched != question else "",
            understood=tuple(labels),
            parts=found.parts,
            scope=scope or found.scope,
            candidates=found.candidates,
            dropped=found.dropped,
            notice=joined(answer.notice, found.notice),
        )
        yield answer
        if scope is None and (collected := collection_answer(searched, index, self._similarity, found.mentions)):
            answer = replace(answer, model="extractive", hits=collected.hits, dropped=(), score=1.0)
            answer = _with(answer, collected.sentences, complete=True)
            yield replace(answer, sentences=(), state="none") if collected.talk else answer
            return
        topic = asks_for_timeline(searched)
        if topic and (entries := timeline(topic, index, self._embedder, self._similarity, scope=found.scope.holds)):
            yield from _dated(answer, entries)
            return
        if writer is not None and hits:
            try:
                yield from self._written(answer, writer, index, found.mentions)
                return
            except (ChatError, MissingExtra) as error:
                notice = Translatable(
                    "The model did not answer. {message} These are sentences of the articles instead.",
                    message=as_sentence(error),
                )
                answer = replace(answer, model="extractive", notice=joined(answer.notice, notice))
        yield from self._extracted(answer, index, found.mentions)

    def timeline(self, topic: str, scope: Scope = EVERYTHING) -> tuple[Citation, ...]:
        """Quote one line on a topic from each article that mentions it, in order of publication, undated ones last.

        Raises QuestionError for what cannot be asked, EmbedderError where the model fails.
        """
        within = self._within(scope)
        topic = check_question(topic)
        return self._whole(lambda index: timeline(topic, index, self._embedder, self._similarity, scope=within.holds))

    def check(self, text: str, scope: Scope = EVERYTHING) -> Checked:
        """Check each sentence and each quotation of a draft against the articles. No chat model takes part.

        Only articles within the ``scope`` count. Raises DraftError for what is no draft, EmbedderError where the embedding
        model fails.
        """
        *_, checked = self.check_stepwise(text, scope)
        return checked

    def check_stepwise(self, text: str, scope: Scope = EVERYTHING) -> Iterator[Checked]:
        """Yield a draft, whole, before its first sentence is checked and after each; see ``check``."""
        embedder, similarity = self._embedder, self._similarity
        return self._steps(lambda index: check_draft(text, index, embedder, similarity, self._support_check, scope))

    def quote(self, text: str) -> Quotation:
        """Tell where words stand in the articles: verbatim, altered or not found. Raises DraftError."""
        return self._whole(lambda index: find_quotation(text, index))

    def _stand_alone(
        self, answer: Answer, history: Sequence[Message], model: ChatModel | None
    ) -> Generator[Answer, None, str]:
        """Yield the answer while a model completes the question. Returns the question that stands alone."""
        question = answer.question
        if not history or self.settings.rewrite == "off":
            return question
        by_rules = check_question(complete(question, history))
        if model is None or self.settings.rewrite == "rules":
            return by_rules
        reply = yield from _short_reply(answer, model, rewriting(question, history))
        reply = rewritten(question, reply, history)
        return check_question(reply) if reply else by_rules

    def _surer(
        self, index: Index, question: str, completed: str, k: int, scope: Scope | None, ignored: Collection[str]
    ) -> Answer:
        """Answer a question as it stands and as completed, and return the surer answer: it may be no follow-up at all."""
        followed, alone = (
            list(self._stream(index, text, (), k, "extractive", scope, ignored))[-1] for text in (completed, question)
        )
        if followed.score + FOLLOWED - followed.refused < alone.score - alone.refused:
            return alone
        return replace(followed, question=question, searched=completed)

    def _parts(
        self, answer: Answer, question: str, model: ChatModel | None
    ) -> Generator[Answer, None, tuple[str, ...] | None]:
        """Yield the answer while a model parts the question. Returns the parts, ``None`` where its form shall tell."""
        if self.settings.decompose == "off":
            return ()
        if model is None or self.settings.decompose == "rules":
            return None
        reply = yield from _short_reply(answer, model, decomposing(question))
        return decomposed(question, reply) if reply else None

    def _extracted(self, answer: Answer, index: Index, mentions: Sequence[Mention]) -> Iterator[Answer]:
        """Answer with sentences of the articles."""
        paragraphs = self._paragraphs(answer, index, mentions)
        answered = [each.chosen.score for each in paragraphs if each.chosen.state == "answered"]
        if answered:
            shown = sentences(paragraphs, lambda id: index.document(id).text)
            answer = replace(answer, score=max(answered))
            for count in range(1, len(shown)):
                yield _with(answer, shown[:count])
            yield _with(answer, shown, complete=True)
            return
        closest = max((each.chosen for each in paragraphs), key=lambda each: each.score)
        if not closest.candidates:
            yield replace(answer, text=NOTHING, state="none", complete=True)
            return
        shown = sentences([Paragraph("", closest)], lambda id: index.document(id).text)
        shown = tuple(replace(each, lead="\n- ") for each in shown)
        answer = _with(replace(answer, state="closest", score=closest.score), shown, complete=True)
        yield replace(answer, text=f"{CLOSEST}\n{answer.text}")

    def _paragraphs(self, answer: Answer, index: Index, mentions: Sequence[Mention]) -> list[Paragraph]:
        """Read the hits for the question, or for each of its parts, outlets or articles by itself."""
        question = answer.searched or answer.question
        if answer.parts:
            found = []
            for part in answer.parts:
                hits = _hits_for(part, question, answer.hits, mentions)
                found.append(Paragraph(split_context(part)[0], choose(self._candidates(part, hits, index, ()))))
            if any(each.chosen.state == "answered" for each in found):
                return found
        matter = compared(question, any(each.kind == "outlet" for each in mentions))
        named = _sources(mentions)
        each_alike = bool(matter) or len(named) > 1
        candidates = self._candidates(matter or question, answer.hits, index, mentions, each_alike)
        if len(named) > 1:
            found = [
                Paragraph(each.label, choose([c for c in candidates if sure_scope([each]).holds(c.hit.document)]))
                for each in named
            ]
            each_asked = len({(each.start, each.end) for each in named}) == 1  # and not one by its name
            answered = [each for each in found if each.chosen.state == "answered"]
            return answered if each_asked and answered else found
        chosen = choose(candidates)
        if matter and chosen.state == "answered" and (several := by_source(candidates)):
            return [Paragraph(source_label(each.hit), Chosen((each,), "answered")) for each in several]
        if not asks_for_now(question) and (several := differing(chosen, candidates, self._same_story)):
            return [Paragraph(source_label(each.hit), Chosen((each,), "answered")) for each in several]
        return [Paragraph("", chosen)]

    def _same_story(self, one: Candidate, other: Candidate) -> bool:
        pairs = [(one.quote, other.quote), (one.hit.passage.text, other.hit.passage.text)]
        nearness = [float(self._similarity.between([mine], [theirs])[0, 0]) for mine, theirs in pairs]
        return sum(nearness) / len(pairs) >= SAME_STORY

    def _candidates(
        self, question: str, hits: Sequence[Hit], index: Index, mentions: Sequence[Mention], each_alike: bool = False
    ) -> list[Candidate]:
        """Read the hits, best candidates first; with ``each_alike`` no article is nearer than another."""
        dates = [each for each in mentions if each.kind == "date"]
        named = _sources(mentions)
        named = named if len(named) > 1 else []  # the reader would take the names of those who say it for its subject
        candidates = read(self._reader(), _without(question, named), hits)
        if len(dates) == 1:  # an article of that time need not name it
            then = Scope(published=dates[0].published)
            rest = _without(question, [*named, *dates])
            candidates += read(self._reader(), rest, [hit for hit in hits if then.holds(hit.document)])
        cosines = [each.hit.why.dense_score or 0.0 for each in candidates]
        nearness = [float(each) for each in self._similarity.scaled(cosines)]
        if each_alike:
            nearness = [max(nearness, default=0.0)] * len(candidates)
        asked = question if dates else split_context(question)[0]  # what is carried into a part need not stand there
        return weigh(candidates, understand(asked, index), dates, nearness)

    def _written(self, answer: Answer, model: ChatModel, index: Index, mentions: Sequence[Mention]) -> Iterator[Answer]:
        """Yield the answer that a model writes. A prompt that is too long for it is halved once."""
        question, room = answer.searched or answer.question, min(self.settings.context_tokens, model.context_tokens)
        by_date = asks_for_now(question) or any(each.kind == "date" for each in mentions)
        prompt = build_prompt(question, answer.hits, model.count_tokens, room, date.today(), by_date=by_date)
        try:
            yield from self._written_from(prompt, answer, model, index)
        except ContextTooLong:
            half = int(prompt.tokens / 2 / (1 - ANSWER_SHARE))
            prompt = build_prompt(question, answer.hits, model.count_tokens, half, date.today(), by_date=by_date)
            yield from self._written_from(prompt, answer, model, index)

    def _written_from(self, prompt: Prompt, answer: Answer, model: ChatModel, index: Index) -> Iterator[Answer]:
        if prompt.left_out:
            fits = Translatable(
                "The model read {read} of {found} passages; the rest did not fit. RAG_CONTEXT_TOKENS sets how much fits.",
                read=len(prompt.passages),
                found=len(answer.hits),
            )
            answer = replace(answer, notice=joined(answer.notice, fits))
        citer = Citer(prompt.passages, self._similarity, index, self._support_check)
        threading.Thread(target=_prepare, args=(citer,), name="preparing citations", daemon=True).start()
        text, latest = "", answer
        try:
            with closing(model.stream(prompt.messages)) as drafts:
                for draft in drafts:
                    if draft.text != text:
                        text = draft.text
                        latest = _with(answer, citer.read(text))
                    latest = replace(latest, notice=joined(answer.notice, draft.notice))
                    yield latest
        except AnswerCut as cut:
            notice = Translatable("The answer is cut. {message}", message=as_sentence(cut))
            latest = _with(replace(answer, notice=joined(latest.notice, notice)), citer.read(text, True))
            if not latest.citations:
                raise
            yield latest
            return
        yield _concluded(replace(latest, complete=True), citer.read(text, True))

    def map(self) -> PassageMap:
        """Return passages as points of a plane, near ones near. 2,000 take four seconds for the first time."""
        return self._once(passage_map)

    def names(self) -> tuple[Name, ...]:
        """Return the people, organisations and places of the folder, those in most articles first.

        2,000 articles take some ten seconds for the first time.
        """
        return self._once(names_of)

    def titles(self) -> dict[str, str]:
        """Return the first sentence of each article without a title, by its id."""
        return self._once(_first_sentences)

    def _once(self, work_out: Callable[[Index], T]) -> T:
        """Return what is worked out from the index, once for each index."""
        with self._working:
            index, known = self._worked_out
            if index is not self._index:
                index, known = self._worked_out = self._index, {}
            if work_out not in known:
                known[work_out] = work_out(index)
            found: T = known[work_out]
            return found

    def documents(self) -> list[Header]:
        """Return all articles in the index, by id, without their texts."""
        return self._whole(Index.headers)

    def passage_counts(self) -> dict[str, int]:
        """Return how many passages each article has, by its id."""
        return self._whole(lambda index: dict(index.passage_counts))

    def contents(self) -> Contents:
        """Return how much there is in the index, of what, and since when."""
        return self._index.contents

    def inventory(self) -> list[FileStatus]:
        """Return how each file of the folder stands to the index, by id. Raises ArticlesError, SettingsError."""
        return inventory(self.settings, self._index)

    def document(self, id: str) -> Document:
        """Return one article with its text. Raises QuestionError where there is none of that id."""
        return self._whole(lambda index: index.document(id))

    def close(self) -> None:
        """Give the index's files back."""
        self._index.close()


def _first_sentences(index: Index) -> dict[str, str]:
    beginnings = {id: (text, sentence_spans(text)) for id, text in index.beginnings().items()}
    return {id: text[slice(*spans[0])] for id, (text, spans) in beginnings.items() if spans}


def _short_reply(answer: Answer, model: ChatModel, messages: Sequence[Message]) -> Generator[Answer, None, str]:
    """Yield the answer while a model replies; return its reply, empty where it fails or takes too long."""
    deadline = time.monotonic() + SHORT_CALL_SECONDS
    reply = ""
    try:
        with closing(model.stream(messages)) as drafts:
            for draft in drafts:
                reply = draft.text
                yield answer
                if time.monotonic() > deadline:
                    return ""
    except (ChatError, MissingExtra) as error:
        log.debug("the model did not help with the question: %s", type(error).__name__)
        return ""
    return reply


def _hits_for(part: str, whole: str, hits: Sequence[Hit], mentions: Sequence[Mention]) -> list[Hit]:
    """Return the hits that may answer a part of a question: what the Courier said is told by none but the Courier."""
    named = [each for each in mentions if each.kind != "date" and whole[each.start : each.end] in part]
    scope = sure_scope(named)
    return [hit for hit in hits if scope.holds(hit.document)]


def _sources(mentions: Sequence[Mention]) -> list[Mention]:
    """Find the outlets and articles that a question names for sure."""
    return [each for each in mentions if each.kind in ("outlet", "document") and each.sure]


def _without(question: str, mentions: Sequence[Mention]) -> str:
    """Cut mentions out of a question."""
    for start, end in sorted({(each.start, each.end) for each in mentions}, reverse=True):
        question = f"{question[:start].rstrip()}{question[end:]}"
    return question


def _dated(answer: Answer, entries: Sequence[Citation]) -> Iterator[Answer]:
    """Yield a timeline as an answer. Its passages are those that it quotes."""
    sentences = tuple(map(dated, entries))
    answer = replace(answer, model="extractive", hits=tuple(each.hit for each in entries), dropped=())
    for count in range(1, len(sentences) + 1):
        yield _with(answer, sentences[:count], complete=count == len(sentences))


def _prepare(citer: Citer) -> None:
    """Prepare citing while the model has not written a word yet."""
    try:
        citer.prepare()
    except FootnoteError as error:
        log.debug("citations could not be prepared: %s", type(error).__name__)


def _with(answer: Answer, sentences: tuple[Sentence, ...], complete: bool = False) -> Answer:
    text, citations = marked_text(sentences), citations_of(sentences)
    return replace(answer, text=text, sentences=sentences, citations=citations, complete=complete)


def _concluded(answer: Answer, sentences: tuple[Sentence, ...]) -> Answer:
    """Return the finished answer; one without any citation is a refusal."""
    if any(sentence.citations for sentence in sentences):
        return _with(answer, sentences, complete=True)
    withheld = "" if all(claims_nothing(sentence.text) for sentence in sentences) else WITHHELD
    notice = joined(answer.notice, withheld)
    return replace(answer, text=NOTHING, sentences=(), citations=(), state="none", complete=True, notice=notice)


def _chat_model(
    settings: Settings, model: ChatModel | ChatFunction | str | None, key: Key | None = None
) -> ChatModel | None:
    if model is None or isinstance(model, str):
        return open_named(settings.replace(model=model), key)
    if not callable(model):
        return model
    from rag.chat.function import FunctionModel

    return FunctionModel(model, settings=settings)


def retrieve(
    question: str,
    k: int | None = None,
    *,
    articles: str | Path | None = None,
    index: str | Path | None = None,
    outlets: Sequence[str] = (),
    published: tuple[str, str] = ("", ""),
    documents: Sequence[str] = (),
) -> list[Hit]:
    """Return the ``k`` best passages of a folder of articles for a question, best first.

    ``k`` defaults to RAG_K, the two folders to RAG_ARTICLES and RAG_INDEX. ``outlets``, ``published`` and ``documents`` narrow
    the search, see ``Chatbot.retrieve``. The index is built or updated first where it is missing or outdated; the model is
    loaded once per process. Raises FootnoteError.

    >>> hits = retrieve("How many people came to the rally against violence?", k=3)
    >>> [hit.document.id for hit in hits][:1]
    ['rally-against-violence.md']
    >>> {hit.document.published >= "2020" for hit in retrieve("Who was arrested?", published=("2020-01-01", ""))}
    {True}
    """
    chatbot = _chatbot(articles, index)
    return chatbot.retrieve(question, k, outlets=outlets, published=published, documents=documents)


def ask(
    question: str,
    k: int | None = None,
    *,
    articles: str | Path | None = None,
    index: str | Path | None = None,
    model: ChatModel | ChatFunction | str | None = None,
) -> Answer:
    """Return the answer to a question from a folder of articles, every sentence with its quote.

    ``k`` is how many passages are read; ``model`` writes the answer, as in ``Chatbot.open``; all else is as in ``retrieve``.

    >>> answer = ask("How many people came to the rally against violence?")
    >>> answer.refused, answer.citations[0].number
    (False, 1)
    >>> ask("How deep is Lake Baikal?").refused
    True
    """
    chatbot = _chatbot(articles, index)
    if model is None:
        return chatbot.ask(question, k=k)
    return chatbot.ask(question, k=k, model=_chat_model(chatbot.settings, model) or "extractive")


def check(text: str, *, articles: str | Path | None = None, index: str | Path | None = None) -> Checked:
    """Check a draft against a folder of articles, sentence by sentence and quotation by quotation.

    The folders are as in ``retrieve``; no chat model takes part. Raises FootnoteError.

    >>> checked = check("Badenova said it has about 900 members. Who pays?")
    >>> [(each.status, [(it.kind, it.text, it.instead) for it in each.differences]) for each in checked.sentences]
    [('differs', [('number', '900', '700')]), ('no claim', [])]
    """
    return _chatbot(articles, index).check(text)


def quote(text: str, *, articles: str | Path | None = None, index: str | Path | None = None) -> Quotation:
    """Tell where words stand in a folder of articles. "…" and "[…]" stand for what was left out.

    >>> found = quote("supports the protest, that violence has no room in society")
    >>> found.status, [(each.written, each.printed) for each in found.pieces if not each.same]
    ('altered', [('room', 'place')])
    >>> found.citations[0].quote
    'supports the protest, that violence has no place in society'
    """
    return _chatbot(articles, index).quote(text)


def _chatbot(articles: str | Path | None, index: str | Path | None) -> Chatbot:
    settings = Settings.from_environment(articles=articles, index=index)
    with _opening:
        chatbot = _opened(settings)
    chatbot.refresh()
    return chatbot


_opening = threading.Lock()


@lru_cache(maxsize=4)
def _opened(settings: Settings) -> Chatbot:
    return Chatbot.open(settings)


def _up_to_date(
    settings: Settings,
    embedder: Embedder,
    on_progress: Callable[[Progress], None] | None,
    opened: Index | None = None,
    fresh: bool = False,
) -> tuple[Index, Changes | None, str]:
    if is_address(settings.index) and not fresh:  # it is built where the articles are, by rag build
        if opened is not None and not opened.moved():
            return opened, None, ""
        found, notice = _open(settings)
        return found, None, notice
    index = opened if opened is not None else _existing(settings.index)
    whole = index is not None and index.is_there and not index.notice
    if not fresh and index is not None and whole and not outdated(settings, index, embedder):
        return index, None, ""
    try:
        changes = build(settings, embedder, on_progress, fresh)
    except (IndexLocked, IndexUnwritable, Cancelled) as obstacle:
        # An older index of the same model still answers; the reader is told that it is older.
        if (
            index is None
            or index.recipe.fingerprint != embedder.fingerprint
            or (opened and isinstance(obstacle, Cancelled))
        ):
            raise
        return index, None, Translatable(OLDER, message=obstacle)
    return Index.open(settings.index, whole=False), changes, ""


def _open(settings: Settings, whole: bool = True) -> tuple[Index, str]:
    """Open the index, or one of this machine where the engine does not answer, and say so."""
    try:
        return Index.open(settings.index, whole), ""
    except IndexUnreachable:
        if not settings.fallback_index:
            raise
        return Index.open(Path(settings.fallback_index).expanduser(), whole=False), FALLEN_BACK


def _existing(folder: Path) -> Index | None:
    try:
        return Index.open(folder, whole=False)
    except (IndexTooNew, IndexUnreadable):
        raise
    except IndexingError:
        return None
