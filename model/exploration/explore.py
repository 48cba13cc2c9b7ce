"""Reports a data folder's contents, shortcuts and duplicates: ``python -m model explore DATA --out FOLDER``."""

import json
from pathlib import Path
from typing import Annotated

import typer

from model.artifact.versions import library_versions
from model.cli import print_report_path, recorded
from model.data.dataset import with_faces
from model.data.duplicates import describe, find_duplicates
from model.data.layout import SPLITS, UNSPLIT, choose_sets, pictures
from model.data.options import Sets
from model.data.reading import leave_out_unreadable
from model.data.split import draw
from model.errors import DatasetError

LIBRARIES = ("numpy", "pandas", "opencv-python-headless", "pillow", "imagehash", "scikit-learn", "plotly", "seaborn")
ARGUMENTS, UNREADABLE = "arguments.json", "unreadable.txt"


def explore(
    data: Annotated[
        Path,
        typer.Argument(
            help="Data folder: Real/ and Fake/, or train|val|test/Real|Fake, or SET/train|val|test/real|fake."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the report; an interrupted run continues there.")],
    faces: Annotated[
        Path | None, typer.Option(help="Cache file of found faces; with it, framing is measured as well.")
    ] = None,
    sets: Sets = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Largest number of pictures of each class and split.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Decides the samples shown and the bootstrap.")] = 0,
    workers: Annotated[int, typer.Option(min=1, help="Threads that read pictures.")] = 2,
) -> None:
    """Look at a data folder before training on it.

    Writes report.html (open it in a browser, no network is needed), the same plots as PNG, and tables as CSV. It warns
    if a trivial feature shows the class: file size, JPEG quality, sharpness, brightness, framing. A network trained on
    such data learns that feature and not the forgery, and its test results mean nothing. It also finds exact and near
    duplicates, and says where they leak from one split into another. Files that can't be read are listed in
    unreadable.txt.

    Each picture is measured only once: a later run with the same --out reads only new or changed files.
    """
    arguments = recorded(locals())
    from model.exploration.files import MEASUREMENTS, write_report, write_tables
    from model.exploration.shortcuts import feature_table, find_shortcuts, summarise
    from model.exploration.statistics import fingerprints, measure_all

    if out.resolve().is_relative_to(data.resolve()):
        raise DatasetError(f"{out} lies in the data folder, which is not written to: choose another --out.")
    if (out / ARGUMENTS).exists() and not (out / MEASUREMENTS).exists():
        raise DatasetError(f"{out} holds what another command wrote: choose another folder for --out.")
    examples = choose_sets(data, pictures(data), sets)
    if limit is not None:
        examples = draw(examples, dict.fromkeys((*SPLITS, UNSPLIT), limit), seed)
    out.mkdir(parents=True, exist_ok=True)
    versions = library_versions(LIBRARIES)
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
    print_report_path(out / "report.html")
