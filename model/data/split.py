"""Splits pictures into train, val and test and keeps related pictures on the same side."""

import csv
import logging
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.data.layout import SPLIT_OF_FOLDER, SPLITS, UNSPLIT, Example
from model.errors import DatasetError

SPLIT = "split.csv"  # in a run's folder and its model folder: the split of each picture
TRAIN_PARTS = ("train",) * 8  # val and test have one part each
GroupOf = Callable[[Example], str]
log = logging.getLogger(__name__)


def assign_splits(
    examples: Sequence[Example],
    seed: int,
    group_of: GroupOf | None = None,
    duplicates: Iterable[Sequence[str]] = (),
) -> list[Example]:
    """Give a split to each picture that has none: 80% train, 10% val, 10% test of each class of each data set.

    A data set without unsplit pictures that has ``train`` but no ``val`` gives a ninth of its training pictures to
    ``val``. Every other split that a folder names stays. Among the pictures that get a split here, those that belong
    together (twins, one group, duplicates) get the same one, so the shares can differ a little from these numbers.

    Args:
        examples: pictures of any data sets. Each set is split separately, so the choice of sets changes no split
            unless duplicates link the sets.
        seed: decides the split; the same examples and seed give the same split.
        group_of: the group of a picture within its data set, for example the video that a frame comes from.
        duplicates: groups of duplicates, each a list of paths.

    Returns:
        The examples in the order given.

    Raises:
        DatasetError: if a class of a data set has too few pictures or groups, or its groups are too uneven.
    """
    together = _components(examples, group_of, duplicates)
    splits = [example.split for example in examples]
    side: dict[int, str] = {}
    for split in SPLITS:  # later ones overwrite: unsplit pictures linked with a test picture go to test
        side.update({int(together[row]): split for row, given in enumerate(splits) if given == split})
    for dataset in sorted({example.dataset for example in examples}):
        rows = [row for row, example in enumerate(examples) if example.dataset == dataset]
        unsplit = [row for row in rows if splits[row] == UNSPLIT]
        present = {splits[row] for row in rows}
        if unsplit:
            free = [row for row in unsplit if int(together[row]) not in side]
            for row, split in _share_out(examples, free, together, ("test", "val", *TRAIN_PARTS), seed).items():
                side[int(together[row])] = split
            for row in unsplit:
                splits[row] = side[int(together[row])]
        elif "train" in present and "val" not in present:
            training = [row for row in rows if splits[row] == "train"]
            for row, split in _share_out(examples, training, together, ("val", *TRAIN_PARTS), seed).items():
                splits[row] = split
    return [replace(example, split=split) for example, split in zip(examples, splits, strict=True)]


def group_by_pattern(pattern: str) -> GroupOf:
    """Group pictures by the text that the first group of a regular expression matches in their file names.

    ``(\\w+)_frame`` puts ``clip7_frame01.png`` and ``clip7_frame02.png`` into group ``clip7``. A picture with
    another name forms a separate group.

    Raises:
        DatasetError: if the pattern is not a regular expression or has no group.
    """
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise DatasetError(f"{pattern!r} is not a regular expression: {error}.") from error
    if not expression.groups:
        raise DatasetError(f"{pattern!r} has no group: put round brackets around what names the group.")

    def group_of(example: Example) -> str:
        match = expression.search(Path(example.path).name)
        return f"group {match[1]}" if match else f"picture {example.path}"

    return group_of


def is_assigned(examples: Iterable[Example]) -> bool:
    """Whether any train or val picture has another split than its folder names, so that the split was drawn."""
    return any(example.split in ("train", "val") and _named_split(example) != example.split for example in examples)


def _named_split(example: Example) -> str:
    folders = Path(example.path).parts[-2::-1]
    return next((SPLIT_OF_FOLDER[name.lower()] for name in folders if name.lower() in SPLIT_OF_FOLDER), UNSPLIT)


def write_split(folder: Path, examples: Iterable[Example]) -> None:
    """Write the split of each picture into the folder's ``split.csv``, for ``split_of_run``."""
    with (folder / SPLIT).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("path", "split"))
        writer.writerows(sorted((example.path, example.split) for example in examples))


def copy_split(source: Path, artifact: Path) -> None:
    """Copy a run's split, if there is one, into a model folder; before the card, which marks the folder as complete."""
    if (source / SPLIT).exists():
        shutil.copyfile(source / SPLIT, artifact / SPLIT)


def split_of_run(artifact: Path, examples: list[Example]) -> list[Example]:
    """Give pictures the split that they had in the run that wrote a model folder.

    A random split depends on all options and files. Another command could draw another split and measure on training
    pictures, so the model folder stores the run's split.

    Args:
        artifact: the model folder.
        examples: pictures with splits; paths are relative to the same data folder as in training.

    Returns:
        The examples unchanged if the folder has no ``split.csv``. Otherwise the pictures that it lists, with their
        split there, and the pictures of data sets of which it lists none, unchanged. Warnings name these data sets and
        count the other pictures, which are left out.

    Raises:
        DatasetError: if a column is missing in ``split.csv``, or it names an unknown split.
    """
    if not (artifact / SPLIT).exists():
        return examples
    sides = _read_split(artifact / SPLIT)
    touched = {example.dataset for example in examples if example.path in sides}
    unnamed = Counter(example.dataset for example in examples if example.path not in sides)
    if left_out := sum(count for dataset, count in unnamed.items() if dataset in touched):
        log.warning(
            "%d pictures are left out: the split that %s was trained on does not list them.", left_out, artifact
        )
    if unlisted_sets := sorted(set(unnamed) - touched):
        log.warning("%s was trained on none of %s, which keeps its split.", artifact, ", ".join(unlisted_sets))
    return [
        replace(example, split=sides.get(example.path, example.split))
        for example in examples
        if example.path in sides or example.dataset not in touched
    ]


def _read_split(path: Path) -> dict[str, str]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            sides = {row["path"]: row["split"] for row in csv.DictReader(file)}
    except (KeyError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{path} is no table with the columns path and split.") from error
    if unknown := set(sides.values()) - set(SPLITS):
        raise DatasetError(f"{path} names a split {unknown.pop()!r}, which is none of {', '.join(SPLITS)}.")
    return sides


def _components(
    examples: Sequence[Example], group_of: GroupOf | None, duplicates: Iterable[Sequence[str]]
) -> NDArray[np.int_]:
    """Number ``(N,) int`` of the connected component of each picture: linked pictures must get the same split."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    row_of = {example.path: row for row, example in enumerate(examples)}
    links = [(row, row_of[e.twin]) for row, e in enumerate(examples) if e.twin is not None and e.twin in row_of]
    for paths in duplicates:
        rows = [row_of[path] for path in paths if path in row_of]
        links.extend(pairwise(rows))
    if group_of is not None:
        first: dict[tuple[str, str], int] = {}
        links.extend((row, first.setdefault((e.dataset, group_of(e)), row)) for row, e in enumerate(examples))
    ends = np.array(links, int).reshape(-1, 2)
    size = len(examples)
    graph = coo_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(size, size))
    return connected_components(graph, directed=False)[1]


def _share_out(
    examples: Sequence[Example], rows: list[int], together: NDArray[np.int_], names: tuple[str, ...], seed: int
) -> dict[int, str]:
    """The split from ``names`` for each of ``rows``; a name that occurs eight times gets eight times as many rows."""
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    if not rows:
        return {}
    dataset = examples[rows[0]].dataset
    labels, groups = np.array([examples[row].label for row in rows]), together[rows]
    for label in np.unique(labels):
        count = len(np.unique(groups[labels == label]))
        if count < len(names):
            raise DatasetError(
                f"{dataset} has only {count} pictures or groups of {label} to share out to train, val and test: "
                f"at least {len(names)} are needed."
            )
    shuffled = {"n_splits": len(names), "shuffle": True, "random_state": seed}
    # The grouped splitter is slow (it compares every group with every part in Python): use it only for real groups.
    if len(np.unique(groups)) == len(groups):
        parts = StratifiedKFold(**shuffled).split(labels, labels)
    else:
        parts = StratifiedGroupKFold(**shuffled).split(labels, labels, groups)
    chosen: dict[int, str] = {}
    for name, (_, members) in zip(names, parts, strict=True):
        if len(np.unique(labels[members])) < len(np.unique(labels)):
            raise DatasetError(f"{dataset} has groups too uneven to share out: {name} would miss a class.")
        chosen.update(dict.fromkeys((rows[member] for member in members), name))
    return chosen


def draw(examples: Sequence[Example], per_class: Mapping[str, int], seed: int) -> list[Example]:
    """Draw at most ``per_class`` pictures of each class of each data set; the order stays.

    Args:
        examples: pictures with splits.
        per_class: largest number per class and data set, by split; splits that it does not name stay complete.
        seed: decides which pictures. A smaller number draws a subset of what a larger number draws.
    """
    groups: dict[tuple[str, str, str], list[int]] = {}
    for row, example in enumerate(examples):
        groups.setdefault((example.dataset, example.split, example.label), []).append(row)
    kept: list[int] = []
    for number, ((_, split, _), rows) in enumerate(sorted(groups.items())):
        order = np.random.default_rng((seed, number)).permutation(rows)
        kept += order[: per_class.get(split, len(rows))].tolist()
    return [examples[row] for row in sorted(kept)]
