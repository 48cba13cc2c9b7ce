"""Paths and URLs as fsspec file systems, with errors that a user can act on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from explain.batch.photos import Item, Reader
from explain.bulk.task import Found
from model.errors import PhotoError, SettingsError, UserError, one_line
from model.i18n.catalogue import Message
from model.photos.photo import MAX_BYTES

TRIES = 3  # of reading from a network
PAUSE = 0.5  # seconds before the second try; twice that before the third
# fsspec also knows protocols that run commands or unpack other files; an untrusted list must not name these.
PROTOCOLS = frozenset(
    {"file", "local", "memory", "http", "https", "s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oci", "hf"}
    | {"hdfs", "webhdfs", "oss", "r2"}
)


def is_url(place: str) -> bool:
    """Whether a place is a URL and no local path."""
    return "://" in place


def file_system(place: str) -> tuple[Any, str]:
    """The file system of a path or URL, and the path in it.

    Raises:
        SettingsError: if the protocol is not one of ``PROTOCOLS``, or the package for it is missing.
    """
    protocol = place.partition("://")[0].lower() if is_url(place) else "file"
    if protocol not in PROTOCOLS or "::" in place:
        raise SettingsError(Message("bulk.protocol", place=place, known=", ".join(sorted(PROTOCOLS))))
    try:
        return fsspec.url_to_fs(place if is_url(place) else str(Path(place).absolute()))
    except (ImportError, ValueError) as error:
        raise SettingsError(Message("bulk.no_package", place=place, reason=one_line(error))) from error


def is_local(files: object) -> bool:
    """Whether a file system is this machine's disk."""
    return isinstance(files, LocalFileSystem)


@contextmanager
def refusing(place: str) -> Iterator[None]:
    """Turn errors of a file system inside the block into a sentence.

    Raises:
        SettingsError: for every error that is none for users; each cloud's library has errors of its own.
    """
    try:
        yield
    except UserError:
        raise
    except FileNotFoundError as error:
        raise SettingsError(Message("bulk.nowhere", place=place)) from error
    except UnicodeDecodeError as error:
        raise SettingsError(Message("bulk.not_utf8", place=place)) from error
    except Exception as error:
        raise SettingsError(Message("bulk.closed", place=place, reason=one_line(error))) from error


def source_of(photo: Found, reader: Reader) -> Path | bytes:
    """The input for ``open_photo``: a file's path, or the bytes of a photo at a URL or in an archive.

    Raises:
        PhotoError: if it can't be read.
        SettingsError: see ``file_system``.
    """
    if photo.problem is not None:
        raise PhotoError(photo.problem)
    if photo.span is not None or is_url(photo.place):
        return read_photo(photo.place, photo.span)
    return reader.read(Item(photo.name, Path(photo.place), photo.entry))


def read_photo(place: str, span: tuple[int, int] | None = None) -> bytes:
    """The bytes of a photo at a URL, or of a part of a file; at most one more than ``MAX_BYTES``.

    Args:
        place: path or URL.
        span: first byte and number of bytes; None for the whole file.

    Raises:
        PhotoError: if it can't be read; a file that is there is tried ``TRIES`` times.
        SettingsError: see ``file_system``.
    """
    files, path = file_system(place)
    for turn in range(TRIES):
        try:
            return _read(files, path, span)
        except FileNotFoundError as error:
            raise PhotoError(Message("photo.missing")) from error
        except Exception as error:  # each cloud's library has its own
            if turn == TRIES - 1 or is_local(files):
                raise PhotoError(Message("photo.closed")) from error
            time.sleep(PAUSE * (turn + 1))
    raise AssertionError  # the last turn returns or raises


def _read(files: Any, path: str, span: tuple[int, int] | None) -> bytes:
    start, size = span or (0, MAX_BYTES + 1)
    most = min(size, MAX_BYTES + 1)
    with files.open(path, "rb") as file:
        if start:
            file.seek(start)
        data: bytes = file.read(most)
    if span is not None and len(data) < most:
        raise EOFError
    return data
