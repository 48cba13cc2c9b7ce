from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from explain.regions.facial import NAMES
from explain.regions.superpixels import METHODS, named_regions, segment
from model.errors import SettingsError
from model.photos.faces import find_faces, whole_picture


def quarters(side: int) -> NDArray[np.uint8]:
    """Four parts of a face, a quarter of the crop each."""
    return np.kron([[1, 5], [6, 17]], np.ones((side // 2, side // 2))).astype(np.uint8)


def textured_crop(side: int) -> NDArray[np.uint8]:
    """Smooth blobs of colour with a little noise on top, ``(side, side, 3)``."""
    draw = np.random.RandomState(3)
    y, x = np.mgrid[:side, :side] / side
    waves = [np.sin(2 * np.pi * (a * x + b * y + c)) for a, b, c in draw.uniform(1, 4, (3, 3))]
    return (127 + 90 * np.stack(waves, axis=-1) + draw.uniform(-20, 20, (side, side, 3))).astype(np.uint8)


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("side", [64, 230])  # below and above the side that two methods shrink to
def test_labels_are_contiguous_and_deterministic(method: str, side: int) -> None:
    crop = textured_crop(side)
    before = crop.copy()
    segments = segment(crop, method, 30, quarters(side))
    assert segments.shape == (side, side)
    assert segments.dtype == np.int32
    assert np.array_equal(np.unique(segments), np.arange(segments.max() + 1))
    assert np.array_equal(segments, segment(crop, method, 30, quarters(side)))
    assert np.array_equal(crop, before)


@pytest.mark.parametrize("count", [20, 50, 200, 400])
def test_slic_stays_near_the_count(count: int) -> None:
    assert 0.8 * count <= segment(textured_crop(224), "slic", count).max() + 1 <= 1.2 * count


@pytest.mark.parametrize("method", ["quickshift", "felzenszwalb"])
def test_a_higher_count_gives_more_superpixels(method: str) -> None:
    crop = textured_crop(128)
    found = [segment(crop, method, count).max() + 1 for count in (10, 50, 250)]
    assert found == sorted(set(found))


@pytest.mark.parametrize("method", METHODS)
def test_a_plain_crop_still_has_labels(method: str) -> None:
    segments = segment(np.full((48, 48, 3), 90, np.uint8), method, 16, quarters(48))
    assert segments.min() == 0


def test_felzenszwalb_finds_the_border_between_two_colours() -> None:
    crop = np.zeros((40, 40, 3), np.uint8)
    crop[:, 20:] = 255
    segments = segment(crop, "felzenszwalb", 2)
    assert np.array_equal(segments, np.repeat([[0, 1]], 20, axis=1).repeat(40, axis=0))


def test_slic_always_divides_a_textured_crop() -> None:
    assert segment(textured_crop(224), "slic", 2).max() >= 1


@pytest.mark.parametrize("count", [0, 2, 50])
def test_facial_regions_are_the_parts_of_the_face_whatever_the_count(count: int) -> None:
    segments = segment(textured_crop(64), "facial", count, quarters(64))
    assert np.array_equal(segments, np.kron([[0, 1], [2, 3]], np.ones((32, 32))))
    assert quarters(64).max() < len(NAMES)


@pytest.mark.parametrize("method", ["slic", "quickshift", "felzenszwalb"])
def test_superpixels_by_colour_ignore_parts(method: str) -> None:
    crop = textured_crop(64)
    assert np.array_equal(segment(crop, method, 30, quarters(64)), segment(crop, method, 30))


def test_facial_regions_need_a_face_and_the_error_names_alternatives() -> None:
    message = "Facial regions need a face with landmarks; choose slic, quickshift or felzenszwalb."
    with pytest.raises(SettingsError) as refusal:
        segment(textured_crop(16), "facial")
    assert str(refusal.value) == message


@pytest.mark.slow
def test_regions_of_a_face_are_named_and_those_of_a_whole_picture_are_not(astronaut: NDArray[np.uint8]) -> None:
    face = find_faces(astronaut, 1.3)[0]
    segments, names = named_regions(face, "slic", 30)
    assert np.array_equal(segments, segment(face.crop, "slic", 30))
    assert names is not None and len(names) == segments.max() + 1 and "nose" in names
    facial, facial_names = named_regions(face, "facial", 30)
    assert facial_names is not None and len(facial_names) == facial.max() + 1 == len(set(facial_names))
    assert named_regions(whole_picture(astronaut), "slic", 30)[1] is None


def test_unknown_method_names_the_allowed_ones() -> None:
    with pytest.raises(ValueError, match="one of slic, quickshift, felzenszwalb, facial, got 'grid'"):
        segment(textured_crop(16), "grid")


@pytest.mark.parametrize("count", [-1, 0, 1, 401])
def test_a_count_out_of_range_is_refused(count: int) -> None:
    with pytest.raises(ValueError, match=f"2 to 400, got {count}"):
        segment(textured_crop(16), "slic", count)


@pytest.mark.parametrize(
    ("crop", "message"),
    [
        (np.zeros((8, 8), np.uint8), r"\(S, S, 3\), got \(8, 8\)"),
        (np.zeros((8, 9, 3), np.uint8), r"got \(8, 9, 3\)"),
        (np.zeros((8, 8, 4), np.uint8), r"got \(8, 8, 4\)"),
        (np.zeros((0, 0, 3), np.uint8), r"got \(0, 0, 3\)"),
        (np.zeros((8, 8, 3), np.float32), "uint8, 0 to 255, got float32"),
    ],
)
def test_refuses_arrays_that_are_no_crop(crop: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        segment(crop)
