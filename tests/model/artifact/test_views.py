"""Tests of the views that a verdict is averaged over."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from model.artifact.views import PLAIN, STEADY, View
from model.errors import FieldError

SIDE = 32


def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (2, SIDE, SIDE, 3)).astype(np.uint8)


def test_the_plain_view_changes_nothing() -> None:
    assert (View(),) == PLAIN
    np.testing.assert_array_equal(View().shown(picture()), picture())


def test_a_view_moves_the_picture_and_repeats_the_border() -> None:
    crops = picture()
    right = View(right=0.125).shown(crops)
    np.testing.assert_array_equal(right[:, :, 4:], crops[:, :, :-4])
    np.testing.assert_array_equal(right[:, :, :4], np.repeat(crops[:, :, :1], 4, axis=2))
    up = View(down=-0.125).shown(crops)
    np.testing.assert_array_equal(up[:, :-4], crops[:, 4:])
    np.testing.assert_array_equal(View(right=0.125, mirrored=True).shown(crops), right[:, :, ::-1])


@pytest.mark.parametrize("view", [*STEADY, View(0.25, -0.125, True)])
def test_mask_of_a_view_is_mapped_back_to_the_crop(view: View) -> None:
    crops = np.zeros((1, SIDE, SIDE, 3), np.uint8)
    crops[0, 14, 19] = 255
    seen = view.shown(crops)[..., 0].astype(np.float32) / 255
    back = view.undone(seen)
    assert np.unravel_index(back[0].argmax(), back[0].shape) == (14, 19)
    assert back.dtype == np.float32 and back.min() >= 0 and back.max() <= 1


def test_shifts_of_the_shipped_views_sum_to_zero() -> None:
    assert sum(view.right for view in STEADY) == sum(view.down for view in STEADY) == 0
    assert sum(view.mirrored for view in STEADY) == len(STEADY) / 2


@pytest.mark.parametrize("shift", [0.3, float("nan"), "left"])
def test_view_with_too_large_a_shift_is_refused(shift: object) -> None:
    with pytest.raises(FieldError, match="shifts"):
        View(right=shift)  # type: ignore[arg-type]


@pytest.mark.parametrize("view", STEADY)
def test_coarse_mask_is_moved_back_by_fractions_of_a_cell(view: View) -> None:
    crops = np.zeros((1, 256, 256, 3), np.uint8)
    crops[0, 140:190, 60:130] = 255
    whole, seen = (
        cv2.resize(shown[0, ..., 0].astype(np.float32), (16, 16), interpolation=cv2.INTER_AREA)
        for shown in (crops, view.shown(crops))
    )
    back = view.undone(seen[None])[0]
    np.testing.assert_allclose(centre(back), centre(whole), atol=0.05)
    assert np.linalg.norm(np.subtract(centre(seen), centre(whole))) > 0.4, "the view itself moves it"


def centre(mask: np.ndarray) -> tuple[float, float]:
    """Row and column of the centre of gravity, in cells."""
    rows, columns = np.indices(mask.shape)
    return float(np.average(rows, weights=mask)), float(np.average(columns, weights=mask))
