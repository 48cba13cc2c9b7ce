"""Judges many photos from a terminal or a script: a line for each, a bar while it runs, and CSV where asked for."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import typer
from tqdm import tqdm

from explain.batch.judge import Progress, Row, judge_many
from explain.batch.photos import ARCHIVES
from explain.batch.table import line, summary, to_csv, to_dict
from explain.settings import Settings, SettingsError
from model.detector.detector import Detector
from model.i18n.catalogue import Said, number, say

BAR = "{desc} {bar:20}"


def wants_table(photos: Sequence[Path], csv: Path | None) -> bool:
    """Whether a table of verdicts is asked for: by its name, or by a folder or an archive among the photos."""
    return csv is not None or any(photo.is_dir() or photo.suffix.lower() in ARCHIVES for photo in photos)


def check_table(settings: Settings, out: Path | None, csv: Path | None) -> None:
    """Refuse what a table of verdicts has no room for, and begin the CSV file.

    Raises:
        SettingsError: if more than verdicts is asked for, or the file can't be written.
    """
    asked = replace(settings, whole_picture=False, robustness=Settings.robustness)
    if out is not None or asked not in (Settings(), Settings(methods=())):
        raise SettingsError(Said("many.verdicts_only"))
    if csv is not None:
        _write(csv, ())


def print_table(
    photos: Sequence[Path],
    detector: Detector,
    cancelled: Callable[[], bool],
    whole_picture: bool = False,
    csv: Path | None = None,
    as_json: bool = False,
) -> bool:
    """Judge the photos, printing each when it is done; what there is when it is cancelled is written, too.

    Args:
        photos: files, folders and ZIPs.
        detector: the model to ask.
        cancelled: see ``judge_many``.
        whole_picture: see ``judge_many``.
        csv: a file for the rows.
        as_json: print a JSON object per line instead of text.

    Returns:
        Whether every photo could be judged.
    """
    progress = Progress((), 0, 0)
    with tqdm(total=1, bar_format=BAR, disable=None, leave=False) as bar:
        for progress in judge_many(photos, detector, cancelled, whole_picture, typer.format_filename):
            if progress.rows:
                _print(progress.rows[-1], as_json, bar)
            bar.total, bar.n = max(progress.planned, 1), progress.done
            bar.set_description_str(f"{number(progress.done, ',')}/{number(progress.planned, ',')}")
    if csv is not None:
        _write(csv, progress.rows)
    if not as_json:
        typer.echo(summary(progress))
    return not any(row.problem for row in progress.rows)


def _print(row: Row, as_json: bool, bar: tqdm) -> None:
    bar.clear()
    if row.problem is not None:
        typer.echo(say("command.photo_error", photo=row.name, reason=str(row.problem)), err=True)
    if as_json:
        typer.echo(json.dumps(to_dict(row), ensure_ascii=False))
    elif row.problem is None:
        typer.echo(line(row))


def _write(path: Path, rows: Sequence[Row]) -> None:
    try:
        path.write_text(to_csv(rows), encoding="utf-8", newline="")
    except OSError as error:
        raise SettingsError(Said("many.csv_closed", path=str(path), reason=str(error.strerror))) from error
