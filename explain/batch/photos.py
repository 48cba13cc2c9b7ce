"""Finds the photos among files, folders and ZIPs, and reads each in its turn; nothing is ever unpacked to the disk."""

from __future__ import annotations

import io
import os
import struct
import sys
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from model.errors import PhotoError
from model.i18n.catalogue import Said
from model.photos.photo import MAX_BYTES

MEGABYTE = 1_000_000
MAX_UPLOAD = 500 * MEGABYTE  # bytes of a ZIP that reach the page: a hundred photos as a camera writes them
MAX_ENTRIES = 5_000  # of one ZIP
MAX_UNPACKED = 2_000 * MEGABYTE  # bytes that come out of one ZIP; 5,000 photos as messengers send them are a half of it
MAX_DIRECTORY = 2 * MEGABYTE  # bytes of a ZIP's list of entries: 5,000 with names of 300 letters each
MAX_NAME = 120  # characters shown of a name
CHUNK = MEGABYTE  # bytes unpacked between two looks at the limits
ARCHIVES = frozenset({".zip", ".7z", ".rar", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".zst", ".cab", ".iso"})
# Endings of pictures. Those that can't be read here are tried, too, so that their owner learns of it.
PICTURES = frozenset(
    {"", ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".webp", ".gif", ".bmp", ".dib", ".tif", ".tiff"}
    | {".heic", ".heif", ".avif", ".jxl", ".jp2", ".psd", ".raw", ".dng", ".cr2", ".cr3", ".nef", ".arw"}
)
PACKED_BY = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # others may swell a few bytes to gigabytes in one step
SYSTEM_FOLDER = "__macosx"
# What zipfile raises on bytes made to break it, beside what it documents.
_DAMAGED = (
    *(zipfile.BadZipFile, zlib.error, struct.error, OSError, EOFError, ValueError, LookupError, ArithmeticError),
    *(RuntimeError, MemoryError),
)
Source = str | os.PathLike[str]


@dataclass(frozen=True)
class Item:
    """One photo to come, or what stands in its place.

    Attributes:
        name: what to show of it.
        path: the file on the disk.
        entry: its place in the ZIP's list of entries; None where the file itself is the photo.
        problem: why there is nothing to read; None where there may be something.
    """

    name: str
    path: Path
    entry: int | None = None
    problem: Said | None = None


@dataclass(frozen=True)
class Found:
    """What was found.

    Attributes:
        items: the photos, in the order given, those of a folder or a ZIP by name.
        passed_over: how many other files lay among them, such as texts.
    """

    items: tuple[Item, ...]
    passed_over: int


Part = tuple[list[Item], int]  # items, and how many other files there are


def find(sources: Iterable[Source], shown: Callable[[Path], str] | None = None) -> Found:
    """The photos among files, folders and ZIPs; no photo is read yet.

    A file that is given is always tried. Inside folders and ZIPs hidden files are left out, and files that by their
    names are something else are only counted. What can't be opened becomes an item with a problem.

    Args:
        sources: any mixture of paths.
        shown: what to call a path that was given; by default its last part, so that no folder of a server shows.
    """
    items: list[Item] = []
    passed_over = 0
    for path in map(Path, sources):
        name = safe_name(path.name) if shown is None else shown(path)
        found, other = _in_folder(path, name) if path.is_dir() else _of_file(path, name)
        items += found or [Item(name, path, problem=Said("many.no_photo"))]
        passed_over += other
    return Found(tuple(items), passed_over)


def safe_name(text: str) -> str:
    """A name of one line, without signs that turn the direction of reading, without ``..``, and not too long."""
    plain = "".join(
        sign if unicodedata.category(sign)[0] != "C" else "?" for sign in unicodedata.normalize("NFC", text)
    )
    name = "/".join(part for part in plain.replace("\\", "/").split("/") if part.strip(". ")) or "?"
    return name if len(name) <= MAX_NAME else f"…{name[1 - MAX_NAME :]}"


class Reader:
    """Reads items one after the other; the ZIP that the last one came from stays open.

    The limits are counted on what really comes out of a ZIP, since its own list may lie.
    """

    def __init__(self) -> None:
        self._path: Path | None = None
        self._file: _Limited | None = None
        self._archive: zipfile.ZipFile | None = None
        self._unpacked = 0

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *problem: object) -> None:
        self._close()

    def read(self, item: Item) -> Path | bytes:
        """What ``open_photo`` takes: a file's path, or the bytes of a ZIP's entry.

        Raises:
            PhotoError: if the item has a problem, or the entry is damaged or too large.
        """
        if item.problem is not None:
            raise PhotoError(item.problem)
        if item.entry is None:
            return item.path
        if self._archive is None or self._path != item.path:
            self._close()
            self._file, self._archive = open_zip(item.path)
            self._path, self._unpacked = item.path, 0
        try:
            return self._unpack(self._archive, item.entry)
        except PhotoError:
            raise
        except _DAMAGED as error:
            raise PhotoError(Said("many.zip_entry_damaged")) from error

    def _close(self) -> None:
        if self._archive is not None and self._file is not None:
            self._archive.close()
            self._file.close()
        self._archive = self._file = None

    def _unpack(self, archive: zipfile.ZipFile, entry: int) -> bytes:
        parts: list[bytes] = []
        size = 0
        with archive.open(archive.infolist()[entry]) as file:
            while part := file.read(CHUNK):
                parts.append(part)
                size += len(part)
                self._unpacked += len(part)
                if size > MAX_BYTES:
                    raise PhotoError(Said("many.zip_entry_too_large", limit=MAX_BYTES // MEGABYTE))
                if self._unpacked > MAX_UNPACKED:
                    raise PhotoError(Said("many.zip_too_much", limit=MAX_UNPACKED // MEGABYTE))
        return b"".join(parts)


def open_zip(path: Path) -> tuple[_Limited, zipfile.ZipFile]:
    """A ZIP ready to be read, and the file below it, which the caller closes.

    Raises:
        PhotoError: if it can't be opened, is no ZIP, is damaged, or holds too many entries.
    """
    try:
        file = _Limited(path)
    except OSError:  # its text names the path
        raise PhotoError(Said("photo.closed" if path.exists() else "photo.missing")) from None
    try:
        archive = zipfile.ZipFile(file)
        file.most = sys.maxsize
        if len(archive.infolist()) <= MAX_ENTRIES:
            return file, archive
        problem = Said("many.zip_too_many", limit=MAX_ENTRIES)
    except _ListTooLong:
        problem = Said("many.zip_too_many", limit=MAX_ENTRIES)
    except _DAMAGED:
        problem = Said("many.zip_damaged")
    file.close()
    raise PhotoError(problem)


class _ListTooLong(Exception):
    pass


class _Limited(io.FileIO):
    """A file that hands over no more than ``most`` bytes at once.

    ``zipfile`` reads a ZIP's list of entries in one go, before it can be asked for their number, and keeps ten times as
    much in memory.
    """

    most = MAX_DIRECTORY

    def read(self, size: int | None = -1, /) -> Any:
        if size is not None and size > self.most:
            raise _ListTooLong
        return super().read(-1 if size is None else size)


def _in_folder(folder: Path, name: str) -> Part:
    """The photos in a folder and below it; links to folders are not followed, since they may lead in circles."""
    items: list[Item] = []
    passed_over = 0

    def name_of(path: Path) -> str:
        return f"{name}/{safe_name(path.relative_to(folder).as_posix())}" if path != folder else name

    def closed(error: OSError) -> None:
        path = Path(error.filename)
        items.append(Item(name_of(path), path, problem=Said("many.folder_closed")))

    for place, inner, files in os.walk(folder, onerror=closed):
        inner[:] = sorted(one for one in inner if not _is_hidden(one))
        for file in sorted(one for one in files if not _is_hidden(one)):
            path = Path(place, file)
            found, other = _of_file(path, name_of(path)) if _is_wanted(file) else ([], 1)
            items += found
            passed_over += other
    return items, passed_over


def _of_file(path: Path, name: str) -> Part:
    """A file that is taken for a photo, or what a ZIP holds."""
    suffix = _suffix(path.name)
    if suffix not in ARCHIVES:
        return [Item(name, path)], 0
    if suffix != ".zip":
        return [Item(name, path, problem=Said("many.other_archive"))], 0
    try:
        file, archive = open_zip(path)
    except PhotoError as error:
        return [Item(name, path, problem=error.args[0])], 0
    with file, archive:
        return _in_zip(path, name, archive)


def _in_zip(path: Path, name: str, archive: zipfile.ZipFile) -> Part:
    items: list[Item] = []
    passed_over = 0
    for number, entry in sorted(enumerate(archive.infolist()), key=lambda one: one[1].filename):
        parts = entry.filename.replace("\\", "/").split("/")
        if entry.is_dir() or any(map(_is_hidden, parts)):
            continue
        if _is_wanted(parts[-1]):
            items.append(Item(f"{name}/{safe_name(entry.filename)}", path, number, _refused(entry)))
        else:
            passed_over += 1
    return items, passed_over


def _refused(entry: zipfile.ZipInfo) -> Said | None:
    """Why an entry is not even tried."""
    if _suffix(entry.filename) in ARCHIVES:
        return Said("many.nested")
    if entry.flag_bits & 0x1:
        return Said("many.encrypted")
    if entry.compress_type not in PACKED_BY:
        return Said("many.packed_otherwise")
    return None


def _is_hidden(name: str) -> bool:
    return (name.startswith(".") and bool(name.strip("."))) or name.lower() == SYSTEM_FOLDER


def _is_wanted(name: str) -> bool:
    """Whether a file is a photo by its name, or an archive: of that there is more to say than that it is none."""
    return _suffix(name) in PICTURES | ARCHIVES


def _suffix(name: str) -> str:
    return PurePosixPath(name).suffix.lower()
