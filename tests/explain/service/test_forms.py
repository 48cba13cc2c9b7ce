"""Tests of forms: file names in any script, repeated fields and unknown fields."""

from __future__ import annotations

import pytest
from starlette.datastructures import FormData

from explain.service.forms import check_fields, with_plain_name
from model.errors import SettingsError


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("filename*=UTF-8''do%C4%9Fum%20g%C3%BCn%C3%BC.jpg", "doğum günü.jpg"),
        ("filename*=utf-8'tr'%C5%9F.jpg", "ş.jpg"),
        ("filename*=\"UTF-8''%C5%9F.jpg\"", "ş.jpg"),
        ("filename*=ISO-8859-1''%e9.jpg", "é.jpg"),
        ("filename*=UTF-8''%22%5C.jpg", '\\"\\\\.jpg'),
    ],
)
def test_extended_name_becomes_the_plain_one(header: str, name: str) -> None:
    disposition = f'form-data; name="file"; {header}'.encode()
    assert with_plain_name(disposition) == disposition + f'; filename="{name}"'.encode()


@pytest.mark.parametrize("header", ['filename="a.jpg"', "filename*=zlib''x.jpg", "filename*=nonsense", ""])
def test_other_headers_stay_unchanged(header: str) -> None:
    assert with_plain_name(header.encode()) == header.encode()


def test_the_error_names_a_repeated_or_unknown_field() -> None:
    known = ("file", "face", "trust")
    check_fields(FormData([("file", "a"), ("face", "1")]), known)
    with pytest.raises(SettingsError, match="file"):
        check_fields(FormData([("file", "a"), ("face", "1"), ("file", "b")]), known)
    with pytest.raises(SettingsError, match=r"trusted.*file, face, trust"):
        check_fields(FormData([("file", "a"), ("trusted", "1")]), known)
    with pytest.raises(SettingsError) as refused:
        check_fields(FormData([("x" * 100_000, "")]), known)
    assert len(str(refused.value)) < 200
