"""Check sentences: what supports each, how well, and which facts of it stand nowhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embeddings import Embedder, Judgement, open_embedder
from rag.cite.checker import MOST_QUOTES, THRESHOLD, Checker, Citer, Support
from rag.cite.similarity import Similarity
from rag.text.sentences import sentence_spans
from rag.text.words import words
from rag.types import Header, Hit, Passage
from vocabulary import Vocabulary

TEXTS = [
    "The council of Port Velm voted 31 to 12 on 4 March to build a tram line. The line will be 14 kilometres "
    "long. "
    "Mayor Ilse Kramer said that the work would begin in September. Farmers were never asked.",
    "The tram maker Velotek opened a battery plant near Osk. It employs 620 people. “We were never asked,” said Jon Brask, "
    "who grows beets. The plant takes its water from Lake Verrin, and the level of the lake fell by 20 per cent.",
    "Tickets cost 3 crowns. Nobody paid in the first week. Anna Lind counted 1,900 riders on the opening day.",
]


def hits(texts: Sequence[str] = TEXTS, offset: int = 50) -> list[Hit]:
    header = Header(id="a.md", title="News", outlet="Harbour Courier", published="2031-03-05")
    return [
        Hit(Passage(f"p{n}", "a.md", offset + 1000 * n, offset + 1000 * n + len(text), text), header, 1.0)
        for n, text in enumerate(texts)
    ]


def checker_of(embedder: Embedder, texts: Sequence[str] = TEXTS) -> Checker:
    return Checker(hits(texts), Similarity(embedder), Vocabulary(texts))


def missing(sentence: str, support: Support) -> list[str]:
    return [sentence[fact.start : fact.end] for fact in support.missing]


SENTENCES = [text[start:end] for text in TEXTS for start, end in sentence_spans(text)]
HASHING = checker_of(open_embedder("hashing"))


@pytest.mark.parametrize("sentence", SENTENCES)
def test_what_stands_there_word_for_word_is_supported_by_itself(sentence: str) -> None:
    support = HASHING.check(sentence)
    assert support.score == pytest.approx(1.0, abs=1e-3)
    assert support.missing == ()
    assert sentence in support.evidence[0].quote


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.sampled_from([*words(" ".join(TEXTS)), "“", "”", ".", ",", "not", "2,000", "Ana", "не", "May 2030"]),
        max_size=20,
    ).map(" ".join)
    | st.text(max_size=60),
    st.lists(st.integers(-2, 9), max_size=3),
)
def test_evidence_lies_in_its_passage_and_is_never_twice(sentence: str, labels: list[int]) -> None:
    support = HASHING.check(sentence, labels)
    assert 0.0 <= support.score <= 1.0 + 1e-6
    assert len(support.evidence) <= MOST_QUOTES
    for each in support.evidence:
        passage = each.hit.passage
        assert passage.start <= each.start < each.end <= passage.end
        assert each.quote == passage.text[each.start - passage.start : each.end - passage.start]
        others = [one for one in support.evidence if one is not each and one.hit.passage.id == passage.id]
        assert all(one.end <= each.start or each.end <= one.start for one in others)
    assert all(0 <= fact.start < fact.end <= len(sentence) for fact in support.missing)


@pytest.mark.parametrize(
    ("sentence", "marked"),
    [
        ("The council of Port Velm voted 31 to 12 on March 4, 2031 to build a tram line.", []),
        ("The council of Port Velm voted 31 to 13 on March 4, 2031 to build a tram line.", ["13"]),
        ("The council of Port Velm voted 31 to 12 on 5 April to build a tram line.", ["5 April"]),
        ("The council of Port Velm did not vote to build a tram line.", ["not"]),
        ("Nobody in the council of Port Velm voted to build a tram line.", ["Nobody"]),
        ("Farmers were asked.", ["asked"]),
        # What is denied in one sentence of a quote is not denied in the next.
        ("“We were never asked,” said Jon Brask, and the plant takes its water from Lake Verrin.", []),
        ("Mayor Ilse Kramer said that the work would begin in October.", ["October"]),
        # Names and numbers of other sentences, which carry nothing else of this one.
        ("Mayor Anna Lind said that the work would begin in September.", ["Anna", "Lind"]),
        ("The line will be 620 kilometres long.", ["620"]),
        ("“We were always asked,” said Jon Brask, who grows beets.", ["“We were always asked,”"]),
        ("The level of Lake Verrin rose by 20 percent.", ["rose"]),
        # Two sentences in one, and a quotation over the border between them.
        ("Velotek opened a battery plant near Osk, which employs 620 people.", []),
        ("It says “battery plant near Osk. It employs 620 people”.", []),
    ],
)
def test_the_corrupted_spot_is_marked(sentence: str, marked: list[str]) -> None:
    support = HASHING.check(sentence)
    assert missing(sentence, support) == marked


def test_other_matters_are_not_supported(bundled: Embedder) -> None:
    checker = checker_of(bundled)
    told = [
        "Work on the tram is to start in September, the mayor says.",
        "620 workers have jobs at the Velotek factory close to Osk.",
    ]
    untold = ["Bees sleep through the winter in hollow trees.", "The orchestra played Brahms to a full house."]
    assert all(checker.check(each).score >= THRESHOLD for each in told)
    assert all(checker.check(each).score < THRESHOLD for each in untold)


def test_named_passages_come_first_and_others_only_where_these_do_not_do() -> None:
    twice = ["Jon Brask grows beets near Osk.", "Near Osk grows Jon Brask beets.", "Anna Lind counts riders."]
    checker = checker_of(open_embedder("hashing"), twice)
    sentence = "Jon Brask grows beets near Osk."
    assert [each.hit.passage.id for each in checker.check(sentence).evidence] == ["p0"]
    assert [each.hit.passage.id for each in checker.check(sentence, [2]).evidence] == ["p1"]
    assert [each.hit.passage.id for each in checker.check(sentence, [3]).evidence] == ["p0"]
    assert checker.check(sentence, [17, 0, -1]) == checker.check(sentence)


def test_nothing_is_supported_by_nothing() -> None:
    support = checker_of(open_embedder("hashing"), []).check("It rained in Osk.")
    assert (support.evidence, support.score) == ((), 0.0)
    assert missing("It rained in Osk.", support) == ["Osk"]


class TestShortSentences:
    """Items, rows and a word of assent, as a model writes them under a sentence with a citation."""

    def read(self, embedder: Embedder, text: str) -> dict[str, str]:
        """Tell for each sentence what it cites, "none" where it has no source, "" where it needs none."""
        citer = Citer(hits(), Similarity(embedder), Vocabulary(TEXTS))
        sentences = citer.read(text, ended=True)
        quotes = {each.text: " / ".join(citation.quote for citation in each.citations) for each in sentences}
        return {each.text: quotes[each.text] or "none" * (not each.supported) for each in sentences}

    def test_items_and_rows_that_stand_in_a_passage_are_supported(self, bundled: Embedder) -> None:
        text = (
            "Velotek opened a plant [2]. It has:\n- 620 people\n- water from Lake Verrin\n\n"
            "| Who | What |\n|---|---|\n| Jon Brask | beets |\n| Anna Lind | 1,900 riders |\n| Tickets | 3 crowns |"
        )
        assert self.read(bundled, text) == {
            "Velotek opened a plant.": "The tram maker Velotek opened a battery plant near Osk.",
            "It has:": "",
            "620 people": "It employs 620 people.",
            "water from Lake Verrin": TEXTS[1][TEXTS[1].index("The plant takes") :],
            "Who | What": "",
            "Jon Brask | beets": "“We were never asked,” said Jon Brask, who grows beets.",
            "Anna Lind | 1,900 riders": "Anna Lind counted 1,900 riders on the opening day.",
            "Tickets | 3 crowns": "Tickets cost 3 crowns.",
        }

    @pytest.mark.parametrize("item", ["Oakham", "Jon Lind", "a battery from Oakham"])
    def test_others_are_not(self, bundled: Embedder, item: str) -> None:
        assert self.read(bundled, f"They were:\n- {item}")[item] == "none"

    def test_few_words_are_not_put_together_from_two_places(self, hashing: Embedder) -> None:
        cited = self.read(hashing, "- Jon Brask grows beets\n- Anna Lind grows beets")
        assert cited == {
            "Jon Brask grows beets": "“We were never asked,” said Jon Brask, who grows beets.",
            "Anna Lind grows beets": "none",
        }

    def test_rows_under_a_cited_line_are_carried_by_its_quote(self, bundled: Embedder) -> None:
        rows = "| For | 31 |\n| Against | 12 |\n| Against | 13 |\n| Jon Brask | 12 |\n| cows and dogs | 12 |"
        cited = self.read(bundled, f"The council voted [1]:\n| Vote | Count |\n|---|---|\n{rows}")
        quote = TEXTS[0][: TEXTS[0].index(" The line")]
        assert cited["For | 31"] == cited["Against | 12"] == quote
        assert cited["Against | 13"] == cited["Jon Brask | 12"] == cited["cows and dogs | 12"] == "none"

    def test_no_line_above_carries_rows_without_a_source_of_its_own(self, bundled: Embedder) -> None:
        assert self.read(bundled, "It snowed on the moon:\n- Against: 12")["Against: 12"] == "none"

    @pytest.mark.parametrize("number", ["31", "31.", "1", "2031", "12.5 %", "31 [2].", "7 [9]"])
    def test_a_number_alone_gets_no_quote(self, bundled: Embedder, number: str) -> None:
        assert set(self.read(bundled, number).values()) == {"none"}

    def test_a_number_alone_may_stand_in_the_passage_it_names(self, bundled: Embedder) -> None:
        assert "31 to 12" in self.read(bundled, "31 [1].")["31."]
        assert self.read(bundled, "The council voted [1]:\n- 31\n- 17") == {
            "The council voted:": TEXTS[0][: TEXTS[0].index(" The line")],
            "31": "",
            "17": "none",
        }

    def test_a_text_that_was_a_thought_leaves_nothing_behind(self, hashing: Embedder) -> None:
        citer, fresh = (Citer(hits(), Similarity(hashing), Vocabulary(TEXTS)) for _ in range(2))
        citer.read("Hm, the council voted. Velotek opened a plant. And")
        text = "Tickets cost 3 crowns [3]. Nobody paid"
        assert citer.read(text) == fresh.read(text)
        assert citer.read(f"{text} at all.", True) == fresh.read(f"{text} at all.", True)

    @pytest.mark.parametrize(
        "word", ["Yes.", "No.", "Да.", "Нет.", "Correct.", "That is right.", "Yes, it was.", "Верно."]
    )
    def test_assent_needs_no_source_but_is_none(self, hashing: Embedder, word: str) -> None:
        assert self.read(hashing, f"{word} Tickets cost 3 crowns.") == {
            word: "",
            "Tickets cost 3 crowns.": "Tickets cost 3 crowns.",
        }


class Alike(Similarity):
    """Finds all texts alike, in whatever language."""

    def between(self, texts: Sequence[str], others: Sequence[str]) -> Any:
        return numpy.ones((len(texts), len(others)), dtype=numpy.float32)


class Judge:
    """Calls a claim supported as far as it is told to, and remembers what it was asked."""

    name = "judge"

    def __init__(self, supported: float) -> None:
        self.supported = supported
        self.asked: list[tuple[str, str]] = []

    def judge(self, pairs: Sequence[tuple[str, str]]) -> list[Judgement]:
        self.asked += pairs
        return [Judgement(self.supported, 1 - self.supported, 0.0)] * len(pairs)


@pytest.mark.parametrize(("supported", "kinds"), [(0.99, []), (0.0, ["meaning"])])
def test_the_support_check_reads_the_quote_with_the_sentences_around_it(supported: float, kinds: list[str]) -> None:
    judge, claim = Judge(supported), "It employs 620 people."
    checker = Checker(hits(), Similarity(open_embedder("hashing")), Vocabulary(TEXTS), lambda: judge)
    assert [fact.kind for fact in checker.check(claim).missing] == kinds
    assert judge.asked == [(claim, TEXTS[1].partition(" The plant")[0])]


@pytest.mark.parametrize(("supported", "kinds"), [(0.8, []), (0.2, ["negation"])])
def test_of_a_denial_in_another_language_the_support_check_decides(supported: float, kinds: list[str]) -> None:
    text = "Veronika Lund was banned from the rally."
    claim = "Вероника Лунд не была допущена на митинг."
    for opened, expected in ((lambda: Judge(supported), kinds), (None, ["negation"])):
        checker = Checker(hits([text]), Alike(open_embedder("hashing")), Vocabulary([text]), opened)
        assert [fact.kind for fact in checker.check(claim).missing] == expected


def test_what_the_rules_mark_already_is_not_judged() -> None:
    judge = Judge(0.0)
    checker = Checker(hits(), Similarity(open_embedder("hashing")), Vocabulary(TEXTS), lambda: judge)
    assert [fact.kind for fact in checker.check("It employs 630 people.").missing] == ["number"]
    assert judge.asked == []


@pytest.mark.parametrize(
    ("written", "shown", "verdict"),
    [
        ("Jon Brask said: “We were not ever asked.”", "Jon Brask said: “We were never asked.”", "repaired"),
        ("Jon Brask said: “We were never asked.”", "Jon Brask said: “We were never asked.”", "verified"),
        # Of a quotation in parts, and of a sentence that nothing carries, no word is replaced.
        ("Jon Brask said: “We … not ever asked.”", "Jon Brask said: “We … not ever asked.”", "unverified"),
        (
            "Jon Brask said: “Beets are my whole life now.”",
            "Jon Brask said: “Beets are my whole life now.”",
            "unverified",
        ),
    ],
)
def test_a_quotation_that_is_nearly_right_is_put_right(written: str, shown: str, verdict: str) -> None:
    citer = Citer(hits(), Similarity(open_embedder("hashing")), Vocabulary(TEXTS))
    (sentence,) = citer.read(written, True)
    assert (sentence.text, sentence.verdict) == (shown, verdict)


def test_a_speaker_left_out_or_exchanged_is_marked() -> None:
    citer = Citer(hits(), Similarity(open_embedder("hashing")), Vocabulary(TEXTS))
    bare, other, kept = citer.read(
        "The work would begin in September. Jon Brask said that the work would begin in September. "
        "Mayor Kramer said the work would begin in September.",
        True,
    )
    assert [bare.doubts, set(other.doubts), kept.doubts] == [("attribution",), {"name", "speaker"}, ()]
    assert [bare.verdict, other.verdict, kept.verdict] == ["unverified", "unverified", "verified"]
