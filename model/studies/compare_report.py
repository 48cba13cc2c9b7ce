"""Writes a comparison of architectures as a table, a chart and a page that states the limits of the results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from model.detector.engine import BATCH_SIZES
from model.evaluation.bootstrap import Estimate
from model.evaluation.reports import columns_of, head, markdown, save, styled, write_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MEGABYTE = 1_000_000
SETTLED = 3000  # steps after which a batch norm's initial statistics have 5% weight, at MobileNetV2's momentum 0.999
BARS = {"accuracy": "#56B4E9", "f1": "#009E73", "auc": "#0072B2"}  # Okabe & Ito
NAMES = {"accuracy": "accuracy", "f1": "F1 (mean of both classes)", "auc": "AUC"}


@dataclass(frozen=True)
class Budget:
    """The same conditions for all networks.

    Attributes:
        training: optimizer, learning rate, batch size, epochs, augmentation and seed.
        pictures: number of pictures by split.
        available: number of training pictures from which they were drawn.
        sets: names of the data sets.
        cores: number of logical processors of the machine.
        whole: whether whole pictures were used instead of faces.
        command: command that repeats the comparison.
    """

    training: Mapping[str, Any]
    pictures: Mapping[str, int]
    available: int
    sets: Sequence[str]
    cores: int
    whole: bool
    command: str

    @property
    def steps(self) -> int:
        """Training steps of each network."""
        return -(-self.pictures["train"] // self.training["batch_size"]) * int(self.training["epochs"])


@dataclass(frozen=True)
class Row:
    """One network on one data set.

    Attributes:
        network: the architecture's name.
        dataset: the measured data set.
        result: fields of ``model.training.train.Result``.
        figures: ``accuracy`` and ``auc`` as ``Estimate``; ``precision``, ``recall`` and ``f1`` as numbers.
        pictures_per_second: speed at the engine's largest batch.
        milliseconds: time for one picture.
        file_size: size of ``model.tflite`` in bytes.
    """

    network: str
    dataset: str
    result: Mapping[str, Any]
    figures: Mapping[str, Any]
    pictures_per_second: float
    milliseconds: float
    file_size: int

    @property
    def auc(self) -> Estimate:
        estimate: Estimate = self.figures["auc"]
        return estimate

    def raw(self) -> dict[str, Any]:
        """The row as numbers, for CSV and JSON."""
        shares = {name: round(self.figures[name], 4) for name in ("precision", "recall", "f1")}
        training = {f"training_{name}": self.result[name] for name in ("start", "epochs", "best_epoch", "seconds")}
        return {
            "network": self.network,
            "dataset": self.dataset,
            **columns_of("accuracy", self.figures["accuracy"]),
            **shares,
            **columns_of("auc", self.auc),
            "parameters": self.result["parameters"],
            "milliseconds_per_picture": round(self.milliseconds, 2),
            "pictures_per_second": round(self.pictures_per_second, 1),
            "file_bytes": self.file_size,
            **training,
        }

    def words(self) -> dict[str, str]:
        """The row as texts, for Markdown."""
        return {
            "network": self.network,
            "test set": self.dataset,
            "accuracy": str(self.figures["accuracy"]),
            "precision": f"{self.figures['precision']:.3f}",
            "recall": f"{self.figures['recall']:.3f}",
            "F1": f"{self.figures['f1']:.3f}",
            "AUC": str(self.auc),
            "parameters": f"{self.result['parameters'] / 1e6:.2f} M",
            "ms per picture": f"{self.milliseconds:.1f}",
            "pictures/s": f"{self.pictures_per_second:.0f}",
            "MB": f"{self.file_size / MEGABYTE:.1f}",
            "start": str(self.result["start"]),
            "training": f"{self.result['seconds']:.0f} s, epoch "
            f"{self.result['best_epoch']} of {self.result['epochs']} kept",
        }


def write_report(rows: Sequence[Row], budget: Budget, out: Path) -> str:
    """Write ``compare.csv``, ``compare.json``, ``compare.md`` and ``compare.png``; returns the table and the caveat."""
    words = [row.words() for row in rows]
    write_table(out, "compare", [row.raw() for row in rows], words)
    (out / "compare.md").write_text(page(rows, budget))
    with styled():
        save(bar_chart(rows), out / "compare.png")
    return f"{markdown(words)}\n{caveat(rows, budget)}"


def page(rows: Sequence[Row], budget: Budget) -> str:
    """The comparison as a complete Markdown page."""
    return "\n\n".join(
        [
            "# Architectures compared under one budget",
            describe(rows, budget),
            markdown([row.words() for row in rows]).strip(),
            "Brackets: 95% bootstrap intervals over test pictures; they do not include the differences between seeds. "
            "Precision, recall and F1 are means of both classes at P(Fake) = 0.5. Time is that of the network alone on "
            f"LiteRT, for one picture and for {BATCH_SIZES[-1]} at once: medians over rounds in which the networks run "
            "alternately in one process. MB is the size of its file with float16 weights.",
            "![Accuracy, F1 and AUC of each network](compare.png)",
            "## Limits of these results",
            caveat(rows, budget),
            f"Made by `{budget.command}`.",
            "",
        ]
    )


def describe(rows: Sequence[Row], budget: Budget) -> str:
    """The budget in words."""
    training, pictures = budget.training, budget.pictures
    seconds = {row.network: float(row.result["seconds"]) for row in rows}
    share = pictures["train"] / max(budget.available, 1)
    return (
        f"Every network had the same {pictures['train']:,} training pictures ({share:.1%} of the {budget.available:,} "
        f"in {', '.join(budget.sets)}; {'whole pictures' if budget.whole else 'faces'}), "
        f"{training['epochs']} epochs ({budget.steps:,} steps), batches of {training['batch_size']}, "
        f"{training['optimizer']} at {training['learning_rate']:g}, {'with' if training['augment'] else 'no'} "
        f"augmentation, seed {training['seed']}; the epoch with the lowest loss on {pictures['val']:,} validation "
        f"pictures was kept and measured on {pictures['test']:,} test pictures. Training took "
        f"{sum(seconds.values()):,.0f} seconds in total on a machine with {budget.cores} logical processors, from "
        f"{min(seconds.values()):,.0f} ({min(seconds, key=seconds.__getitem__)}) to {max(seconds.values()):,.0f} "
        f"({max(seconds, key=seconds.__getitem__)})."
    )


def caveat(rows: Sequence[Row], budget: Budget) -> str:
    """The limits of the results: random first weights, few steps, networks that guess, overlapping intervals."""
    random = sorted({row.network for row in rows if row.result["start"] == "random"})
    parts = []
    if random:
        parts.append(
            f"{', '.join(random)} started from random weights, not from those of ImageNet: a large network then needs "
            "far more pictures and epochs than a small one before it learns anything."
        )
    if budget.steps < SETTLED:
        parts.append(
            f"{budget.steps} steps are too few for the running statistics of batch norms to settle: networks that have "
            "them (all but cnn and vgg16) are measured with outdated statistics."
        )
    for dataset in dict.fromkeys(row.dataset for row in rows):
        of_set = [row for row in rows if row.dataset == dataset]
        guessing = [row.network for row in of_set if row.auc.low <= 0.5]
        if guessing:
            parts.append(
                f"On {dataset}, {', '.join(guessing)} can't be distinguished from guessing (the AUC's interval "
                "includes .5)."
            )
        best = max(of_set, key=lambda row: row.auc.value)
        close = [row.network for row in of_set if row is not best and row.auc.high >= best.auc.low]
        if len(of_set) > 1 and best.network not in guessing:
            lead = f"its interval overlaps that of {', '.join(close)}" if close else "its interval overlaps no other"
            parts.append(f"On {dataset}, {best.network} has the highest AUC; {lead}.")
    parts.append(
        "The table therefore shows the cost of each network in parameters, time and training, and the figures that it "
        "reaches within this budget. It neither confirms nor refutes the thesis's ranking, which is based on longer "
        "training on another, far larger data set."
    )
    return " ".join(parts)


def bar_chart(rows: Sequence[Row]) -> Figure:
    """Accuracy, F1 and AUC of each network, with intervals for accuracy and AUC; one pair of axes per data set."""
    from matplotlib.figure import Figure

    datasets = list(dict.fromkeys(row.dataset for row in rows))
    figure = Figure((9, 3.8 * len(datasets)), layout="constrained")
    every = figure.subplots(len(datasets), 1, squeeze=False)[:, 0]
    for axes, dataset in zip(every, datasets, strict=True):
        of_set = [row for row in rows if row.dataset == dataset]
        for number, (name, colour) in enumerate(BARS.items()):
            found = [row.figures[name] for row in of_set]
            heights = [value.value if isinstance(value, Estimate) else value for value in found]
            spread = None
            if isinstance(found[0], Estimate):
                spread = [[e.value - e.low for e in found], [e.high - e.value for e in found]]
            places = np.arange(len(of_set)) + 0.26 * (number - 1)
            axes.bar(places, heights, 0.24, yerr=spread, color=colour, ecolor="#444444", label=NAMES[name])
        axes.axhline(0.5, color="#767676", linewidth=1, linestyle="--")
        names = [row.network.replace("_", "\n") for row in of_set]
        axes.set_xticks(range(len(of_set)), names)
        axes.set_ylim(0, 1)
        axes.grid(False, axis="x")
        head(axes, dataset, "test pictures; dashed: guessing")
    figure.legend(*every[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(BARS))
    return figure
