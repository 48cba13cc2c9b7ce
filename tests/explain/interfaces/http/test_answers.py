"""Plain HTTP: the answers to forms, scripts and probes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from explain.result import Analysis
from explain.service.service import Service
from explain.settings import Settings
from model.detector.detector import Detector
from model.errors import SettingsError
from model.paths import SECOND
from tests.explain.interfaces.http.asking import ASTRONAUT, BROWSER, CAT, QUICK, Addresses, refusal, send

# The verdict


@pytest.fixture(scope="module")
def astronaut_answer(client: TestClient) -> dict[str, Any]:
    """The answer to the photo of the astronaut."""
    answer = send(client)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    return answer.json()


def test_a_photo_gets_a_verdict_as_json(astronaut_answer: dict[str, Any], service: Service) -> None:
    assert astronaut_answer["prediction"]["verdict"] in ("Fake", "Real", "Inconclusive")
    assert sum(astronaut_answer["prediction"]["probabilities"].values()) == pytest.approx(1)
    assert astronaut_answer["faces"][0]["verdict"] == astronaut_answer["prediction"]["verdict"]
    assert set(astronaut_answer["attributions"]) == {"attention"}
    assert astronaut_answer["complete"] is True
    assert astronaut_answer["model"]["name"] == service.models.first
    assert astronaut_answer["text"].startswith("me.jpg: ") and "P(Fake)" in astronaut_answer["text"]


def test_a_client_that_does_not_prefer_html_gets_json(client: TestClient, astronaut_answer: dict[str, Any]) -> None:
    for accept in ("*/*", "application/json", "application/json, text/html;q=0.9", "text/html;q=0", ""):
        assert send(client, CAT, {"accept": accept}).json()["faces"] == [], accept


@pytest.mark.slow
def test_a_browser_gets_a_page_that_loads_no_other_files(client: TestClient, astronaut_answer: dict[str, Any]) -> None:
    answer = send(client, headers={"accept": BROWSER})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    page = Addresses()
    page.feed(answer.text)
    assert page.found and all(address.startswith("data:image/png;base64,") for address in page.found)
    assert "me.jpg" in answer.text and "POST /deepfake" in answer.text
    assert f"left:{astronaut_answer['prediction']['probabilities']['Fake']:.1%}" in answer.text, "the place of the mark"


def test_a_file_name_cannot_add_markup_to_the_page(client: TestClient) -> None:
    files = {"file": ("<script>alert(1)</script>.jpg", CAT.read_bytes())}
    answer = client.post("/deepfake", files=files, data=QUICK, headers={"accept": BROWSER})
    assert answer.status_code == 200
    assert "<script" not in answer.text


def test_a_photo_without_a_face_gets_a_verdict_only_with_whole_picture(client: TestClient) -> None:
    without = send(client, CAT).json()
    assert without["prediction"] is None and without["faces"] == []
    assert "No face" in without["text"]
    assert send(client, CAT, whole_picture="true").json()["prediction"] is not None


def test_fields_reach_the_analysis(client: TestClient, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    received: list[Settings] = []

    def record_settings(source: bytes, settings: Settings, detector: Detector, client: str) -> Iterator[Analysis]:
        assert (source, detector) == (ASTRONAUT.read_bytes(), service.models.get("lite_attention"))
        assert client == "testclient"
        received.append(settings)
        raise SettingsError("The test needs no more steps.")

    monkeypatch.setattr(service, "analyze", record_settings)
    fields = {"methods": "rise, lime,,rise", "trust": "on", "face": "3", "whole_picture": "true", "robustness": "off"}
    refusal(send(client, model="lite_attention", **fields), 422)
    refusal(client.post("/deepfake", files={"file": ASTRONAUT.read_bytes()}), 422)
    refusal(send(client, methods="", robustness="false"), 422)
    all_fields = Settings(methods=("rise", "lime"), trust=True, face=2, whole_picture=True, robustness=False)
    assert received == [all_fields, Settings(), Settings(methods=(), robustness=False)]


def test_without_maps_and_robustness_the_answer_has_no_regions_and_no_origin(
    client: TestClient, astronaut_answer: dict[str, Any]
) -> None:
    answer = send(client, methods="", robustness="false").json()
    assert answer["complete"] and answer["prediction"] == astronaut_answer["prediction"]
    assert answer["robustness"] is answer["provenance"] is None
    assert answer["regions"] == [] and answer["attributions"] == {}
    assert answer["seconds"].keys() == {"open", "faces", "predict"}


def test_each_readable_photo_is_kept(client: TestClient, kept_photos: Path) -> None:
    before = set(kept_photos.iterdir())
    for _ in range(2):
        assert send(client, CAT).status_code == 200
    assert send(client, b"no photo").status_code == 400
    new = set(kept_photos.iterdir()) - before
    assert len(new) == 2
    assert {path.read_bytes() for path in new} == {CAT.read_bytes()}


# Languages


@pytest.mark.parametrize(
    ("headers", "fields", "turkish"),
    [
        ({}, {}, False),
        ({"accept-language": "tr-TR,tr;q=0.9,en;q=0.8"}, {}, True),
        ({"accept-language": "en;q=0.5, tr"}, {}, True),
        ({"accept-language": "en-GB,tr;q=0.9"}, {}, False),
        ({"accept-language": "de, fr;q=0.9"}, {}, False),
        ({"accept-language": "de, tr;q=0.1"}, {}, True),
        ({"accept-language": "tr;q=nonsense,;;q"}, {}, False),
        ({"accept-language": "tr"}, {"language": "en"}, False),
        ({}, {"language": "tr"}, True),
    ],
)
def test_answers_and_refusals_are_in_the_language_of_the_request(
    client: TestClient, headers: dict[str, str], fields: dict[str, str], turkish: bool
) -> None:
    refused = send(client, b"no photo", headers, **fields).json()["error"]
    assert ("okunabilir" in refused) is turkish
    assert ("Yüz" in send(client, CAT, headers, **fields).json()["text"]) is turkish


def test_the_refusal_of_an_unknown_language_lists_the_available_ones(client: TestClient) -> None:
    sentence = refusal(send(client, language="klingon"), 422)
    assert all(name in sentence for name in ("klingon", "en", "tr"))


# The other routes


@pytest.mark.parametrize("path", ["/service", "/deepfake"])
def test_get_requests_are_redirected_to_the_page(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.headers["location"]) == (307, "./")


def test_health_reports_uptime_models_and_versions(client: TestClient, service: Service) -> None:
    health = client.get("/health").json()
    assert health["status"] == "ok"
    assert health["uptime_seconds"] > 0
    assert health["models_open"] == [service.models.first]
    assert (health["running"], health["waiting"]) == (0, 0)
    assert {"python", "gradio", "numpy", "ai-edge-litert"} <= set(health["versions"])
    assert client.head("/health").status_code == 200


def test_models_are_listed_with_their_calibration_and_licence(client: TestClient, service: Service) -> None:
    model, second = client.get("/models").json()
    assert (second["name"], second["first"]) == (SECOND.name, False)
    card = service.models.get(service.models.first).card
    assert model == {
        "name": "lite_attention",
        "first": True,
        "open": True,
        "architecture": "lite_attention",
        "calibrated": True,
        "inconclusive_band": list(card.inconclusive_band),
        "sha256": card.sha256,
        "licence": card.licence,
        "problem": None,
    }


def test_openapi_describes_exactly_the_public_routes(client: TestClient) -> None:
    described = client.get("/openapi.json").json()
    assert described["openapi"].startswith("3.")
    assert {path: sorted(methods) for path, methods in described["paths"].items()} == {
        "/deepfake": ["post"],
        "/clip": ["post"],
        "/service": ["get"],
        "/health": ["get"],
        "/ready": ["get"],
        "/models": ["get"],
    }
    deepfake = described["paths"]["/deepfake"]["post"]
    assert set(deepfake["responses"]) == {"200", "400", "413", "422", "500", "503", "507"}
    (form,) = (schema for name, schema in described["components"]["schemas"].items() if "deepfake" in name)
    assert form["required"] == ["file"]
    fields = {"file", "model", "second", "face", "whole_picture", "methods", "robustness", "trust", "language"}
    assert set(form["properties"]) == fields
    assert all(field["description"] for field in form["properties"].values())
    (form,) = (schema for name, schema in described["components"]["schemas"].items() if "clip" in name)
    assert set(form["properties"]) == {"file", "model", "frames", "whole_picture", "language"}
