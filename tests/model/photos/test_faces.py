"""Tests of face detection and cropping, on the shipped examples and on pictures made from them."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from model.photos import faces
from model.photos.faces import (
    CROP_MARGIN,
    CROP_SIZE,
    MIN_SCORE,
    Face,
    crop,
    find_faces,
    square_around,
    whole_picture,
)

Pixels = NDArray[np.uint8]
# The pupils of examples/astronaut.jpg, measured by hand.
ASTRONAUT_EYES = ((206, 103), (248, 104))


def centre(face: Face) -> NDArray[np.float64]:
    x, y, w, h = face.box
    return np.array([x + w / 2, y + h / 2])


def assert_equal(first: list[Face], second: list[Face]) -> None:
    assert len(first) == len(second)
    for ours, theirs in zip(first, second, strict=True):
        for a, b in zip(astuple(ours), astuple(theirs), strict=True):
            np.testing.assert_array_equal(a, b)


def detect_only(
    monkeypatch: pytest.MonkeyPatch,
    box: Sequence[int] = (300, 300, 60, 80),
    keypoint: tuple[int, int] = (330, 340),
    confidence: float = 1.0,
) -> None:
    """Let the detector find only this face, in pixels of the padded photo that it gets."""
    names = ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")
    raw = {"box": list(box), "confidence": confidence, "keypoints": dict.fromkeys(names, keypoint)}
    monkeypatch.setattr(faces, "_detect", lambda _: [raw])


# find_faces


def test_one_face_is_found_in_a_portrait_at_its_place(astronaut: Pixels) -> None:
    (face,) = find_faces(astronaut)
    np.testing.assert_allclose(face.landmarks[:2], ASTRONAUT_EYES, atol=6)
    x, y, w, h = face.box
    assert all(x < ex < x + w and y < ey < y + h for ex, ey in face.landmarks)
    assert MIN_SCORE < face.score <= 1
    assert face.landmarks.shape == (5, 2) and face.landmarks.dtype == np.float32
    assert face.crop.shape == (CROP_SIZE, CROP_SIZE, 3) and face.crop.dtype == np.uint8


@pytest.mark.parametrize("name", ["astronaut", "hopper"])
def test_landmarks_have_the_documented_order(name: str, request: pytest.FixtureRequest) -> None:
    (face,) = find_faces(request.getfixturevalue(name))
    left_eye, right_eye, nose, left_corner, right_corner = face.landmarks
    assert left_eye[0] < nose[0] < right_eye[0] and left_corner[0] < right_corner[0]
    assert max(left_eye[1], right_eye[1]) < nose[1] < min(left_corner[1], right_corner[1])


def test_crop_shows_the_square_around_the_box(astronaut: Pixels) -> None:
    (face,) = find_faces(astronaut)
    np.testing.assert_array_equal(face.crop, crop(astronaut, face.square))
    assert face.square == pytest.approx(square_around(face.box, CROP_MARGIN), abs=1)


@pytest.mark.slow
def test_margin_changes_only_the_size_of_the_square(astronaut: Pixels) -> None:
    (tight,), (wide,) = find_faces(astronaut, 1.0), find_faces(astronaut, 1.5)
    assert wide.box == tight.box and wide.square[2] == pytest.approx(1.5 * tight.square[2])
    middles = [np.array(face.square[:2]) + face.square[2] / 2 for face in (tight, wide)]
    np.testing.assert_allclose(*middles)
    np.testing.assert_array_equal(wide.crop, crop(astronaut, wide.square))


def test_no_face_is_found_in_a_photo_of_a_cat(cat: Pixels) -> None:
    assert find_faces(cat) == []


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(32, 32), (32, 3000), (3000, 32), (200, 300)])
@pytest.mark.parametrize("kind", ["black", "white", "noise"])
def test_no_face_is_found_in_plain_and_noisy_pictures(shape: tuple[int, int], kind: str) -> None:
    photo = np.full((*shape, 3), 255 if kind == "white" else 0, np.uint8)
    if kind == "noise":
        photo = np.random.default_rng(0).integers(0, 256, photo.shape, np.uint8)
    assert find_faces(photo) == []


@pytest.mark.slow
@pytest.mark.parametrize("factor", [0.5, 3.0])
def test_box_and_landmarks_are_in_the_pixels_of_the_photo(astronaut: Pixels, factor: float) -> None:
    """At half its size the photo is searched unchanged, at three times its size it is shrunk to 640 pixels."""
    resized = cv2.resize(astronaut, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    (face,), (original,) = find_faces(resized), find_faces(astronaut)
    tolerance = 0.08 * original.box[3]
    np.testing.assert_allclose(np.array(face.box) / factor, original.box, atol=tolerance)
    np.testing.assert_allclose(face.landmarks / factor, original.landmarks, atol=tolerance)


def test_each_axis_is_scaled_by_its_own_factor(monkeypatch: pytest.MonkeyPatch) -> None:
    """1280x5 pixels are shrunk to 640x2: a factor of 2 across and of 2.5 down, with 128 pixels of padding."""
    detect_only(monkeypatch, box=[128 + 10, 128, 20, 2], keypoint=(128 + 15, 128 + 1))
    monkeypatch.setattr(faces, "LONG", 1280)  # as a whole, not in tiles
    (face,) = find_faces(np.zeros((5, 1280, 3), np.uint8))
    assert face.box == (20, 0, 40, 5) and face.square == (20, -17.5, 40)
    np.testing.assert_array_equal(face.landmarks, [[30, 2.5]] * 5)


def test_largest_face_comes_first(astronaut: Pixels, hopper: Pixels) -> None:
    near, far = hopper[:512], cv2.resize(astronaut, (256, 256), interpolation=cv2.INTER_AREA)
    canvas = np.full((512, 800, 3), 127, np.uint8)
    canvas[:256, :256], canvas[:, 288:] = far, near
    found = find_faces(canvas)
    assert len(found) == 2
    assert centre(found[0])[0] > 288 and centre(found[1])[0] < 256
    areas = [face.box[2] * face.box[3] for face in found]
    assert areas == sorted(areas, reverse=True)


@pytest.mark.slow
def test_forty_faces_are_found_at_their_places(astronaut: Pixels) -> None:
    """A group photo: each face is about 32 of the 640 pixels wide."""
    rows, columns, side = 5, 8, 96
    head = cv2.resize(astronaut[20:240, 100:320], (side, side), interpolation=cv2.INTER_AREA)
    found = find_faces(np.tile(head, (rows, columns, 1)))
    assert len(found) == rows * columns
    assert {tuple((centre(face) // side).astype(int)) for face in found} == {
        (x, y) for x in range(columns) for y in range(rows)
    }


def test_face_at_the_border_is_found_and_clipped(astronaut: Pixels) -> None:
    (whole,) = find_faces(astronaut)
    x, y, w, h = whole.box
    tight = np.ascontiguousarray(astronaut[y + 8 : y + h, x : x + w - 8])
    (face,) = find_faces(tight)
    left, top, width, height = face.box
    assert left >= 0 and top >= 0 and left + width <= tight.shape[1] and top + height <= tight.shape[0]
    assert width * height > 0.7 * tight.shape[0] * tight.shape[1]
    assert face.crop.shape == (CROP_SIZE, CROP_SIZE, 3)


@pytest.mark.parametrize(("confidence", "count"), [(MIN_SCORE + 0.01, 1), (MIN_SCORE - 0.01, 0)])
def test_detections_with_a_low_score_are_dropped(
    astronaut: Pixels, monkeypatch: pytest.MonkeyPatch, confidence: float, count: int
) -> None:
    detect_only(monkeypatch, confidence=confidence)
    assert len(find_faces(astronaut)) == count


@pytest.mark.parametrize("box", [(10, 10, 40, 40), (700, 300, 60, 60)])
def test_face_outside_the_photo_is_dropped(
    astronaut: Pixels, monkeypatch: pytest.MonkeyPatch, box: tuple[int, int, int, int]
) -> None:
    detect_only(monkeypatch, box=box)
    assert find_faces(astronaut) == []


def test_the_photo_is_not_changed(hopper: Pixels) -> None:
    photo = hopper.copy()
    find_faces(photo)
    np.testing.assert_array_equal(photo, hopper)


@pytest.mark.slow
def test_parallel_searches_find_the_same_faces(astronaut: Pixels, hopper: Pixels) -> None:
    small = [cv2.resize(photo, (256, 256), interpolation=cv2.INTER_AREA) for photo in (astronaut, hopper)]
    alone = [find_faces(photo) for photo in small]
    assert [len(found) for found in alone] == [1, 1]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(find_faces, small * 8))
    for number, found in enumerate(together):
        assert_equal(found, alone[number % 2])


# square_around


@pytest.mark.parametrize(
    ("box", "margin", "square"),
    [
        ((10, 20, 30, 40), 1.0, (5, 20, 40)),
        ((10, 20, 30, 40), 1.5, (-5, 10, 60)),
        ((10, 20, 40, 30), 1.0, (10, 15, 40)),
        ((0, 0, 8, 8), 0.5, (2, 2, 4)),
    ],
)
def test_square_keeps_the_centre_and_takes_the_longer_side(
    box: tuple[float, float, float, float], margin: float, square: tuple[float, float, float]
) -> None:
    assert square_around(box, margin) == square


# crop


@pytest.fixture
def numbered() -> Pixels:
    """``(12, 10, 3) uint8`` with different values for neighbouring pixels and channels."""
    return (np.arange(12 * 10 * 3) % 251).astype(np.uint8).reshape(12, 10, 3)


def test_crop_at_its_own_size_keeps_every_pixel(numbered: Pixels) -> None:
    np.testing.assert_array_equal(crop(numbered, (2, 3, 6), 6), numbered[3:9, 2:8])


def test_crop_beyond_the_photo_repeats_its_border(numbered: Pixels) -> None:
    cut = crop(numbered, (-2, -3, 18), 18)
    expected = np.pad(numbered, ((3, 3), (2, 6), (0, 0)), mode="edge")
    np.testing.assert_array_equal(cut, expected)


@pytest.mark.parametrize("corner", [(20, 2), (2, 20), (20, 20), (-20, 2), (2, -20), (-20, -20)])
def test_crop_outside_the_photo_repeats_its_border(numbered: Pixels, corner: tuple[int, int]) -> None:
    """OpenCV fills the border of an empty picture with undefined memory."""
    x, y = corner
    padded = np.pad(numbered, ((30, 30), (30, 30), (0, 0)), mode="edge")
    np.testing.assert_array_equal(crop(numbered, (x, y, 6), 6), padded[y + 30 : y + 36, x + 30 : x + 36])


def test_crop_at_half_size_is_the_mean_of_four_pixels() -> None:
    photo = np.random.default_rng(0).integers(0, 64, (8, 8, 3)).astype(np.uint8) * 4
    means = photo.reshape(4, 2, 4, 2, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(crop(photo, (0, 0, 8), 4), means, atol=0.5)


def test_enlarged_crop_is_smooth() -> None:
    ramp = np.repeat(np.arange(0, 160, 20, dtype=np.uint8)[None, :, None], 8, axis=0).repeat(3, axis=2)
    row = crop(ramp, (0, 0, 8), 32)[16, :, 0].astype(int)
    assert row.shape == (32,) and (np.diff(row) >= 0).all() and len(set(row)) > 20


def test_crop_rounds_the_square_to_whole_pixels(numbered: Pixels) -> None:
    np.testing.assert_array_equal(crop(numbered, (1.6, 2.4, 5.7), 6), numbered[2:8, 2:8])


def test_crop_of_a_grey_picture_is_grey(numbered: Pixels) -> None:
    np.testing.assert_array_equal(crop(numbered[..., 0], (2, 3, 6), 6), numbered[3:9, 2:8, 0])


def test_crop_smaller_than_a_pixel_shows_that_pixel(numbered: Pixels) -> None:
    cut = crop(numbered, (4, 5, 0.2), 8)
    assert cut.shape == (8, 8, 3) and (cut == numbered[5, 4]).all()


# whole_picture


@pytest.mark.parametrize(
    ("shape", "square"), [((40, 64), (12, 0, 40)), ((64, 40), (0, 12, 40)), ((33, 33), (0, 0, 33))]
)
def test_crop_of_a_whole_picture_is_its_central_square(shape: tuple[int, int], square: tuple[int, int, int]) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    face = whole_picture(photo)
    assert face.square == square and face.box == (square[0], square[1], square[2], square[2])
    assert face.score == 0 and face.landmarks.shape == (0, 2)
    np.testing.assert_array_equal(face.crop, crop(photo, square))
