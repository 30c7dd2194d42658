"""The MCP door: ``rag mcp`` speaks the Model Context Protocol over standard input and output, ``route`` over HTTP."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any

import click

from rag.doors.options import folder_options, model_option
from rag.errors import FootnoteError, MissingExtra
from rag.settings import Settings

if TYPE_CHECKING:
    from starlette.routing import Route

    from rag.chatbot import Chatbot
    from rag.doors.limits import Slots

log = logging.getLogger(__name__)


def _tools() -> ModuleType:
    try:
        from rag.doors import mcp_tools
    except ModuleNotFoundError as error:  # also where an older SDK lacks a part
        if not (error.name or "").startswith("mcp"):
            raise
        raise MissingExtra('MCP needs its SDK, version 2; run: pip install "footnote-rag[mcp]"') from None
    return mcp_tools


def route(chatbot: Callable[[], Chatbot], settings: Settings, slots: Slots | None = None) -> Route:
    """Make the route that serves MCP over HTTP in any Starlette app: ``app.router.routes.insert(0, route(…))``.

    Like the page it answers under the names that ``settings`` know, and to no foreign page; each call of a tool takes one
    of the ``slots``. Raises MissingExtra, SettingsError.
    """
    tools = _tools()
    from starlette.routing import Route

    from rag.web.security import Address, Guard

    address = Address.of(settings)
    return Route("/mcp", Guard(tools.Endpoint(tools.server(chatbot, address.root, slots)), address), methods=["POST"])


@click.command("mcp", epilog="Example: rag mcp --articles ~/reporting")
@folder_options
@model_option
def command(**changes: Any) -> None:
    """Serve the articles to a program over standard input and output, by the Model Context Protocol.

    In the settings of Claude, Cursor and others: {"mcpServers": {"articles": {"command": "rag", "args": ["mcp"]}}}
    """
    made = _tools().server(chatbot := _Opened(Settings.from_environment(**changes)))
    threading.Thread(target=chatbot.prepare, name="opening", daemon=True).start()
    made.run("stdio")


class _Opened:
    """Open the chatbot while the client says hello, and bring it up to date for each tool."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._chatbot: Chatbot | None = None

    def prepare(self) -> None:
        try:
            self()
        except FootnoteError as error:  # each tool says so again
            log.debug("not opened: %s", type(error).__name__)

    def __call__(self) -> Chatbot:
        from rag.chatbot import Chatbot

        with self._lock:
            if self._chatbot is None:
                self._chatbot = Chatbot.open(self._settings, reads=True)
                return self._chatbot
        self._chatbot.refresh()
        return self._chatbot
