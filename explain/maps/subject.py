"""The subject of an explanation: one face, one class, one model, and the regions that may be hidden."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from explain.cancel import not_cancelled
from explain.regions.hiding import TOKENS, hidden_crop, perturb, seen_patches
from explain.regions.superpixels import count_superpixels
from model.detector.detector import Detector

BATCH = 64  # pictures per batch


@dataclass(frozen=True, eq=False)
class Subject:
    """The input of every explanation method and trust measure; they call the model through it.

    Attributes:
        crop: face crop, ``(S, S, 3) uint8`` RGB.
        segments: region of each pixel, ``(S, S) int32``, labels ``0..K-1``.
        target: the class explained, ``Fake`` or ``Real``.
        detector: the model.
        hide: what a hidden region looks like, one of ``explain.regions.hiding.HIDES``, or ``tokens`` to leave its
            patches out.
        seed: decides everything that is drawn at random.
        names: what each region shows, ``K`` names as ``explain.regions.facial.region_names`` gives them; None where
            no face was found.
        requested: number of regions in the settings, of which there may be fewer; None for facial regions.
    """

    crop: NDArray[np.uint8]
    segments: NDArray[np.int32]
    target: str
    detector: Detector
    hide: str = "mean"
    seed: int = 0
    names: tuple[str, ...] | None = None
    requested: int | None = None

    @cached_property
    def count(self) -> int:
        """Number ``K`` of regions."""
        return count_superpixels(self.segments)

    @cached_property
    def hidden(self) -> NDArray[np.uint8]:
        """The crop with every region hidden, ``(S, S, 3) uint8``."""
        return hidden_crop(self.crop, self.segments, self.hide)

    @cached_property
    def untouched(self) -> NDArray[np.float64]:
        """Probabilities ``(2,)`` of the crop with nothing hidden."""
        return self.detector.probabilities(self.crop[None])[0]

    @property
    def look(self) -> str:
        """What a hidden region looks like in a picture: one of ``regions.hiding.HIDES``."""
        return "mean" if self.hide == TOKENS else self.hide

    def probability(self, crops: NDArray[np.uint8], in_turn: bool = False) -> NDArray[np.float64]:
        """P(target) ``(N,)`` of crops ``(N, S, S, 3) uint8`` RGB; ``in_turn`` as for ``Detector.probabilities``."""
        return self.detector.probabilities(crops, in_turn)[:, self.detector.card.labels.index(self.target)]

    def shown(self, masks: NDArray[np.integer]) -> NDArray[np.uint8]:
        """The crops ``(N, S, S, 3) uint8`` that masks ``(N, K)`` leave: 1 shows a region, 0 hides it."""
        return perturb(self.crop, self.hidden, self.segments, masks)

    def probabilities(
        self, masks: NDArray[np.integer], in_turn: bool | NDArray[np.integer] = False
    ) -> NDArray[np.float64]:
        """Probabilities ``(N, 2)`` of the crop under masks ``(N, K)``, columns as ``card.labels``.

        Args:
            masks: 1 shows a region, 0 hides it.
            in_turn: for many masks with answers that are averaged later: each gets one view only, see
                ``Detector.probabilities``. The untouched crop always gets the verdict's answer.
        """
        if self.hide == TOKENS:
            answers = self.detector.probabilities_of_patches(self.crop, self.shown(masks), self._seen(masks), in_turn)
        else:
            answers = self.detector.probabilities(self.shown(masks), in_turn)
        if in_turn is not False and len(self.detector.card.views) > 1:
            answers[masks.all(axis=1)] = self.untouched
        return answers

    def _seen(self, masks: NDArray[np.integer]) -> NDArray[np.bool_]:
        """The patches that masks ``(N, K)`` leave in each of the model's V views, ``(V, N, rows, columns)``."""
        grid = self.detector.patch_grid
        assert grid is not None  # ``analysis`` uses tokens only with a model that supports them
        shown = [view.shown(self.segments[None])[0] for view in self.detector.card.views]
        return np.stack([seen_patches(segments, masks, grid) for segments in shown])

    def answers(
        self, masks: NDArray[np.integer], cancelled: Callable[[], bool] = not_cancelled
    ) -> NDArray[np.float64] | None:
        """P(target) ``(N,)`` of the crop under masks ``(N, K)``, each averaged over all of the model's views.

        Returns:
            None if ``cancelled``, which is called before each batch, was true.
        """
        answers = np.empty(len(masks))
        for start in range(0, len(masks), BATCH):
            if cancelled():
                return None
            batch = slice(start, start + BATCH)
            answers[batch] = self.probabilities(masks[batch])[:, self.detector.card.labels.index(self.target)]
        return answers

    def ask(self, masks: NDArray[np.integer]) -> Iterator[NDArray[np.float64]]:
        """P(target) under masks ``(N, K)``, views in turn, batch by batch, so that the caller can stop."""
        for start in range(0, len(masks), BATCH):
            answers = self.probabilities(masks[start : start + BATCH], in_turn=True)
            yield answers[:, self.detector.card.labels.index(self.target)]
