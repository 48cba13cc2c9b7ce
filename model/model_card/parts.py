"""What a model card's sections are made of: sentences, tables, and numbers as text."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from model.artifact.card import Card
from model.artifact.facts import tested
from model.i18n.catalogue import number, say


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
