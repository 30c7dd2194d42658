"""Which chat model a name means, and whose key goes where."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as example_settings
from hypothesis import strategies as st

from rag.chat.keys import Key
from rag.chat.model_names import SERVICES, is_loopback, may_choose, ollama_url, open_named
from rag.errors import MissingExtra, SettingsError
from rag.settings import Settings

ROOT = Path(__file__).parent.parent
LOCAL = [service for service in SERVICES if not service.variable]
PAID = [service for service in SERVICES if service.variable]


@dataclass(frozen=True)
class Opened:
    name: str
    base_url: str
    model: str
    key: str | None
    dialect: str
    variable: str = "RAG_API_KEY"


@pytest.fixture(autouse=True)
def endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    def record(
        name: str,
        base_url: str,
        model: str,
        key: Key | None,
        *,
        settings: Settings,
        dialect: str = "openai",
        key_variable: str = "RAG_API_KEY",
    ) -> Any:
        return Opened(name, base_url, model, key.reveal() if key else None, dialect, key_variable)

    monkeypatch.setattr("rag.chat.service.open_endpoint", record)


def opened(name: str, environment: dict[str, str] | None = None, key: Key | None = None) -> Any:
    return open_named(Settings(model=name), key, environment or {})


@pytest.mark.parametrize("name", ["extractive", " Extractive "])
def test_extractive_needs_no_model(name: str) -> None:
    assert opened(name) is None


@pytest.mark.parametrize("service", LOCAL, ids=lambda each: each.name)
def test_servers_of_this_machine_need_no_key(service: Any) -> None:
    assert opened(f"{service.name}:small:3b") == Opened(
        f"{service.name}:small:3b", service.base_url, "small:3b", None, "openai"
    )
    assert is_loopback(service.base_url.split("/")[2].split(":")[0])


@pytest.mark.parametrize("service", PAID, ids=lambda each: each.name)
def test_paid_services_take_their_own_key_over_tls(service: Any) -> None:
    found = opened(f"{service.name}:org/large", {service.variable: " test-key\n"})
    assert found == Opened(
        f"{service.name}:org/large", service.base_url, "org/large", "test-key", service.dialect, service.variable
    )
    assert service.base_url.startswith("https://")
    assert service.dialect == ("anthropic" if service.name == "anthropic" else "openai")


@pytest.mark.parametrize("service", PAID, ids=lambda each: each.name)
def test_paid_services_name_the_variable_they_lack(service: Any) -> None:
    others = {other.variable: "test-key" for other in PAID if other != service}
    with pytest.raises(SettingsError, match=f"set {service.variable} or RAG_API_KEY"):
        opened(f"{service.name}:large", others)


def test_key_given_goes_before_ours_before_the_services_own() -> None:
    environment = {"RAG_API_KEY": "test-key-2", "OPENAI_API_KEY": "test-key-3"}
    assert opened("openai:large", environment, Key("test-key-1")).key == "test-key-1"
    assert opened("openai:large", environment, Key("")).key == "test-key-2"
    assert opened("openai:large", {"OPENAI_API_KEY": "test-key-3"}).key == "test-key-3"


@pytest.mark.parametrize("name", ["https://elsewhere.example/v1#large", "http://127.0.0.1:9/v1#large", "ollama:large"])
def test_a_services_key_never_goes_to_another_address(name: str) -> None:
    environment = {service.variable: "test-key" for service in PAID} | {"OPENAI_BASE_URL": "https://elsewhere.example"}
    assert opened(name, environment).key is None
    assert opened("openai:large", environment).base_url == "https://api.openai.com/v1"


def test_an_address_names_its_model_after_a_hash_and_keeps_its_query() -> None:
    url = "https://velm.example/openai/deployments/x?api-version=2024-10-21&code=test-key-2"
    found = opened(f"{url}#org/large#2", {"RAG_API_KEY": "test-key"})
    assert (found.base_url, found.model, found.key) == (url, "org/large#2", "test-key")
    assert found.name == "https://velm.example/openai/deployments/x#org/large#2"  # the query may be a secret


@pytest.mark.parametrize("host", ["velm.example", "10.0.0.7:8000", "localhost.velm.example", "127.0.0.1.velm.example"])
def test_no_key_goes_unencrypted_to_another_machine(host: str) -> None:
    assert opened(f"http://{host}/v1#large").key is None
    for key, environment in ((Key("test-key"), {}), (None, {"RAG_API_KEY": "test-key"})):
        with pytest.raises(SettingsError, match="use https://") as caught:
            opened(f"http://{host}/v1#large", environment, key)
        assert "test-key" not in str(caught.value)
    with pytest.raises(SettingsError, match="use https://"):
        opened("ollama:large", {"OLLAMA_HOST": host}, Key("test-key"))


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1", "127.3.2.1:1", "[::1]:8000"])
def test_a_key_may_stay_on_this_machine_unencrypted(host: str) -> None:
    assert opened(f"http://{host}/v1#large", {"RAG_API_KEY": "test-key"}).key == "test-key"


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("", "means no chat model"),
        ("large", "https://HOST/v1#NAME"),
        ("zzzz:large", "local:FOLDER"),
        ("openai", "openai:NAME"),
        ("openai:", "openai:NAME"),
        ("gguf: ", "gguf:NAME"),
        ("olama:small", "did you mean ollama:small?"),
        ("antropic", "did you mean anthropic:NAME?"),
        ("extractiv", "did you mean extractive?"),
        ("https://velm.example/v1", "names no model"),
        ("https://velm.example/v1#", "names no model"),
        ("https://#large", "address"),
        ("https://velm.example:99999/v1#large", "address"),
        ("http://[bad/v1#large", "address"),
        ("https://ann:test-key@velm.example/v1#large", "RAG_API_KEY"),
        ("ollama:sm\x1b[31mall", "cannot be printed"),
        ("ollama:small\n", None),
        ("ollama:sm\nall", "cannot be printed"),
        ("ollama:" + "a" * 5000, "too long"),
        ("/home/ann/secret-folder/model", "local:FOLDER"),
        ("local:./velm-model", "there is no folder 'velm-model'"),
        ("local:/home/ann/velm-model", "there is no folder 'velm-model'"),
        ("local:../../../velm-model", "there is no folder 'velm-model'"),
        ("gguf:/home/ann/velm.gguf", "there is no file 'velm.gguf'"),
    ],
)
def test_what_means_nothing_is_refused_with_advice(name: str, advice: str | None) -> None:
    if advice is None:
        assert opened(name).model == "small"
        return
    with pytest.raises(SettingsError) as caught:
        opened(name)
    assert advice in str(caught.value)
    assert "test-key" not in str(caught.value)
    assert "/home" not in str(caught.value)


@example_settings(max_examples=100, deadline=None)
@given(st.text(max_size=60) | st.sampled_from(["http", "local", "gguf", "openai", "vllm"]).flatmap(
    lambda form: st.text(max_size=40).map(lambda rest: f"{form}:{rest}")
))  # fmt: skip
def test_any_name_opens_or_is_refused(name: str) -> None:
    try:
        model = open_named(Settings(model=name), None, {})
    except (SettingsError, MissingExtra):
        return
    assert model is None or model.name


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:11434/v1"),
        ("0.0.0.0", "http://127.0.0.1:11434/v1"),
        ("http://0.0.0.0:11434", "http://127.0.0.1:11434/v1"),
        (":5000", "http://127.0.0.1:5000/v1"),
        ("box", "http://box:11434/v1"),
        ("box:5000", "http://box:5000/v1"),
        ("http://box", "http://box:80/v1"),
        ("https://box.example", "https://box.example:443/v1"),
        ("https://box.example:8443/ollama/", "https://box.example:8443/ollama/v1"),
        ("::1", "http://[::1]:11434/v1"),
        ("[::]", "http://127.0.0.1:11434/v1"),
        ("[::1]:5000", "http://[::1]:5000/v1"),
        (' "box:5000" ', "http://box:5000/v1"),
        ("box:port", "http://box:11434/v1"),
        ("box:70000", "http://box:11434/v1"),
    ],
)
def test_ollama_is_where_its_own_variable_says(host: str, url: str) -> None:
    assert ollama_url(host) == url
    assert opened("ollama:small", {"OLLAMA_HOST": host}).base_url == url
    assert opened("lmstudio:small", {"OLLAMA_HOST": host}).base_url == "http://127.0.0.1:1234/v1"


def test_ollama_host_that_is_no_address_is_said_to_be_none() -> None:
    assert opened("ollama:small", {"OLLAMA_HOST": "  "}).base_url == "http://127.0.0.1:11434/v1"
    with pytest.raises(SettingsError, match="OLLAMA_HOST is no address"):
        opened("ollama:small", {"OLLAMA_HOST": "ftp://box"})


def test_a_visitor_may_choose_known_services_and_what_the_owner_set() -> None:
    for mine in ("http://10.0.0.7/v1#large", "gguf:/models/velm.gguf", "local:velm"):
        assert may_choose(mine, Settings(model=mine))
        assert not may_choose(mine, Settings())
        assert not may_choose(f"{mine}x", Settings(model=mine))
    assert may_choose("extractive", Settings(model="openai:large"))
    for service in SERVICES:
        assert may_choose(f"{service.name}:large", Settings())


@pytest.mark.parametrize(
    "name",
    [
        "http://169.254.169.254/v1#x",
        "HTTP://10.0.0.7/v1#x",
        " https://elsewhere.example/v1#x",
        "gguf:/etc/passwd",
        "local:org/name",
        "file:///etc/passwd#x",
        "openai:",
        "openai: ",
        "openai",
        "openai:\x1b[2J",
        "openai:" + "a" * 300,
        "",
    ],
)
def test_a_visitor_may_choose_nothing_else(name: str) -> None:
    assert not may_choose(name, Settings())


def test_naming_imports_nothing_heavy_and_contacts_nobody(tmp_path: Path) -> None:
    (tmp_path / "velm.gguf").write_bytes(b"GGUF")
    program = f"""
import socket, sys
def refuse(*arguments): raise AssertionError("contacted")
socket.socket.connect = socket.getaddrinfo = refuse
from rag.chat.model_names import open_named
from rag.errors import MissingExtra
from rag.settings import Settings
for name in ("ollama:small", "openai:large", "anthropic:large", "https://velm.example/v1#x", "local:org/name",
             "local:{tmp_path}", "gguf:{tmp_path}/velm.gguf"):
    try:
        open_named(Settings(model=name))
    except MissingExtra:
        pass
print([name for name in {("torch", "transformers", "llama_cpp", "httpx2", "tiktoken")!r}
       if name in sys.modules])
"""
    environment = {"RAG_API_KEY": "test-key", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT, env=environment
    )
    assert done.stdout.strip() == "[]"


def test_the_opener_uses_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAG_API_KEY", "test-key")
    found: Any = open_named(Settings(model="mistral:large"))
    assert found.key == "test-key"
