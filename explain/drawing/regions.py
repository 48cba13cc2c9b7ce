"""Draws the number of each region of a face."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_position

from explain.drawing.palette import PICTURE_SIZE

CROWDED = 80  # with more regions the picture is twice as large, so that the numbers fit
FONT = cv2.FONT_HERSHEY_SIMPLEX
SMALLEST, LARGEST = 0.38, 0.65  # of the font's own size: 8 and 14 pixels high
BLACK, WHITE = (0, 0, 0), (255, 255, 255)


def numbered_regions(crop: NDArray[np.uint8], segments: NDArray[np.int32]) -> NDArray[np.uint8]:
    """The face with every region outlined and numbered, the number at the widest place of the region.

    Lines and numbers are white on black, so that they are visible on dark and light places.

    Args:
        crop: face crop ``(S, S, 3) uint8`` RGB.
        segments: region of each pixel, ``(S, S) int32``, labels ``0..K-1``.

    Returns:
        ``(640, 640, 3) uint8`` RGB, or ``(1280, 1280, 3)`` with more than ``CROWDED`` regions.
    """
    count = int(segments.max()) + 1
    side = PICTURE_SIZE * (1 if count <= CROWDED else 2)
    picture = np.asarray(cv2.resize(crop, (side, side), interpolation=cv2.INTER_CUBIC), np.uint8)
    enlarged = np.asarray(cv2.resize(segments, (side, side), interpolation=cv2.INTER_NEAREST), np.int32)
    borders = _borders(enlarged)
    picture[cv2.dilate(borders, np.ones((3, 3), np.uint8)) > 0] = BLACK
    picture[borders > 0] = WHITE
    inside = np.pad(1 - borders, 1)  # the picture's edge is a border too
    room = cv2.distanceTransform(inside, cv2.DIST_L2, 5)[1:-1, 1:-1]
    for label, (y, x) in enumerate(maximum_position(room, enlarged, range(count))):
        _write(picture, str(label), (int(x), int(y)), float(room[y, x]))
    return picture


def _borders(labels: NDArray[np.int32]) -> NDArray[np.uint8]:
    """1 where the pixel to the right or below belongs to another region, else 0."""
    borders = np.zeros(labels.shape, np.uint8)
    borders[:, :-1] |= labels[:, 1:] != labels[:, :-1]
    borders[:-1] |= labels[1:] != labels[:-1]
    return borders


def _write(picture: NDArray[np.uint8], text: str, centre: tuple[int, int], radius: float) -> None:
    """Write a number centred at a place, as large as fits the circle there, but never too small to read."""
    (width, height), _ = cv2.getTextSize(text, FONT, 1, 1)
    scale = float(np.clip(1.8 * radius / np.hypot(width, height), SMALLEST, LARGEST))
    (width, height), _ = cv2.getTextSize(text, FONT, scale, 1)
    side = len(picture)
    left = int(np.clip(centre[0] - width // 2, 2, side - width - 2))
    bottom = int(np.clip(centre[1] + height // 2, height + 2, side - 3))
    cv2.rectangle(picture, (left - 2, bottom - height - 2), (left + width + 1, bottom + 2), BLACK, -1)
    cv2.putText(picture, text, (left, bottom), FONT, scale, WHITE, 1, cv2.LINE_AA)
