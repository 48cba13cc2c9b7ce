"""Tests of the page and the HTTP API as an ASGI app, which another server runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from starlette.testclient import TestClient

from explain.page.layout import build_page
from explain.page.serving.launch import asgi_app
from explain.service.service import Service
from model import available
from model.available import Models, all_available_models
from model.detector.detector import Detector
from model.i18n.catalogue import translate, use_language
from model.paths import EXAMPLES

pytestmark = pytest.mark.slow
Client = Callable[..., TestClient]


@pytest.fixture
def client(quick_detector: Detector, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    monkeypatch.setattr(available, "open_model", lambda *_: quick_detector)
    service = Service(Models(all_available_models()))
    blocks = build_page(service.models, service)

    def client(*users: str) -> TestClient:
        return TestClient(asgi_app(blocks, service, users))

    yield client
    blocks.close(verbose=False)


def test_asgi_app_serves_the_same_as_the_server_of_gradio(client: Client) -> None:
    with client() as visitor:
        page = visitor.get("/", headers={"Accept-Language": "tr"})
        assert page.status_code == 200 and "default-src 'self'" in page.headers["content-security-policy"]
        with use_language("tr"):
            assert translate("page.one") in page.text
        assert visitor.head("/").status_code == 200
        assert visitor.get("/ready").json() == {"ready": True}
        assert visitor.get("/openapi.json").json()["info"]["title"] == "WhyFake"
        assert {visitor.get(path).status_code for path in ("/docs", "/metrics", "/gradio_api/mcp")} == {404}
        photo = {"file": (EXAMPLES / "hopper.jpg").read_bytes()}
        answer = visitor.post("/deepfake", files=photo, data={"methods": "", "robustness": "false"})
        assert answer.status_code == 200 and answer.json()["text"]
        assert visitor.post("/deepfake", files={"file": b"no photo"}).status_code == 400


def test_only_users_have_access(client: Client) -> None:
    with client("ann:secret") as visitor:
        assert [visitor.get(path).status_code for path in ("/", "/models", "/health")] == [401, 401, 200]
        assert visitor.get("/models", auth=("ann", "secret")).status_code == 200
