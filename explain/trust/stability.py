"""Whether a map stays the same with other samples or seeds, or with a little noise on the photo."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explain.maps.registry import METHODS
from explain.maps.subject import Subject
from explain.trust.agreement import rank_correlation, without_noise

RUNS = 3  # repetitions, beside the map itself, of a method that asks the network again
REFITS = 20  # of a map that is fitted again to its existing samples, in milliseconds each
TOP = 5  # strongest regions, of either sign, that should come back
NOISE_SIGMA = 4.0  # of 255: less than a JPEG of medium quality adds, and hardly visible


@dataclass(frozen=True)
class Stability:
    """What two repetitions of a map have in common, on average.

    Attributes:
        change: what was different, ``"samples"``, ``"seed"`` or ``"noise"``.
        runs: number of repetitions.
        same_top: share of the ``TOP`` strongest regions that are also among those of the other map, 0..1.
        jaccard: Jaccard index of the same two sets, 0..1.
        rank_correlation: Spearman's, over all regions, -1..1.
    """

    change: str
    runs: int
    same_top: float
    jaccard: float
    rank_correlation: float

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON, rounded to four decimals."""
        return {name: round(value, 4) if isinstance(value, float) else value for name, value in asdict(self).items()}


def change_of(method: str) -> str:
    """What repetitions of a method change: ``"seed"`` if its map depends on that, otherwise ``"noise"``."""
    return "seed" if METHODS[method].seeded else "noise"


def repetitions(subject: Subject, method: str) -> Iterator[Subject]:
    """The ``RUNS`` subjects to explain again; regions, class and model stay the same."""
    for run in range(1, RUNS + 1):
        seed = (subject.seed + run) % 2**32
        if change_of(method) == "seed":
            yield replace(subject, seed=seed)
        else:
            noise = np.random.RandomState(seed).normal(0, NOISE_SIGMA, subject.crop.shape)
            yield replace(subject, crop=np.clip(np.rint(subject.crop + noise), 0, 255).astype(np.uint8))


def compare(values: NDArray[np.floating], repeated: Sequence[NDArray[np.floating]], change: str) -> Stability:
    """Compare a map's region values ``(K,)`` with those of its repetitions.

    With fewer than ``TOP`` regions all of them are the strongest ones, in every repetition.
    """
    return _mean_of([(values, other) for other in repeated], len(repeated), change)


def compare_refits(refits: Sequence[NDArray[np.floating]]) -> Stability:
    """Compare the weights ``(K,)`` of a map's fits to resampled samples, every two of them.

    Two fits differ as much as two runs with different seeds. A fit differs less from the map itself, since they
    share samples.
    """
    return _mean_of(list(combinations(refits, 2)), len(refits), "samples")


def _mean_of(pairs: Sequence[tuple[NDArray[np.floating], NDArray[np.floating]]], runs: int, change: str) -> Stability:
    commons, jaccards, ranks = [], [], []
    for values, other in pairs:
        first, second = _top(values), _top(other)
        commons.append(len(first & second) / len(first))
        jaccards.append(len(first & second) / len(first | second))
        same = np.array_equal(without_noise(values), without_noise(other))  # constant maps have no rank to compare
        ranks.append(1.0 if same else rank_correlation(values, other))
    means = (float(np.mean(numbers)) for numbers in (commons, jaccards, ranks))
    return Stability(change, runs, *means)


def _top(values: NDArray[np.floating]) -> set[int]:
    return set(np.argsort(-np.abs(without_noise(values)), kind="stable")[:TOP].tolist())
