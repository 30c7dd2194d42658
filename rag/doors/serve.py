"""``rag serve``: the door for programs alone, without the page and without gradio."""

from __future__ import annotations

import os
import socket
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rag.doors.options import serving_options
from rag.errors import MissingExtra, SettingsError
from rag.settings import Settings

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from rag.doors.http import Service
    from rag.web.accounts import Accounts

BACKLOG = 2048
"""How many connections may wait to be taken; uvicorn's own number."""


@click.command(epilog="Example: rag serve --articles ~/reporting --model ollama:llama3.2")
@serving_options
def serve(allowed_hosts: tuple[str, ...], **changes: Any) -> None:
    """Serve programs: an OpenAI-compatible endpoint, search and the articles; Ctrl+C ends it.

    `rag chat` serves the same addresses, and the page. For programs on this machine no token is needed:

    \b
      curl http://127.0.0.1:7860/v1/chat/completions -d '{"messages": [{"role": "user", "content": "Who voted?"}]}'
    """
    settings = Settings.from_environment(allowed_hosts=",".join(allowed_hosts) or None, **changes)
    try:
        import uvicorn

        from rag.doors.http import Service
    except ModuleNotFoundError as error:
        if error.name not in ("uvicorn", "starlette", "anyio"):
            raise
        raise MissingExtra('the server needs uvicorn and starlette; run: pip install "footnote-rag[serve]"') from None
    from rag.chatbot import Chatbot
    from rag.web.connections import limit
    from rag.web.keeper import Keeper
    from rag.web.models import ChatServices
    from rag.web.opening import Opening
    from rag.web.security import Address, check_host
    from rag.web.watching import snapshot

    check_host(settings.host, settings.accounts)
    address = Address.of(settings)
    opening = Opening(lambda tell: Chatbot.open(settings, on_progress=tell, reads=True))
    application = app(Service(opening, settings, ChatServices(settings), address), accounts_of(settings))
    listening = listen(settings.host, settings.port)
    opening.start()
    if settings.watch == "on":
        Keeper(opening, partial(snapshot, settings.articles, settings.index)).watch(True)
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    click.echo(f"Footnote listens at {address.root or f'http://{host}:{settings.port}'}/v1 (Ctrl+C ends it)")
    config = uvicorn.Config(
        application, log_config=None, access_log=False, server_header=False, lifespan="off", timeout_graceful_shutdown=3
    )
    limit(config)
    uvicorn.Server(config).run(sockets=[listening])


def accounts_of(settings: Settings) -> Accounts | None:
    """Open the accounts that the settings name; raises AccountsError."""
    from rag.web.accounts import Accounts

    return Accounts(Path(settings.accounts).expanduser()) if settings.accounts else None


def app(service: Service, accounts: Accounts | None = None) -> Starlette:
    """Put the door for programs behind the guard, and behind the gate where there are accounts."""
    from starlette.applications import Starlette
    from starlette.middleware import Middleware

    from rag.doors.http import routes
    from rag.web.security import Guard

    guard = Middleware(Guard, address=service.address)
    return Starlette(routes=routes(service), middleware=[guard, *gate_for(service.settings, accounts)])


def gate_for(settings: Settings, accounts: Accounts | None) -> list[Any]:
    """Return the gate as a list of middleware, empty where there are no accounts."""
    from starlette.middleware import Middleware

    from rag.doors.bearer import TokenGate
    from rag.doors.http import OPEN_PATHS, PATHS

    if accounts is None:
        return []
    file = Path(settings.accounts).expanduser()
    return [Middleware(TokenGate, accounts=accounts, file=file, paths=PATHS, open_paths=OPEN_PATHS)]


def listen(host: str, port: int) -> socket.socket:
    """Take the port, 0 for any free one; raises SettingsError where it is in use."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, asyncio sets TCP_NODELAY; else each reply waits 40 ms for the client's delayed ACK.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise SettingsError(
            "port {port} cannot be used at {host}; set RAG_PORT or --port to another one", port=port, host=host
        ) from error
    return listening
