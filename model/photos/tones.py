"""Scales deep samples to 8 bits, and puts transparent pictures on white."""

from __future__ import annotations

import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from model.errors import PhotoError
from model.i18n.catalogue import Message
from model.photos import tiff

_FULL_SCALES = {"I": (255, 65_535, 2**31 - 1), "F": (1, 255, 65_535)}  # values of white in 32-bit files
_DEEP = (255, 1_023, 4_095, 65_535)  # in 16-bit files: cameras and scanners leave 10 or 12 bits as they are
_ROWS = 256  # scaled at once
_DARK = 15  # of 255: the brightest value of 12 bits in 16


def to_8_bit(image: Image.Image) -> tuple[Image.Image, tuple[Message, ...]]:
    """Scale 16- and 32-bit greyscale to 8 bits; Pillow's ``convert`` would clip.

    A file does not say which value is white: it is the full scale of the fewest bits that hold every value.

    Returns:
        The picture, with a note if a 16-bit file uses fewer bits; one of another mode as it is.

    Raises:
        PhotoError: if 32-bit values are negative or not finite, or 16-bit colours use only the lowest 12 bits.
    """
    if image.mode not in _FULL_SCALES and not image.mode.startswith("I;16"):
        return image, ()
    values = np.asarray(image)
    top = values.max()
    if not np.isfinite(top) or not np.isfinite(values.min()) or (image.mode == "I" and values.min() < 0):
        raise PhotoError(Message("photo.values"))
    packed, is_negative = False, False
    if isinstance(image, TiffImageFile):
        packed, is_negative = tiff.bits_of(image) == 12, tiff.is_negative(image)
    scales = _FULL_SCALES.get(image.mode, (4_095,) if packed else _DEEP)
    full_scale = next((scale for scale in scales if top <= scale), top)
    grey = np.empty(values.shape, np.uint8)
    for start in range(0, len(values), _ROWS):
        rows = values[start : start + _ROWS] * np.float32(255 / full_scale)
        grey[start : start + _ROWS] = np.clip(np.rint(rows), 0, 255)
    if is_negative:
        np.subtract(255, grey, out=grey)
    is_scaled = scales is _DEEP and full_scale < _DEEP[-1] and top > 0
    notes = (Message("photo.few_bits", bits=int(full_scale).bit_length()),) if is_scaled else ()
    return Image.fromarray(grey), notes


def check_deep_colours(image: Image.Image, data: bytes) -> None:
    """Refuse colours of 16 bits that use only the lowest 12, of which Pillow keeps nothing but black.

    Args:
        image: decoded.
        data: its file's bytes.

    Raises:
        PhotoError: if the picture came out black, but is not.
    """
    deep = image.format == "PNG" and data[24:25] == b"\x10"  # the depth in a PNG's header
    deep = deep or (isinstance(image, TiffImageFile) and tiff.bits_of(image) == 16)
    if not deep or image.mode not in ("RGB", "RGBA"):
        return
    brightest = max(high for _, high in image.getextrema()[:3])  # type: ignore[misc]
    if 0 < brightest <= _DARK:
        raise PhotoError(Message("photo.dark_bits"))


def on_white(image: Image.Image) -> tuple[Image.Image, tuple[Message, ...]]:
    """Put a picture with transparent parts on white; one that is transparent everywhere is shown as it is below.

    Returns:
        The picture, with a note for the user if a pixel is transparent.
    """
    if not image.has_transparency_data:
        return image, ()
    rgba = image.convert("RGBA")
    alpha = rgba.getchannel("A")
    least, most = alpha.getextrema()
    if most == 0:  # programs that know no alpha leave such channels behind
        return rgba.convert("RGB"), (Message("photo.all_transparent"),)
    white = Image.new("RGB", image.size, "white")
    white.paste(rgba, mask=alpha)
    return white, () if least == 255 else (Message("photo.transparent"),)
