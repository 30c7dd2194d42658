"""Settings that a visitor changes: their bounds, whose they are, and that the chatbot answers with them."""

from __future__ import annotations

import asyncio
import json
import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from rag.chat.model_names import open_named
from rag.chatbot import CHANGEABLE, Chatbot
from rag.errors import KeyMissing, SettingsError
from rag.settings import Settings
from rag.web.head import Head
from rag.web.models import OF_THE_MODEL, Choice, Models
from rag.web.preferences import CHOICES, FIXED, LIMITS, Preferences
from rag.web.rooms import Visitor

ONE, TWO = Visitor("one"), Visitor("two")


class Services:
    """The models' room: "paid" asks for a key; notes with what settings a model was opened."""

    keyed = ("paid",)

    def __init__(self) -> None:
        self.opened: list[Settings] = []

    def look(self) -> tuple[()]:
        return ()

    def check(self, name: str) -> str:
        return name

    def open(self, settings: Settings, key: Any) -> Any:
        if settings.model.startswith("paid") and not key:
            raise KeyMissing("paid needs a key; set PAID_API_KEY")
        self.opened.append(settings)
        return settings.model


def rooms(**settings: Any) -> tuple[Preferences, Models, Services]:
    services = Services()
    own = Settings(**settings)
    models = Models(own, services)
    return Preferences(own, models), models, services


def value(room: Preferences, name: str, visitor: Visitor = ONE) -> Any:
    return room.data(visitor)[name]["value"]


def test_every_control_is_a_setting_that_an_open_chatbot_or_its_model_takes() -> None:
    assert {*LIMITS, *CHOICES} == {*CHANGEABLE, *OF_THE_MODEL}
    assert not {*LIMITS, *CHOICES} & {*FIXED}
    for name, edges in {**LIMITS, **CHOICES}.items():
        for edge in edges:
            Settings().replace(**{name: edge})


def test_a_change_is_the_sessions_own_and_goes_back() -> None:
    room, models, _ = rooms()
    assert room.act("k", {"k": 3}, ONE) == "Used from your next question on."
    room.act("rewrite", {"rewrite": "off"}, ONE)
    assert (value(room, "k"), value(room, "k", TWO)) == (3, 8)
    assert models.choice("one").changes == {"k": 3, "rewrite": "off"}
    room.act("k", {"k": 8}, ONE)
    assert models.choice("one").changes == {"rewrite": "off"}
    room.act("defaults", {}, ONE)
    assert models.choice("one") == Choice()
    room.act("k", {"k": 3}, ONE)
    assert room.act("k", {"k": 3.0}, ONE) is None, "nothing was changed, and gradio's numbers are all fractions"
    models.forget("one")  # its keys, for the page may only have lost its connection
    assert value(room, "k") == 3


def test_who_is_logged_in_is_told_to_that_visitor() -> None:
    room, _, _ = rooms()
    assert not room.data(ONE)["login"]["visible"]
    login = room.data(Visitor("three", "<b>maren"))["login"]
    assert login["visible"]
    assert "as &lt;b&gt;maren<" in login["value"]


@pytest.mark.parametrize(
    "sent",
    [
        {"k": None},
        {"k": 0},
        {"k": 21},
        {"k": True},
        {"k": "3"},
        {"k": 2.5},
        {"k": float("nan")},
        {"decompose": "maybe"},
        {"decompose": ["off"]},
        {"model": "near:small"},
        {"embedder": "bundled"},
    ],
)
def test_what_cannot_be_changes_nothing(sent: dict[str, Any]) -> None:
    room, models, _ = rooms()
    before = room.data(ONE)
    with pytest.raises(SettingsError, match="; "):
        room.act("adjust", sent, ONE)
    assert room.data(ONE) == before
    assert models.changes("one") == {}


def test_what_the_server_was_started_with_can_always_be_had() -> None:
    room, _, _ = rooms(k=50, context_tokens=600)
    room.act("k", {"k": 50}, ONE)
    room.act("context_tokens", {"context_tokens": 600}, ONE)
    with pytest.raises(SettingsError, match="from 1 to 20; set it to one such as 50"):
        room.act("k", {"k": 51}, ONE)


def test_no_path_is_shown() -> None:
    room, _, _ = rooms(articles=Path("/home/ann/reporting"), embedder="/models/small", data=Path("/srv/data"))
    shown = re.findall("<dd>([^<]*)</dd>", room.data(ONE)["fixed"]["value"])
    assert {"reporting (RAG_ARTICLES)", "small (RAG_EMBEDDER)", "data (RAG_DATA)"} <= set(map(unescape, shown))
    assert "/" not in "".join(map(unescape, shown))


def test_a_model_is_opened_with_the_changes_and_one_in_this_process_is_not_opened_twice() -> None:
    room, models, services = rooms(model="near:own")
    room.act("answer_seconds", {"answer_seconds": 20}, ONE)
    assert models.choice("one").open() == "near:own"  # type: ignore[comparison-overlap]
    assert services.opened[-1].answer_seconds == 20
    room.act("defaults", {}, ONE)
    room.act("k", {"k": 3}, ONE)
    assert models.choice("one").name == ""
    room, models, services = rooms(model="gguf:velm.gguf")
    room.act("context_tokens", {"context_tokens": 2048}, ONE)
    assert models.choice("one") == Choice(changes={"context_tokens": 2048})
    assert services.opened == []


def test_a_key_that_is_missing_is_waited_for() -> None:
    _, models, services = rooms(model="paid:grand")
    assert (models.keyless("one"), models.current("one")) == ("paid:grand", "extractive")
    assert models.choice("one") == Choice()
    assert models.keep_key("one", "paid", "test-key").endswith("paid:grand writes the answers.")
    assert (models.keyless("one"), models.keyless("two")) == ("", "paid:grand")
    assert models.choice("one").open() == "paid:grand"  # type: ignore[comparison-overlap]
    assert models.forget_key("one", "paid").endswith("answers are the articles' own sentences.")
    assert [each.model for each in services.opened] == ["paid:grand"]


def test_the_missing_key_has_an_error_of_its_own() -> None:
    with pytest.raises(KeyMissing, match="set OPENAI_API_KEY or RAG_API_KEY to it"):
        open_named(Settings(model="openai:grand"), environment={})


def test_the_page_opens_without_its_models_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ui = pytest.importorskip("ui")
    for name in ("OPENAI_API_KEY", "RAG_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "news").mkdir()
    (tmp_path / "news" / "ferry.md").write_text("# Ferries\n\nThe ferries of Orsund will cost 61 million crowns.\n")
    settings = Settings(articles=tmp_path / "news", index=tmp_path / "index", model="openai:grand")
    chatbot = ui.open_chatbot(settings, lambda _: None)
    try:
        assert chatbot.model is None
        assert "set OPENAI_API_KEY or RAG_API_KEY to it; or enter it in the page" in capsys.readouterr().err
    finally:
        chatbot.close()


def test_a_chatbot_answers_with_other_settings(tmp_path: Path) -> None:
    (tmp_path / "news").mkdir()
    for town in ("Orsund", "Tarn", "Luga", "Vell"):
        (tmp_path / "news" / f"{town}.md").write_text(f"# {town}\n\nThe ferry to {town} costs four crowns in winter.\n")
    chatbot = Chatbot.open(Settings(articles=tmp_path / "news", index=tmp_path / "index"))
    try:
        question = "What does the ferry cost?"
        assert len(chatbot.ask(question).hits) == 4
        assert len(chatbot.with_settings(k=2).ask(question).hits) == 2
        assert len(chatbot.ask(question).hits) == 4
        for changes in ({"embedder": "other"}, {"articles": "elsewhere"}, {"k": 0}):
            with pytest.raises(SettingsError):
                chatbot.with_settings(**changes)
    finally:
        chatbot.close()


class TestHead:
    def answer(self, kind: bytes, *parts: bytes, method: str = "GET") -> tuple[dict[bytes, bytes], bytes]:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            headers = [(b"content-type", kind), (b"content-length", str(len(b"".join(parts))).encode())]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            for part in parts[:-1]:
                await send({"type": "http.response.body", "body": part, "more_body": True})
            await send({"type": "http.response.body", "body": parts[-1]})

        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        asyncio.run(Head(app, "<script>1</script>")({"type": "http", "method": method}, None, send))  # type: ignore[arg-type]
        return dict(sent[0]["headers"]), b"".join(each["body"] for each in sent[1:])

    def test_its_script_comes_first_in_a_page(self) -> None:
        headers, page = self.answer(b"text/html; charset=utf-8", b"<html><he", b"ad><script>2</script></head></html>")
        assert page == b"<html><head><script>1</script><script>2</script></head></html>"
        assert headers[b"content-length"] == str(len(page)).encode()

    def test_the_login_is_in_the_language_of_the_browser(self) -> None:
        login = "After five wrong passwords a name has to wait, up to a minute."

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})
            await send({"type": "http.response.body", "body": f'<head>{{"auth_message":"{login}"}}'.encode()})

        async def send(message: Any) -> None:
            bodies.append(message.get("body", b""))

        for headers, said in (
            ([(b"accept-language", b"ru")], "После пяти неверных"),
            ([(b"accept-language", b"ru"), (b"cookie", b"footnote_language=en; \xff=;")], "After five wrong"),
            ([], "After five wrong"),
        ):
            bodies: list[bytes] = []
            scope = {"type": "http", "method": "GET", "headers": headers}
            asyncio.run(Head(app, "<script>1</script>", login)(scope, None, send))  # type: ignore[arg-type]
            page = b"".join(bodies).decode().removeprefix("<head><script>1</script>")
            assert json.loads(page)["auth_message"].startswith(said)

    @pytest.mark.parametrize(("kind", "method"), [(b"application/json", "GET"), (b"text/html", "HEAD")])
    def test_all_else_stays_as_it_is(self, kind: bytes, method: str) -> None:
        assert self.answer(kind, b"<head>", b"x", method=method)[1] == b"<head>x"
