"""Questions with known answers, asked of the user's own articles: what is found, answered, refused and quoted, and how fast.

A file of questions is JSON lines, one object a line; only ``question`` is required:

    {"question": "How long is the tram line?", "answers": ["14 kilometres", "/\\\\b14 ?km\\\\b/"], "kind": "fact",
     "evidence": [{"document": "harbour.md", "quote": "The line will be 14 kilometres long"}]}
    {"question": "Who paid for it?", "history": ["How long is the tram line?"], "language": "en", "none": true}

``answers``   any one is right: words as they are (case, accents and spacing aside), or ``/a regular expression/``
``evidence``  where the answer stands: an article's id or an unambiguous beginning of one, and a quote (without: all of it)
``kind``      any word; questions of a kind are counted together
``none``      true where the articles do not say, so that a refusal is right; the kind ``none`` says the same
``history``   the questions asked before in the same conversation
``language``  the question's; questions in a language are counted together where there are several languages
"""

from __future__ import annotations

import difflib
import json
import math
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, fields, replace
from functools import lru_cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from rag.chatbot import Chatbot
from rag.errors import QuestionError, SettingsError
from rag.index.build import load_embedder
from rag.retrieval.find import check_question
from rag.settings import Settings
from rag.text.normalize import normalize
from rag.text.one_line import folded
from rag.types import Answer, Hit, Message, Progress

DEPTHS = (1, 3, 5, 10)
"""How far down the passages evidence is looked for."""
RESAMPLES = 2000
SEED = 20
ALL = "all"

_SHOWN_BAD_LINES = 5
_Value = TypeVar("_Value")
Ranks = Sequence["int | None"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Name where an answer stands: in the article ``document`` (an id, or an unambiguous beginning of one).

    Without a ``quote`` any passage of the article will do.
    """

    document: str
    quote: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """A question with what is known of its answer. The fields are the file's.

    ``line`` is where it stands in the file, counted from 1. Raises QuestionError for what cannot be asked or contradicts
    itself.

    >>> Case("Who voted?", answers=("/[/",))
    Traceback (most recent call last):
    rag.errors.QuestionError: the answer /[/ is no regular expression (unterminated character set at position 0); mend it
    """

    question: str
    answers: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    kind: str = ""
    none: bool = False
    history: tuple[str, ...] = ()
    language: str = ""
    line: int = 0

    def __post_init__(self) -> None:
        for question in (self.question, *self.history):
            check_question(question)
        for answer in self.answers:
            _pattern(answer)
        if self.unanswerable and (self.answers or self.evidence):
            raise QuestionError(
                "the articles cannot both say nothing and hold the answer; remove none, or answers and evidence"
            )

    @property
    def unanswerable(self) -> bool:
        """Tell whether the articles do not say, so that a refusal is right."""
        return self.none or self.kind == "none"

    @property
    def group(self) -> str:
        """Return what it is counted under: its kind, where it has none ``"none"`` or ``"other"``."""
        return self.kind or ("none" if self.none else "other")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one question.

    ``ranks`` are those of its pieces of evidence among the first ten passages, counted from 1, ``None`` where a piece is not
    among them; ``read`` says of each whether the passages that the answer was made from hold it. Evidence that cannot be
    found in the articles is in neither, but in ``problems``. ``verbatim`` is how many of the answer's quotes stand in the
    articles letter for letter; times are in milliseconds, that of the answer with its own retrieval.
    """

    case: Case
    ranks: tuple[int | None, ...]
    read: tuple[bool, ...]
    answer: Answer
    verbatim: int
    retrieve_ms: float
    answer_ms: float
    problems: tuple[str, ...] = ()

    @property
    def measures(self) -> dict[str, float | None]:
        """Return every measure of ``MEASURES``, ``None`` where it does not apply to the question."""
        return {name: measure(self) for name, measure in MEASURES.items()}


@dataclass(frozen=True, slots=True)
class Summary:
    """Sum up the questions of one kind: counts, the mean of each measure (``None`` where it applies to none), times.

    Times are percentiles in milliseconds.
    """

    kind: str
    counts: dict[str, int]
    measures: dict[str, float | None]
    times: dict[str, float]


@dataclass(frozen=True, slots=True)
class Report:
    """The outcomes of all questions, in their order, with the settings they were asked under."""

    settings: Settings
    outcomes: tuple[Outcome, ...]

    @property
    def summaries(self) -> dict[str, Summary]:
        """By kind: all questions first, then each kind, then each language where there are several."""
        groups: dict[str, list[Outcome]] = {ALL: list(self.outcomes)}
        kinds = {each.case.group for each in self.outcomes} if any(each.case.kind for each in self.outcomes) else set()
        languages = {each.case.language for each in self.outcomes if each.case.language}
        for outcome in self.outcomes:
            if kinds:
                groups.setdefault(outcome.case.group, []).append(outcome)
        for outcome in self.outcomes:
            if len(languages) > 1 and outcome.case.language:
                groups.setdefault(f"in {outcome.case.language}", []).append(outcome)
        return {name: _summary(name, group) for name, group in groups.items()}

    @property
    def problems(self) -> tuple[str, ...]:
        """Return what could not be counted, or went wrong, with the line of the question."""
        return tuple(f"line {each.case.line}: {problem}" for each in self.outcomes for problem in each.problems)

    def table(self) -> str:
        """Return the figures as plain text, one column a kind."""
        summaries = list(self.summaries.values())
        rows = [("", [each.kind for each in summaries])]
        rows += [(name, [str(each.counts[name]) for each in summaries]) for name in COUNTS]
        rows += [(name, [_share(each.measures[name]) for each in summaries]) for name in MEASURES]
        rows += [(name, [f"{each.times[name]:.1f}" for each in summaries]) for name in summaries[0].times]
        return "\n".join([*_columns(rows), *_noted("Not counted, or gone wrong:", self.problems)])

    def as_json(self) -> dict[str, Any]:
        """Return the figures and every question's outcome, as values that JSON knows."""
        return {
            "settings": _shown_settings(self.settings),
            "kinds": {
                name: {"counts": each.counts, "measures": each.measures, "times": each.times}
                for name, each in self.summaries.items()
            },
            "questions": [_outcome_json(each) for each in self.outcomes],
            "problems": list(self.problems),
        }


@dataclass(frozen=True, slots=True)
class Difference:
    """One measure under two settings, over the ``questions`` to which it applies under both.

    ``difference`` is the mean of the paired differences, ``low`` to ``high`` its 95 % bootstrap interval; ``better`` and
    ``worse`` count the questions that moved.
    """

    measure: str
    questions: int
    before: float
    after: float
    difference: float
    low: float
    high: float
    better: int
    worse: int


@dataclass(frozen=True, slots=True)
class Change:
    """A question that came out otherwise: by measure the value before and after; ``verdict`` is better, worse or mixed."""

    case: Case
    moved: dict[str, tuple[float, float]]
    verdict: str

    @property
    def told(self) -> dict[str, tuple[float, float]]:
        """Without the depths, which MRR and nDCG tell together. All where nothing else moved."""
        return {name: pair for name, pair in self.moved.items() if " in top " not in name} or self.moved


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two reports on the same questions, side by side."""

    before: Report
    after: Report
    differences: tuple[Difference, ...]
    changed: tuple[Change, ...]

    def table(self) -> str:
        """Return the differences as plain text, then the questions that changed."""
        before, after = _shown_settings(self.before.settings), _shown_settings(self.after.settings)
        names = [f"{name} {before[name]} → {after[name]}" for name in before if before[name] != after[name]]
        head = ("", ["n", "before", "after", "difference", "95 % interval", "better", "worse"])
        rows = [(each.measure, _difference_cells(each)) for each in self.differences]
        verdicts = Counter(each.verdict for each in self.changed)
        counts = ", ".join(f"{verdicts[verdict]} {verdict}" for verdict in ("better", "worse", "mixed"))
        lines = [", ".join(names) or "the same settings", *_columns([head, *rows]), "", f"Questions changed: {counts}"]
        for each in self.changed:
            moved = ", ".join(f"{name} {was:.3g} → {now:.3g}" for name, (was, now) in each.told.items())
            lines += [f"  {each.verdict}: line {each.case.line}: {each.case.question}", f"    {moved}"]
        return "\n".join([*lines, *_noted("Not counted, or gone wrong, after the change:", self.after.problems)])

    def as_json(self) -> dict[str, Any]:
        """Return the differences, the changed questions, and the report after the change, as values that JSON knows."""
        return {
            "differences": [{each.name: getattr(one, each.name) for each in fields(one)} for one in self.differences],
            "changed": [
                {
                    "line": each.case.line,
                    "question": each.case.question,
                    "verdict": each.verdict,
                    "measures": {name: list(pair) for name, pair in each.moved.items()},
                }
                for each in self.changed
            ],
            "after": self.after.as_json(),
        }


# --- reading questions ---------------------------------------------------------------------------------------------------


def read_questions(path: str | Path) -> tuple[Case, ...]:
    """Return the questions of a file of JSON lines. Fields of other names than the module says are left alone.

    Raises QuestionError where the file cannot be read, naming every line that cannot be used and why.
    """
    path = Path(path)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise QuestionError(f"{path} cannot be read ({reason}); name a file of questions") from None
    except UnicodeDecodeError as error:
        raise QuestionError(f"{path} is not UTF-8 (at byte {error.start}); save it as UTF-8") from None
    cases, wrong = [], []
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                cases.append(_case(line, number))
            except QuestionError as error:
                wrong.append(f"line {number}: {error}")
    if wrong:
        more = f"; and {len(wrong) - _SHOWN_BAD_LINES} more lines" if len(wrong) > _SHOWN_BAD_LINES else ""
        raise QuestionError(f"{path}, {'; '.join(wrong[:_SHOWN_BAD_LINES])}{more}")
    if not cases:
        raise QuestionError(f'{path} holds no questions; write one a line, such as {{"question": "Who voted?"}}')
    return tuple(cases)


def _case(line: str, number: int) -> Case:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise QuestionError(f"this is not JSON ({error}); write one object a line") from None
    values = _checked(found, ("question", "answers", "evidence", "kind", "none", "history", "language"), "a line")
    if "question" not in values:
        raise QuestionError('there is no question; add "question"')
    return Case(
        question=check_question(_typed(values, "question", str, "")),
        answers=_strings(values, "answers"),
        evidence=tuple(_evidence(each) for each in _typed(values, "evidence", list, [])),
        kind=_clean(_typed(values, "kind", str, "")),
        none=_typed(values, "none", bool, False),
        history=tuple(map(check_question, _strings(values, "history"))),
        language=_clean(_typed(values, "language", str, "")),
        line=number,
    )


def _evidence(found: object) -> Evidence:
    values = _checked(found, ("document", "quote"), "a piece of evidence")
    document, quote = (_clean(_typed(values, name, str, "")) for name in ("document", "quote"))
    if not document:
        raise QuestionError('a piece of evidence names no article; add "document"')
    if "quote" in values and not quote:
        raise QuestionError('a quote is empty; fill it, or remove "quote" where any passage of the article will do')
    return Evidence(document, quote)


def _checked(found: object, known: Sequence[str], what: str) -> dict[str, Any]:
    """Return an object's fields; refuse a name that looks like a misspelt known one."""
    if not isinstance(found, dict):
        raise QuestionError(f"{what} is an object, not {_json_type(found)}; write {{...}}")
    for name in found.keys() - set(known):
        near = difflib.get_close_matches(name.lower(), known, 1, 0.8)
        if near:
            raise QuestionError(f"{_clean(name)!r} is not known; did you mean {near[0]!r}? Rename it")
    return {name: value for name, value in found.items() if value is not None}


def _typed(values: Mapping[str, Any], name: str, kind: type[_Value], default: _Value) -> _Value:
    value = values.get(name, default)
    if not isinstance(value, kind):
        wanted = {str: "text", bool: "true or false", list: "a list"}[kind]
        raise QuestionError(f"{name!r} must be {wanted}, not {_json_type(value)}; change it")
    return value


def _strings(values: Mapping[str, Any], name: str) -> tuple[str, ...]:
    found = _typed(values, name, list, [])
    for each in found:
        if not isinstance(each, str) or not each.strip():
            raise QuestionError(f"{name!r} must be a list of texts, each with something in it; change it")
    return tuple(map(_clean, found))


def _json_type(value: object) -> str:
    kinds = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "null"}
    return kinds.get(type(value), "a number")


def _clean(text: str) -> str:
    """NFC, as the articles are. Half a surrogate pair can be neither found nor printed."""
    return normalize(text.encode("utf-8", "replace").decode("utf-8")).strip()


# --- asking --------------------------------------------------------------------------------------------------------------


def evaluate(
    questions: str | Path | Iterable[Case],
    chatbot: Chatbot | Settings | None = None,
    *,
    on_progress: Callable[[Progress], None] | None = None,
) -> Report:
    """Ask questions with known answers and reports what was found, answered, refused and quoted.

    ``questions`` is a file (see ``read_questions``) or cases; ``chatbot`` answers them, or one that is opened with the
    settings (the environment's by default), its index built first where it is missing or outdated. ``on_progress`` is
    called after each question. Raises FootnoteError.

    >>> import tempfile
    >>> settings = Settings(index=Path(tempfile.mkdtemp()))
    >>> asked = [Case("How many people came to the rally against violence?", answers=("250",)),
    ...          Case("How deep is Lake Baikal?", none=True)]
    >>> measures = evaluate(asked, settings).summaries["all"].measures
    >>> measures["answer right"], measures["refused rightly"], measures["quotes verbatim"]
    (1.0, 1.0, 1.0)
    """
    cases = _cases(questions)
    if not isinstance(chatbot, Chatbot):
        with closing(Chatbot.open(chatbot, on_progress=on_progress)) as opened:
            return evaluate(cases, opened, on_progress=on_progress)
    articles = _Articles(chatbot)
    for case in cases[:1]:  # loads what is loaded on first use; a chat model is not asked twice, it may cost money
        (chatbot.ask if chatbot.model is None else chatbot.retrieve)(case.question)
    outcomes = []
    for case in cases:
        outcomes.append(_asked(chatbot, articles, case))
        if on_progress is not None:
            on_progress(Progress("asking", len(outcomes), len(cases)))
    return Report(chatbot.settings, tuple(outcomes))


def evaluate_against(
    questions: str | Path | Iterable[Case],
    settings: Settings,
    others: Sequence[Settings],
    *,
    on_progress: Callable[[Progress], None] | None = None,
) -> tuple[Report, tuple[Comparison, ...]]:
    """Ask the same questions under several settings. Each of ``others`` is compared with ``settings``.

    Settings that need an index of their own get one in a temporary folder, unless they name another folder than
    ``settings`` does: the user's index stays as it is. An embedding model that several settings name is loaded once.
    Raises FootnoteError.
    """
    cases = _cases(questions)
    embedders = {}
    reports = []
    for each in (settings, *others):
        if each.embedder not in embedders:
            embedders[each.embedder] = load_embedder(each)
        with ExitStack() as stack:
            own = stack.enter_context(_with_own_index(each, settings))
            chatbot = Chatbot.open(own, embedder=embedders[each.embedder], on_progress=on_progress)
            report = evaluate(cases, stack.enter_context(closing(chatbot)), on_progress=on_progress)
        reports.append(replace(report, settings=each))
    first, *rest = reports
    return first, tuple(compare(first, each) for each in rest)


_OF_THE_PAGE = ("host", "port", "log", "data", "conversations", "accounts", "allowed_hosts", "root_path", "watch")


def changed_settings(settings: Settings, changes: str) -> Settings:
    """Return the settings with some changed, written as ``name=value`` with spaces between. Raises SettingsError.

    >>> changed_settings(Settings(), "k=5 model=ollama:qwen3").k
    5
    >>> changed_settings(Settings(), "k=")
    Traceback (most recent call last):
    rag.errors.SettingsError: the setting k has no value; write k=VALUE
    """
    known = [each.name for each in fields(Settings) if each.name not in _OF_THE_PAGE]
    texts = {}
    for part in re.split(r"[\s,]+(?=\w+=)", changes.strip()):
        name, _, value = part.partition("=")
        if name not in known:
            raise SettingsError(f"there is no setting {name or changes!r}; change one of {', '.join(known)}")
        if not value.strip():
            raise SettingsError(f"the setting {name} has no value; write {name}=VALUE")
        texts[name] = value
    parsed = Settings.from_environment({f"RAG_{name.upper()}": value for name, value in texts.items()})
    return settings.replace(**{name: getattr(parsed, name) for name in texts})


@contextmanager
def _with_own_index(settings: Settings, first: Settings) -> Iterator[Settings]:
    of_index = ("articles", "embedder", "passage_tokens", "max_file_megabytes")
    same = all(getattr(settings, name) == getattr(first, name) for name in of_index)
    if same or settings.index != first.index:
        yield settings
    else:
        with TemporaryDirectory(prefix="footnote-") as folder:
            yield settings.replace(index=folder)


def _cases(questions: str | Path | Iterable[Case]) -> tuple[Case, ...]:
    if isinstance(questions, (str, Path)):
        return read_questions(questions)
    return tuple(each if each.line else replace(each, line=number) for number, each in enumerate(questions, start=1))


def _asked(chatbot: Chatbot, articles: _Articles, case: Case) -> Outcome:
    located, problems = [], []
    for evidence in case.evidence:
        try:
            located.append(articles.locate(evidence))
        except QuestionError as error:
            problems.append(str(error))
    history: list[Message] = []
    for earlier in case.history:
        history += [Message("user", earlier), Message("assistant", chatbot.ask(earlier, tuple(history)).text)]
    hits, retrieve_ms = _timed(lambda: chatbot.retrieve(case.question, max(DEPTHS)))
    answer, answer_ms = _timed(lambda: chatbot.ask(case.question, tuple(history)))
    if answer.searched:
        hits, retrieve_ms = _timed(lambda: chatbot.retrieve(answer.searched, max(DEPTHS)))
    wrong = [each.quote for each in answer.citations if not articles.holds(each.hit, each.start, each.end, each.quote)]
    problems += [f"the quote {quote!r} does not stand where the answer says" for quote in wrong]
    if chatbot.model is not None and answer.model == "extractive":
        problems.append(f"the model did not write this answer: {answer.notice}")
    return Outcome(
        case=case,
        ranks=ranks(hits, located),
        read=tuple(rank is not None for rank in ranks(answer.hits, located)),
        answer=answer,
        verbatim=len(answer.citations) - len(wrong),
        retrieve_ms=retrieve_ms,
        answer_ms=answer_ms,
        problems=tuple(problems),
    )


def _timed(call: Callable[[], _Value]) -> tuple[_Value, float]:
    started = time.perf_counter()
    value = call()
    return value, (time.perf_counter() - started) * 1000


@dataclass(frozen=True, slots=True)
class Located:
    """Evidence as it stands in the index: an article, and every span that is the quote (none: all of it)."""

    document: str
    spans: tuple[tuple[int, int], ...] = ()

    def held_by(self, hit: Hit) -> bool:
        """Tell whether a passage covers at least half of the quote, wherever in the article it stands."""
        passage = hit.passage
        if passage.document_id != self.document:
            return False
        return not self.spans or any(
            2 * (min(end, passage.end) - max(start, passage.start)) >= end - start for start, end in self.spans
        )


class _Articles:
    """The articles of a chatbot, each text read once for many questions about it."""

    def __init__(self, chatbot: Chatbot) -> None:
        self._ids = [header.id for header in chatbot.documents()]
        self._text = lru_cache(maxsize=256)(lambda id: chatbot.document(id).text)

    def locate(self, evidence: Evidence) -> Located:
        """Where a piece of evidence stands. Raises QuestionError where that is nowhere, or not certain."""
        named = [id for id in self._ids if id.startswith(evidence.document)]
        if evidence.document in named:
            named = [evidence.document]
        if not named:
            raise QuestionError(f"no article is named {evidence.document!r}; see rag status")
        if len(named) > 1:
            raise QuestionError(f"{len(named)} articles begin with {evidence.document!r}; write more of the name")
        if not evidence.quote:
            return Located(named[0])
        pattern = r"\s+".join(map(re.escape, evidence.quote.split()))
        spans = tuple(match.span() for match in re.finditer(pattern, self._text(named[0])))
        if not spans:
            raise QuestionError(f"the quote {evidence.quote!r} does not stand in {named[0]}; copy it from rag search")
        return Located(named[0], spans)

    def holds(self, hit: Hit, start: int, end: int, quote: str) -> bool:
        """Tell whether the article of a passage has this quote at these characters."""
        return bool(quote) and self._text(hit.passage.document_id)[start:end] == quote


# --- measuring -----------------------------------------------------------------------------------------------------------


def ranks(hits: Sequence[Hit], evidence: Sequence[Located]) -> tuple[int | None, ...]:
    """Return for each piece of evidence the rank of the first passage that holds it, or ``None``."""
    return tuple(next((rank for rank, hit in enumerate(hits, start=1) if each.held_by(hit)), None) for each in evidence)


def any_within(ranks: Ranks, depth: int) -> float | None:
    """1 where a piece of evidence is among the first ``depth`` passages, else 0: success at k, as in TREC.

    >>> any_within((3, None), 1), any_within((3, None), 3), any_within((), 3)
    (0.0, 1.0, None)
    """
    return float(any(rank is not None and rank <= depth for rank in ranks)) if ranks else None


def all_within(ranks: Ranks, depth: int) -> float | None:
    """1 where every piece of evidence is among the first ``depth`` passages, else 0.

    >>> all_within((3, None), 10), all_within((3, 1), 3)
    (0.0, 1.0)
    """
    return float(all(rank is not None and rank <= depth for rank in ranks)) if ranks else None


def reciprocal_rank(ranks: Ranks, depth: int = 10) -> float | None:
    """Return one through the rank of the first evidence among ``depth`` passages, 0 where there is none.

    The mean over questions is the mean reciprocal rank of Voorhees 1999 (The TREC-8 Question Answering Track Report).

    >>> reciprocal_rank((4, 2))
    0.5
    """
    found = [rank for rank in ranks if rank is not None and rank <= depth]
    return (1 / min(found) if found else 0.0) if ranks else None


def evidence_ndcg(ranks: Ranks, depth: int = 10) -> float | None:
    """Return nDCG where a passage with new evidence is worth 1, one that repeats it nothing.

    Pieces that one passage holds together count as one, so that 1 is reached exactly where what holds evidence comes first.

    >>> evidence_ndcg((1, 2)), evidence_ndcg((2, 2, 1)), evidence_ndcg((None, 1)) < 0.62
    (1.0, 1.0, True)
    """
    if not ranks:
        return None
    found = {rank for rank in ranks if rank is not None}
    gains = [float(rank in found) for rank in range(1, depth + 1)]
    return ndcg(gains, [1.0] * (len(found) + sum(rank is None for rank in ranks)), depth)


def ndcg(gains: Sequence[float], relevant: Sequence[float], depth: int = 10) -> float:
    """Return normalised discounted cumulative gain, 0 to 1: of ``gains`` by rank, against those of all ``relevant``.

    A gain counts through the binary logarithm of its rank plus 1 (Järvelin and Kekäläinen 2002,
    https://doi.org/10.1145/582415.582418, discounted as in trec_eval and BEIR), and the best order is worth 1.

    >>> ndcg([0.0, 1.0], [1.0]) == 1 / math.log2(3)
    True
    """

    def discounted(values: Sequence[float]) -> float:
        return sum(gain / math.log2(rank + 1) for rank, gain in enumerate(values[:depth], start=1))

    best = discounted(sorted(relevant, reverse=True))
    return discounted(gains) / best if best else 0.0


def is_right(text: str, answers: Iterable[str]) -> bool:
    """Tell whether a text holds one of the answers.

    Words must stand there whole and in their order, case, accents and spacing aside (much as a passage "has the answer" in
    Chen et al. 2017, https://arxiv.org/abs/1704.00051), and a number must not be part of a longer one. An answer between
    slashes is searched for as a regular expression, case aside.

    >>> is_right("It cost 1.9 billion crowns.", ["1.9  Billion"]), is_right("It cost 1.9 billion crowns.", ["9 billion"])
    (True, False)
    >>> is_right("Nobody voted.", ["/vot(ed|ing)/"])
    True
    """
    written, plain = " ".join(_clean(text).split()), folded(text)
    return any(_pattern(each).search(written if _is_expression(each) else plain) for each in answers)


@lru_cache(maxsize=4096)
def _pattern(answer: str) -> re.Pattern[str]:
    if _is_expression(answer):
        try:
            return re.compile(answer[1:-1], re.IGNORECASE)
        except (re.error, RecursionError, OverflowError) as error:
            raise QuestionError(f"the answer {answer} is no regular expression ({error}); mend it") from None
    plain = folded(answer)
    if not plain:
        raise QuestionError("an answer is empty; fill or remove it")
    before = r"(?<!\w)(?<!\d[.,])" if re.match(r"\w", plain[0]) else ""
    after = r"(?!\w)(?![.,]\d)" if re.match(r"\w", plain[-1]) else ""
    return re.compile(f"{before}{re.escape(plain)}{after}")


def _is_expression(answer: str) -> bool:
    return len(answer) > 2 and answer[0] == answer[-1] == "/"


def _within(measure: Callable[[Ranks, int], float | None], depth: int, outcome: Outcome) -> float | None:
    return measure(outcome.ranks, depth)


def _right(outcome: Outcome, count: int | None) -> float | None:
    """Look for a known answer in the first ``count`` sentences. The closest sentences of a refusal are none."""
    if not outcome.case.answers:
        return None
    text = " ".join(sentence.text for sentence in outcome.answer.sentences[:count])
    return float(not outcome.answer.refused and is_right(text, outcome.case.answers))


def _refused(outcome: Outcome, unanswerable: bool) -> float | None:
    return float(outcome.answer.refused) if outcome.case.unanswerable == unanswerable else None


MEASURES: dict[str, Callable[[Outcome], float | None]] = {
    **{f"any in top {depth}": partial(_within, any_within, depth) for depth in DEPTHS},
    **{f"all in top {depth}": partial(_within, all_within, depth) for depth in DEPTHS},
    "all read": lambda each: float(all(each.read)) if each.read else None,
    "MRR@10": lambda each: reciprocal_rank(each.ranks),
    "nDCG@10": lambda each: evidence_ndcg(each.ranks),
    "first sentence right": lambda each: _right(each, 1),
    "answer right": lambda each: _right(each, None),
    "refused rightly": lambda each: _refused(each, True),
    "refused wrongly": lambda each: _refused(each, False),
    "quotes verbatim": lambda each: each.verbatim / len(each.answer.citations) if each.answer.citations else None,
}
"""Every measure of one question, from 0 to 1, ``None`` where it does not apply.

``all read`` says whether the passages that the answer was made from hold all evidence; an answer is right where its first
sentence, or all of it together, holds one of the known answers (a refusal never does); ``refused rightly`` is over questions
that the articles do not answer, ``refused wrongly`` over all others; ``quotes verbatim`` is the share of an answer's quotes
that stand in the article at the characters named, letter for letter.
"""
COUNTS: dict[str, Callable[[Outcome], int]] = {
    "questions": lambda _: 1,
    "with evidence": lambda each: bool(each.ranks),
    "with answers": lambda each: bool(each.case.answers),
    "not answered there": lambda each: each.case.unanswerable,
    "quotes": lambda each: len(each.answer.citations),
}
"""How many there are of what the measures are shares of."""
TIMES: dict[str, Callable[[Outcome], float]] = {
    "retrieve ms": lambda each: each.retrieve_ms,
    "answer ms": lambda each: each.answer_ms,
}
_LESS_IS_BETTER = frozenset(("refused wrongly", *TIMES))


def _summary(kind: str, outcomes: Sequence[Outcome]) -> Summary:
    import numpy

    measures: dict[str, float | None] = {}
    for name, measure in MEASURES.items():
        values = [value for value in map(measure, outcomes) if value is not None]
        measures[name] = sum(values) / len(values) if values else None
    times = {
        f"{name} p{percent}": float(numpy.percentile([time(each) for each in outcomes], percent)) if outcomes else 0.0
        for name, time in TIMES.items()
        for percent in (50, 95)
    }
    counts = {name: sum(map(count, outcomes)) for name, count in COUNTS.items()}
    return Summary(kind, counts, measures, times)


# --- comparing -----------------------------------------------------------------------------------------------------------


def compare(before: Report, after: Report) -> Comparison:
    """Compare two reports question by question. Raises QuestionError where they asked different ones."""
    if [each.case for each in before.outcomes] != [each.case for each in after.outcomes]:
        raise QuestionError("the two reports are about different questions; ask the same ones under both settings")
    pairs = list(zip(before.outcomes, after.outcomes, strict=True))
    differences = []
    for name, measure in {**MEASURES, **TIMES}.items():
        values = [(measure(first), measure(second)) for first, second in pairs]
        both = [(was, now) for was, now in values if was is not None and now is not None]
        if both:
            differences.append(_difference(name, both))
    changes = (_change(first, second) for first, second in pairs)
    return Comparison(before, after, tuple(differences), tuple(each for each in changes if each.moved))


def _difference(name: str, pairs: Sequence[tuple[float, float]]) -> Difference:
    moves = [now - was for was, now in pairs]
    low, high = bootstrap(moves)
    rises, falls = sum(move > 0 for move in moves), sum(move < 0 for move in moves)
    better, worse = (falls, rises) if name in _LESS_IS_BETTER else (rises, falls)
    was, now = (sum(values) / len(pairs) for values in zip(*pairs, strict=True))
    return Difference(name, len(pairs), was, now, sum(moves) / len(moves), low, high, better, worse)


def bootstrap(values: Sequence[float]) -> tuple[float, float]:
    """Return a mean's 95 % interval by the percentile bootstrap (Efron and Tibshirani 1993).

    >>> bootstrap([0.25, 0.25, 0.25])
    (0.25, 0.25)
    """
    import numpy

    random, known = numpy.random.default_rng(SEED), numpy.asarray(values, float)
    means = [random.choice(known, len(known)).mean() for _ in range(RESAMPLES)]
    low, high = numpy.percentile(means, (2.5, 97.5))
    return float(low), float(high)


def _change(before: Outcome, after: Outcome) -> Change:
    moved, verdicts = {}, set()
    now = after.measures
    for name, was in before.measures.items():
        value = now[name]
        if was is not None and value is not None and was != value:
            moved[name] = (was, value)
            verdicts.add("better" if (value > was) != (name in _LESS_IS_BETTER) else "worse")
    return Change(before.case, moved, verdicts.pop() if len(verdicts) == 1 else "mixed")


# --- showing -------------------------------------------------------------------------------------------------------------

_WIDTH = 110


def _columns(rows: Sequence[tuple[str, Sequence[str]]]) -> Iterator[str]:
    """Yield rows of a name and cells as lines of equal columns. What is wider than a page goes below."""
    first = max(len(name) for name, _ in rows)
    widths = [max(map(len, cells)) + 2 for cells in zip(*(cells for _, cells in rows), strict=True)]
    begin = 0
    while begin < len(widths):
        end = begin + 1
        while end < len(widths) and first + sum(widths[begin : end + 1]) <= _WIDTH:
            end += 1
        if begin:
            yield ""
        for name, cells in rows:
            shown = "".join(cell.rjust(width) for cell, width in zip(cells[begin:end], widths[begin:end], strict=True))
            yield f"{name:{first}}{shown}"
        begin = end


def _share(value: float | None) -> str:
    """Return three digits; 1.000 means all of them."""
    if value is None:
        return "–"
    return f"{min(value, 0.999) if value < 1 else value:.3f}"


def _difference_cells(each: Difference) -> list[str]:
    digits = 1 if each.measure in TIMES else 3
    before, after = (f"{value:.{digits}f}" for value in (each.before, each.after))
    by, low, high = (f"{round(value, digits) + 0.0:+.{digits}f}" for value in (each.difference, each.low, each.high))
    return [str(each.questions), before, after, by, f"{low} to {high}", str(each.better), str(each.worse)]


def _noted(head: str, lines: Sequence[str]) -> list[str]:
    return ["", head, *(f"  {line}" for line in lines)] if lines else []


def _shown_settings(settings: Settings) -> dict[str, str]:
    """Return the settings that can change an answer, without folders above the last one."""
    left_out = ("index", "host", "port", "log")
    known = {each.name: getattr(settings, each.name) for each in fields(settings) if each.name not in left_out}
    return {name: value.name if isinstance(value, Path) else str(value) for name, value in known.items()}


def _outcome_json(outcome: Outcome) -> dict[str, Any]:
    case = outcome.case
    return {
        "line": case.line,
        "question": case.question,
        "kind": case.group,
        "language": case.language,
        "searched": outcome.answer.searched,
        "ranks": list(outcome.ranks),
        "read": list(outcome.read),
        "answer": outcome.answer.text,
        "model": outcome.answer.model,
        "refused": outcome.answer.refused,
        "measures": outcome.measures,
        "retrieve_ms": round(outcome.retrieve_ms, 3),
        "answer_ms": round(outcome.answer_ms, 3),
        "problems": list(outcome.problems),
    }
