"""What a model card's sections are made of: sentences, tables, and numbers as text."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from model.artifact.card import LEGACY, Card
from model.i18n.catalogue import catalogue, number, say
from model.legacy.card import ASSUMED, LABEL_FILE

FACE_CROPS, WHOLE = "face crops", "whole pictures"  # what a card's record of the training says was learnt
FEW = 100  # pictures of a class below which a calibration is held back and said to rest on few


@dataclass(frozen=True)
class Table:
    """A table to be shown; every cell is text that is ready to read."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Section:
    """What is known of one matter.

    Attributes:
        key: a name for programs, the same for every card.
        title: a heading.
        sentences: plain text, in reading order.
        table: the numbers behind them, or None.
    """

    key: str
    title: str
    sentences: tuple[str, ...]
    table: Table | None = None


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


def value_of(figures: Mapping[str, Any], measure: str) -> float | None:
    """A measured value, or None."""
    return figures.get(measure, {}).get("value")


def by_value(card: Card, measure: str) -> list[tuple[float, str]]:
    """A measure's values with the data set's name, least first."""
    pairs = ((value_of(values, measure), name) for name, values in tested(card).items())
    return sorted((value, name) for value, name in pairs if value is not None)


def with_interval(estimate: Mapping[str, float] | None, style: str = ".3f") -> str:
    """``0.918 (0.904–0.933)``, or a dash."""
    if not estimate:
        return "–"
    value, low, high = (number(estimate[key], style) for key in ("value", "low", "high"))
    return f"{value} ({low}–{high})"


def span(values: list[tuple[float, str]]) -> str:
    """``18% to 28%``, or the one value where they agree to the percent."""
    low, high = values[0][0], values[-1][0]
    one = number(low, ".0%")
    return one if one == number(high, ".0%") else say("card.span", low=low, high=high)
