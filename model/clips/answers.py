"""The questions about a clip, and their answers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.i18n.catalogue import Message


@dataclass(frozen=True)
class Limits:
    """What a clip may have at most; None for no limit. They are checked before a frame is decoded.

    Attributes:
        size: bytes of its file.
        seconds: its length, without parts of a second.
        pixels: those of all its frames together.
    """

    size: int | None = None
    seconds: float | None = None
    pixels: int | None = None


@dataclass(frozen=True)
class Facts:
    """What a clip is.

    Attributes:
        seconds: from the first frame to the end of the last one.
        frames: their number in the file.
        width, height: of a frame in the file, before it is turned upright.
    """

    seconds: float
    frames: int
    width: int
    height: int


@dataclass(frozen=True)
class Picture:
    """One frame.

    Attributes:
        pixels: ``(H, W, 3) uint8`` RGB, upright, with square pixels.
        at: its timestamp in the file's own unit, by which it is found again.
        seconds: its time after the first frame.
        after_cut: whether a scene cut lies between it and the picture before.
        notes: sentences on how it was read.
    """

    pixels: NDArray[np.uint8]
    at: int
    seconds: float
    after_cut: bool = False
    notes: tuple[Message, ...] = ()
