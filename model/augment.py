"""Degrades training crops the way that photos are degraded on their way to a reader."""

import cv2
import numpy as np
from numpy.typing import NDArray

DOWN_FILTERS = (cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4)
UP_FILTERS = (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4)


def degrade(crop: NDArray[np.uint8], seed: int) -> NDArray[np.uint8]:
    """Recolour, resample, blur, add noise and compress a crop, each with some probability.

    The same seed draws the same degradations: a fake and its real twin pass through the same, so that only the
    forgery tells them apart.

    Args:
        crop: ``(S, S, 3) uint8`` RGB.
        seed: decides what is done.

    Returns:
        ``(S, S, 3) uint8`` RGB.
    """
    rng = np.random.default_rng(seed)
    chances = rng.random(6)
    if chances[0] < 0.5:
        crop = _recolour(crop, rng)
    if chances[1] < 0.4:
        crop = _resample(crop, rng)
    if chances[2] < 0.2:
        crop = np.asarray(cv2.GaussianBlur(crop, (0, 0), rng.uniform(0.3, 1.8)), dtype=np.uint8)
    if chances[3] < 0.2:
        crop = _add_noise(crop, rng)
    if chances[4] < 0.5:
        crop = compress(crop, int(rng.integers(35, 98)))
    if chances[5] < 0.04:
        crop = np.repeat(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    return crop


def compress(crop: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    """The crop after one round of JPEG at ``quality`` 1..100."""
    bgr = cv2.cvtColor(crop, cv2.COLOR_RGB2BGR)
    _, encoded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR_RGB), dtype=np.uint8)


def _recolour(crop: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Gamma, contrast, brightness and a colour cast through one table per channel."""
    levels = np.arange(256, dtype=np.float32)[:, None] / 255
    gamma = np.exp(rng.uniform(-0.35, 0.35))
    contrast = rng.uniform(0.8, 1.2)
    cast = rng.uniform(0.92, 1.08, 3)
    table = ((levels**gamma - 0.5) * contrast + 0.5 + rng.uniform(-0.08, 0.08)) * cast * 255
    return np.asarray(cv2.LUT(crop, np.clip(table, 0, 255).astype(np.uint8)[None]), dtype=np.uint8)


def _resample(crop: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Shrink and enlarge again, each with a filter drawn at random."""
    size = crop.shape[0]
    small = round(size * rng.uniform(0.3, 0.95))
    shrunk = cv2.resize(crop, (small, small), interpolation=int(rng.choice(DOWN_FILTERS)))
    return np.asarray(cv2.resize(shrunk, (size, size), interpolation=int(rng.choice(UP_FILTERS))), dtype=np.uint8)


def _add_noise(crop: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Gaussian sensor noise, 1 to 10 grey levels."""
    sigma = rng.uniform(1, 10)
    noise = rng.standard_normal(crop.shape, dtype=np.float32) * sigma
    return np.clip(crop + noise, 0, 255).astype(np.uint8)
