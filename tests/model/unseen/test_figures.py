"""Tests of the figures on unseen sources, on answers whose figures can be worked out by hand."""

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


def said(label: str, p_fake: Sequence[float], source: str = "a", side: float = 100) -> SourceScores:
    examples = [
        Example(f"{source}/test/{label.lower()}/{number}.png", source, "test", label, (0, 0, side, side), ())
        for number in range(len(p_fake))
    ]
    return SourceScores(source, label, examples, np.array(p_fake))


def values(figures: dict, *names: str) -> list[float]:
    return [figures[name]["value"] for name in names]


def test_real_faces_are_counted_at_half_and_by_the_page() -> None:
    figures = real_figures(said("Real", [0.1, 0.3, 0.5, 0.6, 0.7, 0.9]), {}, BAND)
    assert values(figures, "called_fake", "looks_fake", "inconclusive") == [0.6667, 0.3333, 0.3333]
    assert figures["pictures"] == 6
    assert figures["called_fake"]["low"] < 0.6667 < figures["called_fake"]["high"]


def test_accusations_are_told_by_face_size_and_by_names() -> None:
    small, large = said("Real", [0.9, 0.8], "a", side=63.9), said("Real", [0.1, 0.2, 0.9, 0.1], "b", side=128)
    figures = real_figures(join([small, large]), {}, BAND)["groups"]
    assert list(figures) == ["face size"]
    accused = {group: of["false_accusation_rate"]["value"] for group, of in figures["face size"].items()}
    assert accused == {"below 64 pixels": 1.0, "64 to 128 pixels": 0.25}


def test_fakes_are_found_at_half_and_missed_by_the_page() -> None:
    figures = fake_figures(said("Fake", [0.1, 0.4, 0.5, 0.9]), {}, BAND)
    assert values(figures, "recall", "looks_real", "inconclusive") == [0.5, 0.25, 0.5]


def test_pictures_of_one_original_widen_the_interval() -> None:
    of = said("Real", [0.9] * 20 + [0.1] * 20)
    originals = {example.path: str(row // 10) for row, example in enumerate(of.examples)}
    alone, shared = (real_figures(of, groups, BAND)["called_fake"] for groups in ({}, originals))
    assert alone["value"] == shared["value"] == 0.5
    assert (shared["low"], shared["high"]) == (0.0, 1.0), "four originals that agree in themselves tell very little"
    assert 0.3 < alone["low"] < alone["high"] < 0.7


def test_groups_are_none_where_no_picture_shares_one() -> None:
    examples = said("Real", [0.1, 0.2, 0.3]).examples
    first, second, third = (example.path for example in examples)
    assert groups_for(examples, {first: "x", second: "y"}) is None
    shared = groups_for(examples, {first: "x", third: "x"})
    assert shared is not None and shared[0] == shared[2] != shared[1]


def test_auc_is_that_of_fakes_against_reals() -> None:
    fakes, reals = said("Fake", [0.2, 0.6, 0.9]), said("Real", [0.1, 0.6])
    assert auc_between(fakes, reals, {})["value"] == pytest.approx(4.5 / 6, abs=1e-4)


def test_learnt_by_heart_is_the_gap_between_new_and_seen_faces() -> None:
    figures = learnt_by_heart(np.repeat([0.9, 0.1], [1, 99]), np.repeat([0.9, 0.1], [20, 80]))
    assert (figures["seen_called_fake"], figures["new_called_fake"]) == (0.01, 0.2)
    gap = figures["difference"]
    assert gap["value"] == pytest.approx(0.19, abs=1e-4) and 0.08 < gap["low"] < 0.19 < gap["high"] < 0.3


def test_calibration_counts_each_class_half() -> None:
    # Where classes count half each, 90% of what lies at P = 0.8 is fake, and 10% of what lies at 0.2: gaps of 0.1.
    sure = said("Real", [0.8] * 4 + [0.2] * 36), said("Fake", [0.8] * 36 + [0.2] * 4)
    assert calibration_figures(sure)["error"]["value"] == pytest.approx(0.1, abs=1e-4)
    many = said("Real", [0.8] * 40 + [0.2] * 360), sure[1]
    figures = calibration_figures(many)
    assert figures["error"]["value"] == pytest.approx(0.1, abs=1e-4)
    assert (figures["real"], figures["fake"]) == (400, 40)


def test_calibration_of_one_class_is_not_measured() -> None:
    assert calibration_figures([said("Real", [0.1, 0.2])]) == {"real": 2, "fake": 0}


def test_peaks_count_the_fakes_that_were_called_fake() -> None:
    of = said("Fake", [0.9, 0.9, 0.2, 0.9])
    figures = peak_figures([(True, False), (True, True), None, (False, False)], of.examples, {})
    assert figures["fakes"] == 3
    assert values(figures, "attention", "centre") == [0.6667, 0.3333]
    assert peak_figures([None] * 4, of.examples, {}) == {"fakes": 0}


def test_share_that_is_always_the_same_still_has_an_interval() -> None:
    estimate = share_of(np.zeros(20))
    assert estimate.value == estimate.low == 0 < estimate.high < 0.3
