"""Chooses the inconclusive band: the values of P(Fake) that get no verdict."""

from collections.abc import Callable, Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

DECIDED_ACCURACY = 0.85  # accuracy that the verdicts Fake and Real must reach on the pictures of the fit
WIDEST_BAND = 0.35  # half-width; if a model needs more, a band does not help it
HALF_WIDTHS = np.arange(0.05, WIDEST_BAND + 1e-9, 0.01)
ACCUSED = 0.02  # share of the reals of an unseen source that may get the verdict Fake
ACCUSED_AT_MOST = 0.03  # limit of the upper confidence bound of that share
HIGHEST = 0.99  # highest upper end of the band; if unseen reals score above it, the model never says Fake
CONFIDENCE = 0.95  # of one-sided bounds

Floats = NDArray[np.floating]
Truth = NDArray[np.bool_]


def upper_bound(count: float, total: float) -> float:
    """One-sided 95% upper bound of a share (Clopper and Pearson, Biometrika 26, 1934); 1 without any trial.

    Args:
        count: successes; may be a fraction, as with weighted pictures.
        total: trials, at least ``count``.
    """
    from scipy.stats import beta

    return float(beta.ppf(CONFIDENCE, count + 1, total - count)) if count < total else 1.0


def lower_bound(count: float, total: float) -> float:
    """One-sided 95% lower bound of a share, see ``upper_bound``; 0 without any trial."""
    return 1 - upper_bound(total - count, total)


def is_right_often_enough(right: Truth, weights: Floats, cautious: bool) -> bool:
    """Whether the verdicts reach ``DECIDED_ACCURACY``; False if there are none.

    Args:
        right: whether each verdict is right, ``(N,) bool``.
        weights: weight of each verdict, ``(N,)``.
        cautious: test the lower confidence bound, for Kish's effective sample size, instead of the share itself.
    """
    if not weights.sum():
        return False
    share = float(np.average(right, weights=weights))
    effective_size = float(weights.sum() ** 2 / (weights**2).sum())
    return (lower_bound(share * effective_size, effective_size) if cautious else share) >= DECIDED_ACCURACY


def fit_band(p_fake: Floats, is_fake: Truth, weights: Floats, cautious: bool = False) -> tuple[float, float]:
    """Narrowest band around 0.5 outside which verdicts are right often enough, see ``is_right_often_enough``.

    If no band suffices, the result is the widest one, with half-width ``WIDEST_BAND``.

    Args:
        p_fake: P(Fake) of the pictures of the fit, ``(N,)``.
        is_fake: the truth, ``(N,) bool``.
        weights: weight of each picture, ``(N,)``.
        cautious: see ``is_right_often_enough``.
    """

    def holds(half_width: float) -> bool:
        decided = np.abs(p_fake - 0.5) >= half_width
        return is_right_often_enough(((p_fake >= 0.5) == is_fake)[decided], weights[decided], cautious)

    half_width = _first(HALF_WIDTHS, holds, float(HALF_WIDTHS[-1]))
    return (round(0.5 - half_width, 2), round(0.5 + half_width, 2))


def fit_band_to_unseen(
    p_fake: Floats,
    is_fake: Truth,
    weights: Floats,
    unseen_reals: Mapping[str, Floats],
    cautious: bool = False,
    known_reals: Mapping[str, Floats] | None = None,
) -> tuple[float, float]:
    """Narrowest band that also keeps reals of unseen sources from the verdict Fake; each end is chosen separately.

    Verdicts outside each end must be right often enough. The upper end must also suit every single unseen source (see
    ``spares``): sources differ more from each other than pictures of one source, so an average would hide the source
    that is accused most. If every source has fewer than about 100 pictures, no band can be shown to suit them; the
    upper end is then at least that of the widest band.

    Args:
        p_fake: P(Fake) of the pictures of the fit, ``(N,)``.
        is_fake: the truth, ``(N,) bool``.
        weights: weight of each picture, ``(N,)``.
        unseen_reals: P(Fake) of the real pictures of each source that the model was not trained on, at least one
            source.
        cautious: see ``is_right_often_enough``.
        known_reals: P(Fake) of validation reals of the sources that the model was trained on. A training can leave out
            only few sources, and these may be easy. Therefore the share of reals with the verdict Fake, averaged over
            all sources, must also be at most ``ACCUSED``.
    """
    sources = {**(known_reals or {}), **unseen_reals}

    def spares_all(edge: float) -> bool:
        mean = np.mean([np.mean(p >= edge) for p in sources.values()])
        return bool(mean <= ACCUSED) and all(spares(p, edge) for p in unseen_reals.values())

    def real_holds(edge: float) -> bool:
        return is_right_often_enough(~is_fake[p_fake <= edge], weights[p_fake <= edge], cautious)

    def fake_holds(edge: float) -> bool:
        return is_right_often_enough(is_fake[p_fake >= edge], weights[p_fake >= edge], cautious)

    lows, highs = np.round(0.5 - HALF_WIDTHS, 2), np.round(0.5 + HALF_WIDTHS, 2)
    higher = np.round(np.arange(highs[0], HIGHEST + 1e-9, 0.01), 2)
    low = _first(lows, real_holds, float(lows[-1]))
    high = _first(highs, fake_holds, float(highs[-1]))
    high = max(high, _first(higher, spares_all, 1.0))
    if all(upper_bound(0, len(p)) > ACCUSED_AT_MOST for p in unseen_reals.values()):
        high = max(high, float(highs[-1]))
    return low, high


def spares(p_fake: Floats, edge: float) -> bool:
    """Whether few enough reals of one source get the verdict Fake if it begins at ``edge``.

    The share must be at most ``ACCUSED`` of these pictures and, with 95% confidence, at most ``ACCUSED_AT_MOST`` of
    the source: 8 of 500 pass, 10 do not. If a source is too small to show the latter, none of its reals may get it.

    Args:
        p_fake: P(Fake) of the source's reals, ``(N,)``.
        edge: P(Fake) from which the verdict is Fake.
    """
    count, total = int((p_fake >= edge).sum()), len(p_fake)
    return count <= ACCUSED * total and upper_bound(count, total) <= max(ACCUSED_AT_MOST, upper_bound(0, total))


def _first(edges: Iterable[float], holds: Callable[[float], bool], otherwise: float) -> float:
    return next((float(edge) for edge in edges if holds(float(edge))), otherwise)
