"""Tests of the measures, on numbers that can be counted by hand and against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import brier_score_loss, precision_recall_fscore_support, roc_auc_score

from model.evaluation.bootstrap import Estimate, bootstrap, bootstrap_band, resamples
from model.evaluation.metrics import (
    FURTHER_MEASURES,
    MEASURES,
    accuracy,
    area_under_risk_coverage,
    auc,
    average_precision,
    brier_score,
    calibration_error_by_chance,
    expected_calibration_error,
    false_accusation_rate,
    miss_rate,
    reliability_bins,
    risk_at_coverage,
    risk_coverage,
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


def test_report_measures_without_what_they_divide_by() -> None:
    reals, accused, cleared = np.zeros(2, bool), np.array([0.9, 0.8]), np.array([0.1, 0.2])
    assert np.isnan(FURTHER_MEASURES["precision_fake"](cleared, np.array([FAKE, REAL]))), "nothing was called fake"
    assert np.isnan(FURTHER_MEASURES["precision_fake"](accused, reals)), "no set of reals can have another than 0"
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


def test_balanced_calibration_error_does_not_depend_on_how_many_reals_there_are() -> None:
    fakes, reals = np.repeat([0.8, 0.2], [9, 1]), np.repeat([0.8, 0.2], [1, 9])
    for times in (1, 7):
        p_fake = np.concatenate([fakes, np.tile(reals, times)])
        is_fake = np.arange(len(p_fake)) < len(fakes)
        assert expected_calibration_error(p_fake, is_fake, balanced=True) == pytest.approx(0.1)
    assert expected_calibration_error(p_fake, is_fake) > 0.15


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


def test_risk_grows_as_the_unsure_are_judged_too() -> None:
    """Two sure and right, one less sure and wrong, one unsure and right."""
    coverage, risk = risk_coverage(np.array([0.99, 0.02, 0.8, 0.45]), np.array([FAKE, REAL, REAL, REAL]))
    assert coverage.tolist() == [0.25, 0.5, 0.75, 1.0]
    assert risk == pytest.approx([0, 0, 1 / 3, 1 / 4])
    assert area_under_risk_coverage(np.array([0.99, 0.02, 0.8, 0.45]), np.array([FAKE, REAL, REAL, REAL])) == (
        pytest.approx((1 / 3 + 1 / 4) / 4)
    )


def test_order_of_equally_sure_pictures_plays_no_part() -> None:
    p_fake, truth = np.array([0.9, 0.1, 0.9, 0.1]), np.array([FAKE, FAKE, REAL, REAL])
    for order in ([0, 1, 2, 3], [3, 2, 1, 0], [1, 2, 0, 3]):
        assert risk_coverage(p_fake[order], truth[order])[1] == pytest.approx([0.5] * 4)


@pytest.mark.parametrize("seed", range(3))
def test_risk_of_all_pictures_is_the_error_rate(seed: int) -> None:
    p_fake, is_fake = random_case(seed)
    assert risk_coverage(p_fake, is_fake)[1][-1] == pytest.approx(1 - accuracy(p_fake, is_fake))
    assert risk_at_coverage(p_fake, is_fake, 1.0) == pytest.approx(1 - accuracy(p_fake, is_fake))


def test_risk_at_a_coverage_is_read_off_the_curve() -> None:
    p_fake, truth = np.array([0.99, 0.02, 0.8, 0.45]), np.array([FAKE, REAL, REAL, REAL])
    assert risk_at_coverage(p_fake, truth, 0.75) == pytest.approx(1 / 3)
    assert risk_at_coverage(p_fake, truth, 0.01) == 0, "at least one picture is judged"
    for coverage in (0, 1.1):
        with pytest.raises(ValueError, match="coverage"):
            risk_at_coverage(p_fake, truth, coverage)


# bootstrap


def test_draws_without_a_value_are_left_out() -> None:
    """Two fakes, one of them called fake: a quarter of the draws call none so."""
    p_fake, truth = np.array([0.9, 0.1, 0.1]), np.array([FAKE, FAKE, REAL])
    estimate = bootstrap(FURTHER_MEASURES["precision_fake"], p_fake, truth, rounds=50)
    assert (estimate.value, estimate.low, estimate.high) == (1.0, 1.0, 1.0)


def test_two_models_are_compared_on_the_same_draws() -> None:
    """A model that is always a tenth better leaves no doubt, however much the pictures differ."""
    rng = np.random.default_rng(0)
    scores = rng.random(200)
    columns = np.stack([scores, scores - 0.1], axis=1)
    estimate = bootstrap(lambda p, _: float(np.mean(p[:, 0] - p[:, 1])), columns, scores > 0.5, rounds=50)
    assert (estimate.low, estimate.high) == pytest.approx((0.1, 0.1))


def test_few_pictures_without_a_mistake_prove_little() -> None:
    """No draw can show a mistake that is not there: one picture called right is no proof, ten are little."""
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


def test_groups_are_drawn_whole() -> None:
    groups = np.array(["a", "a", "b", "c", "c", "c"])
    draws = list(resamples(np.array([FAKE] * 6), 50, 0, groups))
    for rows in draws:
        counts = np.bincount(rows, minlength=6)
        assert counts[0] == counts[1] and counts[3] == counts[4] == counts[5]
        assert counts[0] + counts[2] + counts[3] == 3, "as many groups as there are"
    assert {len(rows) for rows in draws} > {6}


def test_groups_of_one_picture_each_give_what_pictures_give() -> None:
    p_fake = np.random.default_rng(0).random(200)
    alone, grouped = (
        bootstrap(false_accusation_rate, p_fake, np.zeros(200, bool), groups=groups)
        for groups in (None, np.arange(200))
    )
    assert alone.value == grouped.value
    assert (grouped.low, grouped.high) == pytest.approx((alone.low, alone.high), abs=0.02)


def test_one_class_has_an_interval_where_the_measure_has_a_value() -> None:
    p_fake, reals = np.array([0.9, 0.1, 0.1, 0.1]), np.zeros(4, bool)
    estimate = bootstrap(false_accusation_rate, p_fake, reals, rounds=100)
    assert estimate.value == 0.25 and 0 <= estimate.low <= 0.25 <= estimate.high
    assert np.isnan(bootstrap(auc, p_fake, reals, rounds=10).value)


def test_estimate_reads_as_value_and_interval() -> None:
    assert str(Estimate(0.81234, 0.7, 0.9)) == "0.812 (0.700 to 0.900)"


def test_chance_alone_makes_a_calibration_error_that_shrinks_with_more_pictures() -> None:
    rng = np.random.default_rng(0)
    few, many = rng.random(200), rng.random(20_000)
    assert calibration_error_by_chance(few, rounds=50) > 5 * calibration_error_by_chance(many, rounds=20)
    honest = rng.random(200) < few
    assert expected_calibration_error(few, honest) == pytest.approx(calibration_error_by_chance(few), abs=0.05)
    assert calibration_error_by_chance(np.array([0.0, 1.0] * 50)) == 0
