"""Tests of what holds for every route of a server: HEAD, and errors as a sentence."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncIterator, Iterator

import pytest
from fastapi import FastAPI
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

    @app.post("/broken")
    async def broken() -> None:
        raise OSError(errno.EIO, "at /srv/me.jpg")

    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def test_head_has_what_get_has_but_the_body(client: TestClient) -> None:
    got, head = client.get("/text"), client.head("/text")
    assert (head.status_code, head.headers, head.content) == (200, got.headers, b"")
    assert client.head("/nothing").status_code == 404
    assert client.head("/full").status_code == 405


def test_head_of_an_endless_answer_ends(client: TestClient) -> None:
    assert (client.head("/endless").status_code, client.head("/endless").content) == (200, b"")


def test_full_disk_is_said_in_the_callers_language(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    answer = client.post("/full", headers={"accept-language": "tr"})
    assert answer.status_code == 507 and "diski dolu" in answer.text
    assert "me.jpg" not in caplog.text


def test_other_errors_are_said_without_details(client: TestClient) -> None:
    answer = client.post("/broken")
    assert answer.status_code == 500 and "went wrong" in answer.text and "srv" not in answer.text
