"""Every format × depth × layout × profile is read as by a second decoder, or refused with its name.

The second decoder is tifffile for TIFF and OpenCV for the others; both keep the colours and transparency of the
file, so expected values follow from their definitions. Tolerances are in levels of 255, and apply to each pixel.
"""

from __future__ import annotations

import itertools
import struct
import zlib
from collections import Counter
from io import BytesIO
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image, ImageCms

from model.errors import PhotoError
from model.photos.decode import decode
from tests.support.photo_files import SIDE, encode, gradient, png_chunk, swapped_profile

LOSSLESS = 1  # 16 bits may be rounded or truncated
LOSSY = 3  # the libraries upsample chroma and round differently
ROWS, COLUMNS = np.mgrid[0:SIDE, 0:64]
COLOUR = np.stack([ROWS / (SIDE - 1), COLUMNS / 63, (ROWS + COLUMNS) / (SIDE + 62)], axis=-1)  # 0..1
ALPHA = np.where(ROWS < 20, 1, 0.4)


def shown(values: NDArray[Any], alpha: NDArray[Any] | None) -> NDArray[np.float64]:
    """Expected pixels for values in 0..1, grey or colour, with an alpha that is not premultiplied."""
    colour = values if values.ndim == 3 else np.repeat(values[..., None], 3, axis=2)
    return 255 * (colour if alpha is None else colour * alpha[..., None] + 1 - alpha[..., None])


def check(data: bytes, expected: NDArray[Any], tolerance: float) -> None:
    pixels, _ = decode(data)
    assert pixels.shape == expected.shape
    assert np.abs(pixels - expected).max() <= tolerance + 0.5  # half a level, because expected values are rounded


# TIFF

DEPTHS = ("u1", "u2", "i2", "f4")
KINDS = ("minisblack", "miniswhite", "rgb")
EXTRA = (None, "unassalpha", "assocalpha", "unspecified")


def tiff(dtype: str, kind: str, planes: str, order: str, packed: str | None, tiled: bool, extra: str | None) -> bytes:
    """A TIFF of that layout with the colours above or, if grey, with their first channel."""
    values = COLOUR if kind == "rgb" else COLOUR[..., :1]
    if extra:
        factor = ALPHA[..., None] if extra == "assocalpha" else 1
        values = np.dstack([values * factor, ALPHA])
    if np.dtype(dtype).kind != "f":
        values = np.rint(values * np.iinfo(dtype).max)
    stored = values.astype(dtype)[..., 0] if values.shape[2] == 1 else values.astype(dtype)
    if planes == "separate":
        stored = np.ascontiguousarray(np.moveaxis(stored, -1, 0))
    options: dict[str, Any] = {"planarconfig": planes} if stored.ndim == 3 else {}
    options |= {"extrasamples": [extra]} if extra else {}
    options |= {"tile": (16, 32)} if tiled else {}
    file = BytesIO()
    with tifffile.TiffWriter(file, byteorder=order) as writer:
        writer.write(stored, photometric=kind, compression=packed, metadata=None, **options)
    return file.getvalue()


def seen_by_tifffile(data: bytes, kind: str, planes: str, extra: str | None) -> NDArray[np.float64]:
    """Expected pixels, from the samples that tifffile reads."""
    samples = tifffile.imread(BytesIO(data))
    full = np.iinfo(samples.dtype).max if samples.dtype.kind != "f" else 1
    values = samples / full
    if values.ndim == 2:
        return shown(1 - values if kind == "miniswhite" else values, None)
    if planes == "separate":
        values = np.moveaxis(values, 0, -1)
    colours, alpha = (values[..., :-1], values[..., -1]) if extra else (values, None)
    if extra == "assocalpha":
        colours = colours / alpha[..., None]
    colours = colours[..., 0] if kind != "rgb" else colours
    return shown(colours, None if extra == "unspecified" else alpha)


def layouts() -> list[tuple[Any, ...]]:
    every = itertools.product(DEPTHS, KINDS, ("contig", "separate"), "<>", (None, "zlib"), (False, True), EXTRA)
    return [
        each
        for each in every
        if (each[1] == "rgb" or each[2] == "contig") and not (each[1] == "miniswhite" and each[6])
    ]


@pytest.mark.parametrize("dtype", DEPTHS)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_tiff_is_read_correctly_or_refused(dtype: str) -> None:
    outcomes: Counter[tuple[str, str, str | None]] = Counter()
    for layout in [each for each in layouts() if each[0] == dtype]:
        _, kind, planes, _, _, _, extra = layout
        data = tiff(*layout)
        try:
            check(data, seen_by_tifffile(data, kind, planes, extra), 2 if extra == "assocalpha" else LOSSLESS)
            outcomes["read", kind, extra] += 1
        except PhotoError as error:
            assert error.args[0].key == "photo.tiff", layout
            outcomes["refused", kind, extra] += 1
        except AssertionError as error:
            raise AssertionError(layout) from error
    if dtype[0] == "u":
        assert all(outcomes["read", "rgb", extra] for extra in EXTRA) and outcomes["read", "minisblack", None]
        assert outcomes["read", "miniswhite", None] and not outcomes["refused", "rgb", None]
    if dtype == "i2":
        assert not any(outcome == "read" for outcome, _, _ in outcomes)


@pytest.mark.parametrize("packing", ["raw", "tiff_lzw", "packbits", "tiff_adobe_deflate", "zstd", "lzma", "jpeg"])
@pytest.mark.parametrize("mode", ["L", "RGB", "P", "YCbCr", "1"])
def test_compressed_tiff_is_read_as_by_opencv(mode: str, packing: str) -> None:
    picture = Image.fromarray(gradient()).convert(mode)
    if packing == "jpeg" and mode in ("P", "1"):
        pytest.skip("this compression is for other samples")
    try:
        data = encode(picture, "TIFF", compression=packing)
    except (OSError, KeyError):
        pytest.skip("Pillow cannot write such a file")
    # OpenCV reads YCbCr as RGB, except in JPEG.
    expected = opencv_colours(data) if packing == "jpeg" else np.asarray(picture.convert("RGB"), np.float64)
    check(data, expected, 5 if packing == "jpeg" else LOSSLESS)


def opencv_colours(data: bytes) -> NDArray[np.float64]:
    """Colours as read by OpenCV, with 8 bits: ``(H, W, 3)``."""
    flags = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
    seen = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    assert seen is not None
    return np.asarray(seen, np.float64)


def opencv_samples(data: bytes) -> NDArray[np.float64]:
    """Samples as read by OpenCV, in 0..1, in the order red, green, blue (and alpha)."""
    seen = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert seen is not None
    values = seen / np.iinfo(seen.dtype).max
    return values if values.ndim == 2 else values[..., [2, 1, 0, 3][: values.shape[2]]]


# PNG

CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by the number of the colour type
PNGS = [(0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (2, 8), (2, 16), (3, 1), (3, 2), (3, 4), (3, 8)]
PNGS += [(4, 8), (4, 16), (6, 8), (6, 16)]


def png_of(colour_type: int, depth: int) -> bytes:
    """A PNG of that kind, without row filters."""
    samples = {1: COLOUR[..., :1], 2: np.dstack([COLOUR[..., 0], ALPHA]), 3: COLOUR, 4: np.dstack([COLOUR, ALPHA])}
    values = np.rint(samples[CHANNELS[colour_type]] * (2**depth - 1)).astype(">u2")
    if depth == 16:
        rows = [b"\0" + row.tobytes() for row in values]
    else:
        bits = np.unpackbits(values.astype(np.uint8)[..., None], axis=-1)[..., 8 - depth :]
        rows = [b"\0" + np.packbits(row).tobytes() for row in bits]
    header = struct.pack(">IIBBBBB", 64, SIDE, depth, colour_type, 0, 0, 0)
    palette = png_chunk(b"PLTE", gradient().reshape(-1, 3)[: 2**depth].tobytes()) if colour_type == 3 else b""
    body = png_chunk(b"IDAT", zlib.compress(b"".join(rows)))
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + palette + body + png_chunk(b"IEND", b"")


@pytest.mark.parametrize(("colour_type", "depth"), PNGS)
def test_png_is_read_as_by_opencv(colour_type: int, depth: int) -> None:
    data = png_of(colour_type, depth)
    values = opencv_samples(data)
    alpha = values[..., 3] if values.ndim == 3 and values.shape[2] == 4 else None
    check(data, shown(values[..., :3] if values.ndim == 3 else values, alpha), LOSSLESS)


# JPEG, WebP, GIF, BMP, AVIF

VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    **{f"JPEG {name}": ("JPEG", {"subsampling": name, "quality": 90}) for name in ("4:4:4", "4:2:2", "4:2:0")},
    "JPEG progressive": ("JPEG", {"progressive": True}),
    "JPEG restarts": ("JPEG", {"restart_marker_blocks": 3}),
    "JPEG, colours as RGB": ("JPEG", {"keep_rgb": True, "quality": 95}),
    "WebP": ("WEBP", {"quality": 80}),
    "WebP lossless": ("WEBP", {"lossless": True}),
    "GIF": ("GIF", {}),
    "BMP": ("BMP", {}),
    **{f"AVIF {name}": ("AVIF", {"subsampling": name, "quality": 90}) for name in ("4:4:4", "4:2:2", "4:2:0")},
    "AVIF of video levels": ("AVIF", {"range": "limited", "subsampling": "4:4:4"}),
}


@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize("variant", VARIANTS)
def test_other_formats_are_read_as_by_opencv(variant: str, grey: bool) -> None:
    kind, options = VARIANTS[variant]
    data = encode(Image.fromarray(gradient()).convert("L" if grey else "RGB"), kind, **options)
    check(data, opencv_colours(data), LOSSY)


@pytest.mark.parametrize("depth", [8, 10, 12])
def test_avif_with_more_than_8_bits_is_read_as_by_opencv(depth: int) -> None:
    samples = np.rint(COLOUR[..., ::-1] * (2**depth - 1)).astype(np.uint8 if depth == 8 else np.uint16)
    written, data = cv2.imencode(".avif", samples, [cv2.IMWRITE_AVIF_DEPTH, depth, cv2.IMWRITE_AVIF_QUALITY, 95])
    assert written
    seen = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) / (2**depth - 1)
    check(data.tobytes(), shown(seen[..., ::-1], None), LOSSY)


@pytest.mark.parametrize("bits", [1, 4, 8, 24, 32])
def test_bmp_of_each_depth_is_read_as_by_opencv(bits: int) -> None:
    """The file is built here: the older header, rows from the bottom, palettes of four bytes."""
    colours = np.dstack([gradient()[..., ::-1], np.zeros((SIDE, 64), np.uint8)])
    palette = colours.reshape(-1, 4)[:: 3_072 // 2**bits][: 2**bits].tobytes() if bits <= 8 else b""
    if bits > 8:
        rows = colours[::-1, :, : bits // 8].tobytes()
    else:
        indices = ((ROWS + COLUMNS) % 2**bits).astype(np.uint8)[::-1]
        rows = np.packbits(np.unpackbits(indices[..., None], axis=-1)[..., 8 - bits :].reshape(SIDE, -1)).tobytes()
    start = 54 + len(palette)
    header = struct.pack("<IiiHHIIiiII", 40, 64, SIDE, 1, bits, 0, len(rows), 0, 0, 0, 0)
    data = b"BM" + struct.pack("<IHHI", start + len(rows), 0, 0, start) + header + palette + rows
    check(data, opencv_colours(data), 0)


# Profiles


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP", "AVIF"])
@pytest.mark.parametrize("profile", ["none", "sRGB", "red and blue exchanged", "broken"])
def test_profile_is_used_in_every_format(kind: str, profile: str) -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    profiles = {"none": None, "sRGB": srgb, "red and blue exchanged": swapped_profile(), "broken": srgb[:200]}
    lossless = {"WEBP": {"lossless": True}, "AVIF": {"quality": 95, "subsampling": "4:4:4"}, "JPEG": {"quality": 95}}
    data = encode(Image.fromarray(gradient()), kind, icc_profile=profiles[profile], **lossless.get(kind, {}))
    expected = opencv_colours(data)
    check(data, expected[..., ::-1] if "exchanged" in profile else expected, LOSSY)
