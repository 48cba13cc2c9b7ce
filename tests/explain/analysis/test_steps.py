"""Tests of what ``analyze`` yields, and when."""

from __future__ import annotations

from dataclasses import replace

import pytest

from explain.analysis import analyze
from explain.probes.robustness import CHANGES
from explain.report.as_json import to_dict
from explain.result import Analysis
from explain.settings import Settings
from model.detector.detector import Detector
from tests.explain.analysis.runs import CAT, PHOTO, QUICK, last_analysis


def with_lime(steps: list[Analysis]) -> list[Analysis]:
    return [step for step in steps if "lime" in step.attributions]


# The order of the results


@pytest.mark.slow
def test_faces_come_first_without_a_verdict(steps: list[Analysis]) -> None:
    first = steps[0]
    assert len(first.faces) == 1
    assert first.chosen is first.faces[0]
    assert first.prediction is None
    assert first.attributions == {}


@pytest.mark.slow
def test_verdict_and_attention_come_together_before_lime(steps: list[Analysis]) -> None:
    second = steps[1]
    assert second.prediction is not None
    assert set(second.attributions) == {"attention"}
    assert all(step.prediction is second.prediction for step in steps[2:])


@pytest.mark.slow
def test_lime_grows_until_complete(steps: list[Analysis]) -> None:
    samples = [step.attributions["lime"].evidence["samples"] for step in with_lime(steps)]
    assert len(samples) >= 3
    assert samples == sorted(samples)
    assert samples[-1] == QUICK.samples or steps[-1].attributions["lime"].evidence["converged"]


@pytest.mark.slow
def test_only_the_last_analysis_is_complete(steps: list[Analysis]) -> None:
    assert [step.complete for step in steps] == [False] * (len(steps) - 1) + [True]


@pytest.mark.slow
def test_attention_stays_while_lime_grows(steps: list[Analysis]) -> None:
    assert all(set(step.attributions) == {"attention", "lime"} for step in with_lime(steps))
    assert list(dict.fromkeys(step.stage for step in steps[2:-1])) == [
        "regions",
        "lime",
        "reason",
        "robustness",
    ]


@pytest.mark.slow
def test_explains_the_likelier_class_and_records_it(steps: list[Analysis]) -> None:
    assert steps[0].settings.target is None
    prediction = steps[1].prediction
    assert prediction is not None
    likelier = "Fake" if prediction.probabilities["Fake"] > 0.5 else "Real"
    assert all(step.settings.target == likelier for step in steps[1:])
    assert steps[-1].attributions["lime"].target == likelier


@pytest.mark.slow
@pytest.mark.parametrize("target", ["Fake", "Real"])
def test_explains_the_class_in_the_settings(quick_detector: Detector, target: str) -> None:
    found = last_analysis(PHOTO, replace(QUICK, target=target, samples=100, robustness=False), quick_detector)
    assert found.attributions["lime"].target == target == found.settings.target


@pytest.mark.slow
def test_seconds_are_given_for_each_step(steps: list[Analysis]) -> None:
    assert set(steps[-1].seconds) == {"open", "faces", "predict", "regions", "lime", "reason", "robustness"}
    assert all(value > 0 for value in steps[-1].seconds.values())


def test_settings_reach_the_maps(quick_detector: Detector) -> None:
    settings = Settings(superpixels=30, samples=128, hide="black", seed=3, smooth_attention=True, robustness=False)
    found = last_analysis(PHOTO, settings, quick_detector)
    lime = found.attributions["lime"]
    assert (lime.evidence["samples"], lime.evidence["hide"], lime.evidence["seed"]) == (128, "black", 3)
    assert lime.weights is not None
    assert 15 <= len(lime.weights) <= 32
    assert found.attributions["attention"].evidence["smooth"] is True


# Cancelling


@pytest.mark.parametrize("seen", [1, 2, 3, 4])
def test_nothing_is_yielded_after_cancelling(quick_detector: Detector, seen: int) -> None:
    yielded: list[Analysis] = []
    for analysis in analyze(PHOTO, QUICK, quick_detector, cancelled=lambda: len(yielded) >= seen):
        yielded.append(analysis)
    assert len(yielded) == seen
    assert not yielded[-1].complete


# Robustness


@pytest.mark.slow
def test_robustness_is_given_when_complete_after_the_first_map(steps: list[Analysis], detector: Detector) -> None:
    measuring = [step for step in steps if step.stage == "robustness"]
    assert [step.robustness is None for step in measuring] == [True] * (len(measuring) - 1) + [False]
    assert all("lime" in step.attributions for step in measuring)
    found, prediction = steps[-1].robustness, steps[-1].prediction
    assert found is not None and found.complete and prediction is not None
    assert found.probability == pytest.approx(prediction.probabilities["Fake"], abs=1e-6)
    assert (found.verdict, found.band) == (prediction.verdict, detector.card.inconclusive_band)
    assert all(curve is not None for curve in found.curves.values())
    assert to_dict(steps[-1])["robustness"]["untouched"]["verdict"] == prediction.verdict


def test_robustness_is_left_out_if_the_setting_is_off(detector: Detector) -> None:
    found = last_analysis(PHOTO, replace(QUICK, methods=(), robustness=False), detector)
    assert found.complete and found.robustness is None and "robustness" not in found.seconds


@pytest.mark.slow
def test_robustness_of_a_whole_picture_covers_no_facial_parts(quick_detector: Detector) -> None:
    found = last_analysis(CAT, replace(QUICK, methods=(), whole_picture=True), quick_detector).robustness
    assert found is not None and found.complete
    assert [name for name, curve in found.curves.items() if curve is None] == ["eyes", "nose", "mouth"]


def test_robustness_can_be_cancelled(quick_detector: Detector) -> None:
    yielded: list[Analysis] = []
    settings = replace(QUICK, methods=())
    for analysis in analyze(
        PHOTO,
        settings,
        quick_detector,
        cancelled=lambda: yielded[-1:] != [] and yielded[-1].progress == 1 / len(CHANGES),
    ):
        yielded.append(analysis)
    assert yielded[-1].stage == "robustness" and not yielded[-1].complete and yielded[-1].robustness is None
