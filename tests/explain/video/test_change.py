"""Tests of the moment of change: a simulated change is found, random variation is not reported."""

from __future__ import annotations

import numpy as np
import pytest

from explain.video.change import MIN_CHANGE, MIN_PART, largest_change
from tests.explain.video.test_interval import autoregressive


@pytest.mark.parametrize("place", [8, 24, 40])
def test_a_simulated_change_is_found_at_its_place(place: int) -> None:
    values = np.where(np.arange(48) < place, 0.2, 0.8) + np.random.default_rng(1).normal(0, 0.05, 48)
    found = largest_change(values)
    assert found is not None and found.place == place
    assert (found.before, found.after) == pytest.approx((0.2, 0.8), abs=0.05)


def test_random_variation_is_rarely_reported_as_a_change() -> None:
    """Series with correlated neighbours drift, but few of them seem to have a change."""
    random = np.random.default_rng(2)
    found = [largest_change(autoregressive(48, 0.6, random)) for _ in range(40)]
    assert sum(change is not None for change in found) <= 4


def test_a_change_between_constant_values_is_found() -> None:
    found = largest_change(np.r_[np.full(12, 0.1), np.full(12, 0.9)])
    assert found is not None and found.place == 12


@pytest.mark.parametrize("values", [np.full(48, 0.5), np.r_[np.full(20, 0.5), np.full(20, 0.5 + MIN_CHANGE / 2)]])
def test_a_small_change_is_not_reported(values: np.ndarray) -> None:
    assert largest_change(values) is None


def test_short_series_have_no_change() -> None:
    assert largest_change(np.r_[np.zeros(MIN_PART), np.ones(MIN_PART - 1)]) is None
