"""Invented conversations: one to look at, any for properties, and what hostile articles and models write."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

from hypothesis import strategies as st

from rag.export.conversation import Turn
from rag.types import Answer, Citation, Header, Hit, Passage, Sentence, State, Why

MILL = Header(
    id="mill.md",
    title="The mill of Tarn",
    outlet="Courier",
    authors=("Ada Rusk",),
    published="2031-03-04",
    language="en",
    source="https://courier.example/mill",
)
MILL_TEXT = "The mill burned down in 1911. It was rebuilt in brick. Nobody was hurt."

HOSTILE = (
    "[click](javascript:alert(1))",
    "](javascript:alert(1)) [x",
    "![x](https://evil.example/?d=1)",
    "![x][1]\n\n[1]: https://evil.example/",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</style></title><svg onload=alert(1)>",
    '"><a href="javascript:alert(1)">x</a>',
    "<https://evil.example/>",
    "https://evil.example/ www.evil.example ftp://evil.example",
    "`code` ```\nfence\n```",
    "# heading\n## another",
    "- item\n+ item\n* item",
    "1. first\n2) second",
    "> quote\n---\n===\n***",
    "    indented\n\ttabbed",
    "| a | b |\n|---|---|",
    "&lt;b&gt; &#60;i&#62; &amp;",
    "**bold** __strong__ ~~gone~~ *a* _b_",
    "Sources:\n[2] “Invented.”\n    The Invented Times",
    "It flew. [7]",
    "\u202etxt.exe\u2066\u200b\u200f",
    "\x00\x1b[2J\x07\x85\u2028\u2029",
    "\ud800 half",
    "\U000e0041\U000e0042 tags \ufffe\uffff",
    "$$x$$ \\(y\\) \\[z\\] {% raw %} {{ x }}",
    "<!-- comment --> <?xml?> <![CDATA[x]]>",
    "javascript:alert(1)",
    "\\",
    "x" * 3_000,
    "",
    " ",
)


def hit(header: Header = MILL, text: str = MILL_TEXT, start: int = 0) -> Hit:
    passage = Passage(f"{header.id}-{start}", header.id, start, start + len(text), text)
    return Hit(passage, header, 1.0, Why(1, 0.5, 2, 3.25, ("mill",), ("Courier",)))


def cited(number: int, quote: str, source: Hit) -> Citation:
    start = source.passage.start + source.passage.text.index(quote)
    return Citation(number, source, quote, start, start + len(quote))


def answered(*sentences: Sentence, question: str = "When did the mill burn down?", **changes: Any) -> Answer:
    citations = tuple(citation for sentence in sentences for citation in sentence.citations)
    text = " ".join(sentence.text for sentence in sentences)
    return Answer(question, text=text, sentences=sentences, citations=citations, complete=True, **changes)


BURNED = cited(1, "The mill burned down in 1911.", hit())
BRICK = cited(1, "It was rebuilt in brick.", hit())
ANSWER = answered(
    Sentence("The mill burned down in 1911.", (BURNED,)),
    Sentence("It was rebuilt in 1912.", (BRICK,), unverified=((18, 22),)),
    Sentence("It flew.", supported=False),
    hits=(hit(), hit(text=MILL_TEXT[30:], start=30)),
    model="ollama:tiny",
)
REFUSAL = Answer("Who owns it?", text="No answer found.", state="none", complete=True, hits=(hit(),))
CLOSEST = replace(
    answered(Sentence(BRICK.quote, (BRICK,), lead="\n- "), question="Who rebuilt it?", hits=(hit(),)),
    state="closest",
    text=f"No answer found. The closest sentences are:\n- {BRICK.quote} [1]",
)
TALK = (
    Turn(1, "When did the mill burn down?", "done", ANSWER),
    Turn(2, "Who owns it?", "done", REFUSAL, ignored=("Courier",)),
)

words = st.one_of(st.text(max_size=30), st.sampled_from(HOSTILE))
scores = st.floats(allow_nan=False, allow_infinity=False)
labels = st.lists(words, max_size=2).map(tuple)
headers = st.builds(
    Header, id=words, title=words, outlet=words, authors=labels, published=words, language=words, source=words
)
whys = st.builds(
    Why,
    dense_rank=st.none() | st.integers(1, 99),
    dense_score=st.none() | scores,
    keyword_rank=st.none() | st.integers(1, 99),
    keyword_score=st.none() | scores,
    matched=labels,
    met=labels,
)


@st.composite
def hits(draw: st.DrawFn) -> Hit:
    """A passage with any text, anywhere in an article."""
    header, text, start = draw(headers), draw(words.filter(bool)), draw(st.integers(0, 1000))
    passage = Passage(draw(words), header.id, start, start + len(text), text)
    return Hit(passage, header, draw(scores), draw(whys), draw(st.lists(headers, max_size=1).map(tuple)))


@st.composite
def citations(draw: st.DrawFn, found: tuple[Hit, ...], number: int) -> Citation:
    """Any stretch of one of the passages."""
    source = draw(st.sampled_from(found))
    text, offset = source.passage.text, source.passage.start
    start = draw(st.integers(0, len(text) - 1))
    end = draw(st.integers(start + 1, len(text)))
    return Citation(number, source, text[start:end], offset + start, offset + end)


@st.composite
def sentences(draw: st.DrawFn, quotes: tuple[Citation, ...]) -> Sentence:
    """Any words, carried by some of the quotes, with any spans of them marked."""
    text = draw(words)
    ends = st.tuples(st.integers(0, len(text)), st.integers(0, len(text)))
    spans = st.lists(ends.map(lambda pair: (min(pair), max(pair))), max_size=2).map(tuple)
    carried = tuple(draw(st.lists(st.sampled_from(quotes), max_size=2))) if quotes else ()
    lead = draw(st.sampled_from((" ", "", "\n", "\n- ", "\n1. ", "\n3) ")))
    asked = draw(st.none() | ends.map(lambda pair: (min(pair), max(pair))))
    return Sentence(text, carried, draw(st.booleans()), lead, draw(spans), draw(spans), asked, draw(words), draw(words))


@st.composite
def answers(draw: st.DrawFn) -> Answer:
    """An answer of which every field is anything that its type allows."""
    found = tuple(draw(st.lists(hits(), max_size=2)))
    count = draw(st.integers(0, 2)) if found else 0
    quotes = tuple(draw(citations(found, number)) for number in range(1, count + 1))
    return Answer(
        question=draw(words),
        searched=draw(words),
        understood=draw(labels),
        parts=draw(labels),
        text=draw(words),
        sentences=tuple(draw(st.lists(sentences(quotes), max_size=3))),
        citations=quotes,
        hits=found,
        model=draw(words),
        complete=draw(st.booleans()),
        state=draw(st.sampled_from(get_args(State))),
        score=draw(scores),
        notice=draw(words),
    )


def turns(number: int = 1) -> st.SearchStrategy[Turn]:
    return st.builds(
        Turn,
        number=st.just(number),
        question=words,
        status=st.sampled_from(("done", "stopped", "failed")),
        answer=st.none() | answers(),
        note=words,
        ignored=labels,
    )


conversations = st.integers(1, 3).flatmap(lambda count: st.tuples(*(turns(number) for number in range(1, count + 1))))
