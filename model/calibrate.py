"""Fits temperature, bias and inconclusive band: ``python -m model calibrate model/weights/lite_attention DATA``."""

import json
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from tqdm import tqdm

from model.artifact import Card, named_after, write_card
from model.charts import Judged, chart, save
from model.cli import run, tell_report
from model.corruptions import CLEAN
from model.data_options import (
    FACES,
    Faces,
    GroupPattern,
    RemoveLeaks,
    Sets,
    WholePictures,
    grouping,
    warn_of_other_view,
)
from model.dataset import DatasetError, Example, gather
from model.detector import Detector, scale_by_temperature
from model.measuring import judge, judged_members, truth_of
from model.metrics import expected_calibration_error
from model.split import split_of_run

DECIDED_ACCURACY = 0.85  # what the verdicts Fake and Real must reach on validation data
UNCALIBRATED = ("transfer",)  # measured figures that no calibration moves: it keeps the order of pictures
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

    from scipy.optimize import minimize

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


def raw_p_fake(
    detector: Detector, data: Path, members: Mapping[str, Sequence[Example]]
) -> dict[str, NDArray[np.float64]]:
    """The network's own P(Fake) of the pictures of each data set, as if it had never been calibrated."""
    raw = copy(detector)
    raw.card = replace(detector.card, temperature=None, fake_bias=0.0)
    judged = {}
    for name, examples in members.items():
        with tqdm(total=len(examples), desc=name, unit="picture") as bar:
            judged[name] = judge(raw, data, examples, advance=bar.update)[CLEAN]
    return judged


def write_results(
    out: Path, card: Card, raw: Mapping[str, NDArray], is_fake: Mapping[str, NDArray[np.bool_]], given: Mapping
) -> None:
    """Write what was fitted, each set's calibration error before and after, and reliability diagrams."""
    out.mkdir(parents=True, exist_ok=True)
    errors: dict[str, dict[str, float]] = {}
    for name, p_raw in raw.items():
        scaled = scale_by_temperature(two_columns(p_raw), card.temperature or 1.0, (card.fake_bias, 0.0))[:, 0]
        errors[name] = {}
        for when, p_fake in (("before", p_raw), ("after", scaled)):
            errors[name][when] = round(expected_calibration_error(p_fake, is_fake[name]), 4)
            judged = Judged(f"{name}, {when} calibration", p_fake, is_fake[name], card.inconclusive_band)
            save(chart("reliability", judged), out / f"{name}_{when}.png")
    fitted = {
        "temperature": card.temperature,
        "fake_bias": card.fake_bias,
        "inconclusive_band": card.inconclusive_band,
        "calibration_error": errors,
    }
    (out / "calibration.json").write_text(json.dumps(fitted, indent=2) + "\n")
    arguments = {name: str(value) if isinstance(value, Path) else value for name, value in given.items()}
    versions = {name: version(name) for name in ("numpy", "scipy")}
    (out / "arguments.json").write_text(json.dumps({**arguments, "versions": versions}, indent=2) + "\n")


def two_columns(p_fake: NDArray[np.floating]) -> NDArray[np.floating]:
    """P(Fake) ``(N,)`` beside P(Real), ``(N, 2)``."""
    return np.stack([p_fake, 1 - p_fake], axis=1)


def calibrate(
    artifact: Annotated[Path, typer.Argument(help="Model folder whose card is updated.")],
    data: Annotated[Path, typer.Argument(help="Data folder; its validation splits are used.")],
    out: Annotated[Path, typer.Option(help="Folder for figures and reliability diagrams.")] = Path("runs/calibration"),
    sets: Sets = None,
    faces: Faces = FACES,
    group_pattern: GroupPattern = None,
    remove_leaks: RemoveLeaks = False,
    whole: WholePictures = False,
    seed: Annotated[int, typer.Option(help="Decides the split of pictures without one, as in training.")] = 0,
) -> None:
    """Fit temperature, bias and the inconclusive band on validation pictures, each data set weighing the same.

    The model's card is updated, and loses what was measured with the calibration that it had. OUT/calibration.json and
    the diagrams tell each data set's calibration error before and after.
    """
    given = dict(locals())
    detector = Detector(artifact)
    warn_of_other_view(detector.card, named_after(artifact).name, whole)
    examples = gather(data, None if whole else faces, seed, sets, grouping(group_pattern), remove_leaks)
    members = judged_members(split_of_run(artifact, examples), "val", whole)
    both = {name: truth_of(examples) for name, examples in members.items()}
    both = {name: truth for name, truth in both.items() if 0 < truth.sum() < len(truth)}
    if not both:
        raise DatasetError(f"{data} holds no val pictures of both classes{'' if whole else ' with a face in them'}.")
    raw = raw_p_fake(detector, data, {name: members[name] for name in both})
    p_raw, is_fake = np.concatenate(list(raw.values())), np.concatenate(list(both.values()))
    weights = np.concatenate([np.full(len(truth), 1 / len(truth)) for truth in both.values()])
    temperature, fake_bias = fit_scaling(two_columns(p_raw), np.where(is_fake, 0, 1), weights)
    scaled = scale_by_temperature(two_columns(p_raw), temperature, (fake_bias, 0.0))[:, 0]
    band = fit_band(scaled, is_fake, weights)
    before = detector.card.metrics
    kept = {name: figures for name, figures in before.items() if name in UNCALIBRATED}
    card = replace(detector.card, temperature=temperature, fake_bias=fake_bias, inconclusive_band=band, metrics=kept)
    write_results(out, card, raw, both, given)
    write_card(artifact, card)
    print(f"temperature {temperature:.3f}, bias of Fake {fake_bias:+.3f}, inconclusive {band[0]:.2f} to {band[1]:.2f}")
    if len(kept) < len(before):
        print("Figures of the old calibration left the card: measure again with python -m model evaluate ... --write")
    tell_report(out / "calibration.json")


if __name__ == "__main__":
    run(calibrate)
