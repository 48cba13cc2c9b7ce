"""Tests of face detection in rotated photos, and in long photos such as panoramas."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from model.photos import faces
from model.photos.faces import Face, find_faces, find_turned

Pixels = NDArray[np.uint8]


@pytest.mark.slow
@pytest.mark.parametrize("turns", range(4))
def test_rotated_photo_is_rotated_back(turns: int, astronaut: Pixels) -> None:
    back, (face,) = find_turned(np.ascontiguousarray(np.rot90(astronaut, -turns)))
    assert back == turns
    np.testing.assert_array_equal(face.crop, find_faces(astronaut)[0].crop)


def test_an_upright_photo_is_searched_once(monkeypatch: pytest.MonkeyPatch, astronaut: Pixels) -> None:
    searched = []
    monkeypatch.setattr(faces, "find_faces", lambda photo, margin: searched.append(photo) or find_faces(photo, margin))
    find_turned(astronaut)
    assert len(searched) == 1


@pytest.mark.slow
def test_photo_without_a_face_is_not_rotated(cat: Pixels) -> None:
    assert find_turned(cat) == (0, [])


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_face_with_a_low_score_does_not_rotate_the_photo(
    turns: int, monkeypatch: pytest.MonkeyPatch, astronaut: Pixels
) -> None:
    (face,) = find_faces(astronaut)
    sideways = np.rot90(astronaut, turns)

    def search(photo: Pixels, margin: float) -> list[Face]:
        return [replace(face, score=0.95)] if np.array_equal(photo, sideways) else []

    monkeypatch.setattr(faces, "find_faces", search)
    assert find_turned(astronaut) == (0, [])


def grey_with(shape: tuple[int, int], *places: tuple[int, int], face: Pixels) -> Pixels:
    """A grey photo with the same face at places ``(x, y)``."""
    photo = np.full((*shape, 3), 127, np.uint8)
    for x, y in places:
        photo[y : y + len(face), x : x + len(face)] = face
    return photo


@pytest.mark.slow
@pytest.mark.parametrize("upright", [False, True])
def test_faces_are_found_everywhere_in_a_panorama(upright: bool, astronaut: Pixels) -> None:
    face = astronaut[20:240, 120:340]
    offsets = (0, 900, 1777, 3333, 6380)
    places = [(90, offset) if upright else (offset, 90) for offset in offsets]
    photo = grey_with((6600, 400) if upright else (400, 6600), *places, face=face)
    found = find_faces(photo)
    starts = sorted(found_face.box[1 if upright else 0] for found_face in found)
    assert len(starts) == len(offsets)
    np.testing.assert_allclose(np.diff(starts), np.diff(offsets), atol=8)


@pytest.mark.slow
def test_largest_possible_faces_of_a_panorama_are_found_once(astronaut: Pixels) -> None:
    large = cv2.resize(astronaut[20:240, 120:340], (400, 400), interpolation=cv2.INTER_CUBIC)
    assert len(find_faces(grey_with((400, 4000), (300, 0), (1450, 0), (3600, 0), face=large))) == 3


@pytest.mark.parametrize("shape", [(32, 200_000), (200_000, 32), (1_000, 24_000), (480, 1_201)])
def test_tiles_cover_a_long_photo_and_their_number_is_limited(shape: tuple[int, int]) -> None:
    tiles = faces._tiles(*shape)
    assert len(tiles) <= faces.MAX_TILES
    x, y, w, h = (np.array(column) for column in zip(*tiles, strict=True))
    starts, lengths = (x, w) if shape[1] > shape[0] else (y, h)
    assert starts[0] == 0 and starts[-1] + lengths[-1] == max(shape)
    overlaps = starts[:-1] + lengths[:-1] - starts[1:]
    assert (overlaps >= min(shape) - 1).all()  # a face as large as the short side is completely in one tile
