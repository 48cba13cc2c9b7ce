"""Tests of ``analyze``: results other than maps, and settings that it refuses."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest

from explain.analysis import analyze
from explain.maps.integrated_gradients import FIRST_STEPS, integrated_gradients
from explain.maps.registry import METHODS
from explain.regions.superpixels import MAX_COUNT, MIN_COUNT
from explain.report.as_json import to_dict
from explain.result import Analysis
from explain.settings import MAX_SAMPLES, MIN_SAMPLES, Settings
from model.detector.detector import Detector
from model.errors import SettingsError
from tests.explain.analysis.runs import CAT, PHOTO, QUICK, last_analysis

# Results other than maps


@pytest.fixture(scope="module")
def full_run(quick_detector: Detector) -> list[Analysis]:
    """Every analysis of the astronaut's photo with all results that need no gradients, by a quick network."""
    methods = ("attention", "lime", "occlusion")
    settings = Settings(methods=methods, superpixels=10, samples=200, trust=True, flip=True, hidden=(0, 3))
    return list(analyze(PHOTO, settings, quick_detector))


def test_stages_come_in_order_and_progress_never_falls_within_a_stage(full_run: list[Analysis]) -> None:
    stages = [step.stage for step in full_run]
    first, later = (
        ["faces", "regions", "lime", "reason", "robustness"],
        ["occlusion", "what_if", "flip", "trust", ""],
    )
    assert list(dict.fromkeys(stages)) == first + later
    for stage in set(stages):
        shares = [step.progress for step in full_run if step.stage == stage and step.progress is not None]
        assert shares == sorted(shares)
        assert all(0 <= share <= 1 for share in shares)


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
    assert stages == ["faces", "regions", *order, ""]


def test_every_map_gets_its_trust(full_run: list[Analysis]) -> None:
    found = full_run[-1]
    assert set(found.trusts) == set(found.attributions) == {"attention", "lime", "occlusion"}
    assert all(trust.fidelity is not None and trust.stability is not None for trust in found.trusts.values())
    assert found.agreement is not None and set(found.agreement.names) == set(found.attributions)


def test_trust_is_given_before_stability_is_measured(full_run: list[Analysis]) -> None:
    first = next(step for step in full_run if step.trusts)
    assert not first.complete
    assert all(trust.stability is None for trust in first.trusts.values())


def test_hidden_regions_and_flip_have_the_probabilities_of_the_network(
    full_run: list[Analysis], detector: Detector
) -> None:
    found = full_run[-1]
    assert found.what_if is not None and found.flip is not None and found.subject is not None
    assert found.what_if.hidden == (0, 3)
    for answer in (found.what_if, found.flip):
        masks = np.ones((1, found.subject.count), int)
        masks[0, list(answer.hidden)] = 0
        expected = found.subject.probability(found.subject.shown(masks))[0]
        assert answer.probability == pytest.approx(expected, abs=1e-6)
    assert found.flip.probability < 0.5


def test_a_region_that_does_not_exist_is_refused(detector: Detector) -> None:
    with pytest.raises(SettingsError, match="not 99"):
        last_analysis(PHOTO, replace(QUICK, methods=(), hidden=(99,), robustness=False), detector)


@pytest.mark.slow
def test_facial_regions_need_a_face(quick_detector: Detector) -> None:
    found = last_analysis(PHOTO, replace(QUICK, segmentation="facial", samples=100, robustness=False), quick_detector)
    assert found.subject is not None and found.subject.names is not None
    assert len(set(found.subject.names)) == found.subject.count
    with pytest.raises(SettingsError, match="need a face with landmarks"):
        last_analysis(CAT, replace(QUICK, segmentation="facial", whole_picture=True), quick_detector)


def test_an_impossible_result_is_reported_and_the_rest_is_made(detector: Detector) -> None:
    """A flip follows LIME's order, and trust needs a map."""
    found = last_analysis(PHOTO, replace(QUICK, methods=(), flip=True, trust=True, robustness=False), detector)
    assert found.complete and found.attributions == {}
    assert set(found.problems) == {"flip", "trust"}
    assert all(str(problem).endswith(".") for problem in found.problems.values())


@pytest.mark.slow
def test_analyze_makes_gradient_maps(detector: Detector, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the fewest steps of the integral: ``test_integrated_gradients.py`` takes as many as it needs."""
    integral = METHODS["integrated_gradients"]
    few = replace(integral, explain=partial(integrated_gradients, most_steps=FIRST_STEPS))
    monkeypatch.setitem(METHODS, "integrated_gradients", few)
    methods = ("gradcam", "gradcam_attention", "hirescam", "integrated_gradients")
    found = last_analysis(PHOTO, replace(QUICK, methods=methods, robustness=False), detector)
    assert found.problems == {}
    assert list(found.attributions) == list(methods)
    assert {a.target for a in found.attributions.values()} == {found.settings.target}
    answer = json.loads(json.dumps(to_dict(found), allow_nan=False))
    assert np.shape(answer["attributions"]["gradcam"]["grid"]) == found.attributions["gradcam"].native_shape


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
