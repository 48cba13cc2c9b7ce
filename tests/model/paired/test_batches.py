"""Tests of training batches: what stands in them, and that masks lie where the pictures were changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from model.artifact.preprocessing import LABELS, Preprocessing
from model.data.dataset import index
from model.data.layout import Example
from model.errors import DatasetError
from model.paired import batches as module
from model.paired.batches import Batches
from model.paired.recipe import Recipe
from model.twins.twins import Twin

SIDE, GRID = 32, (8, 8)
PREPROCESSING = Preprocessing(SIDE)
FAKE, REAL = LABELS.index("Fake"), LABELS.index("Real")
Pixels = NDArray[np.uint8]
MakeData = Callable[..., tuple[Path, Path]]
TWINS_ONLY = Recipe(twins=3, singles=0, self_blended=0)
PLAIN = Recipe(mixed=0)


@pytest.fixture
def data(make_data: MakeData, picture: Callable[..., Pixels]) -> tuple[Path, list[Example]]:
    """A set with twins: one with a mask, one identical to its original, one without a mask; and a set of singles.

    In ``twins/fake/changed.png`` the left third of the face is white.
    """
    changed, mask = picture(0), np.zeros((64, 64), np.uint8)
    changed[16:48, 14:28], mask[16:48, 14:28] = 255, 255
    pictures = {
        "twins/train/real/a.png": picture(0),
        "twins/train/fake/changed.png": changed,
        "twins/train/real/b.png": picture(1),
        "twins/train/fake/same.png": picture(1),
        "twins/train/real/lonely.png": picture(2),
        "singles/train/real/c.png": picture(3),
        "singles/train/fake/d.png": picture(4),
        "singles/train/fake/e.png": picture(5),
        "singles/train/real/faceless.png": picture(6),
    }
    root, cache = make_data(pictures, without_face=["singles/train/real/faceless.png"])
    (root / "twins/train/mask").mkdir()
    assert cv2.imwrite(str(root / "twins/train/mask/changed.png"), mask)
    examples = [replace(example, split="train") for example in index(root, cache)]
    links = {
        "twins/train/fake/changed.png": {"twin": "twins/train/real/a.png", "mask": "twins/train/mask/changed.png"},
        "twins/train/fake/same.png": {"twin": "twins/train/real/b.png"},
        "singles/train/fake/e.png": {"regions": ("mouth",)},
    }
    return root, [replace(example, **links.get(example.path, {})) for example in examples]


def only(examples: list[Example], *names: str) -> list[Example]:
    """The examples whose file name, without its ending, is one of ``names``."""
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


def assert_equal(one: tuple, other: tuple) -> None:
    np.testing.assert_array_equal(one[0], other[0])
    for part in (1, 2):
        assert set(one[part]) == set(other[part])
        for name in one[part]:
            np.testing.assert_array_equal(one[part][name], other[part][name])


# What a batch holds


def test_arrays_have_the_shapes_that_fit_asks_for(data: tuple[Path, list[Example]]) -> None:
    recipe = Recipe(twins=2, singles=3, self_blended=1)
    pixels, targets, weights = batches(data, recipe=recipe)[0]
    count = 2 * 2 + 2 * 3 + 2 * 1
    assert pixels.shape == (count, SIDE, SIDE, 3) and pixels.dtype == np.float32
    assert targets["probabilities"].shape == (count, 2) and targets["attention"].shape == (count, *GRID, 1)
    assert weights["probabilities"].tolist() == [1] * count and weights["attention"].shape == (count, *GRID)
    masks = targets["attention"]
    assert masks.min() >= 0 and masks.max() <= 1 + 1e-5


def test_half_of_a_batch_is_fake(data: tuple[Path, list[Example]]) -> None:
    for step in range(5):
        assert labels_of(batches(data, recipe=PLAIN)[step]).mean() == 0.5


def test_each_fake_stands_before_its_real_twin(data: tuple[Path, list[Example]]) -> None:
    labels = labels_of(batches(data, recipe=Recipe(twins=4, singles=0, self_blended=3))[0])
    assert labels.tolist() == [FAKE, REAL] * 7


def test_twins_that_are_the_same_picture_stay_the_same(
    data: tuple[Path, list[Example]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut, flip and degradations are drawn once for both, so only the forgery can tell them apart."""
    monkeypatch.setattr(module, "EDITED_REAL", 0)
    made = batches(data, ("b", "same"), TWINS_ONLY)
    for step in range(5):
        pixels = made[step][0]
        np.testing.assert_array_equal(pixels[::2], pixels[1::2])


def test_pairs_of_a_batch_are_cut_and_degraded_each_in_its_own_way(data: tuple[Path, list[Example]]) -> None:
    pixels = batches(data, ("b", "same"), Recipe(twins=8, singles=0, self_blended=0))[0][0][::2]
    assert len({row.tobytes() for row in pixels}) == 8


def test_every_data_set_without_twins_gives_singles_of_both_classes(data: tuple[Path, list[Example]]) -> None:
    made = batches(data, recipe=Recipe(twins=0, singles=4, self_blended=0, mixed=0))
    assert sorted(labels_of(made[0]).tolist()) == [0] * 4 + [1] * 4


def test_set_with_twins_gives_no_singles(data: tuple[Path, list[Example]]) -> None:
    """``lonely`` has no fake beside it: alone it would teach which set a picture comes from, not what is forged."""
    made = batches(data, ("a", "changed", "lonely"), Recipe(twins=2, singles=5, self_blended=0))
    assert len(made[0][0]) == 4


def test_pictures_without_a_face_are_never_used(data: tuple[Path, list[Example]], tmp_path: Path) -> None:
    root, examples = data
    faceless = next(example.path for example in examples if example.box is None)
    (root / faceless).unlink()
    made = batches(data, recipe=Recipe(twins=0, singles=20, self_blended=20))
    for step in range(3):
        assert len(made[step][0]) == 80


def test_fake_whose_twin_has_no_face_is_left_out(data: tuple[Path, list[Example]]) -> None:
    root, examples = data
    blind = [replace(e, box=None) if e.path.endswith("real/a.png") else e for e in only(examples, "a", "changed")]
    made = Batches(root, [*blind, *only(examples, "b", "same")], PREPROCESSING, GRID, 5, 0, TWINS_ONLY)
    for step in range(5):
        assert not made[step][2]["attention"].any(), "the one fake with a mask must not come"


def test_mixed_singles_carry_the_share_of_fake_that_they_show(
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
    assert ((p_fake > 0.02) & (p_fake < 0.98)).any(), "some mixtures must be real ones"
    assert not weights["attention"].any(), "a mixture has no mask"


# Sets of one class, and twins made elsewhere


@pytest.fixture
def one_class(
    make_data: MakeData, picture: Callable[..., Pixels], tmp_path: Path
) -> tuple[Path, list[Example], Path, dict[str, list[Twin]]]:
    """Three real pictures of two sets, two generated ones, and a resynthesised twin of one real: white all over."""
    names = ["reals/train/real/a.png", "reals/train/real/b.png", "more/train/real/c.png"]
    names += ["fakes/train/fake/d.png", "fakes/train/fake/e.png"]
    root, cache = make_data({name: picture(seed) for seed, name in enumerate(names)})
    folder = tmp_path / "twins"
    folder.mkdir()
    assert cv2.imwrite(str(folder / "a.png"), np.full((64, 64, 3), 255, np.uint8))
    return root, index(root, cache), folder, {names[0]: [Twin(names[0], "a.png", "test", 32)]}


def test_generated_fakes_stand_beside_reals_of_other_sets(one_class: tuple) -> None:
    root, examples, _, _ = one_class
    recipe = Recipe(0, 4, 0, generated=3)
    made = Batches(root, examples, PREPROCESSING, GRID, 5, 0, recipe)
    assert labels_of(made[0]).tolist() == [FAKE, REAL] * 3, "and sets of one class give no singles"
    assert not made[0][2]["attention"].any()


def test_resynthesised_twins_show_white_inside_their_mask(one_class: tuple, monkeypatch: pytest.MonkeyPatch) -> None:
    root, examples, folder, twins = one_class
    monkeypatch.setattr(module, "degrade", lambda pixels, seed: pixels)
    monkeypatch.setattr(module, "process", lambda pixels, landmarks, seed: pixels)
    made = Batches(root, examples, PREPROCESSING, GRID, 5, 0, Recipe(0, 0, 0, resynthesised=20), twins, folder)
    pixels, targets, weights = made[0]
    assert labels_of(made[0]).tolist() == [FAKE, REAL] * 20
    known = weights["attention"][::2].any(axis=(1, 2))
    assert 4 < known.sum() < 18, "some crops are resynthesised whole, and have no mask"
    fakes = pixels[::2]
    assert (fakes[~known] > 250).all()
    gaps, masks = difference(made[0])[known], targets["attention"][::2, ..., 0][known]
    assert np.average(gaps, weights=masks + 1e-9) > 2 * np.average(gaps, weights=1 - masks + 1e-9)


def test_honest_edits_come_to_both_of_a_pair_or_to_the_real_one(
    one_class: tuple, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, examples, _, _ = one_class
    edited: list[int] = []
    monkeypatch.setattr(module, "process", lambda pixels, landmarks, seed: edited.append(seed) or pixels)
    Batches(root, examples, PREPROCESSING, GRID, 5, 0, Recipe(0, 0, 100))[0]
    pairs = {seed: edited.count(seed) for seed in edited}
    assert 8 < sum(count == 2 for count in pairs.values()) < 35
    assert 2 < sum(count == 1 for count in pairs.values()) < 22


def test_kinds_that_are_not_there_are_refused(data: tuple[Path, list[Example]]) -> None:
    with pytest.raises(DatasetError, match="no training picture has one"):
        batches(data, recipe=Recipe(resynthesised=1))
    with pytest.raises(DatasetError, match="sets with only fakes and sets with only reals"):
        batches(data, recipe=Recipe(generated=1))


# Masks


def difference(item: tuple) -> NDArray[np.float32]:
    """How much the fake of each pair differs from its real, per cell of the grid ``(pairs, 8, 8)`` in grey levels."""
    gaps = np.abs(item[0][::2] - item[0][1::2]).mean(axis=3)
    return gaps.reshape(len(gaps), 8, SIDE // 8, 8, SIDE // 8).mean(axis=(2, 4))


def test_twin_mask_lies_where_the_twins_differ(
    data: tuple[Path, list[Example]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through cutting, jitter and flips: every cell called changed differs, every cell called untouched does not."""
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
    assert 0 < np.mean(sides) < 1, "pictures must be flipped, some of them"


def test_self_blended_mask_lies_where_the_pair_differs(
    data: tuple[Path, list[Example]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In each pair, whether the face was changed or what surrounds it."""
    monkeypatch.setattr(module, "degrade", lambda pixels, seed: pixels)
    monkeypatch.setattr(module, "EDITED_REAL", 0)
    made = batches(data, recipe=Recipe(twins=0, singles=0, self_blended=10))
    for step in range(5):
        item = made[step]
        for mask, gaps in zip(item[1]["attention"][::2, ..., 0], difference(item), strict=True):
            assert np.average(gaps, weights=mask) > np.average(gaps, weights=1 - mask + 1e-9)


def test_masks_weigh_only_where_they_are_known(data: tuple[Path, list[Example]]) -> None:
    _, targets, weights = batches(data, ("a", "changed"), TWINS_ONLY)[0]
    assert (weights["attention"][::2] == 1).all() and not weights["attention"][1::2].any()
    assert not targets["attention"][1::2].any()

    assert not batches(data, ("b", "same"), TWINS_ONLY)[0][2]["attention"].any(), "a twin without a mask"

    made = batches(data, ("c", "d"), Recipe(twins=0, singles=3, self_blended=0))
    assert not made[0][2]["attention"].any(), "singles without regions"

    blended = batches(data, ("c",), Recipe(twins=0, singles=0, self_blended=3))[0][2]["attention"]
    assert (blended[::2] == 1).all() and not blended[1::2].any()


def test_named_regions_become_a_mask_over_them(data: tuple[Path, list[Example]]) -> None:
    """The mouth of ``e`` lies in the lower middle of its face."""
    item = batches(data, ("c", "e"), Recipe(twins=0, singles=6, self_blended=0, mixed=0))[0]
    _, targets, weights = item
    fakes = labels_of(item) == FAKE
    assert fakes.sum() == 6 and (weights["attention"][fakes] == 1).all() and not weights["attention"][~fakes].any()
    for mask in targets["attention"][fakes, ..., 0]:
        rows, columns = np.nonzero(mask > 0.5)
        assert 3.5 < rows.mean() < 7 and 2 < columns.mean() < 5
        assert not mask[:3].any()


# Chance


def test_same_seed_gives_the_same_batch(data: tuple[Path, list[Example]]) -> None:
    for step in range(3):
        assert_equal(batches(data, seed=7)[step], batches(data, seed=7)[step])


def test_steps_seeds_and_epochs_differ(data: tuple[Path, list[Example]]) -> None:
    made = batches(data)
    first = made[0]
    others = [made[1], batches(data, seed=1)[0]]
    made.on_epoch_end()
    others.append(made[0])
    contents = {item[0].tobytes() for item in [first, *others]}
    assert len(contents) == 4


def test_length_is_the_steps_of_an_epoch(data: tuple[Path, list[Example]]) -> None:
    assert len(batches(data)) == 5


# The teacher


def test_teacher_shares_in_what_is_learnt(data: tuple[Path, list[Example]]) -> None:
    root, examples = data
    asked = []

    def teacher(crops: Pixels) -> NDArray[np.float64]:
        asked.append(crops)
        fake = crops.mean((1, 2, 3)) / 255
        return np.stack([fake if label == "Fake" else 1 - fake for label in LABELS], axis=1)

    taught = Batches(root, examples, PREPROCESSING, GRID, 5, 0, PLAIN, teacher=teacher, teacher_share=0.75)[1]
    alone = batches(data, recipe=PLAIN)[1]
    (crops,) = asked
    twins = 2 * PLAIN.twins
    assert crops.dtype == np.uint8 and len(crops) == len(alone[0]) - twins
    np.testing.assert_array_equal(taught[0], alone[0])
    np.testing.assert_array_equal(taught[1]["attention"], alone[1]["attention"])
    np.testing.assert_array_equal(taught[1]["probabilities"][:twins], alone[1]["probabilities"][:twins])
    expected = 0.25 * alone[1]["probabilities"][twins:] + 0.75 * teacher(crops)
    np.testing.assert_allclose(taught[1]["probabilities"][twins:], expected, atol=1e-6)
