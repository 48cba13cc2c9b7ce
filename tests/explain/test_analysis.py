"""The one road: what ``analyze`` yields and when, what it refuses, and that it repeats itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import explain
from explain.analysis import analyze
from explain.probes.robustness import CHANGES
from explain.regions.superpixels import MAX_COUNT, MIN_COUNT
from explain.report.as_json import to_dict
from explain.result import MOST_JUDGED, Analysis
from explain.settings import MAX_SAMPLES, MIN_SAMPLES, Settings
from model.detector.detector import Detector
from model.errors import PhotoError, SettingsError
from model.photos.photo import open_photo

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
PHOTO, CAT = EXAMPLES / "astronaut.jpg", EXAMPLES / "cat.jpg"
QUICK = Settings(superpixels=20, samples=300)  # grows in several steps, within half a second


@pytest.fixture(scope="module")
def steps(detector: Detector) -> list[Analysis]:
    """Every analysis of the astronaut's photo, in order."""
    return list(analyze(PHOTO, QUICK, detector))


def last(source: Any, settings: Settings, detector: Detector) -> Analysis:
    *_, analysis = analyze(source, settings, detector)
    return analysis


def with_lime(steps: list[Analysis]) -> list[Analysis]:
    return [step for step in steps if "lime" in step.attributions]


def bytes_of_maps(analysis: Analysis) -> dict[str, bytes]:
    return {name: found.map.tobytes() for name, found in analysis.attributions.items()}


# The order of what comes


def test_faces_come_first_without_a_verdict(steps: list[Analysis]) -> None:
    first = steps[0]
    assert len(first.faces) == 1
    assert first.chosen is first.faces[0]
    assert first.prediction is None
    assert first.attributions == {}


def test_verdict_and_attention_come_together_before_lime(steps: list[Analysis]) -> None:
    second = steps[1]
    assert second.prediction is not None
    assert set(second.attributions) == {"attention"}
    assert all(step.prediction is second.prediction for step in steps[2:])


def test_lime_grows_until_complete(steps: list[Analysis]) -> None:
    samples = [step.attributions["lime"].evidence["samples"] for step in with_lime(steps)]
    assert len(samples) >= 3
    assert samples == sorted(samples)
    assert samples[-1] == QUICK.samples or steps[-1].attributions["lime"].evidence["converged"]


def test_only_the_last_one_is_complete(steps: list[Analysis]) -> None:
    assert [step.complete for step in steps] == [False] * (len(steps) - 1) + [True]


def test_attention_stays_while_lime_grows(steps: list[Analysis]) -> None:
    assert all(set(step.attributions) == {"attention", "lime"} for step in with_lime(steps))
    assert list(dict.fromkeys(step.stage for step in steps[2:-1])) == [
        "origin",
        "regions",
        "lime",
        "reason",
        "robustness",
    ]


def test_explains_the_likelier_class_and_says_so(steps: list[Analysis]) -> None:
    assert steps[0].settings.target is None
    prediction = steps[1].prediction
    assert prediction is not None
    likelier = "Fake" if prediction.probabilities["Fake"] > 0.5 else "Real"
    assert all(step.settings.target == likelier for step in steps[1:])
    assert steps[-1].attributions["lime"].target == likelier


@pytest.mark.parametrize("target", ["Fake", "Real"])
def test_explains_the_class_asked_for(quick_detector: Detector, target: str) -> None:
    found = last(PHOTO, replace(QUICK, target=target, samples=100, robustness=False), quick_detector)
    assert found.attributions["lime"].target == target == found.settings.target


def test_time_is_told_for_each_step(steps: list[Analysis]) -> None:
    assert set(steps[-1].seconds) == {"open", "faces", "predict", "origin", "regions", "lime", "reason", "robustness"}
    assert all(value > 0 for value in steps[-1].seconds.values())


def test_settings_reach_the_maps(quick_detector: Detector) -> None:
    settings = Settings(superpixels=30, samples=128, hide="black", seed=3, smooth_attention=True, robustness=False)
    found = last(PHOTO, settings, quick_detector)
    lime = found.attributions["lime"]
    assert (lime.evidence["samples"], lime.evidence["hide"], lime.evidence["seed"]) == (128, "black", 3)
    assert lime.weights is not None
    assert 15 <= len(lime.weights) <= 32
    assert found.attributions["attention"].evidence["smooth"] is True


# Faces


def test_photo_without_a_face_ends_without_a_score(detector: Detector) -> None:
    (only,) = analyze(CAT, QUICK, detector)
    assert only.complete
    assert only.faces == ()
    assert only.chosen is None
    assert only.prediction is None
    assert only.attributions == {}


def test_whole_picture_is_judged_when_asked_for(quick_detector: Detector) -> None:
    found = last(CAT, replace(QUICK, whole_picture=True, samples=100, robustness=False), quick_detector)
    assert found.complete
    assert found.faces == ()
    assert found.prediction is not None
    assert set(found.attributions) == {"attention", "lime"}
    height, width = found.photo.pixels.shape[:2]
    assert found.chosen is not None
    assert found.chosen.box == (round((width - height) / 2), 0, height, height)


def test_whole_picture_changes_nothing_where_there_is_a_face(detector: Detector, steps: list[Analysis]) -> None:
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


def test_every_face_is_judged_with_the_verdict(detector: Detector, crowd: NDArray[np.uint8]) -> None:
    """As many as may be: each as if it alone had been chosen, in the order of the faces."""
    alone = Settings(methods=(), robustness=False)
    first, second = analyze(crowd, replace(alone, face=3), detector)
    assert first.predictions == () and first.prediction_for(0) is None
    assert len(second.faces) > MOST_JUDGED == len(second.predictions)
    assert second.prediction is second.predictions[3] is second.prediction_for(3)
    for face in (0, MOST_JUDGED - 1):
        expected = detector.predict(second.faces[face].crop)
        told = second.predictions[face]
        assert told.probabilities == pytest.approx(expected.probabilities, abs=1e-6)
        assert told.verdict == expected.verdict
    assert len({told.probabilities["Fake"] for told in second.predictions}) > MOST_JUDGED / 2


def test_a_face_beyond_the_most_is_judged_when_chosen(detector: Detector, crowd: NDArray[np.uint8]) -> None:
    *_, found = analyze(crowd, Settings(methods=(), robustness=False, face=MOST_JUDGED), detector)
    assert found.prediction is not None and found.prediction is found.prediction_for(MOST_JUDGED)
    assert found.prediction_for(MOST_JUDGED + 1) is None
    faces = to_dict(found)["faces"]
    assert faces[MOST_JUDGED] == to_dict(found)["chosen"]
    assert faces[MOST_JUDGED]["verdict"] == found.prediction.verdict
    assert faces[MOST_JUDGED + 1]["probabilities"] is faces[MOST_JUDGED + 1]["verdict"] is None


@pytest.mark.parametrize("face", [1, -1, 40])
def test_refuses_a_face_that_is_not_there_counting_as_people_do(detector: Detector, face: int) -> None:
    with pytest.raises(SettingsError, match=rf"face must be 1 to 1 for this photo, not {face + 1}\."):
        next(iter(analyze(PHOTO, replace(QUICK, face=face), detector)))


# Cancelling


@pytest.mark.parametrize("seen", [1, 2, 3, 4])
def test_nothing_comes_after_cancelling(quick_detector: Detector, seen: int) -> None:
    came: list[Analysis] = []
    for analysis in analyze(PHOTO, QUICK, quick_detector, cancelled=lambda: len(came) >= seen):
        came.append(analysis)
    assert len(came) == seen
    assert not came[-1].complete


# The same again


@pytest.mark.slow
def test_same_input_settings_and_seed_give_identical_bytes(detector: Detector, steps: list[Analysis]) -> None:
    again = last(PHOTO, QUICK, Detector())
    assert bytes_of_maps(again) == bytes_of_maps(steps[-1])
    assert set(bytes_of_maps(again)) == {"attention", "lime"}
    first, second = to_dict(again), to_dict(steps[-1])
    for answer in (first, second):  # time alone may differ
        del answer["seconds"]
        del answer["attributions"]["lime"]["evidence"]["seconds"]
    assert json.dumps(first) == json.dumps(second)


def test_another_seed_gives_another_lime_map_and_the_same_attention(quick_detector: Detector) -> None:
    one, other = (
        bytes_of_maps(last(PHOTO, replace(QUICK, seed=seed, robustness=False), quick_detector)) for seed in (0, 1)
    )
    assert other["lime"] != one["lime"]
    assert other["attention"] == one["attention"]


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


def test_photo_alone_is_enough(steps: list[Analysis]) -> None:
    """The package's own word: the model is found, the settings are the usual ones."""
    first, second = islice(explain.analyze(PHOTO), 2)
    assert first.settings == Settings()
    assert second.prediction is not None and steps[1].prediction is not None
    assert second.model == steps[1].model
    assert second.prediction.probabilities == steps[1].prediction.probabilities


def test_what_is_no_photo_is_refused(detector: Detector) -> None:
    with pytest.raises(PhotoError, match="not a readable JPEG"):
        next(iter(analyze(b"no photo", QUICK, detector)))


# How stable the verdict is


def test_robustness_comes_whole_after_the_first_map(steps: list[Analysis], detector: Detector) -> None:
    measuring = [step for step in steps if step.stage == "robustness"]
    assert [step.robustness is None for step in measuring] == [True] * (len(measuring) - 1) + [False]
    assert all("lime" in step.attributions for step in measuring)
    found, prediction = steps[-1].robustness, steps[-1].prediction
    assert found is not None and found.complete and prediction is not None
    assert found.probability == pytest.approx(prediction.probabilities["Fake"], abs=1e-6)
    assert (found.verdict, found.band) == (prediction.verdict, detector.card.inconclusive_band)
    assert all(curve is not None for curve in found.curves.values())
    assert to_dict(steps[-1])["robustness"]["untouched"]["verdict"] == prediction.verdict


def test_robustness_is_left_out_when_it_is_not_wanted(detector: Detector) -> None:
    found = last(PHOTO, replace(QUICK, methods=(), robustness=False), detector)
    assert found.complete and found.robustness is None and "robustness" not in found.seconds


def test_whole_picture_has_no_parts_to_cover(quick_detector: Detector) -> None:
    found = last(CAT, replace(QUICK, methods=(), whole_picture=True), quick_detector).robustness
    assert found is not None and found.complete
    assert [name for name, curve in found.curves.items() if curve is None] == ["eyes", "nose", "mouth"]


def test_robustness_can_be_cancelled(quick_detector: Detector) -> None:
    came: list[Analysis] = []
    settings = replace(QUICK, methods=())
    for analysis in analyze(
        PHOTO, settings, quick_detector, cancelled=lambda: came[-1:] != [] and came[-1].progress == 1 / len(CHANGES)
    ):
        came.append(analysis)
    assert came[-1].stage == "robustness" and not came[-1].complete and came[-1].robustness is None


# What may be asked for beyond a map


@pytest.fixture(scope="module")
def whole_story(quick_detector: Detector) -> list[Analysis]:
    """Every analysis of the astronaut's photo with everything asked for that needs no gradients, by a quick network."""
    methods = ("attention", "lime", "occlusion")
    settings = Settings(methods=methods, superpixels=10, samples=200, trust=True, flip=True, hidden=(0, 3))
    return list(analyze(PHOTO, settings, quick_detector))


def test_stages_come_in_order_and_progress_never_falls_within_one(whole_story: list[Analysis]) -> None:
    stages = [step.stage for step in whole_story]
    first, later = (
        ["faces", "origin", "regions", "lime", "reason", "robustness"],
        ["occlusion", "what_if", "flip", "trust", ""],
    )
    assert list(dict.fromkeys(stages)) == first + later
    for stage in set(stages):
        told = [step.progress for step in whole_story if step.stage == stage and step.progress is not None]
        assert told == sorted(told)
        assert all(0 <= share <= 1 for share in told)


@pytest.mark.parametrize(
    ("methods", "order"),
    [
        (("attention", "occlusion", "lime"), ["occlusion", "lime", "reason", "robustness"]),
        (("lime", "occlusion"), ["lime", "reason", "robustness", "occlusion"]),
        (("occlusion", "attention"), ["occlusion", "robustness"]),
        (("attention",), ["robustness"]),
    ],
)
def test_robustness_comes_right_after_the_reason_whatever_the_order_of_the_maps(
    quick_detector: Detector, methods: tuple[str, ...], order: list[str]
) -> None:
    settings = Settings(methods=methods, superpixels=8, samples=100)
    stages = list(dict.fromkeys(step.stage for step in analyze(PHOTO, settings, quick_detector)))
    assert stages == ["faces", "origin", "regions", *order, ""]


def test_every_map_gets_its_trust(whole_story: list[Analysis]) -> None:
    found = whole_story[-1]
    assert set(found.trusts) == set(found.attributions) == {"attention", "lime", "occlusion"}
    assert all(trust.fidelity is not None and trust.stability is not None for trust in found.trusts.values())
    assert found.agreement is not None and set(found.agreement.names) == set(found.attributions)


def test_trust_comes_before_it_is_complete(whole_story: list[Analysis]) -> None:
    first = next(step for step in whole_story if step.trusts)
    assert not first.complete
    assert all(trust.stability is None for trust in first.trusts.values())


def test_hidden_regions_and_flip_are_what_the_network_says(whole_story: list[Analysis], detector: Detector) -> None:
    found = whole_story[-1]
    assert found.what_if is not None and found.flip is not None and found.subject is not None
    assert found.what_if.hidden == (0, 3)
    for answer in (found.what_if, found.flip):
        masks = np.ones((1, found.subject.count), int)
        masks[0, list(answer.hidden)] = 0
        said = found.subject.probability(found.subject.shown(masks))[0]
        assert answer.probability == pytest.approx(said, abs=1e-6)
    assert found.flip.probability < 0.5


def test_a_region_that_is_not_there_is_refused(detector: Detector) -> None:
    with pytest.raises(SettingsError, match="got 99"):
        last(PHOTO, replace(QUICK, methods=(), hidden=(99,), robustness=False), detector)


def test_facial_regions_need_a_face(quick_detector: Detector) -> None:
    found = last(PHOTO, replace(QUICK, segmentation="facial", samples=100, robustness=False), quick_detector)
    assert found.subject is not None and found.subject.names is not None
    assert len(set(found.subject.names)) == found.subject.count
    with pytest.raises(SettingsError, match="need a face with landmarks"):
        last(CAT, replace(QUICK, segmentation="facial", whole_picture=True), quick_detector)


def test_what_cannot_be_made_is_told_and_the_rest_comes(detector: Detector) -> None:
    """A flip follows LIME's order, and trust needs a map."""
    found = last(PHOTO, replace(QUICK, methods=(), flip=True, trust=True, robustness=False), detector)
    assert found.complete and found.attributions == {}
    assert set(found.problems) == {"flip", "trust"}
    assert all(str(problem).endswith(".") for problem in found.problems.values())


@pytest.mark.slow
def test_gradient_maps_take_the_same_road(detector: Detector) -> None:
    methods = ("gradcam", "gradcam_attention", "hirescam", "integrated_gradients")
    found = last(PHOTO, replace(QUICK, methods=methods), detector)
    assert found.problems == {}
    assert list(found.attributions) == list(methods)
    assert {a.target for a in found.attributions.values()} == {found.settings.target}
    answer = json.loads(json.dumps(to_dict(found), allow_nan=False))
    assert np.shape(answer["attributions"]["gradcam"]["grid"]) == found.attributions["gradcam"].native_shape


# As JSON


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
    assert set(answer["seconds"]) == {"open", "faces", "predict", "origin", "regions", "lime", "reason", "robustness"}


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
    answer = json.loads(json.dumps(to_dict(last(CAT, QUICK, detector)), allow_nan=False))
    assert answer["faces"] == []
    assert answer["chosen"] is None
    assert answer["prediction"] is None
    assert answer["attributions"] == {}


# Settings


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"target": "fake"}, "must be Fake or Real, not 'fake'"),
        ({"superpixels": MIN_COUNT - 1}, "superpixels must be 2 to 400, not 1"),
        ({"superpixels": MAX_COUNT + 1}, "superpixels must be 2 to 400, not 401"),
        ({"samples": MIN_SAMPLES - 1}, "samples must be 100 to 5000, not 99"),
        ({"samples": MAX_SAMPLES + 1}, "samples must be 100 to 5000, not 5001"),
        ({"seed": -1}, "seed must be 0 to 4294967295, not -1"),
        ({"seed": 2**32}, "seed must be 0 to 4294967295, not 4294967296"),
        ({"segmentation": "grid"}, "one of slic, quickshift, felzenszwalb, facial, not 'grid'"),
        ({"hide": "noise"}, "one of auto, mean, blur, black, inpaint, tokens, not 'noise'"),
    ],
)
def test_refuses_settings_out_of_range(change: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message) as caught:
        Settings(**change)
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize(
    "change",
    [
        {"target": None},
        {"target": "Real"},
        {"superpixels": MIN_COUNT},
        {"superpixels": MAX_COUNT},
        {"samples": MIN_SAMPLES},
        {"samples": MAX_SAMPLES},
        {"seed": 2**32 - 1},
        {"segmentation": "felzenszwalb"},
        {"hide": "blur"},
    ],
)
def test_takes_settings_up_to_their_limits(change: dict[str, Any]) -> None:
    assert vars(Settings(**change)) == vars(Settings()) | change
