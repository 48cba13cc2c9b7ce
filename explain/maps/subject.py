"""What an explanation is about: one face, one class, one model, and the regions that may be hidden."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from explain.regions.hiding import TOKENS, hidden_crop, perturb, seen_patches
from explain.regions.superpixels import count_superpixels
from model.detector.detector import Detector

BATCH = 64  # pictures held and asked about at once


@dataclass(frozen=True, eq=False)
class Subject:
    """One question of why; every method and every measure of trust asks the model through it.

    Attributes:
        crop: face crop, ``(S, S, 3) uint8`` RGB.
        segments: region of each pixel, ``(S, S) int32``, labels ``0..K-1``.
        target: the class explained, ``Fake`` or ``Real``.
        detector: the model.
        hide: what a hidden region looks like, one of ``explain.regions.hiding.HIDES``, or ``tokens`` to leave its
            patches out.
        seed: decides everything that is drawn at random.
        names: what each region shows, ``K`` of ``explain.regions.facial.NAMES``; None where there are no landmarks.
    """

    crop: NDArray[np.uint8]
    segments: NDArray[np.int32]
    target: str
    detector: Detector
    hide: str = "mean"
    seed: int = 0
    names: tuple[str, ...] | None = None

    @cached_property
    def count(self) -> int:
        """Number ``K`` of regions."""
        return count_superpixels(self.segments)

    @cached_property
    def hidden(self) -> NDArray[np.uint8]:
        """The crop with every region hidden, ``(S, S, 3) uint8``."""
        return hidden_crop(self.crop, self.segments, self.hide)

    @property
    def look(self) -> str:
        """What a hidden region looks like where it must look like something: one of ``regions.hiding.HIDES``."""
        return "mean" if self.hide == TOKENS else self.hide

    def probability(self, crops: NDArray[np.uint8]) -> NDArray[np.float64]:
        """P(target) ``(N,)`` of crops ``(N, S, S, 3) uint8`` RGB."""
        return self.detector.probabilities(crops)[:, self.detector.card.labels.index(self.target)]

    def shown(self, masks: NDArray[np.integer]) -> NDArray[np.uint8]:
        """The crops ``(N, S, S, 3) uint8`` that masks ``(N, K)`` leave: 1 shows a region, 0 hides it."""
        return perturb(self.crop, self.hidden, self.segments, masks)

    def probabilities(self, masks: NDArray[np.integer]) -> NDArray[np.float64]:
        """Probabilities ``(N, 2)`` of the crop under masks ``(N, K)``, columns as ``card.labels``."""
        if self.hide != TOKENS:
            return self.detector.probabilities(self.shown(masks))
        grid = self.detector.patch_grid
        assert grid is not None  # ``analysis`` asks for tokens only of a model that takes them
        return self.detector.probabilities_of_patches(self.crop, seen_patches(self.segments, masks, grid))

    def answers(self, masks: NDArray[np.integer]) -> NDArray[np.float64]:
        """P(target) ``(N,)`` of the crop with the regions hidden that masks ``(N, K)`` hide."""
        return self.probabilities(masks)[:, self.detector.card.labels.index(self.target)]

    def ask(self, masks: NDArray[np.integer]) -> Iterator[NDArray[np.float64]]:
        """P(target) of the crops that masks ``(N, K)`` leave, batch by batch, so that the caller may stop."""
        for start in range(0, len(masks), BATCH):
            yield self.answers(masks[start : start + BATCH])
