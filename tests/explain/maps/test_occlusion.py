"""Occlusion against a world whose weights are known exactly."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from numpy.typing import NDArray

from explain.maps.occlusion import occlusion
from explain.maps.subject import BATCH, Subject

SIDE, GRID = 24, 4
K = GRID * GRID
CELL = np.arange(SIDE) * GRID // SIDE
SEGMENTS = (CELL[:, None] * GRID + CELL).astype(np.int32)  # 16 squares
CROP = np.random.RandomState(7).randint(1, 256, (SIDE, SIDE, 3)).astype(np.uint8)  # no pixel is black
# What each region adds to P(Fake) when it is visible; all different, sum within 0..1.
TRUTH = np.random.RandomState(8).permutation(np.linspace(-0.05, 0.07, K))


class LinearModel:
    """P(Fake) = 0.3 + TRUTH · visible regions, where a black region is a hidden one; keeps every batch."""

    card = SimpleNamespace(labels=("Fake", "Real"))

    def __init__(self, segments: NDArray[np.int32] = SEGMENTS, truth: NDArray[np.float64] = TRUTH) -> None:
        self.batches: list[NDArray[np.uint8]] = []
        self.corners = np.unique(segments, return_index=True)[1]  # a pixel of each region
        self.truth = truth

    def probabilities(self, crops: NDArray[np.uint8]) -> NDArray[np.float64]:
        self.batches.append(crops)
        visible = crops.reshape(len(crops), -1, 3)[:, self.corners].any(axis=2)
        fake = 0.3 + visible @ self.truth
        return np.stack([fake, 1 - fake], axis=1)


@pytest.mark.parametrize(("target", "sign"), [("Fake", 1), ("Real", -1)])
def test_weights_of_a_linear_model_are_exact(target: str, sign: int) -> None:
    (found,) = occlusion(Subject(CROP, SEGMENTS, target, LinearModel(), "black"))
    assert found.weights is not None
    np.testing.assert_allclose(found.weights, sign * TRUTH, atol=1e-6)
    assert np.array_equal(found.map, found.weights[SEGMENTS])
    assert (found.method, found.target, found.native_shape) == ("occlusion", target, (SIDE, SIDE))


def test_regions_that_stand_in_for_each_other_get_no_weight() -> None:
    class EitherOfTwo(LinearModel):
        def probabilities(self, crops: NDArray[np.uint8]) -> NDArray[np.float64]:
            fake = 0.1 + 0.8 * crops.reshape(len(crops), -1, 3)[:, self.corners[[2, 9]]].any(axis=(1, 2))
            return np.stack([fake, 1 - fake], axis=1)

    (found,) = occlusion(Subject(CROP, SEGMENTS, "Fake", EitherOfTwo(), "black"))
    assert found.weights is not None and not found.weights.any()
    assert found.evidence["model_prediction"] == pytest.approx(0.9)


def test_says_what_it_rests_on() -> None:
    names = tuple(f"square {number}" for number in range(K))
    (found,) = occlusion(Subject(CROP, SEGMENTS, "Fake", LinearModel(), "black", names=names))
    assert (found.evidence["samples"], found.evidence["hide"], found.evidence["complete"]) == (K + 1, "black", True)
    assert found.evidence["model_prediction"] == pytest.approx(0.3 + TRUTH.sum())
    assert float(found.evidence["seconds"]) > 0
    assert found.names == names
    assert found.segments is not None and np.array_equal(found.segments, SEGMENTS)


def many_regions() -> Subject:
    """A subject of 144 regions, which take three batches."""
    cell = np.arange(SIDE) // 2
    segments = (cell[:, None] * 12 + cell).astype(np.int32)
    truth = np.random.RandomState(3).uniform(-0.003, 0.003, 144)
    return Subject(CROP, segments, "Fake", LinearModel(segments, truth), "black")


def test_many_regions_are_asked_about_in_batches() -> None:
    subject = many_regions()
    (found,) = occlusion(subject)
    assert [len(batch) for batch in subject.detector.batches] == [BATCH, BATCH, 145 - 2 * BATCH]
    assert found.weights is not None
    np.testing.assert_allclose(found.weights, subject.detector.truth, atol=1e-6)


@pytest.mark.parametrize("allowed", [0, 1])
def test_cancelling_asks_for_no_further_batch(allowed: int) -> None:
    subject = many_regions()
    assert not list(occlusion(subject, lambda: len(subject.detector.batches) >= allowed))
    assert len(subject.detector.batches) == allowed
