"""Draws P(Fake) by source as ridgelines: one curve per source and class, with the inconclusive band."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from model.evaluation.reports import FAKE, LINE, QUIET, REAL, head, styled

GRID = np.linspace(0, 1, 201)
WIDTH = 0.04  # of the smoothing kernel, in P(Fake): the same for every row
HEIGHT = 1.05  # of each row's highest point, as a multiple of the distance between rows


@dataclass(frozen=True)
class Ridge:
    """One row of the figure.

    Attributes:
        name: the source.
        is_fake: whether its pictures are fakes.
        p_fake: P(Fake) ``(N,)``.
        before: P(Fake) ``(M,)`` by an earlier model, or None.
    """

    name: str
    is_fake: bool
    p_fake: NDArray[np.floating]
    before: NDArray[np.floating] | None = None


def density(p_fake: NDArray[np.floating]) -> NDArray[np.float64]:
    """Smoothed density of values in 0..1 over ``GRID``, with integral 1: mass beyond the ends is mirrored back."""
    mirrored = np.concatenate([p_fake, -p_fake, 2 - p_fake])
    kernels = np.exp(-0.5 * ((GRID[:, None] - mirrored) / WIDTH) ** 2) / (WIDTH * np.sqrt(2 * np.pi))
    return np.asarray(kernels.sum(axis=1) / len(p_fake), np.float64)


@styled()
def ridgelines(rows: Sequence[Ridge], band: tuple[float, float], names: tuple[str, str | None] = ("", None)) -> Figure:
    """P(Fake) by source, one row each in the given order; every row is scaled to the same height.

    Args:
        rows: at least one.
        band: P(Fake) between these bounds gets no verdict from the model drawn as filled curves.
        names: of that model, and of the earlier one drawn as dashed lines, if any.
    """
    figure = Figure((9.6, 1.6 + 0.62 * len(rows)), layout="constrained")
    axes = figure.subplots()
    _draw_band(axes, band, len(rows))
    for place, row in enumerate(reversed(rows)):
        _draw_row(axes, place, row)
    axes.set_yticks(range(len(rows)), [f"{row.name}\n{len(row.p_fake)} pictures" for row in reversed(rows)])
    axes.tick_params(axis="y", length=0, labelsize=9)
    for label, row in zip(axes.get_yticklabels(), reversed(rows), strict=True):
        label.set_color(FAKE if row.is_fake else REAL)
        label.set_verticalalignment("bottom")
    axes.set_xlim(0, 1)
    axes.set_ylim(-0.25, len(rows) - 1 + HEIGHT + 0.4)
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.set_xlabel("P(Fake)")
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
    later, earlier = names
    head(axes, "P(Fake) by source", f"{later}; dashed: {earlier}" if earlier else later)
    figure.legend(handles=_keys(earlier), loc="outside upper right", ncols=4 if earlier else 3, fontsize=9)
    return figure


def _draw_band(axes: Axes, band: tuple[float, float], rows: int) -> None:
    low, high = band
    axes.axvspan(low, high, color="#ECECEC", zorder=0)
    top = rows - 1 + HEIGHT + 0.35
    for x, side, words in ((low, "right", "Looks real"), (high, "left", "Looks fake")):
        shift = -0.008 if side == "right" else 0.008
        axes.text(x + shift, top, words, ha=side, va="top", fontsize=9, color=QUIET)
    axes.text((low + high) / 2, top, "Inconclusive", ha="center", va="top", fontsize=9, color=QUIET)


def _draw_row(axes: Axes, base: int, row: Ridge) -> None:
    curves = np.array([density(p_fake) for p_fake in (row.p_fake, row.before) if p_fake is not None])
    curves *= HEIGHT / curves.max()
    colour, layer = (FAKE if row.is_fake else REAL), 1000 - 3 * base
    axes.fill_between(GRID, base, base + curves[0], color=colour, alpha=0.55, linewidth=0, zorder=layer)
    axes.plot(GRID, base + curves[0], color="white", linewidth=2.6, zorder=layer)
    axes.plot(GRID, base + curves[0], color=colour, linewidth=1.4, zorder=layer + 1)
    if len(curves) > 1:
        axes.plot(GRID, base + curves[1], color=LINE, linewidth=1.2, linestyle=(0, (4, 2)), zorder=layer + 2)
    axes.axhline(base, color="#D8D8D8", linewidth=0.8, zorder=layer)
    called = [float(np.mean(p_fake >= 0.5)) for p_fake in (row.before, row.p_fake) if p_fake is not None]
    words = " → ".join(f"{share:.0%}" for share in called)
    axes.annotate(f"{words}\ncalled fake", (1, base), (8, 0), "data", textcoords="offset points", fontsize=9,
                  color=LINE, va="bottom", annotation_clip=False)  # fmt: skip


def _keys(earlier: str | None) -> list[Patch | Line2D]:
    keys: list[Patch | Line2D] = [
        Patch(facecolor=REAL, alpha=0.55, label="real pictures"),
        Patch(facecolor=FAKE, alpha=0.55, label="fakes"),
        Patch(facecolor="#ECECEC", label="no verdict"),
    ]
    if earlier:
        keys.append(Line2D([], [], color=LINE, linewidth=1.2, linestyle=(0, (4, 2)), label="before"))
    return keys
