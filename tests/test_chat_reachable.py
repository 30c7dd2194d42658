"""Which chat models are reachable: real servers on loopback, well-meaning and hostile ones."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from rag.chat.model_names import SERVICES, Service
from rag.chat.reachable import SECONDS, Reachable, reachable

PAID = [service for service in SERVICES if service.variable]
STRANGE = "answers, but not as a model server"

Answer = Callable[[socket.socket, bytes], None]


@contextmanager
def served(answer: Answer) -> Iterator[tuple[Service, list[bytes]]]:
    """A server on loopback that reads a request's head and gives the answer, and the heads it has read."""
    heads: list[bytes] = []
    over = threading.Event()

    def serve() -> None:
        while not over.is_set():
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            with peer:
                head = b""
                while b"\r\n\r\n" not in head and (part := peer.recv(65536)):
                    head += part
                if head:
                    heads.append(head)
                with suppress(OSError):  # hung up on, as it should be
                    answer(peer, head)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield Service("vllm", "vLLM", f"http://127.0.0.1:{listener.getsockname()[1]}/v1"), heads
        finally:
            over.set()
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def http(body: bytes, status: str = "200 OK", headers: str = "") -> Answer:
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}Connection: close\r\n\r\n".encode()
    return lambda peer, _: peer.sendall(head + body)


def models(*names: object) -> Answer:
    return http(json.dumps({"object": "list", "data": [{"id": name, "object": "model"} for name in names]}).encode())


def look(service: Service, environment: dict[str, str] | None = None) -> Reachable:
    (row,) = [row for row in reachable(environment or {}, [service]) if row.service == service.name]
    return row


def test_a_model_server_lists_its_models_and_sees_no_key() -> None:
    with served(models("small:3b", "org/large")) as (service, heads):
        row = look(
            service, {"RAG_API_KEY": "test-key", "OPENAI_API_KEY": "test-key", "http_proxy": "http://127.0.0.1:9"}
        )
    assert (row.models, row.state) == (("small:3b", "org/large"), "2 models")
    assert heads[0].startswith(b"GET /v1/models HTTP/1.1\r\n")
    assert b"test-key" not in heads[0]


def test_ollama_is_looked_for_where_its_variable_says() -> None:
    with served(models("small")) as (service, _):
        ollama = Service("ollama", "Ollama", "http://127.0.0.1:1/v1")
        address = service.base_url.removesuffix("/v1")
        assert look(ollama, {"OLLAMA_HOST": address}) == Reachable("ollama", ("small",), "1 model")
        assert look(ollama, {"OLLAMA_HOST": "ftp://nowhere"}).state.startswith("OLLAMA_HOST is no address")


@pytest.mark.parametrize("body", [b'{"data": []}', b'{"object": "list", "data": null}'])
def test_a_server_without_models_says_so(body: bytes) -> None:
    with served(http(body)) as (service, _):
        assert look(service) == Reachable("vllm", (), "running, has no models")


def test_a_server_that_is_not_there_is_not_running() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert look(Service("vllm", "vLLM", f"http://127.0.0.1:{port}/v1")) == Reachable("vllm", (), "not running")


@pytest.mark.parametrize("status", ["401 Unauthorized", "403 Forbidden"])
def test_a_server_that_wants_a_key_says_so(status: str) -> None:
    with served(http(b"{}", status)) as (service, _):
        assert look(service).state == "running, asks for a key; set RAG_API_KEY"


def endless(peer: socket.socket, _: bytes) -> None:
    peer.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + b'{"data": [')
    for _ in range(100):
        peer.sendall(b" " * 1_000_000)


def garbage(peer: socket.socket, _: bytes) -> None:
    peer.sendall(bytes(range(256)) * 10)


def many_headers(peer: socket.socket, _: bytes) -> None:
    peer.sendall(b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 10_000)


HOSTILE: dict[str, Answer] = {
    "html": http(b"<!doctype html><title>Sign in</title>", headers="Content-Type: text/html\r\n"),
    "other json": http(b'{"models": ["small"]}'),
    "list": http(b'["small"]'),
    "data is text": http(b'{"data": "small"}'),
    "data is a number": http(b'{"data": 1}'),
    "names are numbers": models(1, 2),
    "no names": http(b'{"data": [{"name": "small"}]}'),
    "entries are text": http(b'{"data": ["small"]}'),
    "not utf-8": http(b'{"data": [{"id": "\xff"}]}'),
    "deep": http(b'{"data": ' + b"[" * 100_000),
    "huge number": http(b'{"data": ' + b"9" * 900_000),
    "cut": lambda peer, _: peer.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"data": ['),
    "nothing": lambda peer, _: None,
    "100 MB": endless,
    "garbage": garbage,
    "many headers": many_headers,
    "500": http(b'{"data": [{"id": "small"}]}', "500 Internal Server Error"),
    "404": http(b"", "404 Not Found"),
}


@pytest.mark.parametrize("answer", HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_model_server_is_not_taken_for_one(answer: Answer) -> None:
    with served(answer) as (service, _):
        assert look(service) == Reachable("vllm", (), STRANGE)


def test_a_redirect_is_not_followed() -> None:
    with served(models("elsewhere")) as (target, heads):
        with served(http(b"", "302 Found", f"Location: {target.base_url}/models\r\n")) as (service, _):
            assert look(service) == Reachable("vllm", (), STRANGE)
        assert heads == []


def test_names_cannot_reach_the_terminal() -> None:
    with served(models("sm\x1b[31mall", "b\u202eig\x00\n", "\ud800", "x" * 5000)) as (service, _):
        row = look(service)
    assert row.models[:3] == ("sm\ufffd[31mall", "b\ufffdig\ufffd\ufffd", "\ufffd")
    assert row.models[3] == "x" * 120 + "…"
    assert all(name.isprintable() for name in row.models)


def test_many_models_are_counted_and_some_are_shown() -> None:
    with served(models(*(f"m{number}" for number in range(1000)))) as (service, _):
        row = look(service)
    assert row.state == "1000 models"
    assert row.models == tuple(f"m{number}" for number in range(200))


def test_all_are_asked_at_once_and_the_slow_are_given_up() -> None:
    leave = threading.Event()

    def silent(peer: socket.socket, _: bytes) -> None:
        leave.wait(20)

    def dripping(peer: socket.socket, _: bytes) -> None:
        peer.sendall(b"HTTP/1.1 200 OK\r\n")
        while not leave.wait(0.05):
            peer.sendall(b"X: y\r\n"[:1])

    with served(silent) as (one, _), served(dripping) as (two, _), served(models("small")) as (three, _):
        services = [Service(f"server{index}", "", each.base_url) for index, each in enumerate((one, two, three, one))]
        began = time.monotonic()
        rows = reachable({}, services)
        took = time.monotonic() - began
        lookups = [thread for thread in threading.enumerate() if thread.name == "chat model lookup"]
        for lookup in lookups:
            lookup.join(2)
        held = [lookup for lookup in lookups if lookup.is_alive()]
        leave.set()
    slow = f"does not answer within {SECONDS:g} second"
    assert [row.state for row in rows[1:5]] == [slow, slow, "1 model", slow]
    assert took < SECONDS + 1.5  # one after the other it would be more than three
    assert held == []  # hung up on, though the servers still held on


def test_paid_services_are_not_contacted_and_keys_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: Any, **options: Any) -> Any:
        raise AssertionError("contacted")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    states = {row.service: row.state for row in reachable({"GROQ_API_KEY": "test-key"}, PAID)}
    assert {name: state for name, state in states.items() if name in {service.name for service in PAID}} == {
        service.name: "key is set" if service.name == "groq" else f"no key; set {service.variable}" for service in PAID
    }
    ours = {row.service: row.state for row in reachable({"RAG_API_KEY": "test-key"}, PAID)}
    assert ours["openai"] == "key is set (RAG_API_KEY)"
    assert "test-key" not in str(states) + str(ours)


def test_what_is_not_installed_says_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.chat.reachable.find_spec", lambda name: None)
    states = {row.service: row.state for row in reachable({}, PAID)}
    assert states["gguf"] == 'not installed; run pip install "footnote-rag[gguf]"'
    monkeypatch.setattr("rag.chat.reachable.find_spec", lambda name: object())
    states = {row.service: row.state for row in reachable({}, [])}
    assert states == {
        "extractive": "always there; needs no model",
        "local": "ready for local:FOLDER",
        "gguf": "ready for gguf:FILE",
    }
