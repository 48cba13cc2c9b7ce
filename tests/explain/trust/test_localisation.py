"""Tests of whether made-up maps find a made-up change."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from explain.maps.attention import attention_map
from explain.maps.attribution import Attribution
from explain.trust.localisation import Localisation, localise
from tests.support.worlds import squares

SIDE = 32
SEGMENTS = squares(SIDE, 4)  # 16 regions of 8 by 8 pixels
CHANGED = np.isin(SEGMENTS, (5, 6))
NOWHERE = np.zeros((4, 4), np.float32)


def lime(strongest: tuple[int, ...], target: str = "Fake", **evidence: float) -> Attribution:
    """A map with these strongest regions for Fake, strongest first; all others speak a little against it."""
    weights = np.full(16, -0.01, np.float32)
    weights[list(strongest)] = np.arange(len(strongest), 0, -1)
    weights = weights if target == "Fake" else -weights
    return Attribution(
        "lime", target, weights[SEGMENTS], (SIDE, SIDE), SEGMENTS, weights, {"complete": True, **evidence}
    )


def attention(cell: int) -> Attribution:
    mask = NOWHERE.copy()
    mask.flat[cell] = 1
    return attention_map(mask, SIDE)


@pytest.mark.parametrize(
    ("strongest", "inside"), [((5, 6, 0, 1), 2), ((0, 5, 1, 6), 1), ((0, 1, 2, 5), 0), ((5, 6), 2)]
)
@pytest.mark.parametrize("target", ["Fake", "Real"])
def test_regions_that_speak_most_for_fake_are_counted(strongest: tuple[int, ...], inside: int, target: str) -> None:
    found = localise({"lime": lime(strongest, target)}, CHANGED)
    assert found == Localisation(min(3, len(strongest)), inside, None, 2 / 16)


@pytest.mark.parametrize(("rows", "inside"), [(5, 1), (4, 0), (3, 0)])
def test_a_region_lies_inside_if_most_of_it_does(rows: int, inside: int) -> None:
    changed = np.zeros((SIDE, SIDE), bool)
    changed[8 : 8 + rows, 8:16] = True  # of the eight rows of region 5
    assert localise({"lime": lime((5,))}, changed).inside == inside


@pytest.mark.parametrize(("cell", "inside"), [(5, True), (6, True), (4, False), (15, False)])
def test_peak_is_the_strongest_cell_of_the_attention_mask(cell: int, inside: bool) -> None:
    assert localise({"attention": attention(cell)}, CHANGED) == Localisation(0, 0, inside, 2 / 16)


@pytest.mark.parametrize("maps", [{}, {"attention": attention_map(NOWHERE, SIDE)}], ids=["none", "flat"])
def test_without_a_mask_or_with_a_flat_one_there_is_no_peak(maps: dict[str, Attribution]) -> None:
    assert localise(maps, CHANGED).peak_inside is None


def test_a_model_that_hardly_depends_on_the_picture_marks_no_region() -> None:
    assert localise({"lime": lime((5, 6), lowest=0.7, highest=0.7)}, CHANGED).top == 0


def test_smoothing_the_mask_does_not_move_its_peak() -> None:
    mask: NDArray[np.float32] = NOWHERE.copy()
    mask[1, 1] = 1
    assert localise({"attention": attention_map(mask, SIDE, smooth=True)}, CHANGED).peak_inside


def test_a_larger_change_must_be_found_more_often_to_count_as_much() -> None:
    assert Localisation(3, 2, True, 0.1).above_chance == pytest.approx(3 - 0.4)
    assert Localisation(3, 2, True, 0.5).above_chance == pytest.approx(3 - 2)
    assert Localisation(3, 1, None, 0.5).above_chance == pytest.approx(1 - 1.5)
