"""Tests of the warm-up before the first photo of a command."""

from __future__ import annotations

import os

import numpy as np
import pytest
from numpy.typing import NDArray

from explain import predictions
from explain.predictions import warm_up
from tests.support.worlds import QuickDetector


def test_output_of_libraries_at_their_first_use_is_hidden(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], quick_detector: QuickDetector
) -> None:
    """With an ONNX model the first network that LiteRT runs is the face parser."""
    parsed: list[tuple[int, ...]] = []

    def parse(crop: NDArray[np.uint8]) -> None:
        os.write(2, b"INFO: Created a delegate.")
        parsed.append(crop.shape)

    monkeypatch.setattr(predictions, "parse_face", parse)
    warm_up(quick_detector)
    assert len(parsed) == 1 and capfd.readouterr().err == ""


def test_warm_up_does_not_use_a_crop_of_one_colour(
    quick_detector: QuickDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[NDArray[np.uint8]] = []
    monkeypatch.setattr(quick_detector, "predict", given.append)
    warm_up(quick_detector)
    (crop,) = given
    assert (crop.std(axis=(0, 1)) > 0).all(), "a network may divide by it"
