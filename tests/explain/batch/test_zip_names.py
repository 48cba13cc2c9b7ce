"""Tests of names in ZIPs, in every character encoding that packers use."""

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
    """The entries of a ZIP with these bytes as names, without the flag for UTF-8."""
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


@pytest.mark.parametrize("encoding", ["utf-8", "cp857", "cp1254"])
@pytest.mark.parametrize("name", ["doğum günü.jpg", "İŞÇİ.jpg", "çiçekler/şölen ağacı.jpg", "yarın.jpg", "dağ.jpg"])
def test_turkish_names_are_read(name: str, encoding: str) -> None:
    assert names_of(entries([name.encode(encoding)])) == [name]


@pytest.mark.parametrize(
    ("name", "encoding"),
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
def test_names_in_other_languages_are_read(name: str, encoding: str) -> None:
    assert names_of(entries([name.encode(encoding)])) == [name]


def test_one_unambiguous_name_decides_for_all() -> None:
    names = ["kapı.jpg", "ağaç.jpg", "ışık.jpg"]
    assert names_of(entries([name.encode("cp857") for name in names])) == names


def test_an_ambiguous_name_follows_the_users_language() -> None:
    with use_language("tr"):
        assert names_of(entries(["kapı.jpg".encode("cp857")])) == ["kapı.jpg"]


def test_an_extra_field_with_the_right_checksum_holds_the_name() -> None:
    raw, name = b"____.jpg", "漢字.jpg"

    def field(checked: bytes) -> bytes:
        content = struct.pack("<BL", 1, zlib.crc32(checked)) + name.encode()
        return struct.pack("<HH", 0x7075, len(content)) + content

    assert names_of(entries([raw], struct.pack("<HH", 0x9999, 2) + b"??" + field(raw))) == [name]
    assert names_of(entries([raw], field(b"another"))) == ["____.jpg"], "the field has the checksum of another name"


def test_the_flag_for_utf_8_is_trusted() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("İşçi ─ƒ.jpg", b"1")
    with zipfile.ZipFile(packed) as archive:
        assert names_of(archive.infolist()) == ["İşçi ─ƒ.jpg"]


def test_folders_are_recognised_by_either_slash_or_by_their_attribute() -> None:
    (slash,) = entries([b"a\\"])
    slash.file_size = 0
    attribute = zipfile.ZipInfo("b")
    attribute.external_attr = 0x10
    kept = zipfile.ZipInfo("c\\")
    kept.file_size = 5
    assert names_of([slash, attribute, kept]) == ["a/", "b/", "c"], "an entry with content is no folder"
