"""Tests of the attention map: it is enlarged without other changes, and a flat mask stays flat."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from explain.maps.attention import FLAT_CONTRAST, attention_map

MASK = np.array([[0.1, 0.2, 0.3], [0.4, 0.9, 0.25]], np.float32)  # its peak is in the middle of the second row


def flat(value: float, contrast: float = 0.0) -> NDArray[np.float32]:
    mask = np.full((4, 4), value, np.float32)
    mask[0, 0] += contrast
    return mask


@pytest.mark.parametrize("size", [6, 100, 257])
def test_enlarging_leaves_the_values_untouched(size: int) -> None:
    found = attention_map(MASK, size)
    assert found.map.shape == (size, size)
    assert found.map.dtype == np.float32
    assert set(np.unique(found.map)) == set(np.unique(MASK))


def test_each_cell_becomes_one_even_block_in_its_place() -> None:
    expected = np.repeat(np.repeat(MASK, 30, axis=0), 20, axis=1)
    np.testing.assert_array_equal(attention_map(MASK, 60).map, expected)


def test_smoothing_stays_within_the_masks_values() -> None:
    found = attention_map(MASK, 60, smooth=True)
    assert found.map.min() >= MASK.min()
    assert found.map.max() <= MASK.max()
    assert len(np.unique(found.map)) > 10 * MASK.size, "there must be steps between the cells"
    assert found.evidence["smooth"] is True


def test_smoothing_keeps_the_value_at_the_centre_of_each_cell() -> None:
    centres = attention_map(MASK, 90, smooth=True).map[22::45, 15::30]
    np.testing.assert_allclose(centres, MASK, atol=0.02)


@pytest.mark.parametrize("smooth", [True, False])
def test_numbers_are_those_of_the_native_grid(smooth: bool) -> None:
    found = attention_map(MASK, 60, smooth)
    assert found.native_shape == (2, 3)
    assert found.evidence["minimum"] == pytest.approx(0.1)
    assert found.evidence["maximum"] == pytest.approx(0.9)
    assert found.evidence["contrast"] == pytest.approx(0.8)
    assert found.evidence["flat"] is False


def test_peak_is_the_centre_of_the_strongest_cell() -> None:
    evidence = attention_map(MASK, 60).evidence
    assert (evidence["peak_x"], evidence["peak_y"]) == (0.5, 0.75)  # of the width, of the height
    corner = attention_map(flat(0.3, contrast=0.1), 60).evidence
    assert (corner["peak_x"], corner["peak_y"]) == (0.125, 0.125)


@pytest.mark.parametrize("smooth", [True, False])
def test_flat_mask_is_called_flat_and_not_stretched(smooth: bool) -> None:
    found = attention_map(flat(0.31), 40, smooth)
    assert found.evidence["flat"] is True
    assert found.evidence["contrast"] == 0
    np.testing.assert_allclose(found.map, 0.31, atol=1e-6)


def test_a_mask_is_flat_below_the_stated_contrast() -> None:
    assert attention_map(flat(0.3, FLAT_CONTRAST - 0.01), 8).evidence["flat"] is True
    assert attention_map(flat(0.3, FLAT_CONTRAST + 0.01), 8).evidence["flat"] is False


def test_explains_no_single_class_and_has_no_superpixels() -> None:
    found = attention_map(MASK, 60)
    assert (found.method, found.target) == ("attention", "either class")
    assert found.segments is None
    assert found.weights is None


@pytest.mark.parametrize(
    "mask",
    [
        pytest.param(MASK[None], id="three axes"),
        pytest.param(MASK[0], id="one axis"),
        pytest.param(np.zeros((0, 3), np.float32), id="empty"),
        pytest.param(MASK + np.float32(0.2), id="above 1"),
        pytest.param(MASK - np.float32(0.2), id="below 0"),
    ],
)
def test_refuses_arrays_that_are_no_mask(mask: NDArray[np.float32]) -> None:
    with pytest.raises(ValueError, match=r"mask must be a grid \(h, w\) of values in 0\.\.1"):
        attention_map(mask, 60)


def test_refuses_a_mask_with_nan_at_its_peak() -> None:
    with pytest.raises(ValueError, match="must be"):
        attention_map(np.where(MASK > 0.8, np.float32(np.nan), MASK), 60)


def test_refuses_a_mask_with_nan() -> None:
    with pytest.raises(ValueError, match=r"values in 0\.\.1"):
        attention_map(np.array([[0.5, np.nan]], np.float32), 8)
