"""Writes a Keras network as a LiteRT file."""

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from model.artifact.card import KEPT, PLAIN

# float16 and int8_weights compute in float; int8 computes in int8 too, between inputs and outputs that stay float32.
# int8_only is int8_weights without a second copy of the weights for gradients, see model.networks.int8_weights.
STORAGES = ("float32", "float16", "int8_weights", "int8_only", "int8")
OfKept = Callable[[keras.Model, tf.Tensor, tf.Tensor], Mapping[str, tf.Tensor]]


def write_litert(
    network: keras.Model,
    path: Path,
    storage: str,
    calibration: NDArray[np.float32] | None = None,
    of_kept: OfKept | None = None,
) -> None:
    """Write a network as a LiteRT file.

    Args:
        network: takes ``(N, S, S, 3) float32``, returns tensors by name.
        path: file to write.
        storage: how the file holds the weights, see ``STORAGES``.
        calibration: inputs ``(N, S, S, 3) float32`` from which ``int8`` learns the range of every activation.
        of_kept: see ``model.networks.registry.Architecture.of_kept``; the file gets a second signature for it, which
            shares the weights of the first. ``int8`` leaves it out, since it would need ranges of its own.

    Raises:
        ValueError: if ``storage`` is none of ``STORAGES``, or ``int8`` comes without ``calibration``.
    """
    options = _options(storage, calibration)
    if of_kept is None or storage == "int8":
        network.export(path, format="litert", verbose=False, **options)
    else:
        path.write_bytes(_with_two_signatures(network, of_kept, options))


def _options(storage: str, calibration: NDArray[np.float32] | None) -> dict[str, Any]:
    """What LiteRT's converter is to be given for weights to be stored in this way."""
    if storage not in STORAGES:
        raise ValueError(f"No storage is called {storage!r}; choose one of {', '.join(STORAGES)}.")
    if storage == "float32":
        return {}
    options: dict[str, Any] = {"optimizations": [tf.lite.Optimize.DEFAULT]}
    if storage == "float16":
        # LiteRT widens float16 weights once at load: half the size at the same speed.
        options["target_spec"] = {"supported_types": [tf.float16]}
    if storage == "int8":
        if calibration is None or not len(calibration):
            raise ValueError("Storage int8 needs calibration pictures, to learn the range of the activations.")
        options["representative_dataset"] = lambda: ([picture[None]] for picture in calibration)
        # Division (of RescaleGAP) has no integer kernel, so float kernels must stay allowed beside those of int8.
        kernels = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8, tf.lite.OpsSet.TFLITE_BUILTINS]
        options["target_spec"] = {"supported_ops": kernels}
    return options


def _with_two_signatures(network: keras.Model, of_kept: OfKept, options: Mapping[str, Any]) -> bytes:
    side = network.input.shape[1]
    weights = [(variable, np.asarray(variable)) for variable in network.variables]

    def with_constants(compute: Callable[[], Mapping[str, tf.Tensor]]) -> Mapping[str, tf.Tensor]:
        # The converter keeps variables as such in a file with several signatures. Constants that are equal it merges.
        with keras.StatelessScope(state_mapping=[(variable, tf.constant(value)) for variable, value in weights]):
            return compute()

    @tf.function(input_signature=[tf.TensorSpec((None, side, side, 3), name="pixels")])
    def plain(pixels: tf.Tensor) -> Mapping[str, tf.Tensor]:
        return with_constants(lambda: network(pixels, training=False))

    @tf.function(
        input_signature=[
            tf.TensorSpec((1, side, side, 3), name="pixels"),
            tf.TensorSpec((None,), tf.int32, name="kept"),
        ]
    )
    def kept(pixels: tf.Tensor, kept: tf.Tensor) -> Mapping[str, tf.Tensor]:
        return with_constants(lambda: of_kept(network, pixels, kept))

    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(tf.Module(), folder, signatures={PLAIN: plain, KEPT: kept})
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=[PLAIN, KEPT])
        converter.optimizations = options.get("optimizations", [])
        converter.target_spec.supported_types = options.get("target_spec", {}).get("supported_types", [])
        content: bytes = converter.convert()
    return content
