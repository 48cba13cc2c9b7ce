"""Facial regions from a given parse of a made-up face, and from the parser's own on real ones."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from explain.regions.facial import (
    BOTH,
    NAMES,
    face_parts,
    facial_regions,
    landmarks_in_crop,
    named_parts,
    parts_of,
    region_names,
)
from explain.regions.parser import CLASSES, parse_face
from explain.regions.superpixels import count_superpixels
from model.photos.faces import Face, find_faces, whole_picture
from model.photos.photo import open_photo

EXAMPLES = Path(__file__).parents[3] / "examples"
SIDE = 200
FRONTAL = np.array([[80, 85], [120, 85], [100, 106], [84, 127], [116, 127]], np.float32)
HALF_TURNED = np.array([[80, 80], [124, 84], [122, 112], [88, 142], [128, 145]], np.float32)  # to the viewer's right
# Where a person would point on a frontal face that is all skin.
PLACES = {
    "left eye": (80, 85),
    "right eye": (120, 85),
    "left eyebrow": (80, 70),
    "right eyebrow": (120, 70),
    "mouth": (100, 117),
    "left cheek": (72, 108),
    "right cheek": (128, 108),
    "chin": (100, 147),
    "forehead": (100, 50),
}
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


def all_of(name: str, side: int = SIDE) -> NDArray[np.uint8]:
    """The parser's answer for a crop that is one class everywhere."""
    return np.full((side, side), CLASSES.index(name), np.uint8)


def skin(side: int, landmarks: NDArray[np.floating]) -> NDArray[np.uint8]:
    return parts_of(all_of("skin", side), landmarks)


def part_at(point: tuple[float, float] | NDArray[np.floating], parts: NDArray[np.uint8]) -> str:
    return NAMES[parts[int(point[1]), int(point[0])]]


def turned(landmarks: NDArray[np.float32], degrees: float) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Landmarks rotated about the crop's centre, and the rotation ``(2, 3)`` of points."""
    matrix = cv2.getRotationMatrix2D((SIDE / 2, SIDE / 2), degrees, 1)
    return (landmarks @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32), matrix


# How skin is divided


@pytest.mark.parametrize("name", PLACES)
def test_skin_of_a_frontal_face_is_divided_as_a_person_would_point(name: str) -> None:
    assert part_at(PLACES[name], skin(SIDE, FRONTAL)) == name


@pytest.mark.parametrize("landmarks", [FRONTAL, HALF_TURNED], ids=["frontal", "half-turned"])
@pytest.mark.parametrize("degrees", [0, 25, -60, 180])
def test_closed_eyes_are_eyes_however_the_head_is_rolled(landmarks: NDArray[np.float32], degrees: float) -> None:
    rolled, _ = turned(landmarks, degrees)
    parts = skin(SIDE, rolled)
    assert [part_at(point, parts) for point in rolled[:2]] == ["left eye", "right eye"]


def test_pairs_of_a_frontal_face_are_equally_large() -> None:
    sizes = np.bincount(skin(SIDE, FRONTAL).ravel(), minlength=len(NAMES))
    for part in ("eye", "eyebrow", "cheek"):
        assert sizes[NAMES.index(f"left {part}")] == pytest.approx(sizes[NAMES.index(f"right {part}")], rel=0.01)


@pytest.mark.parametrize("landmarks", [FRONTAL, HALF_TURNED], ids=["frontal", "half-turned"])
def test_a_mirrored_face_has_mirrored_parts_with_left_and_right_swapped(landmarks: NDArray[np.float32]) -> None:
    mirrored = ([SIDE, 0] + landmarks * [-1, 1])[[1, 0, 2, 4, 3]]
    swapped = {"left": "right", "right": "left"}
    others = np.array([NAMES.index(" ".join(swapped.get(word, word) for word in name.split())) for name in NAMES])
    assert (skin(SIDE, mirrored) == others[skin(SIDE, landmarks)[:, ::-1]]).mean() > 0.99


@pytest.mark.parametrize("landmarks", [FRONTAL, HALF_TURNED], ids=["frontal", "half-turned"])
@pytest.mark.parametrize("degrees", [12, -35, 90])
def test_a_rotated_face_has_rotated_parts(landmarks: NDArray[np.float32], degrees: float) -> None:
    rolled, matrix = turned(landmarks, degrees)
    matrix[:, 2] += matrix[:, :2] @ [0.5, 0.5] - 0.5  # cv2 counts from the middle of the first pixel
    outside = len(NAMES)
    expected = cv2.warpAffine(skin(SIDE, landmarks), matrix, (SIDE, SIDE), flags=cv2.INTER_NEAREST, borderValue=outside)
    inner = expected != outside
    assert (skin(SIDE, rolled) == expected)[inner].mean() > 0.97


@pytest.mark.parametrize("scale", [0.25, 1.6])
def test_parts_grow_with_the_crop(scale: float) -> None:
    side = round(SIDE * scale)
    sampled = ((np.arange(side) + 0.5) / scale).astype(int)
    agreement = skin(side, FRONTAL * np.float32(scale)) == skin(SIDE, FRONTAL)[np.ix_(sampled, sampled)]
    assert agreement.mean() > 0.96


def test_the_more_the_nose_moves_the_less_is_seen_of_the_far_cheek() -> None:
    seen = []
    for by in (-16, -8, 0, 8, 16):
        moved = FRONTAL.copy()
        moved[2, 0] += by
        seen.append(int((skin(SIDE, moved)[96] == NAMES.index("right cheek")).sum()))  # between eyes and mouth
    assert seen == sorted(seen, reverse=True) and len(set(seen)) == 5


def test_skin_behind_the_edge_of_a_turned_head_stays_on_its_side() -> None:
    parts = skin(SIDE, HALF_TURNED)
    assert part_at((2, 120), parts) == "left cheek" and part_at((197, 120), parts) == "right cheek"


@pytest.mark.parametrize("by", [200.0, -5000.0, 1e20])
def test_a_nose_far_away_does_no_harm(by: float) -> None:
    moved = FRONTAL.copy()
    moved[2, 0] += by
    assert skin(SIDE, moved).max() < len(NAMES)


# What the parser says


@pytest.mark.parametrize("name", [name for name in CLASSES if name != "skin"])
def test_what_the_parser_sees_is_named_so_and_on_its_side(name: str) -> None:
    lips, sided = dict.fromkeys(("u_lip", "l_lip"), "mouth"), dict.fromkeys(("l_ear", "r_ear", "ear_r"), "ear")
    sided |= dict.fromkeys(("l_eye", "r_eye"), "eye") | dict.fromkeys(("l_brow", "r_brow"), "eyebrow")
    part = {**lips, "eye_g": "glasses", "neck_l": "neck", "cloth": "clothes"}.get(name, name)
    parts = parts_of(all_of(name), FRONTAL)
    assert part_at((30, 90), parts) == (f"left {sided[name]}" if name in sided else part)
    assert part_at((170, 90), parts) == (f"right {sided[name]}" if name in sided else part)


def test_hair_and_glasses_before_an_eye_hide_it() -> None:
    classes = all_of("skin")
    classes[75:95, 60:100] = CLASSES.index("hair")
    classes[75:95, 100:140] = CLASSES.index("eye_g")
    parts = parts_of(classes, FRONTAL)
    assert [part_at(point, parts) for point in FRONTAL[:2]] == ["hair", "glasses"]


def test_parts_become_regions_without_gaps_that_keep_their_names() -> None:
    parts = skin(SIDE, FRONTAL)
    segments = facial_regions(parts)
    names = region_names(segments, parts)
    assert segments.dtype == np.int32 and count_superpixels(segments) == len(names) == len(PLACES)
    assert {name: names[segments[y, x]] for name, (x, y) in PLACES.items()} == {name: name for name in PLACES}
    assert names == tuple(name for name in NAMES if name in PLACES)


# Names


def one_region(*shares: tuple[str, int]) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    """One superpixel of ten pixels, and the parts that they show."""
    parts = np.array([[NAMES.index(name) for name, count in shares for _ in range(count)]], np.uint8)
    return np.zeros_like(parts, np.int32), parts


@pytest.mark.parametrize(
    ("shares", "name"),
    [
        ((("chin", 10),), "chin"),
        ((("mouth", 3), ("chin", 4), ("nose", 3)), "chin"),
        ((("chin", 7), ("mouth", 3)), "chin"),
        ((("chin", 6), ("mouth", 4)), "mouth + chin"),
        ((("mouth", 6), ("chin", 4)), "mouth + chin"),
        ((("left eyebrow", 5), ("left eye", 5)), "left eye + left eyebrow"),
        ((("hair", 2), ("hat", 2), ("neck", 2), ("nose", 2), ("chin", 2)), "nose"),
    ],
)
def test_a_superpixel_is_named_by_what_covers_most_of_it_and_by_a_second_part_of_two_fifths(
    shares: tuple[tuple[str, int], ...], name: str
) -> None:
    assert region_names(*one_region(*shares)) == (name,)


def test_superpixels_of_one_part_share_its_name() -> None:
    halves = np.repeat([[0, 1]], 4, axis=1).repeat(8, axis=0).astype(np.int32)
    assert region_names(halves, np.full((8, 8), NAMES.index("hat"), np.uint8)) == ("hat", "hat")


def test_a_name_tells_its_parts() -> None:
    assert named_parts("nose") == ["nose"] and named_parts(f"nose{BOTH}left cheek") == ["nose", "left cheek"]
    assert not any(BOTH in name for name in NAMES)


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


def test_landmarks_move_from_the_photo_into_the_crop() -> None:
    found = landmarks_in_crop(face_with(FRONTAL, (40.2, -10.4, 127.7)))  # cut out as (40, -10, 128)
    assert found is not None
    assert found.dtype == np.float32
    assert np.array_equal(found, (FRONTAL - [40, -10]) * 2)


def test_the_whole_picture_has_no_landmarks(astronaut: NDArray[np.uint8]) -> None:
    assert landmarks_in_crop(whole_picture(astronaut)) is None
    assert face_parts(whole_picture(astronaut)) is None


@pytest.mark.parametrize("landmarks", DEGENERATE.values(), ids=DEGENERATE)
def test_landmarks_that_belong_to_no_face_count_as_none(landmarks: NDArray[np.float32]) -> None:
    assert landmarks_in_crop(face_with(landmarks, (0.0, 0.0, 200.0))) is None


def parts_of_photo(photo: NDArray[np.uint8], margin: float) -> tuple[Face, NDArray[np.uint8]]:
    face = find_faces(photo, margin)[0]
    parts = face_parts(face)
    assert parts is not None and parts.shape == face.crop.shape[:2] and parts.dtype == np.uint8
    return face, parts


@pytest.mark.parametrize("margin", [1.0, 1.3])
def test_the_astronauts_features_are_where_they_are_in_her_photo(astronaut: NDArray[np.uint8], margin: float) -> None:
    face, parts = parts_of_photo(astronaut, margin)
    for name, place in ASTRONAUT.items():
        x, y = (np.array(place) - face.square[:2]) * len(parts) / face.square[2]
        if 0 <= x < len(parts) and 0 <= y < len(parts):
            assert part_at((x, y), parts) == name


def test_lenses_are_glasses_and_a_hat_is_a_hat() -> None:
    _, parts = parts_of_photo(open_photo(EXAMPLES / "hopper_eyes.jpg").pixels, 1.3)
    for name, places in HOPPER.items():
        for place in places:
            assert part_at(np.array(place) * len(parts), parts) == name, place


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
