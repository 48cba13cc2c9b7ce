"""Tests of facial regions from a given parse of a made-up face: how skin is divided, and names of regions."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from explain.regions.facial import BOTH, NAMES, facial_regions, named_parts, parts_of, region_names
from explain.regions.parser import CLASSES
from explain.regions.superpixels import count_superpixels
from tests.explain.regions.made_up import FRONTAL, part_at

SIDE = 200
HALF_TURNED = np.array([[80, 80], [124, 84], [122, 112], [88, 142], [128, 145]], np.float32)  # to the viewer's right
# Known places of the parts of a frontal face, for a parse with skin only.
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


def all_of(name: str, side: int = SIDE) -> NDArray[np.uint8]:
    """The parser's answer for a crop that is one class everywhere."""
    return np.full((side, side), CLASSES.index(name), np.uint8)


def skin(side: int, landmarks: NDArray[np.floating]) -> NDArray[np.uint8]:
    return parts_of(all_of("skin", side), landmarks)


def turned(landmarks: NDArray[np.float32], degrees: float) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Landmarks rotated about the crop's centre, and the rotation ``(2, 3)`` of points."""
    matrix = cv2.getRotationMatrix2D((SIDE / 2, SIDE / 2), degrees, 1)
    return (landmarks @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32), matrix


# How skin is divided


@pytest.mark.parametrize("name", PLACES)
def test_skin_of_a_frontal_face_is_divided_into_the_known_parts(name: str) -> None:
    assert part_at(PLACES[name], skin(SIDE, FRONTAL)) == name


@pytest.mark.parametrize("landmarks", [FRONTAL, HALF_TURNED], ids=["frontal", "half-turned"])
@pytest.mark.parametrize("degrees", [0, 25, -60, 180])
def test_closed_eyes_are_recognised_at_every_roll_of_the_head(landmarks: NDArray[np.float32], degrees: float) -> None:
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


def test_the_far_cheek_gets_smaller_as_the_nose_moves_towards_it() -> None:
    seen = []
    for shift in (-16, -8, 0, 8, 16):
        moved = FRONTAL.copy()
        moved[2, 0] += shift
        seen.append(int((skin(SIDE, moved)[96] == NAMES.index("right cheek")).sum()))  # between eyes and mouth
    assert seen == sorted(seen, reverse=True) and len(set(seen)) == 5


def test_skin_behind_the_edge_of_a_turned_head_stays_on_its_side() -> None:
    parts = skin(SIDE, HALF_TURNED)
    assert part_at((2, 120), parts) == "left cheek" and part_at((197, 120), parts) == "right cheek"


@pytest.mark.parametrize("shift", [200.0, -5000.0, 1e20])
def test_a_nose_far_away_gives_valid_parts(shift: float) -> None:
    moved = FRONTAL.copy()
    moved[2, 0] += shift
    assert skin(SIDE, moved).max() < len(NAMES)


# Classes of the parser


@pytest.mark.parametrize("name", [name for name in CLASSES if name != "skin"])
def test_each_class_of_the_parser_gets_its_name_and_side(name: str) -> None:
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
def test_a_superpixel_is_named_by_its_largest_part_and_a_second_part_of_two_fifths(
    shares: tuple[tuple[str, int], ...], name: str
) -> None:
    assert region_names(*one_region(*shares)) == (name,)


def test_superpixels_of_one_part_share_its_name() -> None:
    halves = np.repeat([[0, 1]], 4, axis=1).repeat(8, axis=0).astype(np.int32)
    assert region_names(halves, np.full((8, 8), NAMES.index("hat"), np.uint8)) == ("hat", "hat")


def test_a_name_can_be_split_into_its_parts() -> None:
    assert named_parts("nose") == ["nose"] and named_parts(f"nose{BOTH}left cheek") == ["nose", "left cheek"]
    assert not any(BOTH in name for name in NAMES)
