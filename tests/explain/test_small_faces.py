"""Tests of small faces: they get a note, and below a size no verdict."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from explain.analysis import analyze
from explain.html.robustness import robustness_tab
from explain.result import Analysis
from explain.settings import Settings
from explain.small_faces import MIN_JUDGED, MIN_MEASURED
from model.photos.faces import find_faces
from model.photos.photo import open_photo
from tests.support.worlds import FormulaDetector, constant

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "astronaut.jpg"


@pytest.fixture(scope="module")
def portrait() -> NDArray[np.uint8]:
    return open_photo(EXAMPLE).pixels


def with_face_of(portrait: NDArray[np.uint8], pixels: float) -> NDArray[np.uint8]:
    """The portrait with a face of about this size, on grey."""
    share = pixels / find_faces(portrait)[0].pixels
    small = cv2.resize(portrait, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
    canvas = np.full((400, 400, 3), 127, np.uint8)
    canvas[: small.shape[0], : small.shape[1]] = small
    return canvas


def analysis_of(photo: NDArray[np.uint8]) -> Analysis:
    *_, found = analyze(photo, Settings(methods=(), robustness=True), FormulaDetector(constant(0.99)))
    assert found.complete and found.chosen is not None and found.prediction is not None
    return found


def test_a_face_of_usual_size_gets_a_verdict_without_a_note(portrait: NDArray[np.uint8]) -> None:
    found = analysis_of(portrait)
    assert found.photo.notes == () and found.prediction is not None and found.prediction.verdict == "Fake"


@pytest.mark.slow
def test_a_small_face_gets_a_verdict_with_a_note(portrait: NDArray[np.uint8]) -> None:
    found = analysis_of(with_face_of(portrait, (MIN_JUDGED + MIN_MEASURED) / 2))
    assert found.prediction is not None and found.prediction.verdict == "Fake"
    (note,) = found.photo.notes
    assert note.key == "face.small" and found.chosen is not None
    assert str(found.chosen.pixels) in str(note) and str(MIN_MEASURED) in str(note)


def test_a_tiny_face_gets_no_verdict(portrait: NDArray[np.uint8]) -> None:
    found = analysis_of(with_face_of(portrait, 0.75 * MIN_JUDGED))
    assert found.prediction is not None and found.prediction.verdict == "Inconclusive"
    assert found.prediction.probabilities["Fake"] == pytest.approx(0.99, abs=0.01)
    assert {prediction.verdict for prediction in found.predictions} == {"Inconclusive"}
    assert [note.key for note in found.photo.notes] == ["face.too_small"]
    assert found.robustness is None and "too small" in robustness_tab(found), "no verdict that could change"


def test_the_note_belongs_to_the_chosen_face(portrait: NDArray[np.uint8]) -> None:
    both = np.concatenate([cv2.resize(portrait, (400, 400)), with_face_of(portrait, 50)], axis=1)
    detector = FormulaDetector(constant(0.99))
    settings = Settings(methods=(), robustness=False)
    *_, large = analyze(both, settings, detector)
    assert len(large.faces) == 2 and large.photo.notes == ()
    *_, small = analyze(both, Settings(methods=(), robustness=False, face=1), detector, known=large)
    assert [note.key for note in small.photo.notes] == ["face.small"]
    *_, again = analyze(both, settings, detector, known=small)
    assert again.photo.notes == ()
