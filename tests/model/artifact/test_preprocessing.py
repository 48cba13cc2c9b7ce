"""Tests of how a face crop becomes a network's input, on values worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from model.artifact.preprocessing import Preprocessing, to_input
from model.errors import FieldError


def test_pixels_are_scaled_and_shifted() -> None:
    crops = np.array([0, 127, 255], np.uint8)[:, None, None, None] * np.ones((3, 4, 4, 3), np.uint8)
    pixels = to_input(crops, Preprocessing(4, value_scale=1 / 128, value_offset=-127 / 128))
    assert pixels.dtype == np.float32 and pixels.shape == (3, 4, 4, 3)
    np.testing.assert_allclose(pixels[:, 0, 0, 0], [-127 / 128, 0, 1], atol=1e-6)


def test_values_stay_in_0_to_255_by_default() -> None:
    crops = np.arange(48, dtype=np.uint8).reshape(1, 4, 4, 3)
    np.testing.assert_array_equal(to_input(crops, Preprocessing(4)), crops)


def test_bgr_reverses_the_channels_and_rgb_does_not() -> None:
    crops = np.broadcast_to(np.array([10, 20, 30], np.uint8), (2, 4, 4, 3))
    assert to_input(crops, Preprocessing(4, "RGB"))[1, 2, 2].tolist() == [10, 20, 30]
    assert to_input(crops, Preprocessing(4, "BGR"))[1, 2, 2].tolist() == [30, 20, 10]


def test_half_the_size_is_the_mean_of_four_pixels() -> None:
    crops = np.random.default_rng(0).integers(0, 64, (2, 8, 8, 3)).astype(np.uint8) * 4
    means = crops.reshape(2, 4, 2, 4, 2, 3).mean(axis=(2, 4))
    np.testing.assert_allclose(to_input(crops, Preprocessing(4)), means, atol=0.5)


def test_pictures_of_a_batch_do_not_affect_each_other() -> None:
    crops = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), np.uint8)
    together = to_input(crops, Preprocessing(4))
    for row in range(3):
        np.testing.assert_array_equal(together[row], to_input(crops[row : row + 1], Preprocessing(4))[0])


def test_small_crops_are_enlarged() -> None:
    crops = np.full((1, 3, 3, 3), 9, np.uint8)
    np.testing.assert_array_equal(to_input(crops, Preprocessing(7)), np.full((1, 7, 7, 3), 9))


@pytest.mark.parametrize("order", ["rgb", "GBR", ""])
def test_unknown_colour_order_is_named(order: str) -> None:
    with pytest.raises(FieldError, match=f"RGB or BGR, not {order!r}"):
        Preprocessing(4, order)


@pytest.mark.parametrize("size", [0, -128, 128.0, True, "128", None])
def test_input_size_that_is_not_a_positive_integer_is_refused(size: Any) -> None:
    with pytest.raises(FieldError, match=f"at least 1, not {size!r}"):
        Preprocessing(size)
