"""Tests of the cache: an example that was analysed before is answered at once, a visitor's photo is never kept."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

import explain.analysis
from explain.examples import examples
from explain.service import example_cache
from explain.service.example_cache import ExampleCache
from explain.settings import Settings
from model.detector.detector import Detector

VERDICT_ALONE = Settings(methods=("attention",), robustness=False)
EXAMPLE = examples()[0].path


@pytest.fixture(scope="module")
def detector(quick_detector: Detector) -> Detector:
    """A fast network: these tests do not depend on its answers."""
    return quick_detector


def test_an_example_is_analysed_once_for_the_same_settings(detector: Detector) -> None:
    cache = ExampleCache()
    first = list(cache.analyze(EXAMPLE, VERDICT_ALONE, detector))
    again = list(cache.analyze(EXAMPLE, VERDICT_ALONE, detector))
    assert first[-1].complete and len(again) == 1
    assert again[0].prediction is first[-1].prediction
    another = list(cache.analyze(EXAMPLE, Settings(methods=(), robustness=False), detector))
    assert another[-1] is not first[-1]


@pytest.mark.slow
def test_a_visitors_photo_is_never_kept(detector: Detector, tmp_path: Path) -> None:
    photo = tmp_path / "mine.png"
    with Image.open(EXAMPLE) as picture:
        picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(photo)
    cache = ExampleCache()
    first = list(cache.analyze(photo, VERDICT_ALONE, detector))
    again = list(cache.analyze(photo, VERDICT_ALONE, detector))
    assert len(again) == len(first) > 1 and again[-1] is not first[-1]


def test_a_cancelled_run_is_not_kept(detector: Detector) -> None:
    cache = ExampleCache()
    next(cache.analyze(EXAMPLE, VERDICT_ALONE, detector))
    assert not any(step.complete for step in cache.analyze(EXAMPLE, VERDICT_ALONE, detector, lambda: True))
    assert len(list(cache.analyze(EXAMPLE, VERDICT_ALONE, detector))) > 1


def test_the_number_of_kept_answers_is_limited(detector: Detector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(example_cache, "MOST", 1)
    cache = ExampleCache()
    for settings in (VERDICT_ALONE, Settings(methods=(), robustness=False)):
        list(cache.analyze(EXAMPLE, settings, detector))
    assert len(list(cache.analyze(EXAMPLE, VERDICT_ALONE, detector))) > 1, "the older answer was removed"


def test_a_shipped_example_is_answered_at_once(detector: Detector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(example_cache, "analyze")
    monkeypatch.setattr(explain.analysis, "Reading", None)
    (found,) = ExampleCache().analyze(EXAMPLE, Settings(), detector)
    assert found.complete and "lime" in found.attributions and found.provenance is not None


def test_times_are_those_of_the_answer(detector: Detector) -> None:
    cache = ExampleCache()
    (shipped,) = cache.analyze(EXAMPLE, Settings(), detector)
    *_, computed = cache.analyze(EXAMPLE, VERDICT_ALONE, detector)
    (again,) = cache.analyze(EXAMPLE, VERDICT_ALONE, detector)
    assert set(shipped.seconds) == set(again.seconds) == {"open", "finished"} != set(computed.seconds)
