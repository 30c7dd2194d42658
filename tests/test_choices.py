"""What a reader chose in Settings is there again after a reload, whose it is, and that no key goes along."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.chat import Draft
from rag.errors import EndpointUnreachable, KeyMissing, SettingsError
from rag.settings import Settings
from rag.web.choices import Choices
from rag.web.language import speaking
from rag.web.models import TEST_QUESTION, TESTS_AT_ONCE, Models
from rag.web.preferences import Preferences
from rag.web.rooms import Visitor


class Model:
    """Writes two drafts, or fails."""

    def __init__(self, name: str, fail: Exception | None = None, text: str = "To let readers check.") -> None:
        self.name, self.fail, self.text = name, fail, text
        self.context_tokens, self.asked, self.closed = 4096, "", False

    def count_tokens(self, text: str) -> int:
        return len(text)

    def stream(self, messages: Any) -> Any:
        self.asked = messages[-1].text
        try:
            yield Draft("")
            if self.fail:
                raise self.fail
            yield Draft(self.text)
        finally:
            self.closed = True


class Services:
    """Two services, of which "paid" asks for a key."""

    keyed = ("paid",)

    def __init__(self, model: Model | None = None) -> None:
        self.model = model

    def look(self) -> tuple[()]:
        return ()

    def check(self, name: str) -> str:
        if not name.startswith(("near:", "paid:")):
            raise SettingsError("choose another")
        return name

    def open(self, settings: Settings, key: Any) -> Any:
        if settings.model.startswith("paid") and not key:
            raise KeyMissing("paid needs a key; set PAID_API_KEY")
        return self.model or Model(settings.model)


def desk(
    data: Path | None = None, model: Model | None = None, own: Model | None = None, **settings: Any
) -> tuple[Models, Preferences]:
    """The rooms of a server that has just been started."""
    chosen = Settings(**settings)
    models = Models(chosen, Services(model), choices=Choices(data), own=lambda: own)
    return models, Preferences(chosen, models)


def reloaded(models: Models, visitor: Visitor, session: str) -> Visitor:
    """The same browser with its page opened anew: its cookie is what the last answer told it to keep."""
    kept = models.kept(visitor)
    return Visitor(session, visitor.owner, choice=visitor.choice if kept is None else quote(kept))


def shown(models: Models, room: Preferences, visitor: Visitor) -> tuple[str, int]:
    return models.data(visitor)["model"]["value"], room.data(visitor)["k"]["value"]


@pytest.mark.parametrize("owner", ["", "maren"])
def test_model_and_settings_are_there_after_a_reload_and_a_new_start(owner: str, tmp_path: Path) -> None:
    models, room = desk(tmp_path)
    one = Visitor("one", owner)
    models.act("model", {"model": "near:small"}, one)
    room.act("k", {"k": 3}, one)
    two = reloaded(models, one, "two")
    assert shown(models, room, two) == ("near:small", 3)
    assert (models.choice("two").name, models.choice("two").changes) == ("near:small", {"k": 3})
    models, room = desk(tmp_path)
    assert shown(models, room, replace(two, session="three")) == ("near:small", 3)
    room.act("defaults", {}, replace(two, session="three"))
    models.act("model", {"model": "extractive"}, replace(two, session="three"))
    four = reloaded(models, replace(two, session="three"), "four")
    assert shown(models, room, four) == ("extractive", 8)


def test_each_owner_and_each_browser_chooses_alone(tmp_path: Path) -> None:
    models, room = desk(tmp_path)
    models.act("model", {"model": "near:small"}, Visitor("one", "maren"))
    for other in (Visitor("two", "jon"), Visitor("three"), Visitor("four", "maren'--")):
        assert shown(models, room, other) == ("extractive", 8)
    stolen = Visitor("five", "jon", choice=quote('{"model": "near:small"}'))
    assert shown(models, room, stolen) == ("extractive", 8), "a login's choice is the server's, never a cookie's"


def test_no_key_is_kept_and_a_model_that_misses_it_waits(tmp_path: Path) -> None:
    models, _ = desk(tmp_path)
    one = Visitor("one", "maren")
    models.act("secret", {"service": "paid", "secret": "test-key"}, one)
    models.act("model", {"model": "paid:grand"}, one)
    written = b"".join(each.read_bytes() for each in tmp_path.rglob("*") if each.is_file())
    assert b"paid:grand" in written
    assert b"test-key" not in written + json.dumps(models.data(one)).encode()
    models, _ = desk(tmp_path)
    two = replace(one, session="two")
    assert (models.data(two)["model"]["value"], models.keyless("two")) == ("extractive", "paid:grand")
    assert models.choice("two").name == "extractive"
    assert models.act("secret", {"service": "paid", "secret": "test-key"}, two).endswith(
        "paid:grand writes the answers."
    )
    assert models.choice("two").name == models.current("two") == "paid:grand"


def test_the_servers_own_model_is_nobodys_choice() -> None:
    models, _ = desk(model=Model("near:own"))
    models.act("model", {"model": "near:other"}, Visitor("one"))
    assert json.loads(models.kept(Visitor("one")) or "") == {"model": "near:other"}
    models.act("model", {"model": "extractive"}, Visitor("one"))  # what this server was started with
    assert models.kept(Visitor("one")) == ""


SENT = st.recursive(
    st.none() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.sampled_from(["model", "k", "rewrite", "context_tokens", "articles"]), inner)
    ),
)


@given(st.text(max_size=60) | SENT.map(json.dumps))
def test_whatever_a_browser_sends_gives_settings_that_can_be_used(text: str) -> None:
    models, room = desk()
    visitor = Visitor("one", choice=quote(text))
    name, _ = shown(models, room, visitor)
    assert name == "extractive" or name.startswith("near:")
    Settings().replace(**models.changes("one"))
    assert set(models.changes("one")) <= {"k", "rewrite", "context_tokens"}


class TestTest:
    def test_it_asks_the_chosen_model_one_question(self) -> None:
        model = Model("near:small")
        models, _ = desk(model=model)
        models.act("model", {"model": "near:small"}, Visitor("one"))
        said = models.act("test", {}, Visitor("one"))
        assert said.startswith("near:small works: first word after 0.0 s, whole answer after 0.0 s: “To let readers")
        assert (model.asked, model.closed) == (TEST_QUESTION, True)
        with speaking("ru"):
            assert models.act("test", {}, Visitor("one")).startswith("near:small работает")

    def test_the_servers_own_model_is_not_opened_twice(self) -> None:
        own = Model("gguf:velm")
        models, _ = desk(own=own)
        assert "gguf:velm works" in models.act("test", {}, Visitor("one"))
        assert own.asked

    def test_the_servers_own_model_is_tested_once_it_is_open(self) -> None:
        models = Models(Settings(model="gguf:velm"), Services())
        with pytest.raises(SettingsError, match="still being read; test it again"):
            models.act("test", {}, Visitor("one"))

    def test_it_says_our_error(self) -> None:
        fail = EndpointUnreachable("nobody listens at 127.0.0.1:11434; start the server")
        model = Model("near:small", fail)
        models, _ = desk(model=model)
        models.act("model", {"model": "near:small"}, Visitor("one"))
        for _ in range(TESTS_AT_ONCE + 1):
            with pytest.raises(EndpointUnreachable, match="start the server"):
                models.act("test", {}, Visitor("one"))
        model.fail, model.text = None, " "
        with pytest.raises(Exception, match="near:small wrote nothing"):
            models.act("test", {}, Visitor("one"))

    def test_without_a_model_there_is_nothing_to_test(self) -> None:
        with pytest.raises(SettingsError, match="choose one"):
            desk()[0].act("test", {}, Visitor("one"))
