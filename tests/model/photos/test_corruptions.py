"""Tests of the corruptions: their effect, their levels, and that the input is not changed."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from model.i18n.catalogue import languages, translate, use_language
from model.photos.corruptions import CLEAN, CORRUPTIONS, conditions, corrupt
from model.photos.faces import crop as cut_out

Pixels = NDArray[np.uint8]
LANDMARKS = 4 * np.array([[23, 28], [41, 28], [32, 38], [25, 46], [39, 46]], np.float32)
ONE_WAY = [name for name, corruption in CORRUPTIONS.items() if corruption.original == 0 and len(corruption.levels) > 1]


@pytest.fixture(scope="module")
def crop(picture: Callable[..., Pixels]) -> Pixels:
    """Soft blobs with some fine grain, 256 pixels a side."""
    grain = np.random.default_rng(1).integers(-12, 13, (256, 256, 3))
    pixels = np.clip(picture(3, 256).astype(int) + grain, 0, 255).astype(np.uint8)
    pixels.flags.writeable = False
    return pixels


def distance(first: Pixels, second: Pixels) -> float:
    return float(np.mean(np.abs(first.astype(float) - second.astype(float))))


def test_required_corruptions_and_levels_exist() -> None:
    required = {"jpeg", "blur", "noise", "downscale", "brightness", "contrast", "eyes", "nose", "mouth"}
    assert required <= CORRUPTIONS.keys()
    assert CORRUPTIONS["jpeg"].levels == (95, 80, 65, 50, 35, 20)
    graded = [corruption for name, corruption in CORRUPTIONS.items() if name != "mirror"]
    assert all(3 <= len(corruption.levels) <= 6 for corruption in graded)


def test_conditions_are_named_after_corruption_and_level() -> None:
    names = conditions()
    assert names[0] == CLEAN and "jpeg 50" in names and "blur 0.5" in names
    assert len(names) == len(set(names)) == 1 + sum(len(c.levels) for c in CORRUPTIONS.values())
    assert CORRUPTIONS["contrast"].conditions()[2] == CLEAN, "between less and more contrast"


@pytest.mark.parametrize("condition", conditions())
def test_crop_keeps_shape_and_type_and_is_not_changed_in_place(crop: Pixels, condition: str) -> None:
    before = crop.copy()
    result = corrupt(crop, condition, LANDMARKS, seed=5)
    assert result.shape == crop.shape and result.dtype == np.uint8
    assert (crop == before).all()
    assert (distance(result, crop) == 0) == (condition == CLEAN)
    assert (corrupt(crop, condition, LANDMARKS, seed=5) == result).all()


@pytest.mark.parametrize("name", ONE_WAY)
def test_stronger_levels_differ_more_from_the_original(crop: Pixels, name: str) -> None:
    far = [distance(corrupt(crop, f"{name} {level:g}", LANDMARKS), crop) for level in CORRUPTIONS[name].levels]
    assert far == sorted(far) and far[0] < far[-1]


def test_shift_zoom_and_mirror_are_exact(crop: Pixels) -> None:
    side = len(crop)
    moved = round(0.1 * side)
    np.testing.assert_array_equal(corrupt(crop, "shift 0.1")[:, :-moved], crop[:, moved:])
    inner = (side * 0.05, side * 0.05, side * 0.9)
    np.testing.assert_array_equal(corrupt(crop, "zoom 0.9"), cut_out(crop, inner, side))
    np.testing.assert_array_equal(corrupt(corrupt(crop, "mirror 1"), "mirror 1"), crop)


def test_noise_has_the_stated_strength_and_depends_on_the_seed() -> None:
    grey = np.full((128, 128, 3), 128, np.uint8)
    noisy = corrupt(grey, "noise 10")
    assert np.std(noisy.astype(float)) == pytest.approx(10, rel=0.05)
    assert distance(noisy, corrupt(grey, "noise 10", seed=1)) > 5


def test_blur_is_stated_for_a_crop_of_256_pixels() -> None:
    """An edge blurred in a crop of half the size must look the same when enlarged."""
    edge = np.zeros((256, 256, 3), np.uint8)
    edge[:, 128:] = 255
    half = cv2.resize(edge, (128, 128), interpolation=cv2.INTER_AREA)
    small = cv2.resize(corrupt(half, "blur 4"), (256, 256), interpolation=cv2.INTER_LINEAR)
    assert distance(small, corrupt(edge, "blur 4")) < 0.5


def test_motion_blur_turns_a_point_into_a_line_of_the_stated_length() -> None:
    point = np.zeros((257, 257, 3), np.uint8)
    point[128, 128] = 255
    for seed in range(8):
        ys, xs = np.nonzero(corrupt(point, "motion_blur 16", seed=seed)[..., 0])
        smear = np.stack([ys, xs], axis=1) - 128.0
        lengths = np.linalg.svd(smear - smear.mean(axis=0), compute_uv=False) / np.sqrt(len(smear))
        assert np.hypot(*np.ptp(smear, axis=0)) == pytest.approx(16, abs=2.5)
        assert np.abs(smear.mean(axis=0)).max() < 0.5 and lengths[1] < 0.6, "a thin line centred on the point"


def test_direction_of_motion_depends_only_on_the_seed() -> None:
    stripes = np.zeros((256, 256, 3), np.uint8)
    stripes[:, ::8] = 255
    left = [
        distance(corrupt(stripes, "motion_blur 8", seed=seed), corrupt(stripes, "motion_blur 8")) for seed in (0, 1)
    ]
    assert left[0] == 0 and left[1] > 1


def test_downscaling_removes_detail_and_keeps_the_mean(crop: Pixels) -> None:
    result = corrupt(crop, "downscale 0.25")
    assert cv2.Laplacian(result, cv2.CV_64F).std() < 0.3 * cv2.Laplacian(crop, cv2.CV_64F).std()
    assert result.mean() == pytest.approx(crop.mean(), abs=2)


def test_brightness_and_contrast_multiply() -> None:
    grey = np.full((8, 8, 3), 100, np.uint8)
    assert (corrupt(grey, "brightness 0.7") == 70).all() and (corrupt(grey, "brightness 2") == 200).all()
    assert (corrupt(np.full((8, 8, 3), 200, np.uint8), "brightness 2") == 255).all(), "no wrap-around"
    halves = np.full((8, 8, 3), 80, np.uint8)
    halves[4:] = 120
    result = corrupt(halves, "contrast 0.5")
    assert (result[:4] == 90).all() and (result[4:] == 110).all()


@pytest.mark.parametrize(("region", "inside"), [("eyes", (92, 112)), ("nose", (128, 144)), ("mouth", (128, 184))])
def test_hidden_part_is_one_colour_and_the_rest_untouched(crop: Pixels, region: str, inside: tuple[int, int]) -> None:
    result = corrupt(crop, f"{region} 1", LANDMARKS)
    changed = (result != crop).any(axis=2)
    x, y = inside
    patch = result[y, x]
    hidden = (result == patch).all(axis=2)
    assert hidden[y, x] and (changed <= hidden).all()
    assert 0.01 < changed.mean() < 0.4
    assert np.abs(patch.astype(float) - crop[80:224, 64:192].mean(axis=(0, 1))).max() < 25, "the face's mean colour"


def test_hidden_parts_differ(crop: Pixels) -> None:
    masks = [(corrupt(crop, f"{region} 0.7", LANDMARKS) != crop).any(axis=2) for region in ("eyes", "nose", "mouth")]
    assert not (masks[0] & masks[2]).any() and not (masks[0] & masks[1]).any()


def test_pictures_need_not_be_square(crop: Pixels) -> None:
    wide = np.concatenate([crop, crop], axis=1)
    for condition in ("blur 2", "downscale 0.25", "jpeg 20", "nose 1"):
        assert corrupt(wide, condition, LANDMARKS).shape == wide.shape


@pytest.mark.parametrize("condition", ["rain 3", "jpeg", "jpeg x", "jpeg -5", "jpeg nan", "noise inf", ""])
def test_unknown_condition_is_refused(crop: Pixels, condition: str) -> None:
    with pytest.raises(ValueError, match="No condition"):
        corrupt(crop, condition)


def test_hiding_without_landmarks_is_refused(crop: Pixels) -> None:
    with pytest.raises(ValueError, match="landmarks"):
        corrupt(crop, "eyes 1")


# A corruption is a record


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("name", CORRUPTIONS)
def test_each_corruption_has_its_texts(name: str, language: str) -> None:
    corruption = CORRUPTIONS[name]
    assert corruption.name == name
    with use_language(language):
        assert corruption.title
        assert translate(f"corruption.{name}.condition", level=corruption.levels[0])
        assert translate(f"corruption.{name}.curve", size=256)
        for change, levels in corruption.changes().items():
            assert translate(f"corruption.{change}.change", level=corruption.written(levels[0]))
            assert translate(f"corruption.{change}.part" if corruption.needs_landmarks else f"corruption.{name}.chart")


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_levels_are_written_differently(name: str) -> None:
    corruption = CORRUPTIONS[name]
    assert len(set(map(corruption.written, corruption.levels))) == len(corruption.levels)


def test_levels_tried_on_a_photo_begin_with_the_weakest() -> None:
    assert CORRUPTIONS["brightness"].changes() == {"darker": (0.7, 0.4), "brighter": (1.4, 2.0)}
    assert CORRUPTIONS["jpeg"].changes() == {"jpeg": CORRUPTIONS["jpeg"].levels}
    assert CORRUPTIONS["eyes"].changes() == {"eyes": (1.0,)} and CORRUPTIONS["contrast"].changes() == {}
    for corruption in CORRUPTIONS.values():
        assert corruption.original == 0 or corruption.sides or not corruption.changes()
