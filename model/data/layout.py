"""Lists the labelled pictures of a data folder in any of the usual layouts."""

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
        dataset: name of the data set's folder.
        split: ``train``, ``val`` or ``test``; ``UNSPLIT`` until ``model.data.split`` has chosen one.
        label: ``Fake`` or ``Real``.
        box: face box ``(x, y, w, h)`` in pixels; None if no face was found or searched.
        landmarks: five ``(x, y)`` in pixels, as ``Face.landmarks``; empty if ``box`` is None.
        twin: for a fake, its aligned real original, relative to the root.
        mask: for a fake, a picture that is white where the fake was changed, relative to the root.
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
    """List every labelled picture below ``root``, sorted by path, without opening pictures or looking for faces.

    The nearest folder above a picture that is called ``real``, ``fake`` or ``fake_extra`` names its class. The nearest
    called ``train`` (``training``), ``val`` (``valid``, ``validation``) or ``test`` (``testing``) names its split.
    Upper and lower case are the same. ``ROOT/Real``, ``ROOT/Train/Real``, ``ROOT/SET/train/real`` and
    ``ROOT/SET/real/person`` are valid layouts. The first folder below ``root`` names the data set; if it is a split or
    a class, ``root`` names it. Pictures in folders called ``mask`` or ``masks`` are not listed.

    Pictures outside split folders are ``UNSPLIT`` if their data set has both classes there. A single class can only be
    tested on, so its pictures are ``test``.

    Links to folders are followed, except links back to a folder above them.

    Raises:
        DatasetError: if ``root`` is not a folder or holds no labelled picture.
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
    return _test_one_class_sets(found)


def _files(root: Path) -> Iterator[Path]:
    """Every file below ``root``, links followed: ``Path.glob`` follows links only in some versions of Python."""
    above = {str(root): frozenset({os.path.realpath(root)})}
    for folder, inner, names in os.walk(root, followlinks=True):
        chain = above.pop(folder)
        real = {name: os.path.realpath(os.path.join(folder, name)) for name in inner}
        inner[:] = [name for name in inner if real[name] not in chain]
        above.update({os.path.join(folder, name): chain | {real[name]} for name in inner})
        yield from (Path(folder, name) for name in names)


def choose_sets(root: Path, examples: Sequence[Example], sets: Sequence[str] | None) -> list[Example]:
    """The examples of the data sets in ``sets``, or all examples if it is empty or None.

    Raises:
        DatasetError: if one of these data sets is missing.
    """
    present = sorted({example.dataset for example in examples})
    if unknown := [name for name in sets or () if name not in present]:
        raise DatasetError(f"{root} has no data set {unknown[0]}, only {', '.join(present)}.")
    return [example for example in examples if not sets or example.dataset in sets]


def leave_out_sets(root: Path, examples: Sequence[Example], sets: Sequence[str] | None) -> list[Example]:
    """The examples without the data sets in ``sets``, which stay unseen sources for the training.

    Raises:
        DatasetError: if one of these data sets is missing, or no example is left.
    """
    present = sorted({example.dataset for example in examples})
    if unknown := [name for name in sets or () if name not in present]:
        raise DatasetError(f"{root} has no data set {unknown[0]} to leave out, only {', '.join(present)}.")
    kept = [example for example in examples if example.dataset not in (sets or ())]
    if not kept:
        raise DatasetError(f"Every data set of {root} is left out.")
    return kept


def _named(folders: tuple[str, ...], names: dict[str, str]) -> str | None:
    """The value in ``names`` of the innermost folder that is a key there, in any case."""
    return next((names[folder.lower()] for folder in reversed(folders) if folder.lower() in names), None)


def _dataset(root: Path, folders: tuple[str, ...]) -> str:
    first = folders[0].lower()
    return root.resolve().name if first in LABEL_OF_FOLDER or first in SPLIT_OF_FOLDER else folders[0]


def _test_one_class_sets(examples: list[Example]) -> list[Example]:
    classes: dict[str, set[str]] = {}
    for example in examples:
        if example.split == UNSPLIT:
            classes.setdefault(example.dataset, set()).add(example.label)
    one_class = {name for name, labels in classes.items() if len(labels) == 1}
    return [
        replace(example, split="test") if example.split == UNSPLIT and example.dataset in one_class else example
        for example in examples
    ]


def _rows(table: Path, columns: set[str]) -> list[dict[str, str]]:
    """Rows of a CSV file; none if one of ``columns`` is missing, because it is then another table of that name."""
    with table.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        return list(reader) if columns <= set(reader.fieldnames or ()) else []


def _pairs(root: Path, files: Sequence[Path]) -> dict[str, tuple[str, str | None]]:
    """Twin and mask of each fake named in a ``pairs.csv``, all relative to the root."""
    return {pair.fake: (pair.real, pair.mask) for pair in read_pairs(root, files)}


def pair_groups(root: Path) -> dict[str, str]:
    """The group of each picture in a ``pairs.csv``, by path; pictures of one original share a group."""
    return groups_of_pairs(read_pairs(root, sorted(_files(root))))


def _regions(root: Path) -> dict[tuple[str, str], tuple[str, ...]]:
    """Replaced facial parts by data set and file name, from the ``regions.csv`` in ``root`` and in each data set."""
    regions = {}
    for table in sorted([*root.glob("regions.csv"), *root.glob("*/regions.csv")]):
        dataset = table.parent.name if table.parent != root else root.resolve().name
        for row in _rows(table, {"file", *REGION_OF_COLUMN}):
            parts = tuple(part for column, part in REGION_OF_COLUMN.items() if row[column] == "1")
            regions[dataset, row["file"]] = parts
    return regions
