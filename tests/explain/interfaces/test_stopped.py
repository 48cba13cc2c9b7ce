"""Descriptions of an analysis that was stopped after its verdict, before the face was cut into regions."""

from __future__ import annotations

from pathlib import Path

import pytest

from explain.analysis import analyze
from explain.interfaces.mcp import tools
from explain.report.as_json import to_dict
from explain.report.files import archive
from explain.result import Analysis
from explain.settings import Settings
from explain.wording.summary import plain_text
from model.detector.detector import Detector

PHOTO = Path(__file__).parents[3] / "examples" / "astronaut.jpg"


@pytest.fixture(scope="module")
def stopped(quick_detector: Detector) -> Analysis:
    return next(step for step in analyze(PHOTO, Settings(), quick_detector) if step.prediction is not None)


def test_the_verdict_comes_before_the_regions(stopped: Analysis) -> None:
    assert stopped.subject is None and set(stopped.attributions) == {"attention"} and not stopped.complete


@pytest.mark.slow
def test_every_output_accepts_a_stopped_analysis(stopped: Analysis, quick_detector: Detector) -> None:
    card = quick_detector.card
    assert to_dict(stopped)["regions"] == []
    assert tools._numbers(stopped, card)["maps"] == {} and set(tools._captions(stopped)) == {"photo"}
    assert plain_text(stopped, card, "photo") and archive(stopped, card)
