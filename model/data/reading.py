"""Reads picture files, one by one or in threads, with only a few in memory at a time."""

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from model.data.layout import Example
from model.errors import DatasetError
from model.photos.tones import on_white

NAMED = 5  # unreadable files that a warning names; it only counts the others
JPEG = b"\xff\xd8"  # first bytes of a JPEG file
UNDECODABLE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)  # what Pillow raises on broken files
AHEAD = 256  # files given to the threads at once: a queue of 200,000 tasks would need more memory than the pictures
Result = TypeVar("Result")
logger = logging.getLogger(__name__)


def read_rgb(path: Path) -> NDArray[np.uint8]:
    """Read a picture as ``(H, W, 3) uint8`` RGB; transparent pixels are put on white, as on the page.

    Raises:
        DatasetError: if the file can't be read or decoded.
    """
    return _known(path, decode_rgb(_bytes_of(path)))


def read_mask(path: Path) -> NDArray[np.uint8]:
    """Read a mask as ``(H, W) uint8``.

    Raises:
        DatasetError: if the file can't be read or decoded.
    """
    return _known(path, _decode(_bytes_of(path), cv2.IMREAD_GRAYSCALE))


def decode_rgb(data: bytes) -> NDArray[np.uint8] | None:
    """Decode a picture file's bytes as ``(H, W, 3) uint8`` RGB; None if they can't be decoded.

    OpenCV would keep the hidden colours of transparent pixels. These depend on the program that saved the picture, and
    a network would learn them instead of the forgery.
    """
    if not data.startswith(JPEG):
        try:
            with Image.open(BytesIO(data)) as picture:
                if picture.has_transparency_data:
                    return np.asarray(on_white(ImageOps.exif_transpose(picture))[0], dtype=np.uint8)
        except UNDECODABLE:
            return None
    return _decode(data, cv2.IMREAD_COLOR_RGB)


def _bytes_of(path: Path) -> bytes:
    """A file's content; empty if it can't be read.

    OpenCV's own file reader can't open names with non-ASCII letters on Windows, and it fills the missing part of a
    truncated file with grey. From bytes, OpenCV decodes nothing from such a file.
    """
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _decode(data: bytes, flags: int) -> NDArray[np.uint8] | None:
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags) if data else None
    return None if pixels is None else np.asarray(pixels, dtype=np.uint8)


def _known(path: Path, pixels: NDArray[np.uint8] | None) -> NDArray[np.uint8]:
    if pixels is None:
        raise DatasetError(f"{path} is not a picture that can be read.")
    return pixels


def stamp(path: Path) -> tuple[int, int] | None:
    """Size in bytes and modification time in nanoseconds, to detect changes; None if the file can't be accessed."""
    try:
        state = path.stat()
    except OSError:
        return None
    return state.st_size, state.st_mtime_ns


def readable(path: Path) -> bool:
    """Whether a picture is complete and can be decoded.

    The product reads photos with Pillow, this module with OpenCV, which refuses some PNGs that Pillow reads: both must
    succeed. They decode at an eighth of the size where the format allows it, which takes 0.3 ms.
    """
    data = _bytes_of(path)
    try:
        with Image.open(BytesIO(data)) as picture:
            picture.draft("RGB", (1, 1))
            picture.load()
    except UNDECODABLE:
        return False
    return _decode(data, cv2.IMREAD_REDUCED_COLOR_8) is not None


def map_in_threads(function: Callable[[Path], Result], paths: Sequence[Path], workers: int) -> Iterator[Result]:
    """``map`` in ``workers`` threads, in order; threads help because decoders release the GIL."""
    with ThreadPoolExecutor(workers) as pool:
        for start in range(0, len(paths), AHEAD):
            yield from pool.map(function, paths[start : start + AHEAD])


def leave_out_unreadable(
    root: Path, examples: Sequence[Example], is_readable: Sequence[bool], listing: Path | None = None
) -> list[Example]:
    """The readable examples; one warning names those that are left out.

    Args:
        root: the data folder.
        examples: all pictures.
        is_readable: whether each of them is readable.
        listing: a text file for the names of all unreadable pictures, one per line; removed if there are none.

    Raises:
        DatasetError: if no picture is readable.
    """
    broken = [example.path for example, fine in zip(examples, is_readable, strict=True) if not fine]
    if listing is not None:
        _list(listing, broken)
    where = f"; {listing} lists them all" if listing else ""
    if len(broken) == len(examples):
        raise DatasetError(f"None of the {len(examples)} pictures in {root} can be read{where}.")
    if broken:
        more = f" and {len(broken) - NAMED} more" if len(broken) > NAMED else ""
        named = ", ".join(broken[:NAMED]) + more + where
        logger.warning("%d of %d pictures can't be read and are left out: %s", len(broken), len(examples), named)
    return [example for example, fine in zip(examples, is_readable, strict=True) if fine]


def _list(file: Path, names: Sequence[str]) -> None:
    if not names:
        file.unlink(missing_ok=True)
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
