"""Tests of the ridgeline plot: densities integrate to 1, rows keep their order, both runs are shown."""

from __future__ import annotations

import numpy as np
import pytest

from model.evaluation.reports import FAKE, REAL
from model.unseen.ridgelines import GRID, Ridge, density, ridgelines

ROWS = [Ridge("one", False, np.full(20, 0.1)), Ridge("two", True, np.full(30, 0.9), np.full(30, 0.2))]


@pytest.mark.parametrize("value", [0.0, 0.01, 0.5, 1.0])
def test_density_integrates_to_one_between_0_and_1(value: float) -> None:
    heights = density(np.full(7, value))
    assert np.trapezoid(heights, GRID) == pytest.approx(1, abs=2e-3)
    assert GRID[heights.argmax()] == pytest.approx(value, abs=0.011)


def test_rows_keep_their_order_colours_and_shares() -> None:
    (axes,) = ridgelines(ROWS, (0.3, 0.7), ("later", "earlier")).axes
    labels = axes.get_yticklabels()
    assert [label.get_text() for label in labels] == ["two\n30 pictures", "one\n20 pictures"]  # from below
    assert [label.get_color() for label in labels] == [FAKE, REAL]
    written = {text.get_text() for text in axes.texts}
    assert {"0%\ncalled fake", "0% → 100%\ncalled fake", "Inconclusive"} <= written
    assert any("dashed: earlier" in text for text in written)


def test_every_row_has_its_own_baseline_and_the_same_height() -> None:
    (axes,) = ridgelines(ROWS, (0.3, 0.7)).axes
    curves = [line for line in axes.lines if len(line.get_xdata()) == len(GRID)]
    for line in curves:
        base = round(float(np.min(line.get_ydata())))
        assert base in (0, 1) and np.max(line.get_ydata()) == pytest.approx(base + 1.05, abs=0.001)
