"""Tests of bootstrap intervals."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from model.evaluation.bootstrap import Estimate, bootstrap, bootstrap_band, resamples
from model.evaluation.metrics import (
    FURTHER_MEASURES,
    MEASURES,
    accuracy,
    auc,
    calibration_error_by_chance,
    expected_calibration_error,
    false_accusation_rate,
    miss_rate,
)
from tests.model.evaluation.counted import FAKE, REAL, random_case

# bootstrap


def test_resamples_without_a_value_are_left_out() -> None:
    """Two fakes, one of them called fake: a quarter of the resamples have no picture called fake."""
    p_fake, truth = np.array([0.9, 0.1, 0.1]), np.array([FAKE, FAKE, REAL])
    estimate = bootstrap(FURTHER_MEASURES["precision_fake"], p_fake, truth, rounds=50)
    assert (estimate.value, estimate.low, estimate.high) == (1.0, 1.0, 1.0)


def test_two_models_are_compared_on_the_same_resamples() -> None:
    """If one model is better by 0.1 on every picture, the interval of the difference has no width."""
    rng = np.random.default_rng(0)
    scores = rng.random(200)
    columns = np.stack([scores, scores - 0.1], axis=1)
    estimate = bootstrap(lambda p, _: float(np.mean(p[:, 0] - p[:, 1])), columns, scores > 0.5, rounds=50)
    assert (estimate.low, estimate.high) == pytest.approx((0.1, 0.1))


def test_few_pictures_without_a_mistake_have_a_wide_interval() -> None:
    """No resample contains a mistake, so the bootstrap alone would give an interval without width."""
    for count, low in ((1, 0.2065), (10, 0.7225)):
        p_fake, truth = np.tile([0.9, 0.1], count), np.tile([FAKE, REAL], count)
        assert bootstrap(accuracy, p_fake, truth, rounds=20).low == 1
        estimate = bootstrap(accuracy, p_fake, truth, rounds=20, is_share=True)
        assert (estimate.value, estimate.high) == (1, 1) and estimate.low == pytest.approx(low, abs=1e-3)
        missed = bootstrap(miss_rate, p_fake, truth, rounds=20, is_share=True)
        assert (missed.value, missed.low) == (0, 0) and missed.high == pytest.approx(1 - low, abs=1e-3)
    case = random_case(0)
    assert bootstrap(accuracy, *case, rounds=50, is_share=True) == bootstrap(accuracy, *case, rounds=50)


def test_band_encloses_the_curve_and_narrows_with_pictures() -> None:
    def share_below(p_fake: NDArray[np.floating], is_fake: NDArray[np.bool_]) -> NDArray[np.floating]:
        return np.array([float(np.mean(p_fake < threshold)) for threshold in (0.2, 0.5, 0.8)])

    widths = []
    for count in (40, 2000):
        case = random_case(0, count)
        low, high = bootstrap_band(share_below, *case, rounds=100)
        assert low.shape == high.shape == (3,)
        assert (low <= share_below(*case)).all() and (share_below(*case) <= high).all()
        widths.append((high - low).mean())
    assert widths[1] < 0.4 * widths[0]


@pytest.mark.parametrize("name", ["accuracy", "auc", "false_accusation_rate", "miss_rate"])
def test_interval_contains_the_value(name: str) -> None:
    for seed in range(5):
        estimate = bootstrap(MEASURES[name], *random_case(seed), rounds=200)
        assert estimate.value == MEASURES[name](*random_case(seed))
        assert 0 <= estimate.low < estimate.value < estimate.high <= 1


def test_interval_agrees_with_the_standard_error() -> None:
    """A rate of 1/2 over 400 pictures has a standard error of 2.5 points."""
    p_fake = np.tile([0.9, 0.1], 200)
    estimate = bootstrap(miss_rate, p_fake, np.ones(400, bool))
    assert estimate.low == pytest.approx(0.5 - 1.96 * 0.025, abs=0.01)
    assert estimate.high == pytest.approx(0.5 + 1.96 * 0.025, abs=0.01)


def test_interval_narrows_with_more_pictures() -> None:
    few, many = (bootstrap(accuracy, *random_case(0, count), rounds=200) for count in (40, 1000))
    assert many.high - many.low < 0.5 * (few.high - few.low)


def test_interval_depends_only_on_the_seed() -> None:
    case = random_case(0, digits=6)
    estimates = [bootstrap(auc, *case, rounds=50, seed=seed) for seed in (0, 0, 1)]
    assert estimates[0] == estimates[1] != estimates[2]


def test_each_resample_keeps_the_number_of_fakes() -> None:
    """Otherwise a resample of a small set might have one class, and no AUC."""
    seen: list[tuple[int, int]] = []

    def count(p_fake: NDArray[np.floating], is_fake: NDArray[np.bool_]) -> float:
        assert set(p_fake[is_fake]) <= {0.9} and set(p_fake[~is_fake]) <= {0.1, 0.2}
        seen.append((int(is_fake.sum()), len(is_fake)))
        return 0.0

    bootstrap(count, np.array([0.9, 0.1, 0.2]), np.array([FAKE, REAL, REAL]), rounds=20)
    assert set(seen) == {(1, 3)} and len(seen) == 21


def test_groups_are_drawn_whole() -> None:
    groups = np.array(["a", "a", "b", "c", "c", "c"])
    draws = list(resamples(np.array([FAKE] * 6), 50, 0, groups))
    for rows in draws:
        counts = np.bincount(rows, minlength=6)
        assert counts[0] == counts[1] and counts[3] == counts[4] == counts[5]
        assert counts[0] + counts[2] + counts[3] == 3, "each resample has the original number of groups"
    assert {len(rows) for rows in draws} > {6}


def test_groups_of_one_picture_give_the_same_interval_as_pictures() -> None:
    p_fake = np.random.default_rng(0).random(200)
    alone, grouped = (
        bootstrap(false_accusation_rate, p_fake, np.zeros(200, bool), groups=groups)
        for groups in (None, np.arange(200))
    )
    assert alone.value == grouped.value
    assert (grouped.low, grouped.high) == pytest.approx((alone.low, alone.high), abs=0.02)


def test_set_of_one_class_has_intervals_of_measures_that_are_defined() -> None:
    p_fake, reals = np.array([0.9, 0.1, 0.1, 0.1]), np.zeros(4, bool)
    estimate = bootstrap(false_accusation_rate, p_fake, reals, rounds=100)
    assert estimate.value == 0.25 and 0 <= estimate.low <= 0.25 <= estimate.high
    assert np.isnan(bootstrap(auc, p_fake, reals, rounds=10).value)


def test_estimate_is_written_as_value_and_interval() -> None:
    assert str(Estimate(0.81234, 0.7, 0.9)) == "0.812 (0.700 to 0.900)"


def test_calibration_error_by_chance_shrinks_with_more_pictures() -> None:
    rng = np.random.default_rng(0)
    few, many = rng.random(200), rng.random(20_000)
    assert calibration_error_by_chance(few, rounds=50) > 5 * calibration_error_by_chance(many, rounds=20)
    calibrated = rng.random(200) < few
    assert expected_calibration_error(few, calibrated) == pytest.approx(calibration_error_by_chance(few), abs=0.05)
    assert calibration_error_by_chance(np.array([0.0, 1.0] * 50)) == 0
