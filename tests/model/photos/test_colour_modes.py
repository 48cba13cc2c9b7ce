"""Tests of colour modes: grey, 16-bit, palette and transparent pictures become RGB as in other programs."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from model.photos.photo import open_photo
from tests.model.photos.opening import TRANSPARENT, refusal
from tests.support.photo_files import BLUE, RED, SIDE, WHITE, encode, plain

# Colour modes


def test_cmyk_is_not_inverted() -> None:
    """Full magenta and yellow give red; JPEG stores CMYK inverted, as in Adobe programs."""
    data = encode(plain((0, 255, 255, 0), "CMYK"), "JPEG")
    assert b"Adobe" in data
    opened = open_photo(data)
    assert np.abs(opened.pixels.astype(int) - RED).max() <= 3
    assert opened.notes == ()


@pytest.mark.parametrize(("value", "expected"), [(0, 0), (128, 0), (129, 1), (32_768, 128), (65_535, 255)])
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bit_grey_is_scaled_and_rounded(kind: str, value: int, expected: int) -> None:
    values = np.full((SIDE, SIDE), value, np.uint16)
    values[0, 0] = 65_535
    data = encode(Image.fromarray(values), kind)
    assert Image.open(BytesIO(data)).mode == "I;16"
    assert (open_photo(data).pixels[1:] == expected).all()


def test_big_endian_16_bit_tiff_is_scaled() -> None:
    data = encode(plain(257 * 100, "I;16B"), "TIFF")
    assert Image.open(BytesIO(data)).mode == "I;16B"
    assert (open_photo(data).pixels == 100).all()


@pytest.mark.parametrize(
    ("dtype", "white"),
    [
        ("int32", 255),
        ("int32", 65_535),
        ("int32", 2**31 - 1),
        ("float32", 1),
        ("float32", 255),
        ("float32", 9e6),
    ],
)
def test_32_bit_tiff_is_scaled_by_its_full_scale(dtype: str, white: float) -> None:
    values = np.zeros((SIDE, SIDE), dtype)
    values[0, 0], values[0, 1] = white, white * 0.4
    grey = open_photo(encode(Image.fromarray(values), "TIFF")).pixels
    assert [int(value) for value in grey[0, :3, 0]] == [255, 102, 0]


def test_negative_float_is_black_and_negative_integer_refused() -> None:
    floats = np.full((SIDE, SIDE), -0.5, np.float32)
    floats[0, 0] = 1
    grey = open_photo(encode(Image.fromarray(floats), "TIFF")).pixels
    assert tuple(grey[0, 0]) == WHITE and not grey[1:].any()
    assert "32-bit" in refusal(encode(plain(-5, "I"), "TIFF"))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_float_that_is_not_finite_is_refused(value: float) -> None:
    assert "not finite" in refusal(encode(plain(value, "F"), "TIFF"))


def test_lab_is_refused_by_name() -> None:
    assert "LAB" in refusal(encode(plain((50, 10, 10), "LAB"), "TIFF"))


@pytest.mark.parametrize(("mode", "value", "expected"), [("L", 77, 77), ("1", 1, 255)])
def test_grey_and_one_bit_fill_all_channels(mode: str, value: int, expected: int) -> None:
    opened = open_photo(encode(plain(value, mode)))
    assert (opened.pixels == expected).all() and opened.pixels.shape == (SIDE, SIDE, 3)


def test_palette_gives_its_colours() -> None:
    image = plain(1, "P")
    image.putpalette([*RED, *BLUE])
    opened = open_photo(encode(image))
    assert (opened.pixels == BLUE).all() and opened.notes == ()


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_transparent_palette_entry_becomes_white(kind: str) -> None:
    image = plain(1, "P")
    image.putpalette([*RED, *BLUE])
    image.putpixel((0, 0), 0)
    opened = open_photo(encode(image, kind, transparency=0))
    assert tuple(opened.pixels[0, 0]) == WHITE and tuple(opened.pixels[5, 5]) == BLUE
    assert opened.notes == (TRANSPARENT,)


def test_transparent_palette_entry_that_no_pixel_uses_has_no_note() -> None:
    image = plain(1, "P")
    image.putpalette([*RED, *BLUE])
    assert open_photo(encode(image, transparency=0)).notes == ()


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_alpha_is_blended_with_white(kind: str) -> None:
    image = plain((255, 0, 0, 128), "RGBA")
    image.putpixel((0, 0), (0, 0, 0, 0))
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    opened = open_photo(encode(image, kind, **options))
    assert tuple(opened.pixels[0, 0]) == WHITE
    assert np.abs(opened.pixels[5, 5].astype(int) - (255, 127, 127)).max() <= 1
    assert opened.notes == (TRANSPARENT,)


def test_opaque_alpha_has_no_note() -> None:
    opened = open_photo(encode(plain((*BLUE, 255), "RGBA")))
    assert (opened.pixels == BLUE).all() and opened.notes == ()


def test_grey_with_alpha_is_blended_with_white() -> None:
    opened = open_photo(encode(plain((0, 51), "LA")))
    assert np.abs(opened.pixels.astype(int) - 204).max() <= 1
    assert opened.notes == (TRANSPARENT,)
