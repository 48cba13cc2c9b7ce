"""Draws a part of a data folder small enough for the time there is."""

from collections.abc import Mapping, Sequence

import numpy as np

from model.data.layout import Example


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
