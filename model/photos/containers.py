"""Walks through the parts of a photo file without decoding a pixel.

It counts the scans of a JPEG and finds where its picture is complete. It counts the parts of a PNG, GIF or TIFF, since
Pillow takes seconds to pass over a million empty ones.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

END = b"\xff\xd9"
# A marker: not an escaped 255, not a restart between two parts of a scan, not a filler.
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_FRAMES = {0xC0: False, 0xC1: False, 0xC2: True, 0xC9: False, 0xCA: True}  # marker of a frame: is it progressive?
_SCAN, _END = 0xDA, 0xD9
_COEFFICIENTS = 64  # of a block
MOST_SEGMENTS = 100_000  # a file with more, or more bytes between them, is made to waste time: each counts as a scan
MOST_PARTS = 100_000  # Pillow passes over them in half a second; 30 MB of pixels take about as many at most
_PNG_HEAD, _PNG_AROUND = 8, 12  # bytes of the signature; of a chunk around its content
_GIF_HEAD, _GIF_PICTURE = 13, 10  # bytes before the first block; of a picture's block before its colours
_BIG_TIFF, _PIECES = 43, (273, 324)  # tags with the places of strips and of tiles
_EXTENSION, _COMMENT, _PICTURE, _TRAILER = 0x21, 0xFE, 0x2C, 0x3B
_FULL = 254  # bytes of a full sub-block for some encoders (255 for most); a picture of 30 MB has 118,000 of them
_COMMENT_BYTES = 20  # count as a part: Pillow copies a comment as often as it has sub-blocks


@dataclass
class Scans:
    """What a JPEG's scans are.

    Attributes:
        count: of scans up to the end marker or, without one, up to the end of the file.
        complete: where the first scan ends after which every coefficient of the picture has all of its bits; None if
            no scan does that, or the kind of frame is unknown.
        ended: whether an end marker follows the scans.
    """

    count: int = 0
    complete: int | None = None
    ended: bool = False


def scans_of(data: bytes) -> Scans:
    """Walk through the segments of a JPEG.

    Args:
        data: a file's bytes that begin with a JPEG's.
    """
    found, frame, place, between = Scans(), _Frame(), 2, 0
    for _ in range(MOST_SEGMENTS):
        marker = _MARKER.search(data, place)
        if marker is None or marker.start() + 4 > len(data):
            found.ended = marker is not None and data[marker.start() + 1] == _END
            return found
        code, start = data[marker.start() + 1], marker.end()
        between += marker.start() - place if not found.count else 0  # after that it is the picture
        if between > MOST_SEGMENTS:
            break
        if code == _END:
            found.ended = True
            return found
        length = int.from_bytes(data[start : start + 2], "big")
        body = data[start + 2 : start + length]
        place = start + max(length, 2)
        if code in _FRAMES:
            frame.begin(body, _FRAMES[code])
        elif code == _SCAN:
            found.count += 1
            frame.scan(body)
            if found.complete is None and frame.is_complete():
                after = _MARKER.search(data, place)
                found.complete = after.start() if after else len(data)
    found.count = MOST_SEGMENTS
    return found


class _Frame:
    """Which coefficients of which component have all of their bits."""

    def __init__(self) -> None:
        self._components: dict[int, list[bool]] = {}
        self._progressive = False

    def begin(self, body: bytes, progressive: bool) -> None:
        self._components = {number: [False] * _COEFFICIENTS for number in body[6::3]}
        self._progressive = progressive

    def scan(self, body: bytes) -> None:
        count = body[0] if body else 0
        numbers, rest = body[1 : 1 + 2 * count : 2], body[1 + 2 * count :]
        first, last, bits = 0, _COEFFICIENTS - 1, 0
        if self._progressive and len(rest) >= 3:
            first, last, bits = rest[0], min(rest[1], _COEFFICIENTS - 1), rest[2] & 15
        if bits == 0:
            for number in numbers:
                done = self._components.get(number, [])
                done[first : last + 1] = [True] * len(done[first : last + 1])

    def is_complete(self) -> bool:
        return bool(self._components) and all(all(done) for done in self._components.values())


# Other files than JPEG


def has_too_many_parts(data: bytes, kind: str | None) -> bool:
    """Whether a file has more than ``MOST_PARTS`` parts, as far as Pillow passes over them.

    Args:
        data: the file.
        kind: see ``kind_of``. Parts of other kinds cost nothing, or are counted elsewhere.
    """
    if kind == "PNG":
        return _has_many_chunks(data)
    if kind == "GIF":
        return _has_many_blocks(data)
    return kind == "TIFF" and _has_many_tags(data)


def _has_many_chunks(data: bytes) -> bool:
    place = _PNG_HEAD
    for _ in range(MOST_PARTS):
        if place >= len(data) or data[place + 4 : place + 8] == b"IEND":
            return False
        place += _PNG_AROUND + int.from_bytes(data[place : place + 4], "big")
    return place < len(data)


def _has_many_blocks(data: bytes) -> bool:
    """Up to the second picture; every byte that begins no block is a part as well."""
    place, count, pictures = _GIF_HEAD + _colours(data, _GIF_HEAD - 3), 0, 0
    while place < len(data) and count <= MOST_PARTS:
        code = data[place]
        count += 1
        if code == _TRAILER or (code == _PICTURE and pictures):
            return False
        if code == _EXTENSION:
            is_comment = data[place + 1 : place + 2] == bytes([_COMMENT])
            place, parts = _after_blocks(data, place + 2, is_comment)
        elif code == _PICTURE:
            pictures += 1
            place, parts = _after_blocks(data, place + _GIF_PICTURE + _colours(data, place + _GIF_PICTURE - 1) + 1)
        else:
            place, parts = place + 1, 0
        count += parts
    return count > MOST_PARTS


def _has_many_tags(data: bytes) -> bool:
    """The tags of the first picture, and its strips or tiles."""
    order: Literal["little", "big"] = "little" if data[:2] == b"II" else "big"

    def number(place: int, size: int) -> int:
        return int.from_bytes(data[place : place + size], order)

    # Bytes of an address, where the first one is, of the number of tags, of a tag, of the number of its values.
    address, first, count, tag, values = (8, 8, 8, 20, 8) if number(2, 2) == _BIG_TIFF else (4, 4, 2, 12, 4)
    start = number(first, address)
    tags = number(start, count)
    if tags > MOST_PARTS:
        return True
    places = range(start + count, min(start + count + tags * tag, len(data)), tag)
    return any(number(place, 2) in _PIECES and number(place + 4, values) > MOST_PARTS for place in places)


def _colours(data: bytes, place: int) -> int:
    """Bytes of the table of colours that the flags at a place announce."""
    flags = data[place] if place < len(data) else 0
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _after_blocks(data: bytes, place: int, is_comment: bool = False) -> tuple[int, int]:
    """Where a series of sub-blocks ends, and how many parts it has."""
    count = 0
    while place < len(data) and data[place] and count <= MOST_PARTS:
        size = data[place]
        count += 1 + size // _COMMENT_BYTES if is_comment else size < _FULL
        place += 1 + size
    return place + 1, count
