"""Shares pictures out to train, val and test so that what belongs together stays together."""

import csv
import logging
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.data.layout import SPLIT_OF_FOLDER, SPLITS, UNSPLIT, Example
from model.errors import DatasetError

SPLIT = "split.csv"  # in a run's folder and its model folder: which side each picture was on
TRAIN_PARTS = ("train",) * 8  # beside one part each for val and test
GroupOf = Callable[[Example], str]
log = logging.getLogger(__name__)


def assign_splits(
    examples: Sequence[Example],
    seed: int,
    group_of: GroupOf | None = None,
    duplicates: Iterable[Sequence[str]] = (),
) -> list[Example]:
    """Give each picture that has no split one: 80 % train, 10 % val, 10 % test of each class of each data set.

    A data set that comes with ``train`` but without ``val`` gives a ninth of its training pictures to ``val``. Every
    other split that a folder already names stays. Pictures that belong together, because they are twins or share a
    group or are duplicates, land on the same side; shares are then only as exact as whole groups allow.

    Args:
        examples: pictures of any data sets; each set is split by itself, so that choosing sets changes no split.
        seed: decides the split; the same examples and seed give the same one.
        group_of: the group of a picture, for example the video that it is a frame of; counts within its data set.
        duplicates: paths of pictures that show the same, group by group.

    Returns:
        The examples in the order given.

    Raises:
        DatasetError: if a data set has too few pictures, or groups, of a class to share out.
    """
    together = _components(examples, group_of, duplicates)
    splits = [example.split for example in examples]
    side: dict[int, str] = {}
    for split in SPLITS:  # later ones win: what is tested on anywhere is trained on nowhere
        side.update({int(together[row]): split for row, known in enumerate(splits) if known == split})
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
    """Group pictures by what the first group of a regular expression finds in their file names.

    ``(\\w+)_frame`` puts ``clip7_frame01.png`` and ``clip7_frame02.png`` into group ``clip7``. A picture whose name
    does not match is a group of its own.

    Raises:
        DatasetError: if the pattern is no regular expression or has no group.
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
    """Whether a picture is trained or validated on that no folder above it put there, so that its side was drawn."""
    return any(example.split in ("train", "val") and _named_split(example) != example.split for example in examples)


def _named_split(example: Example) -> str:
    folders = Path(example.path).parts[-2::-1]
    return next((SPLIT_OF_FOLDER[name.lower()] for name in folders if name.lower() in SPLIT_OF_FOLDER), UNSPLIT)


def write_split(folder: Path, examples: Iterable[Example]) -> None:
    """Write which side each picture is on as ``split.csv`` into a folder, for ``split_of_run``."""
    with (folder / SPLIT).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("path", "split"))
        writer.writerows(sorted((example.path, example.split) for example in examples))


def split_of_run(artifact: Path, examples: list[Example]) -> list[Example]:
    """Put pictures on the sides on which the run that made a model folder had them.

    A split that was drawn depends on every option and file that it was drawn from, so that another command may draw
    another one and measure on what was learnt; the run's own is therefore kept in its model folder.

    Args:
        artifact: the model folder.
        examples: with splits, paths relative to the same data folder as in training.

    Returns:
        The examples as they are where the folder keeps no split. Otherwise pictures that it names with its split; the
        others are left out, with one warning, but whole data sets of which it names none stay as they are.

    Raises:
        DatasetError: if the folder's ``split.csv`` is not one.
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
    if others := sorted(set(unnamed) - touched):
        log.warning("%s was trained on none of %s, which keeps its split.", artifact, ", ".join(others))
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
    """Number ``(N,)`` of the bundle that each picture belongs to."""
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
    """Which of ``names`` each of ``rows`` gets; a name that occurs eight times gets eight times as many pictures."""
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
    # The grouped splitter weighs every group against every part in Python: only where there is something to group.
    if len(np.unique(groups)) == len(groups):
        parts = StratifiedKFold(**shuffled).split(labels, labels)
    else:
        parts = StratifiedGroupKFold(**shuffled).split(labels, labels, groups)
    chosen: dict[int, str] = {}
    for name, (_, members) in zip(names, parts, strict=True):
        if len(np.unique(labels[members])) < len(np.unique(labels)):
            raise DatasetError(f"{dataset} has groups too uneven to share out: {name} would lack a class.")
        chosen.update(dict.fromkeys((rows[member] for member in members), name))
    return chosen


def draw(examples: Sequence[Example], per_class: Mapping[str, int], seed: int) -> list[Example]:
    """At most so many pictures of each class of each data set, by split, in the order given.

    Args:
        examples: with splits.
        per_class: largest number by split; splits that are not named stay whole.
        seed: decides which. A smaller number draws some of what a larger one draws.
    """
    groups: dict[tuple[str, str, str], list[int]] = {}
    for row, example in enumerate(examples):
        groups.setdefault((example.dataset, example.split, example.label), []).append(row)
    kept: list[int] = []
    for number, ((_, split, _), rows) in enumerate(sorted(groups.items())):
        order = np.random.default_rng((seed, number)).permutation(rows)
        kept += order[: per_class.get(split, len(rows))].tolist()
    return [examples[row] for row in sorted(kept)]
