"""Fits temperature, bias and inconclusive band: ``python -m model calibrate model/weights/lite_attention DATA``."""

import json
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from tqdm import tqdm

from model.artifact.card import Card, named_after, report_folder, write_card
from model.artifact.facts import FEW, trained_on
from model.cli import run, tell_report
from model.data.dataset import gather
from model.data.layout import Example, choose_sets, pictures
from model.data.options import (
    FACES,
    Faces,
    GroupPattern,
    RemoveLeaks,
    Sets,
    WholePictures,
    grouping,
    warn_of_other_view,
)
from model.data.split import split_of_run
from model.detector.detector import Detector
from model.errors import DatasetError
from model.evaluation.charts import chart
from model.evaluation.fit_calibration import Calibration, Scores, Truths, accusations, calibrate_scores, count
from model.evaluation.measuring import judge, judged_members, truth_of
from model.evaluation.metrics import Judged, expected_calibration_error
from model.evaluation.reports import save
from model.photos.corruptions import CLEAN

UNCALIBRATED = ("transfer", "cost")  # measured figures that no calibration moves: it keeps the order of pictures
EXAMINED = "unseen_"  # how the names of data sets begin that no choice may rest on


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
    out: Path, chosen: Calibration, raw: Scores, is_fake: Truths, record: Mapping[str, Any], given: Mapping[str, Any]
) -> None:
    """Write what was fitted, the calibration error of sets of both classes before and after, and their diagrams."""
    out.mkdir(parents=True, exist_ok=True)
    errors: dict[str, dict[str, float]] = {}
    for name in (name for name, truth in is_fake.items() if 0 < truth.sum() < len(truth)):
        errors[name] = {}
        for when, p_fake in (("before", raw[name]), ("after", chosen.scale(raw[name]))):
            errors[name][when] = round(expected_calibration_error(p_fake, is_fake[name]), 4)
            judged = Judged(f"{name}, {when} calibration", p_fake, is_fake[name], chosen.band)
            save(chart("reliability", judged), out / f"{name}_{when}.png")
    fitted = {
        "temperature": chosen.temperature,
        "fake_bias": chosen.fake_bias,
        "inconclusive_band": chosen.band,
        "calibration_error": errors,
        **record,
    }
    (out / "calibration.json").write_text(json.dumps(fitted, indent=2) + "\n")
    arguments = {name: str(value) if isinstance(value, Path) else value for name, value in given.items()}
    versions = {name: version(name) for name in ("numpy", "scipy")}
    (out / "arguments.json").write_text(json.dumps({**arguments, "versions": versions}, indent=2) + "\n")


def unseen_sets(card: Card, named: Sequence[str] | None, examples: Sequence[Example]) -> list[str]:
    """The data sets that the model was not trained on and whose training pictures may therefore be used.

    Args:
        card: the model's. Those that its training left out are taken where none are named.
        named: by the user.
        examples: of the data sets at hand; what is not among them is only an error where it was named.

    Raises:
        DatasetError: if a set that was named is kept for the examination, was trained on, or is not at hand.
    """
    left_out = card.training.get("arguments", {}).get("leave_out") or []
    at_hand = {example.dataset for example in examples}
    if not named:
        return sorted(at_hand.intersection(left_out))
    for name in named:
        if name.startswith(EXAMINED):
            raise DatasetError(f"{name} is only for the final test: name sets that the training left out.")
        if name in trained_on(card) and name not in left_out:
            raise DatasetError(f"{name} is no unseen set: the model's card says that it was trained on it.")
        if name not in at_hand:
            raise DatasetError(f"There is no data set {name!r} among {', '.join(sorted(at_hand))}.")
    return sorted(set(named))


def members_of(examples: Sequence[Example], unseen: Sequence[str], whole: bool) -> dict[str, list[Example]]:
    """The pictures to fit to, by data set: validation pictures, of unseen sets training pictures too, never test ones.

    Raises:
        DatasetError: see ``judged_members``.
    """
    untrained = [
        replace(example, split="val") if example.split == "train" and example.dataset in unseen else example
        for example in examples
    ]
    return judged_members(untrained, "val", whole)


def calibrate(
    artifact: Annotated[Path, typer.Argument(help="Model folder whose card is updated.")],
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
            help="Data set that the model was not trained on: its training pictures are used as well, and its reals "
            "decide the band; may be repeated.",
            show_default="those that the training left out",
        ),
    ] = None,
    faces: Faces = FACES,
    group_pattern: GroupPattern = None,
    remove_leaks: RemoveLeaks = False,
    whole: WholePictures = False,
    seed: Annotated[int, typer.Option(help="Decides the split of pictures without one, as in training.")] = 0,
) -> None:
    """Fit temperature, bias and the inconclusive band on validation pictures.

    Reals and fakes weigh the same, and within a class each data set; sets of one class take part. With unseen sets the
    band is chosen so that at most 2 % of the reals of each of them, and 2 % on average over all sets, get the verdict
    Fake. The model's card is updated,
    and loses what was measured with the calibration that it had. OUT/calibration.json and the diagrams tell each data
    set's calibration error before and after.
    """
    out = out or report_folder(artifact, "calibration")
    given = dict(locals())
    detector = Detector(artifact)
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
        raise DatasetError(f"{data} holds no val pictures of both classes{'' if whole else ' with a face in them'}.")
    raw = raw_p_fake(detector, data, members)
    chosen = calibrate_scores(raw, is_fake, unseen)
    record = record_of(raw, is_fake, chosen, unseen)
    write_results(out, chosen, raw, is_fake, record, given)
    before = detector.card
    card = replace(
        before,
        temperature=chosen.temperature,
        fake_bias=chosen.fake_bias,
        inconclusive_band=chosen.band,
        training={**before.training, "calibration": record},
        metrics={name: figures for name, figures in before.metrics.items() if name in UNCALIBRATED},
    )
    write_card(artifact, card)
    print("\n".join(told(chosen, record)))
    if len(card.metrics) < len(before.metrics):
        print("Figures of the old calibration left the card: measure again with python -m model evaluate ... --write")
    tell_report(out / "calibration.json")


def record_of(raw: Scores, is_fake: Truths, chosen: Calibration, unseen: Sequence[str]) -> dict[str, Any]:
    """What a card keeps of how it was calibrated: pictures, sets, and the unseen sources that decided the band."""
    reals, fakes = count(is_fake)
    sources = accusations(raw, is_fake, chosen, unseen)
    return {"real": reals, "fake": fakes, "sets": sorted(is_fake), "band_chosen_on": sources}


def told(chosen: Calibration, record: Mapping[str, Any]) -> list[str]:
    """What was fitted, in lines."""
    low, high = chosen.band
    fitted = f"temperature {chosen.temperature:.3f}, bias of Fake {chosen.fake_bias:+.3f}"
    lines = [f"{fitted}, inconclusive {low:.2f} to {high:.2f}"]
    if min(record["real"], record["fake"]) < FEW:
        lines.append(
            f"WARNING Calibrated on only {record['real']} real and {record['fake']} fake pictures: the fit is held "
            f"back and the band widened; {FEW} of each are needed."
        )
    for name, of in record["band_chosen_on"].items():
        bound = (
            f"{of['accused']:.1%} of {of['real']} reals get the verdict Fake (95 % bound {of['accused_at_most']:.1%})"
        )
        without = f", {of['left_out_accused']:.1%} when fitted without it" if "left_out_accused" in of else ""
        lines.append(f"{name}, unseen: {bound}{without}; {of['inconclusive']:.1%} get none")
    if not record["band_chosen_on"]:
        lines.append("The band was chosen on sources that the model was trained on: others may be accused more often.")
    return lines


if __name__ == "__main__":
    run(calibrate)
