"""Tests of what an analysis reuses from an earlier one: it predicts nothing twice, and keeps nothing stale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import explain.analysis
import explain.steps
from explain.analysis import analyze
from explain.maps.attribution import ExplanationError
from explain.maps.registry import explainers
from explain.result import Analysis
from explain.settings import Settings
from explain.trust.measure import measure
from model.artifact.views import View
from model.i18n.catalogue import Message
from model.photos.photo import open_photo
from tests.support.worlds import QuickDetector

PHOTO = Path(__file__).resolve().parents[2] / "examples" / "hopper_face.jpg"
SETTINGS = Settings(superpixels=10, samples=100)


class Counting(QuickDetector):
    """Counts the crops that it judges."""

    crops = 0

    def _run(
        self, crops: NDArray[np.uint8], views: Sequence[View] = ()
    ) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        self.crops += len(crops)
        return super()._run(crops, views)


@pytest.fixture(scope="module")
def detector() -> Counting:
    return Counting()


@pytest.fixture(scope="module")
def known(detector: Counting) -> Analysis:
    found = run(detector, SETTINGS, None)[0]
    assert found.complete and found.reason is not None and found.robustness is not None
    return found


def run(detector: Counting, settings: Settings, known: Analysis | None, source: Any = PHOTO) -> tuple[Analysis, int]:
    """The complete analysis, and the number of crops that it judged."""
    before = detector.crops
    *_, found = analyze(source, settings, detector, known=known)
    return found, detector.crops - before


def test_repeating_an_analysis_judges_nothing_and_searches_neither_faces_nor_provenance(
    detector: Counting, known: Analysis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explain.analysis, "find_turned", None)
    monkeypatch.setattr(explain.analysis, "Reading", None)
    found, judged = run(detector, SETTINGS, known)
    assert judged == 0 and found.complete and known.provenance is not None
    for part in ("faces", "prediction", "subject", "reason", "robustness", "provenance"):
        assert getattr(found, part) is getattr(known, part)
    assert found.attributions["lime"] is known.attributions["lime"]


@pytest.mark.slow
def test_a_photo_that_was_turned_stays_turned(detector: Counting, known: Analysis) -> None:
    sideways = np.ascontiguousarray(np.rot90(open_photo(PHOTO).pixels, 1))
    found, _ = run(detector, SETTINGS, None, source=sideways)
    assert found.photo.turns == 3 and [note.key for note in found.photo.notes] == ["photo.turned_right"]
    assert found.chosen is not None and known.chosen is not None
    np.testing.assert_array_equal(found.chosen.crop, known.chosen.crop)
    again, judged = run(detector, SETTINGS, found, source=sideways)
    assert judged == 0 and again.photo.turns == 3 and again.photo.notes == found.photo.notes
    np.testing.assert_array_equal(again.photo.pixels, found.photo.pixels)


def test_a_further_map_makes_only_its_own_predictions(detector: Counting, known: Analysis) -> None:
    found, judged = run(detector, replace(SETTINGS, methods=(*SETTINGS.methods, "occlusion")), known)
    assert set(found.attributions) == {"lime", "attention", "occlusion"}
    assert found.attributions["lime"] is known.attributions["lime"] and found.reason is known.reason
    assert known.subject is not None
    before = detector.crops
    list(explainers(SETTINGS.samples)["occlusion"](known.subject, lambda: False))
    assert judged == detector.crops - before > 0
    fewer, judged = run(detector, SETTINGS, found)
    assert judged == 0 and set(fewer.attributions) == {"lime", "attention"}


def test_results_that_are_no_longer_requested_are_left_out(detector: Counting, known: Analysis) -> None:
    more = replace(known, settings=replace(known.settings, flip=True), flip=known.reason)
    same, _ = run(detector, replace(SETTINGS, flip=True), more)
    assert same.flip is more.flip and same.robustness is more.robustness
    found, judged = run(detector, replace(SETTINGS, robustness=False), more)
    assert judged == 0 and found.complete and found.flip is None and found.robustness is None
    assert found.attributions["lime"] is known.attributions["lime"] and found.reason is known.reason


def test_robustness_does_not_wait_for_a_further_map_if_the_reason_is_known(detector: Counting, known: Analysis) -> None:
    settings = replace(SETTINGS, methods=(*SETTINGS.methods, "occlusion"))
    stages = [step.stage for step in analyze(PHOTO, settings, detector, known=replace(known, robustness=None))]
    assert stages.index("robustness") < stages.index("occlusion")


@pytest.mark.slow
def test_trust_in_the_other_maps_is_kept_when_one_is_removed(detector: Counting, known: Analysis) -> None:
    settings = replace(SETTINGS, methods=("lime", "occlusion", "attention"), trust=True)
    all_three, _ = run(detector, settings, known)
    assert all_three.agreement is not None and len(all_three.agreement.names) == 3
    for stay in (("lime", "attention"), ("occlusion", "attention"), ("attention",)):
        found, judged = run(detector, replace(settings, methods=stay), all_three)
        assert judged == 0 and found.complete and found.trusts.keys() == set(stay)
        assert all(found.trusts[name] is all_three.trusts[name] for name in stay)
        assert found.agreement is not None and set(found.agreement.names) == set(stay)
        rows = [all_three.agreement.names.index(name) for name in found.agreement.names]
        np.testing.assert_array_equal(found.agreement.matrix, all_three.agreement.matrix[np.ix_(rows, rows)])
    (alone,) = found.agreement.names
    changed, _ = run(detector, replace(settings, samples=120), all_three)
    assert changed.trusts[alone] is all_three.trusts[alone] and changed.trusts["lime"] is not all_three.trusts["lime"]


@pytest.mark.slow
def test_trust_makes_its_predictions_once_and_again_if_it_was_stopped(
    detector: Counting, known: Analysis, monkeypatch: pytest.MonkeyPatch
) -> None:
    trusting = replace(SETTINGS, trust=True)
    stopped = next(step for step in analyze(PHOTO, trusting, detector, known=known) if step.trusts)
    assert all(trust.stability is None for trust in stopped.trusts.values())
    found, judged = run(detector, trusting, stopped)
    assert found.attributions["lime"] is known.attributions["lime"] and found.trusts.keys() == {"lime", "attention"}
    assert all(trust.stability is not None for trust in found.trusts.values())
    assert known.subject is not None
    before = detector.crops
    list(measure(known.subject, known.attributions, explainers(SETTINGS.samples)))
    assert judged == detector.crops - before > 0
    again, judged = run(detector, trusting, found)
    assert judged == 0 and again.trusts is found.trusts and again.agreement is found.agreement
    more, _ = run(detector, replace(trusting, methods=(*trusting.methods, "occlusion")), found)
    assert more.trusts["lime"] is found.trusts["lime"] and "occlusion" in more.trusts
    assert more.agreement is not None and set(more.agreement.names) == set(more.trusts)

    def refuse(*_: Any) -> Any:
        raise ExplanationError(Message("problem.no_map"))

    monkeypatch.setattr(explain.steps, "explainers", lambda samples: {**explainers(samples), "occlusion": refuse})
    tried, judged = run(detector, replace(trusting, methods=(*trusting.methods, "occlusion")), found)
    assert tried.complete and set(tried.problems) == {"occlusion"} and judged == 0
    assert tried.trusts == found.trusts and tried.agreement is not None


@pytest.mark.slow
def test_changed_superpixels_repeat_lime_and_keep_verdict_and_robustness(detector: Counting, known: Analysis) -> None:
    changed = replace(SETTINGS, superpixels=14)
    found, judged = run(detector, changed, known)
    assert found.prediction is known.prediction and found.robustness is known.robustness
    assert found.subject is not None and known.subject is not None and found.subject.count != known.subject.count
    assert len(found.attributions["lime"].weights) == found.subject.count  # type: ignore[arg-type]
    assert found.reason is not known.reason and found.trusts == {}
    fresh, from_scratch = run(detector, replace(changed, robustness=False), None)
    assert judged == from_scratch - 1, "only the untouched face is not judged again"
    assert (fresh.attributions["lime"].map == found.attributions["lime"].map).all()


@pytest.mark.slow
@pytest.mark.parametrize("change", [{"samples": 120}, {"target": "Real"}, {"hide": "black"}, {"seed": 3}])
def test_a_map_that_depends_on_a_changed_setting_is_made_again(
    detector: Counting, known: Analysis, change: dict[str, Any]
) -> None:
    assert known.settings.target == "Fake"
    changed = replace(SETTINGS, **change)
    found, _ = run(detector, changed, known)
    fresh, _ = run(detector, changed, None)
    assert found.attributions["lime"] is not known.attributions["lime"]
    assert (fresh.attributions["lime"].map == found.attributions["lime"].map).all()
    assert found.robustness is not None and (found.robustness is known.robustness) is ("seed" not in change)


@pytest.mark.slow
def test_lime_that_was_stopped_is_made_again(detector: Counting, known: Analysis) -> None:
    growing = next(step for step in analyze(PHOTO, SETTINGS, detector) if "lime" in step.attributions)
    assert not growing.attributions["lime"].evidence["complete"]
    found, _ = run(detector, SETTINGS, growing)
    assert (found.attributions["lime"].map == known.attributions["lime"].map).all() and found.complete


@pytest.mark.slow
def test_another_face_gets_its_own_maps_but_all_faces_are_judged_once(
    detector: Counting, astronaut: NDArray[np.uint8]
) -> None:
    two_faces = np.concatenate([astronaut, astronaut[:, 256:], astronaut], axis=1)
    quick = replace(SETTINGS, robustness=False)
    first, _ = run(detector, quick, None, two_faces)
    second, judged = run(detector, replace(quick, face=1), first, two_faces)
    assert second.faces is first.faces and second.chosen is first.faces[1]
    assert second.predictions is first.predictions and second.prediction is first.predictions[1]
    assert second.attributions["lime"] is not first.attributions["lime"] and second.subject is not first.subject
    _, from_scratch = run(detector, replace(quick, face=1), None, two_faces)
    assert judged == from_scratch - len(first.faces)


@pytest.mark.slow
@pytest.mark.parametrize("difference", ["photo", "model"])
def test_nothing_is_reused_from_another_photo_or_model(detector: Counting, known: Analysis, difference: str) -> None:
    other_analysis = (
        replace(known, photo=replace(known.photo, sha256="0" * 64))
        if difference == "photo"
        else replace(known, model={**known.model, "name": "another"})
    )
    found, judged = run(detector, SETTINGS, other_analysis)
    _, from_scratch = run(detector, SETTINGS, None)
    assert judged == from_scratch
    for part in ("faces", "prediction", "subject", "reason", "robustness"):
        assert getattr(found, part) is not getattr(known, part)
