"""Show the index. How it is, what is in it, building it again, ending a build, following the folder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rag.errors import QuestionError
from rag.web.keeper import Keeper
from rag.web.language import phrase
from rag.web.rooms import Visitor
from rag.web.survey import Survey


class IndexRoom:
    """The index's room. Its panel follows what ``Survey.beat`` tells, and asks here for something to be done."""

    name = "index"
    actions: tuple[str, ...] = ("rebuild", "start_over", "cancel", "follow", "check")

    def __init__(self, keeper: Keeper, survey: Survey) -> None:
        self._keeper = keeper
        self._survey = survey

    def data(self, visitor: Visitor) -> dict[str, Any]:  # noqa: ARG002 - it is the same for everybody
        """Return the state of the index."""
        return self._survey.beat()

    def act(self, action: str, sent: Mapping[str, Any], visitor: Visitor) -> str:
        """Build, ends a build, follows the folder (``on``) or looks at it. Raises FootnoteError."""
        if action in ("rebuild", "start_over"):
            began = self._keeper.rebuild(fresh=action == "start_over")
            return "" if began else phrase("A build is running already.", visitor.language)
        if action == "cancel":
            self._keeper.cancel()
            return ""
        if action == "follow" and isinstance(sent.get("on"), bool):
            self._keeper.watch(sent["on"])
            return ""
        if action == "check":
            changed = self._survey.look()
            return "" if changed else phrase("The index is up to date with the folder.", visitor.language)
        raise QuestionError("this cannot be done with the index; reload the page")
