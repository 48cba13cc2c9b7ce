"""Tests of maps without regions: heatmaps, and a colour for each sign."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from matplotlib import colormaps
from numpy.typing import NDArray

from explain.drawing import overlays, palette
from explain.maps.attention import attention_map
from explain.maps.attribution import Attribution
from tests.explain.drawing.quarters import GREY, HALF, SIDE, closeness, quarter, shade

# The heatmap


def heat(mask: list[list[float]], smooth: bool = False, crop: NDArray[np.uint8] = GREY) -> NDArray[np.uint8]:
    return overlays.heatmap(crop, attention_map(np.array(mask, np.float32), SIDE, smooth))


def test_two_flat_masks_of_different_values_look_different() -> None:
    low, high = heat([[0.2, 0.2], [0.2, 0.2]]), heat([[0.8, 0.8], [0.8, 0.8]])
    for picture in (low, high):
        assert (picture == picture[0, 0]).all(), "a flat mask has one colour"
    assert np.abs(low[0, 0].astype(int) - high[0, 0]).max() > 50


def test_a_mask_of_half_the_values_looks_different() -> None:
    assert (heat([[0.2, 0.4], [0.6, 0.9]]) != heat([[0.1, 0.2], [0.3, 0.45]])).any(axis=2).all()


def test_the_same_value_has_the_same_colour_in_every_mask() -> None:
    alone = heat([[0.5, 0.5], [0.5, 0.5]])
    lowest, highest = heat([[0.5, 0.9], [0.7, 1.0]]), heat([[0.5, 0.0], [0.2, 0.1]])
    np.testing.assert_array_equal(quarter(lowest, 0), quarter(alone, 0))
    np.testing.assert_array_equal(quarter(highest, 0), quarter(alone, 0))


@pytest.mark.parametrize("value", [0.0, 0.25, 1.0])
def test_colours_are_those_of_the_scale_on_the_page(value: float) -> None:
    black = np.zeros((SIDE, SIDE, 3), np.uint8)
    found = overlays.heatmap(black, attention_map(np.full((2, 2), value, np.float32), SIDE), opacity=1)
    expected = np.array(colormaps[overlays.HEAT](value)[:3]) * 255
    np.testing.assert_allclose(found[0, 0], expected, atol=1)


@pytest.mark.slow
def test_native_grid_has_hard_cells_and_smoothing_has_none() -> None:
    mask = [[0.0, 1.0], [1.0, 0.0]]
    assert len(np.unique(heat(mask).reshape(-1, 3), axis=0)) == 2
    assert len(np.unique(heat(mask, smooth=True).reshape(-1, 3), axis=0)) > 50


def test_the_face_stays_visible_under_the_heat() -> None:
    crop = GREY.copy()
    crop[:, :HALF] = 30
    picture = heat([[0.5, 0.5], [0.5, 0.5]], crop=crop)
    assert quarter(picture, 1).mean() > quarter(picture, 0).mean() + 20


# Maps with a sign and without superpixels


def signed(values: NDArray[np.floating]) -> Attribution:
    """A map of four quarters, or of each pixel."""
    found = np.kron(values, np.ones((HALF, HALF))) if values.shape == (2, 2) else values
    return Attribution("rise", "Fake", found.astype(np.float32), (2, 2), None, None, {})


SIGNED = signed(np.array([[1.0, -1.0], [0.5, 0.0]]))


def test_positive_places_turn_blue_and_negative_ones_orange() -> None:
    picture = overlays.signed_map(GREY, SIGNED)
    for label, colour, opposite in ((0, palette.SUPPORTS, palette.OPPOSES), (1, palette.OPPOSES, palette.SUPPORTS)):
        # Clear of the borders between quarters, where one value blends into the next.
        middle = quarter(picture, label)[20:-20, 20:-20]
        expected = 0.2 * 128 + 0.8 * np.array(colour)
        np.testing.assert_allclose(middle, np.broadcast_to(expected, middle.shape), atol=1)
        assert closeness(middle, colour) > closeness(middle, opposite) + 20


def test_places_of_half_the_value_are_half_as_opaque_and_zeros_stay_grey() -> None:
    picture = overlays.signed_map(GREY, SIGNED)
    strong, weak, none = (shade(quarter(picture, label)[20:-20, 20:-20]) for label in (0, 2, 3))
    assert weak == pytest.approx(strong / 2, abs=1)
    assert none == 0


def test_a_signed_map_looks_the_same_on_every_scale() -> None:
    for scale in (1e-7, 40):
        found = replace(SIGNED, map=SIGNED.map * np.float32(scale))
        np.testing.assert_allclose(overlays.signed_map(GREY, found), overlays.signed_map(GREY, SIGNED), atol=1)


def test_one_extreme_pixel_does_not_hide_the_rest() -> None:
    values = np.full((SIDE, SIDE), 0.1)
    values[40, 40] = 100
    assert shade(quarter(overlays.signed_map(GREY, signed(values)), 0)) > 10


def test_a_single_pixel_is_drawn_though_all_others_are_zero() -> None:
    values = np.zeros((SIDE, SIDE))
    values[16, 16] = -0.001  # fewer than a hundredth of the pixels
    picture = overlays.signed_map(GREY, signed(values)).astype(int)
    place = (16 * 2 + 1) * palette.PICTURE_SIZE // (2 * SIDE)
    np.testing.assert_allclose(picture[place, place], 0.2 * 128 + 0.8 * np.array(palette.OPPOSES), atol=15)
    assert (picture[place:, 2 * place :] == 128).all()


def test_a_map_of_zeros_leaves_the_grey_picture() -> None:
    crop = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3)).astype(np.uint8)
    picture = overlays.signed_map(crop, signed(np.zeros((2, 2))))
    assert (picture == picture[..., :1]).all(), "no colour at all"
    np.testing.assert_array_equal(picture[..., 0], cv2.cvtColor(palette.enlarge(crop), cv2.COLOR_RGB2GRAY))
    assert picture.shape == (640, 640, 3) and picture.dtype == np.uint8
