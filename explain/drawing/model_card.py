"""Draws what was measured of a model, from its card alone: reliability diagrams and robustness curves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from model.artifact.facts import readable
from model.evaluation.charts import draw_bins
from model.evaluation.metrics import Bin
from model.evaluation.plots import LINES
from model.evaluation.reports import QUIET
from model.i18n.catalogue import number, say
from model.photos.corruptions import CLEAN, CORRUPTIONS
from model.photos.faces import CROP_SIZE

WIDTH, DOTS_PER_INCH = 4.2, 160  # 672 pixels: as wide as a phone shows it, and nearly twice as sharp
TEST, CORRUPTED = "test", "test_corruptions"  # keys of a card's metrics
AUC, ACCUSED = "auc", "false_accusation_rate"
SHARE, AREA = ".0%", ".1f"  # how numbers are written along the axes
GUESSING = 0.5  # the AUC that it has
LEAST_AUC = 0.44  # where the axis begins, the same for every corruption unless there is less
Figures = Mapping[str, Any]
Conditions = Mapping[str, Figures]  # what was measured of a data set, by condition


@dataclass(frozen=True, eq=False)
class ModelPicture:
    """One picture.

    Attributes:
        key: the data set's or corruption's name.
        title: what it is of; it stands in the picture, too.
        picture: ``(H, 672, 3) uint8`` RGB.
        told: what it shows, with its numbers, for those who do not see it.
    """

    key: str
    title: str
    picture: NDArray[np.uint8]
    told: str


def reliability_pictures(metrics: Figures) -> list[ModelPicture]:
    """A reliability diagram for each data set whose bins a card's ``metrics`` hold."""
    found = []
    for name, figures in metrics.get(TEST, {}).items():
        if bins := [Bin(**{**one, "interval": tuple(one["interval"])}) for one in figures.get("reliability", ())]:
            values = (say("model_pictures.bin", stated=b.stated, observed=b.observed, count=b.count) for b in bins)
            told = say("model_pictures.reliability_told", name=readable(name), bins="; ".join(values))
            found.append(ModelPicture(name, readable(name), _reliability(bins, figures, readable(name)), told))
    return found


def robustness_pictures(metrics: Figures) -> list[ModelPicture]:
    """AUC and false accusations by level, for each corruption that a card's ``metrics`` hold figures of."""
    found = []
    for name, corruption in CORRUPTIONS.items():
        conditions = corruption.conditions(name)
        sets = {
            readable(dataset): {key: of[key] for key in conditions if key in of}
            for dataset, of in metrics.get(CORRUPTED, {}).items()
            if CLEAN in of and any(key in of for key in conditions if key != CLEAN)
        }
        if sets:
            title = say(f"model_pictures.panel.{name}", size=CROP_SIZE)
            told = say("model_pictures.robustness_told", panel=title, sets="; ".join(_told(sets)))
            found.append(ModelPicture(name, title, _robustness(conditions, sets, title), told))
    return found


def _reliability(bins: Sequence[Bin], figures: Figures, title: str) -> NDArray[np.uint8]:
    figure = Figure((WIDTH, 3.9), DOTS_PER_INCH)
    axes = figure.subplots(gridspec_kw={"left": 0.165, "right": 0.95, "top": 0.86, "bottom": 0.13})
    draw_bins(axes, bins, say("model_pictures.ideal"), say("model_pictures.own"))
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.2, 1.01))
    axes.set_xlabel(say("model_pictures.stated", fake=say("class.Fake")), fontsize=9)
    axes.legend(loc="upper left", fontsize=8.5, frameon=False)
    _tidy(axes, say("model_pictures.observed"), SHARE)
    axes.xaxis.set_major_formatter(lambda value, place: number(value, SHARE))
    count, error = sum(one.count for one in bins), figures.get("expected_calibration_error")
    line = say("model_pictures.error", count=count, **error) if error else say("model_pictures.count", count=count)
    return _pixels(figure, title, line)


def _robustness(conditions: Sequence[str], sets: Mapping[str, Conditions], title: str) -> NDArray[np.uint8]:
    measures = [one for one in (AUC, ACCUSED) if any(one in of[CLEAN] for of in sets.values())]
    height = 1.2 + 1.75 * len(measures)
    figure = Figure((WIDTH, height), DOTS_PER_INCH)
    margins = {"left": 0.165, "right": 0.97, "top": 1 - 0.4 / height, "bottom": 0.75 / height, "hspace": 0.09}
    panels = figure.subplots(len(measures), 1, sharex=True, squeeze=False, gridspec_kw=margins).ravel()
    for axes, measure in zip(panels, measures, strict=True):
        for (name, of), style in zip(sets.items(), LINES * len(sets), strict=False):
            _draw_line(axes, conditions, name, of, measure, style)
        if measure == AUC:
            axes.axhline(GUESSING, color=QUIET, linewidth=1, linestyle=(0, (4, 3)))
            axes.set_ylim(min(LEAST_AUC, axes.get_ylim()[0]), 1.01)
            _tidy(axes, say("model_pictures.auc"), AREA)
        else:
            axes.set_ylim(-0.02, 1.02)
            _tidy(axes, say("model_pictures.accused"), SHARE)
        axes.axvline(conditions.index(CLEAN), color="#D9D9D9", linewidth=5, zorder=0)
    ticks = [_level(condition) for condition in conditions]
    panels[-1].set_xticks(range(len(conditions)), ticks)
    panels[-1].set_xlim(-0.3, len(conditions) - 0.7)
    named = {name: line for axes in panels for line, name in zip(*axes.get_legend_handles_labels(), strict=True)}
    figure.legend(named.values(), named.keys(), loc="lower center", ncols=2, fontsize=7.5, frameon=False)
    return _pixels(figure, title)


def _draw_line(
    axes: Axes, conditions: Sequence[str], name: str, of: Conditions, measure: str, style: tuple[str, str, str]
) -> None:
    """One data set's line; behind its AUC, the interval of what is lost."""
    known = [(place, of[key]) for place, key in enumerate(conditions) if measure in of.get(key, {})]
    if not known or measure not in of[CLEAN]:
        return
    colour, marker, dash = style
    places, values = [place for place, _ in known], [figures[measure] for _, figures in known]
    axes.plot(places, values, color=colour, marker=marker, linestyle=dash, linewidth=1.7, markersize=4.5, label=name)
    losses = [figures.get("auc_loss") for _, figures in known]
    if measure == AUC and all(losses):
        clean = of[CLEAN][AUC]
        low, high = ([clean - loss[end] for loss in losses if loss] for end in ("high", "low"))
        axes.fill_between(places, low, high, color=colour, alpha=0.13, linewidth=0)


def _told(sets: Mapping[str, Conditions]) -> Iterator[str]:
    """Of each data set its figures untouched and at the level that harms most."""
    for name, of in sets.items():
        figures = [_worst(of, AUC, -1), _worst(of, ACCUSED, 1)]
        yield say("model_pictures.told_set", name=name, figures=", ".join(filter(None, figures)))


def _worst(of: Conditions, measure: str, sign: int) -> str:
    """A measure untouched and where it is at its worst, which is high for ``sign`` 1; empty if it was not measured."""
    values = {condition: figures[measure] for condition, figures in of.items() if measure in figures}
    if CLEAN not in values:
        return ""
    before, level = values[CLEAN], max(values, key=lambda condition: sign * values[condition])
    if values[level] == before:
        return say(f"model_pictures.steady.{measure}", before=before)
    return say(f"model_pictures.worst.{measure}", before=before, worst=values[level], level=_level(level))


def _level(condition: str) -> str:
    """A condition's level as people read it, such as ``50`` of ``jpeg 50``."""
    if condition == CLEAN:
        return say("model_pictures.untouched")
    name, _, level = condition.partition(" ")
    if name == "downscale":
        return number(round(float(level) * CROP_SIZE), "d")
    return number(float(level), "g" if name in ("jpeg", "blur", "noise") else SHARE)


def _tidy(axes: Axes, up: str, form: str) -> None:
    axes.set_ylabel(up, fontsize=9)
    axes.yaxis.set_major_formatter(lambda value, place: number(value, form))
    axes.tick_params(labelsize=8.5)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_axisbelow(True)
    axes.grid(color="#EAEAEA")


def _pixels(figure: Figure, title: str, line: str = "") -> NDArray[np.uint8]:
    """A figure drawn, its title and a quiet line above it."""
    canvas = FigureCanvasAgg(figure)
    figure.suptitle(title, x=0.01, ha="left", fontsize=11, fontweight="bold")
    if line:
        figure.text(0.01, 0.9, line, fontsize=8.5, color=QUIET)
    canvas.draw()
    return np.array(canvas.buffer_rgba())[..., :3]
