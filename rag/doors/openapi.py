"""Describe the door for programs as OpenAPI 3.1, for clients that are made from a description."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

_TEXT = {"type": "string"}
_COUNT = {"type": "integer"}
_TEXTS = {"type": "array", "items": _TEXT}


def _object(required: str = "", **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required.split()}


def _list(of: str) -> dict[str, Any]:
    return {"type": "array", "items": _ref(of)}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


SCHEMAS: dict[str, Any] = {
    "Error": _object(
        "error",
        error=_object(
            "message type",
            message=_TEXT,
            type=_TEXT,
            param={"type": ["string", "null"]},
            code={"type": ["string", "null"]},
        ),
    ),
    "Message": _object("role content", role=_TEXT, content={"type": ["string", "array"]}),
    "ChatRequest": {
        **_object(
            "messages",
            model={**_TEXT, "description": "footnote (no model), or a name of GET /v1/models"},
            messages={**_list("Message"), "description": "The last user message is the question."},
            stream={"type": "boolean"},
            stream_options=_object(include_usage={"type": "boolean"}),
        ),
        "description": "Other parameters of OpenAI's are accepted and change nothing.",
    },
    "Annotation": _object(
        "type url_citation",
        type={"const": "url_citation"},
        url_citation=_object(
            "start_index end_index title url", start_index=_COUNT, end_index=_COUNT, title=_TEXT, url=_TEXT
        ),
    ),
    "ChatCompletion": _object(
        "id object created model choices footnote",
        id=_TEXT,
        object={"const": "chat.completion"},
        created=_COUNT,
        model=_TEXT,
        choices={
            "type": "array",
            "items": _object(
                "index message finish_reason",
                index=_COUNT,
                message=_object("role content annotations", role=_TEXT, content=_TEXT, annotations=_list("Annotation")),
                finish_reason={"enum": ["stop", "length"]},
            ),
        },
        usage={"type": "object"},
        footnote={"type": "object", "description": "The answer with its citations and passages, as rag ask --json"},
    ),
    "ModelList": _object(
        "object data",
        object={"const": "list"},
        data={"type": "array", "items": _object("id object", id=_TEXT, object={"const": "model"})},
    ),
    "SearchRequest": _object(
        "query",
        query=_TEXT,
        k={**_COUNT, "minimum": 1, "maximum": 1000},
        outlets=_TEXTS,
        documents=_TEXTS,
        names={**_TEXTS, "description": "People, organisations or places that the articles mention"},
        since={**_TEXT, "description": "First day of publication, YYYY-MM-DD"},
        until={**_TEXT, "description": "Last day of publication, YYYY-MM-DD"},
    ),
    "SearchResult": _object(
        "object query data notice",
        object={"const": "list"},
        query=_TEXT,
        data={"type": "array", "items": _object("passage document score url", url=_TEXT, score={"type": "number"})},
        notice=_TEXT,
    ),
    "Health": _object("status", status={"enum": ["ok", "loading", "failed"]}),
}

_ERRORS = {
    status: {"description": text, "content": {"application/json": {"schema": _ref("Error")}}}
    for status, text in (
        ("400", "The request cannot be understood."),
        ("401", "The server has accounts: send a token."),
        ("404", "There is no such model."),
        ("413", "The request is too long."),
        ("429", "Too many requests; Retry-After says when to come again."),
        ("503", "The articles are still being read."),
    )
}


def _way(summary: str, reply: dict[str, Any], request: str = "", **more: Any) -> dict[str, Any]:
    way: dict[str, Any] = {
        "summary": summary,
        "responses": {"200": {"description": "Done", "content": reply}, **_ERRORS},
    }
    if request:
        way["requestBody"] = {"required": True, "content": {"application/json": {"schema": _ref(request)}}}
    return {**way, **more}


def _json(name: str) -> dict[str, Any]:
    return {"application/json": {"schema": _ref(name)}}


def openapi(base: str) -> dict[str, Any]:
    """Describe the server that is reached at an address.

    >>> sorted(openapi("http://127.0.0.1:7860")["paths"])[:2]
    ['/articles/{id}', '/health']
    """
    path = {"name": "id", "in": "path", "required": True, "schema": _TEXT, "description": "As a citation names it"}
    page: dict[str, Any] = {"text/html": {}}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Footnote",
            "version": version("footnote-rag"),
            "description": "Answers questions over a folder of articles; every sentence carries a quote.",
        },
        "servers": [{"url": base}],
        "security": [{}, {"token": []}],
        "paths": {
            "/v1/chat/completions": {
                "post": _way(
                    "Answer the last user message, citations as annotations",
                    {**_json("ChatCompletion"), "text/event-stream": {}},
                    "ChatRequest",
                )
            },
            "/v1/models": {"get": _way("List the models that a request can name", _json("ModelList"))},
            "/v1/search": {"post": _way("Find passages", _json("SearchResult"), "SearchRequest")},
            "/v1/batch": {
                "post": {
                    **_way("Answer a file of questions (?name=questions.csv) with quotes (?format=csv)", {"*/*": {}}),
                    "requestBody": {"required": True, "content": {"text/plain": {}}},
                }
            },
            "/articles/{id}": {"get": _way("Show an article; #c=START-END marks a span", page, parameters=[path])},
            "/openapi.json": {"get": _way("This description", {"application/json": {}})},
            "/llms.txt": {"get": _way("What a language model should know of this server", {"text/markdown": {}})},
            "/health": {"get": _way("Tell whether questions can be answered", _json("Health"), security=[{}])},
        },
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": "rag account token NAME"}},
        },
    }
