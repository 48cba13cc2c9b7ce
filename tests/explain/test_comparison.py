"""Tests of two models side by side, on detectors whose reasons are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from explain.analysis import analyze
from explain.comparison import compare
from explain.result import Analysis
from explain.settings import Settings
from tests.worlds import FormulaDetector, brightness

SETTINGS = Settings(target="Fake", methods=("lime",), robustness=False, superpixels=10, samples=150, whole_picture=True)


def photo() -> NDArray[np.uint8]:
    """A picture without a face, from dark on the left to bright on the right."""
    return np.repeat(np.tile(np.linspace(20, 240, 128, dtype=np.uint8), (128, 1))[..., None], 3, axis=2)


def right_half(crops: NDArray[np.uint8]) -> NDArray[np.float64]:
    """P(Fake) grows with the brightness of the right half."""
    return crops[:, :, 128:].mean(axis=(1, 2, 3)) / 255


def analysed(formula: object, **changes: object) -> Analysis:
    detector = FormulaDetector(formula)  # type: ignore[arg-type]
    detector.card = replace(detector.card, **changes)
    (*_, last) = analyze(photo(), replace(SETTINGS, hide="black"), detector)
    return last


@pytest.mark.slow
def test_model_agrees_with_itself_and_not_with_its_opposite() -> None:
    first = analysed(right_half)
    same = compare(first, analysed(right_half))
    assert same is not None and same.correlation == 1 and same.same_verdict and same.shared
    assert same.to_dict()["correlation"] == 1
    opposite = compare(first, analysed(lambda crops: 1 - right_half(crops)))
    assert opposite is not None and opposite.correlation < -0.9
    assert opposite.shared == () and not opposite.same_verdict


@pytest.mark.slow
def test_models_that_see_other_squares_are_compared_where_both_see() -> None:
    first = analysed(brightness)
    second = analysed(brightness)
    assert second.chosen is not None
    half = replace(second, chosen=replace(second.chosen, square=(64.0, 0.0, 128.0)))
    found = compare(first, half)
    assert found is not None and first.subject is not None
    assert 0 < len(found.regions) < first.subject.count


def test_without_a_main_map_nothing_is_compared() -> None:
    detector = FormulaDetector(brightness)
    (*_, bare) = analyze(photo(), replace(SETTINGS, methods=()), detector)
    assert compare(bare, bare) is None
