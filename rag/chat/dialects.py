"""The two dialects of chat over HTTP: what is sent, and what an event of the reply says.

OpenAI's Chat Completions, which most servers speak (https://platform.openai.com/docs/api-reference/chat), and Anthropic's
Messages (https://docs.anthropic.com/en/api/messages-streaming). What differs is here, everything else in ``service.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from rag.chat.turns import fold
from rag.types import Message

VERSION = "anthropic-version"
"""The header that says which form of Messages is spoken."""

SYSTEM = "system"
"""The option of a turn for the rules; without it they stand in front of the question."""

SEARCH_RESULT = "search_result"
"""The option of passages as blocks that the model cites; without it they are lines of its text."""

_THOUGHTS = ("reasoning", "thinking", "thought")

Fields = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Part:
    """What one event, or a whole reply, says.

    ``finish`` is why the answer ended, in the service's word; ``whole`` says that nothing more comes, ``late`` that it is
    what mostly comes last; ``thinks`` that it holds a thought. ``prompt_tokens`` is how many tokens the model read, 0 where
    that is not told; ``error`` is what went wrong, in whatever form it came.
    """

    text: str = ""
    finish: str = ""
    whole: bool = False
    late: bool = False
    thinks: bool = False
    prompt_tokens: int = 0
    error: object = None


class Dialect(Protocol):
    """One of the two."""

    options: tuple[str, ...]
    """Parts of the request that we like and some servers refuse."""

    def request(self, model: str, messages: Sequence[Message], room: int, options: Sequence[str]) -> Fields:
        """Return the request's body; ``room`` is how many tokens the answer may have."""
        ...

    def target(self, base_url: str) -> tuple[str, dict[str, str]]:
        """Return where requests go, and the headers that they carry beside the key."""
        ...

    def event(self, fields: Fields) -> Part:
        """Return what an event of a streamed reply says."""
        ...

    def reply(self, fields: Fields) -> Part:
        """Return what a reply in one piece says."""
        ...


class OpenAI:
    """Chat Completions."""

    options: tuple[str, ...] = ("stream_options", "temperature", SYSTEM)

    def request(self, model: str, messages: Sequence[Message], room: int, options: Sequence[str]) -> Fields:
        del room
        # No largest length: its name differs between models, and servers without a default write as much as fits.
        liked: Fields = {"stream_options": {"include_usage": True}, "temperature": 0}
        taken = messages if SYSTEM in options else fold(messages)
        turns = [{"role": each.role, "content": each.text} for each in taken]
        wanted = {name: liked[name] for name in options if name in liked}
        return {"model": model, "messages": turns, "stream": True, **wanted}

    def target(self, base_url: str) -> tuple[str, dict[str, str]]:
        return f"{base_url}/chat/completions", {}

    def event(self, fields: Fields) -> Part:
        if fields.get("error"):
            return Part(error=fields["error"])
        if fields.get("object") == "error":
            return Part(error=fields)
        choice = _first(fields.get("choices"))
        delta = choice.get("delta") or choice.get("message")
        delta = delta if isinstance(delta, dict) else {}
        return Part(
            text=_text(delta.get("content")),
            finish=_word(choice.get("finish_reason")),
            late=bool(fields.get("usage")) and not choice,  # what include_usage asks for; some send it first, or often
            thinks=_thinks(delta),
            prompt_tokens=_count(fields.get("usage"), "prompt_tokens"),
        )

    reply = event


class Anthropic:
    """Messages."""

    options: tuple[str, ...] = (SEARCH_RESULT,)  # newer models know no temperature

    def request(self, model: str, messages: Sequence[Message], room: int, options: Sequence[str]) -> Fields:
        system = "\n\n".join(each.text for each in messages if each.role == "system")
        cited = SEARCH_RESULT in options
        turns = [
            {"role": each.role, "content": _blocks(each) if cited and each.blocks else each.text}
            for each in messages
            if each.role != "system"
        ]
        fields: Fields = {"model": model, "messages": turns, "stream": True, "max_tokens": room}
        if system:
            fields["system"] = system
        return fields

    def target(self, base_url: str) -> tuple[str, dict[str, str]]:
        return f"{base_url.removesuffix('/v1')}/v1/messages", {VERSION: "2023-06-01"}

    def event(self, fields: Fields) -> Part:
        kind = fields.get("type")
        if kind == "error" or fields.get("error"):
            return Part(error=fields.get("error") or fields)
        if kind == "message_start":
            message = fields.get("message")
            return Part(prompt_tokens=_anthropic_count(message.get("usage")) if isinstance(message, dict) else 0)
        delta = fields.get("delta") if kind in ("content_block_delta", "message_delta") else fields.get("content_block")
        if not isinstance(delta, dict):
            return Part(whole=kind == "message_stop")
        is_text = delta.get("type") in ("text", "text_delta")
        return Part(
            text=_text(delta.get("text")) if is_text else _label(delta.get("citation")),
            finish=_word(delta.get("stop_reason")),
            thinks=not is_text and _thinks(delta),
        )

    def reply(self, fields: Fields) -> Part:
        if fields.get("type") == "error":
            return Part(error=fields.get("error") or fields)
        return Part(
            text=_labelled(fields.get("content")),
            finish=_word(fields.get("stop_reason")),
            prompt_tokens=_anthropic_count(fields.get("usage")),
        )


def _blocks(message: Message) -> list[Fields]:
    """Write a message's blocks as https://docs.anthropic.com/en/docs/build-with-claude/search-results has them."""
    blocks: list[Fields] = []
    for each in message.blocks:
        if isinstance(each, str):
            blocks.append({"type": "text", "text": each})
            continue
        content = [{"type": "text", "text": sentence} for sentence in each.sentences]
        cited = {"type": SEARCH_RESULT, "title": each.title, "source": each.source, "content": content}
        blocks.append({**cited, "citations": {"enabled": True}})
    return blocks


def _label(citation: object) -> str:
    """Write a citation of a search result as its passage's label. It is a hint, as all labels are.

    >>> _label({"type": "search_result_location", "search_result_index": 1, "cited_text": "It rained."}), _label(None)
    ('[2]', '')
    """
    place = citation.get("search_result_index") if isinstance(citation, dict) else None
    return f"[{place + 1}]" if type(place) is int and place >= 0 else ""


def _labelled(content: object) -> str:
    """Return the text of a content, which may come in parts. What a model thinks before it answers is left out."""
    if not isinstance(content, list):
        return _text(content)
    return "".join(
        _text([each]) + "".join(map(_label, each.get("citations") or ())) for each in content if isinstance(each, dict)
    )


def _first(choices: object) -> Fields:
    choice = choices[0] if isinstance(choices, list) and choices else None
    return choice if isinstance(choice, dict) else {}


def _text(content: object) -> str:
    """Return the text of a content, which may come in parts, without the model's thoughts."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    parts = [each.get("text") for each in content if isinstance(each, dict) and each.get("type") == "text"]
    return "".join(each for each in parts if isinstance(each, str))


def _thinks(delta: Fields) -> bool:
    """True if a part of a message holds a thought. Servers have several names for it.

    >>> [_thinks(each) for each in ({"reasoning_content": "Hm."}, {"thinking": "Hm."}, {"reasoning": None}, {"content": "x"})]
    [True, True, False, False]
    """
    parts = delta.get("content")
    typed = [each for each in parts if isinstance(each, dict)] if isinstance(parts, list) else []
    return any(
        value and name.startswith(_THOUGHTS)
        for each in (delta, *typed)
        for name, value in each.items()
        if name != "type"
    )


def _word(value: object) -> str:
    """Return why an answer ended. Some servers write so of each event that it has not."""
    return value if isinstance(value, str) and value.lower() not in ("null", "none") else ""


def _count(usage: object, *names: str) -> int:
    counts = [usage.get(name) for name in names] if isinstance(usage, dict) else []
    return sum(each for each in counts if isinstance(each, int) and each > 0)


def _anthropic_count(usage: object) -> int:
    return _count(usage, "input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
