"""Tests of files made to break the reader of their metadata, or the page that shows the findings."""

from __future__ import annotations

import json
import tracemalloc
import zlib
from collections.abc import Callable

import pytest

from explain.html.provenance import provenance_html
from explain.provenance.container import MOST_TEXT_BYTES, open_container
from explain.provenance.finding import STATES
from explain.provenance.findings import findings
from tests.explain.provenance.files import (
    SCRIPT,
    exif,
    found_in,
    picture,
    png,
    saved,
    shrunk_astronaut,
    with_chunk,
    xmp,
)


def nested_xmp(depth: int) -> bytes:
    return b"<a>" * depth + b"</a>" * depth


ENTITIES = b'<!DOCTYPE x [<!ENTITY a "%s"><!ENTITY b "&a;&a;&a;">]><x>&b;</x>' % (b"x" * 1000)
DAMAGED_XMP = {"xmp": "provenance.damaged.xmp", "jpeg_quality": "provenance.jpeg.exact"}
NOTHING = {"nothing": "provenance.nothing"}
BARE_JPEG = {"jpeg_quality": "provenance.jpeg.exact", **NOTHING}
# The file, and its expected findings: the key of the sentence by kind.
HOSTILE: dict[str, tuple[Callable[[], bytes], dict[str, str]]] = {
    "a text of 4 MB": (
        lambda: with_chunk(b"tEXt", b"parameters\0Steps: 20" + SCRIPT.encode() + b"x" * 4_000_000),
        {"generator_text": "provenance.generator"},
    ),
    "a packed text of 20 MB": (lambda: with_chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(20_000_000), 1)), {}),
    "an international text that ends early": (lambda: with_chunk(b"iTXt", b"parameters\0\1"), NOTHING),
    "a packed text that is not packed": (lambda: with_chunk(b"zTXt", b"parameters\0\0no zlib"), NOTHING),
    "a text without its key": (lambda: with_chunk(b"tEXt", b"Steps: 20"), NOTHING),
    "30,000 chunks": (lambda: with_chunk(b"tEXt", b"a\0b", 30_000), NOTHING),
    "braces without end": (lambda: with_chunk(b"tEXt", b"prompt\0" + b'{"class_typ' * 150_000), NOTHING),
    "nested XMP": (lambda: saved(kind="webp", xmp=nested_xmp(60_000)), NOTHING),
    "XMP with entities": (lambda: saved(xmp=ENTITIES), DAMAGED_XMP),
    "XMP with a document type in UTF-16": (lambda: saved(xmp=ENTITIES.decode().encode("utf-16")), DAMAGED_XMP),
    "XMP of 3 MB": (lambda: saved(kind="webp", xmp=xmp("x" * 3_000_000)), {"xmp": "provenance.damaged.xmp"}),
    "no XMP": (lambda: saved(xmp=b"\xff\0<<<"), DAMAGED_XMP),
    "EXIF of noise": (lambda: saved(exif=b"Exif\0\0II*\0\x08\0\0\0" + bytes(range(256)) * 100), BARE_JPEG),
    "EXIF that ends early": (lambda: saved(exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff"), BARE_JPEG),
    "EXIF that goes round": (lambda: saved(exif=b"Exif\0\0II*\0\x08\0\0\0\0\0\x08\0\0\0"), BARE_JPEG),
    "EXIF of markup": (
        lambda: saved(exif=exif(Make=SCRIPT * 1000)),
        {"camera": "provenance.camera", "jpeg_quality": "provenance.jpeg.exact"},
    ),
    "tables of 16 bits": (
        lambda: saved(shrunk_astronaut(), qtables=[[1, 60_000] + [1] * 62] * 2),
        {"jpeg_quality": "provenance.jpeg.about", **NOTHING},
    ),
    "half a file": (
        lambda: saved(picture())[:700],
        {**BARE_JPEG, "recompression": "provenance.damaged.recompression"},
    ),
    "no photo": (lambda: b"no photo", {}),
    "nothing": (lambda: b"", {}),
}
MOST_MEMORY = 40_000_000  # bytes in addition to the file


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_gets_short_findings_and_takes_little_memory(name: str) -> None:
    make, expected = HOSTILE[name]
    data = make()
    tracemalloc.start()
    try:
        provenance = findings(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert {finding.kind: finding.message.key for finding in provenance.findings} == expected
    assert peak < MOST_MEMORY
    shown = str(provenance_html(provenance))
    assert "<script" not in shown and len(shown) < 5_000
    assert len(json.dumps(provenance.to_dict())) < 5_000


def test_damaged_part_does_not_hide_the_others() -> None:
    found = found_in(saved(xmp=ENTITIES, exif=exif(Make="Canon")))
    assert found["xmp"].message.key == "provenance.damaged.xmp"
    assert found["camera"].message.values == {"camera": "Canon"}


def test_packed_text_after_the_pixels_is_unpacked_only_to_its_limit() -> None:
    packed = zlib.compress(b"Steps: 20 " + bytes(20_000_000), 1)
    before_the_end = len(saved(kind="png")) - 12
    data = with_chunk(b"zTXt", b"parameters\0\0" + packed, place=before_the_end)
    assert found_in(data)["generator_text"].strength == STATES
    assert len(open_container(data).texts["parameters"]) == MOST_TEXT_BYTES


@pytest.mark.parametrize(
    "data",
    [
        saved(exif=exif(Make=SCRIPT + "x" * 5000, Software=SCRIPT * 1000)),
        saved(xmp=xmp(f"<xmp:CreatorTool><![CDATA[{SCRIPT.replace(chr(27), '')}]]></xmp:CreatorTool>")),
        png(parameters=f"Steps: 20 {SCRIPT}" * 1000),
    ],
)
def test_texts_of_a_file_are_short_and_hold_no_control_characters(data: bytes) -> None:
    values = [value for finding in findings(data).findings for value in finding.message.values.values()]
    texts = [value for value in values if isinstance(value, str)]
    assert any("<script>" in text for text in texts), "the template escapes markup, not the reader"
    assert all(text.isprintable() and len(text) <= 300 for text in texts)
