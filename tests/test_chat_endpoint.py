"""The guarded stream against every fault of a chat model's server; the numbers are those of the list of faults."""

from __future__ import annotations

import gzip
import json
import logging
import socket
import threading
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any

import pytest
from pydantic import TypeAdapter

import fault_server
from fault_server import (
    DONE,
    SSE,
    STOP,
    FaultServer,
    answer,
    chunk,
    close,
    error,
    event,
    hang,
    repeat,
    stream,
    text,
    usage,
)
from rag.chat import Draft, breaker
from rag.chat.breaker import CircuitBreaker
from rag.chat.dialects import Anthropic, OpenAI
from rag.chat.guard import Clocks
from rag.chat.keys import Key
from rag.chat.refusals import Server, read_refusal, wait_asked_for
from rag.chat.service import Address, Endpoint, open_endpoint
from rag.errors import (
    AnswerCut,
    ChatError,
    ContextTooLong,
    EndpointRefused,
    EndpointUnreachable,
    RateLimited,
    SettingsError,
)
from rag.settings import Settings
from rag.types import Message, SearchResult

CANARY = "test-key-canary"
MESSAGES = (Message("system", "You answer from articles."), Message("user", "Who opened the bridge of Karsk?"))
GOOD = stream(text("The mayor ", "did."), STOP, usage(20), DONE)


@pytest.fixture(autouse=True)
def own_breakers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(breaker, "_breakers", {})


@pytest.fixture(autouse=True)
def no_key_anywhere(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever a test does, no logger of anybody gets to see the key, nor any log above DEBUG the question."""
    caplog.set_level(logging.DEBUG)
    yield
    for record in caplog.records:
        line = record.getMessage() + str(record.exc_info) + str(record.exc_text)
        assert CANARY not in line
        assert record.levelno == logging.DEBUG or "Karsk" not in line


@dataclass
class Outcome:
    drafts: list[Draft] = field(default_factory=list)
    error: ChatError | None = None
    seconds: float = 0.0

    @property
    def text(self) -> str:
        return self.drafts[-1].text if self.drafts else ""

    @property
    def notice(self) -> str:
        return self.drafts[-1].notice if self.drafts else ""


def endpoint(
    url: str, *, first: float = 20, total: float = 30, dialect: Any = None, context_tokens: int = 4096
) -> Endpoint:
    address = Address.parse(url)
    server = Server(address.where, "tiny", Key(CANARY))
    return Endpoint("test", address, server, Clocks(first, total), context_tokens, dialect or OpenAI(), backoff=0.01)


def ask(server: FaultServer | Endpoint, messages: tuple[Message, ...] = MESSAGES, **clocks: Any) -> Outcome:
    model = server if isinstance(server, Endpoint) else endpoint(server.url, **clocks)
    outcome = Outcome()
    began = time.monotonic()
    try:
        outcome.drafts.extend(model.stream(messages))
    except ChatError as caught:
        outcome.error = caught
        message = str(caught)
        assert message[0].islower() or message.startswith(model.server.where), message
        assert ";" in message, "says what mends it"
        assert len(message) < 300
        assert "\n" not in message
        assert "RAG_" in message or "ask " in message or "set " in message or "look at" in message, message
        seen: BaseException | None = caught
        while seen is not None:  # also what a debugger would find behind our error
            assert CANARY not in str(seen) + "".join(traceback.format_exception(seen))
            seen = seen.__cause__ or seen.__context__
    outcome.seconds = time.monotonic() - began
    assert CANARY not in repr(model) + str(outcome)
    return outcome


# A server that does as it should.


def test_a_good_answer() -> None:
    with FaultServer(GOOD) as server:
        outcome = ask(server)
    assert (outcome.text, outcome.error, outcome.notice) == ("The mayor did.", None, "")
    (request,) = server.requests
    assert request.path == "/v1/chat/completions"
    assert request.body == {
        "model": "tiny",
        "messages": [
            {"role": "system", "content": "You answer from articles."},
            {"role": "user", "content": "Who opened the bridge of Karsk?"},
        ],
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": 0,
    }
    assert request.headers["authorization"] == f"Bearer {CANARY}"
    assert request.headers["accept-encoding"] == "identity"


def test_drafts_grow_and_come_at_most_ten_a_second() -> None:
    parts = [part for word in range(30) for part in (text(f"{word} "), 0.02)]
    with FaultServer(stream(*parts, STOP, DONE)) as server:
        outcome = ask(server)
    texts = [draft.text for draft in outcome.drafts]
    assert texts[-1] == "".join(f"{word} " for word in range(30))
    assert all(later.startswith(earlier) for earlier, later in zip(texts, texts[1:], strict=False))
    assert 3 <= len(texts) <= outcome.seconds * 10 + 1


def test_nothing_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for service in ("OPENAI", "ANTHROPIC"):
        monkeypatch.setenv(f"{service}_API_KEY", "stray")
        monkeypatch.setenv(f"{service}_BASE_URL", "http://127.0.0.1:9/stray")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("all_proxy", "http://127.0.0.1:9")
    for dialect, reply in ((OpenAI(), GOOD), (Anthropic(), CLAUDE)):
        with FaultServer(reply) as server:
            assert ask(server, dialect=dialect).error is None
        (request,) = server.requests
        assert "stray" not in str(request)
        assert request.headers["authorization"] == f"Bearer {CANARY}"
        assert request.headers["user-agent"] == "footnote-rag"


def test_without_a_key_none_is_sent() -> None:
    with FaultServer(GOOD) as server:
        model = open_endpoint("test", server.url, "tiny", None, settings=Settings())
        assert list(model.stream(MESSAGES))[-1].text == "The mayor did."
    assert not {"authorization", "api-key", "x-api-key"} & set(server.requests[0].headers)


def test_the_query_of_an_address_goes_with_each_request(caplog: pytest.LogCaptureFixture) -> None:
    with FaultServer(GOOD) as server:
        ask(endpoint(f"{server.url}?api-version=7&code={CANARY}"))
    assert server.requests[0].path == f"/v1/chat/completions?api-version=7&code={CANARY}"


@pytest.mark.parametrize("scheme", ["", "http://"])
def test_a_proxy_is_used_for_others_and_can_be_left_too(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with FaultServer(GOOD, hang) as proxy:
        monkeypatch.setenv("http_proxy", f"{scheme}127.0.0.1:{proxy.port}")
        model = endpoint("http://models.invalid/v1")
        assert ask(model).text == "The mayor did."
        assert proxy.requests[0].path == "http://models.invalid/v1/chat/completions"
        drafts = model.stream(MESSAGES)
        next(drafts)
        while len(proxy.requests) < 2:
            next(drafts)
        drafts.close()  # type: ignore[attr-defined]
        assert proxy.requests[1].gone.wait(1)


def test_azure_gets_the_key_in_its_own_header() -> None:
    import httpx2

    from rag.chat.wire import Wire

    seen: list[httpx2.Request] = []

    def server(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(200, json={})

    with Wire(httpx2.MockTransport(server), Key(CANARY), azure=True) as wire:
        wire.handle_request(httpx2.Request("POST", "https://news.openai.azure.com/openai/v1/chat/completions"))
    assert seen[0].headers["api-key"] == CANARY


def test_a_server_that_does_not_stream() -> None:
    body = {
        "choices": [{"message": {"content": "The mayor did."}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 20},
    }
    with FaultServer(answer(200, body)) as server:
        assert ask(server).text == "The mayor did."


@pytest.mark.parametrize("option", ["stream_options", "temperature"])
def test_an_option_the_server_does_not_know_is_left_out_from_then_on(option: str) -> None:
    with FaultServer(error(400, f"Unsupported parameter: '{option}'."), GOOD) as server:
        model = endpoint(server.url)
        assert ask(model).text == "The mayor did."
        assert ask(model).text == "The mayor did."
    assert [option in request.body for request in server.requests] == [True, False, False]


def test_both_options_refused_in_turn_and_then_the_request() -> None:
    replies = [
        error(422, "extra field stream_options"),
        error(400, "temperature does not support 0"),
        error(400, "temperature"),
    ]
    with FaultServer(*replies) as server:
        assert isinstance(ask(server).error, EndpointRefused)
    assert len(server.requests) == 3


def test_an_answer_that_has_ended_is_whole_though_its_connection_stays_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.chat.service.LINGER", 0.2)
    with FaultServer(stream(text("The mayor did."), STOP, end="hang")) as server:
        outcome = ask(server)
        assert (outcome.text, outcome.error) == ("The mayor did.", None)
        assert server.requests[0].gone.wait(1)
    assert outcome.seconds < 5


# Anthropic's dialect.


def claude(*events: dict[str, Any]) -> bytes:
    return b"".join(f"event: {each['type']}\ndata: {json.dumps(each)}\n\n".encode() for each in events)


def claude_delta(kind: str, text: str) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": 0, "delta": {"type": f"{kind}_delta", kind: text}}


CLAUDE_START = {"type": "message_start", "message": {"content": [], "usage": {"input_tokens": 20}}}
CLAUDE_STOP = (
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 4}},
    {"type": "message_stop"},
)
CLAUDE = stream(
    claude(
        CLAUDE_START,
        {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}},
        claude_delta("thinking", "Hm, let me see."),
        {"type": "ping"},
        {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
        claude_delta("text", "The mayor "),
        claude_delta("text", "did."),
        *CLAUDE_STOP,
    )
)


def test_anthropic() -> None:
    with FaultServer(CLAUDE) as server:
        outcome = ask(server, dialect=Anthropic())
    assert (outcome.text, outcome.error) == ("The mayor did.", None)
    (request,) = server.requests
    assert request.path == "/v1/messages"
    assert request.body["system"] == "You answer from articles."
    assert request.body["messages"] == [{"role": "user", "content": "Who opened the bridge of Karsk?"}]
    assert 3000 < request.body["max_tokens"] < 4096
    assert request.headers["anthropic-version"]


def test_anthropic_errors() -> None:
    cut = stream(
        claude(
            CLAUDE_START, claude_delta("text", "The mayor "), {"type": "error", "error": {"type": "overloaded_error"}}
        )
    )
    busy = stream(claude({"type": "error", "error": {"type": "overloaded_error", "message": CANARY}}))
    too_long = answer(
        400, {"type": "error", "error": {"type": "invalid_request_error", "message": "prompt is too long: 9 > 8"}}
    )
    with FaultServer(cut) as server:
        outcome = ask(server, dialect=Anthropic())
    assert outcome.text == "The mayor "
    assert isinstance(outcome.error, AnswerCut)
    with FaultServer(busy, CLAUDE) as server:
        assert ask(server, dialect=Anthropic()).text == "The mayor did."
    with FaultServer(too_long) as server:
        assert isinstance(ask(server, dialect=Anthropic()).error, ContextTooLong)
    with FaultServer(stream(claude(CLAUDE_START, claude_delta("text", "The mayor ")))) as server:
        assert isinstance(ask(server, dialect=Anthropic()).error, AnswerCut)
    length = {"type": "message_delta", "delta": {"stop_reason": "max_tokens"}}
    with FaultServer(stream(claude(CLAUDE_START, claude_delta("text", "The mayor "), length))) as server:
        assert "largest length" in str(ask(server, dialect=Anthropic()).error)


def test_anthropic_address_without_its_version() -> None:
    with FaultServer(CLAUDE) as server:
        assert ask(endpoint(server.url.removesuffix("/v1"), dialect=Anthropic())).error is None
    assert server.requests[0].path == "/v1/messages"


def cites(number: int) -> dict[str, Any]:
    """Claude's citation of a search result, as its SDK declares it."""
    location = {"type": "search_result_location", "search_result_index": number, "source": f"{number}.md", "title": "T"}
    return {**location, "cited_text": "It opened.", "start_block_index": 0, "end_block_index": 1}


BLOCKS = (
    "Question: Who opened the bridge of Karsk?",
    SearchResult("Bridges · Courier", "a.md", ("The bridge opened.", "The mayor did it.")),
    SearchResult("Karsk · Gazette", "b.md", ("Nobody came.",)),
)
WITH_BLOCKS = (MESSAGES[0], Message("user", "Who opened the bridge of Karsk?", BLOCKS))


def test_claude_gets_passages_as_search_results_and_its_citations_are_labels() -> None:
    types = pytest.importorskip("anthropic.types")
    start = {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}}
    deltas = [
        claude_delta("text", "The mayor did."),
        {"type": "content_block_delta", "index": 1, "delta": {"type": "citations_delta", "citation": cites(1)}},
    ]
    for each in (start, deltas[1]):
        TypeAdapter(types.RawMessageStreamEvent).validate_python(each)
    with FaultServer(stream(claude(CLAUDE_START, start, *deltas, *CLAUDE_STOP))) as server:
        outcome = ask(server, WITH_BLOCKS, dialect=Anthropic())
    assert (outcome.text, outcome.error) == ("The mayor did.[2]", None)
    (turn,) = server.requests[0].body["messages"]
    question, *results = turn["content"]
    assert question == {"type": "text", "text": BLOCKS[0]}
    for sent, block in zip(results, BLOCKS[1:], strict=True):
        assert isinstance(block, SearchResult)
        TypeAdapter(types.SearchResultBlockParam).validate_python(sent)
        assert (sent["title"], sent["source"], sent["citations"]) == (block.title, block.source, {"enabled": True})
        assert sent["content"] == [{"type": "text", "text": each} for each in block.sentences]


def test_a_server_that_knows_no_search_results_gets_the_text() -> None:
    unknown = (
        "messages.0.content.1: Input tag 'search_result' found using 'type' does not match any of the expected tags"
    )
    refusal = answer(400, {"type": "error", "error": {"type": "invalid_request_error", "message": unknown}})
    with FaultServer(refusal, CLAUDE, CLAUDE) as server:
        model = endpoint(server.url, dialect=Anthropic())
        assert [ask(model, WITH_BLOCKS).text for _ in range(2)] == ["The mayor did."] * 2
    contents = [each.body["messages"][0]["content"] for each in server.requests]
    assert [isinstance(each, str) for each in contents] == [False, True, True]


def test_citations_of_claude_in_one_piece() -> None:
    content = [
        {"type": "thinking", "thinking": "Hm."},
        {"type": "text", "text": "The mayor did.", "citations": [cites(0), cites(1)]},
        {"type": "text", "text": " Yes."},
    ]
    body = {"type": "message", "content": content, "stop_reason": "end_turn"}
    with FaultServer(answer(200, body)) as server:
        assert ask(server, WITH_BLOCKS, dialect=Anthropic()).text == "The mayor did.[1][2] Yes."


# The faults.


def test_l01_connection_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    outcome = ask(endpoint(f"http://127.0.0.1:{port}/v1"))
    assert isinstance(outcome.error, EndpointUnreachable)
    assert f"endpoint not reachable at 127.0.0.1:{port}: nobody listens there" in str(outcome.error)


def test_l01_no_such_name(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def nowhere(host: str, *rest: object, **more: object) -> None:
        asked.append(host)
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", nowhere)
    outcome = ask(endpoint("http://nowhere.invalid/v1"))
    assert "endpoint not reachable at nowhere.invalid:80: no machine has this name" in str(outcome.error)
    assert asked == ["nowhere.invalid"] * 3


def test_l01_no_tls() -> None:
    with FaultServer(GOOD) as server:
        outcome = ask(endpoint(server.url.replace("http://", "https://")))
    assert isinstance(outcome.error, EndpointUnreachable)
    assert "TLS" in str(outcome.error)
    assert "set the address in RAG_MODEL to http://" in str(outcome.error)


def test_l01_hangs_up_twice_then_answers() -> None:
    with FaultServer(close, close, GOOD) as server:
        assert ask(server).text == "The mayor did."
    with FaultServer(close) as server:
        assert "broke the connection off" in str(ask(server).error)
    assert len(server.requests) == 3


def test_l02_accepts_and_never_answers() -> None:
    with FaultServer(hang) as server:
        outcome = ask(server, first=0.7)
        assert server.requests[0].gone.wait(1)
    assert isinstance(outcome.error, EndpointUnreachable)
    assert "no word within 0.7 seconds; set RAG_FIRST_WORD_SECONDS" in str(outcome.error)
    assert outcome.seconds < 0.7 + 1
    assert len(outcome.drafts) >= 2, "ticks, so that whoever listens can leave"
    assert len(server.requests) == 1


def test_l03_comments_for_ever() -> None:
    with FaultServer(repeat(b": keep-alive\n\n", every=0.02)) as server:
        outcome = ask(server, first=0.4)
    assert "no word within" in str(outcome.error)
    assert outcome.seconds < 0.4 + 1


def test_l03_reasoning_for_ever_is_no_content_either() -> None:
    with FaultServer(repeat(chunk({"reasoning_content": "hm "}), every=0.02)) as server:
        outcome = ask(server, total=0.5)
    assert "thought and took longer than 0.5 seconds; set RAG_ANSWER_SECONDS" in str(outcome.error)
    assert outcome.text == ""


def test_l04_drop_by_drop() -> None:
    with FaultServer(repeat(text("word "), every=0.05)) as server:
        outcome = ask(server, first=1.2, total=1.5)
        assert server.requests[0].gone.wait(1)
    assert isinstance(outcome.error, AnswerCut)
    assert "longer than 1.5 seconds; set RAG_ANSWER_SECONDS" in str(outcome.error)
    assert outcome.text.startswith("word word ")
    assert outcome.seconds < 1.5 + 1


def test_l05_retry_after_seconds_stops_the_first_clock() -> None:
    with FaultServer(error(429, "slow down", {"Retry-After": "1"}), GOOD) as server:
        outcome = ask(server, first=0.9)
    assert outcome.text == "The mayor did."
    assert outcome.seconds >= 1
    assert any("asks to wait 1 seconds" in draft.notice for draft in outcome.drafts)
    assert outcome.notice == ""


def test_l05_retry_after_date() -> None:
    date = format_datetime(datetime.now(timezone.utc) + timedelta(seconds=1.5), usegmt=True)
    with FaultServer(error(429, "slow down", {"Retry-After": date}), GOOD) as server:
        outcome = ask(server)
    assert outcome.text == "The mayor did."
    assert any("asks to wait" in draft.notice for draft in outcome.drafts)


def test_l05_too_long_a_wait_is_told() -> None:
    with FaultServer(error(429, "slow down", {"Retry-After": "3600"})) as server:
        outcome = ask(server)
    assert isinstance(outcome.error, RateLimited)
    assert "asks to wait 60 minutes" in str(outcome.error)
    assert len(server.requests) == 1
    with FaultServer(error(429, "slow down", {"Retry-After": "50"})) as server:
        assert "asks to wait 50 seconds" in str(ask(server, total=30).error)


@pytest.mark.parametrize("nonsense", ["-1", "nan", "inf", "soon", "Mon, 03 Jun 2019 10:00:30 GMT", "1e999"])
def test_l05_nonsense_means_our_own_wait(nonsense: str) -> None:
    assert wait_asked_for({"retry-after": nonsense}) is None
    with FaultServer(error(429, "slow down", {"Retry-After": nonsense})) as server:
        outcome = ask(server)
    assert isinstance(outcome.error, RateLimited)
    assert len(server.requests) == 3
    assert outcome.seconds < 5


@pytest.mark.parametrize(
    "reply",
    [
        error(429, "You exceeded your current quota", code="insufficient_quota"),
        error(402, "Insufficient Balance"),
        error(400, "Your credit balance is too low"),
    ],
)
def test_l06_no_quota_no_retry(reply: fault_server.Reply) -> None:
    with FaultServer(reply) as server:
        outcome = ask(server)
    assert isinstance(outcome.error, RateLimited)
    assert "nothing is left of the quota" in str(outcome.error)
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [500, 502, 503, 529, 408, 409])
def test_l07_trouble_is_tried_again_twice(status: int) -> None:
    with FaultServer(error(status, CANARY), error(status, CANARY), GOOD) as server:
        assert ask(server).text == "The mayor did."
    with FaultServer(error(status, CANARY)) as server:
        outcome = ask(server)
    assert isinstance(outcome.error, EndpointUnreachable)
    assert f"({status})" in str(outcome.error)
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("status", "hint"),
    [
        (400, "set RAG_MODEL to a chat model"),
        (401, "does not accept the key (401, invalid_api_key); set RAG_API_KEY"),
        (403, "does not let this key use tiny"),
        (404, "has no model tiny"),
        (405, "has no model tiny"),
        (422, "does not accept the request"),
    ],
)
def test_l08_refusals_are_final(status: int, hint: str) -> None:
    message = f"Incorrect API key provided: {CANARY}. You asked: Who opened the bridge of Karsk?"
    with FaultServer(error(status, message, code="invalid_api_key")) as server:
        outcome = ask(server)
    assert isinstance(outcome.error, EndpointRefused)
    assert hint in str(outcome.error)
    assert "Incorrect" not in str(outcome.error)
    assert "Karsk" not in str(outcome.error)
    assert len(server.requests) == 1


def test_l08_names_the_variable_of_the_service_and_a_missing_key() -> None:
    server = Server("api.example.com:443", "tiny", None, "EXAMPLE_API_KEY")
    assert "asks for a key (401); set EXAMPLE_API_KEY to yours" in str(read_refusal(server, 401, "", {}).error)


def test_l08_a_code_that_is_the_key_is_not_shown() -> None:
    server = Server("api.example.com:443", "tiny", Key("canary_key"))
    body = json.dumps({"error": {"code": "canary_key", "type": "canary_key"}})
    assert "canary" not in str(read_refusal(server, 401, body, {}).error)


@pytest.mark.parametrize(
    ("status", "fields"),
    [
        (
            400,
            {
                "error": {
                    "message": "This model's maximum context length is 128000 tokens.",
                    "code": "context_length_exceeded",
                }
            },
        ),
        (
            400,
            {
                "object": "error",
                "message": "This model's maximum context length is 4096 tokens. However, you requested 5000",
            },
        ),
        (
            400,
            {
                "error": {
                    "message": "the request exceeds the available context size",
                    "type": "exceed_context_size_error",
                }
            },
        ),
        (500, {"error": {"message": "the request exceeds the available context size"}}),
        (
            400,
            {
                "type": "error",
                "error": {"type": "invalid_request_error", "message": "prompt is too long: 210000 tokens > 200000"},
            },
        ),
        (400, [{"error": {"message": "The input token count (9) exceeds the maximum number of tokens allowed (8)."}}]),
        (413, {"error": {"message": "Request Entity Too Large"}}),
    ],
)
def test_l09_prompt_too_long(status: int, fields: object) -> None:
    with FaultServer(answer(status, fields)) as server:
        outcome = ask(server)
    assert isinstance(outcome.error, ContextTooLong)
    assert len(server.requests) == 1


def test_l09_inside_a_stream() -> None:
    with FaultServer(
        stream(event({"error": {"code": 400, "message": "exceeds the available context size"}}))
    ) as server:
        assert isinstance(ask(server).error, ContextTooLong)


def test_l10_a_prompt_cut_in_silence_is_told() -> None:
    messages = (Message("user", "The mayor of Karsk opened the new bridge on Monday. " * 100),)
    with FaultServer(stream(text("The mayor did."), STOP, usage(700), DONE)) as server:
        outcome = ask(server, messages)
    assert outcome.error is None
    assert "read only 700 of about" in outcome.notice
    assert "RAG_CONTEXT_TOKENS" in outcome.notice
    for tokens in (0, 1100, 1400):  # unknown, a large vocabulary, a small one
        with FaultServer(stream(text("The mayor did."), STOP, usage(tokens), DONE)) as server:
            assert ask(server, messages).notice == ""


def test_l11_no_choices_first_and_last() -> None:
    azure = event({"choices": [], "prompt_filter_results": [], "usage": None})
    with FaultServer(stream(azure, text("The mayor did."), STOP, usage(20), DONE)) as server:
        outcome = ask(server)
    assert (outcome.text, outcome.error) == ("The mayor did.", None)


def test_l12_content_in_every_shape() -> None:
    shapes = [
        {"role": "assistant"},
        {"content": None},
        {"content": ""},
        {"content": 7},
        {"reasoning_content": "Hm. "},
        {"reasoning": "Hm. ", "content": None},
        {"content": [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "The mayor "}]},
        {"tool_calls": []},
        {"content": "did."},
    ]
    odd = (
        event({"choices": [{"delta": None}]})
        + event({"choices": [None]})
        + event({"choices": {}})
        + event({"usage": []})
    )
    with FaultServer(stream(odd, *(chunk(shape) for shape in shapes), STOP, DONE)) as server:
        outcome = ask(server)
    assert (outcome.text, outcome.error) == ("The mayor did.", None)


@pytest.mark.parametrize("places", [{0}, {1}, {2}, {0, 1, 2}, {3}, {0, 3}])
def test_usage_ends_nothing_wherever_it_comes(places: set[int]) -> None:
    parts = [*(text(word) for word in ("The ", "mayor ", "did.")), STOP, DONE]
    replies = [usage(20) * (place in places) + part for place, part in enumerate(parts)]
    with FaultServer(stream(*replies)) as server:
        outcome = ask(server)
    assert (outcome.text, outcome.error, outcome.notice) == ("The mayor did.", None, "")
    assert len(server.requests) == 1


def test_usage_alone_is_no_answer() -> None:
    with FaultServer(stream(usage(20)), GOOD) as server:
        assert ask(server).text == "The mayor did."
    with FaultServer(stream(usage(20), text("The mayor "))) as server:
        assert "ended before the answer did" in str(ask(server).error)


def test_usage_after_the_end_is_not_waited_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.chat.service.LINGER", 20)
    with FaultServer(stream(text("The mayor did."), STOP, usage(20), end="hang")) as server:
        outcome = ask(server)
    assert outcome.error is None
    assert outcome.seconds < 10


THOUGHTS = [
    {"reasoning_content": "Hm."},
    {"reasoning": "Hm."},
    {"reasoning_details": [{"type": "reasoning.text", "text": "Hm."}]},
    {"thinking": "Hm."},
    {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}]},
    {"content": "<think>Hm.</think>"},
]


@pytest.mark.parametrize("thought", THOUGHTS)
def test_streamed_thoughts_are_no_answer_but_a_sign_of_life(thought: dict[str, Any]) -> None:
    parts = [part for _ in range(5) for part in (chunk(thought), 0.25)]
    with FaultServer(stream(*parts, text("The mayor did."), STOP, DONE)) as server:
        outcome = ask(server, first=0.8)
    assert (outcome.text, outcome.error) == ("The mayor did.", None)
    assert {draft.text for draft in outcome.drafts} == {"", "The mayor did."}


@pytest.mark.parametrize("nothing", [{"role": "assistant"}, {"content": ""}, {"reasoning": None}, {"thinking": []}])
def test_what_holds_no_thought_is_no_sign_of_life(nothing: dict[str, Any]) -> None:
    parts = [part for _ in range(20) for part in (chunk(nothing), 0.1)]
    with FaultServer(stream(*parts, text("The mayor did."), STOP, DONE)) as server:
        assert "no word within 0.5 seconds" in str(ask(server, first=0.5).error)


def test_the_thoughts_of_anthropics_models_are_a_sign_of_life() -> None:
    thoughts = [part for _ in range(5) for part in (claude(claude_delta("thinking", "Hm.")), 0.25)]
    end = claude(claude_delta("text", "The mayor did."), *CLAUDE_STOP)
    with FaultServer(stream(claude(CLAUDE_START), *thoughts, end)) as server:
        assert ask(server, dialect=Anthropic(), first=0.8).text == "The mayor did."


def test_an_answer_that_only_thinks_is_tried_again_where_it_breaks_off() -> None:
    with FaultServer(stream(chunk({"reasoning": "Hm."})), GOOD) as server:
        assert ask(server).text == "The mayor did."


ROLES = [
    (400, "System role not supported"),
    (400, "Developer instruction is not enabled for models/tiny"),
    (400, "Conversation roles must alternate user/assistant/user/assistant/..."),
    (400, "Unsupported value: 'messages[0].role' does not support 'system' with this model."),
    (422, "Template error: Only user and assistant roles are supported!"),
    (500, "Jinja Exception: System role not supported"),
    (400, "System messages are not allowed."),
]


@pytest.mark.parametrize(("status", "message"), ROLES)
def test_rules_stand_in_the_question_where_a_model_knows_no_system_role(status: int, message: str) -> None:
    with FaultServer(error(status, message), GOOD) as server:
        model = endpoint(server.url)
        assert ask(model).text == "The mayor did."
        assert ask(model).text == "The mayor did."
    first, second, third = (request.body["messages"] for request in server.requests)
    assert [each["role"] for each in first] == ["system", "user"]
    folded = "You answer from articles.\n\nWho opened the bridge of Karsk?"
    assert second == third == [{"role": "user", "content": folded}]


def test_no_system_role_told_inside_a_stream() -> None:
    refusal = event({"error": {"message": "System role not supported", "code": 400}})
    with FaultServer(stream(refusal), GOOD) as server:
        assert ask(server).text == "The mayor did."
    with FaultServer(stream(text("The mayor "), refusal), GOOD) as server:
        outcome = ask(server)
    assert (outcome.text, len(server.requests)) == ("The mayor ", 1)
    assert isinstance(outcome.error, AnswerCut)


def test_without_a_system_role_the_refusal_is_told_at_last() -> None:
    with FaultServer(error(400, "System role not supported")) as server:
        assert isinstance(ask(server).error, EndpointRefused)
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("status", "message"), [(403, "Your role may not use it"), (400, "insufficient_system_resource"), (400, "no")]
)
def test_other_refusals_are_not_tried_without_a_system_role(status: int, message: str) -> None:
    with FaultServer(error(status, message), GOOD) as server:
        assert isinstance(ask(server).error, EndpointRefused)
    assert len(server.requests) == 1


def test_l13_error_inside_a_stream() -> None:
    failure = event({"error": {"message": f"boom {CANARY}", "type": "server_error"}})
    with FaultServer(stream(text("The mayor "), failure), GOOD) as server:
        outcome = ask(server)
    assert outcome.text == "The mayor "
    assert isinstance(outcome.error, AnswerCut)
    assert len(server.requests) == 1
    with FaultServer(stream(failure), GOOD) as server:
        assert ask(server).text == "The mayor did.", "before any text it is tried again"
    with FaultServer(stream(b'event: error\ndata: {"message": "boom"}\n\n')) as server:
        assert isinstance(ask(server).error, EndpointUnreachable)
    with FaultServer(answer(200, {"error": "boom"}), GOOD) as server:
        assert ask(server).text == "The mayor did."


def test_l14_an_end_without_a_word_is_no_end() -> None:
    with FaultServer(stream(text("The mayor "))) as server:
        outcome = ask(server)
    assert outcome.text == "The mayor "
    assert isinstance(outcome.error, AnswerCut)
    assert "ended before the answer did" in str(outcome.error)


@pytest.mark.parametrize("end", [STOP, DONE, usage(20)])
def test_l14_each_of_the_three_ends_counts(end: bytes) -> None:
    with FaultServer(stream(text("The mayor did."), end)) as server:
        assert ask(server).error is None


def test_l14_a_stream_without_events_is_asked_for_in_one_piece() -> None:
    """llama-cpp-python's server streams nothing where the prompt is too long."""
    with FaultServer(stream(), error(400, "too long", code="context_length_exceeded")) as server:
        assert isinstance(ask(server).error, ContextTooLong)
    first, second = server.requests
    assert (first.body["stream"], second.body["stream"]) == (True, False)
    assert "stream_options" not in second.body
    whole = {"choices": [{"message": {"content": "The mayor did."}, "finish_reason": "stop"}]}
    with FaultServer(stream(), answer(200, whole)) as server:
        assert ask(server).text == "The mayor did."


def test_l15_reset_in_the_middle() -> None:
    with FaultServer(stream(text("The mayor "), end="reset")) as server:
        outcome = ask(server)
    assert outcome.text == "The mayor "
    assert isinstance(outcome.error, AnswerCut)
    assert "broke the connection off" in str(outcome.error)
    assert len(server.requests) == 1


@pytest.mark.parametrize(("finish", "told"), [("length", "RAG_CONTEXT_TOKENS"), ("content_filter", "filter")])
def test_l16_length_and_filter_are_shown(finish: str, told: str) -> None:
    with FaultServer(stream(text("The mayor "), chunk(finish=finish), DONE)) as server:
        outcome = ask(server)
    assert outcome.text == "The mayor "
    assert isinstance(outcome.error, AnswerCut)
    assert told in str(outcome.error)
    with FaultServer(stream(chunk(finish=finish), DONE)) as server:
        empty = ask(server)
    assert type(empty.error) is ChatError, "nothing came, so nothing was cut"


@pytest.mark.parametrize("finish", ["stop", "STOP", "eos_token", "end_turn", "stop_sequence", "COMPLETE", "eos"])
def test_words_for_a_whole_answer(finish: str) -> None:
    with FaultServer(stream(text("The mayor did."), chunk(finish=finish), DONE)) as server:
        outcome = ask(server)
    assert (outcome.text, outcome.error) == ("The mayor did.", None)


@pytest.mark.parametrize(
    "finish",
    ["abort", "insufficient_system_resource", "error", "tool_calls", "cancelled", "time_limit", "neverheardof"],
)
def test_any_other_word_is_told(finish: str) -> None:
    with FaultServer(stream(text("The mayor "), chunk(finish=finish), usage(20), DONE)) as server:
        outcome = ask(server)
    assert outcome.text == "The mayor "
    assert isinstance(outcome.error, AnswerCut)
    assert f"ended the answer early ({finish}); ask again" in str(outcome.error)
    with FaultServer(stream(chunk(finish=finish), DONE), GOOD) as server:
        assert ask(server).text == "The mayor did.", "before any text it is tried again"


@pytest.mark.parametrize("finish", [f"x{CANARY}", CANARY, "see http://x", "x" * 41, CANARY[5:8]])
def test_a_word_that_could_be_anything_is_not_repeated(finish: str) -> None:
    with FaultServer(stream(text("The mayor "), chunk(finish=finish), DONE)) as server:
        assert "(an unknown word)" in str(ask(server).error)


def test_some_write_null_as_a_word() -> None:
    going = b"".join(chunk({"content": piece}, finish="null") for piece in ("The mayor ", "did."))
    with FaultServer(stream(going, STOP, DONE)) as server:
        outcome = ask(server)
    assert (outcome.text, outcome.error) == ("The mayor did.", None)
    with FaultServer(stream(going)) as server:
        assert "ended before the answer did" in str(ask(server).error)


def test_anthropics_words_are_told_too() -> None:
    pause = {"type": "message_delta", "delta": {"stop_reason": "pause_turn"}}
    with FaultServer(stream(claude(CLAUDE_START, claude_delta("text", "The mayor "), pause, CLAUDE_STOP[1]))) as server:
        assert "(pause_turn)" in str(ask(server, dialect=Anthropic()).error)


@pytest.mark.parametrize("line_end", [b"\n", b"\r", b"\r\n"])
def test_l17_other_ways_to_write_events(line_end: bytes) -> None:
    body = (
        b"\xef\xbb\xbf: hello\nretry: 10\nid: 4\nevent: greeting\ndata: {}\n\n"
        b'data:{"choices":[{"delta":\ndata:  {"content": "The mayor did."}}]}\n\ndata\n\n'
    )
    with FaultServer(stream((body + STOP + DONE).replace(b"\n", line_end))) as server:
        outcome = ask(server)
    assert (outcome.text, outcome.error) == ("The mayor did.", None)


@pytest.mark.parametrize(
    "bad", [b"data: {oops\n\n", b"data: \xff\xfe\n\n", b"data: 7\n\n", b"data: " + b"[" * 90_000 + b"\n\n"]
)
def test_l17_malformed_is_a_clean_error(bad: bytes) -> None:
    with FaultServer(stream(text("The mayor "), bad, text("did."), STOP, DONE)) as server:
        outcome = ask(server)
    assert outcome.text == "The mayor "
    assert isinstance(outcome.error, AnswerCut)
    with FaultServer(stream(bad)) as server:
        assert isinstance(ask(server).error, ChatError)
    assert len(server.requests) == 1


def test_l18_characters_split_over_packets() -> None:
    family = "Größe 👩‍👩‍👧 ку́рсив"
    data = text(*family) + STOP + DONE
    cut = [part for byte in data for part in (bytes([byte]),)]
    with FaultServer(stream(*cut)) as server:
        outcome = ask(server)
    assert outcome.text == family
    with FaultServer(
        stream(
            b'data: {"choices":[{"delta":{"content":"\\ud83d"}}]}\n\n',
            b'data: {"choices":[{"delta":{"content":"\\ude00"}}]}\n\n',
            STOP,
        )
    ) as server:
        outcome = ask(server)
    assert outcome.text == "😀", "a pair of surrogates in two events"
    assert all("�" not in draft.text for draft in outcome.drafts)


def test_l19_endless_line_and_endless_stream() -> None:
    with FaultServer(repeat(b"x" * 100_000, begin=b"data: ")) as server:
        outcome = ask(server)
    assert "an event of more than 1,000,000 bytes" in str(outcome.error)
    assert outcome.seconds < 10
    with FaultServer(repeat(chunk({"reasoning_content": "hm " * 20_000}) * 4)) as server:
        outcome = ask(server)
    assert "more than 8 MB" in str(outcome.error)
    with FaultServer(repeat(text("".join(f"word {n} " for n in range(1000))))) as server:
        outcome = ask(server)
        assert server.requests[0].gone.wait(1)
    assert isinstance(outcome.error, AnswerCut)
    assert len(outcome.text) == 64_000


def test_l19_endless_error_page() -> None:
    def endless(connection: fault_server.Connection) -> None:
        connection.head(400, {"Content-Type": "text/html"})
        while connection.pause(0):
            connection.send(b"<p>no</p>" * 1000)

    with FaultServer(endless) as server:
        outcome = ask(server)
    assert isinstance(outcome.error, EndpointRefused)
    assert outcome.seconds < 5


@pytest.mark.parametrize("pieces", [(), ("",), (" ", "\n\n")])
def test_l20_empty(pieces: tuple[str, ...]) -> None:
    with FaultServer(stream(text(*pieces), STOP, DONE)) as server:
        outcome = ask(server)
    assert type(outcome.error) is ChatError
    assert "wrote nothing" in str(outcome.error)
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_l21_redirects_are_not_followed(status: int) -> None:
    with FaultServer(GOOD) as other, FaultServer(answer(status, "", {"Location": other.url})) as server:
        outcome = ask(server)
    assert isinstance(outcome.error, EndpointRefused)
    assert "sends on to another address" in str(outcome.error)
    assert other.requests == []
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "reply",
    [hang, stream(end="hang"), stream(text("The mayor "), end="hang"), repeat(text("word "), every=0.01)],
    ids=["before the headers", "after the headers", "in the middle", "while it writes"],
)
def test_l22_leaving_frees_the_connection(reply: fault_server.Reply) -> None:
    before = threading.active_count()
    with FaultServer(reply) as server:
        _leave(server)
        assert server.requests[0].gone.wait(1)
    assert threading.active_count() <= before


def test_l22_leaving_between_two_tries() -> None:
    before = threading.active_count()
    with FaultServer(error(503, "", {"Retry-After": "20"})) as server:
        _leave(server)
    assert threading.active_count() <= before
    assert len(server.requests) == 1


def _leave(server: FaultServer) -> None:
    drafts = endpoint(server.url).stream(MESSAGES)
    next(drafts)
    assert server.arrived.wait(5)
    began = time.monotonic()
    drafts.close()  # type: ignore[attr-defined]
    assert time.monotonic() - began < 1, "whoever leaves does not wait long"


def test_l23_compressed_bodies_and_web_pages() -> None:
    page = "<!doctype html><title>Hotel Karsk</title>Please log in " + CANARY
    packed = gzip.compress(text("The mayor did.") + STOP)
    html = {"Content-Type": "text/html; charset=utf-8"}
    for reply, told in (
        (answer(200, page, html), "answers with a web page"),
        (answer(200, page), "does not answer as a chat model's server does"),
        (answer(200, {"hello": "world"}), "does not answer as a chat model's server does"),
        (answer(200, packed, {**SSE, "Content-Encoding": "gzip"}), "compressed answer"),
        (answer(200, packed, {**SSE, "Content-Encoding": "br"}), "compressed answer"),
        (answer(404, packed, {"Content-Encoding": "gzip"}), "has no model tiny"),
        (answer(403, page, html), "does not let this key use"),
    ):
        with FaultServer(reply) as server:
            outcome = ask(server)
        assert isinstance(outcome.error, EndpointRefused)
        assert told in str(outcome.error)
        assert "Hotel" not in str(outcome.error)
        assert len(server.requests) == 1
    with FaultServer(answer(502, page, html)) as server:
        assert isinstance(ask(server).error, EndpointUnreachable)
    assert len(server.requests) == 3


def test_l24_fifty_askers_of_a_stuck_server() -> None:
    outcomes: list[Outcome] = []
    with FaultServer(hang) as server, FaultServer(GOOD) as other:
        now = [0.0]
        where = f"127.0.0.1:{server.port}"
        breaker._breakers[server.url] = CircuitBreaker(where, clock=lambda: now[0])
        threads = [threading.Thread(target=lambda: outcomes.append(ask(server, first=0.7))) for _ in range(50)]
        for thread in threads:
            thread.start()
        assert ask(other).text == "The mayor did.", "others work meanwhile"
        for thread in threads:
            thread.join()
        assert all(isinstance(each.error, EndpointUnreachable) for each in outcomes)
        seen = len(server.requests)
        late = ask(server)
        assert f"{where} failed 5 times in 30 seconds and is left alone for another 30 seconds" in str(late.error)
        assert late.seconds < 0.5
        assert len(server.requests) == seen
        assert ask(other).text == "The mayor did."
        now[0] = 31.0
        assert "no word within" in str(ask(server, first=0.3).error), "it is asked again after a while"


def test_l24_refusals_do_not_open_the_circuit() -> None:
    with FaultServer(*[error(401, "no")] * 7, GOOD) as server:
        for _ in range(7):
            assert isinstance(ask(server).error, EndpointRefused)
        assert ask(server).text == "The mayor did."


# What is opened, and how text is measured.


def test_open_endpoint_chooses_the_clocks() -> None:
    def first(url: str, **changes: Any) -> float:
        model = open_endpoint("n", url, "m", None, settings=Settings(**changes))
        assert isinstance(model, Endpoint)
        return model.clocks.first

    assert (
        first("http://localhost:11434/v1") == first("http://127.0.0.1:8000/v1") == first("http://[::1]:8000/v1") == 60
    )
    assert first("https://api.example.com/v1") == 30
    assert first("https://api.example.com/v1", first_word_seconds=7) == 7


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:8000",
        "ftp://example.com",
        "ftp://example.com:1/v1",
        "http://",
        "http://example.com:x/v1",
        "https://bücher.example/v1",
    ],
)
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(SettingsError, match="set RAG_MODEL"):
        open_endpoint("n", url, "m", None, settings=Settings())


def test_a_key_in_the_wrong_place() -> None:
    with pytest.raises(SettingsError, match="set RAG_API_KEY") as caught:
        open_endpoint("n", f"https://user:{CANARY}@example.com/v1", "m", None, settings=Settings())
    assert CANARY not in str(caught.value)
    with pytest.raises(SettingsError, match="set SOME_KEY to the key alone") as caught:
        open_endpoint(
            "n", "https://example.com/v1", "m", Key(f"{CANARY}\nX: y"), settings=Settings(), key_variable="SOME_KEY"
        )
    assert CANARY not in str(caught.value)


def test_tokens_are_rather_more_than_fewer() -> None:
    from rag.text.tokens import count_tokens

    model = endpoint("http://localhost/v1")
    for written in ("The mayor of Karsk opened the bridge.", "Мэр открыл мост.", "市长开通了大桥。", "", "a"):
        assert model.count_tokens(written) >= count_tokens(written)
    assert model.count_tokens("Мэр открыл мост. " * 50) > 1.2 * count_tokens("Мэр открыл мост. " * 50)
