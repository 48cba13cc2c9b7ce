"""Measures what a model loses by compression: ``python -m model compress model/weights/lite_attention DATA --out RUN``.

Each variant is written as a separate model folder, which the product and ``python -m model evaluate`` can use.
Weights are stored as float32, float16 or int8 after training (https://ai.google.dev/edge/litert/conversion), or
the smallest weights are set to zero (magnitude pruning, Han et al., arXiv 1506.02626, without the fine-tuning).
"""

import json
import shutil
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from tqdm import tqdm

from model.artifact.card import CALIBRATION, CONFIG, LEGACY, TFLITE, load_artifact, named_after, write_card
from model.artifact.small_file import read_small
from model.cli import print_report_path
from model.data.dataset import gather
from model.data.layout import SPLITS, Example
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
from model.data.split import SPLIT, split_of_run
from model.detector.detector import Detector
from model.detector.engine import BATCH_SIZES
from model.detector.speed import speeds
from model.errors import ArtifactError, DatasetError
from model.evaluation.bootstrap import bootstrap
from model.evaluation.measuring import judge, scorable_members, truth_of
from model.evaluation.metrics import accuracy, auc
from model.i18n.catalogue import Message
from model.networks.export import load_keras, save_artifact
from model.photos.corruptions import CLEAN
from model.studies.compress_report import Measured, write_report
from model.training import runs

if TYPE_CHECKING:
    import keras

Inputs = NDArray[np.float32]
PICTURES = {"train": "training", "val": "validation", "test": "test"}
ORIGINAL = "original"  # name of the unchanged network


@dataclass(frozen=True)
class Variant:
    """One way to make a network smaller: the storage of its weights, and the share of weights set to zero, 0..1."""

    name: str
    storage: str
    pruned: float = 0.0


VARIANTS = (
    Variant("float32", "float32"),
    Variant("float16", "float16"),
    Variant("int8_weights", "int8_weights"),
    Variant("int8", "int8"),
    Variant("pruned_30", "float16", 0.3),
    Variant("pruned_50", "float16", 0.5),
    Variant("pruned_70", "float16", 0.7),
)


def prune(model: "keras.Model", share: float) -> None:
    """Set the smallest weights of each convolution and dense layer to zero, the same share in each layer.

    One threshold for all layers would set some layers to zero completely, because batch norms merged into the
    convolutions give the layers different scales. On the shipped model and 400 test pictures of dfdc, with half of the
    weights set to zero, AUC was 0.43 with one threshold and 0.74 with one share. Depthwise kernels are not pruned: they
    hold few weights but matter much (AUC 0.50 if they are pruned too).

    Args:
        model: changed in place.
        share: share of each kernel's weights, at least 0 and below 1.
    """
    for kernel in _kernels(model.layers):
        values = np.asarray(kernel)
        kernel.assign(np.where(np.abs(values) < np.quantile(np.abs(values), share), 0, values))


def _kernels(parts: Iterable["keras.layers.Layer"]) -> list["keras.Variable"]:
    from keras import Model, layers

    from model.networks.clip_tower import Block

    kernels = []
    for layer in parts:
        if isinstance(layer, Model):
            kernels += _kernels(layer.layers)
        elif isinstance(layer, Block):
            kernels += _kernels(layer.parts.values())
        elif isinstance(layer, layers.SeparableConv2D):
            kernels.append(layer.pointwise_kernel)
        elif isinstance(layer, layers.Conv2D | layers.Dense):
            kernels.append(layer.kernel)
    return kernels


def write_variants(artifact: Path, out: Path, calibration: Inputs) -> dict[str, Path]:
    """Write each variant of a model folder as a folder in ``out``; variants that exist already are kept.

    Their cards hold no metrics, because the original's are not valid for them. The calibration of the original is
    copied to all variants, also to existing ones. The weights of an imported network are not rounded before they are
    stored.

    Args:
        artifact: the original's folder.
        out: the run's folder.
        calibration: inputs ``(N, S, S, 3) float32`` that give int8 the range of each activation.

    Returns:
        Each variant's folder by name, the original's first.
    """
    card = replace(load_artifact(artifact), metrics={})
    is_imported = card.architecture == LEGACY
    description = json.loads(read_small(artifact / CONFIG)) if is_imported else None
    folders = {ORIGINAL: artifact}
    for variant in tqdm(VARIANTS, "converting"):
        folder = folders[variant.name] = out / variant.name
        if _is_done(folder):
            # The original may have been calibrated again, with other views.
            fitted = {name: getattr(card, name) for name in CALIBRATION}
            write_card(folder, replace(load_artifact(folder), **fitted))
            continue
        network = load_keras(artifact)
        if variant.pruned:
            prune(network, variant.pruned)
        folder.mkdir(parents=True, exist_ok=True)
        if (artifact / SPLIT).exists():
            shutil.copyfile(artifact / SPLIT, folder / SPLIT)
        ranges = calibration if variant.storage == "int8" else None
        save_artifact(network, folder, card, variant.storage, ranges, is_imported, description)
    return folders


def _is_done(folder: Path) -> bool:
    try:
        load_artifact(folder)
    except ArtifactError:
        return False
    return True


def calibration_inputs(data: Path, examples: Sequence[Example], artifact: Path, count: int, seed: int) -> Inputs:
    """Inputs ``(N, S, S, 3) float32`` of about ``count`` pictures, the same number of each set and class if available.

    They are training pictures, or validation pictures if there is no training split; never test pictures.

    Raises:
        DatasetError: if there is neither.
    """
    from model.training.streams import read_input

    split = calibration_split(examples)
    whole = all(example.box is None for example in examples)
    groups: dict[tuple[str, str], list[Example]] = {}
    for members in scorable_members(examples, split, whole).values():
        for example in members:
            groups.setdefault((example.dataset, example.label), []).append(example)
    rng = np.random.default_rng(seed)
    each = max(1, count // len(groups))
    chosen = [group[row] for group in groups.values() for row in rng.permutation(len(group))[:each]]
    preprocessing = load_artifact(artifact).preprocessing
    return np.stack([read_input(data, example, preprocessing) for example in chosen])


def calibration_split(examples: Sequence[Example]) -> str:
    """The split with the pictures that give int8 the ranges of the activations."""
    return "train" if any(example.split == "train" for example in examples) else "val"


def measure_variants(
    folders: Mapping[str, Path], data: Path, sets: Mapping[str, Sequence[Example]], rounds: int
) -> list[Measured]:
    """Size, speed, agreement with the original (the first folder) and accuracy per data set of each variant."""
    detectors = {name: Detector(folder) for name, folder in folders.items()}
    p_fake = {
        dataset: {name: judge(detector, data, examples)[CLEAN] for name, detector in detectors.items()}
        for dataset, examples in tqdm(sets.items(), "judging")
    }
    original = next(iter(folders))
    measured = []
    for name, (per_second, milliseconds) in speeds(folders, rounds).items():
        content = (folders[name] / TFLITE).read_bytes()
        mine, its = (np.concatenate([scores[key] for scores in p_fake.values()]) for key in (name, original))
        apart = np.abs(mine - its)
        changed = float(np.mean((mine >= 0.5) != (its >= 0.5)))
        aucs, accuracies = {}, {}
        for dataset, scores in p_fake.items():
            is_fake = truth_of(sets[dataset])
            accuracies[dataset] = bootstrap(accuracy, scores[name], is_fake, is_share=True)
            if 0 < is_fake.sum() < len(is_fake):
                aucs[dataset] = bootstrap(auc, scores[name], is_fake)
        sizes = len(content), len(zlib.compress(content, 9))
        differences = float(apart.max()), float(apart.mean()), changed
        measured.append(Measured(name, *sizes, per_second, milliseconds, *differences, aucs, accuracies))
    return measured


def compress(
    artifact: Annotated[Path, typer.Argument(help="Model folder.")],
    data: Annotated[Path, typer.Argument(help="Data folder; one split of it is measured, set by set.")],
    out: Annotated[Path, typer.Option(help="Folder for the variants, the table and the chart.")],
    split: Annotated[str, typer.Option(help="Measured pictures: train, val or test.")] = "test",
    sets: Sets = None,
    calibration: Annotated[int, typer.Option(min=1, help="Training pictures from which int8 learns its ranges.")] = 240,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of the timing, which takes the medians.")] = 20,
    seed: Annotated[int, typer.Option(help="Decides the calibration pictures, and splits where there are none.")] = 0,
    faces: Faces = FACES,
    group_pattern: GroupPattern = None,
    remove_leaks: RemoveLeaks = False,
    whole: WholePictures = False,
) -> None:
    """Compress a model in seven ways and compare size, speed and accuracy with the original in one table.

    A later run measures existing variants again, but does not make them again.
    """
    if split not in SPLITS:
        raise DatasetError(f"There is no split {split!r}; choose {', '.join(SPLITS)}.")
    card = load_artifact(artifact)
    if card.parts or card.onnx is not None:
        key = "combined.no_keras" if card.parts else "onnx.no_keras"
        raise ArtifactError(Message(key, folder=artifact.name))
    warn_of_other_view(card, named_after(artifact).name, whole)
    # Existing variants are kept only if these are the same; the other options may change.
    deciding = {"network": card.sha256[TFLITE], "data": data.name, "sets": sets, "calibration": calibration}
    deciding |= {"seed": seed, "whole": whole, "group_pattern": group_pattern, "remove_leaks": remove_leaks}
    runs.check_arguments(out, deciding)  # before the slow search for faces
    examples = gather(data, None if whole else faces, seed, sets, grouping(group_pattern), remove_leaks)
    examples = split_of_run(artifact, examples)
    runs.write_arguments(out, deciding)
    inputs = calibration_inputs(data, examples, artifact, calibration, seed)
    folders = write_variants(artifact, out, inputs)
    measured = measure_variants(folders, data, scorable_members(examples, split, whole), rounds)
    notes_text = notes(len(inputs), calibration_split(examples), split, rounds, card.architecture == LEGACY)
    print(write_report(measured, notes_text, out))
    print_report_path(out / "table.md")


def notes(calibration: int, calibrated_on: str, measured_on: str, rounds: int, is_imported: bool) -> str:
    """Notes that a reader of the table needs.

    Args:
        calibration: number of pictures that gave int8 the ranges of the activations.
        calibrated_on: split of these pictures.
        measured_on: split of the measured pictures.
        rounds: rounds of the timing.
        is_imported: whether the network was imported, so that its weights were not rounded before.
    """
    rounded = (
        "float32 rows hold weights that were already rounded to float16 when the model was saved: they show the cost "
        "of the storage, not of the rounding. "
    )
    among = ", which are also measured" if calibrated_on == measured_on else ""
    flattered = "" if measured_on == "test" else ", to which the model was fitted: AUC and accuracy are too optimistic"
    return (
        f"Sizes are those of {TFLITE} alone. LiteRT stores zeros like other numbers, so pruning reduces only the "
        "compressed size (zlib level 9, as in gzip and zip): it makes the download smaller, but saves no memory. "
        f"{'' if is_imported else rounded}The ranges of int8 come from {calibration} {PICTURES[calibrated_on]} "
        f"pictures, the same number of each set and class{among}; int8_weights needs none. There was no training after "
        f"compression. Measured on {PICTURES[measured_on]} pictures{flattered}. Speed: medians of {rounds} rounds in "
        f"which the networks run alternately in one process, with {BATCH_SIZES[-1]} pictures at once and with one. "
        "Differences are those of P(Fake) from the original's over all pictures. Intervals: 95%, bootstrap."
    )
