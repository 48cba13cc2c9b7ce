"""Builds the small autoencoder that turns a real face into a pixel-aligned fake with the traces of a diffusion model.

TAEF2 (MIT licence) approximates the autoencoder of FLUX.2. A diffusion model generates in such a latent space, and its
decoder leaves traces in every picture. Encoding and decoding a real face leaves the same traces. For training only.
"""

import zlib
from collections.abc import Iterator
from pathlib import Path
from zipfile import BadZipFile

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray

from model.errors import ArchitectureError

CHANNELS = 64
LATENT_CHANNELS = 32
ENCODER, DECODER = "encoder.npz", "decoder.npz"
UPSAMPLED_STAGES = 3  # decoder stages that an upsampling layer follows


def autoencoder(folder: Path) -> keras.Model:
    """Encoder and decoder in one network, with the weights of ``encoder.npz`` and ``decoder.npz``.

    Args:
        folder: contains both files; kernels are stored as ``out × in × h × w``.

    Returns:
        A network from ``(N, h, w, 3) float32`` RGB in 0..1 to the same; ``h`` and ``w`` are multiples of 8.

    Raises:
        ArchitectureError: if a file is missing, damaged or of another network.
    """
    weights = {}
    try:
        for file, prefix in ((ENCODER, "encoder"), (DECODER, "decoder")):
            with np.load(folder / file, allow_pickle=False) as arrays:
                weights[prefix] = dict(arrays)
        inputs = keras.Input((None, None, 3))
        network = keras.Model(inputs, _decoder(_encoder(inputs)), name="taef2")
        for prefix, values in weights.items():
            _fill(network, prefix, values)
    except (OSError, EOFError, ValueError, KeyError, TypeError, BadZipFile, zlib.error) as error:
        raise ArchitectureError(f"{folder} holds no {ENCODER} and {DECODER} of TAEF2: {error}.") from error
    return network


def _encoder(x: keras.KerasTensor) -> keras.KerasTensor:
    x = _block(_conv(x, "encoder/0"), "encoder/1")
    for first in (2, 6, 10):
        x = _conv(x, f"encoder/{first}", stride=2, bias=False)
        for index in range(first + 1, first + 4):
            x = _block(x, f"encoder/{index}", pooled=first == 10)
    return _conv(x, "encoder/14", LATENT_CHANNELS)


def _decoder(x: keras.KerasTensor) -> keras.KerasTensor:
    x = 3 * ops.tanh(x / 3)
    x = layers.ReLU()(_conv(x, "decoder/1"))
    index = 3
    for stage, blocks in enumerate((3, 3, 3, 1)):
        if stage:
            x = layers.UpSampling2D(2, interpolation="nearest")(x)
            x = _conv(x, f"decoder/{index}", bias=False)
            index += 1
        for _ in range(blocks):
            x = _block(x, f"decoder/{index}", pooled=stage == 0)
            index += 1
        index += stage < UPSAMPLED_STAGES  # PyTorch numbers the upsampling layers, too
    return ops.clip(_conv(x, "decoder/19", 3), 0.0, 1.0)


def _conv(
    x: keras.KerasTensor, name: str, filters: int = CHANNELS, stride: int = 1, bias: bool = True
) -> keras.KerasTensor:
    # PyTorch pads by one on each side, also with a stride; Keras' "same" would then pad only one side.
    x = layers.ZeroPadding2D(1)(x)
    return layers.Conv2D(filters, 3, strides=stride, use_bias=bias, name=_layer_name(name))(x)


def _block(x: keras.KerasTensor, name: str, pooled: bool = False) -> keras.KerasTensor:
    if pooled:
        wide = layers.Conv2D(4 * CHANNELS, 1, use_bias=False, name=_layer_name(f"{name}/pool/0"))(x)
        wide = layers.GroupNormalization(4, epsilon=1e-5, name=_layer_name(f"{name}/pool/1"))(wide)
        narrow = layers.Conv2D(CHANNELS, 1, use_bias=False, name=_layer_name(f"{name}/pool/3"))
        x = x + narrow(layers.ReLU()(wide))
    y = layers.ReLU()(_conv(x, f"{name}/conv/0"))
    y = layers.ReLU()(_conv(y, f"{name}/conv/2"))
    return layers.ReLU()(x + _conv(y, f"{name}/conv/4"))


def _layer_name(name: str) -> str:
    return name.replace("/", "_")


def _fill(network: keras.Model, prefix: str, arrays: dict[str, NDArray]) -> None:
    """Load the weights of the encoder or the decoder.

    Raises:
        KeyError, ValueError: if the arrays are not exactly those of the network.
    """
    for layer in _weighted(network, prefix):
        key = layer.name.removeprefix(f"{prefix}_").replace("_", ".")
        weight = arrays.pop(f"{key}.weight").astype(np.float32)
        values = [weight.transpose(2, 3, 1, 0) if weight.ndim == 4 else weight]
        if len(layer.weights) == 2:
            values.append(arrays.pop(f"{key}.bias").astype(np.float32))
        layer.set_weights(values)
    if arrays:
        raise ValueError(f"{sorted(arrays)[0]} belongs to no layer")


def _weighted(network: keras.Model, prefix: str) -> Iterator[keras.layers.Layer]:
    return (layer for layer in network.layers if layer.weights and layer.name.startswith(prefix))
