"""Tests of a bulk job's INPUT: the photos of every kind of source are found in order and can be read."""

from __future__ import annotations

import csv
import io
import tarfile
import uuid
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from explain.bulk.sources import found_in
from explain.bulk.storage import read_photo
from explain.bulk.task import Found, Task, from_table, to_table
from model.errors import PhotoError, SettingsError
from model.i18n.catalogue import Message
from model.photos.photo import MAX_BYTES
from tests.support.photo_files import encode, plain

PHOTO = encode(plain())
NAMES = ["a.jpg", "inner/b.png", "inner/c.JPG"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three photos, a text, and a hidden file."""
    for name in [*NAMES, "notes.txt", ".hidden.jpg"]:
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"words" if name.endswith(".txt") else PHOTO)
    return tmp_path / "in"


@pytest.fixture
def bucket(folder: Path) -> Iterator[str]:
    """The same folder in an object store of this process."""
    url = f"memory://{uuid.uuid4().hex}"
    files = fsspec.filesystem("memory")
    files.put(str(folder), url.removeprefix("memory:/"), recursive=True)
    yield url
    files.rm(url.removeprefix("memory:/"), recursive=True)


def tar_of(path: Path, **entries: bytes) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, data in entries.items():
            entry = tarfile.TarInfo(name.replace("_", ".", 1))
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return path


def photos(source: object) -> list[Found]:
    return [found for found in found_in(str(source)) if found is not None]


def names(source: object) -> list[str]:
    return [found.name for found in photos(source)]


def test_photos_of_a_folder_are_found_in_order(folder: Path) -> None:
    assert names(folder) == [f"in/{name}" for name in NAMES]
    assert list(found_in(str(folder))).count(None) == 1
    assert names(f"file://{folder}") == names(folder)


def test_a_pattern_selects_the_matching_photos(folder: Path) -> None:
    assert names(folder / "**" / "*.jpg") == ["a.jpg"]
    assert names(folder / "*" / "*.png") == ["inner/b.png"]
    assert names(folder / "[ab].*") == ["a.jpg"]


def test_a_file_named_like_a_pattern_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "[1].jpg").write_bytes(PHOTO)
    assert names(tmp_path / "[1].jpg") == ["[1].jpg"]


def test_entries_of_a_zip_are_found_in_order(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "some.zip", "w") as archive:
        archive.writestr("b.png", PHOTO)
        archive.writestr("a.png", PHOTO)
    assert [(found.name, found.entry) for found in photos(tmp_path / "some.zip")] == [
        ("some.zip/a.png", 1),
        ("some.zip/b.png", 0),
    ]


def test_lists_may_name_photos_by_relative_path_absolute_path_or_url(folder: Path) -> None:
    places = ["a.jpg", str(folder / "inner" / "b.png"), "https://example.org/c.jpg"]
    with (folder / "list.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["label", "Path"], *(["x", place] for place in places), ["x", ""]])
    pq.write_table(pa.table({"number": [1, 2, 3], "photo": places}), folder / "list.parquet")
    wanted = [str(folder / "a.jpg"), places[1], places[2]]
    for name in ("list.csv", "list.parquet"):
        assert [found.place for found in photos(folder / name)] == wanted


def test_a_list_of_one_column_may_have_any_header(folder: Path) -> None:
    (folder / "list.csv").write_text("\ufeffwhatever\na.jpg\n", "utf-8")
    assert [found.place for found in photos(folder / "list.csv")] == [str(folder / "a.jpg")]


@pytest.mark.parametrize("place", ["github://a:b@main/c.jpg", "simplecache::http://x/a.jpg", "python://a.jpg"])
def test_a_list_cannot_use_unsupported_protocols(tmp_path: Path, place: str) -> None:
    (tmp_path / "list.csv").write_text(f"path\n{place}\n")
    (found,) = photos(tmp_path / "list.csv")
    assert found.problem is not None and found.problem.key == "bulk.protocol"


def test_photos_of_webdataset_tars_are_found_and_read(tmp_path: Path) -> None:
    other = encode(plain((0, 0, 255)))
    path = tar_of(tmp_path / "shard-0.tar", **{"1_png": PHOTO, "1_json": b"{}", "2_png": other})
    assert names(path) == ["shard-0.tar/1.png", "shard-0.tar/2.png"]
    assert [read_photo(found.place, found.span) for found in photos(path)] == [PHOTO, other]
    tar_of(tmp_path / "shard-1.tar", **{"3_png": PHOTO})
    assert names(tmp_path / "shard-*.tar") == ["shard-0.tar/1.png", "shard-0.tar/2.png", "shard-1.tar/3.png"]


def test_photos_in_an_object_store_are_found_and_read(bucket: str, folder: Path) -> None:
    name = bucket.rpartition("/")[2]
    assert names(bucket) == [f"{name}/{inner}" for inner in NAMES]
    assert [read_photo(found.place) for found in photos(bucket)] == [PHOTO] * 3
    assert names(f"{bucket}/inner/*.png") == ["b.png"]
    assert [found.place for found in photos(f"{bucket}/a.jpg")] == [f"{bucket}/a.jpg"]
    tar_of(folder / "s.tar", **{"1_png": PHOTO})
    fsspec.filesystem("memory").put(str(folder / "s.tar"), f"/{name}/s.tar")
    (found,) = photos(f"{bucket}/s.tar")
    assert read_photo(found.place, found.span) == PHOTO


def test_photos_are_found_in_the_same_order_every_time(folder: Path, bucket: str) -> None:
    for source in (folder, bucket, folder / "**" / "*.*"):
        assert photos(source) == photos(source)


@pytest.mark.parametrize(
    ("source", "key"),
    [
        ("nothing", "bulk.nowhere"),
        ("memory://nothing/at/all.jpg", "bulk.nowhere"),
        ("nothing.csv", "bulk.nowhere"),
        ("nothing.tar", "bulk.nowhere"),
        ("shards.tar.gz", "bulk.packed"),
        ("ftp://example.org/a", "bulk.protocol"),
        ("zip://a.jpg::memory://a.zip", "bulk.protocol"),
    ],
)
def test_an_unreadable_source_is_refused(
    source: str, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError) as caught:
        photos(source)
    assert caught.value.args[0].key == key


def test_a_list_without_a_known_column_is_refused_and_the_columns_are_named(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": ["x"], "b": ["y"]}), tmp_path / "list.parquet")
    with pytest.raises(SettingsError, match="path, url"):
        photos(tmp_path / "list.parquet")


def test_a_list_in_another_encoding_is_refused_and_utf_8_is_named(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_bytes("fotoğraf\nşapka.jpg\n".encode("cp1254"))
    with pytest.raises(SettingsError, match=r"UTF-8\.$"):
        photos(tmp_path / "list.csv")


def test_a_damaged_list_is_refused_in_one_line(tmp_path: Path) -> None:
    """Arrow's own message has several lines."""
    pq.write_table(pa.table({"path": ["a.jpg"] * 100}), tmp_path / "list.parquet")
    whole = (tmp_path / "list.parquet").read_bytes()
    damaged = whole[:4] + bytes(byte ^ 255 for byte in whole[4:30]) + whole[30:]
    (tmp_path / "list.parquet").write_bytes(damaged)
    with pytest.raises(SettingsError) as caught:
        photos(tmp_path / "list.parquet")
    assert "\n" not in str(caught.value)


def not_a_tar(path: Path) -> None:
    path.write_bytes(b"no tar at all" * 100)


def gzipped(path: Path) -> None:
    with tarfile.open(path, "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("a.jpg"))


def endless_name(path: Path) -> None:
    """A long name with a header that states a size of a gigabyte."""
    header = tarfile.TarInfo("././@LongLink")
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, 1_000_000_000
    path.write_bytes(header.tobuf(tarfile.GNU_FORMAT) + bytes(10_000))


@pytest.mark.parametrize("make", [not_a_tar, gzipped, endless_name])
def test_hostile_tar_is_refused(make: Callable[[Path], None], tmp_path: Path) -> None:
    make(tmp_path / "a.tar")
    (found,) = photos(tmp_path / "a.tar")
    assert found.problem is not None and found.problem.key == "bulk.no_tar"


def test_photos_before_the_damage_in_a_tar_are_found(tmp_path: Path) -> None:
    path = tar_of(tmp_path / "a.tar", **{"1_png": PHOTO, "2_png": PHOTO})
    path.write_bytes(path.read_bytes()[:1024] + b"damage" * 500)
    first, damage = photos(path)
    assert (first.problem, first.name) == (None, "a.tar/1.png")
    assert damage.problem is not None and damage.problem.key == "bulk.no_tar"


def test_entry_that_is_too_large_or_cut_off_is_a_problem(tmp_path: Path) -> None:
    header = tarfile.TarInfo("large.jpg")
    header.size = MAX_BYTES + 1
    (tmp_path / "a.tar").write_bytes(header.tobuf())
    found = photos(tmp_path / "a.tar")[0]
    assert found.problem is not None and found.problem.key == "photo.too_many_bytes"
    header.size = 1_000
    (tmp_path / "b.tar").write_bytes(header.tobuf() + b"short")
    found = photos(tmp_path / "b.tar")[0]
    with pytest.raises(PhotoError):
        read_photo(found.place, found.span)


def test_reading_a_remote_photo_is_retried(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    files = type(fsspec.filesystem("memory"))
    open_it, failures = files.open, iter([TimeoutError(), ConnectionError()])

    def flaky(*arguments: object, **options: object) -> object:
        for error in failures:
            raise error
        return open_it(*arguments, **options)

    monkeypatch.setattr(files, "open", flaky)
    monkeypatch.setattr("explain.bulk.storage.PAUSE", 0)
    assert read_photo(f"{bucket}/a.jpg") == PHOTO
    failures = iter([TimeoutError()] * 3)
    with pytest.raises(PhotoError):
        read_photo(f"{bucket}/a.jpg")


def test_plan_keeps_every_detail() -> None:
    found = [
        Found("ü/a.jpg", "/odd\udcff/a.jpg"),
        Found("z.zip/b.jpg", "z.zip", entry=0),
        Found("t.tar/c.jpg", "s3://x/t.tar", span=(0, 5)),
        Found("d", "d", problem=Message("photo.too_many_bytes", size=5, limit=4)),
    ]
    tasks = [Task(number, photo) for number, photo in enumerate(found, 1)]
    assert list(from_table(to_table(tasks))) == tasks
