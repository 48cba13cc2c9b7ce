"""Tests of a detector that averages over views: which answers are averages, and which take the views in turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from explain.maps.partition_shap import partition_shap
from explain.maps.subject import Subject
from model.artifact.views import STEADY, View
from tests.support.worlds import FormulaDetector, by_labels, noise, of_lit_regions, squares

SIDE, ACROSS = 12, 2
SEGMENTS = squares(SIDE, ACROSS)
CROP = noise(SIDE, darkest=1)
TRUTH = np.array([0.2, -0.1, 0.05, 0.0])  # what each region adds to P(Fake)
OFFSETS = np.array([-0.1, 0.02, 0.0, 0.08])  # what each view adds; their mean is 0


class ViewsDiffer(FormulaDetector):
    """P(Fake) = 0.4 + the visible regions' truth + the mean offset of the views."""

    def __init__(self) -> None:
        super().__init__(of_lit_regions(lambda visible: 0.4 + visible @ TRUTH, SEGMENTS))
        self.card = replace(self.card, views=STEADY)

    def _run(
        self, crops: NDArray[np.uint8], views: Sequence[View] = ()
    ) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        offset = np.mean([OFFSETS[STEADY.index(view)] for view in views or STEADY])
        fake = self.p_fake(crops) + offset
        return by_labels(fake, self.card.labels), np.zeros((len(crops), 4, 4), np.float32)


@pytest.fixture(scope="module")
def subject() -> Subject:
    return Subject(CROP, SEGMENTS, "Fake", ViewsDiffer(), "black")


def test_single_answers_are_averages_over_the_views(subject: Subject) -> None:
    masks = np.array([[1, 1, 1, 1], [0, 1, 1, 0], [0, 0, 0, 0]], np.uint8)
    np.testing.assert_allclose(subject.answers(masks), 0.4 + masks @ TRUTH)


def test_many_answers_take_the_views_in_turn_and_the_untouched_crop_keeps_the_verdict(subject: Subject) -> None:
    masks = np.random.default_rng(0).integers(0, 2, (64, 4)).astype(np.uint8)
    masks[[0, 40]] = 1
    expected = 0.4 + masks @ TRUTH + OFFSETS[np.arange(64) // 2 % len(STEADY)]
    whole = masks.all(axis=1)
    expected[whole] = 0.4 + TRUTH.sum()
    np.testing.assert_allclose(np.concatenate(list(subject.ask(masks))), expected)


def test_weights_that_are_differences_of_single_answers_do_not_depend_on_the_views(subject: Subject) -> None:
    *_, found = partition_shap(subject)
    assert found.weights is not None
    np.testing.assert_allclose(found.weights, TRUTH, atol=1e-6)
