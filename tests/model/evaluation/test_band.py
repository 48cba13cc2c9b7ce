"""Tests of the band: as narrow as it may be, wider where pictures are few, and above what unseen reals score."""

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
def test_bounds_are_those_of_clopper_and_pearson(count: int, total: int) -> None:
    test = binomtest(count, total).proportion_ci(0.9, method="exact")  # two sides of 5 % each
    assert upper_bound(count, total) == pytest.approx(test.high)
    assert lower_bound(count, total) == pytest.approx(test.low)


def test_nothing_counted_bounds_nothing() -> None:
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
def test_band_is_the_narrowest_that_decides_well_enough(seed: int) -> None:
    """An honest model: one said to be fake with .7 is, seven times in ten."""
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
    """Half of the pictures near .5 are wrong: they widen the band beyond themselves, unless they weigh nothing."""
    p_fake = np.array([0.585, 0.585, 0.9, 0.9] * 10)
    is_fake = np.array([True, False, True, True] * 10)
    wrong_ones = ~is_fake
    assert fit_band(p_fake, is_fake, np.where(wrong_ones, 1e-6, 1.0)) == NARROWEST
    low, high = fit_band(p_fake, is_fake, np.where(wrong_ones, 10.0, 1.0))
    assert high == pytest.approx(0.59) and low == pytest.approx(1 - high)


def test_caution_asks_it_of_the_lower_bound() -> None:
    """All verdicts are right: 19 of 19 have a lower bound of .854, 18 of 18 one of .847."""
    for number, expected in ((19, NARROWEST), (18, pytest.approx(WIDEST))):
        p_fake = np.full(number, 0.9)
        assert fit_band(p_fake, np.ones(number, bool), np.ones(number), cautious=True) == expected
        assert fit_band(p_fake, np.ones(number, bool), np.ones(number)) == NARROWEST


def test_caution_counts_what_weights_are_worth() -> None:
    """A hundred pictures, of which five weigh nearly everything, are worth about five."""
    p_fake, is_fake = np.full(100, 0.9), np.ones(100, bool)
    assert fit_band(p_fake, is_fake, np.full(100, 7.0), cautious=True) == NARROWEST
    heavy = np.where(np.arange(100) < 5, 1.0, 1e-6)
    assert fit_band(p_fake, is_fake, heavy, cautious=True) == pytest.approx(WIDEST)


# spares


@pytest.mark.parametrize(
    ("accused", "total", "spared"),
    [(8, 500, True), (9, 500, False), (40, 2000, True), (41, 2000, False), (0, 30, True), (1, 30, False)],
)
def test_a_source_is_spared_by_its_share_and_its_bound(accused: int, total: int, spared: bool) -> None:
    p_fake = np.where(np.arange(total) < accused, 0.8, 0.1)
    assert spares(p_fake, 0.8) is spared
    assert spares(p_fake, 0.81) is True


# fit_band_to_unseen


def told_apart(number: int = 400) -> tuple[Floats, NDArray[np.bool_], Floats]:
    """P(Fake), truth and weights of pictures that are all told apart well."""
    return np.repeat([0.1, 0.995], number), np.repeat([False, True], number), np.ones(2 * number)


def reals(accused: int, score: float, number: int = 500) -> Floats:
    return np.where(np.arange(number) < accused, score, 0.1)


@pytest.mark.parametrize("score", [0.6, 0.9, 0.97])
def test_upper_end_suits_the_source_that_is_accused_most(score: float) -> None:
    """Ten of 500 score high: one source alone decides, however calm the others are, and the lower end stays."""
    sources = {f"calm_{number}": reals(0, 0.5) for number in range(5)} | {"accused": reals(10, score)}
    assert fit_band_to_unseen(*told_apart(), sources) == (0.45, pytest.approx(score + 0.01))
    del sources["accused"]
    assert fit_band_to_unseen(*told_apart(), sources) == NARROWEST


def test_upper_end_spares_reals_of_all_sources_on_average() -> None:
    """A tenth of one of four known sources scores .9: with a calm unseen one, 2 % on average may; a fifth may not."""
    calm = {"calm": reals(0, 0.5)}
    known = {f"known_{number}": reals(0, 0.5, 100) for number in range(3)} | {"accused": reals(10, 0.9, 100)}
    assert fit_band_to_unseen(*told_apart(), calm, known_reals=known) == NARROWEST
    known["accused"] = reals(20, 0.9, 100)
    assert fit_band_to_unseen(*told_apart(), calm, known_reals=known) == (0.45, pytest.approx(0.91))


def test_reals_above_everything_leave_no_verdict_of_fake() -> None:
    low, high = fit_band_to_unseen(*told_apart(), {"certain": reals(50, 0.999)})
    assert (low, high) == (0.45, 1.0)


def test_each_end_must_be_right_often_enough_for_itself() -> None:
    """Of the pictures called real up to .3 a third are fakes; those called fake are right, or the other way round."""
    p_fake = np.concatenate([np.full(300, 0.3), np.full(600, 0.1), np.full(900, 0.9)])
    is_fake = np.repeat([True, False, True], [300, 600, 900])
    low, high = fit_band_to_unseen(p_fake, is_fake, np.ones(1800), {"calm": reals(0, 0.5)})
    assert (low, high) == (pytest.approx(0.29), 0.55)
    low, high = fit_band_to_unseen(1 - p_fake, ~is_fake, np.ones(1800), {"calm": reals(0, 0.5)})
    assert (low, high) == (0.45, pytest.approx(0.71))


def test_sources_too_small_to_be_bounded_widen_the_upper_end() -> None:
    """No reals of 98 accused still bound the share only by more than 3%; those of 99 do."""
    assert upper_bound(0, 98) > ACCUSED_AT_MOST >= upper_bound(0, 99)
    small, enough = reals(0, 0.5, 98), reals(0, 0.5, 99)
    assert fit_band_to_unseen(*told_apart(), {"small": small, "other": small}) == (0.45, pytest.approx(WIDEST[1]))
    assert fit_band_to_unseen(*told_apart(), {"small": small, "enough": enough}) == NARROWEST


def test_caution_reaches_both_ends() -> None:
    assert fit_band_to_unseen(*told_apart(18), {"calm": reals(0, 0.5)}, cautious=True) == pytest.approx(WIDEST)
    assert fit_band_to_unseen(*told_apart(19), {"calm": reals(0, 0.5)}, cautious=True) == NARROWEST
