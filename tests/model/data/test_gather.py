"""Tests of reading a data folder for training, with whole pictures or with faces."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import cv2
import pytest

from model.data.dataset import gather
from model.errors import DatasetError
from tests.model.data.folders import BLANK, MakeData, Pixels, by_path, truncated


@pytest.fixture
def unsplit(make_data: MakeData, picture: Callable[..., Pixels]) -> tuple[Path, Path]:
    """Ten pictures of each class without splits, and a cache with their faces."""
    names = [f"{label}/{number}.png" for label in ("Real", "Fake") for number in range(10)]
    return make_data({name: picture(seed) for seed, name in enumerate(names)})


@pytest.mark.usefixtures("no_face_search")
def test_gather_reads_whole_pictures_or_faces(unsplit: tuple[Path, Path]) -> None:
    root, cache = unsplit
    whole, faces = gather(root, None, seed=3), gather(root, cache, seed=3)
    assert all(example.box is None for example in whole)
    assert all(example.box is not None for example in faces)
    assert [example.split for example in whole] == [example.split for example in faces]
    assert Counter((e.split, e.label) for e in whole) == {
        **{("train", "Real"): 8, ("val", "Real"): 1, ("test", "Real"): 1},
        **{("train", "Fake"): 8, ("val", "Fake"): 1, ("test", "Fake"): 1},
    }


def test_gather_leaves_out_truncated_pictures(unsplit: tuple[Path, Path], caplog: pytest.LogCaptureFixture) -> None:
    root, _ = unsplit
    assert cv2.imwrite(str(root / "Real" / "cut.jpg"), BLANK)
    truncated(root / "Real" / "cut.jpg")
    assert len(gather(root, None, seed=0)) == 20
    assert [record.getMessage() for record in caplog.records] == [
        "1 of 21 pictures can't be read and are left out: Real/cut.jpg"
    ]


def test_gather_reads_only_the_given_sets(make_data: MakeData) -> None:
    root, _ = make_data(dict.fromkeys(("a/test/real/1.png", "b/test/real/1.png", "c/test/fake/1.png"), BLANK))
    assert [example.dataset for example in gather(root, None, seed=0, sets=["a", "c"])] == ["a", "c"]
    with pytest.raises(DatasetError, match="has no data set d, only a, b, c"):
        gather(root, None, seed=0, sets=["a", "d"])


def test_gather_keeps_given_groups_together(unsplit: tuple[Path, Path]) -> None:
    root, _ = unsplit
    examples = gather(root, None, seed=0, group_of=lambda example: Path(example.path).stem)
    found = by_path(examples)
    assert all(found[f"Real/{number}.png"].split == found[f"Fake/{number}.png"].split for number in range(10))


def test_gather_removes_leaks_of_given_splits(
    make_data: MakeData, picture: Callable[..., Pixels], caplog: pytest.LogCaptureFixture
) -> None:
    seeds = {
        "train/real/a.png": 0,
        "train/fake/b.png": 1,
        "test/real/c.png": 2,
        "test/fake/d.png": 1,
        "val/real/e.png": 3,
    }
    root, _ = make_data({name: picture(seed) for name, seed in seeds.items()})
    kept = gather(root, None, seed=0, remove_leaks=True)
    assert {example.path for example in kept} == set(seeds) - {"train/fake/b.png"}
    assert "1 of 5 pictures left out: they show again" in caplog.text
