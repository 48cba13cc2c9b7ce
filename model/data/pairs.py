"""Reads tables named ``pairs.csv``: which real picture a fake was made from, and where it was changed."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

TABLE = "pairs.csv"
GROUP_COLUMNS = ("group", "target_real")  # what names the original that several pairs may share
MASK_SUFFIXES = (".png", ".jpg")


@dataclass(frozen=True)
class Pair:
    """A fake with its original; every path is relative to the data root.

    Attributes:
        fake: the fake.
        real: its real twin, aligned to the pixel.
        mask: a picture that is white where the fake was changed, or None.
        group: names the original behind the pair: pairs with the same group are not independent; or None.
    """

    fake: str
    real: str
    mask: str | None
    group: str | None


def read_pairs(root: Path, files: Sequence[Path]) -> list[Pair]:
    """The pairs of every ``pairs.csv`` among ``files``; a table of other columns with that name holds none.

    Two kinds of tables are understood. With the columns ``fake``, ``real`` and ``mask``, each holds a path relative to
    the table. Where ``fake`` holds file names without a folder and there is no ``real``, the fake lies anywhere below
    the table in a folder ``fake``, its twin has the same name in the folder ``real`` beside that one, and its mask the
    same stem in the folder ``masks`` beside the table. Pairs whose fake or twin is missing are left out there.

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
            found += [
                Pair(str(folder / row["fake"]), str(folder / row["real"]), str(folder / row["mask"]), _group(row))
                for row in rows
            ]
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
        mask = next((str(one.relative_to(root)) for one in masks if one in present), None)
        yield Pair(str(fake.relative_to(root)), str(real.relative_to(root)), mask, _group(row))


def groups_of_pairs(pairs: Sequence[Pair]) -> dict[str, str]:
    """The group of each picture, fake and real alike, by path; pictures without a group are left out."""
    return {path: pair.group for pair in pairs if pair.group for path in (pair.fake, pair.real)}
