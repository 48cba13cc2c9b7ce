"""Shared parts of reports: the style and saving of charts, and the writing of tables."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model.evaluation.bootstrap import Estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# The two class colours of the page, distinct with every kind of colour blindness (Okabe & Ito).
REAL, FAKE = "#0072B2", "#D55E00"
LINE = "#1F2A44"  # for both classes together
QUIET = "#767676"  # labels and reference lines
STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "text.color": "#222222",
    "axes.labelcolor": "#444444",
    "axes.edgecolor": "#B5B5B5",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#EAEAEA",
    "xtick.color": "#555555",
    "ytick.color": "#555555",
    "axes.titlelocation": "left",
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "axes.titlepad": 26,
    "legend.frameon": False,
    "savefig.dpi": 150,
    "savefig.facecolor": "white",
}


@contextmanager
def styled() -> Iterator[None]:
    """Apply WhyFake's chart style in the block, or in the decorated function."""
    import matplotlib

    with matplotlib.rc_context(STYLE):
        yield


def head(axes: Axes, title: str, line: str) -> None:
    """Set a chart's bold title, and below it one grey line with its main number."""
    axes.set_title(title)
    axes.annotate(line, (0, 1), (0, 9), "axes fraction", textcoords="offset points", fontsize=9, color=QUIET)


def save(figure: Figure, path: Path, **options: Any) -> Path:
    """Write a figure as PNG and create its folder; returns the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with styled():
        figure.savefig(path, **options)
    return path


def write_table(
    folder: Path,
    name: str,
    rows: Sequence[Mapping[str, Any]],
    readable: Sequence[Mapping[str, str]],
    text: str = "",
) -> None:
    """Write one table as ``name.csv``, ``name.json`` and ``name.md``.

    Args:
        folder: for the three files.
        name: their name without suffix.
        rows: raw figures, one mapping per row; columns may differ between rows.
        readable: the same rows in words, for the Markdown file.
        text: Markdown after the table.
    """
    import pandas

    pandas.DataFrame(rows).to_csv(folder / f"{name}.csv", index=False)
    (folder / f"{name}.json").write_text(json.dumps(list(rows), indent=2) + "\n")
    (folder / f"{name}.md").write_text(markdown(readable) + (f"\n{text.strip()}\n" if text else ""))


def markdown(rows: Sequence[Mapping[str, str]]) -> str:
    """A Markdown table; columns are in the order of their first appearance, and missing cells are empty."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    lines = [columns, ["---"] * len(columns), *([row.get(column, "") for column in columns] for row in rows)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def with_interval(estimate: Mapping[str, float] | None) -> str:
    """An estimate of a card as ``0.918 (0.904–0.933)``; a dash if there is none."""
    return f"{estimate['value']:.3f} ({estimate['low']:.3f}–{estimate['high']:.3f})" if estimate else "–"


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
