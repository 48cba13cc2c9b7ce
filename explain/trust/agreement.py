"""How similarly several maps of one face rank its regions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from explain.maps.attribution import Attribution
from explain.maps.registry import METHODS

UNSIGNED = frozenset(name for name, method in METHODS.items() if not method.signed)
NOISE_DECIMALS = 9  # relative to the largest value; smaller differences are rounding errors and must not decide a rank


@dataclass(frozen=True, eq=False)
class Agreement:
    """Spearman's rank correlation between every two maps.

    Attributes:
        names: the ``M`` maps.
        matrix: ``(M, M) float64``, symmetric, -1..1, its diagonal 1; 0 if a map is constant.
    """

    names: tuple[str, ...]
    matrix: NDArray[np.float64]

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON, rounded to four decimals."""
        return {"names": list(self.names), "matrix": np.round(self.matrix, 4).tolist()}


def agreement(attributions: Mapping[str, Attribution], segments: NDArray[np.integer]) -> Agreement:
    """Compare maps by the ranks of their means over the regions.

    Signed maps are compared as they are: two that mark the same regions with opposite signs disagree. A map without
    a sign (``UNSIGNED``) only has strengths, so it is compared with absolute values.

    Args:
        attributions: the maps by name, each ``(S, S)``.
        segments: region of each pixel, ``(S, S) int``, labels ``0..K-1``.
    """
    values = [attribution.region_values(segments) for attribution in attributions.values()]
    unsigned = [attribution.method in UNSIGNED for attribution in attributions.values()]
    matrix = np.eye(len(values))
    for row in range(len(values)):
        for column in range(row):
            pair = values[row], values[column]
            if unsigned[row] or unsigned[column]:
                pair = np.abs(pair[0]), np.abs(pair[1])
            matrix[row, column] = matrix[column, row] = rank_correlation(*pair)
    return Agreement(tuple(attributions), matrix)


def rank_correlation(first: NDArray[np.floating], second: NDArray[np.floating]) -> float:
    """Spearman's correlation of two ``(K,)``: exactly ±1 for equal or reversed ranks, 0 if either is constant."""
    first, second = without_noise(first), without_noise(second)
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return 0.0
    return round(float(spearmanr(first, second).statistic), 12)


def without_noise(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """Values ``(K,)`` relative to the largest, ``-1..1``, rounded so that rounding errors do not count."""
    largest = float(np.abs(values).max())
    return np.round(values.astype(np.float64) / (largest or 1.0), NOISE_DECIMALS)
