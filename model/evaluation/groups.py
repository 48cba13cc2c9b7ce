"""Measures mistakes by group of people, for data sets with groups in their file names."""

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.evaluation.bootstrap import Scores, Truth, bootstrap
from model.evaluation.metrics import false_accusation_rate, miss_rate

# UTKFace (susanqq.github.io/UTKFace): age_gender_race_date. Its authors estimated the labels and had people check them.
UTKFACE_NAME = re.compile(r"^(\d{1,3})_([01])_([0-4])_\d{14,}")
SEXES = ("male", "female")
RACES = ("White", "Black", "Asian", "Indian", "other")
AGES = ((0, 9), (10, 19), (20, 39), (40, 59), (60, 150))


def groups_of(path: str) -> dict[str, str]:
    """The groups that a picture's file name encodes, by kind; empty if it encodes none."""
    found = UTKFACE_NAME.match(PurePosixPath(path).name)
    if found is None:
        return {}
    years, sex, race = (int(digits) for digits in found.groups())
    ages = next((f"{low} to {high}" if high < 150 else f"{low} and over" for low, high in AGES if years <= high), None)
    return {**({"age": ages} if ages else {}), "sex": SEXES[sex], "race as labelled": RACES[race]}


def size_of(box: Sequence[float]) -> str:
    """The group of a face by the longer side of its box ``(x, y, w, h)``, in pixels of the photo."""
    side = max(box[2:4])
    if side < 64:
        return "below 64 pixels"
    return "64 to 128 pixels" if side <= 128 else "above 128 pixels"


def group_figures(paths: Sequence[str], p_fake: Scores, is_fake: Truth) -> dict[str, dict[str, Any]]:
    """False accusations and misses per group of people, see ``figures_by_group``; empty if no name encodes groups."""
    return figures_by_group([groups_of(path) for path in paths], p_fake, is_fake)


def figures_by_group(
    named: Sequence[Mapping[str, str]], p_fake: Scores, is_fake: Truth, originals: NDArray[Any] | None = None
) -> dict[str, dict[str, Any]]:
    """False accusations and misses per group of pictures.

    Args:
        named: the groups of each of the ``N`` pictures, by kind.
        p_fake: P(Fake) of each picture, ``(N,)``.
        is_fake: the truth, ``(N,) bool``.
        originals: a key that pictures of one original share, ``(N,)``; intervals then resample whole originals, see
            ``model.evaluation.bootstrap.resamples``.

    Returns:
        By kind (such as ``age``, ``sex``, ``face size``) and group: the counts ``real`` and ``fake``, and each rate
        as ``value``, ``low`` and ``high`` if it has a value.
    """
    figures: dict[str, dict[str, Any]] = {}
    for kind in dict.fromkeys(kind for groups in named for kind in groups):
        for group in sorted({groups[kind] for groups in named if kind in groups}):
            inside = np.array([groups.get(kind) == group for groups in named])
            truth = is_fake[inside]
            values: dict[str, Any] = {"real": int((~truth).sum()), "fake": int(truth.sum())}
            for name, rate in (("false_accusation_rate", false_accusation_rate), ("miss_rate", miss_rate)):
                shared = None if originals is None else originals[inside]
                estimate = bootstrap(rate, p_fake[inside], truth, is_share=True, groups=shared)
                if np.isfinite(estimate.value):
                    values[name] = estimate.rounded()
            figures.setdefault(kind, {})[group] = values
    return figures
