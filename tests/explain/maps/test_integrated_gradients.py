"""Tests of integrated gradients against calculated integrals, and of their sum on the shipped model."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray

from explain.maps.integrated_gradients import (
    BATCH,
    FIRST_STEPS,
    LARGEST_GAP,
    MOST_STEPS,
    average_gradient,
    integrated_gradients,
    spread,
)
from explain.maps.subject import Subject
from explain.regions.superpixels import segment
from model.artifact.card import Card
from model.artifact.preprocessing import LABELS, Preprocessing
from model.artifact.views import PLAIN
from model.detector.detector import Detector
from model.photos.faces import find_faces

if TYPE_CHECKING:
    import keras

SIDE = 8
CROP = np.random.default_rng(4).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
SEGMENTS = (np.arange(SIDE)[:, None] // 4 * 2 + np.arange(SIDE) // 4).astype(np.int32)  # four squares
WEIGHTS = np.random.default_rng(5).normal(0, 0.01, (SIDE, SIDE, 3))
UNIT = 1 / 255


def linear_network() -> keras.Model:
    """P(Fake) is 0.5 and the pixels' weighted sum."""
    import keras
    from keras import layers

    inputs = keras.Input((SIDE, SIDE, 3))
    dense = layers.Dense(2, name="probabilities")
    network = keras.Model(inputs, {"probabilities": dense(layers.Flatten()(inputs))})
    dense.set_weights([np.stack([WEIGHTS.ravel(), -WEIGHTS.ravel()], axis=1), np.full(2, 0.5)])
    return network


def steep_network(steepness: float) -> keras.Model:
    """A logistic step of the mean brightness, half-way between that of ``CROP`` and black."""
    import keras
    from keras import layers

    inputs = keras.Input((SIDE, SIDE, 3))
    dense = layers.Dense(2, "softmax")
    network = keras.Model(inputs, {"probabilities": dense(layers.Flatten()(inputs))})
    slope = np.full(CROP.size, steepness / CROP.size)
    middle = steepness * CROP.mean() * UNIT * 0.5003  # between two steps, so that no step meets it by chance
    dense.set_weights([np.stack([slope, np.zeros(CROP.size)], axis=1), np.array([-middle, 0.0])])
    return network


def subject_of(network: keras.Model, target: str = "Fake", hide: str = "mean", times: int = 1) -> Subject:
    card = Card("tiny", Preprocessing(SIDE, value_scale=UNIT), LABELS)
    detector: Any = SimpleNamespace(network=network, card=card)
    crop, segments = (np.repeat(np.repeat(array, times, axis=0), times, axis=1) for array in (CROP, SEGMENTS))
    return Subject(crop, segments, target, detector, hide)


@pytest.fixture(scope="module")
def linear() -> keras.Model:
    return linear_network()


@pytest.mark.parametrize(("target", "sign"), [("Fake", 1), ("Real", -1)])
@pytest.mark.parametrize("hide", ["mean", "black"])
def test_in_a_linear_model_each_pixel_adds_its_weight_times_its_change(
    linear: keras.Model, target: str, sign: int, hide: str
) -> None:
    subject = subject_of(linear, target, hide)
    (found,) = integrated_gradients(subject)
    change = (subject.crop.astype(float) - subject.hidden) * UNIT
    expected = sign * (WEIGHTS * change).sum(axis=-1)
    np.testing.assert_allclose(found.map, expected, atol=1e-6)
    assert found.evidence["change"] == pytest.approx(expected.sum(), abs=1e-6)
    assert found.evidence["completeness_gap"] == pytest.approx(0, abs=1e-6)
    assert (found.evidence["steps"], found.evidence["baseline"]) == (FIRST_STEPS, hide)
    assert found.evidence["complete"] is True and found.evidence["converged"] is True
    assert (found.method, found.target, found.native_shape) == ("integrated_gradients", target, (SIDE, SIDE))


@pytest.mark.parametrize("times", [2, 3])
def test_on_a_larger_crop_each_pixel_is_spread_and_the_sum_stays(linear: keras.Model, times: int) -> None:
    (small,), (large,) = (list(integrated_gradients(subject_of(linear, times=n))) for n in (1, times))
    assert large.map.shape == (times * SIDE, times * SIDE) and large.native_shape == (SIDE, SIDE)
    np.testing.assert_allclose(large.map[::times, ::times], small.map / times**2, atol=1e-6)
    assert large.map.sum() == pytest.approx(float(large.evidence["sum"]), abs=1e-6)


def test_steep_model_gets_more_steps_until_the_sum_is_right() -> None:
    maps = list(integrated_gradients(subject_of(steep_network(400), hide="black")))
    assert [found.evidence["steps"] for found in maps] == [FIRST_STEPS * 2**n for n in range(len(maps))]
    assert len(maps) > 1 and abs(float(maps[0].evidence["completeness_gap"])) > LARGEST_GAP
    assert [found.evidence["complete"] for found in maps] == [False] * (len(maps) - 1) + [True]
    last = maps[-1].evidence
    assert last["converged"] is True and abs(float(last["completeness_gap"])) <= LARGEST_GAP
    assert float(last["change"]) == pytest.approx(1, abs=1e-6), "the step lies on the path"
    assert maps[-1].map.sum() == pytest.approx(float(last["change"]), abs=LARGEST_GAP + 1e-5)
    assert last["samples"] == sum(int(found.evidence["steps"]) for found in maps)


def test_map_of_a_model_that_is_too_steep_is_marked_as_not_converged() -> None:
    *_, last = integrated_gradients(subject_of(steep_network(50_000), hide="black"))
    assert last.evidence["steps"] == MOST_STEPS and last.evidence["samples"] == last.evidence["budget"]
    assert last.evidence["complete"] is True and last.evidence["converged"] is False
    assert abs(float(last.evidence["completeness_gap"])) > LARGEST_GAP
    explained_change = float(last.evidence["sum"]) - float(last.evidence["change"])
    assert last.evidence["completeness_gap"] == pytest.approx(explained_change)


def test_midpoints_integrate_a_quadratic_to_their_known_error() -> None:
    """3x² is 4 on average between 0 and 2; with steps of length h the result is smaller by h²/4."""
    shown, hidden = np.full((1, 1, 3), 2, np.float32), np.zeros((1, 1, 3), np.float32)
    for steps in (1, 4, 20):
        found = average_gradient(lambda x: 3 * x**2, shown, hidden, steps)
        assert found is not None
        np.testing.assert_allclose(found, 4 - (2 / steps) ** 2 / 4, rtol=1e-5)


def test_gradients_are_computed_in_batches_along_the_path() -> None:
    batches: list[NDArray[np.float32]] = []

    def gradient(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        batches.append(pixels[:, 0, 0, 0])
        return np.zeros_like(pixels)

    steps = 2 * BATCH + 1
    average_gradient(gradient, np.full((2, 2, 3), steps, np.float32), np.zeros((2, 2, 3), np.float32), steps)
    assert [len(batch) for batch in batches] == [BATCH, BATCH, 1]
    np.testing.assert_allclose(np.concatenate(batches), np.arange(steps) + 0.5, rtol=1e-5)


@pytest.mark.parametrize("allowed", [0, 1, 2])
def test_cancelling_between_batches_gives_no_map(linear: keras.Model, allowed: int) -> None:
    calls = []

    def cancelled() -> bool:
        calls.append(None)
        return len(calls) > allowed

    assert list(integrated_gradients(subject_of(linear), cancelled)) == []
    assert len(calls) == allowed + 1


@pytest.mark.parametrize(("side", "target"), [(3, 7), (8, 5), (192, 256), (4, 4)])
def test_spreading_keeps_sum_and_place(side: int, target: int) -> None:
    pixels = np.random.default_rng(1).normal(0, 1, (side, side))
    found = spread(pixels, target)
    assert found.shape == (target, target)
    assert found.sum() == pytest.approx(pixels.sum())
    half = np.zeros((side, side))
    half[: side // 2] = 1
    centre = (spread(half, target).sum(axis=1) @ (np.arange(target) + 0.5)) / half.sum() / target
    assert centre == pytest.approx(side // 2 / 2 / side, abs=0.03)
    np.testing.assert_allclose(spread(np.ones((side, side)), target), (side / target) ** 2)


@pytest.mark.slow
def test_on_the_shipped_model_the_sum_equals_the_change_of_the_probability(
    detector: Detector, astronaut: NDArray[np.uint8]
) -> None:
    crop = find_faces(astronaut, detector.card.preprocessing.crop_margin)[0].crop
    subject = Subject(crop, segment(crop), "Fake", detector)
    *_, found = integrated_gradients(subject)
    plain = copy(detector)
    plain.card = replace(detector.card, views=PLAIN)  # gradients are of the crop as it is
    fake = detector.card.labels.index("Fake")
    shown, hidden = plain.probabilities(np.stack([crop, subject.hidden]))[:, fake]
    assert found.evidence["change"] == pytest.approx(shown - hidden, abs=1e-3), "LiteRT and TensorFlow must agree"
    assert abs(shown - hidden) > 0.1, "otherwise an empty map would do"
    assert found.evidence["converged"] is True
    assert float(found.map.sum(dtype=np.float64)) == pytest.approx(shown - hidden, abs=LARGEST_GAP + 1e-3)
    assert found.native_shape == (detector.card.preprocessing.input_size,) * 2
    assert (found.map > 0).any() and (found.map < 0).any()
