"""Tests of files that are easily misread: each is read as in other programs, or refused with its format's name."""

from __future__ import annotations

import struct
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from model.i18n.catalogue import Message
from model.photos.containers import scans_of
from model.photos.decode import MAX_SCANNED, decode
from model.photos.kinds import has_broken_items, kind_of
from tests.model.photos.opening import refused
from tests.support.photo_files import BLUE, encode, gradient, plain

HEIC = Path(__file__).parents[2] / "data" / "heic"  # gradients, written by pillow-heif, which has an encoder of 20 MB
NO_END = Message("photo.no_end")


def notes_of(data: bytes) -> list[str]:
    return [note.key for note in decode(data)[1]]


# Transparency


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_fully_transparent_picture_is_shown_opaque_with_a_note(kind: str) -> None:
    image = Image.fromarray(np.dstack([gradient(), np.zeros(gradient().shape[:2], np.uint8)]))
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    pixels, notes = decode(encode(image, kind, **options))
    np.testing.assert_array_equal(pixels, gradient())
    assert notes == (Message("photo.all_transparent"),)


# Orientation

XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description'
    b' xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>'
)


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "PNG", "TIFF", "AVIF"])
def test_orientation_in_xmp_is_ignored(kind: str) -> None:
    options: dict[str, Any] = {"xmp": XMP}
    if kind == "PNG":
        options = {"pnginfo": _png_text("XML:com.adobe.xmp", XMP.decode())}
    elif kind == "TIFF":
        options = {"tiffinfo": {700: XMP}}
    data = encode(plain(BLUE, size=(64, 40)), kind, **options)
    assert b"Orientation" in data
    assert decode(data)[0].shape == (40, 64, 3)


def _png_text(key: str, text: str) -> Any:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_itxt(key, text)
    return info


# JPEGs without an end marker


def photo_jpeg(**options: Any) -> bytes:
    noise = np.random.default_rng(1).integers(0, 40, (64, 80, 3), np.uint8) + gradient(64, 80) // 2
    return encode(Image.fromarray(noise), "JPEG", quality=90, **options)


TRAILER = b"\0\0\x0a\x0eImage_UTC_Data1467000000000\xff\x3f\xff\x90\xff\xc4\0\x09SEFT"


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("after", [b"", TRAILER, bytes(2_000)])
def test_jpeg_without_its_end_marker_is_opened_with_a_note(after: bytes, progressive: bool) -> None:
    whole = photo_jpeg(progressive=progressive)
    assert whole.endswith(b"\xff\xd9")
    pixels, notes = decode(whole[:-2] + after)
    np.testing.assert_array_equal(pixels, decode(whole)[0])
    assert notes == (NO_END,)


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("missing", [4, 20, 200, 1_000])
@pytest.mark.parametrize("after", [b"", bytes(2_000)])
def test_jpeg_with_missing_pixels_is_refused(missing: int, after: bytes, progressive: bool) -> None:
    whole = photo_jpeg(progressive=progressive)[:-2]
    assert refused(whole[:-missing] + after).key == "photo.damaged"


def test_progressive_jpeg_without_its_last_scan_is_refused() -> None:
    """Every pixel has a value, but not its full detail."""
    whole = photo_jpeg(progressive=True)
    assert refused(whole[: whole.rindex(b"\xff\xda")]).key == "photo.damaged"


def test_jpeg_with_data_after_its_end_has_no_note() -> None:
    assert notes_of(photo_jpeg() + TRAILER) == []


# Scans


def many_scans(count: int) -> bytes:
    """A progressive JPEG that repeats its last scan."""
    data = photo_jpeg(progressive=True)
    start = data.rindex(b"\xff\xda")
    return data[:start] + data[start:-2] * count + b"\xff\xd9"


def test_scans_are_counted_up_to_the_end_marker() -> None:
    once = scans_of(photo_jpeg()), scans_of(photo_jpeg(progressive=True))
    assert [scans.count for scans in once] == [1, 10]
    assert scans_of(many_scans(200)).count == 209
    assert scans_of(photo_jpeg() + many_scans(9)).count == 1, "data after the end marker is not a scan of this picture"


def test_jpeg_with_too_many_scans_is_refused_before_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    count = MAX_SCANNED // (64 * 80) + 1
    data = many_scans(3)
    assert decode(data)[0].shape == (64, 80, 3)
    monkeypatch.setattr(Image.Image, "load", lambda *_: pytest.fail("a pixel was decoded"))
    monkeypatch.setattr("model.photos.decode.MAX_SCANNED", 11 * 64 * 80)
    message = refused(data)
    assert message == Message("photo.scans", scans=12) and count > 100_000


# Other kinds


@pytest.mark.parametrize(("name", "expected"), [("rgb8", 3), ("rgb10", 2)])
def test_heic_opens(name: str, expected: int) -> None:
    pixels, notes = decode((HEIC / f"{name}.heic").read_bytes())
    assert np.abs(pixels.astype(int) - gradient()).max() <= expected and notes == ()


def with_item(kind: bytes, texts: bytes) -> bytes:
    """The rotated HEIC with another type and other texts in its EXIF item."""
    data = (HEIC / "turned.heic").read_bytes()
    place = data.index(b"Exif\0")
    data = data[:place] + kind + texts + data[place + 5 :]
    for box in (b"infe\x02\x00\x00\x01", b"iinf", b"meta"):
        size = data.rindex(box, 0, place) - 4
        grown = int.from_bytes(data[size : size + 4], "big") + len(texts) - 1
        data = data[:size] + grown.to_bytes(4, "big") + data[size + 4 :]
    return data


@pytest.mark.parametrize(("kind", "texts"), [(b"\xffxif", b"\0"), (b"mime", b"\0\xff\xfe\0")])
def test_heic_with_invalid_text_in_item_names_is_refused(kind: bytes, texts: bytes) -> None:
    """Such items crashed the library, and with it the decoding process."""
    assert refused(with_item(kind, texts)).key == "photo.damaged"
    for readable in ((b"Exif", b"\0"), (b"mime", b"\xe9\0a\0"), (b"mime", b"\0application/rdf+xml\0")):
        assert not has_broken_items(with_item(*readable))


def test_heic_is_rotated_once_and_transparent_parts_are_white() -> None:
    turned, _ = decode((HEIC / "turned.heic").read_bytes())
    assert np.abs(turned.astype(int) - np.rot90(gradient(), -1)).max() <= 3
    pixels, notes = decode((HEIC / "rgba8.heic").read_bytes())
    assert (pixels[-1] == 255).all() and notes == (Message("photo.transparent"),)


def test_avif_opens() -> None:
    pixels, notes = decode(encode(Image.fromarray(gradient()), "AVIF", quality=95, subsampling="4:4:4"))
    assert np.abs(pixels.astype(int) - gradient()).max() <= 4 and notes == ()


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\xff\x0a", "JPEG XL"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (b"8BPS\0\1", "PSD"),
        (b"FUJIFILMCCD-RAW 0201", "RAW"),
        (b"II*\0\x10\0\0\0CR\2\0", "RAW"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", "RAW"),
        (b"%PDF-1.7", "PDF"),
        (b"<?xml version='1.0'?>\n<svg xmlns='a'>", "SVG"),
    ],
)
def test_other_kinds_are_refused_by_name(head: bytes, kind: str) -> None:
    assert refused(head + bytes(100)) == Message("photo.other_kind", kind=kind)


@pytest.mark.parametrize(
    "head",
    [
        b"\0\0\0\x18ftypmp42\0\0\0\1mp42isom",
        b"\0\0\0\x18ftypiso5\0\0\0\1iso5dash",
        b"\0\0\1\0moov",
        b"\x1a\x45\xdf\xa3",
    ],
)
def test_error_for_a_clip_says_where_clips_are_accepted(head: bytes) -> None:
    assert refused(head + bytes(100)) == Message("photo.clip")


def test_error_for_a_zip_says_where_many_photos_are_accepted() -> None:
    assert refused(b"PK\3\4" + bytes(100)) == Message("photo.zip")


def test_avif_with_a_generic_iso_brand_is_recognised_as_avif() -> None:
    assert kind_of(b"\0\0\0\x1cftypmif1\0\0\0\0iso8mif1avif" + bytes(20)) == "AVIF"


@pytest.mark.parametrize("options", [{"extratags": [(50706, "B", 4, b"\1\4\0\0", True)]}, {"subifds": 1}])
def test_raw_file_is_refused_although_its_thumbnail_is_readable(options: dict[str, Any]) -> None:
    file = BytesIO()
    with tifffile.TiffWriter(file) as writer:
        writer.write(gradient(), photometric="rgb", subfiletype=1, metadata=None, **options)
        writer.write(gradient(), photometric="rgb", metadata=None)
    assert refused(file.getvalue()) == Message("photo.other_kind", kind="RAW")


@pytest.mark.parametrize(
    ("brands", "kind"),
    [
        ([b"avif", b"mif1"], "AVIF"),
        ([b"mif1", b"avif", b"miaf"], "AVIF"),
        ([b"mif1", b"heic"], "HEIF"),
        ([b"heic", b"mif1", b"MiHE", b"MiPr", b"miaf", b"tmap"], "HEIF"),
        ([b"msf1", b"hevc"], "HEIF"),
        ([b"wxyz"], None),
    ],
)
def test_iso_files_are_distinguished_by_their_brands(brands: list[bytes], kind: str | None) -> None:
    body = brands[0] + bytes(4) + b"".join(brands[1:])
    assert kind_of(struct.pack(">I", 8 + len(body)) + b"ftyp" + body + b"\0\0\0\x08mdat") == kind
