"""Tests of opening a ZIP: only its list of entries has the limit, not its photos; a refused file is closed."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest

from explain.batch import zips
from model.errors import PhotoError


def test_photo_larger_than_the_limit_of_the_list_is_read(tmp_path: Path) -> None:
    path, photo = tmp_path / "photos.zip", bytes(zips.MAX_DIRECTORY + 1)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("a.jpg", photo)
    file, archive = zips.open_zip(path)
    with file, archive:
        assert archive.read("a.jpg") == photo


@pytest.mark.parametrize("content", [b"no ZIP", None])
def test_refused_zip_is_closed(content: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A damaged file, and a ZIP with too many entries: Windows could not delete an upload that is still open."""
    opened: list[zips.LimitedFile] = []

    class RecordedFile(zips.LimitedFile):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            opened.append(self)

    monkeypatch.setattr(zips, "LimitedFile", RecordedFile)
    monkeypatch.setattr(zips, "MAX_ENTRIES", 0)
    path = tmp_path / "photos.zip"
    if content is None:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a.jpg", b"")
    else:
        path.write_bytes(content)
    with pytest.raises(PhotoError):
        zips.open_zip(path)
    assert [file.closed for file in opened] == [True]
