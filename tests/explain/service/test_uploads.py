"""Tests of kept photos: they are written only into the folder that the operator of the server names."""

from __future__ import annotations

import errno
import os
import re
from io import BytesIO
from pathlib import Path
from unittest.mock import patch

import pytest
from PIL import Image

from explain.service import uploads
from explain.service.uploads import Uploads, UploadsError
from model.i18n.catalogue import use_language

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"


def photo(form: str = "PNG", colour: str = "teal") -> bytes:
    """A small photo as a file's bytes."""
    buffer = BytesIO()
    Image.new("RGB", (40, 40), colour).save(buffer, form)
    return buffer.getvalue()


def test_nothing_is_kept_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Uploads().keep(photo()) is None
    assert list(tmp_path.iterdir()) == []


def test_folder_is_made_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    folder = tmp_path / "far" / "away"
    Uploads(folder)
    assert folder.is_dir()
    assert folder.stat().st_mode & 0o077 == 0
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("form", "ending"), [("PNG", "png"), ("JPEG", "jpg"), ("WEBP", "webp"), ("GIF", "gif"), ("AVIF", "avif")]
)
def test_photo_is_kept_byte_by_byte_with_the_extension_of_its_format(tmp_path: Path, form: str, ending: str) -> None:
    kept = Uploads(tmp_path).keep(photo(form))
    assert kept is not None
    assert re.fullmatch(rf"upload_\d{{8}}T\d{{6}}_{UUID}\.{ending}", kept.name)
    assert kept.read_bytes() == photo(form)


def test_name_of_the_given_file_is_not_used(tmp_path: Path) -> None:
    given = tmp_path / "..evil.php"
    given.write_bytes(photo())
    kept = Uploads(tmp_path / "kept").keep(given)
    assert kept is not None and kept.suffix == ".png" and "evil" not in kept.name
    assert given.exists()


def test_same_photo_twice_is_kept_twice(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path)
    assert uploads.keep(photo()) != uploads.keep(photo())
    assert len(list(tmp_path.iterdir())) == 2


def test_a_photo_that_a_visitor_sends_again_is_kept_once(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path)
    assert uploads.keep(photo(), "ann") is not None
    assert uploads.keep(photo(), "ann") is None
    assert uploads.keep(photo(colour="red"), "ann") is not None
    assert uploads.keep(photo(), "bob") is not None
    assert len(list(tmp_path.iterdir())) == 3


def test_a_full_disk_raises_no_error_and_leaves_no_partial_file(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    uploads = Uploads(tmp_path)
    with patch.object(Path, "replace", side_effect=OSError(28, "No space left on device")):
        assert uploads.keep(photo()) is None
    assert list(tmp_path.iterdir()) == []
    assert "could not be kept" in caplog.text


def test_a_file_is_refused_as_the_folder(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("here")
    with pytest.raises(UploadsError, match=r"is a file; name a folder"):
        Uploads(path)
    with pytest.raises(UploadsError, match=r"name another folder"):
        Uploads(path / "within")


def test_folder_without_permission_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(**_: object) -> None:  # in place of the system, which lets root write everywhere
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(uploads.tempfile, "TemporaryFile", denied)
    with pytest.raises(UploadsError, match="Permission denied"):
        Uploads(tmp_path)


def test_refusal_is_in_the_language_of_the_user(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("here")
    with pytest.raises(UploadsError) as caught:
        Uploads(path)
    with use_language("tr"):
        assert str(caught.value).startswith(f"{path} bir dosya")
