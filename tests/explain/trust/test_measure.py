"""Tests of trust on models with known reasons."""

from __future__ import annotations

import itertools
import json
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from explain.maps.attention import attention_map
from explain.maps.attribution import Attribution
from explain.maps.lime import lime
from explain.maps.subject import BATCH, Subject
from explain.trust.curves import STEPS, order_of
from explain.trust.measure import Trust, TrustProgress, measure
from explain.wording.trust import trust_sentence
from model.detector.detector import Detector
from model.photos.faces import find_faces
from tests.explain.trust.known_regions import (
    CROP,
    PREDICTIONS,
    SEGMENTS,
    SIDE,
    WEIGHTS,
    K,
    always,
    curve_predictions,
    last_progress,
    map_of,
    subject,
    summing,
    world_of,
)
from tests.support.worlds import World, of_kept_regions, squares


def constant(visible: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.full(len(visible), 0.9)


def trust_in(world: World, values: NDArray[np.floating], **changes: Any) -> Trust:
    return last_progress(subject(world, **changes), {"lime": map_of(values)}).trusts["lime"]


@pytest.mark.parametrize(("sign", "words"), [(1, "more than all of 50 random orders"), (-1, "worse than chance")])
def test_true_weights_are_best_and_their_negative_is_worst_in_every_measure(sign: int, words: str) -> None:
    trust, place = trust_in(world_of(summing), sign * WEIGHTS), (sign + 1) / 2
    assert (trust.percentile, trust.insertion_percentile, trust.fidelity) == (place, place, sign)
    assert (trust.better_than_chance, trust.worse_than_chance) == (sign == 1, sign == -1)
    assert words in trust_sentence(trust)


def test_the_best_map_of_the_other_class_is_the_negative() -> None:
    assert trust_in(world_of(summing), -WEIGHTS, target="Real").percentile == 1


def test_a_constant_model_leaves_every_map_at_chance() -> None:
    trust = trust_in(world_of(constant), WEIGHTS)
    assert (trust.percentile, trust.insertion_percentile, trust.fidelity) == (0.5, 0.5, 0)
    assert not trust.better_than_chance and not trust.worse_than_chance
    assert "hardly changes this model's answer" in trust_sentence(trust)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_flat_map_is_at_chance_whatever_its_random_order(sign: int) -> None:
    flat = np.full(K, 0.1)
    weights = np.empty(K)
    weights[order_of(flat, seed=0)] = sign * np.linspace(0.04, -0.02, K)
    trust = trust_in(world_of(lambda visible: 0.4 + visible @ weights), flat)
    assert trust.percentile == pytest.approx((sign + 1) / 2, abs=0.02)
    assert trust.flat and trust.fidelity == 0
    assert not trust.better_than_chance and not trust.worse_than_chance
    assert "no better than chance" in trust_sentence(trust)


@pytest.mark.parametrize(("hide", "second"), [("mean", "blur"), ("black", "blur"), ("blur", "mean")])
def test_two_hide_values_are_measured(hide: str, second: str) -> None:
    trust = trust_in(world_of(summing), WEIGHTS, hide=hide)
    assert [curves.hide for curves in trust.curves] == [hide, second]


def test_the_headline_is_the_mean_over_both_hide_values() -> None:
    summed = of_kept_regions(summing, CROP, SEGMENTS)

    def fooled(crops: NDArray[np.uint8]) -> NDArray[np.float64]:
        """The opposite of the sum if a hidden region is black."""
        black = (crops == 0).all(axis=-1).any(axis=(1, 2))
        return np.where(black, 1 - summed(crops), summed(crops))

    assert (CROP != 0).any(axis=-1).all()
    trust = trust_in(World(fooled), WEIGHTS, hide="black")
    black, blur = trust.curves
    assert (black.deletion_percentile, blur.deletion_percentile) == (0, 1)
    assert trust.percentile == 0.5
    assert not trust.better_than_chance


def test_maps_share_all_predictions_except_those_of_their_own_curves() -> None:
    world = world_of(summing)
    progress = last_progress(subject(world), {"lime": map_of(WEIGHTS)})
    assert sum(world.sizes) == progress.done == progress.planned == PREDICTIONS
    both, reverse = world_of(summing), WEIGHTS[::-1]
    last_progress(subject(both), {"lime": map_of(WEIGHTS), "rise": map_of(reverse), "gradcam": map_of(reverse)})
    further = curve_predictions(WEIGHTS, reverse) - curve_predictions(WEIGHTS)
    assert 0 < further <= 2 * STEPS
    assert sum(both.sizes) == PREDICTIONS + 2 * further
    assert max(both.sizes) <= BATCH


def test_two_maps_of_25_regions_need_about_a_thousand_pictures() -> None:
    segments = squares(SIDE, 5)
    rng = np.random.default_rng(0)
    maps = {
        name: Attribution(name, "Fake", rng.normal(size=25).astype(np.float32)[segments], (SIDE, SIDE), None, None, {})
        for name in ("lime", "attention")
    }
    assert next(measure(subject(segments=segments), maps, {})).planned <= 1100


def test_few_regions_need_few_pictures() -> None:
    segments, weights = squares(SIDE, 2), WEIGHTS[:4]
    world = World(of_kept_regions(lambda visible: 0.4 + visible @ weights, CROP, segments))
    found = Attribution("lime", "Fake", weights.astype(np.float32)[segments], (SIDE, SIDE), None, None, {})
    trust = last_progress(subject(world, segments=segments), {"lime": found}).trusts["lime"]
    assert (trust.percentile, trust.fidelity) == (pytest.approx(1, abs=0.1), 1), "one order in 24 is the best one"
    assert sum(world.sizes) <= 2 * 2**4 + 5, "all sixteen with each hide value, then one region hidden or none"


def test_a_map_gets_the_same_trust_alone_and_with_other_maps() -> None:
    alone = trust_in(world_of(summing), WEIGHTS)
    maps = {"rise": map_of(-WEIGHTS, "rise"), "lime": map_of(WEIGHTS)}
    assert last_progress(subject(), maps).trusts["lime"].to_dict() == alone.to_dict()


def test_every_yield_holds_at_least_as_many_measures() -> None:
    maps = {"lime": map_of(WEIGHTS), "attention": map_of(np.abs(WEIGHTS), "attention", "either class")}
    seen = list(measure(subject(), maps, {name: always(found) for name, found in maps.items()}))
    assert seen[0].done == 0 and seen[0].trusts == {}
    assert seen[0].agreement.names == ("lime", "attention") and seen[0].agreement.matrix[0, 1] == 1
    assert [progress.complete for progress in seen] == [False] * (len(seen) - 1) + [True]
    assert {progress.planned for progress in seen} == {seen[-1].done}
    found_so_far = [
        sum(len(t.curves) + (t.fidelity is not None) + (t.stability is not None) for t in progress.trusts.values())
        for progress in seen
    ]
    assert found_so_far == sorted(found_so_far)
    # Of two maps: first curves, second curves, fidelity, then the stability of each.
    assert sorted(set(found_so_far)) == [0, 2, 4, 6, 7, 8]
    counts = [(progress.done, progress.seconds) for progress in seen]
    assert counts == sorted(counts)


def test_first_trust_comes_with_the_first_hide_value() -> None:
    first = next(progress for progress in measure(subject(), {"lime": map_of(WEIGHTS)}, {}) if progress.trusts)
    assert first.done < first.planned / 2
    assert "random orders" in trust_sentence(first.trusts["lime"])


def test_same_subject_gives_the_same_numbers() -> None:
    rough = WEIGHTS + np.random.RandomState(0).normal(0, 0.05, K)
    first, second = (trust_in(world_of(summing), rough).to_dict() for _ in range(2))
    assert first == second
    another = trust_in(world_of(summing), rough, seed=1).to_dict()
    assert another["curves"][0]["random"] != first["curves"][0]["random"]
    assert another["curves"][0]["deletion"] == first["curves"][0]["deletion"]


@pytest.mark.parametrize("after", [0, 1, 5])
def test_cancelling_predicts_no_further_batch(after: int) -> None:
    world, seen = world_of(summing), list[TrustProgress]()
    for progress in measure(subject(world), {"lime": map_of(WEIGHTS)}, {}, lambda: len(seen) >= after):
        seen.append(progress)
    assert len(seen) == after
    assert len(world.batches) == max(after - 1, 0)  # the first yield needs none
    assert not any(progress.complete for progress in seen)


def test_cancelling_during_a_batch_yields_nothing_more() -> None:
    world = world_of(summing)
    seen = list(measure(subject(world), {"lime": map_of(WEIGHTS)}, {}, lambda: len(world.batches) >= 3))
    assert len(world.batches) == 3
    assert [progress.done for progress in seen] == [0, BATCH, 2 * BATCH]


def test_seconds_exclude_the_time_of_the_caller() -> None:
    clock = itertools.count()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("explain.stopwatch.time.perf_counter", lambda: float(next(clock)))
        for count, progress in enumerate(measure(subject(), {"lime": map_of(WEIGHTS)}, {}), start=1):
            next(clock)  # the caller is busy
            assert progress.seconds == count


def test_refuses_maps_that_cannot_be_judged() -> None:
    with pytest.raises(ValueError, match="at least one map"):
        measure(subject(), {}, {})
    small = Attribution("lime", "Fake", np.zeros((8, 8), np.float32), (8, 8), None, None, {})
    with pytest.raises(ValueError, match=r"'lime' must have the shape .* \(24, 24\), got \(8, 8\)"):
        measure(subject(), {"lime": small}, {})
    with pytest.raises(ValueError, match=r"explain\['lime'\] must yield a map"):
        last_progress(subject(), {"lime": map_of(WEIGHTS)}, {"lime": lambda subject, cancelled: iter(())})


def test_data_can_be_written_as_json() -> None:
    found = map_of(WEIGHTS)
    trust = last_progress(subject(), {"lime": found}, {"lime": always(found)}).trusts["lime"]
    data = json.loads(json.dumps(trust.to_dict(), allow_nan=False))
    assert (data["method"], data["target"], data["percentile"], data["better_than_chance"]) == ("lime", "Fake", 1, True)
    assert len(data["curves"]) == 2 and data["stability"]["jaccard"] == 1 and data["fidelity"] == 1
    unfinished = next(progress for progress in measure(subject(), {"lime": found}, {}) if progress.trusts)
    data = unfinished.trusts["lime"].to_dict()
    assert len(data["curves"]) == 1 and data["stability"] is None and data["fidelity"] is None


@pytest.mark.slow
def test_lime_beats_chance_on_the_shipped_model(detector: Detector, astronaut: NDArray[np.uint8]) -> None:
    face = find_faces(astronaut)[0]
    face_subject = Subject(face.crop, squares(len(face.crop), 5), "Real", detector)
    mask = detector.predict(face.crop).attention
    assert mask is not None
    maps = {"lime": list(lime(face_subject, samples=100))[-1], "attention": attention_map(mask, len(face.crop))}
    progress = last_progress(face_subject, maps)
    trust = progress.trusts["lime"]
    assert trust.better_than_chance and trust.fidelity is not None and trust.fidelity > 0.5
    assert progress.trusts["attention"].percentile < trust.percentile
