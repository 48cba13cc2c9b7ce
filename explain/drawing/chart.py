"""A chart as data: lines, areas and ticks, with their places on a drawing; the browser sets its texts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# In the drawing's own units, about a pixel each.
WIDTH = 280
LEFT, RIGHT, TOP, BOTTOM = 36, 270, 22, 152  # RIGHT: of a drawing of this width; a wider one has the same margin
TICKS, NAME = 22, 16  # height of the texts under a chart: ticks, and what they are


@dataclass(frozen=True)
class Point:
    """One value.

    Attributes:
        x: its place from left to right, 0..1.
        y: the value.
        label: shown while the pointer is on it; a point without a label has no dot.
        radius: of its dot.
        reach: lower and upper end of its interval.
        turn: whether it is a turning point, which is drawn as a diamond.
        choice: what a click on it selects; None if it can't be clicked.
    """

    x: float
    y: float
    label: str = ""
    radius: float = 2.5
    reach: tuple[float, float] | None = None
    turn: bool = False
    choice: int | None = None


@dataclass(frozen=True)
class Line:
    """Points of one kind; ``kind`` is the style sheet's name of colour and dashes, ``name`` its text in the legend."""

    kind: str
    points: Sequence[Point]
    name: str = ""
    joined: bool = True


@dataclass(frozen=True)
class Area:
    """The area between two rows of heights over the places ``x``; ``kind`` and ``name`` as for ``Line``."""

    kind: str
    x: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    name: str = ""


@dataclass(frozen=True)
class Chart:
    """Lines over areas, with ticks.

    Attributes:
        title: above the chart.
        label: the chart as a sentence, for screen readers.
        up: what the heights are.
        across: what the places from left to right are; empty if the title says it.
        x_ticks, y_ticks: place or value, and text.
        low, high: values at the bottom and at the top.
        note: a second line under the title.
        width: of the drawing.
    """

    title: str
    label: str
    up: str
    x_ticks: Sequence[tuple[float, str]]
    y_ticks: Sequence[tuple[float, str]]
    lines: Sequence[Line]
    areas: Sequence[Area] = ()
    across: str = ""
    low: float = 0.0
    high: float = 1.0
    note: str = ""
    width: int = WIDTH

    @property
    def height(self) -> int:
        """Of the drawing, with the texts under the chart."""
        return BOTTOM + TICKS + (NAME if self.across else 0)

    def x(self, place: float) -> float:
        """Where a place between 0 and 1 is drawn."""
        return round(LEFT + place * (self.width - WIDTH + RIGHT - LEFT), 1)

    def y(self, value: float) -> float:
        """Where a value is drawn; one beyond the ends is drawn at the end."""
        share = (value - self.low) / (self.high - self.low)
        return round(BOTTOM - min(max(share, 0), 1) * (BOTTOM - TOP), 1)

    def path(self, places: Iterable[float], values: Iterable[float]) -> str:
        """The corners of a line, as SVG writes them."""
        return " ".join(f"{self.x(place):g},{self.y(value):g}" for place, value in zip(places, values, strict=True))

    def anchor(self, point: Point) -> str:
        """Which end of a point's text is placed at ``end``: the text stays inside the drawing."""
        return "start" if point.x < 1 / 3 else "end" if point.x > 2 / 3 else "middle"

    def end(self, point: Point) -> float:
        """Horizontal place of a point's text."""
        shift = {"start": -12, "middle": 0, "end": 12}[self.anchor(point)]
        return min(max(self.x(point.x) + shift, 0), self.width)

    def line(self, line: Line) -> str:
        """The corners of one of its lines."""
        return self.path([point.x for point in line.points], [point.y for point in line.points])

    def outline(self, area: Area) -> str:
        """The corners of one of its areas."""
        return self.path([*area.x, *reversed(area.x)], [*area.high, *reversed(area.low)])


def legend(charts: Sequence[Chart]) -> list[tuple[str, str]]:
    """Kind and name of every line and area that has a name, each once."""
    parts: list[Line | Area] = []
    for chart in charts:
        parts += chart.lines
        parts += chart.areas
    return list({part.kind: (part.kind, part.name) for part in parts if part.name}.values())
