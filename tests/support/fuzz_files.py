"""Valid files of every supported kind, and mutations of them, for ``tests.support.fuzz``."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from dataclasses import asdict
from functools import cache
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from model.artifact.card import Card
from model.artifact.preprocessing import Preprocessing
from tests.support.photo_files import encode, gradient, plain, swapped_profile, with_valid_checksums

DATA = Path(__file__).parents[1] / "data"
MOST = 200_000  # bytes of a mutated file
EDGES = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)  # extreme lengths


@cache
def whole_files() -> tuple[tuple[str, bytes], ...]:
    """Kind and bytes of each valid file; several layouts of each format."""
    return (*_photos(), *_tiffs(), *_others())


def _photos() -> list[tuple[str, bytes]]:
    rgb = Image.fromarray(gradient())
    alpha = Image.fromarray(np.dstack([gradient(), gradient()[..., :1]]))
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Phone"
    rich = {"exif": exif.tobytes(), "icc_profile": swapped_profile()}
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    text = PngInfo()
    text.add_text("parameters", "a face, Steps: 20", zip=True)
    frames = {"save_all": True, "append_images": [plain(size=rgb.size)]}
    return [
        ("jpeg", encode(rgb, "JPEG", **rich)),
        ("jpeg", encode(rgb, "JPEG", progressive=True, xmp=b"<x:xmpmeta/>")),
        ("jpeg", encode(rgb, "JPEG", restart_marker_blocks=2)[:-2]),
        ("jpeg", encode(rgb.convert("CMYK"), "JPEG")),
        ("jpeg", encode(rgb, "MPO", **frames)),
        ("png", encode(rgb, pnginfo=text, **rich)),
        ("png", encode(rgb.convert("P"), icc_profile=srgb)),
        ("png", encode(Image.fromarray(gradient()[..., 0].astype(np.uint16) * 200))),
        ("png", encode(alpha, **frames)),
        ("webp", encode(rgb, "WEBP", **rich)),
        ("webp", encode(alpha, "WEBP", lossless=True)),
        ("webp", encode(rgb, "WEBP", **frames)),
        ("gif", encode(rgb, "GIF", **frames)),
        ("gif", encode(rgb.convert("P"), "GIF", transparency=3)),
        ("bmp", encode(rgb, "BMP")),
        ("bmp", encode(rgb.convert("P"), "BMP")),
        ("bmp", encode(alpha, "BMP")),
        ("avif", encode(rgb, "AVIF", **rich)),
        ("avif", encode(alpha, "AVIF")),
        *(("heic", path.read_bytes()) for path in sorted((DATA / "heic").glob("*.heic"))),
    ]


def _tiffs() -> list[tuple[str, bytes]]:
    rgb = Image.fromarray(gradient())
    kinds = ("raw", "tiff_lzw", "packbits", "jpeg", "tiff_adobe_deflate")
    found = [("tiff", encode(rgb, "TIFF", compression=kind)) for kind in kinds]
    found.append(("tiff", encode(rgb.convert("1"), "TIFF", compression="group4")))
    deep = gradient().astype(np.uint16) * 200
    layouts = [
        (np.moveaxis(deep, -1, 0).copy(), {"photometric": "rgb", "planarconfig": "separate"}),
        (deep[..., 0].copy(), {"photometric": "miniswhite", "tile": (16, 16)}),
        (deep[..., 0].astype(np.float32), {"photometric": "minisblack", "compression": "zlib"}),
    ]
    for values, options in layouts:
        file = io.BytesIO()
        tifffile.imwrite(file, values, metadata=None, **options)
        found.append(("tiff", file.getvalue()))
    return found


def _others() -> list[tuple[str, bytes]]:
    found = []
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", method) as archive:
            archive.writestr("a/doğum günü.png", encode(plain()))
            archive.writestr("__MACOSX/._b.jpg", b"junk")
            archive.writestr("b.txt", b"text" * 50)
        found.append(("zip", file.getvalue()))
    found += [("h5", path.read_bytes()) for path in sorted((DATA / "legacy").glob("*/*.h5"))]
    found += [("pickle", path.read_bytes()) for path in sorted((DATA / "legacy").glob("*/*.pkl"))]
    found += [("pickle", pickle.dumps({"classes_": np.array(["Fake", "Real"])}, protocol)) for protocol in (2, 5)]
    card = Card("lite_attention", Preprocessing(128), ("Fake", "Real"), 1.2, metrics={"test": {"auc": 0.9}})
    return [*found, ("card", json.dumps(asdict(card)).encode())]


def mutated(seed: int, number: int) -> tuple[str, bytes]:
    """Kind and bytes of a case: a valid file after one to five mutations."""
    random = np.random.default_rng([seed, number])
    seeds = whole_files()
    kinds = sorted({kind for kind, _ in seeds})
    kind = kinds[number % len(kinds)]
    own = [data for name, data in seeds if name == kind]
    data = bytearray(own[random.integers(len(own))])
    for _ in range(random.integers(1, 6)):
        MUTATIONS[random.integers(len(MUTATIONS))](data, random, own)
    if kind == "png" and random.random() < 0.7:
        return kind, with_valid_checksums(bytes(data[:MOST]))
    return kind, bytes(data[:MOST])


def _place(data: bytearray, random: np.random.Generator) -> int:
    """A random offset in a file, more often near its start and its end, where most structure is."""
    reach = len(data) if random.random() < 0.5 else min(len(data), 200)
    place = int(random.integers(0, max(reach, 1)))
    return max(len(data) - 1 - place, 0) if random.random() < 0.2 else place


def _flip(data: bytearray, random: np.random.Generator, own: list[bytes]) -> None:
    for _ in range(random.integers(1, 9)):
        if data:
            data[_place(data, random)] ^= 1 << int(random.integers(8))


def _overwrite(data: bytearray, random: np.random.Generator, own: list[bytes]) -> None:
    place = _place(data, random)
    data[place : place + int(random.integers(1, 9))] = random.bytes(int(random.integers(1, 9)))


def _length(data: bytearray, random: np.random.Generator, own: list[bytes]) -> None:
    """Put an extreme number where a length may be."""
    size, place = int(random.choice([1, 2, 4])), _place(data, random)
    value = EDGES[random.integers(len(EDGES))] % (1 << 8 * size)
    data[place : place + size] = value.to_bytes(size, "little" if random.random() < 0.5 else "big")


def _truncate(data: bytearray, random: np.random.Generator, own: list[bytes]) -> None:
    del data[_place(data, random) :]


def _splice(data: bytearray, random: np.random.Generator, own: list[bytes]) -> None:
    """Insert a piece of this file or of another one of its kind, or replace bytes by it."""
    other = bytes(data) if random.random() < 0.5 else own[random.integers(len(own))]
    start = int(random.integers(0, len(other) + 1))
    piece = other[start : start + int(random.choice([4, 16, 64, 512, 4_096]))]
    place = _place(data, random)
    data[place : place + (len(piece) if random.random() < 0.5 else 0)] = piece


def _repeat(data: bytearray, random: np.random.Generator, own: list[bytes]) -> None:
    place = _place(data, random)
    piece = bytes(data[place : place + int(random.integers(1, 200))])
    data[place:place] = piece * int(random.integers(1, 30))


def _remove(data: bytearray, random: np.random.Generator, own: list[bytes]) -> None:
    place = _place(data, random)
    del data[place : place + int(random.integers(1, 100))]


MUTATIONS = (_flip, _flip, _overwrite, _length, _length, _truncate, _splice, _splice, _repeat, _remove)
