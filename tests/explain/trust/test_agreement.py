"""Tests of the agreement between maps with known ranks."""

from __future__ import annotations

import json

import numpy as np
import pytest
from numpy.typing import NDArray

from explain.maps.attribution import Attribution
from explain.trust.agreement import agreement, rank_correlation, without_noise

SEGMENTS = np.arange(9, dtype=np.int32).reshape(3, 3).repeat(2, axis=0).repeat(2, axis=1)
VALUES = np.array([0.5, -0.9, 0.1, 0.3, -0.2, 0.7, -0.4, 0.0, 0.6])


def map_of(values: NDArray[np.floating], method: str = "lime", target: str = "Fake") -> Attribution:
    return Attribution(method, target, values.astype(np.float32)[SEGMENTS], (3, 3), None, None, {})


def pair(first: Attribution, second: Attribution) -> float:
    found = agreement({"first": first, "second": second}, SEGMENTS)
    assert found.matrix[0, 1] == found.matrix[1, 0]
    return float(found.matrix[0, 1])


def test_a_map_agrees_with_itself_and_opposes_its_negation() -> None:
    assert pair(map_of(VALUES), map_of(VALUES)) == 1
    assert pair(map_of(VALUES), map_of(-VALUES)) == -1


def test_only_ranks_count() -> None:
    assert pair(map_of(VALUES), map_of(np.exp(3 * VALUES))) == 1


@pytest.mark.parametrize("sign", [1, -1])
def test_attention_is_compared_with_absolute_values(sign: int) -> None:
    attention = map_of(np.abs(VALUES), "attention", "either class")
    assert pair(map_of(sign * VALUES), attention) == 1
    assert pair(attention, map_of(sign * VALUES, "rise")) == 1
    assert pair(map_of(np.abs(VALUES), "rise"), map_of(sign * VALUES)) < 0.9  # signed maps keep their signs


def test_matrix_names_its_rows_and_has_ones_on_its_diagonal() -> None:
    maps = {"lime": map_of(VALUES), "flat": map_of(np.full(9, 0.3)), "rise": map_of(VALUES[::-1])}
    found = agreement(maps, SEGMENTS)
    assert found.names == ("lime", "flat", "rise")
    assert found.matrix.shape == (3, 3)
    assert np.array_equal(np.diag(found.matrix), np.ones(3))
    assert np.array_equal(found.matrix, found.matrix.T)


def test_data_can_be_written_as_json() -> None:
    found = agreement({"lime": map_of(VALUES), "rise": map_of(VALUES[::-1])}, SEGMENTS)
    data = json.loads(json.dumps(found.to_dict()))
    assert data["names"] == ["lime", "rise"]
    assert data["matrix"][0][1] == pytest.approx(found.matrix[0, 1], abs=5e-5)


def test_a_flat_map_agrees_with_no_map() -> None:
    assert pair(map_of(np.full(9, 0.1)), map_of(VALUES)) == 0
    assert pair(map_of(np.zeros(9)), map_of(np.zeros(9))) == 0


def test_rounding_does_not_rank_equal_values() -> None:
    almost = 0.1 + np.arange(9) * 1e-16
    assert np.ptp(almost) > 0
    assert rank_correlation(almost, VALUES) == 0
    assert np.ptp(without_noise(almost)) == 0
    assert np.ptp(without_noise(1e-6 * VALUES)) > 1  # values that are all small are not noise


def test_ties_share_their_rank() -> None:
    first, second = np.array([0.0, 1, 1, 2]), np.array([0.0, 1, 2, 3])
    # Ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4: covariance 4.5 over the root of 4.5 · 5.
    assert rank_correlation(first, second) == pytest.approx(4.5 / (4.5 * 5) ** 0.5)
