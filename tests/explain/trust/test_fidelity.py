"""Tests of µ-fidelity on models for which it is known exactly."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from explain.trust.fidelity import SUBSETS, fidelity, subset_masks

K = 20
WEIGHTS = np.random.RandomState(2).permutation(2.0 ** np.arange(K)) / 2.0**K  # no two sets have the same sum
WEIGHTS[::3] *= -1


def summing(masks: NDArray[np.uint8]) -> NDArray[np.float64]:
    return masks @ WEIGHTS


def judged(values: NDArray[np.floating]) -> float:
    masks = subset_masks(K, seed=0)
    return fidelity(values, masks, summing(masks))


def test_true_weights_of_a_sum_score_exactly_one_and_their_negative_minus_one() -> None:
    assert judged(WEIGHTS) == 1
    assert judged(-WEIGHTS) == -1
    assert judged(WEIGHTS.astype(np.float32)) == 1


def test_scale_does_not_matter() -> None:
    assert judged(1e-4 * WEIGHTS) == 1


def test_random_maps_score_near_zero() -> None:
    scores = [judged(np.random.RandomState(seed).permutation(WEIGHTS)) for seed in range(40)]
    assert abs(np.mean(scores)) < 0.15
    assert max(map(abs, scores)) < 1


@pytest.mark.parametrize("value", [0.0, 0.1, -1 / 3])
def test_a_constant_map_scores_exactly_zero(value: float) -> None:
    assert judged(value * (1 + np.arange(K) * 1e-16)) == 0


def test_a_constant_model_scores_exactly_zero() -> None:
    masks = subset_masks(K, seed=0)
    assert fidelity(WEIGHTS, masks, np.full(len(masks), 0.1)) == 0
    assert fidelity(np.zeros(K), masks, np.full(len(masks), 0.1)) == 0


@pytest.mark.parametrize(("count", "size"), [(1, 1), (2, 1), (10, 2), (49, 10), (50, 10)])
def test_sets_hide_a_fifth_of_the_regions(count: int, size: int) -> None:
    masks = subset_masks(count, seed=3)
    assert masks.shape == (1 + SUBSETS, count) and masks.dtype == np.uint8
    assert masks[0].all()
    assert ((1 - masks[1:]).sum(axis=1) == size).all()


def test_every_region_is_hidden_about_equally_often() -> None:
    hidden = (1 - subset_masks(K, seed=0)[1:]).sum(axis=0)
    assert hidden.min() > SUBSETS / 5 / 2 and hidden.max() < SUBSETS / 5 * 2


def test_equal_seeds_give_equal_sets() -> None:
    assert np.array_equal(subset_masks(K, seed=4), subset_masks(K, seed=4))
    assert not np.array_equal(subset_masks(K, seed=4), subset_masks(K, seed=5))
