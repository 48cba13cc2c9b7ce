"""The answers of /ready and /metrics."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from explain.interfaces.http import plain_routes
from explain.service.service import Service
from model.available import Models, available_models

CAT = Path(__file__).parents[3] / "examples" / "cat.jpg"


@pytest.fixture
def service() -> Service:
    models = Models(available_models())
    models.get(models.first)
    return Service(models)


@pytest.fixture
def client(service: Service) -> Iterator[TestClient]:
    with TestClient(FastAPI(routes=plain_routes(service, metrics=True))) as client:
        yield client


def test_the_server_is_ready_until_it_shuts_down(client: TestClient, service: Service) -> None:
    assert (client.get("/ready").status_code, client.head("/ready").status_code) == (200, 200)
    service.queue.close()
    answer = client.get("/ready")
    assert (answer.status_code, answer.json()) == (503, {"ready": False})
    answer = client.post("/deepfake", files={"file": CAT.read_bytes()})
    assert answer.status_code == 503 and "about to end" in answer.json()["error"]
    assert client.get("/health").status_code == 200


def test_metrics_are_served_only_if_they_are_enabled(client: TestClient, service: Service) -> None:
    assert client.post("/deepfake", files={"file": CAT.read_bytes()}).status_code == 200
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert 'whyfake_verdicts_total{verdict="none"}' in answer.text
    with TestClient(FastAPI(routes=plain_routes(service))) as without_metrics:
        assert without_metrics.get("/metrics").status_code == 404
