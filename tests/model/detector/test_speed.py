"""Tests of timing networks: they take turns, each at its own input size, and the figures are correct."""

from __future__ import annotations

import math
import shutil
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from model.artifact.card import load_artifact, write_card
from model.artifact.preprocessing import Preprocessing
from model.detector import speed
from model.detector.engine import BATCH_SIZES
from model.detector.speed import SINGLES_PER_BATCH, speeds


def test_network_is_timed_on_a_batch_and_on_a_single_picture(tiny_artifact: Path) -> None:
    per_second, milliseconds = speeds({"net": tiny_artifact}, 1)["net"]
    assert 0 < per_second < math.inf and 0 < milliseconds < math.inf


def test_networks_take_turns_and_the_first_round_does_not_count(
    tiny_artifact: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = shutil.copytree(tiny_artifact, tmp_path / "large")
    write_card(large, replace(load_artifact(large), preprocessing=Preprocessing(24)))
    calls: list[tuple[str, tuple[int, ...]]] = []
    clock = [0.0]

    class Fake:
        def __init__(self, path: Path) -> None:
            self.name = path.parent.name

        def __call__(self, pixels: np.ndarray) -> None:
            first = (self.name, pixels.shape) not in calls
            calls.append((self.name, pixels.shape))
            cost = 0.002 if self.name == "large" else 0.001
            clock[0] += 60.0 if first else cost * (len(pixels) / 2 if len(pixels) > 1 else 1)

    monkeypatch.setattr(speed, "Engine", Fake)
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])
    found = speeds({"tiny": tiny_artifact, "large": large}, 3)
    assert found["tiny"] == pytest.approx((2000, 1)) and found["large"] == pytest.approx((1000, 2))
    assert len(calls) == 2 * 4 * (1 + SINGLES_PER_BATCH)
    assert [name for name, _ in calls] == ["tiny", "large"] * (len(calls) // 2)
    assert {shape for name, shape in calls if name == "large"} == {(BATCH_SIZES[-1], 24, 24, 3), (1, 24, 24, 3)}
