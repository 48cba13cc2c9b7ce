"""When two halves of a neighbourhood agree, and what an interval is worth where theory knows it."""

from __future__ import annotations

import numpy as np
import pytest

from explain.maps.lime_fit import TOP, compare_halves, halves_of, intervals, paired_masks

WEIGHTS = np.linspace(1.0, 0.1, 12)


def test_equal_halves_agree() -> None:
    halves = compare_halves(WEIGHTS, WEIGHTS)
    assert (halves.rank_correlation, halves.same_top, halves.agree) == (pytest.approx(1), 1, True)


def test_another_fifth_region_keeps_halves_apart() -> None:
    other = WEIGHTS.copy()
    other[[TOP - 1, TOP]] = other[[TOP, TOP - 1]]
    halves = compare_halves(WEIGHTS, other)
    assert halves.rank_correlation > 0.99
    assert halves.same_top == pytest.approx(0.8)
    assert not halves.agree


def test_the_same_top_is_not_enough_without_the_order() -> None:
    other = np.r_[WEIGHTS[:TOP], WEIGHTS[TOP:][::-1]]
    halves = compare_halves(WEIGHTS, other)
    assert halves.same_top == 1
    assert halves.rank_correlation < 0.9
    assert not halves.agree


def test_flat_halves_have_no_order() -> None:
    assert compare_halves(np.zeros(8), WEIGHTS[:8]).rank_correlation == 0
    assert compare_halves(np.zeros(8), np.zeros(8)).agree


@pytest.mark.parametrize("samples", [3, 8, 101, 400])
def test_halves_share_only_the_untouched_crop_and_keep_pairs_whole(samples: int) -> None:
    first, second = (set(rows.tolist()) for rows in halves_of(samples))
    assert first & second == {0}
    assert first | second == set(range(samples))
    for row in range(1, samples - 1, 2):
        assert ((row in first) + (row + 1 in first)) in (0, 2)


def test_intervals_are_those_of_least_squares_where_theory_knows_them() -> None:
    """Equal noise in every sample: the classical standard error, sigma times the root of the inverse's diagonal."""
    masks = paired_masks(4001, 6, seed=0)
    truth, sigma = np.array([0.3, -0.2, 0.1, 0.0, 0.05, -0.05]), 0.1
    answers = 0.5 + masks @ truth + np.random.default_rng(1).normal(0, sigma, len(masks))
    design = np.column_stack([np.ones(len(masks)), masks])
    fitted = np.linalg.lstsq(design, answers, rcond=None)[0]
    found = intervals(masks, answers, np.ones(len(masks)), fitted[1:], fitted[0], ridge=0.0)
    expected = 1.96 * sigma * np.sqrt(np.diag(np.linalg.inv(design.T @ design)))[1:]
    np.testing.assert_allclose((found[:, 1] - found[:, 0]) / 2, expected, rtol=0.1)
    np.testing.assert_allclose(found.mean(axis=1), fitted[1:], atol=1e-6)


def test_a_linear_model_leaves_no_doubt() -> None:
    masks = paired_masks(201, 6, seed=0)
    found = intervals(masks, masks @ WEIGHTS[:6], np.ones(len(masks)), WEIGHTS[:6], 0.0, ridge=0.0)
    assert np.ptp(found, axis=1).max() < 1e-6
