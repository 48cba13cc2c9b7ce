"""Whether a map says the same again when only chance has changed: other seeds, or a little noise on the photo."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explain.maps.subject import Subject
from explain.trust.agreement import rank_correlation, without_noise

SEEDED = frozenset({"lime", "rise"})  # methods that draw by the subject's seed; the others always repeat themselves
RUNS = 3  # repetitions, beside the map itself
TOP = 5  # strongest regions, of either sign, that should come back
NOISE_SIGMA = 4.0  # of 255: less than what a JPEG of middling quality adds, and hardly seen


@dataclass(frozen=True)
class Stability:
    """What a map and its repetitions have in common, on average.

    Attributes:
        change: ``"seed"`` or ``"noise"``, what was different.
        runs: repetitions.
        same_top: share of the ``TOP`` strongest regions that were among those of the repetition again, 0..1.
        jaccard: Jaccard index of the same two sets, 0..1.
        rank_correlation: Spearman's, over all regions, -1..1.
    """

    change: str
    runs: int
    same_top: float
    jaccard: float
    rank_correlation: float

    def to_dict(self) -> dict[str, Any]:
        """As JSON takes it, rounded to four decimals."""
        return {name: round(value, 4) if isinstance(value, float) else value for name, value in asdict(self).items()}


def change_of(method: str) -> str:
    """What repetitions of a method change: ``"seed"`` where that moves its map, otherwise ``"noise"``."""
    return "seed" if method in SEEDED else "noise"


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

    With fewer than ``TOP`` regions all of them are the strongest ones, and come back for certain.
    """
    commons, jaccards, ranks = [], [], []
    for again in repeated:
        first, second = _top(values), _top(again)
        commons.append(len(first & second) / len(first))
        jaccards.append(len(first & second) / len(first | second))
        same = np.array_equal(without_noise(values), without_noise(again))  # constant maps have no rank to compare
        ranks.append(1.0 if same else rank_correlation(values, again))
    means = (float(np.mean(numbers)) for numbers in (commons, jaccards, ranks))
    return Stability(change, len(repeated), *means)


def _top(values: NDArray[np.floating]) -> set[int]:
    return set(np.argsort(-np.abs(without_noise(values)), kind="stable")[:TOP].tolist())
