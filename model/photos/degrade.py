"""Degrades training crops as photos are degraded by processing, sharing and storage."""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from model.photos.face_parts import region_mask

DOWN_FILTERS = (cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4)
UP_FILTERS = (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4)
SMALLEST = 0.19  # of a crop's side: 48 of 256 pixels, a small face in a large photo


def degrade(crop: NDArray[np.uint8], seed: int) -> NDArray[np.uint8]:
    """Recolour, resample, blur, sharpen and compress a crop, add noise and make it grey, each with some probability.

    The same seed gives the same degradations: a fake and its real twin get the same ones, so that they differ only in
    the forgery.

    Args:
        crop: ``(S, S, 3) uint8`` RGB.
        seed: of all random choices.

    Returns:
        ``(S, S, 3) uint8`` RGB.
    """
    rng = np.random.default_rng(seed)
    chances = rng.random(8)
    if chances[0] < 0.5:
        crop = _recolour(crop, rng)
    if chances[1] < 0.4:
        crop = _resample(crop, rng)
    if chances[2] < 0.2:
        crop = np.asarray(cv2.GaussianBlur(crop, (0, 0), rng.uniform(0.3, 1.8)), dtype=np.uint8)
    if chances[3] < 0.2:
        crop = _add_noise(crop, rng)
    if chances[6] < 0.1:
        crop = sharpen(crop, rng)
    if chances[4] < 0.6:
        crop = compress(crop, int(rng.integers(35, 98)))
    if chances[7] < 0.15:  # photos are often compressed again when they are shared
        crop = compress(crop, int(rng.integers(50, 96)))
    if chances[5] < 0.04:
        crop = np.repeat(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    return crop


def process(crop: NDArray[np.uint8], landmarks: NDArray[np.float32], seed: int) -> NDArray[np.uint8]:
    """Apply a common honest edit to a portrait, so that a model does not learn such edits as evidence of a fake.

    One of: softened skin in front of a sharp background, a blurred background, sharpening, the look of old film.

    Args:
        crop: ``(S, S, 3) uint8`` RGB.
        landmarks: ``(5, 2)`` x, y in crop pixels, ordered as ``Face.landmarks``.
        seed: decides the edit and its strength; same seed, same edit.

    Returns:
        ``(S, S, 3) uint8`` RGB.
    """
    rng = np.random.default_rng(seed)
    edits: tuple[Callable[[], NDArray[np.uint8]], ...] = (
        lambda: _soften_face(crop, landmarks, rng),
        lambda: _blur_background(crop, landmarks, rng),
        lambda: sharpen(crop, rng),
        lambda: _age(crop, rng),
    )
    return edits[int(rng.choice(len(edits), p=(0.4, 0.25, 0.15, 0.2)))]()


def _soften_face(crop: NDArray[np.uint8], landmarks: NDArray[np.float32], rng: np.random.Generator) -> NDArray:
    """Smooth the skin as beauty filters do: blur the face, half of the time keeping edges, with a soft seam."""
    soft = cv2.GaussianBlur(crop, (0, 0), rng.uniform(0.5, 2.5))
    if rng.random() < 0.5:
        soft = cv2.bilateralFilter(crop, 7, rng.uniform(15, 50), rng.uniform(2, 5))
    return _inside_face(soft, crop, landmarks, rng)


def _blur_background(crop: NDArray[np.uint8], landmarks: NDArray[np.float32], rng: np.random.Generator) -> NDArray:
    return _inside_face(crop, cv2.GaussianBlur(crop, (0, 0), rng.uniform(1, 6)), landmarks, rng)


def _inside_face(
    inside: NDArray, outside: NDArray, landmarks: NDArray[np.float32], rng: np.random.Generator
) -> NDArray[np.uint8]:
    size = inside.shape[0]
    face = region_mask(landmarks, ("face",), size, (rng.uniform(0.85, 1.3), rng.uniform(0.85, 1.3)))
    share = cv2.GaussianBlur(face, (0, 0), size * rng.uniform(0.01, 0.06))[..., None]
    return np.clip(np.round(inside * share + outside * (1 - share)), 0, 255).astype(np.uint8)


def _age(crop: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """The look of old film: soft, faded, grainy and often grey."""
    size = crop.shape[0]
    picture = np.asarray(cv2.GaussianBlur(crop, (0, 0), rng.uniform(0.5, 2)), dtype=np.float32)
    if rng.random() < 0.6:
        picture[:] = picture.mean(axis=2, keepdims=True)
    noise = cv2.GaussianBlur(rng.standard_normal((size, size), dtype=np.float32), (0, 0), rng.uniform(0.4, 1.2))
    grain = noise[..., None] / max(float(noise.std()), 1e-6) * rng.uniform(2, 10)
    faded = picture * rng.uniform(0.7, 1) + rng.uniform(0, 40)
    return np.clip(np.round(faded + grain), 0, 255).astype(np.uint8)


def sharpen(crop: NDArray[np.uint8], rng: np.random.Generator, least: float = 0.4) -> NDArray[np.uint8]:
    """Unsharp masking with a random radius, and an amount from ``least`` to 1.8."""
    blurred = cv2.GaussianBlur(crop, (0, 0), rng.uniform(0.8, 2.0))
    amount = rng.uniform(least, 1.8)
    return np.asarray(cv2.addWeighted(crop, 1 + amount, blurred, -amount, 0), dtype=np.uint8)


def rescale(
    picture: NDArray[np.uint8], side: int, through: Callable[[NDArray[np.uint8]], NDArray[np.uint8]] | None = None
) -> NDArray[np.uint8]:
    """Shrink a picture to a square, pass it through a network, and resize the result to the picture's size.

    Args:
        picture: ``(H, W, 3) uint8``.
        side: of the square in pixels.
        through: takes ``(side, side, 3) uint8`` and returns a square of any size. With None the square is used
            unchanged: this gives the real twin of a picture that passed through a network.

    Returns:
        ``(H, W, 3) uint8``.
    """
    small = np.asarray(cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    passed = small if through is None else through(small)
    size = (picture.shape[1], picture.shape[0])
    filter_ = cv2.INTER_AREA if passed.shape[0] > max(size) else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(passed, size, interpolation=filter_), dtype=np.uint8)


def compress(crop: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    """Compress a crop once as JPEG at ``quality`` 1..100, and decode it."""
    bgr = cv2.cvtColor(crop, cv2.COLOR_RGB2BGR)
    _, encoded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR_RGB), dtype=np.uint8)


def _recolour(crop: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Random gamma, contrast, brightness and colour cast, with one lookup table per channel."""
    levels = np.arange(256, dtype=np.float32)[:, None] / 255
    gamma = np.exp(rng.uniform(-0.35, 0.35))
    contrast = rng.uniform(0.8, 1.2)
    cast = rng.uniform(0.92, 1.08, 3)
    table = ((levels**gamma - 0.5) * contrast + 0.5 + rng.uniform(-0.08, 0.08)) * cast * 255
    return np.asarray(cv2.LUT(crop, np.clip(np.round(table), 0, 255).astype(np.uint8)[None]), dtype=np.uint8)


def _resample(crop: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Shrink and enlarge again, each with a random filter."""
    size = crop.shape[0]
    small = round(size * np.exp(rng.uniform(np.log(SMALLEST), np.log(0.95))))
    shrunk = cv2.resize(crop, (small, small), interpolation=int(rng.choice(DOWN_FILTERS)))
    return np.asarray(cv2.resize(shrunk, (size, size), interpolation=int(rng.choice(UP_FILTERS))), dtype=np.uint8)


def _add_noise(crop: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Gaussian noise with a standard deviation of 1 to 10 grey levels."""
    sigma = rng.uniform(1, 10)
    noise = rng.standard_normal(crop.shape, dtype=np.float32) * sigma
    return np.clip(np.round(crop + noise), 0, 255).astype(np.uint8)
