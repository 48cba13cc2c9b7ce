"""Corrupts face crops the way that photos are corrupted, at stated levels, to measure how stable a model is.

A corruption is applied to the face crop (256 pixels a side; to the whole picture where no faces are looked for), before
the network's own preprocessing shrinks it. Levels that are lengths are stated for that crop.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from model.photos.degrade import compress
from model.photos.face_parts import region_mask
from model.photos.faces import CROP_SIZE

Crop = NDArray[np.uint8]
Landmarks = NDArray[np.float32]
Apply = Callable[[Crop, float, Landmarks | None, int], Crop]
CLEAN = "none"  # the condition in which nothing is done


@dataclass(frozen=True)
class Corruption:
    """A way to corrupt a crop.

    Attributes:
        title: what it is, in words.
        unit: what its levels mean.
        levels: in the order in which a curve shows them.
        original: where among the levels the untouched crop belongs: the number of levels before it.
        apply: takes a crop, a level, the landmarks in crop pixels (or None) and a seed; returns the corrupted crop.
        needs_landmarks: whether it can't be done without landmarks.
    """

    title: str
    unit: str
    levels: tuple[float, ...]
    original: int
    apply: Apply
    needs_landmarks: bool = False

    def conditions(self, name: str) -> list[str]:
        """Names of the conditions of its curve, the untouched crop among them."""
        named = [f"{name} {level:g}" for level in self.levels]
        return [*named[: self.original], CLEAN, *named[self.original :]]


def _jpeg(crop: Crop, level: float, landmarks: Landmarks | None, seed: int) -> Crop:
    return compress(crop, int(level))


def _blur(crop: Crop, level: float, landmarks: Landmarks | None, seed: int) -> Crop:
    return np.asarray(cv2.GaussianBlur(crop, (0, 0), level * min(crop.shape[:2]) / CROP_SIZE), dtype=np.uint8)


def _noise(crop: Crop, level: float, landmarks: Landmarks | None, seed: int) -> Crop:
    noise = np.random.default_rng(seed).standard_normal(crop.shape, dtype=np.float32) * np.float32(level)
    return _to_pixels(crop + noise)


def _downscale(crop: Crop, level: float, landmarks: Landmarks | None, seed: int) -> Crop:
    height, width = crop.shape[:2]
    small = (max(1, round(width * level)), max(1, round(height * level)))
    shrunk = cv2.resize(crop, small, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(shrunk, (width, height), interpolation=cv2.INTER_CUBIC), dtype=np.uint8)


def _brightness(crop: Crop, level: float, landmarks: Landmarks | None, seed: int) -> Crop:
    return _to_pixels(crop * np.float32(level))


def _contrast(crop: Crop, level: float, landmarks: Landmarks | None, seed: int) -> Crop:
    mean = crop.mean(axis=(0, 1), dtype=np.float32)
    return _to_pixels((crop - mean) * np.float32(level) + mean)


def _occlude(region: str, crop: Crop, level: float, landmarks: Landmarks | None, seed: int) -> Crop:
    if landmarks is None:
        raise ValueError(f"The {region} can't be hidden without landmarks.")
    size = max(crop.shape[:2])
    hidden = region_mask(landmarks, (region,), size, (level, level))[: crop.shape[0], : crop.shape[1]] > 0
    face = region_mask(landmarks, ("face",), size)[: crop.shape[0], : crop.shape[1]] > 0
    covered = crop.copy()
    covered[hidden] = crop[face].mean(axis=0).round().astype(np.uint8) if face.any() else 127
    return covered


def _to_pixels(values: NDArray[np.floating]) -> Crop:
    return np.clip(np.round(values), 0, 255).astype(np.uint8)


def _hidden(region: str) -> Corruption:
    unit, levels = "size of the patch (1 covers the part)", (0.7, 1.0, 1.4)
    return Corruption(f"{region} hidden", unit, levels, 0, partial(_occlude, region), needs_landmarks=True)


CORRUPTIONS: dict[str, Corruption] = {
    "jpeg": Corruption("JPEG", "quality", (95, 80, 65, 50, 35, 20), 0, _jpeg),
    "blur": Corruption("Gaussian blur", "sigma in pixels of 256", (0.5, 1, 2, 4), 0, _blur),
    "noise": Corruption("Gaussian noise", "sigma in grey levels", (5, 10, 20, 40), 0, _noise),
    "downscale": Corruption(
        "Down-scaling",
        "shrunk to this part, enlarged again",
        (0.75, 0.5, 0.25, 0.125),
        0,
        _downscale,
    ),
    "brightness": Corruption("Brightness", "pixels multiplied by", (0.4, 0.7, 1.4, 2.0), 2, _brightness),
    "contrast": Corruption("Contrast", "distance from the mean multiplied by", (0.25, 0.5, 1.5, 2.5), 2, _contrast),
    "eyes": _hidden("eyes"),
    "nose": _hidden("nose"),
    "mouth": _hidden("mouth"),
}


def conditions(corruptions: Mapping[str, Corruption] = CORRUPTIONS) -> list[str]:
    """Every condition once, the untouched crop first: ``none``, ``jpeg 95``, …"""
    return [CLEAN, *(f"{name} {level:g}" for name, c in corruptions.items() for level in c.levels)]


def corrupt(crop: Crop, condition: str, landmarks: Landmarks | None = None, seed: int = 0) -> Crop:
    """A crop under a condition.

    Args:
        crop: ``(H, W, 3) uint8`` RGB; not changed.
        condition: ``none``, or a name of ``CORRUPTIONS`` with a level above 0, as in ``jpeg 50``.
        landmarks: ``(5, 2)`` x, y in crop pixels, ordered as ``Face.landmarks``; only to hide parts of the face.
        seed: decides the noise; the same crop, condition and seed give the same result.

    Returns:
        ``(H, W, 3) uint8`` RGB.

    Raises:
        ValueError: if the condition is unknown, or needs landmarks and there are none.
    """
    if condition == CLEAN:
        return crop
    name, _, level = condition.partition(" ")
    try:
        strength = float(level)
    except ValueError:
        strength = 0.0
    if name not in CORRUPTIONS or not 0 < strength < math.inf:
        raise ValueError(f"No condition is called {condition!r}; say for example {conditions()[1]!r}.")
    return CORRUPTIONS[name].apply(crop, strength, landmarks, seed)
