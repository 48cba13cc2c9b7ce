"""The network of the shipped model: EfficientNet-Lite0, the attention block and a two-way softmax."""

from pathlib import Path

import keras
from keras import layers

from model.attention import attention_block
from model.efficientnet_lite import STAGES, backbone, efficientnet_lite0
from model.labels import LABELS


def lite_attention(backbone_weights: Path | None = None, folded: bool = False) -> keras.Model:
    """EfficientNet-Lite0 cut after stage 6 at stride 16, the attention block and a two-way softmax.

    Stage 6 keeps the grid of stage 5 (stride 1 instead of 2), so 128x128 pixels give an 8x8 attention mask.

    Args:
        backbone_weights: ``efficientnet_lite0_notop.weights.h5`` with ImageNet weights (see
            ``python -m model.convert_backbone``), or None to start from random weights.
        folded: the form that is shipped, with the backbone's batch norms merged into its convolutions.

    Returns:
        A model from ``(N, 128, 128, 3)`` float RGB, scaled as ``(x - 127) / 128``, to ``probabilities (N, 2)`` in
        the order of ``LABELS`` and ``attention (N, 8, 8, 1)`` in 0..1.
    """
    strides = tuple(1 if number == 6 else stage.stride for number, stage in enumerate(STAGES, start=1))
    if backbone_weights is not None:
        body = backbone(128, strides)
        body.load_weights(backbone_weights)
        inputs, features = body.input, body.get_layer("stage6_block4_add").output
    else:
        inputs = keras.Input((128, 128, 3))
        features = efficientnet_lite0(inputs, strides, last_stage=6, folded=folded)
    pooled, mask = attention_block(features)
    x = layers.Dropout(0.3, name="dropout")(pooled)
    x = layers.Dense(64, activation="relu", name="dense")(x)
    x = layers.Dropout(0.2, name="dropout_dense")(x)
    probabilities = layers.Dense(len(LABELS), activation="softmax", name="probabilities")(x)
    outputs = {"probabilities": probabilities, "attention": mask}
    return keras.Model(inputs, outputs, name="lite_attention")
