"""A grey crop in four squares, and measures of one square of its picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from explain.drawing import palette

SIDE = 64
GREY = np.full((SIDE, SIDE, 3), 128, np.uint8)
HALF = SIDE // 2
QUARTERS = np.kron([[0, 1], [2, 3]], np.ones((HALF, HALF))).astype(np.int32)  # four squares
PIXELS_PER_QUARTER = palette.PICTURE_SIZE // 2
MARGIN = 8  # picture pixels from the border of a quarter that an outline may cover


def quarter(picture: NDArray[np.uint8], label: int) -> NDArray[np.float64]:
    """The inside of one of the four squares of a picture, clear of outlines."""
    row, column = divmod(label, 2)
    rows, columns = (
        slice(i * PIXELS_PER_QUARTER + MARGIN, (i + 1) * PIXELS_PER_QUARTER - MARGIN) for i in (row, column)
    )
    return picture[rows, columns].astype(float)


def closeness(picture: NDArray[np.float64], colour: tuple[int, int, int]) -> float:
    """Minus the mean distance of a picture's pixels to a colour."""
    return -float(np.linalg.norm(picture - np.array(colour), axis=-1).mean())


def shade(picture: NDArray[np.float64]) -> float:
    """The mean difference of a picture of ``GREY`` from grey."""
    return float(np.abs(picture - 128).mean())
