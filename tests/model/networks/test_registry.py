"""Tests that every registered network can be built, trained, saved and loaded."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import applications

from model.artifact.preprocessing import LABELS
from model.errors import ArchitectureError, PretrainedError
from model.networks import lite_attention
from model.networks.clip_tower import Tower
from model.networks.efficientnet_lite import backbone, fold_batch_norms
from model.networks.registry import ARCHITECTURES, Architecture, build
from tests.model.networks.shallow import make_bodies_small, shallow_b7

BATCH = 2
# Smaller than in use, if a network allows it: the tests do not depend on the size. At 32 pixels EfficientNet's last
# batch norms would see two values per channel, and its gradients would be beyond float32.
SMALLER = {
    "cnn": {"input_size": 32},
    "vgg16": {"input_size": 32},
    "xception": {"input_size": 71},
    "mobilenetv2": {"input_size": 32},
    "efficientnetb7": {"input_size": 64},
    "efficientnetb7_attention": {"input_size": 64},
    "clip_attention": {"tower": Tower(input_size=32, patch=8, width=16, heads=2, blocks=2)},
}
EACH = [name if name == "cnn" else pytest.param(name, marks=pytest.mark.slow) for name in ARCHITECTURES]
FOLDED = [name for name, architecture in ARCHITECTURES.items() if architecture.has_folded_form]


@pytest.fixture
def shallow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer layers in the networks of the thesis, and a smaller input of the shipped network with all its layers."""
    monkeypatch.setattr(applications, "EfficientNetB7", shallow_b7)
    monkeypatch.setattr(lite_attention, "INPUT_SIZE", 64)
    make_bodies_small(monkeypatch)


def build_small(name: str) -> keras.Model:
    return ARCHITECTURES[name].build(**SMALLER.get(name, {}))


def inputs_for(name: str, side: int, seed: int = 0) -> np.ndarray:
    """Random pixels as the network expects them, ``(BATCH, side, side, 3) float32``."""
    preprocessing = ARCHITECTURES[name].preprocessing
    pixels = np.random.default_rng(seed).uniform(0, 255, (BATCH, side, side, 3))
    return (pixels * preprocessing.value_scale + preprocessing.value_offset).astype(np.float32)


def outputs_of(model: keras.Model, pixels: np.ndarray) -> dict[str, np.ndarray]:
    return {name: np.asarray(values) for name, values in model(pixels, training=False).items()}


@pytest.mark.slow
@pytest.mark.usefixtures("shallow")
@pytest.mark.parametrize("name", EACH)
def test_network_can_be_built_trained_saved_and_loaded(name: str, tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    model = build_small(name)
    pixels = inputs_for(name, model.input_shape[1])
    outputs = outputs_of(model, pixels)
    assert outputs["probabilities"].shape == (BATCH, len(LABELS))
    np.testing.assert_allclose(outputs["probabilities"].sum(axis=1), 1, atol=1e-5)
    losses = {"probabilities": "categorical_crossentropy"}
    targets = {"probabilities": np.eye(2, dtype=np.float32)}
    if "attention" in name:
        masks = outputs["attention"]
        assert masks.ndim == 4 and masks.shape[-1] == 1
        assert masks.min() >= 0 and masks.max() <= 1
        losses["attention"] = "binary_crossentropy"
        targets["attention"] = (masks > np.median(masks)).astype(np.float32)
    assert set(outputs) == set(losses)

    before = {weight.path: np.asarray(weight) for weight in model.trainable_weights}
    model.compile(keras.optimizers.SGD(1e-3), loss=losses, run_eagerly=True)
    assert np.isfinite(model.train_on_batch(pixels, targets)).all()
    unchanged = [path for path, value in before.items() if np.array_equal(value, weight_at(model, path))]
    assert len(unchanged) < 0.1 * len(before), f"these layers did not change: {unchanged}"

    learnt = outputs_of(model, pixels)
    model.save_weights(tmp_path / "model.weights.h5")
    keras.utils.set_random_seed(1)
    twin = build_small(name)
    assert max(np.abs(values - learnt[output]).max() for output, values in outputs_of(twin, pixels).items()) > 1e-5
    twin.load_weights(tmp_path / "model.weights.h5")
    for output, values in outputs_of(twin, pixels).items():
        np.testing.assert_allclose(values, learnt[output], atol=1e-5)


def weight_at(model: keras.Model, path: str) -> np.ndarray:
    (weight,) = (weight for weight in model.trainable_weights if weight.path == path)
    return np.asarray(weight)


@pytest.mark.slow
@pytest.mark.usefixtures("shallow")
@pytest.mark.parametrize("name", FOLDED)
def test_shipped_form_gives_the_outputs_of_the_trained_network(name: str) -> None:
    keras.utils.set_random_seed(0)
    model, shipped = build(name), build(name, folded=True)
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            gamma, beta, mean, variance = layer.get_weights()
            layer.set_weights([gamma, beta, mean + rng.normal(0, 0.2, mean.shape), variance * rng.uniform(0.5, 2)])
    fold_batch_norms(model, shipped)
    pixels = inputs_for(name, model.input_shape[1])
    for output, values in outputs_of(shipped, pixels).items():
        np.testing.assert_allclose(values, outputs_of(model, pixels)[output], atol=1e-4)


def test_unknown_name_lists_those_that_exist() -> None:
    with pytest.raises(ArchitectureError, match="No architecture is called 'resnet'") as caught:
        build("resnet")
    assert all(name in str(caught.value) for name in ARCHITECTURES)


@pytest.mark.slow
def test_lite_attention_has_a_fine_square_mask_and_centred_pixels() -> None:
    _, height, width, channels = build("lite_attention", folded=True).output["attention"].shape
    assert height == width >= 8 and channels == 1, "finer than the 4x4 mask of the thesis"
    preprocessing = ARCHITECTURES["lite_attention"].preprocessing
    assert 127 * preprocessing.value_scale + preprocessing.value_offset == 0
    assert 255 * preprocessing.value_scale + preprocessing.value_offset == 1


@pytest.mark.slow
def test_lite_attention_starts_from_the_given_backbone(tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    pretrained = backbone()
    pretrained.save_weights(tmp_path / "backbone.weights.h5")
    keras.utils.set_random_seed(1)
    model = build("lite_attention", tmp_path / "backbone.weights.h5")
    for name in ("stem_conv", "stage3_block2_dw_conv", "stage6_block4_project_bn"):
        for ours, given in zip(
            model.get_layer(name).get_weights(), pretrained.get_layer(name).get_weights(), strict=True
        ):
            np.testing.assert_array_equal(ours, given)


def test_lite_attention_says_how_to_get_its_imagenet_weights() -> None:
    with pytest.raises(PretrainedError, match=r"python -m model convert.* path"):
        build("lite_attention", "imagenet")


def test_builder_gets_the_folded_argument_only_if_it_has_a_folded_form(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "weights.h5"
    file.touch()
    given_to_builders: list[tuple] = []
    preprocessing = ARCHITECTURES["lite_attention"].preprocessing
    for name, has_folded_form in (("two", True), ("one", False)):
        architecture = Architecture(lambda *given: given_to_builders.append(given), preprocessing, has_folded_form)
        monkeypatch.setitem(ARCHITECTURES, name, architecture)
        build(name, file, folded=True)
    assert given_to_builders == [(file, True), (file,)]


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_missing_weights_file_is_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(ArchitectureError, match=r"There is no weights file .*nothing\.h5"):
        build(name, tmp_path / "nothing.h5")
