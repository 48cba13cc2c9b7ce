"""Tests of the measures, on numbers that can be counted by hand and against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from model.metrics import (
    MEASURES,
    Estimate,
    accuracy,
    auc,
    bootstrap,
    expected_calibration_error,
    false_accusation_rate,
    miss_rate,
)

FAKE, REAL = True, False
# Four fakes, one of them missed; four reals, two of them accused, one of these on the very border.
P_FAKE = np.array([0.9, 0.8, 0.6, 0.2, 0.7, 0.5, 0.4, 0.1])
IS_FAKE = np.array([FAKE] * 4 + [REAL] * 4)


def random_case(seed: int, count: int = 60, digits: int = 1) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Scores that lean the right way, rounded so that many of them tie."""
    rng = np.random.default_rng(seed)
    is_fake = rng.random(count) < 0.4
    is_fake[:2] = [FAKE, REAL]
    return np.round(np.clip(rng.normal(0.4 + 0.2 * is_fake, 0.25), 0, 1), digits), is_fake


# Rates


def test_rates_count_the_mistakes() -> None:
    assert accuracy(P_FAKE, IS_FAKE) == 5 / 8
    assert false_accusation_rate(P_FAKE, IS_FAKE) == 2 / 4, "0.5 is called fake"
    assert miss_rate(P_FAKE, IS_FAKE) == 1 / 4


def test_rates_without_the_class_they_speak_of_are_not_a_number() -> None:
    ones = np.ones(3, bool)
    assert np.isnan(false_accusation_rate(np.zeros(3), ones))
    assert np.isnan(miss_rate(np.zeros(3), ~ones))
    assert miss_rate(np.zeros(3), ones) == 1 and false_accusation_rate(np.zeros(3), ~ones) == 0


@pytest.mark.parametrize("seed", range(5))
def test_accuracy_is_what_both_kinds_of_mistake_leave(seed: int) -> None:
    p_fake, is_fake = random_case(seed)
    wrong = (~is_fake).sum() * false_accusation_rate(p_fake, is_fake) + is_fake.sum() * miss_rate(p_fake, is_fake)
    assert accuracy(p_fake, is_fake) == pytest.approx(1 - wrong / len(is_fake))


# AUC


@pytest.mark.parametrize(
    ("fakes", "reals", "expected"),
    [
        ([0.9, 0.8], [0.1, 0.2], 1.0),
        ([0.1, 0.2], [0.9, 0.8], 0.0),
        ([0.5, 0.5], [0.5, 0.5], 0.5),
        ([0.9, 0.4], [0.4, 0.1], 0.875),  # four pairs: three won, one tied
        ([0.3], [0.1, 0.3, 0.5, 0.7], 0.375),  # one won, one tied, two lost
    ],
)
def test_auc_counts_pairs_and_halves_ties(fakes: list[float], reals: list[float], expected: float) -> None:
    truth = np.array([FAKE] * len(fakes) + [REAL] * len(reals))
    assert auc(np.array(fakes + reals), truth) == expected


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("digits", [1, 6])
def test_auc_agrees_with_scikit_learn(seed: int, digits: int) -> None:
    p_fake, is_fake = random_case(seed, digits=digits)
    assert auc(p_fake, is_fake) == pytest.approx(roc_auc_score(is_fake, p_fake), abs=1e-12)


@pytest.mark.parametrize("label", [FAKE, REAL])
def test_auc_and_calibration_error_of_one_class_are_not_a_number(label: bool) -> None:
    for measure in (auc, expected_calibration_error):
        assert np.isnan(measure(np.array([0.2, 0.8]), np.array([label, label])))


# Calibration


def test_calibration_error_weighs_the_gap_of_each_bin() -> None:
    """Two pictures at .2 of which one is fake: gap .3; two at .9, both fake: gap .1."""
    p_fake = np.array([0.2, 0.2, 0.9, 0.9])
    assert expected_calibration_error(p_fake, np.array([FAKE, REAL, FAKE, FAKE])) == pytest.approx(
        0.5 * 0.3 + 0.5 * 0.1
    )


def test_calibration_error_of_an_honest_model_is_zero() -> None:
    p_fake = np.repeat([0.25, 0.75], 4)
    truth = np.array([FAKE, REAL, REAL, REAL, FAKE, FAKE, FAKE, REAL])
    assert expected_calibration_error(p_fake, truth) == pytest.approx(0)


def test_calibration_error_of_a_sure_liar_is_one() -> None:
    assert expected_calibration_error(np.array([1.0, 0.0]), np.array([REAL, FAKE])) == 1


def test_bins_set_what_may_cancel() -> None:
    """.1 too high and .1 too low cancel in one bin, and do not in two."""
    p_fake = np.array([0.1, 0.9])
    truth = np.array([REAL, FAKE])
    assert expected_calibration_error(p_fake, truth, bins=1) == pytest.approx(0)
    assert expected_calibration_error(p_fake, truth, bins=2) == pytest.approx(0.1)


# bootstrap


@pytest.mark.parametrize("name", ["accuracy", "auc", "false_accusation_rate", "miss_rate"])
def test_interval_holds_the_value(name: str) -> None:
    for seed in range(5):
        estimate = bootstrap(MEASURES[name], *random_case(seed), rounds=200)
        assert estimate.value == MEASURES[name](*random_case(seed))
        assert 0 <= estimate.low < estimate.value < estimate.high <= 1


def test_interval_covers_what_theory_says() -> None:
    """A rate of 1/2 over 400 pictures has a standard error of 2.5 points."""
    p_fake = np.tile([0.9, 0.1], 200)
    estimate = bootstrap(miss_rate, p_fake, np.ones(400, bool))
    assert estimate.low == pytest.approx(0.5 - 1.96 * 0.025, abs=0.01)
    assert estimate.high == pytest.approx(0.5 + 1.96 * 0.025, abs=0.01)


def test_interval_narrows_with_more_pictures() -> None:
    few, many = (bootstrap(accuracy, *random_case(0, count), rounds=200) for count in (40, 1000))
    assert many.high - many.low < 0.5 * (few.high - few.low)


def test_interval_depends_on_the_seed_alone() -> None:
    case = random_case(0, digits=6)
    estimates = [bootstrap(auc, *case, rounds=50, seed=seed) for seed in (0, 0, 1)]
    assert estimates[0] == estimates[1] != estimates[2]


def test_each_resample_keeps_the_number_of_fakes() -> None:
    """Otherwise a small set could lose a class and its AUC with it."""
    seen: list[tuple[int, int]] = []

    def count(p_fake: NDArray[np.floating], is_fake: NDArray[np.bool_]) -> float:
        assert set(p_fake[is_fake]) <= {0.9} and set(p_fake[~is_fake]) <= {0.1, 0.2}
        seen.append((int(is_fake.sum()), len(is_fake)))
        return 0.0

    bootstrap(count, np.array([0.9, 0.1, 0.2]), np.array([FAKE, REAL, REAL]), rounds=20)
    assert set(seen) == {(1, 3)} and len(seen) == 21


def test_one_class_has_an_interval_where_the_measure_has_a_value() -> None:
    p_fake, reals = np.array([0.9, 0.1, 0.1, 0.1]), np.zeros(4, bool)
    estimate = bootstrap(false_accusation_rate, p_fake, reals, rounds=100)
    assert estimate.value == 0.25 and 0 <= estimate.low <= 0.25 <= estimate.high
    assert np.isnan(bootstrap(auc, p_fake, reals, rounds=10).value)


def test_estimate_reads_as_value_and_interval() -> None:
    assert str(Estimate(0.81234, 0.7, 0.9)) == "0.812 (0.700 to 0.900)"
