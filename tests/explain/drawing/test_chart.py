"""Tests of a chart as data: places on the drawing, and its HTML."""

from __future__ import annotations

import re
from dataclasses import replace

from explain.drawing.chart import BOTTOM, LEFT, RIGHT, TOP, WIDTH, Area, Chart, Line, Point, legend
from explain.html.charts import charts_html

POINTS = (Point(0, 0.0, "none: 0%"), Point(0.5, 0.5, "<half>: 50%", turn=True), Point(1, 1.0, "all: 100%"))
OWN = Line("own", POINTS, "this map")
CHART = Chart(
    title="Deletion",
    label="It rises.",
    up="Fake",
    x_ticks=[(0.0, "0%"), (1.0, "100%")],
    y_ticks=[(0.0, "0%"), (1.0, "100%")],
    lines=[OWN],
    areas=[Area("random", (0, 1), (0.1, 0.2), (0.3, 0.4), "random orders")],
)


def test_larger_values_are_higher_and_later_places_further_right() -> None:
    assert (CHART.x(0), CHART.x(1)) == (LEFT, RIGHT) and (CHART.y(0), CHART.y(1)) == (BOTTOM, TOP)
    assert CHART.y(0.5) == (BOTTOM + TOP) / 2
    assert CHART.line(OWN) == f"{LEFT},{BOTTOM} {(LEFT + RIGHT) / 2:g},{(BOTTOM + TOP) / 2:g} {RIGHT},{TOP}"


def test_the_ends_of_the_scale_can_be_chosen_and_values_are_clipped_to_them() -> None:
    narrow = replace(CHART, low=0.5, high=0.6)
    assert narrow.y(0.55) == CHART.y(0.5) and narrow.y(0.2) == BOTTOM and narrow.y(0.9) == TOP


def test_an_area_lies_between_its_bounds() -> None:
    corners = CHART.outline(CHART.areas[0]).split()
    heights = [float(corner.split(",")[1]) for corner in corners]
    assert heights == [CHART.y(value) for value in (0.3, 0.4, 0.2, 0.1)]


def test_labels_of_points_stay_inside_the_drawing() -> None:
    for point in POINTS:
        assert 0 <= CHART.end(point) <= WIDTH
    assert [CHART.anchor(point) for point in POINTS] == ["start", "middle", "end"]


def test_legend_names_each_kind_once() -> None:
    assert legend([CHART, CHART]) == [("own", "this map"), ("random", "random orders")]


def test_html_has_every_value_and_escapes_it() -> None:
    html = charts_html([CHART])
    assert 'aria-label="It rises."' in html and "Deletion" in html
    assert re.findall(r">([^<>]*: \d+%)</text>", html) == ["none: 0%", "&lt;half&gt;: 50%", "all: 100%"]
    assert html.count('class="turn"') == 1
    assert "style=" not in html and "<script" not in html, "the report forbids both"


def test_no_charts_give_no_html() -> None:
    assert charts_html([]) == ""
