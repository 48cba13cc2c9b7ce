"""Writes the results of an exploration: tables, plots and the report."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas
from tqdm import tqdm

from model.data.duplicates import Group
from model.data.layout import Example
from model.exploration.page import Findings, write_page
from model.exploration.plots import class_distribution, file_statistics, pixel_statistics, sample_sheet, shortcut_chart
from model.exploration.shortcuts import FEATURES, Finding
from model.exploration.statistics import mean_histograms

MEASUREMENTS = "measurements.csv"  # one row per picture; an interrupted exploration resumes from it


def write_tables(
    out: Path,
    table: pandas.DataFrame,
    shortcuts: Sequence[Finding],
    examples: Sequence[Example],
    groups: Sequence[Group],
) -> None:
    """Write classes.csv, statistics.csv, shortcuts.csv and duplicates.csv."""
    table.groupby(["dataset", "split", "label"]).size().to_csv(out / "classes.csv", header=["pictures"])
    statistics = table.groupby(["dataset", "label"])[list(FEATURES)].agg(["mean", "std", "median"])
    statistics.columns = ["_".join(names) for names in statistics.columns]
    statistics.round(5).to_csv(out / "statistics.csv")
    columns = ["dataset", "feature", "auc", "low", "high", "higher_in", "median_fake", "median_real", "warning"]
    found = [
        (f.dataset, f.column, *np.round([f.estimate.value, f.estimate.low, f.estimate.high], 4), f.higher,
         f.fake, f.real, f.alarming)
        for f in shortcuts
    ]  # fmt: skip
    pandas.DataFrame(found, columns=columns).to_csv(out / "shortcuts.csv", index=False)
    example_of = {example.path: example for example in examples}
    members = [
        (number, group.exact, path, example_of[path].split, example_of[path].label)
        for number, group in enumerate(groups)
        for path in group.paths
    ]
    columns = ["group", "exact", "path", "split", "label"]
    pandas.DataFrame(members, columns=columns).to_csv(out / "duplicates.csv", index=False)


def write_report(
    data: Path,
    out: Path,
    examples: Sequence[Example],
    table: pandas.DataFrame,
    shortcuts: Sequence[Finding],
    sentences: Sequence[str],
    groups: Sequence[Group],
    seed: int,
) -> None:
    """Draw all PNG files and write report.html; ``out`` must hold the ``MEASUREMENTS``."""
    histograms = mean_histograms(out / MEASUREMENTS, table, {e.path: (e.dataset, e.label) for e in examples})
    class_distribution(table, out / "classes.png")
    sheets: dict[str, list[Path]] = {}
    for name, members in tqdm(table.groupby("dataset"), "drawing"):
        dataset = str(name)
        sheets[dataset] = [
            sample_sheet(
                data,
                [example for example in examples if (example.dataset, example.label) == (dataset, label)],
                seed,
                out / f"{dataset}_samples_{label.lower()}.png",
            )
            for label in ("Real", "Fake")
            if (members["label"] == label).any()
        ]
        pixel_statistics(dataset, members, histograms, out / f"{dataset}_pixels.png")
        file_statistics(dataset, members, out / f"{dataset}_files.png")
        if mine := [finding for finding in shortcuts if finding.dataset == dataset]:
            shortcut_chart(mine, out / f"{dataset}_shortcuts.png")
    reals = int((table["label"] == "Real").sum())
    about = f"{len(table):,} pictures: {reals:,} real and {len(table) - reals:,} fake. Data sets are never pooled."
    title = f"Exploring {data.resolve().name}"
    found = Findings(title, about, table, histograms, shortcuts, sentences, groups, sheets)
    write_page(data, examples, found, out / "report.html")
