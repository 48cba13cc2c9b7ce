"""Tests of the findings in files with one kind of metadata each."""

from __future__ import annotations

import json
import re
import struct
import zlib

import pytest
from PIL import ExifTags, Image

from explain.provenance.finding import HINT, NEUTRAL, STATES, quoted
from explain.provenance.findings import READERS, findings
from model.i18n.catalogue import catalogue, use_language
from tests.explain.provenance.files import exif, found_in, picture, png, saved, texts_of_png, with_chunk, xmp

PROMPT = "a portrait of a man\nNegative prompt: blurry\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1"
WORKFLOW = json.dumps({"3": {"class_type": "KSampler", "inputs": {"seed": 1}}})
GPS = ExifTags.GPS
IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype/"


# Generators


@pytest.mark.parametrize(
    ("texts", "program"),
    [
        ({"parameters": PROMPT}, "Stable Diffusion"),
        ({"prompt": WORKFLOW}, "ComfyUI"),
        ({"workflow": json.dumps({"last_node_id": 9, "nodes": []})}, "ComfyUI"),
        ({"Software": "NovelAI", "Comment": "{}"}, "NovelAI"),
        ({"invokeai_metadata": '{"app_version": "5"}'}, "InvokeAI"),
        ({"Description": "a man --v 6 Job ID: 0b2b3c4d-1111-2222-3333-444455556666"}, "Midjourney"),
    ],
)
def test_text_of_a_generator_states_that_the_picture_was_generated(texts: dict[str, str], program: str) -> None:
    found = found_in(png(**texts))["generator_text"]
    assert found.strength == STATES
    assert found.message.values["program"] == program
    assert found.message.values["key"] in texts
    assert texts[found.message.values["key"]].startswith(found.message.values["excerpt"][:15])


@pytest.mark.parametrize("texts", [{"parameters": "ISO 100"}, {"prompt": "Smile!"}, {"Description": "A cat"}])
def test_a_text_of_the_same_name_from_another_source_states_nothing(texts: dict[str, str]) -> None:
    assert not findings(png(**texts)).states_generated


@pytest.mark.parametrize("code", [b"UNICODE\0" + PROMPT.encode("utf-16-be"), b"ASCII\0\0\0" + PROMPT.encode()])
@pytest.mark.parametrize("kind", ["jpeg", "webp"])
def test_settings_in_the_comment_of_exif_are_found(code: bytes, kind: str) -> None:
    tags = exif()
    tags.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = code
    found = found_in(saved(kind=kind, exif=tags))["generator_text"]
    assert found.message.values["program"] == "Stable Diffusion"
    assert found.message.values["excerpt"].startswith("a portrait of a man Negative")


def test_workflow_in_exif_of_a_webp_is_found() -> None:
    data = saved(kind="webp", exif=exif(Make=f"prompt:{WORKFLOW}"))
    assert found_in(data)["generator_text"].message.values["program"] == "ComfyUI"


def test_packed_and_international_texts_are_read() -> None:
    chunks = (
        (b"zTXt", b"parameters\0\0" + zlib.compress(PROMPT.encode())),
        (b"iTXt", b"parameters\0\1\0\0\0" + zlib.compress(PROMPT.encode())),
        (b"iTXt", b"parameters\0\0\0en\0\0" + PROMPT.encode()),
    )
    for chunk in chunks:
        assert found_in(with_chunk(*chunk))["generator_text"].strength == STATES


def test_a_program_that_generates_pictures_is_a_hint() -> None:
    found = found_in(saved(exif=exif(Software="Adobe Firefly 2.0")))
    assert found["program"].strength == NEUTRAL
    assert found["generator_program"].strength == HINT


@pytest.mark.parametrize(
    ("program", "generates"),
    [
        *(("DALL·E 3", True), ("DALL-E", True), ("dalle2 client", True), ("OpenAI dall e", True)),
        *(("GIMP 2.10", False), ("Randall Edit", False), ("Tindall-Evans Studio", False), ("Dalleron", False)),
    ],
)
def test_only_the_name_of_a_generator_is_a_hint(program: str, generates: bool) -> None:
    assert ("generator_program" in found_in(saved(exif=exif(Software=program)))) is generates


# XMP


@pytest.mark.parametrize(
    ("name", "key", "strength"),
    [
        ("trainedAlgorithmicMedia", "provenance.iptc.generated", STATES),
        ("trainedAlgorithmicMedia/", "provenance.iptc.generated", STATES),
        ("compositeWithTrainedAlgorithmicMedia", "provenance.iptc.partly", STATES),
        ("digitalCapture", "provenance.iptc.captured", NEUTRAL),
        ("algorithmicMedia", "provenance.iptc.other", NEUTRAL),
    ],
)
@pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "tiff"])
def test_source_type_in_xmp_is_read_in_each_format(kind: str, name: str, key: str, strength: str) -> None:
    note = xmp(attributes=f'Iptc4xmpExt:DigitalSourceType="{IPTC}{name}"')
    options = {
        "png": {"pnginfo": texts_of_png({"XML:com.adobe.xmp": note.decode()})},
        "tiff": {"tiffinfo": {700: note}},
    }
    data = saved(kind=kind, **options.get(kind, {"xmp": note}))
    found = found_in(data)["digital_source_type"]
    assert (found.message.key, found.strength, found.message.values) == (key, strength, {"type": name.rstrip("/")})


@pytest.mark.parametrize(
    "body",
    [
        f"<Iptc4xmpExt:DigitalSourceType>{IPTC}trainedAlgorithmicMedia</Iptc4xmpExt:DigitalSourceType>",
        f'<Iptc4xmpExt:DigitalSourceType rdf:resource="{IPTC}trainedAlgorithmicMedia"/>',
        f"<Iptc4xmpExt:DigitalSourceType><rdf:Seq><rdf:li>{IPTC}trainedAlgorithmicMedia</rdf:li></rdf:Seq>"
        "</Iptc4xmpExt:DigitalSourceType>",
    ],
)
def test_each_way_to_write_a_property_is_read(body: str) -> None:
    assert findings(saved(xmp=xmp(body))).states_generated


def test_programs_and_credit_of_xmp_are_named() -> None:
    note = xmp(attributes='xmp:CreatorTool="GIMP 2.10" photoshop:Credit="Ada"')
    found = found_in(saved(xmp=note))
    assert found["xmp_program"].message.values == {"programs": "GIMP 2.10"}
    assert found["credit"].message.values == {"credit": "Ada"}


@pytest.mark.parametrize(
    ("credit", "strength"),
    [
        *(("Made with Google AI", HINT), ("AI-generated", HINT), ("Generated by AI.", HINT), ("(AI)", HINT)),
        *(("Aisha Kaya", NEUTRAL), ("KAIST", NEUTRAL), ("Photo: RAI", NEUTRAL)),
    ],
)
def test_credit_that_names_ai_is_a_hint(credit: str, strength: str) -> None:
    assert found_in(saved(xmp=xmp(attributes=f'photoshop:Credit="{credit}"')))["credit"].strength == strength


# EXIF


def test_camera_program_and_dates_are_named() -> None:
    tags = exif(Make="NIKON", Model="NIKON D90", Software="GIMP", DateTime="2021:02:03 04:05:06")
    tags.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2020:01:02 03:04:05"
    found = found_in(saved(exif=tags))
    assert found["camera"].message.values == {"camera": "NIKON D90"}
    assert found["program"].message.values == {"program": "GIMP"}
    assert found["dates"].message.values == {"taken": "2020-01-02 03:04:05", "changed": "2021-02-03 04:05:06"}
    assert {finding.strength for finding in found.values()} == {NEUTRAL}
    assert "nothing" not in found


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "tiff"])
def test_exif_is_read_in_each_format(kind: str) -> None:
    found = found_in(saved(kind=kind, exif=exif(Make="Canon", Model="EOS R5")))
    assert found["camera"].message.values == {"camera": "Canon EOS R5"}


def test_a_location_is_mentioned_but_its_coordinates_are_never_shown() -> None:
    tags = exif()
    tags.get_ifd(ExifTags.IFD.GPSInfo).update({1: "N", 2: (41.0, 0.0, 49.32), 3: "E", 4: (28.0, 57.0, 51.5)})
    provenance = findings(saved(exif=tags))
    (location,) = (finding for finding in provenance.findings if finding.kind == "location")
    assert location.message.values == {}
    assert not re.search(r"41|49[.,]3|28|57", json.dumps(provenance.to_dict()))
    assert "location" in found_in(saved(xmp=xmp(attributes='exif:GPSLatitude="41,0.822N"')))
    assert "location" not in found_in(saved(exif=exif(Make="Canon")))


@pytest.mark.parametrize(
    ("tags", "holds_a_place"),
    [
        ({GPS.GPSLatitude: (41.0, 0.0, 49.3)}, True),
        ({GPS.GPSDestLatitude: (41.0, 0.0, 49.3)}, True),
        ({GPS.GPSVersionID: b"\2\3\0\0", GPS.GPSDateStamp: "2020:01:02", GPS.GPSTimeStamp: (1.0, 2.0, 3.0)}, False),
    ],
)
def test_satellite_time_is_no_location(tags: dict[int, object], holds_a_place: bool) -> None:
    found = exif()
    found.get_ifd(ExifTags.IFD.GPSInfo).update(tags)
    assert ("location" in found_in(saved(exif=found))) is holds_a_place


def with_thumbnail(image: Image.Image, small: Image.Image | bytes) -> bytes:
    """A JPEG with this preview in its EXIF. Pillow cannot write one, so the bytes of the EXIF are written here."""
    preview = small if isinstance(small, bytes) else saved(small, quality=60)
    start = 8 + 2 + 4 + 2 + 2 * 12 + 4  # header, an empty directory, one of two entries
    second = (
        struct.pack("<H", 2) + struct.pack("<HHII", 513, 4, 1, start) + struct.pack("<HHII", 514, 4, 1, len(preview))
    )
    header = b"II*\0" + struct.pack("<I", 8) + struct.pack("<HI", 0, 14)
    return saved(image, exif=b"Exif\0\0" + header + second + bytes(4) + preview)


@pytest.mark.parametrize(
    ("change", "kind", "strength"),
    [
        (lambda image: image, "agrees", NEUTRAL),
        (lambda image: image.transpose(Image.Transpose.ROTATE_90), "agrees", NEUTRAL),
        (lambda image: image.crop((0, 0, 80, 80)), "differs", HINT),
        (lambda image: picture(1), "differs", HINT),
    ],
)
def test_preview_is_compared_with_the_picture(change: object, kind: str, strength: str) -> None:
    small = picture().resize((48, 48))
    found = found_in(with_thumbnail(change(picture()), small))["thumbnail"]  # type: ignore[operator]
    assert (found.message.key, found.strength) == (f"provenance.thumbnail.{kind}", strength)


def test_preview_may_have_black_bars() -> None:
    wide = picture().resize((96, 64))
    small = Image.new("RGB", (160, 120))
    small.paste(wide.resize((160, 107)), (0, 6))
    assert found_in(with_thumbnail(wide, small))["thumbnail"].message.key == "provenance.thumbnail.agrees"


def test_a_damaged_preview_is_reported_as_damaged() -> None:
    found = found_in(with_thumbnail(picture(), b"no JPEG"))
    assert found["thumbnail"].message.key == "provenance.damaged.thumbnail"
    assert "jpeg_quality" in found


# The file


@pytest.mark.parametrize(("size", "is_typical"), [((1024, 1024), True), ((1216, 832), True), ((1000, 750), False)])
def test_size_that_generators_use_is_a_hint(size: tuple[int, int], is_typical: bool) -> None:
    found = found_in(saved(Image.new("L", size), "png"))
    assert ("pixel_size" in found) == is_typical
    if is_typical:
        assert found["pixel_size"].strength == HINT
        assert found["pixel_size"].message.values == {"width": size[0], "height": size[1]}


def test_a_file_without_metadata_gets_the_sentence_that_absence_proves_nothing() -> None:
    provenance = findings(saved())
    assert [finding.kind for finding in provenance.findings] == ["jpeg_quality", "nothing"]
    assert not provenance.states_generated


def test_findings_come_in_a_fixed_order() -> None:
    note = xmp(attributes=f'Iptc4xmpExt:DigitalSourceType="{IPTC}digitalCapture" xmp:CreatorTool="GIMP"')
    data = saved(exif=exif(Make="Canon", Software="GIMP", DateTime="2020"), xmp=note)
    kinds = ["digital_source_type", "xmp_program", "camera", "program", "dates", "jpeg_quality"]
    assert [finding.kind for finding in findings(data).findings] == kinds


# Sentences


def test_quoted_text_is_cut_at_its_limit() -> None:
    assert quoted("a" * 10, 5) == "aaaa…"
    assert quoted("  a \n\t b\x1b[0m\u202ec\ud800 ") == "a b [0m c"
    assert quoted(b"caf\xc3\xa9") == "café"
    assert quoted(None) == quoted(7) == ""


def test_each_finding_has_a_sentence_in_each_language() -> None:
    data = saved(exif=exif(Make="Canon"))
    for language, word in (("en", "camera"), ("tr", "kamera")):
        with use_language(language):
            first = findings(data).to_dict()["findings"][0]
        assert first["kind"] == "camera" and first["values"] == {"camera": "Canon"}
        assert word in first["sentence"] and "Canon" in first["sentence"]


def test_every_reader_has_a_sentence_for_damage() -> None:
    assert {f"provenance.damaged.{kind}" for kind in READERS} <= catalogue().keys()
