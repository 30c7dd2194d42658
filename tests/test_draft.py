"""Check a draft: true sentences are found, planted errors are named, the rest is left alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

import rag
from embeddings import Embedder, open_embedder
from news import write_articles
from rag import Chatbot, Checked, DraftSentence, Settings
from rag.cite.similarity import Similarity
from rag.draft.checking import LONGEST_DRAFT
from rag.draft.shortlist import SENTENCES, Shortlist
from rag.errors import DraftError
from rag.text.words import words
from vocabulary import Vocabulary

ARTICLES = {
    "dam.md": """---
title: "Dam of Ilvern gives way"
outlet: "Harbour Courier"
authors: ["Mirela Anders"]
published: "2031-05-06"
---
The dam above Ilvern gave way on 3 May 2031 after eleven days of rain. Fourteen people were killed and 230 houses were
flooded. Nobody was warned before the water came, said the fire chief Tomas Reck.

“We asked for a new gate in 2027 and heard nothing from the ministry,” said the mayor of Ilvern, Dana Holub. The ministry
of water did not answer questions about the gate. It has 1,900 employees.
""",
    "ferry.txt": """Ferry to Skarn runs again

12 June 2031

The ferry between Port Velm and the island of Skarn sails again after nine weeks. Captain Ole Brandt said that the engine
had been replaced. A ticket costs 40 crowns, as before. Nobody will pay more before winter, Brandt promised.
""",
}


@pytest.fixture(scope="module")
def chatbot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chatbot]:
    folder = tmp_path_factory.mktemp("drafts")
    write_articles(folder / "news", ARTICLES)
    opened = Chatbot.open(Settings(articles=folder / "news", index=folder / "index", embedder="hashing"))
    yield opened
    opened.close()


def only(chatbot: Chatbot, sentence: str) -> DraftSentence:
    (found,) = chatbot.check(sentence).sentences
    return found


@pytest.mark.parametrize(
    "sentence",
    [
        "The dam above Ilvern gave way on 3 May 2031 after eleven days of rain.",
        "Fourteen people were killed and 230 houses were flooded.",
        "Fourteen people were killed, and 230 houses flooded, when the dam above Ilvern gave way.",
        "The mayor of Ilvern, Dana Holub, said: “We asked for a new gate in 2027 and heard nothing from the ministry.”",
        "The ministry of water did not answer questions about the gate.",
        "The **ferry** between Port Velm and the [island of Skarn](https://skarn.example) sails again after nine weeks.",
        "Captain Ole Brandt said that the engine had been replaced.",
        "- A ticket costs 40 crowns, as before.",
        "Nobody will pay more before winter, Ole Brandt promised.",
    ],
)
def test_true_sentences_are_found(chatbot: Chatbot, sentence: str) -> None:
    found = only(chatbot, sentence)
    assert (found.status, found.differences) == ("found", ())
    assert found.citations


@pytest.mark.parametrize(
    ("sentence", "kind", "words", "instead"),
    [
        ("Seventeen people were killed and 230 houses were flooded.", "number", "Seventeen", "Fourteen"),
        ("A ticket costs 60 crowns, as before.", "number", "60", "40"),
        ("The dam above Ilvern gave way on 9 May 2031 after eleven days of rain.", "date", "9 May 2031", "3 May 2031"),
        ("Captain Ole Lindqvist said that the engine had been replaced.", "name", "Lindqvist", "Brandt"),
        ("Nobody will pay more before winter, Tom Brandt promised.", "name", "Tom", ""),
        ("The ministry of water did answer questions about the gate.", "negation", "answer", ""),
        ("The engine of the ferry had not been replaced, said Captain Ole Brandt.", "negation", "not", ""),
    ],
)
def test_planted_errors_are_named_with_what_the_article_has(
    chatbot: Chatbot, sentence: str, kind: str, words: str, instead: str
) -> None:
    found = only(chatbot, sentence)
    assert found.status == "differs"
    assert [(each.kind, each.text, each.instead) for each in found.differences] == [(kind, words, instead)]
    (difference,) = found.differences
    assert sentence[difference.start : difference.end] == words
    assert found.citations


def test_an_altered_quotation_differs_and_one_that_nobody_said_is_in_no_article(chatbot: Chatbot) -> None:
    altered = only(
        chatbot, "The mayor of Ilvern said: “We asked for a new gate in 2021 and heard nothing from the ministry.”"
    )
    assert altered.status == "differs"
    assert (altered.differences[0].kind, altered.quotations[0].status) == ("quotation", "altered")
    invented = only(chatbot, "Rolf Egger told us: “my bees have left the valley for good”.")
    assert invented.status == "not in the articles"
    assert [(each.status, each.citations) for each in invented.quotations] == [("not found", ())]


def test_a_sentence_of_another_subject_is_in_no_article(chatbot: Chatbot) -> None:
    found = only(chatbot, "Norwegian salmon farmers elected a chairwoman.")
    assert (found.status, found.citations) == ("not in the articles", ())


@pytest.mark.parametrize(
    "sentence",
    [
        "Who warned the people of Ilvern?",
        "# Seventeen killed in Ilvern",
        "I think that seventeen people were killed.",
        "We must not forget the nine people.",
        "Я считаю, что погибло семнадцать человек.",
        "Dear readers,",
        "Good morning, Ana!",
        "The articles do not say what the gate costs.",
        "And so it was.",
    ],
)
def test_what_claims_nothing_is_left_alone(chatbot: Chatbot, sentence: str) -> None:
    found = only(chatbot, sentence)
    assert (found.status, found.differences, found.citations) == ("no claim", (), ())


def test_a_first_person_inside_a_quotation_is_no_opinion_of_the_writer(chatbot: Chatbot) -> None:
    sentence = "“I think the rain was to blame,” said Captain Ole Brandt."
    assert only(chatbot, sentence).status != "no claim"


def test_a_first_person_far_from_a_view_is_no_opinion(chatbot: Chatbot) -> None:
    assert only(chatbot, "Unlike us in the south, the ministry of water views the gate as safe.").status != "no claim"


def test_a_line_without_a_full_stop_stands_over_what_follows(chatbot: Chatbot) -> None:
    checked = chatbot.check("Seventeen people killed in Ilvern\n\nFourteen people were killed.")
    assert [each.status for each in checked.sentences] == ["no claim", "found"]


def test_lines_broken_to_fit_a_width_are_one_sentence(chatbot: Chatbot) -> None:
    text = (
        "The dam above Ilvern gave way on 3 May 2031\nafter eleven days of rain. A ticket costs 40 crowns,\nas before."
    )
    checked = chatbot.check(text)
    assert [each.status for each in checked.sentences] == ["found", "found"]
    assert checked.text == text


def test_a_quotation_in_a_question_is_compared_all_the_same(chatbot: Chatbot) -> None:
    found = only(chatbot, "Did she say “we asked for a new roof in 2027”?")
    assert (found.status, [each.status for each in found.quotations]) == ("differs", ["altered"])


def test_sources_are_numbered_by_article_in_order_of_appearance(chatbot: Chatbot) -> None:
    checked = chatbot.check(
        "A ticket costs 40 crowns, as before. Fourteen people were killed. A ticket costs 90 crowns."
    )
    numbers = [(each.citations[0].number, each.citations[0].hit.document.id) for each in checked.sentences]
    assert numbers == [(1, "ferry.txt"), (2, "dam.md"), (1, "ferry.txt")]


def test_a_draft_is_clean_where_nothing_differs_and_nothing_is_missing(chatbot: Chatbot) -> None:
    assert chatbot.check("Who knows? A ticket costs 40 crowns, as before.").clean
    assert not chatbot.check("A ticket costs 50 crowns, as before.").clean
    assert not chatbot.check("Norwegian salmon farmers elected a chairwoman.").clean
    counts = chatbot.check("Who knows? A ticket costs 50 crowns, as before.").counts()
    assert {name: count for name, count in counts.items() if count} == {"no claim": 1, "differs": 1}


@pytest.mark.parametrize("text", ["", " \n", "…", "x" * (LONGEST_DRAFT + 1), None, b"It rained."])
def test_what_cannot_be_checked_is_refused(chatbot: Chatbot, text: str) -> None:
    with pytest.raises(DraftError, match=r"; \w+"):
        chatbot.check(text)


def test_what_is_too_long_to_compare_is_left_alone_and_a_step_stays_short(chatbot: Chatbot) -> None:
    found = only(chatbot, "The dam above Ilvern gave way, " * 200 + "on 3 May.")
    assert (found.status, found.score) == ("no claim", 0.0)
    words = "We asked for a new gate in 2021 and heard nothing from the ministry, "
    assert [chatbot.quote(words * many).status for many in (1, 60)] == ["altered", "not found"]
    steps = list(chatbot.check_stepwise(f"Dana Holub said: “{words * 80}”, “no” and “heard nothing”."))
    assert [each.left for each in steps] == [1, 1, 1, 1, 0]
    assert [each.status for each in steps[-1].quotations] == ["not found", "not found", "verbatim"]


MARKS = ["“", "”", '"', "'", "…", "[…]", ". ", ", ", "\n", "\n\n", "?", "# ", "- ", "**", "19", "not"]
PIECES = st.sampled_from([*words(" ".join(ARTICLES.values())), *MARKS])
TEXTS = st.lists(PIECES, min_size=1, max_size=40).map(" ".join) | st.text(max_size=80)


@given(TEXTS)
@hypothesis_settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_quote_stands_in_its_article_and_every_span_in_the_draft(chatbot: Chatbot, text: str) -> None:
    try:
        checked = chatbot.check(text)
    except DraftError:
        return
    place = 0
    for sentence in checked.sentences:
        assert place <= sentence.start < sentence.end <= len(checked.text)
        assert sentence.text == checked.text[sentence.start : sentence.end]
        place = sentence.end
        for difference in sentence.differences:
            assert difference.text == checked.text[difference.start : difference.end]
        quoted = [citation for each in sentence.quotations for citation in (*each.citations, *each.others)]
        for citation in (*sentence.citations, *quoted):
            article = chatbot.document(citation.hit.document.id).text
            assert citation.quote == article[citation.start : citation.end] != ""


def test_python_checks_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAG_EMBEDDER", "hashing")
    folders = {"articles": write_articles(tmp_path / "news", ARTICLES), "index": tmp_path / "index"}
    assert isinstance(checked := rag.check("A ticket costs 40 crowns, as before.", **folders), Checked)
    assert checked.clean
    assert rag.quote("heard nothing from the ministry", **folders).status == "verbatim"


class TestShortlist:
    TEXTS = ("The dam broke at night.", "A ticket costs 40 crowns.", "The ferry sails again.", "Плотина не выдержала.")

    @pytest.fixture
    def shortlist(self) -> Shortlist:
        return Shortlist(Similarity(open_embedder("hashing")), Vocabulary(self.TEXTS))

    def test_gives_what_the_whole_gives_for_those_it_lists_and_nothing_for_the_rest(
        self, shortlist: Shortlist, hashing: Embedder
    ) -> None:
        asked = "The ferry ticket costs 50 crowns."
        whole = Similarity(hashing).between([asked], self.TEXTS)[0]
        listed = shortlist.chosen(asked, self.TEXTS)
        assert listed[0] == 1
        expected = [float(cosine) if place in listed else 0.0 for place, cosine in enumerate(whole)]
        assert shortlist.between([asked], self.TEXTS)[0].tolist() == pytest.approx(expected, abs=1e-6)

    def test_looks_at_all_where_no_word_is_shared(self, shortlist: Shortlist) -> None:
        assert shortlist.chosen("Құрылыс аяқталды.", self.TEXTS) == [0, 1, 2, 3]

    def test_never_lists_more_than_its_length(self, shortlist: Shortlist) -> None:
        assert len(shortlist.chosen("The dam broke.", ["The dam broke."] * 50)) == SENTENCES
