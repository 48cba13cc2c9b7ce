"""Tests of the registry: each name makes its map, and only its record holds facts about it."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from explain.cancel import not_cancelled
from explain.maps.attribution import Attribution
from explain.maps.registry import MAIN_MAP, METHODS, explainers
from explain.maps.subject import Subject
from model.artifact.card import MASK, Card
from model.artifact.preprocessing import LABELS, Preprocessing
from model.artifact.views import PLAIN
from model.detector.detector import Prediction
from tests.explain.maps.small_network import attention_network

ROOT = Path(__file__).resolve().parents[3]
MAPS = ROOT / "explain" / "maps"
# Files that may not name a method: everything but the maps themselves.
CODE = [
    ROOT / "app.py",
    *(path for name in ("explain", "model", "benchmarks") for path in sorted((ROOT / name).rglob("*.py"))),
    *sorted((ROOT / "docs").glob("*.py")),
]
# Strings that equal a method's name and mean something else.
OTHER_MEANINGS = {
    # An output of networks.
    **{place: {MASK} for place in ("model/artifact/card.py", "model/networks", "model/paired")},
    # What reports and cards call the figures of that output.
    **{place: {MASK} for place in ("model/evaluation/measuring.py", "model/unseen", "model/model_card")},
    "model/artifact/versions.py": {"lime"},  # the package
}

SIDE = 24
CELL = np.arange(SIDE) * 2 // SIDE
SEGMENTS = (CELL[:, None] * 2 + CELL).astype(np.int32)  # four squares
CROP = np.random.RandomState(7).randint(0, 256, (SIDE, SIDE, 3)).astype(np.uint8)
GRID = np.array([[0.1, 0.9], [0.4, 0.6]], np.float32)
GRADIENTS = [name for name, method in METHODS.items() if method.needs_gradients]
WITHOUT_GRADIENTS = [name for name in METHODS if name not in GRADIENTS]


class Brightness:
    """P(Fake) is the crop's brightness; counts the crops that it gets."""

    card = SimpleNamespace(labels=("Fake", "Real"), views=PLAIN)
    rolls_out_attention = False

    def __init__(self) -> None:
        self.crops_judged = 0

    def probabilities(self, crops: NDArray[np.uint8], in_turn: bool = False) -> NDArray[np.float64]:
        self.crops_judged += len(crops)
        fake = crops.mean(axis=(1, 2, 3)) / 255
        return np.stack([fake, 1 - fake], axis=1)

    def predict(self, crop: NDArray[np.uint8]) -> Prediction:
        return Prediction({}, "Fake", False, GRID)


def subject(detector: Any, **changes: Any) -> Subject:
    return Subject(**{"crop": CROP, "segments": SEGMENTS, "target": "Real", "detector": detector} | changes)


def first(name: str, face: Subject) -> Attribution:
    return next(iter(explainers(100)[name](face, not_cancelled)))


@pytest.mark.parametrize("name", WITHOUT_GRADIENTS)
def test_each_name_makes_a_map_of_that_name(name: str) -> None:
    found = first(name, subject(Brightness()))
    assert found.method == name
    assert found.map.shape == (SIDE, SIDE)
    assert found.target == ("either class" if name == "attention" else "Real")


@pytest.fixture(scope="module")
def with_gradients() -> SimpleNamespace:
    """A detector around a small network; the files of the maps test them on the shipped one."""
    card = Card("small", Preprocessing(SIDE, value_scale=1 / 255), LABELS)
    return SimpleNamespace(network=attention_network(SIDE), card=card)


@pytest.mark.slow
@pytest.mark.parametrize("name", GRADIENTS)
def test_each_map_by_gradients_has_its_name(name: str, with_gradients: SimpleNamespace) -> None:
    found = first(name, subject(with_gradients))
    assert (found.method, found.target, found.map.shape) == (name, "Real", (SIDE, SIDE))


@pytest.mark.parametrize("name", METHODS)
def test_a_cancelled_map_is_not_made(name: str) -> None:
    detector = Brightness()
    assert list(METHODS[name].explain(subject(detector), lambda: True)) == []
    assert detector.crops_judged == 0


@pytest.mark.parametrize("samples", [16, 50])
def test_the_budget_of_lime_is_passed_on(samples: int) -> None:
    detector = Brightness()
    *_, found = explainers(samples)["lime"](subject(detector), not_cancelled)
    assert found.evidence["budget"] == samples
    assert detector.crops_judged == found.evidence["samples"] <= samples
    assert found.names is None


def test_a_budget_changes_no_other_map() -> None:
    functions = explainers(16)
    assert set(functions) == set(METHODS)
    assert all(functions[name] is METHODS[name].explain for name in METHODS if not METHODS[name].fitted)


@pytest.mark.parametrize("name", METHODS)
def test_each_method_has_a_title_and_a_description_of_one_sentence(name: str) -> None:
    method = METHODS[name]
    assert method.title and method.title.strip() == method.title
    assert method.description.endswith(".") and method.description.count(".") == 1, "one sentence"


@pytest.mark.parametrize("text_of", [lambda method: method.title, lambda method: method.description])
def test_titles_and_descriptions_of_methods_are_unique(text_of: Callable[[Any], str]) -> None:
    assert len({text_of(method) for method in METHODS.values()}) == len(METHODS)


def test_maps_by_gradients_are_marked() -> None:
    assert GRADIENTS == ["gradcam", "gradcam_attention", "hirescam", "integrated_gradients"]


# A method is a record


def names_in(path: Path) -> list[str]:
    """The places where a file contains the name of a method."""
    within = path.relative_to(ROOT)
    known = {name for place in (within, *within.parents) for name in OTHER_MEANINGS.get(place.as_posix(), ())}
    nodes = ast.walk(ast.parse(path.read_text("utf-8")))
    found = [node for node in nodes if isinstance(node, ast.Constant) and node.value in METHODS.keys() - known]
    return [f"{within}:{node.lineno}: {node.value}" for node in found]


@pytest.mark.slow
def test_only_the_maps_contain_names_of_methods() -> None:
    found = [name for path in CODE if MAPS not in path.parents for name in names_in(path)]
    assert found == [], "use the record of the method instead, see explain/maps/registry.py"


def test_names_of_methods_are_detected() -> None:
    assert any(found.endswith(": lime") for found in names_in(MAPS / "registry.py"))


def test_one_map_comes_with_the_verdict_and_has_no_sign() -> None:
    (mask,) = (method for method in METHODS.values() if method.in_verdict_pass)
    assert mask.by_default and not mask.signed and mask.drawn_as == "heat"


def test_what_if_uses_a_map_of_regions_that_is_always_made() -> None:
    assert METHODS[MAIN_MAP].by_default and METHODS[MAIN_MAP].drawn_as == "regions"


@pytest.mark.parametrize("name", WITHOUT_GRADIENTS)
def test_map_matches_its_record(name: str) -> None:
    """Weights where regions are drawn, values from 0 to 1 where heat is, and another map for another seed."""
    method, detector = METHODS[name], Brightness()
    maps = [list(explainers(100)[name](subject(detector, seed=seed), not_cancelled))[-1] for seed in (0, 1)]
    assert (maps[0].weights is not None) == (method.drawn_as == "regions")
    assert method.drawn_as != "heat" or (maps[0].map.min() >= 0 and maps[0].map.max() <= 1)
    assert ("seed" in maps[0].evidence) == method.seeded
    assert method.seeded or np.array_equal(maps[0].map, maps[1].map)
    assert method.signed == (maps[0].target in ("Fake", "Real"))
