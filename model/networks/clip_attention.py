"""The second model's network: CLIP's image tower, the attention block over its patches and a two-way softmax."""

from pathlib import Path

import keras
import tensorflow as tf
from keras import layers

from model.networks.attention import MASK_LAYER, verdict
from model.networks.clip_tower import LAYER_NORM_EPSILON, VIT_B16, Block, Tower, clip_tower, freeze_tower
from model.networks.pretrained import load_file


def clip_attention(
    backbone_weights: Path | None = None, train_norms: bool = False, tower: Tower = VIT_B16
) -> keras.Model:
    """CLIP ViT-B/16 after block 8, the attention block over its patch tokens and a two-way softmax.

    The tower is frozen. Its class token is dropped: the attention mask weights the patches.

    Args:
        backbone_weights: file that ``python -m model convert`` writes, or None to start from random weights.
        train_norms: leave the tower's layer norms trainable.
        tower: sizes of the tower.

    Returns:
        A model from ``(N, 160, 160, 3)`` float RGB, scaled as ``x / 127.5 - 1``, to ``probabilities (N, 2)`` in the
        order of ``LABELS`` and ``attention (N, 10, 10, 1)`` in 0..1.

    Raises:
        ArchitectureError: if the file is missing, damaged or of another network.
    """
    body = clip_tower(tower)
    if backbone_weights is not None:
        load_file(body, backbone_weights)
    outputs = verdict(features_on_grid(body.output, tower))
    network = keras.Model(body.input, outputs, name="clip_attention")
    freeze_tower(network, train_norms)
    return network


def features_on_grid(tokens: keras.KerasTensor, tower: Tower = VIT_B16) -> keras.KerasTensor:
    """Turn tokens ``(N, 1 + grid * grid, width)`` into normalised patch features ``(N, grid, grid, width)``.

    A few tokens of uniform places have a norm 20 times that of the others (arXiv 2309.16588). They would dominate every
    mean, and a mild edit changes which tokens they are. Each token is therefore scaled to mean 0 and variance 1: for 20
    faces, the mean features of the face and of its copy (cropped by 4 pixels, saved as JPEG 85) then have a cosine of
    at least .91; without scaling, of at least .11.
    """
    scaled = layers.LayerNormalization(epsilon=LAYER_NORM_EPSILON, center=False, scale=False, name="norm_features")
    patches = layers.Cropping1D((1, 0), name="patches")(scaled(tokens))
    return layers.Reshape((tower.grid, tower.grid, tower.width), name="features")(patches)


def verdict_on_features(tower: Tower = VIT_B16) -> keras.Model:
    """The part after the tower, to be trained on precomputed features ``(N, grid, grid, width)``: ``(N, 10, 10, 768)``.

    Its layers have the same names as in ``clip_attention``, so that ``give_verdict`` can copy them.
    """
    features = keras.Input((tower.grid, tower.grid, tower.width), name="features")
    return keras.Model(features, verdict(features), name="clip_verdict")


def give_verdict(network: keras.Model, head: keras.Model) -> None:
    """Copy the weights of ``verdict_on_features`` into a ``clip_attention``, by the layers' names."""
    for layer in head.layers:
        if layer.weights:
            network.get_layer(layer.name).set_weights(layer.get_weights())


def verdict_of_kept(network: keras.Model, pixels: tf.Tensor, kept: tf.Tensor) -> dict[str, tf.Tensor]:
    """The answer of a ``clip_attention`` for one picture from some of its patches, with no replacement for the others.

    The tokens of the other patches are left out before the first block (Jain et al., arXiv 2204.08945). With all
    patches, the answer is that of the plain pass; with none, only the class token passes the blocks and the pooled
    features are 0.

    Args:
        network: as ``clip_attention`` builds it.
        pixels: ``(1, S, S, 3)`` as the network takes it.
        kept: indices of the patches, counted row by row, ``(T,) int32``.

    Returns:
        ``{"probabilities": (1, 2)}``.
    """
    layer_of = network.get_layer
    x = layer_of("tokens")(layer_of("patch_embedding")(pixels))
    patches = x.shape[1] - 1
    x = layer_of("norm_tokens")(tf.gather(x, tf.concat([[0], kept + 1], 0), axis=1))
    for block in (layer for layer in network.layers if isinstance(layer, Block)):
        x = block(x)
    x = layer_of("norm_features")(x)[:, 1:, None]  # (1, T, 1, C): a grid with one column
    normalised = mask = layer_of("attention_bn")(x, training=False)
    for convolution in (layer for layer in network.layers if layer.name.startswith("attention_conv")):
        mask = convolution(mask)
    mask = layer_of(MASK_LAYER)(mask)
    sums = (tf.reduce_sum(values, (1, 2)) / patches for values in (normalised * mask, mask))
    pooled = layer_of("attention_rescale")(list(sums))
    return {"probabilities": layer_of("probabilities")(layer_of("dense")(pooled))}


def features_only(network: keras.Model) -> keras.Model:
    """The part of a ``clip_attention`` that computes features; returns ``{"features": (N, 10, 10, 768)}``."""
    return keras.Model(network.input, {"features": network.get_layer("features").output}, name="clip_features")
