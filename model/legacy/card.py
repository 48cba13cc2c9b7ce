"""Reads what describes an imported file besides its network: its labels and its owner's ``card.json``."""

import json
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from model.artifact.card import ASSUMED, CALIBRATION, CARD, LABEL_FILE, LICENCE, Card, digest
from model.artifact.preprocessing import LABELS, Preprocessing
from model.artifact.small_file import read_small
from model.artifact.views import views_of
from model.errors import ArtifactError, FieldError, UserError, message_of
from model.i18n.catalogue import Message
from model.legacy.labels import as_labels, read_labels

COLOR_ORDER = "BGR"  # the thesis read its pictures with OpenCV and used them unchanged: 0..255, float32
OWN = ("architecture", "sha256", "versions")  # fields that a card beside a file can't set
LAMBDA, DIVIDE = "lambda", "divide"  # the owner's statement that a Lambda of two inputs is a division
MEASURED = (*CALIBRATION, "metrics")  # valid for only one preprocessing and one order of labels


def given_fields(h5: Path) -> dict[str, Any]:
    """The fields that a ``card.json`` beside the file sets; empty if there is none or it belongs to another file.

    A card with ``sha256`` belongs only to files with these digests; a card without it belongs to every file beside it.

    Raises:
        ArtifactError: if it is too large or no JSON object, has unknown fields, or has a wrong value of ``lambda``.
    """
    path, beside = h5.parent / CARD, {"card": CARD, "file": h5.name}
    if not path.exists():
        return {}
    try:
        given = json.loads(read_small(path))
    except (OSError, ValueError, RecursionError) as error:
        raise ArtifactError(Message("beside.no_json", **beside, reason=message_of(error))) from error
    allowed = {*(field.name for field in fields(Card)), LAMBDA}
    if not isinstance(given, dict) or not given.keys() <= allowed:
        unknown = ", ".join(sorted(given.keys() - allowed)) if isinstance(given, dict) else Message("beside.no_fields")
        raise ArtifactError(
            Message("beside.unknown_fields", **beside, known=", ".join(sorted(allowed)), unknown=unknown)
        )
    if given.get(LAMBDA) not in (None, DIVIDE):
        raise ArtifactError(Message("beside.lambda", **beside, field=LAMBDA, value=DIVIDE))
    files = given.get("sha256")
    if isinstance(files, dict) and files and digest(h5) not in files.values():
        return {}
    # A null lambda says nothing, and callers test only whether the field is there.
    return {name: value for name, value in given.items() if name not in OWN and (name, value) != (LAMBDA, None)}


def labels_of(h5: Path, labels: Path | None, given: Mapping[str, Any]) -> tuple[str, str]:
    """Class names in the order of the network's outputs.

    They come from ``labels`` if it is given; else from the card beside the file, else from its label encoder.

    Raises:
        ArtifactError: if the names are not Fake and Real, or the file ``labels`` does not exist or can't be read.
    """
    if labels is None and "labels" in given:
        named = given["labels"]
        source = Message("beside.name", card=CARD, file=h5.name)
        return as_labels(named if isinstance(named, list) else [named], source)
    if labels is not None and not labels.exists():
        raise ArtifactError(Message("legacy.no_file", file=labels.name))
    path = labels or h5.parent / LABEL_FILE
    return read_labels(path) if path.exists() else (LABELS[0], LABELS[1])


def labels_from(h5: Path, labels: Path | None, given: Mapping[str, Any]) -> str:
    """Name of the file that ``labels_of`` takes the class names from, or ``ASSUMED`` if there is none."""
    if labels is not None:
        return labels.name
    if "labels" in given:
        return CARD
    return LABEL_FILE if (h5.parent / LABEL_FILE).exists() else ASSUMED


def describe(card: Card, h5: Path, labels: Path | None) -> Card:
    """Update an imported model's card from the files beside its source.

    Fields that these files no longer set return to the values of the import. Values that were fitted or measured since,
    for example by ``python -m model calibrate``, stay if preprocessing and labels have not changed.

    Raises:
        ArtifactError: if these files are wrong.
    """
    given = given_fields(h5)
    order = labels_of(h5, labels, given)
    size, imported = card.preprocessing.input_size, card.training["imported"]
    try:
        settings = {"input_size": size, "color_order": COLOR_ORDER, **given.get("preprocessing", {})}
        if settings["input_size"] != size:
            raise FieldError(Message("beside.input_size", given=settings["input_size"], size=size))
        preprocessing = Preprocessing(**settings)
        stays = (card.preprocessing, card.labels) == (preprocessing, order)
        kept = _measured_since(card, imported.get("given", {})) if stays else {}
        given_measures = {name: given[name] for name in MEASURED if name in given}
        values = {**kept, **given_measures}
        if "inconclusive_band" in given_measures:
            values["inconclusive_band"] = tuple(given["inconclusive_band"])
        if "views" in given_measures:
            values["views"] = views_of(given["views"])
        imported = {**imported, "given": given_measures, "labels_from": labels_from(h5, labels, given)}
        training = {**given.get("training", {}), "imported": imported}
        if "temperature" in kept and "temperature" not in given_measures and "calibration" in card.training:
            training["calibration"] = card.training["calibration"]
        bare = uncalibrated(replace(card, licence=given.get("licence", LICENCE), training=training))
        return replace(bare, preprocessing=preprocessing, labels=order, **values)
    except (UserError, TypeError, ValueError, OverflowError) as error:
        raise ArtifactError(Message("beside.wrong_field", card=CARD, file=h5.name, reason=message_of(error))) from error


def uncalibrated(card: Card) -> Card:
    """The card without its fitted and measured values."""
    bare = Card(card.architecture, card.preprocessing, card.labels)
    return replace(card, **{name: getattr(bare, name) for name in MEASURED})


def _measured_since(card: Card, given_before: Mapping[str, Any]) -> dict[str, Any]:
    """The card's measured values that do not come from the owner's card at the last update."""
    values = {name: getattr(card, name) for name in MEASURED}
    given = {**given_before, "views": views_of(given_before.get("views", [{}]))}
    if "inconclusive_band" in given:
        given["inconclusive_band"] = tuple(given["inconclusive_band"])
    return {name: value for name, value in values.items() if name not in given_before or value != given[name]}
