"""EfficientNet-Lite0, the backbone of the shipped model: a block table and one loop.

Architecture after Tan & Le (arXiv 1905.11946) in its "Lite" variant: no squeeze-and-excite, ReLU6, fixed stem.
"""

from dataclasses import dataclass

import keras
from keras import layers

BATCH_NORM_EPSILON = 1e-3


@dataclass(frozen=True)
class Stage:
    """One row of the block table: ``blocks`` inverted residuals, the first of which may stride."""

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


def _normalise(x: keras.KerasTensor, name: str, activate: bool) -> keras.KerasTensor:
    x = layers.BatchNormalization(epsilon=BATCH_NORM_EPSILON, name=f"{name}_bn")(x)
    return layers.ReLU(6.0, name=f"{name}_relu")(x) if activate else x


def _inverted_residual(
    x: keras.KerasTensor, stage: Stage, stride: int, expand: int, name: str
) -> keras.KerasTensor:
    shortcut = x
    if expand > 1:
        x = layers.Conv2D(x.shape[-1] * expand, 1, use_bias=False, name=f"{name}_expand_conv")(x)
        x = _normalise(x, f"{name}_expand", activate=True)
    x = layers.DepthwiseConv2D(stage.kernel, stride, "same", use_bias=False, name=f"{name}_dw_conv")(x)
    x = _normalise(x, f"{name}_dw", activate=True)
    x = layers.Conv2D(stage.filters, 1, use_bias=False, name=f"{name}_project_conv")(x)
    x = _normalise(x, f"{name}_project", activate=False)
    if stride == 1 and shortcut.shape[-1] == stage.filters:
        x = layers.Add(name=f"{name}_add")([shortcut, x])
    return x


def efficientnet_lite0(
    inputs: keras.KerasTensor, strides: tuple[int, ...] | None = None, last_stage: int | None = None
) -> keras.KerasTensor:
    """Features of EfficientNet-Lite0, whole or cut after a stage.

    Args:
        inputs: ``(N, H, W, 3)`` float RGB, already scaled as ``(x - 127) / 128`` with ``x`` in 0..255.
        strides: stride of each of the seven stages; a smaller one keeps a finer grid with the same weights.
        last_stage: 1..7 to stop after that stage; None for all stages and the 1,280-channel head.

    Returns:
        ``(N, h, w, C)`` features.

    Raises:
        ValueError: if ``strides`` does not name seven strides or ``last_stage`` is not 1..7.
    """
    strides = strides or tuple(stage.stride for stage in STAGES)
    if len(strides) != len(STAGES):
        raise ValueError(f"strides needs {len(STAGES)} numbers, one per stage, but has {len(strides)}.")
    if last_stage is not None and not 1 <= last_stage <= len(STAGES):
        raise ValueError(f"last_stage must be 1..{len(STAGES)} or None, but is {last_stage}.")
    x = layers.Conv2D(STEM_FILTERS, 3, 2, "same", use_bias=False, name="stem_conv")(inputs)
    x = _normalise(x, "stem", activate=True)
    for number, (stage, stride) in enumerate(zip(STAGES, strides, strict=True), start=1):
        for block in range(stage.blocks):
            x = _inverted_residual(
                x, stage, stride if block == 0 else 1, stage.expand, f"stage{number}_block{block + 1}"
            )
        if number == last_stage:
            return x
    x = layers.Conv2D(HEAD_FILTERS, 1, use_bias=False, name="head_conv")(x)
    return _normalise(x, "head", activate=True)


def backbone(input_size: int = 128, strides: tuple[int, ...] | None = None) -> keras.Model:
    """The whole network without its classifier, in the layer order of ``*_notop.weights.h5`` files."""
    inputs = keras.Input((input_size, input_size, 3))
    return keras.Model(inputs, efficientnet_lite0(inputs, strides), name="efficientnet_lite0")
