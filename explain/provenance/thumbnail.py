"""Whether the small picture in EXIF still shows the picture: some programs change the picture and not this copy."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps

from explain.provenance.container import Container
from explain.provenance.finding import HINT, NEUTRAL, Finding
from model.i18n.catalogue import Message

MOST_PIXELS = 1_000_000  # of a thumbnail; cameras write 160 × 120
GRID = 24  # cells along the longer side: as much as a thumbnail shows in spite of its own compression
LEAST_CORRELATION = 0.95


def thumbnail(container: Container) -> Iterator[Finding]:
    """Whether a JPEG's thumbnail agrees with its picture."""
    exif = container.exif.get_ifd(ExifTags.IFD.IFD1)
    start, length = (exif.get(tag) for tag in (ExifTags.Base.JpegIFOffset, ExifTags.Base.JpegIFByteCount))
    if container.kind != "JPEG" or not isinstance(start, int) or not isinstance(length, int):
        return
    with Image.open(BytesIO(container.exif_bytes[start : start + length]), formats=["JPEG"]) as small:
        if small.width * small.height > MOST_PIXELS:
            raise ValueError("a thumbnail of too many pixels")
        small_grey = small.convert("L")
    with Image.open(BytesIO(container.data), formats=["JPEG", "MPO"]) as image:
        image.draft("L", small_grey.size)  # decodes an eighth of the pixels, where that is enough
        agrees = agreement(image.convert("L"), small_grey) >= LEAST_CORRELATION
    if agrees:
        yield Finding("thumbnail", NEUTRAL, Message("provenance.thumbnail.agrees"))
    else:
        yield Finding("thumbnail", HINT, Message("provenance.thumbnail.differs"))


def agreement(picture: Image.Image, small: Image.Image) -> float:
    """The correlation of two grey pictures, -1..1: the highest one over the turns by a quarter.

    A thumbnail may lie as the sensor does, and have black bars where the picture's shape is another.

    Args:
        picture: of mode ``L`` and any size.
        small: its thumbnail, of mode ``L``.
    """
    turned = (picture.rotate(angle, expand=True) for angle in (0, 90, 180, 270))
    return max(_correlation(_cells(way), _cells(ImageOps.fit(small, _shape(way)))) for way in turned)


def _shape(picture: Image.Image) -> tuple[int, int]:
    """Width and height in cells: ``GRID`` along the longer side, at least 2 along the other."""
    scale = GRID / max(picture.size)
    return max(2, round(picture.width * scale)), max(2, round(picture.height * scale))


def _cells(picture: Image.Image) -> NDArray[np.float64]:
    """The mean grey of each cell, 0..255, ``(height, width) float64`` of ``_shape``."""
    return np.asarray(picture.resize(_shape(picture), Image.Resampling.BOX), np.float64)


def _correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Pearson's, -1..1, of two arrays of the same number of cells; 1 if one of them is even."""
    if one.std() == 0 or other.std() == 0:
        return 1.0  # an even picture is like any other one
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])
