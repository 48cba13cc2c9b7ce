"""Tests of training batches: their content, and that it depends only on the seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from model.data.layout import Example
from model.paired import batches as module
from model.paired.batches import Batches
from model.paired.recipe import Recipe
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
    only,
)

Pixels = NDArray[np.uint8]
MakeData = Callable[..., tuple[Path, Path]]
SMALL = Recipe(twins=2, singles=3, self_blended=2)  # every kind of picture


def assert_equal(first: tuple, second: tuple) -> None:
    np.testing.assert_array_equal(first[0], second[0])
    for part in (1, 2):
        assert set(first[part]) == set(second[part])
        for name in first[part]:
            np.testing.assert_array_equal(first[part][name], second[part][name])


# Content of a batch


def test_arrays_have_the_shapes_that_keras_fit_needs(data: tuple[Path, list[Example]]) -> None:
    recipe = Recipe(twins=2, singles=3, self_blended=1)
    pixels, targets, weights = batches(data, recipe=recipe)[0]
    count = 2 * 2 + 2 * 3 + 2 * 1
    assert pixels.shape == (count, SIDE, SIDE, 3) and pixels.dtype == np.float32
    assert targets["probabilities"].shape == (count, 2) and targets["attention"].shape == (count, *GRID, 1)
    assert weights["probabilities"].tolist() == [1] * count and weights["attention"].shape == (count, *GRID)
    masks = targets["attention"]
    assert masks.min() >= 0 and masks.max() <= 1 + 1e-5


@pytest.mark.slow
def test_half_of_a_batch_is_fake(data: tuple[Path, list[Example]]) -> None:
    made = batches(data, recipe=PLAIN)
    for step in range(2):
        assert labels_of(made[step]).mean() == 0.5


def test_each_fake_comes_before_its_real_twin(data: tuple[Path, list[Example]]) -> None:
    labels = labels_of(batches(data, recipe=Recipe(twins=4, singles=0, self_blended=3))[0])
    assert labels.tolist() == [FAKE, REAL] * 7


def test_equal_twins_stay_equal(data: tuple[Path, list[Example]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Crop, flip and degradations are drawn once for both twins, so only the forgery differs."""
    monkeypatch.setattr(module, "EDITED_REAL", 0)
    made = batches(data, ("b", "same"), TWINS_ONLY)
    for step in range(5):
        pixels = made[step][0]
        np.testing.assert_array_equal(pixels[::2], pixels[1::2])


def test_each_pair_of_a_batch_is_cropped_and_degraded_differently(data: tuple[Path, list[Example]]) -> None:
    pixels = batches(data, ("b", "same"), Recipe(twins=8, singles=0, self_blended=0))[0][0][::2]
    assert len({row.tobytes() for row in pixels}) == 8


def test_every_data_set_without_twins_gives_singles_of_both_classes(data: tuple[Path, list[Example]]) -> None:
    made = batches(data, recipe=Recipe(twins=0, singles=4, self_blended=0, mixed=0))
    assert sorted(labels_of(made[0]).tolist()) == [0] * 4 + [1] * 4


def test_set_with_twins_gives_no_singles(data: tuple[Path, list[Example]]) -> None:
    """``lonely`` has no fake twin: as a single it would teach the set of a picture, not the forgery."""
    made = batches(data, ("a", "changed", "lonely"), Recipe(twins=2, singles=5, self_blended=0))
    assert len(made[0][0]) == 4


@pytest.mark.slow
def test_pictures_without_a_face_are_never_used(data: tuple[Path, list[Example]], tmp_path: Path) -> None:
    root, examples = data
    faceless = next(example.path for example in examples if example.box is None)
    (root / faceless).unlink()
    made = batches(data, recipe=Recipe(twins=0, singles=20, self_blended=20))
    assert len(made[0][0]) == 80


def test_fake_is_left_out_if_its_twin_has_no_face(data: tuple[Path, list[Example]]) -> None:
    root, examples = data
    without_box = [replace(e, box=None) if e.path.endswith("real/a.png") else e for e in only(examples, "a", "changed")]
    made = Batches(root, [*without_box, *only(examples, "b", "same")], PREPROCESSING, GRID, 5, 0, TWINS_ONLY)
    for step in range(5):
        assert not made[step][2]["attention"].any(), "the only fake with a mask must not be used"


def test_label_of_mixed_singles_is_their_share_of_fake(
    data: tuple[Path, list[Example]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One real picture is black, one fake is white: a mixture's brightness is its label."""
    root, examples = data
    monkeypatch.setattr(module, "degrade", lambda pixels, seed: pixels)
    for stem, level in (("c", 0), ("d", 255)):
        (example,) = only(examples, stem)
        assert cv2.imwrite(str(root / example.path), np.full((64, 64, 3), level, np.uint8))
    pixels, targets, weights = batches(data, ("c", "d"), Recipe(0, 8, 0, mixed=1))[0]
    p_fake = targets["probabilities"][:, FAKE]
    np.testing.assert_allclose(pixels.mean(axis=(1, 2, 3)) / 255, p_fake, atol=0.01)
    np.testing.assert_allclose(targets["probabilities"].sum(axis=1), 1, atol=1e-6)
    assert ((p_fake > 0.02) & (p_fake < 0.98)).any(), "some pictures must be mixtures of both classes"
    assert not weights["attention"].any(), "a mixture has no mask"


# Chance


@pytest.mark.slow
def test_same_seed_gives_the_same_batch(data: tuple[Path, list[Example]]) -> None:
    for step in range(2):
        assert_equal(*(batches(data, recipe=SMALL, seed=7)[step] for _ in range(2)))


@pytest.mark.slow
def test_batches_differ_between_steps_seeds_and_epochs(data: tuple[Path, list[Example]]) -> None:
    made = batches(data, recipe=SMALL)
    first = made[0]
    others = [made[1], batches(data, recipe=SMALL, seed=1)[0]]
    made.on_epoch_end()
    others.append(made[0])
    contents = {item[0].tobytes() for item in [first, *others]}
    assert len(contents) == 4


def test_length_is_the_number_of_steps_per_epoch(data: tuple[Path, list[Example]]) -> None:
    assert len(batches(data)) == 5
