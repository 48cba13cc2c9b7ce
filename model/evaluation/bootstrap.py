"""Bootstrap: 95% intervals of measures, by resampling the pictures."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.floating]
Truth = NDArray[np.bool_]
Measure = Callable[[Scores, Truth], float]


@dataclass(frozen=True)
class Estimate:
    """A measured value with the bounds of its 95% bootstrap interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"

    def rounded(self) -> dict[str, float]:
        """The values for a card: ``value``, ``low`` and ``high`` rounded to four digits."""
        return {key: round(value, 4) for key, value in asdict(self).items()}


def wilson(successes: int, count: int) -> tuple[float, float]:
    """Wilson's 95% interval of the share ``successes / count``; ``count`` must be at least 1."""
    from scipy.stats import binomtest

    interval = binomtest(successes, count).proportion_ci(method="wilson")
    return float(interval.low), float(interval.high)


def resamples(is_fake: Truth, rounds: int, seed: int, groups: NDArray[Any] | None = None) -> Iterator[NDArray[np.int_]]:
    """Yield ``rounds`` bootstrap draws of row numbers ``(N,)``, each with the original number of each class.

    With ``groups (N,)``, pictures of one group are not independent: whole groups are drawn, so that the number of rows
    varies.
    """
    rng = np.random.default_rng(seed)
    if groups is not None:
        _, numbers = np.unique(groups, return_inverse=True)
        rows_of = [np.flatnonzero(numbers == number) for number in range(numbers.max() + 1)]
        for _ in range(rounds):
            yield np.concatenate([rows_of[number] for number in rng.integers(len(rows_of), size=len(rows_of))])
        return
    classes = [np.flatnonzero(is_fake), np.flatnonzero(~is_fake)]
    for _ in range(rounds):
        yield np.concatenate([rng.choice(rows, len(rows)) for rows in classes if len(rows)])


def bootstrap(
    measure: Measure,
    p_fake: Scores,
    is_fake: Truth,
    rounds: int = 1000,
    seed: int = 0,
    is_share: bool = False,
    groups: NDArray[Any] | None = None,
) -> Estimate:
    """A measure with its 95% percentile bootstrap interval over pictures, drawn within each class.

    The interval is widened to include the measured value if necessary: resampling overestimates the calibration error.
    Draws in which the measure has no value are left out. If the measure itself has none, all three values are nan.

    Args:
        measure: takes ``p_fake (N,)`` in 0..1 and ``is_fake (N,) bool``.
        p_fake: P(Fake) of each picture, ``(N,)``; or ``(N, K)`` for a measure that compares K models.
        is_fake: the truth, ``(N,) bool``.
        rounds: bootstrap resamples.
        seed: decides the resamples.
        is_share: whether the measure is a share of pictures. If all draws are then 0, or all are 1, resampling can't
            show the uncertainty, and the interval is Wilson's for the size of the smaller class that is not empty.
        groups: ``(N,)``; draws whole groups instead of pictures, see ``resamples``.
    """
    value = measure(p_fake, is_fake)
    drawn = np.array([measure(p_fake[rows], is_fake[rows]) for rows in resamples(is_fake, rounds, seed, groups)])
    drawn = drawn[np.isfinite(drawn)]
    if not np.isfinite(value) or not len(drawn):
        return Estimate(value, float("nan"), float("nan"))
    low, high = np.percentile(drawn, [2.5, 97.5])
    if is_share and low == high == value and value in (0, 1):
        count = min(int(classes) for classes in (is_fake.sum(), (~is_fake).sum()) if classes)
        low, high = wilson(round(value * count), count)
    return Estimate(value, min(float(low), value), max(float(high), value))


def bootstrap_band(
    curve: Callable[[Scores, Truth], NDArray[np.floating]],
    p_fake: Scores,
    is_fake: Truth,
    rounds: int = 300,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The pointwise 95% bootstrap band of a curve.

    Args:
        curve: maps ``p_fake`` and ``is_fake`` to the curve's heights ``(G,)`` over a fixed grid.
        p_fake: P(Fake) of each picture, ``(N,)``.
        is_fake: the truth, ``(N,) bool``.
        rounds: bootstrap resamples.

    Returns:
        Lower and upper bound, each ``(G,)``.
    """
    curves = np.stack([curve(p_fake[rows], is_fake[rows]) for rows in resamples(is_fake, rounds, seed=0)])
    low, high = np.percentile(curves, [2.5, 97.5], axis=0)
    return low, high
