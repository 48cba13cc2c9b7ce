"""Tests of files that are easily misread: each is read as other programs show it, or refused by its name."""

from __future__ import annotations

import struct
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image, ImageCms

from model.errors import PhotoError
from model.i18n.catalogue import Message
from model.photos import colours
from model.photos.decode import MAX_SCANNED, decode
from model.photos.jpeg_scans import scans_of
from model.photos.kinds import has_broken_items, kind_of
from tests.photo_files import BLUE, RED, SIDE, encode, gradient, plain, png_chunk, swapped_profile

HEIC = Path(__file__).parents[2] / "data" / "heic"  # gradients, written by pillow-heif: its encoder weighs 20 MB
NO_END = Message("photo.no_end")
LEVELS = np.arange(256)


def notes_of(data: bytes) -> list[str]:
    return [note.key for note in decode(data)[1]]


def refused(data: bytes) -> Message:
    with pytest.raises(PhotoError) as caught:
        decode(data)
    message = caught.value.args[0]
    assert isinstance(message, Message)
    return message


def tiff(values: NDArray[Any], **options: Any) -> bytes:
    file = BytesIO()
    with tifffile.TiffWriter(file, byteorder=options.pop("byteorder", "<")) as writer:
        writer.write(values, metadata=None, **options)
    return file.getvalue()


def ramp() -> NDArray[np.uint8]:
    """All 256 grey levels, each in a column: ``(48, 256) uint8``."""
    return np.tile(LEVELS.astype(np.uint8), (SIDE, 1))


# Deep grey


def test_white_is_zero_in_16_bits_is_no_negative() -> None:
    dark = tiff(65_535 - ramp().astype(np.uint16) * 257, photometric="miniswhite")
    np.testing.assert_array_equal(decode(dark)[0][..., 0], ramp())


@pytest.mark.parametrize("bits", [8, 10, 12])
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_few_bits_in_16_are_brightened_with_a_note(kind: str, bits: int) -> None:
    values = np.rint(ramp() / 255 * (2**bits - 1)).astype(np.uint16)
    pixels, notes = decode(encode(Image.fromarray(values), kind))
    np.testing.assert_array_equal(pixels[..., 0], ramp())
    assert notes == (Message("photo.few_bits", bits=bits),)


def test_packed_12_bits_reach_white() -> None:
    """Two values share three bytes, as cameras for science write them; no library here writes such a file."""
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
    """sRGB levels as light, 0..1."""
    values = levels / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def shown(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Light, 0..1, as sRGB levels."""
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
def test_gamma_of_a_png_is_undone(mode: str, gamma: float) -> None:
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
def test_what_says_srgb_or_nonsense_changes_nothing(chunk: bytes) -> None:
    pixels, notes = decode(png_with(chunk, Image.fromarray(gradient())))
    np.testing.assert_array_equal(pixels, gradient())
    assert notes == ()


@pytest.mark.parametrize("how", ["cHRM", "cICP"])
def test_primaries_of_a_png_are_converted(how: str) -> None:
    """Display P3's red is outside sRGB, its grey is the same; a soft colour moves as the matrices say."""
    chunk = png_chunk(b"cICP", bytes([12, 13, 0, 1]))
    if how == "cHRM":
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
    """A profile of linear light whose name holds "sRGB", as programs for rendering embed it."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    changed = bytearray(profile)
    for index in range(struct.unpack(">I", profile[128:132])[0]):
        name, place, size = struct.unpack_from(">4sII", profile, 132 + 12 * index)
        if name in (b"rTRC", b"gTRC", b"bTRC"):
            changed[place : place + size] = (b"curv" + bytes(8)).ljust(size, b"\0")
    return bytes(changed)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "JPEG"])
def test_linear_profile_is_used_though_it_is_called_srgb(kind: str) -> None:
    name = ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(BytesIO(linear_profile())))
    assert "sRGB" in name
    pixels, _ = decode(encode(plain((50, 50, 50)), kind, icc_profile=linear_profile()))
    assert np.abs(pixels - shown(np.array([50 / 255]))).max() <= 2


def test_cmyk_tiff_needs_a_profile() -> None:
    assert refused(encode(plain((0, 255, 255, 0), "CMYK"), "TIFF")).key == "photo.cmyk"
    assert refused(encode(plain((0, 255, 255, 0), "CMYK"), "TIFF", icc_profile=swapped_profile())).key == "photo.cmyk"


# Transparency


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_picture_under_an_alpha_of_zeros_is_shown_with_a_note(kind: str) -> None:
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
def test_orientation_in_xmp_alone_turns_nothing(kind: str) -> None:
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


# JPEGs without an end


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
    """Every pixel is there, but not all of it."""
    whole = photo_jpeg(progressive=True)
    assert refused(whole[: whole.rindex(b"\xff\xda")]).key == "photo.damaged"


def test_jpeg_with_something_behind_its_end_has_no_note() -> None:
    assert notes_of(photo_jpeg() + TRAILER) == []


# Scans


def many_scans(count: int) -> bytes:
    """A progressive JPEG that repeats its last scan."""
    data = photo_jpeg(progressive=True)
    start = data.rindex(b"\xff\xda")
    return data[:start] + data[start:-2] * count + b"\xff\xd9"


def test_scans_are_counted_up_to_the_end() -> None:
    once = scans_of(photo_jpeg()), scans_of(photo_jpeg(progressive=True))
    assert [scans.count for scans in once] == [1, 10]
    assert scans_of(many_scans(200)).count == 209
    assert scans_of(photo_jpeg() + many_scans(9)).count == 1, "what follows the end is no scan of this picture"


def test_jpeg_of_many_scans_is_refused_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
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
    """The turned HEIC, whose item with EXIF has another type and other texts."""
    data = (HEIC / "turned.heic").read_bytes()
    place = data.index(b"Exif\0")
    data = data[:place] + kind + texts + data[place + 5 :]
    for box in (b"infe\x02\x00\x00\x01", b"iinf", b"meta"):
        size = data.rindex(box, 0, place) - 4
        grown = int.from_bytes(data[size : size + 4], "big") + len(texts) - 1
        data = data[:size] + grown.to_bytes(4, "big") + data[size + 4 :]
    return data


@pytest.mark.parametrize(("kind", "texts"), [(b"\xffxif", b"\0"), (b"mime", b"\0\xff\xfe\0")])
def test_heic_with_items_that_are_named_in_no_text_is_damaged(kind: bytes, texts: bytes) -> None:
    """They crashed the library, and with it the process that decodes."""
    assert refused(with_item(kind, texts)).key == "photo.damaged"
    for readable in ((b"Exif", b"\0"), (b"mime", b"\xe9\0a\0"), (b"mime", b"\0application/rdf+xml\0")):
        assert not has_broken_items(with_item(*readable))


def test_heic_is_turned_once_and_transparent_parts_are_white() -> None:
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
        (b"\0\0\0\x18ftypmp42\0\0\0\1mp42isom", "video"),
        (b"%PDF-1.7", "PDF"),
        (b"<?xml version='1.0'?>\n<svg xmlns='a'>", "SVG"),
    ],
)
def test_other_kinds_are_refused_by_name(head: bytes, kind: str) -> None:
    assert refused(head + bytes(100)) == Message("photo.other_kind", kind=kind)


@pytest.mark.parametrize("options", [{"extratags": [(50706, "B", 4, b"\1\4\0\0", True)]}, {"subifds": 1}])
def test_raw_file_is_not_taken_for_its_thumbnail(options: dict[str, Any]) -> None:
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
def test_iso_files_are_told_by_their_brands(brands: list[bytes], kind: str | None) -> None:
    body = brands[0] + bytes(4) + b"".join(brands[1:])
    assert kind_of(struct.pack(">I", 8 + len(body)) + b"ftyp" + body + b"\0\0\0\x08mdat") == kind


def test_swapped_red_is_blue() -> None:
    pixels, _ = decode(encode(plain(RED), "PNG", icc_profile=swapped_profile()))
    assert np.abs(pixels.astype(int) - BLUE).max() <= 4
