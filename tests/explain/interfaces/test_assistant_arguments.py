"""Invalid requests, arguments and tool names from an assistant are refused in one sentence."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from mcp.types import INVALID_REQUEST, PARSE_ERROR
from starlette.testclient import TestClient

from explain.interfaces.mcp.tools import PATHS, assistants
from explain.service.service import Service
from model.available import Models, shipped_models

Call = Callable[..., str]
PHOTO = "data:image/jpeg;base64,AAAA"  # not a photo, so that no test waits for a verdict
UNREADABLE = "not a readable JPEG"


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    routes, lifespan = assistants(Service(Models(shipped_models()[:1])), Path("/uploaded"))
    with TestClient(FastAPI(routes=routes, lifespan=lifespan)) as client:
        client.headers["accept"] = "application/json, text/event-stream"
        yield client


@pytest.fixture(scope="module")
def call(client: TestClient) -> Call:
    """Call a tool that must refuse the call; return the sentence of the refusal."""

    def call(name: str, arguments: dict[str, Any]) -> str:
        request = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
        body = {**request, "params": {"name": name, "arguments": arguments}}
        answer = client.post(PATHS[0], json=body).text
        result = json.loads(answer[answer.index("{") :])["result"]
        assert result["isError"]
        (content,) = result["content"]
        return str(content["text"])

    return call


def is_sentence(text: str) -> bool:
    return text.endswith(".") and len(text) < 500 and "\n" not in text and "pydantic" not in text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("photo", 5), ("photo", None), ("photo", ["x" * 100_000]), ("face", "x"), ("face", 1.5), ("face", [1])),
        *(("whole_picture", "perhaps"), ("methods", "lime"), ("methods", {"a": 1}), ("methods", [1, 2])),
        *(("target", "fake"), ("superpixels", "many"), ("superpixels", "\n" * 10_000), ("trust", []), ("seed", None)),
        *(("language", 3), ("model", 3), ("model", "m" * 5000), ("hide", "h" * 5000), ("face", 10**400)),
        *(("superpixels", 10**400), ("methods", ["m" * 5000]), ("target", "t" * 5000), ("language", "l" * 5000)),
        *(("methods", ["lime"] * 5000), ("methods", [["m" * 5000]]), ("photo", {"a": ["x" * 5000]})),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_wrong_argument_is_refused_in_one_sentence_that_names_it(call: Call, name: str, value: Any) -> None:
    sentence = call("explain_photo", {"photo": PHOTO, name: value})
    assert is_sentence(sentence)
    assert name in sentence


@pytest.mark.parametrize("arguments", [{}, {"face": 2}, None], ids=str)
def test_the_refusal_of_a_call_without_a_photo_names_the_argument(call: Call, arguments: dict[str, Any]) -> None:
    sentence = call("analyze_photo", arguments)
    assert is_sentence(sentence)
    assert "photo" in sentence


def test_the_refusal_of_an_unknown_argument_lists_the_known_ones(call: Call) -> None:
    for name in ("methods", "context", "x" * 10_000, "a\nb"):
        sentence = call("analyze_photo", {"photo": PHOTO, name: 1})
        assert is_sentence(sentence)
        assert name[:20].split("\n")[0] in sentence and "whole_picture" in sentence


def test_the_refusal_of_an_unknown_tool_lists_the_known_ones(call: Call) -> None:
    for name in ("analyse_photo", "x" * 10_000, "a\nb"):
        sentence = call(name, {})
        assert is_sentence(sentence)
        assert name[:20].split("\n")[0] in sentence and "analyze_photo, explain_photo" in sentence


def test_a_refusal_is_in_the_language_of_the_call(call: Call) -> None:
    for arguments in ({"seed": "x"}, {"unknown": 1}, {"photo": None}, {"superpixels": 1}):
        sentences = [
            call("explain_photo", {"photo": PHOTO, "language": language_code, **arguments})
            for language_code in ("en", "tr")
        ]
        assert is_sentence(sentences[1])
        assert sentences[0] != sentences[1] and "olamaz" in sentences[1] + "olamaz" * ("unknown" in arguments)


def test_arguments_that_can_be_converted_are_accepted(call: Call) -> None:
    for arguments in ({"face": "2"}, {"superpixels": 30.0}, {"methods": '["lime"]'}, {"trust": "true"}):
        assert UNREADABLE in call("explain_photo", {"photo": PHOTO, **arguments})


@pytest.mark.parametrize("photo", ["/a\0b", "/" + "a/" * 5000, "http://h/gradio_api/file=/%00", "/" + "a" * 5000])
def test_an_impossible_path_is_refused_as_not_uploaded(call: Call, photo: str) -> None:
    assert "was not uploaded" in call("analyze_photo", {"photo": photo})


@pytest.mark.parametrize(
    ("body", "code"),
    [
        *((body, INVALID_REQUEST) for body in ("[]", "{}", "5", "null", '"a"', '[{"jsonrpc": "2.0"}]')),
        *((body, INVALID_REQUEST) for body in ('{"jsonrpc": "1.0", "id": 1, "method": "a"}', '{"id": 1, "method": 5}')),
        *((body, PARSE_ERROR) for body in ("", "{", b"\xff", "[" * 100_000, "x" * 100_000)),
    ],
    ids=lambda value: str(value)[:20],
)
def test_an_invalid_request_is_refused_in_one_sentence(client: TestClient, body: str | bytes, code: int) -> None:
    sentences = set()
    for language in ("en", "tr"):
        headers = {"content-type": "application/json", "accept-language": language}
        answer = client.post(PATHS[0], content=body, headers=headers)
        assert answer.status_code == 400 and int(answer.headers["content-length"]) == len(answer.content)
        refusal = answer.json()
        assert (refusal["jsonrpc"], refusal["id"], refusal["error"]["code"]) == ("2.0", None, code)
        sentences.add(refusal["error"]["message"])
    assert len(sentences) == 2 and all(map(is_sentence, sentences))


def test_other_errors_and_valid_requests_keep_their_own_answers(client: TestClient) -> None:
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    answer = client.post(PATHS[0], json=body, headers={"mcp-protocol-version": "1999-01-01"})
    assert answer.status_code == 400 and answer.json()["id"] == 1
    assert client.post(PATHS[0], content="a", headers={"content-type": "text/plain"}).status_code == 400
    assert "analyze_photo" in client.post(PATHS[0], json=body).text
