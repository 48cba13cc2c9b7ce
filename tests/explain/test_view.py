"""What a visitor has before the eyes: which face was clicked, and the pictures of the maps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from explain import draw
from explain.analysis import Analysis
from explain.attention_map import attention_map
from explain.attribution import Attribution
from explain.settings import Settings
from explain.view import View, pictures
from model.faces import Face
from model.photo import Photo

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
def test_a_click_chooses_the_smallest_face_around_it(scale: float, x: int, y: int, expected: int | None) -> None:
    assert view(scale).face_at(x * scale, y * scale) == expected


def test_a_click_on_a_photo_without_faces_chooses_none() -> None:
    nobody = replace(FOUND, faces=(), chosen=None, attributions={})
    assert View(nobody, None, 1.0).face_at(10, 10) is None


# The pictures


def test_every_map_gets_its_picture() -> None:
    drawn = pictures(view(), 4)
    assert set(drawn) == {"attention", "lime"}
    np.testing.assert_array_equal(drawn["lime"], draw.lime_overlay(GREY, LIME, 4))
    np.testing.assert_array_equal(drawn["attention"], draw.heatmap(GREY, ATTENTION))


def test_count_of_regions_changes_the_overlay_alone() -> None:
    few, many = pictures(view(), 1), pictures(view(), 4)
    assert not np.array_equal(few["lime"], many["lime"])
    np.testing.assert_array_equal(few["attention"], many["attention"])


def test_maps_that_are_not_there_yet_get_no_picture() -> None:
    early = replace(FOUND, attributions={"attention": ATTENTION})
    assert set(pictures(View(early, None, 1.0), 4)) == {"attention"}
    nothing = replace(FOUND, chosen=None, attributions={})
    assert pictures(View(nothing, None, 1.0), 4) == {}


def test_planted_region_is_outlined_on_every_picture() -> None:
    changed = np.zeros((SIDE, SIDE), np.uint8)
    changed[16:48, 16:48] = 255
    plain, outlined = pictures(view(), 4), pictures(View(FOUND, changed, 1.0), 4)
    for name, picture in plain.items():
        np.testing.assert_array_equal(outlined[name], draw.planted_outline(picture, changed))
        assert not np.array_equal(outlined[name], picture)
