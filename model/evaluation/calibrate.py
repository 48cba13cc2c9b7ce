"""Fits temperature, bias and inconclusive band: ``python -m model calibrate model/weights/lite_attention DATA``."""

import json
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from tqdm import tqdm

from model.artifact.card import Card, named_after, report_folder, write_card
from model.artifact.facts import FEW, trained_on
from model.artifact.versions import versions_of
from model.artifact.views import PLAIN, STEADY
from model.cli import print_report_path, recorded
from model.data.dataset import gather
from model.data.layout import Example, choose_sets, pictures
from model.data.options import (
    FACES,
    Faces,
    GroupPattern,
    RemoveLeaks,
    Sets,
    Steady,
    WholePictures,
    grouping,
    warn_of_other_view,
)
from model.data.split import split_of_run
from model.detector.detector import Detector
from model.errors import DatasetError
from model.evaluation.charts import chart
from model.evaluation.fit_calibration import Calibration, Scores, Truths, accusations, calibrate_scores, count
from model.evaluation.measuring import judge, scorable_members, truth_of
from model.evaluation.metrics import SetScores, expected_calibration_error
from model.evaluation.reports import save
from model.photos.corruptions import CLEAN

UNCALIBRATED = ("transfer", "cost")  # metrics that calibration can't change, because it keeps the order of pictures
EXAMINED = "unseen_"  # prefix of the data sets that are reserved for the final test


def raw_p_fake(
    detector: Detector, data: Path, members: Mapping[str, Sequence[Example]]
) -> dict[str, NDArray[np.float64]]:
    """The network's uncalibrated P(Fake) of the pictures of each data set, ``(N,)`` each."""
    raw = copy(detector)
    raw.card = replace(detector.card, temperature=None, fake_bias=0.0)
    p_fake = {}
    for name, examples in members.items():
        with tqdm(total=len(examples), desc=name, unit="picture") as bar:
            p_fake[name] = judge(raw, data, examples, advance=bar.update)[CLEAN]
    return p_fake


def write_results(
    out: Path, chosen: Calibration, raw: Scores, is_fake: Truths, record: Mapping[str, Any], given: Mapping[str, Any]
) -> None:
    """Write the fitted values, the calibration errors before and after, diagrams and arguments into ``out``.

    Only sets with both classes get a calibration error and diagrams.
    """
    out.mkdir(parents=True, exist_ok=True)
    errors: dict[str, dict[str, float]] = {}
    for name in (name for name, truth in is_fake.items() if 0 < truth.sum() < len(truth)):
        errors[name] = {}
        for when, p_fake in (("before", raw[name]), ("after", chosen.scale(raw[name]))):
            errors[name][when] = round(expected_calibration_error(p_fake, is_fake[name]), 4)
            scores = SetScores(f"{name}, {when} calibration", p_fake, is_fake[name], chosen.band)
            save(chart("reliability", scores), out / f"{name}_{when}.png")
    fitted = {
        "temperature": chosen.temperature,
        "fake_bias": chosen.fake_bias,
        "inconclusive_band": chosen.band,
        "calibration_error": errors,
        **record,
    }
    (out / "calibration.json").write_text(json.dumps(fitted, indent=2) + "\n")
    versions = versions_of(("numpy", "scipy"))
    (out / "arguments.json").write_text(json.dumps({**recorded(given), "versions": versions}, indent=2) + "\n")


def unseen_sets(card: Card, named: Sequence[str] | None, examples: Sequence[Example]) -> list[str]:
    """The data sets that the model was not trained on; calibration may use their training pictures.

    Args:
        card: the model's card.
        named: data sets that the user named. Without any, the result is the available sets that the training left out.
        examples: examples of the available data sets.

    Raises:
        DatasetError: if a named set is reserved for the final test, was trained on, or is not available.
    """
    left_out = card.training.get("arguments", {}).get("leave_out") or []
    at_hand = {example.dataset for example in examples}
    if not named:
        return sorted(at_hand.intersection(left_out))
    for name in named:
        if name.startswith(EXAMINED):
            raise DatasetError(f"{name} is reserved for the final test: name sets that the training left out.")
        if name in trained_on(card) and name not in left_out:
            raise DatasetError(f"{name} is not an unseen set: the model's card says that it was trained on it.")
        if name not in at_hand:
            raise DatasetError(f"There is no data set {name!r} among {', '.join(sorted(at_hand))}.")
    return sorted(set(named))


def members_of(examples: Sequence[Example], unseen: Sequence[str], whole: bool) -> dict[str, list[Example]]:
    """The pictures of the fit, by data set: validation pictures, and also the training pictures of unseen sets.

    Raises:
        DatasetError: see ``scorable_members``.
    """
    untrained = [
        replace(example, split="val") if example.split == "train" and example.dataset in unseen else example
        for example in examples
    ]
    return scorable_members(untrained, "val", whole)


def calibrate(
    artifact: Annotated[Path, typer.Argument(help="Model folder; its card is updated.")],
    data: Annotated[Path, typer.Argument(help="Data folder; its validation splits are used.")],
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for figures and reliability diagrams.", show_default="in the model's run, or in runs/"
        ),
    ] = None,
    sets: Sets = None,
    unseen: Annotated[
        list[str] | None,
        typer.Option(
            help="Data set that the model was not trained on: its training pictures are also used, and its reals "
            "decide the band; may be repeated.",
            show_default="those that the training left out",
        ),
    ] = None,
    faces: Faces = FACES,
    group_pattern: GroupPattern = None,
    remove_leaks: RemoveLeaks = False,
    whole: WholePictures = False,
    steady: Steady = None,
    seed: Annotated[int, typer.Option(help="Decides the split of pictures without one, as in training.")] = 0,
) -> None:
    """Fit temperature, bias and the inconclusive band on validation pictures.

    Reals and fakes have the same weight, and so has each data set within a class. Sets of one class help to decide
    where P(Fake) is 0.5, not how fast it rises there. With unseen sets, the band is chosen so that at most 2% of the
    reals of each of them, and 2% on average over all sets, get the verdict Fake. The model's card is updated, and
    figures measured with its old calibration are removed. OUT/calibration.json and the diagrams show each data set's
    calibration error before and after.
    """
    out = out or report_folder(artifact, "calibration")
    given = dict(locals())
    detector = Detector(artifact)
    before = detector.card
    if steady is not None:
        detector.card = replace(before, views=STEADY if steady else PLAIN)
    warn_of_other_view(detector.card, named_after(artifact).name, whole)
    unseen = unseen_sets(detector.card, unseen, choose_sets(data, pictures(data), sets))

    def wanted(example: Example) -> bool:
        return example.split == "val" or (example.split == "train" and example.dataset in unseen)

    group_of = grouping(group_pattern)
    examples = gather(data, None if whole else faces, seed, sets, group_of, remove_leaks, wanted=wanted)
    examples = [example for example in examples if not example.dataset.startswith(EXAMINED)]
    members = members_of(split_of_run(artifact, examples), unseen, whole)
    is_fake = {name: truth_of(pictures) for name, pictures in members.items()}
    if not min(count(is_fake)):
        raise DatasetError(f"{data} has no val pictures of both classes{'' if whole else ' with a face in them'}.")
    raw = raw_p_fake(detector, data, members)
    chosen = calibrate_scores(raw, is_fake, unseen)
    record = record_of(raw, is_fake, chosen, unseen)
    write_results(out, chosen, raw, is_fake, record, given)
    kept = UNCALIBRATED if detector.card.views == before.views else ()  # other views change order and cost
    card = replace(
        detector.card,
        temperature=chosen.temperature,
        fake_bias=chosen.fake_bias,
        inconclusive_band=chosen.band,
        training={**before.training, "calibration": record},
        metrics={name: figures for name, figures in before.metrics.items() if name in kept},
    )
    write_card(artifact, card)
    print("\n".join(summary(chosen, record)))
    if len(card.metrics) < len(before.metrics):
        print("The card's old figures were removed: measure again with python -m model evaluate ... --write")
    print_report_path(out / "calibration.json")


def record_of(raw: Scores, is_fake: Truths, chosen: Calibration, unseen: Sequence[str]) -> dict[str, Any]:
    """The card's record of the calibration: pictures, sets, and the unseen sources that decided the band."""
    reals, fakes = count(is_fake)
    sources = accusations(raw, is_fake, chosen, unseen)
    return {"real": reals, "fake": fakes, "sets": sorted(is_fake), "band_chosen_on": sources}


def summary(chosen: Calibration, record: Mapping[str, Any]) -> list[str]:
    """The fitted values as lines of text."""
    low, high = chosen.band
    fitted = f"temperature {chosen.temperature:.3f}, bias of Fake {chosen.fake_bias:+.3f}"
    lines = [f"{fitted}, inconclusive {low:.2f} to {high:.2f}"]
    if min(record["real"], record["fake"]) < FEW:
        lines.append(
            f"WARNING Calibrated on only {record['real']} real and {record['fake']} fake pictures: the fit is more "
            f"cautious and the band wider; {FEW} of each are needed."
        )
    for name, source in record["band_chosen_on"].items():
        bound = f"95% bound {source['accused_at_most']:.1%}"
        accused = f"{source['accused']:.1%} of {source['real']} reals get the verdict Fake ({bound})"
        without = f", {source['left_out_accused']:.1%} when fitted without it" if "left_out_accused" in source else ""
        lines.append(f"{name}, unseen: {accused}{without}; {source['inconclusive']:.1%} get none")
    if not record["band_chosen_on"]:
        lines.append("The band was chosen on sources that the model was trained on: others may be accused more often.")
    return lines
