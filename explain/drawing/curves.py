"""Draws how a map's deletion and insertion curves compare with random orders."""

import io

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from explain.drawing.palette import SUPPORTS, hex_colour
from explain.maps.registry import METHODS
from explain.trust.curves import Curves
from explain.trust.measure import Trust
from model.i18n.catalogue import number, say

INCHES, DOTS_PER_INCH = (8.4, 3.4), 110
STYLES = ("-", "--")  # the subject's own hide value, then the second one


def curve_picture(trust: Trust) -> NDArray[np.uint8]:
    """Deletion and insertion side by side, the band of random orders behind them.

    Args:
        trust: of one map; each of its hide values is a line, only the first one's band is drawn.

    Returns:
        ``(H, W, 3) uint8`` RGB.
    """
    figure = Figure(figsize=INCHES, layout="constrained")
    figure.suptitle(METHODS[trust.method].title, fontsize=11, fontweight="bold")
    deletion, insertion = figure.subplots(1, 2, sharey=True)
    for axes, title, across in (
        (deletion, say("curves.deletion"), say("curves.hidden")),
        (insertion, say("curves.insertion"), say("curves.shown")),
    ):
        axes.set_title(title, fontsize=9.5)
        axes.set_xlabel(across, fontsize=9)
        axes.xaxis.set_major_formatter(_tick)
        axes.tick_params(labelsize=8)
        axes.set_xlim(0, 1)
        axes.grid(alpha=0.25)
    deletion.set_ylabel(f"P({say(f'class.{trust.target}')})", fontsize=9)
    deletion.yaxis.set_major_formatter(_tick)
    deletion.set_ylim(0, 1)
    for curves, style in zip(trust.curves, STYLES, strict=False):
        _draw(deletion, curves, curves.deletion, curves.band.deletion if style == "-" else None, style)
        _draw(insertion, curves, curves.insertion, curves.band.insertion if style == "-" else None, style)
    deletion.legend(fontsize=8, loc="upper right", framealpha=0.8)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DOTS_PER_INCH)
    return np.array(Image.open(buffer).convert("RGB"))


def _tick(value: float, position: int | None) -> str:
    return number(value, ".1f")


def _draw(axes: Axes, curves: Curves, own: NDArray[np.float64], band: NDArray[np.float64] | None, style: str) -> None:
    shares, hide = curves.band.shares, say(f"hide.{curves.hide}")
    if band is not None:
        name = say("curves.random", orders=len(curves.band.curves), hide=hide)
        axes.fill_between(shares, band[0], band[2], color="0.8", label=name)
        axes.plot(shares, band[1], color="0.5", linewidth=1)
    axes.plot(shares, own, style, color=hex_colour(SUPPORTS), linewidth=2, label=say("curves.own", hide=hide))
