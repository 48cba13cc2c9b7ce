"""Judges many photos from a terminal or a script: a line for each, a progress bar, and CSV if requested."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import typer
from tqdm import tqdm

from explain.batch.csv_file import CsvFile, check_csv
from explain.batch.judge import Progress, Row, judge_many
from explain.batch.names import on_one_line
from explain.batch.photos import holds_many
from explain.batch.table import line, summary, to_dict
from explain.settings import Settings
from model.cli import print_json
from model.detector.detector import Detector
from model.errors import SettingsError
from model.i18n.catalogue import Message, number, translate

BAR = "{desc} {bar:20}"


def wants_table(photos: Sequence[Path], csv: Path | None) -> bool:
    """Whether the caller wants a table of verdicts: a CSV file, or a folder or an archive among the photos."""
    return csv is not None or any(map(holds_many, photos))


def check_table(settings: Settings, out: Path | None, csv: Path | None, frames: int | None) -> None:
    """Refuse settings that a table of verdicts can't use, and a CSV file that can't be written.

    Raises:
        SettingsError: if the options request more than verdicts, or the file can't be written.
    """
    if out is not None or frames is not None or wants_more(settings):
        raise SettingsError(Message("many.verdicts_only"))
    if csv is not None:
        check_csv(csv)


def wants_more(settings: Settings) -> bool:
    """Whether the settings request more than verdicts."""
    return replace(settings, whole_picture=False, robustness=Settings.robustness) not in (
        Settings(),
        Settings(methods=()),
    )


def print_table(
    photos: Sequence[Path],
    detector: Detector,
    cancelled: Callable[[], bool],
    whole_picture: bool = False,
    csv: Path | None = None,
    as_json: bool = False,
) -> bool:
    """Judge the photos; print each result and write its row at once.

    However a run ends before its last photo, a sentence says where the rows so far are.

    Args:
        photos: files, folders and ZIPs.
        detector: the model.
        cancelled: see ``judge_many``.
        whole_picture: see ``judge_many``.
        csv: file for the rows.
        as_json: print a JSON object per line instead of text.

    Returns:
        Whether every photo could be judged.

    Raises:
        SettingsError: if the CSV file can't be written.
    """
    progress = Progress((), 0, 0)
    with _table(csv) as table, tqdm(total=1, bar_format=BAR, disable=None, leave=False) as bar:
        for progress in judge_many(photos, detector, cancelled, whole_picture, _shown):
            if progress.rows:
                if table is not None:
                    table.add(progress.rows[-1])
                _print(progress.rows[-1], as_json, bar)
            bar.total, bar.n = max(progress.planned, 1), progress.done
            bar.set_description_str(f"{number(progress.done, ',')}/{number(progress.planned, ',')}")
        if table is not None and progress.complete:
            table.finish()
    if not as_json:
        typer.echo(summary(progress))
    return not any(row.problem for row in progress.rows)


def _print(row: Row, as_json: bool, bar: tqdm) -> None:
    bar.clear()
    if row.problem is not None:
        typer.echo(translate("command.photo_error", photo=row.name, reason=str(row.problem)), err=True)
    if as_json:
        print_json(to_dict(row))
    elif row.problem is None:
        typer.echo(line(row))


def _shown(path: Path) -> str:
    return on_one_line(typer.format_filename(path))


@contextmanager
def _table(csv: Path | None) -> Iterator[CsvFile | None]:
    if csv is None:
        yield None
        return
    table = CsvFile(csv)
    try:
        yield table
    finally:
        if (sentence := table.stop()) is not None:
            typer.echo(str(sentence), err=True)
