"""Decides which TIFFs Pillow reads correctly, which it reads correctly only by libtiff, and which are refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from PIL import TiffImagePlugin, TiffTags
from PIL.TiffImagePlugin import TiffImageFile

from model.errors import PhotoError
from model.i18n.catalogue import Message

_TAGS = {info.name: number for number, info in TiffTags.TAGS_V2.items()}
_DNG_VERSION, _SUB_PICTURES = 50706, 330
_PHOTOMETRIC = _TAGS["PhotometricInterpretation"]
_WHITE_IS_ZERO, _SEPARATED, _YCBCR = 0, 5, 6  # photometric interpretations
_SIGNED = 2  # sample format
_CMYK_INKS = 1
_UNCOMPRESSED = 1
_SEPARATE_PLANES = 2


def check(image: TiffImageFile) -> None:
    """Refuse a file that would be decoded wrongly.

    Raises:
        PhotoError: for a camera's raw file, where the first picture is a thumbnail, for signed samples of 8 or 16 bits,
            for compressed big-endian samples of 32 bits, and for inks other than cyan, magenta, yellow and black.
    """
    tags = image.tag_v2
    is_thumbnail = bool(_number(tags.get(_TAGS["NewSubfileType"], 0)) & 1)
    if _DNG_VERSION in tags or (is_thumbnail and _SUB_PICTURES in tags):
        raise PhotoError(Message("photo.other_kind", kind="RAW"))
    if is_thumbnail:
        raise PhotoError(Message("photo.tiff"))
    if _first(tags.get(_TAGS["SampleFormat"], 1)) == _SIGNED and bits_of(image) <= 16:
        raise PhotoError(Message("photo.tiff"))
    # libtiff turns compressed values to this machine's order of bytes, and Pillow turns those of 32 bits once more.
    if bits_of(image) == 32 and image.use_load_libtiff and tags.prefix == b"MM":
        raise PhotoError(Message("photo.tiff"))
    if tags.get(_PHOTOMETRIC) == _SEPARATED and tags.get(_TAGS["InkSet"], _CMYK_INKS) != _CMYK_INKS:
        raise PhotoError(Message("photo.tiff"))


def needs_libtiff(image: TiffImageFile) -> bool:
    """Whether Pillow's own reader of uncompressed data would give wrong pixels.

    It takes planes of 16 bits for planes of 8, knows no plane of alpha that colours are multiplied by, and takes
    luminance with colour differences for RGB.
    """
    tags = image.tag_v2
    if tags.get(_TAGS["Compression"], _UNCOMPRESSED) != _UNCOMPRESSED or image.use_load_libtiff:
        return False
    separate = tags.get(_TAGS["PlanarConfiguration"], 1) == _SEPARATE_PLANES
    return separate or tags.get(_PHOTOMETRIC) == _YCBCR


@contextmanager
def by_libtiff() -> Iterator[None]:
    """Let Pillow open TIFFs by libtiff only, inside the block; not for threads that open others meanwhile."""
    before, TiffImagePlugin.READ_LIBTIFF = TiffImagePlugin.READ_LIBTIFF, True
    try:
        yield
    finally:
        TiffImagePlugin.READ_LIBTIFF = before


def bits_of(image: TiffImageFile) -> int:
    """Bits of a sample; of the first, if they differ."""
    return _first(image.tag_v2.get(_TAGS["BitsPerSample"], 1))


def is_negative(image: TiffImageFile) -> bool:
    """Whether the file stores white as zero in a way that Pillow does not undo: it does for up to 8 bits."""
    return image.tag_v2.get(_PHOTOMETRIC, _WHITE_IS_ZERO) == _WHITE_IS_ZERO and bits_of(image) > 8


def _first(value: object) -> int:
    return _number(value[0] if isinstance(value, tuple) and value else value)


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
