"""Draws how stable a verdict is: a small chart for each kind, with the point where the verdict turns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from explain.drawing.palette import OPPOSES, SUPPORTS, hex_colour
from explain.probes.robustness import PARTS, Curve, Robustness
from explain.wording.robustness import level_name, verdict_name
from model.i18n.catalogue import number, say

BAND = "0.87"
CLEAR = 0.28  # of the height of a chart: room that a label takes
# Changes that share a chart; the first one leads to the left of the untouched face where there are two.
PANELS = {
    **{name: (name,) for name in ("jpeg", "blur", "noise", "downscale")},
    "brightness": ("darker", "brighter"),
    "covered": PARTS,
}


@dataclass(frozen=True)
class _Layout:
    """Size and resolution of the picture, charts in a row, and margins in shares: they take no time to find."""

    inches: tuple[float, float]
    dots_per_inch: int
    columns: int
    margins: dict[str, float]


WIDE = _Layout(
    (8.4, 5.2), 110, 3, {"left": 0.065, "right": 0.985, "top": 0.945, "bottom": 0.125, "wspace": 0.07, "hspace": 0.29}
)
# A phone's 390 pixels, with letters as large as on a desktop and twice as sharp.
NARROW = _Layout((3.55, 10.2), 220, 1, {"left": 0.15, "right": 0.98, "top": 0.978, "bottom": 0.09, "hspace": 0.44})


@dataclass(frozen=True)
class _Point:
    """A tick with what the model says there; ``turned`` is the new verdict where it turns first."""

    tick: str
    probability: float
    turned: str | None = None


def robustness_picture(found: Robustness, narrow: bool = False) -> NDArray[np.uint8]:
    """P(Fake) under each change, the inconclusive band behind it, a diamond where the verdict turns.

    Args:
        found: complete.
        narrow: one chart below the other, 780 pixels across, for a phone that shows them at half that size.

    Returns:
        ``(H, W, 3) uint8`` RGB.
    """
    layout = NARROW if narrow else WIDE
    figure = Figure(figsize=layout.inches, dpi=layout.dots_per_inch)
    canvas = FigureCanvasAgg(figure)
    rows = len(PANELS) // layout.columns
    panels = figure.subplots(rows, layout.columns, sharey=True, squeeze=False, gridspec_kw=layout.margins).ravel()
    for place, (axes, (name, changes)) in enumerate(zip(panels, PANELS.items(), strict=True)):
        axes.set_title(say(f"robustness.panel.{name}"), fontsize=9.5)
        if place % layout.columns == 0:
            axes.set_ylabel(f"P({say('class.Fake')})", fontsize=9)
        _draw(axes, found, changes)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncols=layout.columns, fontsize=8.5, frameon=False)
    canvas.draw()
    return np.array(canvas.buffer_rgba())[..., :3]


def _draw(axes: Axes, found: Robustness, changes: Sequence[str]) -> None:
    points = _points(found, changes)
    values = [point.probability for point in points]
    low, high = found.band
    axes.axhspan(low, high, color=BAND, zorder=0, label=say("robustness.legend.band", low=low, high=high))
    untouched = say("robustness.legend.untouched", p=found.probability)
    axes.axhline(found.probability, color="0.35", linewidth=1, linestyle=":", label=untouched)
    joined = "" if changes == PARTS else "-"
    axes.plot(values, linestyle=joined, marker="o", markersize=4.5, color=hex_colour(SUPPORTS), linewidth=2)
    # An empty one in every chart, so that the legend has it.
    turned = [(place, point) for place, point in enumerate(points) if point.turned is not None]
    axes.plot(
        [place for place, _ in turned],
        [point.probability for _, point in turned],
        "D",
        markersize=8,
        markerfacecolor=hex_colour(OPPOSES),
        markeredgecolor="black",
        label=say("robustness.legend.flip"),
    )
    for place, point in turned:
        if changes == PARTS and CLEAR < point.probability < 1 - CLEAR:
            below = place % 2 == 0  # neighbours stand at different heights
        else:  # where the line does not come from
            below = point.probability > (CLEAR if point.probability < found.probability else 1 - CLEAR)
        side = {0: "left", len(points) - 1: "right"}.get(place, "center")
        _name_the_turn(axes, place, point, side, below)
    if not any(found.measured.get(change) for change in changes):
        axes.text(0.55, 0.5, say("robustness.where_unknown"), fontsize=8.5, transform=axes.transAxes, ha="center")
    axes.set_xticks(range(len(points)), [point.tick for point in points])
    axes.set_xlim(-0.4, len(points) - 0.6)
    axes.set_ylim(-0.03, 1.03)
    axes.set_yticks((0, 0.5, 1))
    axes.yaxis.set_major_formatter(lambda value, place: number(value, ".1f"))
    axes.tick_params(labelsize=8.5)
    axes.grid(alpha=0.25)


def _name_the_turn(axes: Axes, place: int, point: _Point, side: str, below: bool) -> None:
    """The verdict that it turns to, beside the point."""
    axes.annotate(
        verdict_name(str(point.turned)),
        (place, point.probability),
        (0, -9 if below else 9),
        textcoords="offset points",
        ha=side,
        va="top" if below else "bottom",
        fontsize=8.5,
        bbox={"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.85},
        zorder=5,
    )


def _points(found: Robustness, changes: Sequence[str]) -> list[_Point]:
    """From left to right, with the untouched face; what grows to the left is turned around."""
    of = [_of_curve(name, found.measured.get(name)) for name in changes]
    before = of[0][::-1] if len(of) == 2 else []
    after = of[1:] if len(of) == 2 else of
    return [*before, _Point(say("robustness.untouched"), found.probability), *(point for one in after for point in one)]


def _of_curve(name: str, curve: Curve | None) -> list[_Point]:
    if curve is None:
        return []
    return [
        _Point(level_name(name, level), probability, curve.verdicts[place] if place == curve.flip else None)
        for place, (level, probability) in enumerate(zip(curve.levels, curve.probabilities, strict=True))
    ]
