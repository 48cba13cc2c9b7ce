"""Tests that an unexpected error becomes one general sentence in every interface, with its details in the log."""

from __future__ import annotations

import base64
import json
import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

import explain.analysis
import explain.steps
from explain.batch.judge import judge_many
from explain.interfaces import command
from explain.interfaces.gradio_api import GradioEndpoints
from explain.interfaces.http import plain_routes
from explain.interfaces.mcp.tools import PATHS, assistants
from explain.page import what_if
from explain.page.components.controls import AT_FIRST
from explain.page.components.refusals import refusals_shown
from explain.page.run import Page
from explain.service.refusal import Refused
from explain.service.service import Service
from explain.settings import Settings
from model.available import Models
from model.detector.detector import Detector
from model.i18n.catalogue import translate, use_language

# Not an example itself: shipped results answer the examples.
PHOTO = Path(tempfile.mkdtemp()) / "portrait.jpg"
PHOTO.write_bytes((Path(__file__).resolve().parents[2] / "examples" / "hopper_face.jpg").read_bytes() + b"\0")
FAULT = "operands could not be broadcast together with shapes (3,) (4,)"
INPUTS: dict[str, Any] = {
    **AT_FIRST,
    **{"language": "tr", "photo": str(PHOTO), "superpixels": 20, "samples": 200, "robustness": True},
    **{
        "face": 0,
        "whole": False,
        "seen": None,
        "second_seen": None,
        "hidden": [],
        "regions": [],
        "top": 0,
        "slide_map": "lime",
    },
    **{"many_progress": None},
}


def broken(*arguments: Any, **options: Any) -> Any:
    raise ValueError(FAULT)


class OneModel(Models):
    """Only the model of the test, without a search for others."""

    def __init__(self, detector: Detector) -> None:
        self.first, self.importing, self._detector = detector.name, None, detector

    @property
    def names(self) -> list[str]:
        return [self.first]

    def get(self, name: str) -> Detector:
        return self._detector


@pytest.fixture
def service(quick_detector: Detector) -> Service:
    return Service(OneModel(quick_detector))


@pytest.fixture(params=["regions", "a map", "robustness"])
def fault(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The step of an analysis in which NumPy fails."""
    if request.param == "a map":
        monkeypatch.setattr(explain.steps, "explainers", lambda samples: {"lime": broken})
    else:
        name = {"regions": "named_regions", "robustness": "measure_robustness"}[request.param]
        monkeypatch.setattr(explain.steps, name, broken)
    return str(request.param)


def by_page(service: Service) -> str:
    steps = list(Page(service.models, service).show({**INPUTS, "model": service.models.first}, "visitor"))
    return "".join(str(step.get("notice", "")) + str(step.get("status", "")) for step in steps)


def by_http(service: Service) -> str:
    with TestClient(FastAPI(openapi_url=None, routes=plain_routes(service))) as client:
        fields = {"file": ("me.jpg", PHOTO.read_bytes())}
        answer = client.post("/deepfake", files=fields, headers={"accept-language": "tr"})
    assert answer.status_code == 500
    return str(answer.json())


def by_mcp(service: Service) -> str:
    routes, lifespan = assistants(service, PHOTO.parent)
    photo = f"data:image/jpeg;base64,{base64.b64encode(PHOTO.read_bytes()).decode()}"
    call = {"name": "analyze_photo", "arguments": {"photo": photo, "language": "tr"}}
    request = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
    headers = {"accept": "application/json, text/event-stream"}
    with TestClient(FastAPI(routes=routes, lifespan=lifespan)) as client:
        lines = client.post(PATHS[0], json=request, headers=headers).text.splitlines()
    answers = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]
    assert answers[-1]["result"]["isError"] is True
    return str(answers[-1]["result"]["content"])


def by_gradio_api(service: Service) -> str:
    settings = ("Fake", 20, 200, 8, "slic", "mean", False, False, False, 1, False, 0)
    with pytest.raises(Refused) as caught:
        list(GradioEndpoints(service).explain_photo(str(PHOTO), ["lime"], *settings, service.models.first, "tr"))
    return str(caught.value)


INTERFACES = {"page": by_page, "HTTP": by_http, "MCP": by_mcp, "Gradio API": by_gradio_api}


@pytest.mark.slow
@pytest.mark.parametrize("interface", INTERFACES)
def test_an_internal_error_becomes_one_general_sentence(
    interface: str, fault: str, service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    shown = INTERFACES[interface](service)
    with use_language("tr"):
        assert translate("failed") in shown.replace("&#x27;", "'")
    assert "broadcast" not in shown and "shapes" not in shown
    assert FAULT in caplog.text and "Traceback" in caplog.text


@pytest.mark.slow
def test_the_command_line_reports_it_for_the_photo_and_continues(
    fault: str, quick_detector: Detector, capsys: pytest.CaptureFixture[str], caplog: Any
) -> None:
    settings = Settings(superpixels=20, samples=200)
    assert command._explained("photo", PHOTO, settings, [quick_detector], lambda: False) == []
    shown = capsys.readouterr().err
    (row,) = list(judge_many([PHOTO], quick_detector))[-1].rows
    assert row.problem is None, "a table needs neither regions nor maps nor robustness"
    assert translate("failed") in shown and "broadcast" not in shown
    assert FAULT in caplog.text and "Traceback" in caplog.text


@pytest.mark.parametrize("name", ["without", "smallest_flip"])
def test_internal_errors_of_a_what_if_or_a_flip_are_raised_too(
    name: str, monkeypatch: pytest.MonkeyPatch, quick_detector: Detector
) -> None:
    monkeypatch.setattr(explain.steps, name, broken)
    settings = Settings(superpixels=20, samples=100, robustness=False, hidden=(0,), flip=True)
    with pytest.raises(ValueError, match="broadcast"):
        for latest in explain.analysis.analyze(PHOTO, settings, quick_detector):
            assert "broadcast" not in str(latest.problems)


@pytest.mark.slow
def test_a_click_on_the_page_is_answered_by_the_general_sentence(
    service: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(what_if, "smallest_flip", broken)
    *_, last = Page(service.models, service).show({**INPUTS, "model": service.models.first}, "visitor")
    with pytest.raises(gr.Error) as caught, refusals_shown("tr"):
        what_if.hide_smallest({**INPUTS, "seen": last["seen"]})
    assert caught.value.message.startswith("WhyFake içinde bir hata") and FAULT in caplog.text


def test_a_refusal_that_says_how_it_is_shown_is_shown_so(caplog: pytest.LogCaptureFixture) -> None:
    refusal = gr.Error("This file is no model.", visible=False, print_exception=False)
    with pytest.raises(gr.Error) as caught, refusals_shown("en"):
        raise refusal
    assert caught.value is refusal and not caplog.text


@pytest.fixture(autouse=True)
def everything_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.ERROR):
        yield
