"""Tests of forms: names of files in any letters, and no field twice."""

from __future__ import annotations

import pytest
from starlette.datastructures import FormData

from explain.service.forms import check_once, with_plain_name
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
def test_other_headers_stay_as_they_are(header: str) -> None:
    assert with_plain_name(header.encode()) == header.encode()


def test_field_sent_twice_is_named() -> None:
    check_once(FormData([("file", "a"), ("face", "1")]))
    with pytest.raises(SettingsError, match="file"):
        check_once(FormData([("file", "a"), ("face", "1"), ("file", "b")]))
