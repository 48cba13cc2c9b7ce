"""Writes what a run leaves beside its networks: the arguments it ran with, and its results as tables."""

import json
import platform
from collections.abc import Collection, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas

from model.artifact import ArtifactError
from model.metrics import Estimate

ARGUMENTS = "arguments.json"
LIBRARIES = ("keras", "numpy", "opencv-python-headless", "ai-edge-litert", "scikit-learn")


class RunError(ArtifactError):
    """A run's folder cannot be continued; the message says why."""


def claim(folder: Path, arguments: Mapping[str, Any], may_change: Collection[str] = ()) -> None:
    """Write ``arguments.json`` into a run's folder, made if missing: arguments, and versions of what decides results.

    Of a path only the name is kept: the rest of it is the user's own business.

    Args:
        folder: the run's.
        arguments: what the run was asked to do.
        may_change: arguments that may differ when a run is continued.

    Raises:
        RunError: if the folder holds a run with other arguments, whose pieces must not be mixed with this one's.
    """
    import tensorflow

    path = folder / ARGUMENTS
    plain = {key: value.name if isinstance(value, Path) else value for key, value in arguments.items()}
    plain = json.loads(json.dumps(plain))
    before = json.loads(path.read_text()) if path.exists() else plain
    for key in plain.keys() - set(may_change):
        if before.get(key) != plain[key]:
            raise RunError(
                f"{folder.name} holds a run with {key} {before.get(key)}, not {plain[key]}: "
                "repeat its arguments to continue it, or choose another --out."
            )
    folder.mkdir(parents=True, exist_ok=True)
    versions = {"python": platform.python_version(), "tensorflow": tensorflow.__version__}
    versions |= {name: version(name) for name in LIBRARIES}
    path.write_text(json.dumps({**plain, "versions": versions}, indent=2) + "\n")


def write_table(
    folder: Path,
    name: str,
    rows: Sequence[Mapping[str, Any]],
    readable: Sequence[Mapping[str, str]],
    text: str = "",
) -> None:
    """Write one table as ``name.csv``, ``name.json`` and ``name.md``.

    Args:
        folder: where the three files go.
        name: their name without suffix.
        rows: raw figures, one mapping per row; they need not all have the same columns.
        readable: the same rows in words, for the Markdown file.
        text: Markdown that follows the table there.
    """
    pandas.DataFrame(rows).to_csv(folder / f"{name}.csv", index=False)
    (folder / f"{name}.json").write_text(json.dumps(list(rows), indent=2) + "\n")
    (folder / f"{name}.md").write_text(markdown(readable) + (f"\n{text.strip()}\n" if text else ""))


def markdown(rows: Sequence[Mapping[str, str]]) -> str:
    """A Markdown table of rows; columns stand in the order in which they first appear, empty where a row lacks one."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    lines = [columns, ["---"] * len(columns), *([row.get(column, "") for column in columns] for row in rows)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def columns_of(name: str, estimate: Estimate) -> dict[str, float]:
    """An estimate as three columns ``name``, ``name_low`` and ``name_high``, rounded to four digits."""
    values = {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
    return {column: round(value, 4) for column, value in values.items()}
