"""Tests of the pictures of regions: their colours, opacity and outlines."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from explain.drawing import overlays, palette
from explain.maps import attribution
from explain.maps.attention import attention_map
from explain.maps.attribution import Attribution
from explain.probes.what_if import WhatIf
from tests.explain.drawing.quarters import GREY, PIXELS_PER_QUARTER, QUARTERS, SIDE, closeness, quarter, shade

WHITE = np.full((SIDE, SIDE, 3), 255, np.uint8)
MIDDLE = np.zeros((SIDE, SIDE), np.int32)  # a square in a frame
MIDDLE[16:48, 16:48] = 1


def lime(*weights: float, segments: NDArray[np.int32] = QUARTERS) -> Attribution:
    values = np.array(weights, np.float32)
    return Attribution("lime", "Fake", values[segments], (SIDE, SIDE), segments, values, {})


# The LIME overlay


@pytest.mark.parametrize(
    ("label", "colour", "other"), [(0, palette.SUPPORTS, palette.OPPOSES), (1, palette.OPPOSES, palette.SUPPORTS)]
)
def test_supporting_regions_turn_blue_and_opposing_ones_orange(
    label: int, colour: tuple[int, int, int], other: tuple[int, int, int]
) -> None:
    picture = overlays.lime_overlay(GREY, lime(1, -1, 0.5, -0.5), 4)
    before = quarter(palette.enlarge(GREY), label)
    after = quarter(picture, label)
    assert closeness(after, colour) > closeness(before, colour) + 20
    assert closeness(after, other) < closeness(before, other)


def test_the_two_colours_are_blue_and_orange() -> None:
    red, _, blue = palette.SUPPORTS
    assert blue > 2 * red
    red, green, blue = palette.OPPOSES
    assert red > green > blue


def test_stronger_regions_are_more_opaque() -> None:
    picture = overlays.lime_overlay(GREY, lime(1, 0.75, 0.5, -0.4), 4)
    shades = [shade(quarter(picture, label)) for label in range(3)]
    assert shades[0] > shades[1] > shades[2] > 0


@pytest.mark.parametrize(
    ("count", "shown"), [(1, {0}), (2, {0, 2}), (3, {0, 2, 3}), (4, {0, 1, 2, 3}), (99, {0, 1, 2, 3})]
)
def test_count_limits_the_regions_shown_and_those_with_a_number_come_first(count: int, shown: set[int]) -> None:
    picture = overlays.lime_overlay(GREY, lime(0.5, -0.4, 0.3, -1), count)
    assert {label for label in range(4) if shade(quarter(picture, label)) > 0} == shown


def test_a_region_looks_the_same_however_many_others_are_shown() -> None:
    alone, with_others = (overlays.lime_overlay(GREY, lime(0.5, -0.4, 0.3, -1), count) for count in (1, 4))
    np.testing.assert_array_equal(quarter(alone, 0), quarter(with_others, 0))


def test_strongest_means_the_largest_absolute_weight() -> None:
    weights = np.array([0.1, -0.9, 0.5, -0.2], np.float32)
    assert attribution.strongest(weights, 3).tolist() == [1, 2, 3]
    assert attribution.strongest(weights, 0).tolist() == []


# Regions with an interval that holds zero


def with_intervals(*reach: float) -> Attribution:
    """Four regions of the same absolute weight; ``reach`` is half the width of each interval."""
    found, reaches = lime(1, 1, -1, -1), np.array(reach, np.float32)
    assert found.weights is not None
    return replace(found, intervals=np.stack([found.weights - reaches, found.weights + reaches], axis=1))


def test_a_region_with_an_interval_that_holds_zero_is_fainter() -> None:
    picture = overlays.lime_overlay(GREY, with_intervals(0.9, 1.1, 0.9, 1.1), 4)
    sure, unsure, sure_against, unsure_against = (shade(quarter(picture, label)) for label in range(4))
    assert 0 < unsure < sure / 4
    assert 0 < unsure_against < sure_against / 4
    np.testing.assert_array_equal(quarter(picture, 0), quarter(overlays.lime_overlay(GREY, lime(1, 1, -1, -1), 4), 0))


def test_a_doubtful_region_is_equally_faint_however_large_its_weight() -> None:
    bounds = np.array([[-0.1, 2.1], [-0.1, 0.5], [0.1, 0.3], [0, 0]], np.float32)
    picture = overlays.lime_overlay(GREY, replace(lime(1, 0.2, 0.2, 0), intervals=bounds), 4)
    large, small, sure, none = (shade(quarter(picture, label)) for label in range(4))
    assert none == 0 < large == pytest.approx(small, abs=1)
    assert large < sure, "though it has a fifth of the weight"


def test_the_opacity_of_a_sure_region_is_proportional_to_its_weight() -> None:
    strong, half, tenth, _ = (
        shade(quarter(overlays.lime_overlay(GREY, lime(1, 0.5, 0.1, 0), 4), label)) for label in range(4)
    )
    assert half == pytest.approx(strong / 2, abs=1) and tenth == pytest.approx(strong / 10, abs=1)


def test_an_interval_that_ends_at_zero_holds_zero() -> None:
    assert attribution.unsure(with_intervals(0.5, 1.0, 1.0, 0.5)).tolist() == [False, True, True, False]


def test_without_intervals_no_region_is_doubtful() -> None:
    assert attribution.unsure(lime(1, 0.1, 0, -1)).tolist() == [False] * 4
    assert attribution.unsure(attention_map(np.full((2, 2), 0.5, np.float32), SIDE)).tolist() == []


def outlined_share(weight: float) -> float:
    """Share of a square region's border that is drawn in its full colour."""
    picture = overlays.lime_overlay(WHITE, lime(0.0, weight, segments=MIDDLE), 1).astype(int)
    colour = palette.SUPPORTS if weight > 0 else palette.OPPOSES
    full = np.abs(picture - np.array(colour)).max(axis=2) <= 12
    first, last = 16 * palette.PICTURE_SIZE // SIDE, 48 * palette.PICTURE_SIZE // SIDE
    edges = [
        full[first - 2 : first + 3, first:last].any(axis=0),
        full[last - 3 : last + 2, first:last].any(axis=0),
        full[first:last, first - 2 : first + 3].any(axis=1),
        full[first:last, last - 3 : last + 2].any(axis=1),
    ]
    return float(np.mean(edges))


def test_supporting_outlines_are_solid_and_opposing_ones_dashed() -> None:
    assert outlined_share(1.0) > 0.95
    assert 0.4 < outlined_share(-1.0) < 0.85


def test_overlay_needs_superpixels() -> None:
    with pytest.raises(ValueError, match="attention map has no superpixels"):
        overlays.lime_overlay(GREY, attention_map(np.full((2, 2), 0.5, np.float32), SIDE), 4)


def test_pictures_have_one_size_and_do_not_change_the_crop() -> None:
    crop = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3)).astype(np.uint8)
    before = crop.copy()
    attention = attention_map(np.eye(4, dtype=np.float32), SIDE)
    for picture in (
        palette.enlarge(crop),
        overlays.lime_overlay(crop, lime(1, -1, 0, 0.5), 4),
        overlays.heatmap(crop, attention),
    ):
        assert picture.shape == (640, 640, 3)
        assert picture.dtype == np.uint8
    np.testing.assert_array_equal(crop, before)


# A face without some of its regions


# For each quarter, a part of the picture's edge that no other quarter's outline reaches.
OUTER_EDGES = [
    (slice(row, row + 4), slice(column + 100, column + 200)) for row in (0, 636) for column in (0, PIXELS_PER_QUARTER)
]


def what_if(crop: NDArray[np.uint8], *hidden: int) -> WhatIf:
    return WhatIf(hidden, 0.2, 0.8, crop, None, True, "Real", "Fake")


def test_only_the_border_of_a_hidden_region_is_outlined() -> None:
    picture = overlays.hidden_regions(what_if(GREY, 1), MIDDLE)
    rows, columns = np.nonzero((picture != 128).any(axis=2))
    for places in (rows, columns):
        assert 155 < places.min() <= 160
        assert 479 <= places.max() < 485
    untouched = np.ones((640, 640), bool)
    untouched[155:485, 155:485] = False
    untouched[165:475, 165:475] = True
    assert (picture[untouched] == 128).all()


def test_each_hidden_region_has_its_own_outline() -> None:
    both, first = (overlays.hidden_regions(what_if(GREY, *hidden), QUARTERS) for hidden in ((0, 3), (0,)))
    assert [bool((both[edge] != 128).any()) for edge in OUTER_EDGES] == [True, False, False, True]
    assert not (first[OUTER_EDGES[3]] != 128).any()


def test_hidden_regions_show_the_picture_that_the_network_judged() -> None:
    judged = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3)).astype(np.uint8)
    before = judged.copy()
    picture = overlays.hidden_regions(what_if(judged, 1), MIDDLE)
    np.testing.assert_array_equal(quarter(picture, 0)[:140], quarter(palette.enlarge(judged), 0)[:140])
    np.testing.assert_array_equal(overlays.hidden_regions(what_if(judged), MIDDLE), palette.enlarge(judged))
    np.testing.assert_array_equal(judged, before)


@pytest.mark.parametrize("level", [0, 255])
def test_outline_of_a_hidden_region_shows_on_dark_and_on_light(level: int) -> None:
    picture = overlays.hidden_regions(what_if(np.full((SIDE, SIDE, 3), level, np.uint8), 1), MIDDLE)
    assert (picture != level).any()
    assert {0, 255} <= set(np.unique(picture))


# Where an example was changed


def test_only_the_planted_region_is_outlined() -> None:
    changed = np.zeros((SIDE, SIDE), np.uint8)
    changed[16:48, 16:48] = 255
    picture = palette.enlarge(GREY)
    outlined = overlays.planted_outline(picture, changed)
    assert (picture == 128).all(), "the outline is drawn on a copy"
    rows, columns = np.nonzero((outlined != picture).any(axis=2))
    for places in (rows, columns):
        assert 148 < places.min() < 160 < 480 < places.max() < 492
    untouched = np.ones((640, 640), bool)
    untouched[148:492, 148:492] = False
    untouched[172:468, 172:468] = True
    assert (outlined[untouched] == 128).all()


def test_planted_outline_shows_on_dark_and_on_light() -> None:
    changed = np.zeros((SIDE, SIDE), np.uint8)
    changed[16:48, 16:48] = 255
    for level in (0, 255):
        outlined = overlays.planted_outline(np.full((640, 640, 3), level, np.uint8), changed)
        assert (outlined != level).any()
        assert {0, 255} <= set(np.unique(outlined))


def test_a_mask_without_a_region_draws_nothing() -> None:
    picture = palette.enlarge(GREY)
    np.testing.assert_array_equal(overlays.planted_outline(picture, np.zeros((SIDE, SIDE), np.uint8)), picture)


def test_superpixels_with_a_weight_of_zero_are_not_shown() -> None:
    assert attribution.strongest(np.array([0.0, -0.2, 0.1, 0.0], np.float32), 4).tolist() == [1, 2]
