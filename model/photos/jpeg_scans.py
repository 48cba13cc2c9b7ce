"""Counts the scans of a JPEG, and finds where its picture is complete, without decoding a pixel."""

from __future__ import annotations

import re
from dataclasses import dataclass

END = b"\xff\xd9"
# A marker: not an escaped 255, not a restart between two parts of a scan, not a filler.
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_FRAMES = {0xC0: False, 0xC1: False, 0xC2: True, 0xC9: False, 0xCA: True}  # marker of a frame: is it progressive?
_SCAN, _END = 0xDA, 0xD9
_COEFFICIENTS = 64  # of a block
MOST_SEGMENTS = 100_000  # a file with more, or more bytes between them, is made to waste time: each counts as a scan


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
