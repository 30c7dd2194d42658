"""The guard around every chat model: its clocks, its pace, its largest answer, and how it is stopped."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rag.chat import Draft, Drafts
from rag.chat.pieces import Thought, readable
from rag.errors import AnswerCut, ChatError, EndpointUnreachable, FootnoteError

LONGEST = 64_000
"""How many characters an answer may have: some ten thousand words, many times what a reader asked for."""

SHORTEST_LOOP, LONGEST_LOOP, REPEATS, SHORT_LOOPS = 16, 500, 5, 1000
"""A model that writes the same 16 to 500 characters five times in a row, or less over 1,000, finds no end: small ones do."""

PACE = 0.1
"""Seconds between two drafts at least: nobody reads faster, and each draft is checked and drawn whole."""

TICK = 0.25
"""Seconds between two drafts at most, so that who listens can leave also while nothing comes."""

PATIENCE = 1.0
"""Seconds a stopped source is waited for; then its thread is left to end by itself."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Clocks:
    """How long a model may take, in seconds.

    ``first``: to its first sign of life, and from each thought to the next or to the first text. ``total``: to think, and
    again to write the answer.
    """

    first: float
    total: float


@dataclass(frozen=True, slots=True)
class Notice:
    """Show words with a draft until more text comes; ``clocks.first`` waits ``seconds`` longer."""

    text: str
    seconds: float = 0.0


def follow(
    read: Callable[[], Iterator[str | Notice | Thought]], clocks: Clocks, cancel: Callable[[], None] = lambda: None
) -> Drafts:
    """Yield what a source writes as whole drafts, one each 0.1 to 0.25 seconds, also where nothing new has come.

    ``read`` yields the pieces of one answer in a thread of their own; an empty piece is no sign of life, a Thought is one.
    ``cancel`` makes it end within a second. It comes from another thread at any time, also before or after ``read``.

    Text is what is not white space, nor the thoughts of a model that thinks aloud; a draft loses what turns out to be one.

    Without text, errors of the source are raised as they are, foreign ones as a ChatError that names only their type;
    EndpointUnreachable where a clock runs out, ChatError where the source ends. With it, every failure, ``clocks.total``, a
    loop and more than ``LONGEST`` characters are an AnswerCut that says why, after a last draft with all that came. However
    the drafts end, the source has then been stopped.

    >>> list(follow(lambda: iter(["Good ", "morning."]), Clocks(first=1, total=2)))[-1]
    Draft(text='Good morning.', notice='')
    """
    reading = _Reading(read, cancel)
    at = reading.began - PACE  # the first draft need not wait
    shown = Draft()
    try:
        while True:
            reading.wait_for_news(shown, until=min(at + TICK, reading.deadline(clocks)[0]))
            if not reading.ended or reading.draft() != shown:
                time.sleep(max(0.0, at + PACE - time.monotonic()))
            ended, draft = reading.ended, reading.draft()
            deadline, overdue = reading.deadline(clocks)
            late = time.monotonic() >= deadline
            if draft != shown or not (ended or late):
                yield draft
            shown, at = draft, time.monotonic()
            if ended or late:
                _judge(reading.error if ended else overdue, draft)
                return
            if repeats(draft.text):
                raise AnswerCut(
                    "the model wrote the same again and again; ask in other words, or set RAG_MODEL to another model"
                )
    finally:
        reading.stop()


def repeats(text: str) -> bool:
    """Tell whether a text ends in a loop. A short one, such as the dashes of a table, may fill a line or two.

    >>> repeats("It rained in Velm on Friday. " * 5), repeats("It rained in Velm on Friday. " * 4)
    (True, False)
    >>> repeats("1 " * 600), repeats("-" * 200)
    (True, False)
    """
    tail = text[-LONGEST_LOOP * REPEATS :]
    last = len(tail) - SHORTEST_LOOP
    period = last - tail.rfind(tail[-SHORTEST_LOOP:], 0, len(tail) - 1)
    if not 0 < period <= last:
        return False
    times = REPEATS if period >= SHORTEST_LOOP else SHORT_LOOPS // period
    return tail.endswith(tail[-period:] * times)


def _judge(error: BaseException | None, draft: Draft) -> None:
    """Raise what an ended source deserves: nothing where it ended well and wrote something."""
    begun = bool(draft.text.strip())
    if error is None:
        if not begun:
            raise ChatError("the chat model wrote nothing; ask again, or set RAG_MODEL to another model")
        return
    if not isinstance(error, FootnoteError):
        _log.debug("a chat model failed", exc_info=error)
        error = ChatError(
            "the chat model failed with {kind}; set RAG_LOG to DEBUG to see where", kind=type(error).__name__
        )
    if begun and not isinstance(error, AnswerCut):
        raise AnswerCut("the answer broke off: {message}", message=error) from None
    if not begun and isinstance(error, AnswerCut):
        raise ChatError(error.message) from None
    raise error from None


class _Reading:
    """A source being read in a thread of its own. Everything here may be used from both sides."""

    def __init__(self, read: Callable[[], Iterator[str | Notice | Thought]], cancel: Callable[[], None]) -> None:
        self._read = read
        self._cancel = cancel
        self._news = threading.Condition()
        self._pieces: list[str] = []
        self._length = 0
        self._notice = ""
        self._stopped = False
        self._paused = 0.0
        self._thought = 0.0  # when the last thought came
        self._wrote = 0.0  # when the first text came
        self.began = time.monotonic()
        self.ended = False
        self.error: BaseException | None = None
        # A daemon: a source that does not heed cancel must not keep the whole program from ending.
        self._thread = threading.Thread(target=self._run, name="chat model", daemon=True)
        self._thread.start()

    def wait_for_news(self, shown: Draft, until: float) -> None:
        """Until there is more than was shown, or it has ended, or the time has come."""
        with self._news:
            self._news.wait_for(
                lambda: self.ended or self._length != len(shown.text), max(0.0, until - time.monotonic())
            )

    def deadline(self, clocks: Clocks) -> tuple[float, EndpointUnreachable]:
        """Return when the model is late as things stand, and the error of that time."""
        slow = EndpointUnreachable(
            "the chat model took longer than {seconds} seconds; set RAG_ANSWER_SECONDS to a larger number",
            seconds=f"{clocks.total:g}",
        )
        with self._news:
            if self._wrote:
                return (self._wrote if self._thought else self.began) + clocks.total, slow
            patience = clocks.first + self._paused
            first, total = (self._thought or self.began) + patience, self.began + clocks.total
        if first >= total:
            return total, slow if not self._thought else EndpointUnreachable(
                "the chat model thought and took longer than {seconds} seconds; set RAG_ANSWER_SECONDS to a "
                "larger number",
                seconds=f"{clocks.total:g}",
            )
        if self._thought:
            return first, EndpointUnreachable(
                "the chat model wrote no word within {seconds} seconds of its last thought; set "
                "RAG_FIRST_WORD_SECONDS to a larger number",
                seconds=f"{patience:g}",
            )
        return first, EndpointUnreachable(
            "the chat model wrote no word within {seconds} seconds; set RAG_FIRST_WORD_SECONDS to a larger number",
            seconds=f"{patience:g}",
        )

    def draft(self) -> Draft:
        with self._news:
            self._pieces = ["".join(self._pieces)]
            return Draft(self._pieces[0], self._notice)

    def stop(self) -> None:
        with self._news:
            self._stopped = True
        if not self.ended:
            try:
                self._cancel()
            except Exception as error:
                _log.debug("a chat model could not be stopped: %s", type(error).__name__)
        self._thread.join(PATIENCE)

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            pieces = self._read()
            try:
                cleaned: Iterator[str | Notice | Thought] = readable(pieces)
                for piece in cleaned:
                    if not self._take(piece):
                        break
            finally:
                # A generator's own clean-up, here in its thread: another thread may not close it while it runs.
                with contextlib.suppress(AttributeError):
                    pieces.close()  # type: ignore[attr-defined]
        except BaseException as caught:  # also SystemExit: nobody would hear of it in a thread
            error = caught
        with self._news:
            self.error = self.error or error
            self.ended = True
            self._news.notify_all()

    def _take(self, piece: str | Notice | Thought) -> bool:
        """Keep a piece; false where nothing more is wanted."""
        with self._news:
            if self._stopped:
                return False
            if isinstance(piece, Thought):
                self._thought = time.monotonic()
                if piece.retract:
                    self._length = max(0, self._length - piece.retract)
                    self._pieces = ["".join(self._pieces)[: self._length]]
                    self._wrote = self._wrote if self._pieces[0].strip() else 0.0
                    self._news.notify_all()
                return True
            if not isinstance(piece, str):
                self._notice = piece.text
                self._paused += piece.seconds
                return True
            if not piece:
                return True
            self._notice = ""
            self._wrote = self._wrote or (time.monotonic() if piece.strip() else 0.0)
            room = LONGEST - self._length
            self._pieces.append(piece[:room])
            self._length += min(len(piece), room)
            self._news.notify_all()
            if len(piece) > room:
                self.error = AnswerCut(
                    "the answer is longer than {most:,} characters and was cut there; ask for less", most=LONGEST
                )
            return self.error is None
