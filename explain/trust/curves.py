"""Deletion and insertion curves of a map, and of random orders of the same regions (RISE, arXiv 1806.07421).

Deletion hides the regions one after another, most important first, and follows P(target); insertion starts from the
hidden face and shows them. Absolute areas depend on the photo, so a map is judged by its rank among random orders.

Showing the first ``n`` regions of an order is the same picture as hiding the first ``K - n`` of the reversed order: the
insertion curve of an order is the deletion curve of its reverse, read backwards. So the curves of an order and of its
reverse give both measures, and random orders together with their reverses give both bands for the cost of one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explain.trust.agreement import without_noise

# Between the 10 points of a curve; fewer with fewer regions; odd, see hidden_counts. On four test faces of 24 to 27
# regions, the areas of 50 random orders by 9 steps and by all steps had rank correlations of .94 to .98 (15 steps: .98
# to .995), and each map and its reverse the same percentiles.
STEPS = 9
ORDERS = 50  # random orders, 25 with their reverses: a percentile moves in steps of 2%
QUANTILES = (0.05, 0.5, 0.95)  # of the random orders, drawn as their band
AREA_DECIMALS = 9  # areas that differ by less are ties: sums of the same numbers in another order


@dataclass(frozen=True, eq=False)
class Band:
    """The curves of random orders of the regions.

    Attributes:
        curves: deletion curves of the random orders, ``(ORDERS, n + 1) float64``, closed under reversal.
        shares: share of the regions hidden at each point, ``(n + 1,) float64`` from 0 to 1.
    """

    curves: NDArray[np.float64]
    shares: NDArray[np.float64]

    @property
    def deletion(self) -> NDArray[np.float64]:
        """Quantiles of the deletion curves at each point, ``(3, n + 1)``."""
        return np.quantile(self.curves, QUANTILES, axis=0)

    @property
    def insertion(self) -> NDArray[np.float64]:
        """Quantiles of the insertion curves at each point, ``(3, n + 1)``: each is another order's deletion curve."""
        return self.deletion[:, ::-1]

    @property
    def areas(self) -> NDArray[np.float64]:
        """Area under each curve, ``(ORDERS,)``; the same values for deletion and for insertion."""
        return area(self.curves, self.shares)

    def share_above(self, own: float) -> float:
        """Share of the random orders, 0..1, with a larger area than ``own``; ties count half."""
        areas = self.areas
        return float(2 * np.sum(areas > own) + np.sum(areas == own)) / (2 * len(areas))


@dataclass(frozen=True, eq=False)
class Curves:
    """One map's curves with one hide value, and their rank among random orders.

    Attributes:
        hide: what a hidden region looked like.
        deletion: P(target) as regions are hidden, ``(n + 1,) float64``; element 0 is the untouched face.
        insertion: P(target) as regions are shown, ``(n + 1,) float64``; element 0 is the hidden face.
        band: the curves of the random orders, over the same ``band.shares``.
    """

    hide: str
    deletion: NDArray[np.float64]
    insertion: NDArray[np.float64]
    band: Band

    @property
    def deletion_area(self) -> float:
        """Mean P(target) while hiding, 0..1: the lower, the better the map."""
        return float(area(self.deletion, self.band.shares))

    @property
    def insertion_area(self) -> float:
        """Mean P(target) while showing, 0..1: the higher, the better the map."""
        return float(area(self.insertion, self.band.shares))

    @property
    def deletion_percentile(self) -> float:
        """Share of random orders, 0..1, that lower P(target) less than the map does; ties count half."""
        return self.band.share_above(self.deletion_area)

    @property
    def insertion_percentile(self) -> float:
        """Share of random orders, 0..1, that raise P(target) less than the map does; ties count half."""
        return round(1 - self.band.share_above(self.insertion_area), 9)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON, rounded to four decimals."""
        random = {
            "orders": len(self.band.curves),
            "quantiles": list(QUANTILES),
            "deletion": _rounded(self.band.deletion),
            "insertion": _rounded(self.band.insertion),
            "auc": _rounded(np.quantile(self.band.areas, QUANTILES)),
        }
        return {
            "hide": self.hide,
            "shares": _rounded(self.band.shares),
            "deletion": _rounded(self.deletion),
            "insertion": _rounded(self.insertion),
            "deletion_auc": round(self.deletion_area, 4),
            "insertion_auc": round(self.insertion_area, 4),
            "deletion_percentile": round(self.deletion_percentile, 4),
            "insertion_percentile": round(self.insertion_percentile, 4),
            "random": random,
        }


def order_of(values: NDArray[np.floating], seed: int) -> NDArray[np.intp]:
    """The regions ``(K,)``, most important first.

    Ties get a random order: their labels run down the face, which is not random.

    Args:
        values: ``(K,)``, one per region; for a signed map the strongest region for the target is first, the strongest
            against it last.
        seed: decides the order of ties.
    """
    shuffled = np.random.RandomState(seed).permutation(len(values))
    return shuffled[np.argsort(-without_noise(values)[shuffled], kind="stable")]


def random_orders(count: int, seed: int) -> NDArray[np.intp]:
    """``(ORDERS, K)`` random orders of ``count`` regions, each with its reverse; equal seeds give equal orders."""
    random = np.random.RandomState(seed)
    drawn = np.stack([random.permutation(count) for _ in range(ORDERS // 2)])
    return np.concatenate([drawn, drawn[:, ::-1]])


def hidden_counts(count: int) -> NDArray[np.intp]:
    """How many of ``count`` regions are hidden at the points of a curve, ``(n + 1,)`` from 0 to ``count``.

    Evenly spaced, and the same from either end, since curves are read backwards too. With an even number of steps an
    odd ``count`` would need two points in its middle.
    """
    steps = min(STEPS, count)
    lower = np.rint(np.arange(steps // 2 + 1) * count / steps).astype(np.intp)
    return np.unique(np.concatenate([lower, count - lower]))


def curve_masks(orders: NDArray[np.intp]) -> NDArray[np.uint8]:
    """The masks to predict for the deletion curves of orders ``(M, K)``.

    Returns:
        ``(2 + M * (n - 1), K) uint8``, 1 = shown: the untouched and the hidden face, which all curves share, then the
        inner points of each curve.
    """
    count = orders.shape[1]
    place = np.argsort(orders, axis=1)
    inner = place[:, None, :] >= hidden_counts(count)[None, 1:-1, None]
    ends = np.repeat([[1], [0]], count, axis=1)
    return np.concatenate([ends, inner.reshape(-1, count)]).astype(np.uint8)


def deletion_curves(answers: NDArray[np.float64], orders: NDArray[np.intp]) -> NDArray[np.float64]:
    """The curves ``(M, n + 1)`` of orders ``(M, K)``, from P(target) of each of their ``curve_masks``."""
    inner = answers[2:].reshape(len(orders), len(hidden_counts(orders.shape[1])) - 2)
    untouched, hidden = np.full((2, len(orders)), answers[:2, None])
    return np.column_stack([untouched, inner, hidden])


def area(curves: NDArray[np.float64], shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Area under curves ``(..., n + 1)`` over ``shares`` by the trapezoid rule, ``(...)``."""
    return np.round(np.trapezoid(curves, shares, axis=-1), AREA_DECIMALS)


def judge_orders(
    orders: NDArray[np.intp], random: NDArray[np.intp], answers: NDArray[np.float64], hide: str
) -> tuple[Curves, ...]:
    """The curves of each order ``(M, K)``, from P(target) of each of ``curve_masks(all_orders(orders, random))``."""
    all_curves = deletion_curves(answers, all_orders(orders, random))
    own, reversed_curves, random_curves = np.split(all_curves, [len(orders), 2 * len(orders)])
    band = Band(random_curves, hidden_counts(orders.shape[1]) / orders.shape[1])
    return tuple(Curves(hide, curve, reverse[::-1], band) for curve, reverse in zip(own, reversed_curves, strict=True))


def all_orders(orders: NDArray[np.intp], random: NDArray[np.intp]) -> NDArray[np.intp]:
    """All orders with deletion curves that are needed to compare orders ``(M, K)`` with random orders ``(N, K)``."""
    return np.concatenate([orders, orders[:, ::-1], random])


def _rounded(array: NDArray[np.float64]) -> list[Any]:
    values: list[Any] = np.round(array, 4).tolist()
    return values
