"""Finds the photos in a tar, such as a shard of a WebDataset; it reads headers only and never unpacks."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from typing import IO, Any

from explain.batch.names import PICTURES, is_hidden, safe_name, suffix
from explain.bulk.storage import file_system, refusing
from explain.bulk.task import Found
from model.i18n.catalogue import Message
from model.photos.photo import MAX_BYTES

MAX_HEADER = 1_000_000  # bytes that one read may return: names are headers, and a file made to harm claims gigabytes


class _Headers:
    """A file for ``tarfile`` that returns at most ``MAX_HEADER`` bytes per read."""

    def __init__(self, file: IO[bytes]) -> None:
        self.seek, self.tell, self._file = file.seek, file.tell, file

    def read(self, size: int) -> bytes:
        """Read some bytes.

        Raises:
            tarfile.ReadError: if they are more than any header needs.
        """
        if size > MAX_HEADER:
            raise tarfile.ReadError
        return self._file.read(size)


def in_tar(place: str, name: str) -> Iterator[Found | None]:
    """The photos in a tar in their order, None for each other file; damage is a problem of its own.

    Args:
        place: path or URL.
        name: the tar's displayed name, before those of its photos.

    Raises:
        SettingsError: if it can't be read.
    """
    files, path = file_system(place)
    with refusing(place), files.open(path, "rb") as file:
        try:
            with tarfile.open(fileobj=_as_file(file), mode="r:") as archive:
                while (member := archive.next()) is not None:
                    archive.members = []  # type: ignore[attr-defined]  # it would keep them all
                    if member.isfile():
                        yield _found(member, place, name)
                file.seek(archive.offset)
                if any(file.read(tarfile.BLOCKSIZE)):  # tarfile takes a damaged header for the end
                    raise tarfile.ReadError
        except (tarfile.TarError, ValueError, OverflowError, EOFError):
            yield Found(name, place, problem=Message("bulk.no_tar", place=place))  # photos before the damage stay


def _as_file(file: IO[bytes]) -> Any:
    return _Headers(file)


def _found(member: tarfile.TarInfo, place: str, name: str) -> Found | None:
    inner = safe_name(member.name)
    if is_hidden(inner.rpartition("/")[2]) or suffix(inner) not in PICTURES:
        return None
    problem = None
    if member.sparse is not None or member.size < 0:
        problem = Message("bulk.odd_entry")
    elif member.size > MAX_BYTES:
        problem = Message("photo.too_many_bytes", size=member.size, limit=MAX_BYTES)
    return Found(f"{name}/{inner}", place, span=(member.offset_data, member.size), problem=problem)
