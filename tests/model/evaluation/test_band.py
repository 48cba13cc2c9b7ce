"""Tests of the inconclusive band: narrow if verdicts are right, wide for few pictures, above scores of unseen reals."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binomtest

from model.evaluation.band import (
    ACCUSED_AT_MOST,
    DECIDED_ACCURACY,
    WIDEST_BAND,
    fit_band,
    fit_band_to_unseen,
    lower_bound,
    spares,
    upper_bound,
)

Floats = NDArray[np.float64]
WIDEST, NARROWEST = (0.5 - WIDEST_BAND, 0.5 + WIDEST_BAND), (0.45, 0.55)


# bounds


@pytest.mark.parametrize(("count", "total"), [(0, 10), (3, 12), (8, 500), (12, 12)])
def test_bounds_are_clopper_pearson_bounds(count: int, total: int) -> None:
    test = binomtest(count, total).proportion_ci(0.9, method="exact")  # two sides of 5 % each
    assert upper_bound(count, total) == pytest.approx(test.high)
    assert lower_bound(count, total) == pytest.approx(test.low)


def test_bounds_of_no_pictures_are_0_and_1() -> None:
    assert (lower_bound(0, 0), upper_bound(0, 0)) == (0, 1)


# fit_band


def test_perfect_model_gets_the_narrowest_band() -> None:
    p_fake = np.array([0.05, 0.2, 0.8, 0.95])
    assert fit_band(p_fake, p_fake > 0.5, np.ones(4)) == NARROWEST


def test_guessing_model_gets_the_widest_band() -> None:
    rng = np.random.default_rng(0)
    assert fit_band(rng.random(500), rng.random(500) < 0.5, np.ones(500)) == pytest.approx(WIDEST)


def test_model_that_never_decides_gets_the_widest_band() -> None:
    assert fit_band(np.full(10, 0.5), np.ones(10, bool), np.ones(10)) == pytest.approx(WIDEST)


@pytest.mark.parametrize("seed", range(8))
def test_band_is_the_narrowest_with_the_required_accuracy(seed: int) -> None:
    """A calibrated model: of the pictures with P(Fake) = .7, seven in ten are fake."""
    rng = np.random.default_rng(seed)
    p_fake = rng.random(400)
    is_fake, weights = rng.random(400) < p_fake, rng.uniform(0.5, 2, 400)
    low, high = fit_band(p_fake, is_fake, weights)
    assert low + high == pytest.approx(1) and WIDEST[0] - 1e-9 <= low <= 0.45

    def decided_accuracy(half_width: float) -> float:
        decided = np.abs(p_fake - 0.5) >= half_width
        right = (p_fake > 0.5) == is_fake
        return float(np.average(right[decided], weights=weights[decided]))

    half_width = (high - low) / 2
    if half_width < WIDEST_BAND - 1e-9:
        assert decided_accuracy(half_width) >= DECIDED_ACCURACY
    for narrower in np.arange(0.05, half_width - 0.005, 0.01):
        assert decided_accuracy(narrower) < DECIDED_ACCURACY


def test_weights_count_in_the_band() -> None:
    """Half of the pictures near .5 are wrong: they widen the band to exclude them, unless their weight is almost 0."""
    p_fake = np.array([0.585, 0.585, 0.9, 0.9] * 10)
    is_fake = np.array([True, False, True, True] * 10)
    wrong = ~is_fake
    assert fit_band(p_fake, is_fake, np.where(wrong, 1e-6, 1.0)) == NARROWEST
    low, high = fit_band(p_fake, is_fake, np.where(wrong, 10.0, 1.0))
    assert high == pytest.approx(0.59) and low == pytest.approx(1 - high)


def test_cautious_band_requires_the_accuracy_of_the_lower_bound() -> None:
    """All verdicts are right: 19 of 19 have a lower bound of .854, 18 of 18 one of .847."""
    for number, expected in ((19, NARROWEST), (18, pytest.approx(WIDEST))):
        p_fake = np.full(number, 0.9)
        assert fit_band(p_fake, np.ones(number, bool), np.ones(number), cautious=True) == expected
        assert fit_band(p_fake, np.ones(number, bool), np.ones(number)) == NARROWEST


def test_cautious_band_uses_the_effective_number_of_pictures() -> None:
    """If five of a hundred pictures have nearly all the weight, the effective number is about five."""
    p_fake, is_fake = np.full(100, 0.9), np.ones(100, bool)
    assert fit_band(p_fake, is_fake, np.full(100, 7.0), cautious=True) == NARROWEST
    heavy = np.where(np.arange(100) < 5, 1.0, 1e-6)
    assert fit_band(p_fake, is_fake, heavy, cautious=True) == pytest.approx(WIDEST)


# spares


@pytest.mark.parametrize(
    ("accused", "total", "spared"),
    [(8, 500, True), (9, 500, False), (40, 2000, True), (41, 2000, False), (0, 30, True), (1, 30, False)],
)
def test_source_is_spared_if_its_share_and_its_upper_bound_are_low(accused: int, total: int, spared: bool) -> None:
    p_fake = np.where(np.arange(total) < accused, 0.8, 0.1)
    assert spares(p_fake, 0.8) is spared
    assert spares(p_fake, 0.81) is True


# fit_band_to_unseen


def separable(number: int = 400) -> tuple[Floats, NDArray[np.bool_], Floats]:
    """P(Fake), truth and weights of pictures with well separated classes."""
    return np.repeat([0.1, 0.995], number), np.repeat([False, True], number), np.ones(2 * number)


def reals(accused: int, score: float, number: int = 500) -> Floats:
    return np.where(np.arange(number) < accused, score, 0.1)


@pytest.mark.parametrize("score", [0.6, 0.9, 0.97])
def test_upper_end_is_set_by_the_source_that_is_accused_most(score: float) -> None:
    """Ten of 500 score high: this source alone sets the upper end, and the lower end stays."""
    sources = {f"harmless_{number}": reals(0, 0.5) for number in range(5)} | {"accused": reals(10, score)}
    assert fit_band_to_unseen(*separable(), sources) == (0.45, pytest.approx(score + 0.01))
    del sources["accused"]
    assert fit_band_to_unseen(*separable(), sources) == NARROWEST


def test_upper_end_spares_reals_of_all_sources_on_average() -> None:
    """A tenth of one of four known sources scores .9: 2 % of all sources on average is allowed; a fifth is too many."""
    harmless = {"harmless": reals(0, 0.5)}
    known = {f"known_{number}": reals(0, 0.5, 100) for number in range(3)} | {"accused": reals(10, 0.9, 100)}
    assert fit_band_to_unseen(*separable(), harmless, known_reals=known) == NARROWEST
    known["accused"] = reals(20, 0.9, 100)
    assert fit_band_to_unseen(*separable(), harmless, known_reals=known) == (0.45, pytest.approx(0.91))


def test_reals_with_the_highest_scores_exclude_the_verdict_fake() -> None:
    low, high = fit_band_to_unseen(*separable(), {"certain": reals(50, 0.999)})
    assert (low, high) == (0.45, 1.0)


def test_each_end_needs_the_required_accuracy_on_its_own() -> None:
    """A third of the pictures up to .3, called real, are fakes; all those called fake are right. Then the reverse."""
    p_fake = np.concatenate([np.full(300, 0.3), np.full(600, 0.1), np.full(900, 0.9)])
    is_fake = np.repeat([True, False, True], [300, 600, 900])
    low, high = fit_band_to_unseen(p_fake, is_fake, np.ones(1800), {"harmless": reals(0, 0.5)})
    assert (low, high) == (pytest.approx(0.29), 0.55)
    low, high = fit_band_to_unseen(1 - p_fake, ~is_fake, np.ones(1800), {"harmless": reals(0, 0.5)})
    assert (low, high) == (0.45, pytest.approx(0.71))


def test_sources_that_are_too_small_widen_the_upper_end() -> None:
    """With 0 of 98 reals accused the upper bound is above 3%; with 0 of 99 it is below."""
    assert upper_bound(0, 98) > ACCUSED_AT_MOST >= upper_bound(0, 99)
    small, enough = reals(0, 0.5, 98), reals(0, 0.5, 99)
    assert fit_band_to_unseen(*separable(), {"small": small, "other": small}) == (0.45, pytest.approx(WIDEST[1]))
    assert fit_band_to_unseen(*separable(), {"small": small, "enough": enough}) == NARROWEST


def test_cautious_band_is_wider_at_both_ends() -> None:
    assert fit_band_to_unseen(*separable(18), {"harmless": reals(0, 0.5)}, cautious=True) == pytest.approx(WIDEST)
    assert fit_band_to_unseen(*separable(19), {"harmless": reals(0, 0.5)}, cautious=True) == NARROWEST
