"""Tests of the preprocessing of imported models: mean and deviation, filters, central crops."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from model.artifact.preprocessing import Preprocessing, to_input
from model.errors import FieldError
from tests.support.worlds import noise

CROP = noise(64)


def test_mean_and_deviation_of_each_channel_follow_the_scaling() -> None:
    mean, std = (0.1, 0.2, 0.3), (0.5, 1.0, 2.0)
    plain = Preprocessing(64, "BGR", 1 / 255)
    given = Preprocessing(64, "BGR", 1 / 255, mean=mean, std=std)
    expected = (to_input(CROP[None], plain) - np.array(mean)) / np.array(std)
    np.testing.assert_allclose(to_input(CROP[None], given), expected, rtol=1e-5, atol=1e-6)


def test_filter_and_central_crop_are_the_same_as_in_pillow() -> None:
    given = Preprocessing(24, resample="bicubic", resized_to=32)
    resized = np.asarray(Image.fromarray(CROP).resize((32, 32), Image.Resampling.BICUBIC))
    np.testing.assert_array_equal(to_input(CROP[None], given)[0], resized[4:28, 4:28])


def test_crops_are_as_large_as_the_network_needs() -> None:
    assert Preprocessing(384).crop_size == 256, "networks without a filter keep the usual crop size"
    assert Preprocessing(384, resample="bilinear", resized_to=440).crop_size == 440
    assert Preprocessing(224, resample="bilinear").crop_size == 256


@pytest.mark.parametrize(
    "wrong",
    [
        {"value_scale": 0},
        {"mean": (1, 2)},
        {"mean": "abc"},
        {"std": (1, 0, 1)},
        {"std": (1, float("nan"), 1)},
        {"std": 1},
        {"resample": "best"},
        {"resample": 3},
        {"resized_to": 10},
        {"resized_to": 10**6},
        {"resized_to": 32.0},
    ],
)
def test_wrong_fields_are_named(wrong: dict[str, object]) -> None:
    with pytest.raises(FieldError, match=next(iter(wrong))):
        Preprocessing(16, **wrong)
