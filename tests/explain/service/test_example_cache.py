"""Tests of the page's memory: an example answers at once the second time, a visitor's photo is never kept."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from PIL import Image

from explain.examples import examples
from explain.service import example_cache
from explain.service.example_cache import Memory
from explain.settings import Settings
from model.detector.detector import Detector

VERDICT_ALONE = Settings(methods=("attention",), robustness=False)
EXAMPLE = examples()[0].path


def test_an_example_is_analysed_once_for_the_same_settings(detector: Detector) -> None:
    known = Memory()
    first = list(known.analyze(EXAMPLE, VERDICT_ALONE, detector))
    again = list(known.analyze(EXAMPLE, VERDICT_ALONE, detector))
    assert first[-1].complete and again == [first[-1]]
    other = list(known.analyze(EXAMPLE, Settings(methods=(), robustness=False), detector))
    assert other[-1] is not first[-1]


def test_a_visitors_photo_is_never_kept(detector: Detector, tmp_path: Path) -> None:
    photo = tmp_path / "mine.png"
    with Image.open(EXAMPLE) as picture:
        picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(photo)
    known = Memory()
    first = list(known.analyze(photo, VERDICT_ALONE, detector))
    again = list(known.analyze(photo, VERDICT_ALONE, detector))
    assert len(again) == len(first) > 1 and again[-1] is not first[-1]


def test_a_run_that_was_cancelled_is_not_remembered(detector: Detector) -> None:
    known = Memory()
    next(known.analyze(EXAMPLE, VERDICT_ALONE, detector))
    assert list(known.analyze(EXAMPLE, VERDICT_ALONE, detector, lambda: True))[-1].complete is False
    assert len(list(known.analyze(EXAMPLE, VERDICT_ALONE, detector))) > 1


def test_only_so_many_are_remembered(detector: Detector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(example_cache, "MOST", 1)
    known = Memory()
    for settings in (VERDICT_ALONE, Settings(methods=(), robustness=False)):
        list(known.analyze(EXAMPLE, settings, detector))
    assert len(list(known.analyze(EXAMPLE, VERDICT_ALONE, detector))) > 1, "the older one has made room"


def test_examples_are_learnt_while_nobody_waits(detector: Detector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(example_cache, "PAUSE_S", 0.01)
    monkeypatch.setattr(example_cache, "examples", lambda: examples()[:1])
    known, waits = Memory(), iter([True, True])
    known.learn_examples(VERDICT_ALONE, lambda: detector, lambda: next(waits, False))
    (learner,) = (thread for thread in threading.enumerate() if thread.name == "learn-examples")
    learner.join(60)
    assert not learner.is_alive() and next(waits, None) is None, "it waited for the visitors"
    assert len(list(known.analyze(EXAMPLE, VERDICT_ALONE, detector))) == 1
