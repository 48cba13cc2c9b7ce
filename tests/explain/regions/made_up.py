"""Landmarks of a frontal face, and the part at a point of a parse."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from explain.regions.facial import NAMES

FRONTAL = np.array([[80, 85], [120, 85], [100, 106], [84, 127], [116, 127]], np.float32)


def part_at(point: tuple[float, float] | NDArray[np.floating], parts: NDArray[np.uint8]) -> str:
    return NAMES[parts[int(point[1]), int(point[0])]]
