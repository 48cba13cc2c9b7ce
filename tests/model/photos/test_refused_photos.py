"""Tests of files that cannot be opened: each is refused in a sentence, too large ones before decoding."""

from __future__ import annotations

import os
import struct
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFile, PngImagePlugin

from model.errors import PhotoError
from model.photos import photo
from model.photos.containers import MOST_PARTS, has_too_many_parts
from model.photos.decode import MAX_PIXELS, MIN_SIDE, decode
from model.photos.photo import MAX_BYTES, open_photo
from tests.model.photos.opening import ORIENTATION, refusal
from tests.support.photo_files import (
    SIDE,
    encode,
    gradient,
    plain,
    png,
    png_chunk,
    swapped_profile,
    with_valid_checksums,
    zeros,
)


@pytest.fixture
def no_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Decodes in this process, and fails if a pixel is decoded."""

    def fail(*_: object, **__: object) -> None:
        pytest.fail("a pixel was decoded before the limits were checked")

    for owner in (Image.Image, ImageFile.ImageFile, PngImagePlugin.PngImageFile):
        monkeypatch.setattr(owner, "load", fail)
    monkeypatch.setattr(Image, "_getdecoder", fail)
    monkeypatch.setattr(photo, "decode_apart", lambda data, cancelled: decode(data))


# Limits


@pytest.mark.parametrize(
    "filler", [b"\xff", b"\xff\xfe\0\2", b"\xff\xe1\0\x08Exif\0\0"], ids=["fill", "comments", "exif"]
)
def test_jpeg_with_too_many_segments_is_refused_before_pillow_reads_it(
    filler: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = encode(Image.fromarray(gradient()), "JPEG")
    assert decode(data[:2] + filler * 1000 + data[2:])[0].shape == decode(data)[0].shape
    monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("Pillow read the file"))
    with pytest.raises(PhotoError):
        decode(data[:2] + filler * 200_000 + data[2:])


EMPTY_CHUNK = png_chunk(b"abCd", b"")


@pytest.mark.parametrize(
    ("kind", "place", "filler", "many"),
    [
        ("PNG", 33, EMPTY_CHUNK, 100_001),
        ("PNG", -12, EMPTY_CHUNK, 100_001),
        ("GIF", 13 + 768, b"!\xfe\1a\0", 50_001),
        ("GIF", -1, b"!\xfe\1a\0", 50_001),
        ("GIF", 13 + 768, b"\0", 100_001),
        ("GIF", 13 + 768, b"!\xfe" + b"\xff" + bytes(255) + b"\0", 8_000),
        ("GIF", 13 + 768, b"!\xff" + b"\1a" * 1000 + b"\0", 101),
    ],
)
def test_photo_with_too_many_parts_is_refused_before_pillow_reads_it(
    kind: str, place: int, filler: bytes, many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chunks before and after the pixels, comments before and after the first picture, and bytes outside blocks."""
    data = encode(Image.fromarray(gradient()).quantize(256), kind)
    place %= len(data)
    assert decode(data[:place] + filler * 10 + data[place:])[0].shape == decode(data)[0].shape
    monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("Pillow read the file"))
    with pytest.raises(PhotoError, match="100,000 parts"):
        decode(data[:place] + filler * many + data[place:])


def test_gif_with_too_many_small_blocks_is_refused_before_pillow_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encode(Image.fromarray(gradient()).quantize(256), "GIF")
    start = data.index(b",", 13 + 768) + 11
    monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("Pillow read the file"))
    with pytest.raises(PhotoError, match="100,000 parts"):
        decode(data[:start] + b"\1a" * 100_001 + data[start:])


@pytest.mark.parametrize("full", [255, 254])
def test_large_gif_with_full_blocks_is_not_refused(full: int) -> None:
    """Most encoders write sub-blocks of 255 bytes, ImageMagick of 254."""
    data = encode(Image.fromarray(gradient()).quantize(256), "GIF")
    start = data.index(b",", 13 + 768) + 11
    piece = bytes([full, *range(full)])
    assert not has_too_many_parts(data[:start] + piece * (MOST_PARTS + 1) + data[start:], "GIF")


@pytest.mark.parametrize(("mark", "order"), [(b"II", "<"), (b"MM", ">")])
def test_tiff_with_too_many_tags_or_strips_is_refused_before_pillow_reads_it(
    mark: bytes, order: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("Pillow read the file"))
    tags = struct.pack(f"{order}HHHQQ", 43, 8, 0, 16, 1_000_000)
    strips = struct.pack(f"{order}HIHHHII", 42, 8, 1, 273, 4, 1_000_000, 26)
    tiles = struct.pack(f"{order}HHHQQHHQQ", 43, 8, 0, 16, 1, 324, 4, 1_000_000, 44)
    for entries in (tags, strips, tiles):
        with pytest.raises(PhotoError, match="100,000 parts"):
            decode(mark + entries)


@pytest.mark.usefixtures("no_decoding")
@pytest.mark.parametrize("side", [9_000, 20_000])
def test_decompression_bomb_is_refused_before_decoding(side: int) -> None:
    """At 9,000 pixels only our own limit refuses the file; at 20,000 Pillow raises its bomb error."""
    data = png(side, side, zeros(side * (side // 8 + 1)))
    assert len(data) < 120_000
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sentence = refusal(data)
    assert f"{MAX_PIXELS:,}" in sentence


@pytest.mark.usefixtures("no_decoding")
def test_size_that_makes_pillow_warn_is_refused_without_the_warning() -> None:
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
    os.truncate(path, MAX_BYTES + 1)  # a sparse file takes no disk space and no time
    assert "30,000,001 bytes" in refusal(path)
    assert "30,000,001 bytes" in refusal(bytes(MAX_BYTES + 1))


@pytest.mark.slow
@pytest.mark.parametrize("name", [b"zTXt", b"iCCP"])
def test_decompression_bomb_in_a_text_or_profile_chunk_is_refused(name: bytes) -> None:
    bomb = png_chunk(name, b"Comment\x00\x00" + zeros(80_000_000))
    rows = zlib.compress(bytes(SIDE * (SIDE + 1)))
    assert "damaged" in refusal(png(SIDE, SIDE, rows, depth=8, extra=bomb))


# Files that are not photos


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


def test_error_for_an_unreadable_file_names_no_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
def test_file_truncated_to_half_is_refused(kind: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    data = encode(Image.fromarray(noise), kind)
    sentence = refusal(data[: len(data) // 2])
    assert "damaged or cut off" in sentence or "not a readable" in sentence
    assert not ImageFile.LOAD_TRUNCATED_IMAGES


def test_error_for_a_truncated_jpeg_says_that_it_is_cut_off() -> None:
    data = encode(Image.fromarray(gradient(200, 200)), "JPEG")
    assert "cut off" in refusal(data[:-200])


# Hostile bytes


@pytest.mark.slow
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
        # Most structure is in the first bytes, so half of the damage is there.
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
def test_every_error_of_pillow_becomes_a_photo_error(monkeypatch: pytest.MonkeyPatch, error: type[Exception]) -> None:
    def fail(*_: object) -> None:
        raise error("inside Pillow")

    monkeypatch.setattr(Image.Image, "convert", fail)
    with pytest.raises(PhotoError, match="damaged"):
        decode(encode(plain(0, "P")))
