"""Tests of a report as a ZIP: the same files as in a folder, and the same bytes every time."""

from __future__ import annotations

import io
import json
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from explain.analysis import analyze
from explain.report.files import DATA, PAGE, archive, write_report
from explain.report.origin import Origin
from explain.result import Analysis
from explain.settings import Settings
from model.detector.detector import Detector

ROOT = Path(__file__).parents[3]
ORIGIN = Origin("photo.jpg", "", "2026-11-03 14:05 UTC", {"numpy": "2"})


@pytest.fixture(scope="module")
def detector(quick_detector: Detector) -> Detector:
    """A fast network: these tests do not depend on its answers."""
    return quick_detector


@pytest.fixture(scope="module")
def analysis(detector: Detector) -> Analysis:
    settings = Settings(superpixels=10, samples=100, seed=9, robustness=False)
    *_, found = analyze(ROOT / "examples" / "astronaut.jpg", settings, detector)
    return found


@pytest.fixture(scope="module")
def packed(analysis: Analysis, detector: Detector) -> bytes:
    return archive(analysis, detector.card, 8, ORIGIN)


def entries(packed: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(packed)) as file:
        assert file.testzip() is None
        return {name: file.read(name) for name in file.namelist()}


@pytest.mark.slow
def test_zip_holds_the_same_files_as_the_folder(
    analysis: Analysis, detector: Detector, packed: bytes, tmp_path: Path
) -> None:
    folder = write_report(analysis, detector.card, tmp_path, origin=ORIGIN).parent
    assert entries(packed) == {file.name: file.read_bytes() for file in folder.iterdir()}


def test_pictures_are_whole_and_at_full_size(packed: bytes) -> None:
    sizes = {}
    for name, content in entries(packed).items():
        if name.endswith(".png"):
            with Image.open(io.BytesIO(content)) as image:
                sizes[name] = image.size
    square = (640, 640)
    expected = {"photo.png": (512, 512), "face.png": square, "lime.png": square, "attention.png": square}
    expected |= {"regions.png": square}
    assert sizes == expected


def test_data_holds_settings_seed_versions_and_hashes(analysis: Analysis, detector: Detector, packed: bytes) -> None:
    data = json.loads(entries(packed)[DATA])
    assert (data["settings"]["seed"], data["settings"]["superpixels"]) == (9, 10)
    assert data["photo"]["sha256"] == analysis.photo.sha256
    assert data["model"]["model.tflite"] == detector.card.sha256["model.tflite"]
    assert data["versions"] == {"numpy": "2"} and data["when"] == ORIGIN.when
    weights = analysis.attributions["lime"].weights
    assert weights is not None
    np.testing.assert_allclose(data["attributions"]["lime"]["weights"], weights, atol=1e-6)


@pytest.mark.slow
def test_same_report_makes_the_same_zip_whatever_the_time(
    analysis: Analysis, detector: Detector, packed: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "localtime", lambda *_: time.struct_time((2031, 5, 6, 7, 8, 9, 1, 126, 0)))
    assert archive(analysis, detector.card, 8, ORIGIN) == packed
    with zipfile.ZipFile(io.BytesIO(packed)) as file:
        infos = file.infolist()
    assert {info.date_time for info in infos} == {(1980, 1, 1, 0, 0, 0)}
    assert {info.external_attr >> 16 for info in infos} == {0o644}, "readable once unpacked"
    assert [info.filename for info in infos][:2] == [PAGE, DATA]


def test_photo_without_a_face_makes_a_short_zip(detector: Detector) -> None:
    *_, found = analyze(ROOT / "examples" / "cat.jpg", Settings(), detector)
    assert set(entries(archive(found, detector.card))) == {PAGE, DATA, "photo.png"}
