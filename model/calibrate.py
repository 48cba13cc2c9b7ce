"""Fits temperature, bias and inconclusive band: ``python -m model.calibrate model/weights/lite_attention DATA``."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from scipy.optimize import minimize

from model.artifact import TFLITE, load_artifact, write_card
from model.cli import run
from model.dataset import index, judged_sets
from model.detector import scale_by_temperature
from model.engine import Engine
from model.preprocessing import to_input

DECIDED_ACCURACY = 0.85  # what the verdicts Fake and Real must reach on validation data
WIDEST_BAND = 0.35  # half-width; a model that needs more is too weak to be helped by a band


def fit_scaling(
    probabilities: NDArray[np.floating], truth: NDArray[np.int_], weights: NDArray[np.floating]
) -> tuple[float, float]:
    """Temperature and bias that minimise the weighted log loss (arXiv 1706.04599, with Platt's bias).

    Args:
        probabilities: the network's softmax ``(N, 2)``.
        truth: column of the right class, ``(N,)``.
        weights: of each picture, ``(N,)``, so that data sets of different size count alike.

    Returns:
        The temperature, and the bias to add to the logit of column 0 after dividing by it.
    """

    def loss(parameters: NDArray[np.float64]) -> float:
        scaled = scale_by_temperature(probabilities, float(np.exp(parameters[0])), (float(parameters[1]), 0.0))
        chosen = np.maximum(scaled[np.arange(len(truth)), truth], 1e-12)
        return float(-np.average(np.log(chosen), weights=weights))

    best = minimize(loss, np.zeros(2), method="L-BFGS-B", bounds=[(-2.5, 2.5), (-3, 3)]).x
    return float(np.exp(best[0])), float(best[1])


def fit_band(p_fake: NDArray[np.floating], is_fake: NDArray[np.bool_], weights: NDArray) -> tuple[float, float]:
    """Narrowest band around 0.5 outside which verdicts are right often enough (``DECIDED_ACCURACY``)."""
    right = (p_fake >= 0.5) == is_fake
    for half_width in np.arange(0.05, WIDEST_BAND + 1e-9, 0.01):
        decided = np.abs(p_fake - 0.5) >= half_width
        if decided.any() and np.average(right[decided], weights=weights[decided]) >= DECIDED_ACCURACY:
            break
    return (round(0.5 - float(half_width), 2), round(0.5 + float(half_width), 2))


def calibrate(
    artifact: Annotated[Path, typer.Argument(help="Model folder whose card is updated.")],
    data: Annotated[Path, typer.Argument(help="Data folder; its validation splits are used.")],
    faces: Annotated[Path, typer.Option(help="Where found faces are remembered.")] = Path("runs/faces.json"),
) -> None:
    """Fit temperature, bias and the inconclusive band on validation pictures, each data set weighing the same."""
    card = load_artifact(artifact)
    engine = Engine(artifact / TFLITE)
    sets = judged_sets(data, index(data, faces), "val", card.preprocessing.crop_margin)
    outputs = [engine(to_input(crops, card.preprocessing))["probabilities"] for crops, _ in sets.values()]
    is_fake = np.concatenate([fakes for _, fakes in sets.values()])
    weights = np.concatenate([np.full(len(fakes), 1 / len(fakes)) for _, fakes in sets.values()])
    probabilities = np.concatenate(outputs)
    column = card.labels.index("Fake")
    temperature, first_bias = fit_scaling(probabilities, np.where(is_fake, column, 1 - column), weights)
    fake_bias = first_bias if column == 0 else -first_bias
    p_fake = scale_by_temperature(probabilities, temperature, (first_bias, 0.0))[:, column]
    band = fit_band(p_fake, is_fake, weights)
    write_card(artifact, replace(card, temperature=temperature, fake_bias=fake_bias, inconclusive_band=band))
    print(f"temperature {temperature:.3f}, bias of Fake {fake_bias:+.3f}, inconclusive {band[0]:.2f} to {band[1]:.2f}")


if __name__ == "__main__":
    run(calibrate)
