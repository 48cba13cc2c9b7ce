"""The registry: each name makes the map of its name, and says what it is."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from explain.cancel import never
from explain.maps.attribution import Attribution
from explain.maps.registry import METHODS, explainers
from explain.maps.subject import Subject
from model.detector.detector import Detector, Prediction

SIDE = 24
CELL = np.arange(SIDE) * 2 // SIDE
SEGMENTS = (CELL[:, None] * 2 + CELL).astype(np.int32)  # four squares
CROP = np.random.RandomState(7).randint(0, 256, (SIDE, SIDE, 3)).astype(np.uint8)
MASK = np.array([[0.1, 0.9], [0.4, 0.6]], np.float32)
GRADIENTS = [name for name, method in METHODS.items() if method.gradients]
WITHOUT_GRADIENTS = [name for name in METHODS if name not in GRADIENTS]


class Brightness:
    """P(Fake) is the crop's brightness; counts the crops that it is asked about."""

    card = SimpleNamespace(labels=("Fake", "Real"))

    def __init__(self) -> None:
        self.asked = 0

    def probabilities(self, crops: NDArray[np.uint8]) -> NDArray[np.float64]:
        self.asked += len(crops)
        fake = crops.mean(axis=(1, 2, 3)) / 255
        return np.stack([fake, 1 - fake], axis=1)

    def predict(self, crop: NDArray[np.uint8]) -> Prediction:
        return Prediction({}, "Fake", False, MASK)


def subject(detector: Any, **changes: Any) -> Subject:
    return Subject(**{"crop": CROP, "segments": SEGMENTS, "target": "Real", "detector": detector} | changes)


def first(name: str, asked: Subject) -> Attribution:
    return next(iter(explainers(100)[name](asked, never)))


@pytest.mark.parametrize("name", WITHOUT_GRADIENTS)
def test_each_name_makes_the_map_of_its_name(name: str) -> None:
    found = first(name, subject(Brightness()))
    assert found.method == name
    assert found.map.shape == (SIDE, SIDE)
    assert found.target == ("either class" if name == "attention" else "Real")


@pytest.mark.slow
@pytest.mark.parametrize("name", GRADIENTS)
def test_each_map_by_gradients_has_its_name(name: str, detector: Detector) -> None:
    found = first(name, subject(detector))
    assert (found.method, found.target, found.map.shape) == (name, "Real", (SIDE, SIDE))


@pytest.mark.parametrize("name", METHODS)
def test_nothing_is_made_once_cancelled(name: str) -> None:
    detector = Brightness()
    assert list(METHODS[name].explain(subject(detector), lambda: True)) == []
    assert detector.asked == 0


@pytest.mark.parametrize("samples", [16, 50])
def test_the_budget_of_lime_is_passed_on(samples: int) -> None:
    detector = Brightness()
    *_, found = explainers(samples)["lime"](subject(detector), never)
    assert found.evidence["budget"] == samples
    assert detector.asked == found.evidence["samples"] <= samples
    assert found.names is None


def test_a_budget_changes_no_other_map() -> None:
    ways = explainers(16)
    assert set(ways) == set(METHODS)
    assert all(ways[name] is METHODS[name].explain for name in METHODS if name != "lime")


@pytest.mark.parametrize("name", METHODS)
def test_a_method_says_what_it_is_and_what_it_does(name: str) -> None:
    method = METHODS[name]
    assert method.title and method.title.strip() == method.title
    assert method.line.endswith(".") and method.line.count(".") == 1, "one sentence"


@pytest.mark.parametrize("what", [lambda method: method.title, lambda method: method.line])
def test_no_two_methods_are_called_alike(what: Callable[[Any], str]) -> None:
    assert len({what(method) for method in METHODS.values()}) == len(METHODS)


def test_maps_by_gradients_are_marked() -> None:
    assert GRADIENTS == ["gradcam", "gradcam_attention", "hirescam", "integrated_gradients"]
