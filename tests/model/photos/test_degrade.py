"""Tests of the degradations of training pictures."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from model.photos.degrade import _add_noise, _recolour, compress, degrade, process, rescale

SEEDS = range(40)
Pixels = NDArray[np.uint8]


@pytest.fixture
def crop(picture: Callable[..., Pixels]) -> Pixels:
    return picture(0)


def error(first: Pixels, second: Pixels) -> float:
    """Mean absolute difference in grey levels."""
    return float(np.abs(first.astype(int) - second.astype(int)).mean())


# degrade


@pytest.mark.parametrize("seed", SEEDS)
def test_same_seed_gives_the_same_picture_with_the_same_shape_and_type(crop: Pixels, seed: int) -> None:
    degraded = degrade(crop, seed)
    np.testing.assert_array_equal(degrade(crop, seed), degraded)
    assert degraded.shape == crop.shape and degraded.dtype == np.uint8


def test_different_seeds_give_different_pictures(crop: Pixels) -> None:
    """Some seeds draw no degradation; nearly all others give a unique picture."""
    results = {degrade(crop, seed).tobytes() for seed in SEEDS}
    assert len(results) > 0.8 * len(SEEDS)


def test_input_crop_is_not_changed(crop: Pixels) -> None:
    before = crop.copy()
    for seed in SEEDS:
        degrade(crop, seed)
    np.testing.assert_array_equal(crop, before)


def test_most_pictures_are_degraded_and_some_are_not(crop: Pixels) -> None:
    """Each degradation is skipped with its own probability; all are skipped in .5 * .6 * .8 * .8 * .5 * .96 = .09."""
    left = np.mean([error(degrade(crop, seed), crop) == 0 for seed in range(300)])
    assert 0.04 < left < 0.15


def test_no_degradation_destroys_a_face(astronaut: Pixels) -> None:
    """The face is still recognisable: grey values before and after are correlated."""
    face = np.ascontiguousarray(astronaut[50:178, 160:288])
    for seed in SEEDS:
        assert np.corrcoef(face.mean(axis=2).ravel(), degrade(face, seed).mean(axis=2).ravel())[0, 1] > 0.9


def test_twins_are_degraded_in_the_same_way(crop: Pixels) -> None:
    """Two pictures that differ in one corner are equal in the opposite corner after degradation."""
    twin = crop.copy()
    twin[:8, :8] = 255 - twin[:8, :8]
    for seed in SEEDS:
        first, second = degrade(crop, seed), degrade(twin, seed)
        np.testing.assert_array_equal(first[40:, 40:], second[40:, 40:])
        assert error(first[:8, :8], second[:8, :8]) > 1


def test_order_of_channels_is_kept() -> None:
    red = np.zeros((32, 32, 3), np.uint8)
    red[..., 0] = 200
    greys = 0
    for seed in SEEDS:
        means = degrade(red, seed).mean(axis=(0, 1))
        if np.ptp(means) < 1:
            greys += 1
        else:
            assert means.argmax() == 0 and means[0] > 100
    assert greys < len(SEEDS) / 4


# compress


def test_lower_quality_gives_a_larger_error(crop: Pixels) -> None:
    errors = [error(compress(crop, quality), crop) for quality in (95, 60, 30, 5)]
    assert errors == sorted(errors) and errors[-1] > 3 * errors[0]


@pytest.mark.parametrize("quality", [35, 75, 97])
def test_compression_equals_the_jpeg_of_pillow(crop: Pixels, quality: int) -> None:
    file = BytesIO()
    Image.fromarray(crop).save(file, "JPEG", quality=quality, subsampling="4:2:0")
    written = np.asarray(Image.open(file))
    assert error(compress(crop, quality), written) < 0.5


@pytest.mark.parametrize("channel", [0, 1, 2])
def test_colours_are_kept_by_compression(channel: int) -> None:
    colour = np.zeros((16, 16, 3), np.uint8)
    colour[..., channel] = 220
    assert error(compress(colour, 95), colour) < 3


# process

LANDMARKS = np.array([[23, 24], [41, 24], [32, 34], [25, 42], [39, 42]], np.float32)


def test_edits_depend_on_the_seed_and_change_the_picture(crop: Pixels) -> None:
    edited = [process(crop, LANDMARKS, seed) for seed in SEEDS]
    for seed, picture in enumerate(edited):
        np.testing.assert_array_equal(process(crop, LANDMARKS, seed), picture)
        assert picture.shape == crop.shape and picture.dtype == np.uint8
    assert len({picture.tobytes() for picture in edited}) == len(SEEDS)


def test_edits_change_the_face_the_background_or_both() -> None:
    """On noise every blur is visible: the centre of the face and a corner show where the edit was made."""
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    kinds = set()
    for seed in SEEDS:
        edited = process(noise, LANDMARKS, seed)
        kinds.add((error(edited[28:36, 28:36], noise[28:36, 28:36]) > 2, error(edited[:6, :6], noise[:6, :6]) > 2))
    assert kinds >= {(True, False), (False, True), (True, True)}


# rescale


def test_rescaling_removes_detail_and_keeps_the_size_and_smooth_areas(crop: Pixels) -> None:
    rescaled = rescale(crop, 24)
    assert rescaled.shape == crop.shape and error(rescaled, crop) < 3
    checks = np.indices((64, 64)).sum(axis=0) % 2 * np.uint8(255)
    assert np.ptp(rescale(np.repeat(checks[..., None], 3, axis=2).astype(np.uint8), 32)[8:-8, 8:-8]) < 5


def test_rescaling_applies_a_function_to_the_small_square(crop: Pixels) -> None:
    shapes = []

    def negative(small: Pixels) -> Pixels:
        shapes.append(small.shape)
        return 255 - small

    passed = rescale(crop[:, :50], 32, negative)
    assert shapes == [(32, 32, 3)] and passed.shape == (64, 50, 3)
    assert error(passed, 255 - crop[:, :50]) < 6


# Rounding


def test_noise_and_colours_are_rounded_and_not_truncated() -> None:
    grey = np.full((128, 128, 3), 128, np.uint8)
    assert _add_noise(grey, np.random.default_rng(0)).mean() == pytest.approx(128, abs=0.2)
    highest: Any = SimpleNamespace(uniform=lambda low, high, size=1: np.full(size, high))
    expected = (((128 / 255) ** np.exp(0.35) - 0.5) * 1.2 + 0.5 + 0.08) * 1.08 * 255  # 118.8
    assert (_recolour(grey, highest) == round(expected)).all()
