"""Measures of a detector, named after the mistakes that people care about, each with an interval."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

Scores = NDArray[np.floating]
Truth = NDArray[np.bool_]


@dataclass(frozen=True)
class Estimate:
    """A measured value with the bounds of its 95 % bootstrap interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


def accuracy(p_fake: Scores, is_fake: Truth) -> float:
    """Share of pictures on the right side of P(Fake) = 0.5."""
    return float(np.mean((p_fake >= 0.5) == is_fake))


def auc(p_fake: Scores, is_fake: Truth) -> float:
    """Chance that a fake scores above a real, ties counted half (Mann-Whitney); nan without both classes."""
    fakes = int(is_fake.sum())
    reals = len(is_fake) - fakes
    if not fakes or not reals:
        return float("nan")
    ranks = rankdata(p_fake)
    return float((ranks[is_fake].sum() - fakes * (fakes + 1) / 2) / (fakes * reals))


def false_accusation_rate(p_fake: Scores, is_fake: Truth) -> float:
    """Share of real photos that are called fake: the mistake that harms a person; nan without real photos."""
    return float(np.mean(p_fake[~is_fake] >= 0.5)) if (~is_fake).any() else float("nan")


def miss_rate(p_fake: Scores, is_fake: Truth) -> float:
    """Share of fakes that are called real: the mistake that lets a forgery pass; nan without fakes."""
    return float(np.mean(p_fake[is_fake] < 0.5)) if is_fake.any() else float("nan")


def expected_calibration_error(p_fake: Scores, is_fake: Truth, bins: int = 10) -> float:
    """Mean gap between stated and true frequency of Fake over equal-width bins, weighted by their size.

    After Guo et al. (arXiv 1706.04599), on P(Fake) rather than on the winning class; nan without both classes,
    since a set of one class is no sample of what the probability speaks of.
    """
    if is_fake.all() or not is_fake.any():
        return float("nan")
    which = np.minimum((p_fake * bins).astype(int), bins - 1)
    gaps = [
        abs(float(p_fake[which == b].mean()) - float(is_fake[which == b].mean())) * float(np.mean(which == b))
        for b in range(bins)
        if (which == b).any()
    ]
    return float(sum(gaps))


MEASURES: dict[str, Callable[[Scores, Truth], float]] = {
    "accuracy": accuracy,
    "auc": auc,
    "false_accusation_rate": false_accusation_rate,
    "miss_rate": miss_rate,
    "expected_calibration_error": expected_calibration_error,
}


def bootstrap(
    measure: Callable[[Scores, Truth], float],
    p_fake: Scores,
    is_fake: Truth,
    rounds: int = 1000,
    seed: int = 0,
) -> Estimate:
    """A measure with its 95 % percentile bootstrap interval over pictures, drawn within each class.

    Resampling makes the calibration error look larger than it is, so where the interval would miss the measured value
    it is widened to reach it.

    Args:
        measure: takes ``p_fake (N,)`` in 0..1 and ``is_fake (N,) bool``.
        p_fake: probability of Fake of each picture.
        is_fake: the truth.
        rounds: bootstrap resamples.
        seed: decides the resamples.
    """
    rng = np.random.default_rng(seed)
    groups = [np.flatnonzero(is_fake), np.flatnonzero(~is_fake)]
    values = []
    for _ in range(rounds):
        rows = np.concatenate([rng.choice(group, len(group)) for group in groups if len(group)])
        values.append(measure(p_fake[rows], is_fake[rows]))
    low, high = np.percentile(values, [2.5, 97.5])
    value = measure(p_fake, is_fake)
    return Estimate(value, min(float(low), value), max(float(high), value))
