"""Plots of training curves by epoch, robustness by corruption, and transfer of models across data sets."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from model.errors import DatasetError
from model.evaluation.bootstrap import Estimate
from model.evaluation.reports import FAKE, LINE, QUIET, head, styled
from model.photos.corruptions import CLEAN, CORRUPTIONS, Corruption

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Lines differ in colour, marker and dash; the class colours are not used.
LINES = (
    ("#009E73", "o", "-"),
    ("#B65C94", "s", "--"),
    ("#E69F00", "D", "-."),
    ("#3D8FC4", "^", ":"),
    ("#222222", "v", "-"),
)
TINT = "#009E73"  # colour of a cell; not a class colour
NOT_CURVES = {"epoch", "learning_rate", "seconds", "lr"}
MEASURE_TITLES = {
    "auc": "AUC",
    "accuracy": "Accuracy",
    "false_accusation_rate": "Real photos called fake",
    "miss_rate": "Fakes called real",
}


def read_history(path: Path) -> dict[str, list[float]]:
    """The columns of a run's ``history.csv`` that hold numbers, one number per epoch.

    Raises:
        DatasetError: if the file is missing or holds no epoch.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise DatasetError(f"{path} can't be read: {error.strerror}.") from error
    columns: dict[str, list[float]] = {}
    for name in rows[0] if rows else ():
        try:
            columns[name] = [float(row[name]) for row in rows]
        except (TypeError, ValueError):
            continue
    if not columns:
        raise DatasetError(f"{path} holds no epoch: it is the CSV file that a training run writes.")
    return columns


@styled()
def training_curves(history: Mapping[str, Sequence[float]], title: str = "Training") -> Figure:
    """One panel per measure with training and validation; the epoch with the lowest validation loss is marked.

    Args:
        history: columns by name, one number per epoch; ``loss`` and ``val_loss`` share a panel. A measure with only
            one of them gets one line.
        title: the figure's heading.
    """
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(name.removeprefix("val_") for name in history if name not in NOT_CURVES))
    figure = Figure((4.6 * min(3, len(names)), 3.9 * -(-len(names) // 3)), layout="constrained")
    panels = figure.subplots(-(-len(names) // 3), min(3, len(names)), squeeze=False).ravel()
    epochs = np.arange(1, len(next(iter(history.values()))) + 1)
    best = int(np.argmin(history["val_loss"])) if "val_loss" in history else None
    for axes, name in zip(panels, names, strict=False):
        _draw_history(axes, epochs, history, name, best)
    for axes in panels[len(names) :]:
        axes.set_visible(False)
    figure.suptitle(f"{title}\n", x=0.01, ha="left", fontsize=14, fontweight="bold")
    return figure


def _draw_history(
    axes: Axes, epochs: np.ndarray, history: Mapping[str, Sequence[float]], name: str, best: int | None
) -> None:
    from matplotlib.ticker import MaxNLocator

    line = ""
    if name in history:
        axes.plot(epochs, history[name], color=QUIET, linewidth=1.6, linestyle="--", marker=".", label="training")
    if f"val_{name}" in history:
        values = history[f"val_{name}"]
        axes.plot(epochs, values, color=LINE, linewidth=2.2, marker=".", label="validation")
        line = f"validation ends at {values[-1]:.3f}"
        if best is not None:
            axes.plot(epochs[best], values[best], "o", color=FAKE, markersize=8, markeredgecolor="white",
                      label="least validation loss")  # fmt: skip
            line = f"validation {values[best]:.3f} at epoch {epochs[best]}"
    words = name.replace("_", " ")
    head(axes, words.upper() if words == "auc" else words.capitalize(), line)
    axes.set_xlabel("Epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(fontsize=9)


@styled()
def robustness_curves(figures: Mapping[str, Mapping[str, Mapping[str, Any]]], measure: str) -> Figure:
    """A small chart per corruption, with a line per data set over the corruption's levels.

    Args:
        figures: by data set, condition (see ``model.photos.corruptions.conditions``) and measure, a dict with
            ``value``, ``low`` and ``high``. Data sets without the measure get no line.
        measure: ``auc``, ``accuracy``, ``false_accusation_rate`` or ``miss_rate``.
    """
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    sets = [name for name, values in figures.items() if measure in values.get(CLEAN, {})]
    rows = -(-len(CORRUPTIONS) // 3)
    figure = Figure((14, 3.7 * rows + 0.6), layout=ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.1))
    panels = figure.subplots(rows, 3, sharey=True, squeeze=False).ravel()
    for axes, corruption in zip(panels, CORRUPTIONS.values(), strict=False):
        _draw_robustness(axes, corruption, {key: figures[key] for key in sets}, measure)
    for axes in panels[len(CORRUPTIONS) :]:
        axes.set_visible(False)
    handles, labels = panels[0].get_legend_handles_labels()
    title = f"{MEASURE_TITLES[measure]} under corruption"
    figure.suptitle(title, x=0.01, ha="left", fontsize=15, fontweight="bold")
    if sets:
        figure.legend(handles, labels, loc="outside upper right", ncols=len(sets), fontsize=11)
    return figure


def _draw_robustness(
    axes: Axes, corruption: Corruption, figures: Mapping[str, Mapping[str, Any]], measure: str
) -> None:
    from matplotlib.ticker import PercentFormatter

    conditions = corruption.conditions()
    clean = conditions.index(CLEAN)
    axes.axvline(clean, color="#D9D9D9", linewidth=6, zorder=0)
    for (dataset, values), (colour, marker, dash) in zip(figures.items(), LINES * len(figures), strict=False):
        measured = [(place, values.get(key, {}).get(measure)) for place, key in enumerate(conditions)]
        found = [(place, estimate) for place, estimate in measured if estimate]
        places = [place for place, _ in found]
        middle, low, high = (np.array([v[key] for _, v in found]) for key in ("value", "low", "high"))
        axes.fill_between(places, low, high, color=colour, alpha=0.13, linewidth=0)
        style: dict[str, Any] = {"color": colour, "marker": marker, "linestyle": dash, "label": dataset}
        axes.plot(places, middle, linewidth=1.9, markersize=5, **style)
    measured_levels = {key for values in figures.values() for key in conditions if measure in values.get(key, {})}
    if measured_levels <= {CLEAN}:
        axes.text(0.5, 0.5, "not measured", transform=axes.transAxes, ha="center", fontsize=11, color=QUIET)
    ticks = ["original" if key == CLEAN else key.split()[1] for key in conditions]
    axes.set_xticks(range(len(conditions)), ticks)
    axes.set_xlim(-0.3, len(conditions) - 0.7)
    if measure == "auc":
        axes.axhline(0.5, color=QUIET, linewidth=1, linestyle=(0, (4, 3)))
    else:
        axes.yaxis.set_major_formatter(PercentFormatter(1, 0))
    head(axes, corruption.title[0].upper() + corruption.title[1:], corruption.unit)


@styled()
def transfer_matrix(
    estimates: Mapping[str, Mapping[str, Estimate]], trained_on: Mapping[str, Sequence[str]] | None = None
) -> Figure:
    """AUC of each model (rows) on each data set (columns); a frame marks sets that the model was trained on.

    Args:
        estimates: AUC by model and data set; a set on which it could not be measured is missing or nan.
        trained_on: data sets that each model was trained on, if known.
    """
    from matplotlib.figure import Figure

    sets = list(dict.fromkeys(name for row in estimates.values() for name in row))
    longest = max(len(name) for name in estimates)
    figure = Figure((2.2 + 0.09 * longest + 1.9 * len(sets), 1.7 + 1.0 * len(estimates)), layout="constrained")
    axes = figure.subplots()
    for row, (model, found) in enumerate(estimates.items()):
        for column, name in enumerate(sets):
            seen = name in (trained_on or {}).get(model, ())
            _draw_cell(axes, row, column, found.get(name), seen)
    axes.set(xlim=(-0.02, len(sets)), ylim=(len(estimates), -0.02))
    axes.set_xticks(np.arange(len(sets)) + 0.485, sets)
    axes.set_yticks(np.arange(len(estimates)) + 0.485, list(estimates))
    axes.tick_params(length=0, labelsize=10)
    axes.grid(False)
    axes.spines[:].set_visible(False)
    head(axes, "AUC across data sets", "rows: models; columns: test sets; framed: trained on pictures of that set")
    return figure


def _draw_cell(axes: Axes, row: int, column: int, estimate: Estimate | None, seen: bool) -> None:
    from matplotlib.patches import Rectangle

    measured = estimate is not None and np.isfinite(estimate.value)
    # An AUC of 0.5 is guessing: only values above it get a darker tint.
    share = float(np.clip((estimate.value - 0.5) * 2, 0, 1)) if estimate is not None and measured else 0.0
    face, alpha = (TINT, 0.06 + 0.6 * share) if measured else ("#F3F3F3", 1.0)
    axes.add_patch(Rectangle((column, row), 0.97, 0.97, facecolor=face, alpha=alpha, linewidth=0))
    if seen:
        axes.add_patch(Rectangle((column + 0.015, row + 0.02), 0.94, 0.93, fill=False, edgecolor=LINE, linewidth=2))
    middle = (column + 0.485, row + 0.5)
    if estimate is None or not measured:
        axes.annotate("not measured", middle, ha="center", va="center", fontsize=9, color=QUIET)
        return
    texts = ((f"{estimate.value:.3f}", 3, 15.0), (f"{estimate.low:.3f} to {estimate.high:.3f}", -13, 8.5))
    for text, rise, size in texts:
        axes.annotate(text, middle, (0, rise), textcoords="offset points", ha="center", fontsize=size)
