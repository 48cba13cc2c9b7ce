"""Finds the photos among files, folders and ZIPs, and reads them one by one; it never unpacks anything to the disk."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from explain.batch.names import (
    ARCHIVES,
    CLIPS,
    HEAD,
    PICTURES,
    is_hidden,
    is_junk,
    is_other_archive,
    is_picture,
    is_zip,
    safe_name,
    suffix,
)
from explain.batch.zip_names import names_of
from explain.batch.zips import DAMAGED, MEGABYTE, LimitedFile, first_bytes, open_zip, refused
from model.clips.clip import is_clip
from model.errors import PhotoError
from model.i18n.catalogue import Message
from model.photos.photo import MAX_BYTES

MAX_UPLOAD = 500 * MEGABYTE  # bytes of an upload to the page: a hundred photos from a camera
MAX_UNPACKED = 2_000 * MEGABYTE  # bytes unpacked from one ZIP; 5,000 photos from messengers take half of it
CHUNK = MEGABYTE  # bytes unpacked between two checks of the limits
Source = str | os.PathLike[str]


@dataclass(frozen=True)
class Item:
    """One photo to read, or the problem with it.

    Attributes:
        name: its displayed name.
        path: the file on the disk.
        entry: its index in the ZIP's list of entries; None if the file itself is the photo.
        problem: why it can't be read; None if reading can be tried.
    """

    name: str
    path: Path
    entry: int | None = None
    problem: Message | None = None


@dataclass(frozen=True)
class Found:
    """The photos that were found.

    Attributes:
        items: the photos, in the given order; those of a folder or a ZIP sorted by name.
        passed_over: number of other files among them, such as texts.
    """

    items: tuple[Item, ...]
    passed_over: int


def find(sources: Iterable[Source], shown: Callable[[Path], str] | None = None, gathered: bool = False) -> Found:
    """The photos among files, folders and ZIPs; no photo is read yet.

    A given file is always tried, unless an operating system has made it. Inside folders and ZIPs, hidden files are left
    out, and files that have neither the name nor the content of a picture are only counted.

    Args:
        sources: any mixture of paths.
        shown: the displayed name of a given path; by default its last part, so that no folder of a server is shown.
        gathered: the files were not given one by one but as the content of a folder.
    """
    items: list[Item] = []
    passed_over = 0
    for item in walk(sources, shown, gathered):
        if item is None:
            passed_over += 1
        else:
            items.append(item)
    return Found(tuple(items), passed_over)


def walk(
    sources: Iterable[Source], shown: Callable[[Path], str] | None = None, gathered: bool = False
) -> Iterator[Item | None]:
    """What ``find`` finds, one by one, None for each other file; it holds the names of one folder at a time."""
    for path in map(Path, sources):
        name = safe_name(path.name) if shown is None else shown(path)
        if _is_folder(path):
            found = _in_folder(path, name)
        elif is_junk(path.name) or (gathered and not _is_wanted(path.name, partial(_head, path))):
            yield None
            continue
        else:
            found = _of_file(path, name)
        is_empty = True
        for item in found:
            is_empty = is_empty and item is None
            yield item
        if is_empty:
            yield Item(name, path, problem=Message("many.no_photo"))


def holds_many(path: Path) -> bool:
    """Whether a path is a folder or an archive."""
    head = _head(path)
    return _is_folder(path) or is_zip(path.name, head) or is_other_archive(path.name, head)


class Reader:
    """Reads items one after the other; the ZIP that the last one came from stays open.

    The limits count the bytes that are really unpacked, because a ZIP's own list may be wrong.
    """

    def __init__(self) -> None:
        self._path: Path | None = None
        self._file: LimitedFile | None = None
        self._archive: zipfile.ZipFile | None = None
        self._unpacked = 0

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *problem: object) -> None:
        self._close()

    def read(self, item: Item) -> Path | bytes:
        """The input for ``open_photo``: a file's path, or the bytes of a ZIP's entry.

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
        except DAMAGED as error:
            raise PhotoError(Message("many.zip_entry_damaged")) from error

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
                    raise PhotoError(Message("many.zip_entry_too_large", limit=MAX_BYTES // MEGABYTE))
                if self._unpacked > MAX_UNPACKED:
                    raise PhotoError(Message("many.zip_too_much", limit=MAX_UNPACKED // MEGABYTE))
        return b"".join(parts)


def _in_folder(folder: Path, name: str) -> Iterator[Item | None]:
    """The photos in a folder and below it; links to folders are not followed, since they may lead in circles."""
    closed: list[Path] = []

    def name_of(path: Path) -> str:
        return f"{name}/{safe_name(path.relative_to(folder).as_posix())}" if path != folder else name

    for place, inner, files in os.walk(folder, onerror=lambda error: closed.append(Path(error.filename))):
        yield from _closed(closed, name_of)
        inner[:] = sorted(name for name in inner if not is_hidden(name))
        for file in sorted(name for name in files if not is_hidden(name)):
            path = Path(place, file)
            if _is_wanted(file, partial(_head, path)):
                yield from _of_file(path, name_of(path))
            else:
                yield None
    yield from _closed(closed, name_of)


def _closed(folders: list[Path], name_of: Callable[[Path], str]) -> Iterator[Item]:
    """The folders that could not be opened, which are taken from the list."""
    while folders:
        path = folders.pop(0)
        yield Item(name_of(path), path, problem=Message("many.folder_closed"))


def _of_file(path: Path, name: str) -> Iterator[Item | None]:
    """A file as one photo, or the photos that a ZIP holds."""
    head = _head(path)
    if is_other_archive(path.name, head):
        yield Item(name, path, problem=Message("many.other_archive"))
    elif not is_zip(path.name, head):
        yield Item(name, path)
    else:
        try:
            file, archive = open_zip(path)
        except PhotoError as error:
            yield Item(name, path, problem=error.args[0])
            return
        with file, archive:
            yield from _in_zip(path, name, archive)


def _head(path: Path) -> bytes:
    """The first bytes of a file; none if it can't be read, which opening it as a photo will say."""
    try:
        if not path.is_file():  # opening a pipe could block forever
            return b""
        with path.open("rb") as file:
            return file.read(HEAD)
    except OSError:
        return b""


def _in_zip(path: Path, name: str, archive: zipfile.ZipFile) -> Iterator[Item | None]:
    entries = archive.infolist()
    for inner, number in sorted((inner, number) for number, inner in enumerate(names_of(entries))):
        parts = inner.split("/")
        if not parts[-1] or any(map(is_hidden, parts)):
            continue
        entry = entries[number]
        problem = refused(entry, inner)
        if _is_wanted(parts[-1], partial(first_bytes, archive, entry, 0 if problem else HEAD)):
            yield Item(f"{name}/{safe_name(inner)}", path, number, problem)
        else:
            yield None


def _is_wanted(name: str, head: Callable[[], bytes]) -> bool:
    """Whether a file has the name of a photo, a clip or an archive, which gets its own error, or begins like one.

    Args:
        name: the file's name.
        head: reads the first bytes of the file.
    """
    if is_junk(name) or is_hidden(name):
        return False
    return suffix(name) in PICTURES | CLIPS | ARCHIVES or is_picture(start := head()) or is_clip(start)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # such as a name that is too long
        return False
