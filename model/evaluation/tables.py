"""Writes the results of a run as tables, and the command that repeats it."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from model.evaluation.metrics import Estimate


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
    import pandas

    pandas.DataFrame(rows).to_csv(folder / f"{name}.csv", index=False)
    (folder / f"{name}.json").write_text(json.dumps(list(rows), indent=2) + "\n")
    (folder / f"{name}.md").write_text(markdown(readable) + (f"\n{text.strip()}\n" if text else ""))


def markdown(rows: Sequence[Mapping[str, str]]) -> str:
    """A Markdown table of rows; columns stand in the order in which they first appear, empty where a row has none."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    lines = [columns, ["---"] * len(columns), *([row.get(column, "") for column in columns] for row in rows)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def columns_of(name: str, estimate: Estimate) -> dict[str, float]:
    """An estimate as three columns ``name``, ``name_low`` and ``name_high``, rounded to four digits."""
    values = {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
    return {column: round(value, 4) for column, value in values.items()}


def as_options(arguments: Mapping[str, Any]) -> list[str]:
    """Arguments as a command's options: flags for what is true or false, repeated for lists, left out for None."""
    options = []
    for name, value in arguments.items():
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            options.append(f"--{flag}" if value else f"--no-{flag}")
        elif value is not None:
            options += [
                part for item in (value if isinstance(value, list) else [value]) for part in (f"--{flag}", str(item))
            ]
    return options
