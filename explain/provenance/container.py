"""What a photo's file holds beside its pixels: EXIF, XMP and texts. No pixel is decoded."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from io import BytesIO
from itertools import islice
from xml.etree import ElementTree

from PIL import Image

from explain.provenance.iso_file import notes_of
from model.photos.decode import HOSTILE_FILE_ERRORS
from model.photos.kinds import kind_of

MOST_CHUNKS = 20_000  # of a PNG; 50 megapixels in chunks of 8 kB have fewer
MOST_TEXTS = 64
MOST_TEXT_BYTES = 2_000_000  # of one text; a large ComfyUI workflow has some 100 kB
MOST_XMP_BYTES = 500_000  # of a packet; a JPEG holds at most 65,502 in one piece
MOST_NODES = 5_000  # of a packet
RESOURCE = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}resource"
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
XMP_KEY = "XML:com.adobe.xmp"
EXIF_PREFIX = b"Exif\0\0"


@dataclass(frozen=True)
class Container:
    """A file that was opened but not decoded.

    Attributes:
        data: its bytes.
        kind: of the file, one of ``model.photos.kinds.FORMATS``.
        size: width and height in pixels.
        image: Pillow's image, with pixels not loaded yet; None for AVIF and HEIC.
        exif: its EXIF; empty without any.
        exif_bytes: the same as TIFF bytes, to which offsets in it refer.
        xmp: the texts of its first XMP packet by the full name of their property.
        xmp_damaged: whether that packet can't be read.
        texts: its texts by key, from PNG chunks and from the comments of JPEG and GIF.
    """

    data: bytes = field(repr=False)
    kind: str
    size: tuple[int, int]
    image: Image.Image | None
    exif: Image.Exif
    exif_bytes: bytes
    xmp: dict[str, list[str]]
    xmp_damaged: bool
    texts: dict[str, str]


def open_container(data: bytes) -> Container:
    """Open a file without decoding its pixels.

    Args:
        data: the bytes of a file that ``model.photos.photo.open_photo`` could read.

    Raises:
        One of ``HOSTILE_FILE_ERRORS``: if it is no readable photo.
    """
    kind = kind_of(data)
    if kind is None:
        raise ValueError("no photo")
    image, texts = None, dict[str, str]()
    if kind in ("AVIF", "HEIF"):
        notes = notes_of(data)
        size, exif_bytes, xmp = notes.size, notes.exif, notes.xmp
    else:
        image = Image.open(BytesIO(data), formats=[kind])
        size, exif_bytes, xmp = image.size, image.info.get("exif") or b"", image.info.get("xmp") or b""
    if kind == "PNG":
        exif_bytes, texts = _png_notes(data)
        xmp = texts.pop(XMP_KEY, "").encode()
    elif image is not None and isinstance(comment := image.info.get("comment"), bytes):
        texts["comment"] = comment[:MOST_TEXT_BYTES].decode("utf-8", "replace")
    exif_bytes = exif_bytes.removeprefix(EXIF_PREFIX)
    exif = Image.Exif()
    with suppress(*HOSTILE_FILE_ERRORS):
        if image is not None and kind == "TIFF":  # the file is its own EXIF
            exif = image.getexif()
        else:
            exif.load(exif_bytes)
    found, is_damaged = dict[str, list[str]](), False
    try:
        found = properties(xmp)
    except HOSTILE_FILE_ERRORS:
        is_damaged = True
    return Container(data, kind, size, image, exif, exif_bytes, found, is_damaged, texts)


def properties(packet: bytes) -> dict[str, list[str]]:
    """The texts of an XMP packet by the full name of their property, in the order of the packet.

    Raises:
        ValueError: if it is too large, no UTF-8, or declares a document type: XMP never does, attacks by entities do.
        SyntaxError: if it is no XML.
    """
    found: dict[str, list[str]] = {}
    text = packet.strip(b"\0 ").decode("utf-8-sig")
    if len(packet) > MOST_XMP_BYTES or "!DOCTYPE" in text:
        raise ValueError("XMP is too large or declares a document type")
    if not text:
        return found
    for node in islice(ElementTree.fromstring(text).iter(), MOST_NODES):
        for name, value in node.attrib.items():
            found.setdefault(str(node.tag) if name == RESOURCE else name, []).append(value)
        # A property's text is in the property, or in the first item of its list: property, list, item.
        texts = (inner.text for inner in islice(node.iter(), 3))
        if text_of := next((text for text in texts if text and text.strip()), None):
            found.setdefault(str(node.tag), []).append(text_of)
    return found


def _png_notes(data: bytes) -> tuple[bytes, dict[str, str]]:
    """EXIF and texts of a PNG. Pillow would find those after the pixels only by decoding them."""
    exif, texts = b"", dict[str, str]()
    for kind, body in _chunks(data):
        if kind == b"eXIf":
            exif = exif or body.tobytes()
        elif kind in _READ_TEXT and len(texts) < MOST_TEXTS:
            with suppress(ValueError, zlib.error):  # a broken text says nothing about the others
                key, text = _READ_TEXT[kind](body.tobytes())
                texts.setdefault(key, text)
    return exif, texts


def _chunks(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    view, place = memoryview(data), len(PNG_SIGNATURE)
    for _ in range(MOST_CHUNKS):
        if place + 8 > len(data):
            return
        length, kind = struct.unpack_from(">I4s", data, place)
        yield kind, view[place + 8 : place + 8 + min(length, MOST_TEXT_BYTES)]
        place += length + 12


def _plain_text(body: bytes) -> tuple[str, str]:
    key, text = body.split(b"\0", 1)
    return key.decode("latin-1"), text.decode("latin-1")


def _packed_text(body: bytes) -> tuple[str, str]:
    key, packed = body.split(b"\0", 1)
    return key.decode("latin-1"), _unpack(packed[1:]).decode("latin-1")


def _international_text(body: bytes) -> tuple[str, str]:
    key, rest = body.split(b"\0", 1)
    _language, _translated, text = rest[2:].split(b"\0", 2)
    text = _unpack(text) if rest[:1] == b"\1" else text
    return key.decode("latin-1"), text.decode("utf-8", "replace")


def _unpack(packed: bytes) -> bytes:
    """The start of a packed text; a few kilobytes may unpack to gigabytes."""
    return zlib.decompressobj().decompress(packed, MOST_TEXT_BYTES)


_READ_TEXT = {b"tEXt": _plain_text, b"zTXt": _packed_text, b"iTXt": _international_text}
