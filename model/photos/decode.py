"""Decodes a photo file's bytes into upright sRGB pixels, or refuses them in one sentence.

It calls native code on untrusted bytes: the product runs it in the process of ``model.photos.worker``.
"""

from __future__ import annotations

import struct
import warnings
import zlib
from contextlib import nullcontext, suppress
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError
from PIL.TiffImagePlugin import TiffImageFile

from model.errors import PhotoError
from model.i18n.catalogue import Message
from model.photos import tiff
from model.photos.colours import stated_profile, to_srgb
from model.photos.containers import END, MOST_PARTS, MOST_SEGMENTS, has_too_many_parts, scans_of
from model.photos.kinds import FORMATS, has_broken_items, kind_of, refusal
from model.photos.tones import check_deep_colours, on_white, to_8_bit

MAX_PIXELS = 50_000_000  # cameras with 48 or 50 megapixels stay just below; 200 MB in Pillow, 4 bytes per pixel
MIN_SIDE = 32  # pixels; a smaller picture cannot show a face
MAX_SCANNED = 1_000_000_000  # pixels times scans of a JPEG: 20 scans of the largest, about ten are usual
MEMORY_PER_PIXEL = 24  # bytes, at the peak of the greediest format, which is WebP with transparency
# What could follow a picture without an end marker. If the pixels depend on it, some of them are missing.
_FILLERS = (b"", b"\x55" * 64, b"\xaa" * 64)
# Pillow documents only OSError, but files made to break its parsers raise all of these.
HOSTILE_FILE_ERRORS = (
    *(OSError, EOFError, SyntaxError, ValueError, TypeError, AttributeError, LookupError, ArithmeticError),
    *(AssertionError, RuntimeError, MemoryError, struct.error, zlib.error),
)
Notes = tuple[Message, ...]


class NeedsMemory(Exception):
    """Decoding would need more memory than it may take now."""


def decode(data: bytes, memory: int | None = None) -> tuple[NDArray[np.uint8], Notes]:
    """Decode one photo; every limit is checked before any pixel is decoded.

    Args:
        data: a file's bytes.
        memory: bytes that decoding may take at its peak; None for as many as the largest photo needs.

    Returns:
        ``(H, W, 3) uint8`` sRGB, turned upright by the EXIF orientation, and sentences about what was left out or
        filled in. Of an animation or a multi-page file it is the first picture.

    Raises:
        PhotoError: if the bytes are damaged, of too many or too few pixels, or of a kind that is not read correctly.
        NeedsMemory: if ``memory`` is not enough.
    """
    try:
        return _decode(data, memory)
    except UnidentifiedImageError as error:
        raise refusal(data) from error
    except Image.DecompressionBombError as error:
        raise PhotoError(Message("photo.far_too_many_pixels", limit=MAX_PIXELS)) from error
    except MemoryError as error:
        raise NeedsMemory from error
    except HOSTILE_FILE_ERRORS as error:
        raise PhotoError(Message("photo.damaged")) from error


def check_sides(width: int, height: int) -> None:
    """Refuse a picture of too few or too many pixels.

    Raises:
        PhotoError: if it is one.
    """
    if min(width, height) < MIN_SIDE:
        raise PhotoError(Message("photo.too_few_pixels", width=width, height=height, side=MIN_SIDE))
    if width * height > MAX_PIXELS:
        raise PhotoError(Message("photo.too_many_pixels", width=width, height=height, limit=MAX_PIXELS))


def _decode(data: bytes, memory: int | None) -> tuple[NDArray[np.uint8], Notes]:
    kind = kind_of(data)
    if has_too_many_parts(data, kind):
        raise PhotoError(Message("photo.parts", limit=MOST_PARTS))
    scans = scans_of(data) if kind == "JPEG" else None
    if scans is not None and scans.count == MOST_SEGMENTS:  # Pillow takes seconds to pass over them
        raise PhotoError(Message("photo.scans", scans=scans.count))
    image = _open(data)
    check_sides(*image.size)
    if memory is not None and image.width * image.height * MEMORY_PER_PIXEL > memory:
        raise NeedsMemory
    is_tiff, has_end = image.format == "TIFF", True
    if scans is not None:
        has_end = scans.ended
        # Some repaint their picture again and again, which takes seconds per megabyte.
        if scans.count * image.width * image.height > MAX_SCANNED:
            raise PhotoError(Message("photo.scans", scans=scans.count))
    notes = _frame_notes(image)
    profile = image.info.get("icc_profile")
    stated = None if profile else stated_profile(image, data)
    if has_end:
        _forget_xmp(image)
        image.load()
    else:
        image, notes = _without_end(data), (*notes, Message("photo.no_end"))
    check_deep_colours(image, data)
    orientation = _orientation(image)
    image, deep_notes = to_8_bit(image)
    image, alpha_notes = on_white(image)
    if image.mode == "LAB":
        raise PhotoError(Message("photo.lab"))
    if stated:  # such colours are red, green and blue, of a grey picture as well
        image, profile = image.convert("RGB"), stated
    image, is_known = to_srgb(image, profile)
    if is_tiff and not is_known:  # JPEG has a convention for inks without a profile, TIFF has none
        raise PhotoError(Message("photo.cmyk"))
    # exif_transpose rewrites all of the EXIF, which fails if it is broken: keep only this tag.
    image.info.clear()
    image.getexif()[ExifTags.Base.Orientation] = orientation
    ImageOps.exif_transpose(image, in_place=True)
    return np.array(image), (*notes, *deep_notes, *alpha_notes)


def _open(data: bytes) -> Image.Image:
    """The file's first picture, not decoded yet.

    Raises:
        PhotoError: if it is of a kind that would be decoded wrongly.
    """
    kind = kind_of(data)
    if kind not in FORMATS:
        raise refusal(data)
    if kind == "HEIF":
        if has_broken_items(data):
            raise PhotoError(Message("photo.damaged"))
        import pi_heif  # few photos need it

        pi_heif.register_heif_opener(decode_threads=1, thumbnails=False, depth_images=False, aux_images=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own limit is lower and raises an error
        image = Image.open(BytesIO(data), formats=[kind])
        if isinstance(image, TiffImageFile):
            tiff.check(image)
            with tiff.by_libtiff() if tiff.needs_libtiff(image) else nullcontext():
                image = Image.open(BytesIO(data), formats=["TIFF"])
    return image


def _without_end(data: bytes) -> Image.Image:
    """The picture of a JPEG without an end marker, which some cameras do not write.

    Raises:
        PhotoError: if a pixel is missing.
    """
    complete, pictures = scans_of(data).complete, list[Image.Image]()
    if complete is None:
        raise PhotoError(Message("photo.damaged"))
    for filler in _FILLERS:
        # Zeros fill what was never downloaded.
        image = _open(data[:complete].rstrip(b"\0") + filler + END)
        image.load()
        if pictures and image.tobytes() != pictures[0].tobytes():
            raise PhotoError(Message("photo.damaged"))
        pictures = pictures or [image]
    return pictures[0]


def _frame_notes(image: Image.Image) -> Notes:
    # The other pictures in MPO and HEIC files are a phone's previews and depth maps, which the user does not miss.
    if image.format in ("MPO", "HEIF") or not getattr(image, "is_animated", False):
        return ()
    if image.format == "TIFF":
        return (Message("photo.pages"),)
    return (Message("photo.animated"),)


def _orientation(image: Image.Image) -> Any:
    _forget_xmp(image)
    with suppress(*HOSTILE_FILE_ERRORS):  # broken EXIF does not spoil the pixels: do not turn them
        return image.getexif().get(ExifTags.Base.Orientation)
    return None


def _forget_xmp(image: Image.Image) -> None:
    """Pillow would rotate a picture by the orientation in XMP if EXIF has none; browsers do not."""
    for name in ("xmp", "XML:com.adobe.xmp"):
        image.info.pop(name, None)
