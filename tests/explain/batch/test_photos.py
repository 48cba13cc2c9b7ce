"""Tests of finding and reading photos in files, folders and ZIPs, including malicious ones."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest

from explain.batch import photos, zips
from explain.batch.photos import Reader, find
from model.errors import PhotoError
from tests.support.photo_files import encode, plain

SEVEN_ENTRIES = ["b.jpg", "a/c.png", "a/notes.txt", "__MACOSX/._b.jpg", ".hidden/d.jpg", ".DS_Store", "Thumbs.db"]


def zipped(path: Path, entries: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


def folder_of(path: Path, names: list[str]) -> Path:
    for name in names:
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(name.encode())
    return path


def found_names(*sources: Path) -> list[str]:
    return [item.name for item in find(sources).items]


def read_all(*sources: Path) -> list[bytes | str]:
    """The content of each item, or the sentence that refuses it."""
    contents: list[bytes | str] = []
    with Reader() as reader:
        for item in find(sources).items:
            try:
                found = reader.read(item)
                contents.append(found if isinstance(found, bytes) else found.read_bytes())
            except PhotoError as error:
                contents.append(str(error))
    return contents


# Finding photos


def test_folder_gives_its_photos_by_name_and_counts_the_rest(tmp_path: Path) -> None:
    found = find([folder_of(tmp_path / "trip", SEVEN_ENTRIES)])
    assert [item.name for item in found.items] == ["trip/b.jpg", "trip/a/c.png"]
    assert found.passed_over == 2, "the text and Windows' thumbnails; hidden files are not counted"


def test_a_zip_gives_the_same_photos_as_its_folder(tmp_path: Path) -> None:
    path = zipped(tmp_path / "trip.zip", {name: name.encode() for name in SEVEN_ENTRIES})
    found = find([path])
    assert [item.name for item in found.items] == ["trip.zip/a/c.png", "trip.zip/b.jpg"]
    assert found.passed_over == 2 and read_all(path) == [b"a/c.png", b"b.jpg"]


def test_files_folders_and_zips_are_mixed_in_the_order_given(tmp_path: Path) -> None:
    alone = folder_of(tmp_path, ["z.jpg"]) / "z.jpg"
    path = zipped(tmp_path / "two.zip", {"1.jpg": b"1", "2.jpg": b"2"})
    folder = folder_of(tmp_path / "f", ["a.jpg"])
    zipped(folder / "b.zip", {"inner.jpg": b"3"})
    assert found_names(path, alone, folder) == [
        *("two.zip/1.jpg", "two.zip/2.jpg", "z.jpg"),
        *("f/a.jpg", "f/b.zip/inner.jpg"),
    ]
    assert read_all(path, alone, folder) == [b"1", b"2", b"z.jpg", b"a.jpg", b"3"]
    assert read_all(folder, path) == [b"a.jpg", b"3", b"1", b"2"], "one ZIP after another"


def test_a_given_file_is_tried_whatever_its_name(tmp_path: Path) -> None:
    folder_of(tmp_path, ["notes.txt", "photo"])
    assert found_names(tmp_path / "notes.txt", tmp_path / "photo", tmp_path / "missing.jpg") == [
        *("notes.txt", "photo", "missing.jpg"),
    ]
    (item,) = find([tmp_path / "missing.jpg"]).items
    assert item.problem is None, "opening it says what is wrong"


def test_the_caller_chooses_how_a_path_is_shown(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "trip", ["b.jpg"])
    assert [item.name for item in find([folder], shown=str).items] == [f"{folder}/b.jpg"]


def test_a_circular_link_is_not_followed(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "round", ["a.jpg"])
    (folder / "again").symlink_to(folder, target_is_directory=True)
    assert found_names(folder) == ["round/a.jpg"]


@pytest.mark.parametrize("make", [lambda path: path.mkdir(), lambda path: zipped(path, {"readme.txt": b"no photo"})])
def test_a_source_without_photos_is_reported(make: object, tmp_path: Path) -> None:
    path = tmp_path / "empty.zip"
    make(path)  # type: ignore[operator]
    assert read_all(path) == ["There is no photo in it; choose another folder or ZIP."]


def test_an_unreadable_folder_is_reported_and_the_others_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder_of(tmp_path / "all", ["a/1.jpg", "b/2.jpg"])
    scandir = os.scandir

    def closed(path: str) -> object:  # the superuser, who may run this test, can open every folder
        if os.path.basename(path) == "a":
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", closed)
    assert found_names(tmp_path / "all") == ["all/a", "all/b/2.jpg"]
    assert read_all(tmp_path / "all") == ["This folder cannot be opened; check its permissions.", b"b/2.jpg"]


@pytest.mark.parametrize("junk", [".DS_Store", "._a.jpg", "Thumbs.db", "desktop.ini", "__MACOSX/._a.jpg"])
def test_files_of_the_operating_system_are_skipped_in_every_source(junk: str, tmp_path: Path) -> None:
    jpeg = b"\xff\xd8\xff\xe0"  # even where it looks like a photo
    folder = folder_of(tmp_path / "trip", ["a.jpg", junk])
    (folder / junk).write_bytes(jpeg)
    assert found_names(folder) == ["trip/a.jpg"]
    assert found_names(zipped(tmp_path / "trip.zip", {"a.jpg": b"1", junk: jpeg})) == ["trip.zip/a.jpg"]
    given = [folder / "a.jpg", folder / junk]
    assert found_names(*given) == ["a.jpg"]
    assert [item.name for item in find(given, gathered=True).items] == ["a.jpg"]
    assert find([folder / junk]) == photos.Found((), 1)


def test_files_of_an_uploaded_folder_are_filtered_like_the_folder(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "trip", SEVEN_ENTRIES)
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    assert [item.name for item in find(files, gathered=True).items] == ["d.jpg", "c.png", "b.jpg"]
    assert find(files, gathered=True).passed_over == 4


@pytest.mark.parametrize("name", ["a.pjpeg", "a.JFIF", "a.jif", "a.jpe", "a.HIF", "a.heics", "a.jpg_large", "a.avif"])
def test_every_source_accepts_the_same_file_extensions(name: str, tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "trip", [name])
    assert found_names(folder) == [f"trip/{name}"]
    assert found_names(zipped(tmp_path / "trip.zip", {name: b"1"})) == [f"trip.zip/{name}"]
    assert len(find([folder / name], gathered=True).items) == 1


def test_content_decides_whatever_the_file_extension(tmp_path: Path) -> None:
    jpeg, inner = b"\xff\xd8\xff\xe0", zipped(tmp_path / "x", {"1.jpg": b"1"}).read_bytes()
    files = {"photo": jpeg, "a.tmp": jpeg, "README": b"text", "b.zip": jpeg, "photos.jpg": inner, "letter.docx": inner}
    folder = tmp_path / "trip"
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    found = find([folder])
    assert [item.name for item in found.items] == ["trip/a.tmp", "trip/b.zip", "trip/photo", "trip/photos.jpg/1.jpg"]
    assert found.passed_over == 2
    packed = zipped(tmp_path / "trip.zip", {name: content for name, content in files.items() if content != inner})
    assert found_names(packed) == ["trip.zip/a.tmp", "trip.zip/b.zip", "trip.zip/photo"]
    assert find([packed]).passed_over == 1


def test_folder_entries_of_a_windows_zip_are_not_photos(tmp_path: Path) -> None:
    path = zipped(
        tmp_path / "w.zip", {"photos\\": b"", "photos\\a.jpg": b"1", "photos\\in\\": b"", "photos\\in\\b.jpg": b"2"}
    )
    assert found_names(path) == ["w.zip/photos/a.jpg", "w.zip/photos/in/b.jpg"] and read_all(path) == [b"1", b"2"]


def test_pipe_with_the_name_of_a_photo_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.jpg")
    os.mkfifo(tmp_path / "b")
    assert [item.name for item in find([tmp_path]).items] == [f"{tmp_path.name}/a.jpg"]


@pytest.mark.parametrize("ending", [".zip", ".jpg"])
def test_a_name_too_long_for_the_file_system_does_not_stop_the_others(ending: str, tmp_path: Path) -> None:
    alone = folder_of(tmp_path, ["z.jpg"]) / "z.jpg"
    too_long = tmp_path / ("漢" * 110 + ending)  # characters are few, bytes are many
    assert find([too_long, alone]).items[1].name == "z.jpg"


def test_a_zip_may_hold_names_too_long_for_the_file_system(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"漢" * 110 + ".jpg": b"1"})
    assert read_all(path) == [b"1"]


# Names


def test_an_entry_with_a_parent_path_is_never_written_to_disk(tmp_path: Path) -> None:
    path = zipped(tmp_path / "evil.zip", {"../../escaped.jpg": b"1", "/etc/passwd.jpg": b"2"})
    assert found_names(path) == ["evil.zip/escaped.jpg", "evil.zip/etc/passwd.jpg"] and read_all(path) == [b"1", b"2"]
    assert [file.name for file in tmp_path.iterdir()] == ["evil.zip"]


# ZIPs that are refused as a whole or in part


def test_archives_inside_are_not_opened(tmp_path: Path) -> None:
    inner = zipped(tmp_path / "inner.zip", {"a.jpg": b"1"}).read_bytes()
    path = zipped(tmp_path / "outer.zip", {"a.jpg": b"2", "inner.zip": inner, "more.tar.gz": b""})
    assert read_all(path) == [b"2", *["An archive inside a ZIP is not opened; unpack it and choose its folder."] * 2]
    (tmp_path / "x.rar").write_bytes(b"Rar!")
    assert read_all(tmp_path / "x.rar") == ["Only ZIP archives can be read; unpack it and choose the folder."]


def test_an_entry_without_a_name_is_skipped(tmp_path: Path) -> None:
    path = zipped(tmp_path / "nameless.zip", {"a.jpg": b"1", "X": b"2"})
    path.write_bytes(path.read_bytes().replace(b"X", b"\0"))  # readers of ZIPs cut a name at its first zero
    found = find([path])
    assert [item.name for item in found.items] == ["nameless.zip/a.jpg"]


def test_encrypted_entry_is_refused_and_the_others_are_read(tmp_path: Path) -> None:
    path = zipped(tmp_path / "secret.zip", {"a.jpg": b"1", "b.jpg": b"2"})
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1  # the flags of the first entry in the central directory
    path.write_bytes(data)
    refused, read = read_all(path)
    assert "protected by a password" in str(refused) and read == b"2"


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compression_methods_that_may_expand_without_limit_are_refused(method: int, tmp_path: Path) -> None:
    (sentence,) = read_all(zipped(tmp_path / "x.zip", {"a.jpg": bytes(1000)}, method))
    assert "pack it again as an ordinary ZIP" in str(sentence)
    unnamed = zipped(tmp_path / "y.zip", {"photo": encode(plain())}, method)
    assert find([unnamed]).passed_over == 1, "not even its first bytes are unpacked"


def test_an_entry_larger_than_its_stated_size_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "bomb.zip", {"bomb.jpg": bytes(10 * photos.MEGABYTE), "small.jpg": b"1"})
    data = bytearray(path.read_bytes())
    at = data.index(b"PK\x01\x02") + 24
    data[at : at + 4] = (100).to_bytes(4, "little")  # of 10 MB, packed into 10 kB
    path.write_bytes(data)
    assert path.stat().st_size < 20_000
    assert read_all(path) == ["This entry of the ZIP is damaged; pack it again.", b"1"]


def test_a_zip_bomb_is_stopped_while_it_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photos, "CHUNK", 100_000)
    monkeypatch.setattr(photos, "MAX_BYTES", 2 * photos.MEGABYTE)
    path = zipped(tmp_path / "bomb.zip", {"bomb.jpg": bytes(10 * photos.MEGABYTE), "fits.jpg": bytes(2000)})
    unpacked = []
    unpack = zipfile.ZipExtFile.read
    monkeypatch.setattr(
        zipfile.ZipExtFile, "read", lambda file, size: unpacked.append(part := unpack(file, size)) or part
    )
    sentence, fits = read_all(path)
    assert fits == bytes(2000) and sentence == "Unpacked, this file has more than the 2 MB allowed; shrink it."
    assert sum(map(len, unpacked)) < 3 * photos.MEGABYTE


def test_the_total_unpacked_size_of_a_zip_has_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photos, "MAX_UNPACKED", 2500)
    path = zipped(tmp_path / "many.zip", {f"{number}.jpg": bytes(1000) for number in range(4)})
    contents = read_all(path)
    assert contents[:2] == [bytes(1000)] * 2
    assert all("the rest was not read" in str(sentence) for sentence in contents[2:])
    other = zipped(tmp_path / "other.zip", {"5.jpg": b"5"})
    assert read_all(path, other)[-1] == b"5", "each ZIP is counted separately"


def test_number_of_entries_has_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = zipped(tmp_path / "many.zip", {f"{number}.jpg": b"" for number in range(9)})
    monkeypatch.setattr(zips, "MAX_ENTRIES", 9)
    assert len(find([path]).items) == 9
    monkeypatch.setattr(zips, "MAX_ENTRIES", 8)
    assert read_all(path) == [
        "This ZIP holds more than the 8 files allowed; split it, or unpack it and choose the folder."
    ]


def test_a_central_directory_that_is_too_long_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = zipped(tmp_path / "many.zip", {f"{number}.jpg": b"" for number in range(9)})
    monkeypatch.setattr(zips.LimitedFile, "most", 300)  # nine entries of 46 bytes and a name
    monkeypatch.setattr(zipfile.ZipFile, "infolist", lambda archive: pytest.fail("it was read"))
    (sentence,) = read_all(path)
    assert "more than the 5,000 files allowed" in str(sentence)


@pytest.mark.parametrize("content", [b"", b"no ZIP", b"PK\x05\x06" + bytes(10)])
def test_a_file_that_is_no_zip_is_reported(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(content)
    assert read_all(tmp_path / "x.zip") == ["This is not a ZIP, or it is damaged; download or pack it again."]


def test_a_missing_zip_is_reported(tmp_path: Path) -> None:
    assert read_all(tmp_path / "x.zip") == ["The photo file does not exist; choose it again."]


def test_a_damaged_entry_is_reported_and_the_others_are_read(tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip", {"a.jpg": b"first" * 100, "b.jpg": b"second"}, zipfile.ZIP_STORED)
    path.write_bytes(path.read_bytes().replace(b"firstfirst", b"firstFIRST", 1))
    assert read_all(path) == ["This entry of the ZIP is damaged; pack it again.", b"second"]
