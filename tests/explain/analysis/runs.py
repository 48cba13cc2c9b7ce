"""Photos, quick settings, and the last analysis of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from explain.analysis import analyze
from explain.result import Analysis
from explain.settings import Settings
from model.detector.detector import Detector

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
PHOTO, CAT = EXAMPLES / "astronaut.jpg", EXAMPLES / "cat.jpg"
QUICK = Settings(superpixels=20, samples=150)  # grows in several steps


def last_analysis(source: Any, settings: Settings, detector: Detector) -> Analysis:
    *_, analysis = analyze(source, settings, detector)
    return analysis
