"""Measures of a detector; the most important ones are named after the mistakes that harm people."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.evaluation.bootstrap import Measure, Scores, Truth, wilson

BINS = 10  # of equal width, as in Guo et al. and most papers on calibration


def accuracy(p_fake: Scores, is_fake: Truth) -> float:
    """Share of pictures on the right side of P(Fake) = 0.5."""
    return float(np.mean((p_fake >= 0.5) == is_fake))


def auc(p_fake: Scores, is_fake: Truth) -> float:
    """Probability that a fake scores above a real; ties count half (Mann-Whitney). nan without both classes."""
    from scipy.stats import rankdata

    fakes = int(is_fake.sum())
    reals = len(is_fake) - fakes
    if not fakes or not reals:
        return float("nan")
    ranks = rankdata(p_fake)
    return float((ranks[is_fake].sum() - fakes * (fakes + 1) / 2) / (fakes * reals))


def false_accusation_rate(p_fake: Scores, is_fake: Truth) -> float:
    """Share of real photos called fake, the mistake that harms a person; nan without real photos."""
    return float(np.mean(p_fake[~is_fake] >= 0.5)) if (~is_fake).any() else float("nan")


def miss_rate(p_fake: Scores, is_fake: Truth) -> float:
    """Share of fakes called real, the mistake that lets a forgery pass; nan without fakes."""
    return float(np.mean(p_fake[is_fake] < 0.5)) if is_fake.any() else float("nan")


def precision_fake(p_fake: Scores, is_fake: Truth) -> float:
    """Share of fakes among pictures called fake, which depends on the share of fakes in the set.

    nan if nothing is called fake, and without both classes: then the value depends only on the set, not on the model.
    """
    return _precision(p_fake >= 0.5, is_fake)


def precision_real(p_fake: Scores, is_fake: Truth) -> float:
    """Share of reals among pictures called real; see ``precision_fake``."""
    return _precision(p_fake < 0.5, ~is_fake)


def _precision(called: Truth, true: Truth) -> float:
    if not called.any() or true.all() or not true.any():
        return float("nan")
    return float(np.mean(true[called]))


def recall_fake(p_fake: Scores, is_fake: Truth) -> float:
    """Share of fakes called fake: 1 minus ``miss_rate``."""
    return 1 - miss_rate(p_fake, is_fake)


def recall_real(p_fake: Scores, is_fake: Truth) -> float:
    """Share of real photos called real: 1 minus ``false_accusation_rate``."""
    return 1 - false_accusation_rate(p_fake, is_fake)


def f1_fake(p_fake: Scores, is_fake: Truth) -> float:
    """Harmonic mean of precision and recall of Fake; 0 if no fake is found, nan without both classes."""
    return _f1(p_fake >= 0.5, is_fake)


def f1_real(p_fake: Scores, is_fake: Truth) -> float:
    """Harmonic mean of precision and recall of Real; 0 if no real photo is found, nan without both classes."""
    return _f1(p_fake < 0.5, ~is_fake)


def _f1(called: Truth, true: Truth) -> float:
    if true.all() or not true.any():
        return float("nan")
    return 2 * float(np.sum(called & true)) / float(called.sum() + true.sum())


def average_precision(p_fake: Scores, is_fake: Truth) -> float:
    """Area under the precision-recall curve of Fake, as scikit-learn's step function; nan without both classes."""
    if is_fake.all() or not is_fake.any():
        return float("nan")
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(is_fake, p_fake))


def brier_score(p_fake: Scores, is_fake: Truth) -> float:
    """Mean squared distance of P(Fake) from the truth; 0 is best, and a constant answer of 0.5 gives 0.25."""
    return float(np.mean((p_fake - is_fake) ** 2))


def expected_calibration_error(p_fake: Scores, is_fake: Truth, bins: int = BINS, balanced: bool = False) -> float:
    """Mean gap between stated and true frequency of Fake over equal-width bins, weighted by their size.

    After Guo et al. (arXiv 1706.04599), but on P(Fake) and not on the more likely class; nan without both classes,
    because a set of one class can't test a probability. ``balanced`` weights pictures so that each class counts half.
    """
    if is_fake.all() or not is_fake.any():
        return float("nan")
    share = np.mean(is_fake)
    weights = np.where(is_fake, 0.5 / share, 0.5 / (1 - share)) if balanced else np.ones(len(is_fake))
    gaps = np.bincount(_bin_of(p_fake, bins), weights * (p_fake - is_fake), bins)
    return float(np.abs(gaps).sum() / len(is_fake))


def calibration_error_by_chance(p_fake: Scores, rounds: int = 200) -> float:
    """Mean ``expected_calibration_error`` if the truth is drawn at random with the stated probabilities.

    A perfectly calibrated model also has this error on the same number of pictures (Roelofs et al., arXiv 2012.08668).
    """
    rng = np.random.default_rng(0)
    errors = [expected_calibration_error(p_fake, rng.random(len(p_fake)) < p_fake) for _ in range(rounds)]
    return float(np.nanmean(errors))


def _bin_of(p_fake: Scores, bins: int) -> NDArray[np.int_]:
    return np.minimum((p_fake * bins).astype(int), bins - 1)


@dataclass(frozen=True)
class Bin:
    """Pictures with similar P(Fake): the stated probability and the observed frequency.

    Attributes:
        low: lowest P(Fake) of the bin.
        high: lowest P(Fake) of the next bin.
        count: number of its pictures; bins without pictures are not reported.
        stated: mean P(Fake) of its pictures.
        observed: share of fakes among its pictures.
        interval: 95% Wilson interval of ``observed``.
    """

    low: float
    high: float
    count: int
    stated: float
    observed: float
    interval: tuple[float, float]

    def rounded(self) -> dict[str, Any]:
        """The values for a card: the same names, numbers rounded to four digits."""
        return {key: np.round(value, 4).tolist() for key, value in asdict(self).items()}


def reliability_bins(p_fake: Scores, is_fake: Truth) -> list[Bin]:
    """The bins of ``expected_calibration_error``, lowest first, without empty ones."""
    which = _bin_of(p_fake, BINS)
    found = []
    for number in np.unique(which):
        inside = which == number
        count, fakes = int(inside.sum()), int(is_fake[inside].sum())
        stated = float(p_fake[inside].mean())
        interval = wilson(fakes, count)
        found.append(Bin(number / BINS, (number + 1) / BINS, count, stated, fakes / count, interval))
    return found


def risk_coverage(p_fake: Scores, is_fake: Truth) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Error rate among the surest pictures, for every share of pictures that get a verdict.

    Sureness is the distance of P(Fake) from 0.5 (Geifman & El-Yaniv, arXiv 1705.08500). Pictures with the same
    sureness count with their mean error, so their order does not matter.

    Returns:
        Coverage ``(N,)``, from 1/N to 1, and the risk ``(N,)`` in 0..1 at each.
    """
    sureness = np.abs(p_fake - 0.5)
    wrong = (p_fake >= 0.5) != is_fake
    _, ties = np.unique(-sureness, return_inverse=True)
    shared = (np.bincount(ties, wrong) / np.bincount(ties))[np.sort(ties)]
    number = np.arange(1, len(wrong) + 1)
    return number / len(wrong), np.cumsum(shared) / number


def area_under_risk_coverage(p_fake: Scores, is_fake: Truth) -> float:
    """Mean risk over all coverages: low if the model is wrong only when it is unsure."""
    return float(risk_coverage(p_fake, is_fake)[1].mean())


def risk_at_coverage(p_fake: Scores, is_fake: Truth, coverage: float) -> float:
    """Error rate among the surest pictures, at least one.

    Args:
        p_fake: P(Fake) of each picture, ``(N,)``.
        is_fake: the truth, ``(N,) bool``.
        coverage: their share of all pictures, above 0 and at most 1.

    Raises:
        ValueError: if ``coverage`` is out of its range.
    """
    if not 0 < coverage <= 1:
        raise ValueError(f"coverage must be above 0 and at most 1, not {coverage}.")
    return float(risk_coverage(p_fake, is_fake)[1][max(1, round(coverage * len(p_fake))) - 1])


def risk_at_half_coverage(p_fake: Scores, is_fake: Truth) -> float:
    """Error rate among the surest half of the pictures."""
    return risk_at_coverage(p_fake, is_fake, 0.5)


# The measures that a card must contain; those that harm people come first.
MEASURES: dict[str, Measure] = {
    "false_accusation_rate": false_accusation_rate,
    "miss_rate": miss_rate,
    "accuracy": accuracy,
    "auc": auc,
    "expected_calibration_error": expected_calibration_error,
}
NO_SHARES = frozenset({"expected_calibration_error", "brier_score", "area_under_risk_coverage"})
FURTHER_MEASURES: dict[str, Measure] = {
    "precision_fake": precision_fake,
    "recall_fake": recall_fake,
    "f1_fake": f1_fake,
    "precision_real": precision_real,
    "recall_real": recall_real,
    "f1_real": f1_real,
    "average_precision": average_precision,
    "brier_score": brier_score,
    "area_under_risk_coverage": area_under_risk_coverage,
    "risk_at_half_coverage": risk_at_half_coverage,
}


@dataclass(frozen=True)
class SetScores:
    """A model's answers for one data set.

    Attributes:
        name: the data set's name.
        p_fake: P(Fake), ``(N,)`` in 0..1.
        is_fake: the truth, ``(N,) bool``.
        band: P(Fake) between these bounds gets no verdict.
    """

    name: str
    p_fake: Scores
    is_fake: Truth
    band: tuple[float, float] = (0.5, 0.5)

    @property
    def has_both_classes(self) -> bool:
        """Whether the set contains reals and fakes."""
        return bool(0 < self.is_fake.sum() < len(self.is_fake))
