"""Keeps an imported ``.h5`` file as an ordinary model folder, made once, so that later starts need no TensorFlow."""

import importlib.metadata
import json
import os
import shutil
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import fields, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from model.artifact import (
    CARD,
    LEGACY,
    ArtifactError,
    Card,
    digest,
    load_artifact,
    read_card,
    save_artifact,
    write_card,
)
from model.labels import LABELS
from model.legacy_labels import as_labels, read_labels
from model.preprocessing import Preprocessing

LABEL_FILE = "label_transform.pkl"
CACHE_VARIABLE = "WHYFAKE_CACHE"
COLOR_ORDER = "BGR"  # the thesis read its pictures by OpenCV, and fed them as they were: 0..255, float32
STAND_IN = "efficientnetb7_attention"  # of the thesis, for a file that does not describe its network
OWN = ("architecture", "sha256", "versions")  # what a card beside a file can't decide


def cache_root() -> Path:
    """Where imported models are kept: ``$WHYFAKE_CACHE``, or ``~/.cache/whyfake``."""
    return Path(os.environ.get(CACHE_VARIABLE) or Path.home() / ".cache" / "whyfake")


def given_fields(h5: Path) -> dict[str, Any]:
    """What a ``card.json`` beside the file sets; nothing where there is none.

    Raises:
        ArtifactError: if it is no JSON object or has unknown fields.
    """
    path = h5.parent / CARD
    if not path.exists():
        return {}
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ArtifactError(f"The {CARD} beside {h5.name} is not JSON: {error}.") from error
    known = {field.name for field in fields(Card)}
    if not isinstance(given, dict) or not given.keys() <= known:
        unknown = ", ".join(sorted(given.keys() - known)) if isinstance(given, dict) else "no fields"
        raise ArtifactError(
            f"The {CARD} beside {h5.name} may have the fields {', '.join(sorted(known))}, not {unknown}."
        )
    return {name: value for name, value in given.items() if name not in OWN}


def labels_of(h5: Path, labels: Path | None, given: Mapping[str, Any]) -> tuple[str, str]:
    """Class names in the order of the network's outputs.

    They are those of ``labels`` where it is given; else of the card beside the file, else of its label encoder.

    Raises:
        ArtifactError: if what there is does not name Fake and Real.
    """
    if labels is None and "labels" in given:
        named = given["labels"]
        return as_labels(named if isinstance(named, list) else [named], f"The {CARD} beside {h5.name}")
    if labels is not None and not labels.exists():
        raise ArtifactError(f"There is no file {labels.name}.")
    path = labels or h5.parent / LABEL_FILE
    return read_labels(path) if path.exists() else (LABELS[0], LABELS[1])


def describe(card: Card, h5: Path, labels: Path | None) -> Card:
    """An imported model's card as the files beside its source want it.

    Raises:
        ArtifactError: if they are wrong.
    """
    given = given_fields(h5)
    order = labels_of(h5, labels, given)
    rest = {name: value for name, value in given.items() if name not in ("labels", "preprocessing")}
    size = card.preprocessing.input_size
    try:
        wanted = {"input_size": size, "color_order": COLOR_ORDER, **given.get("preprocessing", {})}
        if wanted["input_size"] != size:
            raise ValueError(f"input_size is {wanted['input_size']}, but the network's input has {size} pixels")
        if "inconclusive_band" in rest:
            rest["inconclusive_band"] = tuple(rest["inconclusive_band"])
        return replace(card, preprocessing=Preprocessing(**wanted), labels=order, **rest)
    except (TypeError, ValueError) as error:
        raise ArtifactError(f"The {CARD} beside {h5.name} has a wrong field: {str(error).rstrip('.')}.") from error


def model_folder(
    h5: Path,
    labels: Path | None = None,
    stand_in: str = STAND_IN,
    tell: Callable[[str], None] = lambda sentence: None,
) -> Path:
    """The model folder of an ``.h5`` file, made when it is asked for first.

    Args:
        h5: the file; it is only read.
        labels: its pickled label encoder; ``label_transform.pkl`` beside it if None.
        stand_in: the architecture to use where the file does not describe its network.
        tell: is given a sentence at each step that takes long.

    Raises:
        ArtifactError: if the files can't be used, or the cache can't be written.
    """
    if not h5.is_file():
        raise ArtifactError(f"There is no file {h5.name}.")
    labels_of(h5, labels, given_fields(h5))  # before the long work, and whether or not it is needed
    folder = cache_root() / digest(h5)
    try:
        if not _is_whole(folder):
            tell(f"{h5.name} is imported; this is done once and takes a minute or two for a large network.")
            _convert_apart(h5, labels, stand_in, folder)
            tell(f"{h5.name} is ready.")
        card = read_card(folder)
        described = describe(card, h5, labels)
        if described != card:
            write_card(folder, described)
    except OSError as error:
        raise ArtifactError(
            f"The imported model can't be kept in {folder.parent} ({error.strerror}); set {CACHE_VARIABLE} to a folder "
            "that can be written."
        ) from error
    return folder


def _is_whole(folder: Path) -> bool:
    try:
        load_artifact(folder)
    except ArtifactError:
        return False
    return True


def _convert_apart(h5: Path, labels: Path | None, stand_in: str, folder: Path) -> None:
    """``convert`` in a process of its own: it takes gigabytes for a large network, and gives them back by ending."""
    try:
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            pool.submit(convert, h5, labels, stand_in, folder).result()
    except BrokenProcessPool as error:
        raise ArtifactError(f"Importing {h5.name} broke off; memory ran out, or the file is damaged.") from error


def convert(h5: Path, labels: Path | None, stand_in: str, folder: Path) -> None:
    """Make the model folder of an ``.h5`` file, whole or not at all; the arguments are those of ``model_folder``.

    Raises:
        ArtifactError: if the files can't be used.
    """
    from model.legacy import import_network

    imported = import_network(h5, stand_in)
    card = Card(
        architecture=LEGACY if imported.plan else stand_in,
        preprocessing=Preprocessing(int(imported.network.input_shape[1]), COLOR_ORDER),
        labels=LABELS,
        licence="the owner's",
        versions={name: importlib.metadata.version(name) for name in ("keras", "ai-edge-litert")},
        training={"imported": {"file": h5.name, "sha256": folder.name, "report": imported.report.sentences()}},
    )
    card = describe(card, h5, labels)
    unfinished = folder.with_name(f".{folder.name}.{os.getpid()}")
    try:
        description = imported.plan.to_json() if imported.plan else None
        save_artifact(imported.network, unfinished, card, "float32", exact=True, description=description)
        shutil.rmtree(folder, ignore_errors=True)  # what is there is broken
        unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
