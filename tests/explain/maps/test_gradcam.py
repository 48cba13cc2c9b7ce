"""Tests of Grad-CAM against calculated class activation maps, and on the shipped model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray

from explain.maps.attribution import Attribution, ExplanationError
from explain.maps.gradcam import class_activation, gradcam, gradcam_attention, hirescam, place_activation
from explain.maps.subject import Subject
from model.artifact.card import Card
from model.artifact.preprocessing import LABELS, Preprocessing
from model.detector.detector import Detector
from model.photos.faces import find_faces
from tests.explain.maps.small_network import attention_network

if TYPE_CHECKING:
    import keras

SIDE = 8
CROP = np.random.default_rng(3).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
TEMPERATURE = 1.5
# Weight for Fake minus weight for Real of each of four features; their maps have both signs.
DIFFERENCES = np.array([1.0, -0.8, 0.6, -0.3])
UNIT = 1 / 255


def pooled_network() -> keras.Model:
    """A convolution, the mean of each feature and a softmax: the network that class activation maps were made for."""
    import keras
    from keras import layers

    inputs = keras.Input((SIDE, SIDE, 3))
    start = keras.initializers.RandomNormal(stddev=1, seed=5)
    features = layers.Conv2D(4, 3, padding="same", activation="relu", kernel_initializer=start, name="features")(inputs)
    dense = layers.Dense(2, "softmax", name="dense")
    network = keras.Model(inputs, {"probabilities": dense(layers.GlobalAveragePooling2D()(features))})
    dense.set_weights([np.stack([DIFFERENCES + 0.2, np.full(4, 0.2)], axis=1), np.array([0.1, -0.1])])
    return network


@pytest.fixture(scope="module")
def network() -> keras.Model:
    return pooled_network()


def subject_of(network: keras.Model, target: str = "Fake", crop: NDArray[np.uint8] = CROP) -> Subject:
    card = Card("tiny", Preprocessing(SIDE, value_scale=UNIT), LABELS, temperature=TEMPERATURE, fake_bias=0.7)
    detector: Any = SimpleNamespace(network=network, card=card)
    return Subject(crop, np.zeros(crop.shape[:2], np.int32), target, detector)


def only_map(maps: Iterator[Attribution]) -> Attribution:
    (found,) = maps
    return found


def class_activation_map(network: keras.Model) -> NDArray[np.float64]:
    """Contribution of each place to the log-odds of Fake, ``(SIDE, SIDE)``: Zhou et al., arXiv 1512.04150."""
    features = np.asarray(network.get_layer("features")(CROP[None].astype(np.float32) * np.float32(UNIT)))[0]
    return features @ DIFFERENCES / TEMPERATURE / SIDE**2


@pytest.mark.parametrize(("target", "sign"), [("Fake", 1), ("Real", -1)])
def test_pooled_network_gets_its_class_activation_map(network: keras.Model, target: str, sign: int) -> None:
    expected = np.maximum(sign * class_activation_map(network), 0)
    assert 0.1 < (expected > 0).mean() < 0.9, "both classes must have places that speak for them"
    found = only_map(gradcam(subject_of(network, target)))
    assert found.evidence["scale"] == pytest.approx(expected.max(), rel=1e-5)
    np.testing.assert_allclose(found.map, expected / expected.max(), atol=1e-5)
    assert (found.method, found.target, found.native_shape) == ("gradcam", target, (SIDE, SIDE))
    assert found.evidence["complete"] is True and found.evidence["empty"] is False


def test_map_is_enlarged_without_new_detail(network: keras.Model) -> None:
    """The middle of each cell has the cell's own value; values between two middles are interpolated."""
    small = only_map(gradcam(subject_of(network)))
    large = only_map(gradcam(subject_of(network, crop=np.repeat(np.repeat(CROP, 3, axis=0), 3, axis=1))))
    assert large.map.shape == (3 * SIDE, 3 * SIDE) and large.native_shape == (SIDE, SIDE)
    np.testing.assert_allclose(large.map[1::3, 1::3], small.map, atol=1e-5)
    np.testing.assert_allclose(large.map[1, 2], (2 * small.map[0, 0] + small.map[0, 1]) / 3, atol=1e-5)


def test_map_is_empty_if_no_place_speaks_for_the_class() -> None:
    network = pooled_network()
    network.get_layer("dense").set_weights([np.stack([np.full(4, -0.5), np.full(4, 0.5)], axis=1), np.zeros(2)])
    found = only_map(gradcam(subject_of(network)))
    assert found.evidence["empty"] is True and found.evidence["scale"] == 0
    assert not found.map.any()
    assert only_map(gradcam(subject_of(network, "Real"))).map.max() == pytest.approx(1)


def test_saturated_verdict_changes_only_the_scale(network: keras.Model) -> None:
    sure = pooled_network()
    kernel, bias = sure.get_layer("dense").get_weights()
    sure.get_layer("dense").set_weights([kernel * 1000, bias])
    assert np.asarray(sure(CROP[None] * np.float32(UNIT))["probabilities"]).max() == 1
    usual, found = only_map(gradcam(subject_of(network))), only_map(gradcam(subject_of(sure)))
    np.testing.assert_allclose(found.map, usual.map, atol=1e-4)
    assert found.evidence["scale"] == pytest.approx(1000 * float(usual.evidence["scale"]), rel=1e-4)


def test_smallest_value_is_not_stretched_to_zero() -> None:
    """If every place speaks for the class about equally, the map is high everywhere."""
    network = pooled_network()
    kernel, _ = network.get_layer("features").get_weights()
    network.get_layer("features").set_weights([kernel, np.full(4, 20.0)])
    network.get_layer("dense").set_weights([np.stack([np.full(4, 0.5), np.full(4, -0.5)], axis=1), np.zeros(2)])
    found = only_map(gradcam(subject_of(network)))
    features = np.asarray(network.get_layer("features")(CROP[None].astype(np.float32) * np.float32(UNIT)))[0].sum(-1)
    np.testing.assert_allclose(found.map, features / features.max(), rtol=1e-4)
    assert 0.3 < found.map.min() < 0.99


def test_channels_are_weighted_by_their_mean_gradient() -> None:
    features = np.arange(8, dtype=np.float32).reshape(2, 2, 2)
    gradients = np.array([[[4, 0], [0, 0]], [[0, -2], [0, -2]]], np.float32)  # means 1 and -1
    assert not class_activation(features, gradients).any(), "at each place the feature against the class is larger by 1"
    np.testing.assert_allclose(class_activation(features, -gradients), np.ones((2, 2)))


def test_gradcam_and_hirescam_agree_on_a_pooled_network(network: keras.Model) -> None:
    """All places count the same, so that each gradient equals the mean one."""
    by_gradcam, by_hirescam = only_map(gradcam(subject_of(network))), only_map(hirescam(subject_of(network)))
    np.testing.assert_allclose(by_hirescam.map, by_gradcam.map, atol=1e-5)
    assert (by_hirescam.method, by_hirescam.native_shape) == ("hirescam", (SIDE, SIDE))


def test_hirescam_leaves_out_a_place_that_is_masked_out() -> None:
    """Two places have equal features and the pool uses only one: Grad-CAM shows both."""
    features = np.ones((1, 2, 3), np.float32)
    gradients = np.array([[[0.4, 0.3, -0.1], [0, 0, 0]]], np.float32)
    np.testing.assert_allclose(place_activation(features, gradients), [[0.6, 0]], atol=1e-6)
    np.testing.assert_allclose(class_activation(features, gradients), [[0.3, 0.3]], atol=1e-6)
    assert not place_activation(features, -gradients).any(), "places against the class are not shown"


def test_hirescam_shows_each_places_share_in_a_masked_pool() -> None:
    """With a mask that is always flat, each place's share of the log-odds is known from the weights."""
    import keras

    network = attention_network(SIDE)
    for name in ("attention_conv1", "attention_mask"):
        layer = network.get_layer(name)
        layer.set_weights([np.zeros_like(weights) for weights in layer.get_weights()])
    found = only_map(hirescam(subject_of(network)))
    norm = network.get_layer("attention_bn")
    seen = np.asarray(keras.Model(network.input, norm.input)(CROP[None].astype(np.float32) * np.float32(UNIT)))[0]
    gamma, _, _, variance = norm.get_weights()
    (kernel,) = (weights for weights in network.get_weights() if weights.shape == (6, 2))
    per_feature = (kernel[:, 0] - kernel[:, 1]) * gamma / np.sqrt(variance + norm.epsilon)
    expected = np.maximum(seen @ per_feature, 0) / (seen.shape[0] * seen.shape[1]) / TEMPERATURE
    assert expected.max() > 0
    assert found.evidence["scale"] == pytest.approx(expected.max(), rel=1e-4)


def test_gradcam_before_attention_has_the_grid_of_the_mask() -> None:
    network = attention_network(SIDE)
    found = only_map(gradcam_attention(subject_of(network)))
    assert (found.method, found.native_shape) == ("gradcam_attention", network.output["attention"].shape[1:3])
    assert found.map.shape == (SIDE, SIDE)


def test_gradcam_before_attention_without_such_a_block_names_an_alternative(network: keras.Model) -> None:
    with pytest.raises(ExplanationError, match=r"no attention block; choose gradcam\.$"):
        next(gradcam_attention(subject_of(network)))


@pytest.mark.parametrize("method", [gradcam, gradcam_attention, hirescam])
def test_cancelling_before_the_gradient_loads_nothing(
    method: Callable[[Subject, Callable[[], bool]], Iterator[Attribution]],
) -> None:
    nothing: Any = SimpleNamespace()  # any access to its network or card would fail
    subject = Subject(CROP, np.zeros((SIDE, SIDE), np.int32), "Fake", nothing)
    assert list(method(subject, lambda: True)) == []


@pytest.mark.slow
def test_shipped_model_is_explained_on_both_its_grids(detector: Detector, astronaut: NDArray[np.uint8]) -> None:
    crop = find_faces(astronaut, detector.card.preprocessing.crop_margin)[0].crop
    subject = Subject(crop, np.zeros(crop.shape[:2], np.int32), "Real", detector)
    convolution, features, places = (only_map(method(subject)) for method in (gradcam, gradcam_attention, hirescam))
    assert [found.native_shape for found in (convolution, features, places)] == [(6, 6), (12, 12), (12, 12)]
    for found in (convolution, features, places):
        assert found.map.shape == crop.shape[:2]
        assert found.map.min() >= 0 and 0.5 < found.map.max() <= 1
    np.testing.assert_array_equal(only_map(gradcam(subject)).map, convolution.map)
