"""Messages that keep their template and values: English wherever a text is wanted, translated by their template alone."""

from __future__ import annotations

import copy
import json
import pickle
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.cite.checker import dated
from rag.errors import FootnoteError, QuestionError, SettingsError, Translatable, as_sentence, joined
from rag.export import record
from rag.export.conversation import Turn
from rag.language import phrases as language
from rag.types import Answer, Citation, Header, Hit, Passage
from rag.web.language import told
from rag.web.opening import sentence

VALUES = st.text(max_size=20) | st.sampled_from(
    ["{longest}", "{message}", "\\1", "%s", "the index is damaged; run: rag build"]
)


def test_an_error_is_english_and_translates_by_its_template() -> None:
    error = SettingsError("{service} offers no model now; start it, then choose the model again", service="ollama")
    assert str(error) == "ollama offers no model now; start it, then choose the model again"
    assert told(error.message, "ru") == "ollama сейчас не предлагает моделей; запустите его и выберите модель ещё раз"
    assert told(sentence(error), "ru").startswith("Ollama сейчас")
    assert told(error.message, "en") == str(error)


@given(value=VALUES)
def test_values_stay_letter_for_letter(value: str) -> None:
    error = SettingsError("{service} offers no model now; start it, then choose the model again", service=value)
    assert str(error) == f"{value} offers no model now; start it, then choose the model again"
    assert told(error.message, "ru").startswith(f"{value} сейчас не предлагает моделей")


def test_an_error_of_the_old_form_stays_as_it_is() -> None:
    assert str(QuestionError("a {brace} and {another:,}")) == "a {brace} and {another:,}"
    assert told(QuestionError("nobody knows {this}").message, "ru") == "nobody knows {this}"
    assert str(FootnoteError()) == FootnoteError().message == ""


def test_messages_stand_in_each_other_and_after_each_other() -> None:
    why = as_sentence(
        SettingsError("{service} offers no model now; start it, then choose the model again", service="x")
    )
    cut = Translatable("The answer is cut. {message}", message=why)
    wide = "No article meets all that was asked for; more were searched."
    both = joined(cut, Translatable(wide), "", cut)
    assert both == f"The answer is cut. {why} {wide}"
    assert told(both, "ru") == (
        "Ответ оборван. X сейчас не предлагает моделей; запустите его и выберите модель ещё раз. "
        "Ни одна статья не отвечает всем условиям; поиск шёл шире."
    )


def test_a_number_is_written_as_in_the_language() -> None:
    text = Translatable("Reading {done:,} of {count:,} articles…", done=1, count=1234)
    assert (str(text), told(text, "ru")) == ("Reading 1 of 1,234 articles…", "Читаются 1 из 1\u00a0234 статей…")


@given(values=st.dictionaries(st.sampled_from(["message", "count", "name"]), VALUES | st.integers()))
def test_it_comes_back_as_it_was(values: dict[str, Any]) -> None:
    text = Translatable("{message} {count:,}", **values)
    nested = Translatable("{inner:sentence} {message}", inner=text, **values)
    for back in (
        Translatable.from_json(json.loads(json.dumps(nested.to_json()))),
        pickle.loads(pickle.dumps(nested)),
        copy.deepcopy(nested),
    ):
        assert (back, back.template, back.values) == (nested, nested.template, nested.values)
    assert str(pickle.loads(pickle.dumps(QuestionError("{message}", **values)))) == str(
        QuestionError("{message}", **values)
    )


def test_a_conversation_keeps_it_and_an_older_one_stays_english() -> None:
    cut = Translatable("The answer is cut. {message}", message=as_sentence(FootnoteError("there is no text in it")))
    turn = Turn(1, "Why?", "done", Answer("Why?", notice=joined("plain", cut)), note=cut)
    back = record.read(Turn, record.write(turn))
    assert back == turn
    assert isinstance(back.note, Translatable)
    assert told(back.note, "ru") == told(cut, "ru") != cut
    old = record.to_json(replace(turn, note=str(cut), answer=None))  # as it was written before
    assert told(record.from_json(Turn, old).note, "ru") == str(cut)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=3),
        lambda each: st.dictionaries(st.sampled_from(["template", "values", "a"]), each),
    )
)
def test_what_is_none_is_refused(plain: Any) -> None:
    try:
        found = Translatable.from_json(plain)
    except ValueError:
        return
    assert found.to_json() == plain


@pytest.mark.parametrize(("published", "russian"), [("2031-03-04", "4 марта 2031\u00a0г."), ("", "без даты")])
def test_a_timelines_date_is_in_the_language(published: str, russian: str) -> None:
    hit = Hit(Passage("p", "a.md", 0, 10, "It rained."), Header("a.md", "Rain", "Courier", published=published), 1.0)
    sentence = dated(Citation(1, hit, "It rained.", 0, 10))
    with language.speaking("ru"):
        shown = language.with_dates(sentence)
        assert shown.text == f"{russian}, Courier: It rained."
        assert shown.text[slice(*shown.bold[0])] == russian
        assert language.with_dates(replace(shown, bold=())) == replace(shown, bold=())
    assert language.with_dates(sentence) == sentence


def test_nothing_is_nested_too_deep() -> None:
    deep: Any = {"template": "", "values": {}}
    for _ in range(1000):
        deep = {"template": "", "values": {"a": deep}}
    with pytest.raises(ValueError, match="no message"):
        Translatable.from_json(deep)
