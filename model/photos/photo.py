"""Turns an untrusted photo file into upright RGB pixels, or refuses it in one clear sentence."""

from __future__ import annotations

import hashlib
import os
import struct
import warnings
import zlib
from contextlib import suppress
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageCms, ImageOps, UnidentifiedImageError

from model.errors import PhotoError
from model.i18n.catalogue import Said

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")  # a phone's MPO opens as JPEG
MAX_BYTES = 30_000_000  # a 50-megapixel phone JPEG takes 10 to 25 MB
MAX_PIXELS = 50_000_000  # cameras sold as 48 or 50 megapixels stay just below; 200 MB in Pillow, 4 bytes each
MIN_SIDE = 32  # pixels; less cannot hold a face
_FULL_SCALES = {"I": (255, 65_535, 2**31 - 1), "F": (1, 255, 65_535)}  # values that 32-bit files call white
# Pillow documents OSError alone, but on bytes made to break its parsers it raises every one of these.
_HOSTILE_FILE_ERRORS = (
    *(OSError, EOFError, SyntaxError, ValueError, TypeError, AttributeError, LookupError, ArithmeticError),
    *(AssertionError, RuntimeError, MemoryError, struct.error, zlib.error),
)


@dataclass(frozen=True)
class Photo:
    """One decoded photo.

    Attributes:
        pixels: ``(H, W, 3) uint8`` sRGB, turned upright as the EXIF orientation says.
        notes: sentences for the user on what was left out or filled in.
        sha256: hex digest of the file's bytes, or of an array's bytes and shape.
    """

    pixels: NDArray[np.uint8] = field(compare=False, repr=False)
    notes: tuple[Said, ...]
    sha256: str


def open_photo(source: bytes | str | os.PathLike[str] | NDArray[Any]) -> Photo:
    """Decode one photo; every limit is checked before any pixel is decoded.

    Args:
        source: a file's bytes or path, or a uint8 array ``(H, W)``, ``(H, W, 3)`` RGB or ``(H, W, 4)`` RGBA.

    Returns:
        The photo; an animation or a multi-page file gives its first picture and a note.

    Raises:
        PhotoError: if the source is missing, damaged, too big, too small, or not one of ``FORMATS``.
    """
    if isinstance(source, np.ndarray):
        return _photo_from_array(source)
    data = _read(source)
    try:
        pixels, notes = _decode(data)
    except PhotoError:
        raise
    except UnidentifiedImageError as error:
        raise PhotoError(Said("photo.unreadable")) from error
    except Image.DecompressionBombError as error:
        raise PhotoError(Said("photo.far_too_many_pixels", limit=MAX_PIXELS)) from error
    except _HOSTILE_FILE_ERRORS as error:
        raise PhotoError(Said("photo.damaged")) from error
    return Photo(pixels, notes, hashlib.sha256(data).hexdigest())


def _photo_from_array(array: NDArray[Any]) -> Photo:
    if array.dtype != np.uint8 or array.ndim not in (2, 3) or array.shape[2:] not in ((), (3,), (4,)):
        raise PhotoError(Said("photo.array", kind=str(array.dtype), shape=str(array.shape)))
    _check_sides(width=array.shape[1], height=array.shape[0])
    image, notes = on_white(Image.fromarray(np.ascontiguousarray(array)))
    digest = hashlib.sha256(array.tobytes() + str(array.shape).encode())
    return Photo(np.array(image.convert("RGB")), notes, digest.hexdigest())


def _read(source: bytes | str | os.PathLike[str]) -> bytes:
    if isinstance(source, bytes):
        _check_bytes(len(source))
        return source
    if not isinstance(source, (str, os.PathLike)):
        raise PhotoError(Said("photo.no_photo", kind=type(source).__name__))
    try:
        path = Path(source)
        if not path.exists():
            raise PhotoError(Said("photo.missing"))
        if not path.is_file():  # opening a pipe or a device could wait for ever
            raise PhotoError(Said("photo.no_file"))
        _check_bytes(path.stat().st_size)
        with path.open("rb") as file:
            return file.read(MAX_BYTES)
    except OSError:  # its text names the path
        raise PhotoError(Said("photo.closed")) from None


def _check_bytes(count: int) -> None:
    if count == 0:
        raise PhotoError(Said("photo.empty"))
    if count > MAX_BYTES:
        raise PhotoError(Said("photo.too_many_bytes", size=count, limit=MAX_BYTES))


def _check_sides(width: int, height: int) -> None:
    if min(width, height) < MIN_SIDE:
        raise PhotoError(Said("photo.too_few_pixels", width=width, height=height, side=MIN_SIDE))
    if width * height > MAX_PIXELS:
        raise PhotoError(Said("photo.too_many_pixels", width=width, height=height, limit=MAX_PIXELS))


def _decode(data: bytes) -> tuple[NDArray[np.uint8], tuple[Said, ...]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our limit is lower, and refuses
        image = Image.open(BytesIO(data), formats=FORMATS)
    with image:
        _check_sides(*image.size)
        frame_notes = _frame_notes(image)
        image.load()
        orientation, profile = _orientation(image), image.info.get("icc_profile")
        flat, alpha_notes = on_white(_to_8_bit(image))
        upright = _in_srgb(flat, profile)
    # exif_transpose rewrites all of the EXIF, which fails where it is broken: hand it this one tag alone.
    upright.info.clear()
    upright.getexif()[ExifTags.Base.Orientation] = orientation
    ImageOps.exif_transpose(upright, in_place=True)
    return np.array(upright), frame_notes + alpha_notes


def _frame_notes(image: Image.Image) -> tuple[Said, ...]:
    # The further pictures in an MPO are a phone's previews and depth maps: nothing that the user would miss.
    if image.format == "MPO" or not getattr(image, "is_animated", False):
        return ()
    if image.format == "TIFF":
        return (Said("photo.pages"),)
    return (Said("photo.animated"),)


def _orientation(image: Image.Image) -> Any:
    with suppress(*_HOSTILE_FILE_ERRORS):  # broken EXIF says nothing about the pixels: leave them as they lie
        return image.getexif().get(ExifTags.Base.Orientation)
    return None


def _to_8_bit(image: Image.Image) -> Image.Image:
    """Scale 16- and 32-bit greyscale to 8 bits, where Pillow's ``convert`` would clip."""
    if image.mode not in _FULL_SCALES and not image.mode.startswith("I;16"):
        return image
    values = np.asarray(image)
    if not np.isfinite(values).all() or (image.mode == "I" and values.min() < 0):
        raise PhotoError(Said("photo.values"))
    top = values.max()
    full_scale = next((scale for scale in _FULL_SCALES.get(image.mode, (65_535,)) if top <= scale), top)
    scaled = np.rint(values * np.float32(255 / full_scale))
    return Image.fromarray(np.clip(scaled, 0, 255).astype(np.uint8))


def on_white(image: Image.Image) -> tuple[Image.Image, tuple[Said, ...]]:
    """Lay a picture with transparent parts on white; the picture, and a note for the user if any showed."""
    if not image.has_transparency_data:
        return image, ()
    rgba = image.convert("RGBA")
    alpha = rgba.getchannel("A")
    white = Image.new("RGB", image.size, "white")
    white.paste(rgba, mask=alpha)
    return white, () if alpha.getextrema()[0] == 255 else (Said("photo.transparent"),)


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert to RGB, through the embedded colour profile if there is one other than sRGB."""
    if image.mode == "LAB":
        raise PhotoError(Said("photo.lab"))
    if image.mode not in ("RGB", "L", "CMYK"):  # the kinds of picture that profiles are written for
        image = image.convert("RGB")
    if profile:
        # A profile that is broken, or meant for another kind of picture, is ignored as browsers ignore it.
        with suppress(ImageCms.PyCMSError, OSError, TypeError, ValueError):
            embedded, srgb = ImageCms.ImageCmsProfile(BytesIO(profile)), ImageCms.createProfile("sRGB")
            if "sRGB" not in ImageCms.getProfileDescription(embedded):
                image = ImageCms.profileToProfile(image, embedded, srgb, outputMode="RGB") or image
    return image.convert("RGB")
