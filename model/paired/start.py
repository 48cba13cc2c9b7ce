"""Builds the network that a paired training starts from."""

from pathlib import Path

import keras

from model.artifact.card import read_card
from model.backbones.imagenet import average
from model.errors import ArchitectureError
from model.networks.clip_tower import freeze_tower
from model.networks.efficientnet_lite import backbone, fold_batch_norms
from model.networks.export import load_keras
from model.networks.pretrained import load_file
from model.networks.registry import build

FROZEN = ("stem", "stage1", "stage2")  # they detect edges and colours: their ImageNet weights need no training


def start(
    architecture: str,
    imagenet: Path | None = None,
    weights: Path | None = None,
    model: Path | None = None,
    imagenet_share: float = 0.25,
    halfway_to: Path | None = None,
) -> keras.Model:
    """The network to train, with its first weights and its frozen layers.

    Args:
        architecture: a name in the registry.
        imagenet: file of ImageNet weights for the backbone.
        weights: weights file of an earlier run, for the form with batch norms.
        model: model folder to continue from, in the shipped form, without batch norms in its backbone.
        imagenet_share: with both ``model`` and ``imagenet``, the share of ImageNet's weights in the backbone, 0..1.
            The average reduces overfitting (Wortsman et al., arXiv 2109.01903).
        halfway_to: a second model folder of the same architecture; with ``model``, training starts from the mean of
            both. Ignored without ``model``.

    Raises:
        ArchitectureError: if the files do not fit the architecture, or ``weights`` and ``model`` are both given.
    """
    if model is None:
        network = build(architecture, imagenet)
        if weights is not None:
            load_file(network, weights)
        freeze(network)
        return network
    if weights is not None:
        raise ArchitectureError("Give either --weights or --model, not both.")
    if (name := read_card(model).architecture) != architecture:
        raise ArchitectureError(f"{model} is a {name}, not a {architecture}.")
    network = load_keras(model)
    if halfway_to is not None:
        average(network, load_keras(halfway_to), 0.5)
    if imagenet is not None:
        average(network, _folded_backbone(network.input_shape[1], imagenet), imagenet_share)
    freeze(network, norms=True)
    return network


def _folded_backbone(size: int, imagenet: Path) -> keras.Model:
    body, folded = backbone(size), backbone(size, folded=True)
    load_file(body, imagenet)
    fold_batch_norms(body, folded)
    return folded


def freeze(model: keras.Model, norms: bool = False) -> None:
    """Freeze the first stages and the backbone's batch norms: mixed batches would distort their statistics.

    In CLIP's tower, everything except the layer norms is frozen.

    Args:
        model: changed in place.
        norms: also freeze the attention block's batch norm, which in a shipped model is only a scale and a shift.
    """
    for layer in model.layers:
        is_norm = isinstance(layer, keras.layers.BatchNormalization)
        if layer.name.startswith(FROZEN) or (is_norm and (norms or not layer.name.startswith("attention"))):
            layer.trainable = False
    freeze_tower(model, train_norms=True)
