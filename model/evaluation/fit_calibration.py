"""Fits temperature, bias and inconclusive band to a network's answers for labelled pictures of several sources."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.artifact.facts import FEW
from model.detector.detector import scale_by_temperature
from model.evaluation.band import fit_band, fit_band_to_unseen, upper_bound

# Standard deviations of the normal priors of log temperature and bias. The priors matter only with few pictures:
# temperatures from 0.37 to 2.7 and biases from -2 to 2 are then likely.
LOG_TEMPERATURE_SPREAD, BIAS_SPREAD = 0.5, 1.0

Floats = NDArray[np.float64]
Scores = Mapping[str, Floats]
Truths = Mapping[str, NDArray[np.bool_]]


@dataclass(frozen=True)
class Calibration:
    """The fitted values.

    Attributes:
        temperature: divides the logits.
        fake_bias: added to the logit of Fake after the division.
        band: P(Fake) between these bounds gets no verdict.
    """

    temperature: float
    fake_bias: float
    band: tuple[float, float]

    def scale(self, p_raw: Floats) -> Floats:
        """Calibrated P(Fake) ``(N,)`` from the network's uncalibrated P(Fake) ``(N,)``."""
        return scale_by_temperature(two_columns(p_raw), self.temperature, (self.fake_bias, 0.0))[:, 0]


def calibrate_scores(p_raw: Scores, is_fake: Truths, unseen: Collection[str] = ()) -> Calibration:
    """Fit temperature, bias and band.

    All sources together decide where P(Fake) is 0.5. How fast it rises there is decided by the sources that have both
    classes, if there are any: reals are easy to distinguish from fakes of another source, so a fit to sources of one
    class would make the network too sure where it matters.

    Args:
        p_raw: the network's uncalibrated P(Fake) of the pictures of each source, ``(N,)``; together the sources must
            have both classes.
        is_fake: the truth of each source, ``(N,) bool``.
        unseen: sources that the network was not trained on. If they contain reals, the band keeps these from the
            verdict Fake, see ``fit_band_to_unseen``; otherwise it is symmetric, see ``fit_band``.
    """
    raw, truth, weights = _pooled(p_raw, is_fake, list(p_raw))
    few = is_few(is_fake)
    temperature, bias = fit_scaling(two_columns(raw), np.where(truth, 0, 1), weights, shrink=few)
    both = [name for name, fakes in is_fake.items() if 0 < fakes.sum() < len(fakes)]
    if 0 < len(both) < len(p_raw):
        hard, truths, shares = _pooled(p_raw, is_fake, both)
        columns, few_hard = two_columns(hard), is_few({name: is_fake[name] for name in both})
        even = bias * temperature  # -even is the network's logit of Fake where P(Fake) is 0.5
        temperature, bias = fit_scaling(columns, np.where(truths, 0, 1), shares, few_hard, even)
    scaling = Calibration(temperature, bias, (0.5, 0.5))
    reals = {name: scaling.scale(p_raw[name])[~is_fake[name]] for name in p_raw if not is_fake[name].all()}
    unseen_reals = {name: p_fake for name, p_fake in reals.items() if name in unseen}
    seen_reals = {name: p_fake for name, p_fake in reals.items() if name not in unseen}
    chosen = (scaling.scale(raw), truth, weights)
    band = fit_band_to_unseen(*chosen, unseen_reals, few, seen_reals) if unseen_reals else fit_band(*chosen, few)
    return Calibration(temperature, bias, band)


def _pooled(p_raw: Scores, is_fake: Truths, names: list[str]) -> tuple[Floats, NDArray[np.bool_], Floats]:
    """Uncalibrated P(Fake), truth and weight of all pictures of some sources, each ``(N,)``."""
    raw, truth = (np.concatenate([by_source[name] for name in names]) for by_source in (p_raw, is_fake))
    return raw, truth, np.concatenate(list(balanced_weights({name: is_fake[name] for name in names}).values()))


def balanced_weights(is_fake: Truths) -> dict[str, Floats]:
    """A weight for each picture: reals and fakes weigh 1/2 each, and within a class all sources weigh the same."""
    weights = {name: np.zeros(len(truth)) for name, truth in is_fake.items()}
    for fake in (True, False):
        members = {name: truth == fake for name, truth in is_fake.items() if (truth == fake).any()}
        for name, mine in members.items():
            weights[name][mine] = 0.5 / len(members) / mine.sum()
    return weights


def is_few(is_fake: Truths) -> bool:
    """Whether a class has fewer than ``FEW`` pictures."""
    return min(count(is_fake)) < FEW


def count(is_fake: Truths) -> tuple[int, int]:
    """Number of reals and of fakes."""
    fakes = sum(int(truth.sum()) for truth in is_fake.values())
    return sum(len(truth) for truth in is_fake.values()) - fakes, fakes


def fit_scaling(
    probabilities: NDArray[np.floating],
    truth: NDArray[np.int_],
    weights: NDArray[np.floating],
    shrink: bool = False,
    even: float | None = None,
) -> tuple[float, float]:
    """Temperature and bias that minimise the weighted log loss (arXiv 1706.04599, with Platt's bias).

    Args:
        probabilities: the network's softmax ``(N, 2)``.
        truth: column of the right class, ``(N,) int``.
        weights: weight of each picture, ``(N,)``.
        shrink: pull the temperature towards 1 and the bias towards 0 with a prior (see ``LOG_TEMPERATURE_SPREAD``):
            without it, a dozen pictures could give any temperature.
        even: temperature times bias, fixed: it decides where both classes get 0.5. None fits the bias freely.

    Returns:
        The temperature, and the bias to add to the logit of column 0 after dividing by it.
    """
    from scipy.optimize import minimize

    effective_size = float(weights.sum() ** 2 / (weights**2).sum())  # number of pictures, after Kish

    def values(parameters: NDArray[np.float64]) -> tuple[float, float]:
        temperature = float(np.exp(parameters[0]))
        return temperature, float(parameters[1]) if even is None else even / temperature

    def loss(parameters: NDArray[np.float64]) -> float:
        temperature, bias = values(parameters)
        scaled = scale_by_temperature(probabilities, temperature, (bias, 0.0))
        chosen = np.maximum(scaled[np.arange(len(truth)), truth], 1e-12)
        penalty = (np.log(temperature) / LOG_TEMPERATURE_SPREAD) ** 2 + (bias / BIAS_SPREAD) ** 2
        return float(-np.average(np.log(chosen), weights=weights)) + shrink * penalty / 2 / effective_size

    bounds = [(-2.5, 2.5), (-3, 3)] if even is None else [(-2.5, 2.5)]
    return values(minimize(loss, np.zeros(len(bounds)), method="L-BFGS-B", bounds=bounds).x)


def two_columns(p_fake: NDArray[np.floating]) -> NDArray[np.floating]:
    """P(Fake) and P(Real) as columns ``(N, 2)``, from P(Fake) ``(N,)``."""
    return np.stack([p_fake, 1 - p_fake], axis=1)


def accusations(p_raw: Scores, is_fake: Truths, chosen: Calibration, unseen: Collection[str]) -> dict[str, dict]:
    """How the verdicts treat the reals of each unseen source.

    Returns:
        For each unseen source with reals: ``real``, their number; ``accused``, the share with the verdict Fake;
        ``accused_at_most``, its one-sided 95% upper bound; ``inconclusive``, the share without a verdict. If another
        unseen source has reals too, also ``left_out_accused`` and ``left_out_inconclusive``: the shares after a fit
        without this source, an estimate for a new source.
    """
    sources = [name for name in p_raw if name in unseen and not is_fake[name].all()]
    return {name: _accusations_of(name, p_raw, is_fake, chosen, sources) for name in sources}


def _accusations_of(name: str, p_raw: Scores, is_fake: Truths, chosen: Calibration, sources: list[str]) -> dict:
    reals = p_raw[name][~is_fake[name]]
    accused, inconclusive = _shares(reals, chosen)
    found = {
        "real": len(reals),
        "accused": round(accused, 4),
        "accused_at_most": round(upper_bound(round(accused * len(reals)), len(reals)), 4),
        "inconclusive": round(inconclusive, 4),
    }
    rest = {other: truth for other, truth in is_fake.items() if other != name}
    if len(sources) > 1 and min(count(rest)):
        without = calibrate_scores({other: p_raw[other] for other in rest}, rest, sources)
        shares = _shares(reals, without)
        found |= {"left_out_accused": round(shares[0], 4), "left_out_inconclusive": round(shares[1], 4)}
    return found


def _shares(reals: Floats, calibration: Calibration) -> tuple[float, float]:
    """Share of pictures with the verdict Fake, and share without a verdict."""
    p_fake, (low, high) = calibration.scale(reals), calibration.band
    return float(np.mean(p_fake >= high)), float(np.mean((low < p_fake) & (p_fake < high)))
