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

# float16 and int8_weights compute in float; int8 also computes in int8, but inputs and outputs stay float32.
# int8_only is int8_weights without a second copy of the weights for Keras, see model.networks.int8_weights.
STORAGES = ("float32", "float16", "int8_weights", "int8_only", "int8")
MOST_CONSTANTS = 10_000_000  # parameters, see ``_as_constants``
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
        network: takes ``(N, S, S, 3) float32``, returns a dict of tensors.
        path: file to write.
        storage: how the file holds the weights, see ``STORAGES``.
        calibration: inputs ``(N, S, S, 3) float32`` for ``int8``, which measures the range of each activation on them.
        of_kept: see ``model.networks.registry.Architecture.of_kept``; the file gets a second signature for it, with
            the same weights. ``int8`` ignores it, because its activations would need separate ranges.

    Raises:
        ValueError: if ``storage`` is not one of ``STORAGES``, or if ``int8`` has no ``calibration``.
    """
    options = _options(storage, calibration)
    of_kept = None if storage == "int8" else of_kept
    if of_kept is None and network.count_params() > MOST_CONSTANTS:
        network.export(path, format="litert", verbose=False, **options)
    else:
        path.write_bytes(_as_constants(network, of_kept, options))


def _options(storage: str, calibration: NDArray[np.float32] | None) -> dict[str, Any]:
    """The options of LiteRT's converter for a storage."""
    if storage not in STORAGES:
        raise ValueError(f"No storage is called {storage!r}; choose one of {', '.join(STORAGES)}.")
    if storage == "float32":
        return {}
    options: dict[str, Any] = {"optimizations": [tf.lite.Optimize.DEFAULT]}
    if storage == "float16":
        # LiteRT converts float16 weights to float32 once, at load: half the size at the same speed.
        options["target_spec"] = {"supported_types": [tf.float16]}
    if storage == "int8":
        if calibration is None or not len(calibration):
            raise ValueError("Storage int8 needs calibration pictures, to learn the range of the activations.")
        options["representative_dataset"] = lambda: ([picture[None]] for picture in calibration)
        # The division in RescaleGAP has no integer kernel, so float kernels must be allowed, too.
        kernels = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8, tf.lite.OpsSet.TFLITE_BUILTINS]
        options["target_spec"] = {"supported_ops": kernels}
    return options


def _as_constants(network: keras.Model, of_kept: OfKept | None, options: Mapping[str, Any]) -> bytes:
    """The content of a LiteRT file, converted from a network with constant weights.

    Keras's own export saves and restores every variable: it takes up to five times as long for a small network. For a
    large one, constants take twice the memory.
    """
    picture = network.input.shape[1:]
    weights = [(variable, np.asarray(variable)) for variable in network.variables]

    def with_constants(compute: Callable[[], Mapping[str, tf.Tensor]]) -> Mapping[str, tf.Tensor]:
        # With several signatures, the converter does not turn variables into constants. It merges equal constants.
        with keras.StatelessScope(state_mapping=[(variable, tf.constant(value)) for variable, value in weights]):
            return compute()

    @tf.function(input_signature=[tf.TensorSpec((None, *picture), name="pixels")])
    def plain(pixels: tf.Tensor) -> Mapping[str, tf.Tensor]:
        return with_constants(lambda: network(pixels, training=False))

    @tf.function(
        input_signature=[tf.TensorSpec((1, *picture), name="pixels"), tf.TensorSpec((None,), tf.int32, name="kept")]
    )
    def kept(pixels: tf.Tensor, kept: tf.Tensor) -> Mapping[str, tf.Tensor]:
        assert of_kept is not None
        return with_constants(lambda: of_kept(network, pixels, kept))

    signatures = {PLAIN: plain} if of_kept is None else {PLAIN: plain, KEPT: kept}
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(tf.Module(), folder, signatures=signatures)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=list(signatures))
        for name, value in options.items():
            if name == "target_spec":
                for detail, of_detail in value.items():
                    setattr(converter.target_spec, detail, of_detail)
            else:
                setattr(converter, name, value)
        content: bytes = converter.convert()
    return content
