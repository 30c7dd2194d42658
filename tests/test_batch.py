"""A file of questions in, a file of answers out: formats, formulas in cells, and runs that were ended."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from io import BytesIO, StringIO
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from docx import Document
from hypothesis import given
from hypothesis import strategies as st

from news import ARTICLES, write_articles
from rag.__main__ import cli
from rag.chatbot import Chatbot
from rag.doors.batch import Asked, answer_file, cell, parse_questions, read_questions
from rag.errors import QuestionError, SettingsError
from rag.settings import Settings
from rag.types import Answer, Message

QUESTIONS = (
    "How long will the tram line be?",
    "How many people does the plant employ?",
    "Quicklime xylophone?",
    "Who is the mayor?",
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_articles(tmp_path / "news", ARTICLES)
    for name, value in {"ARTICLES": "news", "INDEX": "index", "EMBEDDER": "hashing"}.items():
        monkeypatch.setenv(f"RAG_{name}", value)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in.txt").write_text("\n".join(QUESTIONS))
    return tmp_path


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The questions that were asked; the run is ended before each that begins with "stop"."""
    questions: list[str] = []
    ask = Chatbot.ask

    def counted(self: Chatbot, question: str, **more: object) -> Answer:
        if questions and questions[-1] == "stop":
            raise KeyboardInterrupt
        questions.append(question)
        return ask(self, question, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Chatbot, "ask", counted)
    return questions


def rag(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["ask", *arguments])


def test_every_quote_has_a_cell(folder: Path) -> None:
    (folder / "in.csv").write_text(
        "\ufeffid;Question\n1;How long will the tram line be?\n=2+3;Quicklime xylophone?\n", "utf-8"
    )
    done = rag("--file", "in.csv", "--out", "out.csv")
    assert (done.exit_code, done.stdout) == (
        0,
        "2 questions: 1 answered, 1 without an answer; written to out.csv\n",
    ), done.stderr
    rows = list(csv.DictReader(StringIO((folder / "out.csv").read_text("utf-8-sig"))))
    assert [each["id"] for each in rows] == ["1", "'=2+3"]
    assert [each["state"] for each in rows] == ["answered", "none"]
    answer = Chatbot.open().ask(QUESTIONS[0])
    for number, citation in enumerate(answer.citations, start=1):
        assert rows[0][f"quote {number}"] == citation.quote
        assert rows[0][f"source {number}"].startswith("Harbour town votes for a tram · Harbour Courier")
    assert not rows[1]["quote 1"]


def test_the_other_formats_hold_all_answers(folder: Path) -> None:
    for name in ("out.jsonl", "out.html", "out.docx"):
        assert rag("--file", "in.txt", "--out", name).exit_code == 0
    chatbot = Chatbot.open()
    expected = [chatbot.ask(each) for each in QUESTIONS]
    lines = (folder / "out.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(each) for each in lines] == [json.loads(json.dumps(each.to_dict())) for each in expected]
    page = (folder / "out.html").read_text("utf-8")
    written = "\n".join(each.text for each in Document(BytesIO((folder / "out.docx").read_bytes())).paragraphs)
    for answer in expected:
        assert (answer.question in page, answer.question in written) == (True, True)
        for citation in answer.citations:
            assert (citation.quote in page, citation.quote in written) == (True, True)


def test_a_run_that_was_ended_goes_on_where_it_was(folder: Path, asked: list[str]) -> None:
    (folder / "in.txt").write_text("\n".join((*QUESTIONS[:2], "stop", *QUESTIONS[2:], QUESTIONS[0])))
    ended = rag("--file", "in.txt", "--out", "out.csv")
    assert (ended.exit_code != 0, "3 of 5 questions answered; run it again" in ended.stderr) == (True, True)
    assert not (folder / "out.csv").exists()
    with (folder / "out.csv.progress").open("ab") as file:
        file.write(b'{"circumstances": "half a rec')
    asked.clear()
    done = rag("--file", "in.txt", "--out", "out.csv")
    assert (done.exit_code, asked) == (0, list(QUESTIONS[2:])), done.output
    assert "3 questions answered before" in done.stderr
    rows = list(csv.DictReader(StringIO((folder / "out.csv").read_text("utf-8-sig"))))
    assert [each["question"] for each in rows] == [*QUESTIONS[:2], "stop", *QUESTIONS[2:], QUESTIONS[0]]
    whole = (folder / "out.csv").read_bytes()
    asked.clear()
    assert rag("--file", "in.txt", "--out", "out.csv").exit_code == 0
    assert (asked, (folder / "out.csv").read_bytes()) == ([], whole)
    rag("--file", "in.txt", "--out", "out.csv", "-k", "2")  # other answers
    assert len(asked) == 3  # and then it is ended again


def test_a_record_that_was_cut_anywhere_is_asked_again(folder: Path, asked: list[str]) -> None:
    rag("--file", "in.txt", "--out", "out.jsonl")
    progress, whole = folder / "out.jsonl.progress", (folder / "out.jsonl").read_bytes()
    records = progress.read_bytes()
    for size in range(0, len(records), max(len(records) // 12, 1)):
        progress.write_bytes(records[:size])
        asked.clear()
        assert rag("--file", "in.txt", "--out", "out.jsonl").exit_code == 0
        ended = records[:size].count(b"\n")
        assert len(asked) in (len(QUESTIONS) - ended, len(QUESTIONS) - ended - 1)  # only its line's end may be cut off
        assert (folder / "out.jsonl").read_bytes() == whole


def test_what_a_model_failed_to_write_is_asked_again(folder: Path, asked: list[str], tmp_path: Path) -> None:
    def broken(messages: list[Message]) -> Iterator[str]:
        raise RuntimeError("no")
        yield ""

    chatbot = Chatbot.open(Settings.from_environment(), model=broken)
    for _ in range(2):
        asked.clear()
        answer_file(chatbot, [Asked(QUESTIONS[0])], tmp_path / "out.jsonl", None, None)
        assert asked == [QUESTIONS[0]]


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("in.txt", "Who came?\n\n# a remark\n Who left? \n", ["Who came?", "Who left?"]),
        ("in.csv", 'question\n"Who came, and when?"\n\nWho left?\n', ["Who came, and when?", "Who left?"]),
        ("in.csv", "n\tQUESTION\n1\tWho came, and when?\n", ["Who came, and when?"]),
        (
            "in.jsonl",
            '{"question": "Who came?", "answers": []}\n\n{"question": "Who left?"}',
            ["Who came?", "Who left?"],
        ),
    ],
)
def test_questions_are_read(tmp_path: Path, name: str, text: str, expected: list[str]) -> None:
    (tmp_path / name).write_text(text, "utf-8")
    assert [each.question for each in read_questions(tmp_path / name)] == expected


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("in.txt", "\n# nothing\n", "holds no questions"),
        ("in.txt", "Who?\n" + "x" * 2_001, "line 2: a question may have 2,000 characters"),
        ("in.csv", "name\nWho came?\n", "no column question"),
        ("in.csv", "question\nWho came, and when?\n", "line 2: more cells than columns"),
        ("in.csv", 'question\n"Who', "no CSV"),
        ("in.csv", "id,question\n1,\n", "line 2: the question is empty"),
        ("in.jsonl", '{"question": "Who?"}\n["Who?"]', "line 2: write an object"),
        ("in.jsonl", "[" * 100_000, "line 1: write an object"),
    ],
)
def test_what_is_no_question_is_named_by_its_line(tmp_path: Path, name: str, text: str, said: str) -> None:
    (tmp_path / name).write_text(text, "utf-8")
    with pytest.raises(QuestionError, match=said) as refused:
        read_questions(tmp_path / name)
    assert str(refused.value).startswith(str(tmp_path / name))


def test_a_wide_table_costs_no_more_than_its_rows() -> None:
    wide = b"question" + b"," * 400_000 + b"\n" + b"Who?\n" * 100_000  # a dictionary of each row grows with the square
    with pytest.raises(QuestionError, match="more than 1,000 columns"):
        parse_questions(wide, Path("in.csv"))


def test_no_more_is_read_than_can_be_answered() -> None:
    lines = b"Who?\n" * 100 + b"\xd1\x85" * 2_001
    assert len(parse_questions(lines, Path("in.txt"), 100)) == 100
    with pytest.raises(QuestionError, match="line 101"):
        parse_questions(lines, Path("in.txt"), 101)


def test_a_link_in_the_place_of_the_new_file_is_not_followed(folder: Path) -> None:
    other = folder / "other.txt"
    other.write_text("mine")
    (folder / ".out.csv.tmp").symlink_to(other)
    assert rag("--file", "in.txt", "--out", "out.csv").exit_code == 0
    assert other.read_text() == "mine"
    assert not (folder / "out.csv").is_symlink()


def test_what_cannot_be_written_is_told_before_anything_is_asked(folder: Path, asked: list[str]) -> None:
    for out, said in (("out.pdf", "end its name in .csv"), ("no/such/out.csv", "no/such/out.csv.progress cannot be")):
        done = rag("--file", "in.txt", "--out", out)
        assert isinstance(done.exception, SettingsError)
        assert said in str(done.exception)
    for wrong in (("--file", "in.txt"), ("--out", "out.csv"), ("Who?", "--file", "in.txt", "--out", "out.csv")):
        assert rag(*wrong).exit_code != 0
    assert asked == []


@given(st.text(st.sampled_from("=+-@＝\t\r\n '\"a1,;")))
def test_no_cell_is_a_formula_and_its_text_is_whole(text: str) -> None:
    guarded = cell(text)
    assert not guarded.lstrip().startswith(("=", "+", "-", "@", "＝"))
    assert not any(each.lstrip().startswith(("=", "+", "-", "@", "＝")) for each in guarded.split(";"))
    assert guarded.replace("'", "") == text.replace("'", "")
    written = StringIO()
    csv.writer(written).writerow([guarded, "next"])
    assert next(csv.reader(StringIO(written.getvalue(), newline=""))) == [guarded, "next"]
