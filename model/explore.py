"""Shows what a data folder holds, and what would spoil it: ``python -m model.explore DATA --out FOLDER``."""

import json
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas
import typer
from tqdm import tqdm

from model.cli import run
from model.data_options import Sets
from model.dataset import with_faces
from model.duplicates import Group, describe, find_duplicates
from model.explore_page import Findings, write_page
from model.explore_plots import class_distribution, file_statistics, pixel_statistics, sample_sheet, shortcut_chart
from model.layout import SPLITS, UNSPLIT, DatasetError, Example, choose_sets, pictures
from model.picture_statistics import fingerprints, mean_histograms, measure_all
from model.reading import leave_out_unreadable
from model.shortcuts import FEATURES, Finding, feature_table, find_shortcuts, summarise
from model.subset import draw

LIBRARIES = ("numpy", "pandas", "opencv-python-headless", "pillow", "imagehash", "scikit-learn", "plotly", "seaborn")
ARGUMENTS, MEASUREMENTS, UNREADABLE = "arguments.json", "measurements.csv", "unreadable.txt"


def explore(
    data: Annotated[
        Path,
        typer.Argument(
            help="Data folder: Real/ and Fake/, or train|val|test/Real|Fake, or SET/train|val|test/real|fake."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the report; an interrupted run goes on in it.")],
    faces: Annotated[
        Path | None, typer.Option(help="Where found faces are remembered. With it, framing is looked at as well.")
    ] = None,
    sets: Sets = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many pictures of each class and split.")] = None,
    seed: Annotated[int, typer.Option(help="Decides the samples shown and the bootstrap.")] = 0,
    workers: Annotated[int, typer.Option(min=1, help="Threads that read pictures.")] = 2,
) -> None:
    """Look at a data folder before training on it.

    Writes report.html (open it in a browser, no network is needed), the same plots as PNG, and tables as CSV. It warns
    where something trivial gives the class away: file size, JPEG quality, sharpness, brightness, framing. A network
    trained on such data learns that and not the forgery, and its test figures mean nothing. It also finds pictures
    that show the same, exactly or nearly, and says where they leak from one split into another. Files that can't be
    read are listed in unreadable.txt.

    Each picture is measured once: run it again with the same --out and only new or changed files are read.
    """
    arguments = {key: value.name if isinstance(value, Path) else value for key, value in locals().items()}
    if out.resolve().is_relative_to(data.resolve()):
        raise DatasetError(f"{out} lies in the data folder, which is not written to: choose another --out.")
    if (out / ARGUMENTS).exists() and not (out / MEASUREMENTS).exists():
        raise DatasetError(f"{out} holds what another command wrote: choose another folder for --out.")
    examples = choose_sets(data, pictures(data), sets)
    if limit is not None:
        examples = draw(examples, dict.fromkeys((*SPLITS, UNSPLIT), limit), seed)
    out.mkdir(parents=True, exist_ok=True)
    versions = {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}}
    (out / ARGUMENTS).write_text(json.dumps({**arguments, "versions": versions}, indent=2) + "\n")
    rows = measure_all(data, examples, out / MEASUREMENTS, workers)
    is_readable = [example.path in rows.index for example in examples]
    examples = leave_out_unreadable(data, examples, is_readable, out / UNREADABLE)
    if faces is not None:
        examples = with_faces(data, examples, faces, workers)
        rows = rows.loc[[example.path for example in examples]]
    groups = find_duplicates(data, examples, fingerprints(rows), workers)
    table = feature_table(rows, examples)
    shortcuts = find_shortcuts(table, seed)
    sentences = [*summarise(shortcuts), *describe(examples, groups)]
    write_tables(out, table, shortcuts, examples, groups)
    write_report(data, out, examples, table, shortcuts, sentences, groups, seed)
    print("\n".join(sentences))
    print(f"The report is {out / 'report.html'}.")


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
    """Draw every PNG and write report.html."""
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


if __name__ == "__main__":
    run(explore)
