"""Draws the measurements of a data set as PNG files: samples, classes, light and colour, files, shortcuts."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
import pandas
import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from model.data.layout import SPLITS, UNSPLIT, Example
from model.data.reading import read_rgb
from model.evaluation.reports import FAKE, LINE, QUIET, REAL, head, save, styled
from model.exploration.shortcuts import ALARM, FEATURES, Feature, Finding

COLOURS = {"Real": REAL, "Fake": FAKE}
COLUMNS, ROWS = 8, 4  # pictures across and down in a sample sheet
THUMBNAIL = 160  # side in pixels
BARS = 40  # number of bars in a histogram
PLAIN = 240  # grey value that fills the square beside a picture that is not square
PIXEL_FEATURES = ("brightness", "contrast", "sharpness", "colour_cast", "border_contrast")
FILE_FEATURES = ("width", "height", "file_bytes", "bytes_per_pixel", "jpeg_quality", "framing")
CHANNELS = {"Red": "#B03A2E", "Green": "#2E7D4F", "Blue": "#2C5C9A"}


def thumbnail(pixels: NDArray[np.uint8], side: int = THUMBNAIL) -> NDArray[np.uint8]:
    """A picture ``(H, W, 3) uint8``, fitted into a square ``(side, side, 3) uint8`` without cropping or distortion."""
    scale = side / max(pixels.shape[:2])
    size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    square = np.full((side, side, 3), PLAIN, np.uint8)
    y, x = (side - size[1]) // 2, (side - size[0]) // 2
    square[y : y + size[1], x : x + size[0]] = small
    return square


@styled()
def sample_sheet(root: Path, examples: Sequence[Example], seed: int, path: Path) -> Path:
    """Draw a sheet with a random sample of the pictures of one class of one data set."""
    rng = np.random.default_rng(seed)
    count = min(COLUMNS * ROWS, len(examples))
    chosen = [examples[row] for row in sorted(rng.choice(len(examples), count, replace=False))]
    rows = -(-count // COLUMNS)
    figure = Figure((COLUMNS * 1.25, rows * 1.25 + 0.75))
    grid = figure.subplots(rows, COLUMNS, squeeze=False, gridspec_kw={"wspace": 0.06, "hspace": 0.06})
    figure.subplots_adjust(left=0.01, right=0.99, bottom=0.02, top=1 - 0.62 / figure.get_figheight())
    for axes in grid.ravel():
        axes.axis("off")
    for axes, example in zip(grid.ravel(), chosen, strict=False):
        axes.imshow(thumbnail(read_rgb(root / example.path)))
    label, dataset = examples[0].label, examples[0].dataset
    figure.text(0.012, 1 - 0.3 / figure.get_figheight(), f"{dataset}: {label}", fontsize=13, fontweight="bold",
                color=COLOURS[label])  # fmt: skip
    line = f"{count} of {len(examples):,} pictures, drawn at random"
    figure.text(0.988, 1 - 0.3 / figure.get_figheight(), line, fontsize=9, color=QUIET, ha="right")
    return save(figure, path)


def class_counts(table: pandas.DataFrame) -> pandas.DataFrame:
    """Columns ``place`` (data set and split), ``label`` and ``pictures``; sets by name, splits in the usual order."""
    counts = table.groupby(["dataset", "split", "label"]).size().reset_index(name="pictures")
    counts["place"] = counts["dataset"] + ", " + counts["split"].replace(UNSPLIT, "not split")
    counts["rank"] = [(*SPLITS, UNSPLIT).index(split) for split in counts["split"]]
    return counts.sort_values(["dataset", "rank", "label"])[["place", "label", "pictures"]]


@styled()
def class_distribution(table: pandas.DataFrame, path: Path) -> Path:
    """Draw the number of pictures of each class in each split of each data set."""
    counts = class_counts(table)
    names = list(counts["place"].unique())
    figure = Figure((8.5, 0.62 * len(names) + 1.9), layout="constrained")
    axes = figure.subplots()
    seaborn.barplot(counts, x="pictures", y="place", hue="label", order=names, hue_order=list(COLOURS),
                    palette=COLOURS, saturation=1, ax=axes)  # fmt: skip
    for bars in axes.containers:
        axes.bar_label(bars, fmt="{:,.0f}", padding=4, fontsize=9, color=QUIET)  # type: ignore[arg-type]
    axes.set(xlabel="Pictures", ylabel="")
    axes.grid(axis="y", visible=False)
    axes.margins(x=0.12)
    axes.legend(title="", loc="lower right", bbox_to_anchor=(1, 1), ncols=2)
    total = table["label"].value_counts()
    head(axes, "Class distribution", ", ".join(f"{total.get(label, 0):,} {label.lower()}" for label in COLOURS))
    return save(figure, path)


@styled()
def pixel_statistics(
    dataset: str, members: pandas.DataFrame, histograms: Mapping[tuple[str, str], NDArray[np.float64]], path: Path
) -> Path:
    """Draw brightness, contrast, sharpness, colour and the mean histogram of each channel, by class."""
    figure = Figure((13, 7.6), layout=ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.14))
    axes = figure.subplots(2, 4)
    for place, column in zip(axes.ravel(), PIXEL_FEATURES, strict=False):
        _spread(place, members, column)
    for place, (channel, (name, colour)) in zip(axes.ravel()[5:], enumerate(CHANNELS.items()), strict=True):
        for label in COLOURS:
            if (dataset, label) in histograms:
                shares = histograms[dataset, label][channel]
                values = (np.arange(len(shares)) + 0.5) * 256 / len(shares)
                place.plot(values, 100 * shares, color=COLOURS[label], linewidth=1.8, label=label)
        place.set(xlim=(0, 255), xlabel=f"{name.lower()} value", ylabel="% of the pixels")
        place.set_ylim(bottom=0)
        place.set_title(f"{name}, mean histogram", color=colour, pad=10)
    return _sheet(figure, f"{dataset}: light, colour and sharpness", members, path)


@styled()
def file_statistics(dataset: str, members: pandas.DataFrame, path: Path) -> Path:
    """Draw size, compression and framing, by class."""
    figure = Figure((11, 7.6), layout=ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.14))
    for place, column in zip(figure.subplots(2, 3).ravel(), FILE_FEATURES, strict=True):
        _spread(place, members, column)
    return _sheet(figure, f"{dataset}: size and compression", members, path)


def _sheet(figure: Figure, title: str, members: pandas.DataFrame, path: Path) -> Path:
    counts = members["label"].value_counts()
    named = ", ".join(f"{counts.get(label, 0):,} {label.lower()}" for label in COLOURS)
    figure.suptitle(f"{title} ({named})", x=0.01, ha="left", fontsize=15, fontweight="bold")
    legends = (axes.get_legend_handles_labels() for axes in figure.axes)
    # Features with the same value in all pictures have no plot, so there may be no legend.
    handles, labels = next(filter(lambda found: found[0], legends), ([], []))
    if handles:
        figure.legend(handles, labels, loc="upper right", ncols=2)
    return save(figure, path)


def _spread(axes: Axes, members: pandas.DataFrame, column: str) -> None:
    """Draw the histogram of one feature for each class, in percent of the class; ``bin_edges`` sets the bars.

    Values outside the bars count in the outermost bars.
    """
    feature: Feature = FEATURES[column]
    axes.set_title(feature.name.capitalize().replace("Jpeg", "JPEG"), pad=10)
    axes.set(xlabel=feature.unit, ylabel="% of the class")
    known = members[np.isfinite(members[column].to_numpy(float))]
    values = known[column].to_numpy(float)
    if not len(values) or values.min() == values.max():
        text = f"{values[0]:.6g} in all pictures" if len(values) else "no faces known (--faces)"
        axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", color=QUIET)
        axes.axis("off")
        return
    edges = bin_edges(values)
    for label, colour in COLOURS.items():
        some = known[known["label"] == label][[column]].clip(edges[0], edges[-1])
        if len(some):
            weights = np.full(len(some), 100 / len(some))
            seaborn.histplot(x=some[column], weights=weights, bins=edges.tolist(), element="step", color=colour,
                             alpha=0.22, linewidth=1.6, label=label, ax=axes)  # fmt: skip
    axes.set(xlabel=feature.unit, ylabel="% of the class")
    axes.xaxis.set_major_locator(MaxNLocator(5))


def bin_edges(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Edges ``(B + 1,)`` of a histogram's bars, from the 0.5th to the 99.5th percentile of ``values (N,)``.

    Integers get bars of integer width: otherwise some bars would hold two numbers and their neighbours one.
    """
    low, high = np.percentile(values, [0.5, 99.5])
    if high == low:
        low, high = values.min(), max(values.max(), values.min() + 1)
    if np.array_equal(values, np.round(values)):
        low, high = np.floor(low), np.ceil(high)
        step = max(1, round((high - low) / BARS))
        return np.asarray(np.arange(low, high + step + 1, step) - 0.5)
    return np.linspace(low, high, BARS + 1)


@styled()
def shortcut_chart(findings: Sequence[Finding], path: Path) -> Path:
    """Draw the AUC of each trivial feature of one data set with its interval, and mark the range above ``ALARM``."""
    figure = Figure((8.5, 0.4 * len(findings) + 1.9), layout="constrained")
    axes = figure.subplots()
    axes.axvline(0.5, color=QUIET, linewidth=1, linestyle=(0, (4, 3)))
    axes.axvspan(ALARM, 1.01, color=FAKE, alpha=0.07, linewidth=0)
    for row, finding in enumerate(findings):
        estimate, colour = finding.estimate, FAKE if finding.alarming else LINE
        axes.plot([estimate.low, estimate.high], [row, row], color=colour, linewidth=3, alpha=0.35)
        axes.plot(estimate.value, row, "o", color=colour, markersize=7)
        higher = "" if finding.estimate.value == 0.5 else f"  {finding.side}"
        axes.annotate(f"{estimate.value:.3f}{higher}", (estimate.high, row), (9, 0), textcoords="offset points",
                      va="center", fontsize=9, color=colour)  # fmt: skip
    axes.set_yticks(range(len(findings)), [finding.feature.name for finding in findings])
    axes.set(xlim=(0.45, 1.01), ylim=(len(findings) - 0.4, -0.6), xlabel="AUC: .5 is chance, 1 separates all pictures")
    axes.grid(axis="y", visible=False)
    axes.annotate("a shortcut", (1, 0), (-6, 6), xycoords="axes fraction", textcoords="offset points",
                  ha="right", fontsize=9, color=FAKE)  # fmt: skip
    alarming = sum(finding.alarming for finding in findings)
    line = (
        f"{alarming} surely above {ALARM}: a network would learn them instead"
        if alarming
        else f"none is surely above {ALARM}"
    )
    head(axes, f"{findings[0].dataset}: what separates the classes without looking", line)
    return save(figure, path)
