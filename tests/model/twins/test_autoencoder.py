"""Tests of the autoencoder: its layers are compared with NumPy, and wrong files are refused."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from model.errors import ArchitectureError
from model.twins.autoencoder import DECODER, ENCODER, _block, _conv, autoencoder

Array = NDArray[np.float32]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights in the format of the files: ``out x in x h x w`` kernels under dotted names."""
    folder = tmp_path_factory.mktemp("weights")
    rng = np.random.default_rng(0)
    for file, entries in ((ENCODER, _encoder_shapes()), (DECODER, _decoder_shapes())):
        np.savez(folder / file, **{k: rng.normal(0, 0.05, s).astype(np.float16) for k, s in entries.items()})
    return folder


def _block_shapes(index: int, pooled: bool) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}
    for number in (0, 2, 4):
        shapes |= {f"{index}.conv.{number}.weight": (64, 64, 3, 3), f"{index}.conv.{number}.bias": (64,)}
    if pooled:
        shapes |= {f"{index}.pool.0.weight": (256, 64, 1, 1), f"{index}.pool.3.weight": (64, 256, 1, 1)}
        shapes |= {f"{index}.pool.1.weight": (256,), f"{index}.pool.1.bias": (256,)}
    return shapes


def _encoder_shapes() -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {"0.weight": (64, 3, 3, 3), "0.bias": (64,)}
    shapes |= {"14.weight": (32, 64, 3, 3), "14.bias": (32,)}
    shapes |= {f"{index}.weight": (64, 64, 3, 3) for index in (2, 6, 10)}
    for index in (1, 3, 4, 5, 7, 8, 9, 11, 12, 13):
        shapes |= _block_shapes(index, index > 10)
    return shapes


def _decoder_shapes() -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {"1.weight": (64, 32, 3, 3), "1.bias": (64,)}
    shapes |= {"19.weight": (3, 64, 3, 3), "19.bias": (3,)}
    shapes |= {f"{index}.weight": (64, 64, 3, 3) for index in (7, 12, 17)}
    for index in (3, 4, 5, 8, 9, 10, 13, 14, 15, 18):
        shapes |= _block_shapes(index, index < 6)
    return shapes


def convolve(x: Array, kernel: Array, bias: Array | float = 0.0, stride: int = 1) -> Array:
    """PyTorch's convolution of ``(h, w, c)`` with ``out x in x 3 x 3``, padded by one on each side."""
    padded = np.pad(x, ((1, 1), (1, 1), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(0, 1))[::stride, ::stride]
    return np.einsum("hwcij,ocij->hwo", windows, kernel) + bias


def test_strided_convolution_pads_both_sides_as_pytorch_does() -> None:
    rng = np.random.default_rng(1)
    x, kernel = rng.normal(size=(8, 8, 64)).astype("f4"), rng.normal(size=(64, 64, 3, 3)).astype("f4")
    inputs = keras.Input((None, None, 64))
    network = keras.Model(inputs, _conv(inputs, "c", stride=2, bias=False))
    network.layers[-1].set_weights([kernel.transpose(2, 3, 1, 0)])
    np.testing.assert_allclose(network(x[None])[0], convolve(x, kernel, stride=2), atol=1e-3)


@pytest.mark.slow
def test_pooled_block_is_the_reference_formula(files: Path) -> None:
    with np.load(files / ENCODER) as arrays:
        weights = {key.removeprefix("11."): arrays[key].astype("f4") for key in arrays if key.startswith("11.")}
    inputs = keras.Input((None, None, 64))
    network = keras.Model(inputs, _block(inputs, "encoder/11", pooled=True))
    full = autoencoder(files)
    for layer in network.layers:
        if layer.weights:
            layer.set_weights(full.get_layer(layer.name).get_weights())
    x = np.random.default_rng(2).normal(size=(4, 6, 64)).astype("f4")

    wide = x @ weights["pool.0.weight"][:, :, 0, 0].T
    groups = wide.reshape(4, 6, 4, 64)
    mean, variance = groups.mean((0, 1, 3), keepdims=True), groups.var((0, 1, 3), keepdims=True)
    normed = ((groups - mean) / np.sqrt(variance + 1e-5)).reshape(4, 6, 256)
    normed = normed * weights["pool.1.weight"] + weights["pool.1.bias"]
    y = x + np.maximum(normed, 0) @ weights["pool.3.weight"][:, :, 0, 0].T
    z = np.maximum(convolve(y, weights["conv.0.weight"], weights["conv.0.bias"]), 0)
    z = np.maximum(convolve(z, weights["conv.2.weight"], weights["conv.2.bias"]), 0)
    expected = np.maximum(y + convolve(z, weights["conv.4.weight"], weights["conv.4.bias"]), 0)
    np.testing.assert_allclose(network(x[None])[0], expected, atol=1e-3)


@pytest.mark.slow
def test_round_trip_keeps_the_size_and_the_range(files: Path) -> None:
    pixels = np.random.default_rng(3).random((2, 16, 24, 3)).astype("f4")
    passed = np.asarray(autoencoder(files)(pixels))
    assert passed.shape == pixels.shape and passed.min() >= 0 and passed.max() <= 1


@pytest.mark.slow
def test_missing_damaged_and_wrong_files_are_refused(files: Path, tmp_path: Path) -> None:
    with pytest.raises(ArchitectureError, match=r"encoder\.npz"):
        autoencoder(tmp_path)
    for file in (ENCODER, DECODER):
        (tmp_path / file).write_bytes((files / file).read_bytes())
    with np.load(files / DECODER) as arrays:
        np.savez(tmp_path / DECODER, **{**dict(arrays), "20.weight": np.zeros(3)})
    with pytest.raises(ArchitectureError, match=r"20\.weight belongs to no layer"):
        autoencoder(tmp_path)
    np.save(tmp_path / "array.npy", np.zeros(3))
    cut_off, array = (files / DECODER).read_bytes()[:5000], (tmp_path / "array.npy").read_bytes()
    for content in (b"no archive", b"", cut_off, array):
        (tmp_path / DECODER).write_bytes(content)
        with pytest.raises(ArchitectureError, match=r"decoder\.npz"):
            autoencoder(tmp_path)
