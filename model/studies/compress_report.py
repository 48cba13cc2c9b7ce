"""Writes the measurements of compressed models as a table and a chart, and says which variant wins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING

from model.evaluation.bootstrap import Estimate
from model.evaluation.reports import columns_of, head, save, styled, write_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MEGABYTE = 1_000_000
# A variant is out if it loses more than this on any data set, or is slower by more than this at any batch size.
AUC_LOSS = 0.005
ACCURACY_LOSS = 0.01
SLOWER = 0.1
# It is also out if it changes more than this share of the verdicts: gradients are computed from the float weights and
# must explain the variant's verdict.
CHANGED = 0.01
SAME_SIZE = 0.01  # files with sizes that differ by less than this share count as equal
COLOURS = ("#000000", "#56B4E9", "#0072B2", "#009E73", "#E69F00", "#CC79A7", "#D55E00", "#8C6D1F")  # Okabe & Ito


@dataclass(frozen=True)
class Measured:
    """The measurements of one variant of a model.

    Attributes:
        name: the variant's name; in a list of variants, the first is the original.
        file_size: size of ``model.tflite`` in bytes.
        compressed_size: size of the file in bytes when deflated, as in gzip and zip.
        pictures_per_second: median speed at the engine's largest batch.
        milliseconds: median time for one picture.
        largest_difference: largest absolute difference of P(Fake) from the original's, over all pictures.
        mean_difference: mean absolute difference of P(Fake) from the original's, over all pictures.
        changed: share of pictures that are on the other side of P(Fake) = 0.5 than with the original, 0..1.
        auc: AUC by data set; sets with only one class are missing.
        accuracy: accuracy by data set.
    """

    name: str
    file_size: int
    compressed_size: int
    pictures_per_second: float
    milliseconds: float
    largest_difference: float
    mean_difference: float
    changed: float
    auc: dict[str, Estimate]
    accuracy: dict[str, Estimate]

    def row(self) -> dict[str, object]:
        """The measurements as numbers, for CSV and JSON."""
        row: dict[str, object] = {
            "variant": self.name,
            "file_bytes": self.file_size,
            "compressed_bytes": self.compressed_size,
            "pictures_per_second": round(self.pictures_per_second, 1),
            "milliseconds_per_picture": round(self.milliseconds, 2),
            "largest_difference": round(self.largest_difference, 6),
            "mean_difference": round(self.mean_difference, 6),
            "verdicts_changed": round(self.changed, 4),
        }
        for dataset, estimate in self.accuracy.items():
            if dataset in self.auc:
                row |= columns_of(f"{dataset}_auc", self.auc[dataset])
            row |= columns_of(f"{dataset}_accuracy", estimate)
        return row

    def words(self) -> dict[str, str]:
        """The measurements as texts, for Markdown."""
        words = {
            "variant": self.name,
            "MB": f"{self.file_size / MEGABYTE:.2f}",
            "MB compressed": f"{self.compressed_size / MEGABYTE:.2f}",
            "pictures/s": f"{self.pictures_per_second:.0f}",
            "ms for one": f"{self.milliseconds:.1f}",
            "largest, mean difference": f"{self.largest_difference:.4f}, {self.mean_difference:.4f}",
            "verdicts changed": f"{self.changed:.1%}",
        }
        for dataset, estimate in self.accuracy.items():
            if dataset in self.auc:
                words[f"{dataset} AUC"] = str(self.auc[dataset])
            words[f"{dataset} accuracy"] = str(estimate)
        return words


def faults(variant: Measured, original: Measured) -> list[str]:
    """The reasons, as texts, why a variant can't replace the original; empty if it can."""
    found = []
    for measure, allowed in (("AUC", AUC_LOSS), ("accuracy", ACCURACY_LOSS)):
        before, after = (getattr(m, measure.lower()) for m in (original, variant))
        losses = {dataset: before[dataset].value - after[dataset].value for dataset in before}
        worst = max(losses, key=losses.__getitem__, default="")
        if worst and losses[worst] > allowed:
            found.append(f"loses {losses[worst]:.3f} {measure} on {worst}")
    if variant.changed > CHANGED:
        found.append(f"changes {variant.changed:.1%} of the verdicts")
    speed = min(
        variant.pictures_per_second / original.pictures_per_second, original.milliseconds / variant.milliseconds
    )
    if speed < 1 - SLOWER:
        found.append(f"runs at {speed:.2f} times the original's speed")
    return found


def winner(measured: Sequence[Measured]) -> Measured:
    """The variant without faults that has the smallest file; the original, unless that file is clearly smaller.

    Args:
        measured: the original first.
    """
    original = measured[0]
    smallest = min((m for m in measured if not faults(m, original)), key=lambda m: m.file_size)
    return smallest if _is_smaller(smallest, original) else original


def _is_smaller(variant: Measured, other: Measured) -> bool:
    return variant.file_size < (1 - SAME_SIZE) * other.file_size


def verdict(measured: Sequence[Measured]) -> str:
    """A text that says which variant wins, and why each smaller one is out."""
    original, best = measured[0], winner(measured)
    rule = (
        f"A variant may lose at most {AUC_LOSS} AUC and {ACCURACY_LOSS} accuracy on any data set, change at most "
        f"{CHANGED:.0%} of the verdicts and be at most {SLOWER:.0%} slower. Of the variants within these limits, the "
        "one with the smallest file wins."
    )
    if best is original:
        # Another export of the same weights has a few bytes more or less, but gives the same answers.
        same = [
            m.name
            for m in measured[1:]
            if m.largest_difference < 1e-6 and not _is_smaller(m, best) and not _is_smaller(best, m)
        ]
        stored = f", stored as {same[0]}" if same else ""
        says = f"No variant beats the original{stored}: {_megabytes(best)}."
    else:
        says = f"{best.name} wins: {_megabytes(best)} instead of the original's {_megabytes(original)}."
    smaller = [m for m in measured if _is_smaller(m, best)]
    out = "; ".join(f"{m.name} ({_megabytes(m)}) {' and '.join(faults(m, original))}" for m in smaller)
    return " ".join([rule, says, *([f"Smaller, but outside the limits: {out}."] if out else [])])


def _megabytes(measured: Measured) -> str:
    return f"{measured.file_size / MEGABYTE:.2f} MB"


def size_chart(measured: Sequence[Measured]) -> Figure:
    """AUC (accuracy if no set has an AUC) over deflated size, one pair of axes per data set; hollow points are out."""
    from matplotlib.figure import Figure

    original = measured[0]
    datasets = list(original.auc) or list(original.accuracy)
    what = "AUC" if original.auc else "accuracy"
    figure = Figure((7.6, 3.0 * len(datasets)), layout="constrained")
    every = figure.subplots(len(datasets), 1, squeeze=False, sharex=True)[:, 0]
    for axes, dataset in zip(every, datasets, strict=True):
        for m, colour in zip(measured, cycle(COLOURS), strict=False):
            estimate = (m.auc or m.accuracy)[dataset]
            spread = [[estimate.value - estimate.low], [estimate.high - estimate.value]]
            face = "white" if faults(m, original) else colour
            shape = {"marker": "D" if m is original else "o", "markersize": 10 if m is original else 6, "capsize": 3}
            size = m.compressed_size / MEGABYTE
            axes.errorbar(size, estimate.value, spread, color=colour, markerfacecolor=face, label=m.name, **shape)
            axes.set(ylabel=what)
        axes.axhline((original.auc or original.accuracy)[dataset].value, color="#767676", linewidth=1, linestyle="--")
        head(axes, dataset, f"{what} with its 95% interval")
    every[-1].set_xlabel("MB compressed; hollow points are outside the limits")
    figure.legend(*every[0].get_legend_handles_labels(), loc="outside right upper")
    return figure


def write_report(measured: Sequence[Measured], notes: str, out: Path) -> str:
    """Write ``table.csv``, ``table.json``, ``table.md`` and ``size_auc.png``; returns the text of ``verdict``."""
    text = f"{notes}\n\n{verdict(measured)}"
    write_table(out, "table", [m.row() for m in measured], [m.words() for m in measured], text)
    with styled():
        save(size_chart(measured), out / "size_auc.png")
    return verdict(measured)
