"""Tests of photo decoding, on files built here byte by byte."""

from __future__ import annotations

import hashlib
import os
import struct
import warnings
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageFile, PngImagePlugin

from model.errors import PhotoError
from model.i18n.catalogue import Message, languages, use_language
from model.photos import photo
from model.photos.decode import decode
from model.photos.photo import MAX_BYTES, MAX_PIXELS, MIN_SIDE, open_photo
from tests.photo_files import (
    BLUE,
    RED,
    SIDE,
    WHITE,
    encode,
    gradient,
    plain,
    png,
    png_chunk,
    swapped_profile,
    with_valid_checksums,
    zeros,
)

ORIENTATION = 0x0112
ANIMATED, PAGES, TRANSPARENT = Message("photo.animated"), Message("photo.pages"), Message("photo.transparent")


def refusal(source: Any) -> str:
    """The sentence of the refusal, checked in every language to be one that may be shown to anyone."""
    with pytest.raises(PhotoError) as caught:
        open_photo(source)
    for language in languages():
        with use_language(language):
            sentence = str(caught.value)
        assert sentence.endswith(".") and "; " in sentence, "what was wrong; what to do."
        assert not any(word in sentence for word in ("/", "\\", "BytesIO", "Error"))
    return str(caught.value)


@pytest.fixture
def no_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Decodes in this process, where it is seen if a pixel is decoded."""

    def fail(*_: object, **__: object) -> None:
        pytest.fail("a pixel was decoded before the limits were checked")

    for owner in (Image.Image, ImageFile.ImageFile, PngImagePlugin.PngImageFile):
        monkeypatch.setattr(owner, "load", fail)
    monkeypatch.setattr(Image, "_getdecoder", fail)
    monkeypatch.setattr(photo, "decode_apart", lambda data, cancelled: decode(data))


# What comes back


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "WEBP"])
def test_lossless_formats_keep_every_pixel(kind: str) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encode(Image.fromarray(gradient()), kind, **options)
    opened = open_photo(data)
    np.testing.assert_array_equal(opened.pixels, gradient())
    assert opened.pixels.dtype == np.uint8
    assert opened.notes == ()
    assert opened.sha256 == hashlib.sha256(data).hexdigest()


def test_jpeg_keeps_colours_closely() -> None:
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


def test_rgba_array_is_laid_on_white() -> None:
    array = np.dstack([gradient(), np.full((SIDE, 64), 255, np.uint8)])
    assert open_photo(array).notes == ()
    array[0, 0, 3] = 0
    opened = open_photo(array)
    assert tuple(opened.pixels[0, 0]) == WHITE
    np.testing.assert_array_equal(opened.pixels[1:], gradient()[1:])
    assert opened.notes == (TRANSPARENT,)


def test_array_that_skips_memory_is_read_in_its_own_order() -> None:
    array = np.repeat(gradient(), 2, axis=0)[::2, ::-1]
    np.testing.assert_array_equal(open_photo(array).pixels, gradient()[:, ::-1])


def test_array_hash_tells_shapes_apart() -> None:
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


def test_huge_array_is_refused_without_being_touched() -> None:
    assert "more than" in refusal(np.broadcast_to(np.uint8(0), (20_000, 20_000, 3)))


# Limits


@pytest.mark.usefixtures("no_decoding")
@pytest.mark.parametrize("side", [9_000, 20_000])
def test_bomb_is_refused_before_decoding(side: int) -> None:
    """9,000 gives Pillow's silent range, where our own limit refuses; 20,000 gives its bomb error."""
    data = png(side, side, zeros(side * (side // 8 + 1)))
    assert len(data) < 120_000
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sentence = refusal(data)
    assert f"{MAX_PIXELS:,}" in sentence


@pytest.mark.usefixtures("no_decoding")
def test_size_that_pillow_only_warns_of_is_refused_without_the_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "10,000 x 10,000" in refusal(png(10_000, 10_000, b""))


@pytest.mark.usefixtures("no_decoding")
@pytest.mark.parametrize("size", [(1, 1), (MIN_SIDE - 1, 500)])
def test_too_small_is_refused_before_decoding(size: tuple[int, int]) -> None:
    sentence = refusal(png(*size, zlib.compress(bytes(2))))
    assert f"{size[0]} x {size[1]} pixels" in sentence and f"{MIN_SIDE} x {MIN_SIDE}" in sentence


def test_smallest_side_is_accepted() -> None:
    assert open_photo(encode(plain(size=(MIN_SIDE, MIN_SIDE)))).pixels.shape == (MIN_SIDE, MIN_SIDE, 3)


@pytest.mark.usefixtures("no_decoding")
def test_too_many_bytes_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "large.jpg"
    path.touch()
    os.truncate(path, MAX_BYTES + 1)  # a sparse file: no disk, no time
    assert "30,000,001 bytes" in refusal(path)
    assert "30,000,001 bytes" in refusal(bytes(MAX_BYTES + 1))


@pytest.mark.parametrize("name", [b"zTXt", b"iCCP"])
def test_bomb_inside_a_text_or_profile_chunk_does_not_get_through(name: bytes) -> None:
    bomb = png_chunk(name, b"Comment\x00\x00" + zeros(80_000_000))
    rows = zlib.compress(bytes(SIDE * (SIDE + 1)))
    assert "damaged" in refusal(png(SIDE, SIDE, rows, depth=8, extra=bomb))


# Things that are no photo


def test_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    assert "empty" in refusal(tmp_path / "empty.jpg")
    assert "empty" in refusal(b"")


def test_text_named_jpg_is_refused(tmp_path: Path) -> None:
    (tmp_path / "face.jpg").write_text("This is a letter.\n" * 100)
    assert "not a readable JPEG, PNG" in refusal(tmp_path / "face.jpg")


@pytest.mark.parametrize("kind", ["ICO", "TGA", "PPM"])
def test_formats_outside_the_list_are_refused(kind: str) -> None:
    assert "not a readable JPEG, PNG" in refusal(encode(plain(), kind))


def test_missing_path_is_refused(tmp_path: Path) -> None:
    assert "does not exist" in refusal(tmp_path / "nowhere.jpg")
    assert "does not exist" in refusal("nul\0byte.jpg")
    assert "cannot be opened" in refusal("n" * 5_000)


def test_folder_and_pipe_are_refused(tmp_path: Path) -> None:
    assert "folder" in refusal(tmp_path)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.jpg")
        assert "device" in refusal(tmp_path / "pipe.jpg")


def test_unreadable_file_does_not_name_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "secret.jpg"
    path.write_bytes(encode(plain()))

    def deny(*_: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", deny)
    assert "permissions" in refusal(path)


@pytest.mark.parametrize("source", [None, 7, ["a.jpg"]])
def test_other_types_are_refused(source: Any) -> None:
    assert type(source).__name__ in refusal(source)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF"])
def test_file_cut_in_half_is_refused(kind: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    data = encode(Image.fromarray(noise), kind)
    sentence = refusal(data[: len(data) // 2])
    assert "damaged or cut off" in sentence or "not a readable" in sentence
    assert not ImageFile.LOAD_TRUNCATED_IMAGES


def test_truncated_jpeg_is_called_cut_off() -> None:
    data = encode(Image.fromarray(gradient(200, 200)), "JPEG")
    assert "cut off" in refusal(data[:-200])


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


def test_tiff_with_pages_gives_its_first_and_a_note() -> None:
    opened = open_photo(encode(plain(RED), "TIFF", save_all=True, append_images=[plain(BLUE)]))
    assert (opened.pixels == RED).all() and opened.notes == (PAGES,)


# Colour modes


def test_cmyk_is_not_inverted() -> None:
    """Full magenta and yellow print red; JPEG stores CMYK inverted, as Adobe does."""
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
def test_broken_exif_leaves_the_pixels_as_they_lie(kind: str, exif: bytes) -> None:
    opened = open_photo(encode(plain(BLUE, size=(64, 40)), kind, exif=exif))
    assert opened.pixels.shape == (40, 64, 3)


def test_rotation_survives_a_broken_neighbour_tag() -> None:
    """A text tag where Pillow expects a number cannot be written back, so the rest must not be needed."""
    entries = struct.pack("<HHHIHH", 2, 0x0112, 3, 1, 6, 0) + struct.pack("<HHI4s", 0x0103, 2, 4, b"abc\0")
    exif = b"Exif\0\0II*\0\x08\0\0\0" + entries + bytes(4)
    opened = open_photo(encode(plain(BLUE, size=(64, 40)), "JPEG", exif=exif))
    assert opened.pixels.shape == (64, 40, 3)


# Colour profiles


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "JPEG"])
def test_colours_pass_through_a_foreign_profile(kind: str) -> None:
    opened = open_photo(encode(plain(RED), kind, icc_profile=swapped_profile()))
    assert np.abs(opened.pixels.astype(int) - BLUE).max() <= 4


def test_srgb_profile_changes_nothing() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    opened = open_photo(encode(Image.fromarray(gradient()), icc_profile=profile))
    np.testing.assert_array_equal(opened.pixels, gradient())


@pytest.mark.parametrize("profile", [b"not a profile", swapped_profile()[:300], bytes(200)])
def test_broken_profile_leaves_the_colours(profile: bytes) -> None:
    opened = open_photo(encode(Image.fromarray(gradient()), icc_profile=profile))
    np.testing.assert_array_equal(opened.pixels, gradient())


@pytest.mark.parametrize(
    ("kind", "mode", "colour", "expected"),
    [("TIFF", "L", 77, (77, 77, 77)), ("JPEG", "CMYK", (0, 255, 255, 0), RED)],
)
def test_profile_for_another_kind_of_picture_is_ignored(kind: str, mode: str, colour: Any, expected: Any) -> None:
    opened = open_photo(encode(plain(colour, mode), kind, icc_profile=swapped_profile()))
    assert np.abs(opened.pixels.astype(int) - expected).max() <= 3


# Hostile bytes


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF"])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_corrupted_files_give_a_photo_or_a_photo_error(kind: str) -> None:
    random = np.random.default_rng(7)
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    valid = encode(Image.fromarray(gradient()), kind, exif=exif, icc_profile=swapped_profile())
    refused = 0
    for _ in range(200):
        data = np.frombuffer(valid, np.uint8).copy()
        # Most structure sits in the first bytes, so half of the damage goes there.
        reach = random.choice([64, len(data)])
        data[random.integers(0, reach, random.integers(1, 9))] = random.integers(0, 256)
        if random.random() < 0.3:
            data = data[: random.integers(0, len(data))]
        try:
            pixels, _ = decode(with_valid_checksums(data.tobytes()) if kind == "PNG" else data.tobytes())
        except PhotoError:
            refused += 1
        else:
            height, width, channels = pixels.shape
            assert pixels.dtype == np.uint8 and channels == 3
            assert min(height, width) >= MIN_SIDE and height * width <= MAX_PIXELS
    assert 0 < refused < 200


@pytest.mark.parametrize("error", [SyntaxError, struct.error, EOFError, OverflowError, KeyError])
def test_whatever_pillow_raises_becomes_a_photo_error(monkeypatch: pytest.MonkeyPatch, error: type[Exception]) -> None:
    def fail(*_: object) -> None:
        raise error("inside Pillow")

    monkeypatch.setattr(Image.Image, "convert", fail)
    with pytest.raises(PhotoError, match="damaged"):
        decode(encode(plain(0, "P")))
