"""Tests of the shipped model: its files agree, its card is complete, and its AUC is at least the stated one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from model.artifact.card import CARD, TFLITE, load_artifact
from model.artifact.preprocessing import to_input
from model.detector.detector import Detector, Prediction
from model.detector.engine import Engine
from model.evaluation.metrics import MEASURES
from model.networks.export import load_keras
from model.paths import SHIPPED
from model.photos.faces import find_faces

ROOT = Path(__file__).parents[2]
MAX_FOLDER_BYTES = 10_000_000
LEAST_AUC = {"dfdc": 0.80, "ffhq_stylegan": 0.80, "ciplab": 0.60}
TEST_SETS = (*LEAST_AUC, "utkface")
WITH_FACE = [path for path in sorted((ROOT / "examples").glob("*.jpg")) if path.stem != "cat"]


@pytest.fixture(scope="module")
def card() -> dict[str, Any]:
    return json.loads((SHIPPED / CARD).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def network() -> keras.Model:
    return load_keras(SHIPPED)


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(SHIPPED / TFLITE)


@pytest.fixture(scope="module")
def face_crops() -> NDArray[np.uint8]:
    """The face of every example that shows one."""
    crops = []
    for path in WITH_FACE:
        photo = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
        crops.append(find_faces(photo, load_artifact(SHIPPED).preprocessing.crop_margin)[0].crop)
    assert len(crops) >= 2
    return np.stack(crops)


# The network


def assert_both_agree(network: keras.Model, engine: Engine, crops: NDArray[np.uint8]) -> None:
    pixels = to_input(crops, load_artifact(SHIPPED).preprocessing)
    lite, full = engine(pixels), network(pixels)
    assert set(lite) == set(full) == {"probabilities", "attention"}
    for name, values in full.items():
        np.testing.assert_allclose(lite[name], np.asarray(values), atol=1e-4)
        assert np.ptp(lite[name]) > 1e-3, "constant outputs would agree too"


@pytest.mark.slow
def test_litert_and_keras_agree_on_noise(network: keras.Model, engine: Engine) -> None:
    crops = np.random.default_rng(0).integers(0, 256, (8, 128, 128, 3), np.uint8)
    coarse = np.repeat(np.repeat(crops[:, ::16, ::16], 16, axis=1), 16, axis=2)
    assert_both_agree(network, engine, np.concatenate([crops, coarse]))


@pytest.mark.slow
def test_litert_and_keras_agree_on_faces(network: keras.Model, engine: Engine, face_crops: NDArray[np.uint8]) -> None:
    assert_both_agree(network, engine, face_crops)


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 9, 65])
def test_batches_give_the_same_probabilities_as_single_crops(face_crops: NDArray[np.uint8], count: int) -> None:
    detector = Detector()
    crops = np.concatenate([face_crops] * (count // len(face_crops) + 1))[:count]
    singles = [detector.predict(crop).probabilities["Fake"] for crop in face_crops]
    expected = (singles * count)[:count]
    column = detector.card.labels.index("Fake")
    np.testing.assert_allclose(detector.probabilities(crops)[:, column], expected, atol=1e-4)


@pytest.mark.slow
def test_every_example_face_gets_a_verdict_and_a_fine_mask(face_crops: NDArray[np.uint8]) -> None:
    detector = Detector()
    predictions: list[Prediction] = [detector.predict(crop) for crop in face_crops]
    for prediction in predictions:
        assert sum(prediction.probabilities.values()) == pytest.approx(1)
        assert prediction.calibrated
        assert prediction.attention is not None and min(prediction.attention.shape) >= 8
        assert 0 <= prediction.attention.min() <= prediction.attention.max() <= 1
    assert len({round(p.probabilities["Fake"], 4) for p in predictions}) == len(predictions)


# The folder and its card


def test_folder_is_complete_and_small() -> None:
    load_artifact(SHIPPED)
    assert sum(path.stat().st_size for path in SHIPPED.rglob("*") if path.is_file()) <= MAX_FOLDER_BYTES


def test_card_has_a_calibration_and_a_licence(card: dict[str, Any]) -> None:
    assert card["architecture"] == SHIPPED.name
    assert card["temperature"] is not None and card["temperature"] > 0
    low, high = card["inconclusive_band"]
    assert low < 0.5 < high
    assert "non-commercial" in card["licence"].lower()
    assert card["training"]["data"] and all(card["training"]["data"].values()), "each data set with its licence"
    assert {"keras", "tensorflow", "numpy"} <= set(card["versions"])


@pytest.mark.parametrize("name", TEST_SETS)
def test_card_reports_every_test_set_with_intervals(card: dict[str, Any], name: str) -> None:
    figures = card["metrics"]["test"][name]
    assert figures["real"] + figures["fake"] > 100
    both = figures["real"] and figures["fake"]
    expected = set(MEASURES) if both else {"accuracy", "false_accusation_rate"}
    assert expected <= set(figures)
    for measure in expected:
        estimate = figures[measure]
        assert 0 <= estimate["low"] < estimate["high"] <= 1 and 0 <= estimate["value"] <= 1
    assert 0 <= figures["inconclusive_share"] <= 1


@pytest.mark.parametrize("name", LEAST_AUC)
def test_bins_of_the_card_give_its_calibration_error(card: dict[str, Any], name: str) -> None:
    figures = card["metrics"]["test"][name]
    bins, pictures = figures["reliability"], figures["real"] + figures["fake"]
    assert sum(part["count"] for part in bins) == pictures
    error = sum(part["count"] * abs(part["stated"] - part["observed"]) for part in bins) / pictures
    assert error == pytest.approx(figures["expected_calibration_error"]["value"], abs=2e-4)


@pytest.mark.parametrize(("name", "least"), LEAST_AUC.items())
def test_auc_is_at_least_the_stated_one(card: dict[str, Any], name: str, least: float) -> None:
    assert card["metrics"]["test"][name]["auc"]["value"] >= least


def texts(value: Any) -> Iterator[str]:
    """Every string of a JSON value, keys too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)


def test_card_names_no_path_of_the_training_machine(card: dict[str, Any]) -> None:
    found = list(texts(card))
    assert len(found) > 50
    assert [text for text in found if text.startswith(("/", "~", "\\")) or "/work" in text or ":\\" in text] == []
