"""Builds small valid and damaged photo files for tests."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

SIDE = 48
RED, BLUE, WHITE = (255, 0, 0), (0, 0, 255), (255, 255, 255)


def encode(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def plain(colour: Any = RED, mode: str = "RGB", size: tuple[int, int] = (SIDE, SIDE)) -> Image.Image:
    return Image.new(mode, size, colour)


def gradient(height: int = SIDE, width: int = 64) -> NDArray[np.uint8]:
    """A smooth ``(height, width, 3) uint8`` picture; every pixel differs from its neighbours."""
    rows, columns = np.mgrid[0:height, 0:width]
    return np.stack([rows * 4, columns * 3, (rows + columns) * 2], axis=2).astype(np.uint8)


def png_chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(width: int, height: int, rows: bytes, depth: int = 1, extra: bytes = b"") -> bytes:
    """A greyscale PNG; ``rows`` is the compressed picture, ``extra`` holds complete chunks before it."""
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + extra + png_chunk(b"IDAT", rows) + png_chunk(b"IEND", b"")


def with_valid_checksums(data: bytes) -> bytes:
    """Repair the checksums of a damaged PNG, so that the damage reaches the parsers of its chunks."""
    repaired, start = bytearray(data), 8
    while start + 12 <= len(data):
        end = start + 8 + int.from_bytes(data[start : start + 4], "big")
        repaired[end : end + 4] = struct.pack(">I", zlib.crc32(data[start + 4 : end]))[: len(data[end : end + 4])]
        start = end + 4
    return bytes(repaired)


def zeros(count: int) -> bytes:
    """``count`` zero bytes, compressed a megabyte at a time."""
    packer = zlib.compressobj(9)
    block = bytes(1_000_000)
    parts = [packer.compress(block) for _ in range(count // len(block))]
    return b"".join([*parts, packer.compress(block[: count % len(block)]), packer.flush()])


def swapped_profile() -> bytes:
    """An sRGB profile with swapped red and blue primaries and another name: its red is blue in sRGB."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    count = struct.unpack(">I", profile[128:132])[0]
    table = {profile[132 + 12 * i : 136 + 12 * i]: 132 + 12 * i for i in range(count)}
    swapped = bytearray(profile)
    red, blue = table[b"rXYZ"], table[b"bXYZ"]
    swapped[red + 4 : red + 12], swapped[blue + 4 : blue + 12] = (
        profile[blue + 4 : blue + 12],
        profile[red + 4 : red + 12],
    )
    return bytes(swapped).replace("sRGB".encode("utf-16-be"), "swap".encode("utf-16-be"))
