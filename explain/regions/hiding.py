"""Pictures of a face with some of its regions hidden."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from explain.regions.superpixels import require_crop

AUTO = "auto"  # the best way for the model
TOKENS = "tokens"  # leaves out the region's patches: for models that read a crop patch by patch
BLUR_SIGMA = 1 / 16  # of the crop's side: removes texture, keeps the rough shape of a face
INPAINT_RADIUS = 3  # pixels around a region that decide what fills it


def perturb(
    crop: np.ndarray, hidden: np.ndarray, segments: NDArray[np.integer], masks: NDArray[np.integer]
) -> np.ndarray:
    """Show ``crop`` where a mask is 1 and ``hidden`` where it is 0.

    Args:
        crop: ``(H, W, 3)``, any dtype.
        hidden: like ``crop``.
        segments: superpixel of each pixel, ``(H, W) int``, labels ``0..K-1``.
        masks: ``(N, K) uint8`` of 0 and 1.

    Returns:
        ``(N, H, W, 3)`` of the crop's dtype.
    """
    visible = np.take(masks.astype(np.uint8), segments.astype(np.intp), axis=1)
    shown = np.repeat(hidden[None], len(masks), axis=0)
    for picture, mask in zip(shown, visible, strict=True):
        cv2.copyTo(crop, mask, picture)  # several times as fast as np.where
    return shown


def seen_patches(segments: NDArray[np.integer], masks: NDArray[np.integer], grid: tuple[int, int]) -> NDArray[np.bool_]:
    """The patches of which at least half is visible under each mask.

    Args:
        segments: superpixel of each pixel, ``(S, S) int``, labels ``0..K-1``.
        masks: ``(N, K) uint8`` of 0 and 1.
        grid: rows and columns of the patches.

    Returns:
        ``(N, rows, columns) bool``.
    """
    shares = np.stack(  # (K, rows, columns): share of each patch that belongs to each superpixel
        [
            cv2.resize((segments == label).astype(np.float32), grid[::-1], interpolation=cv2.INTER_AREA)
            for label in range(masks.shape[1])
        ]
    )
    return np.asarray(np.tensordot(masks.astype(np.float32), shares, 1) >= 0.5 - 1e-6)


def hidden_crop(crop: NDArray[np.uint8], segments: NDArray[np.integer], hide: str) -> NDArray[np.uint8]:
    """The crop with every superpixel hidden; for ``"tokens"`` only for display.

    Args:
        crop: face crop, ``(S, S, 3) uint8`` RGB.
        segments: superpixel of each pixel, ``(S, S) int``, labels ``0..K-1``.
        hide: ``"mean"`` colour of each superpixel (lime's default), ``"blur"`` of the crop, ``"black"``, or
            ``"inpaint"``, which continues each superpixel's surroundings into it; ``"tokens"`` looks like ``"mean"``.

    Returns:
        ``(S, S, 3) uint8`` RGB.

    Raises:
        ValueError: if ``hide`` is unknown or the arrays are not as described.
    """
    require_crop(crop)
    if segments.shape != crop.shape[:2]:
        raise ValueError(f"segments must have the crop's shape {crop.shape[:2]}, got {segments.shape}")
    look = "mean" if hide == TOKENS else hide
    if look not in HIDES:
        raise ValueError(f"hide must be one of {', '.join(HIDES)} or {TOKENS}, got {hide!r}")
    return HIDES[look](crop, segments)


def _mean_colours(crop: NDArray[np.uint8], segments: NDArray[np.integer]) -> NDArray[np.uint8]:
    labels = segments.ravel()
    sums = np.stack([np.bincount(labels, weights=crop[..., channel].ravel()) for channel in range(3)], axis=1)
    means = sums / np.maximum(np.bincount(labels), 1)[:, None]
    return means.astype(np.uint8)[segments]  # truncated, not rounded, as in lime


def _black(crop: NDArray[np.uint8], segments: NDArray[np.integer]) -> NDArray[np.uint8]:
    return np.zeros_like(crop)


def _blurred(crop: NDArray[np.uint8], segments: NDArray[np.integer]) -> NDArray[np.uint8]:
    return cv2.GaussianBlur(crop, (0, 0), BLUR_SIGMA * len(crop)).astype(np.uint8, copy=False)


def _inpainted(crop: NDArray[np.uint8], segments: NDArray[np.integer]) -> NDArray[np.uint8]:
    """Each superpixel filled from its surroundings, by Telea's fast marching (J. Graphics Tools 9(1), 2004)."""
    filled = np.empty_like(crop)
    for label in range(int(segments.max()) + 1):
        region = segments == label
        rows, columns = np.flatnonzero(region.any(axis=1)), np.flatnonzero(region.any(axis=0))
        window = (
            slice(max(0, rows[0] - INPAINT_RADIUS), rows[-1] + INPAINT_RADIUS + 1),
            slice(max(0, columns[0] - INPAINT_RADIUS), columns[-1] + INPAINT_RADIUS + 1),
        )
        inside = region[window]
        hole = inside.astype(np.uint8)
        painted = cv2.inpaint(np.ascontiguousarray(crop[window]), hole, INPAINT_RADIUS, cv2.INPAINT_TELEA)
        filled[window][inside] = painted[inside]
    return filled


HIDES: dict[str, Callable[[NDArray[np.uint8], NDArray[np.integer]], NDArray[np.uint8]]] = {
    "mean": _mean_colours,
    "blur": _blurred,
    "black": _black,
    "inpaint": _inpainted,
}
