"""Charts of a model's answers for one data set: mistakes, ROC, precision, calibration, risk and scores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from model.evaluation.bootstrap import Scores, Truth, bootstrap, bootstrap_band
from model.evaluation.metrics import (
    Bin,
    SetScores,
    area_under_risk_coverage,
    auc,
    average_precision,
    expected_calibration_error,
    false_accusation_rate,
    miss_rate,
    reliability_bins,
    risk_coverage,
)
from model.evaluation.reports import FAKE, LINE, QUIET, REAL, head, save, styled
from model.i18n.catalogue import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GRID = np.linspace(0, 1, 101)  # x values at which the curves of resamples are compared
SIZE = (5.6, 4.8)  # width and height of one chart in inches


def draw_confusion(axes: Axes, scores: SetScores) -> None:
    """Counts of right and wrong answers at P(Fake) = 0.5; a row is a class, and the tint shows the share of the row."""
    from matplotlib.patches import Rectangle

    called = scores.p_fake >= 0.5
    names = {(1, 0): "found", (1, 1): "missed", (0, 0): "falsely accused", (0, 1): "cleared"}
    for row, (is_fake, colour) in enumerate(((True, FAKE), (False, REAL))):
        members = scores.is_fake == is_fake
        for column, called_fake in enumerate((True, False)):
            count = int(np.sum(members & (called == called_fake)))
            share = count / members.sum() if members.any() else 0.0
            axes.add_patch(Rectangle((column, row), 0.97, 0.97, facecolor=colour, alpha=0.05 + 0.5 * share))
            caption = f"{share:.1%} {names[int(is_fake), column]}" if members.any() else "none in this set"
            _write(axes, (column + 0.485, row + 0.5), f"{count:,}", 6, 21)
            _write(axes, (column + 0.485, row + 0.5), caption, -15, 10)
    axes.set(xlim=(0, 2), ylim=(2, 0), xticks=[0.485, 1.485], yticks=[0.485, 1.485])
    axes.set_xticklabels(["called fake", "called real"])
    axes.set_yticklabels(["Fake", "Real"], rotation=90, va="center")
    axes.tick_params(length=0)
    axes.grid(False)
    axes.spines[:].set_visible(False)
    right = float(np.mean(called == scores.is_fake))
    head(axes, "Verdicts at P(Fake) = 0.5", f"{len(called):,} pictures, {right:.1%} right")


def _write(axes: Axes, middle: tuple[float, float], text: str, rise: int, size: int) -> None:
    axes.annotate(text, middle, (0, rise), textcoords="offset points", ha="center", fontsize=size)


def roc_heights(p_fake: Scores, is_fake: Truth) -> NDArray[np.float64]:
    """Share of fakes found at each false-accusation rate of ``GRID``, ``(101,)``."""
    from sklearn.metrics import roc_curve

    falsely, found, _ = roc_curve(is_fake, p_fake)
    return np.asarray(np.interp(GRID, falsely, found))


def draw_roc(axes: Axes, scores: SetScores) -> None:
    """Recall of Fake against the false-accusation rate over all thresholds, with the bootstrap band."""
    from sklearn.metrics import roc_curve

    p_fake, is_fake = scores.p_fake, scores.is_fake
    _band(axes, roc_heights, scores)
    falsely, found, _ = roc_curve(is_fake, p_fake)
    axes.plot([0, 1], [0, 1], color=QUIET, linewidth=1, linestyle=(0, (4, 3)), label="guessing")
    axes.plot(falsely, found, color=LINE, linewidth=2, label="this model")
    point = (false_accusation_rate(p_fake, is_fake), 1 - miss_rate(p_fake, is_fake))
    axes.plot(*point, "o", color=FAKE, markersize=8, markeredgecolor="white", label="at P(Fake) = 0.5")
    _unit_square(axes, "Real photos called fake", "Fakes called fake")
    axes.legend(loc="lower right")
    head(axes, "ROC", f"AUC {bootstrap(auc, p_fake, is_fake)}")


def precision_heights(p_fake: Scores, is_fake: Truth) -> NDArray[np.float64]:
    """Precision of Fake at each recall of ``GRID``, ``(101,)``."""
    from sklearn.metrics import precision_recall_curve

    precision, recall, _ = precision_recall_curve(is_fake, p_fake)
    return np.asarray(np.interp(GRID, recall[::-1], precision[::-1]))


def draw_precision_recall(axes: Axes, scores: SetScores) -> None:
    """Precision of Fake against recall of Fake, with the bootstrap band."""
    from sklearn.metrics import precision_recall_curve

    p_fake, is_fake = scores.p_fake, scores.is_fake
    _band(axes, precision_heights, scores)
    precision, recall, _ = precision_recall_curve(is_fake, p_fake)
    base = float(is_fake.mean())
    axes.axhline(base, color=QUIET, linewidth=1, linestyle=(0, (4, 3)), label=f"calling all fake ({base:.0%})")
    axes.plot(recall, precision, color=LINE, linewidth=2, label="this model")
    called = p_fake >= 0.5
    if called.any():
        point = (1 - miss_rate(p_fake, is_fake), float(is_fake[called].mean()))
        axes.plot(*point, "o", color=FAKE, markersize=8, markeredgecolor="white", label="at P(Fake) = 0.5")
    _unit_square(axes, "Fakes called fake (recall)", "Of those called fake, truly fake (precision)")
    axes.legend(loc="lower left")
    head(axes, "Precision and recall", f"average precision {bootstrap(average_precision, p_fake, is_fake, 300)}")


def draw_reliability(axes: Axes, scores: SetScores) -> None:
    """Observed share of fakes against stated P(Fake), with Wilson intervals and the number of pictures in each bin."""
    p_fake, is_fake = scores.p_fake, scores.is_fake
    draw_bins(axes, reliability_bins(p_fake, is_fake), ideal="stated = true", own="this model")
    _unit_square(axes, "Stated P(Fake), with the number of pictures", "Share that was fake")
    axes.set_ylim(-0.2, 1.01)
    axes.legend(loc="upper left")
    estimate = bootstrap(expected_calibration_error, p_fake, is_fake)
    head(axes, "Reliability", f"expected calibration error {estimate}")


def draw_bins(axes: Axes, bins: Sequence[Bin], ideal: str, own: str) -> None:
    """Observed frequency against stated probability of each bin, with the bins' counts below zero.

    Args:
        axes: the axes to draw on.
        bins: at least one bin.
        ideal: legend text of the diagonal.
        own: legend text of the model's line.
    """
    most = max(b.count for b in bins)
    axes.axhline(0, color="#B5B5B5", linewidth=0.8)
    for b in bins:
        # Counts are drawn below zero: above it they could be read as shares.
        axes.bar(b.low, 0.11 * b.count / most, b.high - b.low, -0.2, align="edge", color="#CBD2DC", edgecolor="white")
        count = number(b.count, ",")
        axes.annotate(count, ((b.low + b.high) / 2, -0.06), ha="center", fontsize=8, color="#5A6270")
    axes.plot([0, 1], [0, 1], color=QUIET, linewidth=1, linestyle=(0, (4, 3)), label=ideal)
    stated, observed = np.array([b.stated for b in bins]), np.array([b.observed for b in bins])
    reach = np.abs(np.array([b.interval for b in bins]).T - observed)
    axes.errorbar(stated, observed, reach, color=LINE, marker="o", linewidth=2, elinewidth=1, label=own)
    axes.set_yticks(np.linspace(0, 1, 6))


def risk_heights(p_fake: Scores, is_fake: Truth) -> NDArray[np.float64]:
    """Risk at each coverage of ``GRID``, ``(101,)``; below coverage 1/N, the risk of the surest picture."""
    return np.asarray(np.interp(GRID, *risk_coverage(p_fake, is_fake)))


def draw_risk_coverage(axes: Axes, scores: SetScores) -> None:
    """Error rate among the surest pictures against coverage; a dot marks the verdicts outside the inconclusive band."""
    from matplotlib.ticker import PercentFormatter

    p_fake, is_fake = scores.p_fake, scores.is_fake
    high = _band(axes, risk_heights, scores)[1]
    coverage, risk = risk_coverage(p_fake, is_fake)
    shown = coverage >= min(1.0, 10 / len(coverage))  # below 10 pictures, a rate means little
    axes.plot(coverage[shown], risk[shown], color=LINE, linewidth=2)
    axes.axhline(risk[-1], color=QUIET, linewidth=1, linestyle=(0, (4, 3)), label=f"all judged ({risk[-1]:.1%} wrong)")
    decided = (p_fake <= scores.band[0]) | (p_fake >= scores.band[1])
    if decided.any() and not decided.all():
        wrong = float(np.mean((p_fake >= 0.5)[decided] != is_fake[decided]))
        label = f"page's verdicts ({decided.mean():.0%} judged, {wrong:.1%} wrong)"
        axes.plot(decided.mean(), wrong, "o", color=FAKE, markersize=8, markeredgecolor="white", label=label)
    highest = max(0.1, float(np.max(high[GRID >= 0.1])), float(np.max(risk[shown])))
    axes.set(xlim=(0, 1), ylim=(0, 1.45 * highest), xlabel="Pictures judged, the surest first", ylabel="Wrong verdicts")
    axes.xaxis.set_major_formatter(PercentFormatter(1, 0))
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.legend(loc="upper left", fontsize=9)
    head(axes, "Risk and coverage", f"area {bootstrap(area_under_risk_coverage, p_fake, is_fake, 300)}")


def draw_scores(axes: Axes, scores: SetScores) -> None:
    """The distribution of P(Fake) in each class, and the inconclusive band."""
    edges = np.linspace(0, 1, 21).tolist()
    low, high = scores.band
    if high > low:
        axes.axvspan(low, high, color="#F0F0F0", zorder=0)
        axes.annotate("inconclusive", ((low + high) / 2, 0.97), xycoords=("data", "axes fraction"), ha="center",
                      va="top", fontsize=9, color=QUIET)  # fmt: skip
    for is_fake, colour, label in ((False, REAL, "Real"), (True, FAKE, "Fake")):
        values = scores.p_fake[scores.is_fake == is_fake]
        if len(values):
            axes.hist(values, edges, color=colour, alpha=0.25)
            axes.hist(values, edges, color=colour, histtype="step", linewidth=1.8, label=f"{label} ({len(values):,})")
    axes.set(xlim=(0, 1), xlabel="P(Fake)", ylabel="Pictures")
    axes.margins(y=0.18)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, 0.93))
    decided = (scores.p_fake <= low) | (scores.p_fake >= high)
    head(axes, "Scores", f"{1 - decided.mean():.1%} inconclusive")


def _band(
    axes: Axes, heights: Callable[[Scores, Truth], NDArray[np.float64]], scores: SetScores
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    low, high = bootstrap_band(heights, scores.p_fake, scores.is_fake)
    axes.fill_between(GRID, low, high, color=LINE, alpha=0.14, linewidth=0, label="95% of resamples")
    return low, high


def _unit_square(axes: Axes, across: str, up: str) -> None:
    from matplotlib.ticker import PercentFormatter

    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), xlabel=across, ylabel=up)
    axes.xaxis.set_major_formatter(PercentFormatter(1, 0))
    axes.yaxis.set_major_formatter(PercentFormatter(1, 0))


CHARTS: dict[str, Callable[[Axes, SetScores], None]] = {
    "confusion": draw_confusion,
    "scores": draw_scores,
    "roc": draw_roc,
    "precision_recall": draw_precision_recall,
    "reliability": draw_reliability,
    "risk_coverage": draw_risk_coverage,
}
NEED_BOTH_CLASSES = frozenset({"roc", "precision_recall", "reliability"})


def charts_for(scores: SetScores) -> list[str]:
    """Names of the charts that are possible for this set."""
    return [name for name in CHARTS if scores.has_both_classes or name not in NEED_BOTH_CLASSES]


@styled()
def chart(name: str, scores: SetScores) -> Figure:
    """One of ``CHARTS`` as a separate figure, with the data set's name in the title."""
    from matplotlib.figure import Figure

    figure = Figure(SIZE, layout="constrained")
    axes = figure.subplots()
    CHARTS[name](axes, scores)
    axes.set_title(f"{axes.get_title(loc='left')}, {scores.name}")
    return figure


@styled()
def overview(scores: SetScores) -> Figure:
    """All charts of a data set in one figure."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    names = charts_for(scores)
    columns = min(3, len(names))
    rows = -(-len(names) // columns)
    layout = ConstrainedLayoutEngine(w_pad=0.16, h_pad=0.16)
    figure = Figure((SIZE[0] * columns, SIZE[1] * rows), layout=layout)
    for axes, name in zip(np.ravel(figure.subplots(rows, columns)), names, strict=True):
        CHARTS[name](axes, scores)
    reals = int((~scores.is_fake).sum())
    text = f"{scores.name}: {reals:,} real, {len(scores.is_fake) - reals:,} fake"
    figure.suptitle(text, x=0.01, ha="left", fontsize=15, fontweight="bold")
    return figure


def save_charts(scores: SetScores, folder: Path) -> list[Path]:
    """Write each chart of a data set and the figure of all charts into a folder; returns their paths."""
    charts = {name: chart(name, scores) for name in charts_for(scores)}
    return [save(figure, folder / f"{name}.png") for name, figure in {**charts, "overview": overview(scores)}.items()]
