"""Retrieval: both halves fused, against a slow reference; questions that cannot be asked."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from embeddings import Embedder, EmbeddingError
from news import write_articles
from rag.errors import EmbedderError, QuestionError
from rag.index.build import build
from rag.index.store import Index
from rag.retrieval.diversify import LIMIT
from rag.retrieval.find import (
    DENSE_WEIGHT,
    SENTENCE_WEIGHT,
    check_k,
    check_question,
    check_scope,
    find,
    fuse,
    retrieve,
    sentence_coverage,
)
from rag.retrieval.question import understand
from rag.settings import Settings
from rag.types import Header, Passage, Scope


@pytest.fixture
def index(settings: Settings, hashing: Embedder) -> Index:
    many = {f"{n:02}.txt": f"Report {n} on the tram, the lake and {n * 3} farmers of Osk.\n" for n in range(18)}
    write_articles(settings.articles, many)
    build(settings, hashing)
    return Index.open(settings.index)


def reference(
    index: Index, embedder: Embedder, question: str, k: int, weight: float = DENSE_WEIGHT
) -> list[tuple[int, float]]:
    """Every passage scored, nothing left out."""
    rows = range(len(index))
    cosines = {row: round(float(index.vectors.fetch([row])[0] @ embedder.embed_query(question)), 6) for row in rows}
    keywords = {hit.row: hit.score for hit in index.keywords(index.terms(question), len(index))}
    low, high, most = min(cosines.values()), max(cosines.values()), max(keywords.values(), default=1.0)
    asked = understand(question, index)
    scores = {}
    for row in rows:
        fused = weight * (cosines[row] - low) / (high - low) + (1 - weight) * keywords.get(row, 0.0) / most
        together = sentence_coverage(asked, *index.passages([row])[0])
        scores[row] = (fused + SENTENCE_WEIGHT * together) / (1 + SENTENCE_WEIGHT)
    # The best by both halves are reranked, the rest stays behind them; here all fit in.
    return sorted(scores.items(), key=lambda item: (-round(item[1], 6), item[0]))[:k]


def test_words_that_stand_together_count_more_than_words_apart(hashing: Embedder, settings: Settings) -> None:
    build(settings, hashing)
    asked = understand("Why did farmers protest against the plant?", Index.open(settings.index))
    header = Header("a.md", title="Report")

    def covered(text: str) -> float:
        return sentence_coverage(asked, Passage("p", "a.md", 0, len(text), text), header)

    together = covered("Farmers protest against the plant. It rained. Nobody came.")
    apart = covered("Farmers came. It rained. Nobody knew. They protest. Then night fell. The plant closed.")
    assert together == 1.0
    assert apart < together
    assert covered("Nothing of the kind.") == 0.0


@pytest.mark.parametrize(
    "question", ["Which farmers protested at Lake Verrin?", "tram to the university", "завод", "nothing of this"]
)
def test_hits_equal_the_reference(index: Index, hashing: Embedder, question: str) -> None:
    hits = retrieve(index, hashing, question, 6)
    expected = reference(index, hashing, question, 6)
    assert [hit.passage.id for hit in hits] == [index.passages([row])[0][0].id for row, _ in expected]
    assert [hit.score for hit in hits] == pytest.approx([score for _, score in expected], abs=1e-5)


def test_each_hit_says_why_it_is_there(index: Index, hashing: Embedder) -> None:
    best = retrieve(index, hashing, "Which farmers protested because of Lake Verrin?", 3)[0]
    assert best.document.id == "plant.txt"
    assert best.why.keyword_rank == 1
    assert best.why.matched == ("farmers", "protested", "Lake", "Verrin")
    assert best.why.dense_rank is not None
    assert best.why.dense_score is not None
    assert best.why.keyword_score is not None
    assert best.why.keyword_score > 0


def test_what_was_weighed_is_counted_and_what_is_left_out_is_told(index: Index, hashing: Embedder) -> None:
    question = "Which farmers protested because of Lake Verrin?"
    found, all_ = find(index, hashing, question, 2), find(index, hashing, question, 1000)
    assert found.candidates == len(index), "each is among the nearest fifty"
    assert all_.dropped == ()
    shown = {hit.passage.id for hit in found.hits}
    left = [each.hit for each in found.dropped]
    assert len(left) == 10
    assert left == [hit for hit in all_.hits if hit.passage.id not in shown][:10]
    assert {each.reason for each in found.dropped} == {LIMIT}


def test_who_asks_the_same_keeps_the_same_passages(index: Index, hashing: Embedder) -> None:
    one, other = (find(index, hashing, "Which tram runs by the lake?", k=8) for _ in range(2))
    assert one == other
    for mine, theirs in zip(one.hits, other.hits, strict=True):
        assert mine.passage is theirs.passage
        assert mine.document is theirs.document


def test_the_fused_score_is_the_one_before_words_that_stand_together_count(index: Index, hashing: Embedder) -> None:
    question = "Which farmers protested at Lake Verrin?"
    asked = understand(question, index)
    for hit in retrieve(index, hashing, question, 5):
        assert hit.why.reranked is None
        assert hit.why.fused is not None
        together = sentence_coverage(asked, hit.passage, hit.document)
        whole = (hit.why.fused + SENTENCE_WEIGHT * together) / (1 + SENTENCE_WEIGHT)
        assert hit.score == pytest.approx(whole, abs=1e-5)


def test_more_passages_are_the_same_ones_and_then_some(index: Index, hashing: Embedder) -> None:
    few, all_ = retrieve(index, hashing, "tram", 3), retrieve(index, hashing, "tram", 1000)
    assert [hit.passage for hit in all_[:3]] == [hit.passage for hit in few]
    assert len(all_) == len(index)
    assert [hit.score for hit in all_] == sorted((hit.score for hit in all_), reverse=True)


@pytest.mark.parametrize("question", ["", "  \n ", "\x00", None, 7, b"tram", ["tram"], "a" * 2001])
def test_what_is_no_question_is_refused_with_advice(index: Index, hashing: Embedder, question: Any) -> None:
    with pytest.raises(QuestionError, match="; (ask|type)|ask in"):
        retrieve(index, hashing, question, 3)


@pytest.mark.parametrize("k", [0, -1, 10**9, 2.5, "8", None, True])
def test_what_is_no_k_is_refused_with_advice(index: Index, hashing: Embedder, k: Any) -> None:
    with pytest.raises(QuestionError, match="1 to 1000"):
        retrieve(index, hashing, "tram", k)


@pytest.mark.parametrize(
    "question", ['" OR * NEAR (', "...", "the of and", "\ud800 tram", "💥" * 500, "‮tram", "<|endoftext|>"]
)
def test_hostile_questions_get_hits(index: Index, hashing: Embedder, question: str) -> None:
    assert len(retrieve(index, hashing, question, 3)) == 3


def test_a_question_is_cleaned_of_control_characters() -> None:
    assert check_question(" Who\x00 came?\n") == "Who came?"
    assert check_k(5) == 5


def test_other_unicode_forms_of_a_question_find_the_same(index: Index, hashing: Embedder) -> None:
    composed = retrieve(index, hashing, "Озеро Веррин и жителей", 3)
    assert retrieve(index, hashing, unicodedata.normalize("NFD", "Озеро Веррин и жителей"), 3) == composed
    assert retrieve(index, hashing, "Озе\u00adро Вер\u200bрин и жителей", 3) == composed


@given(
    cosines=st.dictionaries(st.integers(0, 20), st.floats(-1, 1), max_size=10),
    words=st.dictionaries(st.integers(0, 20), st.floats(0, 50), max_size=10),
    weight=st.floats(0, 1),
)
@hypothesis_settings(deadline=None)
def test_fused_scores_lie_between_0_and_1_and_respect_both_orders(
    cosines: dict[int, float], words: dict[int, float], weight: float
) -> None:
    known = {row: score for row, score in words.items() if row in cosines}
    scores = fuse(cosines, known, weight)
    assert scores.keys() == cosines.keys()
    assert all(0 <= score <= 1 for score in scores.values())
    for one in cosines:
        for other in cosines:
            if cosines[one] >= cosines[other] and known.get(one, 0.0) >= known.get(other, 0.0):
                assert scores[one] >= scores[other]


NEWS = {
    f"{outlet.lower()}-{month}.md": f"""---
title: Report {number} on the tram
outlet: {outlet} Herald
published: 2031-{month}-05
---
The tram of Port Velm was late again, said driver number {number}. People waited for {number} hours.
"""
    for number, (outlet, month) in enumerate([(o, m) for o in ("Velm", "Oskar", "Lake") for m in ("03", "04")], start=2)
}


class TestScope:
    @pytest.fixture
    def news(self, settings: Settings, hashing: Embedder) -> Index:
        write_articles(settings.articles, NEWS)
        build(settings, hashing)
        return Index.open(settings.index)

    @pytest.mark.parametrize(
        "scope",
        [
            Scope(outlets=("Velm Herald",)),
            Scope(published=("2031-04-01", "2031-04-30")),
            Scope(published=("2031-04", "")),
            Scope(documents=("lake-03.md",)),
            Scope(outlets=("Lake Herald", "Velm Herald"), published=("", "2031-03-31")),
        ],
    )
    def test_only_what_lies_inside_is_found_and_all_of_it(self, news: Index, hashing: Embedder, scope: Scope) -> None:
        expected = {header.id for header in news.headers() if scope.holds(header)}
        found = find(news, hashing, "Why was the tram late?", 50, scope)
        assert {hit.document.id for hit in found.hits} == expected
        assert (found.scope, found.notice) == (scope, "")

    @pytest.mark.parametrize(
        ("published", "first", "last", "inside"),
        [
            ("2031-03-05", "2031-03-05", "2031-03-05", True),
            ("2031-03", "2031-03-10", "2031-03-20", True),
            ("2031-03", "2031-04-01", "", False),
            ("2031", "", "2031-01-01", True),
            ("2031", "2032-01-01", "", False),
            ("", "2031-01-01", "", False),
            ("", "", "", True),
        ],
    )
    def test_a_date_is_as_long_as_it_is_known(self, published: str, first: str, last: str, inside: bool) -> None:
        assert Scope(published=(first, last)).holds(Header(id="a.md", published=published)) is inside

    def test_what_a_question_asks_for_narrows_it_and_can_be_ignored(self, news: Index, hashing: Embedder) -> None:
        question = "What did the Velm Herald report in April 2031?"
        found = find(news, hashing, question, 5)
        assert [each.label for each in found.mentions] == ["Velm Herald", "Apr 2031"]
        assert [hit.document.id for hit in found.hits] == ["velm-04.md"]
        assert found.hits[0].why.met == ("Velm Herald", "Apr 2031")
        outlet = find(news, hashing, question, 5, ignored=("Apr 2031",))
        assert {hit.document.id for hit in outlet.hits} == {"velm-03.md", "velm-04.md"}
        everything = find(news, hashing, question, 50, Scope())
        assert {hit.document.id for hit in everything.hits} >= set(NEWS)

    def test_what_a_question_asks_for_in_vain_is_loosened_and_said_so(self, news: Index, hashing: Embedder) -> None:
        found = find(news, hashing, "What did the Velm Herald report in May 2019?", 5)
        assert {hit.document.outlet for hit in found.hits} == {"Velm Herald"}
        assert "more were searched" in found.notice

    def test_a_scope_given_by_hand_is_kept_also_where_it_holds_nothing(self, news: Index, hashing: Embedder) -> None:
        for scope in (Scope(outlets=("Nobody Times",)), Scope(published=("2040-01-01", ""))):
            found = find(news, hashing, "Why was the tram late?", 5, scope)
            assert found.hits == ()
            assert "rag status" in found.notice

    def test_each_of_several_outlets_gets_a_place(self, news: Index, hashing: Embedder) -> None:
        asked = "Compare what the Velm Herald and the Lake Herald report on the tram."
        found = find(news, hashing, asked, 2)
        assert {hit.document.outlet for hit in found.hits} == {"Velm Herald", "Lake Herald"}
        assert not found.scope

    def test_an_outlet_that_is_named_has_its_place_also_where_it_repeats_another(
        self, settings: Settings, hashing: Embedder
    ) -> None:
        head = "---\ntitle: Report\noutlet: {} Herald\npublished: 2031-03-05\n---\n"
        said = "The tram of Port Velm was late again on Monday, said the driver, and hundreds of people waited for it."
        write_articles(settings.articles, {f"{each}.md": head.format(each) + said for each in ("Velm", "Lake")})
        build(settings, hashing)
        index = Index.open(settings.index)
        found = find(index, hashing, "What did the Velm Herald and the Lake Herald say about the tram?", 5)
        assert {"Velm.md", "Lake.md"} <= {hit.document.id for hit in found.hits}
        (once,) = [hit for hit in retrieve(index, hashing, "Why was the tram late?", 5) if hit.also]
        assert {once.document.id, once.also[0].id} == {"Velm.md", "Lake.md"}

    def test_a_place_for_each_that_is_named_does_not_leave_the_scope(
        self, settings: Settings, hashing: Embedder
    ) -> None:
        head = "---\ntitle: Report\nauthors: [{}]\npublished: {}\n---\nThe tram was late on day {}, people said.\n"
        authors = ("Mirela Anders", "Jon Brask")
        articles = {
            f"{author[0]}-{day}.md": head.format(author, day, number)
            for number, (author, day) in enumerate(
                (author, day) for author in authors for day in ("2031-03-05", "2029")
            )
        }
        write_articles(settings.articles, articles)
        build(settings, hashing)
        question = "What did Mirela Anders and Jon Brask report in March 2031?"
        found = find(Index.open(settings.index), hashing, question, 8)
        assert found.scope == Scope(published=("2031-03-01", "2031-03-31"))
        assert all(found.scope.holds(hit.document) for hit in found.hits)
        assert {"M-2031-03-05.md", "J-2031-03-05.md"} <= {hit.document.id for hit in found.hits}

    @pytest.mark.parametrize(
        "wrong",
        [
            {"outlets": "Velm"},
            {"published": ("2031", "")},
            {"published": ("a",)},
            {"published": ("20310304", "")},
            {"published": None},
            {"outlets": None},
            {"published": ("2031-04-01", "2031-03-01")},
            {"documents": [1]},
        ],
    )
    def test_what_is_no_scope_is_refused(self, wrong: dict[str, Any]) -> None:
        with pytest.raises(QuestionError):
            check_scope(**wrong)


def test_each_part_of_a_question_has_a_place(index: Index, hashing: Embedder) -> None:
    question = "Compare Port Velm and Lake Verrin."
    found = find(index, hashing, question, 2)
    assert found.parts == ("Port Velm", "Lake Verrin")
    assert find(index, hashing, question, 2, parts=()).parts == ()
    best = {retrieve(index, hashing, part, 1)[0].passage for part in found.parts}
    assert len(best) == 2
    assert {hit.passage for hit in found.hits} == best


def test_neighbouring_passages_are_one_hit_that_stands_in_the_article(hashing: Embedder, settings: Settings) -> None:
    sentences = [
        f"The tram number {n} of Port Velm runs from the old docks to the university each day." for n in range(12)
    ]
    write_articles(settings.articles, {"long.txt": " ".join(sentences)})
    build(settings.replace(passage_tokens=40), hashing)
    index = Index.open(settings.index)
    hits = retrieve(index, hashing, "Which tram runs to the university?", 3)
    text = index.document("long.txt").text
    spans = [hit.passage for hit in hits if hit.document.id == "long.txt"]
    assert any("+" in passage.id for passage in spans)
    assert all(text[passage.start : passage.end] == passage.text for passage in spans)
    places = sorted((passage.start, passage.end) for passage in spans)
    assert all(end <= start for (_, end), (start, _) in zip(places, places[1:], strict=False))


def test_an_article_is_read_once_however_many_of_its_passages_are_wanted(
    hashing: Embedder, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = " ".join(f"The tram number {n} of Port Velm runs from the old docks to the university." for n in range(60))
    write_articles(settings.articles, {"long.txt": said})
    build(settings.replace(passage_tokens=40), hashing)
    index = Index.open(settings.index)
    queries: list[str] = []
    read = index._all
    monkeypatch.setattr(index, "_all", lambda query, values=(): queries.append(query) or read(query, values))
    rows = list(reversed(range(len(index))))
    found = index.passages(rows)
    texts = {header.id: index.document(header.id).text for header in index.headers()}
    assert all(texts[header.id][each.start : each.end] == each.text for each, header in found)
    assert [each for each, _ in found] == [index.passages([row])[0][0] for row in rows]
    of_one_call = queries[: 1 + len(texts)]
    assert len(rows) > 2 * len(texts)
    assert sum("d.text" in query for query in of_one_call) == len(texts)
    assert not any("substr" in query for query in queries)


class Backwards:
    """A reranker that likes the shortest text best."""

    name = "backwards"

    def scores(self, question: str, texts: list[str]) -> list[float]:
        return [1 / len(text) for text in texts]


def test_a_reranker_orders_the_best_anew(index: Index, hashing: Embedder) -> None:
    plain = retrieve(index, hashing, "tram", 1000)
    found = find(index, hashing, "tram", 1000, reranker=Backwards()).hits
    assert {hit.passage for hit in found} == {hit.passage for hit in plain}
    lengths = [len(f"{hit.document.line()}\n{hit.passage.text}") for hit in found]
    assert lengths == sorted(lengths)
    assert lengths != [len(f"{hit.document.line()}\n{hit.passage.text}") for hit in plain]
    assert [hit.why.reranked for hit in found] == [hit.score for hit in found]


def test_a_reranker_that_fails_says_what_to_do(index: Index, hashing: Embedder) -> None:
    class Broken:
        name = "broken"

        def scores(self, question: str, texts: list[str]) -> list[float]:
            raise EmbeddingError("The reranker broken failed; set RAG_RERANKER to 'off'")

    with pytest.raises(EmbedderError, match="RAG_RERANKER"):
        find(index, hashing, "tram", 3, reranker=Broken())


@pytest.mark.parametrize("wanted", [1, 3, 10])
def test_keywords_within_some_articles_are_those_of_a_search_through_all(index: Index, wanted: int) -> None:
    terms = index.terms("tram lake farmers Osk")
    scope = Scope(documents=tuple(header.id for header in index.headers()[::2]))
    within = index.rows_of(scope.documents)
    everything = [hit for hit in index.keywords(terms, len(index)) if hit.row in within]
    assert index.keywords(terms, wanted, [scope]) == everything[:wanted]
