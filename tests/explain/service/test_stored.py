"""Tests of stored analyses: every field is read back, and damaged files are refused."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from examples.results import differences
from explain.maps.attention import attention_map
from explain.maps.attribution import Attribution
from explain.maps.subject import Subject
from explain.probes.robustness import Curve, Robustness
from explain.probes.what_if import WhatIf
from explain.provenance.findings import findings
from explain.result import Analysis
from explain.service.stored import ARRAYS, StoredError, read_stored, write_analysis
from explain.settings import Settings
from explain.trust.agreement import Agreement
from explain.trust.curves import Band, Curves
from explain.trust.measure import Trust
from explain.trust.stability import Stability
from model.detector.detector import Detector, Prediction
from model.i18n.catalogue import Message
from model.photos.faces import Face, crop
from model.photos.photo import Photo
from tests.support.worlds import QuickDetector, noise, squares

PIXELS = noise(300)
PHOTO = Photo(PIXELS, (), "ab" * 32)
SQUARES = ((10.5, 20.25, 200.0), (150.0, 100.0, 180.0))  # the second reaches past the photo
SEGMENTS = squares(256, 4)
NAMES = tuple(f"part {number % 3}" for number in range(16))
KEY = {"photo": PHOTO.sha256}
RANDOM = np.random.RandomState(0)


def face(square: tuple[float, float, float]) -> Face:
    return Face((1, 2, 3, 4), 0.987654321, noise(5)[:, :2, 0].astype(np.float32), crop(PIXELS, square), square)


def lime() -> Attribution:
    weights = RANDOM.normal(size=16).astype(np.float32)
    evidence: dict[str, float | int | str | bool] = {"samples": 640, "r2": 1 / 3, "hide": "mean"}
    evidence |= {"complete": True, "converged": np.bool_(False)}  # type: ignore[dict-item]
    bounds = np.stack([weights - 1, weights + 1], axis=1)
    return Attribution("lime", "Fake", weights[SEGMENTS], (256, 256), SEGMENTS, weights, evidence, bounds, NAMES)


def trust(method: str, band: Band) -> Trust:
    curves = tuple(Curves(hide, RANDOM.rand(4), RANDOM.rand(4), band) for hide in ("mean", "blur"))
    return Trust(method, "Fake", curves, False, -0.25, Stability("seed", 3, 0.8, 2 / 3, 0.9), method == "lime")


@pytest.fixture(scope="module")
def detector() -> Detector:
    return QuickDetector()


@pytest.fixture(scope="module")
def analysis(detector: Detector) -> Analysis:
    """An analysis with a value in every field."""
    faces = tuple(map(face, SQUARES))
    mask = RANDOM.rand(4, 4).astype(np.float32)
    judged = [Prediction({"Fake": p, "Real": 1 - p}, "Fake", True, mask) for p in (0.1 + 0.2, 0.9)]
    band = Band(RANDOM.rand(50, 4), np.linspace(0, 1, 4))
    what_if = WhatIf((3, 1), 0.4, 0.9, noise(256, 5), NAMES[:2], True, "Real", "Fake", frozenset({"part 0", "part 1"}))
    return Analysis(
        *(
            PHOTO,
            faces,
            faces[0],
            Settings(target="Fake", trust=True, hidden=(3, 1)),
            {"name": "a", "f.tflite": "cd" * 32},
        ),
        prediction=judged[0],
        subject=Subject(faces[0].crop, SEGMENTS, "Fake", detector, "mean", 2**32 - 1, NAMES),
        attributions={"attention": attention_map(mask, 256), "lime": lime()},
        problems={"gradcam": Message("model.unusable", file="é", reason=Message("photo.damaged"))},
        trusts={"attention": trust("attention", band), "lime": trust("lime", band)},
        agreement=Agreement(("attention", "lime"), np.array([[1, -1 / 3], [-1 / 3, 1]])),
        reason=what_if,
        flip=replace(what_if, names=None),
        what_if=what_if,
        predictions=tuple(judged),
        robustness=Robustness(
            0.3, "Fake", (0.2, 0.8), {"jpeg": Curve((90, 50.5), (0.3, 0.1), ("Fake", "Real"), 1), "eyes": None}
        ),
        stage="flip",
        progress=0.5,
        seconds={"open": 0.012345678901234567},
        complete=True,
        provenance=findings(b"no picture"),
    )


@pytest.fixture
def written(analysis: Analysis, tmp_path: Path) -> Path:
    file = tmp_path / "analysis.json"
    write_analysis(analysis, file, KEY)
    return file


def test_the_analysis_of_these_tests_has_a_value_in_every_field(analysis: Analysis) -> None:
    empty = Analysis(PHOTO, (), None, Settings(), {})
    same = {
        field.name for field in fields(Analysis) if getattr(analysis, field.name) in (getattr(empty, field.name), ())
    }
    assert same == {"photo"}, "give new fields a value, so that the tests below read them again"


def test_every_field_is_read_as_it_was_written(analysis: Analysis, written: Path, detector: Detector) -> None:
    assert list(differences(read_stored(written).analysis(PHOTO, detector), analysis)) == []
    assert read_stored(written).key == KEY


@pytest.mark.parametrize("field", [field.name for field in fields(Analysis) if field.name not in ("photo", "subject")])
def test_comparison_detects_a_change_of_each_field(analysis: Analysis, field: str) -> None:
    assert list(differences(replace(analysis, **{field: "other"}), analysis)), field


def test_an_analysis_without_a_face_is_read_again(tmp_path: Path, detector: Detector) -> None:
    found = Analysis(PHOTO, (), None, Settings(), {"name": "a"}, complete=True)
    write_analysis(found, tmp_path / "none.json", KEY)
    assert read_stored(tmp_path / "none.json").analysis(PHOTO, detector) == found


def test_shared_objects_are_shared_again_after_reading(written: Path, detector: Detector) -> None:
    found = read_stored(written).analysis(PHOTO, detector)
    assert found.chosen is found.faces[0] and found.prediction is found.predictions[0]
    assert found.subject is not None and found.subject.crop is found.faces[0].crop
    assert found.trusts["lime"].curves[0].band is found.trusts["attention"].curves[1].band


def test_photo_and_crops_are_not_in_the_files(written: Path) -> None:
    with np.load(written.with_suffix(ARRAYS), allow_pickle=False) as arrays:
        pictures = [array for array in arrays.values() if array.ndim == 3]
    assert len(pictures) == 1, "only the picture with hidden regions, which is not part of the photo"


def test_same_analysis_gives_the_same_bytes(analysis: Analysis, written: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.json"
    write_analysis(analysis, again, KEY)
    assert again.read_bytes() == written.read_bytes()
    assert again.with_suffix(ARRAYS).read_bytes() == written.with_suffix(ARRAYS).read_bytes()


def changed(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], object]:
    def damage(file: Path) -> None:
        data = json.loads(file.read_text("utf-8"))
        change(data["analysis"])
        file.write_text(json.dumps(data), encoding="utf-8")

    return damage


def pickled(file: Path) -> None:
    with file.with_suffix(ARRAYS).open("wb") as arrays:
        np.savez(arrays, **{"0": np.array([{"a": 1}], dtype=object)})


DAMAGED: dict[str, Callable[[Path], object]] = {
    "no file": Path.unlink,
    "no arrays": lambda file: file.with_suffix(ARRAYS).unlink(),
    "no JSON": lambda file: file.write_bytes(b"\xff{"),
    "half the JSON": lambda file: file.write_bytes(file.read_bytes()[:500]),
    "half the arrays": lambda file: file.with_suffix(ARRAYS).write_bytes(file.with_suffix(ARRAYS).read_bytes()[:5000]),
    "another thing": lambda file: file.write_text("[1]"),
    "deep": lambda file: file.write_text("[" * 100_000),
    "pickle": lambda file: file.with_suffix(ARRAYS).write_bytes(pickle.dumps({"0": 1})),
    "pickled array": pickled,
    "unknown field": changed(lambda data: data.update(more=1)),
    "missing field": changed(lambda data: data.pop("flip")),
    "text for a number": changed(lambda data: data["faces"][0].update(score="1")),
    "number for a text": changed(lambda data: data.update(stage=1)),
    "other array": changed(
        lambda data: data["attributions"]["lime"].update(map=data["attributions"]["lime"]["segments"])
    ),
    "unknown array": changed(lambda data: data["agreement"].update(matrix="999")),
    "forbidden setting": changed(lambda data: data["settings"].update(samples=1)),
}


@pytest.mark.parametrize("damage", DAMAGED.values(), ids=DAMAGED)
def test_damaged_files_are_refused(written: Path, detector: Detector, damage: Callable[[Path], object]) -> None:
    damage(written)
    with pytest.raises(StoredError):
        read_stored(written).analysis(PHOTO, detector)


def test_an_interrupted_write_leaves_the_earlier_files_unchanged(
    analysis: Analysis, written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {file.name: file.read_bytes() for file in written.parent.iterdir()}

    def write_half(file: Any, **_: Any) -> None:
        Path(file).write_bytes(b"half")
        raise OSError("the disk is full")

    monkeypatch.setattr(np, "savez_compressed", write_half)
    with pytest.raises(OSError, match="full"):
        write_analysis(replace(analysis, stage="trust"), written, KEY)
    assert {file.name: file.read_bytes() for file in written.parent.iterdir()} == before


def test_a_value_of_an_unknown_type_is_not_written(analysis: Analysis, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="no rule"):
        write_analysis(replace(analysis, stage=b"bytes"), tmp_path / "a.json", KEY)  # type: ignore[arg-type]
