"""Pictures whose colours can be foretold from the numbers."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
from matplotlib import colormaps
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from explain.drawing import boxes, overlays, palette
from explain.maps import attribution
from explain.maps.attention import attention_map
from explain.maps.attribution import Attribution
from explain.probes.what_if import WhatIf
from model.detector.detector import Prediction
from model.i18n.catalogue import speaking
from model.photos.faces import Face

SIDE = 64
GREY = np.full((SIDE, SIDE, 3), 128, np.uint8)
WHITE = np.full((SIDE, SIDE, 3), 255, np.uint8)
HALF = SIDE // 2
QUARTERS = np.kron([[0, 1], [2, 3]], np.ones((HALF, HALF))).astype(np.int32)  # four squares
PIXELS_PER_QUARTER = palette.PICTURE_SIZE // 2
MIDDLE = np.zeros((SIDE, SIDE), np.int32)  # a square in a frame
MIDDLE[16:48, 16:48] = 1
MARGIN = 8  # picture pixels from the border of a quarter that an outline may cover


def lime(*weights: float, segments: NDArray[np.int32] = QUARTERS) -> Attribution:
    values = np.array(weights, np.float32)
    return Attribution("lime", "Fake", values[segments], (SIDE, SIDE), segments, values, {})


def quarter(picture: NDArray[np.uint8], label: int) -> NDArray[np.float64]:
    """The inside of one of the four squares of a picture, clear of outlines."""
    row, column = divmod(label, 2)
    rows, columns = (
        slice(i * PIXELS_PER_QUARTER + MARGIN, (i + 1) * PIXELS_PER_QUARTER - MARGIN) for i in (row, column)
    )
    return picture[rows, columns].astype(float)


def closeness(picture: NDArray[np.float64], colour: tuple[int, int, int]) -> float:
    """Minus the mean distance of a picture's pixels to a colour."""
    return -float(np.linalg.norm(picture - np.array(colour), axis=-1).mean())


def shade(picture: NDArray[np.float64]) -> float:
    """How far a picture of ``GREY`` has moved from grey."""
    return float(np.abs(picture - 128).mean())


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
    ("count", "shown"), [(1, {3}), (2, {3, 0}), (3, {3, 0, 1}), (4, {0, 1, 2, 3}), (99, {0, 1, 2, 3})]
)
def test_count_limits_the_regions_shown(count: int, shown: set[int]) -> None:
    picture = overlays.lime_overlay(GREY, lime(0.5, -0.4, 0.3, -1), count)
    assert {label for label in range(4) if shade(quarter(picture, label)) > 0} == shown


def test_a_region_looks_the_same_however_many_others_are_shown() -> None:
    one, all_ = (overlays.lime_overlay(GREY, lime(0.5, -0.4, 0.3, -1), count) for count in (1, 4))
    np.testing.assert_array_equal(quarter(one, 3), quarter(all_, 3))


def test_strongest_means_the_largest_absolute_weight() -> None:
    weights = np.array([0.1, -0.9, 0.5, -0.2], np.float32)
    assert attribution.strongest(weights, 3).tolist() == [1, 2, 3]
    assert attribution.strongest(weights, 0).tolist() == []


# Regions that may as well weigh nothing


def with_intervals(*reach: float) -> Attribution:
    """Four regions of the same absolute weight, whose intervals reach so far to either side."""
    found, reaches = lime(1, 1, -1, -1), np.array(reach, np.float32)
    assert found.weights is not None
    return replace(found, intervals=np.stack([found.weights - reaches, found.weights + reaches], axis=1))


def test_a_region_whose_interval_holds_zero_is_fainter_than_its_equal() -> None:
    picture = overlays.lime_overlay(GREY, with_intervals(0.9, 1.1, 0.9, 1.1), 4)
    sure, unsure, sure_against, unsure_against = (shade(quarter(picture, label)) for label in range(4))
    assert 0 < unsure < sure / 4
    assert 0 < unsure_against < sure_against / 4
    np.testing.assert_array_equal(quarter(picture, 0), quarter(overlays.lime_overlay(GREY, lime(1, 1, -1, -1), 4), 0))


def test_a_doubtful_region_is_fainter_than_the_weakest_sure_one() -> None:
    sure = lime(1, 0.01, 0, 0)
    bounds = np.array([[-0.1, 2.1], [0.005, 0.015], [0, 0], [0, 0]], np.float32)
    picture = overlays.lime_overlay(GREY, replace(sure, intervals=bounds), 4)
    assert shade(quarter(picture, 0)) < shade(quarter(picture, 1)), "however large its weight"


def test_zero_on_the_edge_of_an_interval_is_held() -> None:
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


def test_outlines_are_solid_for_and_dashed_against() -> None:
    assert outlined_share(1.0) > 0.95
    assert 0.4 < outlined_share(-1.0) < 0.85


def test_overlay_needs_superpixels() -> None:
    with pytest.raises(ValueError, match="attention map has no superpixels"):
        overlays.lime_overlay(GREY, attention_map(np.full((2, 2), 0.5, np.float32), SIDE), 4)


def test_pictures_have_one_size_and_leave_the_crop_alone() -> None:
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


# The heatmap


def heat(mask: list[list[float]], smooth: bool = False, crop: NDArray[np.uint8] = GREY) -> NDArray[np.uint8]:
    return overlays.heatmap(crop, attention_map(np.array(mask, np.float32), SIDE, smooth))


def test_two_flat_masks_of_different_height_look_different() -> None:
    low, high = heat([[0.2, 0.2], [0.2, 0.2]]), heat([[0.8, 0.8], [0.8, 0.8]])
    for picture in (low, high):
        assert (picture == picture[0, 0]).all(), "flat must look flat"
    assert np.abs(low[0, 0].astype(int) - high[0, 0]).max() > 50


def test_a_mask_of_half_the_height_looks_different() -> None:
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
    for label, colour, other in ((0, palette.SUPPORTS, palette.OPPOSES), (1, palette.OPPOSES, palette.SUPPORTS)):
        # Clear of the borders between quarters, where one value blends into the next.
        middle = quarter(picture, label)[20:-20, 20:-20]
        expected = 0.2 * 128 + 0.8 * np.array(colour)
        np.testing.assert_allclose(middle, np.broadcast_to(expected, middle.shape), atol=1)
        assert closeness(middle, colour) > closeness(middle, other) + 20


def test_places_of_half_the_value_are_half_as_opaque_and_zeros_stay_grey() -> None:
    picture = overlays.signed_map(GREY, SIGNED)
    strong, weak, none = (shade(quarter(picture, label)[20:-20, 20:-20]) for label in (0, 2, 3))
    assert weak == pytest.approx(strong / 2, abs=1)
    assert none == 0


def test_a_signed_map_looks_the_same_on_every_scale() -> None:
    for scale in (1e-7, 40):
        found = replace(SIGNED, map=SIGNED.map * np.float32(scale))
        np.testing.assert_allclose(overlays.signed_map(GREY, found), overlays.signed_map(GREY, SIGNED), atol=1)


def test_one_loud_pixel_does_not_hide_the_rest() -> None:
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


# A face without some of its regions


# Of each quarter, a part of the picture's edge, where no other quarter's outline comes.
OUTER_EDGES = [
    (slice(row, row + 4), slice(column + 100, column + 200)) for row in (0, 636) for column in (0, PIXELS_PER_QUARTER)
]


def what_if(crop: NDArray[np.uint8], *hidden: int) -> WhatIf:
    return WhatIf(hidden, 0.2, 0.8, crop, None, True, "Real", "Fake")


def test_hidden_region_is_outlined_where_it_is_and_nowhere_else() -> None:
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


def test_hidden_regions_show_the_picture_that_the_network_was_asked_about() -> None:
    asked = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3)).astype(np.uint8)
    before = asked.copy()
    picture = overlays.hidden_regions(what_if(asked, 1), MIDDLE)
    np.testing.assert_array_equal(quarter(picture, 0)[:140], quarter(palette.enlarge(asked), 0)[:140])
    np.testing.assert_array_equal(overlays.hidden_regions(what_if(asked), MIDDLE), palette.enlarge(asked))
    np.testing.assert_array_equal(asked, before)


@pytest.mark.parametrize("level", [0, 255])
def test_outline_of_a_hidden_region_shows_on_dark_and_on_light(level: int) -> None:
    picture = overlays.hidden_regions(what_if(np.full((SIDE, SIDE, 3), level, np.uint8), 1), MIDDLE)
    assert (picture != level).any()
    assert {0, 255} <= set(np.unique(picture))


# The faces found


def face(x: int, y: int, w: int, h: int) -> Face:
    crop = np.zeros((256, 256, 3), np.uint8)
    return Face((x, y, w, h), 1.0, np.zeros((5, 2), np.float32), crop, (float(x), float(y), float(w)))


@pytest.mark.parametrize(
    ("height", "width", "expected"),
    [(1500, 3000, (512, 1024)), (3000, 1500, (1024, 512)), (300, 400, (300, 400)), (32, 40_000, (1, 1024))],
)
def test_boxes_are_drawn_on_a_picture_of_limited_size(height: int, width: int, expected: tuple[int, int]) -> None:
    photo = np.zeros((height, width, 3), np.uint8)
    found = face(10, 10, 20, 20)
    picture = boxes.boxes(photo, (found,), found)
    assert picture.shape == (*expected, 3)
    assert boxes.display_scale(photo) == min(1.0, 1024 / max(height, width))


def colour_near(picture: NDArray[np.uint8], colour: tuple[int, int, int]) -> NDArray[np.bool_]:
    return np.abs(picture.astype(int) - np.array(colour)).max(axis=2) <= 16  # a thin line is softened at its edges


@pytest.mark.parametrize("scale", [1, 4])
def test_each_face_gets_a_box_where_it_is(scale: int) -> None:
    photo = np.zeros((400 * scale, 500 * scale, 3), np.uint8)
    one, two = (face(*(scale * value for value in box)) for box in ((40, 60, 120, 150), (300, 100, 90, 90)))
    picture = boxes.boxes(photo, (one, two), one)
    shown = boxes.display_scale(photo) * scale
    for (x, y, w, h), colour in (((40, 60, 120, 150), boxes.CHOSEN), ((300, 100, 90, 90), boxes.OTHER)):
        rows, columns = np.nonzero(colour_near(picture, colour))
        reach = np.array([columns.min(), rows.min(), columns.max(), rows.max()])
        np.testing.assert_allclose(reach, np.array([x, y, x + w, y + h]) * shown, atol=4)


def test_the_chosen_face_has_a_thicker_box() -> None:
    photo = np.zeros((400, 500, 3), np.uint8)
    one, two = face(40, 60, 120, 150), face(300, 60, 120, 150)
    first, second = (boxes.boxes(photo, (one, two), chosen) for chosen in (one, two))
    for picture, chosen, other in ((first, one, two), (second, two, one)):
        middle = 60 + 75
        widths = [
            colour_near(picture[middle : middle + 1, found.box[0] - 10 : found.box[0] + 10], colour).sum()
            for found, colour in ((chosen, boxes.CHOSEN), (other, boxes.OTHER))
        ]
        assert widths[0] > widths[1] >= 1


def test_boxes_are_numbered_unless_the_whole_picture_was_judged() -> None:
    photo = np.zeros((400, 500, 3), np.uint8)
    found = face(100, 100, 200, 200)
    numbered, plain = boxes.boxes(photo, (found,), found), boxes.boxes(photo, (), found)
    rows, columns = np.nonzero((numbered != plain).any(axis=2))
    assert rows.min() > 75 and rows.max() <= 100, "just above the box, whose inside stays free"
    assert columns.min() == 100 and columns.max() < 125
    assert colour_near(plain, boxes.CHOSEN).sum() > 100


def said(verdict: str, p_fake: float) -> Prediction:
    return Prediction({"Fake": p_fake, "Real": 1 - p_fake}, verdict, True, None)


def test_each_verdict_has_its_own_colour_and_line() -> None:
    """On the box's right side, away from its label: how much is drawn, and in how many pieces."""
    photo = np.zeros((400, 500, 3), np.uint8)
    found = face(100, 100, 200, 200)
    drawn, pieces = {}, {}
    for verdict, colour in (("Fake", (213, 94, 0)), ("Real", palette.SUPPORTS), ("Inconclusive", boxes.OTHER)):
        picture = boxes.boxes(photo, (found,), found, [said(verdict, 0.5)])
        side = colour_near(picture[100:300, 298:303], colour).any(axis=1)
        drawn[verdict], pieces[verdict] = side.mean(), np.count_nonzero(np.diff(side.astype(int)) == 1)
    assert drawn["Fake"] == 1 > drawn["Real"] > drawn["Inconclusive"] > 0
    assert pieces["Fake"] == 0 < pieces["Real"] < pieces["Inconclusive"]


def label_of(photo_side: int, box: tuple[int, int, int, int], *said_of: Prediction) -> NDArray[np.bool_]:
    """Where a picture differs from the same one with nothing to say: the label."""
    photo = np.full((photo_side, photo_side, 3), 255, np.uint8)
    found = face(*box)
    ink = boxes.boxes(photo, (found,), found, said_of).max(axis=2) < 80
    return np.asarray(ink)


def test_label_says_more_once_there_is_a_verdict() -> None:
    number, told, unsure = (
        label_of(400, (100, 100, 200, 200), *of).sum()
        for of in ((), (said("Fake", 0.93),), (said("Inconclusive", 0.53),))
    )
    assert number * 2 < told < unsure


@pytest.mark.parametrize(
    ("side", "box"),
    [
        (60, (5, 5, 50, 50)),
        (400, (0, 0, 400, 400)),
        (4000, (1000, 1000, 60, 60)),
        (1000, (960, 960, 40, 40)),
        (1000, (0, 0, 30, 30)),
    ],
)
def test_label_is_legible_and_whole_whatever_the_photo(side: int, box: tuple[int, int, int, int]) -> None:
    """Its letters stand in a white field with a border, no part of which lies outside the picture."""
    ink = label_of(side, box, said("Fake", 0.93))
    rows, columns = np.nonzero(ink)
    height, width = rows.max() - rows.min() + 1, columns.max() - columns.min() + 1
    assert 13 <= height <= len(ink) / 4 and width >= height
    border = np.concatenate([ink[rows.min()], ink[rows.max()]])
    assert border.sum() == 2 * width


def test_labels_never_cover_each_other() -> None:
    """Faces side by side: where whole labels find no room, numbers do, and where those find none, nothing is said."""
    photo = np.full((300, 300, 3), 255, np.uint8)
    crowd = tuple(face(20 * column, 100 + 20 * row, 18, 18) for row in range(4) for column in range(15))
    placed = []

    def note(pen: ImageDraw.ImageDraw, box: tuple[int, int, int, int], **style: Any) -> None:
        placed.append(box)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ImageDraw.ImageDraw, "rectangle", note)
        boxes.boxes(photo, crowd, crowd[3], [said("Fake", 0.9)] * len(crowd))
    assert 10 < len(placed) <= len(crowd)
    covered = np.zeros((320, 320), int)
    for left, top, right, bottom in placed:
        covered[top:bottom, left:right] += 1
    assert covered.max() == 1


def test_chosen_face_is_labelled_first() -> None:
    """Of two faces in one place only one can be told in full."""
    photo = np.full((300, 300, 3), 255, np.uint8)
    pair = (face(100, 100, 90, 90), face(101, 101, 90, 90))
    first, second = (boxes.boxes(photo, pair, chosen, [said("Fake", 0.9), said("Real", 0.1)]) for chosen in pair)
    alone = boxes.boxes(photo, pair[:1], pair[0], [said("Fake", 0.9)])
    np.testing.assert_array_equal(first[80:100, 100:190], alone[80:100, 100:190])
    assert (second[80:100, 100:190] != alone[80:100, 100:190]).any()


def test_labels_speak_turkish() -> None:
    photo = np.full((300, 300, 3), 255, np.uint8)
    found = face(100, 100, 90, 90)
    english = boxes.boxes(photo, (found,), found, [said("Real", 0.1)])
    with speaking("tr"):
        assert (boxes.boxes(photo, (found,), found, [said("Real", 0.1)]) != english).any()


def test_faces_beyond_those_judged_keep_their_number_and_a_plain_box() -> None:
    photo = np.zeros((400, 500, 3), np.uint8)
    pair = (face(40, 60, 120, 150), face(300, 60, 120, 150))
    judged, none = boxes.boxes(photo, pair, pair[0], [said("Fake", 0.9)]), boxes.boxes(photo, pair, pair[0])
    np.testing.assert_array_equal(judged[:, 250:], none[:, 250:])
    assert (judged[:, :250] != none[:, :250]).any()


def test_png_holds_the_picture() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (5, 7, 3)).astype(np.uint8)
    with Image.open(io.BytesIO(palette.png(picture))) as image:
        assert image.format == "PNG"
        np.testing.assert_array_equal(np.asarray(image), picture)


def test_a_photo_without_faces_stays_as_it_is() -> None:
    photo = np.random.default_rng(0).integers(0, 256, (300, 400, 3)).astype(np.uint8)
    before = photo.copy()
    picture = boxes.boxes(photo, (), None)
    np.testing.assert_array_equal(picture, photo)
    boxes.boxes(photo, (face(10, 10, 90, 90),), None)
    np.testing.assert_array_equal(photo, before)


# Where an example was changed


def test_planted_region_is_outlined_and_nothing_else() -> None:
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


@pytest.mark.parametrize("colour", [palette.SUPPORTS, palette.OPPOSES, (0, 0, 0), (255, 255, 255)])
def test_hex_colours_name_the_same_colour(colour: tuple[int, int, int]) -> None:
    text = palette.hex_colour(colour)
    assert re.fullmatch("#[0-9a-f]{6}", text)
    assert tuple(bytes.fromhex(text[1:])) == colour


def test_superpixels_that_weigh_nothing_are_not_shown() -> None:
    assert attribution.strongest(np.array([0.0, -0.2, 0.1, 0.0], np.float32), 4).tolist() == [1, 2]
