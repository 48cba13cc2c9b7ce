"""Compares architectures under one budget: ``python -m model compare DATA --out RUN --limit 100 --epochs 3``.

All networks train on the same pictures for the same number of epochs, with the same optimizer, batch size and seed.
Each is then measured from its model folder with the code that the product and ``python -m model evaluate`` use.
"""

import json
import logging
import os
import shlex
from collections.abc import Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from model.artifact import card
from model.artifact.card import TFLITE
from model.cli import print_report_path
from model.data.dataset import gather
from model.data.layout import Example
from model.data.options import FACES, Faces, GroupPattern, RemoveLeaks, Sets, WholePictures, grouping
from model.data.split import draw
from model.detector.detector import Detector
from model.detector.speed import speeds
from model.errors import DatasetError, TrainingError
from model.evaluation.bootstrap import bootstrap
from model.evaluation.measuring import judge, scorable_members, truth_of
from model.evaluation.metrics import accuracy, auc
from model.evaluation.reports import as_options
from model.networks.pretrained import IMAGENET
from model.photos.corruptions import CLEAN
from model.processes import process_pool
from model.studies.compare_report import Budget, Row, write_report
from model.training import runs
from model.training.arguments import Training, start_from
from model.training.train import fit

THESIS = ("cnn", "vgg16", "xception", "mobilenetv2", "efficientnetb7", "efficientnetb7_attention")
RESULT = "result.json"
log = logging.getLogger(__name__)


def train_all(
    data: Path, examples: Sequence[Example], trainings: Sequence[Training], out: Path
) -> dict[str, dict[str, Any]]:
    """Train each network in its folder below ``out``; finished networks are not trained again.

    Returns:
        The fields of ``model.training.train.Result``, by architecture; ``artifact`` is the folder's name only.
    """
    results = {}
    for training in trainings:
        name = training.architecture
        path = out / name / RESULT
        if not path.exists():
            log.warning("%s: training", name)
            result = train_apart(data, examples, training, out / name)
            path.write_text(json.dumps(result, indent=2) + "\n")
        results[name] = json.loads(path.read_text())
    return results


def train_apart(data: Path, examples: Sequence[Example], training: Training, out: Path) -> dict[str, Any]:
    """Run ``train_one`` in a separate process, which starts from a clean state and frees its memory at the end.

    Raises:
        TrainingError: if the process ended before the training was complete, or the training raised it.
    """
    try:
        with process_pool(1) as pool:
            return pool.submit(train_one, data, examples, training, out).result()
    except BrokenProcessPool as error:
        raise TrainingError(
            f"The training of {training.architecture} broke off, most likely because memory ran out; the same "
            "command continues it. A smaller --batch-size needs less."
        ) from error


def train_one(data: Path, examples: Sequence[Example], training: Training, out: Path) -> dict[str, Any]:
    """Train one network; returns its entry of ``train_all``."""
    logging.basicConfig(format="%(message)s")
    result = fit(data, examples, training, out)
    return {**asdict(result), "artifact": result.artifact.name}


def measure(folder: Path, data: Path, sets: Mapping[str, Sequence[Example]]) -> dict[str, dict[str, Any]]:
    """Accuracy, precision, recall, F1 and AUC of a model folder, by data set.

    Accuracy and AUC come as ``Estimate``. Precision, recall and F1 are means over both classes at P(Fake) = 0.5 (macro
    average); a class that is never predicted counts as 0.
    """
    from sklearn.metrics import precision_recall_fscore_support

    detector, figures = Detector(folder), {}
    for dataset, examples in sets.items():
        p_fake, is_fake = judge(detector, data, examples)[CLEAN], truth_of(examples)
        means = precision_recall_fscore_support(is_fake, p_fake >= 0.5, average="macro", zero_division=0.0)
        figures[dataset] = {
            "accuracy": bootstrap(accuracy, p_fake, is_fake, is_share=True),
            "auc": bootstrap(auc, p_fake, is_fake),
            **dict(zip(("precision", "recall", "f1"), map(float, means[:3]), strict=True)),
        }
    return figures


def measure_all(
    results: Mapping[str, Mapping[str, Any]],
    out: Path,
    data: Path,
    sets: Mapping[str, Sequence[Example]],
    rounds: int,
) -> list[Row]:
    """A row for each network and data set; the networks are timed alternately."""
    folders = {name: out / name / card.ARTIFACT for name in results}
    figures = {}
    for name, folder in folders.items():
        log.warning("%s: measuring", name)
        figures[name] = measure(folder, data, sets)
    times = speeds(folders, rounds)
    return [
        Row(name, dataset, result, figures[name][dataset], *times[name], (folders[name] / TFLITE).stat().st_size)
        for name, result in results.items()
        for dataset in sets
    ]


def compare(
    data: Annotated[Path, typer.Argument(help="Data folder; its splits are used, or made 80/10/10.")],
    out: Annotated[Path, typer.Option(help="Folder for networks, table and chart; finished networks are kept.")],
    networks: Annotated[str, typer.Option(help="Architectures, separated by commas.")] = ",".join(THESIS),
    pretrained: Annotated[
        str, typer.Option(help="imagenet to download weights where there are any, or none.")
    ] = "none",
    epochs: Annotated[
        int, typer.Option(min=1, help="Epochs of each network; the one with the lowest validation loss is kept.")
    ] = 3,
    limit: Annotated[int, typer.Option(min=1, help="Training pictures of each class of each data set.")] = 1000,
    validation: Annotated[int, typer.Option(min=1, help="Validation pictures of each class of each data set.")] = 100,
    test: Annotated[int, typer.Option(min=1, help="Test pictures of each class of each data set.")] = 250,
    optimizer: Annotated[str, typer.Option(help="adam, or sgd with Nesterov momentum.")] = "adam",
    learning_rate: Annotated[
        float, typer.Option(help="At the start; halved when the validation loss stops falling.")
    ] = 3e-4,
    batch_size: Annotated[int, typer.Option(min=1, help="Pictures per step.")] = 32,
    augment: Annotated[bool, typer.Option(help="Degrade and mirror training pictures at random.")] = False,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of the timing, which takes the medians.")] = 5,
    sets: Sets = None,
    whole_pictures: WholePictures = False,
    faces: Faces = FACES,
    group_pattern: GroupPattern = None,
    remove_leaks: RemoveLeaks = False,
    seed: Annotated[int, typer.Option(help="Decides split, pictures, first weights and order.")] = 0,
) -> None:
    """Train the thesis's six architectures on the same pictures under the same budget, and measure each.

    Writes compare.csv, compare.json, compare.md and compare.png. The same command resumes a stopped run.
    """
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    if pretrained not in ("none", IMAGENET):
        raise TrainingError(f"--pretrained is imagenet or none, not {pretrained}: no file fits every network.")
    shared: dict[str, Any] = {"optimizer": optimizer, "learning_rate": learning_rate, "batch_size": batch_size}
    shared |= {"augment": augment, "seed": seed, "epochs": epochs}
    # The patience equals the epochs, so no training stops early and all have the same budget.
    alike = {"pretrained": start_from(pretrained), "patience": epochs, "faces": not whole_pictures, **shared}
    trainings = [Training(name.strip(), **alike) for name in networks.split(",")]
    pictures: dict[str, Any] = {
        "limit": limit,
        "validation": validation,
        "sets": sets,
        "whole_pictures": whole_pictures,
    }
    pictures |= {"group_pattern": group_pattern, "remove_leaks": remove_leaks}
    given = {"data": data.name, "pretrained": pretrained, **shared, **pictures}
    # A run may be resumed with more epochs, but here that would give some networks more than others. The other name
    # makes check_arguments refuse a change.
    arguments = {"epochs_each" if name == "epochs" else name: value for name, value in given.items()}
    runs.check_arguments(out, arguments)  # before the slow search for faces
    examples = gather(data, None if whole_pictures else faces, seed, sets, grouping(group_pattern), remove_leaks)
    usable = _of_both_classes([e for e in examples if whole_pictures or e.box is not None])
    runs.write_arguments(out, arguments)
    train_val = draw(usable, {"train": limit, "val": validation}, seed)
    results = train_all(data, train_val, trainings, out)
    drawn = draw(train_val, {"test": test}, seed)
    rows = measure_all(results, out, data, scorable_members(drawn, "test", whole_pictures), rounds)
    counts = {split: sum(e.split == split for e in drawn) for split in ("train", "val", "test")}
    available = sum(example.split == "train" for example in usable)
    names = tuple(dict.fromkeys(row.dataset for row in rows))
    options = {"networks": networks, "pretrained": pretrained, **pictures, "test": test, "rounds": rounds, **shared}
    command = shlex.join(["python", "-m", "model", "compare", data.name, "--out", out.name, *as_options(options)])
    budget = Budget(shared, counts, available, names, os.cpu_count() or 1, whole_pictures, command)
    print(write_report(rows, budget, out))
    print_report_path(out / "compare.md")


def _of_both_classes(examples: Sequence[Example]) -> list[Example]:
    """Examples of the data sets that have both classes in each split; the others can't be trained on and measured.

    Raises:
        DatasetError: if there is no such set.
    """
    classes: dict[str, set[tuple[str, str]]] = {}
    for example in examples:
        classes.setdefault(example.dataset, set()).add((example.split, example.label))
    kept = [example for example in examples if len(classes[example.dataset]) == 6]
    if not kept:
        raise DatasetError("No data set has pictures of both classes in train, val and test.")
    return kept
