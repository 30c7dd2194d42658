"""The map: passages as points, a question as a star among them; a panel without events of its own.

Its script asks for what it shows when its tab is opened, so that nobody waits for a map who does not look at one: ``read_map``
for the points, ``place_question`` for the star and the hits of an answer, ``read_passage`` for a passage's text.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from rag.errors import FootnoteError, QuestionError
from rag.types import Header, Passage
from rag.web.language import told
from rag.web.lines import shortened
from rag.web.opening import sentence, unexpected
from rag.web.render import MAX_HITS, byline

if TYPE_CHECKING:
    from rag.chatbot import Chatbot
    from rag.map import PassageMap

log = logging.getLogger(__name__)

MAX_TITLE = 200
MAX_BEGINNING = 90
MAX_ID = 2000
"""How long a hit's id may be: those of joined passages stand in it with "+" between."""
PATIENCE = 2.0
"""Seconds that a request waits for a map that is being worked out; the script then asks again."""

Data = dict[str, Any]


class Map:
    """The map's panel; ``chatbot`` gives the one that answers, ``None`` while it is being opened. Safe from any thread."""

    name = "map"

    def __init__(self, chatbot: Callable[[], Chatbot | None]) -> None:
        self._chatbot = chatbot
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._map: PassageMap | None = None
        self._data: Data = {}
        self._problem = ""

    def read_map(self, known: Any) -> Data:
        """The points, or why there are none yet; nothing but ``same`` where the page already has them.

        ``known`` is the ``key`` of the map that the page has: another index has another one. ``state`` is "loading" or
        "drawing" while there is no map yet, "ready" with it, and "failed" with a ``problem``.
        """
        chatbot = self._chatbot()
        if chatbot is None:
            return {"state": "loading"}
        thread = self._working(chatbot)
        thread.join(PATIENCE)
        if thread.is_alive():
            return {"state": "drawing"}
        if self._problem:
            return {"state": "failed", "problem": told(self._problem)}
        data = self._data
        return {"state": "ready", "key": data["key"], "same": True} if known == data["key"] else data

    def place_question(self, sent: Any) -> Data:
        """Where the star and the hits of an answer are; ``sent`` has its ``question`` and the ids of its ``passages``.

        Each of ``hits`` is the ``row`` of a point with its ``hit``, its place in ``passages``; ``others`` are the points of
        those that are not among the points of the map.
        """
        return self._said(lambda: self._place(sent))

    def read_passage(self, sent: Any) -> Data:
        """The text of the passage in a ``row``, with its article."""
        return self._said(lambda: self._read(sent))

    def _working(self, chatbot: Chatbot) -> threading.Thread:
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._work, args=(chatbot,), name="map", daemon=True)
                self._thread.start()
            return self._thread

    def _work(self, chatbot: Chatbot) -> None:
        try:
            made = chatbot.map()
            if made is not self._map:
                self._data = _map_data(made)
                self._map = made
            self._problem = ""
        except FootnoteError as error:
            self._problem = sentence(error)
        except Exception as error:  # the reader must be told, whatever it was
            log.error("drawing the map failed: %s", type(error).__name__)
            log.debug("drawing the map failed", exc_info=True)  # paths stand in it, so not above DEBUG
            self._problem = unexpected(error)

    def _said(self, answer: Callable[[], Data]) -> Data:
        try:
            return answer()
        except FootnoteError as error:
            return {"problem": told(sentence(error))}
        except Exception as error:  # the reader must be told, whatever it was
            log.error("the map could not answer: %s", type(error).__name__)
            log.debug("the map could not answer", exc_info=True)  # texts stand in it, so not above DEBUG
            return {"problem": told(unexpected(error))}

    def _place(self, sent: Any) -> Data:
        chatbot, made = self._chatbot(), self._map
        if chatbot is None or made is None:
            raise QuestionError("the map is not drawn yet; open it again in a moment")
        question, ids = _sent(sent, "question"), _sent(sent, "passages")
        if not isinstance(question, str) or not _are_ids(ids):
            raise QuestionError("this question has no place on the map; ask it again")
        hits = _hits(made, ids)
        shown = frozenset(made.rows)
        outside = [row for row in hits if row not in shown]
        found = zip(outside, made.places(outside), made.index.passages(outside), strict=True)
        return {
            "key": _key(made),
            "star": list(_rounded(chatbot.place(question, made))),
            "hits": [{"row": row, "hit": hit} for row, hit in hits.items()],
            "others": [_point(row, place, *passage) for row, place, passage in found],
        }

    def _read(self, sent: Any) -> Data:
        made, row = self._map, _sent(sent, "row")
        if made is None or _sent(sent, "key") != _key(made):
            raise QuestionError("the articles were read anew; open the map again")
        if type(row) is not int or not 0 <= row < len(made.index):
            raise QuestionError("there is no such passage; choose another one")
        ((passage, header),) = made.index.passages([row])
        return {**_article(header), "text": passage.text, "start": passage.start, "end": passage.end}


def _map_data(made: PassageMap) -> Data:
    """The points in the order of their rows, and the articles that they belong to, counted from 0."""
    articles: dict[str, Data] = {}
    points = []
    places = made.places(made.rows)
    for row, place, (passage, header) in zip(made.rows, places, made.passages, strict=True):
        articles.setdefault(header.id, _article(header))
        points.append(_point(row, place, passage, header))
    return {
        "state": "ready",
        "key": _key(made),
        "points": points,
        "articles": list(articles.values()),
        "total": len(made.index),
    }


def _point(row: int, place: tuple[float, float], passage: Passage, header: Header) -> Data:
    x, y = _rounded(place)
    return {"row": row, "x": x, "y": y, "article": header.id, "text": shortened(passage.text, MAX_BEGINNING)}


def _article(header: Header) -> Data:
    return {
        "article": header.id,
        "title": shortened(header.title or header.id, MAX_TITLE),
        "byline": byline(header),
        "language": header.language,
    }


def _hits(made: PassageMap, ids: Sequence[str]) -> dict[int, int]:
    """The row of each passage of the hits with the place of its hit, from 0; what another index had is left out."""
    places = {part: place for place, id in reversed(list(enumerate(ids))) for part in id.split("+")}
    return {row: places[id] for id, row in made.index.rows_of_passages(list(places)).items()}


def _rounded(place: tuple[float, float]) -> tuple[float, float]:
    x, y = place
    return round(x, 4), round(y, 4)


def _key(made: PassageMap) -> str:
    """The generation's name, which is another one for each index that was built."""
    return made.index.path.name


def _sent(sent: Any, name: str) -> Any:
    return sent.get(name) if isinstance(sent, dict) else None


def _are_ids(ids: Any) -> bool:
    return (
        isinstance(ids, list) and len(ids) <= MAX_HITS and all(isinstance(id, str) and len(id) <= MAX_ID for id in ids)
    )
