"""A small picture of a photo, for the table of many photos."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE = 64  # pixels; shown at half this size, so that it is sharp on a phone


def thumbnail(photo: NDArray[np.uint8]) -> bytes:
    """The middle square of a photo ``(H, W, 3) uint8`` RGB as a JPEG file of ``SIDE`` pixels, about 2 kB."""
    height, width = photo.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 3, (width - side) // 2  # faces are above the middle
    small = Image.fromarray(photo[top : top + side, left : left + side]).resize((SIDE, SIDE), Image.Resampling.BOX)
    buffer = BytesIO()
    small.save(buffer, "JPEG", quality=70)
    return buffer.getvalue()
