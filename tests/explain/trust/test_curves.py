"""Tests of deletion and insertion on models with a known best order."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import permutations

import numpy as np
import pytest
from numpy.typing import NDArray

from explain.trust import curves
from explain.trust.curves import (
    ORDERS,
    STEPS,
    Band,
    Curves,
    all_orders,
    area,
    curve_masks,
    deletion_curves,
    hidden_counts,
    judge_orders,
    order_of,
    random_orders,
)

K = 16
WEIGHTS = np.random.RandomState(3).permutation(np.linspace(-0.05, 0.07, K))
World = Callable[[NDArray[np.uint8]], NDArray[np.float64]]  # masks (N, K), 1 = shown, to P(target)


def summing(masks: NDArray[np.uint8], weights: NDArray[np.float64] = WEIGHTS) -> NDArray[np.float64]:
    """Each visible region adds its weight, whatever else is visible."""
    return 0.3 + np.array([weights[mask == 1].sum() for mask in masks])


def collapsing(masks: NDArray[np.uint8]) -> NDArray[np.float64]:
    """1 while everything is visible, otherwise 0."""
    return masks.all(axis=1).astype(np.float64)


def constant(masks: NDArray[np.uint8]) -> NDArray[np.float64]:
    return np.full(len(masks), 0.7)


def crossing(masks: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Not linear: neighbours count by their product."""
    shown = masks.astype(np.float64)
    return (shown[:, :-1] * shown[:, 1:] * np.linspace(1, 2, masks.shape[1] - 1)).mean(axis=1) / 2


def judged(values: NDArray[np.floating], world: World) -> Curves:
    orders, chance = order_of(values, seed=0)[None], random_orders(len(values), seed=0)
    (found,) = judge_orders(orders, chance, world(curve_masks(all_orders(orders, chance))), "mean")
    return found


def deletion_areas(orders: NDArray[np.intp], world: World) -> NDArray[np.float64]:
    count = orders.shape[1]
    return area(deletion_curves(world(curve_masks(orders)), orders), hidden_counts(count) / count)


def test_the_true_order_has_the_lowest_deletion_and_the_highest_insertion_of_all_orders() -> None:
    weights = np.array([0.1, -0.2, 0.4, 0.25])
    orders = np.array(list(permutations(range(4))))
    areas = deletion_areas(orders, lambda masks: summing(masks, weights))
    true = order_of(weights, seed=0)
    assert true.tolist() == [2, 3, 0, 1]
    best = np.flatnonzero((orders == true).all(axis=1))[0]
    assert np.argmin(areas) == best
    assert np.sum(areas == areas[best]) == 1
    backwards = np.flatnonzero((orders == true[::-1]).all(axis=1))[0]
    assert np.argmax(areas) == backwards  # its deletion is the insertion of the true order


def test_the_true_order_beats_every_random_order_and_its_reverse_none() -> None:
    best, worst = judged(WEIGHTS, summing), judged(-WEIGHTS, summing)
    assert (best.deletion_percentile, best.insertion_percentile) == (1, 1)
    assert (worst.deletion_percentile, worst.insertion_percentile) == (0, 0)


def test_a_constant_model_puts_every_order_at_half() -> None:
    found = judged(WEIGHTS, constant)
    assert (found.deletion_percentile, found.insertion_percentile) == (0.5, 0.5)
    assert found.deletion_area == found.insertion_area == 0.7
    assert np.array_equal(found.band.areas, np.full(ORDERS, 0.7))


@pytest.mark.parametrize("count", [1, 4, 15, 30])
def test_a_collapse_at_the_first_hidden_region_leaves_one_triangle(count: int) -> None:
    found = judged(np.arange(count) + 1.0, collapsing)
    first_step = hidden_counts(count)[1] / count
    assert found.deletion_area == pytest.approx(first_step / 2)
    assert found.insertion_area == pytest.approx(first_step / 2)
    assert found.deletion[0] == 1 and not found.deletion[1:].any()


def test_the_curve_of_a_sum_falls_by_the_hidden_weights() -> None:
    found = judged(WEIGHTS, summing)
    hidden = hidden_counts(K)
    falling = np.sort(WEIGHTS)[::-1]
    np.testing.assert_allclose(found.deletion, [0.3 + falling[n:].sum() for n in hidden])
    np.testing.assert_allclose(found.insertion, [0.3 + falling[:n].sum() for n in hidden])


@pytest.mark.parametrize("count", [2, 7, 15, 16, 49, 50])
def test_insertion_is_the_deletion_of_the_reverse_read_backwards(count: int) -> None:
    values = np.random.RandomState(count).normal(size=count)
    found = judged(values, crossing)
    order = order_of(values, seed=0)
    masks = np.zeros((len(hidden_counts(count)), count), np.uint8)
    for mask, shown in zip(masks, hidden_counts(count), strict=True):
        mask[order[:shown]] = 1  # insertion as RISE describes it
    assert np.array_equal(found.insertion, crossing(masks))


def test_random_orders_are_permutations_closed_under_reversal() -> None:
    orders = random_orders(K, seed=5)
    assert ORDERS >= 50 and orders.shape == (ORDERS, K)
    assert np.array_equal(np.sort(orders, axis=1), np.tile(np.arange(K), (ORDERS, 1)))
    assert {tuple(order) for order in orders} == {tuple(order[::-1]) for order in orders}
    assert len({tuple(order) for order in orders}) == ORDERS
    assert np.array_equal(orders, random_orders(K, seed=5))
    assert not np.array_equal(orders, random_orders(K, seed=6))


def test_the_insertion_band_is_the_deletion_band_backwards() -> None:
    orders = random_orders(K, seed=1)
    band = Band(deletion_curves(crossing(curve_masks(orders)), orders), hidden_counts(K) / K)
    shown = np.array([[order[:n] for n in hidden_counts(K)] for order in orders.tolist()], dtype=object)
    masks = np.zeros((*shown.shape, K), np.uint8)
    for place in np.ndindex(shown.shape):
        masks[(*place, shown[place])] = 1
    insertion = crossing(masks.reshape(-1, K)).reshape(shown.shape)
    np.testing.assert_allclose(band.insertion, np.quantile(insertion, curves.QUANTILES, axis=0))
    np.testing.assert_allclose(np.sort(area(insertion, band.shares)), np.sort(band.areas))
    assert (np.diff(band.deletion, axis=0) >= 0).all() and np.ptp(band.deletion[:, 5]) > 0


@pytest.mark.parametrize("count", [1, 2, 3, 14, 15, 16, 49, 50, 51, 400])
def test_points_are_evenly_spaced_and_symmetric(count: int) -> None:
    hidden = hidden_counts(count)
    assert (hidden[0], hidden[-1], len(hidden)) == (0, count, min(STEPS, count) + 1)
    assert np.array_equal(hidden, count - hidden[::-1])
    gaps = np.diff(hidden)
    assert gaps.min() >= 1 and np.ptp(gaps) <= 2


def test_all_curves_share_their_ends() -> None:
    orders = random_orders(50, seed=0)
    masks = curve_masks(orders)
    assert masks.shape == (2 + ORDERS * (STEPS - 1), 50) and masks.dtype == np.uint8
    assert masks[0].all() and not masks[1].any()
    assert masks[2:].any(axis=1).all() and not masks[2:].all(axis=1).any()


def test_ties_are_broken_at_random_and_not_by_label() -> None:
    flat = np.full(K, 0.1) + np.arange(K) * 1e-17
    drawn = {tuple(order_of(flat, seed)) for seed in range(5)}
    assert len(drawn) == 5 and tuple(range(K)) not in drawn
    assert order_of(np.array([1.0, 3, 1, 2]), seed=0)[:2].tolist() == [1, 3]


def test_percentiles_count_ties_half() -> None:
    band = Band(np.array([[0.2, 0.2], [0.4, 0.4], [0.4, 0.4], [0.9, 0.9]]), np.array([0.0, 1.0]))
    assert [band.share_above(own) for own in (0.1, 0.2, 0.4, 0.5, 1.0)] == [1, 0.875, 0.5, 0.25, 0]
    found = Curves("mean", np.array([0.2, 0.2]), np.array([0.9, 0.9]), band)
    assert (found.deletion_percentile, found.insertion_percentile) == (0.875, 0.875)


def test_rounded_data_can_be_written_as_json() -> None:
    found = judged(WEIGHTS, crossing)
    data = json.loads(json.dumps(found.to_dict()))
    assert data["hide"] == "mean"
    np.testing.assert_allclose(data["deletion"], found.deletion, atol=5e-5)
    np.testing.assert_allclose(data["random"]["insertion"], found.band.insertion, atol=5e-5)
    assert np.shape(data["random"]["deletion"]) == (3, STEPS + 1)
    assert data["random"]["auc"] == sorted(data["random"]["auc"])
    assert data["deletion_percentile"] == found.deletion_percentile
