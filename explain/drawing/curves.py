"""Draws how a map's deletion and insertion curves compare with random orders."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from explain.drawing.chart import Area, Chart, Line, Point
from explain.trust.curves import Curves
from explain.trust.measure import Trust
from explain.wording.summary import curves_in_words
from model.i18n.catalogue import number, translate

QUARTERS = np.linspace(0, 1, 5)
STYLES = ("own", "other")  # of the subject's own hide value, then of the second one


def curve_charts(trust: Trust) -> list[Chart]:
    """Deletion and insertion, with the area of random orders behind them.

    Args:
        trust: of one map; each hide value is a line; only the first one's random orders are drawn.
    """
    ticks = [(share, number(share, ".0%")) for share in QUARTERS]
    charts = []
    for kind, across in (("deletion", "hidden"), ("insertion", "shown")):
        own = trust.curves[0]
        chart = Chart(
            title=translate(f"curves.{kind}"),
            label=curves_in_words(trust),
            up=translate(f"class.{trust.target}"),
            across=translate(f"curves.{across}"),
            x_ticks=ticks,
            y_ticks=ticks,
            areas=[_random(own, getattr(own.band, kind))],
            lines=list(_lines(trust, kind)),
        )
        charts.append(chart)
    return charts


def _random(curves: Curves, band: NDArray[np.float64]) -> Area:
    """Where nine in ten of the random orders lie."""
    hide = translate(f"hide.{curves.hide}")
    name = translate("curves.random", orders=len(curves.band.curves), hide=hide)
    return Area("random", curves.band.shares.tolist(), band[0].tolist(), band[2].tolist(), name)


def _lines(trust: Trust, kind: str) -> Iterator[Line]:
    """The middle of the random orders, then the map's own curve for each hide value."""
    own = trust.curves[0].band
    middle = getattr(own, kind)[1]
    yield Line("middle", [Point(*place) for place in zip(own.shares, middle, strict=True)])
    for curves, style in zip(trust.curves, STYLES, strict=False):
        points = [
            Point(share, value, f"{number(share, '.0%')} → {number(value, '.0%')}")
            for share, value in zip(map(float, curves.band.shares), map(float, getattr(curves, kind)), strict=True)
        ]
        yield Line(style, points, translate("curves.own", hide=translate(f"hide.{curves.hide}")))
