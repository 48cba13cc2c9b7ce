"""Small batches, and helpers of their tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.artifact.preprocessing import LABELS, Preprocessing
from model.data.layout import Example
from model.paired.batches import Batches
from model.paired.recipe import Recipe

SIDE, GRID = 32, (8, 8)
PREPROCESSING = Preprocessing(SIDE)
FAKE, REAL = LABELS.index("Fake"), LABELS.index("Real")
TWINS_ONLY = Recipe(twins=3, singles=0, self_blended=0)
PLAIN = Recipe(mixed=0)


def only(examples: list[Example], *names: str) -> list[Example]:
    """The examples with a file name, without extension, in ``names``."""
    chosen = [example for example in examples if Path(example.path).stem in names]
    assert len(chosen) == len(names)
    return chosen


def batches(
    data: tuple[Path, list[Example]], names: tuple[str, ...] = (), recipe: Recipe | None = None, seed: int = 0
) -> Batches:
    root, examples = data
    return Batches(root, only(examples, *names) if names else examples, PREPROCESSING, GRID, 5, seed, recipe)


def labels_of(item: tuple) -> NDArray[np.int_]:
    one_hot = item[1]["probabilities"]
    assert set(np.unique(one_hot)) == {0, 1} and (one_hot.sum(axis=1) == 1).all()
    return one_hot.argmax(axis=1)
