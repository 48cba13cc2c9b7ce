"""Tests of the storage and the pruned weights of compressed variants."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from keras import layers
from numpy.typing import NDArray

from model.artifact.card import TFLITE, Card
from model.detector.engine import Engine
from model.networks.clip_tower import Block
from model.networks.export import load_keras, save_artifact
from model.studies.compress import prune

pytestmark = pytest.mark.usefixtures("tiny_architecture")
DIGITS = [0.5, -0.1, 0.3, -0.7, 0.2, 0.05, -0.9, 0.4, 0.6, -0.8]


# Storage


@pytest.mark.slow
@pytest.mark.parametrize(
    ("storage", "types"),
    [
        ("float32", {"float32"}),
        ("float16", {"float16"}),
        ("int8_weights", {"float32"}),
        ("int8", {"int8", "int32"}),
    ],
)
def test_storage_sets_the_tensor_types_and_keeps_the_outputs(
    storage: str, types: set[str], tiny_artifact: Path, tiny_card: Card, tmp_path: Path, inputs: NDArray[np.float32]
) -> None:
    network = load_keras(tiny_artifact)
    save_artifact(network, tmp_path / storage, tiny_card, storage, inputs if storage == "int8" else None)
    interpreter = Interpreter(str(tmp_path / storage / TFLITE))
    found = {np.dtype(detail["dtype"]).name for detail in interpreter.get_tensor_details()}
    assert types <= found
    assert ("int8" in found) == (storage == "int8"), "the tiny kernels are below LiteRT's minimum size for int8 weights"
    ends = [*interpreter.get_input_details(), *interpreter.get_output_details()]
    assert {np.dtype(detail["dtype"]).name for detail in ends} == {"float32"}
    outputs, expected = Engine(tmp_path / storage / TFLITE)(inputs), Engine(tiny_artifact / TFLITE)(inputs)
    for name in expected:
        np.testing.assert_allclose(outputs[name], expected[name], atol=0.03 if storage == "int8" else 1e-4)


@pytest.mark.slow
def test_weights_of_large_layers_are_stored_as_int8(tmp_path: Path, tiny_card: Card) -> None:
    inputs = keras.Input((16, 16, 3))
    features = layers.GlobalAveragePooling2D()(layers.Conv2D(64, 5)(inputs))
    outputs = {"probabilities": layers.Dense(2, activation="softmax")(features)}
    sizes = {}
    for storage in ("float32", "float16", "int8_weights"):
        network = keras.Model(inputs, outputs)
        save_artifact(network, tmp_path / storage, tiny_card, storage)
        sizes[storage] = (tmp_path / storage / TFLITE).stat().st_size
    weights = 5 * 5 * 3 * 64
    assert sizes["float32"] - sizes["float16"] == pytest.approx(2 * weights, rel=0.2)
    assert sizes["float32"] - sizes["int8_weights"] == pytest.approx(3 * weights, rel=0.2)


@pytest.mark.parametrize(("storage", "message"), [("int4", "No storage is called 'int4'"), ("int8", "calibration")])
def test_unknown_storage_and_missing_calibration_are_refused(
    storage: str, message: str, tiny_network: Callable[[], keras.Model], tiny_card: Card, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=message):
        save_artifact(tiny_network(), tmp_path / "net", tiny_card, storage)


# Pruning


def test_smallest_weights_of_each_layer_become_zero() -> None:
    inputs = keras.Input((4, 4, 1))
    wide = layers.Conv2D(10, 1, name="conv", bias_initializer="ones")
    deep = layers.DepthwiseConv2D(1, name="depthwise")
    split = layers.SeparableConv2D(2, 1, name="separable")
    network = keras.Model(inputs, layers.Dense(5, name="dense")(split(deep(wide(inputs)))))
    wide.kernel.assign(np.reshape(DIGITS, (1, 1, 1, 10)))
    whole = {name: np.array(getattr(layer, name)) for layer, name in ((split, "depthwise_kernel"), (deep, "kernel"))}
    prune(network, 0.3)
    expected = [0.0 if abs(digit) < 0.3 else digit for digit in DIGITS]
    np.testing.assert_allclose(np.ravel(wide.kernel), expected, rtol=1e-6)
    assert np.all(np.asarray(wide.bias) == 1)
    np.testing.assert_array_equal(split.depthwise_kernel, whole["depthwise_kernel"])
    np.testing.assert_array_equal(deep.kernel, whole["kernel"])
    assert np.sum(np.asarray(split.pointwise_kernel) == 0) == 6
    assert np.sum(np.asarray(network.get_layer("dense").kernel) == 0) == 3


def test_nested_networks_are_pruned() -> None:
    inner = keras.Sequential([keras.Input((10,)), layers.Dense(10, use_bias=False, name="inside")])
    outer = keras.Sequential([keras.Input((10,)), inner])
    prune(outer, 0.5)
    assert np.sum(np.asarray(inner.get_layer("inside").kernel) == 0) == 50


def test_layers_of_a_transformer_block_are_pruned() -> None:
    tokens = keras.Input((4, 8))
    block = Block(2)
    prune(keras.Model(tokens, block(tokens)), 0.5)
    shares = {name: np.mean(np.asarray(part.kernel) == 0) for name, part in block.parts.items() if "norm" not in name}
    assert len(shares) == 6 and set(shares.values()) == {0.5}
