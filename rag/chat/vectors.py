"""Post requests for vectors to a server, guarded as those to chat models are.

The key never goes to another address than the one that was named: RAG_EMBEDDER_KEY to that of RAG_EMBEDDER, a service's own
variable to that service. Nothing that a server wrote is repeated, and redirects are not followed.
"""

from __future__ import annotations

import json
import logging
import os
import random
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

from rag.chat.keys import Key
from rag.chat.model_names import SERVICES, check_address, find_key
from rag.chat.refusals import AGAIN, LONGEST_WAIT, wait_asked_for
from rag.chat.service import BACKOFF, RETRIES, Address, check_key
from rag.errors import ChatError, EmbedderError, SettingsError

KEY_VARIABLE = "RAG_EMBEDDER_KEY"
SECONDS = 120.0
"""How long one request may take; a server on this machine may have to load the model first."""

_REFUSALS = {
    0: "{where} cannot be reached; start the server, or set RAG_EMBEDDER to another model",
    300: "{where} sends on to another address, and that is not followed {said}; set RAG_EMBEDDER to the one the model is "
    "really at",
    400: "{where} does not accept the texts {said}; set RAG_EMBEDDER to an embedding model, or RAG_PASSAGE_TOKENS to a "
    "smaller number",
    **dict.fromkeys((401, 403), "{where} does not accept the key {said}; set {variable} to a valid one"),
    **dict.fromkeys((402, 429), "{where} takes no more requests {said}; wait a while, then run: rag build"),
    **dict.fromkeys((404, 405), "{where} has no embedding model {model} {said}; set RAG_EMBEDDER to one it has"),
    **dict.fromkeys((408, 500), "{where} is in trouble {said}; wait a minute, then run: rag build"),
}
"""What a status means; 0 is that of nobody, 300 and 500 stand for those above them, 400 for all others."""

_log = logging.getLogger(__name__)


def names_endpoint(name: str) -> bool:
    """Tell an embedding model behind an address from a folder or a hub's name.

    >>> names_endpoint("ollama:nomic-embed-text"), names_endpoint("bundled"), names_endpoint("BAAI/bge-m3")
    (True, False, False)
    """
    form = name.partition(":")[0].strip().casefold()
    return ":" in name and form in ("http", "https", *(each.name for each in SERVICES))


def open_vectors(name: str, environment: Mapping[str, str] | None = None) -> tuple[str, Vectors]:
    """Return a named model with its options, and what posts to its server. Contacts nobody yet.

    Raises SettingsError for an address that cannot be used, KeyMissing.
    """
    environment = os.environ if environment is None else environment
    form, _, target = name.strip().partition(":")
    service = next((each for each in SERVICES if each.name == form.strip().casefold()), None)
    url = service.address(environment) if service else name.strip().partition("#")[0]
    model = (target if service else name.partition("#")[2]).strip()
    try:
        Address.parse(url if model.partition("?")[0] and not (service and service.dialect != "openai") else "")
    except SettingsError:
        raise SettingsError(
            "RAG_EMBEDDER names no embedding model that can be asked; set it to ollama:NAME, openai:NAME or "
            f"https://HOST/v1#NAME, and {KEY_VARIABLE} to its key"
        ) from None
    variable = service.variable if service and service.variable else KEY_VARIABLE
    key = find_key(environment, KEY_VARIABLE, service)
    check_key(key, variable)
    return model, Vectors(check_address(url, key, KEY_VARIABLE), model.partition("?")[0], key, variable)


@dataclass(frozen=True)
class Vectors:
    """Post the body of a request and return the reply's JSON. Raises EmbedderError."""

    address: Address
    model: str
    key: Key | None
    variable: str
    backoff: float = BACKOFF

    def __call__(self, body: Mapping[str, object]) -> object:
        for left in reversed(range(RETRIES + 1)):
            status, data, wait = self._sent(body)
            again = not status or status in AGAIN or status >= 500
            if not (again and left) or (wait or 0) > LONGEST_WAIT:
                break
            tries = RETRIES - left + 1
            time.sleep(random.uniform(0, self.backoff * 2**tries) if wait is None else wait)  # noqa: S311
        if status != 200:
            raise self._refusal(status)
        try:
            return json.loads(data)
        except (ValueError, RecursionError):
            raise EmbedderError(
                "{where} does not answer as an embedding model does; set RAG_EMBEDDER to one, with an address "
                "that mostly ends in /v1",
                where=self.address.where,
            ) from None

    def _sent(self, body: Mapping[str, object]) -> tuple[int, bytes, float | None]:
        """Send a request once. Return its status (0: nobody answered), its reply and the seconds to wait if asked for."""
        import httpx2

        from rag.chat.wire import connect

        wire, client = connect(self.address, self.key, SECONDS)
        clock = threading.Timer(SECONDS, wire.cut)  # also where a byte comes now and then
        clock.daemon = True
        clock.start()
        try:
            with client:
                reply = client.post(f"{self.address.base_url}/embeddings", json=body)
                return reply.status_code, reply.content, wait_asked_for(reply.headers)
        except (httpx2.HTTPError, ChatError) as error:
            _log.debug("%s: %s", self.address.where, type(error).__name__)
            return 0, b"", None
        finally:
            clock.cancel()

    def _refusal(self, status: int) -> EmbedderError:
        kind = 300 if 300 <= status < 400 else 500 if status >= 500 else status
        template = _REFUSALS.get(kind, _REFUSALS[400])
        values = {"where": self.address.where, "model": self.model, "variable": self.variable}
        return EmbedderError(template, said=f"({status})", **values)
