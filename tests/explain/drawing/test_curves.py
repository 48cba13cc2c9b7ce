"""Tests of the charts of a map's curves: they show the measured values."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from explain.drawing.chart import Chart, Line, legend
from explain.drawing.curves import STYLES, curve_charts
from explain.trust.curves import ORDERS, Band, Curves
from explain.trust.measure import Trust
from model.i18n.catalogue import use_language

SHARES = np.linspace(0, 1, 5)
FALLING = 0.9 - 0.8 * SHARES  # P(target) as regions are hidden one after another
SPREAD = np.linspace(-0.05, 0.05, ORDERS)[:, None] * np.sin(np.pi * SHARES)  # all orders begin and end alike
BAND = Band(FALLING + SPREAD, SHARES)
STEEP = np.array([0.9, 0.3, 0.2, 0.15, 0.1])
MEAN = Curves("mean", STEEP, STEEP[::-1].copy(), BAND)
BLUR = replace(MEAN, hide="blur", deletion=FALLING, insertion=FALLING[::-1].copy())


def trust(*curves: Curves, target: str = "Fake") -> Trust:
    return Trust("lime", target, curves, flat=False)


def own(chart: Chart) -> list[Line]:
    return [line for line in chart.lines if line.kind in STYLES]


def heights(line: Line) -> list[float]:
    return [point.y for point in line.points]


def test_deletion_and_insertion_have_their_own_curves() -> None:
    deletion, insertion = curve_charts(trust(MEAN))
    assert heights(own(deletion)[0]) == pytest.approx(STEEP)
    assert heights(own(insertion)[0]) == pytest.approx(STEEP[::-1])
    assert [point.x for point in own(deletion)[0].points] == pytest.approx(SHARES)


def test_scale_runs_from_0_to_1_and_names_the_class() -> None:
    for target in ("Fake", "Real"):
        assert all(
            (chart.low, chart.high, chart.up) == (0, 1, target) for chart in curve_charts(trust(MEAN, target=target))
        )


def test_random_orders_are_drawn_as_an_area() -> None:
    deletion, _ = curve_charts(trust(MEAN))
    (area,) = deletion.areas
    assert area.low == pytest.approx(BAND.deletion[0]) and area.high == pytest.approx(BAND.deletion[2])
    assert str(ORDERS) in area.name


def test_a_second_hide_value_is_a_second_line_without_an_area_of_its_own() -> None:
    for chart in curve_charts(trust(MEAN, BLUR)):
        first, second = own(chart)
        assert first.kind != second.kind and first.name != second.name
        assert len(chart.areas) == 1


def test_each_point_is_labelled_with_its_values() -> None:
    deletion, _ = curve_charts(trust(MEAN))
    assert [point.label for point in own(deletion)[0].points][:2] == ["0% → 90%", "25% → 30%"]
    with use_language("tr"):
        deletion, _ = curve_charts(trust(MEAN))
    assert own(deletion)[0].points[1].label == "%25 → %30"


def test_legend_names_the_hide_value() -> None:
    (_, mean), *_ = legend(curve_charts(trust(MEAN)))
    (_, blur), *_ = legend(curve_charts(trust(BLUR)))
    assert mean != blur
