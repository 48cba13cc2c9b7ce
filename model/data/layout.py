"""Lists the labelled pictures of a data folder, whichever of the usual layouts it has."""

import csv
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from model.data.pairs import groups_of_pairs, read_pairs
from model.errors import DatasetError

SUFFIXES = {".jpg", ".jpeg", ".png"}
SPLITS = ("train", "val", "test")
UNSPLIT = ""  # the split of a picture in a folder of both classes that has no train, val or test
SPLIT_OF_FOLDER = {
    **{"train": "train", "training": "train"},
    **{"val": "val", "valid": "val", "validation": "val"},
    **{"test": "test", "testing": "test"},
}
LABEL_OF_FOLDER = {"fake": "Fake", "fake_extra": "Fake", "real": "Real"}
MASK_FOLDERS = {"mask", "masks"}
REGION_OF_COLUMN = {
    "eye_viewer_left": "left_eye",
    "eye_viewer_right": "right_eye",
    "nose": "nose",
    "mouth": "mouth",
}


@dataclass(frozen=True)
class Example:
    """One picture of a data set.

    Attributes:
        path: the picture, relative to the data root.
        dataset: name of the folder that it comes from.
        split: ``train``, ``val`` or ``test``; ``UNSPLIT`` until ``model.data.split`` has chosen one.
        label: ``Fake`` or ``Real``.
        box: face box ``(x, y, w, h)`` in pixels, or None where no face was found, or none was looked for.
        landmarks: five ``[x, y]`` in pixels, as ``Face.landmarks``; empty where ``box`` is None.
        twin: for a fake, its aligned real original, relative to the root.
        mask: for a fake, a picture that is white where it was changed, relative to the root.
        regions: for a composite, the facial parts that were replaced, named as in ``model.photos.self_blend``.
    """

    path: str
    dataset: str
    split: str
    label: str
    box: tuple[float, float, float, float] | None
    landmarks: tuple[tuple[float, float], ...]
    twin: str | None = None
    mask: str | None = None
    regions: tuple[str, ...] = ()


def pictures(root: Path) -> list[Example]:
    """List every labelled picture below ``root``, sorted by path, without opening one or looking for faces.

    A picture's class is named by the nearest folder above it that is called ``real``, ``fake`` or ``fake_extra``, its
    split by the nearest called ``train``, ``val`` (``valid``, ``validation``) or ``test``, both in any case. So
    ``ROOT/Real``, ``ROOT/Train/Real``, ``ROOT/SET/train/real`` and ``ROOT/SET/real/person`` are all understood. The
    first folder names the data set, or ``root`` itself where that folder is a split or a class.

    What lies outside split folders is ``UNSPLIT`` where its data set has both classes there; one class alone can only
    be tested on, so it counts as ``test``.

    Links to folders are followed, but never back into a folder that they lie in.

    Raises:
        DatasetError: if ``root`` is no folder, or holds no labelled picture.
    """
    if not root.is_dir():
        fault = "is a file, not a folder" if root.exists() else "does not exist"
        raise DatasetError(f"{root} {fault}, so it holds no pictures in folders named real or fake.")
    files = sorted(_files(root))
    pairs, regions = _pairs(root, files), _regions(root)
    found = []
    for path in files:
        if path.suffix.lower() not in SUFFIXES or path.name.startswith("."):
            continue
        folders = path.relative_to(root).parts[:-1]
        label = _named(folders, LABEL_OF_FOLDER)
        if label is None or MASK_FOLDERS & {folder.lower() for folder in folders}:
            continue
        name, dataset = str(path.relative_to(root)), _dataset(root, folders)
        split = _named(folders, SPLIT_OF_FOLDER) or UNSPLIT
        twin, mask = pairs.get(name, (None, None))
        parts = regions.get((dataset, path.name), ()) if label == "Fake" else ()
        found.append(Example(name, dataset, split, label, None, (), twin, mask, parts))
    if not found:
        raise DatasetError(f"{root} holds no pictures in folders named real or fake.")
    return _test_where_one_class_is_alone(found)


def _files(root: Path) -> Iterator[Path]:
    """Every file below ``root``, through links too; ``Path.glob`` follows them in some versions of Python only."""
    above = {str(root): frozenset({os.path.realpath(root)})}
    for folder, inner, names in os.walk(root, followlinks=True):
        chain = above.pop(folder)
        real = {name: os.path.realpath(os.path.join(folder, name)) for name in inner}
        inner[:] = [name for name in inner if real[name] not in chain]
        above.update({os.path.join(folder, name): chain | {real[name]} for name in inner})
        yield from (Path(folder, name) for name in names)


def choose_sets(root: Path, examples: Sequence[Example], sets: Sequence[str] | None) -> list[Example]:
    """The examples of the data sets named, of all where none is.

    Raises:
        DatasetError: if one of them is not there.
    """
    present = sorted({example.dataset for example in examples})
    if unknown := [name for name in sets or () if name not in present]:
        raise DatasetError(f"{root} has no data set {unknown[0]}, only {', '.join(present)}.")
    return [example for example in examples if not sets or example.dataset in sets]


def leave_out_sets(root: Path, examples: Sequence[Example], sets: Sequence[str] | None) -> list[Example]:
    """The examples without the data sets named, so that these stay sources that a training never saw.

    Raises:
        DatasetError: if one of them is not there, or nothing is left.
    """
    present = sorted({example.dataset for example in examples})
    if unknown := [name for name in sets or () if name not in present]:
        raise DatasetError(f"{root} has no data set {unknown[0]} to leave out, only {', '.join(present)}.")
    kept = [example for example in examples if example.dataset not in (sets or ())]
    if not kept:
        raise DatasetError(f"Every data set of {root} is left out.")
    return kept


def _named(folders: tuple[str, ...], names: dict[str, str]) -> str | None:
    """What the innermost folder that ``names`` knows stands for."""
    return next((names[folder.lower()] for folder in reversed(folders) if folder.lower() in names), None)


def _dataset(root: Path, folders: tuple[str, ...]) -> str:
    first = folders[0].lower()
    return root.resolve().name if first in LABEL_OF_FOLDER or first in SPLIT_OF_FOLDER else folders[0]


def _test_where_one_class_is_alone(examples: list[Example]) -> list[Example]:
    classes: dict[str, set[str]] = {}
    for example in examples:
        if example.split == UNSPLIT:
            classes.setdefault(example.dataset, set()).add(example.label)
    alone = {name for name, labels in classes.items() if len(labels) == 1}
    return [
        replace(example, split="test") if example.split == UNSPLIT and example.dataset in alone else example
        for example in examples
    ]


def _rows(table: Path, columns: set[str]) -> list[dict[str, str]]:
    """Rows of a CSV file, or none where one of ``columns`` is missing: then it is another table of that name."""
    with table.open(newline="") as file:
        reader = csv.DictReader(file)
        return list(reader) if columns <= set(reader.fieldnames or ()) else []


def _pairs(root: Path, files: Sequence[Path]) -> dict[str, tuple[str, str | None]]:
    """Twin and mask of each fake named in a ``pairs.csv``, all relative to the root."""
    return {pair.fake: (pair.real, pair.mask) for pair in read_pairs(root, files)}


def pair_groups(root: Path) -> dict[str, str]:
    """What each picture named in a ``pairs.csv`` shares with others that came from the same original, by path."""
    return groups_of_pairs(read_pairs(root, sorted(_files(root))))


def _regions(root: Path) -> dict[tuple[str, str], tuple[str, ...]]:
    """Replaced facial parts by data set and file name, from each ``regions.csv``."""
    regions = {}
    for table in sorted([*root.glob("regions.csv"), *root.glob("*/regions.csv")]):
        dataset = table.parent.name if table.parent != root else root.resolve().name
        for row in _rows(table, {"file", *REGION_OF_COLUMN}):
            parts = tuple(part for column, part in REGION_OF_COLUMN.items() if row[column] == "1")
            regions[dataset, row["file"]] = parts
    return regions
