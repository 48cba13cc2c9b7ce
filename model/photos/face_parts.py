"""Makes masks of the parts of a face from its five landmarks."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

REGIONS = ("face", "eyes", "nose", "mouth", "left_eye", "right_eye")
_CENTRE_AND_RADII = {  # in units of the distance between the eyes: landmark, (across, down) offset, radii
    "left_eye": (0, (0.0, 0.0), (0.42, 0.30)),
    "right_eye": (1, (0.0, 0.0), (0.42, 0.30)),
    "nose": (2, (0.0, -0.22), (0.34, 0.48)),
    "mouth": (None, (0.0, 0.0), (0.58, 0.34)),
    "face": (2, (0.0, -0.08), (1.00, 1.30)),
}


def region_mask(
    landmarks: NDArray[np.float32],
    regions: Sequence[str],
    size: int,
    stretch: tuple[float, float] = (1.0, 1.0),
) -> NDArray[np.float32]:
    """Ellipses over the named parts of a face.

    Args:
        landmarks: ``(5, 2)`` x, y in crop pixels, ordered as ``Face.landmarks``.
        regions: names from ``REGIONS``.
        size: side of the crop in pixels.
        stretch: factors on the ellipses' radii, across and down.

    Returns:
        ``(size, size) float32``, 1 inside and 0 outside.

    Raises:
        ValueError: if a region is not one of ``REGIONS``.
    """
    mask = np.zeros((size, size), np.float32)
    across = landmarks[1] - landmarks[0]
    unit = max(float(np.hypot(*across)), 1.0)
    angle = float(np.degrees(np.arctan2(across[1], across[0])))
    across = across / unit
    down = np.array([-across[1], across[0]])
    names = [part for name in regions for part in (("left_eye", "right_eye") if name == "eyes" else (name,))]
    for name in names:
        if name not in _CENTRE_AND_RADII:
            raise ValueError(f"No face region is called {name!r}; choose among {', '.join(REGIONS)}.")
        landmark, offset, radii = _CENTRE_AND_RADII[name]
        anchor = landmarks[3:5].mean(axis=0) if landmark is None else landmarks[landmark]
        centre = anchor + unit * (offset[0] * across + offset[1] * down)
        axes = (max(1, round(unit * radii[0] * stretch[0])), max(1, round(unit * radii[1] * stretch[1])))
        cv2.ellipse(mask, (round(centre[0]), round(centre[1])), axes, angle, 0, 360, 1.0, -1)
    return mask
