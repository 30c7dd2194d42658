"""Scripted chat models: they read the prompt as a model does, and obey, cite wrongly, never cite, or invent quotes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence

from rag.text.sentences import sentence_spans
from rag.types import Message

Model = Callable[[Sequence[Message]], Iterator[str]]


def passages(messages: Sequence[Message]) -> list[dict[str, object]]:
    """The passages of a prompt, as a model finds them between their marks."""
    lines = messages[-1].text.splitlines()
    mark = next(line.split()[1] for line in lines if line.startswith("PASSAGES "))
    first, last = lines.index(f"PASSAGES {mark}"), lines.index(f"END {mark}")
    return [json.loads(line) for line in lines[first + 1 : last]]


def first_sentence(messages: Sequence[Message]) -> str:
    text = str(passages(messages)[0]["text"])
    start, end = sentence_spans(text)[0]
    return " ".join(text[start:end].split())


def in_pieces(text: str) -> Iterator[str]:
    for start in range(0, len(text), 7):
        yield text[start : start + 7]


def obeys(messages: Sequence[Message]) -> Iterator[str]:
    """The first sentence of the best passage, with its number."""
    yield from in_pieces(f"{first_sentence(messages)} [1]")


def cites_wrongly(messages: Sequence[Message]) -> Iterator[str]:
    """The same, but it names the last passage and one that does not exist."""
    yield from in_pieces(f"{first_sentence(messages)} [{len(passages(messages))}][99]")


def never_cites(messages: Sequence[Message]) -> Iterator[str]:
    yield from in_pieces(first_sentence(messages))


def invents_quotes(messages: Sequence[Message]) -> Iterator[str]:
    """One true sentence, then words in quotation marks that nobody said."""
    yield from in_pieces(
        f"{first_sentence(messages)} [1] The emperor of Zembla said “the moon is made of old green cheese and lead”. [1]"
    )


def says(text: str) -> Model:
    """A model that writes one text, whatever it is asked."""

    def model(messages: Sequence[Message]) -> Iterator[str]:
        yield from in_pieces(text)

    return model
