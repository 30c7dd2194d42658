"""What the program says of its troubles, told in Russian: every message that can reach the page, and its values."""

from __future__ import annotations

import ast
import base64
import errno
import importlib
import os
import re
import time
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rag
import rag.errors
from asynchronous import run
from rag.errors import StoreError
from rag.read.encoding import _MAGIC
from rag.settings import Settings
from rag.types import Answer, FileStatus, Progress
from rag.web import language
from rag.web.acts import Acts
from rag.web.conversation import Turn
from rag.web.conversations import Conversations
from rag.web.export import export
from rag.web.feedback import Feedback
from rag.web.history import History
from rag.web.keeper import IndexState, Keeper, index_data
from rag.web.language import MOST_NOTICES, messages, speaking, told
from rag.web.library import Library
from rag.web.models import Models
from rag.web.opening import Opening, State, progress_text, what_went_wrong
from rag.web.preferences import Preferences
from rag.web.rooms import Visitor
from rag.web.survey import Survey
from rag.web.templates import Template, Templates, filled
from talks import TALK

ROOT = Path(rag.__file__).parent.parent
SOURCES = (*sorted((ROOT / "rag").rglob("*.py")), *sorted((ROOT / "embeddings").glob("*.py")), ROOT / "ui.py")
RUSSIAN = Visitor("one", language="ru")

SPEAKERS = {name for name, found in vars(rag.errors).items() if isinstance(found, type)} | {
    *("EmbeddingError", "_Skipped", "_Once"),  # what becomes one of ours, or a file's reason
    *("_refused", "unreachable", "_corrupt", "damaged"),  # functions that make one
}
SHELF = "f\"{obstacle[:1].lower()}{obstacle[1:].rstrip('.')}\""
PASSED_ON = {
    "str(error)",
    "message",
    "reply['refused']",
    "_REFUSALS.get(getattr(error, 'err_code', None) or 3, _REFUSALS[3])",
    "_without_text(len(pages), scans, damaged)",
    "unsupported(suffix)",
    "unsupported(suffix[:20] if dot else '')",
    "unsupported(_UNPRINTABLE.sub(_escaped, path.suffix)[:20].rstrip())",
    "_reason(problem)",
    "_damaged(name)",
    "_damaged(pointer)",
    "_damaged(_MANIFEST)",
    SHELF,
    "template",
    "'{message:capital}'",
    "'{message:sentence}'",
}
"""What a message is made of elsewhere."""

IN_THE_TERMINAL = {
    "rag/doors/bearer.py",
    "rag/doors/exports.py",
    "rag/doors/mcp.py",
    "rag/doors/openai_shape.py",
    "rag/doors/serve.py",
    "rag/evaluate.py",
    "rag/settings.py",
    "rag/index/shards.py",
    "rag/web/accounts.py",
    "rag/web/security.py",
}
"""Commands, and what is checked before there is a page."""
NEVER_SHOWN = (
    # before there is a page
    "port {} cannot be used",
    "no port from {} on is free",
    "the page needs gradio",
    # for whoever calls our functions
    "{} cannot be changed in an open chatbot",
    "k is how many passages to find",
    "outlets and documents are lists",
    "published is the first and the last day",
    "{} is no day",
    "{} lies after {}",
    "An index takes vectors of",
    "An embedding model cannot be used in a forked process",
    # raised where a citation would be false, and caught there
    "the quote does not stand at characters",
)
MESSAGE = "there is no text in it"
"""A sample of a message in another one."""
SAMPLES = {
    "answer.cut": "The answer broke off: the answer is longer than 64,000 characters and was cut there; ask for less.",
    "_sentence(error)": "There is no text in it.",
    "_sentence(cut)": "There is no text in it.",
    "damage": "documents.sqlite of the index is damaged; run: rag build",
    "error": "there is no text in it",
    "kind": "a PDF file",
    "len(names)": "7",
    "limit": "5 MB",
    "obstacle": "there is no text in it",
    "problem": "does not exist",
    "said": "(429)",
    "self._failure": "the model small cannot be read",
    "self._remedy": "choose another with RAG_EMBEDDER, or set it to 'bundled'",
    "_reason(problem)": "cannot be read (permission denied)",
    "reason": "permission denied",
    "state.text": "Loading the model…",
    "what": "is damaged",
    "why": "nobody listens there; start the server, or set RAG_MODEL to another address",
    "_time(wait)": "75 seconds",
}
"""What stands in a message where it is more than a name or a number, by the expression in the source."""
COMMANDS = re.compile(
    r"rag (build|eval|status)|pip install [^;]*|bundled embedding model \w+|OLLAMA_CONTEXT_LENGTH|[\w.-]*\.sqlite"
)


@lru_cache
def parsed(path: Path) -> tuple[ast.Module, Mapping[str, Any]]:
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    return ast.parse(path.read_text("utf-8")), vars(importlib.import_module(name))


def constant(node: ast.expr, names: Mapping[str, Any]) -> str | None:
    """What is made of a module's constants alone, as it is in the end."""
    used = [each.id for each in ast.walk(node) if isinstance(each, ast.Name)]
    if not all(each.strip("_").isupper() and each in names for each in used):
        return None
    return str(eval(compile(ast.Expression(ast.fix_missing_locations(node)), "", "eval"), dict(names)))


def text_of(node: ast.expr, names: Mapping[str, Any], value: str | None) -> str | None:
    """A text with a sample for each of its values; with ``value`` for all of them where it is given."""
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(each, names, value) or "" for each in node.values)
    if isinstance(node, ast.FormattedValue):
        if isinstance(node.value, ast.IfExp) and not {type(node.value.body), type(node.value.orelse)} - {ast.Constant}:
            return text_of(node.value.orelse if value is None else node.value.body, names, value)  # an ending
        fixed = constant(ast.JoinedStr([node]), names)
        number = node.format_spec is not None and "," in ast.unparse(node.format_spec)
        sample = "1,234" if number else SAMPLES.get(ast.unparse(node.value), "Osk")
        return fixed if fixed is not None else sample if value is None else value
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return "".join(text_of(each, names, value) or "Osk" for each in (node.left, node.right))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "rstrip":
        return (text_of(node.func.value, names, value) or "").rstrip()
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format":
        outer = constant(node.func.value, names)
        return outer and outer.format(*(text_of(each, names, value) for each in node.args))
    if isinstance(node, ast.Constant) and not isinstance(node.value, str):
        return None
    return constant(node, names) if isinstance(node, (ast.Constant, ast.Name, ast.Attribute, ast.Call)) else None


def message_of(call: ast.Call, names: Mapping[str, Any], value: str | None) -> str | None:
    """An error's message: a text put together there, or a template with its values by name."""
    text = text_of(call.args[0], names, value)
    return sample(text, value) if text and call.keywords else text


def sample(template: str, value: str | None) -> str:
    """A template with samples, or with ``value``, for its names."""

    def each(found: re.Match[str]) -> str:
        number = found[2] or found[1] == "count"
        return value if value is not None else "1,234" if number else MESSAGE if found[1] == "message" else "Osk"

    return re.sub(r"\{(\w+)(:,)?\}", each, template)


def raised() -> Iterator[tuple[str, str]]:
    """Every message of an error that can reach a page, and where it stands."""
    for path in SOURCES:
        where = path.relative_to(ROOT).as_posix()
        if where in IN_THE_TERMINAL or where.startswith("rag/doors/"):
            continue
        tree, names = parsed(path)
        for node in ast.walk(tree):
            if not (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in SPEAKERS
                and node.args
            ):
                continue
            shape = message_of(node, names, "{}")
            if ast.unparse(node.args[0]) in PASSED_ON or (shape or "").startswith(NEVER_SHOWN):
                continue
            yield message_of(node, names, None) or ast.unparse(node.args[0]), f"{where}:{node.lineno}"


def english(russian: str) -> list[str]:
    """Two and more English words in a row, but for commands and what is set to what."""
    plain = re.sub(r"\(SERVICE .*?\)", "", COMMANDS.sub("", russian))
    return re.findall(r"\b[a-z']{2,} [a-z']{2,}\b", plain.replace("right, wrong, wrong citation, missing source", ""))


def everything_written() -> set[str]:
    """Every text of the sources, with samples, with numbers and with nothing for values; and what the system says."""
    found = {os.strerror(each).lower() for each in (errno.EACCES, errno.ENOENT, errno.ENOSPC, errno.EROFS, errno.EIO)}
    for stage in ("reading", "embedding", "keywords", "looking for changes"):
        found |= {progress_text(Progress(stage, 3, 5)), progress_text(Progress(stage, 0, 0))}
    for path in SOURCES:
        tree, names = parsed(path)
        for node in ast.walk(tree):
            if isinstance(node, (ast.JoinedStr, ast.BinOp)) or (
                isinstance(node, ast.Constant) and isinstance(node.value, str)
            ):
                written = {value: text_of(node, names, value) or "" for value in (None, "7", "")}
                found |= {*written.values(), *(sample(text, value) for value, text in written.items())}
    found |= {
        f"key is set; {each}" for each in found if each.startswith("first run")
    }  # a service's state is put together
    return found | {each.rstrip().removesuffix(".") for each in found}


class TestTable:
    def test_every_message_that_reaches_the_page_has_its_russian(self) -> None:
        found = dict(raised())
        assert len(found) > 150
        assert {text: where for text, where in found.items() if told(text, "ru") == text} == {}
        assert {text: told(text, "ru") for text in found if english(told(text, "ru"))} == {}

    def test_no_template_is_left_over(self) -> None:
        written = everything_written()
        templates = [(key, Template.of(key)) for key in messages("ru")]
        assert [key for key, each in templates if all(each.values(text) is None for text in written)] == []

    def test_what_is_never_shown_is_still_raised(self) -> None:
        shapes = [
            message_of(node, names, "{}") or ""
            for tree, names in map(parsed, SOURCES)
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in SPEAKERS and node.args
        ]
        assert [each for each in NEVER_SHOWN if not any(shape.startswith(each) for shape in shapes)] == []

    def test_a_message_and_its_russian_agree(self) -> None:
        for key, russian in messages("ru").items():
            expected = sorted(re.findall(r"\{(\w+(?::,)?)\}", key))
            for form in russian.split("|"):
                assert sorted(re.findall(r"\{(\w+(?::,)?)\}", form)) == expected, key
            assert len(russian.split("|")) in ((1, 3) if re.search(r"\{count(:,)?\}", key) else (1,)), key
            # A value that begins a text may have got a large letter, so it must begin the Russian too.
            assert not key.startswith("{") or russian.startswith(key[: key.index("}") + 1]), key
            assert set(re.findall(r"RAG_\w+|--[a-z-]+", key)) <= set(re.findall(r"RAG_\w+|--[a-z-]+", russian)), key

    def test_is_not_sent_to_browsers(self) -> None:
        assert (
            "модель ничего не написала"
            in messages("ru")["the chat model wrote nothing; ask again, or set RAG_MODEL to another model"]
        )
        assert "модель ничего не написала" not in language.script()


class TestTold:
    def test_a_number_takes_the_form_and_the_figures_of_the_language(self) -> None:
        shown = [told(f"Reading 1 of {each} articles…", "ru") for each in ("21", "1,234")]
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
        "text", ["", "Something else happened.", "the index is damage", "«индекс»", "{message}", "{"]
    )
    def test_what_is_not_known_stays(self, text: str) -> None:
        assert told(text, "ru") == text

    def test_english_stays_letter_for_letter(self) -> None:
        assert told("the index is damaged; run: rag build") == "the index is damaged; run: rag build"
        with speaking("ru"):
            assert told("hidden", "en") == "hidden"

    def test_an_error_that_is_not_ours_is_told_by_its_kind(self) -> None:
        assert "(KeyError)" in told(what_went_wrong(KeyError("secret"), "this"), "ru")
        assert english(told(what_went_wrong(KeyError("secret"), "this"), "ru")) == []

    @pytest.mark.parametrize("kind", [kind for _, kind in _MAGIC])
    def test_every_kind_of_file_has_its_name(self, kind: str) -> None:
        assert english(told(f"not text but {kind}; save it as text", "ru")) == []

    @pytest.mark.parametrize(
        ("text", "russian"),
        [
            (
                "The model did not answer. Endpoint not reachable at osk:80: nobody listens there; start the server, or set "
                "RAG_MODEL to another address. These are sentences of the articles instead.",
                "Модель не ответила. Сервер модели osk:80 недоступен: там никто не отвечает; запустите сервер или укажите в "
                "RAG_MODEL другой адрес. Вместо этого показаны предложения из статей.",
            ),
            (
                "The model did not answer. It is off. These are sentences of the articles instead.",
                "Модель не ответила. It is off. Вместо этого показаны предложения из статей.",
            ),
            (
                "The answer is cut. There is no text in it. No article meets all that was asked for; more were searched.",
                "Ответ оборван. В нём нет текста. Ни одна статья не отвечает всем условиям; поиск шёл шире.",
            ),
            (
                "The model read 3 of 5 passages; the rest did not fit. RAG_CONTEXT_TOKENS sets how much fits. Nobody knows.",
                "The model read 3 of 5 passages; the rest did not fit. RAG_CONTEXT_TOKENS sets how much fits. Nobody knows.",
            ),
        ],
    )
    def test_notices_that_follow_each_other_are_told_one_by_one(self, text: str, russian: str) -> None:
        assert told(text, "ru") == russian


VALUES = st.one_of(
    st.text(min_size=1, max_size=40),
    st.sampled_from(sorted(messages("ru"))),
    st.sampled_from(
        ["{reason}", "{count:,}", "\\1\\g<0>", "$&", "<b>", "|", "1,234", "Stopped.", "The answer is cut. Stopped"]
    ),
)


class TestValues:
    @given(value=VALUES)
    @settings(max_examples=100, deadline=None)
    def test_stand_letter_for_letter_whatever_they_are(self, value: str) -> None:
        text = f"pictures and scripts of the saved page {value}"
        assert told(text, "ru") == f"картинки и скрипты сохранённой страницы {value}"
        assert filled("{first}-{second}", {"first": "{second}", "second": value}) == "{second}-" + value

    @given(
        template=st.sampled_from(sorted(messages("ru"))),
        values=st.lists(st.text("ab ;{}", min_size=1), min_size=5, max_size=5),
    )
    @settings(max_examples=100, deadline=None)
    def test_fill_the_template_again_to_the_same_text(self, template: str, values: list[str]) -> None:
        known = Template.of(template)
        given_values = dict(zip(known.names, values, strict=False))
        number = {name: "1,234" for name in known.names if name.endswith(":,") or name == "count"}
        text = re.sub(r"\{(\w+(?::,)?)\}", lambda name: ({**given_values, **number})[name[1]], template)
        found = known.values(text)
        assert found is not None
        shown = {name: f"{each:,}" if isinstance(each, int) else each for name, each in found.items()}
        assert filled(template, shown) == text

    @given(
        parts=st.lists(st.sampled_from(["a", "b", "ab", ";"]), min_size=1, max_size=4), text=st.text("ab;", max_size=12)
    )
    @settings(max_examples=100, deadline=None)
    def test_are_found_wherever_a_regular_expression_finds_any(self, parts: list[str], text: str) -> None:
        written = "".join(f"{part}{{v{place}}}" for place, part in enumerate(parts))
        pattern = "".join(f"{re.escape(part)}(.+?)" for part in parts)
        found, expected = Template.of(written).values(text), re.fullmatch(pattern, text)
        assert (found is None) == (expected is None)
        assert expected is None or tuple((found or {}).values()) == expected.groups()

    def test_the_template_with_the_most_fixed_characters_is_meant(self) -> None:
        templates = Templates(["a {x}", "a {x} b {y}", "a {x} b"])
        assert templates.found("a 1 b 2") == ("a {x} b {y}", {"x": "1", "y": "2"})

    @pytest.mark.parametrize(
        "piece",
        [
            "The model did not answer. ",
            "The answers come from an older index: ",
            ", or enter one under API keys",
            "; ",
            " of ",
            "(",
        ],
    )
    def test_a_long_text_is_told_at_once(self, piece: str) -> None:
        for text in ("x" + (piece * 10_000)[:10_000], (piece * 10_000)[:10_000]):
            began = time.process_time()
            told(text, "ru")
            assert time.process_time() - began < 2

    def test_more_notices_than_an_answer_has_stay_as_they_are(self) -> None:
        text = " ".join(["No article meets all that was asked for; more were searched."] * (MOST_NOTICES + 5))
        assert told(text, "ru").count("поиск шёл шире.") < MOST_NOTICES + 5


class TestRooms:
    def test_the_index_says_why_it_failed(self) -> None:
        keeper = SimpleNamespace(state=IndexState("failed", "The index is damaged; run: rag build"), watching=False)
        assert index_data(cast("Keeper", keeper))["text"] == "The index is damaged; run: rag build"
        with speaking("ru"):
            assert index_data(cast("Keeper", keeper))["text"] == "Индекс повреждён; выполните: rag build"

    def test_the_table_of_articles_says_why_a_file_is_not_in_it(self, tmp_path: Path) -> None:
        chatbot = SimpleNamespace(
            documents=list, titles=dict, passage_counts=dict, contents=lambda: SimpleNamespace(name="1", articles=0)
        )
        opening = Opening(lambda _: cast("Any", None))
        opening.chatbot = cast("Any", chatbot)
        keeper = Keeper(opening, lambda _: iter(()))
        survey = Survey(opening, keeper)
        survey._files, survey._index = (
            (FileStatus("plant.txt", "failed", "not text but a PDF file; save it as text"),),
            "1",
        )
        library = Library(opening, keeper, survey, Settings(articles=tmp_path))
        with speaking("ru"):
            assert library.rows()["rows"][0][8] == "Не текст, а файл PDF; сохраните как текст"
            assert survey._first("fresh", 0)[1] == [["plant.txt", "не текст, а файл PDF; сохраните как текст"]]
            refused = library.take(["begin", "photo.png", 3])["refused"]
        assert refused == "Формат .png не читается; поместите в .pdf: его страницы может прочесть tesseract"

    def test_kept_conversations_and_feedback_say_what_stands_in_the_way(self) -> None:
        class Broken:
            def given(self, *_: Any) -> Any:
                raise StoreError(
                    "footnote.sqlite in the data folder is damaged; move it elsewhere and a new one is begun, or set RAG_DATA"
                )

        assert History().data(RUSSIAN)["unreadable"] == "Разговоры здесь не хранятся; задайте RAG_CONVERSATIONS=on"
        problem = Acts(cast("Feedback", Broken())).data((), RUSSIAN)["problem"]
        assert problem.startswith("Footnote.sqlite в папке данных повреждён;")

    def test_the_models_say_how_it_is_with_them(self) -> None:
        models = Models(Settings(), cast("Any", SimpleNamespace(keyed=())))
        found = SimpleNamespace(
            service="ollama", models=(), state='2 models; first run pip install "footnote-rag[openai]"'
        )
        models._found = (found,)
        state = models.data(RUSSIAN)["found"][0]["state"]
        assert state == '2 модели; сначала выполните pip install "footnote-rag[openai]"'

    def test_what_is_copied_and_saved_is_in_the_language_of_its_reader(self, tmp_path: Path) -> None:
        acts = Acts(Feedback(tmp_path))
        assert "Источники" in acts.act(TALK, {"turn": TALK[0].number, "name": "copy"}, RUSSIAN)["copy"]
        assert "Sources" in acts.act(TALK, {"turn": TALK[0].number, "name": "copy"}, Visitor("one"))["copy"]
        kept = Conversations(tmp_path)
        history, id = History(kept), kept.save("", TALK)
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
        ui._warn("The question is empty; type <what> you want to know", request_of)
        ui._warn("The question is empty; type what you want to know", request_of)
        assert warned[0] == "The question is empty; type &lt;what&gt; you want to know"
        assert warned[1] == "Вопрос пуст; напишите, что вы хотите узнать"

    def test_a_room_says_its_problem(self, ui: Any, request_of: Any) -> None:
        event = SimpleNamespace(_data={"name": "k", "value": "many"})
        room = Preferences(Settings(), Models(Settings(), cast("Any", SimpleNamespace(keyed=()))))
        problem = run(ui._acted(room, "adjust", event, request_of))["problem"]
        assert problem.startswith("Это не целое число от ")

    def test_the_masthead_says_why_there_is_no_index(self, ui: Any, request_of: Any) -> None:
        state = State("failed", "There is no index yet; run: rag build")
        handlers = ui.Handlers(
            SimpleNamespace(chatbot=None, state=state), SimpleNamespace(keyless=lambda _: "", remember=lambda _: None)
        )

        async def seen() -> list[Any]:
            return [each async for each in handlers.watch(request_of)]

        assert [each["text"] for each in run(seen())] == ["Индекса ещё нет; выполните: rag build"]
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
