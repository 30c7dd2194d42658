"""Find reachable chat models. Servers of this machine are asked, of paid services only the key is looked for."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from rag.chat.model_names import EXTRACTIVE, KEY_VARIABLE, SERVICES, Service
from rag.errors import ChatError, SettingsError, Translatable

if TYPE_CHECKING:
    from rag.chat.wire import Wire

SECONDS = 1.0
"""How long a server may take to list its models."""

_MOST_MODELS = 200
_LONGEST_NAME = 120  # characters

_NOT_RUNNING = "not running"
_SLOW = Translatable("does not answer within {seconds} second", seconds=f"{SECONDS:g}")
_STRANGE = "answers, but not as a model server"


@dataclass(frozen=True, slots=True)
class Reachable:
    """List a service's models and its state in words.

    ``models`` are names as ``RAG_MODEL`` takes them after ``service:``, made printable.
    """

    service: str
    models: tuple[str, ...]
    state: str


def reachable(
    environment: Mapping[str, str] | None = None, services: Sequence[Service] = SERVICES
) -> tuple[Reachable, ...]:
    """Return a row for each service in their order, after ``extractive`` and before ``local`` and ``gguf``.

    The servers that need no key are asked for their models, without any, all at once, and whoever has not answered after a
    second is given up. The paid services are not contacted.

    >>> rows = reachable({"GROQ_API_KEY": "test-key"}, services=[each for each in SERVICES if each.name == "groq"])
    >>> [row.service for row in rows], rows[1].state.startswith("key is set"), "test-key" in str(rows)
    (['extractive', 'groq', 'local', 'gguf'], True, False)
    """
    from rag.chat.wire import tls

    tls()  # before the clock starts
    environment = os.environ if environment is None else environment
    lookups = {service: _Lookup(service, environment) for service in services if not service.variable}
    until = time.monotonic() + SECONDS
    for lookup in lookups.values():
        lookup.start()
    for lookup in lookups.values():
        lookup.join(max(0.0, until - time.monotonic()))
    rows = [Reachable(EXTRACTIVE, (), "always there; needs no model")]
    for service in services:
        models, state = lookups[service].found() if service in lookups else ((), _key_state(service, environment))
        rows.append(Reachable(service.name, models, state))
    return (*rows, *_in_process())


class _Lookup(threading.Thread):
    """One server being asked for its models. A daemon: a name server that never answers keeps nobody waiting."""

    def __init__(self, service: Service, environment: Mapping[str, str]) -> None:
        super().__init__(name="chat model lookup", daemon=True)
        self._service = service
        self._environment = environment
        self._wire: Wire | None = None
        self._found: tuple[tuple[str, ...], str] = ((), _NOT_RUNNING)

    def found(self) -> tuple[tuple[str, ...], str]:
        """Return what was found so far. Who is still being asked is hung up on."""
        if not self.is_alive():
            return self._found
        return (), _SLOW if self._wire and self._wire.cut() else _NOT_RUNNING

    def run(self) -> None:
        self._found = self._ask()

    def _ask(self) -> tuple[tuple[str, ...], str]:
        import httpx2

        from rag.chat.service import Address
        from rag.chat.wire import connect

        try:
            address = Address.parse(self._service.address(self._environment))
            self._wire, client = connect(address, None, SECONDS)
            with client:
                answer = client.get(f"{address.base_url}/models")
            if answer.status_code in (401, 403):
                return (), Translatable("running, asks for a key; set {variable}", variable=KEY_VARIABLE)
            return _read_models(answer.content) if answer.status_code == 200 else ((), _STRANGE)
        except SettingsError as error:
            return (), error.message
        except (httpx2.ConnectError, httpx2.ConnectTimeout):
            return (), _NOT_RUNNING
        except httpx2.TimeoutException:
            return (), _SLOW
        except (httpx2.HTTPError, ChatError, ValueError, RecursionError):
            return (), _STRANGE


def _read_models(answer: bytes) -> tuple[tuple[str, ...], str]:
    """Read a server's models: ``{"data": [{"id": NAME}, …]}``, where Ollama writes null for an empty list."""
    # No number is of use here, and one of a million digits would take long to read.
    read: Any = json.loads(answer.decode("utf-8"), parse_int=lambda _: 0, parse_float=lambda _: 0)
    listed = read.get("data", 0) if isinstance(read, dict) else 0
    listed = [] if listed is None else listed
    if not isinstance(listed, list):
        return (), _STRANGE
    names = [each["id"] for each in listed if isinstance(each, dict) and isinstance(each.get("id"), str)]
    if len(names) < len(listed):
        return (), _STRANGE
    shown = tuple(map(_printable, names[:_MOST_MODELS]))
    if not names:
        return shown, "running, has no models"
    return shown, Translatable("{count} model" if len(names) == 1 else "{count} models", count=len(names))


def _printable(name: str) -> str:
    """Return a name that can do nothing to a terminal or page.

    >>> _printable("small" + chr(27) + "[31m:3b")
    'small�[31m:3b'
    """
    shown = "".join(each if each.isprintable() else "\ufffd" for each in name[:_LONGEST_NAME])
    return shown if len(name) <= _LONGEST_NAME else f"{shown}…"


def _key_state(service: Service, environment: Mapping[str, str]) -> str:
    if environment.get(service.variable, "").strip():
        return "key is set"
    if environment.get(KEY_VARIABLE, "").strip():
        return Translatable("key is set ({variable})", variable=KEY_VARIABLE)
    return Translatable("no key; set {variable}", variable=service.variable)


def _in_process() -> tuple[Reachable, ...]:
    local = "ready for local:FOLDER" if find_spec("transformers") else "not installed; run pip install transformers"
    gguf = "ready for gguf:FILE" if find_spec("llama_cpp") else 'not installed; run pip install "footnote-rag[gguf]"'
    return Reachable("local", (), local), Reachable("gguf", (), gguf)
