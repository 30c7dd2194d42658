"""What the sources say of why a passage was found, and of what was searched, by value."""

from __future__ import annotations

import json
from dataclasses import replace

from rag.export.conversation import Turn
from rag.types import Answer, Dropped, Header, Hit, Passage, Scope, Why
from rag.web.inspector import MAX_BEGINNING, MAX_WORDS, matched_forms, search_data, why_data
from rag.web.render import panel, turn_data

TEXT = "The bridges of Osk were closed. A bridge was ESTABLISHED in 1988, said the bridgekeeper."


def hit(id: str = "p", text: str = TEXT, **why: object) -> Hit:
    passage = Passage(id=id, document_id="a.md", start=4, end=4 + len(text), text=text)
    return Hit(passage, Header("a.md", title="A \u202ebridge", outlet="Courier"), 0.75, Why(**why))  # type: ignore[arg-type]


def test_ranks_scores_and_words_are_those_of_the_hit() -> None:
    found = hit(
        dense_rank=3,
        dense_score=0.5,
        keyword_rank=1,
        keyword_score=7.25,
        matched=("bridge",),
        met=("Courier",),
        fused=0.9,
    )
    assert why_data(found) == {
        "rows": [
            ["Meaning", "number 3, cosine 0.50"],
            ["Words", "number 1, BM25 7.25"],
            ["Words shared", "bridge"],
            ["The article meets", "Courier"],
            ["Both together", "0.90"],
            ["Score in the end", "0.75"],
        ],
        "forms": ["bridges", "bridge"],
        "hint": "",
    }
    assert why_data(hit("a+b+c"))["hint"].startswith("3 neighbouring passages")
    behind = dict(why_data(replace(hit(dense_score=0.125, reranked=0.25), score=-1.0))["rows"])
    assert behind == {
        "Meaning": "not among the nearest, cosine 0.12",
        "Words": "not among the best",
        "Words shared": "none",
        "Reranked": "0.25",
        "Score in the end": "behind what was reranked",
    }


def test_a_word_is_marked_in_each_form_in_which_it_stands_and_no_other() -> None:
    assert matched_forms(["establish", "Bridges"], TEXT) == ["bridges", "bridge", "ESTABLISHED"]
    assert matched_forms([], TEXT) == []
    assert matched_forms(["мосты"], "Мосты закрыты, моста нет.") == ["Мосты", "моста"]


def test_very_many_words_are_not_sent() -> None:
    data = why_data(hit(matched=tuple(f"word{n}" for n in range(99))))
    assert dict(data["rows"])["Words shared"].count(",") == MAX_WORDS - 1


def test_what_was_searched_is_told_with_what_was_left_out() -> None:
    answer = Answer(
        question="And in 2031?",
        searched="What was closed in 2031?",
        parts=("What was closed?", "When?"),
        scope=Scope(outlets=("Courier",), published=("2031-01-01", "")),
        candidates=60,
        hits=(hit(),),
        dropped=(Dropped(hit("q", "Long. " * 100), "a better passage says nearly the same"),),
    )
    data = search_data(answer)
    dropped = data.pop("dropped")
    assert data == {
        "rows": [
            ["Searched for", "What was closed in 2031?"],
            ["Each part by itself", "What was closed? · When?"],
            ["Narrowed to", "Courier, 2031 –"],
            ["Passages", "60 weighed, 1 shown"],
        ],
        "candidates": 60,
        "shown": 1,
    }
    assert dropped[0]["title"] == "A bridge"
    assert dropped[0]["reason"] == "Left out: a better passage says nearly the same"
    assert (dropped[0]["article"], dropped[0]["start"], dropped[0]["end"]) == ("a.md", 4, 604)
    assert dropped[0]["text"].startswith("Long. Long.")
    assert len(dropped[0]["text"]) <= MAX_BEGINNING + 1
    bare = search_data(Answer(question="Who?"))["rows"]
    assert bare == [["Searched for", "Who?"], ["Narrowed to", "nothing: all articles"]]


def test_what_is_hidden_in_a_question_is_not_sent() -> None:
    data = search_data(Answer(question="Who\ud800 \u202ecame?", parts=("Who\ud800?",)))
    assert [said for _, said in data["rows"]][:2] == ["Who came?", "Who?"]


def test_a_turn_has_what_was_found_and_why() -> None:
    answer = Answer(question="What?", hits=(hit("p0"), hit("p1")), complete=True)
    turn = Turn(1, "What?", "done", answer)
    data = turn_data(turn)
    assert data["search"] == search_data(answer)
    assert data["more"][0]["why"] == why_data(answer.hits[0])
    assert json.loads(json.dumps(panel((turn,)))) == panel((turn,))
