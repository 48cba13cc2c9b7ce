"""Tests of repetitions of a map: what they change, and how they are compared."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from explain.maps.subject import Subject
from explain.trust.stability import NOISE_SIGMA, RUNS, TOP, change_of, compare, compare_refits, repetitions
from tests.support.worlds import noise, squares

SIDE = 24
SEGMENTS = squares(SIDE, 4)
CROP = noise(SIDE)
VALUES = np.random.RandomState(1).permutation(np.linspace(-1, 1.2, 16))


def subject(**changes: Any) -> Subject:
    detector: Any = SimpleNamespace()
    return Subject(**{"crop": CROP, "segments": SEGMENTS, "target": "Fake", "detector": detector} | changes)


def test_the_same_map_again_is_perfectly_stable() -> None:
    found = compare(VALUES, [VALUES.copy()] * RUNS, "seed")
    assert (found.same_top, found.jaccard, found.rank_correlation) == (1, 1, 1)
    assert (found.runs, found.change) == (RUNS, "seed")


def test_a_flat_map_again_is_perfectly_stable() -> None:
    found = compare(np.full(16, 0.1), [np.full(16, 0.1)], "noise")
    assert (found.same_top, found.jaccard, found.rank_correlation) == (1, 1, 1)


def test_the_negative_has_the_same_strongest_regions_and_the_opposite_ranks() -> None:
    found = compare(VALUES, [-VALUES], "seed")
    assert (found.jaccard, found.rank_correlation) == (1, -1)


def test_jaccard_is_that_of_the_top_five() -> None:
    first, second = np.zeros(16), np.zeros(16)
    first[:5], second[2:7] = [5, 4, 3, -2, 1], [-1, 2, 3, 4, 5]  # three in common, seven in all
    found = compare(first, [second, first], "seed")
    assert TOP == 5
    assert found.jaccard == pytest.approx((3 / 7 + 1) / 2)
    assert found.same_top == pytest.approx((3 / 5 + 1) / 2)


def test_refits_are_compared_two_by_two() -> None:
    first, second = np.zeros(16), np.zeros(16)
    first[:5], second[2:7] = [5, 4, 3, -2, 1], [-1, 2, 3, 4, 5]  # Jaccard 3 / 7
    found = compare_refits([first, second, first])
    assert found.jaccard == pytest.approx((3 / 7 + 1 + 3 / 7) / 3)
    assert (found.change, found.runs) == ("samples", 3)


def test_fewer_than_five_regions_are_all_shared() -> None:
    assert compare(np.array([1.0, 2, 3]), [np.array([3.0, 2, 1])], "seed").jaccard == 1


@pytest.mark.parametrize("method", ["lime", "rise"])
def test_random_methods_are_repeated_with_other_seeds(method: str) -> None:
    repeated = list(repetitions(subject(seed=5), method))
    assert change_of(method) == "seed"
    assert [repetition.seed for repetition in repeated] == [6, 7, 8] and len(repeated) == RUNS
    assert all(repetition.crop is CROP and repetition.segments is SEGMENTS for repetition in repeated)


def test_seeds_stay_in_range() -> None:
    assert [repetition.seed for repetition in repetitions(subject(seed=2**32 - 2), "lime")] == [2**32 - 1, 0, 1]


@pytest.mark.parametrize("method", ["attention", "gradcam", "integrated_gradients"])
def test_deterministic_methods_are_repeated_on_noisy_photos(method: str) -> None:
    grey = np.full_like(CROP, 128)
    repeated = list(repetitions(subject(crop=grey, hide="black"), method))
    assert change_of(method) == "noise"
    assert len({repetition.crop.tobytes() for repetition in repeated}) == RUNS
    for repetition in repeated:
        assert (repetition.seed, repetition.hide, repetition.target) == (0, "black", "Fake")
        assert repetition.crop.dtype == np.uint8 and repetition.segments is SEGMENTS
        assert (repetition.crop.astype(float) - 128).std() == pytest.approx(NOISE_SIGMA, rel=0.1)


def test_noise_stays_within_the_range_of_pixels() -> None:
    for extreme in (0, 255):
        for repetition in repetitions(subject(crop=np.full_like(CROP, extreme)), "attention"):
            assert np.abs(repetition.crop.astype(int) - extreme).max() < 8 * NOISE_SIGMA


def test_noise_is_the_same_every_time() -> None:
    first, second = (
        [repetition.crop.tobytes() for repetition in repetitions(subject(), "attention")] for _ in range(2)
    )
    assert first == second


def test_data_can_be_written_as_json() -> None:
    data = json.loads(json.dumps(compare(VALUES, [VALUES[::-1]], "seed").to_dict()))
    assert set(data) == {"change", "runs", "same_top", "jaccard", "rank_correlation"}
