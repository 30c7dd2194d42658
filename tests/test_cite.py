"""Citations: only what stands in the article can be cited."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.cite.checker import Evidence, Numbers, citations_of, marked_text
from rag.errors import CitationError
from rag.types import Citation, Document, Hit, Passage, Sentence

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


def test_articles_are_numbered_in_order_of_appearance_and_quotes_of_one_share_its_number() -> None:
    first, second = Document(id="a.md", text=TEXT), Document(id="b.md", text=TEXT)
    numbers = Numbers()
    places = [(second, 18, 37), (first, 0, 17), (second, 0, 17)]
    cited = [numbers.cite(Evidence(hit_of(document, 0, 37), start, end, 0.5)) for document, start, end in places]
    assert [(each.number, each.quote) for each in cited] == [
        (1, "The mayor is sorry."),
        (2, "The tram is late."),
        (1, "The tram is late."),
    ]
    sentences = [Sentence("Sorry and late.", (cited[0], cited[2])), Sentence("Late.", (cited[1], cited[0]))]
    assert marked_text(sentences) == "Sorry and late. [1] Late. [2] [1]"
    assert citations_of(sentences) == (cited[0], cited[2], cited[1])


@pytest.mark.parametrize(("start", "end", "text"), [(0, 4, "abc"), (3, 3, ""), (-1, 2, "abc"), (4, 2, "")])
def test_a_passage_matches_its_span(start: int, end: int, text: str) -> None:
    with pytest.raises(CitationError):
        Passage(id="p", document_id="a.md", start=start, end=end, text=text)
