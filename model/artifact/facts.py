"""Reads from a card its model's name, training and calibration."""

from collections.abc import Mapping
from typing import Any

from model.artifact.card import ASSUMED, LABEL_FILE, LEGACY, ONNX_NETWORK, Card
from model.i18n.catalogue import DEFAULT, catalogue, translate

FACE_CROPS, WHOLE = "face crops", "whole pictures"  # values of ``pictures`` in a card's record of the training
FEW = 100  # if a class has fewer pictures, the calibration is made more cautious, and the page says so


def readable(name: str) -> str:
    """A data set's name in words; the name itself if the catalogue has none."""
    return translated_name(f"dataset.{name}", name)


def translated_name(key: str, name: str) -> str:
    """The text of ``key``, or ``name`` itself if the catalogue has no such key."""
    return translate(key) if key in catalogue() else name


def translated_text(key: str, text: str) -> str:
    """The text of ``key`` if ``text`` is the English one; any other text of a card stays as it is."""
    return translate(key) if catalogue().get(key, {}).get(DEFAULT) == text else text


def tested(card: Card) -> Mapping[str, Any]:
    """Metrics on test pictures, by data set."""
    return card.metrics.get("test", {})


def trained_on(card: Card) -> Mapping[str, str]:
    """The data sets of the training, with the card's text on each; an older card may contain only their names."""
    data = card.training.get("data", {})
    return data if isinstance(data, Mapping) else dict.fromkeys(map(str, data), translate("card.training.silent"))


def calibration_record(card: Card) -> Mapping[str, Any]:
    """The card's record of its calibration, see ``model.evaluation.calibrate``; empty if there is none."""
    record = card.training.get("calibration")
    return record if card.temperature is not None and isinstance(record, Mapping) else {}


def fitted_on_few(card: Card) -> tuple[int, int] | None:
    """Counts of reals and fakes in the calibration if either is below ``FEW``; None if not, or if not recorded."""
    record = calibration_record(card)
    counts = (int(record.get("real", FEW)), int(record.get("fake", FEW)))
    return counts if min(counts) < FEW else None


def name_of(card: Card) -> str:
    """The model's name: its architecture, or the file that it was imported from."""
    imported = card.training.get("imported", {})
    from_elsewhere = card.architecture in (LEGACY, ONNX_NETWORK)
    return str(imported.get("file", card.architecture)) if from_elsewhere else card.architecture


def assumed_labels(card: Card) -> str:
    """A sentence that says that the import assumed the class names; empty if they are known."""
    imported = card.training.get("imported")
    if not isinstance(imported, Mapping) or imported.get("labels_from") != ASSUMED:
        return ""
    first, second = (translate(f"class.{label}") for label in card.labels)
    return translate("card.labels_assumed", first=first, second=second, file=LABEL_FILE)
