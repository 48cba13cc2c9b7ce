"""Tests of what a command does before its first photo."""

from __future__ import annotations

import os

import numpy as np
import pytest
from numpy.typing import NDArray

from explain import predictions
from explain.predictions import warm_up
from tests.support.worlds import QuickDetector


def test_what_libraries_say_at_their_first_use_is_not_shown(
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


def test_a_network_without_an_answer_for_one_colour_can_be_used(
    quick_detector: QuickDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[NDArray[np.uint8]] = []
    monkeypatch.setattr(quick_detector, "predict", given.append)
    warm_up(quick_detector)
    (crop,) = given
    assert (crop.std(axis=(0, 1)) > 0).all(), "a network may divide by it"
