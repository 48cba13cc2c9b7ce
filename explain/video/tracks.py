"""Follows faces from frame to frame by the overlap of their boxes, as SORT does (Bewley et al., arXiv 1602.00763).

A face's next place is predicted from its last movement, so that two faces that cross keep their tracks; one that is not
there, since it stopped or turned, is looked for at its last place. SORT's Kalman filter would need many more frames per
second than are judged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

MIN_OVERLAP = 0.2  # intersection over union; two thirds of a face's width to the side leave as much
MOST_MISSED = 2  # frames in a row in which a face may not be found
PATIENCE_S = 1.0  # for so long a face may not be found, too: as in ByteTrack (Zhang et al., arXiv 2110.06864)
Box = tuple[int, int, int, int]  # x, y, w, h in pixels of the frame


@dataclass
class _Track:
    number: int
    box: NDArray[np.float64]  # (4,): x, y, w, h
    seconds: float
    movement: NDArray[np.float64] = field(default_factory=lambda: np.zeros(4))  # of the box, per second
    missed: int = 0

    def predicted(self, seconds: float) -> NDArray[np.float64]:
        box = self.box + self.movement * (seconds - self.seconds)
        box[2:] = np.maximum(box[2:], 1)
        return box

    def may_be_missed(self, seconds: float) -> bool:
        """Whether the face may still return, as the same one, in a frame of this time."""
        return self.missed <= MOST_MISSED or seconds - self.seconds <= PATIENCE_S


class Tracker:
    """Gives every face of every frame the number of its track."""

    def __init__(self) -> None:
        self._open: list[_Track] = []
        self._count = 0

    def follow(self, boxes: Sequence[Box], seconds: float, after_cut: bool = False) -> list[int]:
        """The tracks of a frame's faces, numbered from 0 in the order in which they begin.

        Args:
            boxes: of the faces.
            seconds: time of the frame, later than that of the frame before.
            after_cut: whether a scene cut came before the frame, which ends all tracks.
        """
        self._open = [track for track in self._open if not after_cut and track.may_be_missed(seconds)]
        found = [np.array(box, float) for box in boxes]
        numbers = [-1] * len(found)
        missed = list(self._open)
        for track, place in self._pairs(found, seconds):
            passed = seconds - track.seconds
            track.movement = (found[place] - track.box) / passed if passed > 0 else track.movement
            track.box, track.seconds, track.missed = found[place], seconds, 0
            numbers[place] = track.number
            missed.remove(track)
        for track in missed:
            track.missed += 1
        for place, box in enumerate(found):
            if numbers[place] < 0:
                self._open.append(_Track(self._count, box, seconds))
                numbers[place], self._count = self._count, self._count + 1
        return numbers

    def _pairs(self, found: list[NDArray[np.float64]], seconds: float) -> list[tuple[_Track, int]]:
        """Tracks and the places of their boxes: first where the tracks lead, then where the other faces were last."""
        led = _assigned([track.predicted(seconds) for track in self._open], found)
        tracks = [track for row, track in enumerate(self._open) if row not in led]
        places = [place for place in range(len(found)) if place not in led.values()]
        stayed = _assigned([track.box for track in tracks], [found[place] for place in places])
        return [
            *((self._open[row], place) for row, place in led.items()),
            *((tracks[row], places[column]) for row, column in stayed.items()),
        ]


def _assigned(expected: list[NDArray[np.float64]], found: list[NDArray[np.float64]]) -> dict[int, int]:
    """The place of the box for each expected one that has any: the assignment with the largest overlap in all."""
    if not expected or not found:
        return {}
    overlaps = np.array([[overlap(one, other) for other in found] for one in expected])
    overlaps[overlaps < MIN_OVERLAP] = 0
    rows, columns = linear_sum_assignment(overlaps, maximize=True)
    return {int(row): int(column) for row, column in zip(rows, columns, strict=True) if overlaps[row, column]}


def overlap(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Intersection over union of two boxes ``(4,)``: x, y, w, h."""
    starts, ends = np.maximum(first[:2], second[:2]), np.minimum(first[:2] + first[2:], second[:2] + second[2:])
    shared = float(np.prod(np.maximum(ends - starts, 0)))
    return shared / (float(np.prod(first[2:]) + np.prod(second[2:])) - shared)
