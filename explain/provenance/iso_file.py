"""Finds EXIF, XMP and the size of the picture in AVIF and HEIC files, which are boxes within boxes.

After ISO/IEC 14496-12 and 23008-12. It is read here because Pillow would hand the file to a decoder for that.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

MOST_BOXES = 20_000
MOST_BYTES = 2_000_000  # of EXIF or XMP
XMP_TYPE = b"application/rdf+xml"
Box = tuple[bytes, memoryview]  # type and content


@dataclass
class IsoNotes:
    """What was found; empty or zero where there is none.

    Attributes:
        exif: TIFF bytes.
        xmp: the packet.
        size: width and height in pixels, of the largest picture in the file.
    """

    exif: bytes = b""
    xmp: bytes = b""
    size: tuple[int, int] = (0, 0)


def notes_of(data: bytes) -> IsoNotes:
    """Read the box ``meta`` of a file.

    Raises:
        struct.error, IndexError, ValueError: if the boxes are damaged.
    """
    found, items, places = IsoNotes(), dict[int, bytes](), dict[int, bytes]()
    meta = next((content for kind, content in _boxes(memoryview(data)) if kind == b"meta"), memoryview(b""))
    for kind, content in _boxes(meta[4:]):
        if kind == b"iinf":
            items = dict(_items(content))
        elif kind == b"iloc":
            places = dict(_places(content, data))
        elif kind == b"iprp":
            found.size = _largest(content)
    for number, type_ in items.items():
        if type_ == b"Exif" and not found.exif:
            stored = places.get(number, b"")
            found.exif = stored[4 + int.from_bytes(stored[:4], "big") :]  # the number: where TIFF's own header begins
        elif type_ == XMP_TYPE and not found.xmp:
            found.xmp = places.get(number, b"")
    return found


def _boxes(content: memoryview) -> Iterator[Box]:
    place = 0
    for _ in range(MOST_BOXES):
        if place + 8 > len(content):
            return
        size, kind = struct.unpack_from(">I4s", content, place)
        head = 8
        if size == 1:
            (size,), head = struct.unpack_from(">Q", content, place + 8), 16
        if size == 0:  # up to the end
            size = len(content) - place
        if size < head:
            return
        yield kind, content[place + head : place + size]
        place += size


def _items(content: memoryview) -> Iterator[tuple[int, bytes]]:
    """Number and type of each item; for a MIME item the MIME type."""
    head = 6 if content[0] == 0 else 8
    for kind, entry in _boxes(content[head:]):
        if kind != b"infe" or entry[0] not in (2, 3):
            continue
        form = ">HH4s" if entry[0] == 2 else ">IH4s"
        number, _protected, type_ = struct.unpack_from(form, entry, 4)
        if type_ == b"mime":
            name_and_type = entry[4 + struct.calcsize(form) :].tobytes().split(b"\0")
            type_ = name_and_type[1] if len(name_and_type) > 1 else b""
        yield number, type_


def _places(content: memoryview, data: bytes) -> Iterator[tuple[int, bytes]]:
    """Number and bytes of each item that lies in the file as it is; only the first ``MOST_BYTES``."""
    version = content[0]
    (sizes,) = struct.unpack_from(">H", content, 4)
    offset_size, length_size, base_size, index_size = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    wide = version == 2
    reader = _Numbers(content, 6)
    for _ in range(min(reader.next(4 if wide else 2), MOST_BOXES)):
        number, method = reader.next(4 if wide else 2), reader.next(2) & 15 if version else 0
        reader.next(2)  # which file: this one
        base, parts = reader.next(base_size), list[bytes]()
        for _ in range(min(reader.next(2), MOST_BOXES)):
            reader.next(index_size if version else 0)
            start = base + reader.next(offset_size)
            parts.append(data[start : start + min(reader.next(length_size), MOST_BYTES)])
            if sum(map(len, parts)) > MOST_BYTES:
                break
        if method == 0:
            yield number, b"".join(parts)


class _Numbers:
    """Reads numbers of any size one after the other."""

    def __init__(self, content: memoryview, place: int) -> None:
        self._content, self._place = content, place

    def next(self, size: int) -> int:
        """The next number of so many bytes."""
        end = self._place + size
        if end > len(self._content):
            raise ValueError("a list of places is cut off")
        value = int.from_bytes(self._content[self._place : end], "big")
        self._place = end
        return value


def _largest(properties: memoryview) -> tuple[int, int]:
    container = next((content for kind, content in _boxes(properties) if kind == b"ipco"), memoryview(b""))
    sizes = [struct.unpack_from(">II", content, 4) for kind, content in _boxes(container) if kind == b"ispe"]
    width, height = max(sizes, key=lambda size: size[0] * size[1], default=(0, 0))
    return width, height
