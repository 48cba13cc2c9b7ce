"""Enlarges pictures with a small super-resolution network, to make fakes for training.

The network is "ESRGAN slim", npm package ``@upscalerjs/esrgan-slim`` 1.0.0 (MIT): ``npm pack
@upscalerjs/esrgan-slim@1.0.0`` writes the archive that ``load_enlarger`` reads. It is a residual dense network (Zhang
et al., arXiv 1802.08797) in TensorFlow.js format: a JSON list of names and shapes beside raw float32 values.
"""

import hashlib
import io
import json
import tarfile
from pathlib import Path

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from model.errors import ArtifactError

PACKAGE_SHA256 = "b53070ff01363e74d33138106dcc72b58d341c9fb7e8fd648554a4e7744142b5"
FACTORS = (2, 4)  # the package also has 3 and 8, which give sizes that training does not use
WIDTH, DENSE_WIDTH, BLOCKS = 64, 4, 2
BATCH_SIZE = 1  # 0.16 s of processor time per picture (128 to 256 pixels), 0.19 s in batches of 8: one fits the cache


def _build(factor: int) -> keras.Model:
    """The network with random weights, ``(N, H, W, 3)`` to ``(N, factor * H, factor * W, 3)``, both 0..255.

    Layers have the same names as in the package; ``load_enlarger`` finds their weights by these names.
    """

    def convolve(x: keras.KerasTensor, name: str, filters: int, kernel: int, relu: bool = False) -> keras.KerasTensor:
        return layers.Conv2D(filters, kernel, padding="same", activation="relu" if relu else None, name=name)(x)

    pixels = layers.Input((None, None, 3), name="LR")
    shallow = convolve(pixels, "F_m1", WIDTH, 3)
    x = convolve(shallow, "F_0", WIDTH, 3)
    outputs = []
    for block in range(1, BLOCKS + 1):
        dense = convolve(x, f"F_{block}_1", DENSE_WIDTH, 3, relu=True)
        fused = convolve(layers.Concatenate()([x, dense]), f"LFF_{block}", WIDTH, 1)
        x = layers.Add()([fused, x])
        outputs.append(x)
    x = convolve(layers.Concatenate()(outputs), "GFF_1", WIDTH, 1)
    x = layers.Add()([convolve(x, "GFF_2", WIDTH, 3), shallow])
    x = convolve(x, "UPN1", WIDTH, 5, relu=True)
    x = convolve(x, "UPN2", WIDTH // 2, 3, relu=True)
    x = convolve(x, "UPN3", 3 * factor**2, 3)
    x = layers.UpSampling2D(factor, interpolation="nearest")(x)
    return keras.Model(pixels, convolve(x, "SR", 3, 3), name=f"enlarger_x{factor}")


def _read_weights(package: bytes, factor: int) -> dict[str, NDArray[np.float32]]:
    """Arrays by name, ``LAYER/kernel`` and ``LAYER/bias``; the archive is read in memory, not unpacked to disk."""
    with tarfile.open(fileobj=io.BytesIO(package), mode="r:gz") as archive:

        def read(name: str) -> bytes:
            file = archive.extractfile(f"package/models/x{factor}/{name}")
            assert file is not None  # true for an archive with the known checksum
            return file.read()

        (group,) = json.loads(read("model.json"))["weightsManifest"]
        values = np.frombuffer(b"".join(map(read, group["paths"])), "<f4")
    ends = np.cumsum([np.prod(weight["shape"], dtype=int) for weight in group["weights"]])
    parts = np.split(values, ends[:-1])
    return {weight["name"]: part.reshape(weight["shape"]) for weight, part in zip(group["weights"], parts, strict=True)}


def load_enlarger(package: Path, factor: int) -> keras.Model:
    """The Keras network with the package's weights.

    Args:
        package: the archive ``upscalerjs-esrgan-slim-1.0.0.tgz``.
        factor: 2 or 4; the factor of width and height.

    Raises:
        ArtifactError: if the file is missing or is not this archive, or the factor is not one of ``FACTORS``.
    """
    if factor not in FACTORS:
        raise ArtifactError(f"The factor must be one of {FACTORS}, not {factor}.")
    if not package.is_file():
        raise ArtifactError(f"There is no file {package}; npm pack @upscalerjs/esrgan-slim@1.0.0 writes it.")
    content = package.read_bytes()
    if hashlib.sha256(content).hexdigest() != PACKAGE_SHA256:
        raise ArtifactError(f"{package} is not the package @upscalerjs/esrgan-slim 1.0.0: its checksum differs.")
    network, weights = _build(factor), _read_weights(content, factor)
    for layer in network.layers:
        if layer.weights:
            layer.set_weights([weights[f"{layer.name}/kernel"], weights[f"{layer.name}/bias"]])
    return network


def enlarge(network: keras.Model, pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Enlarge pictures of one size.

    Args:
        network: from ``load_enlarger``.
        pictures: ``(N, H, W, 3) uint8`` RGB, N of 1 or more.

    Returns:
        ``(N, factor * H, factor * W, 3) uint8`` RGB.

    Raises:
        ValueError: if ``pictures`` has another shape or dtype.
    """
    if pictures.ndim != 4 or not len(pictures) or pictures.shape[3] != 3 or pictures.dtype != np.uint8:
        raise ValueError(f"pictures must be (N, H, W, 3) uint8, not {pictures.shape} {pictures.dtype}.")
    larger = network.predict(pictures.astype(np.float32), batch_size=BATCH_SIZE, verbose=0)
    return np.clip(np.rint(larger), 0, 255).astype(np.uint8)
