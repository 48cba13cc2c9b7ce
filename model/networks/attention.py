"""The attention block of the thesis: a sigmoid mask that weights the features before they are pooled."""

from collections.abc import Sequence

import keras
from keras import layers, ops

from model.artifact.preprocessing import LABELS

MASK_LAYER = "attention_mask"


@keras.saving.register_keras_serializable(package="whyfake")
class RescaleGAP(layers.Layer):
    """Divide pooled masked features by the pooled mask, so that the result is a weighted mean.

    Takes ``[gap_features (N, C), gap_mask (N, 1)]`` and returns ``(N, C)``. The mask's overall scale cancels: only its
    relative values matter. ``epsilon`` avoids a division by zero for an all-zero mask.
    """

    def __init__(self, epsilon: float = 1e-6, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def call(self, inputs: Sequence[keras.KerasTensor]) -> keras.KerasTensor:
        features, mask = inputs
        return ops.divide(features, ops.add(mask, self.epsilon))

    def get_config(self) -> dict[str, object]:
        return {**super().get_config(), "epsilon": self.epsilon}


def attention_block(
    features: keras.KerasTensor, depth: Sequence[int] = (64, 16, 8)
) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Pool features with a learnt mask: batch norm, 1x1 convolutions, sigmoid, masked global average.

    Args:
        features: ``(N, h, w, C)`` float.
        depth: channels of the 1x1 convolutions before the mask's single channel.

    Returns:
        Pooled features ``(N, C)`` and the attention mask ``(N, h, w, 1)`` in 0..1.
    """
    normalised = layers.BatchNormalization(name="attention_bn")(features)
    x = normalised
    for index, channels in enumerate(depth, start=1):
        x = layers.Conv2D(channels, 1, activation="relu", name=f"attention_conv{index}")(x)
    mask = layers.Conv2D(1, 1, activation="sigmoid", name=MASK_LAYER)(x)
    masked = layers.Multiply(name="attention_masked")([normalised, mask])
    gap_features = layers.GlobalAveragePooling2D(name="attention_gap_features")(masked)
    gap_mask = layers.GlobalAveragePooling2D(name="attention_gap_mask")(mask)
    return RescaleGAP(name="attention_rescale")([gap_features, gap_mask]), mask


def verdict(features: keras.KerasTensor) -> dict[str, keras.KerasTensor]:
    """The attention block, dense layers and a two-way softmax over features ``(N, h, w, C)``.

    Returns:
        ``probabilities (N, 2)`` in the order of ``LABELS`` and ``attention (N, h, w, 1)`` in 0..1.
    """
    pooled, mask = attention_block(features)
    x = layers.Dropout(0.3, name="dropout")(pooled)
    x = layers.Dense(64, activation="relu", name="dense")(x)
    x = layers.Dropout(0.2, name="dropout_dense")(x)
    return {
        "probabilities": layers.Dense(len(LABELS), activation="softmax", name="probabilities")(x),
        "attention": mask,
    }
