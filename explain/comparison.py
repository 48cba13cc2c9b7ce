"""Two models' verdicts on one photo, side by side: where their main maps agree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explain.maps.registry import MAIN_MAP
from explain.result import Analysis
from explain.trust.agreement import rank_correlation

STRONGEST = 5  # regions of each map that are compared by name
LEAST_SEEN = 0.5  # share of a region that the second model must see, too


@dataclass(frozen=True, eq=False)
class Comparison:
    """How the main maps of two analyses of the same photo agree, over the regions of the first one.

    Attributes:
        first: an analysis.
        second: that of the other model, which explains the same class.
        same_verdict: whether both give the same verdict.
        regions: numbers of the first one's regions that both models see.
        correlation: Spearman's rank correlation of the maps' values in these regions, -1..1.
        shared: those of the first map's ``STRONGEST`` regions for the class that are among the second map's, too.
    """

    first: Analysis
    second: Analysis
    same_verdict: bool
    regions: tuple[int, ...]
    correlation: float
    shared: tuple[int, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON, without the analyses."""
        return {
            "same_verdict": self.same_verdict,
            "regions": list(self.regions),
            "correlation": round(self.correlation, 4),
            "shared": list(self.shared),
        }


def compare(first: Analysis, second: Analysis) -> Comparison | None:
    """Compare two complete analyses of one photo; None if one has no verdict or no main map, or saw it turned.

    The models may see different squares of the photo at different sizes: the second map is read where the first one's
    regions lie in the photo.
    """
    found, other = first.attributions.get(MAIN_MAP), second.attributions.get(MAIN_MAP)
    if first.photo.turns != second.photo.turns:
        return None
    if first.prediction is None or second.prediction is None or first.subject is None or not found or not other:
        return None
    segments, count = first.subject.segments, first.subject.count
    values = _seen_from(first, second, other.map)
    inside = np.isfinite(values)
    sizes = np.bincount(segments.ravel(), minlength=count)
    seen = np.bincount(segments[inside], minlength=count)
    means = np.bincount(segments[inside], weights=values[inside], minlength=count) / np.maximum(seen, 1)
    regions = np.flatnonzero(seen >= LEAST_SEEN * sizes)
    ours, theirs = found.region_values(segments)[regions], means[regions]
    tops = [{int(regions[place]) for place in _strongest(weights)} for weights in (ours, theirs)]
    return Comparison(
        first,
        second,
        first.prediction.verdict == second.prediction.verdict,
        tuple(map(int, regions)),
        rank_correlation(ours, theirs) if len(regions) > 1 else 0.0,
        tuple(sorted(tops[0] & tops[1])),
    )


def _strongest(weights: NDArray[np.floating]) -> list[int]:
    """Places of the largest positive weights."""
    return [int(place) for place in np.argsort(-weights)[:STRONGEST] if weights[place] > 0]


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
