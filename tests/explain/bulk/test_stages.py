"""Tests of the stages: they give a photo the same figures as ``analyze``."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from explain.analysis import analyze
from explain.bulk.stages import PhotoState, Request, Stages
from explain.bulk.task import Found, Task
from explain.maps.registry import MAIN_MAP, METHODS
from model.detector.detector import Detector
from model.paths import EXAMPLES

ASTRONAUT, CAT = EXAMPLES / "astronaut.jpg", EXAMPLES / "cat.jpg"
IN_PASS = next(name for name, method in METHODS.items() if method.in_verdict_pass)


def request_of(detector: Detector, **options: Any) -> Request:
    return Request(str(detector.folder), detector.name, **options)


def task(number: int, path: Path) -> Task:
    return Task(number, Found(path.name, str(path)))


def rows_of(stages: Stages, *paths: Path) -> list[dict[str, Any]]:
    state = [stages.find_faces(task(number, path)) for number, path in enumerate(paths, 1)]
    sent = pickle.loads(pickle.dumps(state))  # as between processes
    rows = [stages.to_row(photo) for photo in stages.predict(sent)]
    assert None not in rows
    return [row for row in rows if row is not None]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, astronaut: NDArray[np.uint8]) -> Path:
    """A photo of two faces of different size and brightness."""
    head = astronaut[20:180, 140:300]
    small = np.pad(np.asarray(Image.fromarray(head // 2).resize((120, 120))), ((0, 40), (0, 0), (0, 0)))
    path = tmp_path_factory.mktemp("pair") / "pair.png"
    Image.fromarray(np.hstack([small, head])).save(path)
    return path


@pytest.mark.slow
def test_figures_equal_those_of_analyze(detector: Detector, pair: Path) -> None:
    paths = [ASTRONAUT, pair, EXAMPLES / "hopper.jpg", EXAMPLES / "hopper_eyes.jpg"]
    stages = Stages(request_of(detector), detector)
    for path, row in zip(paths, rows_of(stages, *paths), strict=True):
        *_, analysis = analyze(path, stages_settings(detector), detector)
        alone = [prediction.probabilities["Fake"] for prediction in analysis.predictions]
        np.testing.assert_allclose([face["p_fake"] for face in row["by_face"]], alone, rtol=0, atol=1e-6)
        assert [face["verdict"] for face in row["by_face"]] == [
            prediction.verdict for prediction in analysis.predictions
        ]
        assert (row["sha256"], row["faces"]) == (analysis.photo.sha256, len(analysis.faces))
        assert row["notes"] == list(map(str, analysis.photo.notes))


def stages_settings(detector: Detector, **options: Any) -> Any:
    return replace(request_of(detector).settings, **options)


@pytest.mark.slow
def test_maps_equal_those_of_analyze_for_the_most_suspicious_face(quick_detector: Detector, pair: Path) -> None:
    methods = (IN_PASS, MAIN_MAP)
    stages = Stages(request_of(quick_detector, methods=methods, samples=100, seed=3), quick_detector)
    (row,) = rows_of(stages, pair)
    p_fake = [face["p_fake"] for face in row["by_face"]]
    suspect = p_fake.index(max(p_fake))
    assert (row["face"], row["p_fake"]) == (suspect + 1, max(p_fake))
    settings = stages_settings(quick_detector, methods=methods, samples=100, seed=3, face=suspect)
    *_, analysis = analyze(pair, settings, quick_detector)
    maps = {found["method"]: found for found in row["maps"]}
    assert list(maps) == list(analysis.attributions)
    lime = analysis.attributions[MAIN_MAP]
    assert lime.weights is not None and lime.names is not None
    first = int(np.argmax(np.abs(lime.weights)))
    assert maps[MAIN_MAP]["regions"][0] == {"name": lime.names[first], "weight": float(lime.weights[first])}
    mask, side = maps[IN_PASS], len(analysis.attributions[IN_PASS].map)
    assert (mask["rows"], mask["columns"]) == analysis.attributions[IN_PASS].native_shape
    centres = (np.arange(mask["rows"]) + 0.5) * side / mask["rows"]
    cells = analysis.attributions[IN_PASS].map[np.ix_(centres.astype(int), centres.astype(int))]
    np.testing.assert_allclose(np.reshape(mask["values"], cells.shape), cells, atol=0.02)


def test_bad_photo_and_photo_without_a_face_are_rows(detector: Detector, tmp_path: Path) -> None:
    (tmp_path / "cut.jpg").write_bytes(ASTRONAUT.read_bytes()[:20_000])
    paths = [tmp_path / "cut.jpg", CAT, tmp_path / "missing.jpg"]
    cut, cat, missing = rows_of(Stages(request_of(detector), detector), *paths)
    assert (cut["problem_key"], missing["problem_key"]) == ("photo.damaged", "photo.missing")
    assert cut["problem"].startswith("The photo is damaged") and cut["p_fake"] is None
    assert (cat["faces"], cat["verdict"], cat["problem"], cat["maps"]) == (0, None, None, [])
    (whole,) = rows_of(Stages(request_of(detector, whole_picture=True, methods=(IN_PASS,)), detector), CAT)
    assert whole["p_fake"] is not None and len(whole["maps"]) == 1 and len(whole["notes"]) == 1


def test_sentences_are_in_the_language_of_the_job(detector: Detector, tmp_path: Path) -> None:
    (row,) = rows_of(Stages(request_of(detector, language="tr"), detector), tmp_path / "missing.jpg")
    assert row["problem_key"] == "photo.missing" and "Fotoğraf" in row["problem"]


class FailsOnDark(Detector):
    """A network that fails on a dark face."""

    def _run(self, crops: NDArray[np.uint8], views: Any = ()) -> Any:
        if crops.mean(axis=(1, 2, 3)).min() < 50:
            raise RuntimeError("broken")
        return np.full((len(crops), 2), 0.5), None


def test_a_photo_that_breaks_the_network_does_not_fail_the_others(
    tmp_path: Path, astronaut: NDArray[np.uint8], caplog: pytest.LogCaptureFixture
) -> None:
    detector = FailsOnDark()
    Image.fromarray(astronaut // 4).save(tmp_path / "dark.png")
    stages = Stages(request_of(detector), detector)
    bright, dark, again = rows_of(stages, ASTRONAUT, tmp_path / "dark.png", ASTRONAUT)
    assert (bright["p_fake"], again["p_fake"]) == (0.5, 0.5)
    assert (dark["problem_key"], dark["p_fake"]) == ("failed", None)
    assert "broken" in caplog.text


def test_a_cancelled_photo_gives_no_row(quick_detector: Detector) -> None:
    stages = Stages(request_of(quick_detector, methods=(MAIN_MAP,)), quick_detector)
    (state,) = stages.predict([stages.find_faces(task(1, ASTRONAUT))])
    assert stages.to_row(state, cancelled=lambda: True) is None


def test_the_state_sent_between_processes_holds_no_full_photo(detector: Detector) -> None:
    state: PhotoState = Stages(request_of(detector), detector).find_faces(task(1, ASTRONAUT))
    assert state.size == (512, 512)
    assert len(pickle.dumps(state)) < 300_000
