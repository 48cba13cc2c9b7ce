"""Tests of facial regions in photos, from the shipped face parser."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from explain.regions.facial import face_parts, landmarks_in_crop
from explain.regions.parser import parse_face
from model.photos.faces import Face, find_faces, whole_picture
from model.photos.photo import open_photo
from tests.explain.regions.made_up import FRONTAL, part_at

EXAMPLES = Path(__file__).parents[3] / "examples"
ASTRONAUT = {  # in the pixels of her photo
    "left eye": (203, 102),
    "right eye": (246, 103),
    "left eyebrow": (201, 90),
    "right eyebrow": (250, 93),
    "nose": (226, 125),
    "mouth": (224, 147),
    "left cheek": (193, 130),
    "right cheek": (258, 128),
    "chin": (224, 169),
    "forehead": (222, 84),
    "hair": (172, 72),
    "neck": (224, 184),
    "background": (172, 165),
}
HOPPER = {  # in the pixels of the photo; the lenses hide the eyes
    "glasses": [(0.34, 0.40), (0.62, 0.38)],
    "hat": [(0.25, 0.12), (0.55, 0.14), (0.77, 0.14)],
    "forehead": [(0.43, 0.25)],
    "nose": [(0.51, 0.50)],
    "left ear": [(0.17, 0.52)],
    "right ear": [(0.83, 0.52)],
    "clothes": [(0.15, 0.96)],
    "neck": [(0.51, 0.93)],
    "background": [(0.93, 0.30)],
}


# Faces of photos


def face_with(landmarks: NDArray[np.float32], square: tuple[float, float, float]) -> Face:
    return Face((0, 0, 10, 10), 1.0, landmarks, np.zeros((256, 256, 3), np.uint8), square)


def changed(rows: list[int], value: tuple[float, float]) -> NDArray[np.float32]:
    landmarks = FRONTAL.copy()
    landmarks[rows] = value
    return landmarks


DEGENERATE = {
    "all equal": np.full((5, 2), 50, np.float32),
    "eyes in one place": changed([0, 1], (100, 80)),
    "mouth between the eyes": changed([3, 4], (100, 80)),
    "all on one line": np.linspace([20, 20], [80, 80], 5, dtype=np.float32),
    "left and right swapped": FRONTAL[[1, 0, 2, 4, 3]],
    "not a number": changed([2], (np.nan, 112)),
    "infinite": changed([4], (np.inf, 142)),
    "four points": FRONTAL[:4],
}


def test_landmarks_are_converted_from_photo_to_crop_coordinates() -> None:
    found = landmarks_in_crop(face_with(FRONTAL, (40.2, -10.4, 127.7)))  # cut out as (40, -10, 128)
    assert found is not None
    assert found.dtype == np.float32
    assert np.array_equal(found, (FRONTAL - [40, -10]) * 2)


def test_the_whole_picture_has_no_landmarks(astronaut: NDArray[np.uint8]) -> None:
    assert landmarks_in_crop(whole_picture(astronaut)) is None
    assert face_parts(whole_picture(astronaut)) is None


@pytest.mark.parametrize("landmarks", DEGENERATE.values(), ids=DEGENERATE)
def test_impossible_landmarks_count_as_none(landmarks: NDArray[np.float32]) -> None:
    assert landmarks_in_crop(face_with(landmarks, (0.0, 0.0, 200.0))) is None


def parts_of_photo(photo: NDArray[np.uint8], margin: float) -> tuple[Face, NDArray[np.uint8]]:
    face = find_faces(photo, margin)[0]
    parts = face_parts(face)
    assert parts is not None and parts.shape == face.crop.shape[:2] and parts.dtype == np.uint8
    return face, parts


@pytest.mark.slow
@pytest.mark.parametrize("margin", [1.0, 1.3])
def test_parts_of_the_astronauts_face_are_at_their_known_places(astronaut: NDArray[np.uint8], margin: float) -> None:
    face, parts = parts_of_photo(astronaut, margin)
    for name, place in ASTRONAUT.items():
        x, y = (np.array(place) - face.square[:2]) * len(parts) / face.square[2]
        if 0 <= x < len(parts) and 0 <= y < len(parts):
            assert part_at((x, y), parts) == name


@pytest.mark.slow
def test_glasses_and_a_hat_are_recognised() -> None:
    _, parts = parts_of_photo(open_photo(EXAMPLES / "hopper_eyes.jpg").pixels, 1.3)
    for name, places in HOPPER.items():
        for place in places:
            assert part_at(np.array(place) * len(parts), parts) == name, place


@pytest.mark.slow
def test_the_same_crop_has_the_same_parts_in_every_thread(astronaut: NDArray[np.uint8]) -> None:
    crop = find_faces(astronaut, 1.3)[0].crop
    first = parse_face(crop)
    with ThreadPoolExecutor(4) as pool:
        assert all(np.array_equal(first, again) for again in pool.map(parse_face, [crop] * 4))


def test_a_crop_without_a_face_has_no_parts() -> None:
    assert face_parts(face_with(FRONTAL, (0.0, 0.0, 256.0))) is None


@pytest.mark.parametrize("side", [1, 20, 56, 300])
def test_a_crop_of_any_size_is_parsed(side: int) -> None:
    assert parse_face(np.full((side, side, 3), 127, np.uint8)).shape == (side, side)
