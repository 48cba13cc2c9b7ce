"""Corrupts face crops as photos are corrupted in use, at fixed levels, to measure how stable a model is.

A corruption is applied to the face crop (256 pixels a side), or to the whole picture if no faces are searched for,
before the network's preprocessing shrinks it. Levels that are lengths are in pixels of a 256-pixel crop.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from model.i18n.catalogue import number, translate
from model.photos.degrade import compress
from model.photos.face_parts import region_mask
from model.photos.faces import CROP_SIZE
from model.photos.faces import crop as cut_out

Crop = NDArray[np.uint8]
Landmarks = NDArray[np.float32]
Apply = Callable[[Crop, float, Landmarks | None, int], Crop]
Square = tuple[float, float, float]  # x, y, side
Move = Callable[[Square, float], Square]
CLEAN = "none"  # the condition without a corruption


@dataclass(frozen=True)
class Corruption:
    """A kind of corruption; its texts have the key ``corruption.NAME`` in ``model/i18n/texts/*/corruptions.toml``.

    Attributes:
        name: its name in the registry, in conditions and in the catalogue's keys.
        unit: what its levels mean, for files that programs read.
        levels: in the order of the curve.
        apply: takes a crop, a level, the landmarks in crop pixels (or None) and a seed; returns the corrupted crop.
        original: position of the untouched crop in the curve: the number of levels before it.
        form: format specification of a level as text: ``g`` for a number, ``.0%`` for a share.
        scale: factor on a level before it is formatted.
        needs_landmarks: whether ``apply`` needs landmarks.
        tried: levels to try on a single photo, the weakest first; None for all, empty for none.
        sides: names of the levels before and after the untouched crop when a single photo is tried; None if the
            corruption has one direction only, or is not tried.
        move: for a corruption that only cuts the crop elsewhere, from the square of the crop and a level to the other
            square: a caller that has the photo can cut it there. ``apply`` has the crop alone and repeats its border.
    """

    name: str
    unit: str
    levels: tuple[float, ...]
    apply: Apply
    original: int = 0
    form: str = "g"
    scale: float = 1
    needs_landmarks: bool = False
    tried: tuple[float, ...] | None = None
    sides: tuple[str, str] | None = None
    move: Move | None = None

    @property
    def title(self) -> str:
        """Its name in the current language."""
        return translate(f"corruption.{self.name}.title")

    def written(self, level: float) -> str:
        """A level as text in the current language, without its unit."""
        return number(level * self.scale, self.form)

    def conditions(self) -> list[str]:
        """Names of the conditions of its curve, including the untouched crop."""
        named = [f"{self.name} {level:g}" for level in self.levels]
        return [*named[: self.original], CLEAN, *named[self.original :]]

    def changes(self) -> dict[str, tuple[float, ...]]:
        """Levels to try on a single photo, the weakest first, by the name of the change."""
        if self.sides is not None:
            before, after = self.levels[: self.original], self.levels[self.original :]
            return dict(zip(self.sides, (before[::-1], after), strict=True))
        levels = self.levels if self.tried is None else self.tried
        return {self.name: levels} if levels else {}


def _jpeg(crop: Crop, level: float, landmarks: Landmarks | None, seed: int) -> Crop:
    return compress(crop, int(level))


def _blur(crop: Crop, level: float, landmarks: Landmarks | None, seed: int) -> Crop:
    return np.asarray(cv2.GaussianBlur(crop, (0, 0), level * min(crop.shape[:2]) / CROP_SIZE), dtype=np.uint8)


def _motion_blur(crop: Crop, level: float, landmarks: Landmarks | None, seed: int) -> Crop:
    """Motion blur of a camera that moves along a straight line; the seed decides the direction."""
    length = level * min(crop.shape[:2]) / CROP_SIZE
    angle = np.random.default_rng(seed).uniform(0, math.pi)
    reach = math.ceil(length / 2)
    # Bilinear weights: each point of the path is divided among its four nearest kernel cells.
    along = np.linspace(-length / 2, length / 2, 16 * reach + 1)
    path = np.stack([along * math.sin(angle), along * math.cos(angle)], axis=1) + reach
    kernel = np.zeros((2 * reach + 2, 2 * reach + 2), np.float32)
    cells = np.floor(path).astype(int)
    for corner in ((0, 0), (0, 1), (1, 0), (1, 1)):
        near = 1 - np.abs(path - cells - corner)
        np.add.at(kernel, tuple((cells + corner).T), near.prod(axis=1))
    kernel = kernel[:-1, :-1] / kernel.sum()
    return np.asarray(cv2.filter2D(crop, -1, kernel, borderType=cv2.BORDER_REFLECT_101), dtype=np.uint8)


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


def _mirror(crop: Crop, level: float, landmarks: Landmarks | None, seed: int) -> Crop:
    return np.ascontiguousarray(crop[:, ::-1])


def _shift(square: Square, level: float) -> Square:
    x, y, side = square
    return (x + side * level, y, side)


def _zoom(square: Square, level: float) -> Square:
    """The square with the same centre and a multiple of the side."""
    x, y, side = square
    return (x + side * (1 - level) / 2, y + side * (1 - level) / 2, side * level)


def _cut(move: Move, crop: Crop, level: float, landmarks: Landmarks | None, seed: int) -> Crop:
    return cut_out(crop, move((0, 0, len(crop)), level), len(crop))


def _to_pixels(values: NDArray[np.floating]) -> Crop:
    return np.clip(np.round(values), 0, 255).astype(np.uint8)


def _hidden(region: str) -> Corruption:
    """The corruption that hides a part of the face. On a single photo only the patch that just covers it is tried."""
    unit, levels = "size of the patch (1 covers the part)", (0.7, 1.0, 1.4)
    apply = partial(_occlude, region)
    return Corruption(region, unit, levels, apply, form=".0%", needs_landmarks=True, tried=(1.0,))


CORRUPTIONS: dict[str, Corruption] = {
    corruption.name: corruption
    for corruption in (
        Corruption("jpeg", "quality", (95, 80, 65, 50, 35, 20), _jpeg),
        Corruption("blur", "sigma in pixels of 256", (0.5, 1, 2, 4), _blur),
        Corruption("motion_blur", "length of the path in pixels of 256", (2, 4, 8, 16), _motion_blur),
        Corruption("noise", "sigma in grey levels", (5, 10, 20, 40), _noise),
        Corruption(
            "downscale",
            "shrunk to this part, enlarged again",
            (0.75, 0.5, 0.25, 0.125),
            _downscale,
            form=".0f",
            scale=CROP_SIZE,
        ),
        Corruption(
            "brightness",
            "pixels multiplied by",
            (0.4, 0.7, 1.4, 2.0),
            _brightness,
            original=2,
            form=".0%",
            sides=("darker", "brighter"),
        ),
        Corruption(
            "contrast",
            "distance from the mean multiplied by",
            (0.25, 0.5, 1.5, 2.5),
            _contrast,
            original=2,
            form=".0%",
            tried=(),
        ),
        Corruption(
            "shift",
            "moved to the right by this part of its side",
            (0.03, 0.06, 0.1),
            partial(_cut, _shift),
            form=".0%",
            move=_shift,
        ),
        Corruption(
            "zoom",
            "side of the crop multiplied by",
            (0.9, 0.95, 1.05, 1.1),
            partial(_cut, _zoom),
            original=2,
            form=".0%",
            sides=("closer", "wider"),
            move=_zoom,
        ),
        Corruption("mirror", "1 is mirrored", (1.0,), _mirror),
        *map(_hidden, ("eyes", "nose", "mouth")),
    )
}


def conditions(corruptions: Mapping[str, Corruption] = CORRUPTIONS) -> list[str]:
    """Names of all conditions, the untouched crop first: ``none``, ``jpeg 95``, …"""
    return [CLEAN, *(f"{name} {level:g}" for name, c in corruptions.items() for level in c.levels)]


def corrupt(crop: Crop, condition: str, landmarks: Landmarks | None = None, seed: int = 0) -> Crop:
    """Corrupt a crop.

    Args:
        crop: ``(H, W, 3) uint8`` RGB; not changed.
        condition: ``none``, or a name of ``CORRUPTIONS`` with a level above 0, as in ``jpeg 50``.
        landmarks: ``(5, 2)`` x, y in crop pixels, ordered as ``Face.landmarks``; needed only to hide parts of the face.
        seed: of the noise and of the direction of motion; same crop, condition and seed, same result.

    Returns:
        ``(H, W, 3) uint8`` RGB; ``crop`` itself for ``none``.

    Raises:
        ValueError: if the condition is unknown, or if it needs landmarks and ``landmarks`` is None.
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
