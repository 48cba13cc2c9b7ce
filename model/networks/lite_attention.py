"""The network of the shipped model: EfficientNet-Lite0, the attention block and a two-way softmax."""

from pathlib import Path

import keras
from keras import layers

from model.networks.attention import verdict
from model.networks.efficientnet_lite import backbone
from model.networks.pretrained import load_file

INPUT_SIZE = 192  # pixels per side, as in the registry's preprocessing


def lite_attention(backbone_weights: Path | None = None, folded: bool = False) -> keras.Model:
    """Features of three scales of EfficientNet-Lite0 on one grid, the attention block and a two-way softmax.

    Stage 3 is pooled and stage 6 upsampled to the 12x12 grid of stage 5: forgeries are visible both in fine texture and
    in coarse shape, and each stage keeps the stride with which its ImageNet weights were trained.

    Args:
        backbone_weights: ``efficientnet_lite0_notop.weights.h5`` with ImageNet weights (see
            ``python -m model convert``), or None to start from random weights.
        folded: build the shipped form, with the backbone's batch norms merged into its convolutions.

    Returns:
        A model from ``(N, 192, 192, 3)`` float RGB, scaled as ``(x - 127) / 128``, to ``probabilities (N, 2)`` in
        the order of ``LABELS`` and ``attention (N, 12, 12, 1)`` in 0..1.

    Raises:
        ArchitectureError: if the file is missing, damaged or of another network.
    """
    body = backbone(INPUT_SIZE, folded=folded)
    if backbone_weights is not None:
        load_file(body, backbone_weights)
    fine = layers.AveragePooling2D(2, name="fine")(body.get_layer("stage3_block2_add").output)
    middle = body.get_layer("stage5_block3_add").output
    coarse = body.get_layer("stage6_block4_add").output
    coarse = layers.UpSampling2D(2, interpolation="bilinear", name="coarse")(coarse)
    outputs = verdict(layers.Concatenate(name="scales")([fine, middle, coarse]))
    return keras.Model(body.input, outputs, name="lite_attention")
