"""Read a server's refusal. Status, headers and body become one of our errors, and whether to try again.

Nothing the server wrote is repeated except a short code such as ``model_not_found``: error texts echo keys and questions.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any

from rag.chat.dialects import SYSTEM
from rag.chat.keys import Key
from rag.errors import ChatError, ContextTooLong, EndpointRefused, EndpointUnreachable, RateLimited, Translatable

LONGEST_WAIT = 60.0
"""Seconds we wait because a server asks for it; longer, and the reader is told instead."""

# What servers say where the prompt is too long: OpenAI and its likes, vLLM, llama.cpp, Anthropic, Gemini, Mistral, Ollama.
_TOO_LONG = re.compile(
    r"context_length_exceeded|exceed_context_size|maximum context length|maximum model length|max_model_len"
    r"|context (size|length|window|limit)|prompt is too long|prompt (is|was) longer than|token count \S* ?exceeds"
    r"|exceeds? the maximum number of tokens|too many (input )?tokens|too large for model",
    re.IGNORECASE,
)
_NO_QUOTA = re.compile(
    r"insufficient_quota|insufficient[ _]balance|billing_hard_limit|credit balance is too low|exceeded your current quota",
    re.IGNORECASE,
)
# Chat templates that know no system message say so in words of their own, llama.cpp with the status 500.
_ROLE = re.compile(r"\b(?:system|developer)\W{1,3}(?:role|message|prompt|instruction)|\broles?\b", re.IGNORECASE)
_CODE = re.compile(r"[a-z]+(_[a-z]+)*")
AGAIN = frozenset({408, 409, 425, 429})
"""Statuses below 500 after which a second try may help."""
# Errors that come inside a stream carry a type in place of a status (https://docs.anthropic.com/en/api/errors).
_STATUS_OF_TYPE = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "api_error": 500,
    "server_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}


class Trouble(Exception):
    """One request failed; ``error`` is what to tell, ``again`` whether a second try may help, ``wait`` seconds to wait first.

    ``option`` names a part of the request that the server does not know, where that is why.
    """

    def __init__(self, error: ChatError, *, again: bool = False, wait: float | None = None, option: str = "") -> None:
        super().__init__(str(error))
        self.error = error
        self.again = again
        self.wait = wait
        self.option = option


@dataclass(frozen=True, slots=True)
class Server:
    """Who is asked for what, in words for messages. None of them is secret. ``variable`` holds the key."""

    where: str
    model: str
    key: Key | None = None
    variable: str = "RAG_API_KEY"


def read_refusal(
    server: Server, status: int, body: str, headers: Mapping[str, str], options: tuple[str, ...] = ()
) -> Trouble:
    """Return what a reply with an error status means; ``options`` are the parts of the request we could leave out."""
    code = _code(body, server.key)
    values = {
        "where": server.where,
        "model": server.model,
        "variable": server.variable,
        "said": f"({status}, {code})" if code else f"({status})",
    }

    def _refused(template: str, kind: type[ChatError] = EndpointRefused) -> Trouble:
        return Trouble(kind(template, **values))

    if 300 <= status < 400:
        return _refused(
            "{where} sends on to another address, and that is not followed {said}; "
            "set the address in RAG_MODEL to the one the model is really at"
        )
    option = next((each for each in options if _names(body, each)), "") if status in (400, 422, 500) else ""
    if option and not _TOO_LONG.search(body):
        unknown = EndpointRefused("{where} does not know {option} {said}; set RAG_MODEL", option=option, **values)
        return Trouble(unknown, option=option)
    if status == 413 or (status not in (401, 403, 404, 429) and _TOO_LONG.search(body)):
        return _refused(
            "the prompt is longer than {model} at {where} can read {said}; set RAG_K to a smaller number",
            ContextTooLong,
        )
    if status == 402 or _NO_QUOTA.search(body):
        return _refused(
            "nothing is left of the quota at {where} {said}; top it up there, or set RAG_MODEL to another model",
            RateLimited,
        )
    if status in AGAIN or status >= 500:
        return _overloaded(status, headers, values)
    if status in (401, 403) and not server.key:
        return _refused("{where} asks for a key {said}; set {variable} to yours")
    if status == 401:
        return _refused("{where} does not accept the key {said}; set {variable} to a valid one")
    if status == 403:
        return _refused("{where} does not let this key use {model} {said}; set {variable} to another key")
    if status in (404, 405):
        return _refused(
            "{where} has no model {model}, or nothing at this address {said}; set RAG_MODEL to a model that it has, "
            "with an address that mostly ends in /v1"
        )
    return _refused("{where} does not accept the request {said}; set RAG_MODEL to a chat model that it has")


def read_error(server: Server, error: object, options: tuple[str, ...] = ()) -> Trouble:
    """Return what an error inside a stream or a reply of status 200 means."""
    fields = error if isinstance(error, dict) else {}
    written = (fields.get("code"), fields.get("status"))
    status = next((each for each in written if type(each) is int and 300 <= each < 600), 0)
    kinds = [each for each in (fields.get("code"), fields.get("type")) if isinstance(each, str)]
    status = status or next((_STATUS_OF_TYPE[each] for each in kinds if each in _STATUS_OF_TYPE), 500)
    return read_refusal(server, status, json.dumps(error), {}, options)


def _names(body: str, option: str) -> bool:
    """True if an error's text names a part of the request."""
    return bool(_ROLE.search(body)) if option == SYSTEM else option in body


def wait_asked_for(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Return the seconds a reply's ``Retry-After`` asks for, ``None`` where it makes no sense.

    >>> wait_asked_for({"retry-after": "2"}), wait_asked_for({"retry-after": "-1"}), wait_asked_for({"retry-after": "nan"})
    (2.0, None, None)
    >>> wait_asked_for({"retry-after": "Mon, 03 Jun 2019 10:00:30 GMT"}, datetime(2019, 6, 3, 10, tzinfo=timezone.utc))
    30.0
    """
    text = headers.get("retry-after", "").strip()
    try:
        seconds = float(text)
    except ValueError:
        try:
            date = parsedate_to_datetime(text)
        except (ValueError, TypeError, IndexError):
            return None
        date = date if date.tzinfo else date.replace(tzinfo=timezone.utc)
        seconds = (date - (now or datetime.now(timezone.utc))).total_seconds()
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _overloaded(status: int, headers: Mapping[str, str], values: Mapping[str, str]) -> Trouble:
    wait = wait_asked_for(headers)
    if wait is not None and wait > LONGEST_WAIT:
        return Trouble(
            RateLimited(
                "{where} asks to wait {message} ({status}); ask again then, or set RAG_MODEL to another model",
                message=_time(wait),
                status=values["said"].strip("()"),
                **values,
            )
        )
    error: ChatError
    if status == 429:
        error = RateLimited(
            "{where} has had too many requests {said}; ask again in a minute, or set RAG_MODEL to another model",
            **values,
        )
    else:
        error = EndpointUnreachable(
            "{where} is in trouble {said}; ask again in a minute, or set RAG_MODEL to another model", **values
        )
    return Trouble(error, again=True, wait=wait)


def _time(seconds: float) -> Translatable:
    """Return seconds in words, rounded up.

    >>> _time(75), _time(3600), _time(90_000)
    ('75 seconds', '60 minutes', '25 hours')
    """
    if seconds < 120:
        return Translatable("{count} seconds", count=math.ceil(seconds))
    if seconds < 7200:
        return Translatable("{count} minutes", count=math.ceil(seconds / 60))
    return Translatable("{count} hours", count=math.ceil(seconds / 3600))


def _code(body: str, key: Key | None) -> str:
    """Return an error's short code, such as ``model_not_found``. Never the key, whatever the server sends for a code."""
    found: Any = None
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    found = found[0] if isinstance(found, list) and found else found
    found = found.get("error", found) if isinstance(found, dict) else None
    if not isinstance(found, dict):
        return ""
    words = (each for each in (found.get("code"), found.get("type")) if isinstance(each, str) and "_" in each)
    return next(filter(None, (short_code(each, key) for each in words)), "")


def short_code(word: str, key: Key | None) -> str:
    """Return a server's word if it can be repeated. It must be short, of letters, and no part of the key.

    >>> short_code("insufficient_system_resource", None), short_code("Look at http://x", None)
    ('insufficient_system_resource', '')
    """
    fits = len(word) <= 40 and _CODE.fullmatch(word) is not None
    return word if fits and not (key and (key.reveal() in word or word in key.reveal())) else ""
