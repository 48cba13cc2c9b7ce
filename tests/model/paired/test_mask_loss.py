"""Tests of the loss of the attention mask."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from model.paired.tune_attention import mask_loss


def grids(*rows: list[float]) -> NDArray[np.float32]:
    """Masks of two by two cells, ``(N, 2, 2, 1)``."""
    return np.array(rows, np.float32).reshape(-1, 2, 2, 1)


def test_loss_without_the_peak_is_the_cross_entropy_per_cell() -> None:
    changed, mask = grids([1, 0, 0.5, 0]), grids([0.9, 0.2, 0.5, 0.1])
    expected = -np.mean([np.log(0.9), np.log(0.8), np.log(0.5), np.log(0.9)])
    assert float(mask_loss(0.0)(changed, mask)[0]) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    ("mask", "hit"),
    [
        ([0.5, 0.5, 0.5, 0.5], 0.25),  # a flat mask hits by chance
        ([0.75, 0.5, 0.5, 0.5], 9 / 12),  # odds of 3 to 1, squared, against three times 1
        ([0.5, 0.75, 0.5, 0.5], 1 / 12),
    ],
)
def test_peak_loss_depends_on_the_share_of_the_mask_inside_the_change(mask: list[float], hit: float) -> None:
    changed = grids([1, 0, 0, 0])
    without, with_peak = (float(mask_loss(weight)(changed, grids(mask))[0]) for weight in (0.0, 2.0))
    assert with_peak - without == pytest.approx(-2 * np.log(hit + 1e-3), abs=1e-4)
