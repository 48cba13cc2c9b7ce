"""Tests of the degradations that training pictures go through."""

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


def error(one: Pixels, other: Pixels) -> float:
    """Mean absolute difference in grey levels."""
    return float(np.abs(one.astype(int) - other.astype(int)).mean())


# degrade


@pytest.mark.parametrize("seed", SEEDS)
def test_same_seed_gives_the_same_picture_of_the_same_kind(crop: Pixels, seed: int) -> None:
    degraded = degrade(crop, seed)
    np.testing.assert_array_equal(degrade(crop, seed), degraded)
    assert degraded.shape == crop.shape and degraded.dtype == np.uint8


def test_different_seeds_differ(crop: Pixels) -> None:
    """Some seeds draw no degradation at all; nearly all others are one of a kind."""
    results = {degrade(crop, seed).tobytes() for seed in SEEDS}
    assert len(results) > 0.8 * len(SEEDS)


def test_the_crop_given_is_not_changed(crop: Pixels) -> None:
    before = crop.copy()
    for seed in SEEDS:
        degrade(crop, seed)
    np.testing.assert_array_equal(crop, before)


def test_most_pictures_are_touched_and_some_are_left(crop: Pixels) -> None:
    """Each degradation falls out with its own chance; none does for .5 * .6 * .8 * .8 * .5 * .96 = .09 of pictures."""
    left = np.mean([error(degrade(crop, seed), crop) == 0 for seed in range(300)])
    assert 0.04 < left < 0.15


def test_no_degradation_destroys_a_face(astronaut: Pixels) -> None:
    """A reader would still recognise it: the grey values of before and after go together."""
    face = np.ascontiguousarray(astronaut[50:178, 160:288])
    for seed in SEEDS:
        assert np.corrcoef(face.mean(axis=2).ravel(), degrade(face, seed).mean(axis=2).ravel())[0, 1] > 0.9


def test_twins_pass_through_the_same(crop: Pixels) -> None:
    """Two pictures that differ in one corner come out equal in the opposite one, whatever was drawn."""
    twin = crop.copy()
    twin[:8, :8] = 255 - twin[:8, :8]
    for seed in SEEDS:
        one, other = degrade(crop, seed), degrade(twin, seed)
        np.testing.assert_array_equal(one[40:, 40:], other[40:, 40:])
        assert error(one[:8, :8], other[:8, :8]) > 1


def test_channels_stay_in_their_order() -> None:
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


def test_lower_quality_costs_more(crop: Pixels) -> None:
    errors = [error(compress(crop, quality), crop) for quality in (95, 60, 30, 5)]
    assert errors == sorted(errors) and errors[-1] > 3 * errors[0]


@pytest.mark.parametrize("quality", [35, 75, 97])
def test_it_is_the_jpeg_that_other_programs_write(crop: Pixels, quality: int) -> None:
    file = BytesIO()
    Image.fromarray(crop).save(file, "JPEG", quality=quality, subsampling="4:2:0")
    written = np.asarray(Image.open(file))
    assert error(compress(crop, quality), written) < 0.5


@pytest.mark.parametrize("channel", [0, 1, 2])
def test_colours_survive_compression(channel: int) -> None:
    colour = np.zeros((16, 16, 3), np.uint8)
    colour[..., channel] = 220
    assert error(compress(colour, 95), colour) < 3


# process

LANDMARKS = np.array([[23, 24], [41, 24], [32, 34], [25, 42], [39, 42]], np.float32)


def test_edits_are_drawn_by_the_seed_and_change_the_picture(crop: Pixels) -> None:
    edited = [process(crop, LANDMARKS, seed) for seed in SEEDS]
    for seed, picture in enumerate(edited):
        np.testing.assert_array_equal(process(crop, LANDMARKS, seed), picture)
        assert picture.shape == crop.shape and picture.dtype == np.uint8
    assert len({picture.tobytes() for picture in edited}) == len(SEEDS)


def test_some_edits_touch_the_face_alone_and_some_the_background_alone() -> None:
    """On noise, which every blur changes: the centre of the face and a corner tell where an edit was made."""
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    kinds = set()
    for seed in SEEDS:
        edited = process(noise, LANDMARKS, seed)
        kinds.add((error(edited[28:36, 28:36], noise[28:36, 28:36]) > 2, error(edited[:6, :6], noise[:6, :6]) > 2))
    assert kinds >= {(True, False), (False, True), (True, True)}


# rescale


def test_rescaling_loses_detail_and_keeps_size_and_what_is_smooth(crop: Pixels) -> None:
    rescaled = rescale(crop, 24)
    assert rescaled.shape == crop.shape and error(rescaled, crop) < 3
    checks = np.indices((64, 64)).sum(axis=0) % 2 * np.uint8(255)
    assert np.ptp(rescale(np.repeat(checks[..., None], 3, axis=2).astype(np.uint8), 32)[8:-8, 8:-8]) < 5


def test_rescaling_passes_the_small_square_through(crop: Pixels) -> None:
    shapes = []

    def negative(small: Pixels) -> Pixels:
        shapes.append(small.shape)
        return 255 - small

    passed = rescale(crop[:, :50], 32, negative)
    assert shapes == [(32, 32, 3)] and passed.shape == (64, 50, 3)
    assert error(passed, 255 - crop[:, :50]) < 6


# Rounding


def test_noise_and_colours_are_rounded_and_darken_nothing() -> None:
    grey = np.full((128, 128, 3), 128, np.uint8)
    assert _add_noise(grey, np.random.default_rng(0)).mean() == pytest.approx(128, abs=0.2)
    highest: Any = SimpleNamespace(uniform=lambda low, high, size=1: np.full(size, high))
    expected = (((128 / 255) ** np.exp(0.35) - 0.5) * 1.2 + 0.5 + 0.08) * 1.08 * 255  # 118.8
    assert (_recolour(grey, highest) == round(expected)).all()
