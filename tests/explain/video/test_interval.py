"""Tests of the interval, with series of known mean and autocorrelation."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import trim_mean

from explain.video.interval import LEVEL, MIN_VALUES, TRIM, autocorrelation, block_length, estimate

SERIES = 150


def autoregressive(count: int, correlation: float, random: np.random.Generator) -> NDArray[np.float64]:
    """An AR(1) series with mean 0.5; ``correlation`` is that of neighbouring values."""
    values = np.empty(count)
    values[0] = random.normal()
    for place in range(1, count):
        values[place] = correlation * values[place - 1] + np.sqrt(1 - correlation**2) * random.normal()
    return 0.5 + 0.1 * values


def independent_interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """A bootstrap interval that treats the values as independent."""
    drawn = np.random.default_rng(0).choice(values, (500, len(values)))
    low, high = np.quantile(trim_mean(drawn, TRIM, axis=1), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("correlation", "min_coverage", "max_independent_coverage"), [(0.0, 0.84, 1.0), (0.6, 0.8, 0.75), (0.8, 0.75, 0.55)]
)
def test_the_interval_contains_the_mean_about_as_often_as_its_level_says(
    correlation: float, min_coverage: float, max_independent_coverage: float
) -> None:
    """With 48 values. An interval that treats them as independent is far too narrow if neighbours correlate."""
    random, covered, covered_by_independent = np.random.default_rng(3), 0, 0
    for _ in range(SERIES):
        values = autoregressive(48, correlation, random)
        found = estimate(values)
        assert found.low is not None and found.high is not None
        covered += found.low <= 0.5 <= found.high
        low, high = independent_interval(values)
        covered_by_independent += low <= 0.5 <= high
    assert covered / SERIES >= min_coverage
    assert covered_by_independent / SERIES <= max_independent_coverage


def test_autocorrelation_is_estimated_without_bias() -> None:
    random = np.random.default_rng(4)
    found = [autocorrelation(autoregressive(48, 0.6, random)) for _ in range(SERIES)]
    assert np.mean(found) == pytest.approx(0.6, abs=0.06)
    assert autocorrelation(np.full(10, 0.4)) == 0


def test_blocks_are_longer_if_neighbours_correlate_more() -> None:
    random = np.random.default_rng(5)
    lengths = [
        np.mean([block_length(autoregressive(48, correlation, random)) for _ in range(30)])
        for correlation in (0.0, 0.4, 0.8)
    ]
    assert lengths[0] < 2.5 < lengths[1] < lengths[2] <= 48 / 3


def test_outliers_do_not_move_the_mean() -> None:
    values = np.full(20, 0.2)
    values[7] = 1.0
    assert estimate(values).mean == pytest.approx(0.2)


def test_few_values_get_no_interval() -> None:
    found = estimate(np.linspace(0, 1, MIN_VALUES - 1))
    assert found.mean == pytest.approx(0.5) and found.low is None and found.high is None


def test_constant_values_give_no_width_and_the_ends_are_probabilities() -> None:
    found = estimate(np.full(30, 0.7))
    assert (found.mean, found.low, found.high) == pytest.approx((0.7, 0.7, 0.7))
    edge = estimate(np.r_[np.zeros(10), np.ones(10)])
    assert edge.low is not None and edge.high is not None and 0 <= edge.low < edge.high <= 1


def test_the_same_values_give_the_same_interval() -> None:
    values = autoregressive(30, 0.5, np.random.default_rng(6))
    assert estimate(values) == estimate(values)
