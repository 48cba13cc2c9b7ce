"""The parts of a model card's sections: sentences, tables, and numbers as text."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from model.artifact.card import Card
from model.artifact.facts import tested
from model.i18n.catalogue import number, translate


@dataclass(frozen=True)
class Table:
    """A table for display; every cell is text."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Section:
    """One section of a model card.

    Attributes:
        key: a fixed name for programs.
        title: a heading.
        sentences: plain text, in reading order.
        table: the numbers behind the sentences, or None.
    """

    key: str
    title: str
    sentences: tuple[str, ...]
    table: Table | None = None


def value_of(figures: Mapping[str, Any], measure: str) -> float | None:
    """A measured value, or None."""
    return figures.get(measure, {}).get("value")


def by_value(card: Card, measure: str) -> list[tuple[float, str]]:
    """A measure's values with the data set's name, lowest first."""
    pairs = ((value_of(values, measure), name) for name, values in tested(card).items())
    return sorted((value, name) for value, name in pairs if value is not None)


def with_interval(estimate: Mapping[str, float] | None) -> str:
    """``0.918 (0.904–0.933)``, or a dash."""
    if not estimate:
        return "–"
    value, low, high = (number(estimate[key], ".3f") for key in ("value", "low", "high"))
    return f"{value} ({low}–{high})"


def span(values: list[tuple[float, str]]) -> str:
    """``18% to 28%``, or one value if both round to the same percentage."""
    low, high = values[0][0], values[-1][0]
    rounded = number(low, ".0%")
    return rounded if rounded == number(high, ".0%") else translate("card.span", low=low, high=high)
