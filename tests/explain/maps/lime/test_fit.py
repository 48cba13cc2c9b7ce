"""Tests of the fit: when two halves of a neighbourhood agree, and intervals compared with theory."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from explain.maps.lime_fit import (
    TOP,
    Halves,
    Neighbourhood,
    alike,
    compare_halves,
    halves_of,
    intervals,
    mean_of,
    paired_masks,
    pairs_of_block,
    ridge_weights,
    turns_of,
)

WEIGHTS = np.linspace(1.0, 0.1, 12)


def test_equal_halves_agree() -> None:
    halves = compare_halves(WEIGHTS, WEIGHTS)
    assert (halves.rank_correlation, halves.same_top, halves.agree) == (pytest.approx(1), 1, True)


@pytest.mark.parametrize(("places", "same_top", "agree"), [(1, 0.8, True), (2, 0.6, False)])
def test_halves_agree_if_one_of_the_strongest_changes_places(places: int, same_top: float, agree: bool) -> None:
    second = WEIGHTS.copy()
    second[TOP - places : TOP + places] = np.roll(second[TOP - places : TOP + places], places)
    halves = compare_halves(WEIGHTS, second)
    assert halves.rank_correlation > 0.9
    assert halves.same_top == pytest.approx(same_top)
    assert halves.agree is agree


def test_a_map_is_as_reliable_as_its_halves_predict() -> None:
    """Noise of variance 0.2 in a half is 0.1 in the whole: correlations 1 / 1.2 and 1 / 1.1."""
    assert alike(1 / 1.2) == pytest.approx(1 / 1.1)
    assert (alike(1.0), alike(0.0)) == (1, 0)
    assert alike(-0.5) < 0


def test_several_splits_are_averaged() -> None:
    assert mean_of([Halves(0.9, 1.0), Halves(0.7, 0.6)]) == Halves(pytest.approx(0.8), pytest.approx(0.8))
    assert mean_of([]) == Halves(0, 0)


def test_halves_with_the_same_top_but_another_order_do_not_agree() -> None:
    second = np.r_[WEIGHTS[:TOP], WEIGHTS[TOP:][::-1]]
    halves = compare_halves(WEIGHTS, second)
    assert halves.same_top == 1
    assert halves.rank_correlation < 0.8
    assert not halves.agree


def test_flat_halves_have_no_order() -> None:
    assert compare_halves(np.zeros(8), WEIGHTS[:8]).rank_correlation == 0
    assert compare_halves(np.zeros(8), np.zeros(8)).agree


@pytest.mark.parametrize("samples", [2, 3, 5, 8, 101, 128, 129, 400])
def test_halves_share_only_the_untouched_crop_and_keep_pairs_whole(samples: int) -> None:
    for first, second in [map(set, map(np.ndarray.tolist, halves)) for halves in halves_of(samples, 12)]:
        assert first & second == {0}
        assert first | second == set(range(samples))
        for row in range(1, samples - 1, 2):
            assert ((row in first) + (row + 1 in first)) in (0, 2)


def test_intervals_equal_those_of_least_squares_for_equal_noise() -> None:
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


def test_intervals_of_a_linear_model_have_no_width() -> None:
    masks = paired_masks(201, 6, seed=0)
    found = intervals(masks, masks @ WEIGHTS[:6], np.ones(len(masks)), WEIGHTS[:6], 0.0, ridge=0.0)
    assert np.ptp(found, axis=1).max() < 1e-6


@pytest.mark.parametrize("superpixels", [1, 2, 16, 25, 31, 32, 40])
def test_no_two_superpixels_of_a_block_correlate(superpixels: int) -> None:
    pairs = pairs_of_block(superpixels)
    masks = paired_masks(1 + 4 * pairs, superpixels, seed=3)[1::2]
    blocks = [2 * masks[:pairs].astype(int) - 1, 2 * masks[pairs:].astype(int) - 1]
    for signs in blocks:
        np.testing.assert_array_equal(signs.T @ signs, pairs * np.eye(superpixels))
        assert not signs.sum(axis=0).any(), "each is shown by half of the masks"
    assert superpixels == 1 or not np.array_equal(*blocks)


def test_masks_are_fair_coin_tosses() -> None:
    """This is how ``lime`` draws masks; the test takes the first mask of many seeds."""
    masks = np.stack([paired_masks(2, 12, seed)[1] for seed in range(400)])
    assert np.abs(np.corrcoef(masks, rowvar=False) - np.eye(12)).max() < 0.25
    np.testing.assert_allclose(masks.mean(axis=0), 0.5, atol=0.1)
    assert masks.sum(axis=1).var() == pytest.approx(12 / 4, rel=0.25)


def test_halves_see_all_views_on_balanced_masks() -> None:
    superpixels, pairs = 12, pairs_of_block(12)
    samples = 1 + 2 * 8 * pairs
    masks, turns = paired_masks(samples, superpixels, seed=0), turns_of(samples, superpixels) % 4
    for half in itertools.chain.from_iterable(halves_of(samples, superpixels)):
        rows = half[1:]
        assert np.array_equal(np.bincount(turns[rows]), np.full(4, 2 * pairs))
        for turn in range(4):
            signs = 2 * masks[rows[turns[rows] == turn]].astype(int) - 1
            np.testing.assert_array_equal(signs.T @ signs, 2 * pairs * np.eye(superpixels))


def test_differences_between_views_average_out() -> None:
    """Exact without the kernel: the views' differences sum to 0, so that they cancel after two blocks."""
    superpixels = 12
    samples = 1 + 4 * pairs_of_block(superpixels)
    masks, turns = paired_masks(samples, superpixels, seed=0), turns_of(samples, superpixels) % 4
    per_view = np.random.default_rng(0).normal(size=(4, superpixels))
    per_view -= per_view.mean(axis=0)
    answers = masks @ WEIGHTS + (masks * per_view[turns]).sum(axis=1)
    shown = masks[1:] - 0.5
    np.testing.assert_allclose(shown.T @ answers[1:] * 4 / (samples - 1), WEIGHTS, atol=1e-9)


def neighbourhood(samples: int, noise: float) -> Neighbourhood:
    """Samples of a linear model of 12 superpixels with noisy answers."""
    masks = paired_masks(samples, len(WEIGHTS), seed=0)
    answers = masks @ WEIGHTS + np.random.default_rng(1).normal(0, noise, samples)
    return Neighbourhood(masks, answers, np.random.default_rng(2).uniform(0.3, 0.7, samples))


def test_weights_equal_those_of_scikit_learn() -> None:
    found = neighbourhood(101, noise=0.3)
    peer = Ridge(alpha=1).fit(found.masks, found.answers, found.kernel).coef_
    np.testing.assert_allclose(ridge_weights(found.masks, found.answers, found.kernel), peer, atol=1e-10)
    np.testing.assert_allclose(found.weights_of(np.arange(101)), peer, atol=1e-10)


def test_refits_to_exact_answers_give_the_same_weights() -> None:
    refits = list(neighbourhood(2001, noise=0.0).refits(5, seed=0))
    assert len(refits) == 5
    np.testing.assert_allclose(refits, np.tile(WEIGHTS, (5, 1)), atol=0.02)  # the ridge penalty shrinks them by 1%


@pytest.mark.parametrize("samples", [129, 401])
def test_refits_vary_as_much_as_the_intervals_say(samples: int) -> None:
    """Two estimates of the same thing: the bootstrap and the sandwich, both with pairs as clusters."""
    found = neighbourhood(samples, noise=0.3)
    fitted = Ridge(alpha=1).fit(found.masks, found.answers, found.kernel)
    bounds = intervals(found.masks, found.answers, found.kernel, fitted.coef_, float(fitted.intercept_))
    spread = np.std(list(found.refits(400, seed=0)), axis=0)
    assert 1.96 * spread.mean() == pytest.approx(np.ptp(bounds, axis=1).mean() / 2, rel=0.15)


@pytest.mark.parametrize("samples", [2, 3, 8, 101])
def test_refits_take_any_number_of_samples_and_repeat_themselves(samples: int) -> None:
    first, again, other = (list(neighbourhood(samples, 0.1).refits(3, seed)) for seed in (0, 0, 1))
    assert np.array_equal(first, again) and np.shape(first) == (3, len(WEIGHTS)) and np.isfinite(first).all()
    assert samples < 4 or not np.array_equal(first, other)
