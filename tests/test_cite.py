"""Citations: only what stands in the article can be cited."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.cite import Evidence, citations_of, cite, marked_text
from rag.errors import CitationError
from rag.types import Citation, Document, Header, Hit, Passage

TEXT = "The tram is late. The mayor is sorry.\n\nNobody else is."


def hit_of(document: Document, start: int, end: int) -> Hit:
    passage = Passage(id="p", document_id=document.id, start=start, end=end, text=document.text[start:end])
    return Hit(passage=passage, document=document.header, score=1.0)


@given(data=st.data(), text=st.text(min_size=1, max_size=200))
def test_a_citation_is_built_exactly_where_its_quote_stands(data: st.DataObject, text: str) -> None:
    document = Document(id="a.md", text=text)
    first = data.draw(st.integers(0, len(text) - 1))
    last = data.draw(st.integers(first + 1, len(text)))
    hit = hit_of(document, first, last)
    start, end = data.draw(st.integers(-3, len(text) + 3)), data.draw(st.integers(-3, len(text) + 3))
    quote = data.draw(st.sampled_from([text[max(start, 0) : max(end, 0)], text[first:last], text[::-1], ""]))
    true = first <= start < end <= last and document.text[start:end] == quote
    try:
        made = Citation(number=1, hit=hit, quote=quote, start=start, end=end)
    except CitationError:
        assert not true
    else:
        assert true
        assert document.text[made.start : made.end] == made.quote


def test_numbers_follow_the_order_of_appearance() -> None:
    document = Document(id="a.md", text=TEXT)
    hit = hit_of(document, 0, 37)
    sentences = cite([Evidence(hit, 18, 37, 0.9), Evidence(hit, 0, 17, 0.5)])
    assert marked_text(sentences) == "The mayor is sorry. [1] The tram is late. [2]"
    assert [(each.number, each.quote) for each in citations_of(sentences)] == [
        (1, "The mayor is sorry."),
        (2, "The tram is late."),
    ]


def test_a_span_over_two_lines_is_shown_as_one_and_quoted_as_it_stands() -> None:
    document = Document(id="a.md", text=TEXT)
    (sentence,) = cite([Evidence(hit_of(document, 0, len(TEXT)), 18, len(TEXT), 0.9)])
    assert sentence.text == "The mayor is sorry. Nobody else is."
    assert sentence.citations[0].quote == "The mayor is sorry.\n\nNobody else is."


def test_a_span_outside_its_passage_is_never_cited() -> None:
    hit = hit_of(Document(id="a.md", text=TEXT), 18, 37)
    with pytest.raises(CitationError):
        cite([Evidence(hit, 0, 17, 0.9)])


@pytest.mark.parametrize(("start", "end", "text"), [(0, 4, "abc"), (3, 3, ""), (-1, 2, "abc"), (4, 2, "")])
def test_a_passage_matches_its_span(start: int, end: int, text: str) -> None:
    with pytest.raises(CitationError):
        Passage(id="p", document_id="a.md", start=start, end=end, text=text)


def test_a_header_is_a_document_without_its_text() -> None:
    document = Document(
        id="a.md", title="T", outlet="O", authors=("A",), published="2031", language="en", source="s", text="x"
    )
    assert document.header == Header("a.md", "T", "O", ("A",), "2031", "en", "s")
