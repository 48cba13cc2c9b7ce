"""Tests of the metadata in AVIF and HEIC files, which is read without a decoder."""

from __future__ import annotations

import struct
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from explain.provenance.findings import findings
from explain.provenance.iso_file import IsoNotes, notes_of
from tests.explain.provenance.files import exif, found_in, picture, saved, xmp

HEIC = Path(__file__).parents[2] / "data" / "heic"


def test_metadata_of_an_avif_is_found() -> None:
    packet = xmp(attributes='xmp:CreatorTool="Adobe Firefly"')
    data = saved(kind="avif", exif=exif(Make="Canon", Model="EOS").tobytes(), xmp=packet)
    assert notes_of(data).xmp == packet and notes_of(data).size == picture().size
    found = found_in(data)
    assert found["camera"].message.values["camera"] == "Canon EOS"
    assert any("Firefly" in str(finding.message) for finding in found.values())


def test_camera_of_a_heic_is_found() -> None:
    found = found_in((HEIC / "turned.heic").read_bytes())
    assert found["camera"].message.values["camera"] == "Phone"


@pytest.mark.parametrize("kind", ["avif", "heic"])
def test_findings_say_that_a_file_has_no_metadata(kind: str) -> None:
    data = saved(kind="avif") if kind == "avif" else (HEIC / "rgb8.heic").read_bytes()
    assert set(found_in(data)) == {"nothing"}


def test_size_that_generators_use_is_a_hint() -> None:
    assert "pixel_size" in found_in(saved(Image.new("RGB", (512, 512)), "avif"))


def test_no_decoder_opens_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    data = saved(kind="avif", exif=exif(Make="Canon").tobytes())
    monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("a decoder was given the file"))
    assert "camera" in found_in(data)


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


@pytest.mark.parametrize(
    "content", [b"", bytes(4), box(b"iloc", bytes(3)), box(b"iinf", b"\0"), box(b"x", b"") * 30_000]
)
def test_malformed_boxes_raise_an_error_or_give_no_metadata(content: bytes) -> None:
    with suppress(struct.error, IndexError, ValueError):
        assert notes_of(box(b"meta", bytes(4) + content)) == IsoNotes()


def test_mutated_files_never_fail() -> None:
    random = np.random.default_rng(3)
    whole = saved(kind="avif", exif=exif(Make="Canon").tobytes(), xmp=xmp())
    for _ in range(500):
        data = bytearray(whole)
        for place in random.integers(0, min(len(data), 600), 6):
            data[place] = random.integers(256)
        findings(bytes(data))
