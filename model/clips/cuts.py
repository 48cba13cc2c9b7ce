"""Finds scene cuts: two frames with very different colours belong to different shots.

The method is the histogram comparison of Zhang, Kankanhalli and Smoliar, "Automatic partitioning of full-motion video"
(Multimedia Systems 1, 1993), with their code of two bits for each of the three colours. It finds cuts, not dissolves.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LEVELS = 4  # of each colour: two bits
CHANGED = 0.4  # share of the pixels that changes its bin at a cut; below a tenth from frame to frame of one shot


def histogram(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Share of each of the ``LEVELS`` ** 3 colours in a small frame ``(H, W, 3) uint8``.

    A pixel counts for the levels around its value by how near they are: a slow change of the light is no jump.
    """
    places = pixels.reshape(-1, 3) / 255 * (LEVELS - 1)
    lower = np.minimum(places.astype(int), LEVELS - 2)
    upper = places - lower
    shares = np.zeros(LEVELS**3)
    for corner in np.ndindex(2, 2, 2):
        weights = np.where(corner, upper, 1 - upper).prod(axis=1)
        bins = (lower + corner) @ (LEVELS**2, LEVELS, 1)
        shares += np.bincount(bins, weights, LEVELS**3)
    return shares / len(places)


def is_cut(before: NDArray[np.float64], after: NDArray[np.float64]) -> bool:
    """Whether the histograms of two consecutive frames are of different shots."""
    return float(np.abs(before - after).sum()) / 2 >= CHANGED
