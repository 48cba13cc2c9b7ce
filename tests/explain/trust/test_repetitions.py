"""Tests of the stability of maps: of repeatable, random and fitted ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from explain.maps.attribution import Attribution
from explain.maps.lime_fit import Neighbourhood, paired_masks
from explain.maps.subject import Subject
from explain.trust.measure import TrustProgress, measure
from explain.trust.stability import REFITS, RUNS
from explain.wording.trust import trust_sentence
from tests.explain.trust.known_regions import (
    PREDICTIONS,
    WEIGHTS,
    K,
    always,
    last_progress,
    map_of,
    subject,
    summing,
    world_of,
)


def test_progress_of_a_repetition_counts_the_samples_of_the_map() -> None:
    def lime(subject: Subject, cancelled: Callable[[], bool]) -> Iterator[Attribution]:
        yield map_of(WEIGHTS, samples=64)
        yield map_of(WEIGHTS, samples=900)  # more than the first time

    seen = list(measure(subject(), {"lime": map_of(WEIGHTS, samples=500)}, {"lime": lime}))
    repeating = [progress.done - PREDICTIONS for progress in seen if progress.done > PREDICTIONS]
    assert repeating == [64, 500, 564, 1000, 1064, 1500, 1500, 1500]
    assert seen[-1].planned == PREDICTIONS + RUNS * 500


def test_a_map_that_repeats_itself_is_stable() -> None:
    maps = {"lime": map_of(WEIGHTS), "attention": map_of(WEIGHTS, "attention", "either class")}
    progress = last_progress(subject(), maps, {name: always(found) for name, found in maps.items()})
    for name, change in (("lime", "seed"), ("attention", "noise")):
        stability = progress.trusts[name].stability
        assert stability is not None
        assert (stability.jaccard, stability.rank_correlation, stability.change) == (1, 1, change)
        assert "every time" in trust_sentence(progress.trusts[name])


def test_a_random_map_is_not_stable() -> None:
    def random_map(subject: Subject, cancelled: Callable[[], bool]) -> Iterator[Attribution]:
        yield map_of(np.random.RandomState(subject.seed).permutation(WEIGHTS))

    progress = last_progress(subject(), {"lime": map_of(WEIGHTS)}, {"lime": random_map})
    stability = progress.trusts["lime"].stability
    assert stability is not None and stability.rank_correlation < 0.9 and stability.jaccard < 0.9


def fitted_to(answers: NDArray[np.float64], masks: NDArray[np.uint8]) -> Attribution:
    return replace(map_of(WEIGHTS), neighbourhood=Neighbourhood(masks, answers, np.ones(len(masks))))


@pytest.mark.slow
def test_a_fitted_map_is_fitted_again_without_new_predictions() -> None:
    def never(subject: Subject, cancelled: Callable[[], bool]) -> Iterator[Attribution]:
        raise AssertionError("the samples exist already")

    masks, world = paired_masks(2001, K, seed=0), world_of(summing)
    maps = {"lime": fitted_to(masks @ WEIGHTS, masks)}
    *_, progress = seen = list(measure(subject(world), maps, {"lime": never}))
    assert sum(world.sizes) == progress.done == progress.planned == PREDICTIONS
    stability = progress.trusts["lime"].stability
    assert stability is not None and (stability.change, stability.runs) == ("samples", REFITS)
    assert stability.same_top == 1 and stability.rank_correlation > 0.98
    assert seen[-2].trusts["lime"].stability == stability
    assert last_progress(subject(), maps).trusts["lime"].stability == stability, "it needs no function"


def test_a_map_fitted_to_noise_is_not_stable() -> None:
    masks = paired_masks(401, K, seed=0)
    noisy = fitted_to(np.random.default_rng(0).uniform(size=len(masks)), masks)
    stability = last_progress(subject(), {"lime": noisy}).trusts["lime"].stability
    assert stability is not None and stability.rank_correlation < 0.8 and stability.jaccard < 0.8


def test_cancelling_stops_between_two_fits() -> None:
    masks, seen = paired_masks(401, K, seed=0), list[TrustProgress]()
    maps = {"lime": fitted_to(masks @ WEIGHTS, masks)}
    for progress in measure(subject(), maps, {}, lambda: bool(seen) and seen[-1].done == PREDICTIONS):
        seen.append(progress)
    assert seen[-1].trusts["lime"].stability is None and not seen[-1].complete


def test_a_map_without_its_method_is_not_repeated() -> None:
    progress = last_progress(subject(), {"lime": map_of(WEIGHTS)}, {"rise": always(map_of(WEIGHTS))})
    assert progress.trusts["lime"].stability is None
    assert (progress.done, progress.planned, progress.complete) == (PREDICTIONS, PREDICTIONS, True)


def test_cancelling_during_a_repetition_discards_it() -> None:
    seeds, stop = [], []

    def slow(subject: Subject, cancelled: Callable[[], bool]) -> Iterator[Attribution]:
        seeds.append(subject.seed)
        yield map_of(WEIGHTS)
        stop.append(True)
        assert cancelled()

    seen = list(measure(subject(), {"lime": map_of(WEIGHTS)}, {"lime": slow}, lambda: bool(stop)))
    assert seeds == [1]
    assert not seen[-1].complete and seen[-1].trusts["lime"].stability is None
