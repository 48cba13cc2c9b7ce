"""Finds the moment at which P(Fake) of a face changes most, if chance does not explain the change.

The moment splits the series so that both parts vary least around their means (least squares, as Bai, Econometric Theory
10, 1994). The same is done to the series with its blocks in random order: only a change that is larger than nearly all
of those is reported.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from explain.video.interval import block_length

MIN_PART = 4  # values on either side
MIN_CHANGE = 0.15  # of P(Fake); smaller ones change few verdicts
MIN_BLOCKS = 8  # fewer have too few orders: 7% of series of 48 values, with neighbours alike by 0.6, then look changed
ORDERS = 499
CHANCE = 0.01  # share of random orders with as large a change, at most


@dataclass(frozen=True)
class Change:
    """A change of P(Fake).

    Attributes:
        place: of the first value after it.
        before, after: means of both parts.
    """

    place: int
    before: float
    after: float


def largest_change(values: NDArray[np.float64]) -> Change | None:
    """The largest change of a series ``(N,)`` in order of time; None if it is small, or chance explains it."""
    if len(values) < 2 * MIN_PART:
        return None
    place, size = _split(values)
    before, after = float(values[:place].mean()), float(values[place:].mean())
    if abs(after - before) < MIN_CHANGE:
        return None
    # The change itself makes neighbours alike: without it, blocks are as long as the rest needs.
    rest = np.concatenate([values[:place] - before, values[place:] - after])
    block = min(block_length(rest), max(1, len(values) // MIN_BLOCKS))
    random = np.random.default_rng(0)
    larger = sum(_split(_shuffled(values, block, random))[1] >= size for _ in range(ORDERS))
    return Change(place, before, after) if (larger + 1) / (ORDERS + 1) <= CHANCE else None


def _split(values: NDArray[np.float64]) -> tuple[int, float]:
    """The best place to split, and how much variation the split explains."""
    count = len(values)
    places = np.arange(MIN_PART, count - MIN_PART + 1)
    sums = np.cumsum(values)
    first = sums[places - 1] / places
    second = (sums[-1] - sums[places - 1]) / (count - places)
    explained = (second - first) ** 2 * places * (count - places) / count
    best = int(explained.argmax())
    return int(places[best]), float(explained[best])


def _shuffled(values: NDArray[np.float64], block: int, random: np.random.Generator) -> NDArray[np.float64]:
    """The series with its blocks in random order; where they begin is random, too."""
    turned = np.roll(values, int(random.integers(len(values))))
    parts = np.array_split(turned, math.ceil(len(values) / block))
    return np.concatenate([parts[place] for place in random.permutation(len(parts))])
