"""Tests of the figures on unseen sources, with figures that can be computed by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from model.data.layout import Example
from model.unseen.figures import (
    SourceScores,
    auc_between,
    calibration_figures,
    fake_figures,
    groups_for,
    join,
    learnt_by_heart,
    peak_figures,
    real_figures,
    share_of,
)

BAND = (0.3, 0.7)


def scores(label: str, p_fake: Sequence[float], source: str = "a", side: float = 100) -> SourceScores:
    examples = [
        Example(f"{source}/test/{label.lower()}/{number}.png", source, "test", label, (0, 0, side, side), ())
        for number in range(len(p_fake))
    ]
    return SourceScores(source, label, examples, np.array(p_fake))


def values(figures: dict, *names: str) -> list[float]:
    return [figures[name]["value"] for name in names]


def test_false_accusations_are_counted_by_the_threshold_and_by_the_verdict() -> None:
    figures = real_figures(scores("Real", [0.1, 0.3, 0.5, 0.6, 0.7, 0.9]), {}, BAND)
    assert values(figures, "called_fake", "looks_fake", "inconclusive") == [0.6667, 0.3333, 0.3333]
    assert figures["pictures"] == 6
    assert figures["called_fake"]["low"] < 0.6667 < figures["called_fake"]["high"]


@pytest.mark.slow
def test_false_accusations_are_grouped_by_face_size() -> None:
    small, large = scores("Real", [0.9, 0.8], "a", side=63.9), scores("Real", [0.1, 0.2, 0.9, 0.1], "b", side=128)
    figures = real_figures(join([small, large]), {}, BAND)["groups"]
    assert list(figures) == ["face size"]
    accused = {group: rates["false_accusation_rate"]["value"] for group, rates in figures["face size"].items()}
    assert accused == {"below 64 pixels": 1.0, "64 to 128 pixels": 0.25}


def test_found_fakes_are_counted_by_the_threshold_and_by_the_verdict() -> None:
    figures = fake_figures(scores("Fake", [0.1, 0.4, 0.5, 0.9]), {}, BAND)
    assert values(figures, "recall", "looks_real", "inconclusive") == [0.5, 0.25, 0.5]


@pytest.mark.slow
def test_pictures_of_one_original_widen_the_interval() -> None:
    reals = scores("Real", [0.9] * 20 + [0.1] * 20)
    originals = {example.path: str(row // 10) for row, example in enumerate(reals.examples)}
    alone, shared = (real_figures(reals, groups, BAND)["called_fake"] for groups in ({}, originals))
    assert alone["value"] == shared["value"] == 0.5
    assert (shared["low"], shared["high"]) == (0.0, 1.0), "four groups with equal pictures give little information"
    assert 0.3 < alone["low"] < alone["high"] < 0.7


def test_groups_are_none_if_no_pictures_share_a_group() -> None:
    examples = scores("Real", [0.1, 0.2, 0.3]).examples
    first, second, third = (example.path for example in examples)
    assert groups_for(examples, {first: "x", second: "y"}) is None
    shared = groups_for(examples, {first: "x", third: "x"})
    assert shared is not None and shared[0] == shared[2] != shared[1]


def test_auc_compares_fakes_with_reals() -> None:
    fakes, reals = scores("Fake", [0.2, 0.6, 0.9]), scores("Real", [0.1, 0.6])
    assert auc_between(fakes, reals, {})["value"] == pytest.approx(4.5 / 6, abs=1e-4)


def test_learnt_by_heart_is_the_difference_between_new_and_seen_faces() -> None:
    figures = learnt_by_heart(np.repeat([0.9, 0.1], [1, 99]), np.repeat([0.9, 0.1], [20, 80]))
    assert (figures["seen_called_fake"], figures["new_called_fake"]) == (0.01, 0.2)
    gap = figures["difference"]
    assert gap["value"] == pytest.approx(0.19, abs=1e-4) and 0.08 < gap["low"] < 0.19 < gap["high"] < 0.3


def test_calibration_error_weights_both_classes_equally() -> None:
    # With equal class weights, 90% of the pictures at P = 0.8 and 10% of those at 0.2 are fake: gaps of 0.1.
    sure = scores("Real", [0.8] * 4 + [0.2] * 36), scores("Fake", [0.8] * 36 + [0.2] * 4)
    assert calibration_figures(sure)["error"]["value"] == pytest.approx(0.1, abs=1e-4)
    many = scores("Real", [0.8] * 40 + [0.2] * 360), sure[1]
    figures = calibration_figures(many)
    assert figures["error"]["value"] == pytest.approx(0.1, abs=1e-4)
    assert (figures["real"], figures["fake"]) == (400, 40)


def test_calibration_of_one_class_is_not_measured() -> None:
    assert calibration_figures([scores("Real", [0.1, 0.2])]) == {"real": 2, "fake": 0}


def test_peaks_are_counted_in_fakes_that_were_called_fake() -> None:
    fakes = scores("Fake", [0.9, 0.9, 0.2, 0.9])
    figures = peak_figures([(True, False), (True, True), None, (False, False)], fakes.examples, {})
    assert figures["fakes"] == 3
    assert values(figures, "attention", "centre") == [0.6667, 0.3333]
    assert peak_figures([None] * 4, fakes.examples, {}) == {"fakes": 0}


def test_share_of_0_has_an_interval() -> None:
    estimate = share_of(np.zeros(20))
    assert estimate.value == estimate.low == 0 < estimate.high < 0.3
