"""Two models' verdicts on one photo, side by side: where their main maps agree, and where they do not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explain.maps.registry import MAIN_MAP
from explain.result import Analysis, is_unmoved
from explain.settings import Settings
from explain.trust.agreement import rank_correlation
from model.artifact.card import Card

STRONGEST = 5  # regions of each map that are compared by name
LEAST_SEEN = 0.5  # share of a region that the second model must see, too
LEAST_REGIONS = 3  # two have only two orders


@dataclass(frozen=True, eq=False)
class Comparison:
    """How the main maps of two analyses of the same photo agree, over the regions of the first one.

    Attributes:
        first: an analysis.
        second: that of the other model, which explains the same class.
        same_verdict: whether both give the same verdict.
        regions: numbers of the first one's regions that both models see.
        first_values: the first map's value of each of these regions.
        second_values: the second map's mean in each of them.
        correlation: Spearman's rank correlation of these values, -1..1; 0 if a map is the same everywhere.
        shared: those of the first map's ``STRONGEST`` regions for the class that are among the second map's, too.
        only_first: the others of the first map's, the strongest first.
        only_second: the others of the second map's, the strongest first.
    """

    first: Analysis
    second: Analysis
    same_verdict: bool
    regions: tuple[int, ...]
    first_values: tuple[float, ...]
    second_values: tuple[float, ...]
    correlation: float
    shared: tuple[int, ...]
    only_first: tuple[int, ...]
    only_second: tuple[int, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON, without the analyses."""
        return {
            "same_verdict": self.same_verdict,
            "regions": list(self.regions),
            "first_values": [round(value, 6) for value in self.first_values],
            "second_values": [round(value, 6) for value in self.second_values],
            "correlation": round(self.correlation, 4),
            "shared": list(self.shared),
            "only_first": list(self.only_first),
            "only_second": list(self.only_second),
        }


@dataclass(frozen=True, eq=False)
class Second:
    """What a second model says of a photo.

    Attributes:
        analysis: complete or not.
        card: of the second model.
        comparison: with the first model's analysis; None while or where the maps can't be compared.
    """

    analysis: Analysis
    card: Card
    comparison: Comparison | None

    @staticmethod
    def of(first: Analysis, analysis: Analysis, card: Card) -> Second:
        """A second analysis beside the first one."""
        return Second(analysis, card, compare(first, analysis))


def settings_of_second(first: Analysis, settings: Settings) -> Settings:
    """The settings of a second model: the same, for the class that the first one explains."""
    return replace(settings, target=first.settings.target)


def compare(first: Analysis, second: Analysis) -> Comparison | None:
    """Compare two analyses of one photo.

    The models may see different squares of the photo at different sizes: the second map is read where the first one's
    regions lie in the photo.

    Returns:
        None if one has no verdict or no main map, or its answer hardly depends on the picture; if they explain
        different classes or saw the photo turned differently; or if both see fewer than ``LEAST_REGIONS`` regions.
    """
    found, other = first.attributions.get(MAIN_MAP), second.attributions.get(MAIN_MAP)
    if first.prediction is None or second.prediction is None or first.subject is None or not found or not other:
        return None
    if (
        first.photo.turns != second.photo.turns
        or found.target != other.target
        or is_unmoved(first)
        or is_unmoved(second)
    ):
        return None
    segments, count = first.subject.segments, first.subject.count
    values = _seen_from(first, second, other.map)
    inside = np.isfinite(values)
    sizes = np.bincount(segments.ravel(), minlength=count)
    seen = np.bincount(segments[inside], minlength=count)
    means = np.bincount(segments[inside], weights=values[inside], minlength=count) / np.maximum(seen, 1)
    regions = np.flatnonzero(seen >= LEAST_SEEN * sizes)
    if len(regions) < LEAST_REGIONS:
        return None
    both = found.region_values(segments)[regions], means[regions]
    of_first, of_second = ([int(regions[place]) for place in _strongest(values)] for values in both)
    return Comparison(
        first,
        second,
        first.prediction.verdict == second.prediction.verdict,
        tuple(map(int, regions)),
        tuple(map(float, both[0])),
        tuple(map(float, both[1])),
        rank_correlation(*both),
        tuple(region for region in of_first if region in of_second),
        tuple(region for region in of_first if region not in of_second),
        tuple(region for region in of_second if region not in of_first),
    )


def _strongest(weights: NDArray[np.floating]) -> list[int]:
    """Places of the largest positive weights, the largest first."""
    return [int(place) for place in np.argsort(-weights, kind="stable")[:STRONGEST] if weights[place] > 0]


def _seen_from(first: Analysis, second: Analysis, values: NDArray[np.floating]) -> NDArray[np.float64]:
    """The second crop's values ``(S', S')`` at the first crop's pixels, ``(S, S)``; nan outside the second crop."""
    assert first.chosen is not None and second.chosen is not None
    size = len(first.chosen.crop)
    steps = (np.arange(size) + 0.5) / size
    places = []
    for axis in (1, 0):  # rows, columns
        in_photo = first.chosen.square[axis] + steps * first.chosen.square[2]
        places.append(np.floor((in_photo - second.chosen.square[axis]) / second.chosen.square[2] * len(values)))
    rows, columns = np.meshgrid(*places, indexing="ij")
    inside = (rows >= 0) & (rows < len(values)) & (columns >= 0) & (columns < len(values))
    read = np.full(rows.shape, np.nan)
    read[inside] = values[rows[inside].astype(int), columns[inside].astype(int)]
    return read
