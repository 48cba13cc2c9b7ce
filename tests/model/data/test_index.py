"""The faces of a data folder are found once, cached, and searched again if a picture has changed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from model.data import dataset
from model.data.dataset import choose, face_crop
from model.errors import DatasetError
from model.photos.faces import find_faces
from tests.model.data.folders import BLANK, MakeData, Pixels, by_path, truncated


@pytest.mark.slow
def test_faces_are_found_once_and_cached(
    make_data: MakeData, astronaut: Pixels, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = np.ascontiguousarray(astronaut[20:220, 120:320])
    root, cache = make_data({"one/real/head.png": head, "one/fake/blank.png": BLANK}, known=False)
    examples = by_path(choose(root, cache, workers=1))
    assert examples["one/fake/blank.png"].box is None and examples["one/fake/blank.png"].landmarks == ()
    (face,) = find_faces(head)
    found = examples["one/real/head.png"]
    assert found.landmarks == tuple(tuple(map(float, point)) for point in face.landmarks)
    # The cached box is already square, so it gives the same crop as the product.
    np.testing.assert_array_equal(face_crop(root, found), face.crop)

    calls: list[object] = []
    monkeypatch.setattr(dataset, "process_pool", calls.append)
    assert by_path(choose(root, cache)) == examples
    assert calls == []
    assert sorted(path.name for path in root.rglob("*.*")) == ["blank.png", "head.png"], (
        "nothing is written into the data folder"
    )


@pytest.mark.slow
def test_workers_are_not_forked(make_data: MakeData, monkeypatch: pytest.MonkeyPatch) -> None:
    """A forked worker would copy locks that OpenCV's threads hold in this process, and wait for ever."""

    def fail(*_: object) -> None:
        raise AssertionError("the worker is a copy of this process")

    monkeypatch.setattr(dataset, "find_faces", fail)
    root, cache = make_data({"one/real/blank.png": BLANK}, known=False)
    assert choose(root, cache, workers=1)[0].box is None


def test_faces_are_searched_only_in_new_pictures(make_data: MakeData, monkeypatch: pytest.MonkeyPatch) -> None:
    root, cache = make_data({"one/real/old.png": BLANK})
    assert cv2.imwrite(str(root / "one" / "real" / "new.png"), BLANK)
    searched: list[Path] = []

    class Pool:
        def __init__(self, *_: object) -> None: ...

        def __enter__(self) -> Pool:
            return self

        def __exit__(self, *_: object) -> None: ...

        def map(self, _: object, paths: list[Path], chunksize: int) -> list[list]:
            searched.extend(paths)
            return [[[1.0, 2.0, 3.0, 3.0], [[4.0, 5.0]]] for _ in paths]

    monkeypatch.setattr(dataset, "process_pool", Pool)
    found = by_path(choose(root, cache))
    assert [path.name for path in searched] == ["new.png"]
    assert found["one/real/new.png"].box == (1, 2, 3, 3) and found["one/real/new.png"].landmarks == ((4, 5),)
    assert found["one/real/old.png"].box is not None
    assert set(json.loads(cache.read_text())[str(root.resolve())]) == {"one/real/old.png", "one/real/new.png"}


@pytest.mark.slow
def test_faces_are_searched_again_in_changed_pictures(make_data: MakeData, picture: Callable[..., Pixels]) -> None:
    root, cache = make_data({f"one/real/{name}.png": BLANK for name in "abc"}, known=False)
    choose(root, cache, workers=1)
    remembered = json.loads(cache.read_text())
    entries = remembered[str(root.resolve())]
    state = (root / "one/real/a.png").stat()
    assert entries["one/real/a.png"] == [None, [], state.st_size, state.st_mtime_ns]
    for name in "abc":
        entries[f"one/real/{name}.png"][:2] = [[1.0, 2.0, 3.0, 3.0], [[4.0, 5.0]]]
    cache.write_text(json.dumps(remembered))
    assert all(example.box == (1, 2, 3, 3) for example in choose(root, cache))

    assert cv2.imwrite(str(root / "one/real/b.png"), picture(0))
    truncated(root / "one/real/c.png")
    found = by_path(choose(root, cache, workers=1))
    assert set(found) == {"one/real/a.png", "one/real/b.png"}
    assert found["one/real/a.png"].box == (1, 2, 3, 3), "the face of an unchanged picture comes from the cache"
    assert found["one/real/b.png"].box is None, "the cached face is that of the old picture"
    assert "one/real/c.png" not in json.loads(cache.read_text())[str(root.resolve())]


@pytest.mark.usefixtures("no_face_search")
def test_cache_without_timestamps_is_used_unchanged(make_data: MakeData) -> None:
    root, cache = make_data({"one/real/a.png": BLANK})
    before = cache.read_text()
    (root / "one/real/a.png").write_bytes(b"another file")
    (example,) = choose(root, cache)
    assert example.box is not None and cache.read_text() == before
    with pytest.raises(DatasetError, match=r"a\.png is not a picture that can be read"):
        face_crop(root, example)


def test_damaged_cache_is_refused(make_data: MakeData) -> None:
    root, cache = make_data({"one/real/a.png": BLANK})
    cache.write_text('{"cut o')
    with pytest.raises(DatasetError, match=r"faces\.json does not hold found faces"):
        choose(root, cache)


@pytest.mark.slow
def test_folders_that_share_a_cache_keep_their_own_faces(make_data: MakeData) -> None:
    root, cache = make_data({"one/real/a.png": BLANK})
    renamed = root.rename(root.with_name("renamed"))
    copied = root / "one" / "real"
    copied.mkdir(parents=True)
    assert cv2.imwrite(str(copied / "a.png"), BLANK)
    assert choose(renamed, cache, workers=1)[0].box is None, "the cached face of this path belongs to another folder"
    assert choose(root, cache)[0].box is not None


@pytest.mark.slow
def test_unreadable_files_are_left_out_with_one_warning(
    make_data: MakeData, picture: Callable[..., Pixels], caplog: pytest.LogCaptureFixture
) -> None:
    names = [f"one/real/{number}.jpg" for number in range(9)]
    root, cache = make_data({name: picture(seed) for seed, name in enumerate(names)}, known=False)
    for number in range(1, 9):
        truncated(root / names[number])
    assert [example.path for example in choose(root, cache, workers=1)] == names[:1]
    (record,) = caplog.records
    assert record.getMessage() == (
        "8 of 9 pictures can't be read and are left out: " + ", ".join(names[1:6]) + " and 3 more"
    )
    assert set(json.loads(cache.read_text())[str(root.resolve())]) == {names[0]}, (
        "unreadable files are not cached, as they may be complete the next time"
    )


@pytest.mark.slow
@pytest.mark.parametrize("with_cache", [True, False])
def test_all_unreadable_files_are_listed(
    make_data: MakeData, tmp_path: Path, caplog: pytest.LogCaptureFixture, with_cache: bool
) -> None:
    names = [f"one/test/real/{number}.png" for number in range(9)]
    root, cache = make_data(dict.fromkeys(names, BLANK), known=False)
    for name in names[1:]:
        truncated(root / name)
    listing = tmp_path / "run" / "unreadable.txt"
    choose(root, cache if with_cache else None, workers=1, unreadable=listing)
    assert listing.read_text().splitlines() == names[1:]
    assert f"and 3 more; {listing} lists them all" in caplog.text
    for name in names[1:]:
        (root / name).write_bytes((root / names[0]).read_bytes())
    choose(root, cache if with_cache else None, workers=1, unreadable=listing)
    assert not listing.exists()


@pytest.mark.slow
def test_folder_without_one_readable_picture_is_refused(make_data: MakeData) -> None:
    root, cache = make_data({})
    (root / "one" / "real").mkdir(parents=True)
    (root / "one" / "real" / "broken.jpg").write_text("no picture")
    with pytest.raises(DatasetError, match=r"None of the 1 pictures in .* can be read"):
        choose(root, cache, workers=1)


def test_found_faces_are_cached_before_an_interruption(make_data: MakeData, monkeypatch: pytest.MonkeyPatch) -> None:
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

    monkeypatch.setattr(dataset, "process_pool", Pool)
    monkeypatch.setattr(dataset, "REMEMBER_EVERY", 2)
    with pytest.raises(KeyboardInterrupt):
        choose(root, cache)
    assert len(json.loads(cache.read_text())[str(root.resolve())]) == 4
    assert [file.name for file in cache.parent.iterdir()] == [cache.name], "nothing unfinished is left"
