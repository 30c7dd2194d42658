"""What a line of text looks like, whatever it says: prose or not, the same as another or not."""

from __future__ import annotations

import re

_NARROWEST_WRAP, _WIDEST_WRAP = 40, 120
_SENTENCE_END = re.compile(r"[.!?…。！？؟]['’”\"»)\]]*$")
_INSIDE_SENTENCE = re.compile(r"[,.;:–—]\s")
# Who speaks: "<REED>", "[REED]:", "12:05 Ada Brook:", "Q:"; or when: "[12:05]". Each word of a name has a capital.
_CLOCK = r"\[?\d{1,2}:\d\d(?::\d\d)?\]?\s"
_NAME = r"[A-ZÀ-ÞЀ-Я][\w.'’-]{0,20}(?: [A-ZÀ-ÞЀ-Я][\w.'’-]{0,20}){0,3}"
_TURN = re.compile(
    rf"(?:{_CLOCK}+)?(?:<(?P<sign>[^<>\n]{{1,40}})>|\[(?P<box>[^\[\]\n]{{1,40}})\]:|(?P<name>{_NAME}):)(?:\s|$)|{_CLOCK}"
)
ASKS = frozenset({"q", "question", "в", "вопрос", "frage", "сұрақ"})
ANSWERS = frozenset({"a", "answer", "о", "ответ", "antwort", "жауап"})
"""Who speaks in an interview whose turns name no people, in small letters."""
_ALIKE = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "«": '"', "»": '"', "–": "-", "—": "-"})


def paragraphs(text: str) -> list[str]:
    r"""Return the paragraphs of a text: its lines, with lines that were only broken to fit a width put together again.

    >>> paragraphs("Storm\n\nThe harbour was closed.\nIt reopens soon.")
    ['Storm', 'The harbour was closed.', 'It reopens soon.']
    >>> paragraphs(
    ...     "The harbour of Port Ennis and both of its\npiers were closed on Monday after a storm\n"
    ...     "of rare strength that had gone on for two\ndays."
    ... )  # doctest: +ELLIPSIS
    ['The harbour of Port Ennis and both of its piers were closed on Monday ... for two days.']
    """
    blocks = [
        [" ".join(line.split()) for line in block.split("\n") if line.strip()]
        for block in re.split(r"\n[ \t]*\n", text)
    ]
    width = max((len(line) for block in blocks for line in block), default=0)
    pairs = [(line, after) for block in blocks for line, after in zip(block, block[1:], strict=False)]
    broken = sum(_is_broken(line, after, width) for line, after in pairs)
    if not _NARROWEST_WRAP <= width <= _WIDEST_WRAP or broken < 3 or 10 * broken < 6 * len(pairs):
        return [line for block in blocks for line in block]
    return [line for block in blocks for line in _joined(block, width)]


def is_prose(line: str) -> bool:
    """Tell whether a line is running text: a full sentence of twelve words, or long and punctuated."""
    words = word_count(line)
    if words < 12 and len(line) <= 100:
        return False
    return ends_sentence(line) or (words >= 25 and _INSIDE_SENTENCE.search(line) is not None)


def ends_sentence(line: str) -> bool:
    """Tell whether a line ends as sentences do, quotation marks and brackets aside."""
    return _SENTENCE_END.search(line[-5:]) is not None


def begins_turn(line: str) -> bool:
    """Say whether a line begins with who speaks, or when, as in a log of a talk.

    >>> [begins_turn(line) for line in ("<REED> Yes.", "Q: Why?", "12:05 Brook: No.", "The mayor said: no.")]
    [True, True, True, False]
    """
    return _TURN.match(line) is not None


def speaker(line: str) -> str:
    """Return who speaks, as the line begins with it. Empty where it does not.

    >>> speaker("<REED> Yes."), speaker("12:05 Brook: No."), speaker("[12:05] No."), speaker("The mayor said: no.")
    ('REED', 'Brook', '', '')
    """
    match = _TURN.match(line)
    return next(filter(None, match.groups()), "") if match else ""


def word_count(line: str) -> int:
    return line.count(" ") + 1


def alike(line: str) -> str:
    """Fold capitals, spaces, quotation marks and dashes, so that lines compare equal."""
    return " ".join(line.translate(_ALIKE).casefold().split())


def _is_broken(line: str, after: str, width: int) -> bool:
    """Tell whether the next line's first word would not have fitted behind this line."""
    return len(line) + 1 + len(after.split(" ", 1)[0]) > width


def _joined(block: list[str], width: int) -> list[str]:
    is_talk = begins_turn(block[0]) if block else False
    groups: list[list[str]] = []
    for place, line in enumerate(block):
        if place and _is_broken(block[place - 1], line, width) and not (is_talk and begins_turn(line)):
            groups[-1].append(line)
        else:
            groups.append([line])
    return [" ".join(group) for group in groups]
