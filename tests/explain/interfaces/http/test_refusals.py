"""Plain HTTP: the sentence of each refusal."""

from __future__ import annotations

import asyncio
import errno
from tempfile import SpooledTemporaryFile
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

import explain.interfaces.http
from explain.interfaces.http import plain_routes
from explain.service.service import Service
from model.photos.photo import MAX_BYTES
from tests.explain.interfaces.http.asking import BROWSER, CAT, Addresses, refusal, send


def test_an_unreadable_photo_is_refused_in_one_sentence(client: TestClient) -> None:
    assert "not a readable JPEG" in refusal(send(client, b"Not a photo. " * 50), 400)
    assert "empty" in refusal(send(client, b""), 400)


@pytest.mark.parametrize(
    "request_",
    [
        {"data": {"other": "field"}},
        {"json": {"file": "photo.jpg"}},
        {"content": b"raw bytes"},
        {"data": {"file": "only a text"}},
        {},
    ],
    ids=str,
)
def test_the_refusal_of_a_request_without_a_photo_names_the_field(client: TestClient, request_: dict[str, Any]) -> None:
    assert "field named file" in refusal(client.post("/deepfake", **request_), 422)


def test_a_malformed_form_is_refused(client: TestClient) -> None:
    headers = {"content-type": "multipart/form-data; boundary=x"}
    sentence = refusal(client.post("/deepfake", content=b"--y\r\nnonsense", headers=headers), 400)
    assert "multipart" in sentence


@pytest.mark.parametrize("name", ["file", "face"])
def test_a_field_that_is_sent_twice_is_refused(client: TestClient, name: str) -> None:
    photo, face = ("a.jpg", CAT.read_bytes()), (None, b"1")
    parts = [("file", photo), ("face", face), (name, photo if name == "file" else face)]
    assert name in refusal(client.post("/deepfake", files=parts), 422)


def test_an_encoded_file_name_is_decoded(client: TestClient) -> None:
    head = "Content-Disposition: form-data; name=file; filename*=UTF-8''do%C4%9Fum.jpg"
    body = b"--x\r\n" + head.encode() + b"\r\n\r\n" + CAT.read_bytes() + b"\r\n--x--\r\n"
    headers = {"content-type": "multipart/form-data; boundary=x"}
    assert client.post("/deepfake", content=body, headers=headers).json()["text"].startswith("doğum.jpg: ")


def test_a_full_disk_is_reported(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*given: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(SpooledTemporaryFile, "rollover", full)  # the server calls it for a photo above 1 MB
    assert "disk is full" in refusal(send(client, bytes(2_000_000)), 507)
    assert "Traceback" not in caplog.text
    assert send(client, CAT).status_code == 200


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"face": "first"}, ("face", "first")),
        ({"face": "7"}, ("face", "7")),
        ({"trust": "perhaps"}, ("trust", "perhaps")),
        ({"methods": "attention,magic"}, ("magic", "attention")),
        ({"robust": "false"}, ("robust", "file, model, second, face, whole_picture")),
        ({"model": "nobody's"}, ("nobody's", "lite_attention")),
    ],
    ids=str,
)
def test_the_refusal_of_a_wrong_field_names_its_value(
    client: TestClient, fields: dict[str, str], expected: tuple[str, ...]
) -> None:
    sentence = refusal(send(client, **fields), 422)
    assert all(word in sentence for word in expected)


@pytest.mark.parametrize("name", ["face", "trust", "methods", "model", "second", "language"])
def test_a_refusal_does_not_repeat_a_very_long_field(client: TestClient, name: str) -> None:
    assert len(refusal(send(client, **{name: "9" * 500_000}), 422)) < 500


def test_a_photo_that_is_too_large_is_refused(client: TestClient) -> None:
    assert f"{MAX_BYTES:,} bytes" in refusal(send(client, bytes(MAX_BYTES + 1)), 413)


def test_reading_ends_as_soon_as_a_request_is_too_large(service: Service) -> None:
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'
    read, messages = 0, []

    async def receive() -> dict[str, Any]:
        nonlocal read
        read += 1_000_000
        return {"type": "http.request", "body": bytes(1_000_000) if read > 1_000_000 else head, "more_body": True}

    async def send_(message: dict[str, Any]) -> None:
        messages.append(message)

    headers = [(b"content-type", b"multipart/form-data; boundary=x")]
    scope = {"type": "http", "method": "POST", "path": "/deepfake", "headers": headers, "query_string": b""}
    asyncio.run(FastAPI(routes=plain_routes(service))(scope, receive, send_))
    assert messages[0]["status"] == 413
    assert read < MAX_BYTES + 3_000_000


def test_a_request_beyond_the_limit_is_refused_with_a_time_to_retry(client: TestClient, service: Service) -> None:
    other_analysis = service.queue.each(iter([1, 2]))
    next(other_analysis)
    answer = send(client)
    assert "waiting" in refusal(answer, 503)
    assert int(answer.headers["retry-after"]) > 0
    list(other_analysis)
    assert send(client, CAT).status_code == 200


def test_an_internal_error_is_reported_without_its_details(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*args: object) -> None:
        raise RuntimeError("at /srv/secret.py")

    monkeypatch.setattr(explain.interfaces.http, "to_dict", broken)
    assert "went wrong inside WhyFake" in refusal(send(client, CAT), 500)
    assert "at /srv/secret.py" in caplog.text


def test_a_browser_gets_a_refusal_as_a_page(client: TestClient) -> None:
    answer = send(client, b"<b>no photo</b>", {"accept": BROWSER, "accept-language": "tr"})
    assert answer.status_code == 400
    page = Addresses()
    page.feed(answer.text)
    assert page.found == ["./"]
    assert '<html lang="tr">' in answer.text and 'role="alert"' in answer.text and "okunabilir" in answer.text
