"""Tests of LIME on models with a known answer: its samples, its end, and the arguments that it refuses."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from numpy.typing import NDArray

from explain.maps.lime import PATIENCE, LimeExplainer, Predict
from explain.maps.lime_fit import alike, batch_bounds, intervals, paired_masks
from explain.regions.hiding import hidden_crop, perturb
from tests.explain.maps.lime.known_crop import (
    CLASSES,
    CROP,
    SEGMENTS,
    SIDE,
    TRUTH,
    K,
    Recorder,
    brightness_model,
    last_map,
    linear_model,
)


def noise_model() -> Predict:
    """Answers at random, whatever it is shown."""
    answers = np.random.RandomState(0)

    def predict(images: NDArray[np.uint8]) -> np.ndarray:
        fake = answers.uniform(size=len(images))
        return np.stack([fake, 1 - fake], axis=1)

    return predict


def fit_and_intervals(
    samples: int, seed: int, model: Predict = brightness_model
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Weights of a model's superpixels and their intervals, over all the samples."""
    masks, hidden, explainer = paired_masks(samples, K, seed), hidden_crop(CROP, SEGMENTS, "mean"), LimeExplainer()
    batches = (masks[start : start + 500] for start in range(0, samples, 500))
    answers = np.concatenate([model(perturb(CROP, hidden, SEGMENTS, batch)) for batch in batches])
    explanation = explainer.fit(masks, answers, CROP, SEGMENTS, 0)
    weights = np.array([weight for _, weight in sorted(explanation.local_exp[0])])
    kernel = explainer.base.kernel_fn(1 - np.sqrt(masks.mean(axis=1)))
    return weights, intervals(masks, answers[:, 0], kernel, weights, float(explanation.intercept[0]))


def test_recovers_a_linear_model() -> None:
    *_, found = LimeExplainer().explain(CROP, SEGMENTS, linear_model, CLASSES, "Fake", samples=1000)
    assert found.weights is not None
    assert np.corrcoef(found.weights, TRUTH)[0, 1] > 0.99
    assert np.array_equal(np.argsort(found.weights), np.argsort(TRUTH))
    noticeable = np.abs(TRUTH) > 0.005
    assert np.array_equal(np.sign(found.weights[noticeable]), np.sign(TRUTH[noticeable]))
    np.testing.assert_allclose(found.weights, TRUTH, atol=0.005)
    assert float(found.evidence["r2"]) > 0.99
    assert found.evidence["model_prediction"] == pytest.approx(0.3 + TRUTH.sum())
    assert found.evidence["local_prediction"] == pytest.approx(0.3 + TRUTH.sum(), abs=0.01)


def test_same_seed_gives_the_same_map_bit_for_bit() -> None:
    explainer = LimeExplainer(seed=4)
    first = last_map(explainer, samples=150).map.tobytes()
    assert last_map(explainer, samples=150).map.tobytes() == first
    assert last_map(LimeExplainer(seed=4), samples=150).map.tobytes() == first
    assert last_map(LimeExplainer(seed=5), samples=150).map.tobytes() != first


def test_real_is_the_negative_of_fake() -> None:
    fake, real = (last_map(LimeExplainer(), target, samples=300) for target in CLASSES)
    assert fake.weights is not None and np.abs(fake.weights).max() > 0.01
    np.testing.assert_allclose(real.map, -fake.map, atol=1e-5)
    assert (fake.target, real.target) == CLASSES
    assert fake.intervals is not None and real.intervals is not None
    np.testing.assert_allclose(real.intervals, -fake.intervals[:, ::-1], atol=1e-5)
    assert fake.neighbourhood is not None and real.neighbourhood is not None, "trust fits the map again from it"
    np.testing.assert_allclose(real.neighbourhood.answers, 1 - fake.neighbourhood.answers, atol=1e-6)


def test_attribution_describes_itself() -> None:
    found = last_map(LimeExplainer(kernel_width=0.3, seed=2), samples=100, hide="blur")
    assert found.method == "lime"
    assert found.native_shape == (SIDE, SIDE)
    assert found.weights is not None and found.segments is not None
    assert np.array_equal(found.map, found.weights[found.segments])
    evidence = found.evidence
    assert (evidence["samples"], evidence["budget"], evidence["complete"]) == (100, 100, True)
    assert (evidence["seed"], evidence["kernel_width"], evidence["hide"]) == (2, 0.3, "blur")
    assert evidence["model_prediction"] == pytest.approx(brightness_model(CROP[None])[0, 0])
    assert float(evidence["seconds"]) > 0


@pytest.mark.parametrize("samples", [1, 2, 5, 8])
def test_masks_come_in_pairs(samples: int) -> None:
    masks = paired_masks(samples, K, seed=0)
    assert masks.shape == (samples, K)
    assert masks.dtype == np.uint8
    assert masks[0].all()
    pairs = masks[1 : 1 + (samples - 1) // 2 * 2].reshape(-1, 2, K)
    assert (pairs.sum(axis=1) == 1).all()
    assert np.array_equal(masks, paired_masks(100, K, seed=0)[:samples])


@pytest.mark.parametrize(
    ("samples", "batch_size", "ends"),
    [
        (2, 64, [2]),
        (63, 64, [16, 32, 48, 63]),
        (64, 64, [16, 32, 48, 64]),
        (130, 64, [16, 32, 48, 64, 128, 130]),
        (3, 1, [1, 2, 3]),
        (25, 10, [2, 5, 7, 10, 20, 25]),
    ],
)
def test_the_first_batch_is_split_into_quarters(samples: int, batch_size: int, ends: list[int]) -> None:
    assert batch_bounds(samples, batch_size) == list(zip([0, *ends[:-1]], ends, strict=True))


@pytest.mark.parametrize("samples", [2, 63, 64, 65, 129, 500])
def test_predicts_exactly_the_requested_samples_in_uint8_batches(samples: int) -> None:
    recorder = Recorder(noise_model())  # which never converges
    maps = list(LimeExplainer().explain(CROP, SEGMENTS, recorder, CLASSES, "Fake", samples=samples))
    assert sum(map(len, recorder.batches)) == samples
    assert [len(batch) for batch in recorder.batches] == [end - start for start, end in batch_bounds(samples, 64)]
    assert all(batch.shape[1:] == CROP.shape and batch.dtype == np.uint8 for batch in recorder.batches)
    assert np.array_equal(recorder.batches[0][0], CROP)
    assert maps[-1].evidence["samples"] == samples


@pytest.mark.slow
def test_map_grows_until_complete() -> None:
    maps = list(LimeExplainer(batch_size=10).explain(CROP, SEGMENTS, noise_model(), CLASSES, "Fake", samples=1000))
    used = [found.evidence["samples"] for found in maps]
    assert used[0] == 70  # the first full batch past 64 samples
    assert used[1] == 140  # doubled; from here on the step is a tenth of the plan
    assert used[1:] == [*range(140, 1000, 100), 1000]
    assert [found.evidence["complete"] for found in maps] == [False] * (len(maps) - 1) + [True]
    seconds = [found.evidence["seconds"] for found in maps]
    assert seconds == sorted(seconds)


@pytest.mark.parametrize(("each", "first"), [(0.001, 64), (0.01, 64), (0.02, 32), (0.05, 16), (0.5, 16)])
def test_a_slow_network_shows_its_first_map_in_time(monkeypatch: pytest.MonkeyPatch, each: float, first: int) -> None:
    clock = 0.0

    def slow_model(images: NDArray[np.uint8]) -> np.ndarray:
        nonlocal clock
        clock += each * len(images)
        return brightness_model(images)

    monkeypatch.setattr("explain.stopwatch.time", SimpleNamespace(perf_counter=lambda: clock))
    *rough, found = LimeExplainer().explain(CROP, SEGMENTS, slow_model, CLASSES, "Fake", samples=640)
    assert rough[0].evidence["samples"] == first
    assert float(rough[0].evidence["seconds"]) <= max(PATIENCE, 16 * each)
    assert found.map.tobytes() == last_map(LimeExplainer(), samples=640).map.tobytes(), "the clock changes no result"


def test_a_map_of_few_samples_does_not_look_certain() -> None:
    """With 16 samples, and 16 superpixels that do not matter."""
    sure = []
    for seed in range(20):
        _, bounds = fit_and_intervals(16, seed, noise_model())
        sure.append((bounds[:, 0] > 0) | (bounds[:, 1] < 0))
    assert np.mean(sure) < 0.1


def test_stops_early_once_the_map_has_converged() -> None:
    *rough, found = LimeExplainer().explain(CROP, SEGMENTS, linear_model, CLASSES, "Fake", samples=2000)
    assert all(attribution.evidence["converged"] is False for attribution in rough)
    assert (found.evidence["converged"], found.evidence["complete"], found.evidence["budget"]) == (True, True, 2000)
    assert 10 * K <= int(found.evidence["samples"]) < 1000
    assert alike(float(found.evidence["halves_rank_correlation"])) >= 0.9
    assert float(found.evidence["halves_same_top"]) >= 0.8


def test_a_model_that_answers_noise_never_converges() -> None:
    *_, found = LimeExplainer().explain(CROP, SEGMENTS, noise_model(), CLASSES, "Fake", samples=1000)
    assert (found.evidence["converged"], found.evidence["complete"]) == (False, True)
    assert found.evidence["samples"] == 1000
    assert found.intervals is not None
    unclear = (found.intervals[:, 0] <= 0) & (found.intervals[:, 1] >= 0)
    assert unclear.mean() > 0.8, "noise must not look certain"


@pytest.mark.slow
@pytest.mark.parametrize("samples", [401, 1601])
def test_width_of_intervals_matches_the_variation_between_seeds(samples: int) -> None:
    """For a model that is not linear in the superpixels, with paired samples."""
    runs = [fit_and_intervals(samples, seed) for seed in range(30)]
    spread = 1.96 * np.std([weights for weights, _ in runs], axis=0, ddof=1).mean()
    reach = np.mean([np.ptp(bounds, axis=1) / 2 for _, bounds in runs])
    assert reach == pytest.approx(spread, rel=0.15)
    held = [np.abs(bounds.mean(axis=1) - weights).max() for weights, bounds in runs]
    assert max(held) < 1e-6, "each interval lies around its weight"


def test_a_growing_map_equals_the_fit_of_its_samples() -> None:
    rough = next(LimeExplainer().explain(CROP, SEGMENTS, brightness_model, CLASSES, "Fake", samples=640))
    whole = last_map(LimeExplainer(), samples=int(rough.evidence["samples"]))
    assert rough.map.tobytes() == whole.map.tobytes()


def test_cancelling_predicts_no_further_batch() -> None:
    recorder = Recorder()
    stop = False
    seen = []
    maps = LimeExplainer().explain(CROP, SEGMENTS, recorder, CLASSES, "Fake", samples=1000, cancelled=lambda: stop)
    for found in maps:
        seen.append(found)
        stop = True
    assert len(seen) == 1
    assert seen[0].evidence["complete"] is False
    assert sum(map(len, recorder.batches)) == seen[0].evidence["samples"]


def test_cancelling_before_the_start_predicts_nothing() -> None:
    recorder = Recorder()
    assert not list(LimeExplainer().explain(CROP, SEGMENTS, recorder, CLASSES, "Fake", cancelled=lambda: True))
    assert recorder.batches == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"target": "fake"}, "target must be one of Fake, Real, got 'fake'"),
        ({"samples": 1}, "samples must be at least 2, got 1"),
        ({"hide": "noise"}, "hide must be one of mean, blur, black, inpaint or tokens, got 'noise'"),
        ({"crop": CROP / 255}, "crop must be uint8"),
        ({"segments": SEGMENTS + 1}, "every label from 0 to K-1"),
        ({"segments": SEGMENTS[:12]}, "segments must have the crop's shape"),
    ],
)
def test_refuses_wrong_arguments_at_once(change: dict, message: str) -> None:
    recorder = Recorder()
    arguments = {
        "crop": CROP, "segments": SEGMENTS, "predict": recorder, "classes": CLASSES, "target": "Fake"
    }  # fmt: skip
    with pytest.raises(ValueError, match=message):
        LimeExplainer().explain(**arguments | change)
    assert recorder.batches == []


def test_says_when_predict_returns_another_shape() -> None:
    with pytest.raises(ValueError, match=r"\(images, classes\) \(16, 2\), got \(16,\)"):
        next(LimeExplainer().explain(CROP, SEGMENTS, lambda images: np.ones(len(images)), CLASSES, "Fake"))


@pytest.mark.parametrize("options", [{"kernel_width": 0}, {"batch_size": 0}])
def test_refuses_wrong_settings(options: dict) -> None:
    with pytest.raises(ValueError, match="kernel_width must be above 0 and batch_size at least 1"):
        LimeExplainer(**options)
