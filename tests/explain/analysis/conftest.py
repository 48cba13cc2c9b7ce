"""One analysis of the shipped model, for all tests of this folder."""

from __future__ import annotations

import pytest

from explain.analysis import analyze
from explain.result import Analysis
from model.detector.detector import Detector
from tests.explain.analysis.runs import PHOTO, QUICK


@pytest.fixture(scope="session")
def steps(detector: Detector) -> list[Analysis]:
    """Every analysis of the astronaut's photo, in order."""
    return list(analyze(PHOTO, QUICK, detector))
