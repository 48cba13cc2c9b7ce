"""Small bodies in place of those of the thesis: to build a layer takes longer than to run it."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import keras
import pytest
from keras import layers
from keras.src.applications import mobilenet_v2, vgg16, xception
from keras.src.applications.efficientnet import EfficientNet

WIDTH = 1 / 16  # of the filters of a convolution


def shallow_b7(**given: Any) -> keras.Model:
    """EfficientNet-B7 with one narrow block in place of several in each stage: seven instead of 55.

    Stem, blocks, head and the layer more where weights are downloaded are those of B7, which ``test_thesis.py`` builds.
    """
    return EfficientNet(0.25, 0.1, 64, weights_name="b7", **given)


def make_bodies_small(patched: pytest.MonkeyPatch) -> None:
    """Make the other bodies small.

    Of Xception's eight equal middle blocks, one stays; ``tests/explain/maps`` builds all of them. MobileNetV2 loses the
    blocks that repeat the one before, all but the second. VGG16 and Xception get narrow.
    """
    patched.setattr(xception, "range", lambda count: range(1), raising=False)

    block = mobilenet_v2._inverted_res_block

    def first_block(x: keras.KerasTensor, **given: Any) -> keras.KerasTensor:
        repeats = given["stride"] == 1 and given["filters"] == x.shape[-1] and given["block_id"] > 2
        return x if repeats else block(x, **given)

    patched.setattr(mobilenet_v2, "_inverted_res_block", first_block)
    narrow = {"Conv2D": _narrow(layers.Conv2D), "SeparableConv2D": _narrow(layers.SeparableConv2D)}
    for module in (vgg16, xception):
        patched.setattr(module, "layers", SimpleNamespace(**vars(layers) | narrow))


def _narrow(kind: type[layers.Layer]) -> Callable[..., layers.Layer]:
    return lambda filters, *given, **more: kind(int(filters * WIDTH), *given, **more)
