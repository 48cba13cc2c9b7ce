"""Tests of the measures, on numbers that can be counted by hand and against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, precision_recall_fscore_support, roc_auc_score

from model.evaluation.metrics import (
    FURTHER_MEASURES,
    MEASURES,
    accuracy,
    area_under_risk_coverage,
    auc,
    average_precision,
    brier_score,
    expected_calibration_error,
    false_accusation_rate,
    miss_rate,
    reliability_bins,
    risk_at_coverage,
    risk_coverage,
)
from tests.model.evaluation.counted import FAKE, REAL, random_case

# Four fakes, one of them missed; four reals, two of them accused, one of these exactly at the threshold.
P_FAKE = np.array([0.9, 0.8, 0.6, 0.2, 0.7, 0.5, 0.4, 0.1])
IS_FAKE = np.array([FAKE] * 4 + [REAL] * 4)


# Rates


def test_rates_count_the_mistakes() -> None:
    assert accuracy(P_FAKE, IS_FAKE) == 5 / 8
    assert false_accusation_rate(P_FAKE, IS_FAKE) == 2 / 4, "0.5 is called fake"
    assert miss_rate(P_FAKE, IS_FAKE) == 1 / 4


def test_rates_of_a_missing_class_are_nan() -> None:
    ones = np.ones(3, bool)
    assert np.isnan(false_accusation_rate(np.zeros(3), ones))
    assert np.isnan(miss_rate(np.zeros(3), ~ones))
    assert miss_rate(np.zeros(3), ones) == 1 and false_accusation_rate(np.zeros(3), ~ones) == 0


@pytest.mark.parametrize("seed", range(5))
def test_accuracy_follows_from_both_error_rates(seed: int) -> None:
    p_fake, is_fake = random_case(seed)
    wrong = (~is_fake).sum() * false_accusation_rate(p_fake, is_fake) + is_fake.sum() * miss_rate(p_fake, is_fake)
    assert accuracy(p_fake, is_fake) == pytest.approx(1 - wrong / len(is_fake))


def test_mistakes_that_harm_people_come_first() -> None:
    assert list(MEASURES)[:2] == ["false_accusation_rate", "miss_rate"]


@pytest.mark.parametrize("seed", range(5))
def test_report_measures_agree_with_scikit_learn(seed: int) -> None:
    p_fake, is_fake = random_case(seed)
    columns = precision_recall_fscore_support(is_fake, p_fake >= 0.5, labels=[True, False])[:3]
    for name, (of_fake, of_real) in zip(("precision", "recall", "f1"), columns, strict=True):
        assert FURTHER_MEASURES[f"{name}_fake"](p_fake, is_fake) == pytest.approx(of_fake)
        assert FURTHER_MEASURES[f"{name}_real"](p_fake, is_fake) == pytest.approx(of_real)
    assert brier_score(p_fake, is_fake) == pytest.approx(brier_score_loss(is_fake, p_fake))


def test_report_measures_with_a_zero_denominator() -> None:
    reals, accused, cleared = np.zeros(2, bool), np.array([0.9, 0.8]), np.array([0.1, 0.2])
    assert np.isnan(FURTHER_MEASURES["precision_fake"](cleared, np.array([FAKE, REAL]))), "nothing was called fake"
    assert np.isnan(FURTHER_MEASURES["precision_fake"](accused, reals)), "precision of a set of reals would always be 0"
    assert np.isnan(FURTHER_MEASURES["precision_real"](cleared, reals))
    assert np.isnan(FURTHER_MEASURES["f1_fake"](accused, reals)) and np.isnan(average_precision(accused, reals))
    assert FURTHER_MEASURES["f1_fake"](np.array([0.1, 0.2]), np.array([FAKE, REAL])) == 0


def test_average_precision_of_a_perfect_order_is_one() -> None:
    assert average_precision(np.array([0.9, 0.8, 0.1]), np.array([FAKE, FAKE, REAL])) == 1
    assert average_precision(np.array([0.1, 0.9]), np.array([FAKE, REAL])) == 0.5


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
def test_auc_and_calibration_error_of_one_class_are_nan(label: bool) -> None:
    for measure in (auc, expected_calibration_error):
        assert np.isnan(measure(np.array([0.2, 0.8]), np.array([label, label])))


# Calibration


def test_calibration_error_weighs_the_gap_of_each_bin() -> None:
    """Two pictures at .2 of which one is fake: gap .3; two at .9, both fake: gap .1."""
    p_fake = np.array([0.2, 0.2, 0.9, 0.9])
    assert expected_calibration_error(p_fake, np.array([FAKE, REAL, FAKE, FAKE])) == pytest.approx(
        0.5 * 0.3 + 0.5 * 0.1
    )


def test_balanced_calibration_error_does_not_depend_on_the_number_of_reals() -> None:
    fakes, reals = np.repeat([0.8, 0.2], [9, 1]), np.repeat([0.8, 0.2], [1, 9])
    for times in (1, 7):
        p_fake = np.concatenate([fakes, np.tile(reals, times)])
        is_fake = np.arange(len(p_fake)) < len(fakes)
        assert expected_calibration_error(p_fake, is_fake, balanced=True) == pytest.approx(0.1)
    assert expected_calibration_error(p_fake, is_fake) > 0.15


def test_calibration_error_of_a_calibrated_model_is_zero() -> None:
    p_fake = np.repeat([0.25, 0.75], 4)
    truth = np.array([FAKE, REAL, REAL, REAL, FAKE, FAKE, FAKE, REAL])
    assert expected_calibration_error(p_fake, truth) == pytest.approx(0)


def test_calibration_error_of_a_certain_and_wrong_model_is_one() -> None:
    assert expected_calibration_error(np.array([1.0, 0.0]), np.array([REAL, FAKE])) == 1


def test_errors_cancel_only_within_a_bin() -> None:
    """.1 too high and .1 too low cancel in one bin, and do not in two."""
    p_fake = np.array([0.1, 0.9])
    truth = np.array([REAL, FAKE])
    assert expected_calibration_error(p_fake, truth, bins=1) == pytest.approx(0)
    assert expected_calibration_error(p_fake, truth, bins=2) == pytest.approx(0.1)


def test_reliability_bins_hold_each_picture_once() -> None:
    p_fake = np.array([0.05, 0.05, 0.55, 1.0, 1.0, 1.0, 1.0])
    truth = np.array([REAL, FAKE, FAKE, FAKE, FAKE, FAKE, REAL])
    bins = reliability_bins(p_fake, truth)
    assert [(round(b.low, 1), round(b.high, 1), b.count) for b in bins] == [(0.0, 0.1, 2), (0.5, 0.6, 1), (0.9, 1.0, 4)]
    assert [b.stated for b in bins] == pytest.approx([0.05, 0.55, 1.0])
    assert [b.observed for b in bins] == [0.5, 1.0, 0.75]
    assert all(0 <= b.interval[0] <= b.observed <= b.interval[1] <= 1 for b in bins)
    low, high = bins[0].interval
    assert (low, high) == pytest.approx((0.0945, 0.9055), abs=1e-3), "Wilson's interval of 1 in 2"


@pytest.mark.parametrize("seed", range(3))
def test_calibration_error_is_the_mean_gap_of_the_bins(seed: int) -> None:
    p_fake, is_fake = random_case(seed, digits=6)
    gaps = [abs(b.stated - b.observed) * b.count for b in reliability_bins(p_fake, is_fake)]
    assert expected_calibration_error(p_fake, is_fake) == pytest.approx(sum(gaps) / len(p_fake))


# Risk and coverage


def test_risk_changes_as_less_certain_pictures_are_added() -> None:
    """Two certain and right, one less certain and wrong, one uncertain and right."""
    coverage, risk = risk_coverage(np.array([0.99, 0.02, 0.8, 0.45]), np.array([FAKE, REAL, REAL, REAL]))
    assert coverage.tolist() == [0.25, 0.5, 0.75, 1.0]
    assert risk == pytest.approx([0, 0, 1 / 3, 1 / 4])
    assert area_under_risk_coverage(np.array([0.99, 0.02, 0.8, 0.45]), np.array([FAKE, REAL, REAL, REAL])) == (
        pytest.approx((1 / 3 + 1 / 4) / 4)
    )


def test_order_of_equally_certain_pictures_does_not_matter() -> None:
    p_fake, truth = np.array([0.9, 0.1, 0.9, 0.1]), np.array([FAKE, FAKE, REAL, REAL])
    for order in ([0, 1, 2, 3], [3, 2, 1, 0], [1, 2, 0, 3]):
        assert risk_coverage(p_fake[order], truth[order])[1] == pytest.approx([0.5] * 4)


@pytest.mark.parametrize("seed", range(3))
def test_risk_of_all_pictures_is_the_error_rate(seed: int) -> None:
    p_fake, is_fake = random_case(seed)
    assert risk_coverage(p_fake, is_fake)[1][-1] == pytest.approx(1 - accuracy(p_fake, is_fake))
    assert risk_at_coverage(p_fake, is_fake, 1.0) == pytest.approx(1 - accuracy(p_fake, is_fake))


def test_risk_at_a_coverage_is_read_from_the_curve() -> None:
    p_fake, truth = np.array([0.99, 0.02, 0.8, 0.45]), np.array([FAKE, REAL, REAL, REAL])
    assert risk_at_coverage(p_fake, truth, 0.75) == pytest.approx(1 / 3)
    assert risk_at_coverage(p_fake, truth, 0.01) == 0, "at least one picture is judged"
    for coverage in (0, 1.1):
        with pytest.raises(ValueError, match="coverage"):
            risk_at_coverage(p_fake, truth, coverage)
