"""Tests of the colours that a file states: its gamma, primaries and profile."""

from __future__ import annotations

import struct
from io import BytesIO
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image, ImageCms

from model.i18n.catalogue import Message
from model.photos import colours
from model.photos.decode import decode
from tests.model.photos.opening import refused
from tests.support.photo_files import BLUE, RED, SIDE, encode, gradient, plain, png_chunk, swapped_profile

LEVELS = np.arange(256)


def tiff(values: NDArray[Any], **options: Any) -> bytes:
    file = BytesIO()
    with tifffile.TiffWriter(file, byteorder=options.pop("byteorder", "<")) as writer:
        writer.write(values, metadata=None, **options)
    return file.getvalue()


def ramp() -> NDArray[np.uint8]:
    """All 256 grey levels, each in a column: ``(48, 256) uint8``."""
    return np.tile(LEVELS.astype(np.uint8), (SIDE, 1))


# Deep grey


def test_16_bit_grey_with_white_as_zero_is_not_inverted() -> None:
    dark = tiff(65_535 - ramp().astype(np.uint16) * 257, photometric="miniswhite")
    np.testing.assert_array_equal(decode(dark)[0][..., 0], ramp())


@pytest.mark.parametrize("bits", [8, 10, 12])
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_few_used_bits_of_16_are_scaled_to_white_with_a_note(kind: str, bits: int) -> None:
    values = np.rint(ramp() / 255 * (2**bits - 1)).astype(np.uint16)
    pixels, notes = decode(encode(Image.fromarray(values), kind))
    np.testing.assert_array_equal(pixels[..., 0], ramp())
    assert notes == (Message("photo.few_bits", bits=bits),)


def test_packed_12_bit_grey_is_scaled_to_white() -> None:
    """Two values share three bytes, as in scientific cameras; no library here writes such a file."""
    values = np.rint(ramp() / 255 * 4_095).astype(np.uint32)
    pairs = (values[:, ::2] << 12 | values[:, 1::2]).astype(">u4")
    packed = np.ascontiguousarray(pairs).view(np.uint8).reshape(SIDE, -1, 4)[..., 1:].tobytes()
    entries = [(256, 4, 256), (257, 4, SIDE), (258, 3, 12), (259, 3, 1), (262, 3, 1), (273, 4, 0), (277, 3, 1)]
    entries += [(278, 4, SIDE), (279, 4, len(packed))]
    start = 8 + 2 + 12 * len(entries) + 4
    table = b"".join(struct.pack("<HHII", tag, kind, 1, value or start) for tag, kind, value in entries)
    data = b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + table + bytes(4) + packed
    pixels, notes = decode(data)
    np.testing.assert_array_equal(pixels[..., 0], ramp())
    assert notes == ()


def test_colours_in_the_lowest_bits_are_refused_and_black_is_not() -> None:
    values = np.repeat(ramp()[..., None], 3, axis=2).astype(np.uint16)
    assert refused(tiff(values * 16, photometric="rgb")).key == "photo.dark_bits"
    assert not decode(tiff(values * 0, photometric="rgb"))[0].any()


def test_signed_samples_are_refused() -> None:
    assert refused(tiff(ramp().astype(np.int16), photometric="minisblack")).key == "photo.tiff"


# Colours that the file states


def light(levels: NDArray[Any]) -> NDArray[np.float64]:
    """sRGB levels as linear light, 0..1."""
    values = levels / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def shown(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Linear light, 0..1, as sRGB levels."""
    values = np.clip(values, 0, 1)
    return 255 * np.where(values <= 0.0031308, values * 12.92, 1.055 * values ** (1 / 2.4) - 0.055)


def png_with(chunk: bytes, image: Image.Image) -> bytes:
    """A PNG with a chunk after its header."""
    data = encode(image)
    return data[:33] + chunk + data[33:]


def gama(gamma: float) -> bytes:
    return png_chunk(b"gAMA", struct.pack(">I", round(gamma * 100_000)))


@pytest.mark.parametrize("gamma", [1.0, 1 / 1.8, 1 / 2.5])
@pytest.mark.parametrize("mode", ["RGB", "L", "P"])
def test_gamma_of_a_png_is_converted(mode: str, gamma: float) -> None:
    data = png_with(gama(gamma), Image.fromarray(ramp()).convert(mode))
    expected = shown((LEVELS / 255) ** (1 / gamma))
    assert np.abs(decode(data)[0][0, :, 1] - expected).max() <= 1.5


@pytest.mark.parametrize(
    "chunk",
    [
        gama(1 / 2.2),
        gama(1.0) + png_chunk(b"sRGB", b"\0"),
        png_chunk(b"cICP", bytes([1, 13, 0, 1])) + gama(1.0),
        gama(1e-5),
        gama(0),
        png_chunk(b"cHRM", struct.pack(">8I", *(round(v * 100_000) for v in colours.SRGB))),
        png_chunk(b"cHRM", bytes(32)),
        png_chunk(b"cHRM", b"\xff" * 32),
    ],
)
def test_chunks_for_srgb_or_with_invalid_values_change_nothing(chunk: bytes) -> None:
    pixels, notes = decode(png_with(chunk, Image.fromarray(gradient())))
    np.testing.assert_array_equal(pixels, gradient())
    assert notes == ()


@pytest.mark.parametrize("chunk_name", ["cHRM", "cICP"])
def test_primaries_of_a_png_are_converted(chunk_name: str) -> None:
    """Grey is the same in Display P3 and sRGB; a colour inside sRGB changes as given by the matrices."""
    chunk = png_chunk(b"cICP", bytes([12, 13, 0, 1]))
    if chunk_name == "cHRM":
        places = (0.3127, 0.3290, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06)
        chunk = png_chunk(b"cHRM", struct.pack(">8I", *(round(place * 100_000) for place in places)))
    p3_to_srgb = np.array([[1.2249, -0.2247, 0], [-0.0420, 1.0419, 0], [-0.0197, -0.0786, 1.0979]])
    colour = np.array([180, 120, 90])
    pixels, _ = decode(png_with(chunk, plain(tuple(int(value) for value in colour))))
    assert np.abs(pixels[0, 0] - shown(p3_to_srgb @ light(colour))).max() <= 2
    grey, _ = decode(png_with(chunk, plain((128, 128, 128))))
    assert np.abs(grey.astype(int) - 128).max() <= 1


@pytest.mark.parametrize("transfer", [16, 18])
def test_high_dynamic_range_is_refused_by_name(transfer: int) -> None:
    message = refused(png_with(png_chunk(b"cICP", bytes([9, transfer, 0, 1])), plain()))
    assert "HDR" in message.values["kind"]


def linear_profile() -> bytes:
    """A linear profile with "sRGB" in its name, as rendering programs embed it."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    changed = bytearray(profile)
    for index in range(struct.unpack(">I", profile[128:132])[0]):
        name, place, size = struct.unpack_from(">4sII", profile, 132 + 12 * index)
        if name in (b"rTRC", b"gTRC", b"bTRC"):
            changed[place : place + size] = (b"curv" + bytes(8)).ljust(size, b"\0")
    return bytes(changed)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "JPEG"])
def test_linear_profile_with_srgb_in_its_name_is_used(kind: str) -> None:
    name = ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(BytesIO(linear_profile())))
    assert "sRGB" in name
    pixels, _ = decode(encode(plain((50, 50, 50)), kind, icc_profile=linear_profile()))
    assert np.abs(pixels - shown(np.array([50 / 255]))).max() <= 2


def test_cmyk_tiff_needs_a_profile() -> None:
    assert refused(encode(plain((0, 255, 255, 0), "CMYK"), "TIFF")).key == "photo.cmyk"
    assert refused(encode(plain((0, 255, 255, 0), "CMYK"), "TIFF", icc_profile=swapped_profile())).key == "photo.cmyk"


# Other kinds


def test_profile_with_swapped_primaries_swaps_red_and_blue() -> None:
    pixels, _ = decode(encode(plain(RED), "PNG", icc_profile=swapped_profile()))
    assert np.abs(pixels.astype(int) - BLUE).max() <= 4
