"""What the program says of its troubles, told in Russian: every message that can reach the page, and its values."""

from __future__ import annotations

import ast
import base64
import errno
import importlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from html import unescape
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rag
import rag.errors
from asynchronous import run
from embeddings import EmbeddingError
from rag.errors import EmbedderError, RefusedFile, Translatable, joined
from rag.export.conversation import Turn
from rag.export.formats import export
from rag.index.store import FileState, Recipe, describe, read_description
from rag.read.encoding import _MAGIC
from rag.read.worker import Worker
from rag.settings import Settings
from rag.types import Answer, FileStatus, Progress
from rag.web import language
from rag.web.acts import Acts
from rag.web.conversations import Conversations
from rag.web.database import _corrupt
from rag.web.feedback import Feedback
from rag.web.history import History
from rag.web.keeper import Keeper
from rag.web.language import messages, speaking, told
from rag.web.library import Library
from rag.web.models import Models
from rag.web.opening import Opening, State, progress_text, state_data, what_went_wrong
from rag.web.preferences import Preferences
from rag.web.rooms import Visitor
from rag.web.talk import Handlers
from talks import TALK

ROOT = Path(rag.__file__).parent.parent
SOURCES = (*sorted((ROOT / "rag").rglob("*.py")), *sorted((ROOT / "embeddings").glob("*.py")), ROOT / "ui.py")
RUSSIAN = Visitor("one", language="ru")

SPEAKERS = {name for name, found in vars(rag.errors).items() if isinstance(found, type)} | {
    *("EmbeddingError", "EngineGone", "EngineRefused", "NoCollection", "_Skipped"),  # what becomes one of ours
    *("_refused", "unreachable", "damaged"),  # functions that make one of a template
}
PASSED_ON = re.compile(
    r"(\w+\.)*_?(template|message|why|reason|failure|text|name|obstacle|weights)$|"  # values that are one
    r"(_reason|_too_large|_without_text|from_plain|unsupported|Translatable)\(|_REFUSALS\.get\(|\w+_NAME$"
)
"""What a message is made of elsewhere."""

IN_THE_TERMINAL = {
    "rag/doors/bearer.py",
    "rag/doors/exports.py",
    "rag/doors/mcp.py",
    "rag/doors/openai_shape.py",
    "rag/doors/serve.py",
    "rag/evaluation.py",
    "rag/settings.py",
    "rag/index/shards.py",
    "rag/web/accounts.py",
    "rag/web/security.py",
}
"""Commands, and what is checked before there is a page."""
NEVER_SHOWN = (
    # before there is a page
    "port {port} cannot be used",
    "no port from {port} on is free",
    "the page needs gradio",
    # for whoever calls our functions
    "{names} cannot be changed in an open chatbot",
    "k is how many passages to find",
    "outlets, documents and names are lists",
    "published is the first and the last day",
    "{day} is no day",
    "{first} lies after {last}",
    "An index takes vectors of",
    "An embedding model cannot be used in a forked process",
    # raised where a citation would be false, or a collection is missing, and caught there
    "the quote does not stand at characters",
    "{name} holds no vectors of ours",
    "{count} rows are missing in",
    "Milvus has no collection of that name",
)


@lru_cache
def parsed(path: Path) -> tuple[ast.Module, Mapping[str, Any]]:
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    return ast.parse(path.read_text("utf-8")), vars(importlib.import_module(name))


def constant(node: ast.expr, names: Mapping[str, Any]) -> str | None:
    """What is made of a module's constants alone, as its template; None where a value is put in."""
    used = [each.id for each in ast.walk(node) if isinstance(each, ast.Name)]
    if any(isinstance(each, (ast.Call, ast.IfExp)) for each in ast.walk(node)) or not all(
        each.strip("_").isupper() and each in names for each in used
    ):
        return None
    found = eval(compile(ast.Expression(ast.fix_missing_locations(node)), "", "eval"), dict(names))
    return str(getattr(found, "template", found))


@lru_cache
def raised() -> Sequence[tuple[ast.expr, str | None, str]]:
    """What every error that can reach a page is made of, its template, and where it stands."""
    found: list[tuple[ast.expr, str | None, str]] = []
    for path in SOURCES:
        where = path.relative_to(ROOT).as_posix()
        if where in IN_THE_TERMINAL or where.startswith("rag/doors/"):
            continue
        tree, names = parsed(path)
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args):
                continue
            if node.func.id in SPEAKERS:
                first = node.args[0]
                choices = [first.body, first.orelse] if isinstance(first, ast.IfExp) else [first]
                found += [(each, constant(each, names), f"{where}:{node.lineno}") for each in choices]
    return found


def english(russian: str) -> list[str]:
    """Two and more English words in a row, but for commands and what is set to what."""
    commands = (
        r"rag (build|eval|status)|pip install [^;]*|OLLAMA_CONTEXT_LENGTH|[\w.-]*\.sqlite|\(SERVICE .*?\)|\{.*?\}"
    )
    return re.findall(r"\b[a-z']{2,} [a-z']{2,}\b", re.sub(commands, "", russian))


def everything_written() -> set[str]:
    """Every text of the sources, and what the system says."""
    found = {os.strerror(each).lower() for each in (errno.EACCES, errno.ENOENT, errno.ENOSPC, errno.EROFS, errno.EIO)}
    for stage in ("reading", "embedding", "keywords", "joining", "looking for changes"):
        for done in (0, 3):
            text = progress_text(Progress(stage, done, 5 * done))
            found.add(getattr(text, "template", text))
    for path in SOURCES:
        tree, names = parsed(path)
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
            elif isinstance(node, (ast.JoinedStr, ast.BinOp)):
                found.add(constant(node, names) or "")
    return found | {each[:1].lower() + each[1:] for each in found}


def known(template: str) -> bool:
    """Whether a template has its Russian: with other values it would still be found."""
    return told(Translatable(template), "ru") != template


class TestTable:
    def test_every_message_that_reaches_the_page_is_a_template_with_its_russian(self) -> None:
        found = raised()
        assert len(found) > 250
        finished = {where: ast.unparse(each) for each, text, where in found if text is None}
        assert {where: each for where, each in finished.items() if not PASSED_ON.match(each)} == {}
        texts = {text: where for _, text, where in found if text and not text.startswith(NEVER_SHOWN)}
        made = re.compile(r"[\W\d]*(\{\w+(:[a-z,]*)?\}[\W\d]*)*")  # of other messages alone
        assert {text: where for text, where in texts.items() if not made.fullmatch(text) and not known(text)} == {}

    def test_a_russian_message_is_russian(self) -> None:
        assert {text: english(text) for text in messages("ru").values() if english(text)} == {}

    def test_no_template_is_left_over(self) -> None:
        written = everything_written()
        assert sorted(key for key in messages("ru") if key not in written) == []

    def test_what_is_never_shown_is_still_raised(self) -> None:
        texts = [text or "" for _, text, _ in raised()]
        assert [each for each in NEVER_SHOWN if not any(text.startswith(each) for text in texts)] == []

    def test_a_message_and_its_russian_agree(self) -> None:
        for key, russian in messages("ru").items():
            expected = sorted(re.findall(r"\{(\w+(?::,)?)\}", key))
            for form in russian.split("|"):
                assert sorted(re.findall(r"\{(\w+(?::,)?)\}", form)) == expected, key
            assert len(russian.split("|")) in ((1, 3) if re.search(r"\{count(:,)?\}", key) else (1,)), key
            assert set(re.findall(r"RAG_\w+|--[a-z-]+", key)) <= set(re.findall(r"RAG_\w+|--[a-z-]+", russian)), key

    def test_is_not_sent_to_browsers(self) -> None:
        assert (
            "модель ничего не написала"
            in messages("ru")["the chat model wrote nothing; ask again, or set RAG_MODEL to another model"]
        )
        assert "модель ничего не написала" not in language.script()


class TestTold:
    def test_a_number_takes_the_form_and_the_figures_of_the_language(self) -> None:
        shown = [told(progress_text(Progress("reading", 1, each)), "ru") for each in (21, 1234)]
        assert shown == ["Читается 1 из 21 статьи…", "Читаются 1 из 1\u00a0234 статей…"]

    def test_the_first_letter_stays_large_or_small(self) -> None:
        assert told("the index is damaged; run: rag build", "ru") == "индекс повреждён; выполните: rag build"
        assert told("The index is damaged; run: rag build", "ru") == "Индекс повреждён; выполните: rag build"

    def test_what_the_page_says_itself_is_known_too(self) -> None:
        assert (
            told("The build was cancelled; the index is as it was before.", "ru")
            == "Построение прервано; индекс остался прежним."
        )

    @pytest.mark.parametrize(
        "text", ["", "Something else happened.", "the index is damage", "«индекс»", "{message}", "{", "|"]
    )
    def test_what_is_not_known_stays(self, text: str) -> None:
        assert told(text, "ru") == told(text, "en") == text

    def test_an_error_that_is_not_ours_is_told_by_its_kind(self) -> None:
        told_error = told(what_went_wrong(KeyError("secret"), "this"), "ru")
        assert "(KeyError)" in told_error
        assert english(told_error) == []

    @pytest.mark.parametrize("kind", [kind for _, kind in _MAGIC])
    def test_every_kind_of_file_has_its_name(self, kind: str) -> None:
        assert english(told(RefusedFile("not text but {message}; save it as text", message=kind).message, "ru")) == []

    @given(
        value=st.text(max_size=40)
        | st.sampled_from(sorted(messages("ru")))
        | st.sampled_from(["{reason}", "{count:,}", "\\1\\g<0>", "$&", "<b>", "|", "1,234"])
    )
    @settings(max_examples=50, deadline=None)
    def test_values_stand_letter_for_letter_whatever_they_are(self, value: str) -> None:
        text = Translatable("pictures and scripts of the saved page {page}", page=value)
        assert told(text, "ru") == f"картинки и скрипты сохранённой страницы {value}"

    def test_an_embedding_models_error_keeps_its_template(self) -> None:
        with pytest.raises(EmbedderError) as caught, EmbedderError.translated():
            raise EmbeddingError(
                "The reranker {name} failed ({kind}); {message}", name="x", kind="Y", message="is damaged"
            )
        assert str(caught.value) == "The reranker x failed (Y); is damaged"
        assert told(caught.value.message, "ru") == "Переранжировщик x: ошибка Y; повреждён"


class TestLedger:
    def test_a_reason_comes_back_as_a_template_and_an_older_one_as_it_was_written(self) -> None:
        large = Translatable("larger than {size} MB; split it or raise RAG_MAX_FILE_MEGABYTES", size="5")
        lost = Translatable("{missing} of {slides} slides are damaged; save it again", missing=1, slides=2)
        files = {each.id: each for each in (FileState("a", "", large), FileState("b", "1", notices=(lost, "hidden")))}
        written = json.loads(json.dumps(describe(Recipe("m", "f", 1), files, "")))
        _, _, read = read_description(written)
        assert read == files
        assert told(read["a"].reason, "ru").startswith("больше 5 МБ")
        assert (
            told(joined(*read["b"].notices, between="; "), "ru")
            == "1 из 2 слайдов повреждены; сохраните заново; скрытый"
        )
        for each in written["file_states"]:
            each["reason"], each["notices"] = str(files[each["id"]].reason), list(map(str, files[each["id"]].notices))
        assert read_description(written)[2] == files  # as it was written before
        written["file_states"][0]["reason"] = {"template": 1}
        with pytest.raises(ValueError, match="no message"):
            read_description(written)

    def test_what_the_reading_process_refuses_is_a_template(self) -> None:
        with Worker() as worker, pytest.raises(RefusedFile) as caught:
            worker.read("a.txt", b"%PDF-1.7")
        assert told(caught.value.message, "ru") == "не текст, а файл PDF; сохраните как текст"


class TestRooms:
    def test_the_index_says_why_it_failed(self) -> None:
        state = State("failed", "The index is damaged; run: rag build")
        assert state_data(state)["text"] == "The index is damaged; run: rag build"
        with speaking("ru"):
            assert state_data(state)["text"] == "Индекс повреждён; выполните: rag build"

    def test_the_table_of_articles_says_why_a_file_is_not_in_it(self, tmp_path: Path) -> None:
        chatbot = SimpleNamespace(
            documents=list, titles=dict, passage_counts=dict, contents=lambda: SimpleNamespace(name="1", articles=0)
        )
        opening = Opening(lambda _: cast("Any", None))
        opening.chatbot = cast("Any", chatbot)
        keeper = Keeper(opening, dict)
        refused = RefusedFile("not text but {message}; save it as text", message="a PDF file")
        keeper._files, keeper._index = (
            (FileStatus("plant.txt", "failed", refused.message),),
            "1",
        )
        library = Library(opening, keeper, Settings(articles=tmp_path))
        with speaking("ru"):
            assert library.rows()["rows"][0][8] == "Не текст, а файл PDF; сохраните как текст"
            assert keeper._first(State("fresh"), 0)[1] == [["plant.txt", "не текст, а файл PDF; сохраните как текст"]]

    def test_kept_conversations_and_feedback_say_what_stands_in_the_way(self) -> None:
        class Broken:
            def given(self, *_: Any) -> Any:
                raise _corrupt("is damaged")

        with speaking("ru"):
            unreadable = History().data(RUSSIAN)["unreadable"]
            problem = Acts(cast("Feedback", Broken())).data((), RUSSIAN)["problem"]
        assert unreadable == "Разговоры здесь не хранятся; задайте RAG_CONVERSATIONS=on"
        assert problem.startswith("Footnote.sqlite в папке данных повреждён;")

    def test_the_models_say_how_it_is_with_them(self) -> None:
        models = Models(Settings(), cast("Any", SimpleNamespace(keyed=())))
        found = SimpleNamespace(service="ollama", models=(), state=Translatable("{count} models", count=2))
        models._found = (found,)
        with speaking("ru"):
            unready = unescape(models.data(RUSSIAN)["unready"]["value"])
        assert "<dd>2 модели</dd>" in unready

    def test_what_is_copied_and_saved_is_in_the_language_of_its_reader(self, tmp_path: Path) -> None:
        acts = Acts(Feedback(tmp_path))
        with speaking("ru"):
            assert "Источники" in acts.act(TALK, {"turn": TALK[0].number, "name": "copy"}, RUSSIAN)["copy"]
        assert "Sources" in acts.act(TALK, {"turn": TALK[0].number, "name": "copy"}, Visitor("one"))["copy"]
        kept = Conversations(tmp_path)
        history, id = History(kept), kept.save("", TALK)
        with speaking("ru"):
            history.act("export_conversation", {"id": id, "kind": "markdown"}, RUSSIAN)
        assert "без источника" in base64.b64decode(history.data(RUSSIAN)["file"]["base64"]).decode()


class TestHandlers:
    """What the page's own file does, without gradio."""

    @pytest.fixture
    def ui(self) -> Any:
        return pytest.importorskip("ui")

    @pytest.fixture
    def request_of(self) -> Any:
        return SimpleNamespace(session_hash="one", username="", cookies={"footnote_language": "ru"}, headers={})

    def test_warns_in_the_language_of_the_page(self, ui: Any, request_of: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        warned: list[str] = []
        monkeypatch.setattr(ui, "gr", SimpleNamespace(Warning=lambda text, **_: warned.append(text)), raising=False)
        ui._warn("The question is empty; type <what> you want to know", ui._visitor(request_of))
        ui._warn("The question is empty; type what you want to know", ui._visitor(request_of))
        assert warned[0] == "The question is empty; type &lt;what&gt; you want to know"
        assert warned[1] == "Вопрос пуст; напишите, что вы хотите узнать"

    def test_a_room_says_its_problem(self) -> None:
        room = Preferences(Settings(), Models(Settings(), cast("Any", SimpleNamespace(keyed=()))))
        problem = run(room.acted("adjust", RUSSIAN, {"k": "many"}))["problem"]
        assert problem.startswith("Это не целое число от ")

    def test_the_masthead_says_why_there_is_no_index(self, ui: Any, request_of: Any) -> None:
        opening: Any = SimpleNamespace(
            chatbot=None, state=State("failed", "There is no index yet; run: rag build"), start=list
        )
        handlers = Handlers(opening, cast("Any", SimpleNamespace()))
        beat = ui._in_its_language(Keeper(opening, dict).beat)
        assert beat("", request_of)["text"] == "Индекса ещё нет; выполните: rag build"
        read = ui._in_its_language(handlers.read_article)
        assert read(["a.md", None, []], request_of)["error"] == "Эту статью нельзя открыть; откройте её со страницы"


class TestExports:
    def test_markdown_html_and_plain_text_are_in_the_language_of_the_page(self) -> None:
        failed = Turn(9, "Why?", "failed", None, note="The index is damaged; run: rag build")
        talk = (*TALK, failed, Turn(10, "Who?", "stopped", Answer("Who?", searched="Who is it?")))
        for kind in ("markdown", "plain", "html"):
            with speaking("ru"):
                text = export(talk, kind).content.decode()
            for said in (
                "без источника",
                "Нет ответа:",
                "Индекс повреждён; выполните: rag build",
                "Искали: Who is it?",
                "Остановлено раньше",
            ):
                assert said in text, kind
            assert "No answer" not in text
            assert "Sources" not in text
        assert '<html lang="ru">' in text
        with speaking("ru"):
            russian = export(talk, "json").content
        assert russian == export(talk, "json").content
