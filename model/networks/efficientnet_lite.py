"""EfficientNet-Lite0, the backbone of the shipped model: a block table and one loop.

Architecture after Tan & Le (arXiv 1905.11946) in its "Lite" variant: no squeeze-and-excite, ReLU6, fixed stem.
"""

from dataclasses import dataclass

import keras
import numpy as np
from keras import layers

BATCH_NORM_EPSILON = 1e-3


@dataclass(frozen=True)
class Stage:
    """One row of the block table: ``blocks`` inverted residuals; only the first may have a stride above 1."""

    kernel: int
    blocks: int
    filters: int
    expand: int
    stride: int


STAGES = (
    Stage(3, 1, 16, 1, 1),
    Stage(3, 2, 24, 6, 2),
    Stage(5, 2, 40, 6, 2),
    Stage(3, 3, 80, 6, 2),
    Stage(5, 3, 112, 6, 1),
    Stage(5, 4, 192, 6, 2),
    Stage(3, 1, 320, 6, 1),
)
STEM_FILTERS = 32
HEAD_FILTERS = 1280


def _convolve(
    x: keras.KerasTensor, conv: type[layers.Layer], name: str, activate: bool, folded: bool, **options: object
) -> keras.KerasTensor:
    """A convolution and its batch norm; with ``folded``, one convolution with a bias that computes the same."""
    x = conv(**options, padding="same", use_bias=folded, name=f"{name}_conv")(x)
    if not folded:
        x = layers.BatchNormalization(epsilon=BATCH_NORM_EPSILON, name=f"{name}_bn")(x)
    return layers.ReLU(6.0, name=f"{name}_relu")(x) if activate else x


def _inverted_residual(x: keras.KerasTensor, stage: Stage, stride: int, name: str, folded: bool) -> keras.KerasTensor:
    shortcut, channels = x, x.shape[-1] * stage.expand
    if stage.expand > 1:
        x = _convolve(x, layers.Conv2D, f"{name}_expand", True, folded, filters=channels, kernel_size=1)
    depthwise = {"kernel_size": stage.kernel, "strides": stride}
    x = _convolve(x, layers.DepthwiseConv2D, f"{name}_dw", True, folded, **depthwise)
    x = _convolve(x, layers.Conv2D, f"{name}_project", False, folded, filters=stage.filters, kernel_size=1)
    if stride == 1 and shortcut.shape[-1] == stage.filters:
        x = layers.Add(name=f"{name}_add")([shortcut, x])
    return x


def efficientnet_lite0(
    inputs: keras.KerasTensor,
    strides: tuple[int, ...] | None = None,
    last_stage: int | None = None,
    folded: bool = False,
) -> keras.KerasTensor:
    """Features of EfficientNet-Lite0, whole or cut after a stage.

    Args:
        inputs: ``(N, H, W, 3)`` float RGB, already scaled as ``(x - 127) / 128`` with ``x`` in 0..255.
        strides: stride of each of the seven stages; a smaller stride gives a finer grid with the same weights.
        last_stage: 1..7 to stop after that stage; None for all stages and the 1,280-channel head.
        folded: merge each batch norm into the convolution before it (see ``fold_batch_norms``).

    Returns:
        ``(N, h, w, C)`` features.

    Raises:
        ValueError: if ``strides`` does not have seven numbers, or ``last_stage`` is not 1..7.
    """
    strides = strides or tuple(stage.stride for stage in STAGES)
    if len(strides) != len(STAGES):
        raise ValueError(f"strides needs {len(STAGES)} numbers, one per stage, but has {len(strides)}.")
    if last_stage is not None and not 1 <= last_stage <= len(STAGES):
        raise ValueError(f"last_stage must be 1..{len(STAGES)} or None, but is {last_stage}.")
    x = _convolve(inputs, layers.Conv2D, "stem", True, folded, filters=STEM_FILTERS, kernel_size=3, strides=2)
    for number, (stage, stride) in enumerate(zip(STAGES, strides, strict=True), start=1):
        for block in range(stage.blocks):
            name = f"stage{number}_block{block + 1}"
            x = _inverted_residual(x, stage, stride if block == 0 else 1, name, folded)
        if number == last_stage:
            return x
    return _convolve(x, layers.Conv2D, "head", True, folded, filters=HEAD_FILTERS, kernel_size=1)


def backbone(input_size: int = 128, strides: tuple[int, ...] | None = None, folded: bool = False) -> keras.Model:
    """The whole network without its classifier, in the layer order of ``*_notop.weights.h5`` files unless folded."""
    inputs = keras.Input((input_size, input_size, 3))
    return keras.Model(inputs, efficientnet_lite0(inputs, strides, folded=folded), name="efficientnet_lite0")


def fold_batch_norms(source: keras.Model, target: keras.Model) -> None:
    """Copy weights from a network with batch norms to the same network built with ``folded=True``.

    Both then compute the same. Layers are matched by name; a layer without a batch norm is copied unchanged.
    """
    for layer in target.layers:
        original = source.get_layer(layer.name) if layer.weights else None
        if original is None:
            continue
        weights = original.get_weights()
        if layer.name.endswith("_conv") and len(weights) == 1:
            norm = source.get_layer(layer.name.removesuffix("_conv") + "_bn")
            gamma, beta, mean, variance = norm.get_weights()
            scale = gamma / np.sqrt(variance + norm.epsilon)
            kernel = weights[0]
            # A depthwise kernel is (k, k, C, 1): its channels are its third axis.
            depthwise = isinstance(layer, layers.DepthwiseConv2D)
            weights = [kernel * (scale[:, None] if depthwise else scale), beta - mean * scale]
        layer.set_weights(weights)
