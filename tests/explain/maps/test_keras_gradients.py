"""Tests of the features found in every kind of network, and of log-odds and their gradients."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray

from explain.maps.attribution import ExplanationError
from explain.maps.keras_gradients import LogOdds, before_attention, last_convolution
from model.artifact.card import Card
from model.artifact.preprocessing import Preprocessing, to_input
from model.artifact.views import PLAIN
from model.detector.detector import Detector
from model.photos.faces import find_faces

if TYPE_CHECKING:
    import keras

LEGACY = Path(__file__).parents[2] / "data" / "legacy"
SIDE = 4
PIXELS = np.random.default_rng(0).uniform(0, 1, (3, SIDE, SIDE, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def face(astronaut: NDArray[np.uint8], detector: Detector) -> NDArray[np.uint8]:
    return find_faces(astronaut, detector.card.preprocessing.crop_margin)[0].crop


def made_by(tensor: Any) -> str:
    return tensor._keras_history.operation.name


def detector_of(
    network: keras.Model, temperature: float | None = None, fake_bias: float = 0.0, first: str = "Fake"
) -> Any:
    """A detector with that network only."""
    labels = (first, "Real" if first == "Fake" else "Fake")
    card = Card("tiny", Preprocessing(SIDE), labels, temperature=temperature, fake_bias=fake_bias)
    return SimpleNamespace(network=network, card=card)


def tiny(end: str = "softmax", scale: float = 1.0) -> keras.Model:
    """A 1x1 convolution to two channels, their means, and the given kind of output."""
    import keras
    from keras import layers

    inputs = keras.Input((SIDE, SIDE, 3))
    features = layers.Conv2D(2, 1, name="features", kernel_initializer=keras.initializers.RandomNormal(seed=1))(inputs)
    pooled = layers.GlobalAveragePooling2D()(features)
    is_sigmoid = end == "sigmoid"
    dense = layers.Dense(
        1 if is_sigmoid else 2, "sigmoid" if is_sigmoid else "linear" if end == "layer" else "softmax", name="dense"
    )
    x = dense(pooled)
    dense.set_weights(
        [np.array([[1.0], [-2.0]] if is_sigmoid else [[1.5, -1], [0.5, 2]]) * scale, np.arange(x.shape[-1]) / 4]
    )
    if end == "layer":
        x = layers.Softmax()(x)
    if is_sigmoid:
        x = layers.Concatenate()([layers.Rescaling(-1.0, 1.0)(x), x])
    return keras.Model(inputs, {"probabilities": x})


# Features


@pytest.mark.slow
def test_shipped_network_joins_three_scales_before_its_attention_block(detector: Detector) -> None:
    found = before_attention(detector.network)
    assert made_by(found) == "scales"
    assert found.shape == (None, 12, 12, 344)


@pytest.mark.slow
def test_last_convolution_of_the_shipped_network_is_before_the_upsampling(detector: Detector) -> None:
    """After its shortcut, on its own grid; it is no convolution of the attention block."""
    found = last_convolution(detector.network)
    assert made_by(found) == "stage6_block4_add"
    assert found.shape == (None, 6, 6, 192)


LAST = {
    "cnn": (None, 16, 16, 128),
    "vgg16": (None, 8, 8, 512),
    "mobilenetv2": (None, 4, 4, 1280),
    "xception": (None, 4, 4, 2048),
    "efficientnetb7": (None, 4, 4, 320),
}
NAMES = {
    "vgg16": "block5_conv3",
    "mobilenetv2": "out_relu",
    "xception": "block14_sepconv2_act",
    "efficientnetb7": "top_activation",
}


@pytest.mark.slow
def test_features_of_a_transformer_are_its_last_tokens_on_their_grid() -> None:
    from model.networks.clip_attention import clip_attention
    from model.networks.clip_tower import Tower

    network = clip_attention(tower=Tower(input_size=16, patch=4, width=32, heads=2, blocks=2))
    found = last_convolution(network)
    assert (made_by(found), found.shape) == ("features", (None, 4, 4, 32))
    assert found is before_attention(network)


@pytest.fixture
def shallow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer and narrower blocks of EfficientNet-B7's kind: building all 813 layers takes seconds."""
    from keras import applications

    from tests.model.networks.shallow import shallow_b7

    monkeypatch.setattr(applications, "EfficientNetB7", shallow_b7)


@pytest.mark.slow
@pytest.mark.usefixtures("shallow")
@pytest.mark.parametrize("name", LAST)
def test_a_network_without_attention_has_only_its_last_convolution(name: str) -> None:
    from model.networks.registry import build

    network = build(name)
    found = last_convolution(network)
    assert found.shape == LAST[name]
    assert name not in NAMES or made_by(found) == NAMES[name], "the convolution includes its activation"
    with pytest.raises(ExplanationError, match=r"^This model has no attention block; choose gradcam\.$"):
        before_attention(network)


@pytest.mark.slow
@pytest.mark.usefixtures("shallow")
def test_in_the_network_of_the_thesis_both_are_the_features_of_the_backbone() -> None:
    from model.networks.registry import build

    network = build("efficientnetb7_attention")
    assert made_by(before_attention(network)) == made_by(last_convolution(network)) == "top_activation"


@pytest.mark.slow
@pytest.mark.parametrize("folder", ["keras2_softmax", "keras2_sigmoid", "keras3_softmax"])
def test_imported_networks_need_no_layer_names_of_ours(folder: str) -> None:
    from model.legacy.convert import import_network

    network = import_network(LEGACY / folder / "best_model_effatt.h5").network
    with np.load(LEGACY / folder / "expected.npz") as stored:
        pixels = stored["pixels"].astype(np.float32)
    probabilities, _ = LogOdds(detector_of(network), "Real").probability_by_pixels(pixels)
    np.testing.assert_allclose(probabilities, np.asarray(network(pixels)["probabilities"])[:, 1], atol=1e-5)
    assert not [layer.name for layer in network.layers if layer.name.startswith("attention_")]
    found = before_attention(network)
    assert made_by(found) == made_by(last_convolution(network)) == "top_conv", (
        "neither the squeezed 1x1 features nor the mask's"
    )
    assert found.shape == (None, 8, 8, 12)


def test_a_mask_that_multiplies_no_features_is_no_attention_block() -> None:
    import keras
    from keras import layers

    inputs = keras.Input((SIDE, SIDE, 3))
    mask = layers.Conv2D(1, 1, activation="sigmoid")(inputs)
    probabilities = layers.Dense(2, "softmax")(layers.Flatten()(inputs))
    network = keras.Model(inputs, {"probabilities": probabilities, "attention": mask})
    with pytest.raises(ExplanationError, match="does not multiply any features"):
        before_attention(network)


def test_a_network_without_a_feature_grid_is_refused() -> None:
    import keras
    from keras import layers

    inputs = keras.Input((SIDE, SIDE, 3))
    single = layers.Flatten()(layers.Conv2D(3, SIDE)(inputs))  # a convolution, but down to one cell
    network = keras.Model(inputs, {"probabilities": layers.Dense(2, "softmax")(single)})
    with pytest.raises(ExplanationError, match="no convolution whose features still form a grid; choose lime"):
        last_convolution(network)


# Log-odds


@pytest.mark.slow
@pytest.mark.parametrize("target", ["Fake", "Real"])
def test_probability_equals_that_of_the_detector(detector: Detector, face: NDArray[np.uint8], target: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, face.shape, np.uint8)
    crops = np.stack([face, face[::-1], noise, np.full_like(face, 90)])
    found, _ = LogOdds(detector, target).probability_by_pixels(to_input(crops, detector.card.preprocessing))
    plain = copy(detector)
    plain.card = replace(detector.card, views=PLAIN)  # gradients are of the crop as it is
    expected = plain.probabilities(crops)[:, detector.card.labels.index(target)]
    np.testing.assert_allclose(found, expected, atol=1e-3)
    assert np.ptp(expected) > 0.1, "a constant would prove nothing"


@pytest.mark.parametrize("first", ["Fake", "Real"])
@pytest.mark.parametrize("end", ["softmax", "sigmoid", "layer"])
@pytest.mark.parametrize("target", ["Fake", "Real"])
def test_every_kind_of_output_is_scaled_like_in_the_detector(end: str, target: str, first: str) -> None:
    from model.detector.detector import scale_by_temperature

    detector = detector_of(tiny(end), temperature=1.7, fake_bias=-0.4, first=first)
    raw = np.asarray(detector.network(PIXELS)["probabilities"])
    bias = [-0.4 if label == "Fake" else 0.0 for label in detector.card.labels]
    expected = scale_by_temperature(raw, 1.7, bias)[:, detector.card.labels.index(target)]
    np.testing.assert_allclose(LogOdds(detector, target).probability_by_pixels(PIXELS)[0], expected, atol=1e-6)


@pytest.mark.parametrize("end", ["softmax", "sigmoid", "layer"])
def test_gradient_by_pixels_equals_finite_differences(end: str) -> None:
    odds = LogOdds(detector_of(tiny(end), temperature=0.8, fake_bias=0.3), "Real")
    _, gradient = odds.probability_by_pixels(PIXELS[:1])
    step = 1e-2
    nudged = PIXELS[0] + step * np.eye(PIXELS[0].size, dtype=np.float32).reshape(-1, *PIXELS[0].shape)
    lowered = 2 * PIXELS[0] - nudged
    slopes = (odds.probability_by_pixels(nudged)[0] - odds.probability_by_pixels(lowered)[0]) / (2 * step)
    np.testing.assert_allclose(gradient.ravel(), slopes, atol=2e-5)
    assert np.abs(gradient).max() > 1e-3


@pytest.mark.parametrize("end", ["softmax", "sigmoid", "layer"])
@pytest.mark.parametrize("scale", [1.0, 1000.0])
def test_gradient_by_features_does_not_vanish_when_the_probability_saturates(end: str, scale: float) -> None:
    """The log-odds are linear in the features, so their gradient is known, however extreme the verdict."""
    network = tiny(end, scale)
    values, gradient = LogOdds(detector_of(network, temperature=2.0), "Fake").by_features(
        PIXELS, network.get_layer("features").output
    )
    np.testing.assert_allclose(values, np.asarray(network.get_layer("features")(PIXELS)), atol=1e-6)
    per_channel = np.array([-1.0, 2.0] if end == "sigmoid" else [2.5, -1.5]) * scale / 2.0 / SIDE**2
    np.testing.assert_allclose(gradient, np.broadcast_to(per_channel, values.shape), rtol=1e-5)


def test_frozen_network_has_the_same_gradient() -> None:
    network = tiny()
    layer = network.get_layer("features").output
    free = LogOdds(detector_of(network), "Fake").by_features(PIXELS, layer)[1]
    network.trainable = False
    np.testing.assert_array_equal(LogOdds(detector_of(network), "Fake").by_features(PIXELS, layer)[1], free)


def test_changed_weights_of_the_network_are_used() -> None:
    network = tiny()
    odds = LogOdds(detector_of(network), "Fake")
    before, _ = odds.probability_by_pixels(PIXELS)
    network.get_layer("dense").set_weights([np.zeros((2, 2)), np.array([2.0, 0.0])])
    after, gradient = odds.probability_by_pixels(PIXELS)
    np.testing.assert_allclose(after, 1 / (1 + np.exp(-2)), atol=1e-6)
    assert np.abs(after - before).min() > 1e-3
    assert not gradient.any()


def test_error_for_an_unknown_class_lists_the_known_ones() -> None:
    with pytest.raises(ValueError, match="target must be one of Fake, Real, got 'Cat'"):
        LogOdds(detector_of(tiny()), "Cat")
