"""Facial regions of faces whose landmarks are made up, and of one real face."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from explain.regions.facial import NAMES, facial_regions, landmarks_in_crop, region_names
from explain.regions.superpixels import count_superpixels
from model.photos.faces import Face, find_faces, whole_picture

SIDE = 200
FRONTAL = np.array([[80, 85], [120, 85], [100, 106], [84, 127], [116, 127]], np.float32)
HALF_TURNED = np.array([[80, 80], [124, 84], [122, 112], [88, 142], [128, 145]], np.float32)  # to the viewer's right
LANDMARK_NAMES = ("left eye", "right eye", "nose", "mouth", "mouth")
# Where a person would point, in the frontal face above.
PLACES = {
    "left eye": (80, 85),
    "right eye": (120, 85),
    "left eyebrow": (80, 70),
    "right eyebrow": (120, 70),
    "nose": (100, 98),
    "mouth": (100, 127),
    "left cheek": (72, 108),
    "right cheek": (128, 108),
    "chin": (100, 147),
    "forehead": (100, 58),
    "hair": (100, 22),
    "background": (10, 190),
}
ASTRONAUT = {  # the same in the pixels of her photo
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
    "background": (172, 165),
}


def named(side: int, landmarks: NDArray[np.floating]) -> NDArray[np.intp]:
    """Index into ``NAMES`` of each pixel, ``(side, side)``, which stays the same when a region vanishes."""
    segments, names = facial_regions(side, landmarks)
    return np.array([NAMES.index(name) for name in names])[segments]


def region_at(point: tuple[float, float] | NDArray[np.floating], landmarks: NDArray[np.floating]) -> str:
    return NAMES[named(SIDE, landmarks)[int(point[1]), int(point[0])]]


def turned(landmarks: NDArray[np.float32], degrees: float) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Landmarks rotated about the crop's centre, and the rotation ``(2, 3)`` of points."""
    matrix = cv2.getRotationMatrix2D((SIDE / 2, SIDE / 2), degrees, 1)
    return (landmarks @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32), matrix


@pytest.mark.parametrize("landmarks", [FRONTAL, HALF_TURNED], ids=["frontal", "half-turned"])
@pytest.mark.parametrize("degrees", [0, 25, -60, 180])
def test_each_landmark_lies_in_the_region_of_its_name(landmarks: NDArray[np.float32], degrees: float) -> None:
    rolled, _ = turned(landmarks, degrees)
    assert tuple(region_at(point, rolled) for point in rolled) == LANDMARK_NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_region_of_a_frontal_face_is_where_a_person_would_point(name: str) -> None:
    assert region_at(PLACES[name], FRONTAL) == name


def test_a_face_in_full_has_all_regions_and_no_label_is_left_out() -> None:
    segments, names = facial_regions(SIDE, FRONTAL)
    assert segments.shape == (SIDE, SIDE)
    assert segments.dtype == np.int32
    assert names == NAMES
    assert count_superpixels(segments) == len(names) == 12


def test_pairs_of_a_frontal_face_are_equally_large() -> None:
    sizes = dict(zip(NAMES, np.bincount(facial_regions(SIDE, FRONTAL)[0].ravel()), strict=True))
    for part in ("eye", "eyebrow", "cheek"):
        assert sizes[f"left {part}"] == pytest.approx(sizes[f"right {part}"], rel=0.01)


@pytest.mark.parametrize("landmarks", [FRONTAL - np.float32([9, 4]), HALF_TURNED], ids=["frontal", "half-turned"])
def test_a_mirrored_face_has_mirrored_regions_with_left_and_right_swapped(landmarks: NDArray[np.float32]) -> None:
    mirrored = ([SIDE, 0] + landmarks * [-1, 1])[[1, 0, 2, 4, 3]]
    swapped = {"left": "right", "right": "left"}
    others = np.array([NAMES.index(" ".join(swapped.get(word, word) for word in name.split())) for name in NAMES])
    assert (named(SIDE, mirrored) == others[named(SIDE, landmarks)[:, ::-1]]).mean() > 0.999


@pytest.mark.parametrize("landmarks", [FRONTAL, HALF_TURNED], ids=["frontal", "half-turned"])
@pytest.mark.parametrize("degrees", [12, -35, 90])
def test_a_rotated_face_has_rotated_regions(landmarks: NDArray[np.float32], degrees: float) -> None:
    rolled, matrix = turned(landmarks, degrees)
    matrix[:, 2] += matrix[:, :2] @ [0.5, 0.5] - 0.5  # cv2 counts from the middle of the first pixel
    upright = named(SIDE, landmarks).astype(np.uint8)
    outside = len(NAMES)
    expected = cv2.warpAffine(upright, matrix, (SIDE, SIDE), flags=cv2.INTER_NEAREST, borderValue=outside)
    found = named(SIDE, rolled)
    inner = (found < NAMES.index("hair")) & (expected != outside)
    assert inner.mean() > 0.15
    assert (found == expected)[inner].mean() > 0.97


@pytest.mark.parametrize("scale", [0.25, 1.6])
def test_regions_grow_with_the_crop(scale: float) -> None:
    side = round(SIDE * scale)
    sampled = ((np.arange(side) + 0.5) / scale).astype(int)
    agreement = named(side, FRONTAL * np.float32(scale)) == named(SIDE, FRONTAL)[np.ix_(sampled, sampled)]
    assert agreement.mean() > 0.96


def test_the_far_eye_and_cheek_of_a_half_turned_face_are_the_smaller_ones() -> None:
    sizes = np.bincount(named(SIDE, HALF_TURNED).ravel())
    for part, ratio in (("eye", 1.2), ("cheek", 3)):
        assert sizes[NAMES.index(f"left {part}")] > ratio * sizes[NAMES.index(f"right {part}")]


def test_the_more_the_nose_moves_the_less_is_seen_of_the_far_cheek() -> None:
    seen = [(named(SIDE, moved_nose(by)) == NAMES.index("right cheek")).sum() for by in (-16, -8, 0, 8, 16)]
    assert seen == sorted(seen, reverse=True)
    assert len(set(seen)) == 5


def moved_nose(by: float) -> NDArray[np.float32]:
    moved = FRONTAL.copy()
    moved[2, 0] += by
    return moved


def test_what_a_crop_cuts_off_is_left_out_and_the_names_stay_with_their_regions() -> None:
    lower_half = FRONTAL - np.float32([0, 98])
    segments, names = facial_regions(SIDE, lower_half)
    assert set(NAMES) - set(names) == {"left eye", "right eye", "left eyebrow", "right eyebrow", "forehead"}
    assert count_superpixels(segments) == len(names)
    assert names[segments[29, 100]] == "mouth"


def test_a_face_outside_the_crop_leaves_the_background_alone() -> None:
    segments, names = facial_regions(SIDE, FRONTAL + 1000)
    assert names == ("background",)
    assert not segments.any()


@pytest.mark.parametrize("by", [200.0, -5000.0, 1e20])
def test_a_nose_far_away_does_no_harm(by: float) -> None:
    segments, names = facial_regions(SIDE, moved_nose(by))
    assert count_superpixels(segments) == len(names)


def test_a_crop_of_one_pixel_is_one_region() -> None:
    segments, names = facial_regions(1, FRONTAL / SIDE)
    assert segments.tolist() == [[0]]
    assert names == ("nose",)


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
    "no points": np.zeros((0, 2), np.float32),
}


@pytest.mark.parametrize("landmarks", DEGENERATE.values(), ids=DEGENERATE)
def test_landmarks_of_no_face_are_refused(landmarks: NDArray[np.float32]) -> None:
    with pytest.raises(ValueError, match=r"landmarks must be five points x, y: left eye, .* Choose another method"):
        facial_regions(SIDE, landmarks)
    with pytest.raises(ValueError, match="landmarks must be five points"):
        region_names(np.zeros((SIDE, SIDE), np.int32), landmarks)


def test_a_crop_without_pixels_is_refused() -> None:
    with pytest.raises(ValueError, match="side must be at least 1 pixel, got 0"):
        facial_regions(0, FRONTAL)


# Names


def test_squares_are_named_by_what_they_show() -> None:
    segments = np.zeros((SIDE, SIDE), np.int32)
    places = {name: place for name, place in PLACES.items() if name not in ("hair", "background")}
    for label, (x, y) in enumerate(places.values(), start=1):
        segments[y - 2 : y + 3, x - 2 : x + 3] = label
    assert region_names(segments, FRONTAL) == ("background", *places)


def test_a_superpixel_is_named_by_what_covers_most_of_it() -> None:
    regions = named(SIDE, FRONTAL)
    segments = np.ones((SIDE, SIDE), np.int32)
    for name, pixels in (("mouth", 30), ("chin", 31), ("nose", 29)):
        rows, columns = np.nonzero(regions == NAMES.index(name))
        segments[rows[:pixels], columns[:pixels]] = 0
    assert region_names(segments, FRONTAL)[0] == "chin"


def test_superpixels_of_one_region_share_its_name() -> None:
    halves = np.repeat([[0, 1]], SIDE // 2, axis=1).repeat(SIDE, axis=0).astype(np.int32)
    assert region_names(halves, FRONTAL) == ("background", "background")


def test_facial_regions_are_called_by_their_own_names() -> None:
    segments, names = facial_regions(SIDE, HALF_TURNED)
    assert region_names(segments, HALF_TURNED) == names


# Faces of photos


def face_with(landmarks: NDArray[np.float32], square: tuple[float, float, float]) -> Face:
    return Face((0, 0, 10, 10), 1.0, landmarks, np.zeros((256, 256, 3), np.uint8), square)


def test_landmarks_move_from_the_photo_into_the_crop() -> None:
    found = landmarks_in_crop(face_with(FRONTAL, (40.2, -10.4, 127.7)))  # cut out as (40, -10, 128)
    assert found is not None
    assert found.dtype == np.float32
    assert np.array_equal(found, (FRONTAL - [40, -10]) * 2)


def test_the_whole_picture_has_no_landmarks(astronaut: NDArray[np.uint8]) -> None:
    assert landmarks_in_crop(whole_picture(astronaut)) is None


def test_landmarks_that_belong_to_no_face_count_as_none() -> None:
    assert landmarks_in_crop(face_with(DEGENERATE["all on one line"], (0.0, 0.0, 200.0))) is None


@pytest.mark.parametrize("margin", [1.0, 1.3])
def test_the_astronauts_features_are_where_they_are_in_her_photo(astronaut: NDArray[np.uint8], margin: float) -> None:
    face = find_faces(astronaut, margin)[0]
    landmarks = landmarks_in_crop(face)
    assert landmarks is not None
    segments, names = facial_regions(len(face.crop), landmarks)
    assert names == NAMES
    for name, place in ASTRONAUT.items():
        x, y = (np.array(place) - face.square[:2]) * len(face.crop) / face.square[2]
        assert names[segments[int(y), int(x)]] == name
