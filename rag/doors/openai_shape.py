"""Write answers in the shape of OpenAI's chat completions: text with numbered links, and citations as annotations.

https://platform.openai.com/docs/api-reference/chat/object describes the shape; ``annotations`` hold ``url_citation``, whose
``start_index`` and ``end_index`` count characters of the whole content: ``content[start:end]`` is the cited sentence.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from rag.errors import QuestionError
from rag.export.bibliography import web_address
from rag.types import DOUBTED, DOUBTS, Answer, Citation, Header, Message, Passage, Sentence

MOST_HISTORY = 20
"""Messages before the question that are read; older ones are dropped."""
_OWN_LINK = re.compile(r"\[(\[\d+\])\]\([^()\s]*\)")
"""A numbered link as ``_links`` writes it."""
_MARKUP = re.compile(r"(?<=\])(?=[(:])|(?<=!)(?=\[)|(?<=<)(?=[A-Za-z/!?])")
"""Where a link, a link's definition, an image or a tag would begin."""
_NOTICE = "\n\n> "


@dataclass(frozen=True, slots=True)
class Content:
    """What a chat client shows of an answer, and its citations as OpenAI's annotations."""

    text: str
    annotations: tuple[dict[str, Any], ...] = ()


def read_messages(sent: Any) -> tuple[str, tuple[Message, ...]]:
    """Split the messages of a request into the question and the history before it; raises QuestionError.

    Only what user and assistant said counts: the articles answer, whatever a system message wants.

    >>> read_messages([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Who voted?"}])
    ('Who voted?', ())
    >>> read_messages([{"role": "user", "content": [{"type": "text", "text": "Who voted?"}]}])
    ('Who voted?', ())
    """
    if not isinstance(sent, list) or not all(isinstance(each, dict) for each in sent):
        raise QuestionError('messages must be a list of objects; send [{"role": "user", "content": "…"}]')
    said = [(each.get("role"), _text(each.get("content"))) for each in sent]
    places = [place for place, (role, _) in enumerate(said) if role == "user"]
    if not places:
        raise QuestionError('there is no user message; send [{"role": "user", "content": "…"}]')
    before = [Message(role, _plain(role, text)) for role, text in said[: places[-1]] if role in ("user", "assistant")]
    return said[places[-1]][1], tuple(before[-MOST_HISTORY:])


def _text(content: Any) -> str:
    """Read a content, which is a text or a list of parts; parts that are not text are left out."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    texts = [part.get("text") for part in parts if isinstance(part, dict) and part.get("type") == "text"]
    return "\n".join(text for text in texts if isinstance(text, str))


def _plain(role: str, text: str) -> str:
    """Turn our own content back into the answer's text: ``[[1]](url)`` is ``[1]`` again, and the notice goes."""
    return _OWN_LINK.sub(r"\1", text).partition(_NOTICE)[0] if role == "assistant" else text


def content_of(answer: Answer, base: str, *, settled: bool = False) -> Content:
    """Write an answer as Markdown, with a link after each sentence for each article it cites.

    With ``settled`` only the part that no later step of the stream can change. ``base`` is the server's address, under which
    articles without an address of their own are shown.
    """
    if not settled:
        notice = f"{_NOTICE}{' '.join(_harmless(answer.notice).split())}" if answer.notice else ""
        if not answer.sentences:
            return Content(f"{_harmless(answer.text)}{notice}")
        first = f"{answer.text.partition(chr(10))[0]}\n" if answer.state == "closest" else ""
        content = _written(answer.sentences, base, first)
        return Content(f"{content.text}{notice}", content.annotations)
    # A model's last sentence may still grow, and an answer is withdrawn unless one of its sentences is cited.
    fixed = answer.sentences[:-1]
    return _written(fixed, base) if any(each.citations for each in fixed) else Content("")


def _written(sentences: Iterable[Sentence], base: str, first: str = "") -> Content:
    text = first
    annotations: list[dict[str, Any]] = []
    for sentence in sentences:
        text += (sentence.lead if text else sentence.lead.lstrip()) + (f"{sentence.label}: " if sentence.label else "")
        text += f"(Context: {_harmless(sentence.context)}) " if sentence.context else ""
        start = len(text)
        text += _harmless(sentence.text)
        annotations += _annotations(sentence.citations, start, len(text), base)
        text += "".join(f" [[{number}]]({url})" for number, url in _links(sentence.citations, base).items())
        text += "".join(f" [{doubt}]" for doubt in _doubts(sentence))
    return Content(text, tuple(annotations))


def _annotations(citations: Sequence[Citation], start: int, end: int, base: str) -> Iterator[dict[str, Any]]:
    """Give each address that a sentence cites one annotation."""
    for url, citation in {url_of(each.hit.document, each, base): each for each in citations}.items():
        header = citation.hit.document
        cited = {"start_index": start, "end_index": end, "title": header.title or header.id, "url": url}
        yield {"type": "url_citation", "url_citation": cited}


def _links(citations: Sequence[Citation], base: str) -> dict[int, str]:
    """Return the address of the first quote from each article, by the article's number."""
    found: dict[int, str] = {}
    for each in citations:
        found.setdefault(each.number, url_of(each.hit.document, each, base))
    return found


def url_of(header: Header, span: Citation | Passage, base: str) -> str:
    """Return where a span can be read: the article's own ``source``, else our page of it with the span marked."""
    return source_url(header.source) or f"{article_url(header.id, base)}#c={span.start}-{span.end}"


def source_url(source: str) -> str:
    """Return an article's source as a Markdown link may hold it, empty if it is no web address.

    >>> source_url("https://courier.example/tram"), source_url("javascript:alert(1)"), source_url("Courier, p. 4")
    ('https://courier.example/tram', '', '')
    """
    return quote(web_address(source.strip()), safe="%/:?#@!$&'*+,;=~")


def article_url(id: str, base: str) -> str:
    """Return the address of our page of an article.

    >>> article_url("mail/box.mbox#3", "http://127.0.0.1:7860")
    'http://127.0.0.1:7860/articles/mail/box.mbox%233'
    """
    return f"{base}/articles/{quote(id, safe='/')}"


def _doubts(sentence: Sentence) -> Iterator[str]:
    """Say in words what the quotes of a sentence do not hold."""
    if not sentence.supported:
        yield "unsupported"
    for (start, end), kind in zip(sentence.unverified, sentence.doubts, strict=False):
        yield f"{_harmless(sentence.text[start:end])}: {DOUBTS.get(kind, DOUBTED)}"
    if sentence.repaired:
        yield "quotation repaired"


def _harmless(text: str) -> str:
    """Let no article place an image, a link or a tag in rendered Markdown.

    A backslash parts what would begin one; texts without such pairs stay letter for letter.

    >>> print(_harmless("See ![a](https://x.example/y.png) and <img src=x>, 1 < 2 [sic]."))
    See !\\[a]\\(https://x.example/y.png) and <\\img src=x>, 1 < 2 [sic].
    """
    return _MARKUP.sub(r"\\", text)


def completion(id: str, created: int, model: str, content: Content, answer: Answer, usage: Mapping[str, int]) -> Any:
    """Write a finished answer as a chat completion; ``footnote`` is our whole record."""
    message = {
        "role": "assistant",
        "content": content.text,
        "refusal": None,
        "annotations": list(content.annotations),
    }
    choice = {"index": 0, "message": message, "finish_reason": _finish(answer), "logprobs": None}
    return {
        "id": id,
        "object": "chat.completion",
        "created": created,
        "model": model,
        "choices": [choice],
        "usage": usage,
        "footnote": answer.to_dict(),
    }


def _finish(answer: Answer) -> str:
    return "stop" if answer.complete else "length"


class Chunks:
    """Turn the steps of a stream into chunks that only ever add; a client that joins their texts has the answer.

    Each step of a stream is a whole answer. ``done`` raises Revised where the end is no continuation of what was sent.
    """

    def __init__(self, id: str, created: int, model: str, base: str) -> None:
        self.id = id
        self._shape = {"id": id, "object": "chat.completion.chunk", "created": created, "model": model}
        self._base = base
        self._sent = Content("")

    def begin(self) -> dict[str, Any]:
        """Return the first chunk: who speaks."""
        return self._chunk({"role": "assistant", "content": ""})

    def more(self, answer: Answer) -> Iterator[dict[str, Any]]:
        """Yield what a step of the stream adds for good."""
        settled = content_of(answer, self._base, settled=True)
        if settled.text.startswith(self._sent.text):
            yield from self._added(settled)

    def done(self, answer: Answer) -> Iterator[dict[str, Any]]:
        """Yield the rest of the finished answer, and a last chunk with the reason and our record."""
        whole = content_of(answer, self._base)
        if not whole.text.startswith(self._sent.text):
            raise Revised
        yield from self._added(whole)
        yield {**self._chunk({}, _finish(answer)), "footnote": answer.to_dict()}

    def usage(self, usage: Mapping[str, int]) -> dict[str, Any]:
        """Return the chunk after the last one, for those who ask for it."""
        return {**self._shape, "choices": [], "usage": usage}

    def _added(self, content: Content) -> Iterator[dict[str, Any]]:
        text = content.text[len(self._sent.text) :]
        annotations = list(content.annotations[len(self._sent.annotations) :])
        self._sent = content
        if text:
            yield self._chunk({"content": text, **({"annotations": annotations} if annotations else {})})

    def _chunk(self, delta: Mapping[str, Any], finish: str | None = None) -> dict[str, Any]:
        return {**self._shape, "choices": [{"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}]}


class Revised(Exception):
    """The end of a stream contradicts what of it was sent."""


def error(message: str, kind: str, param: str | None = None, code: str | None = None) -> dict[str, Any]:
    """Write an error as OpenAI does."""
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}
