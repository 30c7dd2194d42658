"""The terminal: every command as a user types it, its output for people and for programs, its exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from news import ARTICLES, write_articles
from rag.cite.checker import marked_text
from rag.doors.printing import print_answer
from rag.index.generations import new_generation
from rag.types import Answer, Header, Sentence
from talks import BRICK, BURNED, answered, cited, hit

FOLDERS = ("--articles", "news", "--index", "index")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_articles(tmp_path / "news", ARTICLES)
    return tmp_path


def run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return _run(folder, "-m", "rag", *arguments, **environment)


def run_python(folder: Path, program: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return _run(folder, "-c", program, **environment)


def _run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    root = str(Path(__file__).parent.parent)
    known = {"PYTHONPATH": root, "RAG_EMBEDDER": "hashing", "PYTHONUTF8": "1", **environment}
    command, environment = [sys.executable, *arguments], {**os.environ, "RAG_DATA": str(folder / "data"), **known}
    return subprocess.run(
        command, capture_output=True, text=True, cwd=folder, env=environment, check=False, encoding="utf-8", input=""
    )


def test_build_counts_and_a_second_build_keeps(folder: Path) -> None:
    first = run(folder, "build", *FOLDERS)
    assert first.returncode == 0
    assert first.stdout.startswith("3 articles, 3 passages (3 embedded): 3 added")
    assert run(folder, "build", *FOLDERS).stdout.startswith("3 articles, 3 passages (0 embedded): 3 kept")


def test_build_reports_every_bad_file_and_exits_2(folder: Path) -> None:
    (folder / "news" / "bad.txt").write_bytes(b"\x00\x01" * 900)
    (folder / "news" / "table.json").write_text("a,b")
    done = run(folder, "build", *FOLDERS)
    assert done.returncode == 2
    assert "failed: bad.txt: " in done.stdout
    assert "skipped: table.json: " in done.stdout
    report: dict[str, Any] = json.loads(run(folder, "build", *FOLDERS, "--json").stdout)
    assert (report["seen"], report["indexed"], [each["id"] for each in report["failed"]]) == (5, 3, ["bad.txt"])


def test_ask_builds_first_and_says_so(folder: Path) -> None:
    done = run(folder, "ask", "How many people does the battery plant near Osk employ?", *FOLDERS, "--json")
    assert "built first" in done.stderr
    answer = json.loads(done.stdout)
    assert answer["citations"]
    for citation in answer["citations"]:
        assert citation["quote"]
        assert citation["hit"]["passage"]["document_id"] in ARTICLES
        dated = {"2031-03-11": "as of 11 March 2031", "2031-03-04": "as of 4 March 2031", "": "undated"}
        assert citation["as_of"] == dated[citation["hit"]["document"]["published"]]
    again = run(folder, "ask", "How many people does the battery plant near Osk employ?", *FOLDERS, "--json")
    assert "built first" not in again.stderr
    assert json.loads(again.stdout) == answer


def test_ask_prints_the_quote_with_its_source(folder: Path) -> None:
    done = run(folder, "ask", "Velotek battery plant Osk opened tram maker town?", *FOLDERS)
    assert done.returncode == 0, done.stdout
    assert "[1] Battery plant opens near Osk · as of 11 March 2031" in done.stdout
    assert "“The tram maker Velotek opened a battery plant near the town of Osk.”" in done.stdout


def test_where_nothing_is_found_it_exits_3_and_names_the_nearest_in_short(folder: Path) -> None:
    done = run(folder, "ask", "Quicklime xylophone?", *FOLDERS)
    assert done.returncode == 3
    first, *nearest = done.stdout.splitlines()
    assert first == "No answer found."
    assert [line[:11] for line in nearest] == ["  Nearest: "] * 3
    assert json.loads(run(folder, "ask", "Quicklime xylophone?", *FOLDERS, "--json").stdout)["refused"] is True


def printed(answer: Answer, capsys: pytest.CaptureFixture[str]) -> str:
    print_answer(answer)
    return capsys.readouterr().out


def test_the_closest_sentences_are_printed_once_and_their_places_by_article(capsys: pytest.CaptureFixture[str]) -> None:
    other = cited(2, "It rained.", hit(Header("rain.md", "Rain"), "It rained."))
    said = [Sentence(each.quote, (each,), lead="\n- ") for each in (BURNED, BRICK, other)]
    answer = answered(*said, hits=(hit(),))
    text = f"No answer found. The closest sentences are:\n{marked_text(said)}"
    assert printed(replace(answer, state="closest", text=text), capsys) == (
        "No answer found. The closest sentences are:\n"
        "- The mill burned down in 1911. [1]\n- It was rebuilt in brick. [1]\n- It rained. [2]\n"
        "\n  [1] The mill of Tarn · Courier · as of 4 March 2031\n"
        "      mill.md, characters 0 to 29\n      mill.md, characters 30 to 54\n"
        "\n  [2] Rain · undated\n      rain.md, characters 0 to 10\n"
    )


def test_what_answers_is_bold_on_a_terminal_only(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    said = Sentence("It has \x1b[2J700 members.", (), unverified=((11, 14),), answer=(11, 14), label="Club")
    plain, bold = "Club: It has �[2J700 [in no quote] members.\n", "\x1b[1m{}\x1b[0m"
    assert printed(answered(said), capsys) == plain
    monkeypatch.setattr("click.utils.should_strip_ansi", lambda *_: False)
    assert printed(answered(said), capsys) == plain.replace("Club", bold.format("Club")).replace(
        "700", bold.format(700)
    )


def test_search_is_the_same_as_from_python(folder: Path) -> None:
    from rag.chatbot import Chatbot
    from rag.settings import Settings

    hits = json.loads(run(folder, "search", "lake water farmers", *FOLDERS, "-k", "2", "--json").stdout)
    chatbot = Chatbot.open(Settings(folder / "news", folder / "index", embedder="hashing"))
    expected = chatbot.retrieve("lake water farmers", 2)
    assert [(hit["passage"]["id"], hit["score"]) for hit in hits] == [(hit.passage.id, hit.score) for hit in expected]
    shown = run(folder, "search", "lake water farmers", *FOLDERS).stdout
    assert "words lake, water, farmers" in shown
    assert "weighed" not in shown


def test_search_explains_what_was_searched_and_what_was_left_out(folder: Path) -> None:
    asked = ("search", "What did the Harbour Courier say about Lake Verrin?", *FOLDERS, "-k", "1", "--explain")
    shown = run(folder, *asked, "--outlet", "Harbour Courier").stdout
    assert "1 passage weighed, 1 shown\n  narrowed to: Harbour Courier\n" in shown
    assert "left out" not in shown
    shown = run(folder, *asked, "--since", "2031-02-01").stdout
    assert "3 passages weighed, 1 shown\n  narrowed to: 2031-02-01 to …\n" in shown
    assert shown.count("  left out, better passages fill the places: ") == 2
    told = json.loads(run(folder, *asked, "--since", "2031-02-01", "--json").stdout)
    assert (told["candidates"], len(told["hits"]), len(told["dropped"])) == (3, 1, 2)
    assert told["dropped"][0]["reason"] == "better passages fill the places"


def test_status_and_verify(folder: Path) -> None:
    run(folder, "build", *FOLDERS)
    assert "up to date" in run(folder, "status", *FOLDERS).stdout
    assert run(folder, "verify", *FOLDERS[2:]).stdout == "3 passages checked, 0 problems\n"
    told = json.loads(run(folder, "status", "ru/ozero.txt", *FOLDERS, "--json").stdout)
    assert (told["reason"], told["left_out"]) == ("", {"title, authors and date": 3})
    assert "  left out: title, authors and date, 3 words\n" in run(folder, "status", "ru/ozero.txt", *FOLDERS).stdout
    missing = run(folder, "status", "nothing.txt", *FOLDERS)
    assert (missing.returncode, missing.stderr) == (1, "rag: the index knows no file nothing.txt; run: rag status\n")
    (folder / "news" / "plant.txt").unlink()
    state = json.loads(run(folder, "status", *FOLDERS, "--json").stdout)
    assert (state["articles"], state["outdated"]) == (3, True)
    (database,) = (folder / "index").rglob("documents.sqlite")
    database.write_bytes(database.read_bytes()[:-1])
    done = run(folder, "verify", *FOLDERS[2:])
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "rag: documents.sqlite of the index is damaged; run: rag build\n"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("ask",), 64, "the question is empty"),
        (("ask", "x", "-k", "0", *FOLDERS), 64, "not in the range"),
        (("ask", "  ", *FOLDERS), 64, "the question is empty"),
        (("fly",), 64, "No such command"),
        (("build", "--articles", "no/where"), 64, "'no/where'"),
        (("status", *FOLDERS), 1, "rag build"),
        (("verify", *FOLDERS[2:]), 1, "rag build"),
    ],
)
def test_mistakes_get_one_clear_line_and_a_code(folder: Path, arguments: tuple[str, ...], code: int, said: str) -> None:
    done = run(folder, *arguments)
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert str(folder) not in done.stderr


@pytest.mark.parametrize(
    ("name", "value"), [("RAG_K", "many"), ("RAG_K", "0"), ("RAG_EMBEDDER", "no/such-model"), ("RAG_MODEL", "parrot")]
)
def test_wrong_settings_are_named(folder: Path, name: str, value: str) -> None:
    done = run(folder, "ask", "Who came?", *FOLDERS, **{name: value, "HF_HUB_OFFLINE": "1"})
    assert done.returncode != 0
    assert name in done.stderr
    assert "Traceback" not in done.stderr


def test_another_build_exits_75(folder: Path) -> None:
    with new_generation(folder / "index"):
        done = run(folder, "build", *FOLDERS)
    assert done.returncode == 75
    assert "another build" in done.stderr


def test_an_interrupted_build_exits_130_and_leaves_nothing(folder: Path) -> None:
    program = (
        "import signal, sys; from rag.__main__ import main\n"
        "sys.modules['rag.index.build'].scan = lambda *_: signal.raise_signal(signal.SIGINT)\n"
        f"main(['build', *{FOLDERS!r}])"
    )
    done = run_python(folder, program)
    assert done.returncode == 130
    assert "Traceback" not in done.stderr
    assert [each.name for each in (folder / "index").iterdir()] == ["LOCK"]


def test_what_nobody_foresaw_is_one_line_and_only_debug_tells_more(folder: Path) -> None:
    program = (
        "import sys; from rag.__main__ import main\n"
        f"sys.modules['rag.index.build'].scan = lambda *_: 1 / 0\nmain(['build', *{FOLDERS!r}])"
    )
    done = run_python(folder, program)
    assert (done.returncode, done.stderr) == (
        1,
        "rag: something unexpected went wrong (ZeroDivisionError); set RAG_LOG=DEBUG to see more\n",
    )
    assert "Traceback" in run_python(folder, program, RAG_LOG="DEBUG").stderr


def test_text_of_articles_never_steers_the_terminal(folder: Path) -> None:
    write_articles(folder / "news", {"escape.txt": "The lighthouse\x1b[2J of Osk\u202e is tall and very old indeed."})
    done = run(folder, "search", "lighthouse of Osk", *FOLDERS)
    assert "\x1b" not in done.stdout
    assert "\u202e" not in done.stdout


def test_help_names_every_command_and_cuts_no_sentence_off() -> None:
    done = run(Path.cwd(), "--help")
    for command in ("add", "ask", "build", "chat", "search", "status", "verify"):
        assert f"  {command} " in done.stdout
    assert "..." not in done.stdout.partition("Commands:")[2]


def test_a_timeline_quotes_each_article_by_date(folder: Path) -> None:
    done = run(folder, "timeline", "Osk", *FOLDERS)
    assert done.returncode == 0, done.stderr
    assert "11 March 2031 · " in done.stdout
    entries = json.loads(run(folder, "timeline", "Osk", "--json", *FOLDERS).stdout)["entries"]
    assert [each["id"] for each in entries] == ["plant.txt"]
    text = (folder / "news" / "plant.txt").read_text("utf-8")
    assert entries[0]["quote"] in text
    assert entries[0]["as_of"] == "as of 11 March 2031"
    nothing = run(folder, "timeline", "Zembla", *FOLDERS)
    assert (nothing.returncode, "no article mentions" in nothing.stderr) == (3, True)
    nothing = run(folder, "timeline", "Osk", "--until", "2031-01-01", *FOLDERS)
    assert (nothing.returncode, "within what it was narrowed to" in nothing.stderr) == (3, True)


def test_a_search_can_be_narrowed_by_hand(folder: Path) -> None:
    found = json.loads(run(folder, "search", "tram", "--since", "2031-03-10", "--json", *FOLDERS).stdout)
    assert {hit["document"]["id"] for hit in found} == {"plant.txt"}
    nothing = run(folder, "search", "tram", "--since", "2032", *FOLDERS)
    assert (nothing.stdout, "narrowed to" in nothing.stderr) == ("", True)


def test_known_answers_are_counted(folder: Path) -> None:
    lines = [
        {
            "question": "How long will the tram line be?",
            "answers": ["14 kilometres"],
            "evidence": [{"document": "harbour"}],
        },
        {"question": "What is the capital of Mongolia?", "none": True},
    ]
    (folder / "questions.jsonl").write_text("\n".join(map(json.dumps, lines)), "utf-8")
    done = run(folder, "eval", "questions.jsonl", "--against", "k=1", *FOLDERS)
    assert done.returncode == 0, done.stderr
    assert "MRR" in done.stdout
    (folder / "questions.jsonl").write_text("{}", "utf-8")
    wrong = run(folder, "eval", "questions.jsonl", *FOLDERS)
    assert (wrong.returncode, "line 1" in wrong.stderr) == (64, True)


def test_models_are_listed_without_any_key(folder: Path) -> None:
    done = run(folder, "models", OPENAI_API_KEY="test-key-canary")
    assert done.returncode == 0, done.stderr
    assert "key is set" in done.stdout
    assert "canary" not in done.stdout + done.stderr
    rows = json.loads(run(folder, "models", "--json").stdout)
    assert rows[0]["service"] == "extractive"


def test_a_model_that_cannot_be_reached_gives_way_and_says_so(folder: Path) -> None:
    done = run(folder, "ask", "How long will the tram line be?", "--model", "http://127.0.0.1:9/v1#small", *FOLDERS)
    assert "127.0.0.1:9" in done.stderr
    assert "sentences of the articles instead" in done.stderr
    unknown = run(folder, "ask", "How long?", "--model", "opnai:large", *FOLDERS)
    assert (unknown.returncode, "did you mean openai:large" in unknown.stderr) == (64, True)
