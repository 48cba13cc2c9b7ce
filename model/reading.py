"""Reads picture files, one at a time or several at once, without ever holding more than a few."""

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model.layout import DatasetError, Example

NAMED = 5  # unreadable files that a warning names, before it only counts
AHEAD = 256  # files handed to the threads at once: a list of 200,000 waiting tasks would cost more than the pictures
Result = TypeVar("Result")
logger = logging.getLogger(__name__)


def read_rgb(path: Path) -> NDArray[np.uint8]:
    """Read a picture as ``(H, W, 3) uint8`` RGB.

    Raises:
        DatasetError: if OpenCV can't decode the file.
    """
    return _read(path, cv2.IMREAD_COLOR_RGB)


def read_mask(path: Path) -> NDArray[np.uint8]:
    """Read a mask as ``(H, W) uint8``.

    Raises:
        DatasetError: if OpenCV can't decode the file.
    """
    return _read(path, cv2.IMREAD_GRAYSCALE)


def _read(path: Path, flags: int) -> NDArray[np.uint8]:
    picture = cv2.imread(str(path), flags)
    if picture is None:
        raise DatasetError(f"{path} is not a picture that can be read.")
    return np.asarray(picture, dtype=np.uint8)


def readable(path: Path) -> bool:
    """Whether a picture is whole and decodes; at an eighth of its size where the format allows, so in 0.3 ms.

    Pillow notices a JPEG that was cut off, which OpenCV would fill up with grey; OpenCV is what reads it later, and it
    refuses some PNGs that Pillow takes.
    """
    try:
        with Image.open(path) as picture:
            picture.draft("RGB", (1, 1))
            picture.load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return False
    return cv2.imread(str(path), cv2.IMREAD_REDUCED_COLOR_8) is not None


def map_in_threads(function: Callable[[Path], Result], paths: Sequence[Path], workers: int) -> Iterator[Result]:
    """``map`` in ``workers`` threads, in order; decoders let go of Python's lock, so threads do run side by side."""
    with ThreadPoolExecutor(workers) as pool:
        for start in range(0, len(paths), AHEAD):
            yield from pool.map(function, paths[start : start + AHEAD])


def leave_out_unreadable(root: Path, examples: Sequence[Example], is_readable: Sequence[bool]) -> list[Example]:
    """The readable examples, after one warning that names what is left out.

    Raises:
        DatasetError: if nothing is left.
    """
    broken = [example.path for example, fine in zip(examples, is_readable, strict=True) if not fine]
    if len(broken) == len(examples):
        raise DatasetError(f"None of the {len(examples)} pictures in {root} can be read.")
    if broken:
        more = f" and {len(broken) - NAMED} more" if len(broken) > NAMED else ""
        listed = ", ".join(broken[:NAMED])
        logger.warning(
            "%d of %d pictures can't be read and are left out: %s", len(broken), len(examples), listed + more
        )
    return [example for example, fine in zip(examples, is_readable, strict=True) if fine]
