"""How sure LIME's weights are: an interval for each, and whether two halves of the samples tell the same story."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, spearmanr

TOP = 5  # superpixels whose choice must be settled
RANK_CORRELATION = 0.9  # between two half-sample fits, at least
CONFIDENCE = 0.95
FIRST_PARTS = 4  # of the first batch, so that a slow network has something to show in time


@dataclass(frozen=True)
class Halves:
    """What two fits to one half of the samples each have in common.

    Attributes:
        rank_correlation: Spearman's, of all weights, -1..1; 0 where a half's weights are all equal.
        same_top: share of each half's ``TOP`` largest absolute weights that the other half has among its own, 0..1.
    """

    rank_correlation: float
    same_top: float

    @property
    def agree(self) -> bool:
        """Whether the map has converged (after Covert and Lee, arXiv 2012.01536)."""
        return self.rank_correlation >= RANK_CORRELATION and self.same_top == 1


def compare_halves(first: NDArray[np.floating], second: NDArray[np.floating]) -> Halves:
    """Compare the weights ``(K,)`` of two fits to different samples of the same neighbourhood."""
    tops = [set(np.argsort(-np.abs(weights), kind="stable")[:TOP].tolist()) for weights in (first, second)]
    same_top = len(tops[0] & tops[1]) / len(tops[0])
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return Halves(float(np.array_equal(first, second)), same_top)
    return Halves(float(spearmanr(first, second).statistic), same_top)


def halves_of(samples: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows of two halves of a paired neighbourhood: pairs are dealt in turn and stay whole, row 0 is in both."""
    pair = (np.arange(samples) + 1) // 2
    return (np.flatnonzero((pair % 2 == 1) | (pair == 0)), np.flatnonzero(pair % 2 == 0))


def intervals(
    masks: NDArray[np.integer],
    answers: NDArray[np.floating],
    sample_weights: NDArray[np.floating],
    weights: NDArray[np.floating],
    intercept: float,
    ridge: float = 1.0,
) -> NDArray[np.float32]:
    """95 % interval of each weight of a weighted ridge regression on paired samples.

    The sandwich estimator with pairs as clusters (Liang and Zeger, Biometrika 73, 1986): it holds although the model
    is not linear in the superpixels and the two samples of a pair are not independent. The pull of the ridge towards 0
    is left out: at ten samples per superpixel it is 2 % of a weight.

    Args:
        masks: ``(N, K)`` of 0 and 1, row 0 the untouched crop, then pairs of complements.
        answers: ``(N,)``, what the model said to each.
        sample_weights: ``(N,)``, the kernel's.
        weights: ``(K,)``, as fitted.
        intercept: as fitted.
        ridge: the penalty on ``weights`` (not on the intercept).

    Returns:
        ``(K, 2) float32``, lower bound first.
    """
    design = np.column_stack([np.ones(len(masks)), masks])
    penalty = np.diag(np.r_[0.0, np.full(len(weights), ridge)])
    bread = np.linalg.pinv(design.T @ (design * sample_weights[:, None]) + penalty)
    residuals = answers - design @ np.r_[intercept, weights]
    scores = design * (sample_weights * residuals)[:, None]
    pairs = np.zeros(((len(masks) + 2) // 2, design.shape[1]))
    np.add.at(pairs, (np.arange(len(masks)) + 1) // 2, scores)
    # As many pairs as parameters leave residuals too small to tell of noise: widen as small samples ask for.
    widening = len(pairs) / max(len(pairs) - design.shape[1], 1)
    errors = np.sqrt(np.maximum(np.diag(bread @ (pairs.T @ pairs) @ bread)[1:] * widening, 0))
    reach = norm.ppf((1 + CONFIDENCE) / 2) * errors
    return np.stack([weights - reach, weights + reach], axis=1).astype(np.float32)


def paired_masks(samples: int, superpixels: int, seed: int) -> NDArray[np.uint8]:
    """Draw masks in pairs, each followed by its complement: less noise per sample (arXiv 2012.01536).

    Args:
        samples: rows ``N``, at least 1. If it is even, the last mask stays without its complement.
        superpixels: columns ``K``.
        seed: equal seeds give equal rows, however many are drawn.

    Returns:
        ``(N, K) uint8`` of 0 and 1 = visible; row 0 is all ones.
    """
    drawn = np.random.RandomState(seed).randint(0, 2, (samples // 2, superpixels)).astype(np.uint8)
    pairs = np.stack([drawn, 1 - drawn], axis=1).reshape(-1, superpixels)
    return np.concatenate([np.ones((1, superpixels), np.uint8), pairs])[:samples]


def batch_bounds(samples: int, batch_size: int) -> list[tuple[int, int]]:
    """First row of each batch and the row behind its last: whole batches, of which the first comes in parts.

    Args:
        samples: rows in all, at least 1.
        batch_size: rows of a whole batch, at least 1.
    """
    parts = [batch_size * part // FIRST_PARTS for part in range(1, FIRST_PARTS)]
    whole = range(batch_size, samples, batch_size)
    ends = [*sorted({end for end in (*parts, *whole) if 0 < end < samples}), samples]
    return list(zip([0, *ends], ends, strict=False))


@dataclass(frozen=True, eq=False)
class Fitted:
    """Weights fitted to the samples so far, with their intervals, what halves of them say, and further numbers."""

    weights: NDArray[np.float32]
    intervals: NDArray[np.float32]
    halves: Halves
    numbers: dict[str, float]
