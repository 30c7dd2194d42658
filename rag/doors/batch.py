"""Answer a file of questions into a file. A run that was ended goes on where it was.

``OUT.progress`` keeps each answer as it comes. The same command asks none of them again while the index, the model and what
the search is narrowed to are the same.
"""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rag.doors.printing import answer_text, plain, plural
from rag.errors import QuestionError, SettingsError, StoreError
from rag.types import Answer, Citation, Progress, Scope, State

if TYPE_CHECKING:
    from rag.chatbot import Chatbot

COLUMN = "question"
"""The column, or the field, in which a question stands."""
FORMULAS = tuple("=+-@＝＋－＠\t\r\n")
"""What begins a formula in a spreadsheet, or hides what does (https://owasp.org/www-community/attacks/CSV_Injection)."""
_AFTER_SEMICOLON = re.compile(r";(?=\s*[=+\-@＝＋－＠])")
SHOWN_BAD_LINES = 5
MOST_COLUMNS = 1000
"""Each row of a table is kept with a cell for every column."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of the file; ``row`` are all cells of its line by column."""

    question: str
    row: Mapping[str, str] = field(default_factory=dict)


def read_questions(path: Path) -> list[Asked]:
    """Read the questions of a file as ``parse_questions`` does; raises QuestionError, also where it cannot be read."""
    try:
        return parse_questions(path.read_bytes(), path)
    except OSError as error:
        raise QuestionError(
            "{name} cannot be read ({message}); name another file", name=path, message=(error.strerror or "").lower()
        ) from None


def parse_questions(data: bytes, path: Path, most: int | None = None) -> list[Asked]:
    """Read the questions of a .csv (column "question"), .jsonl (field "question") or other file (one a line).

    Of lines that should hold one the first ``most`` are read. Raises QuestionError where there is none, naming the lines
    that cannot be used.
    """
    from rag.retrieval.find import check_question

    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise QuestionError(
            "{path} is not UTF-8 (at byte {start}); save it as UTF-8", path=path, start=error.start
        ) from None
    read = {".csv": _csv_lines, ".jsonl": _json_lines}.get(path.suffix.lower(), _text_lines)
    asked, wrong = [], []
    try:
        for number, row in islice(read(text), most):
            try:
                asked.append(Asked(check_question(row[COLUMN]), row))
            except QuestionError as error:
                wrong.append(f"line {number}: {error}")
    except QuestionError as error:
        wrong.append(str(error))
    if wrong:
        more = f"; and {plural(len(wrong) - SHOWN_BAD_LINES, 'more line')}" if len(wrong) > SHOWN_BAD_LINES else ""
        raise QuestionError("{path}, {wrong}{more}", path=path, wrong="; ".join(wrong[:SHOWN_BAD_LINES]), more=more)
    if not asked:
        raise QuestionError("{path} holds no questions; write one a line", path=path)
    return asked


def answer_file(chatbot: Chatbot, asked: Sequence[Asked], out: Path, k: int | None, scope: Scope | None) -> None:
    """Answer the questions and write the answers; raises SettingsError where they cannot be written."""
    from rag.doors.opened import progress_bar

    write = checked_format(out)
    questions = list(dict.fromkeys(each.question for each in asked))
    kept = _Progress(out, _circumstances(chatbot, k, scope))
    known = {each: answer for each in questions if (answer := kept.answers.get(each))}
    if known:
        click.echo(f"{plural(len(known), 'question')} answered before; delete {kept.path} to ask again.", err=True)
    try:
        with progress_bar() as on_progress:
            for question in [each for each in questions if each not in known]:
                on_progress(Progress("asking", len(known), len(questions)))
                known[question] = chatbot.ask(question, k=k, scope=scope)
                gave_way = chatbot.model is not None and known[question].model != chatbot.model.name
                if not (gave_way and known[question].notice):  # else it is asked again
                    kept.add(known[question])
    except KeyboardInterrupt:
        click.echo(f"{len(known):,} of {plural(len(questions), 'question')} answered; run it again to go on.", err=True)
        raise
    _replace(out, write([(each, known[each.question]) for each in asked], out.stem))
    states = Counter(known[each.question].state for each in asked)
    counts = ", ".join(f"{states[state]} {said}" for state, said in _STATES.items() if states[state])
    click.echo(f"{plural(len(asked), 'question')}: {counts}; written to {out}")


def checked_format(out: Path) -> Writer:
    """Return what writes a file of this ending; raises SettingsError for another one."""
    write = _WRITERS.get(out.suffix.lower())
    if write is None:
        raise SettingsError(f"{{out}} is no file of answers; end its name in {', '.join(_WRITERS)}", out=out)
    return write


def cell(text: str) -> str:
    """Put an apostrophe before what a spreadsheet takes for a formula. Also where it parts cells at semicolons.

    >>> cell("=1+1"), cell("It rained; see p. 4."), cell("Hello;=1+1")
    ("'=1+1", 'It rained; see p. 4.', "Hello;'=1+1")
    """
    text = _AFTER_SEMICOLON.sub(";'", text)
    return f"'{text}" if text.startswith(FORMULAS) or text.lstrip().startswith(FORMULAS) else text


Rows = Sequence[tuple[Asked, Answer]]
Writer = Callable[[Rows, str], bytes]


class _Progress:
    """The answers that were given under the same circumstances, one record a line."""

    def __init__(self, out: Path, circumstances: str) -> None:
        from rag.export.record import from_json

        self.path = out.with_name(f"{out.name}.progress")
        self.answers: dict[str, Answer] = {}
        self._circumstances = circumstances
        try:
            with self.path.open("a+b") as file:  # that it can be written is found before anything is asked
                file.seek(0)
                lines = file.read().split(b"\n")
                if lines[-1]:  # the run was ended while it wrote
                    file.write(b"\n")
        except OSError as error:
            raise _unwritable(self.path, error) from None
        for line in lines:
            with suppress(ValueError, KeyError, TypeError, RecursionError, StoreError):
                record = json.loads(line)
                if record["circumstances"] == circumstances:
                    answer = from_json(Answer, record["answer"])
                    self.answers[answer.question] = answer

    def add(self, answer: Answer) -> None:
        from rag.export.record import to_json

        record = json.dumps({"circumstances": self._circumstances, "answer": to_json(answer)})
        try:
            with self.path.open("ab") as file:
                file.write(record.encode() + b"\n")
        except OSError as error:
            raise _unwritable(self.path, error) from None


def _circumstances(chatbot: Chatbot, k: int | None, scope: Scope | None) -> str:
    """Hash what an answer depends on besides its question."""
    model = chatbot.model.name if chatbot.model else "extractive"
    values = [chatbot.contents().name, model, k or chatbot.settings.k, scope and asdict(scope)]
    return sha256(json.dumps(values).encode()).hexdigest()


def _replace(out: Path, data: bytes) -> None:
    try:
        written = out.with_name(f".{out.name}.tmp")
        written.unlink(missing_ok=True)  # a link that lies there is not followed
        with written.open("xb") as file:
            file.write(data)
        written.replace(out)
    except OSError as error:
        raise _unwritable(out, error) from None


def _unwritable(path: Path, error: OSError) -> SettingsError:
    lower = (error.strerror or "").lower()
    return SettingsError("{path} cannot be written ({lower}); name another file with --out", path=path, lower=lower)


def _text_lines(text: str) -> Iterator[tuple[int, dict[str, str]]]:
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield number, {COLUMN: line}


def _json_lines(text: str) -> Iterator[tuple[int, dict[str, str]]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            with suppress(ValueError, RecursionError):
                found = json.loads(line)
                if isinstance(found, dict) and isinstance(found.get(COLUMN), str):
                    yield number, {COLUMN: found[COLUMN]}
                    continue
            raise QuestionError(f'line {number}: write an object such as {{"{COLUMN}": "Who voted?"}}')


def _csv_lines(text: str) -> Iterator[tuple[int, dict[str, str]]]:
    head = text.partition("\n")[0]
    rows = csv.reader(StringIO(text, newline=""), delimiter=max(",;\t", key=head.count), strict=True)
    try:
        names = [name.strip() for name in next(rows, [])]
        place = next((place for place, name in enumerate(names) if name.casefold() == COLUMN), None)
        if place is None:
            raise QuestionError(f"no column {COLUMN}; name it in line 1, or save the questions as .txt")
        if len(names) > MOST_COLUMNS:
            raise QuestionError(f"more than {MOST_COLUMNS:,} columns; keep those that you need")
        for row in rows:
            if len(row) > len(names):
                raise QuestionError(
                    "line {line_num}: more cells than columns; put the question in quotation marks",
                    line_num=rows.line_num,
                )
            if any(row):
                cells = dict(zip(names, [*row, *[""] * (len(names) - len(row))], strict=True))
                yield rows.line_num, {**cells, COLUMN: cells[names[place]]}
    except csv.Error as error:
        raise QuestionError(
            "line {line_num}: no CSV ({error}); save it again from your spreadsheet",
            line_num=rows.line_num,
            error=error,
        ) from None


def _written_csv(rows: Rows, _title: str) -> bytes:
    """Write a row for each question. Its own cells, the answer, and a cell for each quote and each source."""
    columns = list(dict.fromkeys(name for each, _ in rows for name in each.row))
    most = max(len(answer.citations) for _, answer in rows)
    quotes = [f"{name} {number}" for number in range(1, most + 1) for name in ("quote", "source")]
    written = StringIO()
    writer = csv.writer(written, quoting=csv.QUOTE_ALL)  # some programs part cells at semicolons and tabs too
    writer.writerow([cell(name) for name in (*columns, "state", "answer", "notice", *quotes)])
    for each, answer in rows:
        cited = [text for citation in answer.citations for text in (citation.quote, _source(citation))]
        values = [each.row.get(name, "") for name in columns]
        values += [answer.state, answer_text(answer), answer.notice, *cited]
        writer.writerow([cell(plain(value)) for value in values])
    return written.getvalue().encode("utf-8-sig")  # a spreadsheet knows UTF-8 by its mark


def _written_jsonl(rows: Rows, _title: str) -> bytes:
    lines = [json.dumps(each.to_dict(), ensure_ascii=False) for _, each in rows]
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogatepass")


def _exported(kind: str) -> Writer:
    def write(rows: Rows, title: str) -> bytes:
        from rag.export.conversation import Turn
        from rag.export.formats import export

        turns = tuple(Turn(number, each.question, "done", each) for number, (_, each) in enumerate(rows, start=1))
        return export(turns, kind, title).content

    return write


def _source(citation: Citation) -> str:
    place = (citation.hit.document.cited(), citation.place, citation.hit.passage.document_id)
    return ", ".join(filter(None, place))


_STATES: dict[State, str] = {
    "answered": "answered",
    "closest": "with the closest sentences only",
    "none": "without an answer",
}
_WRITERS: dict[str, Writer] = {
    ".csv": _written_csv,
    ".html": _exported("html"),
    ".docx": _exported("docx"),
    ".jsonl": _written_jsonl,
}
