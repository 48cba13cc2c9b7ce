"""Tests of the detector: it uses the card's preprocessing, temperature and band."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from model.artifact.card import TFLITE, load_artifact, write_card
from model.artifact.preprocessing import to_input
from model.artifact.views import View
from model.detector.detector import VERDICTS, Detector, scale_by_temperature
from model.detector.engine import Engine
from model.errors import ArtifactError
from model.paths import SHIPPED

Pixels = NDArray[np.uint8]
WithCard = Callable[..., Detector]


@pytest.fixture
def with_card(tiny_artifact: Path, tmp_path: Path) -> WithCard:
    """Makes a detector of the tiny network with some changed fields in its card."""

    def make(**fields: Any) -> Detector:
        folder = tmp_path / "net"
        shutil.copytree(tiny_artifact, folder, dirs_exist_ok=True)
        write_card(folder, replace(load_artifact(folder), **fields))
        return Detector(folder)

    return make


@pytest.fixture
def crops(picture: Callable[..., Pixels]) -> Pixels:
    return np.stack([picture(seed, 40) for seed in range(10)])


# Detector


def test_probabilities_are_the_networks_output_on_preprocessed_pictures(
    with_card: WithCard, crops: Pixels, tiny_artifact: Path
) -> None:
    detector = with_card(temperature=None)
    pixels = to_input(crops, detector.card.preprocessing)
    expected = Engine(tiny_artifact / TFLITE)(pixels)["probabilities"]
    probabilities = detector.probabilities(crops)
    np.testing.assert_allclose(probabilities, expected, atol=1e-6)
    assert probabilities.shape == (10, 2) and np.ptp(probabilities[:, 0]) > 0.01


def test_verdict_uses_the_mean_logit_over_the_views_of_the_card(with_card: WithCard, crops: Pixels) -> None:
    shift = View(right=0.1, mirrored=True)
    logits = []
    for view in (View(), shift):
        plain = with_card(temperature=None, views=(view,)).probabilities(crops)
        logits.append(np.log(plain[:, 0] / plain[:, 1]))
    averaged = with_card(temperature=None, views=(View(), shift)).probabilities(crops)
    np.testing.assert_allclose(np.log(averaged[:, 0] / averaged[:, 1]), np.mean(logits, axis=0), atol=1e-5)
    assert np.abs(logits[0] - logits[1]).max() > 0.01, "the views must give different logits, or any average would pass"


def test_in_turn_gives_each_pair_of_crops_one_view(with_card: WithCard, crops: Pixels) -> None:
    views = (View(), View(down=0.1), View(mirrored=True))
    alone = [with_card(views=(view,)).probabilities(crops) for view in views]
    found = with_card(views=views).probabilities(crops, in_turn=True)
    for row in range(len(crops)):
        np.testing.assert_allclose(found[row], alone[row // 2 % 3][row], atol=1e-6)
    chosen = np.arange(len(crops)) + 2
    found = with_card(views=views).probabilities(crops, in_turn=chosen)
    for row in range(len(crops)):
        np.testing.assert_allclose(found[row], alone[chosen[row] % 3][row], atol=1e-6)


def test_mirrored_crop_has_the_same_probabilities_under_a_mirrored_pair_of_views(
    with_card: WithCard, crops: Pixels
) -> None:
    detector = with_card(views=(View(), View(mirrored=True)))
    mirrored = np.ascontiguousarray(crops[:, :, ::-1])
    np.testing.assert_allclose(detector.probabilities(mirrored), detector.probabilities(crops), atol=1e-6)


def test_temperature_of_the_card_divides_the_logits(with_card: WithCard, crops: Pixels) -> None:
    raw = with_card(temperature=None).probabilities(crops)
    scaled = with_card(temperature=2.5).probabilities(crops)
    logits = np.log(raw[:, 0] / raw[:, 1])
    np.testing.assert_allclose(scaled[:, 0], 1 / (1 + np.exp(-logits / 2.5)), atol=1e-6)


@pytest.mark.parametrize("labels", [("Fake", "Real"), ("Real", "Fake")])
def test_bias_of_the_card_is_added_to_the_logit_of_fake(
    with_card: WithCard, crops: Pixels, labels: tuple[str, str]
) -> None:
    plain = with_card(labels=labels, temperature=2.0, fake_bias=0.0).predict(crops[0]).probabilities
    biased = with_card(labels=labels, temperature=2.0, fake_bias=0.75).predict(crops[0]).probabilities
    odds = [p["Fake"] / p["Real"] for p in (plain, biased)]
    assert odds[1] / odds[0] == pytest.approx(np.exp(0.75))


def test_preprocessing_of_the_card_is_used(with_card: WithCard, crops: Pixels) -> None:
    detector = with_card()
    swapped = with_card(preprocessing=replace(detector.card.preprocessing, color_order="BGR"))
    np.testing.assert_allclose(swapped.probabilities(crops[..., ::-1]), detector.probabilities(crops), atol=1e-6)
    assert np.abs(swapped.probabilities(crops) - detector.probabilities(crops)).max() > 1e-3


@pytest.mark.parametrize("temperature", [None, 0.5, 3.0])
def test_probabilities_sum_to_one(with_card: WithCard, crops: Pixels, temperature: float | None) -> None:
    detector = with_card(temperature=temperature)
    probabilities = detector.probabilities(crops)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-12)
    assert (probabilities > 0).all()
    assert sum(detector.predict(crops[0]).probabilities.values()) == pytest.approx(1, abs=1e-12)


def test_predict_agrees_with_probabilities_of_a_batch(with_card: WithCard, crops: Pixels) -> None:
    detector = with_card()
    together = detector.probabilities(crops)
    for crop, row in zip(crops, together, strict=True):
        prediction = detector.predict(crop)
        assert prediction.probabilities == pytest.approx({"Fake": row[0], "Real": row[1]}, abs=1e-6)
        assert prediction.verdict == detector.verdict(prediction.probabilities["Fake"])


def test_labels_of_the_card_name_the_columns(with_card: WithCard, crops: Pixels) -> None:
    given_order = with_card().predict(crops[0]).probabilities
    reversed_order = with_card(labels=("Real", "Fake")).predict(crops[0]).probabilities
    assert reversed_order["Fake"] == given_order["Real"] != given_order["Fake"]


def test_attention_is_the_mask_of_the_same_pass(with_card: WithCard, crops: Pixels, tiny_artifact: Path) -> None:
    detector = with_card()
    mask = detector.predict(crops[3]).attention
    expected = Engine(tiny_artifact / TFLITE)(to_input(crops[3:4], detector.card.preprocessing))["attention"]
    assert mask is not None and mask.shape == (8, 8) and mask.dtype == np.float32
    np.testing.assert_allclose(mask, expected[0, ..., 0], atol=1e-6)
    assert 0 <= mask.min() <= mask.max() <= 1


def test_attention_is_the_mean_of_the_masks_of_all_views_mapped_back_to_the_crop(
    with_card: WithCard, crops: Pixels
) -> None:
    shift = View(right=0.25, down=-0.125, mirrored=True)  # shifts by two cells and by one cell of the mask's eight
    plain, shifted = (with_card(views=(view,)).predict(crops[3]).attention for view in (View(), shift))
    raw = with_card().predict(shift.shown(crops[3:4])[0]).attention
    assert plain is not None and shifted is not None and raw is not None
    np.testing.assert_allclose(shifted[1:, :6], raw[:-1, ::-1][:, 2:], atol=1e-5)
    both = with_card(views=(View(), shift)).predict(crops[3]).attention
    np.testing.assert_allclose(both, (plain + shifted) / 2, atol=1e-6)


def test_network_without_a_mask_has_no_attention(
    with_card: WithCard, crops: Pixels, monkeypatch: pytest.MonkeyPatch
) -> None:
    detector = with_card()
    monkeypatch.setattr(detector, "_engine", lambda pixels: {"probabilities": np.full((len(pixels), 2), 0.5)})
    assert detector.predict(crops[0]).attention is None


@pytest.mark.parametrize(("temperature", "calibrated"), [(None, False), (1.0, True), (1.7, True)])
def test_only_a_temperature_makes_a_prediction_calibrated(
    with_card: WithCard, crops: Pixels, temperature: float | None, calibrated: bool
) -> None:
    assert with_card(temperature=temperature).predict(crops[0]).calibrated is calibrated


@pytest.mark.parametrize(
    ("band", "p_fake", "verdict"),
    [
        ((0.4, 0.7), 0.0, "Real"),
        ((0.4, 0.7), 0.4, "Real"),
        ((0.4, 0.7), 0.4 + 1e-9, "Inconclusive"),
        ((0.4, 0.7), 0.5, "Inconclusive"),
        ((0.4, 0.7), 0.7 - 1e-9, "Inconclusive"),
        ((0.4, 0.7), 0.7, "Fake"),
        ((0.4, 0.7), 1.0, "Fake"),
        ((0.5, 0.5), 0.5, "Fake"),
        ((0.5, 0.5), 0.5 - 1e-9, "Real"),
        ((0.0, 1.0), 0.999, "Inconclusive"),
        ((0.0, 1.0), 1.0, "Fake"),
        ((0.0, 1.0), 0.0, "Real"),
    ],
)
def test_band_of_the_card_decides_the_verdict(
    with_card: WithCard, band: tuple[float, float], p_fake: float, verdict: str
) -> None:
    assert with_card(inconclusive_band=band).verdict(p_fake) == verdict
    assert verdict in VERDICTS


def test_batch_of_crops_gets_the_same_predictions_as_single_crops(with_card: WithCard, crops: Pixels) -> None:
    detector = with_card()
    for together, crop in zip(detector.predict_all(crops), crops, strict=True):
        alone = detector.predict(crop)
        assert together.probabilities == pytest.approx(alone.probabilities, abs=1e-6)
        assert (together.verdict, together.calibrated) == (alone.verdict, alone.calibrated)
        np.testing.assert_allclose(together.attention, alone.attention, atol=1e-6)


def test_threads_share_a_detector(with_card: WithCard, crops: Pixels) -> None:
    detector = with_card()
    alone = [detector.predict(crop) for crop in crops]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(detector.predict, np.concatenate([crops] * 5)))
    for number, prediction in enumerate(together):
        expected = alone[number % len(crops)]
        assert prediction.probabilities == expected.probabilities
        np.testing.assert_array_equal(prediction.attention, expected.attention)


def test_detector_is_named_after_its_folder(tiny_artifact: Path) -> None:
    assert Detector(tiny_artifact).name == "tiny"
    assert Detector().name == SHIPPED.name


def test_folder_that_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError):
        Detector(tmp_path)


# scale_by_temperature


@pytest.mark.parametrize(
    ("p", "temperature", "expected"),
    [
        (0.8, 1, 0.8),
        (0.8, 2, 2 / 3),  # odds of 4 become 2
        (0.8, 0.5, 16 / 17),  # odds of 4 become 16
        (0.1, 2, 0.25),  # odds of 1/9 become 1/3
        (0.5, 7, 0.5),
    ],
)
def test_temperature_takes_a_root_of_the_odds(p: float, temperature: float, expected: float) -> None:
    scaled = scale_by_temperature(np.array([[p, 1 - p]]), temperature)
    np.testing.assert_allclose(scaled, [[expected, 1 - expected]], atol=1e-12)


def test_probabilities_of_0_and_1_stay_finite_and_almost_the_same() -> None:
    scaled = scale_by_temperature(np.array([[1.0, 0.0], [0.0, 1.0]], np.float32), 3.0)
    assert np.isfinite(scaled).all()
    np.testing.assert_allclose(scaled, [[1, 0], [0, 1]], atol=1e-6)


@pytest.mark.parametrize("temperature", [0.2, 1, 5])
def test_temperature_keeps_the_order_and_the_predicted_classes(temperature: float) -> None:
    p_fake = np.random.default_rng(0).uniform(0.01, 0.99, 200)
    scaled = scale_by_temperature(np.stack([p_fake, 1 - p_fake], axis=1), temperature)
    np.testing.assert_array_equal(np.argsort(scaled[:, 0]), np.argsort(p_fake))
    np.testing.assert_array_equal(scaled[:, 0] > 0.5, p_fake > 0.5)
    np.testing.assert_allclose(scaled.sum(axis=1), 1)


@pytest.mark.parametrize(
    ("p", "temperature", "bias", "expected"),
    [
        (0.5, 1, (np.log(3), 0), 0.75),
        (0.5, 1, (0, np.log(3)), 0.25),
        (0.8, 2, (np.log(2), 0), 0.8),  # odds of 4 become 2 by the temperature, then 4 again
        (0.3, 1, (5, 5), 0.3),
    ],
)
def test_bias_multiplies_the_odds_after_the_temperature(
    p: float, temperature: float, bias: tuple[float, float], expected: float
) -> None:
    scaled = scale_by_temperature(np.array([[p, 1 - p]]), temperature, bias)
    np.testing.assert_allclose(scaled, [[expected, 1 - expected]], atol=1e-12)


def test_bias_keeps_the_order() -> None:
    p_fake = np.random.default_rng(0).uniform(0.01, 0.99, 200)
    scaled = scale_by_temperature(np.stack([p_fake, 1 - p_fake], axis=1), 1.3, (0.7, 0))
    np.testing.assert_array_equal(np.argsort(scaled[:, 0]), np.argsort(p_fake))
