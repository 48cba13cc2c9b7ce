"""Tests of the masks of training batches: they cover the changed parts of pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from model.artifact.preprocessing import LABELS
from model.data.dataset import choose
from model.data.layout import Example
from model.errors import DatasetError
from model.paired import batches as module
from model.paired.batches import Batches
from model.paired.recipe import Recipe
from model.twins.twins import Twin
from tests.model.paired.small_batches import (
    FAKE,
    GRID,
    PLAIN,
    PREPROCESSING,
    REAL,
    SIDE,
    TWINS_ONLY,
    batches,
    labels_of,
)

Pixels = NDArray[np.uint8]
MakeData = Callable[..., tuple[Path, Path]]


# Sets of one class, and twins made elsewhere


@pytest.fixture
def one_class(
    make_data: MakeData, picture: Callable[..., Pixels], tmp_path: Path
) -> tuple[Path, list[Example], Path, dict[str, list[Twin]]]:
    """Three real pictures of two sets, two generated ones, and an all-white resynthesised twin of one real picture."""
    names = ["reals/train/real/a.png", "reals/train/real/b.png", "more/train/real/c.png"]
    names += ["fakes/train/fake/d.png", "fakes/train/fake/e.png"]
    root, cache = make_data({name: picture(seed) for seed, name in enumerate(names)})
    folder = tmp_path / "twins"
    folder.mkdir()
    assert cv2.imwrite(str(folder / "a.png"), np.full((64, 64, 3), 255, np.uint8))
    return root, choose(root, cache), folder, {names[0]: [Twin(names[0], "a.png", "test", 32)]}


def test_generated_fakes_are_paired_with_reals_of_other_sets(one_class: tuple) -> None:
    root, examples, _, _ = one_class
    recipe = Recipe(0, 4, 0, generated=3)
    made = Batches(root, examples, PREPROCESSING, GRID, 5, 0, recipe)
    assert labels_of(made[0]).tolist() == [FAKE, REAL] * 3, "sets of one class give no singles"
    assert not made[0][2]["attention"].any()


def test_resynthesised_twins_are_white_inside_their_mask(one_class: tuple, monkeypatch: pytest.MonkeyPatch) -> None:
    root, examples, folder, twins = one_class
    monkeypatch.setattr(module, "degrade", lambda pixels, seed: pixels)
    monkeypatch.setattr(module, "process", lambda pixels, landmarks, seed: pixels)
    made = Batches(root, examples, PREPROCESSING, GRID, 5, 0, Recipe(0, 0, 0, resynthesised=20), twins, folder)
    pixels, targets, weights = made[0]
    assert labels_of(made[0]).tolist() == [FAKE, REAL] * 20
    known = weights["attention"][::2].any(axis=(1, 2))
    assert 4 < known.sum() < 18, "some crops are completely resynthesised, and have no mask"
    fakes = pixels[::2]
    assert (fakes[~known] > 250).all()
    gaps, masks = difference(made[0])[known], targets["attention"][::2, ..., 0][known]
    assert np.average(gaps, weights=masks + 1e-9) > 2 * np.average(gaps, weights=1 - masks + 1e-9)


@pytest.mark.slow
def test_harmless_edits_are_applied_to_both_of_a_pair_or_to_the_real_picture(
    one_class: tuple, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, examples, _, _ = one_class
    edited: list[int] = []
    monkeypatch.setattr(module, "process", lambda pixels, landmarks, seed: edited.append(seed) or pixels)
    Batches(root, examples, PREPROCESSING, GRID, 5, 0, Recipe(0, 0, 100))[0]
    pairs = {seed: edited.count(seed) for seed in edited}
    assert 8 < sum(count == 2 for count in pairs.values()) < 35
    assert 2 < sum(count == 1 for count in pairs.values()) < 22


def test_recipe_with_missing_kinds_of_pictures_is_refused(data: tuple[Path, list[Example]]) -> None:
    with pytest.raises(DatasetError, match="no training picture has one"):
        batches(data, recipe=Recipe(resynthesised=1))
    with pytest.raises(DatasetError, match="sets with only fakes and sets with only reals"):
        batches(data, recipe=Recipe(generated=1))


# Masks


def difference(item: tuple) -> NDArray[np.float32]:
    """How much the fake of each pair differs from its real, per cell of the grid ``(pairs, 8, 8)`` in grey levels."""
    gaps = np.abs(item[0][::2] - item[0][1::2]).mean(axis=3)
    return gaps.reshape(len(gaps), 8, SIDE // 8, 8, SIDE // 8).mean(axis=(2, 4))


def test_twin_mask_covers_the_cells_where_the_twins_differ(
    data: tuple[Path, list[Example]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After cropping, jitter and flips, cells inside the mask differ, and cells outside it do not."""
    monkeypatch.setattr(module, "EDITED_REAL", 0)
    made = batches(data, ("a", "changed"), TWINS_ONLY)
    sides = []
    for step in range(5):
        item = made[step]
        masks = item[1]["attention"][::2, ..., 0]
        for mask, gaps in zip(masks, difference(item), strict=True):
            inside, outside = gaps[mask > 0.95], gaps[mask == 0]
            assert len(inside) and len(outside)
            assert inside.mean() > 20 and inside.mean() > 5 * outside.mean()
            sides.append(float(mask[:, :4].sum() > mask[:, 4:].sum()))
    assert 0 < np.mean(sides) < 1, "some pictures must be flipped"


@pytest.mark.slow
def test_self_blended_mask_covers_the_cells_where_the_pair_differs(
    data: tuple[Path, list[Example]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In each pair, whether the face or the background was changed."""
    monkeypatch.setattr(module, "degrade", lambda pixels, seed: pixels)
    monkeypatch.setattr(module, "EDITED_REAL", 0)
    made = batches(data, recipe=Recipe(twins=0, singles=0, self_blended=10))
    for step in range(5):
        item = made[step]
        for mask, gaps in zip(item[1]["attention"][::2, ..., 0], difference(item), strict=True):
            assert np.average(gaps, weights=mask) > np.average(gaps, weights=1 - mask + 1e-9)


def test_mask_loss_has_weight_only_for_known_masks(data: tuple[Path, list[Example]]) -> None:
    _, targets, weights = batches(data, ("a", "changed"), TWINS_ONLY)[0]
    assert (weights["attention"][::2] == 1).all() and not weights["attention"][1::2].any()
    assert not targets["attention"][1::2].any()

    assert not batches(data, ("b", "same"), TWINS_ONLY)[0][2]["attention"].any(), "a twin without a mask has no weight"

    made = batches(data, ("c", "d"), Recipe(twins=0, singles=3, self_blended=0))
    assert not made[0][2]["attention"].any(), "singles without regions have no weight"

    blended = batches(data, ("c",), Recipe(twins=0, singles=0, self_blended=3))[0][2]["attention"]
    assert (blended[::2] == 1).all() and not blended[1::2].any()


def test_named_regions_become_a_mask(data: tuple[Path, list[Example]]) -> None:
    """The mouth of ``e`` is in the lower middle of its face."""
    item = batches(data, ("c", "e"), Recipe(twins=0, singles=6, self_blended=0, mixed=0))[0]
    _, targets, weights = item
    fakes = labels_of(item) == FAKE
    assert fakes.sum() == 6 and (weights["attention"][fakes] == 1).all() and not weights["attention"][~fakes].any()
    for mask in targets["attention"][fakes, ..., 0]:
        rows, columns = np.nonzero(mask > 0.5)
        assert 3.5 < rows.mean() < 7 and 2 < columns.mean() < 5
        assert not mask[:3].any()


# The teacher


@pytest.mark.slow
def test_labels_are_mixed_with_the_probabilities_of_the_teacher(data: tuple[Path, list[Example]]) -> None:
    root, examples = data
    judged = []

    def teacher(crops: Pixels) -> NDArray[np.float64]:
        judged.append(crops)
        fake = crops.mean((1, 2, 3)) / 255
        return np.stack([fake if label == "Fake" else 1 - fake for label in LABELS], axis=1)

    with_teacher = Batches(root, examples, PREPROCESSING, GRID, 5, 0, PLAIN, teacher=teacher, teacher_share=0.75)[1]
    without_teacher = batches(data, recipe=PLAIN)[1]
    (crops,) = judged
    twins = 2 * PLAIN.twins
    assert crops.dtype == np.uint8 and len(crops) == len(without_teacher[0]) - twins
    np.testing.assert_array_equal(with_teacher[0], without_teacher[0])
    np.testing.assert_array_equal(with_teacher[1]["attention"], without_teacher[1]["attention"])
    np.testing.assert_array_equal(with_teacher[1]["probabilities"][:twins], without_teacher[1]["probabilities"][:twins])
    expected = 0.25 * without_teacher[1]["probabilities"][twins:] + 0.75 * teacher(crops)
    np.testing.assert_allclose(with_teacher[1]["probabilities"][twins:], expected, atol=1e-6)
