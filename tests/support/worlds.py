"""Models with known explanations, and the crops and segmentations that many tests share.

A formula takes ``(N, S, S, 3) uint8`` crops and gives P(Fake) of each, ``(N,)``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace

import numpy as np
from numpy.typing import NDArray

from model.artifact.views import PLAIN, View
from model.detector.detector import Detector

Formula = Callable[[NDArray[np.uint8]], NDArray[np.float64]]
OfRegions = Callable[[NDArray[np.bool_]], NDArray[np.float64]]  # from the visible regions, ``(N, K) bool``


def squares(side: int, across: int) -> NDArray[np.int32]:
    """A picture of ``side`` pixels divided into ``across`` by ``across`` squares, numbered row by row."""
    cell = np.arange(side) * across // side
    return (cell[:, None] * across + cell).astype(np.int32)


def noise(side: int, seed: int = 7, darkest: int = 0) -> NDArray[np.uint8]:
    """A crop of random pixels, no channel darker than ``darkest``, ``(side, side, 3) uint8``."""
    return np.random.RandomState(seed).randint(darkest, 256, (side, side, 3)).astype(np.uint8)


# Formulas


def brightness(crops: NDArray[np.uint8]) -> NDArray[np.float64]:
    """P(Fake) is the brightness of the crop."""
    return crops.mean(axis=(1, 2, 3)) / 255


def uneven_right_half(crops: NDArray[np.uint8]) -> NDArray[np.float64]:
    """P(Fake) increases with the contrast between neighbouring pixels of the right half; a hidden region has none."""
    return np.abs(np.diff(crops[:, ::4, 128:].astype(np.int16), axis=2)).mean(axis=(1, 2, 3)) / 100


def constant(p_fake: float) -> Formula:
    """P(Fake) is the same for every picture."""
    return lambda crops: np.full(len(crops), p_fake)


def one_by_one(p_fake: Callable[[NDArray[np.float64]], float]) -> Formula:
    """A formula made from one for a single crop, ``(S, S, 3)`` in 0..1."""
    return lambda crops: np.array([p_fake(crop / 255) for crop in crops])


def of_lit_regions(p_fake: OfRegions, segments: NDArray[np.int32]) -> Formula:
    """A formula of the regions that are not black; crops must have no black pixels, and hidden regions are black."""
    corners = np.unique(segments, return_index=True)[1]  # a pixel of each region
    return lambda crops: p_fake(crops.reshape(len(crops), -1, 3)[:, corners].any(axis=2))


def of_kept_regions(p_fake: OfRegions, crop: NDArray[np.uint8], segments: NDArray[np.int32]) -> Formula:
    """A formula of the regions in which most pixels equal those of ``crop``; other regions count as hidden."""
    members = [segments.ravel() == k for k in range(segments.max() + 1)]

    def formula(crops: NDArray[np.uint8]) -> NDArray[np.float64]:
        same = (crops == crop).all(axis=-1).reshape(len(crops), -1)
        return p_fake(np.stack([same[:, member].mean(axis=1) > 0.5 for member in members], axis=1))

    return formula


# Detectors


class World:
    """A detector that uses a formula, and records every batch.

    Args:
        p_fake: the formula.
        labels: the order of the classes.
        band: verdicts between these two probabilities are inconclusive.
    """

    def __init__(
        self, p_fake: Formula, labels: tuple[str, str] = ("Fake", "Real"), band: tuple[float, float] = (0.3, 0.7)
    ) -> None:
        self.p_fake = p_fake
        self.card = SimpleNamespace(labels=labels, inconclusive_band=band, views=PLAIN)
        self.batches: list[NDArray[np.uint8]] = []

    @property
    def sizes(self) -> list[int]:
        """Number of crops in each batch."""
        return [len(batch) for batch in self.batches]

    def probabilities(self, crops: NDArray[np.uint8], in_turn: bool = False) -> NDArray[np.float64]:
        self.batches.append(crops)
        return by_labels(self.p_fake(crops), self.card.labels)

    def verdict(self, p_fake: float) -> str:
        low, high = self.card.inconclusive_band
        return "Fake" if p_fake >= high else "Real" if p_fake <= low else "Inconclusive"


class FormulaDetector(Detector):
    """A detector with the shipped model's card, a formula, and a mask of 4x4 cells that increases from cell to cell."""

    def __init__(self, p_fake: Formula) -> None:
        super().__init__()
        self.p_fake = p_fake

    def _run(
        self, crops: NDArray[np.uint8], views: Sequence[View] = ()
    ) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        masks = np.tile(np.linspace(0, 1, 16, dtype=np.float32).reshape(4, 4), (len(crops), 1, 1))
        return by_labels(self.p_fake(crops), self.card.labels), masks


def by_labels(fake: NDArray[np.float64], labels: tuple[str, ...]) -> NDArray[np.float64]:
    """Probabilities of both classes in the order of the labels, ``(N, 2)``."""
    return np.stack([fake if label == "Fake" else 1 - fake for label in labels], axis=1)


class QuickDetector(Detector):
    """A detector with the shipped model's card and a fast formula: P(Fake) increases with the contrast of cells.

    For tests in which the network's output does not matter.
    """

    def _run(
        self, crops: NDArray[np.uint8], views: Sequence[View] = ()
    ) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """Probabilities ``(N, 2)`` in the order of the card's labels, and an attention mask ``(N, 16, 16)``."""
        cells = crops[..., 1].reshape(len(crops), 16, crops.shape[1] // 16, 16, -1)
        uneven = cells.std((2, 4)) / 255 * np.random.default_rng(0).uniform(0, 2, (16, 16))
        fake = 1 / (1 + np.exp(100 * (0.07 - uneven.mean((1, 2)))))
        return by_labels(fake, self.card.labels), uneven.clip(0, 1).astype(np.float32)
