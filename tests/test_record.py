"""Turns and answers as JSON and back: exactly, or not at all."""

from __future__ import annotations

import copy
import json
from contextlib import suppress
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.errors import CitationError, StoreCorrupt, StoreError, StoreTooNew
from rag.export.conversation import Turn
from rag.export.record import SINCE, VERSION, from_json, parsed, read, readable, to_json, write
from rag.types import Answer, Citation, Dropped, Header, Hit, Locator, Passage, Scope, Sentence, Why
from talks import ANSWER, TALK, answers, hit, turns


@given(turns())
@settings(max_examples=100, deadline=None)
def test_every_turn_comes_back_as_it_was(turn: Turn) -> None:
    assert read(Turn, write(turn)) == turn


@given(answers())
@settings(max_examples=50, deadline=None)
def test_every_answer_comes_back_as_it_was_and_is_plain_json(answer: Answer) -> None:
    record = to_json(answer)
    assert from_json(Answer, record) == answer
    assert from_json(Answer, json.loads(json.dumps(record))) == answer


def test_what_is_shared_stands_once() -> None:
    record = to_json(ANSWER)
    assert [each["passage"]["start"] for each in record["hits"]] == [0, 30]
    assert [each["hit"] for each in record["citations"]] == [0, 0]
    assert record["answer"]["hits"] == record["answer"]["citations"] == [0, 1]
    assert [each["citations"] for each in record["answer"]["sentences"]] == [[0], [1], []]


def test_a_quote_that_does_not_stand_in_its_passage_does_not_come_back() -> None:
    for change in ({"quote": "The mill burned down in 1912."}, {"start": 1}, {"end": 10_000}, {"hit": 1}):
        record = to_json(ANSWER)
        record["citations"][0].update(change)
        with pytest.raises(StoreCorrupt, match="does not stand at") as caught:
            from_json(Answer, record)
        assert isinstance(caught.value.__cause__, CitationError)
    record = to_json(ANSWER)
    record["hits"][0]["passage"]["text"] += "!"
    with pytest.raises(StoreCorrupt, match="does not match its own span"):
        from_json(Answer, record)


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_a_record_in_which_anything_is_of_another_kind_gives_our_error_or_the_same(data: st.DataObject) -> None:
    """Wherever a value is replaced or taken away, what comes back is whole, and its quotes stand."""
    record = copy.deepcopy(to_json(TALK[0]))
    place: Any = record
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
        inner = place[key]
        if not isinstance(inner, (dict, list)) or not inner or data.draw(st.booleans()):
            break
        place = inner
    wrong = data.draw(
        st.sampled_from((None, True, -1, 99, 1.5, 10**400, float("nan"), "x", [], [[]], {}, {"a": 1}, ...))
    )
    if wrong is ...:
        del place[key]
    else:
        place[key] = wrong
    try:
        turn = from_json(Turn, record)
    except StoreError:
        return
    assert from_json(Turn, to_json(turn)) == turn
    for each in turn.answer.citations if turn.answer is not None else ():
        assert each.quote in each.hit.passage.text


@pytest.mark.parametrize(
    "record",
    [
        None,
        [],
        "x",
        {},
        {"version": 0},
        {"version": True},
        {"version": "1"},
        {"version": 1},
        {"version": 1, "turn": {}, "hits": [], "citations": []},
        {**to_json(TALK[0]), "more": 1},
        to_json(ANSWER),
    ],
    ids=str,
)
def test_what_is_no_record_of_a_turn_is_damaged(record: object) -> None:
    with pytest.raises(StoreCorrupt, match=r"a saved answer is damaged \(.+\); delete it"):
        from_json(Turn, record)


def test_an_unknown_field_a_missing_one_and_another_kind_are_named() -> None:
    for change, said in (
        ({"colour": "red"}, "turn has other"),
        ({"number": True}, "turn.number"),
        ({"status": "?"}, "turn.s"),
    ):
        record = to_json(TALK[0])
        record["turn"].update(change)
        with pytest.raises(StoreCorrupt, match=said):
            from_json(Turn, record)
    del (record := to_json(TALK[0]))["turn"]["answer"]["notice"]
    with pytest.raises(StoreCorrupt, match="turn.answer has other"):
        from_json(Turn, record)


@pytest.mark.parametrize(
    ("place", "wrong", "said"),
    [
        (("citations", 0, "hit"), 2, r"citations\[0\].hit leads nowhere"),
        (("turn", "answer", "hits", 1), -1, r"turn.answer.hits\[1\] leads nowhere"),
        (("turn", "answer", "sentences"), {}, "turn.answer.sentences is no list"),
        (("turn", "answer", "sentences", 1, "unverified", 0), [1], r"unverified\[0\] is of another length"),
        (("hits", 0, "score"), 10**400, r"hits\[0\].score is infinite"),
        (("hits", 0, "why"), [], r"hits\[0\].why is no object"),
        (("turn", "answer", "state"), "sure", "turn.answer.state is of another kind"),
        (("turn", "answer", "sentences", 0, "answer"), [1], r"sentences\[0\].answer is of another length"),
        (("hits", 0, "why", "dense_rank"), "1", "why.dense_rank is of another kind"),
    ],
)
def test_what_is_wrong_is_named(place: tuple[Any, ...], wrong: object, said: str) -> None:
    record = part = to_json(TALK[0])
    for each in place[:-1]:
        part = part[each]
    part[place[-1]] = wrong
    with pytest.raises(StoreCorrupt, match=said):
        from_json(Turn, record)


def test_a_newer_record_says_so() -> None:
    with pytest.raises(StoreTooNew, match="update the program"):
        from_json(Turn, {**to_json(TALK[0]), "version": VERSION + 1})


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe\x00", b"[" * 100_000, b"1" * 10_000, "\ud800"])
def test_what_is_not_json_is_damaged(data: bytes | str) -> None:
    with pytest.raises(StoreCorrupt):
        from_json(Turn, parsed(data))


def test_a_score_that_json_does_not_know_is_not_written() -> None:
    for score in (float("inf"), float("nan")):
        with pytest.raises(StoreError, match="ask again"):
            write(replace(ANSWER, hits=(replace(hit(), score=score),)))


def test_a_field_that_came_later_has_its_default_in_what_is_older(monkeypatch: pytest.MonkeyPatch) -> None:
    record = to_json(TALK[0])
    del record["turn"]["ignored"]
    monkeypatch.setattr("rag.export.record.VERSION", VERSION + 1)
    monkeypatch.setitem(SINCE, (Turn, "ignored"), VERSION + 1)
    assert from_json(Turn, record) == TALK[0]
    assert from_json(Turn, to_json(TALK[0])) == TALK[0]


def test_the_nouns_are_as_this_version_keeps_them() -> None:
    """A field that is added, renamed or goes needs a higher VERSION; one that is added also a line in SINCE."""
    kept = {kind.__name__: " ".join(each.name for each in fields(kind)) for kind in KINDS}
    assert kept == KEPT


KINDS = (Turn, Answer, Sentence, Citation, Hit, Passage, Locator, Header, Why, Scope, Dropped)
KEPT = {
    "Turn": "number question status answer note ignored scope",
    "Answer": "question searched understood parts scope candidates dropped text sentences citations hits model complete "
    "state score notice",
    "Sentence": "text citations supported lead unverified bold answer context label doubts repaired",
    "Citation": "number hit quote start end",
    "Hit": "passage document score why also",
    "Passage": "id document_id start end text places",
    "Locator": "start kind name",
    "Header": "id title outlet authors published language source",
    "Why": "dense_rank dense_score keyword_rank keyword_score matched met fused reranked",
    "Scope": "outlets authors documents published names",
    "Dropped": "hit reason",
}


@given(st.text(), st.sampled_from((None, 1)))
@settings(max_examples=100, deadline=None)
def test_readable_json_says_the_same_and_hides_nothing(text: str, indent: int | None) -> None:
    shown = readable({text: [text]}, indent)
    assert json.loads(shown) == {text: [text]}
    assert not set(shown) & set("<>&\u202e\u200b\u2028\ud800\x7f\x85")
    assert readable("Ёлка \u202e") == '"Ёлка \\u202e"'


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_no_changed_byte_gives_another_text(data: st.DataObject) -> None:
    """One bit of a record, or two bytes: damage, or the same turn."""
    written = bytearray(write(TALK[0]))
    for _ in range(data.draw(st.integers(1, 2))):
        written[data.draw(st.integers(0, len(written) - 1))] ^= data.draw(st.integers(1, 255))
    with suppress(StoreCorrupt, StoreTooNew):
        assert read(Turn, bytes(written)) == TALK[0]


def test_records_of_before_there_were_checksums_are_read() -> None:
    assert read(Turn, write(TALK[0]).partition(b"\n")[0]) == TALK[0]
