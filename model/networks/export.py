"""Writes a Keras network as a model folder, and reads it back for gradients and further training."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
from numpy.typing import NDArray

from model.artifact.card import CONFIG, LEGACY, TFLITE, WEIGHTS, Card, digest, load_artifact, write_card
from model.artifact.small_file import read_small
from model.errors import ArtifactError
from model.i18n.catalogue import Message

if TYPE_CHECKING:
    import keras


def save_artifact(
    model: keras.Model,
    folder: Path,
    card: Card,
    storage: str = "float16",
    calibration: NDArray[np.float32] | None = None,
    exact: bool = False,
    description: Mapping[str, Any] | None = None,
) -> Card:
    """Write a Keras model as a model folder.

    The weights are rounded first (to float16, or large kernels to int8), so that LiteRT and Keras files agree.

    Args:
        model: takes ``(N, S, S, 3) float32``, returns ``probabilities (N, 2)`` and, if it has a mask, ``attention
            (N, h, w, 1)``. Changed in place: its weights are rounded.
        folder: created if missing; files in it are replaced.
        card: written beside the files, with their digests filled in.
        storage: how ``model.tflite`` holds the weights, see ``model.networks.litert_file.STORAGES``.
        calibration: inputs ``(N, S, S, 3) float32`` for ``int8``, which measures the range of each activation on them.
        exact: do not round the weights to float16; for an imported network, which must compute what it computed.
        description: ``model.networks.plan.Plan`` as JSON data, for a network that is none of our architectures;
            written to ``config.json``.

    Returns:
        The card as written.

    Raises:
        ValueError: if ``storage`` is not one of ``model.networks.litert_file.STORAGES``, or if ``int8`` has no
            ``calibration``.
    """
    from model.networks import int8_weights
    from model.networks.litert_file import write_litert
    from model.networks.registry import ARCHITECTURES

    folder.mkdir(parents=True, exist_ok=True)
    if not exact:
        _settle_batch_norms(model)
        for variable in model.weights:
            variable.assign(np.asarray(variable).astype(np.float16).astype(np.float32))
    if storage == "int8_only":
        int8_weights.round_kernels(model)
    architecture = ARCHITECTURES.get(card.architecture)
    of_kept = None if architecture is None else architecture.of_kept
    write_litert(model, folder / TFLITE, storage, calibration, of_kept)
    _write_weights(model, folder, storage, exact)
    if description is not None:
        (folder / CONFIG).write_text(json.dumps(description), encoding="utf-8")
    names = (TFLITE, WEIGHTS, *([] if description is None else [CONFIG]))
    card = replace(card, sha256={name: digest(folder / name) for name in names})
    write_card(folder, card)
    return card


def load_keras(folder: Path) -> keras.Model:
    """The network of a model folder in Keras, for gradients and further training.

    Raises:
        ArtifactError: see ``load_artifact``; also if the description of an imported network is damaged, or the network
            is an ONNX file, or the model is a combined one.
    """
    from model.networks import int8_weights

    card = load_artifact(folder)
    if card.parts:
        raise ArtifactError(Message("combined.no_keras", folder=folder.name))
    if card.onnx is not None:
        raise ArtifactError(Message("onnx.no_keras", folder=folder.name))
    if card.architecture == LEGACY:
        from model.networks.rebuild import rebuild

        model = rebuild(json.loads(read_small(folder / CONFIG)))
    else:
        from model.networks.registry import build

        model = build(card.architecture, folded=True)
    if int8_weights.holds_all_weights(folder / WEIGHTS):
        model.load_weights(folder / WEIGHTS)
    else:
        int8_weights.read_weights(model, folder / TFLITE, folder / WEIGHTS)
    return model


def _settle_batch_norms(model: keras.Model) -> None:
    """Reduce each batch norm to a scale and a shift, as the converter does, so that both round the same numbers."""
    from keras import layers

    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            gamma, beta, mean, variance = layer.get_weights()
            scale = gamma / np.sqrt(variance + layer.epsilon)
            rest = np.zeros_like(mean), np.full_like(variance, 1 - layer.epsilon)
            layer.set_weights([scale, beta - mean * scale, *rest])


def _write_weights(model: keras.Model, folder: Path, storage: str, exact: bool) -> None:
    """Write the weights for Keras beside ``model.tflite``."""
    from model.networks import int8_weights

    if storage == "int8_only":
        int8_weights.write_weights(model, folder / TFLITE, folder / WEIGHTS)
    elif exact:
        model.save_weights(folder / WEIGHTS)
    else:
        with tempfile.TemporaryDirectory() as scratch:
            full = Path(scratch) / WEIGHTS
            model.save_weights(full)
            _halve(full, folder / WEIGHTS)


def _halve(source: Path, target: Path) -> None:
    """Copy a Keras weights file, storing every array as float16."""

    def copy(name: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, h5py.Dataset):
            compression = "gzip" if item.shape else None  # HDF5 can't compress a single number
            copied = writer.create_dataset(name, data=item[()].astype(np.float16), compression=compression)
        else:
            copied = writer.require_group(name)
        for key, value in item.attrs.items():
            copied.attrs[key] = value

    with h5py.File(source) as reader, h5py.File(target, "w") as writer:
        reader.visititems(copy)
