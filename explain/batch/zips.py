"""Opens a ZIP that may be made to harm; its list of entries is checked before it is read."""

from __future__ import annotations

import io
import struct
import sys
import zipfile
import zlib
from pathlib import Path
from typing import Any

from explain.batch.names import ARCHIVES, suffix
from model.errors import PhotoError
from model.i18n.catalogue import Message

MEGABYTE = 1_000_000
MAX_ENTRIES = 5_000  # of one ZIP
MAX_DIRECTORY = 2 * MEGABYTE  # bytes of a ZIP's list of entries: 5,000 with names of 300 letters each
COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # others may expand bytes to gigabytes in one step
# What zipfile raises on malicious bytes, beside its documented errors.
DAMAGED = (
    *(zipfile.BadZipFile, zlib.error, struct.error, OSError, EOFError, ValueError, LookupError, ArithmeticError),
    *(RuntimeError, MemoryError),
)


class LimitedFile(io.FileIO):
    """A file that returns at most ``most`` bytes per read.

    ``zipfile`` reads a ZIP's whole list of entries before one can ask for their number, and needs ten times as much
    memory.
    """

    most = MAX_DIRECTORY

    def read(self, size: int | None = -1, /) -> Any:
        if size is not None and size > self.most:
            raise _ListTooLong
        return super().read(-1 if size is None else size)


class _ListTooLong(Exception):
    pass


def open_zip(path: Path) -> tuple[LimitedFile, zipfile.ZipFile]:
    """An open ZIP, and the file below it; the caller closes both.

    Raises:
        PhotoError: if it can't be opened, is not a ZIP, is damaged, or holds too many entries.
    """
    try:
        file = LimitedFile(path)
    except FileNotFoundError:
        raise PhotoError(Message("photo.missing")) from None
    except OSError:  # its text names the path
        raise PhotoError(Message("photo.closed")) from None
    try:
        archive = zipfile.ZipFile(file)
        file.most = sys.maxsize
        if len(archive.infolist()) <= MAX_ENTRIES:
            return file, archive
        problem = Message("many.zip_too_many", limit=MAX_ENTRIES)
    except _ListTooLong:
        problem = Message("many.zip_too_many", limit=MAX_ENTRIES)
    except DAMAGED:
        problem = Message("many.zip_damaged")
    file.close()
    raise PhotoError(problem)


def refused(entry: zipfile.ZipInfo, name: str) -> Message | None:
    """Why an entry is not tried."""
    if suffix(name) in ARCHIVES:
        return Message("many.nested")
    if entry.flag_bits & 0x1:
        return Message("many.encrypted")
    if entry.compress_type not in COMPRESSIONS:
        return Message("many.packed_otherwise")
    return None


def first_bytes(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, count: int) -> bytes:
    """The first bytes of an entry; none if it can't be read."""
    try:
        with archive.open(entry) as file:
            return file.read(count)
    except DAMAGED:
        return b""
