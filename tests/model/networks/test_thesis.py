"""Tests of the networks of the thesis: their preprocessing and their ImageNet weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import applications
from keras.src.utils import file_utils

from model.artifact.card import Card
from model.artifact.preprocessing import LABELS, to_input
from model.detector.detector import Detector
from model.errors import ArchitectureError, PretrainedError
from model.legacy.described import STAND_IN, STAND_IN_NUMBERS
from model.networks import thesis
from model.networks.export import load_keras, save_artifact
from model.networks.registry import ARCHITECTURES, Architecture, build
from tests.model.networks.shallow import make_bodies_small, shallow_b7

SIDE = 32
# A pixel of each extreme and one of different channels, RGB.
COLOURS = np.array([[0, 0, 0], [255, 255, 255], [200, 100, 30]], np.uint8)


def output_of_layer(layer: str, model: keras.Model, name: str) -> np.ndarray:
    """The output of a layer for pictures of one colour each, ``(3, 3) float32``."""
    side = model.input_shape[1]
    crops = np.stack([np.full((side, side, 3), colour, np.uint8) for colour in COLOURS])
    preprocessing = replace(ARCHITECTURES[name].preprocessing, input_size=side)
    pixels = to_input(crops, preprocessing)
    return np.asarray(keras.Model(model.input, model.get_layer(layer).output)(pixels))[:, 5, 5]


@pytest.mark.slow
def test_vgg16_gets_pixels_preprocessed_as_in_keras() -> None:
    model = thesis.vgg16(input_size=SIDE)
    expected = applications.vgg16.preprocess_input(COLOURS.astype(np.float32))
    np.testing.assert_allclose(output_of_layer("centre", model, "vgg16"), expected, atol=1e-4)


@pytest.mark.parametrize("name", ["xception", "mobilenetv2"])
def test_pixels_are_scaled_as_in_keras(name: str) -> None:
    preprocessing = ARCHITECTURES[name].preprocessing
    prepare = {"xception": applications.xception, "mobilenetv2": applications.mobilenet_v2}[name].preprocess_input
    scaled = to_input(np.broadcast_to(COLOURS[:, None, None], (3, 8, 8, 3)), preprocessing)[:, 0, 0]
    np.testing.assert_allclose(scaled, prepare(COLOURS.astype(np.float32)), atol=1e-6)


@pytest.fixture(scope="module")
def b7_attention() -> keras.Model:
    """The network of the thesis in full size, which takes the longest time to build."""
    return build("efficientnetb7_attention")


@pytest.mark.slow
def test_efficientnetb7_normalises_pixels_as_for_imagenet_also_with_random_weights(b7_attention: keras.Model) -> None:
    model = b7_attention
    normalization = next(layer for layer in model.layers if isinstance(layer, keras.layers.Normalization))
    mean, spread = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    expected = (COLOURS / 255 - mean) / spread
    np.testing.assert_allclose(output_of_layer(normalization.name, model, "efficientnetb7"), expected, atol=1e-4)
    assert not any(isinstance(layer, keras.layers.Rescaling) and np.ndim(layer.scale) for layer in model.layers), (
        "a second division by the deviation would not fit the weights"
    )


# ImageNet weights


def failing(*_: object, **__: object) -> str:
    raise Exception("URL fetch failure on https://example.org/weights.h5: None -- no route\nmore")


@pytest.fixture
def downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[keras.Model], None]:
    """Makes every download return the weights of a given network."""

    def give(donor: keras.Model) -> None:
        donor.save_weights(tmp_path / "notop.weights.h5")
        monkeypatch.setattr(file_utils, "get_file", lambda *_, **__: str(tmp_path / "notop.weights.h5"))

    return give


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "factory", "layer"),
    [
        ("vgg16", applications.VGG16, "block3_conv2"),
        ("mobilenetv2", applications.MobileNetV2, "block_6_depthwise"),
        ("xception", applications.Xception, "block5_sepconv1"),
        ("efficientnetb7", shallow_b7, "block3a_dwconv"),
    ],
)
def test_downloaded_weights_are_loaded_into_the_body(
    name: str,
    factory: Callable[..., keras.Model],
    layer: str,
    downloaded: Callable[[keras.Model], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(applications, "EfficientNetB7", shallow_b7)
    make_bodies_small(monkeypatch)
    side = 71 if name == "xception" else SIDE
    keras.utils.set_random_seed(5)
    donor = factory(weights=None, include_top=False, input_shape=(side, side, 3))
    downloaded(donor)
    keras.utils.set_random_seed(6)
    model = ARCHITECTURES[name].build("imagenet", input_size=side)
    for ours, given in zip(model.get_layer(layer).get_weights(), donor.get_layer(layer).get_weights(), strict=True):
        np.testing.assert_array_equal(ours, given)


@pytest.mark.slow
def test_weights_file_of_a_body_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_bodies_small(monkeypatch)
    keras.utils.set_random_seed(5)
    donor = applications.MobileNetV2(weights=None, include_top=False, input_shape=(SIDE, SIDE, 3))
    donor.save_weights(tmp_path / "body.weights.h5")
    model = build("mobilenetv2", tmp_path / "body.weights.h5")
    for name in ("Conv1", "bn_Conv1", "block_16_project"):
        for ours, given in zip(model.get_layer(name).get_weights(), donor.get_layer(name).get_weights(), strict=True):
            np.testing.assert_array_equal(ours, given)


@pytest.mark.slow
def test_failed_download_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_utils, "get_file", failing)
    with pytest.raises(PretrainedError) as caught:
        build("vgg16", "imagenet")
    assert "could not be downloaded (URL fetch failure" in str(caught.value)
    assert "start at random" in str(caught.value) and "\n" not in str(caught.value)


def test_cnn_has_no_imagenet_weights() -> None:
    with pytest.raises(PretrainedError, match="cnn"):
        build("cnn", "imagenet")


@pytest.mark.slow
def test_file_of_another_network_is_refused(tmp_path: Path) -> None:
    thesis.cnn(input_size=SIDE).save_weights(tmp_path / "cnn.weights.h5")
    with pytest.raises(ArchitectureError, match=r"cnn\.weights\.h5 holds no weights that fit vgg16"):
        build("vgg16", tmp_path / "cnn.weights.h5")
    (tmp_path / "text.weights.h5").write_text("nothing")
    with pytest.raises(ArchitectureError, match=r"text\.weights\.h5 holds no weights"):
        build("cnn", tmp_path / "text.weights.h5")


def test_cnn_is_small_at_its_default_input_size() -> None:
    assert thesis.cnn().input_shape == (None, 128, 128, 3)
    assert thesis.cnn().count_params() < 2_000_000


@pytest.mark.slow
def test_attention_of_efficientnetb7_is_4x4_at_128_pixels(b7_attention: keras.Model) -> None:
    assert len(b7_attention.layers) > 800 and b7_attention.count_params() > 60_000_000
    assert b7_attention.input_shape == (None, 128, 128, 3)
    assert tuple(b7_attention.output["attention"].shape) == (None, 4, 4, 1)


@pytest.mark.slow
def test_stand_in_numbers_is_the_number_of_weights_of_the_network(b7_attention: keras.Model) -> None:
    """The import loads a file without a description into this network if their numbers of weights are similar."""
    assert STAND_IN == "efficientnetb7_attention"
    assert sum(int(np.prod(weight.shape)) for weight in b7_attention.weights) == STAND_IN_NUMBERS


# Artifacts


def assert_same_probabilities(network: keras.Model, name: str, folder: Path) -> None:
    """Check that LiteRT and Keras give the network's probabilities after saving."""
    crops = np.random.default_rng(0).integers(0, 256, (2, 128, 128, 3), dtype=np.uint8)
    card = Card(name, ARCHITECTURES[name].preprocessing, LABELS)
    expected = np.asarray(network(to_input(crops, card.preprocessing))["probabilities"])
    save_artifact(network, folder, card)
    np.testing.assert_allclose(Detector(folder).probabilities(crops), expected, atol=5e-3)
    again = load_keras(folder)(to_input(crops, card.preprocessing))
    np.testing.assert_allclose(np.asarray(again["probabilities"]), expected, atol=5e-3)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "side"), [("cnn", SIDE), ("vgg16", SIDE), ("mobilenetv2", SIDE), ("xception", 71)])
def test_artifact_gives_the_probabilities_of_the_network(
    name: str, side: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_bodies_small(monkeypatch)
    usual = ARCHITECTURES[name]
    small = replace(usual.preprocessing, input_size=side)
    monkeypatch.setitem(
        ARCHITECTURES, name, replace(usual, build=partial(usual.build, input_size=side), preprocessing=small)
    )
    keras.utils.set_random_seed(0)
    assert_same_probabilities(build(name), name, tmp_path / name)


@pytest.mark.slow
def test_artifact_of_a_network_with_a_normalisation_layer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """EfficientNet-B7's preprocessing before a body that is converted in a second."""

    def build_centring(_pretrained: object = None) -> keras.Model:
        inputs = keras.Input((128, 128, 3))
        centred = keras.layers.Normalization()
        x = centred(keras.layers.Rescaling(1 / 255)(inputs))
        centred.adapt_mean.assign([0.485, 0.456, 0.406])
        centred.adapt_variance.assign([0.05, 0.05, 0.05])
        centred.finalize_state()
        x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(8, 3, 4, activation="relu")(x))
        return keras.Model(inputs, {"probabilities": keras.layers.Dense(2, activation="softmax")(x)})

    preprocessing = ARCHITECTURES["efficientnetb7"].preprocessing
    monkeypatch.setitem(ARCHITECTURES, "centring", Architecture(build_centring, preprocessing, False))
    keras.utils.set_random_seed(0)
    assert_same_probabilities(build_centring(), "centring", tmp_path / "centring")
