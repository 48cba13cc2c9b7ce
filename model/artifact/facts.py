"""What a card says of its model's name, training and calibration."""

from collections.abc import Mapping
from typing import Any

from model.artifact.card import ASSUMED, LABEL_FILE, LEGACY, Card
from model.i18n.catalogue import catalogue, say

FACE_CROPS, WHOLE = "face crops", "whole pictures"  # what a card's record of the training says was learnt
FEW = 100  # pictures of a class below which a calibration is held back and said to rest on few


def readable(name: str) -> str:
    """A data set's name in words, or as it is where it has none."""
    return told_as(f"dataset.{name}", name)


def told_as(key: str, name: str) -> str:
    """What the catalogue calls something that a card names, or the name itself where it is new to the catalogue."""
    return say(key) if key in catalogue() else name


def tested(card: Card) -> Mapping[str, Any]:
    """Figures of the test pictures, by data set."""
    return card.metrics.get("test", {})


def trained_on(card: Card) -> Mapping[str, str]:
    """The data sets that the model learnt from, with what the card says of each; an older card may only name them."""
    data = card.training.get("data", {})
    return data if isinstance(data, Mapping) else dict.fromkeys(map(str, data), say("card.training.silent"))


def calibration_record(card: Card) -> Mapping[str, Any]:
    """What the card says of how it was calibrated, see ``model.evaluation.calibrate``; empty where it says nothing."""
    record = card.training.get("calibration")
    return record if card.temperature is not None and isinstance(record, Mapping) else {}


def fitted_on_few(card: Card) -> tuple[int, int] | None:
    """Reals and fakes that a calibration rests on where either are few; None where not, and where nobody wrote it."""
    record = calibration_record(card)
    counts = (int(record.get("real", FEW)), int(record.get("fake", FEW)))
    return counts if min(counts) < FEW else None


def name_of(card: Card) -> str:
    """What to call the model: its architecture, or the file that it was imported from."""
    imported = card.training.get("imported", {})
    return str(imported.get("file", card.architecture)) if card.architecture == LEGACY else card.architecture


def assumed_labels(card: Card) -> str:
    """A sentence on class names that no file gave, but were assumed at the import; empty where they are known."""
    imported = card.training.get("imported")
    if not isinstance(imported, Mapping) or imported.get("labels_from") != ASSUMED:
        return ""
    first, second = (say(f"class.{label}") for label in card.labels)
    return say("card.labels_assumed", first=first, second=second, file=LABEL_FILE)
