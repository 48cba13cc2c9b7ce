"""Models with known levels at which the verdict turns."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explain.probes.robustness import Robustness, measure_robustness
from model.artifact.views import PLAIN

SIDE = 64
GREY = np.full((SIDE, SIDE, 3), 128, np.uint8)
# A frontal face in the middle of the crop.
LANDMARKS = np.array([[22, 24], [42, 24], [32, 34], [24, 44], [40, 44]], np.float32)
BAND = (0.3, 0.7)


class World(ABC):
    """A model that computes P(Fake) from the crop; inconclusive from 0.3 to 0.7."""

    card = SimpleNamespace(labels=("Real", "Fake"), views=PLAIN, inconclusive_band=BAND)

    @abstractmethod
    def read(self, crop: NDArray[np.float64]) -> float:
        """P(Fake) of a crop ``(S, S, 3)`` with values 0..1."""

    def probabilities(self, crops: NDArray[np.uint8], in_turn: bool = False) -> NDArray[np.float64]:
        fake = np.array([self.read(crop / 255) for crop in crops])
        return np.stack([1 - fake, fake], axis=1)

    def verdict(self, p_fake: float) -> str:
        return "Fake" if p_fake >= 0.7 else "Real" if p_fake <= 0.3 else "Inconclusive"


class Brightness(World):
    """P(Fake) is the brightness of the crop."""

    def read(self, crop: NDArray[np.float64]) -> float:
        return float(crop.mean())


def measured(
    world: Any, crop: NDArray[np.uint8] = GREY, landmarks: NDArray[np.float32] | None = LANDMARKS, seed: int = 0
) -> Robustness:
    *_, found = measure_robustness(world, crop, landmarks, seed)
    return found
