"""Clips over plain HTTP: the answers to scripts and browsers, and refusals."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from fastapi import FastAPI
from httpx import Response
from starlette.testclient import TestClient

import explain.interfaces.http
from explain.interfaces.http import plain_routes
from explain.service import service as service_module
from explain.service.service import Service
from explain.video.places import MAX_CLIPS
from model.available import Models, available_models
from tests.explain.video.world import Square, analyze, clip_of
from tests.support.clip_files import clip_file, greys, sound_file


def squares(time: float) -> list[Square]:
    return [(60, 30, 60, 0.97)]


@pytest.fixture(scope="module")
def clip() -> bytes:
    return clip_of(squares, 0.8)


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    """A service with an analysis that takes coloured squares as faces."""
    with pytest.MonkeyPatch.context() as patch:

        class SquareAnalysis(service_module.ExampleCache):
            analyze = staticmethod(
                lambda source, settings, detector, cancelled, known: analyze(source, settings, detector)
            )

        patch.setattr(service_module, "ExampleCache", SquareAnalysis)
        yield Service(Models(available_models()))


@pytest.fixture(scope="module")
def client(service: Service) -> Iterator[TestClient]:
    with TestClient(FastAPI(openapi_url=None, routes=plain_routes(service))) as client:
        yield client


def send(client: TestClient, content: bytes, accept: str = "application/json", **fields: str) -> Response:
    files = {"file": ("holiday.mp4", content)}
    return client.post("/clip", files=files, data={"frames": "10"} | fields, headers={"accept": accept})


def refusal(answer: Response, status: int) -> str:
    assert answer.status_code == status
    (sentence,) = answer.json().values()
    assert sentence.endswith(".") and "/tmp" not in sentence
    return str(sentence)


def test_a_script_gets_a_score_for_each_frame(client: TestClient, clip: bytes) -> None:
    answer = send(client, clip)
    data = answer.json()
    assert answer.status_code == 200 and answer.headers["cache-control"] == "no-store"
    assert data["verdict"] == "Fake" and len(data["faces"][0]["sightings"]) == 10
    assert data["text"].startswith("holiday.mp4: ")


def test_a_browser_gets_a_page_in_the_requested_language(client: TestClient, clip: bytes) -> None:
    answer = send(client, clip, "text/html", language="tr")
    assert answer.headers["content-type"].startswith("text/html")
    assert "<svg" in answer.text and 'lang="tr"' in answer.text and "Sahte" in answer.text


def test_an_animation_is_judged_as_a_clip(client: TestClient) -> None:
    assert send(client, clip_file(greys(4), kind="gif")).json()["clip"]["frames"] == 4


def test_unusable_clips_and_fields_are_refused(client: TestClient, clip: bytes) -> None:
    assert "sound" in refusal(send(client, sound_file()), 400)
    assert "60 seconds" in refusal(send(client, clip_file(greys(2), [0, 70_000])), 400)
    refusal(send(client, b""), 400)
    refusal(send(client, clip, frames="0"), 422)
    refusal(send(client, clip, frames="many"), 422)
    refusal(send(client, clip, model="nobody"), 422)
    refusal(client.post("/clip", data={"frames": "3"}), 422)


def test_a_large_clip_is_refused_while_it_arrives(
    client: TestClient, clip: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explain.interfaces.http, "MOST_OF_CLIP", 1000)
    assert "1,000" in refusal(send(client, clip + bytes(100_000)), 413)


def test_too_many_clips_at_once_are_refused(client: TestClient, service: Service, clip: bytes) -> None:
    with ExitStack() as stack:
        for _ in range(MAX_CLIPS):
            assert stack.enter_context(service.places.take(False, lambda: False))
        answer = send(client, clip)
        assert refusal(answer, 503) and answer.headers["retry-after"]
    assert send(client, clip).status_code == 200


def test_places_are_free_after_a_refusal(client: TestClient, service: Service) -> None:
    for _ in range(MAX_CLIPS + 1):
        refusal(send(client, sound_file()), 400)
    with ExitStack() as stack:
        assert all(stack.enter_context(service.places.take(False, lambda: False)) for _ in range(MAX_CLIPS))
