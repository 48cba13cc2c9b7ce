"""Says what kind of file some bytes are by their content; a file's name decides nothing."""

from __future__ import annotations

import re

from model.errors import PhotoError
from model.i18n.catalogue import Message

# Names that Pillow gives to what is decoded; a phone's MPO file opens as JPEG, HEIC files as HEIF.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF")
HEAD = 512  # bytes in which every mark below lies
BRANDS = 16  # of an ISO file that are read; photos name about six

# What a file of a known kind begins with. The first that fits decides.
_BEGINNINGS: tuple[tuple[str, bytes], ...] = (
    ("JPEG", b"\xff\xd8\xff"),
    ("PNG", b"\x89PNG\r\n\x1a\n"),
    ("GIF", b"GIF87a"),
    ("GIF", b"GIF89a"),
    ("BMP", b"BM"),
    ("JPEG XL", b"\xff\x0a"),
    ("JPEG XL", b"\0\0\0\x0cJXL \r\n\x87\n"),
    ("JPEG 2000", b"\0\0\0\x0cjP  \r\n\x87\n"),
    ("JPEG 2000", b"\xff\x4f\xff\x51"),
    ("JPEG XR", b"II\xbc\x01"),
    ("PSD", b"8BPS"),
    ("XCF", b"gimp xcf"),
    ("RAW", b"FUJIFILMCCD-RAW"),
    ("RAW", b"IIRO"),
    ("RAW", b"IIRS"),
    ("RAW", b"IIU\0"),
    ("RAW", b"II\x1a\0\0\0HEAPCCDR"),
    ("RAW", b"\0MRM"),
    ("RAW", b"FOVb"),
    ("OpenEXR", b"\x76\x2f\x31\x01"),
    ("Radiance HDR", b"#?RADIANCE"),
    ("PDF", b"%PDF-"),
    ("ZIP", b"PK\x03\x04"),
    ("SVG", b"<svg"),
    ("video", b"\x1a\x45\xdf\xa3"),  # Matroska, WebM
    *(("TIFF", mark) for mark in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")),
)
# Brands of ISO files: those of photos, and of files that are mistaken for photos.
_BRANDS = {
    "AVIF": {b"avif", b"avis"},
    "HEIF": {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"},
    "RAW": {b"crx "},
    "video": {
        b"mp41",
        b"mp42",
        b"mp71",
        b"qt  ",
        b"M4V ",
        b"M4VH",
        b"M4VP",
        b"avc1",
        b"dash",
        b"MSNV",
        b"f4v ",
        b"XAVC",
    }
    | {b"isom", *(b"iso%d" % number for number in range(2, 10)), *(b"3gp%d" % number for number in range(4, 8))},
}
_GENERAL = {b"mif1", b"msf1"}  # of HEIF as well as of AVIF, which is a kind of it
_ITEM = re.compile(rb"infe([\x02\x03])")
MOST_ITEM = 400  # bytes of an item's description that are read


def kind_of(data: bytes) -> str | None:
    """The kind of a file, one of ``FORMATS`` or the name of a kind that is not read; None if it is unknown."""
    head = data[:HEAD]
    if head[:4] == b"RIFF":
        return {b"WEBP": "WEBP", b"AVI ": "video"}.get(head[8:12])
    if head[4:8] == b"ftyp":
        return _iso_kind(head)
    if head[4:8] in (b"moov", b"mdat", b"wide"):
        return "video"  # QuickTime's from before there were brands
    if head[:4] in (b"II*\0", b"MM\0*") and head[8:10] == b"CR":
        return "RAW"  # Canon's CR2
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(b"<?xml") and b"<svg" in text:
        return "SVG"
    return next((kind for kind, mark in _BEGINNINGS if head.startswith(mark)), None)


def _iso_kind(head: bytes) -> str | None:
    """The kind by the brands that the file names: its main one, then those that it is compatible with."""
    end = min(int.from_bytes(head[:4], "big"), len(head), 16 + 4 * BRANDS)
    brands = [head[8:12], *(head[place : place + 4] for place in range(16, end - 3, 4))]
    named = [kind for brand in brands for kind, own in _BRANDS.items() if brand in own]
    if brands[0] in _GENERAL:  # a picture; that it is also an ISO file says nothing
        named = [kind for kind in named if kind != "video"]
    return next(iter(named), "HEIF" if _GENERAL & set(brands) else None)


def has_broken_items(data: bytes) -> bool:
    """Whether a HEIF file describes an item by a type or a MIME type that is no text: pi-heif 1.4.0 crashes on it."""
    for found in _ITEM.finditer(data):
        start = found.start() - 4
        size = min(int.from_bytes(data[start : found.start()], "big"), MOST_ITEM)
        described = data[start + (16 if found[1] == b"\x02" else 18) : start + size]  # type, name, MIME type
        try:
            (described[:4] + b"".join(described[4:].split(b"\0")[1:2])).decode()
        except UnicodeDecodeError:
            return True
    return False


def refusal(data: bytes) -> PhotoError:
    """Why a file that no decoder takes is refused, by the name of its kind if that is known."""
    kind = kind_of(data)
    if kind is None:
        return PhotoError(Message("photo.unreadable"))
    if kind == "TIFF":
        return PhotoError(Message("photo.tiff"))
    if kind == "video":
        return PhotoError(Message("photo.clip"))
    if kind == "ZIP":
        return PhotoError(Message("photo.zip"))
    if kind in FORMATS:
        return PhotoError(Message("photo.damaged"))
    return PhotoError(Message("photo.other_kind", kind=kind))
