"""Tests of ``analyze``: the faces that it judges, equal answers for equal input, and the answer as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import explain
from explain.analysis import analyze
from explain.report.as_json import to_dict
from explain.result import MOST_JUDGED, Analysis
from explain.settings import Settings
from model.detector.detector import Detector
from model.errors import PhotoError, SettingsError
from model.photos.photo import open_photo
from tests.explain.analysis.runs import CAT, PHOTO, QUICK, last_analysis


def bytes_of_maps(analysis: Analysis) -> dict[str, bytes]:
    return {name: found.map.tobytes() for name, found in analysis.attributions.items()}


# Faces


def test_photo_without_a_face_ends_without_a_score(detector: Detector) -> None:
    (only,) = analyze(CAT, QUICK, detector)
    assert only.complete
    assert only.faces == ()
    assert only.chosen is None
    assert only.prediction is None
    assert only.attributions == {}


def test_whole_picture_is_judged_if_the_setting_is_on(quick_detector: Detector) -> None:
    found = last_analysis(CAT, replace(QUICK, whole_picture=True, samples=100, robustness=False), quick_detector)
    assert found.complete
    assert found.faces == ()
    assert found.prediction is not None
    assert set(found.attributions) == {"attention", "lime"}
    height, width = found.photo.pixels.shape[:2]
    assert found.chosen is not None
    assert found.chosen.box == (round((width - height) / 2), 0, height, height)


@pytest.mark.slow
def test_whole_picture_setting_changes_nothing_if_the_photo_has_a_face(
    detector: Detector, steps: list[Analysis]
) -> None:
    found = next(iter(analyze(PHOTO, replace(QUICK, whole_picture=True), detector)))
    assert found.chosen is not None and steps[0].chosen is not None
    assert found.chosen.box == steps[0].chosen.box


def test_each_face_can_be_chosen(detector: Detector, astronaut: NDArray[np.uint8]) -> None:
    two = np.concatenate([astronaut, astronaut[::2, ::2].repeat(2, axis=0)[:, :256]], axis=1)
    found = [next(iter(analyze(two, replace(QUICK, face=face), detector))) for face in (0, 1)]
    assert len(found[0].faces) >= 2
    for face, analysis in enumerate(found):
        assert analysis.chosen is analysis.faces[face]
    boxes = [face.box for face in found[0].faces]
    areas = [w * h for _, _, w, h in boxes]
    assert areas == sorted(areas, reverse=True)


@pytest.fixture(scope="module")
def crowd(astronaut: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The same head many times, each a little darker than the one before."""
    head = astronaut[20:180, 140:300]
    shades = [(head * (1 - 0.02 * place)).astype(np.uint8) for place in range(MOST_JUDGED + 4)]
    return np.concatenate([np.concatenate(shades[row::4], axis=1) for row in range(4)])


@pytest.mark.slow
def test_every_face_up_to_the_limit_is_judged(detector: Detector, crowd: NDArray[np.uint8]) -> None:
    """Each gets the same verdict as if it were the chosen one, in the order of the faces."""
    alone = Settings(methods=(), robustness=False)
    first, second = analyze(crowd, replace(alone, face=3), detector)
    assert first.predictions == () and first.prediction_for(0) is None
    assert len(second.faces) > MOST_JUDGED == len(second.predictions)
    assert second.prediction is second.predictions[3] is second.prediction_for(3)
    for face in (0, MOST_JUDGED - 1):
        expected = detector.predict(second.faces[face].crop)
        seen = second.predictions[face]
        assert seen.probabilities == pytest.approx(expected.probabilities, abs=1e-6)
        assert seen.verdict == expected.verdict
    assert len({seen.probabilities["Fake"] for seen in second.predictions}) > MOST_JUDGED / 2


@pytest.mark.slow
def test_a_face_beyond_the_limit_is_judged_when_chosen(detector: Detector, crowd: NDArray[np.uint8]) -> None:
    *_, found = analyze(crowd, Settings(methods=(), robustness=False, face=MOST_JUDGED), detector)
    assert found.prediction is not None and found.prediction is found.prediction_for(MOST_JUDGED)
    assert found.prediction_for(MOST_JUDGED + 1) is None
    faces = to_dict(found)["faces"]
    assert faces[MOST_JUDGED] == to_dict(found)["chosen"]
    assert faces[MOST_JUDGED]["verdict"] == found.prediction.verdict
    assert faces[MOST_JUDGED + 1]["probabilities"] is faces[MOST_JUDGED + 1]["verdict"] is None


@pytest.mark.parametrize("face", [1, -1, 40])
def test_refuses_a_face_that_does_not_exist_and_counts_from_one(detector: Detector, face: int) -> None:
    with pytest.raises(SettingsError, match=rf"face must be 1 to 1 for this photo, not {face + 1}\."):
        next(iter(analyze(PHOTO, replace(QUICK, face=face), detector)))


# Repeatability


@pytest.mark.slow
def test_same_input_settings_and_seed_give_identical_bytes(detector: Detector, steps: list[Analysis]) -> None:
    again = last_analysis(PHOTO, QUICK, Detector())
    assert bytes_of_maps(again) == bytes_of_maps(steps[-1])
    assert set(bytes_of_maps(again)) == {"attention", "lime"}
    first, second = to_dict(again), to_dict(steps[-1])
    for answer in (first, second):  # only the times may differ
        del answer["seconds"]
        del answer["attributions"]["lime"]["evidence"]["seconds"]
    assert json.dumps(first) == json.dumps(second)


@pytest.mark.slow
def test_another_seed_gives_another_lime_map_and_the_same_attention(quick_detector: Detector) -> None:
    first, second = (
        bytes_of_maps(last_analysis(PHOTO, replace(QUICK, seed=seed, robustness=False), quick_detector))
        for seed in (0, 1)
    )
    assert second["lime"] != first["lime"]
    assert second["attention"] == first["attention"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "source",
    [
        pytest.param(lambda: PHOTO.read_bytes(), id="bytes"),
        pytest.param(lambda: str(PHOTO), id="path as text"),
        pytest.param(lambda: open_photo(PHOTO).pixels, id="array"),
        pytest.param(lambda: open_photo(PHOTO), id="opened photo"),
    ],
)
def test_every_kind_of_source_gives_the_same_prediction(
    detector: Detector, steps: list[Analysis], source: Callable[[], Any]
) -> None:
    _, second = islice(analyze(source(), QUICK, detector), 2)
    expected = steps[1].prediction
    assert second.prediction is not None and expected is not None
    assert second.prediction.probabilities == expected.probabilities
    assert bytes_of_maps(second) == bytes_of_maps(steps[1])


@pytest.mark.slow
def test_analyze_needs_only_a_photo(steps: list[Analysis]) -> None:
    """``explain.analyze`` finds the model and uses the default settings."""
    first, second = islice(explain.analyze(PHOTO), 2)
    assert first.settings == Settings()
    assert second.prediction is not None and steps[1].prediction is not None
    assert second.model == steps[1].model
    assert second.prediction.probabilities == steps[1].prediction.probabilities


def test_bytes_that_are_no_photo_are_refused(detector: Detector) -> None:
    with pytest.raises(PhotoError, match="not a readable JPEG"):
        next(iter(analyze(b"no photo", QUICK, detector)))


# As JSON


@pytest.mark.slow
def test_answer_as_json_is_complete(steps: list[Analysis], detector: Detector) -> None:
    answer = json.loads(json.dumps(to_dict(steps[-1]), allow_nan=False))
    photo = open_photo(PHOTO)
    assert answer["photo"] == {"sha256": photo.sha256, "width": 512, "height": 512, "turns": 0, "notes": []}
    assert answer["faces"] == [answer["chosen"]]
    assert set(answer["chosen"]) == {"box", "score", "landmarks", "probabilities", "verdict"}
    assert answer["complete"] is True
    assert answer["settings"]["samples"] == QUICK.samples
    assert answer["settings"]["target"] in ("Fake", "Real")
    assert answer["model"]["name"] == detector.name
    assert answer["model"]["model.tflite"] == detector.card.sha256["model.tflite"]
    assert set(answer["seconds"]) == {"open", "faces", "predict", "regions", "lime", "reason", "robustness"}


@pytest.mark.slow
def test_answer_as_json_holds_the_verdict_and_both_maps(steps: list[Analysis]) -> None:
    answer, found = json.loads(json.dumps(to_dict(steps[-1]))), steps[-1]
    assert found.prediction is not None and found.prediction.attention is not None
    assert answer["prediction"]["verdict"] == found.prediction.verdict
    assert answer["prediction"]["calibrated"] is found.prediction.calibrated
    assert answer["prediction"]["probabilities"] == found.prediction.probabilities
    assert sum(answer["prediction"]["probabilities"].values()) == pytest.approx(1)
    np.testing.assert_allclose(answer["prediction"]["attention"], found.prediction.attention, atol=1e-6)
    lime = answer["attributions"]["lime"]
    np.testing.assert_allclose(lime["weights"], found.attributions["lime"].weights, atol=1e-6)
    assert lime["target"] == answer["settings"]["target"]
    assert lime["evidence"]["budget"] == QUICK.samples
    assert all(low <= weight <= high for weight, (low, high) in zip(lime["weights"], lime["intervals"], strict=True))
    assert len(answer["regions"]) == len(lime["weights"]) == len(lime["region_values"])
    assert sum(region["share"] for region in answer["regions"]) == pytest.approx(1, abs=1e-4)
    assert {"nose", "hair", "background"} <= {region["name"] for region in answer["regions"]}
    attention = answer["attributions"]["attention"]
    assert attention["weights"] is None
    assert attention["native_shape"] == list(found.prediction.attention.shape)


def test_answer_as_json_without_a_face(detector: Detector) -> None:
    answer = json.loads(json.dumps(to_dict(last_analysis(CAT, QUICK, detector)), allow_nan=False))
    assert answer["faces"] == []
    assert answer["chosen"] is None
    assert answer["prediction"] is None
    assert answer["attributions"] == {}
