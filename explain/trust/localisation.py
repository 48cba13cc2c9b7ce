"""Whether the maps of a face find the place where it was changed, for photos with a known change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from explain.maps.attribution import Attribution
from explain.maps.registry import MAIN_MAP, METHODS

TOP = 3  # regions of the main map that are looked at
MOST = 0.5  # share of a region's pixels above which it lies inside


@dataclass(frozen=True)
class Localisation:
    """How many of a face's strongest places lie inside the change.

    Attributes:
        top: how many regions of the main map were looked at: those that speak most for Fake, ``TOP`` or fewer.
        inside: how many of these lie inside the change.
        peak_inside: whether the centre of the strongest cell of the attention mask does; None without a mask, or if
            the mask is flat.
        share: of the crop that was changed, 0..1: what a place drawn at random would reach.
    """

    top: int
    inside: int
    peak_inside: bool | None
    share: float

    @property
    def above_chance(self) -> float:
        """How many more places lie inside than would of as many places drawn at random."""
        looked_at = self.top + (self.peak_inside is not None)
        return self.inside + bool(self.peak_inside) - self.share * looked_at


def localise(attributions: Mapping[str, Attribution], changed: NDArray[np.bool_]) -> Localisation:
    """Compare the maps of a face with the place where it was changed (the pointing game, arXiv 1608.00507).

    Args:
        attributions: maps by method; only the main map and the attention mask count.
        changed: ``(S, S) bool``, where the crop was changed.
    """
    main = attributions.get(MAIN_MAP)
    shares = []
    if main is not None and main.segments is not None:
        shares = [changed[main.segments == region].mean() for region in _for_fake(main)[:TOP]]
    masks = [found for name, found in attributions.items() if METHODS[name].in_verdict_pass]
    peaks = [_peak_inside(mask, changed) for mask in masks if not mask.evidence["flat"]]
    inside = sum(bool(share > MOST) for share in shares)
    return Localisation(len(shares), inside, next(iter(peaks), None), float(changed.mean()))


def _for_fake(attribution: Attribution) -> NDArray[np.intp]:
    """The regions that speak for Fake, strongest first; none if the model's answer hardly depends on any."""
    if attribution.weights is None or attribution.unmoved:
        return np.zeros(0, np.intp)
    weights = attribution.weights if attribution.target == "Fake" else -attribution.weights
    order = np.argsort(-weights, kind="stable")
    return order[weights[order] > 0]


def _peak_inside(mask: Attribution, changed: NDArray[np.bool_]) -> bool:
    side = len(changed)
    row, column = int(float(mask.evidence["peak_y"]) * side), int(float(mask.evidence["peak_x"]) * side)
    return bool(changed[row, column])
