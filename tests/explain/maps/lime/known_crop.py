"""A crop of 16 superpixels, and models with a known explanation."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from explain.maps.attribution import Attribution
from explain.maps.lime import LimeExplainer, Predict
from tests.support.worlds import noise, squares

CLASSES = ("Fake", "Real")
SIDE, GRID = 24, 4
K = GRID * GRID
SEGMENTS = squares(SIDE, GRID)
CROP = noise(SIDE)
# What each superpixel adds to P(Fake) when it is visible; all different, sum within 0..1.
TRUTH = np.random.RandomState(8).permutation(np.linspace(-0.05, 0.07, K))


def visible_fractions(images: NDArray[np.uint8]) -> np.ndarray:
    """``(N, K)``: share of each superpixel's pixels that are those of ``CROP``."""
    same = (images == CROP).all(axis=-1).reshape(len(images), -1)
    return np.stack([same[:, SEGMENTS.ravel() == k].mean(axis=1) for k in range(K)], axis=1)


def linear_model(images: NDArray[np.uint8]) -> np.ndarray:
    fake = 0.3 + visible_fractions(images) @ TRUTH
    return np.stack([fake, 1 - fake], axis=1)


def brightness_model(images: NDArray[np.uint8]) -> np.ndarray:
    """Not linear in the superpixels: two of them matter through their product."""
    red = images[..., 0].mean(axis=(1, 2)) / 255
    spread = images[:, :12, :12].std(axis=(1, 2, 3)) * images[:, 12:, 12:].std(axis=(1, 2, 3)) / 80**2
    fake = 1 / (1 + np.exp(-(8 * (red - 0.5) + 2 * spread - 1)))
    return np.stack([fake, 1 - fake], axis=1)


class Recorder:
    """A model that records every batch that it gets."""

    def __init__(self, model: Predict = brightness_model) -> None:
        self.model = model
        self.batches: list[np.ndarray] = []

    def __call__(self, images: NDArray[np.uint8]) -> np.ndarray:
        self.batches.append(images)
        return self.model(images)


def last_map(explainer: LimeExplainer, target: str = "Fake", **options: Any) -> Attribution:
    *_, attribution = explainer.explain(CROP, SEGMENTS, brightness_model, CLASSES, target, **options)
    return attribution
