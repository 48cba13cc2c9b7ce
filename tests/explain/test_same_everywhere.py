"""Tests that every interface and any number of threads give the same figures for the same photo and settings."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from explain.analysis import analyze
from explain.interfaces import command
from explain.interfaces.http import plain_routes
from explain.report.as_json import to_dict
from explain.result import Analysis
from explain.service.service import Service
from explain.settings import Settings
from model.available import Models, available_models
from model.cli import run
from model.detector.detector import Detector

PHOTO = Path(__file__).resolve().parents[2] / "examples" / "hopper_face.jpg"
QUICK = Settings(superpixels=20, samples=100, segmentation="slic", robustness=True)
OPTIONS = ("--samples", "100", "--superpixels", "20", "--json")


def without_times(answer: Any) -> Any:
    """The answer without the seconds that it took, and without its sentence, which names the file."""
    if isinstance(answer, dict):
        return {name: without_times(value) for name, value in answer.items() if name not in ("seconds", "text")}
    return [without_times(value) for value in answer] if isinstance(answer, list) else answer


@pytest.fixture(scope="module")
def found(detector: Detector) -> Analysis:
    *_, found = analyze(PHOTO, QUICK, detector)
    return found


@pytest.fixture(scope="module")
def figures(found: Analysis) -> Any:
    return without_times(json.loads(json.dumps(to_dict(found))))


@pytest.mark.slow
def test_the_command_line_gives_the_same_figures(
    figures: Any, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["explain", str(PHOTO), *OPTIONS])
    with pytest.raises(SystemExit) as ended:
        run(command.main, "")
    assert not ended.value.code
    answer = json.loads(capfd.readouterr().out)
    assert without_times({name: answer[name] for name in figures}) == figures


@pytest.mark.slow
def test_plain_http_gives_the_same_figures(detector: Detector) -> None:
    with TestClient(FastAPI(routes=plain_routes(Service(Models(available_models()))))) as client:
        form = {"methods": "attention,occlusion"}
        answer = client.post("/deepfake", files={"file": ("a.jpg", PHOTO.read_bytes())}, data=form).json()
    *_, found = analyze(PHOTO, Settings(methods=("attention", "occlusion")), detector)
    assert without_times(answer) == without_times(json.loads(json.dumps(to_dict(found))))


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2])
def test_the_number_of_threads_changes_no_shown_figure(threads: int, found: Analysis) -> None:
    """Threads may add up in another order: probabilities agree to 1e-5, weights of regions to 1e-4."""
    detector = Detector()
    detector._engine._threads = threads
    *_, again = analyze(PHOTO, QUICK, detector)
    assert again.prediction is not None and found.prediction is not None
    assert again.prediction.verdict == found.prediction.verdict
    assert again.prediction.probabilities["Fake"] == pytest.approx(found.prediction.probabilities["Fake"], abs=1e-5)
    first, second = (analysis.attributions["lime"].weights for analysis in (again, found))
    assert first is not None and second is not None
    np.testing.assert_allclose(first, second, atol=1e-4)
