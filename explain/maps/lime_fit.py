"""LIME's samples and how certain its weights are: intervals, fits to halves of the samples and to resampled ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import hadamard
from scipy.stats import norm, spearmanr

# What a converged map needs at least:
RANK_CORRELATION = 0.9  # to expect between this map and one from other samples, see ``alike``
TOP, SAME_TOP = 5, 0.8  # share of the strongest superpixels that two halves have in common; the fifth is often close
SPLITS = 5  # into halves: with a single split, a map would too often seem to have converged
CONFIDENCE = 0.95
FIRST_PARTS = 4  # of the first batch, so that a slow network has an early first map

PredictMasks = Callable[[NDArray[np.uint8], NDArray[np.intp]], np.ndarray]  # masks and the turn of each, see turns_of


@dataclass(frozen=True, eq=False)
class Neighbourhood:
    """The samples that a map was fitted to, kept so that it can be fitted again without the network.

    Attributes:
        masks: ``(N, K) uint8``, 1 = visible; row 0 is the untouched crop, then pairs of complements.
        answers: ``(N,) float``, P(target) of each mask.
        kernel: ``(N,) float``, weight of each sample in the fit.
    """

    masks: NDArray[np.uint8]
    answers: NDArray[np.floating]
    kernel: NDArray[np.floating]

    def weights_of(self, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """The weights ``(K,)`` of a fit to some of the samples."""
        return ridge_weights(self.masks[rows], self.answers[rows], self.kernel[rows])

    @property
    def halves(self) -> Halves:
        """How well fits to halves of the samples agree."""
        return mean_of(
            [
                compare_halves(self.weights_of(first), self.weights_of(second))
                for first, second in halves_of(*self.masks.shape)
            ]
        )

    def refits(self, count: int, seed: int) -> Iterator[NDArray[np.float64]]:
        """The weights ``(K,)`` of ``count`` fits, each to samples drawn again with replacement (the bootstrap).

        Pairs are drawn as a whole, because their two answers depend on each other; the untouched crop is in every fit.
        Drawn samples vary less than new ones would, because the fit follows them: ``widening`` makes up for it.

        Source: Efron, Annals of Statistics 7(1), 1979.
        """
        random = np.random.default_rng(seed)
        pair = pairs_of(len(self.masks))
        fitted = ridge_weights(self.masks, self.answers, self.kernel)
        reach = widening(pair[-1], len(fitted) + 1) ** 0.5
        for _ in range(count):
            times = np.bincount(random.integers(1, pair[-1] + 1, pair[-1]), minlength=pair[-1] + 1)
            times[0] = 1
            yield fitted + reach * (ridge_weights(self.masks, self.answers, self.kernel * times[pair]) - fitted)


def widening(pairs: int, parameters: int) -> float:
    """By how much a variance that is estimated from the residuals of a fit to few pairs must be multiplied."""
    return pairs / max(pairs - parameters, 1)


def ridge_weights(
    masks: NDArray[Any], answers: NDArray[np.floating], kernel: NDArray[np.floating]
) -> NDArray[np.float64]:
    """The weights ``(K,)`` of ``sklearn.linear_model.Ridge(alpha=1)`` with sample weights, in a tenth of its time."""
    total = kernel.sum()
    masks = masks - kernel @ masks / total
    answers = answers - kernel @ answers / total
    weighted = masks.T * kernel
    return np.linalg.solve(weighted @ masks + np.eye(masks.shape[1]), weighted @ answers)


@dataclass(frozen=True)
class Halves:
    """Agreement of two fits, each to one half of the samples.

    Attributes:
        rank_correlation: Spearman's, of all weights, -1..1; 0 if all weights of a half are equal.
        same_top: share of the ``TOP`` largest absolute weights that both halves have in common, 0..1.
    """

    rank_correlation: float
    same_top: float

    @property
    def agree(self) -> bool:
        """Whether the map has converged (after Covert and Lee, arXiv 2012.01536)."""
        return alike(self.rank_correlation) >= RANK_CORRELATION and self.same_top >= SAME_TOP


def alike(halves_rank_correlation: float) -> float:
    """Rank correlation to expect between the map and another one of as many samples, ``<= 1``.

    The Spearman-Brown formula: a map has twice the samples of its halves, so it is more reliable than they are.
    """
    return 2 * halves_rank_correlation / (1 + max(halves_rank_correlation, 0.0))


def mean_of(splits: Sequence[Halves]) -> Halves:
    """The mean agreement over several splits into halves; none without a split."""
    if not splits:
        return Halves(0.0, 0.0)
    ranks, tops = ([getattr(halves, name) for halves in splits] for name in ("rank_correlation", "same_top"))
    return Halves(float(np.mean(ranks)), round(float(np.mean(tops)), 9))  # 0.8 must not be 0.79999999


def compare_halves(first: NDArray[np.floating], second: NDArray[np.floating]) -> Halves:
    """Compare the weights ``(K,)`` of two fits to different samples of the same neighbourhood."""
    tops = [set(np.argsort(-np.abs(weights), kind="stable")[:TOP].tolist()) for weights in (first, second)]
    same_top = len(tops[0] & tops[1]) / len(tops[0])
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return Halves(float(np.array_equal(first, second)), same_top)
    return Halves(float(spearmanr(first, second).statistic), same_top)


def halves_of(samples: int, superpixels: int) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Rows of two halves of a paired neighbourhood, for each of ``SPLITS`` random splits; row 0 is in all halves.

    Two blocks stay together, so that all halves are balanced and see all views; while there are fewer than four
    blocks, only pairs stay together. There is no split of a single pair.
    """
    pair = pairs_of(samples)
    cycle = 2 * pairs_of_block(superpixels)
    unit = (pair - 1) // (cycle if pair[-1] >= 2 * cycle else 1)
    units, random = int(unit[-1]) + 1, np.random.RandomState(0)
    if units < 2:
        return []
    seconds = [np.isin(unit, random.permutation(units)[: units // 2]) for _ in range(SPLITS)]
    return [(np.flatnonzero(~second | (pair == 0)), np.flatnonzero(second | (pair == 0))) for second in seconds]


def intervals(
    masks: NDArray[np.integer],
    answers: NDArray[np.floating],
    sample_weights: NDArray[np.floating],
    weights: NDArray[np.floating],
    intercept: float,
    ridge: float = 1.0,
) -> NDArray[np.float32]:
    """95% interval of each weight of a weighted ridge regression on paired samples.

    The sandwich estimator with pairs as clusters (Liang and Zeger, Biometrika 73, 1986): it is valid although the
    model is not linear in the superpixels and the two samples of a pair are not independent. It ignores the ridge's
    shrinkage towards 0, which is 2% of a weight at ten samples per superpixel.

    Args:
        masks: ``(N, K)`` of 0 and 1, row 0 the untouched crop, then pairs of complements.
        answers: ``(N,)``, the model's answer to each mask.
        sample_weights: ``(N,)``, from the kernel.
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
    np.add.at(pairs, pairs_of(len(masks)), scores)
    variances = np.diag(bread @ (pairs.T @ pairs) @ bread)[1:] * widening(len(pairs), design.shape[1])
    errors = np.sqrt(np.maximum(variances, 0))
    reach = norm.ppf((1 + CONFIDENCE) / 2) * errors
    return np.stack([weights - reach, weights + reach], axis=1).astype(np.float32)


def pairs_of(samples: int) -> NDArray[np.intp]:
    """The pair of each of ``paired_masks``, ``(N,) int``; 0 is the untouched crop."""
    return (np.arange(samples) + 1) // 2


def pairs_of_block(superpixels: int) -> int:
    """Pairs in a block of balanced masks: a power of two above the number of superpixels."""
    return 1 << superpixels.bit_length()


def paired_masks(samples: int, superpixels: int, seed: int) -> NDArray[np.uint8]:
    """Draw masks in pairs, each followed by its complement, for less noise per sample (arXiv 2012.01536).

    Each mask by itself is a row of fair coin tosses, as in lime. But the masks of a block are the rows of a Hadamard
    matrix with shuffled rows and columns and columns of random sign. So in a block no two superpixels correlate by
    chance, and the effect of one adds no noise to another's (Plackett and Burman, Biometrika 33, 1946).

    Args:
        samples: rows ``N``, at least 1. If it is even, the last mask has no complement.
        superpixels: columns ``K``.
        seed: equal seeds give equal rows, whatever ``samples`` is.

    Returns:
        ``(N, K) uint8`` of 0 and 1 = visible; row 0 is all ones.
    """
    random = np.random.default_rng(seed)
    size, pairs = pairs_of_block(superpixels), samples // 2
    signs = hadamard(size)[:, 1:]  # its first column is the same in every row
    drawn = np.empty((-(-pairs // size) * size, superpixels), np.uint8)
    for start in range(0, pairs, size):
        columns = random.permutation(size - 1)[:superpixels]
        block = signs[random.permutation(size)][:, columns] * random.choice([-1, 1], superpixels)
        drawn[start : start + size] = block > 0
    masks = np.stack([drawn, 1 - drawn], axis=1).reshape(-1, superpixels)
    return np.concatenate([np.ones((1, superpixels), np.uint8), masks])[:samples]


def turns_of(samples: int, superpixels: int) -> NDArray[np.intp]:
    """Which of the model's views sees each of ``paired_masks``, ``(N,) int``, to be counted round.

    All masks of a block get one view, and their complements the next one, so two blocks use four views. A superpixel
    counts more in one view than in another. Within a block, where masks are balanced, this shifts only the superpixel's
    own weight, and over all views the shifts average out. If each pair had another view, they would be noise.
    """
    rows = np.maximum(np.arange(samples) - 1, 0)
    return 2 * (rows // 2 // pairs_of_block(superpixels)) + rows % 2


def batch_bounds(samples: int, batch_size: int) -> list[tuple[int, int]]:
    """Start and end row of each batch: whole batches, the first one in parts.

    Args:
        samples: number of rows, at least 1.
        batch_size: rows of a whole batch, at least 1.
    """
    parts = [batch_size * part // FIRST_PARTS for part in range(1, FIRST_PARTS)]
    whole = range(batch_size, samples, batch_size)
    ends = [*sorted({end for end in (*parts, *whole) if 0 < end < samples}), samples]
    return list(zip([0, *ends], ends, strict=False))


def answers_in_batches(
    ask: PredictMasks, masks: NDArray[np.uint8], classes: int, batch_size: int, cancelled: Callable[[], bool]
) -> Iterator[NDArray[np.float64]]:
    """The probabilities ``(n, classes)`` of the first ``n`` masks, after each batch; none once cancelled."""
    probabilities = np.empty((len(masks), classes))
    turns = turns_of(*masks.shape)
    for start, used in batch_bounds(len(masks), batch_size):
        if cancelled():
            return
        answers = np.asarray(ask(masks[start:used], turns[start:used]))
        expected = (used - start, classes)
        if answers.shape != expected:
            raise ValueError(f"predict must return (images, classes) {expected}, got {answers.shape}")
        probabilities[start:used] = answers
        yield probabilities[:used]


@dataclass(frozen=True, eq=False)
class Fitted:
    """Weights fitted to the samples so far, with their intervals, the agreement of two halves, and further numbers."""

    weights: NDArray[np.float32]
    neighbourhood: Neighbourhood
    intervals: NDArray[np.float32]
    halves: Halves
    numbers: dict[str, float]
