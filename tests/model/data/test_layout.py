"""Tests of how the sets, splits and labels of a data folder are read from its folders and tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from model.data.dataset import choose
from model.data.layout import pictures
from model.errors import DatasetError
from tests.model.data.folders import BLANK, MakeData, Pixels, by_path

# index: folders


@pytest.mark.usefixtures("no_face_search")
def test_folders_name_set_split_and_label(make_data: MakeData) -> None:
    names = {
        "one/train/real/a.jpg": ("one", "train", "Real"),
        "one/val/fake/b.png": ("one", "val", "Fake"),
        "one/test/fake_extra/c.jpeg": ("one", "test", "Fake"),
        "two/deep/down/train/REAL/d.JPG": ("two", "train", "Real"),
        "two/Fake/e.PnG": ("two", "test", "Fake"),
    }
    examples = choose(*make_data(dict.fromkeys(names, BLANK)))
    assert {e.path: (e.dataset, e.split, e.label) for e in examples} == names
    assert [example.path for example in examples] == sorted(names)


@pytest.mark.usefixtures("no_face_search")
def test_other_files_and_folders_are_left_out(make_data: MakeData) -> None:
    root, cache = make_data({"one/real/a.jpg": BLANK, "one/mask/a.png": BLANK, "loose.jpg": BLANK})
    (root / "one" / "real" / "notes.txt").write_text("no picture")
    assert [example.path for example in choose(root, cache)] == ["one/real/a.jpg"]


@pytest.mark.usefixtures("no_face_search")
def test_pairs_name_twin_and_mask(make_data: MakeData) -> None:
    names = ("set/train/real/a.png", "set/train/fake/b.png", "set/train/fake/c.png")
    root, cache = make_data(dict.fromkeys(names, BLANK))
    (root / "set" / "train" / "pairs.csv").write_text("fake,real,mask\nfake/b.png,real/a.png,mask/b.png\n")
    found = by_path(choose(root, cache))
    assert (found[names[1]].twin, found[names[1]].mask) == (names[0], "set/train/mask/b.png")
    assert (found[names[0]].twin, found[names[0]].mask) == (None, None)
    assert (found[names[2]].twin, found[names[2]].mask) == (None, None)


@pytest.mark.usefixtures("no_face_search")
def test_regions_belong_to_the_fakes_of_their_own_set(make_data: MakeData) -> None:
    names = ("one/train/fake/a.jpg", "one/train/real/a.jpg", "two/train/fake/a.jpg", "one/val/fake/b.jpg")
    root, cache = make_data(dict.fromkeys(names, BLANK))
    header = "file,eye_viewer_left,eye_viewer_right,nose,mouth\n"
    (root / "one" / "regions.csv").write_text(header + "a.jpg,0,1,0,1\nb.jpg,1,0,1,0\n")
    found = by_path(choose(root, cache))
    assert found[names[0]].regions == ("right_eye", "mouth")
    assert found[names[3]].regions == ("left_eye", "nose")
    assert found[names[1]].regions == () and found[names[2]].regions == ()


@pytest.mark.parametrize("files", [{}, {"one/pictures/a.jpg": BLANK}])
def test_folder_without_labelled_pictures_is_refused(make_data: MakeData, files: dict[str, Pixels]) -> None:
    root, cache = make_data(files)
    with pytest.raises(DatasetError, match="holds no pictures in folders named real or fake"):
        choose(root, cache)


def test_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="nowhere does not exist, so it holds no pictures"):
        choose(tmp_path / "nowhere", tmp_path / "faces.json")


def test_file_instead_of_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data.zip").write_bytes(b"PK")
    with pytest.raises(DatasetError, match=r"data\.zip is a file, not a folder"):
        pictures(tmp_path / "data.zip")


# pictures


@pytest.mark.parametrize(
    ("names", "dataset_name"),
    [
        ({"Real/a.jpg": "", "FAKE/b.jpg": "", "fake/deeper/c.png": ""}, "data"),
        ({"Train/Real/a.jpg": "train", "valid/Fake/b.jpg": "val", "Test/real/c.jpg": "test"}, "data"),
        ({"validation/real/a.jpg": "val", "training/fake/b.jpg": "train", "testing/fake/b.jpg": "test"}, "data"),
        ({"set/train/real/a.jpg": "train", "set/val/fake/b.jpg": "val"}, "set"),
        ({"set/real/a.jpg": "test", "set/real/b.jpg": "test"}, "set"),
        ({"set/real/a.jpg": "", "set/fake/b.jpg": ""}, "set"),
        ({"real/a.jpg": "test"}, "data"),
    ],
    ids=["classes", "splits", "other names", "set with splits", "one class", "set without splits", "one class alone"],
)
def test_layouts(make_data: MakeData, names: dict[str, str], dataset_name: str) -> None:
    root, _ = make_data(dict.fromkeys(names, BLANK))
    found = pictures(root)
    assert {example.path: example.split for example in found} == names
    assert {example.dataset for example in found} == {dataset_name}
    for example in found:
        assert example.label == ("Real" if "real" in example.path.lower() else "Fake")
        assert example.box is None and example.landmarks == ()


def test_masks_hidden_files_and_unrelated_tables_are_ignored(make_data: MakeData) -> None:
    root, _ = make_data({"real/a.png": BLANK, "fake/b.png": BLANK, "fake/masks/b.png": BLANK, "fake/._b.png": BLANK})
    (root / "pairs.csv").write_text("name,imagenum1,imagenum2\nAaron,1,2\n")
    assert [example.path for example in pictures(root)] == ["fake/b.png", "real/a.png"]


def test_tables_in_the_data_folder_itself_are_read(make_data: MakeData) -> None:
    root, _ = make_data(dict.fromkeys(("train/real/a.png", "train/fake/b.png"), BLANK))
    (root / "pairs.csv").write_text("fake,real,mask\ntrain/fake/b.png,train/real/a.png,masks/b.png\n")
    (root / "regions.csv").write_text("file,eye_viewer_left,eye_viewer_right,nose,mouth\nb.png,0,0,1,0\n")
    fake = by_path(pictures(root))["train/fake/b.png"]
    assert (fake.twin, fake.mask, fake.regions) == ("train/real/a.png", "masks/b.png", ("nose",))


def test_links_to_folders_are_followed_once(make_data: MakeData) -> None:
    root, _ = make_data({"elsewhere/1.png": BLANK, "elsewhere/deep/2.png": BLANK, "data/fake/3.png": BLANK})
    (root / "data" / "real").symlink_to(root / "elsewhere", target_is_directory=True)
    (root / "elsewhere" / "deep" / "up").symlink_to(root / "elsewhere", target_is_directory=True)
    (root / "data" / "fake" / "back").symlink_to(root / "data", target_is_directory=True)
    assert [example.path for example in pictures(root / "data")] == ["fake/3.png", "real/1.png", "real/deep/2.png"]
