"""The quality with which a JPEG was last saved, from its quantisation tables."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
from numpy.typing import NDArray

from explain.provenance.container import Container
from explain.provenance.finding import NEUTRAL, Finding
from model.i18n.catalogue import Message

# The luminance table of the JPEG standard (ITU-T T.81, annex K.1), which nearly all programs scale by the quality.
LUMINANCE = np.array(
    [
        *(16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55),
        *(14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62),
        *(18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92),
        *(49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99),
    ]
)


def last_quality(container: Container) -> Iterator[Finding]:
    """The quality of a JPEG on libjpeg's scale."""
    tables = getattr(container.image, "quantization", {})
    if 0 in tables:
        quality, is_exact = quality_of(np.array(tables[0]))
        key = "provenance.jpeg.exact" if is_exact else "provenance.jpeg.about"
        yield Finding("jpeg_quality", NEUTRAL, Message(key, quality=quality))


def quality_of(table: NDArray[np.int_]) -> tuple[int, bool]:
    """The quality, 1..100, with the nearest standard table, and whether it is the same table.

    Args:
        table: luminance, ``(64,)`` row by row.
    """
    distances = np.abs(standard_tables() - table).mean(axis=1)
    nearest = int(distances.argmin())
    return nearest + 1, bool(distances[nearest] == 0)


@cache
def standard_tables() -> NDArray[np.int_]:
    """The tables of qualities 1 to 100 as libjpeg makes them, ``(100, 64) int``."""
    qualities = np.arange(1, 101)
    scale = np.where(qualities < 50, 5000 // qualities, 200 - 2 * qualities)
    return np.clip((LUMINANCE * scale[:, None] + 50) // 100, 1, 255)
