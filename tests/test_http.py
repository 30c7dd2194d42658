"""The door for programs: what OpenAI's own client reads of it, its limits and its faults, over a real socket."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from select import select
from typing import Any, get_args

import httpx
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import settings as limits_of
from hypothesis import strategies as st

from double import Double, Opener, ServicesDouble
from embeddings import Embedder
from news import ARTICLES, write_articles
from rag.__main__ import cli
from rag.chatbot import Chatbot
from rag.cite.checker import marked_text
from rag.doors import limits
from rag.doors.article_page import article_page
from rag.doors.bearer import make_token, revoke_token, token_user
from rag.doors.http import PATHS, Service, routes
from rag.doors.limits import Rate, Slots
from rag.doors.openai_shape import Chunks, Revised, content_of, read_messages, source_url
from rag.doors.serve import app, listen
from rag.errors import AccountsError, QuestionError
from rag.settings import Settings
from rag.types import Answer, Citation, Document, Header, Hit, Passage, Sentence
from rag.web.accounts import Accounts, PasswordHash, write_accounts
from rag.web.opening import Opening
from rag.web.security import Address
from scripted import obeys

openai = pytest.importorskip("openai")
uvicorn = pytest.importorskip("uvicorn")

WEB = httpx.Client(verify=False, trust_env=False)  # one for all: each reads the authorities' certificates anew
BASE = "http://127.0.0.1:7860"
QUESTION = "How long will the tram line be?"
Ask = list[dict[str, Any]]


def ask(text: str = QUESTION) -> Ask:
    return [{"role": "user", "content": text}]


def cheap(password: str) -> PasswordHash:
    return PasswordHash.of(password, 16, 8, 1)


# Answers to write: invented, and checked by their own rules.

TEXT = (
    'Ana <b>said</b> "yes". See ![x](https://evil.example/x.png) now. It rained 🌧 on Monday. [1]: https://evil.example'
)


def citation(number: int, start: int, end: int, text: str = TEXT, **header: str) -> Citation:
    id = f"mail/box {number}.mbox#{number}"
    passage = Passage(f"p{number}", id, 0, len(text), text)
    hit = Hit(passage, Header(id=id, **header), 1.0)
    return Citation(number, hit, text[start:end], start, end)


def sentences() -> st.SearchStrategy[tuple[Sentence, ...]]:
    spans = st.tuples(st.integers(0, len(TEXT) - 1), st.integers(1, len(TEXT))).filter(lambda span: span[0] < span[1])
    cited = st.builds(lambda number, span: citation(number, *span), st.integers(1, 3), spans)
    text = st.text("ab 🌧<[]()!*:/", min_size=1, max_size=20).map(lambda each: f"x{each}y")
    one = st.builds(
        Sentence,
        text,
        st.lists(cited, max_size=3).map(lambda each: tuple(sorted(each, key=lambda it: it.number))),
        st.booleans(),
        st.sampled_from([" ", "\n", "\n\n", "\n- "]),
        context=st.sampled_from(["", "Ana Reed"]),
        label=st.sampled_from(["", "Courier"]),
    )
    return st.lists(one, max_size=5).map(tuple)


class TestShape:
    @given(sentences())
    def test_each_annotation_cuts_out_its_sentence(self, shown: tuple[Sentence, ...]) -> None:
        content = content_of(Answer("q", text="t", sentences=shown, complete=True), BASE)
        cut = [content.text[each["start_index"] : each["end_index"]] for each in spans(content.annotations)]
        assert {each.replace("\\", "") for each in cut} == {each.text for each in shown if each.citations}
        for sentence in shown:  # only what would begin Markdown of its own gets a backslash
            if not re.search(r"\]\(|\]:|!\[|<[A-Za-z/!?]", sentence.text) and sentence.citations:
                assert sentence.text in cut

    @given(sentences())
    def test_without_links_and_backslashes_it_is_the_text_of_the_terminal(self, shown: tuple[Sentence, ...]) -> None:
        supported = tuple(replace(each, supported=True) for each in shown)
        content = content_of(Answer("q", text="t", sentences=supported, complete=True), BASE)
        plain = re.sub(r"\[(\[\d\])\]\(http[^()\s]*\)", r"\1", content.text).replace("\\", "")
        assert plain.strip() == (marked_text(supported) if supported else "t")

    @given(sentences())
    def test_what_is_streamed_only_ever_grows_into_the_answer(self, shown: tuple[Sentence, ...]) -> None:
        chunks = Chunks("id", 0, "footnote", BASE)
        answer = Answer("q", text="t", sentences=shown, complete=True)
        sent = [chunks.begin()]
        for count in range(1, len(shown)):
            pending = (*shown[:count], Sentence("half a sen"))
            sent += chunks.more(replace(answer, sentences=pending, complete=False))
        sent += chunks.done(answer)
        deltas = [each["choices"][0]["delta"] for each in sent]
        whole = content_of(answer, BASE)
        assert "".join(each.get("content", "") for each in deltas) == whole.text
        assert [one for each in deltas for one in each.get("annotations", [])] == list(whole.annotations)
        assert sent[-1]["footnote"] == answer.to_dict()

    def test_an_answer_that_may_still_be_withdrawn_is_not_begun(self) -> None:
        chunks = Chunks("id", 0, "footnote", BASE)
        uncited = (Sentence("Nobody knows.", supported=False), Sentence("Half a"))
        assert list(chunks.more(Answer("q", sentences=uncited))) == []
        assert list(chunks.done(Answer("q", text="No answer found.", state="none", complete=True)))

    def test_an_end_that_contradicts_what_was_sent_is_no_end(self) -> None:
        chunks = Chunks("id", 0, "footnote", BASE)
        first, second = Sentence("It rained.", (citation(1, 0, 3),)), Sentence("It snowed.", (citation(1, 0, 3),))
        assert list(chunks.more(Answer("q", sentences=(first, second))))
        with pytest.raises(Revised):
            list(chunks.done(Answer("q", sentences=(second,), complete=True)))

    def test_no_article_places_links_images_or_tags_in_a_client(self) -> None:
        import markdown_it

        shown = (Sentence(TEXT, (citation(1, 0, 3),), lead="\n- ", context=TEXT, label="Courier"), Sentence(TEXT))
        answer = Answer("q", text=TEXT, sentences=shown, complete=True, notice=TEXT)
        for each in (answer, replace(answer, sentences=())):
            html = markdown_it.MarkdownIt("commonmark", {"html": True}).render(content_of(each, BASE).text)
            assert re.findall(r"<(?:img|b)\b", html) == []
            assert set(re.findall(r'href="([^"]*)"', html)) <= {f"{BASE}/articles/mail/box%201.mbox%231#c=0-3"}

    def test_what_the_quotes_do_not_hold_is_marked(self) -> None:
        doubted = Sentence("It rained 12 days.", (citation(1, 0, 3),), unverified=((10, 12),), doubts=("number",))
        shown = (doubted, Sentence("It snowed.", supported=False))
        text = content_of(Answer("q", sentences=shown, complete=True), BASE).text
        assert "[12: stands in no quote]" in text
        assert text.endswith("It snowed. [unsupported]")

    def test_an_article_with_an_address_is_cited_under_it(self) -> None:
        linked = citation(1, 0, 3, source="https://courier.example/a(1)", title="A [vote]")
        (own,) = spans(content_of(Answer("q", sentences=(Sentence("A", (linked,)),), complete=True), BASE).annotations)
        assert (own["url"], own["title"]) == ("https://courier.example/a%281%29", "A [vote]")

    @pytest.mark.parametrize(
        "source", ["javascript:alert(1)", "data:text/html,x", "//x", "http://", "https://[", "p. 4"]
    )
    def test_what_is_no_web_address_is_none(self, source: str) -> None:
        assert source_url(source) == ""

    def test_our_own_links_and_notices_leave_the_history(self) -> None:
        shown = (Sentence("It rained.", (citation(1, 0, 3),)),)
        content = content_of(Answer("q", sentences=shown, complete=True, notice="Old index."), BASE).text
        said: Ask = [*ask("Did it rain?"), {"role": "assistant", "content": content}]
        others: Ask = [{"role": "system", "content": "x"}, {"role": "tool", "content": "x"}]
        question, history = read_messages([*others, *said, *ask("Where?"), *others])
        assert question == "Where?"
        assert [(each.role, each.text) for each in history] == [
            ("user", "Did it rain?"),
            ("assistant", "It rained. [1]"),
        ]

    @pytest.mark.parametrize("sent", [None, [], "x", [1], [{"role": "assistant", "content": "x"}], {"role": "user"}])
    def test_messages_without_a_question_are_refused(self, sent: Any) -> None:
        with pytest.raises(QuestionError):
            read_messages(sent)


def spans(annotations: Any) -> list[dict[str, Any]]:
    return [each["url_citation"] for each in annotations]


class TestLimits:
    @given(st.lists(st.floats(0, 30), max_size=40))
    @limits_of(deadline=None)
    def test_no_client_sends_more_than_it_may(self, pauses: list[float]) -> None:
        """Compared with a bucket that is filled in small steps."""
        now = 0.0
        rate = Rate(a_minute=60, at_once=3, clock=lambda: now)
        left = 3.0
        for pause in pauses:
            now += pause
            left = min(3.0, left + pause)
            allowed = rate.wait("a") == 0
            if abs(left - 1) > 1e-6:
                assert allowed == (left >= 1)
            left -= allowed
        assert rate.wait("b") == 0


# Over a socket.


class Served(uvicorn.Server):  # type: ignore[misc]
    """The door in a thread of this process, until the file of tests ends."""

    def __init__(self, service: Service, accounts: Accounts | None = None) -> None:
        self.socket = listen("127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        config = uvicorn.Config(app(service, accounts), log_config=None, access_log=False, lifespan="off")
        super().__init__(config)
        self.thread = threading.Thread(target=self.run, args=([self.socket],), daemon=True)
        self.thread.start()

    def client(self, key: str = "test-key") -> Any:
        return openai.OpenAI(base_url=f"{self.url}/v1", api_key=key, max_retries=0)

    def stop(self) -> None:
        self.should_exit = self.force_exit = True
        self.thread.join()
        self.socket.close()


def opened(chatbot: Any) -> Opening:
    opening = Opening(lambda _: chatbot)
    opening.start()
    opening.wait(60)
    return opening


@pytest.fixture
def file(tmp_path: Path) -> Path:
    write_accounts(tmp_path / "accounts.txt", {"maren": cheap("test-key four words"), "ilse": cheap("test-key other")})
    return tmp_path / "accounts.txt"


@pytest.fixture(scope="module")
def start() -> Iterator[Callable[..., Served]]:
    running: list[Served] = []

    def begin(service: Service, accounts: Accounts | None = None) -> Served:
        running.append(Served(service, accounts))
        return running[-1]

    yield begin
    for each in running:
        each.stop()


SOURCE = "https://courier.example/lighthouse"
LIGHTHOUSE = (
    f"---\ntitle: Light out\nsource: {SOURCE}\n---\nThe lighthouse keeper Orla Finn retired after forty years.\n"
)


@pytest.fixture(scope="module")
def chatbot(tmp_path_factory: pytest.TempPathFactory, hashing: Embedder) -> Chatbot:
    folder = tmp_path_factory.mktemp("articles")
    write_articles(folder, {**ARTICLES, "light.md": LIGHTHOUSE})
    return Chatbot.open(
        Settings(articles=folder, index=folder.with_name("index"), embedder="hashing"), embedder=hashing
    )


@pytest.fixture(scope="module")
def served(chatbot: Chatbot, start: Callable[..., Served]) -> Served:
    """A real chatbot, answering with sentences of the articles."""
    return start(Service(opened(chatbot), chatbot.settings, ServicesDouble()))


@pytest.fixture(scope="module")
def written(chatbot: Chatbot, start: Callable[..., Served]) -> Served:
    """The same with a model that obeys."""
    settings = chatbot.settings.replace(model="near:own")
    model = Chatbot.open(settings, embedder=chatbot._embedder, model=obeys)
    return start(Service(opened(model), settings, ServicesDouble()))


class TestOpenAI:
    """What OpenAI's own client makes of the replies."""

    @pytest.mark.parametrize("server", ["served", "written"])
    @pytest.mark.parametrize(
        "question", [QUESTION, "How long will the tram line be and what does the plant take from Lake Verrin?"]
    )
    def test_an_answer_has_its_citations_as_annotations(
        self, server: str, question: str, request: pytest.FixtureRequest
    ) -> None:
        served = request.getfixturevalue(server)
        model = "footnote" if server == "served" else "near:own"
        reply = served.client().chat.completions.create(model=model, messages=ask(question))
        assert isinstance(reply, openai.types.chat.ChatCompletion)
        message = reply.choices[0].message
        assert (reply.choices[0].finish_reason, message.role, reply.model) == ("stop", "assistant", model)
        answer = reply.footnote
        assert message.annotations
        cited = {each["text"]: each["citations"] for each in answer["sentences"] if each["citations"]}
        for each in message.annotations:
            found = each.url_citation
            sentence = message.content[found.start_index : found.end_index]
            id, start, end = re.fullmatch(rf"{served.url}/articles/(.*)#c=(\d+)-(\d+)", found.url).groups()
            (quote,) = [it["quote"] for it in cited[sentence] if (it["start"], it["end"]) == (int(start), int(end))]
            document = request.getfixturevalue("chatbot").document(id)
            assert document.text[int(start) : int(end)] == quote
            assert found.title == document.title
            assert f"({found.url})" in message.content
        assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens
        check_strictly(openai.types.chat.ChatCompletion, reply)

    @pytest.mark.parametrize("server", ["served", "written"])
    @pytest.mark.parametrize("question", [QUESTION, "What is the capital of Mongolia?"])
    def test_a_stream_ends_as_the_whole_reply(self, server: str, question: str, request: pytest.FixtureRequest) -> None:
        create = request.getfixturevalue(server).client().chat.completions.create
        asked = {"model": "footnote" if server == "served" else "near:own", "messages": ask(question)}
        whole = create(**asked).choices[0].message
        chunks = list(create(**asked, stream=True, stream_options={"include_usage": True}))
        for each in chunks:
            check_strictly(openai.types.chat.ChatCompletionChunk, each)
        *steps, usage = chunks
        deltas = [each.choices[0].delta for each in steps]
        assert "".join(each.content or "" for each in deltas) == whole.content
        annotations = [one for each in deltas for one in getattr(each, "annotations", None) or []]
        assert annotations == [each.model_dump() for each in whole.annotations]
        assert (deltas[0].role, steps[-1].choices[0].finish_reason) == ("assistant", "stop")
        assert steps[-1].footnote["question"] == question
        assert usage.usage.completion_tokens > 0
        assert len({each.id for each in chunks}) == 1

    def test_a_refusal_is_text_that_stops(self, served: Served) -> None:
        reply = served.client().chat.completions.create(model="footnote", messages=ask("Who won the chess tournament?"))
        assert reply.choices[0].finish_reason == "stop"
        assert reply.choices[0].message.content.startswith("No answer found.")
        assert reply.footnote["refused"]

    def test_an_article_with_an_address_of_its_own_is_cited_there(self, served: Served) -> None:
        asked = ask("Who is the lighthouse keeper that retired?")
        message = served.client().chat.completions.create(model="footnote", messages=asked).choices[0].message
        assert {each.url_citation.url for each in message.annotations} == {SOURCE}

    def test_parts_history_and_parameters_of_openai_are_understood(self, served: Served) -> None:
        first = ask("How long will the tram line be?")
        parts = [{"type": "text", "text": "And what will"}, {"type": "image_url", "image_url": {"url": "x"}}]
        parts.append({"type": "text", "text": "it cost?"})
        history = [{"role": "system", "content": "Be brief."}, *first, {"role": "assistant", "content": "14 km."}]
        reply = served.client().chat.completions.create(
            model="footnote",
            messages=[*history, {"role": "user", "content": parts}],
            temperature=0.5,
            max_tokens=9,
            n=1,
        )
        assert reply.footnote["question"] == "And what will it cost?"
        assert "tram" in reply.footnote["searched"]

    def test_the_models_are_those_that_can_be_named(self, written: Served) -> None:
        listed = written.client().models.list()
        assert [each.id for each in listed] == ["footnote", "near:own", "near:small", "near:stuck"]
        for each in listed:
            check_strictly(openai.types.Model, each)

    def test_errors_are_openai_s(self, served: Served) -> None:
        create = served.client().chat.completions.create
        with pytest.raises(openai.NotFoundError) as unknown:
            create(model="gpt-unknown", messages=ask())
        assert (unknown.value.code, unknown.value.param) == ("model_not_found", "model")
        with pytest.raises(openai.NotFoundError, match="PAID_API_KEY"):
            create(model="paid:large", messages=ask())
        for messages in ([], [{"role": "user", "content": " "}], ask("x" * 2001), ask("x" * 30_000)):
            with pytest.raises(openai.BadRequestError) as refused:
                create(model="footnote", messages=messages)
            assert (refused.value.param, refused.value.type) == ("messages", "invalid_request_error")


def check_strictly(kind: Any, value: Any) -> None:
    """The client takes anything; here each field must be of the type that it declares."""
    for name, field in kind.model_fields.items():
        found = getattr(value, name)
        literal = get_args(field.annotation)
        assert name in value.model_fields_set or found is None, name
        if isinstance(found, str) and literal and all(isinstance(each, str) for each in literal):
            assert found in literal
    kind.model_validate(json.loads(value.model_dump_json(warnings="error")), strict=False)


WRONG: tuple[dict[str, Any], ...] = ({"query": " "}, {"query": 1}, {"k": 0}, {"since": "soon"}, {"names": ["Zyx"]})


class TestOtherWays:
    def test_search_gives_our_hits(self, served: Served, chatbot: Chatbot) -> None:
        found = WEB.post(f"{served.url}/v1/search", json={"query": "tram line", "k": 2}).json()
        hits = chatbot.retrieve("tram line", 2)
        assert [each["passage"]["id"] for each in found["data"]] == [each.passage.id for each in hits]
        assert [each["score"] for each in found["data"]] == [each.score for each in hits]
        assert found["data"][0]["url"].startswith(f"{served.url}/articles/{hits[0].document.id}#c=")
        narrowed = {"query": "tram", "outlets": ["Harbour Courier"], "since": "2031-03-01", "until": "2031-03-31"}
        found = WEB.post(f"{served.url}/v1/search", json=narrowed).json()
        assert {each["document"]["id"] for each in found["data"]} == {"harbour.md"}
        found = WEB.post(f"{served.url}/v1/search", json={"query": "tram", "names": ["Jon Brask"]}).json()
        assert {each["document"]["id"] for each in found["data"]} == {"plant.txt"}

    @pytest.mark.parametrize("sent", [{}, *({"query": "tram", **each} for each in WRONG)])
    def test_a_search_that_cannot_be_made_is_refused(self, served: Served, sent: dict[str, Any]) -> None:
        reply = WEB.post(f"{served.url}/v1/search", json=sent)
        assert (reply.status_code, reply.json()["error"]["type"]) == (400, "invalid_request_error")

    def test_a_file_of_questions_becomes_one_of_answers(self, served: Served, chatbot: Chatbot) -> None:
        sent = (
            "question,note\nWho voted for the tram line?,a\nWhat did the king eat?,b\nWho voted for the tram line?,c\n"
        )
        reply = WEB.post(f"{served.url}/v1/batch?name=a.csv", content=sent.encode())
        assert reply.headers["content-disposition"] == 'attachment; filename="answers.csv"'
        rows = list(csv.DictReader(io.StringIO(reply.content.decode("utf-8-sig"))))
        assert [(each["note"], each["state"]) for each in rows] == [
            (note, chatbot.ask(question, model="extractive").state)
            for note, question in zip("abc", [each["question"] for each in rows], strict=True)
        ]
        word = WEB.post(f"{served.url}/v1/batch?format=docx", content=b"Who voted for the tram line?")
        assert word.content.startswith(b"PK")

    @pytest.mark.parametrize("kind", ["CSV", 'x"y.csv', "ф.csv"])
    def test_the_name_of_the_file_of_answers_is_ours(self, served: Served, kind: str) -> None:
        reply = WEB.post(f"{served.url}/v1/batch", params={"format": kind}, content=b"Who voted for the tram line?")
        assert (reply.status_code, reply.headers["content-disposition"]) == (200, 'attachment; filename="answers.csv"')

    @pytest.mark.parametrize(
        ("query", "sent", "said"),
        [
            ("?name=a.csv", b"no,column\n1,2\n", "no column question"),
            ("", b"", "no questions"),
            ("", b"\xff\xfe\x00", "not UTF-8"),
            ("?format=exe", b"Who voted?", "no file of answers"),
            ("", b"Who voted?\n" * 101, "At most 100 questions"),
        ],
    )
    def test_a_file_that_cannot_be_answered_is_refused(
        self, served: Served, query: str, sent: bytes, said: str
    ) -> None:
        reply = WEB.post(f"{served.url}/v1/batch{query}", content=sent)
        assert reply.status_code == 400
        assert said in reply.json()["error"]["message"]

    def test_an_article_has_an_address(self, served: Served, chatbot: Chatbot) -> None:
        page = WEB.get(f"{served.url}/articles/ru/ozero.txt")
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert "default-src 'self'" in page.headers["content-security-policy"]
        assert chatbot.document("ru/ozero.txt").text in page.text
        assert WEB.get(f"{served.url}/articles/none.md").status_code == 404
        assert WEB.get(f"{served.url}/articles/../../etc/passwd").status_code == 404

    def test_no_word_of_an_article_is_markup(self) -> None:
        evil = "</title></style></script><script>alert(1)</script>"
        hostile = Document(
            id=evil, title=evil, outlet=evil, authors=(evil,), source=f"https://x.example/{evil}", text=evil
        )
        page = article_page(replace(hostile, language='"><script>'))
        assert page.count("<script") == page.count("</script>") == 1

    def test_every_way_is_described(self, served: Served) -> None:
        described = WEB.get(f"{served.url}/openapi.json").json()
        ways = {
            route.path.replace(":path", "")
            for route in routes(Service(Opening(lambda _: None), Settings(), ServicesDouble()))
        }  # type: ignore[arg-type, return-value]
        assert set(described["paths"]) == ways - {"/v1/{rest}", "/mcp"}
        assert all(path.startswith(PATHS) for path in ways)
        import jsonschema

        replies = {
            "ChatCompletion": WEB.post(f"{served.url}/v1/chat/completions", json={"messages": ask()}),
            "SearchResult": WEB.post(f"{served.url}/v1/search", json={"query": "tram"}),
            "ModelList": WEB.get(f"{served.url}/v1/models"),
            "Health": WEB.get(f"{served.url}/health"),
            "Error": WEB.post(f"{served.url}/v1/search", json=[]),
        }
        for name, reply in replies.items():
            schema = {"$ref": f"#/components/schemas/{name}", "components": described["components"]}
            jsonschema.validate(reply.json(), schema)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({}, {"$ref": "#/components/schemas/Error", "components": described["components"]})

    def test_a_language_model_is_told_what_there_is(self, served: Served) -> None:
        told = WEB.get(f"{served.url}/llms.txt").text
        assert told.startswith("# Footnote\n\n> Answers questions from 4 articles")
        listed = re.findall(rf"\({served.url}/articles/(.*)\)", told)
        assert listed == ["plant.txt", "harbour.md", "ru/ozero.txt", "light.md"]


class TestFaults:
    @pytest.mark.parametrize(
        ("body", "status"),
        [
            (b"", 400),
            (b"{", 400),
            (b"[]", 400),
            (b'"x"', 400),
            (b"\xff", 400),
            (b"[" * 100_000, 400),
            (b" " * 1_000_001, 413),
        ],
    )
    def test_a_body_that_is_none_is_refused(self, served: Served, body: bytes, status: int) -> None:
        for path in ("/v1/chat/completions", "/v1/search"):
            reply = WEB.post(f"{served.url}{path}", content=body)
            assert (reply.status_code, set(reply.json()["error"])) == (status, {"message", "type", "param", "code"})

    def test_strange_ways_are_refused_in_the_same_form(self, served: Served) -> None:
        for method, path, status in (
            ("GET", "/v1/chat/completions", 405),
            ("DELETE", "/v1/models", 405),
            ("GET", "/v1/embeddings", 404),
            ("POST", "/v1/embeddings", 404),
        ):
            reply = WEB.request(method, f"{served.url}{path}")
            assert (reply.status_code, reply.json()["error"]["type"]) == (status, "invalid_request_error"), path

    def test_foreign_names_and_pages_are_refused(self, served: Served) -> None:
        for headers, status in (
            ({"host": "evil.test"}, 400),
            ({"origin": "https://evil.test"}, 403),
            ({"sec-fetch-site": "cross-site"}, 403),
        ):
            reply = WEB.post(f"{served.url}/v1/chat/completions", json={"messages": ask()}, headers=headers)
            assert reply.status_code == status
            assert reply.json()["error"]["message"]

    def test_what_is_not_ready_says_so(self, start: Callable[..., Served]) -> None:
        opener = Opener()
        opening = Opening(opener)  # type: ignore[arg-type]
        opening.start()
        served = start(Service(opening, Settings(), ServicesDouble()))
        assert (WEB.get(f"{served.url}/health").status_code, opening.state.kind) == (503, "loading")
        with pytest.raises(openai.InternalServerError, match="try again") as waits:
            served.client().chat.completions.create(model="footnote", messages=ask())
        assert waits.value.response.headers["retry-after"] == "2"
        opener.fail = ValueError("/secret/path")
        opener.ready.set()
        opening.wait(10)
        assert WEB.get(f"{served.url}/health").json() == {"status": "failed"}
        failed = WEB.post(f"{served.url}/v1/search", json={"query": "x"})
        assert failed.status_code == 503
        assert "/secret" not in failed.text

    def test_what_fails_inside_is_told_without_its_words(self, start: Callable[..., Served]) -> None:
        double = Double(fail=ValueError("/secret/path"))
        served = start(Service(opened(double), Settings(), ServicesDouble()))
        reply = WEB.post(f"{served.url}/v1/chat/completions", json={"messages": ask()})
        assert reply.status_code == 500
        assert "ValueError" in reply.json()["error"]["message"]
        assert "/secret" not in reply.text

    def test_what_fails_in_a_stream_ends_it_with_an_error(self, start: Callable[..., Served]) -> None:
        def breaks(answer: Answer) -> Iterator[Answer]:
            yield answer
            time.sleep(0.2)  # so that the step before is not passed over
            raise ValueError("/secret/path")

        served = start(Service(opened(Double(writing=breaks)), Settings(), ServicesDouble()))
        with pytest.raises(openai.APIError, match="ValueError"):
            list(served.client().chat.completions.create(model="footnote", messages=ask("ferries"), stream=True))

    def test_who_hangs_up_frees_the_slot(self, start: Callable[..., Served]) -> None:
        double = Double()
        double.gate.clear()
        service = Service(opened(double), Settings(), ServicesDouble(), slots=Slots(1))
        served = start(service)
        asked = "How much will the four electric ferries cost?"
        with served.client().chat.completions.create(model="footnote", messages=ask(asked), stream=True) as stream:
            next(iter(stream))
            assert service.slots.taken == 1
        wait_until(lambda: service.slots.taken == 0)
        assert double.closed == [asked]
        with pytest.raises(openai.APITimeoutError):  # the same for who does not want a stream
            served.client().with_options(timeout=0.5).chat.completions.create(model="footnote", messages=ask(asked))
        wait_until(lambda: service.slots.taken == 0)
        double.gate.set()
        assert served.client().chat.completions.create(model="footnote", messages=ask(asked)).choices

    def test_two_hundred_streams_are_answered_or_turned_away(self, start: Callable[..., Served]) -> None:
        double = Double()
        double.gate.clear()
        service = Service(opened(double), Settings(), ServicesDouble(), slots=Slots(4, 20))
        served = start(service)
        asked = {"messages": ask("How much will the four electric ferries cost?"), "stream": True}
        body = json.dumps(asked).encode()
        request = b"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n"
        request += b"content-length: %d\r\n\r\n%s" % (len(body), body)
        with contextlib.ExitStack() as stack:
            streams = []
            for _ in range(200):
                streams.append(stack.enter_context(socket.create_connection(served.socket.getsockname())))
                streams[-1].sendall(request)
            assert WEB.get(f"{served.url}/health").status_code == 200
            begun = 4 + (200 - 4 - 20)  # those that are being answered and those that are turned away
            wait_until(lambda: len(select(streams, [], [], 0)[0]) == begun)
            double.gate.set()
            replies = [b"".join(iter(lambda each=each: each.recv(65536), b"")) for each in streams]  # type: ignore[misc]
        answered = [each for each in replies if each.startswith(b"HTTP/1.1 200")]
        assert all(b"data: [DONE]" in each for each in answered)
        assert len(answered) == 24
        assert all(each.startswith(b"HTTP/1.1 429") for each in replies if each not in answered)
        assert service.slots.taken == 0

    def test_one_program_leaves_slots_for_others(self, file: Path, start: Callable[..., Served]) -> None:
        double = Double()
        double.gate.clear()
        service = Service(opened(double), Settings(accounts=str(file)), ServicesDouble(), slots=Slots(4, own=3))
        served = start(service, Accounts(file))
        asked = "How much will the four electric ferries cost?"
        greedy = served.client(make_token(file, "maren")).chat.completions
        with contextlib.ExitStack() as stack:
            for _ in range(3):
                stream = stack.enter_context(greedy.create(model="footnote", messages=ask(asked), stream=True))
                next(iter(stream))
            waiting = threading.Thread(target=lambda: greedy.create(model="footnote", messages=ask(asked)))
            waiting.start()
            other = served.client(make_token(file, "ilse")).chat.completions
            with other.create(model="footnote", messages=ask(asked), stream=True, timeout=10) as stream:
                next(iter(stream))
                assert service.slots.taken == 4
            double.gate.set()
        waiting.join(20)
        wait_until(lambda: service.slots.taken == 0)

    def test_tools_have_the_limits_of_questions(self, start: Callable[..., Served]) -> None:
        pytest.importorskip("mcp")
        going, seen = threading.Event(), []

        class Slow(Double):
            def document(self, id: str) -> Document:
                seen.append(id)
                going.wait(20)
                return super().document(id)

        rate = Rate(a_minute=6, at_once=6)
        service = Service(opened(Slow()), Settings(), ServicesDouble(), slots=Slots(2, 1), rate=rate)
        served = start(service)
        params = {"name": "fetch", "arguments": {"id": "ferry.md"}}
        call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        headers = {"accept": "application/json, text/event-stream", "mcp-protocol-version": "2025-06-18"}
        replies: list[httpx.Response] = []

        def fetch() -> None:
            replies.append(WEB.post(f"{served.url}/mcp", json=call, headers=headers))

        threads = [threading.Thread(target=fetch) for _ in range(5)]
        for each in threads:
            each.start()
        wait_until(lambda: len(replies) == 2)  # turned away
        assert all("Too many questions are waiting" in each.text for each in replies)
        assert len(seen) == service.slots.taken == 2
        going.set()
        for each in threads:
            each.join()
        assert [each.status_code for each in replies] == [200] * 5
        assert service.slots.taken == 0
        fetch()
        fetch()
        assert [each.status_code for each in replies[5:]] == [200, 429]

    def test_a_slow_reader_keeps_no_slot(self, start: Callable[..., Served], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(limits, "SPARE_SECONDS", 0.5)
        long = tuple(
            Document(id=f"{n}.md", title="Ferries", text="The ferries cost much. " + "x" * 400_000) for n in range(5)
        )
        service = Service(opened(Double(articles=long)), Settings(answer_seconds=1), ServicesDouble())
        served = start(service)
        body = json.dumps({"messages": ask("What did the ferries cost?"), "stream": True}).encode()
        with socket.socket() as slow:
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            slow.connect(served.socket.getsockname())
            slow.sendall(
                b"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: %d\r\n\r\n" % len(body)
            )
            slow.sendall(body)
            assert slow.recv(12) == b"HTTP/1.1 200"
            wait_until(lambda: service.slots.taken == 0)
            wait_until(lambda: not served.server_state.tasks)  # the time is over, and nothing waits for it any more

    def test_slow_readers_hold_few_articles(self, start: Callable[..., Served]) -> None:
        opens: list[str] = []

        class Counting(Double):
            def document(self, id: str) -> Document:
                opens.append(id)
                return super().document(id)

        long = Document(id="long.md", title="Ferries", text="The ferries cost much. " * 400_000)
        service = Service(opened(Counting(articles=(long,))), Settings(), ServicesDouble(), slots=Slots(8, own=3))
        served = start(service)
        with contextlib.ExitStack() as stack:
            for _ in range(20):
                slow = stack.enter_context(socket.socket())
                slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                slow.connect(served.socket.getsockname())
                slow.sendall(b"GET /articles/long.md HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
            wait_until(lambda: len(opens) == 3)
            assert WEB.get(f"{served.url}/health").status_code == 200
            assert len(opens) == service.slots.taken == 3
        wait_until(lambda: service.slots.taken == 0)

    def test_a_body_that_does_not_come_is_not_waited_for(self, served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(limits, "BODY_SECONDS", 0.2)
        with socket.create_connection(served.socket.getsockname()) as slow:
            slow.sendall(b"POST /v1/search HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 9\r\n\r\n{")
            assert slow.recv(12) == b"HTTP/1.1 408"

    def test_too_many_requests_wait(self, start: Callable[..., Served]) -> None:
        served = start(Service(opened(Double()), Settings(), ServicesDouble(), rate=Rate(a_minute=6, at_once=2)))
        statuses = [WEB.get(f"{served.url}/v1/models").status_code for _ in range(3)]
        assert statuses == [200, 200, 429]
        with pytest.raises(openai.RateLimitError) as refused:
            served.client().models.list()
        assert 1 <= int(refused.value.response.headers["retry-after"]) <= 10


def wait_until(true: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not true():
        assert time.monotonic() < until
        time.sleep(0.01)


class TestTokens:
    def test_a_token_opens_what_is_closed_without(self, file: Path, start: Callable[..., Served]) -> None:
        settings = Settings(accounts=str(file))
        served = start(Service(opened(Double()), settings, ServicesDouble()), Accounts(file))
        token = make_token(file, "maren")
        for path in ("/v1/models", "/v1/none", "/articles/ferry.md", "/llms.txt", "/openapi.json", "/anything"):
            assert WEB.get(f"{served.url}{path}").status_code == 401, path
            for wrong in ("test-key", f"{token}x", token[:-1], "footnote_", "footnote_é"):
                headers = {"authorization": f"Bearer {wrong}".encode()}
                assert WEB.get(f"{served.url}{path}", headers=headers).status_code == 401, wrong
        assert WEB.get(f"{served.url}/health").status_code == 200
        assert (
            WEB.get(f"{served.url}/articles/ferry.md", headers={"authorization": f"bearer {token}"}).status_code == 200
        )
        assert served.client(token).models.list().data
        with pytest.raises(openai.AuthenticationError, match="rag account token"):
            served.client("test-key").models.list()
        revoke_token(file, "maren")
        with pytest.raises(openai.AuthenticationError):
            served.client(token).models.list()

    def test_a_token_ends_with_its_account_and_its_password(self, file: Path) -> None:
        token, other = make_token(file, "maren"), make_token(file, "ilse")

        def users() -> list[str | None]:
            sent = [{"headers": [(b"Authorization", f"Bearer {each}".encode())]} for each in (token, other)]
            return [token_user(each, file, Accounts(file)) for each in sent]

        assert users() == ["maren", "ilse"]
        write_accounts(file, {"maren": cheap("test-key another"), "ilse": cheap("test-key other")})
        assert users() == [None, None]
        token, other = make_token(file, "maren"), make_token(file, "ilse")
        assert users() == ["maren", "ilse"]
        make_token(file, "ilse")
        assert users() == ["maren", None]

    def test_only_hashes_lie_on_disk_and_nobody_else_reads_them(self, file: Path) -> None:
        token = make_token(file, "maren")
        kept = file.with_name("accounts.txt.tokens")
        assert token not in kept.read_text()
        assert kept.stat().st_mode & 0o077 == 0
        kept.write_bytes(b"\xff damaged")
        assert token_user({"headers": [(b"authorization", f"Bearer {token}".encode())]}, file, Accounts(file)) is None

    def test_the_command_prints_a_token_once_and_revokes_it(self, file: Path) -> None:
        run = CliRunner().invoke
        made = run(cli, ["account", "token", "maren", "--auth", str(file)])
        assert re.fullmatch(r"footnote_[\w-]{43}\n", made.output)
        assert run(cli, ["account", "token", "maren", "--revoke", "--auth", str(file)]).exit_code == 0
        for arguments in (["maren", "--revoke"], ["nobody"]):
            failed = run(cli, ["account", "token", *arguments, "--auth", str(file)])
            assert isinstance(failed.exception, AccountsError)
        assert run(cli, ["account", "token", "maren"]).exit_code == 64


def test_a_server_that_others_reach_needs_accounts(capsys: pytest.CaptureFixture[str]) -> None:
    from rag.__main__ import main

    with pytest.raises(SystemExit) as ended:
        main(["serve", "--host", "0.0.0.0"])
    assert ended.value.code == 64
    assert "add a login with --auth FILE" in capsys.readouterr().err


def test_a_port_that_is_taken_is_named(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    from rag.__main__ import main

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SystemExit) as ended:
            main(["serve", "--port", str(port), "--articles", str(settings.articles), "--index", str(settings.index)])
    assert ended.value.code == 64
    assert f"port {port} cannot be used" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("settings", "base"),
    [
        (Settings(), "http://127.0.0.1:9"),
        (Settings(root_path="/news"), "http://127.0.0.1:9/news"),
        (Settings(root_path="https://desk.example/news"), "https://desk.example/news"),
    ],
)
def test_addresses_are_those_under_which_the_server_is_reached(settings: Settings, base: str) -> None:
    service = Service(Opening(lambda _: None), settings, ServicesDouble(), Address.of(settings))  # type: ignore[arg-type, return-value]
    assert service.base({"headers": [(b"host", b"127.0.0.1:9")], "scheme": "http"}) == base
