"""Tests of occlusion on models with exactly known weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from explain.maps.occlusion import occlusion
from explain.maps.subject import BATCH, Subject
from tests.support.worlds import World, noise, of_lit_regions, squares

SIDE, GRID = 24, 4
K = GRID * GRID
SEGMENTS = squares(SIDE, GRID)
CROP = noise(SIDE, darkest=1)  # no pixel is black
# What each region adds to P(Fake) when it is visible; all different, sum within 0..1.
TRUTH = np.random.RandomState(8).permutation(np.linspace(-0.05, 0.07, K))


def linear(segments: NDArray[np.int32] = SEGMENTS, truth: NDArray[np.float64] = TRUTH) -> Any:
    """P(Fake) = 0.3 + TRUTH · visible regions; a black region counts as hidden."""
    return World(of_lit_regions(lambda visible: 0.3 + visible @ truth, segments))


@pytest.mark.parametrize(("target", "sign"), [("Fake", 1), ("Real", -1)])
def test_weights_of_a_linear_model_are_exact(target: str, sign: int) -> None:
    (found,) = occlusion(Subject(CROP, SEGMENTS, target, linear(), "black"))
    assert found.weights is not None
    np.testing.assert_allclose(found.weights, sign * TRUTH, atol=1e-6)
    assert np.array_equal(found.map, found.weights[SEGMENTS])
    assert (found.method, found.target, found.native_shape) == ("occlusion", target, (SIDE, SIDE))


def test_redundant_regions_get_no_weight() -> None:
    either: Any = World(of_lit_regions(lambda visible: 0.1 + 0.8 * visible[:, [2, 9]].any(axis=1), SEGMENTS))
    (found,) = occlusion(Subject(CROP, SEGMENTS, "Fake", either, "black"))
    assert found.weights is not None and not found.weights.any()
    assert found.evidence["model_prediction"] == pytest.approx(0.9)


def test_evidence_states_samples_hide_value_and_prediction() -> None:
    names = tuple(f"square {number}" for number in range(K))
    (found,) = occlusion(Subject(CROP, SEGMENTS, "Fake", linear(), "black", names=names))
    assert (found.evidence["samples"], found.evidence["hide"], found.evidence["complete"]) == (K + 1, "black", True)
    assert found.evidence["model_prediction"] == pytest.approx(0.3 + TRUTH.sum())
    assert float(found.evidence["seconds"]) > 0
    assert found.names == names
    assert found.segments is not None and np.array_equal(found.segments, SEGMENTS)


MANY = np.random.RandomState(3).uniform(-0.003, 0.003, 144)


def many_regions() -> Subject:
    """A subject of 144 regions, which take three batches and add ``MANY`` to P(Fake)."""
    segments = squares(SIDE, 12)
    return Subject(CROP, segments, "Fake", linear(segments, MANY), "black")


def test_many_regions_are_predicted_in_batches() -> None:
    subject = many_regions()
    (found,) = occlusion(subject)
    assert [len(batch) for batch in subject.detector.batches] == [BATCH, BATCH, 145 - 2 * BATCH]
    assert found.weights is not None
    np.testing.assert_allclose(found.weights, MANY, atol=1e-6)


@pytest.mark.parametrize("allowed", [0, 1])
def test_cancelling_predicts_no_further_batch(allowed: int) -> None:
    subject = many_regions()
    assert not list(occlusion(subject, lambda: len(subject.detector.batches) >= allowed))
    assert len(subject.detector.batches) == allowed
