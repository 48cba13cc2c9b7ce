"""Makes fakes from a real face and its own pixels, with a known mask.

After self-blended images (Shiohara & Yamasaki, arXiv 2204.08376): a copy of the face is recoloured, warped,
sharpened, softened or shifted, and blended back through a soft mask. No identity is swapped. The mask is known.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from model.photos.degrade import sharpen
from model.photos.face_parts import region_mask

CHANGES = ("recolour", "warp", "sharpen", "soften", "shift")
MISPLACED = ("warp", "shift")  # changes that honest edits of a portrait do not make


def _smooth_noise(rng: np.random.Generator, size: int, cells: int, amplitude: float) -> NDArray[np.float32]:
    """A smooth random displacement field, ``(size, size, 2) float32`` in pixels."""
    coarse = rng.normal(0, amplitude, (cells, cells, 2)).astype(np.float32)
    return np.asarray(cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC), dtype=np.float32)


def _displace(picture: NDArray, field: NDArray[np.float32]) -> NDArray:
    ys, xs = np.mgrid[0 : picture.shape[0], 0 : picture.shape[1]].astype(np.float32)
    return cv2.remap(
        picture, xs + field[..., 0], ys + field[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
    )


def _change(picture: NDArray[np.uint8], change: str, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Apply one of ``CHANGES`` to the whole picture."""
    size = picture.shape[0]
    if change == "recolour":
        gain = rng.uniform(0.93, 1.07, 3) * rng.uniform(0.92, 1.08)
        shifted = picture.astype(np.float32) * gain + rng.uniform(-8, 8, 3)
        return np.clip(np.round(shifted), 0, 255).astype(np.uint8)
    if change == "sharpen":
        return sharpen(picture, rng, least=0.6)
    if change == "soften":
        small = round(size * rng.uniform(0.3, 0.7))
        filters = (cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_CUBIC)
        shrunk = cv2.resize(picture, (small, small), interpolation=int(rng.choice(filters)))
        return np.asarray(cv2.resize(shrunk, (size, size), interpolation=cv2.INTER_CUBIC), dtype=np.uint8)
    if change == "warp":
        field = _smooth_noise(rng, size, int(rng.integers(4, 8)), size * rng.uniform(0.006, 0.018))
        return np.asarray(_displace(picture, field), dtype=np.uint8)
    scale, angle = rng.uniform(0.95, 1.07), rng.uniform(-3, 3)
    matrix = cv2.getRotationMatrix2D((size / 2, size / 2), angle, scale)
    matrix[:, 2] += rng.uniform(-0.025, 0.025, 2) * size
    return np.asarray(
        cv2.warpAffine(picture, matrix, (size, size), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101),
        dtype=np.uint8,
    )


def self_blend(
    crop: NDArray[np.uint8],
    landmarks: NDArray[np.float32],
    seed: int,
    regions: Sequence[str] | None = None,
    changes: Sequence[str] | None = None,
    source: NDArray[np.uint8] | None = None,
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Make a fake from the crop's own pixels, changed inside a mask.

    If the region is the whole face, a quarter of the fakes are changed outside the face instead, as in the paper: the
    seam is the same, only its direction differs.

    Args:
        crop: ``(S, S, 3) uint8`` RGB face crop.
        landmarks: ``(5, 2)`` x, y in crop pixels, ordered as ``Face.landmarks``.
        seed: of all random choices; same arguments, same fake.
        regions: parts to change, from ``REGIONS``; None takes the whole face half of the time, else one to three parts.
        changes: from ``CHANGES``; None takes one to three, and adds one of ``MISPLACED`` if none is among them; with a
            ``source``, none to two.
        source: ``(S, S, 3) uint8`` aligned with the crop; its pixels are blended in. None takes the crop's own.

    Returns:
        The fake ``(S, S, 3) uint8`` and its mask ``(S, S) float32``: how much each pixel was changed, 0..1.

    Raises:
        ValueError: for a name outside ``REGIONS`` or ``CHANGES``.
    """
    unknown = set(changes or ()) - set(CHANGES)
    if unknown:
        raise ValueError(f"Unknown change {sorted(unknown)}; choose among {', '.join(CHANGES)}.")
    rng = np.random.default_rng(seed)
    size = crop.shape[0]
    if regions is None:
        parts = rng.permutation(["left_eye", "right_eye", "nose", "mouth"])[: rng.integers(1, 4)]
        regions = ["face"] if rng.random() < 0.5 else list(parts)
    if changes is None:
        changes = list(rng.permutation(CHANGES)[: rng.integers(1, 4) if source is None else rng.integers(0, 3)])
        if source is None and not set(changes) & set(MISPLACED):
            changes.append(str(rng.choice(MISPLACED)))  # a face that is only softer or brighter may be real
    stretch = (rng.uniform(0.8, 1.2), rng.uniform(0.75, 1.15))
    mask = region_mask(landmarks, regions, size, stretch)
    mask = _displace(mask, _smooth_noise(rng, size, 5, size * rng.uniform(0.0, 0.03)))
    mask = np.asarray(cv2.GaussianBlur(mask, (0, 0), size * rng.uniform(0.006, 0.035)), dtype=np.float32)
    mask *= rng.choice([0.5, 0.75, 1.0, 1.0, 1.0])
    changed = crop if source is None else source
    for change in changes:
        changed = _change(changed, change, rng)
    if set(regions) == {"face"} and rng.random() >= 0.75:
        mask = np.clip(1 - mask, 0, 1)
    weight = mask[..., None]
    blended = changed.astype(np.float32) * weight + crop.astype(np.float32) * (1 - weight)
    return np.clip(np.round(blended), 0, 255).astype(np.uint8), mask
