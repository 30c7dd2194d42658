"""The MCP door, with the SDK's own client: both eras of the protocol, in memory, over HTTP and over standard streams."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from starlette.applications import Starlette

import rag.doors.mcp
from asynchronous import run
from news import ARTICLES, write_articles
from rag import Chatbot, MissingExtra, Settings
from rag.doors.mcp import route
from rag.doors.mcp_tools import server
from rag.errors import IndexCorrupt

ERAS = {"auto": "2026-07-28", "legacy": "2025-11-25"}
QUESTION = "How long will the tram line be?"
WORDS = "The line will be 14 kilometres long"


@pytest.fixture(scope="module")
def chatbot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chatbot]:
    folder = tmp_path_factory.mktemp("mcp")
    articles = write_articles(
        folder / "articles", {**ARTICLES, "s.md": "---\nsource: https://a.example/s\n---\nSnow fell."}
    )
    opened = Chatbot.open(Settings(articles=articles, index=folder / "index", embedder="hashing"))
    yield opened
    opened.close()


def called(chatbot: Any, name: str, *, mode: str = "auto", **arguments: Any) -> Any:
    """What a tool gives to a client in this process."""

    async def steps() -> Any:
        async with Client(server(lambda: chatbot), mode=mode) as client:
            assert client.protocol_version == ERAS[mode]
            return await client.call_tool(name, arguments)

    return run(steps())


def told(result: Any) -> str:
    (item,) = result.content
    assert item.type == "text"
    return str(item.text)


@pytest.mark.parametrize("mode", ERAS)
class TestTools:
    def test_search_and_fetch_have_the_form_that_connectors_read(self, chatbot: Chatbot, mode: str) -> None:
        found = called(chatbot, "search", mode=mode, query=QUESTION)
        assert json.loads(told(found)) == found.structured_content
        results = found.structured_content["results"]
        assert [set(each) for each in results] == [{"id", "title", "url", "text"}] * len(results)
        assert len({each["id"] for each in results}) == len(results) == 4
        for each in results:
            fetched = called(chatbot, "fetch", mode=mode, id=each["id"])
            assert json.loads(told(fetched)) == fetched.structured_content
            article = fetched.structured_content
            assert set(article) == {"id", "title", "text", "url", "metadata"}
            assert (article["id"], article["title"], article["url"]) == (each["id"], each["title"], each["url"])
            assert article["text"] == chatbot.document(each["id"]).text
            assert all(part in article["text"] for part in each["text"].split("\n\n"))
            assert all(isinstance(value, str) and value for value in article["metadata"].values())
        urls = {each["id"]: each["url"] for each in results}
        assert urls["s.md"] == "https://a.example/s"
        assert urls["ru/ozero.txt"] == "article://ru/ozero.txt"

    def test_an_answer_comes_with_its_quotes(self, chatbot: Chatbot, mode: str) -> None:
        answer = called(chatbot, "ask", mode=mode, question=QUESTION).structured_content
        own = chatbot.ask(QUESTION)
        names = answer.keys() - {"citations"}
        assert {name: answer[name] for name in names} == {name: own.to_dict()[name] for name in names}
        assert [each["quote"] for each in answer["citations"]] == [each.quote for each in own.citations]
        for each in answer["citations"]:
            assert chatbot.document(each["id"]).text[each["start"] : each["end"]] == each["quote"]

    def test_words_drafts_and_topics(self, chatbot: Chatbot, mode: str) -> None:
        assert called(chatbot, "quote", mode=mode, text=WORDS).structured_content["status"] == "verbatim"
        assert not called(chatbot, "check", mode=mode, text="It employs 90 people.").structured_content["clean"]
        (entry,) = called(chatbot, "timeline", mode=mode, topic="the battery plant").structured_content["entries"]
        assert (entry["id"], entry["published"]) == ("plant.txt", "2031-03-11")

    def test_all_say_that_they_only_read(self, chatbot: Chatbot, mode: str) -> None:
        async def listed() -> Any:
            async with Client(server(lambda: chatbot), mode=mode) as client:
                return (await client.list_tools()).tools

        tools = run(listed())
        assert [each.name for each in tools] == ["search", "fetch", "ask", "quote", "check", "timeline"]
        assert all(each.annotations.read_only_hint and each.description and each.output_schema for each in tools)
        assert tools[0].input_schema["required"] == ["query"]
        assert list(tools[0].input_schema["properties"]) == ["query"]

    def test_an_article_is_a_resource(self, chatbot: Chatbot, mode: str) -> None:
        async def read(uri: str) -> Any:
            async with Client(server(lambda: chatbot), mode=mode) as client:
                try:
                    return (await client.read_resource(uri)).contents[0].text
                except MCPError as error:
                    return error.message

        assert run(read("article://ru/ozero.txt")) == chatbot.document("ru/ozero.txt").text
        assert run(read("article://none.md")).startswith("there is no article of that name")


class Failing:
    """A chatbot that fails, by an error of ours or another's."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def ask(self, question: str) -> Any:
        raise self.error


class TestErrors:
    @pytest.mark.parametrize(
        ("error", "said"),
        [
            (IndexCorrupt("the index is damaged; run: rag build"), "the index is damaged; run: rag build"),
            (
                KeyError("/secret/path"),
                "something unexpected went wrong (KeyError); set RAG_LOG=DEBUG to see more",
            ),
        ],
    )
    def test_each_is_one_sentence(self, error: Exception, said: str, caplog: pytest.LogCaptureFixture) -> None:
        result = called(Failing(error), "ask", question="Who?")
        assert (result.is_error, told(result)) == (True, said)
        assert "secret" not in caplog.text

    def test_wrong_arguments_are_named(self, chatbot: Chatbot) -> None:
        assert told(called(chatbot, "ask", question="")) == "the question is empty; type what you want to know"
        assert told(called(chatbot, "fetch", id="x")).startswith("there is no article of that name")
        result = called(chatbot, "search", question="x")
        assert (result.is_error, told(result)) == (True, "search was called with wrong arguments; look at query")

    def test_without_the_sdk_the_command_is_named(self, monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
        monkeypatch.delitem(sys.modules, "rag.doors.mcp_tools")
        monkeypatch.delattr(rag.doors, "mcp_tools")
        monkeypatch.setitem(sys.modules, "mcp.server.mcpserver", None)
        with pytest.raises(MissingExtra, match=r'run: pip install "footnote-rag\[mcp\]"'):
            route(lambda: None, settings)  # type: ignore[arg-type,return-value]


def over_http(chatbot: Chatbot, settings: Settings, address: str, steps: Any) -> Any:
    """Run steps with a client of the mounted route."""
    app = Starlette(routes=[route(lambda: chatbot, settings)])

    async def all_steps() -> Any:
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=address) as http:
            return await steps(http)

    return run(all_steps())


HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2024-11-05",
        "capabilities": {},
        "clientInfo": {"name": "old", "version": "1"},
    },
}
BOTH = {"accept": "application/json, text/event-stream"}


class TestHttp:
    @pytest.mark.parametrize("mode", ERAS)
    def test_the_sdks_client_asks(self, chatbot: Chatbot, mode: str) -> None:
        async def steps(http: httpx2.AsyncClient) -> Any:
            transport = streamable_http_client("http://127.0.0.1:7860/mcp", http_client=http)
            async with Client(transport, mode=mode) as client:
                assert client.protocol_version == ERAS[mode]
                found = await client.call_tool("search", {"query": QUESTION})
                return found, await client.call_tool("ask", {"question": ""})

        found, refused = over_http(chatbot, chatbot.settings, "http://127.0.0.1:7860", steps)
        urls = {each["id"]: each["url"] for each in found.structured_content["results"]}
        assert urls["ru/ozero.txt"] == "http://127.0.0.1:7860/articles/ru/ozero.txt"
        assert refused.is_error

    def test_an_old_client_is_answered_in_its_own_version(self, chatbot: Chatbot) -> None:
        async def steps(http: httpx2.AsyncClient) -> Any:
            hello = (await http.post("/mcp", json=HELLO, headers=BOTH)).json()
            call = {"name": "fetch", "arguments": {"id": "plant.txt"}}
            asked = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": call}
            headers = {**BOTH, "mcp-protocol-version": "2024-11-05"}
            return hello, (await http.post("/mcp", json=asked, headers=headers)).json()

        hello, fetched = over_http(chatbot, chatbot.settings, "http://localhost", steps)
        assert hello["result"]["protocolVersion"] == "2024-11-05"
        assert json.loads(fetched["result"]["content"][0]["text"])["id"] == "plant.txt"

    @pytest.mark.parametrize(
        ("host", "origin", "status"),
        [
            ("http://127.0.0.1:7860", None, 200),
            ("http://desk.example", None, 200),
            ("http://192.0.2.7:7860", None, 200),
            ("http://evil.example", None, 400),
            ("http://desk.example", "https://evil.example", 403),
            ("http://desk.example", "http://desk.example", 200),
        ],
    )
    def test_beyond_this_machine_it_answers_to_its_names_only(
        self, chatbot: Chatbot, host: str, origin: str | None, status: int
    ) -> None:
        settings = replace(chatbot.settings, host="0.0.0.0", accounts="accounts", allowed_hosts="desk.example")
        headers = {**BOTH, **({"origin": origin} if origin else {})}

        async def steps(http: httpx2.AsyncClient) -> Any:
            assert (await http.get("/mcp")).status_code == 405
            return await http.post("/mcp", json=HELLO, headers=headers)

        assert over_http(chatbot, settings, host, steps).status_code == status

    @pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b'{"jsonrpc": "2.0"}', b'{"a": 1e999}'])
    def test_what_is_no_message_is_refused(self, chatbot: Chatbot, body: bytes) -> None:
        async def steps(http: httpx2.AsyncClient) -> Any:
            return await http.post("/mcp", content=body, headers={**BOTH, "content-type": "application/json"})

        refused = over_http(chatbot, chatbot.settings, "http://localhost", steps)
        assert refused.status_code == 400
        assert "Traceback" not in refused.text


def test_over_standard_streams_nothing_is_printed_but_the_protocol(settings: Settings) -> None:
    """A client says hello before there is an index."""
    call = {"name": "search", "arguments": {"query": QUESTION}}
    sent = [
        {**HELLO, "params": {**HELLO["params"], "protocolVersion": "2025-06-18"}},  # type: ignore[dict-item]
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": call},
    ]
    root = Path(rag.__file__).parent.parent
    command = [sys.executable, "-m", "rag", "mcp", "--articles", str(settings.articles), "--index", str(settings.index)]
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(root), "RAG_EMBEDDER": "hashing"},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.writelines(json.dumps(each) + "\n" for each in sent)
        process.stdin.flush()
        hello, found = json.loads(process.stdout.readline()), json.loads(process.stdout.readline())
        rest, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert hello["result"]["protocolVersion"] == "2025-06-18"
    assert found["id"] == 2
    assert {each["id"] for each in found["result"]["structuredContent"]["results"]} == set(ARTICLES)
    assert rest == ""
    assert "Traceback" not in errors
    assert process.returncode == 0
