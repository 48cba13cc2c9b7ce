"""What the benchmarks measure with, in worlds where the right answer is known."""

from __future__ import annotations

import os

import numpy as np
import pytest

from benchmarks import localisation, stability
from benchmarks._parallel import spread
from model.artifact.card import Card
from model.artifact.preprocessing import Preprocessing
from tests.conftest import on_every_core

SIDE = 64
CHANGED = np.zeros((SIDE, SIDE), bool)
CHANGED[:16] = True  # a quarter


def of(inside: float, outside: float) -> dict[str, float]:
    """The measures of a map with one value inside the change and one outside."""
    return localisation.measures(np.where(CHANGED, inside, outside).astype(np.float32), CHANGED)


def test_map_of_the_change_itself_is_perfect() -> None:
    assert of(1, 0) == {"peak": 1, "share": 4, "AP": 1}


def test_map_of_everything_else_finds_nothing() -> None:
    assert of(0, 1) == {"peak": 0, "share": 0, "AP": pytest.approx(0.25)}


def test_flat_map_is_chance() -> None:
    assert of(0.3, 0.3) == {"peak": 0, "share": pytest.approx(1), "AP": pytest.approx(0.25)}


def test_what_speaks_against_the_class_is_no_place_of_the_change() -> None:
    assert of(-1, -2) == {"peak": 1, "share": 1, "AP": 1}


def test_of_equal_places_the_one_in_their_middle_is_the_peak() -> None:
    values = np.zeros((9, 9))
    values[2:7, 3:6] = 1
    assert localisation.peak_of(values) == (4, 4)


@pytest.mark.parametrize(
    ("second", "index"), [([5, 4, 3, 2, 1, 0], 1), ([5, -4, 3, -2, 0, 1], 4 / 6), ([1, 1, 1, 1, 1, 0], 1)]
)
def test_jaccard_of_the_five_strongest(second: list[float], index: float) -> None:
    first = np.array([5.0, 4, 3, 2, 1, 0])
    assert stability.jaccard([first, np.array(second, float)]) == pytest.approx(index)


def test_card_tells_how_often_each_map_peaks_inside_the_change() -> None:
    row = {"faces": 7, "peak": 0.5, "centred_blob": {"peak": 0.8}}
    card = Card("lite_attention", Preprocessing(128), ("Fake", "Real"), metrics={"test": {}})
    found = localisation.with_peaks(card, {"blob_sigma": 0.2, "runs": [], "dfdc": {"methods": {"lime": row}}})
    assert found.metrics == {
        "test": {},
        "localisation": {"dfdc": {"lime": {"fakes": 7, "inside": 0.5, "centre": 0.8}}},
    }


@pytest.mark.parametrize("processes", [1, 2])
def test_work_is_answered_in_its_order(processes: int) -> None:
    assert list(spread(divmod, [(7, 2), (9, 4), (5, 5)], processes, "rows")) == [(3, 1), (2, 1), (1, 0)]


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system gives processes no cores of their own")
def test_each_process_has_one_core() -> None:
    with on_every_core():  # this process may itself have one alone, which its children would inherit
        assert all(len(cores) == 1 for cores in spread(os.sched_getaffinity, [(0,)] * 4, 2, "rows"))
