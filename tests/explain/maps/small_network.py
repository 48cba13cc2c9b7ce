"""A small network with the attention block, for tests of maps by gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras


def attention_network(side: int) -> keras.Model:
    """Features on a grid of half the side, the attention block and a softmax, for pictures of ``side`` pixels."""
    import keras
    from keras import layers

    from model.networks.attention import attention_block

    keras.utils.set_random_seed(0)
    inputs = keras.Input((side, side, 3))
    features = layers.Conv2D(6, 2, strides=2, activation="relu", name="features")(inputs)
    pooled, mask = attention_block(features, depth=(4,))
    return keras.Model(inputs, {"probabilities": layers.Dense(2, "softmax")(pooled), "attention": mask})
