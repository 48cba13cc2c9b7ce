"""Tests of opened photos: pixels, colours and orientation, on files that are built here."""

from __future__ import annotations

import hashlib
import struct
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from model.photos.photo import open_photo
from tests.model.photos.opening import ANIMATED, ORIENTATION, PAGES, TRANSPARENT, refusal
from tests.support.photo_files import BLUE, RED, SIDE, WHITE, encode, gradient, plain, swapped_profile

# Pixels


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "WEBP"])
def test_lossless_formats_keep_every_pixel(kind: str) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encode(Image.fromarray(gradient()), kind, **options)
    opened = open_photo(data)
    np.testing.assert_array_equal(opened.pixels, gradient())
    assert opened.pixels.dtype == np.uint8
    assert opened.notes == ()
    assert opened.sha256 == hashlib.sha256(data).hexdigest()


def test_jpeg_keeps_colours_approximately() -> None:
    opened = open_photo(encode(Image.fromarray(gradient()), "JPEG", quality=95, subsampling=0))
    assert np.abs(opened.pixels.astype(int) - gradient()).max() <= 6


def test_bytes_and_both_kinds_of_path_give_the_same_photo(tmp_path: Path) -> None:
    path = tmp_path / "face.png"
    path.write_bytes(encode(Image.fromarray(gradient())))
    assert open_photo(path) == open_photo(str(path)) == open_photo(path.read_bytes())


def test_multi_picture_phone_jpeg_opens_without_a_note() -> None:
    data = encode(plain(), "MPO", save_all=True, append_images=[plain(BLUE)])
    assert Image.open(BytesIO(data)).format == "MPO"
    opened = open_photo(data)
    assert np.abs(opened.pixels.astype(int) - RED).max() <= 2
    assert opened.notes == ()


# Arrays


def test_rgb_array_is_copied_unchanged() -> None:
    array = gradient()
    opened = open_photo(array)
    np.testing.assert_array_equal(opened.pixels, array)
    array[:] = 0
    assert opened.pixels.any(), "the photo must not change with the caller's array"


def test_grey_array_fills_all_channels() -> None:
    opened = open_photo(gradient()[..., 0])
    np.testing.assert_array_equal(opened.pixels, np.repeat(gradient()[..., :1], 3, axis=2))


def test_rgba_array_is_blended_with_white() -> None:
    array = np.dstack([gradient(), np.full((SIDE, 64), 255, np.uint8)])
    assert open_photo(array).notes == ()
    array[0, 0, 3] = 0
    opened = open_photo(array)
    assert tuple(opened.pixels[0, 0]) == WHITE
    np.testing.assert_array_equal(opened.pixels[1:], gradient()[1:])
    assert opened.notes == (TRANSPARENT,)


def test_array_that_is_not_contiguous_is_read_in_its_order() -> None:
    array = np.repeat(gradient(), 2, axis=0)[::2, ::-1]
    np.testing.assert_array_equal(open_photo(array).pixels, gradient()[:, ::-1])


def test_array_hash_depends_on_the_shape() -> None:
    wide, tall = np.zeros((32, 64), np.uint8), np.zeros((64, 32), np.uint8)
    assert open_photo(wide).sha256 == open_photo(wide.copy()).sha256 != open_photo(tall).sha256


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((SIDE, SIDE, 3), np.float32),
        np.zeros((SIDE, SIDE, 3), np.uint16),
        np.zeros((SIDE, SIDE, 2), np.uint8),
        np.zeros((2, SIDE, SIDE, 3), np.uint8),
        np.zeros(SIDE, np.uint8),
        np.array(None),
    ],
)
def test_other_arrays_are_refused_by_type_and_shape(array: NDArray[Any]) -> None:
    sentence = refusal(array)
    assert str(array.dtype) in sentence and str(array.shape) in sentence


@pytest.mark.parametrize("shape", [(0, 0), (0, SIDE, 3), (SIDE, 5, 3)])
def test_small_arrays_are_refused(shape: tuple[int, ...]) -> None:
    assert "too few" in refusal(np.zeros(shape, np.uint8))


def test_huge_array_is_refused_without_reading_it() -> None:
    assert "more than" in refusal(np.broadcast_to(np.uint8(0), (20_000, 20_000, 3)))


# Animation and pages


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_animation_gives_its_first_frame_and_a_note(kind: str) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encode(plain(RED), kind, save_all=True, append_images=[plain(BLUE)], duration=100, **options)
    opened = open_photo(data)
    assert (opened.pixels == RED).all()
    assert opened.notes == (ANIMATED,)


def test_still_gif_has_no_note() -> None:
    opened = open_photo(encode(plain(BLUE), "GIF"))
    assert (opened.pixels == BLUE).all() and opened.notes == ()


def test_tiff_with_pages_gives_its_first_page_and_a_note() -> None:
    opened = open_photo(encode(plain(RED), "TIFF", save_all=True, append_images=[plain(BLUE)]))
    assert (opened.pixels == RED).all() and opened.notes == (PAGES,)


# Orientation


@pytest.mark.parametrize(
    ("orientation", "corner"),
    [
        (1, (0, 0)),
        (2, (0, -1)),
        (3, (-1, -1)),
        (4, (-1, 0)),
        (5, (0, 0)),
        (6, (0, -1)),
        (7, (-1, -1)),
        (8, (-1, 0)),
    ],
)
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP", "JPEG"])
def test_exif_rotation_moves_the_marked_corner(kind: str, orientation: int, corner: tuple[int, int]) -> None:
    image = plain(BLUE, size=(64, 40))
    image.paste(RED, (0, 0, 8, 8))
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    pixels = open_photo(encode(image, kind, exif=exif)).pixels
    assert pixels.shape == ((40, 64, 3) if orientation < 5 else (64, 40, 3))
    is_red = pixels[..., 0] > 128
    assert is_red[corner] and is_red.sum() == 64


@pytest.mark.parametrize(
    "exif",
    [
        b"Exif\0\0",
        b"Exif\0\0" + bytes(40),
        b"Exif\0\0MM\0*" + b"\xff" * 60,
        b"Exif\0\0II*\0\x08\0\0\0\x05\0\x12\x01\x02\0\xff\xff\xff\xff",
    ],
)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_photo_with_broken_exif_is_not_rotated(kind: str, exif: bytes) -> None:
    opened = open_photo(encode(plain(BLUE, size=(64, 40)), kind, exif=exif))
    assert opened.pixels.shape == (40, 64, 3)


def test_rotation_is_read_beside_a_broken_tag() -> None:
    """Pillow cannot write a text tag where it expects a number, so the rotation must not need rewritten EXIF."""
    entries = struct.pack("<HHHIHH", 2, 0x0112, 3, 1, 6, 0) + struct.pack("<HHI4s", 0x0103, 2, 4, b"abc\0")
    exif = b"Exif\0\0II*\0\x08\0\0\0" + entries + bytes(4)
    opened = open_photo(encode(plain(BLUE, size=(64, 40)), "JPEG", exif=exif))
    assert opened.pixels.shape == (64, 40, 3)


# Colour profiles


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "JPEG"])
def test_colours_are_converted_by_the_embedded_profile(kind: str) -> None:
    opened = open_photo(encode(plain(RED), kind, icc_profile=swapped_profile()))
    assert np.abs(opened.pixels.astype(int) - BLUE).max() <= 4


def test_srgb_profile_changes_nothing() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    opened = open_photo(encode(Image.fromarray(gradient()), icc_profile=profile))
    np.testing.assert_array_equal(opened.pixels, gradient())


@pytest.mark.parametrize("profile", [b"not a profile", swapped_profile()[:300], bytes(200)])
def test_broken_profile_does_not_change_colours(profile: bytes) -> None:
    opened = open_photo(encode(Image.fromarray(gradient()), icc_profile=profile))
    np.testing.assert_array_equal(opened.pixels, gradient())


@pytest.mark.parametrize(
    ("kind", "mode", "colour", "expected"),
    [("TIFF", "L", 77, (77, 77, 77)), ("JPEG", "CMYK", (0, 255, 255, 0), RED)],
)
def test_profile_for_another_kind_of_picture_is_ignored(kind: str, mode: str, colour: Any, expected: Any) -> None:
    opened = open_photo(encode(plain(colour, mode), kind, icc_profile=swapped_profile()))
    assert np.abs(opened.pixels.astype(int) - expected).max() <= 3
