"""Tests of the guard: the requests that it refuses, its headers, its log and its counts."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI, Request
from fastapi.middleware.cors import CORSMiddleware
from starlette.testclient import TestClient

from explain.interfaces.server import guard
from explain.interfaces.server.guard import Guard
from explain.interfaces.server.life import guarded
from explain.service.forms import MAX_BODY
from explain.service.metrics import Metrics

USERS = ("ann:secret", "bob:ş:ö")


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


def app_with(metrics: Metrics, users: tuple[str, ...] = ()) -> FastAPI:
    """An echo app behind the guard, with a CORS middleware that allows every site, as Gradio's does."""
    app = FastAPI(lifespan=guarded(lambda inner: Guard(inner, metrics, users)), openapi_url=None)
    app.add_middleware(CORSMiddleware, allow_origin_regex=".*", allow_credentials=True)

    @app.api_route("/{path:path}", methods=["GET", "POST"])
    async def echo(path: str, request: Request) -> dict[str, Any]:
        if path == "broken":
            raise RuntimeError
        return {"path": path, "received": len(await request.body())}

    return app


@pytest.fixture
def client(metrics: Metrics) -> Iterator[TestClient]:
    with TestClient(app_with(metrics)) as client:
        yield client


def sentence_of(answer: Any) -> str:
    sentence = answer.json()["error"]
    assert sentence.endswith(".") and "\n" not in sentence
    return sentence


# Headers of answers


@pytest.mark.parametrize("path", ["/", "/gradio_api/file=photo.jpg", "/deepfake"])
def test_every_answer_forbids_content_sniffing_and_frames_on_other_sites(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'self'" and policy["object-src"] == "'none'"
    assert policy["frame-ancestors"].split() == ["'self'", "https://huggingface.co", "https://*.hf.space"]
    assert not any("http" in value for name, value in policy.items() if name != "frame-ancestors")


def test_other_sites_cannot_read_an_answer(client: TestClient) -> None:
    answer = client.get("/models", headers={"Origin": "https://evil.example"})
    assert not [name for name in answer.headers if name.startswith("access-control-")]
    preflight = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    answer = client.options("/deepfake", headers=preflight)
    assert not [name for name in answer.headers if name.startswith("access-control-")]


# Size of bodies


def test_a_body_with_a_too_large_content_length_is_not_read(client: TestClient) -> None:
    headers = {"Content-Length": str(MAX_BODY + 1), "Accept-Language": "tr"}
    answer = client.post("/gradio_api/queue/join", content=b"x", headers=headers)
    assert answer.status_code == 413 and "bayttan büyük" in sentence_of(answer)


def test_a_body_without_a_content_length_is_refused_at_the_limit(client: TestClient) -> None:
    sent = 0

    def parts() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(200):
            sent += 1_000_000
            yield bytes(1_000_000)

    answer = client.post("/gradio_api/queue/join", content=parts())
    assert answer.status_code == 413 and "larger than" in sentence_of(answer)


def test_a_photo_as_base64_in_json_is_accepted(client: TestClient) -> None:
    assert client.post("/gradio_api/queue/join", content=bytes(40_000_000)).json()["received"] == 40_000_000


def test_the_upload_route_accepts_many_photos_at_once(client: TestClient) -> None:
    assert client.post("/gradio_api/upload", content=bytes(60_000_000)).status_code == 200


# Slow clients


def sent_messages(metrics: Metrics, path: str, parts: list[tuple[float, bytes, bool]]) -> list[dict[str, Any]]:
    """The messages that an app sends. Each part arrives after its seconds; then the client disconnects."""
    app = FastAPI(openapi_url=None)
    sent: list[dict[str, Any]] = []
    remaining = iter(parts)

    @app.post("/{path:path}")
    async def echo(path: str, request: Request) -> int:
        return len(await request.body())

    async def receive() -> dict[str, Any]:
        try:
            seconds, body, more = next(remaining)
        except StopIteration:
            return {"type": "http.disconnect"}
        await asyncio.sleep(seconds)
        return {"type": "http.request", "body": body, "more_body": more}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": path, "headers": [], "query_string": b""}
    asyncio.run(Guard(app, metrics)(scope, receive, send))
    return sent


def test_a_body_that_stops_arriving_is_refused(metrics: Metrics, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "CHUNK_S", 0.05)
    sent = sent_messages(metrics, "/upload", [(0, b"begun", True), (5, b"later", False)])
    assert sent[0]["status"] == 408 and (b"connection", b"close") in sent[0]["headers"]
    assert "in time" in json.loads(sent[1]["body"])["error"]


def test_a_body_that_arrives_too_slowly_is_refused(metrics: Metrics, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "CHUNK_S", 0.05)
    sent = sent_messages(metrics, "/upload", [(0.02, b"x", True)] * 20)
    assert sent[0]["status"] == 408


def test_a_task_may_wait_for_the_disconnect_before_the_body_has_ended(
    metrics: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    """During a streamed answer two tasks receive messages: one that waits for the disconnect, and Gradio's."""
    monkeypatch.setattr(guard, "CHUNK_S", 0.05)
    arrived: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        arrived.extend(message["type"] for message in await asyncio.gather(receive(), receive()))

    async def request() -> None:
        messages = asyncio.Queue[dict[str, Any]]()
        asyncio.get_running_loop().call_later(0.01, messages.put_nowait, {"type": "http.request", "body": b""})
        asyncio.get_running_loop().call_later(0.15, messages.put_nowait, {"type": "http.disconnect"})
        scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b""}
        await Guard(app, metrics)(scope, messages.get, send)

    async def send(message: Any) -> None:
        arrived.append(f"refused: {message}")

    asyncio.run(request())
    assert sorted(arrived) == ["http.disconnect", "http.request"]


def test_a_client_that_disconnects_is_counted_and_is_not_an_error(
    metrics: Metrics, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    assert sent_messages(metrics, "/upload", [(0, b"begun", True)]) == []
    assert 'whyfake_requests_total{status="left"} 1' in metrics.text({})
    assert [record.exc_info for record in caplog.records] == [None]


def test_a_request_that_is_cancelled_at_shutdown_is_not_an_error(metrics: Metrics) -> None:
    async def app(*_: Any) -> None:
        await asyncio.sleep(10)

    async def cancelled() -> None:
        scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b""}
        answering = asyncio.create_task(Guard(app, metrics)(scope, None, None))  # type: ignore[arg-type]
        await asyncio.sleep(0.01)
        answering.cancel()
        await answering

    asyncio.run(cancelled())
    assert 'whyfake_requests_total{status="left"} 1' in metrics.text({})


# Passwords


def test_routes_require_a_user_and_a_password(metrics: Metrics) -> None:
    with TestClient(app_with(metrics, USERS)) as client:
        for path in ("/", "/deepfake", "/models", "/gradio_api/mcp", "/gradio_api/queue/join"):
            answer = client.get(path)
            assert answer.status_code == 401 and sentence_of(answer), path
            assert answer.headers["www-authenticate"].startswith("Basic ")
            assert client.get(path, auth=("ann", "secret")).status_code == 200
        assert client.get("/", auth=("bob", "ş:ö")).status_code == 200
        assert client.get("/", auth=("ann", "ş:ö")).status_code == 401
        for bad in ("Basic ???", "Basic", "Bearer YW5uOnNlY3JldA==", "Basic YW5u"):
            assert client.get("/", headers={"Authorization": bad}).status_code == 401


@pytest.mark.parametrize("path", ["/health", "/ready"])
def test_probes_need_no_password(metrics: Metrics, path: str) -> None:
    with TestClient(app_with(metrics, USERS)) as client:
        assert client.get(path).status_code == 200


# Log and counts


def test_a_request_is_logged_without_file_query_or_address(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    answer = client.get("/gradio_api/file=/tmp/ann.jpg?who=ann")
    (record,) = [record for record in caplog.records if record.name == guard.__name__]
    assert (record.path, record.status, record.method) == ("/gradio_api/file", 200, "GET")
    assert "ann" not in str(vars(record)) and "testclient" not in str(vars(record))
    assert len(answer.headers["x-request-id"]) == 12


def test_an_internal_error_is_counted_and_answered_with_status_500(metrics: Metrics) -> None:
    with TestClient(app_with(metrics), raise_server_exceptions=False) as client:
        assert client.get("/broken").status_code == 500
    assert 'whyfake_requests_total{status="500"} 1' in metrics.text({})
