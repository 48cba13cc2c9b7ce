"""Tests of the numbers on a map's picture: the regions that speak most for the class."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from explain.drawing.overlays import BADGE_RADIUS, lime_overlay, numbered
from explain.drawing.palette import PICTURE_SIZE
from explain.maps.attribution import NUMBERED, Attribution
from tests.support.worlds import squares

SIDE = 64
BLUE = np.full((PICTURE_SIZE, PICTURE_SIZE, 3), (0, 90, 180), np.uint8)
CELL = PICTURE_SIZE // 3


def lime(*weights: float, segments: NDArray[np.int32]) -> Attribution:
    per_region = np.array(weights, np.float32)
    return Attribution("lime", "Fake", per_region[segments], (SIDE, SIDE), segments, per_region, {})


NINE = lime(0, 0.1, 0.9, -0.6, 0.5, 0, 0.2, 0, -0.7, segments=squares(SIDE, 3))


def changed(found: Attribution) -> NDArray[np.bool_]:
    return np.asarray((numbered(BLUE, found) != BLUE).any(axis=2))


def test_the_three_regions_that_speak_most_for_the_class_get_a_badge_in_their_middle() -> None:
    places = changed(NINE)
    cells = [places[row * CELL : (row + 1) * CELL, column * CELL : (column + 1) * CELL] for row in range(3)
             for column in range(3)]  # fmt: skip
    assert [index for index, cell in enumerate(cells) if cell.any()] == [2, 4, 6] and NUMBERED == 3
    for index in (2, 4, 6):
        rows, columns = np.nonzero(cells[index])
        for middle in (rows, columns):
            assert (middle.min() + middle.max()) / 2 == pytest.approx(CELL / 2, abs=6)  # the three are not quite equal
            assert middle.max() - middle.min() == pytest.approx(2 * BADGE_RADIUS, abs=7)  # and its rim


def test_regions_against_the_class_or_with_zero_in_their_interval_get_no_badge() -> None:
    assert NINE.weights is not None and not changed(replace(NINE, weights=-np.abs(NINE.weights))).any()
    around_zero = np.stack([NINE.weights - 1, NINE.weights + 1], axis=1)
    assert not changed(replace(NINE, intervals=around_zero)).any()


def test_a_region_with_a_number_has_its_colour_too() -> None:
    """Two stronger regions against the class do not take the place of the one that is numbered."""
    found = lime(0, 0, 0.2, 0, 0, 0, 0, -0.8, -0.9, segments=squares(SIDE, 3))
    drawn = lime_overlay(np.full((SIDE, SIDE, 3), 128, np.uint8), found, 2)
    coloured = [bool((drawn[row * CELL + CELL // 2, column * CELL + CELL // 2] != 128).any()) for row in range(3)
                for column in range(3)]  # fmt: skip
    assert [region for region in range(9) if coloured[region]] == [2, 8]
    assert changed(found)[:CELL, 2 * CELL :].any()


def test_badges_show_their_ranks() -> None:
    drawn = numbered(BLUE, NINE)
    swapped = numbered(BLUE, replace(NINE, weights=np.array([0, 0, 0.5, 0, 0.9, 0, 0.2, 0, 0], np.float32)))
    first, second = drawn[:CELL, 2 * CELL :], drawn[CELL : 2 * CELL, CELL : 2 * CELL]
    np.testing.assert_array_equal(drawn[2 * CELL :, :CELL], swapped[2 * CELL :, :CELL])  # still the third
    assert (swapped[:CELL, 2 * CELL :] != first).any() and (swapped[CELL : 2 * CELL, CELL : 2 * CELL] != second).any()


def test_badge_of_a_concave_region_lies_inside_it() -> None:
    """The centre of gravity of a frame is outside of it."""
    frame = np.ones((SIDE, SIDE), np.int32)
    frame[12:, 12:-12] = 0
    inside = np.kron(frame, np.ones((PICTURE_SIZE // SIDE,) * 2)).astype(bool)
    assert changed(lime(0, 1, segments=frame)).any() and inside[changed(lime(0, 1, segments=frame))].all()


def test_the_given_picture_is_not_changed_and_a_map_of_zeros_gets_no_badge() -> None:
    before = BLUE.copy()
    assert not changed(lime(*[0] * 9, segments=squares(SIDE, 3))).any()
    numbered(BLUE, NINE)
    np.testing.assert_array_equal(BLUE, before)
