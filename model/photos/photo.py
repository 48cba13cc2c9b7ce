"""Opens an untrusted photo file as upright RGB pixels, or refuses it in one clear sentence."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model.errors import PhotoError
from model.i18n.catalogue import Message
from model.photos.decode import check_sides
from model.photos.tones import on_white
from model.photos.worker import decode_apart

MAX_BYTES = 30_000_000  # a 50-megapixel phone JPEG takes 10 to 25 MB
TURNED = {1: Message("photo.turned_left"), 2: Message("photo.turned_over"), 3: Message("photo.turned_right")}


@dataclass(frozen=True)
class Photo:
    """One decoded photo.

    Attributes:
        pixels: ``(H, W, 3) uint8`` sRGB, turned upright by the EXIF orientation.
        notes: sentences for the user about what was left out or filled in.
        sha256: hex digest of the file's bytes, or of an array's bytes and shape.
        file: the file's bytes, which may also say where the picture comes from; empty for an array, and once read.
        turns: quarter turns to the left that were needed to see a face; ``pixels`` show the result.
    """

    pixels: NDArray[np.uint8] = field(compare=False, repr=False)
    notes: tuple[Message, ...]
    sha256: str
    file: bytes = field(default=b"", compare=False, repr=False)
    turns: int = 0

    def turned(self, turns: int) -> Photo:
        """The photo after a number of quarter turns to the left, with a note for the user."""
        if not turns:
            return self
        pixels = np.ascontiguousarray(np.rot90(self.pixels, turns))
        return replace(self, pixels=pixels, notes=(*self.notes, TURNED[turns % 4]), turns=self.turns + turns)


def open_photo(
    source: bytes | str | os.PathLike[str] | NDArray[Any], cancelled: Callable[[], bool] = lambda: False
) -> Photo:
    """Decode one photo, in a process of its own; every limit is checked before any pixel is decoded.

    Args:
        source: a file's bytes or path, or a uint8 array ``(H, W)``, ``(H, W, 3)`` RGB or ``(H, W, 4)`` RGBA.
        cancelled: once it is true, decoding is broken off.

    Returns:
        The photo; of an animation or a multi-page file the first picture, with a note.

    Raises:
        PhotoError: if the source is missing, damaged, too large, too small, of a kind that is not read correctly, took
            too long to decode, or was cancelled.
    """
    if isinstance(source, np.ndarray):
        return _photo_from_array(source)
    data = _read(source)
    pixels, notes = decode_apart(data, cancelled)
    return Photo(pixels, notes, hashlib.sha256(data).hexdigest(), data)


def _photo_from_array(array: NDArray[Any]) -> Photo:
    if array.dtype != np.uint8 or array.ndim not in (2, 3) or array.shape[2:] not in ((), (3,), (4,)):
        raise PhotoError(Message("photo.array", kind=str(array.dtype), shape=str(array.shape)))
    check_sides(width=array.shape[1], height=array.shape[0])
    image, notes = on_white(Image.fromarray(np.ascontiguousarray(array)))
    digest = hashlib.sha256(array.tobytes() + str(array.shape).encode())
    return Photo(np.array(image.convert("RGB")), notes, digest.hexdigest())


def _read(source: bytes | str | os.PathLike[str]) -> bytes:
    if isinstance(source, bytes):
        _check_bytes(len(source))
        return source
    if not isinstance(source, (str, os.PathLike)):
        raise PhotoError(Message("photo.no_photo", kind=type(source).__name__))
    try:
        path = Path(source)
        if not path.exists():
            raise PhotoError(Message("photo.missing"))
        if not path.is_file():  # opening a pipe or a device could block forever
            raise PhotoError(Message("photo.no_file"))
        _check_bytes(path.stat().st_size)
        with path.open("rb") as file:
            return file.read(MAX_BYTES)
    except OSError:  # its text contains the path
        raise PhotoError(Message("photo.closed")) from None


def _check_bytes(count: int) -> None:
    if count == 0:
        raise PhotoError(Message("photo.empty"))
    if count > MAX_BYTES:
        raise PhotoError(Message("photo.too_many_bytes", size=count, limit=MAX_BYTES))
