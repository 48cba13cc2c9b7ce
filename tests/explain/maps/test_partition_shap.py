"""Tests of Partition SHAP on models with known values: sums, redundant regions, and any game by the definition."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.typing import NDArray

from explain.html.captions import caption
from explain.maps import partition_shap as module
from explain.maps.attribution import Attribution
from explain.maps.partition_shap import halves, partition_shap
from explain.maps.subject import BATCH, Subject
from model.artifact.card import Card
from model.artifact.preprocessing import Preprocessing
from model.artifact.views import PLAIN
from model.i18n.catalogue import languages, number, use_language
from tests.support.html import text

CARD = Card("cnn", Preprocessing(128), ("Fake", "Real"))
CELL = 6  # pixels a side of a region
Game = Callable[[NDArray[np.bool_]], NDArray[np.float64]]  # visible regions (N, K) to P(Fake)


class Model:
    """P(Fake) is a game's value of the visible regions; a black region counts as hidden."""

    card = SimpleNamespace(labels=("Fake", "Real"), views=PLAIN)

    def __init__(self, rows: int, columns: int, game: Game) -> None:
        side = CELL * max(rows, columns)
        row, column = (np.minimum(np.arange(side) // CELL, count - 1) for count in (rows, columns))
        self.segments = (row[:, None] * columns + column).astype(np.int32)
        self.corners = np.unique(self.segments, return_index=True)[1]
        self.crop = np.random.default_rng(1).integers(1, 256, (side, side, 3)).astype(np.uint8)
        self.game, self.batches = game, list[int]()

    def probabilities(self, crops: NDArray[np.uint8], in_turn: bool = False) -> NDArray[np.float64]:
        self.batches.append(len(crops))
        fake = self.game(crops.reshape(len(crops), -1, 3)[:, self.corners].any(axis=2))
        return np.stack([fake, 1 - fake], axis=1)

    def subject(self, target: str = "Fake") -> Subject:
        return Subject(self.crop, self.segments, target, self, "black")  # type: ignore[arg-type]


def last_map(model: Model, target: str = "Fake") -> Attribution:
    *_, found = partition_shap(model.subject(target))
    return found


def sum_of(truth: NDArray[np.float64]) -> Game:
    return lambda visible: 0.3 + visible @ truth


def random_game(count: int) -> Game:
    """An independent random probability for every choice of regions."""
    table = np.random.default_rng(2).random(2**count)
    return lambda visible: table[visible @ (1 << np.arange(count))]


@pytest.mark.parametrize(("target", "sign"), [("Fake", 1), ("Real", -1)])
def test_weights_of_a_sum_are_its_terms(target: str, sign: int) -> None:
    truth = np.random.default_rng(3).permutation(np.linspace(-0.05, 0.07, 16))
    found = last_map(Model(4, 4, sum_of(truth)), target)
    assert found.weights is not None
    np.testing.assert_allclose(found.weights, sign * truth, atol=1e-6)
    assert (found.method, found.target) == ("partition_shap", target)
    assert np.array_equal(found.map, found.weights[found.segments])


@pytest.mark.parametrize(("first", "second"), [(0, 1), (2, 9), (0, 15)])
def test_redundant_regions_share_the_weight(first: int, second: int) -> None:
    """Near or far. Occlusion hides one region at a time and gives neither any weight."""
    found = last_map(Model(4, 4, lambda visible: 0.1 + 0.8 * visible[:, [first, second]].any(axis=1)))
    assert found.weights is not None
    expected = np.zeros(16)
    expected[[first, second]] = 0.4
    np.testing.assert_allclose(found.weights, expected, atol=1e-6)


def orders(regions: NDArray[np.intp], centres: NDArray[np.float64]) -> list[list[int]]:
    """Every order of regions that keeps the halves of each group together."""
    if len(regions) == 1:
        return [regions.tolist()]
    parts = [orders(half, centres) for half in halves(regions, centres)]
    return [left + right for first, second in (parts, parts[::-1]) for left, right in product(first, second)]


@pytest.mark.parametrize(("rows", "columns"), [(2, 2), (1, 5), (2, 4)])
def test_any_game_gets_its_owen_values(rows: int, columns: int) -> None:
    """By definition: the mean of what a region adds to those before it, over the orders that keep groups together."""
    count = rows * columns
    model = Model(rows, columns, random_game(count))
    every = orders(np.arange(count), module._centres(model.segments))
    assert len(every) == 2 ** (count - 1)
    expected = np.zeros(count)
    for order in every:
        shown = np.tril(np.ones((count + 1, count), bool), -1)[:, np.argsort(order)]
        expected[order] += np.diff(model.game(shown)) / len(every)
    found = last_map(model)
    assert found.weights is not None and found.evidence["exact"] is True
    np.testing.assert_allclose(found.weights, expected, atol=1e-6)


@pytest.mark.parametrize("budget", [2, 4, 12, 50, 1500])
def test_weights_add_up_whatever_the_budget(monkeypatch: pytest.MonkeyPatch, budget: int) -> None:
    monkeypatch.setattr(module, "BUDGET", budget)
    model = Model(3, 3, random_game(9))
    found = last_map(model)
    everything, nothing = model.game(np.array([[True] * 9, [False] * 9]))
    assert found.weights is not None
    assert found.weights.sum() == pytest.approx(everything - nothing, abs=1e-6)
    assert found.evidence["samples"] == sum(model.batches) <= budget
    assert found.evidence["exact"] is (budget == 1500)
    assert (found.evidence["hidden_prediction"], found.evidence["model_prediction"]) == (nothing, everything)
    assert found.evidence["lowest"] <= min(everything, nothing) <= max(everything, nothing) <= found.evidence["highest"]


def test_the_half_that_matters_is_divided_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """One region decides. A budget for only one half of the face is spent on the half with that region."""
    monkeypatch.setattr(module, "BUDGET", 2 + 2 + 4)
    for deciding in range(4):
        found = last_map(Model(2, 2, lambda visible, deciding=deciding: 0.2 + 0.6 * visible[:, deciding]))  # type: ignore[misc]
        assert found.weights is not None
        np.testing.assert_allclose(found.weights, 0.6 * (np.arange(4) == deciding), atol=1e-6)
        assert found.evidence["exact"] is False


def test_map_grows_level_by_level() -> None:
    maps = list(partition_shap(Model(4, 4, random_game(16)).subject()))
    assert [len(np.unique(found.weights)) for found in maps] == [2, 4, 8, 16]
    assert [found.evidence["complete"] for found in maps] == [False, False, False, True]


def test_usual_faces_are_exact_within_the_budget() -> None:
    model = Model(4, 11, sum_of(np.full(44, 0.01)))
    found = last_map(model)
    assert found.evidence["exact"] is True and found.evidence["samples"] <= module.BUDGET
    assert max(model.batches) <= BATCH


def test_the_only_region_of_a_face_gets_the_whole_weight() -> None:
    found = last_map(Model(1, 1, lambda visible: 0.2 + 0.5 * visible[:, 0]))
    assert found.weights is not None and found.weights == pytest.approx([0.5])
    assert found.evidence["complete"] is True


@pytest.mark.parametrize("allowed", [0, 1, 3])
def test_cancelling_predicts_no_further_batch(allowed: int) -> None:
    model = Model(4, 4, random_game(16))
    maps = list(partition_shap(model.subject(), lambda: len(model.batches) >= allowed))
    assert len(model.batches) == allowed
    assert not any(found.evidence["complete"] for found in maps)


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("budget", [12, 1500])
def test_caption_says_what_the_weights_add_up_to(monkeypatch: pytest.MonkeyPatch, budget: int, language: str) -> None:
    monkeypatch.setattr(module, "BUDGET", budget)
    found = last_map(Model(3, 3, sum_of(np.full(9, 0.05))))
    with use_language(language):
        words = text(caption(found, CARD, 9))
        numbers = [number(value, ".3f") for value in (0.3, 0.75)] + [str(found.evidence["samples"])]
    assert all(value in words for value in numbers)
    assert ("budget" in words or "bütçe" in words) is (budget == 12), "the caption says that regions share their weight"
