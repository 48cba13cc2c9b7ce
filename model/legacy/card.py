"""What is known of an imported file beyond its network: its labels, and what its owner's ``card.json`` says of it."""

import json
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from model.artifact.card import ASSUMED, CARD, LABEL_FILE, LICENCE, Card, digest
from model.artifact.preprocessing import LABELS, Preprocessing
from model.errors import ArtifactError, told_by
from model.i18n.catalogue import Said
from model.legacy.labels import as_labels, read_labels

COLOR_ORDER = "BGR"  # the thesis read its pictures by OpenCV, and fed them as they were: 0..255, float32
OWN = ("architecture", "sha256", "versions")  # what a card beside a file can't decide
LAMBDA, DIVIDE = "lambda", "divide"  # the owner's word that a Lambda of two inputs is a division
CALIBRATION = ("temperature", "fake_bias", "inconclusive_band")
MEASURED = (*CALIBRATION, "metrics")  # holds of one preprocessing and one order of labels alone


def given_fields(h5: Path) -> dict[str, Any]:
    """What a ``card.json`` beside the file sets; nothing where there is none, or where it is of another file.

    A card that has ``sha256`` is of the files with these digests alone; one without is of every file beside it.

    Raises:
        ArtifactError: if it is no JSON object or has unknown fields.
    """
    path, beside = h5.parent / CARD, {"card": CARD, "file": h5.name}
    if not path.exists():
        return {}
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ArtifactError(Said("beside.no_json", **beside, reason=told_by(error))) from error
    known = {*(field.name for field in fields(Card)), LAMBDA}
    if not isinstance(given, dict) or not given.keys() <= known:
        unknown = ", ".join(sorted(given.keys() - known)) if isinstance(given, dict) else Said("beside.no_fields")
        raise ArtifactError(Said("beside.unknown_fields", **beside, known=", ".join(sorted(known)), unknown=unknown))
    if given.get(LAMBDA) not in (None, DIVIDE):
        raise ArtifactError(Said("beside.lambda", **beside, field=LAMBDA, value=DIVIDE))
    files = given.get("sha256")
    if isinstance(files, dict) and files and digest(h5) not in files.values():
        return {}
    return {name: value for name, value in given.items() if name not in OWN}


def labels_of(h5: Path, labels: Path | None, given: Mapping[str, Any]) -> tuple[str, str]:
    """Class names in the order of the network's outputs.

    They are those of ``labels`` where it is given; else of the card beside the file, else of its label encoder.

    Raises:
        ArtifactError: if what there is does not name Fake and Real.
    """
    if labels is None and "labels" in given:
        named = given["labels"]
        source = Said("beside.name", card=CARD, file=h5.name)
        return as_labels(named if isinstance(named, list) else [named], source)
    if labels is not None and not labels.exists():
        raise ArtifactError(Said("legacy.no_file", file=labels.name))
    path = labels or h5.parent / LABEL_FILE
    return read_labels(path) if path.exists() else (LABELS[0], LABELS[1])


def labels_from(h5: Path, labels: Path | None, given: Mapping[str, Any]) -> str:
    """Name of the file that ``labels_of`` takes the class names from, or ``ASSUMED`` where there is none."""
    if labels is not None:
        return labels.name
    if "labels" in given:
        return CARD
    return LABEL_FILE if (h5.parent / LABEL_FILE).exists() else ASSUMED


def describe(card: Card, h5: Path, labels: Path | None) -> Card:
    """An imported model's card as the files beside its source want it now.

    What they say no more falls back to how the file was imported. What was fitted or measured since, by
    ``python -m model calibrate`` and others, stays as long as preprocessing and labels are those it was fitted with.

    Raises:
        ArtifactError: if they are wrong.
    """
    given = given_fields(h5)
    order = labels_of(h5, labels, given)
    size, imported = card.preprocessing.input_size, card.training["imported"]
    try:
        wanted = {"input_size": size, "color_order": COLOR_ORDER, **given.get("preprocessing", {})}
        if wanted["input_size"] != size:
            raise ValueError(Said("beside.input_size", given=wanted["input_size"], size=size))
        way = Preprocessing(**wanted)
        stays = (card.preprocessing, card.labels) == (way, order)
        kept = _measured_since(card, imported.get("given", {})) if stays else {}
        said = {name: given[name] for name in MEASURED if name in given}
        values = {**kept, **said}
        if "inconclusive_band" in values:
            values["inconclusive_band"] = tuple(values["inconclusive_band"])
        imported = {**imported, "given": said, "labels_from": labels_from(h5, labels, given)}
        training = {**given.get("training", {}), "imported": imported}
        if "temperature" in kept and "temperature" not in said and "calibration" in card.training:
            training["calibration"] = card.training["calibration"]
        bare = uncalibrated(replace(card, licence=given.get("licence", LICENCE), training=training))
        return replace(bare, preprocessing=way, labels=order, **values)
    except (TypeError, ValueError, OverflowError) as error:
        raise ArtifactError(Said("beside.wrong_field", card=CARD, file=h5.name, reason=told_by(error))) from error


def uncalibrated(card: Card) -> Card:
    """The card without anything that was fitted or measured."""
    bare = Card(card.architecture, card.preprocessing, card.labels)
    return replace(card, **{name: getattr(bare, name) for name in MEASURED})


def _measured_since(card: Card, said_before: Mapping[str, Any]) -> dict[str, Any]:
    """What stands on the card and does not come from the owner's card of the last time."""
    values = {name: getattr(card, name) for name in MEASURED}
    plain = {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
    return {
        name: value for name, value in values.items() if name not in said_before or plain[name] != said_before[name]
    }
