"""A robust mean of a series in which neighbours resemble each other, with an interval.

Frames of one clip are not independent: an interval that took them as such would be too narrow. Whole blocks of
neighbours are drawn instead (Künsch, Annals of Statistics 17, 1989), in a circle so that every frame counts alike
(Politis & Romano, "A circular block-resampling procedure for stationary data", 1992).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, t, trim_mean

TRIM = 0.1  # share of the values that is left out at each end
LEVEL = 0.9  # of the interval
DRAWS = 1000
MIN_VALUES = 8  # of fewer frames an interval would promise too much
MOST_OF_SERIES = 1 / 3  # a block is at most so long


@dataclass(frozen=True)
class Estimate:
    """The mean of a series.

    Attributes:
        mean: trimmed by ``TRIM`` at each end.
        low, high: of the interval of ``LEVEL``; None of fewer than ``MIN_VALUES`` values.
        block: length of the blocks that were drawn, in values.
    """

    mean: float
    low: float | None = None
    high: float | None = None
    block: int = 1


def estimate(values: NDArray[np.float64], seed: int = 0) -> Estimate:
    """The trimmed mean of a series ``(N,)`` of probabilities, N of 1 or more, in order of time."""
    mean = float(trim_mean(values, TRIM))
    if len(values) < MIN_VALUES:
        return Estimate(mean)
    block = block_length(values)
    means = trim_mean(_resampled(values, block, seed), TRIM, axis=1)
    low, high = mean + (np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]) - mean) * _wider(len(values) / block)
    return Estimate(mean, float(np.clip(low, 0, 1)), float(np.clip(high, 0, 1)), block)


def block_length(values: NDArray[np.float64]) -> int:
    """The length of blocks that estimates the mean's variance best, if the series is autoregressive of order one.

    It is that of Politis & White (Econometric Reviews 23, 2004; corrected by Patton, Politis & White, 28, 2009).
    """
    count, likeness = len(values), autocorrelation(values)
    best = (math.sqrt(6) * max(likeness, 0) / (1 - likeness**2)) ** (2 / 3) * count ** (1 / 3)
    return int(min(max(math.ceil(best), 1), max(1, int(count * MOST_OF_SERIES))))


def autocorrelation(values: NDArray[np.float64]) -> float:
    """How alike neighbours are, -0.95..0.95; the bias of short series is removed (Marriott & Pope, Biometrika 1954)."""
    centred = values - values.mean()
    spread = float(centred @ centred)
    if spread == 0:
        return 0.0
    plain = float(centred[:-1] @ centred[1:]) / spread
    return min(max(plain + (1 + 3 * plain) / len(values), -0.95), 0.95)


def _wider(blocks: float) -> float:
    """Few blocks vary less than they should: the factor is that of a mean of so many values, by Student's t."""
    share = (1 + LEVEL) / 2
    return float(t.ppf(share, blocks - 1) / norm.ppf(share) * math.sqrt(blocks / (blocks - 1)))


def _resampled(values: NDArray[np.float64], block: int, seed: int) -> NDArray[np.float64]:
    """``DRAWS`` series ``(DRAWS, N)`` of blocks that were drawn with replacement."""
    count = len(values)
    starts = np.random.default_rng(seed).integers(0, count, (DRAWS, math.ceil(count / block)))
    places = (starts[:, :, None] + np.arange(block)) % count
    return values[places.reshape(DRAWS, -1)[:, :count]]
