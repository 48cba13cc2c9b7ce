"""Tests of old Keras files whose weights are loaded into an architecture of the registry."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from keras import layers

from model.artifact.preprocessing import Preprocessing
from model.legacy.convert import IMAGENET_UNKNOWN, import_network
from model.legacy.h5 import open_legacy
from model.legacy.match import load_by_shape
from model.networks.registry import ARCHITECTURES, Architecture
from tests.model.legacy.refused import refusal


def tiny(pretrained: object = None) -> keras.Model:
    """A network with default layer names, except for the middle layer."""
    inputs = keras.Input((16, 16, 3))
    x = layers.Normalization(name="normalization")(inputs)
    x = layers.Conv2D(4, 3, name="stem_conv")(x)
    x = layers.BatchNormalization(name="attention_bn")(x)
    x = layers.GlobalAveragePooling2D()(x)
    probabilities = layers.Dense(2, activation="softmax", name="probabilities")(x)
    return keras.Model(inputs, {"probabilities": probabilities})


@pytest.fixture
def tiny_in_registry(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setitem(ARCHITECTURES, "tiny", Architecture(tiny, Preprocessing(16), has_folded_form=False))
    return "tiny"


@pytest.fixture
def trained() -> keras.Model:
    """The tiny network with random weights."""
    network, rng = tiny(), np.random.default_rng(3)
    network.set_weights([rng.uniform(0.1, 1, weight.shape).astype(weight.dtype) for weight in network.get_weights()])
    network.get_layer("normalization").finalize_state()
    return network


def write_weights(path: Path, network: keras.Model, rename: dict[str, str]) -> None:
    """Write weights like ``save_weights`` of Keras 2: groups of layers, no description."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [rename.get(layer.name, layer.name).encode() for layer in network.layers]
        for layer in network.layers:
            name = rename.get(layer.name, layer.name)
            group = file.create_group(name)
            group.attrs["weight_names"] = [f"{name}/{variable.name}:0".encode() for variable in layer.weights]
            for variable in layer.weights:
                group.create_dataset(f"{name}/{variable.name}:0", data=np.asarray(variable))


PIXELS = np.random.default_rng(0).uniform(0, 1, (3, 16, 16, 3)).astype(np.float32)


def test_weights_file_is_loaded_by_name_and_shape(tmp_path: Path, tiny_in_registry: str, trained: keras.Model) -> None:
    write_weights(tmp_path / "net.h5", trained, {})
    imported = import_network(tmp_path / "net.h5", tiny_in_registry)
    assert imported.plan is None and imported.report.matched == 11 and not imported.report.by_order
    assert "weights without a description" in imported.report.notes[0]
    np.testing.assert_array_equal(
        np.asarray(imported.network(PIXELS)["probabilities"]), np.asarray(trained(PIXELS)["probabilities"])
    )


def test_layers_with_other_names_are_matched_by_shape_and_reported(
    tmp_path: Path, tiny_in_registry: str, trained: keras.Model
) -> None:
    write_weights(tmp_path / "net.h5", trained, {"attention_bn": "batch_normalization_7", "probabilities": "dense_2"})
    imported = import_network(tmp_path / "net.h5", tiny_in_registry)
    assert "batch_normalization_7/gamma as attention_bn/gamma" in imported.report.by_order
    assert len(imported.report.by_order) == 6
    assert any("by their shape and place alone" in sentence for sentence in imported.report.sentences())
    np.testing.assert_array_equal(
        np.asarray(imported.network(PIXELS)["probabilities"]), np.asarray(trained(PIXELS)["probabilities"])
    )


def test_weights_file_of_keras_3_is_loaded_by_shape(
    tmp_path: Path, tiny_in_registry: str, trained: keras.Model
) -> None:
    trained.save_weights(tmp_path / "net.weights.h5")
    imported = import_network(tmp_path / "net.weights.h5", tiny_in_registry)
    assert imported.report.matched == 11
    np.testing.assert_array_equal(
        np.asarray(imported.network.get_layer("probabilities").kernel),
        np.asarray(trained.get_layer("probabilities").kernel),
    )


def deep(pretrained: object = None) -> keras.Model:
    """A body with more than ten equal convolutions, so that Keras numbers them with two digits, and a head."""
    inputs = keras.Input((16, 16, 3))
    return keras.Model(inputs, {"probabilities": deep_head(deep_body(inputs))})


def deep_body(x: keras.KerasTensor) -> keras.KerasTensor:
    for channels in [4] * 12 + [6]:
        x = layers.Conv2D(channels, 3, padding="same", activation="tanh")(x)
        x = layers.BatchNormalization()(x)
    return x


def deep_head(x: keras.KerasTensor) -> keras.KerasTensor:
    x = layers.Conv2D(1, 1, activation="sigmoid", name="attention_mask")(layers.BatchNormalization()(x))
    x = layers.Dense(5, name="dense")(layers.GlobalAveragePooling2D()(x))
    return layers.Dense(2, "softmax", name="probabilities")(x)


def randomised(network: keras.Model) -> keras.Model:
    rng = np.random.default_rng(5)
    network.set_weights([rng.uniform(0.1, 0.9, held.shape).astype(held.dtype) for held in network.get_weights()])
    return network


@pytest.fixture
def deep_architecture(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setitem(ARCHITECTURES, "deep", Architecture(deep, Preprocessing(16), has_folded_form=False))
    return "deep"


@pytest.mark.slow
@pytest.mark.parametrize("nested", [True, False], ids=["nested", "flat"])
def test_all_weights_of_a_keras_3_file_are_loaded_in_order(
    tmp_path: Path, deep_architecture: str, nested: bool
) -> None:
    """As text, ``conv2d_10`` sorts before ``conv2d_2``, and the shapes of the twelve are equal."""
    if nested:
        inside, inputs = keras.Input((16, 16, 3)), keras.Input((16, 16, 3))
        body = keras.Model(inside, deep_body(inside))
        network = keras.Model(inputs, {"probabilities": deep_head(layers.Dropout(0.5)(body(inputs)))})
    else:
        network = deep()
    randomised(network).save_weights(tmp_path / "net.weights.h5")
    imported = import_network(tmp_path / "net.weights.h5", deep_architecture)
    assert imported.report.matched == len(network.weights) and not imported.report.unused
    for ours, theirs in zip(imported.network.get_weights(), network.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.slow
def test_layers_numbered_from_a_higher_number_keep_their_order(tmp_path: Path, deep_architecture: str) -> None:
    """Keras continues to count if other networks were built before, so the first convolution may be ``conv2d_9``."""
    deep()
    network = randomised(deep())
    shift = {
        layer.name: f"{layer.name.rpartition('_')[0]}_{int(layer.name.rpartition('_')[2]) + 3}"
        for layer in network.layers
        if layer.name.startswith(("conv2d_", "batch_normalization_"))
    }
    write_weights(tmp_path / "net.h5", network, shift)
    imported = import_network(tmp_path / "net.h5", deep_architecture)
    for ours, theirs in zip(imported.network.get_weights(), network.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_nested_network_of_ambiguous_position_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def two_convolutions(pretrained: object = None, nested: bool = False) -> keras.Model:
        inputs, inside = keras.Input((16, 16, 3)), keras.Input((16, 16, 3))
        x = layers.Conv2D(3, 3)(inputs)
        x = keras.Model(inside, layers.Conv2D(3, 3)(inside))(x) if nested else layers.Conv2D(3, 3)(x)
        return keras.Model(inputs, {"probabilities": layers.Dense(2, "softmax")(layers.Flatten()(x))})

    monkeypatch.setitem(
        ARCHITECTURES, "two_convolutions", Architecture(two_convolutions, Preprocessing(16), has_folded_form=False)
    )
    inputs, inside = keras.Input((16, 16, 3)), keras.Input((16, 16, 3))
    body = keras.Model(inside, layers.Conv2D(3, 3, padding="same")(inside))
    x = layers.Conv2D(3, 3, padding="same")(body(inputs))
    network = keras.Model(inputs, layers.Dense(2, "softmax")(layers.GlobalAveragePooling2D()(x)))
    network.save_weights(tmp_path / "net.weights.h5")
    assert "ambiguous" in refusal(tmp_path / "net.weights.h5", "two_convolutions")


def test_weights_without_a_layer_are_refused_unless_they_are_constant(
    tmp_path: Path, tiny_in_registry: str, trained: keras.Model
) -> None:
    write_weights(tmp_path / "net.h5", trained, {})
    for value, usable in ((1.0, True), (0.5, False)):
        with h5py.File(tmp_path / "net.h5", "r+") as file:
            file.require_dataset("conv2d_4/conv2d_4/kernel:0", (1, 1, 1, 4), "f4")[...] = value
        if usable:
            assert import_network(tmp_path / "net.h5", tiny_in_registry).report.matched == 11
        else:
            assert "1 of them do not belong to any layer, such as conv2d_4/kernel" in refusal(
                tmp_path / "net.h5", tiny_in_registry
            )


def test_unknown_normalisation_is_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trained: keras.Model) -> None:
    write_weights(tmp_path / "net.h5", trained, {})
    for name, is_noted in (("efficientnetb7", True), ("tiny", False)):
        monkeypatch.setitem(ARCHITECTURES, name, Architecture(tiny, Preprocessing(16), has_folded_form=False))
        notes = import_network(tmp_path / "net.h5", name).report.notes
        assert (IMAGENET_UNKNOWN in notes) == is_noted


def test_unknown_layer_falls_back_to_the_architecture_with_a_note(
    tmp_path: Path, tiny_in_registry: str, trained: keras.Model
) -> None:
    write_weights(tmp_path / "net.h5", trained, {})
    config = {"class_name": "Functional", "config": {"layers": [{"class_name": "Mine", "config": {}}]}}
    with h5py.File(tmp_path / "net.h5", "r+") as file:
        file.attrs["model_config"] = json.dumps(config)
    report = import_network(tmp_path / "net.h5", tiny_in_registry).report
    assert "The architecture tiny was used instead" in report.notes[0]


def test_file_with_missing_weights_is_refused_and_they_are_named(
    tmp_path: Path, tiny_in_registry: str, trained: keras.Model
) -> None:
    write_weights(tmp_path / "net.h5", trained, {})
    with h5py.File(tmp_path / "net.h5", "r+") as file:
        del file["stem_conv"]
    sentence = refusal(tmp_path / "net.h5", tiny_in_registry)
    assert "2 of 11 are missing or ambiguous, such as stem_conv/kernel" in sentence


def test_report_names_missing_and_unused_weights(tmp_path: Path, trained: keras.Model) -> None:
    write_weights(tmp_path / "net.h5", trained, {})
    with h5py.File(tmp_path / "net.h5", "r+") as file:
        file.move("stem_conv/stem_conv/kernel:0", "stem_conv/stem_conv/other:0")
    with open_legacy(tmp_path / "net.h5") as file:
        report = load_by_shape(tiny(), file.weights)
    assert report.missing == ("stem_conv/kernel", "stem_conv/bias")
    assert set(report.unused) == {"stem_conv/other", "stem_conv/bias"}, "a layer with missing weights is not loaded"


def test_unknown_architecture_is_named(tmp_path: Path, trained: keras.Model) -> None:
    write_weights(tmp_path / "net.h5", trained, {})
    assert "No architecture 'none of ours' can stand in" in refusal(tmp_path / "net.h5")
