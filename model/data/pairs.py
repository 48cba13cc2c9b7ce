"""Reads ``pairs.csv`` tables, which name the real picture that a fake was made from and the mask of the changes."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

TABLE = "pairs.csv"
GROUP_COLUMNS = ("group", "target_real")  # columns for the original that several pairs may share
MASK_SUFFIXES = (".png", ".jpg")


@dataclass(frozen=True)
class Pair:
    """A fake with its original; all paths are relative to the data root.

    Attributes:
        fake: the fake's path.
        real: path of its real twin, which is aligned pixel by pixel.
        mask: path of a picture that is white where the fake was changed, or None.
        group: name of the original that the pair was made from, or None; pairs of one group are not independent.
    """

    fake: str
    real: str
    mask: str | None
    group: str | None


def read_pairs(root: Path, files: Sequence[Path]) -> list[Pair]:
    """The pairs of every ``pairs.csv`` among ``files``; a ``pairs.csv`` with other columns gives no pairs.

    There are two kinds of tables:

    - With the columns ``fake``, ``real`` and ``mask``, each column holds a path relative to the table's folder; the
      mask may be empty. Rows without a fake or a real picture are left out.
    - With the column ``fake`` and without ``real``, ``fake`` holds file names. The fake is in a folder ``fake``
      anywhere below the table, its twin has the same name in the folder ``real`` beside that folder, and its mask has
      the same stem in the folder ``masks`` beside the table. Pairs with a missing fake or twin are left out.

    Args:
        root: the data folder.
        files: all files below it.
    """
    found: list[Pair] = []
    for table in (file for file in files if file.name == TABLE):
        with table.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            columns, rows = set(reader.fieldnames or ()), list(reader)
        if {"fake", "real", "mask"} <= columns:
            folder = table.parent.relative_to(root)
            for row in rows:
                if row["fake"] and row["real"]:
                    mask = str(folder / row["mask"]) if row["mask"] else None
                    found.append(Pair(str(folder / row["fake"]), str(folder / row["real"]), mask, _group(row)))
        elif "fake" in columns and "real" not in columns:
            found += _by_name(root, table, rows, files)
    return found


def _group(row: dict[str, str]) -> str | None:
    return next((row[column] for column in GROUP_COLUMNS if row.get(column)), None)


def _by_name(root: Path, table: Path, rows: Sequence[dict[str, str]], files: Sequence[Path]) -> Iterator[Pair]:
    present = set(files)
    fakes = {file.name: file for file in files if file.parent.name == "fake" and table.parent in file.parents}
    for row in rows:
        fake = fakes.get(row["fake"])
        if fake is None or (real := fake.parent.with_name("real") / fake.name) not in present:
            continue
        masks = [table.parent / "masks" / f"{fake.stem}{suffix}" for suffix in MASK_SUFFIXES]
        mask = next((str(path.relative_to(root)) for path in masks if path in present), None)
        yield Pair(str(fake.relative_to(root)), str(real.relative_to(root)), mask, _group(row))


def groups_of_pairs(pairs: Sequence[Pair]) -> dict[str, str]:
    """The group of each fake and each real picture, by path; pictures without a group are left out."""
    return {path: pair.group for pair in pairs if pair.group for path in (pair.fake, pair.real)}
