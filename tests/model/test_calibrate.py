"""Tests of calibration: a known temperature is found again, and the band is as narrow as it may be."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from model import calibrate as module
from model.artifact import load_artifact, write_card
from model.calibrate import DECIDED_ACCURACY, WIDEST_BAND, calibrate, fit_band, fit_scaling
from model.dataset import DatasetError, gather
from model.detector import Detector, scale_by_temperature
from model.metrics import auc, expected_calibration_error
from model.split import write_split

Floats = NDArray[np.float64]
WIDEST, NARROWEST = (0.5 - WIDEST_BAND, 0.5 + WIDEST_BAND), (0.45, 0.55)


def sample(
    temperature: float, bias: float = 0.0, count: int = 20_000, seed: int = 0
) -> tuple[Floats, NDArray[np.int_]]:
    """Softmax outputs ``(N, 2)`` and true columns ``(N,)`` of a model that is right after that scaling."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (count, 2))
    softmax = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    odds = np.exp((logits[:, 0] - logits[:, 1]) / temperature + bias)
    return softmax, (rng.random(count) > odds / (1 + odds)).astype(int)


def log_loss(probabilities: Floats, truth: NDArray[np.int_], weights: Floats) -> float:
    return float(-np.average(np.log(probabilities[np.arange(len(truth)), truth]), weights=weights))


def scaled_by_fit(softmax: Floats, truth: NDArray[np.int_], weights: Floats) -> Floats:
    temperature, bias = fit_scaling(softmax, truth, weights)
    return scale_by_temperature(softmax, temperature, (bias, 0.0))


# fit_scaling


@pytest.mark.parametrize("temperature", [0.5, 1.0, 1.7, 4.0])
@pytest.mark.parametrize("bias", [-0.8, 0.0, 1.2])
def test_temperature_and_bias_of_the_world_are_recovered(temperature: float, bias: float) -> None:
    softmax, truth = sample(temperature, bias)
    fitted = fit_scaling(softmax, truth, np.ones(len(truth)))
    assert fitted[0] == pytest.approx(temperature, rel=0.07)
    assert fitted[1] == pytest.approx(bias, abs=0.07)


def test_weights_say_whose_temperature_counts() -> None:
    (one, truth_one), (other, truth_other) = sample(0.6), sample(3.0, seed=1)
    softmax, truth = np.concatenate([one, other]), np.concatenate([truth_one, truth_other])
    ones, zeros = np.ones(len(truth_one)), np.zeros(len(truth_one))
    first, second, both = (
        fit_scaling(softmax, truth, np.concatenate(weights))[0]
        for weights in ((ones, zeros), (zeros, ones), (ones, ones))
    )
    assert first == pytest.approx(0.6, rel=0.07) and second == pytest.approx(3, rel=0.07)
    assert first < both < second


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("temperature", [0.4, 2.5])
def test_fit_lowers_the_log_loss_and_cannot_move_the_auc(seed: int, temperature: float) -> None:
    softmax, truth = sample(temperature, 0.5, count=300, seed=seed)
    weights = np.random.default_rng(seed).uniform(0.5, 2, len(truth))
    scaled = scaled_by_fit(softmax, truth, weights)
    assert log_loss(scaled, truth, weights) < log_loss(softmax, truth, weights)
    for other in ((0.9, 0.0), (1.1, 0.0), (1.0, 0.1), (1.0, -0.1)):
        worse = scale_by_temperature(scaled, other[0], (other[1], 0.0))
        assert log_loss(worse, truth, weights) > log_loss(scaled, truth, weights)
    assert auc(scaled[:, 1], truth == 1) == pytest.approx(auc(softmax[:, 1], truth == 1), abs=1e-12)


def test_fit_lowers_the_calibration_error_of_an_overconfident_model() -> None:
    softmax, truth = sample(3.0, -0.6)
    scaled = scaled_by_fit(softmax, truth, np.ones(len(truth)))
    before, after = (expected_calibration_error(p[:, 1], truth == 1) for p in (softmax, scaled))
    assert after < 0.02 < before


def test_certain_mistakes_keep_the_fit_finite() -> None:
    softmax = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]], np.float32)
    temperature, bias = fit_scaling(softmax, np.array([1, 1, 1]), np.ones(3))
    assert 0 < temperature < np.inf and np.isfinite(bias)


# fit_band


def test_perfect_model_gets_the_narrowest_band() -> None:
    p_fake = np.array([0.05, 0.2, 0.8, 0.95])
    assert fit_band(p_fake, p_fake > 0.5, np.ones(4)) == NARROWEST


def test_guessing_model_gets_the_widest_band() -> None:
    rng = np.random.default_rng(0)
    assert fit_band(rng.random(500), rng.random(500) < 0.5, np.ones(500)) == pytest.approx(WIDEST)


def test_model_that_never_decides_gets_the_widest_band() -> None:
    assert fit_band(np.full(10, 0.5), np.ones(10, bool), np.ones(10)) == pytest.approx(WIDEST)


@pytest.mark.parametrize("seed", range(8))
def test_band_is_the_narrowest_that_decides_well_enough(seed: int) -> None:
    """An honest model: one said to be fake with .7 is, seven times in ten."""
    rng = np.random.default_rng(seed)
    p_fake = rng.random(400)
    is_fake, weights = rng.random(400) < p_fake, rng.uniform(0.5, 2, 400)
    low, high = fit_band(p_fake, is_fake, weights)
    assert low + high == pytest.approx(1) and WIDEST[0] - 1e-9 <= low <= 0.45

    def decided_accuracy(half_width: float) -> float:
        decided = np.abs(p_fake - 0.5) >= half_width
        right = (p_fake > 0.5) == is_fake
        return float(np.average(right[decided], weights=weights[decided]))

    half_width = (high - low) / 2
    if half_width < WIDEST_BAND - 1e-9:
        assert decided_accuracy(half_width) >= DECIDED_ACCURACY
    for narrower in np.arange(0.05, half_width - 0.005, 0.01):
        assert decided_accuracy(narrower) < DECIDED_ACCURACY


def test_weights_count_in_the_band() -> None:
    """Half of the pictures near .5 are wrong: they widen the band beyond themselves, unless they weigh nothing."""
    p_fake = np.array([0.585, 0.585, 0.9, 0.9] * 10)
    is_fake = np.array([True, False, True, True] * 10)
    wrong_ones = ~is_fake
    assert fit_band(p_fake, is_fake, np.where(wrong_ones, 1e-6, 1.0)) == NARROWEST
    low, high = fit_band(p_fake, is_fake, np.where(wrong_ones, 10.0, 1.0))
    assert high == pytest.approx(0.59) and low == pytest.approx(1 - high)


# the command


@pytest.fixture
def folder(tiny_artifact: Path, tmp_path: Path) -> Path:
    return shutil.copytree(tiny_artifact, tmp_path / "net")


@pytest.mark.parametrize("labels", [("Fake", "Real"), ("Real", "Fake")])
def test_command_writes_what_the_functions_find(
    folder: Path,
    make_data: Callable[..., tuple[Path, Path]],
    picture: Callable[..., NDArray[np.uint8]],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    labels: tuple[str, str],
) -> None:
    """Labels follow the model's own raw verdicts but for one picture in four, so that there is something to fit."""
    uncalibrated = {"temperature": None, "fake_bias": 0.0, "metrics": {}}
    write_card(folder, replace(load_artifact(folder), labels=labels, **uncalibrated))
    raw = Detector(folder)
    names = {}
    for seed in range(12):
        split = "test" if seed > 9 else "val"
        dataset = "large" if seed > 2 else "small"
        fake = (raw.predict(picture(seed)).probabilities["Fake"] > 0.5) != (seed % 4 == 1)
        names[f"{dataset}/{split}/{'fake' if fake else 'real'}/{seed}.png"] = picture(seed)
    root, cache = make_data(names)
    calibrate(folder, root, tmp_path / "out", faces=cache)

    card, before = load_artifact(folder), raw.card
    fitted = {"temperature": None, "fake_bias": 0.0, "inconclusive_band": before.inconclusive_band}
    assert replace(card, **fitted) == before, "nothing else may change"
    crops, is_fake, weights = crops_of(root, cache)
    p_raw = raw.probabilities(crops)[:, labels.index("Fake")]
    temperature, bias = fit_scaling(np.stack([p_raw, 1 - p_raw], axis=1), np.where(is_fake, 0, 1), weights)
    assert card.temperature == pytest.approx(temperature, rel=1e-3)
    assert card.fake_bias == pytest.approx(bias, abs=1e-3) and bias != 0
    # The product must come to the same probabilities as the fit did.
    p_fake = 1 / (1 + np.exp(-(np.log(p_raw / (1 - p_raw)) / temperature + bias)))
    product = [Detector(folder).predict(crop).probabilities["Fake"] for crop in crops]
    np.testing.assert_allclose(product, p_fake, atol=1e-3)
    assert card.inconclusive_band == fit_band(p_fake, is_fake, weights)
    assert f"temperature {card.temperature:.3f}" in capsys.readouterr().out
    fitted = json.loads((tmp_path / "out" / "calibration.json").read_text())
    assert fitted["temperature"] == card.temperature
    large = is_fake[weights < weights.max()], p_raw[weights < weights.max()], p_fake[weights < weights.max()]
    for when, scores in (("before", large[1]), ("after", large[2])):
        expected = expected_calibration_error(scores, large[0])
        assert fitted["calibration_error"]["large"][when] == pytest.approx(expected, abs=1e-3)
        assert (tmp_path / "out" / f"large_{when}.png").stat().st_size > 1000
    assert json.loads((tmp_path / "out" / "arguments.json").read_text())["seed"] == 0


@pytest.fixture
def small_data(make_data: Callable[..., tuple[Path, Path]], picture: Callable[..., NDArray[np.uint8]]) -> tuple:
    """Twelve pictures of each class without splits."""
    names = [f"{label}/{number}.png" for label in ("real", "fake") for number in range(12)]
    return make_data({name: picture(seed) for seed, name in enumerate(names)})


def test_figures_of_the_old_calibration_leave_the_card(
    folder: Path, small_data: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, cache = small_data
    calibrate(folder, root, tmp_path / "out", faces=cache)
    assert "left the card" not in capsys.readouterr().out, "there were none"
    metrics = {"test": {"one": {"miss_rate": 0.1}}, "transfer": {"net": {}}}
    write_card(folder, replace(load_artifact(folder), metrics=metrics))
    calibrate(folder, root, tmp_path / "out", faces=cache)
    assert load_artifact(folder).metrics == {"transfer": {"net": {}}}
    assert "left the card: measure again" in capsys.readouterr().out


def test_pictures_are_those_that_the_run_validated_on(
    folder: Path, small_data: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, cache = small_data
    run = gather(root, cache, 3)
    write_split(folder, run)
    seen: list[str] = []
    raw_p_fake = module.raw_p_fake

    def watch(detector: Detector, data: Path, members: dict) -> dict:
        seen.extend(example.path for examples in members.values() for example in examples)
        return raw_p_fake(detector, data, members)

    monkeypatch.setattr(module, "raw_p_fake", watch)
    calibrate(folder, root, tmp_path / "out", faces=cache, seed=0)
    expected = sorted(example.path for example in run if example.split == "val")
    assert sorted(seen) == expected != sorted(e.path for e in gather(root, cache, 0) if e.split == "val")


@pytest.mark.parametrize(("learnt", "warned"), [("whole pictures", True), ("face crops", False)])
def test_pictures_unlike_those_learnt_are_warned_of(
    folder: Path,
    small_data: tuple[Path, Path],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    learnt: str,
    warned: bool,
) -> None:
    write_card(folder, replace(load_artifact(folder), training={"pictures": learnt}))
    with caplog.at_level(logging.WARNING):
        calibrate(folder, small_data[0], tmp_path / "out", faces=small_data[1])
    words = "net learnt from whole pictures and is shown face crops; with --whole-pictures it sees what it learnt."
    assert (words in caplog.messages) is warned


def crops_of(root: Path, cache: Path) -> tuple[NDArray[np.uint8], NDArray[np.bool_], Floats]:
    """Validation crops, truth and weights such that each of the two sets weighs the same."""
    from model.dataset import face_crop, index

    examples = [example for example in index(root, cache) if example.split == "val"]
    examples.sort(key=lambda example: example.dataset)
    sizes = {name: sum(e.dataset == name for e in examples) for name in ("small", "large")}
    assert sizes == {"small": 3, "large": 7}
    weights = np.array([1 / sizes[example.dataset] for example in examples])
    truth = np.array([example.label == "Fake" for example in examples])
    return np.stack([face_crop(root, example) for example in examples]), truth, weights


@pytest.mark.parametrize(
    ("split", "words"), [("test", "no val pictures with a face"), ("val", "no val pictures of both classes")]
)
def test_folder_without_validation_pictures_is_refused(
    tiny_artifact: Path, make_data: Callable[..., tuple], split: str, words: str
) -> None:
    root, cache = make_data({f"one/{split}/real/a.png": np.full((64, 64, 3), 127, np.uint8)})
    with pytest.raises(DatasetError, match=words):
        calibrate(tiny_artifact, root, root.parent / "out", faces=cache)
