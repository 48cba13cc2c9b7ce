"""Tests of names in ZIPs, in every code that packers use."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Sequence

import pytest

from explain.batch.zip_names import names_of
from model.i18n.catalogue import use_language


def entries(names: Sequence[bytes], extra: bytes = b"") -> list[zipfile.ZipInfo]:
    """The entries of a ZIP whose names are these bytes, without the flag for UTF-8."""
    packed = io.BytesIO()
    stand_ins = [str(number).rjust(len(name), "0") for number, name in enumerate(names)]
    with zipfile.ZipFile(packed, "w") as archive:
        for name in stand_ins:
            entry = zipfile.ZipInfo(name)
            entry.extra, entry.create_system = extra, 0
            archive.writestr(entry, b"" if name.endswith("/") else b"1")
    data = packed.getvalue()
    for stand_in, name in zip(stand_ins, names, strict=True):
        data = data.replace(stand_in.encode(), name)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return archive.infolist()


@pytest.mark.parametrize("code", ["utf-8", "cp857", "cp1254"])
@pytest.mark.parametrize("name", ["doğum günü.jpg", "İŞÇİ.jpg", "çiçekler/şölen ağacı.jpg", "yarın.jpg", "dağ.jpg"])
def test_turkish_names_are_read(name: str, code: str) -> None:
    assert names_of(entries([name.encode(code)])) == [name]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("été à Nîmes.jpg", "cp437"),
        ("Größe 5°.jpg", "cp437"),
        ("¿qué? nº 5.jpg", "cp437"),
        ("lunedì.jpg", "cp437"),
        ("São João, Ásia.jpg", "cp850"),
        ("漢字.jpg", "utf-8"),
        ("plain.jpg", "ascii"),
    ],
)
def test_other_languages_names_are_read(name: str, code: str) -> None:
    assert names_of(entries([name.encode(code)])) == [name]


def test_one_telling_name_decides_for_all() -> None:
    names = ["kapı.jpg", "ağaç.jpg", "ışık.jpg"]
    assert names_of(entries([name.encode("cp857") for name in names])) == names


def test_name_that_could_be_either_follows_the_readers_language() -> None:
    with use_language("tr"):
        assert names_of(entries(["kapı.jpg".encode("cp857")])) == ["kapı.jpg"]


def test_extra_field_holds_the_name_if_it_belongs_to_it() -> None:
    raw, name = b"____.jpg", "漢字.jpg"

    def field(checked: bytes) -> bytes:
        content = struct.pack("<BL", 1, zlib.crc32(checked)) + name.encode()
        return struct.pack("<HH", 0x7075, len(content)) + content

    assert names_of(entries([raw], struct.pack("<HH", 0x9999, 2) + b"??" + field(raw))) == [name]
    assert names_of(entries([raw], field(b"another"))) == ["____.jpg"], "the entry was renamed since"


def test_flag_for_utf_8_is_believed() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("İşçi ─ƒ.jpg", b"1")
    with zipfile.ZipFile(packed) as archive:
        assert names_of(archive.infolist()) == ["İşçi ─ƒ.jpg"]


def test_folders_are_known_by_either_slash_or_their_attribute() -> None:
    (slash,) = entries([b"a\\"])
    slash.file_size = 0
    attribute = zipfile.ZipInfo("b")
    attribute.external_attr = 0x10
    kept = zipfile.ZipInfo("c\\")
    kept.file_size = 5
    assert names_of([slash, attribute, kept]) == ["a/", "b/", "c"], "nothing with content is a folder"
