"""Tests of all routes of a server: HEAD requests, and errors as one sentence."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncIterator, Iterator

import pytest
from fastapi import Body, FastAPI, HTTPException
from fastapi.responses import StreamingResponse
from starlette.testclient import TestClient

from explain.interfaces.every_route import for_every_route


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    app = FastAPI(**for_every_route())

    @app.get("/text")
    async def text() -> str:
        return "hello"

    @app.get("/endless")
    async def endless() -> StreamingResponse:
        async def parts() -> AsyncIterator[bytes]:
            while True:
                yield b"more"
                await asyncio.sleep(0.01)

        return StreamingResponse(parts())

    @app.post("/full")
    async def full() -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/srv/me.jpg")

    @app.post("/number")
    async def number(count: int = Body(embed=True)) -> int:
        return count

    @app.get("/closed")
    async def closed() -> None:
        raise HTTPException(403, "File not allowed: a.png.")

    @app.post("/broken")
    async def broken() -> None:
        raise OSError(errno.EIO, "at /srv/me.jpg")

    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def test_head_answers_like_get_without_the_body(client: TestClient) -> None:
    get, head = client.get("/text"), client.head("/text")
    assert (head.status_code, head.headers, head.content) == (200, get.headers, b"")
    assert client.head("/nothing").status_code == 404
    assert client.head("/full").status_code == 405


def test_head_of_an_endless_answer_ends(client: TestClient) -> None:
    assert (client.head("/endless").status_code, client.head("/endless").content) == (200, b"")


def test_a_full_disk_is_reported_in_the_language_of_the_request(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    answer = client.post("/full", headers={"accept-language": "tr"})
    assert answer.status_code == 507 and "diski dolu" in answer.text
    assert "me.jpg" not in caplog.text


def test_other_errors_are_reported_without_details(client: TestClient) -> None:
    answer = client.post("/broken")
    assert answer.status_code == 500 and "went wrong" in answer.text and "srv" not in answer.text


def test_an_unknown_address_is_refused_in_one_sentence(client: TestClient) -> None:
    answer = client.get("/nothing", headers={"accept-language": "tr"})
    assert answer.status_code == 404 and "Bu adreste bir şey yok" in answer.json()["error"]
    assert "/openapi.json" in client.get("/nothing").json()["error"]


def test_the_refusal_of_a_wrong_method_lists_the_allowed_ones(client: TestClient) -> None:
    answer = client.put("/full")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert answer.json()["error"] == "This address does not take PUT but POST."


def test_refusals_of_gradio_keep_the_field_detail_for_its_clients(client: TestClient) -> None:
    answer = client.get("/closed")
    assert answer.status_code == 403 and "a.png" in answer.json()["error"]
    assert answer.json()["detail"] == "File not allowed: a.png."


def test_a_browser_gets_a_refusal_as_a_page(client: TestClient) -> None:
    answer = client.get("/nothing", headers={"accept": "text/html"})
    assert answer.status_code == 404 and "There is nothing" in answer.text and "<html" in answer.text


@pytest.mark.parametrize("body", ["", "{", "[]", "{}", '{"count": "x"}', '{"count": "\\ud800"}', '"\\ud800"'])
def test_an_invalid_body_is_refused_in_a_sentence_that_does_not_repeat_it(client: TestClient, body: str) -> None:
    answer = client.post("/number", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 422 and answer.json().keys() == {"error"}
    assert "is missing or wrong" in answer.json()["error"]
