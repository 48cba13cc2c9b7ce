"""Shares pictures out to train, val and test so that what belongs together stays together."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from model.layout import SPLITS, UNSPLIT, DatasetError, Example

TRAIN_PARTS = ("train",) * 8  # beside one part each for val and test
GroupOf = Callable[[Example], str]


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


def _components(
    examples: Sequence[Example], group_of: GroupOf | None, duplicates: Iterable[Sequence[str]]
) -> NDArray[np.int_]:
    """Number ``(N,)`` of the bundle that each picture belongs to."""
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
