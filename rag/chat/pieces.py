"""Pieces of text as models really send them become text a reader can be shown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

Other = TypeVar("Other")


@dataclass(frozen=True, slots=True)
class Thought:
    """A sign that the model is thinking, without what it thinks.

    ``retract`` is how many characters of the text before it were thoughts too.
    """

    retract: int = 0


class _Dialect(NamedTuple):
    """Two regular expressions: how models mark the beginning and the end of a thought.

    ``first`` is for words that begin a thought only where nothing stands before them; ``lone`` says that the end also counts
    where no beginning was seen.
    """

    begin: str
    end: str
    first: bool = False
    lone: bool = True


_NAME = r"[\w:-]{0,24}?(?:think|thought|reason|reflect|analysis|scratchpad)\w{0,12}"
_DIALECTS = (
    # <think>, <thought>, <reasoning>, <seed:think>, <|START_THINKING|>, ◁think▷: most models, with attributes or without
    _Dialect(
        rf"[<◁]\|?(?!end){_NAME}(?:\s[^<>◁▷]{{0,200}})?\|?[>▷]",
        rf"[<◁](?:/|\|(?:/|end_?(?:of_)?)){_NAME}\s{{0,3}}\|?[>▷]",
    ),
    _Dialect(r"\[THINK\]", r"\[/THINK\]"),  # Magistral
    # Harmony (gpt-oss): all channels but the final one; without its control tokens two words are left of them.
    _Dialect(
        r"<\|channel\|>\s?(?:analysis|commentary)",
        r"<\|channel\|>\s?final[^<\n]{0,20}(?:<\|constrain\|>[^<\n]{0,20})?<\|message\|>",
    ),
    _Dialect(r"(?-i:analysis(?=[A-Z]))", r"assistantfinal", first=True, lone=False),
    _Dialect(r"<\|channel>", r"<channel\|>"),  # Gemma 4
    _Dialect(r"<unused94>", r"<unused95>"),  # MedGemma
    _Dialect(r"Here is my thought process:", r"Here is my response:", first=True, lone=False),  # Granite
    _Dialect(r"Here are my reasoning steps:", r"\[BEGIN FINAL RESPONSE\]", first=True),  # Apriel
)
_PHRASES = ("analysis", "here is my thought process:", "here are my reasoning steps:")

# Marks of the answer itself, and control tokens that a server should have left out.
_WRAPPING = (
    r"</?(?:answer|response|final_answer|output|solution)>|\[END FINAL RESPONSE\]"
    r"|<\|start\|>assistant|<[|｜](?!start\||channel|constrain|message)[\w ▁]{1,40}[|｜]>|</s>|<(?:start|end)_of_turn>"
)
_ENDS = "|".join(each.end for each in _DIALECTS if each.lone)
_BEGINS = "|".join(f"(?P<begin{row}>{each.begin})" for row, each in enumerate(_DIALECTS) if not each.first)
_FIRST = re.compile("|".join(f"(?P<begin{row}>{each.begin})" for row, each in enumerate(_DIALECTS)), re.IGNORECASE)
_MARK = re.compile(rf"(?P<end>{_ENDS})|(?P<drop>{_WRAPPING})|{_BEGINS}", re.IGNORECASE)
_END = tuple(re.compile(each.end, re.IGNORECASE) for each in _DIALECTS)
# What may become a mark when more has come.
_UNFINISHED = re.compile(
    rf"(?:[<◁](?:[/|｜]{{0,2}}[\w:▁ -]{{0,40}}[|｜]?|\|?{_NAME}\s[^<>◁▷]{{0,200}}\|?)"
    r"|<\|channel\|>[^<\n]{0,40}(?:<[^<>\n]{0,12}(?:>[^<\n]{0,20}(?:<[^<>\n]{0,12})?)?)?"
    r"|<\|start\|>[a-z]{0,9}|\[[/A-Z ]{0,24})\Z",
    re.IGNORECASE,
)
_READ_AT_ONCE = 1000  # characters: a server may send a million at once, and each mark copies what stands behind it
_LONGEST_WORDS = 20  # of those that end a thought without brackets
# A tag behind other characters is spoken of: "the <think> tag", "`</think>`".
_BEFORE_A_BEGINNING = frozenset("\n.!?…:;\"”'’)]>▷")
_BEFORE_NO_END = frozenset("`“‘")


def readable(pieces: Iterable[str | Other]) -> Iterator[str | Other | Thought]:
    r"""Return the same text without thoughts and what stands in front of the answer, in whole characters.

    A character outside the basic plane that comes in two halves (a surrogate each, as JSON writes it) is put together; a half
    that is left alone is dropped. What is not text goes through. Holds back what may become a mark, at most a line of it.

    Some chat templates begin the thought themselves, so that only its end is seen: then a Thought takes back what was shown.

    >>> list(readable(["\n<thi", "nk>Hm, who", " was it?</think>\n", "The mayor \ud83d", "\ude00."]))
    [Thought(retract=0), Thought(retract=0), 'The mayor ', '😀.']
    >>> list(readable(["Hm, who?", "</think>\n", "The mayor."]))
    ['Hm, who?', Thought(retract=8), 'The mayor.']
    """
    return _without_thoughts(_whole_characters(pieces))


def thought_begun(prompt: str) -> str:
    r"""Return the mark of a thought that a chat template has begun for the model, else nothing.

    >>> thought_begun("<|assistant|>\n<seed:think>\n"), thought_begun("<think>\n\n</think>\n\n")
    ('<seed:think>', '')
    """
    tail = prompt.rstrip()[-100:]
    *_, last = [None, *_MARK.finditer(tail)]
    return last.group() if last and last.end() == len(tail) and (last.lastgroup or "").startswith("begin") else ""


def _whole_characters(pieces: Iterable[str | Other]) -> Iterator[str | Other]:
    half = ""
    for piece in pieces:
        if not isinstance(piece, str):
            yield piece
            continue
        text = half + piece
        half = text[-1:] if "\ud800" <= text[-1:] <= "\udbff" else ""
        yield _joined(text[:-1] if half else text)


def _joined(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "ignore")
    return text


def _without_thoughts(pieces: Iterable[str | Other]) -> Iterator[str | Other | Thought]:
    reader = _Reader()
    for piece in pieces:
        if isinstance(piece, str):
            for start in range(0, len(piece), _READ_AT_ONCE):
                yield from reader.read(piece[start : start + _READ_AT_ONCE])
        else:
            yield piece
    yield from reader.read("", ended=True)


class _Reader:
    """Tells text and thoughts apart as they come."""

    def __init__(self) -> None:
        self._held = ""
        self._end: re.Pattern[str] | None = None  # of the thought that is being read
        self._shown = 0  # characters
        self._since = 0  # characters shown before the last thought
        self._spoken_of = 0  # tags that were taken for words
        self._before = "\n"  # the last character shown that is no blank

    def read(self, piece: str, ended: bool = False) -> Iterator[str | Thought]:
        self._held += piece
        while self._held:
            if self._end is not None:
                found = self._end.search(self._held)
                if piece:
                    yield Thought()
                piece = ""
                if found is None:
                    unfinished = _UNFINISHED.search(self._held)
                    self._held = self._held[-max(_LONGEST_WORDS, len(unfinished.group()) if unfinished else 0) :]
                    return
                self._held, self._end = self._held[found.end() :], None
                continue
            if not self._shown:
                self._held = self._held.lstrip()
                if not ended and any(each.startswith(self._held.lower()) for each in _PHRASES):
                    return
            mark = (not self._shown and _FIRST.match(self._held)) or _MARK.search(self._held)
            if mark is None:
                unfinished = None if ended else _UNFINISHED.search(self._held)
                keep = unfinished.start() if unfinished else len(self._held)
                yield from self._show(self._held[:keep])
                self._held = self._held[keep:]
                return
            yield from self._show(self._held[: mark.start()])
            self._held = self._held[mark.end() :]
            yield from self._take(mark)

    def _take(self, mark: re.Match[str]) -> Iterator[str | Thought]:
        kind = mark.lastgroup or ""
        if kind == "drop":
            return
        if kind != "end":
            if self._before in _BEFORE_A_BEGINNING:
                self._since, self._end = self._shown, _END[int(kind.removeprefix("begin"))]
            else:
                self._spoken_of += 1
                yield from self._show(mark.group())
        elif self._spoken_of or self._before in _BEFORE_NO_END:
            self._spoken_of = max(0, self._spoken_of - 1)
            yield from self._show(mark.group())
        else:
            yield Thought(self._shown - self._since)
            self._shown, self._before = self._since, "\n"

    def _show(self, text: str) -> Iterator[str]:
        if not text:
            return
        self._shown += len(text)
        self._before = text.rstrip(" \t")[-1:] or self._before
        yield text
