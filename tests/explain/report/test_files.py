"""Tests of the folder of a report: its files, and how a report replaces an earlier one."""

from __future__ import annotations

import base64
import errno
import io
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from explain.report.files import DATA, PAGE, REPORT_FILES, ReportError, record, write_report
from explain.report.page import GENERATOR
from explain.result import Analysis
from model.artifact.versions import library_versions
from tests.explain.report.known_analysis import CARD, ORIGIN, Page, page_of


@pytest.fixture(scope="module")
def written(analysis: Analysis, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report's page in a folder that did not exist; copy the folder before changing anything in it."""
    return write_report(analysis, CARD, tmp_path_factory.mktemp("written") / "new" / "report", origin=ORIGIN)


def test_photo_without_a_face_gives_a_short_report(no_face: Analysis, tmp_path: Path) -> None:
    html = write_report(no_face, CARD, tmp_path, origin=ORIGIN).read_text(encoding="utf-8")
    Page(html)
    assert "No face was found, so there is no score." in html and "no face found" in html
    assert 'class="verdict' not in html and "<h2>Why</h2>" not in html
    assert sorted(file.name for file in tmp_path.iterdir()) == ["photo.png", PAGE, DATA]
    assert json.loads((tmp_path / DATA).read_text(encoding="utf-8"))["prediction"] is None


def test_folder_holds_the_page_the_data_and_every_picture(analysis: Analysis, written: Path) -> None:
    folder = written.parent
    names = [
        "photo",
        "face",
        "regions",
        "attention",
        "lime",
        "occlusion",
        "what_if",
        "flip",
    ]
    assert {file.name for file in folder.iterdir()} == {PAGE, DATA, *(f"{name}.png" for name in names)}
    html = written.read_text(encoding="utf-8")
    for name in names:
        content = (folder / f"{name}.png").read_bytes()
        assert base64.b64encode(content).decode() in html, "the page shows the same pictures as the folder"
        with Image.open(io.BytesIO(content)) as image:
            assert image.format == "PNG" and image.mode == "RGB"
            image.load()
    data = json.loads((folder / DATA).read_text(encoding="utf-8"))
    assert data == json.loads(json.dumps(record(analysis, ORIGIN)))
    assert (data["file"], data["command"], data["when"]) == ("folder/photo.jpg", ORIGIN.command, ORIGIN.when)
    assert data["prediction"]["verdict"] == "Fake" and data["versions"] == {"lime": "0.2.0.1"}


@pytest.mark.slow
def test_same_analysis_gives_the_same_bytes(analysis: Analysis, written: Path, tmp_path: Path) -> None:
    folders = [written.parent, write_report(analysis, CARD, tmp_path, origin=ORIGIN).parent]
    contents = [{file.name: file.read_bytes() for file in folder.iterdir()} for folder in folders]
    assert contents[0] == contents[1]


def test_a_new_report_replaces_only_the_files_of_the_earlier_one(
    no_face: Analysis, written: Path, tmp_path: Path
) -> None:
    shutil.copytree(written.parent, tmp_path, dirs_exist_ok=True)
    (tmp_path / "notes.txt").write_text("mine")
    write_report(no_face, CARD, tmp_path, origin=ORIGIN)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["notes.txt", "photo.png", PAGE, DATA]
    assert (tmp_path / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("name", ["lime.png", PAGE, DATA])
def test_a_file_that_whyfake_did_not_write_is_not_replaced(no_face: Analysis, tmp_path: Path, name: str) -> None:
    assert name in REPORT_FILES
    (tmp_path / name).write_text("mine")
    with pytest.raises(ReportError, match=f"holds a {name} that WhyFake did not write"):
        write_report(no_face, CARD, tmp_path)
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [(name, "mine")]


@pytest.mark.parametrize("below", ["", "deeper/still"])
def test_a_file_is_refused_as_a_folder_for_a_report(no_face: Analysis, tmp_path: Path, below: str) -> None:
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(ReportError, match="taken is a file; name a folder"):
        write_report(no_face, CARD, tmp_path / "taken" / below)


def test_generator_is_at_the_start_of_the_page(no_face: Analysis) -> None:
    assert page_of(no_face, replace(ORIGIN, file="x" * 250)).index(GENERATOR) < 200


def test_versions_are_read_without_an_import() -> None:
    versions = library_versions()
    assert {"python", "lime", "numpy", "ai-edge-litert"} <= set(versions)
    assert versions["numpy"] == np.__version__


def test_a_full_disk_leaves_the_earlier_report_unchanged(
    no_face: Analysis, written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(written.parent, tmp_path, dirs_exist_ok=True)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    write = Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        if path.name.endswith(DATA):
            write(path, content[:10])
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        write_report(no_face, CARD, tmp_path, origin=ORIGIN)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
