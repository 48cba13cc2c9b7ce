from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest

from explain.maps.attribution import Attribution
from explain.regions.superpixels import count_superpixels

SEGMENTS = np.array([[0, 0, 1], [0, 2, 1], [2, 2, 1]], np.int32)
WEIGHTS = np.array([0.5, -0.25, 0.0], np.float32)
VALID = Attribution("lime", "Fake", WEIGHTS[SEGMENTS], (3, 3), SEGMENTS, WEIGHTS, {"samples": 100})


def test_map_without_superpixels() -> None:
    attribution = replace(VALID, method="attention", native_shape=(1, 3), segments=None, weights=None)
    assert attribution.native_shape == (1, 3)


def test_is_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        VALID.target = "Real"  # type: ignore[misc]


def test_compares_by_identity() -> None:
    same, equal_copy = VALID, replace(VALID)
    assert same == VALID
    assert equal_copy != VALID


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": ""}, "need a name"),
        ({"target": ""}, "need a name"),
        ({"map": VALID.map.astype(np.float64)}, "map must be a 2-D array of float32, got float64"),
        ({"map": VALID.map[None]}, "map must be a 2-D array"),
        ({"map": VALID.map.tolist()}, "got list"),
        ({"map": VALID.map[:2]}, r"map must be square and not empty, \(S, S\), got \(2, 3\)"),
        ({"map": np.full((3, 3), np.nan, np.float32)}, "map must be finite"),
        ({"native_shape": (0, 3)}, "native_shape must be"),
        ({"native_shape": (3,)}, "native_shape must be"),
        ({"segments": SEGMENTS.astype(np.int64)}, "segments must be a 2-D array of int32, got int64"),
        ({"segments": np.zeros((2, 2), np.int32)}, "segments must have the map's shape"),
        ({"segments": SEGMENTS + 1}, "every label from 0 to K-1, got 3 labels from 1 to 3"),
        ({"weights": WEIGHTS.astype(np.float64)}, "weights must be a 1-D array of float32"),
        ({"weights": WEIGHTS[:2]}, r"weights must be one per superpixel, \(3,\), got \(2,\)"),
        ({"segments": None}, "weights belong to superpixels"),
    ],
)
def test_refuses_fields_that_do_not_fit_together(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(VALID, **change)


def test_counts_superpixels() -> None:
    assert count_superpixels(SEGMENTS) == 3


@pytest.mark.parametrize("labels", [[[0, 2]], [[-1, 0]], [[1, 2]], [[0.0, 1.0]], [[]]])
def test_refuses_labels_with_gaps(labels: list) -> None:
    with pytest.raises(ValueError, match="segments must"):
        count_superpixels(np.array(labels))


def test_refuses_intervals_and_names_that_fit_no_weight() -> None:
    bounds = np.stack([WEIGHTS - 0.1, WEIGHTS + 0.1], axis=1)
    assert replace(VALID, intervals=bounds, names=("nose", "mouth", "chin")).intervals is bounds
    with pytest.raises(ValueError, match="two bounds per weight"):
        replace(VALID, intervals=bounds[:2])
    with pytest.raises(ValueError, match="lower bound first"):
        replace(VALID, intervals=np.ascontiguousarray(bounds[:, ::-1]))
    with pytest.raises(ValueError, match="one per superpixel, got 2"):
        replace(VALID, names=("nose", "mouth"))


def test_region_values_are_means_over_other_regions() -> None:
    halves = np.array([[0, 0, 0], [1, 1, 1], [1, 1, 1]])
    expected = [VALID.map[0].mean(), VALID.map[1:].mean()]
    np.testing.assert_allclose(VALID.region_values(halves), expected, rtol=1e-6)
