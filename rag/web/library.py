"""Show the articles. All files of the folder in a table, adding some and putting some away."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rag.errors import FootnoteError, QuestionError, Translatable
from rag.read import MEGABYTE, READERS
from rag.settings import Settings
from rag.text.one_line import shortened
from rag.types import FileStatus, Header
from rag.web.collect import collect
from rag.web.keeper import Keeper
from rag.web.language import phrase, told
from rag.web.opening import Opening
from rag.web.rooms import Room, Visitor
from rag.web.shelf import REMOVED, Shelf

if TYPE_CHECKING:
    from rag.index.entities import Name

MAX_ROWS = 20_000
"""How many files the table holds."""
MAX_CELL = 200
"""How many characters of a title, a name or a reason it shows."""
MOST_SPELLINGS = 8
"""How many other spellings of a name are shown."""
PATIENCE = 2.0
"""Seconds that a request waits for the names; the script then asks again."""


class Library(Room):
    """The articles' room: ``rows`` and ``names`` are for its script, ``add`` and ``collect`` for ``rag.web.transfer``."""

    name = "library"
    actions = ("remove",)

    def __init__(self, opening: Opening, keeper: Keeper, settings: Settings) -> None:
        self._opening = opening
        self._keeper = keeper
        self._shelf = Shelf(settings.articles, settings.max_file_megabytes * MEGABYTE)
        self._limit = settings.max_file_megabytes
        self._private = settings.private_addresses == "on"
        self._folder = shortened(settings.articles.name, MAX_CELL)
        self._reading = ThreadPoolExecutor(1, "names")
        self._names: tuple[str, Future[tuple[Name, ...]] | None] = ("", None)

    def data(self, visitor: Visitor) -> dict[str, Any]:  # noqa: ARG002 - it is the same for all
        """Return what may be done here. The table is fetched apart, for it can be long."""
        return {**self.shelf_data(), "stamp": self._keeper.stamp}

    def shelf_data(self) -> dict[str, Any]:
        """Return what whoever adds files needs to know."""
        obstacle = self._shelf.obstacle()
        return {
            "obstacle": obstacle and told(Translatable("{message:sentence}", message=obstacle)),
            "name": self._folder,
            "suffixes": list(READERS),
            "megabytes": self._limit,
        }

    def act(self, action: str, sent: Mapping[str, Any], visitor: Visitor) -> str:  # noqa: ARG002 - one folder for all
        """Move an article's file away; raises FootnoteError."""
        id = sent.get("id")
        known = {each.id: each.status for each in self._keeper.files()}
        if isinstance(id, str) and id not in known:
            id = _file_of(id)
        there = isinstance(id, str) and known.get(id) in ("indexed", "new", "changed", "failed")
        if action != "remove" or not there:
            raise QuestionError("there is no such file among the articles; look at the list again")
        place = f"{REMOVED}/{self._shelf.put_away(str(id))}"
        self._keeper.catch_up()
        return phrase("{name} was moved to {place} in the folder of articles.", name=id, place=place)

    def rows(self) -> dict[str, Any]:
        """Return the table, one list a file, by id. With what is known of its article and how it stands to the index."""
        chatbot = self._opening.chatbot
        if chatbot is None:
            return {"rows": [], "stamp": ""}
        files, stamp = self._keeper.files(), self._keeper.stamp
        headers = {header.id: header for header in chatbot.documents()}
        passages, titles = chatbot.passage_counts(), chatbot.titles()
        listed = {each.id: each for each in files} or {id: FileStatus(id, "indexed") for id in headers}
        inside: dict[str, list[Header | None]] = defaultdict(list)
        for header in headers.values():
            inside[header.id if header.id in listed else _file_of(header.id)].append(header)
        rows = [
            _row(each, header, passages, titles) for each in listed.values() for header in inside[each.id] or [None]
        ]
        return {"rows": rows[:MAX_ROWS], "stamp": stamp, "problem": told(self._keeper.problem)}

    def names(self) -> dict[str, Any]:
        """Return the names in the articles, each with its articles as places in ``ids``; ``wait`` while they are read."""
        chatbot = self._opening.chatbot
        if chatbot is None:
            return {"names": []}
        index, found = self._names
        if found is None or index != chatbot.contents().name:
            self._names = chatbot.contents().name, (found := self._reading.submit(chatbot.names))
        try:
            names = found.result(PATIENCE)
        except NotYet:
            return {"wait": True}
        except FootnoteError:
            return {"names": []}
        ids = sorted({id for name in names for id in name.articles})
        place = {id: number for number, id in enumerate(ids)}
        listed = [
            [
                shortened(name.name, MAX_CELL),
                [shortened(each, MAX_CELL) for each in name.also[:MOST_SPELLINGS]],
                name.mentions,
                [place[id] for id in name.articles],
            ]
            for name in names
        ]
        return {"names": listed, "ids": ids}

    def check_name(self, name: str) -> None:
        """Raise FootnoteError where no file of that name can come in."""
        self._shelf.check_name(name)

    def add(self, name: str, data: bytes) -> dict[str, Any]:
        """Put a file into the folder; return its ``name``, whether it was ``renamed`` or ``known``. Raises FootnoteError."""
        return asdict(self._shelf.add(name, data))

    def collect(self, _: str, address: bytes) -> dict[str, Any]:
        """Put what an address gives into the folder; returns and raises what ``add`` does."""
        return asdict(collect(self._shelf, address.decode("utf-8", "replace"), private=self._private))

    def file(self, id: str) -> tuple[str, bytes]:
        """Return name and bytes of the file that an article of the index stands in. Raise FootnoteError."""
        name = _file_of(self._opening.ready().document(id).id)
        return name.split("/")[-1], self._shelf.load(name)

    def close(self) -> None:
        """End what reads files and names."""
        self._reading.shutdown(wait=False, cancel_futures=True)
        self._shelf.close()


class Start(Room):
    """Show the room before the first answer. What stands in the way is told by ``Keeper.beat``."""

    name = "start"

    def __init__(self, library: Library) -> None:
        self._library = library

    def data(self, visitor: Visitor) -> dict[str, Any]:  # noqa: ARG002 - it is the same for all
        """Return what whoever adds files needs to know."""
        return self._library.shelf_data()


def _file_of(id: str) -> str:
    """Return the file that one of several articles stands in.

    >>> _file_of("mail.mbox#3"), _file_of("a.md")
    ('mail.mbox', 'a.md')
    """
    return re.sub(r"#\d+$", "", id)


def _row(
    file: FileStatus, header: Header | None, passages: Mapping[str, int], beginnings: Mapping[str, str]
) -> list[Any]:
    known = header or Header(file.id)
    title = shortened(known.title or beginnings.get(known.id) or known.id, MAX_CELL)
    authors = shortened(", ".join(known.authors), MAX_CELL)
    outlet, date = shortened(known.outlet, MAX_CELL), shortened(known.published, MAX_CELL)
    reason = told(Translatable("{message:capital}", message=file.reason))
    if file.left_out:
        kinds = ", ".join(f"{phrase(kind)} {count}" for kind, count in file.left_out)
        reason = ". ".join(filter(None, (reason, phrase("Words left out: {kinds}", kinds=kinds))))
    return [
        known.id,
        title,
        outlet,
        authors,
        date,
        shortened(known.language, MAX_CELL),
        passages.get(known.id, 0),
        file.status,
        shortened(reason, MAX_CELL),
        header is not None,
        not known.title,
    ]
