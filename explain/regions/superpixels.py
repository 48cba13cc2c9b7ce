"""Superpixels: a face crop cut into regions that can be hidden one by one."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.segmentation import felzenszwalb, quickshift, slic

from explain.regions.facial import face_parts, facial_regions, region_names
from model.errors import SettingsError
from model.i18n.catalogue import Message
from model.photos.faces import Face

FACIAL = "facial"
MIN_COUNT, MAX_COUNT = 2, 400
SHRUNK_SIDE = 192  # pixels; quickshift and felzenszwalb work at this size, so that count means the same at any size


def named_regions(face: Face, method: str, count: int) -> tuple[NDArray[np.int32], tuple[str, ...] | None]:
    """Cut a face's crop into regions, and name each by what it shows.

    Args:
        face: a face as ``model.photos.faces`` finds it.
        method: as for ``segment``.
        count: as for ``segment``.

    Returns:
        The regions as ``segment`` returns them, and their names as ``region_names`` does; None for a face without
        parts.

    Raises:
        SettingsError, ValueError: as ``segment`` does.
    """
    parts = face_parts(face)
    segments = segment(face.crop, method, count, parts)
    return segments, None if parts is None else region_names(segments, parts)


def segment(
    crop: NDArray[np.uint8], method: str = "slic", count: int = 50, parts: NDArray[np.uint8] | None = None
) -> NDArray[np.int32]:
    """Cut a face crop into about ``count`` superpixels; the same crop always gives the same ones.

    Only ``"slic"`` gives nearly ``count``, mostly slightly fewer. For ``"quickshift"`` and ``"felzenszwalb"`` the
    count is approximate: their scale is derived from it for face crops, and the number of regions depends on the
    picture (a plain surface is one region). ``"facial"`` ignores the count: eyes, nose, mouth and so on, see
    ``explain.regions.facial``.

    Args:
        crop: face crop, ``(S, S, 3) uint8`` RGB.
        method: ``"slic"``, ``"quickshift"``, ``"felzenszwalb"`` or ``"facial"``.
        count: superpixels wanted, 2 to 400.
        parts: of the face, ``(S, S) uint8``, as ``explain.regions.facial.face_parts`` returns them; only ``"facial"``
            uses and needs them.

    Returns:
        Superpixel of each pixel, ``(S, S) int32``, labels ``0..K-1`` without gaps.

    Raises:
        SettingsError: if ``"facial"`` gets no parts.
        ValueError: if the crop, the method or the count is invalid.
    """
    require_crop(crop)
    if method not in METHODS:
        raise ValueError(f"superpixel method must be one of {', '.join(METHODS)}, got {method!r}")
    if method == FACIAL:
        if parts is None:
            raise SettingsError(Message("refused.no_landmarks"))
        return facial_regions(parts)
    if not MIN_COUNT <= count <= MAX_COUNT:
        raise ValueError(f"superpixel count must be {MIN_COUNT} to {MAX_COUNT}, got {count}")
    labels = BY_COLOUR[method](crop, count)
    contiguous = np.unique(labels, return_inverse=True)[1]
    return contiguous.reshape(crop.shape[:2]).astype(np.int32)


def require_crop(crop: NDArray[np.uint8]) -> None:
    """Raise ``ValueError`` unless ``crop`` is a face crop, ``(S, S, 3) uint8``."""
    if crop.ndim != 3 or crop.shape[2] != 3 or crop.shape[0] != crop.shape[1] or crop.size == 0:
        raise ValueError(f"crop must be square RGB, (S, S, 3), got {crop.shape}")
    if crop.dtype != np.uint8:
        raise ValueError(f"crop must be uint8, 0 to 255, got {crop.dtype}")


def _slic(crop: NDArray[np.uint8], count: int) -> NDArray[np.integer]:
    # Merging only regions below a quarter of the usual size (default: half), at compactness 20, gives 48 or 49
    # superpixels for 50 on faces, instead of 35 to 46. With n_segments 2, SLIC makes a grid of one cell.
    return slic(crop, n_segments=max(count, 3), compactness=20, sigma=1, min_size_factor=0.25, start_label=0)


def _quickshift(crop: NDArray[np.uint8], count: int) -> NDArray[np.integer]:
    small = _shrink(crop)
    # One mode per square of 9 kernel sizes: measured on faces.
    kernel_size = max(1.0, len(small) / (9 * count**0.5))
    labels = quickshift(small, kernel_size=kernel_size, max_dist=10 * kernel_size, ratio=0.5, rng=0)
    return _enlarge(labels, len(crop))


def _felzenszwalb(crop: NDArray[np.uint8], count: int) -> NDArray[np.integer]:
    small = _shrink(crop)
    # The minimum size decides the count, the (low) scale decides which neighbours merge: measured on faces.
    min_size = len(small) ** 2 / (4 * count)
    labels = felzenszwalb(small, scale=min_size / 8, sigma=0.8, min_size=round(min_size))
    return _enlarge(labels, len(crop))


def _shrink(crop: NDArray[np.uint8]) -> np.ndarray:
    if len(crop) <= SHRUNK_SIDE:
        return crop
    return cv2.resize(crop, (SHRUNK_SIDE, SHRUNK_SIDE), interpolation=cv2.INTER_AREA)


def _enlarge(labels: NDArray[np.integer], side: int) -> NDArray[np.integer]:
    nearest = np.arange(side) * len(labels) // side
    return labels[nearest[:, None], nearest]


BY_COLOUR: dict[str, Callable[[NDArray[np.uint8], int], NDArray[np.integer]]] = {
    "slic": _slic,
    "quickshift": _quickshift,
    "felzenszwalb": _felzenszwalb,
}
METHODS = (*BY_COLOUR, FACIAL)


def count_superpixels(segments: NDArray[np.integer]) -> int:
    """Number ``K`` of superpixels in ``(S, S) int`` labels that must be exactly ``0..K-1``.

    Raises:
        ValueError: if the labels are not integers, one is negative, or one of ``0..K-1`` is missing.
    """
    if not np.issubdtype(segments.dtype, np.integer) or segments.size == 0:
        raise ValueError(f"segments must be integers and not empty, got {segments.dtype} {segments.shape}")
    labels = np.unique(segments)
    if not np.array_equal(labels, np.arange(len(labels))):
        got = f"{len(labels)} labels from {labels[0]} to {labels[-1]}"
        raise ValueError(f"segments must use every label from 0 to K-1, got {got}")
    return len(labels)
