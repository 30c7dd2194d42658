"""Keep the conversations beside the chat. Which one each open page shows, kept as turns end, listed, renamed, exported.

A page that shows another conversation while an answer is being written has another ``Desk`` from then on: what the answer
comes to is kept in its own.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from itertools import count
from typing import Any

from rag.errors import ConversationMissing, StoreError
from rag.export.conversation import Conversation
from rag.export.formats import File, export
from rag.web.conversations import Conversations, Listed
from rag.web.feedback import Feedback
from rag.web.language import phrase, told
from rag.web.opening import sentence, what_went_wrong
from rag.web.render import SAVED_AS
from rag.web.rooms import Room, Visitor

LONGEST_SEARCH = 200


@dataclass(slots=True)
class Desk:
    """The conversation that a page shows; ``id`` is empty until a turn of it was kept, and for good once it was deleted.

    ``behind``: another page kept more of it since. ``problem``: a save error that was not shown yet.
    """

    id: str = ""
    lost: bool = False
    behind: bool = False
    told: bool = False
    problem: str = ""


@dataclass(slots=True)
class _Session:
    desk: Desk = field(default_factory=Desk)
    search: str = ""
    openings: int = 0
    file: File | None = None


class History(Room):
    """The room of the list; safe from any thread.

    ``conversations`` is ``None`` where none are kept: the list is empty then, and nothing is written. ``capacity`` is how many
    pages are remembered at once.
    """

    name = "history"
    actions = (
        "search_history",
        "rename_conversation",
        "delete_conversation",
        "delete_conversations",
        "export_conversation",
        "export_feedback",
    )

    def __init__(
        self, conversations: Conversations | None = None, feedback: Feedback | None = None, capacity: int = 200
    ) -> None:
        self.kept = conversations
        self._feedback = feedback
        self._capacity = capacity
        self._sessions: OrderedDict[str, _Session] = OrderedDict()
        self._lock = threading.Lock()
        self._stamps = count(1)

    def desk(self, session: str) -> Desk:
        """Return what a page shows."""
        return self._session(session).desk

    def show(self, session: str, id: str = "") -> None:
        """Note that a page shows this conversation from now on, or a new one."""
        self._session(session).desk = Desk(id)

    def opened(self, session: str) -> None:
        """Count that a page asked for another conversation, and that this was done or could not be."""
        self._session(session).openings += 1

    def leave(self, session: str) -> None:
        """Forget what a closed page looked for. Its desk stays: it may have lost its connection only, and go on."""
        with self._lock:
            if found := self._sessions.get(session):
                found.search, found.file = "", None

    def forget(self, session: str) -> None:
        """Forget a page altogether."""
        with self._lock:
            self._sessions.pop(session, None)

    def keep(self, desk: Desk, owner: str, conversation: Conversation) -> None:
        """Keep a conversation as it is now. What stands in the way is never raised, only noted, and but once.

        Where another page went on with it, what that one kept stays, and this becomes a conversation of its own.
        """
        if self.kept is None or desk.lost:
            return
        problem = ""
        try:
            if desk.behind:
                self.kept.open(owner, desk.id)  # one that was deleted meanwhile does not come back
                desk.id, desk.behind = "", False
                problem = "This conversation went on in another page; what you ask here is kept as a new one."
            desk.id = self.kept.save(owner, conversation, desk.id)
            with self._lock:
                for each in self._sessions.values():
                    each.desk.behind |= each.desk is not desk and desk.id != "" and each.desk.id == desk.id
        except ConversationMissing:
            desk.id, desk.lost = "", True
            problem = "This conversation was deleted elsewhere; what you ask here is not kept."
        except Exception as error:  # asking must go on, whatever it was
            problem = what_went_wrong(error, "keeping a conversation")
        if problem and not desk.told:
            desk.problem, desk.told = problem, True

    def problem(self, visitor: Visitor) -> str:
        """Return what stands in the way of keeping what the page shows, where that was not told yet."""
        desk = self.desk(visitor.session)
        problem, desk.problem = desk.problem, ""
        return told(problem)

    def turns(self, owner: str, id: object) -> Conversation:
        """Return a kept conversation with all its turns; raises StoreError."""
        return self._store().open(owner, id).turns

    def data(self, visitor: Visitor) -> dict[str, Any]:
        """Return the list, how often another one was opened, and once a file to be saved."""
        session = self._session(visitor.session)
        listed, unreadable = Listed((), 0), {}
        try:
            listed = self._store().listed(visitor.owner, session.search)
        except StoreError as error:
            unreadable = {"unreadable": told(sentence(error))}
        file, session.file = session.file, None
        return {
            "search": session.search,
            "openings": session.openings,
            "login": bool(visitor.owner),
            "kinds": SAVED_AS,
            "conversations": [asdict(each) for each in listed.summaries],
            "total": listed.total,
            "current": session.desk.id,
            **unreadable,
            **({"file": {**file.data(), "stamp": next(self._stamps)}} if file is not None else {}),
        }

    def act(self, action: str, sent: Mapping[str, Any], visitor: Visitor) -> str:
        """Search, rename, delete or export. Exports are a conversation or the visitor's feedback.

        What was said of a conversation's answers stays when it is deleted, unless ``feedback`` is sent along.
        The page begins a new conversation after the one that it shows was deleted.
        """
        session, owner = self._session(visitor.session), visitor.owner
        feedback = self._feedback if sent.get("feedback") is True else None
        if action == "search_history":
            text = sent.get("text")
            session.search = text[:LONGEST_SEARCH] if isinstance(text, str) else ""
        elif action == "rename_conversation":
            title = self._store().rename(owner, sent.get("id"), sent.get("title"))
            return phrase("Renamed to “{title}”", title=title)
        elif action == "delete_conversation":
            id = sent.get("id")
            turns = self.turns(owner, id) if feedback is not None else ()
            self._store().delete(owner, id)
            if session.desk.id == id:
                session.desk.id, session.desk.lost = "", True
            if feedback is not None and turns:  # last: what fails here leaves the feedback as deleting alone does
                feedback.forget(owner, turns)
            return phrase("Deleted")
        elif action == "delete_conversations":
            before, session.desk.lost = session.desk.lost, True  # what is being written there would come back otherwise
            try:
                count = self._store().delete_all(owner)
            except StoreError:
                session.desk.lost = before
                raise
            session.desk.id = ""
            if feedback is not None:
                feedback.delete_all(owner)
            return phrase("{count} conversation deleted|{count} conversations deleted", count=count)
        elif action == "export_conversation":
            opened = self._store().open(owner, sent.get("id"))
            session.file = export(opened.turns, sent.get("kind"), opened.title)
        elif action == "export_feedback" and self._feedback is not None:
            questions = self._feedback.questions(owner)
            if not questions.count:
                return phrase("There is no feedback yet: say under an answer whether it is right")
            session.file = File("footnote-feedback.jsonl", "application/jsonl", questions.text.encode())
            return phrase("{count} question for rag eval|{count} questions for rag eval", count=questions.count)
        return ""

    def _store(self) -> Conversations:
        if self.kept is None:
            raise StoreError("conversations are not kept here; set RAG_CONVERSATIONS to on")
        return self.kept

    def _session(self, session: str) -> _Session:
        with self._lock:
            found = self._sessions.setdefault(session, _Session())
            self._sessions.move_to_end(session)
            while len(self._sessions) > self._capacity:
                self._sessions.popitem(last=False)
            return found
