"""Tests of a visitor's view: the face or region at a click, and the pictures of the maps."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from explain.drawing import overlays, palette
from explain.maps.attention import attention_map
from explain.maps.attribution import Attribution
from explain.maps.subject import Subject
from explain.page.photo import photo_notice
from explain.page.view import View
from explain.provenance.finding import Finding, Provenance
from explain.result import Analysis
from explain.settings import Settings
from model.i18n.catalogue import Message
from model.photos.faces import Face
from model.photos.photo import Photo

SIDE = 64
GREY = np.full((SIDE, SIDE, 3), 128, np.uint8)
PHOTO = Photo(GREY, (), "0" * 64)


def face(x: int, y: int, w: int, h: int) -> Face:
    return Face((x, y, w, h), 1.0, np.zeros((5, 2), np.float32), GREY, (float(x), float(y), float(w)))


BIG, SMALL, APART = face(100, 100, 400, 400), face(300, 300, 100, 100), face(1000, 200, 80, 80)
SEGMENTS = np.kron([[0, 1], [2, 3]], np.ones((SIDE // 2, SIDE // 2))).astype(np.int32)
WEIGHTS = np.array([0.5, -0.4, 0.3, 0.1], np.float32)
LIME = Attribution("lime", "Fake", WEIGHTS[SEGMENTS], (SIDE, SIDE), SEGMENTS, WEIGHTS, {})
ATTENTION = attention_map(np.array([[0.1, 0.9], [0.4, 0.6]], np.float32), SIDE)
FOUND = Analysis(PHOTO, (BIG, APART, SMALL), BIG, Settings(), {}, attributions={"attention": ATTENTION, "lime": LIME})


def view(scale: float = 1.0) -> View:
    return View(FOUND, None, scale)


# Statements in the file


@pytest.mark.parametrize("strength", ["states generated", "note"])
def test_only_a_file_that_states_generation_has_a_notice_beside_the_verdict(strength: Any) -> None:
    finding = Finding("exif", strength, Message("provenance.stated"))
    analysis = replace(FOUND, provenance=Provenance((finding,)))
    assert ("stated" in photo_notice(View(analysis, None, 1.0))["value"]) == (strength == "states generated")


# Which face was clicked


@pytest.mark.parametrize("scale", [1.0, 0.25])
@pytest.mark.parametrize(
    ("x", "y", "expected"),
    [
        pytest.param(150, 150, 0, id="in one box"),
        pytest.param(350, 350, 2, id="in two boxes: the smaller"),
        pytest.param(1040, 240, 1, id="in another box"),
        pytest.param(100, 100, 0, id="on the corner"),
        pytest.param(500, 500, 0, id="on the opposite corner"),
        pytest.param(800, 350, None, id="between boxes"),
        pytest.param(150, 600, None, id="below"),
        pytest.param(0, 0, None, id="outside all"),
    ],
)
def test_click_chooses_the_smallest_face_around_it(scale: float, x: int, y: int, expected: int | None) -> None:
    assert view(scale).face_at(x * scale, y * scale) == expected


def test_click_on_a_photo_without_faces_chooses_none() -> None:
    without_faces = replace(FOUND, faces=(), chosen=None, attributions={})
    assert View(without_faces, None, 1.0).face_at(10, 10) is None


# Which region was clicked


def view_with_regions(segments: NDArray[np.int32] = SEGMENTS) -> View:
    """A view after the verdict, when the regions are known."""
    no_model: Any = None  # the model is not used
    crop = np.zeros((*segments.shape, 3), np.uint8)
    return View(replace(FOUND, subject=Subject(crop, segments, "Fake", no_model)), None, 0.25)


@pytest.mark.parametrize(
    ("x", "y", "expected"),
    [
        pytest.param(0, 0, 0, id="first pixel"),
        pytest.param(319, 319, 0, id="last pixel of the first quarter"),
        pytest.param(320, 319, 1, id="right of the middle"),
        pytest.param(319, 320, 2, id="below the middle"),
        pytest.param(639.9, 639.9, 3, id="last pixel"),
        pytest.param(640, 100, None, id="beyond the right edge"),
        pytest.param(100, 640, None, id="beyond the lower edge"),
        pytest.param(-0.1, 100, None, id="left of the picture"),
        pytest.param(100, -0.1, None, id="above the picture"),
    ],
)
def test_click_on_a_map_finds_its_region(x: float, y: float, expected: int | None) -> None:
    assert view_with_regions().region_at(x, y) == expected, "the scale of the boxes must not matter"


def test_no_region_is_found_before_the_verdict() -> None:
    assert view().region_at(100, 100) is None


@pytest.mark.parametrize("side", [24, 100, 256, 700])
def test_region_at_a_click_is_the_region_drawn_there(side: int) -> None:
    segments = np.arange(side * side).reshape(side, side).astype(np.int32)  # each pixel a region
    drawn = cv2.resize(segments, (palette.PICTURE_SIZE, palette.PICTURE_SIZE), interpolation=cv2.INTER_NEAREST)
    positions = [0, 1, 7, 159, 160, 233, 320, 401, 638, 639]
    found = [[view_with_regions(segments).region_at(x, y) for x in positions] for y in positions]
    assert found == drawn[np.ix_(positions, positions)].tolist()


# The pictures


def test_every_map_has_its_picture() -> None:
    drawn = view().pictures(4)
    assert set(drawn) == {"attention", "lime"}
    np.testing.assert_array_equal(drawn["lime"], overlays.numbered(overlays.lime_overlay(GREY, LIME, 4), LIME))
    np.testing.assert_array_equal(drawn["attention"], overlays.heatmap(GREY, ATTENTION))


def test_number_of_regions_changes_only_the_overlay() -> None:
    few, many = view().pictures(1), view().pictures(4)
    assert not np.array_equal(few["lime"], many["lime"])
    np.testing.assert_array_equal(few["attention"], many["attention"])


def test_missing_maps_have_no_picture() -> None:
    early = replace(FOUND, attributions={"attention": ATTENTION})
    assert set(View(early, None, 1.0).pictures(4)) == {"attention"}
    without_face = replace(FOUND, chosen=None, attributions={})
    assert View(without_face, None, 1.0).pictures(4) == {}


RISE = Attribution("rise", "Fake", WEIGHTS[SEGMENTS], (7, 7), None, None, {})


def test_signed_map_without_superpixels_is_drawn_as_a_signed_map() -> None:
    drawn = View(replace(FOUND, attributions={"rise": RISE}), None, 1.0).pictures(4)
    np.testing.assert_array_equal(drawn["rise"], overlays.signed_map(GREY, RISE))


@pytest.mark.parametrize("names", [{"lime"}, ("attention",), ["lime", "attention"], set()])
def test_only_named_maps_are_drawn(names: Any) -> None:
    everything, drawn = view().pictures(4), view().pictures(4, names)
    assert set(drawn) == set(names)
    for name, picture in drawn.items():
        np.testing.assert_array_equal(picture, everything[name])


def test_name_without_a_map_has_no_picture() -> None:
    assert set(view().pictures(4, {"lime", "rise"})) == {"lime"}


def test_planted_region_is_outlined_on_every_picture() -> None:
    changed = np.zeros((SIDE, SIDE), np.uint8)
    changed[16:48, 16:48] = 255
    plain, outlined = view().pictures(4), View(FOUND, changed, 1.0).pictures(4)
    attention, regions = plain["attention"], overlays.lime_overlay(GREY, LIME, 4)
    np.testing.assert_array_equal(outlined["attention"], overlays.planted_outline(attention, changed))
    over_the_outline = overlays.numbered(overlays.planted_outline(regions, changed), LIME)
    np.testing.assert_array_equal(outlined["lime"], over_the_outline)
    assert all(not np.array_equal(outlined[name], picture) for name, picture in plain.items())
