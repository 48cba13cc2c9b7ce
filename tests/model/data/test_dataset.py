"""Tests of how a data folder is read, on folders made for each test."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from model.data import dataset, layout
from model.data.dataset import face_crop, face_crops, gather, index, judged_sets
from model.data.layout import Example, pictures
from model.data.reading import read_mask, read_rgb
from model.errors import DatasetError
from model.photos.faces import CROP_MARGIN, CROP_SIZE, crop, find_faces, square_around

BLANK = np.full((64, 64, 3), 127, np.uint8)
MakeData = Callable[..., tuple[Path, Path]]
Pixels = NDArray[np.uint8]


@pytest.fixture
def nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        pytest.fail("a face was looked for that the cache knows")

    monkeypatch.setattr(dataset, "ProcessPoolExecutor", fail)


def by_path(examples: list[Example]) -> dict[str, Example]:
    return {example.path: example for example in examples}


# index: folders


@pytest.mark.usefixtures("nobody_looks")
def test_folders_name_set_split_and_label(make_data: MakeData) -> None:
    names = {
        "one/train/real/a.jpg": ("one", "train", "Real"),
        "one/val/fake/b.png": ("one", "val", "Fake"),
        "one/test/fake_extra/c.jpeg": ("one", "test", "Fake"),
        "two/deep/down/train/REAL/d.JPG": ("two", "train", "Real"),
        "two/Fake/e.PnG": ("two", "test", "Fake"),
    }
    examples = index(*make_data(dict.fromkeys(names, BLANK)))
    assert {e.path: (e.dataset, e.split, e.label) for e in examples} == names
    assert [example.path for example in examples] == sorted(names)


@pytest.mark.usefixtures("nobody_looks")
def test_other_files_and_folders_are_left_out(make_data: MakeData) -> None:
    root, cache = make_data({"one/real/a.jpg": BLANK, "one/mask/a.png": BLANK, "loose.jpg": BLANK})
    (root / "one" / "real" / "notes.txt").write_text("no picture")
    assert [example.path for example in index(root, cache)] == ["one/real/a.jpg"]


@pytest.mark.usefixtures("nobody_looks")
def test_pairs_name_twin_and_mask(make_data: MakeData) -> None:
    names = ("set/train/real/a.png", "set/train/fake/b.png", "set/train/fake/c.png")
    root, cache = make_data(dict.fromkeys(names, BLANK))
    (root / "set" / "train" / "pairs.csv").write_text("fake,real,mask\nfake/b.png,real/a.png,mask/b.png\n")
    found = by_path(index(root, cache))
    assert (found[names[1]].twin, found[names[1]].mask) == (names[0], "set/train/mask/b.png")
    assert (found[names[0]].twin, found[names[0]].mask) == (None, None)
    assert (found[names[2]].twin, found[names[2]].mask) == (None, None)


@pytest.mark.usefixtures("nobody_looks")
def test_regions_belong_to_the_fakes_of_their_own_set(make_data: MakeData) -> None:
    names = ("one/train/fake/a.jpg", "one/train/real/a.jpg", "two/train/fake/a.jpg", "one/val/fake/b.jpg")
    root, cache = make_data(dict.fromkeys(names, BLANK))
    header = "file,eye_viewer_left,eye_viewer_right,nose,mouth\n"
    (root / "one" / "regions.csv").write_text(header + "a.jpg,0,1,0,1\nb.jpg,1,0,1,0\n")
    found = by_path(index(root, cache))
    assert found[names[0]].regions == ("right_eye", "mouth")
    assert found[names[3]].regions == ("left_eye", "nose")
    assert found[names[1]].regions == () and found[names[2]].regions == ()


@pytest.mark.parametrize("files", [{}, {"one/pictures/a.jpg": BLANK}])
def test_folder_without_labelled_pictures_is_refused(make_data: MakeData, files: dict[str, Pixels]) -> None:
    root, cache = make_data(files)
    with pytest.raises(DatasetError, match="holds no pictures in folders named real or fake"):
        index(root, cache)


def test_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="nowhere does not exist, so it holds no pictures"):
        index(tmp_path / "nowhere", tmp_path / "faces.json")


def test_file_instead_of_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data.zip").write_bytes(b"PK")
    with pytest.raises(DatasetError, match=r"data\.zip is a file, not a folder"):
        pictures(tmp_path / "data.zip")


# index: faces


def test_faces_are_found_once_and_remembered(
    make_data: MakeData, astronaut: Pixels, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = np.ascontiguousarray(astronaut[20:220, 120:320])
    root, cache = make_data({"one/real/head.png": head, "one/fake/blank.png": BLANK}, known=False)
    examples = by_path(index(root, cache, workers=1))
    assert examples["one/fake/blank.png"].box is None and examples["one/fake/blank.png"].landmarks == ()
    (face,) = find_faces(head)
    found = examples["one/real/head.png"]
    assert found.landmarks == tuple(tuple(map(float, point)) for point in face.landmarks)
    # What is remembered is square already, so that it gives the product's own crop.
    np.testing.assert_array_equal(face_crop(root, found), face.crop)

    calls: list[object] = []
    monkeypatch.setattr(dataset, "ProcessPoolExecutor", calls.append)
    assert by_path(index(root, cache)) == examples
    assert calls == []
    assert sorted(path.name for path in root.rglob("*.*")) == ["blank.png", "head.png"], "data folders stay untouched"


def test_workers_inherit_nothing(make_data: MakeData, monkeypatch: pytest.MonkeyPatch) -> None:
    """A forked worker would take over locks that OpenCV's threads held in this process, and wait for ever."""

    def fail(*_: object) -> None:
        raise AssertionError("the worker is a copy of this process")

    monkeypatch.setattr(dataset, "find_faces", fail)
    root, cache = make_data({"one/real/blank.png": BLANK}, known=False)
    assert index(root, cache, workers=1)[0].box is None


def test_only_new_pictures_are_looked_at(make_data: MakeData, monkeypatch: pytest.MonkeyPatch) -> None:
    root, cache = make_data({"one/real/old.png": BLANK})
    assert cv2.imwrite(str(root / "one" / "real" / "new.png"), BLANK)
    looked_at: list[Path] = []

    class Pool:
        def __init__(self, *_: object) -> None: ...

        def __enter__(self) -> Pool:
            return self

        def __exit__(self, *_: object) -> None: ...

        def map(self, _: object, paths: list[Path], chunksize: int) -> list[list]:
            looked_at.extend(paths)
            return [[[1.0, 2.0, 3.0, 3.0], [[4.0, 5.0]]] for _ in paths]

    monkeypatch.setattr(dataset, "ProcessPoolExecutor", Pool)
    found = by_path(index(root, cache))
    assert [path.name for path in looked_at] == ["new.png"]
    assert found["one/real/new.png"].box == (1, 2, 3, 3) and found["one/real/new.png"].landmarks == ((4, 5),)
    assert found["one/real/old.png"].box is not None
    assert set(json.loads(cache.read_text())[str(root.resolve())]) == {"one/real/old.png", "one/real/new.png"}


def test_changed_pictures_are_looked_at_again(make_data: MakeData, picture: Callable[..., Pixels]) -> None:
    root, cache = make_data({f"one/real/{name}.png": BLANK for name in "abc"}, known=False)
    index(root, cache, workers=1)
    remembered = json.loads(cache.read_text())
    entries = remembered[str(root.resolve())]
    state = (root / "one/real/a.png").stat()
    assert entries["one/real/a.png"] == [None, [], state.st_size, state.st_mtime_ns]
    for name in "abc":
        entries[f"one/real/{name}.png"][:2] = [[1.0, 2.0, 3.0, 3.0], [[4.0, 5.0]]]
    cache.write_text(json.dumps(remembered))
    assert all(example.box == (1, 2, 3, 3) for example in index(root, cache))

    assert cv2.imwrite(str(root / "one/real/b.png"), picture(0))
    truncated(root / "one/real/c.png")
    found = by_path(index(root, cache, workers=1))
    assert set(found) == {"one/real/a.png", "one/real/b.png"}
    assert found["one/real/a.png"].box == (1, 2, 3, 3), "what was not changed is remembered"
    assert found["one/real/b.png"].box is None, "this face was another picture's"
    assert "one/real/c.png" not in json.loads(cache.read_text())[str(root.resolve())]


@pytest.mark.usefixtures("nobody_looks")
def test_cache_without_stamps_is_taken_as_it_is(make_data: MakeData) -> None:
    root, cache = make_data({"one/real/a.png": BLANK})
    before = cache.read_text()
    (root / "one/real/a.png").write_bytes(b"another file")
    (example,) = index(root, cache)
    assert example.box is not None and cache.read_text() == before
    with pytest.raises(DatasetError, match=r"a\.png is not a picture that can be read"):
        face_crop(root, example)


def test_what_is_no_cache_is_refused(make_data: MakeData) -> None:
    root, cache = make_data({"one/real/a.png": BLANK})
    cache.write_text('{"cut o')
    with pytest.raises(DatasetError, match=r"faces\.json does not hold found faces"):
        index(root, cache)


def test_folders_that_share_a_cache_keep_their_own_faces(make_data: MakeData) -> None:
    root, cache = make_data({"one/real/a.png": BLANK})
    other = root.rename(root.with_name("other"))
    make_copy = root / "one" / "real"
    make_copy.mkdir(parents=True)
    assert cv2.imwrite(str(make_copy / "a.png"), BLANK)
    assert index(other, cache, workers=1)[0].box is None, "the face known under this name is another folder's"
    assert index(root, cache)[0].box is not None


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def test_unreadable_files_are_left_out_with_one_warning(
    make_data: MakeData, picture: Callable[..., Pixels], caplog: pytest.LogCaptureFixture
) -> None:
    names = [f"one/real/{number}.jpg" for number in range(9)]
    root, cache = make_data({name: picture(seed) for seed, name in enumerate(names)}, known=False)
    for number in range(1, 9):
        truncated(root / names[number])
    assert [example.path for example in index(root, cache, workers=1)] == names[:1]
    (record,) = caplog.records
    assert record.getMessage() == (
        "8 of 9 pictures can't be read and are left out: " + ", ".join(names[1:6]) + " and 3 more"
    )
    assert set(json.loads(cache.read_text())[str(root.resolve())]) == {names[0]}, "it may be whole the next time"


@pytest.mark.parametrize("with_cache", [True, False])
def test_all_unreadable_files_are_listed(
    make_data: MakeData, tmp_path: Path, caplog: pytest.LogCaptureFixture, with_cache: bool
) -> None:
    names = [f"one/test/real/{number}.png" for number in range(9)]
    root, cache = make_data(dict.fromkeys(names, BLANK), known=False)
    for name in names[1:]:
        truncated(root / name)
    listing = tmp_path / "run" / "unreadable.txt"
    gather(root, cache if with_cache else None, seed=0, workers=1, unreadable=listing)
    assert listing.read_text().splitlines() == names[1:]
    assert f"and 3 more; {listing} lists them all" in caplog.text
    for name in names[1:]:
        (root / name).write_bytes((root / names[0]).read_bytes())
    gather(root, cache if with_cache else None, seed=0, workers=1, unreadable=listing)
    assert not listing.exists()


def test_folder_without_one_readable_picture_is_refused(make_data: MakeData) -> None:
    root, cache = make_data({})
    (root / "one" / "real").mkdir(parents=True)
    (root / "one" / "real" / "broken.jpg").write_text("no picture")
    with pytest.raises(DatasetError, match=r"None of the 1 pictures in .* can be read"):
        index(root, cache, workers=1)


def test_what_was_found_survives_an_interruption(make_data: MakeData, monkeypatch: pytest.MonkeyPatch) -> None:
    root, cache = make_data({f"one/real/{number}.png": BLANK for number in range(5)}, known=False)

    class Pool:
        def __init__(self, *_: object) -> None: ...

        def __enter__(self) -> Pool:
            return self

        def __exit__(self, *_: object) -> None: ...

        def map(self, _: object, paths: list[Path], chunksize: int) -> Iterator[tuple]:
            for number, _path in enumerate(paths):
                if number == 4:
                    raise KeyboardInterrupt
                yield None, ()

    monkeypatch.setattr(dataset, "ProcessPoolExecutor", Pool)
    monkeypatch.setattr(dataset, "REMEMBER_EVERY", 2)
    with pytest.raises(KeyboardInterrupt):
        index(root, cache)
    assert len(json.loads(cache.read_text())[str(root.resolve())]) == 4
    assert [file.name for file in cache.parent.iterdir()] == [cache.name], "nothing unfinished is left"


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


def test_masks_hidden_files_and_foreign_tables_are_no_pictures(make_data: MakeData) -> None:
    root, _ = make_data({"real/a.png": BLANK, "fake/b.png": BLANK, "fake/masks/b.png": BLANK, "fake/._b.png": BLANK})
    (root / "pairs.csv").write_text("name,imagenum1,imagenum2\nAaron,1,2\n")
    assert [example.path for example in pictures(root)] == ["fake/b.png", "real/a.png"]


def test_tables_beside_the_classes_are_read(make_data: MakeData) -> None:
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


# gather


@pytest.fixture
def unsplit(make_data: MakeData, picture: Callable[..., Pixels]) -> tuple[Path, Path]:
    """Ten pictures of each class without splits, and the cache that knows their faces."""
    names = [f"{label}/{number}.png" for label in ("Real", "Fake") for number in range(10)]
    return make_data({name: picture(seed) for seed, name in enumerate(names)})


@pytest.mark.usefixtures("nobody_looks")
def test_gather_works_on_whole_pictures_or_on_faces(unsplit: tuple[Path, Path]) -> None:
    root, cache = unsplit
    whole, faces = gather(root, None, seed=3), gather(root, cache, seed=3)
    assert all(example.box is None for example in whole)
    assert all(example.box is not None for example in faces)
    assert [example.split for example in whole] == [example.split for example in faces]
    assert Counter((e.split, e.label) for e in whole) == {
        **{("train", "Real"): 8, ("val", "Real"): 1, ("test", "Real"): 1},
        **{("train", "Fake"): 8, ("val", "Fake"): 1, ("test", "Fake"): 1},
    }


def test_gather_leaves_out_what_is_cut_off(unsplit: tuple[Path, Path], caplog: pytest.LogCaptureFixture) -> None:
    root, _ = unsplit
    assert cv2.imwrite(str(root / "Real" / "cut.jpg"), BLANK)
    truncated(root / "Real" / "cut.jpg")
    assert len(gather(root, None, seed=0)) == 20
    assert [record.getMessage() for record in caplog.records] == [
        "1 of 21 pictures can't be read and are left out: Real/cut.jpg"
    ]


def test_gather_keeps_the_sets_asked_for(make_data: MakeData) -> None:
    root, _ = make_data(dict.fromkeys(("a/test/real/1.png", "b/test/real/1.png", "c/test/fake/1.png"), BLANK))
    assert [example.dataset for example in gather(root, None, seed=0, sets=["a", "c"])] == ["a", "c"]
    with pytest.raises(DatasetError, match="has no data set d, only a, b, c"):
        gather(root, None, seed=0, sets=["a", "d"])


def test_gather_groups_by_what_it_is_told(unsplit: tuple[Path, Path]) -> None:
    root, _ = unsplit
    examples = gather(root, None, seed=0, group_of=lambda example: Path(example.path).stem)
    sides = by_path(examples)
    assert all(sides[f"Real/{number}.png"].split == sides[f"Fake/{number}.png"].split for number in range(10))


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
def test_what_is_no_picture_is_refused_by_name(tmp_path: Path, reader: Callable[[Path], Pixels]) -> None:
    (tmp_path / "text.png").write_text("no picture")
    for name in ("text.png", "missing.png"):
        with pytest.raises(DatasetError, match=f"{name} is not a picture that can be read"):
            reader(tmp_path / name)


# face_crop and face_crops


@pytest.mark.parametrize("margin", [CROP_MARGIN, 1.4])
def test_face_crop_is_cut_around_the_box(make_data: MakeData, picture: Callable[..., Pixels], margin: float) -> None:
    root, cache = make_data({"one/real/a.png": picture(0)})
    (example,) = index(root, cache)
    expected = crop(picture(0), square_around(example.box, margin))
    np.testing.assert_array_equal(face_crop(root, example, margin), expected)


def test_face_crop_needs_a_face(make_data: MakeData) -> None:
    root, cache = make_data({"one/real/a.png": BLANK}, without_face=["one/real/a.png"])
    with pytest.raises(DatasetError, match=r"No face was found in one/real/a\.png"):
        face_crop(root, index(root, cache)[0])


def test_face_crops_are_gathered_by_set_for_one_split(make_data: MakeData, picture: Callable[..., Pixels]) -> None:
    names = [
        *("b/val/fake/1.png", "b/val/real/2.png", "b/val/real/3.png"),
        *("a/val/real/4.png", "a/train/real/5.png", "c/val/fake/6.png"),
    ]
    root, cache = make_data(
        {name: picture(seed) for seed, name in enumerate(names)}, without_face=["b/val/real/3.png", "c/val/fake/6.png"]
    )
    examples = index(root, cache)
    sets = face_crops(root, examples, "val")
    assert list(sets) == ["a", "b"], "sorted, and none whose pictures all lack a face"
    crops, is_fake = sets["b"]
    assert crops.shape == (2, CROP_SIZE, CROP_SIZE, 3) and crops.dtype == np.uint8
    assert is_fake.tolist() == [True, False] and is_fake.dtype == bool
    np.testing.assert_array_equal(crops[1], face_crop(root, by_path(examples)["b/val/real/2.png"]))
    assert sets["a"][1].tolist() == [False]
    assert face_crops(root, examples, "test") == {}


def test_sets_are_judged_only_where_both_classes_have_faces(make_data: MakeData) -> None:
    names = ["a/val/fake/1.png", "a/val/real/2.png", "b/val/real/3.png", "c/val/fake/4.png", "c/val/real/5.png"]
    root, cache = make_data(dict.fromkeys(names, BLANK), without_face=["c/val/fake/4.png"])
    examples = index(root, cache)
    assert list(judged_sets(root, examples, "val")) == ["a"]
    with pytest.raises(DatasetError, match="no test pictures of both classes"):
        judged_sets(root, examples, "test")


def test_no_face_is_searched_where_none_is_wanted(
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


def test_training_fakes_take_the_face_of_their_twin(
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
    assert names[1] not in json.loads(cache.read_text())[str(root.resolve())], "it was never searched"
