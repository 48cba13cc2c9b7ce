"""Tests of the interval: against series whose mean and autocorrelation are known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import trim_mean

from explain.video.interval import LEVEL, MIN_VALUES, TRIM, autocorrelation, block_length, estimate

SERIES = 150


def autoregressive(count: int, likeness: float, random: np.random.Generator) -> NDArray[np.float64]:
    """A series around 0.5, each value as alike the one before as ``likeness`` says (AR(1))."""
    values = np.empty(count)
    values[0] = random.normal()
    for place in range(1, count):
        values[place] = likeness * values[place - 1] + np.sqrt(1 - likeness**2) * random.normal()
    return 0.5 + 0.1 * values


def independent_interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """An interval that takes the values as independent."""
    drawn = np.random.default_rng(0).choice(values, (500, len(values)))
    low, high = np.quantile(trim_mean(drawn, TRIM, axis=1), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("likeness", "least", "most_independent"), [(0.0, 0.84, 1.0), (0.6, 0.8, 0.75), (0.8, 0.75, 0.55)]
)
def test_the_interval_holds_the_mean_about_as_often_as_it_says(
    likeness: float, least: float, most_independent: float
) -> None:
    """Of 48 values; an interval from single values is far too narrow if neighbours are alike."""
    random, held, held_by_independent = np.random.default_rng(3), 0, 0
    for _ in range(SERIES):
        values = autoregressive(48, likeness, random)
        found = estimate(values)
        assert found.low is not None and found.high is not None
        held += found.low <= 0.5 <= found.high
        low, high = independent_interval(values)
        held_by_independent += low <= 0.5 <= high
    assert held / SERIES >= least
    assert held_by_independent / SERIES <= most_independent


def test_autocorrelation_is_found_without_bias() -> None:
    random = np.random.default_rng(4)
    found = [autocorrelation(autoregressive(48, 0.6, random)) for _ in range(SERIES)]
    assert np.mean(found) == pytest.approx(0.6, abs=0.06)
    assert autocorrelation(np.full(10, 0.4)) == 0


def test_blocks_are_long_where_neighbours_are_alike() -> None:
    random = np.random.default_rng(5)
    lengths = [
        np.mean([block_length(autoregressive(48, likeness, random)) for _ in range(30)]) for likeness in (0.0, 0.4, 0.8)
    ]
    assert lengths[0] < 2.5 < lengths[1] < lengths[2] <= 48 / 3


def test_outliers_do_not_move_the_mean() -> None:
    values = np.full(20, 0.2)
    values[7] = 1.0
    assert estimate(values).mean == pytest.approx(0.2)


def test_few_values_get_no_interval() -> None:
    found = estimate(np.linspace(0, 1, MIN_VALUES - 1))
    assert found.mean == pytest.approx(0.5) and found.low is None and found.high is None


def test_constant_values_have_no_width_and_ends_stay_probabilities() -> None:
    found = estimate(np.full(30, 0.7))
    assert (found.mean, found.low, found.high) == pytest.approx((0.7, 0.7, 0.7))
    edge = estimate(np.r_[np.zeros(10), np.ones(10)])
    assert edge.low is not None and edge.high is not None and 0 <= edge.low < edge.high <= 1


def test_the_same_values_give_the_same_interval() -> None:
    values = autoregressive(30, 0.5, np.random.default_rng(6))
    assert estimate(values) == estimate(values)
