"""What stands first in the page: its language and its look, known before gradio draws anything."""

from __future__ import annotations

import json
from collections.abc import MutableMapping
from typing import Any

from rag.web.language import phrase
from rag.web.security import App, Receive, Scope, Send, language_of


class Head:
    """ASGI middleware: puts a script at the beginning of every HTML page's head.

    gradio's own way (``launch(head=)``) adds it when most of the page is drawn: too late for the language of gradio's own
    labels, and the page would flash in another look.
    """

    def __init__(self, app: App, script: str, login: str = "") -> None:
        self.app = app
        self.script = script.encode()
        self.login = login

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET":
            await self.app(scope, receive, send)
            return
        start: MutableMapping[str, Any] | None = None
        page = b""

        async def insert(message: MutableMapping[str, Any]) -> None:
            nonlocal start, page
            headers = {name.lower(): value for name, value in message.get("headers", ())}
            html = headers.get(b"content-type", b"").startswith(b"text/html") and b"content-encoding" not in headers
            if message["type"] == "http.response.start" and html:
                start = message
            elif start is None:
                await send(message)
            else:
                page += message.get("body", b"")
                if not message.get("more_body"):
                    page = page.replace(b"<head>", b"<head>" + self.script, 1)
                    if self.login:
                        login = phrase(self.login, language_of(scope))  # gradio sends it in one language
                        page = page.replace(*(json.dumps(each).encode() for each in (self.login, login)))
                    kept = [each for each in start["headers"] if each[0].lower() != b"content-length"]
                    await send({**start, "headers": [*kept, (b"content-length", str(len(page)).encode())]})
                    await send({"type": "http.response.body", "body": page})

        await self.app(scope, receive, insert)
