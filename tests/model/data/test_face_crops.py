"""Tests of reading pictures, masks and face crops from a data folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from model.data import dataset, layout
from model.data.dataset import choose, face_crop, face_crops
from model.data.reading import read_mask, read_rgb
from model.errors import DatasetError
from model.photos.faces import CROP_MARGIN, CROP_SIZE, crop, square_around
from tests.model.data.folders import BLANK, MakeData, Pixels, by_path

# read_rgb and read_mask


def test_pictures_are_read_as_rgb(tmp_path: Path) -> None:
    red = np.zeros((8, 8, 3), np.uint8)
    red[..., 0] = 200
    assert cv2.imwrite(str(tmp_path / "red.png"), red[..., ::-1])
    np.testing.assert_array_equal(read_rgb(tmp_path / "red.png"), red)


def test_masks_are_read_as_one_channel(tmp_path: Path) -> None:
    mask = np.zeros((8, 6), np.uint8)
    mask[2:4, 1:3] = 255
    assert cv2.imwrite(str(tmp_path / "mask.png"), mask)
    np.testing.assert_array_equal(read_mask(tmp_path / "mask.png"), mask)


@pytest.mark.parametrize("reader", [read_rgb, read_mask])
def test_file_that_is_not_a_picture_is_refused_by_name(tmp_path: Path, reader: Callable[[Path], Pixels]) -> None:
    (tmp_path / "text.png").write_text("no picture")
    for name in ("text.png", "missing.png"):
        with pytest.raises(DatasetError, match=f"{name} is not a picture that can be read"):
            reader(tmp_path / name)


# face_crop and face_crops


@pytest.mark.parametrize("margin", [CROP_MARGIN, 1.4])
def test_face_crop_is_cut_around_the_box(make_data: MakeData, picture: Callable[..., Pixels], margin: float) -> None:
    root, cache = make_data({"one/real/a.png": picture(0)})
    (example,) = choose(root, cache)
    expected = crop(picture(0), square_around(example.box, margin))
    np.testing.assert_array_equal(face_crop(root, example, margin), expected)


def test_face_crop_needs_a_face(make_data: MakeData) -> None:
    root, cache = make_data({"one/real/a.png": BLANK}, without_face=["one/real/a.png"])
    with pytest.raises(DatasetError, match=r"No face was found in one/real/a\.png"):
        face_crop(root, choose(root, cache)[0])


def test_face_crops_are_gathered_by_set_for_one_split(make_data: MakeData, picture: Callable[..., Pixels]) -> None:
    names = [
        *("b/val/fake/1.png", "b/val/real/2.png", "b/val/real/3.png"),
        *("a/val/real/4.png", "a/train/real/5.png", "c/val/fake/6.png"),
    ]
    root, cache = make_data(
        {name: picture(seed) for seed, name in enumerate(names)}, without_face=["b/val/real/3.png", "c/val/fake/6.png"]
    )
    examples = choose(root, cache)
    sets = face_crops(root, examples, "val")
    assert list(sets) == ["a", "b"], "sorted, without sets that have no face in any picture"
    crops, is_fake = sets["b"]
    assert crops.shape == (2, CROP_SIZE, CROP_SIZE, 3) and crops.dtype == np.uint8
    assert is_fake.tolist() == [True, False] and is_fake.dtype == bool
    np.testing.assert_array_equal(crops[1], face_crop(root, by_path(examples)["b/val/real/2.png"]))
    assert sets["a"][1].tolist() == [False]
    assert face_crops(root, examples, "test") == {}


def test_faces_are_searched_only_in_wanted_pictures(
    make_data: Callable[..., tuple[Path, Path]], picture: Callable[..., Pixels], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"a/{split}/{label}/x.png" for split in ("train", "val", "test") for label in ("real", "fake")]
    names += ["b/real/y.png", "b/fake/z.png"]
    root, cache = make_data({name: picture(seed) for seed, name in enumerate(names)})
    searched: list[str] = []
    find = dataset._load_or_find_faces

    def note(root: Path, names: list[str], *rest: Any) -> dict[str, list]:
        searched.extend(names)
        return find(root, names, *rest)

    monkeypatch.setattr(dataset, "_load_or_find_faces", note)
    dataset.choose(root, cache, wanted=lambda example: example.split == "val")
    assert sorted(searched) == ["a/val/fake/x.png", "a/val/real/x.png", "b/fake/z.png", "b/real/y.png"]
    assert dataset.choose(root, cache, sets=["a"], wanted=lambda example: False) == []


def test_training_fake_gets_the_face_of_its_twin(
    make_data: Callable[..., tuple[Path, Path]], picture: Callable[..., Pixels]
) -> None:
    names = ["a/train/real/x.png", "a/train/fake/y.png", "a/val/fake/z.png"]
    root, cache = make_data({name: picture(seed) for seed, name in enumerate(names)})
    listed = [replace(e, twin=names[0]) if e.path == names[1] else e for e in layout.pictures(root)]
    known = json.loads(cache.read_text())
    known[str(root.resolve())].pop(names[1])
    cache.write_text(json.dumps(known))
    found = {example.path: example for example in dataset.with_faces_for_training(root, listed, cache)}
    assert set(found) == set(names)
    assert found[names[1]].box == found[names[0]].box and found[names[1]].landmarks == found[names[0]].landmarks
    assert names[1] not in json.loads(cache.read_text())[str(root.resolve())], "its face was never searched"


def test_unreadable_training_fakes_are_left_out_and_named(
    make_data: MakeData, picture: Callable[..., Pixels], caplog: pytest.LogCaptureFixture
) -> None:
    names = ["a/train/real/x.png", "a/train/fake/y.png", "a/train/fake/z.png"]
    root, cache = make_data({name: picture(seed) for seed, name in enumerate(names)})
    listed = [replace(e, twin=names[0]) if e.label == "Fake" else e for e in layout.pictures(root)]
    (root / names[1]).write_bytes((root / names[1]).read_bytes()[:100])
    found = dataset.with_faces_for_training(root, listed, cache)
    assert [example.path for example in found] == [names[0], names[2]]
    assert names[1] in caplog.text


def test_folder_without_training_pictures_is_refused(make_data: MakeData, picture: Callable[..., Pixels]) -> None:
    root, cache = make_data({"a/test/real/x.png": picture(0), "a/real/y.png": picture(1)})
    with pytest.raises(DatasetError, match="holds no pictures in folders named train or val"):
        dataset.find_faces_to_train(root, None, None, cache)
