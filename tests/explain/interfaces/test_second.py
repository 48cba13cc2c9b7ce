"""The comparison with a second model, over plain HTTP, Gradio's API and the tools for assistants."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from PIL import Image
from starlette.testclient import TestClient

from explain.interfaces.gradio_api import GradioEndpoints
from explain.interfaces.http import plain_routes
from explain.interfaces.mcp.tools import PATHS, assistants
from explain.service.refusal import Refused
from explain.service.service import Service
from model import available
from model.available import MODEL_FOLDER, FoundModel, Models
from model.paths import SHIPPED
from tests.support.worlds import FormulaDetector, noise, uneven_right_half


def png() -> bytes:
    """A picture without a face."""
    buffer = io.BytesIO()
    Image.fromarray(noise(192)).save(buffer, "png")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    """Two models with opposite probabilities; the second one has no calibration temperature."""

    def open_model(found: FoundModel, *_: Any) -> FormulaDetector:
        is_first = found.name == "one"
        detector = FormulaDetector(uneven_right_half if is_first else lambda crops: 1 - uneven_right_half(crops))
        detector.name = found.name
        detector.card = replace(detector.card, temperature=1.0 if is_first else None, fake_bias=0.0)
        return detector

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(available, "open_model", open_model)
        yield Service(Models([FoundModel(name, SHIPPED, MODEL_FOLDER) for name in ("one", "two")]))


@pytest.fixture(scope="module")
def client(service: Service) -> Iterator[TestClient]:
    routes, lifespan = assistants(service, Path())
    with TestClient(FastAPI(routes=[*plain_routes(service), *routes], lifespan=lifespan)) as client:
        yield client


def send(client: TestClient, accept: str = "application/json", **fields: str) -> Any:
    form = {"methods": "lime", "whole_picture": "true", **fields}
    return client.post("/deepfake", files={"file": ("a.png", png())}, data=form, headers={"accept": accept})


@pytest.mark.slow
def test_http_answers_with_the_results_of_both_models(client: TestClient) -> None:
    found = send(client, second="two").json()
    second = found["second"]
    assert (found["model"]["name"], second["model"]["name"]) == ("one", "two")
    assert second["settings"]["target"] == found["settings"]["target"], "both models explain the same class"
    assert second["comparison"]["correlation"] < -0.9
    assert second["sentence"] in found["text"] and second["sentence"].endswith(".")
    page = send(client, accept="text/html", second="two").text
    assert second["sentence"].replace("'", "&#39;") in page and page.count('class="beside ') == 2


@pytest.mark.slow
def test_http_without_a_second_model_answers_without_a_comparison(client: TestClient) -> None:
    assert "second" not in send(client, methods="occlusion").json()
    assert "second" not in send(client, methods="occlusion", second="").json()


@pytest.mark.parametrize(("second", "expected"), [("one", "choose another one"), ("three", "'three'")])
def test_the_second_model_must_exist_and_differ_from_the_first(client: TestClient, second: str, expected: str) -> None:
    answer = send(client, second=second)
    assert answer.status_code == 422 and expected in answer.json()["error"]


def test_models_without_the_main_map_are_not_compared(client: TestClient) -> None:
    second = send(client, second="two", methods="occlusion").json()["second"]
    assert second["comparison"] is None and "can't be compared" in second["sentence"]
    assert second["prediction"]["verdict"] != "", "the answer still has its verdict"


SETTINGS = ("likelier", 12, 150, 8)


@pytest.mark.slow
def test_gradio_api_answers_with_the_results_of_both_models(service: Service) -> None:
    endpoints, shared = GradioEndpoints(service), ("slic", "mean", False, False, False, 1, True, 0, "one", "en")
    *steps, (report, maps) = endpoints.explain_photo(png(), ["lime"], *SETTINGS, *shared, second="two")
    assert report["second"]["comparison"]["correlation"] < -0.9
    assert [title for _, title in maps] == ["LIME superpixels", "LIME superpixels (two)"]
    assert "second" not in steps[0][0], "the first model's result does not wait for the second one"
    first_complete = next(report for report, _ in steps if report["complete"])
    assert first_complete["prediction"] == report["prediction"]
    with pytest.raises(Refused, match="choose another one"):
        list(endpoints.explain_photo(png(), ["lime"], *SETTINGS, *shared, second="one"))
    more = ("one", [], False, False, "slic", "mean", "en", "two")
    *_, (report, _, _, further) = endpoints.analyze_photo(png(), *SETTINGS, False, True, *more)
    assert [title for _, title in further] == ["LIME superpixels (two)"] and report["second"]["complete"]


@pytest.mark.slow
def test_assistants_get_the_results_of_both_models(client: TestClient) -> None:
    arguments = {"photo": f"data:image/png;base64,{base64.b64encode(png()).decode()}", "second": "two"}
    arguments |= {"whole_picture": True, "methods": ["lime"], "trust": False, "samples": 150, "superpixels": 12}
    call = {"name": "explain_photo", "arguments": arguments}
    request = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
    headers = {"accept": "application/json, text/event-stream"}
    answer = client.post(PATHS[0], json=request, headers=headers).text
    result = json.loads(answer[answer.rindex('{"jsonrpc"') :])["result"]
    assert not result.get("isError")
    texts = [content["text"] for content in result["content"] if content["type"] == "text"]
    assert any("correlation of" in text and "two" in text for text in texts)
    (comparison,) = (json.loads(text)["comparison"] for text in texts if text.startswith('{"comparison"'))
    assert comparison["correlation"] < -0.9
    assert len([content for content in result["content"] if content["type"] == "image"]) == 4
