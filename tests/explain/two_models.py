"""Analyses of one photo by models with known maps, for tests of two models side by side."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explain.analysis import analyze
from explain.comparison import Second
from explain.result import Analysis
from explain.settings import Settings
from model.artifact.card import TFLITE, Card
from model.artifact.preprocessing import Preprocessing
from tests.support.worlds import Formula, FormulaDetector

SETTINGS = Settings(
    target="Fake", methods=("lime",), robustness=False, superpixels=10, samples=150, whole_picture=True, hide="black"
)
CARD = Card("lite_attention", Preprocessing(128), ("Fake", "Real"))
ORDER = np.arange(1, 11) / 10  # how strongly each region speaks for Fake
UNRELATED = np.array([2, 8, 5, 9, 3, 7, 4, 10, 1, 6]) / 10


def photo() -> NDArray[np.uint8]:
    """A picture without a face, from dark on the left to bright on the right."""
    return np.repeat(np.tile(np.linspace(20, 240, 128, dtype=np.uint8), (128, 1))[..., None], 3, axis=2)


def right_half(crops: NDArray[np.uint8]) -> NDArray[np.float64]:
    """P(Fake) grows with the brightness of the right half."""
    return crops[:, :, 128:].mean(axis=(1, 2, 3)) / 255


def analysed(formula: Formula, **settings: Any) -> Analysis:
    (*_, last) = analyze(photo(), replace(SETTINGS, **settings), FormulaDetector(formula))
    return last


def weighing(analysis: Analysis, weights: NDArray[np.floating], verdict: str = "Fake", name: str = "one") -> Analysis:
    """The same face cut into ten columns with these weights."""
    assert analysis.subject is not None and analysis.prediction is not None
    side = len(analysis.subject.segments)
    segments = np.tile(np.arange(side, dtype=np.int32) * 10 // side, (side, 1))
    values = weights.astype(np.float32)
    own = {"map": values[segments], "weights": values, "segments": segments, "intervals": None, "names": None}
    lime = replace(analysis.attributions["lime"], **own)
    return replace(
        analysis,
        subject=replace(analysis.subject, segments=segments, names=None),
        attributions={"lime": lime},
        prediction=replace(analysis.prediction, verdict=verdict),
        model={**analysis.model, "name": name, TFLITE: name},  # each has its own network
    )


def beside(first: Analysis, weights: NDArray[np.floating], verdict: str = "Fake") -> Second:
    return Second.of(first, weighing(first, weights, verdict, "other"), CARD)
